"""Stop code that does not come to its end: a learner's endless loop must not hang a notebook, or a grading run.

On the main thread of Linux and macOS a signal does it, which also wakes what sleeps. Elsewhere (Windows, other threads)
an exception is put into the thread, and arrives with its next line of Python. Neither cuts a single long operation of
PyTorch short: the exception comes after it.
"""

from __future__ import annotations

import ctypes
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["TooLong", "within"]

_AGAIN = 0.5  # seconds until code that caught the exception gets the next one


class TooLong(BaseException):
    """The time is over. No ``Exception``: a learner's ``except Exception`` would take it for one of its own."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise ``TooLong`` in the code inside when it is not done after a time.

    Args:
        seconds: how long it may take, on the clock.

    Raises:
        TooLong: it took longer.

    Example:
        >>> try:
        ...     with within(0.05):
        ...         while True:
        ...             pass
        ... except TooLong:
        ...     print("stopped")
        stopped
    """
    running = True

    def is_running() -> bool:
        return running

    main = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
    stop = (_by_signal if main else _by_exception)(seconds, is_running)
    try:
        yield
    finally:
        running = False  # first of all: nothing may be raised from here on
        stop()


def _by_signal(seconds: float, running: Callable[[], bool]) -> Callable[[], None]:
    def ring(*_: Any) -> None:
        if running():
            raise TooLong

    before = signal.signal(signal.SIGALRM, ring)
    waiting = signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)

    def stop() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if waiting[0]:  # somebody else's alarm: a little late is better than never
            signal.setitimer(signal.ITIMER_REAL, *waiting)

    return stop


def _by_exception(seconds: float, running: Callable[[], bool]) -> Callable[[], None]:
    thread, done, rung = ctypes.c_ulong(threading.get_ident()), threading.Event(), threading.Event()

    def put() -> None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(TooLong))

    def watch() -> None:
        pause = seconds
        while not done.wait(pause) and running():
            rung.set()
            put()
            pause = _AGAIN

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()

    def stop() -> None:
        # One may be on its way. Calling it back (an exception of NULL) leaves the interpreter's flag for it raised, and
        # Python 3.11 then hangs in the next function that is traced. So one is put in its place, and taken here.
        try:
            done.set()
            watcher.join()
            if rung.is_set():
                put()
                while True:
                    pass
        except TooLong:
            done.set()
            watcher.join()

    return stop
