"""The twelve classes: who draws each, how it meets the ground, where it is at home, and its ImageNet counterparts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from picturebook.animals import camel, cat, dog
from picturebook.canvas import Brush
from picturebook.food_and_drink import coffee_cup, hot_dog
from picturebook.plants import mushroom, strawberry
from picturebook.small_animals import ant, bee, goldfish
from picturebook.vehicles import car, sailboat

__all__ = ["ALL_CLASSES", "CLASSES", "HELD_BACK", "IMAGENET", "OBJECTS", "Drawing", "Kind", "counts_as"]


Drawing = Callable[[Brush, np.random.Generator], None]


@dataclass(frozen=True)
class Kind:
    """What the scene must know of a class.

    Attributes:
        draw: paints one object in the square from -1 to 1.
        stance: "stands" throws its shadow on the ground, "lies" on what is under it, "floats" throws none.
        home: the kinds of place (``backgrounds.PLACES``) that suit it.
        imagenet: the indices of its counterparts among ImageNet's 1000 classes.
    """

    draw: Drawing
    stance: Literal["stands", "lies", "floats"]
    home: tuple[str, ...]
    imagenet: tuple[int, ...]


_OUTDOORS = ("meadow", "street", "desert", "snow")
_INDOORS = ("room", "cloth", "studio")

OBJECTS: dict[str, Kind] = {
    "camel": Kind(camel, "stands", ("desert", "desert", "meadow", "studio"), (354,)),
    "car": Kind(
        car,
        "stands",
        ("street", "street", "meadow", "desert", "snow"),
        (436, 468, 511, 609, 627, 656, 661, 717, 751, 817),
    ),
    "cat": Kind(cat, "stands", ("room", "meadow", "studio", "cloth"), (281, 282, 283, 284, 285)),
    "coffee cup": Kind(coffee_cup, "stands", ("room", "room", "cloth", "studio"), (504, 967, 968)),
    "dog": Kind(dog, "stands", ("meadow", "room", "studio", "street", "snow"), tuple(range(151, 269))),
    "goldfish": Kind(goldfish, "floats", ("underwater", "underwater", "studio"), (1,)),
    "hot dog": Kind(hot_dog, "lies", ("cloth", "room", "studio"), (934,)),
    "mushroom": Kind(mushroom, "stands", ("leaves", "meadow", "studio", "room"), (947, 992, 997)),
    "sailboat": Kind(sailboat, "floats", ("sea", "sea", "sea", "studio"), (484, 780, 871, 914)),
    "strawberry": Kind(strawberry, "lies", ("leaves", "cloth", "room", "studio"), (949,)),
    "ant": Kind(ant, "lies", ("leaves", "desert", "studio", "meadow"), (310,)),
    "bee": Kind(bee, "floats", ("leaves", "meadow", "studio"), (309,)),
}

#: Kept back from the course's weights, so that lesson 07 transfers to something really new.
HELD_BACK: tuple[str, ...] = ("ant", "bee")
#: The ten classes of the course's weights, in the order of their logits.
CLASSES: tuple[str, ...] = tuple(label for label in OBJECTS if label not in HELD_BACK)
ALL_CLASSES: tuple[str, ...] = tuple(OBJECTS)
#: Which of ImageNet's classes each label counts as.
IMAGENET: dict[str, tuple[int, ...]] = {label: kind.imagenet for label, kind in OBJECTS.items()}


def counts_as(label: str, categories: Sequence[str]) -> tuple[int, ...]:
    """Which outputs of a classifier are right for a picture of ``label``.

    Args:
        label: one of the twelve classes.
        categories: the classifier's names: the course's ten (or any that hold ``label``), or ImageNet's thousand.

    Returns:
        Indices into ``categories``; empty when none of them is right.

    Example:
        >>> counts_as("cat", CLASSES), counts_as("ant", CLASSES)
        ((2,), ())
    """
    if len(categories) == 1000:
        return IMAGENET[label]
    return (list(categories).index(label),) if label in categories else ()
