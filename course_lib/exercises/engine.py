"""The exercises' engine: an answer goes in, a calm sentence comes out; no traceback, no pass for a wrong answer.

An exercise is declared in one place (``lesson01.py`` and so on): its check is a function that returns None for a right
answer and otherwise the sentence that helps; its solution is ordinary code, which is both what ``.solution()`` shows
and what the tests run.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from types import FunctionType
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

__all__ = [
    "Exercise",
    "Outcome",
    "call",
    "guess_and_truth",
    "need_function",
    "need_number",
    "need_shape",
    "need_tensor",
    "same_tensor",
]

State = Literal["not attempted", "not yet", "correct"]
#: What a function does that only takes constants, keeps them in variables and gives them back, on Python 3.10 to 3.14.
_IDLE = {
    "CACHE", "LOAD_CONST", "LOAD_FAST", "LOAD_FAST_BORROW", "NOP", "POP_TOP", "RESUME", "RETURN_CONST", "RETURN_VALUE",
    "STORE_FAST", "STORE_FAST_LOAD_FAST",
}  # fmt: skip
_LOOK = {"not attempted": ("○", "#666666"), "not yet": ("→", "#B25500"), "correct": ("✓", "#007A5A")}


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt, or words to help: shown as a box in a notebook, as a line in a terminal."""

    state: State
    sentence: str
    title: str = ""

    def __repr__(self) -> str:
        return f"{_LOOK[self.state][0]} {self.title}: {self.state}. {self.sentence}".strip()

    def _repr_html_(self) -> str:
        icon, color = _LOOK[self.state]
        return (
            f'<div role="status" style="border-left:5px solid {color};padding:6px 12px;margin:4px 0">'
            f'<b style="color:{color}">{icon} {escape(self.title)}: {self.state}</b><br>{escape(self.sentence)}</div>'
        )


@dataclass(frozen=True)
class Note:
    """A hint or a solution."""

    title: str
    words: str
    code: bool = False

    def __repr__(self) -> str:
        return f"{self.title}\n{self.words}"

    def _repr_html_(self) -> str:
        body = f"<pre>{escape(self.words)}</pre>" if self.code else f"<br>{escape(self.words)}"
        return (
            '<div style="border-left:5px solid #0072B2;padding:6px 12px;margin:4px 0">'
            f"<b>{escape(self.title)}</b>{body}</div>"
        )


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes:
        id: unique, such as "01_top_k".
        title: a few words.
        minutes: how long it should take.
        solution_code: the function whose source is the solution. Where the answer is a value (``kind`` "value"),
            calling it gives the answer; where a function is asked for, it is the answer.
        checker: an answer → None when it is right, else the sentence that helps.
        hints: from a nudge to nearly the answer.
        kind: "value" or "function".
    """

    id: str
    title: str
    minutes: int
    solution_code: Callable[..., Any]
    checker: Callable[[Any], str | None]
    hints: tuple[str, ...] = ()
    kind: Literal["value", "function"] = "value"
    praise: str = ""
    _asked: list[int] = field(default_factory=lambda: [0], repr=False, compare=False)

    def check(self, answer: Any = ...) -> Outcome:
        """Say how far an answer is: not attempted, not yet (and what to look at), or correct."""
        try:
            if _untouched(answer):
                return Outcome("not attempted", "Replace the three dots, then run the cell again.", self.title)
            sentence = self.checker(answer)
        except (Exception, SystemExit) as problem:
            # The answer is a learner's: it may raise on anything, even on being looked at.
            sentence = f"Your answer could not be examined: it raised {_described(problem)}."
        if sentence is None:
            return Outcome("correct", self.praise, self.title)
        return Outcome("not yet", sentence, self.title)

    def hint(self) -> Note:
        """The next hint; after the last one the last again."""
        if not self.hints:
            return Note(f"{self.title}: no hints", "This one is for you alone.")
        number = min(self._asked[0], len(self.hints) - 1)
        self._asked[0] = number + 1
        return Note(f"{self.title}: hint {number + 1} of {len(self.hints)}", self.hints[number])

    def solution(self) -> Note:
        """The code of the solution, the same that the tests run."""
        return Note(f"{self.title}: a solution", inspect.getsource(self.solution_code).strip(), code=True)

    def answer(self) -> Any:
        """The right answer itself: what the solution's function gives, or the function."""
        return self.solution_code if self.kind == "function" else self.solution_code()


def guess_and_truth(question: str, guess: Any, truth: Any) -> Note:
    """A prediction beside what happened. Being wrong is the point: it shows what to look at.

    Args:
        question: what was predicted, a few words.
        guess: what the learner wrote, or three dots.
        truth: what was computed.

    Example:
        >>> guess_and_truth("the shape", ..., (3, 224, 224))
        the shape
        you: no guess yet; it is: (3, 224, 224)
    """
    try:
        said = "no guess yet" if guess is ... else str(guess)
    except Exception:
        said = f"a value of type {type(guess).__name__}"
    return Note(question, f"you: {said}; it is: {truth}")


def _untouched(answer: Any) -> bool:
    """Whether the stub is still there: three dots, or a function that does nothing, or nothing but give them back."""
    if answer is ...:
        return True
    if not isinstance(answer, FunctionType):
        return False
    steps = list(dis.get_instructions(answer))
    constants = [step.argval for step in steps if "CONST" in step.opname]
    if not {step.opname for step in steps} <= _IDLE or any(value not in (None, ...) for value in constants):
        return False
    made = {step.argval for step in steps if step.opname == "STORE_FAST"}
    return all(step.argval in made for step in steps if step.opname.startswith("LOAD_FAST"))  # an argument is used


def _described(problem: BaseException) -> str:
    try:
        words = str(problem)
    except Exception:
        words = ""
    first = words.strip().splitlines()[0][:200] if words.strip() else ""
    return type(problem).__name__ + (f" ({first})" if first else "")


class Wrong(Exception):
    """Carries the sentence for a wrong answer out of a nested check."""


def call(function: Callable[..., Any], *arguments: Any, what: str) -> Any:
    """Call a learner's function.

    Args:
        function: the learner's.
        arguments: what it is given.
        what: the case in words, such as "a picture of 320×240".

    Raises:
        Wrong: with a sentence, whatever the function raised.
    """
    try:
        return function(*arguments)
    except (Exception, SystemExit) as problem:
        raise Wrong(f"On {what} your function raised {_described(problem)}.") from problem


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
        raise Wrong(f"On {what} your function should return a tensor, but it returned {type(value).__name__}.")
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
