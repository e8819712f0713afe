"""``block``: the inner graph of any module as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from torch import nn

from course_lib.drawing.graph.graph import Edge, Graph, Node, fused, graph
from course_lib.drawing.graph.layout import Layout, lay_out
from course_lib.drawing.graph.lettering import LETTERINGS, Lettering
from course_lib.drawing.graph.paint import paint
from course_lib.drawing.graph.series import take_apart
from course_lib.drawing.graph.shortcuts import with_shortcuts
from course_lib.drawing.still import Still
from course_lib.errors import CourseError
from course_lib.tracing import Op, Trace, TraceError, trace
from course_lib.tracing.ops import Operand, Shared

__all__ = ["block", "plan"]

Detail = Literal["auto", "ops", "compact", "modules"]


def block(
    what: nn.Module | str | Trace,
    input_size: Any = None,
    *,
    path: str = "",
    title: str | None = None,
    width: float = 8.6,
    detail: Detail = "auto",
) -> Still:
    """Draw what happens inside a module: every op a box, every tensor a line with its shape.

    Args:
        what: a module, a name from torchvision's registry, or a trace.
        input_size: as ``trace`` takes it; (3, 224, 224) when left out.
        path: the module inside that is drawn, such as "layer2.0"; "" is the whole.
        title: above the picture; the path and the class when left out.
        width: the most it may take, in hundreds of CSS pixels.
        detail: "ops": a box for every op; "compact": norms and activations right under the op they follow; "modules":
            a box for every child module; "auto": the first of these that fits the page.

    Returns:
        A picture. Where the forward fails, what ran is drawn, and the op that could not run in red with the reason.

    Raises:
        TraceError: nothing ran at all, or there is no such module.
        CourseError: an unknown ``detail``, or sizes given for a trace, which has its own.

    Example:
        >>> block("resnet18", path="layer1.0")
        layer1.0 of resnet18, a BasicBlock: 7 ops, 73,984 parameters, 1×64×56×56 → 1×64×56×56. ...
    """
    if detail not in _DETAILS:
        raise CourseError(f"detail={detail!r}: choose one of {', '.join(map(repr, _DETAILS))}.")
    found, failed, reason = _traced(what, input_size)
    if failed is not None and path and failed.path != path and not failed.path.startswith(f"{path}."):
        failed, reason = None, ""
    whole = graph(found, path, failed=failed)
    drawn, layout, lettering = plan(found, path, failed=failed, detail=detail, width=100 * width)
    return paint(drawn, layout, lettering, _title(found, path, title), _facts(whole), reason, 100 * width)


_DETAILS = ("auto", "ops", "compact", "modules")


def _traced(what: Any, input_size: Any) -> tuple[Trace, Op | None, str]:
    if isinstance(what, Trace):
        if input_size is not None:
            raise CourseError(f"input_size={input_size!r}: a trace has its own sizes; leave this one out.")
        return what, None, ""
    try:
        return trace(what, (3, 224, 224) if input_size is None else input_size), None, ""
    except TraceError as error:
        if error.trace is None or (not error.trace.ops and error.failed is None):
            raise
        return error.trace, error.failed or _stop(error, error.trace), error.reason


def _stop(error: TraceError, found: Trace) -> Op:
    """Where a forward stopped with an error of Python's, drawn as an op that took what the last one gave."""
    last, path = found.ops[-1], error.where or ""
    kind = dict(found.modules).get(path, found.name)
    came = (Operand("input", last.output, last.index),)
    name = f"{path}.stopped".lstrip(".")
    return Op(len(found.ops), name, "stopped here", path, kind, came, (), (), (), "", 0, Shared())


def plan(
    found: Trace, path: str = "", *, failed: Op | None = None, detail: Detail = "auto", width: float = 860.0
) -> tuple[Graph, Layout, Lettering]:
    """What is drawn, where, and how it is lettered: the first way that fits the page, or the one that comes nearest."""
    best: tuple[float, Graph, Layout, Lettering] | None = None
    count = len(graph(found, path, failed=failed).nodes)
    for wanted, most, columns, tallest in _WAYS:
        if detail not in ("auto", wanted) or (detail == "auto" and wanted != "modules" and count > _MOST_OPS):
            continue
        seen = graph(found, path, failed=failed, modules=wanted == "modules", most=most)
        seen = seen if wanted == "ops" else fused(seen)
        structure = take_apart(len(seen.nodes), [(edge.source, edge.target) for edge in seen.edges])
        seen = with_shortcuts(seen, structure)
        for lettering in LETTERINGS:
            sizes = {node.key: lettering.size(node) for node in seen.nodes}
            labels = {edge: lettering.label(edge) for edge in seen.edges}
            layout = lay_out(seen, structure, sizes, labels, tallest=tallest, widest=width - 16, columns=columns)
            wide, tall = max(layout.width / (width - 16), 1), max(layout.height / tallest, 1)
            over = wide**4 * tall  # the page has an end on the right, and none below
            if best is None or over < best[0] - 0.01:
                best = over, seen, layout, lettering
            if over == 1 or (wide == 1 and columns == 1):  # narrower letters alone do not make it less tall
                break
        if best is not None and best[0] == 1:
            break
    if best is None:  # pragma: no cover - every detail has its ways
        raise CourseError(f"detail={detail!r} is not known.")
    return best[1:]


_MOST_OPS = 60  # more are never readable
#: What is drawn, how many boxes there may be before equal modules are folded, in how many columns at most, and how tall
#: it may be; from the fullest to the sparsest.
_WAYS = (
    ("ops", None, 1, 640.0), ("compact", None, 1, 700.0), ("ops", None, 2, 640.0), ("compact", None, 3, 640.0),
    ("modules", None, 1, 640.0), ("modules", None, 3, 640.0), ("modules", 24, 3, 640.0), ("modules", 10, 1, 640.0),
)  # fmt: skip


def _title(found: Trace, path: str, title: str | None) -> str:
    if title is not None:
        return title
    kind = dict(found.modules).get(path, found.name)
    if not path:
        return found.name
    return f"{path} of {found.name}, {'an' if kind.lstrip('_')[:1] in 'AEIOU' else 'a'} {kind}"


def _facts(whole: Graph) -> Mapping[str, Any]:
    ops = [op for node in whole.nodes for op in node.ops if not node.failed]
    return {
        "ops": len(ops),
        "parameters": sum(op.parameters for op in ops),
        "macs": sum(op.macs for op in ops),
        "inputs": [_label(whole, node, True) for node in whole.nodes if node.kind == "input"],
        "outputs": [_label(whole, node, False) for node in whole.nodes if node.kind == "output"],
    }


def _label(whole: Graph, node: Node, out: bool) -> str:
    edges: list[Edge] = [edge for edge in whole.edges if node.key == (edge.source if out else edge.target)]
    return edges[0].label if edges else ""
