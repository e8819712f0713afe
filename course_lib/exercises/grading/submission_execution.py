"""A step of nbgrader's autograding that runs a notebook, so that a cell which ends its kernel costs that cell alone.

nbgrader's ``Execute`` gives up a submission whose kernel is gone, and grades nothing more after a cell that cannot be
interrupted. Here the kernel is started again and the notebook run from its beginning without that cell, whose output is
an error. Everything else is nbgrader's.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any

from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import Execute

from course_lib.errors import CourseError
from course_lib.exercises.grading.forked_kernels import ForkedKernels, PromptManager, nursery
from course_lib.exercises.grading.kernel_limits import MB, Limits

__all__ = ["CarefulExecute", "Note"]

#: Seconds that a kernel has to stop a cell by itself, before the cell counts as one that cannot be stopped.
_GRACE = 15
#: How often a kernel may be ended by cells of one notebook.
_TIMES = 6


@dataclass(frozen=True)
class Note:
    """Something about a submission that its grader should know: the cell, empty for all of it, and a sentence."""

    cell: str
    reason: str


class _KernelEndedError(Exception):
    """The kernel is gone, or has to be."""


class CarefulExecute(Execute):  # type: ignore[misc]
    """nbgrader's ``Execute``, which goes on where a cell has ended the kernel.

    Attributes:
        notes: the cells that ended a kernel or were stopped, with the reason.
    """

    def __init__(self, limits: Limits, **settings: Any) -> None:
        super().__init__(**settings | {"kernel_manager_class": PromptManager})
        self.notes: list[Note] = []
        self._limits = limits
        self._skipped: dict[int, str] = {}
        self._over = time.monotonic() + limits.seconds
        self._room: dict[int, int] = {}
        self.timeout_func = self._seconds
        self.shutdown_kernel = "immediate"
        self.raise_on_iopub_timeout = False  # a cell that prints without end loses messages; its reply still counts

    def preprocess(self, nb: NotebookNode, resources: Any = None, km: Any = None) -> tuple[NotebookNode, Any]:
        """Run all cells, again without a cell that ended the kernel.

        Raises:
            CourseError: the submission takes too long, or ends one kernel after the other.
        """
        nursery.limits = self._limits
        for _ in range(_TIMES):
            try:
                return super().preprocess(nb, resources, km)  # type: ignore[no-any-return]
            except _KernelEndedError:
                continue
        raise CourseError(f"Its cells ended the kernel {_TIMES} times, a different cell each time.")

    def preprocess_cell(self, cell: NotebookNode, resources: Any, index: int) -> tuple[NotebookNode, Any]:
        """Run one cell."""
        if time.monotonic() > self._over:
            raise CourseError(f"It was still running after {self._limits.seconds} seconds.")
        if index in self._skipped:
            reason = self._skipped[index]
            cell.outputs = [new_output("error", ename="CellEndedKernel", evalue=reason, traceback=[reason])]
            return cell, resources
        self._room[index] = self._limits.output * MB
        try:
            cell, resources = super().preprocess_cell(cell, resources, index)
        except DeadKernelError:
            self._skip(cell, index, self._why_ended())
        if cell.cell_type == "code":
            self._look_at_the_end(cell, index)
        return cell, resources

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Take one message of the kernel; text beyond the limit of output is left out."""
        content = msg["content"]
        if msg["msg_type"] == "stream":
            room = self._room.get(cell_index, 0)
            self._room[cell_index] = max(0, room - len(content["text"]))
            # Even without room one letter stays: for nbgrader a word on stderr is an error.
            content["text"] = content["text"][: max(room, 1)]
            if not room and any(output.get("name") == content["name"] for output in cell.outputs):
                return None
            if room and not self._room[cell_index]:
                self.notes.append(Note(_name(cell, cell_index), f"it printed more than {self._limits.output} MB"))
        elif msg["msg_type"] in {"display_data", "update_display_data", "execute_result"}:
            size = sum(len(str(value)) for value in content["data"].values())
            if size > max(self._room.get(cell_index, 0), 10_000):
                content["data"] = {"text/plain": f"[{size} bytes of output were left out]"}
            else:
                self._room[cell_index] = max(0, self._room.get(cell_index, 0) - size)
        return super().process_message(msg, cell, cell_index)  # type: ignore[no-any-return]

    def _seconds(self, cell: NotebookNode | None) -> int | None:
        """How long nbclient waits: longer than the kernel itself, which stops its cells."""
        left = max(1, round(self._over - time.monotonic()))
        return min(self.timeout + _GRACE, left) if self.timeout and self.timeout > 0 else left

    def _look_at_the_end(self, cell: NotebookNode, index: int) -> None:
        names = {output.ename for output in cell.outputs if output.output_type == "error"}
        if self.error_on_timeout["ename"] in names:
            self._skip(cell, index, "it could not be stopped" if time.monotonic() < self._over else "the time was over")
        if names & {"CellTooLong", "TooLong"}:  # mostly it is IPython that shows the exception
            self.notes.append(Note(_name(cell, index), f"stopped after {self._limits.cell_seconds} seconds"))

    def _skip(self, cell: NotebookNode, index: int, reason: str) -> None:
        if time.monotonic() > self._over:
            raise CourseError(f"It was still running after {self._limits.seconds} seconds, in {_name(cell, index)}.")
        self._skipped[index] = f"This cell was left out when the notebook was graded: {reason}."
        self.notes.append(Note(_name(cell, index), f"{reason}; everything else was run without this cell"))
        raise _KernelEndedError

    def _why_ended(self) -> str:
        provisioner = getattr(self.km, "provisioner", None)
        reason = provisioner.reason if isinstance(provisioner, ForkedKernels) else ""
        return reason or "it ended the Python process that it ran in"


def _name(cell: NotebookNode, index: int) -> str:
    name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
    return re.sub(r"\s+", " ", str(name))[:60] or f"cell {index + 1}"
