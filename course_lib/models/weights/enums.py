"""A weights enum whose files lie on this disk: read in place, hash-checked, nothing downloaded and nothing copied.

Torchvision's ``WeightsEnum`` would copy the file into the hub's cache, check the hash only while copying, and unpickle
it without ``weights_only``. The enums are made from ``figures.json``, so a file's name, hash and accuracy stand
in one place only. Registering them is the package's business, not this file's.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

import torch
from torchvision.models import Weights, WeightsEnum, get_model_weights
from torchvision.transforms._presets import ImageClassification

from course_lib.models.weights.shelf import PREFIX, verified

__all__ = ["CourseWeightsEnum", "make_enum"]


class CourseWeightsEnum(WeightsEnum):  # type: ignore[misc]
    """What the course's enums have in common; it has no members itself, so that it may be inherited from."""

    def get_state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Read the weights where they lie, as float32.

        Args:
            args, kwargs: what torchvision's builders pass (``progress``, ``check_hash``): there is nothing to
                download and the hash is always checked, so they change nothing. ``map_location`` is kept.

        Raises:
            WeightsError: the file is missing, or its SHA-256 is not the recorded one.
        """
        path = verified(self.path, self.value.meta["sha256"])
        half = torch.load(path, map_location=kwargs.get("map_location", "cpu"), mmap=True, weights_only=True)
        return {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in half.items()}

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
