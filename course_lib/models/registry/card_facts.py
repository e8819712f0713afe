"""What a card says, line by line, in words; the label, the comparison, the table and the text are made of these."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from course_lib.models.registry.card_entries import Card
from course_lib.pictures.preprocessing import TransformSettings

__all__ = ["NOT_SAID", "Fact", "facts", "per_cent", "triple"]

NOT_SAID = "not stated"


@dataclass(frozen=True)
class Fact:
    """A line of a card: what is told, the words it is told in, and the value that they stand for."""

    label: str
    words: str
    value: Any


def facts(one: Card) -> list[Fact]:
    """What a card says, line by line.

    Example:
        >>> from course_lib.models.registry.card_entries import card
        >>> [line.words for line in facts(card("resnet50")) if line.label in ("resize", "crop", "interpolation")]
        ['shorter side to 232', 'bilinear', 'middle 224×224']
    """
    found = [Fact("model", one.model or NOT_SAID, one.model), Fact("entry", one.name, one.name)]
    for data, figures in one.metrics.items():
        found += [Fact(f"{name}, {data}", per_cent(value), value) for name, value in figures.items()]
    if not one.metrics:
        found.append(Fact("accuracy", NOT_SAID, None))
    found += [
        Fact("parameters", _or(one.parameters, "{:,}"), one.parameters),
        Fact("file size", _or(one.megabytes, "{:,.1f} MB"), one.megabytes),
        Fact("work", _or(one.gmacs, "{} GMACs a picture", _three), one.gmacs),
        *_steps(one.settings),
        Fact("smallest picture", "×".join(map(str, one.min_size)) if one.min_size else NOT_SAID, one.min_size),
        Fact("categories", _categories(one.categories), one.categories),
        Fact("recipe", one.recipe or NOT_SAID, one.recipe),
        Fact("licence", one.license or NOT_SAID, one.license),
        Fact("file", one.file or NOT_SAID, one.file),
        Fact("hash prefix", one.hash or "none in the file's name", one.hash),
    ]
    return found


def _steps(seen: TransformSettings | None) -> list[Fact]:
    if seen is None:
        return [Fact("transforms", "not a classifier's resize, crop and normalise", None)]
    size = seen.resize_size
    goal = f"stretched to {size[1]}×{size[0]}" if isinstance(size, tuple) else f"shorter side to {size}"
    high, wide = seen.crop_hw
    return [
        Fact("resize", goal, size),
        Fact("interpolation", seen.interpolation.value, seen.interpolation),
        Fact("antialias", {True: "yes", False: "no", None: "for PIL pictures only"}[seen.antialias], seen.antialias),
        Fact("crop", f"middle {wide}×{high}", seen.crop_hw),
        Fact("mean", triple(seen.mean), seen.mean),
        Fact("std", triple(seen.std), seen.std),
    ]


def per_cent(value: float) -> str:
    """As the metadata has it, which has nan for weights without a classifier (VGG16's ``IMAGENET1K_FEATURES``).

    Example:
        >>> per_cent(80.858), per_cent(float("nan"))
        ('80.858 %', 'not measured')
    """
    return "not measured" if math.isnan(value) else f"{value:g} %"


def triple(values: Sequence[float]) -> str:
    """A mean or a std: one number a channel.

    Example:
        >>> triple((0.485, 0.456, 1 / 255))
        '0.485, 0.456, 0.0039216'
    """
    return ", ".join(f"{value:.5g}" for value in values)


def _categories(names: tuple[str, ...]) -> str:
    if len(names) < 4:
        return f"{len(names)}: {', '.join(names)}" if names else NOT_SAID
    return f"{len(names):,}: {names[0]}, {names[1]} … {names[-1]}"


def _or(value: float | None, how: str, write: Any = lambda value: value) -> str:
    return NOT_SAID if value is None else how.format(write(value))


def _three(value: float) -> str:
    """Three digits, and no thousand without its comma."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
