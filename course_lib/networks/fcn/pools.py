"""A pool whose window has gaps: PyTorch's average pool has no ``dilation``, and no pool of its has ceil mode with it.

Where a stride is taken out of a network, cells that were neighbours stand ``dilation`` cells apart; a pool that came
after it has to take every ``dilation``-th cell to see what it saw before.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["AtrousPool2d"]


class AtrousPool2d(nn.Module):
    """Average or maximum over ``kernel_size`` × ``kernel_size`` cells that stand ``dilation`` apart.

    Args:
        kernel_size: cells on a side.
        stride: from window to window.
        padding: cells around the map: zeros that count for an average, nothing at all for a maximum.
        dilation: distance of the cells that a window takes.
        kind: "avg" or "max".
        ceil: the stride that was taken out of a pool in ceil mode; its last window may reach beyond the map.

    Example:
        >>> pool = AtrousPool2d(2, 1, dilation=2, kind="avg")
        >>> pool(torch.tensor([[[[1.0, 50.0, 3.0], [50.0, 50.0, 50.0], [5.0, 50.0, 7.0]]]]))
        tensor([[[[4.]]]])
    """

    def __init__(
        self,
        kernel_size: int,
        stride: int = 1,
        *,
        padding: int = 0,
        dilation: int = 1,
        kind: str = "avg",
        ceil: int = 1,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.dilation = kernel_size, stride, dilation
        self.padding, self.kind, self.ceil = padding, kind, ceil

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, h, w)."""
        if self.padding or self.ceil > 1:
            front, (below, right) = self.padding, map(self._behind, x.shape[-2:])
            x = F.pad(x, (front, right, front, below), value=0.0 if self.kind == "avg" else float("-inf"))
        if self.kind == "max":
            return F.max_pool2d(x, self.kernel_size, self.stride, dilation=self.dilation)
        if self.dilation == 1:
            return F.avg_pool2d(x, self.kernel_size, self.stride)
        channels, cells = x.shape[1], self.kernel_size**2
        share = torch.full((channels, 1, self.kernel_size, self.kernel_size), 1 / cells, dtype=x.dtype, device=x.device)
        return F.conv2d(x, share, stride=self.stride, dilation=self.dilation, groups=channels)

    def _behind(self, cells: int) -> int:
        """Padding behind: the old map had ⌈cells / dilation⌉ cells, and its last window may have reached beyond."""
        old = -(-(cells + 2 * self.padding) // self.dilation)
        return self.padding + self.dilation * ((self.kernel_size - old) % self.ceil)

    def extra_repr(self) -> str:
        """What stands in the brackets when the module is printed."""
        return (
            f"{self.kind}, kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}"
        )


class EveryNth(nn.Module):
    """Every ``n``-th cell of every ``n``-th row: the cells that a network had before its strides were taken out.

    Example:
        >>> EveryNth(2)(torch.arange(9.0).view(1, 1, 3, 3))
        tensor([[[[0., 2.],
                  [6., 8.]]]])
    """

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, ⌈H/n⌉, ⌈W/n⌉)."""
        return x[:, :, :: self.n, :: self.n]

    def extra_repr(self) -> str:
        """What stands in the brackets when the module is printed."""
        return f"n={self.n}"
