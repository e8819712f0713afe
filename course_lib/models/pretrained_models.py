"""Choose the weights for a model's name, and build the model around them.

Torchvision's ImageNet weights when they are in torch.hub's cache or can be downloaded, else the course's own; those of
EfficientNet-Lite are installed with the course. Files are found and downloaded by ``hub_cache``, read by
``checkpoints``; predicting is in ``classifier``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torchvision
from torch import Tensor, nn
from torchvision.models import WeightsEnum, get_model_builder, get_model_weights, list_models

from course_lib.errors import DownloadError, ModelNameError, WeightsError, closest
from course_lib.models.checkpoints import load_model
from course_lib.models.hub_cache import download, fault_of, has_other_hash, is_reachable, path_of, state_dict_of
from course_lib.models.weights import COURSE_MODELS, CourseWeightsEnum, course_weights_for
from course_lib.models.weights.efficientnet_lite import EFFICIENTNET_LITE, DataPackageWeights
from course_lib.models.weights.quarter_vgg import VGG11_Quarter_Weights, vgg11_quarter

__all__ = ["WeightsChoice", "available_models", "build", "classifier_names", "find", "known_name"]

CHOICES = ("auto", "imagenet", "course")
_COURSE = "course_"
#: The course's additions to torchvision's classifiers, each with weights that come with it: name → builder.
_ADDED: dict[str, Callable[..., nn.Module]] = {**EFFICIENTNET_LITE, "vgg11_quarter": vgg11_quarter}
_OTHER_KINDS = {
    "quantization": "a quantized model",
    "segmentation": "a model for segmentation",
    "detection": "a model for detection",
    "video": "a model for video",
    "optical_flow": "a model for optical flow",
}


@dataclass(frozen=True)
class WeightsChoice:
    """Weights whose file is on this machine.

    Attributes:
        name: torchvision's name of the model.
        weights: the member of a weights enum.
        line: a sentence that says which weights these are and why; "" where they are the ones asked for.
    """

    name: str
    weights: WeightsEnum
    line: str = ""


def classifier_names() -> list[str]:
    """The names of torchvision's classifiers, as its registry lists them.

    Example:
        >>> "resnet18" in classifier_names(), "fcn_resnet50" in classifier_names()
        (True, False)
    """
    names: list[str] = list_models(module=torchvision.models)
    return names


def known_name(name: str) -> str:
    """Torchvision's own name for what was asked: lower case, and without ``course_``.

    Raises:
        ModelNameError: no classifier has this name; the sentence suggests the nearest ones.

    Example:
        >>> known_name("ResNet18"), known_name("course_resnet18")
        ('resnet18', 'resnet18')
    """
    if not isinstance(name, str):
        raise ModelNameError(f"A model's name is a string such as 'resnet18', not {type(name).__name__}.")
    plain = name.strip().lower().removeprefix(_COURSE)
    known = [*classifier_names(), *_ADDED]
    if plain in known:
        return plain
    if plain in list_models():
        kind = _OTHER_KINDS.get(get_model_builder(plain).__module__.split(".")[-2], "not a classifier")
        raise ModelNameError(f"{name!r} is {kind}; the course loads classifiers, such as 'resnet18' or 'vgg11'.")
    raise ModelNameError(
        f"Torchvision has no classifier {name!r}.{closest(plain, known)} All names: torchvision.models.list_models()."
    )


def find(name: str, weights: WeightsEnum | str | None = None) -> WeightsChoice:
    """Choose the weights for a model and have their file on this machine.

    Args:
        name: torchvision's name, or the same with ``course_`` before it for the course's own weights.
        weights: ``"auto"``, ``"imagenet"``, ``"course"``, a member of a weights enum, or a member's name. None takes
            the environment's ``COURSE_WEIGHTS``, and ``"auto"`` when that is not set.

    Raises:
        ModelNameError: there is no such classifier.
        WeightsError: there are no such weights, or none that can be had here and now.
        DownloadError: ImageNet weights were asked for by name and cannot be downloaded.
    """
    plain = known_name(name)
    if weights is None:
        weights = _choice_of(name)
    if weights == "auto" and plain not in _ADDED:
        return _automatic(plain)
    if weights == "course":
        member = course_weights_for(plain)
        if member is None:
            raise WeightsError(f"The course has no weights of its own for {plain}. {_offline_models()}")
    else:
        member = _default(plain) if weights in ("auto", "imagenet") else _named(plain, weights)
        try:
            download(member, label=f"weights of {plain}")
        except DownloadError as error:
            raise DownloadError(f"{plain}: {error} {_offline_models()}") from error
        if doubt := _doubt(member):
            return WeightsChoice(plain, member, f"{plain}: {member.name}{doubt}")
    return WeightsChoice(plain, member)


def available_models(names: Iterable[str], *, download: bool = True) -> list[str]:
    """Those of ``names`` that load here and now: cached, downloadable, or with weights of the course.

    Args:
        names: names of torchvision's classifiers.
        download: whether weights that would have to be downloaded first count.

    Example:
        >>> import os
        >>> os.environ["COURSE_WEIGHTS"] = "course"
        >>> available_models(["vgg19"])
        []
        >>> del os.environ["COURSE_WEIGHTS"]
    """
    available = []
    for name in names:
        plain, choice = known_name(name), _choice_of(name)
        course = choice != "imagenet" and course_weights_for(plain) is not None
        if course or (choice != "course" and (_cached(plain) or (download and is_reachable(_default(plain))))):
            available.append(name)
    return available


def build(name: str, weights: WeightsEnum) -> nn.Module:
    """Build torchvision's model around weights that ``find`` found; the same model that torchvision would build.

    Returns:
        The model on the CPU, in eval mode.

    Raises:
        CheckpointError: the file cannot be read, or does not fit the model.
        WeightsError: a file of the course is missing or was changed.
    """
    meta = weights.meta
    kwargs: dict[str, Any] = {"num_classes": len(meta["categories"])} if "categories" in meta else {}
    inception = name in ("googlenet", "inception_v3")
    if inception:  # trained with helper heads, and on pictures scaled to -1 … 1
        kwargs |= {"transform_input": True, "aux_logits": True, "init_weights": False}
    elif name.startswith("vit_") and "min_size" in meta:  # the position embedding fits one size only
        kwargs["image_size"] = meta["min_size"][0]
    elif name.startswith("maxvit_") and "min_size" in meta:
        kwargs["input_size"] = tuple(meta["min_size"])
    builder = _ADDED.get(name) or get_model_builder(name)
    model = load_model(builder, _state_dict(name, weights), **kwargs)
    if name == "googlenet":
        model.aux_logits = False  # type: ignore[assignment]
        model.aux1 = model.aux2 = None  # type: ignore[assignment]
    return model


def _choice_of(name: str) -> str:
    """What is taken when nobody says: the course's for a name that says so, else what the environment fixes."""
    choice = os.environ.get("COURSE_WEIGHTS", "").strip().lower() or "auto"
    if choice not in CHOICES:
        raise WeightsError(f"COURSE_WEIGHTS is {choice!r}; it can be {', '.join(CHOICES)}.")
    if name.strip().lower().startswith(_COURSE):
        return "course"
    return "auto" if known_name(name) in _ADDED else choice  # of which there is only one kind


def _automatic(name: str) -> WeightsChoice:
    default = _default(name)
    cached = _cached(name)
    course = course_weights_for(name)
    damaged = default not in cached and path_of(default).is_file()
    why = "no network for ImageNet weights"
    if damaged:
        why = (
            "the ImageNet weights in the cache are damaged or cut short, and there is no network to download them again"
        )
    if default not in cached and is_reachable(default):
        try:
            download(default, label=f"weights of {name}")
            cached = [default]
        except DownloadError as error:
            why = f"ImageNet weights could not be downloaded ({str(error).rstrip('.')})"
    if cached:
        best = default if default in cached else cached[0]
        return WeightsChoice(name, best, f"{name}: ImageNet weights {best.name} ({_classes(best)}){_doubt(best)}")
    if course is None:
        raise WeightsError(f"{name}: {why}, and the course has none of its own for it. {_offline_models()}")
    return WeightsChoice(name, course, f"{name}: {why}, so these are the course's own ({_classes(course)})")


def _named(name: str, weights: WeightsEnum | str) -> WeightsEnum:
    enum = _enum(name)
    course = course_weights_for(name)
    if isinstance(weights, WeightsEnum):
        theirs = type(weights).__module__.split(".")[0] in ("torchvision", "course_lib")
        if theirs and not isinstance(weights, enum) and weights is not course:
            raise WeightsError(f"{weights!r} are not weights of {name}; those are {_members(name)}.")
        return weights
    if not isinstance(weights, str):
        raise WeightsError(
            f"weights can be one of {', '.join(CHOICES)} or a member of {enum.__name__}, not {weights!r}."
        )
    prefix, _, member = weights.strip().rpartition(".")
    for candidate in [enum] if course is None else [enum, type(course)]:
        if member in candidate.__members__ and prefix in ("", candidate.__name__):
            return candidate[member]
    raise WeightsError(f"{name} has no weights {weights!r}; it has {_members(name)}, or one of {', '.join(CHOICES)}.")


def _enum(name: str) -> Any:
    """The weights enum of a model; for the course's additions its own, also where a learner has taken the name."""
    return get_model_weights(_ADDED.get(name, name))


def _default(name: str) -> WeightsEnum:
    return _enum(name).DEFAULT


def _members(name: str) -> str:
    course = course_weights_for(name)
    members = [*_enum(name), *([] if course is None else [course])]
    return ", ".join(map(repr, members))


def _cached(name: str) -> list[WeightsEnum]:
    """Those whose file is in the cache and can be read; one that is cut short is none."""
    return [weights for weights in _enum(name) if path_of(weights).is_file() and not fault_of(weights)]


def _classes(weights: WeightsEnum) -> str:
    return f"{len(weights.meta['categories'])} classes"


def _doubt(weights: WeightsEnum) -> str:
    """A remark on a file in the cache whose hash is not the one in its name; "" where all is well."""
    if not has_other_hash(weights):
        return ""
    return f"; but the file in the cache ({path_of(weights).name}) is not the published one, its SHA-256 differs"


def _offline_models() -> str:
    here = sorted({*COURSE_MODELS, *(name for name in (*classifier_names(), *EFFICIENTNET_LITE) if _cached(name))})
    return f"Without a network these work: {', '.join(here)}." if here else "Without a network no model works here."


def _state_dict(name: str, weights: WeightsEnum) -> dict[str, Tensor]:
    if isinstance(weights, CourseWeightsEnum | DataPackageWeights | VGG11_Quarter_Weights):
        return weights.get_state_dict()
    state_dict = state_dict_of(weights)
    if name.startswith("densenet"):  # its files were written when a layer could still be called "norm.1"
        for key in list(state_dict):
            new = re.sub(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])\.", r"\1\2.", key)
            state_dict[new] = state_dict.pop(key)
    return state_dict
