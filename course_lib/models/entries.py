"""`Entry`: what one entry of a weights enum says about itself, read in one place.

Everything comes from the enum member, its ``Weights(url, transforms, meta)``, from its builder, and from the table of
families (``families.py``). The keys of ``meta`` differ between versions of torchvision, and a learner's own enum may
have none, so whatever is missing is None or empty. Nothing is downloaded and no network is
built. Many entries are a table in ``catalog_table.py``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import EnumMeta
from functools import cache
from html import escape
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from torch import nn
from torchvision.models import Weights, WeightsEnum, get_model_builder

from course_lib.errors import ModelNameError, WeightsError, closest
from course_lib.models.builders import added_names, class_of, enum_of, is_from_torchvision
from course_lib.models.families import OTHER, family_of
from course_lib.models.pretrained_models import classifier_names
from course_lib.models.weights.weight_files import PREFIX
from course_lib.pictures.preprocessing import Size, TransformSettings, transform_settings
from course_lib.tables import Column, html_table, link, text_table

__all__ = [
    "NOT_STATED", "Entry", "Fact", "channel_values", "entries_of", "entry_of", "per_cent", "read_entry", "three_digits",
]  # fmt: skip

NOT_STATED = "not stated"
_IMAGENET = "ImageNet-1K"  # torchvision's name for the data set that its classifiers are measured on
_STANDARD = "Picture book, standard"  # of the data sets that the course's own are measured on, the one that is quoted


@dataclass(frozen=True)
class Fact:
    """One line of an entry: a label, its value in words, and the value itself."""

    label: str
    words: str
    value: Any


@dataclass(frozen=True, repr=False, eq=False)
class Entry:
    """One weights entry. None, "" and () stand for what its metadata does not say.

    Attributes:
        builder: the name of the registered function that takes it, as in ``torchvision.models.get_model(builder)``;
            "" when none does.
        entry: the enum member's name, such as ``"IMAGENET1K_V1"``.
        weights: the enum member itself.
        cls: the class that the builder makes an instance of.
        family, kind: as in ``families.py``; the class's name and ``"other"`` for what that table does not know.
        year: of the family's paper, not of the weights.
        paper: the address of the family's paper.
        about: what torchvision's pages say about the entry, as plain text.
        metrics: data set → (name of the figure → percentage).
        measured_on: the data set of ``top1`` and ``top5``; entries that differ here do not compare.
        parameters: how many.
        megabytes: of the file, in units of 2**20 bytes, as torchvision counts.
        gmacs: multiply-adds for one picture, in 10**9 (torchvision's pages call them GFLOPS).
        settings: the numbers of its transforms; None if they are not a classifier's.
        min_size: (height, width) in pixels of the smallest picture that the network takes.
        categories: the names of the outputs, in their order.
        recipe: how it was trained: an address, or a command of the course.
        license: the address of the weights' own licence.
        url: where the file is.
        default: whether the enum's ``DEFAULT`` is this entry.
        course: whether its builder was registered by the course or the learner, and not by torchvision.
    """

    builder: str
    entry: str
    weights: WeightsEnum
    cls: type[nn.Module]
    family: str
    kind: str
    year: int | None
    paper: str
    about: str
    metrics: Mapping[str, Mapping[str, float]]
    measured_on: str
    parameters: int | None
    megabytes: float | None
    gmacs: float | None
    settings: TransformSettings | None
    min_size: tuple[int, ...] | None
    categories: tuple[str, ...]
    recipe: str
    license: str
    url: str
    default: bool
    course: bool

    @property
    def enum(self) -> str:
        """The enum's name: ``"ResNet50_Weights"``."""
        return type(self.weights).__name__

    @property
    def name(self) -> str:
        """As it is written in code: ``"ResNet50_Weights.IMAGENET1K_V2"``."""
        return f"{self.enum}.{self.entry}"

    @property
    def top1(self) -> float | None:
        """The percentage of pictures whose best answer is wrong."""
        return self._error("acc@1")

    @property
    def top5(self) -> float | None:
        """The percentage of pictures for which none of the best five answers is right."""
        return self._error("acc@5")

    def _error(self, accuracy: str) -> float | None:
        value = self.metrics.get(self.measured_on, {}).get(accuracy, math.nan)  # nan: features only, as one of VGG16's
        return None if math.isnan(value) else round(100 - value, 3)

    @property
    def crop(self) -> Size | None:
        """What the network gets, in pixels: the side of a square, or (height, width)."""
        return self.settings.crop_size if self.settings else None

    @property
    def resize(self) -> Size | None:
        """What is resized to before the crop, in pixels: the shorter side, or (height, width)."""
        return self.settings.resize_size if self.settings else None

    @property
    def interpolation(self) -> str | None:
        """Of the resize, such as ``"bilinear"``."""
        return str(self.settings.interpolation.value) if self.settings else None

    @property
    def mean(self) -> tuple[float, ...] | None:
        """What the normalisation subtracts, one number a channel."""
        return self.settings.mean if self.settings else None

    @property
    def std(self) -> tuple[float, ...] | None:
        """What the normalisation divides by, one number a channel."""
        return self.settings.std if self.settings else None

    @property
    def file(self) -> str:
        """The name of the file, without its folder."""
        return PurePosixPath(urlsplit(self.url).path).name

    @property
    def hash(self) -> str:
        """The hexadecimal digits at the end of the file's name: how the file's SHA-256 begins."""
        digits = re.search(r"-([0-9a-f]{6,64})\.[^.]+$", self.file)
        return digits[1] if digits else ""

    def categories_with(self, word: str) -> tuple[tuple[int, str], ...]:
        """The categories with ``word`` in their name, each with the index of its output; capitals do not matter.

        Example:
            >>> entry_of("resnet50").categories_with("camel")
            ((354, 'Arabian camel'),)
        """
        wanted = word.strip().casefold()
        return tuple((k, name) for k, name in enumerate(self.categories) if wanted in name.casefold()) if wanted else ()

    def facts(self) -> list[Fact]:
        """Everything that the entry says, line by line, in words.

        Example:
            >>> lines = entry_of("resnet50").facts()
            >>> [line.words for line in lines if line.label in ("resize", "crop", "interpolation")]
            ['shorter side to 232', 'bilinear', 'middle 224×224']
        """
        maker = "the course or you" if self.course else "torchvision" if self.builder else "nobody"
        origin = {
            "model": self.builder, "entry": self.name, "default": "yes" if self.default else "no",
            "registered by": maker, "class": self.cls.__name__, "family": self.family, "kind": self.kind,
            "year": self.year, "paper": self.paper, "about": self.about,
        }  # fmt: skip
        lines = [Fact(label, str(value or NOT_STATED), value) for label, value in origin.items()]
        for label, error in (("top-1 error", self.top1), ("top-5 error", self.top5)):
            lines.append(Fact(label, NOT_STATED if error is None else f"{error:g}% on {self.measured_on}", error))
        for data, figures in self.metrics.items():
            lines += [Fact(f"{name}, {data}", per_cent(value), value) for name, value in figures.items()]
        if not self.metrics:
            lines.append(Fact("accuracy", NOT_STATED, None))
        size, work = self.megabytes, self.gmacs
        return [
            *lines,
            Fact("parameters", NOT_STATED if self.parameters is None else f"{self.parameters:,}", self.parameters),
            Fact("file size", NOT_STATED if size is None else f"{size:,.1f} MB", size),
            Fact("work", NOT_STATED if work is None else f"{three_digits(work)} GMACs a picture", work),
            *_steps(self.settings),
            Fact("smallest picture", "×".join(map(str, self.min_size or ())) or NOT_STATED, self.min_size),
            Fact("categories", _some_of(self.categories), self.categories),
            Fact("recipe", self.recipe or NOT_STATED, self.recipe),
            Fact("licence", self.license or NOT_STATED, self.license),
            Fact("file", self.file or NOT_STATED, self.file),
            Fact("hash prefix", self.hash or "none in the file's name", self.hash),
        ]

    def __str__(self) -> str:
        return text_table([(fact.label, fact.words) for fact in self.facts()])

    def __repr__(self) -> str:
        figures = [] if self.top1 is None else [f"top-1 error {self.top1:.1f}% on {self.measured_on}"]
        figures += [f"{three_digits(self.parameters / 1e6)} M parameters"] if self.parameters else []
        figures += [f"{three_digits(self.megabytes)} MB"] if self.megabytes else []
        figures += [f"{three_digits(self.gmacs)} GMACs"] if self.gmacs else []
        return f"{self.builder or self.enum}, {self.entry}: {', '.join(figures) or 'no figures in its metadata'}"

    def _repr_html_(self) -> str:
        addresses = {"family": self.paper, "file": self.url}
        rows = [(fact.label, link(addresses.get(fact.label, fact.words), fact.words)) for fact in self.facts()]
        columns = Column(style="white-space:nowrap;vertical-align:top"), Column(style="overflow-wrap:anywhere")
        title = escape(f"{self.name} (DEFAULT)" if self.default else self.name)
        table = html_table(rows, columns, row_heads=True, label=self.name, style="font:inherit")
        look = "font:13px/1.45 system-ui,sans-serif;max-width:60em;overflow-x:auto"
        return f'<div style="{look}"><b>{title}</b>{table}</div>'


# -- reading ----------------------------------------------------------------------------------------------------------
def entry_of(weights: WeightsEnum | str) -> Entry:
    """The entry of one set of weights; ``catalog()`` holds the same objects as a table.

    Args:
        weights: a member of a weights enum, registered or not; or its name as in ``"ResNet50_Weights.IMAGENET1K_V2"``;
            or a model's name, which stands for that model's ``DEFAULT``.

    Raises:
        WeightsError: there is no such entry, or this is something else.
        ModelNameError: there is no such model, or it has no weights.

    Example:
        >>> entry_of("ResNet50_Weights.IMAGENET1K_V1")
        resnet50, IMAGENET1K_V1: top-1 error 23.9% on ImageNet-1K, 25.6 M parameters, 97.8 MB, 4.09 GMACs
        >>> entry_of("ResNet50_Weights.IMAGENET1K_V1").hash
        '0676ba61'
    """
    enums = {name: enum for name in (*classifier_names(), *added_names()) if (enum := enum_of(name)) is not None}
    member = _named(weights, enums) if isinstance(weights, str) else weights
    if isinstance(member, EnumMeta):
        names = ", ".join(member.__members__)
        raise WeightsError(f"{member.__name__} is the whole enum: give one of its members ({names}).")
    if isinstance(member, Weights):
        raise WeightsError("This is an entry's value (url, transforms, meta): give the enum member that holds it.")
    if not isinstance(member, WeightsEnum):
        raise WeightsError(
            "An entry is read from a member of a weights enum, such as ResNet50_Weights.DEFAULT, or from its name; "
            f"this is {type(member).__name__}."
        )
    builder = next((name for name, enum in enums.items() if enum is type(member)), "")
    return next((entry for entry in entries_of(builder) if entry.weights is member), None) or read_entry("", member)


def _named(name: str, enums: Mapping[str, type[WeightsEnum]]) -> WeightsEnum:
    prefix, dot, entry = name.strip().partition(".")
    if dot:
        by_name = {enum.__name__: enum for enum in enums.values()}
        if prefix not in by_name:
            raise WeightsError(f"No registered model takes {prefix!r}.{closest(prefix, by_name)}")
        members = by_name[prefix].__members__
        if entry not in members:
            raise WeightsError(f"{prefix} has no {entry!r}.{closest(entry, members)} It has {', '.join(members)}.")
        return members[entry]
    if prefix not in enums:
        raise ModelNameError(
            f"There are no weights for a classifier {name!r}.{closest(prefix, enums)} Give a model's name, or an "
            "entry's such as 'ResNet50_Weights.IMAGENET1K_V2'."
        )
    members = enums[prefix].__members__
    return members.get("DEFAULT") or next(iter(members.values()))


def entries_of(name: str) -> tuple[Entry, ...]:
    """The entries of a registered builder, in the order of its enum; none where it has no enum of weights.

    Example:
        >>> [entry.entry for entry in entries_of("resnet50")]
        ['IMAGENET1K_V1', 'IMAGENET1K_V2']
    """
    return _entries_of(name, get_model_builder(name)) if name else ()


@cache
def _entries_of(name: str, _builder: Callable[..., nn.Module]) -> tuple[Entry, ...]:
    return tuple(read_entry(name, member) for member in enum_of(name) or ())


def read_entry(builder: str, weights: WeightsEnum) -> Entry:
    """Read one entry.

    Args:
        builder: a registered name, or "".
        weights: a member of its enum, with whatever metadata it has.

    Example:
        >>> from torchvision.models import AlexNet_Weights
        >>> entry = read_entry("alexnet", AlexNet_Weights.IMAGENET1K_V1)
        >>> entry.cls.__name__, entry.year, entry.top1, entry.parameters
        ('AlexNet', 2012, 43.478, 61100840)
    """
    course = bool(builder) and not is_from_torchvision(builder)
    cls = class_of(builder) if builder else nn.Module
    family = family_of(builder.removeprefix(PREFIX) if course else builder)
    meta: Mapping[str, Any] = getattr(weights.value, "meta", None) or {}
    metrics = {
        str(data): MappingProxyType({str(name): float(x) for name, x in figures.items() if isinstance(x, (int, float))})
        for data, figures in (meta.get("_metrics") or {}).items()
        if isinstance(figures, Mapping)
    }
    return Entry(
        builder=builder,
        entry=weights.name,
        weights=weights,
        cls=cls,
        family=family.name if family else cls.__name__ if builder else "",
        kind=family.kind if family else OTHER,
        year=family.year if family else None,
        paper=family.paper if family else "",
        about=_plain(str(meta.get("_docs") or "")),
        metrics=MappingProxyType(metrics),
        measured_on=next((data for data in (_IMAGENET, _STANDARD, *metrics) if data in metrics), ""),
        parameters=meta.get("num_params"),
        megabytes=meta.get("_file_size"),
        gmacs=meta.get("_ops"),
        settings=_settings_of(weights),
        min_size=tuple(meta["min_size"]) if meta.get("min_size") else None,
        categories=tuple(meta.get("categories") or ()),
        recipe=str(meta.get("recipe") or ""),
        license=str(meta.get("license") or ""),
        url=str(getattr(weights.value, "url", "") or ""),
        default=type(weights).__members__.get("DEFAULT") is weights,
        course=course,
    )


def _settings_of(weights: WeightsEnum) -> TransformSettings | None:
    try:
        return transform_settings(weights.value.transforms())
    except Exception:  # a learner's own transforms may be anything, or fail: the entry says so
        return None


def _plain(docs: str) -> str:
    """reStructuredText without its links and marks, in one line."""
    words = re.sub(r"`([^`<]+?)\s*<[^>]*>`_+", r"\1", " ".join(docs.split()))
    return words.replace("``", "").replace("`", "")


# -- words ------------------------------------------------------------------------------------------------------------
def _steps(settings: TransformSettings | None) -> list[Fact]:
    if settings is None:
        return [Fact("transforms", "not a classifier's resize, crop and normalise", None)]
    size, (high, wide) = settings.resize_size, settings.crop_hw
    target = f"stretched to {size[1]}×{size[0]}" if isinstance(size, tuple) else f"shorter side to {size}"
    antialias = {True: "yes", False: "no", None: "for PIL pictures only"}[settings.antialias]
    return [
        Fact("resize", target, size),
        Fact("interpolation", settings.interpolation.value, settings.interpolation),
        Fact("antialias", antialias, settings.antialias),
        Fact("crop", f"middle {wide}×{high}", settings.crop_hw),
        Fact("mean", channel_values(settings.mean), settings.mean),
        Fact("std", channel_values(settings.std), settings.std),
    ]


def _some_of(categories: tuple[str, ...]) -> str:
    if len(categories) < 4:
        return f"{len(categories)}: {', '.join(categories)}" if categories else NOT_STATED
    return f"{len(categories):,}: {categories[0]}, {categories[1]} … {categories[-1]}"


def per_cent(value: float) -> str:
    """As the metadata has it, which has nan for weights without a classifier (VGG16's ``IMAGENET1K_FEATURES``).

    Example:
        >>> per_cent(80.858), per_cent(float("nan"))
        ('80.858%', 'not measured')
    """
    return "not measured" if math.isnan(value) else f"{value:g}%"


def channel_values(values: Sequence[float]) -> str:
    """A mean or a std: one number a channel.

    Example:
        >>> channel_values((0.485, 0.456, 1 / 255))
        '0.485, 0.456, 0.0039216'
    """
    return ", ".join(f"{value:.5g}" for value in values)


def three_digits(value: float) -> str:
    """With the digits that matter, and a comma for the thousands.

    Example:
        >>> [three_digits(value) for value in (0.04, 3.005, 97.79, 632.04, 2416.643)]
        ['0.04', '3.00', '97.8', '632', '2,417']
    """
    return f"{value:{',.0f' if value >= 100 else '.1f' if value >= 10 else '.2f' if value >= 1 else '.3g'}}"
