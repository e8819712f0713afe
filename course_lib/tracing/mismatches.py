"""Why a PyTorch function could not run: which shapes met, and what would fit. One finder for each kind of function.

``find`` answers with a ``Mismatch``: sentences for a beginner, and the same in values for the code that shows or
repairs it. Everything is computed from the shapes, not from PyTorch's message, so it is the same on every version.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Literal

from torch import Tensor

from course_lib.tracing import arithmetic, windows
from course_lib.tracing.branches import Projection, differences, projection
from course_lib.tracing.ops import Op
from course_lib.tracing.recorder import Failure, Recorder, tensors
from course_lib.tracing.records import Shape, times

__all__ = ["Mismatch", "Party", "channels_last", "find", "parties"]

_FIXED = ("adaptive_avg_pool2d", "adaptive_max_pool2d", "mean", "linear")
_FLATTEN = ("flatten", "view", "reshape")
_SAME_ROWS = ("dropout", "relu", "contiguous")


@dataclass(frozen=True, slots=True)
class Party:
    """A tensor that took part: what it is, and its shape.

    Attributes:
        name: "the input", the op that computed it ("layer1.0.conv1"), or a parameter ("fc.weight").
        shape: its size.
        computed: whether ``name`` is an op.

    Example:
        >>> print(Party("conv1", (1, 64, 112, 112), computed=True))
        the output of conv1: 1×64×112×112
    """

    name: str
    shape: Shape
    computed: bool = False

    def __str__(self) -> str:
        return f"{'the output of ' if self.computed else ''}{self.name}: {times(self.shape)}"


#: The kind of repair: flatten the map first, build the linear layer for these rows, put a projection on the shortcut,
#: use eval mode (or a larger batch), or take a picture of another size; "" where only the sentences say what would fit.
Repair = Literal["", "flatten", "linear", "projection", "eval", "size"]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """What met what, and what would fit.

    Attributes:
        what: what happened, without a full stop.
        fits: what would fit, likewise; "" where that cannot be said.
        repair: the kind of repair.
        by_size: whether a picture of another size might go through.
        parties: the tensors that met, in the order of the function's arguments; vectors of parameters are left out.
        projection: of a shortcut, where that is the repair.
        maps: the map (B, C, H, W) that was flattened into the rows of a linear layer; () where there was none.
    """

    what: str
    fits: str = ""
    repair: Repair = ""
    by_size: bool = False
    parties: tuple[Party, ...] = ()
    projection: Projection | None = None
    maps: Shape = ()


@dataclass(frozen=True)
class _Stop:
    """The function that could not run, and what the recorder knows of its arguments."""

    failure: Failure
    recorder: Recorder
    ops: Sequence[Op]
    why: str

    @property
    def kind(self) -> str:
        return self.failure.kind.rstrip("_")

    @property
    def bound(self) -> Mapping[str, Any]:
        return self.failure.bound or {}

    @property
    def shape(self) -> Shape:
        return _shape(self.bound.get("input"))

    def party(self, tensor: Tensor) -> Party:
        source = self.recorder.source(tensor)
        if source is None or source >= len(self.ops):
            return Party(self.recorder.weight(tensor) or "a tensor", _shape(tensor))
        return Party(self.ops[source].name, _shape(tensor), True) if source >= 0 else Party("the input", _shape(tensor))

    def parties(self) -> Iterator[Party]:
        for tensor in tensors(tuple(self.bound.values())):
            party = self.party(tensor)
            if party.name != "a tensor" and (tensor.dim() > 1 or self.recorder.weight(tensor) is None):
                yield party

    def given(self, tensor: Tensor) -> str:
        return f"{times(_shape(tensor))} from {self.party(tensor).name}"


def find(failure: Failure, recorder: Recorder, ops: Sequence[Op], why: str) -> Mismatch | None:
    """The mismatch that explains a failure; None where the shapes do not explain it.

    Args:
        failure: the function that could not run, and the module in which it was called.
        recorder: knows where its arguments came from.
        ops: what ran before.
        why: PyTorch's own reason.
    """
    stop = _Stop(failure, recorder, ops, why)
    if failure.module.startswith("BatchNorm") and "D input" in why:
        return _dimensions(failure)
    if "Wrong image" in why:
        return Mismatch(f"{why}: its position embeddings were made for one size of picture", "", "size", True)
    finder = _FINDERS.get(stop.kind)
    found = finder(stop) if finder is not None else None
    return replace(found, parties=tuple(stop.parties())) if found is not None else None


def parties(failure: Failure, recorder: Recorder, ops: Sequence[Op]) -> tuple[Party, ...]:
    """The tensors that a function was given when it failed."""
    return tuple(_Stop(failure, recorder, ops, "").parties())


def channels_last(shape: Shape, channels: Collection[int]) -> Shape:
    """The order of dimensions that puts the channels of a picture before its rows; () where they are there already.

    Args:
        shape: (C, H, W) or (B, C, H, W), or the same with the channels last.
        channels: the numbers of channels that a picture may have.

    Example:
        >>> channels_last((64, 48, 3), (3,)), channels_last((2, 64, 48, 3), (3,)), channels_last((3, 64, 48), (3,))
        ((2, 0, 1), (0, 3, 1, 2), ())
    """
    if len(shape) not in (3, 4) or shape[-1] not in channels or shape[-3] in channels:
        return ()
    return (2, 0, 1) if len(shape) == 3 else (0, 3, 1, 2)


def _shape(value: Any) -> Shape:
    return tuple(value.shape) if isinstance(value, Tensor) else ()


def _channels(count: int) -> str:
    return f"{count} channel" if count == 1 else f"{count} channels"


def _dimensions(failure: Failure) -> Mismatch | None:
    shape = next((_shape(given) for given in failure.inputs if isinstance(given, Tensor)), ())
    want = {"BatchNorm1d": "2 or 3", "BatchNorm2d": "4", "BatchNorm3d": "5"}.get(failure.module)
    if want is None:
        return None
    fits = "an input with the batch in front, such as (1, 3, 224, 224)" if len(shape) == 3 else ""
    if len(shape) in (2, 4):  # a batch of rows, or of maps: the layer is the wrong one
        fits = f"nn.BatchNorm{'1d' if len(shape) == 2 else '2d'}({shape[1]}) here"
    return Mismatch(f"{failure.module} expects {want} dimensions and got {len(shape)}: {times(shape)}", fits)


def _conv(stop: _Stop) -> Mismatch | None:
    shape, bound, kind = stop.shape, stop.bound, stop.kind
    weight, count = _shape(bound.get("weight")), int(kind[-2])
    if not weight or not shape:
        return None
    if len(shape) not in (count + 1, count + 2):
        return Mismatch(
            f"{kind} expects {count + 2} dimensions (batch, channels, then {count} for the positions) and got "
            f"{len(shape)}: {times(shape)}",
            "an input such as (1, 3, 224, 224)" if count == 2 else "",
        )
    groups = int(bound.get("groups", 1) or 1)
    channels, transposed = shape[-count - 1], "transpose" in kind
    want = weight[0] if transposed else weight[1] * groups
    if channels != want:
        what = f"{times(shape)} has {_channels(channels)}, and the weight {times(weight)} expects {want}"
        if count == 2 and (order := channels_last(shape, (want,))):
            what += f"; the last dimension is {want}, so this looks like height×width×channels: permute{order} first"
        fits = f"an input with {_channels(want)}, or a convolution with in_channels={channels}"
        if want == 3 and channels in (1, 4):
            fits += "; picture.convert('RGB') makes a grey or transparent picture one of 3 channels"
        if want == 1 and len(shape) == count + 1:  # (B, H, W), which PyTorch reads as one picture of B channels
            fits = f"unsqueeze(1), if these are {channels} grey pictures: {channels}×1×{times(shape[1:])}"
        return Mismatch(what, fits)
    padding = bound.get("padding", 0)
    return None if transposed or isinstance(padding, str) else _too_small(stop, weight[-count:], count)


def _pool(stop: _Stop) -> Mismatch | None:
    shape, count = stop.shape, int(stop.kind[-2])
    if len(shape) not in (count + 1, count + 2):
        what = f"{stop.kind} expects {count + 1} or {count + 2} dimensions and got {len(shape)}: {times(shape)}"
        return Mismatch(what) if shape else None
    kernel = arithmetic.pair(stop.bound["kernel_size"], count)
    return _too_small(stop, kernel, count, stride=kernel)


def _too_small(stop: _Stop, kernel: Shape, count: int, stride: Any = 1) -> Mismatch | None:
    bound = stop.bound
    steps = [("stride", stride), ("padding", 0), ("dilation", 1)]
    strides, paddings, dilations = (arithmetic.pair(bound.get(name) or usual, count) for name, usual in steps)
    for n, k, s, p, d in zip(stop.shape[-count:], kernel, strides, paddings, dilations, strict=True):
        step = windows.slide(n, k, s, p, d, ceil=bool(bound.get("ceil_mode")))
        if step.size < 1:
            reach = d * (k - 1) + 1
            return Mismatch(
                f"a map of {times(stop.shape[-count:])} is too small for a window of {reach}: {step.text}",
                f"a larger picture, so that here at least {max(reach - 2 * p, 1)} cells are left",
                "size",
                True,
            )
    return None


def _linear(stop: _Stop) -> Mismatch | None:
    shape, weight = stop.shape, _shape(stop.bound.get("weight"))
    if not shape or not weight or shape[-1] == weight[-1]:
        return None
    wants = weight[-1]
    what = f"{times(shape)} has rows of {shape[-1]}, and the weight {times(weight)} expects rows of {wants}"
    layer = f"nn.Linear({shape[-1]}, {weight[0]}) here"
    if len(shape) > 2 and prod(shape[1:]) == wants:
        fits = f"torch.flatten(x, 1) before it: {'·'.join(map(str, shape[1:]))} = {wants}, or {layer}"
        return Mismatch(what, fits, "flatten")
    if len(shape) > 2:
        last = f"a flatten of the last two dimensions before it: {shape[-2]}·{shape[-1]} = {wants}, or "
        return Mismatch(what, (last if shape[-2] * shape[-1] == wants else "") + layer, by_size=True)
    if prod(shape) == wants and len(next(iter(stop.recorder.shared.sizes), ())) == 3:  # one picture, (C, H, W)
        layer = f"an input with the batch in front: {shape[0]}·{shape[1]} = {wants}, or {layer}"
    maps, fixed = _flattened(stop)
    return Mismatch(what, layer, "linear", not fixed, maps=maps)


def _flattened(stop: _Stop) -> tuple[Shape, bool]:
    """The map that was flattened into a linear layer's rows, and whether their length is the same for every picture."""
    maps: Shape = ()
    source = stop.recorder.source(stop.bound["input"])
    while source is not None and source >= 0:
        op = stop.ops[source]
        if op.plain in _FIXED:
            return maps, True
        if op.plain in _FLATTEN:
            maps = maps or next((shape for shape in op.inputs if len(shape) == 4), ())
        elif op.plain not in _SAME_ROWS:
            break
        source = next(iter(op.sources), None)
    return maps, False


def _product(stop: _Stop) -> Mismatch | None:
    shape, first, second = stop.shape, stop.bound.get("input"), stop.bound.get("other")
    other = _shape(second)
    if not shape or not other or not isinstance(first, Tensor) or not isinstance(second, Tensor):
        return None
    inner = other[-2] if len(other) > 1 else other[0]
    if shape[-1] == inner:
        return None
    return Mismatch(
        f"{stop.given(first)} cannot be multiplied by {stop.given(second)}: "
        f"the inner sizes {shape[-1]} and {inner} differ",
        f"equal inner sizes, {inner} and {inner}",
    )


def _batch_norm(stop: _Stop) -> Mismatch | None:
    shape = stop.shape
    if len(shape) < 2:
        return Mismatch(f"batch_norm expects (batch, channels, …) and got {times(shape)}") if shape else None
    for name in ("running_mean", "weight"):
        have = _shape(stop.bound.get(name))
        if have and prod(have) != shape[1]:
            return Mismatch(
                f"{times(shape)} has {_channels(shape[1])}, and {name} was made for {prod(have)}",
                f"a BatchNorm with num_features={shape[1]}",
            )
    if stop.bound.get("training") and prod(shape) == shape[1]:
        return Mismatch(
            "in train mode BatchNorm takes the mean and spread of each channel, "
            f"and {times(shape)} has only one number a channel",
            'a batch of 2 or more, a larger picture, or mode="eval"',
            "eval",
        )
    return None


def _group_norm(stop: _Stop) -> Mismatch | None:
    shape, groups = stop.shape, int(stop.bound["num_groups"])
    if len(shape) < 2 or shape[1] % groups == 0:
        return None
    what = f"{shape[1]} channels cannot be divided into {groups} groups"
    return Mismatch(what, f"a number of groups that divides {shape[1]}")


def _layer_norm(stop: _Stop) -> Mismatch | None:
    shape, want = stop.shape, tuple(stop.bound["normalized_shape"])
    if not shape or shape[-len(want) :] == want:
        return None
    return Mismatch(
        f"{times(shape)} ends in {times(shape[-len(want) :])}, and the LayerNorm was made for {times(want)}",
        f"nn.LayerNorm({shape[-1]}), or a permute that puts the dimension of {want[-1]} last",
    )


def _elementwise(stop: _Stop) -> Mismatch | None:
    given = [value for value in stop.bound.values() if isinstance(value, Tensor)]
    if len(given) < 2:
        return None
    first, second = _shape(given[0]), _shape(given[1])
    if -1 not in arithmetic.broadcast(first, second):
        return None
    what = f"{stop.given(given[0])} and {stop.given(given[1])} differ in {differences(first, second)}"
    fits = "branches that end in the same shape"
    if stop.kind != "add":
        return Mismatch(what, fits)
    ways = [(given[0], given[1]), (given[1], given[0])]
    own = [way for way in ways if any(way[0] is value for value in stop.failure.inputs)]
    made = [step for short, out in own or ways if (step := projection(_shape(short), _shape(out)))]
    if len(made) != 1:
        return Mismatch(what, fits)
    fits += f"; for a shortcut, the projection {made[0].code} turns {times(made[0].short)} into {times(made[0].out)}"
    # Where neither branch is the module's own input, it may be no shortcut at all: words, but no repair.
    return Mismatch(what, fits, "projection" if own else "", projection=made[0] if own else None)


def _cat(stop: _Stop) -> Mismatch | None:
    parts = [part for part in stop.bound.get("tensors", ()) if isinstance(part, Tensor)]
    if len(parts) < 2:
        return None
    rank = parts[0].dim()
    dim = int(stop.bound.get("dim", 0))
    dim = dim % rank if rank else 0
    each = ", ".join(map(stop.given, parts))
    if any(part.dim() != rank for part in parts):
        return Mismatch(f"{each} have different numbers of dimensions", "tensors with equal numbers of dimensions")
    for d in range(rank):
        if d != dim and len({part.shape[d] for part in parts}) > 1:
            return Mismatch(
                f"{each} differ in dimension {d}, and are put together along dimension {dim}",
                f"equal sizes in every dimension but {dim}",
            )
    return None


def _view(stop: _Stop) -> Mismatch | None:
    shape, asked = stop.shape, stop.bound.get("shape", stop.bound.get("argument 1"))
    asked = (asked,) if isinstance(asked, int) else asked
    if not shape or not isinstance(asked, tuple | list) or not all(isinstance(n, int) for n in asked):
        return None
    known, numbers = prod(n for n in asked if n != -1), prod(shape)
    if (known and numbers % known == 0) if -1 in asked else known == numbers:
        if "stride" not in stop.why:
            return None
        what = "view reads numbers in the order they lie in memory, which a permute has changed"
        return Mismatch(what, "reshape instead of view, or .contiguous() before it")
    product, wanted = "·".join(map(str, shape)), ", ".join(map(str, asked))
    return Mismatch(
        f"{times(shape)} holds {product} = {numbers} numbers, which cannot be read as ({wanted})",
        f"a {stop.kind} to ({shape[0]}, -1), or a picture of a different size",
        by_size=True,
    )


def _embedding(stop: _Stop) -> Mismatch | None:
    rows = stop.bound.get("input")
    if not isinstance(rows, Tensor) or not rows.is_floating_point():
        return None
    return Mismatch(
        "an embedding looks rows up by whole numbers, and it got floats", "the same call with dtypes=torch.long"
    )


Finder = Callable[[_Stop], Mismatch | None]
_FINDERS: dict[str, Finder] = {
    "linear": _linear, "batch_norm": _batch_norm, "layer_norm": _layer_norm, "group_norm": _group_norm,
    "embedding": _embedding,
    **dict.fromkeys([f"conv{way}{n}d" for way in ("", "_transpose") for n in (1, 2, 3)], _conv),
    **dict.fromkeys([f"{way}_pool{n}d" for way in ("max", "avg") for n in (1, 2, 3)], _pool),
    **dict.fromkeys(("addmm", "matmul", "mm", "bmm"), _product),
    **dict.fromkeys(("add", "sub", "mul", "div", "rsub", "pow", "maximum", "minimum", "where"), _elementwise),
    **dict.fromkeys(("cat", "stack"), _cat),
    **dict.fromkeys(("view", "reshape", "unflatten"), _view),
}  # fmt: skip
