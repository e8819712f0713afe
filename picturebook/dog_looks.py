"""What a dog of the book looks like: its coat, and its head; ``dogs.py`` holds the poses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.path import Path

from picturebook.anatomy import (
    NIGHT,
    WHITE,
    chance,
    corner,
    eye,
    fringe,
    mirrored,
    paint,
    pick,
    placed,
    shut_eye,
    union,
)
from picturebook.canvas import Brush, Color, Point, darker, ellipse, lighter, mix, smooth, star, tube, vary

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
_COLLARS: tuple[Color, ...] = (
    (0.86, 0.20, 0.22),
    (0.16, 0.46, 0.78),
    (0.12, 0.58, 0.46),
    (0.95, 0.62, 0.16),
    (0.52, 0.28, 0.62),
)
_TONGUE: Color = (0.93, 0.47, 0.50)


@dataclass(frozen=True)
class Look:
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
    shaggy: bool
    one_sided: int
    blotches: tuple[Point, ...]


def dog_look(rng: np.random.Generator) -> Look:
    pattern, base, mark = pick(rng, _COATS)
    base, mark = vary(rng, base, 0.012, 0.06, 0.05), vary(rng, mark, 0.012, 0.06, 0.05)
    ears = "prick" if pattern == "mask" else pick(rng, ("hang", "hang", "hang", "fold", "prick"))
    dark = sum(base) < 1.1
    shaggy = pattern in ("plain", "patch", "saddle") and chance(rng, 0.3)
    pale = WHITE if pattern in ("mask", "patch", "spots") else lighter(base, 0.14 if dark else rng.uniform(0.3, 0.6))
    return Look(
        base=base,
        mark=mark,
        pale=pale,
        pattern=pattern,
        ears=ears,
        ear_size=rng.uniform(0.88, 1.2),
        muzzle=rng.uniform(0.9, 1.15),
        tail="curl" if pattern == "mask" else "plume" if shaggy else pick(rng, ("up", "up", "plume", "curl", "stub")),
        legs=rng.uniform(0.55, 0.7) if ears == "hang" and chance(rng, 0.25) else rng.uniform(0.9, 1.08),
        iris=(0.48, 0.72, 0.90)
        if pattern == "mask" and chance(rng, 0.5)
        else pick(rng, ((0.36, 0.22, 0.12), (0.52, 0.33, 0.14), (0.24, 0.15, 0.1))),
        ink=(darker(base, 0.62) if not dark else (0.06, 0.05, 0.06)) if chance(rng, 0.5) else None,
        line=lighter(base, 0.35) if dark else darker(mix(base, (0.4, 0.2, 0.1), 0.3), 0.6),
        shade=rng.uniform(0.08, 0.18) if chance(rng, 0.7) else 0.0,
        collar=vary(rng, pick(rng, _COLLARS), 0.03) if chance(rng, 0.75) else None,
        tongue=chance(rng, 0.62),
        shaggy=shaggy,
        one_sided=pick(rng, (-1, 1)),
        blotches=tuple((float(x), float(y)) for x, y in rng.uniform(-1, 1, (9, 2))),
    )


# -- coat -------------------------------------------------------------------------------------------------------------
def spots(
    brush: Brush, look: Look, box: tuple[float, float, float, float], size: float, columns: int = 5, rows: int = 3
) -> None:
    """Irregular spots over a box (left, bottom, right, top); only a spotted dog has them."""
    if look.pattern != "spots":
        return
    left, bottom, right, top = box
    for k in range(columns * rows):
        dx, dy = look.blotches[(k * 4) % 9]
        x = left + (right - left) * (k % columns + 0.5 + 0.35 * dx + 0.25 * (k // columns % 2)) / columns
        y = bottom + (top - bottom) * (k // columns + 0.5 + 0.35 * dy) / rows
        brush.oval(x, y, size * (0.7 + 0.4 * abs(dy)), size * (0.55 + 0.4 * abs(dx)), angle=90 * dx, color=look.mark)


def blob(brush: Brush, look: Look, x: float, y: float, size: float) -> None:
    radii = [size * (0.85 + 0.22 * look.blotches[k][0]) for k in range(7)]
    brush.fill(star(x, y, radii, 40 * look.blotches[0][1]), look.mark)


def tail(brush: Brush, look: Look, x: float, y: float, wag: float) -> None:
    """The tail of a dog that looks to the right, from (x, y) at its rump."""
    if look.tail == "up":
        spine, widths = (
            [(0.1, -0.06), (-0.08, 0.08), (-0.19 + wag, 0.30), (-0.20 + wag * 2, 0.52)],
            [0.15, 0.12, 0.09, 0.05],
        )
    elif look.tail == "plume":
        spine, widths = (
            [(0.1, -0.06), (-0.08, 0.06), (-0.22 + wag, 0.22), (-0.20 + wag * 2, 0.46), (-0.08 + wag, 0.60)],
            [0.13, 0.16, 0.24, 0.2, 0.05],
        )
    elif look.tail == "curl":
        spine, widths = (
            [(0.12, -0.06), (-0.10, 0.12), (-0.14, 0.36), (0.04, 0.44), (0.12, 0.28)],
            [0.16, 0.17, 0.18, 0.16, 0.10],
        )
    else:
        spine, widths = (
            [(0.1, -0.04), (-0.02, 0.05), (-0.09, 0.14 + wag), (-0.12, 0.22 + wag)],
            [0.16, 0.13, 0.11, 0.08],
        )
    outline = placed(tube(spine, widths), x, y)

    def tip() -> None:
        brush.oval(x + spine[-1][0], y + spine[-1][1], 0.13, color=look.pale if look.pattern != "patch" else look.mark)

    color = look.mark if look.pattern == "saddle" else look.base
    paint(brush, outline, color, ink=look.ink, shade=look.shade, marks=tip if look.tail != "stub" else None)


def neckband(brush: Brush, look: Look, points: Sequence[Point], width: float = 0.085) -> None:
    if look.collar is None:
        return
    brush.line(points, darker(look.collar, 0.35), width * 1.25)
    brush.line(points, look.collar, width)
    x, y = points[len(points) // 2]
    brush.oval(x, y - width * 0.95, width * 0.75, color=(0.98, 0.80, 0.26), edge=(0.6, 0.42, 0.1), width=0.014)


def toes(brush: Brush, look: Look, x: float, y: float, size: float) -> None:
    for dx in (-0.3, 0.3):
        brush.line([(x + dx * size, y + size * 0.08), (x + dx * size, y + size * 0.45)], look.line, 0.02)


# -- heads ------------------------------------------------------------------------------------------------------------
_CRANIUM = smooth(
    [
        (-0.58, -0.62),
        (-0.66, -0.1),
        (-0.52, 0.36),
        (-0.12, 0.60),
        (0.26, 0.54),
        (0.48, 0.26),
        (0.55, 0.0),
        (0.40, -0.42),
        (0.05, -0.66),
    ]
)


def _snout(look: Look) -> Path:
    m = look.muzzle
    return smooth(
        [
            (0.30, 0.26),
            (0.58, 0.13),
            (0.95 * m, 0.08),
            (1.14 * m, 0.02),
            (1.18 * m, -0.14),
            (1.06 * m, -0.27),
            (0.70, -0.36),
            (0.35, -0.44),
        ]
    )


def side_head(brush: Brush, look: Look, *, asleep: bool = False) -> None:
    """A head in profile, looking right: long muzzle, black nose, ear, tongue."""
    m, snout = look.muzzle, _snout(look)
    dark = darker(look.mark, 0.25)
    if look.ears == "prick":
        paint(
            brush, corner((-0.12, 0.46), (-0.06, 1.02 * look.ear_size), (0.30, 0.40)), dark, ink=look.ink, width=0.075
        )
    open_mouth = look.tongue and not asleep
    if open_mouth:
        jaw = tube([(0.30, -0.36), (0.62, -0.50), (0.90 * m, -0.50)], [0.3, 0.2, 0.12])
        paint(brush, jaw, darker(look.pale, 0.15), ink=look.ink, width=0.075)
        brush.fill(
            tube([(0.45, -0.36), (0.78 * m, -0.42), (0.92 * m, -0.60), (0.90 * m, -0.80)], [0.16, 0.2, 0.22, 0.2]),
            _TONGUE,
            edge=darker(_TONGUE, 0.3),
            width=0.03,
        )
        brush.line([(0.80 * m, -0.44), (0.90 * m, -0.58), (0.895 * m, -0.70)], darker(_TONGUE, 0.25), 0.03)

    def marks() -> None:
        if look.pattern == "mask":
            brush.fill(
                smooth(
                    [
                        (0.45, 0.2),
                        (0.72, 0.1),
                        (1.3, 0.1),
                        (1.3, -0.5),
                        (0.2, -0.9),
                        (-0.35, -0.8),
                        (-0.1, -0.2),
                        (0.14, 0.02),
                        (0.16, 0.3),
                        (0.34, 0.36),
                    ]
                ),
                look.pale,
            )
        elif look.pattern == "patch":
            blob(brush, look, 0.12, 0.24, 0.42)
        elif look.pattern == "spots":
            spots(brush, look, (-0.4, -0.6, 0.9, 0.6), 0.07, 4, 3)
        else:
            brush.oval(
                0.95,
                -0.25,
                0.5,
                0.30,
                color=look.pale if look.pattern == "plain" else darker(look.mark, 0.0),
                alpha=0.75,
            )

    fur = fringe((-0.55, -0.45), (0.10, -0.60), (0.02, -0.26), 6, 0.24) if look.shaggy else []
    if look.shaggy:
        fur += fringe((0.60, -0.30), (1.02 * m, -0.24), (0.0, -0.2), 4, 0.16) if not open_mouth else []
        fur += fringe((-0.25, 0.52), (0.25, 0.52), (0.1, 0.2), 4, 0.2)
    paint(brush, union(_CRANIUM, snout, *fur), look.base, ink=look.ink, shade=look.shade, width=0.075, marks=marks)
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
        eye(
            brush,
            0.30,
            0.18,
            0.115,
            iris=look.iris,
            pupil=0.6,
            look=0.6,
            white=look.pattern != "mask" and look.ear_size > 1.0,
        )
        brush.line([(0.20, 0.37), (0.32, 0.40), (0.42, 0.35)], line, 0.04, alpha=0.7)
    _side_ear(brush, look)


def _side_ear(brush: Brush, look: Look) -> None:
    s = look.ear_size
    rim = look.ink or darker(look.mark, 0.3)
    if look.ears == "prick":
        outline = corner((-0.52, 0.34), (-0.36, 1.08 * s), (-0.02, 0.44))
        brush.fill(outline, look.mark, edge=rim, width=0.05)
        brush.fill(corner((-0.38, 0.44), (-0.32, 0.92 * s), (-0.12, 0.48)), mix(look.pale, (0.85, 0.5, 0.48), 0.5))
    elif look.ears == "fold":
        outline = smooth(
            [(-0.48, 0.38), (-0.40, 0.66), (-0.18, 0.80), (0.06, 0.62), (0.14, 0.30), (0.02, 0.16), (-0.16, 0.34)]
        )
        brush.fill(outline, look.mark, edge=rim, width=0.05)
    else:
        outline = tube([(-0.22, 0.40), (-0.38, 0.12), (-0.42, -0.28), (-0.36, -0.52 * s)], [0.26, 0.40, 0.44, 0.30])
        brush.fill(outline, look.mark, edge=rim, width=0.05)


def front_head(brush: Brush, look: Look, rng: np.random.Generator, *, asleep: bool = False) -> None:
    """A head from the front: domed skull, big muzzle with a large nose, ears that hang, fold or stand."""
    f = rng.uniform(-0.12, 0.12)
    s = look.ear_size
    rim = look.ink or darker(look.mark, 0.3)
    if look.ears == "prick":
        for side in (-1, 1):
            brush.fill(
                corner((side * 0.10, 0.70), (side * 0.56, 1.28 * s), (side * 0.74, 0.30)),
                look.mark,
                edge=rim,
                width=0.06,
            )
            brush.fill(
                corner((side * 0.27, 0.72), (side * 0.54, 1.12 * s), (side * 0.62, 0.45)),
                mix(look.pale, (0.85, 0.5, 0.48), 0.5),
            )
    skull = smooth(
        mirrored([(0, 0.84), (0.42, 0.76), (0.70, 0.42), (0.76, 0.0), (0.66, -0.36), (0.46, -0.64), (0.2, -0.82)])
    )
    jowls = ellipse(f, -0.50, 0.46, 0.40)
    tongue = look.tongue and not asleep

    def marks() -> None:
        if look.pattern == "mask":
            for side in (-1, 1):
                brush.oval(side * 0.40, -0.42, 0.42, 0.50, color=look.pale)
                brush.oval(side * 0.32 + f, 0.34, 0.13, 0.09, angle=side * 20, color=look.pale)
            brush.fill(smooth([(f - 0.05, 0.6), (f + 0.05, 0.6), (f + 0.2, -0.2), (f - 0.2, -0.2)]), look.pale)
        elif look.pattern == "patch":
            blob(brush, look, look.one_sided * 0.36 + f, 0.22, 0.42)
        elif look.pattern == "spots":
            spots(brush, look, (-0.7, -0.5, 0.7, 0.85), 0.07, 4, 4)
        elif look.pattern == "saddle":
            brush.fill(
                smooth(
                    [
                        (f - 0.07, 0.9),
                        (f + 0.07, 0.9),
                        (f + 0.12, 0.2),
                        (f + 0.3, -0.4),
                        (f - 0.3, -0.4),
                        (f - 0.12, 0.2),
                    ]
                ),
                look.pale,
            )

    if tongue:
        mouth = ellipse(f, -0.74, 0.25, 0.24)
        brush.fill(mouth, darker(_TONGUE, 0.62), edge=look.ink or darker(look.base, 0.3), width=0.06)
    fur: list[Path] = []
    if look.shaggy:
        for side in (-1, 1):
            fur += fringe((side * 0.72, -0.1), (side * 0.48, -0.62), (side * 0.2, -0.16), 5, 0.24)
        fur += fringe((-0.2, 0.80), (0.2, 0.80), (0.04, 0.2), 5, 0.2)
    paint(brush, union(skull, jowls, *fur), look.base, ink=look.ink, shade=look.shade, width=0.075, marks=marks)
    if tongue:
        brush.oval(f, -0.76, 0.22, 0.20, color=darker(_TONGUE, 0.65))
        brush.fill(
            tube([(f, -0.68), (f + 0.01, -0.86), (f + 0.02, -1.02)], [0.26, 0.32, 0.28]),
            _TONGUE,
            edge=darker(_TONGUE, 0.3),
            width=0.03,
        )
        brush.line([(f, -0.76), (f + 0.015, -0.98)], darker(_TONGUE, 0.25), 0.03)
    cheek = look.pale if look.pattern != "plain" or sum(look.base) < 1.1 else lighter(look.pale, 0.1)
    brush.fill(
        union(ellipse(f - 0.19, -0.50, 0.27, 0.25), ellipse(f + 0.19, -0.50, 0.27, 0.25), ellipse(f, -0.3, 0.24, 0.22)),
        cheek,
    )
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
            eye(
                brush,
                x,
                y,
                0.145,
                iris=look.iris,
                pupil=0.62,
                white=look.ear_size > 1.05 and look.pattern != "mask",
                look=f * 5,
            )
            if look.pattern != "mask":
                brush.line(
                    [(x - 0.11, y + 0.25 + side * 0.035), (x, y + 0.30), (x + 0.11, y + 0.25 - side * 0.035)],
                    line if sum(look.base) > 1.1 else look.line,
                    0.045,
                    alpha=0.7,
                )
    for side in (-1, 1):
        if look.ears == "hang":
            outline = tube(
                [(side * 0.50, 0.62), (side * 0.80, 0.42), (side * 0.92, -0.02), (side * 0.86, -0.40 * s)],
                [0.24, 0.38, 0.42, 0.30],
            )
        elif look.ears == "fold":
            outline = smooth(
                [
                    (side * 0.22, 0.78),
                    (side * 0.46, 1.0 * s),
                    (side * 0.74, 0.88),
                    (side * 0.96, 0.52),
                    (side * 0.88, 0.34),
                    (side * 0.66, 0.48),
                ]
            )
        else:
            continue
        lone = look.pattern == "patch" and side != look.one_sided
        brush.fill(
            outline,
            darker(look.base, 0.08) if lone else look.mark,
            edge=rim if not lone else look.ink or darker(look.base, 0.3),
            width=0.055,
        )
