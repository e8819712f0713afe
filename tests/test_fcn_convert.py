"""convert against the classifiers themselves: the same logits at their own size, and the layers written by hand."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models
from torchvision.transforms import functional as pictures

from course_lib.errors import CourseError, ModelNameError
from course_lib.models.classifier import load_classifier
from course_lib.networks.fcn import FcnError, convert
from course_lib.networks.fcn.dilation import AtrousPool2d
from course_lib.networks.fcn.fully_convolutional import mean_of_scales
from tests.converted_families import HERE, assert_its_own_logits, built, vgg


@pytest.fixture(scope="module")
def resnet() -> nn.Module:
    torch.manual_seed(0)
    return models.resnet18(num_classes=10).eval()


# -- at the classifier's own size -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HERE)
def test_the_classifiers_own_logits_at_its_own_size(name: str) -> None:
    assert_its_own_logits(name)


def test_a_classifier_brings_its_names_and_its_preparation() -> None:
    classifier = load_classifier("squeezenet1_1", weights="course", device="cpu")
    fcn = convert(classifier)
    assert fcn.categories == classifier.categories and fcn.window == 224
    picture = Image.effect_noise((224, 224), 80).convert("RGB")
    prepared = fcn.prepare(picture)
    expected = pictures.normalize(pictures.to_tensor(picture), list(fcn.mean), list(fcn.std))
    assert torch.equal(prepared, expected[None])
    with torch.no_grad():
        torch.testing.assert_close(fcn(prepared)[0, :, 0, 0], classifier.logits(prepared)[0], rtol=0, atol=1e-5)


class Small(nn.Module):
    """A net with a head of its own, after a map of 6×6 cells at 24 pixels."""

    def __init__(self, *head: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.MaxPool2d(2))
        self.head = nn.Sequential(*head)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "head",
    [
        (nn.Flatten(), nn.Linear(144, 8), nn.ReLU(), nn.Linear(8, 3)),  # LeNet's way
        (nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Dropout(), nn.Linear(36, 3)),
        (nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(4, 3)),
        (nn.AvgPool2d(6), nn.Flatten(), nn.BatchNorm1d(4), nn.Linear(4, 3, bias=False)),
        (nn.AvgPool2d(4), nn.Flatten(), nn.LayerNorm(4), nn.Linear(4, 3)),  # the last two rows and columns fall away
        (nn.Conv2d(4, 3, 1), nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    ],
)
@pytest.mark.parametrize("options", [{}, {"dense": True}, {"dilated": 1}])
def test_heads_of_a_learners_own(head: tuple[nn.Module, ...], options: dict[str, Any]) -> None:
    torch.manual_seed(1)
    model = Small(*head)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.running_mean = torch.randn(4)
    model.eval()
    batch = torch.randn(2, 3, 24, 24)
    fcn = convert(model, window=24, **options)
    torch.testing.assert_close(fcn(batch)[:, :, 0, 0], model(batch), rtol=0, atol=1e-5)
    assert fcn(torch.randn(1, 3, 50, 70)).shape[-2:] == fcn.cells(50, 70) > (1, 1)


# -- the same layers by hand ------------------------------------------------------------------------------------------


class ByHand(models.ResNet):
    """The fully convolutional ResNet18 as one writes it: a pool with a window, a 1×1 convolution, no flattening.

    The linear layer stays where it was and is not called any more.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(models.resnet.BasicBlock, [2, 2, 2, 2], **kwargs)
        self.avgpool = nn.AvgPool2d((7, 7))  # type: ignore[assignment]
        self.last_conv = nn.Conv2d(512, self.fc.out_features, 1)
        self.take_over()

    def take_over(self) -> None:
        self.last_conv.weight.data.copy_(self.fc.weight.data.view(*self.fc.weight.shape, 1, 1))
        self.last_conv.bias.data.copy_(self.fc.bias.data)  # type: ignore[union-attr]

    def _forward_impl(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.last_conv(self.avgpool(x))  # type: ignore[no-any-return]


def test_by_hand_and_by_call_agree_to_the_bit(resnet: nn.Module) -> None:
    by_hand = ByHand(num_classes=10).eval()
    by_hand.load_state_dict(resnet.state_dict(), strict=False)
    by_hand.take_over()
    picture = torch.rand(1, 3, 387, 1024)
    with torch.no_grad():
        ours, theirs = convert(resnet)(picture), by_hand(picture)
    assert ours.shape == (1, 10, 1, 4)
    assert torch.equal(ours, theirs)


def test_dilation_is_torchvisions_own_where_torchvision_has_it() -> None:
    torch.manual_seed(0)
    model = models.resnet50(num_classes=10).eval()
    picture = torch.randn(1, 3, 129, 170)
    for levels, replaced in ((1, [False, False, True]), (2, [False, True, True])):
        theirs = models.resnet50(num_classes=10, replace_stride_with_dilation=replaced).eval()
        theirs.load_state_dict(model.state_dict())
        kept: list[Tensor] = []
        theirs.layer4.register_forward_hook(lambda _, __, output, kept=kept: kept.append(output))
        fcn = convert(model, dilated=levels, pool=1)
        with torch.no_grad():
            theirs(picture)
            expected = torch.einsum("oc,bchw->bohw", theirs.fc.weight, kept[0]) + theirs.fc.bias.view(1, -1, 1, 1)
            torch.testing.assert_close(fcn(picture), expected, rtol=0, atol=1e-5 * float(expected.abs().max()))
        assert fcn.stride == 32 // 2**levels


# -- beyond it --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["squeezenet1_1", "shufflenet_v2_x0_5", "VGG"])
@pytest.mark.parametrize("size", [(261, 300), (224, 321)])
def test_every_nth_cell_of_a_dilated_map_is_the_dense_maps(name: str, size: tuple[int, int]) -> None:
    model, _, _ = built(name)
    picture = torch.randn(1, 3, *size)
    with torch.no_grad():
        dense = convert(model, dense=True)(picture)
        for levels in (1, 2):
            finer = convert(model, dilated=levels)(picture)[:, :, :: 2**levels, :: 2**levels]
            rows, columns = dense.shape[-2:]  # a map of an odd side has one more cell where its stride is gone
            torch.testing.assert_close(finer[:, :, :rows, :columns], dense, rtol=0, atol=1e-5)


class Twice(nn.Module):
    """One convolution called twice, on the map of a stride."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.again = nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 4, 3, 1, 1)
        self.fc = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.again(self.again(self.first(x)).relu())
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))  # type: ignore[no-any-return]


def test_a_layer_that_is_called_twice_is_dilated_once() -> None:
    model, picture = Twice(), torch.randn(1, 3, 40, 48)
    with torch.no_grad():
        dense = convert(model, window=24, dense=True)(picture)
        finer = convert(model, window=24, dilated=1)(picture)
    torch.testing.assert_close(finer[:, :, ::2, ::2], dense, rtol=0, atol=1e-5)


def test_a_plain_map_is_every_seventh_cell_of_the_dense_one(resnet: nn.Module) -> None:
    picture = torch.randn(1, 3, 480, 500)
    with torch.no_grad():
        plain, dense = convert(resnet)(picture), convert(resnet, dense=True)(picture)
    assert plain.shape[-2:] == (2, 2) and dense.shape[-2:] == (9, 10)
    torch.testing.assert_close(dense[:, :, ::7, ::7], plain, rtol=0, atol=1e-5)


def test_another_pool_is_torchs_own(resnet: nn.Module) -> None:
    picture = torch.randn(1, 3, 300, 320)
    body = nn.Sequential(*list(resnet.children())[:-2])
    fcn = convert(resnet, dense=True, pool=4)
    with torch.no_grad():
        pooled = F.avg_pool2d(body(picture), 4, 1)
        expected = torch.einsum("oc,bchw->bohw", resnet.fc.weight, pooled) + resnet.fc.bias[:, None, None]
        torch.testing.assert_close(fcn(picture), expected, rtol=0, atol=1e-5 * float(expected.abs().max()))
    assert (fcn.stride, fcn.window) == (32, 128)


def test_whole_numbers_of_pixels_and_cells(resnet: nn.Module) -> None:
    kinds: list[dict[str, Any]] = [{}, {"dense": True}, {"dilated": 2}]
    made = [convert(resnet, **options) for options in kinds]
    assert [(fcn.stride, fcn.window) for fcn in made] == [(224, 224), (32, 224), (8, 224)]
    half = convert(resnet, dense=True, pyramid=(0.5,))
    assert (half.stride, half.window) == (64, 448)
    assert convert(vgg()).cells(387, 1024) == (6, 26)
    for size in ((193, 900), (1200, 193)):
        fcn = convert(resnet, dense=True)
        with torch.no_grad():
            assert fcn(torch.rand(1, 3, *size)).shape[-2:] == fcn.cells(*size)


def test_scales_are_read_where_their_windows_have_their_middles() -> None:
    """numpy's interp is the oracle: maps of one row at scales 1 and 0.5, windows of 96 pixels, 32 apart."""
    fine, coarse = torch.randn(1, 2, 1, 15), torch.randn(1, 2, 1, 6)
    found = mean_of_scales([coarse, fine], (0.5, 1.0), step=32, side=96)
    where, there = np.arange(15) * 32 + 48, (np.arange(6) * 32 + 48) / 0.5
    for channel in range(2):
        read = np.interp(where, there, coarse[0, channel, 0].numpy())
        expected = (read + fine[0, channel, 0].numpy()) / 2
        np.testing.assert_allclose(found[0, channel, 0].numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_pyramid_in_half_precision(dtype: torch.dtype) -> None:
    model = Small(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    picture = torch.rand(1, 3, 460, 500)
    with torch.no_grad():
        expected = convert(model, dense=True, pyramid=(1.0, 0.5))(picture)
        half = convert(copy.deepcopy(model).to(dtype), dense=True, pyramid=(1.0, 0.5))(picture.to(dtype))
    assert half.dtype == dtype
    torch.testing.assert_close(half.float(), expected, rtol=0.05, atol=0.05)


def test_wrappers_are_taken_off_in_whatever_order(resnet: nn.Module) -> None:
    picture = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        plain = convert(resnet)(picture)
        for wrapped in (nn.DataParallel(torch.compile(resnet)), torch.compile(nn.DataParallel(resnet))):
            assert torch.equal(convert(wrapped)(picture), plain)


def test_a_pyramid_of_one_scale_is_that_scale(resnet: nn.Module) -> None:
    picture = torch.randn(1, 3, 256, 320)
    with torch.no_grad():
        assert torch.equal(convert(resnet, pyramid=(1.0,))(picture), convert(resnet)(picture))
        larger = F.interpolate(picture, (512, 640), mode="bilinear", antialias=True, align_corners=False)
        double = convert(resnet, dense=True, pyramid=(2.0,))(picture)
        torch.testing.assert_close(double, convert(resnet, dense=True)(larger), rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["avg", "max"])
def test_pools_with_holes_against_unfolding(kind: str) -> None:
    x = torch.randn(2, 3, 11, 14)
    windows = F.unfold(x, 3, dilation=2, stride=2).view(2, 3, 9, 4, 5)
    expected = windows.mean(2) if kind == "avg" else windows.amax(2)
    torch.testing.assert_close(AtrousPool2d(3, 2, dilation=2, kind=kind)(x), expected)
    theirs = F.avg_pool2d(x, 3, 1, 1) if kind == "avg" else F.max_pool2d(x, 3, 1, 1)
    torch.testing.assert_close(AtrousPool2d(3, padding=1, kind=kind)(x), theirs)


# -- the model stays as it is -----------------------------------------------------------------------------------------


def test_the_model_stays_as_it_is() -> None:
    torch.manual_seed(0)
    model = models.mobilenet_v3_small(num_classes=10).train()
    calls: list[str] = []
    model.features[0].register_forward_hook(lambda *_: calls.append("hook"))
    model.features[1].register_forward_pre_hook(lambda *_: calls.append("pre"))
    before = copy.deepcopy(model.state_dict())
    names, random = [name for name, _ in model.named_modules()], torch.get_rng_state()
    fcn = convert(model, dilated=1)
    assert torch.equal(torch.get_rng_state(), random)
    with torch.no_grad():
        fcn.train()(torch.randn(2, 3, 224, 224))  # BatchNorm's statistics move, the network's own ones
    assert calls == [] and model.training and len(model.features[0]._forward_hooks) == 1
    assert [name for name, _ in model.named_modules()] == names
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert not any(hasattr(module, "graph") for module in model.modules())


def test_the_weights_are_the_models_own_and_a_copy_is_not(resnet: nn.Module) -> None:
    fcn = convert(resnet)
    weight = dict(fcn.named_parameters())["network.fc.weight"]
    assert weight.shape == (10, 512, 1, 1)
    assert weight.data_ptr() == resnet.fc.weight.data_ptr()
    apart = copy.deepcopy(fcn)
    assert dict(apart.named_parameters())["network.fc.weight"].data_ptr() != weight.data_ptr()
    assert not {one.data_ptr() for one in fcn.buffers()} & {one.data_ptr() for one in resnet.buffers()}
    frozen = copy.deepcopy(resnet).requires_grad_(False)
    assert not any(one.requires_grad for one in convert(frozen).parameters())
    assert not fcn.training


def test_remarks_count_what_pools_the_whole_picture() -> None:
    model = models.efficientnet_b0()
    blocks = sum(type(module).__name__ == "SqueezeExcitation" for module in model.modules())
    (remark,) = convert(model).remarks
    assert remark == (
        f"{blocks} layers pool the whole picture (squeeze and excitation): every cell depends a little on all of it."
    )
    assert convert(models.resnet18()).remarks == ()


# -- refusals ---------------------------------------------------------------------------------------------------------


class Joined(nn.Module):
    """Two ways down whose sizes are rounded differently, up and down: they fit for multiples of 32 alone, as in DLA."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1))
        self.deep = nn.Sequential(*(nn.Conv2d(8, 8, 3, 2, 1) for _ in range(3)))
        self.fc = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        return self.fc((self.deep(y) + F.max_pool2d(F.max_pool2d(y, 4), 2)).mean((2, 3)))  # type: ignore[no-any-return]


def test_a_network_that_takes_multiples_alone_says_so_for_other_sizes() -> None:
    torch.manual_seed(0)
    model = Joined().eval()
    fcn = convert(model, dense=True)
    picture = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        assert torch.allclose(fcn(picture)[..., 0, 0], model(picture), atol=1e-5)
    assert fcn.multiple == 32 and "multiples of 32" in fcn.remarks[-1] and fcn.smallest % 32 == 0
    assert fcn(torch.zeros(1, 3, 256, 480)).shape[2:] == fcn.cells(256, 480) == (2, 9)
    with pytest.raises(FcnError, match=r"387×1024 .*only sides that are multiples of 32.*such as to 416×1024"):
        fcn(torch.zeros(1, 3, 387, 1024))
    with pytest.raises(FcnError, match="multiples of 32"):
        fcn.prepare(Image.new("RGB", (500, 400)))
    scaled = convert(model, pyramid=(1.0, 0.5))
    assert scaled.smallest % 64 == 0 and scaled(torch.zeros(1, 3, *(scaled.smallest,) * 2)).shape[1] == 5
    with pytest.raises(FcnError, match=r"multiples of 32 at every scale.*512×512"):
        scaled.cells(480, 480)
    assert convert(models.resnet18()).multiple == 1


class ChannelsLast(nn.Module):
    """Its maps have their channels at the end, as in MambaOut and timm's Swin."""

    def __init__(self, head: str, side: int = 4) -> None:
        super().__init__()
        self.stem, self.norm, self.mix = nn.Conv2d(3, 12, 8, 8), nn.LayerNorm(12), nn.Linear(12, side)
        self.kind = head
        self.fc = nn.Linear(side if head != "flatten" else side * 16, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = F.gelu(self.mix(self.norm(self.stem(x).permute(0, 2, 3, 1))))  # (B, H, W, C)
        if self.kind == "mean":
            return self.fc(y.mean((1, 2)))  # type: ignore[no-any-return]
        if self.kind == "back":
            return self.fc(y.movedim(-1, 1).mean((2, 3)))  # type: ignore[no-any-return]
        return self.fc(y.flatten(1))  # type: ignore[no-any-return]


@pytest.mark.parametrize("head", ["mean", "back", "flatten"])
@pytest.mark.parametrize("channels", [4, 7])
def test_maps_with_their_channels_at_the_end(head: str, channels: int) -> None:
    """With four channels the map is 4×4×4, so that its shape does not tell which axis is which."""
    torch.manual_seed(0)
    model = ChannelsLast(head, channels).eval()
    fcn = convert(model, window=32, dense=True)
    picture = torch.randn(2, 3, 48, 64)
    with torch.no_grad():
        cells = fcn(picture)
        assert cells.shape == (2, 5, 3, 5)
        for row, column in ((0, 0), (2, 3), (1, 4)):
            top, left = row * 8, column * 8
            window = picture[..., top : top + 32, left : left + 32]
            assert torch.allclose(cells[..., row, column], model(window), atol=1e-5)
    assert fcn.network.get_submodule("fc").weight.data_ptr() == model.fc.weight.data_ptr()  # type: ignore[operator]


class Scaled(nn.Module):
    """A learned number after the last map, as in HGNet."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = nn.Conv2d(3, 4, 8, 8), nn.Linear(4, 5)
        self.scale, self.bias = nn.Parameter(torch.tensor([1.5])), nn.Parameter(torch.tensor([0.25]))

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x).mean((2, 3), keepdim=True)
        return self.fc((self.scale * y + self.bias).flatten(1))  # type: ignore[no-any-return]


def test_a_learned_number_in_the_head_stays() -> None:
    model, picture = Scaled().eval(), torch.randn(1, 3, 64, 64)
    assert torch.allclose(convert(model, window=64)(picture)[..., 0, 0], model(picture), atol=1e-6)


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.mean((2, 3)) if x.sum() > 0 else x.amax((2, 3)))  # type: ignore[no-any-return]


class TwoPools(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ("vit_b_16", r"positional embedding \(encoder.pos_embedding\) has exactly 197 rows of 768 numbers"),
        ("vit_h_14", r"positional embedding \(encoder.pos_embedding\) has exactly 257 rows of 1280 numbers"),
        (Branching(), "cannot be taken apart: its forward makes decisions by numbers"),
        (TwoPools(), r"no head of the kind pool → flatten → linear: cat\(\) puts 2 tensors together"),
        (nn.Conv2d(3, 4, 3), "Conv2d gives a map already: 1×4×222×222 for one picture"),
        (
            nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(2)),
            r"isn't a classifier: one picture gives a tensor \(1, 4, 49284\)",
        ),
        (Small(nn.AdaptiveAvgPool2d(5), nn.Flatten(), nn.Linear(100, 2)), "windows of unequal size"),
        (Small(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Softmax(1)), r"there is head.2 \(Softmax\), 1×4 → 1×4"),
        (nn.Sequential(nn.Conv3d(3, 4, 3)), "takes videos"),
        (torch.ao.quantization.quantize_dynamic(Joined(), {nn.Linear}), "Joined is quantized"),
        (nn.LazyConv2d(3, 3), "lazy layers without a shape"),
        (nn.Conv2d(1, 4, 3), "does not take a picture of 3×224×224"),
        (nn.Linear, "not the class Linear"),
        (7, r"not 7 \(int\)"),
    ],
)
def test_what_cannot_be_converted_is_refused_with_the_reason(model: Any, why: str) -> None:
    with pytest.raises(FcnError, match=why):
        convert(model)


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_of_a_scripted_model_not_every_layer_is_told() -> None:
    with pytest.raises(FcnError, match=r"not a \w*Script\w*\.$"):
        convert(torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 3))))


def test_unknown_names() -> None:
    with pytest.raises(ModelNameError, match="Did you mean 'resnet18'"):
        convert("resnet-18")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"dense": 1}, "dense=1: say True or False"),
        ({"dilated": -1}, "dilated=-1: give how many strides"),
        ({"dilated": True}, "dilated=True: give how many strides"),
        ({"dilated": 6}, "ResNet has 5 strides, and its last map's cells are 32 pixels apart"),
        ({"pyramid": 0.5}, "pyramid=0.5: give the scales in brackets"),
        ({"pyramid": (1.0, -1)}, "numbers above 0"),
        ({"pyramid": (float("nan"),)}, "numbers above 0"),
        ({"window": 0}, "window=0"),
        ({"pool": 0}, "pool=0"),
    ],
)
def test_options_that_make_no_sense(resnet: nn.Module, options: dict[str, Any], why: str) -> None:
    with pytest.raises(FcnError, match=why):
        convert(resnet, **options)


def test_options_that_this_network_has_no_use_for() -> None:
    with pytest.raises(FcnError, match="pool=4: AlexNet has no pool over its whole last map"):
        convert(models.alexnet(num_classes=10), pool=4)
    with pytest.raises(FcnError, match="made smaller by something that is neither a convolution nor a pool"):
        convert(models.swin_t(num_classes=10), dilated=1)


def test_too_small_a_picture_is_refused_in_a_sentence(resnet: nn.Module) -> None:
    fcn = convert(resnet)
    assert fcn.smallest == 193  # seven cells of 32 pixels, the last of which needs one pixel only
    assert fcn.cells(193, 193) == (1, 1)
    for size in ((192, 1000), (1000, 1), (1, 1)):
        with pytest.raises(FcnError, match="too small: one cell of this network's map needs 193×193"):
            fcn(torch.rand(1, 3, *size))
        with pytest.raises(FcnError, match="too small"):
            fcn.cells(*size)
    with pytest.raises(CourseError, match="too small"):
        fcn.prepare(Image.new("RGB", (1000, 100)))
    with pytest.raises(FcnError, match="4 dimensions"):
        fcn(torch.rand(3, 300, 300))
    half = convert(resnet, pyramid=(1.0, 0.5))
    assert half.smallest == 386 and half.cells(386, 386) == (1, 1)
    with pytest.raises(FcnError, match=r"A picture of 385×1000 pixels .* too small: one cell .* needs 386×386"):
        half.cells(385, 1000)
    with pytest.raises(FcnError, match=r"A picture of 385×400 pixels"):
        half(torch.rand(1, 3, 385, 400))
