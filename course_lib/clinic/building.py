"""Networks that cannot be built: what torchvision's blocks and PyTorch's convolutions refuse."""

from __future__ import annotations

import re

from torch import nn
from torchvision.models.resnet import ResNet

from course_lib.clinic.diagnosis import Diagnosis
from course_lib.clinic.scene import Scene

__all__ = ["basic_block", "dilation_list", "groups"]

_RESNET = "torchvision/models/resnet.py"


def basic_block(scene: Scene) -> Diagnosis | None:
    """Groups, another width or dilation asked of a BasicBlock."""
    space = scene.last("__init__", _RESNET)
    if space is None or not scene.raised_in(_RESNET):
        return None
    asked = [f"{name}={space[name]}" for name, plain in (("groups", 1), ("base_width", 64), ("dilation", 1))
             if space.get(name, plain) != plain]  # fmt: skip
    if not asked:
        return None
    whole = next((frame for frame, _ in scene.frames if isinstance(frame.f_locals.get("self"), ResNet)), None)
    what = f"A BasicBlock is two plain 3×3 convolutions and cannot do {', '.join(asked)}; a Bottleneck can."
    if whole is None:
        planes, width = space.get("planes"), space.get("inplanes")
        settings = "".join(f", {one}" for one in asked)
        code = f"Bottleneck({width}, {planes // 4 if isinstance(planes, int) else 'planes'}{settings})"
        why = "A Bottleneck gives 4 times its planes as channels."
    else:
        text = scene.text
        code = re.sub(r"\bresnet(18|34)\b", "resnet50", text).replace("BasicBlock", "Bottleneck")
        code = code if code != text else "model = torchvision.models.resnet50()"
        why = "ResNet 18 and 34 are made of BasicBlocks; 50, 101 and 152 of Bottlenecks."
    return Diagnosis("what a BasicBlock cannot do", what, "", scene.lines(), (), code, why)


def dilation_list(scene: Scene) -> Diagnosis | None:
    """``replace_stride_with_dilation`` of the wrong length."""
    space = scene.last("__init__", _RESNET)
    if space is None or not scene.raised_in(_RESNET):
        return None
    given = space.get("replace_stride_with_dilation")
    what = (
        f"replace_stride_with_dilation wants three answers, one each for layer2, layer3 and layer4; it got {given!r}."
    )
    values = [bool(one) for one in given] if isinstance(given, list | tuple) else []
    three = [False] * (3 - len(values)) + values[-3:]  # dilation is used in the last stages
    text = scene.text
    asked = f"replace_stride_with_dilation={three}"
    code = re.sub(r"replace_stride_with_dilation=[\[(][^\])]*[\])]", asked, text)
    why = "layer1 has no stride to replace, so it is not in the list."
    code = code if code != text else asked
    return Diagnosis("list of dilations of the wrong length", what, "", scene.lines(), (), code, why)


def groups(scene: Scene) -> Diagnosis | None:
    """A convolution whose channels its groups do not divide."""
    space = scene.last("__init__", "torch/nn/modules/conv.py")
    if space is None or not scene.raised_in("torch/nn/modules/conv.py"):
        return None
    numbers = [space.get(name) for name in ("in_channels", "out_channels", "groups")]
    kind = type(space.get("self"))
    if not all(isinstance(n, int) and n > 0 for n in numbers) or not issubclass(kind, nn.Module):
        return None
    into, out, count = (int(n or 0) for n in numbers)
    bad = [f"{name}={n}" for name, n in (("in_channels", into), ("out_channels", out)) if n % count]
    fits = [n for n in range(1, min(into, out) + 1) if into % n == 0 and out % n == 0]
    near = min(fits, key=lambda n: (abs(n - count), n))
    what = f"The channels are dealt out to {count} groups of equal size, and {' and '.join(bad)} cannot be."
    text, kernel = scene.text, space.get("kernel_size")
    code = re.sub(rf"\bgroups={count}\b", f"groups={near}", text)
    if code == text:
        code = f"nn.{kind.__name__}({into}, {out}, kernel_size={kernel}, groups={near})"
    some = ", ".join(map(str, fits[:8])) + (", …" if fits[8:] else "")
    why = f"Both {into} and {out} can be divided by {some}."
    return Diagnosis("groups that do not divide the channels", what, "", scene.lines(), (), code, why)
