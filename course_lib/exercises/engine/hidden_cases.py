"""Hidden cases for graded exercises: a learner's function beside the solution, on arguments drawn at random.

An exercise declares how its arguments are drawn, and the solution is the truth; what a wrong answer is then told names
the case's number only. Where that does not fit (blocks, stopwatches, files) an exercise has a hidden check of its own:
mostly the open one, which says what it always says, of networks and files drawn from the same source.
"""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_lib.exercises.engine.exercise import Wrong, call, need_class, need_function
from course_lib.exercises.engine.sandbox import undisturbed

__all__ = ["agree", "like"]


def like(
    solution: Callable[..., Any],
    draw: Callable[[random.Random], tuple[Any, ...]],
    *,
    cases: int = 10,
    tolerance: float = 1e-5,
    result: Callable[[Any], Any] = lambda value: value,
) -> Callable[[Any, random.Random], None]:
    """A hidden check: the learner's function must do what the solution does.

    Args:
        solution: the function, or the class, that is right.
        draw: a source of random numbers → the arguments of one case.
        cases: how many are drawn.
        tolerance: how far floats may be apart, absolutely and relatively; 0 for none.
        result: from what a call gives to what is compared, such as the output of a module that was made.

    Returns:
        (answer, source) → None, or raises ``Wrong``.

    Example:
        >>> check = like(lambda n: n + 1, lambda source: (source.randrange(100),))
        >>> check(lambda n: 1 + n, random.Random(0))
        >>> check(lambda n: n + 2, random.Random(0))
        Traceback (most recent call last):
            ...
        course_lib.exercises.engine.exercise.Wrong: On hidden case 1 of 10 your answer does something else than it
        should.
    """

    def check(answer: Any, source: random.Random) -> None:
        (need_class if isinstance(solution, type) else need_function)(answer)
        for number in range(1, cases + 1):
            what = f"hidden case {number} of {cases}"
            given = draw(source)
            with undisturbed():
                truth = result(solution(*copy.deepcopy(given)))
            value = call(lambda *arguments: result(answer(*arguments)), *copy.deepcopy(given), what=what)
            if not agree(value, truth, tolerance=tolerance):
                raise Wrong(f"On {what} your answer does something else than it should.")

    return check


def agree(value: Any, truth: Any, *, tolerance: float = 1e-5) -> bool:
    """Whether two results are the same: kind by kind, tensors in shape and dtype too, floats within a tolerance.

    Example:
        >>> agree([1, 2.0], (1, 2.0000001)), agree(True, 1), agree(torch.zeros(2), torch.zeros(2, 1))
        (True, False, False)
    """
    if isinstance(truth, Tensor):
        return isinstance(value, Tensor) and _tensors_agree(value, truth, tolerance)
    if isinstance(truth, bool):
        return isinstance(value, (bool, np.bool_)) and bool(value) == truth
    if isinstance(truth, (int, float)):
        if isinstance(value, (Tensor, np.generic, np.ndarray)):
            value = value.item() if math.prod(value.shape) == 1 else None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return value == truth or math.isclose(value, truth, rel_tol=tolerance, abs_tol=tolerance)
    if isinstance(truth, Mapping):
        return (
            isinstance(value, Mapping)
            and list(value) == list(truth)
            and all(agree(value[key], truth[key], tolerance=tolerance) for key in truth)
        )
    if isinstance(truth, (list, tuple)):
        return (
            isinstance(value, (list, tuple))
            and len(value) == len(truth)
            and all(agree(one, other, tolerance=tolerance) for one, other in zip(value, truth, strict=True))
        )
    return type(value) is type(truth) and bool(value == truth)


def _tensors_agree(value: Tensor, truth: Tensor, tolerance: float) -> bool:
    if value.shape != truth.shape or value.dtype != truth.dtype or value.device != truth.device:
        return False
    if value.is_meta:
        return True
    return torch.equal(value, truth) or torch.allclose(value, truth, rtol=tolerance, atol=tolerance)
