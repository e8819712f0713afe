"""Models compared, as pictures: one criterion at a time, several rankings side by side, families through the years.

The bubble chart, where three criteria meet, is ``bubbles.py`` and handed on here. Everything is drawn from the points
and entries that are given (``choosing.points``, ``catalog``); no number of a model stands in this file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from course_lib.drawing import marks
from course_lib.drawing.bubble_chart import bubbles
from course_lib.drawing.model_marks import DEVICES, GREY, LOOKS, Mark, draw_marks, footnote, look_of
from course_lib.drawing.sheet import Sheet, text_width
from course_lib.drawing.still import INK, Still, shortened
from course_lib.errors import CourseError, closest
from course_lib.measuring.choosing import Point
from course_lib.models.catalog_table import catalog
from course_lib.models.entries import Entry
from course_lib.models.families import FAMILIES

__all__ = ["CRITERIA", "bubbles", "compare", "rankings", "timeline"]

#: What models are compared by: an attribute of a point → what it is in words, its unit.
CRITERIA = {
    "error": ("top-1 error", "%"),
    "error5": ("top-5 error", "%"),
    "ms": ("time for one picture", "ms"),
    "megabytes": ("size of the file", "MB"),
}
_WIDE = 840.0
_LOG = 60.0  # where the largest value is so many times the smallest, bars would be invisible


def compare(points: Iterable[Point], criterion: str, *, title: str = "") -> Still:
    """One criterion, the best model on top: bars from 0, or dots on a logarithmic axis where bars would be too unequal.

    A thin line over a time's bar reaches from its lower to its upper quartile.

    Args:
        points: at least one; those without a value for the criterion are left out.
        criterion: a key of ``CRITERIA``.
        title: made from the criterion when left out.

    Raises:
        CourseError: another criterion, or no point that has it.

    Example:
        >>> two = Point("a", "classic", 30.0, 10.0, 45.0), Point("b", "light-weight", 25.0, 20.0, 98.0)
        >>> compare(two, "megabytes")
        size of the file, from 45.0 MB (a) to 98.0 MB (b): a, b
    """
    what, unit = _criterion(criterion)
    listed = [point for point in points if (getattr(point, criterion) or 0) > 0]
    listed.sort(key=lambda point: (getattr(point, criterion), point.name))
    if not listed:
        raise CourseError(
            f"There is no model with a {what} to compare: give points from course_lib.measuring.choosing.points()."
        )
    values = [float(getattr(point, criterion)) for point in listed]
    row = 22.0 if len(listed) <= 30 else 15.0
    size = 9.0 if row > 20 else 8.0
    aside = 40 + max(text_width(point.name, size) for point in listed)
    timed = criterion == "ms"
    head, foot = 62.0, 34.0 + 18 * timed
    sheet = Sheet(_WIDE, head + row * len(listed) + foot)
    on = f" on {DEVICES.get(listed[0].device, listed[0].device)}" if timed else ""
    sheet.text(8, 6, title or f"{what[0].upper()}{what[1:]}{on}, {unit}: less is better", size=10.5, bold=True)
    _kinds(sheet, listed, 42)
    highs = [point.high_ms for point in listed if point.high_ms is not None] if timed else []
    x_of, ticks, log = _axis([*values, *highs], aside, _WIDE - 74)
    bottom = head + row * len(listed)
    sheet.lines([[(x_of(tick), head), (x_of(tick), bottom)] for tick in ticks], color="#E2E2E2", level=0.2)
    for tick in ticks:
        sheet.text(x_of(tick), bottom + 6, f"{tick:,g}".replace(",", "\N{THIN SPACE}"), align="center")
    drawn, spans = [], []
    for k, (point, value) in enumerate(zip(listed, values, strict=True)):
        y, (color, shape) = head + row * (k + 0.5), look_of(point.kind)
        sheet.middle_text(aside - 8, y, point.name, size=size, align="right")
        drawn.append(Mark(14, y, shape, color, 60))
        if log:
            spans.append((color, [(aside, y), (x_of(value), y)]))
            drawn.append(Mark(x_of(value), y, "o", color, 70))
        else:
            sheet.boxes([(aside, y - 0.34 * row, x_of(value) - aside, 0.68 * row)], fill=color)
        end = x_of(value)
        if timed and point.low_ms is not None and point.high_ms is not None:
            low, end = x_of(point.low_ms), max(end, x_of(point.high_ms))
            sheet.lines([[(low, y), (end, y)], [(low, y - 3), (low, y + 3)], [(end, y - 3), (end, y + 3)]], line=1.0)
        sheet.middle_text(end + 7, y, _written(value), size=size)
    for color, line in spans:
        sheet.lines([line], color=color, line=1.0, level=0.5)
    sheet.lines([[(aside, head), (aside, bottom)]], level=2.5)
    draw_marks(sheet, drawn, level=2.2)
    if timed:
        sheet.text(8, sheet.height - 18, footnote(listed), size=8, color=GREY)
    names = ", ".join(point.name for point in listed)
    ends = f"from {_written(values[0])} {unit} ({listed[0].name}) to {_written(values[-1])} {unit} ({listed[-1].name})"
    return sheet.still(f"{what}{on}, {ends}: {names}")


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
    timed, row, head = "ms" in criteria, 26.0, 66.0
    sheet = Sheet(_WIDE, head + row * len(listed) + 12 + 18 * timed)
    aside = 40 + max(text_width(point.name) for point in listed)
    columns = [aside + 10 + (_WIDE - 2 * aside - 70) * k / (len(criteria) - 1) for k in range(len(criteria))]
    sheet.text(8, 6, "The best on top, by each criterion", size=10.5, bold=True)
    for x, by in zip(columns, criteria, strict=True):
        sheet.text(x, 36, f"{CRITERIA[by][0]}, {CRITERIA[by][1]}", size=9, bold=True, align="center")
    drawn = []
    for point in listed:
        color, shape = look_of(point.kind)
        places = [head + row * (order.index(point) + 0.5) for order in orders]
        sheet.lines([list(zip(columns, places, strict=True))], color=color, line=2.2, level=1)
        sheet.middle_text(columns[0] - 18, places[0], point.name, align="right")
        sheet.middle_text(columns[-1] + 52, places[-1], point.name)
        for x, y, by in zip(columns, places, criteria, strict=True):
            drawn.append(Mark(x, y, shape, color, 170))
            words = _written(float(getattr(point, by)))
            sheet.boxes([(x, y - 7, text_width(words, 8.5) + 15, 14)], fill="#FFFFFF", level=1.5)
            sheet.middle_text(x + 13, y, words, size=8.5)
    draw_marks(sheet, drawn)
    if timed:
        sheet.text(8, sheet.height - 18, footnote(listed), size=8, color=GREY)
    said = "; ".join(f"by {CRITERIA[by][0]} {', '.join(point.name for point in order)}"
                     for by, order in zip(criteria, orders, strict=True))  # fmt: skip
    return sheet.still(f"{len(listed)} models ranked: {said}")


def timeline(entries: Iterable[Entry] | None = None, *, title: str = "") -> Still:
    """Families in the order of their papers, with the errors of all of their weights, and which of them set a record.

    Args:
        entries: of the catalogue, all of them when left out. Entries without an error or a year are left out.
        title: above the chart.

    Raises:
        CourseError: no entry has both.

    Example:
        >>> timeline(catalog().where(family=["AlexNet", "VGG", "SqueezeNet"]))
        smallest top-1 error by family: 2012 AlexNet 43.5 %, 2014 VGG 25.8 %, 2016 SqueezeNet 41.8 %
    """
    groups: dict[str, list[Entry]] = {}
    for entry in catalog() if entries is None else entries:
        if entry.top1 is not None and entry.year is not None:
            groups.setdefault(entry.family, []).append(entry)
    if not groups:
        raise CourseError("There is no family to draw: give entries of the catalogue that have a year and an error.")
    order = {family.name: k for k, family in enumerate(FAMILIES)}
    families = sorted(groups, key=lambda name: (groups[name][0].year, order.get(name, math.inf)))
    errors = [entry.top1 for group in groups.values() for entry in group if entry.top1 is not None]
    tall, head = 27.0, 88.0
    sheet = Sheet(_WIDE, head + tall * len(families) + 52)
    sheet.text(8, 6, title or "Top-1 error of each family's weights, by the year of its paper", size=10.5, bold=True)
    _kinds(sheet, [group[0] for group in groups.values()], 42)
    left, right, bottom = 190.0, 520.0, head + tall * len(families)
    sheet.middle_text(left, 66, "○ every weights entry    ● the best    ┄ the record so far", size=8.5, color=GREY)
    sheet.middle_text(right + 22, 66, "the paper", size=8.5, color=GREY)
    x_of, ticks, _ = _axis(errors, left, right, dots=True)
    sheet.lines([[(x_of(tick), head), (x_of(tick), bottom)] for tick in ticks], color="#E2E2E2", level=0.2)
    for tick in ticks:
        sheet.text(x_of(tick), bottom + 6, f"{tick:g}", align="center")
    sheet.text((left + right) / 2, bottom + 25, "top-1 error, %", size=9.5, align="center")
    record, year = math.inf, None
    stairs: list[tuple[float, float]] = []
    drawn, said = [], []
    for k, name in enumerate(families):
        y, group = head + tall * (k + 0.5), sorted(groups[name], key=lambda entry: entry.top1 or 0)
        best, (color, shape) = group[0], look_of(group[0].kind)
        top1 = float(best.top1 or 0)
        if best.year != year:
            year = best.year
            sheet.middle_text(8, y, str(year), size=10, bold=True)
            sheet.lines([[(8, y - tall / 2), (_WIDE - 8, y - tall / 2)]], color="#C8C8C8", level=0.1)
        drawn += [Mark(56, y, shape, color, 80)]
        sheet.middle_text(68, y, name, bold=top1 < record)
        sheet.lines([[(x_of(top1), y), (x_of(float(group[-1].top1 or 0)), y)]], color=color, line=1.0, level=0.5)
        drawn += [
            Mark(x_of(float(entry.top1 or 0)), y, "o", "#FFFFFF", 26, color, 1.1) for entry in reversed(group[1:])
        ]
        drawn += [Mark(x_of(top1), y, "o", color, 90)]
        family = next((known for known in FAMILIES if known.name == name), None)
        words = family.title if family else ""
        lines = [words] if text_width(words, 8) < _WIDE - right - 30 else _halves(words, _WIDE - right - 30)
        for number, line in enumerate(lines):
            sheet.middle_text(right + 22, y + 11.5 * (number - (len(lines) - 1) / 2), line, size=8, color=GREY)
        if top1 < record:
            stairs += [(x_of(record), y)] if stairs else []
            record = top1
            stairs.append((x_of(top1), y))
        said.append(f"{year} {name} {top1:.1f} %")
    sheet.lines([[*stairs, (x_of(record), bottom)]], color=INK, line=1.0, dashed=True, level=0.6)
    sheet.lines([[(left, bottom), (right, bottom)]], level=0.3)
    draw_marks(sheet, drawn)
    return sheet.still(f"smallest top-1 error by family: {', '.join(said)}")


# -- parts ------------------------------------------------------------------------------------------------------------
def _criterion(name: str) -> tuple[str, str]:
    if name not in CRITERIA:
        raise CourseError(f"There is no criterion {name!r}.{closest(name, CRITERIA)} There are: {', '.join(CRITERIA)}.")
    return CRITERIA[name]


def _kinds(sheet: Sheet, points: Sequence[Point | Entry], y: float) -> None:
    x, drawn = 8.0, []
    for kind in (kind for kind in LOOKS if any(point.kind == kind for point in points)):
        drawn.append(Mark(x + 6, y, LOOKS[kind][1], LOOKS[kind][0], 90))
        sheet.middle_text(x + 17, y, kind)
        x += text_width(kind) + 36
    draw_marks(sheet, drawn)


def _axis(
    values: Sequence[float], left: float, right: float, *, dots: bool = False
) -> tuple[Callable[[float], float], list[float], bool]:
    """Where a value stands, the ticks, and whether the axis is logarithmic."""
    low, high = min(values), max(values)
    log = not dots and high > _LOG * low
    if log:
        start, end = math.log10(low) - 0.25, math.log10(high)
        powers = [n * 10.0**k for k in range(-2, 7) for n in (1, 2, 5)]
        ticks = [tick for tick in powers if start <= math.log10(tick) <= end]
        return lambda value: left + (right - left) * (math.log10(value) - start) / (end - start), ticks, True
    ticks = marks.ticks(low if dots else 0.0, high, 8)
    start, end = (ticks[0], ticks[-1]) if dots else (0.0, high)
    ticks = [tick for tick in ticks if tick <= end]
    return lambda value: left + (right - left) * (value - start) / (end - start), ticks, False


def _written(value: float) -> str:
    return f"{value:.0f}" if value >= 99.5 else f"{value:.1f}"


def _halves(words: str, wide: float) -> list[str]:
    """Words in two lines of size 8, the second one cut where it must be."""
    split = words.split(" ")
    count = next((k for k in range(len(split), 1, -1) if text_width(" ".join(split[:k]), 8) <= wide), 1)
    second = " ".join(split[count:])
    while text_width(second, 8) > wide:
        second = shortened(second, len(second) - 1)
    return [" ".join(split[:count]), second]
