"""Processes that begin with all libraries imported: they are forked from one that has imported them once.

It is ``multiprocessing``'s fork server. Its imports take seconds, in which the process that grades does its own.
"""

from __future__ import annotations

import os
import signal
import threading
from multiprocessing import forkserver, get_context

from course_lib.exercises.grading.kernel_limits import LIBRARY_SETTINGS

__all__ = ["CONTEXT", "begin_imports"]

CONTEXT = get_context("forkserver")
_ROOM = "course_lib.exercises.grading"


def begin_imports() -> None:
    """Start the process from which others are forked, and don't wait for it. A second call does nothing."""
    CONTEXT.set_forkserver_preload([f"{_ROOM}.kernel_libraries", f"{_ROOM}.grading_workers"])
    before, main = dict(os.environ), threading.current_thread() is threading.main_thread()
    os.environ.update(LIBRARY_SETTINGS)
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None  # inherited: Ctrl-C is not for its imports
    try:
        forkserver.ensure_running()
    finally:
        if main:
            signal.signal(signal.SIGINT, handler)
        os.environ.clear()
        os.environ.update(before)
