"""Where height and width are in a tensor, and what becomes of them when dimensions are permuted, reshaped or sliced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, floor
from typing import TYPE_CHECKING

from course_lib.tracing import rearranging

if TYPE_CHECKING:
    from course_lib.tracing.ops import Op, Shape

__all__ = ["INDEPENDENT", "LOST", "Axis", "State", "along", "mixed", "rearranged", "regroup"]


@dataclass(frozen=True, slots=True)
class Axis:
    """The field of a map's first cell along one axis, in pixels from the picture's edge.

    Attributes:
        first, last: where it begins and ends; negative in the padding.
        jump: how far the next cell's field lies.
    """

    first: float
    last: float
    jump: float

    @property
    def size(self) -> int:
        return ceil(self.last - self.first - 1e-9)

    @property
    def centre(self) -> float:
        return (self.first + self.last) / 2

    def span(self, cell: int) -> tuple[int, int]:
        """The pixels, first and one past the last, that a cell sees."""
        return floor(self.first + cell * self.jump + 1e-9), ceil(self.last + cell * self.jump - 1e-9)

    def window(self, k: int, s: int, p: int, d: int) -> Axis:
        """After a window of ``k`` cells, ``d`` apart, that moves by ``s`` over a map padded by ``p``.

        Example:
            >>> Axis(0, 1, 1).window(7, 2, 3, 1).window(3, 2, 1, 1)
            Axis(first=-5, last=6, jump=4)
        """
        first = self.first - p * self.jump
        return Axis(first, self.last - p * self.jump + d * (k - 1) * self.jump, self.jump * s)

    def spread(self, k: int, s: int, p: int, d: int) -> Axis:
        """After a transposed convolution: the cells of the map before that a cell gets something from."""
        cells = ceil((d * (k - 1) + 1) / s)
        middle = self.centre + (p - d * (k - 1) / 2) / s * self.jump
        half = (self.last - self.first + (cells - 1) * self.jump) / 2
        return Axis(middle - half, middle + half, self.jump / s)


@dataclass(frozen=True, slots=True)
class State:
    """What is known about a tensor's positions.

    Attributes:
        dims: where height and width are; both the same where they are flattened together, None where only one
            position is left.
        axes: what one cell sees along height and width; None where that has been given up.
        whole: a cell has seen the whole picture.
    """

    dims: tuple[int | None, int | None]
    axes: tuple[Axis, Axis] | None
    whole: bool


#: Depends on the picture, in a way that is not followed.
LOST = State((None, None), None, False)
#: Does not depend on the picture.
INDEPENDENT = State((None, None), None, False)


def mixed(state: State) -> State:
    """After a sum over all positions."""
    return State((None, None), None, True)


def along(op: Op, state: State, shape: Shape) -> State:
    """Ops that work along dimensions: harmless where those are not height or width."""
    rank = len(shape)
    if op.plain == "layer_norm":
        dims = set(range(rank - len(op.setting("normalized_shape", ())), rank))
    else:
        asked = op.setting("dim", op.setting("dims", 1 if op.plain == "normalize" else -1))
        dims = {int(d) % rank for d in (asked if isinstance(asked, tuple | list) else [asked])}
    if not dims & {d for d in state.dims if d is not None}:
        return state
    return LOST if op.plain in ("flip", "roll") else replace(state, whole=True)


def rearranged(op: Op, state: State, shape: Shape) -> State:
    """Ops that only move numbers."""
    kind, rank = op.plain, len(shape)
    if kind in ("permute", "transpose", "swapaxes", "t", "T", "mT"):
        to = rearranging.order(op, rank)
        return _moved(state, {old: new for new, old in enumerate(to)})
    if kind in ("view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze"):
        return _regrouped(state, shape, op.output)
    if kind == "expand":
        return _moved(state, {d: d + len(op.output) - rank for d in range(rank)})
    if kind in ("chunk", "split", "unbind"):
        dim = int(op.setting("dim", 0)) % rank
        if dim in state.dims:
            return LOST
        return _moved(state, {d: d - (kind == "unbind" and d > dim) for d in range(rank)})
    if kind == "pad":
        return _padded(op, state, rank)
    if kind == "getitem":
        return _picked(op, state, shape)
    return LOST


def _moved(state: State, to: dict[int, int]) -> State:
    a, b = (None if d is None else to[d] for d in state.dims)
    return State((a, b), state.axes, state.whole)


def regroup(old: Sequence[int], new: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """Which dimensions of a reshape belong together: the smallest runs with equal products, sizes of 1 left out.

    Example:
        >>> regroup((1, 512, 7, 7), (1, 25088)), regroup((2, 8, 4, 4), (2, 2, 4, 4, 4))
        ([([1, 2, 3], [1])], [([0], [0]), ([1], [1, 2]), ([2], [3]), ([3], [4])])
    """
    left = [d for d, n in enumerate(old) if n != 1]
    right = [d for d, n in enumerate(new) if n != 1]
    groups = []
    while left and right:
        a, b = [left.pop(0)], [right.pop(0)]
        here, there = old[a[0]], new[b[0]]
        while here != there:
            if here < there and left:
                a.append(left.pop(0))
                here *= old[a[-1]]
            elif right:
                b.append(right.pop(0))
                there *= new[b[-1]]
            else:
                break
        groups.append((a, b))
    return groups


def _regrouped(state: State, old: Shape, new: Shape) -> State:
    to: dict[int, int | None] = {d: None for d, n in enumerate(old) if n == 1}
    for left, right in regroup(old, new):
        if len(right) == 1:
            to.update(dict.fromkeys(left, right[0]))
    if any(d is not None and d not in to for d in state.dims):
        return LOST
    a, b = (None if d is None else to[d] for d in state.dims)
    return State((a, b), state.axes, state.whole)


def _padded(op: Op, state: State, rank: int) -> State:
    pads = op.setting("pad", ())
    if state.axes is None:
        return state
    axes = []
    for axis, dim in zip(state.axes, state.dims, strict=True):
        place = rank - 1 - dim if dim is not None else len(pads)
        front = int(pads[2 * place]) if 2 * place < len(pads) else 0
        axes.append(Axis(axis.first - front * axis.jump, axis.last - front * axis.jump, axis.jump))
    return State(state.dims, (axes[0], axes[1]), state.whole)


def _picked(op: Op, state: State, shape: Shape) -> State:
    if op.operand("index") is not None:
        return LOST
    index = op.setting("index")
    items = list(index) if isinstance(index, tuple) else [index]
    if not all(one is None or one is Ellipsis or isinstance(one, slice) or type(one) is int for one in items):
        return LOST
    used = sum(1 for one in items if one is not None and one is not Ellipsis)
    place = next((place for place, one in enumerate(items) if one is Ellipsis), len(items))
    items = items[:place] + [slice(None)] * (len(shape) - used) + items[place + 1 :]
    to: dict[int, int | None] = {}
    cut: dict[int, tuple[int, int]] = {}
    old = new = 0
    for one in items:
        if one is None:
            new += 1
            continue
        if isinstance(one, slice):
            start, _, step = one.indices(shape[old])
            to[old], cut[old] = new, (start, step)
            new += 1
        else:
            to[old], cut[old] = None, (int(one) % shape[old], 1)
        old += 1
    dims = tuple(None if d is None else to[d] for d in state.dims)
    if state.axes is None or state.dims[0] == state.dims[1]:
        return State((dims[0], dims[1]), state.axes, state.whole)
    axes = []
    for axis, d in zip(state.axes, state.dims, strict=True):
        start, step = cut.get(d, (0, 1)) if d is not None else (0, 1)
        axes.append(Axis(axis.first + start * axis.jump, axis.last + start * axis.jump, axis.jump * step))
    return State((dims[0], dims[1]), (axes[0], axes[1]), state.whole)
