"""What one weights entry says about itself, as data.

Everything is read from the enum member: its ``Weights(url, transforms, meta)``. The keys of ``meta`` differ between
versions of torchvision, and a learner's own enum may have none, so whatever is missing is None or empty. Nothing is
downloaded and no network is built. Pictures of a card are ``label.py`` and ``pairs.py``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import EnumMeta
from functools import cache
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import torchvision
from torchvision.models import Weights, WeightsEnum, get_model_builder, get_model_weights, list_models

import course_lib.models.weights  # noqa: F401 - importing it registers the course's own entries
from course_lib.errors import ModelNameError, WeightsError, closest
from course_lib.pictures.preprocessing import TransformSettings, transform_settings

__all__ = ["Card", "card", "registered"]

_SHOWN = ("num_params", "min_size", "categories", "recipe", "license", "_metrics", "_ops", "_file_size", "_docs")


@dataclass(frozen=True, repr=False, eq=False)
class Card:
    """One weights entry. None, "" and () stand for what its metadata does not say.

    Attributes:
        weights: the enum member itself.
        model: the name of the registered builder that takes it, or "" when none does.
        enum, entry: the names of the enum and of the member: ``"ResNet50_Weights"``, ``"IMAGENET1K_V2"``.
        default: whether ``DEFAULT`` stands for this entry.
        about: what torchvision's pages say of it, as plain text.
        metrics: data set → (name of the figure → per cent).
        parameters: how many.
        megabytes: of the file, in units of 2**20 bytes.
        gmacs: multiply-adds for one picture, in 10**9.
        categories: the names of the outputs, in their order.
        min_size: (height, width) in pixels of the smallest picture that the network takes.
        recipe: how it was trained: an address, or a command of the course.
        license: the address of its own licence.
        url, file, hash: where the file is, its name, and the hexadecimal digits at the end of that name.
        settings: the numbers of its transforms.
        more: the other keys of ``meta``.
    """

    weights: WeightsEnum
    model: str
    enum: str
    entry: str
    default: bool
    about: str
    metrics: Mapping[str, Mapping[str, float]]
    parameters: int | None
    megabytes: float | None
    gmacs: float | None
    categories: tuple[str, ...]
    min_size: tuple[int, ...] | None
    recipe: str
    license: str
    url: str
    file: str
    hash: str
    settings: TransformSettings | None
    more: tuple[str, ...] = field(default=())

    @property
    def name(self) -> str:
        """As it is written in code: ``"ResNet50_Weights.IMAGENET1K_V2"``."""
        return f"{self.enum}.{self.entry}"

    def find(self, word: str) -> tuple[tuple[int, str], ...]:
        """The categories with ``word`` in their name, each with the index of its output; capitals do not matter.

        Example:
            >>> card("resnet50").find("camel")
            ((354, 'Arabian camel'),)
        """
        wanted = word.strip().casefold()
        return tuple((k, name) for k, name in enumerate(self.categories) if wanted in name.casefold()) if wanted else ()

    def text(self) -> str:
        """One line a fact."""
        from course_lib.models.registry.card_facts import facts  # here: facts are read from cards

        lines = facts(self)
        wide = max(len(one.label) for one in lines)
        return "\n".join(f"{one.label:<{wide}}  {one.words}" for one in lines)

    __str__ = text

    def __repr__(self) -> str:
        known = [(data, figures["acc@1"]) for data, figures in self.metrics.items() if "acc@1" in figures]
        parts = [f"acc@1 {value:.1f} % on {data}" for data, value in known[:1] if not math.isnan(value)]
        parts += [f"{self.parameters:,} parameters"] if self.parameters else []
        parts += [f"{self.megabytes:,.1f} MB"] if self.megabytes else []
        return f"{self.model or self.enum}, {self.entry}: {', '.join(parts) or 'no figures in its metadata'}"

    def _repr_html_(self) -> str:
        from course_lib.models.registry.card_page import html

        return html(self)


def card(weights: WeightsEnum | str) -> Card:
    """Read one weights entry.

    Args:
        weights: a member of a weights enum, registered or not; or its name as in ``"ResNet50_Weights.IMAGENET1K_V2"``;
            or a model's name, which stands for that model's ``DEFAULT``.

    Raises:
        WeightsError: there is no such entry, or this is something else.
        ModelNameError: there is no such model, or it has no weights.

    Example:
        >>> card("ResNet50_Weights.IMAGENET1K_V1")
        resnet50, IMAGENET1K_V1: acc@1 76.1 % on ImageNet-1K, 25,557,032 parameters, 97.8 MB
        >>> card("ResNet50_Weights.IMAGENET1K_V1").hash
        '0676ba61'
    """
    member = _named(weights) if isinstance(weights, str) else weights
    if isinstance(member, EnumMeta):
        names = ", ".join(member.__members__)
        raise WeightsError(f"{member.__name__} is the whole enum: give one of its members ({names}).")
    if isinstance(member, Weights):
        raise WeightsError("This is an entry's value (url, transforms, meta): give the enum member that holds it.")
    if not isinstance(member, WeightsEnum):
        raise WeightsError(
            f"A card is read from a member of a weights enum, such as ResNet50_Weights.DEFAULT, or from its name; "
            f"this is {type(member).__name__}."
        )
    return _read(member)


def registered() -> dict[str, type[WeightsEnum]]:
    """The enums of all registered classifiers by builder: torchvision's, then the course's and the learner's own.

    Example:
        >>> found = registered()
        >>> found["resnet50"].__name__, found["course_resnet18"].__name__, "fcn_resnet50" in found
        ('ResNet50_Weights', 'CourseResNet18Weights', False)
    """
    theirs = list_models(module=torchvision.models)
    ours = [name for name in list_models() if not get_model_builder(name).__module__.startswith("torchvision.")]
    found = {name: _enum_of(name, get_model_builder(name)) for name in (*theirs, *ours)}
    return {name: enum for name, enum in found.items() if enum is not None and enum.__members__}


@cache
def _enum_of(_name: str, builder: Any) -> type[WeightsEnum] | None:
    try:
        enum: type[WeightsEnum] = get_model_weights(builder)
    except (AttributeError, NameError, RuntimeError, TypeError, ValueError):  # a learner's builder without annotations
        return None
    return enum


def _named(name: str) -> WeightsEnum:
    enums = registered()
    prefix, dot, entry = name.strip().partition(".")
    if dot:
        by_name = {enum.__name__: enum for enum in enums.values()}
        if prefix not in by_name:
            raise WeightsError(f"No registered model takes {prefix!r}.{closest(prefix, by_name)}")
        if entry not in by_name[prefix].__members__:
            known = by_name[prefix].__members__
            raise WeightsError(f"{prefix} has no {entry!r}.{closest(entry, known)} It has {', '.join(known)}.")
        return by_name[prefix][entry]
    if prefix not in enums:
        raise ModelNameError(
            f"There are no weights for a classifier {name!r}.{closest(prefix, enums)} Give a model's name, or an "
            "entry's such as 'ResNet50_Weights.IMAGENET1K_V2'."
        )
    enum = enums[prefix]
    return enum.__members__.get("DEFAULT") or next(iter(enum.__members__.values()))


def _read(member: WeightsEnum) -> Card:
    meta: Mapping[str, Any] = getattr(member.value, "meta", None) or {}
    enum = type(member)
    url = str(getattr(member.value, "url", "") or "")
    file = PurePosixPath(urlsplit(url).path).name
    digits = re.search(r"-([0-9a-f]{6,64})\.[^.]+$", file)
    metrics = {
        str(data): MappingProxyType({str(name): float(value) for name, value in figures.items()})
        for data, figures in (meta.get("_metrics") or {}).items()
        if isinstance(figures, Mapping)
    }
    return Card(
        weights=member,
        model=next((name for name, theirs in registered().items() if theirs is enum), ""),
        enum=enum.__name__,
        entry=member.name,
        default=enum.__members__.get("DEFAULT") is member,
        about=_plain(str(meta.get("_docs") or "")),
        metrics=MappingProxyType(metrics),
        parameters=meta.get("num_params"),
        megabytes=meta.get("_file_size"),
        gmacs=meta.get("_ops"),
        categories=tuple(meta.get("categories") or ()),
        min_size=tuple(meta["min_size"]) if meta.get("min_size") else None,
        recipe=str(meta.get("recipe") or ""),
        license=str(meta.get("license") or ""),
        url=url,
        file=file,
        hash=digits[1] if digits else "",
        settings=_settings(member),
        more=tuple(key for key in meta if key not in _SHOWN),
    )


def _settings(member: WeightsEnum) -> TransformSettings | None:
    try:
        return transform_settings(member.value.transforms())
    except Exception:  # a learner's own transforms may be anything, or fail: the card says that they are not a recipe
        return None


def _plain(docs: str) -> str:
    """reStructuredText without its links and marks, in one line."""
    words = re.sub(r"`([^`<]+?)\s*<[^>]*>`_+", r"\1", " ".join(docs.split()))
    return words.replace("``", "").replace("`", "")
