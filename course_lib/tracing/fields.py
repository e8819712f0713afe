"""Receptive fields: which part of the picture one cell of an op's output can see.

Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks", https://distill.pub/2019/computing-receptive-fields,
with branches: an add or a cat sees what any of its branches sees. Theory, not weights: what a cell could see. Padding
counts as picture, so a field may reach beyond the edge. Batch statistics in train mode are left out, as everywhere.

The second half follows where height and width are in a tensor when dimensions are permuted, reshaped or sliced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor, prod
from typing import NamedTuple

from course_lib.tracing import arithmetic
from course_lib.tracing.records import Operation, Shape

__all__ = ["Axis", "Field", "Fields", "follow"]


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
class Field:
    """What one cell sees.

    Attributes:
        height, width: the field along each axis, as sliding windows make it; None where positions have been given up.
        whole: it also sees the whole picture, through a global pooling, a linear layer over all positions, attention.
        branches: (where it comes from, height in pixels) of each branch, where an add or a cat joins different fields.
        picture: (height, width) of the model's input.
    """

    height: Axis | None
    width: Axis | None
    whole: bool
    branches: tuple[tuple[str, int], ...]
    picture: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels: the whole picture's where the cell sees all of it."""
        if self.whole or self.height is None or self.width is None:
            return self.picture
        return self.height.size, self.width.size

    @property
    def jump(self) -> tuple[float, float] | None:
        """How many pixels apart the fields of neighbouring cells lie."""
        return None if self.height is None or self.width is None else (self.height.jump, self.width.jump)

    @property
    def centre(self) -> tuple[float, float] | None:
        """The middle of the first cell's field in pixels from the top left edge; the first pixel's middle is 0.5."""
        return None if self.height is None or self.width is None else (self.height.centre, self.width.centre)

    def box(self, row: int, column: int) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) in pixels of the picture that the cell at this row and column sees.

        Example:
            >>> Field(Axis(-3, 4, 2), Axis(-3, 4, 2), False, (), (224, 224)).box(0, 5)
            (7, 0, 14, 4)
        """
        height, width = self.picture
        if self.whole or self.height is None or self.width is None:
            return 0, 0, width, height
        (top, bottom), (left, right) = self.height.span(row), self.width.span(column)
        left, top = max(left, 0), max(top, 0)
        return left, top, max(left, min(right, width)), max(top, min(bottom, height))

    def __str__(self) -> str:
        text = "×".join(str(n) for n in self.size) if self.size[0] != self.size[1] else str(self.size[0])
        return "all" if self.whole else text


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


_Branch = tuple[int, Shape, State]  # the op a tensor comes from, its shape, its state
#: Depends on the picture, in a way that is not followed.
LOST = State((None, None), None, False)
#: Does not depend on the picture.
INDEPENDENT = State((None, None), None, False)


class Fields(NamedTuple):
    """What is known about the fields of a trace's ops.

    Attributes:
        each: the field of every op's output, in order; None where there is none, or none that could be followed.
        lost: for each op whose field could not be followed, the op at which it was lost.
    """

    each: tuple[Field | None, ...]
    lost: Mapping[int, int]


def follow(ops: Sequence[Operation], sizes: Sequence[Shape]) -> Fields:
    """The field of every op's output; ``sizes`` are the shapes of the model's inputs, the first of them a picture."""
    if not sizes or not 3 <= len(sizes[0]) <= 5:
        return Fields((None,) * len(ops), {})
    rank = len(sizes[0])
    start = State((rank - 2, rank - 1), (Axis(0, 1, 1), Axis(0, 1, 1)), False)
    picture = (sizes[0][-2], sizes[0][-1])
    states: dict[int, State] = {-1: start}
    answer: list[Field | None] = []
    lost: dict[int, int] = {}
    for op in ops:
        came = [(operand.source, operand.shape, states[operand.source])
                for operand in op.operands if operand.source is not None and operand.source in states]  # fmt: skip
        came = [branch for branch in came if branch[2] is not INDEPENDENT]
        branches: tuple[tuple[str, int], ...] = ()
        try:
            if not came:
                state = INDEPENDENT
            elif len(came) == 1:
                state = _step(op, came[0][2], came[0][1])
            elif op.plain in _JOINING:
                state, branches = _join(came, ops)
            else:
                state = _mix(op, [state for _, _, state in came])
        except (ArithmeticError, LookupError, TypeError, ValueError):  # arguments that are not known here
            state = LOST
        states[op.index] = state
        if state is LOST:
            lost[op.index] = next((lost[source] for source, _, _ in came if source in lost), op.index)
        if state is INDEPENDENT or state is LOST:
            answer.append(None)
        else:
            height, width = state.axes or (None, None)
            answer.append(Field(height, width, state.whole, branches, picture))
    return Fields(tuple(answer), lost)


_JOINING_TEXT = """cat add sub mul div rsub rdiv maximum minimum pow stack where masked_fill"""
_JOINING = frozenset(_JOINING_TEXT.split())
_MIXING = {"matmul", "bmm", "mm", "einsum", "scaled_dot_product_attention", "multi_head_attention_forward"}


def _step(op: Operation, state: State, shape: Shape) -> State:
    """One op with one input that depends on the picture."""
    kind = op.plain
    if kind[-1] == "d" and kind.startswith(("conv", "max_pool", "avg_pool", "adaptive")) and kind[-2] in "123":
        return _window(op, state, shape)
    if kind in ("mean", "sum", "amax"):
        return _reduce(op, state, shape)
    if state is LOST:
        return LOST
    if kind == "linear":
        return State((None, None), None, True) if len(shape) - 1 in state.dims else state
    if kind in _MIXING:  # with a constant: only the last dimension is summed over
        return _mix(op, [state])
    if kind == "interpolate":
        return _interpolate(op, state, shape)
    if kind in ("group_norm", "instance_norm"):
        return replace(state, whole=True)
    if kind in ("softmax", "log_softmax", "cumsum", "flip", "roll", "normalize", "layer_norm"):
        return _along(op, state, shape)
    if kind in arithmetic.KEEPS_SHAPE or kind in _JOINING:
        return state
    return _rearranged(op, state, shape)


def _window(op: Operation, state: State, shape: Shape) -> State:
    count = arithmetic.spatial(op)
    if op.plain.startswith("adaptive"):
        out = arithmetic.asked(op)
        everything = all(o == 1 for o in out)
        if state is LOST or state.axes is None or state.dims != (len(shape) - 2, len(shape) - 1) or count < 2:
            return State((None, None), None, True) if everything else LOST
        axes = [_pooled(axis, n, o) for axis, n, o in zip(state.axes, shape[-2:], out[-2:], strict=True)]
        return State(state.dims, (axes[0], axes[1]), state.whole or everything)
    if state is LOST or count < 2 or state.dims != (len(shape) - 2, len(shape) - 1):
        return state if state is not LOST and state.whole and state.axes is None else LOST
    if state.axes is None:
        return state
    slides, transposed = arithmetic.slides(op)[-2:], "transpose" in op.plain
    axes = []
    for axis, window in zip(state.axes, slides, strict=True):
        move = axis.spread if transposed else axis.window
        axes.append(move(window.k, window.s, window.p, window.d))
    return State(state.dims, (axes[0], axes[1]), state.whole)


def _pooled(axis: Axis, n: int, out: int) -> Axis:
    longest = max(-(-(i + 1) * n // out) - i * n // out for i in range(out))
    return Axis(axis.first, axis.last + (longest - 1) * axis.jump, axis.jump * n / out)


def _reduce(op: Operation, state: State, shape: Shape) -> State:
    dims = set(arithmetic.dimensions(op.setting("dim"), len(shape)))
    if state is LOST:  # a mean over all but batch and channels sees everything, whatever happened before
        return State((None, None), None, True) if len(dims) >= 2 else LOST
    if not dims & {d for d in state.dims if d is not None}:
        if op.setting("keepdim", False):
            return state
        a, b = (None if d is None else d - sum(other < d for other in dims) for d in state.dims)
        return State((a, b), state.axes, state.whole)
    if not all(d in dims for d in state.dims if d is not None):
        return LOST
    axes = state.axes
    if axes is not None and state.dims[0] != state.dims[1]:
        height, width = (
            axis.window(shape[d], 1, 0, 1) if d is not None else axis for axis, d in zip(axes, state.dims, strict=True)
        )
        axes = height, width
    keep = bool(op.setting("keepdim", False))
    return State(state.dims if keep else (None, None), axes if state.dims[0] != state.dims[1] else None, True)


def _interpolate(op: Operation, state: State, shape: Shape) -> State:
    if state.axes is None or state.dims != (len(shape) - 2, len(shape) - 1):
        return state if state.whole else LOST
    near = 1 if op.setting("mode", "nearest") == "nearest" else 2 if "linear" in str(op.setting("mode")) else 4
    axes = []
    for axis, n, out in zip(state.axes, shape[-2:], op.output[-2:], strict=True):
        scale = n / out
        middle = axis.centre + (0.5 * scale - 0.5) * axis.jump if not op.setting("align_corners") else axis.centre
        half = (axis.last - axis.first + (near - 1) * axis.jump * (n > 1)) / 2
        axes.append(Axis(middle - half, middle + half, axis.jump * scale))
    return State(state.dims, (axes[0], axes[1]), state.whole)


def _mix(op: Operation, states: list[State]) -> State:
    """Attention and matrix products over positions: afterwards a cell has seen all of them."""
    known = [state for state in states if state is not LOST]
    if op.plain not in _MIXING or len(known) < len(states):
        return LOST
    first = known[0]
    return replace(first, whole=True) if op.plain.startswith("multi_head") else State((None, None), None, True)


def _join(came: list[_Branch], ops: Sequence[Operation]) -> tuple[State, tuple[tuple[str, int], ...]]:
    if any(state is LOST for _, _, state in came):
        return LOST, ()
    whole = any(state.whole for _, _, state in came)
    spread = [branch for branch in came if branch[2].axes is not None and not _is_gate(branch, came)]
    if len(spread) < len(came):
        whole = True  # a gate: one cell's answer goes to every position
    if not spread:
        return State(came[0][2].dims, came[0][2].axes, whole), ()
    axes = []
    for place in (0, 1):
        each = [state.axes[place] for _, _, state in spread if state.axes is not None]
        axes.append(Axis(min(a.first for a in each), max(a.last for a in each), each[0].jump))
    heights = [(ops[source].name if source >= 0 else "the input", state.axes[0].size)
               for source, _, state in spread if state.axes is not None]  # fmt: skip
    differ = tuple(heights) if len({size for _, size in heights}) > 1 else ()
    return State(spread[0][2].dims, (axes[0], axes[1]), whole), differ


def _is_gate(branch: _Branch, branches: list[_Branch]) -> bool:
    """Whether a branch has one position and another branch has more."""

    def positions(shape: Shape, state: State) -> int:
        return prod(shape[d] for d in {d for d in state.dims if d is not None and d < len(shape)})

    return positions(*branch[1:]) == 1 and any(positions(*other[1:]) > 1 for other in branches)


# -- where height and width are ---------------------------------------------------------------------------------------
def _along(op: Operation, state: State, shape: Shape) -> State:
    """Ops that work along dimensions: harmless where those are not height or width."""
    rank = len(shape)
    if op.plain == "layer_norm":
        dims = set(range(rank - len(op.setting("normalized_shape", ())), rank))
    else:
        asked = op.setting("dim", op.setting("dims", 1 if op.plain == "normalize" else -1))
        dims = set(arithmetic.dimensions(asked, rank))
    if not dims & {d for d in state.dims if d is not None}:
        return state
    return LOST if op.plain in ("flip", "roll") else replace(state, whole=True)


def _rearranged(op: Operation, state: State, shape: Shape) -> State:
    """Ops that only move numbers."""
    kind, rank = op.plain, len(shape)
    if kind in ("permute", "transpose", "swapaxes", "t", "T", "mT"):
        to = arithmetic.order(op, rank)
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


def _grouped(old: Sequence[int], new: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """Which dimensions of a reshape belong together: the smallest runs with equal products, sizes of 1 left out.

    Example:
        >>> _grouped((1, 512, 7, 7), (1, 25088)), _grouped((2, 8, 4, 4), (2, 2, 4, 4, 4))
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
    for left, right in _grouped(old, new):
        if len(right) == 1:
            to.update(dict.fromkeys(left, right[0]))
    if any(d is not None and d not in to for d in state.dims):
        return LOST
    a, b = (None if d is None else to[d] for d in state.dims)
    return State((a, b), state.axes, state.whole)


def _padded(op: Operation, state: State, rank: int) -> State:
    pads = op.setting("pad", ())
    if state.axes is None:
        return state
    axes = []
    for axis, dim in zip(state.axes, state.dims, strict=True):
        place = rank - 1 - dim if dim is not None else len(pads)
        front = int(pads[2 * place]) if 2 * place < len(pads) else 0
        axes.append(Axis(axis.first - front * axis.jump, axis.last - front * axis.jump, axis.jump))
    return State(state.dims, (axes[0], axes[1]), state.whole)


def _picked(op: Operation, state: State, shape: Shape) -> State:
    items = arithmetic.picks(op, len(shape))
    if items is None:
        return LOST
    to: dict[int, int | None] = {}
    cut: dict[int, tuple[int, int]] = {}
    old = new = 0
    for item in items:
        if item is None:
            new += 1
            continue
        if isinstance(item, slice):
            start, _, step = item.indices(shape[old])
            to[old], cut[old] = new, (start, step)
            new += 1
        else:
            to[old], cut[old] = None, (int(item) % shape[old], 1)
        old += 1
    dims = tuple(None if d is None else to[d] for d in state.dims)
    if state.axes is None or state.dims[0] == state.dims[1]:
        return State((dims[0], dims[1]), state.axes, state.whole)
    axes = []
    for axis, d in zip(state.axes, state.dims, strict=True):
        start, step = cut.get(d, (0, 1)) if d is not None else (0, 1)
        axes.append(Axis(axis.first + start * axis.jump, axis.last + start * axis.jump, axis.jump * step))
    return State((dims[0], dims[1]), (axes[0], axes[1]), state.whole)
