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
from course_lib.exercises.lessons.lesson03 import BasicBlock

NETWORKS = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]


def on_meta(name: str) -> nn.Module:
    with torch.device("meta"):
        return torchvision.models.get_model(name, weights=None)


# -- the solutions beside what torchvision does -----------------------------------------------------------------------
@pytest.mark.parametrize("name", NETWORKS)
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
