"""What one cell of a fully convolutional network's map sees: in theory, and measured by gradient.

The theory comes from the trace, scale by scale. The measure is the gradient of one logit of one cell by the picture, as
in ``course_lib.receptive`` for the layers of a classifier. Nothing is drawn here (``course_lib.diagrams.cell_field``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.fcn import pyramid
from course_lib.fcn.errors import FcnError
from course_lib.fcn.fully import FullyConvolutional
from course_lib.tracing import trace

__all__ = ["Sight", "cell_gradient", "cell_sight"]


@dataclass(frozen=True)
class Sight:
    """What a cell can see in theory.

    Attributes:
        size: (height, width) of its receptive field in the picture's pixels, what lies beyond the edge counted too; at
            several scales that of the coarsest.
        box: (left, top, right, bottom) of the part that lies on the picture.
        whole: a layer takes the whole picture in, wherever the cell is.
    """

    size: tuple[int, int]
    box: tuple[int, int, int, int]
    whole: bool


def cell_sight(fcn: FullyConvolutional, row: int, column: int, picture_size: tuple[int, int]) -> Sight:
    """The theoretical receptive field of a cell.

    Args:
        fcn: made by ``convert``.
        row, column: which cell of its map.
        picture_size: (height, width) in pixels.

    Raises:
        FcnError: there is no such cell, or the picture is too small.

    Example:
        >>> from course_lib.fcn import convert
        >>> cell_sight(convert("resnet18"), 0, 3, (387, 1024))
        Sight(size=(627, 627), box=(455, 0, 1024, 387), whole=False)
    """
    _check(fcn, row, column, picture_size)
    finest, boxes, whole = max(fcn.pyramid), [], False
    sizes: list[tuple[int, int]] = []
    for scale in fcn.pyramid:
        op = trace(fcn.network, (3, *pyramid.size_at(*picture_size, scale))).ops[-1]
        if op.field is None or op.field.whole:
            whole = True
            break
        sizes.append((round(op.field.size[0] / scale), round(op.field.size[1] / scale)))
        rows, columns = (
            _read(place, fcn.stride * finest, fcn.window * finest, scale / finest, many)
            for place, many in zip((row, column), op.outputs[0][-2:], strict=True)
        )
        boxes += [[edge / scale for edge in op.field.box(r, c)] for r in rows for c in columns]
    height, width = picture_size
    if whole:
        return Sight(picture_size, (0, 0, width, height), True)
    left, top = (math.floor(min(box[k] for box in boxes)) for k in (0, 1))
    right, bottom = (math.ceil(max(box[k] for box in boxes)) for k in (2, 3))
    return Sight(max(sizes), (left, top, min(right, width), min(bottom, height)), False)


def _read(place: int, step: float, side: float, scale: float, many: int) -> set[int]:
    """The rows (or columns) of a map at a ``scale`` that are mixed into one of the finest map."""
    cell = ((place * step + side / 2) * scale - side / 2) / step
    return {min(max(round_(cell), 0), many - 1) for round_ in (math.floor, math.ceil)}


def cell_gradient(fcn: FullyConvolutional, batch: Tensor, row: int, column: int, *, index: int | None = None) -> Tensor:
    """What a cell does see: by how much each pixel, moved a little, would move one of its logits.

    Args:
        batch: (1, 3, H, W), from ``fcn.prepare``.
        row, column: which cell of the map.
        index: of the class; that with the largest logit in this cell when left out.

    Returns:
        (H, W) on the CPU, |∂logit/∂pixel| summed over the picture's colours.

    Raises:
        FcnError: there is no such cell or class, or more than one picture.

    Example:
        >>> from course_lib.fcn import convert
        >>> seen = cell_gradient(convert("squeezenet1_1"), torch.rand(1, 3, 300, 300), 0, 0)
        >>> seen.shape, bool((seen > 0).any())
        (torch.Size([300, 300]), True)
    """
    if batch.dim() != 4 or len(batch) != 1:
        raise FcnError(f"A gradient is of one picture: a batch (1, 3, H, W) is needed, not {tuple(batch.shape)}.")
    _check(fcn, row, column, (batch.shape[-2], batch.shape[-1]))
    with torch.inference_mode(False), torch.enable_grad():
        picture = batch.detach().clone().requires_grad_()
        logits = fcn(picture)[0, :, row, column]
        if index is not None and not 0 <= index < len(logits):
            raise FcnError(f"index={index}: the classes are 0 to {len(logits) - 1}.")
        (slope,) = torch.autograd.grad(logits[int(logits.argmax()) if index is None else index], picture)
    return slope[0].abs().sum(0).detach().float().cpu()


def _check(fcn: FullyConvolutional, row: int, column: int, picture_size: tuple[int, int]) -> None:
    rows, columns = fcn.cells(*picture_size)
    if not (0 <= row < rows and 0 <= column < columns):
        raise FcnError(
            f"The map has no cell in row {row}, column {column}: for a picture of {picture_size[0]}×{picture_size[1]} "
            f"(height × width) it has rows 0 to {rows - 1} and columns 0 to {columns - 1}."
        )
