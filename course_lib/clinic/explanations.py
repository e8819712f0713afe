"""From an error to its diagnosis: ``explain``, and explaining by itself, under every traceback."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

from torch import nn

from course_lib.clinic.diagnosis import Diagnosis
from course_lib.clinic.rules import RULES
from course_lib.clinic.tracebacks import RaisedError
from course_lib.errors import CourseError

__all__ = ["diagnose", "explain", "switch_off", "switch_on"]


def diagnose(error: BaseException, model: nn.Module | None = None) -> Diagnosis | None:
    """The diagnosis of an exception that was raised; None where it is not known."""
    raised = RaisedError(error, model)
    if raised.by_learner:
        return None
    for rule in RULES:
        if rule.fits(raised) and (diagnosis := rule.explain(raised)) is not None:
            return diagnosis
    return None


def explain(error: BaseException | None = None, *, model: nn.Module | None = None) -> Diagnosis | None:
    """Explain an error: the one that is being handled, or else the last one that ended a cell or a program.

    Args:
        error: an exception that was raised; None takes the last one.
        model: the model it is about, where the traceback does not lead to it (a failed ``backward()``).

    Returns:
        What happened, where, the shapes that met, and the repair; None if there was no error, or it is not known.

    Raises:
        CourseError: ``error`` is not an exception, or ``model`` is not a module.

    Example:
        >>> import torch
        >>> picture = torch.zeros(3, 64, 64)
        >>> try:
        ...     nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))(picture)
        ... except ValueError:
        ...     print(explain().repair)
        picture = picture.unsqueeze(0)
    """
    if error is None:
        error = sys.exc_info()[1] or getattr(sys, "last_value", None) or getattr(sys, "last_exc", None)
    elif not isinstance(error, BaseException):
        raise CourseError(f"explain expects an exception, but was given {_kind(error)}; explain() takes the last one.")
    if model is not None and not isinstance(model, nn.Module):
        raise CourseError(f"model= expects a torch.nn.Module, but was given {_kind(model)}.")
    if error is None or error.__traceback__ is None:
        return None
    try:
        return diagnose(error, model)
    except Exception:  # whatever it is: an explanation must never be a second error
        return None


def _kind(value: Any) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__


# Explaining by itself, under the traceback. ``set_custom_exc`` is IPython's documented hook, the same from 7 to 9:
# https://ipython.readthedocs.io/en/stable/api/generated/IPython.core.interactiveshell.html

_undo: list[Callable[[], None]] = []  # what takes the hook away again; empty while it is off


def switch_on() -> None:
    """From now on show a diagnosis under every traceback whose error is known; a second call changes nothing.

    In a notebook (IPython 7.34 to 9, Colab) through IPython's own hook, in plain Python through ``sys.excepthook``. The
    traceback is shown as always, by whatever showed it before.
    """
    switch_off()
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    _undo.append(_in_ipython(shell) if shell is not None else _in_python())


def switch_off() -> None:
    """Leave tracebacks alone again, and give the hook back to whoever had it."""
    if _undo:
        _undo.pop()()


def _in_ipython(shell: Any) -> Callable[[], None]:
    before, kinds = shell.CustomTB, shell.custom_exceptions

    def handler(
        self: Any, kind: type[BaseException], error: BaseException, trace: TracebackType, tb_offset: int | None = None
    ) -> Any:
        shown = None
        if kinds and issubclass(kind, kinds):
            shown = before(kind, error, trace, tb_offset=tb_offset)
        else:
            self.showtraceback((kind, error, trace), tb_offset=tb_offset)
        with contextlib.suppress(Exception):  # IPython would take the hook away, and say so under the learner's error
            diagnosis = explain(error)
            if diagnosis is not None:
                from IPython.display import display

                display(diagnosis)
        return shown

    shell.set_custom_exc((Exception,), handler)
    ours = shell.CustomTB

    def off() -> None:
        if shell.CustomTB is ours:
            shell.CustomTB, shell.custom_exceptions = before, kinds

    return off


def _in_python() -> Callable[[], None]:
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        before(kind, error, trace)
        with contextlib.suppress(Exception):
            diagnosis = explain(error)
            if diagnosis is not None:
                print(f"\n{diagnosis}", file=sys.stderr)

    sys.excepthook = hook

    def off() -> None:
        if sys.excepthook is hook:
            sys.excepthook = before

    return off
