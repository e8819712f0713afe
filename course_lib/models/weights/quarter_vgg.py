"""``vgg11_quarter``: VGG's column A with a quarter of its channels, and weights for the picture book's ten classes.

It is torchvision's own ``VGG`` class without BatchNorm, small enough to come with the course (2.7 MB in half
precision) and to be built again by a learner, layer by layer (lesson 04). It was trained with a BatchNorm behind every
convolution; afterwards each was folded into its convolution, which changes no answer. ``python -m
tools.train_quarter_vgg`` does both: it gives a network of this kind, though not this file byte for byte.

Importing this file registers the builder with torchvision:

    >>> import torchvision, course_lib.models.weights
    >>> torchvision.models.list_models(include="vgg11_q*")
    ['vgg11_quarter']
"""

# No `from __future__ import annotations` here: torchvision finds a model's enum in the builder's evaluated annotation.

import contextlib
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import VGG, Weights, WeightsEnum
from torchvision.models.vgg import make_layers
from torchvision.transforms._presets import ImageClassification

from course_lib.errors import WeightsError
from course_lib.models.weights.weight_files import CATEGORIES, FOLDER, verified

__all__ = ["CFG", "VGG11_Quarter_Weights", "vgg11_quarter"]

#: Column A of the paper with a quarter of its channels.
CFG: tuple[int | str, ...] = (16, "M", 32, "M", 64, 64, "M", 128, 128, "M", 128, 128, "M")
HIDDEN = 128


class VGG11_Quarter_Weights(WeightsEnum):  # type: ignore[misc]
    """Weights of ``vgg11_quarter``, whose file comes with the course."""

    PICTUREBOOK_V1 = Weights(
        url=(FOLDER / "vgg11_quarter-f973fdc7.pth").as_uri(),
        transforms=partial(ImageClassification, crop_size=224),
        meta={
            "categories": list(CATEGORIES),
            "min_size": (32, 32),
            "num_params": 1_397_866,
            "recipe": "python -m tools.train_quarter_vgg",
            "_metrics": {"Picture book, easy": {"acc@1": 94.65}, "Picture book, standard": {"acc@1": 89.3}},
            "_ops": 0.485,
            "_file_size": 2.673,
            "_docs": "Trained from scratch on the drawn pictures of picturebook, ten classes: the thirteen tokens of "
            "VGG11 with a quarter of the channels.",
            "sha256": "f973fdc7ff0b5b8749e63696b9ff7c0c4cf10ba71763c06a31fedbccbbe1fe56",
        },
    )
    DEFAULT = PICTUREBOOK_V1

    def get_state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Read the weights where they lie, as float32, into memory of their own.

        Args:
            args, kwargs: what torchvision's builders pass (``progress``, ``check_hash``): there is nothing to download
                and the hash is always checked, so they change nothing. ``map_location`` is kept.

        Raises:
            WeightsError: the file is missing, or its SHA-256 is not the recorded one.
        """
        path = verified(FOLDER / self.url.rpartition("/")[2], self.meta["sha256"])
        half = torch.load(path, map_location=kwargs.get("map_location", "cpu"), weights_only=True)
        return {key: tensor.float() for key, tensor in half.items()}


def vgg11_quarter(*, weights: VGG11_Quarter_Weights | None = None, progress: bool = True, **kwargs: Any) -> VGG:
    """Torchvision's ``VGG`` of ``CFG``, with 128 instead of 4096 units in its hidden linear layers.

    Args:
        weights: a member of ``VGG11_Quarter_Weights``, its name, or None for random weights.
        progress: taken for torchvision's sake; there is nothing to download.
        kwargs: ``num_classes``, ``dropout`` and ``init_weights``, as for torchvision's ``VGG``.

    Raises:
        WeightsError: the weights are missing or were changed, or are for another number of classes.

    Example:
        >>> sum(parameter.numel() for parameter in vgg11_quarter().parameters())
        1397866
    """
    entry = VGG11_Quarter_Weights.verify(weights)
    classes = kwargs.pop("num_classes", len(CATEGORIES))
    if entry is not None and classes != len(CATEGORIES):
        raise WeightsError(
            f"vgg11_quarter has weights for {len(CATEGORIES)} classes, not for num_classes={classes}: leave "
            "num_classes out, or take weights=None."
        )
    dropout, init_weights = kwargs.pop("dropout", 0.5), kwargs.pop("init_weights", entry is None)
    with torch.device("meta"):  # the constructor's own head, 25 million numbers and more, is replaced below
        model = VGG(nn.Sequential(), init_weights=False, **kwargs)
    model.features = make_layers(list(CFG))
    model.classifier = nn.Sequential(
        nn.Linear(128 * 7 * 7, HIDDEN),
        nn.ReLU(True),
        nn.Dropout(dropout),
        nn.Linear(HIDDEN, HIDDEN),
        nn.ReLU(True),
        nn.Dropout(dropout),
        nn.Linear(HIDDEN, classes),
    )
    if init_weights:
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(module.bias)
    if entry is not None:
        model.load_state_dict(entry.get_state_dict())
    return model


# Neither is public: without them only torchvision's registry does not know the name. A learner's own stays as it is.
with contextlib.suppress(ImportError, ValueError):
    from torchvision.models._api import register_model

    register_model(name="vgg11_quarter")(vgg11_quarter)
