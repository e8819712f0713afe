"""A kernel whose cells end in time, whatever their code catches or ignores; see ``engine.time_limit``."""

from __future__ import annotations

from typing import Any

from ipykernel.ipkernel import IPythonKernel
from ipykernel.zmqshell import ZMQInteractiveShell
from traitlets import Type

from course_lib.exercises.engine.time_limit import TooLong, within
from course_lib.exercises.grading.kernel_limits import Limits

__all__ = ["CellTooLong", "kernel_class"]


class CellTooLong(Exception):
    """A cell did not end in time. What it had defined before stays defined."""


def kernel_class(limits: Limits) -> type[IPythonKernel]:
    """An IPython kernel whose cells are stopped after ``limits.cell_seconds``."""

    class Shell(ZMQInteractiveShell):  # type: ignore[misc]
        async def run_code(self, code_obj: Any, result: Any = None, *, async_: bool = False) -> bool:
            """Run a cell's code, or a line of it; whether an error came."""
            if async_ or not limits.cell_seconds:
                failed: bool = await super().run_code(code_obj, result, async_=async_)
                return failed
            steps = super().run_code(code_obj, result, async_=False)

            def work() -> bool:
                try:
                    steps.send(None)
                except StopIteration as done:
                    return bool(done.value)
                raise RuntimeError("a cell without await does not wait")

            try:
                return within(limits.cell_seconds, work)
            except TooLong:  # code that catches everything has had the exception at every line, IPython's own included
                problem = CellTooLong(f"This cell was still running after {limits.cell_seconds} seconds.")
                if result is not None:
                    result.error_in_exec = problem
                self.showtraceback((CellTooLong, problem, None))
                return True

    class Kernel(IPythonKernel):  # type: ignore[misc]
        shell_class = Type(Shell)

    return Kernel
