"""Hidden cases: an answer beside the solution on arguments that are drawn, and when two results are the same."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_lib.exercises.engine.requirements import Wrong, call, plain
from course_lib.exercises.engine.sandbox import undisturbed

__all__ = ["Draw", "agree", "compare_cases", "unchanged"]

#: A source of random numbers → the arguments of one case.
Draw = Callable[[random.Random], tuple[Any, ...]]


def unchanged(value: Any) -> Any:
    """The value itself."""
    return value


def compare_cases(
    answer: Callable[..., Any],
    solution: Callable[..., Any],
    source: random.Random,
    draw: Draw,
    *,
    count: int = 10,
    tolerance: float = 1e-5,
    result: Callable[[Any], Any] = unchanged,
) -> None:
    """An answer must do what the solution does on arguments that are drawn; for the others see ``hidden_cases``.

    Raises:
        Wrong: with the number of the case.

    Example:
        >>> def draw(source):
        ...     return (source.randrange(100),)
        >>> compare_cases(lambda n: 1 + n, lambda n: n + 1, random.Random(0), draw)
        >>> compare_cases(lambda n: n + 2, lambda n: n + 1, random.Random(0), draw)
        Traceback (most recent call last):
            ...
        course_lib.exercises.engine.requirements.Wrong: On hidden case 1 of 10 your answer doesn't do what
        it should.
    """
    for number in range(1, count + 1):
        case = f"hidden case {number} of {count}"
        given = draw(source)
        with undisturbed():
            truth = result(solution(*copy.deepcopy(given)))
        value = call(lambda *arguments: result(plain(answer(*arguments))), *copy.deepcopy(given), case=case)
        if not agree(value, truth, tolerance=tolerance):
            raise Wrong(f"On {case} your answer doesn't do what it should.")


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
            and all(agree(item, other, tolerance=tolerance) for item, other in zip(value, truth, strict=True))
        )
    return type(value) is type(truth) and bool(value == truth)


def _tensors_agree(value: Tensor, truth: Tensor, tolerance: float) -> bool:
    if value.shape != truth.shape or value.dtype != truth.dtype or value.device != truth.device:
        return False
    if value.is_meta:
        return True
    return torch.equal(value, truth) or torch.allclose(value, truth, rtol=tolerance, atol=tolerance)
