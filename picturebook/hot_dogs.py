"""Hot dogs as the picture book draws them: from the side, from above, larger towards one end, in paper, on a plate.

It knows views and what a hot dog is served on; its parts are in ``hot_dog_parts.py``.
"""

from __future__ import annotations

import numpy as np

from picturebook.canvas import Brush, darker, lighter, polygon, rounded, vary
from picturebook.hot_dog_parts import KETCHUP, Look, Spine, face, frill, half_bun, paint_look, sausage, seeds, toppings

__all__ = ["hot_dog"]


# -- views ------------------------------------------------------------------------------------------------------------
def _lengthwise(brush: Brush, rng: np.random.Generator, view: str) -> None:
    """All views that look across the spine; ``view`` says from the "side", from "above", and with what paper."""
    look = paint_look(rng)
    bend = rng.uniform(-0.36, 0.03) if view in ("side", "tray", "slant") else rng.uniform(-0.3, 0.3)
    if view == "wrap":
        bend *= 0.3
    spine = Spine(bend, rng.uniform(0.18, 0.40) if view == "slant" else rng.uniform(-0.03, 0.03))
    long = rng.uniform(1.0, 1.10) if view != "slant" else rng.uniform(0.98, 1.04)
    thick = rng.uniform(0.34, 0.42)
    leaf = rng.random() < 0.34
    if view == "above":
        gap, crust = rng.uniform(0.22, 0.27), rng.uniform(0.38, 0.48)
        if leaf:
            for side in (1, -1):
                flipped = Spine(spine.bend * side, spine.near)
                frill(brush.at(0, 0, squash=side), rng, flipped, gap + crust * 0.24, 0.22, look.pen)
        brush.fill(spine.roll(-0.78, 0.78, 0, gap * 2 + 0.06), darker(look.crumb, 0.18))
        for off in (gap, -gap):
            half_bun(brush, look, spine, off, crust, near=True)
            brush.fill(spine.roll(-0.93, 0.93, off * 0.72, crust * 0.55, 0.4), look.crumb)
        if rng.random() < 0.3:
            seeds(brush, rng, look, spine, gap + crust * 0.3, crust * 0.5)
            seeds(brush, rng, look, spine, -gap - crust * 0.3, crust * 0.5)
        if leaf:
            frill(brush, rng, spine, thick * 0.36, 0.16, look.pen)
        sausage(brush, rng, look, spine, 0.0, thick, long)
        toppings(brush, rng, look, spine, 0.02, thick)
        return
    up = rng.uniform(0.14, 0.20)
    crust = rng.uniform(0.42, 0.52)
    half_bun(brush, look, spine, up + 0.02, crust * 0.95, near=False)
    brush.fill(spine.roll(-0.92, 0.92, up - 0.02, crust * 0.66, 0.3), look.crumb)
    if leaf:
        frill(brush, rng, spine, up - 0.02, 0.26, look.pen)
    sausage(brush, rng, look, spine, up * 0.35, thick, long)
    toppings(brush, rng, look, spine, up * 0.35 + thick * 0.16, thick * 0.8)
    low = -up - 0.06
    if leaf and rng.random() < 0.6:
        frill(brush, rng, spine, low + crust * 0.40, 0.13, look.pen)
    half_bun(brush, look, spine, low, crust, near=True)
    brush.line(spine.at(np.linspace(-0.9, 0.9, 9), low + crust * 0.42), look.crumb, 0.035)
    if view == "tray":
        _tray(brush, rng, look, spine)
        return
    if view == "wrap":
        _wrap(brush, rng, look, spine)
        return
    extra = rng.random()
    if extra < 0.22:
        seeds(brush, rng, look, spine, low, crust)
    elif extra < 0.34:
        face(brush, spine, low)


def _tray(brush: Brush, rng: np.random.Generator, look: Look, spine: Spine) -> None:
    """The near wall of a paper tray, chequered, striped or plain."""
    s = np.linspace(-1.0, 1.0, 13)
    top, low = spine.at(s, -0.17 + 0.02 * np.where(np.arange(13) % 2, 1, -1)), spine.at(s * 0.86, -0.56)
    white, mark = (
        (0.98, 0.97, 0.94),
        vary(rng, [(0.82, 0.16, 0.14), (0.16, 0.36, 0.62), (0.85, 0.62, 0.2), (0.2, 0.5, 0.35)][rng.integers(4)]),
    )
    style = rng.integers(3)
    brush.fill(
        polygon(np.vstack([top, low[::-1], top[:1]])),
        white if style < 2 else mark,
        **(look.pen or {"edge": darker(white, 0.2), "width": 0.014}),
    )
    rows = 3 if style == 0 else 1
    if style < 2:
        for row in range(rows):
            for k in range(row % 2, 12, 2):
                a, b = row / rows, (row + 1) / rows
                cell = [top[k] + (low[k] - top[k]) * a, top[k + 1] + (low[k + 1] - top[k + 1]) * a,
                        top[k + 1] + (low[k + 1] - top[k + 1]) * b, top[k] + (low[k] - top[k]) * b]  # fmt: skip
                brush.fill(polygon(cell), mark)
    else:
        brush.line((top + low) / 2, white, 0.07)
    brush.fill(polygon(np.vstack([top + (low - top) * 0.72, low[::-1]])), (0, 0, 0), alpha=0.10)
    if look.pen:
        brush.line(polygon(np.vstack([top, low[::-1], top[:1]])), look.pen["edge"], look.pen["width"])


def _wrap(brush: Brush, rng: np.random.Generator, look: Look, spine: Spine) -> None:
    """Paper folded round the left end, its two upper edges crossing."""
    paper = vary(rng, [(0.98, 0.96, 0.91), (0.86, 0.70, 0.50), (0.98, 0.97, 0.95)][rng.integers(3)], 0.01, 0.03, 0.02)
    mark = vary(rng, [(0.84, 0.18, 0.15), (0.18, 0.40, 0.66), (0.25, 0.55, 0.38), (0.92, 0.62, 0.2)][rng.integers(4)])
    low, high, tip = -0.58, 0.52, rng.uniform(0.0, 0.25)
    edge = look.pen or {"edge": darker(paper, 0.25), "width": 0.014}
    rear = [spine.at(-1.32, 0.40), spine.at(tip, high), spine.at(-0.35, low * 0.6), spine.at(-1.32, -0.46)]
    brush.fill(rounded(rear, 0.05), darker(paper, 0.12), **edge)
    corners = [spine.at(-1.32, -0.49), spine.at(-1.32, 0.42), spine.at(-0.48, high + 0.03), spine.at(tip + 0.05, low)]
    brush.fill(rounded(corners, (0.08, 0.08, 0.03, 0.05)), paper, **edge)
    a, b, c, d = (np.asarray(corner) for corner in corners)
    for k in (0.2, 0.45, 0.7):
        start, stop = (a + (d - a) * k) + (b - a) * 0.03, (b + (c - b) * k) - (b - a) * 0.03
        brush.fill(polygon([start, stop, stop + (c - b) * 0.11, start + (d - a) * 0.11]), mark)


def _plate(brush: Brush, rng: np.random.Generator) -> None:
    """A plate from above, with a spot of sauce or slices of pickle at its rim."""
    china = vary(rng, [(0.97, 0.97, 0.95), (0.62, 0.78, 0.82), (0.95, 0.88, 0.74), (0.36, 0.48, 0.60)][rng.integers(4)])
    brush.oval(0, 0, 0.95, color=china, edge=darker(china, 0.25), width=0.018)
    brush.oval(0, 0, 0.72, color=lighter(china, 0.35), edge=darker(china, 0.12), width=0.02)
    side = rng.choice([-1.0, 1.0])
    if rng.random() < 0.5:
        brush.oval(0.1 * side, -0.62 * side, 0.17, 0.13, color=KETCHUP)
        brush.oval(0.06 * side, -0.60 * side, 0.05, 0.03, color=lighter(KETCHUP, 0.5))
    else:
        for x, y in ((-0.12, 0.60), (0.10, 0.64)):
            brush.oval(x, y * side, 0.11, color=(0.42, 0.58, 0.20))
            brush.oval(x, y * side, 0.08, color=(0.70, 0.80, 0.38))


def hot_dog(brush: Brush, rng: np.random.Generator) -> None:
    """A hot dog: from the side, from above, larger towards one end, or in a paper tray; level or slanting."""
    view = ("side", "side", "side", "above", "above", "above", "slant", "slant", "tray", "wrap", "plate")[
        rng.integers(11)
    ]
    if view == "wrap":
        _lengthwise(brush.at(0.05, 0.06, angle=rng.uniform(42, 75), scale=0.88), rng, view)
    elif view == "plate":
        _plate(brush, rng)
        _lengthwise(brush.at(0, 0.02, angle=rng.uniform(-35, 35), scale=0.80), rng, "above")
    else:
        angle = 0.0 if rng.random() < 0.4 or view == "tray" else rng.uniform(-42, 42)
        shift = -0.06 if view == "slant" else 0.0
        turned = brush.at(0, 0.12 if view == "tray" else 0.0, angle=angle, scale=0.93)
        _lengthwise(turned.at(shift, 0), rng, view)
