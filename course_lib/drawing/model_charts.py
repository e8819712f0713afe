"""Charts that compare models: bars by one criterion, rankings side by side, families through the years.

Also the parts that they share with the bubble chart: each kind's colour and shape, markers of equal area, and where the
times come from. Everything is drawn from the points and entries that are given
(``measuring.points``, ``models.catalog``); this file holds no number of any model.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path
from matplotlib.transforms import IdentityTransform, Transform

from course_lib.drawing.chart_axes import (
    SMALL,
    TEXT,
    WIDTH,
    add_axes,
    chart_figure,
    data_pixels,
    draw_legend,
    draw_title,
    pixels_of,
    round_ticks,
    set_ticks,
    write,
)
from course_lib.drawing.sheet import FAINT, fitted_words, text_width, wrapped
from course_lib.drawing.still import BLUE, GREEN, INK, ORANGE, PIXELS, Still, still
from course_lib.errors import CourseError, closest
from course_lib.measuring.choosing import Point
from course_lib.models.catalog_table import catalog
from course_lib.models.entries import Entry
from course_lib.models.families import FAMILIES, KINDS, OTHER

__all__ = [
    "CRITERIA",
    "DEVICES",
    "LOOKS",
    "area_of",
    "compare",
    "draw_kinds",
    "footnote",
    "look_of",
    "rankings",
    "scatter",
    "steps_125",
    "timeline",
]

#: What models are compared by: an attribute of a point → its name in words, its unit.
CRITERIA = {
    "error": ("top-1 error", "%"),
    "error5": ("top-5 error", "%"),
    "ms": ("time for one picture", "ms"),
    "megabytes": ("size of the file", "MB"),
}
#: Devices as a chart's words have them.
DEVICES = {"cpu": "a CPU", "cuda": "a GPU", "mps": "an Apple GPU"}
_COLORS = (BLUE, GREEN, ORANGE, "#CC79A7", "#E69F00", "#777777")  # Okabe and Ito's palette
#: Each kind's colour and shape; no two kinds share either.
LOOKS: dict[str, tuple[str, str]] = dict(zip((*KINDS, OTHER), zip(_COLORS, "o^sDPX", strict=True), strict=True))
_LOG = 60.0  # where the largest value is this many times the smallest, bars from 0 would be invisible


# -- one criterion ----------------------------------------------------------------------------------------------------
def compare(points: Iterable[Point], criterion: str) -> Still:
    """One criterion, the best model on top: bars from 0, or dots on a logarithmic axis where bars would be too unequal.

    A thin line over a time's bar reaches from its lower to its upper quartile.

    Args:
        points: at least one; those without a value for the criterion are left out.
        criterion: a key of ``CRITERIA``.

    Raises:
        CourseError: another criterion, or no point that has it.

    Example:
        >>> two = Point("a", "classic", 30.0, 10.0, 45.0), Point("b", "light-weight", 25.0, 20.0, 98.0)
        >>> compare(two, "megabytes")
        size of the file, from 45.0 MB (a) to 98.0 MB (b): a, b
    """
    name, unit = _criterion(criterion)
    listed = [point for point in points if (getattr(point, criterion) or 0) > 0]
    listed.sort(key=lambda point: (getattr(point, criterion), point.name))
    if not listed:
        raise CourseError(
            f"There is no model with a {name} to compare: give points from course_lib.measuring.choosing.points()."
        )
    values = [float(getattr(point, criterion)) for point in listed]
    timed = criterion == "ms"
    lows, highs = list(values), list(values)  # where the lines over the bars begin and end
    if timed:
        lows = [value if point.low_ms is None else point.low_ms for point, value in zip(listed, values, strict=True)]
        highs = [value if point.high_ms is None else point.high_ms for point, value in zip(listed, values, strict=True)]
    ends = [max(pair) for pair in zip(values, highs, strict=True)]
    row, size = (24.0, TEXT) if len(listed) <= 30 else (16.0, SMALL)
    bottom = 60 + row * len(listed)
    figure = chart_figure(bottom + 34 + 20 * timed)
    device = f" on {DEVICES.get(listed[0].device, listed[0].device)}" if timed else ""
    draw_title(figure, f"{name[0].upper()}{name[1:]}{device}, {unit}: lower is better")
    left = 40 + max(text_width(point.name, size) for point in listed)
    axes = add_axes(figure, (left, 60, WIDTH - left - 74, row * len(listed)))
    draw_kinds(figure, [point.kind for point in listed], 32)
    axes.spines["bottom"].set_visible(False)
    axes.set(ylim=(len(listed) - 0.5, -0.5))
    colors, shapes = zip(*(look_of(point.kind) for point in listed), strict=True)
    rows = range(len(listed))
    if max(values) > _LOG * min(values):
        axes.set(xscale="log", xlim=(min(values) / 1.8, max(ends)))
        set_ticks(axes, "x", [tick for tick in steps_125() if min(values) / 1.8 <= tick <= max(ends)])
        axes.hlines(rows, min(values) / 1.8, values, colors=colors, linewidth=1.0)
        scatter(axes, values, rows, "o" * len(listed), [70.0] * len(listed), colors)
    else:
        axes.set(xlim=(0, max(ends)))
        set_ticks(axes, "x", [tick for tick in round_ticks(0, max(ends), 8) if tick <= max(ends)])
        axes.barh(rows, values, 0.68, color=colors)
    if any(low < high for low, high in zip(lows, highs, strict=True)):
        middles = [(low + high) / 2 for low, high in zip(lows, highs, strict=True)]
        reaches = [(high - low) / 2 for low, high in zip(lows, highs, strict=True)]
        axes.errorbar(middles, rows, xerr=reaches, fmt="none", ecolor=INK, elinewidth=1, capsize=2.5, capthick=1)
    beside = axes.get_yaxis_transform()
    scatter(axes, [(16 - left) / (WIDTH - left - 74)] * len(listed), rows, shapes, [60.0] * len(listed), colors,
            transform=beside)  # fmt: skip
    for point, value, (x, y) in zip(listed, values, data_pixels(axes, ends, rows), strict=True):
        write(figure, left - 8, y, point.name, size=size, ha="right")
        write(figure, x + 7, y, _in_words(value), size=size)
    if timed:
        write(figure, 8, bottom + 42, footnote(listed), size=SMALL, color=FAINT)
    names = ", ".join(point.name for point in listed)
    first, last = (f"{_in_words(values[k])} {unit} ({listed[k].name})".replace(" % (", "% (") for k in (0, -1))
    return still(figure, f"{name}{device}, from {first} to {last}: {names}")


# -- several criteria -------------------------------------------------------------------------------------------------
def rankings(points: Iterable[Point], criteria: Sequence[str] = ("error", "ms", "megabytes")) -> Still:
    """The same models ranked by several criteria side by side, each joined to itself: do the rankings agree?

    Args:
        points: two to twenty of them, with values for every criterion.
        criteria: two to four keys of ``CRITERIA``.

    Raises:
        CourseError: other criteria, or too many or too few points or criteria.

    Example:
        >>> two = Point("a", "classic", 30.0, 10.0, 45.0), Point("b", "light-weight", 25.0, 20.0, 98.0)
        >>> rankings(two, ("error", "ms"))
        2 models ranked: by top-1 error b, a; by time for one picture a, b
    """
    listed = list(points)
    for criterion in criteria:
        _criterion(criterion)
    if not 2 <= len(listed) <= 20 or not 2 <= len(criteria) <= 4:
        raise CourseError(f"{len(listed)} models by {len(criteria)} criteria: give 2 to 20 models, 2 to 4 criteria.")
    for point in listed:
        lacking = [criterion for criterion in criteria if getattr(point, criterion) is None]
        if lacking:
            raise CourseError(f"{point.name} has no {CRITERIA[lacking[0]][0]}: leave it out.")
    orders = [sorted(listed, key=lambda point, by=by: (getattr(point, by), point.name)) for by in criteria]  # type: ignore[misc]
    timed, row, head = "ms" in criteria, 27.0, 66.0
    aside = 46 + max(text_width(point.name, TEXT) for point in listed)
    figure = chart_figure(head + row * len(listed) + 12 + 20 * timed)
    draw_title(figure, "Best at the top, for each criterion")
    axes = add_axes(figure, (aside + 10, head, WIDTH - 2 * aside - 66, row * len(listed)))
    axes.set_axis_off()
    axes.set(xlim=(0, len(criteria) - 1), ylim=(len(listed) - 0.5, -0.5))
    columns = range(len(criteria))
    for by, (x, _) in zip(criteria, data_pixels(axes, columns, [0] * len(criteria)), strict=True):
        write(figure, x, 44, f"{CRITERIA[by][0]}, {CRITERIA[by][1]}", bold=True, ha="center")
    for point in listed:
        color, shape = look_of(point.kind)
        ranks = [order.index(point) for order in orders]
        axes.plot(columns, ranks, color=color, linewidth=2.2, marker=shape, markersize=10, clip_on=False, zorder=2)
        (start, first), *_, (end, last) = data_pixels(axes, columns, ranks)
        write(figure, start - 18, first, point.name, ha="right")
        write(figure, end + 54, last, point.name)
        for x, rank, by in zip(columns, ranks, criteria, strict=True):
            axes.annotate(_in_words(float(getattr(point, by))), (x, rank), (10.5, -0.5), textcoords="offset points",
                          fontsize=SMALL, color=INK, va="center_baseline", annotation_clip=False,
                          bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
    if timed:
        write(figure, 8, figure.get_figheight() * PIXELS - 12, footnote(listed), size=SMALL, color=FAINT)
    words = "; ".join(f"by {CRITERIA[by][0]} {', '.join(point.name for point in order)}"
                      for by, order in zip(criteria, orders, strict=True))  # fmt: skip
    return still(figure, f"{len(listed)} models ranked: {words}")


# -- through the years ------------------------------------------------------------------------------------------------
def timeline(entries: Iterable[Entry] | None = None) -> Still:
    """Families in the order of their papers, with the errors of all of their weights, and which of them set a record.

    Args:
        entries: of the catalogue, all of them when left out. Entries without an error or a year are left out.

    Raises:
        CourseError: no entry has both.

    Example:
        >>> timeline(catalog().where(family=["AlexNet", "VGG", "SqueezeNet"]))
        smallest top-1 error by family: 2012 AlexNet 43.5%, 2014 VGG 25.8%, 2016 SqueezeNet 41.8%
    """
    groups: dict[str, list[Entry]] = {}
    for entry in catalog() if entries is None else entries:
        if entry.top1 is not None and entry.year is not None:
            groups.setdefault(entry.family, []).append(entry)
    if not groups:
        raise CourseError("There is no family to draw: give entries of the catalogue that have a year and an error.")
    order = {family.name: k for k, family in enumerate(FAMILIES)}
    families = sorted(groups, key=lambda name: (groups[name][0].year, order.get(name, math.inf)))
    errors = {name: sorted(float(entry.top1 or 0) for entry in groups[name]) for name in families}
    tall, head, left, right = 30.0, 88.0, 190.0, 530.0
    figure = chart_figure(head + tall * len(families) + 52)
    draw_title(figure, "Top-1 error of each family's weights, by the year of its paper")
    circle: dict[str, Any] = {"color": FAINT, "linestyle": "", "marker": "o"}
    draw_legend(figure, {
        "every weights entry": {"markerfacecolor": "white", "markersize": 5, **circle},
        "the best": {"markersize": 8, **circle},
        "the record so far": {"color": INK, "linewidth": 1, "linestyle": (0, (3, 2))},
    }, top=56)  # fmt: skip
    write(figure, right + 34, 66, "the paper", color=FAINT)
    axes = add_axes(figure, (left, head, right - left, tall * len(families)))
    draw_kinds(figure, [group[0].kind for group in groups.values()], 32)
    axes.spines["left"].set_visible(False)
    ticks = round_ticks(min(row[0] for row in errors.values()), max(row[-1] for row in errors.values()), 8)
    axes.set(xlim=(ticks[0], ticks[-1]), ylim=(len(families) - 0.5, -0.5))
    set_ticks(axes, "x", ticks)
    write(figure, (left + right) / 2, head + tall * len(families) + 32, "top-1 error, %", ha="center")
    record, records = math.inf, set()
    stairs: list[tuple[float, float]] = []
    for k, name in enumerate(families):
        if errors[name][0] < record:
            stairs += [(record, k), (errors[name][0], k)] if stairs else [(errors[name][0], k)]
            record = errors[name][0]
            records.add(name)
    xs, ys = zip(*stairs, (record, len(families) - 0.5), strict=True)
    axes.plot(xs, ys, color=INK, linewidth=1.0, linestyle=(0, (3, 2)), zorder=1.5)
    for k, name in enumerate(families):
        y, year = head + tall * (k + 0.5), groups[name][0].year
        if k == 0 or year != groups[families[k - 1]][0].year:
            write(figure, 8, y, str(year), bold=True)
            axes.plot([8, WIDTH - 8], [y - tall / 2] * 2, color="#C8C8C8", linewidth=0.8, clip_on=False, zorder=0.5,
                      transform=pixels_of(figure))  # fmt: skip
        write(figure, 68, y, name, bold=name in records)
        _write_paper(figure, name, right + 34, y)
    colors, shapes = zip(*(look_of(groups[name][0].kind) for name in families), strict=True)
    numbers, beside = range(len(families)), axes.get_yaxis_transform()
    scatter(axes, [(56 - left) / (right - left)] * len(families), numbers, shapes, [80.0] * len(families), colors,
            transform=beside)  # fmt: skip
    best = [errors[name][0] for name in families]
    axes.hlines(numbers, best, [errors[name][-1] for name in families], colors=colors, linewidth=1.0)
    others = [(error, k) for k, name in enumerate(families) for error in errors[name][1:]]
    if others:
        xs, ys = zip(*others, strict=True)
        scatter(axes, xs, ys, "o" * len(xs), [26.0] * len(xs), ["#FFFFFF"] * len(xs), edges=[colors[k] for k in ys],
                line=1.1)  # fmt: skip
    scatter(axes, best, numbers, "o" * len(families), [90.0] * len(families), colors)
    words = ", ".join(f"{groups[name][0].year} {name} {errors[name][0]:.1f}%" for name in families)
    return still(figure, f"smallest top-1 error by family: {words}")


def _write_paper(figure: Figure, family: str, x: float, y: float) -> None:
    """The title of a family's paper in one or two lines, cut off where it is longer."""
    title = next((known.title for known in FAMILIES if known.name == family), "")
    room = WIDTH - 8 - x
    first, *rest = wrapped(title, room, SMALL) or [""]
    lines = [first, fitted_words(" ".join(rest), room, SMALL)] if rest else [first]
    for number, line in enumerate(lines):
        write(figure, x, y + 13 * (number - (len(lines) - 1) / 2), line, size=SMALL, color=FAINT)


def _criterion(name: str) -> tuple[str, str]:
    if name not in CRITERIA:
        raise CourseError(f"There is no criterion {name!r}.{closest(name, CRITERIA)} There are: {', '.join(CRITERIA)}.")
    return CRITERIA[name]


def _in_words(value: float) -> str:
    return f"{value:.0f}" if value >= 99.5 else f"{value:.1f}"


# -- parts shared with the bubble chart -------------------------------------------------------------------------------
def look_of(kind: str) -> tuple[str, str]:
    """A kind's colour and shape; what the table does not know looks like "other"."""
    return LOOKS.get(kind, LOOKS[OTHER])


def draw_kinds(figure: Figure, kinds: Iterable[str], top: float) -> None:
    """A legend of the kinds that occur."""
    occurring = set(kinds)
    draw_legend(figure, {
        kind: {"color": color, "marker": shape, "markersize": 8, "linestyle": "", "markeredgecolor": "white"}
        for kind, (color, shape) in LOOKS.items() if kind in occurring
    }, top=top)  # fmt: skip


def scatter(
    axes: Axes, x: Sequence[float], y: Sequence[float], shapes: Sequence[str], areas: Sequence[float],
    colors: Sequence[Any], *, edges: Sequence[str] | str = "#FFFFFF", line: Sequence[float] | float = 0.6,
    transform: Transform | None = None, level: float = 2.0,
) -> None:  # fmt: skip
    """Markers that cover the same area where ``areas`` says so, whatever their shape; the last on top.

    Args:
        x, y: in the axes' data, or what ``transform`` takes.
        shapes: matplotlib's name of each marker.
        areas: in square CSS pixels.
        edges, line: colour and width (points) of the outlines.
        level: what is higher lies on top.
    """
    sizes = [area / area_of(shape) * (72 / PIXELS) ** 2 for area, shape in zip(areas, shapes, strict=True)]
    drawn = PathCollection(
        [_outline(shape) for shape in shapes], sizes, offsets=np.column_stack([x, y]),
        offset_transform=transform or axes.transData, facecolors=[to_rgba(color) for color in colors],
        edgecolors=edges, linewidths=line, zorder=level, clip_on=False,
    )  # fmt: skip
    drawn.set_transform(IdentityTransform())
    axes.add_collection(drawn, autolim=False)


@lru_cache(maxsize=16)
def _outline(shape: str) -> Path:
    style = MarkerStyle(shape)
    return style.get_path().transformed(style.get_transform())


@lru_cache(maxsize=16)
def area_of(shape: str) -> float:
    """The area of matplotlib's marker of size 1, by the shoelace formula.

    Example:
        >>> [round(area_of(shape), 2) for shape in "os^"]
        [0.78, 1.0, 0.5]
    """
    corners = np.concatenate(_outline(shape).to_polygons(closed_only=True, width=0, height=0))
    x, y = corners.T
    return float(abs(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2)


def steps_125() -> list[float]:
    """1, 2, 5, 10, 20, … from a hundredth to five million: the ticks of a logarithmic axis that spans a few decades."""
    return [float(f"{step}e{power}") for power in range(-2, 7) for step in (1, 2, 5)]


def footnote(points: Sequence[Point]) -> str:
    """Where the times come from: this machine, or the table that was measured once, and on which machine that was.

    Example:
        >>> footnote([Point("a", "classic", 30.0, 10.0, 45.0, machine="a laptop", stored=True)])
        'Time for one picture, from a table measured on another machine (a laptop).'
    """
    here = [point for point in points if not point.stored]
    table = [point for point in points if point.stored]
    parts = [f"measured here ({_machines(here)})"] if here else []
    if table:
        words = f"from a table measured on another machine ({_machines(table)})"
        parts.append(f"the others {words}" if here else words)
    if len(parts) == 2:
        parts[0] = f"{len(here)} of {len(points)} {parts[0]}"
    return f"Time for one picture{':' if len(parts) > 1 else ','} {', '.join(parts)}."


def _machines(points: Sequence[Point]) -> str:
    return ", ".join(sorted({point.machine or "this machine" for point in points}))
