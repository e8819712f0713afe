"""Grade a class: ``python -m course_lib grade hw1``.

The course's folder and gradebook are nbgrader's. Every submission is graded apart (``submission_grader``), by workers
(``grading_workers``); what is ready is written at once, so that nothing is lost when the run is stopped, and the same
command goes on where it was.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nbgrader.utils import find_all_files
from sqlalchemy.exc import SQLAlchemyError

from course_lib.errors import CourseError, closest
from course_lib.exercises.grading.course_folder import Course
from course_lib.exercises.grading.gradebook_rows import blank_gradebook, forget_marks, record_marks
from course_lib.exercises.grading.grading_workers import grade_here, grade_on_dask
from course_lib.exercises.grading.kernel_limits import MB, Limits
from course_lib.exercises.grading.submission_execution import Note
from course_lib.exercises.grading.submission_grader import Assignment, GradedSubmission, Submission
from course_lib.exercises.grading.submission_hints import Hint, known_solutions, submission_hints
from course_lib.progress import track
from course_lib.tables import text_table

__all__ = ["ClassReport", "class_report", "grade_class"]


@dataclass
class ClassReport:
    """What came of a class.

    Attributes:
        assignment: its name.
        most: the points that there are.
        scores: student → points, of everybody who was graded.
        problems: student → why there are no marks.
        notes: student → cells that were stopped or left out.
        missing: students of the gradebook who handed in nothing.
        unread: students with written answers that nobody has graded yet.
        hints: at copied and tampered notebooks.
    """

    assignment: str
    most: float = 0
    scores: dict[str, float] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    notes: dict[str, tuple[Note, ...]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    hints: list[Hint] = field(default_factory=list)

    def state(self, student: str) -> str:
        """ "graded", "graded but for written answers", "not graded: …" or "not handed in"."""
        if student in self.problems:
            return f"not graded: {self.problems[student]}"
        if student in self.unread:
            return "graded but for written answers"
        return "graded" if student in self.scores else "not handed in"

    def __str__(self) -> str:
        counts = f"{self.assignment}: {len(self.scores)} graded, {len(self.problems)} not graded"
        lines = [f"{counts}, {len(self.missing)} not handed in ({self.most:g} points at most)"]
        if self.problems:
            rows = [(student, "-", reason) for student, reason in sorted(self.problems.items())]
            lines += ["", "Not graded, and without a mark:", text_table(rows, ("student", "cell", "reason"), rule=True)]
        if self.unread:
            lines += ["", f"{len(self.unread)} have written answers that nobody has read: nbgrader formgrade."]
        noted = [(student, note.cell or "-", note.reason) for student, notes in sorted(self.notes.items())
                 for note in notes if student in self.scores]  # fmt: skip
        if noted:
            lines += ["", "Graded, but look at these:", text_table(noted, ("student", "cell", "reason"), rule=True)]
        if self.hints:
            seen = [(", ".join(hint.students)[:60], ", ".join(hint.cells)[:60], hint.sentence) for hint in self.hints]
            lines += ["", "Hints, not verdicts: read these answers yourself:",
                      text_table(seen, ("students", "cells", "what was seen"), rule=True)]  # fmt: skip
        return "\n".join(lines)


def grade_class(
    name: str,
    *,
    course: Path = Path(),
    students: Sequence[str] = (),
    workers: int = 0,
    scheduler: str = "",
    limits: Limits | None = None,
    again: bool = False,
) -> ClassReport:
    """Grade all submissions of an assignment that have not been graded yet.

    Args:
        name: the assignment's.
        course: its folder.
        students: only theirs; everybody's when left out.
        workers: how many at a time; one for each core when left out.
        scheduler: a Dask scheduler's address, to use its workers instead.
        limits: of each submission.
        again: grade also what was graded before.

    Raises:
        CourseError: no such folder, gradebook, assignment, student or scheduler; a gradebook of another course.
    """
    limits = limits or Limits()
    here = Course(course)
    assignment = _assignment(here, name, limits)
    handed_in = here.students(name)
    if not handed_in:
        raise CourseError(f"Nobody has handed in {name}: nothing is in {here.folder('submitted', 'STUDENT', name)}.")
    for student in students:
        if student not in handed_in:
            raise CourseError(f"{student} has not handed in {name}.{closest(student, handed_in)}")
    record, released = _Record(_place(here, name)), json.dumps(here.sources(name), sort_keys=True)
    prints = {student: _fingerprint(here, name, student, released) for student in students or handed_in}
    todo = [
        student
        for student, print_ in prints.items()
        if again
        or not record.holds(student, print_, limits)
        or (not record.lines[student]["problem"] and not here.folder("autograded", student, name).is_dir())
    ]

    def read(student: str) -> Submission:
        return Submission(student, _files(here.folder("submitted", student, name), limits))

    known_solutions()  # imports every lesson, while the workers import theirs
    count = workers or os.cpu_count() or 1
    results = (
        grade_on_dask(assignment, todo, read, scheduler=scheduler)
        if scheduler
        else grade_here(assignment, todo, read, workers=count)
    )
    with _alone(_place(here, name).with_suffix(".lock"), name), contextlib.closing(results):
        for graded in track(_checked(results), f"grading {name}", total=len(todo)):
            _write_down(here, name, graded)
            record.add(graded, prints[graded.student], limits)
    return class_report(name, course=course)


def class_report(name: str, *, course: Path = Path()) -> ClassReport:
    """What has come of an assignment so far; nothing is graded."""
    here = Course(course)
    here.cells(name)
    return _report(here, name, _Record(_place(here, name)), here.students(name))


# -- the assignment ---------------------------------------------------------------------------------------------------
def _assignment(course: Course, name: str, limits: Limits) -> Assignment:
    notebooks = course.cells(name)
    source = course.folder("source", ".", name)
    _compare(name, notebooks, source)
    with course.gradebook() as book, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "gradebook.db"
        blank_gradebook(book, name, file)
        content = file.read_bytes()
    beside = {Path(path).relative_to(source).as_posix(): Path(path).read_bytes()
              for path in find_all_files(str(source), [*course.directory.ignore, "*.ipynb"])}  # fmt: skip
    return Assignment(name, course.settings, content, beside, notebooks, limits)


def _compare(name: str, notebooks: dict[str, frozenset[str]], source: Path) -> None:
    """See that the gradebook is this folder's own, by the ids of the cells."""
    for notebook, known in notebooks.items():
        try:
            content = json.loads((source / f"{notebook}.ipynb").read_text(encoding="utf-8"))
            here = {cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in content["cells"]}
        except (OSError, ValueError, KeyError, AttributeError):
            continue  # nbgrader grades without the source as well
        if not known <= here:
            raise CourseError(
                f"The gradebook's {name} isn't that of {source}: it has cells such as {min(known - here)!r}, which "
                f"are not there. Is it another course's? Otherwise: nbgrader generate_assignment {name} --force."
            )


def _files(folder: Path, limits: Limits) -> dict[str, bytes]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    size = sum(path.stat().st_size for path in paths)
    if size > limits.file * MB:
        raise CourseError(f"The files together have {size // MB} MB; the limit is {limits.file} MB (--file).")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


# -- what is ready ----------------------------------------------------------------------------------------------------
class _Record:
    """A file with a line for every submission that was dealt with: what it was, and what came of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lines: dict[str, dict[str, Any]] = {}
        with contextlib.suppress(OSError):
            for text in path.read_text(encoding="utf-8").splitlines():
                with contextlib.suppress(ValueError, KeyError, TypeError):  # a line that was cut short
                    line = json.loads(text)
                    self.lines[line["student"]] = line

    def holds(self, student: str, fingerprint: str, limits: Limits) -> bool:
        """Whether this very submission was dealt with; with other limits a problem may be none."""
        line = self.lines.get(student)
        same = line is not None and line["fingerprint"] == fingerprint
        return same and (not line["problem"] or line["limits"] == asdict(limits)) if line else False

    def add(self, graded: GradedSubmission, fingerprint: str, limits: Limits) -> None:
        """Write a line. A problem of the machine's has no fingerprint, so that the next run tries again."""
        line = {"student": graded.student, "fingerprint": "" if graded.passing else fingerprint,
                "problem": graded.problem, "notes": [asdict(note) for note in graded.notes],
                "limits": asdict(limits)}  # fmt: skip
        try:
            self._path.parent.mkdir(exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps(line)}\n")
        except OSError as error:
            raise CourseError(f"{self._path} cannot be written: {error.strerror}. Make room, then go on.") from error
        self.lines[graded.student] = line


def _place(course: Course, name: str) -> Path:
    return Path(course.directory.root) / ".grading" / f"{name}.jsonl"


def _fingerprint(course: Course, name: str, student: str, released: str) -> str:
    """Of what was handed in (names, sizes, and the content of what is not enormous) and of what was released."""
    folder, digest = course.folder("submitted", student, name), hashlib.sha256(released.encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder)} {path.stat().st_size}".encode())
            with path.open("rb") as file:
                digest.update(file.read(20 * MB))
    return digest.hexdigest()


@contextlib.contextmanager
def _alone(path: Path, name: str) -> Iterator[None]:
    """See that nobody else grades the same assignment meanwhile. The system lets go of the lock with the process."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CourseError(f"{name} is being graded by another command; wait for it, or end it.") from error
        yield


def _write_down(course: Course, name: str, graded: GradedSubmission) -> None:
    """Put the autograded notebooks and the marks where nbgrader has them."""
    folder = course.folder("autograded", graded.student, name)
    fresh = folder.with_name(f".{folder.name}.new")
    try:
        with warnings.catch_warnings(), course.gradebook() as book:
            warnings.simplefilter("ignore")  # nbgrader's own, of SQLAlchemy
            shutil.rmtree(fresh, ignore_errors=True)
            if graded.marks is None:
                shutil.rmtree(folder, ignore_errors=True)
                forget_marks(book, name, [graded.student])
                return
            for relative, content in (graded.files or {}).items():
                path = fresh / relative
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                path.chmod(0o664 if course.directory.groupshared else 0o444)
            shutil.rmtree(folder, ignore_errors=True)
            fresh.mkdir(parents=True, exist_ok=True)
            fresh.rename(folder)
            record_marks(book, name, graded.student, graded.marks)
    except (OSError, SQLAlchemyError) as error:
        shutil.rmtree(fresh, ignore_errors=True)
        words = error.strerror if isinstance(error, OSError) else str(error).partition("\n")[0]
        raise CourseError(
            f"What came of {graded.student} could not be written into {course.directory.root}: {words}. What was "
            "graded before it is kept. Make room or make it writable, then give the same command again."
        ) from error


def _checked(results: Iterator[GradedSubmission]) -> Iterator[GradedSubmission]:
    """Each student once, whoever may have graded them twice."""
    seen = set()
    for graded in results:
        if graded.student not in seen:
            seen.add(graded.student)
            yield graded


def _report(course: Course, name: str, record: _Record, handed_in: list[str]) -> ClassReport:
    report = ClassReport(name)
    with course.gradebook() as book:
        report.most = book.find_assignment(name).max_score
        report.unread = {row.student.id for row in book.find_assignment(name).submissions if row.needs_manual_grade}
        scores = {row.student.id: max(0.0, row.score - row.late_submission_penalty)
                  for row in book.find_assignment(name).submissions}  # fmt: skip
        everybody = [student.id for student in book.students]
    for student in handed_in:
        line = record.lines.get(student)
        if line and line["problem"]:
            report.problems[student] = line["problem"]
        elif student in scores and (line or course.folder("autograded", student, name).is_dir()):
            report.scores[student] = scores[student]
            report.notes[student] = tuple(Note(**note) for note in line["notes"]) if line else ()
        else:
            report.problems[student] = "nobody has graded it yet; give the same command again"
    for notebook, stubs in course.sources(name).items():
        paths = {student: course.folder("submitted", student, name) / f"{notebook}.ipynb" for student in report.scores}
        books = {student: path.read_bytes() for student, path in paths.items() if path.is_file()}
        report.hints += submission_hints(books, stubs)
    report.unread &= report.scores.keys()
    report.missing = [student for student in everybody if student not in handed_in]
    return report
