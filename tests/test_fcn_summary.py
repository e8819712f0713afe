"""The summary of the fully convolutional ResNet18 at 3×387×1024, in torchsummary's layout, against a printed one.

The table is what torchsummary printed for the subclass that one writes by hand, whose linear layer is still there and
is not called: 68 rows and seven sums, copied as numbers.
"""

from __future__ import annotations

import pytest
from torch import Tensor, nn
from torchvision import models

from course_lib import tracing
from course_lib.tracing.trace_tables import summary_rows

#: Layer, channels, height, width, parameters.
TABLE = """
Conv2d-1 64 194 512 9408
BatchNorm2d-2 64 194 512 128
ReLU-3 64 194 512 0
MaxPool2d-4 64 97 256 0
Conv2d-5 64 97 256 36864
BatchNorm2d-6 64 97 256 128
ReLU-7 64 97 256 0
Conv2d-8 64 97 256 36864
BatchNorm2d-9 64 97 256 128
ReLU-10 64 97 256 0
BasicBlock-11 64 97 256 0
Conv2d-12 64 97 256 36864
BatchNorm2d-13 64 97 256 128
ReLU-14 64 97 256 0
Conv2d-15 64 97 256 36864
BatchNorm2d-16 64 97 256 128
ReLU-17 64 97 256 0
BasicBlock-18 64 97 256 0
Conv2d-19 128 49 128 73728
BatchNorm2d-20 128 49 128 256
ReLU-21 128 49 128 0
Conv2d-22 128 49 128 147456
BatchNorm2d-23 128 49 128 256
Conv2d-24 128 49 128 8192
BatchNorm2d-25 128 49 128 256
ReLU-26 128 49 128 0
BasicBlock-27 128 49 128 0
Conv2d-28 128 49 128 147456
BatchNorm2d-29 128 49 128 256
ReLU-30 128 49 128 0
Conv2d-31 128 49 128 147456
BatchNorm2d-32 128 49 128 256
ReLU-33 128 49 128 0
BasicBlock-34 128 49 128 0
Conv2d-35 256 25 64 294912
BatchNorm2d-36 256 25 64 512
ReLU-37 256 25 64 0
Conv2d-38 256 25 64 589824
BatchNorm2d-39 256 25 64 512
Conv2d-40 256 25 64 32768
BatchNorm2d-41 256 25 64 512
ReLU-42 256 25 64 0
BasicBlock-43 256 25 64 0
Conv2d-44 256 25 64 589824
BatchNorm2d-45 256 25 64 512
ReLU-46 256 25 64 0
Conv2d-47 256 25 64 589824
BatchNorm2d-48 256 25 64 512
ReLU-49 256 25 64 0
BasicBlock-50 256 25 64 0
Conv2d-51 512 13 32 1179648
BatchNorm2d-52 512 13 32 1024
ReLU-53 512 13 32 0
Conv2d-54 512 13 32 2359296
BatchNorm2d-55 512 13 32 1024
Conv2d-56 512 13 32 131072
BatchNorm2d-57 512 13 32 1024
ReLU-58 512 13 32 0
BasicBlock-59 512 13 32 0
Conv2d-60 512 13 32 2359296
BatchNorm2d-61 512 13 32 1024
ReLU-62 512 13 32 0
Conv2d-63 512 13 32 2359296
BatchNorm2d-64 512 13 32 1024
ReLU-65 512 13 32 0
BasicBlock-66 512 13 32 0
AvgPool2d-67 512 1 4 0
Conv2d-68 1000 1 4 513000
"""

SUMS = """
Total params: 11,689,512
Trainable params: 11,689,512
Non-trainable params: 0
Input size (MB): 4.54
Forward/backward pass size (MB): 501.42
Params size (MB): 44.59
Estimated Total Size (MB): 550.55
"""


class FullyConvolutionalResnet18(models.ResNet):
    """A pool with a window and a convolution instead of flattening; ``fc`` stays and is not called."""

    def __init__(self) -> None:
        super().__init__(models.resnet.BasicBlock, [2, 2, 2, 2])
        self.avgpool = nn.AvgPool2d((7, 7))
        self.last_conv = nn.Conv2d(self.fc.in_features, 1000, 1)

    def _forward_impl(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.last_conv(self.avgpool(x))  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def trace() -> tracing.Trace:
    return tracing.trace(FullyConvolutionalResnet18().eval(), (3, 387, 1024))


def test_every_row_is_the_printed_one(trace: tracing.Trace) -> None:
    printed = [line.split() for line in TABLE.split("\n") if line]
    expected = [(name, (-1, *map(int, sizes)), int(parameters)) for name, *sizes, parameters in printed]
    assert len(expected) == 68
    assert summary_rows(trace.calls) == expected


def test_every_line_is_printed_with_the_same_figures(trace: tracing.Trace) -> None:
    lines = [
        " ".join(line.replace("[", " ").replace("]", " ").replace(",", "").split())
        for line in trace.summary().splitlines()
    ]
    for row in TABLE.strip().splitlines():
        name, *numbers = row.split()
        assert " ".join([name, "-1", *numbers]) in lines


def test_every_sum_is_the_printed_one(trace: tracing.Trace) -> None:
    sums = [line for line in trace.summary().splitlines() if ": " in line]
    assert sums == SUMS.strip().splitlines()


def test_the_linear_layer_is_there_and_not_called(trace: tracing.Trace) -> None:
    assert {one.name for one in trace.unused} == {"fc.weight", "fc.bias"}
    assert trace.outputs == ((1, 1000, 1, 4),)
