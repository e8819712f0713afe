"""The marks of a class as files."""

from __future__ import annotations

import csv
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.exercises.grading.class_grading import ClassReport

__all__ = ["write_marks"]


def write_marks(report: ClassReport, path: Path) -> Path:
    """Write a class's marks as CSV, with the state of each submission; who was not graded has no mark, and never 0.

    Raises:
        CourseError: the file cannot be written.
    """
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(["student_id", "assignment", "score", "max_score", "state", "notes"])
            for student in sorted({*report.scores, *report.problems, *report.missing}):
                score = report.scores.get(student)
                notes = "; ".join(f"{note.cell}: {note.reason}".removeprefix(": ")
                                  for note in report.notes.get(student, ()))  # fmt: skip
                mark = "" if score is None else f"{score:g}"
                table.writerow([student, report.assignment, mark, f"{report.most:g}", report.state(student), notes])
    except OSError as error:
        raise CourseError(f"{path} cannot be written: {error.strerror}. Close it elsewhere, or give --to.") from error
    return path
