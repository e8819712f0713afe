"""One weights entry as a row: what its enum member, its builder and the table of families say about it.

The metadata's keys are not the same in every version of torchvision, and a learner's own enum may have none at all:
what is not there becomes None. No network of torchvision's is built to learn its class, since its builders are
annotated with it. Rows put together are ``table.py``.
"""

from __future__ import annotations

import math
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import torch
import torchvision
from torch import nn
from torchvision.models import WeightsEnum, get_model_builder, get_model_weights, list_models

from course_lib.errors import WeightsError
from course_lib.models.families import OTHER, family_of
from course_lib.models.registry import catalog_page, catalog_words
from course_lib.models.weights.shelf import PREFIX
from course_lib.pictures.preprocessing import Size, TransformSettings, transform_settings

__all__ = ["NAMES", "Row", "class_of", "read", "rows_of", "theirs_and_ours"]

_IMAGENET = "ImageNet-1K"  # torchvision's name for the data set of its classifiers' errors
_STANDARD = "Picture book, standard"  # of the course's own errors, the one that is quoted


@dataclass(frozen=True, repr=False)
class Row:
    """One weights entry. None stands for what this version's metadata does not say.

    Attributes:
        builder: the function's name, as in ``torchvision.models.get_model(builder)``.
        entry: the enum member's name, such as ``"IMAGENET1K_V1"``.
        weights: the enum member itself.
        cls: the class that the builder makes an instance of.
        family, kind: as in ``families.py``; the class's name and ``"other"`` for what that does not know.
        year: of the family's paper, not of the weights.
        paper: its address, or "".
        top1, top5: in how many per cent of the pictures the best answer, the best five, miss.
        measured_on: the data set of these errors; rows that differ here do not compare.
        parameters: how many.
        megabytes: of the file, in units of 2**20 bytes, as torchvision counts.
        gmacs: multiply-adds for one picture, in 10**9 (torchvision's pages call them GFLOPS).
        crop, resize: in pixels: what the network gets, and the shorter side before that is cut out.
        interpolation: of the resize, such as ``"bilinear"``.
        mean, std: of the normalisation, one number a channel.
        recipe: how it was trained: an address, a command of the course, or "".
        license: the address of the weights' own licence, or "" where they have none of their own.
        default: whether the enum's ``DEFAULT`` is this entry.
        course: whether the course or the learner registered it, and not torchvision.
    """

    builder: str
    entry: str
    weights: WeightsEnum
    cls: type[nn.Module]
    family: str
    kind: str
    year: int | None
    paper: str
    top1: float | None
    top5: float | None
    measured_on: str
    parameters: int | None
    megabytes: float | None
    gmacs: float | None
    crop: Size | None
    resize: Size | None
    interpolation: str | None
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    recipe: str
    license: str
    default: bool
    course: bool

    def __repr__(self) -> str:
        return catalog_words.sentence(self)

    def __str__(self) -> str:
        return catalog_words.row_text(self)

    def _repr_html_(self) -> str:
        return catalog_page.row_html(self)


#: The columns of the catalogue.
NAMES: tuple[str, ...] = tuple(one.name for one in fields(Row))


def theirs_and_ours() -> tuple[list[str], list[str]]:
    """The registered names of torchvision's classifiers, and of everything registered from outside torchvision.

    Example:
        >>> theirs, ours = theirs_and_ours()
        >>> "vgg11" in theirs, "course_resnet18" in ours, "fcn_resnet50" in theirs + ours
        (True, True, False)
    """
    ours = [name for name in list_models() if not get_model_builder(name).__module__.startswith("torchvision.")]
    return list_models(module=torchvision.models), ours


def rows_of(name: str) -> tuple[Row, ...]:
    """The rows of a registered builder, in the order of its enum; none where it has no enum of weights.

    Example:
        >>> [row.entry for row in rows_of("resnet50")]
        ['IMAGENET1K_V1', 'IMAGENET1K_V2']
    """
    return _rows_of(name, get_model_builder(name))


@cache
def _rows_of(name: str, builder: Callable[..., nn.Module]) -> tuple[Row, ...]:
    try:
        enum = get_model_weights(builder)
    except (AttributeError, NameError, RuntimeError, TypeError, ValueError):  # a learner's builder without annotations
        return ()
    return tuple(read(name, member) for member in enum)


def read(name: str, weights: WeightsEnum) -> Row:
    """Read one entry.

    Args:
        name: of a registered builder.
        weights: a member of its enum, with whatever metadata it has.

    Example:
        >>> from torchvision.models import AlexNet_Weights
        >>> row = read("alexnet", AlexNet_Weights.IMAGENET1K_V1)
        >>> row.cls.__name__, row.year, row.top1, row.parameters
        ('AlexNet', 2012, 43.478, 61100840)
    """
    builder = get_model_builder(name)
    course = not builder.__module__.startswith("torchvision.")
    cls = class_of(name)
    family = family_of(name.removeprefix(PREFIX) if course else name)
    meta: Mapping[str, Any] = weights.meta or {}
    measured_on, accuracy = _accuracy(meta)
    seen = _settings(weights)
    return Row(
        builder=name,
        entry=weights.name,
        weights=weights,
        cls=cls,
        family=family.name if family else cls.__name__,
        kind=family.kind if family else OTHER,
        year=family.year if family else None,
        paper=family.paper if family else "",
        top1=_error(accuracy.get("acc@1")),
        top5=_error(accuracy.get("acc@5")),
        measured_on=measured_on,
        parameters=meta.get("num_params"),
        megabytes=meta.get("_file_size"),
        gmacs=meta.get("_ops"),
        crop=seen.crop_size if seen else None,
        resize=seen.resize_size if seen else None,
        interpolation=seen.interpolation.value if seen else None,
        mean=seen.mean if seen else None,
        std=seen.std if seen else None,
        recipe=str(meta.get("recipe") or ""),
        license=str(meta.get("license") or ""),
        default=getattr(type(weights), "DEFAULT", None) is weights,
        course=course,
    )


def class_of(name: str) -> type[nn.Module]:
    """The class of the network that a registered builder makes.

    Read from the builder's annotation; a network is built (without memory for its weights, where it can be) only for a
    builder that does not say, which none of torchvision's is.

    Example:
        >>> class_of("wide_resnet50_2").__name__, class_of("swin_v2_t").__name__
        ('ResNet', 'SwinTransformer')
    """
    return _class_of(name, get_model_builder(name))


@cache
def _class_of(name: str, builder: Callable[..., nn.Module]) -> type[nn.Module]:
    try:
        said = typing.get_type_hints(builder).get("return")
    except (NameError, TypeError):
        said = None
    if isinstance(said, type) and issubclass(said, nn.Module) and said is not nn.Module:
        return said
    if name.startswith(PREFIX) and name.removeprefix(PREFIX) in list_models(module=torchvision.models):
        return class_of(name.removeprefix(PREFIX))  # the course's are torchvision's with another number of outputs
    for device in ("meta", "cpu"):
        try:
            with torch.random.fork_rng(devices=[]), torch.device(device):
                return type(builder())
        except Exception:  # a learner's own builder may fail in any way; it is listed all the same
            continue
    return nn.Module


def _accuracy(meta: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The name of a data set and the accuracies on it, in per cent."""
    metrics = meta.get("_metrics") or {}
    for name in (_IMAGENET, _STANDARD, *metrics):
        if isinstance(metrics.get(name), Mapping):
            return name, metrics[name]
    return "", {}


def _error(accuracy: float | None) -> float | None:
    """The metadata has three digits, and "not a number" for weights that are features only (VGG16 has such)."""
    return None if accuracy is None or math.isnan(accuracy) else round(100 - accuracy, 3)


def _settings(weights: WeightsEnum) -> TransformSettings | None:
    try:
        return transform_settings(weights.transforms())
    except (TypeError, WeightsError):  # no transforms, or none of a classifier
        return None
