"""``my_calibration``: all guesses of a lesson as a picture and a sentence, for the learner alone."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from course_lib.drawing.guess_figures import calibration_figure
from course_lib.drawing.still import BLUE
from course_lib.exercises.engine.guesses import kept_guesses
from course_lib.widgets.question import BOX, as_html

__all__ = ["Calibration", "my_calibration"]


class Calibration:
    """The learner's guesses of one lesson, or of all: a picture and a sentence."""

    def __init__(self, rows: Sequence[tuple[str, bool, float | None]]) -> None:
        self.rows = list(rows)

    @property
    def sentence(self) -> str:
        """How near the guesses came, and to which side they missed."""
        if not self.rows:
            return "You haven't saved any guesses yet. They'll appear here, and they never leave your computer."
        near = sum(near for _, near, _ in self.rows)
        said = f"You were near in {near} of {len(self.rows)}."
        missed = [offset for _, near, offset in self.rows if offset is not None and not near]
        low = sum(offset < 0 for offset in missed)
        if len(missed) > 1 and low in (0, len(missed)):
            said += f" Where you missed, your numbers were always too {'low' if low else 'high'}."
        elif len(missed) > 1:
            said += f" Of your misses, {low} were too low and {len(missed) - low} too high."
        return said

    def __repr__(self) -> str:
        return self.sentence

    def _repr_html_(self) -> str:
        picture = as_html(calibration_figure(self.rows)) if self.rows else ""
        return BOX.format(color=BLUE, inside=f"<b>{escape(self.sentence)}</b><br>{picture}")


def my_calibration(lesson: str | int | None = None) -> Calibration:
    """How your guesses came out: those of one lesson, or of the whole course.

    Args:
        lesson: its number, such as ``"01"`` or ``1``.

    Example:
        >>> my_calibration("99")
        You haven't saved any guesses yet. They'll appear here, and they never leave your computer.
    """
    number = "" if lesson is None else f"{str(lesson).zfill(2)}_"
    return Calibration(
        [
            (str(entry["question"]), bool(entry["near"]), entry.get("offset"))
            for id, entry in kept_guesses().items()
            if id.startswith(number) and "question" in entry and "near" in entry
        ]
    )
