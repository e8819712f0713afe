"""A network at work on a picture: its stages as columns of maps, the operations of one stage, and one number opened.

``network_view`` runs the picture through the classifier once; ``draw_network`` draws one state of it. A region that
opens a layer, a channel or a cell is a spot of the kind "layer", "map" or "cell".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from matplotlib.path import Path
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from course_lib.drawing.map_figure import prepared
from course_lib.drawing.number_figure import TEXT, draw_number, draw_tile, name_ending, vector_shape, written
from course_lib.drawing.overlay import Pixels, put, tiled
from course_lib.drawing.sheet import FAINT, Sheet, fitted_words, text_width, wrapped
from course_lib.drawing.still import BLUE, GREY, INK, ORANGE, Still, still
from course_lib.models.classifier import Classifier
from course_lib.tracing.activations import Activations, activations
from course_lib.tracing.map_layouts import Layouts, MapLayout, MapStage, map_stages
from course_lib.tracing.one_number import explain
from course_lib.tracing.ops import Op
from course_lib.tracing.records import times

__all__ = ["NetworkView", "draw_network", "network_view"]

_WIDE = 1040.0
_PICTURE, _BARS = 150.0, 200.0  # widths of the first and the last column
_SIDE, _GAP, _ROWS = 60.0, 5.0, 4  # of a column's maps
_TOP = 76.0  # of the maps
_STRIP = _TOP + _ROWS * (_SIDE + _GAP) + 38  # where the boxes of operations begin
_BOX, _STEP = (78.0, 40.0), 92.0
_OPEN = _STRIP + 70  # where the opened number begins
_OUT = 200.0  # width of the opened op's own map
_TALL = _OPEN + 370
_TINTS = {"conv": "#D6E6F2", "linear": "#D6E6F2", "norm": "#E9E9E9", "act": "#FBE3D0", "pool": "#D2EDE3",
          "join": "#F3E6F0", "other": "white"}  # fmt: skip


@dataclass(frozen=True, eq=False)
class NetworkView:
    """A picture's way through a classifier, with what every drawing of it shares.

    Attributes:
        name: the model's.
        categories: of its classes.
        picture: as it enters the model.
        layouts: of the forward that was run.
    """

    name: str
    categories: tuple[str, ...]
    picture: Image.Image
    layouts: Layouts

    @property
    def seen(self) -> Activations:
        return self.layouts.seen

    @cached_property
    def stages(self) -> tuple[MapStage, ...]:
        return map_stages(self.layouts)

    def maps(self, op: Op) -> Tensor:
        """An op's output as (channels, rows, columns)."""
        return self.layouts.output(op).maps(self.seen.outputs[op.index][0]).float()

    def channels(self, op: Op, count: int) -> tuple[int, ...]:
        """The channels with the most to see: whose numbers differ most from cell to cell; of a vector the largest."""
        maps = self.maps(op).flatten(1)
        spread = maps.std(1) if maps.shape[1] > 1 else maps[:, 0].abs()
        return tuple(spread.argsort(descending=True, stable=True)[:count].tolist())

    def stage(self, op: Op) -> int:
        """The place of an op's stage."""
        return next(k for k, stage in enumerate(self.stages) if op in stage.ops)

    @cached_property
    def tiles(self) -> tuple[tuple[tuple[int, ...], Pixels], ...]:
        """For each stage a few channels and their maps below each other; a vector is one tall map."""
        answer: list[tuple[tuple[int, ...], Pixels]] = []
        tall = round(2 * (_SIDE + _GAP))
        for stage in self.stages:
            maps = self.maps(stage.shown)
            if maps.shape[1] * maps.shape[2] == 1:
                grid = maps.reshape(vector_shape(len(maps), tall=True)).numpy()
                pixels = tiled(grid, float(grid.min()), float(grid.max()), round(2 * _SIDE), tall * _ROWS - 10)
                answer.append(((), pixels))
                continue
            chosen = self.channels(stage.shown, _ROWS)
            canvas = np.full((tall * len(chosen) - 10, round(2 * _SIDE), 3), 255, np.uint8)
            for k, channel in enumerate(chosen):
                own = maps[channel].numpy()
                side = round(2 * _SIDE)
                canvas[k * tall : k * tall + side] = tiled(own, float(own.min()), float(own.max()), side, side)
            answer.append((chosen, canvas))
        return tuple(answer)

    def first(self) -> tuple[str, int]:
        """The layer and channel to begin with: the first convolution whose kernel has numbers that can be read."""
        convolutions = [op for op in self.seen.followed if op.plain == "conv2d"]
        small = [op for op in convolutions if _readable(op)] or convolutions or list(self.seen.followed)
        return small[0].name, self.channels(small[0], 1)[0]

    def peak(self, op: Op, channel: int) -> tuple[int, int]:
        """The row and column of the largest number of a channel."""
        own = self.maps(op)[channel]
        row, column = divmod(int(own.argmax()), own.shape[1])
        return row, column


def _readable(op: Op) -> bool:
    weight = op.operand("weight") or ()
    return weight[2:] == (3, 3) and weight[1] > 1


def network_view(classifier: Classifier, picture: Image.Image) -> NetworkView:
    """Run a picture through a classifier, in eval mode, and keep every tensor.

    Args:
        classifier: its transforms prepare the picture; its live model is copied, and stays as it was.
        picture: any RGB picture.

    Raises:
        CourseError: the model cannot be run on the picture.
    """
    crop, batch = prepared(classifier, picture)
    seen = activations(classifier.model, batch)
    return NetworkView(classifier.name, tuple(classifier.categories), crop, Layouts(seen))


def draw_network(view: NetworkView, layer: str, channel: int, row: int, column: int) -> Still:
    """A network's stages, the operations around a layer, and how one of its numbers came about.

    Args:
        view: of ``network_view``.
        layer: the name of one of the forward's ops.
        channel, row, column: which number of its output, as ``MapLayout`` counts.

    Raises:
        CourseError: there is no such layer, channel or cell.

    Example:
        >>> from course_lib.models.classifier import load_classifier
        >>> from course_lib.pictures.images import samples
        >>> view = network_view(load_classifier("resnet18", weights="course"), samples()["camel"].open())
        >>> draw_network(view, "layer1.0.conv1", 3, 20, 30).alt.split(":")[0]
        'resnet18, layer1.0.conv1, channel 3, row 20, column 30'
    """
    op = view.seen.of(layer)
    layout = view.layouts.output(op)
    number = explain(view.seen, op, layout.cell(channel, row, column))
    sheet = Sheet(_WIDE, _TALL)
    _draw_stages(sheet, view, op, channel)
    _draw_operations(sheet, view, op)
    sheet.lines([[(0, _OPEN - 8), (_WIDE, _OPEN - 8)]], color=GREY)
    _draw_heading(sheet, op)
    is_answer = op is view.seen.ops[-1] and op.plain == "softmax"
    names = view.categories if is_answer else ()
    draw_number(sheet, (6, _OPEN + 58, _WIDE - _OUT - 46, 300), view.layouts, number, names=names)
    _draw_output(sheet, view, op, (channel, row, column))
    where = f"{_channel_word(layout)} {channel}"
    where += f", row {row}, column {column}" if layout.kind != "vector" else ""
    how = number.formula or number.note
    alt = f"{view.name}, {layer}, {where}: {written(number.value)} = {how}"
    return still(sheet.figure, alt, photo=True, spots=sheet.spots, dots=1.5)


def _channel_word(layout: MapLayout) -> str:
    return {"vector": "number", "slices": "slice"}.get(layout.kind, "channel")


# -- the stages -------------------------------------------------------------------------------------------------------
def _draw_stages(sheet: Sheet, view: NetworkView, op: Op, channel: int) -> None:
    seen = view.seen
    parameters, macs = sum(each.parameters for each in seen.ops), sum(each.macs for each in seen.ops)
    head = f"{view.name}: {len(seen.followed)} operations, {_count(parameters)} parameters, "
    sheet.text(6, 6, head + f"{_count(macs)} multiply-adds", size=11, bold=True)
    tall = _ROWS * (_SIDE + _GAP) - _GAP
    shown = put(sheet, view.picture, (6, _TOP, _PICTURE - 24, tall))
    sheet.text(6, _TOP - 40, "the picture", size=TEXT, bold=True)
    sheet.text(6, _TOP - 23, times(tuple(seen.batch.shape[1:])), size=TEXT)
    step = (_WIDE - _PICTURE - _BARS - 10) / len(view.stages)
    here = view.stage(op)
    ends = shown.place[0] + shown.place[2]
    for k, (stage, (chosen, pixels)) in enumerate(zip(view.stages, view.tiles, strict=True)):
        left = _PICTURE + step * k + (step - _SIDE) / 2
        layout = view.layouts.output(stage.shown)
        if k == here:
            sheet.boxes([(left - 12, _TOP - 46, _SIDE + 24, tall + 76)], fill="#E4EFF8", level=-1)
        size = "one number each" if layout.kind == "vector" else f"{layout.rows - layout.extra}×{layout.columns}"
        words = "vector" if layout.kind == "vector" else size
        sheet.text(left + _SIDE / 2, _TOP - 40, words, size=TEXT, bold=True, align="center")
        many = f"{layout.channels:,}"
        sheet.text(left + _SIDE / 2, _TOP - 23, f"× {many}" if words != "vector" else many, size=TEXT, align="center")
        place = put(sheet, pixels, (left, _TOP, _SIDE, pixels.shape[0] / 2)).place
        for row, number in enumerate(chosen):
            box = (left, _TOP + row * (_SIDE + _GAP), _SIDE, _SIDE)
            sheet.spot("map", box, f"{stage.shown.name}, channel {number}", value=(stage.shown.name, number))
            if stage.shown is op and number == channel:
                sheet.boxes([box], edge=ORANGE, line=2.4, level=3)
        if not chosen:
            sheet.spot("layer", place, f"{stage.shown.name}: {layout.channels} numbers", value=stage.shown.name)
        _arrow(sheet, ends + 6, left - 6, _TOP + _SIDE / 2)
        ends = left + _SIDE
        count = f"{len(stage.ops)} op{'s' if len(stage.ops) > 1 else ''}"
        sheet.text(left + _SIDE / 2, _TOP + tall + 8, count, size=TEXT, color=FAINT, align="center")
        first = stage.ops[0]
        sheet.spot("layer", (left, _TOP + tall + 4, _SIDE, 20), f"{count}, from {first.name} on", value=first.name)
    _arrow(sheet, ends + 6, _WIDE - _BARS - 4, _TOP + _SIDE / 2)
    _draw_bars(sheet, view)


def _count(number: int) -> str:
    for size, unit in ((10**9, " G"), (10**6, " M"), (10**3, " k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return str(number)


def _arrow(sheet: Sheet, start: float, end: float, y: float) -> None:
    sheet.lines([[(start, y), (end, y)], [(end - 5, y - 4), (end, y), (end - 5, y + 4)]], color=INK)


def _draw_bars(sheet: Sheet, view: NetworkView) -> None:
    last = view.seen.ops[-1]
    shares = view.seen.outputs[last.index][0].flatten()
    left, wide = _WIDE - _BARS, _BARS - 10
    sheet.text(left, _TOP - 40, "the answer", size=TEXT, bold=True)
    sheet.text(left, _TOP - 23, "softmax", size=TEXT)
    for k, place in enumerate(shares.argsort(descending=True)[:5].tolist()):
        share, top = float(shares[place]), _TOP + 51 * k
        label = view.categories[place] if place < len(view.categories) else str(place)
        sheet.text(left, top, fitted_words(label, wide - 60, TEXT), size=TEXT, bold=k == 0)
        percent = f"{share:.1%}"
        sheet.text(left + wide, top, percent, size=TEXT, bold=k == 0, align="right")
        sheet.boxes([(left, top + 19, wide, 12)], fill="#EEEEEE")
        sheet.boxes([(left, top + 19, max(1.0, wide * share), 12)], fill=BLUE if k == 0 else GREY, level=1.2)
        sheet.spot("map", (left, top, wide, 34), f"Where {percent} comes from", value=(last.name, place))


# -- the operations ---------------------------------------------------------------------------------------------------
def _kind(op: Op) -> tuple[str, str]:
    """An op's short name, and its family."""
    plain = op.plain
    if plain.startswith("conv"):
        weight = op.operand("weight") or ()
        groups = int(op.setting("groups", 1))
        size = "×".join(map(str, weight[2:]))
        return f"conv {size}" if groups == 1 else f"dw {size}" if weight[1] == 1 else f"gr {size}", "conv"
    if plain in ("linear", "matmul", "einsum", "multi_head_attention_forward"):
        return {"multi_head_attention_forward": "attention"}.get(plain, plain), "linear"
    if plain.endswith("norm"):
        return {"batch_norm": "BatchNorm", "layer_norm": "LayerNorm"}.get(plain, plain), "norm"
    if "pool" in plain or plain == "mean":
        return ("max pool" if "max" in plain else "avg pool"), "pool"
    if plain in ("add", "mul", "cat", "sub", "div"):
        return {"add": "+", "mul": "×", "sub": "−", "div": "/", "cat": "cat"}[plain], "join"
    acts = {"relu": "ReLU", "hardtanh": "ReLU6", "silu": "SiLU", "gelu": "GELU", "hardswish": "h-swish",
            "hardsigmoid": "h-sigmoid", "sigmoid": "sigmoid", "softmax": "softmax", "tanh": "tanh"}  # fmt: skip
    return (acts[plain], "act") if plain in acts else (plain, "other")


def _draw_operations(sheet: Sheet, view: NetworkView, op: Op) -> None:
    """The ops of a stage around the chosen one, as boxes, with an arc for each way that skips some of them."""
    ops = view.stages[view.stage(op)].ops
    many = int((_WIDE - 120) // _STEP)
    start = max(0, min(ops.index(op) - many // 2, len(ops) - many))
    shown = ops[start : start + many]
    left = (_WIDE - _STEP * len(shown) + _STEP - _BOX[0]) / 2
    lefts = {each.index: left + _STEP * k for k, each in enumerate(shown)}
    top = _STRIP
    for each in shown:
        x = lefts[each.index]
        words, family = _kind(each)
        chosen = each is op
        sheet.boxes([(x, top, *_BOX)], fill=_TINTS[family], edge=ORANGE if chosen else INK, line=2.6 if chosen else 0.8)
        sheet.middle_text(x + _BOX[0] / 2, top + 13, fitted_words(words, _BOX[0] - 4, TEXT, bold=chosen), size=TEXT,
                          bold=chosen, align="center")  # fmt: skip
        layout = view.layouts.output(each)
        sheet.middle_text(x + _BOX[0] / 2, top + 29, f"{layout.channels:,}", size=TEXT, color=FAINT, align="center")
        sheet.spot("layer", (x, top, *_BOX), _tip(each), value=each.name)
        for source in each.sources:
            if source not in lefts:
                continue
            begin = lefts[source] + _BOX[0]
            if x - begin < _STEP:
                _arrow(sheet, begin + 1, x - 1, top + _BOX[1] / 2)
            else:
                _arc(sheet, begin - 12, x + 12, top)
    for hidden, x, near in ((start, left - 46, start - 1), (len(ops) - start - len(shown),
                            left + _STEP * len(shown) + 4, start + len(shown))):  # fmt: skip
        if hidden:
            sheet.middle_text(x + 17, top + 13, "…", size=TEXT, align="center")
            sheet.middle_text(x + 17, top + 29, f"{hidden} more", size=TEXT, color=FAINT, align="center")
            sheet.spot("layer", (x - 6, top, 46, _BOX[1]), _tip(ops[near]), value=ops[near].name)


def _arc(sheet: Sheet, start: float, end: float, top: float) -> None:
    high = top - 18
    points = [(start, top), (start, high), (start + 12, high), (end - 12, high), (end, high), (end, top)]
    codes = [Path.MOVETO, Path.CURVE3, Path.CURVE3, Path.LINETO, Path.CURVE3, Path.CURVE3]
    sheet.path(Path(points, codes), facecolor="none", edgecolor=INK, linewidth=1.0, zorder=2)
    sheet.lines([[(end - 4, top - 6), (end, top), (end + 4, top - 6)]])


def _tip(op: Op) -> str:
    return f"{op.name}: {_inputs(op.inputs)} → {times(op.output)}; {'; '.join(_costs(op))}"


def _inputs(shapes: Sequence[tuple[int, ...]]) -> str:
    if len(shapes) > 2 and len(set(shapes)) == 1:
        return f"{len(shapes)} tensors of {times(shapes[0])}"
    return " and ".join(times(shape) for shape in shapes[:4]) + (" and more" if len(shapes) > 4 else "")


def _costs(op: Op) -> list[str]:
    words = [f"{op.parameters:,} parameters" if op.parameters else "no parameters"]
    if op.macs:
        words.append(f"{_count(op.macs)} multiply-adds")
    field = op.field
    if field is not None and field.height is not None and field.width is not None and not field.whole:
        words.append(f"a cell sees {field.height.size}×{field.width.size} pixels")
    elif field is not None:
        words.append("a number sees the whole picture")
    return words


# -- the opened operation ---------------------------------------------------------------------------------------------
def _draw_heading(sheet: Sheet, op: Op) -> None:
    name = name_ending(op.name, 440)
    sheet.text(6, _OPEN, name, size=11, bold=True)
    settings = [f"{key} {_plain(op.setting(key))}" for key in ("stride", "padding", "groups", "dilation")
                if op.setting(key) not in (None, 1, (1, 1), 0, (0, 0))]  # fmt: skip
    what = ", ".join([op.plain, *settings])
    sheet.text(16 + text_width(name, 11, bold=True), _OPEN + 2, what, size=TEXT, color=FAINT)
    words = f"{_inputs(op.inputs)} → {times(op.output)}  ·  {'  ·  '.join(_costs(op))}"
    sheet.text(6, _OPEN + 22, wrapped(words, _WIDE - _OUT - 40, TEXT)[0], size=TEXT)


def _plain(setting: object) -> str:
    if isinstance(setting, tuple) and len(set(setting)) == 1:
        setting = setting[0]
    return times(setting) if isinstance(setting, tuple) else str(setting)


def _draw_output(sheet: Sheet, view: NetworkView, op: Op, place: tuple[int, int, int]) -> None:
    """The map that the number stands in, and other channels of it."""
    channel, row, column = place
    layout, maps = view.layouts.output(op), view.maps(op)
    left, top = _WIDE - _OUT, _OPEN + 58
    if layout.rows * layout.columns == 1:
        grid = maps.reshape(vector_shape(layout.channels)).numpy()
        r, c = divmod(channel, grid.shape[1])
        shown = draw_tile(sheet, (left, top, _OUT - 10, 190), grid, (c, r, c + 1, r + 1))
        _number_spot(sheet, shown.place, grid)
        caption = f"number {channel}"
        if layout.channels == len(view.categories):
            caption = f"{channel}: {view.categories[channel]}"
    else:
        own = maps[channel].numpy()
        shown = draw_tile(sheet, (left, top, _OUT - 10, 190), own, (column, row, column + 1, row + 1))
        sheet.spot("cell", shown.place, lambda r, c: f"row {r}, column {c}: {written(float(own[r, c]))}",
                   rows=layout.rows, columns=layout.columns, gesture="drag")  # fmt: skip
        caption = f"{_channel_word(layout)} {channel}, row {row}, column {column}"
    value = float(view.seen.outputs[op.index][0][layout.cell(*place)])
    sheet.text(left, _OPEN + 22, written(value), size=13, bold=True, color="#8A3B00")
    sheet.text(left, _OPEN + 42, fitted_words(caption, _OUT - 8, TEXT), size=TEXT)
    _arrow(sheet, left - 30, left - 8, top + 95)
    if layout.kind != "vector":
        _draw_channels(sheet, view, op, channel, (left, top + 200))


def _number_spot(sheet: Sheet, box: tuple[float, float, float, float], grid: NDArray[np.floating]) -> None:
    rows, columns = grid.shape
    sheet.spot("number", box, lambda r, c: f"number {r * columns + c}: {written(float(grid[r, c]))}", rows=rows,
               columns=columns)  # fmt: skip


def _draw_channels(sheet: Sheet, view: NetworkView, op: Op, channel: int, corner: tuple[float, float]) -> None:
    side, gap, layout = 42.0, 5.0, view.layouts.output(op)
    sheet.text(*corner, f"{_channel_word(layout)}s with the most to see", size=TEXT, color=FAINT)
    maps = view.maps(op)
    for k, other in enumerate(view.channels(op, 8)):
        box = (corner[0] + (k % 4) * (side + gap), corner[1] + 20 + (k // 4) * (side + gap), side, side)
        draw_tile(sheet, box, maps[other].numpy())
        sheet.spot("map", box, f"channel {other}", value=(op.name, other))
        if other == channel:
            sheet.boxes([box], edge=ORANGE, line=2.4, level=3)
