"""How far a share of right answers can be trusted, and how two shares on the same pictures are compared.

``wilson`` is the interval of one share. Two intervals that overlap prove nothing either way; two classifiers, or two
ways to prepare a picture, are compared with ``paired``: only the pictures that one of them got right and the other
got wrong tell them apart.

Edwin B. Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953; Quinn McNemar 1947,
https://doi.org/10.1007/BF02295996.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from course_lib.errors import CourseError
from course_lib.tables import Column, html_table

__all__ = ["Paired", "paired", "wilson"]


def wilson(right: int, count: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval for a share: it stays between 0 and 1, and is never empty, not even for 0 or all.

    Args:
        right: how many were right.
        count: of how many.
        confidence: how often intervals made like this one hold the true share, between 0 and 1.

    Returns:
        (low, high), shares from 0 to 1.

    Raises:
        CourseError: nothing was counted, or more were right than there are, or a confidence outside 0 … 1.

    Example:
        >>> [round(edge, 3) for edge in wilson(98, 100)]
        [0.93, 0.994]
        >>> [round(edge, 3) for edge in wilson(20, 20)]
        [0.839, 1.0]
    """
    try:
        right, count = operator.index(right), operator.index(count)
    except TypeError:
        given = f"{str(right)[:40]} and {str(count)[:40]}"
        raise CourseError(f"Wilson's interval takes two whole numbers, right and count, not {given}.") from None
    if not 0 <= right <= count or not count:
        raise CourseError(
            f"{right} of {count} isn't a share: count at least one picture, and at most all of them right."
        )
    if not 0 < confidence < 1:
        raise CourseError(f"confidence={confidence!r}: give a number between 0 and 1, such as 0.95.")
    z = NormalDist().inv_cdf((1 + confidence) / 2)  # 1.96 for 95%
    share = right / count
    middle = share + z**2 / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    low, high = ((middle + side * half) / (1 + z**2 / count) for side in (-1, 1))
    return (0.0 if right == 0 else low), (1.0 if right == count else high)  # without the last bit's error


@dataclass(frozen=True, repr=False)
class Paired:
    """Two rows of right and wrong answers to the same pictures, sorted by who was right.

    Attributes:
        both, only_first, only_second, neither: the places of the pictures in the rows, from 0.
        names: what the two are called.
    """

    both: tuple[int, ...]
    only_first: tuple[int, ...]
    only_second: tuple[int, ...]
    neither: tuple[int, ...]
    names: tuple[str, str] = ("first", "second")

    @property
    def count(self) -> int:
        """How many pictures there are."""
        return len(self.both) + len(self.only_first) + len(self.only_second) + len(self.neither)

    @property
    def difference(self) -> float:
        """The first's share of right answers minus the second's, from -1 to 1."""
        return (len(self.only_first) - len(self.only_second)) / self.count

    @property
    def p_value(self) -> float:
        """McNemar's exact test: how often fair coins would be at least as one-sided as this.

        If both were equally good, each picture that only one of them got would be the first's or the second's like the
        two sides of a coin. Two-sided; 1 where no picture tells them apart.
        """
        tossed = len(self.only_first) + len(self.only_second)
        fewer = min(len(self.only_first), len(self.only_second))
        tail = sum(math.comb(tossed, heads) for heads in range(fewer + 1))
        return min(1.0, float(2 * tail / 2**tossed))

    def __str__(self) -> str:
        first, second = self.names
        return (
            f"{self.count} pictures: both right {len(self.both)}, only {first} {len(self.only_first)}, "
            f"only {second} {len(self.only_second)}, neither {len(self.neither)}; p {_rounded(self.p_value)}"
        )

    def __repr__(self) -> str:
        return f"Paired({self})"

    def _repr_html_(self) -> str:
        first, second = self.names
        rows = [
            (f"{first} right", len(self.both), len(self.only_first)),
            (f"{first} wrong", len(self.only_second), len(self.neither)),
        ]
        columns: list[str | Column] = [
            "",
            Column(f"{second} right", number=True),
            Column(f"{second} wrong", number=True),
        ]
        caption = f"{self.count} pictures; McNemar's exact test: p {_rounded(self.p_value)}"
        return html_table(rows, columns, label=f"{first} and {second} on the same pictures") + f"<div>{caption}</div>"


def paired(
    first: Iterable[Any],
    second: Iterable[Any],
    *,
    names: tuple[str, str] = ("first", "second"),
) -> Paired:
    """Sort pictures by which of two classifiers (or two ways to prepare them) got them right.

    Args:
        first, second: whether each picture was right, in the same order: booleans, zeros and ones, or a tensor.
        names: what the two are called in words and tables.

    Raises:
        CourseError: two rows of different lengths, none at all, or something that is neither right nor wrong.

    Example:
        >>> a = [True] * 98 + [False] * 2
        >>> b = [True] * 92 + [False] * 8
        >>> print(paired(a, b, names=("as trained", "BGR")))
        100 pictures: both right 92, only as trained 6, only BGR 0, neither 2; p = 0.031
        >>> paired(a, b).only_first
        (92, 93, 94, 95, 96, 97)
    """
    rows = [[_is_right(answer) for answer in answers] for answers in (first, second)]
    if len(rows[0]) != len(rows[1]) or not rows[0]:
        raise CourseError(
            f"{len(rows[0])} and {len(rows[1])} answers cannot be compared in pairs: give one for each picture, "
            "for the same pictures in the same order."
        )
    places: dict[tuple[bool, bool], list[int]] = {(a, b): [] for a in (True, False) for b in (True, False)}
    for place, answers in enumerate(zip(*rows, strict=True)):
        places[answers[0], answers[1]].append(place)
    both, only_first, only_second, neither = (tuple(numbers) for numbers in places.values())
    return Paired(both, only_first, only_second, neither, names)


def _is_right(answer: Any) -> bool:
    try:
        if answer in (0, 1):
            return bool(answer)
    except Exception:  # a tensor of several numbers, an object that compares with nothing
        pass
    raise CourseError(f"An answer is right or wrong, True or False, not {str(answer)[:60]!r}.")


def _rounded(p_value: float) -> str:
    return f"= {p_value:.3f}" if p_value >= 0.001 else "< 0.001"
