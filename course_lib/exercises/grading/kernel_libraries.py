"""Importing this file imports everything that a notebook of the course does, so that kernels can be forked from there.

None of it may start a thread: only a process with one thread can be forked safely.
"""

from __future__ import annotations

import importlib
import threading

import psutil

__all__ = ["SHARED"]

#: Also what ipykernel and IPython import when a kernel starts, or with its first traceback.
_LIBRARIES = (
    "numpy", "torch", "torchvision", "matplotlib.figure", "ipykernel.kernelapp", "ipykernel.debugger",
    "IPython.core.completerlib", "IPython.extensions.storemagic", "stack_data", "pygments.formatters.terminal256",
    "course_lib.exercises.grading.limited_shell",
)  # fmt: skip

for name in _LIBRARIES:
    importlib.import_module(name)
for room in ("course_lib", "course_lib.exercises"):
    package = importlib.import_module(room)
    for part in dir(package):
        if not part.startswith("_"):
            getattr(package, part)  # the packages are lazy
importlib.import_module("torch").set_num_threads(1)
assert threading.active_count() == 1

#: Bytes of memory that the libraries take, which forked processes have in common.
SHARED = psutil.Process().memory_info().rss
