"""One number of a network, opened: what was computed from what, with every number in it. Part of ``network_figure``.

The arithmetic comes from ``course_lib.tracing.one_number``; here it is laid out on a sheet: the maps that went in
with the cells that count, the products or the formula, and the sum.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from course_lib.drawing.overlay import OnPicture, coloured, enlarged, put, short, tiled
from course_lib.drawing.sheet import FAINT, Box, Sheet, fitted_words, text_width, wrapped
from course_lib.drawing.still import BLUE, GREY, INK, ORANGE
from course_lib.tracing.map_layouts import Layouts
from course_lib.tracing.number_parts import Number, Part, Term
from course_lib.tracing.one_number import function_of

__all__ = ["TEXT", "draw_number", "draw_tile", "name_ending", "vector_shape", "written"]

TEXT = 9.6  # points: 12 CSS pixels
_LINE = 21.0
_CELL = (38.0, 25.0)  # of a grid of numbers
_ROWS = 3  # convolutions' channels that are shown in full
_LISTED = 8
_COLOURS = ("red", "green", "blue")
_MINUS = "\N{MINUS SIGN}"


def written(value: float) -> str:
    """A number with about four digits.

    Example:
        >>> [written(x) for x in (0.0, -0.51234, 12.3456, 0.00012, 123456.0)]
        ['0', '−0.5123', '12.35', '1.2e−04', '123,456']
    """
    size = abs(value)
    form = ".1e" if 0 < size < 5e-4 else ",.0f" if size >= 9999.5 else ".4g"
    return f"{value:{form}}".replace("-", _MINUS)


def _brief(value: float) -> str:
    """A number in four letters or a few more, for a grid.

    Example:
        >>> [_brief(x) for x in (0.0, -0.512, 12.3, 0.0021, 0.0001)]
        ['0', '−0.51', '12', '.002', '≈0']
    """
    size = abs(value)
    if 0 < size < 0.0095:
        return "≈0" if size < 5e-4 else f"{_MINUS if value < 0 else ''}{size:.3f}".replace("0.", ".")
    return short(value)


def draw_number(sheet: Sheet, box: Box, layouts: Layouts, number: Number, *, names: Sequence[str] = ()) -> None:
    """Lay a number's arithmetic into a box.

    Args:
        sheet: what is drawn on.
        box: where; some 800×290 CSS pixels are needed.
        layouts: of the forward that the number belongs to.
        number: what to explain.
        names: what the numbers of the op's input stand for, such as classes; empty where they have no names.
    """
    left, top, wide, tall = box
    drawing = _Drawing(sheet, layouts, number, names)
    if number.computed is None:
        drawing.sentence(left, top + 8, number.note, wide)
        return
    if not number.exact:
        words = f"The arithmetic shown gives {written(number.computed)}; the model computed {written(number.value)}."
        drawing.sentence(left, top + tall - 30, words, wide)
    products = [term for term in number.terms if term.left is not None and term.right is not None]
    if number.op.plain == "softmax":
        drawing.softmax(left, top, wide)
    elif products and products[0].left is not None and products[0].left.numel() > 1:
        drawing.kernels(left, top, products)
        drawing.listed(left + 468, top, wide - 468)
    elif number.terms:
        used = drawing.inputs(left, top, [term.part for term in products[:2] if term.part is not None])
        drawing.listed(left + used, top, wide - used)
    else:
        used = drawing.inputs(left, top, number.parts)
        drawing.formula(left + used, top, wide - used)
    if number.note:
        drawing.sentence(left, top + tall - 14 * (1 + (len(number.note) > 120)), number.note, wide)


def name_ending(words: str, wide: float) -> str:
    """As much of the end of a name as fits into ``wide`` CSS pixels.

    Example:
        >>> name_ending("features.1.block.1.scale_activation", 120), name_ending("conv1", 120)
        ('….scale_activation', 'conv1')
    """
    short_words = words
    while text_width(short_words, TEXT) > wide and "." in short_words.lstrip("…."):
        short_words = f"….{short_words.lstrip('….').partition('.')[2]}"
    return short_words


# -- tiles ------------------------------------------------------------------------------------------------------------
def vector_shape(count: int, *, tall: bool = False) -> tuple[int, int]:
    """Rows and columns for ``count`` numbers, about twice as many columns as rows, or the other way round.

    Example:
        >>> vector_shape(512), vector_shape(1000, tall=True), vector_shape(7)
        ((16, 32), (40, 25), (1, 7))
    """
    few = max(n for n in range(1, math.isqrt(count) + 1) if count % n == 0)
    return (count // few, few) if tall else (few, count // few)


def draw_tile(sheet: Sheet, box: Box, values: NDArray[np.floating], cells: Sequence[int] | None = None) -> OnPicture:
    """A map (rows, columns) in colours, as large as it fits; ``cells`` (left, top, right, bottom) of it are framed."""
    rows, columns = values.shape
    zoom = min(box[2] / columns, box[3] / rows)
    wide, tall = max(16, round(2 * zoom * columns)), max(16, round(2 * zoom * rows))
    pixels = tiled(values, float(values.min()), float(values.max()), wide, tall)
    shown = put(sheet, pixels, (box[0], box[1], wide / 2, tall / 2), size=(columns, rows))
    if cells is not None:
        shown.frame(cells)
    return shown


class _Drawing:
    def __init__(self, sheet: Sheet, layouts: Layouts, number: Number, names: Sequence[str]) -> None:
        self.sheet, self.layouts, self.number, self.names = sheet, layouts, number, names

    def text(self, x: float, y: float, words: str, *, bold: bool = False, color: str = INK, align: str = "left",
             size: float = TEXT) -> None:  # fmt: skip
        self.sheet.middle_text(x, y, words, size=size, bold=bold, color=color, align=align)

    def sentence(self, x: float, y: float, words: str, wide: float) -> None:
        for k, line in enumerate(wrapped(words, wide, TEXT)):
            self.text(x, y + 16 * k, line, color=FAINT)

    def name(self, source: int | None) -> str:
        if source is None:
            return "a weight"
        return "the picture" if source < 0 else self.layouts.seen.ops[source].name

    def part(self, part: Part, box: Box, *, beside: bool) -> None:
        """A tensor's map with the cells that count framed, and below it where it came from."""
        layout = self.layouts.of(part.source, part.tensor.shape)
        channel, row, column = layout.place(part.low)
        maps = layout.maps(part.tensor.float())
        x, y, wide, tall = box
        if layout.rows * layout.columns == 1:
            grid = maps.reshape(vector_shape(layout.channels)).numpy()
            top, left = divmod(channel, grid.shape[1])
            shown = draw_tile(self.sheet, box, grid, (left, top, left + 1, top + 1))
        else:
            _, last, right = layout.place(tuple(n - 1 for n in part.high))
            cells = (column, row, right + 1, last + 1)
            shown = draw_tile(self.sheet, box, maps[channel].numpy(), cells)
        source = self.name(part.source)
        self.text(x, y + tall + 10, name_ending(source, wide + 60), color=BLUE)
        if layout.channels > 1:
            what = "number" if layout.rows * layout.columns == 1 else "slice" if layout.kind == "slices" else "channel"
            corner = (x + wide + 8, y + 8) if beside else (x, y + tall + 26)
            self.text(*corner, f"{what} {channel}")
        if part.source is not None and part.source >= 0:
            self.sheet.spot("layer", shown.place, f"Open {source}", value=source)

    def label_of(self, term: Term) -> str:
        """A convolution's channel: one of the picture's by its colour."""
        part, seen = term.part, self.layouts.seen
        if part is None:
            return term.words
        source = part.source
        while source is not None and source >= 0 and seen.ops[source].plain == "pad":
            source = seen.ops[source].sources[0]
        number = term.words.rpartition(" ")[2]
        if source != -1 or seen.batch.shape[1] != len(_COLOURS) or not number.isdigit():
            return term.words
        return _COLOURS[int(number)]

    def inputs(self, x: float, y: float, parts: Sequence[Part]) -> float:
        """Up to two tensors, one below the other; gives the width that they took."""
        parts = parts[:2]
        if not parts:
            return 0.0
        side = 210.0 if len(parts) == 1 else 104.0
        for k, part in enumerate(parts):
            self.part(part, (x, y + k * (side + 34), side, side), beside=len(parts) > 1)
        return side + 36 if len(parts) == 1 else 218.0

    # -- sums -----------------------------------------------------------------------------------------------------
    def kernels(self, x: float, y: float, products: Sequence[Term]) -> None:
        """The largest channels of a convolution: its map, the patch, the kernel, and what they give."""
        for k, term in enumerate(products[:_ROWS]):
            top = y + 92 * k
            if term.part is None or term.left is None or term.right is None:
                continue
            layout = self.layouts.of(term.part.source, term.part.tensor.shape)
            channel, row, column = layout.place(term.part.low)
            _, last, right = layout.place(tuple(n - 1 for n in term.part.high))
            maps = layout.maps(term.part.tensor.float())
            shown = draw_tile(self.sheet, (x, top, 84, 84), maps[channel].numpy(), (column, row, right + 1, last + 1))
            if term.part.source is not None and term.part.source >= 0:
                source = self.name(term.part.source)
                self.sheet.spot("layer", shown.place, f"{source}, {term.words}: open it", value=source)
            self.text(x + 92, top + 8, self.label_of(term), bold=True)
            low = top + 20
            self.grid((x + 92, low, 116, 66), term.left.numpy(), "input")
            self.text(x + 218, low + 30, "×", bold=True, align="center", size=11)
            self.grid((x + 228, low, 116, 66), term.right.numpy(), "weight")
            self.text(x + 354, low + 30, "=", bold=True, align="center", size=11)
            self.text(x + 366, low + 30, written(term.value), bold=True)

    def grid(self, box: Box, values: NDArray[np.floating], what: str) -> None:
        """Numbers as coloured cells, with their digits where there is room."""
        rows, columns = values.shape
        x, y, wide, tall = box
        most = float(np.abs(values).max()) or 1.0
        pixels = coloured(values, -most, most) if what == "weight" else coloured(values, values.min(), values.max())
        if columns <= 3 and rows <= 3:
            w, h = wide / 3, tall / 3
            self.sheet.grid((x, y, w * columns, h * rows), rows, columns, color=GREY)
            self.sheet.marks(
                [(x + w * (c + 0.5), y + h * (r + 0.5), _brief(float(values[r, c])), INK)
                 for r in range(rows) for c in range(columns)], size=TEXT,
            )  # fmt: skip
            return
        side = min(wide / columns, tall / rows)
        shown = put(self.sheet, enlarged(pixels, round(2 * side * columns), round(2 * side * rows)),
                    (x, y, side * columns, side * rows))  # fmt: skip
        self.sheet.boxes([shown.place], edge=GREY)

    def listed(self, x: float, y: float, wide: float) -> None:
        """A sum's terms as a list with signed bars, the rest together, and the total."""
        number = self.number
        self.text(x, y + 8, number.formula, bold=True)
        bias = [term for term in number.terms if term.words == "bias"]
        terms = [term for term in number.terms if term.words != "bias" and not term.words.endswith(" more")]
        many = [term for term in number.terms if term.words.endswith(" more")]
        shown, hidden = terms[:_LISTED], terms[_LISTED:]
        rows = [(self.label_of(term), term, term.value) for term in shown]
        if hidden or many:
            count = len(hidden) + sum(int(term.words.split()[0].replace(",", "")) for term in many)
            total = math.fsum(term.value for term in (*hidden, *many))
            rows.append((f"the {count:,} others", Term("", total), total))
        rows += [("bias", term, term.value) for term in bias]
        most = max((abs(value) for _, _, value in rows), default=0.0) or 1.0
        ends = x + wide - 8
        if not any(term.left is not None for term in shown):
            ends = min(ends, x + 460)
        middle, reach = ends - 62, 60.0
        for k, (words, term, value) in enumerate(rows):
            line = y + 32 + _LINE * k
            self.text(x, line, fitted_words(self.label(words), 168, TEXT))
            if term.left is not None and term.right is not None and term.left.numel() == 1:
                product = f"{written(float(term.left))} × {written(float(term.right))}"
                self.text(middle - reach - 100, line, product, align="right")
            self.text(middle - reach - 10, line, written(value), align="right", bold=True)
            length = reach * value / most
            bar = (middle + min(length, 0), line - 6, abs(length), 12.0)
            self.sheet.boxes([bar], fill=BLUE if value >= 0 else ORANGE)
        last = y + 32 + _LINE * len(rows)
        self.sheet.lines([[(middle, y + 20), (middle, last - 10)]], color=GREY)
        self.sheet.lines([[(x, last - 8), (middle - reach - 8, last - 8)]])
        self.text(x, last + 6, "the sum", bold=True)
        self.text(middle - reach - 10, last + 6, f"= {written(number.value)}", bold=True, align="right")

    def label(self, words: str) -> str:
        """A term's name: with the class that it stands for, where there is one."""
        kind, _, place = words.partition(" ")
        if self.names and kind == "number" and place.isdigit() and int(place) < len(self.names):
            return self.names[int(place)]
        return words

    def softmax(self, x: float, y: float, wide: float) -> None:
        number = self.number
        self.text(x, y + 8, number.formula, bold=True)
        filled = number.template.format(**{key: written(value) for key, value in number.symbols.items()})
        self.text(x, y + 32, f"{filled} = {written(number.value)}")
        total = number.symbols["Σ"]
        for k, term in enumerate(number.terms[:_LISTED]):
            line = y + 64 + _LINE * k
            own = float(term.left) if term.left is not None else 0.0
            self.text(x, line, fitted_words(self.label(term.words), 200, TEXT))
            self.text(x + 330, line, f"e^({written(own)} {_MINUS} {written(number.symbols['top'])})", align="right")
            self.text(x + 420, line, f"= {written(term.value)}", align="right")
            self.text(x + 500, line, f"{term.value / total:.1%}", align="right", bold=True)
            self.sheet.boxes([(x + 512, line - 6, 180 * term.value / total, 12)], fill=BLUE)

    # -- formulas -------------------------------------------------------------------------------------------------
    def formula(self, x: float, y: float, wide: float) -> None:
        """The formula with symbols, what they stand for, and with numbers; below it a curve or a window."""
        number = self.number
        line = y + 10
        if number.template == "{x}":
            self.text(x, line, f"the same number: {written(number.value)}", bold=True, size=11)
            return
        self.text(x, line, number.formula, bold=True, size=11)
        if len(number.symbols) > 1:
            pairs = [f"{symbol} = {written(value)}" for symbol, value in number.symbols.items()]
            for words in wrapped(", ".join(pair.replace(" ", "\N{NO-BREAK SPACE}") for pair in pairs), wide, TEXT):
                line += 24
                self.text(x, line, words)
        values = {symbol: written(value) for symbol, value in number.symbols.items()}
        line += 30
        filled = number.template.format(**{k: f"({v})" if v[0] == _MINUS else v for k, v in values.items()})
        equals = f"{filled} = {written(number.value)}" if number.symbols else f"= {written(number.value)}"
        for words in wrapped(equals, wide, 11):
            self.text(x, line, words, size=11, bold=True, color="#8A3B00")
            line += 24
        function = function_of(number)
        if function is not None:
            self.curve((x, line + 6, 250, 130), function)
        elif "pool" in number.op.plain and number.parts:
            self.window((x, line + 6), number.parts[0])

    def curve(self, box: Box, function: Callable[[float], float]) -> None:
        """The function with this number's place on it."""
        own = self.number.symbols["x"]
        reach = max(6.0, 1.25 * abs(own))
        xs = np.linspace(-reach, reach, 121)
        ys = [function(float(x)) for x in xs]
        low, high = min(*ys, 0.0), max(*ys, 0.5)
        left, top, wide, tall = box

        def at(x: float, y: float) -> tuple[float, float]:
            return left + wide * (x + reach) / (2 * reach), top + tall * (high - y) / (high - low)

        self.sheet.lines([[at(-reach, 0), at(reach, 0)], [at(0, low), at(0, high)]], color=GREY)
        self.sheet.lines([[at(float(x), y) for x, y in zip(xs, ys, strict=True)]], color=BLUE, line=1.8)
        x, y = at(own, function(own))
        self.sheet.boxes([(x - 4, y - 4, 8, 8)], fill=ORANGE, edge="white", level=3)
        self.text(left, top + tall + 10, f"{_MINUS}{reach:.3g}", color=FAINT)
        self.text(left + wide, top + tall + 10, f"{reach:.3g}", color=FAINT, align="right")
        self.text(min(max(x, left + 30), left + wide - 30), top + tall + 10, "x", color="#8A3B00", align="center")

    def window(self, corner: tuple[float, float], part: Part) -> None:
        """The numbers of a pool's window, the largest framed where it is the answer."""
        layout = self.layouts.of(part.source, part.tensor.shape)
        channel, row, column = layout.place(part.low)
        _, last, right = layout.place(tuple(n - 1 for n in part.high))
        values = layout.maps(part.tensor.float())[channel, max(row, 0) : last + 1, max(column, 0) : right + 1].numpy()
        rows, columns = values.shape
        if rows > 7 or columns > 8 or values.size < 1:
            return
        w, h = (_CELL[0], min(_CELL[1], 150 / rows))
        x, y = corner
        self.sheet.grid((x, y, w * columns, h * rows), rows, columns, color=GREY)
        self.sheet.marks(
            [(x + w * (c + 0.5), y + h * (r + 0.5), _brief(float(values[r, c])), INK)
             for r in range(rows) for c in range(columns)], size=TEXT,
        )  # fmt: skip
        if "max" in self.number.op.plain:
            r, c = np.unravel_index(int(values.argmax()), values.shape)
            self.sheet.boxes([(x + w * int(c), y + h * int(r), w, h)], edge=ORANGE, line=2.2, level=3)
