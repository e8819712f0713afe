"""The error of a trace that cannot be: a sentence, and what had been seen until then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.errors import CourseError

if TYPE_CHECKING:
    from course_lib.tracing.ops import Op
    from course_lib.tracing.result import Trace

__all__ = ["TraceError"]


class TraceError(CourseError, ValueError):
    """A model that cannot be traced, or whose forward fails.

    Attributes:
        trace: the ops that ran before it failed; None where nothing was run.
        where: the module's path in which it stopped; None where nothing was run.
        failed: the op that could not run: what went in, and no outputs; None where no function of PyTorch's failed.
        reason: the message without how far the picture got.
    """

    def __init__(
        self,
        message: str,
        *,
        trace: Trace | None = None,
        where: str | None = None,
        failed: Op | None = None,
        reason: str = "",
    ) -> None:
        super().__init__(message)
        self.trace, self.where, self.failed, self.reason = trace, where, failed, reason or message
