"""Channels-last batches: the layout in memory in which a CPU's convolutions are fastest.

The shape stays (B, C, H, W) and the values stay the same; only their order in memory changes: all channels of a pixel
stand side by side. A ResNet18 needs three quarters of the time for it, a SqueezeNet or a ShuffleNet half
(https://docs.pytorch.org/tutorials/intermediate/memory_format_tutorial.html).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

__all__ = ["in_channels_last"]


def in_channels_last(run: Callable[[Tensor], Tensor], batch: Tensor, *, model: nn.Module) -> Tensor:
    """``run(batch)``, on a CPU with the batch in channels-last layout.

    A forward that takes maps apart with ``view`` raises in this layout. Then it runs again in the ordinary one. A model
    in train mode gets the ordinary one at once, because a forward that's broken off has moved BatchNorm's statistics.

    Args:
        run: takes the batch through the model.
        batch: (B, C, H, W), where the model is.
        model: whose mode counts.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()).eval()
        >>> maps = in_channels_last(model, torch.zeros(2, 3, 8, 8), model=model)
        >>> maps.shape, maps.is_contiguous(memory_format=torch.channels_last)
        (torch.Size([2, 8, 6, 6]), True)
    """
    if batch.device.type == "cpu" and not any(module.training for module in model.modules()):
        try:
            return run(batch.contiguous(memory_format=torch.channels_last))
        except RuntimeError:
            pass  # if the layout isn't the reason, the same error comes again below
    return run(batch)
