"""The notebooks in what was downloaded: an archive of Moodle's or Canvas's, a folder, or single files.

    Moodle    Jane Doe_12345_assignsubmission_file_/hw.ipynb, or the same in one name
    Canvas    doejane_12345_678901_hw.ipynb, doejane_LATE_12345_678901_hw-1.ipynb
    a folder  jdoe/hw.ipynb, jdoe_hw.ipynb, hw_jdoe.ipynb, jdoe.zip

Archives within archives are opened as well. Nothing is unpacked to the disk, so a path that climbs leads nowhere.
"""

from __future__ import annotations

import contextlib
import io
import re
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath

from course_lib.errors import CourseError

__all__ = ["HandedIn", "handed_in_files"]

_MOODLE = re.compile(r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<file>.*)")
_CANVAS = re.compile(r"(?P<name>[^_]+)_(?P<late>LATE_)?(?P<number>\d+)_\d+_(?P<file>.+)")
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz")
_FOREIGN = ("__MACOSX", ".ipynb_checkpoints", ".DS_Store")
_DEPTH = 3
_ENTRIES = 100_000


@dataclass(frozen=True)
class HandedIn:
    """A file that somebody handed in.

    Attributes:
        place: where it was found, for messages: the path in the archive.
        file: its own name, without what Moodle or Canvas put before it.
        name: who it may be from, as the archive says; a full name, or a folder's.
        number: Moodle's participant number or Canvas's id; may be empty.
        late: whether Canvas says that it was late.
        time: the archive's time for it, without a time zone; None where there is none.
        content: the bytes; empty where there is a problem.
        problem: why it cannot be used, a sentence; mostly empty.
    """

    place: str
    file: str
    name: str = ""
    number: str = ""
    late: bool = False
    time: datetime | None = None
    content: bytes = b""
    problem: str = ""


@dataclass(frozen=True)
class _Entry:
    path: PurePosixPath
    time: datetime | None
    content: bytes
    problem: str = ""


def handed_in_files(source: Path, *, most: int) -> Iterator[HandedIn]:
    """Every file in an archive or a folder, with what its name says about the student.

    Args:
        source: a zip or tar archive, a folder, or one notebook.
        most: bytes that a file may have.

    Raises:
        CourseError: there is no such file, or it is an archive that cannot be opened.
    """
    if source.is_dir():
        entries = _of_folder(source, most)
    elif source.suffix.lower() in _ARCHIVES and source.is_file():
        entries = _of_archive(source, most, str(source))
    elif source.is_file():
        entries = iter([_Entry(PurePosixPath(source.name), _modified(source), *_read(source, most))])
    else:
        raise CourseError(f"There is no {source}: give the archive that Moodle or Canvas made, or a folder.")
    yield from _named(entries, most, 0)


def _named(entries: Iterator[_Entry], most: int, depth: int) -> Iterator[HandedIn]:
    for entry in entries:
        parts = entry.path.parts
        if not parts or any(part in _FOREIGN or part.startswith("._") for part in parts):
            continue
        found = _who(entry)
        if ".." in parts or entry.path.is_absolute():
            yield replace(found, content=b"", problem="its path leads out of the archive")
        elif entry.path.suffix.lower() in _ARCHIVES and not entry.problem:
            if depth >= _DEPTH:
                yield replace(found, content=b"", problem="archives in archives in archives are not opened")
                continue
            try:
                for inner in _named(_of_archive(io.BytesIO(entry.content), most, entry.path.name), most, depth + 1):
                    yield _owned(inner, found, entry)
            except CourseError as problem:
                yield replace(found, content=b"", problem=str(problem))
        else:
            yield found


def _owned(inner: HandedIn, outer: HandedIn, entry: _Entry) -> HandedIn:
    """A file in a student's own archive. Whose it is, the archive's name says, where it says anything."""
    name, number = outer.name, outer.number
    if not (name or number):
        name, number = (inner.name, inner.number) if inner.number else (entry.path.name.partition(".")[0], "")
    place = f"{entry.path}/{inner.place}"
    return replace(inner, place=place, late=outer.late or inner.late, name=name, number=number)


def _who(entry: _Entry) -> HandedIn:
    parts = entry.path.parts
    file = parts[-1]
    found = HandedIn(str(entry.path), file, time=entry.time, content=entry.content, problem=entry.problem)
    for place, part in enumerate(parts):
        if match := _MOODLE.fullmatch(part):
            own = match["file"] if place == len(parts) - 1 else file
            return replace(found, file=own, name=match["name"], number=match["number"])
    if match := _CANVAS.fullmatch(file):
        return replace(found, file=match["file"], name=match["name"], number=match["number"], late=bool(match["late"]))
    return replace(found, name=parts[-2] if len(parts) > 1 else "")


# -- the entries of a folder and of an archive ------------------------------------------------------------------------
def _of_folder(folder: Path, most: int) -> Iterator[_Entry]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield _Entry(PurePosixPath(path.relative_to(folder).as_posix()), _modified(path), *_read(path, most))


def _of_archive(source: Path | io.BytesIO, most: int, name: str) -> Iterator[_Entry]:
    try:
        if isinstance(source, io.BytesIO):
            is_zip = zipfile.is_zipfile(source)
            source.seek(0)
        else:
            is_zip = zipfile.is_zipfile(source)
        yield from _of_zip(source, most, name) if is_zip else _of_tar(source, most)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, RuntimeError, NotImplementedError) as error:
        raise CourseError(f"{name} cannot be opened as an archive: {str(error)[:100]}.") from error


def _of_zip(source: Path | io.BytesIO, most: int, name: str) -> Iterator[_Entry]:
    with zipfile.ZipFile(source) as archive:
        entries = archive.infolist()
        if len(entries) > _ENTRIES:
            raise CourseError(f"{name} has {len(entries)} files, more than a class hands in.")
        for entry in entries:
            if entry.is_dir():
                continue
            path = entry.filename
            if not entry.flag_bits & 0x800:  # not marked as UTF-8, which many programs write all the same
                with contextlib.suppress(UnicodeError):
                    path = path.encode("cp437").decode("utf-8")
            try:
                time = datetime(*entry.date_time) if entry.date_time[0] > 1980 else None
            except ValueError:
                time = None
            content, problem = b"", _too_large(entry.file_size, most)
            if not problem:
                try:
                    with archive.open(entry) as file:
                        content = file.read(most + 1)
                    problem = _too_large(len(content), most)
                except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError, ValueError) as error:
                    problem = f"it is damaged or locked with a password ({str(error)[:80]})"
            yield _Entry(PurePosixPath(path.replace("\\", "/")), time, b"" if problem else content, problem)


def _of_tar(source: Path | io.BytesIO, most: int) -> Iterator[_Entry]:
    opened = tarfile.open(source) if isinstance(source, Path) else tarfile.open(fileobj=source)  # noqa: SIM115
    with opened as archive:
        for entry in archive:
            if entry.isfile() and (file := archive.extractfile(entry)) is not None:
                problem = _too_large(entry.size, most)
                content = b"" if problem else file.read(most + 1)
                yield _Entry(PurePosixPath(entry.name), datetime.fromtimestamp(entry.mtime), content, problem)


def _read(path: Path, most: int) -> tuple[bytes, str]:
    problem = _too_large(path.stat().st_size, most)
    return (b"" if problem else path.read_bytes()), problem


def _too_large(size: int, most: int) -> str:
    return f"it has {size // 2**20} MB; the limit is {most // 2**20} MB (--file)" if size > most else ""


def _modified(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime)
