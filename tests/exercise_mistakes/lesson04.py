"""Known mistakes in the exercises of lesson 04, VGG cfgs: mostly the solutions with one thing changed in their text."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torchvision.models import vgg11, vgg16

from course_lib.exercises.engine.exercise import Exercise
from course_lib.exercises.lessons import lesson04
from course_lib.exercises.lessons.lesson04 import ColumnC
from tests.exercise_edits import edited


def layers(*edits: tuple[str, str]) -> Any:
    return edited(lesson04.make_layers, *edits)


def net(*edits: tuple[str, str]) -> Any:
    return edited(ColumnC, *edits)


def share(make: Callable[..., nn.Module], part: str) -> float:
    with torch.device("meta"):
        model = make()
    mine = sum(parameter.numel() for parameter in model.get_submodule(part).parameters())
    return 100 * mine / sum(parameter.numel() for parameter in model.parameters())


CONV = "nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1)"
RELU = "layers.append(nn.ReLU())"
NORM = "layers.append(nn.BatchNorm2d(out_channels))"
POOL = "nn.MaxPool2d(kernel_size=2, stride=2)"
END = "return nn.Sequential(*layers)"
KERNELS = "(256, (3, 3, 1)), (512, (3, 3, 1)), (512, (3, 3, 1))"
CONV_RELU = "[nn.Conv2d(in_channels, width, kernel, padding=kernel // 2), nn.ReLU()]"
AVERAGE = "nn.AdaptiveAvgPool2d((7, 7))"
FORWARD = "self.classifier(x.flatten(1))"

EINSUM = 'torch.einsum("bchwij,ocij->bohw", windows, weight)'
ZEROS = "maps.new_zeros(batch, channels, height + 2 * padding, width + 2 * padding)"
MINUS = 'float("-inf")'
RELUS = "x = x.relu() if place < 6 else x"


def ladder(name: str, *edits: tuple[str, str]) -> Any:
    return edited(getattr(lesson04, name), *edits)


MISTAKES: dict[Exercise, list[tuple[Any, str]]] = {
    lesson04.conv1d: [
        (ladder("conv1d", ("@ kernel", "@ kernel.flip(0)")), "is flipped"),
        (ladder("conv1d", ("row.stride(0)", "1")), "a longer one: you assumed that a step in memory is 1"),
        (ladder("conv1d", ("n - k + 1, k), (step", "n - k, k), (step")), "the last window is missing"),
        (lambda row, kernel: torch.nn.functional.conv1d(row.view(1, 1, -1), kernel.view(1, 1, -1),
                                                        padding=len(kernel) // 2).flatten(), "there is padding in it"),
        (ladder("conv1d", ("@ kernel", "* kernel")), r"shape should be \(5,\)"),
        (ladder("conv1d", ("@ kernel", "@ kernel + 1")), "The first of them, at \\[0\\], should be"),
        (ladder("conv1d", ("return windows", "row.zero_(); return windows")), "your function changed its input"),
        (3, "is a function"), (lambda row, kernel: [1.0], "it returned list"),
    ],
    lesson04.conv2d: [
        (ladder("conv2d", (EINSUM, EINSUM.replace("weight)", "weight.flip(-1, -2))"))), "are flipped"),
        (ladder("conv2d", (EINSUM, EINSUM.replace("ocij", "ocji"))), "rows and columns of the kernels are swapped"),
        (ladder("conv2d", ("maps.stride()", "torch.empty(maps.shape).stride()")), "channels-last .* maps.stride"),
        (lambda maps, weight: torch.nn.functional.conv2d(maps, weight, padding=weight.shape[-1] // 2), "next exercise"),
        (lambda maps, weight: lesson04.conv2d(maps[:, :1], weight[:, :1]), "you only read the first channel"),
        (ladder("conv2d", ("->bohw", "->bochw")), "the shape should be"), ("conv", "is a function"),
    ],
    lesson04.convolve: [
        (ladder("convolve", (" + bias[:, None, None]", "")), "the bias is left out"),
        (ladder("convolve", ("+ bias[:, None, None]", "+ bias")), "your function raised RuntimeError"),
        (ladder("convolve", ("stride * down, stride * right", "down, right")), "numbers aren't"),
        (lambda maps, weight, bias, stride=1, padding=0: lesson04.convolve(maps, weight, bias, 1, padding),
         "the stride isn't used"),
        (lambda maps, weight, bias, stride=1, padding=0: lesson04.convolve(maps, weight, bias, stride),
         "the padding isn't used"),
        (lambda maps, weight, bias, stride=1, padding=0: lesson04.convolve(
            torch.nn.functional.pad(maps, (0, padding, 0, padding)), weight, bias, stride),
         "only on the right and at the bottom"),
        (ladder("convolve", ("stride: int = 1", "stride: int = 2")), "the defaults, stride=1 and padding=0"),
        (lambda maps, weight, bias: maps, "raised TypeError"), (3, "is a function"),
    ],
    lesson04.max_pool: [
        (ladder("max_pool", (MINUS, "0.0")), "a zero wins against negative numbers"),
        (ladder("max_pool", ("windows.amax", "windows.mean")), "the average of each window"),
        (ladder("max_pool", ("windows.amax", "windows.amin")), "numbers aren't"),
        (lambda maps, k, stride, padding=0: lesson04.max_pool(maps, k, 1, padding), "the stride isn't used"),
        (lambda maps, k, stride, padding=0: lesson04.max_pool(maps, k, stride), "the padding isn't used"),
        (lambda maps, k, stride, padding=0: nn.MaxPool2d(k, stride, padding, ceil_mode=True)(maps), "hang over"),
        (nn.MaxPool2d, "The answer is a function"),
    ],
    lesson04.small_vgg: [
        (ladder("small_vgg", (", padding=1).relu()", ", padding=1)")), "no ReLU follows the convolutions"),
        (ladder("small_vgg", (RELUS, "pass")), "no ReLU follows the first two linear layers"),
        (ladder("small_vgg", (RELUS, "x = x.relu()")), "a ReLU follows the last layer"),
        (ladder("small_vgg", ("logits: Tensor = x", "logits = x.softmax(1)")), "you applied softmax"),
        (ladder("small_vgg", ("place + 2", "place + 1")), "your function raised KeyError .*features.2.weight"),
        (ladder("small_vgg", (", padding=1)", ")")), "your function raised RuntimeError"),
        (ladder("small_vgg", ("].T", "]")), "your function raised RuntimeError"), (vgg11, "your function raised"),
    ],
    lesson04.trace_cfg: [
        ((1, 128, 12, 6), "leave the batch out"), ((128, 144), "has 2 numbers"), ((12, 6, 128), "another order"),
        ((128, 6, 12), "swapped"), ((128, 13, 7), "25 cells give 12"), ((128, 25, 12), "three"),
        ((288, 12, 6), "there aren't 288 channels"), ((128, 88, 38), "only an M halves"),
        ((64, 100, 50), "isn't right"),
        (128, "is a shape"),
    ],
    lesson04.output_size: [
        (lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) - 1) / s + 1, "rounds down"),
        (lambda n, k, s, p, d: math.ceil((n + 2 * p - d * (k - 1) - 1) / s) + 1, "torch's convolution gives"),
        (lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) - 1) // s, "first place counts too"),
        (lambda n, k, s, p, d: (n + 2 * p - k) // s + 1, "dilation is left out"),
        (lambda n, k, s, p, d: (n + 2 * p - d * k) // s + 1, "d·k counts one gap too many: k cells have k − 1 gaps"),
        (lambda n, k, s, p, d: (n + p - d * (k - 1) - 1) // s + 1, "on both sides"),
        (lambda n, k, s, p, d: "many", "is a number"), (56, "The answer is a function"),
        (lambda n: n, "your function raised TypeError"),
    ],
    lesson04.head_share: [
        (share(vgg16, "features"), "convolutions' share"), (share(vgg16, "classifier.0"), "first linear layer alone"),
        (share(vgg16, "classifier") / 100, "from 0 to 1"), (18.75, "share of the layers"),
        (50, "like most people's guess"),
        (share(vgg11, "classifier"), "too high"), ("89%", "is a number"),
    ],
    lesson04.stack_field: [
        (lambda stack: math.prod(kernel for kernel, _ in stack), "you multiplied the kernels"),
        (lambda stack: sum(kernel for kernel, _ in stack), "you added up the kernels"),
        (edited(lesson04.stack_field, ("field, jump = 1, 1", "field, jump = 0, 1")), "one pixel, not none"),
        (edited(lesson04.stack_field, ("jump *= stride", "pass")), "strides are left out"),
        (edited(lesson04.stack_field, ("- 1) * jump", "- 1) * jump * stride")), "widens its own kernel"),
        (edited(lesson04.stack_field, ("in layers:", "in layers[::-1]:")), "began with the last layer"),
        (lambda stack: len(stack) + 40, "sees 3 pixels in a row"), ([3, 5, 7], "is a function"),
    ],
    lesson04.stack_parameters: [
        (lambda field, channels: field**2 * channels**2, "which the stack replaces"),
        (lambda field, channels: (field - 1) // 2 * (9 * channels**2 + channels), "you counted biases"),
        (lambda field, channels: (field - 1) // 2 * 9 * channels, "in and by those out"),
        (lambda field, channels: (field - 1) // 2 * 9, "one kernel for each layer"),
        (lambda field, channels: 9 * channels**2, "that is one layer"),
        (lambda field, channels: field // 3 * 9 * channels**2, "adds two pixels, not three"),
        (lambda field, channels: field + channels, "hold 9 weights"), (27, "is a function"),
    ],
    lesson04.make_layers: [
        (layers(("*layers", "layers")), "with the star"), (layers((END, "return layers")), "gives a list"),
        (layers((END, "return nn.Sequential(nn.Sequential(*layers))")), "layer 0 is an nn.Sequential of its own"),
        (layers((END, "return nn.ModuleList(layers)")), "should be a torch.nn.Sequential"),
        (layers((RELU, "pass")), "no ReLU"), (layers((NORM, "pass")), "no BatchNorm2d"),
        (layers(("if batch_norm", "if True")), "though batch_norm is False"),
        (layers((f"layers.append({POOL})", "pass")), "no pool"),
        (layers(("in_channels = out_channels", "pass")), "Update in_channels after each"),
        (layers(("in_channels = 3", "in_channels = 1")), "takes 1 channels, but 3 come in"),
        (layers((CONV, CONV.replace(", padding=1", ""))), "with padding 1"),
        (layers((CONV, CONV.replace("size=3", "size=5"))), "kernel of 5×5"),
        (layers((CONV, CONV.replace("padding=1", "padding=1, stride=2"))), "only the pools make maps smaller"),
        (layers(("int(token)", "int(token) * 2")), "its token says 4"),
        (layers((POOL, "nn.MaxPool2d(3, 2, 1)")), "2×2 pool with stride 2"),
        (layers((NORM, "pass"), (RELU, f"{RELU}; layers += [nn.BatchNorm2d(out_channels)] * batch_norm")),
         "should be a BatchNorm2d, but it is a ReLU"),
        (layers((RELU, f"{RELU}; layers.append(nn.Dropout())")), "should be a MaxPool2d, but it is a Dropout"),
        (layers((END, f"layers.append(nn.Flatten()); {END}")), "has too many layers"),
        (layers((END, "cfg.clear(); return nn.Sequential(*layers)")), "changed the list that it was given"),
        (layers((CONV, CONV.replace("padding=1", "padding=1, bias=False"))),
         "layer 0, a convolution, has no bias; torchvision's VGG keeps it even before BatchNorm"),
        (layers((CONV, CONV.replace("padding=1", "padding=1, padding_mode='reflect'"))), "are not torchvision's"),
        (lesson04.make_layers([8]), "your module raised TypeError"), (3, "is a function"),
    ],
    lesson04.cfg_under_budget: [
        ("A", "more than 5 million"), ([32, 32, "M", 64, 64, "M", 128, "M"], "100 are needed"),
        ([16, "M"] * 6, "Its last map is 3×3"), ([64, "P", 128], "Token 2, 'P'"), ([16, "M"] * 9, "gets a map of 1×1"),
        (5_000_000, "is a cfg"), ([64, "M", 12.5], "channels are counted"),
    ],
    lesson04.column_c: [
        (net((KERNELS, KERNELS.replace("1)", "3)"))), "that's column D"),
        (net((KERNELS, KERNELS.replace(", 1)", ")"))), "that's column B"),
        (net((KERNELS, KERNELS.replace("(3, 3, 1)", "(1, 3, 3)"))), "shape of features.10.weight should be"),
        (net(("padding=kernel // 2", "padding=1")), "features.14 should give 1×256×56×56"),
        (net((CONV_RELU, CONV_RELU.replace(", nn.ReLU()", ""))), "is every ReLU and pool there"),
        (net((CONV_RELU, CONV_RELU.replace("nn.ReLU()", "nn.Identity()"))), "a relu should follow"),
        (net((AVERAGE, "nn.Identity()")), "can't take pictures of 256×256"),
        (net(("nn.Sequential(*layers)", "nn.Sequential(nn.Identity(), *layers, nn.Conv2d(512, 512, 1))")),
         "no features.0.weight"),
        (net((FORWARD, "self.classifier(x)")), "can't take pictures of 224×224"),
        (net((FORWARD, f"{FORWARD}.softmax(1)")), "nothing should follow after .*, but a softmax follows"),
        (net((FORWARD, "self.classifier(x.flatten(1))[0]")), r"should give \(2, 1000\)"),
        (net(("num_classes)", "1000)")), r"ColumnC\(10\) the shape of classifier.6.weight"),
        (net(("nn.Dropout()", "nn.Identity()")), "two dropouts"),
        (net(("self.avgpool = ", "self.more = nn.Linear(2, 2, device='meta'); self.avgpool = ")),
         "column C has no such weight"),
        (net(("super().__init__()", "pass")), "super"),
        (lambda *classes: 3, "should be a torch.nn.Module"), ("C", "is a class"),
        (net((FORWARD, "x.missing")), "has no attribute"), (net((FORWARD, "None")), "NoneType"),
    ],
}  # fmt: skip
