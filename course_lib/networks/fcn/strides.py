"""How many pixels apart the cells of every map in a network are, and what slides where."""

from __future__ import annotations

from typing import Any

from torch import fx, nn
from torch.nn import functional as F

from course_lib.networks.fcn.network import Network, shape_of

__all__ = ["find_steps", "pools_everything", "sliding", "step_of"]

_DEFAULTS: dict[str, Any] = {"stride": None, "padding": 0, "dilation": 1, "ceil_mode": False, "count_include_pad": True}
_WORDS = (*_DEFAULTS, "kernel_size", "divisor_override")
_MAX = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
_AVG = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")


def sliding(node: fx.Node, network: Network) -> dict[str, Any] | None:
    """What slides in a node, in the words of its layer or function (``kernel_size``, ``stride``, …); None: nothing."""
    if node.op == "call_module":
        layer = network.get_submodule(str(node.target))
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
            kind = {nn.MaxPool2d: "max", nn.AvgPool2d: "avg"}.get(type(layer), "conv")
            return {"kind": kind, **{name: getattr(layer, name) for name in _WORDS if hasattr(layer, name)}}
    elif node.target in (F.max_pool2d, F.avg_pool2d):
        given = dict(zip(_MAX if node.target is F.max_pool2d else _AVG, node.args, strict=False))
        words = {**_DEFAULTS, **given, **node.kwargs}
        kind = "max" if node.target is F.max_pool2d else "avg"
        return {**words, "kind": kind, "stride": words["stride"] or words["kernel_size"]}
    return None


def pools_everything(node: fx.Node) -> bool:
    """Does a node make one number out of a whole map, for every channel?

    The shapes say it: (B, C, H, W) → (B, C, 1, 1) or (B, C).
    """
    after = shape_of(node)
    before = shape_of(node.all_input_nodes[0]) if node.all_input_nodes else ()
    whole = len(before) == 4 and len(after) in (2, 4) and before[2] * before[3] > 1 and after[:2] == before[:2]
    return whole and all(size == 1 for size in after[2:])


def find_steps(network: Network) -> None:
    """Write into every node how many pixels apart the cells of its map are (``step_of``)."""
    for node in network.graph.nodes:
        what = sliding(node, network)
        stride = what["stride"] if what else 1
        step = max(map(step_of, node.all_input_nodes), default=1)
        node.meta["step"] = step * (stride[0] if isinstance(stride, tuple) else stride)


def step_of(node: fx.Node) -> int:
    """Pixels from cell to cell in the map that a node gives."""
    return int(node.meta.get("step", 1))
