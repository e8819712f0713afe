"""Exercises that answer back: ``from course_lib.exercises import lesson01 as ex``, then ``ex.top_k.check(...)``.

``my_progress("01")`` says how far you are through a lesson, ``my_progress()`` through the course. Every ``lessonNN.py``
in the folder ``lessons`` is found by itself.
"""

import pkgutil
from pathlib import Path

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "engine.learner_progress": ["my_progress"],
        "lessons": sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent / "lessons")])),
    },
)
