"""The bubble chart: error across, time up on a logarithmic axis, the file's size as an area; down and left is best.

A bubble's shape and colour say its kind, a dark ring that it is on the front, and what breaks a limit is grey. Labels
never lie over each other (``labels.py``). Which points are on the front is ``choosing.py``'s business.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

from course_lib.drawing import marks
from course_lib.drawing.bubble_scales import BIGGEST, BOTTOM, LEAST, LEFT, RIGHT, TALL, WIDE, Scales, scales_of
from course_lib.drawing.label_placement import Bubble, place_labels
from course_lib.drawing.model_marks import DEVICES, GREY, LOOKS, Mark, draw_marks, footnote, look_of
from course_lib.drawing.sheet import Sheet, text_width, wrapped
from course_lib.drawing.still import INK, Still
from course_lib.errors import CourseError
from course_lib.measuring.choosing import Limits, Point, find, pareto

__all__ = ["bubbles"]

Line = tuple[tuple[float, float], tuple[float, float]]
Room = tuple[float, float, float, float]  # left, top, right, bottom

_LIMIT = "#8A3B00"  # a dark orange: of the limits' lines and numbers
_MANY = 26  # up to so many points all have labels
_SIZE = 8.5  # of a label, points


def bubbles(
    points: Iterable[Point],
    *,
    front: bool = True,
    limits: Limits | None = None,
    selected: str | None = None,
    title: str = "",
) -> Still:
    """Draw models by what they cost and how often they err. All have labels; of many, only those that matter.

    Args:
        points: at least one, all from one device.
        front: whether those that nothing beats in error, time and size are ringed, and the front of error and time
            alone is a dashed line; among those that keep to the limits, when there are any.
        limits: what breaks them turns grey.
        selected: the name of a point whose figures are written beside it.
        title: above the chart; a long one is wrapped.

    Raises:
        CourseError: there is no point, or a time, a size or an error that cannot be drawn.
        ModelNameError: no point has the selected name.

    Example:
        >>> bubbles([Point("a", "classic", 30.0, 10.0, 45.0), Point("b", "classic", 25.0, 20.0, 98.0)], selected="b")
        2 models by error, time and size; on the front: b, a; b: error 25.0 %, 20 ms, 98 MB
    """
    listed = sorted(points, key=lambda point: (-point.megabytes, point.name))  # none hides a smaller one
    if not listed:
        raise CourseError("There is no model to draw: choose one more kind, or give at least one point.")
    for point in listed:
        if not all(math.isfinite(value) and value > 0 for value in (point.error, point.ms, point.megabytes)):
            raise CourseError(f"{point.name} cannot be drawn: its error, time and size have to be above 0: {point}.")
    chosen = None if selected is None else find(listed, selected)
    limits = limits or Limits()
    fitting = {point for point in listed if limits.allows(point)}
    best = set(pareto(fitting)) if front else set()
    heading = wrapped(title, WIDE - 24, 10.5, bold=True)

    sheet = Sheet(WIDE, TALL)
    sheet.text(8, 6, "\n".join(heading), size=10.5, bold=True)
    top = 20.0 * len(heading) + 18
    _draw_key(sheet, listed, top, front=front)
    scales = scales_of(listed, top + 66)
    _draw_axes(sheet, scales, listed[0].device)
    lines, taken = _draw_limits(sheet, scales, limits)
    taken.append((LEFT + 2, BOTTOM - 22, LEFT + 72, BOTTOM - 2))  # of the words in the corner
    stairs = scales.stairs(pareto(fitting, ("error", "ms"))) if front else []
    if stairs:
        sheet.lines([stairs], color="#777777", line=1.0, dashed=True, level=1.5)
    drawn = []
    for point in listed:
        color, shape = look_of(point.kind)
        edge, line = (INK, 2.4) if point is chosen else (INK, 1.2) if point in best else ("#FFFFFF", 0.7)
        drawn.append(Mark(*scales.at(point), shape, color if point in fitting else "#D9D9D9",
                          scales.area(point.megabytes), edge, line, 0.8))  # fmt: skip
    draw_marks(sheet, drawn)
    few = len(listed) <= _MANY
    worth = fitting if few else best if len(best) <= _MANY // 2 else pareto(fitting, ("error", "ms"))
    named = {*worth} if chosen is None else {*worth, chosen}
    bold = best if few and len(best) < len(named) else set()
    _draw_labels(sheet, scales, listed, named, bold, chosen, [*itertools.pairwise(stairs), *lines], taken)
    sheet.text(8, TALL - 17, footnote(listed), size=8, color=GREY)
    return sheet.still(_said(listed, len(fitting), best, chosen, limits))


def _said(listed: Sequence[Point], fitting: int, best: set[Point], chosen: Point | None, limits: Limits) -> str:
    said = [f"{len(listed)} models by error, time and size"]
    if limits != Limits():
        said.append(f"{limits}: {fitting} of them")
    if best:
        names = [point.name for point in sorted(best, key=lambda point: point.error)]
        said.append("on the front: " + ", ".join(names[:12]) + (f" and {len(names) - 12} more" if names[12:] else ""))
    if chosen is not None:
        said.append(f"{chosen.name}: error {_figures(chosen)}")
    return "; ".join(said)


def _figures(point: Point) -> str:
    return f"{point.error:.1f} %, {marks.digits(point.ms, max(point.ms, 10))} ms, {point.megabytes:.0f} MB"


# -- what is drawn ----------------------------------------------------------------------------------------------------
def _draw_axes(sheet: Sheet, scales: Scales, device: str) -> None:
    top = scales.top
    steps = [n * 10.0**k for k in range(-2, 7) for n in (1, 2, 5)]
    up = [ms for ms in steps if scales.times[0] <= math.log10(ms) <= scales.times[1]]
    up = up if len(up) * 24 <= BOTTOM - top else [ms for ms in up if f"{ms:.0e}"[0] == "1"]
    across = [tick for tick in marks.ticks(*scales.errors, 9) if scales.errors[0] <= tick <= scales.errors[1]]
    sheet.lines([[(LEFT, scales.y(ms)), (RIGHT, scales.y(ms))] for ms in up], color="#E2E2E2", level=0.2)
    for ms in up:
        sheet.middle_text(LEFT - 7, scales.y(ms), f"{ms:,g}".replace(",", "\N{THIN SPACE}"), align="right")
    for error in across:
        sheet.text(scales.x(error), BOTTOM + 7, f"{error:g}", align="center")
    sheet.lines([[(scales.x(error), BOTTOM), (scales.x(error), BOTTOM + 4)] for error in across], level=0.3)
    sheet.lines([[(LEFT, top), (LEFT, BOTTOM), (RIGHT, BOTTOM)]], level=0.3)
    sheet.text((LEFT + RIGHT) / 2, BOTTOM + 27, "top-1 error, % of the pictures", size=9.5, align="center")
    sheet.text(8, top - 19, f"milliseconds for one picture on {DEVICES.get(device, device)}", size=9.5)
    sheet.middle_text(LEFT + 8, BOTTOM - 11, "↙ better", size=9.5, color=GREY)


def _draw_limits(sheet: Sheet, scales: Scales, limits: Limits) -> tuple[list[Line], list[Room]]:
    """The limits on error and time as lines with their numbers; gives back where labels should not lie."""
    drawn: list[Line] = []
    taken: list[Room] = []
    if limits.max_error is not None and scales.errors[0] < limits.max_error < scales.errors[1]:
        x = scales.x(limits.max_error)
        drawn.append(((x, scales.top), (x, BOTTOM)))
        taken.append((x, scales.top, x + 45, scales.top + 17))
        sheet.middle_text(x + 5, scales.top + 8, f"{limits.max_error:g} %", size=8.5, color=_LIMIT)
    if limits.max_ms is not None and scales.times[0] < math.log10(limits.max_ms) < scales.times[1]:
        y = scales.y(limits.max_ms)
        drawn.append(((LEFT, y), (RIGHT, y)))
        taken.append((RIGHT - 60, y - 18, RIGHT + 14, y))
        sheet.middle_text(RIGHT - 3, y - 9, f"{limits.max_ms:g} ms", size=8.5, color=_LIMIT, align="right")
    sheet.lines(drawn, color=_LIMIT, line=1.3, level=1.6)
    return drawn, taken


def _draw_key(sheet: Sheet, points: Sequence[Point], y: float, *, front: bool) -> None:
    x = 8.0
    drawn = []
    for kind in (kind for kind in LOOKS if any(point.kind == kind for point in points)):
        color, shape = LOOKS[kind]
        drawn.append(Mark(x + 6, y, shape, color, 90))
        sheet.middle_text(x + 17, y, kind)
        x += text_width(kind) + 36
    if front:
        sheet.lines([[(8, y + 24), (28, y + 24)]], color="#777777", line=1.0, dashed=True)
        sheet.middle_text(34, y + 24, "front of error and time", size=8.5)
        x = 34 + text_width("front of error and time", 8.5) + 22
        drawn.append(Mark(x, y + 24, "o", "#FFFFFF", 90, INK, 1.2))
        sheet.middle_text(x + 11, y + 24, "front of error, time and size", size=8.5)
    largest = max(point.megabytes for point in points)
    unit = math.pi * BIGGEST**2 / max(150.0, largest)
    x = RIGHT
    for size in reversed([size for size in (10, 30, 100, 300, 1000) if size <= largest][-3:] or [10]):
        x -= text_width(f"{size} MB")
        sheet.middle_text(x, y + 20, f"{size} MB")
        radius = math.sqrt(max(unit * size, LEAST) / math.pi)
        drawn.append(Mark(x - radius - 5, y + 20, "o", "#FFFFFF", math.pi * radius**2, "#777777", 1.0))
        x -= 2 * radius + 18
    draw_marks(sheet, drawn)


def _draw_labels(
    sheet: Sheet, scales: Scales, points: Sequence[Point], named: set[Point], bold: set[Point], chosen: Point | None,
    lines: Sequence[Line], taken: Sequence[Room],
) -> None:  # fmt: skip
    """Names beside their bubbles, off ``lines`` where that can be and out of ``taken`` always."""
    words = {point: point.name for point in named}
    if chosen is not None:
        words[chosen] = f"{chosen.name}: {_figures(chosen)}"
    heavy = bold if chosen is None else {*bold, chosen}
    sizes = [(text_width(words[p], _SIZE, bold=p in heavy) + 4 + 6 * (p is chosen), 14.0 + 5 * (p is chosen))
             if p in words else None for p in points]  # fmt: skip
    discs = [Bubble(*scales.at(point), math.sqrt(scales.area(point.megabytes) / math.pi) + 1) for point in points]
    room = (LEFT + 2, scales.top - 2, RIGHT + 14, BOTTOM - 2)
    found = place_labels(discs, sizes, room, taken=taken, lines=lines)
    leaders, boxes = [], []
    for point, label in zip(points, found, strict=True):
        if label is None:
            continue
        if label.line:
            leaders.append(label.line)
        if point is chosen:
            boxes.append((label.left, label.bottom, label.wide, label.tall))
        sheet.middle_text(label.left + 2 + 3 * (point is chosen), label.bottom + label.tall / 2, words[point],
                          size=_SIZE, bold=point in heavy)  # fmt: skip
    sheet.lines(leaders, color="#444444", line=0.7, level=3.4)
    draw_marks(sheet, [Mark(*start, "o", INK, 8, INK, 0.0) for start, _ in leaders], level=3.4)
    sheet.boxes(boxes, fill="#FFFFFF", edge=INK, line=1.0, level=3.6)
