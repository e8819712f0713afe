"""Confusion matrices: which class is taken for which, counted, with recall and precision, as text and as a table.

Rows are what the pictures show, columns what the model said. Recall goes along a row (of all the bees, how many were
found?), precision down a column (of all that were called bee, how many are one?). ``drawing.draw_confusion`` draws
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.errors import CourseError, closest
from course_lib.models.predictions import FolderPredictions, Judged
from course_lib.pictures.truth import Truths, right_outputs
from course_lib.tables import Column, html_table, text_table

__all__ = ["Confusion", "confusion", "tally"]

_MOST = 30  # classes that a table in a notebook has room for


@dataclass(frozen=True, eq=False, repr=False)
class Confusion:
    """How often each class was taken for each; shown as a table in a notebook, and as text by ``print``.

    Attributes:
        classes: their names, in the order of rows and columns.
        counts: (classes, classes) of int64; ``counts[true, said]`` pictures.

    Example:
        >>> found = tally(["ant", "ant", "ant", "bee"], ["ant", "ant", "bee", "bee"])
        >>> found
        Confusion matrix of 4 pictures, 2 classes: 3 right (75.0%); ant taken for bee 1
        >>> found.recall["ant"] == 2 / 3, found.precision["bee"], found.mix_ups
        (True, 0.5, (('ant', 'bee', 1),))
        >>> print(found)
               ant  bee  pictures   recall
        ant      2    1         3   66.7%
        bee      0    1         1  100.0%
        said     2    2         4
        rows: what it is; columns: what was said; right: 3 of 4, 75.0%
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
        cells = sorted((-int(wrong[i, j]), i, j) for i, j in wrong.nonzero().tolist())
        return tuple((self.classes[i], self.classes[j], -count) for count, i, j in cells)

    def __repr__(self) -> str:
        worst = [f"{true} taken for {said} {count}" for true, said, count in self.mix_ups[:3]]
        head = f"Confusion matrix of {self.total} pictures, {len(self.classes)} classes: {self.right} right"
        return f"{head} ({_percent(self.accuracy)}); {', '.join(worst) or 'no mistake'}"

    def __str__(self) -> str:
        return f"{text_table(self._rows(), self._columns())}\nrows: what it is; columns: what was said; {self._score()}"

    def _repr_html_(self) -> str:
        if len(self.classes) > _MOST:
            columns: list[str | Column] = ["what it is", "what was said", Column("pictures", number=True)]
            return f"{html_table(self.mix_ups[:_MOST], columns, label='the most frequent mistakes')}{self._score()}"
        table = html_table(self._rows(), self._columns(), row_heads=True, label=repr(self))
        return f"{table}rows: what it is; columns: what was said; {self._score()}"

    def _columns(self) -> list[str | Column]:
        return [Column(), *(Column(head, number=True) for head in (*self.classes, "pictures", "recall"))]

    def _rows(self) -> list[list[object]]:
        rows: list[list[object]] = [
            [label, *row, sum(row), _percent(recall)]
            for (label, recall), row in zip(self.recall.items(), self.counts.tolist(), strict=True)
        ]
        return [*rows, ["said", *self.counts.sum(dim=0).tolist(), self.total, ""]]

    def _score(self) -> str:
        return f"right: {self.right} of {self.total}, {_percent(self.accuracy)}"


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
    for verb, given in (("shown", true), ("said", said)):
        if missing := [name for name in given if name not in place]:
            known = f"{', '.join(names[:12])}{', …' if len(names) > 12 else ''}"
            hint = closest(str(missing[0]), names)
            raise CourseError(f"{missing[0]!r} was {verb}, and is not among the classes given: {known}.{hint}")
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
            Where several answers are right, a picture counts as the one that was said, else as the first. A class of
            ImageNet's that counts as one of the classes shown is counted in its column: "Arabian camel" as "camel".
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
    labels = tuple(dict.fromkeys([*(picture.truth for picture in judged), *(classes or ())]))
    said = [_column(picture, labels) for picture in judged]
    return tally([picture.truth for picture in judged], said, classes=classes)


def _column(picture: Judged, labels: Sequence[str]) -> str:
    """The column of an answer: the first of ``labels`` that the answer would be right for, else its own name."""
    if picture.right:
        return picture.truth
    prediction = picture.row.prediction
    counts = (label for label in labels if prediction.index in right_outputs((label,), prediction.categories))
    return next(counts, picture.said)


def _percent(share: float) -> str:
    return "–" if share != share else f"{100 * share:.1f}%"
