"""A trace leaves model, statistics, random states, mode, hooks and device as they were, also after an error."""

from __future__ import annotations

import gc
import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.models import resnet18

from course_lib import tracing
from course_lib.errors import CourseError
from course_lib.tracing import TraceError


class Awkward(nn.Module):
    """Everything that a forward may do to its module."""

    def __init__(self, fail: bool, needs_numbers: bool) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.conv = nn.Conv2d(3, 4, 3)
        self.drop = nn.Dropout(0.5)
        self.seen = 0
        self.kept: list[Tensor] = []
        self.fail, self.needs_numbers = fail, needs_numbers
        self.register_buffer("total", torch.zeros(3))

    def forward(self, x: Tensor) -> Tensor:
        self.seen += 1
        random.random(), np.random.rand()
        x = self.norm(x)
        self.total += x.mean((0, 2, 3))
        self.conv.weight.mul_(1.5)
        self.kept.append(x)
        self.last = x
        if self.needs_numbers and bool((x > 1e9).any()):
            x = x + 1
        if self.fail:
            return self.conv(x[:, :2])
        return self.drop(self.conv(x))


def everything(model: nn.Module) -> dict[str, Any]:
    return {
        "weights": {name: (id(one), one.clone(), one.device, one.dtype, one._version, one.requires_grad)
                    for name, one in (*model.named_parameters(), *model.named_buffers())},
        "modes": [module.training for module in model.modules()],
        "hooks": [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()],
        "attributes": [sorted(vars(module)) for module in model.modules()],
        "python": random.getstate(), "numpy": str(np.random.get_state()), "torch": torch.get_rng_state(),
        "collector": gc.isenabled(),
    }  # fmt: skip


def equal(one: Any, two: Any) -> bool:
    if isinstance(one, Tensor):
        return torch.equal(one, two)
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(equal(one[key], two[key]) for key in one)
    if isinstance(one, tuple | list):
        return len(one) == len(two) and all(map(equal, one, two))
    return bool(one == two)


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("fail", [False, True])
@pytest.mark.parametrize("needs_numbers", [False, True])
def test_everything_is_as_before(fail: bool, needs_numbers: bool, train: bool) -> None:
    model = Awkward(fail, needs_numbers).train(train)
    called: list[str] = []
    model.conv.register_forward_hook(lambda *_: called.append("hook"))
    before = everything(model)
    for mode in (None, "eval", "train"):
        if fail:
            with pytest.raises(TraceError, match="conv"):
                tracing.trace(model, (2, 3, 8, 8), mode=mode)
        else:
            found = tracing.trace(model, (2, 3, 8, 8), mode=mode)
            assert found.mode == (mode or ("train" if train else "eval"))
            assert bool(found.note) == needs_numbers
    assert equal(before, everything(model))
    assert not called and model.seen == 0 and model.kept == [] and not hasattr(model, "last")
    assert torch.is_grad_enabled()


class Drawing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * random.random() + float(np.random.standard_normal())


def in_a_layer(model: nn.Module, patch: pytest.MonkeyPatch) -> None:
    model.relu = Drawing()


def in_a_sequential(model: nn.Module, patch: pytest.MonkeyPatch) -> None:
    model.maxpool = nn.Sequential(nn.Sequential(Drawing()))


def in_an_attribute(model: nn.Module, patch: pytest.MonkeyPatch) -> None:
    model.avgpool.forward = lambda x: Drawing()(x).mean((2, 3), keepdim=True)


def in_a_method(model: nn.Module, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(type(model), "_forward_impl", lambda self, x: Drawing()(self.conv1(x)))


def in_a_function_of_pytorchs(model: nn.Module, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(nn.functional, "relu", lambda x, inplace=False: Drawing()(x))


@pytest.mark.parametrize("put", [in_a_layer, in_a_sequential, in_an_attribute, in_a_method, in_a_function_of_pytorchs])
def test_whoever_draws_random_numbers_the_states_stay(put: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.device("meta"):
        model = resnet18().eval()
    put(model, monkeypatch)
    np.random.standard_normal()  # the second of a pair is kept for the next call
    before = random.getstate(), str(np.random.get_state())
    assert tracing.trace(model).mode == "eval"
    assert before == (random.getstate(), str(np.random.get_state()))


def test_a_forward_that_needs_the_numbers_runs_for_real_and_says_so() -> None:
    found = tracing.trace(Awkward(False, True).eval(), (2, 3, 8, 8))
    assert "ran for real" in found.note and found.note in found.text() and "ran for real" in found.html()
    assert found["conv"].output == (2, 4, 6, 6)


def test_a_model_without_numbers_whose_forward_needs_them_is_refused() -> None:
    with torch.device("meta"):
        model = Awkward(False, True).eval()
    with pytest.raises(TraceError, match="on the meta device"):
        tracing.trace(model, (2, 3, 8, 8))


def test_the_input_tensors_own_numbers_are_used_when_it_runs_for_real() -> None:
    class Chooses(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.flatten() if x.sum() > 0 else x.unsqueeze(0)

    assert tracing.trace(Chooses(), torch.ones(2, 3)).outputs == ((6,),)
    assert tracing.trace(Chooses(), -torch.ones(2, 3)).outputs == ((1, 2, 3),)


def test_a_shared_parameter_counts_once_and_is_marked() -> None:
    shared = nn.Linear(8, 8)
    model = nn.Sequential(shared, nn.ReLU(), shared, nn.Linear(8, 8, bias=False))
    model[3].weight = shared.weight
    shared.bias.requires_grad_(False)
    found = tracing.trace(model, (2, 8))
    assert found.parameters == 72 and found.trainable == 64
    assert [op.shared for op in found if op.weights] == [(), ("0.weight", "0.bias"), ("0.weight",)]
    assert [op.name for op in found] == ["0", "1", "0_1", "3"]
    assert sum(group.parameters for group in found.by_module()) == 72


def test_other_dtypes_devices_and_wrappers() -> None:
    assert tracing.trace(nn.Linear(3, 2).half(), (1, 3))[0].dtype == "float16"
    with torch.device("meta"):
        model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.SiLU())
    assert tracing.trace(model, (3, 8, 8)).outputs == ((1, 4, 6, 6),)
    assert tracing.trace(nn.DataParallel(nn.Linear(3, 2)), (1, 3))[0].weights[0].name == "weight"
    assert tracing.trace(nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)), (1, 3)).parameters == 10
    assert tracing.trace(nn.Embedding(9, 4), (2, 7), dtypes=torch.long).outputs == ((2, 7, 4),)


def test_several_inputs_in_a_list_or_by_name() -> None:
    class Two(nn.Module):
        def forward(self, image: Tensor, mask: Tensor) -> Tensor:
            return image * mask

    found = tracing.trace(Two(), [(3, 8, 8), (1, 1, 8, 8)])
    assert found[0].sources == (-1, -2) and found.outputs == ((1, 3, 8, 8),)
    assert "broadcast" in found[0].formula
    by_name = tracing.trace(Two(), {"mask": (1, 1, 8, 8), "image": (3, 8, 8)})
    assert by_name.outputs == found.outputs


@pytest.mark.parametrize(
    ("model", "size", "words"),
    [
        (nn.Linear, (1, 3), "is a class"),
        (3, (1, 3), "it was given int"),
        (nn.Linear(3, 2), (), "0 dimensions"),
        (nn.Linear(3, 2), (3,), "1 dimension;"),
        (nn.Linear(3, 2), (0, 3), "below 1"),
        (nn.Linear(3, 2), (3, -1, 3), "below 1"),
        (nn.Linear(3, 2), (3, 2.5, 3), "isn't a whole number"),
        (nn.Linear(3, 2), "224", "isn't a size"),
        (nn.Linear(3, 2), None, "isn't a size"),
        (nn.Linear(3, 2), [(1, 3), (1, 3)], "takes 1 input"),
        (nn.Bilinear(3, 3, 2), (1, 3), "takes 2 inputs"),
        (nn.LazyLinear(2), (1, 3), "lazily initialised"),
        (nn.ModuleList([nn.Linear(3, 2)]), (1, 3), "no forward"),
        (nn.Embedding(9, 4), (2, 7), "dtypes=torch.long"),
        ("resnet-18", (3, 224, 224), "Did you mean 'resnet18'"),
    ],
)
def test_bad_input_is_one_sentence(model: Any, size: Any, words: str) -> None:
    with pytest.raises(CourseError, match=words) as caught:
        tracing.trace(model, size)
    assert "\n" not in str(caught.value)


def test_bad_options() -> None:
    for settings in ({"mode": "test"}, {"depth": -1}, {"depth": "2"}, {"dtypes": "float"}):
        with pytest.raises(TraceError):
            tracing.trace("resnet18", **settings)  # type: ignore[arg-type]
