"""Known mistakes in the exercises of lesson 00."""

from __future__ import annotations

from typing import Any

from course_lib.exercises.engine.exercise import Exercise
from course_lib.exercises.lessons import lesson00

MISTAKES: dict[Exercise, list[tuple[Any, str]]] = {
    lesson00.fooling_crop: [
        ((0, 0, 600, 400), "it still says espresso, 95% sure"), ((300, 0, 600, 400), "still says espresso"),
        ((0, 0, 60, 40), "Only 1% of the picture is left"), ((0, 0, 400, 600), "inside the picture"),
        ((0, 220), "a box of four numbers"), ((0, 220.5, 600, 400), "whole numbers only"),
    ],
    lesson00.count_values: [
        (224 * 224, "one channel"), (3 * 224, "one row"), (7, "7 isn't it"), (150528.5, "whole number"),
        (float("inf"), "finite"),
    ],
}  # fmt: skip
