"""A classifier as a graph: its operations on one picture, their shapes and their strides.

The graph is ``torch.fx``'s (https://pytorch.org/docs/stable/fx.html), traced from a copy of the live model that has its
own modules and buffers and no hooks, while its parameters share the model's memory. So whatever is changed in the
graph, the model stays as it is. Shapes are found by running the graph once on PyTorch's meta device, where tensors hold
no numbers.

Nothing here knows a model by name. What is changed in the graph stands in ``head_conversion`` and ``dilation``.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F
from torch.nn.parameter import is_lazy
from torchvision.ops import StochasticDepth

from course_lib.networks.fcn.fully_convolutional import FcnError
from course_lib.tracing.copies import copy_model, meta_tensor
from course_lib.tracing.randomness import unchanged_randomness

__all__ = [
    "Network",
    "channels_axis_of",
    "insert",
    "kind_of",
    "layer_of",
    "map_sides",
    "pools_everything",
    "replace",
    "shape_of",
    "step_of",
    "take_apart",
    "tensor_inputs",
    "window_settings",
    "words_of",
]

Shape = tuple[int, ...]

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


class Network(fx.GraphModule):
    """The graph and the copy's modules; every node has its shape for a picture of side ``size`` in its ``meta``."""

    size: int  # the side in pixels of the square picture that the shapes belong to


def take_apart(model: nn.Module, size: int) -> Network:
    """The graph of a classifier, with every node's shape and step for one picture of ``size`` × ``size`` pixels.

    Raises:
        FcnError: torch.fx cannot follow the model's forward, or the model does not take such a picture.

    Example:
        >>> net = take_apart(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(64, 2)), 6)
        >>> [(node.name, shape_of(node)) for node in net.graph.nodes][1:-1]
        [('_0', (1, 4, 4, 4)), ('_1', (1, 64)), ('_2', (1, 2))]
    """
    name = type(model).__name__
    for module in model.modules():
        if isinstance(module, nn.Conv3d):
            raise FcnError(f"{name} takes videos (it has 3-dimensional convolutions), not pictures; it cannot slide.")
        if "quantized" in type(module).__module__:
            raise FcnError(f"{name} is quantized: its layers cannot be rebuilt. Convert the float model.")
    copied = _copy(model, _own).eval()
    try:
        with unchanged_randomness():
            graph = _Tracer().trace(copied)
    except Exception as error:  # whatever the forward does that a graph cannot hold
        reason = _first_line(error).partition(". ")[0][:300]
        if "control flow" in reason:
            raise FcnError(
                f"{name} cannot be taken apart: its forward makes decisions by numbers or sizes that are "
                "only known when it "
                f"runs ({reason}). Write it so that every picture takes the same path."
            ) from error
        raise FcnError(
            f"{name} cannot be taken apart: torch.fx cannot follow its forward, which uses numbers or sizes in a way "
            f"that a graph cannot hold ({reason})."
        ) from error
    network = Network(copied, graph, name)
    network.size = size
    _find_shapes(network, size)
    _find_steps(network)
    _find_channels(network)
    return network


# -- one node ---------------------------------------------------------------------------------------------------------
def shape_of(node: Any) -> Shape:
    """The shape of the tensor that a node gives; () where it gives something else."""
    return node.meta.get("shape", ()) if isinstance(node, fx.Node) else ()


def tensor_inputs(node: fx.Node) -> list[fx.Node]:
    """The nodes whose tensors a node takes (sizes and other numbers are left out)."""
    return [source for source in node.all_input_nodes if shape_of(source)]


def layer_of(node: fx.Node, network: Network) -> nn.Module | None:
    """The module that a node calls, if it calls one."""
    return network.get_submodule(str(node.target)) if node.op == "call_module" else None


def kind_of(node: fx.Node, network: Network) -> Any:
    """The class of the layer that a node calls, or its function's name."""
    layer = layer_of(node, network)
    if layer is not None:
        return type(layer)
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")


def words_of(node: fx.Node, network: Network) -> str:
    """What a node calls, for a sentence: "head.2 (Softmax)" or "cat()"."""
    layer = layer_of(node, network)
    return f"{node.target} ({type(layer).__name__})" if layer is not None else f"{kind_of(node, network)}()"


# -- convolutions, pools and strides ----------------------------------------------------------------------------------
_DEFAULTS: dict[str, Any] = {"stride": None, "padding": 0, "dilation": 1, "ceil_mode": False, "count_include_pad": True}
_SETTINGS = (*_DEFAULTS, "kernel_size", "divisor_override")
_MAX = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
_AVG = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")


def window_settings(node: fx.Node, network: Network) -> dict[str, Any] | None:
    """The settings of a convolution or pool (``kernel_size``, ``stride``, …); None for a node that is neither."""
    layer = layer_of(node, network)
    if layer is not None:
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
            kind = {nn.MaxPool2d: "max", nn.AvgPool2d: "avg"}.get(type(layer), "conv")
            return {"kind": kind, **{name: getattr(layer, name) for name in _SETTINGS if hasattr(layer, name)}}
    elif node.target in (F.max_pool2d, F.avg_pool2d):
        given = dict(zip(_MAX if node.target is F.max_pool2d else _AVG, node.args, strict=False))
        settings = {**_DEFAULTS, **given, **node.kwargs}
        kind = "max" if node.target is F.max_pool2d else "avg"
        return {**settings, "kind": kind, "stride": settings["stride"] or settings["kernel_size"]}
    return None


def pools_everything(node: fx.Node) -> bool:
    """Whether a node makes one number out of a whole map, for every channel.

    The shapes say it: (B, C, H, W) → (B, C, 1, 1) or (B, C).
    """
    after = shape_of(node)
    before = shape_of(node.all_input_nodes[0]) if node.all_input_nodes else ()
    whole = len(before) == 4 and len(after) in (2, 4) and before[2] * before[3] > 1 and after[:2] == before[:2]
    return whole and all(size == 1 for size in after[2:])


def _find_steps(network: Network) -> None:
    """Write into every node's ``meta`` how many pixels apart the cells of its map are; ``step_of`` reads it."""
    for node in network.graph.nodes:
        settings = window_settings(node, network)
        stride = settings["stride"] if settings else 1
        step = max(map(step_of, node.all_input_nodes), default=1)
        node.meta["step"] = step * (stride[0] if isinstance(stride, tuple) else stride)


def step_of(node: fx.Node) -> int:
    """Pixels from cell to cell in the map that a node gives."""
    return int(node.meta.get("step", 1))


# -- which axis holds the channels ------------------------------------------------------------------------------------
_REORDER = {"permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis"}
_ON_LAST_AXIS = (nn.LayerNorm, "linear", "layer_norm")


def channels_axis_of(node: fx.Node) -> int:
    """The axis of a node's map (four dimensions) that holds its channels: 1 in (B, C, H, W), 3 in (B, H, W, C)."""
    return int(node.meta.get("channels", 1))


def map_sides(node: fx.Node) -> Shape:
    """(height, width) of a node's map, wherever its channels are; () for a tensor that isn't a map."""
    shape = shape_of(node)
    return tuple(shape[axis] for axis in (1, 2, 3) if axis != channels_axis_of(node)) if len(shape) == 4 else ()


def _find_channels(network: Network) -> None:
    """Write into every map's ``meta`` which axis holds its channels; ``channels_axis_of`` reads it.

    Convolutions and pools want them at axis 1, linear layers and LayerNorm at the last one; other functions leave them
    where they are, and reordering the dimensions moves them.
    """
    for node in network.graph.nodes:
        shape, kind = shape_of(node), kind_of(node, network)
        sources = tensor_inputs(node)
        if len(shape) != 4:
            continue
        layer, axis = layer_of(node, network), 1
        maps = [source for source in sources if len(shape_of(source)) == 4]
        if kind in _ON_LAST_AXIS or isinstance(layer, nn.Linear):
            axis = 3
        elif isinstance(layer, nn.LayerNorm) and shape[1] != shape[3]:  # of a class that may reorder the dimensions
            axis = 3 if layer.normalized_shape[-1] == shape[3] else 1
        elif window_settings(node, network) or kind in ("conv2d", "batch_norm") or isinstance(layer, nn.BatchNorm2d):
            axis = 1
        elif kind in _REORDER and maps:
            axis = _moved(node, channels_axis_of(maps[0]))
        elif maps:
            axis = max(map(channels_axis_of, maps))
        elif sources and len(shape_of(sources[0])) == 3 and shape_of(sources[0])[2] == shape[3]:
            axis = 3  # tokens (B, N, C) laid out as a map (B, H, W, C)
        node.meta["channels"] = axis


def _moved(node: fx.Node, axis: int) -> int:
    """Where an axis is after a function that reorders the dimensions: found by reordering sizes that all differ."""
    sizes = torch.empty(2, 3, 5, 7, device="meta")
    function = node.target if callable(node.target) else getattr(Tensor, str(node.target))
    settings = {name: value for name, value in node.kwargs.items() if not isinstance(value, fx.Node)}
    try:
        after = function(sizes, *node.args[1:], **settings).shape
    except (TypeError, RuntimeError, IndexError):  # the order of the dimensions is computed in the forward
        return axis
    return list(after).index(sizes.shape[axis])


# -- changes ----------------------------------------------------------------------------------------------------------
def insert(network: Network, name: str, layer: nn.Module, source: fx.Node, *, before: fx.Node) -> fx.Node:
    """A new node ahead of ``before``: ``layer``, under ``name``, applied to what ``source`` gives."""
    network.add_submodule(name, layer.train(network.training))
    with network.graph.inserting_before(before):
        return network.graph.call_module(name, (source,))


def replace(network: Network, node: fx.Node, source: fx.Node, layer: nn.Module) -> None:
    """Put ``layer``, which takes what ``source`` gives, in a node's place; a module keeps its path."""
    name = str(node.target) if node.op == "call_module" else node.name
    new = insert(network, name, layer, source, before=node)
    new.meta = dict(node.meta)
    node.replace_all_uses_with(new)
    network.graph.erase_node(node)


# -- following the forward --------------------------------------------------------------------------------------------
class _Tracer(fx.Tracer):
    """Follows a forward down to the layers: those of torch.nn, and a user's classes that inherit from one of them."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        if isinstance(m, StochasticDepth):
            return True
        if any(True for _ in m.children()):
            return super().is_leaf_module(m, module_qualified_name)
        return any(
            kind.__module__.startswith("torch.nn.modules.") and kind is not nn.Module and kind not in _CONTAINERS
            for kind in type(m).__mro__
        )


class _Shapes(fx.Interpreter):
    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        n.meta["shape"] = tuple(result.shape) if isinstance(result, Tensor) else ()
        return result


def _find_shapes(network: Network, size: int) -> None:
    picture = torch.empty(1, 3, size, size, device="meta")
    try:
        with unchanged_randomness(), torch.no_grad():
            _Shapes(_copy(network, meta_tensor), graph=network.graph).run(picture)
    except Exception:  # a forward that needs the numbers themselves; or one that this picture does not fit
        parameter = next(network.parameters(), torch.zeros(1))
        try:
            with unchanged_randomness(), torch.no_grad():
                _Shapes(_copy(network, _own), graph=network.graph).run(torch.zeros(1, 3, size, size).to(parameter))
        except Exception as error:
            raise FcnError(
                f"{type(network).__name__} does not take a picture of 3×{size}×{size} ({_first_line(error)}). Say with "
                "window= which side its pictures have."
            ) from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _own(tensor: Tensor) -> Tensor:
    """The same numbers in the same memory for a parameter, a copy for a buffer: BatchNorm writes into its buffers."""
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(tensor.detach(), requires_grad=tensor.requires_grad)
    return tensor.detach().clone()


def _copy(model: nn.Module, made: Callable[[Tensor], Tensor]) -> nn.Module:
    """A copy without the user's hooks, whose tensors are ``made`` from the model's."""
    if any(map(is_lazy, chain(model.parameters(), model.buffers()))):
        raise FcnError(f"{type(model).__name__} has lazy layers without a shape; run one batch through it first.")
    return copy_model(model, made)
