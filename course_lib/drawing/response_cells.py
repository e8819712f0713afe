"""The class that a network names in each cell of its response map: a strip of windows, or a mosaic over the picture.

A map with few cells becomes a strip: each panel is the window of the picture that a cell stands for, with the class
that the network names there. A map with many cells becomes a mosaic: every class has a letter and a colour, explained
in a key, and equal neighbours flow together.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import measure

from course_lib.drawing.chart_axes import COLORS
from course_lib.drawing.overlay import OnPicture, numbered, put
from course_lib.drawing.sheet import FAINT, Mark, Sheet, rgb, text_width
from course_lib.drawing.still import GREY, INK, ORANGE, Still, shortened, still
from course_lib.networks.fcn import ResponseMap

__all__ = ["draw_cells"]

_WIDTH, _EDGE = 860.0, 6.0
_MOST_PANELS, _COLUMNS = 12, 6  # of the strip; more cells make a mosaic
_PAPER = "#FFF6DF"  # of a caption
_DARK = 5  # the first of these colours, on which white can be read
_LETTERS = "ABCDEFGH"
_LEAST = 6  # cells of a region that gets a letter where not every cell has room for one
_CLASSES = 8  # that have a colour; the rest share one


def draw_cells(cells: ResponseMap, picture: Image.Image, *, title: str = "") -> Still:
    """What the network says in every cell of its map.

    Args:
        cells: from ``networks.response_map``.
        picture: the whole picture, not resized.
        title: what made the map, such as "resnet18, plain".

    Example:
        >>> from course_lib.models.classifier import load_classifier
        >>> from course_lib.networks.fcn import convert, response_map
        >>> from picturebook import scene
        >>> picture = scene("camel", seed=21, size=(387, 1024), where=(0.8, 0.66, 0.6)).picture
        >>> fcn = convert(load_classifier("resnet18", weights="course", device="cpu"))
        >>> draw_cells(response_map(fcn, picture), picture)
        1×4 cells, from left to right: ...
    """
    rows, columns = cells.logits.shape[-2:]
    heading = ": ".join(filter(None, (title, f"{rows}×{columns} cells")))
    if rows * columns <= _MOST_PANELS and columns <= _COLUMNS:
        return _strip(cells, picture, heading)
    return _mosaic(cells, picture, heading)


# -- few cells --------------------------------------------------------------------------------------------------------
def _strip(cells: ResponseMap, picture: Image.Image, heading: str) -> Still:
    rows, columns = cells.logits.shape[-2:]
    room = _WIDTH - 2 * _EDGE
    tall = min(room * picture.height / picture.width, 230.0)
    gap = 12.0
    side = min((room + gap) / columns - gap, 205.0)
    step = side + 58
    top = 30 + tall + 22
    sheet = Sheet(_WIDTH, top + rows * step)
    sheet.text(_EDGE, 7, f"{heading}: the windows on the picture", size=10.5, bold=True)
    wide = tall * picture.width / picture.height
    shown = put(sheet, picture, ((_WIDTH - wide) / 2, 30, wide, tall))
    best = cells.cell
    places = [(row, column) for row in range(rows) for column in range(columns)]
    for place in places:
        shown.frame(cells.box_of(*place), "thin")
    shown.frame(cells.box_of(*best), level=2.5)
    for number, place in enumerate(places):
        left, upper, _, _ = cells.box_of(*place)
        x, y = shown.at(left, upper)
        numbered(sheet, x + 15, y + 15, str(number), fill=ORANGE if best == place else INK)
    start = (_WIDTH - columns * (side + gap) + gap) / 2
    for number, (row, column) in enumerate(places):
        _panel(sheet, cells, picture, number, (row, column), (start + column * (side + gap), top + row * step, side))
    classes = ", ".join(
        f"{cells.labels[row][column]}{' (best)' if (row, column) == best else ''}" for row, column in places
    )
    return still(sheet.figure, f"{heading}, from left to right: {classes}", photo=True, dots=1.5)


def _panel(
    sheet: Sheet,
    cells: ResponseMap,
    picture: Image.Image,
    number: int,
    cell: tuple[int, int],
    place: tuple[float, float, float],
) -> None:
    """One picture of the strip: the caption, the window, the second guess."""
    left, top, side = place
    first, second = (int(k) for k in cells.probabilities[:, cell[0], cell[1]].topk(2).indices)
    sure = cells.probabilities[:, cell[0], cell[1]]
    best = cell == cells.cell
    edge = ORANGE if best else INK
    window = picture.crop(cells.box_of(*cell))
    sheet.boxes([(left, top, side, 27)], fill=_PAPER, edge=edge, line=2.6 if best else 1.2, level=2)
    letters = max(6, int(side / 8.6) - 6)
    sheet.middle_text(left + 31, top + 13.5, shortened(cells.categories[first], letters), size=10, bold=True)
    sheet.middle_text(left + side - 7, top + 13.5, f"{100 * float(sure[first]):.0f}%", size=9.5, align="right")
    numbered(sheet, left + 15, top + 13.5, str(number), fill=edge)
    shown = put(sheet, window, (left, top + 27, side, side))
    height = shown.place[3]
    sheet.boxes([(left, top + 27, side, height)], edge=edge, line=2.6 if best else 1.2, level=2)
    words = f"then {shortened(cells.categories[second], letters)} {100 * float(sure[second]):.0f}%"
    sheet.text(left, top + 27 + height + 6, words, size=8.5, color=FAINT)


# -- many cells -------------------------------------------------------------------------------------------------------
def _mosaic(cells: ResponseMap, picture: Image.Image, heading: str) -> Still:
    sure, chosen = (values.cpu().numpy() for values in cells.probabilities.max(0))
    names = cells.categories
    often = [k for k, _ in Counter(chosen.flatten().tolist()).most_common()]
    winner = cells.index
    ranked = [winner, *(k for k in often if k != winner)][:_CLASSES]
    room, tall = _WIDTH - 2 * _EDGE, min((_WIDTH - 2 * _EDGE) * picture.height / picture.width, 420.0)
    sheet = Sheet(_WIDTH, 30 + tall + 62)
    sheet.text(_EDGE, 7, f"{heading}: the class of each; stronger means more confident", size=10.5, bold=True)
    edges = _edges(cells)
    shown = put(sheet, _painted(picture, chosen, sure, ranked, edges), (_EDGE, 30, room, tall))
    _seams(shown, chosen, edges)
    _letters(shown, chosen, sure, ranked, edges)
    row, column = cells.cell
    shown.frame((edges[0][column], edges[1][row], edges[0][column + 1], edges[1][row + 1]), level=2.5)
    counted = Counter(chosen.flatten().tolist())
    x, y = _EDGE + 9, 30 + tall + 20
    for k, index in enumerate(ranked):
        words = f"{shortened(names[index], 18)} ({counted[index]})"
        if x + 30 + text_width(words, 9) > _WIDTH - _EDGE:
            x, y = _EDGE + 9, y + 24
        numbered(sheet, x, y, _LETTERS[k], fill=COLORS[k], color="white" if k < _DARK else INK)
        sheet.middle_text(x + 15, y, words, size=9, bold=index == winner)
        x += 38 + text_width(words, 9, bold=index == winner)
    classes = ", ".join(f"{names[index]} in {counted[index]}" for index in ranked)
    return still(sheet.figure, f"{heading}: {classes}; best: row {row}, column {column}", photo=True, dots=1.5)


def _edges(cells: ResponseMap) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Where cells meet, across and down, in the picture's pixels: half-way between the middles of their windows."""
    rows, columns = cells.logits.shape[-2:]
    found = []
    for many, middles in (
        (columns, np.array([cells.middle_of(0, k)[0] for k in range(columns)])),
        (rows, np.array([cells.middle_of(k, 0)[1] for k in range(rows)])),
    ):
        step = float(middles[1] - middles[0]) if many > 1 else float(cells.window)
        between = (middles[1:] + middles[:-1]) / 2
        found.append(np.concatenate([[middles[0] - step / 2], between, [middles[-1] + step / 2]]))
    return found[0].clip(0, cells.size[0]), found[1].clip(0, cells.size[1])


def _painted(
    picture: Image.Image,
    chosen: NDArray[np.integer],
    sure: NDArray[np.floating],
    ranked: list[int],
    edges: tuple[NDArray[np.floating], NDArray[np.floating]],
) -> NDArray[np.uint8]:
    """The grey picture with every cell in its class's colour, the stronger the higher its probability."""
    pixels = np.asarray(Image.merge("RGB", [picture.convert("L").point([70 + 0.68 * k for k in range(256)])] * 3))
    shown = pixels.astype(np.float32)
    across, down = (line.round().astype(int) for line in edges)
    for row, column in np.ndindex(*chosen.shape):
        index = int(chosen[row, column])
        color = COLORS[ranked.index(index)] if index in ranked else GREY
        paint = np.array(rgb(color), np.float32)
        strong = 0.12 + 0.6 * float(sure[row, column])
        part = np.s_[down[row] : down[row + 1], across[column] : across[column + 1]]
        shown[part] = shown[part] * (1 - strong) + paint * strong
    return shown.astype(np.uint8)


def _seams(
    shown: OnPicture, chosen: NDArray[np.integer], edges: tuple[NDArray[np.floating], NDArray[np.floating]]
) -> None:
    """White lines between cells of different classes."""
    across, down = edges
    lines = []
    for row, column in np.argwhere(chosen[:, 1:] != chosen[:, :-1]):
        lines.append([(across[column + 1], down[row]), (across[column + 1], down[row + 1])])
    for row, column in np.argwhere(chosen[1:] != chosen[:-1]):
        lines.append([(across[column], down[row + 1]), (across[column + 1], down[row + 1])])
    scaled = [[shown.at(float(x), float(y)) for x, y in line] for line in lines]
    shown.sheet.lines(scaled, color="white", line=1.2, level=1.5)


def _letters(
    shown: OnPicture,
    chosen: NDArray[np.integer],
    sure: NDArray[np.floating],
    ranked: list[int],
    edges: tuple[NDArray[np.floating], NDArray[np.floating]],
) -> None:
    """Each cell's letter; where cells are small, one for a region of equal cells."""
    across, down = edges
    left, top = shown.at(float(across[0]), float(down[0]))
    right, bottom = shown.at(float(across[-1]), float(down[-1]))
    small = min((right - left) / chosen.shape[1], (bottom - top) / chosen.shape[0]) < 15
    places = [(int(row), int(column)) for row, column in np.ndindex(*chosen.shape)]
    if small:
        found: NDArray[np.integer] = measure.label(chosen, background=-1, connectivity=1)  # type: ignore[no-untyped-call]
        places = []
        for region in range(1, int(found.max()) + 1):
            inside = np.argwhere(found == region)
            if len(inside) >= _LEAST:
                places.append(tuple(inside[np.abs(inside - inside.mean(0)).sum(1).argmin()].tolist()))
    marks: list[Mark] = []
    for row, column in places:
        index = int(chosen[row, column])
        x, y = shown.at(float(across[column] + across[column + 1]) / 2, float(down[row] + down[row + 1]) / 2)
        word = _LETTERS[ranked.index(index)] if index in ranked else "·"
        marks.append((x, y, word, "white" if sure[row, column] > 0.45 else INK))
    shown.sheet.marks(marks, size=9, bold=True)
