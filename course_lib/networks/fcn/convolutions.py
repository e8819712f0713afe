"""The head of a classifier (``heads``), turned into layers that slide.

* A pool that takes the whole map becomes a pool with a window of the map's side at the classifier's own size.
* Flattening goes; a linear layer after it becomes a convolution whose kernel is as large as what was flattened: 1×1
  after a global pool, 7×7 in VGG, 6×6 in AlexNet. Its weight is the linear layer's, seen in another shape.
* Whatever treats every number or every position alone (activation, dropout, normalisation of channels) stays.

Long, Shelhamer and Darrell 2015, "Fully Convolutional Networks for Semantic Segmentation",
https://arxiv.org/abs/1411.4038.
"""

from __future__ import annotations

import math

import torch
from torch import fx, nn
from torchvision.models.convnext import LayerNorm2d

from course_lib.networks.fcn.fcn_error import FcnError
from course_lib.networks.fcn.head_graph import POOLS, Head, kind_of, layer_of, words_of
from course_lib.networks.fcn.network import Network, replace, shape_of, tensor_inputs
from course_lib.networks.fcn.pools import AtrousPool2d
from course_lib.networks.fcn.strides import sliding

__all__ = ["slide"]

_FLATTEN = {nn.Flatten, "flatten", "view", "reshape", "squeeze", "getitem"}
_ALONE = {"relu", "relu_", "relu6", "dropout", "hardswish", "silu", "gelu", "tanh", "sigmoid", "leaky_relu", "elu",
          "contiguous", "float", "mul", "add", "truediv"}  # fmt: skip
_NOT_ALONE = (nn.Softmax, nn.LogSoftmax, nn.Softmax2d, nn.MultiheadAttention, nn.GLU, nn.PReLU, nn.Softmin)


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
        kind, (source, *_) = kind_of(node, network), tensor_inputs(node)
        before, after = after, shape_of(node)
        if kind in POOLS and len(before) == 4 and before[2] > 1 and before[:2] == after[:2] and len(after) != 3:
            kept = math.prod(after[2:]) if len(after) == 4 else 1
            left = math.isqrt(kept)
            if before[2] % left:
                raise FcnError(
                    f"{type(network).__name__}'s pool makes {left}×{left} cells out of {before[2]}×{before[3]}, by "
                    f"windows of unequal size; choose window= so that its map has {left} or {2 * left} cells a side."
                )
            side = pool if pool is not None and left == 1 else _side(node, network, before[2] // left)
            step = 1 if dense or side == 1 else side * rate
            replace(network, node, source, _pool(POOLS[kind], side, step, rate))
            moved *= step
            rate = rate * side // step  # the next layer's neighbours: as many cells apart as this pool left between
            kernel = left
        elif kind in _FLATTEN and len(after) == 2 and after[1] == math.prod(before[1:]):
            kernel = before[2] if len(before) == 4 else kernel
            node.replace_all_uses_with(source)
            graph.erase_node(node)
        elif isinstance(called := layer_of(node, network), nn.Linear):
            replace(network, node, source, _convolution(called, kernel, rate))
            kernel = 1
        elif kernel == 1 and isinstance(called, nn.BatchNorm1d | nn.LayerNorm) and len(before) == 2:
            replace(network, node, source, _normalise(called))
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
    """A pool's side in cells: its own, or what an adaptive one amounts to at the classifier's size."""
    what = sliding(node, network)
    if what is None:
        return adaptive
    plain = what["padding"] in (0, (0, 0)) and what.get("dilation", 1) in (1, (1, 1)) and not what["ceil_mode"]
    side = what["kernel_size"] if isinstance(what["kernel_size"], tuple) else (what["kernel_size"],) * 2
    if not plain or side[0] != side[1] or what["stride"] not in (side[0], side):
        raise FcnError(
            f"{type(network).__name__}'s last pool ({words_of(node, network)}) pads, overlaps or is not square; a pool "
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
    layer = layer_of(node, network)
    if layer is None:
        return kind_of(node, network) in _ALONE
    if isinstance(layer, nn.Conv2d):
        return layer.kernel_size == (1, 1)
    if isinstance(layer, nn.LayerNorm):  # torchvision's LayerNorm2d normalises channels; flattened, it would not fit
        return len(before) == 4
    module = type(layer).__module__
    own = module.startswith(("torch.nn.modules.activation", "torch.nn.modules.dropout", "torchvision.ops"))
    return (own and not isinstance(layer, _NOT_ALONE)) or isinstance(layer, nn.Identity | nn.BatchNorm2d)


def _sizes(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
