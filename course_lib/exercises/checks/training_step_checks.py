"""The check of one training step: what it gives back, and what it does to the weights of a small network.

What should come out is computed here from ``torch.autograd.grad`` and the rule of plain gradient descent, without an
optimizer. The usual slips (softmax first, gradients that pile up, the wrong mode) are computed too, so as to be told.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.exercises.engine.exercise import Wrong, call, need_function

__all__ = ["check_train_step"]

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
    return network.eval()  # as a validation would have left it


def _batches() -> list[tuple[Tensor, Tensor]]:
    numbers = torch.linspace(-9, 9, 2 * 6 * 12).sin().view(2, 6, 3, 2, 2)
    return [(numbers[0], torch.tensor([0, 1, 2, 0, 1, 1])), (numbers[1] * 2, torch.tensor([2, 0, 1, 1, 2, 0]))]


def _by_hand(network: nn.Module, x: Tensor, y: Tensor, *, softmax: bool = False, train: bool = True) -> float:
    """One step, in place; gives the loss before it."""
    network.train(train)
    with torch.enable_grad():
        logits = network(x)
        loss = nn.functional.cross_entropy(logits.softmax(1) if softmax else logits, y)
    weights = list(network.parameters())
    gradients = torch.autograd.grad(loss, weights)
    with torch.no_grad():
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.sub_(_RATE * gradient)
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
        what, start = f"step {number}", copy.deepcopy(right)
        with torch.enable_grad():
            value = call(answer, mine, x.clone(), y.clone(), optimizer, what=what)
        loss = _by_hand(right, x, y)
        _check_loss(value, loss, start, x, y, what)
        _check_weights(mine, start, right, number)


def _check_loss(value: Any, loss: float, start: nn.Module, x: Tensor, y: Tensor, what: str) -> None:
    if isinstance(value, Tensor):
        raise Wrong("You give the loss as a tensor, which keeps the whole graph in memory: loss.item() is the number.")
    if isinstance(value, bool) or not isinstance(value, float):
        told = "nothing: is the return missing?" if value is None else f"a value of type {type(value).__name__}."
        raise Wrong(f"On {what} your function should return the loss, a number, but it returned {told}")
    if abs(value - loss) < 1e-5:
        return
    slips = {
        "cross_entropy takes logits: it does the softmax itself, and yours is done twice.": {"softmax": True},
        "BatchNorm used its running numbers, as in validation: model.train() comes first.": {"train": False},
    }
    for sentence, slip in slips.items():
        if abs(_by_hand(copy.deepcopy(start), x, y, **slip) - value) < 1e-5:
            raise Wrong(f"On {what} the loss is not the right one. {sentence}")
    raise Wrong(f"On {what} the loss should be {loss:.4f}, the mean cross-entropy before the step; it is {value:.4f}.")


def _check_weights(mine: nn.Module, start: nn.Module, right: nn.Module, number: int) -> None:
    pairs = list(zip(mine.parameters(), start.parameters(), right.parameters(), strict=True))
    if all(torch.allclose(found, wanted, atol=1e-5) for found, _, wanted in pairs):
        return
    if all(torch.equal(found, before) for found, before, _ in pairs):
        if all(found.grad is None or not found.grad.any() for found, _, _ in pairs):
            raise Wrong(
                "No weight changed, and no gradient is there: is loss.backward() called, and zero_grad() before it?"
            )
        raise Wrong("The gradients are there, and no weight changed: optimizer.step() is missing.")
    if number == 2:
        raise Wrong("Step 1 is right, step 2 is not: its gradients were added to those of step 1. zero_grad() first.")
    raise Wrong("The loss is right, but the weights are not where one step of the optimizer leads.")
