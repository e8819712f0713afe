"""Look inside a model: the maps of any layer, the strongest channels, the first filters, and what one cell sees.

Built on torchvision's ``create_feature_extractor``; layers have its names, which are the trace's names too
(``course_lib.tracing``). The extractor is made once for a model and run as far as the layer asked for. The model itself
stays as it was: modes, hooks, statistics and gradients; it is looked at as it answers in eval mode. Nothing is drawn
here (``course_lib.drawing.map_figure`` and ``sight``).

What a cell sees of the picture (``field_of``, ``gradient_field`` …) stands in ``receptive`` and belongs here too.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from course_lib.tracing.features import LayerError, inside, map_order, run_layer, size_of
from course_lib.tracing.receptive import Box, effective, field_of, field_size, gradient_field
from course_lib.tracing.tracer import trace

__all__ = [
    "Box",
    "LayerError",
    "effective",
    "feature_maps",
    "field_of",
    "field_size",
    "filters",
    "gradient_field",
    "layers",
    "same_depth",
    "same_place",
    "sizes",
    "strongest",
]

# Kinds that rescale every channel, or only arrange: the layer before or after them shows the same.
_DULL = frozenset({
    "batch_norm", "layer_norm", "group_norm", "instance_norm", "dropout", "feature_dropout", "stochastic_depth", "pad",
    "chunk", "split", "getitem", "view", "reshape", "permute", "transpose", "contiguous", "unsqueeze", "flatten",
    "roll", "identity",
})  # fmt: skip


# -- which layers -----------------------------------------------------------------------------------------------------
def sizes(
    model: nn.Module, input_size: Sequence[int] = (3, 224, 224), *, every: bool = False
) -> dict[str, tuple[int, int, int]]:
    """The layers that have maps to look at, in the order they run: name → (channels, height, width).

    Args:
        model: any module that ``torch.fx`` can follow.
        input_size: (channels, height, width) of a picture.
        every: also normalisations and mere rearrangements, which show what their neighbours show.

    Raises:
        LayerError: the model cannot be followed by ``torch.fx``, or no layer of it has maps.
        TraceError: such a picture does not go through the model.

    Example:
        >>> from torchvision.models import resnet18
        >>> found = sizes(resnet18())
        >>> found["layer2.0.add"], "bn1" in found, "avgpool" in found
        ((128, 28, 28), False, False)
    """
    height, width = (int(n) for n in tuple(input_size)[-2:])
    found = {}
    for name, op in inside(model).ops(model, size_of(input_size)).items():
        if (every or op.plain not in _DULL) and (order := map_order(op, height, width)):
            _, channels, tall, wide = (op.output[dim] for dim in order)
            found[name] = (channels, tall, wide)
    if not found:
        raise LayerError(f"No layer of this {type(model).__name__} has maps (channels × height × width) to look at.")
    return found


def layers(model: nn.Module, input_size: Sequence[int] = (3, 224, 224), *, every: bool = False) -> tuple[str, ...]:
    """The names of the layers that have maps to look at, in the order they run; arguments and errors as ``sizes``.

    Example:
        >>> from torchvision.models import vgg11
        >>> layers(vgg11())[:4]
        ('features.0', 'features.1', 'features.2', 'features.3')
    """
    return tuple(sizes(model, input_size, every=every))


def same_depth(layer: str, before: Sequence[str], now: Sequence[str]) -> str:
    """The layer of another model that stands for ``layer``: the one of its name, else the one as far along the way.

    Args:
        layer: one of ``before``.
        before, now: the layers of the two models, in the order they run.

    Raises:
        LayerError: ``layer`` is none of ``before``, or there is no layer to take.

    Example:
        >>> same_depth("c", ["a", "b", "c", "d"], ["one", "two"]), same_depth("c", ["a", "c"], ["c", "d", "e"])
        ('two', 'c')
    """
    if layer not in before or not now:
        raise LayerError(
            f"{layer!r} is not among the layers to look at: {', '.join(before if now else now) or 'none'}."
        )
    return layer if layer in now else now[list(before).index(layer) * len(now) // len(before)]


def same_place(place: int, before: int, now: int) -> int:
    """The row (or column) of another map that lies over the middle of a row of this one; both cover the same picture.

    Args:
        place: from 0.
        before: how many rows there are in the map that ``place`` belongs to.
        now: how many there are in the other.

    Raises:
        LayerError: there is no such row, or the other map has none.

    Example:
        >>> same_place(111, 112, 7), same_place(3, 7, 56), same_place(0, 7, 56)
        (6, 28, 4)
    """
    if not 0 <= place < before or now < 1:
        raise LayerError(
            f"place={place}: a map of {before} has places from 0 to {before - 1}, and the other has {now}."
        )
    return (2 * place + 1) * now // (2 * before)


# -- maps -------------------------------------------------------------------------------------------------------------
def feature_maps(model: nn.Module, batch: Tensor, layer: str) -> Tensor:
    """What a layer makes of a batch, in eval mode.

    Args:
        model: on any device, in any mode; nothing of it changes.
        batch: (B, C, H, W), prepared with the model's own transforms.
        layer: one of ``layers(model, every=True)``.

    Returns:
        (B, channels, height, width) on the model's device, also for a model that keeps its channels last.

    Raises:
        LayerError: the batch is none, or the model has no such layer.

    Example:
        >>> from torchvision.models import resnet18
        >>> tuple(feature_maps(resnet18(), torch.zeros(2, 3, 64, 64), "layer1.0.relu_1"))[0].shape
        torch.Size([64, 16, 16])
    """
    with torch.no_grad():
        return run_layer(model, batch, layer)


def strongest(maps: Tensor, k: int) -> tuple[int, ...]:
    """The ``k`` channels with the largest mean size (absolute value) over all cells, the strongest first.

    Args:
        maps: (channels, height, width), or (B, channels, height, width): then over all pictures together.
        k: how many; all of them where there are fewer.

    Example:
        >>> strongest(torch.tensor([[[0.0, 1.0]], [[-4.0, -2.0]], [[2.0, 0.0]]]), 2)
        (1, 2)
    """
    if maps.dim() not in (3, 4):
        raise LayerError(f"Maps are (channels, height, width), with pictures in front or not, not {tuple(maps.shape)}.")
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise LayerError(f"k={k!r}: ask for at least 1 channel.")
    size = maps.detach().abs().mean(dim=tuple(d for d in range(maps.dim()) if d != maps.dim() - 3))
    return tuple(size.argsort(descending=True, stable=True)[:k].tolist())


def filters(model: nn.Module, input_size: Sequence[int] = (3, 224, 224)) -> tuple[Tensor, str]:
    """The weights of the first convolution that the picture meets, and its name.

    Returns:
        (filters, channels, height, width), a copy on the CPU; and the name of the parameter's module.

    Raises:
        LayerError: there is no convolution.

    Example:
        >>> from torchvision.models import resnet18
        >>> weights, name = filters(resnet18())
        >>> tuple(weights.shape), name
        ((64, 3, 7, 7), 'conv1')
    """
    for op in trace(model, tuple(input_size), mode="eval"):
        if op.plain == "conv2d":
            for weight in op.weights:
                if len(weight.shape) == 4:
                    values = dict(model.named_parameters())[weight.name]
                    return values.detach().float().cpu().clone(), weight.name.rpartition(".")[0] or weight.name
    raise LayerError(f"This {type(model).__name__} has no convolution, so it has no filters to look at.")
