"""A class hands in, nbgrader grades: everybody gets exactly what they deserve, and nobody's mistake costs the others.

The oracle is nbgrader itself, from `generate_assignment` to `export`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbgrader.api import Gradebook

from .conftest import ByNbgrader
from .hand_ins import ASKED, CLASS, POINTS, SEED, SOLUTIONS, Work

student = pytest.mark.parametrize("who", CLASS, ids=lambda who: who.__name__)


@pytest.fixture(scope="module")
def released(handed_in: Path) -> NotebookNode:
    return nbformat.read(handed_in / "release" / "hw" / "hw.ipynb", as_version=4)


def test_the_settings_are_nbgraders_own_steps_and_one_more(handed_in: Path) -> None:
    from nbgrader.converters import Autograde

    settings = (handed_in / "nbgrader_config.py").read_text()
    steps = re.findall(r'^    "[\w.]+\.(\w+)",$', settings, re.MULTILINE)
    own = [one.__name__ for one in Autograde().sanitize_preprocessors]
    assert [step for step in steps if step != "repair"] == own and len(steps) == len(own) + 1


@pytest.fixture(scope="module")
def exported(by_nbgrader: ByNbgrader) -> dict[str, tuple[float, float]]:
    """Who → points, and how many there are."""
    with (by_nbgrader.folder / "grades.csv").open(encoding="utf-8") as file:
        return {row["student_id"]: (float(row["score"]), float(row["max_score"])) for row in csv.DictReader(file)}


def test_the_release_has_no_solution_and_no_hidden_test(released: NotebookNode) -> None:
    text = "\n".join(cell.source for cell in released.cells)
    assert "SOLUTION" not in text and "HIDDEN" not in text and str(SEED) not in text and "NotImplemented" not in text
    assert all(SOLUTIONS[name] not in text for name in ASKED)
    assert sum(cell.metadata.nbgrader.get("points", 0) for cell in released.cells) == sum(POINTS.values())


@student
def test_everybody_gets_exactly_what_they_deserve(
    who: Callable[[Work], None], exported: dict[str, tuple[float, float]], by_nbgrader: ByNbgrader
) -> None:
    deserved = sum(POINTS.values()) - sum(POINTS[name] for name in CLASS[who])
    with Gradebook(f"sqlite:///{by_nbgrader.folder}/gradebook.db") as book:
        notebook = book.find_submission_notebook("hw", "hw", who.__name__)
        lost = {grade.name.removesuffix("-test") for grade in notebook.grades if grade.score < grade.max_score}
    assert lost == CLASS[who]
    assert exported[who.__name__] == (deserved, sum(POINTS.values()))


def test_what_nobody_touched_is_worth_nothing(exported: dict[str, tuple[float, float]]) -> None:
    assert exported["untouched"] == (0, sum(POINTS.values()))


def test_who_could_not_be_graded_is_named_and_nobody_else(by_nbgrader: ByNbgrader) -> None:
    named = {name for name in [*(who.__name__ for who in CLASS), "broken", "untouched"]
             if f"error processing assignment 'hw' for student '{name}'" in by_nbgrader.said}  # fmt: skip
    assert named == {"broken", "ended"}
