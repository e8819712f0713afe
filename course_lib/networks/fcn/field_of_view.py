"""What one cell of a fully convolutional network's map sees: in theory, and measured by gradient.

The theory comes from the trace, scale by scale. The measure is the gradient of one logit of one cell by the picture, as
in ``tracing.receptive`` for the layers of a classifier. Nothing is drawn here (``drawing.cell_field``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.networks.fcn.fully_convolutional import FcnError, FullyConvolutional, size_at
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
        >>> from course_lib.networks.fcn import convert
        >>> cell_sight(convert("resnet18"), 0, 3, (387, 1024))
        Sight(size=(627, 627), box=(455, 0, 1024, 387), whole=False)
    """
    _check(fcn, row, column, picture_size)
    finest, boxes, whole = max(fcn.pyramid), [], False
    sizes: list[tuple[int, int]] = []
    for scale in fcn.pyramid:
        seen = size_at(*picture_size, scale)
        op = trace(fcn.network, (3, *seen)).ops[-1]
        if op.field is None or op.field.whole:
            whole = True
            break
        rows, columns = (
            _read(place, fcn.stride * finest, fcn.window * finest, scale / finest, many)
            for place, many in zip((row, column), op.outputs[0][-2:], strict=True)
        )
        boxes += [_enlarged(op.field.box(r, c), seen, picture_size) for r in rows for c in columns]
        more = 0 if scale == 1 else 1  # each pixel of a smaller picture is mixed from two of its own widths
        sizes.append((round((op.field.size[0] + more) / scale), round((op.field.size[1] + more) / scale)))
    height, width = picture_size
    if whole:
        return Sight(picture_size, (0, 0, width, height), True)
    left, top = (min(box[k] for box in boxes) for k in (0, 1))
    right, bottom = (max(box[k] for box in boxes) for k in (2, 3))
    return Sight(max(sizes), (left, top, right, bottom), False)


def _enlarged(
    box: tuple[int, int, int, int], seen: tuple[int, int], picture_size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """A box of the picture as the network saw it, in pixels of the picture itself, with all that was mixed into it."""
    edges = []
    for k, edge in enumerate(box):
        many, length = seen[1 - k % 2], picture_size[1 - k % 2]
        if many == length:
            edges.append(edge)
            continue
        reach = max(1.0, length / many)  # of the triangle that a resized pixel is the mean of, to either side
        middle = (edge + (0.5 if k < 2 else -0.5)) * length / many
        edges.append(math.floor(middle - reach) if k < 2 else math.ceil(middle + reach))
    width, height = picture_size[1], picture_size[0]
    return max(edges[0], 0), max(edges[1], 0), min(edges[2], width), min(edges[3], height)


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
        >>> from course_lib.networks.fcn import convert
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
