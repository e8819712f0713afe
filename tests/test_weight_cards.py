"""Weights cards: torchvision's own metadata and transforms as the oracle, for every registered entry."""

from __future__ import annotations

import math
import pickle
import sys
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace

import pytest
import torch
import torchvision
from matplotlib.figure import Figure
from PIL import Image
from torchvision.models import ResNet50_Weights, Weights, WeightsEnum, get_model_weights, list_models
from torchvision.transforms._presets import ImageClassification

import course_lib.models.weights as course
from course_lib.drawing import cards
from course_lib.drawing.cards import differences, draw_card, draw_pair, lines_of
from course_lib.errors import CourseError, ModelNameError, WeightsError
from course_lib.models import catalog, entry_of
from course_lib.pictures.preprocessing import seen_box, stages
from course_lib.widgets import weights_browser
from course_lib.widgets.weights_browser import NONE
from picturebook import scene

from . import stills as checks

PICTURE = scene("dog", seed=1, size=(240, 320)).picture
V1, V2 = ResNet50_Weights.IMAGENET1K_V1, ResNet50_Weights.IMAGENET1K_V2
EVERY = [(entry.builder, entry.weights) for entry in catalog(course=True)]


@pytest.fixture(autouse=True)
def nothing_out_of_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    seen: list[Figure] = checks.watch(monkeypatch)
    yield
    assert [fault for figure in seen for fault in checks.faults(figure)] == []


# -- data -------------------------------------------------------------------------------------------------------------
def test_every_entry_of_torchvisions_registry_and_the_courses_own_has_a_card() -> None:
    names = {member for name in list_models(module=torchvision.models) for member in get_model_weights(name)}
    names |= {course.course_weights_for(name) for name in course.COURSE_MODELS}
    assert {member for _, member in EVERY} >= names and len(names) > 100


def test_a_card_says_what_the_metadata_says() -> None:
    for name, member in EVERY:
        one, meta = entry_of(member), member.meta
        assert (one.builder, one.entry, one.weights) == (name, member.name, member)
        assert one.default == (member is type(member).DEFAULT)
        assert (one.parameters, one.megabytes, one.gmacs) == (meta["num_params"], meta["_file_size"], meta["_ops"])
        assert one.categories == tuple(meta.get("categories") or ())
        for data, figures in meta["_metrics"].items():
            for figure, value in figures.items():
                said = one.metrics[data][figure]
                assert said == value or (math.isnan(said) and math.isnan(value))
        assert (one.recipe, one.license) == (meta["recipe"], meta.get("license") or "")
        assert one.url == member.url and one.url.endswith(one.file)
        seen = member.transforms()
        assert one.settings is not None
        assert ([one.settings.resize_size], one.settings.crop_hw[0]) == (seen.resize_size, seen.crop_size[0])
        assert (one.settings.mean, one.settings.std) == (tuple(seen.mean), tuple(seen.std))


def test_the_hash_is_the_one_that_torch_hub_checks() -> None:
    for _, member in EVERY:
        found = torch.hub.HASH_REGEX.search(entry_of(member).file)
        assert found is not None and found.group(1) == entry_of(member).hash


def test_the_courses_hash_is_that_of_the_file() -> None:
    member = course.course_weights_for("resnet18")
    assert member is not None and member.meta["sha256"].startswith(entry_of(member).hash)


def test_plain_words_of_the_documentation() -> None:
    for _, member in EVERY:
        about = entry_of(member).about
        assert about and not set(about) & set("`<>\n") and "  " not in about
    assert "new training recipe" in entry_of(V2).about


def test_search_finds_what_a_plain_search_finds() -> None:
    for word in ("dog", "CAMEL", " terrier ", "no such thing"):
        expected = [(k, name) for k, name in enumerate(V2.meta["categories"]) if word.strip().lower() in name.lower()]
        assert list(entry_of(V2).categories_with(word)) == expected
    assert len(entry_of(V2).categories_with("terrier")) > 10
    assert entry_of(V2).categories_with("") == entry_of(V2).categories_with("  ") == ()


class Bare(WeightsEnum):
    NOTHING = Weights(url="https://example.org/a.pth", transforms=lambda: 1 / 0, meta={})
    NULLS = Weights(
        url="",
        transforms=partial(ImageClassification, crop_size=64, resize_size=80),
        meta={"categories": None, "num_params": None, "_metrics": None, "recipe": None, "min_size": None, "own": 1},
    )
    DEFAULT = NULLS


@pytest.mark.parametrize("member", list(Bare), ids=lambda member: member.name)
@pytest.mark.parametrize("picture", [None, PICTURE], ids=["words", "picture"])
def test_an_entry_without_metadata(member: Bare, picture: Image.Image | None) -> None:
    one = entry_of(member)
    assert one.parameters is None and one.categories == () and one.metrics == {} and one.builder == ""
    checks.is_picture(draw_card(one, picture, word="dog"))
    checks.is_picture(draw_pair(one, entry_of(V2), picture, word="dog"))
    assert "not stated" in str(one) and "no figures in its metadata" in repr(one)


def test_an_entry_that_is_registered_by_nobody_keeps_its_names() -> None:
    assert entry_of(Bare.NOTHING).name == "Bare.NOTHING" and not entry_of(Bare.NOTHING).default
    assert entry_of(Bare.DEFAULT).entry == "NULLS" and entry_of(Bare.NULLS).default
    assert entry_of(Bare.NOTHING).settings is None and entry_of(Bare.NULLS).settings is not None


@pytest.mark.parametrize(
    ("given", "kind", "says"),
    [
        ("resnet5O", ModelNameError, "Did you mean"),
        ("ResNet50_Weights.IMAGENET1K_V3", WeightsError, "IMAGENET1K_V1, IMAGENET1K_V2"),
        ("ResNet51_Weights.DEFAULT", WeightsError, "Did you mean 'ResNet50_Weights'"),
        (ResNet50_Weights, WeightsError, "whole enum: give one of its members .IMAGENET1K_V1"),
        (V1.value, WeightsError, "give the enum member"),
        (None, WeightsError, "this is NoneType"),
        (SimpleNamespace(meta={}), WeightsError, "this is SimpleNamespace"),
    ],
)
def test_what_is_no_entry_gets_a_sentence(given: object, kind: type[CourseError], says: str) -> None:
    with pytest.raises(kind, match=says) as caught:
        entry_of(given)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_names_stand_for_members() -> None:
    assert entry_of("resnet50").weights is V2 and entry_of("ResNet50_Weights.DEFAULT").weights is V2
    assert entry_of("ResNet50_Weights.IMAGENET1K_V1").weights is V1
    assert entry_of("course_resnet18").weights is course.course_weights_for("resnet18")


def test_a_card_can_be_sent_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(V2)) is V2  # so a card made there is the same one
    assert repr(entry_of(V2)) == repr(entry_of(pickle.loads(pickle.dumps(V2))))


def test_the_page_has_links_and_no_markup_of_others() -> None:
    page = entry_of(V2)._repr_html_()
    assert f'href="{V2.url}"' in page and f'href="{V2.meta["recipe"]}"' in page and page.count("<table") == 1
    assert "file:" not in entry_of("course_resnet18")._repr_html_()


# -- what differs -----------------------------------------------------------------------------------------------------
def test_what_differs_between_two_entries_is_what_their_metadata_differ_in() -> None:
    lines = {line.label: line for line in differences(entry_of(V1), entry_of(V2))}
    gain = V2.meta["_metrics"]["ImageNet-1K"]["acc@1"] - V1.meta["_metrics"]["ImageNet-1K"]["acc@1"]
    assert lines["acc@1, ImageNet-1K"].change == f"+{gain:.2f} points"
    assert {label for label, line in lines.items() if line.differs} == {
        "acc@1, ImageNet-1K", "acc@5, ImageNet-1K", "resize", "recipe", "file",
    }  # fmt: skip
    assert not any(line.differs for line in differences(entry_of(V1), entry_of(V1)))


def test_equal_numbers_of_different_categories_differ() -> None:
    class Two(WeightsEnum):
        A = Weights(url="a-12345678.pth", transforms=ImageClassification, meta={"categories": list("abcdef")})
        B = Weights(url="b-12345678.pth", transforms=ImageClassification, meta={"categories": list("abxdef")})

    [line] = [line for line in differences(entry_of(Two.A), entry_of(Two.B)) if line.label == "categories"]
    assert line.first == line.second and line.differs


def test_entries_measured_on_other_pictures_are_not_compared_by_points() -> None:
    lines = differences(entry_of("resnet18"), entry_of("course_resnet18"))
    assert all(not line.change for line in lines if line.label.startswith("acc@"))
    named = [line.label for line in lines]
    assert len(named) == len(set(named)) and "acc@1, ImageNet-1K" in named and "acc@1, Picture book, hard" in named
    said = cards._summary(entry_of("resnet18"), entry_of("course_resnet18"), 3, 9)
    assert "different pictures" in said and "different pictures" not in cards._summary(entry_of(V1), entry_of(V2), 3, 9)


def test_what_was_not_measured_has_no_change() -> None:
    lines = differences(entry_of("vgg16"), entry_of("VGG16_Weights.IMAGENET1K_FEATURES"))
    [line] = [line for line in lines if line.label == "acc@1, ImageNet-1K"]
    assert (line.differs, line.second, line.change) == (True, "not measured", "")


# -- pictures ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["resnet50", "course_resnet18", "vit_h_14", "mobilenet_v3_large"])
def test_a_card_as_a_picture_tells_the_figures(name: str) -> None:
    one = entry_of(name)
    shown = draw_card(one, PICTURE, word="dog")
    checks.is_picture(shown, kind="jpeg")
    assert f"{one.parameters:,} parameters" in shown.alt and f"{one.megabytes:,.1f} MB" in shown.alt
    assert all(f"{name} {value:g}%" in shown.alt for figures in one.metrics.values() for name, value in figures.items())
    crop = stages(PICTURE, one.weights.transforms())[2].value
    assert isinstance(crop, Image.Image) and f"→ {crop.height}×{crop.width}" in shown.alt
    left, top, right, bottom = seen_box(PICTURE.size, one.weights.transforms())
    lost = 1 - (right - left) * (bottom - top) / (PICTURE.width * PICTURE.height)
    assert f"{100 * lost:.0f}% cut off" in shown.alt


def test_no_text_of_any_entry_leaves_its_card_or_lies_over_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fixture above looks at every figure; encoding is left out, which takes most of the time."""
    drawn = []

    def only_the_figure(figure: Figure, alt: str, *, photo: bool = False, **_: object) -> None:
        drawn.append(figure)

    monkeypatch.setattr(cards, "still", only_the_figure)
    shown = {}
    for name, member in EVERY:
        one = entry_of(member)
        shown[one.settings, tuple(one.metrics), len(one.about), one.recipe, one.file[:9]] = (name, one)
    for name, one in list(shown.values())[::4]:
        draw_card(one, word="retriever")
        draw_pair(one, entry_of("course_resnet18"), word="retriever")
        assert not (found := [fault for figure in drawn for fault in checks.faults(figure)]), (name, found)
        drawn.clear()


@pytest.mark.parametrize("size", [(40, 400), (400, 40), (1, 1), (3000, 2000)])
def test_pictures_of_any_shape(size: tuple[int, int]) -> None:
    odd = Image.new("RGB", size, "orange")
    checks.is_picture(draw_card(entry_of(V2), odd))
    checks.is_picture(draw_pair(entry_of(V1), entry_of("vit_h_14"), odd))


def test_lines_are_broken_at_words_and_slashes_and_nothing_is_lost() -> None:
    words = "https://github.com/pytorch/vision/tree/main/references/classification#mobilenetv3-large--small"
    lines = lines_of(words, 300, 9)
    assert len(lines) > 1 and "".join(lines) == words
    assert " ".join(lines_of("one two three four", 60, 9)) == "one two three four"
    assert lines_of("one two three four", 60, 9, most=1)[0].endswith("…")


# -- browser ----------------------------------------------------------------------------------------------------------
def test_the_browser_shows_every_model_and_entry() -> None:
    browser = weights_browser({"dog": PICTURE})
    assert list(browser.controls["model"].options) == list(dict.fromkeys(name for name, _ in EVERY))
    beside = [name for name in browser.controls["beside"].options if name != NONE]
    assert sorted(beside) == sorted(f"{name}, {member.name}" for name, member in EVERY)
    assert beside[:2] == ["resnet50, IMAGENET1K_V1", "resnet50, IMAGENET1K_V2"]
    for model in ("vit_h_14", "course_squeezenet1_1"):
        browser.set(model=model)
        assert browser.message == "" and repr(browser).startswith(entry_of(model).name)
        values = [value for _, value in browser.controls["entry"].options]
        assert values == [member.name for name, member in EVERY if name == model]


def test_another_model_keeps_the_second_entry_and_draws_once(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = weights_browser({"dog": PICTURE}, beside="vgg16, IMAGENET1K_FEATURES")
    drawn = []
    real = draw_pair
    monkeypatch.setattr(
        sys.modules["course_lib.widgets.weights_browser"], "draw_pair", lambda *a, **k: drawn.append(a) or real(*a, **k)
    )
    browser.set(model="alexnet")
    assert len(drawn) == 1 and browser.state["beside"] == "vgg16, IMAGENET1K_FEATURES"
    assert repr(browser).startswith("AlexNet_Weights.IMAGENET1K_V1 beside VGG16_Weights.IMAGENET1K_FEATURES")


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"pictures": {}}, "no picture"),
        ({"model": "resnet5O"}, "Did you mean"),
        ({"entry": "IMAGENET1K_V9"}, "no weights entry 'IMAGENET1K_V9' of resnet50"),
        ({"beside": "resnet50, V2"}, "no weights entry 'resnet50, V2'"),
    ],
)
def test_a_browser_that_cannot_begin(how: dict[str, object], says: str) -> None:
    with pytest.raises(CourseError, match=says):
        weights_browser(**{"pictures": {"dog": PICTURE}, **how})  # type: ignore[arg-type]
