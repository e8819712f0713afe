"""The course's own weights as torchvision weights enums: ten classes of the picture book, no network needed.

Importing this package makes an enum of each model in ``figures.json`` (a file's name, hash and accuracy are recorded
nowhere else) and registers one builder a model with torchvision, under the names that start with ``course_``:

    >>> import torchvision, course_lib.models.weights
    >>> torchvision.models.list_models(include="course_*") == [f"course_{name}" for name in COURSE_MODELS]
    True

This is the only module that touches torchvision's ``register_model``, which is not public: where it is missing, the
enums and ``course_weights_for`` still work, and only torchvision's registry does not know the names. The files
themselves are the business of ``weight_files``.
"""

# No `from __future__ import annotations` here: torchvision finds a model's enum in the builder's evaluated annotation.

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

import torch
from torch import nn
from torchvision.models import Weights, WeightsEnum, get_model_builder, get_model_weights
from torchvision.transforms._presets import ImageClassification

from course_lib.errors import WeightsError
from course_lib.models.weights import efficientnet_lite as _efficientnet_lite  # noqa: F401 - registers its builders
from course_lib.models.weights import quarter_vgg as _quarter_vgg  # noqa: F401 - registers its builder
from course_lib.models.weights.weight_files import CATEGORIES, FOLDER, PREFIX, read_figures, store, verified

__all__ = ["CATEGORIES", "COURSE_MODELS", "CourseWeightsEnum", "course_weights_for", "make_enum", "register", "store"]


class CourseWeightsEnum(WeightsEnum):  # type: ignore[misc]
    """A weights enum whose files lie on this disk: read in place, with their hash checked.

    Torchvision's ``WeightsEnum`` would copy the file into the hub's cache, check the hash only while copying, and
    unpickle it without ``weights_only``. This class has no members, so that it may be inherited from.
    """

    def get_state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Read the weights where they lie, as float32, into memory of their own: the file may be replaced afterwards.

        Args:
            args, kwargs: what torchvision's builders pass (``progress``, ``check_hash``): there is nothing to
                download and the hash is always checked, so they change nothing. ``map_location`` is kept.

        Raises:
            WeightsError: the file is missing, or its SHA-256 is not the recorded one.
        """
        path = verified(self.path, self.value.meta["sha256"])
        half = torch.load(path, map_location=kwargs.get("map_location", "cpu"), mmap=True, weights_only=True)
        return {key: tensor.float() if tensor.is_floating_point() else tensor.clone() for key, tensor in half.items()}

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return Path(url2pathname(urlparse(self.value.url).path))


def make_enum(model_name: str, row: dict[str, Any], folder: Path, *, module: str) -> type[CourseWeightsEnum]:
    """Make the enum of one model from its row of ``figures.json``, with ``PICTUREBOOK_V1`` and ``DEFAULT``.

    Args:
        model_name: torchvision's name, such as ``"resnet18"``; the enum is then called ``CourseResNet18Weights``.
        row: what ``store`` and the evaluation wrote.
        folder: where the file lies.
        module: the module that will hold the enum under its name (pickling needs to know).
    """
    theirs = get_model_weights(model_name)
    accuracy: dict[str, float] = row.get("accuracy", {})
    value = Weights(
        url=(folder.resolve() / row["file"]).as_uri(),
        transforms=partial(ImageClassification, crop_size=224),
        meta={
            "categories": list(row["categories"]),
            "min_size": theirs.DEFAULT.meta["min_size"],
            "num_params": row["num_params"],
            "recipe": row["recipe"],
            "accuracy": accuracy,
            "confusion": row.get("confusion", {}),
            "sha256": row["sha256"],
            "_metrics": {f"Picture book, {level}": {"acc@1": percent} for level, percent in accuracy.items()},
            "_ops": row["ops"],
            "_file_size": row["file_size"],
            "_docs": f"Trained from scratch on the drawn pictures of picturebook, ten classes: {PREFIX}"
            f"{model_name} is torchvision's own {model_name} with ten outputs.",
        },
    )
    name = "Course" + theirs.__name__.replace("_Weights", "Weights")
    members = {"PICTUREBOOK_V1": value, "DEFAULT": value}
    return CourseWeightsEnum(name, members, module=module, qualname=name)


def register(folder: Path = FOLDER, *, prefix: str = PREFIX) -> dict[str, type[WeightsEnum]]:
    """Make the enums of the models in a folder and register their builders with torchvision.

    A name that is registered already stays as it is, and its enum is the one given back.

    Args:
        folder: where the files and ``figures.json`` lie.
        prefix: what the registered names start with.

    Returns:
        torchvision's model name → the enum of its weights.
    """
    enums: dict[str, type[WeightsEnum]] = {}
    for name, row in sorted(read_figures(folder).items()):
        enum = make_enum(name, row, folder, module=__name__)
        builder = _builder(name, prefix + name, enum)
        try:
            from torchvision.models._api import register_model

            register_model(name=prefix + name)(builder)
        except ImportError:
            enums[name] = enum
        except ValueError:  # this module was imported before under another name, or reloaded
            enums[name] = get_model_weights(prefix + name)
        else:
            enums[name] = enum
    return enums


def course_weights_for(name: str) -> WeightsEnum | None:
    """The course's own weights for one of torchvision's models, or None when there are none.

    Example:
        >>> course_weights_for("vgg19") is None
        True
    """
    enum = _ENUMS.get(name.removeprefix(PREFIX))
    return None if enum is None else enum["DEFAULT"]


def _builder(name: str, registered_name: str, enum: type[CourseWeightsEnum]) -> Callable[..., nn.Module]:
    theirs = get_model_builder(name)

    def build(
        *,
        weights: enum | None = None,  # type: ignore[valid-type]
        progress: bool = True,
        **kwargs: Any,
    ) -> nn.Module:
        member = enum.verify(weights)
        classes = len(CATEGORIES) if member is None else len(member.meta["categories"])
        if member is not None and kwargs.get("num_classes", classes) != classes:
            raise WeightsError(
                f"{registered_name} has weights for {classes} classes, not for num_classes={kwargs['num_classes']}: "
                "leave num_classes out, or take weights=None."
            )
        model: nn.Module = theirs(weights=None, progress=progress, **{"num_classes": classes, **kwargs})
        if member is not None:
            model.load_state_dict(member.get_state_dict(progress=progress, check_hash=True))
        return model

    build.__name__ = build.__qualname__ = registered_name
    build.__doc__ = (
        f"Torchvision's ``{name}`` with {len(CATEGORIES)} outputs.\n\n"
        "Args:\n"
        f"    weights: a member of ``{enum.__name__}``, its name, or None for random weights.\n"
        "    progress: taken for torchvision's sake; there is nothing to download.\n"
        f"    kwargs: what torchvision's ``{name}`` takes.\n"
    )
    return build


_ENUMS = register()

#: Torchvision's names of the models that have course weights.
COURSE_MODELS: tuple[str, ...] = tuple(_ENUMS)

globals().update({enum.__name__: enum for enum in _ENUMS.values()})


def __getattr__(name: str) -> Any:  # for readers and type checkers: the enums' names come from figures.json
    raise AttributeError(
        f"course_lib.models.weights has no {name!r}; its enums are: {[enum.__name__ for enum in _ENUMS.values()]}"
    )
