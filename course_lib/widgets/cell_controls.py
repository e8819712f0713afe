"""The controls of a layer and a cell of it, which keep the place in the picture when the layer or the model changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets

from course_lib.tracing import layer_maps
from course_lib.widgets.explorer import choice, number

__all__ = ["CellControls"]


class CellControls:
    """Controls for a layer and a cell of it: another layer has other rows and columns, and keeps the place.

    Args:
        sizes: name → (channels, height, width) of every layer that can be chosen.
        layer: the first one shown; the first of all when left out.

    Attributes:
        controls: "layer", "row" and "column".

    Raises:
        CourseError: there is no such layer.
    """

    def __init__(self, sizes: Mapping[str, tuple[int, int, int]], layer: str | None = None) -> None:
        self.sizes = dict(sizes)
        if layer is not None and layer not in self.sizes:
            raise layer_maps.LayerError(f"{layer!r} is not among the layers to look at: {', '.join(self.sizes)}.")
        first = layer or next(iter(self.sizes))
        _, height, width = self.sizes[first]
        self.controls: dict[str, widgets.Widget] = {
            "layer": choice("layer", self._options(), first),
            "row": number("row", 0, height - 1, height // 2),
            "column": number("column", 0, width - 1, width // 2),
        }

    def settle(self, moved: str, before: Any) -> None:
        """An explorer's ``settle``: sliders end at the new layer's last row and column, at the same place."""
        if moved == "layer":
            self._fit(self.sizes[before])

    def take(self, sizes: Mapping[str, tuple[int, int, int]]) -> None:
        """The layers of another model; the layer at about the same depth, and the same place in the picture."""
        layer = self.controls["layer"].value
        near = layer_maps.same_depth(layer, list(self.sizes), list(sizes))
        before = self.sizes[layer]
        self.sizes = dict(sizes)
        self.controls["layer"].options = self._options()
        self.controls["layer"].value = near
        self._fit(before)

    def _options(self) -> list[tuple[str, str]]:
        return [(f"{name}   {c}×{h}×{w}", name) for name, (c, h, w) in self.sizes.items()]

    def _fit(self, before: tuple[int, int, int]) -> None:
        now = self.sizes[self.controls["layer"].value]
        for name, cells_before, cells in zip(("row", "column"), before[1:], now[1:], strict=True):
            slider = self.controls[name]
            place = layer_maps.same_place(slider.value, cells_before, cells)
            slider.max = cells - 1
            slider.value = place
