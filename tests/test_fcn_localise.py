"""Maps and boxes against numpy's and scipy's own arithmetic, and on scenes whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as Outline
from PIL import Image
from scipy import ndimage
from scipy.interpolate import RegularGridInterpolator
from torchvision.transforms import functional as T

from course_lib.errors import CourseError, PictureError
from course_lib.models.classifier import Classifier, load_classifier
from course_lib.networks.fcn import KINDS, FcnError, ResponseMap, convert, iou, localise, locating_scene, response_map
from picturebook import CLASSES
from tools.weight_seeds import SCENE_TUNING_SEEDS

NAMES = ("cat", "dog", "car")


def cells_of(rows: int, columns: int, seed: int = 0, **other: Any) -> ResponseMap:
    """A map of three classes by chance, with windows of 96 pixels, 32 apart."""
    logits = torch.randn(3, rows, columns, generator=torch.Generator().manual_seed(seed))
    size = (64 + 32 * columns, 64 + 32 * rows)
    return replace(ResponseMap(logits, NAMES, size, stride=32, window=96), **other)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return load_classifier("resnet18", weights="course", device="cpu")


# -- the map ----------------------------------------------------------------------------------------------------------
def test_a_picture_of_the_classifiers_own_size_gives_its_own_logits(classifier: Classifier) -> None:
    picture = locating_scene(3).picture.crop((300, 100, 524, 324))
    cells = response_map(convert(classifier), picture)
    pixels = T.normalize(T.to_tensor(picture), [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    with torch.no_grad():
        logits = classifier.model(pixels[None])[0]
    assert cells.logits.shape == (10, 1, 1) and cells.categories == classifier.categories
    torch.testing.assert_close(cells.logits[:, 0, 0], logits, rtol=0, atol=1e-5)
    assert cells.probability == pytest.approx(float(logits.softmax(0).max()), abs=1e-5)
    assert not cells.logits.is_inference() and cells.box_of(0, 0) == (0, 0, 224, 224)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 6), st.integers(1, 9), st.integers(0, 1000))
def test_the_winner_is_numpys_argmax(rows: int, columns: int, seed: int) -> None:
    cells = cells_of(rows, columns, seed)
    values = cells.logits.numpy()
    index, row, column = np.unravel_index(values.argmax(), values.shape)
    assert (cells.index, cells.cell, cells.label) == (index, (row, column), NAMES[index])
    assert cells.score == values.max()
    assert cells.cell_of("car") == np.unravel_index(values[2].argmax(), values[2].shape)
    assert cells.labels[row][column] == cells.label and len(cells.labels) == rows
    np.testing.assert_allclose(cells.probabilities.sum(0), 1, atol=1e-6)


def test_windows_lie_where_the_cells_are_and_end_with_the_picture() -> None:
    cells = cells_of(3, 4, size=(180, 150))
    assert cells.box_of(0, 0) == (0, 0, 96, 96)
    assert cells.box_of(2, 3) == (96, 64, 180, 150)  # 96 + 96 and 64 + 96 lie outside
    assert cells.middle_of(2, 3) == (144, 112)


def test_a_map_is_printed_with_names_or_with_letters() -> None:
    logits = torch.full((3, 2, 2), -1.0)
    logits[0, 0, 0], logits[1, 0, 1], logits[2, 1] = 1.0, 9.0, 2.0
    small = ResponseMap(logits, NAMES, (128, 128), 32, 96)
    assert str(small).splitlines()[:2] == [" cat  *dog", " car   car"]
    assert repr(small) == "ResponseMap(2×2 cells, best: dog in row 0, column 1)"
    wide = replace(small, logits=logits.repeat_interleave(6, 2), categories=("cat", "car", "coffee cup"))
    wide.logits[:, 1, 3] = torch.tensor([0.9, 1.0, 0.8])  # nobody has half of it
    first, second, key, last = str(wide).splitlines()
    assert first.split() == ["C"] * 6 + ["*A"] + ["A"] * 5  # two classes that begin alike
    assert second.split() == ["O"] * 3 + ["·"] + ["O"] * 8
    assert key == "C cat, A car, O coffee cup, · no class with half or more" and "row 0, column 6" in last


def test_a_network_without_names_gets_numbers() -> None:
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 8, 8), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4, 2)
    )
    cells = response_map(convert(model, window=32), Image.new("RGB", (64, 32)))
    assert cells.categories == ("class 0", "class 1") and cells.logits.shape[1:] == (1, 2)


# -- from map to box --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("rows", "columns"), [(4, 7), (1, 5), (6, 1)])
def test_scores_are_read_linearly_between_the_middles_of_the_windows(rows: int, columns: int) -> None:
    cells = cells_of(rows, columns, seed=rows)
    found = localise(cells, label="dog")
    layer = cells.logits[1].numpy().astype(np.float64)
    middles = [np.arange(n) * 32 + 48.0 for n in (rows, columns)]
    for axis in (0, 1):  # scipy wants two points at least
        if len(middles[axis]) == 1:
            layer, middles[axis] = np.repeat(layer, 2, axis), np.array([0.0, 1.0])
    places = [np.clip(np.arange(n) + 0.5, m[0], m[-1]) for n, m in zip(found.score_map.shape, middles, strict=True)]
    enlarged = RegularGridInterpolator(middles, layer)(np.stack(np.meshgrid(*places, indexing="ij"), -1))
    enlarged = (enlarged - enlarged.min()) / (enlarged.max() - enlarged.min())
    assert found.score_map.shape == cells.size[::-1]
    np.testing.assert_allclose(found.score_map, enlarged, atol=2e-5)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 500), st.floats(0.05, 1.0))
def test_the_region_is_the_one_that_holds_the_best_pixel(seed: int, threshold: float) -> None:
    found = localise(cells_of(5, 6, seed), threshold=threshold)
    regions, _ = ndimage.label(found.score_map >= threshold)
    peak = np.unravel_index(found.score_map.argmax(), found.score_map.shape)
    np.testing.assert_array_equal(found.mask, regions == regions[peak])
    rows, columns = np.nonzero(found.mask)
    assert found.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert found.threshold == threshold


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 500), st.floats(0.1, 0.9))
def test_the_outline_runs_round_the_region_at_the_threshold(seed: int, threshold: float) -> None:
    found = localise(cells_of(5, 6, seed), threshold=threshold)
    height, width = found.mask.shape
    x, y = found.contour.T
    np.testing.assert_array_equal(found.contour[0], found.contour[-1])
    left, top, right, bottom = found.box
    assert abs(x.min() - left) <= 1 and abs(y.min() - top) <= 1
    assert abs(x.max() - right) <= 1 and abs(y.max() - bottom) <= 1
    inner = (x > 1) & (x < width - 1) & (y > 1) & (y < height - 1)
    read = ndimage.map_coordinates(found.score_map, [y[inner] - 0.5, x[inner] - 0.5], order=1)
    np.testing.assert_allclose(read, threshold, atol=0.02)
    rows, columns = np.nonzero(ndimage.binary_erosion(found.mask, iterations=2))
    middles = np.column_stack([columns, rows])[::37] + 0.5
    assert len(middles) == 0 or Outline(found.contour).contains_points(middles).all()


def test_the_second_hill_is_left_out() -> None:
    logits = torch.zeros(1, 1, 7)
    logits[0, 0, 1], logits[0, 0, 5] = 5.0, 4.9
    found = localise(ResponseMap(logits, ("camel",), (7 * 32, 32), 32, 32), threshold=0.5)
    assert found.box == (32, 0, 64, 32) and found.cell == (0, 1)  # half of the way down on both sides
    assert (found.score_map[:, 112:] >= 0.5).any() and not found.mask[:, 112:].any()


def test_a_flat_map_says_what_but_not_where() -> None:
    found = localise(cells_of(1, 1))
    assert found.mask.all() and found.box == (0, 0, 96, 96) and (found.score_map == 1).all()
    assert found.contour.min() == 0 and found.contour.max() == 96


def test_logits_of_any_precision_with_or_without_gradients() -> None:
    logits = torch.arange(24.0).reshape(2, 3, 4)
    kinds = (logits, logits.double(), logits.half(), logits.long(), logits.clone().requires_grad_())
    found = [localise(ResponseMap(one, ("a", "b"), (320, 288), 32, 224)) for one in kinds]
    assert len({(one.box, one.score) for one in found}) == 1


def test_another_class_may_be_asked_for_by_name_or_place() -> None:
    cells = cells_of(4, 4)
    by_name, by_place = localise(cells, label="car"), localise(cells, label=2)
    assert by_name.label == by_place.label == "car" and by_name.box == by_place.box
    assert by_name.score == float(cells.logits[2].max())


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 30), min_size=8, max_size=8))
def test_iou_counts_pixels(edges: list[int]) -> None:
    boxes = [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in (edges[:4], edges[4:])]
    painted = np.zeros((2, 30, 30), bool)
    for layer, (left, top, right, bottom) in zip(painted, boxes, strict=True):
        layer[top:bottom, left:right] = True
    either = (painted[0] | painted[1]).sum()
    assert iou(*boxes) == pytest.approx((painted[0] & painted[1]).sum() / either if either else 0)


# -- scenes -----------------------------------------------------------------------------------------------------------
def test_scenes_show_one_whole_object_of_every_class_anywhere() -> None:
    scenes = [locating_scene(seed) for seed in range(10)]
    assert {one.label for one in scenes} == set(CLASSES)
    assert {one.picture.size for one in scenes} == {(1024, 387)}
    assert np.ptp([one.box[0] for one in scenes]) > 400 and np.ptp([one.box[1] for one in scenes]) > 40
    for one in scenes:
        left, top, right, bottom = one.box
        assert 0 <= left < right <= 1024 and 0 <= top < bottom <= 387
        assert 0.15 * 387 <= max(right - left, bottom - top) <= 0.95 * 387
    assert locating_scene(4).picture.tobytes() == scenes[4].picture.tobytes()


@pytest.mark.parametrize("kind", ["pool of 4", "pyramid"])
def test_the_object_is_found(classifier: Classifier, kind: str) -> None:
    fcn = convert(classifier, **KINDS[kind])
    fits = []
    for seed in SCENE_TUNING_SEEDS[:4]:
        drawn = locating_scene(seed)
        cells = response_map(fcn, drawn.picture)
        x, y = cells.middle_of(*cells.cell)
        left, top, right, bottom = drawn.box
        assert cells.label == drawn.label and left <= x < right and top <= y < bottom
        fits.append(iou(localise(cells).box, drawn.box))
    assert np.mean(fits) >= 0.5


# -- what makes no sense ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda c: localise(c, threshold=0), "above 0 and at most 1"),
        (lambda c: localise(c, threshold=float("nan")), "above 0"),
        (lambda c: localise(c, threshold="0.5"), "above 0"),
        (lambda c: localise(c, label="dogg"), "Did you mean 'dog'"),
        (lambda c: localise(c, label=3), "0 to 2"),
        (lambda c: localise(c, label=True), "none of the map's 3"),
        (lambda c: localise(c, Image.new("RGB", (9, 9))), "the map alone"),
        (lambda c: localise(convert("squeezenet1_1")), "no picture"),
        (lambda c: response_map(torch.nn.Identity(), c), r"convert\(classifier\)"),
        (lambda c: c.box_of(0, 4), "columns 0 to 3"),
        (lambda c: c.box_of(-1, 0), "rows 0 to 2"),
        (lambda c: replace(c, categories=("cat",)), "a name for each class"),
        (lambda c: replace(c, logits=torch.tensor([[[1.0, float("nan")]]] * 3)), "not finite"),
        (lambda c: iou((1, 2, 3), (0, 0, 1, 1)), "isn't a box"),
        (lambda c: iou((0, 0, 1, 1), (5, 0, 1, 1)), "left ≤ right"),
        (lambda c: iou(None, (0, 0, 1, 1)), "isn't a box"),
    ],
)
def test_nonsense_is_said_in_a_sentence(call: Any, words: str) -> None:
    with pytest.raises(FcnError, match=words):
        call(cells_of(3, 4))


def test_what_is_no_picture_or_no_seed_is_said_too() -> None:
    fcn = convert("squeezenet1_1")
    with pytest.raises(PictureError):
        response_map(fcn, "no such picture.jpg")
    with pytest.raises(FcnError, match="too small"):
        response_map(fcn, Image.new("RGB", (20, 400)))
    for seed in (-1, 1.5, True, "7"):
        with pytest.raises(CourseError, match="whole number from 0"):
            locating_scene(seed)  # type: ignore[arg-type]
