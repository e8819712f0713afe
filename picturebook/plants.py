"""The book's ``mushroom`` and ``strawberry``; each function chooses a view, ``*_views.py`` draws it."""

from __future__ import annotations

import numpy as np

from picturebook import mushroom_views, strawberry_views
from picturebook.canvas import Brush

__all__ = ["mushroom", "strawberry"]


def mushroom(brush: Brush, rng: np.random.Generator) -> None:
    """A mushroom: fly agaric, porcini, field mushroom, chanterelle, a cluster, or a cap from below with its gills."""
    kind = rng.random()
    if kind < 0.28:
        mushroom_views.single(brush, rng, "agaric")
    elif kind < 0.42:
        mushroom_views.single(brush, rng, "porcini")
    elif kind < 0.54:
        mushroom_views.single(brush, rng, "field")
    elif kind < 0.66:
        mushroom_views.chanterelle(brush, rng)
    elif kind < 0.84:
        mushroom_views.cluster(brush, rng)
    else:
        mushroom_views.below(brush, rng)


def strawberry(brush: Brush, rng: np.random.Generator) -> None:
    """A strawberry, ripe or partly unripe: whole, cut, two together, or seen from its calyx."""
    kind = rng.random()
    if kind < 0.45:
        strawberry_views.whole(brush, rng)
    elif kind < 0.68:
        strawberry_views.cut(brush, rng)
    elif kind < 0.9:
        strawberry_views.pair(brush, rng)
    else:
        strawberry_views.end_on(brush, rng)
