"""Checks of lesson 06: a classifier's head as convolutions, the box around a score map, and the overlap of two boxes.

For a head the oracle is the layer or network that was given: on a map or picture of its own size the convolution must
give its numbers, and on a larger one those that it gives on every window. For boxes the oracles are torchvision's
``masks_to_boxes`` and ``box_iou``; right and bottom lie outside, as in all the course.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torchvision.models.alexnet import AlexNet
from torchvision.models.vgg import VGG, make_layers
from torchvision.ops import box_iou, masks_to_boxes

from course_lib.exercises.checks import random_arguments
from course_lib.exercises.checks.module_checks import build, scrambled
from course_lib.exercises.engine.credit import part
from course_lib.exercises.engine.requirements import Wrong, call, need_function, need_number, need_tensor
from course_lib.tracing.records import times

__all__ = ["LINEAR_PROPERTIES", "check_body_and_head", "check_box_of", "check_iou", "check_linear_to_conv"]

_SETTINGS, _WEIGHTS = "channels, kernel and bias fit the linear layer", "the weights stand in flatten's order"
_BIAS, _GIVEN = "the bias is copied", "the linear layer is left as it was"
#: What the check of a linear layer's convolution examines → its share of the points.
LINEAR_PROPERTIES = {_SETTINGS: 1, _WEIGHTS: 1, _BIAS: 1, _GIVEN: 1}

_CLOSE = 1e-4  # sums in another order
#: Channels, height and width of a map, how many numbers the linear layer gives, and whether it has a bias.
_LINEARS = ((8, 1, 1, 6, True), (3, 2, 4, 6, True), (2, 5, 5, 6, False))


# -- one layer --------------------------------------------------------------------------------------------------------
def check_linear_to_conv(answer: Any, source: random.Random | None = None) -> None:
    """Check a learner's ``linear_to_conv(linear, channels, height, width)``.

    Args:
        answer: the learner's.
        source: draws other layers and maps than the open ones.

    Raises:
        Wrong: with the property that fails.
    """
    need_function(answer)
    for channels, height, width, out, bias in _LINEARS if source is None else _drawn_linears(source):
        seed = source.getrandbits(32) if source else 0
        linear = cast(nn.Linear, scrambled(partial(nn.Linear, channels * height * width, out, bias=bias), seed))
        case = f"nn.Linear({linear.in_features}, {out}{'' if bias else ', bias=False'}) and maps of " + times(
            (channels, height, width)
        )
        before = {key: value.clone() for key, value in linear.state_dict().items()}
        conv = build(answer, linear, channels, height, width, case=case)
        with part(_GIVEN):
            if not _unchanged(linear, before):
                linear.load_state_dict(before)
                raise Wrong(
                    f"On {case} your function changed the linear layer that it was given; only read its weights."
                )
        if not isinstance(conv, nn.Conv2d):
            raise Wrong(f"On {case} your function should give an nn.Conv2d, not {type(conv).__name__}.")
        with part(_SETTINGS):
            _compare_settings(conv, linear, (channels, height, width), f"On {case}")
        with part(_WEIGHTS):
            _compare_weights(conv, linear, (channels, height, width), f"On {case}")
        with part(_BIAS):
            if conv.bias is not None and (linear.bias is None or not torch.equal(conv.bias.detach(), linear.bias)):
                raise Wrong(f"On {case} the weights are right, but the bias was not copied.")


def _drawn_linears(source: random.Random) -> Iterator[tuple[int, int, int, int, bool]]:
    for bias in (True, False, source.random() < 0.5):
        height, width = source.sample(range(1, 8), 2)
        yield source.randint(2, 8), height, width, source.randint(2, 12), bias


def _compare_settings(conv: nn.Conv2d, linear: nn.Linear, size: tuple[int, int, int], where: str) -> None:
    channels, height, width = size
    if (conv.in_channels, conv.out_channels) != (channels, linear.out_features):
        wanted, told = (
            f"{channels} channels to {linear.out_features}",
            f"{conv.in_channels} channels to {conv.out_channels}",
        )
        raise Wrong(f"{where} the convolution should go from {wanted}, but it goes from {told}.")
    if conv.kernel_size == (width, height) != (height, width):
        raise Wrong(f"{where} the kernel is {times(conv.kernel_size)}: height comes first, then width.")
    if conv.kernel_size != (height, width):
        wanted = f"as large as the map, {height}×{width}"
        raise Wrong(f"{where} the kernel should be {wanted}, but it is {times(conv.kernel_size)}.")
    plain = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
    for name, right in plain.items():
        if getattr(conv, name) != right:
            raise Wrong(f"{where} leave the {name} at {right}; yours is {getattr(conv, name)}.")
    if (conv.bias is None) != (linear.bias is None):
        told = "has one" if conv.bias is not None else "has none"
        raise Wrong(f"{where} only one of the two layers has a bias: the convolution {told}.")


def _compare_weights(conv: nn.Conv2d, linear: nn.Linear, size: tuple[int, int, int], where: str) -> None:
    channels, height, width = size
    right = linear.weight.detach().view(-1, channels, height, width)
    mine = conv.weight.detach()
    if mine.dtype != right.dtype or mine.device != right.device:
        raise Wrong(f"{where} the weights are {mine.dtype} on {mine.device}; {right.dtype} on {right.device} came in.")
    if not torch.equal(mine, right):
        alike = torch.equal(mine.flatten().sort().values, right.flatten().sort().values)
        told = "are there, but not in flatten's order" if alike else "aren't the linear layer's"
        raise Wrong(f"{where} the weights {told}; take linear.weight.view({', '.join(map(str, right.shape))}).")


def _unchanged(module: nn.Module, before: dict[str, Tensor]) -> bool:
    after = module.state_dict()
    return list(after) == list(before) and all(torch.equal(after[key], value) for key, value in before.items())


# -- a whole network --------------------------------------------------------------------------------------------------
def check_body_and_head(answer: Any, source: random.Random | None = None) -> None:
    """Check a learner's function from torchvision's VGG or AlexNet to a module that gives maps.

    Args:
        answer: the learner's.
        source: draws other networks, weights and sizes of pictures than the open ones.

    Raises:
        Wrong: with the property that fails.
    """
    need_function(answer)
    for name, make, side in (("a small VGG", _small_vgg, 7), ("a small AlexNet", _small_alexnet, 6)):
        model = scrambled(partial(make, source), source.getrandbits(32) if source else 0)
        before = {key: value.clone() for key, value in model.state_dict().items()}
        kinds = [type(layer) for layer in model.modules()]
        mine = build(answer, model, case=name)
        if not _unchanged(model, before) or [type(layer) for layer in model.modules()] != kinds:
            raise Wrong(f"On {name} your function changed the network that it was given; build a new one beside it.")
        if mine is model:
            raise Wrong(f"On {name} you returned the network itself, with its flatten; build a new one.")
        dropouts = [sum(isinstance(layer, nn.Dropout) for layer in net.modules()) for net in (model, mine)]
        if dropouts[0] != dropouts[1]:
            raise Wrong(f"On {name} there are {dropouts[1]} dropouts instead of {dropouts[0]}: training needs them.")
        mine.eval()
        down, across = (source.randint(0, 6), source.randint(0, 6)) if source else (2, 5)
        for cells in ((side, side), (side + down, side + across)):
            _compare_maps(mine, model, cells, side, name, source)


def _compare_maps(
    mine: nn.Module, model: Any, cells: tuple[int, int], side: int, name: str, source: random.Random | None = None
) -> None:
    height, width = (4 * n + 2 for n in cells)  # the small bodies make n cells of 4·n pixels and a little
    case = f"{name} and a picture of {height}×{width}"
    picture = random_arguments.tensor(source or random.Random(0), 1, 3, height, width)
    with torch.no_grad():
        features = model.features(picture)  # (1, C, *cells)
        windows = features.unfold(2, side, 1).unfold(3, side, 1)  # (1, C, h, w, side, side)
        rows, columns = windows.shape[2:4]
        parts = windows[0].permute(1, 2, 0, 3, 4).flatten(0, 1)  # (h·w, C, side, side)
        right = model.classifier(parts.flatten(1)).T.reshape(1, -1, rows, columns)
        value = call(mine, picture, case=case)
    if isinstance(value, Tensor) and value.shape == (1, right.shape[1]):
        raise Wrong(
            f"On {case} two dimensions are missing: a map has batch, classes, rows, columns. Leave the flatten out."
        )
    if isinstance(value, Tensor) and value.shape == (*right.shape[:2], 1, 1) != right.shape:
        raise Wrong(
            f"On {case} only one cell comes out, because the adaptive pool makes any map {side}×{side}. Drop it."
        )
    need_tensor(value, tuple(right.shape), case=case)
    if not torch.allclose(value, right, atol=_CLOSE, rtol=_CLOSE):
        gap = float((value - right).abs().max())
        raise Wrong(f"On {case} the shape is right, but cells differ from the classifier's answers by up to {gap:.2g}.")


def _small_vgg(source: random.Random | None) -> nn.Module:
    """torchvision's VGG with its own forward, its layers small."""
    with torch.device("meta"):
        model = VGG(nn.Sequential(), num_classes=5, init_weights=False)
    first, last = (source.randint(3, 9), source.randint(3, 9)) if source else (4, 6)
    model.features = make_layers([first, "M", last, "M"], batch_norm=bool(source and source.random() < 0.5))
    return _with_small_head(model, model.classifier, last * 7 * 7, source)


def _small_alexnet(source: random.Random | None) -> nn.Module:
    with torch.device("meta"):
        model = AlexNet(num_classes=5)
    first, last = (source.randint(3, 9), source.randint(3, 9)) if source else (4, 5)
    model.features = nn.Sequential(
        nn.Conv2d(3, first, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(first, last, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2),
    )  # fmt: skip
    return _with_small_head(model, model.classifier, last * 6 * 6, source)


def _with_small_head(
    model: nn.Module, head: nn.Sequential, values: int, source: random.Random | None = None
) -> nn.Module:
    """Its linear layers in their places, dropouts and ReLUs around them, with few values."""
    first, second, classes = (source.randint(4, 16) for _ in range(3)) if source else (12, 9, 5)
    places = [place for place, layer in enumerate(head) if isinstance(layer, nn.Linear)]
    for place, (into, out) in zip(places, ((values, first), (first, second), (second, classes)), strict=True):
        head[place] = nn.Linear(into, out)
    return model


# -- the box of a score map -------------------------------------------------------------------------------------------
def check_box_of(answer: Any) -> None:
    """Check a learner's function (scores, threshold) → box or None.

    Raises:
        Wrong: with the map, and what is wrong with its box.
    """
    need_function(answer)
    for rows, columns, threshold, case in (
        (slice(2, 6), slice(6, 14), 0.5, "a block of 4 rows and 8 columns"),
        (slice(4, 5), slice(3, 4), 0.25, "a single cell"),
        (slice(0, 10), slice(0, 16), 0.5, "a map that is high everywhere"),
        (slice(7, 10), slice(0, 2), 0.75, "a block in a corner"),
        (slice(0, 0), slice(0, 0), 0.5, "a map where no cell reaches the threshold"),
    ):
        scores = torch.full((10, 16), threshold - 0.2)
        scores[rows, columns] = threshold  # reaches it, no more
        scores[rows, columns][1:, 1:] += 0.2
        value = call(answer, scores.clone(), threshold, case=case)
        if not bool((scores >= threshold).any()):
            if value is not None:
                raise Wrong(f"On {case} there is no box: your function should return None.")
            continue
        _compare_boxes(value, _true_box(scores >= threshold), _true_box(scores > threshold), case)


def _true_box(mask: Tensor) -> tuple[int, ...]:
    if not bool(mask.any()):
        return ()
    left, top, right, bottom = (int(n) for n in masks_to_boxes(mask[None])[0])
    return left, top, right + 1, bottom + 1


def _compare_boxes(value: Any, truth: tuple[int, ...], strict: tuple[int, ...], case: str) -> None:
    if not isinstance(value, (tuple, list, Tensor)) or len(value) != 4:
        told = "None; is the return missing?" if value is None else "something else."
        raise Wrong(f"On {case} your function should give (left, top, right, bottom), but it gives {told}")
    box = tuple(need_number(number) for number in value)
    if box == truth:
        return
    if box == strict:
        raise Wrong(f"On {case} cells whose score equals the threshold are left out, but they reach it: use >=.")
    if box == (truth[1], truth[0], truth[3], truth[2]):
        raise Wrong(f"On {case} x and y are swapped: columns give left and right, rows top and bottom.")
    if box == (*truth[:2], truth[2] - 1, truth[3] - 1):
        raise Wrong(f"On {case} right and bottom are one too small: they are the first column and row outside the box.")
    if box == (*truth[:2], truth[2] - truth[0], truth[3] - truth[1]):
        raise Wrong(f"On {case} you gave width and height instead of right and bottom.")
    raise Wrong(f"On {case} the box is {truth}, not ({', '.join(f'{n:g}' for n in box)}).")


# -- two boxes --------------------------------------------------------------------------------------------------------
_Box = tuple[float, float, float, float]
_PAIRS: tuple[tuple[_Box, _Box, str], ...] = (
    ((0, 0, 4, 2), (0, 0, 4, 2), "the same box twice"),
    ((0, 0, 4, 2), (2, 0, 6, 2), "two boxes that overlap"),
    ((3, 1, 9, 11), (5, 4, 20, 8), "two boxes that cross"),
    ((10, 20, 90, 60), (30, 30, 50, 40), "a box inside another"),
    ((0, 0, 2, 2), (2, 0, 4, 2), "two boxes that touch"),
    ((0, 0, 2, 2), (5, 0, 7, 1), "two boxes side by side"),
    ((0, 0, 2, 2), (5, 7, 8, 9), "two boxes apart, one lower and to the right"),
    ((1.5, 0.5, 4, 3), (3.5, 2.25, 6.5, 5), "boxes with fractions"),
    ((0, 0, 2, 2), (2.5, 0, 4, 2), "two boxes half a pixel apart"),
    ((0, 0, 2, 2), (0, 2.5, 2, 4), "one box half a pixel under the other"),
)


def check_iou(answer: Any) -> None:
    """Check a learner's function (box, other) → intersection over union.

    Raises:
        Wrong: with the pair of boxes, and what was forgotten.
    """
    need_function(answer)
    for box, other, case in _PAIRS:
        corners = [torch.tensor([pair], dtype=torch.float64) for pair in (box, other)]
        truth = float(box_iou(*corners))
        value = need_number(call(answer, box, other, case=case))
        if abs(value - truth) <= 1e-6:
            continue
        width = min(box[2], other[2]) - max(box[0], other[0])
        height = min(box[3], other[3]) - max(box[1], other[1])
        first, second = ((b[2] - b[0]) * (b[3] - b[1]) for b in (box, other))
        if truth == 0:
            raise Wrong(
                f"On {case} it should be 0, not {value:g}: where width or height is negative, nothing is shared."
            )
        if abs(value - width * height) <= 1e-6:
            raise Wrong(f"On {case} you gave the shared area. Divide it by the area that both cover together.")
        if abs(value - width * height / (first + second)) <= 1e-6:
            raise Wrong(f"On {case} the sum of both areas counts the shared part twice: subtract it once.")
        if abs(value - width * height / max(first, second)) <= 1e-6:
            raise Wrong(
                f"On {case} you divided by the larger area, but the union also includes what only the other box covers."
            )
        raise Wrong(f"On {case}, {box} and {other}, it should be {truth:.4g}, but your function says {value:.4g}.")
