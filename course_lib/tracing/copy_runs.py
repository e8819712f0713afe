"""``run_copy``: something is run with a copy of a model on the model's own weights, which it cannot change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from course_lib.tracing.copies import Listener, copy_model, own_tensor, shared_tensor
from course_lib.tracing.randomness import unchanged_randomness

__all__ = ["run_copy"]

Answer = TypeVar("Answer")


def run_copy(
    model: nn.Module, run: Callable[[nn.Module], Answer], listener: Callable[[], Listener] | None = None
) -> Answer:
    """``run(copy)`` with a copy in eval mode on the model's own weights, or on clones where it would write to them.

    Args:
        run: what is done with the copy; a second time from the beginning where the first would have written to weights.
        listener: makes a listener for each copy.

    Example:
        >>> layer = nn.Linear(2, 1)
        >>> _ = run_copy(layer, lambda copied: copied.weight.zero_())
        >>> bool(layer.weight.any())
        True
    """
    for made in (shared_tensor, own_tensor):
        copied = copy_model(model, made, listener() if listener else None).eval()
        with unchanged_randomness():
            try:
                with _Guard(model.parameters() if made is shared_tensor else ()):
                    return run(copied)
            except _Written:
                continue
    raise AssertionError("A copy with its own weights cannot write to the model's.")  # pragma: no cover


class _Written(BaseException):
    """A forward is about to write to weights; no ``except Exception`` in a forward may hide it."""


class _Guard(TorchDispatchMode):
    """Raises ``_Written`` before one of PyTorch's kernels writes into the memory of these tensors."""

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.memory = {tensor.untyped_storage()._cdata for tensor in tensors if tensor.layout == torch.strided}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func._schema.is_mutable:
            for place, argument in enumerate(func._schema.arguments):
                if argument.alias_info is not None and argument.alias_info.is_write:
                    self.check(args[place] if place < len(args) else kwargs.get(argument.name))
        return func(*args, **kwargs)

    def check(self, target: Any) -> None:
        for tensor in target if isinstance(target, tuple | list) else (target,):
            strided = isinstance(tensor, Tensor) and tensor.layout == torch.strided
            if strided and tensor.untyped_storage()._cdata in self.memory:
                raise _Written
