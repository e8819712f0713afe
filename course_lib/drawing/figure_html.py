"""A figure as HTML with the words of its spots, for a figure that stands in a notebook by itself, without a widget.

It needs no kernel and no script: the words show by CSS alone, so they are there after the notebook was closed and
opened again, and in every front end that shows HTML. A saved lesson keeps the plain picture (``COURSE_TOUCH=0``),
which GitHub shows.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from html import escape

from course_lib.drawing.spots import Spot

__all__ = ["figure_html"]

_MOST = 400  # regions; a finer grid has no words here
_STYLE = (
    ".course-figure{position:relative;display:inline-block;max-width:100%}"
    ".course-figure img{display:block;max-width:100%;height:auto}"
    ".course-figure i{position:absolute}"
    ".course-figure i.o{border-radius:50%}"
    ".course-figure i:hover{outline:2px solid #111;box-shadow:0 0 0 4px #fff;z-index:2}"
    ".course-figure i:hover::after{content:attr(data-tip);position:absolute;z-index:3;white-space:pre-line;"
    "width:max-content;max-width:26em;padding:5px 9px;border-radius:4px;font:normal 13px/1.4 sans-serif;"
    "background:#222;color:#fff;pointer-events:none;left:8px;top:calc(100% + 6px)}"
    ".course-figure i.r:hover::after{left:auto;right:8px}"
    ".course-figure i.b:hover::after{top:auto;bottom:calc(100% + 6px)}"
)


def figure_html(data: bytes, kind: str, width: int, alt: str, spots: Sequence[Spot]) -> str:
    """The picture, and over it an element for each region of its spots with the region's words.

    Args:
        data: its bytes.
        kind: "png" or "jpeg".
        width: how wide to show it, in CSS pixels.
        alt: what it shows.
        spots: what has words; smaller ones lie on larger ones.

    Returns:
        HTML, or "" where no spot has words that can be told without being asked.

    Example:
        >>> figure_html(b"", "png", 100, "a bubble", [Spot("model", (0.1, 0.1, 0.2, 0.2), "ResNet")]).count("<i ")
        1
    """
    regions = sorted(_regions(spots), key=lambda region: -region[0][2] * region[0][3])
    if not 0 < len(regions) <= 2 * _MOST:
        return ""
    marks = []
    for (left, top, wide, tall), words, round_ in regions:
        right, bottom = left + wide / 2 > 0.5, top + tall / 2 > 0.5  # NumPy's, where the figure was laid out with it
        kinds = [letter for letter, holds in (("o", round_), ("r", right), ("b", bottom)) if holds]
        place = ";".join(
            f"{name}:{100 * share:.2f}%"
            for name, share in zip(("left", "top", "width", "height"), (left, top, wide, tall), strict=True)
        )
        marks.append(f'<i class="{" ".join(kinds)}" style="{place}" data-tip="{escape(words)}"></i>')
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
    image = f'<img src="{source}" width="{width}" alt="{escape(alt)}">'
    return f'<style>{_STYLE}</style><div class="course-figure">{image}{"".join(marks)}</div>'


def _regions(spots: Sequence[Spot]) -> Iterator[tuple[tuple[float, float, float, float], str, bool]]:
    """The box, the words and the roundness of each region that there is room for."""
    for spot in spots:
        left, top, wide, tall = spot.box
        wide, tall = wide / spot.columns, tall / spot.rows
        if spot.rows * spot.columns <= _MOST:
            for row in range(spot.rows):
                for column in range(spot.columns):
                    box = (left + column * wide, top + row * tall, wide, tall)
                    yield box, spot.words(row, column), spot.round
