"""Rows of the catalogue as a part of a web page: a table that scrolls by itself and is narrow enough for a notebook.

Shown without asking for columns, a row has two lines: what belongs together stands in one cell, and a bar under a
number says how large it is among those shown. How a value is spelt is ``words.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

from course_lib.models.registry.catalog_words import COLUMNS, NO, NOTHING, cell, named, size, triple

if TYPE_CHECKING:
    from course_lib.models.registry.catalog_rows import Row
    from course_lib.models.registry.catalog_table import Catalog

__all__ = ["html", "row_html"]

_BARS = ("top1", "top5", "parameters", "megabytes", "gmacs")
# Colours are the page's own, so that a dark theme stays dark; the bars' blue is the figures'. The class is named
# twice where JupyterLab's own rules for tables would win otherwise. Where a page strips all styles (GitHub),
# a plain table remains.
_STYLE = """<style>
.course-catalog {font: 13px/1.45 system-ui, sans-serif; max-width: 100%}
.course-catalog div {max-height: 460px; width: fit-content; max-width: 100%; overflow: auto;
  border: 1px solid rgba(128, 128, 128, .35)}
.course-catalog table {font: inherit; color: inherit; border: 0; border-collapse: separate; border-spacing: 0;
  margin: 0}
.course-catalog.course-catalog table th, .course-catalog.course-catalog table td {text-align: left; padding: 3px 6px;
  vertical-align: top; font-weight: normal; white-space: nowrap; max-width: none; border: 0;
  border-bottom: 1px solid rgba(128, 128, 128, .18)}
.course-catalog table tbody tr:nth-child(n) {background: none}
.course-catalog table thead th, .course-catalog table tbody th {position: sticky; left: 0; z-index: 1;
  background: var(--jp-layout-color0, var(--colab-primary-surface-color, var(--vscode-editor-background, Canvas)))}
.course-catalog.course-catalog table thead th {top: 0; left: auto; z-index: 2; vertical-align: bottom; font-weight: 600}
.course-catalog.course-catalog table thead th:first-child {left: 0; z-index: 3}
.course-catalog.course-catalog table .n {text-align: right; font-variant-numeric: tabular-nums}
.course-catalog b {font-weight: 600}
.course-catalog small {font-size: 11px; opacity: .75}
.course-catalog i {display: block; height: 4px; margin: 5px 0 0 auto; background: #0072B2; border-radius: 1px}
.course-catalog td.n span {display: block; width: 44px; margin-left: auto}
.course-catalog p {margin: 5px 2px; max-width: 64em; line-height: 1.4}
</style>"""


def row_html(row: Row) -> str:
    """A row as a table of two columns."""
    body = "".join(
        f'<tr><th scope="row">{escape(column.head)}</th><td>{_linked(row, name)}</td></tr>'
        for name, column in COLUMNS.items()
    )
    return f'{_STYLE}<div class="course-catalog"><table><tbody>{body}</tbody></table></div>'


def html(rows: Catalog) -> str:
    """A table that scrolls by itself: the columns asked for, or a compact one of all of them."""
    if not rows:
        return f"<p>{NOTHING}</p>"
    label = f"{len(rows)} weights entries of image classifiers"
    table, note = (_plain(rows, named(rows.columns)), "") if rows.columns else (_compact(rows), _note(rows))
    box = f'<div role="region" tabindex="0" aria-label="{label}">{table}</div>'
    return f'{_STYLE}<div class="course-catalog">{box}{note}</div>'


def _plain(rows: Catalog, names: tuple[str, ...]) -> str:
    head = "".join(_th(COLUMNS[name].head, COLUMNS[name].number) for name in names)
    body = []
    for row in rows:
        cells = [f"<td{' class=n' if COLUMNS[name].number else ''}>{_linked(row, name)}</td>" for name in names[1:]]
        body.append(f'<tr><th scope="row"><b>{escape(row.builder)}</b></th>{"".join(cells)}</tr>')
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


_HEADS = (
    ("model<br><small>weights</small>", False),
    ("family, year<br><small>kind · class</small>", False),
    ("top-1<br><small>error, %</small>", True),
    ("top-5<br><small>error, %</small>", True),
    ("params<br><small>millions</small>", True),
    ("file<br><small>MB</small>", True),
    ("cost<br><small>GMACs</small>", True),
    ("resize → crop<br><small>interpolation</small>", False),
    ("training<br><small>licence</small>", False),
)


def _compact(rows: Catalog) -> str:
    largest = {name: max((getattr(row, name) or 0 for row in rows), default=0) for name in _BARS}
    body = "".join(f"<tr>{_two_lines(row, largest)}</tr>" for row in rows)
    head = "".join(_th(words, number, safe=True) for words, number in _HEADS)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _two_lines(row: Row, largest: dict[str, float]) -> str:
    family = f"{_linked(row, 'family')}, {row.year or NO}"
    preset = f"{size(row.resize)} → {size(row.crop)}<br><small>{cell(row, 'interpolation')}</small>"
    recipe = _link(row.recipe, "recipe") if _is_address(row.recipe) else "own" if row.recipe else NO
    licence = f"<br><small>{_link(row.license, 'its own')}</small>" if row.license else ""
    cells = [
        f'<th scope="row"><b>{escape(row.builder)}</b><br><small>{cell(row, "entry")}</small></th>',
        f"<td>{family}<br><small>{escape(row.kind)} · {row.cls.__name__}</small></td>",
        *(f'<td class="n">{_barred(row, name, largest[name])}</td>' for name in _BARS),
        f"<td>{preset}</td>",
        f"<td>{recipe}{licence}</td>",
    ]
    return "".join(cells)


def _barred(row: Row, name: str, largest: float) -> str:
    value = getattr(row, name)
    bar = f'<i style="width:{100 * value / largest:.1f}%"></i>' if value and largest else ""
    return f"<span>{cell(row, name)}{bar}</span>"


def _note(rows: Catalog) -> str:
    """What nearly all rows share is said once, with those that differ by name."""
    normalised = _shared(rows, "Normalised with ", lambda row: f"mean {triple(row.mean)}, std {triple(row.std)}")
    errors = _shared(rows, "Errors on ", lambda row: row.measured_on if row.top1 is not None else "not measured")
    return f"<p><small>{normalised} {errors}</small></p>"


def _shared(rows: Catalog, opening: str, say: Callable[[Row], str]) -> str:
    users: dict[str, list[Row]] = {}
    for row in rows:
        users.setdefault(say(row), []).append(row)
    first, *others = sorted(users, key=lambda words: -len(users[words]))
    exceptions = ""
    for words in others:
        # A model whose every entry differs goes by its own name, otherwise the entry has to be named.
        names = [
            row.builder
            if all(say(one) == words for one in rows if one.builder == row.builder)
            else f"{row.builder}.{row.entry}"
            for row in users[words]
        ]
        exceptions += f"; {', '.join(dict.fromkeys(names))}: {words}"
    return escape(f"{opening}{first}{exceptions}.")


def _th(words: str, number: bool, *, safe: bool = False) -> str:
    return f'<th scope="col"{" class=n" if number else ""}>{words if safe else escape(words)}</th>'


def _linked(row: Row, name: str) -> str:
    """A cell, with a link where there is an address to go to."""
    if name == "family":
        return _link(row.paper, row.family)
    if name in ("paper", "recipe", "license"):
        address: str = getattr(row, name)
        return _link(address, address.removeprefix("https://").partition("#")[0] or NO)
    return escape(cell(row, name))


def _link(address: str, words: str) -> str:
    if not _is_address(address):
        return escape(words)
    return f'<a href="{escape(address)}" target="_blank" rel="noopener">{escape(words)}</a>'


def _is_address(words: str) -> bool:
    return words.startswith(("https://", "http://"))
