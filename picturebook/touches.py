"""Small habits of the hand that several drawings share: choosing, bundles of outlines, fur, shine, eyes.

Nothing here knows a class; the brush itself is in ``canvas.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from matplotlib.path import Path
from numpy.typing import ArrayLike, NDArray

from picturebook.canvas import Brush, Color, darker, mix, smooth

__all__ = ["Ink", "blob", "bundle", "chance", "eye", "fur", "ink", "limb", "ovals", "pick", "polyline", "ring", "vec"]

Array = NDArray[np.float64]
T = TypeVar("T")
_CIRCLE = np.asarray(Path.unit_circle().vertices, float)
_CIRCLE_CODES = np.asarray(Path.unit_circle().codes, Path.code_type)
WHITE: Color = (1.0, 1.0, 1.0)
NIGHT: Color = (0.07, 0.06, 0.08)


def pick(rng: np.random.Generator, items: Sequence[T]) -> T:
    """One of ``items``, each as likely as the others."""
    return items[int(rng.integers(len(items)))]


def chance(rng: np.random.Generator, share: float) -> bool:
    """True in ``share`` (0 to 1) of all cases."""
    return bool(rng.random() < share)


@dataclass(frozen=True)
class Ink:
    """How a drawing is finished: its rim (``edge`` None: no rim), the rim's ``width``, and shaded or flat."""

    edge: Color | None
    width: float
    shaded: bool


def ink(rng: np.random.Generator, base: Color, outlined: float = 0.5) -> Ink:
    """A finish that suits a body of colour ``base``; ``outlined`` is the share of drawings with a rim."""
    edge = mix(darker(base, 0.6), NIGHT, rng.uniform(0, 0.7)) if chance(rng, outlined) else None
    return Ink(edge, float(rng.uniform(0.012, 0.03)), chance(rng, 0.7))


def vec(*numbers: float) -> Array:
    """A point or a step."""
    return np.array(numbers, float)


def bundle(outlines: Sequence[Path]) -> Path:
    """Many outlines as one, so that seeds, scales or hairs cost a single stroke of the brush."""
    if not outlines:
        return Path(np.zeros((1, 2)), np.array([Path.MOVETO], Path.code_type))
    return Path(np.concatenate([o.vertices for o in outlines]), np.concatenate([o.codes for o in outlines]))


def ovals(shapes: ArrayLike) -> Path:
    """Many ellipses, rows of (x, y, rx, ry, angle in degrees), as one outline."""
    rows = np.asarray(shapes, float).reshape(-1, 5)
    a = np.deg2rad(rows[:, 4])[:, None]
    x, y = rows[:, 2:3] * _CIRCLE[:, 0], rows[:, 3:4] * _CIRCLE[:, 1]
    points = np.stack([rows[:, :1] + x * np.cos(a) - y * np.sin(a), rows[:, 1:2] + x * np.sin(a) + y * np.cos(a)], 2)
    return Path(points.reshape(-1, 2), np.tile(_CIRCLE_CODES, len(rows))) if len(rows) else bundle([])


def limb(joints: ArrayLike, widths: ArrayLike) -> Path:
    """A jointed limb, as insects have: straight tapering pieces through ``joints`` (n, 2) with round knees."""
    p, half = np.asarray(joints, float), np.asarray(widths, float)[:, None] / 2
    along = np.diff(p, axis=0)
    side = np.stack([-along[:, 1], along[:, 0]], 1) / (np.linalg.norm(along, axis=1, keepdims=True) + 1e-9)
    pieces = np.stack([p[:-1] - side * half[:-1], p[1:] - side * half[1:], p[1:] + side * half[1:]], 1)
    corners = np.concatenate([pieces, (p[:-1] + side * half[:-1])[:, None], pieces[:, :1]], 1)
    codes = np.tile(np.array([1, 2, 2, 2, 2], Path.code_type), len(along))
    knees = ovals(np.hstack([p, half, half, 0 * half]))
    return Path(np.concatenate([corners.reshape(-1, 2), knees.vertices]), np.concatenate([codes, knees.codes]))


def polyline(points: ArrayLike) -> Path:
    """An open line through ``points`` (n, 2) that may go into a ``bundle``."""
    p = np.asarray(points, float)
    codes = np.full(len(p), Path.LINETO, Path.code_type)
    codes[0] = Path.MOVETO
    return Path(p, codes)


def ring(x: float, y: float, rx: float, ry: float, n: int = 24, start: float = 0.0, stop: float = 360.0) -> Array:
    """Points (n, 2) on an ellipse from ``start`` to ``stop`` degrees."""
    turn = np.deg2rad(np.linspace(start, stop, n, endpoint=stop - start < 359.9))
    return np.stack([x + rx * np.cos(turn), y + ry * np.sin(turn)], 1)


def fur(rng: np.random.Generator, points: ArrayLike, length: float) -> Path:
    """A furry closed outline: hairs about ``length`` long stand out from a smooth outline through ``points``."""
    rim = np.asarray(points, float)
    along = np.roll(rim, -1, 0) - np.roll(rim, 1, 0)
    out = np.stack([along[:, 1], -along[:, 0]], 1) / (np.linalg.norm(along, axis=1, keepdims=True) + 1e-9)
    tips = rim + along * rng.uniform(-0.2, 0.45, (len(rim), 1)) + out * (length * rng.uniform(0.6, 1.1, (len(rim), 1)))
    both = np.empty((2 * len(rim), 2))
    both[::2], both[1::2] = rim, tips
    return polyline(np.vstack([both, both[:1]]))


def eye(brush: Brush, x: float, y: float, r: float, *, iris: Color | None = None, rim: Color | None = None) -> None:
    """A round eye with a highlight; ``iris`` None: a plain dark bead."""
    if iris is not None:
        brush.oval(x, y, r, color=iris, edge=rim, width=r * 0.2)
    brush.oval(x, y, r * (0.62 if iris is not None else 1.0), color=NIGHT)
    brush.oval(x + 0.25 * r, y + 0.3 * r, r * 0.25, color=WHITE)
    if iris is not None:
        brush.oval(x - 0.22 * r, y - 0.26 * r, r * 0.11, color=WHITE, alpha=0.8)


def blob(
    rng: np.random.Generator, x: float, y: float, r: float, squash: float = 1.0, angle: float = 0.0, rough: float = 0.3
) -> Path:
    """A soft irregular patch of about radius ``r``, ``squash`` times as high as wide, turned by ``angle`` degrees."""
    turn = np.linspace(0, 2 * np.pi, 8, endpoint=False) + rng.uniform(0, 6)
    radii = r * rng.uniform(1 - rough, 1 + rough, 8)
    a = np.deg2rad(angle)
    flat = np.stack([radii * np.cos(turn), squash * radii * np.sin(turn)], 1)
    return smooth(flat @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) + [x, y])
