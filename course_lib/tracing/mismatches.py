"""Shapes that cannot meet: one finder for each kind of function, in words for a beginner."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from torch import Tensor

from course_lib.tracing import arithmetic, branches, windows
from course_lib.tracing.records import Shape, times

if TYPE_CHECKING:
    from course_lib.tracing.recorder import Failure

__all__ = ["Meeting", "find"]

Who = Callable[[Tensor], str]


@dataclass(frozen=True, slots=True)
class Meeting:
    """What met what, what would fit, and whether another size of picture may help."""

    what: str
    fits: str
    by_size: bool = False


def find(failure: Failure, weight: Callable[[Tensor], str | None], who: Who, why: str) -> Meeting | None:
    """The mismatch that explains a failure, or None where we see none."""
    kind, bound = failure.kind.rstrip("_"), failure.bound or {}
    shape = _shape(bound.get("input"))
    if failure.module.startswith("BatchNorm") and "D input" in why:
        return _rank(failure)
    if "Wrong image" in why:
        return Meeting(f"{why}: its position embeddings were made for one size of picture", "", True)
    if kind[-1:] == "d" and kind[:4] == "conv" and shape:
        return _conv(kind, bound, shape)
    if kind.startswith(("max_pool", "avg_pool")) and shape:
        return _pool(kind, bound, shape)
    if kind in ("linear", "addmm", "matmul", "mm", "bmm") and shape:
        return _product(kind, bound, shape, who)
    if kind == "batch_norm" and shape:
        return _batch_norm(bound, shape)
    if kind in ("layer_norm", "group_norm") and shape:
        return _norm(kind, bound, shape)
    if kind in ("add", "sub", "mul", "div", "rsub", "pow", "maximum", "minimum", "where"):
        return _elementwise(failure, kind, bound, who)
    if kind in ("cat", "stack"):
        return _cat(bound, who)
    if kind in ("view", "reshape", "unflatten") and shape:
        return _view(kind, bound, shape, why)
    if kind == "embedding" and isinstance(bound.get("input"), Tensor) and bound["input"].is_floating_point():
        return Meeting(
            "an embedding looks rows up by whole numbers, and it got floats", "the same call with dtypes=torch.long"
        )
    return None


def _shape(value: Any) -> Shape:
    return tuple(value.shape) if isinstance(value, Tensor) else ()


def _rank(failure: Failure) -> Meeting | None:
    shape = next((_shape(one) for one in failure.inputs if isinstance(one, Tensor)), ())
    want = {"BatchNorm1d": "2 or 3", "BatchNorm2d": "4", "BatchNorm3d": "5"}.get(failure.module)
    if want is None:
        return None
    return Meeting(
        f"{failure.module} wants {want} dimensions and got {len(shape)}: {times(shape)}",
        "an input with the batch in front, such as (1, 3, 224, 224)",
    )


def _channels(count: int) -> str:
    return f"{count} channel" if count == 1 else f"{count} channels"


def _conv(kind: str, bound: Mapping[str, Any], shape: Shape) -> Meeting | None:
    weight, count = _shape(bound.get("weight")), int(kind[-2])
    if not weight:
        return None
    if len(shape) not in (count + 1, count + 2):
        return Meeting(
            f"{kind} wants {count + 2} dimensions (batch, channels, then {count} for the positions) and got "
            f"{len(shape)}: {times(shape)}",
            "an input such as (1, 3, 224, 224)" if count == 2 else "",
        )
    groups = int(bound.get("groups", 1) or 1)
    channels, transposed = shape[-count - 1], "transpose" in kind
    want = weight[0] if transposed else weight[1] * groups
    if channels != want:
        last = (
            f"; the last dimension is {want}, so this looks like height×width×channels: permute(2, 0, 1) first"
            if (shape[-1] == want)
            else ""
        )
        fits = f"an input with {_channels(want)}, or a convolution with in_channels={channels}"
        if want == 3 and channels in (1, 4):
            fits += "; picture.convert('RGB') makes a grey or transparent picture one of 3 channels"
        return Meeting(
            f"{times(shape)} has {_channels(channels)}, and the weight {times(weight)} wants {want}{last}", fits
        )
    if transposed:
        return None
    kernel, padding = weight[-count:], bound.get("padding", 0)
    if isinstance(padding, str):
        return None
    return _too_small(
        kernel,
        arithmetic.pair(bound.get("stride", 1), count),
        arithmetic.pair(padding, count),
        arithmetic.pair(bound.get("dilation", 1), count),
        shape,
        count,
    )


def _pool(kind: str, bound: Mapping[str, Any], shape: Shape) -> Meeting | None:
    count = int(kind[-2])
    if len(shape) not in (count + 1, count + 2):
        return Meeting(f"{kind} wants {count + 1} or {count + 2} dimensions and got {len(shape)}: {times(shape)}", "")
    kernel = arithmetic.pair(bound["kernel_size"], count)
    stride = arithmetic.pair(bound.get("stride") or kernel, count)
    padding = arithmetic.pair(bound.get("padding", 0), count)
    dilation = arithmetic.pair(bound.get("dilation", 1), count)
    return _too_small(kernel, stride, padding, dilation, shape, count, ceil=bool(bound.get("ceil_mode")))


def _too_small(
    kernel: Shape, stride: Shape, padding: Shape, dilation: Shape, shape: Shape, count: int, *, ceil: bool = False
) -> Meeting | None:
    for n, k, s, p, d in zip(shape[-count:], kernel, stride, padding, dilation, strict=True):
        step = windows.slide(n, k, s, p, d, ceil=ceil)
        if step.size < 1:
            reach = d * (k - 1) + 1
            return Meeting(
                f"a map of {times(shape[-count:])} is too small for a window of {reach}: {step.text}",
                f"a larger picture, so that here at least {max(reach - 2 * p, 1)} cells are left",
                True,
            )
    return None


def _product(kind: str, bound: Mapping[str, Any], shape: Shape, who: Who) -> Meeting | None:
    second = bound.get("weight") if kind == "linear" else bound.get("other")
    other = _shape(second)
    if not other or not isinstance(second, Tensor):
        return None
    inner = other[-1] if kind == "linear" else other[-2] if len(other) > 1 else other[0]
    if shape[-1] == inner:
        return None
    if kind != "linear":
        return Meeting(
            f"{times(shape)} from {who(bound['input'])} cannot be multiplied by {times(other)} "
            f"from {who(second)}: the inner sizes {shape[-1]} and {inner} differ",
            f"equal inner sizes, {inner} and {inner}",
        )
    what = f"{times(shape)} has rows of {shape[-1]}, and the weight {times(other)} wants rows of {inner}"
    fits = [f"nn.Linear({shape[-1]}, {other[0]}) here"]
    if len(shape) > 2 and prod(shape[1:]) == inner:
        fits.insert(0, f"torch.flatten(x, 1) before it: {'·'.join(map(str, shape[1:]))} = {inner}")
    elif len(shape) > 2 and shape[-2] * shape[-1] == inner:
        fits.insert(0, f"a flatten of the last two dimensions before it: {shape[-2]}·{shape[-1]} = {inner}")
    elif len(shape) == 2 and prod(shape) == inner:
        fits.insert(0, f"an input with the batch in front: {shape[0]}·{shape[1]} = {inner}")
    return Meeting(what, ", or ".join(fits), True)


def _batch_norm(bound: Mapping[str, Any], shape: Shape) -> Meeting | None:
    if len(shape) < 2:
        return Meeting(f"batch_norm wants (batch, channels, …) and got {times(shape)}", "")
    for name in ("running_mean", "weight"):
        have = _shape(bound.get(name))
        if have and prod(have) != shape[1]:
            return Meeting(
                f"{times(shape)} has {_channels(shape[1])}, and {name} was made for {prod(have)}",
                f"a BatchNorm with num_features={shape[1]}",
            )
    if bound.get("training") and prod(shape) == shape[1]:
        return Meeting(
            "in train mode BatchNorm takes the mean and spread of each channel, "
            f"and {times(shape)} has only one number a channel",
            'a batch of 2 or more, a larger picture, or mode="eval"',
        )
    return None


def _norm(kind: str, bound: Mapping[str, Any], shape: Shape) -> Meeting | None:
    if kind == "group_norm":
        groups = int(bound["num_groups"])
        if len(shape) < 2 or shape[1] % groups == 0:
            return None
        return Meeting(
            f"{shape[1]} channels cannot be divided into {groups} groups", f"a number of groups that divides {shape[1]}"
        )
    want = tuple(bound["normalized_shape"])
    if shape[-len(want) :] == want:
        return None
    return Meeting(
        f"{times(shape)} ends in {times(shape[-len(want) :])}, and the LayerNorm was made for {times(want)}",
        f"nn.LayerNorm({shape[-1]}), or a permute that puts the dimension of {want[-1]} last",
    )


def _elementwise(failure: Failure, kind: str, bound: Mapping[str, Any], who: Who) -> Meeting | None:
    found = [one for one in bound.values() if isinstance(one, Tensor)]
    if len(found) < 2:
        return None
    first, second = _shape(found[0]), _shape(found[1])
    if -1 not in arithmetic.broadcast(first, second):
        return None
    what = f"{times(first)} from {who(found[0])} and {times(second)} from {who(found[1])} "
    what += f"differ in {branches.differences(first, second)}"
    fits = "branches that end in equal shapes"
    if kind == "add" and (made := _shortcut(failure, found[0], found[1])):
        short, out, code = made
        fits += f"; for a shortcut, the projection {code} makes {times(out)} of {times(short)}"
    return Meeting(what, fits)


def _shortcut(failure: Failure, first: Tensor, second: Tensor) -> tuple[Shape, Shape, str] | None:
    """Shape of the shortcut, shape of the residual path, and the projection: a module's own input is the shortcut."""
    ways = [(first, second), (second, first)]
    own = [way for way in ways if any(way[0] is one for one in failure.inputs)]
    found = [
        (_shape(short), _shape(out), made.code) for short, out in own or ways
        if (made := branches.projection(_shape(short), _shape(out)))
    ]  # fmt: skip
    return found[0] if len(found) == 1 else None


def _cat(bound: Mapping[str, Any], who: Who) -> Meeting | None:
    parts = [one for one in bound.get("tensors", ()) if isinstance(one, Tensor)]
    if len(parts) < 2:
        return None
    rank = parts[0].dim()
    dim = int(bound.get("dim", 0))
    dim = dim % rank if rank else 0
    each = ", ".join(f"{times(_shape(one))} from {who(one)}" for one in parts)
    if any(one.dim() != rank for one in parts):
        return Meeting(f"{each} have different numbers of dimensions", "tensors with equal numbers of dimensions")
    for d in range(rank):
        sizes = {one.shape[d] for one in parts}
        if d != dim and len(sizes) > 1:
            return Meeting(
                f"{each} differ in dimension {d}, and are put together along dimension {dim}",
                f"equal sizes in every dimension but {dim}",
            )
    return None


def _view(kind: str, bound: Mapping[str, Any], shape: Shape, why: str) -> Meeting | None:
    asked = bound.get("shape", bound.get("argument 1"))
    if isinstance(asked, int):
        asked = (asked,)
    if not isinstance(asked, tuple | list) or not all(isinstance(n, int) for n in asked):
        return None
    known, numbers = prod(n for n in asked if n != -1), prod(shape)
    if (known and numbers % known == 0) if -1 in asked else known == numbers:
        if "stride" in why:
            return Meeting(
                "view reads numbers in the order they lie in memory, which a permute has changed",
                "reshape instead of view, or .contiguous() before it",
            )
        return None
    wanted = ", ".join(map(str, asked))
    product = "·".join(map(str, shape))
    return Meeting(
        f"{times(shape)} holds {product} = {numbers} numbers, which cannot be read as ({wanted})",
        f"a {kind} to ({shape[0]}, -1), or another size of picture",
        True,
    )
