"""A graph from an event file as a picture: modules as boxes that can be opened, as in TensorBoard.

TensorBoard opens a box on a double click; a picture cannot, so ``path`` says which module is drawn, and a module whose
children simply follow each other is drawn open where there is room. Weights, constants and the arithmetic of sizes are
left out, as TensorBoard draws them small. Everything comes from the file; the model itself is not needed.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from course_lib.drawing.graph.graph import Edge, Graph
from course_lib.drawing.graph.graph import Node as Box
from course_lib.drawing.graph.layout import Layout, lay_out
from course_lib.drawing.graph.lettering import LETTERINGS, Lettering
from course_lib.drawing.graph.op_names import SIGNS, Row
from course_lib.drawing.graph.paint import paint
from course_lib.drawing.graph.series import take_apart
from course_lib.drawing.still import Still
from course_lib.drawing.tensorboard.event_files import Node
from course_lib.errors import CourseError, closest

__all__ = ["draw_graph"]

_WIDTH = 860.0  # CSS pixels
_TALLEST = 640.0  # of a column
_ROWS = 34  # more of them are not listed in an open box
_MOST = 80  # boxes in a picture
#: Arithmetic of sizes where the file has no shape for it.
_SCALARS = {"size", "Int", "numel", "floor_divide", "mul", "add", "sub", "rsub", "remainder", "neg", "ceil", "div"}
_FAMILIES = {
    "weight": ("conv", "linear", "addmm", "matmul", "attention", "embedding"),
    "norm": ("norm",),
    "activation": ("relu", "gelu", "silu", "sigmoid", "tanh", "hard", "softmax", "mish", "elu"),
    "pool": ("pool", "mean"),
    "reshape": ("flatten", "view", "reshape", "permute", "transpose", "slice", "select", "expand", "chunk", "roll"),
}


@dataclass(frozen=True)
class _Unit:
    """Ops that ran one after another in the same module, or one op that belongs to the drawn module itself."""

    kind: str
    name: str
    nodes: tuple[Node, ...]
    deep: int  # how many modules it lies inside

    @property
    def last(self) -> Node:
        return self.nodes[-1]


def draw_graph(nodes: Sequence[Node], path: str = "", *, title: str = "") -> Still:
    """Draw the inside of a module as the event file has it.

    Args:
        nodes: what ``read_graph`` gave.
        path: of the module, such as ``"layer2.0"``; "" is the whole model.
        title: above the picture; the class and the path when left out.

    Raises:
        CourseError: there is no such module in the file, or it has more parts than a picture can hold.
    """
    kept = [node for node in nodes if _is_op(node)]
    inside = [node for node in kept if node.path == path or not path or node.path.startswith(f"{path}.")]
    if not inside:
        known = sorted(
            {".".join(node.path.split(".")[: k + 1]) for node in kept for k in range(node.path.count(".") + 1)}
        )
        raise CourseError(f"The event file has no module {path!r}.{closest(path, known)}")
    deep = path.count(".") + 2 if path else 1
    units = _units(inside, deep)
    if len(units) > _MOST:
        inner = next((unit.nodes[0].path for unit in units if unit.name), "")
        raise CourseError(
            f"{path or 'The model'} has {len(units)} parts, too many for a picture: give the path of one of its modules"
            f"{f', such as {inner!r}' if inner else ''}."
        )
    root = inside[0].scopes[0][0]
    kind = next((node.scopes[deep - 1][0] for node in inside if len(node.scopes) >= deep), root)
    drawn, lettering, layout = _planned(nodes, kept, units)
    title = title or (f"{path} of {root}, {'an' if kind[:1] in 'AEIOU' else 'a'} {kind}" if path else root)
    counted = f"{len(inside)} ops here; the event file has {len(nodes)} nodes, weights and constants among them"
    facts = {"counted": counted, "inputs": _ends(drawn, "input"), "outputs": _ends(drawn, "output")}
    return paint(drawn, layout, lettering, title, facts, "", _WIDTH)


def _is_op(node: Node) -> bool:
    space, _, name = node.op.partition("::")
    return space not in ("prim", "IO Node") and bool(name) and bool(node.shape or name not in _SCALARS)


def _units(nodes: Sequence[Node], deep: int) -> list[_Unit]:
    """The ops in runs of one child module each; ops of the module itself one by one."""

    def child(node: Node) -> str:
        scopes = node.scopes
        return scopes[deep][1] if len(scopes) > deep else f" {node.name}"

    found = []
    for name, group in itertools.groupby(nodes, child):
        run = tuple(group)
        module = not name.startswith(" ")
        kind = run[0].scopes[deep][0] if module else run[0].op.partition("::")[2]
        found.append(_Unit(kind, name if module else "", run, deep + module))
    return found


# -- boxes ------------------------------------------------------------------------------------------------------------
def _planned(nodes: Sequence[Node], kept: Sequence[Node], units: Sequence[_Unit]) -> tuple[Graph, Lettering, Layout]:
    """The fullest way to draw it that fits the page: with simple modules open, or closed."""
    best: tuple[float, Graph, Lettering, Layout] | None = None
    for is_open, columns in ((True, 1), (True, 3), (False, 1), (False, 3)):
        graph = _graph(nodes, kept, units, is_open)
        structure = take_apart(len(graph.nodes), [(edge.source, edge.target) for edge in graph.edges])
        for lettering in LETTERINGS:
            sizes = {box.key: lettering.size(box) for box in graph.nodes}
            labels = {edge: lettering.label(edge) for edge in graph.edges}
            layout = lay_out(graph, structure, sizes, labels, tallest=_TALLEST, widest=_WIDTH - 16, columns=columns)
            over = max(layout.width / (_WIDTH - 16), 1) ** 4 * max(layout.height / _TALLEST, 1)
            if best is None or over < best[0] - 0.01:
                best = over, graph, lettering, layout
            if over <= 1.35:
                return best[1:]
            if layout.width <= _WIDTH - 16:
                break
    if best is None:  # pragma: no cover - there are always ways
        raise CourseError("There is nothing to draw.")
    return best[1:]


def _graph(nodes: Sequence[Node], kept: Sequence[Node], units: Sequence[_Unit], is_open: bool) -> Graph:
    """Units as boxes, what comes from outside and what goes there as ends, and the tensors between them."""
    by_name = {node.name: node for node in nodes}
    home = {node.name: number for number, unit in enumerate(units) for node in unit.nodes}
    ops = {node.name for node in kept}
    outside: dict[str, int] = {}
    for unit in units:
        for node in unit.nodes:
            for source in _sources(node, by_name, ops):
                if source not in home:
                    outside.setdefault(source, len(outside))
    first = len(outside)
    lines: dict[tuple[int, int], dict[str, None]] = {}
    for number, unit in enumerate(units):
        for node in unit.nodes:
            for source in _sources(node, by_name, ops):
                begin = home[source] + first if source in home else outside[source]
                if begin != number + first:
                    lines.setdefault((begin, number + first), {})[source] = None
    boxes = [Box(key, "input", (_end("input", by_name[name]),)) for name, key in outside.items()]
    boxes += [_box(number + first, unit, is_open, by_name, ops) for number, unit in enumerate(units)]
    takers = [node for node in nodes if node.name not in home and (node.name in ops or node.op == "IO Node")]
    left = [name for node in takers for name in _sources(node, by_name, ops) if name in home]
    for name in dict.fromkeys(left) or (units[-1].last.name,):
        lines.setdefault((home[name] + first, len(boxes)), {})[name] = None
        boxes.append(Box(len(boxes), "output", (Row("output", "", "", "", 0, "other"),)))
    edges = [
        Edge(source, target, tuple(by_name[name].shape for name in names if by_name[name].shape))
        for (source, target), names in lines.items()
    ]
    return Graph(tuple(boxes), tuple(sorted(edges, key=lambda edge: (edge.target, edge.source))))


def _sources(node: Node, by_name: dict[str, Node], ops: set[str]) -> list[str]:
    """The ops and inputs of the model that a node's tensors come from, through lists and tuples."""
    found: dict[str, None] = {}
    waiting = [name for name in node.inputs if name in by_name]
    while waiting:
        name = waiting.pop(0)
        source = by_name[name]
        if name in ops or (source.op == "IO Node" and not source.inputs):
            found[name] = None
        elif source.op.startswith("prim::"):
            waiting += [one for one in source.inputs if one in by_name]
    return list(found)


def _end(word: str, node: Node) -> Row:
    return Row(word, "", "" if node.op == "IO Node" else node.path or node.op.partition("::")[2], "", 0, "other")


def _box(key: int, unit: _Unit, is_open: bool, by_name: dict[str, Node], ops: set[str]) -> Box:
    op = unit.last.op.partition("::")[2]
    if not unit.name:
        sign = SIGNS.get(op.rstrip("_"))
        if sign and len(_sources(unit.last, by_name, ops)) > 1:
            return Box(key, "join", (Row(sign, "", op, "", 0, "other"),))
        return Box(key, "ops", (Row(op, "", "", "", 0, _family(op)),))
    if len(unit.nodes) == 1 and len(unit.last.scopes) == unit.deep:
        return Box(key, "ops", (_row(unit),))
    children = _units(unit.nodes, unit.deep)
    head = Row(unit.kind, "", unit.name, f"{len(unit.nodes)} ops", 0, "module")
    chain = all(_follows(one, other, by_name, ops) for one, other in itertools.pairwise(children))
    if is_open and chain and 1 < len(children) <= _ROWS:
        return Box(key, "ops", (head, *(_row(child) for child in children)))
    return Box(key, "module", (head,))


def _follows(one: _Unit, other: _Unit, by_name: dict[str, Node], ops: set[str]) -> bool:
    """Whether all that goes into ``other`` comes out of ``one`` or is its own."""
    mine = {node.name for node in (*one.nodes, *other.nodes)}
    return all(name in mine for node in other.nodes for name in _sources(node, by_name, ops))


def _row(unit: _Unit) -> Row:
    op = unit.last.op.partition("::")[2]
    if len(unit.nodes) > 1 or len(unit.last.scopes) > unit.deep:
        return Row(unit.kind, "", unit.name, f"{len(unit.nodes)} ops", 0, "module")
    family = _family(op)
    shape = "×".join(map(str, unit.last.shape)) if family == "weight" else ""
    return Row(unit.kind, "", unit.name, shape and f"→ {shape}", 0, family)


def _family(op: str) -> str:
    return next((family for family, words in _FAMILIES.items() if any(word in op for word in words)), "other")


def _ends(graph: Graph, kind: str) -> list[str]:
    keys = {box.key for box in graph.nodes if box.kind == kind}
    return [edge.label for edge in graph.edges if (edge.source if kind == "input" else edge.target) in keys]
