"""Any classifier at work on a picture: columns of maps, a stage's operations, one number opened (lessons 01, 09)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from PIL import Image

from course_lib.drawing.network_figure import NetworkView, draw_network, network_view
from course_lib.drawing.number_figure import vector_shape
from course_lib.drawing.still import Still
from course_lib.errors import CourseError, closest
from course_lib.models.classifier import Classifier
from course_lib.pictures.images import open_image
from course_lib.tracing.layer_maps import fingerprint, same_place
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, choice, number

__all__ = ["network_explorer"]


@widget(
    example=lambda given: {"classifier": given.resnet, "picture": given.pictures["dog"]},
    moves=[
        {"channel": 9},
        {"row": 20},
        {"column": 3},
        {"layer": "layer1.0.bn1"},
        {"layer": "layer1.0.add"},
        {"layer": "avgpool"},
        {"layer": "fc"},
        {"layer": "softmax"},
        {"channel": 1},
        {"layer": "maxpool"},
    ],
    refuses=[({"layer": "layer9"}, "layer9"), ({"picture": 3}, "picture"), ({"channel": 99999}, "channel")],
)
def network_explorer(
    classifier: Classifier, picture: Image.Image, *, layer: str | None = None, channel: int | None = None
) -> Explorer:
    """A network's stages as columns of maps; a click on a map, an operation or a cell opens it.

    Args:
        classifier: its own transforms prepare the picture; its live model is looked into, in eval mode.
        picture: anything ``open_image`` takes.
        layer: the operation that is opened first, by its name in a trace; the first 3×3 convolution when left out.
        channel: of that operation's output; the strongest when left out.

    Raises:
        CourseError: no picture, no such layer or channel, or a model that cannot be looked into.
    """
    opened = open_image(picture)

    @lru_cache(maxsize=1)
    def view(_weights: int) -> NetworkView:
        return network_view(classifier, opened)

    def now() -> NetworkView:
        return view(fingerprint(classifier.model))

    start = now()
    layouts = {op.name: start.layouts.output(op) for op in start.seen.followed}
    if layer is not None and layer not in layouts:
        raise CourseError(f"There is no layer {layer!r} in this network.{closest(str(layer), layouts)}")
    first, strongest = (layer, start.channels(start.seen.of(layer), 1)[0]) if layer else start.first()
    channel = strongest if channel is None else channel
    layout = layouts[first]
    controls = {
        "layer": choice("operation", [(f"{op.name}   {op.plain}", op.name) for op in start.seen.followed], first),
        "channel": number("channel", 0, layout.channels - 1, channel),
    }
    row, column = start.peak(start.seen.of(first), channel)
    controls |= {
        "row": number("row", 0, layout.rows - 1, row),
        "column": number("column", 0, layout.columns - 1, column),
    }

    def settle(moved: str, before: Any) -> None:
        """Another operation has other channels, rows and columns; the place in the picture stays, and the channel does
        where there are as many."""
        if moved != "layer":
            return
        old, new = layouts[before], layouts[controls["layer"].value]
        slider = controls["channel"]
        keeps = old.channels == new.channels
        channel = slider.value if keeps else now().channels(now().seen.of(controls["layer"].value), 1)[0]
        slider.max = new.channels - 1
        slider.value = channel
        for name, was, cells in (("row", old.rows, new.rows), ("column", old.columns, new.columns)):
            place = same_place(controls[name].value, was, cells)
            controls[name].max = cells - 1
            controls[name].value = place

    def draw(layer: str, channel: int, row: int, column: int) -> Still:
        return draw_network(now(), layer, channel, row, column)

    def of_vector(at: tuple[int, int]) -> dict[str, Any]:
        _, columns = vector_shape(layouts[controls["layer"].value].channels)
        return {"channel": at[0] * columns + at[1]}

    touch: dict[str, Any] = {
        "layer": "layer",
        "map": ("layer", "channel"),
        "cell": ("row", "column"),
        "number": of_vector,
    }
    return Explorer(draw, controls, settle=settle, touch=touch)
