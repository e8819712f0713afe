"""Score maps, masks and boxes on one picture, panel beside panel: where each kind of map sees a class.

``course_lib.networks.fcn`` computes the numbers. A map's colour is as opaque as its score is high, so the picture shows
through wherever the score is low. All panels share one scale, from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from course_lib.drawing.overlay import colour_bar, frame_sample, lit, put
from course_lib.drawing.sheet import Sheet, fitted_words, text_width
from course_lib.drawing.still import BLUE, Still, shortened, still
from course_lib.errors import CourseError
from course_lib.networks.fcn import Localisation, iou

__all__ = ["draw_scores"]

_WIDTH, _EDGE, _GAP, _HEAD = 860.0, 6.0, 14.0, 26.0  # CSS pixels
_TALLEST = 420.0  # of a panel
_KEY = 34.0


def draw_scores(
    picture: Image.Image,
    maps: Mapping[str, Any],
    truth: Sequence[float] | None = None,
    *,
    boxes: Mapping[str, Sequence[float]] | None = None,
    columns: int = 2,
    title: str = "",
) -> Still:
    """One panel for each map: its scores or its mask on the picture, the box found with it, and the IoU with the truth.

    Args:
        picture: the whole picture, not resized.
        maps: a panel's name → what it shows: scores (H, W) from 0 to 1 for every pixel of the picture, a boolean mask
            (H, W), whose pixels outside are darkened, or a ``Localisation``, whose box is drawn as well.
        truth: the true box (left, top, right, bottom) in the picture's pixels, where it is known.
        boxes: a panel's name → the box found there, for panels that show scores or masks.
        columns: panels side by side, 1 to 4.
        title: a line above all panels.

    Raises:
        CourseError: there is no map, or one isn't as large as the picture.

    Example:
        >>> scores = np.zeros((40, 100)); scores[10:30, 60:80] = 1
        >>> draw_scores(Image.new("RGB", (100, 40)), {"by hand": scores}, (60, 10, 80, 30),
        ...             boxes={"by hand": (60, 10, 80, 20)}, columns=1)
        by hand: box (60, 10) to (80, 20), IoU 0.50
    """
    if not maps or not 1 <= columns <= 4:
        raise CourseError(f"{len(maps)} maps in {columns} columns: give at least one map, in 1 to 4 columns.")
    columns = min(columns, len(maps))
    wide = (_WIDTH - 2 * _EDGE - (columns - 1) * _GAP) / columns
    tall = wide * picture.height / picture.width
    if tall > _TALLEST:
        wide, tall = wide * _TALLEST / tall, _TALLEST
    top = 34.0 if title else 4.0
    rows = -(-len(maps) // columns)
    sheet = Sheet(_WIDTH, top + rows * (_HEAD + tall + _GAP) + _KEY)
    if title:
        sheet.text(_EDGE, 7, title, size=10.5, bold=True)
    told = []
    for number, (name, shown) in enumerate(maps.items()):
        row, column = divmod(number, columns)
        place = (_EDGE + column * (wide + _GAP), top + row * (_HEAD + tall + _GAP) + _HEAD, wide, tall)
        box = shown.box if isinstance(shown, Localisation) else (boxes or {}).get(name)
        told.append(_draw_panel(sheet, place, picture, name, _numbers(name, shown, picture), box, truth))
    masks = [np.asarray(shown).dtype == np.bool_ for shown in maps.values()]
    has_boxes = bool(boxes) or any(isinstance(shown, Localisation) for shown in maps.values())
    _draw_key(sheet, sheet.height - _KEY / 2, scores=not all(masks), masks=any(masks), boxes=has_boxes,
              truth=truth is not None)  # fmt: skip
    return still(sheet.figure, "; ".join(filter(None, [title, *told])), photo=True, dots=1.5)


def _numbers(name: str, shown: Any, picture: Image.Image) -> NDArray[Any]:
    """The map as an array of the picture's own height and width."""
    array = np.asarray(shown.score_map if isinstance(shown, Localisation) else shown)
    if array.shape != (picture.height, picture.width):
        raise CourseError(
            f"{name!r} has the shape {array.shape}, and the picture is {picture.height}×{picture.width} (height × "
            "width): enlarge the map to the picture first, with nn.functional.interpolate."
        )
    return array


def _draw_panel(
    sheet: Sheet,
    place: tuple[float, float, float, float],
    picture: Image.Image,
    name: str,
    values: NDArray[Any],
    box: Sequence[float] | None,
    truth: Sequence[float] | None,
) -> str:
    """Draw one panel and its heading; returns its part of the alt text."""
    left, top, wide, _ = place
    picture = picture.convert("RGB")
    if values.dtype == np.bool_:
        dark = picture.point([20 + k // 5 for k in range(256)] * 3)
        painted = Image.composite(picture, dark, Image.fromarray(values.astype(np.uint8) * 255))
    else:
        painted = lit(picture, values, 0, 1)
    shown = put(sheet, painted, place)
    verdict = ""
    if truth is not None:
        shown.frame(truth, "dashed")
    if box is not None:
        shown.frame(box)
        verdict = "" if truth is None else f"IoU {iou(box, truth):.2f}"
    room = wide - (text_width(verdict, 10.5, bold=True) + 12 if verdict else 0)
    sheet.text(left, top - 21, fitted_words(name, room, 9.6, bold=True), size=9.6, bold=True)
    sheet.text(left + wide, top - 21, verdict, size=10.5, bold=True, align="right", color=BLUE)
    if box is None:
        return shortened(name, 60)
    x0, y0, x1, y1 = (round(float(edge)) for edge in box)
    return ", ".join(filter(None, [f"{shortened(name, 60)}: box ({x0}, {y0}) to ({x1}, {y1})", verdict]))


def _draw_key(sheet: Sheet, y: float, *, scores: bool, masks: bool, boxes: bool, truth: bool) -> None:
    """What the colours and the frames mean."""
    x = _EDGE
    if scores:
        colour_bar(sheet, (x, y - 6, 130, 12), "0", "1", "score; low scores are transparent")
        x += 405
    if masks:
        sheet.boxes([(x, y - 7, 26, 14)], fill="#2B2F36")
        sheet.middle_text(x + 33, y, "outside", size=9)
        x += 105
    x += 13 if scores or masks else 0
    for wanted, way, words in ((boxes, "solid", "found box"), (truth, "dashed", "true box")):
        if wanted:
            frame_sample(sheet, x, y, "solid" if way == "solid" else "dashed")
            sheet.middle_text(x + 20, y, words, size=9)
            x += 118
