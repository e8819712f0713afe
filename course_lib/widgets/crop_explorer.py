"""How much of a picture can be cut away before the answer changes? (lesson 00)"""

from __future__ import annotations

from PIL import Image

from course_lib.drawing import picture_figures
from course_lib.drawing.still import Still, draw_kept, new_figure, still
from course_lib.models.classifier import Classifier
from course_lib.pictures.pixels import cut_left
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, number

__all__ = ["crop_explorer", "draw_crop"]


def draw_crop(classifier: Classifier, picture: Image.Image, *, percent: int) -> Still:
    """The picture with what was cut away in grey, and the answer to the rest."""
    rest, box = cut_left(picture, percent)
    answer = classifier.predict(rest)
    figure = new_figure(7.6, 2.3)
    draw_kept(figure, (0.01, 0.02, 0.42, 0.96), picture, box)
    picture_figures.draw_answer(figure, (0.61, 0.05, 0.37, 0.8), f"{percent} % cut away", answer, letters=20)
    return still(figure, f"{percent} % of the picture cut away: {answer.label}", photo=True)


@widget(
    example=lambda given: {"classifier": given.classifiers[0], "picture": given.pictures["dog"]},
    moves=[{"percent": 40}, {"percent": 95}, {"percent": 0}],
    refuses=[({"percent": 500}, "from 0 to 95")],
)
def crop_explorer(classifier: Classifier, picture: Image.Image, *, percent: int = 0) -> Explorer:
    """A slider that cuts the picture from the left."""
    controls = {"percent": number("cut away (%)", 0, 95, percent, step=5)}
    return Explorer(lambda percent: draw_crop(classifier, picture, percent=percent), controls)
