"""One of torchvision's residual blocks, made as ``ResNet._make_layer`` makes it, or the reason why it cannot be.

``faulty_resnet18`` is a whole network with a mistake in one block, for those who learn to find it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet, conv1x1

from course_lib.errors import CourseError

__all__ = ["BlockError", "faulty_resnet18", "make_block", "why_downsample"]

_KINDS: dict[str, type[BasicBlock] | type[Bottleneck]] = {"basic": BasicBlock, "bottleneck": Bottleneck}


class BlockError(CourseError, ValueError):
    """A residual block that cannot be made, or a model that has none."""


def make_block(
    kind: str,
    in_channels: int,
    planes: int,
    *,
    stride: int = 1,
    groups: int = 1,
    base_width: int = 64,
    dilation: int = 1,
    downsample: bool | None = None,
    norm_layer: Callable[..., nn.Module] | None = None,
) -> nn.Module:
    """One of torchvision's two residual blocks, with the downsample that ``ResNet._make_layer`` would give it.

    Args:
        kind: "basic" (3×3, 3×3) or "bottleneck" (1×1, 3×3, 1×1; its output has four times ``planes`` channels).
        in_channels: channels of its input.
        planes: channels of its inner convs, before ``groups`` and ``base_width`` change them.
        stride: of the first 3×3 conv and of the shortcut.
        groups: of a bottleneck's 3×3 conv. Its channels are made a multiple of them, so that they always divide:
            ⌊planes · base_width / 64⌋ · groups.
        base_width: its channels in each group, for 64 planes.
        dilation: of a bottleneck's 3×3 conv.
        downsample: None: a 1×1 conv on the shortcut where shapes need it. True: always. False: never, even if the
            shapes do not fit.
        norm_layer: channels → module; BatchNorm2d when left out.

    Returns:
        A block that takes (B, in_channels, H, W).

    Raises:
        BlockError: no such block can have these settings; with torchvision's own message if it has one.

    Example:
        >>> block = make_block("basic", 64, 128, stride=2)
        >>> block.downsample[0]
        Conv2d(64, 128, kernel_size=(1, 1), stride=(2, 2), bias=False)
        >>> make_block("basic", 64, 64).downsample is None
        True
    """
    if kind not in _KINDS:
        raise BlockError(f'kind={kind!r}: torchvision has two residual blocks, "basic" and "bottleneck".')
    numbers = {
        "in_channels": in_channels, "planes": planes, "stride": stride,
        "groups": groups, "base_width": base_width, "dilation": dilation,
    }  # fmt: skip
    for name, value in numbers.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise BlockError(f"{name}={value!r}: give a whole number, 1 or more.")
    block_class = _KINDS[kind]
    out_channels = planes * block_class.expansion
    norm = norm_layer or nn.BatchNorm2d
    project = bool(why_downsample(in_channels, out_channels, stride)) if downsample is None else downsample
    if kind == "bottleneck" and int(planes * (base_width / 64)) < 1:  # torchvision would build convs of no channels
        raise BlockError(
            f"A Bottleneck with planes={planes} and base_width={base_width} has convs without channels: "
            f"⌊{planes}·{base_width}/64⌋·{groups} = 0; take more planes, or a larger base_width."
        )
    try:
        shortcut = nn.Sequential(conv1x1(in_channels, out_channels, stride), norm(out_channels)) if project else None
        return cast(nn.Module, block_class(in_channels, planes, stride, shortcut, groups, base_width, dilation, norm))
    except (ValueError, NotImplementedError, RuntimeError, TypeError) as error:
        message = f"torchvision's own words: {type(error).__name__}: {str(error).strip().splitlines()[0]}"
        raise BlockError(f"{_why_not(**numbers, kind=kind)} ({message})") from error


def _why_not(kind: str, in_channels: int, planes: int, stride: int, groups: int, base_width: int, dilation: int) -> str:
    """A sentence on settings that torchvision refuses."""
    if kind == "basic" and (groups != 1 or base_width != 64):
        settings = " and ".join(
            f"{name}={value}" for name, value, plain in (("groups", groups, 1), ("base_width", base_width, 64))
            if value != plain
        )  # fmt: skip
        return (
            f"A BasicBlock cannot have {settings}: it has no 1×1 convs to change the width and change it back, so "
            'torchvision builds it with groups=1 and base_width=64 alone; take kind="bottleneck".'
        )
    if kind == "basic" and dilation > 1:
        return (
            f"A BasicBlock cannot have dilation={dilation}: torchvision dilates the 3×3 conv of a Bottleneck alone; "
            'take kind="bottleneck", or dilation=1.'
        )
    return f"A {kind} block with in_channels={in_channels} and planes={planes} cannot be made; look at its norm_layer."


def why_downsample(in_channels: int, out_channels: int, stride: int) -> str:
    """Why the shortcut cannot be x itself, in a sentence; "" if it can.

    Example:
        >>> why_downsample(64, 128, 2)
        'stride 2 makes the map smaller and 64 channels become 128: x fits after a 1×1 conv with stride 2'
        >>> why_downsample(64, 64, 1)
        ''
    """
    reasons = []
    if stride != 1:
        reasons.append(f"stride {stride} makes the map smaller")
    if in_channels != out_channels:
        reasons.append(f"{in_channels} channels become {out_channels}")
    if not reasons:
        return ""
    repair = "a 1×1 conv" + (f" with stride {stride}" if stride != 1 else "")
    return f"{' and '.join(reasons)}: x fits after {repair}"


class _Forgetful(BasicBlock):  # type: ignore[misc]
    """A BasicBlock that doesn't add its shortcut, and that prints itself as any other."""

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        return cast(Tensor, self.relu(self.bn2(self.conv2(out))))

    def _get_name(self) -> str:
        return "BasicBlock"


def faulty_resnet18(classes: int = 1000) -> ResNet:
    """torchvision's resnet18 with one mistake that no state dict can show. (Read on only if you want to know which.)

    The second block of ``layer1`` doesn't add its input. Every weight of a resnet18 fits, no error is raised, and the
    first output that differs from resnet18's is that of ``layer1.1``.

    Args:
        classes: how many logits it gives.

    Returns:
        a network that takes (B, 3, H, W), with random weights, in train mode.

    Example:
        >>> from torchvision.models import resnet18
        >>> faulty_resnet18(10).load_state_dict(resnet18(num_classes=10).state_dict())
        <All keys matched successfully>
    """
    network = ResNet(BasicBlock, [2, 2, 2, 2], num_classes=classes)
    network.layer1[1] = _Forgetful(64, 64)
    return network
