"""``ForkedKernels``: a kernel provisioner of jupyter_client, so that nbclient and nbgrader get kernels that are forked.

It is jupyter_client's own one for local processes in everything but how a kernel begins. A kernel that is not ipykernel
starts as it always does.
"""

from __future__ import annotations

import os
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

from course_lib.exercises.grading.kernel_nursery import ForkedKernel, KernelNursery

__all__ = ["ForkedKernels", "nursery", "use_forked_kernels"]

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

    @property
    def reason(self) -> str:
        """Why a limit ended the kernel, empty where none did."""
        return self.process.reason if isinstance(self.process, ForkedKernel) else ""


def use_forked_kernels() -> None:
    """Let every kernel that this process starts be a forked one, where the system can fork."""
    if hasattr(os, "fork"):
        factory = KernelProvisionerFactory.instance()
        place = f"{ForkedKernels.__module__}:{ForkedKernels.__name__}"
        factory.provisioners[_NAME] = EntryPoint(_NAME, place, factory.GROUP_NAME)
        factory.default_provisioner_name = _NAME
