"""What a submission may use while it is graded, and how a process is held to it. Linux and macOS; see ``Limits``."""

from __future__ import annotations

import contextlib
import os
import resource
from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = ["LIBRARY_SETTINGS", "MB", "Limits", "hold_to", "memory_in_use"]

MB = 2**20
#: Variables that libraries read when they are imported: ipykernel's way of drawing, no words of the debugger's, and one
#: thread each.
LIBRARY_SETTINGS = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline", "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}  # fmt: skip
LIBRARY_SETTINGS |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_SIZE = Path("/proc/self/statm")


@dataclass(frozen=True)
class Limits:
    """The limits of one submission.

    Attributes:
        cell_seconds: how long a cell may run; None for ever. nbgrader's ``ExecutePreprocessor.timeout``.
        seconds: how long the whole submission may take, on the clock.
        memory: megabytes that its kernel may take beyond what the imported libraries need. One allocation that is too
            large fails in its cell; if several processes take more together, they are ended.
        processes: how many processes it may have at a time.
        file: megabytes that a file may have that it writes, and all handed-in files together.
        output: megabytes that a cell may print. What comes after is left out.
    """

    cell_seconds: int | None = 60
    seconds: int = 900
    memory: int = 4096
    processes: int = 32
    file: int = 100
    output: int = 2


def hold_to(limits: Limits) -> None:
    """Hold this process and all that it starts to the limits that the system itself watches."""
    memory = limits.memory * MB + (int(_SIZE.read_text().split()[0]) * resource.getpagesize() if _SIZE.exists() else 0)
    for name, most in (
        ("RLIMIT_AS", memory),
        ("RLIMIT_FSIZE", limits.file * MB),
        ("RLIMIT_CPU", 4 * limits.seconds),  # of each process: four threads all the time
        ("RLIMIT_NPROC", _threads_of_user() + 16 * limits.processes),  # the system counts the user's threads
        ("RLIMIT_CORE", 0),
    ):
        if hasattr(resource, name):
            kind = getattr(resource, name)
            hard = resource.getrlimit(kind)[1]
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            with contextlib.suppress(OSError, ValueError):  # macOS does not take all of them
                resource.setrlimit(kind, (most, most))


def memory_in_use(processes: list[psutil.Process], shared: int) -> int:
    """Bytes that processes hold together; ``shared`` bytes of each are their parent's pages, not counted again."""
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            total += max(0, process.memory_info().rss - shared)
    return total


def _threads_of_user() -> int:
    count, user = 0, os.getuid()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.uids().real == user:
                count += process.num_threads()
    return count
