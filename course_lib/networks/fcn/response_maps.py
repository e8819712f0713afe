"""``ResponseMap``: a map of logits with its classes, the windows of its cells and a printed form.

Nothing is enlarged, thresholded or drawn here (``localisation``, ``course_lib.drawing.response_figure``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase

import torch
from torch import Tensor

from course_lib.errors import closest
from course_lib.models.memory_format import in_channels_last
from course_lib.networks.fcn.fully_convolutional import FcnError, FullyConvolutional
from course_lib.pictures.images import open_image

__all__ = ["Box", "ResponseMap", "class_names", "response_map"]

#: (left, top, right, bottom) in pixels of the picture; right and bottom are not part of it.
Box = tuple[int, int, int, int]

_WRITTEN_OUT = 8  # columns; a map with more of them is printed with a letter for each class


@dataclass(frozen=True, repr=False)
class ResponseMap:
    """Which class is where: the logits of each window of a picture.

    Attributes:
        logits: (classes, h, w); they become float32 on the CPU, without gradients.
        categories: the classes' names in the order of the logits; "class 354" where the network knows no names.
        size: (width, height) of the picture in pixels, as Pillow has it.
        stride: pixels from one cell to the next.
        window: side in pixels of the square that a cell answers for.

    Example:
        >>> logits = torch.tensor([[[1.0, 0.0, 0.0]], [[0.0, 2.0, 5.0]]])
        >>> cells = ResponseMap(logits, ("cat", "dog"), size=(320, 224), stride=48, window=224)
        >>> cells.label, cells.cell, cells.score, cells.box_of(*cells.cell)
        ('dog', (0, 2), 5.0, (96, 0, 320, 224))
        >>> print(cells)
         cat   dog  *dog
        1×3 cells, 48 pixels apart, for windows of 224×224 pixels. * is the largest logit: dog in row 0, column 2.
    """

    logits: Tensor = field(compare=False)
    categories: tuple[str, ...]
    size: tuple[int, int]
    stride: int
    window: int

    def __post_init__(self) -> None:
        if self.logits.dim() != 3 or 0 in self.logits.shape or len(self.categories) != len(self.logits):
            raise FcnError(
                f"A response map has logits (classes, rows, columns) and a name for each class, not logits "
                f"{tuple(self.logits.shape)} and {len(self.categories)} names."
            )
        object.__setattr__(self, "logits", self.logits.detach().float().cpu())
        if not bool(self.logits.isfinite().all()):
            raise FcnError(
                "The map holds numbers that are not finite (NaN or infinity), so no cell is the best one. Look at the "
                "weights: such numbers mean that the training went wrong."
            )

    # -- classes ------------------------------------------------------------------------------------------------------
    @property
    def probabilities(self) -> Tensor:
        """(classes, h, w): softmax over the classes of each cell."""
        return self.logits.softmax(0)

    @property
    def labels(self) -> tuple[tuple[str, ...], ...]:
        """The most probable class of every cell, row by row."""
        return tuple(tuple(self.categories[k] for k in row) for row in self.logits.argmax(0).tolist())

    @property
    def index(self) -> int:
        """The class that has the largest logit of the whole map, as its index among the categories."""
        return int(self.logits.amax((1, 2)).argmax())

    @property
    def label(self) -> str:
        """The class that has the largest logit of the whole map."""
        return self.categories[self.index]

    @property
    def cell(self) -> tuple[int, int]:
        """(row, column) of that logit."""
        return self.cell_of(self.index)

    @property
    def score(self) -> float:
        """That logit."""
        return float(self.logits.max())

    @property
    def probability(self) -> float:
        """The winning class's share in its best cell, by softmax over the classes."""
        row, column = self.cell
        return float(self.probabilities[self.index, row, column])

    def cell_of(self, label: str | int) -> tuple[int, int]:
        """(row, column) of the cell with the largest logit of one class; the first one of equals.

        Raises:
            FcnError: there is no such class.
        """
        layer = self.logits[self.index_of(label)]
        row_best, columns = layer.max(1)  # each row's maximum and its column: (h,), (h,)
        row = int(row_best.argmax())
        return row, int(columns[row])

    def index_of(self, label: str | int) -> int:
        """The index of a class, given by its name or by its index.

        Raises:
            FcnError: there is no such class.
        """
        if isinstance(label, int) and not isinstance(label, bool):
            if 0 <= label < len(self.categories):
                return label
            raise FcnError(f"label={label}: the map's classes are 0 to {len(self.categories) - 1}.")
        if label in self.categories:
            return self.categories.index(label)
        raise FcnError(f"label={label!r} is none of the map's {len(self.categories)} classes."
                       f"{closest(str(label), self.categories)}")  # fmt: skip

    # -- windows ------------------------------------------------------------------------------------------------------
    def box_of(self, row: int, column: int) -> Box:
        """The part of a cell's window that lies on the picture: (left, top, right, bottom) in pixels.

        Raises:
            FcnError: there is no such cell.
        """
        rows, columns = self.logits.shape[1:]
        if not (0 <= row < rows and 0 <= column < columns):
            raise FcnError(
                f"There is no cell ({row}, {column}): this map has rows 0 to {rows - 1}, columns 0 to {columns - 1}."
            )
        left, top = column * self.stride, row * self.stride
        return left, top, min(left + self.window, self.size[0]), min(top + self.window, self.size[1])

    def middle_of(self, row: int, column: int) -> tuple[float, float]:
        """(x, y) of the middle of a cell's window; the last windows of a map may reach beyond the picture."""
        self.box_of(row, column)
        return column * self.stride + self.window / 2, row * self.stride + self.window / 2

    # -- printing -----------------------------------------------------------------------------------------------------
    def __repr__(self) -> str:
        _, rows, columns = self.logits.shape
        row, column = self.cell
        return f"ResponseMap({rows}×{columns} cells, best: {self.label} in row {row}, column {column})"

    def __str__(self) -> str:
        _, rows, columns = self.logits.shape
        row, column = self.cell
        names = [list(line) for line in self.labels]
        key = ""
        if columns > _WRITTEN_OUT:
            probable = (self.probabilities.amax(0) >= 0.5).tolist()
            names = [[name if half else "" for name, half in zip(*row, strict=True)]
                     for row in zip(names, probable, strict=True)]  # fmt: skip
            letters = _letters({name for line in names for name in line if name}, self.categories)
            names = [[letters.get(name, "·") for name in line] for line in names]
            key = "".join(f"{letter} {name}, " for name, letter in letters.items()) + "· no class with half or more\n"
        wide = max(len(name) for line in names for name in line) + (columns <= _WRITTEN_OUT)
        lines = [
            " ".join(("*" if (r, c) == (row, column) else " ") + f"{name:<{wide}}" for c, name in enumerate(line))
            for r, line in enumerate(names)
        ]
        return (
            "\n".join(line.rstrip() for line in lines) + f"\n{key}"
            f"{rows}×{columns} cells, {self.stride} pixels apart, for windows of {self.window}×{self.window} pixels. "
            f"* is the largest logit: {self.label} in row {row}, column {column}."
        )


def _letters(names: set[str], categories: tuple[str, ...]) -> dict[str, str]:
    """A letter for each name, in the order of the categories: the first of its own that is free, else any; then "?"."""
    chosen: dict[str, str] = {}
    for name in sorted(names, key=categories.index):
        candidates = [letter for letter in name.upper() + ascii_uppercase if letter in ascii_uppercase]
        chosen[name] = next((letter for letter in candidates if letter not in chosen.values()), "?")
    return chosen


def class_names(categories: Sequence[str] | None, count: int) -> tuple[str, ...]:
    """The categories; where there are none, "class 0", "class 1" and so on."""
    return tuple(categories or (f"class {k}" for k in range(count)))


def response_map(fcn: FullyConvolutional, picture: object) -> ResponseMap:
    """Run a picture through a fully convolutional network at the picture's own size.

    Args:
        fcn: made by ``convert``.
        picture: anything ``images.open_image`` takes; it is normalised, neither resized nor cropped.

    Raises:
        FcnError: this is not a fully convolutional network, or the picture is smaller than what one cell needs.
        PictureError: this is not a picture.

    Example:
        >>> from PIL import Image
        >>> from course_lib.networks.fcn import convert
        >>> cells = response_map(convert("squeezenet1_1"), Image.new("RGB", (400, 300)))
        >>> cells.logits.shape, cells.size
        (torch.Size([1000, 1, 1]), (400, 300))
    """
    if not isinstance(fcn, FullyConvolutional):
        raise FcnError(
            f"response_map needs a fully convolutional network, not a {type(fcn).__name__}. Make one with "
            "fcn = convert(classifier)."
        )
    opened = open_image(picture)
    with torch.inference_mode():
        logits = in_channels_last(fcn, fcn.prepare(opened), model=fcn)[0]
    # The copy is an ordinary tensor, usable with autograd.
    logits = logits.detach().float().cpu().clone()
    return ResponseMap(logits, class_names(fcn.categories, len(logits)), opened.size, fcn.stride, fcn.window)
