"""Which branch stays on the axis where branches meet, and which are shortcuts.

A shortcut leaves the way of the picture and comes back at an add: as it is (an identity), or through a projection that
makes the shapes equal (He et al. 2015, https://arxiv.org/abs/1512.03385, figure 3: solid and dotted lines).
"""

from __future__ import annotations

from dataclasses import replace

from course_lib.drawing.graph.graph import Edge, Graph, Role
from course_lib.drawing.graph.op_names import SIGNS, row
from course_lib.drawing.graph.series import END, START, Chain, Direct, Gap, Parallel

__all__ = ["main_branch", "with_shortcuts"]

_ARITHMETIC = {SIGNS[kind] for kind in ("add", "mul", "sub", "div")}


def main_branch(graph: Graph, parallel: Parallel, start: int, end: int) -> int | None:
    """The branch that stays on the axis; None where all have the same rank, as before a cat.

    Args:
        start, end: the boxes from which the branches come and in which they meet, or ``START`` and ``END``.
    """
    if end == END:
        return None
    node = graph.nodes[end]
    if node.kind == "join" and node.rows[0].title not in _ARITHMETIC:
        return None
    choice = range(len(parallel.branches))
    if node.ops and node.ops[-1].plain == "mul" and node.ops[-1].outputs:
        kept = [
            number for number in choice if node.ops[-1].output in _shapes(graph, parallel.branches[number], start, end)
        ]
        if kept and len(kept) < len(choice):
            return kept[0]
    return max(choice, key=lambda number: (_weight(graph, parallel.branches[number]), -number))


def _shapes(graph: Graph, branch: Gap, start: int, end: int) -> set[tuple[int, ...]]:
    """Of what a branch brings to the box where all meet."""
    boxes = set(branch.boxes) or {start}
    return {shape for edge in graph.edges if edge.target == end and edge.source in boxes for shape in edge.shapes}


def _weight(graph: Graph, branch: Gap) -> int:
    return sum(len(graph.nodes[box].ops) for box in branch.boxes)


def with_shortcuts(graph: Graph, structure: Gap) -> Graph:
    """The same graph with the shortcuts' edges marked.

    Example:
        >>> from course_lib.drawing.graph.graph import graph
        >>> from course_lib.drawing.graph.series import take_apart
        >>> from course_lib.tracing import trace
        >>> found = graph(trace("resnet18"), "layer2.0")
        >>> found = with_shortcuts(found, take_apart(len(found.nodes), [(e.source, e.target) for e in found.edges]))
        >>> [edge.role for edge in found.edges if edge.role != "plain"]
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
        stops = (start, *part.waists, end)
        for gap, a, b in zip(part.gaps, stops, stops[1:], strict=False):
            _mark(graph, gap, a, b, marks)
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


def edges_by_pair(graph: Graph) -> dict[tuple[int, int], Edge]:
    """Every edge by (source, target)."""
    return {(edge.source, edge.target): edge for edge in graph.edges}
