"""The weights entries of every registered classifier as cards: one, or two side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets
from PIL import Image

from course_lib.drawing.cards import draw_card, draw_pair
from course_lib.drawing.still import Still
from course_lib.errors import CourseError, ModelNameError, WeightsError, closest
from course_lib.models.catalog_table import catalog
from course_lib.models.entries import Entry
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, choice, words

__all__ = ["NONE", "weights_browser"]

#: The name of "no second entry" among the entries.
NONE = "none"


@widget(
    example=lambda given: {"pictures": given.pictures},
    moves=[
        {"entry": "IMAGENET1K_V1"},
        {"word": "camel"},
        {"beside": "resnet50, IMAGENET1K_V2"},
        {"picture": "car"},
        {"model": "course_resnet18"},
        {"beside": "none"},
        {"word": ""},
        {"model": "vit_b_16"},
    ],
    refuses=[({"pictures": {}}, "no picture"), ({"model": "resnet51"}, "resnet50"), ({"entry": "V9"}, "V9")],
)
def weights_browser(
    pictures: Mapping[str, Image.Image],
    model: str = "resnet50",
    *,
    entry: str | None = None,
    beside: str = NONE,
    word: str = "",
) -> Explorer:
    """Model → entry → card; a second entry beside it; a word searched in the categories; the picture to prepare.

    Args:
        pictures: by name; the entries' own transforms are drawn on them.
        model: the one shown first. The course's and the learner's own are among the models when they are registered
            before the widget is made.
        entry: of this model, the one shown first; ``DEFAULT`` when left out.
        beside: the second one, such as ``"resnet50, IMAGENET1K_V1"``, or ``NONE``.
        word: searched in the names of the categories.

    Raises:
        CourseError: there is no picture.
        ModelNameError: no registered classifier has this name, or it has no weights.
        WeightsError: there is no such entry.
    """
    if not pictures:
        raise CourseError("There is no picture to draw the transforms on: give at least one, by name.")
    models: dict[str, dict[str, Entry]] = {}
    for own in catalog(course=True):
        models.setdefault(own.builder, {})[own.entry] = own
    if model not in models:
        raise ModelNameError(f"There are no weights for a classifier {model!r}.{closest(str(model), models)}")
    every = {f"{name}, {entry}": own for name, entries in models.items() for entry, own in entries.items()}
    first = _default(models[model]) if entry in (None, "DEFAULT") else str(entry)
    for given, known, of in ((first, models[model], f" of {model}"), (beside, [NONE, *every], "")):
        if given not in known:
            raise WeightsError(f"There is no weights entry {given!r}{of}.{closest(str(given), known)}")

    def draw(model: str, entry: str, beside: str, picture: str, word: str) -> Still:
        first, photo = models[model][entry], pictures[picture]
        if beside == NONE:
            return draw_card(first, photo, word=word)
        return draw_pair(first, every[beside], photo, word=word)

    controls: dict[str, widgets.Widget] = {
        "model": choice("model", models, model),
        "entry": choice("entry", _entries(models[model]), first),
        "beside": choice("beside it", _others(model, every), beside),
        "picture": choice("picture", pictures),
        "word": words("categories with", word),
    }

    def settle(moved: str, _before: Any) -> None:
        if moved == "model":
            name, second = controls["model"].value, controls["beside"].value
            controls["entry"].options = _entries(models[name])
            controls["entry"].value = _default(models[name])
            controls["beside"].options = _others(name, every)
            controls["beside"].value = second

    return Explorer(draw, controls, settle=settle)


def _entries(entries: Mapping[str, Entry]) -> list[tuple[str, str]]:
    return [(f"{name} (DEFAULT)" if entry.default else name, name) for name, entry in entries.items()]


def _default(entries: Mapping[str, Entry]) -> str:
    return next((name for name, entry in entries.items() if entry.default), next(iter(entries)))


def _others(model: str, every: Mapping[str, Entry]) -> list[str]:
    """None, the model's own entries, then all others."""
    own = [name for name, entry in every.items() if entry.builder == model]
    return [NONE, *own, *(name for name in every if name not in own)]
