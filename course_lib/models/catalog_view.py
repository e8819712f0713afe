"""The columns of the catalogue, how their values are written, and its entries as lines of text and as HTML.

The HTML is a table that scrolls by itself and is narrow enough for a notebook. Without a choice of columns an entry
has two lines: what belongs together is in one cell, and a bar under a number says how large it is among those shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from course_lib.models.entries import Entry, channel_values, three_digits
from course_lib.tables import Column, Markup, html_table, link, text_table

__all__ = ["COLUMNS", "html", "named", "text"]

_NONE = "–"  # what the metadata does not say
_NOTHING = "No weights entry meets these conditions."


def _size(value: Any) -> str:
    """A crop or a resize: one number for a square or a shorter side, else width × height."""
    return f"{value[1]}×{value[0]}" if isinstance(value, tuple) else str(value)


@dataclass(frozen=True)
class _Column(Column):
    """A column of a table, and how its values are written when they are known."""

    write: Callable[[Any], str] = str


#: An attribute of an entry → its column.
COLUMNS: dict[str, _Column] = {
    "builder": _Column("model"),
    "entry": _Column("weights"),
    "weights": _Column("enum member", write=repr),
    "cls": _Column("class", write=lambda cls: str(cls.__name__)),
    "family": _Column("family"),
    "kind": _Column("kind"),
    "year": _Column("year", number=True),
    "paper": _Column("paper"),
    "top1": _Column("top-1 error, %", number=True, write="{:.1f}".format),
    "top5": _Column("top-5 error, %", number=True, write="{:.1f}".format),
    "measured_on": _Column("measured on"),
    "parameters": _Column("parameters, M", number=True, write=lambda count: three_digits(count / 1e6)),
    "megabytes": _Column("file, MB", number=True, write=three_digits),
    "gmacs": _Column("GMACs", number=True, write=three_digits),
    "crop": _Column("crop", number=True, write=_size),
    "resize": _Column("resize", number=True, write=_size),
    "interpolation": _Column("interpolation"),
    "mean": _Column("mean", write=channel_values),
    "std": _Column("std", write=channel_values),
    "recipe": _Column("recipe"),
    "license": _Column("licence"),
    "default": _Column("default", write=lambda default: "yes" if default else "no"),
    "course": _Column("registered by", write=lambda course: "you or the course" if course else "torchvision"),
}
_IN_TEXT = ("year", "kind", "top1", "top5", "parameters", "megabytes", "gmacs", "resize", "crop", "interpolation")
_BARS = ("top1", "top5", "parameters", "megabytes", "gmacs")


def named(columns: Sequence[str]) -> tuple[str, ...]:
    """The columns, with the model's and the entry's names before them."""
    return tuple(dict.fromkeys(("builder", "entry", *columns)))


def _cell(entry: Entry, name: str) -> str:
    """An attribute's value, written as in its column."""
    value = getattr(entry, name)
    written = _NONE if value in (None, "") else COLUMNS[name].write(value)
    return f"{written} (default)" if name == "entry" and entry.default else written


def text(entries: Sequence[Entry], columns: Sequence[str] = ()) -> str:
    """One line an entry under one line of headings."""
    if not entries:
        return _NOTHING
    names = named(columns or _IN_TEXT)
    return text_table([[_cell(entry, name) for name in names] for entry in entries], [COLUMNS[name] for name in names])


# -- HTML -------------------------------------------------------------------------------------------------------------
# Colours are the page's own, so that a dark theme stays dark; the bars' blue is the figures'. The class is named
# twice where JupyterLab's own rules for tables would win otherwise. Where a page strips all styles (GitHub),
# a plain table remains.
_STYLE = """<style>
.course-catalog {font: 13px/1.45 system-ui, sans-serif; max-width: 100%}
.course-catalog div {max-height: 460px; width: fit-content; max-width: 100%; overflow: auto;
  border: 1px solid rgba(128, 128, 128, .35)}
.course-catalog table {font: inherit; color: inherit; border: 0; border-collapse: separate; border-spacing: 0;
  margin: 0; font-variant-numeric: tabular-nums}
.course-catalog.course-catalog table th, .course-catalog.course-catalog table td {padding: 3px 6px;
  vertical-align: top; font-weight: normal; white-space: nowrap; max-width: none; border: 0;
  border-bottom: 1px solid rgba(128, 128, 128, .18)}
.course-catalog table tbody tr:nth-child(n) {background: none}
.course-catalog table thead th, .course-catalog table tbody th {position: sticky; left: 0; z-index: 1;
  background: var(--jp-layout-color0, var(--colab-primary-surface-color, var(--vscode-editor-background, Canvas)))}
.course-catalog.course-catalog table thead th {top: 0; left: auto; z-index: 2; vertical-align: bottom; font-weight: 600}
.course-catalog.course-catalog table thead th:first-child {left: 0; z-index: 3}
.course-catalog b {font-weight: 600}
.course-catalog small {font-size: 11px; opacity: .75}
.course-catalog i {display: block; height: 4px; margin: 5px 0 0 auto; background: #0072B2; border-radius: 1px}
.course-catalog td span {display: block; width: 44px; margin-left: auto}
.course-catalog p {margin: 5px 2px; max-width: 64em; line-height: 1.4}
</style>"""


def html(entries: Sequence[Entry], columns: Sequence[str] = ()) -> str:
    """A table that scrolls by itself: the columns asked for, or a compact one of all of them with a note below."""
    if not entries:
        return f"<p>{_NOTHING}</p>"
    if columns:
        names = named(columns)
        rows = [[_bold(entry.builder), *(_linked(entry, name) for name in names[1:])] for entry in entries]
        table, note = html_table(rows, [COLUMNS[name] for name in names], row_heads=True), ""
    else:
        largest = {name: max((getattr(entry, name) or 0 for entry in entries), default=0) for name in _BARS}
        rows = [_two_lines(entry, largest) for entry in entries]
        table, note = html_table(rows, _TWO_LINES, row_heads=True), _note(entries)
    label = f"{len(entries)} weights entries of image classifiers"
    box = f'<div role="region" tabindex="0" aria-label="{label}">{table}</div>'
    return f'{_STYLE}<div class="course-catalog">{box}{note}</div>'


def _under(first: str, second: str) -> Markup:
    """Two lines of HTML, the second one in small letters."""
    return Markup(f"{first}<br><small>{second}</small>")


_TWO_LINES = (
    Column(_under("model", "weights")),
    Column(_under("family, year", "kind · class")),
    Column(_under("top-1", "error, %"), number=True),
    Column(_under("top-5", "error, %"), number=True),
    Column(_under("params", "millions"), number=True),
    Column(_under("file", "MB"), number=True),
    Column(_under("cost", "GMACs"), number=True),
    Column(_under("resize → crop", "interpolation")),
    Column(_under("training", "licence")),
)


def _two_lines(entry: Entry, largest: dict[str, float]) -> list[Markup]:
    family = f"{_linked(entry, 'family')}, {entry.year or _NONE}"
    recipe = link(entry.recipe, "recipe" if entry.recipe.startswith("http") else "own" if entry.recipe else _NONE)
    licence = _under(recipe, link(entry.license, "its own")) if entry.license else recipe
    return [
        _under(_bold(entry.builder), escape(_cell(entry, "entry"))),
        _under(family, f"{escape(entry.kind)} · {escape(entry.cls.__name__)}"),
        *(_barred(entry, name, largest[name]) for name in _BARS),
        _under(f"{_cell(entry, 'resize')} → {_cell(entry, 'crop')}", _cell(entry, "interpolation")),
        licence,
    ]


def _barred(entry: Entry, name: str, largest: float) -> Markup:
    value = getattr(entry, name)
    bar = f'<i style="width:{100 * value / largest:.1f}%"></i>' if value and largest else ""
    return Markup(f"<span>{_cell(entry, name)}{bar}</span>")


def _bold(words: str) -> Markup:
    return Markup(f"<b>{escape(words)}</b>")


def _linked(entry: Entry, name: str) -> Markup:
    """A cell, with a link where there is an address to go to."""
    if name == "family":
        return link(entry.paper, entry.family)
    address = str(getattr(entry, name)) if name in ("paper", "recipe", "license") else ""
    return link(address, address.removeprefix("https://").partition("#")[0] or _cell(entry, name))


def _note(entries: Sequence[Entry]) -> str:
    """What nearly all entries share is said once, with those that differ by name."""

    def normalisation(entry: Entry) -> str:
        return f"mean {_cell(entry, 'mean')}, std {_cell(entry, 'std')}"

    def measurement(entry: Entry) -> str:
        return "not measured" if entry.top1 is None else entry.measured_on

    parts = _shared(entries, "Normalised with ", normalisation), _shared(entries, "Errors on ", measurement)
    return f"<p><small>{' '.join(parts)}</small></p>"


def _shared(entries: Sequence[Entry], opening: str, say: Callable[[Entry], str]) -> str:
    users: dict[str, list[Entry]] = {}
    for entry in entries:
        users.setdefault(say(entry), []).append(entry)
    first, *others = sorted(users, key=lambda words: -len(users[words]))
    exceptions = ""
    for words in others:
        # A model whose every entry differs goes by its own name, otherwise the entry has to be named.
        names = [
            user.builder
            if all(say(entry) == words for entry in entries if entry.builder == user.builder)
            else f"{user.builder}.{user.entry}"
            for user in users[words]
        ]
        exceptions += f"; {', '.join(dict.fromkeys(names))}: {words}"
    return escape(f"{opening}{first}{exceptions}.")
