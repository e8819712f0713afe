"""Pixels of any kind to an upright RGB picture of 8 bits: PIL modes, NumPy arrays, torch tensors.

What a number means is decided here (16 bits, 0 … 1, transparency, an EXIF turn) and nowhere else. This file opens no
files: see ``images.open_image``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, bfloat16

from course_lib.errors import PictureError

__all__ = ["cut_left", "from_array", "from_tensor", "upright_rgb"]


#: A large picture is converted in strips of about so many pixels, so that little memory is needed beside the result.
_STRIP = 1_000_000
#: Orientation in the EXIF data → how the picture is turned to stand upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
#: What becomes black and what becomes white of numbers with more than 8 bits; None for 8 bits.
_Scale = tuple[float, float] | None


def upright_rgb(picture: Image.Image, name: str, *, stretch: bool = False) -> Image.Image:
    """A new RGB picture from one of any mode: turned as EXIF says, transparency on white, 16 bits scaled to 8.

    Beside the picture given and the one returned, about 20 MB are needed however large it is.

    Args:
        picture: the frame it stands at is taken; decoding errors are the caller's to catch.
        name: what messages call it.
        stretch: whether the smallest value of 16 bits or floats becomes black and the largest white.

    Returns:
        The picture; its ``info`` holds a sentence as "note" where 16 bits came out nearly black.

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
    if picture.mode.startswith("I;16") and picture.mode != "I;16":  # rarer orders of bytes cannot be cut into strips
        picture = picture.convert("I")
    scale, note = _scale_of(picture, name, stretch)

    def strip(top: int, bottom: int) -> Image.Image:
        whole = bottom - top == picture.height
        return _scaled(picture if whole else picture.crop((0, top, picture.width, bottom)), scale)

    return _assembled(picture.size, strip, name, note, _orientation(picture))


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(0x0112, 1))
    except Exception:  # a damaged EXIF block raises anything at all, and is no reason to refuse good pixels
        return 1


def _assembled(
    size: tuple[int, int], strip: Callable[[int, int], Image.Image], name: str, note: str = "", orientation: int = 1
) -> Image.Image:
    """The RGB picture of strips, each from a row to a row of the stored picture (width, height)."""
    width, height = size
    rows = max(1, _STRIP // width)
    turn = _TURNS.get(orientation)
    on_its_side = orientation in (5, 6, 7, 8)
    if rows >= height:
        piece = _rgb(strip(0, height), name)
        result = piece if turn is None else piece.transpose(turn)
    else:
        result = Image.new("RGB", (height, width) if on_its_side else size)
        for top in range(0, height, rows):
            bottom = min(top + rows, height)
            piece = _rgb(strip(top, bottom), name)
            start = height - bottom if orientation in (3, 4, 6, 7) else top
            result.paste(piece if turn is None else piece.transpose(turn), (start, 0) if on_its_side else (0, start))
    result.info = {"note": note} if note else {}  # what the file said (orientation, profile) is no longer true
    return result


def _rgb(picture: Image.Image, name: str) -> Image.Image:
    """A new RGB picture of one with 8 bits, transparency on white."""
    if picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("LA" if picture.mode == "La" else "RGBA").convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    try:
        return picture.convert("RGB")
    except ValueError as error:
        raise PictureError(
            f"{name} has the colour mode {picture.mode}, which is not read here: save it as RGB."
        ) from error


def _scale_of(picture: Image.Image, name: str, stretch: bool) -> tuple[_Scale, str]:
    """The scale of a picture of integers or floats, and a sentence where it comes out nearly black."""
    if not picture.mode.startswith("I") and picture.mode != "F":
        return None, ""
    low, high = _extrema(picture)
    if stretch and math.isfinite(high - low):
        return (low, high), ""
    if picture.mode == "F":
        return (0, 255) if 1 < high <= 255 and low >= 0 else _float_scale(low, high, name), ""
    if low < 0 or high > 65535:
        raise PictureError(
            f"{name} holds values from {low:.0f} to {high:.0f}: expected at most 16 bits, 0 to 65535. "
            "open_image(…, stretch=True) spreads them from black to white."
        )
    if picture.mode == "I" and picture.format is None and high <= 255:  # made from an array of ints from 0 to 255
        return (0, 255), ""
    if getattr(picture, "tag_v2", {}).get(258) == (12,) and high <= 4095:  # a TIFF that says 12 bits a sample
        return (0, 4095), ""
    return (0, 65535), _narrow(low, high, name)


def _extrema(picture: Image.Image) -> tuple[float, float]:
    """The smallest and the largest value; nan where one is not a number."""
    rows = max(1, _STRIP // picture.width)
    lows, highs = [], []
    for top in range(0, picture.height, rows):
        values = np.asarray(picture.crop((0, top, picture.width, min(top + rows, picture.height))))
        lows.append(float(values.min()))
        highs.append(float(values.max()))
    return float(np.min(lows)), float(np.max(highs))


def _narrow(low: float, high: float, name: str) -> str:
    """A sentence where 16 bits use so little of their range that fewer than 32 of 256 greys are left."""
    if not 0 < high - low < 65536 / 8:
        return ""
    looks = "nearly black" if high < 65536 / 8 else "nearly one grey"
    return (
        f"{name} has 16 bits, but its values only reach from {low:.0f} to {high:.0f} of 0 to 65535, so it comes out "
        f"{looks}: open_image(…, stretch=True) spreads them from black to white."
    )


def _float_scale(low: float, high: float, name: str) -> _Scale:
    if not math.isfinite(low) or not math.isfinite(high):
        raise PictureError(f"{name} holds values that aren't numbers (nan or inf): expected 0 to 1.")
    if low < -1e-3 or high > 1 + 1e-3:
        repair = (
            "divide by 255, or use uint8"
            if low >= 0
            else "if it was normalised, preprocessing.to_picture(tensor, mean, std) undoes that"
        )
        raise PictureError(f"{name} holds floats from {low:.3g} to {high:.3g}: expected 0 to 1; {repair}.")
    return 0, 1


def _scaled(picture: Image.Image, scale: _Scale) -> Image.Image:
    """8 bits of a picture of integers or floats; the value that its file calls transparent becomes white."""
    if scale is None:
        return picture
    values = np.asarray(picture)
    grey = _eight_bits(values, scale)
    clear = picture.info.get("transparency")
    if isinstance(clear, int):
        grey[values == clear] = 255
    return Image.fromarray(grey)


def _eight_bits(values: NDArray[np.generic], scale: _Scale) -> NDArray[np.uint8]:
    if scale is None:
        return values.astype(np.uint8) * np.uint8(255) if values.dtype.kind == "b" else values.astype(np.uint8)
    black, white = scale
    wide = np.float64 if values.dtype.itemsize > 2 and values.dtype.kind != "f" else np.float32
    numbers: NDArray[Any] = values.astype(wide)
    light = (numbers - black) * 255 / (white - black or 1)
    bytes_: NDArray[np.uint8] = np.round(light.clip(0, 255)).astype(np.uint8)
    return bytes_


def from_array(array: NDArray[np.generic], name: str = "The array", *, stretch: bool = False) -> Image.Image:
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
    scale, note = _array_scale(array, name, stretch)
    values = array[:, :, 0] if array.ndim == 3 and shape[2] == 1 else array

    def strip(top: int, bottom: int) -> Image.Image:
        return Image.fromarray(np.ascontiguousarray(_eight_bits(values[top:bottom], scale)))

    return _assembled((shape[1], shape[0]), strip, name, note)


def _array_scale(array: NDArray[np.generic], name: str, stretch: bool) -> tuple[_Scale, str]:
    """The scale of an array's values, and a sentence where they come out nearly black."""
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind == "b" or (kind == "u" and size == 1):
        return None, ""
    if kind != "f" and not (kind == "u" and size == 2) and not (stretch and kind in "iu"):
        raise PictureError(
            f"{name} has the dtype {array.dtype}: expected uint8 (0 to 255), uint16 (0 to 65535) or floats from 0 to 1."
        )
    low, high = float(array.min()), float(array.max())
    if stretch and math.isfinite(high - low):
        return (low, high), ""
    if kind == "f":
        return _float_scale(low, high, name), ""
    return (0, 65535), _narrow(low, high, name)


def from_tensor(tensor: Tensor, name: str = "The tensor", *, stretch: bool = False) -> Image.Image:
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
    try:
        values = tensor.detach().cpu()
        values = values.float() if values.dtype == bfloat16 else values
        array = values.numpy() if values.ndim == 2 else values.permute(1, 2, 0).numpy()
    except (TypeError, RuntimeError) as error:  # sparse, quantized, conjugated: NumPy has no such arrays
        raise PictureError(
            f"{name} ({tensor.layout}, {tensor.dtype}) cannot be read as an array: expected a dense tensor of uint8 or "
            "floats."
        ) from error
    return from_array(np.asarray(array), name, stretch=stretch)


def cut_left(picture: Image.Image, percent: float) -> tuple[Image.Image, tuple[int, int, int, int]]:
    """The right-hand part of a picture after ``percent`` of its width was cut away, and its box in the picture.

    Example:
        >>> cut_left(Image.new("RGB", (200, 100)), 25)[1]
        (50, 0, 200, 100)
    """
    left = min(round(picture.width * percent / 100), picture.width - 1)
    box = (left, 0, picture.width, picture.height)
    return picture.crop(box), box
