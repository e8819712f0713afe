"""All mutants of all solutions: at most 5% of a lesson's pass, or three (they compute the same as the solution)."""

from __future__ import annotations

import pytest

from course_lib.exercises.engine.learner_progress import all_exercises
from tests.exercise_edits import MANY_RIGHT, mutants, survives

EXERCISES = all_exercises()


@pytest.mark.parametrize("lesson", sorted({id[:2] for id in EXERCISES}))
@pytest.mark.filterwarnings("ignore:Anti-alias")
def test_mutants_of_the_solutions_are_rejected(lesson: str) -> None:
    mine = [exercise for id, exercise in EXERCISES.items() if id[:2] == lesson and id not in MANY_RIGHT]
    made = [(exercise, source) for exercise in mine for source in mutants(exercise)]
    alive = [f"{exercise.id}:\n{source}" for exercise, source in made if survives(exercise, source)]
    assert len(made) >= 8 * len(mine)
    assert len(alive) <= max(3, 0.05 * len(made)), f"{len(alive)} of {len(made)} survive:\n" + "\n\n".join(alive)
