"""The strawberry: whole, lying, cut in half, from the calyx side, as a pair; ``plants.strawberry`` chooses the view."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from picturebook.canvas import Brush, darker, lighter, mix, smooth, tube
from picturebook.strawberry_parts import (
    Berry,
    Oval,
    berry,
    berry_outline,
    calyx,
    pointed_leaf,
    seeds,
    sepal,
    some_berry,
)
from picturebook.touches import bundle, chance, ovals, pick, ring

Array = NDArray[np.float64]


def _whole(brush: Brush, look: Berry, rng: np.random.Generator, turn: float) -> None:
    top, tip, lean = 0.58, -0.93, rng.uniform(-0.13, 0.13)
    berry(brush, look, rng, top, tip, lean)
    seeds(brush, look, rng, top, tip, lean, turn)
    calyx(brush, look, rng, 0.55, rng.uniform(0.5, 0.68))


def whole(brush: Brush, rng: np.random.Generator) -> None:
    """Hanging, upright or lying on its side."""
    lying = chance(rng, 0.25)
    angle = rng.uniform(60, 115) * pick(rng, (-1, 1)) if lying else rng.uniform(-32, 32)
    _whole(brush.at(angle=angle, scale=rng.uniform(0.95, 1.02)), some_berry(rng), rng, rng.uniform(0, 0.5))


def _cut_face(brush: Brush, look: Berry, rng: np.random.Generator) -> None:
    """One half with its cut face towards us: red rim, pink flesh with rays, pale heart."""
    top, tip, lean = 0.58, -0.93, rng.uniform(-0.1, 0.1)
    pts = berry_outline(look, top, tip, lean)
    brush.fill(smooth(pts), look.red, edge=look.ink.edge, width=look.ink.width)
    core = np.array([lean * 0.3, -0.1])
    flesh = mix(look.red, (1.0, 0.62, 0.55), rng.uniform(0.35, 0.6))
    brush.fill(smooth(core + (pts - core) * [0.9, 0.93]), flesh)
    brush.fill(smooth(core + (pts - core) * [0.72, 0.8]), lighter(flesh, 0.22))
    turn = np.deg2rad(np.arange(0, 360, 15) + rng.uniform(0, 10))
    rim = core + (pts - core) * [0.86, 0.9]
    rays = []
    polar = np.arctan2(rim[:, 1] - core[1], rim[:, 0] - core[0])
    order = np.argsort(polar)
    reach = np.interp(
        turn,
        np.concatenate([polar[order] - 2 * np.pi, polar[order], polar[order] + 2 * np.pi, polar[order] + 4 * np.pi]),
        np.tile(np.hypot(*(rim - core).T)[order], 4),
    )
    for a, r in zip(turn, reach, strict=True):
        way = np.array([np.cos(a), np.sin(a)])
        rays.append(tube(np.linspace(core + way * r * 0.4, core + way * r * 0.96, 3), [0.045, 0.03, 0.012]))
    brush.fill(bundle(rays), (1.0, 0.93, 0.88), alpha=0.65)
    heart = core + (pts - core) * [0.36, 0.52]
    brush.fill(smooth(heart), mix((1.0, 0.94, 0.88), flesh, 0.15))
    if chance(rng, 0.7):
        brush.fill(smooth(core + (pts - core) * [0.16, 0.36]), mix(flesh, (1.0, 0.8, 0.7), 0.5))
    edge = core + (pts - core) * [0.95, 0.965]
    marks = [(float(p[0]), float(p[1]), 0.018, 0.032, rng.uniform(-20, 20)) for p in edge[2:-1] if p[1] < 0.4]
    brush.fill(ovals(marks), look.seed)
    calyx(brush, look, rng, 0.55, rng.uniform(0.48, 0.6))


def cut(brush: Brush, rng: np.random.Generator) -> None:
    """A half, alone or leaning on a whole berry."""
    look = some_berry(rng)
    if chance(rng, 0.5):
        _cut_face(brush.at(angle=rng.uniform(-30, 30), scale=0.98), look, rng)
        return
    _whole(brush.at(-0.34, 0.08, scale=0.74, angle=rng.uniform(8, 28)), look, rng, 0.2)
    _cut_face(brush.at(0.34, -0.12, scale=0.74, angle=rng.uniform(-28, -6)), look, rng)


def pair(brush: Brush, rng: np.random.Generator) -> None:
    """Two berries on joined stems, or a ripe one before a smaller one, with a leaf or a flower now and then."""
    look, other = some_berry(rng), some_berry(rng)
    green = mix(look.green, (0.6, 0.75, 0.3), 0.35)
    if chance(rng, 0.3):
        _flower(brush.at(rng.uniform(-0.5, -0.3), 0.62, scale=0.26), rng)
    if chance(rng, 0.5):
        knot = np.array([rng.uniform(-0.1, 0.1), 0.9])
        for x, y in ((-0.42, 0.3), (0.44, 0.16)):
            brush.fill(
                tube(np.array([(x, y), (x * 0.7, 0.62), tuple(knot)]), [0.05, 0.05, 0.055]),
                green,
                edge=look.ink.edge and darker(green, 0.6),
                width=look.ink.width,
            )
        if chance(rng, 0.6):
            _trefoil(brush.at(float(knot[0]) + 0.1, 0.74, scale=0.3, angle=rng.uniform(-40, 0)), look, rng)
        _whole(brush.at(-0.43, -0.16, scale=0.62, angle=rng.uniform(-14, 4)), other, rng, 0.1)
        _whole(brush.at(0.43, -0.3, scale=0.66, angle=rng.uniform(-4, 14)), look, rng, 0.3)
    else:
        _whole(brush.at(0.36, 0.14, scale=0.72, angle=rng.uniform(-28, -8)), other, rng, 0.1)
        _whole(brush.at(-0.3, -0.12, scale=0.8, angle=rng.uniform(2, 30)), look, rng, 0.3)


def _flower(brush: Brush, rng: np.random.Generator) -> None:
    petals = ovals(
        [
            (0.55 * np.cos(a), 0.55 * np.sin(a), 0.42, 0.36, np.rad2deg(a))
            for a in np.arange(5) * 1.2566 + rng.uniform(0, 1)
        ]
    )
    brush.fill(petals, (0.99, 0.98, 0.96), edge=(0.8, 0.78, 0.76), width=0.07)
    brush.fill(petals, (0.99, 0.98, 0.96))
    brush.oval(0, 0, 0.3, color=(0.98, 0.80, 0.20))


def _trefoil(brush: Brush, look: Berry, rng: np.random.Generator) -> None:
    for angle in (200, 340, 270):
        pts = ring(0, 0, 1, 1, 14)
        pts[::2] *= 0.86
        a = np.deg2rad(angle)
        centre = np.array([np.cos(a), np.sin(a)]) * 0.62
        turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
        brush.fill(
            smooth(pts * [0.66, 0.48] @ turn + centre, tension=0.5),
            darker(look.green, 0.12),
            edge=darker(look.green, 0.4),
            width=0.04,
        )
        brush.line(np.array([0 * centre, centre * 1.7]), lighter(look.green, 0.35), 0.05)


def end_on(brush: Brush, rng: np.random.Generator) -> None:
    """Looking down on the calyx, the berry's flanks round it."""
    look = some_berry(rng)
    rx, ry = rng.uniform(0.82, 0.92), rng.uniform(0.8, 0.92)
    dx, dy = rng.uniform(-0.1, 0.1), rng.uniform(0.05, 0.22)
    brush = brush.at(angle=rng.uniform(0, 360))
    wobble = ring(0, 0, rx, ry, 10) * rng.uniform(0.95, 1.05, (10, 1))
    brush.fill(smooth(wobble), look.red, edge=look.ink.edge, width=look.ink.width)
    if look.ink.shaded:
        brush.oval(dx * 0.5, dy * 0.5, rx * 0.82, ry * 0.8, color=lighter(look.red, 0.1))
    if look.unripe:
        brush.oval(dx * 0.8, dy * 0.8, rx * 0.6, ry * 0.6, color=look.pale, alpha=0.6)
    pits: list[Oval] = []
    grains: list[Oval] = []
    for k, r in enumerate((0.5, 0.68, 0.84, 0.94)):
        n = round(2 * np.pi * r * 3.3)
        for a in np.linspace(0, 2 * np.pi, n, endpoint=False) + 0.3 * k:
            x, y = dx * (1 - r) + rx * r * np.cos(a), dy * (1 - r) + ry * r * np.sin(a)
            flat = float(np.sqrt(max(1 - r * r, 0.0))) * 0.6 + 0.4
            pits.append((x, y, 0.056 * flat, 0.042, np.rad2deg(a)))
            grains.append((x, y, 0.038 * flat, 0.024, np.rad2deg(a)))
    brush.fill(ovals(pits), darker(look.red, 0.3), alpha=0.5)
    brush.fill(ovals(grains), look.seed)
    n = int(rng.integers(8, 12))
    for i, a in enumerate(np.linspace(0, 360, n, endpoint=False)):
        sepal(
            brush,
            look,
            pointed_leaf(dx, dy, a + rng.uniform(-9, 9), rng.uniform(0.42, 0.62), 0.5, rng.uniform(-0.2, 0.2)),
            darker(look.green, 0.15) if i % 2 else look.green,
        )
    brush.oval(dx, dy, 0.11, color=mix(look.green, (0.75, 0.82, 0.4), 0.5))
    brush.oval(dx, dy, 0.06, color=darker(look.green, 0.2))
