"""How a graph falls apart into one after another and side by side.

Every box lies on some way from the start to the end. A box that all ways pass is a waist: between two waists the
rest falls into branches that have nothing to do with each other, and each branch is taken apart again. What cannot
be taken apart (every layer of a DenseNet feeds all later ones) stays a ladder: its boxes in the order they ran.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["END", "START", "Chain", "Direct", "Gap", "Ladder", "Parallel", "take_apart"]

#: Before and after everything; drawn nowhere.
START, END = -1, 1_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Direct:
    """A tensor goes straight on."""

    @property
    def boxes(self) -> tuple[int, ...]:
        return ()


@dataclass(frozen=True, slots=True, eq=False)
class Ladder:
    """Boxes that cannot be taken apart."""

    boxes: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Waists one after another, and what lies before, between and behind them: one gap more than waists."""

    waists: tuple[int, ...]
    gaps: tuple[Gap, ...]

    @property
    def boxes(self) -> tuple[int, ...]:
        return tuple(sorted((*self.waists, *(box for gap in self.gaps for box in gap.boxes))))


@dataclass(frozen=True, slots=True, eq=False)
class Parallel:
    """Branches side by side."""

    branches: tuple[Gap, ...]

    @property
    def boxes(self) -> tuple[int, ...]:
        return tuple(sorted(box for branch in self.branches for box in branch.boxes))


Gap = Direct | Ladder | Chain | Parallel


def take_apart(count: int, pairs: Sequence[tuple[int, int]]) -> Gap:
    """A graph's structure.

    Args:
        count: boxes are numbered from 0 to count − 1.
        pairs: (from, to) with from < to.

    Example:
        >>> take_apart(3, [(0, 1), (1, 2), (0, 2)])  # a shortcut from 0 to 2
        Chain(waists=(0, 2), gaps=(Direct(), Parallel(branches=(Chain(waists=(1,), gaps=(Direct(), Direct())),
            Direct())), Direct()))
    """
    fed, feeding = {b for _, b in pairs}, {a for a, _ in pairs}
    ends = [(START, box) for box in range(count) if box not in fed]
    ends += [(box, END) for box in range(count) if box not in feeding]
    return _region(START, END, tuple(range(count)), [*pairs, *ends])


def _region(start: int, end: int, inner: tuple[int, ...], pairs: Sequence[tuple[int, int]]) -> Gap:
    """What lies between two boxes; ``pairs`` are those among start, inner and end."""
    direct = (start, end) in pairs
    groups = _apart(inner, pairs)
    if not groups:
        return Direct()
    if direct or len(groups) > 1:
        branches: list[Gap] = []
        for group in groups:
            here = {start, end, *group}
            kept = [(a, b) for a, b in pairs if a in here and b in here and (a, b) != (start, end)]
            branches.append(_region(start, end, group, kept))
        if direct and len(branches) == 1 and isinstance(branches[0], Ladder):
            return branches[0]  # one tensor more that is needed later
        return Parallel((*branches, *([Direct()] if direct else [])))
    waists = [box for box in inner if not any(a < box < b for a, b in pairs)]
    if not waists:
        return Ladder(inner)
    stops = (start, *waists, end)
    gaps: list[Gap] = []
    for a, b in itertools.pairwise(stops):
        between = tuple(box for box in inner if a < box < b)
        gaps.append(_region(a, b, between, [(c, d) for c, d in pairs if a <= c and d <= b]))
    return Chain(tuple(waists), tuple(gaps))


def _apart(inner: tuple[int, ...], pairs: Sequence[tuple[int, int]]) -> list[tuple[int, ...]]:
    """The groups of boxes that no tensor joins, in the order of their first boxes."""
    leader = {box: box for box in inner}

    def find(box: int) -> int:
        while leader[box] != box:
            box = leader[box]
        return box

    for a, b in pairs:
        if a in leader and b in leader:
            low, high = sorted((find(a), find(b)))
            leader[high] = low
    groups: dict[int, list[int]] = {}
    for box in inner:
        groups.setdefault(find(box), []).append(box)
    return [tuple(group) for group in groups.values()]
