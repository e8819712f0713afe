"""Paths and folders as a learner gives them: checked before they are used, shown so that they can be printed.

A path may name a home folder that is not there, hold a zero byte, be too long, lie in a folder without rights or lead
through links. Each function here gives an answer or raises one of the course's errors.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from course_lib.errors import CourseError, PictureError, closest

__all__ = ["excerpt", "files_below", "folder_path", "kind_of", "local_path", "names_in", "near", "path_words"]

#: More letters than this of a path, an address or a server's words are not repeated in a sentence.
_LETTERS = 200


def excerpt(text: object, letters: int = _LETTERS) -> str:
    """A text on one line that any terminal can print, with its middle left out where it is long.

    Example:
        >>> excerpt("one\\ntwo"), excerpt("x" * 50, 11), excerpt("caf\\udce9")
        ('one two', 'xxxxx…xxxxx', 'caf\\\\udce9')
    """
    line = " ".join(str(text).split()) if not isinstance(text, Path) else str(text)
    line = "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in line)
    half = letters // 2
    return line if len(line) <= letters else f"{line[:half]}…{line[-half:]}"


def path_words(path: str | os.PathLike[str]) -> str:
    """A path as it stands in a sentence: printable, and of at most 200 letters."""
    return excerpt(Path(path))


def local_path(given: object, *, error: type[CourseError] = PictureError) -> Path:
    """The path that was given as a ``Path``, with ~ replaced by the home folder.

    Args:
        given: a str, or anything else that ``os.fspath`` takes.
        error: the kind of error to raise.

    Raises:
        CourseError: it is not a path, holds a zero byte or letters that no file name can hold, or begins with the name
            of a user who is unknown here.

    Example:
        >>> local_path("pictures/cat.jpg").name
        'cat.jpg'
        >>> local_path(None)
        Traceback (most recent call last):
        ...
        course_lib.errors.PictureError: None is not a path: expected a str such as 'pictures/cat.jpg', or a Path.
    """
    if not isinstance(given, (str, bytes, os.PathLike)):
        raise error(f"{excerpt(repr(given))} is not a path: expected a str such as 'pictures/cat.jpg', or a Path.")
    text = os.fsdecode(given)
    if "\0" in text:
        raise error(f"{excerpt(repr(text))} is not a path: it holds a zero byte. Picture bytes are given as bytes.")
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        raise error(f"{excerpt(repr(text))} is not a path: it holds half a character (a lone surrogate).") from None
    path = Path(text)
    if not text.startswith("~"):  # Path drops the ./ of ./~x, which must not be taken for a user's home later
        return Path.cwd() / path if str(path).startswith("~") else path
    try:
        return path.expanduser()
    except RuntimeError:
        user = excerpt(path.parts[0], 60)
        raise error(
            f"{path_words(text)} begins with {user}, the home folder of a user, and there is no such user on this "
            f"computer. A folder that is really called {user} is written ./{user}."
        ) from None


def kind_of(path: Path) -> str:
    """What lies at a path: "file", "folder", "link" (to something missing), "other" (a pipe, a device), or "nothing".

    Raises:
        PictureError: the computer does not say, because of missing rights or a name that is too long.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "link" if path.is_symlink() else "nothing"
    except (OSError, ValueError) as error:
        raise PictureError(f"{path_words(path)} cannot be looked at: {_reason(error)}.") from error
    return "folder" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "other"


def folder_path(given: object) -> Path:
    """The folder that was given, as a ``Path``.

    Raises:
        PictureError: it is not a path, not there, or not a folder.
    """
    path = local_path(given)
    kind = kind_of(path)
    if kind == "folder":
        return path
    what = {"nothing": "does not exist", "link": "is a link to something that does not exist"}
    raise PictureError(f"The folder {path_words(path)} {what.get(kind, 'is a file, not a folder')}.{near(path)}")


def names_in(folder: Path) -> list[str]:
    """The names of what lies in a folder, sorted.

    Raises:
        PictureError: the folder may not be read.
    """
    try:
        return sorted(path.name for path in folder.iterdir())
    except (OSError, ValueError) as error:
        raise PictureError(
            f"The folder {path_words(folder)} cannot be read: {_reason(error)}. Check your rights to it."
        ) from error


def near(path: Path) -> str:
    """Names like this one in the same folder, as a sentence with a leading space; "" where there is none."""
    try:
        names = [neighbour.name for neighbour in path.parent.iterdir()]
    except (OSError, ValueError):
        return ""
    return closest(path.name, sorted(excerpt(name) for name in names if name != path.name)) if path.name else ""


def files_below(folder: Path, *, recursive: bool) -> Iterator[tuple[Path, str]]:
    """What lies in a folder and (``recursive``) in the folders inside it, with its kind; hidden names are left out.

    Links to folders are followed, but none into a folder that contains it.

    Yields:
        (path, its kind as ``kind_of`` names it).

    Raises:
        PictureError: one of the folders may not be read.
    """
    yield from _walk(folder, recursive, ())


def _walk(folder: Path, recursive: bool, above: tuple[tuple[int, int], ...]) -> Iterator[tuple[Path, str]]:
    if recursive:
        status = folder.stat()
        here = (status.st_dev, status.st_ino)
        if here in above:  # a link into a folder that contains it
            return
        above = (*above, here)
    for name in names_in(folder):
        if not name.startswith("."):
            path = folder / name
            try:
                kind = kind_of(path)
            except PictureError:  # whoever opens it is told why; the others in the folder do not suffer
                kind = "link"
            yield path, kind
            if kind == "folder" and recursive:
                yield from _walk(path, recursive, above)


def _reason(error: BaseException) -> str:
    """The computer's own words for a failure: "Permission denied", say."""
    return getattr(error, "strerror", None) or excerpt(error) or type(error).__name__
