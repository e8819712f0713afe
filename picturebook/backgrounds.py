"""Where an object of the picture book stands: ten kinds of place, each different every time.

A place is painted before the object and knows nothing of it but where its feet are, so that the horizon lies behind
it. Coordinates: y up, the picture is 1 high and ``width / height`` wide.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.transforms import Affine2D
from numpy.typing import NDArray
from PIL import Image

from picturebook.canvas import Brush, Color, darker, lighter, mix, polygon, smooth, star, vary

__all__ = ["PLACES", "noise", "paint_place"]

Floats = NDArray[np.float32]
Painter = Callable[[Brush, np.random.Generator, float, float], None]


def noise(rng: np.random.Generator, height: int, width: int, cells: int, octaves: int = 2) -> Floats:
    """Smooth noise (height, width) of mean 0 and values within about -1 to 1; ``cells`` waves along the height."""
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        rows = max(2, cells * 2**octave)
        columns = max(2, round(rows * width / height))
        coarse = rng.uniform(-1, 1, (rows, columns)).astype(np.float32)
        total += np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)) * 0.6**octave
    return total / np.float32(1.6)


def paint_place(rng: np.random.Generator, height: int, width: int, kind: str, horizon: float) -> Floats:
    """Paint a place.

    Args:
        rng: where all its variety comes from.
        height, width: in pixels.
        kind: one of ``PLACES``.
        horizon: how high the ground reaches, as a share of the height from the bottom.

    Returns:
        The picture, (height, width, 3), from 0 to 1.
    """
    brush = Brush(width, height, Affine2D().scale(height))
    PLACES[kind](brush, rng, width / height, float(np.clip(horizon, 0.12, 0.85)))
    picture: Floats = brush.pixels()[:, :, :3].astype(np.float32)
    picture /= 255
    grain = noise(rng, height, width, int(rng.integers(3, 9)), 2) * rng.uniform(0.01, 0.05)
    fine = noise(rng, height, width, int(rng.integers(24, 60)), 1) * rng.uniform(0.0, 0.04)
    picture += (grain + fine)[:, :, None]
    return picture


# -- helpers ----------------------------------------------------------------------------------------------------------
def _wash(brush: Brush, aspect: float, low: float, high: float, bottom: Color, top: Color, steps: int = 24) -> None:
    """A vertical blend from ``bottom`` at y = ``low`` to ``top`` at y = ``high``."""
    edges = np.linspace(low, high, steps + 1)
    overlap = (high - low) / steps
    for k in range(steps):
        y0, y1 = edges[k], edges[k + 1] + overlap
        color = mix(bottom, top, (k + 0.5) / steps)
        brush.fill(polygon([(-0.1, y0), (aspect + 0.1, y0), (aspect + 0.1, y1), (-0.1, y1)]), color)


def _ridge(rng: np.random.Generator, aspect: float, base: float, height: float, bumps: int) -> NDArray[np.float64]:
    """Points of a hilly skyline from left to right, closed along the bottom of the picture."""
    x = np.linspace(-0.15, aspect + 0.15, bumps + 2)
    y = base + rng.uniform(-0.2, 1.0, len(x)) * height
    return np.concatenate([np.stack([x, y], 1), [(aspect + 0.3, -0.2), (-0.3, -0.2)]])


def _sky(brush: Brush, rng: np.random.Generator, aspect: float, horizon: float) -> None:
    blue = [(0.36, 0.62, 0.88), (0.55, 0.75, 0.93), (0.93, 0.72, 0.55), (0.72, 0.78, 0.86), (0.25, 0.35, 0.6)]
    top = vary(rng, blue[int(rng.integers(len(blue)))], 0.02, 0.12, 0.08)
    _wash(brush, aspect, horizon - 0.05, 1.02, lighter(top, rng.uniform(0.35, 0.75)), top)
    if rng.random() < 0.3:
        brush.oval(rng.uniform(0, aspect), rng.uniform(horizon, 1), 0.06, color=(1.0, 0.93, 0.7), alpha=0.9)
    for _ in range(int(rng.integers(0, 5))):
        cloud = brush.at(
            rng.uniform(0, aspect), rng.uniform(horizon + 0.1, 1.0), scale=rng.uniform(0.06, 0.18), squash=0.45
        )
        for k in range(4):
            cloud.oval(k * 0.7 - 1, rng.uniform(-0.2, 0.3), rng.uniform(0.5, 0.9), color=(1, 1, 1), alpha=0.55)


def _tufts(brush: Brush, rng: np.random.Generator, aspect: float, horizon: float, color: Color, count: int) -> None:
    """Blades of grass, longer and darker towards the viewer."""
    for _ in range(count):
        depth = rng.random()
        x, y, h = rng.uniform(0, aspect), horizon * (1 - depth), 0.02 + 0.07 * depth
        lean = rng.uniform(-0.4, 0.4) * h
        brush.line(
            [(x, y - 0.02), (x + lean * 0.3, y + h * 0.5), (x + lean, y + h)], vary(rng, color, 0.03, 0.1, 0.12), 0.006
        )


# -- places -----------------------------------------------------------------------------------------------------------
def _studio(brush: Brush, rng: np.random.Generator, aspect: float, horizon: float) -> None:
    palette = [
        (0.86, 0.84, 0.8),
        (0.7, 0.8, 0.84),
        (0.9, 0.78, 0.72),
        (0.55, 0.62, 0.7),
        (0.78, 0.84, 0.72),
        (0.93, 0.88, 0.72),
        (0.75, 0.7, 0.82),
    ]
    wall = vary(rng, palette[int(rng.integers(len(palette)))], 0.04, 0.1, 0.1)
    _wash(brush, aspect, 0, 1.02, darker(wall, rng.uniform(0, 0.25)), lighter(wall, rng.uniform(0, 0.3)))
    x, y = rng.uniform(0.2, 0.8) * aspect, rng.uniform(0.4, 0.8)
    for k in range(8):
        brush.oval(x, y, 0.75 - k * 0.08, color=(1, 1, 1), alpha=0.035)


def _meadow(brush: Brush, rng: np.random.Generator, aspect: float, horizon: float) -> None:
    _sky(brush, rng, aspect, horizon)
    green = vary(rng, (0.42, 0.6, 0.28), 0.05, 0.15, 0.12)
    for k in range(int(rng.integers(1, 4))):
        far = mix(green, (0.6, 0.72, 0.8), 0.5 - 0.15 * k)
        brush.fill(smooth(_ridge(rng, aspect, horizon + 0.02, 0.14 - 0.04 * k, 5)), far)
    _wash(brush, aspect, -0.02, horizon, darker(green, 0.25), lighter(green, 0.15))
    for _ in range(int(rng.integers(0, 4))):
        _tree(brush, rng, rng.uniform(0, aspect), horizon - rng.uniform(0, 0.05), rng.uniform(0.1, 0.3))
    _tufts(brush, rng, aspect, horizon, darker(green, 0.15), int(rng.integers(20, 70)))
    for _ in range(int(rng.integers(0, 14))):
        petal = [(0.95, 0.9, 0.4), (0.95, 0.6, 0.7), (1, 1, 1), (0.6, 0.5, 0.85)][int(rng.integers(4))]
        brush.oval(rng.uniform(0, aspect), rng.uniform(0, horizon * 0.8), 0.012, color=petal)


def _tree(brush: Brush, rng: np.random.Generator, x: float, y: float, size: float) -> None:
    brush.fill(
        polygon(
            [
                (x - size * 0.06, y - 0.01),
                (x + size * 0.06, y - 0.01),
                (x + size * 0.04, y + size * 0.6),
                (x - size * 0.04, y + size * 0.6),
            ]
        ),
        (0.4, 0.29, 0.2),
    )
    leaf = vary(rng, (0.3, 0.5, 0.26), 0.06, 0.15, 0.12)
    for k in range(3):
        radii = rng.uniform(0.75, 1.1, 9) * size * 0.38
        brush.fill(
            star(x + (k - 1) * size * 0.18, y + size * (0.75 + 0.12 * (k % 2)), radii), mix(leaf, (1, 1, 0.8), 0.08 * k)
        )


def _desert(brush: Brush, rng: np.random.Generator, aspect: float, horizon: float) -> None:
    _sky(brush, rng, aspect, horizon)
    sand = vary(rng, (0.88, 0.72, 0.46), 0.02, 0.12, 0.1)
    for k in range(3):
        brush.fill(smooth(_ridge(rng, aspect, horizon * (1 - 0.3 * k), 0.1, 3)), mix(darker(sand, 0.16), sand, k / 2))
    for _ in range(int(rng.integers(4, 12))):
        x, y, w = rng.uniform(0, aspect), rng.uniform(0, horizon * 0.7), rng.uniform(0.1, 0.4)
        brush.line(
            [(x, y), (x + w / 2, y + rng.uniform(-0.02, 0.02)), (x + w, y)], darker(sand, 0.12), 0.006, alpha=0.7
        )
    for _ in range(int(rng.integers(0, 3))):
        x, h = rng.uniform(0, aspect), rng.uniform(0.08, 0.2)
        y = horizon * rng.uniform(0.6, 1)
        green = vary(rng, (0.35, 0.5, 0.32), 0.03)
        brush.line([(x, y), (x, y + h)], green, h * 0.2)
        brush.line([(x, y + h * 0.4), (x + h * 0.28, y + h * 0.45), (x + h * 0.3, y + h * 0.75)], green, h * 0.13)


def _snow(brush: Brush, rng: np.random.Generator, aspect: float, horizon: float) -> None:
    _sky(brush, rng, aspect, horizon)
    rock = vary(rng, (0.56, 0.62, 0.72), 0.03, 0.08, 0.1)
    peaks = _ridge(rng, aspect, horizon, rng.uniform(0.2, 0.4), 6)
    brush.fill(polygon(peaks), rock)
    brush.fill(polygon(peaks + np.array([0.02, -0.07])), lighter(rock, 0.45))
    _wash(brush, aspect, -0.02, horizon, (0.86, 0.9, 0.95), (0.97, 0.98, 1.0))
    for _ in range(int(rng.integers(0, 5))):
        x, y, h = rng.uniform(0, aspect), horizon * rng.uniform(0.7, 1), rng.uniform(0.1, 0.28)
        for k in range(3):
            brush.fill(
                polygon(
                    [
                        (x - h * (0.3 - 0.07 * k), y + h * 0.27 * k),
                        (x + h * (0.3 - 0.07 * k), y + h * 0.27 * k),
                        (x, y + h * (0.5 + 0.25 * k)),
                    ]
                ),
                vary(rng, (0.22, 0.38, 0.34), 0.02),
            )


def _sea(brush: Brush, rng: np.random.Generator, aspect: float, horizon: float) -> None:
    _sky(brush, rng, aspect, horizon)
    if rng.random() < 0.5:
        brush.fill(smooth(_ridge(rng, aspect, horizon, 0.08, 4)), vary(rng, (0.5, 0.6, 0.6), 0.05))
    water = vary(rng, (0.2, 0.45, 0.6), 0.05, 0.15, 0.12)
    _wash(brush, aspect, -0.02, horizon, darker(water, 0.2), lighter(water, 0.25))
    for _ in range(int(rng.integers(15, 45))):
        depth = rng.random()
        x, y, w = rng.uniform(0, aspect), horizon * (1 - depth), 0.03 + 0.12 * depth
        brush.line(
            [(x, y), (x + w * 0.5, y + 0.012 * depth), (x + w, y)],
            lighter(water, rng.uniform(0.2, 0.6)),
            0.004 + 0.006 * depth,
            alpha=0.7,
        )


def _underwater(brush: Brush, rng: np.random.Generator, aspect: float, horizon: float) -> None:
    water = vary(rng, (0.16, 0.5, 0.62), 0.06, 0.2, 0.12)
    _wash(brush, aspect, 0, 1.02, darker(water, 0.45), lighter(water, 0.35))
    for _ in range(int(rng.integers(0, 5))):
        x, w = rng.uniform(0, aspect), rng.uniform(0.03, 0.12)
        brush.fill(
            polygon([(x, 1.05), (x + w, 1.05), (x + w * 3 - 0.3, -0.05), (x - 0.35, -0.05)]), (1, 1, 1), alpha=0.07
        )
    brush.fill(smooth(_ridge(rng, aspect, 0.06, 0.08, 5)), vary(rng, (0.72, 0.66, 0.5), 0.04))
    for _ in range(int(rng.integers(2, 9))):
        x, h, sway = rng.uniform(0, aspect), rng.uniform(0.15, 0.7), rng.uniform(-0.06, 0.06)
        brush.line(
            [(x, 0), (x + sway, h * 0.35), (x - sway, h * 0.7), (x + sway, h)],
            vary(rng, (0.2, 0.48, 0.3), 0.08, 0.2, 0.15),
            rng.uniform(0.012, 0.03),
        )
    for _ in range(int(rng.integers(3, 14))):
        brush.oval(rng.uniform(0, aspect), rng.uniform(0, 1), rng.uniform(0.006, 0.022), color=(1, 1, 1), alpha=0.35)


def _room(brush: Brush, rng: np.random.Generator, aspect: float, horizon: float) -> None:
    wall = vary(
        rng,
        [(0.84, 0.8, 0.72), (0.62, 0.72, 0.74), (0.8, 0.64, 0.58), (0.68, 0.72, 0.6), (0.5, 0.54, 0.62)][
            int(rng.integers(5))
        ],
        0.04,
        0.1,
        0.1,
    )
    _wash(brush, aspect, 0, 1.02, darker(wall, 0.1), wall, 10)
    paper = rng.random()
    if paper < 0.35:
        for x in np.arange(rng.uniform(0, 0.1), aspect, rng.uniform(0.06, 0.2)):
            brush.line([(x, 0), (x, 1.1)], lighter(wall, 0.25), rng.uniform(0.01, 0.04), curved=False, alpha=0.7)
    if rng.random() < 0.55:
        _window_or_picture(brush, rng, aspect, horizon)
    table = vary(
        rng,
        [(0.6, 0.42, 0.27), (0.76, 0.6, 0.42), (0.42, 0.3, 0.22), (0.8, 0.78, 0.74), (0.35, 0.42, 0.46)][
            int(rng.integers(5))
        ],
        0.02,
        0.1,
        0.1,
    )
    _wash(brush, aspect, -0.02, horizon, darker(table, 0.25), table, 12)
    brush.line([(0, horizon), (aspect, horizon)], darker(table, 0.35), 0.012, curved=False)
    if rng.random() < 0.6:
        for y in np.linspace(0, horizon, int(rng.integers(3, 8)))[:-1]:
            brush.line([(0, y), (aspect, y)], darker(table, 0.3), 0.004, curved=False, alpha=0.8)


def _window_or_picture(brush: Brush, rng: np.random.Generator, aspect: float, horizon: float) -> None:
    x, y, w, h = (
        rng.uniform(0, aspect * 0.8),
        horizon + rng.uniform(0.08, 0.25),
        rng.uniform(0.2, 0.4),
        rng.uniform(0.2, 0.4),
    )
    pane = polygon([(x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y)])
    frame = [(0.95, 0.94, 0.9), (0.4, 0.28, 0.18), (0.2, 0.2, 0.22)][int(rng.integers(3))]
    brush.fill(pane, vary(rng, (0.65, 0.8, 0.9), 0.3, 0.2, 0.1), edge=frame, width=0.025)
    if rng.random() < 0.6:
        brush.line([(x + w / 2, y), (x + w / 2, y + h)], frame, 0.012, curved=False)
        brush.line([(x, y + h / 2), (x + w, y + h / 2)], frame, 0.012, curved=False)


def _cloth(brush: Brush, rng: np.random.Generator, aspect: float, horizon: float) -> None:
    base = vary(rng, (0.85, 0.8, 0.75), 0.5, 0.2, 0.12)
    other = vary(
        rng,
        [(0.8, 0.3, 0.3), (0.3, 0.5, 0.7), (0.4, 0.6, 0.4), (0.9, 0.75, 0.35), (0.95, 0.95, 0.95)][
            int(rng.integers(5))
        ],
        0.04,
    )
    brush.fill(polygon([(-0.1, -0.1), (aspect + 0.1, -0.1), (aspect + 0.1, 1.1), (-0.1, 1.1)]), base)
    turned = brush.at(aspect / 2, 0.5, angle=rng.uniform(-45, 45))
    reach, step = 0.5 + aspect, rng.uniform(0.07, 0.22)
    pattern = rng.random()
    ticks = np.arange(-reach, reach, step)
    if pattern < 0.7:
        for t in ticks:
            turned.line([(t, -reach), (t, reach)], other, step * 0.5, curved=False, alpha=0.55)
            if pattern < 0.45:
                turned.line([(-reach, t), (reach, t)], other, step * 0.5, curved=False, alpha=0.55)
    else:
        for row, t in enumerate(ticks):
            for s in ticks:
                turned.oval(s + (row % 2) * step / 2, t, step * 0.2, color=other, alpha=0.8)


def _leaves(brush: Brush, rng: np.random.Generator, aspect: float, horizon: float) -> None:
    green = vary(rng, (0.2, 0.34, 0.18), 0.08, 0.15, 0.1)
    _wash(brush, aspect, 0, 1.02, darker(green, 0.3), green, 8)
    for k in range(int(rng.integers(25, 60) * max(1.0, aspect * 0.7))):
        leaf = brush.at(
            rng.uniform(0, aspect), rng.uniform(0, 1), scale=rng.uniform(0.05, 0.16), angle=rng.uniform(0, 360)
        )
        color = mix(vary(rng, green, 0.05, 0.15, 0.1), (0.75, 0.85, 0.5), rng.uniform(0, 0.45))
        leaf.fill(smooth([(-1, 0), (-0.2, 0.4), (1, 0), (-0.2, -0.4)]), color)
        if k % 2:
            leaf.line([(-0.9, 0), (0.8, 0)], lighter(color, 0.2), 0.05, curved=False)


def _street(brush: Brush, rng: np.random.Generator, aspect: float, horizon: float) -> None:
    _sky(brush, rng, aspect, horizon)
    x = -rng.uniform(0, 0.2)
    while x < aspect:
        w, h = rng.uniform(0.15, 0.4), rng.uniform(0.2, 0.7)
        wall = vary(
            rng,
            [(0.75, 0.62, 0.52), (0.8, 0.78, 0.72), (0.62, 0.68, 0.72), (0.7, 0.5, 0.45)][int(rng.integers(4))],
            0.03,
        )
        brush.fill(polygon([(x, 0), (x + w, 0), (x + w, horizon + h), (x, horizon + h)]), wall)
        glass = mix(wall, (0.35, 0.45, 0.55), rng.uniform(0.4, 0.9))
        for wy in np.arange(horizon + 0.06, horizon + h - 0.06, 0.11):
            for wx in np.arange(x + 0.03, x + w - 0.05, 0.085):
                brush.fill(polygon([(wx, wy), (wx + 0.04, wy), (wx + 0.04, wy + 0.06), (wx, wy + 0.06)]), glass)
        x += w
    road = vary(rng, (0.45, 0.45, 0.47), 0.02, 0.03, 0.1)
    _wash(brush, aspect, -0.02, horizon, road, lighter(road, 0.2), 8)
    brush.line([(0, horizon), (aspect, horizon)], lighter(road, 0.5), 0.025, curved=False)
    y = horizon * rng.uniform(0.2, 0.6)
    for wx in np.arange(-0.1, aspect, 0.3):
        brush.line([(wx, y), (wx + 0.15, y)], (0.95, 0.93, 0.85), 0.012, curved=False)


#: Every kind of place, by name.
PLACES: dict[str, Painter] = {
    "studio": _studio,
    "meadow": _meadow,
    "desert": _desert,
    "snow": _snow,
    "sea": _sea,
    "underwater": _underwater,
    "room": _room,
    "cloth": _cloth,
    "leaves": _leaves,
    "street": _street,
}
