"""The drawn steps of ``_make_layer``, the stage stepper and the block explorer: what they tell, hide and refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from matplotlib.figure import Figure
from torch import nn
from torchvision.models import ResNet, get_model, resnet50
from torchvision.models.resnet import BasicBlock, Bottleneck

from course_lib.drawing.stage_figure import draw_stages as picture
from course_lib.errors import CourseError
from course_lib.networks.resnet import BlockError, StageStep, count_layers, make_block, stage_shapes, stage_steps
from course_lib.widgets import block_explorer, stage_stepper

from . import stills as checks


@pytest.fixture(autouse=True)
def nothing_out_of_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    seen = checks.watch(monkeypatch)
    yield seen
    assert [fault for figure in seen for fault in checks.faults(figure)] == []


def on_meta(name: str, **how: Any) -> ResNet:
    with torch.device("meta"):
        return get_model(name, weights=None, **how)


# -- the picture ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("resnet18", 1),
        ("resnet18", 8),
        ("resnet50", 4),
        ("resnet152", 30),
        ("wide_resnet50_2", 16),
        ("resnext101_64x4d", 30),
    ],
)
def test_pictures(name: str, number: int) -> None:
    steps = stage_steps(name)
    shown = picture(steps, number, name=name)
    checks.is_picture(shown)
    step = steps[number - 1]
    assert step.path in shown.alt and step.why in shown.alt and f"block {number} of {len(steps)}" in shown.alt
    asked = picture(steps, number, name=name, answer=False)
    checks.is_picture(asked)
    assert step.why not in asked.alt and "identity" not in asked.alt and "projection" not in asked.alt
    assert asked.data != shown.data and asked.width == shown.width
    assert picture(steps, number, name=name, code=False).open().height < shown.open().height


def test_long_names_and_few_blocks_fit() -> None:
    class AResidualBlockOfOnesOwn(BasicBlock):
        pass

    model = nn.Module()
    model.add_module("a_stage_with_a_name_of_its_own", nn.Sequential(AResidualBlockOfOnesOwn(3, 3)))
    model.forward = model.a_stage_with_a_name_of_its_own.forward  # type: ignore[method-assign]
    checks.is_picture(picture(stage_steps(model, (3, 8, 8)), name="a network of ones own"))


def test_a_picture_tells_nothing_that_is_to_be_guessed() -> None:
    """Two networks that differ in one shortcut alone look the same before the answer."""

    def steps(downsample: bool) -> tuple[StageStep, ...]:
        with torch.device("meta"):
            blocks = [make_block("basic", 64, 64, downsample=choice) for choice in (False, downsample, False)]
        return stage_steps(nn.Sequential(nn.Sequential(*blocks)), (64, 8, 8))

    one, other = steps(True), steps(False)
    assert picture(one, 2, answer=False).data == picture(other, 2, answer=False).data
    assert picture(one, 2).data != picture(other, 2).data
    assert picture(one, 1).data == picture(other, 1).data  # blocks to come have no shortcut yet
    assert picture(one, 3).data != picture(other, 3).data


@pytest.mark.parametrize("dilate", [False, True])
def test_every_step_has_the_same_size_of_picture(dilate: bool) -> None:
    steps = stage_steps(on_meta("resnet50", replace_stride_with_dilation=[False, dilate, dilate]))
    pictures = [picture(steps, step.number).open() for step in steps[:: max(1, len(steps) // 5)]]
    assert len({one.size for one in pictures}) == 1


@pytest.mark.parametrize("number", [0, 9, -1, 1.5, "layer1"])
def test_a_block_that_is_not_there(number: Any) -> None:
    with pytest.raises(CourseError, match="this network has 8, from 1 to 8"):
        picture(on_meta("resnet18"), number)


def test_a_model_is_left_as_it_was() -> None:
    model = resnet50(num_classes=2).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    picture(model, 3)
    count_layers(model)
    stage_shapes(model)
    assert model.training and all(torch.equal(before[name], value) for name, value in model.state_dict().items())


# -- the widgets ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("moves", "says"),
    [
        ({"groups": 32}, "BasicBlock only supports groups=1 and base_width=64"),
        ({"base_width": 128}, "BasicBlock only supports groups=1 and base_width=64"),
        ({"dilation": 2}, "Dilation &gt; 1 not supported in BasicBlock"),
    ],
)
def test_the_block_explorer_says_why_not(moves: dict[str, Any], says: str) -> None:
    explorer = block_explorer()
    before = explorer.still
    assert explorer.set(**moves).message.count(says) == 1 and explorer.still is before
    explorer.set(kind="bottleneck")
    assert explorer.message == "" and "Bottleneck(64, 64, " in repr(explorer)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("kind", "made", "groups"), [("basic", BasicBlock, 1), ("bottleneck", Bottleneck, 2)])
def test_the_block_explorer_shows_torchvisions_block(kind: str, made: Any, groups: int, stride: int) -> None:
    said = repr(block_explorer(kind=kind, in_channels=24, planes=6, stride=stride, groups=groups, side=9))
    out = 6 * made.expansion
    shortcut = None
    if (stride, out) != (1, 24):
        shortcut = nn.Sequential(nn.Conv2d(24, out, 1, stride, bias=False), nn.BatchNorm2d(out))
    real = made(24, 6, stride, shortcut, groups)
    side = real(torch.zeros(2, 24, 9, 9)).shape[-1]
    assert f"{sum(p.numel() for p in real.parameters()):,} parameters" in said
    assert f"1×24×9×9 → 1×{out}×{side}×{side}" in said
    assert ("Shortcut: projection" in said) == (shortcut is not None)


def test_a_shortcut_left_out_is_drawn_where_it_fails() -> None:
    explorer = block_explorer(stride=2, shortcut="x itself, fits or not")
    assert explorer.message == "" and "Failed: " in repr(explorer)
    assert "1×64×28×28" in repr(explorer) and "1×64×56×56" in repr(explorer)
    assert "Failed" not in repr(explorer.set(stride=1))  # here x fits


@pytest.mark.parametrize(
    ("start", "says"),
    [
        ({"channels": 64}, "no control 'channels'. Did you mean 'in_channels'?"),
        ({"groups": 2}, "A BasicBlock cannot have groups=2"),
        ({"planes": 0}, "planes=0: give a whole number"),
        ({"planes": "many"}, "planes='many'"),
        ({"shortcut": None}, "choose one of 'as torchvision makes it'"),
    ],
)
def test_a_block_explorer_that_cannot_start(start: dict[str, Any], says: str) -> None:
    with pytest.raises(CourseError, match=re.escape(says)):
        block_explorer(**start)


def test_the_stepper_never_stands_beyond_the_last_block() -> None:
    explorer = stage_stepper(("resnet50", "resnet18"), step=16)
    assert "block 16 of 16" in repr(explorer)
    explorer.set(model="resnet18")
    assert explorer.message == "" and "resnet18, block 8 of 8" in repr(explorer) and explorer.state["step"] == 8
    explorer.set(model="resnet50", step=9)
    assert "resnet50, block 9 of 16" in repr(explorer)


def test_the_stepper_walks_through_modules_of_ones_own_too() -> None:
    dilated = on_meta("resnet50", replace_stride_with_dilation=[False, True, True])
    said = repr(stage_stepper({"dilated": dilated}, step=14))
    assert "dilated, block 14 of 16, layer4.0" in said and "stride 1, projection" in said
    for names, step, says in (((), 1, "no network"), (("resnet18",), 9, "no block 9: resnet18 has 8")):
        with pytest.raises(CourseError, match=says):
            stage_stepper(names, step=step)
    with pytest.raises(BlockError, match="vgg11 has no stage"):
        stage_stepper(("vgg11",))
