"""The ant, built in space once and looked at from the side, from above and from in front.

Three segments, six jointed legs, elbowed antennae. ``small_animals.ant`` chooses the view.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from picturebook.canvas import Brush, Color, darker, ellipse, lighter, mix, smooth, vary
from picturebook.solids import Model, View, outline_of
from picturebook.touches import Ink, chance, eye, ink, limb, pick, polyline, vec

Array = NDArray[np.float64]

BODIES: tuple[tuple[Color, Color], ...] = (  # head and gaster, thorax
    ((0.11, 0.10, 0.13), (0.14, 0.12, 0.15)),
    ((0.16, 0.13, 0.13), (0.20, 0.16, 0.15)),
    ((0.30, 0.16, 0.09), (0.38, 0.20, 0.11)),
    ((0.42, 0.21, 0.09), (0.52, 0.28, 0.12)),
    ((0.70, 0.17, 0.09), (0.76, 0.22, 0.11)),
    ((0.80, 0.30, 0.12), (0.84, 0.38, 0.16)),
    ((0.17, 0.11, 0.11), (0.72, 0.22, 0.11)),
    ((0.14, 0.12, 0.13), (0.55, 0.27, 0.12)),
)


@dataclass(frozen=True)
class Ant:
    """What one ant looks like."""

    body: Color
    thorax: Color
    limb: Color
    ink: Ink
    stout: float
    leg: float
    iris: Color | None
    bands: int


def some_ant(rng: np.random.Generator) -> Ant:
    body, thorax = pick(rng, BODIES)
    body, thorax = vary(rng, body, 0.015, 0.08, 0.06), vary(rng, thorax, 0.015, 0.08, 0.06)
    dark = sum(body) < 0.9
    limb = mix(darker(thorax, 0.25), body, rng.uniform(0, 0.6))
    finish = ink(rng, body, 0.45)
    iris = None if chance(rng, 0.45) else pick(rng, ((1.0, 1.0, 1.0), (1.0, 0.97, 0.86)))
    if dark and iris is None:
        iris = mix(body, (0.75, 0.72, 0.70), 0.65)
    return Ant(
        body,
        thorax,
        limb,
        finish,
        float(rng.uniform(0.86, 1.15)),
        float(rng.uniform(0.85, 1.2)),
        iris,
        int(rng.integers(0, 4)),
    )


def _segment(
    model: Model, look: Ant, color: Color, centre: Array, radii: Array, tilt: float, turn: float, bands: int = 0
) -> None:
    """One rounded body segment with its shine, and ``bands`` rings round its rear."""
    view = model.view
    shape = view.ellipsoid(centre, radii, tilt, turn)
    outline, box = outline_of(shape)
    x, y, rx, ry, angle = shape
    rings = (
        [_ring(view, centre, radii, tilt, turn, share) for share in np.linspace(0.15, -0.72, bands)] if bands else []
    )

    def paint(brush: Brush) -> None:
        brush.fill(outline, darker(color, 0.28) if look.ink.shaded else color, edge=look.ink.edge, width=look.ink.width)
        if look.ink.shaded:
            brush.oval(x - 0.03 * rx, y + 0.09 * ry, rx * 0.92, ry * 0.87, angle=angle, color=color)
            brush.oval(x - 0.06 * rx, y + 0.24 * ry, rx * 0.72, ry * 0.58, angle=angle, color=lighter(color, 0.13))
        for curve in rings:
            brush.line(curve, darker(color, 0.4) if sum(color) > 0.75 else lighter(color, 0.28), 0.022)
        a = np.deg2rad(angle)
        across = np.array([-np.sin(a), np.cos(a)])
        dx, dy = across * ry * 0.52
        brush.oval(x + dx - 0.12 * rx, y + dy, rx * 0.34, ry * 0.13, angle=angle, color=(1.0, 1.0, 1.0), alpha=0.42)

    model.add(view.depth(centre), paint, box)


def _ring(view: View, centre: Array, radii: Array, tilt: float, turn: float, share: float) -> Array:
    """The visible half of the circle round an ellipsoid at ``share`` (-1 to 1) of its axis, (n, 2)."""
    phi = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    r = np.sqrt(1 - share**2) * 0.985
    unit = np.stack([np.full_like(phi, share), r * np.cos(phi), r * np.sin(phi)], 1)
    frame = View.frame(tilt, turn)
    facing = (unit / radii) @ frame.T @ view.matrix[2] > 0.0
    start = int(np.argmax(facing & ~np.roll(facing, 1)))
    order = np.roll(np.arange(40), -start)
    keep = order[facing[order]]
    return view.flat(centre + (unit[keep] * radii) @ frame.T) if len(keep) > 2 else view.flat(centre + unit[:3] * 1e-3)


def _limb(model: Model, look: Ant, joints: Array, widths: tuple[float, ...], shade: float, nearer: float) -> None:
    """A jointed limb through ``joints`` (n, 3): tapering pieces with a knob at every knee."""
    view = model.view
    flat = view.flat(joints)
    color = darker(look.limb, shade)
    outline = limb(flat, widths)
    top, knee = flat[0], flat[1]
    gleam = polyline([top + (knee - top) * 0.25, top + (knee - top) * 0.85])

    def paint(brush: Brush) -> None:
        if look.ink.edge is not None:
            brush.fill(outline, color, edge=look.ink.edge, width=look.ink.width * 1.6)
        brush.fill(outline, color)
        brush.line(gleam, lighter(color, 0.35), widths[1] * 0.22)

    model.add(view.depth(joints[:2].mean(0)) + nearer, paint, flat)


def _legs(model: Model, look: Ant, rng: np.random.Generator, rest: Array, raised: float) -> None:
    """Six legs: the middle pair of one side steps with the outer pairs of the other."""
    stride = rng.uniform(0.02, 0.13)
    thick = 0.08 * look.stout
    reach = look.leg
    for side in (-1, 1):
        for pair, (hip, knee, foot) in enumerate(((0.2, 0.46, 0.76), (0.07, 0.1, 0.04), (-0.08, -0.4, -0.86))):
            step = stride * (1 if (pair % 2 == 0) == (side > 0) else -1) + rng.uniform(-0.03, 0.03)
            wide = (0.5, 0.62, 0.55)[pair] * reach
            end = np.array([foot * (0.85 + 0.15 * reach) + step, side * wide, 0.0])
            joints = np.array(
                [
                    rest + vec(hip, side * 0.09, -0.05),
                    [
                        rest[0] + knee + 0.6 * step,
                        rest[1] + side * wide * 0.5,
                        rest[2] + raised * rng.uniform(0.85, 1.15),
                    ],
                    end + vec(-0.05 * np.sign(foot - 0.08), -side * 0.08, 0.06),
                    end + vec(0.1 if pair < 2 else -0.06, side * 0.07, 0.0),
                ]
            )
            far = model.view.depth(joints[1]) < model.view.depth(rest)
            _limb(
                model,
                look,
                joints,
                (thick, thick * 1.05, thick * 0.62, thick * 0.42),
                0.3 if far else 0.0,
                0.0 if far else 0.12,
            )


def _antennae(model: Model, look: Ant, rng: np.random.Generator, head: Array, forward: Array) -> None:
    lift = rng.uniform(0.1, 0.34)
    for side in (-1, 1):
        open_ = rng.uniform(0.16, 0.34)
        root = head + forward * 0.13 + [0, side * 0.07, 0.09]
        elbow = root + forward * 0.1 + [0, side * open_ * 0.8, lift]
        tip = elbow + forward * rng.uniform(0.3, 0.42) + [0, side * rng.uniform(0.0, 0.18), rng.uniform(-0.3, 0.02)]
        flat = model.view.flat(np.array([root, elbow, elbow * 0.45 + tip * 0.55 + [0, 0, 0.02], tip]))
        color = darker(look.limb, 0.0 if side < 0 else 0.2)

        def paint(brush: Brush, flat: Array = flat, color: Color = color) -> None:
            brush.fill(limb(flat, [0.04, 0.044, 0.05, 0.062]), color)

        model.add(model.view.depth(elbow), paint, flat)


def _face(model: Model, look: Ant, head: Array, radii: Array, tilt: float, turn: float) -> None:
    """Eyes on the sides of the head, mandibles at its front."""
    frame = View.frame(tilt, turn)
    view = model.view
    for side in (-1, 1):
        unit = np.array([0.32, side * 0.78, 0.42])
        spot = head + frame @ (unit / np.linalg.norm(unit) * radii)
        if (unit / radii) @ frame.T @ view.matrix[2] > -0.9:
            x, y = view.flat(spot)

            def paint(brush: Brush, x: float = float(x), y: float = float(y)) -> None:
                eye(brush, x, y, 0.062, iris=look.iris, rim=darker(look.body, 0.5))

            model.add(view.depth(spot) + 0.03, paint, (x, y))
        jaw = np.array(
            [
                [0.62, 0.42, -0.35],
                [1.12, 0.5, -0.5],
                [1.42, 0.26, -0.62],
                [1.5, 0.02, -0.66],
                [1.2, 0.16, -0.55],
                [0.8, 0.1, -0.4],
            ]
        )
        flat = view.flat(head + (jaw * [1, side, 1] * radii) @ frame.T)
        color = mix(darker(look.thorax, 0.15), (0.45, 0.2, 0.08), 0.3)

        def bite(brush: Brush, flat: Array = flat, color: Color = color) -> None:
            brush.fill(smooth(flat), color, edge=look.ink.edge, width=look.ink.width * 0.7)

        model.add(view.depth(head + frame @ np.array([radii[0], 0, -0.05])) - 0.02, bite, flat)


def _load(model: Model, rng: np.random.Generator, mouth: Array) -> None:
    """A piece of leaf or a crumb carried in the jaws."""
    x, y = model.view.flat(mouth + vec(0.12, 0, 0.06))
    if chance(rng, 0.6):
        green = vary(rng, (0.42, 0.66, 0.22), 0.04)
        lean = rng.uniform(-0.15, 0.2)
        leaf = np.array(
            [[0, 0], [0.16, 0.12], [0.2 + lean, 0.34], [lean, 0.55], [-0.14 + lean, 0.36], [-0.12, 0.13]]
        ) + vec(x, y)

        def paint(brush: Brush) -> None:
            brush.fill(smooth(leaf), green, edge=darker(green, 0.35), width=0.015)
            brush.line(leaf[[0, 3]] * [[1], [1]], lighter(green, 0.45), 0.018)
    else:
        crumb = vary(rng, (0.93, 0.78, 0.5), 0.02)
        leaf = np.array([[-0.12, 0.0], [-0.05, -0.11], [0.1, -0.1], [0.14, 0.04], [0.06, 0.15], [-0.08, 0.12]]) + vec(
            x + 0.05, y
        )

        def paint(brush: Brush) -> None:
            brush.fill(smooth(leaf, tension=0.6), crumb, edge=darker(crumb, 0.35), width=0.015)
            brush.fill(ellipse(x + 0.03, y + 0.06, 0.05, 0.03), lighter(crumb, 0.5))

    model.add(model.view.depth(mouth) - 0.01, paint, leaf)


def build(brush: Brush, rng: np.random.Generator, view: View, load: float = 0.15) -> None:
    """One ant seen from ``view``."""
    look = some_ant(rng)
    model = Model(view)
    high = rng.uniform(0.3, 0.42)
    bend, nod = rng.uniform(-16, 16), rng.uniform(-30, -8)
    rest = np.array([0.0, 0.0, high])
    s = look.stout
    tail_tilt = rng.uniform(-22, 8)
    tail_turn = -bend * rng.uniform(0.3, 1.2)
    size = np.array([rng.uniform(0.3, 0.38), 0.24 * s, 0.23 * s]) * rng.uniform(0.95, 1.15)
    tail_frame = View.frame(tail_tilt, tail_turn)
    waist = rest + vec(-0.2, 0, -0.02)
    tail = waist + tail_frame @ np.array([-0.06 - size[0], 0, 0.04])
    neck = rest + vec(0.3, 0, 0.05)
    turn_head = bend * rng.uniform(0.3, 1.0)
    head_size = np.array([0.21, 0.2 * s, 0.175 * s]) * rng.uniform(0.98, 1.25)
    forward = View.frame(0, turn_head) @ np.array([1.0, 0, 0])
    head = neck + forward * (head_size[0] * 0.93) + [0, 0, 0.03]

    _legs(model, look, rng, rest, raised=rng.uniform(0.2, 0.34))
    _segment(model, look, look.body, tail, size, tail_tilt, tail_turn, look.bands)
    _segment(model, look, darker(look.thorax, 0.1), waist + vec(0, 0, 0.02), np.array([0.07, 0.075, 0.1]), 0, 0)
    _segment(model, look, look.thorax, rest + vec(-0.06, 0, 0.0), np.array([0.16, 0.105 * s, 0.115 * s]), -8, 0)
    _segment(model, look, look.thorax, rest + vec(0.14, 0, 0.04), np.array([0.18, 0.125 * s, 0.13 * s]), 12, 0)
    _segment(model, look, look.body, head, head_size, nod, turn_head)
    _face(model, look, head, head_size, nod, turn_head)
    _antennae(model, look, rng, head, forward)
    if chance(rng, load):
        _load(model, rng, head + forward * head_size[0] * 1.2 + [0, 0, -0.06])
    model.paint(brush, rng.uniform(1.85, 1.95))
