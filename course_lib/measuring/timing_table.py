"""Look up the times in ``timings.json``, which were measured once for whoever has not measured yet.

The table has every weights entry's model and size, one picture, on the CPU and on a GPU where there was one;
``tools/timing_survey.py`` writes it.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import torchvision
from torchvision.models import get_model_weights, list_models

from course_lib.errors import CourseError
from course_lib.measuring.clock import Timing

__all__ = ["PATH", "look_up", "side_of", "stored", "table"]

#: Where the table lies.
PATH = Path(__file__).with_name("timings.json")


@lru_cache(maxsize=1)
def table() -> dict[tuple[str, int, str], Timing]:
    """(model, side of the picture, device) → what was measured."""
    if not PATH.is_file():
        raise CourseError(
            f"There is no {PATH.name} beside {Path(__file__).name}: python -m tools.timing_survey makes it."
        )
    read = json.loads(PATH.read_text())
    timings = {}
    for row in read["rows"]:
        common = {**read["common"][row["device"]], **row}
        name = common.pop("model")
        timing = Timing(**{**common, "size": tuple(common["size"])}, stored=True)
        timings[name, timing.size[-1], timing.device] = timing
    return timings


def look_up(name: str, side: int, device: str = "cpu") -> Timing | None:
    """What was measured for a model at a size, or None.

    Args:
        name: torchvision's name, or the course's: ``course_resnet18`` takes as long as ``resnet18``.
        side: of the picture, in pixels.

    Example:
        >>> look_up("resnet18", 224).stored, look_up("resnet18", 225)
        (True, None)
    """
    return table().get((name.removeprefix("course_"), side, device))


def stored(device: str = "cpu") -> dict[str, Timing]:
    """The stored time of every model of torchvision's at its default weights' size; models without one are left out.

    Example:
        >>> timing = stored()["resnet18"]
        >>> timing.stored, timing.device, timing.size
        (True, 'cpu', (1, 3, 224, 224))
    """
    timings = {}
    for name in list_models(module=torchvision.models):
        timing = look_up(name, side_of(get_model_weights(name).DEFAULT), device)
        if timing is not None:
            timings[name] = timing
    return timings


def side_of(weights: Any) -> int:
    """The side of the picture that an entry's transforms give, in pixels."""
    return int(weights.transforms().crop_size[0])
