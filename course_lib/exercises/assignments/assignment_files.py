"""Write an assignment: the same cells for nbgrader or for otter, whole or not at all."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode, validate, writes
from nbformat.v4 import new_notebook

from course_lib.errors import CourseError
from course_lib.exercises.assignments import assignment_cells
from course_lib.exercises.assignments.exercise_cells import NOTEBOOKS, first_cell
from course_lib.exercises.assignments.exercise_choice import Choice
from course_lib.exercises.assignments.student_variants import personal_release

__all__ = ["ENGINES", "assign", "left_alone"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class _Engine:
    cells: Callable[..., list[NotebookNode]]
    place: Callable[[str], str]  # an assignment's name → the notebook's path in the course's folder
    beside: Callable[[str, str], dict[str, str]]  # other files that the engine reads, written where there are none


ENGINES = {
    "nbgrader": _Engine(
        assignment_cells.nbgrader_cells,
        lambda name: f"source/{name}/{name}.ipynb",
        assignment_cells.nbgrader_files,
    ),
    "otter": _Engine(assignment_cells.otter_cells, lambda name: f"{name}/{name}.ipynb", assignment_cells.otter_files),
}


def assign(
    name: str, choice: Choice, *, seed: int, engine: str = "nbgrader", into: Path = Path(), notebooks: Path = NOTEBOOKS,
    kit: str = "", students: Sequence[str] = (),
) -> Path:  # fmt: skip
    """Write one assignment's notebook.

    Args:
        name: of the assignment: letters, digits, - and _.
        choice: the exercises.
        seed: of the hidden cases: yours alone.
        engine: "nbgrader" or "otter".
        into: the course's folder: nbgrader's notebook goes into ``source/NAME/``, otter's into ``NAME/``.
        notebooks: the folder with the lessons.
        kit: where the first cell fetches the kit from, if not from the repository: an address of a wheel, or the name
            of a wheel that students upload beside the notebook.
        students: ids of those who get other numbers than the lesson's, each a notebook in ``release/STUDENT/NAME/``.
            Asked once more with the same choice and seed, those who have none yet get theirs.

    Returns:
        The notebook's path.

    Raises:
        CourseError: a name that the engine does not take, an unknown engine, a notebook that is there already, students
            without an exercise that has other numbers, or a folder that cannot be written to; nothing is left behind
            then.
    """
    if not _NAME.fullmatch(name):
        raise CourseError(f"{name!r} cannot be an assignment's name: take letters, digits, - and _.")
    if engine not in ENGINES:
        raise CourseError(f"There is no engine {engine!r}: take {' or '.join(ENGINES)}.")
    made = ENGINES[engine]
    if choice.written and engine != "nbgrader":
        raise CourseError("Only nbgrader can hold written questions with a rubric: leave --engine or --written out.")
    if students and engine != "nbgrader":
        raise CourseError("Only nbgrader can grade other numbers for every student: leave --engine or --variants out.")
    if students and not any(cell.exercise.variants for cell in choice.cells):
        raise CourseError(
            "None of these exercises has other numbers for every student. --list shows which of them have, or leave "
            "--variants out."
        )
    path = into / made.place(name)
    if kit and not re.fullmatch(r"(https?://\S+|[\w.+-]+\.whl|git\+\S+|course_lib @ \S+)", kit):
        raise CourseError(f"kit={kit[:80]!r} was given: give a wheel's file name (course_lib-….whl) or an address.")
    first = first_cell(notebooks, kit)
    notebook = new_notebook(cells=made.cells(name, choice, seed, first, **({"varied": True} if students else {})))
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:03}"  # nbformat would draw it: the same choice shall give the same bytes
    validate(notebook)
    content = f"{writes(notebook)}\n"
    try:
        if path.exists() and not (students and _says(path, content)):
            raise CourseError(f"{path} already exists: delete it, or choose another name.")
        others = {into / file: words for file, words in made.beside(name, first).items()}
        for student in students:
            own = into / f"release/{student}/{name}/{name}.ipynb"
            if not own.exists():
                others[own] = f"{writes(personal_release(notebook, student, seed))}\n"
        new = {file: words for file, words in others.items() if not file.exists()}
        _write_all({**new, path: content})
    except OSError as error:
        raise CourseError(f"{path} cannot be written: {error.strerror or error}.") from error
    return path


def left_alone(name: str, *, engine: str, into: Path, notebooks: Path = NOTEBOOKS, kit: str = "") -> dict[Path, str]:
    """Files that the engine reads and that say something else than they would if they had not been there before.

    Args:
        name: of an assignment that was made.
        engine: "nbgrader" or "otter".
        into: the course's folder.
        notebooks: the folder with the lessons.
        kit: as for ``assign``.

    Returns:
        each of them, and what it would say.
    """
    wanted = ENGINES[engine].beside(name, first_cell(notebooks, kit))
    return {into / file: words for file, words in wanted.items() if not _says(into / file, words)}


def _says(path: Path, words: str) -> bool:
    """Whether this is a file with these words; an instructor's own may be in any encoding, or be a folder."""
    return path.is_file() and path.read_text("utf-8", errors="replace") == words


def _write_all(files: dict[Path, str]) -> None:
    """These files and the folders that they need, or nothing at all."""
    done: list[Path] = []
    try:
        for path, content in files.items():
            for folder in reversed(path.parents):
                if not folder.exists():
                    folder.mkdir()
                    done.append(folder)
            with tempfile.TemporaryDirectory(dir=path.parent) as draft:
                new = Path(draft, path.name)
                new.write_text(content, encoding="utf-8", newline="\n")
                new.replace(path)
            done.append(path)
    except OSError:
        for path in reversed(done):
            with contextlib.suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()
        raise
