"""The course's weights: torchvision's registry must treat them as its own, and a changed file must be refused.

The machinery is tested on a shelf with random weights; the files that come with the course are tested at the end.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlparse

import pytest
import torch
import torchvision
from torch import nn
from torchvision.models import _api

import course_lib.models.weights as weights
from course_lib.errors import WeightsError
from course_lib.models.weights import weight_files
from tools import weight_seeds
from tools.evaluate_weights import DIFFICULTIES

NAME = "squeezenet1_1"


def random_model(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torchvision.models.get_model(NAME, num_classes=10).eval()


@pytest.fixture()
def folder(tmp_path: Path) -> Path:
    weights.store(NAME, random_model(), recipe="random numbers", folder=tmp_path)
    return tmp_path


@pytest.fixture()
def enum(folder: Path) -> Iterator[type]:
    """A shelf of our own, registered under a prefix of our own and taken off the register again."""
    try:
        yield weights.register(folder, prefix="test_course_")[NAME]
    finally:
        _api.BUILTIN_MODELS.pop("test_course_" + NAME, None)


def test_seeds_never_meet() -> None:
    ranges = [
        weight_seeds.TRAINING_SEEDS,
        weight_seeds.TUNING_SEEDS,
        weight_seeds.SCENE_TUNING_SEEDS,
        weight_seeds.EVAL_SEEDS,
        weight_seeds.SCENE_SEEDS,
    ]
    everything = [seed for one in ranges for seed in (one.start, one[-1])]
    assert everything == sorted(set(everything))  # each range ends before the next one starts
    assert len(weight_seeds.EVAL_SEEDS) == 200


def test_stored_file_is_named_after_its_hash_and_is_half_precision(folder: Path) -> None:
    (path,) = folder.glob("*.pth")
    row = weight_files.read_figures(folder)[NAME]
    assert path.name == f"course_{NAME}-{weight_files.sha256_of(path)[:8]}.pth" == row["file"]
    state = torch.load(path, weights_only=True)
    assert {tensor.dtype for tensor in state.values()} == {torch.float16}
    assert row["num_params"] == sum(tensor.numel() for tensor in state.values())
    assert row["file_size"] == pytest.approx(path.stat().st_size / 1024**2, abs=1e-3)


def test_operations_are_counted_as_torchvision_counts_them(folder: Path) -> None:
    theirs = torchvision.models.get_model_weights(NAME).DEFAULT.meta["_ops"]
    # Ten outputs instead of 1000: SqueezeNet's classifier is a 1x1 convolution over 13x13 cells of 512 channels.
    assert weight_files.read_figures(folder)[NAME]["ops"] == pytest.approx(theirs - 990 * 512 * 13 * 13 / 1e9, abs=1e-3)


def test_storing_twice_gives_the_same_name_and_a_new_model_replaces_the_old(folder: Path) -> None:
    before = [path.name for path in folder.glob("*.pth")]
    weights.store(NAME, random_model(), recipe="random numbers", folder=folder)
    assert [path.name for path in folder.glob("*.pth")] == before
    new = weights.store(NAME, random_model(1), recipe="other numbers", folder=folder)
    assert [path.name for path in folder.iterdir() if path.suffix != ".json"] == [new.name] != before


def test_storing_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    model = random_model().train()
    model.features[0].eval()
    modes = [module.training for module in model.modules()]
    before = copy.deepcopy(model.state_dict())
    weights.store(NAME, model, recipe="", folder=tmp_path)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(before[key], tensor) for key, tensor in model.state_dict().items())


def test_a_weight_too_large_for_half_precision_is_refused(tmp_path: Path) -> None:
    model = random_model()
    with torch.no_grad():
        model.features[0].bias[0] = 1e6
    with pytest.raises(WeightsError, match=r"features\.0\.bias does not fit"):
        weights.store(NAME, model, recipe="", folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_torchvision_builds_a_registered_model(enum: type) -> None:
    name = "test_course_" + NAME
    assert torchvision.models.list_models(include="test_course_*") == [name]
    assert torchvision.models.get_model_weights(name) is enum
    assert name not in torchvision.models.list_models(module=torchvision.models)
    model = torchvision.models.get_model(name, weights="DEFAULT").eval()
    expected = random_model().half().float()
    picture = torch.rand(1, 3, 224, 224)
    assert torch.equal(model(picture), expected(picture))


def test_without_weights_it_is_torchvisions_architecture(enum: type) -> None:
    model = torchvision.models.get_model("test_course_" + NAME, num_classes=3, dropout=0.1)
    theirs = torchvision.models.get_model(NAME, num_classes=3, dropout=0.1)
    assert str(model) == str(theirs)


def test_another_number_of_classes_is_refused_in_one_sentence(enum: type) -> None:
    with pytest.raises(WeightsError, match="10 classes, not for num_classes=3"):
        torchvision.models.get_model("test_course_" + NAME, weights="DEFAULT", num_classes=3)


def test_the_enum_looks_like_one_of_torchvisions(enum: type) -> None:
    member = enum.DEFAULT  # type: ignore[attr-defined]
    assert enum.__name__ == "CourseSqueezeNet1_1Weights"
    assert member is enum.PICTUREBOOK_V1 and [m.name for m in enum] == ["PICTUREBOOK_V1"]  # type: ignore
    theirs = torchvision.models.get_model_weights(NAME).DEFAULT
    assert set(theirs.meta) <= set(member.meta)
    assert repr(member.transforms()) == repr(theirs.transforms())
    assert member.path.is_file() and member.path.as_uri() == member.url
    assert copy.deepcopy(member) is member


def test_the_transforms_can_be_pickled(enum: type) -> None:
    transforms = enum.DEFAULT.transforms  # type: ignore[attr-defined]
    assert repr(pickle.loads(pickle.dumps(transforms))()) == repr(transforms())


def test_registering_twice_keeps_the_first(enum: type, folder: Path) -> None:
    assert weights.register(folder, prefix="test_course_") == {NAME: enum}


def test_a_tampered_file_is_refused(enum: type) -> None:
    member = enum.DEFAULT  # type: ignore[attr-defined]
    member.get_state_dict()
    content = bytearray(member.path.read_bytes())
    content[len(content) // 2] ^= 1
    member.path.write_bytes(content)
    with pytest.raises(WeightsError, match="changed or damaged"):
        member.get_state_dict()


def test_an_untouched_file_is_hashed_once(enum: type, monkeypatch: pytest.MonkeyPatch) -> None:
    member = enum.DEFAULT  # type: ignore[attr-defined]
    member.get_state_dict()
    monkeypatch.setattr(weight_files, "sha256_of", lambda path: pytest.fail("hashed again"))
    member.get_state_dict()


def test_a_missing_file_is_one_sentence(enum: type) -> None:
    member = enum.DEFAULT  # type: ignore[attr-defined]
    member.path.unlink()
    with pytest.raises(WeightsError, match=r"course_squeezenet1_1-\w{8}\.pth is not in .*: install the course again"):
        member.get_state_dict()


def test_an_empty_shelf_has_no_models(tmp_path: Path) -> None:
    assert weights.register(tmp_path) == {}


@pytest.mark.parametrize("text", ["<html>", "[1]", '{"resnet18": {}}'])
def test_damaged_figures_are_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "figures.json").write_text(text)
    with pytest.raises(WeightsError, match="install the course again"):
        weight_files.read_figures(tmp_path)


def test_course_weights_for_an_unknown_model_is_none() -> None:
    assert weights.course_weights_for("vgg19") is None
    with pytest.raises(AttributeError, match="CourseVGG19Weights"):
        weights.CourseVGG19Weights  # noqa: B018


# --- the files that come with the course -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", weights.COURSE_MODELS)
def test_shipped_weights(name: str) -> None:
    member = weights.course_weights_for(name)
    assert member is not None
    assert torchvision.models.get_model_weights("course_" + name).DEFAULT is member
    assert pickle.loads(pickle.dumps(member)) is member
    model = torchvision.models.get_model("course_" + name, weights="DEFAULT").eval()
    assert member.meta["num_params"] == sum(parameter.numel() for parameter in model.parameters())
    assert member.meta["_file_size"] == round(member.path.stat().st_size / 1024**2, 3)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert set(member.meta["accuracy"]) == set(DIFFICULTIES)
    for level, rows in member.meta["confusion"].items():
        right = sum(rows[index][index] for index in range(10))
        assert [sum(row) for row in rows] == [200] * 10
        assert member.meta["accuracy"][level] == pytest.approx(right / 20)


def test_shipped_files_are_all_there_and_fit_the_budget() -> None:
    files = {path.name: path.stat().st_size for path in weight_files.FOLDER.glob("*.pth")}
    quarter = Path(urlparse(torchvision.models.get_model_weights("vgg11_quarter").DEFAULT.url).path).name
    assert set(files) == {quarter, *(row["file"] for row in weight_files.read_figures().values())}
    assert sum(files.values()) < 32 * 1024**2


def test_the_quarter_vgg_is_torchvisions_class_with_a_cfg_of_its_own() -> None:
    """Its file, its hash and its parameters; and folding a BatchNorm away changes no answer."""
    from course_lib.models.weights.quarter_vgg import CFG, VGG11_Quarter_Weights
    from course_lib.networks import vgg
    from tools.train_quarter_vgg import folded

    entry = VGG11_Quarter_Weights.DEFAULT
    model = torchvision.models.get_model("vgg11_quarter", weights="DEFAULT").eval()
    assert sum(p.numel() for p in model.parameters()) == entry.meta["num_params"]
    assert [4 * token if isinstance(token, int) else token for token in CFG] == torchvision.models.vgg.cfgs["A"]
    truth = vgg.build(list(CFG), num_classes=10, hidden=128, batch_norm=True).train()
    batch = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        truth(batch)  # so that running statistics aren't 0 and 1
        assert torch.allclose(folded(truth.eval())(batch), truth(batch), atol=1e-4)
    with pytest.raises(WeightsError, match="num_classes=3"):
        torchvision.models.get_model("vgg11_quarter", weights="DEFAULT", num_classes=3)


def test_the_registry_lists_exactly_the_shipped_models() -> None:
    assert torchvision.models.list_models(include="course_*") == [f"course_{name}" for name in weights.COURSE_MODELS]


def test_categories_are_the_picture_books_classes() -> None:
    picturebook = pytest.importorskip("picturebook")
    assert tuple(picturebook.CLASSES) == weights.CATEGORIES


def test_four_models_ship_and_reach_the_bars() -> None:
    assert {"mobilenet_v3_small", "resnet18", "shufflenet_v2_x0_5", "squeezenet1_1"} <= set(weights.COURSE_MODELS)
    for name in weights.COURSE_MODELS:
        accuracy = weights.course_weights_for(name).meta["accuracy"]  # type: ignore[union-attr]
        assert accuracy["standard"] >= (98.5 if name == "resnet18" else 96.0), name
        dial = [accuracy[level] for level in DIFFICULTIES]
        assert dial == sorted(dial, reverse=True), name  # difficulty is a real dial
    hard = weights.course_weights_for("resnet18").meta["accuracy"]["hard"]  # type: ignore[union-attr]
    assert 85 <= hard <= 95  # so that models differ, and there are mistakes to learn from
