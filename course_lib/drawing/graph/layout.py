"""The layout of a graph: where its boxes lie and how the lines between them run, in CSS pixels, y down.

The main path runs straight down. Branches lie side by side; at an add the longest one stays on the axis and a shortcut
runs beside it on the right; at a product the tensor that keeps its size stays there. Lines leave a box at its bottom
and enter the next one at its top, or at a side where branches meet. A chain that is too long for the page continues in
a new column. ``lay_out`` first measures every part of the graph's structure, then places it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from course_lib.drawing.graph.module_graph import Edge, Graph
from course_lib.drawing.graph.series_parallel import (
    END,
    START,
    Chain,
    Direct,
    Gap,
    Ladder,
    Parallel,
    lanes,
    main_branch,
)

__all__ = ["Layout", "Place", "Point", "Wire", "lay_out"]

Point = tuple[float, float]

STEP = 24.0  # between two boxes: an arrow, and a shape beside it
APART = 8.0  # between two boxes that no line joins
FAN = 9.0  # from a box down to where its line divides
MERGE = 8.0  # from where lines meet down to where they go on
BETWEEN = 18.0  # branches
LANE = 9.0  # the lanes of a ladder
GUTTER = 26.0  # the columns of a long chain
GAP = 5.0  # from a line to its label
TURN = 14.0  # from a box to the line that comes down beside it
STUB = 7.0  # from a box down to where a lane begins


@dataclass(frozen=True, slots=True)
class Place:
    """Where a box lies; ``middle`` is the x of its middle, ``half`` the y."""

    key: int
    left: float
    top: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.left + self.width / 2

    @property
    def half(self) -> float:
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
        edge: of the graph.
        points: from the source's bottom to the target.
        label: the left middle of its label; None where another line labels the same tensor already.
    """

    edge: Edge
    points: tuple[Point, ...]
    label: Point | None


@dataclass(frozen=True, slots=True)
class Layout:
    """Boxes, lines, and the dots where lines divide; nothing lies left of or above 0."""

    places: tuple[Place, ...]
    wires: tuple[Wire, ...]
    dots: tuple[Point, ...]
    width: float
    height: float


def lay_out(
    graph: Graph,
    structure: Gap,
    sizes: Mapping[int, Point],
    labels: Mapping[Edge, float],
    *,
    tallest: float = 640.0,
    widest: float = 860.0,
    columns: int = 1,
) -> Layout:
    """Place everything.

    Args:
        graph: boxes and edges.
        structure: what ``structure_of`` made of it.
        sizes: each box's (width, height).
        labels: the width of each edge's label.
        tallest, widest: a chain that is taller than this continues in new columns, as long as they fit.
        columns: how many there may be.

    Returns:
        A layout; it may be larger than asked for where nothing else can be done.
    """
    planner = _Planner(graph, dict(sizes), labels)
    planner.even(structure, START, END)
    parts, tall = [structure], planner.measure(structure, START, END).height
    if tall > tallest and isinstance(structure, Chain):
        for count in range(2, columns + 1):
            cut = _cut(structure, planner, count)
            measured = [planner.measure(part, START, END) for part in cut]
            if sum(size.left + _right(planner, cut, number) for number, size in enumerate(measured)) > widest:
                break
            highest = max(size.height for size in measured)
            if highest < 0.8 * tall:  # otherwise the tall part cannot be cut
                parts, tall = cut, highest
            if tall <= tallest:
                break
    left, height = 0.0, 0.0
    for number, part in enumerate(parts):
        size = planner.measure(part, START, END)
        top = STEP if number else 0.0
        planner.put(part, START, END, left + size.left, top, size.height, (), _Goal(None))
        if number:
            planner.carry(*_joint(parts, number), left - GUTTER / 2)
        left += size.left + _right(planner, parts, number)
        height = max(height, top + size.height + (12 if number < len(parts) - 1 else 0))
    places = tuple(planner.places[key] for key in sorted(planner.places))
    return Layout(places, tuple(planner.wires), tuple(dict.fromkeys(planner.dots)), left, height)


# -- columns ----------------------------------------------------------------------------------------------------------
def _cut(chain: Chain, planner: _Planner, count: int) -> list[Gap]:
    """The chain in ``count`` columns of about the same height, cut only where a single tensor passes."""
    heights = [
        planner.measure(gap, before, box).height + planner.sizes[box][1]
        for gap, before, box in chain.between(START, END)[:-1]
    ]
    share, filled = sum(heights) / count, 0.0
    starts = [0]
    for number, height in enumerate(heights):
        alone = isinstance(chain.gaps[number], Direct) and number
        if alone and filled + height / 2 > share * len(starts) and len(starts) < count:
            starts.append(number)
        filled += height
    parts: list[Gap] = []
    for a, b in zip(starts, [*starts[1:], len(chain.waists)], strict=True):
        last = chain.gaps[b] if b == len(chain.waists) else Direct()
        parts.append(Chain(chain.waists[a:b], (chain.gaps[0] if a == 0 else Direct(), *chain.gaps[a + 1 : b], last)))
    return parts


def _joint(parts: list[Gap], number: int) -> tuple[int, int]:
    """The last box of the column before, and the first of this one."""
    return parts[number - 1].boxes[-1], parts[number].boxes[0]


def _right(planner: _Planner, parts: list[Gap], number: int) -> float:
    """How far a column reaches to the right, with the label at its head and the gutter to the next column."""
    reach = planner.measure(parts[number], START, END).right
    if number:
        reach = max(reach, GAP + planner.labels[planner.edges[_joint(parts, number)]])
    return reach + (GUTTER if number < len(parts) - 1 else 0)


# -- parts ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Size:
    """How far a part reaches to the left and to the right of its axis, and how high it is."""

    left: float
    right: float
    height: float


@dataclass(frozen=True, slots=True)
class _Goal:
    """Where lines go: to a box right below, or through points to one that lies further down."""

    place: Place | None
    points: tuple[Point, ...] = ()

    def way(self, x: float) -> tuple[Point, ...]:
        """The points from a line that comes down at ``x``."""
        if self.place is None:
            return self.points if not self.points or x == self.points[0][0] else ((x, self.points[0][1]), *self.points)
        if abs(x - self.place.middle) < 0.5:
            return ((x, self.place.top),)
        side = self.place.right if x > self.place.middle else self.place.left
        return ((x, self.place.half), (side, self.place.half))


class _Planner:
    """Measures the parts of a structure and places them; the result is in ``places``, ``wires`` and ``dots``."""

    def __init__(self, graph: Graph, sizes: dict[int, Point], labels: Mapping[Edge, float]) -> None:
        self.graph, self.sizes, self.labels = graph, sizes, labels
        self.edges = {(edge.source, edge.target): edge for edge in graph.edges}
        self.places: dict[int, Place] = {}
        self.wires: list[Wire] = []
        self.dots: list[Point] = []
        self._measured: dict[int, tuple[Gap, _Size]] = {}

    # Sizes.

    def even(self, part: Gap, start: int, end: int) -> None:
        """Give boxes on one axis one width; ends and joins keep their own."""
        same = [box for box in self._axis(part, start, end) if self.graph.nodes[box].kind in ("ops", "module")]
        widest = max((self.sizes[box][0] for box in same), default=0)
        self.sizes.update({box: (widest, self.sizes[box][1]) for box in same})

    def _axis(self, part: Gap, start: int, end: int) -> list[int]:
        """The boxes on the axis of a part; the boxes of side branches get their widths on the way."""
        if isinstance(part, Chain):
            inner = [self._axis(*piece) for piece in part.between(start, end)]
            return [*part.waists, *(box for boxes in inner for box in boxes)]
        if isinstance(part, Parallel):
            main = main_branch(self.graph, part, start, end)
            for number, branch in enumerate(part.branches):
                if number != main:
                    self.even(branch, start, end)
            return [] if main is None else self._axis(part.branches[main], start, end)
        return list(part.boxes)

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
        if isinstance(part, Chain):
            gaps = [self.measure(*piece) for piece in part.between(start, end)]
            half = max(self.sizes[box][0] / 2 for box in part.waists)
            height = sum(gap.height for gap in gaps) + sum(self.sizes[box][1] for box in part.waists)
            return _Size(max(half, *(gap.left for gap in gaps)), max(half, *(gap.right for gap in gaps)), height)
        if isinstance(part, Parallel):
            columns = [(self.measure(branch, start, end), x) for branch, x in self._columns(part, start, end)]
            tall = max(size.height for size, _ in columns)
            tall += (FAN if start != START else 0) + (MERGE if end == END else 0)
            return _Size(max(size.left - x for size, x in columns), max(size.right + x for size, x in columns), tall)
        half = self._half(part, end)
        sources = (start, *part.boxes)
        words = max((self.labels[edge] + GAP for (a, _), edge in self.edges.items() if a in sources), default=0)
        height = sum(self.sizes[box][1] for box in part.boxes) + STEP * (len(part.boxes) + 1)
        count = max((lane.number + 1 for lane in lanes(part, start, end, self.edges)), default=0)
        return _Size(max(half, words), half + LANE * (count + 1), height)

    def _half(self, part: Ladder, end: int) -> float:
        """Half the width of the widest box that a lane comes to."""
        return max(self.sizes[box][0] / 2 for box in (*part.boxes, end) if box != END)

    def _columns(self, part: Parallel, start: int, end: int) -> list[tuple[Gap, float]]:
        """The branches with the x of each one's axis, relative to the axis of the whole."""
        main = main_branch(self.graph, part, start, end)
        order = self._ranked(part, start, end)
        if main is not None:
            first = part.branches[main]
            order = [first, *(branch for branch in order if branch is not first)]
        sizes = [self.measure(branch, start, end) for branch in order]
        xs: list[float] = []
        reach = 0.0
        for size in sizes:
            xs.append(reach + size.left if xs else 0.0)
            reach = xs[-1] + size.right + BETWEEN
        if main is None:
            shift = (xs[0] - sizes[0].left + xs[-1] + sizes[-1].right) / 2
            nearest = min(xs, key=lambda x: abs(x - shift))
            shift = nearest if abs(nearest - shift) < 30 else shift
            xs = [x - shift for x in xs]
        if end != END:  # far enough out for a line to come down beside the box where all meet, and to turn to it
            need = self.sizes[end][0] / 2 + TURN
            right = max(0.0, need - min((x for x in xs if x > 0.5), default=need))
            left = max(0.0, need + max((x for x in xs if x < -0.5), default=-need))
            xs = [x + right if x > 0.5 else x - left if x < -0.5 else 0.0 for x in xs]
        return list(zip(order, xs, strict=True))

    def _ranked(self, part: Parallel, start: int, end: int) -> list[Gap]:
        """The branches in the order in which they are arguments of the box where they meet."""
        arguments = [edge.source for edge in self.graph.edges if edge.target == end]

        def rank(branch: Gap) -> int:
            boxes = set(branch.boxes) or {start}
            return min((place for place, source in enumerate(arguments) if source in boxes), default=len(arguments))

        return sorted(part.branches, key=rank)

    # Places.

    def put(
        self, part: Gap, start: int, end: int, x: float, top: float, height: float, way: tuple[Point, ...], goal: _Goal
    ) -> None:
        """Place a part.

        Args:
            part: what lies between the boxes ``start`` and ``end``.
            start, end: its neighbours.
            x, top, height: its axis and the room it has.
            way: the points from ``start`` to (x, top).
            goal: where its lines go.
        """
        if isinstance(part, Direct):
            self._wire(start, end, (*way, *goal.way(x)))
        elif isinstance(part, Ladder):
            self._put_ladder(part, start, end, x, top, way, goal)
        elif isinstance(part, Parallel):
            self._put_parallel(part, start, end, x, top, height, way, goal)
        else:
            spare, y = height - self.measure(part, start, end).height, top
            *gaps, last = part.between(start, end)
            for number, (gap, before, box) in enumerate(gaps):
                tall = self.measure(gap, before, box).height + (0 if number else spare / 2)
                place = self._box(box, x, y + tall)
                self.put(gap, before, box, x, y, tall, way, _Goal(place))
                y, way = place.bottom, ((x, place.bottom),)
            self.put(*last, x, y, top + height - y, way, goal)

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
        side_by_side = main_branch(self.graph, part, start, end) is None and start != START  # begin at one height
        if way:
            self.dots.append((x, bus))
        for branch, offset in self._columns(part, start, end):
            here = x + offset
            come = (*way, (x, bus), *([(here, bus)] if offset else [])) if way else ()
            reach = _Goal(None, ((here, bottom), *goal.way(here))) if offset else goal
            tall = self.measure(branch, start, end).height if side_by_side else bottom - bus
            self.put(branch, start, end, here, bus, tall, come, reach)

    def _put_ladder(
        self, part: Ladder, start: int, end: int, x: float, top: float, way: tuple[Point, ...], goal: _Goal
    ) -> None:
        ways, goals, y = {start: way}, {end: goal}, top
        for box in part.boxes:
            place = self._box(box, x, y + STEP)
            y = place.bottom
            ways[box], goals[box] = ((x, y),), _Goal(place)
        half = self._half(part, end)
        labelled = set()  # boxes whose output's shape is written already
        for a, b in itertools.pairwise((start, *part.boxes, end)):
            if (edge := self.edges.get((a, b))) is not None:
                labelled.add(a)
                points = (*ways[a], *goals[b].way(x))
                from_y = ways[a][-1][1] if ways[a] else points[0][1]
                self._wire(a, b, points, (x - GAP - self.labels[edge] + 4, from_y + STEP / 2))
        found = lanes(part, start, end, self.edges)
        targets = [target for lane in found for target in lane.targets]
        for lane in found:
            begin = ways[lane.source]
            if not begin:
                continue
            across, (_, from_y) = x + half + LANE * (lane.number + 1), begin[-1]
            stem = (*begin, (x, from_y + STUB), (across, from_y + STUB))
            if lane.source in labelled:
                self.dots.append(stem[-2])
            for target in lane.targets:
                edge = self.edges[lane.source, target]
                if self._drawn(edge):
                    continue
                points = _straightened((*stem, *goals[target].way(across)))
                label = (x - GAP - self.labels[edge] + 4, from_y + STEP / 2)
                self.wires.append(Wire(edge, points, None if lane.source in labelled else label))
                labelled.add(lane.source)
                if target != lane.targets[-1] or targets.count(target) > 1:
                    self.dots.append(points[-2])

    def carry(self, start: int, end: int, gutter: float) -> None:
        """Draw the line from the foot of a column to the head of the next."""
        a, b = self.places[start], self.places[end]
        turn, over = a.bottom + 10, 4.0
        points = ((a.middle, a.bottom), (a.middle, turn), (gutter, turn), (gutter, over), (b.middle, over),
                  (b.middle, b.top))  # fmt: skip
        self._wire(start, end, points, (b.middle + GAP, (over + b.top) / 2 + 1))

    def _drawn(self, edge: Edge) -> bool:
        """Whether it has its line: one from the start of a part to its end may be met on two ways."""
        return any(wire.edge == edge for wire in self.wires)

    def _wire(self, start: int, end: int, points: tuple[Point, ...], label: Point | None = None) -> None:
        """Draw an edge; its label stands at the longest upright part of the line, the last of several equal ones."""
        edge = self.edges.get((start, end))
        if edge is None or self._drawn(edge):
            return
        points = _straightened(points)
        upright = [(a, b) for a, b in itertools.pairwise(points) if a[0] == b[0]]
        if label is None and upright:
            a, b = max(reversed(upright), key=lambda line: round(line[1][1] - line[0][1]))
            turns = b != points[-1] and b[1] - a[1] < 2 * STEP  # keep off the box that it turns to
            middle = (a[1] + b[1]) / 2 + (-5 if turns else 1)
            label = (a[0] + GAP, max(middle, a[1] + 6) if a == points[0] else middle)  # and off the one it leaves
        if any(wire.label == label for wire in self.wires):
            label = None
        self.wires.append(Wire(edge, points, label))


def _straightened(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """Without repeated points and without those inside an upright line."""
    straight: list[Point] = []
    for point in points:
        if straight and abs(straight[-1][0] - point[0]) < 1e-6 and abs(straight[-1][1] - point[1]) < 1e-6:
            continue
        if len(straight) > 1 and abs(straight[-2][0] - straight[-1][0]) < 1e-6 > abs(straight[-1][0] - point[0]):
            straight.pop()
        straight.append(point)
    return tuple(straight)
