"""A car at a slant: a box whose side and face are drawn through an affine map each."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from picturebook.canvas import Brush, Color, darker, lighter, polygon, rounded
from picturebook.car_looks import RUBBER, build_of, cabin_side, hull_side, paint_look, wheel
from picturebook.car_views import face_low

__all__ = ["slant_view"]


def slant_view(brush: Brush, rng: np.random.Generator) -> None:
    """Side and face of a box, seen from a little above: the nose comes towards the reader, to the right."""
    kind = ["saloon", "hatchback", "estate", "jeep", "van", "mini", "pickup", "sports"][rng.integers(8)]
    look, build = paint_look(rng), build_of(rng, kind)
    yaw, pitch = np.deg2rad(rng.uniform(28, 50)), np.deg2rad(rng.uniform(8, 17))
    half, lean = rng.uniform(0.40, 0.47), rng.uniform(0.12, 0.26)
    c, s, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    belt = build.cabin[0][1]

    def flat(x: Any, across: Any, z: Any) -> Any:
        """Where the point x along, ``across`` towards the reader and z up lies on the page."""
        return np.stack(np.broadcast_arrays(x * c - across * s, z * cp - (x * s + across * c) * sp), -1)

    size = min(1.9 / (1.9 * c + 2 * half * s), 1.25)
    corners = flat(
        np.array([-0.95, 0.95, -0.95, 0.95, -0.5, -0.5]),
        half * np.array([1, -1, -1, 1, -1, 1]),
        np.array([0, 0, 0, 0, build.roof, build.roof]),
    )
    middle = (corners.min(0) + corners.max(0)) / 2
    page = brush.at(-middle[0] * size, -middle[1] * size, scale=size)

    def width(z: Any) -> Any:
        return half - lean * np.maximum(z - belt, 0)

    # (x, z) -> page for the lower side and the cabin's side, (across, z) -> page for the nose
    side = page.through(Affine2D(np.array([[c, 0, -half * s], [-s * sp, cp, -half * c * sp], [0, 0, 1]])))
    upper = page.through(
        Affine2D(
            np.array(
                [
                    [c, lean * s, -(half + lean * belt) * s],
                    [-s * sp, cp + lean * c * sp, -(half + lean * belt) * c * sp],
                    [0, 0, 1],
                ]
            )
        )
    )
    nose = page.through(Affine2D(np.array([[s, 0, 0.95 * c], [c * sp, cp, -0.95 * s * sp], [0, 0, 1]])))

    for x, across in ((build.axles[1], -half + 0.03), (build.axles[0], -half + 0.03)):
        tyre = flat(
            x + build.wheel * np.cos(np.linspace(0, 6.28, 24)),
            across,
            build.wheel * (1 + np.sin(np.linspace(0, 6.28, 24))),
        )
        page.fill(polygon(tyre), RUBBER)
    floor = flat(np.array([-0.9, 0.93, 0.93, -0.9]), half * np.array([0.95, 0.95, -0.95, -0.95]), build.sill)
    page.fill(polygon(floor), (0.10, 0.10, 0.12))

    def strips(outline: Path, colour: Color) -> None:
        rim = np.asarray(outline.to_polygons(closed_only=False)[0], float)
        quads: list[tuple[Path, Color]] = []
        for (x0, z0), (x1, z1) in pairwise(rim):
            dx, dz = x1 - x0, z1 - z0
            length = float(np.hypot(dx, dz))
            if length < 1e-4:
                continue
            # the outline runs clockwise, so that (-dz, dx) points outwards
            facing = (-dz * s * cp + dx * sp) / length
            if facing <= 0.0:
                continue
            shade = lighter(colour, 0.22 * dx / length) if dx > 0 else darker(colour, 0.10)
            across = np.array([width(z0), width(z1), -width(z1), -width(z0)])
            quad = flat(np.array([x0, x1, x1, x0]), across, np.array([z0, z1, z1, z0]))
            quads.append((polygon(np.vstack([quad, quad[:1]])), shade))
        if look.pen:
            for piece, _ in quads:
                page.line(piece, look.pen["edge"], 2 * look.pen["width"] / size**0.5)
        for piece, shade in quads:
            page.fill(piece, shade, edge=shade, width=0.012)

    strips(rounded(build.hull, build.hull_radii), look.paint)
    soft = build.cabin_radius
    strips(rounded(build.cabin, (0.02, soft, soft, 0.02)), look.roof)
    z0, z1 = belt + 0.05, build.roof - 0.05
    glass = flat(
        np.array([build.pillar_x(True, z) for z in (z0, z1, z1, z0)]),
        np.array([width(z0) - 0.06, width(z1) - 0.05, 0.05 - width(z1), 0.06 - width(z0)]),
        np.array([z0, z1, z1, z0]),
    )
    page.fill(rounded(glass, 0.03), look.glass, edge=look.seam, width=0.014)
    a, b, d, e = glass
    shine = [
        a + (e - a) * 0.12 + (b - a) * 0.06,
        b + (d - b) * 0.22 + (a - b) * 0.06,
        b + (d - b) * 0.45 + (a - b) * 0.06,
        a + (e - a) * 0.35 + (b - a) * 0.06,
    ]
    page.fill(rounded(shine, 0.01), lighter(look.glass, 0.45), alpha=0.7)
    cabin_side(upper, look, build)
    hull_side(side, rng, look, build, ends=False)
    turn = rng.uniform(0, 2)
    for x in build.axles:
        wheel(side, look, x, build.wheel, turn)
    face_low(nose, rng, look, half, build.sill, build.hull[6][1] - 0.02, rear=False)
