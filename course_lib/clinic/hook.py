"""Speaking by itself: in a notebook through IPython's own hook for exceptions, in plain Python through sys.excepthook.

The traceback is shown as always, by whoever showed it before; the diagnosis comes under it. ``set_custom_exc`` is
IPython's documented hook, the same from 7 to 9 (https://ipython.readthedocs.io/en/stable/api/generated/
IPython.core.interactiveshell.html).
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

from course_lib.clinic.diagnosis import Diagnosis

__all__ = ["switch_off", "switch_on"]

_off: list[Callable[[], None]] = []  # how to undo what switch_on did; empty while it is off


def switch_on(explain: Callable[[BaseException], Diagnosis | None]) -> None:
    """Speak under every traceback from now on; a second call changes nothing."""
    if _off:
        _off.pop()()
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    _off.append(_in_ipython(shell, explain) if shell is not None else _in_python(explain))


def switch_off() -> None:
    """Be silent again, and give the hook back to whoever had it."""
    if _off:
        _off.pop()()


def _in_ipython(shell: Any, explain: Callable[[BaseException], Diagnosis | None]) -> Callable[[], None]:
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
            found = explain(error)
            if found is not None:
                from IPython.display import display

                display(found)
        return shown

    shell.set_custom_exc((Exception,), handler)
    ours = shell.CustomTB

    def off() -> None:
        if shell.CustomTB is ours:
            shell.CustomTB, shell.custom_exceptions = before, kinds

    return off


def _in_python(explain: Callable[[BaseException], Diagnosis | None]) -> Callable[[], None]:
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        before(kind, error, trace)
        with contextlib.suppress(Exception):
            found = explain(error)
            if found is not None:
                print(f"\n{found}", file=sys.stderr)

    sys.excepthook = hook

    def off() -> None:
        if sys.excepthook is hook:
            sys.excepthook = before

    return off
