"""Residual blocks, stages and layer counts against torchvision's own constructor, and against the paper's table 1."""

from __future__ import annotations

import inspect
import re
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torchvision.models import ResNet, get_model, resnet18
from torchvision.models.resnet import BasicBlock, Bottleneck

from course_lib.drawing.stage_figure import make_layer_lines, shortcut_question
from course_lib.errors import CourseError, ModelNameError
from course_lib.networks.resnet import BlockError, count_layers, make_block, stage_shapes, stage_steps, why_downsample
from course_lib.tracing import TraceError, trace

#: He et al. 2015, table 1: blocks in conv2_x to conv5_x; each network's name is its number of layers.
TABLE = {
    "resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3), "resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3),
    "resnet152": (3, 8, 36, 3),
}  # fmt: skip
#: The paper's output sizes, and the last column of channels in table 1 (conv2_x to conv5_x).
SIDES = (56, 28, 14, 7)
NETWORKS = (*TABLE, "resnext50_32x4d", "wide_resnet50_2")


def on_meta(name: str, **how: Any) -> ResNet:
    with torch.device("meta"):
        return get_model(name, weights=None, **how)


class Witness(ResNet):
    """Notes what torchvision's own constructor hands to every block."""

    def __init__(self, block: Any, layers: list[int], **how: Any) -> None:
        notes: list[dict[str, Any]] = []
        signature = inspect.signature(block.__init__)

        class Noted(block):  # type: ignore[misc]
            def __init__(self, *given: Any, **named: Any) -> None:
                super().__init__(*given, **named)
                bound = signature.bind(self, *given, **named)
                bound.apply_defaults()
                notes.append(bound.arguments)

        with torch.device("meta"):
            super().__init__(Noted, layers, **how)
        self.notes = notes


WITNESSES: dict[str, tuple[Any, list[int], dict[str, Any]]] = {
    "resnet18": (BasicBlock, [2, 2, 2, 2], {}),
    "resnet50": (Bottleneck, [3, 4, 6, 3], {}),
    "resnext50_32x4d": (Bottleneck, [3, 4, 6, 3], {"groups": 32, "width_per_group": 4}),
    "wide_resnet50_2": (Bottleneck, [3, 4, 6, 3], {"width_per_group": 128}),
    "dilated": (Bottleneck, [3, 4, 6, 3], {"replace_stride_with_dilation": [False, True, True]}),
    "one block a stage": (Bottleneck, [1, 1, 1, 1], {"replace_stride_with_dilation": [True, False, True]}),
}


@pytest.fixture(scope="module", params=WITNESSES)
def witness(request: pytest.FixtureRequest) -> Witness:
    block, layers, how = WITNESSES[request.param]
    return Witness(block, layers, **how)


# -- one block --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", NETWORKS)
def test_every_block_of_torchvision_can_be_made_again(name: str) -> None:
    model = on_meta(name)
    for step in stage_steps(model):
        with torch.device("meta"):
            ours = make_block(
                {"BasicBlock": "basic", "Bottleneck": "bottleneck"}[step.kind], step.in_channels, step.planes,
                stride=step.stride, groups=step.groups, base_width=step.base_width, dilation=step.dilation,
            )  # fmt: skip
        assert repr(ours) == repr(model.get_submodule(step.path))  # every layer with all of its settings


@pytest.mark.parametrize("kind", ["basic", "bottleneck"])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("planes", [4, 8])
def test_a_downsample_is_made_just_where_the_sum_fails_without(kind: str, stride: int, planes: int) -> None:
    channels = 16  # equal to what comes out of a bottleneck with 4 planes
    out = planes * (4 if kind == "bottleneck" else 1)
    x = torch.randn(2, channels, 9, 9)
    without = make_block(kind, channels, planes, stride=stride, downsample=False)
    try:
        without(x)
        fits = True
    except RuntimeError:
        fits = False
    block = make_block(kind, channels, planes, stride=stride)
    assert (block.downsample is None) == fits == (why_downsample(channels, out, stride) == "")
    assert block(x).shape == (2, out, -(-9 // stride), -(-9 // stride))
    assert make_block(kind, channels, planes, stride=stride, downsample=True).downsample is not None


@pytest.mark.parametrize(
    ("wrong", "ours", "theirs"),
    [
        ({"groups": 32}, "cannot have groups=32:", "ValueError: BasicBlock only supports"),
        ({"base_width": 4}, "cannot have base_width=4:", "ValueError: BasicBlock only supports"),
        ({"groups": 2, "base_width": 4}, "cannot have groups=2 and base_width=4:", "ValueError: BasicBlock only"),
        ({"dilation": 2}, "cannot have dilation=2:", "NotImplementedError: Dilation > 1 not supported in BasicBlock"),
        ({"norm_layer": lambda n: nn.GroupNorm(7, n)}, "look at its norm_layer", "ValueError: num_channels"),
    ],
)
def test_what_torchvision_refuses_is_refused_in_a_sentence(wrong: dict[str, Any], ours: str, theirs: str) -> None:
    with pytest.raises(BlockError) as caught:
        make_block("basic", 64, 64, **wrong)
    words = str(caught.value)
    assert ours in words and theirs in words and "\n" not in words
    assert isinstance(caught.value, CourseError) and isinstance(caught.value, ValueError)
    with pytest.raises((ValueError, NotImplementedError)) as real:  # still true of the torchvision that is installed
        BasicBlock(64, 64, **wrong)
    assert f"{type(real.value).__name__}: {real.value}" in words


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("plain", 64, 64, {}), "kind='plain'"),
        (("basic", 0, 64, {}), "in_channels=0: give a whole number"),
        (("basic", 64, 6.5, {}), "planes=6.5"),
        (("basic", 64, 64, {"stride": -1}), "stride=-1"),
        (("bottleneck", 64, 64, {"groups": True}), "groups=True"),
        (("bottleneck", 64, 2, {"base_width": 16, "groups": 4}), "⌊2·16/64⌋·4 = 0"),
    ],
)
def test_numbers_that_make_no_block(given: tuple[Any, ...], says: str) -> None:
    with pytest.raises(BlockError, match=re.escape(says)):
        make_block(*given[:3], **given[3])


@settings(max_examples=60, deadline=None)
@given(*[st.integers(1, n) for n in (96, 96, 3, 9, 130, 3)], st.sampled_from(["basic", "bottleneck"]))
def test_a_block_or_a_sentence(
    in_channels: int, planes: int, stride: int, groups: int, base_width: int, dilation: int, kind: str
) -> None:
    how = {"stride": stride, "groups": groups, "base_width": base_width, "dilation": dilation}
    try:
        with torch.device("meta"):
            block = make_block(kind, in_channels, planes, **how)  # type: ignore[arg-type]
    except BlockError:
        if kind == "basic":
            assert (groups, base_width, dilation) != (1, 64, 1)
        else:
            assert planes * base_width < 64
    else:  # groups always divide a bottleneck's width: it is made as a multiple of them
        out = planes * (4 if kind == "bottleneck" else 1)
        assert block(torch.empty(1, in_channels, 8, 8, device="meta")).shape == (1, out, *[-(-8 // stride)] * 2)


# -- the stages -------------------------------------------------------------------------------------------------------
def test_steps_say_what_the_constructor_gave_to_every_block(witness: Witness) -> None:
    steps = stage_steps(witness)
    assert len(steps) == len(witness.notes)
    for step, note in zip(steps, witness.notes, strict=True):
        got = (step.in_channels, step.planes, step.stride, step.groups, step.base_width, step.dilation)
        assert got == tuple(
            note[name] for name in ("inplanes", "planes", "stride", "groups", "base_width", "dilation")
        ), step.path
        assert step.downsample == (note["downsample"] is not None)
        assert step.downsample == bool(why_downsample(step.in_channels, step.out_channels, step.stride))
    assert steps[-1].inplanes_after == witness.inplanes
    assert all(after.in_channels == before.inplanes_after for before, after in pairwise(steps))


def test_shapes_are_those_of_a_real_forward() -> None:
    model, seen = resnet18(), {}
    steps = stage_steps(model, (2, 3, 75, 101))

    def note(path: str) -> Any:
        return lambda module, given, out: seen.update({path: (tuple(given[0].shape), tuple(out.shape))})

    for path, module in model.named_modules():
        module.register_forward_hook(note(path))
    model.eval()(torch.zeros(2, 3, 75, 101))
    assert [(step.input, step.output) for step in steps] == [seen[step.path] for step in steps]
    shapes = stage_shapes(model, (2, 3, 75, 101))
    assert shapes.pop("input") == (2, 3, 75, 101)
    assert shapes == {path: seen[path][1] for path in shapes} and "fc" in shapes and "bn1" not in shapes


@pytest.mark.parametrize("name", TABLE)
def test_table_1_of_the_paper(name: str) -> None:
    count, model = count_layers(name), on_meta(name)
    assert count.blocks == TABLE[name]
    assert f"resnet{count.total}" == name and str(count).endswith(f" = {count.total}")
    left, right = str(count).split(" = ")
    assert eval(left.replace("·", "*")) == int(right)
    shapes = stage_shapes(name)
    assert tuple(shapes[f"layer{k}"][2] for k in (1, 2, 3, 4)) == SIDES
    convs = sum(isinstance(one, nn.Conv2d) for one in model.modules())
    linear = sum(isinstance(one, nn.Linear) for one in model.modules())
    norms = sum(isinstance(one, nn.BatchNorm2d) for one in model.modules())
    assert count.total + count.downsample == convs + linear and count.norms == norms
    steps = stage_steps(name)
    assert tuple(sum(step.stage == f"layer{k}" for step in steps) for k in (1, 2, 3, 4)) == TABLE[name]
    inside = sum(p.numel() for path, p in model.named_parameters() if path.startswith("layer"))
    assert sum(step.parameters for step in steps) == inside
    assert sum(step.macs for step in steps) == sum(op.macs for op in trace(name) if op.path.startswith("layer"))


@pytest.mark.parametrize(("name", "layers"), [("vgg11", 11), ("vgg16_bn", 16), ("alexnet", 8), ("densenet121", 121)])
def test_networks_without_shortcuts_are_counted_too(name: str, layers: int) -> None:
    assert count_layers(name).total == layers


class Mine(nn.Module):
    """A learner's block: no stride, no expansion, no torchvision."""

    def __init__(self, into: int, out: int, stride: int = 1, downsample: nn.Module | None = None) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(into, out, 3, stride, 1), nn.Conv2d(out, out, 3, padding=1)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).relu()) + (x if self.downsample is None else self.downsample(x))


def test_a_network_of_ones_own() -> None:
    model = nn.Sequential()
    model.add_module("stem", nn.Conv2d(3, 8, 3))
    model.add_module("one", nn.Sequential(Mine(8, 8), Mine(8, 8, 1, nn.Conv2d(8, 8, 1))))
    model.add_module("two", nn.Sequential(Mine(8, 12, 2, nn.Conv2d(8, 12, 1, 2))))
    steps = stage_steps(model, (3, 18, 18))
    assert [(step.path, step.kind, step.planes, step.stride, step.downsample) for step in steps] == [
        ("one.0", "Mine", 8, 1, False), ("one.1", "Mine", 8, 1, True), ("two.0", "Mine", 12, 2, True),
    ]  # fmt: skip
    assert "though there is a conv" in steps[1].why and "though" not in steps[0].why
    assert str(count_layers(model)) == "1 + 2·(2 + 1) + 0 = 7"


def test_models_that_have_no_stages() -> None:
    with pytest.raises(BlockError, match=r"vgg11 has no stage of residual blocks .* take a ResNet"):
        stage_steps("vgg11")
    with pytest.raises(ModelNameError, match="Did you mean 'resnet18'"):
        stage_steps("resnet-18")
    with pytest.raises(TraceError, match="int"):
        stage_steps(18)  # type: ignore[arg-type]
    with pytest.raises(BlockError, match="it was given int"):
        count_layers(18)  # type: ignore[arg-type]


def test_a_block_whose_shortcut_is_missing_is_told_where() -> None:
    model = resnet18()
    model.layer3[0].downsample = None
    with pytest.raises(TraceError, match=r"nn\.Conv2d\(128, 256, kernel_size=1, stride=2, bias=False\)"):
        stage_steps(model)


# -- the code that makes them -----------------------------------------------------------------------------------------
def test_the_lines_are_torchvisions_own() -> None:
    source = re.sub(r"\s", "", inspect.getsource(ResNet._make_layer)).replace(",)", ")").replace('"', "'")
    lines = make_layer_lines(stage_steps("resnet18"), 1)
    assert len(lines) > 9 and shortcut_question(lines) is not None
    for line in lines:
        assert re.sub(r"\s", "", line.text) in source


def test_numbers_put_in_are_those_of_the_constructor(witness: Witness) -> None:
    steps = stage_steps(witness)
    for step, note in zip(steps, witness.notes, strict=True):
        lines = make_layer_lines(steps, step.number)
        made = [line.value for line in lines if line.runs and line.value.startswith(f"{step.kind}(")]
        assert len(made) == 1  # one block is made in a step
        given, named = _arguments(made[0])
        names = list(inspect.signature(Bottleneck.__init__).parameters)[1:]
        for name, value in {**dict(zip(names, given, strict=False)), **named}.items():
            if name == "downsample":
                assert (value == "None") == (note["downsample"] is None)
            elif name != "norm_layer":
                assert int(value) == note[name], (step.path, name)
        asked = lines[shortcut_question(lines) or 0]
        assert asked.runs == (step.block == 0)
        if step.block == 0:
            assert asked.value.endswith(f"→ {step.downsample}")
            left = asked.value.split(" → ")[0]
            assert eval(left) is step.downsample
        projection = next(line for line in lines if "downsample = nn" in line.text)
        assert projection.runs == step.downsample


def _arguments(call: str) -> tuple[list[str], dict[str, str]]:
    parts = call.split("(", 1)[1].rstrip(")").split(", ")
    return [one for one in parts if "=" not in one], dict(one.split("=") for one in parts if "=" in one)
