"""A weights' own transforms, stage by stage: resize, crop, to tensor, normalise; what the crop keeps; and the way back.

The stages are found *in* the transforms object (``recipes.py``), so they show any torchvision weights' recipe, and the
last one equals ``transforms(picture)`` to the bit. This file draws nothing, knows no model, and is no replacement for
``weights.transforms()``. The classic mistakes (``mistakes.py``) run the same steps wrongly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from PIL import Image
from torch import Tensor

from course_lib.errors import PictureError
from course_lib.pictures.images import open_image
from course_lib.pictures.mistakes import MISTAKES, Mistake
from course_lib.pictures.recipes import Settings, Size, recipe, rgb, settings

__all__ = ["MISTAKES", "Mistake", "Settings", "Stage", "seen_box", "settings", "stages", "to_picture"]


@dataclass(frozen=True, eq=False)
class Stage:
    """What the picture is after one step. ``value`` is a PIL picture at first, then a tensor (C, H, W)."""

    name: str  # "open", "resize", "crop", "to tensor" or "normalise"
    value: Image.Image | Tensor
    note: str  # what the step did, with the numbers of this picture

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W, C) of a picture, (C, H, W) of a tensor."""
        if isinstance(self.value, Tensor):
            return tuple(self.value.shape)
        return (self.value.height, self.value.width, len(self.value.getbands()))

    @property
    def dtype(self) -> str:
        """The number type: "uint8" in a picture, "float32" in a tensor."""
        return str(self.value.dtype).removeprefix("torch.") if isinstance(self.value, Tensor) else "uint8"

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest value."""
        if isinstance(self.value, Tensor):
            return float(self.value.min()), float(self.value.max())
        extrema = cast("tuple[tuple[int, int], ...]", self.value.getextrema())
        return float(min(low for low, _ in extrema)), float(max(high for _, high in extrema))

    def picture(self) -> Image.Image:
        """The stage as something to look at. Normalised values are stretched so that the smallest is black."""
        if not isinstance(self.value, Tensor):
            return self.value
        tensor = self.value
        if self.name == "normalise":
            low, high = self.range
            tensor = (tensor - low) / max(high - low, 1e-12)
        return to_picture(tensor, mean=(0.0,), std=(1.0,))


def stages(picture: object, transforms: object) -> tuple[Stage, ...]:
    """Take a picture through a weights' own transforms and keep it after every step.

    Args:
        picture: an RGB PIL picture, or anything else that ``images.open_image`` opens.
        transforms: what ``weights.transforms()`` returns, or a Compose of the same four steps.

    Returns:
        Five stages: open, resize, crop, to tensor, normalise. The last value equals ``transforms(picture)``.

    Raises:
        PictureError: ``picture`` cannot be opened.
        WeightsError: ``transforms`` is not of this kind.

    Example:
        >>> from PIL import Image
        >>> from torchvision.models import ResNet18_Weights
        >>> for stage in stages(Image.new("RGB", (320, 240), "white"), ResNet18_Weights.DEFAULT.transforms()):
        ...     print(stage.name, stage.shape, stage.dtype, [round(value, 2) for value in stage.range])
        open (240, 320, 3) uint8 [255.0, 255.0]
        resize (256, 341, 3) uint8 [255.0, 255.0]
        crop (224, 224, 3) uint8 [255.0, 255.0]
        to tensor (3, 224, 224) float32 [1.0, 1.0]
        normalise (3, 224, 224) float32 [2.25, 2.64]
    """
    found, steps = recipe(transforms)
    opened = rgb(picture)
    resized = steps["resize"](opened)
    cropped = steps["crop"](resized)
    tensor = steps["to tensor"](cropped)
    normal = steps["normalise"](tensor)
    left, top, right, bottom = seen_box(opened.size, transforms)
    lost = 1 - (right - left) * (bottom - top) / (opened.width * opened.height)
    way = found.interpolation.value
    mean, std = (", ".join(f"{value:.3f}" for value in values) for values in (found.mean, found.std))
    return (
        Stage("open", opened, f"{opened.width}×{opened.height} pixels of red, green and blue, one byte each"),
        Stage("resize", resized, f"{_goal(found)} ({way}): {opened.width}×{opened.height} → {_by(resized)}"),
        Stage("crop", cropped, f"the middle {_by(cropped)} is kept: {lost:.0%} of the picture is thrown away"),
        Stage("to tensor", tensor, f"every value divided by 255; channels first: {tuple(tensor.shape)}"),
        Stage("normalise", normal, f"minus the mean ({mean}), divided by the std ({std}), channel by channel"),
    )


def _goal(found: Settings) -> str:
    size = found.resize_size
    return f"stretched to {size[1]}×{size[0]}" if isinstance(size, tuple) else f"the shorter side becomes {size}"


def _by(picture: Image.Image) -> str:
    return f"{picture.width}×{picture.height}"


def seen_box(picture_size: tuple[int, int], transforms: object) -> tuple[float, float, float, float]:
    """Which part of the original picture the network gets to see.

    Args:
        picture_size: (width, height) in pixels, as in ``picture.size``.
        transforms: what ``weights.transforms()`` returns, or a Compose of the same four steps.

    Returns:
        (left, top, right, bottom) in the original picture's pixels; fractions, because a pixel after the resize is not
        a whole number of pixels before it.

    Example:
        >>> from torchvision.models import ResNet18_Weights
        >>> [round(edge, 1) for edge in seen_box((320, 240), ResNet18_Weights.DEFAULT.transforms())]
        [54.4, 15.0, 264.6, 225.0]
    """
    found = settings(transforms)
    width, height = picture_size
    if width < 1 or height < 1:
        raise PictureError(f"A picture has at least one pixel, but the size given is {width}×{height}.")
    new_h, new_w = _resized(found.resize_size, height, width)
    crop_h, crop_w = found.crop_hw
    top, bottom = _kept(new_h, crop_h)
    left, right = _kept(new_w, crop_w)
    return left * width / new_w, top * height / new_h, right * width / new_w, bottom * height / new_h


def _resized(size: Size, height: int, width: int) -> tuple[int, int]:
    if isinstance(size, tuple):
        return size
    return (int(size * height / width), size) if width <= height else (size, int(size * width / height))


def _kept(length: int, crop: int) -> tuple[int, int]:
    start = round((length - crop) / 2) if length > crop else 0  # torchvision rounds .5 to the even neighbour, as we do
    return start, start + min(length, crop)


def to_picture(tensor: Tensor, mean: Sequence[float], std: Sequence[float]) -> Image.Image:
    """Undo the normalisation and turn a tensor back into a picture.

    Args:
        tensor: (C, H, W) or (1, C, H, W) with C = 1 or 3, any float type, on any device.
        mean, std: those it was normalised with (``settings(transforms)`` has them). Results outside 0 … 1 are clipped.

    Raises:
        PictureError: the tensor is not of such a shape.

    Example:
        >>> import torch
        >>> black = torch.tensor([-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225]).reshape(3, 1, 1)
        >>> to_picture(black, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)).getpixel((0, 0))
        (0, 0, 0)
    """
    shape = tuple(tensor.shape)
    values = tensor.detach().to("cpu", torch.float32)
    if values.ndim == 4 and shape[0] == 1:
        values = values[0]
    if values.ndim != 3 or values.shape[0] not in (1, 3) or 0 in values.shape or len(mean) != len(std):
        raise PictureError(
            f"A picture comes from one tensor (3, H, W), with a mean and a std of three numbers; this one is {shape}."
        )
    scale, shift = (torch.tensor(numbers).reshape(-1, 1, 1) for numbers in (std, mean))
    if scale.shape[0] not in (1, values.shape[0]):
        raise PictureError(
            f"The tensor {shape} has {values.shape[0]} channels, but mean and std have {len(mean)} numbers."
        )
    return open_image((values * scale + shift).nan_to_num(0.0).clamp(0, 1))
