"""Known mistakes in the exercises of lesson 03, ResNet blocks: the solutions with one thing changed in their text."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torchvision.models import resnet

from course_lib.exercises.engine.exercise import Exercise
from course_lib.exercises.lessons import lesson03
from course_lib.exercises.lessons.lesson03 import BasicBlock, BatchNorm2d, Bottleneck, ResNet18
from tests.exercise_edits import edited


def norm(*edits: tuple[str, str]) -> Any:
    return edited(BatchNorm2d, *edits)


def basic(*edits: tuple[str, str]) -> Any:
    return edited(BasicBlock, *edits)


def neck(*edits: tuple[str, str]) -> Any:
    return edited(Bottleneck, *edits)


def stage(*edits: tuple[str, str]) -> Any:
    return edited(lesson03.make_layer, *edits)


def net(*edits: tuple[str, str]) -> Any:
    return edited(ResNet18, *edits)


def convolutions(model: nn.Module) -> list[str]:
    return [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]


def leaves(model: nn.Module) -> int:
    return len(convolutions(model)) - sum("downsample" in name for name in convolutions(model))


FIRST = "nn.Conv2d(in_channels, planes, 3, stride=stride, padding=1, bias=False)"
SECOND = "nn.Conv2d(planes, planes, 3, padding=1, bias=False)"
THIRD = "nn.Conv2d(planes, planes * self.expansion, 1, bias=False)"
END = "return torch.relu(out + shortcut)"
KEEP = "self.downsample = downsample"
INNER = "torch.relu(self.bn1(self.conv1(x)))"
PROJECT = "nn.Conv2d(in_channels, out, 1, stride, bias=False)"
MAKE = "return nn.Sequential(first, *(block(out, planes) for _ in range(blocks - 1)))"
HEAD = "self.fc(self.avgpool(x).flatten(start_dim=1))"
STEM = "x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))"

WEIGHT = "self.weight = nn.Parameter(torch.ones(channels))"
MEAN = 'self.register_buffer("running_mean", torch.zeros(channels))'
MOMENTS = "mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)"

MISTAKES: dict[Exercise, list[tuple[Any, str]]] = {
    lesson03.batch_norm: [
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
    lesson03.legal_add: [
        ("ABD", "B isn't legal"), ({"a", "c", "d"}, "C isn't legal"), ("D", "A is missing"), ("A", "broadcasting"),
        (["A", "E"], "'E' is none of the letters"), (4, "a word of letters, such as \"BC\""),
        ("A or D", "'O' isn't one of the letters from A to D. Write only letters"),
    ],
    lesson03.bottleneck_parameters: [
        (69632 + 384, "a bias for each channel"), (70400, "with its BatchNorms"), (589824, "is there to avoid"),
        (256 + 576 + 256, "multiply by both"), (1179648, "1179648 isn't right"), (10**17, "more than 15 digits"),
    ],
    lesson03.needs_downsample: [
        (lambda c, planes, stride, e: c != planes * e, "stride 2 makes the map smaller"),
        (lambda c, planes, stride, e: stride != 1, "64 come in, planes × expansion = 128 go out"),
        (lambda c, planes, stride, e: stride != 1 or c != planes, "planes × expansion = 256 go out"),
        (lambda c, planes, stride, e: True, "no downsample is needed"),
        (lambda c, planes, stride, e: "yes", "True or False, not a value of type str"),
        (lambda c, planes, stride, e: int(stride != 1), "True or False, not 0 of type int"),
    ],
    lesson03.basic_block: [
        # made
        (3, "The answer is a class"), (BasicBlock(8, 8), "already made"), (lambda *given: given, "type tuple"),
        (lambda a, b: BasicBlock(a, b), "your function raised TypeError"),
        (basic(("super().__init__()", "pass")), r"super\(\).__init__\(\)"),
        (basic(("(nn.Module)", "(object)"), ("super().__init__()", "pass")), "inherit from nn.Module"),
        (basic(("expansion = 1", "")), "expansion = 1"),
        (resnet.BasicBlock, "library's own block"),
        # keys and shapes
        (basic((", padding=1, bias=False", ", padding=1")), "a bias"),
        (basic(("self.bn2", "self.norm2")), "has the name bn2. The names there: conv1, bn1, conv2, norm2"),
        (basic(("self.downsample = downsample", "self.downsample = None")), "has the name downsample"),
        (basic(("self.bn2 = nn.BatchNorm2d(planes)", "self.bn2 = nn.BatchNorm2d(planes, track_running_stats=False)")),
         "the key bn2.running_mean, and yours does not"),
        (basic(("self.downsample = down", "self.conv3 = nn.Conv2d(1, 1, 1); self.downsample = down")),
         "conv3.weight too much"),
        (basic((SECOND, "nn.Conv2d(planes, planes, 1, bias=False)")), r"should be \(8, 8, 3, 3\), but it is \(8, 8, 1"),
        (basic((KEEP, f"{KEEP}; self.double()")),
         "float32 on cpu, but it is torch.float64 on cpu"),
        (basic((KEEP, f"{KEEP}; self.to('meta')")),
         "but it is torch.float32 on meta"),
        # strides and paddings
        (basic((SECOND, SECOND.replace("3,", "3, stride=stride,"))), "on conv1 and conv2"),
        (basic((FIRST, FIRST.replace("stride=stride, ", ""))), "no convolution takes the stride"),
        (basic((FIRST, FIRST.replace("stride=stride, ", "")), (SECOND, SECOND.replace("3,", "3, stride=stride,"))),
         "it belongs on conv1"),
        (basic((FIRST, FIRST.replace("stride=stride", "stride=2"))), "but stride=1 was asked for"),
        (basic((SECOND, SECOND.replace("padding=1, ", ""))), "conv2 should have the padding 1, not 0"),
        # forward
        (basic((END, END.replace("out + shortcut", "shortcut + out[:, :, :1]"))), "values differ by up to"),
        (basic((INNER, "nn.ReLU(self.bn1(self.conv1(x)))")), ": nn.ReLU.x. makes a layer of x; use torch.relu"),
        (basic((END, "return nn.ReLU(out + shortcut)")), "should return a tensor: nn.ReLU.x. makes a layer of x"),
        (basic((END, "return nn.Sigmoid(out + shortcut)")), "use torch.sigmoid.x., or nn.Sigmoid.. made in __init__"),
        (basic(("self.conv2(out)", "self.conv2(self.bn1)")), "a layer, BatchNorm2d, stands where a tensor should"),
        (basic(("x if self.downsample is None else self.downsample(x)", "self.downsample(x)")),
         "downsample may be None, and then the shortcut is x itself"),
        (basic((END, "return out[:, 0]")), r"shape should be \(2, 8, 9, 8\)"),
        (basic((END, "")), "is the return missing"),
        (basic((END, END + ".double()")), "dtype should be torch.float32"),
        (basic((END, "return (out + shortcut).to('meta')")), "on the device meta"),
        (basic((END, "x += 1\n        " + END)), "input itself was changed"),
        (basic((END, "return torch.relu(out + shortcut).detach()")), "carries no graph"),
        (basic(("shortcut = x if", "shortcut = x.detach() if")), "the gradient does not come back to x"),
        (basic(("shortcut = x if self.downsample is None else self.downsample(x)", "shortcut = x")),
         "Does x go through self.downsample"),
        (basic((END, "return out + shortcut")), "after the addition is missing"),
        (basic((END, "return torch.relu(out) + shortcut")), "comes before the addition; it belongs after it"),
        (basic((END, "return torch.relu(torch.relu(out) + shortcut)")), "an extra ReLU"),
        (basic((END, "return torch.relu(out)")), "nothing is added"),
        (basic(("is None else", "is None or x.shape == self.conv1(x).shape else")), "although a downsample was given"),
        (basic((INNER, "self.bn1(self.conv1(x))")), "no ReLU between the convolutions"),
        (basic((INNER, "self.bn1(torch.relu(self.conv1(x)))")), "BatchNorm first"),
        (basic(("self.bn1(self.conv1(x))", "self.conv1(x)"), ("self.bn2(self.conv2(out))", "self.conv2(out)")),
         "made, but not used"),
        (basic((END, END.replace("torch.relu", "nn.functional.gelu"))), "they should be equal"),
    ],
    lesson03.bottleneck: [
        (resnet.Bottleneck, "library's own block"),
        (neck((", 3, stride=stride", ", 3"), ("in_channels, planes, 1,", "in_channels, planes, 1, stride=stride,")),
         "as in the paper"),
        (neck((THIRD, THIRD.replace("1,", "1, stride=stride,")), (", 3, stride=stride", ", 3")), "belongs on conv2"),
        (neck((THIRD, THIRD.replace("1,", "1, padding=1,"))), "conv3 should have the padding 0, not 1"),
        (neck((THIRD, THIRD.replace(" * self.expansion", ""))), r"should be \(32, 8, 1, 1\), but it is \(8, 8, 1, 1\)"),
        (neck(("expansion = 4", "expansion = 1")), "expansion = 4"),
        (neck((INNER, "self.bn1(self.conv1(x))")), "after the first BatchNorm is missing"),
        (neck(("torch.relu(self.bn2(self.conv2(out)))", "self.bn2(self.conv2(out))")), "second BatchNorm is missing"),
        (neck((END, "return out + shortcut")), "after the addition is missing"),
    ],
    lesson03.make_layer: [
        (BasicBlock, "The answer is a function"), (lambda *given: given, "type tuple"),
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
    lesson03.resnet18: [
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
    lesson03.count_layers: [
        (lambda model: len(convolutions(model)) + 1, "the 3 convolutions of the shortcuts"),
        (lambda model: leaves(model), "one is missing"),
        (lambda model: len(list(model.parameters())), "BatchNorm's scales"),
        (lambda model: 18, "there are 10 layers, and your function counted 18"), (18, "The answer is a function"),
        (lambda model: torch.zeros(2), "is a number"),
    ],
}  # fmt: skip
