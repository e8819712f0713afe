"""What a check does around a learner's code: tell a stub from an attempt, and leave the notebook as it was.

A check runs code that nobody has read. It may print, seed the random numbers, turn gradients off, change the default
dtype or set a signal handler; none of it reaches the notebook. ``time_limit`` stops code that does not come to an end.
This file knows nothing about right and wrong.
"""

from __future__ import annotations

import dis
import enum
import io
import random
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from types import FunctionType
from typing import Any

import numpy as np
import torch
from torch import overrides
from torch.utils import _device

__all__ = ["on_meta", "undisturbed", "untouched"]

#: What a function does that only takes constants, keeps them in variables and gives them back, on Python 3.10 to 3.14.
_IDLE = {
    "CACHE", "LOAD_CONST", "LOAD_FAST", "LOAD_FAST_BORROW", "NOP", "POP_TOP", "RESUME", "RETURN_CONST", "RETURN_VALUE",
    "STORE_FAST", "STORE_FAST_LOAD_FAST",
}  # fmt: skip
#: What `super().__init__()` and `self.conv1 = ...` add to that.
_IDLE_IN_CLASSES = _IDLE | {
    "CALL", "CALL_FUNCTION", "CALL_METHOD", "COPY_FREE_VARS", "LOAD_ATTR", "LOAD_DEREF", "LOAD_GLOBAL", "LOAD_METHOD",
    "LOAD_SUPER_ATTR", "PRECALL", "PUSH_NULL", "STORE_ATTR",
}  # fmt: skip
_NAMES_IN_CLASSES = {"super", "__init__", "__class__"}


def untouched(answer: Any) -> bool:
    """Whether the stub is still there: three dots, or a function or class that does nothing with what it is given.

    Example:
        >>> def stub(picture):
        ...     return ...
        >>> untouched(stub), untouched(lambda picture: picture)
        (True, False)
    """
    if answer is ...:
        return True
    if isinstance(answer, enum.EnumMeta):
        return _idle_enum(answer)
    if isinstance(answer, type):
        return _idle_class(answer)
    return isinstance(answer, FunctionType) and _idle(answer)


def _idle(function: FunctionType) -> bool:
    steps = list(dis.get_instructions(function))
    if not {step.opname for step in steps} <= _IDLE or not _constant(steps):
        return False
    made = {step.argval for step in steps if step.opname == "STORE_FAST"}
    return all(step.argval in made for step in steps if step.opname.startswith("LOAD_FAST"))  # an argument is used


def _constant(steps: list[dis.Instruction]) -> bool:
    return all(step.argval in (None, ...) for step in steps if "CONST" in step.opname)


def _idle_class(answer: type) -> bool:
    """Whether its methods do nothing, or nothing but call `super().__init__()` and keep three dots."""
    for name, value in vars(answer).items():
        if isinstance(value, FunctionType) and not name.startswith("__annotat"):
            if not _idle_method(value, answer.__name__):
                return False
        elif not (name.startswith("__") or value is ... or isinstance(value, (int, str))):
            return False
    return "__module__" in vars(answer)  # a builtin has none, and its methods are not functions


def _idle_enum(answer: Any) -> bool:
    """Whether its members are three dots and its own methods do nothing; Python itself puts others into its class."""
    own = f"{answer.__qualname__}."
    methods = (value for value in vars(answer).values() if isinstance(value, FunctionType))
    return all(member.value is ... for member in answer) and all(
        _idle_method(method, answer.__name__) for method in methods if method.__qualname__.startswith(own)
    )


def _idle_method(method: FunctionType, owner: str) -> bool:
    steps = list(dis.get_instructions(method))
    if not {step.opname for step in steps} <= _IDLE_IN_CLASSES or not _constant(steps):
        return False
    loads = ("LOAD_GLOBAL", "LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "LOAD_DEREF")
    if any(step.opname in loads and step.argval not in {*_NAMES_IN_CLASSES, owner} for step in steps):
        return False
    made = {step.argval for step in steps if step.opname == "STORE_FAST"} | set(method.__code__.co_varnames[:1])
    return all(step.argval in made for step in steps if step.opname.startswith("LOAD_FAST"))


class _Printed(io.TextIOBase):
    """Takes what is printed and remembers only whether there was something."""

    something = False

    def write(self, text: str) -> int:
        self.something = self.something or bool(text)
        return len(text)


@contextmanager
def undisturbed() -> Iterator[_Printed]:
    """Run code so that no printing, seeding or setting of it is left behind.

    Yields:
        what took the printing; its ``something`` says whether there was any.

    Example:
        >>> with undisturbed() as printed:
        ...     print("a learner's print")
        >>> printed.something
        True
    """
    sink, put_back = _Printed(), _settings()
    torch.set_default_dtype(torch.float32)  # a check's own tensors have it, and so should the answer's; it is put back
    gpus = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    try:
        with torch.random.fork_rng(gpus), warnings.catch_warnings(), redirect_stdout(sink), redirect_stderr(sink):
            warnings.simplefilter("ignore")  # a warning is not a learner's print
            with _default_device(None):  # likewise
                yield sink
    finally:
        for setter, value in put_back:
            setter(value)


@contextmanager
def on_meta() -> Iterator[None]:
    """Let a learner's code make tensors without memory.

    Unlike ``with torch.device("meta")`` this survives code that sets a default device of its own: torch takes the
    inner of two such contexts for the outer one, and leaves a device behind.

    Example:
        >>> with on_meta():
        ...     torch.set_default_device("cpu")
        >>> torch.empty(1).device
        device(type='cpu')
    """
    with _default_device("meta"):
        yield


@contextmanager
def _default_device(device: str | None) -> Iterator[None]:
    """Run code with a default device, None for the CPU. Afterwards torch's function modes are those of before.

    A default device is such a mode, and is known in two more places. Code that was stopped may not have left its
    ``with torch.device(...)``, so all three are put back instead of leaving it a second time.
    """
    chosen = vars(torch._GLOBAL_DEVICE_CONTEXT)  # this thread's
    modes, current, before = overrides._get_current_function_mode_stack(), _device.CURRENT_DEVICE, dict(chosen)
    chosen.clear()
    _put_modes([mode for mode in modes if not isinstance(mode, _device.DeviceContext)], None)
    try:
        if device is not None:
            torch.set_default_device(device)
        yield
    finally:
        _put_modes(modes, current)
        chosen.clear()
        chosen.update(before)


def _put_modes(modes: list[overrides.TorchFunctionMode], device: torch.device | None) -> None:
    for _ in overrides._get_current_function_mode_stack():
        overrides._pop_mode()
    for mode in modes:
        overrides._push_mode(mode)
    _device.CURRENT_DEVICE = device


def _settings() -> list[tuple[Callable[[Any], Any], Any]]:
    """Functions that put something back, and what it is now."""
    return [
        (random.setstate, random.getstate()),
        (np.random.set_state, np.random.get_state()),
        (torch.set_grad_enabled, torch.is_grad_enabled()),
        (partial(torch.set_autocast_enabled, "cpu"), torch.is_autocast_enabled("cpu")),
        (partial(torch.set_autocast_dtype, "cpu"), torch.get_autocast_dtype("cpu")),
        (_leave_autocast, _autocast_depth()),
        (torch.set_default_dtype, torch.get_default_dtype()),
        (torch.set_num_threads, torch.get_num_threads()),
        *_signals(),
    ]


def _autocast_depth() -> int:
    torch.autocast_increment_nesting()
    return torch.autocast_decrement_nesting()


def _leave_autocast(depth: int) -> None:
    """Leave what ``with torch.autocast(...)`` has not: in the outermost, torch forgets the weights it has converted."""
    while _autocast_depth() > depth:
        torch.autocast_decrement_nesting()
    if depth == 0:
        torch.clear_autocast_cache()


def _signals() -> Iterator[tuple[Callable[[Any], Any], Any]]:
    """The alarm and the stop button of the notebook, which only the main thread can set."""
    if threading.current_thread() is not threading.main_thread():
        return
    if hasattr(signal, "setitimer") and signal.getitimer(signal.ITIMER_REAL)[0] == 0:
        yield partial(signal.setitimer, signal.ITIMER_REAL), 0
    for name in ("SIGALRM", "SIGINT"):
        number = getattr(signal, name, None)
        if number is not None and (handler := signal.getsignal(number)) is not None:  # None: it is not Python's
            yield partial(signal.signal, number), handler
