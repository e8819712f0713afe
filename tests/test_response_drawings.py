"""The drawings of lesson 06: what is drawn lies where it should, the numbers in them are right, nothing overlaps.

Oracles: torchvision's own transforms for what is cut out, white rectangles that are found again in the pixels, loops
over windows, jacobians, and the extent of the gradient of a network whose weights are all positive.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torchvision.models import ResNet18_Weights
from torchvision.ops import box_iou

from course_lib.drawing.field_figure import draw_cell_sight
from course_lib.drawing.fixed_size import draw_fixed_size, fitted
from course_lib.drawing.linear_figure import draw_row_as_kernel
from course_lib.drawing.overlay import lit, put
from course_lib.drawing.response_cells import draw_cells
from course_lib.drawing.response_figure import agreement, coloured_scores, draw_response
from course_lib.drawing.score_panels import draw_scores
from course_lib.drawing.sheet import Sheet
from course_lib.errors import CourseError
from course_lib.models.classifier import Classifier
from course_lib.networks.fcn import ResponseMap, convert, localise
from course_lib.networks.fcn.field_of_view import Sight, cell_gradient, cell_sight
from course_lib.pictures.preprocessing import stages

from . import stills as checks

TRANSFORMS = ResNet18_Weights.DEFAULT.transforms()
NAMES = ("camel", "cat", "dog")
SCENE = Image.fromarray((np.indices((96, 256)).sum(0)[..., None] % [251, 127, 83]).astype(np.uint8))


@pytest.fixture(autouse=True)
def nothing_out_of_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    seen = checks.watch(monkeypatch)
    yield seen
    assert [fault for figure in seen for fault in checks.faults(figure)] == []


class Tiny(nn.Module):
    """A classifier of 32×32 pictures with a map of 4×4 cells, 8 pixels apart."""

    def __init__(self, *, positive: bool = False) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.ReLU(), nn.Conv2d(6, 6, 3, 4, 1), nn.ReLU())
        self.pool, self.head = nn.AdaptiveAvgPool2d(1), nn.Linear(6, 3)
        generator = torch.Generator().manual_seed(0)
        for weight in self.parameters():
            values = torch.rand(weight.shape, generator=generator)
            weight.data = values + 0.1 if positive else 2 * values - 1

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.head(torch.flatten(self.pool(self.body(x)), 1))
        return found


def classifier(**how: bool) -> Classifier:
    weights = ResNet18_Weights.DEFAULT
    return Classifier("tiny", Tiny(**how).eval(), weights, TRANSFORMS, NAMES, torch.device("cpu"))


# -- on a picture -----------------------------------------------------------------------------------------------------
def extent(found: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@pytest.mark.parametrize("box", [(20, 10, 70, 40), (0, 0, 100, 50), (-30, 20, 60, 90)])
def test_a_frame_lies_round_its_box(box: tuple[int, int, int, int]) -> None:
    sheet = Sheet(240, 140)
    shown = put(sheet, Image.new("RGB", (100, 50), "black"), (20, 15, 200, 110))
    shown.frame(box)
    orange = np.abs(np.asarray(sheet.still("a frame").open().convert("RGB"), int) - (0xD5, 0x5E, 0x00)).sum(2) < 60
    left, top, right, bottom = (min(max(edge, 0), most) for edge, most in zip(box, (100, 50, 100, 50), strict=True))
    expected = [2 * (20 + 2 * left), 2 * (15 + 2 * top), 2 * (20 + 2 * right), 2 * (15 + 2 * bottom)]
    assert np.abs(np.array(extent(orange)) - expected).max() <= 4  # half of a line's width, in dots
    assert not orange[(expected[1] + expected[3]) // 2, (expected[0] + expected[2]) // 2]  # only its edge


def test_a_tag_stays_on_the_picture_whatever_the_box() -> None:
    for box in ((0, 0, 4, 4), (96, 46, 100, 50), (0, 0, 100, 50), (40, 45, 60, 50)):
        for below in (False, True):
            sheet = Sheet(240, 140)
            shown = put(sheet, Image.new("RGB", (100, 50), "black"), (20, 15, 200, 110))
            shown.tag(box, "found", below=below, right=below)
            orange = np.asarray(sheet.still("a tag").open().convert("RGB"), int)
            found = extent(np.abs(orange - (0xD5, 0x5E, 0x00)).sum(2) < 60)
            assert found[0] >= 36 and found[1] >= 26 and found[2] <= 444 and found[3] <= 234
            assert found[2] - found[0] > 60 and found[3] - found[1] > 25


def test_low_scores_leave_the_picture_as_it_is_and_high_ones_are_mostly_viridis() -> None:
    values = np.linspace(0, 1, 256)[None].repeat(96, 0)
    seen, viridis = np.asarray(lit(SCENE, values, 0, 1), float), 255 * colormaps["viridis"](values)[..., :3]
    assert np.array_equal(seen[:, 0], np.asarray(SCENE)[:, 0])
    assert np.array_equal(np.asarray(lit(SCENE, values, 2, 3)), np.asarray(SCENE))
    assert np.abs(seen[:, -1] - (0.75 * viridis[:, -1] + 0.25 * np.asarray(SCENE, float)[:, -1])).max() < 2


# -- score panels, and a row that folds -------------------------------------------------------------------------------
@pytest.mark.parametrize("columns", [1, 2, 3])
def test_panels_say_the_iou_that_torchvision_computes(columns: int) -> None:
    place, truth = localise(hill(3, 8, 1, 6, size=(256, 96), stride=32)), (150, 10, 250, 90)
    maps = {"found": place, "by hand": place.score_map, "its mask": torch.tensor(place.mask)}
    panels = draw_scores(SCENE, maps, truth, boxes={"its mask": place.box}, columns=columns, title="three of them")
    (overlap,) = box_iou(torch.tensor([place.box]), torch.tensor([truth])).flatten().tolist()
    assert repr(panels).count(f"IoU {overlap:.2f}") == 2 and "by hand;" in repr(panels)
    checks.is_picture(panels, kind="jpeg")


def test_panels_refuse_what_is_no_map_of_the_picture() -> None:
    with pytest.raises(CourseError, match=r"\(3, 8\), and the picture is 96×256 \(height × width\)"):
        draw_scores(SCENE, {"cells": np.zeros((3, 8))})
    for maps, columns in (({}, 2), ({"flat": np.zeros((96, 256))}, 5)):
        with pytest.raises(CourseError, match="at least one map, in 1 to 4 columns"):
            draw_scores(SCENE, maps, columns=columns)


@pytest.mark.parametrize("shape", [(3, 2, 2), (1, 4, 5), (2, 1, 12)])
def test_a_linear_row_is_drawn_as_a_kernel_of_its_channels(shape: tuple[int, int, int]) -> None:
    channels, height, width = shape
    drawn = draw_row_as_kernel(torch.randn(5, channels * height * width), *shape, row=4)
    checks.is_picture(drawn, kind="png")
    assert repr(drawn).endswith(f"kernel 4, {channels} channels of {height}×{width}")
    with pytest.raises(CourseError, match="does not belong to a flattened map"):
        draw_row_as_kernel(torch.randn(5, 7), *shape)
    with pytest.raises(CourseError, match="at most 8 rows of 24 numbers"):
        draw_row_as_kernel(torch.randn(9, channels * height * width), *shape)


# -- made to fit ------------------------------------------------------------------------------------------------------
def test_the_middle_is_what_torchvision_cuts_out_and_squashed_is_a_resize() -> None:
    ways = {one.way: one for one in fitted(SCENE, TRANSFORMS)}
    assert list(ways) == ["squashed", "shrunk", "centre crop"]
    crop = stages(SCENE, TRANSFORMS)[2].picture()
    apart = np.abs(np.asarray(crop, int) - np.asarray(ways["centre crop"].picture, int))
    smooth = np.abs(np.asarray(crop, int) - np.asarray(crop.resize((112, 112)).resize((224, 224)), int))
    assert apart.mean() < 0.5 < smooth.mean()
    squashed = SCENE.resize((224, 224), Image.Resampling.BILINEAR)
    assert np.array_equal(np.asarray(ways["squashed"].picture), np.asarray(squashed))
    rows = np.asarray(ways["shrunk"].picture)[:, 100]
    assert (rows[:70] == (124, 116, 104)).all() and (rows[154:] == (124, 116, 104)).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 180), st.integers(0, 60), st.integers(20, 70), st.integers(15, 30))
def test_the_true_box_moves_with_the_picture(left: int, top: int, wide: int, tall: int) -> None:
    box = (left, top, left + wide, top + tall)
    picture = Image.new("RGB", (256, 96), "black")
    picture.paste("white", box)
    for one in fitted(picture, TRANSFORMS, box):
        assert one.box is not None
        white = np.asarray(one.picture.convert("L")) > 160
        if one.left < 0.02:
            assert white.mean() < 0.03
            continue
        assert np.abs(np.array(extent(white)) - one.box).max() <= 2.5
        area = (one.box[2] - one.box[0]) * (one.box[3] - one.box[1])
        assert abs(float(white.sum()) - area) <= 0.12 * area + 60
    assert one.way == "cropped around it" and one.left > 0.99


def test_fixed_sizes_show_the_models_own_answers() -> None:
    one = classifier()
    still = draw_fixed_size(one, SCENE, (150, 20, 240, 90), label="camel")
    checks.is_picture(still, kind="jpeg")
    said = repr(still).removeprefix("96×256 made to fit 224×224. ").lower().split("; ")
    ways = fitted(SCENE, TRANSFORMS, (150, 20, 240, 90))
    assert len(said) == 4
    for words, way in zip(said, ways, strict=True):
        values = torch.from_numpy(np.array(way.picture)).permute(2, 0, 1) / 255
        mean, std = torch.tensor(TRANSFORMS.mean).view(3, 1, 1), torch.tensor(TRANSFORMS.std).view(3, 1, 1)
        with torch.no_grad():
            sure = one.model((values - mean)[None] / std)[0].softmax(0)
        assert words == f"{way.way}: {NAMES[int(sure.argmax())]} {100 * float(sure.max()):.0f}%"
    checks.is_picture(draw_fixed_size(one, SCENE.resize((60, 200))))


# -- what a cell sees -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("scales", [(), (0.5,), (1.0, 0.5), (0.75,)])
@pytest.mark.parametrize("dense", [False, True])
def test_the_theory_is_the_extent_of_the_gradient_of_a_network_without_minus(
    scales: tuple[float, ...], dense: bool
) -> None:
    fcn = convert(classifier(positive=True), window=32, dense=dense, pyramid=scales)
    rows, columns = fcn.cells(96, 256)
    for row, column in {(0, 0), (rows - 1, columns - 1), (rows // 2, columns // 2)}:
        seen = cell_gradient(fcn, torch.rand(1, 3, 96, 256) + 1, row, column, index=1)
        left, top, right, bottom = extent(seen.numpy() > 0)
        sight = cell_sight(fcn, row, column, (96, 256))
        slack = 0 if not scales or scales == (1.0,) else 2  # the outermost pixel of a triangle has the weight 0
        assert 0 <= left - sight.box[0] <= slack and 0 <= sight.box[2] - right <= slack
        assert 0 <= top - sight.box[1] <= slack and 0 <= sight.box[3] - bottom <= slack
        assert not sight.whole


def test_a_gradient_is_the_jacobians_row() -> None:
    fcn = convert(classifier(), window=32, dense=True)
    batch = torch.rand(1, 3, 40, 56)
    full = torch.autograd.functional.jacobian(lambda x: fcn(x)[0, :, 1, 2], batch)
    with torch.no_grad():
        best = int(fcn(batch)[0, :, 1, 2].argmax())
    for index in (0, 1, 2):
        assert torch.allclose(cell_gradient(fcn, batch, 1, 2, index=index), full[index, 0].abs().sum(0), atol=1e-6)
    assert torch.equal(cell_gradient(fcn, batch, 1, 2), cell_gradient(fcn, batch, 1, 2, index=best))


def test_cells_and_classes_that_there_are_not() -> None:
    fcn = convert(classifier(), window=32)
    with pytest.raises(CourseError, match=r"no cell in row 3, column 0: .* rows 0 to 2 and columns 0 to 7"):
        cell_sight(fcn, 3, 0, (96, 256))
    with pytest.raises(CourseError, match="classes are 0 to 2"):
        cell_gradient(fcn, torch.rand(1, 3, 96, 256), 0, 0, index=3)
    with pytest.raises(CourseError, match="of one picture"):
        cell_gradient(fcn, torch.rand(2, 3, 96, 256), 0, 0)


def test_a_cell_on_the_picture() -> None:
    fcn = convert(classifier(), window=32)
    gradient = cell_gradient(fcn, fcn.prepare(SCENE), 1, 4, index=1)
    sight = cell_sight(fcn, 1, 4, (96, 256))
    window = (4 * fcn.stride, fcn.stride, 4 * fcn.stride + 32, fcn.stride + 32)
    still = draw_cell_sight(SCENE, gradient, sight, window, (1, 4), label="cat")
    checks.is_picture(still, kind="jpeg")
    seen = gradient.flatten().sort(descending=True).values
    count = int((seen.cumsum(0) < 0.95 * seen.sum()).sum()) + 1
    assert repr(still) == (
        f"The cell at row 1, column 4, cat: window 32×32; in theory it sees {sight.size[1]}×{sight.size[0]} pixels; "
        f"95% of the gradient lies on {count:,} pixels"
    )


def test_a_cell_that_nothing_moves_and_one_that_sees_everything() -> None:
    sight = Sight((96, 256), (0, 0, 256, 96), True)
    still = draw_cell_sight(SCENE, torch.zeros(96, 256), sight, (0, 0, 32, 32), (0, 0), label="w" * 80)
    checks.is_picture(still)
    assert repr(still).endswith("in theory it sees the whole picture; measured, no pixel changes it")


# -- a map and a box --------------------------------------------------------------------------------------------------
def hill(rows: int, columns: int, row: int, column: int, *, size: tuple[int, int], stride: int) -> ResponseMap:
    """A map whose first class has a hill at one cell."""
    ys, xs = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    camel = 6 * torch.exp(-((ys - row) ** 2 + (xs - column) ** 2) / 4.0)
    return ResponseMap(torch.stack([camel, xs / columns, ys / rows]), NAMES, size=size, stride=stride, window=stride)


@pytest.mark.parametrize(
    "overlap, words",
    [
        (1.0, "nearly"),
        (0.75, "nearly"),
        (0.74, "a hit"),
        (0.5, "a hit"),
        (0.49, "not a hit"),
        (0.24, "hardly"),
        (0, "missed"),
    ],
)
def test_agreement_in_words(overlap: float, words: str) -> None:
    assert agreement(overlap).startswith(words)


@pytest.mark.parametrize(
    "size, cells",
    [((256, 96), (3, 8)), ((256, 96), (1, 4)), ((60, 240), (12, 3)), ((1024, 387), (24, 64)), ((64, 64), (1, 1))],
)
def test_a_found_box_is_shown_with_its_iou(size: tuple[int, int], cells: tuple[int, int]) -> None:
    found = hill(*cells, cells[0] // 2, cells[1] - 1, size=size, stride=size[0] // cells[1])
    place = localise(found)
    truth = (0, 0, size[0] // 2 + 10, size[1])
    still = draw_response(SCENE.resize(size), place, truth, cells=found, title="tiny, dense")
    checks.is_picture(still, kind="jpeg")
    left, top, right, bottom = place.box
    boxes = np.zeros((2, size[1], size[0]), bool)
    boxes[0, top:bottom, left:right] = boxes[1, :, : truth[2]] = True
    overlap = boxes.all(0).sum() / boxes.any(0).sum()
    assert repr(still) == (
        f"tiny, dense: camel, threshold 0.40: found box ({left}, {top}) to ({right}, {bottom}); true box (0, 0) to "
        f"({truth[2]}, {truth[3]}); IoU {overlap:.2f}, {agreement(float(overlap))}"
    )


def test_every_part_of_a_response_can_be_left_out() -> None:
    found = hill(3, 8, 1, 6, size=(256, 96), stride=32)
    place = localise(found, threshold=0.9)
    alone = draw_response(SCENE, place)
    assert "true" not in repr(alone) and "IoU" not in repr(alone)
    checks.is_picture(alone)
    assert alone.data != draw_response(SCENE, place, cells=found).data != draw_response(SCENE, place, place.box).data
    assert alone.data == draw_response(SCENE, place, painted=coloured_scores(SCENE, localise(found))).data
    assert "IoU 1.00" in repr(draw_response(SCENE, place, place.box))
    assert "IoU 0.00, missed" in repr(draw_response(SCENE, place, (0, 0, 10, 10)))


def test_a_box_of_another_class_is_said_to_be_one() -> None:
    place = localise(hill(3, 8, 1, 6, size=(256, 96), stride=32))
    right, wrong = (draw_response(SCENE, place, place.box, true_label=name) for name in ("camel", "dog"))
    assert repr(right).endswith("; IoU 1.00, nearly the same box") and repr(wrong).endswith(
        "; IoU 1.00, but the true class is dog"
    )
    assert right.data == draw_response(SCENE, place, place.box).data != wrong.data


def test_the_found_box_is_orange_where_it_is_and_the_outline_inside_it() -> None:
    place = localise(hill(3, 8, 1, 2, size=(256, 96), stride=32))
    shown = draw_response(Image.new("RGB", (256, 96), "black"), place).open().convert("RGB")
    pixels = np.asarray(shown.resize((1720, round(1720 * shown.height / shown.width))), int)  # two dots a pixel
    zoom = 848 / 256
    picture = pixels[60 : 60 + round(2 * zoom * 96), 12 : 12 + 2 * 848]
    orange = np.abs(picture - (0xD5, 0x5E, 0x00)).sum(2) < 90
    left, top, right, bottom = (2 * zoom * edge for edge in place.box)
    tag = 2 * 19  # above the box
    assert np.abs(np.array(extent(orange)) - (left, max(top - tag, 0), right, bottom)).max() <= 8


def test_a_strip_says_each_cells_class_in_order() -> None:
    for rows, columns in ((1, 4), (2, 6), (1, 1), (3, 2)):
        cells = hill(rows, columns, rows - 1, columns - 1, size=(256, 96), stride=30)
        still = draw_cells(cells, SCENE, title="tiny")
        checks.is_picture(still, kind="jpeg")
        names = [NAMES[int(cells.logits[:, r, c].argmax())] for r in range(rows) for c in range(columns)]
        names[-1] += " (best)"
        assert repr(still) == f"tiny: {rows}×{columns} cells, from left to right: {', '.join(names)}"


def test_a_mosaic_counts_the_cells_of_each_class_and_paints_them() -> None:
    for rows, columns in ((6, 16), (24, 64)):  # with a letter in every cell, and with one for each region
        cells = hill(rows, columns, 3, columns - 4, size=(256, 96), stride=256 // columns)
        still = draw_cells(cells, SCENE)
        checks.is_picture(still, kind="jpeg")
        chosen = cells.logits.argmax(0)
        said = repr(still).removeprefix(f"{rows}×{columns} cells: ").partition("; best")[0].split(", ")
        counts = {name: int((chosen == k).sum()) for k, name in enumerate(NAMES) if (chosen == k).any()}
        assert dict(one.rsplit(" in ", 1) for one in said) == {name: str(many) for name, many in counts.items()}
        assert said[0].startswith("camel") and repr(still).endswith(f"row 3, column {columns - 4}")


def test_many_classes_share_what_is_left() -> None:
    names = tuple(f"a very long name of the class number {k}, also known as {k}" for k in range(30))
    logits = torch.nn.functional.one_hot(torch.arange(120) % 30, 30).T.reshape(30, 6, 20).float() * 9
    cells = ResponseMap(logits, names, size=(256, 96), stride=12, window=16)
    checks.is_picture(draw_cells(cells, SCENE))
    checks.is_picture(draw_response(SCENE, localise(cells), (1, 2, 3, 4), cells=cells, title="pyramid, half of it"))
