"""A confusion matrix as a picture: shares as colours, counts as numbers, recall at the rows' ends, precision below.

What is counted is in ``measuring.confusion_matrix``. Positions are CSS pixels from the top left (``sheet``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from course_lib.drawing.overlay import put
from course_lib.drawing.sheet import FAINT, Box, Mark, Sheet, text_width, wrapped
from course_lib.drawing.still import BLUE, DOTS, GREY, INK, ORANGE, PIXELS, Still, shortened
from course_lib.measuring.confusion_matrix import Confusion

__all__ = ["Counted", "draw_confusion", "gathered"]

_WIDE = 860  # of a notebook
_LETTERS = 22  # of a class's name
_END = 62  # the columns "pictures" and "recall"
_LINE = 15
_HEAD = 8.5  # points: of the names above the columns
_DENSE = DOTS // PIXELS
_SLANT = 40  # degrees, where names do not fit above their columns

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Counted:
    """What is drawn: names, ``table[true, said]``, and how many of each row are right.

    That is the diagonal, but where ``others`` is set the last row and column stand for several classes: then their
    common cell holds mistakes as well.
    """

    names: tuple[str, ...]
    table: Counts
    right: Counts
    others: bool = False


def gathered(names: Sequence[str], table: Counts, most: int) -> Counted:
    """At most ``most`` classes: those with the most pictures and answers, the others as one; all numbers still add up.

    Example:
        >>> few = gathered(["a", "b", "c", "d"], np.array([[9, 0, 1, 0], [0, 1, 0, 0], [0, 0, 8, 0], [1, 0, 0, 1]]), 3)
        >>> few.names, few.table.tolist(), few.right.tolist()
        (('a', 'c', '2 others'), [[9, 1, 0], [0, 8, 0], [1, 0, 2]], [9, 8, 2])
    """
    n, right = len(names), np.diag(table)
    if n <= most:
        return Counted(tuple(names), table, right)
    kept = np.sort(np.argsort(-(table.sum(0) + table.sum(1)), kind="stable")[: most - 1])
    group = np.full(n, most - 1)
    group[kept] = np.arange(most - 1)
    small, good = np.zeros((most, most), np.int64), np.zeros(most, np.int64)
    np.add.at(small, (group[:, None], group[None, :]), table)
    np.add.at(good, group, right)
    return Counted((*(names[k] for k in kept), f"{n - most + 1} others"), small, good, others=True)


def draw_confusion(matrix: Confusion, *, title: str = "", cell: tuple[str, str] | None = None) -> Still:
    """A confusion matrix as a table: right in blue on the diagonal, mistakes in orange beside it, recall and precision.

    Classes for which there is no room are summed up in a last row and column; the numbers still add up.

    Args:
        matrix: what was counted; rows are what it is, columns what was said.
        title: above it.
        cell: (what it is, what was said) of a cell that is framed, where it has one of its own.

    Example:
        >>> from course_lib.measuring.confusion_matrix import tally
        >>> draw_confusion(tally(["ant", "bee"], ["ant", "bee"]), title="ResNet18")
        ResNet18. Confusion matrix of 2 pictures, 2 classes: 2 right (100.0%); no mistake
    """
    names, table = [shortened(name, _LETTERS) for name in matrix.classes], matrix.counts.numpy()
    beside = max(text_width(name, 9.5) for name in [*names, "precision, %"]) + 20
    room = _WIDE - 10 - beside - 2 * _END
    widest = str(int(table.sum(0).max(initial=0)))
    if (room - 60) / max(text_width(widest, 8.5) + 8, 23) < len(names):  # the others' column is a sum of many
        widest = str(int(table.sum()))
    shown = gathered(names, table, max(2, int((room - 60) / max(text_width(widest, 8.5) + 8, 23))))
    n = len(shown.names)
    size = 12.0 if n <= 4 else 10.0 if n <= 12 else 8.5
    least = max(text_width(widest, size) + 8, 110 - 9 * max(0, n - 2), 23)
    word = max(text_width(one, _HEAD) for name in shown.names for one in name.split()) + 6
    wide = int(max(least, word) if word * n <= room else min(least, (room - 60) / n))
    tall = max(min(wide, 60 if n <= 4 else 36), 21)
    heads = _heads(shown.names, wide)
    rise = _LINE * max(map(len, heads)) if heads else _rise(shown.names)
    above = 60 + rise
    lean = 0.0 if heads else max(_rise(shown.names) - _END / 2, 0)  # slanted names lean over the right edge
    below = min(tall, 30)
    sheet = Sheet(max(round(beside + n * wide + 2 * _END + lean), 420), above + n * tall + 2 * below + 8)
    place = (beside, above, n * wide, n * tall)
    colours = np.kron(_colours(shown), np.ones((tall * _DENSE, wide * _DENSE, 1), np.uint8))
    put(sheet, colours, place)
    sheet.grid(place, n, n, color="white", line=1.0)
    own = [(beside + k * wide, above + k * tall, wide, tall) for k in range(n - shown.others)]
    sheet.boxes([place], edge=INK, line=0.8, level=1.5)
    sheet.boxes(own, edge=BLUE, line=1.6, level=2)
    _numbers(sheet, shown, place, size)
    _touchable(sheet, shown, place)
    if cell is not None and set(cell) <= set(shown.names):
        row, column = (shown.names.index(name) for name in cell)
        frame = (beside + column * wide, above + row * tall, wide, tall)
        sheet.boxes([frame], edge="white", line=5, level=2.4)
        sheet.boxes([frame], edge=INK, line=2.6, level=2.5)
    _names(sheet, shown.names, heads, place)
    _ends(sheet, shown, place, below)
    _title(sheet, title, f"{shown.right.sum()} of {table.sum()} right, {_share(shown.right.sum(), table.sum())}")
    return sheet.still((f"{title}. " if title else "") + repr(matrix))


def _heads(names: Sequence[str], wide: int) -> list[list[str]]:
    """The names' lines above their columns; none when they do not fit."""
    lines = [wrapped(name, wide - 4, _HEAD) for name in names]
    fits = all(len(one) <= 2 and all(text_width(line, _HEAD) <= wide - 4 for line in one) for one in lines)
    return lines if fits else []


def _rise(names: Sequence[str]) -> float:
    """How far slanted names reach up and to the right."""
    return max(text_width(name, _HEAD) for name in [*names, "pictures"]) * 0.77 + 12  # cos 40°


def _colours(shown: Counted) -> NDArray[np.uint8]:
    """(n, n, 3): the diagonal blue, the rest orange; the deeper, the larger a cell's share of its row."""
    share = shown.table / np.maximum(shown.table.sum(1, keepdims=True), 1)
    own = np.eye(len(share), dtype=bool)[..., None]
    full = np.where(own, to_rgb(BLUE), to_rgb(ORANGE))
    if shown.others:  # right and wrong in one cell
        full[-1, -1] = to_rgb(GREY)
    deep = 0.85 * np.where(own, share[..., None], np.sqrt(share)[..., None])  # few mistakes show as well
    return np.asarray((255 * (1 - deep + deep * full)).round(), np.uint8)


def _numbers(sheet: Sheet, shown: Counted, place: Box, size: float) -> None:
    n = len(shown.table)
    wide, tall = place[2] / n, place[3] / n
    dark = _colours(shown).astype(float) @ (0.299, 0.587, 0.114) < 140
    right: list[Mark] = []
    wrong: list[Mark] = []
    for row, column in np.ndindex(n, n):
        count = int(shown.table[row, column])
        if count or row == column or n <= 4:
            x, y = place[0] + (column + 0.5) * wide, place[1] + (row + 0.5) * tall
            one = (x, y, str(count), "white" if dark[row, column] else INK if count else FAINT)
            (right if row == column and not (shown.others and row == n - 1) else wrong).append(one)
    sheet.marks(right, size=size, bold=True)
    sheet.marks(wrong, size=size)


def _touchable(sheet: Sheet, shown: Counted, place: Box) -> None:
    """A spot on each cell, with the names of its row and column as its value."""
    n, rows = len(shown.table), shown.table.sum(1)
    for row, column in np.ndindex(n, n):
        count = int(shown.table[row, column])
        box = (place[0] + column * place[2] / n, place[1] + row * place[3] / n, place[2] / n, place[3] / n)
        words = f"{count} of {rows[row]} pictures of “{shown.names[row]}”\nwere called “{shown.names[column]}”"
        share = f"\n{100 * count / rows[row]:.1f}%" if rows[row] else ""
        sheet.spot("cell", box, words + share, (shown.names[row], shown.names[column]))


def _names(sheet: Sheet, names: Sequence[str], heads: Sequence[Sequence[str]], place: Box) -> None:
    n = len(names)
    left, top, wide, tall = place[0], place[1], place[2] / n, place[3] / n
    middles = [left + (k + 0.5) * wide for k in range(n)] + [left + n * wide + (k + 0.5) * _END for k in range(2)]
    for k, (x, name) in enumerate(zip(middles, [*names, "pictures", "recall"], strict=True)):
        color = INK if k < n else FAINT
        if heads:
            for j, line in enumerate(reversed(heads[k] if k < n else [name])):
                sheet.standing_text(x, top - 7 - _LINE * j, line, size=_HEAD, color=color, align="center")
        else:
            sheet.figure.text(
                (x - 2) / sheet.width, 1 - (top - 5) / sheet.height, name, fontsize=_HEAD, color=color, rotation=_SLANT,
                rotation_mode="anchor", ha="left", va="baseline",
            )  # fmt: skip
    for k, name in enumerate(names):
        sheet.middle_text(left - 8, top + (k + 0.5) * tall, name, size=9.5, align="right")
    sheet.standing_text(left, 46, "what the model said →", color=FAINT)
    sheet.standing_text(left - 8, top - 7, "what it is ↓", color=FAINT, align="right")


def _ends(sheet: Sheet, shown: Counted, place: Box, below: float) -> None:
    """Sums and shares of rows and columns."""
    n = len(shown.table)
    left, top, wide, tall = place[0], place[1], place[2] / n, place[3] / n
    pictures, recall = (left + n * wide + (k + 0.5) * _END for k in range(2))
    said, precision = (top + n * tall + (k + 0.5) * below for k in range(2))
    small = wide < 50
    for k, (row, column) in enumerate(zip(shown.table.sum(1), shown.table.sum(0), strict=True)):
        y, x = top + (k + 0.5) * tall, left + (k + 0.5) * wide
        sheet.marks([(pictures, y, str(row), FAINT), (recall, y, _share(shown.right[k], row), INK)], size=9.5)
        share = _share(shown.right[k], column, digits=0 if small else 1)
        sheet.marks([(x, said, str(column), FAINT), (x, precision, share, INK)], size=8.5 if small else 9.5)
    sheet.marks([(pictures, said, str(shown.table.sum()), FAINT)], size=9.5)
    for y, words in ((said, "times said"), (precision, "precision, %" if small else "precision")):
        sheet.middle_text(left - 8, y, words, size=9.5, color=FAINT, align="right")


def _title(sheet: Sheet, title: str, right: str) -> None:
    room = sheet.width - 20 - text_width(right, 10.5) - 14
    title = shortened(title, max(int(room / 7.4), 8))
    sheet.text(10, 6, title, size=10.5, bold=True)
    sheet.text(10 + (text_width(title, 10.5, bold=True) + 14 if title else 0), 6, right, size=10.5)


def _share(part: int, of: int, digits: int = 1) -> str:
    return "–" if not of else f"{100 * part / of:.{digits}f}" + ("%" if digits else "")
