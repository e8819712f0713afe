"""`Catalog`: weights entries as a table, which can be filtered, sorted, searched by name and shown.

    >>> light = catalog().where(kind="light-weight").best("top1", each="family").sorted("year")
    >>> print(light.show("year", "top1", "parameters"))
    model               weights                  year  top-1 error, %  parameters, M
    squeezenet1_1       IMAGENET1K_V1 (default)  2016            41.8           1.24
    mobilenet_v2        IMAGENET1K_V2 (default)  2018            27.8           3.50
    shufflenet_v2_x2_0  IMAGENET1K_V1 (default)  2018            23.8           7.39

What an entry says is read in ``entries.py``, and how the table looks is ``catalog_view.py``. Times are not part of it:
they are measured.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, SupportsIndex, overload

from torchvision.models import WeightsEnum

from course_lib.errors import CourseError, WeightsError, closest
from course_lib.models import catalog_view
from course_lib.models.builders import added_names
from course_lib.models.catalog_view import COLUMNS
from course_lib.models.entries import Entry, entries_of
from course_lib.models.families import FAMILIES, KINDS, OTHER
from course_lib.models.pretrained_models import classifier_names, known_name

__all__ = ["Catalog", "catalog"]

Names = str | Iterable[str] | None  # one name, several of which any will do, or no condition


@dataclass(frozen=True, repr=False)
class Catalog:
    """Weights entries in an order, and the columns to show (none: a compact table of them all).

    Example:
        >>> small = catalog().where(default=True, max_megabytes=10).sorted("top1")
        >>> small[0].builder, small["squeezenet1_1"].megabytes < 5
        ('shufflenet_v2_x1_0', True)
    """

    entries: tuple[Entry, ...]
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
        """The entries that meet every condition that is given.

        Args:
            builder, entry: a name, in which ``*`` stands for any letters, as in ``"resnet*"``.
            family, kind: a name, or several of which any will do.
            default: only (True), or all but (False), the entries that are their enum's ``DEFAULT``.
            max_...: the most that is allowed, in the column's own unit; an entry that does not state its number is left
                out.
            since, until: the first and the last year of the family's paper.

        Raises:
            CourseError: a family or a kind that does not exist.

        Example:
            >>> [entry.builder for entry in catalog().where(family="ViT", entry="IMAGENET1K_V1", max_gmacs=5)]
            ['vit_b_32']
            >>> catalog().where(kind="clasic")
            Traceback (most recent call last):
            course_lib.errors.CourseError: There is no kind 'clasic'. Did you mean 'classic'? There are: classic, ...
        """
        families = _known("family", family, [known.name for known in FAMILIES] + [own.family for own in self.entries])
        kinds = _known("kind", kind, [*KINDS, OTHER])
        most = {
            "top1": max_top1, "top5": max_top5, "parameters": max_parameters, "megabytes": max_megabytes,
            "gmacs": max_gmacs, "year": until,
        }  # fmt: skip

        def meets(own: Entry) -> bool:
            limits = [(getattr(own, name), limit) for name, limit in most.items() if limit is not None]
            return (
                (builder is None or fnmatchcase(own.builder, builder))
                and (entry is None or fnmatchcase(own.entry, entry))
                and (not families or own.family in families)
                and (not kinds or own.kind in kinds)
                and (default is None or own.default == default)
                and (since is None or (own.year is not None and own.year >= since))
                and all(value is not None and value <= limit for value, limit in limits)
            )

        return replace(self, entries=tuple(filter(meets, self.entries)))

    def sorted(self, by: str, *, reverse: bool = False) -> Catalog:
        """The same entries in the order of a column, the smallest first unless ``reverse``, those without a value last.

        Raises:
            CourseError: there is no such column.
        """
        _known("column", by, COLUMNS)
        known = [entry for entry in self.entries if getattr(entry, by) is not None]
        unknown = [entry for entry in self.entries if getattr(entry, by) is None]
        return replace(self, entries=(*sorted(known, key=_order(by), reverse=reverse), *unknown))

    def best(self, by: str, *, each: str) -> Catalog:
        """The entry with the smallest ``by`` for every value of ``each``, in the order in which the values come first.

        Example:
            >>> best = catalog().best("top1", each="kind")
            >>> [entry.builder for entry in best if entry.kind in ("classic", "light-weight")]
            ['resnext101_64x4d', 'shufflenet_v2_x2_0']
        """
        _known("column", each, COLUMNS)
        best = {getattr(entry, each): entry for entry in reversed(self.sorted(by).entries)}
        return replace(self, entries=tuple(best[value] for value in dict.fromkeys(getattr(e, each) for e in self)))

    def show(self, *columns: str) -> Catalog:
        """The same entries, shown with these columns after their names.

        Raises:
            CourseError: there is no such column.

        Example:
            >>> print(catalog().where(builder="resnet50").show("top1", "resize", "crop"))
            model     weights                  top-1 error, %  resize  crop
            resnet50  IMAGENET1K_V1                      23.9     256   224
            resnet50  IMAGENET1K_V2 (default)            19.1     232   224
        """
        _known("column", columns, COLUMNS)
        return replace(self, columns=columns)

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    @overload
    def __getitem__(self, key: slice) -> Catalog: ...
    @overload
    def __getitem__(self, key: str | tuple[str, str] | WeightsEnum | SupportsIndex) -> Entry: ...
    def __getitem__(self, key: Any) -> Entry | Catalog:
        """An entry by its place, its enum member, (builder, entry), or its builder (the default entry); or a slice.

        Raises:
            ModelNameError: no classifier has this name.
            WeightsError: the model has no such entry, or it is not in this table.
            IndexError: there are fewer entries.

        Example:
            >>> catalog()["resnet50", "IMAGENET1K_V1"].top1 > catalog()["resnet50"].top1
            True
        """
        if isinstance(key, slice):
            return replace(self, entries=self.entries[key])
        if isinstance(key, WeightsEnum):
            return self._only([own for own in self.entries if own.weights is key], repr(key))
        if isinstance(key, SupportsIndex):
            return self.entries[key]
        name, entry = key if isinstance(key, tuple) and len(key) == 2 else (key, "DEFAULT")
        name = name if name in added_names() else known_name(name)  # which says what is wrong with an unknown name
        here = [own for own in self.entries if own.builder == name]
        if entry == "DEFAULT":
            return self._only([own for own in here if own.default] or here, name)
        names = [own.entry for own in here]
        if here and entry not in names:
            raise WeightsError(
                f"{name} has no weights {entry!r} here.{closest(entry, names)} It has {', '.join(names)}."
            )
        return self._only([own for own in here if own.entry == entry], f"{name}, {entry}")

    def _only(self, matches: list[Entry], asked: str) -> Entry:
        if len(matches) > 1:
            entries = ", ".join(entry.entry for entry in matches)
            raise WeightsError(
                f"{asked} has several entries here ({entries}): ask for one, as in catalog[model, entry]."
            )
        if not matches:
            raise WeightsError(
                f"{asked} is not among these {len(self)} entries: catalog() has all of torchvision's classifiers, "
                "catalog(course=True) the course's and your own as well."
            )
        return matches[0]

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
                "print(catalog()) shows the entries and catalog().entries holds them."
            ) from error
        names = catalog_view.named(self.columns) if self.columns else tuple(COLUMNS)
        return pandas.DataFrame([[getattr(entry, name) for name in names] for entry in self], columns=names)

    def __str__(self) -> str:
        return catalog_view.text(self.entries, self.columns)

    def __repr__(self) -> str:
        models = len({entry.builder for entry in self})
        entries = "entry" if len(self) == 1 else "entries"
        return f"Catalog: {len(self)} weights {entries} of {models} model{'s' * (models != 1)}"

    def _repr_html_(self) -> str:
        return catalog_view.html(self.entries, self.columns)


def catalog(*, course: bool = False) -> Catalog:
    """Torchvision's classifiers: one ``Entry`` for each member of their weights enums, in the order of their names.

    The entries are those that ``entry_of`` gives for one set of weights.

    Args:
        course: with the entries that were registered from outside torchvision: the course's own, and the learner's.

    Example:
        >>> table = catalog()
        >>> table["alexnet"].year, table["resnet18"].cls.__name__, table["swin_t"].kind
        (2012, 'ResNet', 'transformer')
        >>> [entry.builder for entry in catalog(course=True) if entry.course][0]
        'course_mobilenet_v3_small'
    """
    names = (*classifier_names(), *(added_names() if course else ()))
    return _catalog(tuple(entry for name in names for entry in entries_of(name)))


@lru_cache(maxsize=8)
def _catalog(entries: tuple[Entry, ...]) -> Catalog:
    """The same object for the same entries."""
    return Catalog(entries)


def _known(what: str, given: Names, known: Iterable[str]) -> tuple[str, ...]:
    names = () if given is None else (given,) if isinstance(given, str) else tuple(given)
    known = tuple(dict.fromkeys(known))
    for name in names:
        if name not in known:
            raise CourseError(f"There is no {what} {name!r}.{closest(name, known)} There are: {', '.join(known)}.")
    return names


def _order(by: str) -> Any:
    """A key to sort by: sizes may be a number or a pair, and classes have no order of their own."""

    def key(entry: Entry) -> Any:
        value = getattr(entry, by)
        if isinstance(value, (int, float)):
            return (value,)
        return value if isinstance(value, (str, tuple)) else getattr(value, "__name__", repr(value))

    return key
