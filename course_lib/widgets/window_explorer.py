"""Drag a window over a wide picture: a linear row becomes a kernel, a score a cell of the response map (lesson 06)."""

from __future__ import annotations

from functools import lru_cache

from PIL import Image
from torch import Tensor

from course_lib.drawing.still import Still
from course_lib.drawing.window_figure import draw_window
from course_lib.errors import CourseError
from course_lib.models.classifier import Classifier
from course_lib.networks.fcn.folded_row import FoldedRow, folded_row, score_alone
from course_lib.pictures.images import open_image
from course_lib.tracing.layer_maps import fingerprint
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, choice, number

__all__ = ["window_explorer"]

_KEPT = 256  # windows' own scores, a few kB each


@widget(
    example=lambda given: {"classifier": given.resnet, "picture": given.scenes["camel"].picture},
    moves=[{"row": 0}, {"column": 1}, {"label": "cat"}],
    refuses=[
        ({"label": "unicorn"}, "unicorn"),
        ({"picture": Image.new("RGB", (64, 64))}, "picture"),
        ({"row": 99}, "row"),
    ],
)
def window_explorer(
    classifier: Classifier, picture: Image.Image, *, label: str | None = None, row: int | None = None,
    column: int | None = None,
) -> Explorer:  # fmt: skip
    """A class and a window's place; the window can be dragged on the picture, and on the response map.

    Args:
        classifier: its live model is converted; its head is a pool, a flatten and one linear layer, as a ResNet's.
        picture: larger than one window; anything ``open_image`` takes.
        label: one of the classifier's categories; the one with the largest score anywhere when left out.
        row, column: the first window, as a cell of the response map; the middle one when left out.

    Raises:
        CourseError: a picture that is too small, no such class or cell, or another kind of head.
    """
    opened = open_image(picture)
    if label is not None and label not in classifier.categories:
        raise CourseError(f"label={label!r} isn't a class of {classifier.name}.")

    @lru_cache(maxsize=1)
    def folded(_weights: int) -> FoldedRow:
        return folded_row(classifier, opened)

    @lru_cache(maxsize=_KEPT)
    def alone(weights: int, row: int, column: int) -> Tensor | None:
        return score_alone(classifier, folded(weights), row, column)

    def draw(label: str, row: int, column: int) -> Still:
        weights = fingerprint(classifier.model)
        scores = alone(weights, row, column)
        own = None if scores is None else float(scores[folded(weights).response.categories.index(label)])
        return draw_window(opened, folded(weights), label, row, column, alone=own)

    cells = folded(fingerprint(classifier.model)).response
    _, rows, columns = cells.logits.shape
    controls = {
        "label": choice("class", cells.categories, label or cells.label),
        "row": number("row", 0, rows - 1, rows // 2 if row is None else row),
        "column": number("column", 0, columns - 1, columns // 2 if column is None else column),
    }
    return Explorer(draw, controls, touch={"cell": ("row", "column")})
