"""A class hands in, nbgrader grades: everybody gets exactly what they deserve, and nobody's mistake costs the others.

The oracle is nbgrader itself, from `generate_assignment` to `export`.
"""

from __future__ import annotations

import copy
import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook

from course_lib.exercises.assignments.exercise_cells import exercise_cells

from .conftest import ASKED, SEED, Command

POINTS = {name: exercise_cells()[name].exercise.points for name in ASKED}
SOLUTIONS = {name: exercise_cells()[name].exercise.solution().words for name in ASKED}
#: Of one cell. A check itself stops an answer after 20 seconds, so it must be a little more.
TIMEOUT = 24


# -- the class --------------------------------------------------------------------------------------------------------
class Work:
    """One student's notebook, begun from the release: every exercise solved."""

    def __init__(self, released: NotebookNode) -> None:
        self.book = copy.deepcopy(released)
        for name in ASKED:
            self.write(name, SOLUTIONS[name])

    def place(self, key: str) -> int:
        return next(
            n for n, cell in enumerate(self.book.cells) if cell.metadata.get("nbgrader", {}).get("grade_id") == key
        )

    def cell(self, name: str, what: str = "answer") -> NotebookNode:
        return self.book.cells[self.place(f"{name}-{what}")]

    def write(self, name: str, code: str) -> None:
        """Put this in the place of the three dots; the check stays below it."""
        check = self.cell(name).source.splitlines()[-1]
        assert ".check(" in check
        self.cell(name).source = f"{code}\n\n\n{check}"

    def change(self, name: str, old: str, new: str) -> None:
        assert SOLUTIONS[name].count(old) == 1, old
        self.write(name, SOLUTIONS[name].replace(old, new))

    def insert(self, name: str, cell: NotebookNode, what: str = "answer") -> None:
        """Put a cell, or a copy of one of the notebook's, above one of the exercise's."""
        new = new_code_cell(cell.source, metadata=copy.deepcopy(cell.metadata))
        self.book.cells.insert(self.place(f"{name}-{what}"), new)

    def delete(self, key: str) -> None:
        del self.book.cells[self.place(key)]


def solution(work: Work) -> None:
    pass


def mistaken(work: Work) -> None:
    """Known mistakes, one that hidden cases alone find, and a cell that does not even run."""
    work.change("06_iou", "(sum(areas) - shared)", "sum(areas)")
    work.write("07_head_parameters", "numbers = 512 * 2")
    work.write("05_hash_fits", "def hash_fits(path) return True")
    work.write("04_output_size", by_heart("04_output_size"))


def endless_function(work: Work) -> None:
    work.change("02_pareto", "        beaten = False\n", "        while True:\n            beaten = False\n")


def endless_cell(work: Work) -> None:
    work.cell("04_output_size").source = f"while True:\n    pass\n{work.cell('04_output_size').source}"


def deleted_tests(work: Work) -> None:
    """Every cell that grades, and some that only prepare; one answer is wrong all the same."""
    for name in ASKED:
        work.delete(f"{name}-test")
    work.delete("05_hash_fits-needs")
    work.write("00_count_values", "count = 224 * 224")


def deleted_exercise(work: Work) -> None:
    work.delete("04_output_size-answer")
    work.delete("04_output_size-test")


def loud(work: Work) -> None:
    """Warnings and words on stderr, in a cell of its own, in an answer's and within the function that is graded."""
    noise = "import sys, warnings\nwarnings.warn('oh')\nprint('oh', file=sys.stderr)\n"
    work.insert("01_accuracy", new_code_cell(noise))
    work.write("06_iou", noise + SOLUTIONS["06_iou"])
    inside = '"""\n    import os, sys, warnings\n    print("oh", file=sys.stderr)\n    warnings.warn("oh")\n'
    head, words, rest = SOLUTIONS["01_accuracy"].split('"""')
    work.write("01_accuracy", f'{head}"""{words}{inside}{rest}')


def duplicated(work: Work) -> None:
    """A cell that was copied keeps its nbgrader id. The wrong answer comes first, and the right one counts."""
    work.insert("00_count_values", work.cell("00_count_values"))
    work.cell("00_count_values").source = work.cell("00_count_values").source.replace("3 *", "4 *")  # the first of both
    for what in ("needs", "answer", "test"):
        work.insert("02_pareto", work.cell("02_pareto", what), what)
    work.insert("06_iou", work.cell("03_basic_block", "test"))


def ended(work: Work) -> None:
    """The kernel is gone at once, with all that was in it."""
    work.insert("04_output_size", new_code_cell("import os\nos._exit(1)"))


#: Who → what they do to the solution, and the exercises for which they deserve nothing.
CLASS: dict[Callable[[Work], None], set[str]] = {
    deleted_exercise: {"04_output_size"},
    deleted_tests: {"00_count_values"},
    duplicated: set(),
    ended: set(ASKED),
    endless_cell: {"04_output_size"},
    endless_function: {"02_pareto"},
    loud: set(),
    mistaken: {"04_output_size", "05_hash_fits", "06_iou", "07_head_parameters"},
    solution: set(),
}
student = pytest.mark.parametrize("who", CLASS, ids=lambda who: who.__name__)


def by_heart(name: str) -> str:
    """A function that knows what the open check asks, and nothing else."""
    one, asked = exercise_cells()[name].exercise, {}

    def spy(*given: Any) -> Any:
        asked[given] = one.solution_code(*given)
        return asked[given]

    assert one.check(spy).state == "correct" and asked
    return f"def {one.name_in_cell}(*given):\n    return {asked!r}.get(given, 0)"


# -- grading ----------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def released(course: Path, command: Command) -> NotebookNode:
    command("course_lib", "assign", "hw", "--exercises", *ASKED, "--seed", str(SEED))
    with (course / "nbgrader_config.py").open("a") as file:
        file.write(f"c.ExecutePreprocessor.timeout = {TIMEOUT}\n")
    command("nbgrader", "generate_assignment", "hw")
    return nbformat.read(course / "release" / "hw" / "hw.ipynb", as_version=4)


def test_the_settings_are_nbgraders_own_steps_and_one_more(course: Path, released: NotebookNode) -> None:
    from nbgrader.converters import Autograde

    settings = (course / "nbgrader_config.py").read_text()
    steps = re.findall(r'^    "[\w.]+\.(\w+)",$', settings, re.MULTILINE)
    own = [one.__name__ for one in Autograde().sanitize_preprocessors]
    assert [step for step in steps if step != "repair"] == own and len(steps) == len(own) + 1


def hand_in(course: Path, name: str, content: str) -> None:
    path = course / "submitted" / name / "hw" / "hw.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(content, encoding="utf-8")


@pytest.fixture(scope="module")
def said(course: Path, command: Command, released: NotebookNode) -> str:
    """Everybody has handed in and was graded; what nbgrader said."""
    for who in CLASS:
        work = Work(released)
        who(work)
        hand_in(course, who.__name__, nbformat.writes(work.book))
    hand_in(course, "untouched", nbformat.writes(released))
    hand_in(course, "broken", "{")
    told = command("nbgrader", "autograde", "hw", fails=True)  # of the broken one and of those that could not be run
    command("nbgrader", "export", "--to", "grades.csv")
    return told


@pytest.fixture(scope="module")
def exported(course: Path, said: str) -> dict[str, tuple[float, float]]:
    """Who → points, and how many there are."""
    with (course / "grades.csv").open(encoding="utf-8") as file:
        return {row["student_id"]: (float(row["score"]), float(row["max_score"])) for row in csv.DictReader(file)}


def test_the_release_has_no_solution_and_no_hidden_test(released: NotebookNode) -> None:
    text = "\n".join(cell.source for cell in released.cells)
    assert "SOLUTION" not in text and "HIDDEN" not in text and str(SEED) not in text and "NotImplemented" not in text
    assert all(SOLUTIONS[name] not in text for name in ASKED)
    assert sum(cell.metadata.nbgrader.get("points", 0) for cell in released.cells) == sum(POINTS.values())


@student
def test_everybody_gets_exactly_what_they_deserve(
    who: Callable[[Work], None], exported: dict[str, tuple[float, float]], course: Path
) -> None:
    deserved = sum(POINTS.values()) - sum(POINTS[name] for name in CLASS[who])
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        notebook = book.find_submission_notebook("hw", "hw", who.__name__)
        lost = {grade.name.removesuffix("-test") for grade in notebook.grades if grade.score < grade.max_score}
    assert lost == CLASS[who]
    assert exported[who.__name__] == (deserved, sum(POINTS.values()))


def test_what_nobody_touched_is_worth_nothing(exported: dict[str, tuple[float, float]]) -> None:
    assert exported["untouched"] == (0, sum(POINTS.values()))


def test_who_could_not_be_graded_is_named_and_nobody_else(said: str) -> None:
    named = {name for name in [*(who.__name__ for who in CLASS), "broken", "untouched"]
             if f"error processing assignment 'hw' for student '{name}'" in said}  # fmt: skip
    assert named == {"broken", "ended"}
