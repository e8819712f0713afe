"""Grading with hidden cases: which known mistakes they let through on their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from course_lib.exercises.engine.exercise import Exercise, NotCorrect
from tests.exercise_mistakes import MISTAKES


def hidden_only(exercise: Exercise) -> Exercise:
    """The exercise without its open check."""
    return replace(exercise, check_answer=lambda answer: None)


def refused(exercise: Exercise, answer: Any, seed: int) -> bool:
    try:
        exercise.grade(answer, seed=seed)
    except NotCorrect:
        return True
    return False


def missed_mistakes(exercise: Exercise, seeds: Iterable[int]) -> list[str]:
    """What the open check says to the known mistakes that pass the hidden cases of all the seeds."""
    bare, missed = hidden_only(exercise), []
    for attempt, says in MISTAKES[exercise]:
        seed = next((seed for seed in seeds if refused(bare, attempt, seed)), None)
        if seed is None:
            missed.append(says)
        assert seed is None or refused(bare, attempt, seed)  # the same seed, the same verdict
        assert refused(exercise, attempt, 0)
    return missed
