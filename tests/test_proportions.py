"""Wilson's interval and McNemar's exact test, against published tables and against their definitions."""

from __future__ import annotations

import math
import random
from statistics import NormalDist

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.errors import CourseError
from course_lib.measuring import paired, wilson


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3; 1 - p for the first of them
        (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718),
    ],
)  # fmt: skip
def test_wilson_is_newcombes_table(right: int, count: int, low: float, high: float) -> None:
    assert wilson(right, count) == pytest.approx((low, high), abs=6e-5)
    assert wilson(count - right, count) == pytest.approx((1 - high, 1 - low), abs=6e-5)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_wilson_holds_the_share_and_its_edges_are_where_a_normal_test_turns(
    counted: tuple[int, int], confidence: float
) -> None:
    right, count = counted
    low, high = wilson(right, count, confidence=confidence)
    assert 0 <= low <= right / count <= high <= 1 and low < high
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    for edge in (low, high):  # the definition: at the edges the share is z standard deviations away
        if 0 < edge < 1:
            assert abs(right / count - edge) == pytest.approx(z * math.sqrt(edge * (1 - edge) / count), rel=1e-6)


def test_paired_is_mcnemars_exact_test() -> None:
    assert paired([1] * 98 + [0] * 2, [1] * 92 + [0] * 8).p_value == pytest.approx(2 / 2**6)
    # Agresti, Categorical Data Analysis, the prime minister's approval: 150 against 86 who changed their minds
    approval = paired([1] * 794 + [1] * 150 + [0] * 86 + [0] * 570, [1] * 794 + [0] * 150 + [1] * 86 + [0] * 570)
    assert approval.p_value == pytest.approx(3.7e-5, rel=0.02) and approval.count == 1600
    assert approval.difference == pytest.approx(0.04)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_every_picture_is_sorted_once_and_the_names_can_be_exchanged(answers: list[tuple[bool, bool]]) -> None:
    first, second = zip(*answers, strict=True)
    found, back = paired(first, second), paired(torch.tensor(second), list(first))
    parts = (*found.both, *found.only_first, *found.only_second, *found.neither)
    assert sorted(parts) == list(range(len(answers))) and all(answers[k] == (True, False) for k in found.only_first)
    assert (found.only_first, found.both) == (back.only_second, back.both)
    assert found.p_value == back.p_value and found.difference == -back.difference
    assert 0 < found.p_value <= 1


def test_the_test_is_as_one_sided_as_coins_are() -> None:
    source = random.Random(0)
    found = paired([1] * 9 + [0] * 2, [0] * 9 + [1] * 2)
    tosses = [sum(source.random() < 0.5 for _ in range(11)) for _ in range(20_000)]
    assert sum(heads <= 2 or heads >= 9 for heads in tosses) / 20_000 == pytest.approx(found.p_value, abs=0.01)
    assert "only first 9, only second 2" in str(found) and "<table" in found._repr_html_()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: wilson(3, 2), "3 of 2 isn't a share"), (lambda: wilson(0, 0), "at least one picture"),
        (lambda: wilson(0.5, 2), "two whole numbers"), (lambda: wilson(1, 2, confidence=95), "between 0 and 1"),
        (lambda: paired([1], [1, 0]), "same pictures in the same order"), (lambda: paired([], []), "one for each"),
        (lambda: paired(["a"], [1]), "True or False"), (lambda: paired(torch.ones(1, 2), [1]), "True or False"),
    ],
)  # fmt: skip
def test_bad_input_gets_a_sentence(call, says: str) -> None:
    with pytest.raises(CourseError, match=says):
        call()
