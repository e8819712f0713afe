"""What a layer makes of a picture: strongest channels, a cell and the patch that it saw, two pictures side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache

import ipywidgets as widgets
from PIL import Image
from torch import Tensor

from course_lib import featuremaps
from course_lib.classifier import Classifier
from course_lib.diagrams.maps import Maps, Scale, draw_maps, prepared
from course_lib.errors import CourseError
from course_lib.extraction import fingerprint
from course_lib.figures import Still
from course_lib.widgets.explorer import Explorer, choice, number

__all__ = ["NONE", "Places", "feature_map_explorer", "waiting"]

#: The name of "no second picture" among the pictures.
NONE = "none"
_COUNTS = (4, 8, 12, 16, 24)
_KEPT = 12  # layers' maps in memory, of the last pictures looked at: a few MB each


class Places:
    """Controls for a layer and a cell of it: another layer has other rows and columns, and keeps the place.

    Args:
        sizes: name → (channels, height, width) of every layer that can be chosen.
        layer: the first one shown; the first of all when left out.

    Attributes:
        controls: "layer", "row" and "column".
        moving: while one control's change moves the others, nothing needs to be drawn: the change itself comes last.

    Raises:
        CourseError: there is no such layer.
    """

    def __init__(self, sizes: Mapping[str, tuple[int, int, int]], layer: str | None = None) -> None:
        self.sizes, self.moving = dict(sizes), False
        if layer is not None and layer not in self.sizes:
            raise featuremaps.LayerError(f"{layer!r} is not among the layers to look at: {', '.join(self.sizes)}.")
        self._layer = layer or next(iter(self.sizes))
        _, height, width = self.sizes[self._layer]
        self.controls: dict[str, widgets.Widget] = {
            "layer": choice("layer", self._options(), self._layer),
            "row": number("row", 0, height - 1, height // 2),
            "column": number("column", 0, width - 1, width // 2),
        }
        self.controls["layer"].observe(self._follow, names="value")  # before the picture's own observer

    def take(self, sizes: Mapping[str, tuple[int, int, int]]) -> None:
        """The layers of another model; the layer at about the same depth, and the same place in the picture."""
        names, before = list(sizes), list(self.sizes)
        near = self._layer if self._layer in sizes else names[before.index(self._layer) * len(names) // len(before)]
        was = self.sizes[self._layer]
        self.sizes, self.moving = dict(sizes), True
        try:
            self.controls["layer"].options = self._options()
            self.controls["layer"].value = near
            self._layer = near
            self._fit(was)
        finally:
            self.moving = False

    def _options(self) -> list[tuple[str, str]]:
        return [(f"{name}   {c}×{h}×{w}", name) for name, (c, h, w) in self.sizes.items()]

    def _follow(self, change: dict[str, str]) -> None:
        if self.moving:
            return
        self.moving, was = True, self.sizes[self._layer]
        try:
            self._layer = change["new"]
            self._fit(was)
        finally:
            self.moving = False

    def _fit(self, was: tuple[int, int, int]) -> None:
        for name, before, now in zip(("row", "column"), was[1:], self.sizes[self._layer][1:], strict=True):
            slider = self.controls[name]
            place = (2 * slider.value + 1) * now // (2 * before)  # the cell over the same middle
            slider.max = now - 1
            slider.value = min(place, now - 1)


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
        scale, count: as in ``diagrams.maps_of``.

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
        return Maps(name, crop, featuremaps.feature_maps(classifier.model, batch, layer)[0].float().cpu())

    places = Places(featuremaps.sizes(classifier.model, ready(next(iter(pictures)))[1].shape[1:]), layer)

    def draw(picture: str, second: str, layer: str, scale: Scale, count: int, row: int, column: int) -> Still:
        names = [picture] if second in (NONE, picture) else [picture, second]
        weights = fingerprint(classifier.model)
        found = [seen(name, layer, weights) for name in names]
        return draw_maps(classifier.model, layer, found, count=count, scale=scale, cell=(row, column))

    controls = {
        "picture": choice("picture", pictures),
        "second": choice("beside it", [NONE, *pictures], second),
        "layer": places.controls["layer"],
        "scale": choice("colour scale", ["shared", "each its own"], scale),
        "count": choice("channels", sorted({*_COUNTS, count}), count),
        "row": places.controls["row"],
        "column": places.controls["column"],
    }
    return Explorer(waiting(places, draw), controls)


def waiting(places: Places, draw: Callable[..., Still]) -> Callable[..., Still]:
    """``draw``, but the picture that is there already while ``places`` moves its sliders."""
    last: list[Still] = []

    def when_all_is_set(**state: object) -> Still:
        if not (places.moving and last):
            last[:] = [draw(**state)]
        return last[0]

    return when_all_is_set
