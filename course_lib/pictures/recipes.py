"""What a transforms object does to a picture: its numbers, and its four steps one by one.

A weights' transforms are one call; a lesson wants the steps. They are taken from the object itself: torchvision's
preset for classification, or a Compose of the same four steps. Anything else is refused with a sentence. The stages to
look at are in ``preprocessing.py``, which also hands ``settings`` on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

from course_lib.errors import WeightsError
from course_lib.pictures.images import open_image

__all__ = ["Settings", "Size", "Step", "recipe", "rgb", "settings"]

Size = int | tuple[int, int]  # an int: the shorter side (resize) or both sides (crop); a pair: (height, width)
Step = Callable[[Any], Any]

#: The classes, by name, that a ``transforms.Compose`` may hold, and the stage each belongs to (v1 and v2 share them).
KINDS = {
    "Resize": "resize",
    "CenterCrop": "crop",
    "ToTensor": "to tensor",
    "PILToTensor": "to tensor",
    "ToImage": "to tensor",
    "ConvertImageDtype": "to tensor",
    "ToDtype": "to tensor",
    "Normalize": "normalise",
}
ORDER = ("resize", "crop", "to tensor", "normalise")


@dataclass(frozen=True)
class Settings:
    """The numbers of a transforms object: sizes in pixels, ``mean`` and ``std`` for values between 0 and 1."""

    crop_size: Size
    resize_size: Size
    interpolation: InterpolationMode
    antialias: bool | None
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def crop_hw(self) -> tuple[int, int]:
        """Height and width after the crop: what the network gets."""
        return self.crop_size if isinstance(self.crop_size, tuple) else (self.crop_size, self.crop_size)


def settings(transforms: object) -> Settings:
    """Read the numbers of a weights' transforms, or of a Compose of Resize, CenterCrop, ToTensor and Normalize.

    Raises:
        WeightsError: ``transforms`` is something else, or does these steps in another order.

    Example:
        >>> from torchvision.models import ResNet50_Weights
        >>> numbers = settings(ResNet50_Weights.IMAGENET1K_V2.transforms())
        >>> numbers.resize_size, numbers.crop_size, numbers.mean
        (232, 224, (0.485, 0.456, 0.406))
    """
    return recipe(transforms)[0]


def recipe(transforms: object) -> tuple[Settings, dict[str, Step]]:
    """The settings, and one callable a stage (keys as in ``ORDER``) that does exactly what ``transforms`` does."""
    if isinstance(modules := getattr(transforms, "transforms", None), Iterable):
        return _compose_recipe(list(modules))
    if not all(hasattr(transforms, name) for name in ("crop_size", "resize_size", "interpolation", "mean", "std")):
        given = "a class" if isinstance(transforms, type) else f"a {type(transforms).__name__}"
        raise WeightsError(
            f"These are not the transforms of a classifier but {given}: expected what weights.transforms() returns "
            "(with its brackets), or a Compose of Resize, CenterCrop, ToTensor and Normalize."
        )
    preset = cast("Any", transforms)
    antialias = getattr(preset, "antialias", True)
    found = Settings(
        crop_size=_square(preset.crop_size),
        resize_size=_size(preset.resize_size),
        interpolation=preset.interpolation,
        antialias=antialias,
        mean=tuple(preset.mean),
        std=tuple(preset.std),
    )
    return found, {
        "resize": lambda picture: F.resize(picture, preset.resize_size, preset.interpolation, antialias=antialias),
        "crop": lambda picture: F.center_crop(picture, preset.crop_size),
        "to tensor": lambda picture: F.convert_image_dtype(F.pil_to_tensor(picture), torch.float),
        "normalise": lambda tensor: F.normalize(tensor, preset.mean, preset.std),
    }


def _compose_recipe(modules: list[Any]) -> tuple[Settings, dict[str, Step]]:
    names = [type(module).__name__ for module in modules]
    kinds = [KINDS.get(name, "") for name in names]
    grouped = {stage: [m for m, kind in zip(modules, kinds, strict=True) if kind == stage] for stage in ORDER}
    in_order = kinds == [stage for stage in ORDER for _ in grouped[stage]]
    single = all(len(grouped[stage]) == 1 for stage in ("resize", "crop", "normalise")) and grouped["to tensor"]
    if not (in_order and single) or getattr(grouped["resize"][0], "max_size", None) is not None:
        raise WeightsError(
            f"This Compose does {', '.join(names) or 'nothing'}: its stages can be shown for one Resize (without "
            "max_size), one CenterCrop, ToTensor and one Normalize, in this order."
        )
    resize, crop, normalise = (grouped[stage][0] for stage in ("resize", "crop", "normalise"))
    found = Settings(
        crop_size=_square(crop.size),
        resize_size=_size(resize.size),
        interpolation=resize.interpolation,
        antialias=resize.antialias,
        mean=tuple(normalise.mean),
        std=tuple(normalise.std),
    )

    def to_tensor(picture: Any) -> Any:
        for module in grouped["to tensor"]:
            picture = module(picture)
        return picture

    return found, {"resize": resize, "crop": crop, "to tensor": to_tensor, "normalise": normalise}


def _size(value: int | Sequence[int]) -> Size:
    if isinstance(value, int):
        return value
    return int(value[0]) if len(value) == 1 else (int(value[0]), int(value[1]))


def _square(value: int | Sequence[int]) -> Size:
    size = _size(value)
    return size[0] if isinstance(size, tuple) and size[0] == size[1] else size


def rgb(picture: object) -> Image.Image:
    """An RGB PIL picture as it is (the very object that ``transforms`` would get); anything else through open_image."""
    return picture if isinstance(picture, Image.Image) and picture.mode == "RGB" else open_image(picture)
