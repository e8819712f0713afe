"""Leaf rules: the op that an unmodified layer of torch.nn is, read from the layer's attributes.

A rule gets the layer's attributes and the shape that comes in, and answers only where the answer is certain: None sends
the layer the general way, where PyTorch's own code runs under the recorder and says what does not fit. A rule stands
for the code that PyTorch ships, and for nothing that calls itself the same. The tests compare the two ways.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from math import prod
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from course_lib.tracing.copies import FIRST, HOOKS, PLAIN
from course_lib.tracing.meta_kernels import adaptive_shape, convolution_shape, pooled_shape
from course_lib.tracing.records import Shape
from course_lib.tracing.tensor_records import ELSEWHERE, IN_PLACE, NEW, TensorRecord

__all__ = [
    "Layer", "attributes", "has_its_own_tensors", "is_plain", "rules", "runs_in_order",
]  # fmt: skip

#: The kind of op, the shape of its output, its settings, where the output is.
Answer = tuple[str, Shape, tuple[tuple[str, Any], ...], int]
Ours = Mapping[str, Any]
Records = Sequence[TensorRecord]
Buffers = Sequence[Shape]
#: From a layer's attributes, its parameters, the shapes of its buffers, and the shape and dtype that come in.
Rule = Callable[[Ours, Records, Buffers, Shape, torch.dtype], "Answer | None"]

_INTEGERS = frozenset({int})
_NUMBERS = (float, int, bool, str)
_WINDOW, _BATCH_NORM = ("stride", "padding", "dilation", "groups"), ("training", "momentum", "eps")


@dataclass(frozen=True, slots=True)
class Layer:
    """A kind of layer: its rule (none: it gives its input), how to make one, its tensors in the op's order."""

    rule: Rule | None
    example: tuple[Any, ...] = ()
    parameters: tuple[str, ...] = ()
    buffers: tuple[str, ...] = ()


@lru_cache(maxsize=1024, typed=True)
def _settings(names: tuple[str, ...], *values: Any) -> tuple[tuple[str, Any], ...]:
    """The same object for the same settings: the layers of a model have few different ones."""
    return tuple(zip(names, values, strict=True))


# -- the rules --------------------------------------------------------------------------------------------------------
def _convolution(kind: str) -> Rule:
    dimensions = int(kind[-2])

    def rule(ours: Ours, records: Records, buffers: Buffers, shape: Shape, dtype: torch.dtype) -> Answer | None:
        stride, padding, dilation, groups = ours["stride"], ours["padding"], ours["dilation"], ours["groups"]
        if not (type(stride) is type(padding) is type(dilation) is tuple and ours["padding_mode"] == "zeros"):
            return None
        sizes, weight = (*stride, *padding, *dilation, groups), records[0].shape
        if len(sizes) != 3 * dimensions + 1 or not _INTEGERS.issuperset(map(type, sizes)):
            return None
        if len(weight) != dimensions + 2 or records[0].dtype is not dtype:
            return None
        if len(records) > 1 and records[1].shape != weight[:1]:
            return None
        out = convolution_shape(shape, weight, stride, padding, dilation, groups)
        if out is None or min(out) < 1:
            return None
        return kind, out, _settings(_WINDOW, stride, padding, dilation, groups), NEW

    return rule


def _batch_norm(*dimensions: int) -> Rule:
    def rule(ours: Ours, records: Records, buffers: Buffers, shape: Shape, dtype: torch.dtype) -> Answer | None:
        training, momentum, eps = ours["training"], ours["momentum"], ours["eps"]
        if len(shape) not in dimensions or 0 in shape or type(momentum) is not float or type(eps) is not float:
            return None
        if buffers and training and not ours["track_running_stats"]:
            return None
        own = shape[1:2]
        for each in buffers:
            if each != own:
                return None
        for record in records:
            if record.shape != own:
                return None
        batch = bool(training) or not buffers
        if batch and prod(shape) == own[0]:
            return None  # one value a channel has no spread
        return "batch_norm", shape, _settings(_BATCH_NORM, batch, momentum, eps), NEW

    return rule


def _layer_norm(ours: Ours, records: Records, buffers: Buffers, shape: Shape, dtype: torch.dtype) -> Answer | None:
    size, eps = ours["normalized_shape"], ours["eps"]
    if type(size) is not tuple or not size or shape[-len(size) :] != size or type(eps) is not float:
        return None
    if any(record.shape != size for record in records):
        return None
    return "layer_norm", shape, (("normalized_shape", size), ("eps", eps)), NEW


def _group_norm(ours: Ours, records: Records, buffers: Buffers, shape: Shape, dtype: torch.dtype) -> Answer | None:
    groups, eps = ours["num_groups"], ours["eps"]
    if len(shape) < 2 or 0 in shape or type(groups) is not int or type(eps) is not float or shape[1] % groups:
        return None
    if any(record.shape != shape[1:2] or record.dtype is not dtype for record in records):
        return None
    if prod(shape) // groups == 1:
        return None
    return "group_norm", shape, (("num_groups", groups), ("eps", eps)), NEW


def _linear(ours: Ours, records: Records, buffers: Buffers, shape: Shape, dtype: torch.dtype) -> Answer | None:
    weight = records[0].shape
    if not shape or len(weight) != 2 or shape[-1] != weight[1] or records[0].dtype is not dtype:
        return None
    if len(records) > 1 and records[1].shape != weight[:1]:
        return None
    return "linear", (*shape[:-1], weight[0]), (), NEW


def _pooling(kind: str, *names: str) -> Rule:
    def rule(ours: Ours, records: Records, buffers: Buffers, shape: Shape, dtype: torch.dtype) -> Answer | None:
        bound = {name: ours[name] for name in names if ours[name] is not None}
        out = pooled_shape(shape, bound)
        if out is None or "stride" not in bound or bound.get("return_indices") or list in map(type, bound.values()):
            return None
        return kind, out, tuple(bound.items()), NEW

    return rule


def _adaptive(kind: str, *names: str) -> Rule:
    def rule(ours: Ours, records: Records, buffers: Buffers, shape: Shape, dtype: torch.dtype) -> Answer | None:
        size = ours["output_size"]
        if len(shape) != 4 or ours.get("return_indices") or type(size) is list:
            return None
        out = adaptive_shape(shape, size)
        return None if out is None else (kind, out, tuple([(name, ours[name]) for name in names]), NEW)

    return rule


def _pointwise(kind: str, *names: str) -> Rule:
    in_place, idles = "inplace" in names, kind == "dropout"

    def rule(ours: Ours, records: Records, buffers: Buffers, shape: Shape, dtype: torch.dtype) -> Answer | None:
        values = [ours[name] for name in names]
        for value in values:
            if type(value) not in _NUMBERS:
                return None
        settings = _settings(names, *values)
        if in_place and ours["inplace"]:
            return kind, shape, settings, IN_PLACE
        return kind, shape, settings, ELSEWHERE if idles and not ours["training"] else NEW

    return rule


def _flatten(ours: Ours, records: Records, buffers: Buffers, shape: Shape, dtype: torch.dtype) -> Answer | None:
    first, last = ours["start_dim"], ours["end_dim"]
    if type(first) is not int or type(last) is not int:
        return None
    begin, end = first + len(shape) * (first < 0), last + len(shape) * (last < 0)
    if not 0 <= begin < end < len(shape):
        return None
    out = (*shape[:begin], prod(shape[begin : end + 1]), *shape[end + 1 :])
    return "flatten", out, (("start_dim", first), ("end_dim", last)), ELSEWHERE


# -- the layers -------------------------------------------------------------------------------------------------------
_BOTH, _STATISTICS = ("weight", "bias"), ("running_mean", "running_var")
_MAX = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
_AVG = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
_LAYERS: dict[type[nn.Module], Layer] = {
    nn.Conv1d: Layer(_convolution("conv1d"), (1, 1, 1), _BOTH),
    nn.Conv2d: Layer(_convolution("conv2d"), (1, 1, 1), _BOTH),
    nn.Conv3d: Layer(_convolution("conv3d"), (1, 1, 1), _BOTH),
    nn.BatchNorm1d: Layer(_batch_norm(2, 3), (1,), _BOTH, _STATISTICS),
    nn.BatchNorm2d: Layer(_batch_norm(4), (1,), _BOTH, _STATISTICS),
    nn.BatchNorm3d: Layer(_batch_norm(5), (1,), _BOTH, _STATISTICS),
    nn.LayerNorm: Layer(_layer_norm, (1,), _BOTH),
    nn.GroupNorm: Layer(_group_norm, (1, 1), _BOTH),
    nn.Linear: Layer(_linear, (1, 1), _BOTH),
    nn.MaxPool2d: Layer(_pooling("max_pool2d", *_MAX), (1,)),
    nn.AvgPool2d: Layer(_pooling("avg_pool2d", *_AVG), (1,)),
    nn.AdaptiveAvgPool2d: Layer(_adaptive("adaptive_avg_pool2d", "output_size"), (1,)),
    nn.AdaptiveMaxPool2d: Layer(_adaptive("adaptive_max_pool2d", "output_size", "return_indices"), (1,)),
    nn.ReLU: Layer(_pointwise("relu", "inplace")),
    nn.ReLU6: Layer(_pointwise("hardtanh", "min_val", "max_val", "inplace")),
    nn.Hardtanh: Layer(_pointwise("hardtanh", "min_val", "max_val", "inplace")),
    nn.Hardswish: Layer(_pointwise("hardswish", "inplace")),
    nn.Hardsigmoid: Layer(_pointwise("hardsigmoid", "inplace")),
    nn.SiLU: Layer(_pointwise("silu", "inplace")),
    nn.Mish: Layer(_pointwise("mish", "inplace")),
    nn.ELU: Layer(_pointwise("elu", "alpha", "inplace")),
    nn.LeakyReLU: Layer(_pointwise("leaky_relu", "negative_slope", "inplace")),
    nn.GELU: Layer(_pointwise("gelu", "approximate")),
    nn.Sigmoid: Layer(_pointwise("sigmoid")),
    nn.Tanh: Layer(_pointwise("tanh")),
    nn.Dropout: Layer(_pointwise("dropout", "p", "training", "inplace")),
    nn.Dropout2d: Layer(_pointwise("dropout2d", "p", "training", "inplace")),
    nn.Flatten: Layer(_flatten),
    nn.Identity: Layer(None),
}

_CODE = (
    *((kind, "forward") for kind in _LAYERS),
    *((kind, "_conv_forward") for kind in (nn.Conv1d, nn.Conv2d, nn.Conv3d)),
    *((kind, "_check_input_dim") for kind in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)),
    *((functional, name) for name in (
        "conv1d", "conv2d", "conv3d", "batch_norm", "layer_norm", "group_norm", "linear", "max_pool2d", "avg_pool2d",
        "adaptive_avg_pool2d", "adaptive_max_pool2d", "relu", "hardtanh", "hardswish", "hardsigmoid", "silu", "mish",
        "elu", "leaky_relu", "gelu", "dropout", "dropout2d")),
    *((torch, name) for name in ("sigmoid", "tanh")),
    (nn.Sequential, "forward"), (nn.Sequential, "__iter__"), (nn.Module, "__call__"),
)  # fmt: skip
#: What the rules stand for, as PyTorch ships it.
_SHIPPED = tuple((owner, name, getattr(owner, name)) for owner, name in _CODE)


def _is_shipped(code: Any) -> bool:
    """Whether a function stands in one of PyTorch's own files; functions without Python code do."""
    own = getattr(code, "__globals__", None)
    return own is None or (str(own["__name__"]).startswith("torch.") and own is vars(sys.modules[own["__name__"]]))


_AS_SHIPPED = all(_is_shipped(code) for _, _, code in _SHIPPED)


def rules() -> Mapping[type[nn.Module], Layer]:
    """The layers that have a rule; none while somebody has put other code in the place of PyTorch's."""
    untouched = _AS_SHIPPED and all(getattr(owner, name) is code for owner, name, code in _SHIPPED)
    return _LAYERS if untouched else {}


@cache
def attributes(kind: Any) -> tuple[str, ...]:
    """The names of a new layer's attributes, in the order in which its constructor makes them.

    Example:
        >>> attributes(nn.Flatten)[-2:]
        ('start_dim', 'end_dim')
    """
    return tuple(vars(kind(*_LAYERS[kind].example)))


# -- which modules ----------------------------------------------------------------------------------------------------
def runs_in_order(module: nn.Module) -> bool:
    """Whether a module runs its children as ``nn.Sequential`` does."""
    kind = type(module)
    return (
        kind.forward is nn.Sequential.forward
        and kind.__iter__ is nn.Sequential.__iter__  # type: ignore[attr-defined]
        and kind.__call__ is nn.Module.__call__
        and "forward" not in module.__dict__
    )


def has_its_own_tensors(theirs: dict[str, Any], layer: Layer) -> bool:
    """Whether a layer has the tensors that its class gives it, and no special ones, such as lazy or quantized."""
    if theirs["_modules"]:
        return False
    if layer.parameters:
        if tuple(theirs["_parameters"]) != layer.parameters:
            return False
        for tensor in theirs["_parameters"].values():
            if tensor is not None and type(tensor) is not nn.Parameter:
                return False
    elif theirs["_parameters"] or theirs["_buffers"]:
        return False
    if layer.buffers:
        mean, variance = map(theirs["_buffers"].get, layer.buffers)
        if (mean is None) is not (variance is None) or len(theirs["_buffers"]) != 3:
            return False
    return True


def is_plain(theirs: dict[str, Any]) -> bool:
    """Whether a module holds nothing but its children: no tensors, no hooks, no attributes that may change."""
    names = tuple(theirs)
    return (
        names[: len(FIRST)] == FIRST
        and not (theirs["_parameters"] or theirs["_buffers"] or any(map(theirs.get, HOOKS)))
        and PLAIN.issuperset(map(type, tuple(theirs.values())[len(FIRST) :]))
    )
