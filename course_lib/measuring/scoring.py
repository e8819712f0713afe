"""Accuracy on a folder whose sub-folders are named by class, and answers under a preprocessing mistake.

Whether an answer is right is decided by ``pictures.truth``: the course's ten classes and ImageNet's thousand are scored
alike.
"""

from __future__ import annotations

import os
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from course_lib.errors import CourseError
from course_lib.models.classifier import Classifier
from course_lib.models.predictions import FolderRow, Prediction, from_logits
from course_lib.pictures.images import list_images, open_image
from course_lib.pictures.mistakes import Mistake
from course_lib.pictures.preprocessing import prepared
from course_lib.pictures.truth import right_answers, right_outputs
from picturebook import ALL_CLASSES

__all__ = ["accuracy_under", "answer_under", "is_right", "right_under"]


def is_right(row: FolderRow) -> bool:
    """Whether a picture's best class is what its folder is called, or one of ImageNet's classes that count as that.

    Example:
        >>> cat = from_logits(torch.tensor([0.0, 2.0]), ("dog", "cat"), k=1)
        >>> is_right(FolderRow(Path("val/cat/1.png"), cat, 0.1)), is_right(FolderRow(Path("val/dog/1.png"), cat, 0.1))
        (True, False)
    """
    return row.prediction.index in right_outputs(right_answers(row.path), row.prediction.categories)


def right_under(
    classifier: Classifier, folder: str | os.PathLike[str], mistake: Mistake | None = None
) -> tuple[bool, ...]:
    """Which of a folder's pictures a classifier gets right, with right or wrong preprocessing.

    Two such rows over the same folder are compared with ``paired``.

    Args:
        classifier: its model is used as it is, in the mode it is in.
        folder: sub-folders named by class, as ``picturebook.write_folder`` makes them.
        mistake: one of ``MISTAKES``; None for the classifier's own transforms.

    Returns:
        One a picture, in the order of ``pictures.list_images(folder, recursive=True)``.

    Raises:
        CourseError: a sub-folder is named by no class of the picture book or of the classifier, or the classifier knows
            none of them.
        PictureError: there are no pictures, or one of them cannot be opened.
    """
    paths = list_images(Path(folder), recursive=True)
    outputs = [_right_outputs(path, classifier) for path in paths]
    if not any(outputs):
        raise CourseError(f"{classifier.name} knows none of the classes in {folder}: {classifier!r}.")

    def prepare(path: Path) -> Tensor:
        return _prepared(classifier, open_image(path), mistake)

    label = f"{len(paths)} pictures, {'as trained' if mistake is None else mistake.name}"
    right: list[bool] = []
    for (_, found, _), good in zip(classifier.answers(paths, prepare, label=label), outputs, strict=True):
        if isinstance(found, Exception):
            raise found
        right.append(int(found.argmax()) in good)
    return tuple(right)


def accuracy_under(classifier: Classifier, folder: str | os.PathLike[str], mistake: Mistake | None = None) -> float:
    """The share of a folder's pictures that a classifier gets right, from 0 to 1; arguments as for ``right_under``."""
    right = right_under(classifier, folder, mistake)
    return sum(right) / len(right)


def answer_under(
    classifier: Classifier, picture: Image.Image, mistake: Mistake | None = None, *, k: int = 5
) -> Prediction:
    """The top k for one picture, with right or wrong preprocessing.

    Args:
        classifier: its model is used as it is, in the mode it is in.
        picture: RGB, of any size.
        mistake: one of ``MISTAKES``; None for the classifier's own transforms.
    """
    logits = classifier.logits(_prepared(classifier, picture, mistake).unsqueeze(0))[0]
    return from_logits(logits, classifier.categories, k=k)


def _prepared(classifier: Classifier, picture: Image.Image, mistake: Mistake | None) -> Tensor:
    tensor = (
        prepared(picture, classifier.transforms) if mistake is None else mistake.apply(picture, classifier.transforms)
    )
    return torch.as_tensor(tensor)


def _right_outputs(path: Path, classifier: Classifier) -> frozenset[int]:
    label = path.parent.name
    if label not in ALL_CLASSES and label not in classifier.categories:
        raise CourseError(f"{path} lies in a folder named {label!r}; expected one of {', '.join(ALL_CLASSES)}.")
    return right_outputs(right_answers(path), classifier.categories)
