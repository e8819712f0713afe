"""Archives as Moodle and Canvas make them, rosters as they export them: whose is what, and the marks' way back.

The layouts are those of the two programs' own documentation and downloads, names shortened.
"""

from __future__ import annotations

import csv
import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.errors import CourseError
from course_lib.exercises.grading.class_roster import read_roster
from course_lib.exercises.grading.handed_in_files import HandedIn, handed_in_files

MOST = 2**20
WORKSHEET = (
    "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Last modified (grade)\n"
    "Participant 101,José Núñez,jose@uni.example,Submitted for grading,,16.00,-\n"
    "Participant 102,Anna Maria Weiß,anna@uni.example,Submitted for grading,,16.00,-\n"
    "Participant 103,Jane Doe,jane@uni.example,No submission,,16.00,-\n"
)
CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,hw (4711),Final Score\n"
    "    Points Possible,,,,,16,(read only)\n"
    '"Doe, Jane",9001,u1,jdoe,A,,55\n'
    '"Núñez, José",9002,u2,jnunez,A,3,60\n'
    '"Student, Test",9003,,test,A,,\n'
)


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 3, 1, 12, 30, 0)), content)
    return path


def found(path: Path) -> dict[str, HandedIn]:
    return {file.place: file for file in handed_in_files(path, most=MOST)}


def test_moodle(tmp_path: Path) -> None:
    """With folders, with one long name, and as newer versions write it, without the last underscore."""
    path = zipped(tmp_path / "a.zip", {
        "José Núñez_101_assignsubmission_file_/hw.ipynb": b"1", "Anna_B_102_assignsubmission_file_hw (1).ipynb": b"2",
        "Jane Doe_103_assignsubmission_file/data/hw.ipynb": b"3", "__MACOSX/x/._hw.ipynb": b"",
    })  # fmt: skip
    who = [(file.name, file.number, file.file, file.content) for file in found(path).values()]
    assert who == [("José Núñez", "101", "hw.ipynb", b"1"), ("Anna_B", "102", "hw (1).ipynb", b"2"),
                   ("Jane Doe", "103", "hw.ipynb", b"3")]  # fmt: skip


def test_canvas(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"doejane_9001_77_hw-2.ipynb": b"1", "nunezjose_LATE_9002_78_my_hw.ipynb": b"2"})
    who = [(file.name, file.number, file.file, file.late) for file in found(path).values()]
    assert who == [("doejane", "9001", "hw-2.ipynb", False), ("nunezjose", "9002", "my_hw.ipynb", True)]
    assert str(found(path)["doejane_9001_77_hw-2.ipynb"].time) == "2026-03-01 12:30:00"


def test_a_students_own_archive_is_opened(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", {"my work/hw.ipynb": b"1", "my work/notes.txt": b"2"}).read_bytes()
    path = zipped(tmp_path / "a.zip", {"Jane Doe_103_assignsubmission_file_/hw.zip": inner, "jdoe.zip": inner})
    who = {(file.name, file.number, file.content) for file in found(path).values()}
    assert who == {
        (name, number, text) for name, number in (("Jane Doe", "103"), ("jdoe", "")) for text in (b"1", b"2")
    }


def test_a_tar_archive_and_a_folder(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("jdoe/hw.ipynb")
        entry.size = 1
        archive.addfile(entry, io.BytesIO(b"1"))
        link = tarfile.TarInfo("other/hw.ipynb")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    [file] = found(tmp_path / "a.tar.gz").values()
    assert (file.name, file.content) == ("jdoe", b"1")
    (tmp_path / "folder" / "jdoe").mkdir(parents=True)
    (tmp_path / "folder" / "jdoe" / "hw.ipynb").write_bytes(b"1")
    (tmp_path / "folder" / "link.ipynb").symlink_to("/etc/passwd")
    [file] = found(tmp_path / "folder").values()
    assert (file.name, file.content) == ("jdoe", b"1")


def test_what_climbs_is_too_large_or_broken_is_named(tmp_path: Path) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("hw.ipynb", b"0" * (5 * MOST))
    path = zipped(tmp_path / "a.zip", {
        "../../etc/hw.ipynb": b"1", "/root/hw.ipynb": b"1", "..\\up\\hw.ipynb": b"1",
        "jdoe/hw.ipynb": b"x" * (MOST + 1), "bomb.zip": bomb.getvalue(), "empty.zip": b"PK", "fine/hw.ipynb": b"1",
    })  # fmt: skip
    files = list(found(path).values())
    assert [file.place for file in files if not file.problem] == ["fine/hw.ipynb"]
    assert all(file.content == b"" for file in files if file.problem)
    words = " ".join(file.problem for file in files)
    assert words.count("leads out of the archive") == 3 and words.count("the limit is 1 MB") == 2
    assert "cannot be opened as an archive" in words
    with pytest.raises(CourseError, match="cannot be opened as an archive"):
        found(tmp_path / "a.zip.gz") if (tmp_path / "a.zip.gz").write_bytes(b"no archive") else None
    with pytest.raises(CourseError, match="There is no"):
        found(tmp_path / "missing.zip")


@given(st.binary(max_size=300))
def test_no_bytes_are_a_traceback(content: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for name in ("a.zip", "a.tar.gz", "roster.csv"):
            path = Path(folder, name)
            path.write_bytes(content)
            try:
                found(path) if name != "roster.csv" else read_roster(path)
            except CourseError as problem:
                assert len(str(problem)) < 700


# -- rosters ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_moodle_worksheet_in_any_encoding(tmp_path: Path, encoding: str, separator: str) -> None:
    path = tmp_path / "roster.csv"
    path.write_bytes(WORKSHEET.replace(",", separator).encode(encoding))
    roster = read_roster(path)
    assert [(person.id, person.name) for person in roster.people][:2] == [
        ("jose@uni.example", "José Núñez"), ("anna@uni.example", "Anna Maria Weiß")]  # fmt: skip
    for number, name, who in (("101", "", "jose"), ("", "Jose Nunez", "jose"), ("", "Weiß Anna Maria", "anna"),
                              ("999", "Jane Doe", "jane"), ("", "jane@uni.example", "jane")):  # fmt: skip
        person = roster.find(number=number, name=name)
        assert person is not None and person.id == f"{who}@uni.example"
    assert roster.find(number="999", name="Nobody") is None and roster.find() is None


def test_a_moodle_worksheet_with_marks(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(WORKSHEET, encoding="utf-8")
    text = read_roster(tmp_path / "r.csv").filled("hw", {"jose@uni.example": 12.5, "anna@uni.example": 0}, 16)
    table = list(csv.DictReader(io.StringIO(text)))
    assert list(table[0]) == WORKSHEET.splitlines()[0].split(",")
    assert [(row["Identifier"], row["Grade"]) for row in table] == [
        ("Participant 101", "12.5"), ("Participant 102", "0"), ("Participant 103", "")]  # fmt: skip


def test_a_canvas_gradebook(tmp_path: Path) -> None:
    """The columns that Canvas asks for, the assignment's own with its number, and no mark where there is none."""
    (tmp_path / "r.csv").write_text(CANVAS, encoding="utf-8")
    roster = read_roster(tmp_path / "r.csv")
    assert [person.id for person in roster.people] == ["jdoe", "jnunez"]
    for number, name in (("9001", ""), ("", "doejane"), ("", "Jane Doe"), ("", "jdoe")):
        person = roster.find(number=number, name=name)
        assert person is not None and person.id == "jdoe"
    table = list(csv.reader(io.StringIO(roster.filled("hw", {"jdoe": 9}, 16))))
    assert table == [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "hw (4711)"],
                     ["    Points Possible", "", "", "", "", "16"], ["Doe, Jane", "9001", "u1", "jdoe", "A", "9"],
                     ["Núñez, José", "9002", "u2", "jnunez", "A", "3"]]  # fmt: skip


def test_two_people_of_one_name_are_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("student_id,First name,Last name\na1,Jane,Doe\na2,Jane,Doe\n", encoding="utf-8")
    assert read_roster(tmp_path / "r.csv").find(name="Jane Doe") is None


@pytest.mark.parametrize(("text", "words"), [
    ("", "not a CSV file"), ("colour,size\nred,3\n", "has no column that names students. It has: colour, size"),
    ("student_id\n", "no students below it"), ("student_id\na\nb\na\n", "'a' in column 'student_id' more than once"),
    ("student_id\n../../etc\n", "cannot be a folder's name"), ("PK\x03\x04\0\0\0", "not a CSV file"),
])  # fmt: skip
def test_what_is_no_roster_is_said(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "r.csv").write_text(text, encoding="utf-8")
    with pytest.raises(CourseError, match=words):
        read_roster(tmp_path / "r.csv")
    with pytest.raises(CourseError, match="cannot be read: No such file"):
        read_roster(tmp_path / "none.csv")
    (tmp_path / "good.csv").write_text("student_id\na\n", encoding="utf-8")
    with pytest.raises(CourseError, match="has no column 'login'"):
        read_roster(tmp_path / "good.csv", column="login")


def test_a_formula_is_not_handed_on(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("student_id,Full name\na,=1+1\nb,@x\nc,-3\n", encoding="utf-8")
    table = list(csv.DictReader(io.StringIO(read_roster(tmp_path / "r.csv").filled("hw", {}, 3))))
    assert [row["Full name"] for row in table] == ["'=1+1", "'@x", "-3"]
