"""A picture at several scales, and their maps in one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["combine", "scaled", "size_at"]


def size_at(height: int, width: int, scale: float) -> tuple[int, int]:
    """A picture's size at another scale.

    Example:
        >>> size_at(387, 1024, 0.5)
        (194, 512)
    """
    return max(1, round(height * scale)), max(1, round(width * scale))


def scaled(x: Tensor, scale: float) -> Tensor:
    """Pictures made smaller or larger, antialiased as Pillow does it: (B, 3, H, W) → (B, 3, ~H·scale, ~W·scale)."""
    if scale == 1:
        return x
    size = size_at(x.shape[-2], x.shape[-1], scale)
    wide = x.float() if x.element_size() < 4 else x  # half precision is not resized on the CPU
    return F.interpolate(wide, size, mode="bilinear", antialias=True, align_corners=False).to(x.dtype)


def combine(maps: Sequence[Tensor], at: Sequence[float], *, step: int, side: int) -> Tensor:
    """The mean of several maps of logits, each read where the finest one has its cells.

    A cell belongs to the middle of its window. A map from a smaller picture has larger windows and fewer cells; it is
    read, linearly between its cells, at the middles of the finest map's windows (beyond its outermost cells: as there).

    The mean of logits asks that a class is likely at all scales. On scenes for tuning, its boxes fitted better than
    those of the maximum, which takes a mistake at one scale over, and far better than those of the mean of
    probabilities.

    Args:
        maps: (B, classes, h, w) each.
        at: the scales that they were made at.
        step, side: pixels from cell to cell, and of a window, in the picture as the network saw it.

    Example:
        >>> fine, coarse = torch.zeros(1, 1, 1, 3), torch.tensor([[[[2.0, 4.0]]]])
        >>> combine([fine, coarse], (1.0, 0.5), step=1, side=1)
        tensor([[[[1.0000, 1.2500, 1.7500]]]])
    """
    if len(maps) == 1:
        return maps[0]
    finest = max(at)
    home = maps[list(at).index(finest)]
    total = torch.zeros_like(home)
    for one, scale in zip(maps, at, strict=True):
        if scale == finest:
            total = total + one
            continue
        places = []
        for cells, there in zip(home.shape[-2:], one.shape[-2:], strict=True):
            middle = (torch.arange(cells, device=home.device) * step + side / 2) / finest  # pixels of the picture
            cell = (middle * scale - side / 2) / step  # the same place, counted in cells of this map
            places.append(2 * cell / max(there - 1, 1) - 1)  # as grid_sample counts: -1 the first, 1 the last
        rows, columns = torch.meshgrid(*places, indexing="ij")
        grid = torch.stack([columns, rows], -1).expand(len(one), -1, -1, -1).to(one.dtype)
        total = total + F.grid_sample(one, grid, padding_mode="border", align_corners=True)
    return total / len(maps)
