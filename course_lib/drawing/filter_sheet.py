"""The filters of a network's first convolution as little pictures (later ones have too many channels for that)."""

from __future__ import annotations

import numpy as np
from torch import nn

from course_lib.drawing import heat
from course_lib.drawing.map_figure import fitting
from course_lib.drawing.sheet import Box, Sheet
from course_lib.drawing.still import Still, still
from course_lib.errors import CourseError
from course_lib.tracing import layer_maps

__all__ = ["draw_filters"]


def draw_filters(model: nn.Module, *, count: int = 64) -> Still:
    """The filters of the first convolution, each as the little picture that it answers to most strongly.

    Args:
        model: its first convolution's weights are shown: red, green and blue where it has three channels, else grey
            and the channels' mean. Grey is 0, and the largest weight of each filter has full strength.
        count: how many, from the first on.

    Raises:
        LayerError: the model has no convolution.
        CourseError: ``count`` is no whole number of at least 1.

    Example:
        >>> from torchvision.models import resnet18
        >>> draw_filters(resnet18())
        conv1: all 64 filters of 7×7 pixels and 3 colours
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise CourseError(f"count={count!r}: ask for at least 1 filter.")
    weights, name = layer_maps.filters(model)
    total, colours, tall, wide = weights.shape
    shown = weights[:count].numpy() if colours == 3 else weights[:count].mean(1, keepdim=True).numpy()
    largest = np.maximum(np.abs(shown).max(axis=(1, 2, 3), keepdims=True), 1e-12)
    pixels = ((shown / largest * 0.5 + 0.5) * 255).round().astype(np.uint8).transpose(0, 2, 3, 1)
    pixels = np.repeat(pixels, 3, 3) if pixels.shape[3] == 1 else pixels
    grid = fitting(len(pixels), (tall, wide), (848, 320), 0)
    sheet = Sheet(860, 34 + grid.height + 24)
    many = f"all {total} filters" if len(pixels) == total else f"{len(pixels)} of {total} filters"
    said = f"{name}: {many} of {tall}×{wide} pixels and {colours} {'colours' if colours == 3 else 'channels'}"
    sheet.text(6, 7, said, size=10.5, bold=True)
    for k, one in enumerate(pixels):
        row, column = divmod(k, grid.columns)
        rows, columns = (np.arange(2 * n) * m // (2 * n) for n, m in ((grid.tall, tall), (grid.wide, wide)))
        place: Box = (6 + column * (grid.wide + 7), 34 + row * (grid.tall + 7), grid.wide, grid.tall)
        heat.lay(sheet, one[rows[:, None], columns], place)
    sheet.text(6, sheet.height - 17, "grey: weight 0; each filter's largest weight has full strength", size=8.5)
    return still(sheet.figure, said, photo=True)
