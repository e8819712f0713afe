"""Exercises that answer back: ``from course_lib.exercises import lesson01 as ex``, then ``ex.top_k.check(...)``."""

from course_lib.exercises.outcomes import guess_and_truth

__all__ = ["guess_and_truth"]
