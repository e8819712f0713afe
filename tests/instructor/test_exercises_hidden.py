"""Hidden cases: what an instructor's seed draws. The solution passes all of it, what is wrong does not get through.

The oracles are the solutions and the known mistakes of exercise_mistakes/. Here the open check is taken away, so that
the hidden cases have to find each mistake alone. test_hidden_seeds.py has more seeds for what is right.
"""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.models import WeightsEnum

from course_lib.exercises.engine.exercise import Exercise, NotCorrect
from course_lib.exercises.engine.learner_progress import all_exercises
from tests.exercise_grades import hidden_only, missed_mistakes
from tests.exercise_kinds import is_called, rude, surroundings
from tests.exercise_rights import RIGHT

EXERCISES = all_exercises()
LESSONS = sorted({id[:2] for id in EXERCISES})
CODE = {name: exercise for name, exercise in EXERCISES.items() if exercise.kind != "value"}
SEEDS = range(2)
LEVELS = ["mild", "medium", "hard"]


@pytest.fixture(autouse=True)
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))


# -- what every exercise declares -------------------------------------------------------------------------------------
def test_all_code_has_hidden_cases_and_no_value_has() -> None:
    assert len(CODE) >= 40
    assert {name for name, exercise in EXERCISES.items() if exercise.check_hidden is not None} == set(CODE)


@pytest.mark.parametrize("lesson", LESSONS[1:])
def test_a_lesson_climbs_from_mild_to_hard(lesson: str) -> None:
    mine = [exercise for exercise in EXERCISES.values() if exercise.id[:2] == lesson]
    assert {exercise.difficulty for exercise in mine} == set(LEVELS)
    minutes = [[exercise.minutes for exercise in mine if exercise.difficulty == level] for level in LEVELS]
    points = [[exercise.points for exercise in mine if exercise.difficulty == level] for level in LEVELS]
    for lower, higher in [*pairwise(minutes), *pairwise(points)]:
        assert max(lower) <= min(higher)


# -- right ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", CODE)
def test_the_solution_passes_whatever_is_drawn(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(5)
    before = surroundings()
    for seed in SEEDS:
        CODE[name].grade(CODE[name].answer(), seed=seed)
    assert surroundings() == before and capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("exercise", "answer"), [(exercise, answer) for exercise, answer in RIGHT
                         if exercise.kind != "value"], ids=lambda value: getattr(value, "id", None))  # fmt: skip
def test_other_right_ways_pass_too(exercise: Exercise, answer: Any) -> None:
    for seed in SEEDS:
        exercise.grade(answer, seed=seed)


def fingerprint(value: Any) -> Any:
    """What can be compared of an argument."""
    if isinstance(value, torch.Tensor):
        return str(value.dtype), tuple(value.shape), value.detach().numpy().tobytes()
    if isinstance(value, nn.Module):
        sizes = {key: tuple(weight.shape) for key, weight in value.state_dict().items()}
        return sizes, [module.training for module in value.modules()]
    if isinstance(value, Image.Image):
        return value.size, value.tobytes()
    if isinstance(value, np.ndarray):
        return value.shape, value.tobytes()
    if isinstance(value, WeightsEnum):
        return repr(value), value.url, str(value.transforms()), repr(value.meta)
    if isinstance(value, type) and issubclass(value, WeightsEnum):
        return [fingerprint(entry) for entry in value]
    if isinstance(value, Path):
        return value.name, value.read_bytes() if value.exists() else None
    if isinstance(value, dict):
        return {key: fingerprint(entry) for key, entry in value.items()}
    return type(value) if callable(value) or type(value).__repr__ is object.__repr__ else repr(value)


@pytest.mark.parametrize("name", [name for name, exercise in CODE.items() if exercise.kind == "function"])
def test_the_same_seed_draws_the_same_and_another_seed_something_else(name: str) -> None:
    bare = hidden_only(CODE[name])

    def drawn(seed: int) -> list[Any]:
        seen: list[Any] = []

        def spy(*given: Any) -> Any:
            seen.append([fingerprint(argument) for argument in given])
            return bare(*given)

        bare.grade(spy, seed=seed)
        return seen

    torch.manual_seed(1), np.random.seed(1), random.seed(1)
    first = drawn(3)
    torch.manual_seed(2), np.random.seed(2), random.seed(2)
    assert drawn(3) == first != drawn(4)


# -- wrong ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", CODE)
def test_known_mistakes_do_not_get_through(name: str) -> None:
    assert missed_mistakes(CODE[name], range(5)) == []  # most of them are refused with the first seed


@pytest.mark.parametrize("name", CODE)
def test_nothing_of_a_rude_answer_is_left_behind(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    bare = hidden_only(CODE[name])
    torch.manual_seed(5)
    before = surroundings()
    with pytest.raises(NotCorrect) as wrong:
        bare.grade(rude, seed=1)
    assert ("your code printed" in str(wrong.value)) == is_called(bare)
    assert surroundings() == before and capfd.readouterr() == ("", "")
