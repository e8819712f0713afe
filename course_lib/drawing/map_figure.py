"""Feature maps as pictures: the strongest channels of a layer for one picture, or the same ones for two side by side.

What is drawn comes from ``course_lib.tracing.layer_maps``; how numbers become colours stands in ``heat``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from course_lib.drawing import heat
from course_lib.drawing.sheet import Sheet
from course_lib.drawing.still import BLUE, INK, Still, shortened, still
from course_lib.pictures.preprocessing import stages
from course_lib.tracing import layer_maps
from course_lib.tracing.layer_maps import Box, LayerError

if TYPE_CHECKING:
    from course_lib.models.classifier import Classifier

__all__ = ["Grid", "Maps", "Scale", "draw_maps", "fitting", "maps_of", "prepared"]

Scale = Literal["shared", "each its own"]
_MOST = 24  # channels


@dataclass(frozen=True, eq=False)
class Maps:
    """One picture and a layer's maps of it.

    Attributes:
        name: what the picture is called.
        picture: as it enters the model, before the normalisation.
        values: (channels, height, width).
    """

    name: str
    picture: Image.Image
    values: Tensor


def prepared(classifier: Classifier, picture: Image.Image) -> tuple[Image.Image, Tensor]:
    """A picture as the classifier's own transforms prepare it: the crop to look at, and the batch (1, 3, H, W)."""
    done = {stage.name: stage for stage in stages(picture, classifier.transforms)}
    value = done["normalise"].value
    if not isinstance(value, Tensor):  # pragma: no cover - the last stage is a tensor
        raise LayerError("These transforms do not end in a tensor.")
    return done["crop"].picture(), value.unsqueeze(0).to(classifier.device)


def maps_of(
    classifier: Classifier,
    pictures: Image.Image | Mapping[str, Image.Image],
    layer: str,
    *,
    count: int = 16,
    scale: Scale = "shared",
    cell: tuple[int, int] | None = None,
) -> Still:
    """The strongest channels of a layer, for one picture or the same ones for two.

    Args:
        classifier: its transforms prepare the pictures, its live model makes the maps.
        pictures: one, or one or two by name; the channels are those that are strongest for the first.
        layer: one of ``layer_maps.layers(classifier.model)``.
        count: how many channels, at most 24.
        scale: "shared" gives all maps one range of colours; "each its own" shows the faint ones too.
        cell: (row, column), marked in every map, with its receptive field framed in the picture; None marks none.

    Raises:
        CourseError: no such layer, cell or scale, or more than two pictures; one sentence.

    Example:
        >>> from course_lib.models.classifier import load_classifier
        >>> from course_lib.pictures.images import samples
        >>> classifier = load_classifier("resnet18", weights="course", device="cpu")
        >>> maps_of(classifier, samples()["camel"].open(), "layer1.0.add", count=4, cell=(20, 30))
        layer1.0.add, 56×56 cells: the 4 strongest of 64 channels for the picture, one colour scale; the cell at row 20,
        column 30 sees 27×27 pixels
    """
    named = {"the picture": pictures} if isinstance(pictures, Image.Image) else dict(pictures)
    found = []
    for name, picture in named.items():
        crop, batch = prepared(classifier, picture)
        found.append(Maps(name, crop, layer_maps.feature_maps(classifier.model, batch, layer)[0].float().cpu()))
    return draw_maps(classifier.model, layer, found, count=count, scale=scale, cell=cell)


def draw_maps(
    model: nn.Module, layer: str, found: Sequence[Maps], *, count: int, scale: Scale, cell: tuple[int, int] | None
) -> Still:
    """The same from maps that are there already; the model is asked for nothing but the receptive field."""
    if not 1 <= len(found) <= 2:
        raise LayerError(f"{len(found)} pictures: maps are shown for one picture, or for two side by side.")
    if scale not in ("shared", "each its own"):
        raise LayerError(f'scale={scale!r}: all maps share one scale ("shared"), or take "each its own".')
    if not 1 <= count <= _MOST:
        raise LayerError(f"count={count}: 1 to {_MOST} channels can be shown.")
    channels, tall, wide = found[0].values.shape
    chosen = layer_maps.strongest(found[0].values, count)
    shown = [one.values[list(chosen)].numpy() for one in found]
    span = (min(float(v.min()) for v in shown), max(float(v.max()) for v in shown))
    box, sight = _sight(model, layer, cell, found[0].picture.size)
    how = _How(chosen, span if scale == "shared" else None, cell, box, sight)
    two = len(found) == 2
    grid = fitting(len(chosen), (tall, wide), (415, 345) if two else (610, 392), 13 if scale == "shared" else 25)
    body = 168 + grid.height if two else max(grid.height, 330 if cell else 240)
    sheet = Sheet(860, 34 + body + 30)
    strongest = (
        f"all {channels} channels" if len(chosen) == channels else f"{len(chosen)} strongest of {channels} channels"
    )
    ranked = f" (ranked by {shortened(found[0].name, 20)})" if two else ""
    sheet.text(6, 7, f"{layer}: {strongest}{ranked}, {tall}×{wide} cells each", size=10.5, bold=True)
    for k, (one, values) in enumerate(zip(found, shown, strict=True)):
        left = 6 + 432 * k
        _show_picture(sheet, one, how, (left, 34), beside=two)
        _show_maps(sheet, values, how, (left, 34 + 168) if two else (244, 34), grid)
    place = (6.0, sheet.height - 19, 200.0, 11.0) if two else (244.0, 34.0 + grid.height + 12, 200.0, 11.0)
    if scale == "shared":
        heat.scale(sheet, place, heat.short(span[0]), heat.short(span[1]), "one scale for all maps")
    else:
        heat.scale(sheet, place, "lowest", "highest", "each map its own scale: the numbers below it")
    for_whom = " and for ".join(one.name for one in found)
    colours = "one colour scale" if scale == "shared" else "each its own colour scale"
    many = f"all {channels} channels" if len(chosen) == channels else f"the {strongest}"
    said = f"{layer}, {tall}×{wide} cells: {many} for {for_whom}, {colours}"
    if cell is not None:
        said += f"; the cell at row {cell[0]}, column {cell[1]} {sight}"
    return still(sheet.figure, said, photo=True)


@dataclass(frozen=True)
class _How:
    """Which channels, in which range of colours (None: each its own); the marked cell, its field and that in words."""

    chosen: tuple[int, ...]
    span: tuple[float, float] | None
    cell: tuple[int, int] | None
    box: Box | None
    sight: str


def _sight(model: nn.Module, layer: str, cell: tuple[int, int] | None, size: tuple[int, int]) -> tuple[Box | None, str]:
    """What the cell sees of a picture (width, height) in theory, and that in words."""
    if cell is None:
        return None, ""
    wide, tall = size
    field = layer_maps.field_size(model, layer, (tall, wide))
    box = layer_maps.field_of(model, layer, *cell, (tall, wide))
    if field is None or box is None:
        return None, "sees what the trace cannot follow"
    seen = "sees the whole picture" if field == (tall, wide) else f"sees {field[1]}×{field[0]} pixels"
    return (box if box[2] > box[0] and box[3] > box[1] else None), seen


@dataclass(frozen=True)
class Grid:
    """Equal maps in rows; ``below`` is the room for words under each. In CSS pixels."""

    columns: int
    rows: int
    wide: int
    tall: int
    below: int

    @property
    def height(self) -> int:
        return self.rows * (self.tall + self.below + 7) - 7


def fitting(count: int, cells: tuple[int, int], room: tuple[int, int], below: int) -> Grid:
    """The grid with the largest maps that fits."""
    best = None
    for columns in range(1, count + 1):
        rows = -(-count // columns)
        width = (room[0] + 7) // columns - 7
        height = (room[1] + 7) // rows - 7 - below
        zoom = min(width / cells[1], height / cells[0])
        one = Grid(columns, rows, max(8, int(zoom * cells[1])), max(8, int(zoom * cells[0])), below)
        if best is None or one.wide > best.wide:
            best = one
    return best or Grid(1, 1, room[0], room[1], below)


def _show_picture(sheet: Sheet, one: Maps, how: _How, corner: tuple[float, float], *, beside: bool) -> None:
    """The picture with the cell's field framed, the field enlarged, and words, beside the picture or below it."""
    left, top = corner
    side = 150 if beside else 222
    place = heat.lay(sheet, one.picture, (left, top, side, side))
    size = one.picture.size
    x, y = (left + side + 12, top) if beside else (left, top + place[3] + 8)
    sheet.text(x, y, shortened(one.name, 26), size=10, bold=True, color=BLUE)
    sheet.text(x, y + 17, f"as the model gets it: {size[0]}×{size[1]}", size=8.5)
    if how.cell is None:
        return
    sheet.text(x, y + 32, f"row {how.cell[0]}, column {how.cell[1]}", size=8.5)
    sheet.text(x, y + 46, how.sight, size=8.5)
    if how.box is None:
        return
    wide, tall = how.box[2] - how.box[0], how.box[3] - how.box[1]
    if f"{wide}×{tall}" not in how.sight and (tall, wide) != size[::-1]:
        sheet.text(x, y + 60, f"{wide}×{tall} on the picture", size=8.5)
    heat.frame(sheet, place, size, how.box)
    patch = one.picture.crop(how.box)
    where = heat.lay(sheet, patch, (x, y + 80, 120.0, 70.0) if beside else (left + 139, y + 40, 80.0, 80.0))
    heat.frame(sheet, where, patch.size, (0, 0, *patch.size))


def _show_maps(sheet: Sheet, values: NDArray[np.floating], how: _How, corner: tuple[float, float], grid: Grid) -> None:
    """All maps as one picture, and the words under them."""
    step_x, step_y = grid.wide + 7, grid.tall + grid.below + 7
    canvas = np.full((2 * grid.height, 2 * (grid.columns * step_x - 7), 3), 255, np.uint8)
    gap = " … " if grid.wide >= 76 else "…"
    first, second = [], []
    for k, (channel, one) in enumerate(zip(how.chosen, values, strict=True)):
        row, column = divmod(k, grid.columns)
        low, high = how.span or (float(one.min()), float(one.max()))
        dots = heat.tiled(one, low, high, 2 * grid.wide, 2 * grid.tall)
        if how.cell is not None:
            heat.outlined(dots, *how.cell, one.shape)
        y, x = row * step_y, column * step_x
        canvas[2 * y : 2 * (y + grid.tall), 2 * x : 2 * (x + grid.wide)] = dots
        middle = corner[0] + x + grid.wide / 2
        word = "channel " if grid.wide >= 76 else ""
        first.append((middle, corner[1] + y + grid.tall + 7, f"{word}{channel}", INK))
        if how.span is None:
            text = f"{heat.short(low)}{gap}{heat.short(high)}"
            second.append((middle, corner[1] + y + grid.tall + 19, text, INK))
    heat.lay(sheet, canvas, (*corner, canvas.shape[1] / 2, canvas.shape[0] / 2))
    sheet.marks(first, size=8.5)
    sheet.marks(second, size=8)
