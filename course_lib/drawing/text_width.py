"""Words on a figure that cost little to draw again: a text is rendered once, and laid on the figure as pixels.

Matplotlib sets and renders every letter anew for every picture, about a millisecond a line, and a page of code has
twenty lines. Otherwise a :class:`Words` is a text of matplotlib's, with the same typeface, place and extent.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.text import Text
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from course_lib.drawing.still import DOTS, INK, PIXELS

__all__ = ["Words", "rendered", "words_width", "wrapped"]


#: How far the baseline lies below the place, in the letters' size: matplotlib's lines reach from 0.76 above it to 0.24
#: below.
_DOWN = {"baseline": 0.0, "center": 0.26, "top": 0.76}
_BACK = {"left": 0.0, "center": 0.5, "right": 1.0}


class Words(Text):
    """A line of upright text.

    Args:
        x, y: its place, in the figure's coordinates: shares of it, from the bottom left corner.
        words: one line.
        size: in points.
        ha: which part of the line is at x: "left", "center" or "right".
        va: which part of it is at y: "baseline", "center" or "top".
        mono: letters of equal width, for code.

    Example:
        >>> from course_lib.drawing.still import new_figure, still
        >>> figure = new_figure(1, 0.4)
        >>> _ = Words(figure, 0.5, 0.4, "stride 2", ha="center")
        >>> still(figure, "words").open().convert("L").getextrema()[0] < 60  # there is ink
        True
    """

    def __init__(
        self,
        figure: Figure,
        x: float,
        y: float,
        words: str,
        *,
        size: float = 9.0,
        color: str = INK,
        bold: bool = False,
        mono: bool = False,
        ha: str = "left",
        va: str = "baseline",
        level: float = 4.0,
    ) -> None:
        super().__init__(
            x, y, words, fontsize=size, color=color, ha=ha, va=va, zorder=level,
            weight="bold" if bold else "normal", family="DejaVu Sans Mono" if mono else "DejaVu Sans",
            parse_math=False,
        )  # fmt: skip
        self._kind = (size, bold, mono)
        self.set_transform(figure.transFigure)
        figure.add_artist(self)

    def draw(self, renderer: Any) -> None:
        words = self.get_text()
        if not words.strip() or not self.get_visible():
            return
        pixels, left, top, wide = rendered(words, *self._kind, str(self.get_color()))
        x, y = self.get_transform().transform(self.get_position())
        x -= wide * _BACK[self.get_horizontalalignment()]
        y -= _DOWN[self.get_verticalalignment()] * self._kind[0] * DOTS / 72
        renderer.draw_image(renderer.new_gc(), round(x) + left, round(y) - top - pixels.shape[0], pixels)


@lru_cache(maxsize=2048)
def rendered(words: str, size: float, bold: bool, mono: bool, color: str) -> tuple[NDArray[np.uint8], int, int, float]:
    """Pixels (bottom row first, as matplotlib's renderer wants them), where they begin, and how far the words reach."""
    font = _font(size, bold, mono)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(words, anchor="ls"))
    mask = Image.new("L", (max(right - left, 1), max(bottom - top, 1)), 0)
    ImageDraw.Draw(mask).text((-left, -top), words, fill=255, font=font, anchor="ls")
    pixels = np.empty((mask.height, mask.width, 4), np.uint8)
    pixels[..., :3] = [round(255 * part) for part in to_rgb(color)]
    pixels[..., 3] = np.asarray(mask)[::-1]
    return pixels, left, top, float(font.getlength(words))


@lru_cache(maxsize=32)
def _font(size: float, bold: bool, mono: bool) -> ImageFont.FreeTypeFont:
    family, weight = "DejaVu Sans Mono" if mono else "DejaVu Sans", "bold" if bold else "normal"
    path = findfont(FontProperties(family=family, weight=weight))
    return ImageFont.truetype(path, size * DOTS / 72, layout_engine=ImageFont.Layout.BASIC)


def words_width(words: str, size: float = 9.0, *, bold: bool = False, mono: bool = False) -> float:
    """How wide a line will be, in CSS pixels.

    Example:
        >>> words_width("88", mono=True) == 2 * words_width("8", mono=True)
        True
    """
    return float(_font(size, bold, mono).getlength(words)) * PIXELS / DOTS


def wrapped(words: str, width: float, size: float = 9.0, *, bold: bool = False) -> list[str]:
    """Words in lines of at most ``width`` CSS pixels; a longer word has a line of its own.

    Example:
        >>> wrapped("the shape stays", 60), wrapped("one two three", 80, 10.5, bold=True), wrapped("", 60)
        (['the shape', 'stays'], ['one two', 'three'], [])
    """
    lines: list[str] = []
    for word in words.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and words_width(longer, size, bold=bold) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
