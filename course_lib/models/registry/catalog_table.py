"""Rows put together: chosen by what they say, put in order, looked up by name, shown.

What a row says comes from the weights' own metadata and transforms (``rows.py``), and from a table of facts where they
say nothing (``families.py``). Nothing is downloaded and no network is built. Times are not looked up but measured.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, SupportsIndex, overload

from torchvision.models import WeightsEnum, get_model_builder

from course_lib.errors import CourseError, WeightsError, closest
from course_lib.models.families import FAMILIES, KINDS, OTHER
from course_lib.models.pretrained import known_name
from course_lib.models.registry import catalog_page, catalog_words
from course_lib.models.registry.catalog_rows import NAMES, Row, rows_of, theirs_and_ours

__all__ = ["Catalog", "catalog"]

Names = str | Iterable[str] | None  # one name, several of which any will do, or no condition


@dataclass(frozen=True, repr=False)
class Catalog:
    """Rows in an order, and the columns to show (none: a compact table of them all).

    Example:
        >>> small = catalog().where(default=True, max_megabytes=10).sorted("top1")
        >>> small[0].builder, small["squeezenet1_1"].megabytes < 5
        ('shufflenet_v2_x1_0', True)
    """

    rows: tuple[Row, ...]
    columns: tuple[str, ...] = field(default=(), compare=False)

    def where(
        self,
        *,
        builder: str | None = None,
        entry: str | None = None,
        family: Names = None,
        kind: Names = None,
        default: bool | None = None,
        max_top1: float | None = None,
        max_top5: float | None = None,
        max_parameters: float | None = None,
        max_megabytes: float | None = None,
        max_gmacs: float | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Catalog:
        """The rows that meet every condition that is given.

        Args:
            builder, entry: a name, in which ``*`` stands for any letters, as in ``"resnet*"``.
            family, kind: a name, or several of which any will do.
            default: only (True), or all but (False), the entries that are their enum's ``DEFAULT``.
            max_...: the most that is allowed, in the column's own unit; a row that does not say its number is left out.
            since, until: the first and the last year of the family's paper.

        Raises:
            CourseError: a family or a kind that does not exist.

        Example:
            >>> [row.builder for row in catalog().where(family="ViT", entry="IMAGENET1K_V1", max_gmacs=5)]
            ['vit_b_32']
            >>> catalog().where(kind="clasic")
            Traceback (most recent call last):
            course_lib.errors.CourseError: There is no kind 'clasic'. Did you mean 'classic'? There are: classic, ...
        """
        families = _known("family", family, [one.name for one in FAMILIES] + [row.family for row in self.rows])
        kinds = _known("kind", kind, [*KINDS, OTHER])
        most = {
            "top1": max_top1, "top5": max_top5, "parameters": max_parameters, "megabytes": max_megabytes,
            "gmacs": max_gmacs, "year": until,
        }  # fmt: skip

        def meets(row: Row) -> bool:
            limits = [(getattr(row, name), limit) for name, limit in most.items() if limit is not None]
            return (
                (builder is None or fnmatchcase(row.builder, builder))
                and (entry is None or fnmatchcase(row.entry, entry))
                and (not families or row.family in families)
                and (not kinds or row.kind in kinds)
                and (default is None or row.default == default)
                and (since is None or (row.year is not None and row.year >= since))
                and all(value is not None and value <= limit for value, limit in limits)
            )

        return replace(self, rows=tuple(row for row in self.rows if meets(row)))

    def sorted(self, by: str, *, reverse: bool = False) -> Catalog:
        """The same rows in the order of a column, smallest first unless ``reverse``; those without a value come last.

        Raises:
            CourseError: there is no such column.
        """
        _known("column", by, NAMES)
        known = sorted((r for r in self.rows if getattr(r, by) is not None), key=_order(by), reverse=reverse)
        return replace(self, rows=(*known, *(row for row in self.rows if getattr(row, by) is None)))

    def best(self, by: str, *, each: str) -> Catalog:
        """The row with the smallest ``by`` for every value of ``each``, in the order in which those come first.

        Example:
            >>> best = catalog().best("top1", each="kind")
            >>> [row.builder for row in best if row.kind in ("classic", "light-weight")]
            ['resnext101_64x4d', 'shufflenet_v2_x2_0']
        """
        _known("column", each, NAMES)
        found: dict[Any, Row | None] = {getattr(row, each): None for row in self.rows}
        for row in self.sorted(by).rows:
            found[getattr(row, each)] = found[getattr(row, each)] or row
        return replace(self, rows=tuple(row for row in found.values() if row is not None))

    def show(self, *columns: str) -> Catalog:
        """The same rows, shown with these columns after their names.

        Raises:
            CourseError: there is no such column.

        Example:
            >>> print(catalog().where(builder="resnet50").show("top1", "resize", "crop"))
            model     weights                  top-1 error, %  resize  crop
            resnet50  IMAGENET1K_V1                      23.9     256   224
            resnet50  IMAGENET1K_V2 (default)            19.1     232   224
        """
        _known("column", columns, NAMES)
        return replace(self, columns=columns)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    @overload
    def __getitem__(self, key: slice) -> Catalog: ...
    @overload
    def __getitem__(self, key: str | tuple[str, str] | WeightsEnum | SupportsIndex) -> Row: ...
    def __getitem__(self, key: Any) -> Row | Catalog:
        """A row by its place, its enum member, (builder, entry), or its builder (the default entry); or a slice.

        Raises:
            ModelNameError: no classifier has this name.
            WeightsError: the model has no such entry, or it is not among these rows.
            IndexError: there are fewer rows.

        Example:
            >>> catalog()["resnet50", "IMAGENET1K_V1"].top1 > catalog()["resnet50"].top1
            True
        """
        if isinstance(key, slice):
            return replace(self, rows=self.rows[key])
        if isinstance(key, WeightsEnum):
            return self._only([row for row in self.rows if row.weights is key], repr(key))
        if isinstance(key, SupportsIndex):
            return self.rows[key]
        name, entry = key if isinstance(key, tuple) and len(key) == 2 else (key, "DEFAULT")
        name = name if name in theirs_and_ours()[1] else known_name(name)  # or that says what is wrong with it
        here = [row for row in self.rows if row.builder == name]
        if entry == "DEFAULT":
            return self._only([row for row in here if row.default] or here, name)
        names = [row.entry for row in here]
        if here and entry not in names:
            raise WeightsError(
                f"{name} has no weights {entry!r} here.{closest(entry, names)} It has {', '.join(names)}."
            )
        return self._only([row for row in here if row.entry == entry], f"{name}, {entry}")

    def _only(self, found: list[Row], asked: str) -> Row:
        if len(found) > 1:
            entries = ", ".join(row.entry for row in found)
            raise WeightsError(
                f"{asked} has several entries here ({entries}): ask for one, as in catalog[model, entry]."
            )
        if not found:
            raise WeightsError(
                f"{asked} is not among these {len(self)} rows: catalog() has all of torchvision's classifiers, "
                "catalog(course=True) the course's and your own as well."
            )
        return found[0]

    def frame(self) -> Any:
        """A pandas DataFrame of the columns that are shown, or of all of them.

        Raises:
            CourseError: pandas is not installed.
        """
        try:
            pandas = importlib.import_module("pandas")
        except ImportError as error:
            raise CourseError(
                "A DataFrame needs pandas, which is not installed here (pip install pandas). Without it, "
                "print(catalog()) shows the rows and catalog().rows holds them."
            ) from error
        names = catalog_words.named(self.columns) if self.columns else NAMES
        return pandas.DataFrame([[getattr(row, name) for name in names] for row in self.rows], columns=names)

    def text(self) -> str:
        """The rows as lines of text."""
        return catalog_words.text(self)

    __str__ = text

    def __repr__(self) -> str:
        models = len({row.builder for row in self.rows})
        return f"Catalog: {len(self)} weights entries of {models} models"

    def _repr_html_(self) -> str:
        return catalog_page.html(self)


def catalog(*, course: bool = False) -> Catalog:
    """Torchvision's classifiers, one row a weights entry, in the order of their names.

    Args:
        course: with the entries that were registered from outside torchvision: the course's own, and the learner's.

    Example:
        >>> rows = catalog()
        >>> rows["alexnet"].year, rows["resnet18"].cls.__name__, rows["swin_t"].kind
        (2012, 'ResNet', 'transformer')
        >>> [row.builder for row in catalog(course=True) if row.course][0]
        'course_mobilenet_v3_small'
    """
    theirs, ours = theirs_and_ours()
    return _catalog(tuple((name, get_model_builder(name)) for name in (*theirs, *(ours if course else ()))))


@lru_cache(maxsize=8)
def _catalog(builders: tuple[tuple[str, object], ...]) -> Catalog:
    return Catalog(tuple(row for name, _ in builders for row in rows_of(name)))


def _known(what: str, given: Names, known: Iterable[str]) -> tuple[str, ...]:
    names = () if given is None else (given,) if isinstance(given, str) else tuple(given)
    known = tuple(dict.fromkeys(known))
    for name in names:
        if name not in known:
            raise CourseError(f"There is no {what} {name!r}.{closest(name, known)} There are: {', '.join(known)}.")
    return names


def _order(by: str) -> Any:
    """A key to sort by: sizes may be a number or a pair, and classes have no order of their own."""

    def key(row: Row) -> Any:
        value = getattr(row, by)
        if isinstance(value, (int, float)):
            return (value,)
        return value if isinstance(value, (str, tuple)) else getattr(value, "__name__", repr(value))

    return key
