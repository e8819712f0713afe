"""Strides taken out of a network, with dilation instead: a finer map from the same weights.

A layer with stride 2 keeps every second cell. Without the stride all of them are kept, and what follows has to take
every second cell to see what it saw before: its kernel is dilated ("à trous", with holes). Every second cell of the new
map is then exactly a cell of the old one, and the cells between them are new. Pools have to be dilated, too, and
PyTorch's average pool has no ``dilation``: ``AtrousPool2d`` has one.

Holschneider, Kronland-Martinet, Morlet and Tchamitchian 1990; Yu and Koltun 2016, "Multi-Scale Context Aggregation by
Dilated Convolutions", https://arxiv.org/abs/1511.07122. ``torchvision.models.resnet50`` has it built in for its own
blocks (``replace_stride_with_dilation``); here it is found from the graph, for any network.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from course_lib.models.weights.efficientnet_lite import SamePad2d
from course_lib.networks.fcn.fully_convolutional import FcnError
from course_lib.networks.fcn.fx_graph import (
    Network,
    insert,
    layer_of,
    pools_everything,
    replace,
    step_of,
    window_settings,
)

__all__ = ["AtrousPool2d", "EveryNth", "dilate"]


def dilate(network: Network, body: Sequence[fx.Node], levels: int, *, step: int) -> int:
    """Take the last ``levels`` strides out of a network.

    Args:
        body: the nodes that the last map is made from, in order.
        step: pixels from one cell of the last map to the next.

    Returns:
        How many cells of the new map lie between two cells of the old one.

    Raises:
        FcnError: the network has fewer strides, or a layer cannot be dilated.
    """
    steps = sorted({step_of(node) for node in body})
    if steps[-1] != step:
        raise FcnError(
            f"{type(network).__name__}'s map is made smaller by something that is neither a convolution "
            "nor a pool (its "
            f"cells are {step} pixels apart, {steps[-1]} by those alone); its strides cannot be taken out."
        )
    if levels >= len(steps):
        raise FcnError(
            f"dilated={levels}: {type(network).__name__} has {len(steps) - 1} strides, and its last map's cells are "
            f"{steps[-1]} pixels apart. Give a number from 0 to {len(steps) - 1}."
        )
    finest = steps[len(steps) - 1 - levels]
    rates: dict[Any, tuple[int, int]] = {}
    for node in body:
        # How many cells of the finer maps lie between two old ones, in the map that comes in and in the node's own.
        rate_before = max(1, max(map(step_of, node.all_input_nodes), default=1) // finest)
        rate_after = max(1, step_of(node) // finest)
        settings = window_settings(node, network)
        if rate_before == rate_after == 1:
            continue
        if node.target in rates:  # a layer that is called again has been dilated already
            if rates[node.target] != (rate_before, rate_after):
                name = type(network).__name__
                raise FcnError(f"{name} uses {node.target} at two strides; it cannot be dilated at both.")
        elif settings:
            if node.op == "call_module":
                rates[node.target] = rate_before, rate_after
            _spread(network, node, settings, rate_before, stride=1 if rate_after > rate_before else None)
        elif pools_everything(node):
            _take_old_cells(network, node, rate_before)
        elif isinstance(layer := layer_of(node, network), nn.ZeroPad2d):
            _spread_padding(network, node, layer, rate_before)
    return steps[-1] // finest


def _spread(network: Network, node: fx.Node, settings: dict[str, Any], rate: int, *, stride: int | None) -> None:
    """Dilate a convolution or pool so that it reads cells ``rate`` apart; set its stride unless that is None."""
    layer = layer_of(node, network)
    if isinstance(layer, nn.Conv2d):
        if isinstance(layer.padding, str) and stride:
            raise FcnError(f"{node.target} pads with {layer.padding!r}; give its padding in cells to dilate it.")
        layer.stride = (stride, stride) if stride else layer.stride
        layer.dilation = (layer.dilation[0] * rate, layer.dilation[1] * rate)
        if not isinstance(layer.padding, str):
            layer.padding = (layer.padding[0] * rate, layer.padding[1] * rate)
        layer._reversed_padding_repeated_twice = [n * rate for n in layer._reversed_padding_repeated_twice]
        return
    kernel, padding = _side(settings["kernel_size"]), _side(settings["padding"])
    if settings["kind"] == "avg" and (
        settings.get("divisor_override") or settings["ceil_mode"] or (padding and not settings["count_include_pad"])
    ):
        raise FcnError(f"{node.target} is an average pool that counts its cells in its own way and cannot be dilated.")
    pool = AtrousPool2d(
        kernel,
        stride or _side(settings["stride"]),
        padding=padding * rate,
        dilation=_side(settings.get("dilation", 1)) * rate,
        kind=settings["kind"],
        ceil=_side(settings["stride"]) if settings["ceil_mode"] else 1,
    )
    replace(network, node, node.all_input_nodes[0], pool)


def _spread_padding(network: Network, node: fx.Node, layer: nn.ZeroPad2d, rate: int) -> None:
    """Put as many of the old map's cells around the map as before; a layer may be called elsewhere, at another rate."""
    wider = copy.deepcopy(layer)
    if isinstance(wider, SamePad2d):
        wider.dilation *= rate
    else:
        wider.padding = tuple(cells * rate for cells in layer.padding)  # type: ignore[assignment]
    new = insert(network, f"{node.name}_dilated", wider, node.all_input_nodes[0], before=node)
    new.meta = dict(node.meta)
    node.replace_all_uses_with(new)
    network.graph.erase_node(node)


def _take_old_cells(network: Network, node: fx.Node, rate: int) -> None:
    """Let a pool over the whole map (squeeze and excitation) take only the cells that it took before."""
    source = node.all_input_nodes[0]
    new = insert(network, f"{node.name}_cells", EveryNth(rate), source, before=node)
    new.meta = dict(source.meta)
    node.replace_input_with(source, new)


def _side(value: Any) -> int:
    if isinstance(value, tuple | list):
        if len(set(value)) > 1:
            raise FcnError(f"A pool of {value[0]}×{value[1]} is not square and cannot be dilated.")
        value = value[0]
    return int(value)


class AtrousPool2d(nn.Module):
    """Average or maximum over ``kernel_size`` × ``kernel_size`` cells that are ``dilation`` cells apart.

    Args:
        kernel_size: cells on a side.
        stride: from window to window.
        padding: cells around the map: zeros that count in an average, and are ignored by a maximum.
        dilation: distance between the cells that a window takes.
        kind: "avg" or "max".
        ceil: the stride that was taken out of a pool in ceil mode; its last window may reach beyond the map.

    Example:
        >>> pool = AtrousPool2d(2, 1, dilation=2, kind="avg")
        >>> pool(torch.tensor([[[[1.0, 50.0, 3.0], [50.0, 50.0, 50.0], [5.0, 50.0, 7.0]]]]))
        tensor([[[[4.]]]])
    """

    def __init__(
        self,
        kernel_size: int,
        stride: int = 1,
        *,
        padding: int = 0,
        dilation: int = 1,
        kind: str = "avg",
        ceil: int = 1,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.dilation = kernel_size, stride, dilation
        self.padding, self.kind, self.ceil = padding, kind, ceil

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, h, w)."""
        if self.padding or self.ceil > 1:
            front, (below, right) = self.padding, map(self._padding_behind, x.shape[-2:])
            x = F.pad(x, (front, right, front, below), value=0.0 if self.kind == "avg" else float("-inf"))
        if self.kind == "max":
            return F.max_pool2d(x, self.kernel_size, self.stride, dilation=self.dilation)
        if self.dilation == 1:
            return F.avg_pool2d(x, self.kernel_size, self.stride)
        channels, cells = x.shape[1], self.kernel_size**2
        share = torch.full((channels, 1, self.kernel_size, self.kernel_size), 1 / cells, dtype=x.dtype, device=x.device)
        return F.conv2d(x, share, stride=self.stride, dilation=self.dilation, groups=channels)

    def _padding_behind(self, cells: int) -> int:
        """The old map had ⌈cells / dilation⌉ cells, and in ceil mode its last window may have reached beyond them."""
        old_cells = -(-(cells + 2 * self.padding) // self.dilation)
        return self.padding + self.dilation * ((self.kernel_size - old_cells) % self.ceil)

    def extra_repr(self) -> str:
        """The settings that are printed in the module's brackets."""
        return (
            f"{self.kind}, kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}"
        )


class EveryNth(nn.Module):
    """Every ``n``-th cell of every ``n``-th row: the cells that a network had before its strides were taken out.

    Example:
        >>> EveryNth(2)(torch.arange(9.0).view(1, 1, 3, 3))
        tensor([[[[0., 2.],
                  [6., 8.]]]])
    """

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, ⌈H/n⌉, ⌈W/n⌉)."""
        return x[:, :, :: self.n, :: self.n]

    def extra_repr(self) -> str:
        """The settings that are printed in the module's brackets."""
        return f"n={self.n}"
