"""The classic mistakes of preprocessing: no error, a tensor of the right shape, and worse answers.

Each is a function of a picture and the *right* transforms, built from the same steps (``preprocessing.py``) with one of
them wrong. What a mistake costs is measured in the lesson, with a model and a folder; this file measures nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torchvision.transforms import functional as F

from course_lib.pictures.preprocessing import rgb, settings_and_steps

__all__ = ["MISTAKES", "Mistake"]

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALVES = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Mistake:
    """One way to feed a network what it was not trained on.

    Attributes:
        name: the key in ``MISTAKES``.
        explanation: one sentence: what is wrong, and what the network gets instead.
        apply: (picture, the right transforms) → the wrong tensor (C, H, W), as large as the right one.

    Example:
        >>> from PIL import Image
        >>> from torchvision.models import ResNet18_Weights
        >>> right = ResNet18_Weights.DEFAULT.transforms()
        >>> red = Image.new("RGB", (320, 240), "red")
        >>> for mistake in MISTAKES.values():
        ...     wrong = mistake.apply(red, right)
        ...     print(f"{mistake.name:18} {tuple(wrong.shape)} {wrong.min():7.2f} … {wrong.max():.2f}")
        no normalise       (3, 224, 224)    0.00 … 1.00
        BGR                (3, 224, 224)   -2.12 … 2.64
        squashed           (3, 224, 224)   -2.04 … 2.25
        0-255              (3, 224, 224)   -2.04 … 1111.42
        wrong mean and std (3, 224, 224)   -1.00 … 1.00
    """

    name: str
    explanation: str
    apply: Callable[[object, object], Tensor]


def _cropped_tensor(picture: object, transforms: object) -> Tensor:
    steps = settings_and_steps(transforms)[1]
    tensor: Tensor = steps["to tensor"](steps["crop"](steps["resize"](rgb(picture))))
    return tensor


def _normalise(tensor: Tensor, transforms: object) -> Tensor:
    normal: Tensor = settings_and_steps(transforms)[1]["normalise"](tensor)
    return normal


def _bgr(picture: object, transforms: object) -> Tensor:
    return _normalise(_cropped_tensor(picture, transforms).flip(0), transforms)


def _squashed(picture: object, transforms: object) -> Tensor:
    settings, steps = settings_and_steps(transforms)
    stretched = F.resize(rgb(picture), list(settings.crop_hw), settings.interpolation, antialias=settings.antialias)
    return _normalise(steps["to tensor"](stretched), transforms)


def _bytes(picture: object, transforms: object) -> Tensor:
    return _normalise(_cropped_tensor(picture, transforms) * 255, transforms)


def _other_numbers(picture: object, transforms: object) -> Tensor:
    halves = all(abs(value - 0.5) < 0.01 for value in settings_and_steps(transforms)[0].mean)  # 0.498 too
    mean, std = (IMAGENET_MEAN, IMAGENET_STD) if halves else (HALVES, HALVES)
    tensor: Tensor = F.normalize(_cropped_tensor(picture, transforms), list(mean), list(std))
    return tensor


#: The mistakes by name, in the order in which a lesson shows them.
MISTAKES: dict[str, Mistake] = {
    mistake.name: mistake
    for mistake in (
        Mistake(
            "no normalise",
            "The mean and std are forgotten, so the values stay between 0 and 1: brighter and flatter.",
            _cropped_tensor,
        ),
        Mistake(
            "BGR",
            "Blue and red have changed places, as in a picture read by OpenCV: the sky turns orange.",
            _bgr,
        ),
        Mistake(
            "squashed",
            "The whole picture is stretched to the crop's size, so shapes are distorted.",
            _squashed,
        ),
        Mistake(
            "0-255",
            "The values weren't divided by 255 first, so they are hundreds of times too large.",
            _bytes,
        ),
        Mistake(
            "wrong mean and std",
            "The mean and std come from another recipe: 0.5 instead of ImageNet's, or the other way round.",
            _other_numbers,
        ),
    )
}
