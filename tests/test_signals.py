"""Signals: what deep stacks do at initialisation and in their first steps, against torchvision's blocks and theory."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import get_model
from torchvision.models.resnet import BasicBlock

from course_lib.errors import CourseError
from course_lib.networks.depth_experiment import (
    INIT_RULES,
    Stack,
    few_pictures,
    measure_signals,
    plain,
    residual,
)
from picturebook import CLASSES

KEYS = {"0": "conv1", "1": "bn1", "3": "conv2", "4": "bn2"}  # of a pair, and of torchvision's block


# -- the stacks -------------------------------------------------------------------------------------------------------
def test_a_residual_stack_is_a_chain_of_torchvisions_basic_blocks() -> None:
    stack = residual(6, 8, seed=3)
    blocks = nn.Sequential(*(BasicBlock(8, 8) for _ in range(3))).double()
    for pair, block in zip(stack.pairs, blocks, strict=True):
        block.load_state_dict({f"{KEYS[key[0]]}{key[1:]}": value for key, value in pair.state_dict().items()})
    batch = torch.randn(5, 3, 12, 12, dtype=torch.float64)
    torch.testing.assert_close(stack(batch), stack.head(blocks(stack.stem(batch)).mean((2, 3))))


def test_a_plain_stack_is_the_same_layers_in_a_row() -> None:
    stack = plain(4, 8)
    row = [module for pair in stack.pairs for module in (*pair, nn.ReLU())]
    batch = torch.randn(5, 3, 12, 12, dtype=torch.float64)
    torch.testing.assert_close(stack(batch), stack.head(nn.Sequential(stack.stem, *row)(batch).mean((2, 3))))


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("make", [plain, residual])
def test_depth_counts_the_layers_between_stem_and_head(make: Callable[..., Stack], norm: bool) -> None:
    for depth in (2, 20):
        modules = list(make(depth, norm=norm).modules())
        assert sum(isinstance(one, nn.Conv2d) for one in modules) == depth + 1
        assert sum(isinstance(one, nn.BatchNorm2d) for one in modules) == (depth + 1) * norm


@pytest.mark.parametrize(("rule", "std"), [
    ("kaiming fan_out", math.sqrt(2 / (64 * 9))), ("xavier", math.sqrt(2 / (2 * 64 * 9))), ("normal 0.01", 0.01),
    ("too large", 2 * math.sqrt(2 / (64 * 9))),
])  # fmt: skip
def test_a_rule_draws_weights_as_wide_as_its_formula(rule: str, std: float) -> None:
    weight = plain(4, 64, init=rule).pairs[0][0].weight.detach()
    assert float(weight.std()) == pytest.approx(std, rel=0.02) and abs(float(weight.mean())) < 0.02 * std
    assert set(INIT_RULES) == {"kaiming fan_out", "xavier", "normal 0.01", "too large"}


def test_seeds_make_the_weights_and_chance_is_left_alone() -> None:
    state = torch.get_rng_state()
    one, same, other = plain(4), plain(4), plain(4, seed=1)
    assert torch.equal(one.pairs[1][0].weight, same.pairs[1][0].weight)
    assert not torch.equal(one.pairs[1][0].weight, other.pairs[1][0].weight)
    measure_signals(one), few_pictures(10)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(("given", "says"), [
    ({"depth": 3}, "even number"), ({"depth": 0}, "even number"), ({"depth": 4.0}, "even number"),
    ({"depth": 4, "channels": 0}, "channels"),
    ({"depth": 4, "init": "kaimin fan_out"}, "Did you mean 'kaiming fan_out'"),
])  # fmt: skip
def test_an_impossible_stack_gets_a_sentence(given: dict[str, object], says: str) -> None:
    with pytest.raises(CourseError, match=says):
        plain(**given)


# -- at initialisation ------------------------------------------------------------------------------------------------
def gradients(model: nn.Module, batch: Tensor, labels: Tensor) -> list[float]:
    """By optimizer-style .grad, as a learner would read them."""
    model = copy.deepcopy(model).train()
    F.cross_entropy(model(batch), labels).backward()
    return [float(one.weight.grad.norm()) for one in model.modules() if isinstance(one, nn.Conv2d)]


@pytest.mark.parametrize("make", [plain, residual])
def test_the_gradients_are_those_that_training_would_use(make: Callable[..., Stack]) -> None:
    model = make(8)
    generator = torch.Generator().manual_seed(7)
    batch = torch.randn(2, 6, 3, 10, 10, generator=generator, dtype=torch.float64)[0]
    labels = torch.randint(10, (6,), generator=generator)
    signals = measure_signals(model, seed=7, size=10, count=6)
    assert signals.gradient == pytest.approx(gradients(model, batch, labels))
    assert signals.std[0] == pytest.approx(float(batch.std()))
    assert signals.std[1] == pytest.approx(float(model.train().stem(batch).detach().std()))
    with torch.no_grad():
        assert signals.loss == pytest.approx(float(F.cross_entropy(model(batch), labels)))
    assert signals.growth**8 == pytest.approx(signals.gradient[0] / signals.gradient[-1])


def test_batch_norm_makes_plain_gradients_explode_and_the_shortcut_tames_them() -> None:
    found = {(make, depth): measure_signals(make(depth)) for make in (plain, residual) for depth in (10, 20, 40, 80)}
    first = {key: signals.gradient[0] for key, signals in found.items()}
    assert first[plain, 40] > 10 * first[plain, 20] and first[plain, 80] > 100 * first[plain, 40]
    assert first[residual, 80] < 20 * first[residual, 10]
    assert all(found[residual, depth].cosine > 0.7 for depth in (10, 20, 40, 80))
    assert found[plain, 10].cosine > 0.8 and abs(found[plain, 80].cosine) < 0.2
    for depth in (10, 20, 40, 80):  # at most Yang et al.'s sqrt(pi / (pi - 1)) a layer, which holds for wide layers
        assert 1.1 < found[plain, depth].growth < math.sqrt(math.pi / (math.pi - 1)) + 0.01


def test_without_batch_norm_it_is_the_initialisation_that_decides() -> None:
    lost, kept = (measure_signals(plain(40, norm=False, init=rule)) for rule in ("normal 0.01", "kaiming fan_out"))
    assert lost.gradient[0] < 1e-20 and 1e-4 < kept.gradient[0] < 10
    assert measure_signals(residual(40, norm=False)).std[-1] > 100  # a shortcut alone doubles the power


def test_any_classifier_can_be_measured_and_stays_as_it_was() -> None:
    model = get_model("resnet18", num_classes=4).eval()
    before = copy.deepcopy(model.state_dict())
    signals = measure_signals(model, size=32, count=2)
    assert len(signals.names) == 20 and signals.names[0] == "conv1" and len(signals.std) == len(signals.gradient) == 20
    assert not model.training and all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert not any(one._forward_pre_hooks for one in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())
    with pytest.raises(CourseError, match="Linear has no convolution"):
        measure_signals(nn.Linear(3, 3))


# -- in training ------------------------------------------------------------------------------------------------------
def test_the_pictures_are_balanced_and_normalised() -> None:
    pictures, labels = few_pictures(30, 20)
    assert pictures.shape == (30, 3, 20, 20) and labels.bincount().tolist() == [3] * len(CLASSES)
    torch.testing.assert_close(pictures.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(pictures.std((0, 2, 3)), torch.ones(3))
    assert torch.equal(few_pictures(30, 20)[0], pictures)


def loss_after(model: Stack, pictures: Tensor, labels: Tensor, steps: int) -> float:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(pictures.double()), labels).backward()
        optimizer.step()
    return float(F.cross_entropy(model(pictures.double()), labels))


def test_deeper_is_worse_without_the_shortcut_and_not_with_it() -> None:
    last = {(make, depth): loss_after(make(depth), *few_pictures(20), steps=25)
            for make in (plain, residual) for depth in (10, 40)}  # fmt: skip
    assert last[plain, 40] > last[plain, 10] + 0.3
    assert last[residual, 40] < last[residual, 10] and last[residual, 40] < 0.2
