"""What coffee cups are made of: glazes, patterns, the coffee in them and what is drawn into its foam.

It does not know from where a cup is seen (``food_and_drink.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.path import Path
from numpy.typing import ArrayLike, NDArray

from picturebook.canvas import Brush, Color, darker, ellipse, lighter, mix, polygon, smooth, star, tube, vary

__all__ = [
    "COFFEES",
    "FOAM",
    "GLAZES",
    "Body",
    "Look",
    "bean",
    "coffee",
    "decorate",
    "paint_look",
    "shape_of",
    "steam_over",
]

Floats = NDArray[np.float64]
GLAZES: tuple[Color, ...] = (
    (0.98, 0.97, 0.95),
    (0.96, 0.93, 0.86),
    (0.86, 0.27, 0.22),
    (0.95, 0.62, 0.25),
    (0.98, 0.82, 0.40),
    (0.35, 0.62, 0.50),
    (0.25, 0.48, 0.62),
    (0.16, 0.24, 0.40),
    (0.62, 0.80, 0.82),
    (0.93, 0.66, 0.66),
    (0.50, 0.38, 0.54),
    (0.24, 0.24, 0.27),
    (0.55, 0.68, 0.50),
    (0.72, 0.45, 0.32),
)
COFFEES: tuple[Color, ...] = ((0.30, 0.17, 0.09), (0.42, 0.25, 0.13), (0.58, 0.38, 0.22), (0.68, 0.47, 0.29))
FOAM = (0.97, 0.91, 0.80)


@dataclass(frozen=True)
class Look:
    """Colours and habits of one cup and what belongs to it."""

    glaze: Color
    second: Color
    inner: Color
    saucer: Color
    coffee: Color
    foam: Color
    pen: dict[str, Any]
    line: Color
    shaded: bool


def paint_look(rng: np.random.Generator) -> Look:
    glaze = vary(rng, GLAZES[rng.integers(2) if rng.random() < 0.3 else rng.integers(len(GLAZES))], 0.02, 0.06, 0.04)
    second = vary(rng, GLAZES[rng.integers(len(GLAZES))])
    if abs(sum(second) - sum(glaze)) < 0.5:
        second = (0.98, 0.97, 0.94) if sum(glaze) < 2.2 else vary(rng, GLAZES[2 + rng.integers(6)])
    coffee = vary(rng, COFFEES[rng.integers(len(COFFEES))], 0.01, 0.06, 0.04)
    ink = mix(darker(glaze, 0.7), (0.25, 0.15, 0.10), 0.6)
    outlined = rng.random() < 0.42
    pale = rng.random() < 0.5
    return Look(
        glaze=glaze,
        second=second,
        inner=(0.97, 0.96, 0.93) if rng.random() < 0.6 else lighter(glaze, 0.25),
        saucer=glaze if rng.random() < 0.6 else ((0.97, 0.96, 0.93) if pale else second),
        coffee=coffee,
        foam=vary(rng, FOAM, 0.01, 0.05, 0.03),
        pen={"edge": ink, "width": rng.uniform(0.018, 0.034)} if outlined else {},
        line=ink if outlined else darker(glaze, 0.22),
        shaded=bool(rng.random() < 0.85),
    )


# -- coffee and foam --------------------------------------------------------------------------------------------------
def coffee(brush: Brush, rng: np.random.Generator, look: Look) -> None:
    """The coffee's surface, a disc of radius 1 round the origin of ``brush``, with or without a picture in the foam."""
    brush.oval(0, 0, 1.0, color=darker(look.coffee, 0.25))
    brush.oval(0.02, -0.02, 0.94, color=look.coffee)
    art = rng.integers(7)
    spun = brush.at(0, 0, angle=rng.uniform(-25, 25))
    brown = mix(look.coffee, look.foam, 0.25)
    if art == 0:  # a heart
        spun.oval(0, 0, 0.80, color=mix(look.coffee, look.foam, 0.22))
        spun.fill(heart(0, 0.02, 0.62), look.foam)
    elif art == 1:  # a fern
        spun.fill(star(0, 0, list(0.72 + 0.05 * rng.normal(size=9))), brown)
        for k in range(5):
            y, w = -0.48 + 0.24 * k, 0.60 - 0.075 * k
            leaf = smooth(
                [
                    (0, y - 0.14),
                    (w * 0.8, y + 0.06),
                    (w * 0.9, y + 0.20),
                    (0, y + 0.03),
                    (-w * 0.9, y + 0.20),
                    (-w * 0.8, y + 0.06),
                ]
            )
            spun.fill(leaf, look.foam)
        spun.line([(0, -0.72), (0, 0.76)], brown, 0.05)
    elif art == 2:  # a tulip
        for k in range(3):
            y, w = -0.42 + 0.38 * k, 0.60 - 0.13 * k
            spun.fill(
                smooth(
                    [
                        (0, y - 0.20),
                        (w, y + 0.02),
                        (w * 0.55, y + 0.24),
                        (0, y + 0.12),
                        (-w * 0.55, y + 0.24),
                        (-w, y + 0.02),
                    ]
                ),
                look.foam,
            )
    elif art == 3:  # a swirl
        t = np.linspace(0.5, 13, 30)
        r = 0.06 * t
        spun.line(np.stack([r * np.cos(t), r * np.sin(t)], 1), look.foam, 0.15)
    elif art == 4:  # milk foam dusted with cocoa
        spun.oval(0, 0, 0.86, color=look.foam)
        for x, y in rng.normal(0, 0.30, (14, 2)).clip(-0.55, 0.55):
            spun.oval(x, y, rng.uniform(0.03, 0.07), color=look.coffee, alpha=0.7)
    elif art == 5:  # black, a ring of bubbles and a window's light
        brush.oval(0.0, 0.0, 0.93, color=lighter(look.coffee, 0.10))
        brush.oval(0.03, -0.03, 0.86, color=darker(look.coffee, 0.15))
        for a in rng.uniform(0, 6.28, 7):
            brush.oval(
                0.78 * np.cos(a), 0.78 * np.sin(a), rng.uniform(0.04, 0.08), color=mix(look.coffee, look.foam, 0.5)
            )
        brush.fill(ellipse(-0.35, 0.38, 0.30, 0.12, 40), lighter(look.coffee, 0.45), alpha=0.8)
    else:  # rings of cream
        spun.oval(0, 0, 0.84, color=mix(look.coffee, look.foam, 0.35))
        spun.oval(0.04, 0.02, 0.66, color=look.coffee)
        spun.oval(0.0, 0.0, 0.50, color=look.foam)
        spun.oval(0.04, 0.03, 0.20, color=mix(look.coffee, look.foam, 0.4))


def heart(x: float, y: float, r: float) -> Path:
    t = np.linspace(0, 2 * np.pi, 26)
    return polygon(
        np.stack(
            [
                x + r * np.sin(t) ** 3,
                y + r / 16 * (13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)),
            ],
            1,
        )
    )


def bean(brush: Brush, x: float, y: float, r: float, angle: float, color: Color) -> None:
    spot = brush.at(x, y, scale=r, angle=angle)
    spot.oval(0, 0, 0.68, 1.0, color=color)
    spot.line(
        [(0.05, 0.85), (-0.18, 0.3), (0.18, -0.3), (-0.05, -0.85)],
        mix(color, (1, 0.95, 0.85), 0.55) if sum(color) < 1.5 else darker(color, 0.5),
        0.16,
    )


def steam_over(brush: Brush, rng: np.random.Generator, x: float, y: float, height: float) -> None:
    n = int(rng.integers(1, 4))
    turn, tone = rng.choice([-1.0, 1.0]), rng.uniform(0.80, 0.92)
    for k in range(n):
        mid = x + (k - (n - 1) / 2) * 0.26
        h = height * (1.0 if n == 1 or k == n // 2 else rng.uniform(0.66, 0.9))
        t = np.linspace(0, 1, 8)
        wisp = np.stack([mid + turn * 0.07 * np.sin(t * 5.6 + k * 0.5), y + 0.05 + (h - 0.05) * t], 1)
        brush.fill(tube(wisp, 0.02 + 0.105 * np.sin(np.pi * t**0.8)), (tone, tone, min(tone + 0.03, 1)), alpha=0.85)


# -- the cup from the side --------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Body:
    """A round vessel seen a little from above: half-widths and heights from foot to rim, and how flat circles look."""

    half: Floats
    height: Floats
    flat: float

    def at(self, u: ArrayLike, t: ArrayLike) -> Floats:
        """The point ``u`` (-1 left rim of the picture, 1 right) round the wall and ``t`` (0 foot, 1 rim) up it."""
        u, t = np.broadcast_arrays(np.asarray(u, float), np.asarray(t, float))
        k = np.linspace(0, 1, len(self.half))
        w = np.interp(t, k, self.half)
        return np.stack([w * u, np.interp(t, k, self.height) - self.flat * w * np.sqrt(np.maximum(1 - u * u, 0))], -1)

    def patch(self, u0: float = -1, u1: float = 1, t0: float = 0, t1: float = 1) -> Path:
        turn = np.sin(np.linspace(np.arcsin(u0), np.arcsin(u1), 14))
        up = np.linspace(t0, t1, 12)
        edges = [self.at(turn, t0), self.at(u1, up), self.at(turn[::-1], t1), self.at(u0, up[::-1])]
        return polygon(np.vstack([*edges, edges[0][:1]]))


# half-widths of the wall from foot to rim, and the height, for a rim of half-width 1
_SHAPES: tuple[tuple[tuple[float, ...], float, float], ...] = (
    ((0.50, 0.74, 0.87, 0.94, 0.98, 1.00), 1.00, 1.15),  # a bowl
    ((0.93, 0.99, 1.00, 1.00, 1.00, 1.00), 1.55, 1.95),  # a mug
    ((0.62, 0.72, 0.80, 0.87, 0.94, 1.00), 1.05, 1.35),  # a cone
    ((0.70, 0.98, 1.06, 1.04, 0.98, 1.00), 1.25, 1.60),  # a round mug
    ((0.48, 0.86, 1.02, 1.02, 0.96, 1.00), 0.95, 1.20),  # a belly
    ((0.84, 0.88, 0.91, 0.94, 0.97, 1.00), 1.35, 1.70),  # a tumbler with a handle
)


def shape_of(rng: np.random.Generator) -> tuple[Body, bool]:
    which = int(rng.integers(len(_SHAPES)))
    half, low, high = _SHAPES[which]
    k = np.linspace(0, 1, 6)
    fine = np.linspace(0, 1, 24)
    curve = np.interp(fine, k, np.asarray(half))
    curve = np.convolve(np.pad(curve, 3, mode="edge"), np.ones(7) / 7, "valid")
    curve[0] *= 0.95
    return Body(curve, np.linspace(0, rng.uniform(low, high), 24), rng.uniform(0.14, 0.38)), which not in (1, 3, 5)


def decorate(brush: Brush, rng: np.random.Generator, look: Look, body: Body) -> None:
    what = rng.integers(11)
    mark = look.second
    if what == 0:
        brush.fill(body.patch(t0=0.0, t1=rng.uniform(0.3, 0.55)), mark)
    elif what == 1:
        n = int(rng.integers(2, 5))
        for k in range(n):
            t = 0.2 + 0.6 * k / n
            brush.fill(body.patch(t0=t, t1=t + 0.3 / n), mark)
    elif what == 2:
        for row, t in enumerate(np.linspace(0.2, 0.82, 4)):
            for a in np.linspace(-75, 75, 6) + 12 * (row % 2):
                u = np.sin(np.deg2rad(a))
                x, y = body.at(u, t)
                brush.oval(x, y, 0.075 * max(np.sqrt(1 - u * u), 0.15), 0.075, color=mark)
    elif what == 3:
        x, y = body.at(0.0, 0.52)
        brush.fill(heart(x, y, 0.30), mark)
    elif what == 4:
        x, y = body.at(0.0, 0.52)
        bean(brush, x, y, 0.30, -25, (0.36, 0.21, 0.12) if sum(look.glaze) > 1.3 else FOAM)
    elif what == 5:  # a little face
        dark = (0.20, 0.13, 0.12) if sum(look.glaze) > 1.3 else (0.98, 0.95, 0.9)
        for s in (-1, 1):
            x, y = body.at(s * 0.34, 0.56)
            brush.oval(x, y, 0.065, 0.085, color=dark)
            brush.oval(x + 0.02, y + 0.03, 0.024, color=(1, 1, 1) if sum(look.glaze) > 1.3 else look.glaze)
            x, y = body.at(s * 0.52, 0.42)
            brush.oval(x, y, 0.09, 0.055, color=(0.96, 0.52, 0.50), alpha=0.8)
        x, y = body.at(0, 0.44)
        brush.line([(x - 0.09, y + 0.02), (x, y - 0.05), (x + 0.09, y + 0.02)], dark, 0.035)
    elif what == 6:
        u = np.linspace(-0.98, 0.98, 19)
        brush.line(body.at(u, 0.5 + 0.13 * np.where(np.arange(19) % 2, 1, -1)), mark, 0.07, curved=False)
    elif what == 7:  # glaze running down
        u = np.linspace(-1, 1, 17)
        drip = 0.66 + 0.13 * np.sin(u * 9 + rng.uniform(0, 6)) + rng.uniform(-0.06, 0.06, 17)
        brush.fill(polygon(np.vstack([body.at(u, 1.0), body.at(u[::-1], drip)])), mark)
    elif what == 8:
        for a in np.linspace(-70, 70, 8):
            brush.fill(body.patch(u0=np.sin(np.deg2rad(a - 5)), u1=np.sin(np.deg2rad(a + 5))), mark)
