"""Torchvision's models with random weights, built fast: for what depends on shapes alone, such as a forward's time.

Most of a construction's time goes into drawing random numbers (vgg19: 144 million of them, twice). Here a construction
is the model's own, with every buffer right, except that the numbers are a block of random ones, repeated. They are as
large as the initialisation expects them: values that vanish (denormal numbers) or overflow would be slower to compute
with. The global random number generator stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torchvision.models import get_model_builder

__all__ = ["quick_model"]

_BLOCK = 1 << 20


def quick_model(name: str, *, side: int | None = None) -> nn.Module:
    """Build one of torchvision's models with random weights, in eval mode.

    Args:
        name: of a registered builder.
        side: of the picture, in pixels, for the few models that are built for one size (ViT, MaxViT).

    Example:
        >>> model = quick_model("squeezenet1_1")
        >>> model.training, bool(model(torch.randn(1, 3, 224, 224)).isfinite().all())
        (False, True)
    """
    kwargs: dict[str, Any] = {}
    if side is not None and name.startswith("vit_"):
        kwargs["image_size"] = side
    elif side is not None and name.startswith("maxvit_"):
        kwargs["input_size"] = (side, side)
    elif name in ("googlenet", "inception_v3"):  # their own warns that it is slow; the helper heads are for training
        kwargs |= {"init_weights": False, "aux_logits": False}
    with torch.random.fork_rng(devices=[]), _Repeated():
        model: nn.Module = get_model_builder(name)(weights=None, **kwargs)
    return model.eval()


class _Repeated(TorchFunctionMode):
    """While it is on, ``uniform_`` and ``normal_`` repeat a block of random numbers instead of drawing each."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is Tensor.uniform_:
            low, high = (*args[1:3], *(kwargs[word] for word in ("from", "to") if word in kwargs), 0.0, 1.0)[:2]
            return _fill(args[0], _block("uniform"), low, high - low)
        if func is Tensor.normal_:
            mean, std = (*args[1:3], *(kwargs[word] for word in ("mean", "std") if word in kwargs), 0.0, 1.0)[:2]
            return _fill(args[0], _block("normal"), mean, std)
        return func(*args, **kwargs)


def _fill(tensor: Tensor, block: Tensor, shift: float, scale: float) -> Tensor:
    with torch.no_grad():
        scaled = block * scale + shift
        flat = tensor.view(-1)
        whole = len(flat) // _BLOCK * _BLOCK
        flat[:whole].view(-1, _BLOCK).copy_(scaled)
        flat[whole:].copy_(scaled[: len(flat) - whole])
    return tensor


@lru_cache(maxsize=2)
def _block(kind: str) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    draw = torch.rand if kind == "uniform" else torch.randn
    return draw(_BLOCK, generator=generator)
