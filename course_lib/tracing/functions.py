"""What is to be done about each of PyTorch's functions when it is met: recorded, answered, or let through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from course_lib.tracing.answers import ANSWERS, FACTORIES, Answer
from course_lib.tracing.signatures import kind_of

__all__ = ["LOOKS", "Known", "look_up"]

# Asked about a tensor, they compute nothing.
_QUESTIONS_TEXT = """
    size dim numel nelement ndimension stride is_floating_point is_complex is_contiguous storage_offset _assert item
    tolist data_ptr get_device element_size requires_grad_ numpy is_same_size is_tensor shape device dtype
    is_nonzero untyped_storage is_storage is_pinned is_shared is_cuda ndim layout names requires_grad is_leaf
    grad_fn grad is_quantized is_sparse is_meta is_cpu is_nested itemsize nbytes output_nr retains_grad _version
    equal allclose __float__ __int__ __bool__ __index__ __complex__ __len__ __contains__ __repr__ __hash__
    __format__ __array__ __set__ __delete__ __deepcopy__ __reduce_ex__
"""
_QUESTIONS = frozenset(_QUESTIONS_TEXT.split())
_SAME_NUMBERS = frozenset({"detach", "data", "detach_", "cpu", "cuda", "pin_memory", "alias"})
# May answer with the same memory, looked at differently.
LOOKS_TEXT = """
    view reshape flatten permute transpose swapaxes t T mT squeeze unsqueeze expand chunk split unbind getitem
    narrow select contiguous to float half unflatten view_as expand_as movedim dropout
"""
LOOKS = frozenset(LOOKS_TEXT.split())


@dataclass(slots=True)
class Known:
    """What is to be done about a function, found out when it is first met."""

    kind: str
    question: bool
    same: bool
    factory: bool
    answer: Answer | None


_known: dict[Any, Known] = {}


def look_up(func: Callable[..., Any]) -> Known:
    """What is known about a function; found out once."""
    if (known := _known.get(func)) is not None:
        return known
    kind = kind_of(func)
    known = Known(kind, kind in _QUESTIONS, kind in _SAME_NUMBERS, kind in FACTORIES, ANSWERS.get(kind))
    return _known.setdefault(func, known)
