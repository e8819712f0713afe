"""Feature maps as pictures: a layer's strongest channels for one picture or two, and the filters of the first layer.

The values come from ``course_lib.tracing.layer_maps``; ``overlay`` turns them into colours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from course_lib.drawing.overlay import Pixels, colour_bar, enlarged, mark_cell, put, short, tiled
from course_lib.drawing.sheet import Sheet
from course_lib.drawing.still import BLUE, INK, Still, shortened, still
from course_lib.errors import CourseError
from course_lib.models.classifier import Classifier
from course_lib.pictures.preprocessing import stages
from course_lib.tracing import layer_maps, receptive
from course_lib.tracing.layer_maps import LayerError
from course_lib.tracing.receptive import Box

__all__ = ["Maps", "Scale", "draw_filters", "draw_maps", "maps_of", "prepared"]

Scale = Literal["shared", "each its own"]
_MOST = 24  # channels
_GAP = 7  # CSS pixels between two maps


@dataclass(frozen=True, eq=False)
class Maps:
    """A picture and a layer's maps of it.

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
        CourseError: there is no such layer, cell or scale, or there are more than two pictures.

    Example:
        >>> from course_lib.models.classifier import load_classifier
        >>> from course_lib.pictures.images import samples
        >>> classifier = load_classifier("resnet18", weights="course", device="cpu")
        >>> maps_of(classifier, samples()["camel"].open(), "layer1.0.add", count=4, cell=(20, 30))
        layer1.0.add, 56×56 cells: the 4 strongest of 64 channels for the picture, one colour scale; the cell at row 20,
        column 30 sees 27×27 pixels
    """
    named = {"the picture": pictures} if isinstance(pictures, Image.Image) else dict(pictures)
    maps = []
    for name, picture in named.items():
        crop, batch = prepared(classifier, picture)
        maps.append(Maps(name, crop, layer_maps.feature_maps(classifier.model, batch, layer)[0].float().cpu()))
    return draw_maps(classifier.model, layer, maps, count=count, scale=scale, cell=cell)


def draw_maps(
    model: nn.Module, layer: str, maps: Sequence[Maps], *, count: int, scale: Scale, cell: tuple[int, int] | None
) -> Still:
    """The picture of ``maps_of`` from maps that exist already; the model is only asked for the receptive field."""
    if not 1 <= len(maps) <= 2:
        raise LayerError(f"{len(maps)} pictures: maps are shown for one picture, or for two side by side.")
    if scale not in ("shared", "each its own"):
        raise LayerError(f'scale={scale!r}: all maps share one scale ("shared"), or take "each its own".')
    if not 1 <= count <= _MOST:
        raise LayerError(f"count={count}: 1 to {_MOST} channels can be shown.")
    channels, tall, wide = maps[0].values.shape
    chosen = layer_maps.strongest(maps[0].values, count)
    values = [each.values[list(chosen)].numpy() for each in maps]
    span = (min(float(v.min()) for v in values), max(float(v.max()) for v in values))
    box, sight = _sight(model, layer, cell, maps[0].picture.size)
    view = _View(chosen, span if scale == "shared" else None, cell, box, sight)
    two = len(maps) == 2
    grid = _fitting(len(chosen), (tall, wide), (415, 345) if two else (610, 392), 13 if scale == "shared" else 25)
    body = 168 + grid.height if two else max(grid.height, 330 if cell else 240)
    sheet = Sheet(860, 34 + body + 30)
    strongest = (
        f"all {channels} channels" if len(chosen) == channels else f"{len(chosen)} strongest of {channels} channels"
    )
    ranked = f" (ranked by {shortened(maps[0].name, 20)})" if two else ""
    sheet.text(6, 7, f"{layer}: {strongest}{ranked}, {tall}×{wide} cells each", size=10.5, bold=True)
    for k, (each, own) in enumerate(zip(maps, values, strict=True)):
        left = 6 + 432 * k
        _draw_picture(sheet, each, view, (left, 34), beside=two)
        _draw_maps(sheet, own, view, (left, 34 + 168) if two else (244, 34), grid)
    place = (6.0, sheet.height - 19, 200.0, 11.0) if two else (244.0, 34.0 + grid.height + 12, 200.0, 11.0)
    if scale == "shared":
        colour_bar(sheet, place, short(span[0]), short(span[1]), "one scale for all maps")
    else:
        colour_bar(sheet, place, "lowest", "highest", "each map its own scale: the numbers below it")
    pictures = " and for ".join(each.name for each in maps)
    colours = "one colour scale" if scale == "shared" else "each its own colour scale"
    many = strongest if len(chosen) == channels else f"the {strongest}"
    alt = f"{layer}, {tall}×{wide} cells: {many} for {pictures}, {colours}"
    if cell is not None:
        alt += f"; the cell at row {cell[0]}, column {cell[1]} {sight}"
    return still(sheet.figure, alt, photo=True, spots=sheet.spots)


@dataclass(frozen=True)
class _View:
    """Channels, their range of colours (None: each its own), the marked cell, its field, and the field in words."""

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
    field = receptive.field_size(model, layer, (tall, wide))
    box = receptive.field_of(model, layer, *cell, (tall, wide))
    if field is None or box is None:
        return None, "sees what the trace cannot follow"
    words = "sees the whole picture" if field == (tall, wide) else f"sees {field[1]}×{field[0]} pixels"
    return (box if box[2] > box[0] and box[3] > box[1] else None), words


def _draw_picture(sheet: Sheet, maps: Maps, view: _View, corner: tuple[float, float], *, beside: bool) -> None:
    """The picture with the cell's field framed, the field enlarged, and words, beside the picture or below it."""
    left, top = corner
    side = 150 if beside else 222
    shown = put(sheet, maps.picture, (left, top, side, side))
    size = maps.picture.size

    def words(row: int, column: int) -> str:
        return f"row {row}, column {column}"

    shown.cells("cell", (0, 0, *size), maps.values.shape[1], maps.values.shape[2], words, gesture="drag")
    x, y = (left + side + 12, top) if beside else (left, top + shown.place[3] + 8)
    sheet.text(x, y, shortened(maps.name, 26), size=10, bold=True, color=BLUE)
    sheet.text(x, y + 17, f"as the model gets it: {size[0]}×{size[1]}", size=8.5)
    if view.cell is None:
        return
    sheet.text(x, y + 32, f"row {view.cell[0]}, column {view.cell[1]}", size=8.5)
    sheet.text(x, y + 46, view.sight, size=8.5)
    if view.box is None:
        return
    wide, tall = view.box[2] - view.box[0], view.box[3] - view.box[1]
    if f"{wide}×{tall}" not in view.sight and (wide, tall) != size:
        sheet.text(x, y + 60, f"{wide}×{tall} on the picture", size=8.5)
    shown.frame(view.box)
    patch = maps.picture.crop(view.box)
    place = (x, y + 80, 120.0, 70.0) if beside else (left + 139, y + 40, 80.0, 80.0)
    put(sheet, patch, place).frame((0, 0, *patch.size))


def _draw_maps(
    sheet: Sheet, values: NDArray[np.floating], view: _View, corner: tuple[float, float], grid: _Grid
) -> None:
    """All maps as one picture, and the words under them."""
    named, numbers, tiles = [], [], []
    for k, (channel, own) in enumerate(zip(view.chosen, values, strict=True)):
        low, high = view.span or (float(own.min()), float(own.max()))
        tiles.append(tiled(own, low, high, 2 * grid.wide, 2 * grid.tall))
        if view.cell is not None:
            mark_cell(tiles[-1], *view.cell, own.shape)
        x, y = grid.corner(k)
        place = (corner[0] + x, corner[1] + y, grid.wide, grid.tall)
        sheet.spot("cell", place, _value_words(channel, own), rows=own.shape[0], columns=own.shape[1])
        middle, under = corner[0] + x + grid.wide / 2, corner[1] + y + grid.tall
        roomy = grid.wide >= 76
        named.append((middle, under + 7, f"{'channel ' if roomy else ''}{channel}", INK))
        if view.span is None:
            numbers.append((middle, under + 19, f"{short(low)}{' … ' if roomy else '…'}{short(high)}", INK))
    _put_tiles(sheet, tiles, corner, grid)
    sheet.marks(named, size=8.5)
    sheet.marks(numbers, size=8)


def _value_words(channel: int, values: NDArray[np.floating]) -> Callable[[int, int], str]:
    return lambda row, column: f"channel {channel}, row {row}, column {column}: {short(float(values[row, column]))}"


def draw_filters(model: nn.Module, *, count: int = 64) -> Still:
    """The filters of the first convolution, each as the small picture that it answers to most strongly.

    Later convolutions have too many channels for that.

    Args:
        model: its first convolution's weights are shown: red, green and blue where it has three channels, otherwise
            the channels' mean in grey. Grey is 0, and the largest weight of each filter has full strength.
        count: how many, from the first on.

    Raises:
        LayerError: the model has no convolution.
        CourseError: ``count`` isn't a whole number of at least 1.

    Example:
        >>> from torchvision.models import resnet18
        >>> draw_filters(resnet18())
        conv1: all 64 filters of 7×7 pixels and 3 colours
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise CourseError(f"count={count!r}: ask for at least 1 filter.")
    weights, name = layer_maps.filters(model)
    total, colours, tall, wide = weights.shape
    shown = weights[:count].numpy() if colours == 3 else weights[:count].mean(1, keepdim=True).numpy()
    largest = np.maximum(np.abs(shown).max(axis=(1, 2, 3), keepdims=True), 1e-12)
    pixels = ((shown / largest * 0.5 + 0.5) * 255).round().astype(np.uint8).transpose(0, 2, 3, 1)
    pixels = np.repeat(pixels, 3, 3) if pixels.shape[3] == 1 else pixels
    grid = _fitting(len(pixels), (tall, wide), (848, 320), 0)
    sheet = Sheet(860, 34 + grid.height + 24)
    many = f"all {total} filters" if len(pixels) == total else f"{len(pixels)} of {total} filters"
    words = f"{name}: {many} of {tall}×{wide} pixels and {colours} {'colours' if colours == 3 else 'channels'}"
    sheet.text(6, 7, words, size=10.5, bold=True)
    _put_tiles(sheet, [enlarged(own, 2 * grid.wide, 2 * grid.tall) for own in pixels], (6, 34), grid)
    for k, own in enumerate(shown):
        x, y = grid.corner(k)
        tip = f"filter {k}: weights from {short(float(own.min()))} to {short(float(own.max()))}"
        sheet.spot("filter", (6 + x, 34 + y, grid.wide, grid.tall), tip, k)
    sheet.text(6, sheet.height - 17, "grey: weight 0; each filter's largest weight has full strength", size=8.5)
    return still(sheet.figure, words, photo=True, spots=sheet.spots)


# -- equal pictures in rows -------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Grid:
    """Equal tiles in rows; ``below`` is the room for words under each. In CSS pixels."""

    columns: int
    rows: int
    wide: int
    tall: int
    below: int

    @property
    def height(self) -> int:
        return self.rows * (self.tall + self.below + _GAP) - _GAP

    def corner(self, number: int) -> tuple[int, int]:
        """The left upper corner of a tile."""
        row, column = divmod(number, self.columns)
        return column * (self.wide + _GAP), row * (self.tall + self.below + _GAP)


def _fitting(count: int, cells: tuple[int, int], room: tuple[int, int], below: int) -> _Grid:
    """The grid with the largest tiles of ``cells`` (rows, columns) that fits into ``room`` (width, height).

    A grid whose last row is full may have tiles that are a quarter smaller.
    """
    grids = []
    for columns in range(1, count + 1):
        rows = -(-count // columns)
        zoom = min(
            ((room[0] + _GAP) // columns - _GAP) / cells[1], ((room[1] + _GAP) // rows - _GAP - below) / cells[0]
        )
        grids.append(_Grid(columns, rows, max(8, int(zoom * cells[1])), max(8, int(zoom * cells[0])), below))
    return max(grids, key=lambda grid: grid.wide if count % grid.columns else grid.wide / 0.75)


def _put_tiles(sheet: Sheet, tiles: Sequence[Pixels], corner: tuple[float, float], grid: _Grid) -> None:
    """Lay all tiles on a sheet as one picture; each has two dots a CSS pixel."""
    canvas = np.full((2 * grid.height, 2 * (grid.columns * (grid.wide + _GAP) - _GAP), 3), 255, np.uint8)
    for k, tile in enumerate(tiles):
        x, y = grid.corner(k)
        canvas[2 * y : 2 * (y + grid.tall), 2 * x : 2 * (x + grid.wide)] = tile
    put(sheet, canvas, (*corner, canvas.shape[1] / 2, canvas.shape[0] / 2))
