"""What the charts of models share: each kind's shape and colour, where the times are from, and small drawing helps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path
from matplotlib.transforms import IdentityTransform

from course_lib.drawing.sheet import Sheet
from course_lib.drawing.still import BLUE, GREEN, ORANGE, PIXELS
from course_lib.measuring.choosing import Point
from course_lib.models.families import KINDS, OTHER

__all__ = [
    "DEVICES", "GREY", "LOOKS", "Mark", "area_of", "draw_marks", "footnote", "look_of",
]  # fmt: skip

GREY = "#555555"  # of notes: dark enough to read

#: Each kind's colour (Okabe and Ito's palette again) and shape; no two kinds share either.
LOOKS: dict[str, tuple[str, str]] = dict(
    zip(
        (*KINDS, OTHER), zip((BLUE, GREEN, ORANGE, "#CC79A7", "#E69F00", "#777777"), "o^sDPX", strict=True), strict=True
    )
)

#: Devices as a chart's words have them.
DEVICES = {"cpu": "a CPU", "cuda": "a GPU", "mps": "an Apple GPU"}


def look_of(kind: str) -> tuple[str, str]:
    """A kind's colour and shape; what the table does not know looks like "other"."""
    return LOOKS.get(kind, LOOKS[OTHER])


@dataclass(frozen=True)
class Mark:
    """One mark on a sheet: its middle and area in CSS pixels, the lines' width in points."""

    x: float
    y: float
    shape: str
    color: str
    area: float
    edge: str = "#FFFFFF"
    line: float = 0.6
    alpha: float = 1.0


def draw_marks(sheet: Sheet, marks: Sequence[Mark], *, level: float = 2.0) -> None:
    """Draw marks, the last on top; all shapes of the same area cover the same area."""
    if not marks:
        return
    sides = [math.sqrt(mark.area / area_of(mark.shape)) * 72 / PIXELS for mark in marks]
    drawn = PathCollection(
        [_outline(mark.shape) for mark in marks],
        sizes=[side**2 for side in sides],
        offsets=[(mark.x / sheet.width, 1 - mark.y / sheet.height) for mark in marks],
        offset_transform=sheet.figure.transFigure,
        facecolors=[(*to_rgb(mark.color), mark.alpha) for mark in marks],
        edgecolors=[to_rgb(mark.edge) for mark in marks],
        linewidths=[mark.line for mark in marks],
        zorder=level,
    )
    drawn.set_transform(IdentityTransform())
    sheet.figure.add_artist(drawn)


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


def footnote(points: Sequence[Point]) -> str:
    """Where the times are from: this machine, or the table that was measured once, and which machine that was.

    Example:
        >>> footnote([Point("a", "classic", 30.0, 10.0, 45.0, machine="a laptop", stored=True)])
        'Times of one picture: from a table measured once (a laptop), not here.'
    """
    here = [point for point in points if not point.stored]
    table = [point for point in points if point.stored]
    parts = [f"measured here ({_machines(here)})"] if here else []
    parts += [f"from a table measured once ({_machines(table)}), not here" if not here
              else f"the others from a table measured once ({_machines(table)})"] if table else []  # fmt: skip
    if len(parts) == 2:
        parts[0] = f"{len(here)} of {len(points)} {parts[0]}"
    return f"Times of one picture: {', '.join(parts)}."


def _machines(points: Sequence[Point]) -> str:
    return ", ".join(sorted({point.machine or "this machine" for point in points}))
