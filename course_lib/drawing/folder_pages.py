"""A folder's predictions as pages of pictures: each with its answer, the probability, right or wrong, file and time.

The pictures behind the numbers of a confusion matrix: which of them, in which order, page by page, and the most
confident mistakes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image

from course_lib.drawing.overlay import put
from course_lib.drawing.picture_figures import draw_answer
from course_lib.drawing.sheet import FAINT, Box, Mark, Sheet, fitted_words, text_width, wrapped
from course_lib.drawing.spots import Spot
from course_lib.drawing.still import (
    BLUE,
    DOTS,
    GREEN,
    INK,
    ORANGE,
    PIXELS,
    Still,
    draw_picture,
    new_figure,
    shortened,
    still,
)
from course_lib.errors import CourseError, PictureError
from course_lib.models.predictions import FolderPredictions, Judged
from course_lib.pictures.images import open_image
from course_lib.pictures.truth import Truths

__all__ = [
    "ORDERS",
    "VERDICTS",
    "draw_closer",
    "draw_page",
    "most_confident_mistakes",
    "page_count",
    "prediction_grid",
    "select",
    "thumbnail",
]

VERDICTS = ("all", "right", "wrong")
#: Sort keys of the orders; pictures with equal keys keep the order of their files.
ORDERS: Mapping[str, Callable[[Judged], Any]] = {
    "surest first": lambda answer: -answer.probability,
    "least sure first": lambda answer: answer.probability,
    "slowest first": lambda answer: -answer.row.seconds,
    "by file": lambda answer: 0,
}

_WIDE = 860  # CSS pixels, a notebook's text column
_EDGE, _GAP = 6, 12
_WORDS = 72  # the three lines under a picture, with the gap to the next row
_TILE, _TRACK = "#F1F1F1", "#E4E4E4"
_THUMBNAILS = 512  # kept in memory; at 300 × 300 dots they take at most 140 MB


# -- which pictures ---------------------------------------------------------------------------------------------------
def select(
    judged: Sequence[Judged],
    *,
    verdict: str = "all",
    truth: str | None = None,
    said: str | None = None,
    order: str = "surest first",
) -> tuple[Judged, ...]:
    """Some of a folder's pictures, in order.

    Args:
        judged: from ``FolderPredictions.judged``.
        verdict: one of ``VERDICTS``: "all", "right" or "wrong".
        truth: only pictures that show this class.
        said: only pictures that were taken for this class.
        order: one of ``ORDERS``.

    Raises:
        CourseError: there is no such verdict or order.

    Example:
        >>> import torch
        >>> from course_lib.models.predictions import FolderRow, from_logits
        >>> answers = [from_logits(torch.tensor([0.0, sure]), ("ant", "bee"), k=1) for sure in (1.0, 3.0, 2.0)]
        >>> rows = tuple(FolderRow(Path(f"bee/{k}.png"), answer, 0.01) for k, answer in enumerate(answers))
        >>> [answer.file for answer in select(FolderPredictions(rows, (), 0.1, "cpu").judged())]
        ['bee/1.png', 'bee/2.png', 'bee/0.png']
    """
    for name, value, known in (("verdict", verdict, VERDICTS), ("order", order, tuple(ORDERS))):
        if value not in known:
            raise CourseError(f"{name}={value!r}: choose one of {', '.join(map(repr, known))}.")
    fitting = [
        answer
        for answer in judged
        if (verdict == "all" or answer.right == (verdict == "right"))
        and truth in (None, answer.truth)
        and said in (None, answer.said)
    ]
    return tuple(sorted(fitting, key=ORDERS[order]))


def most_confident_mistakes(
    predictions: FolderPredictions, truth: Truths | None = None, k: int = 10
) -> tuple[Judged, ...]:
    """The pictures that the model got wrong while being most sure; what do they have in common?

    Args:
        predictions: from ``Classifier.predict_folder``.
        truth: what the pictures show, as ``FolderPredictions.judged`` takes it; their folders' names when left out.
        k: how many; there may be fewer mistakes, or none.

    Raises:
        CourseError: no picture, a truth that does not know one of them, or a ``k`` below 1.
    """
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise CourseError(f"k is how many mistakes to give, a whole number of at least 1, not {k!r}.")
    return select(predictions.judged(truth), verdict="wrong")[:k]


def page_count(pictures: int, per_page: int) -> int:
    """How many pages the pictures fill; without any picture there is one page, which says so.

    Example:
        >>> [page_count(n, 10) for n in (0, 1, 10, 11)]
        [1, 1, 1, 2]
    """
    return max(1, -(-pictures // per_page))


def draw_page(
    predictions: FolderPredictions,
    judged: Sequence[Judged],
    page: int = 1,
    *,
    verdict: str = "all",
    truth: str | None = None,
    said: str | None = None,
    order: str = "surest first",
    per_page: int = 10,
) -> Still:
    """One page of a folder's pictures.

    Args:
        predictions: for how long it took, and what was skipped.
        judged: all of its pictures, from ``FolderPredictions.judged``.
        page: counted from 1.
        verdict, truth, said, order: which pictures, and in which order, as for ``select``.
        per_page: how many pictures are on a page.

    Raises:
        CourseError: there is no such verdict, order or page.
    """
    selected = select(judged, verdict=verdict, truth=truth, said=said, order=order)
    pages = page_count(len(selected), per_page)
    if not 1 <= page <= pages:
        raise CourseError(f"There is no page {page}: these {len(selected)} pictures fill {pages}.")
    first = (page - 1) * per_page
    shown = selected[first : first + per_page]
    classes = [f"{name} {label}" for name, label in (("truth", truth), ("said", said)) if label is not None]
    heading = ", ".join([f"{verdict.capitalize()} pictures", *classes, order])
    place = f"{first + 1} to {first + len(shown)} of {len(selected)}" if shown else "none"
    right = sum(answer.right for answer in judged)
    note = f"Altogether {right} of {len(judged)} right, {100 * right / max(len(judged), 1):.1f}%; "
    device = "the CPU" if str(predictions.device) == "cpu" else predictions.device
    note += f"{predictions.total_seconds:.1f} s, {1000 * predictions.mean_seconds:.1f} ms per picture, on {device}"
    if predictions.skipped:
        note += f"; {len(predictions.skipped)} files could not be opened and were skipped"
    empty = f"There is no such picture among the {len(judged)} of this folder."
    return prediction_grid(shown, title=f"{heading}: {place}", note=note, empty=empty)


# -- how they are drawn -----------------------------------------------------------------------------------------------
def prediction_grid(
    judged: Sequence[Judged],
    *,
    columns: int = 5,
    title: str = "",
    note: str = "",
    empty: str = "No picture to show.",
) -> Still:
    """Pictures with their answers: the class, its probability, right or wrong, the file, and how long it took.

    Args:
        judged: from ``FolderPredictions.judged``, ``select`` or ``most_confident_mistakes``.
        columns: pictures in a row, 1 to 8.
        title: above them.
        note: a second, smaller line above them. The alt text leaves it out, so it is the place for what differs from
            run to run.
        empty: the sentence shown instead of pictures when there are none.

    Raises:
        CourseError: ``columns`` is not such a number.

    Example:
        >>> prediction_grid([], title="Mistakes", empty="There is none.")
        Mistakes: There is none.
    """
    if isinstance(columns, bool) or not isinstance(columns, int) or not 1 <= columns <= 8:
        raise CourseError(f"columns={columns!r}: give a whole number from 1 to 8.")
    side = min((_WIDE - 2 * _EDGE - (columns - 1) * _GAP) // columns, 280)
    lines = [(line, 10.5, True) for line in wrapped(title, _WIDE - 2 * _EDGE, 10.5, bold=True)]
    lines += [(line, 9, False) for line in wrapped(note, _WIDE - 2 * _EDGE, 9)]
    above = _EDGE + 19 * len(lines) + (6 if lines else 0)
    rows = -(-len(judged) // columns)
    sheet = Sheet(_WIDE, above + (rows * (side + _WORDS) if judged else 60))
    for k, (line, size, bold) in enumerate(lines):
        sheet.text(_EDGE, _EDGE + 19 * k, line, size=size, bold=bold, color=INK if bold else FAINT)
    places = [
        (_EDGE + (k % columns) * (side + _GAP), above + (k // columns) * (side + _WORDS), side, side)
        for k in range(len(judged))
    ]
    for k, (answer, place) in enumerate(zip(judged, places, strict=True), 1):
        _draw_picture(sheet, answer, place)
        sheet.spot("picture", place, _answer_words(answer), k)
    if judged:
        _draw_verdicts(sheet, judged, places)
        _write_lines(sheet, judged, places)
    else:
        sheet.text(_EDGE, above + 14, empty, size=10.5)
    words = "; ".join(f"{answer.file} {answer.said} {answer.probability:.0%}, {answer.verdict}" for answer in judged)
    alt = ": ".join(filter(None, (title, words or empty)))
    return still(sheet.figure, alt, photo=bool(judged), spots=sheet.spots)


def draw_closer(answer: Judged) -> Still:
    """One picture of a folder, large, with the bars of its answer; all of it is a spot of the kind "close"."""
    figure = new_figure(8.6, 4.4)
    try:
        picture = open_image(answer.row.path)
    except PictureError:
        return prediction_grid([answer], title=answer.file)
    draw_picture(figure, (0.01, 0.02, 0.5, 0.88), picture, anchor="N")
    figure.text(0.01, 0.94, f"{answer.file}: {answer.verdict}", fontsize=10.5, weight="bold",
                color=GREEN if answer.right else ORANGE)  # fmt: skip
    classes = draw_answer(figure, (0.7, 0.3, 0.28, 0.5), f"the model's top {len(answer.row.prediction.labels)}",
                answer.row.prediction, letters=20)  # fmt: skip
    figure.text(0.7, 0.12, f"it shows: {answer.truth}", fontsize=10)
    alt = f"{answer.file}, large: {answer.said} {100 * answer.probability:.0f}%, {answer.verdict}"
    return still(figure, alt, photo=True, spots=[Spot("close", (0, 0, 1, 1), "back to the page", 0), classes])


def _answer_words(answer: Judged) -> str:
    prediction = answer.row.prediction
    best = [
        f"{label} {100 * share:.1f}%" for label, share in zip(prediction.labels, prediction.probabilities, strict=True)
    ]
    return "\n".join([shortened(answer.file, 60), f"it shows: {answer.truth}", *best[:5]])


def _draw_picture(sheet: Sheet, answer: Judged, place: Box) -> None:
    left, top, side, _ = place
    try:
        small = thumbnail(answer.row.path, round(side * DOTS / PIXELS))
    except PictureError:  # the file could be opened when it was predicted
        for k, line in enumerate(wrapped("This file cannot be opened any more.", side - 50, 9)):
            sheet.text(left + side / 2, top + side / 2 - 16 + 16 * k, line, color=FAINT, align="center")
        return
    down = (side - small.height * PIXELS / DOTS) / 2
    put(sheet, small, (left, top + down, side, side - 2 * down))


def _draw_verdicts(sheet: Sheet, judged: Sequence[Judged], places: Sequence[Box]) -> None:
    """Frames and badges for right and wrong, bars for probabilities: all of a kind at once, which takes less time."""
    sheet.boxes(places, fill=_TILE, level=-1)
    sheet.boxes([(x, y + tall + 26, wide, 4) for x, y, wide, tall in places], fill=_TRACK)
    bars = [
        (x, y + tall + 26, wide * answer.probability, 4)
        for answer, (x, y, wide, tall) in zip(judged, places, strict=True)
    ]
    sheet.boxes(bars, fill=BLUE, level=1.1)
    for right, sign, color, thick in ((True, "✓", GREEN, 1.2), (False, "✗", ORANGE, 3.0)):
        framed = [place for answer, place in zip(judged, places, strict=True) if answer.right == right]
        if framed:
            sheet.boxes(framed, edge=color, line=thick, level=3)
            sheet.boxes([(x, y, 24, 24) for x, y, *_ in framed], fill=color, level=3.1)
            sheet.marks([(x + 12, y + 12, sign, "white") for x, y, *_ in framed], size=12, bold=True)


def _write_lines(sheet: Sheet, judged: Sequence[Judged], places: Sequence[Box]) -> None:
    """Three lines under each picture; here too, all of a kind at once."""
    side = places[0][2]
    labels: list[Mark] = []
    percents: list[Mark] = []
    small: list[Mark] = []
    small_right: list[Mark] = []
    for answer, (left, top, *_) in zip(judged, places, strict=True):
        y = top + side
        percent, took = f"{100 * answer.probability:.1f}%", f"{1000 * answer.row.seconds:.0f} ms"
        room = side - text_width(percent, 9.5, bold=True) - 8
        labels.append((left, y + 14, fitted_words(answer.said, room, 9.5, bold=True), INK))
        percents.append((left + side, y + 14, percent, INK))
        small.append((left, y + 40, fitted_words(answer.verdict, side), GREEN if answer.right else ORANGE))
        room = side - text_width(took) - 8
        file = answer.file if text_width(answer.file) <= room else answer.row.path.name
        small.append((left, y + 56, fitted_words(file, room), FAINT))
        small_right.append((left + side, y + 56, took, FAINT))
    sheet.marks(labels, size=9.5, bold=True, align="left")
    sheet.marks(percents, size=9.5, bold=True, align="right")
    sheet.marks(small, align="left")
    sheet.marks(small_right, align="right")


def thumbnail(path: Path, side: int) -> Image.Image:
    """A picture file scaled to fit into ``side`` × ``side`` dots; kept in memory until the file changes.

    Raises:
        PictureError: it is missing, no picture any more, or damaged.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     Image.new("RGB", (400, 300)).save(Path(folder, "a.png"))
        ...     thumbnail(Path(folder, "a.png"), 100).size
        (100, 75)
    """
    try:
        known = path.stat()
    except OSError:
        return open_image(path)  # its error says what is wrong
    return _thumbnail(path, known.st_mtime_ns, known.st_size, side)


@lru_cache(maxsize=_THUMBNAILS)
def _thumbnail(path: Path, _changed: int, _bytes: int, side: int) -> Image.Image:
    picture = open_image(path)
    zoom = side / max(picture.size)
    resampling = Image.Resampling.NEAREST if zoom >= 3 else Image.Resampling.BICUBIC  # a few dots stay dots
    wide, tall = (max(1, round(edge * zoom)) for edge in picture.size)
    return picture.resize((wide, tall), resampling, reducing_gap=3.0)
