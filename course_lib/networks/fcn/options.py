"""What ``convert`` may be asked for; everything else is refused with a sentence."""

from __future__ import annotations

import math
from typing import Any

from course_lib.networks.fcn.fcn_error import FcnError

__all__ = ["check"]


def check(*, dense: Any, dilated: Any, pyramid: Any, window: Any, pool: Any) -> None:
    """Refuse options that make no sense.

    Raises:
        FcnError: the sentence says what was given and what is expected.

    Example:
        >>> try: check(dense=False, dilated=-1, pyramid=(), window=None, pool=None)
        ... except FcnError as error: print(error)
        dilated=-1: give how many strides are taken out, a whole number of at least 0.
    """
    if not isinstance(dense, bool):
        raise FcnError(f"dense={dense!r}: say True or False; the number of strides to take out is dilated=.")
    if not _whole(dilated, 0):
        raise FcnError(f"dilated={dilated!r}: give how many strides are taken out, a whole number of at least 0.")
    if not isinstance(pyramid, tuple | list) or not all(map(_scale, pyramid)):
        raise FcnError(f"pyramid={pyramid!r}: give the scales in brackets, numbers above 0, such as (1.0, 0.5).")
    if window is not None and not _whole(window, 1):
        raise FcnError(f"window={window!r}: give the side of the classifier's own pictures in pixels, such as 224.")
    if pool is not None and not _whole(pool, 1):
        raise FcnError(f"pool={pool!r}: give the pool's side in cells, a whole number of at least 1.")


def _whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _scale(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0
