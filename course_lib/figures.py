"""Figures: values in, a still picture with its description out.

Everything is drawn with matplotlib on an off-screen canvas (no pyplot, no global state), in colours that colour-blind
readers can tell apart, and comes back as a :class:`Still`, which a notebook shows with its alt text. The widgets
show these same pictures. Charts only: pictures of networks are in ``course_lib.diagrams``.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from course_lib.errors import CourseError
from course_lib.predictions import Prediction
from course_lib.preprocessing import Stage
from course_lib.stills import (
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

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "Still",
    "bars",
    "confusion_matrix",
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
        pictures: PIL pictures of any size.
        titles: one a picture.
        right: whether each answer was right: the title gets a tick or a cross, and a colour.
        alt: what the grid shows; made from the titles when left out.

    Example:
        >>> picture_grid([Image.new("RGB", (40, 40))] * 2, ["camel", "dog"], right=[True, False])
        2 pictures: camel (right), dog (wrong)
    """
    titles = list(titles or [""] * len(pictures))
    columns = min(columns, max(1, len(pictures)))
    rows = -(-len(pictures) // columns)
    figure = new_figure(columns * 1.95, rows * 2.12 + 0.1)
    for k, (picture, title) in enumerate(zip(pictures, titles, strict=True)):
        row, column = divmod(k, columns)
        axes = bare(
            figure.add_axes((column / columns + 0.01, 1 - (row + 1) / rows + 0.01, 0.98 / columns, 0.84 / rows))
        )
        draw_picture(axes, picture)
        mark, color = ("", INK) if right is None else ("✓ ", GREEN) if right[k] else ("✗ ", ORANGE)
        axes.set_title(mark + title, fontsize=9.5, color=color, pad=3)
    said = [t if right is None else f"{t} ({'right' if right[k] else 'wrong'})" for k, t in enumerate(titles) if t]
    return still(figure, alt or f"{len(pictures)} pictures" + (": " + ", ".join(said) if said else ""), photo=True)


def strip(stages: Sequence[Stage], *, alt: str | None = None) -> Still:
    """The stages of preprocessing side by side, each with shape, dtype and range."""
    figure = new_figure(8.2, 2.35)
    for k, stage in enumerate(stages):
        left = k / len(stages) + 0.008
        axes = figure.add_axes((left, 0.0, 1 / len(stages) - 0.016, 0.72))
        axes.set_anchor("N")
        draw_picture(axes, stage.picture())
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
    figure = new_figure(picture.width * scale, picture.height * scale)
    axes = bare(figure.add_axes((0, 0, 1, 1)))
    draw_kept(axes, picture, box)
    left, top, right, bottom = box
    lost = 1 - (right - left) * (bottom - top) / (picture.width * picture.height)
    return still(
        figure,
        alt or f"The crop keeps the middle of the picture; {lost:.0%} of it, greyed out, is thrown away",
        photo=True,
    )


def draw_kept(axes: Axes, picture: Image.Image, box: tuple[float, float, float, float]) -> None:
    """Draw what :func:`kept_and_lost` shows on axes of your own."""
    values = np.asarray(picture, np.float32)
    left, top, right, bottom = (round(edge) for edge in box)
    outside = np.ones(values.shape[:2], bool)
    outside[max(top, 0) : bottom, max(left, 0) : right] = False
    grey = values.mean(2, keepdims=True) * 0.35 + 150
    axes.imshow(np.where(outside[:, :, None], np.repeat(grey, 3, 2), values).astype(np.uint8))
    frame = Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, fill=False, edgecolor=ORANGE, linewidth=2)
    axes.add_patch(frame)
    axes.set_xlim(-0.5, picture.width - 0.5)
    axes.set_ylim(picture.height - 0.5, -0.5)


# -- answers ----------------------------------------------------------------------------------------------------------
def predictions(
    picture: Image.Image, answers: Mapping[str, Prediction], *, shown: str = "the picture", alt: str | None = None
) -> Still:
    """A picture and, beside it, every answer's top classes as bars.

    Args:
        picture: what was looked at.
        answers: a name (a model, a mistake) → its prediction.
        shown: what the picture is, for the description.

    Example:
        >>> import torch
        >>> from course_lib.predictions import from_logits
        >>> dog = from_logits(torch.tensor([0.0, 2.0]), ("cat", "dog"), k=2)
        >>> predictions(Image.new("RGB", (64, 64)), {"resnet18": dog}, shown="a dog")
        Top 2 for a dog. resnet18: dog 88 %
    """
    rows = -(-len(answers) // 3)
    columns = -(-len(answers) // rows)
    figure = new_figure(8.6, max(2.0, 1.85 * rows))
    axes = bare(figure.add_axes((0.005, 0.05, 0.22, 0.9)))
    draw_picture(axes, picture)
    axes.set_anchor("C")
    for k, (name, answer) in enumerate(answers.items()):
        row, column = divmod(k, columns)
        room = 0.76 / columns
        label_room = min(0.13, room * 0.42)
        place = (
            0.235 + column * room + label_room,
            1 - (row + 1) / rows + 0.05 / rows,
            room - label_room - 0.035,
            0.8 / rows,
        )
        draw_answer(figure.add_axes(place), name, answer)
    k = max(len(answer.labels) for answer in answers.values())
    said = "; ".join(
        f"{name}: {answer.label} {answer.probability:.0%}".replace("%", " %") for name, answer in answers.items()
    )
    return still(figure, alt or f"Top {k} for {shown}. {said}", photo=True)


def draw_answer(axes: Axes, name: str, answer: Prediction) -> None:
    """One prediction as horizontal bars, best on top, percentages written beside them."""
    places = np.arange(len(answer.labels))
    values = 100 * np.asarray(answer.probabilities)
    axes.barh(places, values, color=[BLUE] + [GREY] * (len(values) - 1), height=0.66)
    for place, value in enumerate(values):
        inside = value > 62
        axes.text(value + (-2 if inside else 2), place, f"{value:.1f} %", va="center", ha="right" if inside else "left",
                  fontsize=8.5, color="white" if inside else INK)  # fmt: skip
    axes.set_yticks(places, [_short(label) for label in answer.labels], fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.set_title(name, fontsize=10, weight="bold", loc="left", pad=3)


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

    Example:
        >>> bars({"right": 98.0, "BGR": 71.5}, unit="%", title="accuracy")
        accuracy: right 98.0 %, BGR 71.5 %
    """
    figure = new_figure(6.6, 0.36 * len(values) + (0.55 if title else 0.25))
    axes = figure.add_axes((0.27, 0.04, 0.66, 0.92 if not title else 1 - 0.42 / (0.36 * len(values) + 0.55)))
    places = np.arange(len(values))
    numbers = list(values.values())
    axes.barh(places, numbers, color=[BLUE if highlight in (None, name) else GREY for name in values], height=0.66)
    top = max([*numbers, 1e-12])
    said = [f"{number:.{digits}f} {unit}".strip() for number in numbers]
    for place, (number, text) in enumerate(zip(numbers, said, strict=True)):
        axes.text(number + top * 0.012, place, text, va="center", fontsize=9.5)
    axes.set_yticks(places, list(values), fontsize=10)
    axes.invert_yaxis()
    axes.set_xlim(0, top * 1.14)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.set_title(title, fontsize=10.5, loc="left", pad=6)
    return still(figure, alt or f"{title}: " + ", ".join(f"{n} {text}" for n, text in zip(values, said, strict=True)))


def confusion_matrix(counts: Sequence[Sequence[int]], names: Sequence[str], *, title: str = "") -> Still:
    """Rows: what it is; columns: what was said. Counts are written in the cells, zeros left out."""
    table = np.asarray(counts)
    side = 1.6 + 0.42 * len(names)
    figure = new_figure(side, side - 0.2, layout="constrained")
    axes = figure.add_subplot()
    shares = table / np.maximum(table.sum(1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in zip(*np.nonzero(table), strict=True):
        axes.text(column, row, str(table[row, column]), ha="center", va="center", fontsize=8.5,
                  color="white" if shares[row, column] > 0.55 else INK)  # fmt: skip
    axes.set_xticks(range(len(names)), list(names), rotation=40, ha="right", fontsize=9)
    axes.set_yticks(range(len(names)), list(names), fontsize=9)
    axes.set_xlabel("what the model said", fontsize=9.5)
    axes.set_ylabel("what it is", fontsize=9.5)
    axes.set_title(title, fontsize=10.5)
    right = int(np.trace(table))
    return still(figure, f"{title or 'Confusion matrix'}: {right} of {int(table.sum())} right")


def draw_picture(axes: Axes, picture: Image.Image) -> None:
    """Draw a picture on bare axes, resized beforehand: matplotlib's own resampling is ten times slower."""
    bare(axes)
    figure = cast(Figure, axes.get_figure())
    room = axes.get_position()
    wide, tall = (np.asarray(figure.get_size_inches()) * _DOTS) * (room.width, room.height)
    zoom = min(wide / picture.width, tall / picture.height)
    size = (max(1, round(picture.width * zoom)), max(1, round(picture.height * zoom)))
    axes.imshow(
        picture.resize(size, Image.Resampling.BICUBIC if zoom < 3 else Image.Resampling.NEAREST),
        interpolation="nearest",
    )


def _short(label: str, room: int = 16) -> str:
    return label if len(label) <= room else label[: room - 1] + "…"
