"""A linear layer behind a flatten, and the convolution that it is: one row of the matrix folds into one kernel."""

from __future__ import annotations

from torch import Tensor

from course_lib.drawing.overlay import short
from course_lib.drawing.sheet import FAINT, Box, Sheet
from course_lib.drawing.still import BLUE, INK, ORANGE, Still
from course_lib.errors import CourseError

__all__ = ["draw_row_as_kernel"]

_WIDTH, _EDGE, _TOP = 860.0, 8.0, 62.0
_MOST = 24  # numbers in a row that can still be read


def draw_row_as_kernel(weight: Tensor, channels: int, height: int, width: int, *, row: int = 0) -> Still:
    """A weight matrix with one row framed, and below it the same numbers as the kernel of a convolution.

    Args:
        weight: of a linear layer, (outputs, channels · height · width); at most 24 numbers in a row.
        channels, height, width: of the map that was flattened.
        row: the output whose row is folded.

    Raises:
        CourseError: the numbers do not go together, or there are too many to be read.

    Example:
        >>> import torch
        >>> draw_row_as_kernel(torch.zeros(5, 12), 3, 2, 2, row=1)
        A 5×12 matrix: row 1 holds the 12 numbers of kernel 1, 3 channels of 2×2
    """
    if weight.dim() != 2 or weight.shape[1] != channels * height * width:
        raise CourseError(
            f"A weight of shape {tuple(weight.shape)} does not belong to a flattened map of {channels}×{height}×{width}"
            f": give (outputs, {channels * height * width})."
        )
    outputs, numbers = weight.shape
    if not 0 <= row < outputs or numbers > _MOST or outputs > 8:
        raise CourseError(f"row={row} of a {outputs}×{numbers} matrix: at most 8 rows of 24 numbers can be drawn.")
    cell = min(58.0, (_WIDTH - 2 * _EDGE - 60) / numbers)
    tall = min(cell, 30.0)
    under = _TOP + tall * outputs + 76
    sheet = Sheet(_WIDTH, under + 34 * height + 40)
    values = weight.detach().tolist()
    sheet.text(_EDGE, 6, f"The linear layer's weight: {outputs} outputs × {numbers} inputs", size=10.5, bold=True)
    left = _EDGE + 60
    for channel in range(channels):
        x = left + channel * height * width * cell
        sheet.text(x, 34, f"channel {channel}", size=9, color=_COLORS[channel % 3])
        sheet.lines([[(x, 52), (x + height * width * cell - 4, 52)]], color=_COLORS[channel % 3], line=2)
    for k, line in enumerate(values):
        y = _TOP + k * tall
        sheet.middle_text(left - 10, y + tall / 2, f"row {k}", size=9, align="right", color=INK if k == row else FAINT)
        _cells(sheet, line, (left, y, cell, tall), height * width, strong=k == row)
    frame = (left - 2, _TOP + row * tall - 1, cell * numbers + 4, tall + 2)
    sheet.boxes([frame], edge=INK, line=2, level=2.5)
    sheet.text(_EDGE, under - 50, f"Row {row}, folded: kernel {row} of the convolution, {channels}×{height}×{width}",
               size=10.5, bold=True)  # fmt: skip
    tile = min(58.0, (_WIDTH - left - _EDGE - 40 * (channels - 1)) / (channels * width))
    for channel in range(channels):
        x = left + channel * (width * tile + 40)
        sheet.text(x, under - 24, f"channel {channel}", size=9, color=_COLORS[channel % 3])
        for down in range(height):
            start = channel * height * width + down * width
            part = values[row][start : start + width]
            _cells(sheet, part, (x, under + 34 * down, tile, 34.0), width, strong=True, first=channel)
    alt = (
        f"A {outputs}×{numbers} matrix: row {row} holds the {numbers} numbers of kernel {row}, "
        f"{channels} channels of {height}×{width}"
    )
    return sheet.still(alt)


_COLORS = (BLUE, ORANGE, "#00664A")


def _cells(sheet: Sheet, values: list[float], first_cell: Box, each: int, *, strong: bool, first: int = 0) -> None:
    """A line of numbers in boxes; every ``each`` of them, beginning with channel ``first``, have one edge colour."""
    left, top, wide, tall = first_cell
    for k in range(len(values)):
        color = _COLORS[(first + k // each) % 3]
        box = (left + k * wide + 2, top + 2, wide - 4, tall - 4)
        sheet.boxes([box], fill="white", edge=color if strong else "#CFCFCF", line=1.6 if strong else 0.8)
    marks = [
        (left + (k + 0.5) * wide, top + tall / 2, short(value), INK if strong else FAINT)
        for k, value in enumerate(values)
    ]
    sheet.marks(marks, size=9)
