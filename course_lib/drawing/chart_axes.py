"""Axes in the style of the lessons' charts: spines and ticks, line styles, legends, bars, and numbers in words.

Everything here works on matplotlib's Figure and Axes objects (no pyplot). Places are in CSS pixels from the top left
corner of the figure, sizes of text in points: 9 points are 11 CSS pixels, 9.6 points are 12.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Affine2D, Transform

from course_lib.drawing.sheet import Words, fitted_words, text_width
from course_lib.drawing.spots import Shares
from course_lib.drawing.still import BLUE, DOTS, GREEN, GREY, INK, ORANGE, PIXELS, new_figure

__all__ = [
    "COLORS",
    "LEGEND_ROW",
    "SMALL",
    "TEXT",
    "TITLE",
    "WIDTH",
    "add_axes",
    "axis_words",
    "box_in",
    "chart_figure",
    "count",
    "data_pixels",
    "digits",
    "draw_legend",
    "draw_title",
    "figure_of",
    "legend_rows",
    "line_styles",
    "pixels_of",
    "round_ticks",
    "set_ticks",
    "spread_out",
    "tick_words",
    "write",
]

WIDTH = 860.0  # CSS pixels, a notebook's text column
SMALL, TEXT, TITLE = 9.0, 9.6, 10.5  # points
GRID = "#E2E2E2"
COLORS = (BLUE, ORANGE, GREEN, INK, "#CC79A7", "#E69F00", "#56B4E9", GREY)  # Okabe and Ito's palette
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (10, 3)), (0, (1, 3)))
_MARKERS = "os^DvPX*"
_BASELINE = {"baseline": 0.0, "center": 0.26, "top": 0.76}  # how far below the place letters stand, in their size

LEGEND_ROW = 20.0  # CSS pixels

Box = tuple[float, float, float, float]  # left, top, width, height in CSS pixels
Styles = Mapping[str, Mapping[str, Any]]  # a name → the properties of its line: colour, marker, dashes


def chart_figure(height: float, width: float = WIDTH) -> Figure:
    """A white figure, ``width`` × ``height`` CSS pixels."""
    return new_figure(width / 100, height / 100)


def pixels_of(figure: Figure) -> Transform:
    """The transform of CSS pixels from the figure's top left corner."""
    return Affine2D().scale(DOTS / PIXELS, -DOTS / PIXELS).translate(0, figure.bbox.height)


def add_axes(figure: Figure, box: Box) -> Axes:
    """Axes with a left and a bottom spine and without ticks, which ``set_ticks`` draws.

    Args:
        box: the plot itself; the words at ticks and the titles need room around it.
    """
    left, top, width, height = box
    wide, tall = figure.get_size_inches() * PIXELS
    axes = figure.add_axes((left / wide, 1 - (top + height) / tall, width / wide, height / tall), facecolor="none")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(color=INK, linewidth=0.8)
    axes.set(xticks=[], yticks=[])
    return axes


def box_in(figure: Figure, box: Box) -> Shares:
    """A spot's box from a box in CSS pixels.

    Example:
        >>> box_in(chart_figure(200, 400), (40, 50, 100, 100))
        (0.1, 0.25, 0.25, 0.5)
    """
    wide, tall = (float(side) * PIXELS for side in figure.get_size_inches())
    left, top, width, height = (round(float(side), 3) for side in box)
    return left / round(wide, 3), top / round(tall, 3), width / round(wide, 3), height / round(tall, 3)


def figure_of(axes: Axes) -> Figure:
    """The figure that axes are on."""
    return cast(Figure, axes.get_figure(root=True))


def write(
    parent: Figure | Axes, x: float, y: float, words: str, *, size: float = TEXT, color: str = INK, bold: bool = False,
    ha: str = "left", va: str = "center", transform: Transform | None = None,
) -> None:  # fmt: skip
    """A line of text on a figure or on axes, rendered once and kept: matplotlib takes a millisecond each time.

    Args:
        x, y: CSS pixels from the figure's top left corner, or what ``transform`` takes.
        ha: "left", "center" or "right".
        va: "baseline", "center" or "top".
    """
    figure = figure_of(parent) if isinstance(parent, Axes) else parent
    text = Words(figure, x, y, words, size=size, color=color, bold=bold, align=ha)
    down = _BASELINE[va] * size * DOTS / 72
    text.set_transform((transform or pixels_of(figure)) + Affine2D().translate(0, -down))


def data_pixels(axes: Axes, x: Sequence[float], y: Sequence[float]) -> list[tuple[float, float]]:
    """Points of the data in CSS pixels from the figure's top left corner; the axes must have their final limits."""
    tall = figure_of(axes).bbox.height
    dots = axes.transData.transform(np.column_stack([x, y]))
    return [(float(across) * PIXELS / DOTS, float(tall - up) * PIXELS / DOTS) for across, up in dots]


def draw_title(figure: Figure, title: str) -> None:
    """A bold line above a chart; cut off where it would be wider than the figure."""
    words = fitted_words(title, figure.get_figwidth() * PIXELS - 16, TITLE, bold=True)
    write(figure, 8, 6, words, size=TITLE, bold=True, va="top")


def legend_rows(styles: Styles, room: float) -> list[list[tuple[float, str]]]:
    """The rows of a legend that is at most ``room`` CSS pixels wide: where each entry begins, and its name.

    Example:
        >>> legend_rows({"plain": {"marker": "o"}, "residual": {"marker": "s"}}, 100)
        [[(0.0, 'plain')], [(0.0, 'residual')]]
    """
    widths = [_sample_width(style) + text_width(name, TEXT) + 26 for name, style in styles.items()]
    if sum(widths) <= room:
        return [list(zip([0.0, *itertools.accumulate(widths)], styles, strict=False))]
    count = -(-len(widths) // max(1, int(room / max(widths))))  # of rows, all of whose entries stand in columns
    columns, names = -(-len(widths) // count), list(styles)
    return [[(k * max(widths), name) for k, name in enumerate(names[start : start + columns])]
            for start in range(0, len(names), columns)]  # fmt: skip


def draw_legend(figure: Figure, styles: Styles, *, left: float = 8.0, top: float) -> float:
    """A legend in as many rows as it takes; returns its height in CSS pixels.

    Matplotlib's own legend takes more than a millisecond for each entry; this one a fifth of it.

    Args:
        styles: a name → the properties of its line; one without a ``linestyle`` is only a marker.
        left, top: its corner.
    """
    rows = legend_rows(styles, figure.get_figwidth() * PIXELS - left)
    for number, row in enumerate(rows):
        y = top + 10 + LEGEND_ROW * number
        for x, name in row:
            wide = _sample_width(styles[name])
            ends = [left + x, left + x + wide - 8] if styles[name].get("linestyle") else [left + x + (wide - 8) / 2]
            sample = Line2D(ends, [y] * len(ends), **{"linewidth": 1.8, "markersize": 4.5, **styles[name]})
            sample.set_transform(pixels_of(figure))
            figure.add_artist(sample)
            write(figure, left + x + wide, y, name)
    return LEGEND_ROW * len(rows)


def _sample_width(style: Mapping[str, Any]) -> float:
    """CSS pixels of a legend's line or marker, with the gap to its name."""
    return 40.0 if style.get("linestyle") else 20.0


def line_styles(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour and marker by what stands before a comma, dashes by what stands after it.

    Example:
        >>> styles = line_styles(["plain, 20", "residual, 20", "plain, 40"])
        >>> styles["plain, 20"]["color"] == styles["plain, 40"]["color"] != styles["residual, 20"]["color"]
        True
    """
    split = [name.partition(", ")[::2] for name in names]
    heads, tails = ([*dict.fromkeys(part)] for part in zip(*split, strict=True))
    return {
        name: {
            "color": COLORS[heads.index(head) % len(COLORS)],
            "marker": _MARKERS[heads.index(head) % len(_MARKERS)],
            "linestyle": _DASHES[tails.index(tail) % len(_DASHES)],
        }
        for name, (head, tail) in zip(names, split, strict=True)
    }


def spread_out(places: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """The same places, moved little, so that they are ``least`` apart and, where there is room, in ``low`` … ``high``.

    Example:
        >>> [round(place, 2) for place in spread_out([0.5, 0.5, 0.9], 0.2, 0, 1)]
        [0.4, 0.6, 0.9]
    """
    order = sorted(range(len(places)), key=lambda k: places[k])
    moved = list(places)
    for _ in range(100):
        for below, above in itertools.pairwise(order):
            lacking = least - (moved[above] - moved[below])
            if lacking > 0:
                moved[below] -= lacking / 2
                moved[above] += lacking / 2
        moved[order[0]] = max(moved[order[0]], low)
        moved[order[-1]] = min(moved[order[-1]], high)
    return moved


# -- ticks and numbers ------------------------------------------------------------------------------------------------
def round_ticks(low: float, high: float, most: int = 6, *, log: bool = False) -> list[float]:
    """Round numbers from ``low`` or below to ``high`` or above, about ``most`` of them; powers of ten with ``log``.

    Example:
        >>> round_ticks(0.1, 3.3), round_ticks(0.02, 3, log=True)
        ([0.0, 1.0, 2.0, 3.0, 4.0], [0.01, 0.1, 1.0, 10.0])
    """
    if log:
        low, high = math.floor(math.log10(low)), math.ceil(math.log10(high))
        high += low == high
    elif high - low <= 1e-4 * max(abs(low), abs(high)):  # no more than rounding, and the ticks would read alike
        low, high = low - abs(low) / 2, high + (abs(high) / 2 or 1.0)
    values = MaxNLocator(most, steps=[1, 2, 5, 10], integer=log, min_n_ticks=1).tick_values(low, high)
    return [float(f"1e{value:.0f}") if log else float(f"{value:.10g}") for value in values]


def set_ticks(
    axes: Axes, axis: str, ticks: Sequence[float], words: Sequence[str] | None = None, *, grid: bool = True
) -> None:
    """Ticks on the "x" or the "y" axis, which must have its final scale: "linear" or "log".

    All lines are one artist, and words are rendered once: each of matplotlib's own ticks would take a millisecond.

    Args:
        words: beside the ticks; their numbers when left out.
        grid: whether a faint line goes through the chart at each tick; otherwise there is a small mark.
    """
    words = axis_words(ticks) if words is None else words
    wide, tall = axes.bbox.width / DOTS * PIXELS, axes.bbox.height / DOTS * PIXELS
    look: dict[str, Any] = {"colors": GRID if grid else INK, "linewidths": 0.8, "zorder": 0.5, "clip_on": False}
    axes.minorticks_off()
    if axis == "y":
        place = axes.get_yaxis_transform()
        axes.set_yticks([])
        axes.hlines(ticks, 0 if grid else -4 / wide, 1 if grid else 0, transform=place, **look)
        for tick, label in zip(ticks, words, strict=True):
            write(axes, -8 / wide, tick, label, ha="right", transform=place)
    else:
        place = axes.get_xaxis_transform()
        axes.set_xticks([])
        axes.vlines(ticks, 0 if grid else -4 / tall, 1 if grid else 0, transform=place, **look)
        for tick, label in zip(ticks, words, strict=True):
            write(axes, tick, -7 / tall, label, ha="center", va="top", transform=place)


def axis_words(ticks: Sequence[float]) -> list[str]:
    """The numbers of an axis in one notation: where one power of ten is written as a power, all others but 1 are, too.

    Example:
        >>> axis_words([1, 1e5, 1e10]), axis_words([1, 10, 100])
        (['1', '10⁵', '10¹⁰'], ['1', '10', '100'])
    """
    powers = any(_is_power(tick) and not 1e-3 < tick < 1e6 for tick in ticks)
    return [_power(tick) if powers and _is_power(tick) and tick != 1 else tick_words(tick) for tick in ticks]


def tick_words(value: float) -> str:
    """A tick's number, with a thin space before its thousands; very large and very small powers of ten as powers.

    Example:
        >>> tick_words(1000), tick_words(1e-6), tick_words(-0.5)
        ('1000', '10⁻⁶', '−0.5')
    """
    if _is_power(value) and not 1e-3 < value < 1e6:
        return _power(value)
    words = f"{value:,.0f}" if 1e4 <= abs(value) < 1e6 else f"{value:g}"
    return words.replace(",", "\N{THIN SPACE}").replace("-", "\N{MINUS SIGN}")


def _is_power(value: float) -> bool:
    return value > 0 and math.log10(value) == round(math.log10(value))


def _power(value: float) -> str:
    return "10" + str(round(math.log10(value))).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def digits(value: float, scale: float | None = None) -> str:
    """A number with two significant digits, or with as many places as ``scale`` would have; whole ones as they are.

    Example:
        >>> digits(0.0589), digits(1.0), digits(-0.0003, 0.06)
        ('0.059', '1', '0.000')
    """
    if scale is None and value == int(value) and abs(value) < 1000:
        return f"{value:.0f}".replace("-", "\N{MINUS SIGN}")
    size = abs(value if scale is None else scale)
    places = max(0, 1 - math.floor(math.log10(size))) if size else 0
    words = f"{value:.{places}f}" if places < 6 else f"{value:.1e}"
    return (words.removeprefix("-") if float(words) == 0 else words).replace("-", "\N{MINUS SIGN}")


def count(value: float) -> str:
    """A count in three digits.

    Example:
        >>> count(640), count(8192), count(14_714_688)
        ('640', '8.19 k', '14.7 M')
    """
    for size, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= 0.9995 * size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"
