"""The recorder: a TorchFunctionMode that writes down every function of PyTorch's as a model calls it.

It sees functions, not modules, so an add or a flatten written in a forward is there too. What a function does inside
(attention's own matrix products) stays one op. It knows nothing about models and lets errors pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from course_lib.tracing.meta_kernels import answer_under_autocast
from course_lib.tracing.ops import Op, Shared
from course_lib.tracing.records import Call, Operand, Shape, Weight
from course_lib.tracing.torch_functions import LOOKS, Treatment, bind, treatment

__all__ = ["Failure", "Recorder", "tensors"]


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


_SCALARS = frozenset({int, float, bool, str, type(None), torch.dtype})
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


class Recorder(TorchFunctionMode):
    """Use it as a context around a copy's forward; then ``ops()`` and ``calls`` say what happened.

    Args:
        meta: the tensors are on the meta device, so ``meta_kernels`` may answer.
        device: the type of the device that they stand for, whose autocast counts.
    """

    def __init__(self, *, meta: bool, device: str = "cpu") -> None:
        super().__init__()
        self.meta, self.device = meta, device
        self.parameters: list[tuple[str, Tensor, bool]] = []  # name, stand-in, trainable; shared ones once
        self.shared = Shared()
        self.calls: list[Call] = []
        self.modules: dict[str, str] = {}  # path: class
        self.failure: Failure | None = None
        self.counted: set[int] = set()  # ids of parameters that an op has used
        self._current: tuple[str, Mapping[str, Any]] | None = None
        self._events: list[tuple[_Frame, tuple[Any, ...]]] = []
        self.frames: list[_Frame] = []
        self._weights: dict[int, tuple[str, bool | None, int]] = {}  # id of a stand-in: name, trainable, numel
        self._shapes: dict[int, Shape] = {}
        self._producers: dict[int, int] = {}
        self._owned: set[int] = set()
        self._alive: list[Any] = []  # no id may be given to a second tensor

    # What the copy tells.

    def meet(self, module: nn.Module, path: str) -> None:
        self.modules[path] = type(module).__name__

    def adopt(self, tensor: Tensor, original: Tensor, name: str, parameter: bool) -> None:
        self._weights[id(tensor)] = (name, original.requires_grad if parameter else None, tensor.numel())
        self._shapes[id(tensor)] = tuple(tensor.shape)
        self._alive.append(tensor)
        if parameter:
            self.parameters.append((name, tensor, original.requires_grad))

    def enter(self, module: nn.Module, path: str, inputs: tuple[Any, ...]) -> None:
        self.frames.append(_Frame(path, module, len(self._events), inputs))

    def leave(self, module: nn.Module, path: str, output: Any) -> None:
        frame = self.frames.pop()
        own = []
        for parameter in module.__dict__["_parameters"].values():
            if parameter is not None:
                _, trainable, numel = self._weights.get(id(parameter), ("", False, 0))
                own.append((numel, bool(trainable), id(parameter) in self._owned))
                self._owned.add(id(parameter))
        outputs = [output] if isinstance(output, Tensor) else tensors(output)
        shapes = tuple([self._shapes.get(id(tensor)) or tuple(tensor.shape) for tensor in outputs])
        container = isinstance(module, _CONTAINERS)
        self.calls.append(Call(path, type(module).__name__, len(self.frames) - 1, frame.first, len(self._events),
                               shapes, tuple(own), container))  # fmt: skip

    def fail(self) -> None:
        if self.failure is None:
            frame = self.frames[-1]
            self.failure = Failure(*(self._current or ()))
            self.failure.path, self.failure.module = frame.path, type(frame.module).__name__
            self.failure.inputs = frame.inputs

    def start(self, model: nn.Module, inputs: list[Tensor]) -> None:
        self.frames.append(_Frame("", model, 0, tuple(inputs)))  # for what a hook does before the first forward
        self._alive.append(inputs)
        self._producers.update({id(tensor): -1 - place for place, tensor in enumerate(inputs)})
        self._shapes.update({id(tensor): tuple(tensor.shape) for tensor in inputs})

    def source(self, tensor: Tensor) -> int | None:
        """Which op a tensor came from."""
        return self._producers.get(id(tensor))

    def weight(self, tensor: Tensor) -> str | None:
        """Which parameter or buffer a tensor is."""
        return self._weights.get(id(tensor), (None, None, 0))[0]

    def unused(self) -> tuple[Weight, ...]:
        """The parameters that no op has used."""
        return tuple(
            Weight(name, tuple(tensor.shape), tensor.numel(), trainable, False)
            for name, tensor, trainable in self.parameters
            if id(tensor) not in self.counted
        )

    def ops(self) -> tuple[Op, ...]:
        """What has run, in order; every name once."""
        taken: dict[str, int] = {}
        answer = []
        for index, (frame, rest) in enumerate(self._events):
            name = frame.name(rest[0])
            count = taken.get(name, 0)
            taken[name] = count + 1
            while count and f"{name}_{count}" in taken:
                count += 1
            name = f"{name}_{count}" if count else name
            taken.setdefault(name, 1)
            kind, operands, outputs, settings, weights, dtype, size = rest
            answer.append(Op(index, name, kind, frame.path, type(frame.module).__name__, operands, outputs, settings,
                             weights, dtype, size, self.shared))  # fmt: skip
        self.shared.ops = tuple(answer)
        return self.shared.ops

    # What PyTorch tells.

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        known = treatment(func)
        kind = known.kind
        if known.question:
            self._current = kind, {"input": args[0]} if args else {}
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

    def _move(self, func: Any, known: Treatment, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Another device, or the same numbers once more, is no operation; another dtype is one."""
        first = args[0]
        wanted = next((v for v in (*args[1:], *kwargs.values()) if isinstance(v, torch.dtype | Tensor)), None)
        wanted = wanted.dtype if isinstance(wanted, Tensor) else wanted
        if known.kind == "to" and wanted is not None and wanted != first.dtype:
            result = first.to(wanted) if self.meta else func(*args, **kwargs)
            return self.write("to", {"input": first, "dtype": str(wanted)}, result)
        result = first if self.meta and known.kind not in ("detach", "data") else func(*args, **kwargs)
        if result is not first:
            self._alive.append(result)
            if id(first) in self._producers:
                self._producers[id(result)] = self._producers[id(first)]
            if id(first) in self._weights:
                self._weights[id(result)] = self._weights[id(first)]
        return result

    def outputs(self, kind: str, bound: Mapping[str, Any], result: Any) -> list[Tensor]:
        """The tensors that a function gave; none where what it did is no op."""
        first: Any = bound.get("input")
        if self._weights.get(id(first), ("", None, 0))[0].endswith("num_batches_tracked"):
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
        shapes = tuple([tuple(output.shape) for output in outputs])
        for output, shape in zip(outputs, shapes, strict=True):
            self._producers[id(output)] = len(self._events)
            self._shapes[id(output)] = shape
        self._alive.append(outputs)
        size = 0 if in_place else sum([output.numel() * output.element_size() for output in outputs])
        if size and kind in LOOKS and isinstance(first, Tensor):
            idle = kind == "dropout" and not bound.get("training", True)
            if idle or outputs[0].untyped_storage()._cdata == first.untyped_storage()._cdata:
                size = 0
        frame = self.frames[-1]
        frame.ops += 1
        self._events.append((frame, (
            kind, tuple(operands), shapes, tuple(settings), tuple(weights),
            str(outputs[0].dtype)[6:], size,
        )))  # fmt: skip
        return result

    def _read(self, bound: Mapping[str, Any]) -> tuple[list[Operand], list[tuple[str, Any]], list[Weight]]:
        """A function's arguments: the tensors, the rest, and which of the tensors are parameters."""
        operands: list[Operand] = []
        weights: list[Weight] = []
        settings: list[tuple[str, Any]] = []
        for name, value in bound.items():
            if value is None:
                continue
            if type(value) in _SCALARS:
                settings.append((name, value))
            elif isinstance(value, Tensor):
                self._operand(name, value, operands, weights)
            elif isinstance(value, tuple) and _SCALARS.issuperset(map(type, value)):
                settings.append((name, tuple(value)))
            elif isinstance(value, tuple | list):
                for item in value:
                    if isinstance(item, Tensor):
                        self._operand(name, item, operands, weights)
                settings.append((name, tuple(tuple(v.shape) if isinstance(v, Tensor) else v for v in value)))
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
        return Op(len(self._events), name, failure.kind, failure.path, failure.module, tuple(operands), (),
                  tuple(settings), tuple(weights), "", 0, self.shared)  # fmt: skip

    def _operand(self, name: str, value: Tensor, operands: list[Operand], weights: list[Weight]) -> None:
        key = id(value)
        shape = self._shapes.get(key) or tuple(value.shape)
        operands.append(Operand(name, shape, self._producers.get(key)))
        named = self._weights.get(key)
        if named is not None and named[1] is not None:
            weights.append(Weight(named[0], shape, named[2], named[1], key in self.counted))
            self.counted.add(key)
