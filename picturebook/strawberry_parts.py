"""What strawberries are made of: the look of one, its outline, flesh, seeds and calyx."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from picturebook.canvas import Brush, Color, darker, lighter, mix, smooth, tube, vary
from picturebook.touches import Ink, chance, ink, ovals, pick

Array = NDArray[np.float64]
Oval = tuple[float, float, float, float, float]  # x, y, rx, ry, angle

REDS: tuple[Color, ...] = (
    (0.90, 0.10, 0.14),
    (0.84, 0.07, 0.12),
    (0.95, 0.20, 0.18),
    (0.78, 0.05, 0.12),
    (0.93, 0.16, 0.25),
)
GREENS: tuple[Color, ...] = ((0.33, 0.62, 0.18), (0.22, 0.52, 0.20), (0.47, 0.68, 0.22), (0.28, 0.58, 0.30))
SEEDS: tuple[Color, ...] = ((0.99, 0.85, 0.42), (0.98, 0.92, 0.66), (0.93, 0.72, 0.28), (0.55, 0.10, 0.08))
UNRIPE: tuple[Color, ...] = ((0.97, 0.95, 0.78), (0.82, 0.88, 0.55), (0.98, 0.85, 0.74))


@dataclass(frozen=True)
class Berry:
    """What one berry looks like; ``unripe`` is the share of the flesh, from the calyx down, that is still pale."""

    red: Color
    green: Color
    seed: Color
    pale: Color
    unripe: float
    ink: Ink
    plump: float
    taper: float


def some_berry(rng: np.random.Generator) -> Berry:
    red = vary(rng, pick(rng, REDS), 0.015, 0.08, 0.06)
    unripe = (
        float(rng.uniform(0.25, 0.6))
        if chance(rng, 0.25)
        else (float(rng.uniform(0.06, 0.16)) if chance(rng, 0.4) else 0.0)
    )
    return Berry(
        red,
        vary(rng, pick(rng, GREENS), 0.03, 0.1, 0.08),
        pick(rng, SEEDS),
        pick(rng, UNRIPE),
        unripe,
        ink(rng, red, 0.45),
        plump=float(rng.uniform(0.82, 1.12)),
        taper=float(rng.uniform(0.0, 1.0)),
    )


CONE_AT = np.array([0.0, 0.03, 0.08, 0.15, 0.24, 0.36, 0.5, 0.64, 0.78, 0.9, 0.96, 1.0])
CONE_WIDE = np.array([0.5, 0.74, 0.93, 1.04, 1.07, 1.0, 0.86, 0.68, 0.47, 0.27, 0.15, 0.04])


def half_width(look: Berry, v: Array) -> Array:
    """Half the berry's width at ``v``, 0 at the shoulders to 1 at the tip."""
    round_ = np.sqrt(np.clip(1 - (np.where(v < 0.38, 0.38 - v, (v - 0.38) * 0.645) / 0.4) ** 2, 0, 1)) ** 1.05
    cone = np.interp(v, CONE_AT, CONE_WIDE)
    return np.asarray(0.66 * look.plump * (look.taper * cone + (1 - look.taper) * round_))


def berry_outline(look: Berry, top: float, tip: float, lean: float) -> Array:
    v = np.array([0.012, 0.06, 0.15, 0.3, 0.45, 0.6, 0.75, 0.88, 0.965])
    w = half_width(look, v)
    y = top + (tip - top) * v
    shift = lean * v**2
    return np.vstack(
        [[[0.0, top - 0.03]], np.stack([shift + w, y], 1), [[lean, tip]], np.stack([shift - w, y], 1)[::-1]]
    )


def seeds(
    brush: Brush, look: Berry, rng: np.random.Generator, top: float, tip: float, lean: float, turn: float
) -> None:
    """Seeds in their dimples, in staggered rows that bend round the berry and grow narrow towards its rim."""
    pits: list[Oval] = []
    grains: list[Oval] = []
    lights: list[Oval] = []
    rows = int(rng.integers(6, 9))
    size = rng.uniform(0.85, 1.25)
    for i, v in enumerate(np.linspace(0.1, 0.92, rows)):
        w = float(half_width(look, np.array(v)))
        if w < 0.05:
            continue
        n = max(2, round(w * 10.5))
        for k in range(n + 1):
            angle = -np.pi / 2 + np.pi * (k + 0.5 * (i % 2) + turn) / n
            if abs(angle) > 1.32:
                continue
            x = w * np.sin(angle) + lean * v**2
            sag = 0.05 * np.cos(angle)
            y = top + (tip - top) * v - sag + 0.02 + rng.uniform(-0.01, 0.01)
            thin = np.cos(angle) * 0.85 + 0.15
            tilt = -np.rad2deg(np.sin(angle)) * 0.28
            pits.append((x, y + 0.006, 0.036 * thin * size, 0.05 * size, tilt))
            grains.append((x, y, 0.021 * thin * size, 0.036 * size, tilt))
            lights.append((x - 0.006 * thin, y + 0.012, 0.007 * thin * size, 0.013 * size, tilt))
    if look.ink.shaded:
        brush.fill(ovals(pits), darker(look.red, 0.3), alpha=0.55)
    brush.fill(ovals(grains), look.seed)
    if sum(look.seed) > 1.2:
        brush.fill(ovals(lights), (1.0, 1.0, 0.92))


def pointed_leaf(x: float, y: float, angle: float, length: float, wide: float, curl: float) -> Array:
    """A pointed sepal from (x, y), ``curl`` bends its tip."""
    t = np.array([0.0, 0.18, 0.45, 0.75, 1.0])
    w = np.array([0.35, 0.85, 1.0, 0.55, 0.0]) * wide
    a = np.deg2rad(angle)
    bend = curl * t**2
    pts = np.vstack([np.stack([t, w / 2 + bend], 1), np.stack([t, -w / 2 + bend], 1)[-2::-1]]) * [length, length]
    return np.asarray(pts @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) + [x, y])


def sepal(brush: Brush, look: Berry, pts: Array, color: Color) -> None:
    brush.fill(
        smooth(pts, tension=0.8), color, edge=look.ink.edge and darker(look.green, 0.6), width=look.ink.width * 0.9
    )
    brush.line(
        [pts[0] * 0.5 + pts[-1] * 0.5, (pts[2] + pts[6]) / 2, pts[4] * 0.85 + (pts[2] + pts[6]) * 0.075],
        lighter(color, 0.3),
        0.016,
    )


def calyx(brush: Brush, look: Berry, rng: np.random.Generator, y: float, spread: float) -> None:
    """The crown of sepals with a piece of stem."""
    back = darker(look.green, 0.25)
    fly = rng.uniform(-20, 25)
    for angle in (150 + fly, 120, 60, 30 - fly):
        sepal(
            brush,
            look,
            pointed_leaf(0, y, angle + rng.uniform(-10, 10), spread * rng.uniform(0.55, 0.75), 0.42, 0.05),
            back,
        )
    if chance(rng, 0.85):
        bend, tall = rng.uniform(-0.25, 0.25), rng.uniform(0.16, 0.34)
        stem = np.array([[0, y - 0.02], [bend * 0.25, y + tall * 0.5], [bend, y + tall]])
        brush.fill(
            tube(stem, [0.085, 0.065, 0.075]),
            mix(look.green, (0.6, 0.75, 0.3), 0.4),
            edge=look.ink.edge and darker(look.green, 0.6),
            width=look.ink.width * 0.9,
        )
    drop = rng.uniform(-8, 22)
    n = int(rng.integers(4, 7))
    angles = np.linspace(188 + drop, 352 - drop, n)
    order = sorted(range(n), key=lambda i: -abs(float(angles[i]) - 270))
    for i in order:
        side = abs(float(angles[i]) - 270) / 90
        length = spread * (0.5 + 0.5 * side) * rng.uniform(0.88, 1.12)
        sepal(
            brush,
            look,
            pointed_leaf(
                0,
                y + 0.02,
                float(angles[i]) + rng.uniform(-6, 6),
                length,
                0.42 + 0.2 * (1 - side),
                rng.uniform(-0.12, 0.12),
            ),
            lighter(look.green, 0.0 if i % 2 else 0.07),
        )
    brush.oval(0, y + 0.01, 0.09, 0.05, color=mix(look.green, (0.7, 0.8, 0.35), 0.4))


def berry(brush: Brush, look: Berry, rng: np.random.Generator, top: float, tip: float, lean: float) -> None:
    """The berry's body: ripe red, pale shoulders where unripe, a dark side and a shine."""
    pts = berry_outline(look, top, tip, lean)
    body = smooth(pts)
    brush.fill(body, look.red, edge=look.ink.edge, width=look.ink.width)
    if look.unripe:
        steps = ((1.3, 0.22), (1.15, 0.28), (1.0, 0.36), (0.84, 0.45), (0.66, 0.6))
        for share, alpha in steps:
            v = np.linspace(0.012, min(look.unripe * share, 0.9), 7)
            w = half_width(look, v) * 0.985
            y = top + (tip - top) * v
            sag = -0.09 * np.cos(np.linspace(-np.pi / 2, np.pi / 2, 7))
            low = np.stack([np.linspace(w[-1], -w[-1], 7) + lean * v[-1] ** 2, y[-1] + sag], 1)
            shape = np.vstack(
                [
                    [[0, top - 0.03]],
                    np.stack([w + lean * v**2, y], 1),
                    low[1:-1],
                    np.stack([-w + lean * v**2, y], 1)[::-1],
                ]
            )
            brush.fill(smooth(shape), look.pale, alpha=alpha)
    if look.ink.shaded:
        v = np.linspace(0.08, 0.985, 9)
        w, y, s = half_width(look, v), top + (tip - top) * v, lean * v**2
        shade = np.vstack([np.stack([s + w * 0.985, y], 1), np.stack([s + w * 0.55 * (1 - 0.5 * v), y], 1)[::-1]])
        brush.fill(smooth(shade), darker(look.red, 0.45), alpha=0.25)
    v = np.linspace(0.14, 0.5, 5)
    w, y = half_width(look, v), top + (tip - top) * v
    gleam = np.vstack([np.stack([-w * 0.84, y], 1), np.stack([-w * 0.62, y], 1)[::-1]])
    brush.fill(smooth(gleam), (1.0, 1.0, 1.0), alpha=0.3)
