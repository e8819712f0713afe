"""Figures: values in, a still picture with its description out.

Everything is drawn with matplotlib on an off-screen canvas (no pyplot, no global state), in colours that colour-blind
readers can tell apart, and comes back as a :class:`Still`, which a notebook shows with its alt text. The widgets
show these same pictures. Charts only: pictures of networks are in ``course_lib.drawing``.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from PIL import Image

from course_lib.drawing.still import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    Place,
    Still,
    draw_bars,
    draw_kept,
    draw_picture,
    new_figure,
    shortened,
    still,
)
from course_lib.errors import CourseError
from course_lib.models.predictions import Prediction
from course_lib.pictures.preprocessing import Stage

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "Still",
    "bars",
    "draw_answer",
    "kept_and_lost",
    "picture_grid",
    "predictions",
    "show",
    "still",
    "strip",
]


# -- pictures ---------------------------------------------------------------------------------------------------------
def show(picture: Image.Image, alt: str, *, width: int | None = None) -> Still:
    """A picture as it is, with a description; ``width`` in CSS pixels, its own when left out, at most 860.

    Example:
        >>> show(Image.new("RGB", (40, 30)), "nothing yet")
        nothing yet
    """
    width = min(width or picture.width, 860)
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
    alt: str | None = None,
) -> Still:
    """Pictures in rows, each with its title.

    Args:
        pictures: PIL pictures of any size, at least one.
        titles: one a picture.
        right: whether each answer was right: the title gets a tick or a cross, and a colour.
        alt: what the grid shows; made from the titles when left out.

    Raises:
        CourseError: no picture, or another number of titles or answers than of pictures.

    Example:
        >>> picture_grid([Image.new("RGB", (40, 40))] * 2, ["camel", "dog"], right=[True, False])
        2 pictures: camel (right), dog (wrong)
    """
    titles = list([""] * len(pictures) if titles is None else titles)
    for what, given in (("titles", titles), ("right", right)):
        if given is not None and len(given) != len(pictures):
            raise CourseError(f"{len(pictures)} pictures, but {what} has {len(given)}: give one for each picture.")
    if not pictures or columns < 1:
        raise CourseError(f"{len(pictures)} pictures in {columns} columns: a grid needs at least one of each.")
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    tallest = min(1.1, max(0.3, *(picture.height / picture.width for picture in pictures)))
    line = 1.87 * tallest + 0.27  # hundreds of CSS pixels; the titles take 0.22 of them
    figure = new_figure(columns * 1.95, rows * line)
    for k, (picture, title) in enumerate(zip(pictures, titles, strict=True)):
        row, column = divmod(k, columns)
        place = ((column + 0.02) / columns, 1 - (row + 1) / rows, 0.96 / columns, (1 - 0.27 / line) / rows)
        left, _, width, _ = draw_picture(figure, place, picture, anchor="N")
        mark, color = ("", INK) if right is None else ("✓ ", GREEN) if right[k] else ("✗ ", ORANGE)
        x, y = left + width / 2, 1 - (row + 0.22 / line) / rows
        figure.text(x, y, shortened(mark + title, 33), fontsize=9.5, color=color, ha="center", va="bottom")
    said = [t if right is None else f"{t} ({'right' if right[k] else 'wrong'})" for k, t in enumerate(titles) if t]
    return still(figure, alt or f"{len(pictures)} pictures" + (": " + ", ".join(said) if said else ""), photo=True)


def strip(stages: Sequence[Stage], *, alt: str | None = None) -> Still:
    """The stages of preprocessing side by side, each with shape, dtype and range."""
    figure = new_figure(8.2, 2.35)
    for k, stage in enumerate(stages):
        left = k / len(stages) + 0.008
        draw_picture(figure, (left, 0.0, 1 / len(stages) - 0.016, 0.72), stage.picture(), anchor="N")
        low, high = stage.range
        numbers = f"{low:.0f} … {high:.0f}" if stage.dtype == "uint8" else f"{low:.2f} … {high:.2f}"
        shape = "×".join(str(n) for n in stage.shape)
        figure.text(left, 0.91, f"{k + 1} {stage.name}", fontsize=10.5, weight="bold", color=BLUE)
        figure.text(left, 0.75, f"{shape}\n{stage.dtype}, {numbers}".replace("-", "\N{MINUS SIGN}"), fontsize=8.5)
    words = "; ".join(f"{stage.name} {stage.shape} {stage.dtype}" for stage in stages)
    return still(figure, alt or f"The stages of preprocessing: {words}", photo=True)


def kept_and_lost(picture: Image.Image, box: tuple[float, float, float, float], *, alt: str | None = None) -> Still:
    """A picture, greyed out outside ``box`` (left, top, right, bottom; pixels): what the crop threw away."""
    scale = 3.6 / max(picture.size)
    figure = new_figure(max(picture.width * scale, 0.1), max(picture.height * scale, 0.1))
    draw_kept(figure, (0, 0, 1, 1), picture, box)
    left, top, right, bottom = box
    lost = 1 - (right - left) * (bottom - top) / (picture.width * picture.height)
    said = f"The crop keeps the middle of the picture; {lost:.0%} of it, greyed out, is thrown away"
    return still(figure, alt or said, photo=True)


# -- answers ----------------------------------------------------------------------------------------------------------
def predictions(
    picture: Image.Image, answers: Mapping[str, Prediction], *, shown: str = "the picture", alt: str | None = None
) -> Still:
    """A picture and, beside it, every answer's top classes as bars.

    Args:
        picture: what was looked at.
        answers: a name (a model, a mistake) → its prediction; at least one.
        shown: what the picture is, for the description.

    Raises:
        CourseError: there is no answer.

    Example:
        >>> import torch
        >>> from course_lib.models.predictions import from_logits
        >>> dog = from_logits(torch.tensor([0.0, 2.0]), ("cat", "dog"), k=2)
        >>> predictions(Image.new("RGB", (64, 64)), {"resnet18": dog}, shown="a dog")
        Top 2 for a dog. resnet18: dog 88 %
    """
    if not answers:
        raise CourseError("There is no answer to show: give at least one, such as {'resnet18': prediction}.")
    rows = -(-len(answers) // 3)
    columns = -(-len(answers) // rows)
    figure = new_figure(8.6, max(2.0, 1.85 * rows))
    draw_picture(figure, (0.005, 0.05, 0.22, 0.9), picture)
    room = 0.76 / columns
    beside = min(0.2, room * 0.42)  # for the labels
    for k, (name, answer) in enumerate(answers.items()):
        row, column = divmod(k, columns)
        left, bottom = 0.235 + column * room + beside, 1 - (row + 1) / rows + 0.06 / rows
        draw_answer(figure, (left, bottom, room - beside - 0.035, 0.79 / rows), name, answer, letters=int(121 * beside))
    k = max(len(answer.labels) for answer in answers.values())
    said = "; ".join(
        f"{name}: {answer.label} {answer.probability:.0%}".replace("%", " %") for name, answer in answers.items()
    )
    return still(figure, alt or f"Top {k} for {shown}. {said}", photo=True)


def draw_answer(figure: Figure, place: Place, name: str, answer: Prediction, *, letters: int = 16) -> None:
    """One prediction as horizontal bars, best on top, percentages written beside them.

    Args:
        place: of the bars; labels of up to ``letters`` letters (7 CSS pixels each) stand left of it, the name above.
    """
    values = [100 * probability for probability in answer.probabilities]
    labels = [shortened(label, letters) for label in answer.labels]
    draw_bars(figure, place, labels, values, [f"{value:.1f} %" for value in values], span=(0, 100), title=name)


def bars(
    values: Mapping[str, float],
    *,
    unit: str = "",
    title: str = "",
    digits: int = 1,
    highlight: str | None = None,
    alt: str | None = None,
) -> Still:
    """One horizontal bar a name, with its value written beside it; ``highlight`` in blue, the others grey.

    Raises:
        CourseError: no value, or one that a bar from 0 cannot show.

    Example:
        >>> bars({"right": 98.0, "BGR": 71.5}, unit="%", title="accuracy")
        accuracy: right 98.0 %, BGR 71.5 %
    """
    wrong = [f"{name} = {value}" for name, value in values.items() if not 0 <= value < float("inf")]
    if wrong or not values:
        raise CourseError(f"Bars go from 0 to a finite value, and there is {', '.join(wrong) or 'none'}.")
    tall = 0.36 * len(values) + (0.5 if title else 0.2)
    figure = new_figure(6.6, tall)
    said = [f"{number:.{digits}f} {unit}".strip() for number in values.values()]
    place = (0.27, 0.08 / tall, 0.72, 0.36 * len(values) / tall)
    beside = min(0.7, (max(map(len, said)) * 7.5 + 10) / (0.72 * 660))  # the longest text's share of the place
    draw_bars(
        figure, place, [shortened(name, 28) for name in values], list(values.values()), said,
        span=(0, max([*values.values(), 1e-12]) / (1 - beside)), size=10,
        blue=[k for k, name in enumerate(values) if highlight in (None, name)],
    )  # fmt: skip
    figure.text(0.27, 1 - 0.36 / tall, shortened(title, 76), fontsize=10.5, va="bottom")
    return still(figure, alt or f"{title}: " + ", ".join(f"{n} {text}" for n, text in zip(values, said, strict=True)))
