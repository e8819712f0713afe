"""Lesson 02's exercises beside what they are about: networks that are built, scipy, the front by brute force.

What is wrong is in exercise_mistakes/lesson02.py, what is right in other ways in exercise_rights.py.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from datetime import datetime
from operator import itemgetter
from time import perf_counter
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision import models

from course_lib.exercises.checks import stopwatch_checks
from course_lib.exercises.checks.stopwatch_checks import RealClock, SimulatedClock, Worker
from course_lib.exercises.lessons import lesson02
from course_lib.measuring import pareto as front


# -- the solutions ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("class_name", ["AlexNet", "VGG", "ResNet", "MobileNetV3", "SqueezeNet"])
def test_what_the_builders_say_is_what_they_build(class_name: str) -> None:
    names = lesson02.builders_of(class_name)
    assert names
    for name in names:
        with torch.device("meta"):
            assert type(models.get_model(name)).__name__ == class_name


def test_the_builders_of_all_classes_are_the_registry() -> None:
    classes = [value.__name__ for value in vars(models).values() if isinstance(value, type)]
    names = [name for class_name in classes for name in lesson02.builders_of(class_name)]
    assert sorted(names) == sorted(models.list_models(module=models))


def test_rank_correlation_is_scipys() -> None:
    spearman = pytest.importorskip("scipy.stats").spearmanr
    random = np.random.default_rng(0)
    for n in (2, 3, 10, 50):
        first, second = random.normal(size=(2, n)).tolist()
        assert lesson02.rank_correlation(first, second) == pytest.approx(spearman(first, second).statistic)


@given(st.lists(st.tuples(*[st.integers(0, 4).map(float)] * 3), max_size=12))
def test_the_front_is_what_is_best_for_some_prices_and_all_that_nothing_beats(rows: list[tuple[float, ...]]) -> None:
    kept = lesson02.pareto(rows)
    assert [rows[k] for k in kept] == list(front(rows, [itemgetter(k) for k in range(3)]))
    for prices in itertools.product((1, 10, 100), repeat=3):  # whoever weighs all three finds its best on the front
        costs = [float(np.dot(prices, row)) for row in rows]
        assert not rows or min(costs) == min(costs[k] for k in kept)


def test_the_file_of_vgg16_is_its_parameters() -> None:
    size = models.VGG16_Weights.IMAGENET1K_V1.meta["_file_size"]
    assert lesson02.file_size() == pytest.approx(size, rel=1e-3)


# -- the stopwatch's cases and its worker -----------------------------------------------------------------------------
def test_no_two_numbers_that_wrong_stopwatches_give_come_near_each_other() -> None:
    warm, counted = stopwatch_checks._CASES[0]
    both = (counted, [*warm, *counted])
    averages = [average(calls) for average in (statistics.mean, statistics.median, sum) for calls in both]
    named = sorted([min(counted), max(counted), *averages])
    for lower, higher in itertools.pairwise(named):  # in milliseconds, with as much room again as the check allows
        assert higher - lower > 2 * (0.5 + 0.03 * higher), (lower, higher)


@pytest.mark.parametrize("clock", [RealClock(), SimulatedClock()])
def test_a_worker_answers_at_once_and_works_one_job_after_the_other(clock: RealClock | SimulatedClock) -> None:
    worker = Worker((100, 30), clock)
    start = clock.now()
    worker.run()
    worker.run()
    assert worker.left_over == [1] and worker.seconds(0) == float("inf")
    worker.wait()
    assert clock.now() - start >= 0.13
    assert worker.seconds(1) >= 0.03
    worker.run()  # more than it was given jobs for: it takes no time, and nothing is left over
    worker.wait()
    assert worker.left_over == [1] and worker.seconds(2) < worker.seconds(1)


def test_a_stopwatch_is_checked_in_no_time_by_a_clock_that_is_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    names = {name: value for name, value in vars(time).items() if callable(value)}
    for answer in (lesson02.median_seconds.answer(), with_imported_names):
        assert lesson02.median_seconds.check(answer).state == "correct"
    assert slept == [] and {name: vars(time)[name] for name in names} == names and perf_counter is time.perf_counter


def with_imported_names(run: Callable[[], Any], wait: Callable[[], Any], warmups: int, repeats: int) -> float:
    seconds = []
    for number in range(warmups + repeats):
        start = perf_counter()
        run()
        wait()
        if number >= warmups:
            seconds.append(perf_counter() - start)
    return statistics.median(seconds)


def with_dates(run: Callable[[], Any], wait: Callable[[], Any], warmups: int, repeats: int) -> float:
    """Reads a clock that cannot be replaced."""
    seconds = []
    for number in range(warmups + repeats):
        start = datetime.now()
        run()
        wait()
        if number >= warmups:
            seconds.append((datetime.now() - start).total_seconds())
    return statistics.median(seconds)


def test_a_stopwatch_with_a_clock_of_its_own_is_right_too() -> None:
    """On the real clock, of a machine that may be busy: one of three tries is enough."""
    assert "correct" in (lesson02.median_seconds.check(with_dates).state for _ in range(3))
