"""``convert``: a classifier in, a network that slides over pictures of any size out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torchvision.models import get_model_weights

from course_lib import tracing
from course_lib.models.checkpoints.layouts import unwrapped
from course_lib.models.classifier import Classifier
from course_lib.networks.fcn import atrous, convolutions, head_graph, options
from course_lib.networks.fcn.fcn_error import FcnError
from course_lib.networks.fcn.fully import FullyConvolutional
from course_lib.networks.fcn.network import Network, take_apart
from course_lib.networks.fcn.remarks import about
from course_lib.networks.fcn.strides import find_steps
from course_lib.pictures.preprocessing import transform_settings
from course_lib.tracing import inputs

__all__ = ["convert", "side_of"]

_SIDE = 224
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
        pyramid: the scales at which a picture is looked at, such as (1.0, 0.5); the mean of their logits is given, each
            map read where the finest one has its cells.
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
    options.check(dense=dense, dilated=dilated, pyramid=pyramid, window=window, pool=pool)
    categories, found = None, None
    if isinstance(model, Classifier):
        categories, found, model = model.categories, transform_settings(model.transforms), model.model
    elif isinstance(model, str):
        window = side_of(model, window)
        found = transform_settings(_weights_of(model).transforms())
        model = inputs.build(model, real=True)
    elif not isinstance(model, nn.Module) or isinstance(model, torch.jit.ScriptModule):
        raise FcnError(f"convert wants a classifier, its nn.Module or a name such as 'resnet18'; not {_words(model)}.")
    size = window or (found.crop_hw[0] if found else _SIDE)
    network, stride, seen, remarks = _converted(model, size, dense=dense, dilated=dilated, pool=pool)
    mean, std = (found.mean, found.std) if found else (_MEAN, _STD)
    return FullyConvolutional(
        network,
        stride=stride,
        window=seen,
        pyramid=tuple(pyramid) or (1.0,),
        categories=categories,
        mean=mean,
        std=std,
        remarks=remarks,
    ).eval()


def side_of(name: str, window: int | None = None) -> int:
    """The side in pixels of the pictures for which a model of the registry is converted: its weights', else 224.

    The model is tried without memory for its weights.

    Raises:
        FcnError: it cannot be converted.
        ModelNameError: torchvision has no model of that name.

    Example:
        >>> side_of("inception_v3"), side_of("efficientnet_b3")
        (299, 300)
    """
    own = transform_settings(_weights_of(name).transforms()).crop_hw[0]
    model = inputs.build(name)
    for side in [window] if window else dict.fromkeys((own, _SIDE)):
        try:
            _converted(model, side)
            return side
        except FcnError as error:
            refusal = error
    raise refusal


def _converted(
    model: nn.Module, size: int, *, dense: bool = False, dilated: int = 0, pool: int | None = None
) -> tuple[Network, int, int, tuple[str, ...]]:
    """The network, pixels from cell to cell, the side of a cell's window, and what is to be said about it."""
    model = unwrapped(model)  # out of torch.compile and DataParallel, in whatever order
    network = take_apart(model, size)
    find_steps(network)
    head = head_graph.find(network)
    if pool is not None and not head.pooled:
        raise FcnError(
            f"pool={pool}: {type(network).__name__} has no pool over its whole last map that could be changed: "
            "its first linear layer takes more than one cell. Leave pool out."
        )
    remarks = about(network, head)
    rate = atrous.dilate(network, head, dilated) if dilated else 1
    moved = convolutions.slide(network, head, dense=dense or dilated > 0, pool=pool, rate=rate)
    _try_another_size(network, model)
    seen = size if pool is None else max(head.step, size - (head.side - pool) * head.step)
    return network, head.step * moved // rate, seen, remarks


def _try_another_size(network: Network, model: nn.Module) -> None:
    """A network that has its picture's size written into a layer is found by a trace at another size."""
    height, width = network.size * 3 // 2, network.size * 2
    error = _error_at(network, height, width)
    if error:
        error = _error_at(model, height, width) or error  # where the model stops, too, its module has a name
        raise FcnError(
            f"{type(network).__name__} cannot slide: only pictures of {network.size}×{network.size} go through it. "
            f"At {height}×{width}: {error.reason.partition(' What would fit')[0]}"
        ) from error


def _error_at(model: nn.Module, height: int, width: int) -> tracing.TraceError | None:
    try:
        tracing.trace(model, (3, height, width), mode="eval")
    except tracing.TraceError as error:
        return error
    return None


def _words(thing: object) -> str:
    if isinstance(thing, nn.Module):  # all of its layers would be written out
        return f"a {type(thing).__name__}"
    return f"the class {thing.__name__}" if isinstance(thing, type) else f"{thing!r} ({type(thing).__name__})"


def _weights_of(name: str) -> Any:
    try:
        return get_model_weights(name).DEFAULT
    except ValueError:
        inputs.build(name)  # says in a sentence that there is no such model
        raise
