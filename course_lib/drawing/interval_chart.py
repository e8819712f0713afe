"""Shares of right answers with Wilson's intervals: a dot for what was counted, a line for what it may be in truth."""

from __future__ import annotations

from collections.abc import Mapping

from course_lib.drawing.chart_axes import SMALL, TEXT, WIDTH, add_axes, chart_figure, draw_title, set_ticks, write
from course_lib.drawing.sheet import text_width
from course_lib.drawing.still import BLUE, GREY, INK, Still, shortened, still
from course_lib.errors import CourseError
from course_lib.measuring.proportions import wilson

__all__ = ["intervals"]

_ROW = 36.0  # CSS pixels


def intervals(
    counts: Mapping[str, tuple[int, int]], *, title: str = "", highlight: str | None = None,
    chance: float | None = None, start: float = 0.0,
) -> Still:  # fmt: skip
    """One row a name: a dot at the share that was counted, and a line over its 95% interval (``measuring.wilson``).

    Args:
        counts: a name → (how many were right, of how many).
        title: a bold line above.
        highlight: which name is blue, the others being grey; all are blue when left out.
        chance: the share that guessing would get, from 0 to 1: a dashed line.
        start: the share at which the axis begins, such as 0.8; 0 if something would lie below it.

    Raises:
        CourseError: no row, or a count that isn't a share.

    Example:
        >>> intervals({"as trained": (98, 100), "BGR": (92, 100)}, title="right answers")
        right answers: as trained 98 of 100 (93.0 to 99.4%), BGR 92 of 100 (85.0 to 95.9%)
    """
    if not counts:
        raise CourseError("There is nothing to draw: give at least one name with (right, count).")
    edges = {name: wilson(right, count) for name, (right, count) in counts.items()}
    above = 34.0 if title else 10.0
    figure = chart_figure(above + _ROW * len(counts) + 48)
    draw_title(figure, title)
    labels = {name: shortened(name, 34) for name in counts}
    written = {name: f"{right} of {count}" for name, (right, count) in counts.items()}
    left = max(text_width(label, TEXT) for label in labels.values()) + 24
    beside = max(text_width(words, TEXT) for words in written.values()) + 24
    axes = add_axes(figure, (left, above, WIDTH - left - beside, _ROW * len(counts)))
    axes.spines["left"].set_visible(False)
    lowest = min([start, *(low for low, _ in edges.values()), *([] if chance is None else [chance])])
    first = round(100 * start) if start <= lowest else 0
    ticks = range(first, 101, 20 if first < 50 else 5)
    axes.set(xlim=(first, 100), ylim=(len(counts) - 0.5, -0.5))
    set_ticks(axes, "x", ticks, [f"{tick}%" for tick in ticks])
    if chance is not None:
        axes.axvline(100 * chance, color=INK, linewidth=1.2, linestyle=(0, (5, 3)))
        place = (100 * chance - first) / (100 - first)
        write(figure, left + (WIDTH - left - beside) * place, above + _ROW * len(counts) + 32, "guessing", ha="center",
              size=SMALL)  # fmt: skip
    for row, (name, (right, count)) in enumerate(counts.items()):
        color = BLUE if highlight in (None, name) else GREY
        low, high = edges[name]
        axes.plot([100 * low, 100 * high], [row, row], color=color, linewidth=3, solid_capstyle="butt", clip_on=False)
        axes.plot([100 * right / count], [row], color=color, marker="o", markersize=7, clip_on=False)
        y = above + _ROW * (row + 0.5)
        write(figure, left - 14, y, labels[name], ha="right")
        write(figure, WIDTH - beside + 14, y, written[name])
    words = ", ".join(
        f"{name} {written[name]} ({100 * low:.1f} to {100 * high:.1f}%)" for name, (low, high) in edges.items()
    )
    return still(figure, f"{title}: {words}" if title else words)
