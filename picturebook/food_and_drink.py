"""Food and drink in the picture book: coffee cups, and the hot dogs of ``hot_dogs.py``.

It knows the views of a cup and what stands round it; it does not know the table it stands on.
"""

from __future__ import annotations

import numpy as np

from picturebook.canvas import Brush, bar, darker, ellipse, lighter, rounded, tube, vary
from picturebook.cup_looks import FOAM, Body, Look, bean, coffee, decorate, paint_look, shape_of, steam_over
from picturebook.hot_dogs import hot_dog

__all__ = ["coffee_cup", "hot_dog"]


def _upright(brush: Brush, rng: np.random.Generator) -> None:
    """A cup or a mug from the side, a little from above, perhaps on a saucer and steaming."""
    look = paint_look(rng)
    body, cup = shape_of(rng)
    saucer = rng.random() < (0.75 if cup else 0.15)
    steam = rng.uniform(0.75, 1.1) if rng.random() < 0.62 else 0.0
    tall, flat = float(body.height[-1]), body.flat
    reach = 1.0 + rng.uniform(0.40, 0.60)
    wide = rng.uniform(1.45, 1.65)
    low = -wide * flat * 0.8 - 0.16 if saucer else -float(body.half[0]) * flat
    high = tall + max(flat, steam)
    left, right = (-wide, max(wide, reach)) if saucer else (-1.06, reach + 0.05)
    size = min(1.9 / (right - left), 1.92 / (high - low))
    page = brush.at(-(left + right) / 2 * size, -(low + high) / 2 * size, scale=size)
    if saucer:
        y = -0.10
        page.fill(ellipse(0, y - 0.08, wide * 0.97, wide * flat * 0.8), darker(look.saucer, 0.28), **look.pen)
        page.fill(
            ellipse(0, y, wide, wide * flat * 0.8),
            look.saucer,
            **(look.pen or {"edge": darker(look.saucer, 0.1), "width": 0.012}),
        )
        page.fill(
            ellipse(0, y + 0.01, wide * 0.86, wide * flat * 0.65),
            lighter(look.saucer, 0.3) if rng.random() < 0.5 else darker(look.saucer, 0.06),
        )
        page.fill(ellipse(0.05, y, wide * 0.58, wide * flat * 0.42), darker(look.saucer, 0.16))
        if rng.random() < 0.45:
            _spoon(page, rng, -wide * 0.92, -wide * flat * 0.35, 14)
    _handle(page, rng, look, body, reach)
    wall = body.patch()
    page.fill(wall, look.glaze, **(look.pen or {"edge": darker(look.glaze, 0.10), "width": 0.012}))
    decorate(page, rng, look, body)
    if look.shaded:
        page.fill(body.patch(u0=0.52), (0.15, 0.08, 0.10), alpha=0.10)
        page.fill(body.patch(u0=0.80), (0.15, 0.08, 0.10), alpha=0.10)
        page.fill(body.patch(u0=-0.84, u1=-0.66, t0=0.12, t1=0.9), (1, 1, 1), alpha=0.45)
        page.fill(body.patch(t1=0.07), (0.15, 0.08, 0.10), alpha=0.12)
    if look.pen:
        page.line(wall, look.pen["edge"], look.pen["width"])
    rim = lighter(look.glaze, 0.3)
    page.fill(ellipse(0, tall, 1.0, flat), rim, **(look.pen or {"edge": darker(look.glaze, 0.10), "width": 0.012}))
    page.fill(ellipse(0, tall, 0.92, flat * 0.90), darker(look.inner, 0.14))
    sunk = rng.uniform(0.02, 0.10)  # the coffee's disc is smaller than the rim and touches the near wall
    coffee(page.at(0, tall - sunk * flat, scale=0.91 - sunk, squash=flat), rng, look)
    if steam:
        steam_over(page, rng, rng.uniform(-0.15, 0.15), tall + flat * 0.2, steam - flat * 0.2)


def _handle(brush: Brush, rng: np.random.Generator, look: Look, body: Body, reach: float) -> None:
    t0, t1 = rng.uniform(0.22, 0.34), rng.uniform(0.74, 0.86)
    (x0, y0), (x1, y1) = body.at(0.9, t0), body.at(0.9, t1)
    drop = rng.uniform(-0.08, 0.1)
    turn, square = np.linspace(np.pi / 2, -np.pi / 2, 11), rng.uniform(0.6, 0.95)
    bow, side = np.maximum(np.cos(turn), 0) ** square, np.sin(turn)
    y = np.where(side > 0, y1 - (1 - side) * (y1 - y0) * (0.5 - drop), y0 + (1 + side) * (y1 - y0) * (0.5 + drop))
    thick = rng.uniform(0.15, 0.21)
    ring = np.stack([x0 - 0.12 + (x1 - x0) * (side + 1) / 2 + (reach - thick / 2 - x0 + 0.12) * bow, y], 1)
    edge = look.pen or {"edge": darker(look.glaze, 0.12), "width": 0.012}
    brush.fill(tube(ring, thick * (1.05 - 0.15 * bow)), look.glaze, **edge)
    if look.shaded:
        brush.line(ring[2:9] + np.array([0.02, -0.2 * thick]), darker(look.glaze, 0.13), thick * 0.26)


def _spoon(brush: Brush, rng: np.random.Generator, x: float, y: float, angle: float) -> None:
    metal = vary(rng, [(0.78, 0.80, 0.83), (0.86, 0.70, 0.40)][rng.integers(2)], 0.01)
    spot = brush.at(x, y, angle=angle)
    spot.fill(bar((0.2, 0), (0.9, 0), 0.05, 0.08), metal, edge=darker(metal, 0.35), width=0.012)
    spot.fill(ellipse(0.14, 0, 0.19, 0.10), metal, edge=darker(metal, 0.35), width=0.012)
    spot.fill(ellipse(0.13, 0.01, 0.13, 0.06), darker(metal, 0.15))


# -- from above, and to take away -------------------------------------------------------------------------------------
def _above(brush: Brush, rng: np.random.Generator) -> None:
    """A cup straight from above, on its saucer or alone."""
    look = paint_look(rng)
    saucer = rng.random() < 0.72
    cup = rng.uniform(0.54, 0.64) if saucer else rng.uniform(0.74, 0.80)
    turn = rng.uniform(-70, 40)
    aside = 0.0 if saucer else 0.12  # without a saucer the cup moves aside, so that cup and handle are centred
    middle = (-aside * float(np.cos(np.deg2rad(turn))), -aside * float(np.sin(np.deg2rad(turn))))
    page = brush
    if saucer:
        page.oval(0, 0, 0.95, color=look.saucer, **(look.pen or {"edge": darker(look.saucer, 0.15), "width": 0.012}))
        style = rng.integers(4)
        if style == 0:
            page.oval(0, 0, 0.86, color=look.second)
            page.oval(0, 0, 0.79, color=look.saucer)
        elif style == 1:
            for a in np.linspace(0, 2 * np.pi, 16, endpoint=False):
                page.oval(0.83 * np.cos(a), 0.83 * np.sin(a), 0.045, color=look.second)
        elif style == 2:
            page.oval(0, 0, 0.88, color=lighter(look.saucer, 0.3))
            page.oval(0, 0, 0.84, color=look.saucer)
        page.oval(0.03, -0.03, cup + 0.10, color=darker(look.saucer, 0.15))
    ring = page.at(*middle, angle=turn)
    long = cup + (0.26 if saucer else 0.30)
    if saucer:
        ring.at(0.02, -0.02).fill(bar((cup * 0.8, 0), (long, 0), 0.28), darker(look.saucer, 0.24))
    if rng.random() < 0.5:
        ring.fill(
            bar((cup * 0.8, 0), (long, 0), 0.15, 0.17),
            look.glaze,
            **(look.pen or {"edge": darker(look.glaze, 0.15), "width": 0.012}),
        )
        ring.line([(cup, 0.02), (long - 0.03, 0.02)], lighter(look.glaze, 0.35), 0.035)
    else:
        ear = ellipse(cup + 0.07, 0, long - cup - 0.05, 0.16)
        rim = look.pen or {"edge": darker(look.glaze, 0.2), "width": 0.012}
        ring.line(ear, rim["edge"], 0.11 + 2 * rim["width"])
        ring.line(ear, look.glaze, 0.11)
    ring.oval(0, 0, cup, color=look.glaze, **(look.pen or {"edge": darker(look.glaze, 0.15), "width": 0.012}))
    ring.oval(0, 0, cup * 0.94, color=lighter(look.glaze, 0.18))
    ring.oval(0, 0, cup * 0.87, color=darker(look.inner, 0.15))
    coffee(page.at(*middle, scale=cup * 0.85), rng, look)
    if saucer and rng.random() < 0.5:
        a = np.deg2rad(turn + rng.uniform(100, 160))
        _spoon(
            page,
            rng,
            0.70 * np.cos(a) - 0.50 * np.cos(a - np.pi / 2),
            0.70 * np.sin(a) - 0.50 * np.sin(a - np.pi / 2),
            np.rad2deg(a) - 90,
        )
    if saucer and rng.random() < 0.45:
        a = np.deg2rad(turn + rng.uniform(190, 260))
        _nibble(page.at(0.77 * np.cos(a), 0.77 * np.sin(a), angle=rng.uniform(0, 90)), rng)


def _nibble(brush: Brush, rng: np.random.Generator) -> None:
    """A biscuit, a lump of sugar or two beans."""
    what = rng.integers(3)
    if what == 0:
        brush.oval(0, 0, 0.14, color=(0.85, 0.62, 0.35), edge=(0.66, 0.44, 0.22), width=0.015)
        for x, y in ((-0.05, 0.03), (0.05, 0.05), (0.01, -0.06)):
            brush.oval(x, y, 0.025, color=(0.36, 0.21, 0.12))
    elif what == 1:
        brush.fill(
            rounded([(-0.10, -0.10), (-0.10, 0.10), (0.10, 0.10), (0.10, -0.10)], 0.02),
            (0.99, 0.98, 0.96),
            edge=(0.8, 0.77, 0.72),
            width=0.015,
        )
    else:
        bean(brush, -0.06, 0.0, 0.09, 20, (0.36, 0.21, 0.12))
        bean(brush, 0.09, 0.04, 0.09, -50, (0.36, 0.21, 0.12))


def _takeaway(brush: Brush, rng: np.random.Generator) -> None:
    """A paper cup with a lid or, without it, a full rim."""
    look = paint_look(rng)
    paper = (0.98, 0.97, 0.94) if rng.random() < 0.6 else look.glaze
    tall, flat = rng.uniform(1.9, 2.4), rng.uniform(0.12, 0.22)
    body = Body(np.linspace(rng.uniform(0.66, 0.78), 1.0, 24), np.linspace(0, tall, 24), flat)
    lid = rng.random() < 0.7
    steam = rng.uniform(0.5, 0.8) if rng.random() < 0.5 else 0.0
    high, low = tall + ((0.28 if lid else 0.1) + steam if steam else (0.22 + flat if lid else flat)), -flat * 0.75
    size = 1.94 / (high - low)
    page = brush.at(0, -(low + high) / 2 * size, scale=size)
    page.fill(body.patch(), paper, **(look.pen or {"edge": darker(paper, 0.15), "width": 0.015}))
    sleeve = vary(rng, [(0.70, 0.50, 0.32), (0.50, 0.33, 0.20), look.second][rng.integers(3)])
    page.fill(body.patch(t0=0.24, t1=0.74), sleeve, **look.pen)
    x, y = body.at(0, 0.49)
    page.oval(x, y, 0.36, 0.38, color=FOAM)
    bean(page, x, y, 0.27, -25, (0.36, 0.21, 0.12))
    if look.shaded:
        page.fill(body.patch(u0=0.50), (0.15, 0.08, 0.10), alpha=0.10)
        page.fill(body.patch(u0=0.78), (0.15, 0.08, 0.10), alpha=0.10)
        page.fill(body.patch(u0=-0.84, u1=-0.68, t0=0.05, t1=0.95), (1, 1, 1), alpha=0.35)
    if lid:
        cap = [(0.98, 0.97, 0.95), (0.22, 0.19, 0.18), look.second][rng.integers(3)]
        edge = look.pen or {"edge": darker(cap, 0.2), "width": 0.015}
        page.fill(
            Body(np.linspace(1.08, 1.05, 24), np.linspace(tall - 0.06, tall + 0.06, 24), flat).patch(), cap, **edge
        )
        page.fill(ellipse(0, tall + 0.06, 1.05, flat), lighter(cap, 0.12), **edge)
        page.fill(
            Body(np.linspace(0.92, 0.86, 24), np.linspace(tall + 0.06, tall + 0.22, 24), flat).patch(), cap, **edge
        )
        page.fill(ellipse(0, tall + 0.22, 0.86, flat * 0.86), lighter(cap, 0.16), **edge)
        page.oval(0.3, tall + 0.19, 0.12, 0.035, color=darker(cap, 0.6))
    else:
        page.fill(ellipse(0, tall, 1.0, flat), lighter(paper, 0.3), edge=darker(paper, 0.15), width=0.02)
        coffee(page.at(0, tall - 0.01, scale=0.90, squash=flat), rng, look)
    if steam:
        steam_over(page, rng, 0.1, tall + (0.28 if lid else 0.1), steam - 0.02)


def coffee_cup(brush: Brush, rng: np.random.Generator) -> None:
    """A coffee cup: cup or mug from the side, straight from above, or a paper cup to take away."""
    view = rng.random()
    if view < 0.60:
        _upright(brush, rng)
    elif view < 0.88:
        _above(brush, rng)
    else:
        _takeaway(brush, rng)
