"""The front of error and size as it moved through the years: one staircase for each year's best models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from course_lib.drawing.chart_axes import (
    COLORS,
    SMALL,
    WIDTH,
    add_axes,
    chart_figure,
    draw_legend,
    draw_title,
    round_ticks,
    set_ticks,
    write,
)
from course_lib.drawing.model_charts import steps_125
from course_lib.drawing.sheet import FAINT
from course_lib.drawing.still import Still, still
from course_lib.errors import CourseError
from course_lib.models.entries import Entry

__all__ = ["moving_front"]

_TALL = 470.0
_MARKERS = "os^Dv"
_DASHES = ((0, (1.5, 1.5)), (0, (5, 2)), (0, (6, 2, 1.5, 2)), "-", (0, (10, 3)))


def moving_front(entries: Iterable[Entry], years: Sequence[int], *, title: str = "") -> Still:
    """Parameters across, top-1 error up, and for each year the models that no other one of that time beats in both.

    Args:
        entries: weights entries with a year, a number of parameters and an error; others are left out.
        years: up to 5, in order; the models up to each year compete.
        title: a bold line above the chart.

    Raises:
        CourseError: no year or too many, or a year before the first model.

    Example:
        >>> from course_lib.models import catalog
        >>> names = ("alexnet", "squeezenet1_1", "vgg11")
        >>> entries = [entry for entry in catalog().where(default=True) if entry.builder in names]
        >>> moving_front(entries, [2012, 2016])
        Top-1 error against parameters, by year. 2012: alexnet; 2016: squeezenet1_1, vgg11
    """
    known = [entry for entry in entries if entry.year and entry.parameters and entry.top1 is not None]
    if not 1 <= len(years) <= len(_MARKERS):
        raise CourseError(f"{len(years)} years were given: give 1 to {len(_MARKERS)} of them, in order.")
    fronts = {year: _front([entry for entry in known if (entry.year or year) <= year]) for year in years}
    for year, front in fronts.items():
        if not front:
            raise CourseError(f"No model here is from {year} or earlier: begin with a later year.")
    sizes = [(entry.parameters or 0) / 1e6 for entry in known]
    errors = [entry.top1 or 0.0 for entry in known]
    figure = chart_figure(_TALL)
    draw_title(figure, title)
    styles = {
        f"the front of {year}": {"color": color, "marker": marker, "linestyle": dashes}
        for year, color, marker, dashes in zip(years, COLORS, _MARKERS, _DASHES, strict=False)
    }
    draw_legend(figure, styles, top=34)
    axes = add_axes(figure, (52, 96, WIDTH - 76, _TALL - 96 - 62))
    ticks = round_ticks(min(errors), max(errors), 8)
    axes.set(xscale="log", xlim=(min(sizes) / 1.3, max(sizes) * 1.3), ylim=(ticks[0], ticks[-1]))
    set_ticks(axes, "y", ticks)
    within = [tick for tick in steps_125() if min(sizes) / 1.3 <= tick <= max(sizes) * 1.3]
    set_ticks(axes, "x", within, grid=False)
    write(figure, 8, 78, "top-1 error on ImageNet, %")
    write(figure, 52 + (WIDTH - 76) / 2, _TALL - 30, "parameters, millions", ha="center")
    write(figure, 60, _TALL - 74, "↙ better", color=FAINT, size=SMALL)
    axes.plot(sizes, errors, linestyle="", marker=".", color="#BBBBBB", markersize=5, zorder=1)
    for front, style in zip(fronts.values(), styles.values(), strict=True):
        xs, ys = _stairs(front, axes.get_xlim()[1], ticks[-1])
        axes.plot(xs, ys, linewidth=1.8, color=style["color"], linestyle=style["linestyle"], zorder=2)
        errors, sizes = [entry.top1 or 0.0 for entry in front], [(entry.parameters or 0) / 1e6 for entry in front]
        axes.plot(sizes, errors, linestyle="", marker=style["marker"], color=style["color"], markersize=5.5, zorder=3)
    words = "; ".join(f"{year}: {', '.join(entry.builder for entry in front)}" for year, front in fronts.items())
    return still(figure, f"Top-1 error against parameters, by year. {words}")


def _front(entries: Sequence[Entry]) -> list[Entry]:
    """The entries that no other one beats in error and parameters, from the smallest to the largest."""
    front: list[Entry] = []
    for entry in sorted(entries, key=lambda entry: (entry.parameters or 0, entry.top1 or 0.0)):
        if not front or (entry.top1 or 0.0) < (front[-1].top1 or 0.0):
            front.append(entry)
    return front


def _stairs(front: Sequence[Entry], right: float, top: float) -> tuple[list[float], list[float]]:
    """The corners of the staircase: down at each model, level up to the next."""
    xs, ys = [], []
    above = top
    for entry in front:
        size, error = (entry.parameters or 0) / 1e6, entry.top1 or 0.0
        xs += [size, size]
        ys += [above, error]
        above = error
    return [*xs, right], [*ys, above]
