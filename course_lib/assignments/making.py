"""Write an assignment: the same cells for nbgrader or for otter, whole or not at all."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode, validate, write
from nbformat.v4 import new_notebook

from course_lib.assignments import nbgrader_cells, otter_cells
from course_lib.assignments.cells import NOTEBOOKS, first_cell
from course_lib.assignments.choosing import Choice
from course_lib.errors import CourseError

__all__ = ["ENGINES", "assign"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class _Engine:
    cells: Callable[[str, Choice, int, str], list[NotebookNode]]
    place: Callable[[str], str]  # an assignment's name → the notebook's path in the course's folder
    beside: dict[str, str]  # files that the engine reads, written where there are none


ENGINES = {
    "nbgrader": _Engine(nbgrader_cells.cells, lambda name: f"source/{name}/{name}.ipynb",
                        {"nbgrader_config.py": nbgrader_cells.CONFIG}),
    "otter": _Engine(otter_cells.cells, lambda name: f"{name}/{name}.ipynb",
                     {"requirements.txt": otter_cells.REQUIREMENTS}),
}  # fmt: skip


def assign(
    name: str, choice: Choice, *, seed: int, engine: str = "nbgrader", into: Path = Path(), notebooks: Path = NOTEBOOKS
) -> Path:
    """Write one assignment's notebook.

    Args:
        name: of the assignment: letters, digits, - and _.
        choice: the exercises.
        seed: of the hidden cases: yours alone.
        engine: "nbgrader" or "otter".
        into: the course's folder: nbgrader's notebook goes into ``source/NAME/``, otter's into ``NAME/``.
        notebooks: the folder with the lessons.

    Returns:
        The notebook's path.

    Raises:
        CourseError: a name that the engine does not take, an unknown engine, or a notebook that is there already.
    """
    if not _NAME.fullmatch(name):
        raise CourseError(f"{name!r} cannot be an assignment's name: take letters, digits, - and _.")
    if engine not in ENGINES:
        raise CourseError(f"There is no engine {engine!r}: take {' or '.join(ENGINES)}.")
    made = ENGINES[engine]
    path = into / made.place(name)
    if path.exists():
        raise CourseError(f"{path} is there already: delete it, or take another name.")
    notebook = new_notebook(cells=made.cells(name, choice, seed, first_cell(notebooks)))
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    validate(notebook)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            new = Path(folder, path.name)
            write(notebook, new)
            new.replace(path)
        for file, content in made.beside.items():
            if not (into / file).exists():
                (into / file).write_text(content, encoding="utf-8")
    except OSError as error:
        raise CourseError(f"{path} cannot be written: {error.strerror}.") from error
    return path
