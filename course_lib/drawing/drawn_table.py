"""Tables as papers print them: few horizontal rules, none upright, cells of several lines, brackets around a block.

Only the typesetting; the contents are in ``paper_tables``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate

from course_lib.drawing.sheet import FAINT, Sheet, text_width, wrapped
from course_lib.drawing.still import INK, Still
from course_lib.errors import CourseError

__all__ = ["Cell", "Line", "Row", "cell", "new_against", "set_table"]

_LINE, _PAD, _EDGE = 15.5, 7.0, 10.0  # CSS pixels: a line's height, above and below a row's lines, beside the table
_NOTE = 8.0  # points: of the notes' letters


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a cell; bold for what is new."""

    words: str
    bold: bool = False
    color: str = INK


@dataclass(frozen=True, slots=True)
class Cell:
    """Lines under each other.

    Attributes:
        span: how many columns it takes.
        times: written beside a bracket around the lines; without it there is no bracket.
    """

    lines: tuple[Line, ...]
    span: int = 1
    times: Line | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Cells, and the thickness in points of the rule above them (0: none)."""

    cells: tuple[Cell, ...]
    rule: float = 0.0


def cell(*words: str, span: int = 1, bold: bool = False, color: str = INK) -> Cell:
    """A cell whose lines look the same.

    Example:
        >>> cell("maxpool", span=6).span
        6
    """
    return Cell(tuple(Line(line, bold, color) for line in words), span)


def new_against(before: Sequence[Sequence[str]] | None, blocks: Sequence[Sequence[str]]) -> list[list[bool]]:
    """Which lines of each block the same block of the column before does not have; nothing is new without one.

    Example:
        >>> new_against([["conv3-64"]], [["conv3-64", "LRN"]])
        [[False, True]]
    """
    if before is None:
        return [[False] * len(block) for block in blocks]
    marks = []
    for k, block in enumerate(blocks):
        new = [True] * len(block)
        old = list(before[k]) if k < len(before) else []
        for same in SequenceMatcher(None, old, list(block), autojunk=False).get_matching_blocks():
            new[same.b : same.b + same.size] = [False] * same.size
        marks.append(new)
    return marks


def set_table(rows: Sequence[Row], alt: str, *, notes: Sequence[str] = ()) -> Still:
    """Set a table as wide as a notebook; columns get what they need, and the rest makes them alike.

    Args:
        rows: from top to bottom; each one's spans add up to the number of columns.
        alt: what it says, in a sentence.
        notes: small lines under it, broken where they are too long.

    Raises:
        CourseError: the columns do not fit side by side, even in small letters.
    """
    total = 860 - 2 * _EDGE
    for size in (9.0, 8.5, 8.0):
        needs = _needs(rows, size)
        if sum(needs) <= total:
            break
    else:
        raise CourseError(f"{len(needs)} columns do not fit side by side: give fewer.")
    edges = list(accumulate(_shared_out(needs, total), initial=_EDGE))
    heights = [_LINE * max((len(each.lines) for each in row.cells), default=1) + 2 * _PAD for row in rows]
    below = [line for note in notes for line in wrapped(note, total, _NOTE)]
    tall = _EDGE + sum(heights) + (12 + 14 * len(below) if below else 0) + _EDGE
    sheet = Sheet(860, tall)
    y = _EDGE
    for row, height in zip(rows, heights, strict=True):
        if row.rule:
            sheet.lines([[(_EDGE, y), (860 - _EDGE, y)]], line=row.rule)
        at = 0
        for each in row.cells:
            _set_cell(sheet, each, (edges[at] + edges[at + each.span]) / 2, y + height / 2, size)
            at += each.span
        y += height
    sheet.lines([[(_EDGE, y), (860 - _EDGE, y)]], line=1.6)
    for k, note in enumerate(below):
        sheet.text(_EDGE, y + 12 + 14 * k, note, size=_NOTE, color=FAINT)
    return sheet.still(alt)


def _needs(rows: Sequence[Row], size: float) -> list[float]:
    """How wide each column must be for its own cells."""
    needs = [0.0] * sum(each.span for each in rows[0].cells)
    for row in rows:
        at = 0
        for each in row.cells:
            if each.span == 1:
                needs[at] = max(needs[at], _width(each, size) + 12)
            at += each.span
    return needs


def _width(each: Cell, size: float) -> float:
    lines = max((text_width(line.words, size, bold=line.bold) for line in each.lines), default=0.0)
    return lines if each.times is None else lines + 16 + text_width(each.times.words, size, bold=each.times.bold)


def _shared_out(needs: Sequence[float], total: float) -> list[float]:
    """Widths that add up to ``total``: the narrowest columns are widened first."""
    low, high = 0.0, total
    for _ in range(40):
        level = (low + high) / 2
        low, high = (level, high) if sum(max(need, level) for need in needs) < total else (low, level)
    return [max(need, low) for need in needs]


def _set_cell(sheet: Sheet, each: Cell, x: float, middle: float, size: float) -> None:
    top = middle - _LINE * len(each.lines) / 2
    if each.times is not None:
        x -= (text_width(each.times.words, size, bold=each.times.bold) + 10) / 2
        half = max(text_width(line.words, size, bold=line.bold) for line in each.lines) / 2 + 5
        bottom = top + _LINE * len(each.lines)
        for side in (-1, 1):
            edge, hook = x + side * half, x + side * (half - 4)
            sheet.lines([[(hook, top), (edge, top), (edge, bottom), (hook, bottom)]], line=0.9)
        beside = each.times
        sheet.middle_text(x + half + 6, middle, beside.words, size=size, bold=beside.bold, color=beside.color)
    for k, line in enumerate(each.lines):
        y = top + _LINE * (k + 0.5)
        sheet.middle_text(x, y, line.words, size=size, bold=line.bold, color=line.color, align="center")
