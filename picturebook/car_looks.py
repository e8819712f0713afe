"""What makes one car differ from another, its measures and its looks, and the parts that several views share.

It draws the side of a car, piece by piece; it does not know which views there are (``car_views.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.path import Path

from picturebook.canvas import Brush, Color, bar, darker, lighter, mix, polygon, rounded, vary

__all__ = [
    "CHROME",
    "KINDS",
    "LAMP",
    "PAINTS",
    "RUBBER",
    "TAIL",
    "Build",
    "Look",
    "build_of",
    "cabin_side",
    "half_disc",
    "hull_side",
    "paint_look",
    "wheel",
    "windows",
]

PAINTS: tuple[Color, ...] = (
    (0.86, 0.16, 0.15),
    (0.95, 0.45, 0.12),
    (0.98, 0.78, 0.16),
    (0.30, 0.62, 0.34),
    (0.15, 0.45, 0.75),
    (0.40, 0.72, 0.86),
    (0.12, 0.25, 0.47),
    (0.93, 0.93, 0.92),
    (0.66, 0.69, 0.72),
    (0.25, 0.27, 0.31),
    (0.55, 0.14, 0.22),
    (0.55, 0.80, 0.72),
    (0.93, 0.60, 0.66),
    (0.91, 0.84, 0.70),
    (0.48, 0.36, 0.62),
)
CHROME, RUBBER = (0.84, 0.86, 0.88), (0.15, 0.15, 0.17)
LAMP, TAIL = (1.0, 0.95, 0.72), (0.82, 0.10, 0.12)


@dataclass(frozen=True)
class Build:
    """The measures of a car body: x runs from tail (-) to nose (+), z up from the road."""

    hull: tuple[tuple[float, float], ...]  # the lower body, tail bottom to nose bottom
    hull_radii: tuple[float, ...]
    cabin: tuple[tuple[float, float], ...]  # tail base, tail roof, nose roof, nose base
    cabin_radius: float
    pillars: tuple[float, ...]  # where the side windows are divided, x
    wheel: float
    axles: tuple[float, float]
    open_top: bool = False

    @property
    def roof(self) -> float:
        return self.cabin[1][1]

    @property
    def sill(self) -> float:
        return self.hull[0][1]

    def pillar_x(self, nose: bool, z: float) -> float:
        """x of the slanted tail or nose edge of the cabin at height z."""
        (xb, zb), (xr, zr) = (self.cabin[3], self.cabin[2]) if nose else (self.cabin[0], self.cabin[1])
        return xb + (xr - xb) * (z - zb) / (zr - zb)


@dataclass(frozen=True)
class Look:
    """Colours and habits that stay the same whichever way a car is turned."""

    paint: Color
    roof: Color
    glass: Color
    trim: Color
    rim: Color
    seam: Color
    pen: dict[str, Any]
    shaded: bool
    chrome: bool
    round_lamps: bool
    band: Color | None
    rim_style: int
    whitewall: bool


def paint_look(rng: np.random.Generator) -> Look:
    paint = vary(rng, PAINTS[rng.integers(len(PAINTS))], 0.02, 0.1, 0.07)
    outlined = rng.random() < 0.4
    ink = mix(darker(paint, 0.72), (0.1, 0.1, 0.14), 0.5)
    two_tone = rng.random() < 0.3
    chrome = bool(rng.random() < 0.5)
    other = PAINTS[rng.integers(len(PAINTS))]
    return Look(
        paint=paint,
        roof=((0.97, 0.96, 0.92) if sum(paint) < 2.3 else vary(rng, other)) if two_tone else lighter(paint, 0.06),
        glass=vary(
            rng, [(0.68, 0.86, 0.93), (0.45, 0.62, 0.72), (0.25, 0.33, 0.40)][rng.integers(3)], 0.02, 0.08, 0.06
        ),
        trim=CHROME if chrome else darker(paint, 0.62),
        rim=[CHROME, (0.70, 0.72, 0.75), lighter(paint, 0.35), (0.95, 0.95, 0.93)][rng.integers(4)],
        seam=ink if outlined else darker(paint, 0.3),
        pen={"edge": ink, "width": rng.uniform(0.018, 0.034)} if outlined else {},
        shaded=bool(rng.random() < 0.75),
        chrome=chrome,
        round_lamps=bool(rng.random() < 0.55),
        band=((0.97, 0.97, 0.95) if sum(paint) < 2.2 else vary(rng, other)) if rng.random() < 0.22 else None,
        rim_style=int(rng.integers(4)),
        whitewall=bool(rng.random() < 0.15),
    )


# x: tail base, tail roof, nose roof, nose base; z: roof, belt, boot, bonnet, nose; roundness, wheel; x: pillars
KINDS: dict[str, tuple[float, ...]] = {
    "saloon": (-0.66, -0.40, 0.12, 0.44, 0.80, 0.47, 0.46, 0.45, 0.38, 0.10, 0.175, -0.12),
    "hatchback": (-0.92, -0.70, 0.16, 0.50, 0.90, 0.51, 0.50, 0.49, 0.40, 0.12, 0.185, -0.20, 0.0),
    "beetle": (-0.80, -0.36, 0.12, 0.36, 0.92, 0.51, 0.47, 0.49, 0.38, 0.24, 0.195, -0.08),
    "estate": (-0.94, -0.84, 0.12, 0.44, 0.80, 0.47, 0.47, 0.46, 0.38, 0.09, 0.175, -0.46, -0.08),
    "jeep": (-0.92, -0.86, 0.22, 0.40, 1.02, 0.58, 0.58, 0.57, 0.52, 0.07, 0.230, -0.46, -0.08),
    "van": (-0.95, -0.92, 0.50, 0.78, 1.10, 0.58, 0.58, 0.52, 0.40, 0.12, 0.185, -0.46, 0.06),
    "pickup": (-0.22, -0.17, 0.22, 0.48, 0.92, 0.52, 0.50, 0.51, 0.45, 0.06, 0.215, 0.9),
    "sports": (-0.74, -0.34, 0.02, 0.40, 0.68, 0.43, 0.44, 0.42, 0.34, 0.14, 0.185, -0.24),
    "roadster": (-0.46, -0.40, 0.12, 0.34, 0.72, 0.45, 0.45, 0.44, 0.34, 0.12, 0.190, 0.9),
    "mini": (-0.80, -0.66, 0.22, 0.46, 0.98, 0.55, 0.52, 0.53, 0.42, 0.15, 0.205, -0.14),
}


def build_of(rng: np.random.Generator, kind: str) -> Build:
    xb0, xr0, xr1, xb1, roof, belt, boot, bonnet, nose, soft, wheel, *pillars = KINDS[kind]
    j = rng.uniform(-1, 1, 8) * 0.03
    roof, belt = roof + j[0] * 1.3, belt + j[1] * 0.6
    boot, bonnet, nose = boot + j[1] * 0.6, bonnet + j[1] * 0.6, nose + j[2]
    tall = rng.uniform(1.02, 1.26)
    sill = 0.115 + 0.35 * (wheel - 0.17)
    tail_x, nose_x = -0.95, 0.95
    hull = (
        (tail_x + 0.02, sill),
        (tail_x, (sill + boot) / 2),
        (tail_x + 0.04, boot),
        (xb0, belt),
        (xb1, belt),
        (xb1 + 0.06, bonnet),
        (nose_x - 0.06, nose + j[3] * 0.5),
        (nose_x, (sill + nose) / 2),
        (nose_x - 0.02, sill),
    )
    radii = (0.04, soft, soft, 0.05, 0.02, 0.08, soft, soft * 0.6, 0.04)
    cabin = ((xb0 + j[4], belt - 0.02), (xr0 + j[4], roof), (xr1 + j[5], roof - 0.01), (xb1 + j[5] * 0.5, belt - 0.02))
    return Build(
        hull=tuple((x, z * tall) for x, z in hull),
        hull_radii=radii,
        cabin=tuple((x, z * tall) for x, z in cabin),
        cabin_radius=soft + rng.uniform(-0.02, 0.04),
        pillars=tuple(p + j[6] for p in pillars),
        wheel=wheel * rng.uniform(1.0, 1.14),
        axles=(-0.58 + j[6] * 0.7, 0.58 + j[7] * 0.7),
        open_top=kind == "roadster",
    )


# -- the side ---------------------------------------------------------------------------------------------------------
def half_disc(x: float, z: float, r: float, floor: float) -> Path:
    turn = np.linspace(0, np.pi, 14)
    up = np.stack([x + r * np.cos(turn), z + r * np.sin(turn)], 1)
    return polygon(np.vstack([up, [(x - r, floor), (x + r, floor)]]))


def wheel(brush: Brush, look: Look, x: float, r: float, turn: float) -> None:
    brush.oval(x, r, r, color=RUBBER, **look.pen)
    if look.whitewall:
        brush.oval(x, r, r * 0.76, color=(0.95, 0.94, 0.90))
        brush.oval(x, r, r * 0.66, color=RUBBER)
    brush.oval(x, r, r * 0.60, color=look.rim, edge=darker(look.rim, 0.4), width=0.012)
    dark = darker(look.rim, 0.5)
    if look.rim_style == 0:
        for a in turn + np.arange(5) * 2 * np.pi / 5:
            tip = (x + 0.5 * r * np.cos(a), r + 0.5 * r * np.sin(a))
            brush.line([(x, r), tip], dark, r * 0.12)
    elif look.rim_style == 1:
        for a in turn + np.arange(6) * np.pi / 3:
            brush.oval(x + 0.38 * r * np.cos(a), r + 0.38 * r * np.sin(a), r * 0.10, color=dark)
    elif look.rim_style == 2:
        brush.oval(x, r, r * 0.42, color=lighter(look.rim, 0.45))
        brush.oval(x + r * 0.05, r - r * 0.04, r * 0.38, color=darker(look.rim, 0.12))
    else:
        brush.oval(x, r, r * 0.46, color=dark)
        for a in turn + np.arange(4) * np.pi / 4:
            d = np.array([np.cos(a), np.sin(a)]) * 0.5 * r
            brush.line([(x - d[0], r - d[1]), (x + d[0], r + d[1])], look.rim, r * 0.09)
    brush.oval(x, r, r * 0.15, color=lighter(look.rim, 0.3), edge=dark, width=0.008)


def windows(build: Build) -> list[list[tuple[float, float]]]:
    """The side windows, each (bottom tail, top tail, top nose, bottom nose)."""
    low, high = build.cabin[0][1] + 0.045, build.roof - 0.06
    m = 0.055
    tail = (build.pillar_x(False, low) + m, build.pillar_x(False, high) + m)
    nose = (build.pillar_x(True, low) - m, build.pillar_x(True, high) - m)
    cuts = [p for p in build.pillars if tail[1] + 0.1 < p < nose[1] - 0.05]
    edges = [tail, *[(c, c) for c in cuts], nose]
    panes = []
    for i, (a, b) in enumerate(pairwise(edges)):
        left, right = 0.025 if i else 0.0, 0.025 if i < len(edges) - 2 else 0.0
        panes.append([(a[0] + left, low), (a[1] + left, high), (b[1] - right, high), (b[0] - right, low)])
    return panes


def cabin_side(brush: Brush, look: Look, build: Build, *, driver: bool = False) -> None:
    soft = build.cabin_radius
    brush.fill(rounded(build.cabin, (0.02, soft, soft, 0.02)), look.roof, **look.pen)
    panes = windows(build)
    for pane in panes:
        corner = min(0.07, soft * 0.6)
        brush.fill(rounded(pane, (0.03, corner, corner, 0.03)), look.glass, edge=look.seam, width=0.014)
        (x0, z0), (x1, z1), (x2, _), (x3, _) = pane
        room = min(x2, x3) - max(x0, x1)
        if driver and pane == panes[-1] and room > 0.2:
            middle, shadow = (x0 + x1 + x2 + x3) / 4, darker(look.glass, 0.45)
            brush.fill(half_disc(middle, z0, 0.10, z0 + 0.01), shadow)
            brush.oval(middle, z0 + (z1 - z0) * 0.52, 0.062, 0.072, color=shadow)
        if room > 0.12:
            x, w, lean = max(x0, x1) + 0.03, (min(x2, x3) - max(x0, x1)) * 0.28, 0.05
            shine = [(x, z0 + 0.02), (x + lean, z1 - 0.02), (x + lean + w, z1 - 0.02), (x + w, z0 + 0.02)]
            brush.fill(rounded(shine, 0.01), lighter(look.glass, 0.45), alpha=0.75)


def hull_side(brush: Brush, rng: np.random.Generator, look: Look, build: Build, *, ends: bool = True) -> None:
    outline = rounded(build.hull, build.hull_radii)
    sill, belt = build.sill, build.cabin[0][1] + 0.02
    brush.fill(outline, look.paint, **look.pen)
    middle = (sill + belt) / 2
    if look.shaded or look.band:
        with brush.inside(outline):
            if look.band:
                brush.fill(
                    polygon([(-1, middle - 0.05), (-1, middle + 0.03), (1, middle + 0.03), (1, middle - 0.05)]),
                    look.band,
                )
            if look.shaded:
                brush.fill(polygon([(-1, 0), (-1, sill + 0.10), (1, sill + 0.10), (1, 0)]), darker(look.paint, 0.22))
                brush.fill(
                    polygon([(-1, belt - 0.085), (-1, belt - 0.045), (1, belt - 0.06), (1, belt - 0.085)]),
                    lighter(look.paint, 0.35),
                )
    panes = windows(build)
    doors = [0.5 * (a[3][0] + b[0][0]) for a, b in pairwise(panes)]
    front = panes[-1][3][0] - 0.02
    for x in [*(doors[-2:] or [panes[-1][0][0]]), front]:
        brush.line([(x, belt - 0.02), (x, sill + 0.08), (x - 0.02, sill + 0.035)], look.seam, 0.014)
    for x in [*doors[-1:], front]:
        brush.fill(
            bar((x - 0.17, belt - 0.11), (x - 0.10, belt - 0.11), 0.026), look.trim if look.chrome else look.seam
        )
    if look.chrome:
        brush.line([(-0.90, middle), (0.90, middle)], look.trim, 0.018)
    for x in build.axles:
        brush.fill(half_disc(x, build.wheel, build.wheel * 1.16, sill - 0.005), darker(look.paint, 0.75))
    if ends:
        _side_ends(brush, look, build)
    brush.fill(
        rounded(
            [
                (front - 0.02, belt + 0.0),
                (front - 0.03, belt + 0.08),
                (front + 0.05, belt + 0.08),
                (front + 0.06, belt),
            ],
            0.025,
        ),
        look.trim if look.chrome else look.paint,
        edge=look.seam,
        width=0.012,
    )


def _side_ends(brush: Brush, look: Look, build: Build) -> None:
    """Lamps and bumpers as the side view shows them."""
    sill = build.sill
    nose, tail = build.hull[6][1], build.hull[2][1]
    if look.round_lamps:
        brush.oval(0.885, nose - 0.09, 0.045, 0.065, color=LAMP, edge=look.trim, width=0.02)
    else:
        brush.fill(
            rounded([(0.78, nose - 0.06), (0.93, nose - 0.05), (0.94, nose - 0.13), (0.84, nose - 0.12)], 0.03),
            LAMP,
            edge=look.seam,
            width=0.012,
        )
    brush.fill(
        rounded([(-0.95, tail - 0.17), (-0.94, tail - 0.06), (-0.86, tail - 0.06), (-0.87, tail - 0.17)], 0.03),
        TAIL,
        edge=look.seam,
        width=0.012,
    )
    bumper = look.trim if look.chrome else darker(look.paint, 0.5)
    for side in (-1, 1):
        brush.fill(bar((side * 0.945, sill + 0.06), (side * 0.86, sill + 0.06), 0.075), bumper, **look.pen)
