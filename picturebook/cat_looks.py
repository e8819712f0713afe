"""What a cat of the book looks like: its coat, and its head; ``cats.py`` holds the poses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from picturebook.anatomy import NIGHT, WHITE, chance, corner, eye, fringe, hair, mirrored, paint, pick, shut_eye, union
from picturebook.canvas import Brush, Color, Point, darker, lighter, mix, smooth, star, tube, vary

_COATS: tuple[tuple[str, Color], ...] = (
    ("tabby", (0.93, 0.60, 0.28)), ("tabby", (0.90, 0.52, 0.22)), ("tabby", (0.62, 0.49, 0.37)),
    ("tabby", (0.68, 0.69, 0.71)), ("tabby", (0.52, 0.45, 0.40)), ("plain", (0.52, 0.57, 0.64)),
    ("plain", (0.22, 0.21, 0.25)), ("plain", (0.95, 0.93, 0.89)), ("plain", (0.94, 0.82, 0.65)),
    ("tuxedo", (0.20, 0.20, 0.24)), ("tuxedo", (0.46, 0.49, 0.55)), ("tuxedo", (0.90, 0.58, 0.30)),
    ("calico", (0.96, 0.93, 0.88)), ("calico", (0.95, 0.90, 0.82)), ("points", (0.94, 0.87, 0.76)),
    ("points", (0.90, 0.85, 0.80)),
)  # fmt: skip
_EYES: tuple[Color, ...] = (
    (0.55, 0.76, 0.30), (0.93, 0.78, 0.22), (0.90, 0.60, 0.16), (0.38, 0.70, 0.55), (0.40, 0.66, 0.86), (0.72, 0.82,
        0.36),
)  # fmt: skip
_COLLARS: tuple[Color, ...] = (
    (0.86, 0.22, 0.25),
    (0.20, 0.50, 0.78),
    (0.95, 0.72, 0.20),
    (0.45, 0.28, 0.62),
    (0.14, 0.60, 0.52),
)


@dataclass(frozen=True)
class Look:
    base: Color
    pattern: str
    mark: Color  # stripes, patches or points
    pale: Color  # belly, muzzle, chest
    limb: Color  # paws
    iris: Color
    slit: bool
    ink: Color | None
    seam: Color  # where the head meets the body of a cat without an outline
    line: Color  # mouth and toes
    shade: float
    ears: float
    cheeks: float
    collar: Color | None
    blotches: tuple[Point, ...]
    chub: float
    fluffy: bool


def cat_look(rng: np.random.Generator) -> Look:
    pattern, base = pick(rng, _COATS)
    base = vary(rng, base, 0.015, 0.07, 0.05)
    dark = sum(base) < 1.1
    pale = WHITE if pattern in ("tuxedo", "calico") else lighter(base, 0.12 if dark else rng.uniform(0.35, 0.7))
    mark = darker(base, rng.uniform(0.28, 0.45))
    if pattern == "calico":
        mark = vary(rng, (0.88, 0.55, 0.25), 0.02)
    elif pattern == "points":
        mark = vary(rng, (0.36, 0.27, 0.24), 0.02, 0.08, 0.06)
    return Look(
        base=base,
        pattern=pattern,
        mark=mark,
        pale=pale,
        limb=WHITE
        if pattern == "tuxedo" or (pattern == "tabby" and chance(rng, 0.4))
        else mark
        if pattern == "points"
        else base,
        iris=(0.36, 0.64, 0.88) if pattern == "points" else vary(rng, pick(rng, _EYES), 0.02),
        slit=chance(rng, 0.55),
        ink=(darker(base, 0.6) if not dark else (0.06, 0.06, 0.08)) if chance(rng, 0.5) else None,
        seam=lighter(base, 0.14) if dark else darker(base, 0.16),
        line=lighter(base, 0.45) if dark and pattern == "plain" else darker(mix(base, (0.4, 0.2, 0.15), 0.3), 0.6),
        shade=rng.uniform(0.08, 0.18) if chance(rng, 0.7) else 0.0,
        ears=rng.uniform(0.9, 1.2),
        cheeks=rng.uniform(0.94, 1.08),
        collar=vary(rng, pick(rng, _COLLARS), 0.03) if chance(rng, 0.35) else None,
        blotches=tuple((float(x), float(y)) for x, y in rng.uniform(-1, 1, (7, 2))),
        chub=rng.uniform(0.88, 1.14),
        fluffy=chance(rng, 0.28),
    )


# -- coat -------------------------------------------------------------------------------------------------------------
def stripes(
    brush: Brush, look: Look, places: Sequence[tuple[float, float, float, float]], width: float = 0.075
) -> None:
    """Tapering stripes, each (x, y) of its thick end and of its tip; only a tabby has them."""
    if look.pattern != "tabby":
        return
    for x, y, tip_x, tip_y in places:
        bend = ((x + tip_x) / 2 + 0.02, (y + tip_y) / 2)
        brush.fill(hair([(x, y), bend, (tip_x, tip_y)], width), look.mark)


def patches(brush: Brush, look: Look, places: Sequence[Point], size: float) -> None:
    """A calico's ginger and black patches round ``places``."""
    if look.pattern != "calico":
        return
    for k, (x, y) in enumerate(places):
        dx, dy = look.blotches[k % 7]
        radii = [size * (0.75 + 0.3 * abs(look.blotches[(k + j) % 7][j % 2])) for j in range(6)]
        brush.fill(star(x + dx * 0.08, y + dy * 0.08, radii, 60 * dx), look.mark if k % 2 == 0 else (0.24, 0.22, 0.23))


def tail(brush: Brush, look: Look, spine: Sequence[Point], width: float = 0.13) -> None:
    n = len(spine)
    width *= 1.5 if look.fluffy else 1.0
    outline = tube(spine, np.linspace(width, width * 0.72, n))

    def marks() -> None:
        p = np.asarray(spine)
        if look.pattern == "tabby":
            for a, b in pairwise(p[1:]):
                for share in (0.0, 0.5):
                    c, along = a + (b - a) * share, (b - a) / np.hypot(*(b - a))
                    across = np.array([-along[1], along[0]]) * width * 0.6
                    brush.line([c - across, c + across], look.mark, width * 0.32)
        elif look.pattern in ("tuxedo", "calico"):
            brush.oval(*spine[-1], width * 0.9, color=WHITE if look.pattern == "tuxedo" else look.mark)

    color = look.mark if look.pattern == "points" else look.base
    paint(
        brush,
        outline,
        color,
        ink=look.ink or look.seam,
        width=0.035 if look.ink else 0.022,
        marks=marks if look.pattern in ("tabby", "tuxedo", "calico") else None,
    )


def toes(brush: Brush, look: Look, x: float, y: float, size: float) -> None:
    for dx in (-0.3, 0.3):
        brush.line([(x + dx * size, y + size * 0.08), (x + dx * size, y + size * 0.42)], look.line, 0.02)


# -- head -------------------------------------------------------------------------------------------------------------
def head(
    brush: Brush, look: Look, *, turn: float = 0.0, asleep: bool = False, smile: bool = False, gaze: float = 0.0
) -> None:
    """A round head with pointed ears, about one unit wide on either side; ``turn`` moves the face to the side."""
    e, w = look.ears, look.cheeks
    point = look.mark if look.pattern == "points" else look.base
    for side in (-1, 1):
        near = 1 + 0.12 * turn * side
        ear = corner((side * 0.14, 0.62), (side * 0.72 * near, 0.70 + 0.58 * e), (side * 0.95, 0.22))
        color = point if look.pattern != "calico" else (look.mark if side > 0 else (0.24, 0.22, 0.23))
        paint(brush, ear, color, ink=look.ink or look.seam, width=0.075 if look.ink else 0.05)
        inner = corner((side * 0.33, 0.62), (side * 0.69 * near, 0.60 + 0.50 * e), (side * 0.83, 0.38))
        brush.fill(inner, mix(look.pale, (0.93, 0.55, 0.55), 0.6))
    skull = smooth(
        mirrored(
            [(0, 0.78), (0.45, 0.72), (0.84, 0.38), (1.0 * w, -0.1), (1.02 * w, -0.42), (0.72, -0.66), (0.3, -0.84)]
        )
    )
    f = 0.22 * turn

    def marks() -> None:
        _face_marks(brush, look, f, point)

    outline = skull
    if look.fluffy:
        tufts = [fringe((s * 0.96, -0.12), (s * 0.66, -0.62), (s * 0.26, -0.14), 5, 0.26) for s in (-1, 1)]
        outline = union(skull, *tufts[0], *tufts[1], *fringe((-0.08, 0.76), (0.1, 0.76), (0.03, 0.2), 3, 0.12))
    paint(
        brush,
        outline,
        look.base,
        ink=look.ink or look.seam,
        shade=look.shade,
        width=0.075 if look.ink else 0.05,
        marks=marks,
    )
    for side in (-1, 1):
        brush.oval(
            side * 0.17 + f,
            -0.44,
            0.26,
            0.21,
            color=look.pale if look.pattern != "points" else lighter(look.mark, 0.15),
        )
    for side in (-1, 1):
        x, y = side * 0.43 + f, -0.02
        if asleep or smile:
            shut_eye(brush, x, y - (0.05 if asleep else 0.0), 0.2, look.line, smile=smile)
        else:
            eye(brush, x, y, 0.225, iris=look.iris, slit=look.slit, pupil=0.62, look=gaze, rim=NIGHT)
    _mouth(brush, look, f)


def _face_marks(brush: Brush, look: Look, f: float, point: Color) -> None:
    """What is drawn on the face, clipped to it."""
    if look.pattern == "tabby":
        stripes(brush, look, [(f, 0.95, f, 0.32), (f - 0.24, 0.9, f - 0.17, 0.4), (f + 0.24, 0.9, f + 0.17, 0.4)], 0.15)
        stripes(brush, look, [(s * 1.1, y, s * 0.68, y + 0.06) for s in (-1, 1) for y in (-0.14, -0.4)], 0.12)
    elif look.pattern == "tuxedo":
        brush.fill(
            smooth(
                [
                    (f, 0.5),
                    (f + 0.12, 0.05),
                    (f + 0.5, -0.38),
                    (f + 0.4, -1),
                    (f - 0.4, -1),
                    (f - 0.5, -0.38),
                    (f - 0.12, 0.05),
                ]
            ),
            WHITE,
        )
    elif look.pattern == "calico":
        patches(brush, look, [(0.62, 0.35), (-0.66, 0.38)], 0.5)
    elif look.pattern == "points":
        brush.oval(f, -0.2, 0.66, 0.5, color=point, alpha=0.8)
        brush.oval(f, 0.1, 0.3, 0.45, color=point, alpha=0.8)


def _mouth(brush: Brush, look: Look, f: float) -> None:
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
            brush.line(
                [start, (f + side * 0.8, -0.40 + rise * 0.9), (side * 1.3 + f, -0.46 + rise * 1.5)], whisker, 0.026
            )


def neckband(brush: Brush, look: Look, points: Sequence[Point], width: float = 0.075) -> None:
    if look.collar is None:
        return
    brush.line(points, look.collar, width)
    x, y = points[len(points) // 2]
    brush.oval(x, y - width * 0.8, width * 0.7, color=(0.98, 0.80, 0.26), edge=(0.6, 0.42, 0.1), width=0.012)
