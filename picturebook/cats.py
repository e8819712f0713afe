"""The book's cats: sitting, walking, resting, asleep, and a head from close by."""

from __future__ import annotations

import numpy as np
from matplotlib.path import Path

from picturebook.anatomy import chance, mirrored, paint, paw, pick, placed, union
from picturebook.canvas import Brush, capsule, darker, ellipse, smooth, star, tube
from picturebook.cat_looks import Look, cat_look, head, neckband, patches, stripes, tail, toes


def cat(brush: Brush, rng: np.random.Generator) -> None:
    """A cat, tabby, black, ginger, calico or Siamese: sitting, walking, lying, curled up asleep, or only its head."""
    look = cat_look(rng)
    pick(rng, (_sitting, _sitting, _beside, _walking, _walking, _resting, _resting, _asleep, _arched, _close, _close))(
        brush, look, rng
    )


# -- poses ------------------------------------------------------------------------------------------------------------
def _sitting(brush: Brush, look: Look, rng: np.random.Generator) -> None:
    """Upright, from the front, the tail round the side or over the paws."""
    side, c = pick(rng, (-1, 1)), look.chub
    over = chance(rng, 0.4)
    if not over:
        up = rng.uniform(-0.1, 0.25)
        tail(
            brush,
            look,
            [
                (side * 0.36, -0.82),
                (side * 0.66, -0.84),
                (side * 0.86, -0.66),
                (side * 0.84, -0.38 + up * 0.5),
                (side * 0.70, -0.2 + up),
                (side * 0.78, -0.02 + up),
            ],
        )
    body = smooth(
        mirrored(
            [
                (0, 0.2),
                (0.26 * c, 0.1),
                (0.33 * c, -0.2),
                (0.46 * c, -0.5),
                (0.54 * c, -0.76),
                (0.40 * c, -0.93),
                (0.1, -0.94),
            ]
        )
    )

    def marks() -> None:
        brush.oval(0, -0.12, 0.19, 0.34, color=look.pale)
        rows = ((-0.28, 0.44), (-0.46, 0.52), (-0.64, 0.58), (-0.80, 0.58))
        stripes(brush, look, [(s * x * c, y, s * (x - 0.2) * c, y + 0.02) for s in (-1, 1) for y, x in rows])
        patches(brush, look, [(0.38, -0.5), (-0.42, -0.3), (-0.4, -0.85)], 0.24)
        brush.oval(0, 0.0, 0.36, 0.12, color=darker(look.base, 0.35), alpha=0.45)

    paint(brush, body, look.base, ink=look.ink, shade=look.shade, marks=marks)
    line = look.line
    for s in (-1, 1):
        brush.fill(paw(s * 0.36 * c, -0.95, 0.15), look.limb, edge=look.ink or darker(look.limb, 0.16), width=0.022)
        brush.line([(s * 0.23, -0.36), (s * 0.215, -0.6), (s * 0.22, -0.84)], line, 0.018, alpha=0.7)
        brush.fill(paw(s * 0.135, -0.96, 0.135), look.limb, edge=look.ink or darker(look.limb, 0.16), width=0.022)
        toes(brush, look, s * 0.135, -0.94, 0.135)
    brush.line([(0.02, -0.42), (0.0, -0.84)], line, 0.018, alpha=0.7)
    if over:
        tail(
            brush,
            look,
            [
                (side * 0.52 * c, -0.72),
                (side * 0.46, -0.88),
                (side * 0.16, -0.92),
                (-side * 0.14, -0.88),
                (-side * 0.26, -0.82),
            ],
            0.14,
        )
    neckband(brush, look, [(-0.26, 0.04), (-0.13, -0.03), (0, -0.05), (0.13, -0.03), (0.26, 0.04)])
    tilt = rng.uniform(-10, 10)
    head(
        brush.at(0.0, 0.38, scale=rng.uniform(0.44, 0.49), angle=tilt),
        look,
        turn=rng.uniform(-0.7, 0.7),
        smile=chance(rng, 0.15),
        gaze=rng.uniform(-1, 1),
    )


def _beside(brush: Brush, look: Look, rng: np.random.Generator) -> None:
    """Sitting in profile, the face turned to us, the tail curled on the ground behind or raised."""
    if chance(rng, 0.5):
        spine = [(-0.34, -0.80), (-0.62, -0.86), (-0.86, -0.76), (-0.90, -0.54), (-0.74, -0.44), (-0.66, -0.56)]
    else:
        spine = [(-0.36, -0.78), (-0.66, -0.74), (-0.80, -0.46), (-0.72, -0.16), (-0.82, 0.10), (-0.94, 0.12)]
    tail(brush, look, spine)
    far = capsule((0.34, -0.2), (0.44, -0.86), 0.22, 0.14)
    paint(brush, union(far, paw(0.48, -0.95, 0.13)), darker(look.base, 0.2), ink=look.ink)
    body = smooth(
        [
            (0.02, 0.34),
            (-0.18, 0.1),
            (-0.42, -0.28),
            (-0.56, -0.66),
            (-0.46, -0.90),
            (-0.1, -0.95),
            (0.2, -0.9),
            (0.40, -0.4),
            (0.48, 0.0),
            (0.38, 0.3),
        ]
    )
    leg = union(
        tube([(0.28, -0.1), (0.30, -0.5), (0.28, -0.84)], [0.34, 0.22, 0.15]),
        paw(0.32, -0.95, 0.14),
        paw(-0.02, -0.96, 0.2),
    )

    def marks() -> None:
        brush.fill(ellipse(0.44, -0.08, 0.16, 0.36, 6), look.pale)
        stripes(
            brush,
            look,
            [
                (-0.2, 0.12, 0.06, 0.0),
                (-0.34, -0.1, -0.04, -0.16),
                (-0.44, -0.3, -0.1, -0.32),
                (-0.56, -0.5, -0.24, -0.46),
                (-0.6, -0.7, -0.3, -0.6),
            ],
        )
        patches(brush, look, [(-0.1, 0.0), (-0.45, -0.5), (0.2, -0.35)], 0.22)
        brush.oval(0.22, 0.06, 0.34, 0.14, color=darker(look.base, 0.35), alpha=0.45)

    paint(brush, union(body, leg), look.base, ink=look.ink, shade=look.shade, marks=marks)
    brush.line([(0.08, -0.86), (0.13, -0.62), (0.0, -0.42), (-0.2, -0.42)], look.line, 0.02, alpha=0.7)
    brush.line([(0.20, -0.3), (0.2, -0.6), (0.205, -0.84)], look.line, 0.018, alpha=0.6)
    for x, size in ((0.32, 0.14), (0.02, 0.16)):
        if look.limb != look.base:
            brush.fill(paw(x, -0.96, size), look.limb, edge=look.ink, width=0.02)
        toes(brush, look, x + 0.02, -0.94, size)
    neckband(brush, look, [(-0.02, 0.14), (0.12, 0.04), (0.28, 0.02), (0.44, 0.08)])
    head(
        brush.at(0.22, 0.42, scale=rng.uniform(0.43, 0.47), angle=rng.uniform(-10, 6)),
        look,
        turn=rng.uniform(0.2, 0.9),
        smile=chance(rng, 0.15),
        gaze=rng.uniform(-0.5, 1),
    )


def _walking(brush: Brush, look: Look, rng: np.random.Generator) -> None:
    """On four slim legs from the side, tail high with a curl, the face turned to us."""
    brush = brush.at(-0.06, -0.05)
    stride = rng.uniform(0.03, 0.15)
    bend = rng.uniform(-0.08, 0.08)
    if chance(rng, 0.65):
        spine = [
            (-0.52, 0.02),
            (-0.72, 0.16),
            (-0.78 + bend, 0.44),
            (-0.70 + bend, 0.68),
            (-0.78 + bend, 0.88),
            (-0.92 + bend, 0.84),
        ]
    else:
        spine = [(-0.52, 0.02), (-0.72, -0.06), (-0.82, -0.28), (-0.90, -0.42), (-0.98, -0.36)]
    tail(brush, look, spine, 0.115)
    for x, swing in ((-0.34, stride), (0.20, -stride)):
        paint(brush, _leg(x, swing, hind=x < 0), darker(look.base, 0.22), ink=look.ink)
    c = look.chub
    trunk = smooth(
        [
            (-0.60, -0.02),
            (-0.54, 0.13),
            (-0.3, 0.16),
            (0.0, 0.13),
            (0.26, 0.2),
            (0.46, 0.2),
            (0.54, -0.02),
            (0.44, -0.26),
            (0.2, -0.32 * c),
            (-0.16, -0.31 * c),
            (-0.42, -0.25),
            (-0.56, -0.2),
        ]
    )
    near = [_leg(-0.46, -stride, hind=True), _leg(0.36, stride, hind=False)]

    def marks() -> None:
        brush.oval(0.0, -0.34, 0.27, 0.09, color=look.pale, alpha=0.9)
        brush.oval(0.56, -0.1, 0.14, 0.2, color=look.pale)
        stripes(brush, look, [(-0.5 + 0.15 * k, 0.22, -0.46 + 0.15 * k, -0.12 - 0.05 * (k % 2)) for k in range(6)])
        stripes(brush, look, [(x + 0.14, y, x - 0.04, y - 0.02) for x in (-0.5, 0.34) for y in (-0.4, -0.54)], 0.055)
        patches(brush, look, [(-0.4, 0.08), (-0.02, 0.02), (0.3, -0.1)], 0.2)
        if look.limb != look.base:
            for x in (-0.46 - stride, 0.36 + stride):
                brush.oval(x, -0.9, 0.18, 0.16, color=look.limb)
        brush.oval(0.52, 0.1, 0.32, 0.14, color=darker(look.base, 0.35), alpha=0.45)

    paint(brush, union(trunk, *near), look.base, ink=look.ink, shade=look.shade, marks=marks)
    brush.line([(-0.28, 0.0), (-0.24, -0.16), (-0.32, -0.32)], look.line, 0.018, alpha=0.5)
    neckband(brush, look, [(0.34, 0.14), (0.46, 0.06), (0.60, 0.08)])
    head(
        brush.at(0.52, 0.36, scale=rng.uniform(0.37, 0.41), angle=rng.uniform(-10, 6)),
        look,
        turn=rng.uniform(0.1, 0.9),
        gaze=rng.uniform(-0.5, 1),
    )


def _arched(brush: Brush, look: Look, rng: np.random.Generator) -> None:
    """Back arched and tail straight up, stretching or startled."""
    brush = brush.at(-0.04, -0.03)
    lean = rng.uniform(-0.12, 0.12)
    tail(
        brush,
        look,
        [(-0.42, 0.0), (-0.62, 0.14), (-0.68 + lean / 2, 0.46), (-0.64 + lean, 0.78), (-0.66 + lean, 0.9)],
        0.15,
    )
    for x, swing in ((-0.26, 0.06), (0.20, -0.04)):
        paint(brush, _leg(x, swing, hind=x < 0), darker(look.base, 0.22), ink=look.ink)
    high = rng.uniform(0.36, 0.5)
    trunk = smooth(
        [
            (-0.54, -0.06),
            (-0.48, 0.2),
            (-0.22, high),
            (0.06, high),
            (0.30, 0.28),
            (0.50, 0.06),
            (0.52, -0.14),
            (0.40, -0.28),
            (0.2, -0.22),
            (0.02, -0.02),
            (-0.14, -0.04),
            (-0.3, -0.22),
            (-0.5, -0.2),
        ]
    )
    near = [_leg(-0.40, 0.04, hind=True), _leg(0.34, 0.0, hind=False)]

    def marks() -> None:
        brush.oval(0.54, -0.12, 0.13, 0.2, color=look.pale)
        stripes(
            brush,
            look,
            [
                (-0.56, 0.14, -0.3, 0.02),
                (-0.44, 0.34, -0.24, 0.12),
                (-0.24, 0.52, -0.14, 0.2),
                (-0.02, 0.54, -0.02, 0.2),
                (0.2, 0.46, 0.12, 0.16),
                (0.38, 0.3, 0.24, 0.08),
            ],
        )
        stripes(brush, look, [(x + 0.14, y, x - 0.04, y - 0.02) for x in (-0.42, 0.34) for y in (-0.42, -0.56)], 0.055)
        patches(brush, look, [(-0.4, 0.1), (0.02, 0.32), (0.3, -0.1)], 0.2)
        if look.limb != look.base:
            for x in (-0.36, 0.36):
                brush.oval(x, -0.9, 0.18, 0.16, color=look.limb)
        brush.oval(0.54, -0.02, 0.34, 0.14, color=darker(look.base, 0.35), alpha=0.45)

    paint(brush, union(trunk, *near), look.base, ink=look.ink, shade=look.shade, marks=marks)
    neckband(brush, look, [(0.34, 0.02), (0.46, -0.07), (0.60, -0.06)])
    head(
        brush.at(0.53, 0.22, scale=rng.uniform(0.38, 0.41), angle=rng.uniform(-10, 4)),
        look,
        turn=rng.uniform(0.0, 0.8),
        smile=chance(rng, 0.3),
    )


def _leg(x: float, swing: float, *, hind: bool) -> Path:
    if hind:
        bones = tube(
            [(x, -0.08), (x + 0.04, -0.34), (x - 0.05 + swing * 0.6, -0.58), (x + swing, -0.84)],
            [0.34, 0.24, 0.12, 0.11],
        )
    else:
        bones = tube(
            [(x, -0.1), (x + swing * 0.3, -0.4), (x + swing * 0.6, -0.6), (x + swing, -0.84)], [0.26, 0.17, 0.12, 0.11]
        )
    return union(bones, paw(x + 0.04 + swing, -0.93, 0.105))


def _resting(brush: Brush, look: Look, rng: np.random.Generator) -> None:
    """A loaf: lying from the side, paws in front, the head up."""
    brush = brush.at(0.0, 0.1)
    body = smooth(
        [
            (-0.88, -0.52),
            (-0.84, -0.12),
            (-0.56, 0.14),
            (-0.2, 0.16),
            (0.2, 0.12),
            (0.52, 0.1),
            (0.72, -0.2),
            (0.74, -0.56),
            (0.5, -0.7),
            (-0.6, -0.71),
        ]
    )

    def marks() -> None:
        brush.oval(0.62, -0.3, 0.22, 0.34, color=look.pale)
        stripes(
            brush, look, [(-0.72 + 0.18 * k, 0.2, -0.66 + 0.18 * k, -0.22 - 0.08 * (k % 2)) for k in range(6)], 0.09
        )
        patches(brush, look, [(-0.6, -0.05), (-0.12, 0.0), (0.24, -0.45)], 0.28)
        brush.oval(0.44, -0.06, 0.46, 0.16, color=darker(look.base, 0.35), alpha=0.45)

    paint(brush, body, look.base, ink=look.ink, shade=look.shade, marks=marks)
    brush.line([(-0.22, -0.66), (-0.18, -0.4), (-0.4, -0.24), (-0.62, -0.28)], look.line, 0.022, alpha=0.7)
    for x, y in ((0.36, -0.66), (0.64, -0.68)):
        foot = ellipse(x, y, 0.2, 0.1)
        brush.fill(foot, look.limb, edge=look.ink or darker(look.limb, 0.18), width=0.022)
        for dx in (0.05, 0.13):
            brush.line([(x + dx, y - 0.05), (x + dx + 0.01, y + 0.03)], look.line, 0.018)
    if chance(rng, 0.6):
        tail(brush, look, [(-0.84, -0.5), (-0.78, -0.68), (-0.45, -0.72), (-0.1, -0.68), (0.06, -0.6)], 0.14)
    else:
        tail(brush, look, [(-0.80, -0.5), (-0.94, -0.3), (-0.96, -0.02), (-0.86, 0.2), (-0.92, 0.36)], 0.13)
    neckband(brush, look, [(0.2, -0.02), (0.42, -0.12), (0.64, -0.04)])
    head(
        brush.at(0.42, 0.26, scale=rng.uniform(0.43, 0.48), angle=rng.uniform(-8, 8)),
        look,
        turn=rng.uniform(-0.4, 0.8),
        smile=chance(rng, 0.25),
        gaze=rng.uniform(-1, 1),
    )


def _asleep(brush: Brush, look: Look, rng: np.random.Generator) -> None:
    """Curled up, the tail round the body, eyes shut."""
    body = smooth(
        [
            (-0.94, -0.2),
            (-0.86, 0.26),
            (-0.5, 0.58),
            (0.0, 0.66),
            (0.5, 0.52),
            (0.86, 0.16),
            (0.94, -0.26),
            (0.7, -0.6),
            (0.0, -0.7),
            (-0.7, -0.6),
        ]
    )

    def marks() -> None:
        turns = np.deg2rad(np.linspace(20, 165, 8))
        stripes(
            brush,
            look,
            [(np.cos(t) * 1.0, np.sin(t) * 0.74 - 0.02, np.cos(t) * 0.66, np.sin(t) * 0.36) for t in turns],
            0.1,
        )
        patches(brush, look, [(-0.55, 0.2), (0.2, 0.45), (0.75, -0.1)], 0.32)
        brush.oval(0.28, -0.3, 0.6, 0.42, color=darker(look.base, 0.35), alpha=0.4)

    paint(brush, body, look.base, ink=look.ink, shade=look.shade, marks=marks)
    brush.line([(-0.2, -0.1), (-0.3, 0.18), (-0.6, 0.22), (-0.78, 0.02)], look.line, 0.022, alpha=0.6)
    head(
        brush.at(0.30, -0.20, scale=rng.uniform(0.44, 0.48), angle=rng.uniform(-28, 2)),
        look,
        turn=rng.uniform(-0.2, 0.6),
        asleep=True,
    )
    tail(brush, look, [(-0.88, -0.2), (-0.84, -0.5), (-0.5, -0.66), (-0.1, -0.68), (0.2, -0.62), (0.42, -0.56)], 0.19)


def _close(brush: Brush, look: Look, rng: np.random.Generator) -> None:
    """The head alone, filling the square."""
    if chance(rng, 0.5):
        shoulders = smooth(mirrored([(0, -0.3), (0.4, -0.5), (0.62, -0.96), (0.3, -0.98)]))
        paint(brush, shoulders, look.base, ink=look.ink, shade=look.shade)
        brush.fill(placed(star(0, 0, [0.3, 0.24, 0.3, 0.22, 0.3, 0.24, 0.3, 0.22]), 0, -0.66), look.pale)
        neckband(brush, look, [(-0.44, -0.60), (-0.2, -0.70), (0, -0.72), (0.2, -0.70), (0.44, -0.60)], 0.09)
        head(
            brush.at(0, 0.02, scale=0.72, angle=rng.uniform(-10, 10)),
            look,
            turn=rng.uniform(-0.7, 0.7),
            smile=chance(rng, 0.15),
            gaze=rng.uniform(-1, 1),
        )
    else:
        head(
            brush.at(0, -0.14, scale=0.78, angle=rng.uniform(-14, 14)),
            look,
            turn=rng.uniform(-0.7, 0.7),
            smile=chance(rng, 0.15),
            gaze=rng.uniform(-1, 1),
        )
