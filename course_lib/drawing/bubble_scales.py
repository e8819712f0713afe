"""Where a bubble stands in the bubble chart, and how large it is: numbers only, in pixels from the top left corner."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from course_lib.measuring.choosing import Point

__all__ = ["BIGGEST", "BOTTOM", "LEAST", "LEFT", "RIGHT", "TALL", "WIDE", "Scales", "scales_of"]

WIDE, TALL = 840.0, 600.0
LEFT, RIGHT, BOTTOM = 58.0, WIDE - 18, TALL - 78  # the axes
BIGGEST = 30.0  # the radius of a disc for the largest file
LEAST = 24.0  # square pixels: what is smaller would not be seen


@dataclass(frozen=True)
class Scales:
    """Where a point stands, in CSS pixels from the top left corner."""

    errors: tuple[float, float]
    times: tuple[float, float]  # as logarithms
    top: float
    megabyte: float  # square pixels

    def x(self, error: float) -> float:
        return LEFT + (RIGHT - LEFT) * (error - self.errors[0]) / (self.errors[1] - self.errors[0])

    def y(self, ms: float) -> float:
        return BOTTOM - (BOTTOM - self.top) * (math.log10(ms) - self.times[0]) / (self.times[1] - self.times[0])

    def at(self, point: Point) -> tuple[float, float]:
        return self.x(point.error), self.y(point.ms)

    def area(self, megabytes: float) -> float:
        return max(self.megabyte * megabytes, LEAST)

    def radius(self, point: Point) -> float:
        return math.sqrt(self.area(point.megabytes) / math.pi)

    def stairs(self, front: Iterable[Point]) -> list[tuple[float, float]]:
        """The front of error and time: right of it and above it, something is better in both."""
        corners: list[tuple[float, float]] = []
        for point in sorted(front, key=lambda point: point.error):
            x, y = self.at(point)
            corners += [(x, corners[-1][1] if corners else self.top), (x, y)]
        return [*corners, (RIGHT, corners[-1][1])] if corners else []


def scales_of(points: Sequence[Point], top: float) -> Scales:
    """Scales on which every bubble lies inside the axes."""
    megabyte = math.pi * BIGGEST**2 / max(150.0, *(point.megabytes for point in points))
    errors = _reaching([(point.error, point) for point in points], megabyte, RIGHT - LEFT, least=4.0)
    times = _reaching([(math.log10(point.ms), point) for point in points], megabyte, BOTTOM - top, least=0.7)
    return Scales((max(errors[0], 0.0), errors[1]), times, top, megabyte)


def _reaching(
    values: Sequence[tuple[float, Point]], megabyte: float, long: float, *, least: float
) -> tuple[float, float]:
    """The ends of an axis of ``long`` pixels, so that what stands at ``values`` keeps its radius from both."""
    low, high = min(value for value, _ in values), max(value for value, _ in values)
    lacking = max(least - (high - low), 0) / 2
    low, high = low - lacking, high + lacking
    for _ in range(4):
        pixel = (high - low) / long
        pads = [
            (value, pixel * (1.2 * math.sqrt(megabyte * point.megabytes / math.pi) + 14)) for value, point in values
        ]
        low, high = min(low, *(value - pad for value, pad in pads)), max(high, *(value + pad for value, pad in pads))
    return low, high
