"""Numbers as colours: viridis by numpy, the scale that explains it, and frames round cells and patches.

Viridis is perceptually uniform and readable to the colour-blind (https://bids.github.io/colormap). A frame is orange
between two white lines, so that it stands out from every colour of the map by its brightness too. Places are in CSS
pixels from the top left, as in ``sheet``. What is coloured is decided in ``maps`` and ``sight``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from course_lib.drawing.sheet import Box, Sheet
from course_lib.drawing.still import DOTS, INK, ORANGE, PIXELS, draw_picture

__all__ = ["coloured", "frame", "lay", "outlined", "scale", "short", "tiled"]

Pixels = NDArray[np.uint8]
_DENSE = DOTS // PIXELS  # dots a CSS pixel
_APART = 5  # dots: less is too little to tell cells apart


@lru_cache(maxsize=1)
def _viridis() -> Pixels:
    colours: Pixels = (np.asarray(colormaps["viridis"](np.arange(256)))[:, :3] * 255).round().astype(np.uint8)
    return colours


def coloured(values: NDArray[np.floating], low: float, high: float) -> Pixels:
    """Numbers (H, W) to colours (H, W, 3): ``low`` is dark blue, ``high`` yellow.

    Example:
        >>> coloured(np.array([[0.0, 1.0]]), 0, 1).tolist()
        [[[68, 1, 84], [253, 231, 37]]]
    """
    scaled = (values - low) * (255 / (high - low) if high > low else 0.0) + 0.5  # a flat map is dark
    colours: Pixels = _viridis()[np.nan_to_num(scaled).clip(0, 255).astype(np.uint8)]
    return colours


def tiled(values: NDArray[np.floating], low: float, high: float, width: int, height: int) -> Pixels:
    """A map (H, W) in colours, in as many dots (height, width, 3).

    A map with more cells than dots is averaged; one with a few dots a cell is smooth, as a photograph would be; where
    a cell has many dots it is a rectangle, so that it can be told from its neighbours.

    Example:
        >>> tiled(np.eye(2), 0, 1, 32, 32)[[0, 0, 31], [0, 31, 31]].tolist()
        [[253, 231, 37], [68, 1, 84], [253, 231, 37]]
    """
    tall, wide = values.shape
    if tall > height or wide > width:
        small = Image.fromarray(np.ascontiguousarray(values, np.float32))
        return coloured(np.asarray(small.resize((width, height), Image.Resampling.BOX)), low, high)
    pixels = coloured(values, low, high)
    if width < _APART * wide:
        return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR)).copy()
    rows, columns = (np.arange(dots) * many // dots for dots, many in ((height, tall), (width, wide)))
    return np.ascontiguousarray(pixels[rows[:, None], columns])


def outlined(pixels: Pixels, row: int, column: int, cells: tuple[int, int]) -> None:
    """Mark a cell of a map of ``cells`` (rows, columns) in its dots (H, W, 3); a tiny one gets a ring round it."""
    orange = tuple(int(ORANGE[k : k + 2], 16) for k in (1, 3, 5))
    (tall, wide), least = pixels.shape[:2], 8
    edges = []
    for place, many, dots in ((row, cells[0], tall), (column, cells[1], wide)):
        first, last = place * dots // many, (place + 1) * dots // many
        more = max(0, least - (last - first))
        edges.append((first - more // 2, last + more - more // 2))
    (top, bottom), (left, right) = edges
    for grow, colour in ((5, (255, 255, 255)), (3, orange)):
        ys, xs = (max(top - grow, 0), min(bottom + grow, tall)), (max(left - grow, 0), min(right + grow, wide))
        thick = 5 if grow == 5 else 3
        for one in (slice(ys[0], max(top - grow + thick, 0)), slice(bottom + grow - thick, ys[1])):
            pixels[one, xs[0] : xs[1]] = colour
        for one in (slice(xs[0], max(left - grow + thick, 0)), slice(right + grow - thick, xs[1])):
            pixels[ys[0] : ys[1], one] = colour


def lay(sheet: Sheet, pixels: Pixels | Image.Image, place: Box) -> Box:
    """Put a picture on a sheet, as large as it fits; gives back where it lies."""
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    left, top, wide, tall = place
    share = (left / sheet.width, 1 - (top + tall) / sheet.height, wide / sheet.width, tall / sheet.height)
    x, y, width, height = draw_picture(sheet.figure, share, picture, anchor="N")
    return x * sheet.width, (1 - y - height) * sheet.height, width * sheet.width, height * sheet.height


def frame(sheet: Sheet, picture: Box, size: tuple[int, int], box: Sequence[float]) -> None:
    """Frame a part of a picture.

    Args:
        picture: where it lies on the sheet.
        size: (width, height) of the picture in its own pixels.
        box: (left, top, right, bottom) in these.
    """
    across, down = picture[2] / size[0], picture[3] / size[1]
    left, top, right, bottom = box
    grow = max(0.0, 5 - (right - left) * across) / 2, max(0.0, 5 - (bottom - top) * down) / 2
    place = (
        picture[0] + left * across - grow[0],
        picture[1] + top * down - grow[1],
        (right - left) * across + 2 * grow[0],
        (bottom - top) * down + 2 * grow[1],
    )
    sheet.boxes([place], edge="white", line=4.2, level=2)
    sheet.boxes([place], edge=ORANGE, line=2.0, level=3)


def scale(sheet: Sheet, place: Box, low: str, high: str, words: str) -> None:
    """A bar of all colours with what its ends mean, and words beside it."""
    left, top, wide, tall = place
    dots = np.broadcast_to(_viridis()[None], (max(1, round(tall * _DENSE)), 256, 3))
    bar = Image.fromarray(np.ascontiguousarray(dots)).resize((round(wide * _DENSE), dots.shape[0]))
    room = 7.0 * len(low) + 8
    lay(sheet, bar, (left + room, top, wide, tall))
    sheet.text(left + room - 6, top + tall / 2 - 6, low, size=8.5, align="right")
    sheet.text(left + room + wide + 6, top + tall / 2 - 6, high, size=8.5)
    sheet.text(left + room + wide + 22 + 7.0 * len(high), top + tall / 2 - 6, words, size=8.5, color=INK)


def short(value: float) -> str:
    """A number in at most three digits or so.

    Example:
        >>> [short(x) for x in (0.0, -0.0312, 1.26, 38.7, 1234.5, 4e-7)]
        ['0', '−0.03', '1.3', '39', '1234', '4e−07']
    """
    size = abs(value)
    if size == 0:
        return "0"
    digits = ".0f" if size >= 9.95 else ".1f" if size >= 0.995 else ".2f" if size >= 0.0095 else ".0e"
    return f"{value:{digits}}".replace("-", "\N{MINUS SIGN}")
