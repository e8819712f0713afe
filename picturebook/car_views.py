"""The flat views of a car: from the side, and from the front or the back. At a slant: ``car_slant.py``."""

from __future__ import annotations

import numpy as np

from picturebook.canvas import Brush, bar, darker, ellipse, lighter, mix, polygon, rounded, vary
from picturebook.car_looks import (
    CHROME,
    KINDS,
    LAMP,
    PAINTS,
    RUBBER,
    TAIL,
    Build,
    Look,
    build_of,
    cabin_side,
    half_disc,
    hull_side,
    paint_look,
    wheel,
)

__all__ = ["face_low", "front_view", "side_view"]


def _people(brush: Brush, rng: np.random.Generator, look: Look, build: Build) -> None:
    """Seats, a driver perhaps, a steering wheel and a windscreen, for a car without a roof."""
    belt, (xr, zr), (xb, _) = build.cabin[0][1], build.cabin[2], build.cabin[3]
    seat = [(0.45, 0.25, 0.16), (0.85, 0.75, 0.6), (0.2, 0.2, 0.22)][rng.integers(3)]
    for x in (-0.42, -0.10):
        brush.fill(bar((x + 0.03, belt - 0.06), (x, belt + 0.12), 0.13, 0.11), seat, **look.pen)
    if rng.random() < 0.6:
        skin = vary(rng, [(0.96, 0.80, 0.66), (0.76, 0.54, 0.38), (0.45, 0.29, 0.2)][rng.integers(3)])
        brush.fill(
            bar((0.02, belt - 0.08), (0.0, belt + 0.06), 0.20, 0.16), vary(rng, PAINTS[rng.integers(len(PAINTS))])
        )
        brush.oval(0.0, belt + 0.22, 0.10, 0.11, color=skin, **look.pen)
        brush.fill(
            half_disc(-0.01, belt + 0.24, 0.108, belt + 0.24),
            [(0.2, 0.14, 0.1), (0.8, 0.2, 0.2), (0.9, 0.7, 0.3)][rng.integers(3)],
        )
        brush.oval(0.065, belt + 0.225, 0.014, color=(0.1, 0.08, 0.08))
    brush.line([(0.22, belt - 0.02), (0.16, belt + 0.09)], (0.15, 0.15, 0.16), 0.03)
    brush.fill(
        polygon([(xb - 0.02, belt), (xr - 0.02, zr - 0.02), (xr + 0.03, zr - 0.02), (xb + 0.05, belt)]),
        look.glass,
        edge=look.trim,
        width=0.02,
    )


def side_view(brush: Brush, rng: np.random.Generator) -> None:
    kind = list(KINDS)[rng.integers(len(KINDS))]
    look, build = paint_look(rng), build_of(rng, kind)
    extra = int(rng.integers(7))
    loaded = extra < 3 and kind not in ("van", "pickup", "roadster")
    high = build.roof + (0.2 if loaded else 0.0)
    brush = brush.at(0, -high / 2)
    if build.open_top:
        _people(brush, rng, look, build)
    else:
        if loaded:
            _roof_load(brush, rng, look, build, extra)
        cabin_side(brush, look, build, driver=bool(rng.random() < 0.35))
    hull_side(brush, rng, look, build)
    turn = rng.uniform(0, 2)
    for x in build.axles:
        wheel(brush, look, x, build.wheel, turn)


def _roof_load(brush: Brush, rng: np.random.Generator, look: Look, build: Build, what: int) -> None:
    z, x0, x1 = build.roof + 0.03, build.cabin[1][0] + 0.06, build.cabin[2][0] - 0.04
    if what == 0:  # a taxi's sign
        middle = (x0 + x1) / 2
        sign = rounded(
            [
                (middle - 0.11, z - 0.04),
                (middle - 0.08, z + 0.09),
                (middle + 0.08, z + 0.09),
                (middle + 0.11, z - 0.04),
            ],
            0.03,
        )
        brush.fill(sign, vary(rng, (1.0, 0.86, 0.35)), edge=look.seam, width=0.014)
        return
    if what == 1:  # suitcases
        x = x0 + 0.02
        while x < x1 - 0.14:
            w, h = rng.uniform(0.14, 0.24), rng.uniform(0.08, 0.15)
            w = min(w, x1 - x)
            case = vary(
                rng, [(0.55, 0.33, 0.18), (0.75, 0.25, 0.2), (0.2, 0.4, 0.5), (0.85, 0.65, 0.3)][rng.integers(4)]
            )
            brush.fill(rounded([(x, z), (x, z + h), (x + w, z + h), (x + w, z)], 0.025), case, **look.pen)
            brush.line([(x + w * 0.5, z), (x + w * 0.5, z + h)], darker(case, 0.35), 0.02)
            x += w + 0.015
    else:  # a surfboard
        brush.fill(
            ellipse((x0 + x1) / 2, z + 0.05, (x1 - x0) / 2 + 0.16, 0.05, 1.5),
            vary(rng, (0.98, 0.9, 0.7), 0.4, 0.3),
            edge=look.seam,
            width=0.016,
        )
    brush.line([(x0, z), (x1, z)], darker(CHROME, 0.5), 0.022)
    for x in (x0 + 0.03, x1 - 0.03):
        brush.line([(x, z), (x, z - 0.05)], darker(CHROME, 0.5), 0.022)


# -- the front and the back -------------------------------------------------------------------------------------------
def face_low(
    brush: Brush, rng: np.random.Generator, look: Look, half: float, low: float, high: float, rear: bool
) -> None:
    """Lamps, grille, plate and bumper between heights ``low`` and ``high`` of a face ``half`` wide each side."""
    tall = high - low
    z = low + tall * 0.62
    size = min(tall * 0.24, half * 0.2)
    glow, rim = (TAIL, darker(TAIL, 0.4)) if rear else (LAMP, look.trim if look.chrome else look.seam)
    for s in (-1, 1):
        if look.round_lamps:
            brush.oval(s * half * 0.72, z, size, color=glow, edge=rim, width=0.024)
            brush.oval(s * half * 0.72 - size * 0.25, z + size * 0.28, size * 0.32, color=lighter(glow, 0.7))
        else:
            x0, x1 = s * half * 0.93, s * half * 0.55
            lamp = [(x0, z + size * 0.9), (x1, z + size * 0.45), (x1, z - size * 0.45), (x0, z - size * 0.6)]
            brush.fill(rounded(lamp, size * 0.4), glow, edge=rim, width=0.018)
            brush.fill(ellipse(s * half * 0.77, z + size * 0.18, size * 0.4, size * 0.18), lighter(glow, 0.7))
    if not rear:
        style = rng.integers(3)
        w, h = half * rng.uniform(0.34, 0.48), tall * rng.uniform(0.11, 0.17)
        dark = darker(look.paint, 0.78)
        box = [(-w, z - h), (-w * 1.05, z + h), (w * 1.05, z + h), (w, z - h)]
        if style < 2:
            brush.fill(rounded(box, h * (0.4 if style else 1.0)), dark, edge=rim, width=0.02)
            for t in np.linspace(-0.5, 0.5, 3):
                at = (
                    [(-w * 0.85, z + h * t), (w * 0.85, z + h * t)]
                    if style
                    else [(w * t * 1.2, z - h * 0.75), (w * t * 1.2, z + h * 0.75)]
                )
                brush.line(at, look.trim if look.chrome else mix(dark, look.paint, 0.6), 0.014)
        brush.oval(0, z + (tall * 0.25 if style < 2 else 0), size * 0.32, color=CHROME, edge=look.seam, width=0.01)
    else:
        brush.line([(-half * 0.45, z + size), (half * 0.45, z + size)], look.seam, 0.016)
        brush.fill(bar((-0.06, z + size * 0.3), (0.06, z + size * 0.3), 0.035), look.trim)
    bumper = look.trim if look.chrome else darker(look.paint, 0.5)
    brush.fill(
        bar((-half * 0.93, low + tall * 0.20), (half * 0.93, low + tall * 0.20), tall * 0.17), bumper, **look.pen
    )
    w, h = half * 0.24, tall * 0.085
    plate = [(0.97, 0.97, 0.95), (0.98, 0.85, 0.3)][rng.integers(2)]
    z = low + tall * 0.2
    brush.fill(
        rounded([(-w, z - h), (-w, z + h), (w, z + h), (w, z - h)], 0.015), plate, edge=(0.3, 0.3, 0.32), width=0.01
    )
    brush.line([(-w * 0.65, z), (w * 0.65, z)], (0.3, 0.3, 0.35), h * 0.7)


def front_view(brush: Brush, rng: np.random.Generator) -> None:
    look, rear = paint_look(rng), bool(rng.random() < 0.3)
    half, wheel = rng.uniform(0.74, 0.88), rng.uniform(0.20, 0.27)
    sill, belt, roof = 0.16, rng.uniform(0.66, 0.82), rng.uniform(1.2, 1.55)
    top, soft = half * rng.uniform(0.62, 0.86), rng.uniform(0.10, 0.24)
    load = rng.random() < 0.2
    brush = brush.at(0, -(roof + (0.12 if load else 0)) / 2)
    for s in (-1, 1):
        x = s * half * 0.74
        brush.fill(
            rounded([(x - 0.13, 0), (x - 0.13, wheel * 2), (x + 0.13, wheel * 2), (x + 0.13, 0)], 0.06),
            RUBBER,
            **look.pen,
        )
        ear = [
            (s * half * 0.86, belt + 0.03),
            (s * (half + 0.05), belt + 0.06),
            (s * (half + 0.05), belt + 0.19),
            (s * half * 0.9, belt + 0.17),
        ]
        brush.line([(s * half * 0.8, belt), (s * half * 0.95, belt + 0.09)], look.seam, 0.03)
        brush.fill(rounded(ear, 0.05), look.trim if look.chrome else look.paint, **look.pen)
    if load:
        brush.line([(-top * 0.8, roof + 0.05), (top * 0.8, roof + 0.05)], darker(CHROME, 0.5), 0.03)
        for s in (-1, 1):
            brush.line([(0.7 * top * s, roof - 0.03), (0.7 * top * s, roof + 0.05)], darker(CHROME, 0.5), 0.03)
        case = vary(rng, (0.6, 0.35, 0.2), 0.5)
        brush.fill(
            rounded(
                [
                    (-top * 0.5, roof + 0.06),
                    (-top * 0.5, roof + 0.2),
                    (top * 0.5, roof + 0.2),
                    (top * 0.5, roof + 0.06),
                ],
                0.04,
            ),
            case,
            **look.pen,
        )
    brush.fill(
        rounded(
            [(-half * 0.92, belt - 0.05), (-top, roof), (top, roof), (half * 0.92, belt - 0.05)],
            (0.02, soft, soft, 0.02),
        ),
        look.roof,
        **look.pen,
    )
    inset = 0.09
    pane = [
        (-half * 0.92 + inset, belt + 0.02),
        (-top + inset * 0.7, roof - 0.11),
        (top - inset * 0.7, roof - 0.11),
        (half * 0.92 - inset, belt + 0.02),
    ]
    brush.fill(rounded(pane, (0.05, soft * 0.6, soft * 0.6, 0.05)), look.glass, edge=look.seam, width=0.016)
    for x, w in ((-top * 0.55, 0.16), (-top * 0.55 + 0.22, 0.06)):
        shine = [(x, belt + 0.05), (x + 0.16, roof - 0.15), (x + 0.16 + w, roof - 0.15), (x + w, belt + 0.05)]
        brush.fill(rounded(shine, 0.015), lighter(look.glass, 0.45), alpha=0.75)
    if not rear:
        for x in (-0.25, 0.28):
            brush.line([(x + 0.12, belt + 0.03), (x - 0.12, belt + 0.14)], (0.2, 0.2, 0.22), 0.02)
    body = rounded(
        [
            (-half + 0.03, sill),
            (-half, belt - 0.2),
            (-half * 0.9, belt),
            (half * 0.9, belt),
            (half, belt - 0.2),
            (half - 0.03, sill),
        ],
        (0.08, 0.12, soft, soft, 0.12, 0.08),
    )
    brush.fill(body, look.paint, **look.pen)
    if look.shaded:
        with brush.inside(body):
            brush.fill(polygon([(-1, 0), (-1, sill + 0.13), (1, sill + 0.13), (1, 0)]), darker(look.paint, 0.22))
            brush.fill(ellipse(0, belt + 0.02, half * 0.86, 0.085), lighter(look.paint, 0.28))
    face_low(brush, rng, look, half, sill, belt - 0.02, rear)
