"""Sailboats as the picture book draws them: one or two masts, seen from the side, or coming towards the reader.

It knows hulls and sails; it does not know the sea: a boat is drawn whole, with no water round it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.path import Path
from numpy.typing import ArrayLike, NDArray

from course_lib.picturebook.canvas import Brush, Color, capsule, darker, ellipse, lighter, mix, polygon, rounded, vary

__all__ = ["sailboat"]

Floats = NDArray[np.float64]
CLOTHS: tuple[Color, ...] = (
    (0.99, 0.98, 0.95), (0.98, 0.95, 0.86), (0.95, 0.97, 1.0), (0.72, 0.26, 0.18), (0.90, 0.30, 0.24), (0.98, 0.76, 0.25),
    (0.25, 0.50, 0.72), (0.95, 0.58, 0.25), (0.45, 0.70, 0.66), (0.20, 0.27, 0.42), (0.93, 0.62, 0.64),
)  # fmt: skip
HULLS: tuple[Color, ...] = (
    (0.97, 0.97, 0.96), (0.15, 0.25, 0.42), (0.80, 0.20, 0.18), (0.60, 0.36, 0.18), (0.74, 0.50, 0.28), (0.18, 0.45, 0.62),
    (0.22, 0.48, 0.40), (0.95, 0.72, 0.25), (0.40, 0.70, 0.78), (0.22, 0.24, 0.28), (0.93, 0.50, 0.30),
)  # fmt: skip
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


def _look(rng: np.random.Generator) -> Look:
    hull = vary(rng, HULLS[rng.integers(len(HULLS))])
    white = rng.random() < 0.55
    main = vary(rng, CLOTHS[rng.integers(3) if white else rng.integers(len(CLOTHS))], 0.02, 0.05, 0.04)
    fore = main if rng.random() < 0.55 else vary(rng, CLOTHS[rng.integers(len(CLOTHS))], 0.02, 0.06, 0.05)
    mark = CLOTHS[3 + rng.integers(len(CLOTHS) - 3)] if sum(main) > 2.4 else CLOTHS[rng.integers(3)]
    outlined = rng.random() < 0.4
    ink = mix(darker(hull, 0.7), (0.12, 0.13, 0.22), 0.6)
    return Look(
        hull=hull,
        bottom=vary(rng, [(0.72, 0.18, 0.16), (0.16, 0.24, 0.38), (0.95, 0.95, 0.93), (0.20, 0.42, 0.38)][rng.integers(4)]),
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
        n = np.linspace(0, 1, 9)
        up, along = t0 + (t1 - t0) * n, s0 + (s1 - s0) * n
        edges = [self.at(s0, up), self.at(along, t1), self.at(s1, up[::-1]), self.at(along[::-1], t0)]
        return polygon(np.vstack([*edges, edges[0][:1]]))


def _cloth(brush: Brush, rng: np.random.Generator, look: Look, sail: Sail, color: Color, *, plain: bool = False) -> None:
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
            brush.fill(rounded([(x + k * r * 0.8 - r, y - r * 0.6), (x + k * r * 0.8 - r, y + r * 0.6), (x + k * r * 0.8 - r * 0.65, y + r * 0.6),
                                (x + k * r * 0.8 - r * 0.65, y - r * 0.6)], 0.01), mark)  # fmt: skip


def _pennant(brush: Brush, rng: np.random.Generator, x: float, y: float, side: float) -> None:
    color = vary(rng, CLOTHS[3 + rng.integers(len(CLOTHS) - 3)])
    w, h = rng.uniform(0.16, 0.26), rng.uniform(0.05, 0.08)
    n = np.linspace(0, 1, 6)
    wave = 0.02 * np.sin(n * 5)
    top, low = np.stack([x + side * w * n, y + wave], 1), np.stack([x + side * w * n, y - 2 * h * (1 - n * 0.85) + wave], 1)
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


def _bezier(*p: tuple[float, float]) -> Floats:
    q, t = np.asarray(p, float), np.linspace(0, 1, 17)[:, None]
    if len(q) == 3:
        return np.asarray(q[0] * (1 - t) ** 2 + 2 * q[1] * t * (1 - t) + q[2] * t**2, float)
    return np.asarray(q[0] * (1 - t) ** 3 + 3 * q[1] * t * (1 - t) ** 2 + 3 * q[2] * t**2 * (1 - t) + q[3] * t**3, float)


def _hull(brush: Brush, rng: np.random.Generator, look: Look, hull: Hull) -> None:
    brush.fill(hull.band(), look.hull, **look.pen)
    style = rng.integers(5)
    if style < 3:
        brush.fill(hull.band(0, 0.36), look.bottom)
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


def _cabin(brush: Brush, rng: np.random.Generator, look: Look, x0: float, x1: float, y: float) -> None:
    h = rng.uniform(0.11, 0.16)
    wall = lighter(look.trim, 0.1) if rng.random() < 0.4 else (0.97, 0.96, 0.93)
    brush.fill(rounded([(x0, y - 0.12), (x0 + 0.02, y + h), (x1 - 0.10, y + h * 0.9), (x1, y - 0.12)], (0, 0.03, 0.05, 0)), wall, edge=darker(wall, 0.3), width=0.014)
    for x in np.linspace(x0 + 0.09, x1 - 0.15, int(rng.integers(2, 4))):
        brush.fill(rounded([(x - 0.035, y + h * 0.3), (x - 0.035, y + h * 0.72), (x + 0.035, y + h * 0.72), (x + 0.035, y + h * 0.3)], 0.02), (0.28, 0.42, 0.55))


def _sailor(brush: Brush, rng: np.random.Generator, look: Look, x: float, y: float) -> None:
    coat = vary(rng, CLOTHS[3 + rng.integers(len(CLOTHS) - 3)])
    skin = vary(rng, [(0.96, 0.80, 0.66), (0.76, 0.54, 0.38), (0.45, 0.29, 0.2)][rng.integers(3)])
    brush.fill(capsule((x, y - 0.06), (x + 0.02, y + 0.13), 0.17, 0.12), coat, **look.pen)
    brush.line([(x + 0.02, y + 0.11), (x + 0.08, y + 0.02), (x + 0.16, y + 0.05)], darker(coat, 0.2), 0.045)
    brush.oval(x + 0.03, y + 0.23, 0.075, color=skin, **look.pen)
    cap = np.linspace(0.1, np.pi + 0.1, 9)
    brush.fill(polygon(np.stack([x + 0.03 + 0.082 * np.cos(cap), y + 0.245 + 0.085 * np.sin(cap)], 1)), look.cloths[2])
    brush.oval(x + 0.075, y + 0.225, 0.010, color=(0.1, 0.08, 0.08))


# -- views ------------------------------------------------------------------------------------------------------------
def _side(brush: Brush, rng: np.random.Generator) -> None:
    """One boat from the side, its bow to the right, leaning a little."""
    look = _look(rng)
    rig = [_sloop, _sloop, _sloop, _lugger, _two_masts, _square][rng.integers(6)]
    length = rng.uniform(0.66, 0.80) if rig is not _two_masts else rng.uniform(0.80, 0.90)
    depth, deck = rng.uniform(0.27, 0.38), rng.uniform(-0.62, -0.56)
    bow, dip = rng.uniform(0.04, 0.14), rng.uniform(0.04, 0.12)
    rake, full = rng.uniform(-0.06, 0.14), rng.uniform(0.35, 0.7)
    floor = deck - depth
    stern = (-length, deck + rng.uniform(0.0, 0.08))
    stem = (length, deck + bow)
    low = _bezier((-length + rake, floor + 0.05), (-length * 0.5, floor - 0.05), (length * full, floor - 0.06), (stem[0], stem[1]))
    hull = Hull(low, _bezier(stern, (0.0, deck - dip), stem))
    tilt = rng.uniform(-9, 9)
    scale = 1.0 - 0.008 * abs(tilt)
    boat = brush.at(0, 0.0, scale=scale, angle=tilt)
    if rng.random() < 0.28:  # a keel and a rudder
        boat.fill(rounded([(-0.16, floor + 0.1), (-0.12, floor - 0.10), (0.10, floor - 0.10), (0.22, floor + 0.1)], 0.04), darker(look.bottom, 0.15), **look.pen)
        boat.fill(rounded([(-length + 0.0, deck - 0.08), (-length - 0.04, floor - 0.05), (-length + 0.09, floor - 0.05), (-length + 0.12, deck - 0.1)], 0.03), darker(look.spar, 0.1), **look.pen)
        boat = boat.at(0, 0.0)
    deeper = rng.random() < 0.35
    if deeper:  # a look over the near side into the boat
        far = _bezier(stern, (0.0, deck + dip * 0.9 + 0.03), stem)
        boat.fill(polygon(np.vstack([hull.top, far[::-1]])), darker(WOOD, 0.25), **look.pen)
        boat.line(far, lighter(look.hull, 0.1), 0.03)
    rig(boat, rng, look, length, deck, lambda: _on_deck(boat, rng, look, length, deck, deeper))
    _hull(boat, rng, look, hull)


def _on_deck(brush: Brush, rng: np.random.Generator, look: Look, length: float, deck: float, deeper: bool) -> None:
    what = rng.random()
    if what < 0.4 and not deeper:
        _cabin(brush, rng, look, -length * rng.uniform(0.35, 0.5), length * rng.uniform(0.3, 0.5), deck - 0.02)
    elif what < 0.65:
        _sailor(brush, rng, look, -length * 0.72, deck + 0.02)


def _mast(brush: Brush, look: Look, x: float, low: float, high: float, width: float = 0.042) -> None:
    brush.fill(capsule((x, low), (x, high), width, width * 0.7), look.spar, **({**look.pen, "width": 0.012} if look.pen else {}))


Deck = Callable[[], None]


def _sloop(brush: Brush, rng: np.random.Generator, look: Look, length: float, deck: float, things: Deck) -> None:
    x, top, boom = rng.uniform(-0.02, 0.20), rng.uniform(0.86, 0.95), deck + rng.uniform(0.18, 0.26)
    reach = length * rng.uniform(0.82, 1.0)
    head = top - (0.02 if rng.random() < 0.5 else rng.uniform(0.1, 0.3))
    stay = (length * 0.96, deck + 0.10)
    brush.line([stay, (x, head)], darker(look.spar, 0.4), 0.010)
    brush.line([(-length * 0.97, deck + 0.04), (x, top)], darker(look.spar, 0.4), 0.010)
    things()
    _mast(brush, look, x, deck - 0.05, top)
    clew = (x - reach + (0.0 if x < 0.1 else 0.05), boom + rng.uniform(-0.03, 0.04))
    _cloth(brush, rng, look, Sail(((x - 0.025, boom), (x - 0.02, top - 0.04)), (clew, (x - 0.03, top - 0.03)), rng.uniform(0.0, 0.12), 0.0, 0.03), look.cloths[0])
    brush.fill(capsule((x, boom - 0.02), (clew[0] - 0.03, clew[1] - 0.02), 0.034), look.spar)
    if rng.random() < 0.88:
        low = (x + rng.uniform(0.04, 0.12), boom - rng.uniform(0.0, 0.08))
        if rng.random() < 0.25:
            low = (x - 0.16, boom - 0.03)
        jib = Sail(((stay[0] - 0.03, stay[1] + 0.03), (x + 0.02, head - 0.03)), (low, (x + 0.015, head - 0.05)), -rng.uniform(0.0, 0.05), -0.03, 0.05)
        _cloth(brush, rng, look, jib, look.cloths[1], plain=look.pattern in (3, 5) or rng.random() < 0.4)
    if rng.random() < 0.5:
        _pennant(brush, rng, x, top + 0.05, -1)


def _lugger(brush: Brush, rng: np.random.Generator, look: Look, length: float, deck: float, things: Deck) -> None:
    """A sail with four corners under a slanting yard, and perhaps a small one before the mast."""
    x, boom, throat = rng.uniform(0.12, 0.34), deck + rng.uniform(0.16, 0.24), rng.uniform(0.40, 0.62)
    reach, peak = length * rng.uniform(0.85, 1.0) + x * 0.6, rng.uniform(0.85, 0.96)
    things()
    _mast(brush, look, x, deck - 0.05, throat + 0.22)
    if rng.random() < 0.6:
        stay = (length * 0.97, deck + 0.12)
        brush.line([stay, (x, throat + 0.18)], darker(look.spar, 0.4), 0.010)
        jib = Sail(((stay[0] - 0.02, stay[1] + 0.02), (x + 0.02, throat + 0.15)), ((x + 0.06, boom), (x + 0.015, throat + 0.13)), 0.0, -0.02, 0.04)
        _cloth(brush, rng, look, jib, look.cloths[1], plain=look.pattern == 5)
    out = x - reach * rng.uniform(0.45, 0.62)
    sail = Sail(((x - 0.03, boom), (x - 0.03, throat)), ((x - reach, boom + 0.02), (out, peak)), rng.uniform(0.02, 0.09), 0.0, 0.03)
    _cloth(brush, rng, look, sail, look.cloths[0])
    brush.fill(capsule((x + 0.02, boom - 0.02), (x - reach - 0.03, boom), 0.036), look.spar)
    brush.fill(capsule((x + 0.04, throat + 0.01 - 0.02), (out - 0.03, peak + 0.03), 0.036), look.spar)
    if rng.random() < 0.4:
        _pennant(brush, rng, x, throat + 0.28, -1)


def _two_masts(brush: Brush, rng: np.random.Generator, look: Look, length: float, deck: float, things: Deck) -> None:
    front, back = rng.uniform(0.18, 0.28), rng.uniform(-0.46, -0.36)
    tall = (rng.uniform(0.82, 0.95), rng.uniform(0.55, 0.9))
    boom = deck + 0.2
    stay = (length * 1.02, deck + 0.14)
    brush.line([(front, tall[0]), (back, tall[1]), (-length * 0.97, deck + 0.06)], darker(look.spar, 0.4), 0.010, curved=False)
    things()
    gaff = rng.random() < 0.4
    for x, top, room in ((back, tall[1], length * 0.97 + back), (front, tall[0], front - back - 0.08)):
        _mast(brush, look, x, deck - 0.05, top, 0.038)
        clew = (x - room, boom + 0.02)
        if gaff:
            throat = deck + (top - deck) * 0.66
            sail = Sail(((x - 0.02, boom), (x - 0.02, throat)), (clew, (x - room * 0.72, top - 0.06)), 0.03, 0.0, 0.02)
        else:
            sail = Sail(((x - 0.02, boom), (x - 0.02, top - 0.04)), (clew, (x - 0.03, top - 0.05)), 0.04, 0.0, 0.02)
        _cloth(brush, rng, look, sail, look.cloths[0])
        brush.fill(capsule((x, boom - 0.02), (clew[0] - 0.01, clew[1] - 0.02), 0.03), look.spar)
        if gaff:
            brush.fill(capsule((x + 0.02, throat - 0.01), (x - room * 0.76, top - 0.03), 0.03), look.spar)
    brush.line([(length * 0.8, deck + 0.05), stay], look.spar, 0.035)
    for k in range(int(rng.integers(1, 3))):
        high = tall[0] - 0.1 - 0.22 * k
        tack = (stay[0] - 0.02 - 0.22 * k, stay[1] + 0.02 - 0.01 * k)
        jib = Sail((tack, (front + 0.02, high)), ((tack[0] - 0.34, boom - 0.02), (front + 0.015, high - 0.02)), -0.05, -0.02, 0.03)
        _cloth(brush, rng, look, jib, look.cloths[1], plain=look.pattern in (3, 5))
    for x, top in ((front, tall[0]), (back, tall[1])):
        if rng.random() < 0.5:
            _pennant(brush, rng, x, top + 0.03, -1)


def _square(brush: Brush, rng: np.random.Generator, look: Look, length: float, deck: float, things: Deck) -> None:
    """A broad square sail across the mast, as on an old ship; sometimes a smaller one above it."""
    x, top = rng.uniform(-0.08, 0.08), rng.uniform(0.84, 0.94)
    brush.line([(-length * 0.95, deck + 0.06), (x, top - 0.05), (length * 0.96, deck + 0.12)], darker(look.spar, 0.4), 0.012, curved=False)
    things()
    _mast(brush, look, x, deck - 0.05, top, 0.05)
    low, half = deck + 0.22, length * rng.uniform(0.68, 0.86)
    double = rng.random() < 0.4
    high = 0.25 if double else rng.uniform(0.55, 0.68)
    tiers = [(low, high, half, half * 0.86)] + ([(high + 0.09, top - 0.14, half * 0.8, half * 0.62)] if double else [])
    belly = rng.uniform(0.06, 0.14)
    for y0, y1, w0, w1 in tiers:
        sail = Sail(((x - w0, y0), (x - w1, y1)), ((x + w0, y0 + 0.02), (x + w1, y1)), belly, belly * 0.55, -0.07)
        _cloth(brush, rng, look, sail, look.cloths[0])
        brush.fill(capsule((x - w1 - 0.06, y1 + 0.015), (x + w1 + 0.06, y1 + 0.015), 0.042), look.spar)
    _pennant(brush, rng, x, top + 0.05, 1)


def _ahead(brush: Brush, rng: np.random.Generator) -> None:
    """The boat comes towards the reader: a narrow hull, the sails spread to both sides or one great balloon."""
    look = _look(rng)
    boat = brush.at(0, 0.0, scale=0.98, angle=rng.uniform(-10, 10))
    w, deck, floor = rng.uniform(0.26, 0.40), rng.uniform(-0.58, -0.52), -0.96
    top = rng.uniform(0.88, 0.96)
    _mast(boat, look, 0.0, deck - 0.05, top, 0.045)
    if rng.random() < 0.5:
        reach = rng.uniform(0.55, 0.8)
        main = Sail(((-0.02, deck + 0.2), (-0.015, top - 0.03)), ((-reach, deck + 0.24), (-0.03, top - 0.04)), rng.uniform(0.06, 0.16), 0.0, 0.05)
        fore = Sail(((0.02, deck + 0.16), (0.015, top - 0.12)), ((reach * rng.uniform(0.7, 1.0), deck + 0.26), (0.03, top - 0.14)), rng.uniform(0.04, 0.14), 0.0, 0.05)
        _cloth(boat, rng, look, main, look.cloths[0])
        _cloth(boat, rng, look, fore, look.cloths[1], plain=look.pattern == 5)
        boat.fill(capsule((0, deck + 0.17), (-reach - 0.02, deck + 0.21), 0.034), look.spar)
    else:
        reach = rng.uniform(0.55, 0.70)
        back = Sail(((0.0, deck + 0.2), (0.0, top - 0.02)), ((-reach * 1.1, deck + 0.22), (0.0, top - 0.03)), 0.1, 0.0, 0.03)
        _cloth(boat, rng, look, back, look.cloths[1], plain=True)
        bag = Sail(((-reach * 0.72, deck + 0.18), (0.02, top - 0.08)), ((reach, deck + 0.22), (0.08, top - 0.08)), rng.uniform(0.22, 0.30), -rng.uniform(0.18, 0.26), -0.10)
        _cloth(boat, rng, look, bag, look.cloths[0])
    n = np.linspace(-1, 1, 15)
    side = np.stack([w * np.sign(n) * np.abs(n) ** rng.uniform(0.5, 0.9), floor + (deck - floor) * np.abs(n) ** rng.uniform(1.6, 2.6)], 1)
    rim = np.stack([w * n[::-1], deck - 0.05 * (1 - n**2)], 1)
    boat.fill(polygon(np.vstack([side, rim, side[:1]])), look.hull, **look.pen)
    low = side[4:11]
    boat.fill(polygon(np.vstack([low, low[:1]])), look.bottom)
    right = np.vstack([side[7:], rim[:8]])
    if look.shaded:
        boat.fill(polygon(right), (0, 0, 0), alpha=0.14)
    boat.line([(0, deck - 0.04), (0, floor + 0.02)], darker(look.hull, 0.25), 0.02)
    boat.line(rim, look.trim, 0.045)
    if rng.random() < 0.6:
        _pennant(boat, rng, 0.0, top + 0.05, rng.choice([-1.0, 1.0]))


def sailboat(brush: Brush, rng: np.random.Generator) -> None:
    """A sailboat: sloop, lugger, two-master or square sail from the side, or any boat coming towards the reader."""
    if rng.random() < 0.8:
        _side(brush, rng)
    else:
        _ahead(brush, rng)
