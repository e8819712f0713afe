"""Preprocessing: the numbers of a weights' transforms, its four steps one by one, and the way back to a picture.

``weights.transforms()`` is one call, and a lesson expects its steps: resize, crop, to tensor, normalise. Numbers and
steps are taken *from* the object, torchvision's preset for classification or a Compose of the same four steps, so the
last stage equals ``transforms(picture)`` to the bit. Any other object is refused with a sentence. The classic
mistakes, which run the same steps wrongly, are ``mistakes.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

from course_lib.errors import PictureError, WeightsError
from course_lib.pictures.images import MAX_PIXELS, is_out_of_memory, open_image

__all__ = [
    "Size", "Stage", "Step", "TransformSettings", "moved_crop", "prepared", "rgb", "seen_box", "settings_and_steps",
    "stages", "to_picture", "transform_settings", "transformed",
]  # fmt: skip

Size = int | tuple[int, int]  # an int: the shorter side (resize) or both sides (crop); a pair: (height, width)
Step = Callable[[Any], Any]

#: Class names that a ``transforms.Compose`` may hold, and the step that each belongs to (v1 and v2 share the names).
_STEP_OF = {
    "Resize": "resize",
    "CenterCrop": "crop",
    "ToTensor": "to tensor",
    "PILToTensor": "to tensor",
    "ToImage": "to tensor",
    "ConvertImageDtype": "to tensor",
    "ToDtype": "to tensor",
    "Normalize": "normalise",
}
_STEPS = ("resize", "crop", "to tensor", "normalise")


@dataclass(frozen=True)
class TransformSettings:
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


def transform_settings(transforms: object) -> TransformSettings:
    """Read the numbers of a weights' transforms, or of a Compose of Resize, CenterCrop, ToTensor and Normalize.

    Raises:
        WeightsError: ``transforms`` is something else, or does these steps in another order.

    Example:
        >>> from torchvision.models import ResNet50_Weights
        >>> numbers = transform_settings(ResNet50_Weights.IMAGENET1K_V2.transforms())
        >>> numbers.resize_size, numbers.crop_size, numbers.mean
        (232, 224, (0.485, 0.456, 0.406))
    """
    return settings_and_steps(transforms)[0]


def settings_and_steps(transforms: object) -> tuple[TransformSettings, dict[str, Step]]:
    """The settings, and a callable for each step that does exactly what ``transforms`` does.

    Args:
        transforms: as in ``transform_settings``.

    Returns:
        The numbers, and "resize", "crop", "to tensor", "normalise" → a function from one step's result to the next.

    Raises:
        WeightsError: as in ``transform_settings``.
    """
    if isinstance(modules := getattr(transforms, "transforms", None), Iterable):
        return _of_compose(list(modules))
    if not all(hasattr(transforms, name) for name in ("crop_size", "resize_size", "interpolation", "mean", "std")):
        given = "a class" if isinstance(transforms, type) else f"a {type(transforms).__name__}"
        raise WeightsError(
            f"These are not the transforms of a classifier but {given}: expected what weights.transforms() returns "
            "(with its brackets), or a Compose of Resize, CenterCrop, ToTensor and Normalize."
        )
    preset = cast("Any", transforms)
    antialias = getattr(preset, "antialias", True)
    settings = TransformSettings(
        crop_size=_square(preset.crop_size),
        resize_size=_size(preset.resize_size),
        interpolation=preset.interpolation,
        antialias=antialias,
        mean=tuple(preset.mean),
        std=tuple(preset.std),
    )

    def resize(picture: Any) -> Any:
        _check_length(picture, settings)
        return F.resize(picture, preset.resize_size, preset.interpolation, antialias=antialias)

    return settings, {
        "resize": resize,
        "crop": lambda picture: F.center_crop(picture, preset.crop_size),
        "to tensor": lambda picture: F.convert_image_dtype(F.pil_to_tensor(picture), torch.float),
        "normalise": lambda tensor: F.normalize(tensor, preset.mean, preset.std),
    }


def _of_compose(modules: list[Any]) -> tuple[TransformSettings, dict[str, Step]]:
    names = [type(module).__name__ for module in modules]
    steps = [_STEP_OF.get(name, "") for name in names]
    grouped = {stage: [m for m, step in zip(modules, steps, strict=True) if step == stage] for stage in _STEPS}
    in_order = steps == [stage for stage in _STEPS for _ in grouped[stage]]
    single = all(len(grouped[stage]) == 1 for stage in ("resize", "crop", "normalise")) and grouped["to tensor"]
    if not (in_order and single) or getattr(grouped["resize"][0], "max_size", None) is not None:
        raise WeightsError(
            f"This Compose does {', '.join(names) or 'nothing'}: its stages can be shown for one Resize (without "
            "max_size), one CenterCrop, ToTensor and one Normalize, in this order."
        )
    resize, crop, normalise = (grouped[stage][0] for stage in ("resize", "crop", "normalise"))
    settings = TransformSettings(
        crop_size=_square(crop.size),
        resize_size=_size(resize.size),
        interpolation=resize.interpolation,
        antialias=resize.antialias,
        mean=tuple(normalise.mean),
        std=tuple(normalise.std),
    )

    def resized(picture: Any) -> Any:
        _check_length(picture, settings)
        return resize(picture)

    def to_tensor(picture: Any) -> Any:
        for module in grouped["to tensor"]:
            picture = module(picture)
        return picture

    return settings, {"resize": resized, "crop": crop, "to tensor": to_tensor, "normalise": normalise}


def _size(value: int | Sequence[int]) -> Size:
    if isinstance(value, int):
        return value
    return int(value[0]) if len(value) == 1 else (int(value[0]), int(value[1]))


def _square(value: int | Sequence[int]) -> Size:
    size = _size(value)
    return size[0] if isinstance(size, tuple) and size[0] == size[1] else size


def _check_length(picture: object, settings: TransformSettings) -> None:
    """Refuse a picture that Resize would make enormous: 1×20000 with a shorter side of 256 is 256×5120000."""
    if isinstance(picture, Image.Image) and picture.width and picture.height:
        height, width = _resized(settings.resize_size, picture.height, picture.width)
        if height * width > MAX_PIXELS:
            raise PictureError(
                f"This picture is {_by(picture)} pixels, and Resize would make it {width}×{height}: more than "
                f"{MAX_PIXELS / 1e6:.0f} million. Crop the part that matters first: picture.crop((left, top, right, "
                "bottom))."
            )


def prepared(picture: object, transforms: Callable[[Any], Tensor]) -> Tensor:
    """Open a picture and take it through a weights' transforms: (C, H, W).

    Args:
        picture: anything that ``open_image`` opens.
        transforms: what ``weights.transforms()`` returns, or any other function from a picture to a tensor.

    Raises:
        PictureError: the picture cannot be opened, is so long and thin that Resize would make it enormous, or needs
            more memory than there is.

    Example:
        >>> from torchvision.models import ResNet18_Weights
        >>> prepared(Image.new("RGB", (1, 20_000)), ResNet18_Weights.DEFAULT.transforms())
        Traceback (most recent call last):
        ...
        course_lib.errors.PictureError: This picture is 1×20000 pixels, and Resize would make it 256×5120000: more \
than 120 million. Crop the part that matters first: picture.crop((left, top, right, bottom)).
    """
    return transformed(open_image(picture), transforms)


def transformed(opened: Image.Image, transforms: Callable[[Any], Tensor]) -> Tensor:
    """What ``prepared`` does with a picture that ``open_image`` or ``read_image`` has opened.

    Raises:
        PictureError: as in ``prepared``.
    """
    try:
        settings = transform_settings(transforms)
    except WeightsError:  # a learner's own transforms, whose sizes nobody knows
        settings = None
    if settings is not None:
        _check_length(opened, settings)
    try:
        return transforms(opened)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise PictureError(
            f"Preparing this picture of {_by(opened)} pixels needs more memory than this computer has left: shut other "
            "notebooks down, or make the picture smaller."
        ) from None


def rgb(picture: object) -> Image.Image:
    """An RGB PIL picture as it is (the very object that ``transforms`` would get); anything else through open_image."""
    return picture if isinstance(picture, Image.Image) and picture.mode == "RGB" else open_image(picture)


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
        picture: an RGB PIL picture, or anything else that ``open_image`` opens.
        transforms: what ``weights.transforms()`` returns, or a Compose of the same four steps.

    Returns:
        Five stages: open, resize, crop, to tensor, normalise. The last value equals ``transforms(picture)``.

    Raises:
        PictureError: ``picture`` cannot be opened, or Resize would make more than 120 million pixels of it.
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
    settings, steps = settings_and_steps(transforms)
    opened = rgb(picture)
    resized = steps["resize"](opened)
    cropped = steps["crop"](resized)
    tensor = steps["to tensor"](cropped)
    normal = steps["normalise"](tensor)
    left, top, right, bottom = seen_box(opened.size, transforms)
    lost = 1 - (right - left) * (bottom - top) / (opened.width * opened.height)
    mean, std = (", ".join(f"{value:.3f}" for value in values) for values in (settings.mean, settings.std))
    return (
        Stage("open", opened, f"{_by(opened)} pixels of red, green and blue, one byte each{_note(opened)}"),
        Stage("resize", resized, f"{_target(settings)}: {_by(opened)} → {_by(resized)}"),
        Stage("crop", cropped, f"the middle {_by(cropped)} is kept: {lost:.0%} of the picture is thrown away"),
        Stage("to tensor", tensor, f"every value divided by 255; channels first: {tuple(tensor.shape)}"),
        Stage("normalise", normal, f"minus the mean ({mean}), divided by the std ({std}), channel by channel"),
    )


def _target(settings: TransformSettings) -> str:
    size = settings.resize_size
    target = f"stretched to {size[1]}×{size[0]}" if isinstance(size, tuple) else f"the shorter side becomes {size}"
    return f"{target} ({settings.interpolation.value})"


def _note(picture: Image.Image) -> str:
    """What is to be said about its pixels, as the end of a sentence: 16 bits that came out nearly black."""
    return f". {note}" if (note := picture.info.get("note")) else ""


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
    settings = transform_settings(transforms)
    width, height = picture_size
    if width < 1 or height < 1:
        raise PictureError(f"A picture has at least one pixel, but the size given is {width}×{height}.")
    new_h, new_w = _resized(settings.resize_size, height, width)
    crop_h, crop_w = settings.crop_hw
    top, bottom = _kept(new_h, crop_h)
    left, right = _kept(new_w, crop_w)
    return left * width / new_w, top * height / new_h, right * width / new_w, bottom * height / new_h


def moved_crop(
    picture: Image.Image, transforms: object, percent: float
) -> tuple[Image.Image, tuple[float, float, float, float]]:
    """A picture whose middle, which the transforms will crop, lies elsewhere along its longer side.

    It is extended on one side, so that nothing is scaled otherwise than before; no crop reaches into what was added.

    Args:
        picture: an RGB picture.
        transforms: what ``weights.transforms()`` returns, or a Compose of the same four steps.
        percent: 0 is the left (or upper) end, 50 the middle, 100 the right (or lower) end.

    Returns:
        The picture to give to the transforms, and the crop in the original's pixels: (left, top, right, bottom).

    Example:
        >>> from torchvision.models import ResNet18_Weights
        >>> wide = Image.new("RGB", (320, 240))
        >>> moved, box = moved_crop(wide, ResNet18_Weights.DEFAULT.transforms(), 0)
        >>> moved.size, [round(edge) for edge in box]
        ((428, 240), [0, 15, 211, 225])
    """
    box = seen_box(picture.size, transforms)
    lying = picture.width >= picture.height
    start, end, long = (box[0], box[2], picture.width) if lying else (box[1], box[3], picture.height)
    shift = int((long - (end - start)) * (percent - 50) / 100)
    if percent == 50 or shift == 0 or isinstance(transform_settings(transforms).resize_size, tuple):
        return picture, box
    size = (long + 2 * abs(shift), picture.height) if lying else (picture.width, long + 2 * abs(shift))
    moved = Image.new("RGB", size)
    corner = max(0, -2 * shift)
    moved.paste(picture, (corner, 0) if lying else (0, corner))
    across, down = (shift, 0) if lying else (0, shift)
    return moved, (box[0] + across, box[1] + down, box[2] + across, box[3] + down)


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
        mean, std: those it was normalised with (``transform_settings(transforms)`` has them). Results outside 0 … 1
            are clipped.

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
