"""Where a network's parameters and its multiply-adds are: a square for each layer with weights, areas true to scale.

Bars hide what is small beside what is large, and square roots hide how large it is. Two rows of squares with the same
total area show both: VGG's first linear layer holds most of the parameters and nearly none of the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

from torch import nn

from course_lib.drawing.chart_axes import count
from course_lib.drawing.sheet import FAINT, Sheet, fitted_words, text_width
from course_lib.drawing.still import BLUE, INK, ORANGE, Still
from course_lib.errors import CourseError
from course_lib.tracing.ops import Op
from course_lib.tracing.result import Trace
from course_lib.tracing.tracer import trace

__all__ = ["layer_areas"]

_WIDTH, _EDGE, _GAP = 860.0, 10.0, 8.0  # CSS pixels
_MOST = 20  # layers that there is room for
_LARGEST = 240.0  # the side of the largest square


def layer_areas(what: nn.Module | str | Trace, input_size: Any = None, *, title: str = "") -> Still:
    """Parameters above, multiply-adds below: one square a layer, its area its share of the network's total.

    Args:
        what: a module, a name from torchvision's registry, or a trace, with at most 20 layers that have weights.
        input_size: (channels, height, width); 3×224×224 when left out. A trace has its own.
        title: above it; the network's name when left out.

    Raises:
        CourseError: there is no layer with weights, or there are too many of them.
        TraceError: ``what`` cannot be traced at this size.

    Example:
        >>> layer_areas("vgg11")
        vgg11: of 133 M parameters 7% are in 8 convolutions and 93% in 3 linear layers (most in classifier.0, 77%);
        of 7.61 G multiply-adds 98% and 2% (most in features.8, 24%)
    """
    traced = what if isinstance(what, Trace) else trace(what, input_size or (3, 224, 224), mode="eval")
    layers = [op for op in traced.ops if op.plain in ("conv2d", "linear") and op.parameters]
    if not 1 <= len(layers) <= _MOST:
        raise CourseError(f"{traced.name} has {len(layers)} layers with weights; there is room for 1 to {_MOST}.")
    rows = (
        ("parameters", [op.parameters for op in layers]),
        ("multiply-adds for one picture", [op.macs for op in layers]),
    )
    scale = min(_scale(layers, values) for _, values in rows)  # CSS pixels a side for all of a row's total
    tall = [scale * sqrt(max(values) / sum(values)) for _, values in rows]
    sheet = Sheet(_WIDTH, 34 + sum(tall) + 2 * 78)
    sheet.text(_EDGE, 6, fitted_words(title or traced.name, 500, 11, bold=True), size=11, bold=True)
    _draw_key(sheet)
    top = 34.0
    for (name, values), height in zip(rows, tall, strict=True):
        heading = f"{count(sum(values))} {name}: {_split(layers, values)}"
        sheet.text(_EDGE, top, heading, size=10)
        _draw_row(sheet, layers, values, top + 26, height, scale)
        top += height + 78
    return sheet.still(f"{traced.name}: {_told(layers, rows)}")


def _draw_key(sheet: Sheet) -> None:
    words = "area: share of the total    blue, C: convolution    orange, L: linear"
    sheet.text(_WIDTH - _EDGE, 8, words, size=9, color=FAINT, align="right")


def _labels(op: Op, number: int, value: int) -> tuple[str, str]:
    return f"{'L' if op.plain == 'linear' else 'C'}{number}", count(value)


def _slot(op: Op, number: int, value: int) -> float:
    """The room that the words under a square need."""
    return max(text_width(words, 9) for words in _labels(op, number, value))


def _scale(layers: Sequence[Op], values: Sequence[int]) -> float:
    """The side of the square that would hold a whole row's total, as large as the row has room for."""
    total, room = sum(values), _WIDTH - 2 * _EDGE - _GAP * (len(layers) - 1)
    slots = [_slot(op, number, value) for number, (op, value) in enumerate(zip(layers, values, strict=True), 1)]
    scale = _LARGEST / sqrt(max(values) / total)
    while (
        scale > 40
        and sum(max(slot, scale * sqrt(value / total)) for slot, value in zip(slots, values, strict=True)) > room
    ):
        scale *= 0.98
    return scale


def _draw_row(
    sheet: Sheet, layers: Sequence[Op], values: Sequence[int], top: float, height: float, scale: float
) -> None:
    total, x = sum(values), _EDGE
    for number, (op, value) in enumerate(zip(layers, values, strict=True), 1):
        side = scale * sqrt(value / total)
        wide = max(side, _slot(op, number, value))
        color = ORANGE if op.plain == "linear" else BLUE
        sheet.boxes([(x + (wide - side) / 2, top + height - side, side, side)], fill=color)
        name, amount = _labels(op, number, value)
        sheet.text(x + wide / 2, top + height + 4, name, size=9, bold=True, color=color, align="center")
        sheet.text(x + wide / 2, top + height + 19, amount, size=9, color=INK, align="center")
        x += wide + _GAP


def _share(layers: Sequence[Op], values: Sequence[int], kind: str) -> str:
    part = sum(value for op, value in zip(layers, values, strict=True) if op.plain == kind)
    return f"{100 * part / sum(values):.0f}%"


def _split(layers: Sequence[Op], values: Sequence[int]) -> str:
    return f"{_share(layers, values, 'conv2d')} in convolutions, {_share(layers, values, 'linear')} in linear layers"


def _told(layers: Sequence[Op], rows: Sequence[tuple[str, Sequence[int]]]) -> str:
    (_, parameters), (_, work) = rows
    convs = sum(op.plain == "conv2d" for op in layers)
    linears = len(layers) - convs
    most = []
    for values in (parameters, work):
        largest = max(range(len(layers)), key=values.__getitem__)
        most.append(f"most in {layers[largest].path}, {100 * values[largest] / sum(values):.0f}%")
    heavy = f"{_share(layers, parameters, 'conv2d')} are in {convs} convolutions and "
    heavy += f"{_share(layers, parameters, 'linear')} in {linears} linear layers ({most[0]})"
    busy = f"{_share(layers, work, 'conv2d')} and {_share(layers, work, 'linear')} ({most[1]})"
    return f"of {count(sum(parameters))} parameters {heavy}; of {count(sum(work))} multiply-adds {busy}"
