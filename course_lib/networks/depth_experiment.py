"""The depth experiment: the signal and the gradient in deep stacks, plain and residual, before training.

The stacks are small: conv-BatchNorm-ReLU layers that differ in one thing, whether there is a ``+ x`` around each pair
of them. They are an experiment, not an architecture to use; ``measure_signals`` takes any classifier. Signals are
measured in double precision, so that two machines agree.

With BatchNorm the gradients of a plain stack *explode* towards the first layers, by a constant factor a layer (Yang et
al. 2019, https://arxiv.org/abs/1902.08129); without it, they vanish or explode, depending on the initialisation (He et
al. 2015, https://arxiv.org/abs/1502.01852). Exploding is the smaller part of the problem: in deep plain stacks the
gradient is also shattered: it points elsewhere as soon as the picture changes a little (Balduzzi et al. 2017,
https://arxiv.org/abs/1702.08591). How the stacks learn is lesson 03's own code.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.errors import CourseError, closest
from picturebook import CLASSES, scene

__all__ = [
    "INIT_RULES",
    "Signals",
    "Stack",
    "few_pictures",
    "measure_signals",
    "plain",
    "residual",
]


# -- the stacks -------------------------------------------------------------------------------------------------------
def _kaiming(weight: Tensor, times: float = 1.0) -> None:
    nn.init.kaiming_normal_(weight, mode="fan_out", nonlinearity="relu")
    weight.data *= times


#: How a convolution's weights may be drawn. The first is what torchvision's ResNet and VGG do.
INIT_RULES: dict[str, Callable[[Tensor], object]] = {
    "kaiming fan_out": _kaiming,  # normal, std = sqrt(2 / (out_channels · k · k))
    "xavier": nn.init.xavier_normal_,  # made for tanh: it ignores that ReLU halves the signal's power
    "normal 0.01": lambda weight: nn.init.normal_(weight, 0, 0.01),
    "too large": lambda weight: _kaiming(weight, 2.0),
}


class Stack(nn.Module):
    """A stem, ``depth`` layers in pairs and a linear head, with or without ``+ x`` around each pair."""

    def __init__(self, depth: int, channels: int, *, shortcut: bool, norm: bool) -> None:
        super().__init__()
        self.shortcut = shortcut
        self.stem = nn.Sequential(*_conv(3, channels, norm, stride=2), nn.ReLU())
        self.pairs = nn.ModuleList(
            nn.Sequential(*_conv(channels, channels, norm), nn.ReLU(), *_conv(channels, channels, norm))
            for _ in range(depth // 2)
        )
        self.head = nn.Linear(channels, len(CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)  # (B, C, H/2, W/2)
        for pair in self.pairs:
            x = F.relu(pair(x) + x if self.shortcut else pair(x))
        logits: Tensor = self.head(x.mean((2, 3)))  # (B, 10)
        return logits


def _conv(before: int, after: int, norm: bool, stride: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
    return [conv, nn.BatchNorm2d(after)] if norm else [conv]


def plain(depth: int, channels: int = 16, *, init: str = "kaiming fan_out", norm: bool = True, seed: int = 0) -> Stack:
    """A stack without shortcuts.

    Args:
        depth: how many 3×3 convolutions it has, not counting stem and head; even, at least 2.
        channels: of each of them.
        init: how their weights are drawn; one of ``INIT_RULES``.
        norm: whether a BatchNorm follows each convolution.
        seed: of the weights. ``plain`` and ``residual`` with the same seed hold the same weights.

    Raises:
        CourseError: a depth that is odd or below 2, no channels, or an unknown rule.

    Example:
        >>> sum(isinstance(module, nn.Conv2d) for module in plain(20).modules())
        21
    """
    return _stack(depth, channels, init, norm, seed, shortcut=False)


def residual(
    depth: int, channels: int = 16, *, init: str = "kaiming fan_out", norm: bool = True, seed: int = 0
) -> Stack:
    """The same stack with ``+ x`` around every two layers, as in a ResNet, and with the same parameters.

    Arguments and errors are those of ``plain``.

    Example:
        >>> weights, others = plain(20).state_dict(), residual(20).state_dict()
        >>> all(torch.equal(weights[key], others[key]) for key in weights)
        True
    """
    return _stack(depth, channels, init, norm, seed, shortcut=True)


def _stack(depth: int, channels: int, init: str, norm: bool, seed: int, *, shortcut: bool) -> Stack:
    if not isinstance(depth, int) or depth < 2 or depth % 2:
        raise CourseError(f"A stack is made of pairs of layers: depth is an even number from 2 on, not {depth!r}.")
    if not isinstance(channels, int) or channels < 1:
        raise CourseError(f"A convolution needs a whole number of channels, at least 1, not {channels!r}.")
    rule = _rule_for(init)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        stack = Stack(depth, channels, shortcut=shortcut, norm=norm).double()
        for module in stack.modules():
            if isinstance(module, nn.Conv2d):
                rule(module.weight)
    return stack


def _rule_for(name: str) -> Callable[[Tensor], object]:
    """The function that draws a convolution's weights in place; a CourseError if there is no rule of that name."""
    if name not in INIT_RULES:
        known = ", ".join(map(repr, INIT_RULES))
        raise CourseError(f"{name!r} is no rule for initial weights: use one of {known}.{closest(name, INIT_RULES)}")
    return INIT_RULES[name]


# -- at initialisation ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Signals:
    """The signal and the gradient at every convolution, from one forward and one backward pass.

    Attributes:
        names: the path of every convolution that ran, first to last.
        std: standard deviation of each one's input.
        gradient: norm of the loss's gradient with respect to each one's weights.
        cosine: the cosine between the first convolution's gradient and the same for pictures with 1% of noise
            added: 1 if both point the same way, about 0 if their directions have nothing to do with each other.
        loss: cross-entropy; guessing among ten classes has ln 10 = 2.30.
    """

    names: tuple[str, ...]
    std: tuple[float, ...]
    gradient: tuple[float, ...]
    cosine: float
    loss: float

    @property
    def growth(self) -> float:
        """By what factor the gradient grows from each layer to the one before it, on (geometric) average."""
        first, last = self.gradient[0], self.gradient[-1]
        steps = len(self.gradient) - 1
        return float((first / last) ** (1 / steps)) if steps and first > 0 and last > 0 else float("nan")


def measure_signals(model: nn.Module, *, seed: int = 0, size: int = 16, count: int = 16) -> Signals:
    """Send random pictures through a classifier, and the loss's gradient back, once.

    The model stays as it was. A copy of it does the work, in double precision and in train mode.

    Args:
        model: any classifier with convolutions that takes (B, 3, size, size).
        seed: of the pictures and of their classes.
        size: of the pictures, in pixels.
        count: how many of them; at least 2, for BatchNorm.

    Raises:
        CourseError: the model has no convolution.

    Source:
        ``cosine`` is after Balduzzi et al. 2017, https://arxiv.org/abs/1702.08591.

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
        def hook(_: nn.Module, inputs: tuple[Tensor]) -> None:
            arrived.setdefault(path, float(inputs[0].detach().std()))

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
        tuple(float(gradient.norm()) for gradient in gradients),
        float(F.cosine_similarity(gradients[0].flatten(), moved.flatten(), dim=0)),
        float(loss.detach()),
    )


# -- pictures to learn by heart ----------------------------------------------------------------------------------------
def few_pictures(count: int = 40, size: int = 16) -> tuple[Tensor, Tensor]:
    """Small pictures from the picture book, with (nearly) equally many of every class.

    Returns:
        (count, 3, size, size) float32 with mean 0 and std 1 per channel, and (count,) classes.

    Raises:
        CourseError: ``size`` is below 16, the smallest that the picture book draws.

    Example:
        >>> pictures, labels = few_pictures(10)
        >>> pictures.shape, labels.tolist()
        (torch.Size([10, 3, 16, 16]), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    labels = torch.arange(count) % len(CLASSES)
    scenes = [scene(CLASSES[int(label)], seed=9000 + k, size=(size, size)) for k, label in enumerate(labels)]
    pixels = torch.stack([torch.from_numpy(np.array(drawn.picture)) for drawn in scenes])  # (count, size, size, 3)
    pictures = pixels.permute(0, 3, 1, 2).float()  # (count, 3, size, size)
    std, mean = torch.std_mean(pictures, (0, 2, 3), keepdim=True)
    return (pictures - mean) / std, labels
