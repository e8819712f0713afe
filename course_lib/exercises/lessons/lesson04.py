"""The exercises of lesson 04, VGG cfgs. Each solution is the code that ``.solution()`` shows and the tests run."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import get_model

from course_lib.exercises.checks import convolution_checks, random_arguments
from course_lib.exercises.checks.layer_checks import LAYERS_PROPERTIES, check_column_c, check_make_layers
from course_lib.exercises.engine.exercise import exercise
from course_lib.exercises.engine.requirements import Wrong, call, need_function, need_number, need_shape
from course_lib.exercises.engine.variants import Variants, spelled
from course_lib.networks import vgg


# -- 1: a shape, token by token ----------------------------------------------------------------------------------------
@exercise(
    id="04_trace_cfg",
    title="A shape, token by token",
    minutes=3,
    difficulty="mild",
    cell_name="traced",
    hints=[
        "A 3×3 convolution with padding 1 keeps height and width. Its token says how many channels come out.",
        "An M halves height and width, rounding down, and keeps the channels.",
        "100 → 50 → 25 → 12 high. And 50?",
    ],
    praise="The last number in the list decides the channels, and the M's alone decide height and width.",
    variants=Variants(
        lambda source: {"rows": source.randint(13, 33) * 4, "columns": source.randint(8, 30) * 8 + 2,
                        "last": source.choice((96, 160, 192, 256))},
        "3×{rows}×{columns} ", "64, 64, M, {last}, M",
        lambda rows, columns, last: f"{rows} → {rows // 2} → {rows // 4} → {rows // 8} high. And {columns}?",
    ),
)  # fmt: skip
def trace_cfg(*, rows: int = 100, columns: int = 50, last: int = 128) -> tuple[int, ...]:
    """A picture through 3×3 convolutions with padding 1 (numbers) and 2×2 pools (M)."""
    channels, height, width = 3, rows, columns
    for token in (32, "M", 64, 64, "M", last, "M"):
        if isinstance(token, int):
            channels = token  # 3×3 with padding 1: height and width stay
        else:
            height, width = height // 2, width // 2
    return channels, height, width


@trace_cfg.checker
def _(answer: Any, rows: int, columns: int, last: int) -> None:
    shape = need_shape(answer)
    right = vgg.steps([32, "M", 64, 64, "M", last, "M"], (3, rows, columns))[-1].shape  # of a trace
    if shape == right:
        return
    if len(shape) == 4 and shape[1:] == right:
        raise Wrong("Nearly: leave the batch out. The answer has three numbers, channels first.")
    if len(shape) != 3:
        raise Wrong(f"{shape} has {len(shape)} numbers, but a map has three: channels, height and width.")
    if shape == (*right[1:], right[0]):
        raise Wrong(
            "The numbers are right, but in another order: PyTorch puts the channels first, then height and width."
        )
    if shape == (right[0], right[2], right[1]):
        raise Wrong(f"Height and width are swapped: the picture is {rows} high and {columns} wide.")
    if shape == (right[0], -(-rows // 8), -(-columns // 8)):
        odd = columns // 2  # in every variant
        raise Wrong(f"Only whole 2×2 windows count: {odd} cells give {odd // 2}, and the last cell is left out.")
    if shape == (right[0], rows // 4, columns // 4):
        raise Wrong("That's after two pools, but there are three. The last M counts too.")
    if shape[1:] == right[1:]:
        raise Wrong(
            f"Height and width are right, but there aren't {shape[0]} channels: which number is the last in the list?"
        )
    if shape[0] == right[0]:
        raise Wrong(
            f"The channels are right, but {shape[1]} and {shape[2]} aren't height and width: only an M halves them."
        )
    raise Wrong(f"{shape} isn't right. A number sets the channels; an M halves height and width and rounds down.")


# -- 2: a convolution over a row ---------------------------------------------------------------------------------------
@exercise(
    id="04_conv1d",
    title="A convolution over a row, from strides",
    minutes=5,
    difficulty="medium",
    hints=[
        "A window of k cells has n − k + 1 places on a row of n. Each place becomes one row of your table of windows.",
        "row.as_strided(size, stride) takes the shape of the view, and for each of its axes how far one step goes in "
        "memory. Both axes of the table move along the same row: one step to the next window, one to the next cell.",
        "row.as_strided((n - k + 1, k), (step, step)) with step = row.stride(0). Then windows @ kernel.",
    ],
    praise="No number was copied: the table of windows is a second way to look at the same memory.",
    check=convolution_checks.check_conv1d,
)
def conv1d(row: Tensor, kernel: Tensor) -> Tensor:
    """(n,) and (k,) → (n − k + 1,): the products of each window and the kernel, summed."""
    n, k, step = len(row), len(kernel), row.stride(0)
    windows = row.as_strided((n - k + 1, k), (step, step))  # (places, k)
    return windows @ kernel


conv1d.hidden_cases(convolution_checks.row_and_kernel, count=15, tolerance=1e-4)


# -- 3: a convolution over maps ----------------------------------------------------------------------------------------
@exercise(
    id="04_conv2d",
    title="A convolution over maps",
    minutes=10,
    difficulty="hard",
    hints=[
        "The view has six axes: picture, channel, the window's row and column, and then row and column inside it.",
        "maps.stride() gives four steps: to the next picture, channel, row and column. The last two are used twice.",
        "maps.as_strided((B, C, H - k + 1, W - k + 1, k, k), (b, c, down, right, down, right)), then "
        'torch.einsum("bchwij,ocij->bohw", windows, weight).',
    ],
    praise="One line of einsum is the whole formula: it sums over c, i and j, and keeps b, o, h and w.",
    check=convolution_checks.check_conv2d,
)
def conv2d(maps: Tensor, weight: Tensor) -> Tensor:
    """(B, C, H, W) and (O, C, k, k) → (B, O, H − k + 1, W − k + 1)."""
    batch, channels, height, width = maps.shape
    k = weight.shape[-1]
    b, c, down, right = maps.stride()
    size = (batch, channels, height - k + 1, width - k + 1, k, k)
    windows = maps.as_strided(size, (b, c, down, right, down, right))
    return torch.einsum("bchwij,ocij->bohw", windows, weight)


conv2d.hidden_cases(convolution_checks.maps_and_weight, count=10, tolerance=1e-3)


# -- 4: stride, padding and bias ---------------------------------------------------------------------------------------
@exercise(
    id="04_convolve",
    title="Stride, padding and bias",
    minutes=6,
    difficulty="medium",
    hints=[
        "Pad first: make a tensor of zeros with 2·padding more rows and columns, and put the maps in its middle.",
        "With a stride, the window's steps get longer, and the steps inside the window stay as they are.",
        "There are (H + 2·padding − k) // stride + 1 places along an axis. The view's strides are (b, c, stride·down, "
        "stride·right, down, right). The bias needs two more axes: bias[:, None, None].",
    ],
    praise="That's nn.Conv2d without groups and dilation, and a VGG needs nothing more.",
    check=convolution_checks.check_convolve,
)
def convolve(maps: Tensor, weight: Tensor, bias: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
    """(B, C, H, W), (O, C, k, k) and (O,) → (B, O, h, w), as torch's own convolution."""
    batch, channels, height, width = maps.shape
    k = weight.shape[-1]
    padded = torch.nn.functional.pad(maps, [padding] * 4)
    b, c, down, right = padded.stride()
    h, w = ((n + 2 * padding - k) // stride + 1 for n in (height, width))
    windows = padded.as_strided((batch, channels, h, w, k, k), (b, c, stride * down, stride * right, down, right))
    return torch.einsum("bchwij,ocij->bohw", windows, weight) + bias[:, None, None]


convolve.hidden_cases(convolution_checks.layer_arguments, count=10, tolerance=1e-3)


# -- 5: a max pool -----------------------------------------------------------------------------------------------------
@exercise(
    id="04_max_pool",
    title="A max pool, and what its padding holds",
    minutes=5,
    difficulty="medium",
    hints=[
        "The windows are the same as in the convolution. Then take the maximum of each: windows.amax((-2, -1)).",
        "With zeros as padding, the largest of −3, −5 and 0 is 0, which isn't in the map. Which number never wins?",
        'maps.new_full(size, float("-inf")) makes the padded tensor; the rest is as in the convolution.',
    ],
    praise="Zeros would have won against negative numbers; minus infinity never wins.",
    check=convolution_checks.check_max_pool,
)
def max_pool(maps: Tensor, k: int, stride: int, padding: int = 0) -> Tensor:
    """(B, C, H, W) → (B, C, h, w): the largest number in each k×k window."""
    batch, channels, height, width = maps.shape
    padded = torch.nn.functional.pad(maps, [padding] * 4, value=float("-inf"))
    b, c, down, right = padded.stride()
    h, w = ((n + 2 * padding - k) // stride + 1 for n in (height, width))
    windows = padded.as_strided((batch, channels, h, w, k, k), (b, c, stride * down, stride * right, down, right))
    return windows.amax((-2, -1))


max_pool.hidden_cases(convolution_checks.pool_arguments, count=10, tolerance=0)


# -- 6: a whole VGG by hand --------------------------------------------------------------------------------------------
@exercise(
    id="04_small_vgg",
    title="A whole VGG from your own layers",
    background="In a cfg, a number is a 3×3 convolution with padding 1 and that many channels, followed by a "
    'ReLU, and "M" is a 2×2 max pool with stride 2. `features` counts every layer, ReLUs and '
    "pools too.",
    minutes=10,
    difficulty="hard",
    hints=[
        "Go through the tokens and keep count of the layers: a number stands for two of them, convolution and ReLU, an "
        '"M" for one. The count gives the key: f"features.{place}.weight".',
        "convolve(maps, weight, bias, padding=1) and .relu() for a number, max_pool(maps, 2, 2) for an M.",
        "Then maps.flatten(1), and three linear layers: x @ weight.T + bias for classifier.0, .3 and .6, with a ReLU "
        "after the first two. Dropout does nothing in eval mode.",
    ],
    praise="Every number on the way was computed by lines that you wrote. No layer of torch.nn took part.",
    check=convolution_checks.check_small_vgg,
    hidden_check=convolution_checks.check_small_vgg,
)
def small_vgg(cfg: Sequence[int | str], weights: Mapping[str, Tensor], maps: Tensor) -> Tensor:
    """A cfg, a state dict of torchvision's VGG and pictures (B, 3, H, W), which end as 7×7 maps → logits."""
    place = 0  # in nn.Sequential, which numbers the ReLUs, too
    for token in cfg:
        if token == "M":
            maps, place = max_pool(maps, 2, 2), place + 1
        else:
            weight, bias = weights[f"features.{place}.weight"], weights[f"features.{place}.bias"]
            maps, place = convolve(maps, weight, bias, padding=1).relu(), place + 2
    x = maps.flatten(1)  # (B, channels · 7 · 7)
    for place in (0, 3, 6):
        x = x @ weights[f"classifier.{place}.weight"].T + weights[f"classifier.{place}.bias"]
        x = x.relu() if place < 6 else x
    logits: Tensor = x
    return logits


# -- 7: where the parameters are ---------------------------------------------------------------------------------------
#: Networks with three linear layers behind the last map: how the name is written, the sum, and what it comes to.
_BIG_HEADS = {
    "vgg16": ("VGG16", "25088·4096 + 4096 + 4096·4096 + 4096 + 4096·1000 + 1000, of 138,357,544", "Nine in ten"),
    "vgg11": ("VGG11", "25088·4096 + 4096 + 4096·4096 + 4096 + 4096·1000 + 1000, of 132,863,336", "Over nine in ten"),
    "vgg13": ("VGG13", "25088·4096 + 4096 + 4096·4096 + 4096 + 4096·1000 + 1000, of 133,047,848", "Over nine in ten"),
    "vgg19": ("VGG19", "25088·4096 + 4096 + 4096·4096 + 4096 + 4096·1000 + 1000, of 143,667,240", "Six in seven"),
    "alexnet": ("AlexNet", "9216·4096 + 4096 + 4096·4096 + 4096 + 4096·1000 + 1000, of 61,100,840", "24 in 25"),
}


@exercise(
    id="04_head_share",
    title="Where the parameters are",
    minutes=5,
    difficulty="mild",
    cell_name="percent",
    hints=[
        "The three linear layers are vgg16().classifier, the convolutions vgg16().features.",
        "sum(p.numel() for p in model.classifier.parameters()), and the same for the whole model.",
        "25088·4096 + 4096 + 4096·4096 + 4096 + 4096·1000 + 1000, of 138,357,544.",
    ],
    praise="Nine in ten parameters sit behind the last pool. Later networks use an average there instead.",
    variants=Variants(
        lambda source: {"name": source.choice([*_BIG_HEADS][1:])},
        "`{name}`", "{name}().", lambda name: f"{_BIG_HEADS[name][0]}'s head", lambda name: _BIG_HEADS[name][1],
        lambda name: _BIG_HEADS[name][2],
    ),
)  # fmt: skip
def head_share(*, name: str = "vgg16") -> float:
    """The three linear layers' share of all parameters, in percent."""
    with torch.device("meta"):  # shapes without memory
        model = get_model(name)
    head = sum(parameter.numel() for parameter in model.classifier.parameters())
    return float(100 * head / sum(parameter.numel() for parameter in model.parameters()))


@head_share.checker
def _(answer: Any, name: str) -> None:
    percent, right = need_number(answer), head_share(name=name)
    if abs(percent - right) <= 0.1:
        return
    if abs(percent - right / 100) <= 0.002:
        raise Wrong("That's the share from 0 to 1. As a percentage it's a hundred times as much.")
    if abs(percent - (100 - right)) <= 0.1:
        raise Wrong("That's the convolutions' share. The question asks for the rest.")
    with torch.device("meta"):
        weights = [weight for weight in get_model(name).parameters() if weight.dim() > 1]
    sizes = [weight.numel() for weight in weights if weight.dim() == 2]
    if abs(percent - right * sizes[0] / sum(sizes)) <= 0.1:
        raise Wrong("That's the first linear layer alone, the largest of the three. Add the other two.")
    if abs(percent - 100 * 3 / len(weights)) <= 0.1:
        raise Wrong(f"Three of {spelled(len(weights))} is their share of the layers. Count their parameters instead.")
    side = "That's too low, like most people's guess" if percent < right else "That's too high"
    raise Wrong(
        f"{side}. Sum p.numel() over model.classifier.parameters(), and divide by the sum over the whole model."
    )


# -- 8: a cfg under a budget -------------------------------------------------------------------------------------------
@exercise(
    id="04_cfg_under_budget",
    title="Your own, under a budget",
    background='A cfg is a list such as `[64, "M", 128]`. A number is a 3×3 convolution with padding 1 and that '
    'many channels, and "M" is a 2×2 max pool with stride 2. The first convolution reads 3 '
    "channels.",
    minutes=8,
    difficulty="medium",
    cell_name="cfg",
    hints=[
        'Start from cfg = vgg.COLUMNS["A"]: vgg.steps(cfg) says what each token costs. Which one costs most?',
        "Halve the channels, in and out, and a quarter of the weights is left.",
        "A pool costs nothing and doubles what every later kernel adds to the field. Five of them make 7×7 of 224×224.",
    ],
    praise="The places of the pools decide field and maps, and the widths decide the price.",
)
def cfg_under_budget() -> list[int | str]:
    """Column A at half its widths: a quarter of its parameters, the same field, the same maps."""
    return [token // 2 if isinstance(token, int) else token for token in vgg.COLUMNS["A"]]


@cfg_under_budget.checker
def _(answer: Any) -> None:
    if not isinstance(answer, (list, tuple, str)):
        raise Wrong(
            f'The answer is a cfg, such as [64, "M", 128], but you gave a value of type {type(answer).__name__}.'
        )
    try:
        steps = vgg.steps(answer)
    except vgg.CfgError as error:
        raise Wrong(str(error)) from error
    parameters, field, smallest = steps[-1].total_parameters, steps[-1].field, min(steps[-1].shape[1:])
    if smallest < 4:
        raise Wrong(f"Its last map is {smallest}×{smallest}, but it should be at least 4×4. Take a pool away.")
    if parameters > 5_000_000:
        raise Wrong(f"It has {parameters:,} parameters, more than 5 million. Which convolution has the most?")
    if field < 100:
        raise Wrong(f"A cell of its last map sees {field} pixels in a row, and 100 are needed. What makes it see more?")


# -- 9: the size of a map ----------------------------------------------------------------------------------------------
@exercise(
    id="04_output_size",
    title="The size of a map",
    minutes=5,
    difficulty="mild",
    hints=[
        "Put the window at the left end of the padded row. How many cells are left to its right?",
        "The padded row has n + 2p cells, and the window covers d(k − 1) + 1 of them.",
        "The window can take (cells that are left) // s steps, and there's one more place than there are steps.",
    ],
    praise="This one line gives you the size of every map in this course.",
)
def output_size(n: int, k: int, s: int, p: int, d: int) -> int:
    """n cells, a kernel of k cells d apart, stride s, p cells of padding on either side → how many come out."""
    reach = d * (k - 1) + 1  # from the kernel's first cell to its last
    return (n + 2 * p - reach) // s + 1


@output_size.checker
def _(answer: Any) -> None:
    need_function(answer)
    for n, k, s, p, d in (
        (5, 3, 1, 0, 1), (9, 3, 1, 2, 1), (224, 7, 2, 3, 1), (56, 1, 2, 0, 1), (14, 3, 1, 2, 2), (7, 7, 3, 0, 1),
        (20, 5, 3, 1, 3), (112, 3, 2, 1, 1),
    ):  # fmt: skip
        case = f"n={n}, k={k}, s={s}, p={p}, d={d}"
        kernel = torch.empty(1, 1, 1, k, device="meta")
        truth = nn.functional.conv2d(torch.empty(1, 1, 1, n, device="meta"), kernel, None, s, (0, p), d).shape[-1]
        value = need_number(call(answer, n, k, s, p, d, case=case))
        if value == truth:
            continue
        if truth < value < truth + 1:
            raise Wrong(f"On {case} you gave {value:g}: use //, which rounds down, because only whole windows count.")
        if d > 1 and value == (n + 2 * p - d * k) // s + 1:
            raise Wrong(f"On {case} d·k counts one gap too many: k cells have k − 1 gaps.")
        if value == truth - 1:
            raise Wrong(f"On {case} it should be {truth}, not {value:g}: the window's first place counts too.")
        if d > 1 and value == (n + 2 * p - k) // s + 1:
            raise Wrong(f"On {case} the dilation is left out: the kernel spans {d * (k - 1) + 1} cells.")
        if value == (n + p - d * (k - 1) - 1) // s + 1:
            raise Wrong(f"On {case} the padding is counted once, but it's on both sides.")
        raise Wrong(f"On {case} torch's convolution gives {truth}, and your function {value:g}.")


output_size.hidden_cases(random_arguments.layer, count=20, tolerance=0)


# -- 10: the field of a stack ------------------------------------------------------------------------------------------
@exercise(
    id="04_stack_field",
    title="What a stack sees",
    minutes=8,
    difficulty="medium",
    hints=[
        "Draw two 3×3 layers in one dimension: how many pixels are under the three cells that the second one looks at?",
        "Each layer adds kernel − 1 steps. How many pixels long is a step?",
        "A step is as long as all strides before this layer, multiplied.",
    ],
    praise="Two 3×3 layers see as much as one 5×5, and three as much as a 7×7. After a pool they reach twice as far.",
)
def stack_field(layers: Sequence[tuple[int, int]]) -> int:
    """[(kernel, stride), …] → how many pixels in a row one cell at the end sees; 1 where the list is empty."""
    field, jump = 1, 1  # a pixel sees itself, and its neighbour is one pixel away
    for kernel, stride in layers:
        field += (kernel - 1) * jump
        jump *= stride
    return field


_STACKS: tuple[list[tuple[int, int]], ...] = (
    [(3, 1)], [(3, 1), (3, 1)], [(3, 1), (3, 1), (3, 1)], [(5, 1), (3, 1)], [(3, 2), (5, 3), (3, 1)],
    [(3, 1), (2, 2), (5, 1)], [(7, 2), (3, 2), (3, 1), (3, 3), (1, 1)], [(3, 1), (3, 1), (2, 2), (3, 1), (2, 2)], [],
)  # fmt: skip


@stack_field.checker
def _(answer: Any) -> None:
    need_function(answer)
    for layers in _STACKS:
        case, truth = f"{layers}" if layers else "an empty list, where a cell sees 1 pixel, itself,", _needed(layers)
        value = need_number(call(answer, list(layers), case=case))
        if value == truth:
            continue
        if len(layers) > 1 and value == math.prod(kernel for kernel, _ in layers):
            raise Wrong(
                f"On {case} you multiplied the kernels, but each layer only adds its kernel − 1 to what is seen."
            )
        if len(layers) > 1 and value == sum(kernel for kernel, _ in layers):
            raise Wrong(f"On {case} you added up the kernels, but windows overlap: each adds one less than its kernel.")
        if value == truth - 1:
            raise Wrong(
                f"On {case} it should be {truth}, not {value:g}: before any layer a cell sees one pixel, not none."
            )
        if value == 1 + sum(kernel - 1 for kernel, _ in layers):
            raise Wrong(
                f"On {case} the strides are left out. Behind one, cells lie further apart, so it should be {truth}."
            )
        if value == _late(layers):
            raise Wrong(f"On {case} a layer's stride widens its own kernel; it should widen those after it: {truth}.")
        if value == _needed(layers[::-1]):
            raise Wrong(f"On {case} you began with the last layer, but a stride widens what comes after it: {truth}.")
        raise Wrong(f"On {case} one cell sees {truth} pixels in a row, and your function says {value:g}.")


def _needed(layers: Sequence[tuple[int, int]]) -> int:
    """The shortest row that gives one cell, from the end backwards: another way than the solution's."""
    row = 1
    for kernel, stride in reversed(layers):
        row = (row - 1) * stride + kernel
    return row


def _late(layers: Sequence[tuple[int, int]]) -> int:
    field, jump = 1, 1
    for kernel, stride in layers:
        jump *= stride
        field += (kernel - 1) * jump
    return field


stack_field.hidden_cases(lambda source: (random_arguments.stack(source),), count=15, tolerance=0)


# -- 11: cfg to layers -------------------------------------------------------------------------------------------------
@exercise(
    id="04_make_layers",
    title="From a cfg to layers",
    minutes=12,
    difficulty="hard",
    hints=[
        "Go through the tokens and append layers to a list; remember how many channels the last convolution gives.",
        'A number: nn.Conv2d(in_channels, token, 3, padding=1), a BatchNorm2d if asked for, nn.ReLU(). "M": '
        "nn.MaxPool2d(2, 2).",
        "After each convolution: in_channels = token. At the end: nn.Sequential(*layers).",
    ],
    praise="The weights of vgg11 and vgg13_bn fit. torchvision makes its own VGGs with a function just like this.",
    properties=LAYERS_PROPERTIES,
    check=check_make_layers,
    hidden_check=check_make_layers,
)
def make_layers(cfg: Sequence[int | str], batch_norm: bool = False) -> nn.Sequential:
    """A number: 3×3 convolution (and BatchNorm) and ReLU; "M": 2×2 max pooling."""
    layers: list[nn.Module] = []
    in_channels = 3
    for token in cfg:
        if token == "M":
            layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
            continue
        out_channels = int(token)
        layers.append(nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1))
        if batch_norm:
            layers.append(nn.BatchNorm2d(out_channels))
        layers.append(nn.ReLU())
        in_channels = out_channels
    return nn.Sequential(*layers)


# -- 12: column C ------------------------------------------------------------------------------------------------------
class ColumnC(nn.Module):
    """The paper's column C: like VGG16, with a 1×1 convolution at the end of stages 3, 4 and 5."""

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        in_channels = 3
        for width, kernels in ((64, (3, 3)), (128, (3, 3)), (256, (3, 3, 1)), (512, (3, 3, 1)), (512, (3, 3, 1))):
            for kernel in kernels:
                layers += [nn.Conv2d(in_channels, width, kernel, padding=kernel // 2), nn.ReLU()]
                in_channels = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(4096, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.features(x))  # (B, 512, 7, 7)
        logits: Tensor = self.classifier(x.flatten(1))  # (B, num_classes)
        return logits


column_c = exercise(
    id="04_column_c",
    title="Column C, which torchvision doesn't have",
    minutes=12,
    difficulty="hard",
    hints=[
        "Stages 1 and 2 have two 3×3 each; stages 3, 4 and 5 have two 3×3 and a 1×1. A pool follows each stage.",
        "A 1×1 convolution needs no padding: kernel // 2 gives 1 for 3 and 0 for 1. A ReLU follows it, too.",
        "Behind self.features: AdaptiveAvgPool2d((7, 7)), flatten(1), then 25088 → 4096 → 4096 → classes with ReLU and "
        "Dropout between them.",
    ],
    praise="You've built a column with 134 million parameters that torchvision leaves out.",
    check=check_column_c,
    hidden_check=check_column_c,
)(ColumnC)


# -- 13: the price of a field ------------------------------------------------------------------------------------------
@exercise(
    id="04_stack_parameters",
    title="The price of a field",
    minutes=5,
    difficulty="mild",
    hints=[
        "How many 3×3 layers see 5 pixels, and how many see 7?",
        "One convolution from C to C channels has C·C kernels of 3·3 weights.",
    ],
    praise="For a field of 7 that's 27·C² weights instead of 49·C², and two more ReLUs at no extra cost.",
)
def stack_parameters(field: int, channels: int) -> int:
    """Weights of as many 3×3 convolutions as see ``field`` pixels, all with ``channels`` in and out, no biases."""
    layers = (field - 1) // 2  # 1 + 2 for each
    return layers * 3 * 3 * channels * channels


@stack_parameters.checker
def _(answer: Any) -> None:
    need_function(answer)
    for field, channels in ((3, 1), (7, 8), (5, 64), (11, 16), (3, 512)):
        case = f"a field of {field} and {channels} channels"
        layers = [nn.Conv2d(channels, channels, 3, bias=False, device="meta") for _ in range(3, field + 1, 2)]
        truth = sum(weight.numel() for layer in layers for weight in layer.parameters())
        value = need_number(call(answer, field, channels, case=case))
        if value == truth:
            continue
        for wrong, sentence in (
            (field * field * channels * channels, f"that is one {field}×{field} convolution, which the stack replaces"),
            (truth + len(layers) * channels, "you counted biases; leave them out"),
            (
                len(layers) * 9 * channels,
                "every kernel reads all channels: multiply by the channels in and by those out",
            ),
            (len(layers) * 9, "that is one kernel for each layer: multiply by the channels, in and out"),
            (9 * channels * channels, f"that is one layer, and {field} pixels take {len(layers)} of them"),
            (field // 3 * 9 * channels * channels, "kernels overlap: a 3×3 adds two pixels, not three"),
        ):
            if value == wrong:
                raise Wrong(f"On {case} it should be {truth}, not {value:g}: {sentence}.")
        raise Wrong(f"On {case} the convolutions hold {truth} weights, and your function says {value:g}.")


def _field_and_channels(source: random.Random) -> tuple[int, int]:
    return 2 * source.randint(1, 9) + 1, source.randint(1, 200)


stack_parameters.hidden_cases(_field_and_channels, tolerance=0)
