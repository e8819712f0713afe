"""Coffee cups (and, from ``hot_dogs.py``, hot dogs) as the picture book draws them.

It knows crockery, coffee and what is drawn into its foam; it does not know the table it stands on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.path import Path
from numpy.typing import ArrayLike, NDArray

from course_lib.picturebook.canvas import Brush, Color, capsule, darker, ellipse, lighter, mix, polygon, rounded, smooth, star, tube, vary
from course_lib.picturebook.hot_dogs import hot_dog

__all__ = ["coffee_cup", "hot_dog"]

Floats = NDArray[np.float64]
GLAZES: tuple[Color, ...] = (
    (0.98, 0.97, 0.95), (0.96, 0.93, 0.86), (0.86, 0.27, 0.22), (0.95, 0.62, 0.25), (0.98, 0.82, 0.40), (0.35, 0.62, 0.50),
    (0.25, 0.48, 0.62), (0.16, 0.24, 0.40), (0.62, 0.80, 0.82), (0.93, 0.66, 0.66), (0.50, 0.38, 0.54), (0.24, 0.24, 0.27),
    (0.55, 0.68, 0.50), (0.72, 0.45, 0.32),
)  # fmt: skip
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


def _look(rng: np.random.Generator) -> Look:
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
def _coffee(brush: Brush, rng: np.random.Generator, look: Look) -> None:
    """The coffee's surface, a disc of radius 1 round the origin of ``brush``, with or without a picture in the foam."""
    brush.oval(0, 0, 1.0, color=darker(look.coffee, 0.25))
    brush.oval(0.02, -0.02, 0.94, color=look.coffee)
    art = rng.integers(7)
    spun = brush.at(0, 0, angle=rng.uniform(-25, 25))
    brown = mix(look.coffee, look.foam, 0.25)
    if art == 0:  # a heart
        spun.oval(0, 0, 0.80, color=mix(look.coffee, look.foam, 0.22))
        spun.fill(_heart(0, 0.02, 0.62), look.foam)
    elif art == 1:  # a fern
        spun.fill(star(0, 0, 0.72 + 0.05 * rng.normal(size=9)), brown)
        for k in range(5):
            y, w = -0.48 + 0.24 * k, 0.60 - 0.075 * k
            leaf = smooth([(0, y - 0.14), (w * 0.8, y + 0.06), (w * 0.9, y + 0.20), (0, y + 0.03), (-w * 0.9, y + 0.20), (-w * 0.8, y + 0.06)])
            spun.fill(leaf, look.foam)
        spun.line([(0, -0.72), (0, 0.76)], brown, 0.05)
    elif art == 2:  # a tulip
        for k in range(3):
            y, w = -0.42 + 0.38 * k, 0.60 - 0.13 * k
            spun.fill(smooth([(0, y - 0.20), (w, y + 0.02), (w * 0.55, y + 0.24), (0, y + 0.12), (-w * 0.55, y + 0.24), (-w, y + 0.02)]), look.foam)
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
            brush.oval(0.78 * np.cos(a), 0.78 * np.sin(a), rng.uniform(0.04, 0.08), color=mix(look.coffee, look.foam, 0.5))
        brush.fill(ellipse(-0.35, 0.38, 0.30, 0.12, 40), lighter(look.coffee, 0.45), alpha=0.8)
    else:  # rings of cream
        spun.oval(0, 0, 0.84, color=mix(look.coffee, look.foam, 0.35))
        spun.oval(0.04, 0.02, 0.66, color=look.coffee)
        spun.oval(0.0, 0.0, 0.50, color=look.foam)
        spun.oval(0.04, 0.03, 0.20, color=mix(look.coffee, look.foam, 0.4))


def _heart(x: float, y: float, r: float) -> Path:
    t = np.linspace(0, 2 * np.pi, 26)
    return polygon(np.stack([x + r * np.sin(t) ** 3, y + r / 16 * (13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))], 1))


def _bean(brush: Brush, x: float, y: float, r: float, angle: float, color: Color) -> None:
    spot = brush.at(x, y, scale=r, angle=angle)
    spot.oval(0, 0, 0.68, 1.0, color=color)
    spot.line([(0.05, 0.85), (-0.18, 0.3), (0.18, -0.3), (-0.05, -0.85)], mix(color, (1, 0.95, 0.85), 0.55) if sum(color) < 1.5 else darker(color, 0.5), 0.16)


def _steam(brush: Brush, rng: np.random.Generator, x: float, y: float, height: float) -> None:
    n = int(rng.integers(1, 4))
    turn, tone = rng.choice([-1.0, 1.0]), rng.uniform(0.80, 0.92)
    for k in range(n):
        mid = x + (k - (n - 1) / 2) * 0.26
        h = height * (1.0 if n == 1 or k == n // 2 else rng.uniform(0.66, 0.9))
        t = np.linspace(0, 1, 8)
        wisp = np.stack([mid + turn * 0.07 * np.sin(t * 5.6 + k * 0.5), y + 0.05 + (h - 0.05) * t], 1)
        brush.fill(tube(wisp, 0.015 + 0.085 * np.sin(np.pi * t**0.8)), (tone, tone, min(tone + 0.03, 1)), alpha=0.85)


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


def _shape(rng: np.random.Generator) -> tuple[Body, bool]:
    which = int(rng.integers(len(_SHAPES)))
    half, low, high = _SHAPES[which]
    k = np.linspace(0, 1, 6)
    fine = np.linspace(0, 1, 24)
    curve = np.interp(fine, k, np.asarray(half))
    curve = np.convolve(np.pad(curve, 3, mode="edge"), np.ones(7) / 7, "valid")
    curve[0] *= 0.95
    return Body(curve, np.linspace(0, rng.uniform(low, high), 24), rng.uniform(0.14, 0.38)), which not in (1, 3, 5)


def _decorate(brush: Brush, rng: np.random.Generator, look: Look, body: Body) -> None:
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
        brush.fill(_heart(x, y, 0.30), mark)
    elif what == 4:
        x, y = body.at(0.0, 0.52)
        _bean(brush, x, y, 0.30, -25, (0.36, 0.21, 0.12) if sum(look.glaze) > 1.3 else FOAM)
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


def _upright(brush: Brush, rng: np.random.Generator) -> None:
    """A cup or a mug from the side, a little from above, perhaps on a saucer and steaming."""
    look = _look(rng)
    body, cup = _shape(rng)
    saucer = rng.random() < (0.75 if cup else 0.15)
    steam = rng.uniform(0.7, 1.0) if rng.random() < 0.62 else 0.0
    tall, flat = float(body.height[-1]), body.flat
    reach = 1.0 + rng.uniform(0.40, 0.60)
    wide = rng.uniform(1.45, 1.65)
    low = -wide * flat * 0.8 - 0.16 if saucer else -float(body.half[0]) * flat
    high = tall + max(flat, steam)
    left, right = (-wide, max(wide, reach)) if saucer else (-1.06, reach + 0.05)
    size = min(1.92 / (right - left), 1.94 / (high - low))
    page = brush.at(-(left + right) / 2 * size, -(low + high) / 2 * size, scale=size)
    if saucer:
        y = -0.10
        page.fill(ellipse(0, y - 0.08, wide * 0.97, wide * flat * 0.8), darker(look.saucer, 0.28), **look.pen)
        page.fill(ellipse(0, y, wide, wide * flat * 0.8), look.saucer, **look.pen)
        page.fill(ellipse(0, y + 0.01, wide * 0.86, wide * flat * 0.65), lighter(look.saucer, 0.3) if rng.random() < 0.5 else darker(look.saucer, 0.06))
        page.fill(ellipse(0.05, y, wide * 0.58, wide * flat * 0.42), darker(look.saucer, 0.16))
        if rng.random() < 0.45:
            _spoon(page, rng, -wide * 0.92, -wide * flat * 0.35, 14)
    _handle(page, rng, look, body, reach)
    wall = body.patch()
    page.fill(wall, look.glaze, **look.pen)
    _decorate(page, rng, look, body)
    if look.shaded:
        page.fill(body.patch(u0=0.52), (0.15, 0.08, 0.10), alpha=0.10)
        page.fill(body.patch(u0=0.80), (0.15, 0.08, 0.10), alpha=0.10)
        page.fill(body.patch(u0=-0.84, u1=-0.66, t0=0.12, t1=0.9), (1, 1, 1), alpha=0.45)
        page.fill(body.patch(t1=0.07), (0.15, 0.08, 0.10), alpha=0.12)
    if look.pen:
        page.line(wall, look.pen["edge"], look.pen["width"])
    rim = lighter(look.glaze, 0.3)
    page.fill(ellipse(0, tall, 1.0, flat), rim, **(look.pen or {"edge": darker(look.glaze, 0.10), "width": 0.012}))
    page.fill(ellipse(0, tall, 0.92, flat * 0.90), darker(look.inner, 0.14))
    depth = rng.uniform(0.04, 0.10)
    with page.inside(ellipse(0, tall, 0.92, flat * 0.90)):
        _coffee(page.at(0, tall - depth, scale=0.90, squash=flat), rng, look)
    if steam:
        _steam(page, rng, rng.uniform(-0.15, 0.15), tall + flat * 0.2, steam - flat * 0.2)


def _handle(brush: Brush, rng: np.random.Generator, look: Look, body: Body, reach: float) -> None:
    t0, t1 = rng.uniform(0.22, 0.34), rng.uniform(0.74, 0.86)
    (x0, y0), (x1, y1) = body.at(0.9, t0), body.at(0.9, t1)
    drop = rng.uniform(-0.08, 0.1)
    ring = [(x1 - 0.1, y1), (reach - 0.20, y1 + 0.06), (reach, (y0 + y1) / 2 + 0.1 + drop), (reach - 0.22, y0 + 0.02), (x0 - 0.1, y0 + 0.02)]
    thick = rng.uniform(0.15, 0.21)
    brush.fill(tube(ring, [thick, thick, thick * 0.9, thick, thick * 1.1]), look.glaze, **look.pen)
    if look.shaded:
        shade = np.asarray(ring) + [0.0, -thick * 0.26]
        brush.line(shade[1:4], darker(look.glaze, 0.16), thick * 0.24)


def _spoon(brush: Brush, rng: np.random.Generator, x: float, y: float, angle: float) -> None:
    metal = vary(rng, [(0.78, 0.80, 0.83), (0.86, 0.70, 0.40)][rng.integers(2)], 0.01)
    spot = brush.at(x, y, angle=angle)
    spot.fill(capsule((0.2, 0), (1.0, 0), 0.05, 0.08), metal, edge=darker(metal, 0.35), width=0.012)
    spot.fill(ellipse(0.14, 0, 0.19, 0.10), metal, edge=darker(metal, 0.35), width=0.012)
    spot.fill(ellipse(0.13, 0.01, 0.13, 0.06), darker(metal, 0.15))


# -- from above, and to take away -------------------------------------------------------------------------------------
def _above(brush: Brush, rng: np.random.Generator) -> None:
    """A cup straight from above, on its saucer or alone."""
    look = _look(rng)
    saucer = rng.random() < 0.72
    cup = rng.uniform(0.54, 0.64) if saucer else rng.uniform(0.74, 0.80)
    page = brush if saucer else brush.at(0, 0)
    turn = rng.uniform(-70, 40)
    if saucer:
        page.oval(0, 0, 0.95, color=look.saucer, **(look.pen or {"edge": darker(look.saucer, 0.15), "width": 0.012}))
        style = rng.integers(4)
        if style == 0:
            page.oval(0, 0, 0.86, color=look.second)
            page.oval(0, 0, 0.79, color=look.saucer)
        elif style == 1:
            for a in np.linspace(0, 2 * np.pi, 16, endpoint=False):
                page.oval(0.83 * np.cos(a), 0.83 * np.sin(a), 0.045, color=look.second)
        elif style == 2:
            page.oval(0, 0, 0.88, color=lighter(look.saucer, 0.3))
            page.oval(0, 0, 0.84, color=look.saucer)
        page.oval(0.03, -0.03, cup + 0.10, color=darker(look.saucer, 0.15))
    ring = page.at(0, 0, angle=turn) if saucer else page.at(-0.12 * np.cos(np.deg2rad(turn)), -0.12 * np.sin(np.deg2rad(turn)), angle=turn)
    long = cup + (0.26 if saucer else 0.30)
    if rng.random() < 0.5:
        ring.fill(capsule((cup * 0.8, 0), (long, 0), 0.15, 0.17), look.glaze, **(look.pen or {"edge": darker(look.glaze, 0.15), "width": 0.012}))
        ring.line([(cup, 0.02), (long - 0.03, 0.02)], lighter(look.glaze, 0.35), 0.035)
    else:
        ear = ellipse(cup + 0.07, 0, long - cup - 0.05, 0.16)
        if look.pen:
            ring.line(ear, look.pen["edge"], 0.11 + 2 * look.pen["width"])
        ring.line(ear, look.glaze, 0.11)
    ring.oval(0, 0, cup, color=look.glaze, **(look.pen or {"edge": darker(look.glaze, 0.15), "width": 0.012}))
    ring.oval(0, 0, cup * 0.94, color=lighter(look.glaze, 0.18))
    ring.oval(0, 0, cup * 0.87, color=darker(look.inner, 0.15))
    _coffee(page.at(*ring_origin(saucer, turn), scale=cup * 0.85), rng, look)
    if saucer and rng.random() < 0.5:
        a = np.deg2rad(turn + rng.uniform(100, 160))
        _spoon(page, rng, 0.80 * np.cos(a) - 0.6 * np.cos(a - np.pi / 2), 0.80 * np.sin(a) - 0.6 * np.sin(a - np.pi / 2), np.rad2deg(a) - 90)
    if saucer and rng.random() < 0.45:
        a = np.deg2rad(turn + rng.uniform(190, 260))
        _nibble(page.at(0.77 * np.cos(a), 0.77 * np.sin(a), angle=rng.uniform(0, 90)), rng)


def ring_origin(saucer: bool, turn: float) -> tuple[float, float]:
    """Where the cup stands: in the middle of its saucer, or moved aside so that cup and handle are centred."""
    return (0.0, 0.0) if saucer else (-0.12 * float(np.cos(np.deg2rad(turn))), -0.12 * float(np.sin(np.deg2rad(turn))))


def _nibble(brush: Brush, rng: np.random.Generator) -> None:
    """A biscuit, a lump of sugar or two beans."""
    what = rng.integers(3)
    if what == 0:
        brush.oval(0, 0, 0.14, color=(0.85, 0.62, 0.35), edge=(0.66, 0.44, 0.22), width=0.015)
        for x, y in ((-0.05, 0.03), (0.05, 0.05), (0.01, -0.06)):
            brush.oval(x, y, 0.025, color=(0.36, 0.21, 0.12))
    elif what == 1:
        brush.fill(rounded([(-0.10, -0.10), (-0.10, 0.10), (0.10, 0.10), (0.10, -0.10)], 0.02), (0.99, 0.98, 0.96), edge=(0.8, 0.77, 0.72), width=0.015)
    else:
        _bean(brush, -0.06, 0.0, 0.09, 20, (0.36, 0.21, 0.12))
        _bean(brush, 0.09, 0.04, 0.09, -50, (0.36, 0.21, 0.12))


def _takeaway(brush: Brush, rng: np.random.Generator) -> None:
    """A paper cup with a lid or, without it, a full rim."""
    look = _look(rng)
    paper = (0.98, 0.97, 0.94) if rng.random() < 0.6 else look.glaze
    tall, flat = rng.uniform(1.9, 2.4), rng.uniform(0.12, 0.22)
    body = Body(np.linspace(rng.uniform(0.66, 0.78), 1.0, 24), np.linspace(0, tall, 24), flat)
    lid = rng.random() < 0.7
    steam = rng.uniform(0.5, 0.8) if rng.random() < 0.5 else 0.0
    high, low = tall + (0.30 if lid else flat) + steam, -flat * 0.75
    size = 1.94 / (high - low)
    page = brush.at(0, -(low + high) / 2 * size, scale=size)
    page.fill(body.patch(), paper, **(look.pen or {"edge": darker(paper, 0.15), "width": 0.015}))
    sleeve = vary(rng, [(0.70, 0.50, 0.32), (0.50, 0.33, 0.20), look.second][rng.integers(3)])
    page.fill(body.patch(t0=0.24, t1=0.74), sleeve, **look.pen)
    x, y = body.at(0, 0.49)
    page.oval(x, y, 0.36, 0.38, color=FOAM)
    _bean(page, x, y, 0.27, -25, (0.36, 0.21, 0.12))
    if look.shaded:
        page.fill(body.patch(u0=0.50), (0.15, 0.08, 0.10), alpha=0.10)
        page.fill(body.patch(u0=0.78), (0.15, 0.08, 0.10), alpha=0.10)
        page.fill(body.patch(u0=-0.84, u1=-0.68, t0=0.05, t1=0.95), (1, 1, 1), alpha=0.35)
    if lid:
        cap = [(0.98, 0.97, 0.95), (0.22, 0.19, 0.18), look.second][rng.integers(3)]
        edge = look.pen or {"edge": darker(cap, 0.2), "width": 0.015}
        page.fill(Body(np.linspace(1.08, 1.05, 24), np.linspace(tall - 0.06, tall + 0.06, 24), flat).patch(), cap, **edge)
        page.fill(ellipse(0, tall + 0.06, 1.05, flat), lighter(cap, 0.12), **edge)
        page.fill(Body(np.linspace(0.92, 0.86, 24), np.linspace(tall + 0.06, tall + 0.22, 24), flat).patch(), cap, **edge)
        page.fill(ellipse(0, tall + 0.22, 0.86, flat * 0.86), lighter(cap, 0.16), **edge)
        page.oval(0.3, tall + 0.19, 0.12, 0.035, color=darker(cap, 0.6))
    else:
        page.fill(ellipse(0, tall, 1.0, flat), lighter(paper, 0.3), edge=darker(paper, 0.15), width=0.02)
        _coffee(page.at(0, tall - 0.01, scale=0.90, squash=flat), rng, look)
    if steam:
        _steam(page, rng, 0.1, tall + (0.28 if lid else 0.1), steam - 0.02)


def coffee_cup(brush: Brush, rng: np.random.Generator) -> None:
    """A coffee cup: cup or mug from the side, straight from above, or a paper cup to take away."""
    view = rng.random()
    if view < 0.60:
        _upright(brush, rng)
    elif view < 0.88:
        _above(brush, rng)
    else:
        _takeaway(brush, rng)
