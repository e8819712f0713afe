"""Learning curves: loss and accuracy over epochs or seconds, on training and on validation pictures, side by side.

Each training has a colour and a marker of its own. Curves on training pictures are dashed, those on validation
pictures solid; a ring marks the epoch whose weights are kept. The widget ``training_curves`` draws the same chart
while a network trains. ``seed_bands`` draws trainings that were repeated with other seeds: median and range.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.drawing.chart_axes import (
    TEXT,
    TITLE,
    WIDTH,
    Box,
    add_axes,
    axis_words,
    box_in,
    chart_figure,
    data_pixels,
    draw_legend,
    draw_title,
    figure_of,
    line_styles,
    round_ticks,
    set_ticks,
    write,
)
from course_lib.drawing.sheet import text_width
from course_lib.drawing.spots import Spot
from course_lib.drawing.still import GREY, INK, Still, shortened, still
from course_lib.errors import CourseError
from course_lib.networks.training import Epoch, Training, best_of

__all__ = ["ACROSS", "LINES", "Histories", "draw_curves", "seed_bands"]

#: A name → a training, or the history of one that is still under way.
Histories = Mapping[str, Training | Sequence[Epoch]]
Rows = dict[str, tuple[Epoch, ...]]
ACROSS = ("epochs", "seconds")
LINES = ("training and validation", "validation", "training")

_TALL, _MOST = 330.0, 6
_LINES: dict[str, dict[str, Any]] = {
    "val": {"linestyle": "-"},
    "train": {"linestyle": (0, (2.5, 1.5)), "markerfacecolor": "white"},
}
_RING: dict[str, Any] = {"marker": "o", "markerfacecolor": "none", "markeredgewidth": 1.3, "linestyle": ""}
_LEAST = 1e-6  # smaller losses are drawn here on a logarithmic axis


def draw_curves(
    histories: Histories | Training,
    *,
    across: str = "epochs",
    lines: str = "training and validation",
    log: bool = False,
    epochs: int = 1,
) -> Still:
    """Draw the curves of one training, or of several on the same axes.

    Args:
        histories: a name → a ``Training`` or its history so far, which may be empty; at most 6. Or one ``Training``.
        across: "epochs", or "seconds" of training.
        lines: "training and validation", "validation" or "training": the pictures whose curves are drawn.
        log: whether the loss has a logarithmic axis.
        epochs: the axis has room for at least as many, so that its scale stays while the chart grows.

    Raises:
        CourseError: no training or too many, or an unknown setting.

    Example:
        >>> first = Epoch(1, 0.60, 0.70, 0.50, 0.85, 3.0)
        >>> draw_curves({"fine-tuned": [first, Epoch(2, 0.20, 0.95, 0.10, 0.98, 3.0)], "from scratch": [first]})
        Loss and accuracy over epochs, training and validation pictures. fine-tuned: 98.0% right at validation in \
epoch 2, the best of 2; from scratch: 85.0% right at validation in epoch 1, the best of 1
    """
    named = {"": histories} if isinstance(histories, Training) else histories
    rows: Rows = {name: tuple(row.history if isinstance(row, Training) else row) for name, row in named.items()}
    _check(rows, across, lines)
    splits = [split for split, pictures in (("val", "validation"), ("train", "training")) if pictures in lines]
    figure = chart_figure(_TALL)
    top = _draw_legends(figure, rows, splits) + 36
    ends = [time for row in rows.values() for time in _times(row, across)]
    span = (1.0, float(max([epochs, 2, *ends]))) if across == "epochs" else (0.0, max([1.0, *ends]))
    spots: list[Spot] = []
    below = "epoch" if across == "epochs" else "seconds of training"
    for k, measure in enumerate(("loss", "accuracy")):
        box = (50 + k * WIDTH / 2, top, WIDTH / 2 - 70, _TALL - 50 - top)
        curves = {
            (name, split): [(100 if k else 1) * getattr(epoch, f"{split}_{measure}") for epoch in row]
            for name, row in rows.items()
            for split in splits
        }
        axes = _add_panel(figure, box, measure, [y for ys in curves.values() for y in ys], span, log=log and not k)
        write(figure, box[0] + box[2] / 2, _TALL - 22, below, ha="center", va="top")
        if not ends:
            write(axes, 0.5, 0.5, "no epoch yet", size=10, color=GREY, ha="center", transform=axes.transAxes)
        styles = _styles(rows)
        for (name, split), ys in curves.items():
            heights = [max(y, _LEAST) for y in ys] if log and not k else ys
            style = {**styles[name], **_LINES[split]}
            spots += _epoch_spots(axes, rows[name], _times(rows[name], across), heights, name)
            axes.plot(_times(rows[name], across), heights, linewidth=1.7, markersize=4.2, clip_on=False, **style)
            if ys and split == "val":
                best = rows[name].index(best_of(rows[name]))
                ring = {**_RING, "markersize": 11, "markeredgecolor": styles[name]["color"]}
                axes.plot(_times(rows[name], across)[best], heights[best], clip_on=False, zorder=3, **ring)
    words = "; ".join(_in_words(name, row) for name, row in rows.items())
    scale = " (the loss in powers of ten)" if log else ""
    return still(figure, f"Loss and accuracy over {across}{scale}, {lines} pictures. {words}", spots=spots)


def _epoch_spots(axes: Axes, row: Sequence[Epoch], xs: Sequence[float], ys: Sequence[float], name: str) -> list[Spot]:
    """A spot on each point of a curve, with the epoch's numbers."""
    figure = figure_of(axes)
    return [
        Spot("epoch", box_in(figure, (x - 9, y - 9, 18, 18)), _epoch_words(epoch, name), epoch.number, round=True)
        for epoch, (x, y) in zip(row, data_pixels(axes, xs, ys), strict=True)
    ]


def _epoch_words(epoch: Epoch, name: str) -> str:
    return "\n".join([
        ", ".join(filter(None, (name, f"epoch {epoch.number}"))),
        f"training: loss {epoch.train_loss:.3f}, {100 * epoch.train_accuracy:.1f}% right",
        f"validation: loss {epoch.val_loss:.3f}, {100 * epoch.val_accuracy:.1f}% right",
        f"{epoch.seconds:.1f} s",
    ])  # fmt: skip


def _check(rows: Rows, across: str, lines: str) -> None:
    if not 1 <= len(rows) <= _MOST:
        raise CourseError(f"{len(rows)} training runs to draw: give 1 to {_MOST} of them, each with a name.")
    for name, value, known in (("across", across, ACROSS), ("lines", lines, LINES)):
        if value not in known:
            raise CourseError(f"{name}={value!r}: it can be {', '.join(map(repr, known))}.")


def _in_words(name: str, row: tuple[Epoch, ...]) -> str:
    if not row:
        words = "no epoch yet"
    else:
        best = best_of(row)
        words = f"{100 * best.val_accuracy:.1f}% right at validation in epoch {best.number}, the best of {len(row)}"
    return f"{name}: {words}" if name else words


def _times(row: tuple[Epoch, ...], across: str) -> list[float]:
    """Where each epoch is on the horizontal axis: its number, or the seconds when it was over."""
    if across == "epochs":
        return [float(epoch.number) for epoch in row]
    return list(itertools.accumulate(epoch.seconds for epoch in row))


def _styles(rows: Rows) -> dict[str, dict[str, Any]]:
    """Colour and marker of each training, whatever commas its name has."""
    return dict(zip(rows, line_styles([str(k) for k in range(len(rows))]).values(), strict=True))


def _draw_legends(figure: Figure, rows: Rows, splits: Sequence[str]) -> float:
    """The trainings' colours and markers, and under them what dashes and rings mean; returns the height of both."""
    names = {shortened(name, 40): style for name, style in _styles(rows).items() if name}
    words = {"val": "on validation pictures", "train": "on training pictures"}
    meanings = {words[split]: {"color": INK, **_LINES[split]} for split in splits}
    if "val" in splits:
        meanings["the epoch that is kept"] = {"color": INK, "markersize": 9, **_RING}
    tall = draw_legend(figure, names, top=2) if names else 0.0
    return tall + draw_legend(figure, meanings, top=2 + tall)


def _add_panel(
    figure: Figure, box: Box, measure: str, values: Sequence[float], span: tuple[float, float], *, log: bool
) -> Axes:
    """Axes of one measure, with room for its values and for ``span`` across."""
    if log:
        heights = [max(y, _LEAST) for y in values] or [1.0]
        ticks = round_ticks(min(heights), max(heights), log=True)
    elif measure == "loss":  # from 0, and accuracies up to 100%: a scale that magnified small steps would move as well
        ticks = round_ticks(0.0, max(values, default=1.0), 5)
    else:
        ticks = round_ticks(min([50.0, *values]), 100.0, 5)
    axes = add_axes(figure, box)
    pad = 0.03 * (span[1] - span[0])
    axes.set(yscale="log" if log else "linear", ylim=(ticks[0], ticks[-1]), xlim=(span[0] - pad, span[1] + pad))
    across = [x for x in round_ticks(*span) if span[0] <= x <= span[1] and (span[0] == 0 or x == int(x))]
    set_ticks(axes, "x", across, grid=False)
    set_ticks(axes, "y", ticks)
    write(figure, box[0] - 42, box[1] - 20, "loss" if measure == "loss" else "accuracy, %", size=TITLE, bold=True)
    return axes


# -- the same training with several seeds -----------------------------------------------------------------------------
def seed_bands(
    runs: Mapping[str, Sequence[Sequence[float]]],
    *,
    title: str,
    below: str,
    log: bool = False,
    level: float | None = None,
    level_label: str = "",
    alt: str | None = None,
) -> Still:
    """The median of several runs of each training as a line, and the range from the lowest to the highest as a band.

    A run that stopped early keeps its last value. A training's name stands at the end of its longest run, in a legend
    as well.

    Args:
        runs: a training's name → the values of each run, such as the loss before each step; at least one.
        title: what the vertical axis shows.
        below: what the horizontal axis shows.
        log: whether the vertical axis is logarithmic; then every value must be above 0.
        level: the height of a dashed grey line across the chart, with ``level_label`` on it.
        alt: the alt text; made from the lengths of the runs when left out. Where two machines may differ, say it in
            words.

    Raises:
        CourseError: a training without runs, a run without values, or a value that the axis can't show.

    Example:
        >>> seed_bands({"plain": [[2.3, 2.0, 1.8], [2.3, 2.2]]}, title="loss", below="step")
        loss, median and range of the runs. plain: 2 runs of 2 to 3 values, the last from 1.8 to 2.2
    """
    if not runs or not all(rows and all(len(row) for row in rows) for rows in runs.values()):
        raise CourseError(
            "There is nothing to draw: give each training at least one run, and each run at least one value."
        )
    if not all(math.isfinite(value) for rows in runs.values() for row in rows for value in row):
        raise CourseError("A run holds nan or infinity, which no chart can show: leave such runs out, and say so.")
    if log and not all(value > 0 for rows in runs.values() for row in rows for value in row):
        raise CourseError("A logarithmic axis shows values above 0 only: leave the others out, or take log=False.")
    longest = max(len(row) for rows in runs.values() for row in rows)
    heights = [value for rows in runs.values() for row in rows for value in row] + ([] if level is None else [level])
    ticks = round_ticks(min(heights) if log else min(0.0, *heights), max(heights), log=log)
    styles = line_styles(list(runs))
    figure = chart_figure(_TALL + 20)
    draw_title(figure, title)
    top = 44 + draw_legend(figure, {shortened(name, 40): styles[name] for name in runs}, top=34)
    left = max(46.0, 20 + max(text_width(word, TEXT) for word in axis_words(ticks)))
    axes = add_axes(figure, (left, top, WIDTH - 20 - left, _TALL - 34 - top))
    pad = 0.01 * longest
    axes.set(yscale="log" if log else "linear", ylim=(ticks[0], ticks[-1]), xlim=(1 - pad, longest + pad))
    set_ticks(axes, "y", ticks)
    set_ticks(axes, "x", [x for x in round_ticks(1, longest, 8) if 1 <= x <= longest and x == int(x)], grid=False)
    write(figure, (left + WIDTH - 20) / 2, _TALL - 2, below, ha="center", va="top")
    if level is not None:
        axes.axhline(level, color=GREY, linewidth=1.3, linestyle=(0, (4, 3)))
        above = level + 0.02 * (ticks[-1] - ticks[0])
        write(axes, longest, above, level_label, color=INK, ha="right", va="baseline", transform=axes.transData)
    for name, rows in runs.items():
        length = max(map(len, rows))
        padded = np.array([[*row, *[row[-1]] * (length - len(row))] for row in rows])
        steps = np.arange(1, length + 1)
        axes.fill_between(steps, padded.min(0), padded.max(0), color=styles[name]["color"], alpha=0.18, linewidth=0)
        median = np.median(padded, axis=0)
        axes.plot(steps, median, linewidth=2, markersize=5, markevery=max(1, longest // 10), **styles[name])
    words = "; ".join(_runs_in_words(name, rows) for name, rows in runs.items())
    return still(figure, alt or f"{title}, median and range of the runs. {words}")


def _runs_in_words(name: str, rows: Sequence[Sequence[float]]) -> str:
    lengths, last = [len(row) for row in rows], [row[-1] for row in rows]
    count = f"{min(lengths)} to {max(lengths)}" if min(lengths) < max(lengths) else str(max(lengths))
    return f"{name}: {len(rows)} runs of {count} values, the last from {min(last):.2g} to {max(last):.2g}"
