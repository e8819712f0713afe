"""Which class is taken for which: a confusion matrix as data, as text and as a picture.

Rows are what the pictures show, columns what the model said. Recall goes along a row (of all the bees, how many were
found?), precision down a column (of all that were called bee, how many are one?). Which pictures these are is shown by
``folder_pages.py``; the drawing is ``diagrams/confusion_table.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course_lib.drawing.confusion_table import draw_table
from course_lib.drawing.still import Still
from course_lib.errors import CourseError, closest
from course_lib.models.predictions import FolderPredictions
from course_lib.pictures.truth import Truths

__all__ = ["Confusion", "confusion", "draw_confusion", "tally"]


@dataclass(frozen=True, eq=False, repr=False)
class Confusion:
    """How often each class was taken for each; the last line of a cell shows it as a picture, ``print`` as text.

    Attributes:
        classes: their names, in the order of rows and columns.
        counts: (classes, classes) of int64; ``counts[true, said]`` pictures.

    Example:
        >>> found = tally(["ant", "ant", "ant", "bee"], ["ant", "ant", "bee", "bee"])
        >>> found
        Confusion matrix of 4 pictures, 2 classes: 3 right (75.0 %); ant taken for bee 1
        >>> found.recall["ant"] == 2 / 3, found.precision["bee"], found.mix_ups
        (True, 0.5, (('ant', 'bee', 1),))
        >>> print(found)
               ant  bee  pictures   recall
        ant      2    1         3   66.7 %
        bee      0    1         1  100.0 %
        said     2    2         4
        rows: what it is; columns: what was said; right: 3 of 4, 75.0 %
    """

    classes: tuple[str, ...]
    counts: Tensor

    @property
    def total(self) -> int:
        """How many pictures were counted."""
        return int(self.counts.sum())

    @property
    def right(self) -> int:
        """How many of them were right: those on the diagonal."""
        return int(self.counts.trace())

    @property
    def accuracy(self) -> float:
        """The share that was right, between 0 and 1; nan when nothing was counted."""
        return self.right / self.total if self.total else float("nan")

    @property
    def recall(self) -> dict[str, float]:
        """Of the pictures that show a class, the share that was recognised; nan for a class without pictures."""
        return self._shares(self.counts.sum(dim=1))

    @property
    def precision(self) -> dict[str, float]:
        """Of the pictures that were called a class, the share that shows it; nan for a class that was never said."""
        return self._shares(self.counts.sum(dim=0))

    def _shares(self, of: Tensor) -> dict[str, float]:
        shares = (self.counts.diagonal().double() / of).tolist()  # 0 / 0 is nan
        return dict(zip(self.classes, shares, strict=True))

    @property
    def mix_ups(self) -> tuple[tuple[str, str, int], ...]:
        """(what it is, what was said, how often) of every kind of mistake that was made, the most frequent first."""
        wrong = self.counts - self.counts.diagonal().diag()
        found = [(int(wrong[i, j]), i, j) for i, j in wrong.nonzero().tolist()]
        found.sort(key=lambda one: (-one[0], one[1:]))
        return tuple((self.classes[i], self.classes[j], count) for count, i, j in found)

    def __repr__(self) -> str:
        worst = [f"{true} taken for {said} {count}" for true, said, count in self.mix_ups[:3]]
        head = f"Confusion matrix of {self.total} pictures, {len(self.classes)} classes: {self.right} right"
        return f"{head} ({_percent(self.accuracy)}); {', '.join(worst) or 'no mistake'}"

    def __str__(self) -> str:
        head = ["", *self.classes, "pictures", "recall"]
        rows = [
            [label, *map(str, row), str(sum(row)), _percent(recall)]
            for (label, recall), row in zip(self.recall.items(), self.counts.tolist(), strict=True)
        ]
        last = ["said", *map(str, self.counts.sum(dim=0).tolist()), str(self.total), ""]
        wide = [max(map(len, column)) for column in zip(head, *rows, last, strict=True)]
        lines = [
            "  ".join(f"{cell:{'>' if k else '<'}{wide[k]}}" for k, cell in enumerate(row)).rstrip()
            for row in (head, *rows, last)
        ]
        right = f"right: {self.right} of {self.total}, {_percent(self.accuracy)}"
        return "\n".join([*lines, f"rows: what it is; columns: what was said; {right}"])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        return draw_confusion(self)._repr_mimebundle_()


def tally(true: Sequence[str], said: Sequence[str], *, classes: Sequence[str] | None = None) -> Confusion:
    """Count how often each class was taken for each.

    Args:
        true: what each picture shows, by name.
        said: what was said of it.
        classes: the order of rows and columns; all that occur, by the alphabet, when left out.

    Raises:
        CourseError: two lists of different lengths, no picture, or a name that is not among ``classes``.
    """
    if len(true) != len(said) or not len(true):
        raise CourseError(f"{len(true)} truths and {len(said)} answers: give one of each for at least one picture.")
    names = sorted({*true, *said}) if classes is None else list(dict.fromkeys(classes))
    place = {name: k for k, name in enumerate(names)}
    for what, given in (("shown", true), ("said", said)):
        if missing := [one for one in given if one not in place]:
            known = f"{', '.join(names[:12])}{', …' if len(names) > 12 else ''}"
            hint = closest(str(missing[0]), names)
            raise CourseError(f"{missing[0]!r} was {what}, and is not among the classes given: {known}.{hint}")
    cells = torch.tensor([place[t] * len(names) + place[s] for t, s in zip(true, said, strict=True)])
    counts = torch.bincount(cells, minlength=len(names) ** 2)  # (true, said) pairs, one number each
    return Confusion(tuple(names), counts.reshape(len(names), len(names)))


def confusion(
    predictions: FolderPredictions, truth: Truths | None = None, *, classes: Sequence[str] | None = None
) -> Confusion:
    """The confusion matrix of a folder's predictions.

    Args:
        predictions: from ``Classifier.predict_folder``.
        truth: what the pictures show, as ``FolderPredictions.judged`` takes it; their folders' names when left out.
            Where several answers are right, a picture counts as the one that was said, else as the first.
        classes: the order of rows and columns; all that were shown or said, by the alphabet, when left out.

    Raises:
        CourseError: no picture, a truth that does not know one of them, or a name that is not among ``classes``.

    Example:
        >>> from pathlib import Path
        >>> from course_lib.models.predictions import FolderRow, from_logits
        >>> bee = from_logits(torch.tensor([0.0, 2.0]), ("ant", "bee"), k=1)
        >>> rows = tuple(FolderRow(Path(f"{label}/1.png"), bee, 0.01) for label in ("ant", "bee"))
        >>> confusion(FolderPredictions(rows, (), 0.02, "cpu")).counts.tolist()
        [[0, 1], [0, 1]]
    """
    judged = predictions.judged(truth)
    return tally([one.truth for one in judged], [one.said for one in judged], classes=classes)


def draw_confusion(matrix: Confusion, *, title: str = "") -> Still:
    """A confusion matrix as a table: right in blue on the diagonal, mistakes in orange beside it, recall and precision.

    More classes than have room are summed up in a last row and column; the numbers still add up.

    Args:
        matrix: what was counted.
        title: above it.

    Example:
        >>> draw_confusion(tally(["ant", "bee"], ["ant", "bee"]), title="ResNet18")
        ResNet18. Confusion matrix of 2 pictures, 2 classes: 2 right (100.0 %); no mistake
    """
    said = f"{title}. " if title else ""
    return draw_table(matrix.classes, matrix.counts, title=title, alt=f"{said}{matrix!r}")


def _percent(share: float) -> str:
    return "–" if share != share else f"{100 * share:.1f} %"
