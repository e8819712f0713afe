"""A recorder that knows what is in a tensor on the meta device: a map of floats, of a shape, from an op, and no more.

What functions and layers give for such maps is foreseen by rules (``function_rules``, ``leaf_rules``), so neither runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import torch
from torch import Tensor

from course_lib.tracing.function_rules import FUNCTIONS
from course_lib.tracing.recorder import Recorder
from course_lib.tracing.records import Operand, Shape
from course_lib.tracing.tensor_records import IN_PLACE, NEW, Map

__all__ = ["FREE", "MapRecorder"]

FREE = torch._C.DisableTorchFunction  # the recorder looks away
_META = torch.device("meta")


class MapRecorder(Recorder):
    """A recorder on the meta device that follows maps.

    Attributes:
        operands: parameters and buffers as operands of ops, by argument and shape.
        outputs_of: the outputs of an op that gives one map, by its shape; a model has few different ones.
    """

    def __init__(self, *, device: str = "cpu") -> None:
        super().__init__(meta=True, device=device)
        self.operands: dict[tuple[str, Shape], Operand] = {}
        self.outputs_of: dict[Shape, tuple[Shape]] = {}
        self._templates: dict[tuple[Any, ...], Tensor] = {}  # by shape and dtype

    def foresee(self, kind: str, bound: Mapping[str, Any]) -> Tensor | None:
        rule = FUNCTIONS.get(kind)
        if rule is None or torch.is_autocast_enabled(self.device):
            return None
        foreseen = rule(bound, self.maps)
        if foreseen is None:
            return None
        shape, dtype, _, place = foreseen
        operands, settings, weights = self._read(bound)
        size = prod(shape) * dtype.itemsize if place == NEW else 0
        index, frame = len(self.events), self.frames[-1]
        frame.ops += 1
        self.events.append((frame, kind, tuple(operands), (shape,), tuple(settings), tuple(weights), self.names[dtype],
                            size))  # fmt: skip
        map_ = tuple.__new__(Map, (shape, dtype, index, place))
        return self.put(bound["input"], map_) if place == IN_PLACE else self.tensor_of(map_)

    def put(self, tensor: Tensor, map_: Map) -> Tensor:
        """From now on this tensor is that map."""
        self.maps[id(tensor)] = map_
        return tensor

    def tensor_of(self, map_: Map) -> Tensor:
        """A tensor for a map that had none."""
        key = map_[:2]
        with FREE():
            template = self._templates.get(key)
            if template is None:
                template = self._templates[key] = torch.empty(map_.shape, dtype=map_.dtype, device=_META)
            tensor = template.detach()  # four times as fast as a new one, and as good where there is no memory
        self.alive.append(tensor)
        self.maps[id(tensor)] = map_
        return tensor

    def operand_of(self, argument: str, shape: Shape) -> Operand:
        """A parameter or buffer as an operand."""
        return self.operands.setdefault((argument, shape), Operand(argument, shape, None))

    def fail(self) -> None:
        super().fail()
        if self.failure is not None:
            inputs = self.failure.inputs
            self.failure.inputs = tuple(self.tensor_of(each) if type(each) is Map else each for each in inputs)
