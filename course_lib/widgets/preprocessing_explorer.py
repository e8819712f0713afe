"""A picture at every stage of preprocessing, done right or with a classic mistake, and what that does to the answer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from PIL import Image

from course_lib.drawing import picture_figures
from course_lib.drawing.still import BLUE, Still, draw_kept, draw_picture, new_figure, still
from course_lib.measuring.scoring import answer_under
from course_lib.models.classifier import Classifier
from course_lib.models.predictions import Prediction
from course_lib.pictures.mistakes import MISTAKES
from course_lib.pictures.preprocessing import seen_box, stages
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, choice, number

__all__ = ["RIGHT", "draw_preprocessing", "preprocessing_explorer"]

#: The name of "no mistake" among the mistakes.
RIGHT = "as trained"


def draw_preprocessing(classifier: Classifier, picture: Image.Image, *, stage: int, mistake: str = RIGHT) -> Still:
    """The original with the crop's frame, the chosen stage, and the top 5.

    Args:
        classifier: its transforms are shown, its model answers.
        picture: any RGB picture.
        stage: 1 (open) to 5 (normalise).
        mistake: a key of ``MISTAKES``, or ``RIGHT``.
    """
    return _draw(classifier, picture, stage, mistake, answer_under(classifier, picture, MISTAKES.get(mistake)))


def _draw(classifier: Classifier, picture: Image.Image, stage: int, mistake: str, answer: Prediction) -> Still:
    chosen = stages(picture, classifier.transforms)[stage - 1]
    figure = new_figure(8.6, 2.75)
    box = seen_box(picture.size, classifier.transforms)
    draw_kept(figure, (0.005, 0.01, 0.3, 0.85), picture, box, anchor="N")
    figure.text(0.005, 0.9, "the crop keeps what is in colour", fontsize=9)
    draw_picture(figure, (0.33, 0.01, 0.25, 0.77), chosen.picture(), anchor="N")
    low, high = chosen.range
    numbers = f"{'×'.join(map(str, chosen.shape))}, {chosen.dtype}, {low:.4g} … {high:.4g}"
    figure.text(0.33, 0.9, f"stage {stage}: {chosen.name}", fontsize=10, weight="bold", color=BLUE)
    figure.text(0.33, 0.81, numbers.replace("-", "\N{MINUS SIGN}"), fontsize=8.5)
    picture_figures.draw_answer(figure, (0.73, 0.04, 0.26, 0.76), f"top 5, {mistake}", answer, letters=20)
    said = f"Stage {stage}, {chosen.name}: {chosen.shape} {chosen.dtype}. Preprocessed {mistake}: {answer.label}"
    return still(figure, said, photo=True)


@widget(
    example=lambda given: {"classifier": given.classifiers[0], "pictures": given.pictures},
    moves=[
        {"picture": "car"},
        {"stage": 1},
        {"stage": 5},
        *({"mistake": name} for name in MISTAKES),
        {"mistake": RIGHT},
    ],
    refuses=[({"pictures": {}}, "no picture")],
)
def preprocessing_explorer(
    classifier: Classifier, pictures: Mapping[str, Image.Image], *, stage: int = 3, mistake: str = RIGHT
) -> Explorer:
    """Picture × stage × mistake."""

    @lru_cache(maxsize=64)
    def answer(name: str, mistake: str) -> Prediction:
        return answer_under(classifier, pictures[name], MISTAKES.get(mistake))

    def draw(picture: str, stage: int, mistake: str) -> Still:
        return _draw(classifier, pictures[picture], stage, mistake, answer(picture, mistake))

    controls = {
        "picture": choice("picture", pictures),
        "stage": number("stage", 1, 5, stage),
        "mistake": choice("preprocessed", [RIGHT, *MISTAKES], mistake),
    }
    return Explorer(draw, controls)
