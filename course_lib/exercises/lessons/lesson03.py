"""The exercises of lesson 03, ResNet blocks. Each solution is the code that ``.solution()`` shows and the tests run.

The layers, blocks and the network carry torchvision's names (conv1, bn1, layer1 ...), so that its weights load into
them; the checks put the same weights into torchvision's own and compare.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torchvision.models import resnet
from torchvision.models import resnet18 as torchvision_resnet18

from course_lib.exercises.checks import random_arguments
from course_lib.exercises.checks.module_checks import build, load, need_own, same_output, scrambled
from course_lib.exercises.checks.norm_checks import NORM_PROPERTIES, check_batch_norm
from course_lib.exercises.checks.residual_checks import BLOCK_PROPERTIES, STAGE_PROPERTIES, check_block, check_stage
from course_lib.exercises.engine.credit import part
from course_lib.exercises.engine.exercise import exercise
from course_lib.exercises.engine.hidden_cases import compare_cases
from course_lib.exercises.engine.requirements import (
    Wrong,
    call,
    need_bool,
    need_choice,
    need_class,
    need_function,
    need_number,
)
from course_lib.exercises.engine.variants import Variants


# -- 1: BatchNorm ------------------------------------------------------------------------------------------------------
class BatchNorm2d(nn.Module):
    """torch's nn.BatchNorm2d under its names, (B, C, H, W) → (B, C, H, W) (Ioffe and Szegedy 2015)."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x: Tensor) -> Tensor:
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)  # (C,)
            with torch.no_grad():
                n = x.numel() / x.shape[1]
                self.running_mean += 0.1 * (mean - self.running_mean)
                self.running_var += 0.1 * (var * n / (n - 1) - self.running_var)
                self.num_batches_tracked += 1
        x = (x - mean[:, None, None]) / torch.sqrt(var[:, None, None] + 1e-5)
        return x * self.weight[:, None, None] + self.bias[:, None, None]


batch_norm = exercise(
    id="03_batch_norm",
    title="BatchNorm with both modes",
    background="In train mode, BatchNorm normalises every channel with the batch's mean and biased variance, "
    "taken over B, H and W. It also moves the running statistics a step of 0.1 (the momentum) towards "
    "the batch's mean and *unbiased* variance. In eval mode it normalises with the running "
    "statistics. Either way, $y = \\text{weight} \\cdot (x - \\mu) / \\sqrt{\\sigma^2 + \\epsilon} + "
    "\\text{bias}$.",
    minutes=10,
    difficulty="hard",
    cell_name="MyBatchNorm2d",
    hints=[
        "weight and bias are nn.Parameter; the other three are buffers: self.register_buffer(name, tensor).",
        "In train mode: x.mean((0, 2, 3)) and x.var((0, 2, 3), unbiased=False). In eval mode: the running ones.",
        "Under torch.no_grad(): running = 0.9 * running + 0.1 * new, with the new variance multiplied by n / (n - 1).",
        "A (C,) tensor meets (B, C, H, W) as tensor[:, None, None].",
    ],
    praise="Both modes agree with torch's, and so do the buffers after each batch.",
    properties=NORM_PROPERTIES,
    check=check_batch_norm,
    hidden_check=check_batch_norm,
)(BatchNorm2d)


# -- 2: which additions are legal -------------------------------------------------------------------------------------
@exercise(
    id="03_legal_add",
    title="Legal additions",
    minutes=2,
    difficulty="mild",
    cell_name="legal",
    hints=[
        "Compare the sizes pair by pair. Are they equal?",
        "Where one of the two sizes is 1, PyTorch repeats it until they fit. This is called broadcasting.",
    ],
    praise="D is the dangerous one: it raises no error, but it adds a single number per channel to the whole map.",
)
def legal_add() -> str:
    """The letters of the additions that PyTorch carries out."""
    pairs = {
        "A": ((8, 64, 56, 56), (8, 64, 56, 56)),
        "B": ((8, 64, 56, 56), (8, 128, 56, 56)),
        "C": ((8, 128, 28, 28), (8, 128, 56, 56)),
        "D": ((8, 128, 28, 28), (8, 128, 1, 1)),
    }
    legal = ""
    for letter, (left, right) in pairs.items():
        try:
            torch.empty(left, device="meta") + torch.empty(right, device="meta")  # shapes only
        except RuntimeError:
            continue
        legal += letter
    return legal


@legal_add.checker
def _(answer: Any) -> None:
    chosen, right = need_choice(answer, "ABCD"), set(legal_add.answer())
    if "B" in chosen:
        raise Wrong("B isn't legal: 64 and 128 channels can't be paired, and neither of them is 1.")
    if "C" in chosen:
        raise Wrong("C isn't legal: 28 and 56 rows can't be paired, and neither of them is 1.")
    if "A" not in chosen:
        raise Wrong("A is missing: where all sizes are equal, the sum works.")
    if chosen != right:
        raise Wrong(
            "One is missing: what does PyTorch do where one of two sizes is 1? The word for it is broadcasting."
        )


# -- 3: when a downsample is needed -----------------------------------------------------------------------------------
@exercise(
    id="03_needs_downsample",
    title="When a downsample is needed",
    background="A ResNet's block adds its input to what its convolutions make of it. They turn `in_channels` "
    "channels into `planes * expansion`, and divide height and width by `stride`. Where the two "
    "shapes differ, the shortcut needs a projection, which torchvision calls `downsample`.",
    minutes=4,
    difficulty="medium",
    hints=[
        "The sum needs equal shapes: channels, rows and columns.",
        "A block gives planes × expansion channels; a stride other than 1 changes rows and columns.",
    ],
    praise="torchvision's _make_layer has exactly this condition.",
)
def needs_downsample(in_channels: int, planes: int, stride: int, expansion: int) -> bool:
    """Whether x has another shape than what comes out of the block's residual path."""
    return stride != 1 or in_channels != planes * expansion


@needs_downsample.checker
def _(answer: Any) -> None:
    need_function(answer)
    for in_channels, planes, stride, expansion in (
        (64, 64, 1, 1), (64, 128, 2, 1), (64, 64, 2, 1), (64, 128, 1, 1), (64, 64, 1, 4), (256, 64, 1, 4),
        (256, 128, 2, 4), (512, 128, 2, 4), (512, 128, 1, 4), (128, 64, 1, 1), (512, 256, 1, 1),
    ):  # fmt: skip
        case = f"in_channels={in_channels}, planes={planes}, stride={stride}, expansion={expansion}"
        block = {1: resnet.BasicBlock, 4: resnet.Bottleneck}[expansion]
        truth = _shapes_differ(block, in_channels, planes, stride)
        value = need_bool(call(answer, in_channels, planes, stride, expansion, case=case), case=case)
        if value and not truth:
            raise Wrong(f"On {case} no downsample is needed: {in_channels} channels go in and out, and the map stays.")
        if truth and not value and in_channels != planes * expansion:
            out = planes * expansion
            raise Wrong(f"On {case} the channels do not fit: {in_channels} come in, planes × expansion = {out} go out.")
        if truth and not value:
            raise Wrong(f"On {case} the channels fit, but stride {stride} makes the map smaller than x.")


@lru_cache(maxsize=16)
def _shapes_differ(block: Any, in_channels: int, planes: int, stride: int) -> bool:
    """Asked of torchvision's live block: does its residual path change the shape of x?"""
    x = torch.empty(1, in_channels, 8, 8, device="meta")
    with torch.device("meta"):
        parts = block(in_channels, planes, stride).named_children()
        path = nn.Sequential(*(part for name, part in parts if name.startswith(("conv", "bn"))))
    return cast(bool, path(x).shape != x.shape)


def _block_sizes(source: random.Random) -> tuple[int, int, int, int]:
    expansion = source.choice((1, 4))
    return (*random_arguments.block_arguments(source, expansion), expansion)


needs_downsample.hidden_cases(_block_sizes, count=20)


# -- 4: the basic block -----------------------------------------------------------------------------------------------
class BasicBlock(nn.Module):
    """Two 3×3 convolutions and the shortcut around them (He et al. 2015, figure 5 left)."""

    expansion = 1

    def __init__(self, in_channels: int, planes: int, stride: int = 1, downsample: nn.Module | None = None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W)
        shortcut = x if self.downsample is None else self.downsample(x)
        out = torch.relu(self.bn1(self.conv1(x)))  # (B, planes, H/stride, W/stride)
        out = self.bn2(self.conv2(out))
        return torch.relu(out + shortcut)


basic_block = exercise(
    id="03_basic_block",
    title="BasicBlock",
    background="A ResNet's BasicBlock has two 3×3 convolutions with padding 1 and without bias, each followed by "
    "a BatchNorm. The first one goes from `in_channels` to `planes` and takes the stride, and a ReLU "
    "stands between the two. Then the shortcut is added, which is x or, where there is one, "
    "`downsample(x)`. A last ReLU follows.",
    minutes=10,
    difficulty="hard",
    cell_name="MyBasicBlock",
    hints=[
        "In __init__: super().__init__(), then conv1, bn1, conv2, bn2, and store the downsample you are given.",
        "Both convolutions are 3×3 with padding=1 and bias=False; only conv1 takes the stride.",
        "conv1, bn1, relu, conv2, bn2, then add the shortcut, then relu. The shortcut is x, or self.downsample(x).",
    ],
    praise="With torchvision's weights inside, your block gives torchvision's values.",
    properties=BLOCK_PROPERTIES,
    check=partial(check_block, kind=resnet.BasicBlock),
    hidden_check=partial(check_block, kind=resnet.BasicBlock),
)(BasicBlock)


# -- 5: a stage -------------------------------------------------------------------------------------------------------
@exercise(
    id="03_make_layer",
    title="A stage: make_layer",
    background="A stage of a ResNet is several blocks in a row. `block(in_channels, planes, stride=1, "
    "downsample=None)` makes `planes * block.expansion` channels and divides height and width by the "
    "stride. Where that changes the shape, the first block gets a projection: a 1×1 convolution with "
    "the stride and without bias, then a BatchNorm.",
    minutes=10,
    difficulty="hard",
    hints=[
        "Only the first block takes the stride and, where needs_downsample says so, a downsample.",
        "The downsample: nn.Sequential of a 1×1 convolution with the stride and without bias, and a BatchNorm.",
        "From the second block on, planes × block.expansion channels come in.",
    ],
    praise="Call it four times, and you have the body of any ResNet.",
    properties=STAGE_PROPERTIES,
    check=check_stage,
    hidden_check=check_stage,
)
def make_layer(
    block: type[BasicBlock] | type[Bottleneck], in_channels: int, planes: int, blocks: int, stride: int = 1
) -> nn.Sequential:
    """A stage: the first block changes channels and size, the others keep them."""
    out = planes * block.expansion
    downsample = None
    if stride != 1 or in_channels != out:
        downsample = nn.Sequential(nn.Conv2d(in_channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
    first = block(in_channels, planes, stride, downsample)
    return nn.Sequential(first, *(block(out, planes) for _ in range(blocks - 1)))


_STATE_DICT, _LOGITS = "torchvision's state dict fits", "with its weights the logits are torchvision's"


# -- 6: the whole network ---------------------------------------------------------------------------------------------
class ResNet18(nn.Module):
    """torchvision's resnet18 under its names, (B, 3, H, W) → (B, 1000): its state dict loads."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = make_layer(BasicBlock, 64, 64, 2)
        self.layer2 = make_layer(BasicBlock, 64, 128, 2, 2)
        self.layer3 = make_layer(BasicBlock, 128, 256, 2, 2)
        self.layer4 = make_layer(BasicBlock, 256, 512, 2, 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))  # (B, 64, H/4, W/4)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))  # (B, 512, H/32, W/32)
        logits: Tensor = self.fc(self.avgpool(x).flatten(start_dim=1))
        return logits


resnet18 = exercise(
    id="03_resnet18",
    title="A ResNet18 of your own",
    background="ResNet18 begins with a 7×7 convolution to 64 channels (stride 2, padding 3, no bias), a "
    "BatchNorm, a ReLU, and a 3×3 max-pool (stride 2, padding 1). Four stages of two BasicBlocks "
    "follow, with 64, 128, 256 and 512 planes; all but the first have stride 2. An average pool to "
    "1×1, a flatten and a linear layer end it. `MyBasicBlock(in_channels, planes, stride, "
    "downsample)` is a block, and `make_layer(block, in_channels, planes, blocks, stride)` a stage.",
    minutes=12,
    difficulty="hard",
    cell_name="MyResNet18",
    hints=[
        "print(torchvision.models.resnet18()) shows the names: conv1, bn1, maxpool, layer1 to layer4, avgpool, fc.",
        "conv1 is 7×7, stride 2, padding 3, no bias; the pool 3×3, stride 2, padding 1; layer2, 3, 4 halve the map.",
        "nn.AdaptiveAvgPool2d(1) makes any map 1×1; flatten(1) leaves (B, 512) for fc.",
    ],
    praise="torchvision's weights load into your network, and its logits come out.",
    properties={_STATE_DICT: 1, _LOGITS: 2},
)(ResNet18)


@lru_cache(maxsize=1)
def _true_resnet18() -> nn.Module:
    return scrambled(torchvision_resnet18)


@resnet18.checker
def _(answer: Any) -> None:
    need_class(answer)
    net = _filled_network(answer)
    if net is None:
        return
    with part(_LOGITS):
        for shape in ((2, 3, 64, 64), (1, 3, 70, 103)):  # no multiple of 32, not square
            batch = torch.linspace(-40, 40, torch.Size(shape).numel()).view(shape).sin()
            same_output(net, _true_resnet18(), batch, case=f"a {shape} batch")


def _filled_network(answer: Any) -> nn.Module | None:
    """The learner's network with the true one's weights; None where they do not fit, and that is written down."""
    with part(_STATE_DICT) as fits:
        net = build(answer, case="Your network")
        need_own(net, resnet.ResNet, "network")
        load(net, _true_resnet18(), case="your network")
    return net if fits.holds else None


def _pictures(source: random.Random) -> tuple[Tensor]:
    return (random_arguments.tensor(source, source.randint(1, 2), 3, source.randint(33, 130), source.randint(33, 130)),)


@resnet18.hidden_checker
def _(answer: Any, source: random.Random) -> None:
    net = _filled_network(answer)
    if net is None:
        return
    with part(_LOGITS), torch.no_grad():
        compare_cases(net.eval(), _true_resnet18(), source, _pictures, count=3, tolerance=1e-4)


# -- 7: the price of a bottleneck -------------------------------------------------------------------------------------
@exercise(
    id="03_bottleneck_parameters",
    title="The price of a bottleneck",
    minutes=4,
    difficulty="mild",
    cell_name="weights",
    hints=[
        "A convolution has in-channels × out-channels × rows × columns weights.",
        "The first: 256 × 64 × 1 × 1. The second works on 64 channels only.",
    ],
    praise="Three convolutions for that price. Now guess what two plain 3×3 convolutions would cost.",
    variants=Variants(
        lambda source: {"squeezed": (planes := source.choice((32, 48, 80, 96, 128, 160))), "channels": 4 * planes},
        "takes {channels} channels, squeezes them to {squeezed}, and returns {channels} again",
        "{channels} × {squeezed} × 1 × 1. The second works on {squeezed} channels",
    ),
)
def bottleneck_parameters(*, channels: int = 256, squeezed: int = 64) -> int:
    """1×1 down to the squeezed channels, 3×3 on these, and 1×1 up again, no bias."""
    return channels * squeezed * 1 * 1 + squeezed * squeezed * 3 * 3 + squeezed * channels * 1 * 1


@bottleneck_parameters.checker
def _(answer: Any, channels: int, squeezed: int) -> None:
    number = need_number(answer, whole=True)
    with torch.device("meta"):
        block = resnet.Bottleneck(channels, squeezed)
    weights = sum(w.numel() for w in block.parameters() if w.dim() == 4)
    if number == weights + squeezed + squeezed + channels:
        raise Wrong("That counts a bias for each channel. With a BatchNorm after them, these convolutions have none.")
    if number == sum(w.numel() for w in block.parameters()):
        raise Wrong("That is the whole block with its BatchNorms; only the three convolutions are asked for.")
    if number == channels * channels * 3 * 3:
        raise Wrong(f"That is one 3×3 convolution on all {channels} channels, which the bottleneck is there to avoid.")
    if number == channels + squeezed * 9 + channels:
        raise Wrong("Every output channel has a kernel for every input channel: multiply by both.")
    if number != weights:
        raise Wrong(f"{number:.0f} isn't right. Add three products of in-channels, out-channels, rows and columns.")


# -- 8: the bottleneck ------------------------------------------------------------------------------------------------
class Bottleneck(nn.Module):
    """1×1 down, 3×3, 1×1 up to four times the planes (He et al. 2015, figure 5 right; stride as in torchvision)."""

    expansion = 4

    def __init__(self, in_channels: int, planes: int, stride: int = 1, downsample: nn.Module | None = None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, planes * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(planes * self.expansion)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W)
        shortcut = x if self.downsample is None else self.downsample(x)
        out = torch.relu(self.bn1(self.conv1(x)))  # (B, planes, H, W)
        out = torch.relu(self.bn2(self.conv2(out)))  # (B, planes, H/stride, W/stride)
        out = self.bn3(self.conv3(out))  # (B, 4 planes, H/stride, W/stride)
        return torch.relu(out + shortcut)


bottleneck = exercise(
    id="03_bottleneck",
    title="Bottleneck",
    background="A ResNet's Bottleneck is a 1×1 convolution from `in_channels` to `planes`, a 3×3 with padding 1, "
    "and a 1×1 to `planes * expansion`. None has a bias, and a BatchNorm follows each: `conv1`, "
    "`bn1`, `conv2`, `bn2`, `conv3`, `bn3`. ReLUs stand after the first two. Then the shortcut is "
    "added (x, or `downsample(x)` where there is one), and a last ReLU follows. In torchvision the "
    "3×3 convolution takes the stride.",
    minutes=10,
    difficulty="hard",
    cell_name="MyBottleneck",
    hints=[
        "Like BasicBlock, but with three convolutions: 1×1, 3×3, 1×1. The last one gives planes × 4 channels.",
        "torchvision gives the stride to the 3×3, conv2. A 1×1 needs no padding.",
        "A ReLU follows bn1 and bn2. After bn3 comes the addition, and then the last ReLU.",
    ],
    praise="ResNet50, 101 and 152 are built from this block alone.",
    properties=BLOCK_PROPERTIES,
    check=partial(check_block, kind=resnet.Bottleneck),
    hidden_check=partial(check_block, kind=resnet.Bottleneck),
)(Bottleneck)


# -- 9: counting layers -----------------------------------------------------------------------------------------------
@exercise(
    id="03_count_layers",
    title="Eighteen of what",
    background="The number in a ResNet's name, such as 18, counts its convolutions and its linear layers. In "
    "torchvision the projections on the shortcuts are called `downsample`.",
    minutes=6,
    difficulty="medium",
    cell_name="layers_of",
    hints=[
        "model.named_modules() gives the name and the module of everything inside.",
        "Count nn.Conv2d and nn.Linear. Which convolutions aren't on the longest path from the picture to the logits?",
        'The shortcut\'s convolutions have "downsample" in their names.',
    ],
    praise="18 = 1 + 8 × 2 + 1: the stem, two convolutions a block, and the linear layer.",
)
def count_layers(model: nn.Module) -> int:
    """The convolutions and linear layers of a ResNet, those of the shortcuts left out, as the paper counts."""
    counted = 0
    for name, module in model.named_modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)) and "downsample" not in name:
            counted += 1
    return counted


@count_layers.checker
def _(answer: Any) -> None:
    need_function(answer)
    for block, convolutions, blocks in (
        (resnet.BasicBlock, 2, (1, 1, 1, 1)), (resnet.BasicBlock, 2, (2, 2, 2, 2)),
        (resnet.Bottleneck, 3, (3, 4, 6, 3)), (resnet.Bottleneck, 3, (1, 2, 1, 3)),
    ):  # fmt: skip
        truth = 1 + sum(blocks) * convolutions + 1
        case = f"a ResNet of {list(blocks)} {block.__name__}s"
        net = _unfilled(partial(resnet.ResNet, block, blocks))
        value = need_number(call(answer, net, case=case), whole=True)
        projections = sum("downsample.0" in name for name, _ in net.named_modules())
        if value == truth + projections:
            raise Wrong(f"On {case} you counted the {projections} convolutions of the shortcuts; the paper does not.")
        if value == truth - 1:
            raise Wrong(f"On {case} one is missing: conv1 at the start and fc at the end count too.")
        if value == len(list(net.parameters())):
            raise Wrong(f"On {case} you counted parameter tensors; BatchNorm's scales and shifts aren't layers here.")
        if value != truth:
            raise Wrong(f"On {case} there are {truth} layers, and your function counted {value:g}.")


def _unfilled(make: Callable[[], nn.Module]) -> nn.Module:
    """A network whose weights are memory that nobody has filled: made in milliseconds."""
    with torch.device("meta"):
        net = make()
    return net.to_empty(device="cpu").eval()


def _blocks(source: random.Random) -> tuple[Any, list[int]]:
    return source.choice((resnet.BasicBlock, resnet.Bottleneck)), [source.randint(1, 3) for _ in range(4)]


def _of_resnet(function: Callable[[nn.Module], Any]) -> Callable[..., Any]:
    """From block and blocks to what a function gives of their network: copying the network would take memory."""
    return lambda block, blocks: function(_unfilled(partial(resnet.ResNet, block, blocks)))


count_layers.hidden_cases(_blocks, count=4, around=_of_resnet)
