"""Every exercise is given every value and every function that it does not ask for: each gets a calm sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from course_lib.exercises.engine.learner_progress import all_exercises
from tests.exercise_kinds import FUNCTIONS, WRONG, is_calm

EXERCISES = all_exercises()


@pytest.mark.parametrize("name", EXERCISES)
def test_whatever_comes_in_gets_a_sentence(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    for kind, make in [*WRONG.items(), *FUNCTIONS.items()]:
        outcome = EXERCISES[name].check(make())
        assert is_calm(outcome), f"{kind}: {outcome!r}"
