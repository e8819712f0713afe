"""The inputs of a trace: sizes as people write them, or tensors, into one form; and models by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torchvision.models import get_model_builder, list_models

from course_lib.errors import ModelNameError, closest
from course_lib.tracing.result import TraceError

__all__ = ["Input", "build", "read"]

Input = tuple[tuple[int, ...], torch.dtype | None, Tensor | None]


def read(input_size: Any, dtypes: Any = None) -> tuple[list[Input], list[str]]:
    """One or several inputs, and their names where they were given by name.

    Args:
        input_size: (3, 224, 224), with the batch (1, 3, 224, 224), several of these in a list, tensors, or a mapping
            from the forward's argument names to these.
        dtypes: a dtype, or one for each input; None is the model's own.

    Raises:
        TraceError: no size: another type, zero or negative numbers.

    Example:
        >>> read((3, 224, 224))[0]
        [((1, 3, 224, 224), None, None)]
        >>> [size for size, _, _ in read([(1, 3, 8, 8), (1, 5)])[0]]
        [(1, 3, 8, 8), (1, 5)]
    """
    names: list[str] = []
    if isinstance(input_size, Mapping):
        names, input_size = [str(name) for name in input_size], list(input_size.values())
    elif isinstance(input_size, Tensor | torch.Size) or not _several(input_size):
        input_size = [input_size]
    if not len(input_size):
        raise TraceError("input_size is empty; write it as (channels, height, width), such as (3, 224, 224).")
    kinds = list(dtypes) if isinstance(dtypes, tuple | list) else [dtypes] * len(input_size)
    if len(kinds) != len(input_size) or not all(kind is None or isinstance(kind, torch.dtype) for kind in kinds):
        raise TraceError(f"dtypes={dtypes!r}: give one torch.dtype, or one for each of the {len(input_size)} inputs.")
    return [_one(size, kind) for size, kind in zip(input_size, kinds, strict=True)], names


def _several(value: Any) -> bool:
    return isinstance(value, tuple | list) and any(isinstance(item, tuple | list | Tensor) for item in value)


def _one(size: Any, dtype: torch.dtype | None) -> Input:
    if isinstance(size, Tensor):
        return tuple(size.shape), size.dtype, size
    how = "write it as (channels, height, width), such as (3, 224, 224), or with the batch, such as (1, 3, 224, 224)."
    if not isinstance(size, tuple | list):
        raise TraceError(f"input_size={size!r} is no size; {how}")
    if not all(isinstance(n, int) and not isinstance(n, bool) for n in size):
        raise TraceError(f"input_size={tuple(size)!r} holds something that is no whole number; {how}")
    if any(n < 1 for n in size):
        raise TraceError(f"input_size={tuple(size)!r} holds a size below 1; {how}")
    if not 2 <= len(size) <= 5:
        raise TraceError(f"input_size={tuple(size)!r} has {len(size)} dimension{'s'[: len(size) != 1]}; {how}")
    return ((1, *size) if len(size) == 3 else tuple(size)), dtype, None


class _WithoutMemory(TorchFunctionMode):
    """Empty tensors are made on the meta device, and filling them is left out; all else is made as asked."""

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.empty:
            return func(*args, **{**kwargs, "device": "meta"})
        name = str(getattr(func, "__name__", ""))
        in_place = name.endswith("_") and not name.endswith("__") and name != "requires_grad_"
        if in_place and args and isinstance(args[0], Tensor) and args[0].is_meta:
            return args[0]
        return func(*args, **kwargs)


def build(name: str, *, real: bool = False) -> nn.Module:
    """A model by its torchvision name, as its weights' entry would build it: auxiliary heads, input transform.

    Args:
        real: with memory and initialised; otherwise on the meta device as far as it goes (torch's own
            ``torch.device("meta")`` cannot build the RegNets).

    Raises:
        ModelNameError: the registry has no such model.

    Example:
        >>> next(build("vgg19").parameters()).device.type
        'meta'
    """
    try:
        builder = get_model_builder(name)
    except (ValueError, AttributeError, TypeError) as error:
        raise ModelNameError(f"torchvision has no model {name!r}.{closest(str(name), list_models())}") from error
    settings: dict[str, Any] = {"weights": None}
    if name in ("googlenet", "inception_v3"):
        settings.update(init_weights=False, transform_input=True, aux_logits=name == "inception_v3")
    elif name.startswith(("fcn_", "deeplabv3_")):
        settings.update(weights_backbone=None, aux_loss=True)
    elif getattr(builder, "__module__", "").startswith(("torchvision.models.segm", "torchvision.models.det")):
        settings.update(weights_backbone=None)
    if real:
        return builder(**settings)  # type: ignore[no-any-return]
    with _WithoutMemory():
        return builder(**settings)  # type: ignore[no-any-return]
