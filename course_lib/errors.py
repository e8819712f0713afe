"""The errors a learner may meet, each one a sentence: what was given, what was expected, what to do.

This file holds the kinds and the one helper that suggests a name; the sentences stand where the mistakes are found.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "CheckpointError",
    "CourseError",
    "DownloadError",
    "ModelNameError",
    "PictureError",
    "WeightsError",
    "closest",
]


class CourseError(Exception):
    """A mistake that the course can explain. Its message is meant to be read by a beginner."""


class PictureError(CourseError, ValueError):
    """A file, address or object that is not a picture the course can open."""


class ModelNameError(CourseError, ValueError):
    """A model name that torchvision's registry does not hold."""


class WeightsError(CourseError, RuntimeError):
    """Weights that do not exist, do not fit the model, or cannot be had here and now."""


class DownloadError(CourseError, OSError):
    """A download that could not be started, was cut, or did not have the expected hash."""


class CheckpointError(CourseError, RuntimeError):
    """A checkpoint file that cannot be read safely, or does not fit the model."""


def closest(name: str, known: Iterable[str], n: int = 3) -> str:
    """Suggest the names that ``name`` may have been meant to be.

    Returns:
        A sentence with a leading space, or an empty string when nothing is near.

    Example:
        >>> closest("resnet-18", ["resnet18", "resnet34", "vgg11"], n=1)
        " Did you mean 'resnet18'?"
        >>> closest("xyz", ["resnet18"])
        ''
    """
    near = difflib.get_close_matches(str(name), [str(one) for one in known], n=n)
    return f" Did you mean {', '.join(repr(one) for one in near)}?" if near else ""
