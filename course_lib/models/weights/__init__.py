"""The course's own weights: ten classes of the picture book, trained from scratch, no network needed.

Importing this package registers one builder a model with torchvision, under the names that start with ``course_``:

    >>> import torchvision, course_lib.models.weights
    >>> torchvision.models.list_models(include="course_*") == [f"course_{name}" for name in COURSE_MODELS]
    True

This is the only module that touches torchvision's ``register_model``, which is not public: where it is missing, the
enums and ``course_weights_for`` still work, and only torchvision's registry does not know the names.
"""

# No `from __future__ import annotations` here: torchvision finds a model's enum in the builder's evaluated annotation.

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn
from torchvision.models import WeightsEnum, get_model_builder, get_model_weights

from course_lib.errors import WeightsError
from course_lib.models.weights.enums import CourseWeightsEnum, make_enum
from course_lib.models.weights.shelf import CATEGORIES, FOLDER, PREFIX, read_figures, store

__all__ = ["CATEGORIES", "COURSE_MODELS", "CourseWeightsEnum", "course_weights_for", "register", "store"]


def register(folder: Path = FOLDER, *, prefix: str = PREFIX) -> dict[str, type[WeightsEnum]]:
    """Make the enums of the models on a shelf and register their builders with torchvision.

    A name that is registered already stays as it is, and its enum is the one given back.

    Args:
        folder: where the files and ``figures.json`` lie.
        prefix: what the registered names start with.

    Returns:
        torchvision's model name → the enum of its weights.
    """
    found: dict[str, type[WeightsEnum]] = {}
    for name, row in sorted(read_figures(folder).items()):
        enum = make_enum(name, row, folder, module=__name__)
        builder = _builder(name, prefix + name, enum)
        try:
            from torchvision.models._api import register_model

            register_model(name=prefix + name)(builder)
        except ImportError:
            found[name] = enum
        except ValueError:  # this module was imported before under another name, or reloaded
            found[name] = get_model_weights(prefix + name)
        else:
            found[name] = enum
    return found


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
        f"course_lib.models.weights has no {name!r}; its enums are: {[e.__name__ for e in _ENUMS.values()]}"
    )
