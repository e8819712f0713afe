"""Checks of lesson 07's training loop: one step, and an epoch.

What a step or an epoch should give is computed here with ``torch.autograd.grad`` and the rule of plain gradient
descent, without an optimizer; so are the usual slips (softmax first, gradients that pile up, the wrong mode, a rate
that never changes), so that the learner can be told which one it is.
"""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.exercises.checks import random_arguments
from course_lib.exercises.engine.requirements import Wrong, call, need_function

__all__ = ["check_train_epoch", "check_train_step"]


# -- one training step ------------------------------------------------------------------------------------------------
_RATE = 0.5
_Loss = Callable[[Tensor, Tensor], Tensor]


def _network() -> nn.Module:
    """Two steps of learning change every weight, and the two modes of its BatchNorm differ."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    norm = network[2]
    if isinstance(norm, nn.BatchNorm1d) and norm.running_var is not None:
        norm.running_var.fill_(4.0)
    return network.train()


def _batches() -> list[tuple[Tensor, Tensor]]:
    numbers = torch.linspace(-9, 9, 2 * 6 * 12).sin().view(2, 6, 3, 2, 2)
    return [(numbers[0], torch.tensor([0, 1, 2, 0, 1, 1])), (numbers[1] * 2, torch.tensor([2, 0, 1, 1, 2, 0]))]


def _by_hand(
    network: nn.Module, x: Tensor, y: Tensor, *, softmax: bool = False, train: bool = True, rate: float = _RATE
) -> float:
    """One step, in place; gives the loss before it."""
    network.train(train)
    with torch.enable_grad():
        logits = network(x)
        loss = nn.functional.cross_entropy(logits.softmax(1) if softmax else logits, y)
    weights = list(network.parameters())
    gradients = torch.autograd.grad(loss, weights)
    with torch.no_grad():
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.sub_(rate * gradient)
    return float(loss)


def check_train_step(answer: Any) -> None:
    """Check a learner's function (model, batch, labels, optimizer) → loss, over two steps.

    Raises:
        Wrong: with the property that fails.
    """
    need_function(answer)
    mine, right = _network(), _network()
    optimizer = torch.optim.SGD(mine.parameters(), lr=_RATE)
    for number, (x, y) in enumerate(_batches(), 1):
        case, start = f"step {number}", copy.deepcopy(right)
        with torch.enable_grad():
            value = call(answer, mine, x.clone(), y.clone(), optimizer, case=case)
        loss = _by_hand(right, x, y)
        _check_loss(value, loss, start, x, y, case)
        if not mine.training:
            raise Wrong(
                "Your step leaves the model in eval mode. Setting the mode is the loop's job: don't touch it here."
            )
        _check_weights(mine, start, right, number)
    frozen = _network().eval()  # a body that must not move: the loop has put it into eval mode
    with torch.enable_grad():
        call(
            answer, frozen, *_batches()[0], torch.optim.SGD(frozen.parameters(), lr=_RATE), case="a model in eval mode"
        )
    if any(module.training for module in frozen.modules()):
        raise Wrong(
            "Your step calls model.train(). The loop around it sets the mode, and a frozen body has to stay in eval "
            "mode: leave that line out."
        )


def _check_loss(value: Any, loss: float, start: nn.Module, x: Tensor, y: Tensor, case: str) -> None:
    if isinstance(value, Tensor):
        raise Wrong("You give the loss as a tensor, which keeps the whole graph in memory: loss.item() is the number.")
    if isinstance(value, bool) or not isinstance(value, float):
        told = "nothing: is the return missing?" if value is None else f"a value of type {type(value).__name__}."
        raise Wrong(f"On {case} your function should return the loss, a number, but it returned {told}")
    if abs(value - loss) < 1e-5:
        return
    slips = {
        "cross_entropy takes logits and does the softmax itself, so you've done it twice.": {"softmax": True},
        "BatchNorm used its running statistics: your step switched to eval mode. Leave the mode to the loop.": {
            "train": False
        },
    }
    for sentence, slip in slips.items():
        if abs(_by_hand(copy.deepcopy(start), x, y, **slip) - value) < 1e-5:
            raise Wrong(f"On {case} the loss is not the right one. {sentence}")
    raise Wrong(f"On {case} the loss should be {loss:.4f}, the mean cross-entropy before the step; it is {value:.4f}.")


def _check_weights(mine: nn.Module, start: nn.Module, right: nn.Module, number: int) -> None:
    pairs = list(zip(mine.parameters(), start.parameters(), right.parameters(), strict=True))
    if all(torch.allclose(value, wanted, atol=1e-5) for value, _, wanted in pairs):
        return
    if all(torch.equal(value, before) for value, before, _ in pairs):
        if all(value.grad is None or not value.grad.any() for value, _, _ in pairs):
            raise Wrong(
                "No weight changed, and there are no gradients. Do you call loss.backward(), and zero_grad() before it?"
            )
        raise Wrong("There are gradients, but no weight changed: optimizer.step() is missing.")
    if number == 2:
        raise Wrong("Step 1 is right, step 2 is not: its gradients were added to those of step 1. zero_grad() first.")
    raise Wrong("The loss is right, but the weights are not where one step of the optimizer leads.")


# -- one epoch --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Epoch:
    """One epoch by hand, with one thing done otherwise.

    Attributes:
        train: the mode it runs in.
        moves: when the rate is moved: after each batch ("batch"), before it ("before"), once at the end ("epoch"), or
            never ("").
        batches: how many of the batches are used; None for all.
    """

    train: bool = True
    moves: str = "batch"
    batches: int | None = None

    def run(self, network: nn.Module, batches: list[tuple[Tensor, Tensor]], rates: list[float]) -> list[float]:
        """Train in place; gives the loss of each batch."""
        losses = []
        for number, (x, y) in enumerate(batches[: self.batches]):
            ahead = {"batch": number, "before": number + 1, "epoch": 0, "": 0}[self.moves]
            losses.append(_by_hand(network, x, y, train=self.train, rate=rates[ahead]))
        return losses


_SLIPS = {
    "The network was in eval mode while it learned: model.train() comes first.": _Epoch(train=False),
    "Only the first batch was used: is there a return inside the loop?": _Epoch(batches=1),
    "The rate didn't change from batch to batch: call schedule.step() after each of them.": _Epoch(moves=""),
    "The rate changed before the step: schedule.step() comes after train_step.": _Epoch(moves="before"),
}


def check_train_epoch(answer: Any, source: random.Random | None = None) -> None:
    """Check a learner's function (model, batches, optimizer, schedule) → mean loss of the pictures, over two epochs.

    Args:
        answer: the learner's.
        source: draws network, batches and how the rate changes.

    Raises:
        Wrong: with the property that fails.
    """
    need_function(answer)
    mine, batches = random_arguments.training(source) if source else (_network(), _uneven())
    if source:  # the last batch is smaller, as it usually is
        batches[-1] = batches[-1][0][: len(batches[-1][1]) // 2], batches[-1][1][: len(batches[-1][1]) // 2]
    right = copy.deepcopy(mine)
    factor = source.choice((0.5, 0.7, 0.8)) if source else 0.6
    optimizer = torch.optim.SGD(mine.parameters(), lr=_RATE)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, factor)
    for epoch in (1, 2):
        mine.eval()  # as after a measurement
        case, start = f"epoch {epoch}", copy.deepcopy(right)
        rates = [_RATE * factor ** ((epoch - 1) * len(batches) + number) for number in range(len(batches) + 1)]
        with torch.enable_grad():
            value = call(answer, mine, _Once(batches), optimizer, schedule, case=case)
        losses = _Epoch().run(right, batches, rates)
        if not _same_weights(mine, right):
            _name_the_slip(mine, start, batches, rates, case)
        _check_rate(optimizer.param_groups[0]["lr"], rates, len(batches), case)
        _check_mean(value, losses, [len(y) for _, y in batches], case)


def _uneven() -> list[tuple[Tensor, Tensor]]:
    """Three batches, the last of them smaller."""
    first, second = _batches()
    return [first, second, (first[0][:2] * 3, first[1][:2].flip(0))]


class _Once:
    """Copies of batches, once."""

    def __init__(self, batches: list[tuple[Tensor, Tensor]]) -> None:
        self._copies = iter([(x.clone(), y.clone()) for x, y in batches])

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return self._copies


def _same_weights(mine: nn.Module, right: nn.Module) -> bool:
    """Whether weights and running statistics agree."""
    own, other = mine.state_dict(), right.state_dict()
    return all(torch.allclose(own[name].float(), other[name].float(), atol=1e-4, rtol=1e-4) for name in own)


def _name_the_slip(
    mine: nn.Module, start: nn.Module, batches: list[tuple[Tensor, Tensor]], rates: list[float], case: str
) -> None:
    if all(torch.equal(value, before) for value, before in zip(mine.parameters(), start.parameters(), strict=True)):
        raise Wrong(f"On {case} no weight changed: call train_step on every batch.")
    for sentence, slip in _SLIPS.items():
        other = copy.deepcopy(start)
        slip.run(other, batches, rates)
        if _same_weights(mine, other):
            raise Wrong(f"On {case} the weights aren't where one pass leads. {sentence}")
    raise Wrong(f"On {case} the weights aren't where one pass over all {len(batches)} batches, in their order, leads.")


def _check_rate(rate: float, rates: list[float], batches: int, case: str) -> None:
    if not math.isclose(rate, rates[batches], rel_tol=1e-6):
        raise Wrong(
            f"On {case} the rate should have moved {batches} times, once after each batch, to {rates[batches]:.3g}; it "
            f"is {rate:.3g}."
        )


def _check_mean(value: Any, losses: list[float], sizes: list[int], case: str) -> None:
    if isinstance(value, Tensor):
        raise Wrong("You give the mean loss as a tensor: train_step returns numbers, and their mean is a number.")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        told = "nothing: is the return missing?" if value is None else f"a value of type {type(value).__name__}."
        raise Wrong(f"On {case} your function should return the mean loss, a number, but it returned {told}")
    pictures = sum(loss * size for loss, size in zip(losses, sizes, strict=True))
    mean = pictures / sum(sizes)
    if math.isclose(value, mean, rel_tol=1e-3, abs_tol=1e-4):
        return
    slips = {
        "That is the mean of the batches. The last batch is smaller, so its pictures count too much: multiply each "
        "loss by the number of its pictures.": sum(losses) / len(losses),
        "That is the last batch's loss: add them up, and divide at the end.": losses[-1],
        "That is a sum: divide by the number of pictures.": pictures,
        "That is the sum of the batches' losses: multiply each by its pictures, and divide by all.": sum(losses),
        "You divide by the number of batches; divide by the number of pictures instead.": pictures / len(losses),
    }
    for sentence, slip in slips.items():
        if math.isclose(value, slip, rel_tol=1e-3, abs_tol=1e-4):
            raise Wrong(f"On {case} the loss is {value:.3f}. {sentence}")
    raise Wrong(f"On {case} the mean loss of the pictures should be {mean:.3f}, but it is {value:.3f}.")
