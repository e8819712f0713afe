"""The check of a forward pass that leaves no trace: right logits, no graph, statistics and modes as they were.

The oracle is the model itself: a copy of it in eval mode, and its own state before the call.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.exercises.checks import random_arguments
from course_lib.exercises.engine.credit import part, unexamined
from course_lib.exercises.engine.requirements import Wrong, call, need_function, need_tensor, same_tensor

__all__ = ["INFERENCE_PROPERTIES", "check_careful_forward"]

_LOGITS, _STATISTICS = "the logits of eval mode", "the running statistics stay as they are"
_GRAPH, _MODE = "the result carries no graph", "the model is left in its mode"
_ERROR, _EACH = "an error is let through, and the mode is restored all the same", "every module gets its own mode back"
#: What the check examines → its share of the points.
INFERENCE_PROPERTIES = {_LOGITS: 1, _STATISTICS: 1, _GRAPH: 1, _MODE: 1, _ERROR: 1, _EACH: 1}


class _Broken(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise ValueError("on purpose")


def check_careful_forward(answer: Any, source: random.Random | None = None) -> None:
    """Check a learner's function (model, batch) → logits.

    Args:
        answer: the learner's.
        source: draws other models, modes and batches than the open ones.

    Raises:
        Wrong: with the property that fails.
    """
    need_function(answer)
    for net, batch, case in _open_cases() if source is None else _drawn_cases(source):
        _check_forward(answer, net, batch, case)
    with part(_ERROR):
        broken = _Broken().train()
        try:
            answer(broken, torch.zeros(1, 3, 4, 4))
        except ValueError:
            pass
        else:
            raise Wrong("When the model raises an error, your function should let it through, not hide it.")
        if not broken.training:
            raise Wrong("When the forward raises an error the model stays in eval mode: try ... finally restores it.")
    with part(_EACH):
        net = _small_net().train()
        net[1].eval()  # frozen on purpose
        call(answer, net, torch.zeros(2, 3, 8, 8), case="a model with one frozen BatchNorm")
        _need_own_modes(net, [net.training, True, False, *[True] * 5])


def _check_forward(answer: Any, net: nn.Module, batch: Tensor, case: str) -> None:
    with torch.no_grad():
        truth = copy.deepcopy(net).eval()(batch)
    modes = [module.training for module in net.modules()]
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    value = None
    with part(_LOGITS):
        value = need_tensor(call(answer, net, batch.clone(), case=case), tuple(truth.shape), case=case)
    if value is None:
        unexamined(_STATISTICS, _GRAPH, _MODE, _EACH)
        return
    with part(_STATISTICS):
        if any(not torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items()):
            raise Wrong(f"On {case} BatchNorm's running statistics changed: the forward ran in train mode.")
    with part(_GRAPH):
        if value.requires_grad:
            raise Wrong(f"On {case} the result carries a graph: use torch.no_grad() or torch.inference_mode().")
    with part(_LOGITS):
        same_tensor(value.detach(), truth, case=case, tolerance=1e-6)
    with part(_MODE):
        if net.training != modes[0]:
            raise Wrong(f"Given {case}, your function left it in the other mode. Restore the mode it was in.")
    with part(_EACH):
        if net.training == modes[0]:
            _need_own_modes(net, modes)


def _need_own_modes(net: nn.Module, modes: list[bool]) -> None:
    if [module.training for module in net.modules()] != modes:
        raise Wrong("A BatchNorm that was frozen in eval mode is in train mode now: remember the mode of every module.")


def _small_net() -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.5),
            nn.Linear(8, 4),
        )  # fmt: skip


def _open_cases() -> Iterator[tuple[nn.Module, Tensor, str]]:
    batch = torch.linspace(-1, 1, 2 * 3 * 8 * 8).view(2, 3, 8, 8)
    for training in (True, False):
        yield _small_net().train(training), batch, f"a model in {'train' if training else 'eval'} mode"


def _drawn_cases(source: random.Random) -> Iterator[tuple[nn.Module, Tensor, str]]:
    for number in range(1, 5):
        size = source.randint(1, 4), 3, source.randint(4, 9), source.randint(4, 9)
        yield random_arguments.small_net(source), random_arguments.tensor(source, *size), f"hidden model {number}"
