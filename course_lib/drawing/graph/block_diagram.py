"""``block``: the graph inside any module as a picture, with every op, shape and shortcut."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args

from torch import nn

from course_lib.drawing.graph.module_graph import build_graph, fused
from course_lib.drawing.graph.render import Plan, Way, a_or_an, fitted, paint
from course_lib.drawing.graph.series_parallel import structure_of, with_shortcuts
from course_lib.drawing.still import Still
from course_lib.errors import CourseError
from course_lib.tracing.ops import Op, Shared
from course_lib.tracing.records import Operand
from course_lib.tracing.result import Trace, TraceError
from course_lib.tracing.tracer import trace

__all__ = ["block", "plan"]

Detail = Literal["auto", "ops", "compact", "modules"]
_MOST_OPS = 60  # more than these are never readable one by one
_MOST_BOXES = 1000  # more than these are neither laid out in seconds nor drawn: the picture would be a wall high
#: Detail, how many boxes there may be before equal modules are folded, how many columns, and how tall these may be in
#: CSS pixels; from the fullest to the sparsest.
_WAYS = (
    ("ops", None, 1, 640.0), ("compact", None, 1, 700.0), ("ops", None, 2, 640.0), ("compact", None, 3, 640.0),
    ("modules", None, 1, 640.0), ("modules", None, 3, 640.0), ("modules", 24, 3, 640.0), ("modules", 10, 1, 640.0),
)  # fmt: skip


def block(
    what: nn.Module | str | Trace,
    input_size: Any = None,
    *,
    path: str = "",
    title: str | None = None,
    width: float = 8.6,
    detail: Detail = "auto",
) -> Still:
    """Draw what happens inside a module: every op is a box, every tensor a line with its shape.

    Args:
        what: a module, a name from torchvision's registry, or a trace.
        input_size: as ``trace`` takes it; (3, 224, 224) when left out.
        path: the module inside that is drawn, such as "layer2.0"; "" is the whole.
        title: above the picture; the path and the class when left out.
        width: the most it may take, in hundreds of CSS pixels.
        detail: "ops": a box for every op; "compact": norms and activations in the box of the op they follow; "modules":
            a box for every child module, and equal ones folded where there are many, as are the many ops of a forward
            that unrolls a loop; "auto": the first of these that fits the page.

    Returns:
        A picture. Where the forward fails, the ops that ran are drawn, and the op that could not run in red with the
        reason.

    Raises:
        TraceError: nothing ran at all, or there is no such module.
        CourseError: an unknown ``detail``, sizes given for a trace, which has its own, or more than a thousand boxes.

    Example:
        >>> block("resnet18", path="layer1.0")
        layer1.0 of resnet18, a BasicBlock: 7 ops, 73,984 parameters, 1×64×56×56 → 1×64×56×56. ...
    """
    if detail not in get_args(Detail):
        raise CourseError(f"detail={detail!r}: choose one of {', '.join(map(repr, get_args(Detail)))}.")
    traced, failed, reason = _traced(what, input_size)
    if failed is not None and path and failed.path != path and not failed.path.startswith(f"{path}."):
        failed, reason = None, ""
    chosen = plan(traced, path, failed=failed, detail=detail, width=100 * width)
    if title is None:
        kind = dict(traced.modules).get(path, traced.name)
        title = f"{path} of {traced.name}, {a_or_an(kind)}" if path else traced.name
    ops = [op for node in chosen.graph.nodes if not node.failed for op in node.ops]
    parameters, macs = sum(op.parameters for op in ops), sum(op.macs for op in ops)
    facts = f"{len(ops):,} ops · {parameters:,} parameters · {macs:,} multiply-adds"
    alt = f"{title}: {len(ops):,} ops, {parameters:,} parameters"
    return paint(chosen, title, facts, alt, reason=reason, width=100 * width)


def _traced(what: Any, input_size: Any) -> tuple[Trace, Op | None, str]:
    """The trace; and where the forward failed, the op that could not run and the reason."""
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


def _stop(error: TraceError, traced: Trace) -> Op:
    """An op that stands for the place where a forward stopped with a Python error; it takes the last op's output."""
    last, path = traced.ops[-1], error.where or ""
    kind = dict(traced.modules).get(path, traced.name)
    taken = (Operand("input", last.output, last.index),)
    name = f"{path}.stopped".lstrip(".")
    return Op(len(traced.ops), name, "stopped here", path, kind, taken, (), (), (), "", 0, Shared())


def plan(
    traced: Trace, path: str = "", *, failed: Op | None = None, detail: Detail = "auto", width: float = 860.0
) -> Plan:
    """The graph, layout and lettering of ``block``; ``failed`` is the op in which the forward stopped."""

    def ways() -> Iterator[Way]:
        drawn = False
        many = detail == "auto" and len(build_graph(traced, path, failed=failed).nodes) > _MOST_OPS
        for wanted, most, columns, tallest in _WAYS:
            if detail in ("auto", wanted) and not (many and wanted != "modules"):
                graph = build_graph(traced, path, failed=failed, modules=wanted == "modules", most=most)
                graph = graph if wanted == "ops" else fused(graph)
                if len(graph.nodes) > _MOST_BOXES:
                    continue
                drawn = True
                structure = structure_of(graph)
                yield Way(with_shortcuts(graph, structure), structure, columns, tallest)
        if not drawn:
            part = next((child for child, _ in traced.modules if child and "." not in child), "")
            advice = f"; draw a part of it, such as path={part!r}" if part and not path else ""
            raise CourseError(
                f"{path or traced.name} has more than {_MOST_BOXES:,} boxes, too many for one picture{advice}. "
                "The trace's tables hold all of them."
            )

    return fitted(ways(), width)
