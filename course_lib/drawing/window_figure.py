"""A window on a wide picture, its cells of the last map, the linear row that becomes a kernel, and the response map.

``course_lib.networks.fcn.folded_row`` has the numbers. The same score is computed on both sides: mean times weight, as
the classifier's linear layer does it, and patch times kernel, as the convolution does it at every place.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from course_lib.drawing.number_figure import TEXT, draw_tile, written
from course_lib.drawing.overlay import OnPicture, coloured, enlarged, mark_cell, put, tiled
from course_lib.drawing.sheet import FAINT, Sheet, fitted_words
from course_lib.drawing.still import GREY, Still, still
from course_lib.networks.fcn.folded_row import FoldedRow

__all__ = ["draw_window"]

_WIDE, _PICTURE = 1040.0, 690.0
_RIGHT = _PICTURE + 34  # where the response map begins
_ROWS, _ROW, _TILE = 4, 62.0, 54.0  # channels that are shown
_BROWN = "#8A3B00"


def draw_window(
    picture: Image.Image, folded: FoldedRow, label: str, row: int, column: int, *, alone: float | None = None
) -> Still:
    """One window, and its class's score computed in two ways.

    Args:
        picture: the whole picture.
        folded: of that picture.
        label: one of the response map's categories.
        row, column: the window, as a cell of the response map.
        alone: the score that the classifier gives to the window when it is cut out, if it is known.

    Raises:
        FcnError: there is no such cell.

    Example:
        >>> from course_lib.models.classifier import load_classifier
        >>> from course_lib.networks.fcn.folded_row import folded_row
        >>> from picturebook import scene
        >>> picture = scene("camel", seed=1, size=(387, 1024)).picture
        >>> folded = folded_row(load_classifier("resnet18", weights="course", device="cpu"), picture)
        >>> draw_window(picture, folded, "camel", 3, 18)
        Window at row 3, column 18: camel ... by the linear row, ... by the kernel, ... in the response map
    """
    cells = folded.response
    index = cells.categories.index(label)
    box = cells.box_of(row, column)
    by_row, by_kernel = folded.by_row(index, row, column), folded.by_kernel(index, row, column)
    in_map = float(cells.logits[index, row, column])
    tall = _PICTURE * picture.height / picture.width
    under = 32 + tall + 26
    sheet = Sheet(_WIDE, under + 58 + _ROWS * _ROW + 92)
    size = f"{picture.height}×{picture.width}"
    sheet.text(6, 6, f"A window of {cells.window}×{cells.window} on a picture of {size}", size=11, bold=True)
    shown = put(sheet, picture, (6, 32, _PICTURE - 12, tall), size=picture.size)
    shown.frame(box)
    _spot(sheet, shown, folded)
    _draw_map(sheet, folded, index, (row, column))
    _draw_sums(sheet, folded, index, (row, column), under)
    top = under + 58 + _ROWS * _ROW
    for x, words, value in ((6.0, "by the linear layer", by_row), (_WIDE / 2 + 14, "by the convolution", by_kernel)):
        sheet.middle_text(x, top + 58, words, size=TEXT, bold=True)
        sheet.middle_text(x + 480, top + 58, f"= {written(value)}", size=13, bold=True, color=_BROWN, align="right")
    if alone is not None:
        words = f"Cut out and sent through the classifier alone, this window scores {written(alone)}: there, every "
        words += "convolution pads the cut edges with zeros."
        sheet.middle_text(6, top + 82, words, size=TEXT, color=FAINT)
    alt = f"Window at row {row}, column {column}: {label} {written(by_row)} by the linear row, {written(by_kernel)} by "
    return still(
        sheet.figure, f"{alt}the kernel, {written(in_map)} in the response map", photo=True, spots=sheet.spots, dots=1.5
    )


def _spot(sheet: Sheet, shown: OnPicture, folded: FoldedRow) -> None:
    """Each place of the window's middle is a region of the picture."""
    cells = folded.response
    _, rows, columns = cells.logits.shape
    first = (cells.window - cells.stride) / 2
    left, top, wide, tall = shown.box((first, first, first + columns * cells.stride, first + rows * cells.stride))
    sheet.spot("cell", (left, top, wide, tall), lambda r, c: f"window at row {r}, column {c}", rows=rows,
               columns=columns, gesture="drag")  # fmt: skip


def _draw_map(sheet: Sheet, folded: FoldedRow, index: int, cell: tuple[int, int]) -> None:
    """The class's response map with the window's cell, at the right."""
    cells = folded.response
    own, wide = cells.logits[index].numpy(), _WIDE - _RIGHT - 6
    rows, columns = own.shape
    high = min(wide * rows / columns, 150.0)
    sheet.text(_RIGHT, 34, f"The response map: {rows}×{columns} scores", size=TEXT, bold=True)
    pixels = tiled(own, float(own.min()), float(own.max()), round(2 * wide), round(2 * high))
    mark_cell(pixels, *cell, own.shape)
    shown = put(sheet, pixels, (_RIGHT, 56, wide, high), size=(columns, rows))
    name = cells.categories[index]
    sheet.spot("cell", shown.place, lambda r, c: f"{name} {written(float(own[r, c]))}", rows=rows, columns=columns,
               gesture="drag")  # fmt: skip
    y = 56 + high + 18
    where = f"row {cell[0]}, column {cell[1]}"
    sheet.middle_text(_RIGHT, y, fitted_words(f"{name}, {where}", wide - 90, TEXT), size=TEXT)
    sheet.middle_text(_RIGHT + wide, y, written(float(own[cell])), size=13, bold=True, color=_BROWN, align="right")
    share = float(cells.logits[:, cell[0], cell[1]].softmax(0)[index])
    best = cells.labels[cell[0]][cell[1]]
    sheet.middle_text(_RIGHT, y + 24, f"{100 * share:.0f}% {name}; this cell says {best}", size=TEXT, color=FAINT)


def _draw_sums(sheet: Sheet, folded: FoldedRow, index: int, cell: tuple[int, int], top: float) -> None:
    """The channels that count most: as mean times weight, and as patch times kernel."""
    patch = folded.patch(*cell)
    means, row, side = patch.mean((1, 2)), folded.weight[index], folded.side
    parts = means * row
    order = parts.abs().argsort(descending=True, stable=True).tolist()
    half = _WIDE / 2 + 14
    size = f"{len(means)}×{side}×{side}"
    for x, head, words in (
        (6.0, "The linear layer", f"pool {size} to {len(means)} means, times one row of {len(means)} weights"),
        (half, "The same row as a kernel", f"each weight / {side * side}, in all {side}×{side} cells: {size}"),
    ):
        sheet.text(x, top, head, size=11, bold=True)
        sheet.text(x, top + 22, words, size=TEXT, color=FAINT)
    sheet.lines([[(half - 20, top), (half - 20, top + 58 + _ROWS * _ROW + 64)]], color=GREY)
    most = float(row.abs().max()) or 1.0
    for k, channel in enumerate(order[:_ROWS]):
        y, own = top + 48 + k * _ROW, patch[channel].numpy()
        middle, mean, weight = y + _TILE / 2, float(means[channel]), float(row[channel])
        value = written(float(parts[channel]))
        for x, above in ((6.0, 12), (half, 0)):
            draw_tile(sheet, (x, y, _TILE, _TILE), own)
            sheet.middle_text(x + _TILE + 10, middle - above, f"channel {channel}", size=TEXT)
            sheet.middle_text(x + 480, middle, f"= {value}", size=TEXT, bold=True, align="right")
        sheet.middle_text(6 + _TILE + 10, middle + 10, f"mean {written(mean)}", size=TEXT)
        sheet.middle_text(196, middle, "×", size=11, bold=True, align="center")
        sheet.middle_text(216, middle, f"weight {written(weight)}", size=TEXT)
        sheet.middle_text(half + 152, middle, "×", size=11, bold=True, align="center")
        colour = coloured(np.full((side, side), weight, np.float32), -most, most)
        dots = round(2 * _TILE)
        tile = put(sheet, enlarged(colour, dots, dots), (half + 170, y, _TILE, _TILE))
        sheet.grid(tile.place, side, side, color="white", line=0.5)
        for line, words in ((-12, written(weight / side**2)), (10, "in each cell")):
            sheet.middle_text(half + 170 + _TILE + 10, middle + line, words, size=TEXT)
    last = top + 58 + _ROWS * _ROW
    rest, bias = float(parts[order[_ROWS:]].sum()), float(folded.bias[index])
    for x in (6.0, half):
        for line, words, number in ((0, f"the {len(order) - _ROWS} other channels", rest), (1, "bias", bias)):
            sheet.middle_text(x, last + 6 + 20 * line, words, size=TEXT)
            sheet.middle_text(x + 480, last + 6 + 20 * line, written(number), size=TEXT, bold=True, align="right")
        sheet.lines([[(x, last + 40), (x + 480, last + 40)]])
