"""Small conv-BatchNorm-ReLU stacks that differ in one thing: whether there is a ``+ x`` round each pair of layers.

An experiment, not an architecture to use; ``signals`` measures them. Their weights are in double precision, so that two
machines measure the same.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.errors import CourseError, closest
from picturebook import CLASSES

__all__ = ["INIT_RULES", "Stack", "plain", "residual", "rule_for"]


def _kaiming(weight: Tensor, times: float = 1.0) -> None:
    nn.init.kaiming_normal_(weight, mode="fan_out", nonlinearity="relu")
    weight.data *= times


#: How a convolution's weights may be drawn. The first is what torchvision's ResNet and VGG do.
INIT_RULES: dict[str, Callable[[Tensor], object]] = {
    "kaiming fan_out": _kaiming,  # normal, std = sqrt(2 / (out_channels · k · k))
    "xavier": nn.init.xavier_normal_,  # made for tanh: it forgets that ReLU halves the signal's power
    "normal 0.01": lambda weight: nn.init.normal_(weight, 0, 0.01),
    "too large": lambda weight: _kaiming(weight, 2.0),
}


class Stack(nn.Module):
    """A stem, ``depth`` layers in pairs and a linear head, with or without ``+ x`` round each pair."""

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
        depth: how many 3×3 convolutions it has, stem and head not counted; even, at least 2.
        channels: of every one of them.
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
    """The same stack with ``+ x`` round every two layers, as in a ResNet; not one parameter more.

    Args and errors are those of ``plain``.

    Example:
        >>> one, other = plain(20).state_dict(), residual(20).state_dict()
        >>> all(torch.equal(one[key], other[key]) for key in one)
        True
    """
    return _stack(depth, channels, init, norm, seed, shortcut=True)


def _stack(depth: int, channels: int, init: str, norm: bool, seed: int, *, shortcut: bool) -> Stack:
    if not isinstance(depth, int) or depth < 2 or depth % 2:
        raise CourseError(f"A stack is made of pairs of layers: depth is an even number from 2 on, not {depth!r}.")
    if not isinstance(channels, int) or channels < 1:
        raise CourseError(f"A convolution needs a whole number of channels, at least 1, not {channels!r}.")
    rule = rule_for(init)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        stack = Stack(depth, channels, shortcut=shortcut, norm=norm).double()
        for module in stack.modules():
            if isinstance(module, nn.Conv2d):
                rule(module.weight)
    return stack


def rule_for(name: str) -> Callable[[Tensor], object]:
    """What draws a convolution's weights in place.

    Raises:
        CourseError: there is no such rule.

    Example:
        >>> float(rule_for("normal 0.01")(torch.empty(64, 64, 3, 3)).std()) < 0.011
        True
    """
    if name not in INIT_RULES:
        known = ", ".join(repr(one) for one in INIT_RULES)
        raise CourseError(f"{name!r} is no rule for initial weights: use one of {known}.{closest(name, INIT_RULES)}")
    return INIT_RULES[name]
