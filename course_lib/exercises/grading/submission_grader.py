"""Grade one submission: nbgrader's own autograding, in a folder of its own with a gradebook of its own.

What goes in and out are values, so that it runs in any process and on any machine that has the kit and nbgrader.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import tempfile
import threading
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import Execute
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError
from traitlets.config import Config

from course_lib.errors import CourseError
from course_lib.exercises.grading.forked_kernels import use_forked_kernels
from course_lib.exercises.grading.gradebook_rows import SubmissionMarks, read_marks, share_engines
from course_lib.exercises.grading.kernel_limits import MB, Limits
from course_lib.exercises.grading.kernel_nursery import MachineError
from course_lib.exercises.grading.submission_execution import CarefulExecute, Note

__all__ = ["Assignment", "GradedSubmission", "Submission", "grade_submission"]

_FOLDERS = {
    "directory_structure": str(Path("{nbgrader_step}", "{student_id}", "{assignment_id}")),
    "source_directory": "source",
    "submitted_directory": "submitted",
    "autograded_directory": "autograded",
    "student_id": "*",
    "notebook_id": "*",
}
#: nbgrader changes the working folder, which a process has only one of.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Assignment:
    """What is the same for all submissions.

    Attributes:
        name: the assignment's.
        settings: nbgrader's, by class and trait.
        gradebook: a SQLite file that holds the assignment alone.
        files: what lies beside the notebooks in the assignment's source, by relative path.
        notebooks: the notebooks' names, and the nbgrader ids of each one's cells.
        limits: of every submission.
    """

    name: str
    settings: dict[str, Any]
    gradebook: bytes
    files: dict[str, bytes]
    notebooks: dict[str, frozenset[str]]
    limits: Limits


@dataclass(frozen=True)
class Submission:
    """What a student handed in: file contents by relative path."""

    student: str
    files: dict[str, bytes]


@dataclass(frozen=True)
class GradedSubmission:
    """What came of it.

    Attributes:
        student: whose it is.
        marks: None where it could not be graded.
        problem: why not, a sentence; empty where it could.
        notes: cells that were stopped or left out.
        files: nbgrader's autograded folder, by relative path.
        passing: whether the problem is the machine's, not the submission's: the next run tries again.
    """

    student: str
    marks: SubmissionMarks | None
    problem: str = ""
    notes: tuple[Note, ...] = ()
    files: dict[str, bytes] | None = None
    passing: bool = False


def grade_submission(assignment: Assignment, submission: Submission) -> GradedSubmission:
    """Grade one submission as ``nbgrader autograde`` does.

    Returns:
        the marks; or the reason why there are none, whatever was handed in.
    """
    with _ONE_AT_A_TIME, tempfile.TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True) as folder:
        use_forked_kernels()
        share_engines()
        notes: list[Note] = []
        try:
            _look_at(assignment, submission, notes)
            return _graded(assignment, submission, Path(folder).resolve(), notes)
        except CourseError as problem:
            return GradedSubmission(submission.student, None, str(problem), tuple(notes))
        except (MachineError, MemoryError, OSError, OperationalError) as error:  # a full disk, for one
            words = f"this machine could not grade it: {error}"[:300]
            return GradedSubmission(submission.student, None, words, tuple(notes), passing=True)
        except Exception as error:  # whatever nbgrader, nbconvert or sqlite may raise for what a student handed in
            words = f"nbgrader stopped: {type(error).__name__}: {error}"[:300]
            return GradedSubmission(submission.student, None, words, tuple(notes))


class _Autograde(Autograde):  # type: ignore[misc]
    """nbgrader's converter, which also keeps the error that it writes into its log."""

    problem: Exception | None = None

    def convert_single_notebook(self, notebook_filename: str) -> None:
        try:
            super().convert_single_notebook(notebook_filename)
        except Exception as error:
            self.problem = error
            raise


def _graded(assignment: Assignment, submission: Submission, root: Path, notes: list[Note]) -> GradedSubmission:
    name, student = assignment.name, submission.student
    database = _own_folder() / "gradebook.db"
    database.write_bytes(assignment.gradebook)
    _write(root / "source" / name, assignment.files)
    (root / "source" / name).mkdir(parents=True, exist_ok=True)
    _write(root / "submitted" / student / name, submission.files)
    before = {*assignment.files, *submission.files}
    config = Config(assignment.settings)
    config.CourseDirectory.merge(
        _FOLDERS | {"root": str(root), "db_url": f"sqlite:///{database}", "assignment_id": name}
    )
    converter = _Autograde(coursedir=CourseDirectory(config=config), config=config)
    converter.log = _silent()
    seconds = Execute(parent=converter).timeout
    limits = Limits(**(vars(assignment.limits) | {"cell_seconds": seconds if seconds and seconds > 0 else None}))
    execute = CarefulExecute(limits, parent=converter)
    converter.autograde_preprocessors = [
        execute if step is Execute or str(step).rpartition(".")[2] == "Execute" else step
        for step in converter.autograde_preprocessors
    ]
    progress = os.environ.get("COURSE_PROGRESS")
    os.environ["COURSE_PROGRESS"] = str(root / "progress.json")  # a student's is not the grader's
    event.listen(Engine, "connect", _write_at_leisure)
    try:
        converter.start()
    except NbGraderException as error:
        raise converter.problem or error from error
    finally:
        event.remove(Engine, "connect", _write_at_leisure)
        notes += execute.notes
        os.environ.pop("COURSE_PROGRESS")
        if progress is not None:
            os.environ["COURSE_PROGRESS"] = progress
    with Gradebook(config.CourseDirectory.db_url) as book:
        marks = read_marks(book, name, student)
    graded = root / "autograded" / student / name
    files = {
        path.relative_to(graded).as_posix(): path.read_bytes()
        for path in sorted(graded.rglob("*"))
        if path.is_file() and not path.is_symlink() and path.relative_to(graded).as_posix() in before
    }
    return GradedSubmission(student, marks, "", tuple(notes), files)


@functools.cache
def _own_folder() -> Path:
    """This process's folder for the gradebook, which every submission begins anew."""
    folder = tempfile.TemporaryDirectory(prefix="grading-")
    Finalize(None, folder.cleanup, exitpriority=1)  # unlike atexit, also in the processes of multiprocessing
    return Path(folder.name).resolve()


def _write_at_leisure(connection: Any, record: Any) -> None:
    """Let SQLite not wait for the disk: this gradebook lives for a second."""
    connection.execute("PRAGMA synchronous = OFF")


def _look_at(assignment: Assignment, submission: Submission, notes: list[Note]) -> None:
    """Refuse what nbgrader would give no marks for, or zero without a word."""
    size = sum(map(len, submission.files.values()))
    if size > assignment.limits.file * MB:
        raise CourseError(f"The files together have {size // MB} MB; the limit is {assignment.limits.file} MB.")
    there = [name for name in assignment.notebooks if f"{name}.ipynb" in submission.files]
    if not there:
        others = ", ".join(sorted(submission.files)[:3]) or "nothing"
        wanted = " or ".join(f"{name}.ipynb" for name in assignment.notebooks)
        raise CourseError(f"There is no {wanted}, only {others[:120]}.")
    for name, known in assignment.notebooks.items():
        if name not in there:
            notes.append(Note("", f"{name}.ipynb was not handed in: nbgrader gives 0 for it"))
            continue
        cells = _cells(f"{name}.ipynb", submission.files[f"{name}.ipynb"])
        own = {str(cell.metadata.get("nbgrader", {}).get("grade_id")) for cell in cells}
        if known and not own & known:
            raise CourseError(f"{name}.ipynb has none of the assignment's cells; was a different notebook handed in?")


def _cells(name: str, content: bytes) -> list[Any]:
    try:
        book = nbformat.reads(content.decode("utf-8-sig"), as_version=4)
        cells: list[Any] = [cell for cell in book.cells if isinstance(cell.metadata.get("nbgrader", {}), dict)]
        json.dumps(book)
    except Exception as error:  # nbformat has no one kind of error
        raise CourseError(f"{name} cannot be read as a notebook: it is broken, or something else.") from error
    return cells


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _silent() -> logging.Logger:
    log = logging.getLogger("course_lib.grading")
    log.propagate, log.disabled = False, True
    return log
