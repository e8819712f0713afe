"""What a classifier answers: one picture's top k, or a whole folder's, as values that no longer change.

These are results only; ``classifier.py`` makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from torch import Tensor

from course_lib.errors import CourseError

__all__ = ["FolderPredictions", "FolderRow", "Prediction", "from_logits"]

#: What a picture truly shows: a label, an index, or several of either when more than one answer is right.
Truth = str | int | Collection[str | int]


@dataclass(frozen=True, repr=False)
class Prediction:
    """The k most probable classes of one picture, best first.

    Attributes:
        labels: the classes' names.
        indices: their places in the model's output.
        probabilities: softmax of the logits, between 0 and 1.
        logits: all of the model's outputs for this picture, one number a class, on the CPU.

    Example:
        >>> import torch
        >>> print(from_logits(torch.tensor([0.0, 2.0, 1.0]), ("cat", "dog", "car"), k=2))
        dog   66.5 %
        car   24.5 %
    """

    labels: tuple[str, ...]
    indices: tuple[int, ...]
    probabilities: tuple[float, ...]
    logits: Tensor = field(compare=False, repr=False)

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
        rows = "".join(
            f'<tr><td style="text-align:left">{escape(label)}</td><td>{_percent(probability)}</td></tr>'
            for label, probability in zip(self.labels, self.probabilities, strict=True)
        )
        return f"<table><tr><th scope='col'>class</th><th scope='col'>probability</th></tr>{rows}</table>"


@dataclass(frozen=True)
class FolderRow:
    """One picture of a folder: its path, what was predicted, and the seconds that it took.

    The seconds are those of opening and transforming this picture plus its share of its batch's forward pass. Since
    pictures are opened while others are computed, they add up to more than the folder's ``total_seconds``.
    """

    path: Path
    prediction: Prediction
    seconds: float


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

    def accuracy(self, truth: Mapping[str, Truth] | Mapping[Path, Truth] | Callable[[Path], Truth]) -> float:
        """The share of pictures whose best class is the true one, between 0 and 1.

        Args:
            truth: a function of a path, or a mapping from paths or file names. What it gives is a label, an index,
                or a collection of those when more than one answer is right.

        Raises:
            CourseError: there are no pictures, or the mapping does not know one of them.

        Example:
            >>> import torch
            >>> ant = from_logits(torch.tensor([2.0, 1.0]), ("ant", "bee"), k=1)
            >>> rows = tuple(FolderRow(Path(f"ant/{i}.png"), ant, 0.1) for i in range(3))
            >>> folder = FolderPredictions(rows, (), 0.3, "cpu")
            >>> folder.accuracy(lambda path: path.parent.name), folder.accuracy(lambda path: (1, "wasp"))
            (1.0, 0.0)
        """
        if not self.rows:
            raise CourseError("There is no accuracy without pictures: every file of this folder was skipped.")
        right = sum(_is_right(row.prediction, _true(row.path, truth)) for row in self.rows)
        return right / len(self.rows)

    def as_html(self, limit: int = 20) -> str:
        """A table of the first ``limit`` pictures with their best class, and of every file that was skipped."""
        cells = [
            (escape(row.path.name), escape(row.prediction.label), _percent(row.prediction.probability))
            for row in self.rows[:limit]
        ]
        if len(self.rows) > limit:
            cells.append((f"and {len(self.rows) - limit} more", "", ""))
        cells += [(escape(path.name), f"skipped: {escape(reason)}", "") for path, reason in self.skipped]
        head = "".join(f"<th scope='col'>{name}</th>" for name in ("picture", "class", "probability"))
        body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in cells)
        return f"<table><tr>{head}</tr>{body}</table>"

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
    labels = tuple(categories[index] if index < len(categories) else f"class {index}" for index in indices)
    return Prediction(labels, indices, tuple(float(value) for value in best.values), logits)


def _percent(probability: float) -> str:
    return f"{100 * probability:.1f} %"


def _true(path: Path, truth: Mapping[str, Truth] | Mapping[Path, Truth] | Callable[[Path], Truth]) -> Truth:
    if not isinstance(truth, Mapping):
        return truth(path)
    for key in (path, str(path), path.name):
        if key in truth:
            return truth[key]  # type: ignore[index]
    raise CourseError(f"The truth does not say what {path.name} shows: give it under the file's name or path.")


def _is_right(prediction: Prediction, truth: Truth) -> bool:
    if isinstance(truth, (str, int)):
        truth = (truth,)
    return prediction.label in truth or prediction.index in truth
