"""The classifier against torchvision's own way of doing each step; which weights it takes, and what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torch import nn
from torchvision import transforms
from torchvision.models import WeightsEnum, get_model, get_model_weights

from course_lib.errors import CourseError, DownloadError, ModelNameError, PictureError, WeightsError
from course_lib.models import hub_cache, pretrained_models
from course_lib.models.classifier import Classifier, available_models, load_classifier
from course_lib.models.weights import weight_files
from course_lib.models.weights.efficientnet_lite import EFFICIENTNET_LITE
from course_lib.pictures import downloads

from . import course_shelf

LIGHT = "squeezenet1_1"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No network, an empty cache of torch.hub, and a shelf with one course model."""
    for variable in ("COURSE_WEIGHTS", "COURSE_WEIGHTS_MIRROR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(downloads, "is_online", lambda url, timeout=3.0: False)
    monkeypatch.setattr(hub_cache, "_silent", {})
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    course_shelf.put_up(shelf, monkeypatch, LIGHT)
    before = torch.hub.get_dir()
    torch.hub.set_dir(str(tmp_path / "hub"))
    yield
    torch.hub.set_dir(before)


def cache(name: str, state_dict: dict[str, Any], member: str = "DEFAULT") -> WeightsEnum:
    """Put a file where torchvision would have left its download, with the hash in its name as its own."""
    weights = get_model_weights(name)[member]
    path = hub_cache.path_of(weights)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state_dict, path)
    digits = re.search(r"-([0-9a-f]{8,})", path.name)
    assert digits
    weight_files.remember(path, digits.group(1), Path(torch.hub.get_dir(), "course_lib_hashes.json"))
    return weights


def picture(seed: int = 0, size: tuple[int, int] = (90, 70)) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1] // 10, size[0] // 10, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize(size)


@pytest.fixture()
def classifier() -> Classifier:
    return load_classifier(LIGHT, weights="course", device="cpu")


# --- the same model as torchvision's ----------------------------------------------------------------------------------

# One of every family whose builder does something of its own with weights.
ODD = ["googlenet", "inception_v3", "densenet121", "mnasnet0_5", "regnet_y_400mf"]


@pytest.mark.parametrize("name", ODD)
@pytest.mark.filterwarnings("ignore:The default weight init")
def test_cached_weights_give_torchvisions_model(name: str) -> None:
    kwargs = {"init_weights": False, "aux_logits": True} if name in ("googlenet", "inception_v3") else {}
    torch.manual_seed(1)
    state = get_model(name, **kwargs).state_dict()
    if name == "densenet121":  # as in its real file: older names, and no counter of batches
        state = {key: value for key, value in state.items() if "num_batches" not in key}
        state = {re.sub(r"(layer\d+\.(?:norm|conv))([12])", r"\1.\2", key): value for key, value in state.items()}
        assert any(".norm.1." in key for key in state)
    weights = cache(name, state)
    theirs = get_model(name, weights=weights, progress=False).eval()
    ours = load_classifier(name, device="cpu")
    assert ours.weights is weights
    assert [key for key, _ in ours.model.named_modules()] == [key for key, _ in theirs.named_modules()]
    batch = torch.randn(1, 3, 96, 96)
    with torch.inference_mode():
        assert torch.equal(ours.logits(batch), theirs(batch))


BY_SIZE = [
    member
    for name in ("vit_b_16", "vit_l_16", "vit_h_14", "maxvit_t", "swin_v2_t", "efficientnet_b0", "wide_resnet50_2")
    for member in get_model_weights(name)
]


@pytest.mark.parametrize("weights", BY_SIZE, ids=repr)
def test_architecture_is_the_one_torchvision_makes_for_the_weights(
    weights: WeightsEnum, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shapes only, on meta: torchvision's builder is stopped where it would load."""
    name = next(n for n in pretrained_models.classifier_names() if weights in get_model_weights(n))
    made: list[nn.Module] = []

    def stop(builder: Any, state_dict: Any, **kwargs: Any) -> nn.Module:
        with torch.device("meta"):
            made.append(builder(**kwargs))
        return made[-1]

    monkeypatch.setattr(pretrained_models, "load_model", stop)
    monkeypatch.setattr(pretrained_models, "_state_dict", lambda name, weights: {})
    pretrained_models.build(name, weights)
    monkeypatch.setattr(nn.Module, "load_state_dict", lambda self, *args, **kwargs: None)
    monkeypatch.setattr(type(weights), "get_state_dict", lambda *args, **kwargs: {})
    with torch.device("meta"):
        theirs = get_model(name, weights=weights)
    shapes = {key: value.shape for key, value in theirs.state_dict().items()}
    assert {key: value.shape for key, value in made[0].state_dict().items()} == shapes


def test_every_classifier_has_weights_with_a_hash_in_their_name() -> None:
    for name in pretrained_models.classifier_names():
        for weights in get_model_weights(name):
            assert re.search(r"-[0-9a-f]{8,}\.pth$", weights.url), weights
            assert hub_cache.path_of(weights).name == weights.url.rpartition("/")[2]


# --- predicting -------------------------------------------------------------------------------------------------------


def test_a_prediction_is_what_the_steps_by_hand_give(classifier: Classifier) -> None:
    image = picture()
    prediction = classifier.predict(image, k=3)
    with torch.no_grad():
        logits = classifier.model(classifier.transforms(image).unsqueeze(0))[0]
    probabilities, indices = logits.softmax(0).topk(3)
    assert torch.equal(prediction.logits, logits)
    assert prediction.indices == tuple(indices.tolist())
    assert prediction.probabilities == tuple(probabilities.tolist())
    assert prediction.labels == tuple(classifier.categories[i] for i in indices)
    assert (prediction.label, prediction.index) == (prediction.labels[0], prediction.indices[0])
    assert prediction.probability == prediction.probabilities[0]


def test_many_pictures_of_every_kind_and_size(classifier: Classifier, tmp_path: Path) -> None:
    picture(1, (60, 120)).save(tmp_path / "one.png")
    many = classifier.predict([tmp_path / "one.png", np.asarray(picture(2)), picture(3).convert("L")])
    alone = [classifier.predict(one) for one in (str(tmp_path / "one.png"), picture(2), picture(3).convert("L"))]
    assert [one.labels for one in many] == [one.labels for one in alone]
    for one, other in zip(many, alone, strict=True):
        torch.testing.assert_close(one.logits, other.logits)
    assert classifier.predict([]) == []
    assert classifier.prepare([picture(), picture(1)]).shape == (2, 3, 224, 224)


def test_the_text_of_a_prediction_is_the_same_every_time(classifier: Classifier) -> None:
    prediction = classifier.predict(picture(), k=2)
    lines = str(prediction).splitlines()
    assert len(lines) == 2
    for line, label, probability in zip(lines, prediction.labels, prediction.probabilities, strict=True):
        assert re.fullmatch(rf"{label} +{100 * probability:.1f}%", line)
    html = prediction._repr_html_()
    assert html.count("<tr>") == 3 and f"{100 * prediction.probability:.1f}%" in html


def test_k_is_at_most_all_classes_and_at_least_one(classifier: Classifier) -> None:
    everything = classifier.predict(picture(), k=99)
    assert sorted(everything.indices) == list(range(10))
    assert sum(everything.probabilities) == pytest.approx(1)
    for k in (0, -1, 2.5, "3", True):
        with pytest.raises(CourseError, match="whole number"):
            classifier.predict(picture(), k=k)  # type: ignore[arg-type, call-overload]


def test_logits_want_a_batch_and_can_be_learnt_from(classifier: Classifier) -> None:
    with pytest.raises(CourseError, match=r"unsqueeze\(0\)"):
        classifier.logits(torch.rand(3, 224, 224))
    logits = classifier.logits(torch.rand(1, 3, 224, 224))
    assert not logits.requires_grad and not logits.is_inference()


def test_the_models_mode_is_left_alone(classifier: Classifier) -> None:
    assert not classifier.model.training
    classifier.model.train()
    torch.manual_seed(0)
    first = classifier.predict(picture())
    assert all(module.training for module in classifier.model.modules())
    assert not torch.equal(first.logits, classifier.predict(picture()).logits)  # dropout is at work


@pytest.mark.filterwarnings("ignore:The default weight init")
def test_inception_in_train_mode_still_predicts() -> None:
    cache("inception_v3", get_model("inception_v3", init_weights=False).state_dict())
    classifier = load_classifier("inception_v3", device="cpu")
    classifier.model.train()
    assert len(classifier.predict([picture(), picture(1)])) == 2


def test_what_is_no_picture_is_one_sentence(classifier: Classifier, tmp_path: Path) -> None:
    with pytest.raises(PictureError):
        classifier.predict(tmp_path / "nowhere.png")


# --- a folder ---------------------------------------------------------------------------------------------------------


@pytest.fixture()
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "pictures"
    path.mkdir()
    for number in range(11):
        picture(number).save(path / f"{number:02}.png")
    (path / "05.png").write_bytes(b"")
    (path / "07.jpg").write_text("no picture")
    (path / "notes.txt").write_text("not looked at")
    return path


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_a_folder_gives_what_its_pictures_give(classifier: Classifier, folder: Path, batch_size: int) -> None:
    found = classifier.predict_folder(folder, k=2, batch_size=batch_size)
    assert [path.name for path, _ in found.skipped] == ["05.png", "07.jpg"]
    assert all(reason for _, reason in found.skipped)
    assert [row.path.name for row in found.rows] == [f"{n:02}.png" for n in range(11) if n != 5]
    for row in found.rows:
        expected = classifier.predict(row.path, k=2)
        torch.testing.assert_close(row.prediction.logits, expected.logits)
        assert row.prediction.labels == expected.labels and row.seconds > 0
    assert found.mean_seconds == pytest.approx(found.total_seconds / 10)
    assert found.device == "cpu"
    assert "05.png" in found.as_html() and "10 pictures on cpu, 2 skipped" in str(found)
    assert "and 7 more" in found.as_html(limit=3) and found._repr_html_() == found.as_html()


def test_a_folder_of_bad_files_only_is_reported_not_raised(classifier: Classifier, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    found = classifier.predict_folder(tmp_path)
    assert (len(found.rows), len(found.skipped), found.mean_seconds) == (0, 1, 0.0)
    with pytest.raises(CourseError, match="skipped"):
        found.accuracy(lambda path: "cat")


def test_no_file_ends_the_run_of_a_folder(classifier: Classifier, tmp_path: Path) -> None:
    """Links to folders are followed; too long, unprepared and missing pictures are named."""
    (tmp_path / "real").mkdir()
    picture().save(tmp_path / "real" / "good.png")
    Image.new("RGB", (1, 20_000)).save(tmp_path / "real" / "long.png")
    Image.new("RGB", (13, 13)).save(tmp_path / "real" / "thirteen.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ant").symlink_to(tmp_path / "real", target_is_directory=True)
    (tmp_path / "data" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "data" / "dim.png").write_bytes((tmp_path / "real" / "good.png").read_bytes())
    Image.fromarray(np.arange(4000, dtype=np.uint16).reshape(50, 80)).save(tmp_path / "data" / "dim.png")

    def superstitious(opened: Image.Image) -> torch.Tensor:
        if opened.size == (13, 13):
            raise ValueError("thirteen")
        return classifier.transforms(opened)

    with pytest.raises(PictureError, match="Crop the part"):
        classifier.predict(tmp_path / "real" / "long.png")
    with pytest.warns(UserWarning, match=r"dim\.png has 16 bits, .* nearly black"):
        kept = classifier.predict_folder(tmp_path / "data")
    assert [row.path.name for row in kept.rows] == ["dim.png", "good.png", "thirteen.png"]
    assert [path.name for path, _ in kept.skipped] == ["gone.png", "long.png"]
    (tmp_path / "real" / "long.png").unlink()  # whose size nobody checks before transforms of the learner's own
    own = replace(classifier, transforms=superstitious)
    skipped = dict(own.predict_folder(tmp_path / "real").skipped)
    assert "could not be prepared: ValueError: thirteen" in skipped[tmp_path / "real" / "thirteen.png"]


class TakenApart(nn.Module):
    """As beginners write it: ``view`` expects channels-first maps."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.linear = nn.Conv2d(3, 8, 3, stride=4), nn.Linear(8 * 7 * 7, 2)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        maps = self.conv(batch)
        return self.linear(maps.view(maps.size(0), -1))


def test_a_model_that_takes_maps_apart_goes_through_a_folder_too(classifier: Classifier, tmp_path: Path) -> None:
    picture().save(tmp_path / "a.png")
    small = transforms.Compose([transforms.Resize((30, 30)), transforms.ToTensor()])
    own = Classifier("own", TakenApart().eval(), None, small, ("ant", "bee"), torch.device("cpu"))
    (row,) = own.predict_folder(tmp_path).rows
    torch.testing.assert_close(row.prediction.logits, own.predict(tmp_path / "a.png").logits)


def test_a_folder_without_pictures_is_one_sentence(classifier: Classifier, tmp_path: Path) -> None:
    with pytest.raises(PictureError):
        classifier.predict_folder(tmp_path)


@pytest.mark.parametrize("size", [0, -1, 1.5])
def test_a_batch_holds_at_least_one_picture(classifier: Classifier, folder: Path, size: Any) -> None:
    with pytest.raises(CourseError, match="batch_size"):
        classifier.predict_folder(folder, batch_size=size)


def test_accuracy_takes_a_function_or_a_mapping(classifier: Classifier, folder: Path) -> None:
    found = classifier.predict_folder(folder)
    truth = {row.path.name: row.prediction.label for row in found.rows}
    assert found.accuracy(truth) == 1
    wrong = found.rows[0].prediction.labels[-1]
    assert found.accuracy({**truth, found.rows[0].path.name: wrong}) == pytest.approx(0.9)
    assert found.accuracy({row.path: row.prediction.index for row in found.rows}) == 1
    assert found.accuracy(lambda path: ("something else", *range(10))) == 1
    with pytest.raises(CourseError, match=r"what 00\.png shows"):
        found.accuracy({})


def test_pictures_are_not_all_held_in_memory(classifier: Classifier) -> None:
    begun: list[Path] = []

    def prepare(path: Path) -> torch.Tensor:
        begun.append(path)
        return torch.zeros(3, 64, 64)

    answers = classifier.answers([Path(f"{number}.png") for number in range(100)], prepare, label="many", batch_size=2)
    path, logits, seconds = next(answers)
    assert path.name == "0.png" and isinstance(logits, torch.Tensor) and logits.shape == (10,) and seconds > 0
    assert len(begun) <= 2 + 3 * 2  # a batch, and three that wait
    answers.close()  # type: ignore[attr-defined]


# --- which weights ----------------------------------------------------------------------------------------------------


def test_offline_the_courses_own_are_taken_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    classifier = load_classifier(LIGHT, device="cpu")
    assert len(classifier.categories) == 10
    said = capsys.readouterr().out
    assert said == f"{LIGHT}: no network for ImageNet weights, so these are the course's own (10 classes)\n"


def test_cached_imagenet_weights_need_no_network(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "is_online", lambda *args, **kwargs: pytest.fail("looked for a network"))
    weights = cache(LIGHT, get_model(LIGHT).state_dict())
    assert load_classifier(LIGHT, device="cpu").weights is weights
    assert capsys.readouterr().out == f"{LIGHT}: ImageNet weights IMAGENET1K_V1 (1000 classes)\n"


def test_offline_an_older_cached_file_is_better_than_none() -> None:
    name = "mobilenet_v2"
    weights = cache(name, get_model(name).state_dict(), "IMAGENET1K_V1")
    assert get_model_weights(name).DEFAULT is not weights
    assert load_classifier(name, device="cpu").weights is weights


def test_without_any_weights_the_sentence_lists_what_works() -> None:
    cache("alexnet", {})
    lite = ", ".join(EFFICIENTNET_LITE)
    with pytest.raises(WeightsError, match=rf"vgg19: no network .* these work: alexnet, {lite}, {LIGHT}\."):
        load_classifier("vgg19")
    with pytest.raises(WeightsError, match="no weights of its own for vgg19"):
        load_classifier("vgg19", weights="course")
    with pytest.raises(DownloadError, match=r"vgg19: download\.pytorch\.org cannot be reached"):
        load_classifier("vgg19", weights="imagenet")


def test_the_environment_fixes_the_choice(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    cache(LIGHT, get_model(LIGHT).state_dict())
    monkeypatch.setenv("COURSE_WEIGHTS", "course")
    assert len(load_classifier(LIGHT, device="cpu").categories) == 10
    monkeypatch.setenv("COURSE_WEIGHTS", "ImageNet")
    assert len(load_classifier(LIGHT, device="cpu").categories) == 1000
    assert len(load_classifier("course_" + LIGHT, device="cpu").categories) == 10
    assert len(load_classifier(LIGHT, weights="course", device="cpu").categories) == 10
    assert capsys.readouterr().out == ""
    monkeypatch.setenv("COURSE_WEIGHTS", "imagnet")
    with pytest.raises(WeightsError, match="COURSE_WEIGHTS is 'imagnet'; it can be auto, imagenet, course"):
        load_classifier(LIGHT)


def test_weights_by_member_and_by_name() -> None:
    weights = cache("mobilenet_v2", get_model("mobilenet_v2").state_dict(), "IMAGENET1K_V1")
    for asked in (weights, "IMAGENET1K_V1", "MobileNet_V2_Weights.IMAGENET1K_V1"):
        assert load_classifier("mobilenet_v2", weights=asked, device="cpu").weights is weights
    assert len(load_classifier(LIGHT, weights="PICTUREBOOK_V1", device="cpu").categories) == 10


@pytest.mark.parametrize("asked", ["IMAGENET1K_V7", "ResNet18_Weights.IMAGENET1K_V1", 3])
def test_weights_that_do_not_exist_are_one_sentence(asked: Any) -> None:
    with pytest.raises(WeightsError, match="auto, imagenet, course"):
        load_classifier("mobilenet_v2", weights=asked)


def test_weights_of_another_model_are_refused() -> None:
    with pytest.raises(WeightsError, match=r"ResNet18_Weights\.IMAGENET1K_V1 are not weights of resnet50; those are"):
        load_classifier("resnet50", weights=torchvision.models.ResNet18_Weights.DEFAULT)


def test_a_damaged_file_in_the_cache_is_passed_over(capsys: pytest.CaptureFixture[str]) -> None:
    path = hub_cache.path_of(cache(LIGHT, {}))
    path.write_bytes(b"PK\x03\x04 and no more")
    assert len(load_classifier(LIGHT, device="cpu").categories) == 10
    assert capsys.readouterr().out == (
        f"{LIGHT}: the ImageNet weights in the cache are damaged or cut short, and there is no network to download "
        "them again, so these are the course's own (10 classes)\n"
    )
    assert available_models([LIGHT, "alexnet"]) == [LIGHT]
    with pytest.raises(DownloadError, match=re.escape(str(path)) + " is cut short after 16 bytes: delete it"):
        load_classifier(LIGHT, weights="imagenet")
    assert path.read_bytes() == b"PK\x03\x04 and no more"  # nothing better is there


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
@pytest.mark.parametrize("older", [False, True])
def test_a_cached_file_that_was_cut_is_passed_over(share: float, older: bool) -> None:
    path = hub_cache.path_of(cache(LIGHT, {}))
    torch.save(get_model(LIGHT).state_dict(), path, _use_new_zipfile_serialization=not older)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert len(load_classifier(LIGHT, device="cpu").categories) == 10


def test_another_file_in_the_cache_is_read_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Only a file whose hash is right is mapped; any other may be saved over while the model lives."""
    weights = cache(LIGHT, {})
    torch.save(get_model(LIGHT).state_dict(), hub_cache.path_of(weights))
    for asked in (None, weights):
        classifier = load_classifier(LIGHT, weights=asked, device="cpu")
        assert classifier.weights is weights
        assert "is not the published one, its SHA-256 differs" in capsys.readouterr().out
    expected = classifier.model.features[0].weight.detach().clone()  # type: ignore[index, union-attr, operator]
    torch.save(classifier.model.state_dict(), hub_cache.path_of(weights))
    assert torch.equal(classifier.model.features[0].weight, expected)  # type: ignore[index, union-attr, arg-type]
    assert torch.equal(torch.load(hub_cache.path_of(weights), weights_only=True)["features.0.weight"], expected)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="Linux says there what is mapped")
def test_a_verified_file_is_mapped_and_may_be_replaced() -> None:
    weights = cache(LIGHT, get_model(LIGHT).state_dict())
    path = hub_cache.path_of(weights)
    classifier = load_classifier(LIGHT, device="cpu")
    assert str(path) in Path("/proc/self/maps").read_text()
    before = [parameter.detach().clone() for parameter in classifier.model.parameters()]
    new = path.with_suffix(".new")
    new.write_bytes(b"another file")
    new.replace(path)  # as torch.hub and the kit replace files
    assert all(torch.equal(a, b) for a, b in zip(before, classifier.model.parameters(), strict=True))


def test_a_hash_is_computed_once_for_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = cache(LIGHT, get_model(LIGHT).state_dict())
    monkeypatch.setattr(weight_files, "sha256_of", lambda path: pytest.fail("hashed again"))
    monkeypatch.setattr(weight_files, "_hashes", {})  # a new process
    assert not hub_cache.has_other_hash(weights)
    record = Path(torch.hub.get_dir(), "course_lib_hashes.json")
    for text in ("", "[]", '{"x": 1}', "[" * 100_000):  # damaged: the file is read again
        record.write_text(text)
        monkeypatch.setattr(weight_files, "_hashes", {})
        monkeypatch.setattr(weight_files, "sha256_of", lambda path: "0" * 64)
        assert hub_cache.has_other_hash(weights)


def test_a_silent_host_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(downloads, "is_online", lambda url, timeout=3.0: asked.append(url))
    for _ in range(3):
        load_classifier(LIGHT, device="cpu")
    assert len(asked) == 1


def test_available_models(monkeypatch: pytest.MonkeyPatch) -> None:
    cache("alexnet", {})
    names = ["vgg19", "alexnet", LIGHT, "course_" + LIGHT]
    assert available_models(names) == names[1:]
    monkeypatch.setenv("COURSE_WEIGHTS", "course")
    assert available_models(names) == names[2:]
    monkeypatch.setenv("COURSE_WEIGHTS", "imagenet")
    assert available_models(names) == ["alexnet", "course_" + LIGHT]
    monkeypatch.delenv("COURSE_WEIGHTS")
    monkeypatch.setattr(hub_cache, "_silent", {})
    monkeypatch.setattr(downloads, "is_online", lambda url, timeout=3.0: True)
    assert available_models(names) == names


# --- names and devices ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("resnet-18", "no classifier 'resnet-18'. Did you mean 'resnet18'"),
        ("fcn_resnet50", "'fcn_resnet50' is a model for segmentation"),
        ("quantized_resnet18", "'quantized_resnet18' is a quantized model"),
        ("fasterrcnn_resnet50_fpn", "a model for detection"),
        ("r3d_18", "a model for video"),
        ("raft_small", "a model for optical flow"),
        (18, "a string such as 'resnet18', not int"),
    ],
)
def test_wrong_names_are_one_sentence(name: Any, sentence: str) -> None:
    with pytest.raises(ModelNameError, match=re.escape(sentence)):
        load_classifier(name)


def test_names_may_be_written_as_in_the_papers() -> None:
    assert load_classifier(" SqueezeNet1_1 ", weights="course", device="cpu").name == LIGHT


@pytest.mark.parametrize("device", ["banana", "cuda:99", "meta", "xpu"])
def test_a_device_that_is_not_here_is_one_sentence(device: str) -> None:
    with pytest.raises(CourseError, match=f"There is no device '{device}' here; this PyTorch sees: .*cpu"):
        load_classifier(LIGHT, weights="course", device=device)


def test_device_auto_is_the_best_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    classifier = load_classifier(LIGHT, weights="course")
    assert classifier.device.type == best == next(classifier.model.parameters()).device.type
    assert classifier.prepare(picture()).device.type == best
    assert classifier.predict(picture()).logits.device.type == "cpu"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_the_gpu_gives_what_the_cpu_gives(folder: Path) -> None:
    here = load_classifier(LIGHT, weights="course", device="cpu")
    there = load_classifier(LIGHT, weights="course", device=torch.device("cuda:0"))
    found = there.predict_folder(folder)
    assert found.device.startswith("cuda")
    for row, other in zip(found.rows, here.predict_folder(folder).rows, strict=True):
        torch.testing.assert_close(row.prediction.logits, other.prediction.logits, rtol=1e-2, atol=1e-2)


def test_repr_says_which_weights(classifier: Classifier) -> None:
    assert repr(classifier) == f"Classifier('{LIGHT}', CourseSqueezeNet1_1Weights.PICTUREBOOK_V1, 10 classes, on cpu)"
