"""Feature maps: which layers of a model have maps, the maps of a layer, its strongest channels, the first filters.

Layers are the trace's ops and have its names (``tracer.trace``). For a layer's maps a copy of the model runs in eval
mode as far as that layer: no later op that works in place can have changed them, and the model stays as it was. What
a cell of a map sees of the picture is in ``receptive``; ``drawing.map_figure`` draws the maps.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import log
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.errors import CourseError, closest
from course_lib.tracing.copy_runs import run_copy
from course_lib.tracing.ops import Op
from course_lib.tracing.recorder import Recorder
from course_lib.tracing.records import times
from course_lib.tracing.tracer import trace, unwrapped

__all__ = [
    "LayerError",
    "cell_op",
    "device_of",
    "feature_maps",
    "filters",
    "fingerprint",
    "layer_op",
    "layers",
    "map_orders",
    "run_layer",
    "same_depth",
    "same_place",
    "sizes",
    "strongest",
]


class LayerError(CourseError, ValueError):
    """A layer, a cell or a channel that a model does not have, or a model that cannot be looked into."""


# Kinds that rescale every channel, or only arrange: the layer before or after them shows the same.
_DULL = frozenset({
    "batch_norm", "layer_norm", "group_norm", "instance_norm", "dropout", "feature_dropout", "stochastic_depth", "pad",
    "chunk", "split", "getitem", "view", "reshape", "permute", "transpose", "contiguous", "unsqueeze", "flatten",
    "roll", "identity",
})  # fmt: skip


# -- which layers -----------------------------------------------------------------------------------------------------
def sizes(
    model: nn.Module, input_size: Sequence[int] = (3, 224, 224), *, every: bool = False
) -> dict[str, tuple[int, int, int]]:
    """The layers that have maps to look at, in the order they run: name → (channels, height, width).

    Args:
        model: any module that can be traced.
        input_size: (channels, height, width) of a picture.
        every: also normalisations and mere rearrangements, which show what their neighbours show.

    Raises:
        LayerError: this isn't a model, or no layer of it has maps.
        TraceError: such a picture does not go through the model.

    Example:
        >>> from torchvision.models import resnet18
        >>> shapes = sizes(resnet18())
        >>> shapes["layer2.0.add"], "bn1" in shapes, "avgpool" in shapes
        ((128, 28, 28), False, False)
    """
    looked = _look(model, input_size)
    answer = {}
    for name, order in looked.orders.items():
        op = looked.ops[name]
        if every or op.plain not in _DULL:
            _, channels, tall, wide = (op.output[dim] for dim in order)
            answer[name] = (channels, tall, wide)
    if not answer:
        raise LayerError(f"No layer of this {type(model).__name__} has maps (channels × height × width) to look at.")
    return answer


def layers(model: nn.Module, input_size: Sequence[int] = (3, 224, 224), *, every: bool = False) -> tuple[str, ...]:
    """The names of the layers that have maps to look at, in the order they run; arguments and errors as ``sizes``.

    Example:
        >>> from torchvision.models import vgg11
        >>> layers(vgg11())[:4]
        ('features.0', 'features.1', 'features.2', 'features.3')
    """
    return tuple(sizes(model, input_size, every=every))


def same_depth(layer: str, before: Sequence[str], now: Sequence[str]) -> str:
    """The layer of another model that stands for ``layer``: the one of its name, else the one as far along the way.

    Args:
        layer: one of ``before``.
        before, now: the layers of the two models, in the order they run.

    Raises:
        LayerError: ``layer`` is none of ``before``, or there is no layer to take.

    Example:
        >>> same_depth("c", ["a", "b", "c", "d"], ["one", "two"]), same_depth("c", ["a", "c"], ["c", "d", "e"])
        ('two', 'c')
    """
    if layer not in before or not now:
        raise LayerError(
            f"{layer!r} is not among the layers to look at: {', '.join(before if now else now) or 'none'}."
        )
    return layer if layer in now else now[list(before).index(layer) * len(now) // len(before)]


def same_place(place: int, before: int, now: int) -> int:
    """The row (or column) of another map that lies over the middle of a row of this one; both cover the same picture.

    Args:
        place: from 0.
        before: how many rows there are in the map that ``place`` belongs to.
        now: how many there are in the other.

    Raises:
        LayerError: there is no such row, or the other map has none.

    Example:
        >>> same_place(111, 112, 7), same_place(3, 7, 56), same_place(0, 7, 56)
        (6, 28, 4)
    """
    if not 0 <= place < before or now < 1:
        raise LayerError(
            f"place={place}: a map of {before} has places from 0 to {before - 1}, and the other has {now}."
        )
    return (2 * place + 1) * now // (2 * before)


# -- maps -------------------------------------------------------------------------------------------------------------
def feature_maps(model: nn.Module, batch: Tensor, layer: str) -> Tensor:
    """What a layer makes of a batch, in eval mode.

    Args:
        model: on any device, in any mode; nothing of it changes.
        batch: (B, C, H, W), prepared with the model's own transforms.
        layer: one of ``layers(model, every=True)``.

    Returns:
        (B, channels, height, width) on the model's device, also for a model that keeps its channels last.

    Raises:
        LayerError: the batch is none, or the model has no such layer.

    Example:
        >>> from torchvision.models import resnet18
        >>> tuple(feature_maps(resnet18(), torch.zeros(2, 3, 64, 64), "layer1.0.relu_1"))[0].shape
        torch.Size([64, 16, 16])
    """
    with torch.no_grad():
        return run_layer(model, batch, layer)


def strongest(maps: Tensor, k: int) -> tuple[int, ...]:
    """The ``k`` channels with the largest mean size (absolute value) over all cells, the strongest first.

    Args:
        maps: (channels, height, width), or (B, channels, height, width): then over all pictures together.
        k: how many; all of them where there are fewer.

    Example:
        >>> strongest(torch.tensor([[[0.0, 1.0]], [[-4.0, -2.0]], [[2.0, 0.0]]]), 2)
        (1, 2)
    """
    if maps.dim() not in (3, 4):
        raise LayerError(f"Maps are (channels, height, width), with pictures in front or not, not {tuple(maps.shape)}.")
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise LayerError(f"k={k!r}: ask for at least 1 channel.")
    size = maps.detach().abs().mean(dim=tuple(d for d in range(maps.dim()) if d != maps.dim() - 3))
    return tuple(size.argsort(descending=True, stable=True)[:k].tolist())


def filters(model: nn.Module, input_size: Sequence[int] = (3, 224, 224)) -> tuple[Tensor, str]:
    """The weights of the first convolution that the picture meets, and its name.

    Returns:
        (filters, channels, height, width), a copy on the CPU; and the name of the parameter's module.

    Raises:
        LayerError: there is no convolution.

    Example:
        >>> from torchvision.models import resnet18
        >>> weights, name = filters(resnet18())
        >>> tuple(weights.shape), name
        ((64, 3, 7, 7), 'conv1')
    """
    for op in trace(model, tuple(input_size), mode="eval"):
        if op.plain == "conv2d":
            for weight in op.weights:
                if len(weight.shape) == 4:
                    values = dict(model.named_parameters())[weight.name]
                    return values.detach().float().cpu().clone(), weight.name.rpartition(".")[0] or weight.name
    raise LayerError(f"This {type(model).__name__} has no convolution, so it has no filters to look at.")


# -- layers that have maps --------------------------------------------------------------------------------------------
@dataclass
class _Looked:
    """What a trace for one size of picture says about a model: its ops by name, and the dimensions of those with maps.

    Attributes:
        ops: name → op, as they run.
        orders: name → where batch, channels, height and width are in the op's output.
    """

    ops: Mapping[str, Op]
    orders: Mapping[str, tuple[int, int, int, int]]


@dataclass
class _Known:
    mark: list[Any]
    looked: dict[tuple[int, ...], _Looked] = field(default_factory=dict)


_KNOWN: weakref.WeakKeyDictionary[nn.Module, _Known] = weakref.WeakKeyDictionary()


def _look(model: nn.Module, picture_size: Sequence[int]) -> _Looked:
    """Traced once for each model and size, and again when a layer, a parameter or a setting is another than before.

    Args:
        picture_size: (channels, height, width), or (height, width) of a picture with 3 channels.
    """
    if not isinstance(model, nn.Module):
        raise LayerError(f"A torch.nn.Module can be looked into, not {type(model).__name__}; a classifier has .model.")
    size = tuple(int(n) for n in picture_size)
    size = (3, *size) if len(size) == 2 else size
    known, mark = _KNOWN.get(model), _mark(model)
    if known is None or known.mark != mark:
        known = _KNOWN[model] = _Known(mark)
    if size not in known.looked:
        seen = trace(model, size, mode="eval")
        known.looked[size] = _Looked({op.name: op for op in seen}, map_orders(seen.ops, *size[-2:]))
    return known.looked[size]


def map_orders(ops: Sequence[Op], height: int, width: int) -> dict[str, tuple[int, int, int, int]]:
    """The ops that have maps of a picture of this size: name → where batch, channels, height and width are."""
    products = _products(ops)
    orders = {op.name: _map_order(op, height, width) for op in ops if op.index not in products}
    return {name: order for name, order in orders.items() if order is not None}


def _products(ops: Sequence[Op]) -> set[int]:
    """Matrix products and what is computed from them in the same shape, such as attention weights: they aren't maps."""
    products: set[int] = set()
    for op in ops:
        kept = any(source in products and ops[source].output == op.output for source in op.sources)
        if kept or op.plain in ("matmul", "bmm", "einsum"):
            products.add(op.index)
    return products


_PLAIN = (int, float, bool, str, tuple)


def _mark(model: nn.Module) -> list[Any]:
    """Other than before as soon as a layer, a parameter or a buffer is another object, or a stride another number."""
    mark: list[Any] = [(name, id(tensor)) for name, tensor in (*model.named_parameters(), *model.named_buffers())]
    for name, module in model.named_modules():
        mark.append((name, name and id(module)))
        mark += [(key, value) for key, value in vars(module).items() if type(value) in _PLAIN and key != "training"]
    return mark


def _map_order(op: Op, height: int, width: int) -> tuple[int, int, int, int] | None:
    """Where batch, channels, height and width are; None where it has no maps. Swin and ConvNeXt put channels last."""
    if len(op.output) != 4 or min(op.output) < 1 or op.output[0] != 1:
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


# -- running as far as a layer ----------------------------------------------------------------------------------------
class _Reached(BaseException):
    """The layer has run; no ``except Exception`` in a forward may hide it."""


class _Probe(Recorder):
    """Keeps one op's output and ends the forward there; nothing else is kept.

    Args:
        op: as the trace has it.
        earlier: how many ops of its kind run in its module before it.
    """

    def __init__(self, op: Op, earlier: int) -> None:
        super().__init__(meta=False)
        self.path, self.kind, self.earlier = op.path, op.plain, earlier
        self.output: Tensor | None = None

    def write(self, kind: str, bound: Mapping[str, Any], result: Any) -> Any:
        outputs = self.outputs(kind, bound, result)
        if outputs and kind.rstrip("_") == self.kind and self.frames[-1].path == self.path:
            if not self.earlier:
                self.output = outputs[0].clone()
                raise _Reached
            self.earlier -= 1
        return result


def run_layer(model: nn.Module, batch: Tensor, layer: str) -> Tensor:
    """The maps of a layer, channels first: (B, C, H, W) → (B, channels, height, width); gradients as switched on.

    Raises:
        LayerError: no batch, no such layer, or one without maps.
    """
    if not isinstance(batch, Tensor) or batch.dim() != 4:
        given = tuple(batch.shape) if isinstance(batch, Tensor) else type(batch).__name__
        raise LayerError(f"A batch is a tensor (pictures, channels, height, width), not {given}.")
    op, order = layer_op(model, layer, tuple(batch.shape[1:]))
    before = list(_look(model, tuple(batch.shape[1:])).ops.values())[: op.index]
    earlier = sum(other.path == op.path and other.plain == op.plain for other in before)
    batch = batch.to(device_of(model))
    probes: list[_Probe] = []

    def probe() -> _Probe:
        probes.append(_Probe(op, earlier))
        return probes[-1]

    def run(copied: nn.Module) -> None:
        given = batch.clone()  # a first op may work in place
        probes[-1].start(copied, [given])
        try:
            with probes[-1]:
                copied(given)
        except _Reached:
            pass

    run_copy(unwrapped(model), run, probe)
    maps = probes[-1].output
    if maps is None:
        raise LayerError(f"The layer {layer!r} did not run for this batch.")
    return maps.permute(order)


def layer_op(model: nn.Module, layer: str, picture_size: Sequence[int]) -> tuple[Op, tuple[int, int, int, int]]:
    """The op that makes a layer's maps, and where batch, channels, rows and columns stand in its output.

    Raises:
        LayerError: there is no such layer, or it has no maps.
    """
    looked = _look(model, picture_size)
    op, order = looked.ops.get(layer), looked.orders.get(layer)
    if op is None:
        raise LayerError(f"There is no layer {layer!r} in this model.{closest(str(layer), looked.ops)}")
    if order is None:
        shape = f": its output is {times(op.output)}"
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
    return next((tensor.device for tensor in (*model.parameters(), *model.buffers())), torch.device("cpu"))


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
    return hash(tuple((id(tensor), 0 if tensor.is_inference() else tensor._version) for tensor in tensors))
