"""Leaves: unmodified layers of torch.nn, recorded without running.

What ``leaf_rules`` knows of a layer is written down straight away. Such a layer needs no tensors in the copy, and in a
Sequential no copy at all (``leaf_recorder``); each is made as soon as somebody asks for it. For everything else (a
layer that somebody has changed, hooks, a tensor that the recorder does not know, a shape that does not fit, autocast)
the layer runs like any other module, under ``recorder``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, MutableMapping
from math import prod
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from course_lib.tracing.copies import HOOKS, Copier, told
from course_lib.tracing.leaf_rules import Layer
from course_lib.tracing.map_recorder import FREE, MapRecorder
from course_lib.tracing.records import Call, Operand, Operation, Shape, Weight
from course_lib.tracing.tensor_records import IN_PLACE, NEW, Map, TensorRecord

__all__ = ["Leaf", "Waiting"]

Value = TypeVar("Value")

_made = tuple.__new__


# -- copies of layers -------------------------------------------------------------------------------------------------
class Waiting(MutableMapping[str, Value]):
    """What a module has under its names, made for the copy when somebody first asks for one of them."""

    __slots__ = ("held", "waiting")

    def __init__(self, held: dict[str, Value]) -> None:
        self.held, self.waiting = held, True

    def make(self) -> None:
        raise NotImplementedError

    def made(self) -> dict[str, Value]:
        if self.waiting:
            with FREE():
                self.make()
            self.waiting = False
        return self.held

    def __len__(self) -> int:
        return len(self.held)

    def __contains__(self, key: object) -> bool:
        return key in self.held

    def __getitem__(self, key: str) -> Value:
        return self.made()[key]

    def __setitem__(self, key: str, value: Value) -> None:
        self.made()[key] = value

    def __delitem__(self, key: str) -> None:
        del self.made()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.made())

    def copy(self) -> dict[str, Value]:
        return dict(self.made())

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (self.made(),)


class _Tensors(Waiting["Tensor | None"]):
    """A leaf's parameters or buffers; once they are made, the leaf runs like any other module."""

    __slots__ = ("leaf", "parameters")

    def __init__(self, leaf: Leaf, theirs: dict[str, Tensor | None], parameters: bool) -> None:
        super().__init__(theirs)
        self.leaf, self.parameters = leaf, parameters

    def make(self) -> None:
        self.leaf.plain = False
        prefix, tensor_of = f"{self.leaf.path}." if self.leaf.path else "", self.leaf.copier.tensor
        self.held = {
            key: None if tensor is None else tensor_of(tensor, prefix + key, self.parameters)
            for key, tensor in self.held.items()
        }


class Leaf:
    """An unmodified layer: ``forward`` is what its copy calls instead of its class's own.

    Attributes:
        path, kind: where it is, and its class's name.
        ours: the attributes, read at every call, since a forward may change the copy's; the layer's own without a copy.
        records: of its parameters, in the order of the op's arguments.
        weights: the same as its first op says.
        buffers: the shapes of the buffers that the op takes.
        operands: parameters and buffers as operands of the op.
        copied: what stands for it in the copy, once somebody has asked for it.
        plain: nobody has asked for its tensors.
    """

    __slots__ = ("buffers", "copied", "copier", "kind", "module", "operands", "ours", "path", "plain", "recorder",
                 "records", "rule", "way", "weights")  # fmt: skip

    def __init__(self, recorder: MapRecorder, copier: Copier, module: nn.Module, path: str, layer: Layer) -> None:
        self.recorder, self.copier, self.module, self.path, self.rule = recorder, copier, module, path, layer.rule
        self.kind, self.plain, self.ours = type(module).__name__, True, module.__dict__
        self.copied: nn.Module | None = None
        self.way: Callable[..., Any] | None = None
        self.records: list[TensorRecord] = []
        self.buffers: list[Shape] = []
        if not layer.parameters:
            self.operands: tuple[Operand, ...] = ()
            self.weights: tuple[Weight, ...] = ()
            return
        operand, prefix = recorder.operands.get, f"{path}." if path else ""
        operands, weights = [], []
        if layer.buffers:
            buffers = self.ours["_buffers"]
            for name in layer.buffers:
                if (buffer := buffers[name]) is not None:
                    shape = buffer.shape
                    known = operand((name, shape)) or recorder.operand_of(name, tuple(shape))
                    operands.append(known)
                    self.buffers.append(known.shape)
        for name, tensor in self.ours["_parameters"].items():
            if tensor is not None:
                record = recorder.record(tensor, prefix + name, True)
                self.records.append(record)
                weights.append(record.weight)
                operands.append(operand((name, record.shape)) or recorder.operand_of(name, record.shape))
        self.operands, self.weights = tuple(operands), tuple(weights)

    def copy(self) -> nn.Module:
        """The copy of the layer, where there is none yet."""
        if self.copied is None:
            copied: nn.Module = object.__new__(type(self.module))
            self.copier.memo[id(self.module)] = copied
            self.fill(copied)
        return self.copied  # type: ignore[return-value]

    def fill(self, copied: nn.Module) -> None:
        """Give a new object the attributes of the layer."""
        theirs = self.module.__dict__
        self.copied, self.ours = copied, (ours := theirs.copy())
        ours.update(self.recorder.no_hooks or {name: OrderedDict() for name in HOOKS})
        ours["_compiled_call_impl"] = None
        ours["_non_persistent_buffers_set"] = set(theirs["_non_persistent_buffers_set"])
        ours["_parameters"] = _Tensors(self, theirs["_parameters"], True) if theirs["_parameters"] else {}
        ours["_buffers"] = _Tensors(self, theirs["_buffers"], False) if theirs["_buffers"] else {}
        ours["_modules"] = {}
        ours["forward"] = self.forward
        if (padding := theirs.get("_reversed_padding_repeated_twice")) is not None:
            ours["_reversed_padding_repeated_twice"] = list(padding)
        object.__setattr__(copied, "__dict__", ours)
        self.recorder.told(copied)

    def release(self) -> None:
        """After the run: it forgets the copy, which holds it."""
        self.copied = self.way = None
        self.ours = {}
        del self.copier, self.recorder

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs:
            recorder, value = self.recorder, args[0]
            after = self.step(recorder.maps.get(id(value)))
            if after is not None:
                return recorder.put(value, after) if after.place == IN_PLACE else recorder.tensor_of(after)
        if self.way is None:
            copied = self.copy()
            self.way = told(self.recorder, copied, self.path, type(copied).forward.__get__(copied))
        return self.way(*args, **kwargs)

    def step(self, before: Map | None) -> Map | None:
        """Writes down what the layer does with a map; None, and nothing written, where no rule is certain of it."""
        recorder = self.recorder
        if before is None or not self.plain or torch.is_autocast_enabled(recorder.device):
            return None
        shape, dtype, source, _ = before
        records, again = self.records, False
        for record in records:
            if record.stood:  # another module shares it, and has a tensor for it
                return None
            again = again or record.used or record.owned
        first, depth = len(recorder.events), len(recorder.frames) - 1
        if self.rule is None:
            recorder.calls.append(Call(self.path, self.kind, depth, first, first, (shape,), (), False))
            return _made(Map, (shape, dtype, source, IN_PLACE))
        try:
            answer = self.rule(self.ours, records, self.buffers, shape, dtype)
        except (ArithmeticError, LookupError, TypeError, ValueError):  # settings of somebody's own
            return None
        if answer is None:
            return None
        kind, out, settings, place = answer
        weights = own = self.weights
        if again:
            weights, own = tuple([record.use() for record in records]), tuple([record.own() for record in records])
        else:
            for record in records:
                record.used = record.owned = True
        outputs = recorder.outputs_of.get(out) or recorder.outputs_of.setdefault(out, (out,))
        out, path, dtype_name = outputs[0], self.path, recorder.names[dtype]
        size = prod(out) * dtype.itemsize if place == NEW else 0
        operands = (_made(Operand, ("input", shape, source)), *self.operands)
        op = (first, path or kind, kind, path, self.kind, operands, outputs, settings, weights, dtype_name, size)
        recorder.events.append(_made(Operation, op))
        recorder.calls.append(_made(Call, (path, self.kind, depth, first, first + 1, outputs, own, False)))
        return _made(Map, (out, dtype, first, place))
