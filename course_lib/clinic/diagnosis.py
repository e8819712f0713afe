"""What the clinic says: a ``Diagnosis``, as text and as a box for a notebook.

It holds only words and shapes, no tensor, no frame and no exception, so keeping it keeps no model in memory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape
from textwrap import indent, wrap
from typing import TYPE_CHECKING, Any

from course_lib.tables import Column, Markup, html_table
from course_lib.tracing.mismatches import Party

if TYPE_CHECKING:
    from course_lib.tracing.result import Trace

__all__ = ["Diagnosis", "Line", "box"]

_STYLE = "border:1px solid #8a8f98;border-left:5px solid #0072B2;border-radius:4px;padding:8px 14px;margin:8px 0;"
_STYLE += "font:14px/1.5 system-ui,sans-serif;max-width:56em"
_HEAD = '<span aria-hidden="true" style="display:inline-block;width:1.35em;height:1.35em;line-height:1.3em;'
_HEAD += "border:1.5px solid #0072B2;border-radius:50%;text-align:center;font-weight:bold;margin-right:.55em"
_HEAD += '">{icon}</span><b>{title}</b>'
_TERM = "width:1%;opacity:.75;padding:2px 14px 2px 0;vertical-align:baseline;white-space:nowrap;font-weight:normal"
_TABLE = "border:none;margin:6px 0 0 0;font:inherit;width:100%;table-layout:auto"  # JupyterLab's own is fixed
_CELL = "padding:2px 0;vertical-align:baseline;white-space:normal"
CODE = "margin:2px 0;padding:4px 8px;background:rgba(128,128,128,.13);white-space:pre-wrap;font-size:13px;"
CODE += "word-break:normal;overflow-wrap:anywhere"  # JupyterLab's own style breaks code within numbers and names


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the learner's own code: its place ("cell 7", or a file's name), its number there, and its text."""

    place: str
    number: int
    text: str

    def __str__(self) -> str:
        return (
            f"{self.text}    ({self.place}, line {self.number})" if self.text else f"{self.place}, line {self.number}"
        )


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What happened, where, which shapes met, and the repair.

    Attributes:
        name: which mistake it is, such as "no batch dimension".
        what: what happened, one or two sentences.
        module: the module that stopped, as "bn1 (BatchNorm2d) of ResNet"; "" where no model is part of it.
        lines: the learner's own lines, from the call to the place that failed.
        shapes: the tensors that met: what each of them is, and its shape.
        repair: a line of code, or some; "" where there is no single one.
        why: what the repair does, and whether it was tried.
        trace: the operations that ran before it failed, where a model's forward failed.

    Example:
        >>> print(Diagnosis("no batch dimension", "One picture has no batch.", repair="batch = picture.unsqueeze(0)"))
        No batch dimension
          what happened  One picture has no batch.
          repair         batch = picture.unsqueeze(0)
    """

    name: str
    what: str
    module: str = ""
    lines: tuple[Line, ...] = ()
    shapes: tuple[Party, ...] = ()
    repair: str = ""
    why: str = ""
    trace: Trace | None = field(default=None, repr=False, compare=False)

    @property
    def title(self) -> str:
        """The name as a heading."""
        return self.name[:1].upper() + self.name[1:]

    def _rows(self) -> list[tuple[str, tuple[str, ...], bool]]:
        """(term, texts, whether they are code)"""
        rows = [
            ("what happened", (self.what,), False),
            ("where", (self.module,) if self.module else (), False),
            ("your line" if len(self.lines) < 2 else "your lines", tuple(map(str, self.lines)), True),
            ("shapes", tuple(map(str, self.shapes)), False),
            ("repair", (self.repair,) if self.repair else (), True),
            ("", (self.why,) if self.why else (), False),
        ]
        return [row for row in rows if row[1]]

    def __str__(self) -> str:
        parts = [self.title]
        for term, texts, code in self._rows():
            for place, text in enumerate(texts):
                lines = text.splitlines() if code else wrap(text, 98) or [""]
                parts.append(f"  {term if place == 0 else '':15}{lines[0]}")
                parts.append(indent("\n".join(lines[1:]), " " * 17) if lines[1:] else "")
        return "\n".join(part for part in parts if part)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    def _repr_html_(self) -> str:
        rows = []
        for term, texts, code in self._rows():
            tag, style = ("pre", CODE) if code else ("div", "")
            cell = "".join(f'<{tag} style="{style}">{_faint(escape(text))}</{tag}>' for text in texts)
            rows.append((term, Markup(cell)))
        table = html_table(
            rows, [Column(style=_TERM), Column(style=_CELL)], row_heads=True, style=_TABLE, stripes=False
        )
        return box(self.title, table, icon="?")


def _faint(text: str) -> str:
    """A line with its place, as ``Line`` writes it, the place fainter than the code."""
    return re.sub(r"(?<=    )(\(.+, line \d+\))$", r'<span style="opacity:.65;white-space:nowrap">\1</span>', text)


def box(title: str, body: str, *, icon: str) -> str:
    """The box around a diagnosis or a report: ``body`` is HTML already, the title is plain text."""
    head = _HEAD.format(icon=icon, title=escape(title))
    return f'<div role="note" aria-label="Error clinic" style="{_STYLE}">{head}{body}</div>'
