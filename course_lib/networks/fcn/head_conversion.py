"""The head of a classifier, found in its graph and turned into layers that slide over maps of any size.

The head is what follows the last map: pool → flatten → linear layers. Walking back from the logits finds it.

* A pool that takes the whole map becomes a pool with a window of the map's side at the classifier's own size.
* Flattening is left out. A linear layer after it becomes a convolution whose kernel is as large as what was flattened:
  1×1 after a global pool, 7×7 in VGG, 6×6 in AlexNet. Its weight is the linear layer's, in another shape.
* Layers that treat every number or every position separately (activation, dropout, normalisation of channels) stay.
* A last map with its channels at the end, (B, H, W, C), gets them in front first.

Long, Shelhamer and Darrell 2015, "Fully Convolutional Networks for Semantic Segmentation",
https://arxiv.org/abs/1411.4038.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torchvision.models.convnext import LayerNorm2d
from torchvision.ops import Permute

from course_lib.models.heads import steps_before
from course_lib.networks.fcn.dilation import AtrousPool2d
from course_lib.networks.fcn.fully_convolutional import FcnError
from course_lib.networks.fcn.fx_graph import (
    Network,
    channels_axis_of,
    insert,
    kind_of,
    layer_of,
    map_sides,
    replace,
    shape_of,
    step_of,
    tensor_inputs,
    window_settings,
    words_of,
)

__all__ = ["Head", "convert_head", "find_head"]

#: Layers and functions that pool, and whether they take the average or the maximum.
_POOLS = {
    nn.AdaptiveAvgPool2d: "avg",
    nn.AvgPool2d: "avg",
    nn.AdaptiveMaxPool2d: "max",
    nn.MaxPool2d: "max",
    "adaptive_avg_pool2d": "avg",
    "avg_pool2d": "avg",
    "mean": "avg",
    "adaptive_max_pool2d": "max",
    "max_pool2d": "max",
    "amax": "max",
}
_FLATTEN = {nn.Flatten, "flatten", "view", "reshape", "squeeze", "getitem"}
#: Functions that treat every number separately, and layers of torch.nn.modules.activation that do not.
_SEPARATE = {"relu", "relu_", "relu6", "dropout", "hardswish", "silu", "gelu", "tanh", "sigmoid", "leaky_relu", "elu",
          "contiguous", "float", "mul", "add", "truediv"}  # fmt: skip
_TOGETHER = (nn.Softmax, nn.LogSoftmax, nn.Softmax2d, nn.MultiheadAttention, nn.GLU, nn.PReLU, nn.Softmin)


# -- finding it -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Head:
    """Where a network's last map is, and what follows it.

    Attributes:
        last_map: the node that gives the last map.
        body: the nodes that the last map is made from, in order; the map's own is the last.
        steps: the nodes from there to the logits, in order.
        side: the map's side in cells at the classifier's own size.
        step: pixels of the picture from one cell of the map to the next.
        pooled: whether a pool takes the whole map (otherwise a linear layer does, as in VGG).
        channels_last: whether the map was (1, H, W, C) in the classifier; here its channels are in front.
    """

    last_map: fx.Node
    body: tuple[fx.Node, ...]
    steps: tuple[fx.Node, ...]
    side: int
    step: int
    pooled: bool
    channels_last: bool = False


def find_head(network: Network) -> Head:
    """Find a network's last map, and the nodes from there to the logits.

    Raises:
        FcnError: there is no head of the kind pool → flatten → linear layers; the sentence says what is there instead.
    """
    name = type(network).__name__
    output = next(node for node in network.graph.nodes if node.op == "output")
    logits = output.args[0]
    shape = shape_of(logits)
    if len(shape) == 4:
        raise FcnError(f"{name} gives a map already: {'×'.join(map(str, shape))} for one picture, not (1, classes).")
    if not isinstance(logits, fx.Node) or len(shape) != 2:
        answer = f"a tensor {shape}" if shape else f"a {type(logits).__name__.removeprefix('immutable_')}"
        raise FcnError(
            f"{name} isn't a classifier: one picture gives {answer}, not (1, classes), one number for each class."
        )
    last_map, *steps = steps_before(logits, _map_inputs, lambda node: _is_last_map(node, network))
    if not _is_last_map(last_map, network):
        tokens = [node for node in [last_map, *steps] if len(shape_of(node)) == 3 and shape_of(node)[1] > 1]
        if tokens:
            raise FcnError(_about_tokens(name, network, tokens[-1]))
        raise FcnError(
            f"{name} has no head of the kind pool → flatten → linear: {words_of(last_map, network)} puts "
            f"{len(_map_inputs(last_map))} tensors together after the last map."
        )
    for node in reversed(steps):
        if len(shape_of(node)) == 3:
            raise FcnError(_about_tokens(name, network, node))
    height, width = map_sides(last_map)
    if height != width:
        raise FcnError(f"{name}'s last map is {height}×{width} for a square picture; a square map is needed.")
    channels_last = channels_axis_of(last_map) == 3
    if channels_last:
        last_map = _channels_in_front(network, last_map, steps[0])
    pooled = math.prod(shape_of(steps[0])[2:] or (1,)) == 1 and kind_of(steps[0], network) in _POOLS
    step = step_of(last_map)
    if step * 1.5 < network.size / height:  # something other than a stride made the map smaller, too
        step = round(network.size / height)
    return Head(last_map, _body(last_map), tuple(steps), height, step, pooled, channels_last)


def _map_inputs(node: fx.Node) -> list[fx.Node]:
    """The nodes whose tensors a node takes, without the single numbers that are parameters (a learned scale)."""
    inputs = tensor_inputs(node)
    return [source for source in inputs if source.op != "get_attr" or math.prod(shape_of(source)) != 1] or inputs


def _channels_in_front(network: Network, last_map: fx.Node, after: fx.Node) -> fx.Node:
    """A new node ahead of ``after``: the last map (1, H, W, C) as (1, C, H, W)."""
    new = insert(network, f"{last_map.name}_channels_in_front", Permute([0, 3, 1, 2]), last_map, before=after)
    batch, height, width, channels = shape_of(last_map)
    new.meta = {**last_map.meta, "shape": (batch, channels, height, width), "channels": 1}
    after.replace_input_with(last_map, new)
    return new


def _body(last_map: fx.Node) -> tuple[fx.Node, ...]:
    needed, waiting = {last_map}, [last_map]
    while waiting:
        new = [source for source in waiting.pop().all_input_nodes if source not in needed]
        needed.update(new)
        waiting += new
    return tuple(node for node in last_map.graph.nodes if node in needed)


def _is_last_map(node: fx.Node, network: Network) -> bool:
    """A map of more than one cell; one that an adaptive pool has made belongs to the head."""
    kind = kind_of(node, network)
    adaptive = "adaptive" in str(getattr(kind, "__name__", kind)).lower()
    return math.prod(map_sides(node)) > 1 and not adaptive


def _about_tokens(name: str, network: Network, tokens: fx.Node) -> str:
    count, width = shape_of(tokens)[1:]
    for node in network.graph.nodes:
        value = _attribute(network, node)
        table = node.op == "get_attr" and isinstance(value, Tensor) and value.dim() == 3
        if table and value.shape[1] == count > 1 and "pos" in str(node.target):
            return (
                f"{name} cannot slide: its positional embedding ({node.target}) has exactly {count} rows of {width} "
                f"numbers, one for each token of a {network.size}×{network.size} picture; a larger picture "
                "has more tokens."
            )
    return f"{name} cannot slide: its classes are told from {count} tokens of {width} numbers, not from a map."


def _attribute(network: Network, node: fx.Node) -> Any:
    value: Any = network
    for part in str(node.target).split(".") if node.op == "get_attr" else ():
        value = getattr(value, part, None)
    return value


# -- converting it ----------------------------------------------------------------------------------------------------
def convert_head(network: Network, head: Head, *, dense: bool, pool: int | None, rate: int) -> int:
    """Replace the head's nodes by layers that slide over a map of any size.

    Args:
        dense: pools move by one cell; otherwise by their own side.
        pool: the pool's side in cells; None takes the classifier's own.
        rate: how many cells apart those are that were neighbours before strides were taken out (1: none were).

    Returns:
        How many cells of the last map lie between two cells of the logits' map.
    """
    graph, moved = network.graph, 1
    kernel, after = head.side, shape_of(head.last_map)
    for node in head.steps:
        kind, (source, *_) = kind_of(node, network), _map_inputs(node)
        before, after = after, shape_of(node)
        if kind in _POOLS and len(before) == 4 and before[2] > 1 and before[:2] == after[:2] and len(after) != 3:
            left = math.isqrt(math.prod(after[2:]) if len(after) == 4 else 1)  # the pooled map's side in cells
            if before[2] % left:
                raise FcnError(
                    f"{type(network).__name__}'s pool makes {left}×{left} cells out of {before[2]}×{before[3]}, by "
                    f"windows of unequal size; choose window= so that its map has {left} or {2 * left} "
                    "cells on each side."
                )
            side = pool if pool is not None and left == 1 else _side(node, network, before[2] // left)
            step = 1 if dense or side == 1 else side * rate
            replace(network, node, source, _pool(_POOLS[kind], side, step, rate))
            moved *= step
            rate = rate * side // step  # the next layer's neighbours are as many cells apart as this pool left between
            kernel = left
        elif kind in _FLATTEN and len(after) == 2 and after[1] == math.prod(before[1:]):
            kernel = before[2] if len(before) == 4 else kernel
            node.replace_all_uses_with(source)
            graph.erase_node(node)
        elif isinstance(layer := layer_of(node, network), nn.Linear):
            replace(network, node, source, _convolution(layer, kernel, rate, channels_last=head.channels_last))
            kernel = 1
        elif kernel == 1 and isinstance(layer, nn.BatchNorm1d | nn.LayerNorm) and len(before) == 2:
            replace(network, node, source, _channel_norm(layer))
        elif not _stays(node, network, before):
            raise FcnError(
                f"{type(network).__name__} has no head of the kind pool → flatten → linear: after its last map "
                f"there is {words_of(node, network)}, {_sizes(before)} → {_sizes(after)}."
            )
    graph.eliminate_dead_code()
    network.delete_all_unused_submodules()
    network.recompile()
    return moved


def _pool(kind: str, side: int, step: int, rate: int) -> nn.Module:
    if side == 1:
        return nn.Identity()
    if kind == "avg" and rate == 1:
        return nn.AvgPool2d(side, step)
    return AtrousPool2d(side, step, dilation=rate, kind=kind)


def _side(node: fx.Node, network: Network, adaptive: int) -> int:
    """A pool's side in cells: its own, or that of an adaptive pool's windows at the classifier's size."""
    own = window_settings(node, network)
    if own is None:
        return adaptive
    plain = own["padding"] in (0, (0, 0)) and own.get("dilation", 1) in (1, (1, 1)) and not own["ceil_mode"]
    side = own["kernel_size"] if isinstance(own["kernel_size"], tuple) else (own["kernel_size"],) * 2
    if not plain or side[0] != side[1] or own["stride"] not in (side[0], side):
        raise FcnError(
            f"{type(network).__name__}'s last pool ({words_of(node, network)}) pads, overlaps or is not square; a pool "
            f"of {adaptive}×{adaptive} cells that move by {adaptive} is needed."
        )
    return int(side[0])


def _convolution(linear: nn.Linear, kernel: int, rate: int, *, channels_last: bool) -> nn.Conv2d:
    """The linear layer as a convolution; the numbers are the same, in the same memory."""
    channels = linear.in_features // kernel**2
    with torch.device("meta"):
        conv = nn.Conv2d(channels, linear.out_features, kernel, dilation=rate if kernel > 1 else 1)
    weight = linear.weight.detach()
    if channels_last and kernel > 1:  # the rows were flattened with the channels at the end
        weight = weight.view(linear.out_features, kernel, kernel, channels).permute(0, 3, 1, 2)
    else:
        weight = weight.view(linear.out_features, channels, kernel, kernel)
    conv.weight = nn.Parameter(weight, requires_grad=linear.weight.requires_grad)
    conv.bias = linear.bias
    return conv


def _channel_norm(norm: nn.BatchNorm1d | nn.LayerNorm) -> nn.Module:
    """The same normalisation of the channels, for every cell of a map."""
    same: nn.Module
    if isinstance(norm, nn.LayerNorm):
        same = LayerNorm2d(norm.normalized_shape, norm.eps, norm.elementwise_affine)
    else:
        same = nn.BatchNorm2d(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
    same._parameters, same._buffers = norm._parameters, norm._buffers
    return same


def _stays(node: fx.Node, network: Network, before: tuple[int, ...]) -> bool:
    layer = layer_of(node, network)
    if layer is None:
        return kind_of(node, network) in _SEPARATE
    if isinstance(layer, nn.Conv2d):
        return layer.kernel_size == (1, 1)
    if isinstance(layer, nn.LayerNorm):  # torchvision's LayerNorm2d normalises channels; flattened, it would not fit
        return len(before) == 4
    module = type(layer).__module__
    separate = module.startswith(("torch.nn.modules.activation", "torch.nn.modules.dropout", "torchvision.ops"))
    return (separate and not isinstance(layer, _TOGETHER)) or isinstance(layer, nn.Identity | nn.BatchNorm2d)


def _sizes(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
