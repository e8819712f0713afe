"""What must hold for every figure: nothing written outside it, nothing written over something else."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from course_lib.drawing import still
from course_lib.drawing.still import Still


def watch(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """A list that fills with every figure that is rendered from now on."""
    seen: list[Figure] = []

    def canvas(figure: Figure) -> FigureCanvasAgg:
        seen.append(figure)
        return FigureCanvasAgg(figure)

    monkeypatch.setattr(still, "FigureCanvasAgg", canvas)
    return seen


def faults(figure: Figure, slack: float = 2.0, *, smallest: float = 8.0) -> list[str]:
    """The texts that leave the figure, that lie over each other, or that are too small to read; empty when all is well.

    Args:
        figure: as it was rendered.
        slack: dots (a quarter of a millimetre on paper) that are forgiven.
        smallest: points that a text must have; 9 are 11 CSS pixels.
    """
    renderer = FigureCanvasAgg(figure).get_renderer()
    width, height = figure.bbox.width, figure.bbox.height
    boxes, found = [], []
    for text in figure.findobj(Text):
        words = text.get_text().strip()
        if not words or not text.get_visible():
            continue
        box = text.get_window_extent(renderer)
        if text.get_rotation() == 0:  # the box of a slanted text is mostly empty
            boxes.append((words, box))
        if box.x0 < -slack or box.y0 < -slack or box.x1 > width + slack or box.y1 > height + slack:
            found.append(f"{words!r} leaves the figure ({width:.0f}×{height:.0f}): {box.extents.round()}")
        if text.get_fontsize() < smallest:
            found.append(f"{words!r} is written in {text.get_fontsize()} points")
    for (one, a), (other, b) in combinations(boxes, 2):
        wide, tall = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        if wide > slack and tall > slack:
            found.append(f"{one!r} lies over {other!r} ({wide:.0f}×{tall:.0f} dots)")
    return found


def is_picture(still: Still, *, kind: str | None = None) -> None:
    """A still is a whole PNG or JPEG, 1.6 or 1.2 dots a CSS pixel, shows something, and is described."""
    start = {"png": b"\x89PNG\r\n", "jpeg": b"\xff\xd8\xff"}[still.format]
    assert still.data.startswith(start) and kind in (None, still.format)
    picture = still.open()
    picture.load()  # raises on a cut-off file
    dots = 1.2 if still.format == "jpeg" and picture.width < 1.4 * still.width else 1.6
    assert abs(picture.width - dots * still.width) <= 2
    values = np.asarray(picture.convert("L"))
    assert values.std() > 5 and len(np.unique(values)) > 4  # not a blank sheet
    assert still.alt.strip() == still.alt and len(still.alt) > 8 and "\n" not in still.alt
