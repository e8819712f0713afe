"""A model run as far as one layer, and left as it was: torchvision's feature extractor, made once for each model.

``create_feature_extractor`` follows a forward and gives a graph whose nodes have names. It is built with every node
and run one by one up to the one asked for: no later op that works in place can have spoiled it. While that happens the
model is in eval mode and its owner's hooks are left out; both are put back. Which nodes are maps, with channels, rows
and columns, is decided here too; what is done with them stands in ``featuremaps`` and ``receptive``.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import log
from typing import Any

import torch
from torch import Tensor, fx, nn
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

from course_lib.errors import CourseError, closest
from course_lib.tracing.ops import Op, times
from course_lib.tracing.tracer import trace

__all__ = [
    "Inside",
    "LayerError",
    "cell_op",
    "device_of",
    "fingerprint",
    "inside",
    "layer_op",
    "map_order",
    "run_layer",
    "size_of",
]

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_KEEP_HOOKS_OF = ("torch.nn.utils.", "torch.ao.")  # weight_norm and spectral_norm compute the weight in a hook


class LayerError(CourseError, ValueError):
    """A layer, a cell or a channel that a model does not have, or a model that cannot be looked into."""


@contextmanager
def _quiet(model: nn.Module) -> Iterator[None]:
    """In eval mode and without hooks; afterwards as before, module by module (a BatchNorm may be frozen by itself)."""
    before = []
    for module in model.modules():
        own = module.__dict__
        kept = {name: own[name] for name in _HOOKS if own.get(name)}
        before.append((own, own["training"], kept))
        own["training"] = False
        for name, hooks in kept.items():
            ours = ((key, hook) for key, hook in hooks.items() if type(hook).__module__.startswith(_KEEP_HOOKS_OF))
            own[name] = OrderedDict(ours)
    try:
        yield
    finally:
        for own, training, kept in before:
            own["training"] = training
            own.update(kept)


class Inside:
    """What is needed to look inside one model; ``inside(model)`` makes it, or finds it where it was made before.

    It holds the model's layers (so new weights are seen), but not the model, which can be forgotten.
    """

    def __init__(self, model: nn.Module) -> None:
        self.mark = _mark(model)
        self._ops: dict[tuple[int, ...], dict[str, Op]] = {}
        kind = type(model).__name__
        with _quiet(model):
            try:
                _, names = get_graph_node_names(model, suppress_diff_warning=True)
                module = create_feature_extractor(model, return_nodes=names, suppress_diff_warning=True)
            except Exception as error:
                why = " ".join(str(error).split())[:160]
                raise LayerError(
                    f"{kind} cannot be looked into: torch.fx cannot follow its forward, which takes other ways for "
                    f"other pictures, or does something else than calling layers and functions ({why})."
                ) from error
        self._module, self._graph = module, module.eval_graph
        ends = next(node for node in self._graph.nodes if node.op == "output")
        self.nodes: dict[str, fx.Node] = dict(ends.args[0])

    def ops(self, model: nn.Module, size: tuple[int, ...]) -> dict[str, Op]:
        """The trace's op of every node, for a picture (channels, height, width); a leaf's last op where it has several.

        Raises:
            TraceError: such a picture does not go through.
        """
        found = self._ops.get(size)
        if found is None:
            seen = trace(model, size, mode="eval")
            known = {call.path: seen.ops[call.end - 1] for call in reversed(seen.calls) if call.end > call.first}
            known.update({op.name: op for op in reversed(seen.ops)})
            found = self._ops[size] = {name: known[name] for name in self.nodes if name in known}
        return found

    def run(self, model: nn.Module, batch: Tensor, layer: str) -> Any:
        """What the node ``layer`` gives for a batch; gradients flow where they are switched on.

        Raises:
            LayerError: there is no such node.
        """
        last = self.node(layer)
        run = fx.Interpreter(self._module, graph=self._graph)
        run.args_iter = iter((batch.clone(),))  # a first op may work in place
        with _quiet(model):
            for node in self._graph.nodes:
                value = run.env[node] = run.run_node(node)
                if node is last:
                    return value.clone() if isinstance(value, Tensor) else value
                for done in run.user_to_last_uses.get(node, ()):
                    del run.env[done]
        raise LayerError(f"The layer {layer!r} did not run.")  # pragma: no cover - every node comes before the output

    def node(self, layer: str) -> fx.Node:
        """The graph's node of this name."""
        if layer not in self.nodes:
            raise LayerError(f"There is no layer {layer!r} in this model.{closest(str(layer), self.nodes)}")
        return self.nodes[layer]


_KNOWN: weakref.WeakKeyDictionary[nn.Module, Inside] = weakref.WeakKeyDictionary()


def inside(model: nn.Module) -> Inside:
    """Look into a model: made once for each, and again when a layer, a parameter or a setting is another than before.

    Raises:
        LayerError: it is no module, or ``torch.fx`` cannot follow it.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
        >>> list(inside(net).nodes), inside(net) is inside(net)
        (['input', '0', '1'], True)
    """
    if not isinstance(model, nn.Module):
        raise LayerError(f"A torch.nn.Module can be looked into, not {type(model).__name__}; a classifier has .model.")
    found = _KNOWN.get(model)
    if found is None or found.mark != _mark(model):
        found = _KNOWN[model] = Inside(model)
    return found


_PLAIN = (int, float, bool, str, tuple)


def _mark(model: nn.Module) -> list[Any]:
    """Other than before as soon as a layer, a parameter or a buffer is another object, or a stride another number."""
    found: list[Any] = [(name, id(one)) for name, one in (*model.named_parameters(), *model.named_buffers())]
    for name, module in model.named_modules():
        found.append((name, name and id(module)))
        found += [(k, v) for k, v in vars(module).items() if type(v) in _PLAIN and k != "training"]
    return found


def fingerprint(model: nn.Module) -> int:
    """A number that changes when a parameter or buffer is replaced or written to: what was computed before is old then.

    Example:
        >>> net = nn.Linear(2, 2)
        >>> before = fingerprint(net)
        >>> _ = nn.init.zeros_(net.weight)
        >>> before == fingerprint(net)
        False
    """
    tensors = (*model.parameters(), *model.buffers())
    return hash(tuple((id(one), 0 if one.is_inference() else one._version) for one in tensors))


# -- layers that have maps ---------------------------------------------------------------------------------------------
def size_of(picture_size: Sequence[int]) -> tuple[int, ...]:
    """(channels, height, width) of a picture: 3 channels where only (height, width) is given."""
    size = tuple(int(n) for n in picture_size)
    return (3, *size) if len(size) == 2 else size


def map_order(op: Op, height: int, width: int) -> tuple[int, int, int, int] | None:
    """Where batch, channels, height and width are; None where it has no maps. Swin and ConvNeXt put channels last."""
    if len(op.output) != 4 or min(op.output) < 1:
        return None

    def bent(tall: int, wide: int) -> tuple[float, float]:
        """How far from the picture's proportions: with a cell or two more or less, and as it is."""
        if min(tall, wide) < 2:
            return 9.0, 9.0
        ratio = height / width
        low, high = max(tall - 2, 0.5) / (wide + 2), (tall + 2) / max(wide - 2, 0.5)
        return max(0.0, log(low / ratio), log(ratio / high)), abs(log(tall / wide / ratio))

    _, a, b, c = op.output
    first, last = bent(b, c), bent(a, b)
    if min(first, last)[0] > 0.1:
        return None
    return (0, 1, 2, 3) if first <= last else (0, 3, 1, 2)


def run_layer(model: nn.Module, batch: Tensor, layer: str) -> Tensor:
    """The maps of a layer, channels first: (B, C, H, W) → (B, channels, height, width); gradients as switched on.

    Raises:
        LayerError: no batch, no such layer, or one without maps.
    """
    if not isinstance(batch, Tensor) or batch.dim() != 4:
        given = tuple(batch.shape) if isinstance(batch, Tensor) else type(batch).__name__
        raise LayerError(f"A batch is a tensor (pictures, channels, height, width), not {given}.")
    order = layer_op(model, layer, tuple(batch.shape[1:]))[1]
    maps: Tensor = inside(model).run(model, batch.to(device_of(model)), layer)
    return maps.permute(order)


def layer_op(model: nn.Module, layer: str, picture_size: Sequence[int]) -> tuple[Op, tuple[int, int, int, int]]:
    """The op that makes a layer's maps, and where batch, channels, rows and columns stand in its output."""
    size = size_of(picture_size)
    look = inside(model)
    look.node(layer)
    op = look.ops(model, size).get(layer)
    order = map_order(op, *size[-2:]) if op else None
    if op is None or order is None:
        shape = "" if op is None else f": its output is {times(op.output)}"
        raise LayerError(f"{layer!r} has no maps of channels × height × width to look at{shape}.")
    return op, order


def cell_op(model: nn.Module, layer: str, row: int, column: int, picture_size: Sequence[int]) -> Op:
    """The op of a layer that has such a cell.

    Raises:
        LayerError: it has not.
    """
    op, order = layer_op(model, layer, picture_size)
    tall, wide = op.output[order[2]], op.output[order[3]]
    if not (0 <= row < tall and 0 <= column < wide):
        raise LayerError(
            f"There is no cell at row {row}, column {column}: the maps of {layer!r} have {tall} rows and {wide} "
            "columns, counted from 0."
        )
    return op


def device_of(model: nn.Module) -> torch.device:
    """Where the model is."""
    return next((one.device for one in (*model.parameters(), *model.buffers())), torch.device("cpu"))
