"""Checks of a BatchNorm written by hand, beside torch's own: keys, both modes, what the buffers hold afterwards.

A layer that is nearly right computes something that has a name: eps left out, the momentum on the wrong side, the
biased variance in the buffer. The check computes these too, and says the name.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.exercises.checks import random_arguments
from course_lib.exercises.checks.module_checks import build, load, need_own, scrambled
from course_lib.exercises.engine.credit import part, unexamined
from course_lib.exercises.engine.requirements import Wrong, call, need_class, need_tensor

__all__ = ["NORM_PROPERTIES", "check_batch_norm"]

_NAMES, _TRAIN = "torch's names: two parameters, three buffers", "train mode normalises with the batch's statistics"
_BUFFERS, _EVAL = "the buffers follow every batch in train mode", "eval mode normalises with the running statistics"
_GRADIENT = "the gradient goes through the batch's statistics too"
#: What the check examines → its share of the points.
NORM_PROPERTIES = {_NAMES: 1, _TRAIN: 1, _BUFFERS: 1, _EVAL: 1, _GRADIENT: 1}
#: A picture's shape (B, C, H, W).
_SHAPES = ((4, 6, 5, 3), (2, 3, 4, 4))


def _close(value: Tensor, other: Tensor) -> bool:
    return torch.allclose(value, other, rtol=1e-4, atol=1e-4)


def _batches(source: random.Random | None) -> Iterator[tuple[Tensor, Tensor]]:
    """Two batches of one shape; one channel varies so little that eps counts."""
    for shape in _SHAPES:
        if source is not None:
            shape = (source.randint(2, 5), source.randint(2, 7), source.randint(2, 6), source.randint(2, 6))
        draw = source or random.Random(sum(shape))
        first, second = (3 * random_arguments.tensor(draw, *shape) + 1 for _ in range(2))
        first[:, 0] *= 1e-3
        yield first, second


def check_batch_norm(answer: Any, source: random.Random | None = None) -> None:
    """Check a learner's BatchNorm2d in train mode, then its buffers, then eval mode, on two batches each.

    Args:
        answer: the learner's class, made with the number of channels.
        source: draws other batches than the open ones.

    Raises:
        Wrong: with the property that fails.
    """
    need_class(answer)
    for batches in _batches(source):
        channels = batches[0].shape[1]
        case = f"MyBatchNorm2d({channels})"
        truth = scrambled(partial(nn.BatchNorm2d, channels))
        with part(_NAMES) as named:
            mine = build(answer, channels, case=case)
            need_own(mine, nn.modules.batchnorm._BatchNorm, "BatchNorm")
            _need_tensors(mine, truth, case)
            load(mine, truth, case=case)
        if not named.holds:
            unexamined(_TRAIN, _BUFFERS, _EVAL, _GRADIENT)
            continue
        for number, batch in enumerate(batches, 1):
            _compare(mine.train(), truth.train(), batch, f"batch {number} in train mode")
        mine.load_state_dict(truth.state_dict())  # eval mode is one property, what train mode left is another
        _compare(mine.eval(), truth.eval(), batches[0], "a batch in eval mode")


def _need_tensors(mine: nn.Module, truth: nn.Module, case: str) -> None:
    """Weight and bias are parameters, the other three are buffers, all in the state dict."""
    parameters, keys = dict(mine.named_parameters()), mine.state_dict()
    for name, right in truth.state_dict().items():
        learnt = name in ("weight", "bias")
        remedy = f"self.{name} = nn.Parameter(...)" if learnt else f'self.register_buffer("{name}", ...)'
        if name not in keys and isinstance(getattr(mine, name, None), Tensor):
            raise Wrong(f"In {case} {name} is a plain tensor, so no state dict holds it: write {remedy}.")
        if name not in keys:
            raise Wrong(f"In {case} there is no {name}, which torch's state dict has: write {remedy}.")
        if not learnt and name in parameters:
            raise Wrong(f"In {case} {name} is a parameter, and an optimizer would change it: write {remedy}.")
        if learnt and name not in parameters:
            raise Wrong(f"In {case} {name} is a buffer, and no optimizer would learn it: write {remedy}.")
        if name == "num_batches_tracked" and keys[name].dtype != right.dtype:
            raise Wrong(f"In {case} num_batches_tracked counts batches: it is a whole number, torch.tensor(0).")


def _compare(mine: nn.Module, truth: nn.Module, batch: Tensor, case: str) -> None:
    before = {name: value.clone() for name, value in truth.state_dict().items()}
    given, right_given = batch.clone().requires_grad_(), batch.clone().requires_grad_()
    value = None
    values, buffers, gradient = (_TRAIN, _BUFFERS, _GRADIENT) if truth.training else (_EVAL, _EVAL, _EVAL)
    with part(values) as right_values, torch.enable_grad():
        right = truth(right_given)
        value = need_tensor(call(mine, given, case=case), tuple(batch.shape), case=case)
        if not torch.equal(given.detach(), batch):
            raise Wrong(f"On {case} the input itself was changed: an operation in place worked on x.")
        _need_values(value.detach(), right.detach(), batch, before, case, training=truth.training)
    if value is None:
        unexamined(buffers, gradient)
        return
    with part(buffers):
        _need_buffers(mine, truth, batch, before, case)
    if not right_values.holds:
        unexamined(gradient)
        return
    with part(gradient):
        if not value.requires_grad:
            raise Wrong(f"On {case} the result carries no graph: compute the output outside torch.no_grad().")
        (slope,), (wanted,) = (torch.autograd.grad((out * batch.cos()).sum(), x)
                               for out, x in ((value, given), (right, right_given)))  # fmt: skip
        if not torch.allclose(slope[:, 1:], wanted[:, 1:], rtol=1e-2, atol=1e-3):  # channel 0's are in the thousands
            raise Wrong(
                f"On {case} the values are right, but the gradient is not: mean and variance depend on x too, so only "
                "the buffers' update belongs under torch.no_grad(), without a detach() on the statistics themselves."
            )


def _need_values(
    value: Tensor, right: Tensor, batch: Tensor, before: dict[str, Tensor], case: str, *, training: bool
) -> None:
    if _close(value, right):
        return
    for sentence, compute in _SLIPS.items():
        try:
            slip = compute(batch, before)
        except RuntimeError:  # such a mean fits no channel of this batch
            continue
        if slip.shape == right.shape and _close(slip, value):
            if sentence.startswith(("the batch's", "the running")):
                sentence += ": ask self.training"
            raise Wrong(f"On {case} {sentence}.")
    gap = float((value - right).abs().max())
    own = "the batch's own mean and variance" if training else "running_mean and running_var"
    raise Wrong(f"On {case} the values differ from torch's by up to {gap:.2g}; here {own} count.")


def _shaped(values: Tensor) -> Tensor:
    return values.view(1, -1, 1, 1)


def _normalised(
    x: Tensor, mean: Tensor, var: Tensor, state: dict[str, Tensor], *, eps: float = 1e-5, affine: bool = True
) -> Tensor:
    x = (x - mean) / (var + eps).sqrt()
    return x * _shaped(state["weight"]) + _shaped(state["bias"]) if affine else x


def _moments(x: Tensor, over: tuple[int, ...] = (0, 2, 3), *, unbiased: bool = False) -> tuple[Tensor, Tensor]:
    return x.mean(over, keepdim=True), x.var(over, unbiased=unbiased, keepdim=True)


def _kept(state: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    return _shaped(state["running_mean"]), _shaped(state["running_var"])


#: What nearly right layers compute: the sentence, and the computation from the batch and the state before it.
_SLIPS: dict[str, Callable[[Tensor, dict[str, Tensor]], Tensor]] = {
    "the running statistics are used": lambda x, state: _normalised(x, *_kept(state), state),
    "the batch's own statistics are used": lambda x, state: _normalised(x, *_moments(x), state),
    "eps is missing: divide by sqrt(var + eps)": lambda x, state: _normalised(x, *_moments(x), state, eps=0.0),
    "eps is missing: divide by sqrt(running_var + eps)": lambda x, state: _normalised(x, *_kept(state), state, eps=0.0),
    "the variance divides by n − 1; for normalising it divides by n (unbiased=False)": lambda x, state: _normalised(
        x, *_moments(x, unbiased=True), state
    ),
    "each picture has statistics of its own (dims 2 and 3); a channel's are taken over the batch too: dims 0, 2 and 3":
        lambda x, state: _normalised(x, *_moments(x, (2, 3)), state),
    "the statistics are taken over the batch alone; a channel's are taken over rows and columns too: dims 0, 2 and 3":
        lambda x, state: _normalised(x, *_moments(x, (0,)), state),
    "weight and bias are not used": lambda x, state: _normalised(x, *_moments(x), state, affine=False),
    "x is divided by the variance; divide by its root": lambda x, state: (
        (x - _moments(x)[0]) / (_moments(x)[1] + 1e-5) * _shaped(state["weight"]) + _shaped(state["bias"])
    ),
}  # fmt: skip


def _need_buffers(mine: nn.Module, truth: nn.Module, batch: Tensor, before: dict[str, Tensor], case: str) -> None:
    after, right = mine.state_dict(), truth.state_dict()
    if any(after[name].requires_grad for name in ("running_mean", "running_var")) or any(
        buffer.requires_grad for buffer in mine.buffers()
    ):
        raise Wrong(f"After {case} a buffer carries a graph, which would grow with every batch: use torch.no_grad().")
    for name in ("running_mean", "running_var"):
        if after[name].shape == right[name].shape and _close(after[name], right[name]):
            continue
        if not truth.training:
            raise Wrong(f"After {case} {name} has changed; in eval mode the buffers stay as they are.")
        raise Wrong(f"After {case} {name} {_slip_of_buffer(name, after[name], batch, before)}.")
    if not torch.equal(after["num_batches_tracked"], right["num_batches_tracked"]):
        raise Wrong(
            f"After {case} num_batches_tracked should be {int(right['num_batches_tracked'])}: one more a batch."
        )


def _slip_of_buffer(name: str, value: Tensor, batch: Tensor, before: dict[str, Tensor]) -> str:
    old = before[name]
    if value.shape != old.shape:
        return f"should keep the shape {tuple(old.shape)}, but it has {tuple(value.shape)}"
    mean, biased = (moment.flatten() for moment in _moments(batch))
    new = mean if name == "running_mean" else _moments(batch, unbiased=True)[1].flatten()
    if torch.equal(value, old):
        return "has not changed; each batch in train mode moves it by a tenth of the way"
    if _close(value, 0.1 * old + 0.9 * new):
        return "keeps 10% of the old value; with momentum 0.1 it keeps 90% and takes 10% of the batch's"
    if _close(value, new):
        return "is the batch's own; it should keep 90% of its old value"
    if name == "running_var" and _close(value, 0.9 * old + 0.1 * biased):
        return "took the variance that divides by n; what it keeps divides by n − 1 (times n / (n − 1))"
    return "should be 0.9 times its old value plus 0.1 times the batch's"
