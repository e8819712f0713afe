"""``Sheet``: a canvas measured in CSS pixels from its top left corner, on which all diagrams and tables are drawn.

Its texts are cheap. Matplotlib renders every text again for every picture, a twentieth of a millisecond for each
letter, and a grid has hundreds of numbers. Here a text is rendered once, in matplotlib's own typeface, cached, and laid
into the picture as pixels; ``text_width`` and ``wrapped`` measure it. Everything else is ordinary matplotlib artists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from math import sqrt
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.transforms import Affine2D
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from course_lib.drawing.spots import Spot
from course_lib.drawing.still import DOTS, INK, PIXELS, Still, new_figure, shortened, still

__all__ = ["FAINT", "SLANT", "Box", "Mark", "Sheet", "Words", "fitted_words", "middle", "rgb", "text_width", "wrapped"]

Box = tuple[float, float, float, float]  # left, top, width, height
Mark = tuple[float, float, str, str]  # x and y of its middle, the text, its colour
FAINT = "#5F5F5F"  # of text that steps back
SLANT = 0.5 * sqrt(0.5)  # of a length away from the reader: half as long, at 45 degrees
_DENSE = DOTS / PIXELS  # dots a CSS pixel
# Shares of the letters' size: how tall a digit and a tall letter are, and how far lines lie apart.
_DIGIT, _RISE, _LINE = 0.73, 0.76, 1.4
_SHARE = {"left": 0.0, "center": 0.5, "right": 1.0}  # of a text that lies left of its place


class Sheet:
    """A white sheet, ``width`` × ``height`` CSS pixels; x grows to the right and y down.

    Attributes:
        figure: matplotlib's figure under it.
        spots: what can be touched on it; ``spot`` adds one.

    Example:
        >>> sheet = Sheet(200, 50)
        >>> sheet.boxes([(10, 10, 30, 30)], fill="white", edge=INK)
        >>> sheet.marks([(25, 25, "7", INK)])
        >>> sheet.still("a seven in a box").open().size
        (400, 100)
    """

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.spots: list[Spot] = []
        self.figure = new_figure(width / 100, height / 100)
        self._place = Affine2D().scale(1 / width, -1 / height).translate(0, 1) + self.figure.transFigure

    def still(self, alt: str) -> Still:
        """The finished picture."""
        return still(self.figure, alt, spots=self.spots)

    def spot(self, of: str, box: Box, tip: str | Callable[[int, int], str] = "", value: Any = None, **how: Any) -> None:
        """A region that answers to the pointer, as ``Spot`` has it; its box in CSS pixels of the sheet."""
        left, top, width, height = box
        shares = (left / self.width, top / self.height, width / self.width, height / self.height)
        self.spots.append(Spot(of, shares, tip, value, **how))

    def text(self, x: float, y: float, words: str, *, size: float = 9.0, color: str = INK, bold: bool = False,
             mono: bool = False, align: str = "left") -> None:  # fmt: skip
        """A line or lines of text; ``y`` is the top of the first, ``x`` their "left", "center" or "right"."""
        dots = size * PIXELS / 72
        for k, line in enumerate(words.split("\n")):
            down = y + (_RISE + k * _LINE) * dots
            self.standing_text(x, down, line, size=size, color=color, bold=bold, mono=mono, align=align)

    def standing_text(self, x: float, y: float, words: str, *, size: float = 9.0, color: str = INK, bold: bool = False,
                      mono: bool = False, align: str = "left") -> None:  # fmt: skip
        """A line whose letters stand at ``y``."""
        if words.strip():
            Words(self.figure, x / self.width, 1 - y / self.height, words, size=size, color=color, bold=bold, mono=mono,
                  align=align)  # fmt: skip

    def middle_text(self, x: float, y: float, words: str, *, size: float = 9.0, color: str = INK, bold: bool = False,
                    align: str = "left") -> None:  # fmt: skip
        """A line whose digits have their middle at ``y``."""
        up = (_RISE - _DIGIT / 2) * size * PIXELS / 72
        self.text(x, y - up, words, size=size, color=color, bold=bold, align=align)

    def path(self, path: Path, **style: Any) -> None:
        """A matplotlib path, its points in CSS pixels; its corners are round unless ``joinstyle`` says otherwise."""
        self._add(PathPatch(path, **{"joinstyle": "round", **style}))

    def boxes(self, boxes: Sequence[Box], *, fill: str = "none", edge: str = "none", line: float = 0.8,
              level: float = 1.0) -> None:  # fmt: skip
        """Rectangles that look the same; ``line`` in points, a higher ``level`` lies on top."""
        corners = [[(x, y), (x + w, y), (x + w, y + h), (x, y + h)] for x, y, w, h in boxes]
        self._add(PolyCollection(corners, facecolors=fill, edgecolors=edge, linewidths=line, zorder=level))

    def grid(self, box: Box, rows: int, columns: int, *, color: str = INK, line: float = 0.8, dashed: bool = False,
             level: float = 1.1) -> None:  # fmt: skip
        """Lines between and around the cells of a table."""
        x, y, w, h = box
        lines = [[(x, y + k * h / rows), (x + w, y + k * h / rows)] for k in range(rows + 1)]
        lines += [[(x + k * w / columns, y), (x + k * w / columns, y + h)] for k in range(columns + 1)]
        self.lines(lines, color=color, line=line, dashed=dashed, level=level)

    def hatched(self, boxes: Sequence[Box], *, color: str = INK, level: float = 3.0) -> None:
        """Rectangles filled with slanted lines; where they overlap the lines are the same."""
        corners = [[(x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y)] for x, y, w, h in boxes]
        path = Path.make_compound_path(*(Path(points, closed=True) for points in corners))
        self.path(path, facecolor="none", edgecolor=color, linewidth=0, hatch="/////", zorder=level)

    def lines(self, lines: Iterable[Sequence[tuple[float, float]]], *, color: str = INK, line: float = 0.8,
              dashed: bool = False, level: float = 2.0) -> None:  # fmt: skip
        """Lines through points; square ends, so that corners are whole."""
        style = {"linestyles": (0, (3, 2))} if dashed else {"capstyle": "projecting"}
        self._add(LineCollection([*lines], colors=color, linewidths=line, zorder=level, **style))

    def marks(self, marks: Sequence[Mark], *, size: float = 9.0, bold: bool = False, align: str = "center") -> None:
        """Short texts by the middle of each, or by the middle of its "left" or "right" end; all of one size."""
        self._add(_Marks(marks, size, bold, align))

    def cuboids(self, cuboids: Sequence[tuple[float, float, float, float, float]], *, color: str,
                edge: str | None = None, line: float = 0.8) -> None:  # fmt: skip
        """Boxes in cabinet projection: (left, bottom, to the right, up, away × ``SLANT``)."""
        faces, fills = [], []
        for x, y, r, u, a in cuboids:
            faces.append([(x, y), (x + r, y), (x + r, y - u), (x, y - u)])
            faces.append([(x, y - u), (x + r, y - u), (x + r + a, y - u - a), (x + a, y - u - a)])
            faces.append([(x + r, y), (x + r + a, y - a), (x + r + a, y - u - a), (x + r, y - u)])
            fills += [_thinned(color, share) for share in (0.62, 0.35, 0.16)]
        self._add(PolyCollection(faces, facecolors=fills, edgecolors=edge or color, linewidths=line, zorder=2))

    def _add(self, artist: Artist) -> None:
        artist.set_transform(self._place)
        self.figure.add_artist(artist)


class _Marks(Artist):
    """Many short texts as one artist."""

    def __init__(self, marks: Sequence[Mark], size: float, bold: bool, align: str) -> None:
        super().__init__()
        self._marks, self._size, self._bold = marks, size, bold
        self._share = _SHARE[align]
        self.set_zorder(4)

    def draw(self, renderer: Any) -> None:
        context, tall = renderer.new_gc(), round(renderer.height)
        up = _DIGIT / 2 * self._size * DOTS / 72
        for x, y, words, color in self._marks:
            pixels, left, top, wide = _rendered(words, self._size, self._bold, False, color)
            beginning = round(_DENSE * x - self._share * wide)
            line = round(_DENSE * y + up)  # that letters stand on
            renderer.draw_image(context, beginning + left, tall - line - top - pixels.shape[0], pixels)


def _thinned(color: str, share: float) -> tuple[float, float, float]:
    """A colour mixed with white."""
    red, green, blue = (1 - share + share * part for part in to_rgb(color))
    return red, green, blue


def rgb(color: str) -> tuple[int, int, int]:
    """A colour as red, green and blue from 0 to 255.

    Example:
        >>> rgb("#D55E00")
        (213, 94, 0)
    """
    red, green, blue = (round(255 * part) for part in to_rgb(color))
    return red, green, blue


def middle(box: Box) -> tuple[float, float]:
    """The point in the middle of a box.

    Example:
        >>> middle((10, 20, 4, 2))
        (12.0, 21.0)
    """
    left, top, width, height = box
    return left + width / 2, top + height / 2


# -- text --------------------------------------------------------------------------------------------------------------
class Words(Text):
    """A line of text that is rendered once; matplotlib's own ``Text`` in typeface, place and extent.

    Args:
        figure: what it is added to.
        x, y: where its letters stand, as shares of the figure from the bottom left corner.
        words: one line.
        size: in points.
        color, bold: how it looks.
        mono: letters of equal width, for code.
        align: which part of the line is at x: "left", "center" or "right".

    Example:
        >>> figure = new_figure(1, 0.4)
        >>> _ = Words(figure, 0.5, 0.4, "stride 2", align="center")
        >>> still(figure, "words").open().convert("L").getextrema()[0] < 60  # there is ink
        True
    """

    def __init__(self, figure: Figure, x: float, y: float, words: str, *, size: float = 9.0, color: str = INK,
                 bold: bool = False, mono: bool = False, align: str = "left") -> None:  # fmt: skip
        super().__init__(
            x, y, words, fontsize=size, color=color, ha=align, va="baseline", zorder=4, parse_math=False,
            weight="bold" if bold else "normal", family="DejaVu Sans Mono" if mono else "DejaVu Sans",
        )  # fmt: skip
        self._kind = (size, bold, mono)
        self.set_transform(figure.transFigure)
        figure.add_artist(self)

    def draw(self, renderer: Any) -> None:
        words = self.get_text()
        if not words.strip() or not self.get_visible():
            return
        pixels, left, top, wide = _rendered(words, *self._kind, str(self.get_color()))
        x, y = self.get_transform().transform(self.get_position())
        x -= wide * _SHARE[self.get_horizontalalignment()]
        renderer.draw_image(renderer.new_gc(), round(x) + left, round(y) - top - pixels.shape[0], pixels)


@lru_cache(maxsize=2048)
def _rendered(words: str, size: float, bold: bool, mono: bool, color: str) -> tuple[NDArray[np.uint8], int, int, float]:
    """Pixels (bottom row first, as matplotlib expects), their left and top edge, and the text's width."""
    font = _font(size, bold, mono)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(words, anchor="ls"))
    mask = Image.new("L", (max(right - left, 1), max(bottom - top, 1)), 0)
    ImageDraw.Draw(mask).text((-left, -top), words, fill=255, font=font, anchor="ls")
    pixels = np.empty((mask.height, mask.width, 4), np.uint8)
    pixels[..., :3] = rgb(color)
    pixels[..., 3] = np.asarray(mask)[::-1]
    return pixels, left, top, float(font.getlength(words))


@lru_cache(maxsize=32)
def _font(size: float, bold: bool, mono: bool) -> ImageFont.FreeTypeFont:
    family, weight = "DejaVu Sans Mono" if mono else "DejaVu Sans", "bold" if bold else "normal"
    path = findfont(FontProperties(family=family, weight=weight))
    return ImageFont.truetype(path, size * DOTS / 72, layout_engine=ImageFont.Layout.BASIC)


def text_width(words: str, size: float = 9.0, *, bold: bool = False, mono: bool = False) -> float:
    """How wide a line of text will be, in CSS pixels.

    Example:
        >>> text_width("8888") == 2 * text_width("88") and 15 < text_width("888", 8) < 25
        True
    """
    return float(_font(size, bold, mono).getlength(words)) * PIXELS / DOTS


def wrapped(words: str, width: float, size: float = 9.0, *, bold: bool = False) -> list[str]:
    """A text in lines of at most ``width`` CSS pixels; a longer word has a line of its own.

    Example:
        >>> wrapped("the shape stays", 60), wrapped("one two three", 80, 10.5, bold=True), wrapped("", 60)
        (['the shape', 'stays'], ['one two', 'three'], [])
    """
    lines: list[str] = []
    for word in words.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, bold=bold) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def fitted_words(words: str, width: float, size: float = 9.0, *, bold: bool = False) -> str:
    """As many of the letters as fit into ``width`` CSS pixels, with "…" where they are cut off; at least one.

    Example:
        >>> fitted_words("goldfish", 40), fitted_words("goldfish", 80)
        ('gold…', 'goldfish')
    """
    letters = len(words)
    while letters > 1 and text_width(shortened(words, letters), size, bold=bold) > width:
        letters -= 1
    return shortened(words, letters)
