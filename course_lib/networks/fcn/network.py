"""A classifier taken apart: what it does to one picture, operation by operation, as a graph that can be changed.

The graph is ``torch.fx``'s (https://pytorch.org/docs/stable/fx.html), traced from a twin of the live model: the twin
has its own modules and buffers and no hooks, and its parameters are the model's own numbers. So whatever is changed
here, the model is not. Shapes are found by running the graph once on PyTorch's meta device, where
tensors have no numbers.

Nothing here knows a model by name, and nothing here changes the graph (``heads``, ``atrous``).
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.parameter import is_lazy
from torchvision.ops import StochasticDepth

from course_lib.networks.fcn.fcn_error import FcnError

__all__ = ["Network", "replace", "shape_of", "take_apart", "tensor_inputs"]

Shape = tuple[int, ...]

_COMPUTED = ("torch.nn.utils.", "torch.ao.")  # weight_norm and spectral_norm compute a weight in a hook: it is kept
_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


class Network(fx.GraphModule):
    """The graph and the twin's modules; every node of the graph has its shape at ``size`` in its ``meta``."""

    size: int  # the side in pixels of the square picture that the shapes belong to


def take_apart(model: nn.Module, size: int) -> Network:
    """The graph of a classifier, with the shape of everything in it for one picture of ``size`` × ``size`` pixels.

    Raises:
        FcnError: no module, or one whose forward cannot be followed or does not take such a picture.

    Example:
        >>> net = take_apart(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(64, 2)), 6)
        >>> [(node.name, shape_of(node)) for node in net.graph.nodes][1:-1]
        [('_0', (1, 4, 4, 4)), ('_1', (1, 64)), ('_2', (1, 2))]
    """
    name = type(model).__name__
    twin = _twin(model, _own).eval()
    try:
        graph = _Tracer().trace(twin)
    except Exception as error:  # whatever the forward does that a graph cannot hold
        raise FcnError(
            f"{name} cannot be taken apart: its forward decides by numbers or sizes that are known only when it runs "
            f"({_first_line(error)}). Write it so that every picture takes the same way."
        ) from error
    network = Network(twin, graph, name)
    network.size = size
    _find_shapes(network, size)
    return network


def shape_of(node: Any) -> Shape:
    """The shape of what a node gives, () where it is no tensor."""
    return node.meta.get("shape", ()) if isinstance(node, fx.Node) else ()


def tensor_inputs(node: fx.Node) -> list[fx.Node]:
    """The nodes whose tensors a node takes (sizes and other numbers are left out)."""
    return [one for one in node.all_input_nodes if shape_of(one)]


def replace(network: Network, node: fx.Node, source: fx.Node, layer: nn.Module) -> None:
    """Put ``layer``, which takes ``source``, in a node's place; a module's own name is kept."""
    name = str(node.target) if node.op == "call_module" else node.name
    network.add_submodule(name, layer.train(network.training))
    with network.graph.inserting_before(node):
        new = network.graph.call_module(name, (source,))
    new.meta = dict(node.meta)
    node.replace_all_uses_with(new)
    network.graph.erase_node(node)


class _Tracer(fx.Tracer):
    """Follows a forward down to the layers: what torch.nn calls a layer, and what a user has made from one."""

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
        made = super().run_node(n)
        n.meta["shape"] = tuple(made.shape) if isinstance(made, Tensor) else ()
        return made


def _find_shapes(network: Network, size: int) -> None:
    picture = torch.empty(1, 3, size, size, device="meta")
    try:
        with torch.no_grad():
            _Shapes(_twin(network, _without_numbers), graph=network.graph).run(picture)
    except Exception:  # a forward that needs the numbers themselves; or one that this picture does not fit
        parameter = next(network.parameters(), torch.zeros(1))
        try:
            with torch.no_grad():
                _Shapes(_twin(network, _own), graph=network.graph).run(torch.zeros(1, 3, size, size).to(parameter))
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


def _without_numbers(tensor: Tensor) -> Tensor:
    empty = torch.empty_like(tensor, device="meta")
    return nn.Parameter(empty, requires_grad=False) if isinstance(tensor, nn.Parameter) else empty


def _twin(model: nn.Module, made: Callable[[Tensor], Tensor]) -> Any:
    """A deep copy without the user's hooks, whose tensors are ``made`` from the model's."""
    instead: dict[int, Any] = {}
    for module in model.modules():
        for name, value in vars(module).items():
            if name.endswith("_hooks") and value:
                instead[id(value)] = OrderedDict(_computing(value))
            elif isinstance(value, Tensor):
                instead[id(value)] = made(value)
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if tensor is not None and is_lazy(tensor):
                raise FcnError(
                    f"{type(model).__name__} has lazy layers without a shape; run one batch through it first."
                )
            if tensor is not None and id(tensor) not in instead:
                instead[id(tensor)] = made(tensor)
    return copy.deepcopy(model, instead)


def _computing(hooks: Any) -> Iterator[tuple[int, Any]]:
    return ((key, hook) for key, hook in hooks.items() if type(hook).__module__.startswith(_COMPUTED))
