"""`otter assign` takes the notebook that was made, and `otter run` gives the solution all points, the release none.

The oracle is otter itself, which also runs its own tests against the solutions before it hands anything out.
"""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from course_lib.exercises.assignments.exercise_cells import exercise_cells

from .conftest import Command
from .hand_ins import ASKED, SEED

POINTS = {name: exercise_cells()[name].exercise.points for name in ASKED}


@pytest.fixture(scope="module")
def assigned(course: Path, command: Command) -> Path:
    """The folder of what otter made: autograder/ and student/."""
    command("course_lib", "assign", "hw", "--exercises", *ASKED, "--seed", str(SEED), "--engine", "otter")
    command("otter", "assign", "hw/hw.ipynb", "dist")
    return course / "dist"


@pytest.fixture(scope="module")
def grader(assigned: Path) -> Path:
    [archive] = (assigned / "autograder").glob("*.zip")
    return archive


def score(command: Command, grader: Path, book: Path) -> dict[str, tuple[float, float]]:
    """Question → points, and how many there are."""
    results = book.parent / f"results of {book.stem}"
    results.mkdir()
    command("otter", "run", "-a", str(grader), "-o", str(results), "--no-logo", str(book))
    tests = json.loads((results / "results.json").read_text())["tests"]
    return {test["name"].removeprefix("q"): (test["score"], test["max_score"]) for test in tests if "score" in test}


def test_a_learner_gets_neither_solutions_nor_hidden_tests(assigned: Path) -> None:
    book = nbformat.read(assigned / "student" / "hw.ipynb", as_version=4)
    text = json.dumps(book)
    assert f"seed={SEED}" not in text and "SOLUTION" not in text and "BEGIN" not in text
    code = "\n".join(cell.source for cell in book.cells)
    for name in ASKED:
        assert f"q{name}" in book.metadata.otter.tests
        assert exercise_cells()[name].exercise.solution().words not in code and exercise_cells()[name].stub in code


def test_the_graders_image_gets_the_kit(assigned: Path) -> None:
    lines = (assigned / "autograder" / "requirements.txt").read_text().splitlines()
    assert {"torch", "torchvision"} < set(lines) and any(line.startswith("course_lib @ git+https") for line in lines)


def test_the_solution_has_all_points(command: Command, assigned: Path, grader: Path) -> None:
    found = score(command, grader, assigned / "autograder" / "hw.ipynb")
    assert found == {name: (points, points) for name, points in POINTS.items()}


def test_the_release_has_none(command: Command, assigned: Path, grader: Path) -> None:
    found = score(command, grader, assigned / "student" / "hw.ipynb")
    assert found == {name: (0, points) for name, points in POINTS.items()}
