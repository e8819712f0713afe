"""The bee: honey bees and bumble bees, walking, flying, seen from above or from in front.

Built in space once from ``bee_parts.py``; ``small_animals.bee`` chooses the view.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from picturebook.bee_parts import Bee, abdomen, ball, some_bee, wing
from picturebook.canvas import Brush, Color, darker, lighter, vary
from picturebook.solids import Model, View
from picturebook.touches import chance, eye, limb, vec

Array = NDArray[np.float64]


def _wings(model: Model, look: Bee, rng: np.random.Generator, rest: Array, pose: str) -> None:
    """Two pairs: laid back at rest, spread for the view from above, raised in flight."""
    size = rng.uniform(0.78, 0.95)
    wide = rng.uniform(1.0, 1.35)
    beat = rng.uniform(-0.15, 0.2)
    for side in (-1, 1):
        for hind in (True, False):
            root = rest + vec(-0.07 if hind else 0.02, side * 0.1, 0.16)
            if pose == "rest":
                along = np.array([-1.0, side * (0.5 if hind else 0.62), 0.16 if hind else 0.3 + beat])
                across = np.array([0.55, side * 0.8, 0.5])
            elif pose == "spread":
                along = np.array([-0.75 if hind else -0.12 + beat, side * 1.0, 0.12 if hind else 0.2])
                across = np.array([1.0, side * (0.7 if hind else 0.15), 0.0])
            else:
                along = np.array([-0.8 if hind else -0.35 + beat, side * 0.42, 0.75 if hind else 1.0])
                across = np.array([1.0, 0.0, 0.7 if hind else 0.3])
            wing(model, look, root, along, across, size * (0.68 if hind else 1.0), wide)


def _limbs(model: Model, look: Bee, rng: np.random.Generator, rest: Array, flying: bool) -> None:
    """Six legs, the hind pair with pollen now and then, and two elbowed antennae."""
    view = model.view
    pollen = vary(rng, (0.98, 0.62, 0.12), 0.03) if chance(rng, 0.5) else None
    swing = rng.uniform(-0.06, 0.06)
    thick = rng.uniform(0.04, 0.055)
    color = look.dark
    for side in (-1, 1):
        for pair, (hip, knee, foot) in enumerate(((0.12, 0.24, 0.3), (0.0, 0.02, 0.0), (-0.1, -0.26, -0.42))):
            jig = swing * (1 if (pair + (side > 0)) % 2 else -1) + rng.uniform(-0.03, 0.03)
            if flying:
                path = np.array(
                    [
                        [hip, side * 0.08, -0.12],
                        [knee * 0.8 + jig, side * 0.2, -0.3],
                        [foot * 0.8 - 0.1 + jig, side * 0.18, -0.5],
                        [foot * 0.8 - 0.17 + jig, side * 0.17, -0.56],
                    ]
                )
            else:
                path = np.array(
                    [
                        [hip, side * 0.1, -0.08],
                        [knee + jig, side * 0.32, 0.0],
                        [foot + jig, side * 0.44, -0.34],
                        [foot + 0.07 + jig, side * 0.47, -0.4],
                    ]
                )
            joints = view.flat(rest + path)
            far = view.depth(path[1]) < 0
            load = pollen if pair == 2 else None

            def paint(brush: Brush, joints: Array = joints, far: bool = far, load: Color | None = load) -> None:
                shade = darker(color, 0.35) if far else color
                brush.fill(limb(joints, [thick, thick * 1.15, thick * 0.8, thick * 0.5]), shade)
                if load is not None:
                    x, y = joints[1] * 0.5 + joints[2] * 0.5
                    brush.oval(
                        x,
                        y,
                        0.07,
                        0.085,
                        color=darker(load, 0.25) if far else load,
                        edge=look.ink.edge,
                        width=look.ink.width,
                    )

            model.add(view.depth(rest + path[1]) - 0.02, paint, joints)


def _face(model: Model, look: Bee, rng: np.random.Generator, head: Array, radii: Array) -> None:
    view = model.view
    droop = rng.uniform(-0.1, 0.1)
    for side in (-1, 1):
        spot = head + np.array([0.38, side * 0.72, 0.22]) * radii
        x, y, rx, ry, angle = view.ellipsoid(spot, radii * [0.42, 0.3, 0.62], 0, side * 20)
        if look.iris is not None:
            x, y = view.flat(head + np.array([0.6, side * 0.66, 0.2]) * radii)

        def paint(brush: Brush, shape: tuple[float, ...] = (float(x), float(y), rx, ry, angle)) -> None:
            if look.iris is not None:
                eye(brush, shape[0], shape[1], 0.078, iris=look.iris, rim=darker(look.dark, 0.4))
                return
            brush.oval(
                shape[0],
                shape[1],
                shape[2],
                shape[3],
                angle=shape[4],
                color=(0.07, 0.06, 0.08),
                edge=lighter(look.dark, 0.25),
                width=0.012,
            )
            brush.oval(
                shape[0] + shape[2] * 0.1, shape[1] + shape[3] * 0.4, shape[3] * 0.3, color=(1.0, 1.0, 1.0), alpha=0.85
            )

        model.add(view.depth(spot) + 0.02, paint, (x, y))
        root = head + np.array([0.8, side * 0.3, 0.45]) * radii
        feeler = view.flat(
            np.array(
                [
                    root,
                    root + vec(0.1, side * 0.06, 0.14),
                    root + vec(0.22, side * 0.12, 0.13 + droop),
                    root + vec(0.32, side * 0.15, 0.04 + droop),
                ]
            )
        )

        def antenna(brush: Brush, feeler: Array = feeler) -> None:
            brush.fill(limb(feeler, [0.03, 0.034, 0.04, 0.054]), look.dark)

        model.add(view.depth(root), antenna, feeler)


def build(brush: Brush, rng: np.random.Generator, view: View, pose: str) -> None:
    """One bee seen from ``view``; ``pose`` is "rest", "spread" or "raised" and says where the wings are."""
    look = some_bee(rng)
    model = Model(view)
    rest = np.zeros(3)
    flying = pose == "raised"
    bend = rng.uniform(-10, 10)
    tilt = rng.uniform(8, 26) if flying else rng.uniform(-4, 10)
    chest = look.plump * rng.uniform(0.88, 1.02)
    length = look.plump * rng.uniform(1.9, 2.3) if look.furry > 0.03 else look.plump * rng.uniform(2.7, 3.2)
    radii = np.array([0.16, 0.17, 0.17]) * rng.uniform(0.95, 1.15) * (1.1 if look.furry > 0.03 else 1.0)
    head = np.array([chest * 0.92 + radii[0] * 0.7, 0, -0.03])
    _limbs(model, look, rng, rest, flying)
    abdomen(model, look, rng, np.array([-chest * 0.75, 0, -0.02]), length, tilt, bend)
    ball(model, look, rng, look.thorax, rest, np.array([chest, chest * 0.95, chest * 0.92]), 0, 0, 0.05)
    ball(model, look, rng, look.head, head, radii, 0, 0, 0.022)
    _face(model, look, rng, head, radii)
    _wings(model, look, rng, rest, pose)
    model.paint(brush, rng.uniform(1.82, 1.95))
