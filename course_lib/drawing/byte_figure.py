"""The bytes of files, as a hex editor shows them: place, bytes and letters; marked stretches are explained.

Two files stand side by side, to be compared; one file has room for its explanations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from course_lib.drawing.sheet import FAINT, Sheet, text_width, wrapped
from course_lib.drawing.still import BLUE, GREEN, INK, ORANGE, PAGE, Still
from course_lib.errors import CourseError

__all__ = ["Stretch", "draw_bytes"]

_SIZE, _ROW, _TOP = 8.5, 19.0, 34.0
_COLORS = (ORANGE, BLUE, GREEN, "#CC79A7")
_GAP = 24.0  # between two files


@dataclass(frozen=True)
class Stretch:
    """Some bytes in a row that mean something together.

    Attributes:
        start, stop: the first of them, and the first that isn't one any more; counted from the file's beginning.
        words: what they are.
    """

    start: int
    stop: int
    words: str


def draw_bytes(files: Mapping[str, bytes], *, start: int = 0, rows: int = 12, marks: Sequence[Stretch] = ()) -> Still:
    """Bytes of one file or of two, in hexadecimal and as letters.

    Args:
        files: a name → its bytes.
        start: the first byte that is shown.
        rows: of 16 bytes for one file, of 12 for each of two.
        marks: stretches that are framed and explained; with one file only.

    Raises:
        CourseError: no file, more than two, or marks in two files.

    Example:
        >>> draw_bytes({"two.bin": b"PK"}, marks=[Stretch(0, 2, "a zip archive")])
        2 bytes of two.bin from byte 0: PK. a zip archive: PK
    """
    if not 1 <= len(files) <= 2 or (marks and len(files) > 1):
        raise CourseError(
            f"{len(files)} files were given with {len(marks)} marks: give one file, or two without marks."
        )
    columns = 16 if len(files) == 1 else 12
    sheet = Sheet(PAGE, _TOP + rows * _ROW + 8)
    letter = text_width("0" * 100, _SIZE, mono=True) / 100
    told = []
    for number, (name, data) in enumerate(files.items()):
        left = number * ((PAGE - _GAP) / 2 + _GAP)
        part = data[start : start + rows * columns]
        sheet.text(left, 6, name, size=11, color=BLUE, bold=True)
        _draw_marks(sheet, marks, start, start + len(part), columns, left, letter)
        for row in range(-(-len(part) // columns)):
            line = part[row * columns : (row + 1) * columns]
            y = _TOP + row * _ROW
            sheet.text(left, y, f"{start + row * columns:05d}", size=_SIZE, color=FAINT, mono=True)
            sheet.text(left + 6.5 * letter, y, line.hex(" "), size=_SIZE, mono=True)
            sheet.text(left + (7.5 + 3 * columns) * letter, y, _letters(line), size=_SIZE, mono=True)
        told.append(f"{len(part)} bytes of {name} from byte {start}: {_letters(part)}")
    told += [f"{mark.words}: {_letters(next(iter(files.values()))[mark.start : mark.stop])}" for mark in marks]
    return sheet.still(". ".join(told))


def _letters(data: bytes) -> str:
    """As letters where there is one, and a dot elsewhere."""
    return "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in data)


def _draw_marks(
    sheet: Sheet, marks: Sequence[Stretch], start: int, stop: int, columns: int, left: float, letter: float
) -> None:
    """Frames around the marked bytes and their letters, and the words at the right, level with the first row."""
    column = left + (9.5 + 4 * columns) * letter
    free = 0.0
    for number, mark in enumerate(sorted(marks, key=lambda mark: mark.start)):
        color = _COLORS[number % len(_COLORS)]
        inside = range(max(mark.start, start) - start, min(mark.stop, stop) - start)
        if not inside:
            continue
        for row in range(inside[0] // columns, inside[-1] // columns + 1):
            first = max(inside[0] - row * columns, 0)
            last = min(inside[-1] - row * columns, columns - 1)
            y = _TOP + row * _ROW - 3
            hexes = (left + (6.5 + 3 * first) * letter - 2, y, (3 * (last - first) + 2) * letter + 4, _ROW - 3)
            words = (left + (7.5 + 3 * columns + first) * letter - 1, y, (last - first + 1) * letter + 2, _ROW - 3)
            sheet.boxes([hexes, words], edge=color, line=1.4, level=3.0)
            sheet.spot("bytes", hexes, mark.words)
        y = max(_TOP + inside[0] // columns * _ROW, free)
        sheet.lines([[(column - letter, y + 5), (column - 6, y + 5)]], color=color, line=1.4)
        lines = wrapped(mark.words, PAGE - column, 9)
        sheet.text(column, y - 1, "\n".join(lines), size=9, color=INK)
        tall = 15 * len(lines) - 3
        sheet.lines([[(column - 6, y - 1), (column - 6, y + tall)]], color=color, line=2.5)
        free = y + 17 * len(lines) + 4
