"""Cfgs as pictures and widgets, against torchvision's own networks, a real forward, and its make_layers as it runs."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from dataclasses import replace
from types import FrameType
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torchvision.models import get_model, vgg

from course_lib.drawing.cfg_figure import amount, cfg_steps, cfg_table
from course_lib.drawing.sheet import Sheet, text_width, wrapped
from course_lib.errors import CourseError
from course_lib.models.torchvision_source import token_lines
from course_lib.networks.vgg import COLUMNS, CfgError, Token, read_cfg, steps
from course_lib.widgets.cfg_builder import cfg_builder, draw_cfg
from course_lib.widgets.cfg_stepper import cfg_stepper, draw_cfg_step

from . import stills as checks

NETWORKS = {"A": "vgg11", "B": "vgg13", "D": "vgg16", "E": "vgg19"}


@pytest.fixture(autouse=True)
def nothing_out_of_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    seen = checks.watch(monkeypatch)
    yield seen
    assert [fault for figure in seen for fault in checks.faults(figure)] == []


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[float, float, float, float]]]:
    """Every short text that a sheet gets, and where it lies: left, top, right, bottom."""
    found: list[tuple[str, tuple[float, float, float, float]]] = []
    real = Sheet.marks

    def marks(self: Sheet, marks: Any, *, size: float = 9.0, bold: bool = False, align: str = "center") -> None:
        share = {"left": 0.0, "center": 0.5, "right": 1.0}[align]
        for x, y, words, _ in marks:
            wide, tall = text_width(words, size, bold=bold), size * 1.25 * 0.73
            box = (x - share * wide, y - tall / 2, x + (1 - share) * wide, y + tall / 2)
            assert size >= 8 and box[0] >= 0 and box[2] <= self.width and box[1] >= 0 and box[3] <= self.height, words
            found.append((words, box))
        real(self, marks, size=size, bold=bold, align=align)

    monkeypatch.setattr(Sheet, "marks", marks)
    return found


def overlapping(written: list[tuple[str, tuple[float, float, float, float]]]) -> list[tuple[str, str]]:
    boxes = np.array([box for _, box in written])
    low = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    over = ((low - np.maximum(boxes[:, None, :2], boxes[None, :, :2])) > 0.5).all(-1)
    return [(written[a][0], written[b][0]) for a, b in np.argwhere(np.triu(over, 1))]


# -- torchvision's lines ----------------------------------------------------------------------------------------------
def really_run(tokens: list[Token], batch_norm: bool) -> list[set[int]]:
    """The numbers of the lines of make_layers that run for each token, seen by Python's own tracing."""
    runs: list[set[int]] = []
    head = next(
        number for number, line in enumerate(inspect.getsource(vgg.make_layers).split("\n")) if "for v in cfg" in line
    )

    def watch(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code is not vgg.make_layers.__code__:
            return None
        if event == "line":
            number = frame.f_lineno - frame.f_code.co_firstlineno
            if number == head:
                runs.append(set())
            if runs:
                runs[-1].add(number - head)
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        with torch.device("meta"):
            vgg.make_layers(tokens, batch_norm)  # type: ignore[arg-type]
    finally:
        sys.settrace(before)
    return runs[: len(tokens)]


@pytest.mark.parametrize("batch_norm", [False, True])
def test_the_lines_marked_are_those_that_run(batch_norm: bool) -> None:
    tokens: list[Token] = [64, "M", 128]
    channels = 3
    for token, runs in zip(tokens, really_run(tokens, batch_norm), strict=True):
        lines = token_lines(token, channels, batch_norm=batch_norm)
        channels = token if isinstance(token, int) else channels
        marked = {number for number, line in enumerate(lines) if line.runs and line.text.strip() != "else:"}
        assert marked == runs


def test_the_lines_are_torchvisions_and_their_numbers_make_its_layers() -> None:
    source = "".join(inspect.getsource(vgg.make_layers).split()).replace('"', "'")
    for line in token_lines(256, 128, batch_norm=True):
        assert "".join(line.text.split()) in source
    (value,) = [line.value for line in token_lines(256, 128, batch_norm=True) if "Conv2d" in line.value]
    assert repr(eval(value, {"nn": nn})) == repr(vgg.make_layers([128, 256])[2])


def test_no_line_runs_for_what_torchvision_does_not_know() -> None:
    for token in ("LRN", "conv1-256"):
        assert not any(line.runs or line.value for line in token_lines(token, 64))
        with pytest.raises((TypeError, ValueError, RuntimeError)):
            vgg.make_layers([64, token])


def test_without_torchvisions_source_the_picture_has_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = cfg_steps("A", 3)

    def missing(_: Any) -> str:
        raise OSError("could not get source code")

    token_lines.cache_clear()
    monkeypatch.setattr(inspect, "getsource", missing)
    try:
        assert token_lines(64, 3) == ()
        assert cfg_steps("A", 3).open().height < whole.open().height
    finally:
        token_lines.cache_clear()


# -- the pictures -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("column", NETWORKS)
def test_a_step_is_what_torchvisions_own_network_does(column: str, batch_norm: bool) -> None:
    with torch.device("meta"):
        network = get_model(NETWORKS[column] + "_bn" * batch_norm, weights=None).eval()
    ends, x = [], torch.empty(1, 3, 224, 224, device="meta")
    for layer in network.features:
        x = layer(x)
        if isinstance(layer, nn.MaxPool2d | nn.ReLU):  # the last layer of a token
            ends.append(("×".join(map(str, x.shape[1:])), isinstance(layer, nn.MaxPool2d)))
    own = f"{sum(p.numel() for p in network.features.parameters()):,}"
    found = steps(column, batch_norm=batch_norm)
    assert len(ends) == len(found)
    for number in (1, len(found) // 2, len(found)):
        said = cfg_steps(found, number, batch_norm=batch_norm).alt
        assert f"→ {ends[number - 1][0]}, " in said
        assert number < len(found) or f" {own} so far" in said
    table = cfg_table(found, batch_norm=batch_norm)
    assert f"{ends[-1][0]}, {own} parameters" in table.alt
    assert table.alt.endswith(f"with VGG's head {sum(p.numel() for p in network.parameters()):,} parameters")
    assert f"{sum(pool for _, pool in ends)} pools" in table.alt


@pytest.mark.parametrize("column", COLUMNS)
def test_every_step_can_be_read(column: str, written: list[Any]) -> None:
    count = len(COLUMNS[column])
    for number in {1, 2, count // 2, count}:
        for answer in (True, False):
            written.clear()
            checks.is_picture(cfg_steps(column, number, batch_norm=number % 2 == 0, answer=answer), kind="png")
            assert written and overlapping(written) == []


@pytest.mark.parametrize(
    ("cfg", "side", "batch_norm"),
    [("64", 16, False), ("M", 2, False), ("C", 224, True), ("E", 512, True), ("A-LRN", 224, False),
     ("8 " * 150, 64, False), ("4096 conv1-4096 LRN M 4096", 512, True), ("LRN " * 22, 224, False),
     ("conv1-1024, " * 22, 32, True), ("1 M " * 4, 16, True)],
)  # fmt: skip
def test_every_table_can_be_read(cfg: str, side: int, batch_norm: bool, written: list[Any]) -> None:
    still = cfg_table(cfg, input_size=(3, side, side), batch_norm=batch_norm)
    checks.is_picture(still, kind="png")
    assert overlapping(written) == []
    words = [one for one, _ in written]
    found = steps(cfg, (3, side, side), batch_norm=batch_norm)
    assert f"{found[-1].total_parameters:,}" in words and amount(found[-1].total_macs) in words
    for step in (found[0], found[-1]):
        assert {"×".join(map(str, step.shape)), f"{step.field} px", f"{step.parameters:,}"} <= set(words)


def test_tokens_that_are_left_out_are_said_and_counted(written: list[Any]) -> None:
    cfg_table("8 " * 60, input_size=(3, 32, 32))
    numbers = {int(words) for words, box in written if words.isdigit() and box[2] <= 30.5}
    (said,) = [words for words, _ in written if "left out" in words]
    assert said.startswith(f"… {60 - len(numbers)} tokens") and {1, 60} <= numbers
    with torch.device("meta"):
        assert f"{sum(p.numel() for p in vgg.make_layers([8] * 60).parameters()):,}" in [one for one, _ in written]


def test_a_field_larger_than_the_picture_is_said(nothing_out_of_place: list[Figure]) -> None:
    def said(side: int) -> str:
        cfg_table("A", input_size=(3, side, side))
        return " ".join(text.get_text() for text in nothing_out_of_place[-1].texts + nothing_out_of_place[-1].artists
                        if hasattr(text, "get_text"))  # fmt: skip

    first = next(step.number for step in steps("A", (3, 64, 64)) if step.field > 64)
    assert f"From token {first} on the field is larger than the picture (64 pixels)." in said(64)
    assert "larger than the picture" not in said(224)


def test_without_the_answer_nothing_tells_it() -> None:
    found = steps("A")
    hidden = cfg_steps(found, 4, answer=False)
    assert "56" not in hidden.alt and hidden.alt.endswith("what comes out?")
    others = [
        replace(step, shape=(7, 9, 9), parameters=1, macs=1, field=1, why="?", total_parameters=2, total_macs=2)
        if step.number >= 4 else step for step in found
    ]  # fmt: skip
    scaled = replace(others[-1], shape=found[-1].shape)  # the deepest box sets the scale of all
    assert cfg_steps([*others[:-1], scaled], 4, answer=False).data == hidden.data
    assert cfg_steps([*others[:-1], scaled], 4).data != cfg_steps(found, 4).data


@pytest.mark.parametrize("number", [0, 14, -1, 1.0, True, None, "2"])
def test_there_is_no_such_token(number: Any) -> None:
    with pytest.raises(CourseError, match="this cfg has 13, from 1 to 13"):
        cfg_steps("A", number)


def test_lines_are_as_long_as_there_is_room() -> None:
    words = "one two three four " * 10 + "incomprehensibilities"
    for width in (40, 90, 300):
        lines = wrapped(words, width, 9)
        assert " ".join(lines).split() == words.split()
        assert all(text_width(line, 9) <= width or " " not in line for line in lines)
    assert len(wrapped(words, 10_000, 9)) == 1


# -- the widgets ------------------------------------------------------------------------------------------------------
def test_the_stepper_walks_through_its_columns() -> None:
    widget = cfg_stepper(["A", "E"], token=13)
    assert widget.controls["token"].max == 13
    assert "VGG E, token 13 of 21" in widget.set(column="VGG E").still.alt and widget.controls["token"].max == 21
    assert "token 21 of 21" in widget.set(token=21).still.alt
    assert "VGG A, token 13 of 13" in widget.set(column="VGG A").still.alt and widget.state["token"] == 13
    assert widget.set(answer=False).still.alt.endswith("what comes out?") and widget.message == ""


def test_the_stepper_takes_cfgs_of_ones_own() -> None:
    widget = cfg_stepper({"mine": "8 M 16", "list": [4, "M"]}, token=3, batch_norm=True)
    with torch.device("meta"):
        own = sum(p.numel() for p in vgg.make_layers([8, "M", 16], True).parameters())
    assert (
        f"mine, token 3 of 3, 16: 8×112×112 → 16×112×112, {8 * 16 * 9 + 16 * 3:,} parameters, {own:,} so far"
        in repr(widget)
    )
    assert "list, token 2 of 2" in widget.set(column="list").still.alt


def test_the_stepper_refuses_what_is_not_there() -> None:
    with pytest.raises(CourseError, match="There is no token 14: VGG A has 13"):
        cfg_stepper(token=14)
    with pytest.raises(CourseError, match="no cfg to step through"):
        cfg_stepper([])
    with pytest.raises(CfgError):
        cfg_stepper(["G"])
    found = steps("A")
    assert "token 13 of 13" in draw_cfg_step(found, name="VGG A", token=99, batch_norm=False).alt


def test_the_builder_gives_the_shape_of_a_real_forward() -> None:
    widget = cfg_builder("8, M, 16, M", side=32)
    x: Tensor = torch.zeros(1, 3, 48, 48)
    assert "×".join(map(str, vgg.make_layers([8, "M", 16, "M"])(x).shape[1:])) in widget.set(side=48).still.alt
    assert "conv" in widget.set(cfg="8, 8, M").still.alt and "2 convolutions, 1 pool," in widget.still.alt
    norm = sum(p.numel() for p in vgg.make_layers([8, 8, "M"], True).parameters())
    assert f"{norm:,} parameters" in widget.set(batch_norm=True).still.alt and widget.message == ""


@pytest.mark.parametrize(
    ("typed", "words"),
    [("64, M, 12B", "Token 3"), ("", "empty"), ("64, M, M, M, M, M, M, M, M", "The eighth M"), ("0", "at least 1"),
     ("64, M1", "Token 2"), ("64.5", "Token 1")],
)  # fmt: skip
def test_an_impossible_cfg_keeps_the_picture_and_is_answered(typed: str, words: str) -> None:
    widget = cfg_builder("64, M")
    before = widget.still
    assert words in widget.set(cfg=typed).message and widget.still is before
    assert "Error" not in widget.message
    with pytest.raises(CfgError):
        draw_cfg(cfg=typed, batch_norm=False, side=224)
    assert widget.set(cfg="32, M").message == "" and "32, M" in widget.still.alt


@pytest.mark.parametrize("column", COLUMNS)
def test_a_columns_name_is_written_out_and_understood(column: str) -> None:
    widget = cfg_builder(column)
    assert read_cfg(widget.state["cfg"]) == COLUMNS[column]
    assert widget.set(cfg=column.lower()).still.alt.startswith(f"VGG {column} at 224×224")


def test_one_more_letter_is_answered() -> None:
    for start in ("A", "64, M, 128, M, 256, 256, M", "64"):
        widget = cfg_builder(start)
        shown, said = widget.still.data, widget.message
        widget.set(cfg=widget.state["cfg"] + "1")
        assert widget.still.data != shown or widget.message != said
