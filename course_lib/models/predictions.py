"""Predictions as values: the top k of one picture, those of a whole folder, and which of them are right.

``classifier`` makes them; whether an answer is right is decided by ``pictures.truth``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from course_lib.errors import CourseError
from course_lib.pictures.truth import Truths, file_of, right_answers, right_outputs
from course_lib.tables import Column, html_table

__all__ = ["FolderPredictions", "FolderRow", "Judged", "Prediction", "from_logits"]


@dataclass(frozen=True, repr=False)
class Prediction:
    """The k most probable classes of one picture, best first.

    Attributes:
        labels: the classes' names.
        indices: their places in the model's output.
        probabilities: softmax of the logits, between 0 and 1.
        logits: all of the model's outputs for this picture, one number a class, on the CPU.
        categories: the names of all of the model's outputs.

    Example:
        >>> import torch
        >>> print(from_logits(torch.tensor([0.0, 2.0, 1.0]), ("cat", "dog", "car"), k=2))
        dog   66.5%
        car   24.5%
    """

    labels: tuple[str, ...]
    indices: tuple[int, ...]
    probabilities: tuple[float, ...]
    logits: Tensor = field(compare=False, repr=False)
    categories: tuple[str, ...] = field(compare=False, repr=False)

    @property
    def label(self) -> str:
        """The most probable class."""
        return self.labels[0]

    @property
    def index(self) -> int:
        """The place of the most probable class in the model's output."""
        return self.indices[0]

    @property
    def probability(self) -> float:
        """The probability of the most probable class, between 0 and 1."""
        return self.probabilities[0]

    def __repr__(self) -> str:
        # No more digits than any two machines agree on.
        best = zip(self.labels, self.probabilities, strict=True)
        return f"Prediction({', '.join(f'{label} {_percent(probability)}' for label, probability in best)})"

    def __str__(self) -> str:
        width = max(len(label) for label in self.labels)
        return "\n".join(
            f"{label:<{width}}  {_percent(probability):>7}"
            for label, probability in zip(self.labels, self.probabilities, strict=True)
        )

    def _repr_html_(self) -> str:
        rows = zip(self.labels, map(_percent, self.probabilities), strict=True)
        return html_table(rows, ["class", Column("probability", number=True)], label="the most probable classes")


@dataclass(frozen=True)
class FolderRow:
    """One picture of a folder: its path, what was predicted, and the seconds that it took.

    The seconds are those of opening and transforming this picture plus its share of its batch's forward pass. Since
    pictures are opened while others are computed, they add up to more than the folder's ``total_seconds``.
    """

    path: Path
    prediction: Prediction
    seconds: float


@dataclass(frozen=True, repr=False)
class Judged:
    """One picture of a folder: what it shows, what the model said, and whether that is right.

    Attributes:
        row: its path, its prediction and its seconds.
        truth: the true class's name, as the truth tells it; where several answers are right, the one that was said,
            else the first.
        said: the predicted class's name, with its index where two classes of the model have the same name.
        right: whether the prediction is right.
    """

    row: FolderRow
    truth: str
    said: str
    right: bool

    @property
    def probability(self) -> float:
        """How sure the model was of what it said, between 0 and 1."""
        return self.row.prediction.probability

    @property
    def file(self) -> str:
        """The picture's folder and name, such as ``"bee/00007.png"``."""
        return file_of(self.row.path)

    def __str__(self) -> str:
        return f"{self.file}: {self.said} {_percent(self.probability)}, {self.verdict}"

    def __repr__(self) -> str:
        return f"Judged({self})"

    @property
    def verdict(self) -> str:
        """In words: "right", or "wrong, truth: bee"."""
        return "right" if self.right else f"wrong, truth: {self.truth}"


@dataclass(frozen=True)
class FolderPredictions:
    """A folder's predictions, in the order of the file names.

    Attributes:
        rows: one a picture that could be opened.
        skipped: (path, reason) of those that could not.
        total_seconds: from the first file to the last answer.
        device: where the model ran, such as ``"cpu"``.
    """

    rows: tuple[FolderRow, ...]
    skipped: tuple[tuple[Path, str], ...]
    total_seconds: float
    device: str

    @property
    def mean_seconds(self) -> float:
        """Seconds a picture on average, as the clock on the wall sees it; 0 when there are none."""
        return self.total_seconds / len(self.rows) if self.rows else 0.0

    def accuracy(self, truth: Truths | None = None) -> float:
        """The share of pictures whose best class is right, between 0 and 1; ``truth`` as for ``judged``.

        Raises:
            CourseError: as ``judged``.

        Example:
            >>> import torch
            >>> ant = from_logits(torch.tensor([2.0, 1.0]), ("ant", "bee"), k=1)
            >>> rows = tuple(FolderRow(Path(f"ant/{i}.png"), ant, 0.1) for i in range(3))
            >>> folder = FolderPredictions(rows, (), 0.3, "cpu")
            >>> folder.accuracy(), folder.accuracy(lambda path: (1, "wasp"))
            (1.0, 0.0)
        """
        judged = self.judged(truth)
        return sum(picture.right for picture in judged) / len(judged)

    def judged(self, truth: Truths | None = None) -> tuple[Judged, ...]:
        """Every picture with what it shows and whether the answer is right, in the order of the rows.

        For the picture book's classes the counterparts among ImageNet's are right too (``pictures.truth``).

        Args:
            truth: as ``pictures.right_answers`` takes it: a function or a mapping; when left out, a picture shows what
                its folder is called.

        Raises:
            CourseError: there are no pictures, the mapping does not know one of them, or what it gives isn't a truth.

        Example:
            >>> import torch
            >>> ant = from_logits(torch.tensor([2.0, 1.0]), ("ant", "bee"), k=2)
            >>> rows = tuple(FolderRow(Path(f"{label}/1.png"), ant, 0.1) for label in ("ant", "bee"))
            >>> print(*FolderPredictions(rows, (), 0.3, "cpu").judged(), sep="\\n")
            ant/1.png: ant 73.1%, right
            bee/1.png: ant 73.1%, wrong, truth: bee
        """
        if not self.rows:
            raise CourseError("There is no accuracy without pictures: every file of this folder was skipped.")
        names = _names(row.prediction for row in self.rows)
        return tuple(_judge(row, right_answers(row.path, truth), names) for row in self.rows)

    def as_html(self, limit: int = 20) -> str:
        """A table of the first ``limit`` pictures with their best class, and of every file that was skipped."""
        rows = [
            (row.path.name, row.prediction.label, _percent(row.prediction.probability)) for row in self.rows[:limit]
        ]
        if len(self.rows) > limit:
            rows.append((f"and {len(self.rows) - limit} more", "", ""))
        rows += [(path.name, f"skipped: {reason}", "") for path, reason in self.skipped]
        return html_table(
            rows, ["picture", "class", Column("probability", number=True)], label="a folder's predictions"
        )

    def _repr_html_(self) -> str:
        return self.as_html()

    def __str__(self) -> str:
        lines = [f"{len(self.rows)} pictures on {self.device}, {len(self.skipped)} skipped"]
        lines += [
            f"{row.path.name}: {row.prediction.label} {_percent(row.prediction.probability)}" for row in self.rows
        ]
        lines += [f"{path.name}: skipped, {reason}" for path, reason in self.skipped]
        return "\n".join(lines)


def from_logits(logits: Tensor, categories: tuple[str, ...], *, k: int) -> Prediction:
    """Turn one picture's logits, (classes,), into its top ``k`` (all of them when there are fewer).

    Raises:
        CourseError: ``k`` is not a whole number of at least 1.
    """
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise CourseError(f"k is how many classes to name, a whole number of at least 1, not {k!r}.")
    logits = logits.detach().float().cpu()
    best = logits.softmax(dim=0).topk(min(k, logits.numel()))
    indices = tuple(int(index) for index in best.indices)
    # A model with more outputs than names (a learner's own head) still gets an answer: the output's number.
    names = tuple(categories)
    if len(names) < logits.numel():
        names += tuple(map(_unnamed, range(len(names), logits.numel())))
    labels = tuple(names[index] for index in indices)
    return Prediction(labels, indices, tuple(float(value) for value in best.values), logits, names)


def _percent(probability: float) -> str:
    return f"{100 * probability:.1f}%"


def _judge(row: FolderRow, answers: tuple[str | int, ...], names: Mapping[int, str]) -> Judged:
    prediction = row.prediction
    said = names[prediction.index]
    right = [answer for answer in answers if prediction.index in right_outputs((answer,), prediction.categories)]
    if right:
        truth = right[0] if isinstance(right[0], str) else said
    else:
        first = answers[0] if answers else "none of the classes"
        truth = first if isinstance(first, str) else names.get(first, _unnamed(first))
    return Judged(row, truth, said, bool(right))


def _names(predictions: Iterable[Prediction]) -> dict[int, str]:
    """Index → name of every class that was named; two classes of the same name are told apart by their index."""
    labels = {index: label for each in predictions for index, label in zip(each.indices, each.labels, strict=True)}
    often = Counter(labels.values())
    return {index: label if often[label] == 1 else f"{label} ({index})" for index, label in labels.items()}


def _unnamed(index: int) -> str:
    return f"class {index}"
