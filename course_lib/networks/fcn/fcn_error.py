"""The error of this package."""

from __future__ import annotations

from course_lib.errors import CourseError

__all__ = ["FcnError"]


class FcnError(CourseError, ValueError):
    """A classifier that cannot be made fully convolutional, or an option that makes no sense for it."""
