"""What both engines say and do alike: the words at the head, and the code of a cell."""

from __future__ import annotations

import re
from collections.abc import Iterator

from course_lib.exercises.assignments.choice import Choice
from course_lib.exercises.assignments.exercise_cells import ExerciseCell

__all__ = ["asked", "context", "hidden_test", "introduction", "open_test", "words"]

_SHORT_NAME = re.compile(r"\bex\.(?=\w+\.)")  # as a lesson calls its own exercises; here several lessons may meet


def introduction(name: str, choice: Choice) -> str:
    """The first words: what is asked, and how it is worked on."""
    count = len(choice.cells)
    return (
        f"# {name}\n\n"
        f"{count} {'exercise' if count == 1 else 'exercises'}, {choice.points} points, "
        f"about {choice.minutes} minutes.\n\n"
        "Replace the three dots of an exercise by your answer, and run its cell: a box says how far you are. Run it as "
        "often as you like. Before you hand in: *Kernel*, *Restart and run all*, and look at every box once more."
    )


def words(cell: ExerciseCell) -> Iterator[tuple[str, str]]:
    """What stands above the exercise's cell, ("markdown" or "code", text), with the points in its heading."""
    (_, first), *others = ((kind, _SHORT_NAME.sub(f"{cell.module}.", text)) for kind, text in cell.above)
    heading, _, text = first.partition("\n")
    points = cell.exercise.points
    yield "markdown", f"{heading} ({points} {'point' if points == 1 else 'points'})\n{text}".rstrip()
    yield from others


def asked(cell: ExerciseCell) -> str:
    """How the exercise is called in a cell, such as ``lesson04.trace_cfg``: two lessons' may stand side by side."""
    return f"{cell.module}.{cell.name}"


def context(cell: ExerciseCell) -> str:
    """The lines that the exercise needs of its lesson."""
    return "\n".join([*cell.context, f"from course_lib.exercises import {cell.module}"])


def open_test(cell: ExerciseCell) -> str:
    """The test that a learner sees: the words of the check, raised. It stands by itself, whatever else was deleted."""
    return f"from course_lib.exercises import {cell.module}\n\n{asked(cell)}.grade({cell.answer})"


def hidden_test(cell: ExerciseCell, seed: int) -> str:
    """The test that a learner does not see: the cases that this seed draws."""
    return f"{asked(cell)}.grade({cell.answer}, seed={seed})"
