"""Function rules: the map that a function gives, from the maps that it is given.

They stand beside the rules of leaves and are of their kind: they look at shapes alone, answer only where the answer is
certain, and None sends the call to PyTorch's own code under the recorder. The tests compare the two ways.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import torch
from torch import Tensor

from course_lib.tracing.meta_kernels import POINTWISE, adaptive_shape, pooled_shape
from course_lib.tracing.recorder import SCALARS
from course_lib.tracing.records import Shape
from course_lib.tracing.tensor_records import ELSEWHERE, IN_PLACE, NEW, Map

__all__ = ["FUNCTIONS"]

Maps = Mapping[int, Map]
#: From a function's arguments by name, and the maps that are known by the ids of their tensors; the source stays open.
Rule = Callable[[Mapping[str, Any], Maps], "Map | None"]


def _map(shape: Shape, dtype: torch.dtype, place: int) -> Map:
    return tuple.__new__(Map, (shape, dtype, None, place))


def _input(bound: Mapping[str, Any], maps: Maps) -> Map | None:
    """The map that goes in, where all other arguments are plain values."""
    known = maps.get(id(bound.get("input")))
    if known is not None:
        for name, value in bound.items():
            if type(value) not in SCALARS and name != "input":
                return None
    return known


def _pointwise(bound: Mapping[str, Any], maps: Maps) -> Map | None:
    known = _input(bound, maps)
    if known is None:
        return None
    return _map(known.shape, known.dtype, IN_PLACE if bound.get("inplace") else NEW)


def _in_place(bound: Mapping[str, Any], maps: Maps) -> Map | None:
    known = _input(bound, maps)
    return None if known is None else _map(known.shape, known.dtype, IN_PLACE)


def _dropout(bound: Mapping[str, Any], maps: Maps) -> Map | None:
    known = _pointwise(bound, maps)
    idle = known is not None and known.place == NEW and not bound.get("training", True)
    return known._replace(place=ELSEWHERE) if known is not None and idle else known


def _binary(bound: Mapping[str, Any], maps: Maps) -> Map | None:
    """Two maps of one size, a map and a number, or a gate for each channel and a map: squeeze and excitation."""
    first, other = maps.get(id(bound.get("input"))), bound.get("other")
    if first is None or len(bound) != 2:
        return None
    shape, dtype, _, _ = first
    if type(other) in (int, float):
        return _map(shape, dtype, NEW)
    second = maps.get(id(other))
    if second is None or second.dtype is not dtype:
        return None
    if second.shape == shape:
        return _map(shape, dtype, NEW)
    gate = len(shape) == len(second.shape) == 4 and shape[2:] == (1, 1) and shape[:2] == second.shape[:2]
    return _map(second.shape, dtype, NEW) if gate else None


def _binary_in_place(bound: Mapping[str, Any], maps: Maps) -> Map | None:
    known = _binary(bound, maps)
    fits = known is not None and known.shape == maps[id(bound["input"])].shape
    return known._replace(place=IN_PLACE) if known is not None and fits else None


def _cat(bound: Mapping[str, Any], maps: Maps) -> Map | None:
    parts = bound.get("tensors")
    if not isinstance(parts, tuple | list) or not parts or bound.get("dim") != 1 or len(bound) != 2:
        return None
    known = [maps.get(id(part)) for part in parts]
    first = known[0]
    if first is None or len(first.shape) < 2:
        return None
    channels, batch, rest = 0, first.shape[0], first.shape[2:]
    for each in known:
        if each is None or each.dtype is not first.dtype:
            return None
        shape = each.shape
        if len(shape) < 2 or shape[0] != batch or shape[2:] != rest:
            return None
        channels += shape[1]
    return _map((batch, channels, *rest), first.dtype, NEW)


def _pool(bound: Mapping[str, Any], maps: Maps) -> Map | None:
    known = maps.get(id(bound.get("input")))
    if (
        known is None
        or bound.get("return_indices")
        or any(isinstance(value, Tensor) for value in list(bound.values())[1:])
    ):
        return None
    shape = pooled_shape(known.shape, bound)
    return None if shape is None else _map(shape, known.dtype, NEW)


def _adaptive_pool(bound: Mapping[str, Any], maps: Maps) -> Map | None:
    known = maps.get(id(bound.get("input")))
    if known is None or len(known.shape) != 4 or bound.get("return_indices"):
        return None
    shape = adaptive_shape(known.shape, bound.get("output_size"))
    return None if shape is None else _map(shape, known.dtype, NEW)


def _flatten(bound: Mapping[str, Any], maps: Maps) -> Map | None:
    known = _input(bound, maps)
    first, last = bound.get("start_dim", 0), bound.get("end_dim", -1)
    if known is None or type(first) is not int or type(last) is not int:
        return None
    shape = known.shape
    begin, end = first + len(shape) * (first < 0), last + len(shape) * (last < 0)
    if not 0 <= begin < end < len(shape):
        return None
    return _map((*shape[:begin], prod(shape[begin : end + 1]), *shape[end + 1 :]), known.dtype, ELSEWHERE)


#: By the kind of function.
FUNCTIONS: Mapping[str, Rule] = {
    **dict.fromkeys(POINTWISE, _pointwise),
    **dict.fromkeys(("relu_", "sigmoid_", "tanh_"), _in_place),
    **dict.fromkeys(("dropout", "dropout2d"), _dropout),
    **dict.fromkeys(("add", "sub", "mul", "div"), _binary),
    **dict.fromkeys(("add_", "sub_", "mul_", "div_"), _binary_in_place),
    **dict.fromkeys(("max_pool2d", "avg_pool2d"), _pool),
    **dict.fromkeys(("adaptive_avg_pool2d", "adaptive_max_pool2d"), _adaptive_pool),
    "cat": _cat,
    "flatten": _flatten,
}
