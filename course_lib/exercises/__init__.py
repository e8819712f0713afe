"""Exercises that answer back: ``from course_lib.exercises import lesson01 as ex``, then ``ex.top_k.check(...)``.

``my_progress("01")`` says how far you are through a lesson, ``my_progress()`` through the course.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "engine.learner_progress": ["my_progress"],
        "engine.outcomes": ["guess_and_truth"],
        "lessons": ["lesson00", "lesson01", "lesson02", "lesson03", "lesson04", "lesson05", "lesson06", "lesson07"],
    },
)
