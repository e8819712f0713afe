"""Registered builders: which names are not torchvision's own, the weights enum of each, and the class that it makes.

A builder is a function that torchvision's ``register_model`` knows by name. Its annotations name the enum and the
class, so no network is built to learn them, except for a learner's builder without annotations.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from functools import cache

import torch
from torch import nn
from torchvision.models import WeightsEnum, get_model_builder, get_model_weights, list_models

from course_lib.models.pretrained_models import classifier_names
from course_lib.models.weights.weight_files import PREFIX  # importing the package registers the course's own builders

__all__ = ["added_names", "class_of", "enum_of", "is_from_torchvision"]


def added_names() -> list[str]:
    """The names that were registered from outside torchvision: the course's own, and the learner's.

    Example:
        >>> "course_resnet18" in added_names(), "vgg11" in added_names()
        (True, False)
    """
    return [name for name in list_models() if not is_from_torchvision(name)]


def is_from_torchvision(name: str) -> bool:
    """Whether a registered builder is torchvision's own."""
    return str(get_model_builder(name).__module__).startswith("torchvision.")


def enum_of(name: str) -> type[WeightsEnum] | None:
    """The weights enum that a registered builder takes; None where it takes none, or one without members.

    Example:
        >>> enum_of("resnet50"), enum_of("course_resnet18").DEFAULT.name
        (<enum 'ResNet50_Weights'>, 'PICTUREBOOK_V1')
    """
    return _enum_of(get_model_builder(name))


@cache
def _enum_of(builder: Callable[..., nn.Module]) -> type[WeightsEnum] | None:
    try:
        enum: type[WeightsEnum] = get_model_weights(builder)
    except (AttributeError, NameError, RuntimeError, TypeError, ValueError):  # a learner's builder without annotations
        return None
    return enum if enum.__members__ else None


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
        annotated = typing.get_type_hints(builder).get("return")
    except (NameError, TypeError):
        annotated = None
    if isinstance(annotated, type) and issubclass(annotated, nn.Module) and annotated is not nn.Module:
        return annotated
    if name.startswith(PREFIX) and name.removeprefix(PREFIX) in classifier_names():
        return class_of(name.removeprefix(PREFIX))  # the course's are torchvision's with another number of outputs
    for device in ("meta", "cpu"):
        try:
            with torch.random.fork_rng(devices=[]), torch.device(device):
                return type(builder())
        except Exception:  # a learner's own builder may fail in any way; it is listed all the same
            continue
    return nn.Module
