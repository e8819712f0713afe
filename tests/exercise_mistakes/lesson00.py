"""Known mistakes in the exercise of lesson 00."""

from __future__ import annotations

from typing import Any

from course_lib.exercises.engine.exercise import Exercise
from course_lib.exercises.lessons import lesson00

MISTAKES: dict[Exercise, list[tuple[Any, str]]] = {
    lesson00.count_values: [
        (224 * 224, "one channel"), (3 * 224, "one row"), (7, "7 is not it"), (150528.5, "whole number"),
        (float("inf"), "finite"),
    ],
}  # fmt: skip
