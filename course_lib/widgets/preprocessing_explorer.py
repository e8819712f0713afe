"""A picture at every stage of preprocessing, done right or with a classic mistake, and what that does to the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from course_lib.drawing import picture_figures
from course_lib.drawing.chart_axes import write
from course_lib.drawing.spots import Spot, box_at
from course_lib.drawing.still import BLUE, ORANGE, Still, draw_kept, draw_picture, new_figure, still
from course_lib.errors import CourseError
from course_lib.models.classifier import Classifier
from course_lib.models.predictions import Prediction, from_logits
from course_lib.pictures.mistakes import MISTAKES
from course_lib.pictures.preprocessing import Stage, moved_crop, stages, to_picture, transform_settings
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, choice, number

__all__ = ["RIGHT", "draw_preprocessing", "preprocessing_explorer"]

#: The name of "no mistake" among the mistakes.
RIGHT = "as trained"
_STEP = 5  # percentage points that the crop is moved by


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A picture with its crop moved: the crop's box, the stages, what goes in (also as a picture), the answer."""

    box: tuple[float, float, float, float]
    stages: Sequence[Stage]
    tensor: Tensor
    given: Image.Image
    answer: Prediction


def _prepared(classifier: Classifier, picture: Image.Image, mistake: str, crop: int) -> _Prepared:
    moved, box = moved_crop(picture, classifier.transforms, crop)
    found = stages(moved, classifier.transforms)
    # A picture that is squashed has no crop: it is squashed as a whole.
    source = picture if mistake == "squashed" else moved
    tensor = found[-1].value if mistake == RIGHT else MISTAKES[mistake].apply(source, classifier.transforms)
    tensor = torch.as_tensor(tensor)
    answer = from_logits(classifier.logits(tensor.unsqueeze(0))[0], classifier.categories, k=5)
    settings = transform_settings(classifier.transforms)
    return _Prepared(box, found, tensor, to_picture(tensor, settings.mean, settings.std), answer)


def draw_preprocessing(
    classifier: Classifier, picture: Image.Image, *, stage: int, mistake: str = RIGHT, crop: int = 50
) -> Still:
    """The original with the crop's frame, the chosen stage, what the network is given, and the top 5.

    Args:
        classifier: its transforms are shown, its model answers.
        picture: any RGB picture.
        stage: 1 (open) to 5 (normalise).
        mistake: a key of ``MISTAKES``, or ``RIGHT``.
        crop: where along the longer side the crop lies, as a percentage; 50 is the middle, as in ``transforms``.
    """
    return _draw(classifier, picture, stage, mistake, crop, _prepared(classifier, picture, mistake, crop))


def _draw(classifier: Classifier, picture: Image.Image, stage: int, mistake: str, crop: int, ready: _Prepared) -> Still:
    chosen = ready.stages[stage - 1]
    figure = new_figure(8.6, 4.35)
    wide, top = 0.315, 0.93
    places = [(0.005 + 0.34 * k, 0.335, wide, top - 0.4) for k in range(3)]
    original = draw_kept(figure, places[0], picture, ready.box, anchor="N")
    shown = draw_picture(figure, places[1], chosen.picture(), anchor="N")
    given = draw_picture(figure, places[2], ready.given, anchor="N")
    gets = "the network gets" + ("" if mistake == RIGHT else f": {mistake}")
    heads = ("the crop: drag it", f"stage {stage}: {chosen.name}", gets)
    for k, (head, value) in enumerate(zip(heads, (None, chosen.value, ready.tensor), strict=True)):
        color = ORANGE if k == 2 and mistake != RIGHT else BLUE
        write(figure, 860 * places[k][0], 24, head, size=9.5, bold=True, color=color, va="baseline")
        words = "in colour: the part it keeps" if value is None else _numbers(Stage("", value, ""))
        write(figure, 860 * places[k][0], 46, words.replace("-", "\N{MINUS SIGN}"), size=9, va="baseline")
    classes = picture_figures.draw_answer(
        figure, (0.2, 0.02, 0.46, 0.235), f"top 5, {mistake}", ready.answer, letters=22
    )
    for k, line in enumerate(
        ("Hover over a picture to see", "a pixel's red, green and blue", "values at every stage.")
    ):
        write(figure, 628, 348 + 19 * k, line, size=9.5, va="top")
    said = f"Stage {stage}, {chosen.name}: {chosen.shape} {chosen.dtype}. Preprocessed {mistake}: {ready.answer.label}"

    def story(row: int, column: int) -> str:
        return _story(ready, row, column)

    rows, columns = ready.tensor.shape[1:]
    spots = [
        _crop_spot(picture, box_at(original)),
        classes,
        Spot("pixel", box_at(given), story, rows=rows, columns=columns),
    ]
    if stage >= 3:
        spots.append(Spot("pixel", box_at(shown), story, rows=rows, columns=columns))
    return still(figure, said, photo=True, spots=spots)


def _numbers(stage: Stage) -> str:
    low, high = stage.range
    return f"{'×'.join(map(str, stage.shape))}, {stage.dtype}, {low:.4g} … {high:.4g}"


def _crop_spot(picture: Image.Image, box: tuple[float, float, float, float]) -> Spot:
    """Places for the crop along the longer side of the original, for a drag."""
    count = 100 // _STEP + 1
    lying = picture.width >= picture.height

    def words(row: int, column: int) -> str:
        return f"crop at {_STEP * (row + column)}% of the way"

    return Spot("crop", box, words, rows=1 if lying else count, columns=count if lying else 1, gesture="drag")


def _story(ready: _Prepared, row: int, column: int) -> str:
    """The values of one pixel of the crop at every stage, and where it lies in each."""
    opened, resized, crop = (stage.value for stage in ready.stages[:3] if isinstance(stage.value, Image.Image))
    tensors = [(stage.name, stage.value) for stage in ready.stages[3:] if isinstance(stage.value, Tensor)]
    x, y = column + max((resized.width - crop.width) // 2, 0), row + max((resized.height - crop.height) // 2, 0)
    before = int((x + 0.5) * opened.width / resized.width), int((y + 0.5) * opened.height / resized.height)
    lines = [f"row {row}, column {column} of the crop"]
    for name, picture, place in (("open", opened, before), ("resize", resized, (x, y)), ("crop", crop, (column, row))):
        pixel = np.asarray(picture)[min(place[1], picture.height - 1), min(place[0], picture.width - 1)]
        lines.append(f"{name}: " + "  ".join(str(value) for value in pixel))
    for name, tensor in (*tensors, ("the network gets", ready.tensor)):
        lines.append(f"{name}: " + "  ".join(f"{float(value):.2f}" for value in tensor[:, row, column]))
    return "\n".join(lines).replace("-", "\N{MINUS SIGN}")


@widget(
    example=lambda given: {"classifier": given.classifiers[0], "pictures": given.pictures},
    moves=[
        {"crop": 20},
        {"picture": "car"},
        {"stage": 1},
        {"stage": 5},
        *({"mistake": name} for name in (*list(MISTAKES)[2:], *list(MISTAKES)[:2])),
        {"mistake": RIGHT},
    ],
    refuses=[({"pictures": {}}, "no picture"), ({"mistake": "RGB"}, "BGR")],
)
def preprocessing_explorer(
    classifier: Classifier, pictures: Mapping[str, Image.Image], *, stage: int = 3, mistake: str = "BGR"
) -> Explorer:
    """Picture × stage × mistake × where the crop lies; it begins with a mistake.

    Args:
        classifier: its transforms are shown, its model answers.
        pictures: by name.
        stage: 1 (open) to 5 (normalise), at first.
        mistake: a key of ``MISTAKES``, or ``RIGHT``, at first.

    Raises:
        CourseError: there is no picture, or no such stage or mistake.
    """
    if mistake not in (RIGHT, *MISTAKES):
        raise CourseError(f"mistake={mistake!r}: choose one of {', '.join(map(repr, (RIGHT, *MISTAKES)))}.")

    @lru_cache(maxsize=64)
    def ready(picture: str, mistake: str, crop: int) -> _Prepared:
        return _prepared(classifier, pictures[picture], mistake, crop)

    def draw(picture: str, stage: int, mistake: str, crop: int) -> Still:
        return _draw(classifier, pictures[picture], stage, mistake, crop, ready(picture, mistake, crop))

    def placed(place: tuple[int, int]) -> dict[str, Any]:
        return {"crop": _STEP * sum(place)}

    controls = {
        "picture": choice("picture", pictures),
        "stage": number("stage", 1, 5, stage),
        "mistake": choice("preprocessed", [RIGHT, *MISTAKES], mistake),
        "crop": number("crop at (%)", 0, 100, 50, step=_STEP),
    }
    return Explorer(draw, controls, touch={"crop": placed})
