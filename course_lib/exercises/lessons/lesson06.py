"""The exercises of lesson 06, fully convolutional. Each solution is what ``.solution()`` shows and the tests run.

Boxes are (left, top, right, bottom) in pixels; right and bottom are the first column and row outside, as everywhere in
the course. torchvision's own functions and torch's gradients are the oracles.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models import resnet18
from torchvision.models.alexnet import AlexNet
from torchvision.models.vgg import VGG

from course_lib.exercises.checks import random_arguments
from course_lib.exercises.checks.fcn_checks import (
    LINEAR_PROPERTIES,
    check_body_and_head,
    check_box_of,
    check_iou,
    check_linear_to_conv,
)
from course_lib.exercises.engine.exercise import exercise
from course_lib.exercises.engine.requirements import Wrong, call, need_function, need_number, need_shape
from course_lib.exercises.engine.variants import Variants, spelled

#: Heights and widths of videos beside the lesson's.
_FRAMES = [(480, 640), (480, 864), (576, 720), (576, 1024), (600, 800), (768, 1024), (960, 1280), (1080, 1920),
           (1200, 1600), (1440, 2560)]  # fmt: skip


# -- 1: a linear layer as a convolution --------------------------------------------------------------------------------
@exercise(
    id="06_linear_to_conv",
    title="A linear layer is a convolution",
    background="Behind a flatten, a linear layer gives every value of the map a weight of its own. A convolution "
    "whose kernel is as large as the map computes the same sums, and accepts larger maps, too. A "
    "flatten goes through channels, then rows, then columns.",
    minutes=8,
    difficulty="hard",
    hints=[
        "A kernel as large as the map fits in only one place, and there each value has a weight of its own.",
        "nn.Conv2d(channels, linear.out_features, (height, width)). flatten goes by channels, rows, columns.",
        "with torch.no_grad(): conv.weight.copy_(linear.weight.view(conv.weight.shape)), and the bias likewise.",
    ],
    praise="It makes the same products and sums. And it takes larger maps, where the linear layer has to stop.",
    properties=LINEAR_PROPERTIES,
    check=check_linear_to_conv,
    hidden_check=check_linear_to_conv,
)
def linear_to_conv(linear: nn.Linear, channels: int, height: int, width: int) -> nn.Conv2d:
    """The linear layer behind the flatten of a map of channels×height×width, as a convolution on the map itself."""
    conv = nn.Conv2d(channels, linear.out_features, (height, width), bias=linear.bias is not None)
    with torch.no_grad():
        conv.weight.copy_(linear.weight.view(linear.out_features, channels, height, width))
        if conv.bias is not None:
            conv.bias.copy_(linear.bias)
    return conv


def _halvings(cells: int) -> list[int]:
    """A number of rows or columns, halved five times and rounded up: 430, 215, 108, 54, 27, 14."""
    return [cells, *(-(-cells // 2**times) for times in range(1, 6))]


# -- 2: the shape of a response map ------------------------------------------------------------------------------------
@exercise(
    id="06_map_shape",
    title="The shape of the map",
    background="Take ResNet18, replace `avgpool` by `nn.AvgPool2d(7)` and `fc` by a 1×1 convolution to 1000 "
    "classes, and leave out the flatten: the network then takes pictures of any size, and gives a map "
    "of logits. Its first convolution, its max-pool, and the first blocks of `layer2`, `layer3` and "
    "`layer4` each halve height and width, and round up.",
    minutes=4,
    difficulty="mild",
    cell_name="wide_shape",
    hints=[
        "Five layers have stride 2; with their padding a map of n cells becomes one of (n + 1) // 2.",
        "430 → 215 → 108 → 54 → 27 → 14. And 900?",
        "How many windows of 7 fit into 14 cells, and how many into the width? Batch and classes come first.",
    ],
    praise="Eight answers from one forward pass, and nothing was squashed or cropped.",
    variants=Variants(
        lambda source: {"high": source.choice((654, 878, 1102)), "wide": source.randint(23, 44) * 32 + 4},
        "picture that is {high} pixels high and {wide} pixels wide",
        lambda high, wide: f"{' → '.join(map(str, _halvings(high)))}. And {wide}?",
        lambda high, wide: f"fit into {_halvings(high)[-1]} cells",
        lambda high, wide: (
            f"{spelled(_halvings(high)[-1] // 7 * (_halvings(wide)[-1] // 7)).capitalize()} answers from"
        ),
    ),
)
def map_shape(*, high: int = 430, wide: int = 900) -> tuple[int, ...]:
    """One picture through ResNet18 with AvgPool2d(7) and a 1×1 convolution to 1000 classes."""
    height, width = high, wide
    for _ in range(5):  # conv1, the max-pool and the first blocks of layer2, 3 and 4 halve, and round up
        height, width = (height + 1) // 2, (width + 1) // 2
    return 1, 1000, height // 7, width // 7  # a window of the pool must fit whole


@lru_cache(maxsize=4)
def _true_map_shape(high: int, wide: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shapes before and behind the pool, of the live network on meta."""
    with torch.device("meta"):
        body = nn.Sequential(*list(resnet18().children())[:-2])
        features = body(torch.empty(1, 3, high, wide))
        logits = nn.Conv2d(512, 1000, 1)(nn.AvgPool2d(7)(features))
    return tuple(features.shape), tuple(logits.shape)


@map_shape.checker
def _(answer: Any, high: int, wide: int) -> None:
    shape = need_shape(answer)
    (_, _, height, width), right = _true_map_shape(high, wide)
    if shape == right:
        return
    if shape == right[1:]:
        raise Wrong("Nearly: one picture goes in, so a batch of 1 comes first.")
    if len(shape) != 4:
        raise Wrong(f"{shape} has {len(shape)} numbers, but the map has four: batch, classes, rows, columns.")
    if shape == (*right[:2], right[3], right[2]):
        raise Wrong(f"Rows and columns are swapped: the picture is {high} high and {wide} wide.")
    if shape[1] == 10:
        raise Wrong("Ten classes are those of the course's weights. This network has 1000.")
    if shape[1] != right[1]:
        raise Wrong(f"{shape[1]} isn't the number of channels: the 1×1 convolution gives one for each class.")
    if shape[2:] == (1, 1):
        raise Wrong("1×1 is what an adaptive pool would give. This pool has a window of 7×7, which slides.")
    if shape[2:] == (height, width):
        raise Wrong(f"{height}×{width} is the map before the pool.")
    if shape[2:] == (height - 6, width - 6):
        raise Wrong("That's a pool with stride 1. AvgPool2d(7) steps 7 cells at a time.")
    if shape[2:] == (high // 224, wide // 224):
        raise Wrong(f"{high} // 224 forgets the rounding: five strides of 2 round up, so {height} rows reach the pool.")
    raise Wrong(f"{shape[2]}×{shape[3]} isn't right. Halve five times, rounding up; then count whole windows of 7.")


# -- 3: the winning cell -----------------------------------------------------------------------------------------------
@exercise(
    id="06_winning_cell",
    title="The winning cell",
    background="A network that accepts pictures of any size gives a map: in every one of its h×w cells, a "
    "probability for each class.",
    minutes=5,
    difficulty="medium",
    hints=[
        "First over the classes: best, classes = probabilities[0].max(dim=0) gives two maps of h×w.",
        "best.amax(dim=1) is the maximum of each row; its argmax is the row. The column likewise, over dim=0.",
    ],
    praise="Row maxima and column maxima are all you need to find the camel.",
)
def winning_cell(probabilities: Tensor) -> tuple[int, int, int]:
    """(1, classes, h, w) → class, row and column of the highest probability of all."""
    best, classes = probabilities[0].max(dim=0)  # (h, w) each: in every cell the best class, and its index
    row = int(best.amax(dim=1).argmax())
    column = int(best.amax(dim=0).argmax())
    return int(classes[row, column]), row, column


@winning_cell.checker
def _(answer: Any) -> None:
    need_function(answer)
    for classes, height, width, seed in ((10, 1, 4, 4), (10, 4, 1, 1), (6, 3, 5, 2), (1000, 5, 9, 3), (3, 8, 4, 4)):
        case = f"a map of {classes} classes and {height}×{width} cells"
        torch.manual_seed(seed)
        probabilities = torch.randn(1, classes, height, width).softmax(dim=1)
        truth = tuple(int(n) for n in np.unravel_index(int(probabilities[0].argmax()), (classes, height, width)))
        value = _three_numbers(call(answer, probabilities.clone(), case=case), case)
        if value == truth:
            continue
        if value == (truth[1], truth[2], truth[0]):
            raise Wrong(f"On {case} the numbers are right, but in another order: class, row, column.")
        if value == (truth[0], truth[2], truth[1]):
            raise Wrong(f"On {case} row and column are swapped: rows are counted from top to bottom.")
        if value[0] == truth[0]:
            raise Wrong(f"On {case} the class is right, but its cell is ({truth[1]}, {truth[2]}), not {value[1:]}.")
        if value[0] == int(probabilities[0].mean((1, 2)).argmax()):
            raise Wrong(f"On {case} you took the class that is best on average, but the best single cell counts.")
        raise Wrong(f"On {case} the highest probability belongs to class {truth[0]}, not to class {value[0]}.")


def _three_numbers(value: Any, case: str) -> tuple[int, ...]:
    if not isinstance(value, (tuple, list, Tensor)) or len(value) != 3:
        told = "nothing: is the return missing?" if value is None else "something else."
        raise Wrong(f"On {case} your function should give three numbers, (class, row, column), but it gives {told}")
    return tuple(int(need_number(number, whole=True)) for number in value)


def _probabilities(source: random.Random) -> tuple[Tensor]:
    shape = source.randint(2, 20), source.choice((1, source.randint(2, 9))), source.choice((1, source.randint(2, 9)))
    return (random_arguments.tensor(source, 1, *shape, scale=2.0).softmax(dim=1),)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, Tensor) else value


winning_cell.hidden_cases(_probabilities, tolerance=0, result=_plain)


# -- 4: the box of a score map -----------------------------------------------------------------------------------------
@exercise(
    id="06_box_of",
    title="From a score map to a box",
    minutes=6,
    difficulty="medium",
    hints=[
        "scores >= threshold is a mask. Which rows have anything true in them? Which columns?",
        "mask.any(dim=1).nonzero() are those rows: the first is top, the last plus one is bottom.",
        "Columns, with dim=0, give left and right. No row at all: return None.",
    ],
    praise="torchvision.ops.masks_to_boxes does the same, with right and bottom inside the box.",
    check=check_box_of,
)
def box_of(scores: Tensor, threshold: float) -> tuple[int, int, int, int] | None:
    """(H, W) → (left, top, right, bottom) around all cells that reach the threshold, the ends outside; None if none."""
    reached = scores >= threshold
    rows = reached.any(dim=1).nonzero()
    columns = reached.any(dim=0).nonzero()
    if len(rows) == 0:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


box_of.hidden_cases(random_arguments.score_map, count=20, tolerance=0, result=_plain)


# -- 5: how good is a box ----------------------------------------------------------------------------------------------
@exercise(
    id="06_iou",
    title="How good is a box",
    minutes=6,
    difficulty="medium",
    hints=[
        "The shared part reaches from the larger of the two lefts to the smaller of the two rights. The same in y.",
        "If that width or height is negative, they share nothing, even if both are negative.",
        "The union is one area plus the other, minus the shared part.",
    ],
    praise="torchvision.ops.box_iou does the same for many pairs of boxes. From 0.5, a box usually counts as a hit.",
    check=check_iou,
)
def iou(box: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes (left, top, right, bottom): 1 for the same box, 0 where they do not meet."""
    lefts, tops, rights, bottoms = zip(box, other, strict=True)
    width = min(rights) - max(lefts)
    height = min(bottoms) - max(tops)
    shared = width * height if width > 0 and height > 0 else 0
    areas = [(right - left) * (bottom - top) for left, top, right, bottom in (box, other)]
    return shared / (sum(areas) - shared)


iou.hidden_cases(random_arguments.boxes, count=40)


# -- 6: how many windows -----------------------------------------------------------------------------------------------
@exercise(
    id="06_count_windows",
    title="How many windows",
    background="A classifier that takes 224×224 pixels looks at a larger picture window by window, with one "
    "forward pass for each.",
    minutes=4,
    difficulty="mild",
    cell_name="windows",
    hints=[
        "Across, the first window starts at 0, and the last one at 1280 − 224. How many steps of 16 fit between?",
        "As in lesson 04, there are (n − k) // s + 1 places: n = 1280, k = 224, s = 16. Then the same for the rows.",
    ],
    praise="That many forward passes for a single frame, although two neighbours share thirteen fourteenths of their "
    "pixels.",
    variants=Variants(
        lambda source: dict(zip(("height", "width"), source.choice(_FRAMES), strict=True)),
        "{height}×{width}", "one at {width} − 224", "n = {width}",
    ),
)  # fmt: skip
def count_windows(*, height: int = 720, width: int = 1280) -> int:
    """Windows of 224×224, 16 pixels apart, that lie inside a frame."""
    down = (height - 224) // 16 + 1
    across = (width - 224) // 16 + 1
    return down * across


@count_windows.checker
def _(answer: Any, height: int, width: int) -> None:
    number = need_number(answer, whole=True)
    down, across = torch.empty(height, width, device="meta").unfold(0, 224, 16).unfold(1, 224, 16).shape[:2]
    if number == (down - 1) * (across - 1):
        raise Wrong("Those are the steps. The window's first place counts too, down and across.")
    if number == down + across:
        raise Wrong("Each place down goes with each place across: multiply.")
    if number in ((height // 16) * (width // 16), -(-height // 16) * -(-width // 16)):
        raise Wrong("That lets windows hang over the edge: the last one starts 224 pixels before the end.")
    if number in ((height // 224) * (width // 224), -(-height // 224) * -(-width // 224)):
        raise Wrong("Those are windows side by side; these are 16 pixels apart and overlap.")
    if number == 156:
        raise Wrong(
            f"That's the lesson's picture, 387×1024 with a window every 32 pixels. This frame is {height}×{width}."
        )
    if number != down * across:
        raise Wrong(f"{number:.0f} isn't right: how many steps of 16 fit between the first place and the last?")


# -- 7: what a cell sees -----------------------------------------------------------------------------------------------
@exercise(
    id="06_cell_field",
    title="What a cell sees",
    minutes=8,
    difficulty="hard",
    hints=[
        "Begin at the end: the cell sees itself, first = last = cell. Then layer by layer back to the picture.",
        "Cell n of a layer with stride s and padding p starts at n·s − p of the map before it.",
        "So first = first * stride - padding and last = last * stride - padding + kernel - 1, layers in reverse.",
    ],
    praise="Lesson 04 gave the width of a field; this gives its place, for any cell.",
)
def cell_field(layers: Sequence[tuple[int, int, int]], cell: int) -> tuple[int, int]:
    """[(kernel, stride, padding), …] and a cell of the last map → the first and the last pixel that it sees."""
    first = last = cell
    for kernel, stride, padding in reversed(layers):
        first = first * stride - padding
        last = last * stride - padding + kernel - 1
    return first, last


_LAYERS: tuple[tuple[tuple[tuple[int, int, int], ...], int, str], ...] = (
    (((3, 1, 0),), 0, "one 3×3"),
    (((3, 1, 1),), 0, "one 3×3 with padding"),
    (((2, 2, 0),), 5, "one 2×2 pool"),
    (((3, 1, 1), (3, 1, 1)), 4, "two 3×3"),
    (((7, 2, 3), (3, 2, 1)), 3, "the stem of a ResNet"),
    (((3, 2, 0), (5, 3, 2), (1, 1, 0), (2, 2, 1)), 2, "four layers"),
    (((7, 2, 3), (3, 2, 1), (3, 2, 1), (3, 2, 1), (3, 2, 1), (7, 7, 0)), 1, "strides as in ResNet18, and its pool"),
)


@cell_field.checker
def _(answer: Any) -> None:
    need_function(answer)
    for layers, cell, name in _LAYERS:
        case, truth = f"cell {cell} of {name}, {list(layers)},", _seen(layers, cell)
        value = _two_numbers(call(answer, list(layers), cell, case=case), case)
        if value == truth:
            continue
        told = f"the cell sees pixels {truth[0]} to {truth[1]}, not {value[0]} to {value[1]}"
        if value == (truth[0], truth[1] + 1):
            raise Wrong(f"On {case} {told}: last is a pixel that it still sees, not the first one outside.")
        if value == (max(truth[0], 0), truth[1]):
            raise Wrong(f"On {case} {told}: a negative number says how far it reaches into the padding; keep it.")
        if value == cell_field(layers[::-1], cell):
            raise Wrong(f"On {case} {told}: go from the cell back to the picture, so the last layer comes first.")
        if value == cell_field([(kernel, stride, 0) for kernel, stride, _ in layers], cell):
            raise Wrong(f"On {case} {told}: padding moves the first window to the left, out of the picture.")
        if value[1] - value[0] == truth[1] - truth[0]:
            raise Wrong(f"On {case} {told}: the width is right, but the place isn't.")
        raise Wrong(f"On {case} {told}.")


def _seen(layers: Sequence[tuple[int, int, int]], cell: int) -> tuple[int, int]:
    """Asked of live convolutions: where a row of pixels has a gradient, for a cell far from any edge."""
    jump, row = 1, torch.zeros(1, 1, 2000, requires_grad=True)
    x: Tensor = row
    for kernel, stride, padding in layers:
        x = nn.functional.conv1d(x, torch.ones(1, 1, kernel), stride=stride, padding=padding)
        jump *= stride
    middle = x.shape[-1] // 2
    (gradient,) = torch.autograd.grad(x[0, 0, middle], row)
    pixels = gradient[0, 0].nonzero()
    shift = (middle - cell) * jump
    return int(pixels[0]) - shift, int(pixels[-1]) - shift


def _two_numbers(value: Any, case: str) -> tuple[int, ...]:
    if not isinstance(value, (tuple, list, Tensor)) or len(value) != 2:
        told = "nothing: is the return missing?" if value is None else "something else."
        raise Wrong(f"On {case} your function should give two numbers, (first, last), but it gives {told}")
    return tuple(int(need_number(number, whole=True)) for number in value)


def _layers_and_cell(source: random.Random) -> tuple[list[tuple[int, int, int]], int]:
    layers = [
        (kernel, stride, source.randint(0, kernel // 2)) for kernel, stride in random_arguments.stack(source, least=1)
    ]
    return layers, source.randint(0, 12)


cell_field.hidden_cases(_layers_and_cell, count=15, tolerance=0, result=_plain)


# -- 8: a VGG or AlexNet by hand ---------------------------------------------------------------------------------------
@exercise(
    id="06_vgg_by_hand",
    title="VGG and AlexNet by hand",
    background="`linear_to_conv(linear, channels, height, width)` turns the linear layer behind the flatten of "
    "such a map into a convolution. VGG's map is 7×7 in front of the flatten, AlexNet's 6×6.",
    minutes=12,
    difficulty="hard",
    hints=[
        "Three parts: model.features stays, model.avgpool goes, every nn.Linear in model.classifier is replaced.",
        "The first linear layer reads side×side cells, side = model.avgpool.output_size[0]; the others 1×1.",
        "Its channels: linear.in_features // (side * side). Then nn.Sequential(model.features, *layers).",
    ],
    praise="It works for every VGG and for AlexNet, and dropout stays where it was.",
    check=check_body_and_head,
    hidden_check=check_body_and_head,
)
def vgg_by_hand(model: VGG | AlexNet) -> nn.Sequential:
    """torchvision's VGG or AlexNet without its flatten: a map of logits for a picture of any size."""
    side = model.avgpool.output_size[0]  # 7 for VGG, 6 for AlexNet
    head = []
    for layer in model.classifier:
        if isinstance(layer, nn.Linear):
            layer = linear_to_conv(layer, layer.in_features // side**2, side, side)
            side = 1  # behind the first of them a window has become one cell
        head.append(layer)
    return nn.Sequential(model.features, *head)
