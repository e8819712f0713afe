"""What a recorder knows about tensors: those of the model, and those that pass between its layers."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.tracing.records import Shape, Weight

__all__ = ["ELSEWHERE", "IN_PLACE", "NEW", "Map", "TensorRecord"]


class TensorRecord:
    """A parameter or buffer of the model, whatever tensor stands for it in the copy.

    Attributes:
        weight: the model's own tensor, as the first op that uses it says; ``trainable`` is False for a buffer.
        shape, dtype: of that tensor.
        parameter: whether it is one.
        used: an op has used it.
        owned: a call of its module has counted it.
        stood: there is a tensor for it in the copy.
    """

    __slots__ = ("dtype", "owned", "parameter", "shape", "stood", "used", "weight")

    def __init__(self, name: str, tensor: Tensor, parameter: bool) -> None:
        self.shape = shape = tuple(tensor.shape)
        trainable = parameter and tensor.requires_grad
        self.weight: Weight = tuple.__new__(Weight, (name, shape, tensor.numel(), trainable, False))
        self.dtype, self.parameter = tensor.dtype, parameter
        self.used = self.owned = self.stood = False

    def use(self) -> Weight:
        """For the op that uses it now."""
        used, self.used = self.used, True
        return self.weight._replace(shared=True) if used else self.weight

    def own(self) -> Weight:
        """For the call of its module, which may not be the first."""
        owned, self.owned = self.owned, True
        return self.weight._replace(shared=True) if owned else self.weight


class Map(NamedTuple):
    """A contiguous tensor of floats on the meta device: the op it came from, and where the last op has put it."""

    shape: Shape
    dtype: torch.dtype
    source: int | None
    place: int


#: Where an output is: in new memory, in the input's, or in another tensor that needs no memory of its own.
NEW, IN_PLACE, ELSEWHERE = range(3)
