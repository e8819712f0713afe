"""How much of a picture can be cut away before the answer changes? Drag its edge. (lesson 00)"""

from __future__ import annotations

from typing import Any

from PIL import Image

from course_lib.drawing.picture_figures import draw_cut
from course_lib.drawing.still import Still
from course_lib.models.classifier import Classifier
from course_lib.pictures.pixels import cut_left
from course_lib.pictures.preprocessing import seen_box
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, number

__all__ = ["crop_explorer", "draw_crop"]

_STEP = 5  # percentage points


def draw_crop(classifier: Classifier, picture: Image.Image, *, percent: int) -> Still:
    """The picture with what was cut away in grey, what the network sees of the rest, and its answer.

    Args:
        classifier: its transforms cut the rest once more, its model answers.
        picture: any RGB picture.
        percent: of the picture's width, cut away from the left, 0 to 100.
    """
    rest, box = cut_left(picture, percent)
    left, top, right, bottom = seen_box(rest.size, classifier.transforms)
    seen = (box[0] + left, box[1] + top, box[0] + right, box[1] + bottom)
    return draw_cut(picture, box, seen, classifier.predict(rest), percent=percent, step=_STEP)


@widget(
    example=lambda given: {"classifier": given.classifiers[0], "picture": given.pictures["dog"]},
    moves=[{"percent": 40}, {"percent": 95}, {"percent": 0}],
    refuses=[({"percent": 500}, "from 0 to 95")],
)
def crop_explorer(classifier: Classifier, picture: Image.Image, *, percent: int = 0) -> Explorer:
    """An edge to drag, or a slider, that cuts the picture from the left."""

    def cut(place: tuple[int, int]) -> dict[str, Any]:
        return {"percent": _STEP * place[1]}

    controls = {"percent": number("cut away (%)", 0, 95, percent, step=_STEP)}
    return Explorer(lambda percent: draw_crop(classifier, picture, percent=percent), controls, touch={"edge": cut})
