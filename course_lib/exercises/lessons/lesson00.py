"""The exercise of lesson 00: to try check, hint and solution once."""

from __future__ import annotations

from typing import Any

from course_lib.exercises.engine.exercise import exercise
from course_lib.exercises.engine.requirements import Wrong, need_number


@exercise(
    id="00_count_values",
    title="How many numbers",
    minutes=1,
    difficulty="mild",
    cell_name="count",
    hints=[
        "A colour picture has a red, a green and a blue channel.",
        "Each channel is a table of 224 rows and 224 columns.",
        "3 × 224 × 224; let Python multiply.",
    ],
    praise="Every picture that enters the network is that many numbers, whatever it was before.",
)
def count_values() -> int:
    """Three channels of 224 rows of 224 values."""
    return 3 * 224 * 224


@count_values.checker
def _(answer: Any) -> None:
    number = need_number(answer, whole=True)
    if number == 224 * 224:
        raise Wrong("That is one channel. How many channels does a colour picture have?")
    if number == 3 * 224:
        raise Wrong("That is one row of every channel. How many rows are there?")
    if number != count_values.answer():
        raise Wrong(f"{number:g} is not it. Multiply channels, rows and columns.")
