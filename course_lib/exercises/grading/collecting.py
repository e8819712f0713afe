"""Collect what a class has handed in: ``python -m course_lib collect hw1 submissions.zip --roster roster.csv``.

Which notebook a file is, is seen from the cells in it, so that "Copy of hw1.ipynb" and "hw1 (2).ipynb" are found; whose
it is, from the names that Moodle, Canvas or a folder give. nbgrader's ``zip_collect`` then puts it in its place.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nbgrader.apps.zipcollectapp import ZipCollectApp

from course_lib.errors import CourseError
from course_lib.exercises.grading.class_roster import Roster
from course_lib.exercises.grading.course_folder import Course
from course_lib.exercises.grading.handed_in_files import HandedIn, handed_in_files
from course_lib.tables import text_table

__all__ = ["CollectReport", "collect"]

_COPIED = re.compile(r"(?:copy of|kopie von|copie de|copia de|kopia|cópia de)\s+", re.IGNORECASE)
_AGAIN = re.compile(r"(?:\s*-\s*(?:copy|kopie)|\s+copy|\s*\((\d+)\)|[-_](\d+))+$", re.IGNORECASE)
_NOTEBOOK = re.compile(r"\.ipynb(?:\.(?:txt|json))?$", re.IGNORECASE)
#: How zip_collect reads the folders that are laid out for it.
_LAYOUT = (
    r".*[/\\]extracted[/\\](?P<student_id>[^/\\]+)[/\\](?:t(?P<timestamp>[^/\\]+)[/\\])?(?P<file_id>[^/\\]+)\.ipynb"
)


@dataclass
class CollectReport:
    """What was collected.

    Attributes:
        assignment: its name.
        collected: students whose submission is new, or replaced.
        unchanged: students whose submission was there already.
        left: (place, reason) of files that were not taken.
        notes: (student, sentence): late, several notebooks, a submission that was kept.
        missing: students of the roster without a submission.
    """

    assignment: str
    collected: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"{self.assignment}: {len(self.collected)} collected, {len(self.unchanged)} there already, "
            f"{len(self.left)} files not taken"
        ]
        if self.notes:
            lines += ["", text_table(sorted(self.notes), ("student", "look at"), rule=True)]
        if self.left:
            lines += ["", text_table(sorted(self.left), ("file not taken", "reason"), rule=True)]
        if self.missing:
            lines += ["", f"Not handed in ({len(self.missing)}): {', '.join(self.missing)}"]
        return "\n".join(lines)


def collect(
    name: str,
    sources: Sequence[Path],
    *,
    course: Path = Path(),
    roster: Roster | None = None,
    replace: bool = False,
    zone: str = "",
    most: int = 100 * 2**20,
) -> CollectReport:
    """Put what was handed in where nbgrader looks for it.

    Args:
        name: the assignment's.
        sources: archives of Moodle's or Canvas's, folders, notebooks.
        course: the course's folder.
        roster: the class. Without it a student is called as the archive calls them.
        replace: whether a submission that is there already makes way for another one.
        zone: the time zone of the archive's times, such as "Europe/Berlin". Without it no times are written, since an
            archive does not say; nobody is late then, but for Canvas's own mark.
        most: bytes that a file may have.

    Raises:
        CourseError: no such assignment, archive or time zone.
    """
    here = Course(course)
    cells = here.cells(name)
    try:
        times = ZoneInfo(zone) if zone else None
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise CourseError(f"There is no time zone {zone[:40]!r}; write it as Europe/Berlin or UTC.") from error
    report = CollectReport(name)
    found: dict[str, dict[str, list[HandedIn]]] = {}
    for source in sources:
        for file in handed_in_files(source, most=most):
            notebook, reason = _which(file, cells)
            student = _whose(file, notebook, roster) if notebook else ""
            if not student:
                reason = reason or "it fits nobody in the roster, or more than one"
                report.left.append((file.place, reason))
            else:
                found.setdefault(student, {}).setdefault(notebook, []).append(file)
    due = here.due(name)
    taken: dict[str, dict[str, HandedIn]] = {}
    for student, notebooks in sorted(found.items()):
        taken[student] = {}
        for notebook, files in notebooks.items():
            files.sort(key=lambda file: (file.time or datetime.min, _attempt(file.file), file.place))
            taken[student][notebook] = files[-1]
            others = [file for file in files[:-1] if file.content != files[-1].content]
            if others:
                newer = "the newest" if files[-1].time != files[-2].time else "the last by its name"
                report.notes.append((student, f"{len(files)} notebooks; taken is {files[-1].place}, {newer}"))
            if files[-1].late or (times and due and files[-1].time and _utc(files[-1].time, times) > due):
                report.notes.append((student, "late"))
    with tempfile.TemporaryDirectory() as folder:
        for student, books in taken.items():
            _lay_out(here, name, student, books, Path(folder), times, report, replace=replace)
        if report.collected:
            _zip_collect(here, name, Path(folder))
    if roster:
        _enter(here, roster)
        there = set(here.students(name))
        report.missing = [person.id for person in roster.people if person.id not in there]
    return report


# -- which notebook, and whose ----------------------------------------------------------------------------------------
def _which(file: HandedIn, cells: dict[str, frozenset[str]]) -> tuple[str, str]:
    """The assignment's notebook that a file is, or why it is none."""
    if file.problem:
        return "", file.problem
    try:
        book = json.loads(file.content.decode("utf-8-sig"))
        own = {str(cell.get("metadata", {}).get("nbgrader", {}).get("grade_id")) for cell in book["cells"]}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        named = _NOTEBOOK.search(file.file)
        return "", "it is broken: no notebook can be read from it" if named else "it is not a notebook"
    best = max(cells, key=lambda notebook: len(own & cells[notebook]))
    if own & cells[best]:
        return best, ""
    return "", "none of the assignment's cells are in it"


def _whose(file: HandedIn, notebook: str, roster: Roster | None) -> str:
    stem = _AGAIN.sub("", _COPIED.sub("", _NOTEBOOK.sub("", file.file)))
    rest = re.sub(rf"(^|[_ -]){re.escape(notebook)}([_ -]|$)", "", stem, count=1, flags=re.IGNORECASE)
    candidates = [file.name, *(part for part in reversed(file.place.split("/")[:-1])), rest]
    if roster is None:
        name = next((candidate for candidate in candidates if candidate), "")
        name = re.sub(r"[^\w.@-]+", "_", f"{name}_{file.number}" if file.number else name).strip("._")
        return name if name.casefold() != notebook.casefold() else ""
    for candidate in candidates:
        if candidate and (person := roster.find(number=file.number, name=candidate)):
            return person.id
    return ""


def _attempt(name: str) -> int:
    """The number that a browser or Canvas gives a second copy: "hw (2).ipynb", "hw-2.ipynb"."""
    match = _AGAIN.search(_NOTEBOOK.sub("", name))
    return max((int(digits) for digits in match.groups() if digits), default=0) if match else 0


def _utc(time: datetime, zone: ZoneInfo) -> datetime:
    return time.replace(tzinfo=zone).astimezone(timezone.utc).replace(tzinfo=None)


# -- into nbgrader's folders ------------------------------------------------------------------------------------------
def _lay_out(
    course: Course, name: str, student: str, books: dict[str, HandedIn], folder: Path, zone: ZoneInfo | None,
    report: CollectReport, *, replace: bool,
) -> None:  # fmt: skip
    """Write a student's notebooks where zip_collect will find them, unless they are there already."""
    place = course.folder("submitted", student, name)
    before = {path.stem: path.read_bytes() for path in place.glob("*.ipynb")} if place.is_dir() else {}
    if before and all(before.get(notebook) == file.content for notebook, file in books.items()):
        report.unchanged.append(student)
        return
    if any(before.get(notebook, file.content) != file.content for notebook, file in books.items()) and not replace:
        report.notes.append(
            (student, "a different notebook was collected before and is kept; --replace takes this one")
        )
        report.unchanged.append(student)
        return
    times = [_utc(file.time, zone) for file in books.values() if zone and file.time]
    for notebook, content in {**before, **{key: file.content for key, file in books.items()}}.items():
        when = f"t{max(times):%Y%m%dT%H%M%S} UTC" if times else ""
        path = folder / name / "archive" / student / when / f"{notebook}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    report.collected.append(student)


def _zip_collect(course: Course, name: str, folder: Path) -> None:
    app = ZipCollectApp()
    said = io.StringIO()
    with course.inside():
        try:
            root = f"--CourseDirectory.root={course.directory.root}"
            app.initialize([name, "--force", root, "--Application.log_level=50"])
            app.collect_directory_structure = str(folder / "{assignment_id}" / "{collect_step}")
            app.log.addHandler(logging.StreamHandler(said))
            app.config.FileNameCollectorPlugin.named_regexp = _LAYOUT
            app.start()
        except (SystemExit, OSError) as error:
            raise CourseError(f"nbgrader zip_collect stopped: {said.getvalue().strip()[-300:] or error}.") from error
        finally:
            with contextlib.suppress(Exception):
                app.reset()
            ZipCollectApp.clear_instance()


def _enter(course: Course, roster: Roster) -> None:
    """Put the roster's names into the gradebook, so that nbgrader's pages and export have them."""
    with course.gradebook() as book:
        for person in roster.people:
            first, _, last = person.name.rpartition(" ")
            mail = person.row.get("Email address") or person.row.get("Email") or None
            book.update_or_create_student(person.id, first_name=first or None, last_name=last or None, email=mail)
