"""The layout's small change: places, lines and how far they lie apart, in CSS pixels, y down."""

from __future__ import annotations

from dataclasses import dataclass

from course_lib.drawing.graph.graph import Edge

__all__ = [
    "APART", "BETWEEN", "FAN", "GAP", "GUTTER", "LANE", "MERGE", "STEP", "STUB", "TURN",
    "Goal", "Place", "Point", "Size", "Wire", "straightened",
]  # fmt: skip

Point = tuple[float, float]

STEP = 24.0  # between two boxes: an arrow, and a shape beside it
APART = 8.0  # between two boxes that no line joins
FAN = 9.0  # from a box down to where its line divides
MERGE = 8.0  # from where lines meet down to where they go on
BETWEEN = 18.0  # branches
LANE = 9.0  # the lanes of a ladder
GUTTER = 26.0  # the columns of a long chain
GAP = 5.0  # from a line to its words
TURN = 14.0  # from a box to the line that comes down beside it
STUB = 7.0  # from a box down to where a lane begins


@dataclass(frozen=True, slots=True)
class Place:
    """Where a box lies."""

    key: int
    left: float
    top: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """The x of its middle."""
        return self.left + self.width / 2

    @property
    def half(self) -> float:
        """The y of its middle."""
        return self.top + self.height / 2

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height


@dataclass(frozen=True, slots=True)
class Wire:
    """An edge, and the points its line goes through.

    Attributes:
        label: the left middle of its words; None where they stand at another line with the same tensor already.
    """

    edge: Edge
    points: tuple[Point, ...]
    label: Point | None


@dataclass(frozen=True, slots=True)
class Size:
    """How far a part reaches to the left and to the right of its axis, and how high it is."""

    left: float
    right: float
    height: float


@dataclass(frozen=True, slots=True)
class Goal:
    """Where lines go: a box that lies right below, or the points to one that lies further."""

    place: Place | None
    points: tuple[Point, ...] = ()

    def way(self, x: float) -> tuple[Point, ...]:
        """From the line down at ``x``."""
        if self.place is None:
            return self.points if not self.points or x == self.points[0][0] else ((x, self.points[0][1]), *self.points)
        if abs(x - self.place.middle) < 0.5:
            return ((x, self.place.top),)
        side = self.place.right if x > self.place.middle else self.place.left
        return ((x, self.place.half), (side, self.place.half))


def straightened(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """Without repeated points and those in the middle of a line down."""
    kept: list[Point] = []
    for point in points:
        if kept and abs(kept[-1][0] - point[0]) < 1e-6 and abs(kept[-1][1] - point[1]) < 1e-6:
            continue
        if len(kept) > 1 and abs(kept[-2][0] - kept[-1][0]) < 1e-6 and abs(kept[-1][0] - point[0]) < 1e-6:
            kept.pop()
        kept.append(point)
    return tuple(kept)
