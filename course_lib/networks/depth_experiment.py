"""What happens to a signal on its way through a deep stack, and to the gradient on its way back.

The stacks themselves, plain and residual, come from ``stacks``; any classifier can be measured. Everything is computed
in double precision, so that two machines agree.

With BatchNorm the gradients of a plain stack *explode* towards the first layers, by a constant factor a layer (Yang et
al. 2019, https://arxiv.org/abs/1902.08129); without it, they vanish or explode as the initialisation has it (He et al.
2015, https://arxiv.org/abs/1502.01852). Exploding is the smaller half of it: in deep plain stacks the gradient is also
shattered, it points elsewhere as soon as the picture changes a little (Balduzzi et al. 2017,
https://arxiv.org/abs/1702.08591).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.errors import CourseError
from course_lib.networks.stacks import INIT_RULES, Stack, plain, residual, rule_for
from course_lib.progress import track
from picturebook import CLASSES, scene

__all__ = [
    "INIT_RULES",
    "Signals",
    "Stack",
    "few_pictures",
    "init_signal",
    "learn_by_heart",
    "measure_signals",
    "plain",
    "residual",
]


# -- at initialisation ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Signals:
    """What was measured in one forward and one backward pass.

    Attributes:
        names: the path of every convolution that ran, first to last.
        std: standard deviation of what arrives at each of them.
        gradient: norm of the loss's gradient at each one's weights.
        steadiness: the cosine between the first convolution's gradient and the same for pictures with 1 % of noise
            added: 1 where it points the same way, about 0 where it points anywhere.
        loss: cross-entropy; guessing among ten classes has ln 10 = 2.30.
    """

    names: tuple[str, ...]
    std: tuple[float, ...]
    gradient: tuple[float, ...]
    steadiness: float
    loss: float

    @property
    def growth(self) -> float:
        """By what factor the gradient grows from each layer to the one before it, on (geometric) average."""
        first, last = self.gradient[0], self.gradient[-1]
        steps = len(self.gradient) - 1
        return float((first / last) ** (1 / steps)) if steps and first > 0 and last > 0 else float("nan")


def measure_signals(model: nn.Module, *, seed: int = 0, size: int = 16, count: int = 16) -> Signals:
    """Send random pictures through a classifier, and the loss's gradient back, once.

    The model stays as it was; a copy of it does the work, in double precision and in train mode, as training begins.

    Args:
        model: any classifier with convolutions that takes (B, 3, size, size).
        seed: of the pictures and of their classes.
        size: of the pictures, in pixels.
        count: how many of them; at least 2, for BatchNorm.

    Raises:
        CourseError: the model has no convolution.

    Source:
        ``steadiness`` is after Balduzzi et al. 2017, https://arxiv.org/abs/1702.08591.

    Example:
        >>> signals = {make.__name__: measure_signals(make(20)) for make in (plain, residual)}
        >>> signals["plain"].gradient[0] > 2 * signals["residual"].gradient[0]
        True
    """
    model = copy.deepcopy(model).double().train()
    convs = {path: module for path, module in model.named_modules() if isinstance(module, nn.Conv2d)}
    if not convs:
        raise CourseError(f"{type(model).__name__} has no convolution, and there is nothing to measure.")
    generator = torch.Generator().manual_seed(seed)
    batch, noise = torch.randn(2, count, 3, size, size, generator=generator, dtype=torch.float64)
    arrived: dict[str, float] = {}

    def watch(path: str) -> Callable[[nn.Module, tuple[Tensor]], None]:
        def hook(_: nn.Module, given: tuple[Tensor]) -> None:
            arrived.setdefault(path, float(given[0].detach().std()))

        return hook

    for path, conv in convs.items():
        conv.register_forward_pre_hook(watch(path))
        conv.weight.requires_grad_()
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)  # for dropout
        logits = model(batch)
        labels = torch.randint(logits.shape[1], (count,), generator=generator)
        loss = F.cross_entropy(logits, labels)
        weights = [convs[path].weight for path in arrived]  # in the order they ran
        gradients = torch.autograd.grad(loss, weights)
        torch.manual_seed(seed)
        (moved,) = torch.autograd.grad(F.cross_entropy(model(batch + 0.01 * noise), labels), weights[:1])
    return Signals(
        tuple(arrived),
        tuple(arrived.values()),
        tuple(float(one.norm()) for one in gradients),
        float(F.cosine_similarity(gradients[0].flatten(), moved.flatten(), dim=0)),
        float(loss.detach()),
    )


def init_signal(rule: str, depth: int = 30, channels: int = 64, *, seed: int = 0) -> tuple[float, ...]:
    """How large a signal still is after each of ``depth`` 3×3 convolutions with ReLU, without BatchNorm.

    Args:
        rule: how the weights are drawn; one of ``INIT_RULES``.
        depth: how many layers; at least 1.
        channels: of each.
        seed: of the weights and of the signal.

    Returns:
        ``depth + 1`` standard deviations: of the signal that goes in (1.0), then after each layer.

    Raises:
        CourseError: an unknown rule, or no layer.

    Source:
        He et al. 2015, https://arxiv.org/abs/1502.01852, section 2.2.

    Example:
        >>> kept, lost = init_signal("kaiming fan_out", 20), init_signal("normal 0.01", 20)
        >>> len(kept), kept[20] > 0.1, lost[20] < 1e-10
        (21, True, True)
    """
    draw = rule_for(rule)
    if depth < 1 or channels < 1:
        raise CourseError(f"{depth} layers of {channels} channels: a signal needs at least one of each.")
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        x = torch.randn(4, channels, 16, 16, dtype=torch.float64)
        spread = [float(x.std())]
        for _ in range(depth):
            weight = torch.empty(channels, channels, 3, 3, dtype=torch.float64)
            draw(weight)
            x = F.relu(F.conv2d(x, weight, padding=1))
            spread.append(float(x.std()))
    return tuple(spread)


# -- in training ------------------------------------------------------------------------------------------------------
def few_pictures(count: int = 40, size: int = 16) -> tuple[Tensor, Tensor]:
    """Small pictures out of the picture book, every class as often as the next.

    Returns:
        (count, 3, size, size) doubles with mean 0 and std 1 per channel, and (count,) classes.

    Raises:
        CourseError: smaller than the picture book draws, which is 16 pixels.

    Example:
        >>> pictures, labels = few_pictures(10)
        >>> pictures.shape, labels.tolist()
        (torch.Size([10, 3, 16, 16]), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    labels = torch.arange(count) % len(CLASSES)
    drawn = [scene(CLASSES[int(label)], seed=9000 + k, size=(size, size)) for k, label in enumerate(labels)]
    pixels = torch.stack([torch.from_numpy(np.asarray(one.picture).copy()) for one in drawn]).permute(0, 3, 1, 2)
    pictures = pixels.double()  # (count, 3, size, size)
    std, mean = torch.std_mean(pictures, (0, 2, 3), keepdim=True)
    return (pictures - mean) / std, labels


def learn_by_heart(
    model: nn.Module, pictures: Tensor, labels: Tensor, *, steps: int = 50, rate: float = 0.03
) -> tuple[float, ...]:
    """Train a copy of a classifier on the same few pictures again and again: can it at least learn them by heart?

    Gradient descent with momentum 0.9, all pictures in each step. A deep plain stack is chaotic: change the pictures in
    the fifteenth digit, and its curve changes in the first or second. So it does from machine to machine.

    Args:
        model: takes ``pictures`` and gives (B, classes); stays as it was.
        pictures: (B, 3, H, W), of the model's dtype.
        labels: (B,) classes.
        steps: how many.
        rate: learning rate.

    Returns:
        The loss before each step.

    Example:
        >>> losses = learn_by_heart(residual(4), *few_pictures(10), steps=20)
        >>> len(losses), losses[-1] < losses[0] / 2
        (20, True)
    """
    model = copy.deepcopy(model).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    losses = []
    with torch.enable_grad():
        for _ in track(range(steps), "learning by heart"):
            loss = F.cross_entropy(model(pictures), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
    return tuple(losses)
