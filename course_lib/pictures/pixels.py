"""Pixels of any kind to an upright RGB picture of 8 bits: PIL modes, NumPy arrays, torch tensors.

What a number means is decided here (16 bits, 0 … 1, transparency, an EXIF turn) and nowhere else. This file opens no
files: see ``images.open_image``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor, bfloat16

from course_lib.errors import PictureError

__all__ = ["cut_left", "from_array", "from_tensor", "upright_rgb"]


def upright_rgb(picture: Image.Image, name: str) -> Image.Image:
    """A new RGB picture from one of any mode: turned as EXIF says, transparency on white, 16 bits scaled to 8.

    Args:
        picture: the frame it stands at is taken; decoding errors are the caller's to catch.
        name: what messages call it.

    Raises:
        PictureError: no pixels, or numbers that have no meaning as light.

    Example:
        >>> half_red = Image.new("RGBA", (1, 1), (255, 0, 0, 128))
        >>> upright_rgb(half_red, "a square").getpixel((0, 0))
        (255, 127, 127)
    """
    if 0 in picture.size:
        raise PictureError(f"{name} has no pixels: it is {picture.width}×{picture.height}.")
    picture.load()
    from_file = picture.format is not None
    picture = _upright(picture)
    if picture.mode.startswith("I") or picture.mode == "F":
        picture = _eight_bits(picture, name, from_file)
    if picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("LA" if picture.mode == "La" else "RGBA").convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    try:
        result = picture.convert("RGB")
    except ValueError as error:
        raise PictureError(
            f"{name} has the colour mode {picture.mode}, which is not read here: save it as RGB."
        ) from error
    result.info = {}  # what it says (orientation, transparency, profile) is no longer true of these pixels
    return result


def _upright(picture: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # a damaged EXIF block raises anything at all, and is no reason to refuse good pixels
        return picture


def _eight_bits(picture: Image.Image, name: str, from_file: bool) -> Image.Image:
    values = np.asarray(picture)
    if picture.mode == "F":
        highest = float(values.max()) if np.isfinite(values).all() else np.nan
        if highest > 1 and highest <= 255 and values.min() >= 0:
            return Image.fromarray(np.round(values).astype(np.uint8))
        return from_array(values, name)
    if values.min() < 0 or values.max() > 65535:
        raise PictureError(
            f"{name} holds values from {values.min()} to {values.max()}: expected at most 16 bits, 0 to 65535."
        )
    if picture.mode == "I" and not from_file and values.max() <= 255:  # made from an array of ints from 0 to 255
        return Image.fromarray(values.astype(np.uint8))
    return from_array(values.astype(np.uint16), name)


def from_array(array: NDArray[np.generic], name: str = "The array") -> Image.Image:
    """A picture from an array (H, W) or (H, W, 1, 3 or 4) of uint8, uint16, or floats from 0 to 1 (or bool: a mask).

    Raises:
        PictureError: another shape, dtype or range; the sentence says what to do about it.

    Example:
        >>> from_array(np.array([[0.0, 1.0]])).size
        (2, 1)
        >>> from_array(np.zeros((3, 32, 40)))
        Traceback (most recent call last):
        ...
        course_lib.errors.PictureError: The array is (3, 32, 40): it seems to have its channels first; expected \
(H, W) or (H, W, 3), so use array.transpose(1, 2, 0).
    """
    shape = array.shape
    if 0 in shape:
        raise PictureError(f"{name} has no pixels: its shape is {shape}.")
    if array.ndim == 4:
        raise PictureError(f"{name} is {shape}, a batch of {shape[0]}: give one picture of it, array[0].")
    if array.ndim == 3 and shape[0] in (1, 3, 4) and shape[2] not in (1, 3, 4):
        raise PictureError(
            f"{name} is {shape}: it seems to have its channels first; expected (H, W) or (H, W, 3), so use "
            "array.transpose(1, 2, 0)."
        )
    if array.ndim not in (2, 3) or (array.ndim == 3 and shape[2] not in (1, 3, 4)):
        raise PictureError(f"{name} is {shape}: expected (H, W), (H, W, 1), (H, W, 3) or (H, W, 4).")
    values = _bytes(array, name)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    return upright_rgb(Image.fromarray(np.ascontiguousarray(values)), name)


def _bytes(array: NDArray[np.generic], name: str) -> NDArray[np.uint8]:
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    if kind == "u" and size == 1:
        return array.astype(np.uint8)
    if kind == "u" and size == 2:  # 65535 / 257 = 255
        return np.round(array.astype(np.float32) / 257).astype(np.uint8)
    if kind != "f":
        raise PictureError(
            f"{name} has the dtype {array.dtype}: expected uint8 (0 to 255), uint16 (0 to 65535) or floats from 0 to 1."
        )
    values = array.astype(np.float32)
    low, high = float(values.min()), float(values.max())
    if not np.isfinite(values).all():
        raise PictureError(f"{name} holds values that are no numbers (nan or inf): expected 0 to 1.")
    if low < -1e-3 or high > 1 + 1e-3:
        repair = (
            "divide by 255, or use uint8"
            if low >= 0
            else "if it was normalised, preprocessing.to_picture(tensor, mean, std) undoes that"
        )
        raise PictureError(f"{name} holds floats from {low:.3g} to {high:.3g}: expected 0 to 1; {repair}.")
    return np.round(values.clip(0, 1) * 255).astype(np.uint8)


def from_tensor(tensor: Tensor, name: str = "The tensor") -> Image.Image:
    """A picture from a tensor (C, H, W) with 1, 3 or 4 channels, or (H, W): uint8, or floats from 0 to 1.

    Raises:
        PictureError: another shape, dtype or range; the sentence says what to do about it.

    Example:
        >>> import torch
        >>> from_tensor(torch.zeros(3, 32, 40)).size
        (40, 32)
    """
    shape = tuple(tensor.shape)
    if tensor.ndim == 4:
        raise PictureError(f"{name} is {shape}, a batch of {shape[0]}: give one picture of it, tensor[0].")
    if tensor.ndim == 3 and shape[0] not in (1, 3, 4) and shape[2] in (1, 3, 4):
        raise PictureError(
            f"{name} is {shape}: it seems to have its channels last; expected (3, H, W), so use "
            "tensor.permute(2, 0, 1)."
        )
    if tensor.ndim not in (2, 3) or (tensor.ndim == 3 and shape[0] not in (1, 3, 4)):
        raise PictureError(f"{name} is {shape}: expected (3, H, W), (1, H, W), (4, H, W) or (H, W).")
    if tensor.is_meta:
        raise PictureError(f"{name} lies on the meta device: it has a shape but no values.")
    values = tensor.detach().cpu()
    if values.dtype == bfloat16:
        values = values.float()
    return from_array(np.asarray(values.numpy() if values.ndim == 2 else values.permute(1, 2, 0).numpy()), name)


def cut_left(picture: Image.Image, percent: float) -> tuple[Image.Image, tuple[int, int, int, int]]:
    """The right-hand part of a picture after ``percent`` of its width was cut away, and its box in the picture.

    Example:
        >>> cut_left(Image.new("RGB", (200, 100)), 25)[1]
        (50, 0, 200, 100)
    """
    left = min(round(picture.width * percent / 100), picture.width - 1)
    box = (left, 0, picture.width, picture.height)
    return picture.crop(box), box
