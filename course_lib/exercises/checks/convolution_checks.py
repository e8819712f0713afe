"""Checks of convolutions, pools and a whole VGG that a learner builds from strides, beside torch's own.

A wrong result is compared with what common slips give (a kernel turned round, a bias left out, zeros as a pool's
padding), so that the slip is named; otherwise the first cell that differs is.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.exercises.checks.module_checks import scrambled
from course_lib.exercises.checks.random_arguments import tensor
from course_lib.exercises.engine.requirements import Wrong, call, need_function, need_tensor
from course_lib.networks import vgg

__all__ = [
    "check_conv1d",
    "check_conv2d",
    "check_convolve",
    "check_max_pool",
    "check_small_vgg",
    "layer_arguments",
    "maps_and_weight",
    "pool_arguments",
    "row_and_kernel",
]

#: The sentence on a slip → what it would give; None where the slip cannot be computed.
_Slips = Mapping[str, Tensor | None]


def _agree(value: Tensor, truth: Tensor) -> bool:
    return value.shape == truth.shape and torch.allclose(value, truth, rtol=1e-3, atol=1e-4)


def _compare(value: Any, truth: Tensor, case: str, slips: _Slips) -> None:
    """Raise with the slip that gives this value, or with the first cell that differs."""
    if isinstance(value, Tensor) and not _agree(value, truth):
        for sentence, wrong in slips.items():
            if wrong is not None and _agree(value, wrong):
                raise Wrong(f"On {case}: {sentence}")
    value = need_tensor(value, tuple(truth.shape), case=case)
    if not _agree(value, truth):
        far = ((value - truth).abs() > 1e-4 + 1e-3 * truth.abs()) | value.isnan()
        cell = tuple(int(place) for place in far.nonzero()[0]) if bool(far.any()) else ()
        mine, right = float(value[cell]), float(truth[cell])
        raise Wrong(
            f"On {case} the shape is right, but {int(far.sum())} of {far.numel()} numbers aren't. The first of them, "
            f"at {list(cell)}, should be {right:.4g}, but it is {mine:.4g}."
        )


def _untouched(given: Tensor, before: Tensor, case: str) -> None:
    if not torch.equal(given, before):
        raise Wrong(f"On {case} your function changed its input: a view made with as_strided shares the memory.")


# -- a row ------------------------------------------------------------------------------------------------------------
def _correlated(row: Tensor, kernel: Tensor, padding: int = 0) -> Tensor:
    return F.conv1d(row.view(1, 1, -1), kernel.view(1, 1, -1), padding=padding).flatten()


def check_conv1d(answer: Any) -> None:
    """Check a learner's ``conv1d(row, kernel)``, also on a row whose cells do not lie side by side in memory."""
    need_function(answer)
    source = random.Random(4)
    long = tensor(source, 24)
    for case, row, k in (
        ("7 cells and a kernel of 3", tensor(source, 7), 3),
        ("5 cells and a kernel of 5", tensor(source, 5), 5),
        ("6 cells and a kernel of 1", tensor(source, 6), 1),
        ("a row made of every second cell of a longer one", long[1::2], 4),
        ("a row that is a column of a table", long.view(6, 4)[:, 2], 2),
    ):
        kernel, before = tensor(source, k), row.clone()
        truth = _correlated(row.contiguous(), kernel)
        value = call(answer, row, kernel, case=case)
        _untouched(row, before, case)
        side_by_side = row.as_strided((len(truth), k), (1, 1)) @ kernel
        slips: _Slips = {
            "your kernel is flipped. A mathematician's convolution does that, but a network's doesn't.": (
                _correlated(row.contiguous(), kernel.flip(0))
            ),
            "you assumed that a step in memory is 1. These cells are further apart: use row.stride(0).": side_by_side,
            "there is padding in it. Only whole windows count, so n cells give n − k + 1.": (
                _correlated(row.contiguous(), kernel, k // 2)
            ),
            "the last window is missing: a window of k fits on n cells in n − k + 1 positions.": truth[:-1],
        }
        _compare(value, truth, case, slips)


def row_and_kernel(source: random.Random) -> tuple[Tensor, Tensor]:
    """A row, often a view with a step of its own, and a kernel that fits."""
    step, n = source.choice((1, 2, 3)), source.randint(1, 20)
    row = tensor(source, n * step + 2)[source.randint(0, 2) :][::step][:n]
    return row, tensor(source, source.randint(1, len(row)))


# -- maps -------------------------------------------------------------------------------------------------------------
def check_conv2d(answer: Any) -> None:
    """Check a learner's ``conv2d(maps, weight)``, also on maps that are a view with an order of axes of its own."""
    need_function(answer)
    source = random.Random(5)
    for case, maps, weight in (
        ("1×1×5×5 and one 3×3 kernel", tensor(source, 1, 1, 5, 5), tensor(source, 1, 1, 3, 3)),
        ("2×3×6×9 and a 4×3×3×3 weight", tensor(source, 2, 3, 6, 9), tensor(source, 4, 3, 3, 3)),
        ("2×3×4×4 and 1×1 kernels", tensor(source, 2, 3, 4, 4), tensor(source, 5, 3, 1, 1)),
        ("channels-last maps, which are in a different order in memory", tensor(source, 2, 5, 6, 3).permute(0, 3, 1, 2),
         tensor(source, 2, 3, 3, 3)),
    ):  # fmt: skip
        before, k = maps.clone(), weight.shape[-1]
        value = call(answer, maps, weight, case=case)
        _untouched(maps, before, case)
        slips: _Slips = {
            "the kernels are flipped; a network's convolution uses them as they are.": F.conv2d(
                maps, weight.flip(-1, -2)
            ),
            "rows and columns of the kernels are swapped.": F.conv2d(maps, weight.mT),
            "there is padding in it. That comes in the next exercise; here only whole windows count.": (
                F.conv2d(maps, weight, padding=k // 2)
            ),
            "you only read the first channel. Every kernel has a slice for each channel, and all are summed.": (
                F.conv2d(maps[:, :1], weight[:, :1])
            ),
            "you used the strides of contiguous maps. maps.stride() tells you how these lie in memory.": (
                _as_if_contiguous(maps, weight)
            ),
        }
        _compare(value, F.conv2d(maps, weight), case, slips)


def _as_if_contiguous(maps: Tensor, weight: Tensor) -> Tensor:
    return F.conv2d(maps.as_strided(maps.shape, torch.empty(maps.shape, device="meta").stride()), weight)


def maps_and_weight(source: random.Random) -> tuple[Tensor, Tensor]:
    """Maps in either order of axes, and a weight that fits."""
    channels, k = source.randint(1, 4), source.choice((1, 2, 3, 5))
    height, width = source.randint(k, 9), source.randint(k, 9)
    maps = tensor(source, source.randint(1, 3), channels, height, width)
    if source.random() < 0.5:
        maps = maps.contiguous(memory_format=torch.channels_last)
    return maps, tensor(source, source.randint(1, 4), channels, k, k)


def check_convolve(answer: Any) -> None:
    """Check a learner's ``convolve(maps, weight, bias, stride, padding)`` beside ``torch.nn.functional.conv2d``."""
    need_function(answer)
    source = random.Random(6)
    for size, k, stride, padding in (((5, 5), 3, 1, 0), ((6, 9), 3, 1, 1), ((7, 8), 3, 2, 1), ((9, 5), 1, 2, 0),
                                     ((4, 6), 5, 3, 2)):  # fmt: skip
        maps, weight, bias = tensor(source, 2, 3, *size), tensor(source, 4, 3, k, k), tensor(source, 4)
        case, before = f"{size[0]}×{size[1]} maps, k={k}, stride={stride}, padding={padding}", maps.clone()
        value = call(answer, maps, weight, bias, stride, padding, case=case)
        _untouched(maps, before, case)
        one_side = F.pad(maps, (0, padding, 0, padding))
        slips: _Slips = {
            "the bias is left out.": F.conv2d(maps, weight, None, stride, padding),
            "the stride isn't used: the window moves one cell at a time.": F.conv2d(maps, weight, bias, 1, padding),
            "the padding isn't used.": F.conv2d(maps, weight, bias, stride) if min(size) >= k else None,
            "the padding is only on the right and at the bottom; it belongs on all four sides.": (
                F.conv2d(one_side, weight, bias, stride) if min(one_side.shape[-2:]) >= k else None
            ),
        }
        _compare(value, F.conv2d(maps, weight, bias, stride, padding), case, slips)
    case = "the defaults, stride=1 and padding=0"
    small = weight[..., :3, :3]
    _compare(call(answer, maps, small, bias, case=case), F.conv2d(maps, small, bias), case, {})


def layer_arguments(source: random.Random) -> tuple[Any, ...]:
    """Maps, weight, bias, stride and padding of a layer whose window fits; now and then without the last two."""
    channels, out = source.randint(1, 4), source.randint(1, 4)
    k, padding = source.choice((1, 2, 3, 5)), source.randint(0, 2)
    height, width = source.randint(k, 10), source.randint(k, 10)
    maps = tensor(source, source.randint(1, 2), channels, height, width)
    layer = maps, tensor(source, out, channels, k, k), tensor(source, out)
    return layer if source.random() < 0.25 else (*layer, source.randint(1, 3), padding)


# -- a pool -----------------------------------------------------------------------------------------------------------
def check_max_pool(answer: Any) -> None:
    """Check a learner's ``max_pool(maps, k, stride, padding)`` on maps with many negative numbers."""
    need_function(answer)
    source = random.Random(7)
    for size, k, stride, padding in (((4, 6), 2, 2, 0), ((5, 7), 2, 2, 0), ((6, 6), 3, 1, 0), ((7, 8), 3, 2, 1)):
        maps = tensor(source, 2, 3, *size) - 1.5
        case, before = f"{size[0]}×{size[1]} maps, k={k}, stride={stride}, padding={padding}", maps.clone()
        value = call(answer, maps, k, stride, padding, case=case)
        _untouched(maps, before, case)
        slips: _Slips = {
            "the padding holds zeros, and a zero wins against negative numbers. Which number can never win?": (
                F.max_pool2d(F.pad(maps, (padding,) * 4), k, stride)
            ),
            "that's the average of each window, not its largest number.": F.avg_pool2d(maps, k, stride, padding),
            "the padding isn't used.": F.max_pool2d(maps, k, stride),
            "the stride isn't used: the window moves one cell at a time.": F.max_pool2d(maps, k, 1, padding),
            "you also count windows that hang over the edge; only whole windows count.": (
                F.max_pool2d(maps, k, stride, padding, ceil_mode=True)
            ),
        }
        _compare(value, F.max_pool2d(maps, k, stride, padding), case, slips)
    _compare(call(answer, maps, 2, 2, case="without padding"), F.max_pool2d(maps, 2, 2), "without padding", {})


def pool_arguments(source: random.Random) -> tuple[Tensor, int, int, int]:
    """Maps below 0 for the most part, window, stride and a padding of at most half the window."""
    k = source.choice((1, 2, 3, 4))
    maps = tensor(source, source.randint(1, 2), source.randint(1, 3), source.randint(k, 9), source.randint(k, 9)) - 1
    return maps, k, source.randint(1, 3), source.randint(0, k // 2)


# -- a whole network --------------------------------------------------------------------------------------------------
def check_small_vgg(answer: Any, source: random.Random | None = None) -> None:
    """Check a learner's ``small_vgg(cfg, weights, maps)`` beside torchvision's ``VGG`` with the same weights.

    Args:
        answer: the learner's.
        source: draws cfgs and weights other than the open ones.

    Raises:
        Wrong: with what is missing.
    """
    need_function(answer)
    cfgs: list[list[int | str]] = [[4, "M", 6, 5, "M"], ["M", 5, "M", 3]]
    if source is not None:
        widths = [source.randint(2, 7) for _ in range(3)]
        cfgs = [[widths[0], "M", widths[1], "M", widths[2]], [widths[0], widths[1], "M", "M", widths[2], 3]]
    for cfg in cfgs:
        seed = source.getrandbits(32) if source else 4
        generator = torch.Generator().manual_seed(seed)
        model: Any = scrambled(partial(vgg.build, cfg, num_classes=5, hidden=9), seed)
        with torch.no_grad():
            for key, value in model.named_parameters():  # no bias is 0, and signals stay near 1
                if key.endswith("bias"):
                    value.uniform_(-0.5, 0.5, generator=generator)
                elif key.startswith("classifier"):
                    value.normal_(0, (2 / value.shape[1]) ** 0.5, generator=generator)
        weights, given = {key: value.clone() for key, value in model.state_dict().items()}, list(cfg)
        maps = tensor(source or random.Random(8), 2, 3, 28, 28)
        case, before = f"the cfg {cfg} and two pictures of 28×28", maps.clone()
        with torch.no_grad():
            value = call(answer, given, weights, maps, case=case)
            _untouched(maps, before, case)
            features, relus = model.features(maps), [0, 3, 6]
            slips: _Slips = {
                "you applied softmax; the answer is the logits.": model(maps).softmax(1),
                "a ReLU follows the last layer, but logits may be negative.": model(maps).relu(),
                "no ReLU follows the convolutions.": _logits(_linear_features(model, maps), weights, relus[:2]),
                "no ReLU follows the first two linear layers.": _logits(features, weights, []),
            }
            _compare(value, model(maps), case, slips)


def _linear_features(model: Any, maps: Tensor) -> Tensor:
    for layer in model.features:
        maps = maps if isinstance(layer, torch.nn.ReLU) else layer(maps)
    return maps


def _logits(maps: Tensor, weights: Mapping[str, Tensor], relus: list[int]) -> Tensor:
    x = maps.flatten(1)
    for place in (0, 3, 6):
        x = F.linear(x, weights[f"classifier.{place}.weight"], weights[f"classifier.{place}.bias"])
        x = x.relu() if place in relus else x
    return x
