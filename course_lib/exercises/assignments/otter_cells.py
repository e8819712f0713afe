"""An assignment's cells for ``otter assign``: raw cells mark where a question, its solution and its tests are.

https://otter-grader.readthedocs.io/en/latest/otter_assign/notebook_format.html describes them.
"""

from __future__ import annotations

import re

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell

from course_lib.exercises.assignments import common
from course_lib.exercises.assignments.choice import Choice
from course_lib.exercises.assignments.exercise_cells import ExerciseCell

__all__ = ["beside", "cells"]

_KIT = re.compile(r'"(course_lib @ [^"]+)"')
_CONFIG = """\
# ASSIGNMENT CONFIG
name: {name}
init_cell: true
export_cell:
  pdf: false
requirements: requirements.txt
run_tests: true"""
#: What a learner sees is worth nothing: otter would give half of the points for it.
_OPEN = '""" # BEGIN TEST CONFIG\nhidden: false\npoints: 0\n""" # END TEST CONFIG'
_HIDDEN = '""" # BEGIN TEST CONFIG\nhidden: true\npoints: {points}\n""" # END TEST CONFIG'


def beside(name: str, first: str) -> dict[str, str]:
    """The file that says what a grader's image installs: the kit comes from where Colab fetches it."""
    kit = _KIT.search(first)
    return {f"{name}/requirements.txt": f"torch\ntorchvision\n{kit[1] if kit else 'course_lib'}\n"}


def cells(name: str, choice: Choice, seed: int, first: str) -> list[NotebookNode]:
    """All cells of an assignment; see ``nbgrader_cells.cells``."""
    config, words = _CONFIG.format(name=name), common.introduction(name, choice)
    found = [new_raw_cell(config), new_markdown_cell(words), new_code_cell(first)]
    for cell in choice.together:
        found.append(new_code_cell(common.context(cell)))
        if cell in choice.given:
            found.append(new_markdown_cell(f"An answer that a later exercise uses: {cell.exercise.title}."))
            found.append(new_code_cell(cell.exercise.solution().words))
            continue
        found += _question(cell, seed)
    return found


def _question(cell: ExerciseCell, seed: int) -> list[NotebookNode]:
    points = cell.exercise.points
    answer = (
        f"{cell.stub}\n# BEGIN SOLUTION NO PROMPT\n{cell.exercise.solution().words}\n# END SOLUTION\n"
        f"{common.asked(cell)}.check({cell.answer})"
    )
    return [
        new_raw_cell(f"# BEGIN QUESTION\nname: q{cell.exercise.id}\npoints: {points}"),
        *(new_markdown_cell(text) if kind == "markdown" else new_code_cell(text) for kind, text in common.words(cell)),
        new_raw_cell("# BEGIN SOLUTION"),
        new_code_cell(answer),
        new_raw_cell("# END SOLUTION"),
        new_raw_cell("# BEGIN TESTS"),
        new_code_cell(f"{_OPEN}\n{common.open_test(cell)}"),
        new_code_cell(f"{_HIDDEN.format(points=points)}\n{common.hidden_test(cell, seed)}"),
        new_raw_cell("# END TESTS"),
        new_raw_cell("# END QUESTION"),
    ]
