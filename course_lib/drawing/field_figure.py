"""What one cell of a layer or of a response map sees, drawn on the picture: its field in theory and measured.

In theory a cell *can* see its receptive field, which follows from the layers' kernels, strides and padding. What it
*does* see is measured: by how much each pixel moves the cell (the gradient), and which pixels hold 95% of that. Luo,
Li, Urtasun and Zemel 2016, https://arxiv.org/abs/1701.04128. Both are computed in ``course_lib.tracing.receptive`` for
a layer, and in ``course_lib.networks.fcn.field_of_view`` for a response map.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from course_lib.drawing.map_figure import prepared
from course_lib.drawing.overlay import colour_bar, coloured, frame_sample, put
from course_lib.drawing.sheet import Sheet
from course_lib.drawing.still import BLUE, INK, ORANGE, Still, shortened, still
from course_lib.models.classifier import Classifier
from course_lib.networks.fcn.field_of_view import Sight
from course_lib.tracing import receptive
from course_lib.tracing.receptive import Box

__all__ = ["draw_cell_sight", "draw_sight", "field_on_picture"]

_WIDTH, _EDGE = 860.0, 6.0  # CSS pixels
_SIDE = 290.0  # of each of the two pictures of a layer's cell
_LEFT = 618.0  # where the words beside them begin


def _strength(seen: Tensor) -> NDArray[np.floating]:
    """The gradient from 0 to 1; as square roots, because the faint pixels would all be one dark blue."""
    strength: NDArray[np.floating] = np.sqrt((seen / seen.max().clamp(min=1e-30)).numpy())
    return strength


# -- a cell of a layer ------------------------------------------------------------------------------------------------
def field_on_picture(
    classifier: Classifier,
    picture: Image.Image,
    layer: str,
    cell: tuple[int, int],
    *,
    channels: Sequence[int] | None = None,
    name: str = "the picture",
) -> Still:
    """A cell's receptive field in theory, and measured by gradient on the live model.

    Args:
        classifier: its transforms prepare the picture, its model is measured.
        picture: of any size.
        layer: one of ``layer_maps.layers(classifier.model)``.
        cell: (row, column).
        channels: as in ``receptive.gradient_field``; None is the sum of all.
        name: what the picture is called.

    Raises:
        CourseError: there is no such layer, cell or channel.

    Example:
        >>> from course_lib.models.classifier import load_classifier
        >>> from course_lib.pictures.images import samples
        >>> classifier = load_classifier("resnet18", weights="course", device="cpu")
        >>> field_on_picture(classifier, samples()["camel"].open(), "layer2.0.add", (14, 14))
        resnet18, layer2.0.add, row 14, column 14 on the picture: in theory it sees 67×67 pixels; 95% of the gradient
        lies on ...% of them
    """
    crop, batch = prepared(classifier, picture)
    seen = receptive.gradient_field(classifier.model, batch, layer, *cell, channels=channels)
    return draw_sight(classifier.model, layer, cell, crop, seen, name=name, title=f"{classifier.name}, {layer}")


def draw_sight(
    model: nn.Module,
    layer: str,
    cell: tuple[int, int],
    crop: Image.Image,
    seen: Tensor,
    *,
    name: str = "the picture",
    title: str = "",
    cells: tuple[int, int] | None = None,
) -> Still:
    """The picture of ``field_on_picture`` from a gradient (H, W) that exists already; ``crop`` is the model's input.

    With ``cells``, the layer's rows and columns, each is a spot on the picture.
    """
    size = (crop.height, crop.width)
    box = receptive.field_of(model, layer, *cell, size)
    theory = receptive.field_size(model, layer, size)
    framed = box if box is not None and box[2] > box[0] and box[3] > box[1] else (0, 0, crop.width, crop.height)
    held = receptive.effective(seen)
    numbers = _Numbers.of(seen, held, framed)
    title, place = title or layer, f"row {cell[0]}, column {cell[1]}"
    sheet = Sheet(_WIDTH, 366)
    sheet.text(_EDGE, 7, f"{shortened(title, 60)}: {place}", size=10.5, bold=True)
    left, top, right, bottom = framed
    photo = np.asarray(crop.convert("RGB"))
    faded = np.repeat((photo.mean(2, keepdims=True, dtype=np.float32) * 0.45 + 130).astype(np.uint8), 3, 2)
    heated, mask = faded.copy(), held.numpy()
    heated[mask] = (0.85 * coloured(_strength(seen), 0, 1)[mask] + 0.15 * faded[mask]).astype(np.uint8)
    faded[top:bottom, left:right] = photo[top:bottom, left:right]
    sheet.text(_EDGE, 31, "in theory: the frame on the picture", size=9)
    shown = put(sheet, faded, (_EDGE, 50, _SIDE, _SIDE))
    shown.frame(framed)
    if cells is not None:
        outline = None if theory is None else (theory[1], theory[0])
        shown.cells("cell", (0, 0, *crop.size), *cells, _cell_words, gesture="drag", outline=outline)
    sheet.text(312, 31, "measured: the frame, enlarged", size=9)
    part = heated[top:bottom, left:right]
    put(sheet, part, (312, 50, _SIDE, _SIDE)).frame((0, 0, part.shape[1], part.shape[0]))
    colour_bar(sheet, (304, 347, 76, 11), "0", "largest (√)", "pale: the last 5%")
    _tell_layer(sheet, theory, size, framed, numbers)
    _draw_profile(sheet, seen, framed)
    can = "what the trace cannot follow" if theory is None else f"{theory[1]}×{theory[0]} pixels"
    alt = f"{title}, {place} on {name}: in theory it sees {'the whole picture' if theory == size else can}; "
    does = f"95% of the gradient lies on {numbers.percent} of them" if numbers.held else "measured, no pixel changes it"
    return still(sheet.figure, alt + does, photo=True, spots=sheet.spots)


def _cell_words(row: int, column: int) -> str:
    return f"row {row}, column {column}"


@dataclass(frozen=True)
class _Numbers:
    """Measured: pixels in the frame, pixels that hold 95% of the gradient, its share outside the frame."""

    framed: int
    held: int
    outside: float

    @classmethod
    def of(cls, seen: Tensor, held: Tensor, box: Box) -> _Numbers:
        left, top, right, bottom = box
        total, inside = float(seen.double().sum()), float(seen[top:bottom, left:right].double().sum())
        outside = max(0.0, 1 - inside / total) if total > 0 else 0.0
        return cls((right - left) * (bottom - top), int(held.sum()), outside)

    @property
    def percent(self) -> str:
        """Of the frame's pixels, those that hold 95% of the gradient."""
        return f"{100 * self.held / self.framed:.0f}%"


def _tell_layer(
    sheet: Sheet, theory: tuple[int, int] | None, size: tuple[int, int], box: Box, numbers: _Numbers
) -> None:
    wide, tall = box[2] - box[0], box[3] - box[1]
    if theory is None:
        can = "the trace cannot follow this layer;\nthe frame is the whole picture"
    elif theory == size:
        can = f"the whole picture: {size[1]}×{size[0]}\n= {numbers.framed:,} pixels"
    else:
        can = f"{theory[1]}×{theory[0]} = {theory[0] * theory[1]:,} pixels\n"
        can += (
            "all of them inside the picture" if (tall, wide) == theory else f"{wide}×{tall} of them inside the picture"
        )
    if numbers.held:
        side = round(sqrt(numbers.held))
        beyond = "none" if numbers.outside == 0 else f"{100 * numbers.outside:.1f}%"
        does = (
            f"95% of the gradient lies on\n{numbers.held:,} pixels: {numbers.percent} of the frame,\n"
            f"as many as in a square of {side}×{side};\noutside the frame: {beyond}"
        )
    else:
        does = (
            "nothing: no pixel changes this cell.\nA ReLU whose output is 0 lets no\ngradient through: try "
            "another cell."
        )
    sheet.text(_LEFT, 50, "In theory it can see", size=9.5, bold=True, color=ORANGE)
    sheet.text(_LEFT, 69, can, size=9)
    sheet.text(_LEFT, 118, "Measured, it does see", size=9.5, bold=True, color=BLUE)
    sheet.text(_LEFT, 137, does, size=9)


def _draw_profile(sheet: Sheet, seen: Tensor, box: Box) -> None:
    """How much gradient each column of the frame holds, against all columns holding the same."""
    part = seen[box[1] : box[3], box[0] : box[2]].double().sum(0).numpy()
    if part.sum() <= 0 or len(part) < 3:
        return
    top, wide, tall = 236.0, 230.0, 84.0
    right, bottom = _LEFT + wide, top + tall
    height = part / part.max() * tall
    step = wide / len(part)
    points = []
    for k, up in enumerate(height):
        points += [(_LEFT + k * step, bottom - up), (_LEFT + (k + 1) * step, bottom - up)]
    level = bottom - float(height.mean())
    sheet.lines([points], color=BLUE, line=1.3)
    sheet.lines([[(_LEFT, bottom), (right, bottom)]], color=INK)
    sheet.lines([[(_LEFT, level), (right, level)]], color=INK, dashed=True)
    sheet.text(_LEFT, top - 18, "gradient in each column of the frame", size=8.5)
    sheet.text(_LEFT, bottom + 5, f"{box[0]}", size=8)
    sheet.text(right, bottom + 5, f"{box[2] - 1}", size=8, align="right")
    sheet.text(_LEFT + wide / 2, bottom + 5, "dashed: all columns equal", size=8, align="center")


# -- a cell of a response map -----------------------------------------------------------------------------------------
def draw_cell_sight(
    picture: Image.Image,
    seen: Tensor,
    sight: Sight,
    window: tuple[float, float, float, float],
    cell: tuple[int, int],
    *,
    label: str,
    held: Tensor | None = None,
    cells: tuple[int, int] | None = None,
    stride: int = 0,
    words: Callable[[int, int], str] = _cell_words,
) -> Still:
    """A response map's cell on the picture: its window, its receptive field in theory and the gradient of its logit.

    The window is what the classifier would have been given to give the same number.

    Args:
        picture: the whole picture, not resized.
        seen: (H, W), the gradient, from ``cell_gradient``.
        sight: the field in theory, from ``cell_sight``.
        window: (left, top, right, bottom) of the cell's window in the picture's pixels.
        cell: (row, column).
        label: what the gradient is of.
        held: (H, W), the pixels that hold 95% of the gradient, where they are known already.
        cells: rows and columns of the map; then each cell is a spot, around the middle of its window.
        stride: pixels from one cell to the next.
        words: the tip of a cell, by row and column.
    """
    held = receptive.effective(seen) if held is None else held
    room = _WIDTH - 2 * _EDGE
    tall = min(room * picture.height / picture.width, 400.0)
    sheet = Sheet(_WIDTH, 30 + tall + 116)
    title = f"Row {cell[0]}, column {cell[1]}: what does the cell see when it says {shortened(label, 26)}?"
    sheet.text(_EDGE, 7, title, size=10.5, bold=True)
    shown = put(sheet, _heated(picture, seen, held, sight), (_EDGE, 30, room, tall))
    shown.frame(sight.box, "dashed")
    shown.frame(window)
    if cells is not None:
        side, first = window[2] - window[0], (window[2] - window[0] - stride) / 2
        box = (first, first, first + stride * cells[1], first + stride * cells[0])
        shown.cells("cell", box, *cells, words, gesture="drag", outline=(side, side))
    y = 30 + tall + 22
    frame_sample(sheet, 20, y, "solid")
    sheet.middle_text(39, y, "window of the cell", size=8.5)
    frame_sample(sheet, 190, y, "dashed")
    sheet.middle_text(209, y, "field in theory", size=8.5)
    colour_bar(sheet, (322, y - 6, 110, 12), "0", "largest (√)", "the pixels that hold 95% of the gradient")
    size = f"{window[2] - window[0]:.0f}×{window[3] - window[1]:.0f}"
    field = "the whole picture" if sight.whole else f"{sight.size[1]}×{sight.size[0]} pixels"
    _tell_map(sheet, y + 26, seen, held, sight.box, window, size, field)
    alt = f"The cell at row {cell[0]}, column {cell[1]}, {label}: window {size}; in theory it sees {field}; "
    many = f"95% of the gradient lies on {int(held.sum()):,} pixels" if held.any() else "measured, no pixel changes it"
    return still(sheet.figure, alt + many, photo=True, spots=sheet.spots, dots=1.5)


def _heated(picture: Image.Image, seen: Tensor, held: Tensor, sight: Sight) -> Image.Image:
    """Dark grey outside the field, pale inside it; the pixels that hold 95% in colours, the stronger the more."""
    photo = picture.convert("RGB")
    grey = photo.convert("L").point([24 + round(0.40 * k) for k in range(256)])
    shown = Image.merge("RGB", [grey] * 3)
    shown.paste(photo.point([72 + round(0.70 * k) for k in range(256)] * 3).crop(sight.box), sight.box[:2])
    strength = _strength(seen)
    cover = (held.numpy() * (110 + 145 * np.minimum(2 * strength, 1))).astype(np.uint8)
    return Image.composite(Image.fromarray(coloured(strength, 0, 1)), shown, Image.fromarray(cover))


def _tell_map(
    sheet: Sheet, y: float, seen: Tensor, held: Tensor, box: Box, window: tuple[float, float, float, float], size: str,
    field: str,
) -> None:  # fmt: skip
    """Three columns: the window, the theory, the measurement."""
    area = (box[2] - box[0]) * (box[3] - box[1])
    does = ("What it does see", "nothing: no pixel changes this cell", "", BLUE)
    if held.any():
        count = int(held.sum())
        side = round(sqrt(count))
        inside = seen[max(0, round(window[1])) : round(window[3]), max(0, round(window[0])) : round(window[2])]
        within = float(inside.double().sum() / seen.double().sum())
        more = f"{100 * count / area:.0f}% of the field; {100 * within:.0f}% of the gradient is in the window"
        does = ("What it does see (95%)", f"{count:,} pixels, as many as {side}×{side}", more, BLUE)
    columns = (
        ("The cell answers for", f"{size} pixels", "its window", ORANGE),
        ("In theory it can see", field, f"{area:,} of them inside the picture", INK),
        does,
    )
    for x, (head, number, more, color) in zip((_EDGE, 236.0, 500.0), columns, strict=True):
        sheet.text(x, y, head, size=9, color=color, bold=True)
        sheet.text(x, y + 20, number, size=11, bold=True)
        sheet.text(x, y + 46, more, size=8.5)
