"""Strides taken out of a network, and dilation instead: a finer map from the same weights.

A layer with stride 2 keeps every second cell. Without the stride all of them are kept, and what follows has to take
every second cell to see what it saw before: its kernel is dilated ("à trous", with holes). Every second cell of the new
map is then exactly a cell of the old one, and the cells between them are new.

Holschneider, Kronland-Martinet, Morlet and Tchamitchian 1990; Yu and Koltun 2016, "Multi-Scale Context Aggregation by
Dilated Convolutions", https://arxiv.org/abs/1511.07122. ``torchvision.models.resnet50`` has it built in for its own
blocks (``replace_stride_with_dilation``); here it is found from the graph, for any network.
"""

from __future__ import annotations

from typing import Any

from torch import fx, nn

from course_lib.networks.fcn.fcn_error import FcnError
from course_lib.networks.fcn.head_graph import Head, body
from course_lib.networks.fcn.network import Network, replace
from course_lib.networks.fcn.pools import AtrousPool2d, EveryNth
from course_lib.networks.fcn.strides import pools_everything, sliding, step_of

__all__ = ["dilate"]


def dilate(network: Network, head: Head, levels: int) -> int:
    """Take the last ``levels`` strides out of a network, before its head.

    Returns:
        How many cells of the new map lie between two cells of the old one.

    Raises:
        FcnError: it has not so many strides, or a layer cannot be dilated.
    """
    steps = sorted({step_of(node) for node in body(head)})
    if steps[-1] != head.step:
        raise FcnError(
            f"{type(network).__name__}'s map is made smaller by something that is no convolution and no pool (its "
            f"cells are {head.step} pixels apart, {steps[-1]} by those alone); its strides cannot be taken out."
        )
    if levels >= len(steps):
        raise FcnError(
            f"dilated={levels}: {type(network).__name__} has {len(steps) - 1} strides, and its last map's cells are "
            f"{steps[-1]} pixels apart. Give a number from 0 to {len(steps) - 1}."
        )
    finest = steps[len(steps) - 1 - levels]
    seen: dict[Any, tuple[int, int]] = {}
    for node in body(head):
        before = max((step_of(one) for one in node.all_input_nodes), default=1)
        rate, kept = max(1, before // finest), max(1, step_of(node) // finest)
        what = sliding(node, network)
        if rate == kept == 1:
            continue
        if what and node.op == "call_module" and seen.setdefault(node.target, (rate, kept)) != (rate, kept):
            raise FcnError(f"{type(network).__name__} uses {node.target} at two strides; it cannot be dilated at both.")
        if what:
            _spread(network, node, what, rate, stride=1 if kept > rate else None)
        elif pools_everything(node):
            _take_old_cells(network, node, rate)
    return steps[-1] // finest


def _spread(network: Network, node: fx.Node, what: dict[str, Any], rate: int, *, stride: int | None) -> None:
    """One sliding layer: its cells ``rate`` apart, and its stride taken out where ``stride`` is given."""
    layer = network.get_submodule(str(node.target)) if node.op == "call_module" else None
    if isinstance(layer, nn.Conv2d):
        if isinstance(layer.padding, str) and stride:
            raise FcnError(f"{node.target} pads with {layer.padding!r}; give its padding in cells to dilate it.")
        layer.stride = (stride, stride) if stride else layer.stride
        layer.dilation = (layer.dilation[0] * rate, layer.dilation[1] * rate)
        if not isinstance(layer.padding, str):
            layer.padding = (layer.padding[0] * rate, layer.padding[1] * rate)
        layer._reversed_padding_repeated_twice = [n * rate for n in layer._reversed_padding_repeated_twice]
        return
    kernel, padding = _one(what["kernel_size"]), _one(what["padding"])
    if what["kind"] == "avg" and (
        what.get("divisor_override") or what["ceil_mode"] or (padding and not what["count_include_pad"])
    ):
        raise FcnError(f"{node.target} is an average pool that counts its cells in its own way and cannot be dilated.")
    pool = AtrousPool2d(
        kernel,
        stride or _one(what["stride"]),
        padding=padding * rate,
        dilation=_one(what.get("dilation", 1)) * rate,
        kind=what["kind"],
        ceil=_one(what["stride"]) if what["ceil_mode"] else 1,
    )
    replace(network, node, node.all_input_nodes[0], pool)


def _take_old_cells(network: Network, node: fx.Node, rate: int) -> None:
    """A pool over the whole map (squeeze and excitation) takes the cells that it took before."""
    source = node.all_input_nodes[0]
    name = f"{node.name}_cells"
    network.add_submodule(name, EveryNth(rate))
    with network.graph.inserting_before(node):
        new = network.graph.call_module(name, (source,))
    new.meta = dict(source.meta)
    node.replace_input_with(source, new)


def _one(value: Any) -> int:
    if isinstance(value, tuple | list):
        if len(set(value)) > 1:
            raise FcnError(f"A pool of {value[0]}×{value[1]} is not square and cannot be dilated.")
        value = value[0]
    return int(value)
