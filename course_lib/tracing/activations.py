"""Every tensor of one forward: what each operation was given and what it gave.

A copy of the model (``copies``) runs in eval mode on its own weights, with a softmax after its logits. Nothing is
copied but what a later operation overwrites, so a forward takes the memory that training would take.
``one_number`` explains a single number of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.tracing.copy_runs import run_copy
from course_lib.tracing.layer_maps import LayerError, device_of
from course_lib.tracing.meta_kernels import FACTORIES
from course_lib.tracing.ops import Op
from course_lib.tracing.recorder import Recorder
from course_lib.tracing.torch_functions import treatment
from course_lib.tracing.tracer import trace, unwrapped

__all__ = ["Activations", "activations"]

_MOST_BYTES = 3 * 2**30  # of one forward


@dataclass(frozen=True, eq=False)
class Activations:
    """One forward of one picture.

    Attributes:
        batch: (1, C, H, W), what the model was given.
        ops: in the order they ran; the last one is the softmax of the logits, unless the model gave something else.
        arguments: for each op, its arguments by name as they were when it ran; tensors are on the CPU.
        outputs: for each op, what it gave, on the CPU.
    """

    batch: Tensor
    ops: tuple[Op, ...]
    arguments: tuple[Mapping[str, Any], ...]
    outputs: tuple[tuple[Tensor, ...], ...]

    @cached_property
    def followed(self) -> tuple[Op, ...]:
        """The ops whose numbers depend on the picture: not a mask or a table of positions that a model makes itself."""
        seen = {-1}
        for op in self.ops:
            if seen.intersection(op.sources) and op.plain not in FACTORIES:
                seen.add(op.index)
        return tuple(op for op in self.ops if op.index in seen)

    def of(self, name: str) -> Op:
        """An op by its name.

        Raises:
            LayerError: none is called so.
        """
        for op in self.ops:
            if op.name == name:
                return op
        some = ", ".join(op.name for op in self.followed[:12])
        raise LayerError(f"There is no layer {name!r} in this model; its layers begin with {some}.")

    def __repr__(self) -> str:
        return f"<Activations: {len(self.ops)} ops>"


def activations(model: nn.Module, batch: Tensor) -> Activations:
    """Run one picture through a model in eval mode, and keep every tensor.

    Args:
        model: any module on any device, in any mode; nothing of it changes.
        batch: (1, C, H, W), prepared with the model's own transforms.

    Raises:
        LayerError: more than one picture, or a forward that would fill the memory.
        TraceError: such a picture does not go through the model.

    Example:
        >>> from torchvision.models import resnet18
        >>> seen = activations(resnet18(), torch.zeros(1, 3, 64, 64))
        >>> seen.of("layer1.0.add").output, seen.ops[-1].name, len(seen.followed)
        ((1, 64, 16, 16), 'softmax', 70)
    """
    if not isinstance(batch, Tensor) or batch.dim() != 4 or len(batch) != 1:
        given = tuple(batch.shape) if isinstance(batch, Tensor) else type(batch).__name__
        raise LayerError(f"One picture is a tensor of (1, channels, height, width); {given} was given.")
    model = unwrapped(model)
    size = trace(model, tuple(batch.shape[1:]), mode="eval").bytes  # also says in a sentence what does not fit
    if size > _MOST_BYTES:
        raise LayerError(
            f"This {type(model).__name__} makes {size / 2**30:.1f} GiB of maps from a picture of "
            f"{batch.shape[2]}×{batch.shape[3]}, and all of them would have to be kept; choose a smaller model."
        )
    keepers: list[_Keeper] = []

    def keeper() -> _Keeper:
        keepers.append(_Keeper())
        return keepers[-1]

    def run(copied: nn.Module) -> None:
        given = batch.to(device_of(model)).clone()  # a first op may work in place
        keepers[-1].start(copied, [given])
        with keepers[-1]:
            output = copied(given)
            if isinstance(output, Tensor) and output.dim() == 2:
                torch.softmax(output, dim=1)

    try:
        with torch.no_grad():
            run_copy(model, run, keeper)
    finally:
        for each in keepers:
            each.finish()
    return keepers[-1].answer(batch.detach().cpu())


@dataclass(slots=True)
class _Kept:
    """A tensor as it was when it was met: another one takes its place before it is written to."""

    tensor: Tensor


class _Keeper(Recorder):
    """A recorder that keeps arguments and outputs."""

    def __init__(self) -> None:
        super().__init__(meta=False)
        self.given: list[dict[str, Any]] = []
        self.made: list[list[_Kept]] = []
        self._latest: dict[int, _Kept] = {}  # by the id of a tensor
        self._sharing: dict[int, list[tuple[int, _Kept]]] = {}  # by the memory of a tensor: its id and what is kept
        self._before: dict[int, _Kept] = {}  # what the function that runs now overwrites

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if args and isinstance(args[0], Tensor):
            kind = treatment(func).kind
            if kind.endswith("_") or kind == "setitem" or (kwargs and kwargs.get("inplace")):
                self._kept(args[0])
                for key, kept in self._sharing.pop(_memory(args[0]), ()):
                    kept.tensor = kept.tensor.clone()
                    if self._latest.get(key) is kept:
                        self._before[key] = self._latest.pop(key)
        answer = super().__torch_function__(func, types, args, kwargs)
        self._before = {}
        return answer

    def write(self, kind: str, bound: Mapping[str, Any], result: Any) -> Any:
        given, before = {name: self._with_kept(value) for name, value in bound.items()}, len(self.events)
        result = super().write(kind, bound, result)
        if len(self.events) > before:
            self.given.append(given)
            self.made.append([self._kept(tensor, new=True) for tensor in self.outputs(kind, bound, result)])
        return result

    def _with_kept(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return self._before.get(id(value)) or self._kept(value)
        if isinstance(value, tuple | list) and any(isinstance(item, Tensor) for item in value):
            return tuple(self._with_kept(item) for item in value)
        return value

    def _kept(self, tensor: Tensor, *, new: bool = False) -> _Kept:
        kept = None if new else self._latest.get(id(tensor))
        if kept is None:
            kept = self._latest[id(tensor)] = _Kept(tensor)
            self.alive.append(tensor)
            self._sharing.setdefault(_memory(tensor), []).append((id(tensor), kept))
        return kept

    def answer(self, batch: Tensor) -> Activations:
        self.shared.sizes = (tuple(batch.shape),)
        arguments = [{name: _plain(value) for name, value in given.items()} for given in self.given]
        outputs = [tuple(_plain(kept) for kept in made) for made in self.made]
        return Activations(batch, self.ops(), tuple(arguments), tuple(outputs))


def _memory(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _plain(value: Any) -> Any:
    if isinstance(value, _Kept):
        return value.tensor.detach().cpu()
    return tuple(_plain(item) for item in value) if isinstance(value, tuple) else value
