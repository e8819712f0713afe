"""convert against the classifiers themselves: the same logits at their own size, and the layers written by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from course_lib.fcn import FcnError, convert


class ByHand(models.ResNet):
    """The fully convolutional ResNet18 as one writes it: a pool with a window, a 1×1 convolution, no flattening."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(models.resnet.BasicBlock, [2, 2, 2, 2], **kwargs)
        self.avgpool = nn.AvgPool2d((7, 7))  # type: ignore[assignment]
        self.last_conv = nn.Conv2d(512, self.fc.out_features, 1)
        self.load_fc()

    def load_fc(self) -> None:
        self.last_conv.weight.data.copy_(self.fc.weight.data.view(*self.fc.weight.shape, 1, 1))
        self.last_conv.bias.data.copy_(self.fc.bias.data)  # type: ignore[union-attr]

    def _forward_impl(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.last_conv(self.avgpool(x))  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def resnet() -> nn.Module:
    torch.manual_seed(0)
    return models.resnet18().eval()


def test_by_hand_and_by_call_agree_to_the_bit(resnet: nn.Module) -> None:
    by_hand = ByHand().eval()
    by_hand.load_state_dict(resnet.state_dict(), strict=False)
    by_hand.load_fc()
    picture = torch.rand(1, 3, 387, 1024)
    with torch.no_grad():
        ours, theirs = convert(resnet)(picture), by_hand(picture)
    assert ours.shape == (1, 1000, 1, 4)
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("name", ["resnet18", "vgg11", "alexnet", "squeezenet1_1"])
def test_the_classifiers_own_logits_at_its_own_size(name: str) -> None:
    torch.manual_seed(0)
    model = models.get_model(name, weights=None).eval()
    batch = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        logits, found = model(batch), convert(model)(batch)
    assert found.shape == (2, 1000, 1, 1)
    assert float(logits.std()) > 1e-3
    torch.testing.assert_close(found.flatten(1), logits, rtol=0, atol=1e-5)


def test_too_small_a_picture_is_refused_in_a_sentence(resnet: nn.Module) -> None:
    fcn = convert(resnet)
    assert fcn.smallest == 193  # seven cells of 32 pixels, the last of which needs one pixel only
    assert fcn.cells(193, 193) == (1, 1)
    for size in ((192, 1000), (1000, 1), (1, 1)):
        with pytest.raises(FcnError, match="too small: one cell of this network's map needs 193×193"):
            fcn(torch.rand(1, 3, *size))
        with pytest.raises(FcnError, match="too small"):
            fcn.cells(*size)


def test_dilation_is_torchvisions_own_where_torchvision_has_it() -> None:
    torch.manual_seed(0)
    model = models.resnet50(num_classes=10).eval()
    for levels, replaced in ((1, [False, False, True]), (2, [False, True, True])):
        theirs = models.resnet50(num_classes=10, replace_stride_with_dilation=replaced).eval()
        theirs.load_state_dict(model.state_dict())
        kept: list[Tensor] = []
        theirs.layer4.register_forward_hook(lambda _, __, output, kept=kept: kept.append(output))
        fcn = convert(model, dilated=levels, pool=1)
        picture = torch.randn(1, 3, 225, 290)
        with torch.no_grad():
            theirs(picture)
            expected = torch.einsum("oc,bchw->bohw", theirs.fc.weight, kept[0]) + theirs.fc.bias.view(1, -1, 1, 1)
            torch.testing.assert_close(fcn(picture), expected, rtol=0, atol=1e-5 * float(expected.abs().max()))
        assert fcn.stride == 32 // 2**levels
