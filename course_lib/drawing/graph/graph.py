"""The graph of a module's insides, from a trace: boxes and the tensors that run between them.

Pure data, drawn nowhere here. The layout reads it (``layout``); ``block`` puts the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from course_lib.drawing.graph.op_names import SIGNS, Row, row
from course_lib.errors import closest
from course_lib.tracing import Op, Trace, TraceError
from course_lib.tracing.ops import Call, Operand, Shape, times

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
        arguments: what the target calls each of them.
        role: "identity" or "projection" for what belongs to a shortcut.
        bad: it goes into an op that could not take it.
        note: a word to stand above its shape, such as "identity".
    """

    source: int
    target: int
    shapes: tuple[Shape, ...]
    arguments: tuple[str, ...] = ()
    role: Role = "plain"
    bad: bool = False
    note: str = ""

    @property
    def label(self) -> str:
        """The shape in words."""
        different = tuple(dict.fromkeys(self.shapes))
        if len(different) == 1:
            if len(self.shapes) == 1:
                return times(different[0])
            if len(set(self.arguments)) == len(self.shapes):
                return f"{times(different[0])} as {', '.join(self.arguments[:-1])} and {self.arguments[-1]}"
            return f"{len(self.shapes)} of {times(different[0])}"
        return " and ".join(times(one) for one in different)


@dataclass(frozen=True, slots=True)
class Graph:
    """The boxes by key, and the edges, those into one box in the order of its arguments."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """Ops that become one box, and the calls of modules that they are: none for a plain op."""

    ops: tuple[Op, ...]
    calls: tuple[Call, ...] = ()


def graph(
    trace: Trace, path: str = "", *, failed: Op | None = None, modules: bool = False, most: int | None = None
) -> Graph:
    """The inner graph of the module at ``path``, in its first call.

    Args:
        trace: of the whole model.
        path: "" is the model itself.
        failed: the op in which the forward stopped (``TraceError.failed``).
        modules: child modules become one box each.
        most: how many boxes there may be before equal modules that follow each other are folded into one.

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
    if most is not None:
        parts = _folded(parts, most)
    home = {op.index: part for part, one in enumerate(parts) for op in one.ops}
    met: list[tuple[Operand, int]] = []  # what goes into which part
    for number, part in enumerate(parts):
        came: set[tuple[int, Shape]] = set()  # a module takes a tensor once, however often it is used inside
        for op in part.ops:
            for one in op.operands:
                if one.source is None or home.get(one.source) == number:
                    continue
                if not part.calls or (one.source, one.shape) not in came:
                    met.append((one, number))
                came.add((one.source, one.shape))
    if failed is not None:
        met += [(one, len(parts)) for one in failed.operands if one.source is not None]
    outside = list(dict.fromkeys(one.source for one, _ in met if one.source is not None and one.source not in home))
    if not ops and failed is None:
        outside = [-1]
    first = len(outside)
    keys = {source: place for place, source in enumerate(outside)}
    keys.update({index: first + part for index, part in home.items()})
    nodes = [Node(place, "input", (_input(trace, source, first),)) for place, source in enumerate(outside)]
    nodes += [_node(first + number, part, path, trace) for number, part in enumerate(parts)]
    if failed is not None:
        nodes.append(replace(_node(len(nodes), _Part((failed,)), path, trace), failed=True))
    edges: dict[tuple[int, int], Edge] = {}
    for one, target in met:
        if one.source is not None:
            _join(edges, keys[one.source], first + target, one.shape, one.argument, target == len(parts))
    for op in () if failed is not None else _outputs(trace, ops):
        nodes.append(Node(len(nodes), "output", (Row("output", "", "", "", 0, "end"),)))
        _join(edges, keys[op.index], len(nodes) - 1, op.output)
    if not ops and failed is None:
        nodes.append(Node(1, "output", (Row("output", "", "", "", 0, "end"),)))
        _join(edges, 0, 1, trace.outputs[0] if trace.outputs else trace.sizes[0])
    return Graph(tuple(nodes), tuple(edges.values()))


def _join(
    edges: dict[tuple[int, int], Edge], source: int, target: int, shape: Shape, argument: str = "", bad: bool = False
) -> None:
    known = edges.get((source, target), Edge(source, target, ()))
    shapes, arguments = (*known.shapes, shape), (*known.arguments, argument)
    edges[source, target] = Edge(source, target, shapes, arguments, bad=bad)


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
    return ops, 0


def _collapsed(trace: Trace, ops: Sequence[Op], depth: int) -> list[_Part]:
    """Calls from that depth on as one part each; one that holds more than half of everything is opened again."""
    chosen = _outermost(trace.calls, ops, depth)
    while True:
        covered = {index: call for call in chosen for index in range(call.first, call.end)}
        parts: list[_Part] = []
        for op in ops:
            call = covered.get(op.index)
            if call is None or call.end - call.first == 1 or (call.container and call.end - call.first <= _FEW):
                parts.append(_Part((op,)))
            elif op.index == call.first:
                parts.append(_Part(trace.ops[call.first : call.end], (call,)))
        biggest = max((part for part in parts if part.calls), key=lambda part: len(part.ops), default=None)
        if biggest is None or 2 * len(biggest.ops) <= len(ops):
            return parts
        call = biggest.calls[0]
        inner = _outermost(trace.calls, biggest.ops, call.depth + 1)
        loose = len(biggest.ops) - sum(one.end - one.first for one in inner)
        if len(parts) - 1 + len(inner) + loose > _MOST_PARTS:
            return parts
        chosen = [one for one in chosen if one is not call] + inner


def _outermost(calls: Sequence[Call], ops: Sequence[Op], depth: int) -> list[Call]:
    """The calls among these ops, at least that deep, that lie in no other."""
    first, end = (ops[0].index, ops[-1].index + 1) if ops else (0, 0)
    inside = [call for call in calls if first <= call.first < call.end <= end and call.depth >= depth]
    found: list[Call] = []
    for call in sorted(inside, key=lambda one: (one.first, -one.end, one.depth)):
        if not found or call.first >= found[-1].end:
            found.append(call)
    return found


_MOST_PARTS = 24
_FEW = 3  # ops that a Sequential may have before it gets a box of its own


def _folded(parts: list[_Part], most: int) -> list[_Part]:
    """The middle of the longest run of equal modules as one part, until there are few enough or no run is left."""
    while len(parts) > most:
        runs: list[tuple[int, int]] = []
        for number, part in enumerate(parts):
            same = runs and len(part.calls) == 1 == len(parts[number - 1].calls)
            if same and part.calls[0].kind == parts[number - 1].calls[0].kind:
                runs[-1] = runs[-1][0], number + 1
            else:
                runs.append((number, number + 1))
        first, end = max(runs, key=lambda run: run[1] - run[0])
        first, end = first + 2, end - 1
        if end - first < 2:
            break
        inside = parts[first:end]
        whole = _Part(tuple(op for one in inside for op in one.ops), tuple(one.calls[0] for one in inside))
        parts = [*parts[:first], whole, *parts[end:]]
    return parts


def _node(key: int, part: _Part, path: str, trace: Trace) -> Node:
    if part.calls:
        return Node(key, "module", (_module(part, path, trace),), part.ops)
    op = part.ops[0]
    words = row(op, _below(op.path if op.plain == "multi_head_attention_forward" else op.name, path))
    met = {one.source for one in op.operands if one.source is not None}
    if op.plain in SIGNS and len(met) > 1:
        return Node(key, "join", (replace(words, title=SIGNS[op.plain], how="", note=""),), part.ops)
    return Node(key, "ops", (words,), part.ops)


def _module(part: _Part, path: str, trace: Trace) -> Row:
    call, parameters = part.calls[0], sum(op.parameters for op in part.ops)
    name = _below(call.path, path)
    if len(part.calls) > 1:
        title = f"{name} … {_below(part.calls[-1].path, path)}"
        return Row(title, "", "", f"{len(part.calls)} × {call.kind}, {len(part.ops)} ops", parameters, "module")
    kinds = [
        one.kind for one in trace.calls if call.first <= one.first < one.end <= call.end and one.depth == call.depth + 1
    ]
    same = f"{len(kinds)} × {kinds[0]}, " if len(set(kinds)) == 1 < len(kinds) else ""
    return Row(name, "", call.kind, f"{same}{len(part.ops)} ops", parameters, "module")


def _below(name: str, path: str) -> str:
    return name[len(path) + 1 :] if path and name.startswith(f"{path}.") else name


def _input(trace: Trace, source: int, count: int) -> Row:
    if source < 0:
        several = count > 1 and len(trace.sizes) > 1
        return Row(f"input {-source}" if several else "input", "", "", "", 0, "end")
    return Row("input", "", trace.ops[source].name, "", 0, "end")


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
    """Norms, activations and dropouts drawn right under the op that feeds them, where nothing else takes its output.

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
        idle = bool(node.ops) and node.ops[0].plain == "dropout"
        fits = node.kind == "ops" and not node.failed and (node.rows[0].family in _FUSE or idle)
        if fits and len(into.get(node.key, ())) == 1:
            above = into[node.key][0].source
            if len(out[above]) == 1 and given.nodes[above].kind == "ops":
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
