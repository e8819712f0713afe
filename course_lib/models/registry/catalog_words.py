"""How rows of the catalogue are spelt, and how they look as lines of text; as a part of a web page: ``page.py``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course_lib.models.registry.catalog_rows import Row
    from course_lib.models.registry.catalog_table import Catalog

__all__ = ["COLUMNS", "NO", "NOTHING", "Column", "cell", "named", "row_text", "sentence", "size", "text", "triple"]

NO = "–"  # what the metadata does not say
NOTHING = "No weights entry meets these conditions."


def _number(value: float | None) -> str:
    """With the digits that matter, and a comma for the thousands.

    Example:
        >>> [_number(value) for value in (0.04, 3.005, 97.79, 632.04, 2416.643, None)]
        ['0.04', '3.00', '97.8', '632', '2,417', '–']
    """
    if value is None:
        return NO
    digits = ",.0f" if value >= 100 else ".1f" if value >= 10 else ".2f" if value >= 1 else ".3g"
    return f"{value:{digits}}"


def _per_cent(value: float | None) -> str:
    return NO if value is None else f"{value:.1f}"


def _millions(value: float | None) -> str:
    return NO if value is None else _number(value / 1e6)


def size(value: Any) -> str:
    """A crop or a resize: one number for a square or a shorter side, else width × height."""
    return NO if value is None else f"{value[1]}×{value[0]}" if isinstance(value, tuple) else str(value)


def triple(value: tuple[float, ...] | None) -> str:
    """A mean or a std."""
    return NO if value is None else " ".join(f"{number:.3g}" for number in value)


@dataclass(frozen=True)
class Column:
    """What an attribute of a row is called, how its value is spelt, and whether that is a number."""

    head: str
    write: Callable[[Any], str] = lambda value: NO if value in (None, "") else str(value)
    number: bool = False


#: One for each attribute of a row.
COLUMNS: dict[str, Column] = {
    "builder": Column("model"),
    "entry": Column("weights"),
    "weights": Column("enum member", repr),
    "cls": Column("class", lambda cls: str(cls.__name__)),
    "family": Column("family"),
    "kind": Column("kind"),
    "year": Column("year", number=True),
    "paper": Column("paper"),
    "top1": Column("top-1 error, %", _per_cent, True),
    "top5": Column("top-5 error, %", _per_cent, True),
    "measured_on": Column("measured on"),
    "parameters": Column("parameters, M", _millions, True),
    "megabytes": Column("file, MB", _number, True),
    "gmacs": Column("GMACs", _number, True),
    "crop": Column("crop", size, True),
    "resize": Column("resize", size, True),
    "interpolation": Column("interpolation"),
    "mean": Column("mean", triple),
    "std": Column("std", triple),
    "recipe": Column("recipe"),
    "license": Column("licence"),
    "default": Column("default", lambda yes: "yes" if yes else "no"),
    "course": Column("registered by", lambda yes: "you or the course" if yes else "torchvision"),
}
_IN_TEXT = ("year", "kind", "top1", "top5", "parameters", "megabytes", "gmacs", "resize", "crop", "interpolation")


def cell(row: Row, name: str) -> str:
    """An attribute's value, spelt."""
    written = COLUMNS[name].write(getattr(row, name))
    return f"{written} (default)" if name == "entry" and row.default else written


def named(columns: Sequence[str]) -> tuple[str, ...]:
    """The columns, with the model's and the entry's names before them."""
    return tuple(dict.fromkeys(("builder", "entry", *columns)))


def sentence(row: Row) -> str:
    """A row in one line."""
    size = f"{_millions(row.parameters)} M parameters, {_number(row.megabytes)} MB, {_number(row.gmacs)} GMACs"
    return f"{row.builder}, {row.entry}: top-1 error {_per_cent(row.top1)} %, {size}"


def row_text(row: Row) -> str:
    """A row as one line an attribute."""
    width = max(len(column.head) for column in COLUMNS.values())
    return "\n".join(f"{column.head:<{width}}  {cell(row, name)}" for name, column in COLUMNS.items())


def text(rows: Catalog) -> str:
    """One line a row under one line of heads; numbers stand at the right of their column."""
    if not rows:
        return NOTHING
    names = named(rows.columns or _IN_TEXT)
    lines = [[COLUMNS[name].head for name in names], *([cell(row, name) for name in names] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(names))]
    return "\n".join(
        "  ".join(
            f"{cell:>{width}}" if COLUMNS[name].number else f"{cell:<{width}}"
            for cell, width, name in zip(line, widths, names, strict=True)
        ).rstrip()
        for line in lines
    )
