"""Choose a model: points with an error, a time and a size, the Pareto front, and limits.

Errors and sizes come from the catalogue, times from ``timing`` and ``timing_table``. Everywhere less is better. Charts
of the points are in ``drawing.model_charts`` and ``drawing.bubble_chart``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from course_lib.errors import CourseError, ModelNameError, closest
from course_lib.measuring.clock import Timing
from course_lib.measuring.timing_table import look_up
from course_lib.models.catalog_table import catalog
from course_lib.models.entries import Entry

__all__ = ["Limits", "Point", "answer", "better", "find", "pareto", "points", "within"]

T = TypeVar("T")

#: What two models are compared by, when nothing else is said.
KEYS = ("error", "ms", "megabytes")


@dataclass(frozen=True)
class Point:
    """One model with its weights, as something to choose.

    Attributes:
        name: of the model.
        kind: as in the catalogue: "classic", "light-weight", ...
        error: top-1, the percentage of pictures that it gets wrong.
        ms: one picture's forward, milliseconds.
        megabytes: of the file of weights.
        error5: top-5 error, if it is known.
        low_ms, high_ms: the time's quartiles, if they are known.
        device: where the time was measured.
        machine: the name of that machine.
        stored: whether the time is from the table that was measured once, and not measured here.
    """

    name: str
    kind: str
    error: float
    ms: float
    megabytes: float
    error5: float | None = None
    low_ms: float | None = None
    high_ms: float | None = None
    device: str = "cpu"
    machine: str = ""
    stored: bool = False


@dataclass(frozen=True)
class Limits:
    """The most that a model may have; None where anything goes.

    Example:
        >>> print(Limits(max_ms=30, max_megabytes=20))
        at most 30 ms and 20 MB
        >>> print(Limits())
        without limits
    """

    max_error: float | None = None
    max_ms: float | None = None
    max_megabytes: float | None = None

    def __post_init__(self) -> None:
        for name, limit in asdict(self).items():
            if limit is not None and not (isinstance(limit, (int, float)) and limit > 0):
                raise CourseError(f"{name}={limit!r}: a limit is a number above 0, or None where anything goes.")

    def allows(self, point: Point) -> bool:
        """Whether a point keeps to all of them."""
        pairs = ((point.error, self.max_error), (point.ms, self.max_ms), (point.megabytes, self.max_megabytes))
        return all(limit is None or value <= limit for value, limit in pairs)

    def __str__(self) -> str:
        limits = [
            f"{limit:g}{unit}"
            for limit, unit in ((self.max_error, "% error"), (self.max_ms, " ms"), (self.max_megabytes, " MB"))
            if limit is not None
        ]
        return (
            "at most " + " and ".join(filter(None, (", ".join(limits[:-1]), limits[-1])))
            if limits
            else "without limits"
        )


def points(
    entries: Iterable[Entry] | None = None, *, timings: Mapping[str, Timing] | None = None, device: str = "cpu"
) -> tuple[Point, ...]:
    """Entries of the catalogue with their times, in their order.

    Args:
        entries: of ``catalog()``; every model's default weights, when left out. An entry whose error, size or time
            nobody knows is left out.
        timings: a model's name → what ``measuring.measure_models`` found; what it lacks comes from the stored table.
        device: which of the stored table's times.

    Example:
        >>> small = points(catalog().where(builder="resnet*", default=True, max_megabytes=50))
        >>> [(point.name, point.stored) for point in small]
        [('resnet18', True)]
    """
    known = []
    for entry in catalog().where(default=True) if entries is None else entries:
        side = entry.crop[-1] if isinstance(entry.crop, tuple) else entry.crop
        time = (timings or {}).get(entry.builder)
        if time is None or (side is not None and time.size[-1] != side):
            time = None if side is None else look_up(entry.builder, side, device)
        if time is None or entry.top1 is None or entry.megabytes is None:
            continue
        known.append(
            Point(
                entry.builder, entry.kind, entry.top1, time.ms, entry.megabytes, entry.top5, 1000 * time.low,
                1000 * time.high, time.device, time.machine, time.stored,
            )
        )  # fmt: skip
    return tuple(known)


def pareto(rows: Iterable[T], keys: Sequence[str | Callable[[T], float]] = KEYS) -> tuple[T, ...]:
    """The rows that no other row beats: none is as good in every key and better in one. Less is better.

    Rows that are equal in every key stay together: both are on the front, or neither.

    Args:
        rows: anything with the attributes (or items, for a mapping) that ``keys`` name.
        keys: names, or functions of a row.

    Returns:
        Those of the rows, in their order.

    Raises:
        CourseError: no key, or a row without a number for one.

    Example:
        >>> pareto([{"a": 1, "b": 3}, {"a": 2, "b": 2}, {"a": 2, "b": 3}], ["a", "b"])
        ({'a': 1, 'b': 3}, {'a': 2, 'b': 2})
    """
    listed = list(rows)
    if isinstance(keys, str) or not keys:
        raise CourseError(f"keys={keys!r}: give at least one key in a list, such as ['error', 'ms'].")
    values = [tuple(_value(row, key) for key in keys) for row in listed]
    front: list[tuple[float, ...]] = []
    for own in sorted(set(values)):  # what beats a row stands before it, and so does who beats that from the front
        if not any(_beats(other, own) for other in front):
            front.append(own)
    return tuple(row for row, own in zip(listed, values, strict=True) if own in front)


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def _value(row: Any, key: str | Callable[[Any], float]) -> float:
    try:
        value = key(row) if callable(key) else row[key] if isinstance(row, Mapping) else getattr(row, key)
    except (AttributeError, KeyError):
        raise CourseError(f"There is no {key!r} in {row!r}.") from None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        raise CourseError(f"{key} of {row!r} is {value!r}: rows compare by numbers; leave out those that have none.")
    return float(value)


def within(
    among: Iterable[Point],
    *,
    max_error: float | None = None,
    max_ms: float | None = None,
    max_megabytes: float | None = None,
) -> tuple[Point, ...]:
    """The points that keep to the limits, the smallest error first.

    Args:
        among: the points.
        max_error: top-1, a percentage.
        max_ms: milliseconds for a picture.
        max_megabytes: of the file.

    Raises:
        CourseError: a limit that isn't a number above 0.

    Example:
        >>> two = Point("a", "classic", 30.0, 10.0, 45.0), Point("b", "classic", 25.0, 20.0, 98.0)
        >>> [point.name for point in within(two, max_ms=20)], within(two, max_ms=5)
        (['b', 'a'], ())
    """
    limits = Limits(max_error, max_ms, max_megabytes)
    return tuple(sorted(filter(limits.allows, among), key=lambda point: (point.error, point.ms, point.megabytes)))


def better(among: Iterable[Point], name: str, keys: Sequence[str] = KEYS) -> tuple[Point, ...]:
    """Why nobody should choose a model any more: the points that beat it, the smallest error first; none on the front.

    Raises:
        ModelNameError: no point has this name.

    Example:
        >>> two = Point("old", "classic", 43.0, 20.0, 233.0), Point("new", "light-weight", 32.0, 10.0, 10.0)
        >>> [point.name for point in better(two, "old")], better(two, "new")
        (['new'], ())
    """
    listed = tuple(among)
    own = tuple(_value(find(listed, name), key) for key in keys)
    beating = [point for point in listed if _beats(tuple(_value(point, key) for key in keys), own)]
    return within(beating)


def find(among: Iterable[Point], name: str) -> Point:
    """The point with a name.

    Raises:
        ModelNameError: there is none; the sentence suggests the nearest ones.
    """
    by_name = {point.name: point for point in among}
    if name not in by_name:
        raise ModelNameError(f"{name!r} is not among these {len(by_name)} models.{closest(name, by_name)}")
    return by_name[name]


def answer(among: Sequence[Point], limits: Limits, *, names: int = 4) -> str:
    """The choice in a sentence: how many keep to the limits, and which of them no other one beats.

    When none does, the sentence says which limit alone is in the way, or how few keep to each.

    Example:
        >>> two = Point("a", "classic", 30.0, 10.0, 45.0), Point("b", "classic", 25.0, 20.0, 98.0)
        >>> answer(two, Limits(max_ms=20))
        'At most 20 ms: 2 of 2 models; on the front: b, a.'
        >>> answer(two, Limits(max_error=26, max_ms=10))
        'At most 26% error and 10 ms: none of 2 models. Without the limit on error: a. On time: b.'
    """
    fitting = [point for point in among if limits.allows(point)]
    head = str(limits)[0].upper() + str(limits)[1:]
    if fitting:
        front = within(pareto(fitting))
        more = f" and {len(front) - names} more" if len(front) > names else ""
        return f"{head}: {len(fitting)} of {len(among)} models; on the front: {_names(front[:names])}{more}."
    hints: list[str] = []
    for name, what in (("max_error", "error"), ("max_ms", "time"), ("max_megabytes", "size")):
        if getattr(limits, name) is None:
            continue
        loose = within(among, **{**asdict(limits), name: None})
        if loose:
            best = min(loose, key=lambda point: getattr(point, {"error": "error", "time": "ms"}.get(what, "megabytes")))
            hints.append(f"{'On' if hints else 'Without the limit on'} {what}: {best.name}.")
    return " ".join([f"{head}: none of {len(among)} models.", *hints])


def _names(listed: Iterable[Point]) -> str:
    return ", ".join(point.name for point in listed)
