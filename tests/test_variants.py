"""Variants: every student has numbers of their own, in the words, the hints, the check and the solution alike.

The oracle is the solution as it is shown, which is run. What nbgrader makes of a class is proved in tests/class.
"""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch

from course_lib.__main__ import main
from course_lib.errors import CourseError
from course_lib.exercises.assignments.exercise_cells import exercise_cells
from course_lib.exercises.engine.exercise import Exercise
from course_lib.exercises.engine.learner_progress import all_exercises
from course_lib.exercises.lessons import lesson00, lesson01

VARIED = {name: exercise for name, exercise in all_exercises().items() if exercise.variants}
#: Questions for a value that have one form only, and why.
WITHOUT = {
    "00_fooling_crop": "many boxes are right, and everybody finds one of their own",
    "01_softmax_dim": "there are two answers to choose from, however many pictures there are",
    "01_bens_mistake": "no other photograph and mistake change the network's answer so clearly",
    "03_legal_add": "the four sums stand for four cases, and the text speaks of A by its name",
    "04_cfg_under_budget": "many cfgs are right, and one for the tightest limits would do for everybody",
}
each = pytest.mark.parametrize("name", VARIED)
STUDENTS = [f"student{number}" for number in range(40)]


def variants(name: str) -> list[Exercise]:
    """Some that differ, as the students get them."""
    return list({id(own): own for own in (VARIED[name].drawn(student, 4711) for student in STUDENTS)}.values())[:12]


def numbers_in(words: str) -> set[str]:
    return set(re.findall(r"\d+", words.replace("_", "")))


@each
def test_a_variant_asks_for_its_own_answer_and_no_other(name: str) -> None:
    exercise, answers = VARIED[name], set()
    lessons = exercise.answer()
    for own in variants(name):
        answers.add(answer := own.answer())
        assert own.check(answer).state == "correct" and answer != lessons
        assert own.check(lessons).state == "not yet" and exercise.check(answer).state == "not yet"
    assert len(answers) >= 4


@each
def test_what_a_variant_shows_speaks_of_its_own_numbers(name: str) -> None:
    exercise, cell = VARIED[name], exercise_cells()[name]
    question = "\n".join([*cell.context, *(text for _, text in cell.above)])
    assert exercise.variants is not None
    forms = exercise.variants.written(exercise.numbers)
    assert any(form in question for form in forms)
    for own in variants(name)[:4]:
        space: dict[str, Any] = {"torch": torch, "nn": torch.nn}
        exec(own.solution().words, space)
        assert space[own.name_in_cell] == own.answer()
        changed = {str(before) for key, before in exercise.numbers.items() if own.numbers[key] != before}
        changed -= {str(value) for value in own.numbers.values()}
        for words in (own.reworded(question, own.numbers), exercise.reworded(question, own.numbers), *own.hints):
            assert forms != exercise.variants.written(own.numbers)
            if words != question:
                assert not changed & numbers_in(words), words


def test_every_question_for_a_value_has_variants_or_a_reason() -> None:
    values = {name for name, exercise in all_exercises().items() if exercise.kind == "value"}
    assert {*VARIED, *WITHOUT} == values and not {*VARIED} & {*WITHOUT}


def test_student_and_seed_alone_decide() -> None:
    random.seed(3)
    first = [lesson00.count_values.drawn(student, 1).numbers for student in STUDENTS]
    random.seed(4)
    assert first == [lesson00.count_values.drawn(student, 1).numbers for student in STUDENTS]
    assert first != [lesson00.count_values.drawn(student, 2).numbers for student in STUDENTS]
    assert len({repr(numbers) for numbers in first}) > 30


def test_a_variant_is_made_once_and_leaves_the_lesson_alone() -> None:
    before = list(lesson00.count_values.hints), dict(lesson00.count_values.numbers)
    own = lesson01.batch_shape.variant(count=4, side=96)
    assert own is lesson01.batch_shape.variant(side=96, count=4)
    assert own.hint().words == "One prepared picture is (3, 96, 96)." and "torch.stack" in own.hint().words
    assert (list(lesson00.count_values.hints), dict(lesson00.count_values.numbers)) == before
    assert lesson01.batch_shape.variant().check((16, 3, 224, 224)).state == "correct"


def test_numbers_that_are_not_there_and_a_missing_student_are_said() -> None:
    with pytest.raises(CourseError, match=r"no number 'heigth'\. Did you mean 'height'"):
        lesson00.count_values.variant(heigth=3)
    with pytest.raises(CourseError, match="only one version of it"):
        lesson01.softmax_dim.variant(side=3)
    with pytest.raises(CourseError, match="nobody said whose answer this is"):
        lesson00.count_values.drawn("", 3)


# -- the command ------------------------------------------------------------------------------------------------------
@pytest.fixture
def roster(tmp_path: Path) -> Path:
    (tmp_path / "roster.csv").write_text("student_id,name\nanna,Anna\nben,Ben\n")
    return tmp_path / "roster.csv"


def give(tmp_path: Path, *arguments: str) -> int:
    pytest.importorskip("nbgrader", reason="nbgrader is not installed")
    return main(["assign", "hw", "--seed", "7", "--into", str(tmp_path), *arguments])


def test_each_student_gets_a_notebook_and_late_ones_get_theirs(tmp_path: Path, roster: Path) -> None:
    asked = ["--exercises", "00_count_values", "03_legal_add", "--variants", str(roster)]
    assert give(tmp_path, *asked) == 0
    anna = (tmp_path / "release/anna/hw/hw.ipynb").read_bytes()
    roster.write_text("student_id,name\nanna,Anna\nben,Ben\nlate,Late\n")
    assert give(tmp_path, *asked) == 0 and (tmp_path / "release/anna/hw/hw.ipynb").read_bytes() == anna
    for student in ("anna", "ben", "late"):
        book = nbformat.read(tmp_path / f"release/{student}/hw/hw.ipynb", as_version=4)
        text, own = "\n".join(cell.source for cell in book.cells), lesson00.count_values.drawn(student, 7)
        height, width = own.numbers.values()
        assert f"{height} × {width} values" in text and "224 × 224" not in text and "SOLUTION" not in text
        assert f"variant(height={height}, width={width}).check(count)" in text and "drawn" not in text
        assert "For the instructor" not in text
        assert all("checksum" in cell.metadata.nbgrader for cell in book.cells if cell.metadata.nbgrader.grade)


@pytest.mark.parametrize(("arguments", "says"), [
    (["--exercises", "03_legal_add"], "has other numbers"),
    (["--exercises", "00_count_values", "--engine", "otter"], "Only nbgrader"),
    (["--exercises", "00_count_values", "--id", "Login"], "no column 'Login'"),
])  # fmt: skip
def test_what_has_no_variants_is_refused(
    arguments: list[str], says: str, tmp_path: Path, roster: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert give(tmp_path, *arguments, "--variants", str(roster)) == 1
    assert says in capsys.readouterr().err and not (tmp_path / "source").exists()
