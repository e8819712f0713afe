"""Leaves: unmodified layers of torch.nn, recorded without running, and the Sequentials that run them.

What ``leaf_rules`` knows of a layer is written down straight away. Such a layer needs no tensors in the copy, and in a
Sequential no copy at all; each is made as soon as somebody asks for it. For everything else (a layer that somebody has
changed, hooks, a tensor that the recorder does not know, a shape that does not fit, autocast) the layer runs like any
other module, under ``recorder``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from math import prod
from operator import itemgetter
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from course_lib.tracing.copies import HOOKS, NO_HOOKS, Copier, told
from course_lib.tracing.function_rules import FUNCTIONS
from course_lib.tracing.leaf_rules import Layer, attributes, has_its_own_tensors, is_plain, rules, runs_in_order
from course_lib.tracing.recorder import IN_PLACE, NEW, Map, Recorder, TensorRecord
from course_lib.tracing.records import Call, Operand, Operation, Shape, Weight

__all__ = ["LeafRecorder"]

Value = TypeVar("Value")

_hooks = itemgetter(*HOOKS)
_META = torch.device("meta")
_FREE = torch._C.DisableTorchFunction  # the recorder looks away
_made = tuple.__new__


# -- copies of layers -------------------------------------------------------------------------------------------------
class _Waiting(MutableMapping[str, Value]):
    """What a module has under its names, made for the copy when somebody first asks for one of them."""

    __slots__ = ("held", "waiting")

    def __init__(self, held: dict[str, Value]) -> None:
        self.held, self.waiting = held, True

    def make(self) -> None:
        raise NotImplementedError

    def made(self) -> dict[str, Value]:
        if self.waiting:
            self.waiting = False
            with _FREE():
                self.make()
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


class _Tensors(_Waiting["Tensor | None"]):
    """A leaf's parameters or buffers; once they are made, the leaf runs like any other module."""

    __slots__ = ("leaf", "parameters")

    def __init__(self, leaf: _Leaf, theirs: dict[str, Tensor | None], parameters: bool) -> None:
        super().__init__(theirs)
        self.leaf, self.parameters = leaf, parameters

    def make(self) -> None:
        self.leaf.plain = False
        prefix, tensor_of = f"{self.leaf.path}." if self.leaf.path else "", self.leaf.copier.tensor
        self.held = {
            key: None if tensor is None else tensor_of(tensor, prefix + key, self.parameters)
            for key, tensor in self.held.items()
        }


class _Children(_Waiting["nn.Module | _Leaf | _Chain | None"]):
    """The layers of a Sequential; its leaves run without copies of them until somebody asks for one."""

    __slots__ = ("recorder",)

    def __init__(self, recorder: LeafRecorder, held: dict[str, nn.Module | _Leaf | _Chain | None]) -> None:
        super().__init__(held)
        self.recorder = recorder

    def release(self) -> None:
        """After the run: it forgets the recorder, which holds the copies that hold it."""
        del self.recorder

    def make(self) -> None:
        for key, child in self.held.items():
            if isinstance(child, _Leaf | _Chain):
                self.held[key] = child.copy()

    def forward(self, input: Any) -> Any:
        """As the forward of ``nn.Sequential``."""
        value, map_ = self.run(input, None)
        return self.recorder.tensor_of(map_) if value is None else value

    def run(self, value: Any, map_: Map | None) -> tuple[Any, Map | None]:
        """From a tensor or a map to a tensor or a map: what passes from leaf to leaf is seen by nobody, and so it needs
        no tensor (None)."""
        recorder = self.recorder
        for child in self.held.values():
            if isinstance(child, _Chain):
                value, map_ = child.run(value, map_)
                continue
            if isinstance(child, _Leaf):
                if map_ is None:
                    map_ = recorder.map_of(value)
                after = child.step(map_)
                if after is not None:
                    if after.place != IN_PLACE:
                        value = None
                    elif value is not None:
                        recorder.put(value, after)
                    map_ = after
                    continue
            if value is None:
                value = recorder.tensor_of(map_)
            value, map_ = (child.forward if isinstance(child, _Leaf) else child)(value), None  # type: ignore[misc]
        return value, map_


class _Leaf:
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

    def __init__(self, recorder: LeafRecorder, copier: Copier, module: nn.Module, path: str, layer: Layer) -> None:
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
        self.copied, self.ours = copied, (ours := dict(theirs))
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
            after = self.step(recorder.map_of(value))
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
        path, outputs, dtype_name = self.path, (out,), recorder.names[dtype]
        size = prod(out) * dtype.itemsize if place == NEW else 0
        operands = (_made(Operand, ("input", shape, source)), *self.operands)
        op = (first, path or kind, kind, path, self.kind, operands, outputs, settings, weights, dtype_name, size)
        recorder.events.append(_made(Operation, op))
        recorder.calls.append(_made(Call, (path, self.kind, depth, first, first + 1, outputs, own, False)))
        return _made(Map, (out, dtype, first, place))


class _Chain:
    """A Sequential inside a Sequential, which needs no copy of its own either."""

    __slots__ = ("children", "copier", "kind", "module", "path", "recorder")

    def __init__(self, recorder: LeafRecorder, copier: Copier, module: nn.Module, path: str) -> None:
        self.recorder, self.copier, self.module, self.path = recorder, copier, module, path
        self.kind = type(module).__name__
        self.children: _Children = recorder.children(module, f"{path}.", copier)  # type: ignore[assignment]

    def run(self, value: Any, map_: Map | None) -> tuple[Any, Map | None]:
        """Runs its children and tells the recorder, as ``copies.told`` does."""
        recorder = self.recorder
        first = len(recorder.events)
        recorder.enter(self.module, self.path, (map_ if value is None else value,))
        try:
            value, map_ = self.children.run(value, map_)
        except BaseException:
            recorder.fail()
            raise
        if map_ is None:
            recorder.leave(self.module, self.path, value)
        else:
            recorder.frames.pop()
            depth, end = len(recorder.frames) - 1, len(recorder.events)
            recorder.calls.append(Call(self.path, self.kind, depth, first, end, (map_.shape,), (), True))
        return value, map_

    def copy(self) -> nn.Module:
        """The copy of the Sequential, where there is none yet."""
        copied = self.copier.module(self.module, self.path)
        self.copier.finish()
        return copied

    def release(self) -> None:
        """After the run: it forgets the copy, which holds it."""
        del self.copier, self.children, self.recorder


class LeafRecorder(Recorder):
    """A recorder on the meta device that knows the rules of leaves.

    Args:
        no_hooks: what stands for the hooks of every module; a model that adds some in its forward needs None.
    """

    def __init__(self, *, device: str = "cpu", no_hooks: Mapping[str, Any] | None = NO_HOOKS) -> None:
        super().__init__(meta=True, device=device)
        self.no_hooks = no_hooks
        self.operands: dict[tuple[str, Shape], Operand] = {}
        self._leaves: dict[int, _Leaf] = {}  # by the id of the layer
        self._chains: dict[int, _Chain] = {}
        self._sequences: list[_Children] = []
        self._templates: dict[tuple[Any, ...], Tensor] = {}  # by shape and dtype
        self._layers = rules()

    def leaf(self, copied: nn.Module, module: nn.Module, path: str, copier: Copier) -> bool:
        leaf = self._leaf_of(module, path, copier)
        if leaf is not None:
            leaf.fill(copied)
        return leaf is not None

    def meet(self, module: nn.Module, path: str) -> str:
        known = self._chains.get(id(module))
        if known is not None:
            return known.path
        self.modules[path] = type(module).__name__
        return path

    def children(self, module: nn.Module, prefix: str, copier: Copier) -> _Children | None:
        if not self._layers or not runs_in_order(module):
            return None
        held: dict[str, nn.Module | _Leaf | _Chain | None] = {}
        for key, child in module.__dict__["_modules"].items():
            known = copier.memo.get(id(child))
            if known is None and child is not None:
                path = prefix + key
                known = self._leaf_of(child, path, copier) or self._chain_of(child, path, copier)
                known = known or copier.module(child, path)
            held[key] = known
        self._sequences.append(_Children(self, held))
        return self._sequences[-1]

    def _chain_of(self, module: nn.Module, path: str, copier: Copier) -> _Chain | None:
        known, theirs = self._chains.get(id(module)), module.__dict__
        if known is None and runs_in_order(module) and is_plain(theirs):
            self.meet(module, path)
            known = self._chains[id(module)] = _Chain(self, copier, module, path)
        return known

    def _leaf_of(self, module: nn.Module, path: str, copier: Copier) -> _Leaf | None:
        known = self._leaves.get(id(module))
        if known is None:
            kind: Any = type(module)
            layer, theirs = self._layers.get(kind), module.__dict__
            if layer is None or tuple(theirs) != attributes(kind) or any(_hooks(theirs)):
                return None
            if not has_its_own_tensors(theirs, layer):
                return None
            self.modules[path] = type(module).__name__
            known = self._leaves[id(module)] = _Leaf(self, copier, module, path, layer)
        return known

    def finish(self) -> None:
        super().finish()
        parts: list[_Leaf | _Chain | _Children] = [*self._leaves.values(), *self._chains.values(), *self._sequences]
        for part in parts:
            part.release()
        self._leaves.clear()
        self._chains.clear()
        self._sequences.clear()

    def fail(self) -> None:
        super().fail()
        if self.failure is not None:
            inputs = self.failure.inputs
            self.failure.inputs = tuple(self.tensor_of(each) if type(each) is Map else each for each in inputs)

    def map_of(self, value: Any) -> Map | None:
        """What is known about a tensor; None where it is no contiguous map of floats."""
        return self.maps.get(id(value))

    def put(self, tensor: Tensor, map_: Map) -> Tensor:
        """From now on this tensor is that map."""
        self.maps[id(tensor)] = map_
        return tensor

    def foresee(self, kind: str, bound: Mapping[str, Any]) -> Map | None:
        rule = FUNCTIONS.get(kind)
        if rule is None or torch.is_autocast_enabled(self.device):
            return None
        return rule(bound, self.maps)

    def tensor_of(self, map_: Map | None) -> Tensor:
        assert map_ is not None
        with _FREE():
            template = self._templates.get(map_[:2])
            if template is None:
                template = self._templates[map_[:2]] = torch.empty(map_.shape, dtype=map_.dtype, device=_META)
            tensor = template.detach()  # four times as fast as a new one, and on the meta device as good as one
        self.alive.append(tensor)
        return self.put(tensor, map_)

    def operand_of(self, argument: str, shape: Shape) -> Operand:
        """A parameter or buffer as an operand."""
        return self.operands.setdefault((argument, shape), Operand(argument, shape, None))
