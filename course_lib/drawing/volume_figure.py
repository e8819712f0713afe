"""Feature maps as boxes, for a whole network: one box a stage, drawn to scale from a trace.

A box in cabinet projection: up is the maps' height, away from the reader (at half length) their width, and from left to
right their channels. A vector is a map of one cell: a bar. What the stages are stands in ``sizes``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from torch import nn

from course_lib.drawing.sheet import FAINT, Sheet, text_width, wrapped
from course_lib.drawing.still import BLUE, GREEN, GREY, INK, ORANGE, Still, shortened
from course_lib.drawing.volume_sizes import Volume, volumes_of
from course_lib.errors import CourseError, closest
from course_lib.tracing import Trace, trace

__all__ = ["volumes"]

_LEAST = 5.0  # CSS pixels: the smallest side that is drawn
_SLANT = 0.5 * sqrt(0.5)  # a length away from the reader: half as long, at 45 degrees
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
        CourseError: there is no stage for ``highlight``, or the width is too small to write in.
        TraceError: ``what`` cannot be traced at this size.

    Example:
        >>> volumes("resnet18")
        resnet18, feature maps as boxes: picture 3×224×224; conv1 64×112×112; layer1 64×56×56; layer2 128×28×28;
        layer3 256×14×14; layer4 512×7×7; avgpool 512×1×1; fc 1000
    """
    if not 3 <= width <= 8.6:
        raise CourseError(f"width={width}: give hundreds of CSS pixels, from 3 to 8.6 (a notebook's width).")
    found = what if isinstance(what, Trace) else trace(what, input_size or (3, 224, 224), mode="eval")
    stages = volumes_of(found)
    marked = _find(stages, highlight)
    if title is None:
        work = f"{found.gmacs:.2f} GMACs" if found.macs >= 1e7 else f"{found.macs:,} multiply-adds"
        title = f"{found.name}: {found.parameters:,} parameters, {work}"
    alt = f"{found.name}, feature maps as boxes: " + "; ".join(_said(one) for one in stages)
    if marked is not None:
        alt += f"; marked: {stages[marked].name}"
    return _Drawing(stages, marked, width * 100).still(title, alt)


def _find(stages: Sequence[Volume], highlight: str | int | None) -> int | None:
    if highlight is None or (isinstance(highlight, int) and 0 <= highlight < len(stages)):
        return highlight
    if isinstance(highlight, str):
        names = [("input",) if k == 0 else (*one.paths, one.name) for k, one in enumerate(stages)]
        ways = (lambda path: path == highlight, lambda path: highlight.startswith(f"{path}."),
                lambda path: path.startswith(f"{highlight}."))  # fmt: skip
        for fits in ways:
            for k, paths in enumerate(names):
                if any(fits(path) for path in paths):
                    return k
        near = closest(highlight, [path for paths in names for path in paths])
        raise CourseError(f"No stage of this network holds a module {highlight!r}.{near}")
    raise CourseError(
        f"highlight={highlight!r}: give a module's path, or a stage's number from 0 to {len(stages) - 1}."
    )


def _said(one: Volume) -> str:
    if one.kind == "input":
        return "picture " + "×".join(str(n) for n in (one.channels, *one.size))
    if one.kind == "tokens":
        return f"{one.name} {one.size[0]} tokens×{one.channels}"
    return f"{one.name} " + "×".join(str(n) for n in (one.channels, *one.size))


@dataclass(frozen=True, slots=True)
class _Box:
    """A stage with its measures in CSS pixels: right (channels), up (height), away (width, already slanted)."""

    stage: Volume
    right: float
    up: float
    away: float
    above: str
    below: str
    name: str
    marked: bool

    @property
    def wide(self) -> float:
        return self.right + self.away

    @property
    def slot(self) -> float:
        """The room that box and texts need."""
        texts = (text_width(self.above, 9.5, bold=True), text_width(self.below, 8.5), text_width(self.name, 8))
        return max(self.wide, *texts)


class _Drawing:
    """The boxes side by side, made as deep as there is room for."""

    def __init__(self, stages: Sequence[Volume], marked: int | None, width: float) -> None:
        self.width = width
        shown = list(enumerate(stages))
        most = min(_MOST, int(width / _SLOT))
        self.left_out, self.before = max(len(stages) - most, 0), most // 2
        self.dots = 18 * bool(self.left_out)  # room for "…"
        if self.left_out:
            shown = [*shown[: self.before], *shown[self.before - most :]]
        side = max([16, *(n for _, one in shown for n in one.size)])
        deep = max([_DEEP, *(one.channels for _, one in shown)])
        room = 0.0
        for letters, deepest, tallest in _TRIES:
            self.boxes = [
                _box(one, tallest / sqrt(side), deepest / sqrt(deep), letters, k == marked) for k, one in shown
            ]
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
        letters, room = len(title), self.width - 16 - 90 * bool(self.left_out)
        while text_width(shortened(title, letters), 10.5, bold=True) > room:
            letters -= 1
        sheet.text(8, 8, shortened(title, letters), size=10.5, bold=True)
        x = (self.width - self.dots - sum(box.slot for box in self.boxes) - self.gap * (len(self.boxes) - 1)) / 2
        for k, box in enumerate(self.boxes):
            centre, bottom = x + box.slot / 2, middle + (box.up + box.away) / 2
            top, color = bottom - box.up - box.away, ORANGE if box.marked else INK
            _draw(sheet, box, centre - box.wide / 2, bottom)
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


def _box(one: Volume, scale: float, deep: float, letters: int, marked: bool) -> _Box:
    height, width = one.size[-2:] if len(one.size) > 1 else (*one.size, 1) if one.size else (1, 1)
    up, away = (max(_LEAST, scale * sqrt(n)) for n in (height, width))
    above = f"{one.channels}" if one.channels == one.last else f"{one.channels} → {one.last}"
    below = {0: "vector", 1: f"{height} tokens"}.get(len(one.size), "×".join(str(n) for n in one.size))
    name = one.name if len(one.name) <= letters else one.name[one.name.rfind(".") :]  # ".24–28" of "features.24–28"
    name = shortened(name, letters) if letters else ""
    return _Box(one, max(_LEAST - 1, deep * sqrt(one.channels)), up, away * _SLANT, above, below, name, marked)


def _draw(sheet: Sheet, box: _Box, left: float, bottom: float) -> None:
    """Three faces: front, top, and at the right the map itself."""
    edge, line = (ORANGE, 2.4) if box.marked else (None, 0.8)
    body = (left, bottom, box.right, box.up, box.away)
    sheet.cuboids([body], color=_COLORS[box.stage.kind], edge=edge, line=line)
