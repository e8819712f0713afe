"""The marks of a class as files: with the state of every submission, and as Moodle and Canvas import them."""

from __future__ import annotations

import csv
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.exercises.grading.class_grading import ClassReport
from course_lib.exercises.grading.class_roster import Roster

__all__ = ["fill_roster", "write_marks"]


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


def fill_roster(report: ClassReport, roster: Roster, path: Path) -> str:
    """Write the roster with a column of marks; who was not graded, or handed in nothing, has an empty cell.

    Returns:
        A sentence on how many have a mark, and who is graded but not in the roster.

    Raises:
        CourseError: the file cannot be written, or nobody of the roster was graded.
    """
    ids = {person.id for person in roster.people}
    scores = {student: score for student, score in report.scores.items() if student in ids}
    others = sorted(report.scores.keys() - ids)
    if report.scores and not scores:
        raise CourseError(
            f"Nobody of {roster.path} was graded: it has ids such as {min(ids)!r}, the gradebook {others[0]!r}. "
            "Collect with the same roster, or name the column with --id."
        )
    try:
        path.write_text(roster.filled(report.assignment, scores, report.most), encoding="utf-8", newline="")
    except OSError as error:
        raise CourseError(f"{path} cannot be written: {error.strerror}. Close it elsewhere, or give --to.") from error
    unread = sorted(report.unread & scores.keys())
    empty = f"{len(ids) - len(scores)} have none" if len(ids) > len(scores) else "nobody is without one"
    return (
        f"{len(scores)} have a mark, {empty}"
        + (f"; graded but not in the roster: {', '.join(others)[:200]}." if others else ".")
        + (f" {len(unread)} of the marks lack written answers that nobody has read yet." if unread else "")
    )
