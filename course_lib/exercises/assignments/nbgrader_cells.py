"""An assignment's cells with nbgrader's metadata: read-only words, an answer with its solution, a test with points.

https://nbgrader.readthedocs.io/en/stable/contributor_guide/metadata.html describes the metadata (schema version 3).
"""

from __future__ import annotations

import re
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from course_lib.exercises.assignments import common
from course_lib.exercises.assignments.choice import Choice
from course_lib.exercises.assignments.exercise_cells import ExerciseCell

__all__ = ["beside", "cells"]

_CONFIG = '''\
"""nbgrader's settings for assignments that were made from the course's exercises."""

c = get_config()  # noqa: F821 - nbgrader defines it

# The three dots of an exercise say what is to be done; nbgrader's own "raise NotImplementedError()" would say it twice.
c.ClearSolutions.code_stub = {"python": ""}
# A cell that does not end is stopped; a check itself stops an answer after 20 seconds.
c.ExecutePreprocessor.timeout = 60
c.ExecutePreprocessor.interrupt_on_timeout = True
# nbgrader's own steps before it runs what was handed in, and one more: a test that was deleted is run all the same, and
# a cell that was copied does not end the grading of the whole class.
c.Autograde.sanitize_preprocessors = [
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.DeduplicateIds",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.OverwriteCells",
    "course_lib.exercises.grading.repairs.repair",
    "nbgrader.preprocessors.CheckCellMetadata",
]
'''


def beside(name: str, first: str) -> dict[str, str]:
    """The settings that nbgrader reads, for all assignments of the course."""
    return {"nbgrader_config.py": _CONFIG}


def cells(name: str, choice: Choice, seed: int, first: str) -> list[NotebookNode]:
    """All cells of an assignment.

    Args:
        name: the assignment's.
        choice: the exercises.
        seed: of the hidden cases.
        first: the code that every lesson begins with.
    """
    found = [_fixed(new_markdown_cell(common.introduction(name, choice)), "introduction"),
             _fixed(new_code_cell(first), "kit")]  # fmt: skip
    for cell in choice.together:
        key = _key(cell)
        found.append(_fixed(new_code_cell(common.context(cell)), f"{key}-needs"))
        if cell in choice.given:
            words = f"An answer that a later exercise uses: {cell.exercise.title}."
            found.append(_fixed(new_markdown_cell(words), f"{key}-words"))
            found.append(_fixed(new_code_cell(cell.exercise.solution().words), f"{key}-given"))
            continue
        for number, (kind, text) in enumerate(common.words(cell)):
            made = new_markdown_cell(text) if kind == "markdown" else new_code_cell(text)
            found.append(_fixed(made, f"{key}-words-{number}"))
        found.append(_answer(cell, key))
        found.append(_test(cell, key, seed))
    return found


def _key(cell: ExerciseCell) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", cell.exercise.id)


def _answer(cell: ExerciseCell, key: str) -> NotebookNode:
    solution = cell.exercise.solution().words
    source = (
        f"{cell.stub}\n### BEGIN SOLUTION\n{solution}\n### END SOLUTION\n\n{common.asked(cell)}.check({cell.answer})"
    )
    return _with(new_code_cell(source), f"{key}-answer", grade=False, solution=True, locked=False)


def _test(cell: ExerciseCell, key: str, seed: int) -> NotebookNode:
    source = f"{common.open_test(cell)}\n### BEGIN HIDDEN TESTS\n{common.hidden_test(cell, seed)}\n### END HIDDEN TESTS"
    return _with(new_code_cell(source), f"{key}-test", grade=True, solution=False, locked=True,
                 points=cell.exercise.points)  # fmt: skip


def _fixed(cell: NotebookNode, key: str) -> NotebookNode:
    return _with(cell, key, grade=False, solution=False, locked=True)


def _with(cell: NotebookNode, key: str, **settings: Any) -> NotebookNode:
    cell.metadata["nbgrader"] = {"schema_version": 3, "grade_id": key, "task": False, **settings}
    return cell
