"""Tables as HTML and as text: the one writer of both, for whatever shows itself in a notebook or a terminal.

It knows rows of cells, nothing of what they mean. Words stand at the left, numbers at the right, heads have a scope,
and colours are inherited, so that a table reads well on any theme and to a screen reader.

    >>> print(text_table([["relu", 64], ["conv2d", 9408]], ["op", Column("values", number=True)]))
    op      values
    relu        64
    conv2d    9408
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Column", "Markup", "html_table", "link", "text_table"]


class Markup(str):
    """Text that is HTML already and is not escaped again. Whoever makes one has escaped what came from outside."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        head: its heading; ``Markup`` where it is HTML.
        number: whether its cells are numbers, which stand at the right.
        style: more CSS for its cells, such as ``"white-space:nowrap"``.
    """

    head: str = ""
    number: bool = False
    style: str = ""


def html_table(
    rows: Iterable[Sequence[object]],
    columns: Sequence[str | Column] = (),
    *,
    row_heads: bool = False,
    label: str = "",
    titles: Sequence[str] = (),
    style: str = "",
    stripes: bool = True,
) -> str:
    """A ``<table>``.

    Args:
        rows: cells, one sequence a row; ``Markup`` stays as it is, everything else is escaped.
        columns: headings, or ``Column``s; without a heading in any of them there is no head row.
        row_heads: whether a row's first cell is its heading.
        label: what the table is, for a screen reader.
        titles: a tooltip for each row.
        style: CSS of the table itself.
        stripes: whether every second row may be shaded, as notebooks do it.

    Example:
        >>> html_table([["a < b"]], row_heads=True)
        '<table><tbody><tr><th scope="row" style="text-align:left">a &lt; b</th></tr></tbody></table>'
    """
    given = [column if isinstance(column, Column) else Column(column) for column in columns]
    head = ""
    if any(column.head for column in given):
        head = "".join(f'<th scope="col" style="{_style(column)}">{_safe(column.head)}</th>' for column in given)
        head = f"<thead><tr>{head}</tr></thead>"
    body = []
    plain = "" if stripes else ' style="background:transparent"'
    for place, row in enumerate(rows):
        title = f' title="{escape(titles[place])}"' if place < len(titles) and titles[place] else ""
        cells = []
        for number, cell in enumerate(row):
            look = _style(given[number] if number < len(given) else Column())
            tag, scope = ("th", ' scope="row"') if row_heads and number == 0 else ("td", "")
            cells.append(f'<{tag}{scope} style="{look}">{_safe(cell)}</{tag}>')
        body.append(f"<tr{title}{plain}>{''.join(cells)}</tr>")
    name = f' aria-label="{escape(label)}"' if label else ""
    css = f' style="{style}"' if style else ""
    return f"<table{name}{css}>{head}<tbody>{''.join(body)}</tbody></table>"


def text_table(
    rows: Iterable[Sequence[object]], columns: Sequence[str | Column] = (), *, gap: str = "  ", rule: bool = False
) -> str:
    """The same as lines of text, columns under each other; ``rule`` draws a line below the heads."""
    given = [column if isinstance(column, Column) else Column(column) for column in columns]
    lines = [[str(cell) for cell in row] for row in rows]
    if any(column.head for column in given):
        lines.insert(0, [column.head for column in given])
    count = max((len(line) for line in lines), default=0)
    wide = [max((len(line[k]) for line in lines if k < len(line)), default=0) for k in range(count)]
    numbers = [k < len(given) and given[k].number for k in range(count)]
    text = [
        gap.join(cell.rjust(wide[k]) if numbers[k] else cell.ljust(wide[k]) for k, cell in enumerate(line)).rstrip()
        for line in lines
    ]
    if rule and text:
        text.insert(1, "-" * max(map(len, text)))
    return "\n".join(text)


def link(address: str, words: str) -> Markup:
    """Words that lead to a web address; the words alone where ``address`` is none.

    Example:
        >>> link("https://arxiv.org", "the paper").startswith('<a href="https://arxiv.org"')
        True
        >>> link("javascript:x", "no & no")
        'no &amp; no'
    """
    if not address.startswith(("https://", "http://")):
        return Markup(escape(words))
    return Markup(f'<a href="{escape(address)}" target="_blank" rel="noopener">{escape(words)}</a>')


def _style(column: Column) -> str:
    return f"text-align:{'right' if column.number else 'left'}{';' + column.style if column.style else ''}"


def _safe(cell: object) -> str:
    return str(cell) if isinstance(cell, Markup) else escape(str(cell))
