"""Exercises that answer back: ``from course_lib.exercises import lesson01 as ex``, then ``ex.top_k.check(...)``."""
