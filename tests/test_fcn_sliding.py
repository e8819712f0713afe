"""The sliding window against torch's own unfold, and against the fully convolutional network where both must agree."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.models import Weights, WeightsEnum, resnet18
from torchvision.transforms import functional as T
from torchvision.transforms._presets import ImageClassification

from course_lib.errors import PictureError
from course_lib.models.classifier import Classifier, load_classifier
from course_lib.networks.fcn import FcnError, convert, locating_scene, response_map, slide

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class SmallWeights(WeightsEnum):
    DEFAULT = Weights("", partial(ImageClassification, crop_size=64), {"categories": ["a", "b", "c"]})


def small(padding: int = 0) -> Classifier:
    """A classifier of 64-pixel pictures, 16 pixels from cell to cell; without padding when ``padding`` is 0."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 8, 8, padding=padding), nn.ReLU(), nn.Conv2d(8, 8, 2, 2), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3),
    ).eval()  # fmt: skip
    transforms = SmallWeights.DEFAULT.transforms()
    return Classifier("small", model, SmallWeights.DEFAULT, transforms, ("a", "b", "c"), torch.device("cpu"))


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return locating_scene(2).picture.crop((380, 80, 640, 300))  # 260×220


def test_windows_are_torchs_unfold_in_its_order(picture: Image.Image) -> None:
    classifier = small(padding=2)
    pixels = T.normalize(T.to_tensor(picture), MEAN, STD)
    windows = pixels.unfold(1, 50, 24).unfold(2, 50, 24)  # (3, h, w, 50, 50)
    rows, columns = windows.shape[1:3]
    with torch.no_grad():
        logits = classifier.model(windows.permute(1, 2, 0, 3, 4).reshape(-1, 3, 50, 50))
    cells = slide(classifier, picture, step=24, window=50, batch_size=7)
    assert (cells.size, cells.stride, cells.window, cells.categories) == ((260, 220), 24, 50, ("a", "b", "c"))
    torch.testing.assert_close(cells.logits, logits.T.reshape(3, rows, columns), rtol=0, atol=1e-6)
    assert cells.box_of(rows - 1, columns - 1)[2:] == (24 * (columns - 1) + 50, 24 * (rows - 1) + 50)


def test_without_padding_every_window_gets_the_same_scores(picture: Image.Image) -> None:
    classifier = small()
    fcn = convert(classifier, dense=True)
    slid, seen = slide(classifier, picture, step=fcn.stride), response_map(fcn, picture)
    assert (fcn.stride, slid.window, seen.window) == (16, 64, 64)
    assert slid.logits.shape == seen.logits.shape and slid.logits.shape[1:] == (10, 13)
    torch.testing.assert_close(slid.logits, seen.logits, rtol=0, atol=1e-5)


def test_with_padding_a_windows_edge_makes_the_difference(picture: Image.Image) -> None:
    """Why slide's docstring speaks of padding: it alone is what was changed here."""
    classifier = small(padding=4)
    slid, seen = slide(classifier, picture, step=16), response_map(convert(classifier, dense=True), picture)
    rows, columns = slid.logits.shape[1:]
    assert float((slid.logits - seen.logits[:, :rows, :columns]).abs().max()) > 1e-3


def test_a_picture_that_is_one_window_gets_the_same_scores() -> None:
    classifier = load_classifier("resnet18", weights="course", device="cpu")
    window = locating_scene(2).picture.crop((380, 80, 604, 304))
    slid, seen = slide(classifier, window), response_map(convert(classifier), window)
    assert slid.logits.shape == (10, 1, 1) and slid.label == seen.label
    torch.testing.assert_close(slid.logits, seen.logits, rtol=0, atol=1e-5)


def test_the_model_stays_as_it_was(picture: Image.Image) -> None:
    classifier = small()
    classifier.model.train()
    slide(classifier, picture, step=64)
    assert classifier.model.training


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: slide(small(), p, step=0), "step=0"),
        (lambda p: slide(small(), p, step=8.0), "step=8.0"),
        (lambda p: slide(small(), p, window=-3), "window=-3"),
        (lambda p: slide(small(), p, batch_size=True), "batch_size=True"),
        (lambda p: slide(small(), p, window=224), "220×260"),
        (lambda p: slide(small(), p, window=1), "window=1: .* does not take pictures so small"),
        (lambda p: slide(resnet18(), p), "load_classifier"),
    ],
)
def test_nonsense_is_said_in_a_sentence(call: Any, words: str, picture: Image.Image) -> None:
    with pytest.raises(FcnError, match=words):
        call(picture)
    with pytest.raises(PictureError):
        slide(small(), "no such picture.jpg")
