"""The book's dogs: standing, sitting, lying, and heads from the side and from the front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.path import Path

from course_lib.picturebook.anatomy import (
    NIGHT, WHITE, chance, corner, eye, hair, mirrored, paint, paw, pick, placed, shut_eye, union,
)  # fmt: skip
from course_lib.picturebook.canvas import Brush, Color, Point, capsule, darker, ellipse, lighter, mix, smooth, star, tube, vary

# Coat pattern, main colour, colour of ears and marks.
_COATS: tuple[tuple[str, Color, Color], ...] = (
    ("plain", (0.86, 0.66, 0.40), (0.72, 0.50, 0.28)), ("plain", (0.55, 0.35, 0.22), (0.40, 0.24, 0.15)),
    ("plain", (0.93, 0.84, 0.68), (0.84, 0.70, 0.50)), ("plain", (0.24, 0.22, 0.23), (0.15, 0.14, 0.16)),
    ("plain", (0.75, 0.42, 0.24), (0.60, 0.30, 0.16)), ("patch", (0.96, 0.94, 0.90), (0.55, 0.34, 0.20)),
    ("patch", (0.96, 0.94, 0.91), (0.22, 0.20, 0.21)), ("patch", (0.96, 0.93, 0.88), (0.80, 0.54, 0.28)),
    ("spots", (0.96, 0.95, 0.93), (0.20, 0.19, 0.20)), ("spots", (0.95, 0.93, 0.89), (0.45, 0.29, 0.20)),
    ("saddle", (0.83, 0.57, 0.32), (0.23, 0.20, 0.20)), ("saddle", (0.92, 0.78, 0.58), (0.45, 0.30, 0.20)),
    ("mask", (0.47, 0.50, 0.56), (0.34, 0.36, 0.42)), ("mask", (0.80, 0.50, 0.26), (0.70, 0.41, 0.20)),
    ("mask", (0.24, 0.24, 0.27), (0.17, 0.17, 0.20)),
)  # fmt: skip
_COLLARS: tuple[Color, ...] = ((0.86, 0.20, 0.22), (0.16, 0.46, 0.78), (0.12, 0.58, 0.46), (0.95, 0.62, 0.16), (0.52, 0.28, 0.62))
_TONGUE: Color = (0.93, 0.47, 0.50)


@dataclass(frozen=True)
class _Look:
    base: Color
    mark: Color
    pale: Color
    pattern: str
    ears: str  # "hang", "prick" or "fold"
    ear_size: float
    muzzle: float
    tail: str  # "up", "plume", "curl" or "stub"
    legs: float  # length of the legs, 1 for most
    iris: Color
    ink: Color | None
    line: Color
    shade: float
    collar: Color | None
    tongue: bool
    one_sided: int
    blotches: tuple[Point, ...]


def _look(rng: np.random.Generator) -> _Look:
    pattern, base, mark = pick(rng, _COATS)
    base, mark = vary(rng, base, 0.012, 0.06, 0.05), vary(rng, mark, 0.012, 0.06, 0.05)
    ears = "prick" if pattern == "mask" else pick(rng, ("hang", "hang", "hang", "fold", "prick"))
    dark = sum(base) < 1.1
    pale = WHITE if pattern in ("mask", "patch", "spots") else lighter(base, 0.14 if dark else rng.uniform(0.3, 0.6))
    return _Look(
        base=base,
        mark=mark,
        pale=pale,
        pattern=pattern,
        ears=ears,
        ear_size=rng.uniform(0.88, 1.2),
        muzzle=rng.uniform(0.9, 1.15),
        tail="curl" if pattern == "mask" else pick(rng, ("up", "up", "plume", "curl", "stub")),
        legs=rng.uniform(0.55, 0.7) if ears == "hang" and chance(rng, 0.25) else rng.uniform(0.9, 1.08),
        iris=(0.48, 0.72, 0.90) if pattern == "mask" and chance(rng, 0.5) else pick(rng, ((0.36, 0.22, 0.12), (0.52, 0.33, 0.14), (0.24, 0.15, 0.1))),
        ink=(darker(base, 0.62) if not dark else (0.06, 0.05, 0.06)) if chance(rng, 0.5) else None,
        line=lighter(base, 0.35) if dark else darker(mix(base, (0.4, 0.2, 0.1), 0.3), 0.6),
        shade=rng.uniform(0.08, 0.18) if chance(rng, 0.7) else 0.0,
        collar=vary(rng, pick(rng, _COLLARS), 0.03) if chance(rng, 0.75) else None,
        tongue=chance(rng, 0.62),
        one_sided=pick(rng, (-1, 1)),
        blotches=tuple((float(x), float(y)) for x, y in rng.uniform(-1, 1, (9, 2))),
    )


def dog(brush: Brush, rng: np.random.Generator) -> None:
    """A dog of some breed: standing or trotting, sitting from the front or the side, lying, or only its head."""
    look = _look(rng)
    pick(rng, (_standing, _standing, _standing, _sitting, _sitting, _beside, _beside, _lying, _close, _profile))(brush, look, rng)


# -- coat -------------------------------------------------------------------------------------------------------------
def _spots(brush: Brush, look: _Look, box: tuple[float, float, float, float], size: float, columns: int = 5, rows: int = 3) -> None:
    """Irregular spots over a box (left, bottom, right, top); only a spotted dog has them."""
    if look.pattern != "spots":
        return
    left, bottom, right, top = box
    for k in range(columns * rows):
        dx, dy = look.blotches[(k * 4) % 9]
        x = left + (right - left) * (k % columns + 0.5 + 0.35 * dx + 0.25 * (k // columns % 2)) / columns
        y = bottom + (top - bottom) * (k // columns + 0.5 + 0.35 * dy) / rows
        brush.oval(x, y, size * (0.7 + 0.4 * abs(dy)), size * (0.55 + 0.4 * abs(dx)), angle=90 * dx, color=look.mark)


def _blob(brush: Brush, look: _Look, x: float, y: float, size: float) -> None:
    radii = [size * (0.85 + 0.22 * look.blotches[k][0]) for k in range(7)]
    brush.fill(star(x, y, radii, 40 * look.blotches[0][1]), look.mark)


def _tail(brush: Brush, look: _Look, x: float, y: float, wag: float) -> None:
    """The tail of a dog that looks to the right, from (x, y) at its rump."""
    if look.tail == "up":
        spine, widths = [(0.1, -0.06), (-0.08, 0.08), (-0.19 + wag, 0.30), (-0.20 + wag * 2, 0.52)], [0.15, 0.12, 0.09, 0.05]
    elif look.tail == "plume":
        spine, widths = [(0.1, -0.06), (-0.08, 0.06), (-0.22 + wag, 0.22), (-0.20 + wag * 2, 0.46), (-0.08 + wag, 0.60)], [0.13, 0.16, 0.24, 0.2, 0.05]
    elif look.tail == "curl":
        spine, widths = [(0.12, -0.06), (-0.10, 0.12), (-0.14, 0.36), (0.04, 0.44), (0.12, 0.28)], [0.16, 0.17, 0.18, 0.16, 0.10]
    else:
        spine, widths = [(0.1, -0.04), (-0.02, 0.05), (-0.09, 0.14 + wag), (-0.12, 0.22 + wag)], [0.16, 0.13, 0.11, 0.08]
    outline = placed(tube(spine, widths), x, y)

    def tip() -> None:
        brush.oval(x + spine[-1][0], y + spine[-1][1], 0.13, color=look.pale if look.pattern != "patch" else look.mark)

    color = look.mark if look.pattern == "saddle" else look.base
    paint(brush, outline, color, ink=look.ink, shade=look.shade, marks=tip if look.tail != "stub" else None)


def _neckband(brush: Brush, look: _Look, points: Sequence[Point], width: float = 0.085) -> None:
    if look.collar is None:
        return
    brush.line(points, darker(look.collar, 0.35), width * 1.25)
    brush.line(points, look.collar, width)
    x, y = points[len(points) // 2]
    brush.oval(x, y - width * 0.95, width * 0.75, color=(0.98, 0.80, 0.26), edge=(0.6, 0.42, 0.1), width=0.014)


def _toes(brush: Brush, look: _Look, x: float, y: float, size: float) -> None:
    for dx in (-0.3, 0.3):
        brush.line([(x + dx * size, y + size * 0.08), (x + dx * size, y + size * 0.45)], look.line, 0.02)


# -- heads ------------------------------------------------------------------------------------------------------------
_CRANIUM = smooth([(-0.58, -0.62), (-0.66, -0.1), (-0.52, 0.36), (-0.12, 0.60), (0.26, 0.54), (0.48, 0.26), (0.55, 0.0), (0.40, -0.42), (0.05, -0.66)])


def _snout(look: _Look) -> Path:
    m = look.muzzle
    return smooth([(0.30, 0.26), (0.58, 0.13), (0.95 * m, 0.08), (1.14 * m, 0.02), (1.18 * m, -0.14), (1.06 * m, -0.27), (0.70, -0.36), (0.35, -0.44)])


def _side_head(brush: Brush, look: _Look, *, asleep: bool = False) -> None:
    """A head in profile, looking right: long muzzle, black nose, ear, tongue."""
    m, snout = look.muzzle, _snout(look)
    dark = darker(look.mark, 0.25)
    if look.ears == "prick":
        paint(brush, corner((-0.12, 0.46), (-0.06, 1.02 * look.ear_size), (0.30, 0.40)), dark, ink=look.ink, width=0.075)
    open_mouth = look.tongue and not asleep
    if open_mouth:
        jaw = tube([(0.30, -0.36), (0.62, -0.50), (0.90 * m, -0.50)], [0.3, 0.2, 0.12])
        paint(brush, jaw, darker(look.pale, 0.15), ink=look.ink, width=0.075)
        brush.fill(tube([(0.45, -0.36), (0.78 * m, -0.42), (0.92 * m, -0.60), (0.90 * m, -0.80)], [0.16, 0.2, 0.22, 0.2]), _TONGUE, edge=darker(_TONGUE, 0.3), width=0.03)
        brush.line([(0.80 * m, -0.44), (0.90 * m, -0.58), (0.895 * m, -0.70)], darker(_TONGUE, 0.25), 0.03)

    def marks() -> None:
        if look.pattern == "mask":
            brush.fill(smooth([(0.45, 0.2), (0.72, 0.1), (1.3, 0.1), (1.3, -0.5), (0.2, -0.9), (-0.35, -0.8), (-0.1, -0.2), (0.14, 0.02), (0.16, 0.3), (0.34, 0.36)]), look.pale)
        elif look.pattern == "patch":
            _blob(brush, look, 0.12, 0.24, 0.42)
        elif look.pattern == "spots":
            _spots(brush, look, (-0.4, -0.6, 0.9, 0.6), 0.07, 4, 3)
        else:
            brush.oval(0.95, -0.25, 0.5, 0.30, color=look.pale if look.pattern == "plain" else darker(look.mark, 0.0), alpha=0.75)

    paint(brush, union(_CRANIUM, snout), look.base, ink=look.ink, shade=look.shade, width=0.075, marks=marks)
    line = look.line if sum(look.base) < 1.1 else NIGHT
    brush.oval(1.12 * m, 0.03, 0.15, 0.115, angle=-18, color=NIGHT)
    brush.oval(1.10 * m, 0.075, 0.06, 0.025, angle=-12, color=WHITE, alpha=0.75)
    lip = [(1.10 * m, -0.1), (1.02 * m, -0.235), (0.78, -0.27), (0.50, -0.26), (0.42, -0.2 if not asleep else -0.25)]
    brush.line(lip, line, 0.042)
    for x, y in ((0.80, -0.1), (0.88, -0.16), (0.92, -0.06)):
        brush.oval(x, y, 0.018, color=line, alpha=0.6)
    if asleep:
        shut_eye(brush, 0.30, 0.16, 0.13, line)
    else:
        eye(brush, 0.30, 0.18, 0.115, iris=look.iris, pupil=0.6, look=0.6, white=look.pattern != "mask" and look.ear_size > 1.0)
        brush.line([(0.20, 0.37), (0.32, 0.40), (0.42, 0.35)], line, 0.04, alpha=0.7)
    _side_ear(brush, look)


def _side_ear(brush: Brush, look: _Look) -> None:
    s = look.ear_size
    rim = look.ink or darker(look.mark, 0.3)
    if look.ears == "prick":
        outline = corner((-0.52, 0.34), (-0.36, 1.08 * s), (-0.02, 0.44))
        brush.fill(outline, look.mark, edge=rim, width=0.05)
        brush.fill(corner((-0.38, 0.44), (-0.32, 0.92 * s), (-0.12, 0.48)), mix(look.pale, (0.85, 0.5, 0.48), 0.5))
    elif look.ears == "fold":
        outline = smooth([(-0.48, 0.38), (-0.40, 0.66), (-0.18, 0.80), (0.06, 0.62), (0.14, 0.30), (0.02, 0.16), (-0.16, 0.34)])
        brush.fill(outline, look.mark, edge=rim, width=0.05)
    else:
        outline = tube([(-0.22, 0.40), (-0.38, 0.12), (-0.42, -0.28), (-0.36, -0.52 * s)], [0.26, 0.40, 0.44, 0.30])
        brush.fill(outline, look.mark, edge=rim, width=0.05)


def _front_head(brush: Brush, look: _Look, rng: np.random.Generator, *, asleep: bool = False) -> None:
    """A head from the front: domed skull, big muzzle with a large nose, ears that hang, fold or stand."""
    f = rng.uniform(-0.12, 0.12)
    s = look.ear_size
    rim = look.ink or darker(look.mark, 0.3)
    if look.ears == "prick":
        for side in (-1, 1):
            brush.fill(corner((side * 0.10, 0.70), (side * 0.56, 1.28 * s), (side * 0.74, 0.30)), look.mark, edge=rim, width=0.06)
            brush.fill(corner((side * 0.27, 0.72), (side * 0.54, 1.12 * s), (side * 0.62, 0.45)), mix(look.pale, (0.85, 0.5, 0.48), 0.5))
    skull = smooth(mirrored([(0, 0.84), (0.42, 0.76), (0.70, 0.42), (0.76, 0.0), (0.66, -0.36), (0.46, -0.64), (0.2, -0.82)]))
    jowls = ellipse(f, -0.50, 0.46, 0.40)
    tongue = look.tongue and not asleep

    def marks() -> None:
        if look.pattern == "mask":
            for side in (-1, 1):
                brush.oval(side * 0.40, -0.42, 0.42, 0.50, color=look.pale)
                brush.oval(side * 0.32 + f, 0.34, 0.13, 0.09, angle=side * 20, color=look.pale)
            brush.fill(smooth([(f - 0.05, 0.6), (f + 0.05, 0.6), (f + 0.2, -0.2), (f - 0.2, -0.2)]), look.pale)
        elif look.pattern == "patch":
            _blob(brush, look, look.one_sided * 0.36 + f, 0.22, 0.42)
        elif look.pattern == "spots":
            _spots(brush, look, (-0.7, -0.5, 0.7, 0.85), 0.07, 4, 4)
        elif look.pattern == "saddle":
            brush.fill(smooth([(f - 0.07, 0.9), (f + 0.07, 0.9), (f + 0.12, 0.2), (f + 0.3, -0.4), (f - 0.3, -0.4), (f - 0.12, 0.2)]), look.pale)

    if tongue:
        mouth = ellipse(f, -0.74, 0.25, 0.24)
        brush.fill(mouth, darker(_TONGUE, 0.62), edge=look.ink or darker(look.base, 0.3), width=0.06)
    paint(brush, union(skull, jowls), look.base, ink=look.ink, shade=look.shade, width=0.075, marks=marks)
    if tongue:
        brush.oval(f, -0.76, 0.22, 0.20, color=darker(_TONGUE, 0.65))
        brush.fill(tube([(f, -0.68), (f + 0.01, -0.86), (f + 0.02, -1.02)], [0.26, 0.32, 0.28]), _TONGUE, edge=darker(_TONGUE, 0.3), width=0.03)
        brush.line([(f, -0.76), (f + 0.015, -0.98)], darker(_TONGUE, 0.25), 0.03)
    cheek = look.pale if look.pattern != "plain" or sum(look.base) < 1.1 else lighter(look.pale, 0.1)
    brush.fill(union(ellipse(f - 0.19, -0.50, 0.27, 0.25), ellipse(f + 0.19, -0.50, 0.27, 0.25), ellipse(f, -0.3, 0.24, 0.22)), cheek)
    line = NIGHT
    brush.line([(f - 0.38, -0.56), (f - 0.2, -0.70), (f, -0.56), (f + 0.2, -0.70), (f + 0.38, -0.56)], line, 0.045)
    brush.line([(f, -0.3), (f, -0.56)], line, 0.045)
    nose = smooth([(f - 0.21, -0.16), (f, -0.12), (f + 0.21, -0.16), (f + 0.14, -0.33), (f, -0.40), (f - 0.14, -0.33)])
    brush.fill(nose, NIGHT if look.mark[0] < 0.6 or look.ears != "hang" else (0.32, 0.2, 0.18))
    brush.oval(f - 0.05, -0.19, 0.09, 0.035, color=WHITE, alpha=0.75)
    for side in (-1, 1):
        for k in range(3):
            brush.oval(f + side * (0.2 + 0.09 * k), -0.47 - 0.04 * (k % 2), 0.02, color=line, alpha=0.5)
        x, y = side * 0.33 + f, 0.12
        if asleep:
            shut_eye(brush, x, y, 0.15, line if sum(look.base) > 1.1 else look.line)
        else:
            eye(brush, x, y, 0.145, iris=look.iris, pupil=0.62, white=look.ear_size > 1.05 and look.pattern != "mask", look=f * 5)
            if look.pattern != "mask":
                brush.line([(x - 0.1, y + 0.26 - side * 0.02), (x + 0.02, y + 0.29), (x + 0.12, y + 0.26 + side * 0.02)], line if sum(look.base) > 1.1 else look.line, 0.045, alpha=0.7)
    for side in (-1, 1):
        if look.ears == "hang":
            outline = tube([(side * 0.50, 0.62), (side * 0.80, 0.42), (side * 0.92, -0.02), (side * 0.86, -0.40 * s)], [0.24, 0.38, 0.42, 0.30])
        elif look.ears == "fold":
            outline = smooth([(side * 0.22, 0.78), (side * 0.46, 1.0 * s), (side * 0.74, 0.88), (side * 0.96, 0.52), (side * 0.88, 0.34), (side * 0.66, 0.48)])
        else:
            continue
        lone = look.pattern == "patch" and side != look.one_sided
        brush.fill(outline, darker(look.base, 0.08) if lone else look.mark, edge=rim if not lone else look.ink or darker(look.base, 0.3), width=0.055)


# -- poses ------------------------------------------------------------------------------------------------------------
def _standing(brush: Brush, look: _Look, rng: np.random.Generator) -> None:
    """From the side on four legs, still or trotting, head high."""
    stride, wag = rng.uniform(0.0, 0.16), rng.uniform(-0.08, 0.08)
    drop = (1 - look.legs) * 0.5
    ground = -0.95 + drop
    brush = brush.at(0.0, -drop)
    _tail(brush, look, -0.58, 0.06, wag)
    for x, swing in ((-0.36, stride), (0.16, -stride)):
        paint(brush, _leg(x, swing, ground, hind=x < 0), darker(look.base, 0.24), ink=look.ink)
    trunk = smooth([(-0.66, -0.02), (-0.58, 0.14), (-0.3, 0.17), (0.0, 0.15), (0.28, 0.22), (0.44, 0.12), (0.48, -0.12), (0.34, -0.36), (0.10, -0.36), (-0.18, -0.26), (-0.42, -0.24), (-0.60, -0.2)])
    neck = tube([(0.22, -0.06), (0.36, 0.16), (0.44, 0.42)], [0.46, 0.36, 0.30])
    near = [_leg(-0.49, -stride, ground, hind=True), _leg(0.30, stride, ground, hind=False)]

    def marks() -> None:
        brush.oval(0.50, -0.14, 0.14, 0.34, angle=-10, color=look.pale)
        brush.oval(-0.02, -0.40, 0.40, 0.10, color=look.pale, alpha=0.8)
        if look.pattern == "saddle":
            brush.fill(smooth([(-0.72, 0.3), (-0.66, 0.0), (-0.36, -0.1), (0.06, -0.12), (0.24, 0.06), (0.3, 0.5)]), look.mark)
        elif look.pattern == "patch":
            _blob(brush, look, -0.22 + look.blotches[1][0] * 0.15, 0.06, 0.24)
            _blob(brush, look, -0.62, 0.0, 0.16)
        elif look.pattern == "mask":
            for x in (-0.49 - stride, 0.30 + stride):
                brush.oval(x, ground, 0.2, 0.36, color=look.pale)
        _spots(brush, look, (-0.66, -0.62, 0.44, 0.3), 0.05, 7, 4)

    paint(brush, union(trunk, neck, *near), look.base, ink=look.ink, shade=look.shade, marks=marks)
    brush.line([(-0.30, 0.02), (-0.26, -0.14), (-0.34, -0.30)], look.line, 0.018, alpha=0.5)
    for x in (-0.49 - stride, 0.30 + stride):
        _toes(brush, look, x + 0.06, ground + 0.02, 0.12)
    _neckband(brush, look, [(0.27, 0.28), (0.42, 0.20), (0.58, 0.24)])
    _side_head(brush.at(0.46, 0.50, scale=rng.uniform(0.40, 0.45), angle=rng.uniform(-10, 14)), look)


def _leg(x: float, swing: float, ground: float, *, hind: bool) -> Path:
    heights = -0.1 + (ground + 0.1) * np.array([0.0, 0.34, 0.62, 0.9])
    if hind:
        sides, widths = [x, x + 0.05, x - 0.07 + swing * 0.6, x + swing], [0.38, 0.25, 0.125, 0.12]
    else:
        sides, widths = [x, x + swing * 0.3, x + 0.01 + swing * 0.6, x + swing], [0.30, 0.19, 0.14, 0.12]
    return union(tube(np.stack([sides, heights], 1), widths), paw(x + 0.05 + swing, ground, 0.12))


def _sitting(brush: Brush, look: _Look, rng: np.random.Generator) -> None:
    """Upright, from the front."""
    side = pick(rng, (-1, 1))
    if look.tail != "stub":
        wag = rng.uniform(-0.05, 0.1)
        spine = [(side * 0.34, -0.78), (side * 0.62, -0.74), (side * (0.78 + wag), -0.52), (side * (0.80 + wag), -0.28)]
        paint(brush, tube(spine, [0.16, 0.15, 0.18 if look.tail == "plume" else 0.11, 0.06]), look.base, ink=look.ink)
    body = smooth(mirrored([(0, 0.2), (0.30, 0.06), (0.40, -0.2), (0.44, -0.5), (0.52, -0.76), (0.40, -0.92), (0.1, -0.94)]))

    def marks() -> None:
        brush.fill(smooth([(0, -0.62), (0.22, -0.2), (0.26, 0.1), (-0.26, 0.1), (-0.22, -0.2)]), look.pale)
        if look.pattern == "patch":
            _blob(brush, look, look.one_sided * 0.42, -0.5, 0.22)
        _spots(brush, look, (-0.5, -0.9, 0.5, 0.1), 0.05, 5, 5)
        if look.pattern == "saddle":
            for s in (-1, 1):
                brush.oval(s * 0.46, -0.2, 0.17, 0.4, color=look.mark)
        brush.oval(0, 0.02, 0.40, 0.14, color=darker(look.base, 0.35), alpha=0.45)

    paint(brush, body, look.base, ink=look.ink, shade=look.shade, marks=marks)
    limb = look.pale if look.pattern in ("mask", "saddle") else look.base
    edge = look.ink or darker(limb, 0.2)
    for s in (-1, 1):
        brush.fill(paw(s * 0.40, -0.95, 0.18), limb, edge=edge, width=0.022)
        _toes(brush, look, s * 0.42, -0.94, 0.16)
        brush.fill(capsule((s * 0.16, -0.28), (s * 0.16, -0.84), 0.24, 0.19), look.base)
        brush.line([(s * 0.275, -0.34), (s * 0.26, -0.6), (s * 0.26, -0.84)], look.line, 0.02, alpha=0.7)
        brush.line([(s * 0.05, -0.50), (s * 0.06, -0.84)], look.line, 0.02, alpha=0.7)
        brush.fill(paw(s * 0.17, -0.97, 0.15), limb, edge=edge, width=0.022)
        _toes(brush, look, s * 0.17, -0.95, 0.15)
    _neckband(brush, look, [(-0.30, 0.02), (-0.15, -0.07), (0, -0.095), (0.15, -0.07), (0.30, 0.02)])
    high = 0.36 if look.ears == "prick" else 0.42
    _front_head(brush.at(0.0, high, scale=rng.uniform(0.48, 0.52), angle=rng.uniform(-14, 14)), look, rng)


def _beside(brush: Brush, look: _Look, rng: np.random.Generator) -> None:
    """Sitting in profile, looking ahead."""
    brush = brush.at(-0.08, 0.0)
    wag = rng.uniform(-0.1, 0.1)
    spine = [(-0.36, -0.82), (-0.62, -0.80), (-0.78, -0.60 + wag), (-0.86, -0.36 + wag)]
    if look.tail != "stub":
        paint(brush, tube(spine, [0.16, 0.15, 0.2 if look.tail in ("plume", "curl") else 0.11, 0.05]), look.base, ink=look.ink, shade=look.shade)
    far = union(capsule((0.30, -0.1), (0.42, -0.86), 0.24, 0.14), paw(0.47, -0.95, 0.13))
    paint(brush, far, darker(look.base, 0.24), ink=look.ink)
    body = smooth([(-0.06, 0.36), (-0.14, 0.08), (-0.36, -0.28), (-0.54, -0.62), (-0.48, -0.88), (-0.1, -0.95), (0.16, -0.9), (0.36, -0.44), (0.44, -0.06), (0.34, 0.36)])
    leg = union(tube([(0.24, -0.1), (0.27, -0.5), (0.26, -0.84)], [0.36, 0.22, 0.16]), paw(0.31, -0.96, 0.14), paw(-0.02, -0.96, 0.21))

    def marks() -> None:
        brush.oval(0.42, -0.08, 0.15, 0.40, angle=4, color=look.pale)
        if look.pattern == "saddle":
            brush.fill(smooth([(-0.1, 0.3), (0.06, 0.0), (-0.08, -0.4), (-0.4, -0.62), (-0.8, -0.5), (-0.6, 0.2)]), look.mark)
        elif look.pattern == "patch":
            _blob(brush, look, -0.26, -0.3, 0.26)
        elif look.pattern == "mask":
            brush.oval(0.28, -0.95, 0.24, 0.3, color=look.pale)
        _spots(brush, look, (-0.5, -0.85, 0.34, 0.2), 0.05, 5, 6)

    paint(brush, union(body, leg), look.base, ink=look.ink, shade=look.shade, marks=marks)
    brush.line([(0.08, -0.88), (0.13, -0.66), (0.0, -0.46), (-0.2, -0.46)], look.line, 0.022, alpha=0.7)
    brush.line([(0.17, -0.3), (0.165, -0.6), (0.175, -0.84)], look.line, 0.02, alpha=0.6)
    _toes(brush, look, 0.33, -0.94, 0.13)
    _toes(brush, look, 0.06, -0.94, 0.13)
    _neckband(brush, look, [(-0.10, 0.20), (0.14, 0.12), (0.36, 0.18)], 0.095)
    _side_head(brush.at(0.16, 0.46, scale=rng.uniform(0.52, 0.58), angle=rng.uniform(-8, 16)), look)


def _lying(brush: Brush, look: _Look, rng: np.random.Generator) -> None:
    """Stretched out from the side, front paws ahead, head up or asleep on them."""
    asleep = chance(rng, 0.3)
    brush = brush.at(-0.02, 0.12)
    _tail(brush.at(-0.78, -0.44, scale=0.9, angle=rng.uniform(0, 35)), look, 0.0, 0.0, 0.0)
    body = smooth([(-0.88, -0.5), (-0.80, -0.16), (-0.54, -0.02), (-0.2, -0.04), (0.12, 0.02), (0.36, 0.02), (0.48, -0.24), (0.46, -0.56), (0.2, -0.70), (-0.6, -0.71)])
    arm = union(tube([(0.22, -0.36), (0.36, -0.58), (0.66, -0.62), (0.84, -0.62)], [0.34, 0.2, 0.15, 0.15]))
    thigh = union(ellipse(-0.56, -0.44, 0.28, 0.27), tube([(-0.5, -0.62), (-0.3, -0.65), (-0.1, -0.65)], [0.14, 0.14, 0.13]))
    neck = [] if asleep else [tube([(0.2, -0.2), (0.34, 0.06), (0.36, 0.3)], [0.5, 0.38, 0.34])]
    far = tube([(0.4, -0.5), (0.62, -0.55), (0.92, -0.56)], [0.2, 0.15, 0.14])
    paint(brush, far, darker(look.base, 0.22), ink=look.ink)

    def marks() -> None:
        brush.oval(0.46, -0.22, 0.15, 0.34, color=look.pale)
        if look.pattern == "saddle":
            brush.fill(smooth([(-0.95, 0.1), (-0.8, -0.3), (-0.4, -0.26), (0.04, -0.34), (0.2, 0.0), (0.1, 0.4)]), look.mark)
        elif look.pattern == "patch":
            _blob(brush, look, -0.3, -0.12, 0.26)
        elif look.pattern == "mask":
            brush.oval(0.84, -0.62, 0.22, 0.12, color=look.pale)
        _spots(brush, look, (-0.8, -0.7, 0.4, 0.0), 0.05, 7, 4)

    paint(brush, union(body, arm, thigh, *neck), look.base, ink=look.ink, shade=look.shade, marks=marks)
    brush.line([(-0.34, -0.6), (-0.30, -0.4), (-0.44, -0.22), (-0.64, -0.22)], look.line, 0.022, alpha=0.7)
    brush.line([(0.10, -0.34), (0.16, -0.52), (0.3, -0.66)], look.line, 0.02, alpha=0.6)
    for x in (0.86, 0.91):
        brush.line([(x, -0.67), (x + 0.005, -0.60)], look.line, 0.018)
    if asleep:
        _side_head(brush.at(0.40, -0.28, scale=0.48, angle=rng.uniform(-8, 0)), look, asleep=True)
    else:
        _neckband(brush, look, [(0.14, 0.14), (0.34, 0.05), (0.54, 0.10)])
        _side_head(brush.at(0.36, 0.32, scale=rng.uniform(0.47, 0.52), angle=rng.uniform(-10, 12)), look)


def _close(brush: Brush, look: _Look, rng: np.random.Generator) -> None:
    """The head from the front, from close by, with or without shoulders."""
    if chance(rng, 0.6):
        shoulders = smooth(mirrored([(0, -0.2), (0.4, -0.4), (0.66, -0.94), (0.3, -0.98)]))
        paint(brush, shoulders, look.base, ink=look.ink, shade=look.shade)
        brush.fill(smooth(mirrored([(0, -0.3), (0.28, -0.5), (0.2, -0.8), (0.05, -0.95)])), look.pale)
        _neckband(brush, look, [(-0.46, -0.58), (-0.22, -0.69), (0, -0.72), (0.22, -0.69), (0.46, -0.58)], 0.12)
        _front_head(brush.at(0, 0.10, scale=0.74, angle=rng.uniform(-12, 12)), look, rng)
    else:
        _front_head(brush.at(0, -0.04, scale=0.86, angle=rng.uniform(-14, 14)), look, rng)


def _profile(brush: Brush, look: _Look, rng: np.random.Generator) -> None:
    """Head and neck in profile, from close by."""
    neck = smooth([(-0.72, 0.3), (-0.74, -0.2), (-0.86, -0.7), (-0.78, -0.95), (-0.2, -0.98), (0.24, -0.9), (0.20, -0.5), (0.14, 0.0)])

    def marks() -> None:
        brush.oval(0.16, -0.75, 0.2, 0.4, color=look.pale)
        _spots(brush, look, (-0.8, -1, 0.2, -0.2), 0.08, 4, 3)

    paint(brush, neck, look.base, ink=look.ink, shade=look.shade, marks=marks)
    for k in range(4):
        brush.fill(hair([(0.1, -0.62 - 0.07 * k), (0.16, -0.74 - 0.06 * k), (0.12, -0.88 - 0.02 * k)], 0.07), darker(look.pale, 0.12))
    _neckband(brush, look, [(-0.76, -0.42), (-0.3, -0.56), (0.2, -0.44)], 0.13)
    _side_head(brush.at(-0.18, 0.14, scale=rng.uniform(0.86, 0.92), angle=rng.uniform(-4, 12)), look)
