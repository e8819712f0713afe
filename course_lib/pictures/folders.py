"""A labelled folder: one sub-folder a class, as torchvision's ``ImageFolder`` has it, with its broken files found.

Every file is opened once here, so that a training does not stumble over a cut-off download in its third epoch. The
folder of a train/val pair is opened one by one; nothing is copied, moved or kept in memory.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from course_lib.errors import CourseError, PictureError
from course_lib.pictures.images import EXTENSIONS, list_images, read_image, say_notes
from course_lib.pictures.paths import excerpt, files_below, folder_path, local_path, path_words
from course_lib.progress import track
from picturebook import CLASSES, datasets

__all__ = ["LabelledFolder", "open_folder", "write_folder"]

#: What the parts of a data set are called: a folder of these holds no classes yet.
_SPLITS = {"train", "training", "val", "valid", "validation", "test", "testing"}


@dataclass(frozen=True, repr=False)
class LabelledFolder:
    """Pictures and their classes.

    Attributes:
        path: the folder that was opened.
        classes: the names of its sub-folders, sorted; a class's index is its place here.
        pictures: (path, index of its class), class by class, in the order of the file names.
        skipped: (path, reason) of files that could not be opened.
    """

    path: Path
    classes: tuple[str, ...]
    pictures: tuple[tuple[Path, int], ...]
    skipped: tuple[tuple[Path, str], ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Class → how many pictures."""
        indices = [index for _, index in self.pictures]
        return {label: indices.count(index) for index, label in enumerate(self.classes)}

    @property
    def truth(self) -> dict[Path, str]:
        """Path → class, as ``FolderPredictions.accuracy`` takes it."""
        return {path: self.classes[index] for path, index in self.pictures}

    def split(self, share: float = 0.2, *, seed: int = 0) -> tuple[LabelledFolder, LabelledFolder]:
        """Put a share of every class aside for validation; at least one picture of each stays and one goes.

        Args:
            share: of the pictures to put aside, between 0 and 1.
            seed: which ones.

        Returns:
            (what is left for training, what was put aside).

        Raises:
            CourseError: a share outside 0 … 1, or a class with one picture only.
        """
        few = [label for label, count in self.counts.items() if count < 2]
        if not 0 < share < 1 or few:
            problem = f"{few[0]} has only {self.counts[few[0]]} picture" if few else f"share={share!r}"
            raise CourseError(f"{problem}: put a share between 0 and 1 aside, of classes with two pictures or more.")
        generator = torch.Generator().manual_seed(seed)
        aside: set[Path] = set()
        for index, count in enumerate(self.counts.values()):
            paths = [path for path, its_index in self.pictures if its_index == index]
            order = torch.randperm(count, generator=generator).tolist()
            aside |= {paths[k] for k in order[: min(max(round(share * count), 1), count - 1)]}
        left, put = ([one for one in self.pictures if (one[0] in aside) is there] for there in (False, True))
        return replace(self, pictures=tuple(left)), replace(self, pictures=tuple(put), skipped=())

    def __len__(self) -> int:
        return len(self.pictures)

    def __repr__(self) -> str:
        return f"LabelledFolder({path_words(self.path)!r}, {_words(self.counts)}, {len(self.skipped)} skipped)"

    def __str__(self) -> str:
        lines = [f"{len(self)} pictures of {len(self.classes)} classes: {_words(self.counts)}"]
        for path, reason in self.skipped:
            short, name = path_words(path.relative_to(self.path)), path_words(path)
            named = reason.startswith(name)  # then the sentence is told with the shorter name
            told = f"{short}{reason.removeprefix(name)}" if named else f"{short}: {reason}"
            lines.append(f"skipped: {told}")
        return "\n".join(lines)


def open_folder(path: str | Path, *, extensions: Sequence[str] = EXTENSIONS) -> LabelledFolder:
    """Open a folder whose sub-folders are the classes.

    Files that cannot be opened are left out and named in ``skipped``, with the reason. Hidden folders aren't classes;
    links to folders are classes like others.

    Args:
        path: such as ``"ants_and_bees/train"``, in which ``ant/`` and ``bee/`` lie.
        extensions: which files count as pictures.

    Raises:
        PictureError: there is no such folder, it may not be read, it holds fewer than two classes, or one of them
            without a picture that can be opened.

    Source:
        The layout of https://pytorch.org/vision/stable/generated/torchvision.datasets.ImageFolder.html.

    Example:
        >>> import tempfile
        >>> from picturebook import write_folder
        >>> train = write_folder(tempfile.mkdtemp(), ("ant", "bee"), n=2, split="train", size=(32, 32))
        >>> _ = (train / "bee" / "broken.jpg").write_bytes(b"<!DOCTYPE html>")
        >>> folder = open_folder(train)
        >>> folder.classes, folder.counts, [path.name for path, _ in folder.skipped]
        (('ant', 'bee'), {'ant': 2, 'bee': 2}, ['broken.jpg'])
    """
    try:
        path = folder_path(path)
    except PictureError as error:
        raise PictureError(f"{error} Give the folder in which each class has a folder of its own.") from None
    classes = tuple(inner.name for inner, kind in files_below(path, recursive=False) if kind == "folder")
    if len(classes) < 2 or _SPLITS.issuperset(name.lower() for name in classes):
        raise PictureError(_no_classes(path, classes))
    listed = [
        (file, index)
        for index, label in enumerate(classes)
        for file in list_images(path / label, extensions, recursive=True)
    ]
    reasons = _reasons([file for file, _ in listed])
    folder = LabelledFolder(
        path,
        classes,
        tuple(picture for picture in listed if picture[0] not in reasons),
        tuple(reasons.items()),
    )
    for label, count in folder.counts.items():
        if not count:
            first = next(reason for file, reason in reasons.items() if file.is_relative_to(path / label))
            raise PictureError(f"The class {excerpt(label)} has no picture that can be opened. {first}")
    return folder


def _no_classes(path: Path, classes: tuple[str, ...]) -> str:
    """Why this isn't a folder of classes, and which one was perhaps meant."""
    if classes and _SPLITS.issuperset(name.lower() for name in classes):
        return (
            f"{path_words(path)} holds {' and '.join(classes)}, the parts of a data set, not its classes: open them "
            f"one by one, such as open_folder({path_words(path / classes[0])!r})."
        )
    holds = f"only one, {excerpt(classes[0])}" if classes else "none"
    name = path_words(path)
    return f"A classifier tells at least two classes apart, each a folder of its own in {name}; there is {holds}."


def _reasons(paths: Sequence[Path]) -> dict[Path, str]:
    """Why a file cannot be opened; a few threads open them all, since decoding leaves Python alone."""
    notes: dict[Path, str] = {}

    def problem(path: Path) -> str:
        try:
            note = read_image(path).info.get("note")
        except PictureError as error:
            return str(error)
        if note:
            notes[path] = note
        return ""

    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        problems = list(track(pool.map(problem, paths), f"looking at {len(paths)} pictures", total=len(paths)))
    say_notes(notes, len(paths))
    return {path: reason for path, reason in zip(paths, problems, strict=True) if reason}


def _words(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {excerpt(label)}" for label, count in counts.items())


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
    """Draw a labelled folder of the picture book: ``picturebook.write_folder`` under the course's progress bar.

    Arguments, result and errors are that function's; a ``path`` that is not one is a PictureError.
    """
    return datasets.write_folder(
        local_path(path),
        classes,
        n,
        split,
        size=size,
        difficulty=difficulty,
        first_seed=first_seed,
        progress=track,
    )
