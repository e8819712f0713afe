"""Pages of a folder's predictions: which pictures in which order, how they are drawn, and the widget that leafs.

The oracles: plain loops over all pictures, torch's argmax and softmax on torchvision's own model, the pixels of the
files themselves.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

from course_lib.drawing import folder_pages
from course_lib.drawing.folder_pages import (
    ORDERS,
    VERDICTS,
    draw_page,
    most_confident_mistakes,
    page_count,
    prediction_grid,
    select,
    thumbnail,
)
from course_lib.drawing.sheet import Sheet, text_width
from course_lib.errors import CourseError, PictureError
from course_lib.models.classifier import load_classifier
from course_lib.models.predictions import FolderPredictions, FolderRow, from_logits
from course_lib.widgets import folder_browser
from course_lib.widgets.folder_browser import ANY
from picturebook import write_folder

from . import stills as checks

NAMES = ("ant", "bee", "cat")


@pytest.fixture(autouse=True)
def nothing_out_of_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    seen = checks.watch(monkeypatch)
    yield seen
    assert [fault for figure in seen for fault in checks.faults(figure)] == []


def answered(logits: torch.Tensor, truths: list[int], where: Path, names: tuple[str, ...] = NAMES) -> FolderPredictions:
    rows = [
        FolderRow(where / names[truth] / f"{k:03d}.png", from_logits(row, names, k=2), 0.001 * (17 * k % 23))
        for k, (row, truth) in enumerate(zip(logits, truths, strict=True))
    ]
    return FolderPredictions(tuple(rows), (), 0.5, "cpu")


def random_folder(seed: int, n: int, where: Path = Path("val")) -> FolderPredictions:
    generator = torch.Generator().manual_seed(seed)
    truths = torch.randint(0, 3, (n,), generator=generator).tolist()
    return answered(torch.randint(-2, 3, (n, 3), generator=generator).float(), truths, where)  # with ties


@pytest.fixture()
def folder(tmp_path: Path) -> FolderPredictions:
    """24 files on disk, of all shapes."""
    found = random_folder(3, 24, tmp_path)
    for k, row in enumerate(found.rows):
        row.path.parent.mkdir(exist_ok=True)
        Image.effect_noise((20 + 30 * (k % 5), 160 - 30 * (k % 4)), 90).convert("RGB").save(row.path)
    return found


# -- which pictures, in which order -----------------------------------------------------------------------------------
@settings(max_examples=60)
@given(
    st.integers(0, 999), st.integers(1, 30), st.sampled_from(VERDICTS), st.sampled_from([None, *NAMES]),
    st.sampled_from([None, *NAMES]), st.sampled_from(tuple(ORDERS)),
)  # fmt: skip
def test_chosen_pictures_are_those_that_a_loop_finds(
    seed: int, n: int, verdict: str, truth: str | None, said: str | None, order: str
) -> None:
    judged = random_folder(seed, n).judged()
    found = select(judged, verdict=verdict, truth=truth, said=said, order=order)
    kept = []
    for one in judged:
        is_right = one.row.path.parent.name == one.row.prediction.label
        if verdict != "all" and is_right != (verdict == "right"):
            continue
        if truth is not None and one.row.path.parent.name != truth:
            continue
        if said is not None and one.row.prediction.label != said:
            continue
        kept.append(one)
    assert sorted(one.file for one in found) == sorted(one.file for one in kept)
    places = {one.file: k for k, one in enumerate(judged)}
    by = {
        "surest first": lambda row: -row.prediction.probabilities[0],
        "least sure first": lambda row: row.prediction.probabilities[0],
        "slowest first": lambda row: -row.seconds,
        "by file": lambda row: 0,
    }[order]
    keys = [(by(one.row), places[one.file]) for one in found]  # those that are alike keep the order of their files
    assert keys == sorted(keys)


@settings(max_examples=40)
@given(st.integers(0, 999), st.integers(1, 30), st.integers(1, 12))
def test_most_confident_mistakes(seed: int, n: int, k: int) -> None:
    found = random_folder(seed, n)
    mistakes = most_confident_mistakes(found, None, k)
    wrong = [row for row in found.rows if row.path.parent.name != row.prediction.label]
    assert len(mistakes) == min(k, len(wrong)) and not any(one.right for one in mistakes)
    sure = sorted((row.prediction.probability for row in wrong), reverse=True)
    assert [one.probability for one in mistakes] == sure[:k]
    assert len({one.file for one in mistakes}) == len(mistakes)


@pytest.mark.parametrize("k", [0, -1, 2.0, True, None])
def test_how_many_mistakes(k: Any) -> None:
    with pytest.raises(CourseError, match="k is how many mistakes"):
        most_confident_mistakes(random_folder(0, 5), None, k)


def test_the_words_of_an_answer() -> None:
    right, wrong = answered(torch.tensor([[2.0, 0, 0], [0, 2.0, 0]]), [0, 0], Path("data/val")).judged()
    assert str(right) == "ant/000.png: ant 78.7%, right" and str(wrong) == "ant/001.png: bee 78.7%, wrong, truth: ant"
    assert repr(wrong) == f"Judged({wrong})"


def test_a_real_folder_by_torchs_own_argmax(tmp_path: Path) -> None:
    place = write_folder(tmp_path, ("cat", "dog", "camel"), n=8, difficulty="extreme", first_seed=5000)
    classifier = load_classifier("shufflenet_v2_x0_5", weights="course", device="cpu")
    found = classifier.predict_folder(place)
    rows = []
    for path in sorted(place.rglob("*.png")):
        with torch.inference_mode(), Image.open(path) as picture:
            shares = classifier.model(classifier.transforms(picture.convert("RGB"))[None])[0].softmax(0)
        if (said := classifier.categories[int(shares.argmax())]) != path.parent.name:
            rows.append((float(shares.max()), f"{path.parent.name}/{path.name}", said))
    assert len(rows) > 5  # these pictures are as hard as can be
    rows.sort(reverse=True)
    mistakes = most_confident_mistakes(found, k=5)
    assert [(one.file, one.said) for one in mistakes] == [row[1:] for row in rows[:5]]
    assert [one.probability for one in mistakes] == pytest.approx([row[0] for row in rows[:5]], abs=1e-4)
    shown = prediction_grid(mistakes, title="The five most confident mistakes")
    checks.is_picture(shown, kind="jpeg")
    assert all(file in shown.alt for _, file, _ in rows[:5]) and shown.alt.count("wrong, truth: ") == 5


# -- thumbnails -------------------------------------------------------------------------------------------------------
def test_a_file_is_opened_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []

    def open_image(path: Path) -> Image.Image:
        opened.append(path)
        return original(path)

    original = folder_pages.open_image
    monkeypatch.setattr(folder_pages, "open_image", open_image)
    path = tmp_path / "a.png"
    Image.new("RGB", (400, 200), "red").save(path)
    for _ in range(3):
        assert thumbnail(path, 100).size == (100, 50)
    assert len(opened) == 1
    Image.new("RGB", (100, 400), "blue").save(path)
    assert thumbnail(path, 100).size == (25, 100) and thumbnail(path, 100).getpixel((3, 3)) == (0, 0, 255)
    assert len(opened) == 2
    path.unlink()
    with pytest.raises(PictureError, match=r"There is no file .*a\.png"):
        thumbnail(path, 100)


# -- the grid ---------------------------------------------------------------------------------------------------------
LONG = ("soft-coated wheaten terrier", "German short-haired pointer", "black-and-tan coonhound, a dog of many words")


@pytest.mark.parametrize("columns, count", [(1, 1), (2, 3), (4, 7), (5, 10), (8, 9)])
@pytest.mark.parametrize("names", [NAMES, LONG])
def test_all_words_stay_under_their_picture(
    columns: int, count: int, names: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = answered(torch.eye(3).repeat(4, 1)[:count] * 2, [k * 2 % 3 for k in range(count)], tmp_path, names)
    for row in found.rows:
        row.path.parent.mkdir(exist_ok=True)
        Image.effect_noise((50, 40), 90).convert("RGB").save(row.path)
    lines: dict[tuple[int, int], list[tuple[float, float, str]]] = {}
    sides: list[tuple[float, float]] = []

    def marks(self: Sheet, marks: Any, **how: Any) -> None:
        share = {"left": 0.0, "center": 0.5, "right": 1.0}[how.get("align", "center")]
        for x, y, words, _ in marks:
            wide = text_width(words, how.get("size", 9.0), bold=how.get("bold", False))
            row = lines.setdefault((round(y), next((k for k, (a, b) in enumerate(sides) if a - 1 < x < b + 1), 0)), [])
            row.append((x - share * wide, x - share * wide + wide, words))
        drawn_marks(self, marks, **how)

    def boxes(self: Sheet, boxes: Any, **how: Any) -> None:
        if how.get("fill") == folder_pages._TILE:
            sides.extend(sorted({(x, x + wide) for x, _, wide, _ in boxes}))
        drawn_boxes(self, boxes, **how)

    drawn_marks, drawn_boxes = Sheet.marks, Sheet.boxes
    monkeypatch.setattr(Sheet, "marks", marks)
    monkeypatch.setattr(Sheet, "boxes", boxes)
    shown = prediction_grid(found.judged(), columns=columns, title="A title")
    checks.is_picture(shown, kind="jpeg")
    assert sides and shown.width == 1075
    for (_, column), words in lines.items():
        left, right = sides[column]
        words.sort()
        assert words[0][0] >= left - 1 and max(end for _, end, _ in words) <= right + 1, words
        for one, other in pairwise(words):
            assert one[1] < other[0], words
    badges = [words for row in lines.values() for *_, words in row if words in "✓✗"]
    rights = sum(one.right for one in found.judged())
    assert (badges.count("✓"), badges.count("✗")) == (rights, count - rights)


def test_the_pictures_themselves_are_shown(tmp_path: Path) -> None:
    colours = [(250, 20, 20), (20, 20, 250), (20, 200, 20)]
    found = answered(torch.eye(3)[[0, 2]] * 4, [0, 1], tmp_path)
    for row, colour in zip(found.rows, colours, strict=False):
        row.path.parent.mkdir()
        Image.new("RGB", (60, 60), colour).save(row.path)
    shown = prediction_grid(found.judged(), columns=5)
    assert shown.alt == "ant/000.png ant 96%, right; bee/001.png cat 96%, wrong, truth: bee"
    pixels = np.asarray(shown.open().convert("RGB"), int)
    for colour, (left, right) in zip(colours, ((0, 350), (350, 700)), strict=False):
        like = np.abs(pixels - colour).max(2) < 25
        assert like[:, left:right].sum() > 70_000 and like.sum() == like[:, left:right].sum()


def test_a_file_that_has_gone_leaves_its_place_empty_and_the_words(folder: FolderPredictions) -> None:
    folder.rows[1].path.unlink()
    folder.rows[2].path.write_bytes(b"no picture")
    shown = prediction_grid(folder.judged()[:4])
    checks.is_picture(shown)
    assert all(one.file in shown.alt for one in folder.judged()[:4])


def test_no_mistake_is_a_picture_as_well() -> None:
    shown = prediction_grid([], title="Mistakes", empty="Not one of them was wrong.")
    checks.is_picture(shown, kind="png")
    assert shown.alt == "Mistakes: Not one of them was wrong."


@pytest.mark.parametrize("columns", [0, 9, 2.0, True])
def test_columns_that_do_not_fit(columns: Any) -> None:
    with pytest.raises(CourseError, match=r"columns=.* from 1 to 8"):
        prediction_grid([], columns=columns)


# -- pages and the widget ---------------------------------------------------------------------------------------------
def files(alt: str) -> list[str]:
    return re.findall(r"(\w+/\d+\.png) ", alt)


@pytest.mark.parametrize("per_page", [3, 7, 20])
@pytest.mark.parametrize("verdict", VERDICTS)
def test_leafing_shows_every_picture_once(folder: FolderPredictions, per_page: int, verdict: str) -> None:
    browser = folder_browser(folder, verdict=verdict, per_page=per_page)
    seen = files(repr(browser))
    for page in range(2, browser.controls["page"].max + 1):
        seen += files(repr(browser.set(page=page)))
    assert seen == [one.file for one in select(folder.judged(), verdict=verdict)] and seen
    assert browser.message == ""


def test_another_choice_turns_back_to_the_first_page_and_is_drawn_once(
    folder: FolderPredictions, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[dict[str, Any]] = []

    def counted(*given: Any, **how: Any) -> Any:
        drawn.append(how)
        return draw_page(*given, **how)

    monkeypatch.setattr(importlib.import_module("course_lib.widgets.folder_browser"), "draw_page", counted)
    browser = folder_browser(folder, verdict="all", per_page=4)
    assert browser.controls["page"].max == page_count(24, 4) == 6
    moves: list[dict[str, Any]] = [
        {"page": 5}, {"verdict": "wrong"}, {"page": 3}, {"truth": "bee"}, {"said": "cat"}, {"order": "slowest first"},
        {"truth": ANY}, {"said": ANY},
    ]  # fmt: skip
    for move in moves:
        drawn.clear()
        browser.set(**move)
        assert len(drawn) == 1 and browser.message == ""
        state = browser.state
        some = select(folder.judged(), **{key: state[key] or None for key in ("verdict", "truth", "said", "order")})
        assert state["page"] == move.get("page", 1) and browser.controls["page"].max == page_count(len(some), 4)
        first = 4 * (state["page"] - 1)
        assert files(repr(browser)) == [one.file for one in some[first : first + 4]]


def test_it_opens_on_what_went_wrong_and_a_touched_picture_is_shown_large(folder: FolderPredictions) -> None:
    browser = folder_browser(folder)
    wrong = select(folder.judged(), verdict="wrong")
    assert browser.state["verdict"] == "wrong" and files(repr(browser)) == [one.file for one in wrong[:10]]
    second = browser.still.spots[1]
    assert wrong[1].file in second.words()
    browser.touch(second)
    assert repr(browser).startswith(f"{wrong[1].file}, large: {wrong[1].said}") and browser.message == ""
    browser.touch(next(spot for spot in browser.still.spots if spot.of == "close"))
    assert browser.state["closer"] == 0 and files(repr(browser)) == [one.file for one in wrong[:10]]
    assert browser.set(closer=10, verdict="all").state["closer"] == 0  # another choice shows its page


def test_the_choices_say_how_many_pictures_they_hold(folder: FolderPredictions) -> None:
    browser = folder_browser(folder)
    wrong = sum(row.path.parent.name != row.prediction.label for row in folder.rows)
    assert [name for name, _ in browser.controls["verdict"].options] == [
        "all (24)", f"right ({24 - wrong})", f"wrong ({wrong})"
    ]  # fmt: skip
    for control, shown in (("truth", lambda row: row.path.parent.name), ("said", lambda row: row.prediction.label)):
        held = [shown(row) for row in folder.rows]
        expected = [("any class", ANY), *((f"{name} ({held.count(name)})", name) for name in sorted(set(held)))]
        assert list(browser.controls[control].options) == expected
        assert all(one.index is not None for one in browser.controls.values() if hasattr(one, "index"))  # none is empty


def test_the_note_tells_the_time_and_what_was_skipped(
    folder: FolderPredictions, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []

    def grid(_some: Any, **how: Any) -> Any:
        notes.append(how["note"])
        return prediction_grid([], **how)

    monkeypatch.setattr("course_lib.drawing.folder_pages.prediction_grid", grid)
    skipped = ((Path("a.png"), "is empty"), (Path("b.png"), "is empty"))
    shown = draw_page(FolderPredictions(folder.rows, skipped, 6.0, "cpu"), folder.judged())
    right = round(folder.accuracy() * 24)
    assert notes == [
        f"Altogether {right} of 24 right, {100 * right / 24:.1f}%; 6.0 s, 250.0 ms per picture, on the CPU; "
        "2 files could not be opened and were skipped"
    ]
    assert "ms" not in shown.alt  # the description is the same on every run


def test_a_choice_that_nothing_fits_is_said(folder: FolderPredictions) -> None:
    for row in folder.rows:
        assert row.path.parent.name in NAMES
    browser = folder_browser(answered(torch.eye(3), [0, 1, 2], folder.rows[0].path.parents[1]))
    shown = browser.set(verdict="wrong").still
    assert shown.alt == "Wrong pictures, surest first: none: There is no such picture among the 3 of this folder."
    assert browser.controls["page"].max == 1
    assert browser.set(order="by file").still.data != shown.data  # whatever is moved is answered


@pytest.mark.parametrize(
    "how, match",
    [
        ({"per_page": 0}, "per_page=0"), ({"per_page": 2.5}, "per_page=2.5"), ({"verdict": "bad"}, "verdict='bad'"),
        ({"order": "best"}, "order='best': choose one of 'surest first'"),
        ({"truth": {}}, r"The truth does not say what 000\.png shows"),
    ],
)  # fmt: skip
def test_what_the_browser_refuses(how: dict[str, Any], match: str, folder: FolderPredictions) -> None:
    with pytest.raises(CourseError, match=match):
        folder_browser(folder, **how)


@pytest.mark.parametrize("page", [0, 4])
def test_a_page_that_there_is_not(folder: FolderPredictions, page: int) -> None:
    with pytest.raises(CourseError, match=f"There is no page {page}: these 24 pictures fill 3"):
        draw_page(folder, folder.judged(), page)
