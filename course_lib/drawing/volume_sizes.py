"""The sizes that a network's feature maps go through, from a trace: what ``volumes`` draws, one entry a stage.

A network is cut into units: modules, which are opened as long as the maps inside them change size, and the functions
that its own forward calls. What only rearranges numbers is left out. Units in a row whose maps have the same height
and width are one stage.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from course_lib.tracing import Call, Op, Trace

__all__ = ["Volume", "volumes_of"]

_WORDS = """
    reshape view flatten unflatten permute transpose getitem squeeze unsqueeze expand contiguous chunk split select
    slice to float identity size
"""
_REARRANGE = frozenset(_WORDS.split())


@dataclass(frozen=True, slots=True)
class Volume:
    """A stage: maps of one size.

    Attributes:
        kind: "input", "maps", "tokens" or "vector".
        size: (height, width) of the maps; (tokens,); () for a vector.
        channels: the most that one of its units gives; a token's or a vector's width.
        last: what the last of its units gives.
        paths: its units, as modules' paths or names of functions, in order.
        name: the units that hold its weights, shortly; the first one where none does.
    """

    kind: str
    size: tuple[int, ...]
    channels: int
    last: int
    paths: tuple[str, ...]
    name: str


@dataclass(frozen=True, slots=True)
class _Unit:
    path: str
    kind: str
    size: tuple[int, ...]
    channels: int
    linear: bool  # whether it holds a linear layer
    parameters: int


def volumes_of(trace: Trace) -> tuple[Volume, ...]:
    """The input and then every stage, in order.

    Example:
        >>> from course_lib.tracing import trace
        >>> for one in volumes_of(trace("resnet18"))[:4]:
        ...     print(one.kind, one.size, one.channels, one.name)
        input (224, 224) 3 input
        maps (112, 112) 64 conv1
        maps (56, 56) 64 layer1
        maps (28, 28) 128 layer2
    """
    kind, size, channels = _read(trace.sizes[0], 1)
    answer = [Volume("input", size, channels, channels, (), "input")]
    stages: list[list[_Unit]] = []
    for unit in _Cut(trace).units:
        if stages and _same(stages[-1], unit):
            stages[-1].append(unit)
        else:
            stages.append([unit])
    first = stages[0] if stages else []
    if first and not any(unit.parameters for unit in first) and (first[-1].kind, first[-1].size) == (kind, size):
        stages = stages[1:]  # the model's own preparation of the picture
    for units in stages:
        own = [unit for unit in units if (unit.kind, unit.size) == (units[0].kind, units[0].size)]
        most, last = max(unit.channels for unit in own), own[-1].channels
        paths = tuple(unit.path for unit in units)
        answer.append(Volume(units[0].kind, units[0].size, most, last, paths, _name(units)))
    return tuple(answer)


def _same(stage: Sequence[_Unit], unit: _Unit) -> bool:
    """Whether it belongs to the stage: every linear layer that gives a vector begins a new one."""
    before = stage[-1]
    if unit.kind == "vector":
        return not unit.linear and prod((unit.channels, *unit.size)) == prod((before.channels, *before.size))
    return (before.kind, before.size) == (unit.kind, unit.size)


def _name(units: Sequence[_Unit]) -> str:
    """A few letters for the units that have weights: "layer1", "features.5–7"."""
    heavy = [unit for unit in units if unit.parameters] or list(units[:1])
    ends = [re.fullmatch(r"(.*?)([0-9]+[a-z]?)(\..*)?", unit.path) for unit in (heavy[0], heavy[-1])]
    if ends[0] and ends[1] and ends[0][1] == ends[1][1] and ends[0][2] != ends[1][2]:
        return f"{ends[0][1]}{ends[0][2]}–{ends[1][2]}".split(".", ends[0][1].rstrip(".").count("."))[-1]
    parts = max(heavy, key=lambda unit: unit.parameters).path.split(".")
    return parts[-1] if not parts[-1].isdigit() else ".".join(parts[-2:])


class _Cut:
    """A trace cut into units."""

    def __init__(self, trace: Trace) -> None:
        self.ops = trace.ops
        self.kinds = dict(trace.modules)
        self.channel = _channels(trace.ops)
        self.inside: dict[str, list[Call]] = {}
        ran = {call.path for call in trace.calls}
        for call in sorted(trace.calls, key=lambda call: (call.first, call.end)):
            if call.path and call.end > call.first:
                above = call.path.rpartition(".")[0]
                while above and above not in ran:  # a list of modules does not run itself
                    above = above.rpartition(".")[0]
                self.inside.setdefault(above, []).append(call)
        self.units = self._open("", 0, len(trace.ops))

    def _open(self, path: str, first: int, end: int) -> list[_Unit]:
        parts: list[tuple[str, int, int]] = []
        at = first
        for call in self.inside.get(path, []):
            if first <= call.first and call.end <= end:
                parts += [*self._own(at, call.first), (call.path, call.first, call.end)]
                at = max(at, call.end)
        parts += self._own(at, end)
        units = [unit for part in parts if (unit := self._unit(*part)) is not None]
        whole = self._unit(path, first, end) if path else None
        if whole is not None and not self._worth_it(path, units):
            return [whole]
        return [
            one
            for name, start, stop in parts
            if self._unit(name, start, stop) is not None
            for one in (self._open(name, start, stop) if name in self.kinds else [self._unit(name, start, stop)])
            if one is not None
        ]

    def _own(self, first: int, end: int) -> list[tuple[str, int, int]]:
        """The functions that a module calls itself, between its children."""
        wanted = [op for op in self.ops[first:end] if op.plain not in _REARRANGE]
        return [(op.name, op.index, op.index + 1) for op in wanted]

    def _worth_it(self, path: str, units: Sequence[_Unit]) -> bool:
        """Whether a module is a road, with maps that change size as they go on, and not a block that comes back."""
        sizes = [(one.kind, one.size, one.channels if one.kind == "vector" else 0) for one in units]
        runs = [size for k, size in enumerate(sizes) if k == 0 or sizes[k - 1] != size]
        if self.kinds.get(path) == "Sequential":
            return len(runs) > 1
        return len(runs) > 2 and len(set(runs)) == len(runs)

    def _unit(self, path: str, first: int, end: int) -> _Unit | None:
        op, channel = self.ops[end - 1], self.channel.get(end - 1)
        if channel is None or len(op.output) < 2:
            return None
        inside = self.ops[first:end]
        linear = any(one.plain == "linear" for one in inside)
        return _Unit(path, *_read(op.output, channel), linear, sum(one.parameters for one in inside))


def _read(shape: tuple[int, ...], channel: int) -> tuple[str, tuple[int, ...], int]:
    """(kind, size, channels) of a shape, batch first."""
    rest = tuple(n for k, n in enumerate(shape) if k not in (0, channel))
    if not rest:
        return "vector", (), shape[-1]
    return "tokens" if len(rest) == 1 else "maps", rest, shape[channel]


def _channels(ops: Sequence[Op]) -> dict[int, int | None]:
    """Which dimension of an op's output holds the channels, for the ops that the input reaches."""
    states: dict[int, tuple[int | None, int]] = {-1: (1, 1)}  # (dimension, where it was in the last map)
    for op in ops:
        came = [(one.shape, *states[one.source]) for one in op.operands if one.source in states]
        if came:
            shape, channel, home = max(came, key=lambda one: len(one[0]))
            channel = _after(op, shape, channel, home)
            states[op.index] = channel, channel if len(op.output) == 4 and channel is not None else home
    return {index: channel for index, (channel, _) in states.items()}


def _after(op: Op, shape: tuple[int, ...], channel: int | None, home: int) -> int | None:
    out, kind = op.output, op.plain
    rank = len(out)
    if kind.startswith(("conv", "max_pool", "avg_pool", "adaptive", "batch_norm", "interpolate")) or rank == 2:
        return 1 if rank > 1 else None
    if kind in ("linear", "multi_head_attention_forward"):
        return rank - 1
    moves = rank == len(shape) and kind not in ("reshape", "view")
    if moves and channel is not None:
        if kind == "permute":
            dims = [int(d) % rank for d in _flat(op.setting("dims"))]
            return dims.index(channel) if channel in dims else None
        if kind == "transpose":
            a, b = (int(op.setting(name, 0)) % rank for name in ("dim0", "dim1"))
            return {a: b, b: a}.get(channel, channel)
        return channel
    if rank == 4:
        return home
    if channel is not None:
        fits = [k for k in (channel, rank - 1) if 0 < k < rank and out[k] == shape[channel]]
        return fits[0] if fits else None
    return rank - 1 if rank == 3 else None


def _flat(dims: object) -> tuple[int, ...]:
    if not isinstance(dims, tuple | list):
        return ()
    return _flat(dims[0]) if len(dims) == 1 else tuple(dims)
