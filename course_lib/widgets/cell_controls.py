"""The controls of a layer and a cell of it, which keep the place in the picture when the layer or the model changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import ipywidgets as widgets

from course_lib.drawing.still import Still
from course_lib.tracing import layer_maps
from course_lib.widgets.explorer import choice, number

__all__ = ["Places", "waiting"]


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
            raise layer_maps.LayerError(f"{layer!r} is not among the layers to look at: {', '.join(self.sizes)}.")
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
        near = layer_maps.same_depth(self._layer, list(self.sizes), list(sizes))
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
            place = layer_maps.same_place(slider.value, before, now)
            slider.max = now - 1
            slider.value = place


def waiting(places: Places, draw: Callable[..., Still]) -> Callable[..., Still]:
    """``draw``, but the picture that is there already while ``places`` moves its sliders."""
    last: list[Still] = []

    def when_all_is_set(**state: object) -> Still:
        if not (places.moving and last):
            last[:] = [draw(**state)]
        return last[0]

    return when_all_is_set
