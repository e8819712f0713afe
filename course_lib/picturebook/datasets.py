"""Many scenes at once: a folder on disk with its truth beside it, and a sheet to look at."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from course_lib.errors import CourseError
from course_lib.picturebook.classes import ALL_CLASSES, CLASSES
from course_lib.picturebook.scene import scene
from course_lib.progress import track

__all__ = ["TRUTH_FILE", "sheet", "write_folder"]

#: The file that holds a split's truth: one row a picture.
TRUTH_FILE = "truth.csv"


def write_folder(
    path: str | os.PathLike[str],
    classes: Sequence[str] = CLASSES,
    n: int = 20,
    split: str = "train",
    *,
    size: tuple[int, int] = (224, 224),
    difficulty: str = "standard",
    first_seed: int = 0,
) -> Path:
    """Write ``n`` pictures of each class as ``path/split/class/00007.png``: torchvision's ``ImageFolder`` reads it.

    Beside the class folders, ``truth.csv`` holds each picture's file, label, seed, difficulty, size and box
    (left, top, right, bottom). A picture that is there already, with the same truth, is not drawn again.

    Returns:
        The folder of the split.

    Raises:
        CourseError: an unknown class, no pictures asked for, or a folder that cannot be written.

    Example:
        >>> with tempfile.TemporaryDirectory() as place:
        ...     folder = write_folder(place, ("ant", "bee"), n=2, split="val", size=(32, 32))
        ...     sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.png"))
        ['ant/00000.png', 'ant/00001.png', 'bee/00000.png', 'bee/00001.png']
    """
    if n < 1 or not classes:
        raise CourseError(f"n={n} pictures of {len(classes)} classes: ask for at least one picture of one class.")
    folder = Path(path) / split
    known = _read_truth(folder)
    rows = []
    todo = [(label, first_seed + k) for label in classes for k in range(n)]
    try:
        for label, seed in track(todo, f"drawing {len(todo)} pictures"):
            file = folder / label / f"{seed:05d}.png"
            row = [file.relative_to(folder).as_posix(), label, str(seed), difficulty, f"{size[0]}x{size[1]}"]
            old = known.get(row[0])
            if file.exists() and old is not None and old[:5] == row:
                rows.append(old)
                continue
            drawn = scene(label, seed=seed, size=size, difficulty=difficulty)
            file.parent.mkdir(parents=True, exist_ok=True)
            temporary = file.with_suffix(".tmp")
            drawn.picture.save(temporary, format="png")
            temporary.replace(file)
            rows.append([*row, *(str(edge) for edge in drawn.box)])
        _write_truth(folder, rows)
    except OSError as problem:
        raise CourseError(
            f"The pictures could not be written to {folder}: {problem.strerror or problem}. Choose another folder."
        ) from problem
    return folder


def _read_truth(folder: Path) -> dict[str, list[str]]:
    try:
        with (folder / TRUTH_FILE).open(newline="", encoding="utf-8") as file:
            return {row[0]: row for row in list(csv.reader(file))[1:] if row}
    except FileNotFoundError:
        return {}


def _write_truth(folder: Path, rows: Sequence[Sequence[str]]) -> None:
    handle, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
    with os.fdopen(handle, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "label", "seed", "difficulty", "size", "left", "top", "right", "bottom"])
        writer.writerows(rows)
    Path(temporary).replace(folder / TRUTH_FILE)


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
    page = Image.new("RGB", (len(seeds) * (side + gap) + gap, len(classes) * (side + gap) + gap), "white")
    for row, label in enumerate(classes):
        for column, seed in enumerate(seeds):
            drawn = scene(label, seed=seed, size=(2 * side, 2 * side), difficulty=difficulty).picture.reduce(2)
            page.paste(drawn, (gap + column * (side + gap), gap + row * (side + gap)))
    return page
