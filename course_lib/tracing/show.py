"""A trace as text, as CSV, as plain rows, and as a DataFrame where pandas is installed."""

from __future__ import annotations

import csv as _csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.tracing.ops import times
from course_lib.tracing.trace_error import TraceError

if TYPE_CHECKING:
    import pandas  # type: ignore[import-untyped,unused-ignore]

    from course_lib.tracing.result import Trace

__all__ = ["csv", "frame", "heading", "rows", "text", "total"]


def rows(trace: Trace) -> list[dict[str, Any]]:
    """One plain dict for each op; lists of shapes as text, so that a spreadsheet can hold them."""
    answer = []
    for op in trace.ops:
        field = op.field
        answer.append({
            "op": op.index, "name": op.name, "kind": op.kind, "path": op.path, "module": op.module,
            "inputs": " + ".join(times(one) for one in op.inputs),
            "output": ", ".join(times(one) for one in op.outputs),
            "from": " ".join(str(one) for one in op.sources), "parameters": op.parameters, "trainable": op.trainable,
            "shared": " ".join(op.shared), "macs": op.macs, "bytes": op.bytes,
            "field_height": field.size[0] if field else None, "field_width": field.size[1] if field else None,
            "jump": field.jump[0] if field and field.jump else None,
            "centre": field.centre[0] if field and field.centre else None,
            "whole_picture": field.whole if field else None, "formula": op.formula,
        })  # fmt: skip
    return answer


def csv(trace: Trace, path: str | Path | None = None) -> str:
    """Comma-separated, one line for each op below a line of headings."""
    found = rows(trace)
    out = io.StringIO()
    writer = _csv.DictWriter(out, list(found[0]) if found else ["op"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    if path is not None:
        Path(path).write_text(out.getvalue(), encoding="utf-8", newline="")
    return out.getvalue()


def frame(trace: Trace) -> pandas.DataFrame:
    """The rows as a pandas DataFrame."""
    try:
        import pandas
    except ImportError as error:
        raise TraceError("pandas is not installed; rows() gives the same as plain dicts, csv() as a file.") from error
    return pandas.DataFrame(rows(trace)).set_index("op")


def heading(trace: Trace) -> str:
    """One line: what was traced."""
    return f"{trace.name}, input {' and '.join(times(size) for size in trace.sizes)}, {trace.mode} mode"


def total(trace: Trace) -> str:
    """One line: the sums."""
    frozen = trace.parameters - trace.trainable
    unused = sum(one.numel for one in trace.unused)
    text = f"{len(trace)} ops · {trace.parameters:,} parameters · {trace.gmacs:.3f} GMACs"
    text += f" · {trace.bytes / 2**20:.1f} MiB activations"
    text += f" · {frozen:,} parameters frozen" if frozen else ""
    return text + (f" · {unused:,} parameters not used in this forward" if unused else "")


def text(trace: Trace, depth: int | None = None) -> str:
    """A table for a terminal; ``depth`` folds the ops of a module of that depth into one line."""
    head = ("", "name", "kind", "output", "parameters", "MACs", "sees", "why")
    lines: list[tuple[str, ...]] = []
    if depth is None:
        for op in trace.ops:
            shapes = ", ".join(times(one) for one in op.outputs)
            lines.append((str(op.index), op.name, op.kind, shapes, _number(op.parameters),
                          _number(op.macs), str(op.field) if op.field else "", op.formula))  # fmt: skip
    else:
        for group in trace.by_module(depth):
            last = group.ops[-1] if group.ops else None
            what = f"{len(group.ops)} op{'s' if len(group.ops) != 1 else ''}" if group.ops else "not run"
            if last is not None and len(group.ops) == 1:
                what = last.formula
            lines.append((str(group.ops[0].index) if group.ops else "", group.path or trace.name, group.kind,
                          times(last.output) if last else "", _number(group.parameters), _number(group.macs),
                          str(last.field) if last and last.field else "", what))  # fmt: skip
    widths = [max(len(line[place]) for line in (head, *lines)) for place in range(7)]
    right = {0, 4, 5, 6}

    def laid(line: tuple[str, ...]) -> str:
        cells = [
            cell.rjust(w) if p in right else cell.ljust(w)
            for p, (cell, w) in enumerate(zip(line[:7], widths, strict=True))
        ]
        return "  ".join((*cells, line[7])).rstrip()

    notes = [trace.note] if trace.note else []
    return "\n".join([heading(trace), *notes, laid(head), *(laid(line) for line in lines), total(trace)])


def _number(value: int) -> str:
    return f"{value:,}" if value else ""
