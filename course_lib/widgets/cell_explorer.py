"""What one cell of a response map sees of the picture: its window, its field in theory, its gradient."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from course_lib.drawing.field_figure import draw_cell_sight
from course_lib.drawing.still import Still, stacked
from course_lib.errors import CourseError
from course_lib.networks.fcn import FullyConvolutional, convert
from course_lib.networks.fcn.field_of_view import Sight, cell_gradient, cell_sight
from course_lib.tracing.layer_maps import fingerprint
from course_lib.tracing.receptive import effective
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, choice, number

__all__ = ["ITS_OWN", "NONE", "cell_explorer"]

#: The class that the cell itself names.
ITS_OWN = "what the cell says"
#: The name of no second class.
NONE = "none"
_DRAWN = 32  # pictures in memory, 150 kB each
_KEPT = 64  # gradients in memory, 2 MB each for a picture of 387×1024


@widget(
    example=lambda given: {"picture": given.scenes["camel"].picture, "fcn": convert(given.resnet, dense=True)},
    moves=[
        {"row": 0},
        {"column": 3},
        {"label": "camel"},
        {"beside": "goldfish"},
        {"row": 1},
        {"beside": NONE},
        {"label": ITS_OWN},
    ],
    refuses=[({"label": "unicorn"}, "unicorn"), ({"cell": (99, 0)}, "99")],
)
def cell_explorer(
    picture: Image.Image, fcn: FullyConvolutional, *, cell: tuple[int, int] | None = None, label: str = ITS_OWN
) -> Explorer:
    """Row × column × class × another class below it; no slider for the rows of a map that has one alone.

    Args:
        picture: the whole picture, not resized.
        fcn: made by ``networks.convert``.
        cell: (row, column) shown first; the one with the largest logit of all when left out.
        label: one of the network's categories, or ``ITS_OWN``.

    Raises:
        CourseError: the picture is too small, or there is no such cell or class.
    """
    batch = fcn.prepare(picture)
    names = [str(name) for name in fcn.categories or ()]
    if label not in (ITS_OWN, *names):
        raise CourseError(f"label={label!r} isn't a class of this network; {ITS_OWN!r} is always there.")

    @lru_cache(maxsize=2)
    def logits(_weights: int) -> Tensor:
        with torch.inference_mode():
            found: Tensor = fcn(batch)[0].float().cpu()
        return found

    @lru_cache(maxsize=_KEPT)
    def seen(row: int, column: int, index: int, _weights: int) -> tuple[Tensor, Tensor]:
        gradient = cell_gradient(fcn, batch, row, column, index=index)
        return gradient, effective(gradient)

    @lru_cache(maxsize=4096)
    def sight(row: int, column: int) -> Sight:
        return cell_sight(fcn, row, column, (picture.height, picture.width))

    def draw(row: int, column: int, label: str, beside: str) -> Still:
        weights = fingerprint(fcn)
        first = draw_one(row, column, label, weights)
        return first if beside == NONE else stacked(first, draw_one(row, column, beside, weights))

    @lru_cache(maxsize=_DRAWN)
    def draw_one(row: int, column: int, label: str, weights: int) -> Still:
        here = logits(weights)[:, row, column]
        index = int(here.argmax()) if label == ITS_OWN else names.index(label)
        name = names[index] if names else f"class {index}"
        left, top = column * fcn.stride, row * fcn.stride
        window = (left, top, left + fcn.window, top + fcn.window)
        said = f"{name} ({100 * float(here.softmax(0)[index]):.0f}%)"
        gradient, held = seen(row, column, index, weights)
        return draw_cell_sight(
            picture, gradient, sight(row, column), window, (row, column), label=said, held=held, cells=(rows, columns),
            stride=fcn.stride, words=partial(words, weights),
        )  # fmt: skip

    def words(weights: int, row: int, column: int) -> str:
        here = logits(weights)[:, row, column].softmax(0)
        top = [
            f"{names[k] if names else f'class {k}'} {100 * float(here[k]):.0f}%"
            for k in here.topk(min(3, len(here))).indices.tolist()
        ]
        return "\n".join([f"row {row}, column {column}", *top])

    first = logits(fingerprint(fcn))
    rows, columns = first.shape[-2:]
    row, column = cell if cell is not None else divmod(int(first.amax(0).argmax()), columns)
    cell_sight(fcn, row, column, (picture.height, picture.width))  # says what is wrong before a control is made of it
    places = {"row": (rows, row), "column": (columns, column)}
    # A slider of one place would be one that does not answer.
    alone: dict[str, Any] = {name: place for name, (count, place) in places.items() if count == 1}
    sliders = {name: number(name, 0, count - 1, place) for name, (count, place) in places.items() if count > 1}

    def moved(place: tuple[int, int]) -> dict[str, int]:
        return {name: value for name, value in zip(places, place, strict=True) if name in sliders}

    controls = {
        **sliders,
        "label": choice("class", [ITS_OWN, *names], label),
        "beside": choice("and below it", [NONE, *names]),
    }
    return Explorer(partial(draw, **alone), controls, touch={"cell": moved})
