"""The book's dogs: standing, sitting, lying, and heads from the side and from the front."""

from __future__ import annotations

import numpy as np
from matplotlib.path import Path

from picturebook.anatomy import chance, fringe, mirrored, paint, paw, pick, union
from picturebook.canvas import Brush, capsule, darker, ellipse, smooth, tube
from picturebook.dog_looks import Look, blob, dog_look, front_head, neckband, side_head, spots, tail, toes


def dog(brush: Brush, rng: np.random.Generator) -> None:
    """A dog of some breed: standing or trotting, sitting from the front or the side, lying, or only its head."""
    look = dog_look(rng)
    pick(
        rng, (_standing, _standing, _standing, _sitting, _sitting, _beside, _beside, _lying, _bowing, _close, _profile)
    )(brush, look, rng)


# -- poses ------------------------------------------------------------------------------------------------------------
def _standing(brush: Brush, look: Look, rng: np.random.Generator) -> None:
    """From the side on four legs, still or trotting, head high."""
    stride, wag = rng.uniform(0.0, 0.16), rng.uniform(-0.08, 0.08)
    drop = (1 - look.legs) * 0.5
    ground = -0.95 + drop
    brush = brush.at(0.0, -drop)
    tail(brush, look, -0.58, 0.06, wag)
    for x, swing in ((-0.36, stride), (0.16, -stride)):
        paint(brush, _leg(x, swing, ground, hind=x < 0), darker(look.base, 0.24), ink=look.ink)
    trunk = smooth(
        [
            (-0.66, -0.02),
            (-0.58, 0.14),
            (-0.3, 0.17),
            (0.0, 0.15),
            (0.28, 0.22),
            (0.44, 0.12),
            (0.48, -0.12),
            (0.34, -0.36),
            (0.10, -0.36),
            (-0.18, -0.26),
            (-0.42, -0.24),
            (-0.60, -0.2),
        ]
    )
    neck = tube([(0.22, -0.06), (0.36, 0.16), (0.44, 0.42)], [0.46, 0.36, 0.30])
    near = [_leg(-0.49, -stride, ground, hind=True), _leg(0.30, stride, ground, hind=False)]

    def marks() -> None:
        brush.oval(0.50, -0.14, 0.14, 0.34, angle=-10, color=look.pale)
        brush.oval(-0.02, -0.36, 0.26, 0.10, color=look.pale, alpha=0.8)
        if look.pattern == "saddle":
            brush.fill(
                smooth([(-0.72, 0.3), (-0.66, 0.0), (-0.36, -0.1), (0.06, -0.12), (0.24, 0.06), (0.3, 0.5)]), look.mark
            )
        elif look.pattern == "patch":
            blob(brush, look, -0.22 + look.blotches[1][0] * 0.15, 0.06, 0.24)
            blob(brush, look, -0.62, 0.0, 0.16)
        elif look.pattern == "mask":
            for x in (-0.49 - stride, 0.30 + stride):
                brush.oval(x, ground, 0.2, 0.36, color=look.pale)
        spots(brush, look, (-0.66, -0.62, 0.44, 0.3), 0.05, 7, 4)

    fur: list[Path] = []
    if look.shaggy:
        fur = fringe((-0.40, -0.2), (0.28, -0.32), (-0.03, -0.13), 9, 0.1) + fringe(
            (0.52, 0.22), (0.40, -0.26), (0.05, -0.13), 6, 0.12
        )
        fur += fringe((-0.62, -0.05), (-0.56, -0.4), (-0.09, -0.1), 5, 0.1)
    paint(brush, union(trunk, neck, *near, *fur), look.base, ink=look.ink, shade=look.shade, marks=marks)
    brush.line([(-0.30, 0.02), (-0.26, -0.14), (-0.34, -0.30)], look.line, 0.018, alpha=0.5)
    for x in (-0.49 - stride, 0.30 + stride):
        toes(brush, look, x + 0.06, ground + 0.02, 0.12)
    neckband(brush, look, [(0.27, 0.28), (0.42, 0.20), (0.58, 0.24)])
    side_head(brush.at(0.46, 0.50, scale=rng.uniform(0.40, 0.45), angle=rng.uniform(-10, 14)), look)


def _leg(x: float, swing: float, ground: float, *, hind: bool) -> Path:
    heights = -0.1 + (ground + 0.1) * np.array([0.0, 0.34, 0.62, 0.9])
    if hind:
        sides, widths = [x, x + 0.05, x - 0.07 + swing * 0.6, x + swing], [0.38, 0.25, 0.125, 0.12]
    else:
        sides, widths = [x, x + swing * 0.3, x + 0.01 + swing * 0.6, x + swing], [0.30, 0.19, 0.14, 0.12]
    return union(tube(np.stack([sides, heights], 1), widths), paw(x + 0.05 + swing, ground, 0.12))


def _sitting(brush: Brush, look: Look, rng: np.random.Generator) -> None:
    """Upright, from the front."""
    side = pick(rng, (-1, 1))
    if look.tail != "stub":
        wag = rng.uniform(-0.05, 0.1)
        spine = [(side * 0.34, -0.78), (side * 0.62, -0.74), (side * (0.78 + wag), -0.52), (side * (0.80 + wag), -0.28)]
        paint(brush, tube(spine, [0.16, 0.15, 0.18 if look.tail == "plume" else 0.11, 0.06]), look.base, ink=look.ink)
    body = smooth(
        mirrored([(0, 0.2), (0.30, 0.06), (0.40, -0.2), (0.44, -0.5), (0.52, -0.76), (0.40, -0.92), (0.1, -0.94)])
    )

    def marks() -> None:
        brush.fill(
            smooth(
                [(0, -0.52), (0.15, -0.40), (0.25, -0.12), (0.24, 0.16), (-0.24, 0.16), (-0.25, -0.12), (-0.15, -0.40)]
            ),
            look.pale,
        )
        if look.pattern == "patch":
            blob(brush, look, look.one_sided * 0.42, -0.5, 0.22)
        spots(brush, look, (-0.5, -0.9, 0.5, 0.1), 0.05, 5, 5)
        if look.pattern == "saddle":
            for s in (-1, 1):
                brush.oval(s * 0.46, -0.2, 0.17, 0.4, color=look.mark)
        brush.oval(0, 0.02, 0.40, 0.14, color=darker(look.base, 0.35), alpha=0.45)

    fur: list[Path] = []
    if look.shaggy:
        for s in (-1, 1):
            fur += fringe((s * 0.34, 0.0), (s * 0.50, -0.7), (s * 0.09, -0.1), 8, 0.11)
    paint(brush, union(body, *fur), look.base, ink=look.ink, shade=look.shade, marks=marks)
    limb = look.pale if look.pattern in ("mask", "saddle") else look.base
    edge = look.ink or darker(limb, 0.2)
    for s in (-1, 1):
        brush.fill(paw(s * 0.40, -0.95, 0.18), limb, edge=edge, width=0.022)
        toes(brush, look, s * 0.42, -0.94, 0.16)
        brush.line([(s * 0.275, -0.34), (s * 0.26, -0.6), (s * 0.26, -0.84)], look.line, 0.02, alpha=0.7)
        brush.line([(s * 0.05, -0.50), (s * 0.06, -0.84)], look.line, 0.02, alpha=0.7)
        brush.fill(paw(s * 0.17, -0.97, 0.15), limb, edge=edge, width=0.022)
        toes(brush, look, s * 0.17, -0.95, 0.15)
    neckband(brush, look, [(-0.30, 0.02), (-0.15, -0.07), (0, -0.095), (0.15, -0.07), (0.30, 0.02)])
    high, size = (0.34, 0.46) if look.ears == "prick" else (0.42, 0.5)
    front_head(brush.at(0.0, high, scale=size * rng.uniform(0.95, 1.04), angle=rng.uniform(-14, 14)), look, rng)


def _beside(brush: Brush, look: Look, rng: np.random.Generator) -> None:
    """Sitting in profile, looking ahead."""
    brush = brush.at(-0.08, 0.0)
    wag = rng.uniform(-0.1, 0.1)
    spine = [(-0.36, -0.82), (-0.62, -0.80), (-0.78, -0.60 + wag), (-0.86, -0.36 + wag)]
    if look.tail != "stub":
        paint(
            brush,
            tube(spine, [0.16, 0.15, 0.2 if look.tail in ("plume", "curl") else 0.11, 0.05]),
            look.base,
            ink=look.ink,
            shade=look.shade,
        )
    far = union(capsule((0.30, -0.1), (0.42, -0.86), 0.24, 0.14), paw(0.47, -0.95, 0.13))
    paint(brush, far, darker(look.base, 0.24), ink=look.ink)
    body = smooth(
        [
            (-0.06, 0.36),
            (-0.14, 0.08),
            (-0.36, -0.28),
            (-0.54, -0.62),
            (-0.48, -0.88),
            (-0.1, -0.95),
            (0.16, -0.9),
            (0.36, -0.44),
            (0.44, -0.06),
            (0.34, 0.36),
        ]
    )
    leg = union(
        tube([(0.24, -0.1), (0.27, -0.5), (0.26, -0.84)], [0.36, 0.22, 0.16]),
        paw(0.31, -0.96, 0.14),
        paw(-0.02, -0.96, 0.21),
    )

    def marks() -> None:
        brush.oval(0.42, -0.08, 0.15, 0.40, angle=4, color=look.pale)
        if look.pattern == "saddle":
            brush.fill(
                smooth([(-0.1, 0.3), (0.06, 0.0), (-0.08, -0.4), (-0.4, -0.62), (-0.8, -0.5), (-0.6, 0.2)]), look.mark
            )
        elif look.pattern == "patch":
            blob(brush, look, -0.26, -0.3, 0.26)
        elif look.pattern == "mask":
            brush.oval(0.28, -0.95, 0.24, 0.3, color=look.pale)
        spots(brush, look, (-0.5, -0.85, 0.34, 0.2), 0.05, 5, 6)

    fur: list[Path] = []
    if look.shaggy:
        fur = fringe((0.40, 0.16), (0.38, -0.4), (0.06, -0.13), 7, 0.12) + fringe(
            (-0.2, 0.0), (-0.54, -0.6), (-0.09, -0.09), 8, 0.11
        )
    paint(brush, union(body, leg, *fur), look.base, ink=look.ink, shade=look.shade, marks=marks)
    brush.line([(0.08, -0.88), (0.13, -0.66), (0.0, -0.46), (-0.2, -0.46)], look.line, 0.022, alpha=0.7)
    brush.line([(0.17, -0.3), (0.165, -0.6), (0.175, -0.84)], look.line, 0.02, alpha=0.6)
    toes(brush, look, 0.33, -0.94, 0.13)
    toes(brush, look, 0.06, -0.94, 0.13)
    neckband(brush, look, [(-0.10, 0.20), (0.14, 0.12), (0.36, 0.18)], 0.095)
    size = 0.49 if look.ears == "prick" else 0.55
    side_head(brush.at(0.16, 0.46, scale=size * rng.uniform(0.95, 1.05), angle=rng.uniform(-8, 16)), look)


def _lying(brush: Brush, look: Look, rng: np.random.Generator) -> None:
    """Stretched out from the side, front paws ahead, head up or asleep on them."""
    asleep = chance(rng, 0.3)
    brush = brush.at(0.08, 0.1, scale=0.92)
    tail(brush.at(-0.78, -0.44, scale=0.9, angle=rng.uniform(5, 32)), look, 0.0, 0.0, 0.0)
    body = smooth(
        [
            (-0.88, -0.5),
            (-0.80, -0.16),
            (-0.54, -0.02),
            (-0.2, -0.04),
            (0.12, 0.02),
            (0.36, 0.02),
            (0.48, -0.24),
            (0.46, -0.56),
            (0.2, -0.70),
            (-0.6, -0.71),
        ]
    )
    arm = union(tube([(0.22, -0.36), (0.36, -0.58), (0.66, -0.62), (0.84, -0.62)], [0.34, 0.2, 0.15, 0.15]))
    thigh = union(
        ellipse(-0.56, -0.44, 0.28, 0.27), tube([(-0.5, -0.62), (-0.3, -0.65), (-0.1, -0.65)], [0.14, 0.14, 0.13])
    )
    neck = [] if asleep else [tube([(0.2, -0.2), (0.34, 0.06), (0.36, 0.3)], [0.5, 0.38, 0.34])]
    far = tube([(0.4, -0.5), (0.62, -0.55), (0.92, -0.56)], [0.2, 0.15, 0.14])
    paint(brush, far, darker(look.base, 0.22), ink=look.ink)

    def marks() -> None:
        brush.oval(0.46, -0.22, 0.15, 0.34, color=look.pale)
        if look.pattern == "saddle":
            brush.fill(
                smooth([(-0.95, 0.1), (-0.8, -0.3), (-0.4, -0.26), (0.04, -0.34), (0.2, 0.0), (0.1, 0.4)]), look.mark
            )
        elif look.pattern == "patch":
            blob(brush, look, -0.3, -0.12, 0.26)
        elif look.pattern == "mask":
            brush.oval(0.84, -0.62, 0.22, 0.12, color=look.pale)
        spots(brush, look, (-0.8, -0.7, 0.4, 0.0), 0.05, 7, 4)

    paint(brush, union(body, arm, thigh, *neck), look.base, ink=look.ink, shade=look.shade, marks=marks)
    brush.line([(-0.34, -0.6), (-0.30, -0.4), (-0.44, -0.22), (-0.64, -0.22)], look.line, 0.022, alpha=0.7)
    brush.line([(0.10, -0.34), (0.16, -0.52), (0.3, -0.66)], look.line, 0.02, alpha=0.6)
    for x in (0.86, 0.91):
        brush.line([(x, -0.67), (x + 0.005, -0.60)], look.line, 0.018)
    if asleep:
        side_head(brush.at(0.40, -0.28, scale=0.48, angle=rng.uniform(-8, 0)), look, asleep=True)
    else:
        neckband(brush, look, [(0.14, 0.14), (0.34, 0.05), (0.54, 0.10)])
        side_head(brush.at(0.36, 0.32, scale=rng.uniform(0.47, 0.52), angle=rng.uniform(-10, 12)), look)


def _bowing(brush: Brush, look: Look, rng: np.random.Generator) -> None:
    """The bow of a dog that wants to play: elbows on the ground, rump and tail in the air."""
    brush = brush.at(0.0, 0.04)
    tail(brush.at(-0.60, 0.12, angle=rng.uniform(-10, 25)), look, 0.0, 0.0, rng.uniform(-0.08, 0.08))
    far = union(
        _leg(-0.40, 0.06, -0.93, hind=True), tube([(0.2, -0.6), (0.4, -0.82), (0.84, -0.84)], [0.2, 0.14, 0.13])
    )
    paint(brush, far, darker(look.base, 0.24), ink=look.ink)
    trunk = smooth(
        [
            (-0.68, 0.0),
            (-0.60, 0.2),
            (-0.38, 0.22),
            (-0.1, 0.04),
            (0.16, -0.12),
            (0.36, -0.14),
            (0.46, -0.4),
            (0.36, -0.74),
            (0.12, -0.76),
            (-0.12, -0.48),
            (-0.36, -0.22),
            (-0.6, -0.18),
        ]
    )
    neck = tube([(0.16, -0.36), (0.30, -0.16), (0.32, 0.06)], [0.46, 0.38, 0.32])
    arm = tube([(0.18, -0.5), (0.26, -0.78), (0.5, -0.86), (0.74, -0.87)], [0.34, 0.2, 0.14, 0.15])

    def marks() -> None:
        brush.oval(0.44, -0.36, 0.14, 0.32, color=look.pale)
        if look.pattern == "saddle":
            brush.fill(
                smooth([(-0.75, 0.35), (-0.68, 0.0), (-0.4, -0.06), (-0.04, -0.34), (0.16, -0.2), (0.2, 0.2)]),
                look.mark,
            )
        elif look.pattern == "patch":
            blob(brush, look, -0.2, 0.0, 0.24)
        elif look.pattern == "mask":
            brush.oval(0.76, -0.87, 0.2, 0.12, color=look.pale)
            brush.oval(-0.52, -0.93, 0.2, 0.34, color=look.pale)
        spots(brush, look, (-0.66, -0.75, 0.4, 0.25), 0.05, 6, 5)

    paint(
        brush,
        union(trunk, neck, arm, _leg(-0.52, -0.02, -0.95, hind=True)),
        look.base,
        ink=look.ink,
        shade=look.shade,
        marks=marks,
    )
    brush.line([(0.06, -0.5), (0.12, -0.68), (0.24, -0.84)], look.line, 0.02, alpha=0.6)
    brush.line([(-0.34, 0.04), (-0.29, -0.12), (-0.36, -0.28)], look.line, 0.018, alpha=0.5)
    neckband(brush, look, [(0.12, -0.08), (0.31, -0.16), (0.50, -0.10)])
    side_head(brush.at(0.34, 0.14, scale=rng.uniform(0.46, 0.50), angle=rng.uniform(0, 18)), look)


def _close(brush: Brush, look: Look, rng: np.random.Generator) -> None:
    """The head from the front, from close by, with or without shoulders."""
    if chance(rng, 0.6):
        shoulders = smooth(mirrored([(0, -0.2), (0.4, -0.4), (0.66, -0.94), (0.3, -0.98)]))
        paint(brush, shoulders, look.base, ink=look.ink, shade=look.shade)
        brush.fill(smooth(mirrored([(0, -0.3), (0.28, -0.5), (0.2, -0.8), (0.05, -0.95)])), look.pale)
        neckband(brush, look, [(-0.46, -0.58), (-0.22, -0.69), (0, -0.72), (0.22, -0.69), (0.46, -0.58)], 0.12)
        high, size = (0.06, 0.64) if look.ears == "prick" else (0.16, 0.75)
        front_head(brush.at(0, high, scale=size, angle=rng.uniform(-12, 12)), look, rng)
    else:
        high, size = (-0.12, 0.76) if look.ears == "prick" else (0.02, 0.88 if look.ears == "hang" else 0.8)
        front_head(brush.at(0, high, scale=size, angle=rng.uniform(-14, 14)), look, rng)


def _profile(brush: Brush, look: Look, rng: np.random.Generator) -> None:
    """Head and neck in profile, from close by."""
    neck = smooth(
        [
            (-0.52, 0.2),
            (-0.62, -0.2),
            (-0.86, -0.7),
            (-0.78, -0.95),
            (-0.2, -0.98),
            (0.24, -0.9),
            (0.20, -0.5),
            (0.14, 0.0),
        ]
    )

    def marks() -> None:
        brush.oval(0.24, -0.7, 0.26, 0.5, angle=12, color=look.pale)
        spots(brush, look, (-0.8, -1, 0.2, -0.2), 0.08, 4, 3)

    paint(brush, neck, look.base, ink=look.ink, shade=look.shade, marks=marks)
    neckband(brush, look, [(-0.70, -0.46), (-0.3, -0.58), (0.18, -0.48)], 0.13)
    high, size = (0.08, 0.80) if look.ears == "prick" else (0.2, 0.82)
    side_head(brush.at(-0.20, high, scale=size * rng.uniform(0.96, 1.03), angle=rng.uniform(-4, 12)), look)
