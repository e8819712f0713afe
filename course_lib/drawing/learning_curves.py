"""Learning curves: loss and accuracy, on the pictures that are learnt from and on those that are not, side by side.

A training has its colour and its marks; what it learns from is dashed, what it never learns from is drawn through, and
a ring marks the epoch that is kept. The same drawing grows while a network trains (the widget ``training_curves``).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from course_lib.drawing import marks
from course_lib.drawing.marks import put, tick_words
from course_lib.drawing.still import GREY, INK, Place, Still, new_figure, shortened, still
from course_lib.errors import CourseError
from course_lib.networks.training import Epoch, Training, best_of

__all__ = ["ACROSS", "LINES", "Histories", "draw_curves"]

#: A name → a training, or the history of one that is still under way.
Histories = Mapping[str, Training | Sequence[Epoch]]
Rows = dict[str, tuple[Epoch, ...]]
ACROSS = ("epochs", "seconds")
LINES = ("training and validation", "validation", "training")

_WIDE, _TALL, _MOST = 8.6, 3.3, 6
_LINES: dict[str, dict[str, Any]] = {
    "val": {"linestyle": "-"},
    "train": {"linestyle": (0, (2.5, 1.5)), "markerfacecolor": "white"},
}
_RING: dict[str, Any] = {"marker": "o", "markerfacecolor": "none", "markeredgewidth": 1.3}


@dataclass(frozen=True)
class _Curve:
    points: list[tuple[float, float]]
    look: dict[str, Any]
    best: tuple[float, float] | None


def draw_curves(
    histories: Histories | Training,
    *,
    across: str = "epochs",
    lines: str = "training and validation",
    log: bool = False,
    epochs: int = 1,
    alt: str | None = None,
) -> Still:
    """Draw the curves of one training, or of several on the same axes.

    Args:
        histories: a name → a ``Training`` or its history so far, which may be empty; at most 6. Or one ``Training``.
        across: "epochs", or "seconds" of training.
        lines: whose curves: "training and validation" pictures', or those of one of both.
        log: whether the loss goes up in powers of ten.
        epochs: at least so many have room, so that a picture that grows keeps its scale.
        alt: what it shows; made from the best epochs when left out.

    Raises:
        CourseError: no training or too many, or a setting that there is not.

    Example:
        >>> first = Epoch(1, 0.60, 0.70, 0.50, 0.85, 3.0)
        >>> draw_curves({"fine-tuned": [first, Epoch(2, 0.20, 0.95, 0.10, 0.98, 3.0)], "from scratch": [first]})
        Loss and accuracy over epochs, training and validation pictures. fine-tuned: 98.0 % right at validation in \
epoch 2, the best of 2; from scratch: 85.0 % right at validation in epoch 1, the best of 1
    """
    given = {"": histories} if isinstance(histories, Training) else histories
    rows: Rows = {name: tuple(one.history if isinstance(one, Training) else one) for name, one in given.items()}
    _check(rows, across, lines)
    splits = [split for split, whose in (("val", "validation"), ("train", "training")) if whose in lines]
    figure = new_figure(_WIDE, _TALL)
    over = 0.1 + _draw_key(figure, rows, splits)
    ends = [time for row in rows.values() for time, _ in _timed(row, across)]
    span = (1.0, float(max([epochs, 2, *ends]))) if across == "epochs" else (0.0, max([1.0, *ends]))
    for k, (measure, title) in enumerate((("loss", "loss"), ("accuracy", "accuracy, %"))):
        room = _WIDE / 2
        place = ((0.55 + k * room) / _WIDE, 0.48 / _TALL, (room - 0.75) / _WIDE, (_TALL - 0.75 - over) / _TALL)
        curves = [
            _curve(row, across, f"{split}_{measure}", {**look, **_LINES[split]})
            for row, look in zip(rows.values(), _looks(rows), strict=True)
            for split in splits
        ]
        _draw_panel(figure, place, title, curves, span, log=log and measure == "loss")
        below = "epoch" if across == "epochs" else "seconds of training"
        figure.text(place[0] + place[2] / 2, 0.05 / _TALL, below, fontsize=9.5, ha="center", va="bottom")
    said = "; ".join(_said(name, row) for name, row in rows.items())
    scale = " (the loss in powers of ten)" if log else ""
    return still(figure, alt or f"Loss and accuracy over {across}{scale}, {lines} pictures. {said}")


def _check(rows: Rows, across: str, lines: str) -> None:
    if not 1 <= len(rows) <= _MOST:
        raise CourseError(f"{len(rows)} trainings to draw: give 1 to {_MOST} of them, each under its name.")
    for name, value, known in (("across", across, ACROSS), ("lines", lines, LINES)):
        if value not in known:
            raise CourseError(f"{name}={value!r}: it can be {', '.join(map(repr, known))}.")


def _said(name: str, row: tuple[Epoch, ...]) -> str:
    if not row:
        words = "no epoch yet"
    else:
        best = best_of(row)
        words = f"{100 * best.val_accuracy:.1f} % right at validation in epoch {best.number}, the best of {len(row)}"
    return f"{name}: {words}" if name else words


def _looks(rows: Rows) -> list[dict[str, Any]]:
    names = [str(k) for k in range(len(rows))]
    return list(marks.looks_of(names).values())


def _timed(row: tuple[Epoch, ...], across: str) -> list[tuple[float, Epoch]]:
    """Each epoch with its place across: its number, or the seconds when it was over."""
    if across == "epochs":
        return [(float(epoch.number), epoch) for epoch in row]
    return list(zip(itertools.accumulate(epoch.seconds for epoch in row), row, strict=True))


def _curve(row: tuple[Epoch, ...], across: str, figure: str, look: dict[str, Any]) -> _Curve:
    scale = 100 if figure.endswith("accuracy") else 1
    points = {epoch.number: (time, scale * getattr(epoch, figure)) for time, epoch in _timed(row, across)}
    best = points[best_of(row).number] if row and figure.startswith("val") else None
    return _Curve(list(points.values()), look, best)


def _draw_key(figure: Figure, rows: Rows, splits: list[str]) -> float:
    """Names with their colours and marks, then what dashes and rings mean; gives back how tall it became."""
    named = [(look, shortened(name, 40)) for look, name in zip(_looks(rows), rows, strict=True) if name]
    plain = {"color": INK, "marker": ""}
    words = {"val": "on validation pictures", "train": "on training pictures"}
    meanings: list[marks.Entry] = [({**plain, **_LINES[split]}, words[split]) for split in splits]
    if "val" in splits:
        meanings.append(({"color": INK, "linestyle": "", "markevery": [1], **_RING}, "the epoch that is kept"))
    tall = marks.draw_key(figure, [*named], left=0.1, top=0.04, grid=False) if named else 0.0
    return tall + marks.draw_key(figure, meanings, left=0.1, top=0.04 + tall, grid=False)


def _draw_panel(
    figure: Figure, place: Place, title: str, curves: list[_Curve], span: tuple[float, float], *, log: bool
) -> None:
    """One measure's curves over their axes; ``span`` is the first and the last place across."""
    left, bottom, width, height = place
    values = [max(y, 1e-6) if log else y for curve in curves for _, y in curve.points]
    values = values or [1.0]
    if log:
        up = marks.powers(min(values), max(values))
    else:  # from 0, and up to 100 %: a scale that would magnify small steps would also move while the picture grows
        up = marks.ticks(0.0, max(values), 5) if title == "loss" else marks.ticks(min(50.0, *values), 100.0, 5)

    def x_of(x: float) -> float:
        return left + width * (0.03 + 0.94 * (x - span[0]) / (span[1] - span[0]))

    def y_of(y: float) -> float:
        ends = [math.log10(one) if log else one for one in (up[0], up[-1], max(y, 1e-6) if log else y)]
        return bottom + height * (0.03 + 0.94 * (ends[2] - ends[0]) / (ends[1] - ends[0]))

    across = [x for x in marks.ticks(*span, 6) if span[0] <= x <= span[1] and (span[0] == 0 or x == int(x))]
    marks.axes(figure, place, [(x_of(x), f"{x:g}") for x in across], [(y_of(y), tick_words(y)) for y in up])
    figure.text(left - 0.4 / _WIDE, bottom + height + 0.1 / _TALL, title, fontsize=10.5, weight="bold", va="bottom")
    if not any(curve.points for curve in curves):
        figure.text(left + width / 2, bottom + height / 2, "no epoch yet", fontsize=10, color=GREY, ha="center")
    for curve in curves:
        xs, ys = [x_of(x) for x, _ in curve.points], [y_of(y) for _, y in curve.points]
        put(figure, Line2D(xs, ys, linewidth=1.7, markersize=4.2, **curve.look))
    for curve in curves:
        if curve.best:
            x, y = curve.best
            ring = {**_RING, "markersize": 11, "markeredgecolor": curve.look["color"], "linestyle": ""}
            put(figure, Line2D([x_of(x)], [y_of(y)], **ring))
