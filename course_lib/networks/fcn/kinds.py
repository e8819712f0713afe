"""Four kinds of map, from coarse to fine: what to give ``convert`` for each.

Which pool and which scales was measured on scenes of their own (``tools.weight_seeds.SCENE_TUNING_SEEDS``); how
good they are is measured on others by ``benchmarks/localisation.py``.

The pool decides because of what the course's weights learnt from: pictures of 112 to 192 pixels, whose last maps are
4×4 to 6×6 cells. A pool of 4×4 cells looks at 128 pixels at a time, as they did; with the 7×7 cells of a 224-pixel
picture, an object is only a part of what is averaged, and its box comes out too large.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

__all__ = ["KINDS"]

#: Name → the options of ``convert``: ``convert(classifier, **KINDS["dense"])``.
KINDS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "plain": {},
        "dense": {"dense": True, "pool": 4},
        "dilated": {"dilated": 1, "pool": 4},
        "pyramid": {"dense": True, "pool": 2, "pyramid": (1.0, 0.5)},
    }
)
