"""The inputs of a trace: sizes as people write them, tensors, and plain values beside them; and models by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Number
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torchvision.models import get_model_builder, list_models

from course_lib.errors import ModelNameError, closest
from course_lib.tracing.records import Shape, times
from course_lib.tracing.result import TraceError

__all__ = ["Inputs", "Leaf", "build", "read", "readings", "works_on_maps"]


# -- sizes and values -------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Leaf:
    """A tensor that goes in: its size, its dtype (None is the model's own), and itself where it was given."""

    size: Shape
    dtype: torch.dtype | None = None
    value: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the forward is called with.

    Attributes:
        values: one for each argument: a leaf, a plain value, or a dict, list or tuple of these.
        names: the arguments' names, where they were given by name.
    """

    values: tuple[Any, ...]
    names: tuple[str, ...] = ()

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        return tuple(_leaves(self.values))

    @property
    def sizes(self) -> tuple[Shape, ...]:
        return tuple(leaf.size for leaf in self.leaves)

    def changed(self, change: Callable[[Leaf], Any]) -> Inputs:
        """The same with every leaf replaced by ``change(leaf)``."""
        return replace(self, values=_changed(self.values, change))

    def batched(self) -> Inputs:
        """The same with a batch of one in front of every size of three numbers."""
        return self.changed(lambda leaf: replace(leaf, size=(1, *leaf.size)) if _is_short(leaf) else leaf)


def _leaves(value: Any) -> Iterator[Leaf]:
    if isinstance(value, Leaf):
        yield value
    elif isinstance(value, Mapping):
        yield from _leaves(tuple(value.values()))
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _leaves(item)


def _changed(value: Any, change: Callable[[Leaf], Any]) -> Any:
    if isinstance(value, Leaf):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _changed(item, change) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return _like(value, [_changed(item, change) for item in value])
    return value


def _like(several: Any, items: list[Any]) -> Any:
    """The items as a list, a tuple, or a named tuple, whichever they were taken from."""
    if isinstance(several, list):
        return items
    return several._make(items) if hasattr(several, "_make") else tuple(items)


def _is_short(leaf: Leaf) -> bool:
    return leaf.value is None and len(leaf.size) == 3


def read(input_size: Any, dtypes: Any = None) -> Inputs:
    """What the forward is called with, as it was written; ``readings`` says whether a batch is missing.

    Args:
        input_size: (3, 224, 224), with the batch (1, 3, 224, 224), a tensor; several inputs in a list, or in a mapping
            from the forward's argument names. Beside sizes and tensors, and in dicts, lists and tuples of them, there
            may be numbers, words and None, which are passed on. Nothing, such as (), is a forward without inputs.
        dtypes: a dtype, or one for each input; None is the model's own.

    Raises:
        TraceError: no size: another type, zero or negative numbers.

    Example:
        >>> read((3, 224, 224)).sizes
        ((3, 224, 224),)
        >>> read({"x": (1, 3, 8, 8), "scale": 5, "state": [(1, 5), None]}).values[1:]
        (5, [Leaf(size=(1, 5), dtype=None, value=None), None])
    """
    names: tuple[str, ...] = ()
    if isinstance(input_size, Mapping):
        names, values = tuple(str(name) for name in input_size), list(input_size.values())
    elif isinstance(input_size, tuple | list) and (not input_size or _several(input_size)):
        values = list(input_size)
    elif isinstance(input_size, Tensor | tuple | list):
        values = [input_size]
    else:
        raise TraceError(f"input_size={_short(input_size)} isn't a size; {_HOW}")
    kinds = list(dtypes) if isinstance(dtypes, tuple | list) else [dtypes] * len(values)
    if len(kinds) != len(values) or not all(kind is None or isinstance(kind, torch.dtype) for kind in kinds):
        raise TraceError(f"dtypes={_short(dtypes)}: give one torch.dtype, or one for each of the {len(values)} inputs.")
    return Inputs(tuple(_value(value, kind) for value, kind in zip(values, kinds, strict=True)), names)


_HOW = "write it as (channels, height, width), such as (3, 224, 224), or with the batch, such as (1, 3, 224, 224)."
_PLAIN = (Number, str, bytes, type(None), torch.dtype, torch.device)


def _several(value: Any) -> bool:
    return any(isinstance(item, tuple | list | Tensor | Mapping) for item in value)


def _short(value: Any) -> str:
    """A value in a sentence: at most 80 characters, and of tensors the sizes alone."""
    if isinstance(value, Tensor):
        return f"a tensor of {times(tuple(value.shape))}"
    if not isinstance(value, (*_PLAIN, tuple, list)) or (isinstance(value, tuple | list) and _several(value)):
        return f"a {type(value).__name__}"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _value(value: Any, dtype: torch.dtype | None) -> Any:
    if isinstance(value, Tensor):
        return Leaf(tuple(value.shape), value.dtype, value)
    if isinstance(value, Mapping):
        return {key: _value(item, dtype) for key, item in value.items()}
    if isinstance(value, tuple | list):
        if not value or _several(value):
            return _like(value, [_value(item, dtype) for item in value])
        return Leaf(_size(value), dtype)
    if isinstance(value, _PLAIN):
        return value
    raise TraceError(
        f"An input is {_short(value)}; give sizes and tensors, and beside them numbers, words, None, "
        "or dicts and lists of all these."
    )


def _size(size: Sequence[Any]) -> Shape:
    if not all(isinstance(n, int) and not isinstance(n, bool) for n in size):
        raise TraceError(f"input_size={_short(tuple(size))} holds something that isn't a whole number; {_HOW}")
    if any(n < 1 for n in size):
        raise TraceError(f"input_size={_short(tuple(size))} holds a size below 1; {_HOW}")
    if not 2 <= len(size) <= 5:
        raise TraceError(
            f"input_size={_short(tuple(size))} has {len(size)} dimension{'s'[: len(size) != 1]}; {_HOW} "
            "A tensor may have any size."
        )
    return tuple(size)


# -- three numbers ----------------------------------------------------------------------------------------------------
def readings(given: Inputs, model: nn.Module) -> list[Inputs]:
    """The ways to read sizes of three numbers, the likely one first; one way where there are none.

    (3, 224, 224) is a picture without its batch. But (2, 5, 8) is whole for a model without layers for maps that has
    layers for sequences (Conv1d and its like, recurrent ones, attention), or begins with a linear layer of 8 features.

    Example:
        >>> [way.sizes for way in readings(read((3, 8, 8)), nn.Conv2d(3, 1, 1))]
        [((1, 3, 8, 8),)]
        >>> [way.sizes for way in readings(read((1, 1, 10)), nn.Conv1d(1, 2, 3))]
        [((1, 1, 10),), ((1, 1, 1, 10),)]
    """
    short = [leaf.size for leaf in given.leaves if _is_short(leaf)]
    if not short:
        return [given]
    if works_on_maps(model) or not _works_on_sequences(model, short[0][-1]):
        return [given.batched()]
    return [given, given.batched()]


_SEQUENCES = (nn.RNNBase, nn.MultiheadAttention, nn.Transformer, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)
_ROWS = {nn.Linear: "in_features", nn.Bilinear: "in1_features"}


def works_on_maps(model: nn.Module) -> bool:
    """Whether it has layers for maps or volumes, such as Conv2d, or weights of such a shape."""
    return any(_is_for(module, ("2d", "3d")) for module in model.modules()) or any(
        parameter.dim() > 3 for parameter in model.parameters()
    )


def _works_on_sequences(model: nn.Module, width: int) -> bool:
    first = next((module for module in model.modules() if next(module.children(), None) is None), model)
    for kind, name in _ROWS.items():
        if isinstance(first, kind):
            return bool(getattr(first, name) == width)
    return any(isinstance(module, _SEQUENCES) or _is_for(module, ("1d",)) for module in model.modules())


def _is_for(module: nn.Module, ends: tuple[str, ...]) -> bool:
    return any(kind.__name__.endswith(ends) for kind in type(module).__mro__ if kind.__module__.startswith("torch"))


# -- models by name ---------------------------------------------------------------------------------------------------
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
