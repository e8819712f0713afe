"""`collect` and `marks`: Moodle's and Canvas's archives into nbgrader's folders, its marks into their rosters.

The oracle is nbgrader: its own `zip_collect` writes the folders, and its gradebook reads the times.
"""

from __future__ import annotations

import csv
import shutil
import zipfile
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from course_lib.errors import CourseError
from course_lib.exercises.grading.class_roster import Roster, read_roster
from course_lib.exercises.grading.collecting import CollectReport, collect

from .conftest import Command
from .hand_ins import POINTS

MOODLE = """Identifier,Full name,Email address,Grade,Maximum Grade
Participant 101,José Núñez,jose@uni.example,,16.00
Participant 102,Anna Weiß,anna@uni.example,,16.00
Participant 103,Jane Doe,jane@uni.example,,16.00
Participant 104,Max Late,max@uni.example,,16.00
"""


@pytest.fixture
def folder(handed_in: Path, tmp_path: Path) -> Path:
    """The course's folder before anybody has handed in."""
    return Path(shutil.copytree(handed_in, tmp_path / "course", ignore=shutil.ignore_patterns("submitted")))


@pytest.fixture
def roster(tmp_path: Path) -> Roster:
    (tmp_path / "roster.csv").write_text(MOODLE, encoding="utf-8")
    return read_roster(tmp_path / "roster.csv")


def archive(path: Path, files: dict[str, bytes], hour: int = 12) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for name, content in files.items():
            made.writestr(zipfile.ZipInfo(name, (2026, 3, 1, hour, 30, 0)), content)
    return path


def book(handed_in: Path, name: str) -> bytes:
    return (handed_in / "submitted" / name / "hw" / "hw.ipynb").read_bytes()


def submitted(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder / "submitted").as_posix(): path.read_bytes()
            for path in folder.glob("submitted/*/*/*") if path.suffix == ".ipynb"}  # fmt: skip


def test_a_moodle_archive(folder: Path, handed_in: Path, roster: Roster, tmp_path: Path) -> None:
    """Whatever a browser or Colab made of the name; what is another notebook, or nobody's, is named."""
    right, wrong = book(handed_in, "solution"), book(handed_in, "mistaken")
    moodle = archive(tmp_path / "moodle.zip", {
        "José Núñez_101_assignsubmission_file_/Copy of hw.ipynb": right,
        "Anna Weiß_102_assignsubmission_file_/hw (1).ipynb.txt": wrong,
        "Jane Doe_103_assignsubmission_file_/essay.ipynb": b'{"cells": []}',
        "Jane Doe_103_assignsubmission_file_/picture.png": b"png",
        "Who Else_999_assignsubmission_file_/hw.ipynb": right,
        "../../hw.ipynb": right,
    })  # fmt: skip
    report = collect("hw", [moodle], course=folder, roster=roster)
    assert submitted(folder) == {"jose@uni.example/hw/hw.ipynb": right, "anna@uni.example/hw/hw.ipynb": wrong}
    assert report.missing == ["jane@uni.example", "max@uni.example"]
    reasons = {place.rpartition("/")[2]: reason for place, reason in report.left}
    assert "none of the assignment's cells" in reasons["essay.ipynb"] and "no" in reasons["picture.png"]
    assert len(report.left) == 4 and "leads out of the archive" in str(report)
    assert not list(tmp_path.glob("*.ipynb")) and not list(folder.glob("*/hw.ipynb"))
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as gradebook:
        student = gradebook.find_student("jose@uni.example")
        assert (student.first_name, student.last_name, student.email) == ("José", "Núñez", "jose@uni.example")
    again = collect("hw", [moodle], course=folder, roster=roster)
    assert again.collected == [] and len(again.unchanged) == 2


def test_two_of_one_student_and_a_second_round(folder: Path, handed_in: Path, roster: Roster, tmp_path: Path) -> None:
    """The newest counts, by its time, then by its number; what was collected is kept until it may be replaced."""
    names = ("solution", "mistaken", "untouched")
    right, wrong, empty = (book(handed_in, name) for name in names)
    who = "Jane Doe_103_assignsubmission_file_"
    first = archive(tmp_path / "1.zip", {f"{who}/hw (2).ipynb": wrong, f"{who}/hw.ipynb": empty})
    report = collect("hw", [first], course=folder, roster=roster)
    place = "jane@uni.example/hw/hw.ipynb"
    assert submitted(folder) == {place: wrong} and "the last by its name" in report.notes[0][1]
    later = archive(tmp_path / "2.zip", {f"{who}/hw.ipynb": right}, hour=18)
    report = collect("hw", [later], course=folder, roster=roster)
    assert submitted(folder) == {place: wrong} and "--replace" in report.notes[0][1]
    collect("hw", [first, later], course=folder, roster=roster, replace=True, zone="Europe/Berlin")
    assert submitted(folder) == {place: right}
    assert (folder / "submitted/jane@uni.example/hw/timestamp.txt").read_text() == "2026-03-01 17:30:00"


def test_canvas_without_a_roster(folder: Path, handed_in: Path, tmp_path: Path) -> None:
    canvas = archive(
        tmp_path / "submissions.zip",
        {
            "doejane_9001_77_hw-1.ipynb": book(handed_in, "solution"),
            "maxlate_LATE_9002_78_hw.ipynb": book(handed_in, "untouched"),
        },
    )
    report = collect("hw", [canvas], course=folder)
    assert report.collected == ["doejane_9001", "maxlate_9002"] and ("maxlate_9002", "late") in report.notes


def test_a_folder_of_downloads(folder: Path, handed_in: Path, tmp_path: Path) -> None:
    downloads = tmp_path / "downloads"
    for name in ("jdoe/hw.ipynb", "hw_anna.ipynb", "max_hw (1).ipynb", "hw.ipynb"):
        (downloads / name).parent.mkdir(parents=True, exist_ok=True)
        (downloads / name).write_bytes(book(handed_in, "solution"))
    report = collect("hw", [downloads], course=folder)
    assert report.collected == ["anna", "jdoe", "max"] and [place for place, _ in report.left] == ["hw.ipynb"]


def test_mistakes_are_said(folder: Path, tmp_path: Path) -> None:
    for arguments, words in (({"name": "hw9"}, "has no 'hw9'"), ({"zone": "Mars"}, "no time zone"),
                             ({"sources": [tmp_path / "none.zip"]}, "There is no"),
                             ({"course": tmp_path / "x"}, "not a folder")):  # fmt: skip
        given = {"name": "hw", "sources": [], "course": folder} | arguments
        with pytest.raises(CourseError, match=words):
            collect(given.pop("name"), given.pop("sources"), **given)
    assert isinstance(collect("hw", [], course=folder), CollectReport)


def test_from_the_archive_to_the_marks(folder: Path, handed_in: Path, run_in: Command, tmp_path: Path) -> None:
    """The three commands, as an instructor gives them."""
    (tmp_path / "roster.csv").write_text(MOODLE, encoding="utf-8")
    moodle = archive(tmp_path / "moodle.zip", {
        "José Núñez_101_assignsubmission_file_/hw.ipynb": book(handed_in, "solution"),
        "Anna Weiß_102_assignsubmission_file_/hw.ipynb": b"{", "Jane_103_assignsubmission_file_/hw.ipynb":
        book(handed_in, "untouched"),
    })  # fmt: skip
    said = run_in(folder, "course_lib", "collect", "hw", str(moodle), "--roster", str(tmp_path / "roster.csv"))
    assert "2 collected" in said and "it is broken" in said and "max@uni.example" in said
    run_in(folder, "course_lib", "grade", "hw", "--workers", "1")
    said = run_in(folder, "course_lib", "marks", "hw", "--roster", str(tmp_path / "roster.csv"))
    assert "2 have a mark, 2 have none" in said
    with (folder / "import_hw.csv").open(encoding="utf-8") as file:
        marks = {row["Identifier"]: row["Grade"] for row in csv.DictReader(file)}
    full = str(sum(POINTS.values()))
    assert marks == {"Participant 101": full, "Participant 102": "", "Participant 103": "0", "Participant 104": ""}
