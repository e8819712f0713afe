"""Answers that no exercise asks for, answers without manners, and what must hold of every outcome.

``WRONG`` are values, ``FUNCTIONS`` are functions and objects that can be called; both map a few words to a maker.
"""

from __future__ import annotations

import random
import sys
import warnings
from asyncio import CancelledError
from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np
import torch

from course_lib.exercises.engine.exercise import Exercise
from course_lib.exercises.engine.outcomes import Outcome


class Nasty:
    """Raises on everything that can be asked of it."""

    def _refuse(self, *what: Any, **how: Any) -> Any:
        raise RuntimeError("no")

    __getattr__ = __str__ = __repr__ = __eq__ = __ne__ = __len__ = __iter__ = __bool__ = __hash__ = _refuse
    __int__ = __float__ = __index__ = __call__ = __format__ = __getitem__ = __lt__ = __gt__ = __array__ = _refuse


class Quits:
    """Ends the program when it is called or printed."""

    def __call__(self, *given: Any) -> Any:
        raise SystemExit(3)

    def __repr__(self) -> str:
        raise SystemExit(3)


class Silent(Exception):
    def __str__(self) -> str:
        raise ValueError


class Beyond(BaseException):
    def __str__(self) -> str:
        raise Beyond


def loop() -> list[Any]:
    inner: list[Any] = []
    inner.append(inner)
    return inner


def raises(problem: BaseException) -> Callable[..., Any]:
    def function(*given: Any) -> Any:
        raise problem

    return function


def deep(*given: Any) -> Any:
    return deep(*given)


WRONG: dict[str, Callable[[], Any]] = {
    "None": lambda: None, "True": lambda: True, "a word": lambda: "(16, 3, 224, 224)", "bytes": lambda: b"1",
    "nan": lambda: float("nan"), "infinity": lambda: float("-inf"), "half": lambda: 0.5, "complex": lambda: 1 + 0j,
    "a huge number": lambda: 10**5000,
    "a numpy number": lambda: np.float32(7), "a numpy array": lambda: np.zeros((2, 2)),
    "a tensor": lambda: torch.zeros(3, 224), "a scalar tensor of nan": lambda: torch.tensor(float("nan")),
    "an empty tensor": lambda: torch.zeros(0), "a meta tensor": lambda: torch.zeros(1, device="meta"),
    "a complex tensor": lambda: torch.zeros(1, dtype=torch.complex64), "an empty tuple": tuple,
    "a tuple of words": lambda: ("16", "3", "224", "224"), "a tuple of floats": lambda: (16.0, 3.0, 224.0, 224.0),
    "a dict": lambda: {"a": 1}, "a set": lambda: {1, 2}, "a recursive list": loop,
    "a generator": lambda: (n for n in (1,)),
    "a class": lambda: torch.nn.Linear, "an exception": lambda: ValueError("x"), "a module": lambda: torch,
    "an object": object, "a nasty object": Nasty, "not implemented": lambda: NotImplemented,
}  # fmt: skip
FUNCTIONS: dict[str, Callable[[], Any]] = {
    "that raises": lambda: raises(ValueError("on\nseveral\nlines")), "that raises silently": lambda: raises(Silent()),
    "that raises what no Exception is": lambda: raises(Beyond()), "that is cancelled": lambda: raises(CancelledError()),
    "that recurs": lambda: deep, "without arguments": lambda: lambda: 1, "that exits": lambda: raises(SystemExit(1)),
    "an object that quits": Quits, "a builtin": lambda: len, "a layer": torch.nn.Identity,
    **{f"that returns {name}": lambda value=value: lambda *given: value() for name, value in WRONG.items()},
}  # fmt: skip


def is_calm(outcome: Outcome) -> bool:
    """Whether a wrong answer got one whole sentence or two, fit for a box in a notebook."""
    sentence = outcome.sentence
    return (
        outcome.state == "not yet"
        and 10 < len(sentence) < 400
        and "\n" not in sentence
        and "Traceback" not in sentence
        and sentence.rstrip()[-1] in ".?"
        and sentence in repr(outcome)
        and escape(sentence) in outcome._repr_html_()
    )


def surroundings() -> list[Any]:
    numbers = (torch.get_rng_state().tolist(), random.getstate(), repr(np.random.get_state()))
    how = (torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_default_device(), torch.get_num_threads())
    return [*numbers, *how, sys.stdout, sys.stderr, list(warnings.filters)]


def rude(*given: Any) -> Any:
    """Changes what it can, prints, and gives back nothing of use."""
    print("on its way")
    print("on its way", file=sys.stderr)
    warnings.warn("beware", stacklevel=1)
    warnings.simplefilter("error")
    torch.manual_seed(1), random.seed(1), np.random.seed(1)
    torch.set_grad_enabled(False), torch.set_default_dtype(torch.float64), torch.set_default_device("meta")
    sys.stdout.close()
    return torch.rand(3, device="cpu")


def is_called(exercise: Exercise) -> bool:
    """Whether a check calls a function that it is given: not where a value or an enum is asked for."""
    if exercise.kind == "class":
        return issubclass(exercise.solution_code, torch.nn.Module)
    return exercise.kind == "function"
