"""A class's roster: the CSV file that Moodle or Canvas exports, read for collecting, and filled with marks to import.

The columns say what it is. Moodle: the grading worksheet of an assignment (Identifier, Full name, Email address …),
a participants' or grader report (First name, Last name, Email address, ID number …). Canvas: the gradebook's export
(Student, ID, SIS User ID, SIS Login ID, Section). A file of one's own needs a column student_id.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CourseError

__all__ = ["Person", "Roster", "read_roster"]

#: Columns that name a student, the best first. The first one that a roster has is the student's id in nbgrader.
_IDS = ("student_id", "SIS Login ID", "Username", "ID number", "SIS User ID", "Email address", "Email", "Identifier",
        "ID")  # fmt: skip
_ALIASES = {
    "student id": "student_id", "e-mail": "Email", "email": "Email", "surname": "Last name", "lastname": "Last name",
    "last_name": "Last name", "firstname": "First name", "first_name": "First name", "forename": "First name",
    "e-mail address": "Email address", "name": "Full name", "user name": "Username", "login": "Username",
}  # fmt: skip
_KNOWN = {name.casefold(): name for name in (*_IDS, "Student", "Section", "Full name", "First name", "Last name",
                                              "Grade", "Maximum Grade", "Status")}  # fmt: skip
_SIZE = 20 * 2**20


@dataclass(frozen=True)
class Person:
    """A student of the roster.

    Attributes:
        id: what nbgrader calls them.
        name: first name and last name.
        row: the roster's cells, by column.
    """

    id: str
    name: str
    row: Mapping[str, str]


@dataclass(frozen=True)
class Roster:
    """The students, in the file's order, and how the file is written."""

    path: Path
    columns: tuple[str, ...]
    people: tuple[Person, ...]
    above: tuple[tuple[str, ...], ...] = ()  # rows that are nobody's, such as Canvas's "Points Possible"

    def find(self, *, number: str = "", name: str = "") -> Person | None:
        """Who has a number of Moodle's or Canvas's, or a name that nobody else has; None where it is not sure.

        Args:
            number: Moodle's participant number or Canvas's id.
            name: a full name, or Canvas's form of it: last and first name in small letters and without spaces.
        """
        if number:
            for column, form in (("Identifier", "{}"), ("Identifier", "Participant {}"), ("ID", "{}")):
                for person in self.people:
                    if person.row.get(column, "").casefold() == form.format(number).casefold():
                        return person
        for key in (name, name.replace("_", " ")):
            same = [person for person in self.people if key and key in (person.id, person.row.get("Email address"))]
            same = same or [person for person in self.people if _letters(key) and _letters(key) in _names(person)]
            if len(same) == 1:
                return same[0]
        return None

    def filled(self, assignment: str, scores: Mapping[str, float], most: float) -> str:
        """The roster with a column of marks, as Moodle and Canvas import it.

        Args:
            assignment: the column's name where there is none for it yet.
            scores: student's id → points. Who has none stays empty, which leaves the mark there as it is.
            most: the points that there are.
        """
        canvas = "Student" in self.columns and "ID" in self.columns
        column = _grade_column(self.columns, assignment)
        kept = self.columns
        if canvas:
            kept = tuple(name for name in ("Student", "ID", "SIS User ID", "SIS Login ID", "Section") if name in kept)
        if column not in kept:
            kept = (*kept, column)
        text = io.StringIO()
        table = csv.DictWriter(text, kept, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        if canvas:
            table.writerow({"Student": "    Points Possible", column: f"{most:g}"})
        for person in self.people:
            score = scores.get(person.id)
            row = dict(person.row) | ({} if score is None else {column: f"{score:g}"})
            if "Maximum Grade" in kept:
                row["Maximum Grade"] = row.get("Maximum Grade") or f"{most:g}"
            table.writerow({key: _plain(value) for key, value in row.items()})
        return text.getvalue()


def read_roster(path: Path, *, column: str = "") -> Roster:
    """Read a roster.

    Args:
        path: a CSV file with commas, semicolons or tabs, in UTF-8, UTF-16 or Windows's encoding.
        column: the one that holds the students' ids; found by its name when left out.

    Raises:
        CourseError: the file cannot be read, has no column that names students, or an id that two rows share.
    """
    try:
        content = path.read_bytes()[:_SIZE]
    except OSError as error:
        raise CourseError(f"The roster {path} cannot be read: {error.strerror}.") from error
    text = _decoded(content)
    if "\0" in text or not text.strip():
        raise CourseError(f"The roster {path} is not a CSV file. In a spreadsheet: save it as CSV (UTF-8).")
    first = text.lstrip().splitlines()[0]
    separator = max(",;\t", key=first.count)
    try:
        lines = [[cell.strip() for cell in line] for line in csv.reader(io.StringIO(text), delimiter=separator)]
    except csv.Error as error:
        raise CourseError(f"The roster {path} is not a CSV file that can be read: {error}.") from error
    lines = [line for line in lines if any(line)]
    columns = tuple(_column(cell) for cell in (lines or [[]])[0])
    if column and _column(column) not in columns:
        raise CourseError(f"The roster {path} has no column {column!r}, only: {', '.join(columns)[:200]}.")
    own = _column(column) if column else next((name for name in _IDS if name in columns), "")
    if not own:
        raise CourseError(
            f"The roster {path} has no column that names students. It has: {', '.join(columns)[:200]}. Expected is one "
            f"of {', '.join(_IDS)}: export it from Moodle or Canvas, or give --id COLUMN."
        )
    people, above = [], []
    for line in lines[1:]:
        row = dict(zip(columns, [*line, *[""] * len(columns)], strict=False))
        if not row[own] or row.get("Student", "").strip() in ("Points Possible", "Student, Test"):
            above.append(tuple(line))
            continue
        people.append(Person(_id(row[own], path), _full_name(row), row))
    twice = [name for name, times in Counter(person.id for person in people).items() if times > 1]
    if twice:
        raise CourseError(f"The roster {path} has {twice[0]!r} in column {own!r} more than once: ids must differ.")
    if not people:
        raise CourseError(f"The roster {path} has a heading, but no students below it.")
    return Roster(path, columns, tuple(people), tuple(above))


def _decoded(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _column(name: str) -> str:
    key = name.strip().strip("\ufeff").casefold()
    return _ALIASES.get(key) or _KNOWN.get(key) or name.strip()


def _id(name: str, path: Path) -> str:
    if re.search(r"[/\\\0*?\[\]]", name) or name.startswith(".") or len(name.encode()) > 100:
        raise CourseError(f"The roster {path} has {name[:60]!r} for an id, which cannot be a folder's name.")
    return name


def _full_name(row: Mapping[str, str]) -> str:
    if row.get("Student"):  # Canvas: "Doe, Jane"
        last, comma, first = row["Student"].partition(",")
        return f"{first.strip()} {last.strip()}" if comma else last.strip()
    return row.get("Full name") or f"{row.get('First name', '')} {row.get('Last name', '')}".strip()


def _letters(name: str) -> str:
    """A name without accents, spaces and signs, in small letters."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


def _names(person: Person) -> set[str]:
    """A person's names as archives write them: first name first, or last name first."""
    words = person.name.split()
    turns = {" ".join([*words[place:], *words[:place]]) for place in range(len(words))}
    return {_letters(name) for name in (*turns, person.row.get("Student", "")) if name}


def _grade_column(columns: tuple[str, ...], assignment: str) -> str:
    named = re.compile(rf"(Assignment: *)?{re.escape(assignment)}( *\([^)]*\))?", re.IGNORECASE)
    for column in columns:  # Canvas: "hw1 (123456)"; Moodle's grader report: "Assignment: hw1 (Real)"
        if named.fullmatch(column):
            return column
    return "Grade" if "Grade" in columns else assignment


def _plain(value: str) -> str:
    """A cell that a spreadsheet does not take for a formula."""
    return f"'{value}" if re.match(r"[=@]|[+-](?![\d.,]+$)", value) else value
