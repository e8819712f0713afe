"""Where a fully convolutional network sees a class: its score map over the picture, its outline, the boxes.

``course_lib.networks.fcn`` computes the numbers, this file draws them. Large: the score map in viridis over the
picture, transparent where scores are low. Below it how the box was found: the map's own cells, the picture where the
score is above the threshold, and the numbers with the IoU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from course_lib.drawing.chart_axes import digits
from course_lib.drawing.overlay import OnPicture, colour_bar, frame_sample, lit, put, tiled
from course_lib.drawing.sheet import Box, Sheet, wrapped
from course_lib.drawing.still import BLUE, INK, Still, shortened, still
from course_lib.networks.fcn import Localisation, ResponseMap, iou

__all__ = ["agreement", "coloured_scores", "draw_response", "top_words"]

_WIDTH, _TALLEST, _EDGE = 860.0, 400.0, 6.0  # CSS pixels: the sheet's width, the picture's height, the margin
_THUMB, _GAP = 268.0, 16.0
_FEW = 8  # cells whose windows can be framed
_MOST_DOTS = 500  # cells whose middles can be told apart


def agreement(overlap: float) -> str:
    """An IoU in words. 0.5 counts as found since PASCAL VOC (https://doi.org/10.1007/s11263-009-0275-4).

    Args:
        overlap: intersection over union of two boxes, 0 to 1.

    Example:
        >>> agreement(0.82), agreement(0.55), agreement(0.3), agreement(0.0)
        ('nearly the same box', 'a hit: 0.5 or more', 'not a hit: below 0.5', "missed: the boxes don't touch")
    """
    if overlap >= 0.75:
        return "nearly the same box"
    if overlap >= 0.5:
        return "a hit: 0.5 or more"
    if overlap >= 0.25:
        return "not a hit: below 0.5"
    return "hardly any overlap: below 0.25" if overlap > 0 else "missed: the boxes don't touch"


def draw_response(
    picture: Image.Image,
    found: Localisation,
    truth: Sequence[float] | None = None,
    *,
    cells: ResponseMap | None = None,
    title: str = "",
    true_label: str | None = None,
    painted: Image.Image | None = None,
) -> Still:
    """The score map on the picture, with its outline at the threshold, the found box and the true box.

    Args:
        picture: the whole picture, not resized.
        found: from ``networks.localise``.
        truth: the true box (left, top, right, bottom) in the picture's pixels, if it is known.
        cells: the response map that it was found on; its cells are then shown beside the masked picture.
        title: what made it, such as "resnet18, dense".
        true_label: the class of the true box; the picture says so where another class was looked for.
        painted: the result of ``coloured_scores``, where it exists already.

    Example:
        >>> from course_lib.models.classifier import load_classifier
        >>> from course_lib.networks.fcn import convert, localise, response_map
        >>> from picturebook import scene
        >>> drawn = scene("camel", seed=21, size=(387, 1024), where=(0.8, 0.66, 0.6))
        >>> fcn = convert(load_classifier("resnet18", weights="course", device="cpu"), dense=True)
        >>> cells = response_map(fcn, drawn.picture)
        >>> draw_response(drawn.picture, localise(cells), drawn.box, cells=cells, title="dense")
        dense: camel, threshold ...: found box ... to ...; true box ...; IoU ...
    """
    overlap = None if truth is None else iou(found.box, truth)
    verdict = "" if overlap is None else _verdict(found.label, true_label, overlap)
    tall = _zoom(picture) * picture.height
    low_tall = max(8.0, min(_THUMB * picture.height / picture.width, 150.0))
    under = 30 + tall + 40
    sheet = Sheet(_WIDTH, under + 22 + max(low_tall, 120) + 8)
    heading = ": ".join(filter(None, (title, shortened(found.label, 36))))
    sheet.text(_EDGE, 7, heading, size=10.5, bold=True)
    sheet.text(_WIDTH - _EDGE, 7, verdict, size=10.5, bold=True, align="right", color=BLUE)
    large = (_EDGE, 30.0, _WIDTH - 2 * _EDGE, tall)
    shown = put(sheet, painted or coloured_scores(picture, found), large, size=picture.size)
    _mark(shown, found, truth, cells, true_label)
    if cells is not None:
        _touchable(shown, cells)
    _key(sheet, 30 + tall + 20, found, truth, cells)
    place = (_EDGE, under + 20, round(low_tall * picture.width / picture.height), round(low_tall))
    if cells is not None:
        _draw_class_map(sheet, place, cells, found)
        place = (_EDGE + _THUMB + _GAP, *place[1:])
    _draw_region(sheet, place, picture, found)
    _draw_numbers(sheet, place[0] + _THUMB + _GAP, under, found, truth, overlap)
    return still(sheet.figure, _alt(heading, found, truth, verdict), photo=True, spots=sheet.spots, dots=1.5)


def _touchable(shown: OnPicture, cells: ResponseMap) -> None:
    """A spot on each cell: around the middle of its window, which is framed."""
    rows, columns = cells.logits.shape[-2:]
    (left, top), (right, bottom) = cells.middle_of(0, 0), cells.middle_of(rows - 1, columns - 1)
    across = (right - left) / (columns - 1) if columns > 1 else float(cells.window)
    down = (bottom - top) / (rows - 1) if rows > 1 else float(cells.window)
    box = (left - across / 2, top - down / 2, right + across / 2, bottom + down / 2)
    shown.cells("cell", box, rows, columns, top_words(cells), outline=(cells.window, cells.window))


def top_words(cells: ResponseMap) -> Callable[[int, int], str]:
    """Row and column of a cell → its three most probable classes, and its window on the picture."""

    most = cells.logits.softmax(0).permute(1, 2, 0).topk(min(3, len(cells.categories)))
    shares, order = most.values.tolist(), most.indices.tolist()

    def words(row: int, column: int) -> str:
        pairs = zip(shares[row][column], order[row][column], strict=True)
        best = [f"{cells.categories[k]} {100 * share:.0f}%" for share, k in pairs]
        left, top, right, bottom = cells.box_of(row, column)
        window = f"window: x {left:.0f} to {right:.0f}, y {top:.0f} to {bottom:.0f}"
        return "\n".join([f"row {row}, column {column}", *best, window])

    return words


def coloured_scores(picture: Image.Image, found: Localisation) -> Image.Image:
    """The score map in colours on the picture, as large as ``draw_response`` shows it; no threshold changes it.

    Example:
        >>> import torch
        >>> from course_lib.networks.fcn import ResponseMap, localise
        >>> cells = ResponseMap(torch.eye(2)[None], ("camel",), size=(64, 32), stride=16, window=16)
        >>> coloured_scores(Image.new("RGB", (64, 32)), localise(cells)).size
        (1600, 800)
    """
    zoom = 2 * _zoom(picture)
    size = (round(zoom * picture.width), round(zoom * picture.height))
    return lit(picture, found.score_map, 0, 1).resize(size, Image.Resampling.BILINEAR)


def _zoom(picture: Image.Image) -> float:
    """CSS pixels for each pixel of the picture."""
    return min((_WIDTH - 2 * _EDGE) / picture.width, _TALLEST / picture.height)


def _verdict(label: str, true_label: str | None, overlap: float) -> str:
    wrong = true_label not in (None, label)
    return f"IoU {overlap:.2f}, {f'but the true class is {true_label}' if wrong else agreement(overlap)}"


def _mark(
    shown: OnPicture,
    found: Localisation,
    truth: Sequence[float] | None,
    cells: ResponseMap | None,
    true_label: str | None,
) -> None:
    """Everything that is drawn on the large picture."""
    if cells is not None:
        rows, columns = cells.logits.shape[-2:]
        places = [(row, column) for row in range(rows) for column in range(columns)]
        if len(places) <= _FEW:
            for place in places:
                shown.frame(cells.box_of(*place), "thin", level=1.5)
        elif len(places) <= _MOST_DOTS:
            shown.dots([cells.middle_of(*place) for place in places])
        shown.cross(*cells.middle_of(*found.cell))
    shown.outline(found.contour)
    wrong = true_label not in (None, found.label)
    if truth is not None:
        shown.frame(truth, "dashed")
        shown.tag(truth, f"true: {true_label}" if wrong else "true", below=True, right=True, fill="white", color=INK)
    shown.frame(found.box)
    shown.tag(found.box, f"found: {shortened(found.label, 24)}" if wrong else "found")


def _key(sheet: Sheet, y: float, found: Localisation, truth: Sequence[float] | None, cells: ResponseMap | None) -> None:
    """The colour bar with the threshold on it, and the meaning of each line."""
    wide, left = 150.0, _EDGE + 15
    count = 0 if cells is None else cells.logits[0].numel()
    colour_bar(sheet, (_EDGE, y - 6, wide, 12), "0", "1", "score")
    step = wide / 20
    sheet.spot("threshold", (left + step / 2, y - 11, 19 * step, 22), _threshold_words, columns=19, gesture="drag")
    x = left + wide * found.threshold
    sheet.lines([[(x, y - 10), (x, y + 10)]], color="white", line=4, level=3)
    sheet.lines([[(x, y - 10), (x, y + 10)]], color=INK, line=1.6, level=3.1)
    x = left + wide + 88
    sheet.lines([[(x - 13, y), (x + 13, y)]], color=INK, line=3.4, level=1.6)
    sheet.lines([[(x - 13, y), (x + 13, y)]], color="white", line=1.4, level=1.7)
    sheet.middle_text(x + 19, y, f"score = {found.threshold:.2f}", size=8.5)
    x += 138
    frame_sample(sheet, x, y, "solid")
    sheet.middle_text(x + 19, y, "found box", size=8.5)
    x += 112
    if truth is not None:
        frame_sample(sheet, x, y, "dashed")
        sheet.middle_text(x + 19, y, "true box", size=8.5)
        x += 105
    if cells is None:
        return
    if count <= _FEW:
        frame_sample(sheet, x, y, "thin")
        sheet.middle_text(x + 19, y, f"window of a cell ({cells.window} pixels)", size=8.5)
    elif count <= _MOST_DOTS:
        sheet.boxes([(x - 2, y - 2, 4, 4)], fill="white", edge=INK, line=0.7)
        sheet.middle_text(x + 9, y, f"middle of a cell's window ({cells.window} pixels)", size=8.5)


def _threshold_words(_row: int, column: int) -> str:
    return f"threshold {0.05 * (column + 1):.2f}"


def _alt(heading: str, found: Localisation, truth: Sequence[float] | None, verdict: str) -> str:
    left, top, right, bottom = found.box
    alt = f"{heading}, threshold {found.threshold:.2f}: found box ({left}, {top}) to ({right}, {bottom})"
    if truth is None:
        return alt
    left, top, right, bottom = (round(float(edge)) for edge in truth)
    return f"{alt}; true box ({left}, {top}) to ({right}, {bottom}); {verdict}"


def _draw_class_map(sheet: Sheet, place: Box, cells: ResponseMap, found: Localisation) -> None:
    """The map of the class as the network gives it: a rectangle for every cell."""
    left, top, wide, tall = place
    values = cells.logits[cells.index_of(found.label)].numpy()
    rows, columns = values.shape
    span = (float(values.min()), float(values.max()))
    shown = put(sheet, tiled(values, *span, round(2 * wide), round(2 * tall)), place)
    across, down = shown.size[0] / columns, shown.size[1] / rows
    shown.cells("cell", (0, 0, *shown.size), rows, columns, top_words(cells))
    row, column = found.cell
    shown.frame((column * across, row * down, (column + 1) * across, (row + 1) * down))
    sheet.text(left, top - 18, f"its map: {rows}×{columns} cells", size=9, bold=True)
    if wide / columns >= 34 and tall / rows >= 16:
        middle, largest = sum(span) / 2, max(abs(span[0]), abs(span[1]))
        marks = [
            (left + (c + 0.5) * wide / columns, top + (r + 0.5) * tall / rows, digits(value, largest),
             "white" if value < middle else INK)
            for r, line in enumerate(values.tolist()) for c, value in enumerate(line)
        ]  # fmt: skip
        sheet.marks(marks, size=9)


def _draw_region(sheet: Sheet, place: Box, picture: Image.Image, found: Localisation) -> None:
    """The picture in the found region; the rest is nearly black."""
    size = (round(2 * place[2]), round(2 * place[3]))
    small = picture.convert("RGB").resize(size, Image.Resampling.BILINEAR, reducing_gap=1.0)
    mask = Image.fromarray(np.asarray(found.mask, np.uint8) * 255).resize(size, Image.Resampling.NEAREST)
    dark = small.point([14 + k // 5 for k in range(256)] * 3)
    put(sheet, Image.composite(small, dark, mask), place)
    share = float(np.asarray(found.mask, np.float32).mean())
    words = f"score ≥ {found.threshold:.2f} around the ring: {100 * share:.0f}%"
    sheet.text(place[0], place[1] - 18, words, size=9, bold=True)


def _draw_numbers(
    sheet: Sheet, x: float, y: float, found: Localisation, truth: Sequence[float] | None, overlap: float | None
) -> None:
    """The numbers in words."""
    room = sheet.width - 6 - x
    lines = [f"Best cell: row {found.cell[0]}, column {found.cell[1]} (the ring)."]
    left, top, right, bottom = found.box
    lines.append(f"Found box: x {left} to {right}, y {top} to {bottom}.")
    if truth is not None:
        left, top, right, bottom = (round(float(edge)) for edge in truth)
        lines.append(f"True box: x {left} to {right}, y {top} to {bottom}.")
    if overlap is not None:
        lines.append(f"IoU = both boxes / either box = {overlap:.2f}")
    written = [short for line in lines for short in wrapped(line, room, 9)]
    for k, line in enumerate(written):
        sheet.text(x, y + 3 + 19 * k, line, size=9)
    if overlap is not None:
        _draw_overlap(sheet, (x, y + 14 + 19 * len(written), room, 14), overlap)


def _draw_overlap(sheet: Sheet, place: Box, overlap: float) -> None:
    """The IoU as a bar from 0 to 1, with a mark where it counts as found."""
    left, top, wide, tall = place
    sheet.boxes([place], fill="#EDEDED")
    sheet.boxes([(left, top, wide * overlap, tall)], fill=BLUE, level=1.1)
    sheet.lines([[(left + wide / 2, top - 6), (left + wide / 2, top + tall)]], color=INK, line=1.4, level=1.2)
    ends = [(left, "0", "left"), (left + wide / 2, "0.5: found", "center"), (left + wide, "1", "right")]
    for x, words, side in ends:
        sheet.text(x, top + tall + 6, words, size=8.5, align=side)
