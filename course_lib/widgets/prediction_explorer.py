"""A picture, one of the course's or the learner's own, through several models side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import ipywidgets as widgets
from PIL import Image

from course_lib.drawing import picture_figures
from course_lib.drawing.still import Still
from course_lib.errors import CourseError, PictureError
from course_lib.models.classifier import Classifier
from course_lib.models.predictions import Prediction
from course_lib.pictures.images import open_image
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, choice

__all__ = ["OWN", "draw_predictions", "prediction_explorer"]

#: The name of the learner's own picture among the pictures.
OWN = "my own picture"


def draw_predictions(classifiers: Sequence[Classifier], picture: Image.Image, *, shown: str = "the picture") -> Still:
    """The picture and every classifier's top 5."""
    return picture_figures.predictions(picture, {one.name: one.predict(picture) for one in classifiers}, shown=shown)


@widget(
    example=lambda given: {"classifiers": given.classifiers, "pictures": given.pictures},
    moves=[{"picture": "car"}, {"models": ("squeezenet1_1",)}, {"models": ("shufflenet_v2_x0_5",)}],
    refuses=[({"classifiers": []}, "no model to compare")],
)
def prediction_explorer(classifiers: Sequence[Classifier], pictures: Mapping[str, Image.Image]) -> Explorer:
    """Picture (or upload, path, address) × models."""
    by_name = {one.name: one for one in classifiers}
    if not by_name:
        raise CourseError("There is no model to compare: give at least one classifier from load_classifier.")

    @lru_cache(maxsize=256)
    def answer(model: str, picture: str) -> Prediction:
        return by_name[model].predict(pictures[picture])

    def draw(picture: str, models: tuple[str, ...], upload: Any, address: str) -> Still:
        if not models:
            raise CourseError("Choose at least one model (Ctrl-click or Cmd-click to choose several).")
        if picture != OWN:
            return picture_figures.predictions(
                pictures[picture], {name: answer(name, picture) for name in models}, shown=picture
            )
        if not upload and not address.strip():
            raise PictureError("Upload a picture, or type the path or the address of one and press Enter.")
        own = open_image(upload if upload else address.strip())
        return draw_predictions([by_name[name] for name in models], own, shown="your picture")

    narrow = widgets.Layout(width="auto", max_width="46em")
    style = {"description_width": "9em"}
    controls = {
        "picture": choice("picture", [*pictures, OWN]),
        "models": widgets.SelectMultiple(
            options=list(by_name), value=tuple(by_name)[:6], description="models",
            rows=min(len(by_name), 6), layout=narrow, style=style,
        ),
        "upload": widgets.FileUpload(
            accept="image/*", multiple=False, description="upload a picture", layout=widgets.Layout(width="12em")
        ),
        "address": widgets.Text(
            placeholder="path or http address", description="or path, address", continuous_update=False,
            layout=narrow, style=style,
        ),
    }  # fmt: skip

    def settle(moved: str, _before: Any) -> None:
        if moved in ("upload", "address") and controls[moved].value:  # whoever brings a picture wants to see it
            controls["picture"].value = OWN

    return Explorer(draw, controls, settle=settle)
