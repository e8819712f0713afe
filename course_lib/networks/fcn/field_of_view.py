"""What one cell of a fully convolutional network's map sees: its receptive field, and the gradient of a logit.

The receptive field comes from a trace at every scale; what the resizing of a pyramid mixes is added here. The gradient
is that of one logit with respect to the picture. ``course_lib.tracing.receptive`` has both for the layers of a
classifier; ``course_lib.drawing.field_figure`` draws these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from course_lib.networks.fcn.fully_convolutional import FcnError, FullyConvolutional, size_at
from course_lib.tracing.receptive import pixel_gradient
from course_lib.tracing.tracer import trace

__all__ = ["Sight", "cell_gradient", "cell_sight"]


@dataclass(frozen=True)
class Sight:
    """What a cell can see in theory.

    Attributes:
        size: (height, width) of its receptive field in the picture's pixels, including what lies beyond the edge; at
            several scales that of the coarsest.
        box: (left, top, right, bottom) of the part that lies on the picture.
        whole: whether a layer takes in the whole picture, wherever the cell is.
    """

    size: tuple[int, int]
    box: tuple[int, int, int, int]
    whole: bool


def cell_sight(fcn: FullyConvolutional, row: int, column: int, picture_size: tuple[int, int]) -> Sight:
    """The theoretical receptive field of a cell.

    Args:
        fcn: made by ``convert``.
        row, column: of the cell in its map.
        picture_size: (height, width) in pixels.

    Raises:
        FcnError: there is no such cell, or the picture is too small.

    Example:
        >>> from course_lib.networks.fcn import convert
        >>> cell_sight(convert("resnet18"), 0, 3, (387, 1024))
        Sight(size=(627, 627), box=(455, 0, 1024, 387), whole=False)
    """
    _check_cell(fcn, row, column, picture_size)
    height, width = picture_size
    finest = max(fcn.pyramid)
    boxes: list[tuple[int, int, int, int]] = []
    sizes: list[tuple[int, int]] = []
    for scale in fcn.pyramid:
        scaled_size = size_at(*picture_size, scale)
        op = trace(fcn.network, (3, *scaled_size)).ops[-1]
        if op.field is None or op.field.whole:
            return Sight(picture_size, (0, 0, width, height), True)
        rows, columns = (
            _mixed_cells(place, fcn.stride * finest, fcn.window * finest, scale / finest, cells)
            for place, cells in zip((row, column), op.output[-2:], strict=True)
        )
        boxes += [_box_on_picture(op.field.box(r, c), scaled_size, picture_size) for r in rows for c in columns]
        more = 0 if scale == 1 else 1  # each pixel of a smaller picture is mixed from two of its own widths
        sizes.append((round((op.field.size[0] + more) / scale), round((op.field.size[1] + more) / scale)))
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return Sight(max(sizes), (min(lefts), min(tops), max(rights), max(bottoms)), False)


def _mixed_cells(place: int, step: float, side: float, scale: float, cells: int) -> set[int]:
    """The rows (or columns) of the map at a scale from which one row of the finest map is interpolated.

    Args:
        place: the row of the finest map.
        step, side: pixels from cell to cell, and of a window, at the finest scale.
        scale: of the other map, as a share of the finest one.
        cells: how many rows the other map has.
    """
    cell = ((place * step + side / 2) * scale - side / 2) / step
    return {min(max(round_(cell), 0), cells - 1) for round_ in (math.floor, math.ceil)}


def _box_on_picture(
    box: tuple[int, int, int, int], scaled_size: tuple[int, int], picture_size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """A box on the resized picture as a box on the picture itself, with all pixels that were mixed into it."""
    height, width = picture_size
    left, right = _edges_on_picture(box[0], box[2], scaled_size[1], width)
    top, bottom = _edges_on_picture(box[1], box[3], scaled_size[0], height)
    return left, top, right, bottom


def _edges_on_picture(first: int, last: int, scaled_length: int, length: int) -> tuple[int, int]:
    if scaled_length == length:
        return first, last
    ratio = length / scaled_length
    reach = max(1.0, ratio)  # a resized pixel is the mean of a triangle that reaches so far to either side
    start, end = math.floor((first + 0.5) * ratio - reach), math.ceil((last - 0.5) * ratio + reach)
    return max(start, 0), min(end, length)


def cell_gradient(fcn: FullyConvolutional, batch: Tensor, row: int, column: int, *, index: int | None = None) -> Tensor:
    """What a cell does see: by how much each pixel, moved a little, would move one of its logits.

    Args:
        batch: (1, 3, H, W), from ``fcn.prepare``.
        row, column: of the cell in its map.
        index: of the class; the one with the largest logit in this cell when left out.

    Returns:
        (H, W) on the CPU, |∂logit/∂pixel| summed over the picture's colours.

    Raises:
        FcnError: there is no such cell or class.
        LayerError: more than one picture.

    Example:
        >>> import torch
        >>> from course_lib.networks.fcn import convert
        >>> seen = cell_gradient(convert("squeezenet1_1"), torch.rand(1, 3, 300, 300), 0, 0)
        >>> seen.shape, bool((seen > 0).any())
        (torch.Size([300, 300]), True)
    """

    def logit(picture: Tensor) -> list[Tensor]:
        _check_cell(fcn, row, column, (picture.shape[-2], picture.shape[-1]))
        logits = fcn(picture)[0, :, row, column]
        if index is not None and not 0 <= index < len(logits):
            raise FcnError(f"index={index}: the classes are 0 to {len(logits) - 1}.")
        return [logits[int(logits.argmax()) if index is None else index]]

    return pixel_gradient(batch, logit)


def _check_cell(fcn: FullyConvolutional, row: int, column: int, picture_size: tuple[int, int]) -> None:
    rows, columns = fcn.cells(*picture_size)
    if not (0 <= row < rows and 0 <= column < columns):
        raise FcnError(
            f"The map has no cell in row {row}, column {column}: for a picture of {picture_size[0]}×{picture_size[1]} "
            f"(height × width) it has rows 0 to {rows - 1} and columns 0 to {columns - 1}."
        )
