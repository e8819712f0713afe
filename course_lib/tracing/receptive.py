"""What one cell of a map sees of the picture: in theory, and measured by gradient.

The theory is the trace's receptive field (``course_lib.tracing.fields``): what a cell *can* see. What it *does* see is
the gradient of the cell by the picture, mostly on far fewer pixels: Luo, Li, Urtasun and Zemel 2016, "Understanding the
effective receptive field in deep convolutional neural networks", https://arxiv.org/abs/1701.04128. Nothing is drawn
here (``course_lib.drawing.field_figure``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from course_lib.tracing.layer_maps import LayerError, cell_op, device_of, run_layer

__all__ = ["Box", "effective", "field_of", "field_size", "gradient_field", "pixel_gradient"]

#: (left, top, right, bottom) in pixels of the picture as it enters the model; right and bottom are not part of it.
Box = tuple[int, int, int, int]


def field_of(
    model: nn.Module, layer: str, row: int, column: int, picture_size: Sequence[int] = (224, 224)
) -> Box | None:
    """The theoretical receptive field of a cell, as far as it lies on the picture.

    Args:
        layer, row, column: which cell, counted from 0 at the top left.
        picture_size: (height, width), or (channels, height, width), of the picture as it enters the model.

    Returns:
        (left, top, right, bottom); None where the trace cannot follow it (inside shifted windows, for instance).

    Raises:
        LayerError: there is no such layer or cell.

    Example:
        >>> from torchvision.models import resnet18
        >>> field_of(resnet18(), "conv1", 0, 5), field_of(resnet18(), "layer2.0.add", 13, 13)
        ((7, 0, 14, 4), (71, 71, 138, 138))
    """
    field = cell_op(model, layer, row, column, picture_size).field
    return None if field is None else field.box(row, column)


def field_size(model: nn.Module, layer: str, picture_size: Sequence[int] = (224, 224)) -> tuple[int, int] | None:
    """(height, width) of the theoretical field in pixels, the part beyond the picture's edge counted too.

    Example:
        >>> from torchvision.models import resnet18
        >>> field_size(resnet18(), "layer1.0.conv1"), field_size(resnet18(), "layer4.1.add")
        ((19, 19), (435, 435))
    """
    field = cell_op(model, layer, 0, 0, picture_size).field
    return None if field is None else field.size


def gradient_field(
    model: nn.Module, batch: Tensor, layer: str, row: int, column: int, *, channels: Sequence[int] | None = None
) -> Tensor:
    """What a cell does see of a picture: by how much each pixel, moved a little, would move the cell.

    Args:
        batch: (1, C, H, W), one prepared picture.
        layer, row, column: which cell.
        channels: None asks for the sum over all of the cell's channels, in one backward pass. Otherwise for these
            channels one by one, their answers added up: nothing cancels, but it takes a pass for each.

    Returns:
        (H, W) on the CPU, ``|∂cell/∂pixel|`` summed over the picture's colours; all 0 for a cell whose ReLU is shut.

    Raises:
        LayerError: there is no such layer, cell or channel, or more than one picture.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, padding=1))
        >>> seen = gradient_field(net, torch.rand(1, 1, 9, 9), "1", 4, 4)
        >>> int((seen > 0).sum())
        25
    """

    def numbers(picture: Tensor) -> Sequence[Tensor]:
        cell_op(model, layer, row, column, tuple(picture.shape[1:]))
        cell = run_layer(model, picture.to(device_of(model)), layer)[0, :, row, column]
        wrong = [channel for channel in channels or () if not 0 <= channel < len(cell)]
        if wrong:
            raise LayerError(f"Channel {wrong[0]}: {layer!r} has channels 0 to {len(cell) - 1}.")
        return [cell.sum()] if channels is None else [cell[channel] for channel in channels]

    return pixel_gradient(batch, numbers)


def pixel_gradient(batch: Tensor, numbers: Callable[[Tensor], Sequence[Tensor]]) -> Tensor:
    """By how much each pixel of a picture, moved a little, would move numbers that are computed from the picture.

    Args:
        batch: (1, C, H, W), one prepared picture.
        numbers: computes them from such a batch. Each takes a backward pass of its own, and the results are added up.

    Returns:
        (H, W) on the CPU, |∂number/∂pixel| summed over the picture's colours and over the numbers.

    Raises:
        LayerError: more than one picture.

    Example:
        >>> pixel_gradient(torch.ones(1, 3, 1, 2), lambda picture: [(picture[..., 0] ** 2).sum()])
        tensor([[6., 0.]])
    """
    if batch.dim() != 4 or len(batch) != 1:
        raise LayerError(f"A gradient is of one picture: a batch (1, C, H, W) is needed, not {tuple(batch.shape)}.")
    with torch.inference_mode(False), torch.enable_grad():
        picture = batch.detach().clone().requires_grad_()
        asked = numbers(picture)
        gradient = torch.zeros(picture.shape[-2:], device=picture.device)
        for k, number in enumerate(asked, 1):
            if number.requires_grad:
                (slope,) = torch.autograd.grad(number, picture, retain_graph=k < len(asked), allow_unused=True)
                gradient = gradient if slope is None else gradient + slope[0].abs().sum(0)
    return gradient.detach().float().cpu()


def effective(seen: Tensor, share: float = 0.95) -> Tensor:
    """The fewest pixels that hold ``share`` of a gradient: the effective receptive field.

    Args:
        seen: (H, W), from ``gradient_field``.
        share: above 0, at most 1.

    Returns:
        (H, W) of True and False; nowhere True where there is no gradient.

    Example:
        >>> effective(torch.tensor([[1.0, 6.0], [0.0, 3.0]]), 0.85)
        tensor([[False,  True],
                [False,  True]])
    """
    if not 0 < share <= 1:
        raise LayerError(f"share={share!r}: give a share above 0 and at most 1, such as 0.95.")
    order = seen.flatten().double().sort(descending=True, stable=True)
    total = order.values.sum()
    before = order.values.cumsum(0) - order.values  # what the larger ones hold already
    chosen = (before < share * total) & (order.values > 0)
    held = torch.zeros(seen.numel(), dtype=torch.bool)
    held[order.indices[chosen]] = True
    return held.reshape(seen.shape)
