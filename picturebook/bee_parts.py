"""What bees are made of: the look of one, the striped abdomen, furry balls, translucent veined wings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.path import Path
from numpy.typing import NDArray

from picturebook.canvas import Brush, Color, darker, lighter, mix, smooth, tube, vary
from picturebook.solids import Model, Silhouette, View, outline_of
from picturebook.touches import Ink, bundle, chance, fur, ink, ovals, pick, ring

Array = NDArray[np.float64]

YELLOWS: tuple[Color, ...] = (
    (1.0, 0.80, 0.13),
    (0.99, 0.72, 0.10),
    (0.97, 0.85, 0.25),
    (0.93, 0.64, 0.16),
    (1.0, 0.76, 0.25),
)
DARKS: tuple[Color, ...] = ((0.13, 0.10, 0.09), (0.20, 0.13, 0.08), (0.28, 0.16, 0.08), (0.10, 0.10, 0.13))


@dataclass(frozen=True)
class Bee:
    """What one bee looks like; ``plump`` is the abdomen's girth, ``furry`` the length of its hair."""

    yellow: Color
    dark: Color
    thorax: Color
    head: Color
    wing: Color
    ink: Ink
    plump: float
    furry: float
    stripes: int
    white_tail: bool
    iris: Color | None


def some_bee(rng: np.random.Generator) -> Bee:
    yellow, dark = vary(rng, pick(rng, YELLOWS), 0.012, 0.08, 0.05), vary(rng, pick(rng, DARKS), 0.02, 0.1, 0.04)
    bumble = chance(rng, 0.45)
    thorax = pick(rng, (yellow, mix(yellow, dark, 0.28), mix(yellow, (0.62, 0.42, 0.2), 0.6))) if not bumble else yellow
    head = dark if chance(rng, 0.6) else mix(yellow, dark, rng.uniform(0.0, 0.35))
    iris = pick(rng, ((1.0, 1.0, 1.0), (1.0, 0.98, 0.9))) if chance(rng, 0.5) else None
    wing = vary(
        rng,
        pick(rng, ((0.86, 0.94, 0.99), (0.93, 0.95, 0.97), (0.97, 0.94, 0.86), (0.80, 0.92, 0.96))),
        0.02,
        0.05,
        0.03,
    )
    return Bee(
        yellow,
        dark,
        thorax,
        head,
        wing,
        ink(rng, dark, 0.45),
        plump=float(rng.uniform(0.28, 0.34) if bumble else rng.uniform(0.21, 0.27)),
        furry=float(rng.uniform(0.045, 0.075) if bumble else rng.uniform(0.0, 0.03)),
        stripes=int(rng.integers(2, 4) if bumble else rng.integers(3, 6)),
        white_tail=bumble and chance(rng, 0.5),
        iris=iris,
    )


def abdomen(
    model: Model, look: Bee, rng: np.random.Generator, root: Array, length: float, tilt: float, turn: float
) -> None:
    """A spindle of thin slices, each in the colour of its stripe, painted from far to near."""
    view = model.view
    axis = View.frame(tilt, turn)
    slices = 15
    u = np.linspace(0.0, 1.0, slices)
    girth = look.plump * np.sin(np.pi * np.clip(0.16 + 0.84 * u**0.9, 0, 1)) ** 0.55 * (1 - 0.22 * u)
    phase = rng.uniform(0.35, 0.6)
    shapes = []
    for i in range(slices):
        back = u[i] * length
        dark = (u[i] * (look.stripes + 0.45) + phase) % 1.0 > 0.5
        color = look.dark if dark or u[i] > 0.95 else look.yellow
        if look.white_tail and u[i] > 0.74:
            color = (0.96, 0.94, 0.90)
        r = max(float(girth[i]), 0.02)
        shapes.append(
            (
                view.ellipsoid(
                    root - axis @ np.array([back, 0, 0]), [max(r * 0.35, length / slices), r, r], tilt, turn
                ),
                color,
            )
        )
    if view.depth(axis[:, 0]) > 0:
        shapes.reverse()  # the furthest slice first: the tail when we look at the face
    stripes: list[tuple[Path, Color]] = []
    start = 0
    for stop in range(1, slices + 1):
        if stop == slices or shapes[stop][1] != shapes[start][1]:
            stripes.append((_belt(rng, [s for s, _ in shapes[start:stop]], look.furry), shapes[start][1]))
            start = stop
    grown = look.ink.width + 0.75 * (look.furry if look.furry >= 0.02 else 0.0)
    rim = ovals([(x, y, rx + grown, ry + grown, angle) for (x, y, rx, ry, angle), _ in shapes])
    sting = view.flat(
        np.array([root - axis @ np.array([length * 0.95, 0, 0]), root - axis @ np.array([length * 1.12, 0, 0])])
    )
    ends = np.vstack([outline_of(s)[1] for s, _ in shapes[::3]])
    shine = view.ellipsoid(
        root - axis @ np.array([length * 0.4, 0, 0]), [length * 0.33, look.plump * 0.8, look.plump * 0.8], tilt, turn
    )

    def paint(brush: Brush) -> None:
        brush.fill(tube(np.linspace(sting[0], sting[1], 3), [0.05, 0.03, 0.01]), darker(look.dark, 0.3))
        if look.ink.edge is not None:
            brush.fill(rim, look.ink.edge)
        for outline, color in stripes:
            brush.fill(outline, color)
        x, y, rx, ry, angle = shine
        a = np.deg2rad(angle)
        brush.oval(
            x - np.sin(a) * ry * 0.55,
            y + np.cos(a) * ry * 0.55,
            rx * 0.8,
            ry * 0.24,
            angle=angle,
            color=(1.0, 1.0, 1.0),
            alpha=0.25,
        )

    model.add(view.depth(root - axis @ np.array([length * 0.5, 0, 0])), paint, np.vstack([ends, sting]))


def _belt(rng: np.random.Generator, shapes: list[Silhouette], hair: float) -> Path:
    """Neighbouring slices of the abdomen as one outline, furry where the bee is."""
    if hair < 0.02:
        return ovals(shapes)
    x, y, rx, ry, angle = np.array(shapes).T[:, :, None]
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    long_ = 1 + hair * rng.uniform(0.6, 1.1, (len(shapes), len(TUFTS))) / rx * (np.arange(len(TUFTS)) % 2)
    px, py = rx * long_ * TUFTS[:, 0], ry * (1 + (long_ - 1) * rx / ry) * TUFTS[:, 1]
    points = np.stack([x + px * cos - py * sin, y + px * sin + py * cos], 2)
    points[:, -1] = points[:, 0]
    codes = np.tile(np.array([1] + [2] * (len(TUFTS) - 1), Path.code_type), len(shapes))
    return Path(points.reshape(-1, 2), codes)


def ball(
    model: Model,
    look: Bee,
    rng: np.random.Generator,
    color: Color,
    centre: Array,
    radii: Array,
    tilt: float,
    turn: float,
    hair: float,
) -> None:
    """A furry rounded part."""
    view = model.view
    x, y, rx, ry, angle = view.ellipsoid(centre, radii, tilt, turn)
    brush_at = np.deg2rad(angle)
    spin = np.array([[np.cos(brush_at), np.sin(brush_at)], [-np.sin(brush_at), np.cos(brush_at)]])

    def coat(share: float, n: int, dx: float, dy: float, length: float) -> NDArray[np.float64]:
        return np.asarray(ring(0, 0, rx * share, ry * share, n) @ spin + [x + dx, y + dy])

    outer = fur(rng, coat(0.97, 34, 0, 0, hair), hair)
    inner = fur(rng, coat(0.72, 24, -0.02 * rx, 0.12 * ry, hair), hair * 0.8)
    top = fur(rng, coat(0.42, 16, -0.08 * rx, 0.26 * ry, hair), hair * 0.7)

    def paint(brush: Brush) -> None:
        brush.fill(outer, darker(color, 0.2) if look.ink.shaded else color, edge=look.ink.edge, width=look.ink.width)
        if look.ink.shaded:
            brush.fill(inner, color)
            brush.fill(top, lighter(color, 0.18))
        else:
            brush.fill(top, lighter(color, 0.1))

    model.add(view.depth(centre), paint, outer.vertices)


TUFTS = ring(0, 0, 1, 1, 47, 0, 367)
WING = np.array(
    [
        [0.0, 0.03],
        [0.25, 0.07],
        [0.6, 0.12],
        [0.9, 0.1],
        [1.0, 0.0],
        [0.94, -0.16],
        [0.7, -0.27],
        [0.4, -0.24],
        [0.14, -0.1],
        [0.0, -0.03],
    ]
)
VEINS = (
    np.array([[0.02, 0.0], [0.3, 0.02], [0.62, 0.05], [0.9, 0.02]]),
    np.array([[0.05, -0.02], [0.35, -0.07], [0.65, -0.1], [0.88, -0.12]]),
    np.array([[0.3, -0.06], [0.45, -0.15], [0.6, -0.22]]),
    np.array([[0.45, 0.04], [0.5, -0.02], [0.52, -0.09]]),
    np.array([[0.7, 0.06], [0.72, -0.02], [0.76, -0.11]]),
)


def wing(model: Model, look: Bee, root: Array, along: Array, across: Array, size: float, wide: float) -> None:
    """One wing in the plane of ``along`` (to its tip) and ``across`` (to its leading edge)."""
    view = model.view
    along, across = along / np.linalg.norm(along), across / np.linalg.norm(across)

    def place(points: Array) -> Array:
        return view.flat(root + size * (points[:, :1] * along + wide * points[:, 1:] * across))

    shape, edge = smooth(place(WING)), mix(darker(look.wing, 0.55), look.dark, 0.45)
    shine = smooth(place(WING[1:8] * [0.8, 0.62] + [0.06, 0.012]))
    veins = bundle([smooth(place(v), closed=False) for v in VEINS])

    def paint(brush: Brush) -> None:
        brush.fill(shape, look.wing, alpha=0.72, edge=edge, width=0.016)
        brush.fill(shine, (1.0, 1.0, 1.0), alpha=0.35)
        brush.line(veins, edge, 0.011, alpha=0.7)

    model.add(view.depth(root + along * size * 0.5), paint, shape.vertices)
