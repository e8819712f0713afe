"""Known mistakes in the exercises of lesson 03, ResNet blocks: the solutions with one thing changed in their text."""

from __future__ import annotations

from typing import Any

from torchvision.models import resnet

from course_lib.exercises.engine.exercise import Exercise
from course_lib.exercises.lessons import lesson03
from course_lib.exercises.lessons.lesson03 import BasicBlock, Bottleneck
from tests.exercise_edits import edited


def basic(*edits: tuple[str, str]) -> Any:
    return edited(BasicBlock, *edits)


def neck(*edits: tuple[str, str]) -> Any:
    return edited(Bottleneck, *edits)


FIRST = "nn.Conv2d(in_channels, planes, 3, stride=stride, padding=1, bias=False)"
SECOND = "nn.Conv2d(planes, planes, 3, padding=1, bias=False)"
THIRD = "nn.Conv2d(planes, planes * self.expansion, 1, bias=False)"
END = "return torch.relu(out + shortcut)"
KEEP = "self.downsample = downsample"
INNER = "torch.relu(self.bn1(self.conv1(x)))"

MISTAKES: dict[Exercise, list[tuple[Any, str]]] = {
    lesson03.legal_add: [
        ("ABD", "B isn't legal"), ({"a", "c", "d"}, "C isn't legal"), ("D", "A is missing"), ("A", "broadcasting"),
        (["A", "E"], "'E' isn't one of the letters"), (4, "a word of letters, such as \"BC\""),
        ("A or D", "'O' isn't one of the letters from A to D. Write only letters"),
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
    lesson03.bottleneck_parameters: [
        (69632 + 384, "a bias for each channel"), (70400, "with its BatchNorms"), (589824, "is there to avoid"),
        (256 + 576 + 256, "multiply by both"), (1179648, "1179648 isn't right"), (10**17, "more than 15 digits"),
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
}  # fmt: skip
