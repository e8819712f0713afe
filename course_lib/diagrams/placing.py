"""The layout's two steps: how large every part of a structure is, and then where it lies."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from course_lib.diagrams.graph import Edge, Graph
from course_lib.diagrams.series import END, START, Chain, Direct, Gap, Ladder, Parallel
from course_lib.diagrams.shortcuts import edges_by_pair, main_branch

__all__ = ["GUTTER", "STEP", "Place", "Planner", "Point", "Wire"]

Point = tuple[float, float]

STEP = 24.0  # between two boxes: an arrow, and a shape beside it
APART = 8.0  # between two boxes that no line joins
FAN = 9.0  # from a box down to where its line divides
MERGE = 8.0  # from where lines meet down to where they go on
BETWEEN = 18.0  # branches
LANE = 9.0  # the lanes of a ladder
GUTTER = 26.0  # the columns of a long chain
GAP = 5.0  # from a line to its words


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
class _Size:
    """How far a part reaches to the left and to the right of its axis, and how high it is."""

    left: float
    right: float
    height: float


@dataclass(frozen=True, slots=True)
class _Goal:
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


class Planner:
    """Measures and places; what it has placed stands in ``places``, ``wires`` and ``dots``."""

    def __init__(self, graph: Graph, sizes: dict[int, Point], labels: Mapping[Edge, float]) -> None:
        self.graph, self.sizes, self.labels = graph, sizes, labels
        self.edges = edges_by_pair(graph)
        self.places: dict[int, Place] = {}
        self.wires: list[Wire] = []
        self.dots: list[Point] = []
        self._measured: dict[int, tuple[Gap, _Size]] = {}

    # How large.

    def measure(self, part: Gap, start: int, end: int) -> _Size:
        """The size of what lies between two boxes."""
        if id(part) not in self._measured:
            self._measured[id(part)] = part, self._size(part, start, end)
        return self._measured[id(part)][1]

    def _size(self, part: Gap, start: int, end: int) -> _Size:
        if isinstance(part, Direct):
            edge = self.edges.get((start, end))
            if edge is None:
                return _Size(0, 0, 0 if start == START or end == END else APART)
            return _Size(GAP, GAP + self.labels[edge], STEP)
        if isinstance(part, Ladder):
            return self._ladder_size(part, start, end)
        if isinstance(part, Chain):
            self._even(part.waists)
            stops = (start, *part.waists, end)
            gaps = [self.measure(gap, a, b) for gap, a, b in zip(part.gaps, stops, stops[1:], strict=False)]
            half = max(self.sizes[box][0] / 2 for box in part.waists)
            height = sum(one.height for one in gaps) + sum(self.sizes[box][1] for box in part.waists)
            return _Size(max(half, *(one.left for one in gaps)), max(half, *(one.right for one in gaps)), height)
        columns = self._columns(part, start, end)
        left = max(self.measure(branch, start, end).left - x for branch, x in columns)
        right = max(self.measure(branch, start, end).right + x for branch, x in columns)
        tall = max(self.measure(branch, start, end).height for branch, _ in columns)
        return _Size(left, right, tall + (FAN if start != START else 0) + (MERGE if end == END else 0))

    def _even(self, boxes: Sequence[int]) -> None:
        """Boxes below each other get one width; ends and joins keep their own."""
        same = [box for box in boxes if self.graph.nodes[box].kind in ("ops", "module")]
        widest = max((self.sizes[box][0] for box in same), default=0)
        self.sizes.update({box: (widest, self.sizes[box][1]) for box in same})

    def _columns(self, part: Parallel, start: int, end: int) -> list[tuple[Gap, float]]:
        """The branches with the x of each one's axis, seen from the axis of the whole."""
        main = main_branch(self.graph, part, start, end)
        order = self._ranked(part, start, end)
        if main is not None:
            first = part.branches[main]
            order = [first, *(branch for branch in order if branch is not first)]
        xs, reach = [], 0.0
        for branch in order:
            size = self.measure(branch, start, end)
            xs.append(reach + size.left if xs else 0.0)
            reach = xs[-1] + size.right + BETWEEN
        if main is None:
            sizes = [self.measure(branch, start, end) for branch in order]
            shift = (xs[0] - sizes[0].left + xs[-1] + sizes[-1].right) / 2
            nearest = min(xs, key=lambda x: abs(x - shift))
            shift = nearest if abs(nearest - shift) < 30 else shift
            xs = [x - shift for x in xs]
        return list(zip(order, xs, strict=True))

    def _ranked(self, part: Parallel, start: int, end: int) -> list[Gap]:
        """As the box that takes them all has them among its arguments."""
        arguments = [edge.source for edge in self.graph.edges if edge.target == end]

        def rank(branch: Gap) -> int:
            boxes = set(branch.boxes) or {start}
            return min((place for place, source in enumerate(arguments) if source in boxes), default=len(arguments))

        return sorted(part.branches, key=rank)

    # Where.

    def place(self, part: Gap, start: int, end: int, x: float, top: float, height: float) -> None:
        """Place the whole; its axis is ``x``."""
        self._put(part, start, end, x, top, height, (), _Goal(None))

    def _put(
        self, part: Gap, start: int, end: int, x: float, top: float, height: float, way: tuple[Point, ...], goal: _Goal
    ) -> None:
        """``way``: the points from the box before to (x, top)."""
        if isinstance(part, Direct):
            self._wire(start, end, (*way, *goal.way(x)))
        elif isinstance(part, Chain):
            self._put_chain(part, start, end, x, top, height, way, goal)
        elif isinstance(part, Parallel):
            self._put_parallel(part, start, end, x, top, height, way, goal)
        else:
            self._put_ladder(part, start, end, x, top, way, goal)

    def _put_chain(
        self,
        part: Chain,
        start: int,
        end: int,
        x: float,
        top: float,
        height: float,
        way: tuple[Point, ...],
        goal: _Goal,
    ) -> None:
        spare = height - self.measure(part, start, end).height
        y, stops = top, (start, *part.waists, end)
        for number, box in enumerate(part.waists):
            gap, before = part.gaps[number], stops[number]
            tall = self.measure(gap, before, box).height + (spare / 2 if number == 0 else 0)
            place = self._box(box, x, y + tall)
            self._put(gap, before, box, x, y, tall, way, _Goal(place))
            y, way = place.bottom, ((x, place.bottom),)
        self._put(part.gaps[-1], stops[-2], end, x, y, top + height - y, way, goal)

    def _box(self, key: int, x: float, top: float) -> Place:
        wide, tall = self.sizes[key]
        self.places[key] = Place(key, x - wide / 2, top, wide, tall)
        return self.places[key]

    def _put_parallel(
        self, part: Parallel, start: int, end: int, x: float, top: float, height: float, way: tuple[Point, ...],
        goal: _Goal,
    ) -> None:  # fmt: skip
        bus = top + (FAN if start != START else 0)
        bottom = top + height - (MERGE if goal.place is None else 0)
        columns = self._columns(part, start, end)
        if way:
            self.dots.append((x, bus))
        for branch, offset in columns:
            here = x + offset
            come = (*way, (x, bus)) if way else ()
            if offset:
                come = (*come, (here, bus)) if way else ()
                reach = _Goal(None, ((here, bottom), *goal.way(here)))
            else:
                reach = goal
            self._put(branch, start, end, here, bus, bottom - bus, come, reach)

    def _wire(self, start: int, end: int, points: tuple[Point, ...], label: Point | None = None) -> None:
        edge = self.edges.get((start, end))
        if edge is None:
            return
        points = _straightened(points)
        upright = [(b[1] - a[1], a, b) for a, b in itertools.pairwise(points) if a[0] == b[0]]
        if label is None and upright:
            _, a, b = max(enumerate(upright), key=lambda one: (round(one[1][0]), one[0]))[1]
            label = (a[0] + GAP, (a[1] + b[1]) / 2)
        if any(wire.label == label for wire in self.wires):
            label = None
        self.wires.append(Wire(edge, points, label))

    def carry(self, start: int, end: int, gutter: float, top: float) -> None:
        """The line from the foot of a column to the head of the next."""
        a, b = self.places[start], self.places[end]
        turn, over = a.bottom + 10, 4.0
        points = (
            (a.middle, a.bottom),
            (a.middle, turn),
            (gutter, turn),
            (gutter, over),
            (b.middle, over),
            (b.middle, b.top),
        )
        self._wire(start, end, points, (b.middle + GAP, (over + b.top) / 2 + 1))

    # Ladders.

    def _lanes(self, part: Ladder, start: int, end: int) -> dict[int, tuple[int, ...]]:
        """The boxes whose tensors are needed later than by the next one, and where."""
        stops = (start, *part.boxes, end)
        after = dict(itertools.pairwise(stops))
        found: dict[int, tuple[int, ...]] = {}
        for box in (start, *part.boxes):
            later = [b for b in (*part.boxes, end) if (box, b) in self.edges and b != after[box]]
            if later:
                found[box] = tuple(later)
        return dict(sorted(found.items(), key=lambda one: -one[0]))  # short ways first: they lie inside

    def _ladder_size(self, part: Ladder, start: int, end: int) -> _Size:
        self._even(part.boxes)
        half = max(self.sizes[box][0] / 2 for box in part.boxes)
        words = max(
            (self.labels[edge] + GAP for (a, _), edge in self.edges.items() if a in (start, *part.boxes)), default=0
        )
        height = sum(self.sizes[box][1] for box in part.boxes) + STEP * (len(part.boxes) + 1)
        return _Size(half, max(half, words) + LANE * (len(self._lanes(part, start, end)) + 1), height)

    def _put_ladder(
        self, part: Ladder, start: int, end: int, x: float, top: float, way: tuple[Point, ...], goal: _Goal
    ) -> None:
        size = self.measure(part, start, end)
        lanes = self._lanes(part, start, end)
        inner = x + size.right - LANE * len(lanes)
        ways = {start: way}
        y = top
        for box in part.boxes:
            place = self._box(box, x, y + STEP)
            y = place.bottom
            ways[box] = ((x, y),)
        stops = (start, *part.boxes, end)
        for a, b in itertools.pairwise(stops):
            goals = goal if b == end else _Goal(self.places[b])
            self._wire(a, b, (*ways[a], *goals.way(x)))
        for number, (a, later) in enumerate(lanes.items()):
            lane = inner + LANE * number
            stem = (*ways[a], (x, ways[a][-1][1] + 6), (lane, ways[a][-1][1] + 6)) if ways[a] else ()
            straight = (a, stops[stops.index(a) + 1]) in self.edges
            for place_number, b in enumerate(later):
                goals = goal if b == end else _Goal(self.places[b])
                points = (*stem, *goals.way(lane))
                label = (x + GAP, ways[a][-1][1] + 13) if ways[a] and not straight and not place_number else None
                self._lane_wire(a, b, points, label)
                if b != later[-1]:
                    self.dots.append((lane, points[-2][1]))

    def _lane_wire(self, start: int, end: int, points: tuple[Point, ...], label: Point | None) -> None:
        edge = self.edges.get((start, end))
        if edge is not None:
            self.wires.append(Wire(edge, _straightened(points), label))


def _straightened(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """Without repeated points and those in the middle of a line."""
    kept: list[Point] = []
    for point in points:
        if kept and abs(kept[-1][0] - point[0]) < 1e-6 and abs(kept[-1][1] - point[1]) < 1e-6:
            continue
        if len(kept) > 1 and all(
            abs(kept[-2][axis] - kept[-1][axis]) < 1e-6 and abs(kept[-1][axis] - point[axis]) < 1e-6 for axis in (0,)
        ):
            kept[-1] = point
            continue
        kept.append(point)
    return tuple(kept)
