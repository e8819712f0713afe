"""What one cell of a response map sees, on the picture: its window, its field in theory, and the gradient measured.

The window is what the classifier would have been given to give the same number, the theory says how far a pixel may lie
to have any say at all, the gradient which ones have it: ``course_lib.networks.fcn.field_of_view`` works both out.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from torch import Tensor

from course_lib.drawing import heat
from course_lib.drawing.on_picture import frame_sample, put
from course_lib.drawing.sheet import Sheet
from course_lib.drawing.still import BLUE, INK, ORANGE, Still, shortened, still
from course_lib.errors import CourseError
from course_lib.networks.fcn.field_of_view import Sight, cell_gradient, cell_sight
from course_lib.tracing import receptive

if TYPE_CHECKING:
    from course_lib.networks.fcn import FullyConvolutional

__all__ = ["draw_cell_field", "draw_cell_sight"]

_WIDTH, _EDGE = 860.0, 6.0


def draw_cell_field(
    picture: Image.Image,
    fcn: FullyConvolutional,
    cell: tuple[int, int],
    *,
    label: str | None = None,
    share: float = 0.95,
) -> Still:
    """A cell's window, its receptive field in theory and the gradient of one of its logits on the picture.

    Args:
        picture: the whole picture, not resized.
        fcn: made by ``convert``.
        cell: (row, column) of its map.
        label: the class whose logit is asked for; the cell's own answer when left out.
        share: of the gradient that the coloured pixels hold.

    Raises:
        CourseError: no such cell or class, or a picture that is too small.

    Example:
        >>> from course_lib.models.classifier import load_classifier
        >>> from course_lib.networks.fcn import convert
        >>> from picturebook import scene
        >>> picture = scene("camel", seed=21, size=(387, 1024), where=(0.8, 0.66, 0.6)).picture
        >>> fcn = convert(load_classifier("resnet18", weights="course", device="cpu"))
        >>> draw_cell_field(picture, fcn, (0, 3), label="camel")
        The cell at row 0, column 3, camel: window 224×224; in theory it sees 627×627 pixels; 95 % of the gradient lies
        on ... pixels
    """
    index = None
    if label is not None:
        names = list(fcn.categories or ())
        if label not in names:
            raise CourseError(f"This network knows no {label!r}; it knows {', '.join(names) or 'no names at all'}.")
        index = names.index(label)
    seen = cell_gradient(fcn, fcn.prepare(picture), *cell, index=index)
    sight = cell_sight(fcn, *cell, (picture.height, picture.width))
    left, top = cell[1] * fcn.stride, cell[0] * fcn.stride
    window = (left, top, left + fcn.window, top + fcn.window)
    return draw_cell_sight(picture, seen, sight, window, cell, label=label or "its best class", share=share)


def draw_cell_sight(
    picture: Image.Image,
    seen: Tensor,
    sight: Sight,
    window: tuple[float, float, float, float],
    cell: tuple[int, int],
    *,
    label: str,
    share: float = 0.95,
    held: Tensor | None = None,
) -> Still:
    """The same from a gradient (H, W) and a field that are there already.

    Args:
        held: (H, W), the pixels that hold the share, if they are known.
        window: (left, top, right, bottom) of the cell's window in the picture's pixels.
        label: what the gradient is of.
    """
    held = receptive.effective(seen, share) if held is None else held
    room = _WIDTH - 2 * _EDGE
    tall = min(room * picture.height / picture.width, 400.0)
    sheet = Sheet(_WIDTH, 30 + tall + 116)
    said = shortened(label, 26)
    title = f"Row {cell[0]}, column {cell[1]}: what does the cell see when it says {said}?"
    sheet.text(_EDGE, 7, title, size=10.5, bold=True)
    shown = put(sheet, _heated(picture, seen, held, sight), (_EDGE, 30, room, tall))
    shown.frame(sight.box, "dashed")
    shown.frame(window)
    y = 30 + tall + 22
    _key(sheet, y, share)
    _tell(sheet, y + 26, seen, held, sight, window, share)
    field = "the whole picture" if sight.whole else f"{sight.size[1]}×{sight.size[0]} pixels"
    said = (
        f"The cell at row {cell[0]}, column {cell[1]}, {label}: window {window[2] - window[0]:.0f}×"
        f"{window[3] - window[1]:.0f}; in theory it sees {field}; "
    )
    if not held.any():
        return still(sheet.figure, said + "measured, no pixel moves it", photo=True)
    return still(
        sheet.figure, f"{said}{100 * share:.0f} % of the gradient lies on {int(held.sum()):,} pixels", photo=True
    )


def _heated(picture: Image.Image, seen: Tensor, held: Tensor, sight: Sight) -> Image.Image:
    """Dark grey outside the field, pale inside it; the pixels that hold the share in colours, the more the stronger."""
    photo = picture.convert("RGB")
    grey = photo.convert("L").point([24 + round(0.40 * k) for k in range(256)])
    shown = Image.merge("RGB", [grey] * 3)
    shown.paste(photo.point([72 + round(0.70 * k) for k in range(256)] * 3).crop(sight.box), sight.box[:2])
    strength = np.sqrt((seen / seen.max().clamp(min=1e-30)).numpy())  # the faint ones would all be one dark blue
    cover = (held.numpy() * (110 + 145 * np.minimum(2 * strength, 1))).astype(np.uint8)
    return Image.composite(Image.fromarray(heat.coloured(strength, 0, 1)), shown, Image.fromarray(cover))


def _key(sheet: Sheet, y: float, share: float) -> None:
    frame_sample(sheet, 20, y, "solid")
    sheet.middle_text(39, y, "window of the cell", size=8.5)
    frame_sample(sheet, 190, y, "dashed")
    sheet.middle_text(209, y, "field in theory", size=8.5)
    heat.scale(sheet, (322, y - 6, 110, 12), "0", "largest (√)", f"gradient: the pixels with {100 * share:.0f} % of it")


def _tell(
    sheet: Sheet,
    y: float,
    seen: Tensor,
    held: Tensor,
    sight: Sight,
    window: tuple[float, float, float, float],
    share: float,
) -> None:
    """Three columns: the window, the theory, the measure."""
    box = sight.box
    area = (box[2] - box[0]) * (box[3] - box[1])
    theory = "the whole picture" if sight.whole else f"{sight.size[1]}×{sight.size[0]} pixels"
    parts = [
        (
            "The cell answers for",
            f"{window[2] - window[0]:.0f}×{window[3] - window[1]:.0f} pixels",
            "its window",
            ORANGE,
        ),
        ("In theory it can see", theory, f"{area:,} pixels of them on the picture", INK),
    ]
    if held.any():
        count = int(held.sum())
        inside = seen[max(0, round(window[1])) : round(window[3]), max(0, round(window[0])) : round(window[2])]
        within = float(inside.double().sum() / seen.double().sum())
        second = f"{100 * count / area:.0f} % of the field; {100 * within:.0f} % of the gradient is in the window"
        side = round(sqrt(count))
        parts.append(
            (f"It does see ({100 * share:.0f} %)", f"{count:,} pixels, as many as {side}×{side}", second, BLUE)
        )
    else:
        parts.append(("It does see", "nothing: no pixel moves this cell", "", BLUE))
    for x, (head, number, more, color) in zip((_EDGE, 236.0, 500.0), parts, strict=True):
        sheet.text(x, y, head, size=9, color=color, bold=True)
        sheet.text(x, y + 20, number, size=11, bold=True)
        sheet.text(x, y + 46, more, size=8.5)
