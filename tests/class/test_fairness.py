"""Numbers of one's own, partial credit and a written answer: what a class of four gets for them.

The oracle is nbgrader itself, from `generate_assignment` to the gradebook; `grade` must give the same marks.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from course_lib.exercises.assignments.exercise_cells import exercise_cells
from course_lib.exercises.grading.class_grading import class_report

from .conftest import Command
from .hand_ins import hand_in

VARIED = ["00_count_values", "07_head_parameters"]
ASKED = [*VARIED, "03_legal_add", "06_linear_to_conv"]
SEED = 271828
QUESTIONS = Path(__file__).parents[2] / "docs" / "written_questions.md"


def solved(course: Path, whose: str, numbers_of: str, *, bias: bool = True, task: bool = True) -> str:
    """The notebook of one student with the answers of another, or with the lesson's.

    Args:
        course: its folder.
        whose: notebook.
        numbers_of: a student; "" for the lesson.
        bias: whether the convolution gets the linear layer's bias.
        task: whether the question to answer in sentences is still there.
    """
    book = nbformat.read(course / f"release/{whose}/hw/hw.ipynb", as_version=4)
    for cell in [*book.cells]:
        key = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if key.endswith("-answer"):
            exercise = exercise_cells()[key.removesuffix("-answer")].exercise
            own = exercise.drawn(numbers_of, SEED) if numbers_of else exercise
            words = own.solution().words
            words = words if bias else words.replace("conv.bias.copy_(linear.bias)", "pass")
            cell.source = f"{words}\n\n\n{cell.source.splitlines()[-1]}"
        if key == "03_shortcut-question" and not task:
            book.cells.remove(cell)
    return nbformat.writes(book)


@pytest.fixture(scope="module")
def handed_in(course: Path, command: Command) -> Path:
    (course / "roster.csv").write_text("student_id\nanna\nben\ncarla\n")
    command("course_lib", "assign", "hw", "--exercises", *ASKED, "--seed", str(SEED), "--variants", "roster.csv",
            "--written", f"{QUESTIONS}#03_shortcut")  # fmt: skip
    command("nbgrader", "generate_assignment", "hw", "--create")
    hand_in(course, "anna", solved(course, "anna", "anna"))
    hand_in(course, "ben", solved(course, "anna", "anna"))  # a copy of Anna's
    hand_in(course, "carla", solved(course, "carla", "", bias=False, task=False))  # the lesson's own numbers
    hand_in(course, "late", solved(course, "anna", "late"))  # on no roster, but with the numbers that are theirs
    return course


@pytest.fixture(scope="module")
def ours(handed_in: Path, run_in: Command) -> Path:
    folder = Path(shutil.copytree(handed_in, handed_in.with_name("ours")))
    run_in(folder, "course_lib", "grade", "hw", "--workers", "1")
    return folder


def marks(course: Path) -> dict[tuple[str, str], tuple[float | None, bool]]:
    """(student, cell) → points, and whether a person has to look."""
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        return {(row.student.id, grade.name.rpartition("-")[0]): (grade.auto_score, grade.needs_manual_grade)
                for row in book.find_assignment("hw").submissions
                for notebook in row.notebooks for grade in notebook.grades}  # fmt: skip


def cells(course: Path, place: str) -> dict[str, str]:
    book = nbformat.read(course / place / "hw" / "hw.ipynb", as_version=4)
    return {cell.metadata.nbgrader.grade_id: cell.source for cell in book.cells if "nbgrader" in cell.metadata}


def test_everybody_gets_what_they_deserve_from_both_graders(handed_in: Path, ours: Path, run_in: Command) -> None:
    run_in(handed_in, "nbgrader", "autograde", "hw")
    truth = marks(handed_in)
    assert marks(ours) == truth and len(truth) == 4 * 5
    for who in ("anna", "ben", "carla", "late"):
        assert truth[who, "03_legal_add"] == (1, False) and truth[who, "03_shortcut"][1]
        assert truth[who, "06_linear_to_conv"] == (2.25 if who == "carla" else 3, False)
        for name in VARIED:
            assert truth[who, name] == (who in ("anna", "late"), False)


def test_the_question_in_an_autograded_notebook_is_the_students_own(handed_in: Path, ours: Path) -> None:
    name = "07_head_parameters"
    asked = {who: cells(ours, f"autograded/{who}")[f"{name}-words-0"] for who in ("anna", "ben")}
    assert asked["anna"] == cells(handed_in, "release/anna")[f"{name}-words-0"] != asked["ben"]
    assert cells(ours, "autograded/ben")[f"{name}-words-0"] == cells(handed_in, "release/ben")[f"{name}-words-0"]


def test_graders_see_the_rubric_and_students_do_not(handed_in: Path, ours: Path) -> None:
    for who in ("anna", "carla"):
        assert "**Rubric**" in cells(ours, f"autograded/{who}")["03_shortcut-question"]  # Carla had deleted it
        assert "ubric" not in cells(handed_in, f"release/{who}")["03_shortcut-question"]
    assert "ubric" not in cells(handed_in, "release")["03_shortcut-question"]


def test_a_personal_release_is_nbgraders_but_for_the_numbers(handed_in: Path) -> None:
    theirs, own = cells(handed_in, "release"), cells(handed_in, "release/anna")
    assert list(theirs) == list(own)
    changed = {key.partition("-")[0] for key in theirs if theirs[key] != own[key]}
    assert changed == {*VARIED, "introduction"} and "For the instructor" in theirs["introduction"]


def test_a_written_answer_is_open_until_somebody_has_read_it(ours: Path) -> None:
    report = class_report("hw", course=ours)
    assert report.unread == set(report.scores) and "4 have written answers that nobody has read" in str(report)
    assert report.most == 9 and report.scores["anna"] == 6 and "written" in report.state("anna")
    with Gradebook(f"sqlite:///{ours}/gradebook.db") as book:
        grade = book.find_grade("03_shortcut-question", "hw", "hw", "anna")
        grade.manual_score, grade.needs_manual_grade = 2.5, False
        book.db.commit()
    report = class_report("hw", course=ours)
    assert report.scores["anna"] == 8.5 and report.state("anna") == "graded" and len(report.unread) == 3


def test_without_the_step_that_puts_numbers_in_nobody_passes_in_silence(handed_in: Path, run_in: Command) -> None:
    plain = Path(shutil.copytree(handed_in, handed_in.with_name("plain"), ignore=shutil.ignore_patterns("autograded")))
    config = plain / "nbgrader_config.py"
    config.write_text(config.read_text().replace('    "course_lib.exercises.grading.repairs.repair",\n', ""))
    run_in(plain, "nbgrader", "autograde", "hw", "--student", "anna", "--force")
    book = nbformat.read(plain / "autograded/anna/hw/hw.ipynb", as_version=4)
    failed = {cell.metadata.nbgrader.grade_id.removesuffix("-test") for cell in book.cells
              if cell.metadata.get("nbgrader", {}).get("grade")
              and any(output.output_type == "error" for output in cell.outputs)}  # fmt: skip
    assert set(VARIED) <= failed
