"""What a layer makes of a picture: strongest channels, a cell and the patch that it saw, two pictures side by side."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache

from PIL import Image
from torch import Tensor

from course_lib.drawing.map_figure import Maps, Scale, draw_maps, prepared
from course_lib.drawing.still import Still
from course_lib.errors import CourseError
from course_lib.models.classifier import Classifier
from course_lib.tracing import layer_maps
from course_lib.tracing.layer_maps import fingerprint
from course_lib.widgets.cell_controls import CellControls
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, choice

__all__ = ["NONE", "feature_map_explorer"]

#: The name of "no second picture" among the pictures.
NONE = "none"
_COUNTS = (4, 8, 12, 16, 24)
_KEPT = 12  # layers' maps in memory, of the last pictures looked at: a few MB each


@widget(
    example=lambda given: {"classifier": given.resnet, "pictures": given.pictures},
    moves=[
        {"layer": "layer1.0.add"},
        {"row": 3},
        {"column": 50},
        {"second": "car"},
        {"scale": "shared"},
        {"count": 4},
        {"layer": "layer3.0.add"},
        {"picture": "car"},
        {"second": "dog"},
        {"column": 0},
    ],
    refuses=[({"pictures": {}}, "no picture"), ({"layer": "layer9"}, "layer9")],
)
def feature_map_explorer(
    classifier: Classifier,
    pictures: Mapping[str, Image.Image],
    *,
    layer: str | None = None,
    second: str = NONE,
    scale: Scale = "each its own",
    count: int = 12,
) -> Explorer:
    """Picture × second picture × layer × colour scale × number of channels, and a cell by row and column.

    Args:
        classifier: its live model is looked into, its own transforms prepare the pictures.
        pictures: by name.
        layer: the one shown first; the first of all when left out.
        second: the name of the picture beside it, or ``NONE``.
        scale, count: as in ``drawing.maps_of``.

    Raises:
        CourseError: no picture, no such layer, or a model that cannot be looked into.
    """
    if not pictures:
        raise CourseError("There is no picture to look at: give at least one, by name.")

    @cache
    def ready(name: str) -> tuple[Image.Image, Tensor]:
        return prepared(classifier, pictures[name])

    @lru_cache(maxsize=_KEPT)
    def seen(name: str, layer: str, _weights: int) -> Maps:
        crop, batch = ready(name)
        return Maps(name, crop, layer_maps.feature_maps(classifier.model, batch, layer)[0].float().cpu())

    cells = CellControls(layer_maps.sizes(classifier.model, ready(next(iter(pictures)))[1].shape[1:]), layer)

    def draw(picture: str, second: str, layer: str, scale: Scale, count: int, row: int, column: int) -> Still:
        names = [picture] if second in (NONE, picture) else [picture, second]
        weights = fingerprint(classifier.model)
        found = [seen(name, layer, weights) for name in names]
        return draw_maps(classifier.model, layer, found, count=count, scale=scale, cell=(row, column))

    # It begins at the cell that answers most strongly, not at the middle, which may be sky.
    found = seen(next(iter(pictures)), cells.controls["layer"].value, fingerprint(classifier.model)).values
    (channel,) = layer_maps.strongest(found, 1)
    place = divmod(int(found[channel].abs().argmax()), found.shape[2])
    for name, value in zip(("row", "column"), place, strict=True):
        cells.controls[name].value = value

    controls = {
        "picture": choice("picture", pictures),
        "second": choice("beside it", [NONE, *pictures], second),
        "layer": cells.controls["layer"],
        "scale": choice("colour scale", ["shared", "each its own"], scale),
        "count": choice("channels", sorted({*_COUNTS, count}), count),
        "row": cells.controls["row"],
        "column": cells.controls["column"],
    }
    return Explorer(draw, controls, settle=cells.settle, touch={"cell": ("row", "column")})
