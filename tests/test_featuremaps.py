"""Looking inside a model: maps against plain forward hooks, fields against autograd on nets whose answer is known.

The oracles are PyTorch's own hooks on an untouched copy, and nets of ones, where the gradient must fill the
theoretical field exactly; nothing here is compared with a number that our own code gave.
"""

from __future__ import annotations

import copy
import gc
import re
import weakref
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import ResNet18_Weights, get_model

from course_lib import drawing
from course_lib.drawing.field_figure import draw_sight
from course_lib.drawing.map_figure import Maps, draw_maps, prepared
from course_lib.drawing.overlay import coloured, mark_cell, short, tiled
from course_lib.drawing.still import Still
from course_lib.errors import CourseError
from course_lib.models.classifier import Classifier
from course_lib.tracing import TraceError, layer_maps, receptive
from course_lib.tracing.layer_maps import LayerError
from course_lib.widgets.cell_controls import CellControls
from course_lib.widgets.explorer import Explorer
from course_lib.widgets.feature_map_explorer import feature_map_explorer
from course_lib.widgets.receptive_field_explorer import receptive_field_explorer
from picturebook import CLASSES, scene

from . import stills as checks

FAMILIES = ["resnet18", "squeezenet1_1", "mobilenet_v3_small", "shufflenet_v2_x0_5", "googlenet",
            "convnext_tiny", "regnet_y_400mf"]  # fmt: skip
SIZE = (3, 96, 128)
BATCH = torch.rand(2, *SIZE, generator=torch.Generator().manual_seed(1))


def network(name: str) -> nn.Module:
    """Random weights, with running statistics that are not 0 and 1, in eval mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        how = {"init_weights": False} if name == "googlenet" else {}
        model = get_model(name, weights=None, num_classes=10, **how).eval()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.running_mean, -0.1, 0.1)
                nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model


@cache
def shared(name: str) -> nn.Module:
    """One for all tests that leave it alone."""
    return get_model(name, weights=None) if name in ("swin_t", "vit_b_32") else network(name)


@pytest.fixture(scope="module")
def resnet() -> nn.Module:
    return shared("resnet18")


@pytest.fixture(autouse=True)
def nothing_out_of_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    seen = checks.watch(monkeypatch)
    yield seen
    assert [fault for figure in seen for fault in checks.faults(figure)] == []


def hooked(model: nn.Module, batch: Tensor, paths: list[str]) -> dict[str, Tensor]:
    """What modules give in their first call, copied at once: an op after it may work in place."""
    found: dict[str, Tensor] = {}
    modules = dict(model.named_modules())

    def keep(path: str) -> object:
        def hook(module: nn.Module, args: object, output: Tensor) -> None:
            found.setdefault(path, output.clone())

        return hook

    handles = [modules[path].register_forward_hook(keep(path)) for path in paths]
    with torch.no_grad():
        model(batch.clone())
    for handle in handles:
        handle.remove()
    return found


# -- maps -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", FAMILIES)
def test_maps_are_what_a_hook_sees(name: str) -> None:
    model = shared(name)
    known = layer_maps.sizes(model, SIZE, every=True)
    paths = [path for path, module in model.named_modules() if path in known and path]
    some = paths[:: max(1, len(paths) // 12)]  # through the whole depth
    expected = hooked(copy.deepcopy(model), BATCH, some)
    assert len(expected) >= 6
    for path, output in expected.items():
        maps = layer_maps.feature_maps(model, BATCH, path)
        if tuple(output.shape) != tuple(maps.shape):  # channels last, as ConvNeXt has them in its blocks
            output = output.permute(0, 3, 1, 2)
        assert torch.equal(maps, output), path
        assert tuple(maps.shape[1:]) == known[path]
        assert not maps.requires_grad


def test_functional_ops_are_layers_too(resnet: nn.Module) -> None:
    seen: list[tuple[Tensor, Tensor]] = []
    block = resnet.get_submodule("layer2.0")
    with torch.no_grad():
        handle = block.register_forward_hook(lambda m, args, output: seen.append((args[0].clone(), output.clone())))
        resnet(BATCH)
        handle.remove()
        before, after = seen[0]
        path = block.bn2(block.conv2(F.relu(block.bn1(block.conv1(before)))))
        total = path + block.downsample(before)
    assert torch.allclose(layer_maps.feature_maps(resnet, BATCH, "layer2.0.add"), total, atol=1e-6)
    assert torch.equal(layer_maps.feature_maps(resnet, BATCH, "layer2.0.relu_1"), after)
    # bn2's own output, though the add after it works in place on it
    assert torch.allclose(layer_maps.feature_maps(resnet, BATCH, "layer2.0.bn2"), path, atol=1e-6)


def test_layers_are_those_of_the_trace_and_of_torchvision(resnet: nn.Module) -> None:
    from torchvision.models.feature_extraction import get_graph_node_names

    from course_lib.tracing import trace

    every = layer_maps.layers(resnet, every=True)
    traced = trace(resnet)
    assert set(every) <= set(get_graph_node_names(resnet)[1]) and set(every) <= {op.name for op in traced}
    assert list(every) == [op.name for op in traced if len(op.output) == 4 and op.output[-1] > 1]
    worth = layer_maps.layers(resnet)
    assert set(every) - set(worth) == {op.name for op in traced if op.plain == "batch_norm"}


def test_channels_last_and_layers_without_maps() -> None:
    swin = layer_maps.sizes(shared("swin_t"))
    assert swin["features.1.0.add"] == (96, 56, 56) and swin["features.7.1.add_1"] == (768, 7, 7)
    assert layer_maps.layers(shared("vit_b_32")) == ("conv_proj",)  # tokens are no maps
    with pytest.raises(LayerError, match="No layer of this Sequential has maps"):
        layer_maps.layers(nn.Sequential(nn.Flatten(), nn.Linear(12, 3)), (3, 2, 2))


def test_first_ops_that_work_in_place_leave_the_batch_alone() -> None:
    net = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(3, 2, 1), nn.ReLU(inplace=True))
    batch = torch.randn(1, 3, 4, 4)
    kept = batch.clone()
    assert layer_maps.feature_maps(net, batch, "1").min() < 0  # not what the second ReLU made of it
    assert receptive.gradient_field(net, batch, "2", 1, 1).shape == (4, 4)
    assert torch.equal(batch, kept)


# -- the model stays as it was ----------------------------------------------------------------------------------------
def test_the_model_is_left_as_it_was() -> None:
    model = network("resnet18").train()
    model.layer1.eval()  # a frozen stage
    fired: list[str] = []
    model.layer2[0].register_forward_hook(lambda *what: fired.append("block"))
    model.conv1.register_forward_pre_hook(lambda *what: fired.append("conv1"))
    model.fc.weight.grad = torch.ones_like(model.fc.weight)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    modes = {name: module.training for name, module in model.named_modules()}
    hooks = [list(module._forward_hooks) + list(module._forward_pre_hooks) for module in model.modules()]
    layer_maps.feature_maps(model, BATCH, "layer3.0.add")
    receptive.gradient_field(model, BATCH[:1], "layer3.0.add", 2, 3)
    with pytest.raises(LayerError):
        layer_maps.feature_maps(model, BATCH, "layer9")
    with pytest.raises(TraceError):
        layer_maps.feature_maps(model, torch.rand(1, 5, 64, 64), "layer1.0.add")
    assert modes == {name: module.training for name, module in model.named_modules()}
    assert hooks == [list(module._forward_hooks) + list(module._forward_pre_hooks) for module in model.modules()]
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert fired == [] and [name for name, one in model.named_parameters() if one.grad is not None] == ["fc.weight"]
    model(BATCH)
    assert fired == ["conv1", "block"]  # and the hooks work again


def test_an_error_on_the_way_puts_everything_back() -> None:
    class Late(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[:, :, :: self.step]  # type: ignore[index,misc]

    net = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2)).train()
    with pytest.raises(TraceError, match="channels"):
        layer_maps.feature_maps(net, torch.rand(1, 4, 5, 5), "1")
    with pytest.raises(RuntimeError, match="type"):
        layer_maps.feature_maps(net, torch.rand(1, 3, 5, 5).half(), "1")
    assert net.training and net[1].training
    with pytest.raises(TraceError, match="no attribute 'step'"):
        layer_maps.layers(nn.Sequential(Late()).train(), (3, 8, 8))


def test_traced_once_and_again_when_the_model_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    model = network("resnet18")
    traced: list[nn.Module] = []
    real = layer_maps.trace
    monkeypatch.setattr(layer_maps, "trace", lambda *args, **how: traced.append(args[0]) or real(*args, **how))
    layer_maps.feature_maps(model, BATCH, "relu")
    layer_maps.feature_maps(model, BATCH, "layer1.0.add")
    with torch.no_grad():
        model.conv1.weight.mul_(2)  # live weights, no new trace
    layer_maps.feature_maps(model, BATCH, "relu")
    assert traced == [model]
    expected = hooked(copy.deepcopy(model), BATCH, ["conv1"])["conv1"]
    assert torch.equal(layer_maps.feature_maps(model, BATCH, "conv1"), expected)
    model.maxpool.stride = 1  # a setting
    assert layer_maps.sizes(model, SIZE)["maxpool"] == (64, 48, 64)
    model.layer4, model.fc = nn.Identity(), nn.Linear(256, 10)
    assert "layer4.0.add" not in layer_maps.layers(model, SIZE)
    model.layer1[0].conv1.weight = nn.Parameter(torch.zeros_like(model.layer1[0].conv1.weight))
    assert layer_maps.feature_maps(model, BATCH, "layer1.0.conv1").abs().max() == 0


def test_a_model_that_was_looked_into_can_be_forgotten() -> None:
    model = network("squeezenet1_1")
    layer_maps.feature_maps(model, BATCH, "features.0")
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


# -- what a cell sees -------------------------------------------------------------------------------------------------
@settings(deadline=None, max_examples=25)
@given(
    layers=st.lists(
        st.tuples(st.integers(1, 5), st.integers(1, 2), st.integers(0, 2), st.integers(1, 2)), min_size=1, max_size=4
    ),
    place=st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)),
)
def test_in_a_net_of_ones_the_gradient_fills_the_field_exactly(
    layers: list[tuple[int, int, int, int]], place: tuple[float, float]
) -> None:
    parts = []
    for k, stride, padding, dilation in layers:
        k, stride = k | 1, min(stride, k | 1)  # odd windows without gaps between them
        dilation = 1 if stride > 1 or parts else dilation
        if any(part.stride[0] > 1 for part in parts):
            padding = (
                0  # the theory counts padding as picture: after a division that floors, it may count a bit too much
            )
        parts.append(nn.Conv2d(1, 1, k, stride, min(padding, k // 2), dilation, bias=False))
    net = nn.Sequential(*parts)
    for part in parts:
        nn.init.ones_(part.weight)
    picture = torch.ones(1, 1, 96, 102)
    name = str(len(parts) - 1)
    found = layer_maps.sizes(net, (1, 96, 102))
    assume(name in found)  # a single cell is no map to look at
    _, tall, wide = found[name]
    row, column = int(place[0] * tall), int(place[1] * wide)
    seen = receptive.gradient_field(net, picture, name, row, column)
    box = receptive.field_of(net, name, row, column, (1, 96, 102))
    assert box is not None
    inside_box = torch.zeros(96, 102, dtype=torch.bool)
    inside_box[box[1] : box[3], box[0] : box[2]] = True
    assert bool((seen[~inside_box] == 0).all())
    rows, columns = seen.sum(1).nonzero().flatten(), seen.sum(0).nonzero().flatten()
    reached = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    gap = max(part.dilation[0] for part in parts) - 1  # dilation leaves gaps, also where the picture's edge cuts
    assert all(abs(one - edge) <= gap for one, edge in zip(reached, box, strict=True))
    if all(part.dilation == (1, 1) for part in parts):
        assert bool((seen[inside_box] > 0).all())


@pytest.mark.parametrize("name", FAMILIES)
def test_no_gradient_outside_the_theoretical_field(name: str) -> None:
    model = shared(name)
    found = layer_maps.sizes(model, SIZE)
    names = list(found)
    for layer in (names[0], names[len(names) // 4], names[len(names) // 2]):
        _, tall, wide = found[layer]
        for row, column in ((0, 0), (tall // 2, wide // 2), (tall - 1, wide - 1)):
            seen = receptive.gradient_field(model, BATCH[:1], layer, row, column)
            box = receptive.field_of(model, layer, row, column, SIZE)
            assert box is not None and seen.shape == SIZE[1:]
            seen[box[1] : box[3], box[0] : box[2]] = 0
            assert seen.abs().max() == 0, (layer, row, column)


def test_the_gradient_is_autograds(resnet: nn.Module) -> None:
    twin = copy.deepcopy(resnet)
    maps: list[Tensor] = []
    twin.layer1.register_forward_hook(lambda module, args, output: maps.append(output))
    picture = BATCH[:1].clone().requires_grad_()
    twin(picture)
    cell = maps[0][0, :, 5, 7]
    (whole,) = torch.autograd.grad(cell.sum(), picture, retain_graph=True)
    each = [torch.autograd.grad(cell[c], picture, retain_graph=True)[0].abs() for c in (3, 11)]
    with torch.inference_mode():  # also where gradients are switched off
        seen = receptive.gradient_field(resnet, BATCH[:1], "layer1.1.relu_1", 5, 7)
        two = receptive.gradient_field(resnet, BATCH[:1], "layer1.1.relu_1", 5, 7, channels=(3, 11))
    assert torch.allclose(seen, whole[0].abs().sum(0), atol=1e-6) and seen.max() > 0
    assert torch.allclose(two, sum(each)[0].sum(0), atol=1e-6)


@settings(deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=40), st.sampled_from([0.25, 0.5, 0.95, 1.0]))
def test_the_effective_field_is_the_smallest_set(values: list[int], share: float) -> None:
    held = receptive.effective(torch.tensor([values], dtype=torch.float32), share)[0]
    total, count = sum(values), int(held.sum())
    largest = sorted(values, reverse=True)
    assert sum(v for v, yes in zip(values, held, strict=True) if yes) >= share * total
    assert sum(largest[: max(0, count - 1)]) < share * total or count == 0  # one fewer would not do
    assert (count == 0) == (total == 0)


def test_a_shut_cell_has_no_gradient() -> None:
    net = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU())
    nn.init.constant_(net[0].bias, -100.0)
    assert receptive.gradient_field(net, torch.rand(1, 3, 8, 8), "1", 2, 2).abs().max() == 0


def test_filters_are_the_first_convolutions_weights(resnet: nn.Module) -> None:
    weights, name = layer_maps.filters(resnet)
    assert name == "conv1" and torch.equal(weights, resnet.conv1.weight)
    weights.zero_()
    assert resnet.conv1.weight.abs().max() > 0  # a copy
    with pytest.raises(LayerError, match="no convolution"):
        layer_maps.filters(nn.Sequential(nn.Flatten(), nn.Linear(12, 3)), (3, 2, 2))


def test_strongest_is_by_size_and_stable() -> None:
    maps = torch.tensor([[1.0, -1.0], [0.0, 3.0], [-1.0, 1.0], [0.0, 0.5]]).reshape(4, 1, 2)
    assert layer_maps.strongest(maps, 3) == (1, 0, 2) and layer_maps.strongest(maps, 99) == (1, 0, 2, 3)
    assert layer_maps.strongest(torch.stack([maps, maps * 0]), 1) == (1,)


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda m: layer_maps.feature_maps(m, BATCH, "layer1.0.ad"), "no layer 'layer1.0.ad'.*'layer1.0.add'"),
        (lambda m: layer_maps.feature_maps(m, BATCH[0], "relu"), r"not \(3, 96, 128\)"),
        (lambda m: layer_maps.feature_maps(m, "cat.png", "relu"), "not str"),
        (lambda m: layer_maps.feature_maps(m, BATCH, "fc"), "'fc' has no maps.*2×10|'fc' has no maps.*1×10"),
        (lambda m: receptive.field_of(m, "relu", 112, 0), "row 112.*112 rows"),
        (lambda m: receptive.field_of(m, "relu", 0, -1), "column -1"),
        (lambda m: receptive.gradient_field(m, BATCH, "relu", 0, 0), "one picture"),
        (lambda m: receptive.gradient_field(m, BATCH[:1], "relu", 0, 0, channels=[64]), "channels 0 to 63"),
        (lambda m: receptive.effective(torch.ones(2, 2), 1.5), "share=1.5"),
        (lambda m: layer_maps.strongest(torch.ones(2, 2), 1), "not \\(2, 2\\)"),
        (lambda m: layer_maps.strongest(torch.ones(2, 2, 2), 0), "k=0"),
        (lambda m: layer_maps.layers("resnet18"), "not str"),
        (lambda m: drawing.draw_filters(m, count=0), "count=0"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(call: object, says: str, resnet: nn.Module) -> None:
    with pytest.raises(CourseError, match=says) as error:
        call(resnet)  # type: ignore[operator]
    assert "\n" not in str(error.value) and str(error.value)[-1] in ".?"


# -- pictures ---------------------------------------------------------------------------------------------------------
PICTURES = {label: scene(label, seed=1, size=(200, 260)).picture for label in ("dog", "car")}


@pytest.fixture(scope="module")
def classifier(resnet: nn.Module) -> Classifier:
    weights = ResNet18_Weights.DEFAULT
    return Classifier("resnet18", resnet, weights, weights.transforms(), CLASSES, torch.device("cpu"))


def test_the_picture_is_prepared_by_the_classifiers_own_transforms(classifier: Classifier) -> None:
    crop, batch = prepared(classifier, PICTURES["dog"])
    assert torch.equal(batch[0], classifier.transforms(PICTURES["dog"])) and crop.size == (224, 224)
    mean, std = (torch.tensor(values).reshape(3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    shown = torch.from_numpy(np.asarray(crop).copy()).permute(2, 0, 1) / 255
    assert (shown - (batch[0] * std + mean)).abs().max() < 2 / 255


@pytest.mark.parametrize("layer, cell", [("conv1", (0, 111)), ("layer2.0.add", (14, 3)), ("layer4.1.relu_1", (6, 6))])
@pytest.mark.parametrize("scale", ["shared", "each its own"])
@pytest.mark.parametrize("count", [1, 24])
def test_maps_fit_their_picture(
    classifier: Classifier, layer: str, cell: tuple[int, int], scale: str, count: int
) -> None:
    for many in (1, 2):
        found = []
        for name in list(PICTURES)[:many]:
            crop, batch = prepared(classifier, PICTURES[name])
            values = SEEN.setdefault((name, layer), layer_maps.feature_maps(classifier.model, batch, layer)[0])
            found.append(Maps(name, crop, values))
        shown = draw_maps(classifier.model, layer, found, count=count, scale=scale, cell=cell)  # type: ignore[arg-type]
        checks.is_picture(shown, kind="jpeg")
        assert f"row {cell[0]}, column {cell[1]} sees" in shown.alt and f"the {count} strongest of" in shown.alt


SEEN: dict[tuple[str, str], Tensor] = {}


def test_maps_are_drawn_in_viridis_at_their_places(classifier: Classifier, resnet: nn.Module) -> None:
    """The colours of the shown maps, read back from the finished picture, are those of the values."""
    values = torch.zeros(3, 4, 4)
    values[1] = torch.linspace(0, 1, 16).reshape(4, 4)
    crop = Image.new("RGB", (224, 224), "white")
    net = nn.Sequential(nn.Conv2d(3, 3, 56, 56))
    shown = draw_maps(net, "0", [Maps("x", crop, values)], count=1, scale="shared", cell=None)
    pixels = np.asarray(shown.open()).astype(int)
    yellow = np.abs(pixels - [253, 231, 37]).max(2) < 25
    dark = np.abs(pixels - [68, 1, 84]).max(2) < 25
    (ys, xs), (dys, dxs) = np.nonzero(yellow), np.nonzero(dark)
    assert len(ys) > 1000 and len(dys) > 1000  # one of sixteen cells each, and the scale's ends
    cell = [np.median(one) for one in (ys, xs, dys, dxs)]
    assert cell[0] > cell[2] and cell[1] > cell[3]  # the largest value is at the lower right


def test_maps_of_and_field_on_picture_work_from_a_classifier(classifier: Classifier) -> None:
    one = drawing.maps_of(classifier, PICTURES["dog"], "layer1.0.add", count=4, cell=(1, 2))
    two = drawing.maps_of(classifier, PICTURES, "layer1.0.add", count=4)
    assert "for the picture" in one.alt and "for dog and for car" in two.alt and "row" not in two.alt
    field = drawing.field_on_picture(classifier, PICTURES["dog"], "layer2.0.add", (3, 4), name="dog")
    checks.is_picture(field, kind="jpeg")
    batch = prepared(classifier, PICTURES["dog"])[1]
    seen = receptive.gradient_field(classifier.model, batch, "layer2.0.add", 3, 4)
    left, top, right, bottom = receptive.field_of(classifier.model, "layer2.0.add", 3, 4) or (0, 0, 0, 0)
    sorted_down = np.sort(seen.numpy().astype(float).ravel())[::-1]
    many = int((np.cumsum(sorted_down) < 0.95 * sorted_down.sum()).sum()) + 1
    percent = re.search(r"lies on (\d+)% of them", field.alt)
    assert percent and int(percent[1]) == round(100 * many / ((right - left) * (bottom - top)))
    checks.is_picture(drawing.draw_filters(classifier.model, count=10))


def test_pictures_of_a_shut_cell_and_of_a_field_that_cannot_be_followed(classifier: Classifier) -> None:
    crop, _ = prepared(classifier, PICTURES["car"])
    nothing = draw_sight(classifier.model, "layer1.0.add", (0, 0), crop, torch.zeros(224, 224))
    assert "no pixel changes it" in nothing.alt
    swin = shared("swin_t")
    unknown = draw_sight(swin, "features.1.0.add", (0, 0), crop, torch.ones(224, 224))
    assert "cannot follow" in unknown.alt


@pytest.mark.parametrize("how", [{"count": 0}, {"count": 25}, {"scale": "mine"}, {"cell": (99, 0)}, {"layer": "conv"}])
def test_maps_that_cannot_be_shown(how: dict[str, object], classifier: Classifier) -> None:
    asked = {"layer": "layer4.0.add", **how}
    with pytest.raises(CourseError):
        drawing.maps_of(classifier, PICTURES["dog"], **asked)  # type: ignore[arg-type]
    with pytest.raises(CourseError, match="3 pictures"):
        drawing.maps_of(classifier, {**PICTURES, "third": PICTURES["dog"]}, "layer4.0.add")


def test_colours_tiles_and_marks() -> None:
    assert coloured(np.full((1, 1), 3.0), 3, 3).tolist() == [[[68, 1, 84]]]  # flat
    assert coloured(np.array([[np.nan, 9.0, -9.0]]), 0, 1).tolist() == [[[68, 1, 84], [253, 231, 37], [68, 1, 84]]]
    assert (tiled(np.ones((112, 112)), 0, 1, 50, 50) == [253, 231, 37]).all()  # more cells than dots
    for cell in ((0, 0), (55, 55), (0, 27)):
        dots = np.zeros((100, 100, 3), np.uint8)
        mark_cell(dots, *cell, (56, 56))
        ys, xs = np.nonzero(dots.any(2))
        assert len(ys) and abs((ys.min() + ys.max()) / 2 - (cell[0] + 0.5) * 100 / 56) < 10
        assert abs((xs.min() + xs.max()) / 2 - (cell[1] + 0.5) * 100 / 56) < 10
    for value in (0.0, 1e-9, -0.004, 0.5, -1.26, 99.96, 1e5):
        assert float(short(value).replace("−", "-")) == pytest.approx(value, rel=0.5)


# -- places -----------------------------------------------------------------------------------------------------------
@given(st.integers(1, 130), st.integers(1, 130), st.data())
def test_the_same_place_is_the_cell_over_the_same_middle(before: int, now: int, data: st.DataObject) -> None:
    """Both maps are painted over a line of before·now·2 dots, where the middle of every cell is a whole dot."""
    place = data.draw(st.integers(0, before - 1))
    dots = [cell for cell in range(now) for _ in range(2 * before)]
    assert layer_maps.same_place(place, before, now) == dots[(2 * place + 1) * now]


@pytest.mark.parametrize(("place", "before", "now"), [(-1, 4, 4), (4, 4, 4), (0, 0, 4), (0, 4, 0)])
def test_a_place_that_is_not_there(place: int, before: int, now: int) -> None:
    with pytest.raises(LayerError, match=f"place={place}"):
        layer_maps.same_place(place, before, now)


def test_the_layer_of_another_model_is_its_namesake_or_as_deep() -> None:
    resnet, vgg = (layer_maps.layers(shared(name)) for name in ("resnet18", "vgg11"))
    assert [layer_maps.same_depth(layer, resnet, resnet) for layer in resnet] == list(resnet)
    found = [vgg.index(layer_maps.same_depth(layer, resnet, vgg)) for layer in resnet]
    assert found == sorted(found) and found[0] == 0 and all(
        abs(there / len(vgg) - here / len(resnet)) <= 1 / len(vgg) for here, there in enumerate(found)
    )  # fmt: skip
    assert layer_maps.same_depth("avgpool", ["conv1", "avgpool"], ["avgpool", "a", "b", "c"]) == "avgpool"
    with pytest.raises(LayerError, match="'z' is not among the layers to look at: a, b"):
        layer_maps.same_depth("z", ["a", "b"], ["c"])
    with pytest.raises(LayerError, match="none"):
        layer_maps.same_depth("a", ["a", "b"], [])


# -- widgets ----------------------------------------------------------------------------------------------------------
def test_another_layer_keeps_the_place_in_the_picture() -> None:
    cells = CellControls({"a": (4, 112, 112), "b": (4, 7, 7), "c": (4, 56, 28)})
    row, column, layer = (cells.controls[name] for name in ("row", "column", "layer"))
    explorer = Explorer(lambda **state: Still(b"", "png", 1, str(state)), cells.controls, settle=cells.settle)
    explorer.set(row=111, column=0, layer="b")
    assert (row.value, row.max, column.value, column.max) == (6, 6, 0, 6)
    explorer.set(row=3, layer="c")  # from the middle
    assert (row.value, row.max, column.max) == (28, 55, 27)
    cells.take({"d": (4, 10, 10), "e": (4, 5, 5)})
    assert (layer.value, row.value, row.max) == ("e", 2, 4)
    with pytest.raises(LayerError, match="'z' is not among"):
        CellControls({"a": (1, 2, 2)}, "z")


def test_a_picture_goes_through_once_and_again_when_the_weights_change(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    real = layer_maps.feature_maps
    monkeypatch.setattr(layer_maps, "feature_maps", lambda m, b, layer: calls.append(layer) or real(m, b, layer))
    explorer = feature_map_explorer(classifier, PICTURES, layer="layer3.0.add")
    explorer.set(row=2).set(count=4).set(scale="shared")
    assert calls == ["layer3.0.add"]
    with torch.no_grad():
        classifier.model.conv1.weight.mul_(1.0)
    before = explorer.still
    explorer.set(row=5)
    assert calls == ["layer3.0.add"] * 2 and explorer.still is not before
    explorer.set(layer="layer4.0.add")
    assert explorer.message == "" and explorer.state["row"] <= 6 and "row 2, " in explorer.still.alt


def test_widgets_without_pictures_or_models(classifier: Classifier) -> None:
    with pytest.raises(CourseError, match="no picture"):
        feature_map_explorer(classifier, {})
    with pytest.raises(CourseError, match="no model"):
        receptive_field_explorer([], PICTURES)
    one = receptive_field_explorer(classifier, PICTURES, layer="layer1.0.add")
    assert "model" not in one.controls and one.state["layer"] == "layer1.0.add"
