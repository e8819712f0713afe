"""check_input finds what raises nothing, and finds nothing in a batch that is well prepared.

The batches are real: pictures of the picture book through the weights' own transforms, and through the classic
mistakes of ``course_lib.pictures.preprocessing``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torch import Tensor, nn
from torchvision import models

from course_lib import clinic
from course_lib.clinic import Report, check_input
from course_lib.errors import CourseError, WeightsError
from course_lib.models.classifier import Classifier, load_classifier
from course_lib.pictures.mistakes import MISTAKES
from picturebook import CLASSES, scene


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return load_classifier("resnet18", weights="course", device="cpu")


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    return [scene(label, seed=900 + place, size=(320, 240)).picture for place, label in enumerate(CLASSES)]


@pytest.fixture(scope="module")
def batch(classifier: Classifier, pictures: list[Image.Image]) -> Tensor:
    return torch.stack([classifier.transforms(one) for one in pictures])


def names(report: Report) -> list[str]:
    return [finding.name for finding in report]


def test_a_well_prepared_batch_has_no_finding(
    classifier: Classifier, batch: Tensor, pictures: list[Image.Image]
) -> None:
    for count in (1, len(batch)):
        for transforms in (None, classifier.transforms):
            report = check_input(classifier.model, batch[:count], transforms=transforms)
            assert names(report) == []
            assert not report and "Nothing found" in str(report) and "✓" in report._repr_html_()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v3_small", "shufflenet_v2_x0_5"])
def test_nothing_is_found_in_other_good_batches(name: str, seed: int) -> None:
    one = load_classifier(name, weights="course", device="cpu")
    several = [scene(label, seed=seed, size=(280, 300), difficulty="standard").picture for label in CLASSES[seed:][:5]]
    assert names(check_input(one.model, torch.stack([one.transforms(p) for p in several]))) == []


@pytest.mark.parametrize("entry", [models.ResNet18_Weights, models.ViT_B_16_Weights, models.EfficientNet_V2_L_Weights])
def test_the_transforms_of_torchvisions_weights_have_no_finding(entry: Any, pictures: list[Image.Image]) -> None:
    transforms = entry.DEFAULT.transforms()
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.LazyLinear(3)).eval()
    ready = torch.stack([transforms(one) for one in pictures[:2]])
    model(ready)
    assert names(check_input(model, ready, transforms=transforms)) == []


@pytest.mark.parametrize(
    ("mistake", "found"),
    [
        ("no normalise", "not normalised"),
        ("0-255", "values from 0 to 255"),
        ("wrong mean and std", "wrong mean and std"),
        ("BGR", "channels perhaps in the order BGR"),
    ],
)
def test_the_classic_mistakes_are_found(
    mistake: str, found: str, classifier: Classifier, batch: Tensor, pictures: list[Image.Image]
) -> None:
    wrong = torch.stack([MISTAKES[mistake].apply(one, classifier.transforms) for one in pictures])
    report = check_input(classifier.model, wrong, transforms=classifier.transforms)
    assert names(report) == [found]
    space: dict[str, Any] = {
        "batch": wrong,
        "transforms": classifier.transforms,
        "torch": torch,
        "torchvision": torchvision,
    }
    space["pictures"] = pictures
    exec(report.findings[0].repair, space)
    assert torch.allclose(space["batch"], batch, atol=1e-4)  # the repair makes what the transforms make


def test_bytes_as_they_are_in_a_file(classifier: Classifier, pictures: list[Image.Image], batch: Tensor) -> None:
    crop = torch.stack([classifier.transforms(one) for one in pictures])
    mean, std = torch.tensor(classifier.transforms.mean), torch.tensor(classifier.transforms.std)
    raw = ((crop * std.view(3, 1, 1) + mean.view(3, 1, 1)) * 255).round()
    report = check_input(classifier.model, raw)
    assert names(report) == ["values from 0 to 255"]
    space: dict[str, Any] = {"batch": raw, "torchvision": torchvision}
    exec(report.findings[0].repair, space)
    assert torch.allclose(space["batch"], batch, atol=1e-4)


def test_channels_that_were_exchanged_after_the_normalisation(classifier: Classifier, batch: Tensor) -> None:
    report = check_input(classifier.model, batch[:1].flip(1))  # one picture is enough: it is in the numbers
    assert names(report) == ["channels in the order BGR"]
    assert report.findings[0].repair == "batch = batch.flip(-3)"


def test_an_untrained_model_has_no_opinion_about_colours(batch: Tensor, pictures: list[Image.Image]) -> None:
    torch.manual_seed(0)
    model = models.squeezenet1_1(num_classes=10).eval()
    wrong = torch.stack([MISTAKES["BGR"].apply(one, models.ResNet18_Weights.DEFAULT.transforms()) for one in pictures])
    report = check_input(model, wrong)
    assert names(report) == ["untrained model"] and not report.findings[0].sure  # its biases are all 0


def redone(norm: tuple[list[float], list[float]], numbers: Tensor) -> Tensor:
    return torchvision.transforms.functional.normalize(numbers, *norm)


IMAGENET, HALVES = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]), ([0.5] * 3, [0.5] * 3)


def as_bytes(pictures: list[Image.Image]) -> Tensor:
    """The pictures' own numbers, (B, H, W, 3)."""
    crop = torchvision.transforms.functional.center_crop
    return torch.stack([torch.from_numpy(np.array(crop(picture, [224, 224]))) for picture in pictures])


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize(
    ("found", "sure", "wrong"),
    [
        ("normalised twice", True, lambda x: redone(IMAGENET, redone(IMAGENET, x.permute(0, 3, 1, 2) / 255))),
        ("wrong mean and std", False, lambda x: redone(HALVES, x.permute(0, 3, 1, 2) / 255)),
        ("divided by 255 twice", True, lambda x: redone(IMAGENET, x.permute(0, 3, 1, 2) / 255 / 255)),
        ("reshape instead of permute", True, lambda x: redone(IMAGENET, x.reshape(-1, 3, 224, 224) / 255)),
        ("reshape instead of permute", True, lambda x: x.reshape(-1, 3, 224, 224) / 255),
    ],
)
def test_what_the_numbers_prove(
    classifier: Classifier, pictures: list[Image.Image], count: int, found: str, sure: bool, wrong: Any
) -> None:
    numbers = as_bytes(pictures[:count])
    batch = wrong(numbers.float())
    report = check_input(classifier.model, batch)
    assert names(report) == [found] and report.findings[0].sure is sure
    assert ("(likely)" in str(report)) is ("(likely)" in report._repr_html_()) is not sure
    if found == "wrong mean and std":
        return
    space: dict[str, Any] = {"batch": batch, "torch": torch}
    exec(report.findings[0].repair, space)
    assert "reshape" not in str(check_input(classifier.model, space["batch"]))
    if float(batch.min()) < 0:
        assert torch.allclose(space["batch"], redone(IMAGENET, numbers.permute(0, 3, 1, 2) / 255), atol=1e-3)


def test_pictures_on_their_side_are_a_guess_that_says_so(classifier: Classifier, batch: Tensor) -> None:
    report = check_input(classifier.model, batch.mT)
    assert set(names(report)) <= {"height and width exchanged"} and not any(finding.sure for finding in report)
    assert names(check_input(classifier.model, batch[:2].mT)) == []  # two pictures are too few for an opinion


def test_a_new_network_and_a_softmax_are_told(classifier: Classifier, batch: Tensor) -> None:
    new = models.resnet18(num_classes=5).eval()
    report = check_input(new, batch[:1])
    assert names(report) == ["untrained model"] and report.findings[0].sure
    assert "untrained model" not in names(check_input(new.train(), batch[:1]))  # it is about to be trained
    ends = nn.Sequential(classifier.model, nn.Softmax(1)).eval()
    assert names(check_input(ends, batch[:2])) == ["softmax inside"]


def small() -> nn.Module:
    norm = nn.BatchNorm2d(4)
    nn.init.constant_(norm.running_mean, 0.1)  # type: ignore[arg-type]  # as after a first batch
    return nn.Sequential(nn.Conv2d(3, 4, 3), norm, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))


def vit() -> nn.Module:
    return models.VisionTransformer(32, 16, num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=16, num_classes=5)


def noise(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)).mul(4.5).sub(2.0)


SHAPES: dict[str, tuple[Callable[[], nn.Module], Tensor, list[str]]] = {
    "no batch": (small, noise(3, 16, 16), ["no batch dimension"]),
    "it would go through": (lambda: nn.Sequential(nn.Conv2d(3, 2, 1)), noise(3, 8, 8), ["no batch dimension"]),
    "channels last": (small, noise(1, 16, 20, 3), ["channels last"]),
    "channels last, no batch": (small, noise(16, 20, 3), ["channels last", "no batch dimension"]),
    "grey": (small, noise(1, 1, 16, 16), ["grey picture"]),
    "RGBA": (small, noise(1, 4, 16, 16), ["RGBA picture"]),
    "the ViT's size": (vit, noise(1, 3, 48, 48), ["picture of the wrong size"]),
    "too small": (lambda: nn.Sequential(nn.Conv2d(3, 4, 5)), noise(1, 3, 4, 4), ["picture of the wrong size"]),
    "five dimensions": (small, noise(1, 1, 3, 8, 8), ["shapes that do not fit"]),
    "nothing in it": (small, noise(0, 3, 8, 8), ["empty batch"]),
    "float64": (small, noise(1, 3, 8, 8).double(), ["number type"]),
    "uint8": (small, torch.zeros(1, 3, 8, 8, dtype=torch.uint8), ["number type"]),
    "another device": (small, noise(1, 3, 8, 8).to("meta"), ["different devices"]),
    "not a number": (small, torch.full((1, 3, 8, 8), torch.nan), ["no numbers"]),
    "all the same": (small, torch.zeros(1, 3, 8, 8), []),
    "no picture": (lambda: nn.Linear(4, 2), noise(1, 4), []),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_types_and_devices(name: str) -> None:
    make, wrong, found = SHAPES[name]
    model = make().eval()
    report = check_input(model, wrong)
    assert names(report) == found
    if not found or found[0] in ("shapes that do not fit", "empty batch", "no numbers", "different devices"):
        return
    space: dict[str, Any] = {"batch": wrong, "model": model, "torch": torch, "torchvision": torchvision}
    for finding in report:
        exec(finding.repair, space)
    model(space["batch"])
    assert not {*found} & {*names(check_input(model, space["batch"]))}


def test_train_mode_says_what_it_does() -> None:
    model = models.mobilenet_v3_small(num_classes=3)
    report = check_input(model, noise(2, 3, 64, 64))
    assert names(report) == ["train mode"]
    assert "34 BatchNorm2d" in report.findings[0].sentence and "Dropout" in report.findings[0].sentence
    assert names(check_input(nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU()), noise(1, 3, 8, 8))) == []  # no difference
    frozen = small()
    frozen[1].eval()
    assert names(check_input(frozen, noise(1, 3, 8, 8))) == []


def test_a_batch_of_one_in_train_mode() -> None:
    model = models.resnet18(num_classes=2)
    assert names(check_input(model, noise(1, 3, 32, 32))) == ["train mode", "one value per channel"]
    assert names(check_input(model, noise(2, 3, 32, 32))) == ["train mode"]
    with pytest.raises(ValueError):
        model(noise(1, 3, 32, 32))


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (Image.new("RGB", (8, 8)), "transforms()(picture).unsqueeze(0)"),
        (np.zeros((8, 8, 3), "uint8"), "fromarray"),
        ([torch.zeros(3, 8, 8)], "torch.stack"),
        ("cat.jpg", "a str"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_tensor(thing: Any, words: str) -> None:
    report = check_input(small(), thing)
    assert names(report) == ["no tensor"] and words in str(report)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(CourseError, match="isn't a module"):
        check_input("resnet18", torch.zeros(1, 3, 8, 8))  # type: ignore[arg-type]
    with pytest.raises(WeightsError):
        check_input(small(), noise(1, 3, 8, 8), transforms="resnet18")


def test_the_model_is_as_it_was(classifier: Classifier, batch: Tensor) -> None:
    model = models.squeezenet1_1(num_classes=4)
    calls: list[int] = []
    model.classifier[1].register_forward_hook(lambda *_: calls.append(1))
    before, state = {key: value.clone() for key, value in model.state_dict().items()}, torch.get_rng_state()
    kept = batch.clone()
    check_input(model, batch)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert all(one.training for one in model.modules()) and calls == []
    assert torch.equal(state, torch.get_rng_state()) and torch.equal(batch, kept)
    assert all(one.requires_grad for one in model.parameters())


def test_the_report_reads_well(classifier: Classifier) -> None:
    report = check_input(models.resnet18(num_classes=2), torch.zeros(64, 48, 3).double())
    text = str(report)
    assert text.startswith(f"{len(report)} things to repair in a batch of 64×48×3, float64, on cpu")
    for finding in report:
        assert finding.sentence in text and finding.sentence.endswith(".")
    page = report._repr_html_()
    assert page.count("<li") == len(report) and 'role="note"' in page
    assert repr(report) == text


def test_several_mistakes_are_found_at_once(classifier: Classifier, pictures: list[Image.Image]) -> None:
    array = torch.from_numpy(np.array(pictures[0])).float()  # 240×320×3, 0 to 255
    report = check_input(classifier.model, array)
    assert names(report) == ["channels last", "no batch dimension", "values from 0 to 255"]
    space: dict[str, Any] = {"batch": array, "torchvision": torchvision}
    for finding in report:
        exec(finding.repair, space)
    assert names(check_input(classifier.model, space["batch"])) == []


def test_the_names_are_the_ones_promised() -> None:
    for name in clinic.__all__:
        assert getattr(clinic, name)
