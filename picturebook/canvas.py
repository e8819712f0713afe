"""The brush that every picture of the book is drawn with.

A thin, painterly face on matplotlib's Agg renderer (antialiased Bezier paths into an RGBA array, no pyplot, no figure).
It knows shapes and colours; it does not know what a camel is (``animals.py``, ``things.py``), nor how a scene is put
together (``scene.py``).

Coordinates: x to the right, y up. An object is drawn in its own square, x and y from -1 to 1; a brush carries the
transform from there to pixels, so that ``brush.at(...)`` moves, turns, scales or mirrors whatever is drawn next.
Colours are (r, g, b) from 0 to 1.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.path import Path
from matplotlib.transforms import Affine2D, IdentityTransform, Transform, TransformedPath
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Brush",
    "Color",
    "bar",
    "capsule",
    "darker",
    "ellipse",
    "lighter",
    "mix",
    "polygon",
    "rounded",
    "smooth",
    "star",
    "tube",
    "vary",
]

Color = tuple[float, float, float]
Point = tuple[float, float]


# -- colours ----------------------------------------------------------------------------------------------------------
def mix(a: Color, b: Color, share: float) -> Color:
    """``a`` with ``share`` (0 to 1) of ``b`` in it."""
    return (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share)


def darker(color: Color, share: float = 0.25) -> Color:
    """``color`` with ``share`` of black in it."""
    return mix(color, (0.0, 0.0, 0.0), share)


def lighter(color: Color, share: float = 0.25) -> Color:
    """``color`` with ``share`` of white in it."""
    return mix(color, (1.0, 1.0, 1.0), share)


def vary(
    rng: np.random.Generator, color: Color, hue: float = 0.02, saturation: float = 0.1, value: float = 0.1
) -> Color:
    """A neighbour of ``color``: hue, saturation and value each moved by up to the given amount."""
    h, s, v = colorsys.rgb_to_hsv(*color)
    return colorsys.hsv_to_rgb(
        (h + rng.uniform(-hue, hue)) % 1.0,
        float(np.clip(s + rng.uniform(-saturation, saturation), 0, 1)),
        float(np.clip(v + rng.uniform(-value, value), 0, 1)),
    )


# -- outlines ---------------------------------------------------------------------------------------------------------
def polygon(points: ArrayLike) -> Path:
    """A closed outline with straight edges through ``points`` (n, 2)."""
    return Path(np.asarray(points, float), closed=False)


def rounded(points: ArrayLike, radius: ArrayLike = 0.05) -> Path:
    """A closed outline with straight edges through ``points`` (n, 2) with corners rounded by ``radius`` (1 or n)."""
    p = np.asarray(points, float)
    to_before, to_after = np.roll(p, 1, 0) - p, np.roll(p, -1, 0) - p
    far_before, far_after = np.linalg.norm(to_before, axis=1), np.linalg.norm(to_after, axis=1)
    cut = np.minimum(np.broadcast_to(np.asarray(radius, float), len(p)), np.minimum(far_before, far_after) * 0.499)
    start = p + to_before * (cut / (far_before + 1e-9))[:, None]
    end = p + to_after * (cut / (far_after + 1e-9))[:, None]
    vertices = np.vstack([np.stack([start, p, end], 1).reshape(-1, 2), start[:1]])
    codes = np.tile(np.array([Path.LINETO, Path.CURVE3, Path.CURVE3], Path.code_type), len(p))
    codes[0] = Path.MOVETO
    return Path(vertices, np.append(codes, Path.CLOSEPOLY).astype(Path.code_type))


def smooth(points: ArrayLike, *, closed: bool = True, tension: float = 1.0) -> Path:
    """A curve through all ``points`` (n, 2): Catmull-Rom as cubic Bezier pieces, so a few points draw a body."""
    p = np.asarray(points, float)
    n = len(p)
    ends = (p[-1:], p[:1]) if closed else (p[:1], p[-1:])
    slope = (np.concatenate([p[1:], ends[1]]) - np.concatenate([ends[0], p[:-1]])) * (tension / 6)
    pieces = n if closed else n - 1
    following = (np.arange(pieces) + 1) % n
    vertices = np.empty((3 * pieces + 1, 2))
    vertices[0] = p[0]
    vertices[1::3], vertices[2::3], vertices[3::3] = (p + slope)[:pieces], (p - slope)[following], p[following]
    codes = np.full(len(vertices), Path.CURVE4, Path.code_type)
    codes[0] = Path.MOVETO
    return Path(vertices, codes)


_CIRCLE = Path.unit_circle()


def ellipse(x: float, y: float, rx: float, ry: float | None = None, angle: float = 0.0) -> Path:
    """An ellipse round (x, y) with radii ``rx``, ``ry``, turned by ``angle`` degrees."""
    moved = Affine2D().scale(rx, rx if ry is None else ry).rotate_deg(angle).translate(x, y)
    return _CIRCLE.transformed(moved)


def tube(points: ArrayLike, widths: ArrayLike) -> Path:
    """A limb: a smooth outline round the centre line ``points`` (n, 2), ``widths`` (n,) wide there, with rounded ends.

    Legs, tails, necks, stems and handles are tubes.
    """
    p = np.asarray(points, float)
    half = np.broadcast_to(np.asarray(widths, float) / 2, len(p))[:, None]
    along = np.gradient(p, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    normal = np.stack([-along[:, 1], along[:, 0]], 1)
    head, tail = p[:1] - along[:1] * half[:1] * 0.9, p[-1:] + along[-1:] * half[-1:] * 0.9
    return smooth(np.vstack([p + normal * half, tail, (p - normal * half)[::-1], head]))


def capsule(a: Point, b: Point, width: float, end_width: float | None = None) -> Path:
    """A straight limb from ``a`` to ``b``, ``width`` wide at ``a`` and ``end_width`` at ``b``."""
    centre = np.linspace(a, b, 4)
    return tube(centre, np.linspace(width, width if end_width is None else end_width, 4))


def bar(a: Point, b: Point, width: float, end_width: float | None = None) -> Path:
    """A straight rod from ``a`` to ``b``, however long and thin, with round ends: masts, spars, bumpers, spoons."""
    (xa, ya), (xb, yb) = a, b
    wide, end = width / 2, (width if end_width is None else end_width) / 2
    length = float(np.hypot(xb - xa, yb - ya)) + 1e-9
    ux, uy = (xb - xa) / length, (yb - ya) / length
    start, stop = np.array([xa - ux * wide, ya - uy * wide]), np.array([xb + ux * end, yb + uy * end])
    normal = np.array([-uy, ux])
    corners = [start - normal * wide, start + normal * wide, stop + normal * end, stop - normal * end]
    return rounded(corners, (wide, wide, end, end))


def star(x: float, y: float, radii: ArrayLike, angle: float = 0.0) -> Path:
    """A smooth closed outline whose distance from (x, y) runs through ``radii``: leaves, splashes, stones, bushes."""
    r = np.asarray(radii, float)
    turn = np.linspace(0, 2 * np.pi, len(r), endpoint=False) + np.deg2rad(angle)
    return smooth(np.stack([x + r * np.cos(turn), y + r * np.sin(turn)], 1))


# -- the brush --------------------------------------------------------------------------------------------------------
class Brush:
    """Draws filled outlines and lines on one RGBA layer.

    Args:
        width, height: the layer's size in pixels.
        to_pixels: the transform from drawing coordinates to pixels (y up); identity by default.

    Example:
        >>> brush = Brush(40, 30, Affine2D().scale(15).translate(20, 15))
        >>> brush.fill(ellipse(0, 0, 0.8), (1, 0, 0))
        >>> brush.pixels().shape, int(brush.pixels()[15, 20, 0])
        ((30, 40, 4), 255)
    """

    def __init__(self, width: int, height: int, to_pixels: Transform | None = None) -> None:
        self._renderer = RendererAgg(width, height, 72)
        self._context = self._renderer.new_gc()
        self._to_pixels: Transform = IdentityTransform() if to_pixels is None else to_pixels
        self._unit = _scale_of(self._to_pixels)
        self._outlines: list[Path] = []  # shared by all brushes of the layer
        self.width, self.height = width, height

    def pixels(self) -> NDArray[np.uint8]:
        """The layer, (height, width, 4), colours not premultiplied; a view, not a copy."""
        return np.asarray(self._renderer.buffer_rgba())

    def at(
        self,
        x: float = 0.0,
        y: float = 0.0,
        *,
        scale: float = 1.0,
        angle: float = 0.0,
        flip: bool = False,
        squash: float = 1.0,
    ) -> Brush:
        """A brush on the same layer whose origin lies at (x, y), turned by ``angle`` degrees, scaled, perhaps mirrored.

        ``squash`` scales y once more, for things seen from above.
        """
        child = object.__new__(Brush)
        child.__dict__.update(self.__dict__)
        local = Affine2D().scale(-scale if flip else scale, scale * squash).rotate_deg(angle).translate(x, y)
        child._to_pixels = local + self._to_pixels
        child._unit = _scale_of(child._to_pixels)
        return child

    def through(self, local: Affine2D) -> Brush:
        """A brush on the same layer that draws through the affine map ``local``: the side of a box seen at a slant."""
        child = object.__new__(Brush)
        child.__dict__.update(self.__dict__)
        child._to_pixels = local + self._to_pixels
        child._unit = _scale_of(child._to_pixels)
        return child

    def fill(
        self, outline: Path, color: Color, *, alpha: float = 1.0, edge: Color | None = None, width: float = 0.02
    ) -> None:
        """Fill ``outline``; with ``edge``, draw its rim ``width`` wide (in drawing coordinates)."""
        context = self._context
        context.set_alpha(alpha)
        if edge is None:
            context.set_linewidth(0.0)
        else:
            context.set_foreground((*edge, 1.0), isRGBA=True)
            context.set_linewidth(max(width * self._unit, 0.5))
            context.set_joinstyle("round")
        self._renderer.draw_path(context, outline, self._to_pixels, (*color, alpha))

    def line(
        self, points: ArrayLike | Path, color: Color, width: float = 0.03, *, alpha: float = 1.0, curved: bool = True
    ) -> None:
        """Draw an open line through ``points`` (n, 2), ``width`` wide in drawing coordinates, with round ends."""
        path = points if isinstance(points, Path) else smooth(points, closed=False) if curved else polygon(points)
        context = self._context
        context.set_alpha(alpha)
        context.set_foreground((*color, 1.0), isRGBA=True)
        context.set_linewidth(max(width * self._unit, 0.5))
        context.set_capstyle("round")
        context.set_joinstyle("round")
        self._renderer.draw_path(context, path, self._to_pixels, None)

    def oval(
        self, x: float, y: float, rx: float, ry: float | None = None, *, color: Color, angle: float = 0.0, **how: Any
    ) -> None:
        """Fill an ellipse: ``fill(ellipse(x, y, rx, ry, angle), color, ...)``."""
        self.fill(ellipse(x, y, rx, ry, angle), color, **how)

    @contextmanager
    def inside(self, outline: Path) -> Iterator[None]:
        """Whatever is drawn in this block shows only inside ``outline``: patterns on a coat, light on a cup."""
        # Agg keeps the last mask and knows it by the address of the outline's array. Were that freed, another array
        # could come to lie there and be taken for it, by chance: so every outline lives as long as its layer.
        outline = Path(np.ascontiguousarray(outline.vertices, float), outline.codes)
        self._outlines.append(outline)
        self._context.set_clip_path(TransformedPath(outline, self._to_pixels))
        try:
            yield
        finally:
            self._context.set_clip_path(None)

    def image(self, rgba: NDArray[np.uint8]) -> None:
        """Lay a whole (height, width, 4) picture over the layer."""
        self._context.set_alpha(1.0)
        self._renderer.draw_image(self._context, 0, 0, np.ascontiguousarray(rgba[::-1]))


def _scale_of(transform: Transform) -> float:
    """How many pixels one unit is, averaged over the directions."""
    return float(np.sqrt(abs(np.linalg.det(transform.get_matrix()[:2, :2]))))
