"""Guesses: how they are read and compared, what stays folded, and what is kept on the learner's disk."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from course_lib import guess, my_calibration
from course_lib.errors import CourseError
from course_lib.exercises.engine.guesses import Order, Scale, Text, in_words
from course_lib.widgets.question import Question


@pytest.fixture(autouse=True)
def learner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    return tmp_path


def number(**more: Any) -> Question:
    return guess("01_runs", "How many answers differ?", **{"between": (0, 10), "unit": "answers", **more})


CHOICES = {"choices": ["BGR", "squashed", "no normalising"]}
ORDER = {"order": ["AlexNet", "VGG16", "ResNet50"]}


def test_the_truth_is_folded_until_there_is_a_guess() -> None:
    question = number()
    reveal = question.reveal(9, "BatchNorm uses the batch.", also="a table that tells")
    outside = reveal._repr_html_().split("<details>")[0] + reveal._repr_html_().split("</details>")[1]
    assert "9 answers" not in outside and "table" not in outside and "BatchNorm" not in outside
    question.commit(2)
    assert "<details" not in reveal._repr_html_() and "7 answers too low" in reveal._repr_html_()
    question.forget()
    assert "<details" in reveal._repr_html_()


def test_the_sentence_answers_that_very_guess() -> None:
    assert "too few" in repr(number().commit(1).reveal(9, low="too few", high="too many"))
    assert "too many" in repr(number().commit(9).reveal(1, low="too few", high="too many"))
    said = repr(number().commit(8).reveal(9, low="too few", high="too many"))
    assert "too few" not in said and "too many" not in said  # within a tenth of the scale
    hurt = guess("01_hurt", "Which hurts most?", **CHOICES)  # type: ignore[arg-type]
    wrong = {"BGR": "Colours matter little.", "squashed": "Outlines survive."}
    assert "Colours matter little" in repr(hurt.commit("BGR").reveal("no normalising", wrong=wrong))
    assert "that's right" in repr(hurt.commit("no normalising").reveal("no normalising", wrong=wrong))


def test_a_logarithmic_scale_counts_in_factors() -> None:
    many = guess("04_many", "How many parameters?", between=(1e3, 1e9), log=True)
    assert "10 times too low" in repr(many.commit(1e6).reveal(1e7))
    assert many.commit(1.4e7).reveal(1e7).comparison.near  # type: ignore[union-attr]


@given(st.lists(st.sampled_from("abcde"), min_size=2, unique=True).flatmap(lambda kept: st.permutations(kept).map(
    lambda order: (kept, order))))  # fmt: skip
def test_an_order_is_judged_by_its_pairs(both: tuple[list[str], list[str]]) -> None:
    truth, order = both
    pairs = len(truth) * (len(truth) - 1) // 2
    exchanged = sum(order.index(x) > order.index(y) for k, x in enumerate(truth) for y in truth[k + 1 :])
    said = Order(tuple(sorted(truth))).compare(order, truth).sentence
    assert ("The whole order is right" in said) == (exchanged == 0)
    assert exchanged == 0 or f"{pairs - exchanged} of {pairs} pairs" in said


@given(st.tuples(st.integers(1, 999), st.integers(1, 999), st.integers(1, 999)))
def test_a_shape_may_be_spelt_in_many_ways(shape: tuple[int, int, int]) -> None:
    kind, spelling = Text("3, 224, 224"), "{}, {}, {}|({},{},{})|{}×{}×{}|{} x {} x {}|[{} {} {}]"
    for form in spelling.split("|"):
        assert kind.compare(kind.read(form.format(*shape)), shape).near, form
    assert not kind.compare(kind.read("1, 2"), shape).near


@given(st.floats(1e-6, 1e12), st.floats(1e-6, 1e12))
def test_an_offset_has_the_side_of_the_miss(guessed: float, truth: float) -> None:
    for log in (False, True):
        offset = Scale(1e-6, 1e12, log=log).compare(guessed, truth).offset
        assert offset is not None and -1 <= offset <= 1
        assert math.copysign(1, offset) == math.copysign(1, guessed - truth) or abs(offset) < 1e-9


@given(st.floats(-1e12, 1e12).filter(lambda value: abs(value) > 1e-6))
def test_numbers_keep_three_digits(value: float) -> None:
    read = float(in_words(value).replace(",", "").replace("\N{MINUS SIGN}", "-"))
    assert math.isclose(read, value, rel_tol=6e-3)


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ({"between": (0, 10)}, 11, "from 0 to 10"), ({"between": (0, 10)}, "four", "from 0 to 10"),
        ({"between": (0, 10)}, True, "from 0 to 10"), ({"between": (0, 10)}, math.nan, "from 0 to 10"),
        (CHOICES, "brg", "BGR"), (ORDER, ["AlexNet"], "once"), ({"write": "3, 4"}, "  ", "3, 4"),
    ],
)  # fmt: skip
def test_what_is_no_guess_is_answered_and_not_kept(kind: dict[str, Any], value: Any, words: str) -> None:
    question = guess("01_bad", "What?", **kind)
    with pytest.raises(CourseError, match=words):
        question.commit(value)
    assert question.guess is None and "haven't saved any guesses" in repr(my_calibration())


@pytest.mark.parametrize(
    ("id", "kind", "words"),
    [
        ("runs", {"between": (0, 1)}, "lesson's number"), ("01_x", {}, "one of"),
        ("01_x", {**CHOICES, **ORDER}, "one of"),
        ("01_x", {"between": (3, 3)}, "lower one first"), ("01_x", {"between": (0, 3), "log": True}, "above 0"),
        ("01_x", {"choices": ["a", "a"]}, "different"),
    ],
)  # fmt: skip
def test_a_question_that_cannot_be_asked(id: str, kind: dict[str, Any], words: str) -> None:
    with pytest.raises(CourseError, match=words):
        guess(id, "What?", **kind)


def test_what_is_written_is_escaped() -> None:
    question = guess("01_sign", "Is a < b?", write="<i>")
    for shown in (question._repr_html_(), question.reveal("<b>")._repr_html_(),
                  question.commit("<script>").reveal("<b>", "1 < 2")._repr_html_()):  # fmt: skip
        assert "<i>" not in shown and "<script>" not in shown and "<b><b>" not in shown and "a < b" not in shown


def test_guesses_are_kept_on_the_learners_disk_alone_and_counted(learner: Path) -> None:
    number().commit(2).reveal(9)
    guess("01_hurt", "Which hurts most?", **CHOICES).commit("BGR").reveal("BGR")  # type: ignore[arg-type]
    guess("02_else", "Another lesson?", between=(0, 1)).commit(1).reveal(0.5)
    again = number()
    assert again.guess == 2 and "7 answers too low" in repr(again.reveal(9))
    assert repr(my_calibration("01")).startswith("You were near in 1 of 2.")
    assert "1 of 3" in repr(my_calibration()) and "<img" in my_calibration(1)._repr_html_()
    assert sorted(path.name for path in learner.iterdir()) == ["progress.guesses.json"]
    for broken in ("", "[]", '{"01_runs": 3}', '{"01_runs": {"guess": 99}}'):
        (learner / "progress.guesses.json").write_text(broken)
        assert number().guess is None
        my_calibration("01")._repr_html_()


def test_every_kind_is_asked_by_its_controls_too() -> None:
    def all_of(view: widgets.Widget) -> list[widgets.Widget]:
        return [view, *(inner for child in getattr(view, "children", ()) for inner in all_of(child))]

    def buttons(question: Question) -> dict[str, widgets.Button]:
        return {w.description: w for w in all_of(question.view) if isinstance(w, widgets.Button)}

    slide = number()
    next(w for w in all_of(slide.view) if isinstance(w, widgets.IntSlider)).value = 4
    assert "commit to <b>4 answers" in slide._message.value and slide.guess is None
    buttons(slide)["This is my guess"].click()
    assert "Your guess: <b>4 answers" in slide._message.value
    pick = guess("01_hurt", "Which hurts most?", **CHOICES)  # type: ignore[arg-type]
    buttons(pick)["squashed"].click()
    sort = guess("02_order", "Which is fastest?", **ORDER)  # type: ignore[arg-type]
    for name in ("VGG16", "AlexNet", "ResNet50"):
        buttons(sort)[name].click()
    line = guess("01_shape", "Which shape?", write="3, 4")
    buttons(line)["This is my guess"].click()
    assert line.guess is None and "such as 3, 4" in line._message.value  # nothing was written
    next(w for w in all_of(line.view) if isinstance(w, widgets.Text)).value = "3, 224, 224"
    buttons(line)["This is my guess"].click()
    assert [slide.guess, pick.guess, sort.guess, line.guess] == [
        4,
        "squashed",
        ["VGG16", "AlexNet", "ResNet50"],
        "3, 224, 224",
    ]
    huge = guess("04_many", "How many parameters?", between=(1e3, 1e9), log=True)
    next(w for w in all_of(huge.view) if isinstance(w, widgets.FloatLogSlider)).value = 1e9
    buttons(huge)["This is my guess"].click()
    assert huge.guess == 1e9


def test_in_a_kernel_a_later_guess_unfolds_the_truth_where_it_stands(learner: Path) -> None:
    cells = [
        "from course_lib import guess\nq = guess('01_runs', 'How many?', between=(0, 10))\nq",
        "q.reveal(9, also=['a table that tells'])",
        "q.commit(2)\nNone",
    ]
    book = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    NotebookClient(book, timeout=120, kernel_name="python3").execute()
    asked, told = book.cells[0].outputs[0]["data"], book.cells[1].outputs[0]["data"]
    assert "How many?" in asked["text/html"] and "model_id" in str(asked)
    assert "<details" not in told["text/html"] and "7 too low" in told["text/html"]  # updated by the third cell
    assert json.loads((learner / "progress.guesses.json").read_text())["01_runs"]["near"] is False
