"""What an exercise says: how far an answer is, a hint, a solution, a guess beside the truth."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any, Literal

__all__ = ["LOOK", "Note", "Outcome", "State", "guess_and_truth"]

State = Literal["not attempted", "not yet", "correct"]
#: Icon and colour of every state: never the colour alone.
LOOK: dict[State, tuple[str, str]] = {
    "not attempted": ("○", "#666666"), "not yet": ("→", "#B25500"), "correct": ("✓", "#007A5A"),
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt, or words to help: shown as a box in a notebook, as a line in a terminal."""

    state: State
    sentence: str
    title: str = ""

    def __repr__(self) -> str:
        return f"{LOOK[self.state][0]} {self.title}: {self.state}. {self.sentence}".strip()

    def _repr_html_(self) -> str:
        icon, color = LOOK[self.state]
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
