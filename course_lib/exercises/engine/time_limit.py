"""A time limit on a learner's code that holds whatever that code catches, ignores or blocks.

A watching thread first raises ``TooLong`` in the code twice, half a second apart, so that ``with`` and ``finally``
blocks can clean up. Code that swallows both (a bare ``except:`` in a loop) is then traced, and every further line of
Python in it raises, those of its handlers included, until the code has been left. While its lines raise, the thread
sends nothing more: what arrived on the way out would hit whoever called the code.

The exceptions are put into the thread (``PyThreadState_SetAsyncExc``), which needs no signals: code may ignore or block
them, or run in another thread or on Windows. On the main thread of Linux and macOS, SIGURG is sent as well and wakes
what sleeps. Hardly anything else uses this signal, and it is ignored by default, so one that comes late does no harm.

What this cannot cut short is one long operation written in C, such as a large matrix product: the exception comes after
it. The same goes for sleeping with SIGURG blocked, or in another thread.
"""

from __future__ import annotations

import ctypes
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any, TypeVar

__all__ = ["TooLong", "within"]

_POLITE = 2  # how many exceptions come singly
_REPEAT = 0.5  # seconds after each of them
_REPEAT_SOON = 0.02  # and after the others: at the limit of recursion, tracing cannot begin everywhere
_Result = TypeVar("_Result")
# Prototypes of our own: those of ``ctypes.pythonapi`` are shared.
#: (thread, exception class): raises it there at the next call or jump back.
_raise_in = ctypes.PYFUNCTYPE(None, ctypes.c_ulong, ctypes.py_object)(("PyThreadState_SetAsyncExc", ctypes.pythonapi))
#: (address of a C function, object): calls it with the object at every line of this thread. Unlike ``sys.settrace``,
#: it goes on after the function has raised.
_trace_with = ctypes.PYFUNCTYPE(None, ctypes.c_void_p, ctypes.py_object)(("PyEval_SetTrace", ctypes.pythonapi))
#: (exception or None): what the interpreter takes for the exception that is being handled. Python 3.10 needs no help.
_set_handled = (
    ctypes.PYFUNCTYPE(None, ctypes.py_object)(("PyErr_SetHandledException", ctypes.pythonapi))
    if sys.version_info >= (3, 11)
    else None
)
#: The C function: it asks the object's ``__bool__``, which may raise.
_IS_TRUE = ctypes.cast(ctypes.pythonapi.PyObject_IsTrue, ctypes.c_void_p).value


class TooLong(BaseException):
    """The time is over. It is no ``Exception``, which a learner's ``except Exception`` would catch."""


def within(seconds: float, work: Callable[[], _Result]) -> _Result:
    """Call a function, and stop it when it is not done after a time.

    Args:
        seconds: how long it may take, on the clock. Code that catches the exception gets about a second more.
        work: the function, without arguments.

    Returns:
        what the function gives.

    Raises:
        TooLong: it took longer. If its code caught the first exceptions, ``with`` blocks in it may not have been left
            in order.

    Example:
        >>> def stubborn():
        ...     while True:
        ...         try:
        ...             while True:
        ...                 pass
        ...         except:
        ...             continue
        >>> try:
        ...     within(0.05, stubborn)
        ... except TooLong:
        ...     print("stopped")
        stopped
    """
    watch = _Watch(seconds)
    try:
        try:
            watch.start()
            return work()
        finally:
            watch.finished = True  # from here on nothing more is sent
            watch.stop()
    except TooLong:  # perhaps one that was still on its way when the code was left: it may come before any line here
        watch.finished = True
    watch.stop()  # once more, where ``within`` itself handles no exception
    raise TooLong from None


class _Watch:
    """The thread that watches one call of a function, and what it uses.

    Attributes:
        finished: nothing is raised any more.
        lines: how many lines have been traced.
    """

    def __init__(self, seconds: float) -> None:
        self.finished, self.lines = False, 0
        self._thread, self._done = threading.get_ident(), threading.Event()
        self._rung = self._insists = False
        self._tracer_before, self._handled_before = sys.gettrace(), sys.exc_info()[1]
        #: Where it is made, tracing begins. Its ``__init__`` is a C function, so no line of Python runs before that.
        self._insistent: type[TooLong] = type("TooLong", (TooLong,), {})
        begin = staticmethod(partial(_trace_with, _IS_TRUE, _RaisesAtEveryLine(self)))
        setattr(self._insistent, "__init__", begin)  # noqa: B010
        self._handler_before: Any = None  # stays None where there are no signals, or a handler that is not Python's
        if threading.current_thread() is threading.main_thread() and hasattr(signal, "pthread_kill"):
            self._handler_before = signal.getsignal(signal.SIGURG)
        if self._handler_before is not None:
            self._mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGURG})
            signal.signal(signal.SIGURG, self._ring)
        self._watcher = threading.Thread(target=self._wait, args=(seconds,), name="time limit", daemon=True)

    def start(self) -> None:
        """Begin the watching."""
        self._watcher.start()

    def stop(self) -> None:
        """End the watching, and put signal and tracing back. Calling it again does no harm.

        Where a line that ends an ``except`` or ``with`` block raises, Python leaves the block without noting that its
        exception is no longer being handled; every later one would name it as its context.
        """
        self._done.set()
        self._watcher.join()
        if self._insists:
            sys.settrace(self._tracer_before)
            if _set_handled:
                _set_handled(self._handled_before)
        if self._handler_before is not None:
            signal.signal(signal.SIGURG, self._handler_before)
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def _wait(self, seconds: float) -> None:
        thread, times, pause = self._thread, 0, seconds
        seen, quiet = 0, 0.0  # lines, and seconds without a further one
        while not self._done.wait(pause):
            if self.lines:  # they raise: only what sleeps, or has switched tracing off, has to be woken
                quiet, seen = quiet + _REPEAT_SOON if self.lines == seen else 0.0, self.lines
                if quiet < _REPEAT:
                    continue
                quiet = 0.0
            times += 1
            pause = _REPEAT if times <= _POLITE else _REPEAT_SOON
            self._rung, self._insists = True, times > _POLITE
            kind = self._insistent if self._insists else TooLong
            # Between asking whether it is finished and raising there is no call, so no other thread runs meanwhile.
            if (self._insists or self._handler_before is None) and not self.finished:
                _raise_in(thread, kind)
            if self._handler_before is not None and not self.finished:
                signal.pthread_kill(thread, signal.SIGURG)

    def _ring(self, number: int, frame: FrameType | None) -> None:
        ours = frame is not None and frame.f_code in (within.__code__, _RaisesAtEveryLine.__bool__.__code__)
        if self._rung and not self.finished and not ours:  # ours has nothing to be stopped, and must come to its end
            raise TooLong
        if not self._rung and callable(self._handler_before):  # somebody else's
            self._handler_before(number, frame)


class _RaisesAtEveryLine:
    """Asked whether it is true, it raises ``TooLong`` until the watch has finished, or the code has been left."""

    def __init__(self, watch: _Watch) -> None:
        self._watch = watch

    def __bool__(self) -> bool:
        self._watch.lines += 1
        if not self._watch.finished and sys._getframe(1).f_code is not within.__code__:
            raise TooLong
        return False
