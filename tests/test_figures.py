"""Figures: whole pictures of the width they say, described, with every word inside, none over another."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from torchvision.models import ResNet18_Weights, ViT_B_16_Weights

from course_lib.drawing import picture_figures
from course_lib.drawing.charts import bars, draw_curve
from course_lib.drawing.interval_chart import intervals
from course_lib.drawing.spots import Spot
from course_lib.drawing.still import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    Still,
    draw_kept,
    draw_picture,
    new_figure,
    shortened,
    still,
)
from course_lib.errors import CourseError
from course_lib.models.predictions import Prediction, from_logits
from course_lib.pictures.preprocessing import stages

from . import stills as checks

NAMES = tuple(ResNet18_Weights.DEFAULT.meta["categories"])
LONGEST = tuple(sorted(NAMES, key=len)[-40:])
ODD_SIZES = [(16, 400), (1024, 30), (1, 1), (3000, 20), (1, 900), (1500, 1000)]


def picture(width: int = 96, height: int = 72, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height // 8 + 2, width // 8 + 2, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((width, height))


def answer(k: int = 5, *, names: tuple[str, ...] = LONGEST, scale: float = 3.0, seed: int = 0) -> Prediction:
    logits = torch.randn(len(names), generator=torch.Generator().manual_seed(seed)) * scale
    return from_logits(logits, names, k=k)


@pytest.fixture(autouse=True)
def nothing_out_of_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    """Whatever a test of this file draws, every text of it must be in its place."""
    seen = checks.watch(monkeypatch)
    yield seen
    assert [fault for figure in seen for fault in checks.faults(figure)] == []


def test_the_check_itself_sees_what_is_wrong() -> None:
    figure = new_figure(2, 1)
    figure.text(0.9, 0.5, "leaves on the right", fontsize=10)
    figure.text(0.1, 0.5, "lies over", fontsize=10)
    figure.text(0.12, 0.52, "the other", fontsize=7)
    said = " ".join(checks.faults(figure))
    assert "leaves the figure" in said and "lies over" in said and "7.0 points" in said


# -- stills -----------------------------------------------------------------------------------------------------------
def test_a_still_carries_picture_text_and_width() -> None:
    shown = bars({"right": 98.0, "BGR": 71.5}, unit="%", title="accuracy")
    checks.is_picture(shown, kind="png")
    assert repr(shown) == shown.alt == "accuracy: right 98.0%, BGR 71.5%"
    data, how = shown._repr_mimebundle_()
    assert set(data) == {"image/png", "text/plain"} and data["text/plain"] == shown.alt
    assert how == {"image/png": {"width": shown.width, "alt": shown.alt}}
    assert Image.open(BytesIO(data["image/png"])).size == (2 * 860, shown.open().height)


def test_ipython_shows_a_still_as_its_picture() -> None:
    formatters = pytest.importorskip("IPython.core.formatters")
    data, how = formatters.DisplayFormatter().format(picture_figures.predictions(picture(), {"resnet18": answer()}))
    assert data["image/jpeg"][:3] == b"\xff\xd8\xff" and data["text/plain"].startswith("Top 5")
    assert how["image/jpeg"]["alt"] == data["text/plain"]


def test_few_colours_look_like_all_of_them() -> None:
    figure = new_figure(3, 2)
    for k, color in enumerate((BLUE, ORANGE, GREEN, GREY, "black", "#F3F3F3")):
        figure.text(0.05, 0.05 + 0.15 * k, "words in a colour", color=color, fontsize=14)
    shown = np.asarray(still(figure, "words in six colours").open().convert("RGB")).astype(int)
    drawn = np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)  # type: ignore[attr-defined]
    assert (shown[(drawn == 255).all(-1)] == 255).all()
    assert np.abs(shown - drawn).max() < 32 and np.abs(shown - drawn).mean() < 0.5
    blank = np.asarray(still(new_figure(1, 1), "a blank sheet").open().convert("RGB"))
    assert (blank == 255).all()


def test_the_same_values_give_the_same_bytes() -> None:
    one, other = (picture_figures.predictions(picture(), {"resnet18": answer()}) for _ in range(2))
    assert one == other


# -- pictures ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", ODD_SIZES)
def test_pictures_of_any_shape(size: tuple[int, int]) -> None:
    odd = picture(*size)
    checks.is_picture(
        picture_figures.picture_grid([odd, picture()] * 2, LONGEST[:4], right=[True, False] * 2), kind="jpeg"
    )
    checks.is_picture(picture_figures.predictions(odd, {"resnet18": answer()}), kind="jpeg")
    box = (size[0] * 0.2, size[1] * 0.2, size[0] * 0.8, size[1] * 0.8)
    kept = picture_figures.kept_and_lost(odd, box)
    assert kept.alt.endswith("64% of it, greyed out, is thrown away") and max(kept.open().size) in range(718, 723)


@pytest.mark.parametrize("count, columns", [(1, 4), (2, 4), (3, 1), (5, 4), (9, 3)])
def test_a_grid_shows_every_picture_in_full(count: int, columns: int) -> None:
    # Pictures of one colour each, so that they can be found again in the still.
    colors = [tuple(int(c) for c in np.random.default_rng(k).integers(20, 200, 3)) for k in range(count)]
    shown = picture_figures.picture_grid([Image.new("RGB", (60, 45), color) for color in colors], columns=columns)
    assert shown.alt == f"{count} pictures" and abs(shown.width - 1.25 * min(285 * min(count, columns), 860)) <= 1
    pixels = np.asarray(shown.open(), int)
    found = [(np.abs(pixels - color).max(2) < 12).sum() for color in colors]
    assert min(found) > 0.97 * max(found) and max(found) > 350 * 260


def test_a_grid_says_who_was_right() -> None:
    shown = picture_figures.picture_grid([picture()] * 2, ["camel", "dog"], right=[True, False])
    assert shown.alt == "2 pictures: camel (right), dog (wrong)"


@pytest.mark.parametrize("way", [{}, {"titles": ["one"]}, {"right": [True]}])
def test_a_grid_that_cannot_be(way: dict[str, list[str]]) -> None:
    with pytest.raises(CourseError):
        picture_figures.picture_grid([picture()] * 2 if way else [], **way)


@pytest.mark.parametrize("weights", [ResNet18_Weights.DEFAULT, ViT_B_16_Weights.IMAGENET1K_SWAG_E2E_V1])
@pytest.mark.parametrize("size", [(320, 240), (30, 700), (700, 30)])
def test_the_strip_of_stages(weights: ResNet18_Weights, size: tuple[int, int]) -> None:
    found = stages(picture(*size), weights.transforms())
    shown = picture_figures.strip(found)
    checks.is_picture(shown, kind="jpeg")
    assert all(f"{stage.name} {stage.shape}" in shown.alt for stage in found)


def test_a_picture_is_laid_down_dot_by_dot() -> None:
    figure = new_figure(1, 1)  # 200 dots
    exact = picture(120, 80)
    place = draw_picture(figure, (0.1, 0.2, 0.6, 0.4), exact)
    assert place == pytest.approx((0.1, 0.2, 0.6, 0.4))
    data = np.asarray(still(figure, "exact", photo=True).open(), float)
    assert np.abs(data[80:160, 20:140] - np.asarray(exact, float)).mean() < 6  # JPEG
    assert data[:70].mean() > 253 and data[170:].mean() > 253


def test_what_the_crop_throws_away_is_grey() -> None:
    figure = new_figure(1, 1)
    draw_kept(figure, (0, 0, 1, 1), Image.new("RGB", (100, 100), (200, 40, 40)), (50, 0, 100, 50))
    pixels = np.asarray(still(figure, "kept", photo=True).open(), int)
    inside, outside = pixels[10:90, 110:190], pixels[110:190, 10:190]
    assert np.abs(inside - (200, 40, 40)).mean() < 5 and np.ptp(outside, axis=2).mean() < 5


@pytest.mark.parametrize("size, width", [((300, 200), None), ((40, 30), None), ((2000, 500), None), ((800, 800), 100)])
def test_a_picture_as_it_is(size: tuple[int, int], width: int | None) -> None:
    shown = picture_figures.show(picture(*size), "some squares", width=width)
    assert shown.width == (width or min(size[0], 1075)) and shown.alt == "some squares"
    wide, tall = shown.open().size
    assert shown.width <= wide <= 2 * shown.width and abs(tall / wide - size[1] / size[0]) < 0.02


# -- answers ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("k", [1, 2, 5, 10])
@pytest.mark.parametrize("models", [1, 2, 3, 4, 8])
def test_predictions_of_several_models(k: int, models: int) -> None:
    answers = {f"model_number_{n}": answer(k, seed=n) for n in range(models)}
    shown = picture_figures.predictions(picture(), answers, shown="a test")
    checks.is_picture(shown, kind="jpeg")
    assert shown.width == 1075 and shown.alt.startswith(
        f"Top {k} for a test. model_number_0: {answers['model_number_0'].label}"
    )
    assert shown.alt.count("%") == models


@pytest.mark.parametrize("scale", [0.0, 1.0, 12.0, 1000.0])
def test_sure_and_unsure_answers(scale: float) -> None:
    checks.is_picture(
        picture_figures.predictions(picture(), {"one": answer(scale=scale), "two": answer(scale=scale, seed=1)})
    )


def test_nobody_answered() -> None:
    with pytest.raises(CourseError, match="no answer"):
        picture_figures.predictions(picture(), {})


@pytest.mark.parametrize(
    "values",
    [
        {"right": 98.0}, {"none": 0.0, "nothing": 0.0}, {"large": 123456789.0, "small": 2.0}, {"tiny": 1e-9},
        {name: float(k) for k, name in enumerate(LONGEST[:9])}, {f"n{k}": float(k) for k in range(25)},
    ],
)  # fmt: skip
@pytest.mark.parametrize("title", ["", "accuracy over the folder", "a title that is much too long for one line " * 4])
def test_bars(values: dict[str, float], title: str) -> None:
    shown = bars(values, unit="pictures a second", title=title)
    checks.is_picture(shown, kind="png")
    assert all(f"{name} {value:.1f} pictures a second" in shown.alt for name, value in values.items())


def test_bars_are_as_long_as_their_values() -> None:
    pixels = np.asarray(bars({"a": 10.0, "b": 5.0, "c": 0.0}).open().convert("RGB"), int)
    blue = np.abs(pixels - (0, 0x72, 0xB2)).max(2) < 30
    first, second, third = (int(part.sum(1).max()) for part in np.array_split(blue, 3))
    assert first > 400 and second == pytest.approx(first / 2, abs=4) and third < 4


@pytest.mark.parametrize("values", [{}, {"a": -3.0}, {"a": float("nan")}, {"a": 1.0, "b": float("inf")}])
def test_bars_that_cannot_be_drawn(values: dict[str, float]) -> None:
    with pytest.raises(CourseError, match="Bars go from 0"):
        bars(values)


@pytest.mark.parametrize("values", [[], [5.0], [0.0, 100.0, float("nan"), 20.0]])
def test_curves(values: list[float]) -> None:
    figure = new_figure(6, 2.6)
    draw_curve(figure, (0.1, 0.2, 0.8, 0.6), list(enumerate(values)), across=range(5), up=(0, 50, 100), title="curve",
               below="run", level=30)  # fmt: skip
    checks.is_picture(still(figure, "a curve of a few points"), kind="png")


def test_labels_are_cut_where_it_is_said() -> None:
    for name in NAMES:
        short = shortened(name, 16)
        assert len(short) <= 16 and (short == name or (short[-1] == "…" and name.startswith(short[:-1])))


def test_nothing_global_is_touched() -> None:
    import sys

    import matplotlib

    before = dict(matplotlib.rcParams)
    bars({"a": 1.0})
    assert dict(matplotlib.rcParams) == before
    if "matplotlib.pyplot" in sys.modules:
        assert sys.modules["matplotlib.pyplot"].get_fignums() == []
    assert isinstance(bars({"a": 1.0}), Still)


# -- laptops and intervals --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", ODD_SIZES)
def test_laptops_show_one_picture_and_each_answer(size: tuple[int, int]) -> None:
    shown = picture_figures.laptops(picture(*size), {"Ana": answer(3), "Ben": answer(3, seed=1)})
    checks.is_picture(shown, kind="jpeg")
    assert shown.alt.startswith("The same picture on 2 laptops. Ana: ") and "; Ben: " in shown.alt
    with pytest.raises(CourseError, match="No laptop answered"):
        picture_figures.laptops(picture(), {})


def test_intervals_are_drawn_from_counts() -> None:
    counts = {
        "as trained": (200, 200),
        "a name that is much too long to stand beside its row": (0, 20),
        "half": (10, 20),
    }
    shown = intervals(counts, title="right answers", highlight="half", chance=0.1)
    checks.is_picture(shown, kind="png")
    assert "as trained 200 of 200 (98.1 to 100.0%)" in shown.alt and "half 10 of 20 (29.9 to 70.1%)" in shown.alt
    for wrong in ({}, {"more": (3, 2)}):
        with pytest.raises(CourseError):
            intervals(wrong)


def test_in_a_notebook_a_figure_by_itself_tells_what_its_spots_are(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = Spot(
        "cell",
        (np.float64(0.5), 0, np.float32(0.5), 1),
        lambda row, column: f"cell <{row}, {column}>",
        rows=2,
        columns=3,
    )
    fine = Spot("pixel", (0, 0, 1, 1), lambda row, column: "too many", rows=50, columns=50)
    shown = replace(picture_figures.show(picture(), "squares"), spots=(cells, fine))
    assert set(shown._repr_mimebundle_()[0]) == {"image/jpeg", "text/plain"}  # no notebook here
    monkeypatch.setattr(importlib.import_module("course_lib.drawing.still"), "in_notebook", lambda: True)
    assert "text/html" not in shown._repr_mimebundle_()[0]  # in tests it is switched off, as it is for saved lessons
    monkeypatch.setenv("COURSE_TOUCH", "1")
    html = shown._repr_mimebundle_()[0]["text/html"]
    assert html.count("<i ") == 6 and 'data-tip="cell &lt;1, 2&gt;"' in html and 'alt="squares"' in html
    assert "left:83.33%;top:50.00%;width:16.67%;height:50.00%" in html and "too many" not in html
    assert "text/html" not in shown.bundle()[0]
