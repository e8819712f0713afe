"""Layers that are written down without running, against the same layers run by PyTorch's own code."""

from __future__ import annotations

import gc
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from course_lib import tracing
from course_lib.tracing import inputs, recorder
from course_lib.tracing.leaf_rules import rules
from course_lib.tracing.torch_functions import treatment
from tests.tracing_ways import assert_both_ways_agree, everything

MODELS = ("alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "googlenet", "mnasnet0_5", "mobilenet_v2",
          "mobilenet_v3_small", "regnet_y_400mf", "resnet18", "shufflenet_v2_x0_5", "squeezenet1_1", "swin_t",
          "vgg11_bn", "vit_b_32", "lraspp_mobilenet_v3_large")  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_both_ways_give_the_same_trace(name: str) -> None:
    model = inputs.build(name)
    for mode in ("eval", "train"):
        assert_both_ways_agree(model, (2, 3, 224, 224), mode=mode)


def written_without_running(model: nn.Module, size: Any) -> bool:
    """Whether no function of PyTorch's was called, which the recorder would have been told of."""
    seen: list[Any] = []
    told = recorder.Recorder.__torch_function__

    def counted(self: Any, func: Any, *rest: Any) -> Any:
        if not treatment(func).question:
            seen.append(func)
        return told(self, func, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorder.Recorder, "__torch_function__", counted)
        tracing.trace(model, size)
    return not seen


@pytest.mark.parametrize("kind", rules(), ids=lambda kind: kind.__name__)
def test_every_kind_of_leaf_is_written_without_running(kind: type[nn.Module]) -> None:
    layer = kind(*rules()[kind].example)
    size = {"1": (2, 1, 8), "3": (2, 1, 8, 8, 8)}.get(kind.__name__[-2], (2, 1, 8, 8))
    size = (2, 1, 1) if kind is nn.Linear else (*size[:-1], 1) if kind is nn.LayerNorm else size
    for changed in (layer.train(), layer.eval()):
        assert written_without_running(changed, torch.empty(size))
        assert_both_ways_agree(changed, torch.empty(size))


sides = st.integers(1, 9)
pairs = st.one_of(st.integers(0, 4), st.tuples(st.integers(0, 4), st.integers(0, 4)))
ones = st.one_of(st.integers(1, 4), st.tuples(st.integers(1, 4), st.integers(1, 4)))


@st.composite
def layers(draw: st.DrawFn) -> nn.Module:
    """Layers of all kinds with all kinds of settings, of which many do not fit."""
    wide, flag = draw(st.sampled_from([3, 6])), draw(st.booleans())
    window = {"stride": draw(ones), "padding": draw(pairs)}
    dilation, groups = draw(ones), draw(st.sampled_from([1, 3]))
    norm = {"affine": flag, "track_running_stats": draw(st.booleans())}
    makers: list[Any] = [
        lambda: nn.Conv2d(wide, 6, draw(ones), **window, dilation=dilation, groups=groups, bias=flag),
        lambda: nn.Conv2d(wide, 6, 3, padding="same", padding_mode=draw(st.sampled_from(["zeros", "reflect"]))),
        lambda: nn.MaxPool2d(draw(ones), **window, dilation=dilation, ceil_mode=flag, return_indices=groups == 3),
        lambda: nn.AvgPool2d(draw(ones), **window, ceil_mode=flag, divisor_override=draw(st.sampled_from([None, 3]))),
        lambda: nn.AdaptiveAvgPool2d(draw(st.sampled_from([1, 3, (2, None), [1, 2], 0]))),
        lambda: nn.BatchNorm2d(wide, **norm, momentum=draw(st.sampled_from([0.1, None, 1]))),
        lambda: nn.BatchNorm1d(wide, **norm),
        lambda: nn.GroupNorm(3, wide, affine=flag),
        lambda: nn.LayerNorm(draw(st.sampled_from([5, (5, 5), 4])), elementwise_affine=flag),
        lambda: nn.Linear(draw(sides), 4, bias=flag),
        lambda: nn.Flatten(draw(st.integers(-3, 3)), draw(st.integers(-3, 3))),
        lambda: nn.Dropout(draw(st.sampled_from([0, 0.5, 1])), inplace=flag),
        lambda: nn.LeakyReLU(draw(st.sampled_from([0, 0.1])), inplace=flag),
        lambda: nn.GELU("tanh" if flag else "none"),
        lambda: nn.Identity(),
    ]
    return draw(st.sampled_from(makers))().train(draw(st.booleans()))


shapes = st.one_of(
    st.tuples(st.integers(1, 2), st.sampled_from([3, 6]), sides, sides), st.sampled_from([(2, 3), (6,), (3, 5, 5)])
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(layers(), min_size=1, max_size=4),
    shapes,
    st.sampled_from([torch.float32, torch.float16, torch.int64]),
    st.booleans(),
)
def test_any_layers_one_after_the_other(chosen: list[nn.Module], shape: Any, dtype: torch.dtype, last: bool) -> None:
    batch = torch.zeros(shape, dtype=dtype)
    if last and batch.dim() == 4:
        batch = batch.to(memory_format=torch.channels_last)
    assert_both_ways_agree(nn.Sequential(*chosen), batch)
    assert_both_ways_agree(nn.Sequential(nn.Sequential(*chosen[:2]), *chosen[2:]), batch)


FUNCTIONS: tuple[Any, ...] = (
    functional.relu, torch.relu, torch.sigmoid, functional.gelu, Tensor.contiguous, Tensor.double, Tensor.half,
    lambda a: functional.relu(a, inplace=True), lambda a: functional.hardtanh(a, -1, 2, inplace=True),
    lambda a: a.relu_(), lambda a: a.sigmoid_().add_(1), lambda a: a.clamp_(0), lambda a: a.data.mul_(2),
    lambda a: functional.leaky_relu(a, negative_slope=0.2), lambda a: functional.gelu(a, approximate="tanh"),
    lambda a: functional.dropout(a, 0.2, True), lambda a: functional.dropout(a, training=False),
    lambda a: functional.dropout2d(a, inplace=True), lambda a: a + 1, lambda a: 2 * a, lambda a: a / 3, lambda a: 1 - a,
    lambda a: a * True, lambda a: a + torch.ones(()), lambda a: a.transpose(-2, -1), lambda a: a[:, :2], lambda a: a[0],
    lambda a: functional.max_pool2d(a, 2), lambda a: functional.max_pool2d(a, (3, 2), 1, 1, ceil_mode=True),
    lambda a: functional.max_pool2d(a, 2, return_indices=True)[0], lambda a: functional.max_pool2d(a, 2, padding=2),
    lambda a: functional.avg_pool2d(a, 2, divisor_override=3), lambda a: functional.adaptive_avg_pool2d(a, (1, None)),
    lambda a: functional.adaptive_avg_pool2d(a, 1), lambda a: functional.adaptive_max_pool2d(a, [2, 1]),
    lambda a: torch.flatten(a, 1), lambda a: a.flatten(), lambda a: a.flatten(2, 9), lambda a: a.flatten(-2, -1),
    lambda a: a.flatten(end_dim=1), lambda a: a.unsqueeze_(0).squeeze_(0), lambda a: torch.relu(a.view(-1)),
    torch.add, torch.mul, Tensor.sub, Tensor.__iadd__, Tensor.mul_, lambda a, b: torch.add(a, b, alpha=2),
    lambda a, b: a.mean((2, 3), keepdim=True) * b, lambda a, b: torch.mul(input=a, other=b.mean((2, 3), keepdim=True)),
    lambda a, b: torch.cat([a, b], 1), lambda a, b: torch.cat(dim=1, tensors=(a, b, a)), lambda a, b: torch.cat((a, b)),
    lambda a, b: torch.cat([a, b], -1), lambda a, b: torch.cat([a, b.double()], 1), lambda a, b: torch.cat((a,), 1),
)  # fmt: skip


class Program(nn.Module):
    """Functions of two maps and of what earlier ones gave."""

    def __init__(self, steps: list[tuple[int, int, int]]) -> None:
        super().__init__()
        self.conv, self.steps = nn.Conv2d(3, 3, 3, padding=1), steps

    def forward(self, x: Tensor) -> Tensor:
        values = [x, self.conv(x)]
        for which, first, second in self.steps:
            function = FUNCTIONS[which]
            many = 2 if which >= FUNCTIONS.index(torch.add) else 1
            values.append(function(*[values[place % len(values)] for place in (-1 - first, -1 - second)[:many]]))
        return values[-1]


steps = st.tuples(st.integers(0, len(FUNCTIONS) - 1), st.integers(0, 2), st.integers(0, 2))


@settings(max_examples=300, deadline=None)
@given(st.lists(steps, min_size=1, max_size=5), st.booleans())
def test_any_functions_one_after_the_other(chosen: list[tuple[int, int, int]], last: bool) -> None:
    batch = torch.zeros(2, 3, 6, 6)
    assert_both_ways_agree(Program(chosen), batch.to(memory_format=torch.channels_last) if last else batch)


@pytest.mark.parametrize("which", range(len(FUNCTIONS)))
def test_every_function(which: int) -> None:
    for second in (0, 1):
        assert_both_ways_agree(Program([(which, 0, second)]), (2, 3, 6, 6))


class Meddler(nn.Module):
    """Changes its layers in its forward, in one of many ways."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.conv, self.norm, self.act = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU()
        self.body = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Sequential(nn.ReLU(), nn.Dropout()))
        self.tied = nn.Conv2d(3, 3, 3)
        self.tied.weight = self.conv.weight

    def forward(self, x: Tensor) -> Any:
        getattr(self, self.how)(x)
        x = self.act(self.norm(self.conv(x)))
        return self.tied(self.body(x))

    def stride(self, x: Tensor) -> None:
        self.conv.stride = self.body[0].stride = (2, 2)

    def weight(self, x: Tensor) -> None:
        self.conv.weight = nn.Parameter(self.conv.weight[:, :, :1, :1].contiguous())

    def number(self, x: Tensor) -> None:
        self.body[0].weight.mul_(2)

    def other_layer(self, x: Tensor) -> None:
        self.body[1] = nn.Identity()
        del self.body[2]

    def forward_of_its_own(self, x: Tensor) -> None:
        self.conv.forward = lambda picture: picture + 1

    def direct_call(self, x: Tensor) -> None:
        self.act.forward(self.conv.forward(x)), self.conv(input=x), self.body.forward(x), self.body(input=x)

    def hook(self, x: Tensor) -> None:
        self.conv.register_forward_hook(lambda module, given, output: output * 2)
        self.body[2][0].register_forward_pre_hook(lambda module, given: (given[0] + 1,))

    def mode(self, x: Tensor) -> None:
        self.body.eval(), self.norm.train(False)

    def half(self, x: Tensor) -> None:
        self.norm.double(), self.body[2].half()

    def all_tensors(self, x: Tensor) -> None:
        assert [name for name, _ in self.named_parameters()] and len(dict(self.named_buffers())) == 6
        assert [type(module) for module in self.body.modules()][1:3] == [nn.Conv2d, nn.BatchNorm2d]
        assert "conv.weight" in self.state_dict()

    def in_place(self, x: Tensor) -> None:
        y = nn.functional.relu_(self.conv(x))
        self.act(y).unsqueeze_(0).squeeze_(0)
        self.body[2](y.transpose_(2, 3)), self.act(y.data)

    def autocast(self, x: Tensor) -> None:
        with torch.autocast("cpu"):
            self.body(x), self.act(x)

    def parts(self, x: Tensor) -> None:
        for layer in self.body:
            x = layer(x)
        self.body[:2](x), self.body[2](x)

    def misfit(self, x: Tensor) -> None:
        self.body(x[:, :2])

    def inner_misfit(self, x: Tensor) -> None:
        self.body[2].append(nn.Linear(5, 5))


@pytest.mark.parametrize("how", [name for name in vars(Meddler) if name != "forward" and not name.startswith("_")])
def test_a_forward_may_do_anything_to_its_layers(how: str) -> None:
    model = Meddler(how)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for mode in ("eval", "train"):
        assert_both_ways_agree(model, (2, 3, 8, 8), mode=mode)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert model.conv.stride == (1, 1) and len(model.body) == 3 and not model.conv._forward_hooks


class Own(nn.ReLU):
    def forward(self, input: Tensor) -> Tensor:
        return input.clamp(0, 1)


def patched(target: Any, name: str) -> Any:
    def apply(patch: pytest.MonkeyPatch) -> nn.Module:
        patch.setattr(
            target, name, lambda self, *rest, **settings: self + 1 if isinstance(self, Tensor) else rest[0] + 1
        )
        return nn.Sequential(nn.ReLU(), nn.Flatten())

    return apply


def changed(change: Any) -> Any:
    def apply(patch: pytest.MonkeyPatch) -> nn.Module:
        layer = nn.ReLU()
        change(layer)
        return nn.Sequential(layer, nn.Flatten())

    return apply


@pytest.mark.parametrize("apply", [
    patched(functional, "relu"), patched(nn.ReLU, "forward"), lambda patch: nn.Sequential(Own(), nn.Flatten()),
    changed(lambda layer: setattr(layer, "forward", lambda x: x + 1)),
    changed(lambda layer: setattr(layer, "tag", [1])),
    changed(lambda layer: setattr(layer, "inplace", [])),
    changed(lambda layer: layer.register_module("inner", nn.ReLU())),
    changed(lambda layer: layer.register_parameter("extra", nn.Parameter(torch.ones(1)))),
    changed(lambda layer: layer.register_buffer("extra", torch.ones(1))),
])  # fmt: skip
def test_a_changed_layer_is_no_leaf(apply: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model = apply(monkeypatch)
    assert not written_without_running(model, (1, 3, 8, 8))
    assert_both_ways_agree(model, (1, 3, 8, 8))


def test_a_trace_leaves_nothing_to_the_garbage_collector() -> None:
    model = inputs.build("mobilenet_v3_small").eval()
    everything(model, (1, 3, 64, 64))
    gc.collect()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "enable", lambda: None)
        gc.disable()
        tracing.trace(model, (1, 3, 64, 64))
        left = gc.collect()
    gc.enable()
    assert left == 0
