"""Replacing heads: torchvision's own builders with ``num_classes`` are the oracle.

Here for every sixth name of its registry; tests/others has them all.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
import torchvision.models as tv
from torch import Tensor, nn
from torchvision.models import get_model_builder

from course_lib.models.classifier import Classifier
from course_lib.models.heads import HeadError, head_path, head_paths, replace_head
from tests.registry_heads import NAMES, assert_as_torchvision_builds_it


@pytest.mark.parametrize("name", NAMES[::6])
def test_a_replaced_head_gives_the_model_that_torchvision_builds(name: str) -> None:
    assert_as_torchvision_builds_it(name)


@pytest.mark.parametrize("side", [28, 32, 160, 256])
def test_a_network_for_one_size_of_picture_has_its_head_found(side: int) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 4, 4), nn.Flatten(), nn.Linear(4 * (side // 4) ** 2, 5))
    assert head_path(model) == "2"


def busy(name: str, side: int, **kwargs: Any) -> Any:
    return pytest.param(partial(get_model_builder(name), **kwargs), side, id=name)


LIGHT = [
    busy("resnet18", 64),
    busy("squeezenet1_1", 64),
    busy("mobilenet_v3_small", 64),
    busy("shufflenet_v2_x0_5", 64),
    busy("mnasnet0_5", 64),
    busy("densenet121", 64),
    busy("googlenet", 64, init_weights=False),
]


@pytest.mark.parametrize(("builder", "side"), LIGHT)
def test_features_stay_and_the_head_is_pytorchs_own_layer(builder: Callable[[], nn.Module], side: int) -> None:
    """Whatever the model did with its features, the new head does with the same features."""
    model = builder().eval()
    path = head_path(model)
    ours = replace_head(model, 3, seed=5)
    old, new = model.get_submodule(path), ours.get_submodule(path)
    torch.manual_seed(5)
    theirs: nn.Module
    if isinstance(old, nn.Conv2d):
        theirs = nn.Conv2d(old.in_channels, 3, kernel_size=1)
    else:
        theirs = nn.Linear(old.in_features, 3)  # type: ignore[arg-type]
    assert torch.equal(new.weight, theirs.weight) and torch.equal(new.bias, theirs.bias)  # type: ignore[arg-type]
    seen: list[Tensor] = []
    for head in (old, new):
        head.register_forward_hook(lambda _module, given, _answer: seen.append(given[0].clone()))
    picture = torch.randn(2, 3, side, side)
    with torch.no_grad():
        model(picture)
        assert ours(picture).shape == (2, 3)
    assert torch.equal(*seen)
    kept = {name: tensor for name, tensor in model.state_dict().items() if tuple(tensor.shape) != (1000,)}
    mine = ours.state_dict()
    same = [name for name, tensor in kept.items() if tensor.shape == mine[name].shape]
    assert len(same) >= len(kept) - 5
    assert all(torch.equal(mine[name], kept[name]) for name in same)
    assert all(mine[name].data_ptr() != kept[name].data_ptr() for name in same if kept[name].numel())


def test_helper_heads_answer_with_as_many_classes() -> None:
    model = tv.googlenet(init_weights=False, aux_logits=True)
    assert head_paths(model) == ("fc", "aux1.fc2", "aux2.fc2")
    answers = replace_head(model, 4).train()(torch.randn(2, 3, 64, 64))
    assert [tuple(one.shape) for one in answers] == [(2, 4)] * 3
    assert head_paths(tv.googlenet(init_weights=False, aux_logits=False)) == ("fc",)


def test_the_given_model_mode_and_random_numbers_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus: list[int] = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", gpus.append)
    model = tv.mobilenet_v3_small()
    model.train()
    model.classifier.eval()
    before = copy.deepcopy(model.state_dict())
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    gpus.clear()
    ours = replace_head(model, 2)
    assert not gpus
    assert torch.equal(torch.rand(4), expected)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert {name: one.training for name, one in ours.named_modules()} == {
        name: one.training for name, one in model.named_modules()
    }
    heads = [replace_head(model, 2, seed=seed).get_parameter("classifier.3.weight") for seed in (0, 1)]
    assert torch.equal(ours.get_parameter("classifier.3.weight"), heads[0])
    assert not torch.equal(*heads)


def test_a_model_that_is_its_own_head() -> None:
    model = nn.Conv2d(3, 4, 1).eval()
    ours = replace_head(model, 2)
    assert ours(torch.zeros(1, 3, 8, 8)).shape == (1, 2, 8, 8) and not ours.training and model.out_channels == 4


def test_precision_and_frozen_layers() -> None:
    model = tv.squeezenet1_1().to(torch.bfloat16).requires_grad_(False)
    ours = replace_head(model, 2)
    head = ours.get_submodule(head_path(ours))
    assert {tensor.dtype for tensor in ours.parameters()} == {torch.bfloat16}
    assert {id(one) for one in ours.parameters() if one.requires_grad} == {id(one) for one in head.parameters()}
    assert ours.num_classes == 2


class Backwards(nn.Module):
    """Its head is registered first: the order of ``named_modules`` tells nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = nn.Linear(8, 10)
        self.features = nn.Conv2d(1, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.answer(self.features(x).mean((2, 3)))
        return y.log_softmax(1)


def test_models_of_ones_own() -> None:
    assert head_path(Backwards()) == "answer"
    assert replace_head(Backwards(), 3)(torch.zeros(1, 1, 28, 28)).shape == (1, 3)
    lenet = nn.Sequential(nn.Conv2d(1, 4, 5), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 24 * 24, 10))
    assert head_path(lenet) == "3"
    assert head_path(nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 10, bias=False))) == "1"
    assert head_paths(nn.DataParallel(Backwards())) == ("answer",)
    assert type(replace_head(torch.compile(nn.DataParallel(Backwards())), 2)) is Backwards  # type: ignore[arg-type]


class TwoHeads(Backwards):
    def forward(self, x: Tensor) -> Tensor:
        y = self.features(x).mean((2, 3))
        first: Tensor = self.answer(y)
        return first + self.answer(y.flip(0))


@pytest.mark.parametrize(
    ("model", "classes", "said"),
    [
        (TwoHeads(), 2, "no single head: its answer comes from add"),
        (nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)), 2, "comes from batch_norm in 1"),
        (nn.Linear(5, 2), 2, "forward does not run"),
        (nn.Identity(), 2, "forward does not run: it does nothing. Replace"),
        (tv.squeezenet1_1, 2, "this is function"),
        ("resnet18", 2, "this is str"),
        (Backwards(), 0, "num_classes=0"),
        (Backwards(), True, "num_classes=True"),
        (Backwards(), "two", "num_classes='two'"),
    ],
)
def test_what_cannot_be_is_one_sentence(model: Any, classes: Any, said: str) -> None:
    with pytest.raises(HeadError, match=said) as caught:
        replace_head(model, classes)
    assert "\n" not in str(caught.value)


def test_a_classifier_is_told_to_give_its_model() -> None:
    whole = Classifier("x", Backwards(), None, None, (), torch.device("cpu"))  # type: ignore[arg-type]
    with pytest.raises(HeadError, match=r"classifier\.model"):
        replace_head(whole, 2)  # type: ignore[arg-type]


class CastingLinear(nn.Linear):
    """As timm's Linear: a subclass with a forward of its own."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.weight, self.bias)


class CosineLinear(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        normal = nn.functional.normalize
        return 16 * nn.functional.linear(normal(x), normal(self.weight))


class SameConv2d(nn.Conv2d):
    pass


class LowRank(nn.Linear):
    """A layer that holds more than a weight and a bias for each class."""

    def __init__(self, wide: int, classes: int) -> None:
        super().__init__(wide, classes)
        self.more = nn.Parameter(torch.zeros(classes))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + self.more


class WithHead(nn.Module):
    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.body, self.head = nn.Conv2d(3, 8, 3), head

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        if isinstance(self.head, nn.Conv2d):
            return self.head(y).mean((2, 3))  # type: ignore[no-any-return]
        return self.head(y.mean((2, 3)))  # type: ignore[no-any-return]


@pytest.mark.parametrize("head", [CastingLinear(8, 10), CosineLinear(8, 10, bias=False), SameConv2d(8, 10, 1)])
def test_a_head_that_inherits_from_pytorchs_layer_stays_of_its_class(head: nn.Module) -> None:
    calls: list[int] = []
    head.register_forward_hook(lambda *_: calls.append(1))
    model = WithHead(head)
    ours = replace_head(model, 3, seed=2)
    torch.manual_seed(2)
    plain = nn.Conv2d(8, 3, 1) if isinstance(head, nn.Conv2d) else nn.Linear(8, 3)
    assert type(ours.head) is type(head) and torch.equal(ours.get_parameter("head.weight"), plain.weight)
    assert ours(torch.zeros(2, 3, 16, 16)).shape == (2, 3) and not calls
    assert model(torch.zeros(2, 3, 16, 16)).shape == (2, 10)
    assert 3 in (getattr(ours.head, "out_features", 0), getattr(ours.head, "out_channels", 0))


def test_a_parametrized_head_becomes_a_plain_one() -> None:
    model = WithHead(nn.utils.parametrizations.weight_norm(nn.Linear(8, 10)))
    ours = replace_head(model, 3)
    assert type(ours.head) is nn.Linear and ours(torch.zeros(2, 3, 16, 16)).shape == (2, 3)


def test_a_head_with_more_than_its_class_says_is_refused() -> None:
    with pytest.raises(HeadError, match="head 'head' is a LowRank, a class of its own"):
        replace_head(WithHead(LowRank(8, 10)), 3)


class LateStem(nn.Module):
    """Its first convolution is registered last, and another one has many channels."""

    def __init__(self) -> None:
        super().__init__()
        self.deep, self.head, self.stem = nn.Conv2d(16, 8, 3), nn.Linear(8, 10), nn.Conv2d(3, 16, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.deep(self.stem(x)).mean((2, 3)))  # type: ignore[no-any-return]


class OneSize(nn.Module):
    """Insists on the size of its pictures, as many transformers do."""

    def __init__(self, side: int, channels: int = 3) -> None:
        super().__init__()
        self.side, self.stem, self.head = side, nn.Conv2d(channels, 8, 3), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        assert x.shape[-2:] == (self.side, self.side), f"height {x.shape[-2]} is not {self.side}"
        return self.head(self.stem(x).mean((2, 3)))  # type: ignore[no-any-return]


class Rows(nn.Module):
    """A linear layer over all pixels: the side is written into its weight."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.flat, self.head = nn.Flatten(), nn.Linear(3 * side * side, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.flat(x))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "model",
    [LateStem(), *(OneSize(side) for side in (160, 240, 256, 288, 331, 336, 448)), OneSize(28, 1), OneSize(64, 5),
     Rows(96), Rows(224)],
)  # fmt: skip
def test_channels_and_sides_are_found(model: nn.Module) -> None:
    assert head_path(model) == "head"


def test_a_size_that_nobody_would_try_can_be_given() -> None:
    model = OneSize(77, 4)
    with pytest.raises(HeadError, match=r"does not run.*give the size that the model takes.*input_size="):
        replace_head(model, 2)
    assert replace_head(model, 2, input_size=(4, 77, 77))(torch.zeros(1, 4, 77, 77)).shape == (1, 2)
    assert head_path(nn.Linear(5, 2), input_size=(1, 5)) == ""
    with pytest.raises(HeadError, match="does not run"):
        head_path(model, input_size=(4, 78, 78))


def test_videos_and_quantized_models() -> None:
    with torch.device("meta"):
        video = tv.video.r3d_18()
    assert head_path(video) == "fc"
    quantized = torch.ao.quantization.quantize_dynamic(WithHead(nn.Linear(8, 10)), {nn.Linear})
    with pytest.raises(HeadError, match=r"is quantized.*float model"):
        replace_head(quantized, 2)
