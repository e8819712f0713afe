"""Values as colours, pictures on a sheet, and marks on a picture: the parts of every heat map in the library.

``coloured`` is the one way from numbers to pixels: viridis, which is perceptually uniform and readable to the
colour-blind (https://bids.github.io/colormap). ``put`` lays a picture on a ``Sheet``; the ``OnPicture`` it returns
draws frames, outlines, dots and tags in the picture's own pixels. Every line lies between two others of the opposite
brightness, so that it can be seen on any picture and any colour; solid, dashed and thin frames differ without their
colours too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from matplotlib import colormaps
from matplotlib.path import Path
from numpy.typing import NDArray
from PIL import Image

from course_lib.drawing.sheet import Box, Sheet, rgb, text_width
from course_lib.drawing.spots import Gesture
from course_lib.drawing.still import DOTS, INK, ORANGE, PIXELS, draw_picture

__all__ = [
    "OnPicture", "Pixels", "Way", "colour_bar", "coloured", "enlarged", "frame_sample", "lit", "mark_cell", "numbered",
    "put", "short", "tiled",
]  # fmt: skip

Pixels = NDArray[np.uint8]  # (height, width, 3)
Corners = Sequence[float]  # left, top, right, bottom in a picture's pixels
#: How a frame is drawn: the found box is "solid", the true one "dashed".
Way = Literal["solid", "dashed", "thin"]

_DENSE = DOTS // PIXELS  # dots a CSS pixel
_APART = 5  # dots: cells that are smaller cannot be told apart
_BLOCKS = 3  # dots a pixel from which on a pixel is drawn as a rectangle
_MOST_OPAQUE, _FADE = 0.75, 1.2  # of a colour that lies on a picture, and how late it becomes so
_TAG = 17.0  # CSS pixels: the height of a tag
_LEAST = 5.0  # CSS pixels: the smallest side of a frame


# -- values as colours ------------------------------------------------------------------------------------------------
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
    colours: Pixels = np.take(_viridis(), np.nan_to_num(scaled).clip(0, 255).astype(np.uint8), axis=0)
    return colours


def enlarged(pixels: Pixels, width: int, height: int) -> Pixels:
    """A picture in more dots, each pixel a rectangle."""
    tall, wide = pixels.shape[:2]
    rows, columns = (np.arange(dots) * many // dots for dots, many in ((height, tall), (width, wide)))
    return np.ascontiguousarray(pixels[rows[:, None], columns])


def tiled(values: NDArray[np.floating], low: float, high: float, width: int, height: int) -> Pixels:
    """A map (H, W) in colours, in (height, width, 3) dots.

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
    return enlarged(pixels, width, height)


def lit(picture: Image.Image, values: NDArray[np.floating], low: float, high: float) -> Image.Image:
    """A picture under the colours of a map of its own size (H, W), as opaque as the values are high.

    At ``low`` and below the picture is as it was; at ``high`` the colour covers three quarters of it.

    Example:
        >>> lit(Image.new("RGB", (2, 1), "white"), np.array([[0.0, 1.0]]), 0, 1).getpixel((0, 0))
        (255, 255, 255)
    """
    shares = np.nan_to_num((values - low) / (high - low) if high > low else np.zeros_like(values)).clip(0, 1)
    opaque = Image.fromarray((255 * _MOST_OPAQUE * shares**_FADE).round().astype(np.uint8))
    colours = Image.fromarray(coloured(values, low, high))
    return Image.composite(colours, picture.convert("RGB"), opaque)


def mark_cell(pixels: Pixels, row: int, column: int, cells: tuple[int, int]) -> None:
    """Frame a cell of a map of ``cells`` (rows, columns) in its dots (H, W, 3); a tiny cell gets a larger frame."""
    (tall, wide), least = pixels.shape[:2], 8
    edges = []
    for place, many, dots in ((row, cells[0], tall), (column, cells[1], wide)):
        first, last = place * dots // many, (place + 1) * dots // many
        more = max(0, least - (last - first))
        edges.append((first - more // 2, last + more - more // 2))
    (top, bottom), (left, right) = edges
    for grow, colour in ((5, (255, 255, 255)), (3, rgb(ORANGE))):
        ys, xs = (max(top - grow, 0), min(bottom + grow, tall)), (max(left - grow, 0), min(right + grow, wide))
        for lines in (slice(ys[0], max(top, 0)), slice(bottom, ys[1])):
            pixels[lines, xs[0] : xs[1]] = colour
        for lines in (slice(xs[0], max(left, 0)), slice(right, xs[1])):
            pixels[ys[0] : ys[1], lines] = colour


def colour_bar(sheet: Sheet, place: Box, low: str, high: str, words: str) -> None:
    """A bar of all colours with the meaning of its ends, and words beside it."""
    left, top, wide, tall = place
    bar = enlarged(_viridis()[None], round(wide * _DENSE), max(1, round(tall * _DENSE)))
    start = left + 7.0 * len(low) + 8
    put(sheet, bar, (start, top, wide, tall))
    y = top + tall / 2 - 6
    sheet.text(start - 6, y, low, size=8.5, align="right")
    sheet.text(start + wide + 6, y, high, size=8.5)
    sheet.text(start + wide + 22 + 7.0 * len(high), y, words, size=8.5)


def short(value: float) -> str:
    """A number in two or three digits.

    Example:
        >>> [short(x) for x in (0.0, -0.0312, -0.0021, 1.26, 38.7, 1234.5, 4e-7)]
        ['0', '−0.03', '−0.002', '1.3', '39', '1234', '4e−07']
    """
    size = abs(value)
    if size == 0:
        return "0"
    least = {9.95: ".0f", 0.995: ".1f", 0.0095: ".2f", 0.00095: ".3f", 0.0: ".0e"}
    digits = next(digits for limit, digits in least.items() if size >= limit)
    return f"{value:{digits}}".replace("-", "\N{MINUS SIGN}")


# -- pictures and the marks on them -----------------------------------------------------------------------------------
@dataclass(frozen=True)
class OnPicture:
    """A picture that lies on a sheet.

    Attributes:
        sheet: what it lies on.
        place: (left, top, width, height) on the sheet, in CSS pixels.
        size: (width, height) of the picture in its own pixels.
    """

    sheet: Sheet
    place: Box
    size: tuple[int, int]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the picture lies on the sheet."""
        left, top, wide, tall = self.place
        return left + wide * x / self.size[0], top + tall * y / self.size[1]

    def box(self, corners: Corners) -> Box:
        """Where a box of the picture lies on the sheet; what reaches beyond the picture is cut off."""
        xs = [min(max(float(x), 0.0), self.size[0]) for x in corners[::2]]
        ys = [min(max(float(y), 0.0), self.size[1]) for y in corners[1::2]]
        (left, top), (right, bottom) = self.at(xs[0], ys[0]), self.at(xs[1], ys[1])
        return left, top, right - left, bottom - top

    def frame(self, corners: Corners, way: Way = "solid", *, color: str = ORANGE, level: float = 2.0) -> None:
        """A frame around a box of the picture; a tiny box gets one that can still be seen."""
        left, top, wide, tall = self.box(corners)
        more = max(0.0, _LEAST - wide), max(0.0, _LEAST - tall)
        _frame(self.sheet, (left - more[0] / 2, top - more[1] / 2, wide + more[0], tall + more[1]), way, color, level)

    def outline(self, points: NDArray[np.floating], *, level: float = 1.6) -> None:
        """A thin closed line through points (n, 2) of x and y."""
        if len(points) < 2:
            return
        scaled = [self.at(float(x), float(y)) for x, y in points]
        self.sheet.lines([scaled], color=INK, line=2.6, level=level)
        self.sheet.lines([scaled], color="white", line=1.2, level=level + 0.01)

    def dots(self, points: Sequence[tuple[float, float]], *, radius: float = 1.6, level: float = 1.7) -> None:
        """White squares with a dark rim, all of them one path: a map may have hundreds."""
        middles = np.array([self.at(*point) for point in points]).reshape(-1, 1, 2)
        corners = radius * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)])
        codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * len(middles)
        path = Path((middles + corners).reshape(-1, 2), codes)
        self.sheet.path(path, facecolor="white", edgecolor=INK, linewidth=0.6, zorder=level)

    def cross(self, x: float, y: float, *, level: float = 2.6) -> None:
        """A ring with a cross in it: one place among many."""
        x, y = self.at(x, y)
        angles = np.linspace(0, 2 * np.pi, 40)
        ring = [(x + 6.5 * float(np.cos(angle)), y + 6.5 * float(np.sin(angle))) for angle in angles]
        arms = [[(x - 10, y), (x - 3, y)], [(x + 3, y), (x + 10, y)], [(x, y - 10), (x, y - 3)],
                [(x, y + 3), (x, y + 10)]]  # fmt: skip
        for color, line, more in ((INK, 3.8, 0.0), ("white", 1.8, 0.01)):
            self.sheet.lines([ring, *arms], color=color, line=line, level=level + more)

    def cells(self, of: str, corners: Corners, rows: int, columns: int, words: Callable[[int, int], str], *,
              gesture: Gesture = "click", outline: tuple[float, float] | None = None) -> None:  # fmt: skip
        """A grid of spots on a box, which may reach beyond the picture; ``outline`` is a frame's width and height."""
        (left, top), (right, bottom) = self.at(corners[0], corners[1]), self.at(corners[2], corners[3])
        shares = None
        if outline is not None:
            wide, tall = (long * self.place[2 + k] / self.size[k] for k, long in enumerate(outline))
            shares = (wide / self.sheet.width, tall / self.sheet.height)
        self.sheet.spot(of, (left, top, right - left, bottom - top), words, rows=rows, columns=columns,
                        gesture=gesture, outline=shares)  # fmt: skip

    def tag(self, corners: Corners, words: str, *, below: bool = False, right: bool = False, fill: str = ORANGE,
            color: str = "white") -> None:  # fmt: skip
        """A word at a corner of a box: above its top (or ``below`` its bottom) edge, inside if there is no room."""
        left, top, wide, tall = self.box(corners)
        width = text_width(words, 8.5, bold=True) + 10
        x = left + wide - width + 1 if right else left - 1
        x = min(max(x, self.place[0]), self.place[0] + self.place[2] - width)
        y = top + tall + 1 if below else top - _TAG - 1
        if not self.place[1] <= y <= self.place[1] + self.place[3] - _TAG:
            y = top + tall - _TAG - 2 if below else top + 2
        self.sheet.boxes([(x, y, width, _TAG)], fill=fill, edge=INK if fill == "white" else fill, line=0.8, level=3.2)
        self.sheet.marks([(x + width / 2, y + _TAG / 2, words, color)], size=8.5, bold=True)


def put(sheet: Sheet, picture: Image.Image | Pixels, place: Box, *, size: tuple[int, int] | None = None) -> OnPicture:
    """Lay a picture on a sheet, as large as it fits into ``place``, at its top and in its middle.

    Args:
        sheet: what it is laid on.
        picture: a picture, or pixels (H, W, 3).
        place: (left, top, width, height) on the sheet.
        size: (width, height) in which marks on it are measured, where that isn't the picture's own size.
    """
    photo = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    zoom = _DENSE * min(place[2] / photo.width, place[3] / photo.height)
    dots = (max(1, round(photo.width * zoom)), max(1, round(photo.height * zoom)))
    resampling = Image.Resampling.BILINEAR if zoom < _BLOCKS else Image.Resampling.NEAREST
    exact = photo if dots == photo.size else photo.resize(dots, resampling)
    wide, tall = dots[0] / _DENSE, dots[1] / _DENSE
    left, top = place[0] + (place[2] - wide) / 2, place[1]
    share = (left / sheet.width, 1 - (top + tall) / sheet.height, wide / sheet.width, tall / sheet.height)
    x, y, width, height = draw_picture(sheet.figure, share, exact, anchor="N")
    where = (x * sheet.width, (1 - y - height) * sheet.height, width * sheet.width, height * sheet.height)
    return OnPicture(sheet, where, size or photo.size)


def numbered(sheet: Sheet, x: float, y: float, words: str, *, fill: str = INK, color: str = "white") -> None:
    """A number in a disc, or in a pill where it is long, its middle at (x, y) on the sheet."""
    more = max(0.0, text_width(words, 9, bold=True) - 12) / 2
    angles = np.linspace(-np.pi / 2, np.pi / 2, 15)
    right = [(x + more + 9.5 * float(np.cos(angle)), y + 9.5 * float(np.sin(angle))) for angle in angles]
    ring = [*right, *((2 * x - a, 2 * y - b) for a, b in right), right[0]]
    sheet.path(Path(ring, closed=True), facecolor=fill, edgecolor="white", linewidth=1.2, zorder=3.1)
    sheet.marks([(x, y, words, color)], size=9, bold=True)


def frame_sample(sheet: Sheet, x: float, y: float, way: Way) -> None:
    """A small frame for a key, its middle at (x, y)."""
    sheet.boxes([(x - 13, y - 8, 26, 16)], fill="#8D97A3", level=1.5)
    _frame(sheet, (x - 9, y - 5, 18, 10), way, ORANGE, 2.0)


def _frame(sheet: Sheet, box: Box, way: Way, color: str, level: float) -> None:
    left, top, wide, tall = box
    points = [(left, top), (left + wide, top), (left + wide, top + tall), (left, top + tall), (left, top)]
    outer, outer_line, inner, inner_line = {
        "solid": ("white", 4.4, color, 2.4), "thin": (INK, 2.0, "white", 0.9), "dashed": (INK, 3.0, "white", 2.0),
    }[way]  # fmt: skip
    sheet.lines([points], color=outer, line=outer_line, level=level)
    sheet.lines([points], color=inner, line=inner_line, dashed=way == "dashed", level=level + 0.01)
