"""Rounded bodies in space, seen from a side: what lets one ant be drawn from the side, from above or from the front.

Space: x forward, y to the left, z up. A drawing collects its parts with their depth and paints them from far to near.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from matplotlib.path import Path
from numpy.typing import ArrayLike, NDArray

from picturebook.canvas import Brush, ellipse

__all__ = ["Model", "View"]

Array = NDArray[np.float64]
Silhouette = tuple[float, float, float, float, float]


class View:
    """A direction to look from: ``yaw`` degrees turn the model (0 faces right), ``pitch`` raises the eye (90: above),
    ``roll`` turns the paper."""

    def __init__(self, yaw: float, pitch: float, roll: float = 0.0) -> None:
        a, e, c = np.deg2rad(yaw), np.deg2rad(pitch), np.deg2rad(roll)
        turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
        look = np.array([[1, 0, 0], [0, np.sin(e), np.cos(e)], [0, -np.cos(e), np.sin(e)]])
        paper = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
        self.matrix: Array = paper @ look @ turn

    def flat(self, points: ArrayLike) -> Array:
        """Points (..., 3) as (..., 2) on the paper."""
        return (np.asarray(points, float) @ self.matrix.T)[..., :2]

    def depth(self, point: ArrayLike) -> float:
        """How near a point is to the eye (larger: nearer)."""
        return float(np.asarray(point, float) @ self.matrix[2])

    @staticmethod
    def frame(tilt: float, turn: float) -> Array:
        """The axes (3, 3) of a part whose nose is tilted up and turned left by degrees."""
        t, s = np.deg2rad(tilt), np.deg2rad(turn)
        up = np.array([[np.cos(t), 0, -np.sin(t)], [0, 1, 0], [np.sin(t), 0, np.cos(t)]])
        left = np.array([[np.cos(s), -np.sin(s), 0], [np.sin(s), np.cos(s), 0], [0, 0, 1]])
        return np.asarray(left @ up)

    def ellipsoid(self, centre: ArrayLike, radii: ArrayLike, tilt: float = 0.0, turn: float = 0.0) -> Silhouette:
        """The silhouette (x, y, rx, ry, angle) of an ellipsoid whose nose is tilted up and turned left by degrees."""
        half = (self.matrix @ self.frame(tilt, turn) @ np.diag(np.asarray(radii, float)))[:2]
        (a, b), (_, c) = (half @ half.T).tolist()
        middle, swing = (a + c) / 2, math.hypot((a - c) / 2, b)
        x, y = self.flat(centre)
        angle = math.degrees(0.5 * math.atan2(2 * b, a - c))  # of the long axis, from -90 to 90: "up" stays up
        return float(x), float(y), math.sqrt(middle + swing), math.sqrt(max(middle - swing, 1e-9)), angle


class Model:
    """Parts waiting to be painted from far to near, and the room they take."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._parts: list[tuple[float, int, Callable[[Brush], None]]] = []
        self._low = np.full(2, np.inf)
        self._high = np.full(2, -np.inf)

    def add(self, depth: float, paint: Callable[[Brush], None], extent: ArrayLike) -> None:
        """A part at ``depth``; ``extent`` (n, 2) are points on the paper that it reaches."""
        self._parts.append((depth, len(self._parts), paint))
        reach = np.asarray(extent, float).reshape(-1, 2)
        self._low = np.minimum(self._low, reach.min(0))
        self._high = np.maximum(self._high, reach.max(0))

    def paint(self, brush: Brush, size: float = 1.9) -> None:
        """Paint all parts so that the longer side is ``size`` and the middle lies at the origin."""
        scale = size / float((self._high - self._low).max())
        middle = (self._low + self._high) / 2 * scale
        child = brush.at(-float(middle[0]), -float(middle[1]), scale=scale)
        for _, _, part in sorted(self._parts, key=lambda p: p[:2]):
            part(child)


def outline_of(silhouette: Silhouette) -> tuple[Path, Array]:
    """An ellipsoid's silhouette as an outline, with the corners of its box."""
    x, y, rx, ry, angle = silhouette
    a = np.deg2rad(angle)
    half = np.hypot([rx * np.cos(a), rx * np.sin(a)], [ry * np.sin(a), ry * np.cos(a)])
    return ellipse(*silhouette), np.array([x, y]) + np.array([[-1.0], [1.0]]) * half
