"""State dicts that do not fit: the sentence names keys, shapes and cause, and its repair is run as it is written."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision
import torchvision.models as tv
from torch import nn
from torchvision.models import get_model_builder

from course_lib.errors import CheckpointError
from course_lib.models.checkpoints import load_model


def sentence(builder: Callable[..., nn.Module], state_dict: Any, **kwargs: Any) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_model(builder, state_dict, **kwargs)
    said = str(caught.value)
    assert "\n" not in said and len(said) < 420, said
    return said


def call_in(said: str) -> str:
    found = re.search(r"load_model\([^()]*\)", said)
    assert found, said
    return found[0]


CASES = [
    # what the learner builds, what the checkpoint is of, its settings, what is said
    (tv.resnet18, "resnet18", {"num_classes": 2},
     r"fc\.weight is \(2, 512\) in it and \(1000, 512\) in the model; fc\.bias is .* trained for 2 classes"),
    (tv.squeezenet1_1, "squeezenet1_1", {"num_classes": 10}, r"classifier\.1\.weight is \(10, 512, 1, 1\)"),
    (tv.mobilenet_v3_small, "mobilenet_v3_small", {"num_classes": 1}, "trained for 1 class, the model is for 1000"),
    (tv.resnet34, "resnet18", {},
     r"layer1\.2\.conv1\.weight is missing.*a different depth or width: the names and shapes match resnet18"),
    (tv.resnet18, "resnet34", {"num_classes": 5}, r"layer1\.2\.conv1\.weight is not in the model.*resnet34"),
    (tv.shufflenet_v2_x1_0, "shufflenet_v2_x0_5", {"num_classes": 3}, "a different depth or width.*shufflenet_v2_x0_5"),
    (tv.squeezenet1_1, "shufflenet_v2_x0_5", {"num_classes": 3}, "a different architecture.*shufflenet_v2_x0_5"),
    (tv.resnet18, "mobilenet_v3_small", {"num_classes": 2}, "a different architecture.*mobilenet_v3_small"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("builder", "name", "kwargs", "said"), CASES, ids=[f"{one[1]} into {one[0].__name__}" for one in CASES]
)
def test_the_cause_is_named_and_the_repair_loads(
    builder: Callable[..., nn.Module], name: str, kwargs: dict[str, Any], said: str
) -> None:
    model = get_model_builder(name)(**kwargs).eval()
    state_dict = model.state_dict()
    what = sentence(builder, state_dict)
    assert re.search(said, what), what
    space = {"load_model": load_model, "state_dict": state_dict, "torchvision": torchvision, builder.__name__: builder}
    repaired = eval(call_in(what), space)
    picture = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(repaired(picture), model(picture))


def small() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(3, 4))


@pytest.mark.parametrize("key", [None, "model_state_dict", "net"])
@pytest.mark.parametrize("wrapper", [None, nn.DataParallel, torch.compile])
def test_a_dict_round_it_and_prefixes(key: str | None, wrapper: Callable[[nn.Module], nn.Module] | None) -> None:
    state_dict: Any = (wrapper(small()) if wrapper else small()).state_dict()
    given = state_dict if key is None else {"epoch": 3, key: state_dict}
    if key is None and wrapper is None:
        load_model(small, given)
        return
    what = sentence(small, given)
    assert "0.weight is missing" in what
    if key is not None:
        assert f"state dict is under {key!r}" in what
    if wrapper is None:
        assert eval(call_in(what), {"load_model": load_model, "small": small, "state_dict": given})
        return
    repair = re.search(r"give (\{.*\})\.$", what)
    assert repair, what
    assert load_model(small, eval(repair[1], {"state_dict": given}))


def test_a_model_in_a_wrapper_is_told_where_the_tensors_belong() -> None:
    what = sentence(lambda: nn.DataParallel(small()), small().state_dict())
    assert "The model's names begin with 'module.'" in what and "model.module" in what


def test_what_is_of_no_known_model() -> None:
    other = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 5))
    assert "It comes from a different model" in sentence(small, other.state_dict())
    named = nn.ModuleDict({"encoder": nn.Linear(2, 2), "decoder": nn.Linear(2, 2)})
    assert "its names begin with encoder, decoder, the model's with 0, 1." in sentence(small, named.state_dict())
    assert "its names begin with nothing" in sentence(small, {})
    assert "was given str" in sentence(small, "weights.pth")


def test_two_differing_layers_are_not_called_another_head() -> None:
    given = {**small().state_dict(), "0.bias": torch.ones(5), "1.bias": torch.ones(5)}
    assert "trained for" not in sentence(small, given)


def test_a_builder_without_a_name_of_its_own() -> None:
    state_dict = nn.Linear(3, 2).state_dict()
    assert "load_model(builder, state_dict, num_classes=2)" in sentence(
        lambda num_classes=7: nn.Sequential(nn.Linear(3, num_classes)), {f"0.{k}": v for k, v in state_dict.items()}
    )
