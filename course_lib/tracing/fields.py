"""Receptive fields: which part of the picture one cell of an op's output can see.

Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks", https://distill.pub/2019/computing-receptive-fields,
with branches: an add or a cat sees what any of its branches sees. Theory, not weights: what a cell could see. Padding
counts as picture, so a field may reach beyond the edge. Batch statistics in train mode are left out, as everywhere.

How the dimensions of a tensor move (permute, reshape) is ``layout``'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from course_lib.tracing import arithmetic, positions
from course_lib.tracing.positions import INDEPENDENT, LOST, Axis, State

if TYPE_CHECKING:
    from course_lib.tracing.ops import Op, Shape

__all__ = ["Axis", "Field", "follow"]


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
        return max(left, 0), max(top, 0), min(right, width), min(bottom, height)

    def __str__(self) -> str:
        text = "×".join(str(n) for n in self.size) if self.size[0] != self.size[1] else str(self.size[0])
        return "all" if self.whole else text


def follow(ops: Sequence[Op], sizes: Sequence[Shape]) -> tuple[Field | None, ...]:
    """The field of every op's output, in order; ``sizes`` are the shapes of the model's inputs."""
    if not sizes or not 3 <= len(sizes[0]) <= 5:
        return (None,) * len(ops)
    rank = len(sizes[0])
    start = State((rank - 2, rank - 1), (Axis(0, 1, 1), Axis(0, 1, 1)), False)
    picture = (sizes[0][-2], sizes[0][-1])
    states: dict[int, State] = {-1: start}
    answer: list[Field | None] = []
    for op in ops:
        came = [(one.source, one.shape, states.get(one.source, INDEPENDENT))
                for one in op.operands if one.source is not None]  # fmt: skip
        came = [one for one in came if one[2] is not INDEPENDENT]
        branches: tuple[tuple[str, int], ...] = ()
        if not came:
            state = INDEPENDENT
        elif len(came) == 1:
            state = _step(op, came[0][2], came[0][1])
        elif op.plain in _JOINING:
            state, branches = _join(op, came, ops)
        else:
            state = _mix(op, [one[2] for one in came])
        states[op.index] = state
        if state is INDEPENDENT or state is LOST:
            answer.append(None)
        else:
            height, width = state.axes or (None, None)
            answer.append(Field(height, width, state.whole, branches, picture))
    return tuple(answer)


_JOINING = {
    "cat",
    "add",
    "sub",
    "mul",
    "div",
    "rsub",
    "rdiv",
    "maximum",
    "minimum",
    "pow",
    "stack",
    "where",
    "masked_fill",
}
_MIXING = {"matmul", "bmm", "mm", "einsum", "scaled_dot_product_attention", "multi_head_attention_forward"}


def _step(op: Op, state: State, shape: Shape) -> State:
    """One op with one input that depends on the picture."""
    kind = op.plain
    if kind[-1] == "d" and kind.startswith(("conv", "max_pool", "avg_pool", "adaptive")) and kind[-2] in "123":
        return _window(op, state, shape)
    if kind in ("mean", "sum", "amax"):
        return _reduce(op, state, shape)
    if state is LOST:
        return LOST
    if kind == "linear":
        return positions.mixed(state) if len(shape) - 1 in state.dims else state
    if kind in _MIXING:  # with a constant: only the last dimension is summed over
        return _mix(op, [state])
    if kind == "interpolate":
        return _interpolate(op, state, shape)
    if kind in ("group_norm", "instance_norm"):
        return replace(state, whole=True)
    if kind in ("softmax", "log_softmax", "cumsum", "flip", "roll", "normalize", "layer_norm"):
        return positions.along(op, state, shape)
    if kind in arithmetic.KEEPS_SHAPE or kind in _JOINING:
        return state
    return positions.rearranged(op, state, shape)


def _window(op: Op, state: State, shape: Shape) -> State:
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
    for axis, one in zip(state.axes, slides, strict=True):
        if transposed:
            axes.append(axis.spread(one.k, one.s, one.p, one.d))
        else:
            axes.append(axis.window(one.k, one.s, one.p, one.d))
    return State(state.dims, (axes[0], axes[1]), state.whole)


def _pooled(axis: Axis, n: int, out: int) -> Axis:
    longest = max(-(-(i + 1) * n // out) - i * n // out for i in range(out))
    return Axis(axis.first, axis.last + (longest - 1) * axis.jump, axis.jump * n / out)


def _reduce(op: Op, state: State, shape: Shape) -> State:
    dim = op.setting("dim")
    rank = len(shape)
    dims = set(range(rank)) if dim is None else {d % rank for d in (dim if isinstance(dim, tuple | list) else [dim])}
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
        one, two = (
            axis.window(shape[d], 1, 0, 1) if d is not None else axis for axis, d in zip(axes, state.dims, strict=True)
        )
        axes = one, two
    keep = bool(op.setting("keepdim", False))
    return State(state.dims if keep else (None, None), axes if state.dims[0] != state.dims[1] else None, True)


def _interpolate(op: Op, state: State, shape: Shape) -> State:
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


def _mix(op: Op, states: list[State]) -> State:
    """Attention and matrix products over positions: afterwards a cell has seen all of them."""
    known = [state for state in states if state is not LOST]
    if op.plain not in _MIXING or len(known) < len(states):
        return LOST
    first = known[0]
    return replace(first, whole=True) if op.plain.startswith("multi_head") else State((None, None), None, True)


def _join(op: Op, came: list[tuple[int, Shape, State]], ops: Sequence[Op]) -> tuple[State, tuple[tuple[str, int], ...]]:
    if any(state is LOST for _, _, state in came):
        return LOST, ()
    whole = any(state.whole for _, _, state in came)
    spread = [one for one in came if one[2].axes is not None and not _is_gate(one, came)]
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


def _is_gate(one: tuple[int, Shape, State], all_of_them: list[tuple[int, Shape, State]]) -> bool:
    def positions(each: tuple[int, Shape, State]) -> int:
        dims, shape = {d for d in each[2].dims if d is not None and d < len(each[1])}, each[1]
        size = 1
        for d in dims:
            size *= shape[d]
        return size

    return positions(one) == 1 and any(positions(other) > 1 for other in all_of_them)
