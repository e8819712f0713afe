"""Charts of the lessons: curves, histograms, and where the parameters are.

Pictures and predictions are drawn in ``figures``. As there, everything is put on the figure itself, without axes; the
parts come from ``marks``. Nothing is told by colour alone: a line has its name at its end and marks of its own, a share
its name inside it or its place in the key.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon, Rectangle
from torch import Tensor

from course_lib.drawing import marks
from course_lib.drawing.marks import put, written
from course_lib.drawing.still import BLUE, GREEN, GREY, INK, ORANGE, PIXELS, Place, Still, new_figure, shortened, still
from course_lib.errors import CourseError

__all__ = ["histograms", "lines", "shares"]

_WIDE = 8.2  # of a chart, in hundreds of CSS pixels


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
    """Curves over 1, 2, 3, …, each with its name at its end, or in a key where they end at different places.

    Args:
        values: a name → what it was at each step. In names such as "plain, 40 layers" and "residual, 40 layers" what
            stands before the comma decides colour and marks, what stands after it the dashes.
        title: what goes up, with its unit.
        below: what goes across.
        log: whether up is logarithmic; then values that are not above 0 are left out.
        level: a dashed grey line across, if any, with ``level_label`` on it.
        start: the number of the first step.
        alt: what the chart shows; made from names and values when left out. Two machines may differ in the last digit
            of a training's losses: then say it in words.

    Raises:
        CourseError: there is no finite value to draw.

    Example:
        >>> lines({"plain": [2.3, 2.2, 2.1], "residual": [2.6, 1.0, 0.1]}, title="loss", below="step")
        loss: plain from 2.3 to 2.1; residual from 2.6 to 0.1
    """
    points = {name: [(start + k, float(value)) for k, value in enumerate(row)
                     if math.isfinite(value) and (value > 0 or not log)] for name, row in values.items()}  # fmt: skip
    points = {name: row for name, row in points.items() if row}
    if not points:
        what = "finite and above 0" if log else "finite"
        raise CourseError(f"There is nothing to draw: {len(values)} lines, and no value in them that is {what}.")
    every = [y for row in points.values() for _, y in row]
    if level is not None and math.isfinite(level) and (level > 0 or not log):
        every.append(level)
    up = (marks.powers if log else lambda low, high: marks.ticks(low, high, 6))(min(every), max(every))
    first, last = start, max(row[-1][0] for row in points.values())
    across = [x for x in marks.ticks(first, last, 8) if first <= x <= last and x == int(x)] or [float(first)]

    tall = 3.2
    figure = new_figure(_WIDE, tall)
    names = {name: shortened(name, 28) for name in points}
    looks = marks.looks_of(list(points))
    together = all(row[-1][0] == last for row in points.values())
    beside = max(map(written, names.values())) + 0.25 if together else 0.15
    aside = max(written(marks.tick_words(y)) for y in up) + 0.2
    over = 0.36
    if not together:
        entries: list[marks.Entry] = [(looks[name], words) for name, words in names.items()]
        over += marks.draw_key(figure, entries, left=aside, top=0.32, grid=True) + 0.05
    place = (aside / _WIDE, 0.46 / tall, (_WIDE - aside - beside) / _WIDE, (tall - 0.46 - over) / tall)
    left, bottom, width, height = place
    scaled = math.log10 if log else float

    def x_of(x: float) -> float:
        return left + width * (0.02 + 0.96 * (x - first) / max(last - first, 1))

    def y_of(y: float) -> float:
        return bottom + height * (0.03 + 0.94 * (scaled(y) - scaled(up[0])) / (scaled(up[-1]) - scaled(up[0])))

    marks.axes(figure, place, [(x_of(x), f"{x:g}") for x in across], [(y_of(y), marks.tick_words(y)) for y in up])
    figure.text(0.1 / _WIDE, 1 - 0.06 / tall, shortened(title, 100), fontsize=10.5, weight="bold", va="top")
    figure.text(left + width / 2, 0.05 / tall, shortened(below, 90), fontsize=9.5, ha="center", va="bottom")
    if level is not None and level in every:
        y = y_of(level)
        put(figure, Line2D([left, left + width], [y, y], color=GREY, linewidth=1.3, linestyle=(0, (4, 3))))
        under = y + 0.2 / tall > bottom + height
        figure.text(left + width - 0.05 / _WIDE, y + (-0.03 if under else 0.03) / tall, level_label, fontsize=8.5,
                    color="#555555", ha="right", va="top" if under else "bottom")  # fmt: skip
    for name, row in points.items():
        xs, ys = [x_of(x) for x, _ in row], [y_of(y) for _, y in row]
        every_so = max(1, round(len(row) / 8))
        put(figure, Line2D(xs, ys, linewidth=1.8, markersize=4.5, markevery=every_so, **looks[name]))
    if together:
        ends = {name: y_of(row[-1][1]) for name, row in points.items()}
        beside_them = marks.apart(list(ends.values()), 0.17 / tall, bottom, bottom + height)
        for (name, end), y in zip(ends.items(), beside_them, strict=True):
            x, color = left + width + 0.1 / _WIDE, looks[name]["color"]
            put(figure, Line2D([x_of(last), x - 0.02 / _WIDE], [end, y], color=color, linewidth=0.7))
            legible = color if color in (BLUE, ORANGE, INK) else "#00664A" if color == GREEN else INK
            figure.text(x, y, names[name], fontsize=9, color=legible, va="center_baseline")
    said = "; ".join(f"{name} from {row[0][1]:.2g} to {row[-1][1]:.2g}" for name, row in points.items())
    return still(figure, alt or f"{title}: {said}")


def histograms(tensors: Mapping[str, Tensor], *, title: str = "", columns: int = 3, alt: str | None = None) -> Still:
    """How the values of each tensor are spread: one small histogram each, with mean, std and how many there are.

    Args:
        tensors: a name → values of any shape and kind, at least one; each histogram has a scale of its own.
        title: above all of them.
        columns: how many side by side, 1 to 4.
        alt: what the chart shows; made from names, means and stds when left out.

    Raises:
        CourseError: there is no tensor, or one that is empty, on meta, or not finite.

    Example:
        >>> histograms({"a ramp": torch.linspace(-1, 1, 101), "ones": torch.ones(64)})
        a ramp: mean 0.00, std 0.58; ones: all 1
    """
    if not tensors or not 1 <= columns <= 4:
        raise CourseError(f"{len(tensors)} histograms in {columns} columns: give at least one, in 1 to 4 columns.")
    columns = min(columns, len(tensors))
    wide, each, over = min(_WIDE / columns, 4.1), 1.5, 0.3 if title else 0.0
    across, tall = wide * columns, over + each * -(-len(tensors) // columns)
    figure = new_figure(across, tall)
    if title:
        figure.text(0.1 / across, 1 - 0.06 / tall, shortened(title, 100), fontsize=10.5, weight="bold", va="top")
    said = []
    for k, (name, tensor) in enumerate(tensors.items()):
        row, column = divmod(k, columns)
        place = (
            (column * wide + 0.2) / across,
            1 - (over + row * each + 1.28) / tall,
            (wide - 0.4) / across,
            0.8 / tall,
        )
        said.append(f"{name}: {_draw_histogram(figure, place, name, tensor)}")
    return still(figure, alt or "; ".join(said))


def _draw_histogram(figure: Figure, place: Place, name: str, tensor: Tensor) -> str:
    if tensor.is_meta or not tensor.numel():
        raise CourseError(f"{name} holds no values{' (it is on meta)' if tensor.is_meta else ''}: nothing to draw.")
    values = tensor.detach().flatten().cpu()
    values = values if values.dtype in (torch.float32, torch.float64) else values.float()
    low, high = float(values.min()), float(values.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise CourseError(f"{name} holds values that are not finite: a histogram has no place for them.")
    left, bottom, width, height = place
    pixel = 1 / (figure.get_figheight() * PIXELS)
    if low == high:
        words, numbers, bars = f"all {marks.digits(low)}", [marks.digits(low)], [0.0] * 24 + [1.0] + [0.0] * 24
    else:
        std = float(values.std(correction=0))
        words = f"mean {marks.digits(float(values.mean()), std)}, std {marks.digits(std, std)}"
        reach = max(-low, high) if low < 0 < high else 0.0  # 0 in the middle
        low, high = (-reach, reach) if reach else (low, high)
        bars = torch.histc(values, 49, low, high).tolist()
        numbers = [marks.digits(x) for x in (low, (low + high) / 2, high)]
    corners = [(left, bottom)]
    for k, bar in enumerate(bars):
        y = bottom + height * bar / max(bars)
        corners += [(left + width * k / len(bars), y), (left + width * (k + 1) / len(bars), y)]
    put(figure, Polygon([*corners, (left + width, bottom)], closed=True, color=BLUE, alpha=0.75, linewidth=0))
    put(figure, Line2D([left, left + width], [bottom, bottom], color=INK, linewidth=0.8))
    letters = int(width * figure.get_figwidth() * PIXELS / 7.6)
    figure.text(left, bottom + height + 22 * pixel, shortened(name, letters), fontsize=9.5, weight="bold", color=BLUE)
    under = f"{marks.count(values.numel())} values, {words}"
    under = under if written(under, 8.5) < width * figure.get_figwidth() * PIXELS / 100 + 0.2 else words
    figure.text(left, bottom + height + 6 * pixel, under, fontsize=8.5)
    sides = (("center", 0.5),) if len(numbers) == 1 else (("left", 0.0), ("center", 0.5), ("right", 1.0))
    for (side, x), number in zip(sides, numbers, strict=True):
        figure.text(left + width * x, bottom - 5 * pixel, number, fontsize=8.5, ha=side, va="top")
    return words


def shares(
    values: Mapping[str, float] | Mapping[str, Mapping[str, float]],
    *,
    title: str = "",
    unit: str = "",
    alt: str | None = None,
) -> Still:
    """What is made of what: one bar, as wide as the chart, cut into its parts; or one such bar for each name.

    Args:
        values: a part → its value; or a name → its parts. Parts of the same name have the same colour.
        title: above it.
        unit: of the values, such as "parameters".
        alt: what the chart shows; made from the parts' shares when left out.

    Raises:
        CourseError: no part, or a value that is no part of a whole.

    Example:
        >>> shares({"convs": 14.7e6, "linear layers": 123.6e6}, title="VGG16", unit="parameters")
        VGG16, 138 M parameters: convs 11 %, linear layers 89 %
    """
    several = all(isinstance(value, Mapping) for value in values.values())
    table = cast("dict[str, Mapping[str, float]]", values if several else {"": values})
    wrong = [f"{part} = {size}" for row in table.values() for part, size in row.items() if not 0 <= size < math.inf]
    if wrong or not table or any(sum(row.values()) <= 0 for row in table.values()):
        raise CourseError(f"A share is a part of a whole, from 0 up, and there is {', '.join(wrong) or 'nothing'}.")
    sums = {name: sum(row.values()) for name, row in table.items()}
    parts = dict.fromkeys(part for row in table.values() for part in row)
    colors = {part: marks.COLORS[k % len(marks.COLORS)] for k, part in enumerate(parts)}
    heading = ", ".join(filter(None, (title, "" if several else f"{marks.count(sums[''])} {unit}".strip())))
    entries: list[marks.Entry] = [
        (colors[part], shortened(part, 34) + ("" if several else f"  {marks.count(table[''][part])}")) for part in parts
    ]
    names = {name: shortened(name, 24) for name in table}
    ends = {name: f"{marks.count(sum_)} {unit}".strip() if several else "" for name, sum_ in sums.items()}
    aside = max(written(name, 9.5) for name in names.values()) + (0.2 if several else 0.1)
    beside = max(written(end) for end in ends.values()) + (0.2 if several else 0.1)
    over = 0.42 + 0.21 * len(marks.rows_of([written(words) + 0.47 for _, words in entries], _WIDE - 0.15))
    tall = over + 0.46 * len(table)
    figure = new_figure(_WIDE, tall)
    figure.text(0.1 / _WIDE, 1 - 0.06 / tall, shortened(heading, 100), fontsize=10.5, weight="bold", va="top")
    marks.draw_key(figure, entries, left=0.1, top=0.32, grid=False)
    said = []
    for k, (name, row) in enumerate(table.items()):
        place = (aside / _WIDE, 1 - (over + 0.46 * k + 0.38) / tall, (_WIDE - aside - beside) / _WIDE, 0.38 / tall)
        _draw_parts(figure, place, row, colors)
        middle = place[1] + place[3] / 2
        figure.text((aside - 0.1) / _WIDE, middle, names[name], fontsize=9.5, ha="right", va="center_baseline")
        figure.text(1 - (beside - 0.1) / _WIDE, middle, ends[name], fontsize=9, va="center_baseline")
        percent = ", ".join(f"{part} {100 * size / sums[name]:.0f} %" for part, size in row.items())
        said.append(f"{name} {percent}".strip())
    return still(figure, alt or (f"{heading}: " if heading else "") + "; ".join(said))


def _draw_parts(figure: Figure, place: Place, row: Mapping[str, float], colors: Mapping[str, str]) -> None:
    """One bar, cut into its parts, each with its name and percentage inside, or the percentage, or nothing."""
    x, y, full, height = place
    for part, size in row.items():
        wide = full * size / sum(row.values())
        how: dict[str, Any] = {"facecolor": colors[part], "edgecolor": "white", "linewidth": 1.2}
        put(figure, Rectangle((x, y), wide, height, **how))
        percent = f"{100 * size / sum(row.values()):.0f} %"
        fitting = [words for words in (f"{part} {percent}", percent) if written(words) + 0.1 < wide * _WIDE]
        if fitting:
            light = "white" if colors[part] in (BLUE, ORANGE, GREEN, INK) else INK
            figure.text(x + wide / 2, y + height / 2, fitting[0], fontsize=9, color=light, ha="center",
                        va="center_baseline")  # fmt: skip
        x += wide
