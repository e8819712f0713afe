"""Known mistakes in the exercises of lesson 09, build a ResNet: the solutions with one thing changed in their text."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torchvision.models import resnet

from course_lib.exercises.engine.exercise import Exercise
from course_lib.exercises.lessons import lesson09
from course_lib.exercises.lessons.lesson09 import BatchNorm2d, ResNet18
from tests.exercise_edits import edited


def norm(*edits: tuple[str, str]) -> Any:
    return edited(BatchNorm2d, *edits)


def stage(*edits: tuple[str, str]) -> Any:
    return edited(lesson09.make_layer, *edits)


def net(*edits: tuple[str, str]) -> Any:
    return edited(ResNet18, *edits)


def first(*edits: tuple[str, str]) -> Any:
    return edited(lesson09.first_difference, *edits)


def convolutions(model: nn.Module) -> list[str]:
    return [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]


def leaves(model: nn.Module) -> int:
    return len(convolutions(model)) - sum("downsample" in name for name in convolutions(model))


PROJECT = "nn.Conv2d(in_channels, out, 1, stride, bias=False)"
MAKE = "return nn.Sequential(first, *(block(out, planes) for _ in range(blocks - 1)))"
HEAD = "self.fc(self.avgpool(x).flatten(start_dim=1))"
STEM = "x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))"

WEIGHT = "self.weight = nn.Parameter(torch.ones(channels))"
MEAN = 'self.register_buffer("running_mean", torch.zeros(channels))'
MOMENTS = "mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)"

MISTAKES: dict[Exercise, list[tuple[Any, str]]] = {
    lesson09.batch_norm: [
        (nn.BatchNorm2d, "library's own BatchNorm"), (BatchNorm2d(3), "already made"), (3, "The answer is a class"),
        (norm((WEIGHT, "self.weight = torch.ones(channels)")), "weight is a plain tensor"),
        (norm((WEIGHT, 'self.register_buffer("weight", torch.ones(channels))')), "no optimizer would learn it"),
        (norm((MEAN, "self.running_mean = torch.zeros(channels)")), "running_mean is a plain tensor"),
        (norm((MEAN, "self.running_mean = nn.Parameter(torch.zeros(channels))")), "an optimizer would change it"),
        (norm(('self.register_buffer("num_batches_tracked", torch.tensor(0))', "")), "there is no num_batches_tracked"),
        (norm(("torch.tensor(0)", "torch.tensor(0.0)")), "it is a whole number"),
        (norm(("if self.training:", "if False:")), "the running statistics are used: ask self.training"),
        (norm(("if self.training:", "if True:")), "the batch's own statistics are used: ask self.training"),
        (norm((" + 1e-5)", ")")), "eps is missing"), (norm((" + 1e-5)", " + 1e-2)")), "the values differ from torch's"),
        (norm(("unbiased=False", "unbiased=True")), "the variance divides by n − 1"),
        (norm((MOMENTS, "mean, var = x.mean(0), x.var(0, unbiased=False)")), "your module raised RuntimeError"),
        (norm(("torch.sqrt(var[:, None, None] + 1e-5)", "(var[:, None, None] + 1e-5)")), "divide by its root"),
        (norm(("return x * self.weight[:, None, None] + self.bias[:, None, None]", "return x")), "are not used"),
        (norm(("            with torch.no_grad():", "            if True:")), "a buffer carries a graph"),
        (norm(("x.mean((0, 2, 3)), x.var", "x.detach().mean((0, 2, 3)), x.detach().var")), "the gradient is not"),
        (norm(("self.running_mean += 0.1", "self.running_mean += 0.9")), "keeps 10% of the old value"),
        (norm(("self.running_mean += 0.1", "self.running_mean += 0.0")), "running_mean has not changed"),
        (norm(("self.running_var += 0.1", "self.running_var += 1.0")), "it should keep 90%"),
        (norm(("var * n / (n - 1)", "var")), "took the variance that divides by n;"),
        (norm(("self.num_batches_tracked += 1", "pass")), "num_batches_tracked should be"),
        (norm(("return x * self.weight[:, None, None] + self.bias[:, None, None]",
               "return (x * self.weight[:, None, None] + self.bias[:, None, None]).detach()")), "carries no graph"),
        (norm(("return x", "self.running_var.mul_(1 if self.training else 2)\n        return x")),
         "in eval mode the buffers stay"),
        (norm(("        x = (x - mean", "        x.data += 1; x = (x - 1 - mean")), "the input itself was changed"),
        (norm(("x = (x - mean", "x -= mean[:, None, None]\n        x = (x - 0 * mean")), "raised RuntimeError"),
    ],
    lesson09.make_layer: [
        (resnet.BasicBlock, "The answer is a function"), (lambda *given: given, "type tuple"),
        (stage((MAKE, MAKE.replace("(out, planes)", "(out, planes, stride)"))),
         "only the first block of a stage takes it"),
        (stage((MAKE, MAKE.replace("- 1", ""))), "should hold 2 blocks, but it holds 3"),
        (stage((MAKE, "return nn.Sequential(*[first] * blocks)")), "the same block more than once"),
        (stage((MAKE, "return nn.Sequential([first])")), "one by one: nn.Sequential.*layers., with the star"),
        (stage(("block(in_channels, planes, stride, downsample)", "nn.Identity()")), "isn't a BasicBlock"),
        (stage((MAKE, MAKE.replace("block(out, planes)", "block(in_channels, planes)"))),
         "block 1 was made for 8 channels, but 16 come in"),
        (stage((MAKE, MAKE.replace("(out, planes)", "(out, out)"))), "16 planes instead of 4"),
        (stage(("planes, stride, downsample)", "planes, 1, downsample)")), "should have the stride 2, but it has 1"),
        (stage(("    if stride != 1 or in_channels != out:", "    if True:")), "although x fits as it is"),
        (stage(("stride != 1 or in_channels != out", "stride != 1")), "although the channels change, from 8 to 16"),
        (stage(("stride != 1 or in_channels != out", "in_channels != out")), "although stride 2 shrinks the map"),
        (stage((PROJECT, PROJECT.replace(", stride", ""))), "needs the stride 2 too"),
        (stage((PROJECT, PROJECT.replace(", bias=False", ""))), "downsample.0 has a bias"),
        (stage((f"nn.Sequential({PROJECT}, nn.BatchNorm2d(out))", PROJECT)), "the downsample of block 0 is a Conv2d"),
        (stage((", nn.BatchNorm2d(out))", ")")), "has the name 0.downsample.1. The names there: 0"),
        (stage((PROJECT, PROJECT.replace(", bias", ", padding=1, bias"))), "must match the size"),
    ],
    lesson09.resnet18: [
        (net(("self.fc = nn.Linear(512, 1000)", "self.head = nn.Linear(512, 1000)"), ("self.fc(", "self.head(")),
         "has the name fc"),
        (net(("nn.Linear(512, 1000)", "nn.Linear(512, 10)")), r"should be \(1000, 512\), but it is \(10, 512\)"),
        (net((STEM, STEM.replace("self.bn1(self.conv1(x))", "self.conv1(x)"))), "bn1 is not run"),
        (net((STEM, "x = torch.relu(self.bn1(self.conv1(x)))")), r"\(2, 64, 16, 16\), not \(2, 64, 32, 32\)"),
        (net(("stride=2, padding=3", "padding=3")), r"differs is conv1: it should give \(2, 64, 32, 32\)"),
        (net(("MaxPool2d(3", "AvgPool2d(3")), "Look between bn1 and layer1.0.conv1"),
        (net(("self.layer2(self.layer1(x))", "self.layer1(x)")), "layer2.0.conv1 is not run"),
        (net(("64, 128, 2, 2)", "64, 128, 2, 1)")), "layer2.0.conv1: it should give"),
        (net((HEAD, f"{HEAD}.softmax(1)")), "Every layer up to fc agrees"),
        (net(("nn.AdaptiveAvgPool2d(1)", "nn.AvgPool2d(2)")), r"On a \(1, 3, 70, 103\) batch your module raised"),
        (net(("nn.AdaptiveAvgPool2d(1)", "nn.AdaptiveMaxPool2d(1)")), "Look between layer4.1.bn2 and fc"),
        (net(("self.layer1(x)", "self.layer1(x * 1)"), ("nn.BatchNorm2d(64)", "nn.BatchNorm2d(64, eps=1e-1)")),
         "differs is bn1: it should give other values"),
        (ResNet18(), "already made"),
        (lambda: resnet.ResNet(resnet.BasicBlock, [2, 2, 2, 2]), "library's own network"),
    ],
    lesson09.first_difference: [
        (first(("or not torch.all((one - other).abs() <= 1e-3)", "")), "0.0015 off: the first difference is layer1"),
        (first(("one.shape != other.shape or ", "")), "On another shape"),
        (first(("(one - other).abs() <= 1e-3", "one == other")), "0.0005 apart: nothing differs"),
        (first(("                return name", "                last = name"), ("    return None", "    return last"),
               ("    for name in wanted", "    last = None\n    for name in wanted")), "difference is layer1, and"),
        (first(("in wanted:", "in found:")), "in another order: the first difference is layer1"),
        (first(("        if name in found:", "        if True:")), "raised KeyError"),
        (first(("return name", "return wanted[name]")), "a layer's name or None, not a Tensor"),
        (first(("one, other = wanted[name], found[name]", "one, other = wanted[name], found.pop(name)")), "only look"),
        ("layer1.1", "The answer is a function"),
    ],
    lesson09.count_layers: [
        (lambda model: len(convolutions(model)) + 1, "the 3 convolutions of the shortcuts"),
        (lambda model: leaves(model), "one is missing"),
        (lambda model: len(list(model.parameters())), "BatchNorm's scales"),
        (lambda model: 18, "there are 10 layers, and your function counted 18"), (18, "The answer is a function"),
        (lambda model: torch.zeros(2), "is a number"),
    ],
}  # fmt: skip
