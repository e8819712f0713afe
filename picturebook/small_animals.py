"""The small animals: ``goldfish``, ``ant`` and ``bee``; each function chooses a view, ``*_views.py`` draws it."""

from __future__ import annotations

import numpy as np

from picturebook import ant_views, bee_views, goldfish_turned, goldfish_views
from picturebook.canvas import Brush
from picturebook.solids import View
from picturebook.touches import chance

__all__ = ["ant", "bee", "goldfish"]


def ant(brush: Brush, rng: np.random.Generator) -> None:
    """An ant walking past, from above at any angle, or three-quarter from in front or behind; sometimes with a load."""
    kind = rng.random()
    if kind < 0.36:
        ant_views.build(brush, rng, View(rng.uniform(-14, 14), rng.uniform(4, 18)), load=0.3)
    elif kind < 0.66:
        ant_views.build(brush, rng, View(rng.uniform(-8, 8), rng.uniform(80, 90), rng.uniform(-60, 60)), load=0.1)
    else:
        yaw = rng.uniform(-65, -28) if chance(rng, 0.75) else rng.uniform(20, 45)
        ant_views.build(brush, rng, View(yaw, rng.uniform(24, 52)))


def bee(brush: Brush, rng: np.random.Generator) -> None:
    """A honey bee or bumble bee: walking with wings laid back, from above with wings spread, or flying."""
    kind = rng.random()
    if kind < 0.25:
        bee_views.build(brush, rng, View(rng.uniform(-20, 12), rng.uniform(8, 28), rng.uniform(-6, 6)), "rest")
    elif kind < 0.55:
        bee_views.build(brush, rng, View(rng.uniform(-8, 8), rng.uniform(74, 90), rng.uniform(-60, 90)), "spread")
    elif kind < 0.85:
        bee_views.build(brush, rng, View(rng.uniform(-30, 8), rng.uniform(4, 24), rng.uniform(-18, 18)), "raised")
    else:
        bee_views.build(
            brush, rng, View(rng.uniform(-70, -40), rng.uniform(20, 50)), "raised" if chance(rng, 0.5) else "spread"
        )


def goldfish(brush: Brush, rng: np.random.Generator) -> None:
    """A goldfish of one of six breeds: mostly from the side, also from above and face to face."""
    kind = rng.random()
    if kind < 0.68:
        goldfish_views.side(brush, rng)
    elif kind < 0.87:
        goldfish_turned.above(brush, rng)
    else:
        goldfish_turned.face(brush, rng)
