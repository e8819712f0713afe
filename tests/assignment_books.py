"""Assignments as they are written, and as they are released to learners."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_lib.exercises.assignments import Choice, assign

#: Exercises that need nothing heavy.
LIGHT = ["00_count_values", "03_legal_add", "04_output_size"]
SOLUTION = re.compile(r"### BEGIN SOLUTION\n.*?### END SOLUTION\n", re.DOTALL)
HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS\n.*?### END HIDDEN TESTS", re.DOTALL)


def made(choice: Choice, into: Path, engine: str = "nbgrader") -> NotebookNode:
    return nbformat.read(assign("homework", choice, seed=7, engine=engine, into=into), as_version=4)


def sources(book: NotebookNode) -> list[str]:
    return [cell.source for cell in book.cells if cell.cell_type == "code"]


def released(source: str) -> str:
    """What a learner gets of a cell."""
    return HIDDEN.sub("", SOLUTION.sub("", source))
