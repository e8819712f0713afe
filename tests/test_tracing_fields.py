"""Receptive fields against what a network really sees: one pixel made NaN spoils exactly the cells that see it.

NaN goes through every convolution, pooling, activation and addition, whatever the weights are.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import resnet18, shufflenet_v2_x0_5, squeezenet1_1

from course_lib import tracing
from course_lib.tracing import Field


class Branches(nn.Module):
    """Two paths of different fields, one of them through a transposed convolution and a resize, put together twice."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv2d(3, 2, 5, padding=2)
        self.narrow = nn.Conv2d(3, 2, 1)
        self.dilated = nn.Conv2d(4, 2, 3, dilation=3, padding=3)
        self.down = nn.MaxPool2d(3, 2, ceil_mode=True)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([self.wide(x), self.narrow(x)], 1)
        x = x[:, :, 1:, 2:]
        x = nn.functional.pad(x, (1, 0, 2, 0))
        return self.down(torch.relu(self.dilated(x)) + x[:, :2])


def cells_that_see(model: nn.Module, size: int, row: int, column: int) -> Tensor:
    x = torch.zeros(1, 3, size, size)
    x[0, :, row, column] = float("nan")
    with torch.no_grad():
        return model(x)[0].isnan().any(0)  # (H, W)


class UpTo(nn.Module):
    """A model's layers up to one of them."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)  # type: ignore[no-any-return]


def resnet_part() -> nn.Module:
    m = resnet18()
    return UpTo([m.conv1, m.bn1, m.relu, m.maxpool, m.layer1, m.layer2])


def shuffle_part() -> nn.Module:
    m = shufflenet_v2_x0_5()
    return UpTo([m.conv1, m.maxpool, m.stage2[:2]])


@pytest.mark.parametrize(
    ("model", "size"),
    [(Branches(), 24), (resnet_part(), 160), (squeezenet1_1().features[:8], 95), (shuffle_part(), 96),
     (nn.Sequential(nn.Conv2d(3, 2, 3, stride=2), nn.ConvTranspose2d(2, 2, 3, stride=1)), 21),
     (nn.Sequential(nn.Conv2d(3, 2, 4, stride=3, padding="valid"), nn.AvgPool2d(2, 1)), 31),
     (nn.Sequential(nn.Conv2d(3, 2, 4, padding="same"), nn.AdaptiveAvgPool2d(4)), 16)],
    ids=["branches", "resnet18", "squeezenet", "shufflenet", "transposed", "valid", "adaptive"],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Using padding=.same.")
def test_a_cell_sees_the_pixels_of_its_box_and_no_others(model: nn.Module, size: int) -> None:
    model.eval()
    field = tracing.trace(model, (3, size, size))[-1].field
    assert isinstance(field, Field) and not field.whole
    with torch.no_grad():
        high, wide = model(torch.zeros(1, 3, size, size)).shape[-2:]
    middle = (size // 2, size // 2 - 3)
    for row, column in (middle, (0, 0), (size - 1, size // 3)):
        seen = cells_that_see(model, size, row, column)
        boxes = [[field.box(i, j) for j in range(wide)] for i in range(high)]
        told = torch.tensor([[left <= column < right and top <= row < bottom for left, top, right, bottom in line]
                             for line in boxes])  # fmt: skip
        assert not (seen & ~told).any()  # nobody sees more than the field says
        # And the field is no larger than need be: rows and columns of cells agree with what is seen.
        assert torch.equal(seen.any(0), told.any(0)) and torch.equal(seen.any(1), told.any(1))


def test_the_published_fields_of_resnet18_and_vgg16() -> None:
    """https://distill.pub/2019/computing-receptive-fields gives 483 for the paper's ResNet-50 and 212 for VGG-16."""
    assert tracing.trace("resnet50")["layer4.2.relu_2"].field.size == (427, 427)  # torchvision strides the 3×3: v1.5
    assert tracing.trace("resnet18")["layer4.1.relu_1"].field.size == (435, 435)
    assert tracing.trace("vgg16")["features.30"].field.size == (212, 212)
    assert tracing.trace("alexnet")["features.12"].field.size == (195, 195)


def test_branches_that_differ_are_named_and_the_largest_counts() -> None:
    op = tracing.trace("resnet18")["layer2.0.add"]
    assert op.field is not None
    assert op.field.branches == (("layer2.0.bn2", 67), ("layer2.0.downsample.1", 43)) and op.field.size == (67, 67)
    assert "branches differ" in op.explain()


def test_global_steps_see_everything() -> None:
    for name, op in (("resnet18", "fc"), ("mobilenet_v3_small", "features.1.block.1.mul"), ("vit_b_16", "encoder.ln")):
        field = tracing.trace(name)[op].field
        assert field is not None and field.whole and field.size == (224, 224)
    assert tracing.trace("vgg11")["flatten"].field.whole is False
    assert tracing.trace("vgg11")["classifier.0"].field.whole is True
    assert tracing.trace("swin_t")["features.1.1.add"].field is None  # windows are not followed, and that is said
