"""The graph of a module's insides, from a trace: boxes and the tensors that run between them.

Pure data, drawn nowhere here. The layout reads it (``layout``); ``block`` puts the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from course_lib.diagrams.names import SIGNS, Row, row
from course_lib.errors import closest
from course_lib.tracing import Op, Trace, TraceError
from course_lib.tracing.ops import Call, Shape, times

__all__ = ["Edge", "Graph", "Node", "fused", "graph"]

Role = Literal["plain", "identity", "projection"]


@dataclass(frozen=True, slots=True)
class Node:
    """One box.

    Attributes:
        key: its number; every edge leads from a smaller to a larger one.
        kind: "input", "output", "ops" (one op, or several fused below each other), "module" or "join" (a circle).
        rows: what is written in it, one a op; a join's or an end's is its only word.
        ops: the ops in it.
        failed: it could not run.
    """

    key: int
    kind: Literal["input", "output", "ops", "module", "join"]
    rows: tuple[Row, ...]
    ops: tuple[Op, ...] = ()
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """A tensor on its way from a box to a box.

    Attributes:
        source, target: the boxes' keys.
        shapes: of the tensor, or of several where several go the same way.
        role: "identity" or "projection" for what belongs to a shortcut.
        bad: it goes into an op that could not take it.
        note: a word to stand above its shape, such as "identity".
    """

    source: int
    target: int
    shapes: tuple[Shape, ...]
    role: Role = "plain"
    bad: bool = False
    note: str = ""

    @property
    def label(self) -> str:
        """The shape in words."""
        different = tuple(dict.fromkeys(self.shapes))
        if len(different) == 1:
            return times(different[0]) if len(self.shapes) == 1 else f"{len(self.shapes)} of {times(different[0])}"
        return " and ".join(times(one) for one in different)


@dataclass(frozen=True, slots=True)
class Graph:
    """The boxes by key, and the edges, those into one box in the order of its arguments."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """Ops that become one box, and the module they are, where it is a module."""

    ops: tuple[Op, ...]
    call: Call | None = None


def graph(trace: Trace, path: str = "", *, failed: Op | None = None, modules: bool = False) -> Graph:
    """The inner graph of the module at ``path``, in its first call.

    Args:
        trace: of the whole model.
        path: "" is the model itself.
        failed: the op in which the forward stopped (``TraceError.failed``).
        modules: child modules become one box each.

    Raises:
        TraceError: no such module, or it did not run.

    Example:
        >>> from course_lib.tracing import trace
        >>> found = graph(trace("resnet18"), "layer1.0")
        >>> [node.rows[0].title for node in found.nodes][:3], found.edges[0].label
        (['input', '3×3 conv', 'BatchNorm'], '1×64×56×56')
    """
    ops, depth = _scope(trace, path)
    if failed is not None and path and failed.path != path and not failed.path.startswith(f"{path}."):
        failed = None
    parts = _collapsed(trace, ops, depth) if modules else [_Part((op,)) for op in ops]
    home = {op.index: part for part, one in enumerate(parts) for op in one.ops}
    met: list[tuple[int, int | None, Shape, bool]] = []  # source op, target part, shape
    for number, part in enumerate(parts):
        inside = {op.index for op in part.ops}
        for op in part.ops:
            for one in op.operands:
                if one.source is not None and one.source not in inside:
                    met.append((one.source, number, one.shape, False))
    if failed is not None:
        met += [(one.source, len(parts), one.shape, True) for one in failed.operands if one.source is not None]
    outside = list(dict.fromkeys(source for source, *_ in met if source not in home))
    if not ops and failed is None:
        outside = [-1]
    first = len(outside)
    keys = {source: place for place, source in enumerate(outside)}
    keys.update({index: first + part for index, part in home.items()})
    nodes = [Node(place, "input", (_input(trace, source, first),)) for place, source in enumerate(outside)]
    nodes += [_node(first + number, part, path, trace, keys) for number, part in enumerate(parts)]
    if failed is not None:
        nodes.append(replace(_node(len(nodes), _Part((failed,)), path, trace, keys), failed=True))
    edges: dict[tuple[int, int], Edge] = {}
    for source, target, shape, bad in met:
        _join(edges, keys[source], first + (target or 0), shape, bad)
    for op in () if failed is not None else _outputs(trace, ops):
        nodes.append(Node(len(nodes), "output", (Row("output", "", "", 0, "end"),)))
        _join(edges, keys[op.index], len(nodes) - 1, op.output, False)
    if not ops and failed is None:
        nodes.append(Node(1, "output", (Row("output", "", "", 0, "end"),)))
        _join(edges, 0, 1, trace.outputs[0] if trace.outputs else trace.sizes[0], False)
    return Graph(tuple(nodes), tuple(edges.values()))


def _join(edges: dict[tuple[int, int], Edge], source: int, target: int, shape: Shape, bad: bool) -> None:
    known = edges.get((source, target))
    shapes = (*known.shapes, shape) if known else (shape,)
    edges[source, target] = Edge(source, target, shapes, bad=bad)


def _scope(trace: Trace, path: str) -> tuple[tuple[Op, ...], int]:
    """The ops of a module's first call, and the depth of the calls inside it."""
    for call in trace.calls:
        if call.path == path and call.depth >= (1 if path else 0):
            return trace.ops[call.first : call.end], call.depth + 1
    known = [name for name, _ in trace.modules]
    if path not in known and path:
        raise TraceError(f"{trace.name} has no module {path!r}.{closest(path, known)}")
    ops = trace.within(path)  # it was entered, and never left
    if not ops and path:
        raise TraceError(f"The module {path!r} did not run in this trace.")
    return ops, path.count(".") + 2 if path else 1


def _collapsed(trace: Trace, ops: Sequence[Op], depth: int) -> list[_Part]:
    """Calls of that depth as one part each; one that holds more than half of everything is opened again."""
    first, end = (ops[0].index, ops[-1].index + 1) if ops else (0, 0)
    inside = [call for call in trace.calls if first <= call.first < call.end <= end and call.depth >= depth]
    chosen = [call for call in inside if call.depth == depth]
    while True:
        covered = {index: call for call in chosen for index in range(call.first, call.end)}
        parts: list[_Part] = []
        for op in ops:
            call = covered.get(op.index)
            if call is None or call.end - call.first == 1:
                parts.append(_Part((op,)))
            elif op.index == call.first:
                parts.append(_Part(tuple(trace.ops[call.first : call.end]), call))
        biggest = max((part for part in parts if part.call), key=lambda part: len(part.ops), default=None)
        if biggest is None or biggest.call is None or 2 * len(biggest.ops) <= len(ops):
            return parts
        call = biggest.call
        inner = [one for one in inside if call.first <= one.first < one.end <= call.end and one.depth == call.depth + 1]
        loose = len(biggest.ops) - sum(one.end - one.first for one in inner)
        if len(parts) - 1 + len(inner) + loose > _MOST_PARTS:
            return parts
        chosen = [one for one in chosen if one is not call] + inner


_MOST_PARTS = 16


def _node(key: int, part: _Part, path: str, trace: Trace, keys: dict[int, int]) -> Node:
    if part.call is not None:
        name = _below(part.call.path, path)
        words = Row(part.call.kind, name, f"{len(part.ops)} ops", sum(op.parameters for op in part.ops), "module")
        return Node(key, "module", (words,), part.ops)
    op = part.ops[0]
    words = row(op, _below(op.name, path))
    met = {one.source for one in op.operands if one.source is not None}
    if op.plain in SIGNS and len(met) > 1:
        return Node(key, "join", (replace(words, title=SIGNS[op.plain], note=""),), part.ops)
    return Node(key, "ops", (words,), part.ops)


def _below(name: str, path: str) -> str:
    return name[len(path) + 1 :] if path and name.startswith(f"{path}.") else name


def _input(trace: Trace, source: int, count: int) -> Row:
    if source < 0:
        return Row("input" if count == 1 or len(trace.sizes) == 1 else f"input {-source}", "", "", 0, "end")
    return Row("input", trace.ops[source].name, "", 0, "end")


def _outputs(trace: Trace, ops: Sequence[Op]) -> list[Op]:
    """The ops whose output leaves: it is used elsewhere, or it is what the model returns."""
    inside = {op.index for op in ops}
    used = {source for op in trace.ops if op.index not in inside for source in op.sources}
    leaving = [op for op in ops if op.index in used]
    if not leaving and ops:
        eaten = {source for op in ops for source in op.sources}
        leaving = [op for op in ops if op.index not in eaten and op.output in trace.outputs] or [ops[-1]]
    return leaving


_FUSE = ("norm", "activation")


def fused(given: Graph) -> Graph:
    """Norms and activations drawn right under the op that feeds them, where nothing else takes its output.

    Example:
        >>> from course_lib.tracing import trace
        >>> found = fused(graph(trace("resnet18"), "layer1.0"))
        >>> [[row.title for row in node.rows] for node in found.nodes][1]
        ['3×3 conv', 'BatchNorm', 'ReLU']
    """
    into: dict[int, list[Edge]] = {}
    out: dict[int, list[Edge]] = {}
    for edge in given.edges:
        into.setdefault(edge.target, []).append(edge)
        out.setdefault(edge.source, []).append(edge)
    host: dict[int, int] = {}
    members: dict[int, list[Node]] = {}
    for node in given.nodes:
        host[node.key] = node.key
        fits = node.kind == "ops" and not node.failed and node.rows[0].family in _FUSE
        if fits and len(into.get(node.key, ())) == 1:
            above = into[node.key][0].source
            if len(out[above]) == 1 and given.nodes[above].kind in ("ops", "module"):
                host[node.key] = host[above]
        members.setdefault(host[node.key], []).append(node)
    keys = {old: new for new, old in enumerate(members)}
    nodes = tuple(
        replace(group[0], key=keys[old], rows=tuple(words for one in group for words in one.rows),
                ops=tuple(op for one in group for op in one.ops))
        for old, group in members.items()
    )  # fmt: skip
    edges = tuple(
        replace(edge, source=keys[host[edge.source]], target=keys[host[edge.target]])
        for edge in given.edges
        if host[edge.source] != host[edge.target]
    )
    return Graph(nodes, edges)
