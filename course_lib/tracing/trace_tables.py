"""Tables of a trace: sums by module, rows, CSV, text, HTML with modules that open and close, torchsummary's table.

Functions of ops, calls and sums; ``Trace`` has them as methods.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from math import prod
from pathlib import Path
from typing import Any

from course_lib.tables import Column, html_table, text_table
from course_lib.tracing.multiply_adds import multiply_adds
from course_lib.tracing.ops import Op
from course_lib.tracing.records import Call, Shape, Weight, times

__all__ = ["Group", "csv_table", "gaps", "group", "html", "op_rows", "summary", "summary_rows", "text"]


# -- sums by module ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Group:
    """The ops of one module.

    Attributes:
        path, kind: the module's path ("" is the model itself: ops written in its own forward) and class.
        ops: those of the trace that ran in it.
        parameters, trainable: its parameters, unused ones too, those shared with an earlier op not.
        macs, bytes: sums over its ops.
    """

    path: str
    kind: str
    ops: tuple[Op, ...]
    parameters: int
    trainable: int
    macs: int
    bytes: int

    @property
    def output(self) -> Shape | None:
        """The shape that its last op gave; None where nothing ran."""
        return self.ops[-1].output if self.ops else None


def group(ops: Sequence[Op], unused: Sequence[Weight], kinds: Mapping[str, str], depth: int) -> tuple[Group, ...]:
    """One group for each module of this depth (and for each shallower one with ops of its own), as they first ran.

    Every op and every parameter belongs to exactly one group.

    Args:
        ops, unused: of a trace.
        kinds: module path → class.
        depth: how many parts of a path are kept.
    """
    inside: dict[str, list[Op]] = {}
    for op in ops:
        inside.setdefault(_cut(op.path, depth), []).append(op)
    idle: dict[str, list[Weight]] = {}
    for weight in unused:
        path = _cut(weight.name.rpartition(".")[0], depth)
        inside.setdefault(path, [])
        idle.setdefault(path, []).append(weight)
    return tuple(
        Group(
            path,
            kinds.get(path, ""),
            tuple(own),
            sum(op.parameters for op in own) + sum(weight.numel for weight in idle.get(path, [])),
            sum(op.trainable for op in own) + sum(weight.numel for weight in idle.get(path, []) if weight.trainable),
            sum(op.macs for op in own),
            sum(op.bytes for op in own),
        )
        for path, own in inside.items()
    )


def _cut(path: str, depth: int) -> str:
    """The path's first ``depth`` parts.

    Example:
        >>> _cut("layer1.0.conv1", 2)
        'layer1.0'
    """
    return ".".join(path.split(".")[:depth]) if path else ""


# -- rows and text ----------------------------------------------------------------------------------------------------
def op_rows(ops: Sequence[Op]) -> list[dict[str, Any]]:
    """One plain dict for each op; lists of shapes as text, so that a spreadsheet can hold them.

    ``macs`` is None where the op's multiply-adds are not counted.
    """
    answer = []
    for op in ops:
        field = op.field
        answer.append({
            "op": op.index, "name": op.name, "kind": op.kind, "path": op.path, "module": op.module,
            "inputs": " + ".join(times(shape) for shape in op.inputs), "output": _outputs(op),
            "from": " ".join(str(source) for source in op.sources), "parameters": op.parameters,
            "trainable": op.trainable, "shared": " ".join(op.shared), "macs": multiply_adds(op), "bytes": op.bytes,
            "field_height": field.size[0] if field else None, "field_width": field.size[1] if field else None,
            "jump": field.jump[0] if field and field.jump else None,
            "centre": field.centre[0] if field and field.centre else None,
            "whole_picture": field.whole if field else None, "formula": op.formula,
        })  # fmt: skip
    return answer


def csv_table(ops: Sequence[Op], path: str | Path | None = None) -> str:
    """Comma-separated, one line for each op below a line of headings; also written to a file where a path is given."""
    rows = op_rows(ops)
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else ["op"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    if path is not None:
        Path(path).write_text(out.getvalue(), encoding="utf-8", newline="")
    return out.getvalue()


_KIND = [Column("kind"), Column("output")]
_SUMS = [Column("parameters", number=True), Column("MACs", number=True), Column("sees", number=True), Column("why")]


def text(name: str, rows: Sequence[Op | Group]) -> str:
    """A table for a terminal: a line for each op, or for each group; ``name`` is the model's own."""
    lines = [
        (row.index, row.name, row.kind, _outputs(row), *_sums(row), _sees(row), row.formula)
        if isinstance(row, Op)
        else _group_line(name, row)
        for row in rows
    ]
    return text_table(lines, [Column(number=True), Column("name"), *_KIND, *_SUMS])


def _group_line(name: str, group: Group) -> tuple[object, ...]:
    start, end = (group.path or name, group.kind), _sums(group)
    if not group.ops:
        return "", *start, "", *end, "", "not run"
    last = group.ops[-1]
    why = f"{len(group.ops)} ops" if len(group.ops) > 1 else last.formula
    return group.ops[0].index, *start, times(last.output), *end, _sees(last), why


def _outputs(op: Op) -> str:
    return ", ".join(times(shape) for shape in op.outputs)


def _sums(row: Op | Group) -> tuple[str, str]:
    macs = multiply_adds(row) if isinstance(row, Op) else row.macs
    return f"{row.parameters:,}" if row.parameters else "", "?" if macs is None else f"{macs:,}" if macs else ""


def _sees(op: Op) -> str:
    field = op.field
    return str(field) if field is not None else "" if op.field_lost is None else "?"


def gaps(ops: Sequence[Op]) -> list[str]:
    """A sentence for each kind of figure that is "?" in a table of these ops, and for what it leaves out of the sums.

    Example:
        >>> from course_lib.tracing import trace
        >>> gaps(trace("resnet18").ops)
        []
    """
    sentences = []
    uncounted = [op for op in ops if not op.counted]
    if uncounted:
        kinds = _some([op.plain for op in uncounted])
        sentences.append(
            f"The multiply-adds of {_operations(len(uncounted))} are not counted ({kinds}), so the sum is too low."
        )
    lost = [op for op in ops if op.field_lost is not None]
    if lost:
        first = _some([f"{op.name} ({op.plain})" for op in lost if op.field_lost == op.name])
        where = f", from {first} on" if first else ""
        sentences.append(f"What a cell sees of the picture is not followed in {_operations(len(lost))}{where}.")
    return sentences


def _operations(count: int) -> str:
    return f"{count} operation{'s' if count != 1 else ''}"


def _some(names: Sequence[str]) -> str:
    different = list(dict.fromkeys(names))
    return ", ".join(different[:3]) + (", …" if len(different) > 3 else "")


# -- HTML -------------------------------------------------------------------------------------------------------------
_STYLE = """<style>
.course-trace {font: 13px/1.5 system-ui, sans-serif; max-width: 100%; overflow-x: auto}
.course-trace details {margin-left: 1.1em}
.course-trace summary {cursor: pointer; white-space: nowrap}
.course-trace table {font: inherit; border-collapse: collapse; margin: 2px 0 4px 1.1em}
.course-trace th, .course-trace td {padding: 1px 10px 1px 0; white-space: nowrap; font-weight: normal}
.course-trace th {opacity: .65}
</style>"""


@dataclass
class _Node:
    path: str
    parts: list[_Node | Op] = field(default_factory=list)

    def ops(self) -> list[Op]:
        return [op for part in self.parts for op in (part.ops() if isinstance(part, _Node) else [part])]


def html(ops: Sequence[Op], kinds: Mapping[str, str], depth: int | None, heading: str, notes: Sequence[str]) -> str:
    """Part of a web page: modules that open and close, built of ``<details>``, so no script is needed.

    Modules down to ``depth`` levels are open at first (None: the first level); the deeper ones open at a click.
    """
    shown = 1 if depth is None else depth
    body = "".join(_part(part, kinds, 1, shown) for part in _runs(_tree(ops)))
    root = f"<details{' open' if shown > 0 else ''}><summary>{escape(heading)}</summary>{body}</details>"
    below = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return f'{_STYLE}<div class="course-trace">{root}{below}</div>'


def _tree(ops: Sequence[Op]) -> _Node:
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
    """Its parts in order, ops that follow each other put together for one table."""
    answer: list[_Node | list[Op]] = []
    for part in node.parts:
        if isinstance(part, _Node):
            answer.append(part)
        elif answer and isinstance(answer[-1], list):
            answer[-1].append(part)
        else:
            answer.append([part])
    return answer


def _part(part: _Node | list[Op], kinds: Mapping[str, str], level: int, shown: int) -> str:
    if isinstance(part, list):
        rows = [(op.name, op.kind, _outputs(op), *_sums(op), _sees(op), op.formula) for op in part]
        return html_table(rows, [Column("op"), *_KIND, *_SUMS], titles=[op.explain() for op in part])
    ops = part.ops()
    parameters, macs = sum(op.parameters for op in ops), sum(op.macs for op in ops)
    inside = "".join(_part(run, kinds, level + 1, shown) for run in _runs(part))
    line = f"<b>{escape(part.path)}</b> {escape(kinds.get(part.path, ''))} → {times(ops[-1].output)} · {len(ops)} ops"
    line += (f" · {parameters:,} parameters" if parameters else "") + (f" · {macs:,} MACs" if macs else "")
    return f"<details{' open' if level < shown else ''}><summary>{line}</summary>{inside}</details>"


# -- the table that the torchsummary package prints -------------------------------------------------------------------
def summary_rows(calls: Sequence[Call]) -> list[tuple[str, tuple[int, ...], int]]:
    """(name such as "Conv2d-1", output shape with -1 for the batch, parameters) of each row.

    One row for each module call in the order they ended, Sequentials and the model itself left out; functions are no
    rows there.
    """
    rows = [call for call in calls if call.path and not call.container and call.outputs]
    return [(f"{call.kind}-{place}", (-1, *call.outputs[0][1:]), call.parameters) for place, call in enumerate(rows, 1)]


def summary(calls: Sequence[Call], sizes: Sequence[Shape], parameters: int, trainable: int, unused: int) -> str:
    """torchsummary's table, with sums as it counts them: activations times two (forward and backward), 2**20 bytes.

    Args:
        parameters, trainable: those that the forward used, wherever they are registered. The rows have only those of
            layers that were called, not the model's own, nor those of a layer whose weight is used by its parent.
        unused: how many more the model has.
    """
    rows = summary_rows(calls)
    rule, double = "-" * 64, "=" * 64
    lines = [rule, f"{'Layer (type)':>20}  {'Output Shape':>25} {'Param #':>15}", double]
    lines += [f"{name:>20}  {list(shape)!s:>25} {parameters:>15,}" for name, shape, parameters in rows]
    megabytes = 4 / 2**20
    into = sum(prod(shape[1:]) for shape in sizes) * megabytes
    through = sum(prod(shape[1:]) for _, shape, _ in rows) * megabytes * 2
    held = parameters * megabytes
    lines += [double, f"Total params: {parameters:,}", f"Trainable params: {trainable:,}",
              f"Non-trainable params: {parameters - trainable:,}",
              rule,
              f"Input size (MB): {into:.2f}", f"Forward/backward pass size (MB): {through:.2f}",
              f"Params size (MB): {held:.2f}",
              f"Estimated Total Size (MB): {into + through + held:.2f}", rule]  # fmt: skip
    if unused:
        lines.append(f"{unused:,} parameters are not used in this forward, and not counted above.")
    return "\n".join(lines)
