"""What the charts of ``charts`` are put together from: axes, keys, labels that keep apart, round numbers.

Lengths named ``wide``, ``tall`` and ``room`` are in hundreds of CSS pixels, places are shares of the figure.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.textpath import TextPath

from course_lib.drawing.still import BLUE, GREEN, GREY, INK, ORANGE, PIXELS, Place

__all__ = [
    "COLORS",
    "Entry",
    "apart",
    "axes",
    "count",
    "digits",
    "draw_key",
    "looks_of",
    "powers",
    "put",
    "rows_of",
    "tick_words",
    "ticks",
    "written",
]

COLORS = (BLUE, ORANGE, GREEN, INK, "#CC79A7", "#E69F00", "#56B4E9", GREY)  # the rest is Okabe and Ito's too
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (10, 3)), (0, (1, 3)))
_MARKS = "os^DvPX*"

#: One entry of a key: how its line looks, or the colour of its square, and its words.
Entry = tuple["dict[str, Any] | str", str]


def put(figure: Figure, artist: Artist) -> None:
    """Put an artist on the figure; its places are shares of the figure."""
    artist.set_transform(figure.transFigure)
    figure.add_artist(artist)


@functools.lru_cache(maxsize=1024)  # a key is measured again at every redraw
def written(words: str, size: float = 9.0) -> float:
    """How wide words are, in hundreds of CSS pixels, in ``size`` points.

    Example:
        >>> 0.2 < written("plain") < 0.3
        True
    """
    return float(TextPath((0, 0), words, size=size).get_extents().x1) * PIXELS / 7200 if words.strip() else 0.0


def axes(figure: Figure, place: Place, across: Sequence[tuple[float, str]], up: Sequence[tuple[float, str]]) -> None:
    """Two axes with (place, words) of their ticks, and a faint line across at each of ``up``."""
    left, bottom, width, height = place
    tick_x, tick_y = (3 / 72 / inches for inches in figure.get_size_inches())
    for y, words in up:
        put(figure, Line2D([left, left + width], [y, y], color="#E4E4E4", linewidth=0.8, zorder=0))
        figure.text(left - 2 * tick_x, y, words, fontsize=9, ha="right", va="center_baseline")
    for x, words in across:
        put(figure, Line2D([x, x], [bottom, bottom - tick_y], color=INK, linewidth=0.8))
        figure.text(x, bottom - 2 * tick_y, words, fontsize=9, ha="center", va="top")
    put(figure, Line2D([left, left, left + width], [bottom + height, bottom, bottom], color=INK, linewidth=0.8))


def looks_of(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour and marks by what stands before a comma, dashes by what stands after it.

    Example:
        >>> looks = looks_of(["plain, 20", "residual, 20", "plain, 40"])
        >>> looks["plain, 20"]["color"] == looks["plain, 40"]["color"] != looks["residual, 20"]["color"]
        True
    """
    split = [name.partition(", ")[::2] for name in names]
    heads, tails = ([*dict.fromkeys(part)] for part in zip(*split, strict=True))
    return {
        name: {
            "color": COLORS[heads.index(head) % len(COLORS)],
            "marker": _MARKS[heads.index(head) % len(_MARKS)],
            "linestyle": _DASHES[tails.index(tail) % len(_DASHES)],
        }
        for name, (head, tail) in zip(names, split, strict=True)
    }


def rows_of(wide: Sequence[float], room: float) -> list[list[int]]:
    """Which of the entries of a key stand in which row.

    Example:
        >>> rows_of([2, 2, 3], 5)
        [[0, 1], [2]]
    """
    rows: list[list[int]] = [[]]
    for k, width in enumerate(wide):
        if rows[-1] and sum(wide[j] for j in rows[-1]) + width > room:
            rows.append([])
        rows[-1].append(k)
    return rows


def draw_key(figure: Figure, entries: Sequence[Entry], *, left: float, top: float, grid: bool) -> float:
    """Draw a key, in as many rows as it takes; gives back how tall it became.

    Args:
        entries: a line's look or a square's colour, and the words beside it.
        left, top: where it begins: from the left and from the top.
        grid: whether the entries stand in columns.
    """
    across, tall = figure.get_size_inches() * PIXELS / 100
    wide = [written(words) + (0.22 if isinstance(look, str) else 0.38) + 0.25 for look, words in entries]
    if grid:
        wide = [max(wide)] * len(wide)
    rows = rows_of(wide, across - left - 0.05)
    for number, row in enumerate(rows):
        x, y = left, 1 - (top + 0.1 + 0.21 * number) / tall
        for k in row:
            look, words = entries[k]
            if isinstance(look, str):
                corner = (x / across, y - 0.065 / tall)
                put(figure, Rectangle(corner, 0.13 / across, 0.13 / tall, facecolor=look, linewidth=0))
            else:
                ends = [x / across, (x + 0.3) / across]
                put(figure, Line2D(ends, [y, y], linewidth=1.8, markersize=4.5, **look))
            step = 0.22 if isinstance(look, str) else 0.38
            figure.text((x + step) / across, y, words, fontsize=9, va="center_baseline")
            x += wide[k]
    return 0.21 * len(rows)


def apart(places: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """The same places, moved little, so that they are ``least`` apart and, where there is room, in ``low`` … ``high``.

    Example:
        >>> [round(place, 2) for place in apart([0.5, 0.5, 0.9], 0.2, 0, 1)]
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


# -- numbers ----------------------------------------------------------------------------------------------------------
def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers from ``low`` or below to ``high`` or above, about ``most`` of them.

    Example:
        >>> ticks(0.1, 3.3, 6)
        [0.0, 1.0, 2.0, 3.0, 4.0]
    """
    span = high - low
    if span <= 1e-4 * max(abs(low), abs(high)):  # no more than rounding, and ticks would look alike
        span = abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * n for n in (1, 2, 5, 10, 20) if span / (power * n) <= most)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{k * step:.10g}") for k in range(first, max(last, first + 1) + 1)]


def powers(low: float, high: float) -> list[float]:
    """Powers of ten from ``low`` or below to ``high`` or above, about six of them.

    Example:
        >>> powers(0.02, 3)
        [0.01, 0.1, 1.0, 10.0]
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    last += first == last
    step = max(1, -(-(last - first) // 6))
    return [float(f"1e{k}") for k in range(first, last + step, step)]


def tick_words(value: float) -> str:
    """A tick's number; large and small powers of ten as powers.

    Example:
        >>> tick_words(1000), tick_words(1e-6), tick_words(-0.5)
        ('1000', '10⁻⁶', '−0.5')
    """
    if value > 0 and not 1e-3 < value < 1e4 and math.log10(value) == round(math.log10(value)):
        return "10" + str(round(math.log10(value))).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")


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
