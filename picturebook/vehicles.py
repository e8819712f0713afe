"""Vehicles in the picture book: cars, and the sailboats of ``boats.py``.

It knows how often each view of a car comes up; how one looks is in ``car_views.py``.
"""

from __future__ import annotations

import numpy as np

from picturebook.boats import sailboat
from picturebook.canvas import Brush
from picturebook.car_slant import slant_view
from picturebook.car_views import front_view, side_view

__all__ = ["car", "sailboat"]


def car(brush: Brush, rng: np.random.Generator) -> None:
    """A car: from the side (ten kinds of body), at a slant, or from the front or back."""
    view = rng.random()
    if view < 0.5:
        side_view(brush, rng)
    elif view < 0.8:
        slant_view(brush, rng)
    else:
        front_view(brush, rng)
