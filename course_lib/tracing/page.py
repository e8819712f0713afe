"""A trace as a part of a web page: modules that open and close, built of ``<details>``, so no script is needed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from course_lib.tracing import show
from course_lib.tracing.ops import Op, times

if TYPE_CHECKING:
    from course_lib.tracing.result import Trace

__all__ = ["html"]

_STYLE = """<style>
.course-trace {font: 13px/1.5 system-ui, sans-serif; max-width: 100%; overflow-x: auto}
.course-trace details {margin-left: 1.1em}
.course-trace summary {cursor: pointer; white-space: nowrap}
.course-trace table {font: inherit; border-collapse: collapse; margin: 2px 0 4px 1.1em}
.course-trace th, .course-trace td {text-align: left; padding: 1px 10px 1px 0; white-space: nowrap; font-weight: normal}
.course-trace th {opacity: .65}
.course-trace td.n, .course-trace th.n {text-align: right}
</style>"""
_NUMBERS = {"parameters", "MACs", "sees"}
_HEADS = ("op", "kind", "output", "parameters", "MACs", "sees", "why")
_CELLS = (f'<th scope="col"{" class=n" if head in _NUMBERS else ""}>{head}</th>' for head in _HEADS)
_HEAD = f"<tr>{''.join(_CELLS)}</tr>"


@dataclass
class _Node:
    path: str
    parts: list[_Node | Op] = field(default_factory=list)

    def ops(self) -> list[Op]:
        return [op for part in self.parts for op in (part.ops() if isinstance(part, _Node) else [part])]


def html(trace: Trace, depth: int | None = None) -> str:
    """Modules down to ``depth`` levels are open at first (None: the first level); the deeper ones open at a click."""
    shown = 1 if depth is None else depth
    kinds = dict(trace.modules)
    body = "".join(_part(part, kinds, 1, shown) for part in _runs(_tree(trace.ops)))
    note = f"<p>{escape(trace.note)}</p>" if trace.note else ""
    root = f"<details{' open' if shown > 0 else ''}><summary>{escape(show.heading(trace))}</summary>{body}</details>"
    return f'{_STYLE}<div class="course-trace">{root}{note}<p>{escape(show.total(trace))}</p></div>'


def _tree(ops: tuple[Op, ...]) -> _Node:
    root = _Node("")
    open_nodes = [root]
    for op in ops:
        parts = op.path.split(".") if op.path else []
        if re.sub(r"_\d+$", "", op.name) == op.path or op.name == op.path:
            parts = parts[:-1]  # a module that is this one op needs no box of its own
        paths = [".".join(parts[: place + 1]) for place in range(len(parts))]
        same = 0
        while same < len(paths) and same + 1 < len(open_nodes) and open_nodes[same + 1].path == paths[same]:
            same += 1
        del open_nodes[same + 1 :]
        for path in paths[same:]:
            node = _Node(path)
            open_nodes[-1].parts.append(node)
            open_nodes.append(node)
        open_nodes[-1].parts.append(op)
    return root


def _runs(node: _Node) -> list[_Node | list[Op]]:
    answer: list[_Node | list[Op]] = []
    for part in node.parts:
        if isinstance(part, _Node):
            answer.append(part)
        elif answer and isinstance(answer[-1], list):
            answer[-1].append(part)
        else:
            answer.append([part])
    return answer


def _part(part: _Node | list[Op], kinds: dict[str, str], level: int, shown: int) -> str:
    if isinstance(part, list):
        return f"<table>{_HEAD}{''.join(_row(op) for op in part)}</table>"
    ops = part.ops()
    parameters, macs = sum(op.parameters for op in ops), sum(op.macs for op in ops)
    inside = "".join(_part(one, kinds, level + 1, shown) for one in _runs(part))
    text = f"<b>{escape(part.path)}</b> {escape(kinds.get(part.path, ''))} → {times(ops[-1].output)} · {len(ops)} ops"
    text += (f" · {parameters:,} parameters" if parameters else "") + (f" · {macs:,} MACs" if macs else "")
    return f"<details{' open' if level < shown else ''}><summary>{text}</summary>{inside}</details>"


def _row(op: Op) -> str:
    cells = [escape(op.name), escape(op.kind), escape(", ".join(times(one) for one in op.outputs))]
    numbers = [f"{op.parameters:,}" if op.parameters else "", f"{op.macs:,}" if op.macs else "", str(op.field or "")]
    cells = [f"<td>{one}</td>" for one in cells] + [f'<td class="n">{one}</td>' for one in numbers]
    cells.append(f"<td>{escape(op.formula)}</td>")
    return f'<tr title="{escape(op.explain())}">{"".join(cells)}</tr>'
