"""Single results as dots: one against another on two axes, or in rows with their median.

A mean hides whether it stands for all its cases. Here every case is a dot, and the summary is drawn on top of them.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from course_lib.drawing.chart_axes import (
    COLORS,
    SMALL,
    TEXT,
    WIDTH,
    add_axes,
    chart_figure,
    data_pixels,
    digits,
    draw_legend,
    draw_title,
    line_styles,
    round_ticks,
    set_ticks,
    spread_out,
    write,
)
from course_lib.drawing.sheet import FAINT, fitted_words, text_width
from course_lib.drawing.still import BLUE, GREY, INK, Still, shortened, still
from course_lib.errors import CourseError

__all__ = ["dot_rows", "scatter"]

Points = Sequence[tuple[float, float]]


def scatter(
    points: Mapping[str, Points],
    *,
    title: str,
    below: str,
    level: float | None = None,
    level_label: str = "",
    parts: int = 4,
) -> Still:
    """A dot for each case, and for each series a line through the means of its parts, from low x to high x.

    Args:
        points: a series' name → its (x, y). Each has a colour and a marker of its own.
        title: what the vertical axis shows.
        below: what the horizontal axis shows.
        level: the height of a dashed line across the chart, if any, with ``level_label`` on it.
        parts: into how many parts of equal count a series is cut for its line; 1 draws no line.

    Raises:
        CourseError: there is no point, or a number is not finite.

    Example:
        >>> scatter({"dense": [(0.3, 0.2), (0.8, 0.6)]}, title="IoU", below="height", parts=2)
        IoU over height: dense 2 dots, mean 0.40, from 0.20 to 0.60
    """
    every = [point for series in points.values() for point in series]
    if not every or any(number != number or abs(number) == float("inf") for point in every for number in point):
        raise CourseError("A scatter needs at least one point (x, y), and only finite numbers.")
    figure = chart_figure(410)
    draw_title(figure, f"{title} (large: means of {parts} equal parts)" if parts > 1 else title)
    styles = line_styles([*points])
    draw_legend(figure, {name: {**style, "linestyle": "-"} for name, style in styles.items()}, top=32)
    axes = add_axes(figure, (58, 64, WIDTH - 58 - 24, 286))
    ends = {}
    for axis, values in (("x", [x for x, _ in every]), ("y", [*(y for _, y in every), *([level] if level else [])])):
        ends[axis] = round_ticks(min(values), max(values))
    axes.set(xlim=(ends["x"][0], ends["x"][-1]), ylim=(ends["y"][0], ends["y"][-1]))
    set_ticks(axes, "x", ends["x"], grid=False)
    set_ticks(axes, "y", ends["y"])
    write(figure, 58 + (WIDTH - 82) / 2, 386, shortened(below, 100), ha="center", va="top")
    if level is not None:
        axes.axhline(level, color=INK, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)
        up = level + 0.02 * (ends["y"][-1] - ends["y"][0])
        place = axes.get_yaxis_transform()
        write(axes, 0.995, up, level_label, size=SMALL, color=FAINT, ha="right", va="baseline", transform=place)
    told = []
    for name, series in points.items():
        look = {key: styles[name][key] for key in ("color", "marker")}
        xs, ys = zip(*series, strict=True)
        axes.plot(xs, ys, linestyle="", markersize=5, alpha=0.55, markeredgewidth=0, clip_on=False, **look)
        middles = _means(series, parts)
        if len(middles) > 1:
            axes.plot(*zip(*middles, strict=True), linewidth=2.2, markersize=7, clip_on=False, **look)
        span = f"from {min(ys):.2f} to {max(ys):.2f}"
        told.append(f"{name} {len(series)} dots, mean {statistics.fmean(ys):.2f}, {span}")
    return still(figure, f"{title} over {below}: {'; '.join(told)}")


def _means(series: Points, parts: int) -> list[tuple[float, float]]:
    """The mean (x, y) of each part of a series in order of x; no part is empty."""
    ordered = sorted(series)
    parts = min(parts, len(ordered))
    edges = [round(k * len(ordered) / parts) for k in range(parts + 1)]
    cut = [ordered[low:high] for low, high in itertools.pairwise(edges)]
    return [(statistics.fmean(x for x, _ in part), statistics.fmean(y for _, y in part)) for part in cut]


def dot_rows(
    values: Mapping[str, Sequence[float]],
    *,
    title: str,
    below: str,
    level: float | None = None,
    level_label: str = "",
    span: tuple[float, float] | None = None,
    alt: str = "",
) -> Still:
    """A row of dots for each name, with a bar at the row's median and its number: runs, seeds or pictures.

    Args:
        values: a row's name → its values, at least one; several equal ones lie above each other.
        title: a line above the chart.
        below: what the axis shows, with its unit.
        level: a dashed line from top to bottom, if any, with ``level_label`` at its top.
        span: the axis' ends; from the values when left out.
        alt: the alt text; all values and medians when left out. Two machines may differ in a training's figures: then
            say it in words.

    Raises:
        CourseError: there is no row, or an empty one.

    Example:
        >>> dot_rows({"random body": [64, 74, 70], "trained body": [90, 91, 92]}, title="right", below="%")
        right: random body 64, 74, 70, median 70; trained body 90, 91, 92, median 91
    """
    if not values or not all(values.values()):
        raise CourseError("dot_rows needs at least one row, and at least one value in each.")
    every = [value for row in values.values() for value in row] + ([level] if level is not None else [])
    ticks = round_ticks(*(span or (min(every), max(every))))
    tall, top = 36.0 * len(values), 62.0 if level_label else 38.0
    figure = chart_figure(top + tall + 58)
    draw_title(figure, title)
    room = min(300.0, max(text_width(name, TEXT) for name in values))
    left = room + 24
    axes = add_axes(figure, (left, top, WIDTH - left - 110, tall))
    axes.set(xlim=(ticks[0], ticks[-1]), ylim=(len(values) - 0.5, -0.5))
    set_ticks(axes, "x", ticks)
    write(figure, left + (WIDTH - left - 110) / 2, top + tall + 32, shortened(below, 90), ha="center", va="top")
    if level is not None:
        axes.axvline(level, color=INK, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)
        ((x, _),) = data_pixels(axes, [level], [0])
        write(figure, x, top - 12, level_label, size=SMALL, color=FAINT, ha="center")
    told = []
    for number, (name, row) in enumerate(values.items()):
        _draw_row(axes, number, row, COLORS[number % 2] if len(values) == 2 else BLUE)
        middle = statistics.median(row)
        y = top + 36.0 * (number + 0.5)
        write(figure, left - 12, y, fitted_words(name, room, TEXT), ha="right")
        write(figure, WIDTH - 98, y, f"median {digits(middle)}")
        told.append(f"{name} {', '.join(digits(value) for value in row)}, median {digits(middle)}")
    return still(figure, alt or f"{title}: {'; '.join(told)}")


def _draw_row(axes: Axes, number: int, row: Sequence[float], color: str) -> None:
    """The dots of one row, equal ones beside each other in height, and the bar of the median."""
    heights = {}
    for value in row:
        same = [k for k, other in enumerate(row) if other == value]
        offsets = spread_out([0.0] * len(same), 0.24, -0.36, 0.36)
        heights.update(dict(zip(same, offsets, strict=True)))
    axes.axhline(number, color=GREY, linewidth=0.6, zorder=0.6)
    ys = [number + heights[k] for k in range(len(row))]
    axes.plot(row, ys, "o", color=color, markersize=6, alpha=0.8, markeredgewidth=0, clip_on=False, zorder=2)
    middle = statistics.median(row)
    axes.plot([middle, middle], [number - 0.36, number + 0.36], color=INK, linewidth=2, zorder=3, clip_on=False)
