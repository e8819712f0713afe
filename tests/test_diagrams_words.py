"""Words that are rendered once: they must lie where matplotlib's own text lies, and look like it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray

from course_lib.drawing.sheet import Words, text_width
from course_lib.drawing.still import INK, new_figure, still

LINES = ("stride 2, 64 → 128", "layer2.0 × 4", "if dilate:  # ▸")


def ink(draw: Callable[[Figure], Any]) -> NDArray[np.float64]:
    """How dark each dot of a figure is, from 0 to 1."""
    figure = new_figure(3.0, 0.5)
    draw(figure)
    return 1 - np.asarray(still(figure, "a line of text").open().convert("L"), float) / 255


def reach(dark: NDArray[np.float64]) -> NDArray[np.int64]:
    rows, columns = np.where(dark > 0.3)
    return np.array([rows.min(), rows.max(), columns.min(), columns.max()])


@pytest.mark.parametrize("words", LINES)
@pytest.mark.parametrize("align", ["left", "center", "right"])
def test_it_lies_where_matplotlibs_text_lies(words: str, align: str) -> None:
    for size, bold, mono in ((8.5, False, True), (9.0, False, False), (11.0, True, False)):
        ours = ink(lambda f, how=(size, bold, mono): Words(
            f, 0.5, 0.5, words, align=align, size=how[0], bold=how[1], mono=how[2]))  # fmt: skip
        family, weight = "DejaVu Sans Mono" if mono else "DejaVu Sans", "bold" if bold else "normal"
        how = {"fontsize": size, "family": family, "weight": weight}
        theirs = ink(lambda f, how=how: f.text(0.5, 0.5, words, ha=align, color=INK, **how))
        assert abs(reach(ours) - reach(theirs)).max() <= 4, (size, bold, mono)  # dots: two CSS pixels
        assert 0.8 < ours.sum() / theirs.sum() < 1.25


@pytest.mark.parametrize("words", LINES)
def test_widths(words: str) -> None:
    columns = reach(ink(lambda f: Words(f, 0.1, 0.5, words, size=9)))[2:]
    assert abs((columns[1] - columns[0]) / 2 - text_width(words, 9)) < 4


def test_color_weight_and_nothing() -> None:
    def picture(*given: Any, **how: Any) -> bytes:
        figure = new_figure(1.0, 0.3)
        Words(figure, 0.1, 0.5, *given, **how)
        return still(figure, "a line of text").data

    plain = picture("stride")
    assert len({plain, picture("stride", color="#D55E00"), picture("stride", bold=True), picture("strids")}) == 4
    assert picture("stride") == plain  # from the store
    assert picture("  ") == picture("")  # nothing to draw
