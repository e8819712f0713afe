"""Charts of the lessons: lines over steps, horizontal bars, shares of a whole, histograms.

Nothing is told by colour alone: a line has a marker or dashes of its own and its name at its end or in a legend, a
part its name inside it or in the legend.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.drawing.chart_axes import (
    COLORS,
    LEGEND_ROW,
    SMALL,
    TEXT,
    WIDTH,
    Box,
    add_axes,
    axis_words,
    box_in,
    chart_figure,
    count,
    data_pixels,
    digits,
    draw_legend,
    draw_title,
    legend_rows,
    line_styles,
    round_ticks,
    set_ticks,
    spread_out,
    write,
)
from course_lib.drawing.sheet import FAINT, fitted_words, text_width
from course_lib.drawing.spots import Spot
from course_lib.drawing.still import BLUE, DOTS, GREEN, GREY, INK, ORANGE, PIXELS, Place, Still, shortened, still
from course_lib.errors import CourseError

__all__ = ["bars", "draw_bars", "draw_curve", "histograms", "lines", "shares"]

Points = tuple[list[int], list[float]]  # steps and values
_BINS = 49  # of a histogram


# -- lines ------------------------------------------------------------------------------------------------------------
def lines(
    values: Mapping[str, Sequence[float]],
    *,
    title: str,
    below: str,
    log: bool = False,
    level: float | None = None,
    level_label: str = "",
    start: int = 1,
    alt: str | None = None,
) -> Still:
    """Curves over 1, 2, 3, …, each with its name at its end, or in a legend where they end at different steps.

    Args:
        values: a name → its value at each step. In names such as "plain, 40 layers" and "residual, 40 layers", what
            stands before the comma decides colour and marker, what stands after it the dashes.
        title: what the vertical axis shows, with its unit.
        below: what the horizontal axis shows.
        log: whether the vertical axis is logarithmic; then values that are not above 0 are left out.
        level: the height of a dashed grey line across the chart, if any, with ``level_label`` on it.
        start: the number of the first step.
        alt: the alt text; made from the first and last values when left out. Two machines may differ in the last digit
            of a training's losses: then say it in words.

    Raises:
        CourseError: there is no finite value to draw.

    Example:
        >>> lines({"plain": [2.3, 2.2, 2.1], "residual": [2.6, 1.0, 0.1]}, title="loss", below="step")
        loss: plain from 2.3 to 2.1; residual from 2.6 to 0.1
    """
    curves = {name: _drawable(row, start, log) for name, row in values.items()}
    curves = {name: points for name, points in curves.items() if points[0]}
    if not curves:
        kind = "finite and above 0" if log else "finite"
        raise CourseError(f"There is nothing to draw: {len(values)} lines, and no value in them that is {kind}.")
    heights = [y for _, ys in curves.values() for y in ys]
    if level is not None and math.isfinite(level) and (level > 0 or not log):
        heights.append(level)
    else:
        level = None
    ticks = round_ticks(min(heights), max(heights), log=log)
    last = max(steps[-1] for steps, _ in curves.values())
    together = all(steps[-1] == last for steps, _ in curves.values())
    styles = line_styles(list(curves))
    names = {name: shortened(name, 28) for name in curves}

    figure = chart_figure(340)
    draw_title(figure, title)
    top = 34.0
    if not together:
        top += draw_legend(figure, {names[name]: styles[name] for name in curves}, top=34) + 10
    left = max(text_width(word, TEXT) for word in axis_words(ticks)) + 20
    beside = max(text_width(name, TEXT) for name in names.values()) + 40 if together else 24
    axes = add_axes(figure, (left, top, WIDTH - left - beside, 340 - 54 - top))
    axes.set(yscale="log" if log else "linear", ylim=(ticks[0], ticks[-1]))
    set_ticks(axes, "y", ticks)
    pad = 0.02 * max(last - start, 1)
    axes.set(xlim=(start - pad, max(last, start + 1) + pad))
    set_ticks(
        axes, "x", [x for x in round_ticks(start, last, 8) if start <= x <= last and x == int(x)] or [start], grid=False
    )
    write(figure, left + (WIDTH - left - beside) / 2, 340 - 22, shortened(below, 90), ha="center", va="top")
    if level is not None:
        _draw_level(axes, level, level_label, curves)
    for name, (steps, ys) in curves.items():
        every = max(1, round(len(ys) / 8))
        axes.plot(steps, ys, linewidth=1.8, markersize=4.5, markevery=every, clip_on=False, **styles[name])
    if together:
        _write_names(axes, curves, names, styles)
    words = "; ".join(f"{name} from {ys[0]:.2g} to {ys[-1]:.2g}" for name, (_, ys) in curves.items())
    return still(figure, alt or f"{title}: {words}")


def _drawable(row: Sequence[float], start: int, log: bool) -> Points:
    points = [(start + k, float(value)) for k, value in enumerate(row)]
    points = [(step, y) for step, y in points if math.isfinite(y) and (y > 0 or not log)]
    return [step for step, _ in points], [y for _, y in points]


def _draw_level(axes: Axes, level: float, label: str, curves: Mapping[str, Points]) -> None:
    """A dashed line across, its label at the right end on the side where fewer curves pass."""
    axes.axhline(level, color=GREY, linewidth=1.3, linestyle=(0, (4, 3)))
    height = axes.transAxes.inverted().transform(axes.transData.transform((0, level)))[1]
    near = [axes.transData.transform((0, y))[1] for _, ys in curves.values() for y in ys[-max(1, len(ys) // 5) :]]
    near = [axes.transAxes.inverted().transform((0, y))[1] - height for y in near]
    above, below = sum(0 <= y < 0.1 for y in near), sum(-0.1 < y < 0 for y in near)
    under = height > 0.9 or (above > below and height > 0.1)
    away = 11 / (axes.bbox.height * PIXELS / DOTS)
    write(axes, 0.99, height + (-away if under else away), label, size=SMALL, color=FAINT, ha="right",
          transform=axes.transAxes)  # fmt: skip


def _write_names(
    axes: Axes, curves: Mapping[str, Points], names: Mapping[str, str], styles: Mapping[str, dict[str, Any]]
) -> None:
    """Each curve's name beside its end, moved up or down where two would touch."""
    to_shares = axes.transData + axes.transAxes.inverted()
    ends = [to_shares.transform((steps[-1], ys[-1])) for steps, ys in curves.values()]
    tall = axes.bbox.height * PIXELS / DOTS  # CSS pixels
    wide = axes.bbox.width * PIXELS / DOTS
    heights = spread_out([float(y) for _, y in ends], 17 / tall, 0, 1)
    for name, (x, end), y in zip(curves, ends, heights, strict=True):
        color, beside = styles[name]["color"], 1 + 12 / wide
        axes.plot([x, beside - 3 / wide], [end, y], transform=axes.transAxes, clip_on=False, color=color, linewidth=0.7)
        legible = color if color in (BLUE, ORANGE, INK) else "#00664A" if color == GREEN else INK
        write(axes, beside, y, names[name], color=legible, transform=axes.transAxes)


def draw_curve(
    figure: Figure,
    place: Place,
    points: Sequence[tuple[float, float]],
    *,
    across: Sequence[int],
    up: Sequence[float],
    title: str,
    below: str,
    color: str = BLUE,
    marker: str = "o",
    level: float | None = None,
    level_label: str = "",
) -> list[tuple[float, float]]:
    """One curve on axes of its own, with ticks at ``across`` and ``up``, where the axes begin and end.

    Args:
        place: of the plot itself, in shares of the figure; ticks and titles need room around it.
        level: the height of a dashed grey line, if any, with ``level_label`` on it.

    Returns:
        Where the points lie, in CSS pixels of the figure.
    """
    left, top, width, height = _pixels(figure, place)
    axes = add_axes(figure, (left, top, width, height))
    pads = [0.04 * max(ticks[-1] - ticks[0], 1e-9) for ticks in (across, up)]
    axes.set(xlim=(across[0] - pads[0], across[-1] + pads[0]), ylim=(up[0] - pads[1], up[-1] + pads[1]))
    set_ticks(axes, "x", across, grid=False)
    set_ticks(axes, "y", up)
    if level is not None:
        axes.axhline(level, color=GREY, linewidth=1.2, linestyle="--")
        x, y = data_pixels(axes, [across[-1]], [level])[0]
        write(
            figure,
            x,
            y + (14 if level > (up[0] + up[-1]) / 2 else -14),
            level_label,
            size=SMALL,
            color=FAINT,
            ha="right",
        )
    axes.plot([x for x, _ in points], [y for _, y in points], color=color, linewidth=1, marker=marker, markersize=4.5)
    write(figure, left, top - 12, title)
    write(figure, left + width / 2, top + height + 26, below, ha="center", va="top")
    return data_pixels(axes, [x for x, _ in points], [y for _, y in points])


# -- bars -------------------------------------------------------------------------------------------------------------
def bars(values: Mapping[str, float], *, unit: str = "", title: str = "", highlight: str | None = None) -> Still:
    """One horizontal bar a name, with its value written beside it; ``highlight`` in blue, the others grey.

    Raises:
        CourseError: no value, or one that a bar from 0 cannot show.

    Example:
        >>> bars({"right": 98.0, "BGR": 71.5}, unit="%", title="accuracy")
        accuracy: right 98.0%, BGR 71.5%
    """
    wrong = [f"{name} = {value}" for name, value in values.items() if not 0 <= value < float("inf")]
    if wrong or not values:
        raise CourseError(f"Bars go from 0 to a finite value, and there is {', '.join(wrong) or 'none'}.")
    above, row = (34.0 if title else 8.0), 34.0
    figure = chart_figure(above + row * len(values) + 8)
    draw_title(figure, title)
    written = [f"{number:.1f} {unit}".strip().replace(" %", "%") for number in values.values()]
    labels = [shortened(name, 32) for name in values]
    left = max(text_width(label, TEXT) for label in labels) + 16
    beside = max(text_width(words, TEXT) for words in written) + 20
    wide, tall = figure.get_size_inches() * PIXELS
    place = (left / wide, 8 / tall, (WIDTH - left - 8) / wide, row * len(values) / tall)
    room = WIDTH - left - 8
    draw_bars(
        figure, place, labels, list(values.values()), written,
        span=(0, max([*values.values(), 1e-12]) * room / (room - beside)), size=TEXT,
        blue=[k for k, name in enumerate(values) if highlight in (None, name)],
    )  # fmt: skip
    words = ", ".join(f"{name} {text}" for name, text in zip(values, written, strict=True))
    return still(figure, f"{title}: {words}")


def draw_bars(
    figure: Figure,
    place: Place,
    labels: Sequence[str],
    values: Sequence[float],
    written: Sequence[str],
    *,
    span: tuple[float, float],
    title: str = "",
    blue: Sequence[int] = (0,),
    size: float = SMALL,
    ticks: Sequence[float] = (),
) -> Place:
    """Horizontal bars from 0 on axes of their own, the first on top.

    Args:
        place: of the bars themselves, in shares of the figure; the labels stand left of it, the title above it.
        written: each value in words, beside its bar; inside it where there is no room beside it.
        span: the smallest and the largest value that have room; 0 lies between them.
        blue: which bars are blue; the others are grey.
        size: of labels and numbers, in points.
        ticks: of an axis below the bars, if any; a bar that would leave ``span`` ends there in an arrow.

    Returns:
        Where all rows lie, labels and numbers included: shares of the figure.
    """
    left, top, width, height = _pixels(figure, place)
    row = min(height / len(values), 50.0)  # a single bar does not fill the whole place
    axes = add_axes(figure, (left, top, width, row * len(values)))
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set(xlim=span, ylim=(len(values) - 0.5, -0.5))
    colors = [BLUE if k in blue else GREY for k in range(len(values))]
    cut = [min(max(value, span[0]), span[1]) if ticks else value for value in values]
    if ticks:
        set_ticks(axes, "x", ticks)
    axes.barh(range(len(values)), cut, height=0.66, color=colors)
    axes.axvline(0, color=INK, linewidth=0.8)
    gap = 6 * (span[1] - span[0]) / width
    for k, (label, value, words) in enumerate(zip(labels, cut, written, strict=True)):
        if value != values[k]:
            words = f"{words} ▸" if value > 0 else f"◂ {words}"
        reach = (span[1] - value if value > 0 else value - span[0]) * width / (span[1] - span[0])
        inside = (value > 0 or (value < 0 and bool(ticks))) and reach < text_width(words, size) + 8
        leftwards = (value < 0) != inside
        write(axes, value + (-gap if leftwards else gap), k, words, size=size, ha="right" if leftwards else "left",
              color="white" if inside and k in blue else INK, transform=axes.transData)  # fmt: skip
        write(axes, span[0] - gap, k, label, size=size, ha="right", transform=axes.transData)
    if title:
        x = min(left, left + width - text_width(title, TEXT, bold=True))  # a long one begins above the labels
        write(figure, x, top - 12, title, bold=True)
    wide, tall = figure.get_size_inches() * PIXELS
    beside = max(text_width(label, size) for label in labels) + 8
    return (
        (left - beside) / wide,
        1 - (top + row * len(values)) / tall,
        (width + beside) / wide,
        row * len(values) / tall,
    )


def shares(
    values: Mapping[str, float] | Mapping[str, Mapping[str, float]], *, title: str = "", unit: str = ""
) -> Still:
    """Parts of a whole: one bar as wide as the chart, cut into its parts; or one such bar for each name.

    Args:
        values: a part → its value; or a name → its parts. Parts of the same name have the same colour.
        title: above it.
        unit: of the values, such as "parameters".

    Raises:
        CourseError: no part, or a value that isn't a part of a whole.

    Example:
        >>> shares({"convs": 14.7e6, "linear layers": 123.6e6}, title="VGG16", unit="parameters")
        VGG16, 138 M parameters: convs 11%, linear layers 89%
    """
    several = all(isinstance(value, Mapping) for value in values.values())
    table = cast("dict[str, Mapping[str, float]]", values if several else {"": values})
    wrong = [f"{part} = {size}" for row in table.values() for part, size in row.items() if not 0 <= size < math.inf]
    if wrong or not table or any(sum(row.values()) <= 0 for row in table.values()):
        raise CourseError(f"A share is a part of a whole, from 0 up, and there is {', '.join(wrong) or 'nothing'}.")
    sums = {name: sum(row.values()) for name, row in table.items()}
    parts = dict.fromkeys(part for row in table.values() for part in row)
    colors = {part: COLORS[k % len(COLORS)] for k, part in enumerate(parts)}
    heading = ", ".join(filter(None, (title, "" if several else f"{count(sums[''])} {unit}".strip())))
    names = [shortened(name, 24) for name in table]
    ends = [f"{count(sum_)} {unit}".strip() if several else "" for sum_ in sums.values()]

    legend = {
        shortened(part, 34) + ("" if several else f"  {count(table[''][part])}"): {
            "color": colors[part], "marker": "s", "markersize": 9, "linestyle": ""
        } for part in parts
    }  # fmt: skip
    over = 34 + LEGEND_ROW * len(legend_rows(legend, WIDTH - 8)) + 8
    figure = chart_figure(over + 46 * len(table) + 2)
    draw_title(figure, heading)
    draw_legend(figure, legend, top=34)
    left = max(text_width(name, TEXT) for name in names) + (16 if several else 8)
    beside = max(text_width(end, TEXT) for end in ends) + (16 if several else 8)
    axes = add_axes(figure, (left, over, WIDTH - left - beside, 46 * len(table)))
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(len(table) - 0.5, -0.5))
    alts = []
    spots: list[Spot] = []
    for k, (name, row) in enumerate(table.items()):
        x = left
        for part, size in row.items():
            long = size / sums[name] * (WIDTH - left - beside)
            words = f"{part}: {count(size)} {unit}".strip() + f", {100 * size / sums[name]:.2f}%"
            if long > 0:
                spots.append(Spot("part", box_in(figure, (x, over + 46 * k + 4, max(long, 1), 38)), words, part))
            x += long
        _draw_parts(axes, k, {part: size / sums[name] for part, size in row.items()}, colors, WIDTH - left - beside)
        write(figure, left - 8, over + 46 * (k + 0.5), names[k], ha="right")
        write(figure, WIDTH - beside + 8, over + 46 * (k + 0.5), ends[k])
        percents = ", ".join(f"{part} {100 * size / sums[name]:.0f}%" for part, size in row.items())
        alts.append(f"{name} {percents}".strip())
    return still(figure, (f"{heading}: " if heading else "") + "; ".join(alts), spots=spots)


def _draw_parts(axes: Axes, row: int, parts: Mapping[str, float], colors: Mapping[str, str], width: float) -> None:
    """One bar, cut into its parts, each with as much of its name and percentage inside as fits."""
    x = 0.0
    for part, share in parts.items():
        axes.barh(row, share, 0.82, left=x, color=colors[part], edgecolor="white", linewidth=1.2)
        percent = f"{100 * share:.0f}%"
        margins = {f"{part} {percent}": 12, percent: 3}
        fitting = [words for words, margin in margins.items() if text_width(words, TEXT) + margin < share * width]
        if fitting:
            light = "white" if colors[part] in (BLUE, ORANGE, GREEN, INK) else INK
            write(axes, x + share / 2, row, fitting[0], color=light, ha="center", transform=axes.transData)
        x += share


# -- histograms -------------------------------------------------------------------------------------------------------
def histograms(tensors: Mapping[str, Tensor], *, columns: int = 3) -> Still:
    """How the values of each tensor are spread: one small histogram each, with mean, std and the number of values.

    All have the same axis, so that a wide spread looks wider than a narrow one. Up is the share of the values in a bin,
    on one scale too.

    Args:
        tensors: a name → values of any shape and dtype, at least one.
        columns: how many side by side, 1 to 4.

    Raises:
        CourseError: there is no tensor, or one that is empty, on meta, or not finite.

    Example:
        >>> histograms({"a ramp": torch.linspace(-1, 1, 101), "ones": torch.ones(64)})
        a ramp: mean 0.00, std 0.58; ones: all 1
    """
    if not tensors or not 1 <= columns <= 4:
        raise CourseError(f"{len(tensors)} histograms in {columns} columns: give at least one, in 1 to 4 columns.")
    columns = min(columns, len(tensors))
    wide, tall = WIDTH / columns, 200.0
    figure = chart_figure(tall * -(-len(tensors) // columns), WIDTH)
    flat = {name: _flat(name, tensor) for name, tensor in tensors.items()}
    low = min(float(values.min()) for values in flat.values())
    high = max(float(values.max()) for values in flat.values())
    if low < 0 < high:  # with 0 in the middle
        low, high = -max(-low, high), max(-low, high)
    if low == high:
        low, high = low - (abs(low) or 1.0), high + (abs(low) or 1.0)
    bins = {name: torch.histc(values, _BINS, low, high) / values.numel() for name, values in flat.items()}
    top = max(float(shares.max()) for shares in bins.values())
    alts = []
    for k, (name, values) in enumerate(flat.items()):
        row, column = divmod(k, columns)
        axes = add_axes(figure, (column * wide + 28, row * tall + 52, wide - 56, 120.0))
        axes.spines["left"].set_visible(False)
        edges = [low + bin * (high - low) / _BINS for bin in range(_BINS + 1)]
        axes.stairs(bins[name].tolist(), edges, fill=True, color=BLUE, alpha=0.75, linewidth=0)
        axes.set(xlim=(low, high), ylim=(0, top))
        ticks = [low, (low + high) / 2, high]
        set_ticks(axes, "x", ticks, [digits(tick, high - low) for tick in ticks], grid=False)
        alts.append(f"{name}: {_write_spread(figure, column * wide + 28, row * tall + 8, wide - 56, name, values)}")
    return still(figure, "; ".join(alts))


def _flat(name: str, tensor: Tensor) -> Tensor:
    """A tensor's values in a row, or a sentence on why there is nothing to draw."""
    if tensor.is_meta or not tensor.numel():
        raise CourseError(f"{name} holds no values{' (it is on meta)' if tensor.is_meta else ''}: nothing to draw.")
    values = tensor.detach().flatten().cpu()
    values = values if values.dtype in (torch.float32, torch.float64) else values.float()
    if not bool(values.isfinite().all()):
        raise CourseError(f"{name} holds values that are not finite: a histogram has no place for them.")
    return values


def _write_spread(figure: Figure, left: float, top: float, width: float, name: str, values: Tensor) -> str:
    """The two lines above a histogram; returns the numbers in words."""
    if float(values.min()) == float(values.max()):
        words = f"all {digits(float(values[0]))}"
    else:
        std = float(values.std(correction=0))
        words = f"mean {digits(float(values.mean()), std)}, std {digits(std, std)}"
    number = f"{count(values.numel())} values, {words}"
    number = number if text_width(number, SMALL) < width + 20 else words
    write(figure, left, top, fitted_words(name, width, TEXT, bold=True), bold=True, color=BLUE, va="top")
    write(figure, left, top + 20, number, size=SMALL, va="top")
    return words


def _pixels(figure: Figure, place: Place) -> Box:
    wide, tall = figure.get_size_inches() * PIXELS
    left, bottom, width, height = place
    return left * wide, (1 - bottom - height) * tall, width * wide, height * tall
