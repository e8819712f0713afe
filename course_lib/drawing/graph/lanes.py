"""The lanes beside a ladder: one for each tensor that is needed later than by the next box."""

from __future__ import annotations

import itertools
from collections.abc import Container
from dataclasses import dataclass

from course_lib.drawing.graph.series import Ladder

__all__ = ["Lane", "lanes"]


@dataclass(frozen=True, slots=True)
class Lane:
    """A tensor's way down: from which box, to which boxes, and in which lane, 0 next to the boxes."""

    source: int
    targets: tuple[int, ...]
    number: int


def lanes(part: Ladder, start: int, end: int, edges: Container[tuple[int, int]]) -> list[Lane]:
    """The lanes of a ladder; short ways lie inside, and two share a lane where one ends before the other begins.

    Args:
        start, end: the boxes before and behind it.
        edges: (from, to) of every tensor.

    Example:
        >>> lanes(Ladder((1, 2, 3)), 0, 4, {(0, 1), (0, 2), (1, 2), (1, 3), (2, 3), (0, 4), (3, 4)})
        [Lane(source=0, targets=(2, 4), number=1), Lane(source=1, targets=(3,), number=0)]
    """
    stops = (start, *part.boxes, end)
    after = dict(itertools.pairwise(stops))
    rank = {box: place for place, box in enumerate(stops)}
    later = {
        box: tuple(other for other in stops[1:] if (box, other) in edges and other != after[box]) for box in stops[:-1]
    }
    ways = [(box, targets) for box, targets in later.items() if targets]
    taken: list[list[tuple[int, int]]] = []
    found = []
    for box, targets in sorted(ways, key=lambda one: (rank[one[1][-1]] - rank[one[0]], rank[one[0]])):
        first, last = rank[box], rank[targets[-1]]
        number = next((k for k, lane in enumerate(taken) if all(b <= first or last <= a for a, b in lane)), len(taken))
        if number == len(taken):
            taken.append([])
        taken[number].append((first, last))
        found.append(Lane(box, targets, number))
    return sorted(found, key=lambda lane: rank[lane.source])
