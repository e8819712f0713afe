"""From the last map to the logits: pool, flatten, linear layers, turned into layers that slide.

* A pool that takes the whole map becomes a pool with a window of the map's side at the classifier's own size.
* Flattening goes; a linear layer after it becomes a convolution whose kernel is as large as what was flattened: 1×1
  after a global pool, 7×7 in VGG, 6×6 in AlexNet. Its weight is the linear layer's, seen in another shape.
* Whatever treats every number or every position alone (activation, dropout, normalisation of channels) stays.

Long, Shelhamer and Darrell 2015, "Fully Convolutional Networks for Semantic Segmentation",
https://arxiv.org/abs/1411.4038. This file changes a graph (``network``); what stands before the last map is not its
own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torchvision.models.convnext import LayerNorm2d

from course_lib.fcn.errors import FcnError
from course_lib.fcn.network import Network, replace, shape_of, tensor_inputs
from course_lib.fcn.pools import AtrousPool2d
from course_lib.fcn.strides import sliding, step_of

__all__ = ["Head", "body", "find", "slide"]

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
_ALONE = {"relu", "relu_", "relu6", "dropout", "hardswish", "silu", "gelu", "tanh", "sigmoid", "leaky_relu", "elu",
          "contiguous", "float", "mul", "add", "truediv"}  # fmt: skip
_NOT_ALONE = (nn.Softmax, nn.LogSoftmax, nn.Softmax2d, nn.MultiheadAttention, nn.GLU, nn.PReLU, nn.Softmin)


@dataclass(frozen=True)
class Head:
    """Where a network's last map is, and what follows it.

    Attributes:
        last_map: the node that gives the last map.
        steps: the nodes from there to the logits, in order.
        side: the map's side in cells at the classifier's own size.
        step: pixels of the picture from one cell of the map to the next.
        pooled: the pool takes the whole map (otherwise a linear layer does, as in VGG).
    """

    last_map: fx.Node
    steps: tuple[fx.Node, ...]
    side: int
    step: int
    pooled: bool


def find(network: Network) -> Head:
    """The head of a network: walk back from the logits until there is a map.

    Raises:
        FcnError: there is no head of the kind pool → flatten → linear layers; the sentence says what is there instead.
    """
    name = type(network).__name__
    output = next(node for node in network.graph.nodes if node.op == "output")
    logits = output.args[0]
    shape = shape_of(logits)
    if not isinstance(logits, fx.Node) or len(shape) != 2:
        what = f"a tensor {shape}" if shape else f"a {type(logits).__name__.removeprefix('immutable_')}"
        raise FcnError(
            f"{name} is no classifier: one picture gives {what}, not (1, classes), one number for each class."
        )
    steps = [logits]
    while True:
        inputs = tensor_inputs(steps[0])
        if len(inputs) != 1 or steps[0].op == "placeholder":
            raise FcnError(
                f"{name} has no head of the kind pool → flatten → linear: {_words(steps[0], network)} puts "
                f"{len(inputs)} tensors together after the last map."
            )
        before = inputs[0]
        if _is_map(before) and not _is_adaptive(before, network):
            break
        if len(shape_of(before)) == 3:
            raise FcnError(_about_tokens(name, network, before))
        steps.insert(0, before)
    height, width = shape_of(before)[2:]
    if height != width:
        raise FcnError(f"{name}'s last map is {height}×{width} for a square picture; a square map is needed.")
    whole = math.prod(shape_of(steps[0])[2:] or (1,)) == 1 and _kind(steps[0], network) in _POOLS
    step = step_of(before)
    if step * 1.5 < network.size / height:  # something else than a stride made the map smaller, too
        step = round(network.size / height)
    return Head(before, tuple(steps), height, step, whole)


def body(head: Head) -> list[fx.Node]:
    """The nodes that the last map is made from, in order; the map's own is the last."""
    needed, waiting = {head.last_map}, [head.last_map]
    while waiting:
        new = [one for one in waiting.pop().all_input_nodes if one not in needed]
        needed.update(new)
        waiting += new
    return [node for node in head.last_map.graph.nodes if node in needed]


def slide(network: Network, head: Head, *, dense: bool, pool: int | None, rate: int) -> int:
    """Change the head's nodes so that they slide over a map of any size.

    Args:
        dense: pools move by one cell; otherwise by their own side.
        pool: another side for the pool than the classifier's own, in cells.
        rate: how many cells apart those stand that were neighbours before strides were taken out (1: none were).

    Returns:
        How many cells of the last map lie between two cells of the logits' map.
    """
    graph, moved = network.graph, 1
    kernel, after = head.side, shape_of(head.last_map)
    for node in head.steps:
        kind, (source, *_) = _kind(node, network), tensor_inputs(node)
        before, after = after, shape_of(node)
        if kind in _POOLS and len(before) == 4 and before[2] > 1 and before[:2] == after[:2] and len(after) != 3:
            kept = math.prod(after[2:]) if len(after) == 4 else 1
            left = math.isqrt(kept)
            if before[2] % left:
                raise FcnError(
                    f"{type(network).__name__}'s pool makes {left}×{left} cells out of {before[2]}×{before[3]}, by "
                    f"windows of unequal size; choose window= so that its map has {left} or {2 * left} cells a side."
                )
            side = pool if pool is not None and left == 1 else _side(node, network, before[2] // left)
            step = 1 if dense else side * rate
            if side == 1:
                layer: nn.Module = nn.Identity()
                step = 1
            elif rate == 1 and _POOLS[kind] == "avg":
                layer = nn.AvgPool2d(side, step)
            else:
                layer = AtrousPool2d(side, step, dilation=rate, kind=_POOLS[kind])
            moved *= step
            rate = rate * side if dense else max(1, rate * side // step)
            kernel = left
            replace(network, node, source, layer)
        elif kind in _FLATTEN and len(after) == 2 and after[1] == math.prod(before[1:]):
            kernel = before[2] if len(before) == 4 else kernel
            node.replace_all_uses_with(source)
            graph.erase_node(node)
        elif isinstance(layer_ := _layer(node, network), nn.Linear):
            replace(network, node, source, _convolution(layer_, kernel, rate))
            kernel = 1
        elif kernel == 1 and isinstance(layer_, nn.BatchNorm1d | nn.LayerNorm) and len(before) == 2:
            replace(network, node, source, _normalise(layer_))
        elif not _stays(node, network, before):
            raise FcnError(
                f"{type(network).__name__} has no head of the kind pool → flatten → linear: after its last map "
                f"there is {_words(node, network)}, {_sizes(before)} → {_sizes(after)}."
            )
    graph.eliminate_dead_code()
    network.delete_all_unused_submodules()
    network.recompile()
    return moved


def _side(node: fx.Node, network: Network, adaptive: int) -> int:
    """A pool's side in cells: its own, or what an adaptive one amounts to at the classifier's size."""
    what = sliding(node, network)
    if what is None:
        return adaptive
    plain = what["padding"] in (0, (0, 0)) and what.get("dilation", 1) in (1, (1, 1)) and not what["ceil_mode"]
    side = what["kernel_size"] if isinstance(what["kernel_size"], tuple) else (what["kernel_size"],) * 2
    if not plain or side[0] != side[1] or what["stride"] not in (side[0], side):
        raise FcnError(
            f"{type(network).__name__}'s last pool ({_words(node, network)}) pads, overlaps or is not square; a pool "
            f"of {adaptive}×{adaptive} cells that move by {adaptive} is needed."
        )
    return int(side[0])


def _convolution(linear: nn.Linear, kernel: int, rate: int) -> nn.Conv2d:
    """The linear layer as a convolution; the numbers are the same, in the same memory."""
    channels = linear.in_features // kernel**2
    with torch.device("meta"):
        made = nn.Conv2d(channels, linear.out_features, kernel, dilation=rate if kernel > 1 else 1)
    weight = linear.weight.detach().view(linear.out_features, channels, kernel, kernel)
    made.weight = nn.Parameter(weight, requires_grad=linear.weight.requires_grad)
    made.bias = linear.bias
    return made


def _normalise(norm: nn.BatchNorm1d | nn.LayerNorm) -> nn.Module:
    """The same normalisation of the channels, for every cell of a map."""
    made: nn.Module
    if isinstance(norm, nn.LayerNorm):
        made = LayerNorm2d(norm.normalized_shape, norm.eps, norm.elementwise_affine)
    else:
        made = nn.BatchNorm2d(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
    made._parameters, made._buffers = norm._parameters, norm._buffers
    return made


def _stays(node: fx.Node, network: Network, before: tuple[int, ...]) -> bool:
    layer = _layer(node, network)
    if layer is None:
        return _kind(node, network) in _ALONE
    if isinstance(layer, nn.Conv2d):
        return layer.kernel_size == (1, 1)
    if isinstance(layer, nn.LayerNorm):  # torchvision's LayerNorm2d normalises channels; flattened, it would not fit
        return len(before) == 4
    module = type(layer).__module__
    own = module.startswith(("torch.nn.modules.activation", "torch.nn.modules.dropout", "torchvision.ops"))
    return (own and not isinstance(layer, _NOT_ALONE)) or isinstance(layer, nn.Identity | nn.BatchNorm2d)


def _layer(node: fx.Node, network: Network) -> nn.Module | None:
    return network.get_submodule(str(node.target)) if node.op == "call_module" else None


def _kind(node: fx.Node, network: Network) -> Any:
    layer = _layer(node, network)
    if layer is not None:
        return type(layer)
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")


def _is_map(node: fx.Node) -> bool:
    shape = shape_of(node)
    return len(shape) == 4 and shape[2] * shape[3] > 1


def _is_adaptive(node: fx.Node, network: Network) -> bool:
    return "adaptive" in str(getattr(_kind(node, network), "__name__", _kind(node, network))).lower()


def _words(node: fx.Node, network: Network) -> str:
    layer = _layer(node, network)
    return f"{node.target} ({type(layer).__name__})" if layer is not None else f"{_kind(node, network)}()"


def _sizes(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def _about_tokens(name: str, network: Network, tokens: fx.Node) -> str:
    count, width = shape_of(tokens)[1:]
    for node in network.graph.nodes:
        value = _attribute(network, node)
        if node.op == "get_attr" and isinstance(value, Tensor) and value.dim() == 3 and value.shape[1] == count:
            return (
                f"{name} cannot slide: its positional embedding ({node.target}) has exactly {count} rows of {width} "
                f"numbers, one for each token of a {network.size}×{network.size} picture; larger ones have more."
            )
    return f"{name} cannot slide: its classes are told from {count} tokens of {width} numbers, not from a map."


def _attribute(network: Network, node: fx.Node) -> Any:
    value: Any = network
    for part in str(node.target).split(".") if node.op == "get_attr" else ():
        value = getattr(value, part, None)
    return value
