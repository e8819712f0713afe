"""Label placement: where a chart's labels stand so that none lies over another, near their points or on a thin line.

Pure arithmetic in pixels; nothing is drawn here. First come, first served is followed by rounds in which each label may
move to a better place; what cannot be placed without overlap is left out, never laid over another.
The idea is that of Christensen, Marks and Shieber 1995 (https://doi.org/10.1145/212332.212334): a few candidate places
for each label, and a cost for what each would cover.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bubble", "Label", "place_labels"]

Floats = NDArray[np.float64]
_ANGLES = np.radians([0, 45, 315, 135, 225, 90, 270, 180, 20, 340, 160, 200])
_RINGS = (3.0, 9.0, 18.0, 30.0, 45.0, 64.0, 90.0, 125.0)  # pixels between a bubble's edge and its label
_NEAR = 9.0  # up to here a label needs no line to its bubble, unless another bubble is nearer
_TRIED = 56  # places of each label that are tried beside the others
_FIRST = 8  # of them, before all the rest
_GAP = 3.0  # between two labels
_WRONG = 1e6
_FINE = 18.0  # of the labels' costs, in the middle: nothing crosses, and few stand far from their bubble


@dataclass(frozen=True)
class Bubble:
    """A disc that labels should not cover: its middle and its radius, in pixels."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Label:
    """Where a label stands: its corner nearest to the origin, its size, and a line from its bubble's middle, if any."""

    left: float
    bottom: float
    wide: float
    tall: float
    line: tuple[tuple[float, float], tuple[float, float]] | None

    def overlaps(self, other: Label) -> bool:
        """Whether the two share any area."""
        across = min(self.left + self.wide, other.left + other.wide) - max(self.left, other.left)
        return across > 0 and min(self.bottom + self.tall, other.bottom + other.tall) > max(self.bottom, other.bottom)


def place_labels(
    bubbles: Sequence[Bubble],
    sizes: Sequence[tuple[float, float] | None],
    room: tuple[float, float, float, float],
    *,
    taken: Sequence[tuple[float, float, float, float]] = (),
    lines: Sequence[tuple[tuple[float, float], tuple[float, float]]] = (),
    rounds: int = 3,
) -> list[Label | None]:
    """Find a place for every label.

    Args:
        bubbles: all of the chart's bubbles; labels keep off them where they can.
        sizes: each bubble's label, wide and tall; None for a bubble without one.
        room: left, bottom, right, top of where labels may stand.
        taken: places like ``room`` that no label may touch.
        lines: of the chart; labels keep off them where they can.
        rounds: how often every label may move.

    Returns:
        For each bubble its label; None where it has none, or where there is no free place for it.

    Example:
        >>> two = place_labels([Bubble(50, 50, 5), Bubble(52, 50, 5)], [(60, 12), (60, 12)], (0, 0, 200, 100))
        >>> two[0].overlaps(two[1])
        False
    """
    wanted = [k for k, size in enumerate(sizes) if size is not None]
    discs = np.array([(disc.x, disc.y, disc.radius) for disc in bubbles], np.float64).reshape(-1, 3)
    if not wanted:
        return [None] * len(bubbles)
    blocked = np.array(taken, np.float64).reshape(-1, 4)
    drawn = np.array(lines, np.float64).reshape(-1, 4)
    choices = [_Choices(k, sizes[k] or (0, 0), discs, room, blocked, drawn) for k in wanted]
    crowded = sorted(range(len(wanted)), key=lambda j: -choices[j].crowding)
    # The order decides who gets the good places. Where that leaves somebody with a bad one, others are tried.
    across = sorted(crowded, key=lambda j: discs[wanted[j], 0])
    up = sorted(crowded, key=lambda j: discs[wanted[j], 1])
    best: tuple[float, list[int]] = (math.inf, [])
    for order in (crowded, up, across[::-1]):
        best = min(best, _settle(choices, order, rounds))
        if best[0] < _FINE * len(wanted):
            break
    chosen = best[1]
    labels: list[Label | None] = [None] * len(bubbles)
    for j, k in enumerate(wanted):
        if chosen[j] >= 0:
            left, bottom, right, top = (float(value) for value in choices[j].boxes[chosen[j]])
            x0, y0, x1, y1 = (float(value) for value in choices[j].lines[chosen[j]])
            line = ((x0, y0), (x1, y1)) if choices[j].far[chosen[j]] else None
            labels[k] = Label(left, bottom, right - left, top - bottom, line)
    return labels


def _settle(choices: Sequence[_Choices], order: Sequence[int], rounds: int) -> tuple[float, list[int]]:
    """Give every label a place in this order, let each move in turn, and say what it costs altogether."""
    boxes = np.full((len(choices), 4), np.nan)
    lines = np.full((len(choices), 4), np.nan)
    chosen = [-2] * len(choices)
    costs = [math.inf] * len(choices)
    stayed = 0  # in a row, since the last one that moved
    for j in [*order] * (rounds + 1):
        boxes[j] = lines[j] = np.nan
        best, costs[j] = choices[j].best(boxes, lines)
        stayed = stayed + 1 if best == chosen[j] else 0
        chosen[j] = best
        if best >= 0:
            boxes[j], lines[j] = choices[j].boxes[best], choices[j].lines[best]
        if stayed == len(order) - 1:
            break
    return sum(costs), chosen


class _Choices:
    """The candidate places of one label, and what each costs whatever the other labels do."""

    def __init__(
        self, k: int, size: tuple[float, float], discs: Floats, room: tuple[float, float, float, float], taken: Floats,
        drawn: Floats,
    ) -> None:  # fmt: skip
        (x, y, radius), (wide, tall) = discs[k], size
        across, up, rings = _directions()
        middle_x = x + across * (radius + rings) + np.clip(1.6 * across, -1, 1) * wide / 2
        middle_y = y + up * (radius + rings) + np.clip(1.6 * up, -1, 1) * tall / 2
        inside = 2 * radius > wide + 4
        if inside:  # a big bubble holds its label itself
            middle_x, middle_y = np.append(x, middle_x), np.append(y, middle_y)
            rings = np.append(0.0, rings)
        self.boxes = np.stack(
            [middle_x - wide / 2, middle_y - tall / 2, middle_x + wide / 2, middle_y + tall / 2], axis=1
        )
        left, bottom, right, top = room
        free = (self.boxes[:, 0] >= left) & (self.boxes[:, 1] >= bottom)
        free &= (self.boxes[:, 2] <= right) & (self.boxes[:, 3] <= top)
        if len(taken):
            free &= ~(_shared(self.boxes, taken) > 0).any(1)
        order = np.arange(len(rings)) % len(_ANGLES) * 0.15
        self.boxes, rings, order = self.boxes[free], rings[free], order[free]
        others = discs[discs[:, 2] < radius] if inside else np.delete(discs, k, axis=0)
        off = _off(self.boxes, others)  # pixels from each place to each other bubble; below 0 inside it
        self.cost = rings + 0.004 * rings**2 + order
        self.far = rings > _NEAR
        if len(others):
            self.cost += (np.clip(1 - off, 0, 8) * np.where(others[:, 2] < 24, 9.0, 5.0)).sum(1)
            confusing = (off.min(1) < 2.5 * rings + 6) & (rings > 0)
            self.cost += 6 * confusing
            self.far |= confusing
        near_x, near_y = np.clip(x, self.boxes[:, 0], self.boxes[:, 2]), np.clip(y, self.boxes[:, 1], self.boxes[:, 3])
        self.lines = np.stack([np.full_like(near_x, x), np.full_like(near_x, y), near_x, near_y], axis=1)
        self.lines[~self.far] = np.nan
        if len(drawn):
            self.cost += 15 * _cross(_diagonals(self.boxes), drawn).any(1).reshape(2, -1).any(0)
        if len(others) and self.far.any():
            self.cost[self.far] += 12 * _met(self.lines[self.far], others)
        kept = np.argsort(self.cost, kind="stable")[:_TRIED]
        # What its eight best places cost on average; a missing one counts as wrong.
        self.crowding = (float(self.cost[kept[:8]].sum()) + _WRONG * max(8 - len(kept), 0)) / 8
        self.boxes, self.lines, self.cost, self.far = (
            self.boxes[kept],
            self.lines[kept],
            self.cost[kept],
            self.far[kept],
        )

    def best(self, boxes: Floats, lines: Floats) -> tuple[int, float]:
        """The cheapest place beside the other labels, and its cost; -1 when every one of them would overlap.

        Others only add to a place's own cost, and places are sorted by it: mostly the first few hold the cheapest.
        """
        if not len(self.cost):
            return -1, _WRONG
        there = ~np.isnan(boxes[:, 0])
        grown = boxes[there] + np.array([-_GAP, -1, _GAP, 1])
        ways = lines[there]
        ways = ways[~np.isnan(ways[:, 0])]
        for first in (_FIRST, len(self.cost)):
            cost = self._beside(grown, ways, first)
            best = int(cost.argmin())
            if first >= len(self.cost) or cost[best] <= self.cost[first]:
                break
        return (best if cost[best] < _WRONG else -1), float(min(cost[best], _WRONG))

    def _beside(self, others: Floats, ways: Floats, first: int) -> Floats:
        """What the ``first`` places cost beside the other labels (N, 4) and their lines (M, 4)."""
        cost = self.cost[:first].copy()
        if len(others):
            cost += _WRONG * (_shared(self.boxes[:first], others) > 0).any(1)
            free = np.flatnonzero(cost < _WRONG)
            far = free[self.far[free]]
            ours = np.concatenate([self.lines[far], _diagonals(self.boxes[free])])
            met = _cross(ours, np.concatenate([_diagonals(others), ways]))
            through_label, over_line = met[: len(far), : 2 * len(others)], met[: len(far), 2 * len(others) :]
            cost[far] += 300 * through_label.sum(1) + 40 * over_line.sum(1)
            cost[free] += 300 * met[len(far) :, 2 * len(others) :].sum(1).reshape(2, -1).sum(0)
        return cost


@lru_cache(maxsize=1)
def _directions() -> tuple[Floats, Floats, Floats]:
    rings = np.repeat(_RINGS, len(_ANGLES))
    angles = np.tile(_ANGLES, len(_RINGS))
    return np.cos(angles), np.sin(angles), rings


def _shared(boxes: Floats, others: Floats) -> Floats:
    """(N, 4), (M, 4) → (N, M) areas that they share."""
    across = np.minimum(boxes[:, None, 2], others[None, :, 2]) - np.maximum(boxes[:, None, 0], others[None, :, 0])
    up = np.minimum(boxes[:, None, 3], others[None, :, 3]) - np.maximum(boxes[:, None, 1], others[None, :, 1])
    return np.asarray(np.maximum(across, 0) * np.maximum(up, 0))


def _off(boxes: Floats, discs: Floats) -> Floats:
    """(N, 4), (M, 3) → (N, M): how far a box is from a disc's edge; below 0 where it reaches inside."""
    across = np.maximum(np.maximum(boxes[:, None, 0] - discs[:, 0], discs[:, 0] - boxes[:, None, 2]), 0)
    up = np.maximum(np.maximum(boxes[:, None, 1] - discs[:, 1], discs[:, 1] - boxes[:, None, 3]), 0)
    return np.asarray(np.hypot(across, up) - discs[:, 2])


def _met(lines: Floats, discs: Floats) -> Floats:
    """(N,): over how many bubbles' middles a line passes."""
    x, y, way_x, way_y = lines[:, 0:1], lines[:, 1:2], lines[:, 2:3] - lines[:, 0:1], lines[:, 3:4] - lines[:, 1:2]
    long = np.maximum(way_x**2 + way_y**2, 1e-9)
    at = np.clip(((discs[:, 0] - x) * way_x + (discs[:, 1] - y) * way_y) / long, 0, 1)
    away = np.sqrt((x + at * way_x - discs[:, 0]) ** 2 + (y + at * way_y - discs[:, 1]) ** 2)
    return np.asarray((away < np.minimum(discs[:, 2], 7) + 1).sum(1), np.float64)


def _cross(lines: Floats, others: Floats) -> NDArray[np.bool_]:
    """(N, 4), (M, 4) → (N, M): whether two lines cross; a missing line (nan) crosses nothing."""
    return np.asarray((_sides(lines, others) < 0) & (_sides(others, lines) < 0).T)


def _sides(lines: Floats, others: Floats) -> Floats:
    """(N, 4), (M, 4) → (N, M): below 0 where the others' two ends are on different sides of a line."""
    x0, y0, x1, y1 = lines.T[:, :, None]
    ends = others.reshape(-1, 2)
    side = (x1 - x0) * ends[:, 1] - (y1 - y0) * ends[:, 0] + (x0 * y1 - x1 * y0)
    return np.asarray(side[:, ::2] * side[:, 1::2])


def _diagonals(boxes: Floats) -> Floats:
    """(N, 4) → (2N, 4): a line that passes through a box crosses one of its diagonals."""
    return np.concatenate([boxes, boxes[:, [0, 3, 2, 1]]])
