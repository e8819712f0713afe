"""Convolution arithmetic against torch's own conv2d, max_pool2d and unfold, for any numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F

from course_lib.drawing.convolution_figure import sliding_window
from course_lib.drawing.sheet import Sheet, middle, text_width
from course_lib.drawing.still import INK
from course_lib.errors import CourseError
from course_lib.networks.convolution import Convolution, ConvolutionError, listed
from course_lib.widgets.convolution_arithmetic import convolution_arithmetic, draw_convolution

from . import stills as checks

NUMBERS = {"n": st.integers(1, 14), "k": st.integers(1, 6), "s": st.integers(1, 5), "p": st.integers(0, 4),
           "d": st.integers(1, 4)}  # fmt: skip


def fitting(n: int, k: int, s: int, p: int, d: int) -> Convolution:
    assume(d * (k - 1) + 1 <= n + 2 * p)
    return Convolution(n, k, s, p, d)


def square(grid: tuple[tuple[int, ...], ...]) -> Tensor:
    return torch.tensor(grid, dtype=torch.float64)[None, None]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    figures = checks.watch(monkeypatch)
    yield figures
    assert [fault for figure in figures for fault in checks.faults(figure)] == []


# -- the arithmetic ---------------------------------------------------------------------------------------------------
@settings(max_examples=150, deadline=None)
@given(**NUMBERS)
@example(n=6, k=3, s=2, p=0, d=1)
def test_outputs_are_those_of_conv2d(n: int, k: int, s: int, p: int, d: int) -> None:
    conv = fitting(n, k, s, p, d)
    expected = F.conv2d(square(conv.picture), square(conv.kernel), stride=s, padding=p, dilation=d)
    assert torch.equal(square(conv.outputs), expected)
    assert conv.out == expected.shape[-1] and conv.formula.endswith(f"= {conv.out}")


@settings(max_examples=60, deadline=None)
@given(**NUMBERS)
def test_the_size_is_that_of_max_pool2d(n: int, k: int, s: int, p: int, d: int) -> None:
    assume(2 * p <= k)  # max_pool2d's own rule
    conv = fitting(n, k, s, p, d)
    assert F.max_pool2d(torch.zeros(1, 1, n, n), k, s, p, d).shape[-1] == conv.out


@settings(max_examples=150, deadline=None)
@given(**NUMBERS)
@example(n=6, k=3, s=2, p=0, d=1)
@example(n=7, k=3, s=2, p=1, d=2)
@example(n=5, k=1, s=3, p=0, d=1)
def test_windows_and_unseen_cells_are_those_of_unfold(n: int, k: int, s: int, p: int, d: int) -> None:
    conv = fitting(n, k, s, p, d)
    cells = n + 2 * p
    numbered = torch.arange(cells, dtype=torch.float64).expand(1, 1, cells, cells)  # each cell says its column
    patches = F.unfold(numbered, (k, k), stride=s, dilation=d)[0, :k].T[: conv.out]  # the first row of windows
    assert [list(one.cells) for one in conv.windows] == (patches.long() - p).tolist()
    assert [one.start for one in conv.windows] == (patches[:, 0].long() - p).tolist()

    inside = F.pad(torch.arange(1.0, n * n + 1, dtype=torch.float64).view(1, 1, n, n), (p, p, p, p))
    assert conv.lost == n * n - len(set(F.unfold(inside, k, stride=s, dilation=d).unique().tolist()) - {0.0})
    everything = set(range(-p, n + p))
    assert set(conv.unseen) == everything - set((patches.long() - p).flatten().tolist())
    assert list(conv.unseen) == sorted(conv.unseen)
    assert set(conv.dropped) == {cell for cell in everything if cell > int(patches.max()) - p}


@settings(max_examples=60, deadline=None)
@given(**NUMBERS, place=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_products_are_what_unfold_reads_times_the_kernel(
    n: int, k: int, s: int, p: int, d: int, place: tuple[float, float]
) -> None:
    conv = fitting(n, k, s, p, d)
    row, column = (round(share * (conv.out - 1)) for share in place)
    read = F.unfold(square(conv.picture), k, stride=s, padding=p, dilation=d)[0, :, row * conv.out + column]
    products = conv.products(row, column)
    assert [one.value for one in products] == read.tolist()
    assert [one.weight for one in products] == square(conv.kernel).flatten().tolist()
    real = F.pad(torch.ones(1, 1, n, n), (p, p, p, p))[0, 0]
    assert [not one.padding for one in products] == [bool(real[one.row + p, one.column + p]) for one in products]
    left, right = conv.written(row, column).split(" = ")
    assert eval(left.replace("·", "*")) == int(right) == conv.outputs[row][column]


@settings(max_examples=150, deadline=None)
@given(n=st.integers(-1, 6), k=st.integers(-1, 9), s=st.integers(-1, 3), p=st.integers(-1, 3), d=st.integers(-1, 3))
def test_what_torch_refuses_is_refused_in_a_sentence(n: int, k: int, s: int, p: int, d: int) -> None:
    refused = p < 0  # torch takes it, and crops
    try:
        F.conv2d(torch.zeros(1, 1, n, n), torch.zeros(1, 1, k, k), stride=s, padding=max(p, 0), dilation=d)
        refused |= 0 in (n, k)
    except (RuntimeError, ValueError):
        refused = True
    try:
        conv = Convolution(n, k, s, p, d)
    except ConvolutionError as error:
        assert refused and str(error).endswith(".") and "\n" not in str(error)
    else:
        assert not refused and conv.out >= 1


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((5, 7), "a kernel of 7 with dilation 1 is 7 cells wide, but the input with its padding only 5. Take a smaller "
                 "kernel, or a padding of at least 1"),
        ((5, 3, 1, 1, 4), "is 4·(3−1) + 1 = 9 cells wide, but the input with its padding only 5 + 2·1 = 7. Take a "
                          "smaller kernel or dilation, or a padding of at least 2"),
        ((0, 1), "n = 0: the input's side is a whole number, at least 1"),
        ((5, 3, 0), "s = 0: the stride"),
        ((5, 3, 1, -1), "p = -1: the padding is a whole number, at least 0"),
        ((5, 3, 1.5), "s = 1.5: the stride is a whole number"),
        ((5, True), "k = True: the kernel's side"),
        ((5, "3"), "k = '3'"),
        ((5, 3, None), "s = None"),
    ],
)  # fmt: skip
def test_impossible_numbers_are_answered_in_a_sentence(numbers: tuple[Any, ...], words: str) -> None:
    with pytest.raises(CourseError) as caught:
        Convolution(*numbers)
    assert words in str(caught.value)


def test_the_padding_that_is_proposed_is_enough_and_no_more() -> None:
    for n, k, d in ((5, 7, 1), (5, 3, 4), (1, 2, 2), (2, 7, 3)):
        with pytest.raises(ConvolutionError) as caught:
            Convolution(n, k, d=d)
        enough = int(str(caught.value).split("padding of at least ")[1].split()[0])
        Convolution(n, k, p=enough, d=d)
        with pytest.raises(ConvolutionError):
            Convolution(n, k, p=enough - 1, d=d)


@pytest.mark.parametrize("place", [(3, 0), (0, -1), (0, 1.0), (True, 0), (None, 0)])
def test_a_cell_that_the_output_has_not(place: tuple[Any, Any]) -> None:
    with pytest.raises(ConvolutionError, match=r"the output is 3×3, so its .* are counted from 0 to 2"):
        Convolution(5, 3).products(*place)


def test_remarks_name_the_cells_that_no_window_reads() -> None:
    assert Convolution(5, 3).remarks == () == Convolution(224, 7, 2, 2).remarks[1:]
    assert Convolution(6, 3, 2, 1).remarks == (
        "No window sees row and column 6 (padding): the division leaves a remainder of 1.",
    )
    assert Convolution(7, 1, 3, 1).remarks == (
        "No window sees rows and columns 6 and 7 (1 of them padding): the division leaves a remainder of 2.",
        "No window sees rows and columns 0, 1, 3 and 4: the stride of 3 steps over them.",
    )
    assert "holes of every window" in Convolution(7, 3, 2, 1, 2).remarks[0]
    assert "or they lie in the holes" in Convolution(14, 2, 5, 0, 2).remarks[1]


@given(st.sets(st.integers(-5, 30), min_size=1))
def test_listed_numbers_can_be_read_back(numbers: set[int]) -> None:
    found: set[int] = set()
    for part in listed(tuple(sorted(numbers))).replace("\N{MINUS SIGN}", "-").replace(" and ", ", ").split(", "):
        first, _, last = part.partition(" to ")
        found |= set(range(int(first), int(last or first) + 1))
    assert found == numbers


def test_the_same_cells_whatever_the_size() -> None:
    small, large = Convolution(4, 2), Convolution(9, 5)
    assert [row[:4] for row in large.picture[:4]] == list(small.picture)
    assert {value for row in large.picture for value in row} == {0, 1, 2, 3}
    assert {value for row in large.kernel for value in row} == {0, 1, 2}


# -- the picture ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "numbers", [(1, 1), (5, 3, 2, 1), (6, 3, 2), (10, 7, 1, 3), (10, 1, 1, 3), (7, 3, 2, 1, 2), (14, 7, 1, 4, 2),
                (10, 1, 5, 3), (9, 2, 5, 3, 4)],
)  # fmt: skip
def test_every_picture_can_be_read(numbers: tuple[int, ...], seen: list[Figure]) -> None:
    conv = Convolution(*numbers)
    last = conv.out - 1
    for row, column in {(0, 0), (last, 0), (last // 2, last)}:
        still = sliding_window(conv, row, column)
        checks.is_picture(still, kind="png")
        written = conv.written(row, column)
        assert f"cell ({row}, {column}) = {written if conv.k <= 3 else written.split()[-1]}" in still.alt
        assert all(remark in still.alt for remark in conv.remarks)
    assert seen


def test_numbers_fit_their_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[float, float, float, float]] = []

    def marks(self: Sheet, marks: Any, *, size: float = 9.0, bold: bool = False) -> None:
        for x, y, words, _ in marks:
            wide, tall = text_width(words, size, bold=bold), size * 1.25 * 0.73
            written.append((x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2))
            assert size >= 8 and written[-1][0] >= 0 and written[-1][2] <= self.width and written[-1][3] <= self.height

    monkeypatch.setattr(Sheet, "marks", marks)
    for numbers in ((10, 7, 1, 3), (10, 1, 1, 3), (10, 2, 1, 3), (10, 3, 1, 3), (10, 4, 1, 3), (10, 5, 1, 3), (3, 2)):
        written.clear()
        sliding_window(Convolution(*numbers))
        boxes = np.array(written)
        lefts, tops = (np.maximum(boxes[:, None, k], boxes[None, :, k]) for k in (0, 1))
        rights, bottoms = (np.minimum(boxes[:, None, k], boxes[None, :, k]) for k in (2, 3))
        over = np.triu((rights - lefts > 0.5) & (bottoms - tops > 0.5), 1)
        assert not over.any(), (numbers, boxes[np.argwhere(over)[0]])


def test_too_many_cells_to_read_are_refused() -> None:
    with pytest.raises(ConvolutionError, match="224 cells on each side"):
        sliding_window(Convolution(224, 3))
    with pytest.raises(ConvolutionError, match="a kernel of 9"):
        sliding_window(Convolution(12, 9))


def test_the_cells_of_the_window_are_blue_and_the_others_not() -> None:
    conv = Convolution(5, 3, 2, 1)
    for row in range(conv.out):
        pixels = np.asarray(sliding_window(conv, row, 1).open().convert("RGB")).astype(int)
        cell, window = 44, {(y, x) for y in conv.windows[row].cells for x in conv.windows[1].cells}
        for y in range(-1, 6):
            for x in range(-1, 6):  # a corner of the cell, away from its number and its edge
                dot = pixels[2 * (46 + (y + 1) * cell + 7), 2 * (34 + (x + 1) * cell + 7)]
                assert ((dot[2] - dot[0]) > 15) == ((y, x) in window), (row, y, x, dot)


def test_a_sheet_writes_where_it_says() -> None:
    sheet = Sheet(100, 60)
    sheet.marks([(*middle((20, 10, 20, 20)), "8", INK)])
    sheet.text(70, 40, "H", size=9, align="right")
    ink = np.argwhere(np.asarray(sheet.still("an 8 and an H").open().convert("L")) < 128)
    eight, aitch = ink[ink[:, 1] < 100], ink[ink[:, 1] >= 100]
    assert np.abs((eight.min(0) + eight.max(0)) / 2 - (40, 60)).max() <= 1.5
    assert 138 - 3 <= aitch[:, 1].max() <= 140 and 80 <= aitch[:, 0].min() <= 84


# -- the widget -------------------------------------------------------------------------------------------------------
def test_a_row_that_is_not_there_shows_the_last_and_says_so(seen: list[Figure]) -> None:
    still = draw_convolution(n=5, k=3, s=2, p=0, d=1, row=7, column=0)
    assert "cell (1, 0)" in still.alt and "last row and column are 1: shown instead of row 7." in still.alt
    assert "instead" not in draw_convolution(n=5, k=3, s=2, p=0, d=1, row=1, column=0).alt


def test_an_impossible_setting_keeps_the_picture_and_says_why(seen: list[Figure]) -> None:
    widget = convolution_arithmetic(n=5, k=3, s=1, p=0, d=1)
    before = widget.still
    said = {widget.set(**move).message for move in ({"d": 4}, {"k": 7}, {"p": 1}, {"s": 2}, {"n": 6})}
    assert len(said) == 5 and all("does not fit" in one for one in said) and widget.still is before
    assert widget.set(k=2, d=1).message == "" and widget.still is not before
