"""The exercises of lesson 03, ResNet blocks. Each solution is the code that ``.solution()`` shows and the tests run.

The blocks carry torchvision's names (conv1, bn1, downsample ...), so that its weights load into them; the checks put
the same weights into torchvision's own and compare.
"""

from __future__ import annotations

import random
from functools import lru_cache, partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torchvision.models import resnet

from course_lib.exercises.checks import random_arguments
from course_lib.exercises.checks.residual_checks import BLOCK_PROPERTIES, check_block
from course_lib.exercises.engine.exercise import exercise
from course_lib.exercises.engine.requirements import Wrong, call, need_bool, need_choice, need_function, need_number
from course_lib.exercises.engine.variants import Variants


# -- 1: which additions are legal -------------------------------------------------------------------------------------
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


# -- 2: when a downsample is needed -----------------------------------------------------------------------------------
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


# -- 3: the basic block -----------------------------------------------------------------------------------------------
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


# -- 4: the price of a bottleneck -------------------------------------------------------------------------------------
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


# -- 5: the bottleneck ------------------------------------------------------------------------------------------------
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
