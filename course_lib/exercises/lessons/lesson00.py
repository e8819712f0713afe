"""The exercise of lesson 00: to try check, hint and solution once."""

from __future__ import annotations

from typing import Any

from course_lib.exercises.engine.exercise import Exercise, Wrong, need_number, sentence_of

__all__ = ["count_values"]


def count_values_solution() -> int:
    """Three channels of 224 rows of 224 values."""
    return 3 * 224 * 224


@sentence_of
def _check_count(answer: Any) -> None:
    number = need_number(answer, whole=True)
    if number == 224 * 224:
        raise Wrong("That is one channel. How many channels does a colour picture have?")
    if number == 3 * 224:
        raise Wrong("That is one row of every channel. How many rows are there?")
    if number != count_values_solution():
        raise Wrong(f"{number:g} is not it. Multiply channels, rows and columns.")


count_values = Exercise(
    "00_count_values",
    "How many numbers",
    1,
    count_values_solution,
    _check_count,
    (
        "A colour picture has a red, a green and a blue channel.",
        "Each channel is a table of 224 rows and 224 columns.",
        "3 × 224 × 224; let Python multiply.",
    ),
    praise="Every picture that enters the network is that many numbers, whatever it was before.",
    cell_name="count",
    difficulty="mild",
)
