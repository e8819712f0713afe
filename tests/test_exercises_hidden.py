"""Hidden cases: what an instructor's seed draws. The solution passes all of it, what is wrong does not get through.

The oracles are the solutions and the known mistakes of exercise_mistakes/. Here the open check is taken away, so that
the hidden cases have to find each mistake alone.
"""

from __future__ import annotations

import random
import time
from dataclasses import replace
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
from tests import exercise_rights, test_exercises_lesson02, test_exercises_lesson03
from tests.test_exercises import MISTAKES, is_called, rude, surroundings

LESSONS = ("00", "01", "02", "03", "04", "05", "06", "07")
CHOSEN = {name: one for name, one in all_exercises().items() if name[:2] in LESSONS}
CODE = {name: one for name, one in CHOSEN.items() if one.kind != "value"}
SEEDS = range(5)
LEVELS = ["mild", "medium", "hard"]
#: Mistakes that the open check alone refuses: hidden cases have a tolerance, and let another order of a sum pass.
ONLY_OPEN = {"03_resnet18": ["by rounding only"]}


@pytest.fixture(autouse=True)
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))


def hidden_only(one: Exercise) -> Exercise:
    """The exercise without its open check."""
    return replace(one, checker=lambda answer: None)


def refused(one: Exercise, answer: Any, seed: int) -> bool:
    try:
        one.grade(answer, seed=seed)
    except NotCorrect:
        return True
    return False


# -- what every exercise declares -------------------------------------------------------------------------------------
def test_all_code_has_hidden_cases_and_no_value_has() -> None:
    assert len(CODE) >= 40
    assert {name for name, one in CHOSEN.items() if one.hidden is not None} == set(CODE)


@pytest.mark.parametrize("lesson", LESSONS[1:])
def test_a_lesson_climbs_from_mild_to_hard(lesson: str) -> None:
    mine = [one for one in CHOSEN.values() if one.id[:2] == lesson]
    assert {one.difficulty for one in mine} == set(LEVELS)
    minutes = [[one.minutes for one in mine if one.difficulty == level] for level in LEVELS]
    points = [[one.points for one in mine if one.difficulty == level] for level in LEVELS]
    for lower, higher in [*pairwise(minutes), *pairwise(points)]:
        assert max(lower) <= min(higher)


# -- right ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", CODE)
def test_the_solution_passes_whatever_is_drawn_and_soon(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    one = CODE[name]
    torch.manual_seed(5)
    before, start = surroundings(), time.process_time()
    for seed in SEEDS:
        one.grade(one.answer(), seed=seed)
    assert time.process_time() - start < 2 * len(SEEDS)
    assert surroundings() == before and capfd.readouterr() == ("", "")


_MODULES = (test_exercises_lesson02, test_exercises_lesson03, exercise_rights)
OTHER_WAYS = [(one, answer) for module in _MODULES for one, answer in module.RIGHT if one.id in CODE]


@pytest.mark.parametrize(("one", "answer"), OTHER_WAYS, ids=lambda value: getattr(value, "id", None))
def test_other_right_ways_pass_too(one: Exercise, answer: Any) -> None:
    for seed in SEEDS:
        one.grade(answer, seed=seed)


def fingerprint(value: Any) -> Any:
    """What can be compared of an argument."""
    if isinstance(value, torch.Tensor):
        return str(value.dtype), tuple(value.shape), value.tolist()
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
        return [fingerprint(one) for one in value]
    if isinstance(value, Path):
        return value.name, value.read_bytes() if value.exists() else None
    if isinstance(value, dict):
        return {key: fingerprint(one) for key, one in value.items()}
    return type(value) if callable(value) or type(value).__repr__ is object.__repr__ else repr(value)


@pytest.mark.parametrize("name", [name for name, one in CODE.items() if one.kind == "function"])
def test_the_same_seed_draws_the_same_and_another_seed_something_else(name: str) -> None:
    bare = hidden_only(CODE[name])

    def drawn(seed: int) -> list[Any]:
        seen: list[Any] = []

        def spy(*given: Any) -> Any:
            seen.append([fingerprint(one) for one in given])
            return bare.solution_code(*given)

        bare.grade(spy, seed=seed)
        return seen

    torch.manual_seed(1), np.random.seed(1), random.seed(1)
    first = drawn(3)
    torch.manual_seed(2), np.random.seed(2), random.seed(2)
    assert drawn(3) == first != drawn(4)


# -- wrong ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", CODE)
def test_known_mistakes_do_not_get_through(name: str) -> None:
    one = CODE[name]
    bare, missed = hidden_only(one), []
    for attempt, says in MISTAKES[one]:
        seed = next((seed for seed in SEEDS if refused(bare, attempt, seed)), None)
        if seed is None:
            missed.append(says)
        assert seed is None or refused(bare, attempt, seed)  # the same seed, the same verdict
        assert refused(one, attempt, 0)
    assert missed == ONLY_OPEN.get(name, [])


@pytest.mark.parametrize("name", CODE)
def test_nothing_of_a_rude_answer_is_left_behind(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    bare = hidden_only(CODE[name])
    torch.manual_seed(5)
    before = surroundings()
    with pytest.raises(NotCorrect) as wrong:
        bare.grade(rude, seed=1)
    assert ("your code printed" in str(wrong.value)) == is_called(bare)
    assert surroundings() == before and capfd.readouterr() == ("", "")
