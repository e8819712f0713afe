"""Hidden cases with many seeds: what is right passes all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from course_lib.exercises.engine.exercise import Exercise
from course_lib.exercises.engine.learner_progress import all_exercises
from tests.exercise_rights import RIGHT

SOLUTIONS = [(exercise, exercise.answer()) for exercise in all_exercises().values()]
SEEDS = range(5)


@pytest.mark.parametrize(("exercise", "answer"), [
    (exercise, answer) for exercise, answer in [*SOLUTIONS, *RIGHT] if exercise.kind != "value"
], ids=lambda value: getattr(value, "id", None))  # fmt: skip
def test_what_is_right_passes_whatever_is_drawn(
    exercise: Exercise, answer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    for seed in SEEDS:
        exercise.grade(answer, seed=seed)
