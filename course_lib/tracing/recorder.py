"""The recorder: a TorchFunctionMode that writes down every function of PyTorch's as a model calls it.

It sees functions, not modules, so an add or a flatten written in a forward is there too. What a function does inside
(attention's own matrix products) stays one op. It knows nothing about models and lets errors pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from course_lib.tracing.meta_kernels import answer_under_autocast
from course_lib.tracing.ops import Op, Shared
from course_lib.tracing.records import Call, Operand, Operation, Shape, Weight
from course_lib.tracing.tensor_records import NEW, Map, TensorRecord
from course_lib.tracing.torch_functions import LOOKS, Treatment, bind, treatment

__all__ = ["SCALARS", "Failure", "Recorder", "tensors"]

_made = tuple.__new__


@dataclass
class Failure:
    """Where a forward stopped: the function and its arguments (none: it was no function), the module and its inputs."""

    kind: str = ""
    bound: Mapping[str, Any] | None = None
    path: str = ""
    module: str = ""
    inputs: tuple[Any, ...] = ()


@dataclass(slots=True)
class _Frame:
    path: str
    module: nn.Module
    first: int
    inputs: tuple[Any, ...]
    ops: int = 0

    def name(self, kind: str) -> str:
        """As torchvision's feature extraction names its nodes."""
        kind = kind.rstrip("_")
        if not self.path:
            return kind
        inner = type(self.module).__module__.startswith("torch.nn.") and not isinstance(self.module, nn.Sequential)
        leaf = self.ops == 1 and (inner or not self.module.__dict__["_modules"])
        return self.path if leaf else f"{self.path}.{kind}"


#: An op before it has its name, which depends on what else runs in its frame: the frame, and all from the kind on.
_Event = tuple[
    _Frame, str, tuple[Operand, ...], tuple[Shape, ...], tuple[tuple[str, Any], ...], tuple[Weight, ...], str, int,
]  # fmt: skip
#: In the place of a parameter that the model did not have before its forward ran.
_UNKNOWN = Weight("", (), 0, False, False)

#: Types of plain values.
SCALARS = frozenset({int, float, bool, str, type(None), torch.dtype})
_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


def tensors(value: Any) -> Iterator[Tensor]:
    """All tensors in a nest of tuples, lists and dicts."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from tensors(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors(item)


class _Names(dict[torch.dtype, str]):
    """The names of dtypes, such as "float32"."""

    def __missing__(self, dtype: torch.dtype) -> str:
        return self.setdefault(dtype, str(dtype)[6:])


class Recorder(TorchFunctionMode):
    """Use it as a context around a copy's forward; then ``ops()`` and ``calls`` say what happened.

    Args:
        meta: the tensors are on the meta device, so ``meta_kernels`` may answer.
        device: the type of the device that they stand for, whose autocast counts.
    """

    def __init__(self, *, meta: bool, device: str = "cpu") -> None:
        super().__init__()
        self.meta, self.device = meta, device
        self.no_hooks: Mapping[str, Any] | None = None
        self.foreign: Callable[[], None] = lambda: None  # is told when code of somebody's own is about to run
        self.parameters: list[TensorRecord] = []  # shared ones once
        self.shared = Shared()
        self.names = _Names()
        self.calls: list[Call] = []
        self.modules: dict[str, str] = {}  # path: class
        self.failure: Failure | None = None
        self._current: tuple[str, Mapping[str, Any]] | None = None
        self.events: list[_Event | Operation] = []  # an op that is its whole module is written down complete
        self.frames: list[_Frame] = []
        self.maps: dict[int, Map] = {}  # by the id of a tensor, as are the next three
        self.shapes: dict[int, Shape] = {}  # of the tensors that are no maps, as are the next
        self.producers: dict[int, int] = {}
        self.stand_ins: dict[int, TensorRecord] = {}
        self.alive: list[Any] = []  # no id may be given to a second tensor
        self._records: dict[int, TensorRecord] = {}  # by the id of the model's own tensor
        self._copies: list[nn.Module] = []

    # What the copy tells.

    def meet(self, module: nn.Module, path: str) -> str:
        self.modules[path] = type(module).__name__
        return path

    def leaf(self, copied: nn.Module, module: nn.Module, path: str, copier: Any) -> bool:
        return False

    def children(self, module: nn.Module, prefix: str, copier: Any) -> MutableMapping[str, Any] | None:
        return None

    def told(self, copied: nn.Module) -> None:
        self._copies.append(copied)

    def record(self, original: Tensor, name: str, parameter: bool) -> TensorRecord:
        """The record of a tensor of the model; of a shared one the first name counts."""
        known = self._records.get(id(original))
        if known is None:
            known = self._records[id(original)] = TensorRecord(name, original, parameter)
            if parameter:
                self.parameters.append(known)
        return known

    def adopt(self, tensor: Tensor, original: Tensor, name: str, parameter: bool) -> None:
        record = self.stand_ins[id(tensor)] = self.record(original, name, parameter)
        record.stood = True
        self.shapes[id(tensor)] = record.shape
        self.alive.append(tensor)

    def enter(self, module: nn.Module, path: str, inputs: tuple[Any, ...]) -> None:
        self.frames.append(_Frame(path, module, len(self.events), inputs))

    def leave(self, module: nn.Module, path: str, output: Any) -> None:
        frame = self.frames.pop()
        own = []
        for parameter in module.__dict__["_parameters"].values():
            if parameter is not None:
                record = self.stand_ins.get(id(parameter))
                own.append(record.own() if record is not None else _UNKNOWN)
        known = self.maps.get(id(output))
        shapes = (known.shape,) if known is not None else tuple([self.shape(each) for each in tensors(output)])
        container = isinstance(module, _CONTAINERS)
        self.calls.append(_made(Call, (path, type(module).__name__, len(self.frames) - 1, frame.first, len(self.events),
                                      shapes, tuple(own), container)))  # fmt: skip

    def fail(self) -> None:
        if self.failure is None:
            frame = self.frames[-1]
            self.failure = Failure(*(self._current or ()))
            self.failure.path, self.failure.module = frame.path, type(frame.module).__name__
            self.failure.inputs = frame.inputs

    def start(self, model: nn.Module, inputs: list[Tensor]) -> None:
        self.frames.append(_Frame("", model, 0, tuple(inputs)))  # for what a hook does before the first forward
        self.alive.append(inputs)
        for place, tensor in enumerate(inputs):
            self._look_at(tensor, tuple(tensor.shape), -1 - place)

    def finish(self) -> None:
        """The copies let go of their way to tell; it holds them, so they would wait for the garbage collector."""
        for copied in self._copies:
            copied.__dict__.pop("forward", None)
        self._copies.clear()

    def source(self, tensor: Tensor) -> int | None:
        """Which op a tensor came from."""
        known = self.maps.get(id(tensor))
        return known.source if known is not None else self.producers.get(id(tensor))

    def shape(self, tensor: Tensor) -> Shape:
        known = self.maps.get(id(tensor))
        return known.shape if known is not None else self.shapes.get(id(tensor)) or tuple(tensor.shape)

    def weight(self, tensor: Tensor) -> str | None:
        """Which parameter or buffer a tensor is."""
        record = self.stand_ins.get(id(tensor))
        return record.weight.name if record is not None else None

    def unused(self) -> tuple[Weight, ...]:
        """The parameters that no op has used."""
        return tuple([record.weight for record in self.parameters if not record.used])

    def ops(self) -> tuple[Op, ...]:
        """What has run, in order; every name once."""
        taken: dict[str, int] = {}
        operations: list[Operation] = []
        for index, event in enumerate(self.events):
            if isinstance(event, Operation):
                name = event.name
            else:
                frame, kind, *rest = event
                name = frame.name(kind)
                event = _made(Operation, (index, name, kind, frame.path, type(frame.module).__name__, *rest))
            count = taken.get(name, 0)
            taken[name] = count + 1
            if count:
                while f"{name}_{count}" in taken:
                    count += 1
                name = f"{name}_{count}"
                taken.setdefault(name, 1)
                event = event._replace(name=name)
            operations.append(event)
        shared = self.shared
        shared.operations = operations
        return tuple([_made(Op, (*operation, shared)) for operation in operations])

    # What PyTorch tells.

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        known = treatment(func)
        kind = known.kind
        if known.question:
            self._current = kind, {"input": args[0]} if args else {}
            if kind == "__set__":  # x.data = other
                self._forget(args[0])
            result = func(*args, **kwargs)
            self._current = None
            return result
        if known.same or kind == "to":
            return self._move(func, known, args, kwargs)
        if kind == "__iter__":
            return iter(self.write("unbind", {"input": args[0]}, args[0].unbind(0)))
        if known.factory and self.meta:
            kwargs = {**kwargs, "device": "meta"}
        bound = bind(kind, args, kwargs)
        if (foreseen := self.foresee(kind, bound)) is not None:
            return foreseen
        self._current = kind, bound
        result = NotImplemented
        if self.meta and torch.is_autocast_enabled(self.device) and not known.factory:
            result = answer_under_autocast(func, args, kwargs, self.device)
        elif known.kernel is not None and self.meta:
            result = known.kernel(bound)
        if result is NotImplemented:
            result = func(*args, **kwargs)
        self._current = None
        return self.write(kind, bound, result)

    def foresee(self, kind: str, bound: Mapping[str, Any]) -> Tensor | None:
        """What a function gives, written down, where that is certain without running it."""
        return None

    def _move(self, func: Any, known: Treatment, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Another device, or the same numbers once more, isn't an operation; another dtype is one."""
        first = args[0]
        wanted = next((v for v in (*args[1:], *kwargs.values()) if isinstance(v, torch.dtype | Tensor)), None)
        wanted = wanted.dtype if isinstance(wanted, Tensor) else wanted
        if known.kind == "to" and wanted is not None and wanted != first.dtype:
            result = first.to(wanted) if self.meta else func(*args, **kwargs)
            return self.write("to", {"input": first, "dtype": str(wanted)}, result)
        result = first if self.meta and known.kind not in ("detach", "data") else func(*args, **kwargs)
        if result is not first:
            self.alive.append(result)
            if (source := self.source(first)) is not None:
                self.producers[id(result)] = source
            if id(first) in self.stand_ins:
                self.stand_ins[id(result)] = self.stand_ins[id(first)]
        return result

    def outputs(self, kind: str, bound: Mapping[str, Any], result: Any) -> list[Tensor]:
        """The tensors that a function gave; none where what it did isn't an op."""
        first: Any = bound.get("input")
        record = self.stand_ins.get(id(first))
        if record is not None and record.weight.name.endswith("num_batches_tracked"):
            return []
        if kind == "setitem":
            return [first]
        return [result] if isinstance(result, Tensor) else list(tensors(result))

    def write(self, kind: str, bound: Mapping[str, Any], result: Any) -> Any:
        """Write an op down."""
        first: Any = bound.get("input")
        outputs = self.outputs(kind, bound, result)
        if not outputs:
            return result
        in_place = kind.endswith("_") or kind == "setitem" or bool(bound.get("inplace"))
        if result is first and not in_place:
            result = result.view_as(result)  # another object, so that the two can be told apart as sources
            outputs = [result]
        operands, settings, weights = self._read(bound)
        index = len(self.events)
        shapes = tuple([tuple(output.shape) for output in outputs])
        for output, shape in zip(outputs, shapes, strict=True):
            self._look_at(output, shape, index)
        self.alive.append(outputs)
        size = 0 if in_place else sum([output.numel() * output.element_size() for output in outputs])
        if size and kind in LOOKS and isinstance(first, Tensor):
            idle = kind == "dropout" and not bound.get("training", True)
            if idle or outputs[0].untyped_storage()._cdata == first.untyped_storage()._cdata:
                size = 0
        frame = self.frames[-1]
        frame.ops += 1
        self.events.append((frame, kind, tuple(operands), shapes, tuple(settings), tuple(weights),
                            self.names[outputs[0].dtype], size))  # fmt: skip
        return result

    def _look_at(self, tensor: Tensor, shape: Shape, source: int) -> None:
        """Remember a tensor's shape, and the op that it comes from."""
        key = id(tensor)
        known = self.meta and tensor.layout is torch.strided and tensor.is_floating_point()
        if known and tensor.is_contiguous() and key not in self.stand_ins:
            self.maps[key] = _made(Map, (shape, tensor.dtype, source, NEW))
        else:
            self.maps.pop(key, None)
            self.shapes[key], self.producers[key] = shape, source

    def _forget(self, tensor: Tensor) -> None:
        """A tensor is given other numbers: it isn't a map any more, as far as is known."""
        known = self.maps.pop(id(tensor), None)
        if known is not None:
            self.shapes[id(tensor)] = known.shape
            if known.source is not None:
                self.producers[id(tensor)] = known.source

    def _read(self, bound: Mapping[str, Any]) -> tuple[list[Operand], list[tuple[str, Any]], list[Weight]]:
        """A function's arguments: the tensors, the rest, and which of the tensors are parameters."""
        operands: list[Operand] = []
        weights: list[Weight] = []
        settings: list[tuple[str, Any]] = []
        for name, value in bound.items():
            if value is None:
                continue
            if type(value) in SCALARS:
                settings.append((name, value))
            elif isinstance(value, Tensor):
                self._operand(name, value, operands, weights)
            elif isinstance(value, tuple) and SCALARS.issuperset(map(type, value)):
                settings.append((name, tuple(value)))
            elif isinstance(value, tuple | list):
                items = [
                    self._operand(name, item, operands, weights) if isinstance(item, Tensor) else item for item in value
                ]
                settings.append((name, tuple(items)))
            else:
                settings.append((name, value))
        return operands, settings, weights

    def failed(self) -> Op | None:
        """The op that could not run, without outputs; None where no function failed."""
        failure = self.failure
        if failure is None or not failure.kind or not failure.bound:
            return None
        operands, settings, weights = self._read(failure.bound)
        leaf = not any(path.startswith(f"{failure.path}.") for path in self.modules)
        name = failure.path if leaf and failure.path else f"{failure.path}.{failure.kind.rstrip('_')}".lstrip(".")
        return Op(len(self.events), name, failure.kind, failure.path, failure.module, tuple(operands), (),
                  tuple(settings), tuple(weights), "", 0, self.shared)  # fmt: skip

    def _operand(self, name: str, value: Tensor, operands: list[Operand], weights: list[Weight]) -> Shape:
        key = id(value)
        if (known := self.maps.get(key)) is not None:
            operands.append(_made(Operand, (name, known.shape, known.source)))
            return known.shape
        shape = self.shapes.get(key) or tuple(value.shape)
        operands.append(_made(Operand, (name, shape, self.producers.get(key))))
        record = self.stand_ins.get(key)
        if record is not None and record.parameter:
            weights.append(record.use())
        return shape
