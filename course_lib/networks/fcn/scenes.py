"""The scenes that locating is tried on: 387×1024 pixels, one object anywhere, its true box known."""

from __future__ import annotations

import numpy as np

from course_lib.errors import CourseError
from picturebook import CLASSES, Scene, scene

__all__ = ["SCENE_SIZE", "locating_scene"]

#: (height, width) in pixels: that of the camel's picture in lesson 06.
SCENE_SIZE = (387, 1024)
_SIDES = (0.30, 0.85)  # of the object's square, as shares of the picture's height


def locating_scene(seed: int, *, difficulty: str = "standard") -> Scene:
    """Draw a wide scene with one object, whole and anywhere; ten seeds in a row show the ten classes.

    The object's square has a side of 30 to 85 % of the picture's height.

    Args:
        seed: any whole number from 0. ``tools.weight_seeds.SCENE_SEEDS`` are for the published figures alone.
        difficulty: as in ``picturebook.scene``.

    Raises:
        CourseError: the seed or the difficulty makes no sense.

    Example:
        >>> drawn = locating_scene(40)
        >>> drawn.picture.size, drawn.label
        ((1024, 387), 'camel')
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise CourseError(f"seed={seed!r}: a seed is a whole number from 0, such as seed=7.")
    chance = np.random.default_rng(int(seed))
    height, width = SCENE_SIZE
    share = chance.uniform(*_SIDES)
    half = share * height / 2
    x, y = chance.uniform(half, width - half) / width, chance.uniform(half, height - half) / height
    label = CLASSES[int(seed) % len(CLASSES)]
    return scene(label, seed=int(seed), size=SCENE_SIZE, difficulty=difficulty, where=(x, y, share))
