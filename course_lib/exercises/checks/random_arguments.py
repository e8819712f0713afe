"""Arguments for hidden cases: tensors, pictures, shapes, layers and networks, drawn from a source of random numbers.

What is drawn hangs on the source alone: the same seed draws the same, and torch's and numpy's own random numbers are
left as they are. It knows nothing about exercises; a lesson says which of these its functions are given.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torchvision.models import DenseNet, MobileNetV2, ShuffleNetV2, VisionTransformer, resnet

from course_lib.exercises.checks.module_checks import scrambled
from course_lib.networks import vgg

__all__ = [
    "block_arguments",
    "boxes",
    "bytes_of",
    "cfg",
    "classifier",
    "distinct",
    "layer",
    "optimizer",
    "picture",
    "pixels",
    "score_map",
    "scored",
    "small_net",
    "stack",
    "state_dict",
    "tensor",
    "torch_seed",
    "training",
    "word",
]


def torch_seed(source: random.Random) -> torch.Generator:
    """torch's own source of random numbers, begun where this one stands."""
    return torch.Generator().manual_seed(source.getrandbits(63))


def tensor(source: random.Random, *shape: int, scale: float = 1.0) -> Tensor:
    """Normal values of a shape.

    Example:
        >>> tuple(tensor(random.Random(0), 2, 3).shape)
        (2, 3)
        >>> torch.equal(tensor(random.Random(0), 4), tensor(random.Random(0), 4))
        True
    """
    return torch.randn(shape, generator=torch_seed(source)) * scale


def distinct(source: random.Random, count: int, *, spread: float = 20.0, around: float = 0.0) -> Tensor:
    """Values of which no two are alike or nearly so, in any order: (count,).

    Args:
        source: of random numbers.
        count: at most 1000.
        spread: from the smallest that there may be to the largest.
        around: the middle.

    Example:
        >>> values = distinct(random.Random(0), 5).sort().values
        >>> bool((values.diff() > 0.019).all())
        True
    """
    steps = torch.tensor(source.sample(range(1000), count))
    return (steps / 1000 - 0.5) * spread + around


def scored(source: random.Random, *, most: int = 40) -> tuple[Tensor, Tensor]:
    """Logits (B, classes) without ties, and true classes (B,): now and then all right, or one single picture."""
    count, classes = source.choice((1, source.randint(2, most))), source.randint(2, 12)
    logits = torch.stack([distinct(source, classes) for _ in range(count)])
    share = source.choice((0.0, 0.5, 0.8, 1.0))
    best = logits.argmax(1).tolist()
    return logits, torch.tensor([k if source.random() < share else source.randrange(classes) for k in best])


def bytes_of(source: random.Random, *shape: int) -> NDArray[np.uint8]:
    """Bytes from 0 to 255, with an array's shape."""
    return np.random.default_rng(source.getrandbits(63)).integers(0, 256, shape, dtype=np.uint8)


def picture(source: random.Random, width: int, height: int) -> Image.Image:
    """An RGB picture of noise."""
    return Image.fromarray(bytes_of(source, height, width, 3))


def pixels(source: random.Random, *, least: int = 100, most: int = 360) -> tuple[int, int]:
    """Width and height: upright, lying, square, or four times as long as high."""
    first, second = source.randint(least, most), source.randint(least, most)
    return source.choice(((first, second), (first, first), (first, 4 * least), (4 * least, first)))


def small_net(source: random.Random, *, channels: int = 3) -> nn.Sequential:
    """Convolution, BatchNorm, Dropout and Linear, (B, channels, H, W) → (B, 2 to 6), its modules in mixed modes."""
    width, classes = source.randint(2, 8), source.randint(2, 6)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(source.getrandbits(63))
        net = nn.Sequential(
            nn.Conv2d(channels, width, 3), nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Dropout(0.5), nn.Linear(width, classes),
        )  # fmt: skip
    net.train(source.random() < 0.5)
    if source.random() < 0.5:
        net[source.choice((1, 5))].train(not net.training)
    return net


def block_arguments(source: random.Random, expansion: int, *, fits: float = 0.4) -> tuple[int, int, int]:
    """in_channels, planes and stride of a residual block; in so many cases of all a shortcut without a layer fits."""
    planes = 4 * source.randint(1, 4)
    if source.random() < fits:
        return planes * expansion, planes, 1
    return source.choice((planes, planes * expansion, 4 * source.randint(1, 8))), planes, source.choice((1, 2, 2, 3))


def layer(source: random.Random) -> tuple[int, int, int, int, int]:
    """n cells, kernel, stride, padding and dilation of a layer that has at least one place to stand.

    Example:
        >>> n, k, s, p, d = layer(random.Random(0))
        >>> n + 2 * p >= d * (k - 1) + 1
        True
    """
    k, s, d = source.randint(1, 7), source.randint(1, 4), source.choice((1, 1, 2, 3))
    p = source.choice((0, k // 2, source.randint(1, 4)))
    reach = d * (k - 1) + 1
    return source.randint(max(1, reach - 2 * p), reach + 60), k, s, p, d


def stack(source: random.Random, *, least: int = 0, most: int = 6) -> list[tuple[int, int]]:
    """Kernel and stride of layers in a row: no stride skips a cell."""
    kernels = [source.choice((1, 2, 3, 3, 5, 7)) for _ in range(source.randint(least, most))]
    return [(kernel, source.randint(1, min(kernel, 3))) for kernel in kernels]


def cfg(source: random.Random) -> list[int | str]:
    """Tokens of a small VGG, at least two numbers and at least one "M"; a map of 8×8 has room for all its pools."""
    tokens: list[int | str] = [source.randint(1, 12) for _ in range(source.randint(2, 5))]
    for _ in range(source.randint(1, 3)):
        tokens.insert(source.randint(0, len(tokens)), "M")
    return tokens


def word(source: random.Random, letters: int = 5) -> str:
    """A name of small letters.

    Example:
        >>> len(word(random.Random(0)))
        5
    """
    return "".join(source.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(letters))


def state_dict(source: random.Random, *, owner: str = "") -> dict[str, Tensor]:
    """Names and tensors as a small network has them: weights and biases, and a count of type int64.

    Args:
        source: of random numbers.
        owner: stands in the middle of some of the names.

    Example:
        >>> sorted({str(tensor.dtype) for tensor in state_dict(random.Random(0)).values()})
        ['torch.float32', 'torch.int64']
    """
    made: dict[str, Tensor] = {}
    for _ in range(source.randint(1, 4)):
        name = f"{word(source)}.{owner}" if owner and (not made or source.random() < 0.5) else word(source)
        rows, columns = source.randint(1, 5), source.randint(1, 6)
        made[f"{name}.weight"] = tensor(source, rows, columns)
        made[f"{name}.bias"] = tensor(source, rows)
    made[f"{word(source)}.seen"] = torch.tensor(source.randint(1, 99))
    return made


def score_map(source: random.Random) -> tuple[Tensor, float]:
    """Scores (H, W) and a threshold that some cells reach, some of them with its very value; now and then none does.

    Example:
        >>> scores, threshold = score_map(random.Random(0))
        >>> bool((scores * 16 == (scores * 16).round()).all())
        True
    """
    height, width, threshold = source.randint(1, 12), source.randint(1, 16), source.randint(-20, 40)
    scores = [[threshold - source.randint(1, 20) for _ in range(width)] for _ in range(height)]
    for _ in range(source.choice((0, 1, 2, 3, 6))):
        above = source.choice((0, 0, source.randint(1, 20)))
        scores[source.randrange(height)][source.randrange(width)] = threshold + above
    return torch.tensor(scores) / 16, threshold / 16


def boxes(source: random.Random) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Two boxes (left, top, right, bottom): the same, crossing, one in the other, touching or apart, on quarters.

    Example:
        >>> [box[0] < box[2] and box[1] < box[3] for box in boxes(random.Random(0))]
        [True, True]
    """
    grid = source.choice((1, 4))  # whole numbers, or quarters
    ends = []
    for _ in range(2):  # in x, then in y
        start, length = source.randint(0, 40), source.randint(2, 30)
        other = source.choice((length, length, source.randint(1, 30)))
        by_a_hair = (length - 1, length, length + 1, 1 - other, -other, -1 - other)  # cross, touch, stay apart
        gap = source.choice((0, 1, length // 2, length // 2, length + source.randint(2, 9), source.choice(by_a_hair)))
        ends.append((start, start + gap, start + length, start + gap + other))
    (left, left2, right, right2), (top, top2, bottom, bottom2) = ends
    pair = [(left, top, right, bottom), (left2, top2, right2, bottom2)]
    source.shuffle(pair)
    first, second = (tuple(n / grid if grid > 1 else n for n in box) for box in pair)
    return first, second


# -- networks to change and to train (lesson 07): a few thousand weights, quick to make --------------------------------
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
