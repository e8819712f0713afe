"""What hot dogs are made of: buns, sausages and what goes on top, all laid along one bent line.

It does not know from where a hot dog is seen, nor what it is served on (``hot_dogs.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.path import Path
from numpy.typing import ArrayLike, NDArray

from picturebook.canvas import Brush, Color, darker, ellipse, lighter, mix, polygon, tube, vary

__all__ = ["KETCHUP", "Look", "Spine", "face", "frill", "half_bun", "paint_look", "sausage", "seeds", "toppings"]

Floats = NDArray[np.float64]
BUNS: tuple[Color, ...] = ((0.93, 0.68, 0.34), (0.86, 0.57, 0.27), (0.96, 0.76, 0.45), (0.78, 0.48, 0.22))
SAUSAGES: tuple[Color, ...] = (
    (0.78, 0.30, 0.18),
    (0.67, 0.24, 0.15),
    (0.86, 0.42, 0.28),
    (0.58, 0.24, 0.14),
    (0.88, 0.46, 0.38),
)
MUSTARD, KETCHUP, MAYO = (0.98, 0.80, 0.14), (0.80, 0.11, 0.08), (0.99, 0.95, 0.82)
LEAF = (0.45, 0.70, 0.22)
_BRICK = np.array([(-1, -1), (-1, 1), (1, 1), (1, -1), (-1, -1)])


@dataclass(frozen=True)
class Spine:
    """The line a hot dog lies along: ``s`` runs from -1 (left end of the bun) to 1, ``off`` sideways (up)."""

    bend: float
    near: float  # how much wider the right end is than the middle

    def at(self, s: ArrayLike, off: ArrayLike = 0.0) -> Floats:
        s, off = np.broadcast_arrays(np.asarray(s, float), np.asarray(off, float))
        slope = -2 * self.bend * s
        long = np.sqrt(1 + slope**2)
        off = off * self.scale(s)
        return np.stack([0.8 * s - slope / long * off, self.bend * 0.8 * (0.5 - s * s) + off / long], -1)

    def scale(self, s: ArrayLike) -> Floats:
        return np.asarray(1 + self.near * np.asarray(s, float), float)

    def roll(self, s0: float, s1: float, off: float, width: float, plump: float = 0.0) -> Path:
        """A sausage shape along the spine from ``s0`` to ``s1``; ``plump`` thins its ends."""
        s = np.linspace(s0, s1, 9)
        n = np.linspace(-1, 1, 9)
        return tube(self.at(s, off), width * self.scale(s) * (1 - plump * n**4))


@dataclass(frozen=True)
class Look:
    bun: Color
    crumb: Color
    sausage: Color
    pen: dict[str, Any]
    shaded: bool


def paint_look(rng: np.random.Generator) -> Look:
    bun = vary(rng, BUNS[rng.integers(len(BUNS))], 0.012, 0.07, 0.04)
    outlined = rng.random() < 0.42
    ink = mix(darker(bun, 0.75), (0.25, 0.08, 0.05), 0.5)
    return Look(
        bun=bun,
        crumb=vary(rng, (0.99, 0.90, 0.68), 0.01, 0.06, 0.02),
        sausage=vary(rng, SAUSAGES[rng.integers(len(SAUSAGES))], 0.012, 0.07, 0.05),
        pen={"edge": ink, "width": rng.uniform(0.018, 0.034)} if outlined else {},
        shaded=bool(rng.random() < 0.85),
    )


# -- parts ------------------------------------------------------------------------------------------------------------
def sausage(
    brush: Brush, rng: np.random.Generator, look: Look, spine: Spine, off: float, width: float, long: float
) -> None:
    brush.fill(
        spine.roll(-long, long, off, width),
        look.sausage,
        **(look.pen or {"edge": darker(look.sausage, 0.25), "width": 0.012}),
    )
    s = np.linspace(-long, long, 9)
    if look.shaded:
        brush.fill(spine.roll(-long * 0.98, long * 0.98, off - width * 0.30, width * 0.30), darker(look.sausage, 0.22))
    brush.line(spine.at(s * 0.92, off + width * 0.30), lighter(look.sausage, 0.38), width * 0.10)
    if rng.random() < 0.4:
        dark = darker(look.sausage, 0.5)
        for k in np.linspace(-long * 0.85, long * 0.85, int(rng.integers(6, 10))):
            brush.line(spine.at([k - 0.05, k + 0.05], [off - width * 0.25, off + width * 0.3]), dark, 0.030)
    if rng.random() < 0.5:
        for end in (-1, 1):
            x, y = spine.at(end * (long + width * 0.32), off)
            brush.oval(x, y, 0.024, color=darker(look.sausage, 0.4))


def half_bun(brush: Brush, look: Look, spine: Spine, off: float, width: float, *, near: bool) -> None:
    """One half of the bun; the ``near`` one shows its crust, the far one a strip of crumb as well."""
    brush.fill(
        spine.roll(-0.98, 0.98, off, width, 0.20),
        look.bun,
        **(look.pen or {"edge": darker(look.bun, 0.18), "width": 0.012}),
    )
    if look.shaded and near:
        brush.fill(spine.roll(-0.92, 0.92, off - width * 0.30, width * 0.34, 0.5), darker(look.bun, 0.16))
        brush.fill(spine.roll(-0.80, 0.62, off + width * 0.16, width * 0.13, 0.6), lighter(look.bun, 0.36))


def _sauce(
    brush: Brush,
    rng: np.random.Generator,
    spine: Spine,
    off: float,
    width: float,
    color: Color,
    pen: dict[str, Any],
    phase: float,
) -> None:
    """A wavy, zigzag or straight line of sauce."""
    turns = float(rng.integers(4, 8))
    s = np.linspace(-0.93, 0.93, int(turns) * 5)
    wave = np.sin(s * turns * np.pi / 1.0 + phase)
    sharp = rng.random() < 0.3
    if sharp:
        wave = np.arcsin(wave) * 2 / np.pi
    high = width * rng.uniform(0.26, 0.40)
    thick = rng.uniform(0.065, 0.095)
    line = spine.at(s, off + high * wave)
    if pen:
        brush.line(line, pen["edge"], thick + 2 * 0.016)
    else:
        brush.line(line - np.array([0, 0.018]), darker(color, 0.28), thick)
    brush.line(line, color, thick)
    brush.line(line + np.array([-0.008, 0.014]), lighter(color, 0.45), thick * 0.22)


def _bits(brush: Brush, rng: np.random.Generator, spine: Spine, off: float, width: float) -> None:
    """Chopped things: onions, relish, crisp onions, tomatoes."""
    kinds: list[tuple[Color, ...]] = [
        ((0.97, 0.95, 0.90), (0.90, 0.86, 0.92)),
        ((0.45, 0.62, 0.20), (0.58, 0.72, 0.28)),
        ((0.78, 0.52, 0.22), (0.65, 0.40, 0.15)),
        ((0.85, 0.20, 0.15), (0.93, 0.42, 0.30)),
    ]
    pair = kinds[rng.integers(4)]
    places = spine.at(rng.uniform(-0.88, 0.88, 20), off + rng.uniform(-0.38, 0.38, 20) * width)
    turns, sizes = rng.uniform(0, np.pi, 20), rng.uniform([0.035, 0.022], [0.055, 0.034], (20, 2))
    for k in range(20):
        color, c, n = pair[k % 2], np.cos(turns[k]), np.sin(turns[k])
        corners = (_BRICK * sizes[k]) @ np.array([[c, n], [-n, c]]) + places[k]
        brush.fill(polygon(corners), color, edge=darker(color, 0.28), width=0.010)


def frill(brush: Brush, rng: np.random.Generator, spine: Spine, off: float, high: float, pen: dict[str, Any]) -> None:
    """Lettuce that peeps out along the edge."""
    s = np.linspace(-0.94, 0.94, 47)
    lobes = np.abs(np.sin(s * rng.uniform(9, 13) + rng.uniform(0, 6))) ** 0.7
    ruffle = off + high * (0.30 + 0.45 * lobes + 0.12 * np.sin(s * 5 + rng.uniform(0, 6))) * (1 - (s / 0.95) ** 6)
    color = vary(rng, LEAF, 0.03)
    brush.fill(
        polygon(np.vstack([spine.at(s, ruffle), spine.at(s[::-1], off - 0.06)])),
        color,
        **(pen or {"edge": darker(color, 0.25), "width": 0.012}),
    )
    brush.line(spine.at(s, (ruffle + off) / 2), lighter(color, 0.3), 0.016)


def _cheese(brush: Brush, rng: np.random.Generator, spine: Spine, off: float, width: float) -> None:
    s = np.linspace(-0.84, 0.84, 41)
    end = (1 - (s / 0.86) ** 8) ** 0.5
    drip = off - width * (0.14 + 0.44 * np.abs(np.sin(s * 6.5 + rng.uniform(0, 6)))) * end
    color = vary(rng, (0.99, 0.74, 0.22), 0.015)
    brush.fill(
        polygon(np.vstack([spine.at(s, off + width * 0.36 * end), spine.at(s[::-1], drip[::-1])])),
        color,
        edge=darker(color, 0.2),
        width=0.012,
    )
    brush.line(spine.at(s[2:-2], off + width * 0.22), lighter(color, 0.5), 0.025)


def toppings(brush: Brush, rng: np.random.Generator, look: Look, spine: Spine, off: float, width: float) -> None:
    what = rng.random()
    if what < 0.12:
        _cheese(brush, rng, spine, off, width)
    elif what < 0.36:
        _bits(brush, rng, spine, off, width)
    if what > 0.12 or rng.random() < 0.75:
        phase = rng.uniform(0, 6)
        first, second = (
            (MUSTARD, KETCHUP)
            if rng.random() < 0.78
            else (KETCHUP, MUSTARD)
            if sum(look.sausage) < 1.0
            else (MAYO, MUSTARD)
        )
        if rng.random() < 0.28:
            _sauce(brush, rng, spine, off, width * 0.9, vary(rng, second, 0.01), look.pen, phase + 2)
        _sauce(brush, rng, spine, off, width, vary(rng, first, 0.01, 0.05, 0.03), look.pen, phase)
    if 0.36 < what < 0.48:
        for k in np.linspace(-0.7, 0.7, int(rng.integers(4, 6))):
            x, y = spine.at(k, off + width * 0.05)
            brush.oval(x, y, 0.105, 0.095, color=(0.42, 0.58, 0.20), edge=(0.25, 0.40, 0.12), width=0.018)
            brush.oval(x, y, 0.07, 0.062, color=(0.70, 0.80, 0.38))


def seeds(brush: Brush, rng: np.random.Generator, look: Look, spine: Spine, off: float, width: float) -> None:
    color = (0.99, 0.93, 0.76) if rng.random() < 0.7 else (0.22, 0.18, 0.18)
    places = spine.at(rng.uniform(-0.85, 0.85, 16), off + rng.uniform(-0.30, 0.34, 16) * width)
    for (x, y), angle in zip(places, rng.uniform(0, 180, 16), strict=True):
        brush.fill(ellipse(x, y, 0.026, 0.015, angle), color)


def face(brush: Brush, spine: Spine, off: float) -> None:
    dark = (0.25, 0.12, 0.08)
    for s in (-0.16, 0.16):
        x, y = spine.at(s, off + 0.02)
        brush.oval(x, y, 0.038, 0.05, color=dark)
        brush.oval(x + 0.012, y + 0.018, 0.014, color=(1, 1, 1))
        x, y = spine.at(s * 1.8, off - 0.05)
        brush.oval(x, y, 0.055, 0.034, color=(0.95, 0.45, 0.35), alpha=0.75)
    x, y = spine.at(0, off - 0.04)
    brush.line([(x - 0.05, y + 0.015), (x, y - 0.025), (x + 0.05, y + 0.015)], dark, 0.022)
