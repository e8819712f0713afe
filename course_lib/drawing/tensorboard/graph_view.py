"""TensorBoard's graph of a model in a notebook: drawn from the event file, and TensorBoard's own page on request.

TensorBoard opens a box on a double click; a picture cannot, so ``path`` says which module is drawn, and a module whose
children simply follow each other is drawn open where there is room. Weights, constants and the arithmetic of sizes are
left out, as TensorBoard draws them small. Everything comes from the file; the model itself is not needed.

TensorBoard's page needs a server. A notebook that a program runs (nbval, nbclient, nbconvert) gets none: nobody could
look at it, and it would stay behind. Such programs tell the kernel that nobody will answer a question
(``allow_stdin``); JupyterLab, VS Code and Colab tell it that somebody will. Servers started here end with the kernel.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from course_lib.drawing.graph import module_graph
from course_lib.drawing.graph.module_graph import Edge, Graph, end
from course_lib.drawing.graph.op_names import SIGNS, Row
from course_lib.drawing.graph.render import Way, a_or_an, fitted, paint
from course_lib.drawing.graph.series_parallel import structure_of
from course_lib.drawing.still import Still
from course_lib.drawing.tensorboard.event_files import Node, needed, read_graph
from course_lib.errors import CourseError, closest

__all__ = ["draw_graph", "open_tensorboard", "show_graph", "somebody_is_there", "stop_tensorboard"]

_MOST_ROWS = 34  # of an open box
_MOST_PARTS = 80  # of a picture
_ENOUGH = 1.35  # a graph may be this much too tall before a sparser way is tried
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
    """Ops that ran one after another in the same child module, or one op of the drawn module itself.

    Attributes:
        kind: the child's class, or the op.
        name: the child's name; "" for an op.
        nodes: the ops.
        depth: how many modules it lies inside.
    """

    kind: str
    name: str
    nodes: tuple[Node, ...]
    depth: int

    @property
    def last(self) -> Node:
        return self.nodes[-1]

    @property
    def is_leaf(self) -> bool:
        """Whether it is a single op that lies in no further module."""
        return len(self.nodes) == 1 and len(self.last.scopes) == self.depth


def show_graph(folder: str | Path, *, path: str = "", title: str = "", live: bool = False) -> Still:
    """Show the newest graph in a folder of event files, as a picture and on request in TensorBoard itself.

    Args:
        folder: what ``write_graph`` was given.
        path: of the module whose inside is drawn, such as ``"layer2.0"``; "" is the whole model.
        title: above the picture.
        live: whether to open TensorBoard itself above the picture too, in JupyterLab, VS Code or Colab. A notebook that
            a program runs, and Python outside notebooks, get the picture alone, so that no server stays behind.

    Returns:
        A picture drawn from the event file; it stays in a saved notebook, where TensorBoard's page would be dead.

    Raises:
        CourseError: TensorBoard is not installed, there is no graph in the folder, or no such module in the graph.

    Example:
        >>> import tempfile
        >>> from course_lib.drawing import write_graph
        >>> from torchvision.models import squeezenet1_1
        >>> folder = tempfile.mkdtemp()
        >>> file = write_graph(squeezenet1_1(), (3, 64, 64), folder)
        >>> show_graph(folder, path="features.3")
        features.3 of SqueezeNet, a Fire: 7 ops here; ...
    """
    picture = draw_graph(read_graph(folder), path, title=title)
    if live and somebody_is_there():
        open_tensorboard(folder if Path(folder).expanduser().is_dir() else Path(folder).parent)
    return picture


def draw_graph(nodes: Sequence[Node], path: str = "", *, title: str = "") -> Still:
    """Draw the inside of a module as the event file has it.

    Args:
        nodes: what ``read_graph`` gave.
        path: of the module, such as ``"layer2.0"``; "" is the whole model.
        title: above the picture; the class and the path when left out.

    Raises:
        CourseError: there is no such module in the file, or it has more parts than a picture can hold.
    """
    ops = [node for node in nodes if _is_op(node)]
    inside = [node for node in ops if node.path == path or not path or node.path.startswith(f"{path}.")]
    if not inside:
        known = sorted(
            {".".join(node.path.split(".")[: k + 1]) for node in ops for k in range(node.path.count(".") + 1)}
        )
        raise CourseError(f"The event file has no module {path!r}.{closest(path, known)}")
    depth = path.count(".") + 2 if path else 1
    units = _units(inside, depth)
    if len(units) > _MOST_PARTS:
        inner = next((unit.nodes[0].path for unit in units if unit.name), "")
        raise CourseError(
            f"{path or 'The model'} has {len(units)} parts, too many for a picture: give the path of one of its modules"
            f"{f', such as {inner!r}' if inner else ''}."
        )
    root = inside[0].scopes[0][0]
    kind = next((node.scopes[depth - 1][0] for node in inside if len(node.scopes) >= depth), root)
    title = title or (f"{path} of {root}, {a_or_an(kind)}" if path else root)
    facts = f"{len(inside)} ops here; the event file has {len(nodes)} nodes, weights and constants among them"
    return paint(fitted(_ways(nodes, ops, units), enough=_ENOUGH), title, facts, f"{title}: {facts}")


def _is_op(node: Node) -> bool:
    space, _, name = node.op.partition("::")
    return space not in ("prim", "IO Node") and bool(name) and bool(node.shape or name not in _SCALARS)


def _units(nodes: Sequence[Node], depth: int) -> list[_Unit]:
    """The ops in runs of one child module each; ops of the module itself one by one."""

    def child(node: Node) -> str:
        return node.scopes[depth][1] if len(node.scopes) > depth else f" {node.name}"

    units = []
    for name, group in itertools.groupby(nodes, child):
        run = tuple(group)
        if name.startswith(" "):
            units.append(_Unit(_op(run[0]), "", run, depth))
        else:
            units.append(_Unit(run[0].scopes[depth][0], name, run, depth + 1))
    return units


def _op(node: Node) -> str:
    """The op without its namespace: "relu" of "aten::relu"."""
    return node.op.partition("::")[2]


# -- boxess ------------------------------------------------------------------------------------------------------------
def _ways(nodes: Sequence[Node], ops: Sequence[Node], units: Sequence[_Unit]) -> Iterator[Way]:
    """From the fullest to the sparsest: simple modules open or closed, in one column or more."""
    for is_open in (True, False):
        graph = _graph(nodes, ops, units, is_open)
        structure = structure_of(graph)
        yield from (Way(graph, structure, columns) for columns in (1, 3))


def _graph(nodes: Sequence[Node], ops: Sequence[Node], units: Sequence[_Unit], is_open: bool) -> Graph:
    """Units as boxes, what comes from outside and what goes there as ends, and the tensors between them."""
    by_name = {node.name: node for node in nodes}
    names = {node.name for node in ops}
    home = {node.name: number for number, unit in enumerate(units) for node in unit.nodes}
    uses = [(source, number) for number, unit in enumerate(units) for node in unit.nodes
            for source in _sources(node, by_name, names) if home.get(source) != number]  # fmt: skip
    outside = {source: None for source, _ in uses if source not in home}
    keys = {source: key for key, source in enumerate(outside)}
    keys |= {name: number + len(outside) for name, number in home.items()}
    boxes = [end(key, "input", origin=_origin(by_name[source])) for key, source in enumerate(outside)]
    boxes += [_box(key, unit, is_open, by_name, names) for key, unit in enumerate(units, len(outside))]
    lines: dict[tuple[int, int], dict[str, None]] = {}
    for source, number in uses:
        lines.setdefault((keys[source], number + len(outside)), {})[source] = None
    takers = [node for node in nodes if node.name not in home and (node.name in names or node.op == "IO Node")]
    leaving = [name for node in takers for name in _sources(node, by_name, names) if name in home]
    for name in dict.fromkeys(leaving) or (units[-1].last.name,):
        lines.setdefault((keys[name], len(boxes)), {})[name] = None
        boxes.append(end(len(boxes), "output"))
    edges = [
        Edge(source, target, tuple(by_name[name].shape for name in tensors if by_name[name].shape))
        for (source, target), tensors in lines.items()
    ]
    return Graph(tuple(boxes), tuple(sorted(edges, key=lambda edge: (edge.target, edge.source))))


def _sources(node: Node, by_name: dict[str, Node], ops: set[str]) -> list[str]:
    """The ops and inputs of the model that a node's tensors come from, through lists and tuples."""
    sources: dict[str, None] = {}
    waiting = [name for name in node.inputs if name in by_name]
    while waiting:
        name = waiting.pop(0)
        source = by_name[name]
        if name in ops or (source.op == "IO Node" and not source.inputs):
            sources[name] = None
        elif source.op.startswith("prim::"):
            waiting += [inner for inner in source.inputs if inner in by_name]
    return list(sources)


def _origin(node: Node) -> str:
    """The module or op that a tensor from outside comes from; "" for an input of the model."""
    return "" if node.op == "IO Node" else node.path or _op(node)


def _box(key: int, unit: _Unit, is_open: bool, by_name: dict[str, Node], ops: set[str]) -> module_graph.Node:
    op = _op(unit.last)
    if not unit.name:
        sign = SIGNS.get(op.rstrip("_"))
        if sign and len(_sources(unit.last, by_name, ops)) > 1:
            return module_graph.Node(key, "join", (Row(sign, name=op),))
        return module_graph.Node(key, "ops", (Row(op, family=_family(op)),))
    if unit.is_leaf:
        return module_graph.Node(key, "ops", (_row(unit),))
    children = _units(unit.nodes, unit.depth)
    head = _module_row(unit)
    chain = all(_follows(before, after, by_name, ops) for before, after in itertools.pairwise(children))
    if is_open and chain and 1 < len(children) <= _MOST_ROWS:
        return module_graph.Node(key, "ops", (head, *(_row(child) for child in children)))
    return module_graph.Node(key, "module", (head,))


def _follows(before: _Unit, after: _Unit, by_name: dict[str, Node], ops: set[str]) -> bool:
    """Whether everything that goes into ``after`` comes out of ``before`` or is its own."""
    own = {node.name for node in (*before.nodes, *after.nodes)}
    return all(name in own for node in after.nodes for name in _sources(node, by_name, ops))


def _row(unit: _Unit) -> Row:
    if not unit.is_leaf:
        return _module_row(unit)
    family = _family(_op(unit.last))
    shape = "×".join(map(str, unit.last.shape)) if family == "weight" else ""
    return Row(unit.kind, name=unit.name, note=shape and f"→ {shape}", family=family)


def _module_row(unit: _Unit) -> Row:
    return Row(unit.kind, name=unit.name, note=f"{len(unit.nodes)} ops", family="module")


def _family(op: str) -> str:
    return next((family for family, words in _FAMILIES.items() if any(word in op for word in words)), "other")


# -- TensorBoard's own page ------------------------------------------------------------------------------------------
_started: set[int] = set()  # process ids


def somebody_is_there() -> bool:
    """Whether this is a notebook in front of a person, not one that a program runs.

    Example:
        >>> somebody_is_there()  # a doctest isn't a notebook
        False
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    kernel = getattr(shell, "kernel", None)
    return kernel is not None and bool(getattr(kernel, "_allow_stdin", True))


def open_tensorboard(folder: str | Path) -> None:
    """Start TensorBoard on a folder (or find the one that runs there already) and show its page under the cell.

    It answers on a port of this machine, as ``%tensorboard`` does; on a JupyterHub the page comes through
    jupyter-server-proxy, where the hub has it.

    Raises:
        CourseError: TensorBoard is not installed, or this isn't a notebook in front of a person.
    """
    if not somebody_is_there():
        raise CourseError(
            f"There is no notebook to show TensorBoard in: run `tensorboard --logdir {shlex.quote(str(folder))}` in a "
            "terminal and open the address that it prints."
        )
    notebook, manager = needed("tensorboard.notebook"), needed("tensorboard.manager")
    before = {server.pid for server in manager.get_all()}
    with _environment():
        notebook.start(f"--logdir {shlex.quote(str(Path(folder).expanduser().resolve()))}")
    if not _started:
        atexit.register(stop_tensorboard)
    _started.update({server.pid for server in manager.get_all()} - before)


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """Environment variables for the program and the page; what the learner has set stays as it is."""
    wanted = {}
    beside = Path(sys.executable).parent / ("tensorboard.exe" if os.name == "nt" else "tensorboard")
    if beside.is_file():  # Jupyter is often started without its environment being on the PATH
        wanted["TENSORBOARD_BINARY"] = str(beside)
    hub = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
    if hub:
        wanted["TENSORBOARD_PROXY_URL"] = f"{hub.rstrip('/')}/proxy/%PORT%/"
    added = [name for name in wanted if name not in os.environ]
    os.environ.update({name: wanted[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def stop_tensorboard() -> int:
    """End the servers that this kernel started, and return how many there were."""
    ended = 0
    for pid in tuple(_started):
        _started.discard(pid)
        with contextlib.suppress(OSError):  # it has ended already
            os.kill(pid, signal.SIGTERM)
            ended += 1
    return ended
