"""What ``train()`` and ``eval()`` do to a model's answers, and what a forward stores for the backward pass.

Both are measured on a copy, so that the model itself stays as it is.

BatchNorm normalises with the batch's own statistics in train mode and moves its running statistics at every forward
(Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167); Dropout draws a new mask each time (Srivastava et al. 2014).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from course_lib.errors import CourseError

__all__ = ["Repeats", "repeat", "saved_for_backward"]

Mode = Literal["eval", "train"]


@dataclass(frozen=True, eq=False)
class Repeats:
    """The same batch through the same model several times.

    Attributes:
        mode: "eval" or "train".
        logits: (runs, B, classes), what each run answered.
        drift: how far the running means of all BatchNorm layers were from where they began, after each run: the mean
            over the channels of |now - then|, in units of the channel's standard deviation; all 0 without BatchNorm.
        before, after: (B, classes), what the model answers in eval mode before the first and after the last run.
    """

    mode: Mode
    logits: Tensor
    drift: tuple[float, ...]
    before: Tensor
    after: Tensor

    @property
    def different(self) -> int:
        """How many of the runs' answers differ from each other at all."""
        return len(torch.unique(self.logits.flatten(1), dim=0)) if len(self.logits) else 0


def repeat(model: nn.Module, batch: Tensor, *, mode: Mode = "train", runs: int = 10, seed: int = 0) -> Repeats:
    """Run ``batch`` through a copy of ``model`` again and again.

    Args:
        model: any classifier; neither its weights, its statistics, its mode nor the random state change.
        batch: (B, 3, H, W), prepared.
        mode: the mode the copy is put in.
        runs: how often, 0 to 1000.
        seed: for Dropout's masks.

    Raises:
        CourseError: another mode, or a number of runs that makes no sense.

    Example:
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(12, 3))
        >>> repeat(net, torch.ones(1, 3, 2, 2), mode="eval", runs=5).different
        1
        >>> repeat(net, torch.ones(1, 3, 2, 2), mode="train", runs=5).different > 1
        True
    """
    if mode not in ("eval", "train"):
        raise CourseError(f'mode={mode!r}: a model is in "eval" or in "train" mode.')
    if not 0 <= runs <= 1000:
        raise CourseError(f"runs={runs}: ask for 0 to 1000 runs.")
    twin = copy.deepcopy(model)
    norms = [m for m in twin.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.running_mean is not None]
    start = [(norm.running_mean.clone(), (norm.running_var + norm.eps).sqrt()) for norm in norms]  # type: ignore[union-attr,operator]
    logits, drift = [], []
    with torch.inference_mode(), torch.random.fork_rng():
        torch.manual_seed(seed)
        before = _output(twin.eval(), batch)
        twin.train(mode == "train")
        for _ in range(runs):
            logits.append(_output(twin, batch))
            moved = [((n.running_mean - mean).abs() / std).mean() for n, (mean, std) in zip(norms, start, strict=True)]  # type: ignore[operator]
            drift.append(float(torch.stack(moved).mean()) if moved else 0.0)
        after = _output(twin.eval(), batch)
    answers = torch.stack(logits) if logits else before.new_zeros((0, *before.shape))
    return Repeats(mode, answers.clone(), tuple(drift), before.clone(), after.clone())


def saved_for_backward(model: nn.Module, batch: Tensor) -> int:
    """How many bytes a forward keeps for the backward pass, the parameters themselves left out.

    This is what ``no_grad`` and ``inference_mode`` save. The model's statistics and mode stay as they are.

    Example:
        >>> from torch import nn
        >>> saved_for_backward(nn.Sequential(nn.Linear(4, 8), nn.ReLU()), torch.zeros(2, 4)) >= 2 * 8 * 4
        True
    """
    own = {tensor.untyped_storage().data_ptr() for tensor in [*model.parameters(), *model.buffers()]}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    twin = copy.deepcopy(model) if model.training else model  # a forward in train mode would move BatchNorm
    if twin is not model:
        own |= {tensor.untyped_storage().data_ptr() for tensor in [*twin.parameters(), *twin.buffers()]}
    with (
        torch.random.fork_rng(),
        torch.enable_grad(),
        torch.autograd.graph.saved_tensors_hooks(pack, lambda kept: kept),
    ):
        output = _output(twin, batch)  # must live until here: freed memory would be counted twice
    del output
    return sum(kept.values())


def _output(model: nn.Module, batch: Tensor) -> Tensor:
    output = model(batch)  # (B, classes); the Inceptions answer with a tuple in train mode
    return output if isinstance(output, Tensor) else output[0]
