"""The series-parallel structure of a graph, its main branches and its shortcuts.

Every box lies on some path from the start to the end. A box that all paths pass is a waist. Between two waists the
rest splits into branches that no tensor joins, and each branch is taken apart in the same way. What cannot be taken
apart (every layer of a DenseNet feeds all later ones) stays a ladder: its boxes in the order they ran.

A shortcut leaves the main path and comes back at an add: unchanged (an identity), or through a projection that makes
the shapes equal (He et al. 2015, https://arxiv.org/abs/1512.03385, figure 3: solid and dotted lines).
"""

from __future__ import annotations

import itertools
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

from course_lib.drawing.graph.module_graph import Graph, Role
from course_lib.drawing.graph.op_names import SIGNS, row

__all__ = [
    "END", "START", "Chain", "Direct", "Gap", "Ladder", "Lane", "Parallel", "lanes", "main_branch", "structure_of",
    "take_apart", "with_shortcuts",
]  # fmt: skip

#: Before and after everything; never drawn.
START, END = -1, 1_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Direct:
    """A tensor that goes straight on, through no box."""

    @property
    def boxes(self) -> tuple[int, ...]:
        return ()


@dataclass(frozen=True, slots=True, eq=False)
class Ladder:
    """Boxes that cannot be taken apart."""

    boxes: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Waists one after another, and what lies before, between and after them: one gap more than waists."""

    waists: tuple[int, ...]
    gaps: tuple[Gap, ...]

    def between(self, start: int, end: int) -> list[tuple[Gap, int, int]]:
        """Each gap with the boxes before and after it, where the chain lies between ``start`` and ``end``."""
        stops = (start, *self.waists, end)
        return list(zip(self.gaps, stops[:-1], stops[1:], strict=True))

    @property
    def boxes(self) -> tuple[int, ...]:
        return tuple(sorted((*self.waists, *(box for gap in self.gaps for box in gap.boxes))))


@dataclass(frozen=True, slots=True, eq=False)
class Parallel:
    """Branches side by side."""

    branches: tuple[Gap, ...]

    @property
    def boxes(self) -> tuple[int, ...]:
        return tuple(sorted(box for branch in self.branches for box in branch.boxes))


Gap = Direct | Ladder | Chain | Parallel


def structure_of(graph: Graph) -> Gap:
    """The structure of a graph."""
    return take_apart(len(graph.nodes), [(edge.source, edge.target) for edge in graph.edges])


def take_apart(count: int, pairs: Sequence[tuple[int, int]]) -> Gap:
    """The structure of a graph given by numbers.

    Args:
        count: boxes are numbered from 0 to count − 1.
        pairs: (from, to) with from < to.

    Example:
        >>> take_apart(3, [(0, 1), (1, 2), (0, 2)])  # a shortcut from 0 to 2
        Chain(waists=(0, 2), gaps=(Direct(), Parallel(branches=(Chain(waists=(1,), gaps=(Direct(), Direct())),
            Direct())), Direct()))
    """
    fed, feeding = {b for _, b in pairs}, {a for a, _ in pairs}
    ends = [(START, box) for box in range(count) if box not in fed]
    ends += [(box, END) for box in range(count) if box not in feeding]
    return _region(START, END, tuple(range(count)), [*pairs, *ends])


def _region(start: int, end: int, inner: tuple[int, ...], pairs: Sequence[tuple[int, int]]) -> Gap:
    """The structure between two boxes; ``pairs`` are the tensors among start, inner and end."""
    direct = (start, end) in pairs
    groups = _apart(inner, pairs)
    if not groups:
        return Direct()
    if direct or len(groups) > 1:
        branches: list[Gap] = []
        for group in groups:
            here = {start, end, *group}
            own = [(a, b) for a, b in pairs if a in here and b in here and (a, b) != (start, end)]
            branches.append(_region(start, end, group, own))
        if direct and len(branches) == 1 and isinstance(branches[0], Ladder):
            return branches[0]  # the tensor that goes straight on gets a lane of the ladder
        return Parallel((*branches, *([Direct()] if direct else [])))
    waists = [box for box in inner if not any(a < box < b for a, b in pairs)]
    if not waists:
        return Ladder(inner)
    stops = (start, *waists, end)
    gaps: list[Gap] = []
    for a, b in itertools.pairwise(stops):
        between = tuple(box for box in inner if a < box < b)
        gaps.append(_region(a, b, between, [(c, d) for c, d in pairs if a <= c and d <= b]))
    return Chain(tuple(waists), tuple(gaps))


def _apart(inner: tuple[int, ...], pairs: Sequence[tuple[int, int]]) -> list[tuple[int, ...]]:
    """The groups of boxes that no tensor joins, in the order of their first boxes."""
    leader = {box: box for box in inner}

    def find(box: int) -> int:
        while leader[box] != box:
            box = leader[box]
        return box

    for a, b in pairs:
        if a in leader and b in leader:
            low, high = sorted((find(a), find(b)))
            leader[high] = low
    groups: dict[int, list[int]] = {}
    for box in inner:
        groups.setdefault(find(box), []).append(box)
    return [tuple(group) for group in groups.values()]


# -- the lanes of a ladder --------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Lane:
    """The line of a tensor beside a ladder: from which box, to which boxes, in which lane (0 is next to the boxes)."""

    source: int
    targets: tuple[int, ...]
    number: int


def lanes(part: Ladder, start: int, end: int, edges: Container[tuple[int, int]]) -> list[Lane]:
    """The lanes of a ladder, one for each tensor that a later box than the next one takes.

    Short lines lie inside; two lines share a lane where one ends before the other begins.

    Args:
        part: the boxes in order.
        start, end: the boxes before and after it.
        edges: (from, to) of every tensor.

    Example:
        >>> lanes(Ladder((1, 2, 3)), 0, 4, {(0, 1), (0, 2), (1, 2), (1, 3), (2, 3), (0, 4), (3, 4)})
        [Lane(source=0, targets=(2, 4), number=1), Lane(source=1, targets=(3,), number=0)]
    """
    stops = (start, *part.boxes, end)
    rank = {box: place for place, box in enumerate(stops)}
    later = {box: tuple(other for other in stops[place + 2 :] if (box, other) in edges) for box, place in rank.items()}
    lines = [(box, targets) for box, targets in later.items() if targets]
    taken: list[list[tuple[int, int]]] = []
    found = []
    for box, targets in sorted(lines, key=lambda line: (rank[line[1][-1]] - rank[line[0]], rank[line[0]])):
        first, last = rank[box], rank[targets[-1]]
        number = next((k for k, lane in enumerate(taken) if all(b <= first or last <= a for a, b in lane)), len(taken))
        if number == len(taken):
            taken.append([])
        taken[number].append((first, last))
        found.append(Lane(box, targets, number))
    return sorted(found, key=lambda lane: rank[lane.source])


# -- main branches and shortcuts --------------------------------------------------------------------------------------
_ARITHMETIC = {SIGNS[kind] for kind in ("add", "mul", "sub", "div")}


def main_branch(graph: Graph, parallel: Parallel, start: int, end: int) -> int | None:
    """The number of the branch that stays on the axis; None where all have the same rank, as before a cat.

    Args:
        graph: the boxes that the structure refers to.
        parallel: the branches.
        start, end: the boxes where the branches begin and meet, or ``START`` and ``END``.
    """
    if end == END:
        return None
    node = graph.nodes[end]
    if node.kind == "join" and node.rows[0].title not in _ARITHMETIC:
        return None
    choice = range(len(parallel.branches))
    if node.ops and node.ops[-1].plain == "mul" and node.ops[-1].outputs:
        keeps_size = [
            number for number in choice if node.ops[-1].output in _shapes(graph, parallel.branches[number], start, end)
        ]
        if keeps_size and len(keeps_size) < len(choice):
            return keeps_size[0]
    return max(choice, key=lambda number: (_weight(graph, parallel.branches[number]), -number))


def _shapes(graph: Graph, branch: Gap, start: int, end: int) -> set[tuple[int, ...]]:
    """The shapes of the tensors that a branch brings to the box where all meet."""
    boxes = set(branch.boxes) or {start}
    return {shape for edge in graph.edges if edge.target == end and edge.source in boxes for shape in edge.shapes}


def _weight(graph: Graph, branch: Gap) -> int:
    return sum(len(graph.nodes[box].ops) for box in branch.boxes)


def with_shortcuts(graph: Graph, structure: Gap) -> Graph:
    """The same graph with the edges of its shortcuts marked.

    Example:
        >>> from course_lib.drawing.graph.module_graph import build_graph
        >>> from course_lib.tracing import trace
        >>> graph = build_graph(trace("resnet18"), "layer2.0")
        >>> [edge.role for edge in with_shortcuts(graph, structure_of(graph)).edges if edge.role != "plain"]
        ['projection', 'projection', 'projection']
    """
    marks: dict[tuple[int, int], tuple[Role, str]] = {}
    _mark(graph, structure, START, END, marks)
    edges = []
    for edge in graph.edges:
        role, note = marks.get((edge.source, edge.target), ("plain", ""))
        edges.append(edge if role == "plain" else replace(edge, role=role, note=note))
    return Graph(graph.nodes, tuple(edges))


def _mark(graph: Graph, part: Gap, start: int, end: int, marks: dict[tuple[int, int], tuple[Role, str]]) -> None:
    if isinstance(part, Chain):
        for gap, before, after in part.between(start, end):
            _mark(graph, gap, before, after, marks)
    if not isinstance(part, Parallel):
        return
    main = main_branch(graph, part, start, end)
    for number, branch in enumerate(part.branches):
        _mark(graph, branch, start, end, marks)
        if main is None or number == main or start == START or graph.nodes[end].rows[0].title != SIGNS["add"]:
            continue
        if isinstance(branch, Direct):
            marks[start, end] = ("identity", "identity")
        elif _is_projection(graph, branch, _weight(graph, part.branches[main])):
            inside = set(branch.boxes)
            for edge in graph.edges:
                if edge.source in inside or (edge.source == start and edge.target in inside):
                    first = edge.source == start
                    marks[edge.source, edge.target] = ("projection", "projection" if first else "")


def _is_projection(graph: Graph, branch: Gap, main: int) -> bool:
    ops = [op for box in branch.boxes for op in graph.nodes[box].ops]
    return len(ops) < main and len(ops) <= 4 and not any(row(op).family == "activation" for op in ops)
