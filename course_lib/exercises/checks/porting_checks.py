"""Checks of porting somebody else's weights: their names, their padding, their preprocessing, and the whole network.

The oracle is the course's own EfficientNet-Lite0 (``course_lib.models.weights.efficientnet_lite``), which is tested
against the published implementation to the last bit. Its weights are drawn at random here, so that a check needs no
data package.
"""

from __future__ import annotations

import random
from functools import lru_cache
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.models.efficientnet import EfficientNet
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification

from course_lib.exercises.checks.module_checks import scrambled
from course_lib.exercises.checks.random_arguments import picture, tensor
from course_lib.exercises.engine.requirements import Wrong, call, need_function, need_tensor
from course_lib.models.weights.efficientnet_lite import efficientnet_lite0, layer_names

__all__ = ["bare_lite0", "check_lite_transforms", "check_new_name", "check_port", "check_same_padding", "some_key"]


def bare_lite0() -> EfficientNet:
    """EfficientNet-Lite0 from torchvision's parts, with random weights and PyTorch's symmetric padding.

    Example:
        >>> sum(parameter.numel() for parameter in bare_lite0().parameters())
        4652008
    """
    network = efficientnet_lite0()
    for module in list(network.modules()):
        for layer in list(module.children()):
            if isinstance(layer, nn.Conv2d) and layer.stride != (1, 1):
                layer.padding = (layer.kernel_size[0] // 2,) * 2
                del module.pad
    return network


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    """The file's names → torchvision's."""
    inverse = {theirs: mine for mine, theirs in layer_names("efficientnet_lite0").items()}
    names = {}
    for key in efficientnet_lite0().state_dict():
        layer, _, kind = key.rpartition(".")
        names[f"{inverse[layer]}.{kind}"] = key
    return names


# -- names ------------------------------------------------------------------------------------------------------------
def check_new_name(answer: Any) -> None:
    """Check a learner's ``new_name(key)`` on every name of the file."""
    need_function(answer)
    for key, truth in _names().items():
        value = call(answer, key, case=key)
        if value == truth:
            continue
        if not isinstance(value, str):
            raise Wrong(f"On {key} the answer is a name, not a value of type {type(value).__name__}.")
        mine, right = value.split("."), truth.split(".")
        if mine[-1] != right[-1]:
            raise Wrong(f"On {key} you gave {value[:80]!r}; what comes after the last dot stays the same: {right[-1]}.")
        if not key.startswith("_blocks"):
            raise Wrong(f"On {key} you gave {value[:80]!r}, but it should be {truth}.")
        if mine[:2] != right[:2]:
            raise Wrong(
                f"On {key} you gave {value[:80]!r}, but it belongs to stage {right[1]}. The stages have 1, 2, 2, 3, 3, "
                "4 and 1 blocks, and the file numbers the blocks consecutively across all of them."
            )
        if mine[:3] != right[:3]:
            raise Wrong(
                f"On {key} you gave {value[:80]!r}: within stage {right[1]} this is block {right[2]}, counted from 0."
            )
        if right[1] == "1":
            raise Wrong(
                f"On {key} you gave {value[:80]!r}, not {truth}: stage 1 doesn't expand, so its block is one shorter."
            )
        raise Wrong(f"On {key} you gave {value[:80]!r}, not {truth}: expand, depthwise and project are 0, 1 and 2.")


def some_key(source: random.Random) -> tuple[str]:
    """One of the file's names, in a third of all cases one outside the blocks."""
    outside = [key for key in _names() if not key.startswith("_blocks")]
    return (source.choice(outside if source.random() < 0.35 else [*_names()]),)


# -- padding ----------------------------------------------------------------------------------------------------------
def check_same_padding(answer: Any) -> None:
    """Check a learner's ``same_padding(size, kernel, stride)`` by its rules: ⌈size / stride⌉ places, odd zero last."""
    need_function(answer)
    for size, kernel, stride in (
        (224, 3, 2),
        (225, 3, 2),
        (56, 5, 2),
        (57, 5, 2),
        (28, 3, 1),
        (10, 5, 3),
        (7, 1, 2),
        (6, 1, 3),
        (4, 3, 2),
    ):
        case = f"size={size}, kernel={kernel}, stride={stride}"
        value = call(answer, size, kernel, stride, case=case)
        if not isinstance(value, (tuple, list)) or len(value) != 2 or not all(isinstance(n, int) for n in value):
            raise Wrong(f"On {case} the answer is two whole numbers, (before, after), not a {type(value).__name__}.")
        before, after = value
        if min(before, after) < 0:
            raise Wrong(f"On {case} you gave {value}: padding can't be negative.")
        out, wanted = (size + before + after - kernel) // stride + 1, -(-size // stride)
        needed = max((wanted - 1) * stride + kernel - size, 0)
        if before + after != needed:
            if before == after == kernel // 2:
                raise Wrong(f"On {case} you gave {value}. That's PyTorch's way, but {needed} in all would do.")
            raise Wrong(
                f"On {case} you gave {value}, which makes {out} positions. It should be {wanted}, and the last window "
                f"should end where the padding ends: {needed} zeros in all."
            )
        if after - before not in (0, 1):
            raise Wrong(f"On {case} you gave {value}: split the zeros evenly, and put the odd one after, not before.")


# -- preprocessing ----------------------------------------------------------------------------------------------------
def _preset(**settings: Any) -> ImageClassification:
    usual = {
        "crop_size": 224, "resize_size": 256, "interpolation": InterpolationMode.BICUBIC, "mean": (127 / 255,) * 3,
        "std": (128 / 255,) * 3,
    }  # fmt: skip
    return ImageClassification(**(usual | settings))


def check_lite_transforms(answer: Any, source: random.Random | None = None) -> None:
    """Check a learner's preprocessing on pictures of three shapes."""
    need_function(answer)
    draw = source or random.Random(9)
    for width, height in ((300, 260), (257, 400), (640, 300)):
        shown = picture(draw, width // 8, height // 8).resize((width, height), Image.Resampling.BICUBIC)
        case, truth = f"a picture of {height}×{width} (height first)", _preset()(shown)
        value = need_tensor(call(answer, shown, case=case), (3, 224, 224), case=case)
        if torch.allclose(value, truth, atol=1e-4):
            continue
        for sentence, settings in (
            ("mean and std are for values from 0 to 1: divide 127 and 128 by 255.",
             {"mean": (127,) * 3, "std": (128,) * 3}),
            ("mean and std are ImageNet's usual ones, but this network was trained with its own.",
             {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}),
            ("mean and std are 0.5, which is close to 127 / 255 and 128 / 255, but not the same.",
             {"mean": (0.5,) * 3, "std": (0.5,) * 3}),
            ("the interpolation is bilinear, ImageClassification's default; it should be bicubic.",
             {"interpolation": InterpolationMode.BILINEAR}),
            ("the shorter side becomes 224; it should become 256 before the crop.", {"resize_size": 224}),
        ):  # fmt: skip
            if torch.allclose(value, _preset(**settings)(shown), atol=1e-4):
                raise Wrong(f"On {case}: {sentence}")
        gap = float((value - truth).abs().max())
        raise Wrong(f"On {case} the shape is right, but values are off by up to {gap:.2g}: compare the five settings.")


# -- the whole network ------------------------------------------------------------------------------------------------
def check_port(answer: Any, source: random.Random | None = None) -> None:
    """Check a learner's ``port(network, original)``: its logits are those of EfficientNet-Lite0, at two sizes."""
    need_function(answer)
    draw = source or random.Random(10)
    truth = _settled(scrambled(efficientnet_lite0, draw.getrandbits(32)), tensor(draw, 2, 3, 64, 64))
    state = truth.state_dict()
    original = {key: state[name].clone() for key, name in _names().items()}
    made = call(answer, scrambled(bare_lite0).train(), dict(original), case="a bare network and the file's tensors")
    if not isinstance(made, nn.Module):
        told = "nothing: is the return missing?" if made is None else f"a value of type {type(made).__name__}."
        raise Wrong(f"Your function should return the network, but it returns {told}")
    if made.training:
        raise Wrong("The network is still in train mode, so its answers change from run to run: network.eval().")
    loaded = [value for value in made.state_dict().values() if value.ndim == 4]
    wanted = [value for value in state.values() if value.ndim == 4]
    if not all(
        mine.shape == right.shape and torch.equal(mine, right) for mine, right in zip(loaded, wanted, strict=False)
    ):
        raise Wrong("The convolutions don't hold the file's numbers: load_state_dict under the new names.")
    for height, width in ((64, 64), (49, 66)):
        batch, case = tensor(draw, 1, 3, height, width), f"a picture of {height}×{width}"
        with torch.no_grad():
            value, right = call(made, batch, case=case), truth(batch)
            value = need_tensor(value, (1, 1000), case=case)
            if _near(value, right):
                continue
            symmetric = bare_lite0().eval()
            symmetric.load_state_dict(state)
            if _near(value, symmetric(batch)):
                raise Wrong(
                    f"On {case} every weight is in its place, but the strided convolutions' windows are where "
                    "PyTorch's padding puts them. With same_padding the odd zero comes after, and none before."
                )
        gap = float((value - right).abs().max())
        raise Wrong(
            f"On {case} the logits differ from EfficientNet-Lite0's by up to {gap:.3g}: check the sides that you pad."
        )


def _settled(network: nn.Module, batch: Tensor) -> nn.Module:
    """A network whose BatchNorms know a batch: otherwise random layers let little of a picture through."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.train().momentum = 1.0
    with torch.no_grad():
        network(batch)
    for norm in norms:
        norm.momentum = 0.01
    return network.eval()


def _near(value: Tensor, truth: Tensor) -> bool:
    return torch.allclose(value, truth, rtol=1e-3, atol=1e-3 * float(truth.abs().max()))
