"""The recorder that a trace uses first: it writes leaves down by their rules.

The Sequentials that run them pass maps from one to the next without a tensor.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from torch import nn

from course_lib.tracing.copies import HOOKS, NO_HOOKS, Copier
from course_lib.tracing.leaf_rules import attributes, has_its_own_tensors, is_plain, rules, runs_in_order
from course_lib.tracing.leaves import Leaf, Waiting
from course_lib.tracing.map_recorder import MapRecorder
from course_lib.tracing.records import Call
from course_lib.tracing.tensor_records import IN_PLACE, Map

__all__ = ["LeafRecorder"]

_hooks = itemgetter(*HOOKS)


class _Children(Waiting["nn.Module | Leaf | _Chain | None"]):
    """The layers of a Sequential; its leaves run without copies of them until somebody asks for one."""

    __slots__ = ("recorder",)

    def __init__(self, recorder: LeafRecorder, held: dict[str, nn.Module | Leaf | _Chain | None]) -> None:
        super().__init__(held)
        self.recorder = recorder

    def release(self) -> None:
        """After the run: it forgets the recorder, which holds the copies that hold it."""
        del self.recorder

    def make(self) -> None:
        for key, child in self.held.items():
            if isinstance(child, Leaf | _Chain):
                self.held[key] = child.copy()

    def forward(self, input: Any) -> Any:
        """As the forward of ``nn.Sequential``."""
        value, map_ = self.run(input, None)
        return value if value is not None or map_ is None else self.recorder.tensor_of(map_)

    def run(self, value: Any, map_: Map | None) -> tuple[Any, Map | None]:
        """From a tensor or a map to a tensor or a map: what passes from leaf to leaf is seen by nobody, and so it needs
        no tensor (None)."""
        recorder = self.recorder
        for child in self.held.values():
            if isinstance(child, _Chain):
                value, map_ = child.run(value, map_)
                continue
            if isinstance(child, Leaf):
                if map_ is None:
                    map_ = recorder.maps.get(id(value))
                after = child.step(map_)
                if after is not None:
                    if after.place != IN_PLACE:
                        value = None
                    elif value is not None:
                        recorder.put(value, after)
                    map_ = after
                    continue
            if value is None and map_ is not None:
                value = recorder.tensor_of(map_)
            value, map_ = (child.forward if isinstance(child, Leaf) else child)(value), None  # type: ignore[misc]
        return value, map_


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


class LeafRecorder(MapRecorder):
    """A recorder on the meta device that knows the rules of leaves.

    Args:
        no_hooks: what stands for the hooks of every module; a model that adds some in its forward needs None.
    """

    def __init__(self, *, device: str = "cpu", no_hooks: Mapping[str, Any] | None = NO_HOOKS) -> None:
        super().__init__(device=device)
        self.no_hooks = no_hooks
        self._leaves: dict[int, Leaf] = {}  # by the id of the layer
        self._chains: dict[int, _Chain] = {}
        self._sequences: list[_Children] = []
        self._layers = rules()

    def leaf(self, copied: nn.Module, module: nn.Module, path: str, copier: Copier) -> bool:
        if not self._layers:  # somebody has put other code in the place of PyTorch's
            self.foreign()
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
        held: dict[str, nn.Module | Leaf | _Chain | None] = {}
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

    def _leaf_of(self, module: nn.Module, path: str, copier: Copier) -> Leaf | None:
        known = self._leaves.get(id(module))
        if known is None:
            kind: Any = type(module)
            layer, theirs = self._layers.get(kind), module.__dict__
            if layer is None or tuple(theirs) != attributes(kind) or any(_hooks(theirs)):
                return None
            if not has_its_own_tensors(theirs, layer):
                return None
            self.modules[path] = type(module).__name__
            known = self._leaves[id(module)] = Leaf(self, copier, module, path, layer)
        return known

    def finish(self) -> None:
        super().finish()
        parts: list[Leaf | _Chain | _Children] = [*self._leaves.values(), *self._chains.values(), *self._sequences]
        for part in parts:
            part.release()
        self._leaves.clear()
        self._chains.clear()
        self._sequences.clear()
