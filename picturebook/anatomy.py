"""What the animals of the book share: joining limbs to one silhouette, painting a coat, and eyes.

It knows no animal; ``camels.py``, ``cats.py`` and ``dogs.py`` do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from matplotlib.path import Path
from matplotlib.transforms import Affine2D
from numpy.typing import ArrayLike, NDArray

from picturebook.canvas import Brush, Color, Point, darker, ellipse, lighter, smooth, tube

T = TypeVar("T")
Points = NDArray[np.float64]
WHITE: Color = (0.98, 0.97, 0.95)
NIGHT: Color = (0.13, 0.11, 0.12)


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of ``options``."""
    return options[int(rng.integers(len(options)))]


def chance(rng: np.random.Generator, share: float) -> bool:
    """True in ``share`` of the cases."""
    return bool(rng.random() < share)


def jitter(rng: np.random.Generator, points: ArrayLike, amount: float = 0.02) -> Points:
    """``points`` (n, 2), each moved a little."""
    p = np.asarray(points, float)
    return p + rng.uniform(-amount, amount, p.shape)


def placed(outline: Path, x: float, y: float, scale: float = 1.0, angle: float = 0.0) -> Path:
    """``outline`` where ``brush.at(x, y, scale=scale, angle=angle)`` would draw it."""
    return outline.transformed(Affine2D().scale(scale).rotate_deg(angle).translate(x, y))


def union(*outlines: Path) -> Path:
    """One outline of several that overlap; all turn the same way, so that overlaps stay filled."""
    return Path.make_compound_path(*(_counterclockwise(outline) for outline in outlines))


def _counterclockwise(outline: Path) -> Path:
    if np.count_nonzero(np.asarray(outline.codes) == Path.MOVETO) > 1:
        return outline  # a union already
    vertices = np.asarray(outline.vertices)
    x, y = vertices[:, 0], vertices[:, 1]
    area = float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1]))
    # Only ellipses carry a closing code, and they turn the right way already; other outlines read the same backwards.
    return outline if area >= 0 else Path(vertices[::-1], outline.codes)


def mirrored(points: ArrayLike) -> Points:
    """A half outline (n, 2), from the top down on the right, completed by its mirror image on the left."""
    p = np.asarray(points, float)
    return np.vstack([p, (p[p[:, 0] > 0] * (-1, 1))[::-1]])


def corner(a: Point, tip: Point, b: Point) -> Path:
    """A triangle from ``a`` over ``tip`` to ``b`` with slightly bulging sides and a rounded tip: a pointed ear."""
    base_a, top, base_b = np.asarray(a), np.asarray(tip), np.asarray(b)
    middle = (base_a + base_b) / 2
    left, right = (base_a + top) / 2, (base_b + top) / 2
    near = [top + (side - top) * 0.16 for side in (left, right)]
    out = [side + (side - (middle + top) / 2) * 0.16 for side in (left, right)]
    return smooth([base_a, out[0], near[0], near[1], out[1], base_b, middle * 1.2 - top * 0.2])


def paint(
    brush: Brush,
    outline: Path,
    color: Color,
    *,
    ink: Color | None = None,
    shade: float = 0.0,
    width: float = 0.035,
    marks: Callable[[], None] | None = None,
) -> None:
    """Fill a silhouette; ``ink`` draws its rim, ``shade`` darkens its lower side, ``marks`` draws on it, clipped."""
    if ink is not None:
        brush.fill(outline, color, edge=ink, width=width)
    if shade <= 0 and marks is None:
        brush.fill(outline, color)
        return
    brush.fill(outline, darker(color, shade))
    with brush.inside(outline):
        if shade > 0:
            brush.fill(placed(outline, -0.02, 0.05), color)
        if marks is not None:
            marks()


def eye(
    brush: Brush,
    x: float,
    y: float,
    r: float,
    *,
    iris: Color,
    pupil: float = 0.55,
    slit: bool = False,
    white: bool = False,
    look: float = 0.0,
    rim: Color = NIGHT,
) -> None:
    """An open eye of radius ``r`` with a highlight; ``pupil`` is its share of the eye, ``look`` moves it sideways."""
    brush.oval(x, y, r * 1.12, r * 1.14, color=rim)
    shift = look * r * 0.3
    if white:
        brush.oval(x, y, r, color=WHITE)
        brush.oval(x + shift, y, r * 0.78, color=iris)
    else:
        brush.oval(x, y, r, color=iris)
        brush.oval(x, y - r * 0.3, r * 0.75, r * 0.55, color=lighter(iris, 0.3), alpha=0.6)
    brush.oval(x + shift, y, r * (pupil * 0.45 if slit else pupil), r * (0.85 if slit else pupil), color=NIGHT)
    brush.oval(x - r * 0.25, y + r * 0.35, r * 0.26, color=(1.0, 1.0, 1.0))
    brush.oval(x + r * 0.3, y - r * 0.35, r * 0.12, color=(1.0, 1.0, 1.0), alpha=0.8)


def shut_eye(brush: Brush, x: float, y: float, r: float, color: Color, *, smile: bool = False) -> None:
    """A closed eye: an arc, hanging when asleep, arched when it smiles."""
    bend = r * 0.55 * (1 if smile else -1)
    brush.line([(x - r, y), (x, y + bend), (x + r, y)], color, r * 0.28)


def hair(points: ArrayLike, width: float) -> Path:
    """A stroke that starts ``width`` wide and ends in a point: stripes of a coat, tufts, lashes."""
    p = np.asarray(points, float)
    return tube(p, np.linspace(width, width * 0.12, len(p)))


def paw(x: float, y: float, size: float) -> Path:
    """A rounded foot whose sole lies at ``y``."""
    return ellipse(x, y + size * 0.55, size, size * 0.58)


def fringe(a: Point, b: Point, hang: Point, count: int, width: float) -> list[Path]:
    """Tufts along the line from ``a`` to ``b``, each ``hang`` long: for the union with a shaggy animal's body."""
    roots = np.linspace(a, b, count)
    tip, side = np.asarray(hang), np.asarray((hang[1], -hang[0]))
    return [hair([p - tip * 0.25, p + tip * 0.4 + side * 0.12, p + tip * (0.85 + 0.15 * (k % 2))], width)
            for k, p in enumerate(roots)]  # fmt: skip
