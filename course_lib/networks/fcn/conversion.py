"""``convert``: a classifier in, a network that slides over pictures of any size out.

Also what stands around it: ``KINDS``, the options for five kinds of map; the checks of the options; and the remarks on
layers that see more than one window.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import fx, nn
from torchvision.models import get_model_weights

from course_lib import tracing
from course_lib.models.checkpoints.layouts import unwrapped
from course_lib.models.classifier import Classifier
from course_lib.networks.fcn.dilation import dilate
from course_lib.networks.fcn.fully_convolutional import FcnError, FullyConvolutional
from course_lib.networks.fcn.fx_graph import Network, pools_everything, take_apart
from course_lib.networks.fcn.head_conversion import convert_head, find_head
from course_lib.pictures.preprocessing import transform_settings
from course_lib.tracing import inputs

__all__ = ["KINDS", "convert", "side_of"]

#: Five kinds of map, from coarse to fine: name → the options of ``convert``, as in
#: ``convert(classifier, **KINDS["dense"])``.
#:
#: Pools and scales were chosen by measuring them on scenes of their own (``tools.weight_seeds.SCENE_TUNING_SEEDS``);
#: ``benchmarks/localisation.py`` measures how good they are on other scenes. The pool matters because of what the
#: course's weights were trained on: pictures of 112 to 192 pixels, whose last maps are 4×4 to 6×6 cells. A pool of 4×4
#: cells looks at 128 pixels at a time, as in training; with the 7×7 cells of a 224-pixel picture, an object is only a
#: part of what is averaged, and its box comes out too large.
KINDS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "plain": {},
        "dense": {"dense": True},
        "pool of 4": {"dense": True, "pool": 4},
        "dilated": {"dilated": 1, "pool": 4},
        "pyramid": {"dense": True, "pool": 2, "pyramid": (1.0, 0.5)},
    }
)

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
    """Make a classifier fully convolutional: it then gives logits for every position of a picture of any size.

    On a picture of the classifier's own size the result equals the classifier's, except for rounding. A few networks
    take only pictures whose sides are multiples of 32 or another number (``multiple``). The model stays
    as it is. The new network has its own modules and buffers, but its weights share the model's memory; to train the
    network independently of the model, take a ``copy.deepcopy`` of it.

    Args:
        model: a classifier whose head is pool → flatten → linear layers; a name of torchvision's registry (random
            weights); or a ``Classifier``, whose categories and normalisation come along.
        dense: the pool moves by one cell instead of by its own side: the windows overlap, and the map is finer.
        dilated: how many of the last strides are taken out of the network and made up for by dilation; each halves the
            pixels from cell to cell. The pool then moves by one cell, too.
        pyramid: the scales at which a picture is looked at, such as (1.0, 0.5); the result is the mean of their logits,
            each map interpolated at the cells of the finest one.
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
    _check_options(dense=dense, dilated=dilated, pyramid=pyramid, window=window, pool=pool)
    categories, preprocessing = None, None
    if isinstance(model, Classifier):
        categories, preprocessing, model = model.categories, transform_settings(model.transforms), model.model
    elif isinstance(model, str):
        window = side_of(model, window)
        preprocessing = transform_settings(_weights_of(model).transforms())
        model = inputs.build(model, real=True)
    elif not isinstance(model, nn.Module) or isinstance(model, torch.jit.ScriptModule):
        raise FcnError(
            f"convert expects a classifier, its nn.Module or a name such as 'resnet18'; not {_words(model)}."
        )
    size = window or (preprocessing.crop_hw[0] if preprocessing else _SIDE)
    network, stride, cell_window, multiple, remarks = _converted(model, size, dense=dense, dilated=dilated, pool=pool)
    mean, std = (preprocessing.mean, preprocessing.std) if preprocessing else (_MEAN, _STD)
    return FullyConvolutional(
        network,
        stride=stride,
        window=cell_window,
        multiple=multiple,
        pyramid=tuple(pyramid) or (1.0,),
        categories=categories,
        mean=mean,
        std=std,
        remarks=remarks,
    ).eval()


def side_of(name: str, window: int | None = None) -> int:
    """The side in pixels of the pictures for which a model of the registry is converted: its weights', else 224.

    The model is built and converted on the meta device, without memory for its weights.

    Args:
        window: the only side to try; None tries both.

    Raises:
        FcnError: the model cannot be converted.
        ModelNameError: torchvision has no model of that name.

    Example:
        >>> side_of("inception_v3"), side_of("efficientnet_b3")
        (299, 300)
    """
    weights_side = transform_settings(_weights_of(name).transforms()).crop_hw[0]
    model = inputs.build(name)
    for side in [window] if window else dict.fromkeys((weights_side, _SIDE)):
        try:
            _converted(model, side)
            return side
        except FcnError as error:
            refusal = error
    raise refusal


def _converted(
    model: nn.Module, size: int, *, dense: bool = False, dilated: int = 0, pool: int | None = None
) -> tuple[Network, int, int, int, tuple[str, ...]]:
    """The network, pixels from cell to cell, the side of a cell's window, the sides' multiple, and the remarks."""
    model = unwrapped(model)  # out of torch.compile and DataParallel, in whatever order
    network = take_apart(model, size)
    head = find_head(network)
    if pool is not None and not head.pooled:
        raise FcnError(
            f"pool={pool}: {type(network).__name__} has no pool over its whole last map that could be changed: "
            "its first linear layer takes more than one cell. Leave pool out."
        )
    remarks = _remarks(head.body)
    rate = dilate(network, head.body, dilated, step=head.step) if dilated else 1
    moved = convert_head(network, head, dense=dense or dilated > 0, pool=pool, rate=rate)
    multiple = _multiple(network, model)
    if multiple > 1:
        remarks += (f"The sides of a picture must be multiples of {multiple} pixels: its branches fit only then.",)
    window = size if pool is None else max(head.step, size - (head.side - pool) * head.step)
    return network, head.step * moved // rate, window, multiple, remarks


def _multiple(network: Network, model: nn.Module) -> int:
    """Of how many pixels the sides of a picture must be multiples: 1 for most networks; found by traces.

    Networks whose branches round their sizes differently (DLA, HRNet) or whose windows are not padded take only
    multiples, such as 32.

    Raises:
        FcnError: the network has the size of its pictures written into a layer; the sentence names the layer.
    """
    size = network.size
    height, width = size * 3 // 2, size * 2
    error = _error_at(network, height, width)
    if error is None:
        return 1
    if not _error_at(network, size * 2, size * 3):  # each multiple goes up to the side itself
        for multiple in (side for side in range(2, size + 1) if size % side == 0):
            others = ((size + multiple, size), (size + 2 * multiple, size + 3 * multiple))
            if not any(_error_at(network, *other) for other in others):
                return multiple
    squares = (side for side in (size + 32, size * 2, size * 3) if not _error_at(network, side, side))
    taken = "square pictures" if next(squares, 0) else f"pictures of {size}×{size}"
    error = _error_at(model, height, width) or error  # the model knows the name of the module where it stops
    raise FcnError(
        f"{type(network).__name__} cannot slide: only {taken} go through it. "
        f"At {height}×{width}: {error.reason.partition(' To fix it, use')[0][:600]}"
    ) from error


def _error_at(model: nn.Module, height: int, width: int) -> tracing.TraceError | None:
    try:
        tracing.trace(model, (3, height, width), mode="eval")
    except tracing.TraceError as error:
        return error
    return None


def _words(thing: object) -> str:
    if isinstance(thing, nn.Module):  # its repr writes out every layer
        return f"a {type(thing).__name__}"
    return f"the class {thing.__name__}" if isinstance(thing, type) else f"{thing!r} ({type(thing).__name__})"


def _weights_of(name: str) -> Any:
    try:
        return get_model_weights(name).DEFAULT
    except ValueError:
        inputs.build(name)  # says in a sentence that there is no such model
        raise


def _check_options(*, dense: Any, dilated: Any, pyramid: Any, window: Any, pool: Any) -> None:
    """Refuse options that make no sense, with an FcnError that says what was given and what is expected."""
    if not isinstance(dense, bool):
        raise FcnError(f"dense={dense!r}: say True or False; the number of strides to take out is dilated=.")
    if not _is_whole(dilated, 0):
        raise FcnError(f"dilated={dilated!r}: give how many strides are taken out, a whole number of at least 0.")
    if not isinstance(pyramid, tuple | list) or not all(map(_is_scale, pyramid)):
        raise FcnError(f"pyramid={pyramid!r}: give the scales in brackets, numbers above 0, such as (1.0, 0.5).")
    if window is not None and not _is_whole(window, 1):
        raise FcnError(f"window={window!r}: give the side of the classifier's own pictures in pixels, such as 224.")
    if pool is not None and not _is_whole(pool, 1):
        raise FcnError(f"pool={pool!r}: give the pool's side in cells, a whole number of at least 1.")


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_scale(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0


def _remarks(body: Sequence[fx.Node]) -> tuple[str, ...]:
    """Sentences about the layers whose output depends on more than a cell's window; none for most networks."""
    remarks = []
    pools = sum(map(pools_everything, body))
    if pools:
        layers = "1 layer pools" if pools == 1 else f"{pools} layers pool"
        remarks.append(
            f"{layers} the whole picture (squeeze and excitation): every cell depends a little on all of it."
        )
    attending = sum(
        "attention" in node.name or node.name.startswith("softmax") for node in body if node.op == "call_function"
    )
    if attending:
        layers = "1 layer attends" if attending == 1 else f"{attending} layers attend"
        remarks.append(
            f"{layers} to windows that are laid from the picture's top left corner: these aren't convolutions, and "
            "what a cell says depends on where the windows' borders fall."
        )
    return tuple(remarks)
