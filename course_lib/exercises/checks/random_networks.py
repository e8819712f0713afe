"""Arguments for hidden cases of lesson 07: classifiers of many families, and networks with something to learn from.

All are small, a few thousand weights, and quick to make; their weights come from the source of random numbers.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torchvision.models import DenseNet, MobileNetV2, ShuffleNetV2, VisionTransformer, resnet

from course_lib.exercises.checks.module_checks import scrambled
from course_lib.exercises.checks.random_arguments import tensor
from course_lib.networks import vgg

__all__ = ["classifier", "optimizer", "training"]


def classifier(source: random.Random) -> nn.Module:
    """A classifier for pictures of 32×32 whose last layer is linear, in one of six families: five names for the head.

    Example:
        >>> tuple(classifier(random.Random(0))(torch.zeros(2, 3, 32, 32)).shape)[0]
        2
    """
    classes, wide = source.randint(2, 12), 8 * source.randint(1, 3)
    families: tuple[Callable[[], nn.Module], ...] = (
        partial(resnet.ResNet, resnet.BasicBlock, [1, 0, 0, 0], num_classes=classes),  # fc
        partial(ShuffleNetV2, [1, 1, 1], [wide, wide, wide, wide, wide], num_classes=classes),  # fc
        partial(DenseNet, 4, (1, 1), wide, num_classes=classes),  # classifier
        partial(MobileNetV2, classes, 0.25, [[1, 8, 1, 1], [6, wide, 1, 2]]),  # classifier.1
        partial(vgg.build, "8 M 8 M", batch_norm=source.random() < 0.5, num_classes=classes, hidden=wide),  # .6
        partial(VisionTransformer, 32, 16, 1, 2, wide, 8, num_classes=classes),  # heads.head
    )
    return scrambled(source.choice(families), source.getrandbits(32))


def optimizer(source: random.Random) -> Callable[..., torch.optim.Optimizer]:
    """A network's parameters → an optimizer. None of them steps far where a gradient is 0 but for rounding."""
    rate = source.choice((0.05, 0.1, 0.3))
    return source.choice((
        partial(torch.optim.SGD, lr=rate), partial(torch.optim.SGD, lr=rate, momentum=0.9),
        partial(torch.optim.SGD, lr=rate, weight_decay=0.01), partial(torch.optim.Adam, lr=rate / 10, eps=0.1),
    ))  # fmt: skip


def training(source: random.Random) -> tuple[nn.Module, list[tuple[Tensor, Tensor]]]:
    """A network with BatchNorm, in either mode, and two or three batches of numbers (B, values) with their labels."""
    values, hidden, classes, count = (source.randint(*ends) for ends in ((4, 12), (4, 10), (2, 6), (4, 9)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(source.getrandbits(32))
        norm = nn.BatchNorm1d(hidden)
        net = nn.Sequential(nn.Linear(values, hidden, bias=False), norm, nn.ReLU(), nn.Linear(hidden, classes))
    if norm.running_var is not None:
        norm.running_var.fill_(source.uniform(3, 6))  # far from what the batches have: the two modes differ
    batches = []
    for _ in range(source.randint(2, 3)):
        labels = [source.randrange(classes) for _ in range(count)]
        batches.append((tensor(source, count, values, scale=2.0), torch.tensor(labels)))
    return net.train(source.random() < 0.3), batches
