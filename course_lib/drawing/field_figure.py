"""What one cell of a layer sees, drawn on the picture: the theoretical field, and the gradient inside it.

The left picture shows what the cell *can* see (the trace's receptive field), the right one what it *does* see: by how
much each pixel moves the cell, and which pixels hold 95 % of that. Luo, Li, Urtasun and Zemel 2016,
https://arxiv.org/abs/1701.04128. Both are worked out in ``course_lib.tracing.receptive``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from course_lib.drawing import heat
from course_lib.drawing.map_figure import prepared
from course_lib.drawing.sheet import Sheet
from course_lib.drawing.still import BLUE, INK, ORANGE, Still, shortened, still
from course_lib.tracing import layer_maps
from course_lib.tracing.layer_maps import Box

if TYPE_CHECKING:
    from course_lib.models.classifier import Classifier

__all__ = ["draw_sight", "field_on_picture"]

_SIDE = 290.0  # of each picture, in CSS pixels


def field_on_picture(
    classifier: Classifier,
    picture: Image.Image,
    layer: str,
    cell: tuple[int, int],
    *,
    channels: Sequence[int] | None = None,
    share: float = 0.95,
    name: str = "the picture",
) -> Still:
    """A cell's receptive field in theory, and measured by gradient on the live model.

    Args:
        classifier: its transforms prepare the picture, its model is measured.
        layer: one of ``layer_maps.layers(classifier.model)``.
        cell: (row, column).
        channels: as in ``layer_maps.gradient_field``; None is the sum of all.
        share: of the gradient that the coloured pixels hold.

    Raises:
        CourseError: no such layer, cell or channel.

    Example:
        >>> from course_lib.models.classifier import load_classifier
        >>> from course_lib.pictures.images import samples
        >>> classifier = load_classifier("resnet18", weights="course", device="cpu")
        >>> field_on_picture(classifier, samples()["camel"].open(), "layer2.0.add", (14, 14))
        resnet18, layer2.0.add, row 14, column 14 on the picture: in theory it sees 67×67 pixels; 95 % of the gradient
        lies on ... % of them
    """
    crop, batch = prepared(classifier, picture)
    seen = layer_maps.gradient_field(classifier.model, batch, layer, *cell, channels=channels)
    title = f"{classifier.name}, {layer}"
    return draw_sight(classifier.model, layer, cell, crop, seen, share=share, name=name, title=title)


def draw_sight(
    model: nn.Module,
    layer: str,
    cell: tuple[int, int],
    crop: Image.Image,
    seen: Tensor,
    *,
    share: float = 0.95,
    name: str = "the picture",
    title: str = "",
) -> Still:
    """The same from a gradient (H, W) that is there already; ``crop`` is the picture as the model gets it."""
    size = (crop.height, crop.width)
    box = layer_maps.field_of(model, layer, *cell, size)
    theory = layer_maps.field_size(model, layer, size)
    known = box if box is not None and box[2] > box[0] and box[3] > box[1] else (0, 0, crop.width, crop.height)
    held = layer_maps.effective(seen, share)
    numbers = _Numbers.of(seen, held, known)
    sheet = Sheet(860, 366)
    place = f"row {cell[0]}, column {cell[1]}"
    sheet.text(6, 7, f"{shortened(title or layer, 60)}: {place}", size=10.5, bold=True)
    sheet.text(6, 31, "in theory: the frame on the picture", size=9)
    where = heat.lay(sheet, _faded(crop, known), (6, 50, _SIDE, _SIDE))
    heat.frame(sheet, where, crop.size, known)
    sheet.text(312, 31, "measured: the frame, enlarged", size=9)
    pixels = _heated(crop, seen.numpy(), held.numpy())[known[1] : known[3], known[0] : known[2]]
    where = heat.lay(sheet, pixels, (312, 50, _SIDE, _SIDE))
    heat.frame(sheet, where, (pixels.shape[1], pixels.shape[0]), (0, 0, pixels.shape[1], pixels.shape[0]))
    rest = f"pale: the last {100 * (1 - share):.0f} %"
    heat.scale(sheet, (304, 347, 76, 11), "0", "largest (√)", rest)
    _tell(sheet, theory, size, known, numbers, share)
    _profile(sheet, seen, known)
    return still(sheet.figure, _alt(title or layer, place, name, theory, size, numbers, share), photo=True)


@dataclass(frozen=True)
class _Numbers:
    """What was measured: pixels in the frame, pixels that hold the share, and the gradient that lies outside."""

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
        """Of the frame's pixels, those that hold the share."""
        return f"{100 * self.held / self.framed:.0f} %"


def _faded(picture: Image.Image, box: Box) -> Image.Image:
    """Grey and pale outside the box."""
    pixels = np.asarray(picture.convert("RGB"))
    shown = _pale(pixels)
    left, top, right, bottom = box
    shown[top:bottom, left:right] = pixels[top:bottom, left:right]
    return Image.fromarray(shown)


def _pale(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grey = pixels.mean(2, keepdims=True, dtype=np.float32) * 0.45 + 130
    return np.repeat(grey.astype(np.uint8), 3, 2)


def _heated(picture: Image.Image, seen: NDArray[np.floating], held: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The pixels that hold the share of the gradient in viridis over a pale picture."""
    shown = _pale(np.asarray(picture.convert("RGB")))
    strength = np.sqrt(seen / max(float(seen.max()), 1e-30))  # the faint ones would all be one dark blue
    shown[held] = (0.85 * heat.coloured(strength, 0, 1)[held] + 0.15 * shown[held]).astype(np.uint8)
    return shown


def _tell(
    sheet: Sheet, theory: tuple[int, int] | None, size: tuple[int, int], box: Box, numbers: _Numbers, share: float
) -> None:
    left, (wide, tall) = 618, (box[2] - box[0], box[3] - box[1])
    if theory is None:
        first = "the trace cannot follow this layer;\nthe frame is the whole picture"
    elif theory == size:
        first = f"the whole picture: {size[1]}×{size[0]}\n= {numbers.framed:,} pixels"
    else:
        first = f"{theory[1]}×{theory[0]} = {theory[0] * theory[1]:,} pixels\n"
        first += "all of them on the picture" if (tall, wide) == theory else f"{wide}×{tall} of them on the picture"
    sheet.text(left, 50, "In theory it can see", size=9.5, bold=True, color=ORANGE)
    sheet.text(left, 69, first, size=9)
    sheet.text(left, 118, "Measured, it does see", size=9.5, bold=True, color=BLUE)
    if not numbers.held:
        sheet.text(
            left,
            137,
            "nothing: no pixel moves this cell.\nNo gradient comes through a ReLU\nthat gives 0: try another cell.",
            size=9,
        )
        return
    side = round(sqrt(numbers.held))
    beyond = "none" if numbers.outside == 0 else f"{100 * numbers.outside:.1f} %"
    words = (
        f"{100 * share:.0f} % of the gradient lies on\n{numbers.held:,} pixels: {numbers.percent} of the frame,\n"
        f"as many as in a square of {side}×{side};\noutside the frame: {beyond}"
    )
    sheet.text(left, 137, words, size=9)


def _profile(sheet: Sheet, seen: Tensor, box: Box) -> None:
    """How much gradient each column of the frame holds, against all columns holding the same."""
    part = seen[box[1] : box[3], box[0] : box[2]].double().sum(0).numpy()
    if part.sum() <= 0 or len(part) < 3:
        return
    left, top, wide, tall = 618.0, 236.0, 230.0, 84.0
    height = part / part.max() * tall
    step = wide / len(part)
    points = []
    for k, up in enumerate(height):
        points += [(left + k * step, top + tall - up), (left + (k + 1) * step, top + tall - up)]
    level = top + tall - float(height.mean())
    sheet.lines([points], color=BLUE, line=1.3)
    sheet.lines([[(left, top + tall), (left + wide, top + tall)]], color=INK)
    sheet.lines([[(left, level), (left + wide, level)]], color=INK, dashed=True)
    sheet.text(left, top - 18, "gradient in each column of the frame", size=8.5)
    sheet.text(left, top + tall + 5, f"{box[0]}", size=8)
    sheet.text(left + wide, top + tall + 5, f"{box[2] - 1}", size=8, align="right")
    sheet.text(left + wide / 2, top + tall + 5, "dashed: all columns alike", size=8, align="center")


def _alt(
    title: str,
    place: str,
    name: str,
    theory: tuple[int, int] | None,
    size: tuple[int, int],
    numbers: _Numbers,
    share: float,
) -> str:
    can = "what the trace cannot follow" if theory is None else f"{theory[1]}×{theory[0]} pixels"
    can = "the whole picture" if theory == size else can
    said = f"{title}, {place} on {name}: in theory it sees {can}; "
    if not numbers.held:
        return said + "measured, no pixel moves it"
    return said + f"{100 * share:.0f} % of the gradient lies on {numbers.percent} of them"
