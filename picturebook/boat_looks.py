"""What sailboats are made of: their colours, their sails and their hulls.

It does not know how a boat is rigged (``boats.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.path import Path
from numpy.typing import ArrayLike, NDArray

from picturebook.canvas import Brush, Color, bar, darker, lighter, mix, polygon, rounded, vary

__all__ = [
    "CLOTHS",
    "HULLS",
    "WOOD",
    "Floats",
    "Hull",
    "Look",
    "Sail",
    "bezier",
    "cabin",
    "cloth",
    "hull_side",
    "paint_look",
    "pennant",
    "sailor",
]

Floats = NDArray[np.float64]
CLOTHS: tuple[Color, ...] = (
    (0.99, 0.98, 0.95),
    (0.98, 0.95, 0.86),
    (0.95, 0.97, 1.0),
    (0.72, 0.26, 0.18),
    (0.90, 0.30, 0.24),
    (0.98, 0.76, 0.25),
    (0.25, 0.50, 0.72),
    (0.95, 0.58, 0.25),
    (0.45, 0.70, 0.66),
    (0.20, 0.27, 0.42),
    (0.93, 0.62, 0.64),
)
HULLS: tuple[Color, ...] = (
    (0.97, 0.97, 0.96),
    (0.15, 0.25, 0.42),
    (0.80, 0.20, 0.18),
    (0.60, 0.36, 0.18),
    (0.74, 0.50, 0.28),
    (0.18, 0.45, 0.62),
    (0.22, 0.48, 0.40),
    (0.95, 0.72, 0.25),
    (0.40, 0.70, 0.78),
    (0.22, 0.24, 0.28),
    (0.93, 0.50, 0.30),
)
WOOD = (0.62, 0.42, 0.24)


@dataclass(frozen=True)
class Look:
    """Colours that all the parts of one boat share."""

    hull: Color
    bottom: Color
    trim: Color
    spar: Color
    cloths: tuple[Color, Color, Color]  # main sail, fore sail, the colour of patterns
    pattern: int
    pen: dict[str, Any]
    shaded: bool


def paint_look(rng: np.random.Generator) -> Look:
    hull = vary(rng, HULLS[rng.integers(len(HULLS))])
    white = rng.random() < 0.55
    main = vary(rng, CLOTHS[rng.integers(3) if white else rng.integers(len(CLOTHS))], 0.02, 0.05, 0.04)
    fore = main if rng.random() < 0.55 else vary(rng, CLOTHS[rng.integers(len(CLOTHS))], 0.02, 0.06, 0.05)
    mark = CLOTHS[3 + rng.integers(len(CLOTHS) - 3)] if sum(main) > 2.4 else CLOTHS[rng.integers(3)]
    outlined = rng.random() < 0.4
    ink = mix(darker(hull, 0.7), (0.12, 0.13, 0.22), 0.6)
    return Look(
        hull=hull,
        bottom=vary(
            rng, [(0.72, 0.18, 0.16), (0.16, 0.24, 0.38), (0.95, 0.95, 0.93), (0.20, 0.42, 0.38)][rng.integers(4)]
        ),
        trim=(0.97, 0.95, 0.9) if sum(hull) < 2.0 else [WOOD, (0.8, 0.22, 0.2), (0.16, 0.3, 0.5)][rng.integers(3)],
        spar=vary(rng, [WOOD, (0.45, 0.30, 0.18), (0.70, 0.72, 0.75), (0.85, 0.70, 0.45)][rng.integers(4)], 0.01),
        cloths=(main, fore, vary(rng, mark)),
        pattern=int(rng.integers(7)),
        pen={"edge": ink, "width": rng.uniform(0.016, 0.03)} if outlined else {},
        shaded=bool(rng.random() < 0.8),
    )


# -- sails ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Sail:
    """A cloth between its luff (front edge, foot to head) and its leech (back edge), each edge perhaps bulging."""

    luff: tuple[tuple[float, float], tuple[float, float]]
    leech: tuple[tuple[float, float], tuple[float, float]]
    roach: float = 0.0  # how far the leech bulges outwards
    hollow: float = 0.0  # how far the luff bulges, the same way
    sag: float = 0.0  # how far the foot hangs down

    def at(self, s: ArrayLike, t: ArrayLike) -> Floats:
        """The point a share ``s`` of the way from luff to leech and ``t`` of the way up."""
        s, t = np.broadcast_arrays(np.asarray(s, float), np.asarray(t, float))
        s, t = s[..., None], t[..., None]
        (a, b), (c, d) = np.asarray(self.luff, float), np.asarray(self.leech, float)
        out = np.sign(c[0] - a[0]) * np.array([1.0, 0.25 * np.sign(d[1] - c[1])])
        front = a + (b - a) * t + out * self.hollow * 4 * t * (1 - t)
        back = c + (d - c) * t + out * self.roach * 4 * t * (1 - t)
        down = np.array([0.0, -1.0]) * self.sag * 4 * s * (1 - s) * (1 - t)
        return np.asarray(front + (back - front) * s + down, float)

    def patch(self, s0: float = 0.0, s1: float = 1.0, t0: float = 0.0, t1: float = 1.0) -> Path:
        """The piece of cloth between these shares, as an outline."""
        n = np.linspace(0, 1, 13)
        up, along = t0 + (t1 - t0) * n, s0 + (s1 - s0) * n
        edges = [self.at(s0, up), self.at(along, t1), self.at(s1, up[::-1]), self.at(along[::-1], t0)]
        return polygon(np.vstack([*edges, edges[0][:1]]))


def cloth(brush: Brush, rng: np.random.Generator, look: Look, sail: Sail, color: Color, *, plain: bool = False) -> None:
    """One sail with its pattern, its soft shade near the mast, its seams."""
    mark, pattern = look.cloths[2], 0 if plain else look.pattern
    whole = sail.patch()
    brush.fill(whole, color)
    if pattern == 1:
        n = int(rng.integers(4, 8))
        for k in range(0, n, 2):
            brush.fill(sail.patch(t0=k / n, t1=(k + 1) / n), mark)
    elif pattern == 2:
        brush.fill(sail.patch(t0=0.0, t1=0.25), mark)
    elif pattern == 3:
        brush.fill(sail.patch(t0=0.62, t1=1.0), mark)
    elif pattern == 4:
        n = int(rng.integers(4, 7))
        for k in range(0, n, 2):
            brush.fill(sail.patch(s0=k / n, s1=(k + 1) / n), mark)
    if look.shaded:
        dark = (0.15, 0.2, 0.4)
        brush.fill(sail.patch(s1=0.34), dark, alpha=0.07)
        brush.fill(sail.patch(s1=0.16), dark, alpha=0.07)
        brush.fill(sail.patch(s0=0.80), (1.0, 1.0, 1.0), alpha=0.22)
    if pattern in (0, 5):
        for t in (0.22, 0.44, 0.66):
            brush.line(sail.at(np.linspace(0.03, 0.97, 5), t), darker(color, 0.16), 0.010)
    if pattern == 5:
        _emblem(brush, rng, sail, mark)
    if look.pen:
        brush.fill(whole, color, alpha=0.0)
        brush.line(whole, look.pen["edge"], look.pen["width"])
    else:
        brush.line(whole, darker(color, 0.14), 0.012)


def _emblem(brush: Brush, rng: np.random.Generator, sail: Sail, mark: Color) -> None:
    x, y = sail.at(0.42, 0.27)
    r = 0.16 * float(np.linalg.norm(sail.at(1.0, 0.27) - sail.at(0.0, 0.27)))
    what = rng.integers(4)
    if what == 0:
        brush.oval(x, y, r, color=mark)
    elif what == 1:
        turn = np.pi / 2 + np.arange(10) * np.pi / 5
        size = r * 1.25 * np.where(np.arange(10) % 2, 0.45, 1.0)
        brush.fill(polygon(np.stack([x + size * np.cos(turn), y + size * np.sin(turn)], 1)), mark)
    elif what == 2:
        brush.line([(x, y + r), (x, y - r)], mark, 0.035)
        brush.line([(x - r * 0.9, y - r * 0.35), (x, y - r), (x + r * 0.9, y - r * 0.35)], mark, 0.035)
        brush.line([(x - r * 0.5, y + r * 0.55), (x + r * 0.5, y + r * 0.55)], mark, 0.03)
    else:
        for k in range(int(rng.integers(2, 4))):
            brush.fill(
                rounded(
                    [
                        (x + k * r * 0.8 - r, y - r * 0.6),
                        (x + k * r * 0.8 - r, y + r * 0.6),
                        (x + k * r * 0.8 - r * 0.65, y + r * 0.6),
                        (x + k * r * 0.8 - r * 0.65, y - r * 0.6),
                    ],
                    0.01,
                ),
                mark,
            )


def pennant(brush: Brush, rng: np.random.Generator, x: float, y: float, side: float) -> None:
    color = vary(rng, CLOTHS[3 + rng.integers(len(CLOTHS) - 3)])
    w, h = rng.uniform(0.16, 0.26), rng.uniform(0.05, 0.08)
    n = np.linspace(0, 1, 6)
    wave = 0.02 * np.sin(n * 5)
    top, low = (
        np.stack([x + side * w * n, y + wave], 1),
        np.stack([x + side * w * n, y - 2 * h * (1 - n * 0.85) + wave], 1),
    )
    brush.fill(polygon(np.vstack([top, low[::-1]])), color)


# -- hulls ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Hull:
    """The side of a hull: its lower curve and its sheer line, both from stern to bow (17, 2)."""

    low: Floats
    top: Floats

    def at(self, s: ArrayLike, t: float) -> Floats:
        x = np.asarray(s, float) * (len(self.low) - 1)
        k = np.arange(len(self.low))
        low = np.stack([np.interp(x, k, self.low[:, i]) for i in (0, 1)], -1)
        top = np.stack([np.interp(x, k, self.top[:, i]) for i in (0, 1)], -1)
        return np.asarray(low + (top - low) * t, float)

    def band(self, t0: float = 0.0, t1: float = 1.0) -> Path:
        s = np.linspace(0, 1, len(self.low))
        return polygon(np.vstack([self.at(s, t0), self.at(s[::-1], t1), self.at(s[:1], t0)]))


def bezier(*p: tuple[float, float]) -> Floats:
    q, t = np.asarray(p, float), np.linspace(0, 1, 17)[:, None]
    if len(q) == 3:
        return np.asarray(q[0] * (1 - t) ** 2 + 2 * q[1] * t * (1 - t) + q[2] * t**2, float)
    return np.asarray(
        q[0] * (1 - t) ** 3 + 3 * q[1] * t * (1 - t) ** 2 + 3 * q[2] * t**2 * (1 - t) + q[3] * t**3, float
    )


def hull_side(brush: Brush, rng: np.random.Generator, look: Look, hull: Hull) -> None:
    brush.fill(hull.band(), look.hull, **(look.pen or {"edge": darker(look.hull, 0.15), "width": 0.012}))
    style = rng.integers(5)
    if style < 3:
        brush.fill(hull.band(0, 0.36), look.bottom, edge=darker(look.bottom, 0.12), width=0.012)
        if style == 0:
            brush.fill(hull.band(0.36, 0.45), look.trim)
    if look.shaded:
        brush.fill(hull.band(0, 0.16), (0, 0, 0), alpha=0.16)
        brush.fill(hull.band(0.70, 0.82), (1, 1, 1), alpha=0.22)
    if style >= 3:
        for t in (0.3, 0.55, 0.78):
            brush.line(hull.at(np.linspace(0.02, 0.985, 12), t), darker(look.hull, 0.25), 0.012)
    if rng.random() < 0.35:
        for s in np.linspace(0.25, 0.75, int(rng.integers(3, 6))):
            x, y = hull.at(s, 0.66)
            brush.oval(x, y, 0.034, color=(0.75, 0.9, 0.96), edge=look.trim, width=0.018)
    elif rng.random() < 0.5:
        brush.line(hull.at(np.linspace(0.03, 0.975, 12), 0.80), look.trim, 0.022)
    if look.pen:
        brush.line(hull.band(), look.pen["edge"], look.pen["width"])
    brush.line(hull.top, look.trim if look.trim != look.hull else WOOD, 0.042)


def cabin(brush: Brush, rng: np.random.Generator, look: Look, x0: float, x1: float, y: float) -> None:
    h = rng.uniform(0.11, 0.16)
    wall = lighter(look.trim, 0.1) if rng.random() < 0.4 else (0.97, 0.96, 0.93)
    brush.fill(
        rounded([(x0, y - 0.12), (x0 + 0.02, y + h), (x1 - 0.10, y + h * 0.9), (x1, y - 0.12)], (0, 0.03, 0.05, 0)),
        wall,
        edge=darker(wall, 0.3),
        width=0.014,
    )
    for x in np.linspace(x0 + 0.09, x1 - 0.15, int(rng.integers(2, 4))):
        brush.fill(
            rounded(
                [
                    (x - 0.035, y + h * 0.3),
                    (x - 0.035, y + h * 0.72),
                    (x + 0.035, y + h * 0.72),
                    (x + 0.035, y + h * 0.3),
                ],
                0.02,
            ),
            (0.28, 0.42, 0.55),
        )


def sailor(brush: Brush, rng: np.random.Generator, look: Look, x: float, y: float) -> None:
    coat = vary(rng, CLOTHS[3 + rng.integers(len(CLOTHS) - 3)])
    skin = vary(rng, [(0.96, 0.80, 0.66), (0.76, 0.54, 0.38), (0.45, 0.29, 0.2)][rng.integers(3)])
    brush.fill(bar((x, y - 0.06), (x + 0.02, y + 0.13), 0.17, 0.12), coat, **look.pen)
    brush.line([(x + 0.02, y + 0.11), (x + 0.08, y + 0.02), (x + 0.16, y + 0.05)], darker(coat, 0.2), 0.045)
    brush.oval(x + 0.03, y + 0.23, 0.075, color=skin, **look.pen)
    cap = np.linspace(0.1, np.pi + 0.1, 9)
    brush.fill(polygon(np.stack([x + 0.03 + 0.082 * np.cos(cap), y + 0.245 + 0.085 * np.sin(cap)], 1)), look.cloths[2])
    brush.oval(x + 0.075, y + 0.225, 0.010, color=(0.1, 0.08, 0.08))
