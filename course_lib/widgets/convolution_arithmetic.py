"""The arithmetic of a convolution with sliders: how large the output is, what its cells are made of, what is lost."""

from __future__ import annotations

from typing import Any

from course_lib.drawing.convolution_figure import sliding_window
from course_lib.drawing.still import Still
from course_lib.networks.convolution import Convolution, ConvolutionError
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, number

__all__ = ["convolution_arithmetic", "draw_convolution"]


def draw_convolution(*, n: int, k: int, s: int, p: int, d: int, row: int, column: int) -> Still:
    """The window of the output's cell at ``row`` and ``column``; of the last one where the output has no such cell.

    Args:
        n, k, s, p, d: input, kernel, stride, padding and dilation, in cells along a side.
        row, column: of the output, from 0.

    Raises:
        ConvolutionError: the window is larger than the padded input.
    """
    convolution = Convolution(n, k, s, p, d)
    last = convolution.out - 1
    beyond = [f"{name} {place}" for name, place in (("row", row), ("column", column)) if place > last]
    note = f"The output's last row and column are {last}: shown instead of {' and '.join(beyond)}." if beyond else ""
    return sliding_window(convolution, min(row, last), min(column, last), note=note)


@widget(
    moves=[{"n": 9}, {"k": 4}, {"s": 1}, {"p": 0}, {"d": 2}, {"row": 2}, {"column": 0}, {"n": 4, "k": 1}],
    refuses=[({"n": 99}, "from 1 to 10"), ({"n": 2, "k": 7, "p": 0}, "does not fit")],
)
def convolution_arithmetic(
    *, n: int = 6, k: int = 3, s: int = 2, p: int = 1, d: int = 1, row: int = 1, column: int = 1
) -> Explorer:
    """Sliders for the five numbers, and for the output's row and column whose window is shown.

    Example:
        >>> widget = convolution_arithmetic(n=5, k=3, s=2, p=0)
        >>> widget
        Convolution n=5 k=3 s=2 p=0 d=1: output 2×2; cell (1, 1) = ...
        >>> widget.set(k=6).message
        '...The window does not fit: a kernel of 6 with dilation 1 is 6 cells wide, but the input...'
    """
    controls = {
        "n": number("n (input)", 1, 10, n),
        "k": number("k (kernel)", 1, 7, k),
        "s": number("s (stride)", 1, 5, s),
        "p": number("p (padding)", 0, 3, p),
        "d": number("d (dilation)", 1, 4, d),
    }

    def settle(moved: str, _before: Any) -> None:
        if moved in ("row", "column"):
            return
        try:
            last = Convolution(*(controls[name].value for name in "nkspd")).out - 1
        except ConvolutionError:  # the picture's own sentence says so
            return
        for name in ("row", "column"):
            controls[name].max = last

    last = Convolution(n, k, s, p, d).out - 1
    controls |= {
        "row": number("output row", 0, last, min(row, last)),
        "column": number("output column", 0, last, min(column, last)),
    }
    return Explorer(
        lambda **state: draw_convolution(**state), controls, settle=settle, touch={"cell": ("row", "column")}
    )
