"""A network's feature maps as boxes, one box for each stage, drawn to scale from a trace.

A box in cabinet projection: up is the maps' height, into the page (at half length) their width, and from left to right
their channels. A vector is a map of one cell: a bar. ``volumes_of`` finds the stages: the network is cut into units,
which are modules (opened as long as the maps inside them change size) and the functions that its own forward calls.
What only rearranges numbers is left out. Units in a row whose maps have the same height and width are one stage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod, sqrt
from typing import Any

from torch import nn

from course_lib.drawing.sheet import FAINT, SLANT, Sheet, fitted_words, text_width, wrapped
from course_lib.drawing.still import BLUE, GREEN, GREY, INK, ORANGE, Still, shortened
from course_lib.errors import CourseError, closest
from course_lib.tracing.ops import Op
from course_lib.tracing.records import Call
from course_lib.tracing.result import Trace
from course_lib.tracing.tracer import trace

__all__ = ["Volume", "volumes", "volumes_of"]

_LEAST = 5.0  # CSS pixels: the smallest side that is drawn
_MOST, _SLOT = 14, 52  # boxes side by side; CSS pixels that each needs at least
_DEEP = 256  # channels that are always drawn on the scale of as many, so that 8 look fewer than 64
#: (letters of a name, CSS pixels for the most channels, for the largest map's side): the first that fits is taken.
_TRIES = ((40, 110, 165), (40, 80, 165), (40, 60, 165), (14, 80, 165), (14, 50, 165), (14, 50, 110), (9, 50, 165),
          (9, 24, 165), (9, 24, 110), (7, 20, 110), (0, 12, 110), (0, 12, 70), (0, 6, 40))  # fmt: skip
_COLORS = {"input": GREY, "maps": BLUE, "tokens": GREEN, "vector": "#B0609A"}
_NOTE = (
    "up: height; into the page: width; to the right: channels (the bold number). "
    "Scale: square roots, so 4 times as many is twice as long."
)


def volumes(
    what: nn.Module | str | Trace,
    input_size: Any = None,
    *,
    title: str | None = None,
    width: float = 8.6,
    highlight: str | int | None = None,
) -> Still:
    """A network's feature maps as boxes, from the picture to the answer.

    Args:
        what: a module, a name from torchvision's registry, or a trace.
        input_size: (channels, height, width); 3×224×224 when left out. A trace has its own.
        title: above it; the network's name, parameters and multiply-adds when left out.
        width: of the picture, in hundreds of CSS pixels.
        highlight: one stage: the path of a module in it ("layer2.0"), or its number, the input being 0.

    Raises:
        CourseError: there is no stage for ``highlight``, the width is too small to write in, or the forward takes no
            input.
        TraceError: ``what`` cannot be traced at this size.

    Example:
        >>> volumes("resnet18")
        resnet18, feature maps as boxes: picture 3×224×224; conv1 64×112×112; layer1 64×56×56; layer2 128×28×28;
        layer3 256×14×14; layer4 512×7×7; avgpool 512×1×1; fc 1000
    """
    if not 3 <= width <= 8.6:
        raise CourseError(f"width={width}: give hundreds of CSS pixels, from 3 to 8.6 (a notebook's width).")
    traced = what if isinstance(what, Trace) else trace(what, input_size or (3, 224, 224), mode="eval")
    stages = volumes_of(traced)
    marked = _find(stages, highlight)
    if title is None:
        work = f"{traced.gmacs:.2f} GMACs" if traced.macs >= 1e7 else f"{traced.macs:,} multiply-adds"
        title = f"{traced.name}: {traced.parameters:,} parameters, {work}"
    alt = f"{traced.name}, feature maps as boxes: " + "; ".join(_described(stage) for stage in stages)
    if marked is not None:
        alt += f"; marked: {stages[marked].name}"
    return _Drawing(stages, marked, width * 100).still(title, alt)


def _find(stages: Sequence[Volume], highlight: str | int | None) -> int | None:
    if highlight is None or (isinstance(highlight, int) and 0 <= highlight < len(stages)):
        return highlight
    if isinstance(highlight, str):
        names = [("input",) if k == 0 else (*stage.paths, stage.name) for k, stage in enumerate(stages)]
        tests = (lambda path: path == highlight, lambda path: highlight.startswith(f"{path}."),
                 lambda path: path.startswith(f"{highlight}."))  # fmt: skip
        for fits in tests:
            for k, paths in enumerate(names):
                if any(fits(path) for path in paths):
                    return k
        near = closest(highlight, [path for paths in names for path in paths])
        raise CourseError(f"No stage of this network holds a module {highlight!r}.{near}")
    raise CourseError(
        f"highlight={highlight!r}: give a module's path, or a stage's number from 0 to {len(stages) - 1}."
    )


def _described(stage: Volume) -> str:
    if stage.kind == "tokens":
        return f"{stage.name} {stage.size[0]} tokens×{stage.channels}"
    name = "picture" if stage.kind == "input" else stage.name
    return f"{name} " + "×".join(str(n) for n in (stage.channels, *stage.size))


@dataclass(frozen=True, slots=True)
class _Box:
    """A stage in CSS pixels: right (channels), up (height), away (width, already slanted)."""

    kind: str
    right: float
    up: float
    away: float
    above: str
    below: str
    name: str
    marked: bool
    tip: str
    key: str

    @property
    def wide(self) -> float:
        return self.right + self.away

    @property
    def slot(self) -> float:
        """The room that the box and its texts need."""
        texts = (text_width(self.above, 9.5, bold=True), text_width(self.below, 8.5), text_width(self.name, 8))
        return max(self.wide, *texts)


class _Drawing:
    """The boxes side by side, as deep as there is room for."""

    def __init__(self, stages: Sequence[Volume], marked: int | None, width: float) -> None:
        self.width = width
        shown = list(enumerate(stages))
        most = min(_MOST, int(width / _SLOT))
        self.left_out, self.before = max(len(stages) - most, 0), most // 2
        self.dots = 18 * bool(self.left_out)  # room for "…"
        if self.left_out:
            shown = [*shown[: self.before], *shown[self.before - most :]]
        side = sqrt(max([16, *(n for _, stage in shown for n in stage.size)]))
        deep = sqrt(max([_DEEP, *(stage.channels for _, stage in shown)]))
        room = 0.0
        for letters, deepest, tallest in _TRIES:
            self.boxes = [_box(stage, tallest / side, deepest / deep, letters, k == marked) for k, stage in shown]
            room = width - 20 - self.dots - sum(box.slot for box in self.boxes)
            if room >= 9 * (len(self.boxes) - 1):
                break
        self.gap = min(34.0, room / max(len(self.boxes) - 1, 1))

    def still(self, title: str, alt: str) -> Still:
        tall = max(box.up + box.away for box in self.boxes)
        middle = 53 + tall / 2
        names = middle + tall / 2 + 29
        words = wrapped(_NOTE, self.width - 16, 8)
        sheet = Sheet(self.width, names + 27 + 15 * len(words))
        title = fitted_words(title, self.width - 16 - 90 * bool(self.left_out), 10.5, bold=True)
        sheet.text(8, 8, title, size=10.5, bold=True)
        x = (self.width - self.dots - sum(box.slot for box in self.boxes) - self.gap * (len(self.boxes) - 1)) / 2
        for k, box in enumerate(self.boxes):
            centre, bottom = x + box.slot / 2, middle + (box.up + box.away) / 2
            top, color = bottom - box.up - box.away, ORANGE if box.marked else INK
            body = (centre - box.wide / 2, bottom, box.right, box.up, box.away)
            edge, thick = (ORANGE, 2.4) if box.marked else (None, 0.8)
            sheet.cuboids([body], color=_COLORS[box.kind], edge=edge, line=thick)
            sheet.spot("stage", (centre - box.slot / 2, top - 15, box.slot, names + 16 - top), box.tip, box.key)
            sheet.text(centre, top - 15, box.above, size=9.5, bold=True, color=color, align="center")
            sheet.text(centre, bottom + 6, box.below, size=8.5, bold=box.marked, color=color, align="center")
            faint = color if box.marked else FAINT
            sheet.text(centre, names, box.name, size=8, bold=box.marked, color=faint, align="center")
            x += box.slot + self.gap
            if self.left_out and k + 1 == self.before:
                x += self.dots
                sheet.text(x - (self.gap + self.dots) / 2, middle - 8, "…", size=12, bold=True, align="center")
                sheet.text(self.width - 8, 9, f"…: {self.left_out} more", color=FAINT, align="right")
        for k, line in enumerate(words):
            sheet.text(self.width / 2, names + 25 + 15 * k, line, size=8, color=FAINT, align="center")
        return sheet.still(alt)


def _box(stage: Volume, scale: float, deep: float, letters: int, marked: bool) -> _Box:
    size = stage.size
    height, width = size[-2:] if len(size) > 1 else (*size, 1) if size else (1, 1)
    up, away = (max(_LEAST, scale * sqrt(n)) for n in (height, width))
    above = f"{stage.channels}" if stage.channels == stage.last else f"{stage.channels} → {stage.last}"
    below = {0: "vector", 1: f"{height} tokens"}.get(len(size), "×".join(str(n) for n in size))
    name = stage.name
    if len(name) > letters:
        name = name[name.rfind(".") :]  # ".24–28" of "features.24–28"
    name = shortened(name, letters) if letters else ""
    right = max(_LEAST - 1, deep * sqrt(stage.channels))
    tip = "\n".join([_described(stage), *([f"modules: {', '.join(stage.paths[:6])}"] if stage.paths else [])])
    return _Box(stage.kind, right, up, away * SLANT, above, below, name, marked, tip, stage.name)


# -- the stages of a network ------------------------------------------------------------------------------------------
_REARRANGE = {
    "reshape", "view", "flatten", "unflatten", "permute", "transpose", "getitem", "squeeze", "unsqueeze", "expand",
    "contiguous", "chunk", "split", "select", "slice", "to", "float", "identity", "size",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Volume:
    """A stage: maps of one size.

    Attributes:
        kind: "input", "maps", "tokens" or "vector".
        size: (height, width) of the maps; (tokens,); () for a vector.
        channels: the most that one of its units gives; for tokens and vectors their width.
        last: the channels that the last of its units gives.
        paths: its units in order, as paths of modules or names of functions.
        name: short, of the units that hold its weights; of the first one where none does.
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

    Raises:
        CourseError: the forward takes no tensor.

    Example:
        >>> from course_lib.tracing import trace
        >>> for stage in volumes_of(trace("resnet18"))[:4]:
        ...     print(stage.kind, stage.size, stage.channels, stage.name)
        input (224, 224) 3 input
        maps (112, 112) 64 conv1
        maps (56, 56) 64 layer1
        maps (28, 28) 128 layer2
    """
    if not trace.sizes:
        raise CourseError(
            f"{trace.name} takes no input, so there is no box to begin with; block() draws its operations."
        )
    kind, size, channels = _read(trace.sizes[0], 1)
    boxes = [Volume("input", size, channels, channels, (), "input")]
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
        boxes.append(Volume(units[0].kind, units[0].size, most, last, paths, _name(units)))
    return tuple(boxes)


def _same(stage: Sequence[_Unit], unit: _Unit) -> bool:
    """Whether a unit belongs to a stage; every linear layer that gives a vector begins a new one."""
    before = stage[-1]
    if unit.kind == "vector":
        return not unit.linear and prod((unit.channels, *unit.size)) == prod((before.channels, *before.size))
    return (before.kind, before.size) == (unit.kind, unit.size)


def _name(units: Sequence[_Unit]) -> str:
    """A short name for the units that have weights: "layer1", "features.5–7"."""
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
        """The units of a module that ran the ops from ``first`` to ``end``: itself, or those of what is in it."""
        parts = [(part, unit) for part in self._parts(path, first, end) if (unit := self._unit(*part)) is not None]
        whole = self._unit(path, first, end) if path else None
        if whole is not None and not self._worth_opening(path, [unit for _, unit in parts]):
            return [whole]
        opened = [self._open(*part) if part[0] in self.kinds else [unit] for part, unit in parts]
        return [unit for units in opened for unit in units]

    def _parts(self, path: str, first: int, end: int) -> Iterator[tuple[str, int, int]]:
        """(name, first op, end) of a module's children, and of the functions that it calls itself between them."""
        at = first
        for call in self.inside.get(path, []):
            if first <= call.first and call.end <= end:
                yield from self._own(at, call.first)
                yield call.path, call.first, call.end
                at = max(at, call.end)
        yield from self._own(at, end)

    def _own(self, first: int, end: int) -> list[tuple[str, int, int]]:
        return [(op.name, op.index, op.index + 1) for op in self.ops[first:end] if op.plain not in _REARRANGE]

    def _worth_opening(self, path: str, units: Sequence[_Unit]) -> bool:
        """Whether the maps in a module change size step by step; in a block they return to the size they had."""
        sizes = [(unit.kind, unit.size, unit.channels if unit.kind == "vector" else 0) for unit in units]
        runs = [size for k, size in enumerate(sizes) if k == 0 or sizes[k - 1] != size]
        if self.kinds.get(path) == "Sequential":
            return len(runs) > 1
        return len(runs) > 2 and len(set(runs)) == len(runs)

    def _unit(self, path: str, first: int, end: int) -> _Unit | None:
        op, channel = self.ops[end - 1], self.channel.get(end - 1)
        if channel is None or len(op.output) < 2:
            return None
        inside = self.ops[first:end]
        linear = any(op.plain == "linear" for op in inside)
        return _Unit(path, *_read(op.output, channel), linear, sum(op.parameters for op in inside))


def _read(shape: tuple[int, ...], channel: int) -> tuple[str, tuple[int, ...], int]:
    """(kind, size, channels) of a shape, batch first."""
    rest = tuple(n for k, n in enumerate(shape) if k not in (0, channel))
    if not rest:
        return "vector", (), shape[-1]
    return "tokens" if len(rest) == 1 else "maps", rest, shape[channel]


def _channels(ops: Sequence[Op]) -> dict[int, int | None]:
    """Index of an op → the dimension of its output that holds the channels, for the ops that the input reaches."""
    states: dict[int, tuple[int | None, int]] = {-1: (1, 1)}  # (dimension, where it was in the last map)
    for op in ops:
        taken = [(operand.shape, *states[operand.source]) for operand in op.operands if operand.source in states]
        if taken:
            shape, channel, home = max(taken, key=lambda operand: len(operand[0]))
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
