"""The layout's two steps: how large every part of a structure is, and then where it lies."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from course_lib.drawing.graph.geometry import (
    APART,
    BETWEEN,
    FAN,
    GAP,
    LANE,
    MERGE,
    STEP,
    STUB,
    TURN,
    Goal,
    Place,
    Point,
    Size,
    Wire,
    straightened,
)
from course_lib.drawing.graph.graph import Edge, Graph
from course_lib.drawing.graph.lanes import lanes
from course_lib.drawing.graph.series import END, START, Chain, Direct, Gap, Ladder, Parallel
from course_lib.drawing.graph.shortcuts import edges_by_pair, main_branch

__all__ = ["Planner"]


class Planner:
    """Measures and places; what it has placed stands in ``places``, ``wires`` and ``dots``."""

    def __init__(self, graph: Graph, sizes: dict[int, Point], labels: Mapping[Edge, float]) -> None:
        self.graph, self.sizes, self.labels = graph, sizes, labels
        self.edges = edges_by_pair(graph)
        self.places: dict[int, Place] = {}
        self.wires: list[Wire] = []
        self.dots: list[Point] = []
        self._measured: dict[int, tuple[Gap, Size]] = {}

    # How large.

    def measure(self, part: Gap, start: int, end: int) -> Size:
        """The size of what lies between two boxes."""
        if id(part) not in self._measured:
            self._measured[id(part)] = part, self._size(part, start, end)
        return self._measured[id(part)][1]

    def _size(self, part: Gap, start: int, end: int) -> Size:
        if isinstance(part, Direct):
            edge = self.edges.get((start, end))
            if edge is None:
                return Size(0, 0, 0 if start == START or end == END else APART)
            return Size(GAP, GAP + self.labels[edge], STEP)
        if isinstance(part, Ladder):
            return self._ladder_size(part, start, end)
        if isinstance(part, Chain):
            stops = (start, *part.waists, end)
            gaps = [self.measure(gap, a, b) for gap, a, b in zip(part.gaps, stops, stops[1:], strict=False)]
            half = max(self.sizes[box][0] / 2 for box in part.waists)
            height = sum(one.height for one in gaps) + sum(self.sizes[box][1] for box in part.waists)
            return Size(max(half, *(one.left for one in gaps)), max(half, *(one.right for one in gaps)), height)
        columns = self._columns(part, start, end)
        left = max(self.measure(branch, start, end).left - x for branch, x in columns)
        right = max(self.measure(branch, start, end).right + x for branch, x in columns)
        tall = max(self.measure(branch, start, end).height for branch, _ in columns)
        return Size(left, right, tall + (FAN if start != START else 0) + (MERGE if end == END else 0))

    def even(self, part: Gap, start: int, end: int) -> None:
        """Boxes on one axis get one width; ends and joins keep their own."""
        same = [box for box in self._axis(part, start, end) if self.graph.nodes[box].kind in ("ops", "module")]
        widest = max((self.sizes[box][0] for box in same), default=0)
        self.sizes.update({box: (widest, self.sizes[box][1]) for box in same})

    def _axis(self, part: Gap, start: int, end: int) -> list[int]:
        """The boxes on the axis of a part; those of its side branches are made even on the way."""
        if isinstance(part, Ladder):
            return list(part.boxes)
        if isinstance(part, Chain):
            stops = (start, *part.waists, end)
            inner = [self._axis(gap, a, b) for gap, a, b in zip(part.gaps, stops, stops[1:], strict=False)]
            return [*part.waists, *(box for one in inner for box in one)]
        if isinstance(part, Parallel):
            main = main_branch(self.graph, part, start, end)
            for number, branch in enumerate(part.branches):
                if number != main:
                    self.even(branch, start, end)
            return [] if main is None else self._axis(part.branches[main], start, end)
        return []

    def _columns(self, part: Parallel, start: int, end: int) -> list[tuple[Gap, float]]:
        """The branches with the x of each one's axis, seen from the axis of the whole."""
        main = main_branch(self.graph, part, start, end)
        order = self._ranked(part, start, end)
        if main is not None:
            first = part.branches[main]
            order = [first, *(branch for branch in order if branch is not first)]
        xs: list[float] = []
        reach = 0.0
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
        return list(zip(order, self._beside(xs, end), strict=True))

    def _beside(self, xs: list[float], end: int) -> list[float]:
        """The axes moved out so far that a line can come down beside the box where all meet, and turn to it."""
        if end == END:
            return xs
        need = self.sizes[end][0] / 2 + TURN
        right = max(0.0, need - min((x for x in xs if x > 0.5), default=need))
        left = max(0.0, need + max((x for x in xs if x < -0.5), default=-need))
        return [x + right if x > 0.5 else x - left if x < -0.5 else 0.0 for x in xs]

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
        self._put(part, start, end, x, top, height, (), Goal(None))

    def _put(
        self, part: Gap, start: int, end: int, x: float, top: float, height: float, way: tuple[Point, ...], goal: Goal
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
        goal: Goal,
    ) -> None:
        spare = height - self.measure(part, start, end).height
        y, stops = top, (start, *part.waists, end)
        for number, box in enumerate(part.waists):
            gap, before = part.gaps[number], stops[number]
            tall = self.measure(gap, before, box).height + (spare / 2 if number == 0 else 0)
            place = self._box(box, x, y + tall)
            self._put(gap, before, box, x, y, tall, way, Goal(place))
            y, way = place.bottom, ((x, place.bottom),)
        self._put(part.gaps[-1], stops[-2], end, x, y, top + height - y, way, goal)

    def _box(self, key: int, x: float, top: float) -> Place:
        wide, tall = self.sizes[key]
        self.places[key] = Place(key, x - wide / 2, top, wide, tall)
        return self.places[key]

    def _put_parallel(
        self, part: Parallel, start: int, end: int, x: float, top: float, height: float, way: tuple[Point, ...],
        goal: Goal,
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
                reach = Goal(None, ((here, bottom), *goal.way(here)))
            else:
                reach = goal
            equals = main_branch(self.graph, part, start, end) is None  # begin side by side
            tall = self.measure(branch, start, end).height if equals and start != START else bottom - bus
            self._put(branch, start, end, here, bus, tall, come, reach)

    def _wire(self, start: int, end: int, points: tuple[Point, ...], label: Point | None = None) -> None:
        edge = self.edges.get((start, end))
        if edge is None:
            return
        points = straightened(points)
        upright = [(b[1] - a[1], a, b) for a, b in itertools.pairwise(points) if a[0] == b[0]]
        if label is None and upright:
            _, a, b = max(enumerate(upright), key=lambda one: (round(one[1][0]), one[0]))[1]
            turns = b != points[-1] and b[1] - a[1] < 2 * STEP  # keep off the box that it turns to
            label = (a[0] + GAP, (a[1] + b[1]) / 2 + (-5 if turns else 1))
        if any(wire.label == label for wire in self.wires):
            label = None
        self.wires.append(Wire(edge, points, label))

    def carry(self, start: int, end: int, gutter: float) -> None:
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

    def _ladder_size(self, part: Ladder, start: int, end: int) -> Size:
        half = self._half(part, end)
        words = max((self.labels[edge] + GAP for (a, _), edge in self.edges.items() if a in (start, *part.boxes)),
                    default=0)  # fmt: skip
        height = sum(self.sizes[box][1] for box in part.boxes) + STEP * (len(part.boxes) + 1)
        count = max((lane.number + 1 for lane in lanes(part, start, end, self.edges)), default=0)
        return Size(max(half, words), half + LANE * (count + 1), height)

    def _half(self, part: Ladder, end: int) -> float:
        """Half the width of the widest box that a lane comes to."""
        return max(self.sizes[box][0] / 2 for box in (*part.boxes, end) if box != END)

    def _put_ladder(
        self, part: Ladder, start: int, end: int, x: float, top: float, way: tuple[Point, ...], goal: Goal
    ) -> None:
        ways, y = {start: way}, top
        for box in part.boxes:
            place = self._box(box, x, y + STEP)
            y = place.bottom
            ways[box] = ((x, y),)
        goals = {**{box: Goal(self.places[box]) for box in part.boxes}, end: goal}
        half = self._half(part, end)
        stops = (start, *part.boxes, end)
        named = set()  # whose shape is written already
        for a, b in itertools.pairwise(stops):
            if (edge := self.edges.get((a, b))) is not None:
                named.add(a)
                points = (*ways[a], *goals[b].way(x))
                at = ways[a][-1][1] if ways[a] else points[0][1]
                self._wire(a, b, points, (x - GAP - self.labels[edge] + 4, at + STEP / 2))
        found = lanes(part, start, end, self.edges)
        taps = [target for lane in found for target in lane.targets]
        for lane in found:
            begin = ways[lane.source]
            if not begin:
                continue
            across = x + half + LANE * (lane.number + 1)
            stem = (*begin, (x, begin[-1][1] + STUB), (across, begin[-1][1] + STUB))
            if lane.source in named:
                self.dots.append(stem[-2])
            for target in lane.targets:
                edge = self.edges[lane.source, target]
                points = straightened((*stem, *goals[target].way(across)))
                label = None if lane.source in named else (x - GAP - self.labels[edge] + 4, begin[-1][1] + STEP / 2)
                named.add(lane.source)
                self.wires.append(Wire(edge, points, label))
                if target != lane.targets[-1] or taps.count(target) > 1:
                    self.dots.append(points[-2])
