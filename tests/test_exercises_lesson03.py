"""Lesson 03's exercises beside torchvision, and classes without manners, which do no harm.

What is wrong is in exercise_mistakes/lesson03.py, what is right in other ways in exercise_rights.py.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import resnet

from course_lib.exercises.lessons import lesson03, lesson04
from course_lib.exercises.lessons.lesson03 import BasicBlock, Bottleneck, ResNet18

NETWORKS = {
    "resnet18": 18, "resnet34": 34, "resnet50": 50, "resnet101": 101, "resnet152": 152, "resnext50_32x4d": 50,
    "wide_resnet50_2": 50,
}  # fmt: skip


def on_meta(name: str) -> nn.Module:
    with torch.device("meta"):
        return torchvision.models.get_model(name, weights=None)


# -- the solutions beside what torchvision does -----------------------------------------------------------------------
@pytest.mark.parametrize("name", NETWORKS)
def test_layers_are_counted_as_in_the_names(name: str) -> None:
    assert lesson03.count_layers(on_meta(name)) == NETWORKS[name]


@pytest.mark.parametrize("name", [name for name in NETWORKS if name.startswith("resnet")])
def test_a_downsample_is_needed_where_torchvision_has_one(name: str) -> None:
    blocks = [block for block in on_meta(name).modules() if isinstance(block, (resnet.BasicBlock, resnet.Bottleneck))]
    for block in blocks:
        needed = lesson03.needs_downsample(
            block.conv1.in_channels, block.conv1.out_channels, block.stride, block.expansion
        )
        assert needed == (block.downsample is not None)
    assert 0 < sum(block.downsample is not None for block in blocks) < len(blocks)


def test_the_size_of_a_map_is_torchs() -> None:
    for n, k, s, p, d in product((7, 8, 12), (1, 2, 3), (1, 2, 3), (0, 1), (1, 2)):
        conv = nn.Conv1d(1, 1, k, s, p, d)
        assert lesson04.output_size(n, k, s, p, d) == conv(torch.zeros(1, 1, n)).shape[-1]
        if 2 * p <= k:
            pool = nn.MaxPool1d(k, s, p, d)
            assert lesson04.output_size(n, k, s, p, d) == pool(torch.zeros(1, 1, n)).shape[-1]


def test_the_price_of_a_bottleneck_is_what_torchvision_pays() -> None:
    block = on_meta("resnet50").layer1[1]
    assert lesson03.bottleneck_parameters() == sum(w.numel() for w in block.parameters() if w.dim() == 4)


def test_a_resnet50_made_of_the_solutions_gives_torchvisions_logits() -> None:
    class ResNet50(ResNet18):
        def __init__(self) -> None:
            super().__init__()
            sizes = zip((64, 256, 512, 1024), (64, 128, 256, 512), (3, 4, 6, 3), (1, 2, 2, 2), strict=True)
            for number, (comes_in, planes, blocks, stride) in enumerate(sizes, 1):
                setattr(self, f"layer{number}", lesson03.make_layer(Bottleneck, comes_in, planes, blocks, stride))
            self.fc = nn.Linear(2048, 1000)

    truth = torchvision.models.resnet50().eval()
    mine = ResNet50().eval()
    mine.load_state_dict(truth.state_dict())
    batch = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(mine(batch), truth(batch))


def test_the_solutions_as_shown_need_no_more_than_torch_and_each_other() -> None:
    notebook: dict[str, Any] = {"torch": torch, "nn": nn}
    for exercise in (lesson03.basic_block, lesson03.bottleneck, lesson03.make_layer, lesson03.resnet18):
        exec(exercise.solution().words, notebook)
    for exercise in (lesson03.needs_downsample, lesson03.count_layers):
        exec(exercise.solution().words, notebook)
    assert lesson03.resnet18.check(notebook["MyResNet18"]).state == "correct"
    assert lesson03.make_layer.check(notebook["make_layer"]).state == "correct"
    assert lesson03.count_layers.check(notebook["layers_of"]).state == "correct"


# -- classes without manners ------------------------------------------------------------------------------------
def rude(where: str, act: Callable[..., Any]) -> type[nn.Module]:
    class Rude(BasicBlock):
        def __init__(self, *given: Any) -> None:
            if where == "__init__":
                act()
            super().__init__(*given)

        def forward(self, x: Tensor) -> Tensor:
            if where == "forward":
                act()
            return super().forward(x)

        def state_dict(self, *given: Any, **how: Any) -> Any:
            if where == "state_dict":
                act()
            return super().state_dict(*given, **how)

        def eval(self) -> Any:
            if where == "eval":
                act()
            return super().eval()

    return Rude


def seeds() -> None:
    torch.manual_seed(3)
    random.seed(3)
    print("seeded")


def fails() -> None:
    raise RuntimeError("on purpose\nand on two lines")


PLACES = pytest.mark.parametrize("where", ["__init__", "forward", "state_dict", "eval"])


@PLACES
def test_a_class_that_prints_and_seeds_is_judged_by_what_it_computes(
    where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    random.seed(7), torch.manual_seed(7)
    before = (torch.get_rng_state().tolist(), random.getstate())
    outcome = lesson03.basic_block.check(rude(where, seeds))
    assert outcome.state == "correct" and "printed is not shown" in outcome.sentence
    assert (torch.get_rng_state().tolist(), random.getstate()) == before and capsys.readouterr() == ("", "")


@PLACES
@pytest.mark.parametrize("act", [fails, lambda: exit(2), lambda: fails.missing])
def test_a_class_that_raises_anywhere_gets_one_sentence(where: str, act: Callable[[], Any]) -> None:
    outcome = lesson03.basic_block.check(rude(where, act))
    assert outcome.state == "not yet" and "raised" in outcome.sentence and "\n" not in outcome.sentence
    assert outcome.sentence.count(". ") == 0 and outcome.sentence.endswith(".")


def test_a_learners_downsample_and_the_kept_truth_are_not_changed_by_a_check() -> None:
    """The truths are made once: an attempt that spoils what it is given must not spoil the next check."""

    class Spoils(BasicBlock):
        def forward(self, x: Tensor) -> Tensor:
            for weight in self.parameters():
                weight.data.zero_()
            return super().forward(x)

    assert lesson03.basic_block.check(Spoils).state == "not yet"
    assert lesson03.basic_block.check(BasicBlock).state == "correct"
