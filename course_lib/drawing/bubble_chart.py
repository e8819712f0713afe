"""The bubble chart: error across, time up on a logarithmic axis, the file's size as an area; down and left is best.

A bubble's shape and colour say its kind, a dark outline that it is on the front; a bubble beyond a limit is grey.
Labels never lie over each other (``label_placement``). Which points are on the front is computed in
``measuring.choosing``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from course_lib.drawing.chart_axes import (
    SMALL,
    TEXT,
    TITLE,
    WIDTH,
    add_axes,
    box_in,
    chart_figure,
    data_pixels,
    digits,
    draw_legend,
    figure_of,
    pixels_of,
    round_ticks,
    set_ticks,
    write,
)
from course_lib.drawing.label_placement import Bubble, place_labels
from course_lib.drawing.model_charts import DEVICES, draw_kinds, footnote, look_of, scatter, steps_125
from course_lib.drawing.sheet import FAINT, text_width, wrapped
from course_lib.drawing.spots import Spot
from course_lib.drawing.still import INK, Still, still
from course_lib.errors import CourseError
from course_lib.measuring.choosing import Limits, Point, find, pareto

__all__ = ["bubbles"]

Line = tuple[tuple[float, float], tuple[float, float]]
Room = tuple[float, float, float, float]  # left, top, right, bottom in CSS pixels

_TALL = 560.0
_LEFT, _RIGHT, _BOTTOM = 58.0, WIDTH - 18, _TALL - 78  # the axes
_BIGGEST = 30.0  # CSS pixels: the radius of a disc for the largest file
_LEAST = 24.0  # square CSS pixels: a smaller bubble could not be seen
_FRONT, _LIMIT, _BEYOND = "#777777", "#8A3B00", "#D9D9D9"  # grey, dark orange, light grey
_DASHED: dict[str, Any] = {"color": _FRONT, "linewidth": 1.0, "linestyle": (0, (3, 2))}
_MANY = 26  # up to so many points all have labels


def bubbles(
    points: Iterable[Point],
    *,
    front: bool = True,
    limits: Limits | None = None,
    selected: str | None = None,
    named: Sequence[str] = (),
    title: str = "",
    stops: Mapping[str, Sequence[float]] | None = None,
) -> Still:
    """Draw models by cost and error. Up to 26 have all their labels; of more, only the important ones have.

    Args:
        points: at least one, all from one device.
        front: whether points that nothing beats in error, time and size are outlined, with a dashed line along the
            front of error and time alone; among the points within the limits, if there are any.
        limits: points beyond them turn grey.
        selected: the name of a point whose numbers are written beside it.
        named: points that have a label in any case.
        title: above the chart; a long one is wrapped.
        stops: "max_error" and "max_ms" → the limits that can be set along that axis, infinity among them for none.
            Each is a spot of that kind for a drag; each bubble is a spot of the kind "model", with the model's name.

    Raises:
        CourseError: there is no point, or a time, a size or an error that cannot be drawn.
        ModelNameError: no point has the selected name, or one of ``named``.

    Example:
        >>> bubbles([Point("a", "classic", 30.0, 10.0, 45.0), Point("b", "classic", 25.0, 20.0, 98.0)], selected="b")
        2 models by error, time and size; on the front: b, a; b: error 25.0%, 20 ms, 98 MB
    """
    listed = sorted(points, key=lambda point: (-point.megabytes, point.name))  # small bubbles lie on large ones
    if not listed:
        raise CourseError("There is no model to draw: choose one more kind, or give at least one point.")
    for point in listed:
        if not all(math.isfinite(value) and value > 0 for value in (point.error, point.ms, point.megabytes)):
            raise CourseError(f"{point.name} cannot be drawn: its error, time and size have to be above 0: {point}.")
    chosen = None if selected is None else find(listed, selected)
    limits = limits or Limits()
    fitting = {point for point in listed if limits.allows(point)}
    best = set(pareto(fitting)) if front else set()
    megabyte = math.pi * _BIGGEST**2 / max(150.0, *(point.megabytes for point in listed))  # square CSS pixels
    areas = {point: max(megabyte * point.megabytes, _LEAST) for point in listed}

    axes = _add_axes(listed, megabyte, title, front=front)
    lines, taken = _draw_limits(axes, limits)
    fastest = pareto(fitting, ("error", "ms"))
    stairs = _draw_front(axes, fastest) if front else []
    colors, shapes = zip(*(look_of(point.kind) for point in listed), strict=True)
    scatter(
        axes, [point.error for point in listed], [point.ms for point in listed], shapes, [areas[p] for p in listed],
        [(color if point in fitting else _BEYOND, 0.8) for point, color in zip(listed, colors, strict=True)],
        edges=[INK if point is chosen or point in best else "#FFFFFF" for point in listed],
        line=[2.4 if point is chosen else 1.2 if point in best else 0.7 for point in listed],
    )  # fmt: skip
    few = len(listed) <= _MANY
    worth = fitting if few else best if len(best) <= _MANY // 2 else fastest
    words = {point: point.name for point in [*worth, *(find(listed, name) for name in named)]}
    if chosen is not None:
        words[chosen] = f"{chosen.name}: {_numbers(chosen)}"
    bold = best if few and len(best) < len(words) else set()
    _draw_labels(axes, areas, words, bold, chosen, [*itertools.pairwise(stairs), *lines], taken)
    spots = [*_model_spots(axes, areas), *_stop_spots(axes, stops or {})]
    return still(figure_of(axes), _in_words(listed, len(fitting), best, chosen, limits), spots=spots)


def _model_spots(axes: Axes, areas: Mapping[Point, float]) -> Iterator[Spot]:
    """A spot on each bubble."""
    figure = figure_of(axes)
    middles = data_pixels(axes, [point.error for point in areas], [point.ms for point in areas])
    for (point, area), (x, y) in zip(areas.items(), middles, strict=True):
        radius = max(math.sqrt(area / math.pi), 5.0)
        words = f"{point.name}\n{point.kind}\nerror {_numbers(point).replace(', ', chr(10))}"
        yield Spot("model", box_in(figure, (x - radius, y - radius, 2 * radius, 2 * radius)), words, point.name,
                   round=True)  # fmt: skip


def _stop_spots(axes: Axes, stops: Mapping[str, Sequence[float]]) -> Iterator[Spot]:
    """Spots along the axes, one for each limit that can be set, and a line that says so."""
    figure, (left, right), (fast, slow) = figure_of(axes), axes.get_xlim(), axes.get_ylim()
    top = data_pixels(axes, [left], [slow])[0][1]
    if stops:
        write(figure, _RIGHT, _BOTTOM + 34, "drag along an axis to set a limit", color=_LIMIT, ha="right", size=SMALL)
    for limit in sorted(stops.get("max_error", ())):
        if math.isinf(limit) or left < limit < right:
            x = _RIGHT + 8 if math.isinf(limit) else data_pixels(axes, [limit], [fast])[0][0]
            words = "any error" if math.isinf(limit) else f"at most {limit:g}% error"
            yield Spot("max_error", box_in(figure, (x - 9, _BOTTOM, 18, 26)), words, limit, gesture="drag")
    for limit in sorted(stops.get("max_ms", ())):
        if math.isinf(limit) or fast < limit < slow:
            y = top - 2 if math.isinf(limit) else data_pixels(axes, [left], [limit])[0][1]
            words = "any time" if math.isinf(limit) else f"at most {limit:g} ms"
            yield Spot("max_ms", box_in(figure, (8, y - 9, _LEFT - 8, 18)), words, limit, gesture="drag")


def _in_words(listed: Sequence[Point], fitting: int, best: set[Point], chosen: Point | None, limits: Limits) -> str:
    words = [f"{len(listed)} models by error, time and size"]
    if limits != Limits():
        words.append(f"{limits}: {fitting} of them")
    if best:
        names = [point.name for point in sorted(best, key=lambda point: point.error)]
        words.append("on the front: " + ", ".join(names[:12]) + (f" and {len(names) - 12} more" if names[12:] else ""))
    if chosen is not None:
        words.append(f"{chosen.name}: error {_numbers(chosen)}")
    return "; ".join(words)


def _numbers(point: Point) -> str:
    return f"{point.error:.1f}%, {digits(point.ms, max(point.ms, 10))} ms, {point.megabytes:.0f} MB"


# -- axes and legends -------------------------------------------------------------------------------------------------
def _add_axes(points: Sequence[Point], megabyte: float, title: str, *, front: bool) -> Axes:
    """A figure with its title, its legends, and axes on which every bubble has room."""
    heading = wrapped(title, WIDTH - 24, TITLE, bold=True)
    figure = chart_figure(_TALL)
    for k, line in enumerate(heading):
        write(figure, 8, 6 + 20 * k, line, size=TITLE, bold=True, va="top")
    key = 20.0 * len(heading) + 18
    top = key + 66
    axes = add_axes(figure, (_LEFT, top, _RIGHT - _LEFT, _BOTTOM - top))
    low, high = _ends([(point.error, point) for point in points], megabyte, _RIGHT - _LEFT, least=4.0)
    fast, slow = _ends([(math.log10(point.ms), point) for point in points], megabyte, _BOTTOM - top, least=0.7)
    left = max(low, 0.0)
    axes.set(yscale="log", xlim=(left, high), ylim=(10**fast, 10**slow))
    up = [ms for ms in steps_125() if 10**fast <= ms <= 10**slow]
    up = up if len(up) * 24 <= _BOTTOM - top else [ms for ms in up if f"{ms:.0e}"[0] == "1"]
    set_ticks(axes, "y", up)
    set_ticks(axes, "x", [tick for tick in round_ticks(left, high, 9) if left <= tick <= high], grid=False)
    write(figure, (_LEFT + _RIGHT) / 2, _BOTTOM + 34, "top-1 error, % of the pictures", ha="center")
    device = DEVICES.get(points[0].device, points[0].device)
    write(figure, 8, top - 12, f"milliseconds for one picture on {device}")
    write(figure, _LEFT + 8, _BOTTOM - 11, "↙ better", color=FAINT)
    write(figure, 8, _TALL - 12, footnote(points), size=SMALL, color=FAINT)
    draw_kinds(figure, [point.kind for point in points], key - 10)
    if front:
        ring = {"color": "#FFFFFF", "markeredgecolor": INK, "markeredgewidth": 1.2, "marker": "o", "markersize": 8}
        styles = {"front of error and time": _DASHED, "front of error, time and size": ring}
        draw_legend(figure, styles, top=key + 12)
    _draw_sizes(axes, max(point.megabytes for point in points), megabyte, key + 20)
    return axes


def _draw_sizes(axes: Axes, largest: float, megabyte: float, y: float) -> None:
    """Discs of three round sizes, from the right end of the legend."""
    figure, x = figure_of(axes), _RIGHT
    middles, areas = [], []
    for size in reversed([size for size in (10, 30, 100, 300, 1000) if size <= largest][-3:] or [10]):
        x -= text_width(f"{size} MB", TEXT)
        write(figure, x, y, f"{size} MB")
        areas.append(max(megabyte * size, _LEAST))
        radius = math.sqrt(areas[-1] / math.pi)
        middles.append(x - radius - 5)
        x -= 2 * radius + 18
    scatter(axes, middles, [y] * len(middles), "o" * len(middles), areas, ["#FFFFFF"] * len(middles), edges=_FRONT,
            line=1.0, transform=pixels_of(figure))  # fmt: skip


def _ends(values: Sequence[tuple[float, Point]], megabyte: float, long: float, *, least: float) -> tuple[float, float]:
    """The ends of an axis of ``long`` CSS pixels on which each bubble at its value keeps its radius from both."""
    low, high = min(value for value, _ in values), max(value for value, _ in values)
    lacking = max(least - (high - low), 0) / 2
    low, high = low - lacking, high + lacking
    for _ in range(4):
        pixel = (high - low) / long
        pads = [
            (value, pixel * (1.2 * math.sqrt(megabyte * point.megabytes / math.pi) + 14)) for value, point in values
        ]
        low, high = min(low, *(value - pad for value, pad in pads)), max(high, *(value + pad for value, pad in pads))
    return low, high


# -- lines and labels -------------------------------------------------------------------------------------------------
def _draw_front(axes: Axes, front: Iterable[Point]) -> list[tuple[float, float]]:
    """The front of error and time: above and right of it, some point is better in both. Returns its corners."""
    corners: list[tuple[float, float]] = []
    for point in sorted(front, key=lambda point: point.error):
        corners += [(point.error, corners[-1][1] if corners else axes.get_ylim()[1]), (point.error, point.ms)]
    if not corners:
        return []
    xs, ys = zip(*corners, (axes.get_xlim()[1], corners[-1][1]), strict=True)
    axes.plot(xs, ys, zorder=1.5, **_DASHED)
    return data_pixels(axes, xs, ys)


def _draw_limits(axes: Axes, limits: Limits) -> tuple[list[Line], list[Room]]:
    """The limits on error and time as lines with their numbers; returns them and the places that labels keep free."""
    figure = figure_of(axes)
    lines: list[Line] = []
    taken: list[Room] = [(_LEFT + 2, _BOTTOM - 22, _LEFT + 76, _BOTTOM - 2)]  # "better", in the corner
    (left, right), (fast, slow) = axes.get_xlim(), axes.get_ylim()
    (x, y), (_, top) = data_pixels(axes, [limits.max_error or left, left], [limits.max_ms or fast, slow])
    if limits.max_error is not None and left < limits.max_error < right:
        axes.axvline(limits.max_error, color=_LIMIT, linewidth=1.3)
        write(figure, x + 5, top + 8, f"{limits.max_error:g}%", color=_LIMIT)
        lines.append(((x, top), (x, _BOTTOM)))
        taken.append((x, top, x + 48, top + 17))
    if limits.max_ms is not None and fast < limits.max_ms < slow:
        axes.axhline(limits.max_ms, color=_LIMIT, linewidth=1.3)
        write(figure, _RIGHT - 3, y - 9, f"{limits.max_ms:g} ms", color=_LIMIT, ha="right")
        lines.append(((_LEFT, y), (_RIGHT, y)))
        taken.append((_RIGHT - 64, y - 18, _RIGHT + 14, y))
    return lines, taken


def _draw_labels(
    axes: Axes, areas: dict[Point, float], words: dict[Point, str], bold: set[Point], chosen: Point | None,
    lines: Sequence[Line], taken: Sequence[Room],
) -> None:  # fmt: skip
    """Names beside their bubbles, off ``lines`` where possible and always out of ``taken``."""
    figure = figure_of(axes)
    pixels = pixels_of(figure)
    heavy = bold if chosen is None else {*bold, chosen}
    sizes: list[tuple[float, float] | None] = []
    for point in areas:
        wide = text_width(words.get(point, ""), SMALL, bold=point in heavy) + 4
        boxed = (wide + 6, 20.0) if point is chosen else (wide, 15.0)
        sizes.append(boxed if point in words else None)
    middles = data_pixels(axes, [point.error for point in areas], [point.ms for point in areas])
    discs = [
        Bubble(
            x, y, math.sqrt(area / math.pi) * (1.26 if look_of(point.kind)[1] == "D" else 1) + 1
        )  # diamonds are wide
        for (x, y), (point, area) in zip(middles, areas.items(), strict=True)
    ]
    top = data_pixels(axes, [axes.get_xlim()[0]], [axes.get_ylim()[1]])[0][1]
    placed = place_labels(discs, sizes, (_LEFT + 2, top - 2, _RIGHT + 14, _BOTTOM - 2), taken=taken, lines=lines)
    leaders = [label.line for label in placed if label and label.line]
    for point, label in zip(areas, placed, strict=True):
        if label is None:
            continue
        # No line runs through a name: a white ground lies over the front and the grid, and under the bubbles.
        axes.add_patch(Rectangle((label.left, label.bottom), label.wide, label.tall, facecolor="#FFFFFF", linewidth=0,
                                 transform=pixels, zorder=1.6, clip_on=False))  # fmt: skip
        if point is chosen:
            corner, wide, tall = (label.left, label.bottom), label.wide, label.tall
            figure.add_artist(Rectangle(corner, wide, tall, facecolor="#FFFFFF", edgecolor=INK, linewidth=1.0,
                                        transform=pixels, zorder=3.6))  # fmt: skip
        write(figure, label.left + 2 + 3 * (point is chosen), label.bottom + label.tall / 2, words[point], size=SMALL,
              bold=point in heavy)  # fmt: skip
    figure.add_artist(LineCollection(leaders, colors="#444444", linewidths=0.7, zorder=3.4, transform=pixels))
    if leaders:
        xs, ys = zip(*(start for start, _ in leaders), strict=True)
        scatter(axes, xs, ys, "o" * len(xs), [8.0] * len(xs), [INK] * len(xs), line=0, transform=pixels, level=3)
