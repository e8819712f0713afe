"""Guesses beside truths: a number line with both marks, and all guesses of a lesson on one scale."""

from __future__ import annotations

from collections.abc import Sequence

from course_lib.drawing.sheet import FAINT, Sheet, fitted_words, text_width
from course_lib.drawing.still import BLUE, GREY, INK, ORANGE, Still

__all__ = ["Row", "calibration_figure", "number_line"]

#: A question, whether its guess was near, and guess minus truth as a share of the scale (None where there is none).
Row = tuple[str, bool, float | None]
_WIDTH, _SIZE = 860.0, 9.6  # CSS pixels, points


def number_line(guess: float, truth: float, ends: tuple[str, str], *, guessed: str, known: str) -> Still:
    """A scale with the guess above it and the truth below it.

    Args:
        guess, truth: where they lie between the ends, from 0 to 1.
        ends: the words at the low and at the high end.
        guessed, known: guess and truth in words.

    Example:
        >>> number_line(0.2, 0.9, ("1", "10"), guessed="3 answers", known="10 answers")
        A number line from 1 to 10: your guess is 3 answers, the truth is 10 answers.
    """
    sheet, line = Sheet(_WIDTH, 96), 48.0
    low, high = text_width(ends[0], _SIZE) + 20, _WIDTH - text_width(ends[1], _SIZE) - 20
    left, right = (low + share * (high - low) for share in (guess, truth))
    sheet.lines([[(low, line), (high, line)]], color=GREY, line=1.5)
    sheet.lines([[(x, line - 5), (x, line + 5)] for x in (low, high)], color=GREY, line=1.5)
    sheet.marks([(low - 10, line, ends[0], FAINT)], size=_SIZE, align="right")
    sheet.marks([(high + 10, line, ends[1], FAINT)], size=_SIZE, align="left")
    sheet.lines([[(left, line), (right, line)]], color=ORANGE, line=3, level=2.1)
    sheet.boxes([(left - 6, line - 6, 12, 12)], fill="white", edge=ORANGE, line=2, level=3)
    sheet.boxes([(right - 6, line - 6, 12, 12)], fill=BLUE, edge=BLUE, level=3.1)
    for x, y, words in ((left, line - 24, f"your guess: {guessed}"), (right, line + 26, f"truth: {known}")):
        half = text_width(words, _SIZE, bold=True) / 2
        sheet.marks([(min(max(x, half + 4), _WIDTH - half - 4), y, words, INK)], size=_SIZE, bold=True)
    return sheet.still(f"A number line from {ends[0]} to {ends[1]}: your guess is {guessed}, the truth is {known}.")


def calibration_figure(rows: Sequence[Row]) -> Still:
    """Every guess of a lesson in a row of its own: how far too low or too high, or right and not right.

    Example:
        >>> calibration_figure([("How many answers?", False, -0.4), ("Which one is first?", True, None)])
        Your guesses, 1 of 2 near: How many answers? too low; Which one is first? right.
    """
    width, tall, room = _WIDTH, 30.0, 460.0
    sheet = Sheet(width, 58 + tall * len(rows))
    low, high = room + 40, width - 24
    middle, half = (low + high) / 2, (high - low) / 2
    sheet.text(12, 10, "question", size=_SIZE, bold=True)
    for x, words, align in ((low, "too low", "left"), (middle, "the truth", "center"), (high, "too high", "right")):
        sheet.text(x, 10, words, size=_SIZE, bold=True, align=align)
    bottom = 46 + tall * len(rows)
    sheet.boxes([(middle - 0.1 * half, 34, 0.2 * half, bottom - 34)], fill="#E3EEF6", level=0.5)
    sheet.lines([[(middle, 34), (middle, bottom)]], color=BLUE, line=1.5)
    for number, (question, near, offset) in enumerate(rows):
        y = 42 + tall * (number + 0.5)
        sheet.marks([(18, y, "✓" if near else "→", INK)], size=11)
        sheet.marks([(34, y, fitted_words(question, room - 34, _SIZE), INK)], size=_SIZE, align="left")
        if offset is None:
            sheet.marks([(middle if near else middle + 0.2 * half, y, "right" if near else "not this time", FAINT)],
                        size=_SIZE, align="center" if near else "left")  # fmt: skip
            continue
        here = middle + min(max(offset, -1.0), 1.0) * half
        sheet.lines([[(middle, y), (here, y)]], color=ORANGE, line=2)
        sheet.boxes([(here - 5, y - 5, 10, 10)], fill="white", edge=ORANGE, line=2, level=3)
    said = "; ".join(f"{question} {_result(near, offset)}" for question, near, offset in rows)
    return sheet.still(f"Your guesses, {sum(near for _, near, _ in rows)} of {len(rows)} near: {said}.")


def _result(near: bool, offset: float | None) -> str:
    if offset is None or near:
        return "right" if offset is None and near else "near" if near else "not right"
    return "too low" if offset < 0 else "too high"
