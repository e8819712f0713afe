"""Every tensor of a forward, and the arithmetic of one number: held against torchvision's own modules and forwards."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from course_lib.tracing import trace
from course_lib.tracing.activations import Activations, activations
from course_lib.tracing.layer_maps import LayerError
from course_lib.tracing.one_number import _RULES, explain

from .one_number_checks import check_forward, check_layouts, check_numbers, forward

# Members that are built quickly, and the side of a picture; the other families are in tests/reference.
SMALL = {"efficientnet_b0": 64, "googlenet": 64, "mobilenet_v3_small": 64, "resnet18": 64, "shufflenet_v2_x0_5": 64,
         "swin_v2_t": 64, "vit_b_32": 224}  # fmt: skip


@pytest.fixture(scope="module", params=SMALL)
def run(request: pytest.FixtureRequest) -> tuple[nn.Module, Activations]:
    return forward(request.param, SMALL[request.param])


def test_a_forward_is_the_models_own(run: tuple[nn.Module, Activations]) -> None:
    check_forward(run)


def test_every_kind_of_op_is_explained_to_the_models_number(run: tuple[nn.Module, Activations]) -> None:
    check_numbers(run)


def test_a_layout_finds_every_number_again(run: tuple[nn.Module, Activations]) -> None:
    check_layouts(run)


def test_every_kind_of_op_of_the_registry_has_a_rule() -> None:
    names = ("efficientnet_v2_s", "mobilenet_v3_large", "regnet_x_400mf", "inception_v3", "vit_l_16", "swin_v2_t")
    sizes = {name: (3, 299, 299) if name == "inception_v3" else (3, 224, 224) for name in names}
    kinds = {op.plain for name, size in sizes.items() for op in trace(name, size)}
    of_masks = {"new_zeros", "setitem", "ne", "eq", "masked_fill", "zero"}  # made by the model, whatever the picture
    assert kinds - of_masks <= set(_RULES)


# -- single ops, against PyTorch's functions --------------------------------------------------------------------------
class Once(nn.Module):
    """One function of a picture."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, batch: Tensor) -> Tensor:
        return self.function(batch)  # type: ignore[no-any-return]


def explained(layer: nn.Module, batch: Tensor, pick: int) -> tuple[float, float]:
    seen = activations(layer.eval(), batch)
    expected = layer(batch)
    (op,) = [op for op in seen.ops if op.name != "softmax"][-1:]
    cell = torch.unravel_index(torch.tensor(pick % expected.numel()), expected.shape)
    number = explain(seen, op, [int(n) for n in cell])
    assert number.computed is not None
    return number.computed, float(expected[tuple(int(n) for n in cell)])


@settings(max_examples=40, deadline=None)
@given(
    kernel=st.integers(1, 3), stride=st.integers(1, 3), padding=st.integers(0, 2), dilation=st.integers(1, 3),
    groups=st.sampled_from([1, 2, 4]), bias=st.booleans(), pick=st.integers(0, 10**6),
)  # fmt: skip
def test_convolutions(
    kernel: int, stride: int, padding: int, dilation: int, groups: int, bias: bool, pick: int
) -> None:
    layer = nn.Conv2d(4, 8, (kernel, 3), stride, padding, dilation, groups, bias)
    with torch.no_grad():
        computed, expected = explained(layer, torch.randn(1, 4, 11, 9), pick)
    assert computed == pytest.approx(expected, abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    kernel=st.integers(2, 4), stride=st.integers(1, 3), padding=st.integers(0, 1), ceil=st.booleans(),
    counted=st.booleans(), kind=st.sampled_from(["max", "avg", "adaptive avg", "adaptive max"]),
    pick=st.integers(0, 10**6),
)  # fmt: skip
def test_pools(kernel: int, stride: int, padding: int, ceil: bool, counted: bool, kind: str, pick: int) -> None:
    layer: nn.Module = {
        "max": nn.MaxPool2d(kernel, stride, padding, 2 if kernel < 4 else 1, ceil_mode=ceil),
        "avg": nn.AvgPool2d(kernel, stride, padding, ceil, counted),
        "adaptive avg": nn.AdaptiveAvgPool2d((kernel, stride)),
        "adaptive max": nn.AdaptiveMaxPool2d((kernel, stride)),
    }[kind]
    computed, expected = explained(layer, torch.randn(1, 3, 10, 13), pick)
    assert computed == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "function",
    [
        functional.relu, functional.relu6, functional.silu, functional.hardswish, functional.hardsigmoid,
        functional.gelu, functional.elu, functional.leaky_relu, torch.sigmoid, torch.tanh, torch.exp,
        lambda x: x.clamp(-0.5, 0.5), lambda x: functional.relu(x, inplace=True), lambda x: x + 3, lambda x: x / 7.0,
        lambda x: x * x.mean((2, 3), keepdim=True), lambda x: torch.cat([x, -x], 1), lambda x: x.chunk(2, 3)[1],
        lambda x: functional.pad(x, (1, 1, 0, 2)), lambda x: x.roll((1, 2), (2, 3)), lambda x: x[:, 1:, ::2],
        lambda x: functional.normalize(x), lambda x: x.softmax(1), lambda x: x @ x.transpose(2, 3),
        lambda x: functional.layer_norm(x, x.shape[2:]), lambda x: functional.batch_norm(x, None, None, training=True),
    ],
)  # fmt: skip
def test_functions(function: Any) -> None:
    batch = torch.randn(1, 4, 6, 6)
    for pick in (0, 17, 91):
        seen = activations(Once(function), batch)
        expected = function(batch.clone())
        op = seen.ops[-1]
        cell = [int(n) for n in torch.unravel_index(torch.tensor(pick % expected.numel()), expected.shape)]
        output = len(op.outputs) - 1
        number = explain(seen, op, cell, output=output)
        assert number.computed == pytest.approx(float(expected[tuple(cell)]), abs=1e-5)
        assert number.exact


def test_what_is_overwritten_is_kept_as_it_was() -> None:
    class InPlace(nn.Module):
        def forward(self, batch: Tensor) -> Tensor:
            doubled = batch * 2
            part = doubled[:, :1]
            part.add_(100)
            return doubled.relu_()

    batch = torch.randn(1, 3, 4, 4)
    seen = activations(InPlace(), batch)
    assert torch.equal(seen.outputs[0][0], batch * 2)
    assert torch.equal(seen.arguments[-1]["input"][:, :1], batch[:, :1] * 2 + 100)


def test_what_cannot_be_explained_is_said() -> None:
    seen = activations(Once(lambda x: x.cumsum(3)), torch.randn(1, 3, 4, 4))
    number = explain(seen, "cumsum", (0, 0, 0, 0))
    assert number.computed is None and not number.exact and "no explanation" in number.note
    with pytest.raises(LayerError, match="no cell"):
        explain(seen, "cumsum", (0, 3, 0, 0))
    with pytest.raises(LayerError, match="layer9"):
        seen.of("layer9")
    with pytest.raises(LayerError, match="One picture"):
        activations(nn.Identity(), torch.zeros(2, 3, 4, 4))
