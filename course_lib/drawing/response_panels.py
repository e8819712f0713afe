"""What stands below a response map on its picture: the class's cells, the found region, the numbers, the IoU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from course_lib.drawing import heat
from course_lib.drawing.marks import digits
from course_lib.drawing.on_picture import put
from course_lib.drawing.sheet import Box, Sheet, wrapped
from course_lib.drawing.still import BLUE, INK

if TYPE_CHECKING:
    from course_lib.networks.fcn import Localisation, ResponseMap

__all__ = ["draw_class_map", "draw_numbers", "draw_region"]


def draw_class_map(sheet: Sheet, place: Box, cells: ResponseMap, found: Localisation) -> None:
    """The map of the class as it comes out: one rectangle a cell."""
    left, top, wide, tall = place
    values = cells.logits[cells.index_of(found.label)].numpy()
    rows, columns = values.shape
    span = (float(values.min()), float(values.max()))
    shown = put(sheet, heat.tiled(values, *span, round(2 * wide), round(2 * tall)), place)
    across, down = shown.size[0] / columns, shown.size[1] / rows
    row, column = found.cell
    shown.frame((column * across, row * down, (column + 1) * across, (row + 1) * down))
    sheet.text(left, top - 18, f"its map: {rows}×{columns} cells", size=9, bold=True)
    if wide / columns >= 34 and tall / rows >= 16:
        middle, largest = sum(span) / 2, max(abs(span[0]), abs(span[1]))
        marks = [
            (left + (c + 0.5) * wide / columns, top + (r + 0.5) * tall / rows, digits(value, largest),
             "white" if value < middle else INK)
            for r, line in enumerate(values.tolist()) for c, value in enumerate(line)
        ]  # fmt: skip
        sheet.marks(marks, size=9)


def draw_region(sheet: Sheet, place: Box, picture: Image.Image, found: Localisation) -> None:
    """The picture where the found region is; the rest nearly black."""
    size = (round(2 * place[2]), round(2 * place[3]))
    small = picture.convert("RGB").resize(size, Image.Resampling.BILINEAR, reducing_gap=1.0)
    mask = Image.fromarray(np.asarray(found.mask, np.uint8) * 255).resize(size, Image.Resampling.NEAREST)
    dark = small.point([14 + k // 5 for k in range(256)] * 3)
    put(sheet, Image.composite(small, dark, mask), place)
    share = float(np.asarray(found.mask, np.float32).mean())
    sheet.text(
        place[0], place[1] - 18, f"score ≥ {found.threshold:.2f} round the ring: {100 * share:.0f} %", size=9, bold=True
    )


def draw_numbers(
    sheet: Sheet, x: float, y: float, found: Localisation, truth: Sequence[float] | None, overlap: float | None
) -> None:
    """The numbers in words."""
    room = sheet.width - 6 - x
    lines = [f"Best cell: row {found.cell[0]}, column {found.cell[1]} (the ring)."]
    left, top, right, bottom = found.box
    lines.append(f"Found box: x {left} to {right}, y {top} to {bottom}.")
    if truth is not None:
        left, top, right, bottom = (round(float(edge)) for edge in truth)
        lines.append(f"True box: x {left} to {right}, y {top} to {bottom}.")
    if overlap is not None:
        lines.append(f"IoU = both boxes / either box = {overlap:.2f}")
    written = [one for long in lines for one in wrapped(long, room, 9)]
    for k, line in enumerate(written):
        sheet.text(x, y + 3 + 19 * k, line, size=9)
    if overlap is not None:
        _draw_overlap(sheet, (x, y + 14 + 19 * len(written), room, 14), overlap)


def _draw_overlap(sheet: Sheet, place: Box, overlap: float) -> None:
    """The IoU as a bar from 0 to 1, with a mark where it counts as found."""
    left, top, wide, tall = place
    sheet.boxes([place], fill="#EDEDED")
    sheet.boxes([(left, top, wide * overlap, tall)], fill=BLUE, level=1.1)
    sheet.lines([[(left + wide / 2, top - 4), (left + wide / 2, top + tall + 4)]], color=INK, line=1.4, level=1.2)
    ends = [(left, "0", "left"), (left + wide / 2, "0.5: found", "center"), (left + wide, "1", "right")]
    for x, words, side in ends:
        sheet.text(x, top + tall + 6, words, size=8.5, align=side)
