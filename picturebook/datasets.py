"""Many scenes at once: a folder on disk with its truth beside it, and a sheet to look at."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from picturebook.classes import ALL_CLASSES, CLASSES
from picturebook.errors import PictureBookError
from picturebook.scene import checked, scene

__all__ = ["TRUTH_FILE", "sheet", "write_folder"]

#: The file that holds a split's truth: one row a picture.
TRUTH_FILE = "truth.csv"
_COLUMNS = ["file", "label", "seed", "difficulty", "size", "left", "top", "right", "bottom"]


def write_folder(
    path: str | os.PathLike[str],
    classes: Sequence[str] = CLASSES,
    n: int = 20,
    split: str = "train",
    *,
    size: tuple[int, int] = (224, 224),
    difficulty: str = "standard",
    first_seed: int = 0,
    progress: Callable[[Sequence[tuple[str, int]], str], Iterable[tuple[str, int]]] | None = None,
) -> Path:
    """Write ``n`` pictures of each class as ``path/split/class/00007.png``: torchvision's ``ImageFolder`` reads it.

    Beside the class folders, ``truth.csv`` holds each picture's file, label, seed, difficulty, size and box
    (left, top, right, bottom). A picture that is there already, whole and with the same truth, is not drawn again, also
    after an interruption; the truth of other pictures in the folder is kept.

    Args:
        path: the data set's folder, ~ being the home folder; it is made where it is missing.
        classes: which of the twelve.
        n: how many pictures of each.
        split: the name of the folder in it, such as "train".
        size, difficulty: as in ``scene``.
        first_seed: the first picture's seed; the others follow.
        progress: called with what is to be drawn and a label, yields it again while a bar moves; None for tqdm's bar.

    Returns:
        The folder of the split.

    Raises:
        PictureBookError: an unknown class, no pictures asked for, or a folder that cannot be written.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as place:
        ...     folder = write_folder(place, ("ant", "bee"), n=2, split="val", size=(32, 32))
        ...     sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.png"))
        ['ant/00000.png', 'ant/00001.png', 'bee/00000.png', 'bee/00001.png']
    """
    classes = (classes,) if isinstance(classes, str) else tuple(dict.fromkeys(classes))
    if isinstance(n, bool) or not isinstance(n, int) or n < 1 or not classes:
        raise PictureBookError(
            f"n={n!r} pictures of {len(classes)} classes: ask for at least one picture of one class."
        )
    if not split or Path(split).name != split:
        raise PictureBookError(f"split={split!r}: give a folder's plain name, such as 'train' or 'val'.")
    for label in classes:  # whatever is wrong is said before anything is written
        checked(label, seed=first_seed, size=size, difficulty=difficulty)
    if not isinstance(path, str | os.PathLike) or "\0" in os.fspath(path):
        raise PictureBookError(f"path={path!r}: give the folder that the pictures go to, such as 'pictures'.")
    folder = _home(path) / split
    try:
        return _fill(
            folder, [(label, first_seed + k) for label in classes for k in range(n)], size, difficulty, progress or _bar
        )
    except (OSError, UnicodeError) as problem:  # UnicodeError: half a character, which no file name can hold
        reason = getattr(problem, "strerror", None) or type(problem).__name__
        raise PictureBookError(
            f"The pictures cannot be written to {str(folder)[:200]!a}: {reason}. Choose another folder."
        ) from problem


def _home(path: str | os.PathLike[str]) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise PictureBookError(f"path={path!r}: there is no such user, whose home folder ~ could mean.") from None


def _bar(todo: Sequence[tuple[str, int]], label: str) -> Iterable[tuple[str, int]]:
    bar: Iterable[tuple[str, int]] = tqdm(todo, desc=label, delay=1.0, leave=False, disable=None)
    return bar


def _fill(
    folder: Path,
    todo: Sequence[tuple[str, int]],
    size: tuple[int, int],
    difficulty: str,
    progress: Callable[[Sequence[tuple[str, int]], str], Iterable[tuple[str, int]]],
) -> Path:
    known = _read_truth(folder)
    wanted = {_name(label, seed): [label, str(seed), difficulty, f"{size[0]}x{size[1]}"] for label, seed in todo}
    done = {name: row for name, row in known.items() if row[1:5] == wanted.get(name, row[1:5])}
    folder.mkdir(parents=True, exist_ok=True)
    if len(done) < len(known):  # what is about to be drawn over must not be listed as it was
        _write_truth(folder, done)
    try:
        for label, seed in progress(todo, f"drawing {len(todo)} pictures"):
            name = _name(label, seed)
            if name in done and _whole(folder / name, size):
                continue
            drawn = scene(label, seed=seed, size=size, difficulty=difficulty)
            (folder / label).mkdir(exist_ok=True)
            _write(folder / name, _png(drawn.picture))
            done[name] = [name, *wanted[name], *(str(edge) for edge in drawn.box)]
    finally:  # also after an interruption: what is there is known
        _write_truth(folder, {name: done[name] for name in [*wanted, *done] if name in done})
    return folder


def _name(label: str, seed: int) -> str:
    return f"{label}/{seed:05d}.png"


def _read_truth(folder: Path) -> dict[str, list[str]]:
    """The rows of a split's truth by file, those whose picture is there; an unreadable file holds none."""
    try:
        with (folder / TRUTH_FILE).open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))[1:]
    except (FileNotFoundError, UnicodeDecodeError, csv.Error):
        return {}
    return {row[0]: row for row in rows if len(row) == len(_COLUMNS) and (folder / row[0]).is_file()}


def _write_truth(folder: Path, rows: Mapping[str, Sequence[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_COLUMNS, *rows.values()])
    _write(folder / TRUTH_FILE, text.getvalue().encode())


def _write(path: Path, data: bytes) -> None:
    """All of it or nothing: a reader never meets half a file, and none is left behind."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "png")
    return file.getvalue()


def _whole(path: Path, size: tuple[int, int]) -> bool:
    """Whether a PNG of this size lies there, with its end."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return False
    said = tuple(int.from_bytes(data[at : at + 4], "big") for at in (20, 16))  # height and width stand in the header
    return data.startswith(b"\x89PNG") and said == tuple(size) and data.endswith(b"IEND\xaeB`\x82")


def sheet(
    classes: Sequence[str] = ALL_CLASSES,
    seeds: Sequence[int] = range(10),
    *,
    side: int = 112,
    difficulty: str = "standard",
    gap: int = 4,
) -> Image.Image:
    """One row a class, one column a seed: the picture book at a glance.

    Example:
        >>> sheet(("ant", "bee"), range(3), side=32, gap=2).size
        (104, 70)
    """
    classes, seeds = (classes,) if isinstance(classes, str) else classes, list(seeds)
    page = Image.new("RGB", (len(seeds) * (side + gap) + gap, len(classes) * (side + gap) + gap), "white")
    for row, label in enumerate(classes):
        for column, seed in enumerate(seeds):
            drawn = scene(label, seed=seed, size=(2 * side, 2 * side), difficulty=difficulty).picture.reduce(2)
            page.paste(drawn, (gap + column * (side + gap), gap + row * (side + gap)))
    return page
