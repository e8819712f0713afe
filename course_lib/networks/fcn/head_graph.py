"""Where a classifier's last map is, and what it does from there to the logits.

Found by walking back through the graph (``network``). What comes out is described, nothing is changed
(``convolutions``), and a network that has no such head is refused with what it has instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor, fx, nn

from course_lib.networks.fcn.fcn_error import FcnError
from course_lib.networks.fcn.network import Network, shape_of, tensor_inputs
from course_lib.networks.fcn.strides import step_of

__all__ = ["POOLS", "Head", "body", "find", "kind_of", "layer_of", "words_of"]

#: What pools, by layer or function, and how.
POOLS = {
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
    if len(shape) == 4:
        raise FcnError(f"{name} gives a map already: {'×'.join(map(str, shape))} for one picture, not (1, classes).")
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
                f"{name} has no head of the kind pool → flatten → linear: {words_of(steps[0], network)} puts "
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
    whole = math.prod(shape_of(steps[0])[2:] or (1,)) == 1 and kind_of(steps[0], network) in POOLS
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


def layer_of(node: fx.Node, network: Network) -> nn.Module | None:
    """The module that a node calls, if it calls one."""
    return network.get_submodule(str(node.target)) if node.op == "call_module" else None


def kind_of(node: fx.Node, network: Network) -> Any:
    """The class of the layer that a node calls, or its function's name."""
    layer = layer_of(node, network)
    if layer is not None:
        return type(layer)
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")


def _is_map(node: fx.Node) -> bool:
    shape = shape_of(node)
    return len(shape) == 4 and shape[2] * shape[3] > 1


def _is_adaptive(node: fx.Node, network: Network) -> bool:
    return "adaptive" in str(getattr(kind_of(node, network), "__name__", kind_of(node, network))).lower()


def words_of(node: fx.Node, network: Network) -> str:
    """What a node calls, for a sentence."""
    layer = layer_of(node, network)
    return f"{node.target} ({type(layer).__name__})" if layer is not None else f"{kind_of(node, network)}()"


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
