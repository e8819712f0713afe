"""Checks of lesson 07's frozen body: its features, and a head on them.

A head on frozen features is a convex problem: it must come near the smallest loss there is, which L-BFGS finds.
"""

from __future__ import annotations

import copy
import math
import random
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.exercises.engine.requirements import Wrong, call, need_function, need_tensor

__all__ = ["check_frozen_features", "check_linear_probe"]


# -- frozen features --------------------------------------------------------------------------------------------------
_AT_ONCE = 32


def check_frozen_features(answer: Any, source: random.Random | None = None) -> None:
    """Check a learner's function (body, batch) → (N, features), on bodies that give vectors and maps.

    Args:
        answer: the learner's.
        source: draws the bodies and the numbers of pictures.

    Raises:
        Wrong: with the property that fails.
    """
    need_function(answer)
    counts = [source.randint(33, 90) for _ in range(2)] if source else [70, 40]
    for count, maps in zip(counts, (False, True), strict=True):
        body, batch = _body(source, maps=maps), _pictures(source, count)
        case = f"{count} pictures and a body that gives {'maps' if maps else 'vectors'}"
        with torch.no_grad():
            truth = copy.deepcopy(body).eval()(batch).flatten(1)
        in_train_mode = copy.deepcopy(body).train()
        with torch.no_grad():
            slip = torch.cat([in_train_mode(part).flatten(1) for part in batch.split(_AT_ONCE)])
        before = {name: tensor.clone() for name, tensor in body.state_dict().items()}
        sizes: list[int] = []
        handle = body.register_forward_pre_hook(lambda _, given, sizes=sizes: sizes.append(len(given[0])))
        with torch.enable_grad():
            value = call(answer, body, batch.clone(), case=case)
        handle.remove()
        _check_features(value, truth, slip, case)
        after = body.state_dict()
        if moved := [name for name in before if not torch.equal(before[name], after[name])]:
            raise Wrong(
                f"On {case} the body has changed: {moved[0]} moved. In train mode, BatchNorm's running "
                "statistics follow the data."
            )
        if not all(weight.requires_grad for weight in body.parameters()):
            raise Wrong("The body's weights no longer require gradients, so nobody can train them later. Use no_grad.")
        if max(sizes) > _AT_ONCE:
            raise Wrong(
                f"On {case} {max(sizes)} pictures went into the body at once. Take at most {_AT_ONCE}: batch.split(32)."
            )


def _check_features(value: Any, truth: Tensor, slip: Tensor, case: str) -> None:
    if isinstance(value, (list, tuple)):
        raise Wrong(f"On {case} your function returned a {type(value).__name__} of parts: torch.cat makes one tensor.")
    if isinstance(value, Tensor) and value.ndim == 4:
        raise Wrong(
            f"On {case} the features are still maps of shape {tuple(value.shape)}: flatten(1) makes rows of them."
        )
    if isinstance(value, Tensor) and value.ndim == 2 and len(value) < len(truth):
        raise Wrong(
            f"On {case} there are features for only {len(value)} pictures. Did you leave out the last "
            "ones, or does the loop "
            "return too early?"
        )
    value = need_tensor(value, tuple(truth.shape), case=case)
    if value.requires_grad:
        raise Wrong(
            "The features are still attached to the body's graph, which fills the memory: compute them under no_grad."
        )
    if torch.allclose(value, truth, atol=1e-5):
        return
    if torch.allclose(value, slip, atol=1e-5):
        raise Wrong("These are the features in train mode, and they depend on the batch. Put the body into eval mode.")
    raise Wrong(f"On {case} the values aren't those of the body in eval mode, picture by picture, in their order.")


def _body(source: random.Random | None, *, maps: bool) -> nn.Module:
    """In train mode, with running statistics far from what its pictures have."""
    width = source.randint(3, 8) if source else 5
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(source.getrandbits(32) if source else 0)
        norm = nn.BatchNorm2d(width)
        layers: list[nn.Module] = [nn.Conv2d(3, width, 3), norm, nn.ReLU()]
        layers += [] if maps else [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        body = nn.Sequential(*layers)
    if norm.running_var is not None:
        norm.running_var.fill_(4.0)
    return body.train()


def _pictures(source: random.Random | None, count: int) -> Tensor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(source.getrandbits(32) if source else 1)
        return torch.randn(count, 3, 6, 6)


# -- a head on features -----------------------------------------------------------------------------------------------
#: The share of the way, from guessing to the smallest loss there is, that a head must have come.
_NEAR = 0.7


def check_linear_probe(answer: Any, source: random.Random | None = None) -> None:
    """Check a learner's function (features, labels, classes, steps) → a trained ``nn.Linear`` and its losses.

    Args:
        answer: the learner's.
        source: draws the features.

    Raises:
        Wrong: with the property that fails.
    """
    need_function(answer)
    for classes, steps in ((2, 300), (3, 260)):
        features, labels = _overlapping(source, classes)
        case = f"{len(features)} rows of {features.shape[1]} features, {classes} classes and {steps} steps"
        given = features.clone()
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.manual_seed(source.getrandbits(32) if source else 0)
            value = call(answer, given, labels.clone(), classes, steps, case=case)
        if not torch.equal(given, features):
            raise Wrong("The features were changed. They're the body's, and other heads need them as they are.")
        head, losses = _head_and_losses(value, case)
        if losses and isinstance(losses[0], Tensor):
            raise Wrong("The losses are tensors; train_step returns numbers, and those are what the list should hold.")
        if len(losses) != steps or not all(isinstance(loss, float) for loss in losses):
            raise Wrong(f"On {case} the list should hold {steps} losses, one for each step; it holds {len(losses)}.")
        _check_head(head, losses, features, labels, classes, case)


def _head_and_losses(value: Any, case: str) -> tuple[nn.Linear, list[Any]]:
    if isinstance(value, nn.Module):
        raise Wrong("Your function returns the head alone: return head, losses.")
    if value is None:
        raise Wrong(f"On {case} your function returned nothing: is the return missing?")
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise Wrong(f"On {case} your function should return two things, the head and the list of its losses.")
    head, losses = value
    if not isinstance(head, nn.Linear):
        raise Wrong(
            f"The head should be an nn.Linear, but the first thing you returned is of type {type(head).__name__}."
        )
    if not isinstance(losses, (list, tuple)):
        raise Wrong(f"The losses should be a list of numbers, not a value of type {type(losses).__name__}.")
    return head, list(losses)


def _check_head(
    head: nn.Linear, losses: list[float], features: Tensor, labels: Tensor, classes: int, case: str
) -> None:
    if head.in_features != features.shape[1] or head.out_features != classes:
        raise Wrong(
            f"On {case} the head should go from {features.shape[1]} features to {classes} classes, but it goes from "
            f"{head.in_features} to {head.out_features}."
        )
    with torch.no_grad():
        reached = float(nn.functional.cross_entropy(head(features), labels))
    best, guessing = _smallest(features, labels, classes), math.log(classes)
    wanted = guessing - _NEAR * (guessing - best)
    if max(losses) > 1.5 * losses[0]:
        raise Wrong(f"On {case} the loss jumps from {losses[0]:.2f} to {max(losses):.2f}: the steps are far too large.")
    if reached <= wanted:
        return
    if losses[-1] <= wanted:
        raise Wrong("The losses fall, but the head that you return isn't the one that was trained.")
    if losses[-1] > losses[0] - 0.05:
        raise Wrong(
            f"On {case} the loss is {losses[0]:.2f} at first and {losses[-1]:.2f} at last, so nothing is learned. Does "
            "the optimizer hold head.parameters(), and are head and optimizer made once, before the loop?"
        )
    raise Wrong(f"On {case} the loss is still {reached:.2f} at last, and {best:.2f} is possible. Is the rate 3e-3?")


def _overlapping(source: random.Random | None, classes: int) -> tuple[Tensor, Tensor]:
    """One label in six is wrong, so that no line divides the classes: the best weights are small, and soon reached."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(source.getrandbits(32) if source else 4)
        true = torch.arange(96) % classes
        features = torch.randn(96, 12) + 0.7 * torch.randn(classes, 12)[true]
        labels = torch.where(torch.arange(96) % 6 == 5, (true + 1) % classes, true)
    return (features - features.mean(0)) / features.std(0), labels


def _smallest(features: Tensor, labels: Tensor, classes: int) -> float:
    head = nn.Linear(features.shape[1], classes)
    nn.init.zeros_(head.weight), nn.init.zeros_(head.bias)
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = nn.functional.cross_entropy(head(features), labels)
        value.backward()
        return value

    with torch.enable_grad():
        optimizer.step(loss)
        return float(loss().detach())
