"""Lesson 02's exercises beside what they are about: networks that are built, scipy, the front by brute force.

Other right ways pass too. What is wrong is in exercise_mistakes/lesson02.py.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision import models

from course_lib.exercises.checks import stopwatch_checks
from course_lib.exercises.checks.stopwatch_checks import Worker
from course_lib.exercises.lessons import lesson02
from course_lib.measuring.choosing import pareto as front


# -- the solutions ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("class_name", ["AlexNet", "VGG", "ResNet", "MobileNetV3", "SqueezeNet"])
def test_what_the_builders_say_is_what_they_build(class_name: str) -> None:
    names = lesson02.builders_of_solution(class_name)
    assert names
    for name in names:
        with torch.device("meta"):
            assert type(models.get_model(name)).__name__ == class_name


def test_the_builders_of_all_classes_are_the_registry() -> None:
    classes = [one.__name__ for one in vars(models).values() if isinstance(one, type)]
    found = [name for class_name in classes for name in lesson02.builders_of_solution(class_name)]
    assert sorted(found) == sorted(models.list_models(module=models))


def test_rank_correlation_is_scipys() -> None:
    spearman = pytest.importorskip("scipy.stats").spearmanr
    random = np.random.default_rng(0)
    for n in (2, 3, 10, 50):
        one, other = random.normal(size=(2, n)).tolist()
        assert lesson02.rank_correlation_solution(one, other) == pytest.approx(spearman(one, other).statistic)


@given(st.lists(st.tuples(*[st.integers(0, 4).map(float)] * 3), max_size=12))
def test_the_front_is_what_is_best_for_some_prices_and_all_that_nothing_beats(rows: list[tuple[float, ...]]) -> None:
    kept = lesson02.pareto_solution(rows)
    assert [rows[k] for k in kept] == list(front(rows, [itemgetter(k) for k in range(3)]))
    for prices in itertools.product((1, 10, 100), repeat=3):  # whoever weighs all three finds its best on the front
        costs = [float(np.dot(prices, row)) for row in rows]
        assert not rows or min(costs) == min(costs[k] for k in kept)


def test_the_file_of_vgg16_is_its_parameters() -> None:
    size = models.VGG16_Weights.IMAGENET1K_V1.meta["_file_size"]
    assert lesson02.file_size_solution() == pytest.approx(size, rel=1e-3)


# -- other right ways -------------------------------------------------------------------------------------------------
def by_hand(logits: torch.Tensor, targets: torch.Tensor, k: int) -> float:
    wrong = 0
    for row, target in zip(logits.tolist(), targets.tolist(), strict=True):
        wrong += sorted(range(len(row)), key=row.__getitem__)[::-1].index(target) >= k
    return 100 * wrong / len(logits)


def with_statistics(run: Callable[[], Any], wait: Callable[[], Any], warmups: int, repeats: int) -> float:
    seconds = []
    for number in range(warmups + repeats):
        wait()
        start = time.perf_counter_ns()
        run()
        wait()
        if number >= warmups:
            seconds.append((time.perf_counter_ns() - start) / 1e9)
    return statistics.median(seconds)


def monotonic(run: Callable[[], Any], wait: Callable[[], Any], warmups: int, repeats: int) -> torch.Tensor:
    took = torch.zeros(warmups + repeats, dtype=torch.float64)
    for number in range(warmups + repeats):
        start = time.monotonic()
        run()
        wait()
        took[number] = time.monotonic() - start
    return took[warmups:].median()


def sorted_first(candidates: list[tuple[float, ...]]) -> set[int]:
    return {
        k for k, mine in enumerate(candidates)
        if not any(other != mine and all(map(float.__le__, other, mine)) for other in candidates)
    }  # fmt: skip


RIGHT: list[tuple[Any, Any]] = [
    (lesson02.top_k_error, by_hand),
    (lesson02.top_k_error, lambda logits, targets, k: torch.tensor(by_hand(logits, targets, k))),
    (lesson02.median_seconds, with_statistics),
    (lesson02.median_seconds, monotonic),
    (lesson02.pareto, sorted_first),
    (lesson02.rank_correlation, lambda a, b: np.corrcoef(np.argsort(np.argsort(a)), np.argsort(np.argsort(b)))[0, 1]),
    (lesson02.builders_of, lambda name: set(lesson02.builders_of_solution(name))),
    (lesson02.file_size, 528), (lesson02.file_size, 527.8), (lesson02.dominated, {"b", "a"}),
    (lesson02.within_limits, lambda error, size: tuple(lesson02.within_limits_solution(error, size))),
]  # fmt: skip


@pytest.mark.parametrize(("exercise", "answer"), RIGHT)
def test_other_right_ways_pass(exercise: Any, answer: Any) -> None:
    outcome = exercise.check(answer)
    assert outcome.state == "correct", outcome.sentence


# -- the stopwatch's cases and its worker -----------------------------------------------------------------------------
def test_no_two_numbers_that_wrong_stopwatches_give_come_near_each_other() -> None:
    warm, counted = stopwatch_checks._CASES[0]
    both = (counted, [*warm, *counted])
    averages = [average(calls) for average in (statistics.mean, statistics.median, sum) for calls in both]
    named = sorted([min(counted), max(counted), *averages])
    for one, other in itertools.pairwise(named):  # in milliseconds, with as much room again as the check allows
        assert other - one > 2 * (0.5 + 0.03 * other), (one, other)


def test_a_worker_answers_at_once_and_works_one_job_after_the_other() -> None:
    worker = Worker((100, 30))
    start = time.perf_counter()
    worker.run()
    worker.run()
    assert time.perf_counter() - start < 0.1
    assert worker.left_over == [1] and worker.seconds(0) == float("inf")
    worker.wait()
    assert time.perf_counter() - start >= 0.13
    assert worker.seconds(1) >= 0.03
    worker.run()  # more than it was given jobs for: it takes no time
    worker.wait()
    assert worker.left_over == [1] and worker.seconds(2) < 0.03
