"""A process that has imported what exercises need, and forks kernels that begin with all of it.

``KernelNursery`` starts it and talks to it over a socket. It is a copy of the process that asks, where that one has
imported everything (``warm_processes``); otherwise this file is run as a module. A kernel then takes a tenth of a
second, and not the five that the imports take. The process has one thread, so that forking is safe, and runs no code
but its own. It ends what its kernels leave behind, and all of them when the other side is gone.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from course_lib.exercises.grading.kernel_limits import LIBRARY_SETTINGS, MB, Limits, hold_to, memory_in_use

__all__ = ["ForkedKernel", "KernelNursery", "MachineError"]

_TICK = 0.3  # seconds between two looks at memory and processes
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # of linux/prctl.h
_START = 180  # seconds that the imports may take, on a busy machine


class MachineError(Exception):
    """No kernel can be had, whatever was handed in."""


# -- the side of the grader -------------------------------------------------------------------------------------------
class KernelNursery:
    """The process that forks kernels, started by its first launch, and again after it has died.

    Attributes:
        limits: what the next kernel is held to.
    """

    def __init__(self) -> None:
        self.limits = Limits()
        self._process: psutil.Process | None = None
        self._channel: Connection | None = None

    def fork_from_here(self, closed: Connection) -> None:
        """Make the process a copy of this one, which must have imported everything and have one thread.

        Args:
            closed: a channel of this process's that the copy must not hold open.
        """
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid:
            theirs.close()
            self._process, self._channel = psutil.Process(pid), Connection(ours.detach())
            self._channel.recv()
            return
        try:
            ours.close()
            closed.close()
            os.setsid()
            forkserver._forkserver.__init__()  # type: ignore[misc]  # no student's code may use ours
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            _serve(Connection(theirs.detach()))
        finally:
            os._exit(0)

    def launch(self, arguments: list[str], *, cwd: str, env: dict[str, str]) -> ForkedKernel:
        """Fork a kernel with ipykernel's command line ``arguments``."""
        for _ in range(2):
            try:
                pid = self._ask("launch", arguments, cwd, env, self.limits)
            except (EOFError, OSError):  # it was killed from outside, or by what a student ran
                self.close()
            else:
                return ForkedKernel(self, pid)
        raise MachineError("the process that starts the kernels ends at once; is there memory left?")

    def poll(self, pid: int) -> tuple[int | None, str]:
        """A kernel's exit status, negative for a signal and None while it runs, and why it was ended."""
        try:
            answer: tuple[int | None, str] = self._ask("poll", pid)
        except (EOFError, OSError):
            return -signal.SIGKILL, "it ended the process that had started it"
        return answer

    def close(self) -> None:
        """End the process and every kernel that it has."""
        if self._channel is not None:
            self._channel.close()
        if self._process is not None:
            try:
                self._process.wait(5)
            except psutil.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = self._channel = None

    def _ask(self, *words: Any) -> Any:
        if self._channel is None:
            self._start()
        assert self._channel is not None
        self._channel.send(words)
        return self._channel.recv()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        paths = [str(Path(__file__).resolve().parents[3]), os.environ.get("PYTHONPATH", "")]  # wherever we are now
        own = LIBRARY_SETTINGS | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        with theirs:
            self._process = psutil.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())], pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL, env=os.environ | own, start_new_session=True,
            )  # fmt: skip
        self._channel = Connection(ours.detach())
        if not self._channel.poll(_START):
            raise EOFError
        self._channel.recv()


class ForkedKernel:
    """A kernel as ``jupyter_client`` expects a process to be: the part of ``subprocess.Popen`` that it uses."""

    stdin = stdout = stderr = None

    def __init__(self, nursery: KernelNursery, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        #: Why the kernel was ended, where a limit did it.
        self.reason = ""
        self._nursery = nursery

    def poll(self) -> int | None:
        """The exit status, None while the kernel runs."""
        if self.returncode is None:
            self.returncode, self.reason = self._nursery.poll(self.pid)
        return self.returncode

    def wait(self) -> int:
        """Wait for the end; the exit status."""
        while (status := self.poll()) is None:
            time.sleep(0.005)
        return status

    def send_signal(self, number: int) -> None:
        """Send the kernel a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End the kernel at once."""
        self.send_signal(signal.SIGKILL)

    terminate = kill


# -- the process itself -----------------------------------------------------------------------------------------------
@dataclass
class _Kernel:
    limits: Limits
    status: int | None = None
    reason: str = ""


def _serve(channel: Connection) -> None:
    """Answer ``("launch", arguments, folder, environment, limits)`` and ``("poll", pid)`` until nobody asks."""
    from course_lib.exercises.grading.kernel_libraries import SHARED

    _tell_linux(_PR_SET_CHILD_SUBREAPER, 1)  # what a kernel's children leave behind becomes ours, and can be ended
    kernels: dict[int, _Kernel] = {}
    gc.freeze()
    channel.send(os.getpid())
    looked = 0.0
    while True:
        if channel.poll(_TICK):
            try:
                word, *given = channel.recv()
            except (EOFError, OSError):
                break
            if word == "launch":
                _sweep()
                pid = os.fork()
                if not pid:
                    channel.close()
                    _be_a_kernel(*given)
                kernels[pid] = _Kernel(given[-1])
                channel.send(pid)
            else:
                _reap(kernels)
                kernel = kernels.get(given[0], _Kernel(Limits(), -signal.SIGKILL))  # of an earlier nursery: it is gone
                channel.send((kernel.status, kernel.reason))
        if time.monotonic() - looked > _TICK:
            looked = time.monotonic()
            _reap(kernels)
            _watch([kernel for kernel in kernels.values() if kernel.status is None], SHARED)
    _sweep()


def _tell_linux(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _be_a_kernel(arguments: list[str], cwd: str, env: dict[str, str], limits: Limits) -> None:
    """Go on as a kernel. Never returns."""
    status = 1
    try:
        _tell_linux(_PR_SET_PDEATHSIG, signal.SIGKILL)  # should the student's code end this process's parent
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nothing, number)
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(env)
        gc.unfreeze()
        hold_to(limits)
        import numpy as np
        from ipykernel.kernelapp import IPKernelApp

        from course_lib.exercises.grading.limited_shell import kernel_class

        np.random.seed()  # otherwise every kernel would draw the same numbers
        app = IPKernelApp.instance(kernel_class=kernel_class(limits))
        app.initialize(arguments)
        app.start()
        status = 0
    finally:
        os._exit(status)


def _reap(kernels: dict[int, _Kernel]) -> None:
    """Note which kernels have ended, and let go of whatever else has."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] in kernels:
                kernels[ended[0]].status = os.waitstatus_to_exitcode(ended[1])


def _watch(running: list[_Kernel], shared: int) -> None:
    """End kernels, and all that they have started, when they have too many processes or too much memory."""
    below = psutil.Process().children(recursive=True)
    for kernel in running:
        if len(below) > kernel.limits.processes:
            kernel.reason = f"it had more than {kernel.limits.processes} processes at a time"
        elif memory_in_use(below, shared) > kernel.limits.memory * MB:
            kernel.reason = f"it held more than {kernel.limits.memory} MB of memory"
    if any(kernel.reason for kernel in running) or (below and not running):
        _sweep()


def _sweep() -> None:
    """End every process below this one; new ones may come while we do it."""
    for _ in range(100):
        below = psutil.Process().children(recursive=True)
        living = []
        for process in below:
            with contextlib.suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE:
                    living.append(process)
        if not living:
            return
        for number in (signal.SIGSTOP, signal.SIGKILL):  # stopped first: what is stopped starts nothing more
            for process in living:
                with contextlib.suppress(psutil.Error):
                    process.send_signal(number)
        time.sleep(0.01)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.path[0] == str(Path.cwd()):  # put there by ``-m``; a kernel's own folder stands there
        del sys.path[0]
    _serve(Connection(int(sys.argv[1])))
    os._exit(0)  # the libraries' own farewells would take a second
