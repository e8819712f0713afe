"""Processes that begin with all libraries imported: they are forked from one that has imported them once.

It is ``multiprocessing``'s fork server. Its imports take seconds, in which the process that grades does its own.
"""

from __future__ import annotations

import os
from multiprocessing import forkserver, get_context

from course_lib.exercises.grading.kernel_limits import LIBRARY_SETTINGS

__all__ = ["CONTEXT", "begin_imports"]

CONTEXT = get_context("forkserver")
_ROOM = "course_lib.exercises.grading"


def begin_imports() -> None:
    """Start the process from which others are forked, and don't wait for it. A second call does nothing."""
    CONTEXT.set_forkserver_preload([f"{_ROOM}.kernel_libraries", f"{_ROOM}.grading_workers"])
    before = dict(os.environ)
    os.environ.update(LIBRARY_SETTINGS)
    try:
        forkserver.ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(before)
