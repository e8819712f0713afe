"""What an assignment and a submission are in nbgrader's gradebook, taken out of one and put into another.

A submission is graded with a small gradebook of its own, made by ``blank_gradebook``: so several can be graded at once.
``read_marks`` takes its marks out, and ``record_marks`` puts them where nbgrader would have put them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nbgrader import api
from nbgrader.api import Base, Gradebook, MissingEntry
from sqlalchemy import create_engine

__all__ = ["Mark", "NotebookMarks", "SubmissionMarks", "blank_gradebook", "read_marks", "record_marks", "share_engines"]


@dataclass(frozen=True)
class Mark:
    """What nbgrader gave for a cell.

    Attributes:
        cell: the cell's nbgrader id.
        points: None where a person has to look.
        needs_person: whether one has to.
    """

    cell: str
    points: float | None
    needs_person: bool


@dataclass(frozen=True)
class NotebookMarks:
    """The marks of one notebook, nbgrader's comments by their cells, and the penalty for being late."""

    name: str
    marks: tuple[Mark, ...]
    comments: tuple[tuple[str, str | None], ...]
    penalty: float | None


@dataclass(frozen=True)
class SubmissionMarks:
    """The marks of a submission, and when it was handed in (UTC), where that is known."""

    notebooks: tuple[NotebookMarks, ...]
    timestamp: datetime | None


def share_engines() -> None:
    """Let nbgrader keep one SQLAlchemy engine for each gradebook in this process.

    It opens the gradebook eleven times for a submission, and a new engine puts every query into SQL anew.
    """
    if not hasattr(api.create_engine, "cache_info"):
        api.create_engine = functools.cache(api.create_engine)


def blank_gradebook(source: Gradebook, assignment: str, path: Path) -> None:
    """Make a gradebook that holds one assignment and no submission.

    Args:
        source: the course's gradebook, which has the assignment.
        assignment: its name.
        path: the SQLite file to make.
    """
    address = f"sqlite:///{path}"
    engine = create_engine(address)
    Base.metadata.create_all(engine)  # nbgrader would call alembic for a new file
    engine.dispose()
    released = source.find_assignment(assignment)
    with Gradebook(address) as book:
        book.add_assignment(assignment, duedate=released.duedate)
        for notebook in released.notebooks:
            book.add_notebook(notebook.name, assignment, kernelspec=notebook.kernelspec)
            here = (notebook.name, assignment)
            for cell in notebook.grade_cells:
                book.add_grade_cell(cell.name, *here, **_columns(cell, "max_score", "cell_type"))
            for cell in notebook.solution_cells:
                book.add_solution_cell(cell.name, *here)
            for cell in notebook.task_cells:
                book.add_task_cell(cell.name, *here, **_columns(cell, "max_score", "cell_type"))
            for cell in notebook.source_cells:
                columns = _columns(cell, "cell_type", "locked", "source", "checksum")
                book.add_source_cell(cell.name, *here, **columns)


def read_marks(book: Gradebook, assignment: str, student: str) -> SubmissionMarks:
    """A submission's marks, as nbgrader has written them into a gradebook."""
    submission = book.find_submission(assignment, student)
    notebooks = []
    for notebook in submission.notebooks:
        marks = tuple(Mark(grade.name, grade.auto_score, grade.needs_manual_grade) for grade in notebook.grades)
        comments = tuple((comment.name, comment.auto_comment) for comment in notebook.comments)
        notebooks.append(NotebookMarks(notebook.name, marks, comments, notebook.late_submission_penalty))
    return SubmissionMarks(tuple(notebooks), submission.timestamp)


def record_marks(book: Gradebook, assignment: str, student: str, submission: SubmissionMarks) -> None:
    """Write a submission's marks into a gradebook. What a person has given is left alone and marked for a new look."""
    book.update_or_create_student(student)
    when = {"timestamp": submission.timestamp} if submission.timestamp else {}
    row = book.update_or_create_submission(assignment, student, **when)
    for notebook in submission.notebooks:
        own = next(own for own in row.notebooks if own.name == notebook.name)
        grades = {grade.name: grade for grade in own.grades}
        for mark in notebook.marks:
            grade = grades[mark.cell]
            grade.auto_score = mark.points
            grade.needs_manual_grade = mark.needs_person or grade.manual_score is not None
        comments = {comment.name: comment for comment in own.comments}
        for cell, words in notebook.comments:
            comments[cell].auto_comment = words
        own.late_submission_penalty = notebook.penalty
    book.db.commit()


def forget_marks(book: Gradebook, assignment: str, students: Iterable[str]) -> None:
    """Take submissions out of a gradebook that could not be graded this time."""
    for student in students:
        try:
            submission = book.find_submission(assignment, student)
        except MissingEntry:
            continue
        if all(grade.manual_score is None for notebook in submission.notebooks for grade in notebook.grades):
            book.remove_submission(assignment, student)


def _columns(row: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}
