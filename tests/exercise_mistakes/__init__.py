"""Known mistakes: every exercise → (answer, what its sentence must say), in one file a lesson."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from course_lib.exercises.engine.exercise import Exercise

MISTAKES: dict[Exercise, list[tuple[Any, str]]] = {}
for _module in pkgutil.iter_modules(__path__):
    MISTAKES |= importlib.import_module(f"{__name__}.{_module.name}").MISTAKES
