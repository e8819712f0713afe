"""A course's folder: where nbgrader's settings have things, and what its gradebook knows of an assignment."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import AutogradeApp
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import SQLAlchemyError

from course_lib.errors import CourseError, closest
from course_lib.exercises.grading.gradebook_rows import share_engines

__all__ = ["Course"]


class Course:
    """A course's folder, as nbgrader's settings describe it.

    Args:
        folder: the one with ``nbgrader_config.py`` and ``gradebook.db``.

    Raises:
        CourseError: there is no gradebook in it.
    """

    def __init__(self, folder: Path = Path()) -> None:
        if not folder.is_dir():
            raise CourseError(f"{folder} is not a folder; give the course's, which holds gradebook.db.")
        self._folder = folder.resolve()
        app = AutogradeApp()
        with self.inside():
            app.initialize([f"--CourseDirectory.root={self._folder}", "--Application.log_level=50"])
        self.settings = {name: dict(part) for name, part in app.config.items()}
        self.directory: CourseDirectory = app.coursedir
        app.reset()
        AutogradeApp.clear_instance()
        file = self.directory.db_url.removeprefix("sqlite:///")
        if file != self.directory.db_url and not Path(file).exists():
            raise CourseError(
                f"There is no gradebook {file}: is {self._folder} the course's folder? "
                "nbgrader generate_assignment makes it."
            )

    @contextlib.contextmanager  # Python 3.10 has no contextlib.chdir
    def inside(self) -> Iterator[None]:
        """Work in the folder, where nbgrader looks for its settings."""
        before = Path.cwd()
        os.chdir(self._folder)
        try:
            yield
        finally:
            os.chdir(before)

    def gradebook(self) -> Gradebook:
        """The gradebook, to be used in ``with``."""
        share_engines()
        try:
            return Gradebook(self.directory.db_url, self.directory.course_id)
        except SQLAlchemyError as error:
            raise CourseError(f"{self.directory.db_url} isn't a gradebook that nbgrader can open.") from error

    def cells(self, assignment: str) -> dict[str, frozenset[str]]:
        """The assignment's notebooks, and the nbgrader ids of the answers and tests in each."""
        with self.gradebook() as book:
            try:
                return {
                    notebook.name: frozenset(
                        cell.name for cell in [*notebook.grade_cells, *notebook.solution_cells, *notebook.task_cells]
                    )
                    for notebook in book.find_assignment(assignment).notebooks
                }
            except MissingEntry:
                known = [row.name for row in book.assignments]
                raise CourseError(
                    f"The gradebook {self.directory.db_url} has no {assignment!r}, only {', '.join(known) or 'none'}."
                    f"{closest(assignment, known)} nbgrader generate_assignment {assignment} puts it there."
                ) from None
            except SQLAlchemyError as error:
                raise CourseError(
                    f"{self.directory.db_url} was made by a different version of nbgrader; keep a copy, "
                    "then: nbgrader db upgrade."
                ) from error

    def sources(self, assignment: str) -> dict[str, dict[str, str]]:
        """The assignment's notebooks, and the released text of each one's cells by their nbgrader ids."""
        with self.gradebook() as book:
            return {
                notebook.name: {cell.name: cell.source or "" for cell in notebook.source_cells}
                for notebook in book.find_assignment(assignment).notebooks
            }

    def due(self, assignment: str) -> datetime | None:
        """When the assignment is due (UTC), None where nobody has said so."""
        with self.gradebook() as book:
            date: datetime | None = book.find_assignment(assignment).duedate
            return date

    def folder(self, step: str, student: str, assignment: str) -> Path:
        """Where nbgrader keeps something: ``step`` is "source", "submitted" or "autograded"."""
        place = getattr(self.directory, f"{step}_directory")
        return Path(self.directory.format_path(place, student, assignment))

    def students(self, assignment: str) -> list[str]:
        """Who handed in an assignment, by the folders of what was submitted."""
        before, _, after = str(self.folder("submitted", "*", assignment)).partition("*")
        start = self._folder / before
        if not start.is_dir():
            return []
        return sorted(path.name for path in start.iterdir() if Path(f"{path}{after}").is_dir())
