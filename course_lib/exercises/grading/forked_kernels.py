"""``ForkedKernels``: a kernel provisioner of jupyter_client, so that nbclient and nbgrader get kernels that are forked.

It is jupyter_client's own one for local processes in everything but how a kernel begins. A kernel that is not ipykernel
starts as it always does. ``PromptManager`` and ``PromptClient`` leave out the waiting that jupyter_client does around
every kernel, which took as long as grading a submission does.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from importlib.metadata import EntryPoint
from pathlib import Path
from queue import Empty
from typing import Any

import zmq.asyncio
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner
from traitlets import Type

from course_lib.exercises.grading.kernel_nursery import ForkedKernel, KernelNursery, MachineError

__all__ = ["ForkedKernels", "PromptClient", "PromptManager", "nursery", "use_forked_kernels"]

_LAUNCHER = "ipykernel_launcher"
_NAME = "course-forked-kernels"
#: This process's own. It starts when the first kernel does.
nursery = KernelNursery()


class ForkedKernels(LocalProvisioner):  # type: ignore[misc]
    """Starts kernels by forking them from a process that has imported the libraries already."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> dict[str, Any]:
        """Start a kernel with a command such as ``python -m ipykernel_launcher -f FILE``."""
        if _LAUNCHER not in cmd:
            connection: dict[str, Any] = await super().launch_kernel(cmd, **kwargs)
            return connection
        cwd, env = kwargs.get("cwd") or Path.cwd(), dict(kwargs.get("env") or os.environ)
        self.process = nursery.launch(cmd[cmd.index(_LAUNCHER) + 1 :], cwd=str(cwd), env=env)
        self.pid = self.pgid = self.process.pid
        self.cwd = cwd
        own: dict[str, Any] = self.connection_info
        return own

    async def kill(self, restart: bool = False) -> None:
        """End the kernel, and wait for its end: jupyter_client would look for it ten times a second."""
        await super().kill(restart)
        if isinstance(self.process, ForkedKernel):
            self.process.wait()

    @property
    def reason(self) -> str:
        """Why a limit ended the kernel, empty where none did."""
        return self.process.reason if isinstance(self.process, ForkedKernel) else ""


class PromptClient(AsyncKernelClient):  # type: ignore[misc]
    """jupyter_client's, which goes on as soon as the kernel has answered."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Ask the kernel what it is until it answers, and is heard on the channel of its outputs as well.

        jupyter_client then listens for another 0.2 s, to throw away what still comes. nbclient knows by itself which
        message belongs to which cell.

        Args:
            timeout: seconds; None for ever.

        Raises:
            MachineError: the kernel has ended, or didn't answer in time. No cell has run in it yet.
        """
        end = time.monotonic() + (float("inf") if timeout is None else timeout)
        while time.monotonic() < end:
            self.kernel_info()
            with suppress(Empty):
                reply = await self.shell_channel.get_msg(timeout=1)
                await self.iopub_channel.get_msg(timeout=1)
                self._handle_kernel_info_reply(reply)
                return
            if not await self.is_alive():
                raise MachineError("a kernel ended before its first cell; is there memory left?")
        raise MachineError(f"a kernel didn't answer within {timeout} seconds")


class PromptManager(AsyncKernelManager):  # type: ignore[misc]
    """jupyter_client's, whose sockets try again at once where the kernel isn't listening yet."""

    client_factory = Type(PromptClient, klass=AsyncKernelClient)

    def _context_default(self) -> zmq.asyncio.Context:
        context: zmq.asyncio.Context = super()._context_default()
        context.reconnect_ivl = 5  # milliseconds, in place of 100
        return context


def use_forked_kernels() -> None:
    """Let every kernel that this process starts be a forked one, where the system can fork."""
    if hasattr(os, "fork"):
        factory = KernelProvisionerFactory.instance()
        place = f"{ForkedKernels.__module__}:{ForkedKernels.__name__}"
        factory.provisioners[_NAME] = EntryPoint(_NAME, place, factory.GROUP_NAME)
        factory.default_provisioner_name = _NAME
