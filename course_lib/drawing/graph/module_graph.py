"""The graph inside a module, from a trace: ``Node`` (a box), ``Edge`` (a tensor between two boxes), ``Graph``.

Plain data: ``series_parallel`` finds its structure, ``layout`` places it, ``render`` draws it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from course_lib.drawing.graph.op_names import SIGNS, Row, row
from course_lib.errors import closest
from course_lib.tracing.ops import Op
from course_lib.tracing.records import Call, Operand, Shape, times
from course_lib.tracing.result import Trace, TraceError

__all__ = ["Edge", "Graph", "Node", "build_graph", "end", "fused"]

Role = Literal["plain", "identity", "projection"]


@dataclass(frozen=True, slots=True)
class Node:
    """One box.

    Attributes:
        key: its number; every edge leads from a smaller to a larger one.
        kind: "input", "output", "ops" (one op, or several fused below each other), "module" or "join" (a circle).
        rows: what is written in it, one for each op; a join or an end has one row.
        ops: the ops in it.
        failed: whether it is the op that could not run.
    """

    key: int
    kind: Literal["input", "output", "ops", "module", "join"]
    rows: tuple[Row, ...]
    ops: tuple[Op, ...] = ()
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """A tensor that goes from one box to another.

    Attributes:
        source, target: the boxes' keys.
        shapes: of the tensor, or of all the tensors that go from this source to this target.
        arguments: what the target calls each of them.
        role: "identity" or "projection" for an edge of a shortcut.
        bad: whether it goes into the op that could not run.
        note: a word above its shape, such as "identity".
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
        return " and ".join(times(shape) for shape in different)


@dataclass(frozen=True, slots=True)
class Graph:
    """The boxes in the order of their keys, and the edges; those into one box in the order of its arguments."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def labels(self, kind: Literal["input", "output"]) -> list[str]:
        """The shapes of its inputs or outputs, in words."""
        keys = {node.key for node in self.nodes if node.kind == kind}
        edges = {(edge.source if kind == "input" else edge.target): edge.label for edge in reversed(self.edges)}
        return [edges.get(key, "") for key in sorted(keys)]


def end(key: int, kind: Literal["input", "output"], title: str = "", origin: str = "") -> Node:
    """An input or output; ``origin`` is the op that an input comes from."""
    return Node(key, kind, (Row(title or kind, name=origin, family="end"),))


@dataclass(frozen=True, slots=True)
class _Part:
    """Ops that become one box, and the module calls that they belong to; none for what a forward does itself."""

    ops: tuple[Op, ...]
    calls: tuple[Call, ...] = ()


def build_graph(
    trace: Trace, path: str = "", *, failed: Op | None = None, modules: bool = False, most: int | None = None
) -> Graph:
    """The graph inside the module at ``path``, in its first call.

    Args:
        trace: of the whole model.
        path: "" is the model itself.
        failed: the op in which the forward stopped (``TraceError.failed``).
        modules: whether child modules become one box each.
        most: how many boxes there may be before equal modules that follow each other are folded into one. Where that
            leaves more than 60, so is what a forward does itself between two child modules.

    Raises:
        TraceError: there is no such module, or it did not run.

    Example:
        >>> from course_lib.tracing import trace
        >>> graph = build_graph(trace("resnet18"), "layer1.0")
        >>> [node.rows[0].title for node in graph.nodes][:3], graph.edges[0].label
        (['input', '3×3 conv', 'BatchNorm'], '1×64×56×56')
    """
    ops, depth = _scope(trace, path)
    if failed is not None and path and failed.path != path and not failed.path.startswith(f"{path}."):
        failed = None
    parts = _collapsed(trace, ops, depth) if modules else [_Part((op,)) for op in ops]
    if most is not None:
        parts = _folded(parts, most)
    home = {op.index: number for number, part in enumerate(parts) for op in part.ops}
    uses = [(source, operand, number) for number, part in enumerate(parts)
            for source, operand in _taken(part) if home.get(source) != number]  # fmt: skip
    if failed is not None:
        uses += [(source, operand, len(parts)) for source, operand in _taken(_Part((failed,)))]
    outside = list(dict.fromkeys(source for source, _, _ in uses if source not in home))
    empty = not ops and failed is None
    if empty:
        outside = [-1]
    first = len(outside)
    keys = {source: key for key, source in enumerate(outside)} | {index: first + part for index, part in home.items()}
    nodes = [_input(key, trace, source, first) for key, source in enumerate(outside)]
    nodes += [_node(first + number, part, path, trace) for number, part in enumerate(parts)]
    if failed is not None:
        nodes.append(replace(_node(len(nodes), _Part((failed,)), path, trace), failed=True))
    edges: dict[tuple[int, int], Edge] = {}
    for source, operand, number in uses:
        _join(edges, keys[source], first + number, operand.shape, operand.argument, number == len(parts))
    for op in () if failed is not None else _outputs(trace, ops):
        nodes.append(end(len(nodes), "output"))
        _join(edges, keys[op.index], len(nodes) - 1, op.output)
    if empty:
        nodes.append(end(1, "output"))
        _join(edges, 0, 1, trace.outputs[0] if trace.outputs else trace.sizes[0])
    return Graph(tuple(nodes), tuple(edges.values()))


def _taken(part: _Part) -> list[tuple[int, Operand]]:
    """(source, operand) of what goes into a part; several ops take a tensor once, however often it is used inside."""
    taken = [(operand.source, operand) for op in part.ops for operand in op.operands if operand.source is not None]
    if len(part.ops) == 1 and not part.calls:
        return taken
    once: dict[tuple[int, Shape], tuple[int, Operand]] = {}
    for source, operand in taken:
        once.setdefault((source, operand.shape), (source, operand))
    return list(once.values())


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
    """One part for each call at that depth; a call that holds more than half of all ops is opened again."""
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
        loose = len(biggest.ops) - sum(child.end - child.first for child in inner)
        if len(parts) - 1 + len(inner) + loose > _MOST_PARTS:
            return parts
        chosen = [other for other in chosen if other is not call] + inner


def _outermost(calls: Sequence[Call], ops: Sequence[Op], depth: int) -> list[Call]:
    """The calls that hold only these ops, are at least that deep, and lie in no other such call."""
    first, end = (ops[0].index, ops[-1].index + 1) if ops else (0, 0)
    inside = [call for call in calls if first <= call.first < call.end <= end and call.depth >= depth]
    outermost: list[Call] = []
    for call in sorted(inside, key=lambda call: (call.first, -call.end, call.depth)):
        if not outermost or call.first >= outermost[-1].end:
            outermost.append(call)
    return outermost


_MOST_PARTS = 24
_MANY_PARTS = 60  # more do not fit a page
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
        whole = _Part(tuple(op for part in inside for op in part.ops), tuple(part.calls[0] for part in inside))
        parts = [*parts[:first], whole, *parts[end:]]
    return parts if len(parts) <= _MANY_PARTS else _gathered(parts)


def _gathered(parts: list[_Part]) -> list[_Part]:
    """What a forward does itself, between two of its child modules, as one part."""
    gathered: list[_Part] = []
    for part in parts:
        loose = gathered and not part.calls and not gathered[-1].calls
        if loose and part.ops[0].path == gathered[-1].ops[0].path:
            gathered[-1] = _Part(gathered[-1].ops + part.ops)
        else:
            gathered.append(part)
    return gathered


def _node(key: int, part: _Part, path: str, trace: Trace) -> Node:
    if part.calls:
        return Node(key, "module", (_module(part, path, trace),), part.ops)
    op = part.ops[0]
    if len(part.ops) > 1:
        about = f"{op.plain} … {part.ops[-1].plain}"
        return Node(key, "module", (Row(f"{len(part.ops):,} ops", note=about, family="module"),), part.ops)
    words = row(op, _below(op.path if op.plain == "multi_head_attention_forward" else op.name, path))
    if op.plain in SIGNS and len(set(op.sources)) > 1:
        return Node(key, "join", (replace(words, title=SIGNS[op.plain], how="", note=""),), part.ops)
    return Node(key, "ops", (words,), part.ops)


def _module(part: _Part, path: str, trace: Trace) -> Row:
    call, parameters = part.calls[0], sum(op.parameters for op in part.ops)
    name = _below(call.path, path)
    if len(part.calls) > 1:
        title = f"{name} … {_below(part.calls[-1].path, path)}"
        note = f"{len(part.calls)} × {call.kind}, {len(part.ops)} ops"
        return Row(title, note=note, parameters=parameters, family="module")
    inner = _outermost(trace.calls, part.ops, call.depth + 1)
    kinds = [child.kind for child in inner if child.depth == call.depth + 1]
    same = f"{len(kinds)} × {kinds[0]}, " if len(set(kinds)) == 1 < len(kinds) else ""
    return Row(name, name=call.kind, note=f"{same}{len(part.ops)} ops", parameters=parameters, family="module")


def _below(name: str, path: str) -> str:
    return name[len(path) + 1 :] if path and name.startswith(f"{path}.") else name


def _input(key: int, trace: Trace, source: int, count: int) -> Node:
    if source >= 0:
        return end(key, "input", origin=trace.ops[source].name)
    return end(key, "input", f"input {-source}" if count > 1 and len(trace.sizes) > 1 else "")


def _outputs(trace: Trace, ops: Sequence[Op]) -> list[Op]:
    """The ops whose output leaves the module: it is used elsewhere, or the model returns it."""
    inside = {op.index for op in ops}
    used = {source for op in trace.ops if op.index not in inside for source in op.sources}
    leaving = [op for op in ops if op.index in used]
    if not leaving and ops:
        read = {source for op in ops for source in op.sources}
        leaving = [op for op in ops if op.index not in read and op.output in trace.outputs] or [ops[-1]]
    return leaving


def fused(graph: Graph) -> Graph:
    """Norms, activations and dropouts in the box of the op that feeds them, where nothing else takes its output.

    Example:
        >>> from course_lib.tracing import trace
        >>> compact = fused(build_graph(trace("resnet18"), "layer1.0"))
        >>> [row.title for row in compact.nodes[1].rows]
        ['3×3 conv', 'BatchNorm', 'ReLU']
    """
    into: dict[int, list[Edge]] = {}
    out: dict[int, list[Edge]] = {}
    for edge in graph.edges:
        into.setdefault(edge.target, []).append(edge)
        out.setdefault(edge.source, []).append(edge)
    host: dict[int, int] = {}
    members: dict[int, list[Node]] = {}
    for node in graph.nodes:
        host[node.key] = node.key
        small = node.kind == "ops" and (
            node.rows[0].family in ("norm", "activation") or (bool(node.ops) and node.ops[0].plain == "dropout")
        )
        if small and not node.failed and len(into.get(node.key, ())) == 1:
            above = into[node.key][0].source
            if len(out[above]) == 1 and graph.nodes[above].kind == "ops":
                host[node.key] = host[above]
        members.setdefault(host[node.key], []).append(node)
    keys = {old: new for new, old in enumerate(members)}
    nodes = tuple(
        replace(group[0], key=keys[old], rows=tuple(row for node in group for row in node.rows),
                ops=tuple(op for node in group for op in node.ops))
        for old, group in members.items()
    )  # fmt: skip
    edges = tuple(
        replace(edge, source=keys[host[edge.source]], target=keys[host[edge.target]])
        for edge in graph.edges
        if host[edge.source] != host[edge.target]
    )
    return Graph(nodes, edges)
