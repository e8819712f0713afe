"""Cars (and, from ``boats.py``, sailboats) as the picture book draws them.

It knows how a car looks from the side, from the front or back, and at a slant (the side and the front of a box, each
drawn through its own affine map); it does not know where on a page it stands, nor what light falls on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from course_lib.picturebook.boats import sailboat
from course_lib.picturebook.canvas import Brush, Color, capsule, darker, ellipse, lighter, mix, polygon, rounded, vary

__all__ = ["car", "sailboat"]

PAINTS: tuple[Color, ...] = (
    (0.86, 0.16, 0.15), (0.95, 0.45, 0.12), (0.98, 0.78, 0.16), (0.30, 0.62, 0.34), (0.15, 0.45, 0.75),
    (0.40, 0.72, 0.86), (0.12, 0.25, 0.47), (0.93, 0.93, 0.92), (0.66, 0.69, 0.72), (0.25, 0.27, 0.31),
    (0.55, 0.14, 0.22), (0.55, 0.80, 0.72), (0.93, 0.60, 0.66), (0.91, 0.84, 0.70), (0.48, 0.36, 0.62),
)  # fmt: skip
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


def _look(rng: np.random.Generator) -> Look:
    paint = vary(rng, PAINTS[rng.integers(len(PAINTS))], 0.02, 0.1, 0.07)
    outlined = rng.random() < 0.4
    ink = mix(darker(paint, 0.72), (0.1, 0.1, 0.14), 0.5)
    two_tone = rng.random() < 0.3
    chrome = bool(rng.random() < 0.5)
    other = PAINTS[rng.integers(len(PAINTS))]
    return Look(
        paint=paint,
        roof=((0.97, 0.96, 0.92) if sum(paint) < 2.3 else vary(rng, other)) if two_tone else lighter(paint, 0.06),
        glass=vary(rng, [(0.68, 0.86, 0.93), (0.45, 0.62, 0.72), (0.25, 0.33, 0.40)][rng.integers(3)], 0.02, 0.08, 0.06),
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


# tail base x, tail roof x, nose roof x, nose base x, roof z, belt z, boot z, bonnet z, nose z, roundness, wheel, pillars
_KINDS: dict[str, tuple[float, ...]] = {
    "saloon": (-0.66, -0.40, 0.12, 0.44, 0.80, 0.47, 0.46, 0.45, 0.38, 0.10, 0.175, -0.12),
    "hatchback": (-0.92, -0.70, 0.16, 0.50, 0.90, 0.51, 0.50, 0.49, 0.40, 0.12, 0.185, -0.20, 0.0),
    "beetle": (-0.80, -0.36, 0.12, 0.36, 0.90, 0.50, 0.44, 0.46, 0.26, 0.30, 0.200, -0.08),
    "estate": (-0.94, -0.84, 0.12, 0.44, 0.80, 0.47, 0.47, 0.46, 0.38, 0.09, 0.175, -0.46, -0.08),
    "jeep": (-0.92, -0.86, 0.22, 0.40, 1.02, 0.58, 0.58, 0.57, 0.52, 0.07, 0.230, -0.46, -0.08),
    "van": (-0.95, -0.92, 0.50, 0.78, 1.10, 0.58, 0.58, 0.52, 0.40, 0.12, 0.185, -0.46, 0.06),
    "pickup": (-0.22, -0.17, 0.22, 0.48, 0.92, 0.52, 0.50, 0.51, 0.45, 0.06, 0.215, 0.9),
    "sports": (-0.74, -0.34, 0.02, 0.40, 0.64, 0.41, 0.42, 0.40, 0.26, 0.12, 0.185, -0.24),
    "roadster": (-0.46, -0.40, 0.12, 0.34, 0.72, 0.45, 0.45, 0.44, 0.34, 0.12, 0.190, 0.9),
    "mini": (-0.80, -0.66, 0.22, 0.46, 0.98, 0.55, 0.52, 0.53, 0.42, 0.15, 0.205, -0.14),
}


def _build(rng: np.random.Generator, kind: str) -> Build:
    xb0, xr0, xr1, xb1, roof, belt, boot, bonnet, nose, soft, wheel, *pillars = _KINDS[kind]
    j = rng.uniform(-1, 1, 8) * 0.03
    roof, belt = roof + j[0] * 1.3, belt + j[1] * 0.6
    boot, bonnet, nose = boot + j[1] * 0.6, bonnet + j[1] * 0.6, nose + j[2]
    tall = rng.uniform(0.95, 1.15)
    sill = 0.115 + 0.35 * (wheel - 0.17)
    tail_x, nose_x = -0.95, 0.95
    hull = (
        (tail_x + 0.02, sill), (tail_x, (sill + boot) / 2), (tail_x + 0.04, boot), (xb0, belt), (xb1, belt),
        (xb1 + 0.06, bonnet), (nose_x - 0.06, nose + j[3] * 0.5), (nose_x, (sill + nose) / 2), (nose_x - 0.02, sill),
    )  # fmt: skip
    radii = (0.04, soft, soft, 0.05, 0.02, 0.08, soft, soft * 0.6, 0.04)
    cabin = ((xb0 + j[4], belt - 0.02), (xr0 + j[4], roof), (xr1 + j[5], roof - 0.01), (xb1 + j[5] * 0.5, belt - 0.02))
    return Build(
        hull=tuple((x, z * tall) for x, z in hull),
        hull_radii=radii,
        cabin=tuple((x, z * tall) for x, z in cabin),
        cabin_radius=soft + rng.uniform(-0.02, 0.04),
        pillars=tuple(p + j[6] for p in pillars),
        wheel=wheel * rng.uniform(0.97, 1.12),
        axles=(-0.60 + j[6], 0.60 + j[7]),
        open_top=kind == "roadster",
    )


# -- the side ---------------------------------------------------------------------------------------------------------
def _half_disc(x: float, z: float, r: float, floor: float) -> Path:
    turn = np.linspace(0, np.pi, 14)
    up = np.stack([x + r * np.cos(turn), z + r * np.sin(turn)], 1)
    return polygon(np.vstack([up, [(x - r, floor), (x + r, floor)]]))


def _wheel(brush: Brush, look: Look, x: float, r: float, turn: float) -> None:
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


def _windows(build: Build) -> list[list[tuple[float, float]]]:
    """The side windows, each (bottom tail, top tail, top nose, bottom nose)."""
    low, high = build.cabin[0][1] + 0.045, build.roof - 0.06
    m = 0.055
    tail = (build.pillar_x(False, low) + m, build.pillar_x(False, high) + m)
    nose = (build.pillar_x(True, low) - m, build.pillar_x(True, high) - m)
    cuts = [p for p in build.pillars if tail[1] + 0.1 < p < nose[1] - 0.05]
    edges = [tail, *[(c, c) for c in cuts], nose]
    panes = []
    for i, (a, b) in enumerate(zip(edges, edges[1:], strict=False)):
        left, right = 0.025 if i else 0.0, 0.025 if i < len(edges) - 2 else 0.0
        panes.append([(a[0] + left, low), (a[1] + left, high), (b[1] - right, high), (b[0] - right, low)])
    return panes


def _cabin_side(brush: Brush, look: Look, build: Build) -> None:
    soft = build.cabin_radius
    brush.fill(rounded(build.cabin, (0.02, soft, soft, 0.02)), look.roof, **look.pen)
    for pane in _windows(build):
        corner = min(0.07, soft * 0.6)
        brush.fill(rounded(pane, (0.03, corner, corner, 0.03)), look.glass, edge=look.seam, width=0.014)
        (x0, z0), (x1, z1), (x2, _), (x3, _) = pane
        if min(x2, x3) - max(x0, x1) > 0.12:
            x, w, lean = max(x0, x1) + 0.03, (min(x2, x3) - max(x0, x1)) * 0.28, 0.05
            shine = [(x, z0 + 0.02), (x + lean, z1 - 0.02), (x + lean + w, z1 - 0.02), (x + w, z0 + 0.02)]
            brush.fill(rounded(shine, 0.01), lighter(look.glass, 0.45), alpha=0.75)


def _hull_side(brush: Brush, rng: np.random.Generator, look: Look, build: Build, *, ends: bool = True) -> None:
    outline = rounded(build.hull, build.hull_radii)
    sill, belt = build.sill, build.cabin[0][1] + 0.02
    brush.fill(outline, look.paint, **look.pen)
    middle = (sill + belt) / 2
    if look.shaded or look.band:
        with brush.inside(outline):
            if look.band:
                brush.fill(polygon([(-1, middle - 0.05), (-1, middle + 0.03), (1, middle + 0.03), (1, middle - 0.05)]), look.band)
            if look.shaded:
                brush.fill(polygon([(-1, 0), (-1, sill + 0.10), (1, sill + 0.10), (1, 0)]), darker(look.paint, 0.22))
                brush.fill(polygon([(-1, belt - 0.085), (-1, belt - 0.045), (1, belt - 0.06), (1, belt - 0.085)]), lighter(look.paint, 0.35))
    panes = _windows(build)
    doors = [0.5 * (a[3][0] + b[0][0]) for a, b in zip(panes, panes[1:], strict=False)]
    front = panes[-1][3][0] - 0.02
    for x in [*(doors[-2:] or [panes[-1][0][0]]), front]:
        brush.line([(x, belt - 0.02), (x, sill + 0.08), (x - 0.02, sill + 0.035)], look.seam, 0.014)
    for x in doors[-1:] + [front]:
        brush.fill(capsule((x - 0.17, belt - 0.11), (x - 0.10, belt - 0.11), 0.026), look.trim if look.chrome else look.seam)
    if look.chrome:
        brush.line([(-0.90, middle), (0.90, middle)], look.trim, 0.018)
    for x in build.axles:
        brush.fill(_half_disc(x, build.wheel, build.wheel * 1.2, sill - 0.005), darker(look.paint, 0.75))
    if ends:
        _side_ends(brush, look, build)
    brush.fill(rounded([(front - 0.02, belt + 0.0), (front - 0.03, belt + 0.08), (front + 0.05, belt + 0.08), (front + 0.06, belt)], 0.025),
               look.trim if look.chrome else look.paint, edge=look.seam, width=0.012)  # fmt: skip


def _side_ends(brush: Brush, look: Look, build: Build) -> None:
    """Lamps and bumpers as the side view shows them."""
    sill = build.sill
    nose, tail = build.hull[6][1], build.hull[2][1]
    if look.round_lamps:
        brush.oval(0.885, nose - 0.09, 0.045, 0.065, color=LAMP, edge=look.trim, width=0.02)
    else:
        brush.fill(rounded([(0.78, nose - 0.06), (0.93, nose - 0.05), (0.94, nose - 0.13), (0.84, nose - 0.12)], 0.03), LAMP, edge=look.seam, width=0.012)
    brush.fill(rounded([(-0.95, tail - 0.17), (-0.94, tail - 0.06), (-0.86, tail - 0.06), (-0.87, tail - 0.17)], 0.03), TAIL, edge=look.seam, width=0.012)
    bumper = look.trim if look.chrome else darker(look.paint, 0.5)
    for side in (-1, 1):
        brush.fill(capsule((side * 0.955, sill + 0.06), (side * 0.84, sill + 0.05), 0.075), bumper, **look.pen)


def _people(brush: Brush, rng: np.random.Generator, look: Look, build: Build) -> None:
    """Seats, a driver perhaps, a steering wheel and a windscreen, for a car without a roof."""
    belt, (xr, zr), (xb, _) = build.cabin[0][1], build.cabin[2], build.cabin[3]
    seat = [(0.45, 0.25, 0.16), (0.85, 0.75, 0.6), (0.2, 0.2, 0.22)][rng.integers(3)]
    for x in (-0.42, -0.10):
        brush.fill(capsule((x + 0.03, belt - 0.06), (x, belt + 0.12), 0.13, 0.11), seat, **look.pen)
    if rng.random() < 0.6:
        skin = vary(rng, [(0.96, 0.80, 0.66), (0.76, 0.54, 0.38), (0.45, 0.29, 0.2)][rng.integers(3)])
        brush.fill(capsule((0.02, belt - 0.08), (0.0, belt + 0.06), 0.20, 0.16), vary(rng, PAINTS[rng.integers(len(PAINTS))]))
        brush.oval(0.0, belt + 0.22, 0.10, 0.11, color=skin, **look.pen)
        brush.fill(_half_disc(-0.01, belt + 0.24, 0.108, belt + 0.24), [(0.2, 0.14, 0.1), (0.8, 0.2, 0.2), (0.9, 0.7, 0.3)][rng.integers(3)])
        brush.oval(0.065, belt + 0.225, 0.014, color=(0.1, 0.08, 0.08))
    brush.line([(0.22, belt - 0.02), (0.16, belt + 0.09)], (0.15, 0.15, 0.16), 0.03)
    brush.fill(polygon([(xb - 0.02, belt), (xr - 0.02, zr - 0.02), (xr + 0.03, zr - 0.02), (xb + 0.05, belt)]), look.glass, edge=look.trim, width=0.02)


def _side(brush: Brush, rng: np.random.Generator) -> None:
    kind = list(_KINDS)[rng.integers(len(_KINDS))]
    look, build = _look(rng), _build(rng, kind)
    extra = rng.integers(7)
    high = build.roof + (0.2 if extra < 3 and not build.open_top and kind != "van" else 0.0)
    brush = brush.at(0, -high / 2)
    if build.open_top:
        _people(brush, rng, look, build)
    else:
        if extra < 3 and kind != "van":
            _roof_load(brush, rng, look, build, int(extra))
        _cabin_side(brush, look, build)
    _hull_side(brush, rng, look, build)
    turn = rng.uniform(0, 2)
    for x in build.axles:
        _wheel(brush, look, x, build.wheel, turn)


def _roof_load(brush: Brush, rng: np.random.Generator, look: Look, build: Build, what: int) -> None:
    z, x0, x1 = build.roof + 0.03, build.cabin[1][0] + 0.06, build.cabin[2][0] - 0.04
    if what == 0:  # a taxi's sign
        middle = (x0 + x1) / 2
        sign = rounded([(middle - 0.11, z - 0.04), (middle - 0.08, z + 0.09), (middle + 0.08, z + 0.09), (middle + 0.11, z - 0.04)], 0.03)
        brush.fill(sign, vary(rng, (1.0, 0.86, 0.35)), edge=look.seam, width=0.014)
        return
    if what == 1:  # suitcases
        x = x0 + 0.02
        while x < x1 - 0.14:
            w, h = rng.uniform(0.14, 0.24), rng.uniform(0.08, 0.15)
            w = min(w, x1 - x)
            case = vary(rng, [(0.55, 0.33, 0.18), (0.75, 0.25, 0.2), (0.2, 0.4, 0.5), (0.85, 0.65, 0.3)][rng.integers(4)])
            brush.fill(rounded([(x, z), (x, z + h), (x + w, z + h), (x + w, z)], 0.025), case, **look.pen)
            brush.line([(x + w * 0.5, z), (x + w * 0.5, z + h)], darker(case, 0.35), 0.02)
            x += w + 0.015
    else:  # a surfboard
        brush.fill(ellipse((x0 + x1) / 2, z + 0.05, (x1 - x0) / 2 + 0.16, 0.05, 1.5), vary(rng, (0.98, 0.9, 0.7), 0.4, 0.3), edge=look.seam, width=0.016)
    brush.line([(x0, z), (x1, z)], darker(CHROME, 0.5), 0.022)
    for x in (x0 + 0.03, x1 - 0.03):
        brush.line([(x, z), (x, z - 0.05)], darker(CHROME, 0.5), 0.022)


# -- the front and the back -------------------------------------------------------------------------------------------
def _face_low(brush: Brush, rng: np.random.Generator, look: Look, half: float, low: float, high: float, rear: bool) -> None:
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
                at = [(-w * 0.85, z + h * t), (w * 0.85, z + h * t)] if style else [(w * t * 1.2, z - h * 0.75), (w * t * 1.2, z + h * 0.75)]
                brush.line(at, look.trim if look.chrome else mix(dark, look.paint, 0.6), 0.014)
        brush.oval(0, z + (tall * 0.25 if style < 2 else 0), size * 0.32, color=CHROME, edge=look.seam, width=0.01)
    else:
        brush.line([(-half * 0.45, z + size), (half * 0.45, z + size)], look.seam, 0.016)
        brush.fill(capsule((-0.06, z + size * 0.3), (0.06, z + size * 0.3), 0.035), look.trim)
    bumper = look.trim if look.chrome else darker(look.paint, 0.5)
    brush.fill(capsule((-half * 0.93, low + tall * 0.20), (half * 0.93, low + tall * 0.20), tall * 0.17), bumper, **look.pen)
    w, h = half * 0.24, tall * 0.085
    plate = [(0.97, 0.97, 0.95), (0.98, 0.85, 0.3)][rng.integers(2)]
    z = low + tall * 0.2
    brush.fill(rounded([(-w, z - h), (-w, z + h), (w, z + h), (w, z - h)], 0.015), plate, edge=(0.3, 0.3, 0.32), width=0.01)
    brush.line([(-w * 0.65, z), (w * 0.65, z)], (0.3, 0.3, 0.35), h * 0.7)


def _front(brush: Brush, rng: np.random.Generator) -> None:
    look, rear = _look(rng), bool(rng.random() < 0.3)
    half, wheel = rng.uniform(0.74, 0.88), rng.uniform(0.20, 0.27)
    sill, belt, roof = 0.16, rng.uniform(0.66, 0.82), rng.uniform(1.2, 1.55)
    top, soft = half * rng.uniform(0.62, 0.86), rng.uniform(0.10, 0.24)
    load = rng.random() < 0.2
    brush = brush.at(0, -(roof + (0.12 if load else 0)) / 2)
    for s in (-1, 1):
        x = s * half * 0.74
        brush.fill(rounded([(x - 0.13, 0), (x - 0.13, wheel * 2), (x + 0.13, wheel * 2), (x + 0.13, 0)], 0.06), RUBBER, **look.pen)
        ear = [(s * half * 0.86, belt + 0.03), (s * (half + 0.05), belt + 0.06), (s * (half + 0.05), belt + 0.19), (s * half * 0.9, belt + 0.17)]
        brush.line([(s * half * 0.8, belt), (s * half * 0.95, belt + 0.09)], look.seam, 0.03)
        brush.fill(rounded(ear, 0.05), look.trim if look.chrome else look.paint, **look.pen)
    if load:
        brush.line([(-top * 0.8, roof + 0.05), (top * 0.8, roof + 0.05)], darker(CHROME, 0.5), 0.03)
        for s in (-0.7, 0.7):
            brush.line([(top * s, roof - 0.03), (top * s, roof + 0.05)], darker(CHROME, 0.5), 0.03)
        case = vary(rng, (0.6, 0.35, 0.2), 0.5)
        brush.fill(rounded([(-top * 0.5, roof + 0.06), (-top * 0.5, roof + 0.2), (top * 0.5, roof + 0.2), (top * 0.5, roof + 0.06)], 0.04), case, **look.pen)
    brush.fill(rounded([(-half * 0.92, belt - 0.05), (-top, roof), (top, roof), (half * 0.92, belt - 0.05)], (0.02, soft, soft, 0.02)), look.roof, **look.pen)
    inset = 0.09
    pane = [(-half * 0.92 + inset, belt + 0.02), (-top + inset * 0.7, roof - 0.11), (top - inset * 0.7, roof - 0.11), (half * 0.92 - inset, belt + 0.02)]
    brush.fill(rounded(pane, (0.05, soft * 0.6, soft * 0.6, 0.05)), look.glass, edge=look.seam, width=0.016)
    for x, w in ((-top * 0.55, 0.16), (-top * 0.55 + 0.22, 0.06)):
        shine = [(x, belt + 0.05), (x + 0.16, roof - 0.15), (x + 0.16 + w, roof - 0.15), (x + w, belt + 0.05)]
        brush.fill(rounded(shine, 0.015), lighter(look.glass, 0.45), alpha=0.75)
    if not rear:
        for x in (-0.25, 0.28):
            brush.line([(x + 0.12, belt + 0.03), (x - 0.12, belt + 0.14)], (0.2, 0.2, 0.22), 0.02)
    body = rounded([(-half + 0.03, sill), (-half, belt - 0.2), (-half * 0.9, belt), (half * 0.9, belt), (half, belt - 0.2), (half - 0.03, sill)],
                   (0.08, 0.12, soft, soft, 0.12, 0.08))  # fmt: skip
    brush.fill(body, look.paint, **look.pen)
    if look.shaded:
        with brush.inside(body):
            brush.fill(polygon([(-1, 0), (-1, sill + 0.13), (1, sill + 0.13), (1, 0)]), darker(look.paint, 0.22))
            brush.fill(ellipse(0, belt + 0.02, half * 0.86, 0.085), lighter(look.paint, 0.28))
    _face_low(brush, rng, look, half, sill, belt - 0.02, rear)


# -- at a slant -------------------------------------------------------------------------------------------------------
def _slant(brush: Brush, rng: np.random.Generator) -> None:
    """Side and face of a box, seen from a little above: the nose comes towards the reader, to the right."""
    kind = ["saloon", "hatchback", "estate", "jeep", "van", "mini", "pickup", "sports"][rng.integers(8)]
    look, build = _look(rng), _build(rng, kind)
    yaw, pitch = np.deg2rad(rng.uniform(28, 50)), np.deg2rad(rng.uniform(8, 17))
    half, lean = rng.uniform(0.40, 0.47), rng.uniform(0.12, 0.26)
    c, s, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    belt = build.cabin[0][1]

    def flat(x: Any, across: Any, z: Any) -> Any:
        """Where the point x along, ``across`` towards the reader and z up lies on the page."""
        return np.stack(np.broadcast_arrays(x * c - across * s, z * cp - (x * s + across * c) * sp), -1)

    size = min(1.9 / (1.9 * c + 2 * half * s), 1.25)
    corners = flat(np.array([-0.95, 0.95, -0.95, 0.95, -0.5, -0.5]), half * np.array([1, -1, -1, 1, -1, 1]), np.array([0, 0, 0, 0, build.roof, build.roof]))
    middle = (corners.min(0) + corners.max(0)) / 2
    page = brush.at(-middle[0] * size, -middle[1] * size, scale=size)

    def width(z: Any) -> Any:
        return half - lean * np.maximum(z - belt, 0)

    # (x, z) -> page for the lower side and the cabin's side, (across, z) -> page for the nose
    side = page.through(Affine2D(np.array([[c, 0, -half * s], [-s * sp, cp, -half * c * sp], [0, 0, 1]])))
    upper = page.through(Affine2D(np.array([[c, lean * s, -(half + lean * belt) * s], [-s * sp, cp + lean * c * sp, -(half + lean * belt) * c * sp], [0, 0, 1]])))
    nose = page.through(Affine2D(np.array([[s, 0, 0.95 * c], [c * sp, cp, -0.95 * s * sp], [0, 0, 1]])))

    for x, across in ((build.axles[1], -half + 0.03), (build.axles[0], -half + 0.03)):
        tyre = flat(x + build.wheel * np.cos(np.linspace(0, 6.28, 24)), across, build.wheel * (1 + np.sin(np.linspace(0, 6.28, 24))))
        page.fill(polygon(tyre), RUBBER)
    floor = flat(np.array([-0.9, 0.93, 0.93, -0.9]), half * np.array([0.95, 0.95, -0.95, -0.95]), build.sill)
    page.fill(polygon(floor), (0.10, 0.10, 0.12))

    def strips(outline: Path, colour: Color) -> None:
        rim = outline.to_polygons(closed_only=False)[0]
        for (x0, z0), (x1, z1) in zip(rim, rim[1:], strict=False):
            dx, dz = x1 - x0, z1 - z0
            length = float(np.hypot(dx, dz))
            if length < 1e-4:
                continue
            facing = (-dz * -1 * s * cp + dx * sp * 1) / length  # outline runs clockwise: the normal is (-dz, dx)
            facing = (-dz * s * cp + dx * sp) / length
            if facing <= 0.0:
                continue
            shade = lighter(colour, 0.22 * dx / length) if dx > 0 else darker(colour, 0.10)
            quad = flat(np.array([x0, x1, x1, x0]), np.array([width(z0), width(z1), -width(z1), -width(z0)]), np.array([z0, z1, z1, z0]))
            page.fill(polygon(np.vstack([quad, quad[:1]])), shade, edge=shade, width=0.012)

    strips(rounded(build.hull, build.hull_radii), look.paint)
    soft = build.cabin_radius
    strips(rounded(build.cabin, (0.02, soft, soft, 0.02)), look.roof)
    z0, z1 = belt + 0.05, build.roof - 0.05
    glass = flat(np.array([build.pillar_x(True, z) for z in (z0, z1, z1, z0)]), np.array([width(z0) - 0.06, width(z1) - 0.05, 0.05 - width(z1), 0.06 - width(z0)]), np.array([z0, z1, z1, z0]))
    page.fill(rounded(glass, 0.03), look.glass, edge=look.seam, width=0.014)
    a, b, d, e = glass
    shine = [a + (e - a) * 0.12 + (b - a) * 0.06, b + (d - b) * 0.22 + (a - b) * 0.06, b + (d - b) * 0.45 + (a - b) * 0.06, a + (e - a) * 0.35 + (b - a) * 0.06]
    page.fill(rounded(shine, 0.01), lighter(look.glass, 0.45), alpha=0.7)
    _cabin_side(upper, look, build)
    _hull_side(side, rng, look, build, ends=False)
    turn = rng.uniform(0, 2)
    for x in build.axles:
        _wheel(side, look, x, build.wheel, turn)
    _face_low(nose, rng, look, half, build.sill, build.hull[6][1] - 0.02, rear=False)


def car(brush: Brush, rng: np.random.Generator) -> None:
    """A car: from the side (ten kinds of body), at a slant, or from the front or back."""
    view = rng.random()
    if view < 0.5:
        _side(brush, rng)
    elif view < 0.8:
        _slant(brush, rng)
    else:
        _front(brush, rng)
