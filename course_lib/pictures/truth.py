"""The right answers for a picture, and the outputs of a classifier that are right for it.

The truth is told by a folder's name, a table or a function, and may name several answers. ``right_outputs`` is the one
place that decides whether an answer is right; predictions, accuracies and confusion matrices all ask it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError
from picturebook import ALL_CLASSES, counts_as

__all__ = ["Truth", "Truths", "file_of", "right_answers", "right_outputs"]

#: What a picture truly shows: a label, an index, or several of either when more than one answer is right.
Truth = str | int | Collection[str | int]
#: The truth of many pictures: a function of a path, or a mapping from paths, "folder/file" or file names.
Truths = Mapping[str, Truth] | Mapping[Path, Truth] | Callable[[Path], Truth]


def file_of(path: Path) -> str:
    """A picture's folder and name, enough to find it again in a folder of classes.

    Example:
        >>> file_of(Path("data/val/bee/00007.png"))
        'bee/00007.png'
    """
    return "/".join(path.parts[-2:])


def right_answers(path: Path, truth: Truths | None = None) -> tuple[str | int, ...]:
    """Every right answer for a picture: labels and indices, in the order given; none when no class is right.

    Args:
        path: the picture's.
        truth: a function of a path, or a mapping from paths, "folder/file" or file names. What it gives is a label,
            an index, or a collection of those. When left out, a picture shows what its folder is called, as in
            torchvision's ``ImageFolder``.

    Raises:
        CourseError: the mapping does not know the picture, or what is given for it is none of these.

    Example:
        >>> bee = Path("val/bee/00007.png")
        >>> right_answers(bee), right_answers(bee, {"00007.png": 1}), right_answers(bee, lambda path: {309, "bee"})
        (('bee',), (1,), (309, 'bee'))
    """
    if truth is None:
        return (path.parent.name,)
    if not isinstance(truth, Mapping):
        return _several(path, truth(path))
    for key in (path, str(path), file_of(path), path.name):
        if key in truth:
            return _several(path, truth[key])  # type: ignore[index]
    raise CourseError(f"The truth does not say what {path.name} shows: give it under the file's name or path.")


@lru_cache(maxsize=1024)
def right_outputs(answers: tuple[str | int, ...], categories: tuple[str, ...]) -> frozenset[int]:
    """The indices of a classifier's outputs that are right for a picture.

    An index is right itself, and so is every output with the name of a right answer. For the picture book's classes
    their counterparts among ImageNet's thousand are right as well: an "Arabian camel" is a camel, and a "tabby" a cat.

    Args:
        answers: labels and indices, from ``right_answers``.
        categories: the names of the classifier's outputs, in their order.

    Example:
        >>> right_outputs(("bee",), ("ant", "bee")), right_outputs((0, "bee"), ("ant", "bee"))
        (frozenset({1}), frozenset({0, 1}))
        >>> from torchvision.models import ResNet18_Weights
        >>> names = tuple(ResNet18_Weights.DEFAULT.meta["categories"])
        >>> [names[index] for index in right_outputs(("camel",), names)]
        ['Arabian camel']
    """
    right = {answer for answer in answers if isinstance(answer, int)}
    right |= {index for index, name in enumerate(categories) if name in answers}
    for label in ALL_CLASSES:
        if label in answers:
            right.update(counts_as(label, categories))
    return frozenset(right)


def _several(path: Path, given: Any) -> tuple[str | int, ...]:
    if isinstance(given, (set, frozenset)):  # which has no order
        given = sorted(given, key=str)
    try:
        several = [given] if isinstance(given, str) or not isinstance(given, Collection) else given
        return tuple(answer if isinstance(answer, str) else operator.index(answer) for answer in several)
    except TypeError:
        raise CourseError(
            f"The truth of {path.name} is {given!r}: give a label, an index, or several of them."
        ) from None
