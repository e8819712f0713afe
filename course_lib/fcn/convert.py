"""``convert``: a classifier in, a network that slides over pictures of any size out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn
from torchvision.models import get_model_weights

from course_lib.classifier import Classifier
from course_lib.fcn import atrous, heads
from course_lib.fcn.fully import FullyConvolutional
from course_lib.fcn.network import take_apart
from course_lib.fcn.strides import find_steps
from course_lib.preprocessing import Settings, settings
from course_lib.tracing import inputs

__all__ = ["convert"]

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's: what every model of torchvision is trained on


def convert(
    model: nn.Module | str | Classifier,
    *,
    dense: bool = False,
    dilated: int = 0,
    pyramid: Sequence[float] = (),
    window: int | None = None,
    pool: int | None = None,
) -> FullyConvolutional:
    """Make a classifier fully convolutional: logits for every place of a picture of any size.

    On a picture of the classifier's own size the result is the classifier's, to rounding. The model stays as it is; the
    new network has its own modules and buffers, but its weights are the model's own, in the same memory. For a
    network to train apart from the model, take ``copy.deepcopy`` of it.

    Args:
        model: a classifier whose head is pool → flatten → linear layers; a name of torchvision's registry (random
            weights); or a ``Classifier``, whose categories and normalisation come along.
        dense: the pool moves by one cell instead of its own side: windows that overlap, a map that is finer.
        dilated: how many of the last strides are taken out of the network and made up for by dilation; each halves the
            pixels from cell to cell. The pool then moves by one cell, too.
        pyramid: the scales at which a picture is looked at, such as (1.0, 0.5); the mean of the logits is given.
        window: side of the classifier's own pictures in pixels; None takes its weights', and 224 for a module.
        pool: side of the pool in cells, to look at more or less of the picture than the classifier did.

    Raises:
        FcnError: the model cannot be converted, or an option is wrong; the sentence says why.
        ModelNameError: torchvision has no model of that name.

    Example:
        >>> import torch
        >>> fcn = convert("resnet18")
        >>> fcn(torch.rand(1, 3, 387, 1024)).shape, fcn.stride, fcn.window
        (torch.Size([1, 1000, 1, 4]), 224, 224)
        >>> convert("resnet18", dense=True).cells(387, 1024)
        (7, 26)
    """
    categories: tuple[str, ...] | None = None
    found: Settings | None = None
    if isinstance(model, Classifier):
        categories, found, model = model.categories, settings(model.transforms), model.model
    elif isinstance(model, str):
        found = settings(_weights_of(model).transforms())
        model = inputs.build(model, real=True)
    if window is None:
        window = found.crop_hw[0] if found else 224
    network = take_apart(model, window)
    find_steps(network)
    head = heads.find(network)
    step = head.step
    rate = atrous.dilate(network, head, dilated) if dilated else 1
    moved = heads.slide(network, head, dense=dense or dilated > 0, pool=pool, rate=rate)
    seen = window if pool is None else max(step, window - (head.side - pool) * step)
    mean, std = (found.mean, found.std) if found else (_MEAN, _STD)
    made = FullyConvolutional(network, stride=step * moved // rate, window=seen, pyramid=tuple(pyramid) or (1.0,),
                              categories=categories, mean=mean, std=std)  # fmt: skip
    return made.eval()


def _weights_of(name: str) -> Any:
    try:
        return get_model_weights(name).DEFAULT
    except ValueError:
        inputs.build(name)  # says in a sentence that there is no such model
        raise
