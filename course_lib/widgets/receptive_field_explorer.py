"""What a cell of a layer sees of the picture: the field in theory, and the gradient that is measured inside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from PIL import Image
from torch import Tensor

from course_lib.drawing.field_figure import draw_sight
from course_lib.drawing.map_figure import prepared
from course_lib.drawing.still import Still
from course_lib.errors import CourseError
from course_lib.models.classifier import Classifier
from course_lib.tracing import layer_maps, receptive
from course_lib.tracing.layer_maps import fingerprint
from course_lib.widgets.cell_controls import CellControls
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, choice

__all__ = ["receptive_field_explorer"]


@widget(
    example=lambda given: {"classifiers": [given.resnet, given.squeezenet], "pictures": given.pictures},
    moves=[
        {"layer": "maxpool"},
        {"row": 31},
        {"column": 9},
        {"model": "squeezenet1_1"},
        {"picture": "car"},
        {"layer": "features.7.cat"},
        {"row": 0},
    ],
    refuses=[({"classifiers": []}, "no model"), ({"pictures": {}}, "no picture"), ({"layer": "layer9"}, "layer9")],
)
def receptive_field_explorer(
    classifiers: Classifier | Sequence[Classifier],
    pictures: Mapping[str, Image.Image],
    *,
    layer: str | None = None,
) -> Explorer:
    """Model (where there are several) × picture × layer × row × column.

    Args:
        classifiers: one or several; their live models are measured, their own transforms prepare the pictures.
        pictures: by name.
        layer: the one shown first; the middle one when left out.

    Raises:
        CourseError: no model, no picture, no such layer, or a model that cannot be looked into.
    """
    several = [classifiers] if isinstance(classifiers, Classifier) else list(classifiers)
    by_name = {one.name: one for one in several}
    if not by_name or not pictures:
        missing = "model" if not by_name else "picture"
        raise CourseError(f"There is no {missing} to look at: give at least one classifier and one picture by name.")

    @cache
    def ready(model: str, picture: str) -> tuple[Image.Image, Tensor]:
        return prepared(by_name[model], pictures[picture])

    @cache
    def sizes(model: str) -> Mapping[str, tuple[int, int, int]]:
        return layer_maps.sizes(by_name[model].model, ready(model, next(iter(pictures)))[1].shape[1:])

    @lru_cache(maxsize=256)
    def seen(model: str, picture: str, layer: str, row: int, column: int, _weights: int) -> Tensor:
        return receptive.gradient_field(by_name[model].model, ready(model, picture)[1], layer, row, column)

    first = next(iter(by_name))
    names = list(sizes(first))
    cells = CellControls(sizes(first), layer or names[len(names) // 2])

    def draw(picture: str, layer: str, row: int, column: int, model: str = first) -> Still:
        weights = fingerprint(by_name[model].model)
        gradient, (crop, _) = seen(model, picture, layer, row, column, weights), ready(model, picture)
        title = f"{model}, {layer}"
        return draw_sight(by_name[model].model, layer, (row, column), crop, gradient, name=picture, title=title,
                          cells=sizes(model)[layer][1:])  # fmt: skip

    controls = {"picture": choice("picture", pictures), **cells.controls}
    if len(by_name) > 1:
        controls = {"model": choice("model", by_name), **controls}

    def settle(moved: str, before: Any) -> None:
        if moved == "model":
            cells.take(sizes(controls["model"].value))
        cells.settle(moved, before)

    return Explorer(draw, controls, settle=settle, touch={"cell": ("row", "column")})
