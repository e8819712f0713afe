"""Figures with pictures in them: a single picture, grids, preprocessing stages, crops, predictions with bars."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Polygon
from PIL import Image

from course_lib.drawing.charts import draw_bars
from course_lib.drawing.sheet import fitted_words, text_width
from course_lib.drawing.spots import Spot, box_at
from course_lib.drawing.still import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PAGE,
    ZOOM,
    Place,
    Still,
    draw_frame,
    draw_kept,
    draw_picture,
    new_figure,
    shortened,
    still,
)
from course_lib.errors import CourseError
from course_lib.models.predictions import Prediction
from course_lib.pictures.preprocessing import Stage

__all__ = ["draw_answer", "draw_cut", "kept_and_lost", "picture_grid", "predictions", "show", "strip"]


# -- pictures ---------------------------------------------------------------------------------------------------------
def show(picture: Image.Image, alt: str, *, width: int | None = None) -> Still:
    """A picture as it is, with a description; ``width`` in CSS pixels, its own when left out, at most the page's 1075.

    Example:
        >>> show(Image.new("RGB", (40, 30)), "nothing yet")
        nothing yet
    """
    width = min(width or picture.width, round(PAGE * ZOOM))
    dense = min(2.0, max(1.0, picture.width / width))
    size = (round(width * dense), max(1, round(width * dense * picture.height / picture.width)))
    file = io.BytesIO()
    picture.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(file, "jpeg", quality=88)
    return Still(file.getvalue(), "jpeg", width, alt)


def picture_grid(
    pictures: Sequence[Image.Image],
    titles: Sequence[str] | None = None,
    *,
    columns: int = 4,
    right: Sequence[bool] | None = None,
) -> Still:
    """Pictures in rows, each with its title.

    Args:
        pictures: PIL pictures of any size, at least one.
        titles: one a picture.
        right: whether each answer was right: the title gets a tick or a cross, and a colour.

    Raises:
        CourseError: no picture, or another number of titles or answers than of pictures.

    Example:
        >>> picture_grid([Image.new("RGB", (40, 40))] * 2, ["camel", "dog"], right=[True, False])
        2 pictures: camel (right), dog (wrong)
    """
    titles = list([""] * len(pictures) if titles is None else titles)
    for name, values in (("titles", titles), ("right", right)):
        if values is not None and len(values) != len(pictures):
            raise CourseError(f"{len(pictures)} pictures, but {name} has {len(values)}: give one for each picture.")
    if not pictures or columns < 1:
        raise CourseError(f"{len(pictures)} pictures in {columns} columns: a grid needs at least one of each.")
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    tallest = min(1.1, max(0.3, *(picture.height / picture.width for picture in pictures)))
    cell = min(2.85, PAGE / 100 / columns)  # hundreds of CSS pixels: a wider grid would be shrunk, with its titles
    line = 0.96 * cell * tallest + 0.27  # the titles take 0.22 of them
    room = 100 * cell - 2  # of a title
    longest = max(text_width(f"✓ {title}" if right else title, 9.5) for title in titles)
    size = next((size for size in (9.5, 8.5) if longest * size / 9.5 <= room), 7.5)
    figure = new_figure(columns * cell, rows * line)
    spots = []
    for k, (picture, title) in enumerate(zip(pictures, titles, strict=True)):
        row, column = divmod(k, columns)
        place = ((column + 0.02) / columns, 1 - (row + 1) / rows, 0.96 / columns, (1 - 0.27 / line) / rows)
        left, lower, width, tall = draw_picture(figure, place, picture, anchor="N")
        if title:
            spots.append(Spot("picture", box_at((left, lower, width, tall)), title, k))
        mark, color = ("", INK) if right is None else ("✓ ", GREEN) if right[k] else ("✗ ", ORANGE)
        x, y = left + width / 2, 1 - (row + 0.22 / line) / rows
        figure.text(x, y, fitted_words(mark + title, room, size), fontsize=size, color=color, ha="center",
                    va="bottom")  # fmt: skip
    words = [
        title if right is None else f"{title} ({'right' if right[k] else 'wrong'})"
        for k, title in enumerate(titles)
        if title
    ]
    return still(
        figure, f"{len(pictures)} pictures" + (": " + ", ".join(words) if words else ""), photo=True, spots=spots
    )


def strip(stages: Sequence[Stage]) -> Still:
    """The stages of preprocessing side by side, each with shape, dtype and range."""
    figure, spots = new_figure(8.6, 2.45), []
    for k, stage in enumerate(stages):
        left = k / len(stages) + 0.008
        where = draw_picture(figure, (left, 0.0, 1 / len(stages) - 0.016, 0.72), stage.picture(), anchor="N")
        spots.append(Spot("stage", box_at(where), f"{stage.name}: {stage.note}", k))
        low, high = stage.range
        numbers = f"{low:.0f} … {high:.0f}" if stage.dtype == "uint8" else f"{low:.2f} … {high:.2f}"
        shape = "×".join(str(n) for n in stage.shape)
        figure.text(left, 0.91, f"{k + 1} {stage.name}", fontsize=10.5, weight="bold", color=BLUE)
        figure.text(left, 0.75, f"{shape}\n{stage.dtype}, {numbers}".replace("-", "\N{MINUS SIGN}"), fontsize=9)
    words = "; ".join(f"{stage.name} {stage.shape} {stage.dtype}" for stage in stages)
    return still(figure, f"The stages of preprocessing: {words}", photo=True, spots=spots)


def kept_and_lost(picture: Image.Image, box: tuple[float, float, float, float]) -> Still:
    """A picture, greyed out outside ``box`` (left, top, right, bottom; pixels): what the crop threw away."""
    scale = 3.6 / max(picture.size)
    figure = new_figure(max(picture.width * scale, 0.1), max(picture.height * scale, 0.1))
    draw_kept(figure, (0, 0, 1, 1), picture, box)
    left, top, right, bottom = box
    lost = 1 - (right - left) * (bottom - top) / (picture.width * picture.height)
    alt = f"The crop keeps the middle of the picture; {lost:.0%} of it, greyed out, is thrown away"
    return still(figure, alt, photo=True)


def draw_cut(
    picture: Image.Image,
    kept: tuple[float, float, float, float],
    seen: tuple[float, float, float, float],
    answer: Prediction,
    *,
    percent: int,
    step: int,
) -> Still:
    """A picture of which the left part was cut away, what a network sees of the rest, and its answer.

    Args:
        picture: the whole.
        kept, seen: what was left, and what the transforms crop from it: left, top, right, bottom in its pixels.
        answer: to the part that was left.
        percent: how much was cut away.
        step: percentage points from one place of the edge to the next; each is a spot of the kind "edge".
    """
    figure = new_figure(8.6, 3.4)
    where = draw_kept(figure, (0.01, 0.0, 0.5, 0.885), picture, kept, anchor="N")
    draw_frame(figure, where, picture.size, seen, color="white")
    draw_frame(figure, where, picture.size, seen, color=BLUE, dashed=True)
    left, _, width, _ = where
    figure.text(left, 0.93, "orange: what you left", fontsize=10, color="#8A3B00")
    figure.text(left + width, 0.93, "blue, dashed: what the network sees", fontsize=10, color=BLUE, ha="right")
    classes = draw_answer(figure, (0.68, 0.2, 0.3, 0.6), f"{percent}% cut away", answer, letters=20)
    x, y, wide, tall = box_at(where)
    count = 100 // step
    edges = Spot("edge", (x - wide / count / 2, y, wide, tall), lambda _, column: f"cut away {step * column}%",
                 columns=count, gesture="drag")  # fmt: skip
    return still(figure, f"{percent}% of the picture cut away: {answer.label}", photo=True, spots=[edges, classes])


# -- answers ----------------------------------------------------------------------------------------------------------
def predictions(picture: Image.Image, answers: Mapping[str, Prediction], *, shown: str = "the picture") -> Still:
    """A picture and, beside it, every answer's top classes as bars.

    Args:
        picture: what the models were given.
        answers: a name (a model, a mistake) → its prediction; at least one.
        shown: what the picture is, for the alt text.

    Raises:
        CourseError: there is no answer.

    Example:
        >>> import torch
        >>> from course_lib.models.predictions import from_logits
        >>> dog = from_logits(torch.tensor([0.0, 2.0]), ("cat", "dog"), k=2)
        >>> predictions(Image.new("RGB", (64, 64)), {"resnet18": dog}, shown="a dog")
        Top 2 for a dog. resnet18: dog 88%
    """
    if not answers:
        raise CourseError("There is no answer to show: give at least one, such as {'resnet18': prediction}.")
    rows = -(-len(answers) // 3)
    columns = -(-len(answers) // rows)
    figure = new_figure(8.6, max(2.0, 1.85 * rows))
    draw_picture(figure, (0.005, 0.05, 0.22, 0.9), picture)
    room = 0.76 / columns
    beside = min(0.2, room * 0.42)  # for the labels
    spots = []
    for k, (name, answer) in enumerate(answers.items()):
        row, column = divmod(k, columns)
        left, bottom = 0.235 + column * room + beside, 1 - (row + 1) / rows + 0.06 / rows
        bars = (left, bottom, room - beside - 0.035, 0.79 / rows)
        spots.append(draw_answer(figure, bars, name, answer, letters=int(121 * beside)))
    k = max(len(answer.labels) for answer in answers.values())
    words = "; ".join(f"{name}: {answer.label} {answer.probability:.0%}" for name, answer in answers.items())
    return still(figure, f"Top {k} for {shown}. {words}", photo=True, spots=spots)


def laptops(picture: Image.Image, answers: Mapping[str, Prediction]) -> Still:
    """The same picture on as many laptops as there are answers, each with its title and its top classes.

    Args:
        picture: what every laptop was given.
        answers: a title, such as "Ana's laptop" → what it answered; at least one.

    Raises:
        CourseError: there is no answer.

    Example:
        >>> import torch
        >>> from course_lib.models.predictions import from_logits
        >>> names = ("cat", "dog")
        >>> answers = {name: from_logits(torch.tensor(logits), names, k=2) for name, logits in
        ...            {"Ana's": [3.0, 0.0], "Ben's": [0.0, 1.0]}.items()}
        >>> laptops(Image.new("RGB", (64, 64)), answers)
        The same picture on 2 laptops. Ana's: cat 95%; Ben's: dog 73%
    """
    if not answers:
        raise CourseError("No laptop answered: give at least one name with its prediction.")
    wide, tall = 8.6, 4.6  # hundreds of CSS pixels
    figure = new_figure(wide, tall)
    room, spots = 1 / len(answers), []
    for k, (name, answer) in enumerate(answers.items()):
        left, width = (k + 0.06) * room, 0.88 * room
        screen = (left + 0.05 * room, 0.42, width - 0.1 * room, 0.56)
        x, y, w, h = draw_picture(figure, screen, picture)
        edge = (0.06, 0.06 * wide / tall)  # of the lid, in hundreds of CSS pixels over the figure's size
        lid = FancyBboxPatch((x, y), w, h, boxstyle="square,pad=0", fill=False, edgecolor=INK, linewidth=9)
        base = Polygon([(x - edge[0] * room, y - 0.055), (x + w + edge[0] * room, y - 0.055), (x + w, y), (x, y)],
                       facecolor=GREY, edgecolor=INK, linewidth=1.5)  # fmt: skip
        for part in (base, lid):
            part.set_transform(figure.transFigure)
            figure.add_artist(part)
        bars = (left + 0.42 * width, 0.02, 0.52 * width, 0.27)
        spots.append(draw_answer(figure, bars, name, answer, letters=18))
    words = "; ".join(f"{name}: {answer.label} {answer.probability:.0%}" for name, answer in answers.items())
    where = "A picture on a laptop" if len(answers) == 1 else f"The same picture on {len(answers)} laptops"
    return still(figure, f"{where}. {words}", photo=True, spots=spots)


def draw_answer(figure: Figure, place: Place, name: str, answer: Prediction, *, letters: int = 16) -> Spot:
    """One prediction as horizontal bars, best on top, percentages written beside them.

    Args:
        place: of the bars; labels of up to ``letters`` letters (7 CSS pixels each) stand left of it, the name above.

    Returns:
        A spot on each row, with the class's whole name and its probability.
    """
    values = [100 * probability for probability in answer.probabilities]
    labels = [shortened(label, letters) for label in answer.labels]
    rows = draw_bars(figure, place, labels, values, [f"{value:.1f}%" for value in values], span=(0, 100), title=name)

    def words(row: int, _column: int) -> str:
        return f"{answer.labels[row]}: {values[row]:.2f}%"

    return Spot("class", box_at(rows), words, rows=len(labels))
