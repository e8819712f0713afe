"""The book's cats: sitting, walking, resting, asleep, and a head from close by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.path import Path

from course_lib.picturebook.anatomy import (
    NIGHT, WHITE, chance, corner, eye, hair, mirrored, paint, paw, pick, placed, shut_eye, union,
)  # fmt: skip
from course_lib.picturebook.canvas import Brush, Color, Point, capsule, darker, ellipse, lighter, mix, smooth, star, tube, vary

_COATS: tuple[tuple[str, Color], ...] = (
    ("tabby", (0.93, 0.60, 0.28)), ("tabby", (0.90, 0.52, 0.22)), ("tabby", (0.62, 0.49, 0.37)), ("tabby", (0.68, 0.69, 0.71)),
    ("tabby", (0.52, 0.45, 0.40)), ("plain", (0.52, 0.57, 0.64)), ("plain", (0.22, 0.21, 0.25)), ("plain", (0.95, 0.93, 0.89)),
    ("plain", (0.94, 0.82, 0.65)), ("tuxedo", (0.20, 0.20, 0.24)), ("tuxedo", (0.46, 0.49, 0.55)), ("tuxedo", (0.90, 0.58, 0.30)),
    ("calico", (0.96, 0.93, 0.88)), ("calico", (0.95, 0.90, 0.82)), ("points", (0.94, 0.87, 0.76)), ("points", (0.90, 0.85, 0.80)),
)  # fmt: skip
_EYES: tuple[Color, ...] = (
    (0.55, 0.76, 0.30), (0.93, 0.78, 0.22), (0.90, 0.60, 0.16), (0.38, 0.70, 0.55), (0.40, 0.66, 0.86), (0.72, 0.82, 0.36),
)  # fmt: skip
_COLLARS: tuple[Color, ...] = ((0.86, 0.22, 0.25), (0.20, 0.50, 0.78), (0.95, 0.72, 0.20), (0.45, 0.28, 0.62), (0.14, 0.60, 0.52))


@dataclass(frozen=True)
class _Look:
    base: Color
    pattern: str
    mark: Color  # stripes, patches or points
    pale: Color  # belly, muzzle, chest
    limb: Color  # paws
    iris: Color
    slit: bool
    ink: Color | None
    line: Color  # mouth and toes
    shade: float
    ears: float
    cheeks: float
    collar: Color | None
    blotches: tuple[Point, ...]
    chub: float


def _look(rng: np.random.Generator) -> _Look:
    pattern, base = pick(rng, _COATS)
    base = vary(rng, base, 0.015, 0.07, 0.05)
    dark = sum(base) < 1.1
    pale = WHITE if pattern in ("tuxedo", "calico") else lighter(base, 0.12 if dark else rng.uniform(0.35, 0.7))
    mark = darker(base, rng.uniform(0.28, 0.45))
    if pattern == "calico":
        mark = vary(rng, (0.88, 0.55, 0.25), 0.02)
    elif pattern == "points":
        mark = vary(rng, (0.36, 0.27, 0.24), 0.02, 0.08, 0.06)
    return _Look(
        base=base,
        pattern=pattern,
        mark=mark,
        pale=pale,
        limb=WHITE if pattern == "tuxedo" or (pattern == "tabby" and chance(rng, 0.4)) else mark if pattern == "points" else base,
        iris=(0.36, 0.64, 0.88) if pattern == "points" else vary(rng, pick(rng, _EYES), 0.02),
        slit=chance(rng, 0.55),
        ink=(darker(base, 0.6) if not dark else (0.06, 0.06, 0.08)) if chance(rng, 0.5) else None,
        line=lighter(base, 0.45) if dark and pattern == "plain" else darker(mix(base, (0.4, 0.2, 0.15), 0.3), 0.6),
        shade=rng.uniform(0.08, 0.18) if chance(rng, 0.7) else 0.0,
        ears=rng.uniform(0.9, 1.2),
        cheeks=rng.uniform(0.94, 1.08),
        collar=vary(rng, pick(rng, _COLLARS), 0.03) if chance(rng, 0.35) else None,
        blotches=tuple((float(x), float(y)) for x, y in rng.uniform(-1, 1, (7, 2))),
        chub=rng.uniform(0.88, 1.14),
    )


def cat(brush: Brush, rng: np.random.Generator) -> None:
    """A cat, tabby, black, ginger, calico or Siamese: sitting, walking, lying, curled up asleep, or only its head."""
    look = _look(rng)
    pick(rng, (_sitting, _sitting, _beside, _walking, _walking, _resting, _asleep, _close))(brush, look, rng)


# -- coat -------------------------------------------------------------------------------------------------------------
def _stripes(brush: Brush, look: _Look, places: Sequence[tuple[float, float, float, float]], width: float = 0.075) -> None:
    """Tapering stripes, each (x, y) of its thick end and of its tip; only a tabby has them."""
    if look.pattern != "tabby":
        return
    for x, y, tip_x, tip_y in places:
        bend = ((x + tip_x) / 2 + 0.02, (y + tip_y) / 2)
        brush.fill(hair([(x, y), bend, (tip_x, tip_y)], width), look.mark)


def _patches(brush: Brush, look: _Look, places: Sequence[Point], size: float) -> None:
    """A calico's ginger and black patches round ``places``."""
    if look.pattern != "calico":
        return
    for k, (x, y) in enumerate(places):
        dx, dy = look.blotches[k % 7]
        radii = [size * (0.75 + 0.3 * abs(look.blotches[(k + j) % 7][j % 2])) for j in range(6)]
        brush.fill(star(x + dx * 0.08, y + dy * 0.08, radii, 60 * dx), look.mark if k % 2 == 0 else (0.24, 0.22, 0.23))


def _tail(brush: Brush, look: _Look, spine: Sequence[Point], width: float = 0.13) -> None:
    n = len(spine)
    outline = tube(spine, np.linspace(width, width * 0.72, n))

    def marks() -> None:
        p = np.asarray(spine)
        if look.pattern == "tabby":
            for a, b in zip(p[1:-1], p[2:], strict=True):
                for share in (0.0, 0.5):
                    c, along = a + (b - a) * share, (b - a) / np.hypot(*(b - a))
                    across = np.array([-along[1], along[0]]) * width * 0.6
                    brush.line([c - across, c + across], look.mark, width * 0.32)
        elif look.pattern in ("tuxedo", "calico"):
            brush.oval(*spine[-1], width * 0.9, color=WHITE if look.pattern == "tuxedo" else look.mark)

    color = look.mark if look.pattern == "points" else look.base
    paint(brush, outline, color, ink=look.ink, marks=marks if look.pattern in ("tabby", "tuxedo", "calico") else None)


def _toes(brush: Brush, look: _Look, x: float, y: float, size: float) -> None:
    for dx in (-0.3, 0.3):
        brush.line([(x + dx * size, y + size * 0.08), (x + dx * size, y + size * 0.42)], look.line, 0.02)


# -- head -------------------------------------------------------------------------------------------------------------
def _head(brush: Brush, look: _Look, *, turn: float = 0.0, asleep: bool = False, smile: bool = False, gaze: float = 0.0) -> None:
    """A round head with pointed ears, about one unit wide on either side; ``turn`` moves the face to the side."""
    e, w = look.ears, look.cheeks
    point = look.mark if look.pattern == "points" else look.base
    for side in (-1, 1):
        near = 1 + 0.12 * turn * side
        ear = corner((side * 0.14, 0.62), (side * 0.72 * near, 0.70 + 0.58 * e), (side * 0.95, 0.22))
        color = point if look.pattern != "calico" else (look.mark if side > 0 else (0.24, 0.22, 0.23))
        paint(brush, ear, color, ink=look.ink, width=0.075)
        inner = corner((side * 0.33, 0.62), (side * 0.69 * near, 0.60 + 0.50 * e), (side * 0.83, 0.38))
        brush.fill(inner, mix(look.pale, (0.93, 0.55, 0.55), 0.6))
    skull = smooth(mirrored([(0, 0.78), (0.45, 0.72), (0.84, 0.38), (1.0 * w, -0.1), (1.02 * w, -0.42), (0.72, -0.66), (0.3, -0.84)]))
    f = 0.22 * turn

    def marks() -> None:
        _face_marks(brush, look, f, point)

    paint(brush, skull, look.base, ink=look.ink, shade=look.shade, width=0.075, marks=marks)
    for side in (-1, 1):
        brush.oval(side * 0.17 + f, -0.44, 0.26, 0.21, color=look.pale if look.pattern != "points" else lighter(look.mark, 0.15))
    for side in (-1, 1):
        x, y = side * 0.43 + f, -0.02
        if asleep or smile:
            shut_eye(brush, x, y - (0.05 if asleep else 0.0), 0.2, look.line, smile=smile)
        else:
            eye(brush, x, y, 0.225, iris=look.iris, slit=look.slit, pupil=0.62, look=gaze, rim=NIGHT)
    _mouth(brush, look, f)


def _face_marks(brush: Brush, look: _Look, f: float, point: Color) -> None:
    """What is drawn on the face, clipped to it."""
    if look.pattern == "tabby":
        _stripes(brush, look, [(f, 0.95, f, 0.32), (f - 0.24, 0.9, f - 0.17, 0.4), (f + 0.24, 0.9, f + 0.17, 0.4)], 0.15)
        _stripes(brush, look, [(s * 1.1, y, s * 0.68, y + 0.06) for s in (-1, 1) for y in (-0.14, -0.4)], 0.12)
    elif look.pattern == "tuxedo":
        brush.fill(smooth([(f, 0.5), (f + 0.12, 0.05), (f + 0.5, -0.38), (f + 0.4, -1), (f - 0.4, -1), (f - 0.5, -0.38), (f - 0.12, 0.05)]), WHITE)
    elif look.pattern == "calico":
        _patches(brush, look, [(0.62, 0.35), (-0.66, 0.38)], 0.5)
    elif look.pattern == "points":
        brush.oval(f, -0.2, 0.66, 0.5, color=point, alpha=0.8)
        brush.oval(f, 0.1, 0.3, 0.45, color=point, alpha=0.8)


def _mouth(brush: Brush, look: _Look, f: float) -> None:
    line = look.line if look.pattern != "tuxedo" else NIGHT
    if look.pattern == "points":
        line = darker(look.mark, 0.6)
    brush.line([(f - 0.24, -0.5), (f - 0.12, -0.57), (f, -0.47), (f + 0.12, -0.57), (f + 0.24, -0.5)], line, 0.045)
    brush.line([(f, -0.3), (f, -0.47)], line, 0.045)
    nose = smooth([(f - 0.12, -0.25), (f, -0.23), (f + 0.12, -0.25), (f, -0.38)], tension=0.6)
    brush.fill(nose, (0.90, 0.50, 0.52) if look.line != NIGHT else (0.8, 0.4, 0.45))
    whisker = look.line if sum(look.line) < 1.2 else lighter(look.line, 0.2)
    for side in (-1, 1):
        for rise in (0.16, 0.0, -0.17):
            start = (f + side * 0.32, -0.43 + rise * 0.4)
            brush.line([start, (f + side * 0.8, -0.40 + rise * 0.9), (side * 1.3 + f, -0.46 + rise * 1.5)], whisker, 0.026)


def _neckband(brush: Brush, look: _Look, points: Sequence[Point], width: float = 0.075) -> None:
    if look.collar is None:
        return
    brush.line(points, look.collar, width)
    x, y = points[len(points) // 2]
    brush.oval(x, y - width * 0.8, width * 0.7, color=(0.98, 0.80, 0.26), edge=(0.6, 0.42, 0.1), width=0.012)


# -- poses ------------------------------------------------------------------------------------------------------------
def _sitting(brush: Brush, look: _Look, rng: np.random.Generator) -> None:
    """Upright, from the front, the tail round the side or over the paws."""
    side, c = pick(rng, (-1, 1)), look.chub
    over = chance(rng, 0.4)
    if not over:
        up = rng.uniform(-0.1, 0.25)
        _tail(brush, look, [(side * 0.36, -0.82), (side * 0.66, -0.84), (side * 0.86, -0.66), (side * 0.84, -0.38 + up * 0.5), (side * 0.70, -0.2 + up), (side * 0.78, -0.02 + up)])
    body = smooth(mirrored([(0, 0.2), (0.26 * c, 0.1), (0.33 * c, -0.2), (0.46 * c, -0.5), (0.54 * c, -0.76), (0.40 * c, -0.93), (0.1, -0.94)]))

    def marks() -> None:
        brush.oval(0, -0.12, 0.19, 0.34, color=look.pale)
        rows = ((-0.28, 0.44), (-0.46, 0.52), (-0.64, 0.58), (-0.80, 0.58))
        _stripes(brush, look, [(s * x * c, y, s * (x - 0.2) * c, y + 0.02) for s in (-1, 1) for y, x in rows])
        _patches(brush, look, [(0.38, -0.5), (-0.42, -0.3), (-0.4, -0.85)], 0.24)
        brush.oval(0, 0.0, 0.36, 0.12, color=darker(look.base, 0.35), alpha=0.45)

    paint(brush, body, look.base, ink=look.ink, shade=look.shade, marks=marks)
    line = look.line
    for s in (-1, 1):
        brush.fill(paw(s * 0.36 * c, -0.95, 0.15), look.limb, edge=look.ink or darker(look.limb, 0.16), width=0.022)
        leg = capsule((s * 0.125, -0.3), (s * 0.13, -0.84), 0.20, 0.17)
        brush.fill(leg, look.base)
        brush.line([(s * 0.23, -0.36), (s * 0.215, -0.6), (s * 0.22, -0.84)], line, 0.018, alpha=0.7)
        brush.fill(paw(s * 0.135, -0.96, 0.135), look.limb, edge=look.ink or darker(look.limb, 0.16), width=0.022)
        _toes(brush, look, s * 0.135, -0.94, 0.135)
    brush.line([(0.02, -0.42), (0.0, -0.84)], line, 0.018, alpha=0.7)
    if over:
        _tail(brush, look, [(side * 0.52 * c, -0.72), (side * 0.46, -0.88), (side * 0.16, -0.92), (-side * 0.14, -0.88), (-side * 0.26, -0.82)], 0.14)
    _neckband(brush, look, [(-0.26, 0.04), (-0.13, -0.03), (0, -0.05), (0.13, -0.03), (0.26, 0.04)])
    tilt = rng.uniform(-10, 10)
    _head(brush.at(0.0, 0.38, scale=rng.uniform(0.44, 0.49), angle=tilt), look, turn=rng.uniform(-0.7, 0.7), smile=chance(rng, 0.15), gaze=rng.uniform(-1, 1))


def _beside(brush: Brush, look: _Look, rng: np.random.Generator) -> None:
    """Sitting in profile, the face turned to us, the tail curled on the ground behind or raised."""
    if chance(rng, 0.5):
        spine = [(-0.34, -0.80), (-0.62, -0.86), (-0.86, -0.76), (-0.90, -0.54), (-0.74, -0.44), (-0.66, -0.56)]
    else:
        spine = [(-0.36, -0.78), (-0.66, -0.74), (-0.80, -0.46), (-0.72, -0.16), (-0.82, 0.10), (-0.94, 0.12)]
    _tail(brush, look, spine)
    far = capsule((0.34, -0.2), (0.44, -0.86), 0.22, 0.14)
    paint(brush, union(far, paw(0.48, -0.95, 0.13)), darker(look.base if look.limb != WHITE else look.base, 0.2), ink=look.ink)
    body = smooth([(0.02, 0.34), (-0.18, 0.1), (-0.42, -0.28), (-0.56, -0.66), (-0.46, -0.90), (-0.1, -0.95), (0.2, -0.9), (0.40, -0.4), (0.48, 0.0), (0.38, 0.3)])
    leg = union(tube([(0.28, -0.1), (0.30, -0.5), (0.28, -0.84)], [0.34, 0.22, 0.15]), paw(0.32, -0.95, 0.14), paw(-0.02, -0.96, 0.2))

    def marks() -> None:
        brush.fill(ellipse(0.44, -0.08, 0.16, 0.36, 6), look.pale)
        _stripes(brush, look, [(-0.2, 0.12, 0.06, 0.0), (-0.34, -0.1, -0.04, -0.16), (-0.44, -0.3, -0.1, -0.32), (-0.56, -0.5, -0.24, -0.46), (-0.6, -0.7, -0.3, -0.6)])
        _patches(brush, look, [(-0.1, 0.0), (-0.45, -0.5), (0.2, -0.35)], 0.22)
        brush.oval(0.22, 0.06, 0.34, 0.14, color=darker(look.base, 0.35), alpha=0.45)

    paint(brush, union(body, leg), look.base, ink=look.ink, shade=look.shade, marks=marks)
    brush.line([(0.08, -0.86), (0.13, -0.62), (0.0, -0.42), (-0.2, -0.42)], look.line, 0.02, alpha=0.7)
    brush.line([(0.20, -0.3), (0.2, -0.6), (0.205, -0.84)], look.line, 0.018, alpha=0.6)
    for x, size in ((0.32, 0.14), (0.02, 0.16)):
        if look.limb != look.base:
            brush.fill(paw(x, -0.96, size), look.limb, edge=look.ink, width=0.02)
        _toes(brush, look, x + 0.02, -0.94, size)
    _neckband(brush, look, [(-0.02, 0.14), (0.12, 0.04), (0.28, 0.02), (0.44, 0.08)])
    _head(brush.at(0.22, 0.42, scale=rng.uniform(0.43, 0.47), angle=rng.uniform(-10, 6)), look, turn=rng.uniform(0.2, 0.9), smile=chance(rng, 0.15), gaze=rng.uniform(-0.5, 1))


def _walking(brush: Brush, look: _Look, rng: np.random.Generator) -> None:
    """On four slim legs from the side, tail high with a curl, the face turned to us."""
    brush = brush.at(0.0, -0.06)
    stride = rng.uniform(0.03, 0.15)
    bend = rng.uniform(-0.08, 0.08)
    if chance(rng, 0.65):
        spine = [(-0.52, 0.02), (-0.72, 0.16), (-0.78 + bend, 0.44), (-0.70 + bend, 0.68), (-0.78 + bend, 0.88), (-0.92 + bend, 0.84)]
    else:
        spine = [(-0.52, 0.02), (-0.72, -0.06), (-0.82, -0.28), (-0.90, -0.42), (-0.98, -0.36)]
    _tail(brush, look, spine, 0.115)
    for x, swing in ((-0.34, stride), (0.20, -stride)):
        paint(brush, _leg(x, swing, hind=x < 0), darker(look.base, 0.22), ink=look.ink)
    c = look.chub
    trunk = smooth([(-0.60, -0.02), (-0.54, 0.13), (-0.3, 0.16), (0.0, 0.13), (0.26, 0.2), (0.46, 0.2), (0.54, -0.02), (0.44, -0.26), (0.2, -0.32 * c), (-0.16, -0.31 * c), (-0.42, -0.25), (-0.56, -0.2)])
    near = [_leg(-0.46, -stride, hind=True), _leg(0.36, stride, hind=False)]

    def marks() -> None:
        brush.oval(-0.02, -0.34, 0.36, 0.09, color=look.pale, alpha=0.9)
        brush.oval(0.56, -0.1, 0.14, 0.2, color=look.pale)
        _stripes(brush, look, [(-0.5 + 0.15 * k, 0.22, -0.46 + 0.15 * k, -0.12 - 0.05 * (k % 2)) for k in range(6)])
        _stripes(brush, look, [(x + 0.14, y, x - 0.04, y - 0.02) for x in (-0.5, 0.34) for y in (-0.4, -0.54)], 0.055)
        _patches(brush, look, [(-0.4, 0.08), (-0.02, 0.02), (0.3, -0.1)], 0.2)
        if look.limb != look.base:
            for x in (-0.46 - stride, 0.36 + stride):
                brush.oval(x, -0.9, 0.18, 0.16, color=look.limb)
        brush.oval(0.52, 0.1, 0.32, 0.14, color=darker(look.base, 0.35), alpha=0.45)

    paint(brush, union(trunk, *near), look.base, ink=look.ink, shade=look.shade, marks=marks)
    brush.line([(-0.28, 0.0), (-0.24, -0.16), (-0.32, -0.32)], look.line, 0.018, alpha=0.5)
    _neckband(brush, look, [(0.34, 0.14), (0.46, 0.06), (0.60, 0.08)])
    _head(brush.at(0.52, 0.36, scale=rng.uniform(0.37, 0.41), angle=rng.uniform(-10, 6)), look, turn=rng.uniform(0.1, 0.9), gaze=rng.uniform(-0.5, 1))


def _leg(x: float, swing: float, *, hind: bool) -> Path:
    if hind:
        bones = tube([(x, -0.08), (x + 0.04, -0.34), (x - 0.05 + swing * 0.6, -0.58), (x + swing, -0.84)], [0.34, 0.24, 0.12, 0.11])
    else:
        bones = tube([(x, -0.1), (x + swing * 0.3, -0.4), (x + swing * 0.6, -0.6), (x + swing, -0.84)], [0.26, 0.17, 0.12, 0.11])
    return union(bones, paw(x + 0.04 + swing, -0.93, 0.105))


def _resting(brush: Brush, look: _Look, rng: np.random.Generator) -> None:
    """A loaf: lying from the side, paws in front, the head up."""
    brush = brush.at(0.0, 0.1)
    body = smooth([(-0.88, -0.52), (-0.84, -0.12), (-0.56, 0.14), (-0.2, 0.16), (0.2, 0.12), (0.52, 0.1), (0.72, -0.2), (0.74, -0.56), (0.5, -0.7), (-0.6, -0.71)])

    def marks() -> None:
        brush.oval(0.62, -0.3, 0.22, 0.34, color=look.pale)
        _stripes(brush, look, [(-0.72 + 0.18 * k, 0.2, -0.66 + 0.18 * k, -0.22 - 0.08 * (k % 2)) for k in range(6)], 0.09)
        _patches(brush, look, [(-0.6, -0.05), (-0.12, 0.0), (0.24, -0.45)], 0.28)
        brush.oval(0.44, -0.06, 0.46, 0.16, color=darker(look.base, 0.35), alpha=0.45)

    paint(brush, body, look.base, ink=look.ink, shade=look.shade, marks=marks)
    brush.line([(-0.22, -0.66), (-0.18, -0.4), (-0.4, -0.24), (-0.62, -0.28)], look.line, 0.022, alpha=0.7)
    for x, y in ((0.36, -0.66), (0.64, -0.68)):
        foot = ellipse(x, y, 0.2, 0.1)
        brush.fill(foot, look.limb, edge=look.ink or darker(look.limb, 0.18), width=0.022)
        for dx in (0.05, 0.13):
            brush.line([(x + dx, y - 0.05), (x + dx + 0.01, y + 0.03)], look.line, 0.018)
    if chance(rng, 0.6):
        _tail(brush, look, [(-0.84, -0.5), (-0.78, -0.68), (-0.45, -0.72), (-0.1, -0.68), (0.06, -0.6)], 0.14)
    else:
        _tail(brush, look, [(-0.80, -0.5), (-0.94, -0.3), (-0.96, -0.02), (-0.86, 0.2), (-0.92, 0.36)], 0.13)
    _neckband(brush, look, [(0.2, -0.02), (0.42, -0.12), (0.64, -0.04)])
    _head(brush.at(0.42, 0.26, scale=rng.uniform(0.43, 0.48), angle=rng.uniform(-8, 8)), look, turn=rng.uniform(-0.4, 0.8), smile=chance(rng, 0.25), gaze=rng.uniform(-1, 1))


def _asleep(brush: Brush, look: _Look, rng: np.random.Generator) -> None:
    """Curled up, the tail round the body, eyes shut."""
    body = smooth([(-0.94, -0.2), (-0.86, 0.26), (-0.5, 0.58), (0.0, 0.66), (0.5, 0.52), (0.86, 0.16), (0.94, -0.26), (0.7, -0.6), (0.0, -0.7), (-0.7, -0.6)])

    def marks() -> None:
        turns = np.deg2rad(np.linspace(20, 165, 8))
        _stripes(brush, look, [(np.cos(t) * 1.0, np.sin(t) * 0.74 - 0.02, np.cos(t) * 0.66, np.sin(t) * 0.36) for t in turns], 0.1)
        _patches(brush, look, [(-0.55, 0.2), (0.2, 0.45), (0.75, -0.1)], 0.32)
        brush.oval(0.28, -0.3, 0.6, 0.42, color=darker(look.base, 0.35), alpha=0.4)

    paint(brush, body, look.base, ink=look.ink, shade=look.shade, marks=marks)
    brush.line([(-0.2, -0.1), (-0.3, 0.18), (-0.6, 0.22), (-0.78, 0.02)], look.line, 0.022, alpha=0.6)
    _head(brush.at(0.30, -0.20, scale=rng.uniform(0.44, 0.48), angle=rng.uniform(-28, 2)), look, turn=rng.uniform(-0.2, 0.6), asleep=True)
    _tail(brush, look, [(-0.88, -0.2), (-0.84, -0.5), (-0.5, -0.66), (-0.1, -0.68), (0.2, -0.62), (0.42, -0.56)], 0.19)


def _close(brush: Brush, look: _Look, rng: np.random.Generator) -> None:
    """The head alone, filling the square."""
    if chance(rng, 0.5):
        shoulders = smooth(mirrored([(0, -0.3), (0.4, -0.5), (0.62, -0.96), (0.3, -0.98)]))
        paint(brush, shoulders, look.base, ink=look.ink, shade=look.shade)
        brush.fill(placed(star(0, 0, [0.3, 0.24, 0.3, 0.22, 0.3, 0.24, 0.3, 0.22]), 0, -0.66), look.pale)
        _neckband(brush, look, [(-0.44, -0.60), (-0.2, -0.70), (0, -0.72), (0.2, -0.70), (0.44, -0.60)], 0.09)
        _head(brush.at(0, 0.04, scale=0.74, angle=rng.uniform(-10, 10)), look, turn=rng.uniform(-0.7, 0.7), smile=chance(rng, 0.15), gaze=rng.uniform(-1, 1))
    else:
        _head(brush.at(0, -0.14, scale=0.82, angle=rng.uniform(-14, 14)), look, turn=rng.uniform(-0.7, 0.7), smile=chance(rng, 0.15), gaze=rng.uniform(-1, 1))
