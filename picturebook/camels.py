"""The book's camels: standing, kneeling, in profile and face to face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.path import Path

from picturebook.anatomy import WHITE, chance, eye, fringe, hair, jitter, mirrored, paint, pick, placed, union
from picturebook.canvas import Brush, Color, darker, ellipse, lighter, mix, smooth, tube, vary

_COATS: tuple[Color, ...] = (
    (0.85, 0.67, 0.42), (0.78, 0.58, 0.36), (0.62, 0.43, 0.27), (0.92, 0.80, 0.60), (0.90, 0.70, 0.38), (0.70, 0.50,
        0.33),
    (0.82, 0.60, 0.44),
)  # fmt: skip
_CLOTHS: tuple[Color, ...] = (
    (0.80, 0.18, 0.20), (0.13, 0.42, 0.62), (0.50, 0.18, 0.46), (0.10, 0.52, 0.46), (0.90, 0.50, 0.12), (0.18, 0.22,
        0.50),
)  # fmt: skip
_TRIMS: tuple[Color, ...] = ((0.98, 0.80, 0.30), (0.97, 0.93, 0.84), (0.95, 0.55, 0.20), (0.45, 0.80, 0.78))


@dataclass(frozen=True)
class _Look:
    base: Color
    wool: Color
    muzzle: Color
    ink: Color | None
    shade: float
    humps: int
    cloth: Color | None
    trim: Color
    halter: Color | None
    sleepy: float
    woolly: bool


def _look(rng: np.random.Generator) -> _Look:
    base = vary(rng, pick(rng, _COATS), 0.015, 0.1, 0.07)
    cloth = vary(rng, pick(rng, _CLOTHS), 0.03, 0.1, 0.1) if chance(rng, 0.45) else None
    strap = vary(rng, pick(rng, _CLOTHS), 0.03, 0.1, 0.1)
    return _Look(
        base=base,
        wool=darker(base, rng.uniform(0.22, 0.42)),
        muzzle=lighter(base, rng.uniform(0.2, 0.45)),
        ink=darker(base, rng.uniform(0.5, 0.7)) if chance(rng, 0.45) else None,
        shade=rng.uniform(0.08, 0.2) if chance(rng, 0.7) else 0.0,
        humps=2 if chance(rng, 0.42) else 1,
        cloth=cloth,
        trim=pick(rng, [t for t in _TRIMS if sum(abs(a - b) for a, b in zip(t, cloth or strap, strict=True)) > 0.75]),
        woolly=chance(rng, 0.35),
        halter=strap if chance(rng, 0.75 if cloth else 0.25) else None,
        sleepy=rng.uniform(0.15, 0.5),
    )


def camel(brush: Brush, rng: np.random.Generator) -> None:
    """A camel with one hump or two: standing or walking, kneeling, or a portrait from the side or the front."""
    look = _look(rng)
    pick(rng, (_standing, _standing, _standing, _standing, _kneeling, _kneeling, _profile, _face))(brush, look, rng)


# -- whole camels -----------------------------------------------------------------------------------------------------
_NECKS = {
    "up": ([(0.12, 0.12), (0.38, 0.02), (0.57, 0.14), (0.63, 0.40), (0.62, 0.70)], 0.0),
    "tall": ([(0.12, 0.14), (0.36, 0.06), (0.50, 0.22), (0.53, 0.52), (0.55, 0.80)], 6.0),
    "forward": ([(0.12, 0.12), (0.36, 0.00), (0.57, 0.06), (0.69, 0.26), (0.70, 0.48)], -6.0),
    "low": ([(0.12, 0.15), (0.36, 0.06), (0.54, -0.10), (0.63, -0.32), (0.64, -0.56)], -42.0),
}
_SKULL = smooth(
    [(-0.13, -0.06), (-0.10, 0.09), (0.01, 0.14), (0.12, 0.10), (0.26, 0.04), (0.36, -0.01), (0.39, -0.09),
        (0.34, -0.16),
     (0.25, -0.15), (0.14, -0.15), (0.03, -0.19), (-0.09, -0.18)]
)  # fmt: skip


def _standing(brush: Brush, look: _Look, rng: np.random.Generator) -> None:
    """From the side, on four long legs, walking or still; the head up, ahead or down to the grass."""
    brush = brush.at(-0.08, 0.0)
    stride = rng.uniform(0.18, 0.28) if chance(rng, 0.25) else rng.uniform(0.0, 0.16)
    far = darker(look.base, 0.24)
    legs = [_hind_leg(-0.40, stride), _fore_leg(0.14, -stride * 1.2)]
    paint(brush, union(*legs), far, ink=look.ink)
    _tail(brush, look, rng)
    near = [_hind_leg(-0.50, -stride), _fore_leg(0.27, stride)]
    _trunk(brush, look, rng, near, pick(rng, ("up", "up", "tall", "forward", "low")))
    crease = darker(look.base, 0.28)
    brush.line([(-0.29, -0.06), (-0.28, -0.14), (-0.34, -0.26)], crease, 0.018, alpha=0.7)
    brush.line([(0.14, -0.05), (0.125, -0.12), (0.16, -0.22)], crease, 0.018, alpha=0.7)
    for x, swing in ((-0.50, -stride), (0.27, stride)):
        _toes(brush, x + swing, look)


def _kneeling(brush: Brush, look: _Look, rng: np.random.Generator) -> None:
    """Couched on the ground, legs folded under the body."""
    brush = brush.at(-0.12, -0.28, scale=1.02)
    fold = tube([(0.24, -0.10), (0.50, -0.34), (0.24, -0.40), (0.08, -0.40)], [0.22, 0.17, 0.12, 0.11])
    paint(brush, placed(fold, 0.10, 0.02), darker(look.base, 0.24), ink=look.ink)
    _tail(brush, look, rng, low=-0.32)
    thigh = union(
        ellipse(-0.46, -0.14, 0.25, 0.24, 20),
        tube([(-0.30, -0.26), (-0.42, -0.38), (-0.2, -0.4), (0.02, -0.4)], [0.2, 0.16, 0.11, 0.12]),
    )
    belly = union(ellipse(-0.15, -0.16, 0.42, 0.2), ellipse(0.22, -0.28, 0.17, 0.11))
    _trunk(brush, look, rng, [fold, thigh, belly], pick(rng, ("up", "up", "tall", "forward")))
    crease = darker(look.base, 0.35)
    brush.line([(-0.26, -0.07), (-0.21, -0.18), (-0.32, -0.31)], crease, 0.02, alpha=0.8)
    brush.line([(-0.3, -0.325), (-0.1, -0.34), (0.05, -0.335)], crease, 0.02, alpha=0.8)
    brush.line([(0.2, -0.325), (0.32, -0.31), (0.40, -0.27)], crease, 0.02, alpha=0.8)


def _hind_leg(x: float, swing: float) -> Path:
    bones = [(x, 0.08), (x + 0.04, -0.22), (x - 0.06 + swing * 0.5, -0.47), (x - 0.02 + swing, -0.88)]
    return union(tube(bones, [0.40, 0.26, 0.105, 0.085]), ellipse(x + 0.01 + swing, -0.9, 0.095, 0.06))


def _fore_leg(x: float, swing: float) -> Path:
    bones = [(x, 0.06), (x + 0.01 + swing * 0.3, -0.3), (x + 0.02 + swing * 0.6, -0.48), (x + swing, -0.88)]
    return union(tube(bones, [0.30, 0.14, 0.13, 0.085]), ellipse(x + 0.025 + swing, -0.9, 0.095, 0.06))


def _toes(brush: Brush, x: float, look: _Look) -> None:
    brush.line([(x + 0.06, -0.94), (x + 0.055, -0.89)], darker(look.base, 0.5), 0.018)


def _tail(brush: Brush, look: _Look, rng: np.random.Generator, low: float = -0.25) -> None:
    end = -0.80 + rng.uniform(-0.06, 0.06)
    paint(brush, tube([(-0.62, 0.15), (-0.74, 0.05), (end, low)], [0.07, 0.05, 0.04]), look.base, ink=look.ink)
    brush.fill(
        tube([(end + 0.01, low + 0.06), (end - 0.02, low - 0.08), (end, low - 0.17)], [0.05, 0.10, 0.02]),
        darker(look.wool, 0.2),
    )


def _hump(x: float, width: float, top: float, lean: float) -> Path:
    return smooth(
        [(x - width, 0.12), (x - width * 0.78, 0.36), (x - width * 0.55 + lean / 2, 0.16 + 0.6 * top),
         (x - width * 0.26 + lean, top - 0.03), (x + width * 0.06 + lean, top), (x + width * 0.32 + lean, top - 0.06),
         (x + width * 0.58 + lean / 2, 0.16 + 0.55 * top), (x + width * 0.8, 0.36), (x + width, 0.12)]
    )  # fmt: skip


def _trunk(brush: Brush, look: _Look, rng: np.random.Generator, legs: list[Path], pose: str) -> None:
    """Barrel, hump or humps, neck and head as one silhouette with the near legs, then all that lies on it."""
    barrel = smooth(
        jitter(rng, [(-0.70, 0.08), (-0.64, 0.27), (-0.44, 0.36), (-0.15, 0.38), (0.15, 0.36), (0.34, 0.24),
            (0.40, 0.02),
                     (0.24, -0.15), (-0.08, -0.14), (-0.40, -0.07), (-0.62, -0.10)], 0.012)
    )  # fmt: skip
    lean = rng.uniform(-0.05, 0.05)
    if look.humps == 1:
        places = [(-0.14 + rng.uniform(-0.04, 0.04), rng.uniform(0.32, 0.38), rng.uniform(0.68, 0.82))]
    else:
        places = [
            (-0.38, rng.uniform(0.22, 0.25), rng.uniform(0.62, 0.76)),
            (0.08, rng.uniform(0.22, 0.25), rng.uniform(0.62, 0.76)),
        ]
    humps = [_hump(x, width, top, lean) for x, width, top in places]
    neck, tilt = _NECKS[pose]
    spine = np.asarray(neck) + np.linspace(0, 1, 5)[:, None] * rng.uniform(-0.04, 0.04, 2)
    tilt += rng.uniform(-7, 7)
    poll = (float(spine[-1, 0]) + 0.02, float(spine[-1, 1]) + 0.02)
    throat = tube(spine, [0.42, 0.32, 0.23, 0.18, 0.19])
    head = placed(_SKULL, *poll, 1.0, tilt)
    far_ear = placed(_ear(), poll[0] + 0.03, poll[1], 1.0, tilt)
    paint(brush, far_ear, darker(look.base, 0.3), ink=look.ink)

    def marks() -> None:
        for x, _, top in places:
            brush.oval(x + lean, top, 0.17, 0.17, color=look.wool, alpha=0.55)
            if look.woolly:
                for tuft in fringe((x - 0.15, top - 0.12), (x + 0.17, top - 0.12), (0.0, -0.13), 6, 0.07):
                    brush.fill(tuft, look.wool)
        if look.cloth is not None:
            _cloth(brush, look, look.cloth)

    wool = fringe((0.36, 0.02), (0.16, -0.12), (0.02, -0.12), 6, 0.08) if look.woolly else []
    paint(
        brush, union(barrel, *humps, throat, head, *legs, *wool), look.base, ink=look.ink, shade=look.shade, marks=marks
    )
    brush.fill(tube(spine[1:4] + np.array([0.055, -0.075]), [0.02, 0.06, 0.03]), look.wool)
    for k in range(6):  # the beard under the neck
        x, y = spine[1] + (spine[3] - spine[1]) * k / 5
        brush.fill(hair([(x + 0.05, y - 0.06), (x + 0.07, y - 0.15), (x + 0.05, y - 0.22 + 0.02 * k)], 0.06), look.wool)
    if look.cloth is not None:
        _fringe(brush, look)
        if look.humps == 2:
            brush.fill(
                smooth([(-0.32, 0.52), (-0.15, 0.45), (0.02, 0.52), (0.03, 0.36), (-0.15, 0.31), (-0.33, 0.36)]),
                darker(look.cloth, 0.3),
            )
    _head(brush.at(*poll, angle=tilt), look)


def _cloth(brush: Brush, look: _Look, cloth: Color) -> None:
    """A blanket over the hump, drawn clipped to the silhouette."""
    left, right, low = -0.42, 0.18, 0.02
    brush.fill(smooth([(left, 1.0), (right, 1.0), (right + 0.02, low), (left - 0.02, low)], tension=0.1), cloth)
    for share, color, width in ((0.12, look.trim, 0.05), (0.22, darker(cloth, 0.3), 0.025), (0.55, look.trim, 0.03)):
        y = low + share * 0.5
        brush.line([(left - 0.05, y), ((left + right) / 2, y - 0.03), (right + 0.05, y)], color, width)
    for k in range(5):
        x = left + 0.06 + k * 0.12
        brush.fill(smooth([(x, 0.23), (x + 0.04, 0.17), (x, 0.11), (x - 0.04, 0.17)], tension=0.2), look.trim)


def _fringe(brush: Brush, look: _Look) -> None:
    for k in range(9):
        x = -0.42 + k * 0.075
        brush.line([(x, 0.02), (x, -0.04)], look.trim, 0.026)


def _ear() -> Path:
    return hair([(-0.05, 0.08), (-0.08, 0.15), (-0.13, 0.20)], 0.09)


def _head(brush: Brush, look: _Look) -> None:
    """The details of a head in profile, looking right, on top of the silhouette ``_SKULL``."""
    with brush.inside(_SKULL):
        brush.oval(0.36, -0.12, 0.14, 0.13, color=look.muzzle, alpha=0.8)
        brush.oval(0.02, 0.14, 0.12, 0.06, color=look.wool, alpha=0.7)
    ink = darker(look.base, 0.65)
    brush.fill(_ear(), look.base, edge=look.ink or darker(look.base, 0.3), width=0.018)
    brush.line([(0.385, -0.105), (0.31, -0.10), (0.23, -0.075)], ink, 0.018)
    brush.line([(0.355, -0.025), (0.325, -0.045)], ink, 0.022)
    if look.halter is not None:
        brush.line([(0.20, 0.055), (0.17, -0.05), (0.19, -0.15)], look.halter, 0.03)
        brush.line([(-0.06, 0.1), (-0.02, -0.04), (-0.05, -0.18)], look.halter, 0.03)
        brush.line([(0.17, -0.06), (-0.02, -0.06)], look.halter, 0.026)
        brush.oval(0.17, -0.06, 0.022, color=look.trim)
    eye(brush, 0.095, 0.035, 0.037, iris=(0.25, 0.14, 0.08), pupil=0.5)
    brush.fill(ellipse(0.092, 0.035 + 0.055 * (1 - look.sleepy), 0.05, 0.026, -8), lighter(look.base, 0.08))
    brush.line([(0.04, 0.045), (0.09, 0.075 - 0.05 * look.sleepy), (0.15, 0.045)], ink, 0.016)
    for x in (0.105, 0.13, 0.15):
        brush.line([(x, 0.06), (x + 0.035, 0.085)], ink, 0.011)


# -- portraits --------------------------------------------------------------------------------------------------------
def _profile(brush: Brush, look: _Look, rng: np.random.Generator) -> None:
    """Head and long neck from the side, the hump behind."""
    tilt, scale = rng.uniform(-10, 8), rng.uniform(1.75, 2.0)
    x, y = 0.12, 0.5
    if chance(rng, 0.7):
        back = smooth(
            [(-0.98, -0.95), (-0.95, -0.5), (-0.78, -0.02), (-0.62, 0.02), (-0.45, -0.3), (-0.1, -0.5), (0.1, -0.95)]
        )
        paint(brush, back, darker(look.base, 0.16), ink=look.ink, shade=look.shade)
        brush.oval(-0.70, -0.08, 0.1, 0.08, color=look.wool, alpha=0.5)
    neck = smooth(
        [
            (-0.10, 0.52),
            (-0.13, 0.0),
            (-0.34, -0.5),
            (-0.50, -0.94),
            (0.1, -0.98),
            (0.42, -0.9),
            (0.36, -0.45),
            (0.26, 0.0),
            (0.24, 0.38),
        ]
    )
    head = placed(_SKULL, x, y, scale, tilt)
    paint(brush, placed(_ear(), x + 0.08, y, scale, tilt), darker(look.base, 0.3), ink=look.ink)
    paint(brush, union(neck, head), look.base, ink=look.ink, shade=look.shade)
    for k in range(9):
        px, py = 0.20 + 0.016 * k, 0.20 - k * 0.115
        brush.fill(hair([(px - 0.03, py), (px + 0.03, py - 0.1), (px + 0.015, py - 0.24)], 0.09), look.wool)
    if look.cloth is not None:
        brush.line([(-0.34, -0.52), (0.0, -0.66), (0.36, -0.5)], look.cloth, 0.12)
        for k in range(6):
            share = k / 5
            brush.oval(-0.3 + 0.62 * share, -0.64 - 0.09 * np.sin(np.pi * share), 0.045, color=look.trim)
    _head(brush.at(x, y, scale=scale, angle=tilt), look)


def _face(brush: Brush, look: _Look, rng: np.random.Generator) -> None:
    """Face to face: ears out, heavy lids, long split muzzle, the neck below."""
    if chance(rng, 0.85):
        hump = smooth(mirrored([(0, 0.12), (0.30, 0.04), (0.52, -0.32), (0.68, -0.95)]))
        paint(brush, hump, darker(look.base, 0.2), ink=look.ink, shade=look.shade)
    neck = smooth(mirrored([(0, 0.4), (0.22, 0.2), (0.24, -0.3), (0.36, -0.7), (0.42, -0.95), (0.2, -0.98)]))
    paint(brush, neck, darker(look.base, 0.09), ink=look.ink, shade=look.shade)
    for k in range(8):
        px = -0.21 + 0.06 * k
        brush.fill(hair([(px, -0.42), (px * 1.1, -0.62), (px * 0.9, -0.82 + abs(px))], 0.11), look.wool, alpha=0.75)
    brush = brush.at(0.0, 0.28, scale=rng.uniform(0.94, 1.04), angle=rng.uniform(-8, 8))
    for side in (-1, 1):
        ear = tube([(side * 0.2, 0.36), (side * 0.42, 0.46), (side * 0.56, 0.50)], [0.14, 0.17, 0.04])
        paint(brush, ear, look.base, ink=look.ink)
        brush.fill(
            hair([(side * 0.3, 0.4), (side * 0.42, 0.45), (side * 0.52, 0.48)], 0.08),
            mix(look.muzzle, (0.85, 0.5, 0.45), 0.4),
        )
    face = smooth(
        mirrored(
            [
                (0, 0.58),
                (0.2, 0.53),
                (0.33, 0.32),
                (0.31, 0.05),
                (0.23, -0.16),
                (0.30, -0.34),
                (0.27, -0.54),
                (0.12, -0.64),
            ]
        )
    )

    def marks() -> None:
        brush.oval(0, -0.46, 0.31, 0.24, color=look.muzzle, alpha=0.85)
        brush.oval(0, 0.6, 0.22, 0.12, color=look.wool)

    paint(brush, face, look.base, ink=look.ink, shade=look.shade, marks=marks)
    ink = darker(look.base, 0.65)
    for k in range(7):
        brush.fill(
            hair([((k - 3) * 0.06, 0.55), ((k - 3) * 0.07, 0.63), ((k - 3) * 0.06, 0.68 - abs(k - 3) * 0.02)], 0.09),
            look.wool,
        )
    if look.halter is not None:
        brush.line([(-0.245, -0.14), (0, -0.19), (0.245, -0.14)], look.halter, 0.055)
        for side in (-1, 1):
            brush.line([(side * 0.25, -0.14), (side * 0.335, 0.25)], look.halter, 0.04)
            brush.oval(side * 0.245, -0.14, 0.045, color=look.trim)
    for side in (-1, 1):
        eye(brush, side * 0.22, 0.2, 0.085, iris=(0.28, 0.16, 0.09), pupil=0.55)
        brush.oval(side * 0.22, 0.27 + 0.1 * (1 - look.sleepy), 0.125, 0.1, color=lighter(look.base, 0.12))
        lid = 0.245 - 0.1 * (look.sleepy - 0.2)
        brush.line([(side * 0.11, lid - 0.02), (side * 0.22, lid + 0.02), (side * 0.34, lid - 0.02)], ink, 0.03)
        for k in range(3):
            brush.line(
                [(side * (0.27 + 0.03 * k), lid), (side * (0.33 + 0.03 * k), lid + 0.06 - 0.015 * k)], ink, 0.016
            )
        brush.line([(side * 0.16, -0.32), (side * 0.10, -0.37), (side * 0.06, -0.43)], ink, 0.035)
    brush.line([(0, -0.42), (0, -0.52)], ink, 0.02)
    sag = rng.uniform(-0.03, 0.04)
    brush.line([(-0.22, -0.55 + sag), (-0.1, -0.545), (0, -0.52), (0.1, -0.545), (0.22, -0.55 + sag)], ink, 0.024)
    if chance(rng, 0.35):
        brush.fill(smooth([(-0.07, -0.545), (0.07, -0.545), (0.06, -0.61), (-0.06, -0.61)], tension=0.3), WHITE)
