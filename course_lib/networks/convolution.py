"""One convolution by hand: the cells that each window sees, those that none sees, and the products of an output cell.

The settings are the same in both directions: an n×n input of one channel, a k×k kernel, stride s, padding p, dilation
d. The numbers are small integers, to be followed with a pencil; there is no bias. Rows and columns are counted from 0
to n − 1 over the input's own cells, so the padding in front has the numbers −p to −1. As in Dumoulin and Visin, "A
guide to convolution arithmetic for deep learning", https://arxiv.org/abs/1603.07285. The picture of it is in
``course_lib.drawing.convolution_figure``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from course_lib.errors import CourseError
from course_lib.tracing import windows

__all__ = ["Convolution", "ConvolutionError", "Product", "Window", "listed"]

Grid = tuple[tuple[int, ...], ...]


class ConvolutionError(CourseError, ValueError):
    """Numbers that no convolution can have, or a cell that it does not have."""


@dataclass(frozen=True, slots=True)
class Window:
    """The position of one window, in one direction.

    Attributes:
        start: its first cell; if that is below 0, it begins in the padding.
        cells: the cells that it reads; a dilation leaves holes between them.
    """

    start: int
    cells: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """One of the products whose sum is an output cell.

    Attributes:
        value: the input's number, 0 in the padding.
        weight: the kernel's number.
        row, column: of the input cell.
        padding: whether that cell is padding.
    """

    value: int
    weight: int
    row: int
    column: int
    padding: bool

    def __str__(self) -> str:
        return f"{self.value}·{self.weight}"


@dataclass(frozen=True)
class Convolution:
    """A convolution of an n×n input, with small whole numbers in its cells.

    Args:
        n: cells of the input along a side, at least 1.
        k: cells of the kernel along a side, at least 1.
        s: stride, at least 1.
        p: cells of padding on every side, at least 0.
        d: dilation, at least 1; 1 leaves no holes.

    Raises:
        ConvolutionError: a number is out of its range, or the window is larger than the padded input.

    Example:
        >>> conv = Convolution(6, 3, s=2, p=0)
        >>> conv.out, conv.formula
        (2, '⌊(6 − 1·(3−1) − 1) / 2⌋ + 1 = 2')
        >>> conv.windows[1], conv.dropped
        (Window(start=2, cells=(2, 3, 4)), (5,))
        >>> conv.written(0, 0), conv.outputs[0][0]
        ('3·2 + 0·1 + 1·0 + 2·0 + 1·1 + 1·1 + 2·2 + 3·1 + 3·1 = 18', 18)
    """

    n: int
    k: int
    s: int = 1
    p: int = 0
    d: int = 1

    def __post_init__(self) -> None:
        least = {"n": 1, "k": 1, "s": 1, "p": 0, "d": 1}
        for name, low in least.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                raise ConvolutionError(
                    f"{name} = {value!r}: the {_NAMES[name]} is a whole number, at least {low}; give another one."
                )
        if self.span > self.padded:
            window = f"{self.k}" if self.d == 1 else f"{self.d}·({self.k}−1) + 1 = {self.span}"
            room = f"{self.n} + 2·{self.p} = {self.padded}" if self.p else f"{self.n}"
            enough = -(-(self.span - self.n) // 2)
            smaller = "kernel" if self.d == 1 else "kernel or dilation"
            raise ConvolutionError(
                f"The window does not fit: a kernel of {self.k} with dilation {self.d} is {window} cells wide, but the "
                f"input with its padding only {room}. Take a smaller {smaller}, or a padding of at least {enough} "
                f"(stride {self.s} changes nothing here)."
            )

    # -- the arithmetic -----------------------------------------------------------------------------------------------
    @property
    def span(self) -> int:
        """Cells from the window's first to its last, including the holes: d(k−1) + 1."""
        return self.d * (self.k - 1) + 1

    @property
    def padded(self) -> int:
        """Cells along a side with the padding: n + 2p."""
        return self.n + 2 * self.p

    @property
    def out(self) -> int:
        """Cells of the output along a side."""
        return windows.slide(self.n, self.k, self.s, self.p, self.d).size

    @property
    def formula(self) -> str:
        """The formula of the output's size with the numbers in it, as the tracer writes it."""
        return windows.slide(self.n, self.k, self.s, self.p, self.d).text

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        """Every window in one direction, in the order of the outputs."""
        starts = range(-self.p, -self.p + self.s * self.out, self.s)
        return tuple(Window(at, tuple(range(at, at + self.span, self.d))) for at in starts)

    @cached_property
    def unseen(self) -> tuple[int, ...]:
        """Rows (and columns) that no window reads, including those of the padding."""
        seen = {cell for window in self.windows for cell in window.cells}
        return tuple(cell for cell in range(-self.p, self.n + self.p) if cell not in seen)

    @property
    def dropped(self) -> tuple[int, ...]:
        """Unseen rows (and columns) behind the last window, where the division leaves a remainder."""
        return tuple(cell for cell in self.unseen if cell > self.windows[-1].cells[-1])

    @property
    def lost(self) -> int:
        """How many of the input's n·n cells, without padding, no window reads."""
        return self.n**2 - (self.n - sum(0 <= cell < self.n for cell in self.unseen)) ** 2

    # -- an example ---------------------------------------------------------------------------------------------------
    @cached_property
    def picture(self) -> Grid:
        """The input without its padding, (n, n): numbers from 0 to 3."""
        return tuple(tuple(_mixed(row, column, 5) % 4 for column in range(self.n)) for row in range(self.n))

    @cached_property
    def kernel(self) -> Grid:
        """The weights, (k, k): numbers from 0 to 2."""
        return tuple(tuple(_mixed(row, column, 26) % 3 for column in range(self.k)) for row in range(self.k))

    @cached_property
    def outputs(self) -> Grid:
        """The output, (out, out)."""
        cells = range(self.out)
        return tuple(tuple(sum(product.value * product.weight for product in self.products(row, column))
                           for column in cells) for row in cells)  # fmt: skip

    def products(self, row: int, column: int) -> tuple[Product, ...]:
        """The k·k products whose sum is the output's cell at ``row`` and ``column``, kernel row by kernel row.

        Raises:
            ConvolutionError: the output has no such cell.
        """
        for name, place in (("row", row), ("column", column)):
            if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < self.out:
                raise ConvolutionError(
                    f"{name} {place!r}: the output is {self.out}×{self.out}, so its {name}s are counted from 0 to "
                    f"{self.out - 1}; give one of them."
                )
        products = []
        for i, y in enumerate(self.windows[row].cells):
            for j, x in enumerate(self.windows[column].cells):
                inside = 0 <= y < self.n and 0 <= x < self.n
                value = self.picture[y][x] if inside else 0
                products.append(Product(value, self.kernel[i][j], y, x, not inside))
        return tuple(products)

    def written(self, row: int, column: int) -> str:
        """An output cell as its products and their sum."""
        return " + ".join(map(str, self.products(row, column))) + f" = {self.outputs[row][column]}"

    # -- remarks -----------------------------------------------------------------------------------------------------
    @property
    def remarks(self) -> tuple[str, ...]:
        """A sentence on unseen cells behind the last window, and one on those between the windows, if there are any.

        Example:
            >>> Convolution(6, 3, s=2).remarks
            ('No window sees row and column 5: the division leaves a remainder of 1.',)
            >>> Convolution(5, 1, s=2).remarks
            ('No window sees rows and columns 1 and 3: the stride of 2 steps over them.',)
        """
        remarks = []
        behind, between = self.dropped, tuple(cell for cell in self.unseen if cell not in self.dropped)
        if behind:
            rest = (self.padded - self.span) % self.s
            remarks.append(f"No window sees {self._named(behind)}: the division leaves a remainder of {rest}.")
        if between:
            why = f"the stride of {self.s} steps over them"
            if self.s <= self.span:
                why = f"with stride {self.s} they lie in the holes of every window"
            elif self.d > 1:
                why += ", or they lie in the holes"
            remarks.append(f"No window sees {self._named(between)}: {why}.")
        return tuple(remarks)

    def _named(self, cells: tuple[int, ...]) -> str:
        many = "s" if len(cells) > 1 else ""
        padding = sum(not 0 <= cell < self.n for cell in cells)
        mark = " (padding)" if padding == len(cells) else f" ({padding} of them padding)" if padding else ""
        return f"row{many} and column{many} {listed(cells)}{mark}"


_NAMES = {"n": "input's side", "k": "kernel's side", "s": "stride", "p": "padding", "d": "dilation"}


def listed(numbers: tuple[int, ...]) -> str:
    """Numbers as words: (5,) → "5", (−1, 1, 3) → "−1, 1 and 3"; three or more in a row are "2 to 5".

    Example:
        >>> listed((5,)), listed((-1, 1, 3)), listed((2, 3, 4, 5, 9))
        ('5', '−1, 1 and 3', '2 to 5 and 9')
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words = []
    for run in runs:
        words += [f"{run[0]} to {run[-1]}"] if len(run) > 2 else [str(number) for number in run]
    text = ", ".join(words[:-1]) + (" and " if len(words) > 1 else "") + words[-1]
    return text.replace("-", "\N{MINUS SIGN}")


def _mixed(row: int, column: int, seed: int) -> int:
    """A number that looks random, but depends only on the cell and the seed, not on the size."""
    number = (row * 0x9E3779B1 + column * 0x85EBCA77 + seed * 0xC2B2AE3D) % 2**32
    number = (number ^ number >> 15) * 0x2C1B3C6D % 2**32
    return (number ^ number >> 13) >> 7
