"""A convolution as a picture: the window on the padded input, the kernel, the output, and the sum that makes one cell.

After the drawings of Dumoulin and Visin, https://arxiv.org/abs/1603.07285, with numbers in the cells. The arithmetic
is ``course_lib.networks.convolution``'s; this file only draws it.
"""

from __future__ import annotations

from course_lib.drawing.sheet import FAINT, Box, Mark, Sheet, middle, text_width
from course_lib.drawing.still import BLUE, GREY, INK, ORANGE, Still
from course_lib.networks.convolution import Convolution, ConvolutionError, Product

__all__ = ["sliding_window"]

MOST_CELLS, MOST_KERNEL = 22, 7  # that can be read: of the padded input, of the kernel
_WIDTH, _TOP = 860, 46  # CSS pixels; where the grids begin
_INPUT, _KERNEL, _OUTPUT = 34, 436, 606  # left edges
_PALE, _PADDING = "#D6E8F5", "#F3F3F3"


def sliding_window(convolution: Convolution, row: int = 0, column: int = 0, *, note: str = "") -> Still:
    """The window that makes the output's cell at ``row`` and ``column``.

    Padding is pale with a dashed edge, the window's cells are blue (a dilation leaves holes between them), rows and
    columns that no window sees are hatched.

    Args:
        convolution: what is drawn; at most 22 cells along the padded input and 7 along the kernel.
        row, column: of the output.
        note: one more sentence under the picture.

    Raises:
        ConvolutionError: the output has no such cell, or there are too many cells to be read.

    Example:
        >>> sliding_window(Convolution(5, 3, s=2, p=1), 1, 2)
        Convolution n=5 k=3 s=2 p=1 d=1: output 3×3; cell (1, 2) = 1·2 + ... + 0·1 = 7
    """
    conv = convolution
    if conv.padded > MOST_CELLS or conv.k > MOST_KERNEL:
        raise ConvolutionError(
            f"{conv.padded} cells on each side and a kernel of {conv.k} cannot be read in one picture: draw at most "
            f"{MOST_CELLS} cells, padding included, and a kernel of {MOST_KERNEL}; the arithmetic stays the same."
        )
    products = conv.products(row, column)
    cell = min(44, 352 // conv.padded)
    under = _TOP + cell * conv.padded
    remarks = [*conv.remarks, *([note] if note else [])]
    products_at = _TOP + max(min(26, 126 // conv.k) * conv.k, _side(conv) * conv.out) + 26
    middle = max(under + 84, products_at + 44 + 17 * conv.k + 10)
    sheet = Sheet(_WIDTH, middle + 18 * len(remarks) + 4)
    _draw_input(sheet, conv, cell, row, column)
    _draw_key(sheet, conv, under + 14)
    sheet.text(_INPUT, under + 38, "⌊(n + 2p − d(k−1) − 1) / s⌋ + 1", color=FAINT)
    sheet.text(_INPUT, under + 56, conv.formula, size=10, bold=True)
    _draw_kernel(sheet, conv)
    _draw_output(sheet, conv, row, column)
    _draw_sum(sheet, conv, products, row, column, products_at)
    for k, words in enumerate(remarks):
        sheet.text(_INPUT, middle + 18 * k, words, size=9.5)
    alt = f"Convolution n={conv.n} k={conv.k} s={conv.s} p={conv.p} d={conv.d}: output {conv.out}×{conv.out}"
    value = conv.written(row, column) if conv.k <= 3 else f"{conv.outputs[row][column]}, a sum of {conv.k**2} products"
    alt += f"; cell ({row}, {column}) = {value}"
    return sheet.still(" ".join([alt + ".", *remarks]) if remarks else alt)


def _side(conv: Convolution) -> int:
    """Of an output's cell."""
    return min(38, 240 // conv.out)


def _draw_input(sheet: Sheet, conv: Convolution, cell: int, row: int, column: int) -> None:
    def at(place: int) -> int:
        return (place + conv.p) * cell

    def box(y: int, x: int) -> Box:
        return _INPUT + at(x), _TOP + at(y), cell, cell

    places = range(-conv.p, conv.n + conv.p)
    window = {(y, x) for y in conv.windows[row].cells for x in conv.windows[column].cells}
    padding = [(y, x) for y in places for x in places if not (0 <= y < conv.n and 0 <= x < conv.n)]
    own = [(y, x) for y in range(conv.n) for x in range(conv.n)]
    whole = conv.padded * cell
    if padding:
        around = (_INPUT, _TOP, whole, whole)
        sheet.boxes([around], fill=_PADDING)
        sheet.boxes([(*box(0, 0)[:2], conv.n * cell, conv.n * cell)], fill="white", level=1.01)
        sheet.grid(around, conv.padded, conv.padded, color="#A8A8A8", line=0.6, dashed=True, level=1.04)
    sheet.grid((*box(0, 0)[:2], conv.n * cell, conv.n * cell), conv.n, conv.n)
    sheet.boxes([box(*place) for place in window], fill=_PALE, edge=BLUE, line=0.9, level=1.2)
    strips = [(_INPUT, _TOP + at(place), whole, cell) for place in conv.unseen]
    strips += [(_INPUT + at(place), _TOP, cell, whole) for place in conv.unseen]
    if strips:
        sheet.hatched(strips, color=GREY, level=1.05)
    y, x = conv.windows[row].start, conv.windows[column].start
    frame = (_INPUT + at(x), _TOP + at(y), conv.span * cell, conv.span * cell)
    sheet.boxes([frame], edge=BLUE, line=2.4, level=3.5)
    seen = [sum(place in window.cells for window in conv.windows) for place in range(conv.n)]

    def told(y: int, x: int) -> str:
        count = seen[y] * seen[x]
        who = "no window sees" if not count else "1 window sees" if count == 1 else f"{count} windows see"
        return f"input row {y}, column {x}: {conv.picture[y][x]}\n{who} it"

    own_box = (*box(0, 0)[:2], conv.n * cell, conv.n * cell)
    sheet.spot("input", own_box, told, rows=conv.n, columns=conv.n)
    size = min(12.0, max(8.0, 0.42 * cell))
    marks: list[Mark] = []
    for y, x in [*padding, *own]:
        inside = 0 <= y < conv.n and 0 <= x < conv.n
        words = str(conv.picture[y][x] if inside else 0)
        color = FAINT if not inside else BLUE if (y, x) in window else INK
        marks.append((*middle(box(y, x)), words, color))
    sheet.marks(marks, size=size)
    sheet.marks(_numbers(places, _INPUT, _TOP, cell), size=8)
    pads = f", padding {conv.p}" if conv.p else ""
    sheet.text(_INPUT, 4, f"input {conv.n}×{conv.n}{pads}", size=10.5, bold=True)


def _numbers(places: range, left: int, top: int, cell: int) -> list[Mark]:
    """The rows' and the columns' own numbers, beside the grid and above it."""
    found = []
    every = 1 if cell >= 18 else 2
    for k, place in list(enumerate(places))[::every]:
        words = str(place).replace("-", "\N{MINUS SIGN}")
        found += [(left + (k + 0.5) * cell, top - 9, words, FAINT), (left - 12, top + (k + 0.5) * cell, words, FAINT)]
    return found


def _draw_key(sheet: Sheet, conv: Convolution, y: float) -> None:
    x: float = _INPUT
    sheet.boxes([(x, y, 14, 14)], fill=_PALE, edge=BLUE, line=1.6)
    sheet.text(x + 20, y, "window", size=8.5)
    x += 82
    if conv.p:
        sheet.boxes([(x, y, 14, 14)], fill=_PADDING)
        sheet.grid((x, y, 14, 14), 1, 1, color="#A8A8A8", line=0.6, dashed=True)
        sheet.text(x + 20, y, "padding, 0", size=8.5)
        x += 98
    if conv.unseen:
        sheet.boxes([(x, y, 14, 14)], fill="white", edge=GREY, line=0.8)
        sheet.hatched([(x, y, 14, 14)], color=GREY)
        lost = f": {conv.lost} of {conv.n**2} cells" if conv.lost else ", only padding"
        sheet.text(x + 20, y, f"no window sees it{lost}", size=8.5)


def _draw_kernel(sheet: Sheet, conv: Convolution) -> None:
    cell = min(26, 126 // conv.k)
    boxes = [(_KERNEL + x * cell, _TOP + y * cell, cell, cell) for y in range(conv.k) for x in range(conv.k)]
    sheet.boxes(boxes, fill=_PALE, edge=BLUE)
    weights = [str(weight) for row in conv.kernel for weight in row]
    sheet.marks([(*middle(box), words, BLUE) for box, words in zip(boxes, weights, strict=True)], size=9)
    sheet.text(_KERNEL, 4, f"kernel {conv.k}×{conv.k}", size=10.5, bold=True)


def _draw_output(sheet: Sheet, conv: Convolution, row: int, column: int) -> None:
    cell = _side(conv)
    boxes = [(_OUTPUT + x * cell, _TOP + y * cell, cell, cell) for y in range(conv.out) for x in range(conv.out)]
    sheet.grid((_OUTPUT, _TOP, cell * conv.out, cell * conv.out), conv.out, conv.out)
    here = (_OUTPUT + column * cell, _TOP + row * cell, cell, cell)
    sheet.boxes([here], fill="#FBE6D8", edge=ORANGE, line=2.4, level=3)
    values = [str(value) for line in conv.outputs for value in line]

    def words(row: int, column: int) -> str:
        began = " and ".join(str(conv.windows[place].start) for place in (row, column)).replace("-", "\N{MINUS SIGN}")
        return f"output row {row}, column {column}: {conv.outputs[row][column]}\nits window begins at {began}"

    whole = (_OUTPUT, _TOP, cell * conv.out, cell * conv.out)
    sheet.spot("cell", whole, words, (0, 0), rows=conv.out, columns=conv.out, gesture="hover")
    size = 8.0 if cell < 24 else 9.5
    marks = [(*middle(box), words, ORANGE if box == here else INK) for box, words in zip(boxes, values, strict=True)]
    sheet.marks(marks, size=size)
    sheet.marks(_numbers(range(conv.out), _OUTPUT, _TOP, cell), size=8)
    sheet.text(_OUTPUT, 4, f"output {conv.out}×{conv.out}", size=10.5, bold=True)


def _draw_sum(sheet: Sheet, conv: Convolution, products: tuple[Product, ...], row: int, column: int, y: float) -> None:
    """The products, a line for each of the kernel's rows, as they lie in the window."""
    pads = any(product.padding for product in products)
    sheet.text(_KERNEL, y, f"output row {row}, column {column}: input·kernel"
               f"{' (grey: padding)' if pads else ''}", size=9.5, bold=True)  # fmt: skip
    began = (f"{name} {place}·{conv.s} − {conv.p} = {place * conv.s - conv.p}".replace("= -", "= −")
             for name, place in (("row", row), ("column", column)))  # fmt: skip
    sheet.text(_KERNEL, y + 18, "the window begins at " + ", ".join(began), color=FAINT)
    wide = 46
    marks: list[Mark] = []
    for k, product in enumerate(products):
        i, j = divmod(k, conv.k)
        x, line = _KERNEL + 16 + j * wide, y + 48 + 17 * i
        marks.append((x, line, str(product), "#8A8A8A" if product.padding else INK))
        if k < len(products) - 1:
            marks.append((x + wide / 2, line, "+", INK))
    sheet.marks(marks, size=9.5)
    answer = f"= {conv.outputs[row][column]}"
    end = _KERNEL + 16 + (conv.k - 1) * wide + 20 + text_width(answer, 11, bold=True) / 2
    sheet.marks([(end, y + 48 + 17 * (conv.k - 1), answer, ORANGE)], size=11, bold=True)
