"""The weights entries of every registered classifier as cards: one, or two side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets
from PIL import Image

from course_lib.drawing.cards.card_label import draw_card
from course_lib.drawing.cards.card_pairs import draw_pair
from course_lib.drawing.still import Still
from course_lib.errors import CourseError, ModelNameError, WeightsError, closest
from course_lib.models.registry.card_entries import Card, card, registered
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
    enums = registered()
    if model not in enums:
        raise ModelNameError(f"There are no weights for a classifier {model!r}.{closest(str(model), enums)}")
    cards = {
        name: {one.entry: one for one in (card(member) for member in enum.__members__.values())}
        for name, enum in enums.items()
    }
    every = {f"{name}, {entry}": one for name, entries in cards.items() for entry, one in entries.items()}
    first = _default(cards[model]) if entry in (None, "DEFAULT") else str(entry)
    for given, known, of in ((first, cards[model], f" of {model}"), (beside, [NONE, *every], "")):
        if given not in known:
            raise WeightsError(f"There is no weights entry {given!r}{of}.{closest(str(given), known)}")

    def draw(model: str, entry: str, beside: str, picture: str, word: str) -> Still:
        first, shown = cards[model][entry], pictures[picture]
        if beside == NONE:
            return draw_card(first, shown, word=word)
        return draw_pair(first, every[beside], shown, word=word)

    controls: dict[str, widgets.Widget] = {
        "model": choice("model", cards, model),
        "entry": choice("entry", _entries(cards[model]), first),
        "beside": choice("beside it", _others(model, every), beside),
        "picture": choice("picture", pictures),
        "word": words("categories with", word),
    }

    def settle(moved: str, _before: Any) -> None:
        if moved == "model":
            name, second = controls["model"].value, controls["beside"].value
            controls["entry"].options = _entries(cards[name])
            controls["entry"].value = _default(cards[name])
            controls["beside"].options = _others(name, every)
            controls["beside"].value = second

    return Explorer(draw, controls, settle=settle)


def _entries(cards: Mapping[str, Card]) -> list[tuple[str, str]]:
    return [(f"{entry} (DEFAULT)" if one.default else entry, entry) for entry, one in cards.items()]


def _default(cards: Mapping[str, Card]) -> str:
    return next((entry for entry, one in cards.items() if one.default), next(iter(cards)))


def _others(model: str, every: Mapping[str, Card]) -> list[str]:
    """None, the model's own entries, then all others."""
    own = [name for name, one in every.items() if one.model == model]
    return [NONE, *own, *(name for name in every if name not in own)]
