"""Pictures of a folder with what was said of them: right and wrong marked, how sure the model was, file and time.

Only drawing; which pictures, and in which order, is decided in ``folder_pages``. Places are in CSS pixels
from the top left (``sheet``).
"""

from __future__ import annotations

from collections.abc import Sequence

from course_lib.drawing.overlay import put
from course_lib.drawing.sheet import FAINT, Box, Mark, Sheet, text_width, wrapped
from course_lib.drawing.still import BLUE, DOTS, GREEN, INK, ORANGE, PIXELS, Still, shortened, still
from course_lib.drawing.thumbnails import thumbnail
from course_lib.errors import CourseError, PictureError
from course_lib.models.predictions import Judged

__all__ = ["prediction_grid"]

_WIDE = 860  # of a notebook
_EDGE, _GAP = 6, 12
_WORDS = 72  # under a picture, with the gap to the next
_TILE, _TRACK = "#F1F1F1", "#E4E4E4"


def prediction_grid(
    judged: Sequence[Judged],
    *,
    columns: int = 5,
    title: str = "",
    note: str = "",
    empty: str = "No picture to show.",
) -> Still:
    """Pictures with what was said of them, how sure the model was, whether it was right, their file and their time.

    Args:
        judged: from ``FolderPredictions.judged``, ``chosen`` or ``most_confident_mistakes``.
        columns: pictures in a row, 1 to 8.
        title: above them.
        note: a second line above them, smaller, which the description leaves out: the place for what differs from
            run to run.
        empty: what is said in place of pictures when there are none.

    Raises:
        CourseError: ``columns`` is not such a number.

    Example:
        >>> prediction_grid([], title="Mistakes", empty="There is none.")
        Mistakes: There is none.
    """
    if isinstance(columns, bool) or not isinstance(columns, int) or not 1 <= columns <= 8:
        raise CourseError(f"columns={columns!r}: give a whole number from 1 to 8.")
    side = min((_WIDE - 2 * _EDGE - (columns - 1) * _GAP) // columns, 280)
    lines = [(line, 10.5, True) for line in wrapped(title, _WIDE - 2 * _EDGE, 10.5, bold=True)]
    lines += [(line, 8.5, False) for line in wrapped(note, _WIDE - 2 * _EDGE, 8.5)]
    above = _EDGE + 19 * len(lines) + (6 if lines else 0)
    rows = -(-len(judged) // columns)
    sheet = Sheet(_WIDE, above + (rows * (side + _WORDS) if judged else 60))
    for k, (line, size, bold) in enumerate(lines):
        sheet.text(_EDGE, _EDGE + 19 * k, line, size=size, bold=bold, color=INK if bold else FAINT)
    places = [
        (_EDGE + (k % columns) * (side + _GAP), above + (k // columns) * (side + _WORDS), side, side)
        for k in range(len(judged))
    ]
    for one, place in zip(judged, places, strict=True):
        _show(sheet, one, place)
    if judged:
        _mark(sheet, judged, places)
        _write(sheet, judged, places)
    if not judged:
        sheet.text(_EDGE, above + 14, empty, size=10.5)
    said = "; ".join(f"{one.file} {one.said} {one.probability:.0%}, {one.verdict}".replace("%", " %") for one in judged)
    return still(sheet.figure, ": ".join(filter(None, (title, said or empty))), photo=bool(judged))


def _show(sheet: Sheet, one: Judged, place: Box) -> None:
    left, top, side, _ = place
    try:
        small = thumbnail(one.row.path, round(side * DOTS / PIXELS))
    except PictureError:  # it could be opened when it was predicted
        for k, line in enumerate(wrapped("This file cannot be opened any more.", side - 50, 9)):
            sheet.text(left + side / 2, top + side / 2 - 16 + 16 * k, line, color=FAINT, align="center")
        return
    down = (side - small.height * PIXELS / DOTS) / 2
    put(sheet, small, (left, top + down, side, side - 2 * down))


def _mark(sheet: Sheet, judged: Sequence[Judged], places: Sequence[Box]) -> None:
    """Frames and badges for right and wrong, bars for probabilities: all of a kind at once, which takes less time."""
    sheet.boxes(places, fill=_TILE, level=-1)
    sheet.boxes([(x, y + tall + 26, wide, 4) for x, y, wide, tall in places], fill=_TRACK)
    lengths = [one.probability for one in judged]
    bars = [(x, y + tall + 26, wide * p, 4) for (x, y, wide, tall), p in zip(places, lengths, strict=True)]
    sheet.boxes(bars, fill=BLUE, level=1.1)
    for right, mark, color, thick in ((True, "✓", GREEN, 1.2), (False, "✗", ORANGE, 3.0)):
        mine = [place for one, place in zip(judged, places, strict=True) if one.right == right]
        if mine:
            sheet.boxes(mine, edge=color, line=thick, level=3)
            sheet.boxes([(x, y, 24, 24) for x, y, *_ in mine], fill=color, level=3.1)
            sheet.marks([(x + 12, y + 12, mark, "white") for x, y, *_ in mine], size=12, bold=True)


def _write(sheet: Sheet, judged: Sequence[Judged], places: Sequence[Box]) -> None:
    """Three lines under each picture; all of a kind at once here too."""
    side = places[0][2]
    lines: dict[tuple[float, bool, str], list[Mark]] = {
        (9.5, True, "left"): [], (9.5, True, "right"): [], (9, False, "left"): [],
        (8, False, "left"): [], (8, False, "right"): [],
    }  # fmt: skip
    said, sure, verdicts, files, times = lines.values()
    for one, (left, top, *_) in zip(judged, places, strict=True):
        y = top + side
        percent, took = f"{100 * one.probability:.1f} %", f"{1000 * one.row.seconds:.0f} ms"
        room = side - text_width(percent, 9.5, bold=True) - 8
        said.append((left, y + 14, _fitted(one.said, room, 9.5, bold=True), INK))
        sure.append((left + side, y + 14, percent, INK))
        verdicts.append((left, y + 40, _fitted(one.verdict, side, 9), GREEN if one.right else ORANGE))
        room = side - text_width(took, 8) - 8
        file = one.file if text_width(one.file, 8) <= room else one.row.path.name
        files.append((left, y + 56, _fitted(file, room, 8), FAINT))
        times.append((left + side, y + 56, took, FAINT))
    for (size, bold, align), marks in lines.items():
        sheet.marks(marks, size=size, bold=bold, align=align)


def _fitted(words: str, width: float, size: float, *, bold: bool = False) -> str:
    """As many of the letters as fit."""
    letters = len(words)
    while letters > 1 and text_width(shortened(words, letters), size, bold=bold) > width:
        letters -= 1
    return shortened(words, letters)
