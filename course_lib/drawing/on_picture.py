"""A picture on a sheet, and what is drawn on it in the picture's own pixels: frames, outlines, dots, tags.

Every line lies between two others of the opposite brightness, so that it is seen on any picture and on any colour of
a heat map; a solid frame, a dashed one and a dotted one differ without their colours too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.path import Path
from numpy.typing import NDArray
from PIL import Image, ImageChops

from course_lib.drawing import heat
from course_lib.drawing.sheet import Box, Sheet, text_width
from course_lib.drawing.still import INK, ORANGE

__all__ = ["OnPicture", "Way", "frame_sample", "numbered", "put", "toned"]

#: How a frame is drawn: the found box is "solid", the true one "dashed".
Way = Literal["solid", "dashed", "thin"]
Pixels = NDArray[np.uint8]
#: (left, top, right, bottom) in a picture's pixels.
Corners = Sequence[float]
_DARKEST = 90  # of 255: a black dot under a bright colour
_LIGHTER = [_DARKEST + round((255 - _DARKEST) * k / 255) for k in range(256)]
_TAG = 17.0  # CSS pixels, how tall a tag is


def toned(picture: Image.Image, values: NDArray[np.floating], low: float, high: float) -> Image.Image:
    """A picture in grey under the colours of a map of its own size (H, W): dark blue at ``low``, yellow at ``high``.

    The colour says how high; light and dark are the picture's.

    Example:
        >>> toned(Image.new("RGB", (2, 1), "black"), np.array([[0.0, 1.0]]), 0, 1).size
        (2, 1)
    """
    light = Image.merge("RGB", [picture.convert("L").point(_LIGHTER)] * 3)
    scaled = (values - low) * (255 / (high - low) if high > low else 0.0) + 0.5  # a flat map is dark
    colours = Image.fromarray(np.clip(scaled, 0, 255).astype(np.uint8))
    colours.putpalette(heat.coloured(np.arange(256.0)[None], 0, 255).tobytes())
    return Image.blend(ImageChops.multiply(colours.convert("RGB"), light), light, 0.22)


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
        """A frame round a box of the picture."""
        left, top, wide, tall = self.box(corners)
        _frame(self.sheet, (left, top, wide, tall), way, color, level)

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
        turn = np.linspace(0, 2 * np.pi, 40)
        ring = [(x + 6.5 * float(np.cos(t)), y + 6.5 * float(np.sin(t))) for t in turn]
        arms = [
            [(x - 10, y), (x - 3, y)],
            [(x + 3, y), (x + 10, y)],
            [(x, y - 10), (x, y - 3)],
            [(x, y + 3), (x, y + 10)],
        ]
        for color, line, more in ((INK, 3.8, 0.0), ("white", 1.8, 0.01)):
            self.sheet.lines([ring, *arms], color=color, line=line, level=level + more)

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
    """Lay a picture on a sheet, as large as it fits into ``place``, at its top.

    Args:
        size: (width, height) in whose pixels is drawn on it, where these are not the picture's own.
    """
    photo = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    zoom = 2 * min(place[2] / photo.width, place[3] / photo.height)
    dots = (max(1, round(photo.width * zoom)), max(1, round(photo.height * zoom)))
    soft = photo.resize(dots, Image.Resampling.BILINEAR) if dots != photo.size and zoom < 6 else photo
    exact = (place[0] + (place[2] - dots[0] / 2) / 2, place[1], dots[0] / 2, dots[1] / 2)  # nothing is resized again
    return OnPicture(sheet, heat.lay(sheet, soft, exact), size or photo.size)


def numbered(sheet: Sheet, x: float, y: float, words: str, *, fill: str = INK, color: str = "white") -> None:
    """A number in a disc, or in a pill where it is long, its middle at (x, y) on the sheet."""
    more = max(0.0, text_width(words, 9, bold=True) - 12) / 2
    turn = np.linspace(-np.pi / 2, np.pi / 2, 15)
    right = [(x + more + 9.5 * float(np.cos(t)), y + 9.5 * float(np.sin(t))) for t in turn]
    ring = [*right, *((2 * x - a, 2 * y - b) for a, b in right), right[0]]
    sheet.path(Path(ring, closed=True), facecolor=fill, edgecolor="white", linewidth=1.2, zorder=3.1)
    sheet.marks([(x, y, words, color)], size=9, bold=True)


def frame_sample(sheet: Sheet, x: float, y: float, way: Way, *, color: str = ORANGE) -> None:
    """A small frame for a key, its middle at (x, y)."""
    sheet.boxes([(x - 13, y - 8, 26, 16)], fill="#8D97A3", level=1.5)
    _frame(sheet, (x - 9, y - 5, 18, 10), way, color, 2.0)


def _frame(sheet: Sheet, box: Box, way: Way, color: str, level: float) -> None:
    left, top, wide, tall = box
    points = [(left, top), (left + wide, top), (left + wide, top + tall), (left, top + tall), (left, top)]
    if way == "solid":
        sheet.lines([points], color="white", line=4.4, level=level)
        sheet.lines([points], color=color, line=2.4, level=level + 0.01)
    elif way == "thin":
        sheet.lines([points], color=INK, line=2.0, level=level)
        sheet.lines([points], color="white", line=0.9, level=level + 0.01)
    else:
        sheet.lines([points], color=INK, line=3.0, level=level)
        sheet.lines([points], color="white", line=2.0, dashed=True, level=level + 0.01)
