"""Choosing: fronts against a brute force, limits, labels that keep apart, and charts that show the numbers given."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.text import Text
from torchvision.models import get_model_weights, list_models

from course_lib.drawing import label_placement
from course_lib.drawing.bubble_chart import bubbles
from course_lib.drawing.label_placement import Bubble, place_labels
from course_lib.drawing.model_charts import (
    CRITERIA,
    LOOKS,
    area_of,
    compare,
    footnote,
    rankings,
    scatter,
    timeline,
)
from course_lib.drawing.still import new_figure, still
from course_lib.errors import CourseError, ModelNameError
from course_lib.measuring.choosing import Limits, Point, answer, better, find, pareto, points, within
from course_lib.measuring.clock import Timing
from course_lib.measuring.timing_table import stored
from course_lib.models.catalog_table import catalog
from course_lib.models.families import FAMILIES, KINDS

from . import stills as checks

FIVE = (
    Point("old", "classic", 43.0, 20.0, 233.0, 21.0),
    Point("big", "classic", 26.0, 200.0, 548.0, 8.0),
    Point("fair", "classic", 19.0, 52.0, 98.0, 4.6),
    Point("small", "light-weight", 32.0, 5.0, 10.0, 12.0),
    Point("new", "found by search", 22.0, 20.0, 20.0, 6.0),
)
SOME = {
    "alexnet", "vgg16", "vgg19_bn", "googlenet", "resnet18", "resnet50", "resnet152", "densenet121", "squeezenet1_1",
    "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "shufflenet_v2_x1_0", "mnasnet1_0", "efficientnet_b0",
    "efficientnet_b4", "regnet_y_400mf", "regnet_y_8gf", "convnext_tiny", "convnext_base", "vit_b_16", "swin_t",
    "maxvit_t", "efficientnet_v2_s",
}  # fmt: skip


@pytest.fixture(scope="module")
def everything() -> tuple[Point, ...]:
    return points()


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    seen = checks.watch(monkeypatch)
    yield seen
    assert [fault for figure in seen for fault in checks.faults(figure, smallest=9.0)] == []


# -- the front --------------------------------------------------------------------------------------------------------
rows_of_numbers = st.lists(st.tuples(*[st.integers(0, 6)] * 3), max_size=30)


@given(rows_of_numbers)
def test_the_front_is_what_nothing_beats(rows: list[tuple[int, int, int]]) -> None:
    keys = [lambda row, k=k: row[k] for k in range(3)]
    front = pareto(rows, keys)
    table = np.array(rows, float).reshape(-1, 3)
    beaten = [bool(((table <= row).all(1) & (table < row).any(1)).any()) for row in table]
    assert list(front) == [row for row, lost in zip(rows, beaten, strict=True) if not lost]
    for row in rows:  # and whoever is not on it is beaten by somebody who is
        assert row in front or any(all(a <= b for a, b in zip(one, row, strict=True)) for one in front)


def test_the_front_of_points_and_of_mappings() -> None:
    assert [point.name for point in pareto(FIVE)] == ["fair", "small", "new"]
    assert [point.name for point in pareto(FIVE, ["error5"])] == ["fair"]
    assert pareto([{"a": 1}, {"a": 1}, {"a": 2}], ["a"]) == ({"a": 1}, {"a": 1}) and pareto([], ["a"]) == ()


@pytest.mark.parametrize(
    "rows, keys, says",
    [
        (FIVE, [], "at least one key"), (FIVE, "error", "at least one key"), (FIVE, ["eror"], "no 'eror'"),
        ([{"a": 1}], ["b"], "no 'b'"), ([{"a": None}], ["a"], "is None"), ([{"a": math.nan}], ["a"], "is nan"),
        (FIVE, ["name"], "'old'"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_compared(rows: Any, keys: Any, says: str) -> None:
    with pytest.raises(CourseError, match=says):
        pareto(rows, keys)


def test_better_is_why_nobody_should_choose_it() -> None:
    assert [point.name for point in better(FIVE, "old")] == ["new", "small"]
    assert [point.name for point in better(FIVE, "big")] == ["fair", "new"] and better(FIVE, "fair") == ()
    with pytest.raises(ModelNameError, match=r"'smal' is not among these 5 models\. Did you mean 'small'"):
        better(FIVE, "smal")


def test_what_the_front_leaves_out_is_beaten(everything: tuple[Point, ...]) -> None:
    front = set(pareto(everything))
    assert all((point in front) == (better(everything, point.name) == ()) for point in everything)
    assert find(everything, "vgg16") not in front  # vgg16_bn errs less, but nobody needs either


# -- limits -----------------------------------------------------------------------------------------------------------
limit = st.one_of(st.none(), st.floats(1, 600))


@given(limit, limit, limit)
def test_within_keeps_to_every_limit(error: float | None, ms: float | None, megabytes: float | None) -> None:
    found = within(FIVE, max_error=error, max_ms=ms, max_megabytes=megabytes)
    inf = math.inf
    expected = {
        p for p in FIVE if p.error <= (error or inf) and p.ms <= (ms or inf) and p.megabytes <= (megabytes or inf)
    }
    assert set(found) == expected and [p.error for p in found] == sorted(p.error for p in expected)


def test_the_answer_is_a_sentence() -> None:
    assert answer(FIVE, Limits(max_ms=30, max_megabytes=20)) == (
        "At most 30 ms and 20 MB: 2 of 5 models; on the front: new, small."
    )
    assert answer(FIVE, Limits()) == "Without limits: 5 of 5 models; on the front: fair, new, small."
    assert answer(FIVE, Limits(), names=1) == "Without limits: 5 of 5 models; on the front: fair and 2 more."
    assert answer(FIVE, Limits(20, 10, 100)) == (
        "At most 20% error, 10 ms and 100 MB: none of 5 models. Without the limit on error: small. On time: fair."
    )
    assert answer(FIVE, Limits(1, 1, 1)) == "At most 1% error, 1 ms and 1 MB: none of 5 models."


@pytest.mark.parametrize("wrong", [0, -1, "30", math.nan])
def test_a_limit_is_a_number_above_0(wrong: Any) -> None:
    with pytest.raises(CourseError, match="a limit is a number above 0"):
        within(FIVE, max_ms=wrong)


# -- points -----------------------------------------------------------------------------------------------------------
def test_points_are_what_metadata_and_table_say(everything: tuple[Point, ...]) -> None:
    table = stored()
    assert {point.name for point in everything} == set(table) & set(list_models(module=torchvision.models))
    for point in everything:
        meta = get_model_weights(point.name).DEFAULT.meta
        assert point.error == pytest.approx(100 - meta["_metrics"]["ImageNet-1K"]["acc@1"])
        assert point.error5 == pytest.approx(100 - meta["_metrics"]["ImageNet-1K"]["acc@5"])
        assert point.megabytes == meta["_file_size"] and point.kind in KINDS and point.stored
        assert point.ms == pytest.approx(1000 * table[point.name].median)


def test_what_was_measured_here_takes_the_tables_place() -> None:
    rows = catalog().where(builder="resnet18")
    mine = Timing(0.5, 0.4, 0.6, 9, 3, 2, "cpu", (1, 3, 224, 224), None, "a laptop")
    (point,) = points(rows, timings={"resnet18": mine})
    assert (point.ms, point.low_ms, point.high_ms) == (500, 400, 600) and not point.stored
    assert "measured here (a laptop)" in footnote([point])
    (point,) = points(rows, timings={"resnet18": Timing(**{**vars(mine), "size": (1, 3, 64, 64)})})
    assert point.stored  # a time at another size is no time of these weights
    assert points(rows, device="cuda") == () or points(rows, device="cuda")[0].device == "cuda"


def test_every_entry_has_the_time_of_its_own_size() -> None:
    found = points(catalog().where(builder="vit_b_16"))
    if len(found) == 3:
        by_error = sorted(found, key=lambda point: point.error)
        assert by_error[0].ms > 2 * by_error[1].ms  # 384 pixels against 224


def test_the_footnote_names_both_machines() -> None:
    two = [Point("a", "classic", 1, 1, 1, machine="here"), Point("b", "classic", 1, 1, 1, machine="there", stored=True)]
    assert footnote(two) == (
        "Time for one picture: 1 of 2 measured here (here), "
        "the others from a table measured on another machine (there)."
    )


# -- labels -----------------------------------------------------------------------------------------------------------
bubble = st.builds(Bubble, st.floats(0, 400), st.floats(0, 300), st.floats(1, 40))
label = st.one_of(st.none(), st.tuples(st.floats(5, 120), st.floats(8, 16)))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(bubble, label), max_size=25))
def test_no_label_lies_over_another_or_outside(pairs: list[tuple[Bubble, tuple[float, float] | None]]) -> None:
    taken = (150.0, 100.0, 220.0, 140.0)
    found = place_labels([one for one, _ in pairs], [size for _, size in pairs], (0, 0, 400, 300), taken=[taken])
    assert len(found) == len(pairs)
    there = [one for one in found if one is not None]
    for k, one in enumerate(there):
        right, top = one.left + one.wide, one.bottom + one.tall
        assert one.left >= -1e-6 and one.bottom >= -1e-6 and right <= 400 + 1e-6 and top <= 300 + 1e-6
        assert right <= taken[0] or one.left >= taken[2] or top <= taken[1] or one.bottom >= taken[3]
        for other in there[k + 1 :]:
            beside = right <= other.left or other.left + other.wide <= one.left
            assert beside or top <= other.bottom or other.bottom + other.tall <= one.bottom
            assert not one.overlaps(other) and not other.overlaps(one)
    for one, (_, size) in zip(found, pairs, strict=True):
        assert one is None or size == pytest.approx((one.wide, one.tall))


def cross(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Whether two segments cross inside both, by solving for where."""
    (ax, ay, bx, by), (cx, cy, dx, dy) = one, other
    ways = np.array([[bx - ax, cx - dx], [by - ay, cy - dy]])
    if abs(np.linalg.det(ways)) < 1e-9:
        return False
    along = np.linalg.solve(ways, [cx - ax, cy - ay])
    return bool(((along > 1e-9) & (along < 1 - 1e-9)).all())


@given(st.lists(st.tuples(*[st.integers(-9, 9)] * 4), min_size=2, max_size=8))
def test_segments_cross_where_solving_says_so(segments: list[tuple[int, int, int, int]]) -> None:
    lines = np.array(segments, np.float64)
    expected = [[cross(one, other) for other in segments] for one in segments]
    assert label_placement._cross(lines, lines).tolist() == expected


def test_labels_keep_off_a_line_and_their_own_lines_off_labels(everything: tuple[Point, ...]) -> None:
    (one,) = place_labels([Bubble(20, 50, 4)], [(60, 12)], (0, 0, 200, 100), lines=[((20, 50), (200, 50))])
    assert one is not None and (one.bottom >= 50 or one.bottom + one.tall <= 50)
    some = [Bubble(100 + 3 * k, 100 + 2 * k * (-1) ** k, 5) for k in range(9)]
    found = [one for one in place_labels(some, [(50, 12)] * 9, (0, 0, 300, 250)) if one is not None]
    assert len(found) == 9
    for one in found:
        for other in found:
            if one is not other and one.line:
                left, low, right, high = other.left, other.bottom, other.left + other.wide, other.bottom + other.tall
                assert not cross((*one.line[0], *one.line[1]), (left, low, right, high))
                assert not cross((*one.line[0], *one.line[1]), (left, high, right, low))


def test_a_lone_label_stands_beside_its_bubble_and_a_big_one_holds_it() -> None:
    (one,) = place_labels([Bubble(100, 50, 5)], [(40, 12)], (0, 0, 200, 100))
    assert one is not None and one.line is None and one.left == 108 and one.bottom == 44
    (one,) = place_labels([Bubble(100, 50, 40)], [(40, 12)], (0, 0, 200, 100))
    assert one is not None and (one.left, one.bottom) == (80, 44)
    assert place_labels([Bubble(5, 5, 2)], [(40, 12)], (0, 0, 30, 30)) == [None]  # no room at all


def test_every_one_of_twenty_models_gets_its_label(everything: tuple[Point, ...], drawn: list[Figure]) -> None:
    some = [point for point in everything if point.name in SOME]
    assert len(some) >= 20
    checks.is_picture(bubbles(some), kind="png")
    assert {point.name for point in some} <= {text.get_text() for text in drawn[0].findobj(Text)}


# -- the bubble chart -------------------------------------------------------------------------------------------------
def marks_of(figure: Figure) -> PathCollection:
    return max((a for a in figure.findobj(PathCollection)), key=lambda a: len(a.get_offsets()))


def test_bubbles_stand_where_error_and_time_say_and_are_as_large_as_the_file(
    everything: tuple[Point, ...], drawn: list[Figure]
) -> None:
    checks.is_picture(bubbles(everything, selected="resnet50"), kind="png")
    order = sorted(everything, key=lambda point: (-point.megabytes, point.name))
    drawn_marks = marks_of(drawn[0])
    x, y = np.asarray(drawn_marks.get_offsets()).T
    assert list(x) == [p.error for p in order] and list(y) == [p.ms for p in order]
    dots = drawn[0].axes[0].transData.transform(np.column_stack([x, y]))
    for seen, values in zip(dots.T, ([p.error for p in order], [math.log(p.ms) for p in order]), strict=True):
        slope, start = np.polyfit(values, seen, 1)
        assert slope > 0 and np.allclose(seen, start + slope * np.array(values), atol=1e-6)  # up and right is worse
    areas = [s * area_of(LOOKS[p.kind][1]) for s, p in zip(drawn_marks.get_sizes(), order, strict=True)]
    megabytes = np.array([point.megabytes for point in order])
    big = megabytes > 80
    assert np.ptp(np.array(areas)[big] / megabytes[big]) < 1e-6 * areas[0] / megabytes[0]
    assert min(areas) > 0.8 * 24 * 0.64  # and none is too small to see


def test_the_area_of_a_mark_is_its_pixels() -> None:
    for _, shape in LOOKS.values():
        figure = new_figure(1, 1)  # 100 CSS pixels
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set(xlim=(0, 1), ylim=(0, 1))
        scatter(axes, [0.5], [0.5], shape, [2500.0], ["#000000"], edges="#000000", line=0.0)
        ink = np.asarray(still(figure, "a mark").open().convert("L")) < 128
        assert ink.sum() / 4 == pytest.approx(2500, rel=0.03), shape  # two dots a pixel, each way


def test_kinds_differ_in_shape_and_in_colour() -> None:
    assert set(KINDS) < set(LOOKS)
    colors, shapes = zip(*LOOKS.values(), strict=True)
    assert len(set(colors)) == len(LOOKS) == len(set(shapes))


def test_the_chart_says_front_limits_and_the_selected(drawn: list[Figure]) -> None:
    said = repr(bubbles(FIVE, limits=Limits(max_ms=30), selected="big", title="a title"))
    assert said == (
        "5 models by error, time and size; at most 30 ms: 3 of them; on the front: new, small; "
        "big: error 26.0%, 200 ms, 548 MB"
    )
    texts = {text.get_text() for text in drawn[0].findobj(Text)}
    assert {"a title", "big: 26.0%, 200 ms, 548 MB", "new", "small", "old"} <= texts and "fair" not in texts
    assert "front" not in repr(bubbles(FIVE, front=False)) and repr(bubbles(FIVE[:1])).startswith("1 models")
    assert repr(bubbles(FIVE, limits=Limits(1, 1, 1))).endswith("at most 1% error, 1 ms and 1 MB: 0 of them")


@pytest.mark.parametrize(
    "given, selected, says",
    [
        ((), None, "no model to draw"), (FIVE, "bigg", "Did you mean 'big'"),
        ((Point("a", "classic", 30.0, 0.0, 45.0),), None, "a cannot be drawn"),
        ((Point("a", "classic", math.nan, 1.0, 45.0),), None, "a cannot be drawn"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_said(given: tuple[Point, ...], selected: str | None, says: str) -> None:
    with pytest.raises(CourseError, match=says):
        bubbles(given, selected=selected)


# -- one criterion, rankings, the timeline ----------------------------------------------------------------------------
@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("count", [1, 24, 80])
def test_bars_go_from_the_best_to_the_worst(
    criterion: str, count: int, everything: tuple[Point, ...], drawn: list[Figure]
) -> None:
    some = [point for point in everything if count == 80 or point.name in SOME][:count]
    still = compare(some, criterion)
    checks.is_picture(still, kind="png")
    order = [p.name for p in sorted(some, key=lambda point: (getattr(point, criterion), point.name))]
    assert repr(still).endswith(": " + ", ".join(order))
    assert all(name in {text.get_text() for text in drawn[0].findobj(Text)} for name in order)


def test_a_bar_is_as_long_as_its_value(drawn: list[Figure]) -> None:
    compare(FIVE, "error")
    (bars,) = drawn[0].axes[0].containers
    assert [bar.get_width() for bar in bars] == sorted(point.error for point in FIVE)
    assert {bar.get_x() for bar in bars} == {0} and drawn[0].axes[0].get_xscale() == "linear"


def test_rankings_are_three_orders(drawn: list[Figure]) -> None:
    said = repr(rankings(FIVE))
    assert said == (
        "5 models ranked: by top-1 error fair, new, big, small, old; by time for one picture small, new, old, fair, "
        "big; by size of the file small, new, fair, old, big"
    )
    with pytest.raises(CourseError, match="1 models by 3 criteria"):
        rankings(FIVE[:1])
    with pytest.raises(CourseError, match="a has no top-5 error"):
        rankings([Point("a", "classic", 1, 1, 1), FIVE[0]], ("error", "error5"))
    for call in (compare, lambda given, what: rankings(given, (what, "ms"))):
        with pytest.raises(CourseError, match=r"no criterion 'megabyte'\. Did you mean 'megabytes'"):
            call(FIVE, "megabyte")
    with pytest.raises(CourseError, match="no model with a top-5 error"):
        compare([Point("a", "classic", 1, 1, 1)], "error5")


def test_the_timeline_has_every_family_with_its_smallest_error_and_its_paper(drawn: list[Figure]) -> None:
    still = timeline()
    checks.is_picture(still, kind="png")
    best: dict[str, float] = {}
    for name in list_models(module=torchvision.models):
        for entry in get_model_weights(name):
            row = catalog()[entry]
            accuracy = (entry.meta.get("_metrics") or {}).get("ImageNet-1K", {}).get("acc@1")
            if accuracy is not None:
                best[row.family] = min(best.get(row.family, 100.0), 100 - accuracy)
    for family in FAMILIES:
        assert f"{family.year} {family.name} {best[family.name]:.1f}%" in repr(still)
    written = " ".join(text.get_text() for text in drawn[0].findobj(Text))
    assert all(" ".join(family.title.split()[:3]) in written for family in FAMILIES)
    years = [int(part.split()[0]) for part in repr(still).split(": ")[1].split(", ")]
    assert years == sorted(years)
    with pytest.raises(CourseError, match="no family to draw"):
        timeline([])
