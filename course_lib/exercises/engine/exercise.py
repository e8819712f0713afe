"""The exercises' engine: an answer goes in, a calm sentence comes out; no traceback, no pass for a wrong answer.

An exercise is declared in one place (``lesson01.py`` and so on): its check is a function that returns None for a right
answer and otherwise the sentence that helps; its solution is ordinary code, which is both what ``.solution()`` shows
and what the tests run.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.exercises.engine.deadline import TooLong, within
from course_lib.exercises.engine.outcomes import Note, Outcome
from course_lib.exercises.engine.progress_store import keep
from course_lib.exercises.engine.sandbox import undisturbed, untouched
from course_lib.exercises.engine.slips import said_of, said_of_layer
from course_lib.exercises.engine.solution_source import as_in_a_cell

__all__ = [
    "Exercise",
    "NotCorrect",
    "Note",
    "Outcome",
    "Wrong",
    "call",
    "need_bool",
    "need_choice",
    "need_class",
    "need_function",
    "need_number",
    "need_shape",
    "need_tensor",
    "same_tensor",
    "sentence_of",
]

_POINTS = {"mild": 1, "medium": 2, "hard": 3}


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes:
        id: unique, such as "01_top_k".
        title: a few words.
        minutes: how long it should take.
        solution_code: the function or class whose source is the solution. Where the answer is a value (``kind``
            "value"), calling it gives the answer; where a function or a class is asked for, it is the answer.
        checker: an answer → None when it is right, else the sentence that helps.
        hints: from a nudge to nearly the answer.
        kind: "value", "function" or "class".
        praise: what a right answer is told.
        difficulty: "mild", "medium" or "hard".
        points: what it is worth where it is graded; without a number 1, 2 or 3, as it is mild, medium or hard.
        hidden: (answer, source of random numbers) → raises ``Wrong`` on a case that the open check does not have; see
            ``hidden.py``.
        seconds: how long a check may take before the answer is stopped.
        cell_name: what the notebook's cell calls the answer, where that is not the solution's own name: a class
            MyBasicBlock leaves torchvision's BasicBlock alone.
    """

    id: str
    title: str
    minutes: int
    solution_code: Callable[..., Any]
    checker: Callable[[Any], str | None]
    hints: tuple[str, ...] = ()
    kind: Literal["value", "function", "class"] = "value"
    praise: str = ""
    cell_name: str = ""
    difficulty: Literal["mild", "medium", "hard"] = "medium"
    points: int = 0
    hidden: Callable[[Any, random.Random], None] | None = None
    seconds: float = 20.0
    _asked: list[int] = field(default_factory=lambda: [0], repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", self.points or _POINTS[self.difficulty])

    def check(self, answer: Any = ...) -> Outcome:
        """Say how far an answer is: not attempted, not yet (and what to look at), or correct. The outcome is kept."""
        outcome = self._judged(answer, self.checker)
        keep(self.id, outcome.state)
        return outcome

    def grade(self, answer: Any = ..., *, seed: int | None = None) -> None:
        """Pass in silence, or raise with the words of the check: what a graded test cell runs. Nothing is kept.

        Args:
            answer: the learner's.
            seed: of the hidden cases; without one there are only the open ones.

        Raises:
            NotCorrect: the answer is not correct.
        """
        outcome = self._judged(answer, self.checker)
        if outcome.state == "correct" and seed is not None and self.hidden is not None:
            hidden, source = self.hidden, random.Random(seed)
            outcome = self._judged(answer, sentence_of(lambda answer: hidden(answer, source)))
        if outcome.state != "correct":
            raise NotCorrect(str(outcome))

    def _judged(self, answer: Any, checker: Callable[[Any], str | None]) -> Outcome:
        with undisturbed() as heard:
            try:
                with within(self.seconds):
                    if untouched(answer):
                        return Outcome("not attempted", "Replace the three dots, then run the cell again.", self.title)
                    sentence = checker(answer)
            except TooLong:
                sentence = f"Your code did not come to an end within {self.seconds:g} seconds. Does a loop never stop?"
            except KeyboardInterrupt:  # the kernel's stop button
                raise
            except BaseException as problem:
                # The answer is a learner's: it may raise anything, on anything, even on being looked at.
                sentence = f"Your answer could not be examined: it raised {_described(problem)}."
        printed = " What your code printed is not shown here." if heard.something else ""
        if sentence is None:
            return Outcome("correct", self.praise + printed, self.title)
        return Outcome("not yet", sentence + printed, self.title)

    def hint(self) -> Note:
        """The next hint; after the last one the last again."""
        if not self.hints:
            return Note(f"{self.title}: no hints", "This one is for you alone.")
        number = min(self._asked[0], len(self.hints) - 1)
        self._asked[0] = number + 1
        return Note(f"{self.title}: hint {number + 1} of {len(self.hints)}", self.hints[number])

    def solution(self) -> Note:
        """The code of the solution, the same that the tests run, as it can be put into the exercise's cell."""
        lesson = vars(sys.modules[self.solution_code.__module__]).values()
        others = {one.solution_code.__name__: one.name_in_cell for one in lesson if isinstance(one, Exercise)}
        names = {**others, self.solution_code.__name__: self.name_in_cell}
        return Note(f"{self.title}: a solution", as_in_a_cell(self.solution_code, self.kind, names), code=True)

    @property
    def name_in_cell(self) -> str:
        """What the cell calls the answer."""
        return self.cell_name or self.solution_code.__name__.removesuffix("_solution")

    def answer(self) -> Any:
        """The right answer itself: what the solution's function gives, or the function or class."""
        return self.solution_code() if self.kind == "value" else self.solution_code


def _described(problem: BaseException) -> str:
    try:
        words = str(problem)
    except (KeyboardInterrupt, TooLong):
        raise
    except BaseException:
        words = ""
    first = words.strip().splitlines()[0][:200] if words.strip() else ""
    return type(problem).__name__ + (f" ({first})" if first else "")


class NotCorrect(AssertionError):
    """A graded answer is not correct; the words are the check's."""

    def _render_traceback_(self) -> list[str]:
        """IPython asks for this: in a notebook there stands one sentence, and not the way through this library."""
        return [str(self)]


class Wrong(Exception):
    """Carries the sentence for a wrong answer out of a nested check."""


def call(function: Callable[..., Any], *arguments: Any, what: str) -> Any:
    """Call a learner's function, class or module.

    Args:
        function: the learner's.
        arguments: what it is given.
        what: the case in words, such as "a picture of 320×240".

    Raises:
        Wrong: with a sentence, whatever the function raised.
    """
    try:
        return function(*arguments)
    except (KeyboardInterrupt, TooLong):
        raise
    except BaseException as problem:
        if sentence := said_of(problem):
            raise Wrong(f"On {what}: {sentence}") from problem
        noun = "class" if isinstance(function, type) else "module" if isinstance(function, nn.Module) else "function"
        raise Wrong(f"On {what} your {noun} raised {_described(problem)}.") from problem


def sentence_of(check: Callable[[Any], None]) -> Callable[[Any], str | None]:
    """Turn a check that raises ``Wrong`` into one that returns its sentence."""

    def checked(answer: Any) -> str | None:
        try:
            check(answer)
        except Wrong as wrong:
            return str(wrong)
        return None

    return checked


# -- type, then shape, then dtype, then value -------------------------------------------------------------------------
def need_function(answer: Any) -> None:
    """The answer must be callable."""
    if not callable(answer) or isinstance(answer, type):
        raise Wrong(f"The answer is a function, but you gave a value of type {type(answer).__name__}.")


def need_class(answer: Any) -> None:
    """The answer must be something that makes a module: a class, or a function."""
    if isinstance(answer, nn.Module):
        raise Wrong("You gave a module that is already made: give the class itself, without brackets behind it.")
    if not callable(answer):
        raise Wrong(f"The answer is a class, but you gave a value of type {type(answer).__name__}.")


def need_choice(answer: Any, options: str) -> frozenset[str]:
    """The answer must be some of these letters: "AC", "a, c", "A and C", {"A", "C"} or ["A", "C"]; "" for none."""
    example = f'"{options[1:3]}"'  # not the answer of any exercise, which the tests see to
    if isinstance(answer, str):
        answer = list(re.sub(r"\band\b|[\s,;&+]", "", answer, flags=re.IGNORECASE))
    if not isinstance(answer, (list, tuple, set, frozenset)) or not all(isinstance(one, str) for one in answer):
        raise Wrong(f"The answer is a word of letters, such as {example}, not a value of type {type(answer).__name__}.")
    chosen = frozenset(one.strip().upper() for one in answer)
    if unknown := sorted(chosen - set(options)):
        told = f"{unknown[0][:20]!r} is none of the letters from {options[0]} to {options[-1]}."
        raise Wrong(f"{told} Write only letters, such as {example}.")
    return chosen


def need_bool(value: Any, *, what: str) -> bool:
    """A value must be True or False."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    shown = f"{value} of type int" if isinstance(value, int) else f"a value of type {type(value).__name__}"
    raise Wrong(f"On {what} your function should return True or False, not {shown}.")


def need_number(answer: Any, *, whole: bool = False) -> float:
    """The answer must be a number, and a finite one."""
    if isinstance(answer, Tensor) and answer.numel() == 1 and not answer.is_meta:
        answer = answer.item()
    if isinstance(answer, (np.generic, np.ndarray)) and answer.size == 1:
        answer = answer.item()
    if isinstance(answer, bool) or not isinstance(answer, (int, float)):
        raise Wrong(f"The answer is a number, but you gave a value of type {type(answer).__name__}.")
    if isinstance(answer, int) and abs(answer) > 10**15:
        raise Wrong("The answer is a number, but not one with more than 15 digits.")
    if answer != answer or answer in (float("inf"), float("-inf")):
        raise Wrong(f"The answer is a finite number, not {answer}.")
    if whole and answer != int(answer):
        raise Wrong(f"The answer is a whole number, not {answer}.")
    return answer


def need_shape(answer: Any) -> tuple[int, ...]:
    """The answer must be a shape: a tuple of whole numbers."""
    if not isinstance(answer, (tuple, list, torch.Size)):
        raise Wrong(f"The answer is a shape, such as (1, 3), but you gave a value of type {type(answer).__name__}.")
    if not all(isinstance(n, int) and not isinstance(n, bool) for n in answer):
        raise Wrong("A shape holds whole numbers only.")
    return tuple(answer)


def need_tensor(value: Any, shape: tuple[int, ...], *, what: str, dtype: torch.dtype | None = torch.float32) -> Tensor:
    """A value must be a tensor of this shape and dtype."""
    if not isinstance(value, Tensor):
        if sentence := said_of_layer(value):
            raise Wrong(f"On {what} your code should return a tensor: {sentence}")
        told = f"On {what} your code should return a tensor, but it returned"
        raise Wrong(f"{told} nothing: is the return missing?" if value is None else f"{told} {type(value).__name__}.")
    if value.device.type != "cpu":
        raise Wrong(f"On {what} the result is on the device {value.device}; it should stay on the input's, the cpu.")
    if tuple(value.shape) != shape:
        raise Wrong(f"On {what} the shape should be {shape}, but it is {tuple(value.shape)}.")
    if dtype is not None and value.dtype != dtype:
        raise Wrong(f"On {what} the dtype should be {dtype}, but it is {value.dtype}.")
    return value


def same_tensor(value: Tensor, truth: Tensor, *, what: str, tolerance: float = 0.0) -> None:
    """Values must agree, exactly or within a stated tolerance."""
    if tolerance == 0 and torch.equal(value, truth):
        return
    gap = float((value.double() - truth.double()).abs().max()) if value.numel() else 0.0
    if not gap <= tolerance or tolerance == 0:
        allowed = "they should be equal" if tolerance == 0 else f"at most {tolerance:g} is allowed"
        raise Wrong(f"On {what} shape and dtype are right, but values differ by up to {gap:.3g}; {allowed}.")
