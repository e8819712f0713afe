"""Charts: every word in its place whatever is drawn, marks where the numbers say, and the alt text tells the values."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle, StepPatch
from matplotlib.text import Text

from course_lib.drawing import chart_axes
from course_lib.drawing.charts import histograms, lines, shares
from course_lib.drawing.front_chart import moving_front
from course_lib.drawing.learning_curves import seed_bands
from course_lib.drawing.scatter_chart import dot_rows, scatter
from course_lib.errors import CourseError
from course_lib.models import catalog

from . import stills as checks

NAN, INF = float("nan"), float("inf")


@pytest.fixture(autouse=True)
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    """Whatever a test of this file draws, every text of it must be in its place."""
    seen = checks.watch(monkeypatch)
    yield seen
    assert [fault for figure in seen for fault in checks.faults(figure, smallest=9.0)] == []


def curves(figure: Figure) -> list[Line2D]:
    """The lines with values; the others are the names' leaders, the level and the legend's samples."""
    (axes,) = figure.axes
    return [line for line in axes.lines if line.get_transform() == axes.transData and line.get_linewidth() == 1.8]


def words(figure: Figure) -> list[str]:
    return [one.get_text() for one in figure.findobj(Text) if one.get_text()]


# -- lines ------------------------------------------------------------------------------------------------------------
CASES = {
    "one": ({"loss": [3, 2, 1]}, {}),
    "a constant": ({"a": [2.0] * 5}, {}),
    "zeros": ({"a": [0.0, 0.0]}, {}),
    "one value": ({"a": [0.5]}, {}),
    "negative": ({"a": [-3, 5, -1e-3], "b": [0, 1, 2]}, {"level": -2.0, "level_label": "here"}),
    "tiny and huge": ({"a": [1e-30, 1e-3], "b": [1e12, 3]}, {"log": True, "level": 1.0}),
    "not finite": ({"a": [1, NAN, 2, INF], "b": [NAN]}, {}),
    "vanished": ({"a": [1, 0.5, 0.0, 0.0], "b": [1, 1, 1, 1]}, {"log": True}),
    "the same ends": ({f"line {k}, twin": [k, 1.0] for k in range(8)}, {}),
    "lengths": ({f"{kind}, {n} layers": range(n) for kind in ("plain", "residual") for n in (20, 40, 80)}, {}),
    "long names": ({"a name that does not end where it should, at all": range(9), "b": range(9)}, {"start": 0}),
    "a level on top": ({"a": [1, 2, 3.98]}, {"level": 4.0, "level_label": "the ceiling"}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_lines_of_any_kind_are_whole_pictures(case: str) -> None:
    values, how = CASES[case]
    checks.is_picture(lines(values, title="what goes up", below="what goes across", **how), kind="png")


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=9), min_size=1, max_size=5), st.booleans())
def test_whatever_the_numbers_nothing_is_out_of_place(rows: list[list[float]], log: bool) -> None:
    values = {f"line {k}": [abs(y) + 1e-9 for y in row] if log else row for k, row in enumerate(rows)}
    with pytest.MonkeyPatch.context() as patch:
        seen = checks.watch(patch)
        lines(values, title="t", below="b", log=log)
        assert checks.faults(seen[0], smallest=9.0) == []
        for name, curve in zip(values, curves(seen[0]), strict=True):
            assert list(curve.get_ydata()) == values[name]
            box = seen[0].axes[0].bbox.padded(1)  # no value is beyond the axes
            assert all(box.contains(*place) for place in curve.get_transform().transform(curve.get_xydata()))


def test_a_curve_goes_where_its_numbers_go(drawn: list[Figure]) -> None:
    lines({"a": [1, 100, 10]}, title="t", below="b", log=True, start=5)
    (curve,) = curves(drawn[0])
    assert list(curve.get_xdata()) == [5, 6, 7] and list(curve.get_ydata()) == [1, 100, 10]
    places = curve.get_transform().transform(curve.get_xydata())
    assert np.diff(places[:, 0]) == pytest.approx(places[1, 0] - places[0, 0])
    boxes = {text.get_text(): text.get_window_extent() for text in drawn[0].findobj(Text)}
    for (x, y), step, number in zip(places, ("5", "6", "7"), ("1", "100", "10"), strict=True):  # the ticks agree
        assert (boxes[step].x0 + boxes[step].x1) / 2 == pytest.approx(x, abs=3)  # dots: half a CSS pixel each
        assert (boxes[number].y0 + boxes[number].y1) / 2 == pytest.approx(y, abs=3)


def test_colour_tells_the_kind_and_dashes_the_variant(drawn: list[Figure]) -> None:
    values = {f"{kind}, {n}": [1.0, 2.0, float(n)] for kind in ("plain", "residual") for n in (20, 40)}
    lines(values, title="t", below="b")
    colors, dashes = zip(*((one.get_color(), str(one._dash_pattern)) for one in curves(drawn[0])), strict=True)
    assert colors[0] == colors[1] != colors[2] == colors[3] and dashes[0] == dashes[2] != dashes[1] == dashes[3]
    assert set(values) <= set(words(drawn[0]))


def test_the_alt_text_tells_first_and_last() -> None:
    shown = lines({"plain": [2.31, 2.2], "residual": [3.3, 0.0021]}, title="loss", below="step")
    assert shown.alt == "loss: plain from 2.3 to 2.2; residual from 3.3 to 0.0021"
    assert lines({"a": [1, 2]}, title="t", below="b", alt="one goes up").alt == "one goes up"


@pytest.mark.parametrize(
    ("values", "log"), [({}, False), ({"a": []}, False), ({"a": [NAN]}, False), ({"a": [0, -1]}, True)]
)
def test_nothing_to_draw_gets_a_sentence(values: dict[str, list[float]], log: bool) -> None:
    with pytest.raises(CourseError, match="nothing to draw"):
        lines(values, title="t", below="b", log=log)


# -- histograms -------------------------------------------------------------------------------------------------------
def test_histograms_agree_with_numpy(drawn: list[Figure]) -> None:
    values = torch.randn(3, 4, 500, generator=torch.Generator().manual_seed(0)) * 0.05 + 0.01
    shown = histograms({"conv1.weight": values})
    reach = float(values.abs().max())
    truth = np.histogram(values.numpy(), 49, (-reach, reach))[0]
    (steps,) = drawn[0].findobj(StepPatch)
    assert steps.get_data().values * 6000 == pytest.approx(truth, abs=2)  # float32's edges
    assert steps.get_data().edges == pytest.approx(np.linspace(-reach, reach, 50), abs=1e-6)
    found = re.fullmatch(r"conv1.weight: mean (\S+), std (\S+)", shown.alt)
    assert found and [float(one) for one in found.groups()] == pytest.approx(
        [float(values.mean()), float(values.std())], abs=6e-4
    )
    assert any(text.startswith("6 k values") for text in words(drawn[0]))


def test_histograms_share_their_axes(drawn: list[Figure]) -> None:
    narrow = torch.randn(9000, generator=torch.Generator().manual_seed(1))
    histograms({"narrow": narrow * 0.01, "wide": narrow * 0.04, "positive": narrow.abs() * 0.02})
    limits = {(axes.get_xlim(), axes.get_ylim()) for axes in drawn[0].axes}
    assert len(limits) == 1
    reach = float(narrow.abs().max()) * 0.04
    assert next(iter(limits))[0] == pytest.approx((-reach, reach))
    for steps in drawn[0].findobj(StepPatch):
        assert float(steps.get_data().values.sum()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("columns", [1, 3, 4])
def test_as_many_histograms_as_there_are(n: int, columns: int) -> None:
    kinds = [torch.ones(5), torch.arange(9), torch.rand(50) * 1e-9, torch.randn(9).half(), -torch.rand(5)]
    tensors = {f"layer.{k}.a_rather_long_name.weight": kinds[k % len(kinds)] for k in range(n)}
    checks.is_picture(histograms(tensors, columns=columns))


@pytest.mark.parametrize(("tensors", "says"), [
    ({}, "at least one"), ({"a": torch.zeros(0)}, "a holds no values"),
    ({"a": torch.zeros(2, device="meta")}, "on meta"), ({"a": torch.tensor([1.0, NAN])}, "not finite"),
    ({"a": torch.tensor([1.0, INF])}, "not finite"),
])  # fmt: skip
def test_what_no_histogram_can_show_gets_a_sentence(tensors: dict[str, torch.Tensor], says: str) -> None:
    with pytest.raises(CourseError, match=says):
        histograms(tensors)


# -- shares -----------------------------------------------------------------------------------------------------------
def test_parts_are_as_wide_as_their_shares(drawn: list[Figure]) -> None:
    row = {"a": 10, "b": 30, "c": 60}
    shown = shares({"x": row, "y": {"c": 1, "d": 3}}, title="made of")
    assert shown.alt == "made of: x a 10%, b 30%, c 60%; y c 25%, d 75%"
    parts = [one for one in drawn[0].findobj(Rectangle) if one.get_linewidth() == 1.2]
    wide = np.array([one.get_width() for one in parts])
    assert wide[:3] / wide[:3].sum() == pytest.approx([0.1, 0.3, 0.6])
    assert wide[3:] / wide[:3].sum() == pytest.approx([0.25, 0.75])  # bars are equally long
    assert parts[2].get_facecolor() == parts[3].get_facecolor() != parts[4].get_facecolor()
    assert [one.get_x() for one in parts[1:3]] == pytest.approx([one.get_x() + one.get_width() for one in parts[:2]])


@pytest.mark.parametrize("values", [
    {"all": 1}, {"convs": 14.7e6, "linear": 123.6e6}, {f"part {k}": 10.0 ** -k for k in range(12)},
    {f"a network with a long name {k}": {"convs": k, "a part with a rather long name too": 5} for k in range(6)},
    {"a": 0, "b": 1e12}, {"x": {"a": 1}, "y": {"b": 2}},
])  # fmt: skip
def test_shares_of_any_kind_are_whole_pictures(values: dict[str, float]) -> None:
    checks.is_picture(shares(values, title="where the parameters are", unit="parameters"))


@pytest.mark.parametrize("values", [{}, {"a": -1.0}, {"a": NAN}, {"a": INF}, {"a": 0.0}, {"x": {}}, {"x": {"a": 0.0}}])
def test_what_is_no_share_gets_a_sentence(values: dict[str, float]) -> None:
    with pytest.raises(CourseError, match="part of a whole"):
        shares(values)


# -- ticks and numbers -------------------------------------------------------------------------------------------------
@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 12))
def test_ticks_are_round_and_reach_round_the_numbers(low: float, span: float, most: int) -> None:
    found = chart_axes.round_ticks(low, low + span, most)
    step = found[1] - found[0]
    assert found[0] <= low + 1e-4 * (abs(low) + step) and found[-1] >= low + span - 1e-4 * (abs(low) + step)
    assert 2 <= len(found) <= most + 3 and np.diff(found) == pytest.approx(step, rel=1e-3)
    assert len({chart_axes.tick_words(tick) for tick in found}) == len(found)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_labels_keep_apart_in_their_order(places: list[float]) -> None:
    moved = chart_axes.spread_out(places, 0.05, 0, 1)
    order = sorted(range(len(places)), key=lambda k: places[k])
    assert all(moved[b] - moved[a] > 0.045 for a, b in itertools.pairwise(order))
    assert min(moved) > -0.03 and max(moved) < 1.03


@pytest.mark.parametrize(("value", "says"), [
    (0, "0"), (999, "999"), (1000, "1 k"), (999_999, "1 M"), (1234, "1.23 k"), (138_357_544, "138 M"), (2.5e9, "2.5 G"),
])  # fmt: skip
def test_counts_have_three_digits(value: float, says: str) -> None:
    assert chart_axes.count(value) == says


# -- several seeds ----------------------------------------------------------------------------------------------------
def test_a_band_spans_the_runs_and_a_run_that_stopped_keeps_its_last_value(drawn: list[Figure]) -> None:
    runs = {"plain": [[3.0, 2.0, 1.0], [2.0, 0.5], [2.5, 1.5, 1.2]], "residual": [[2.0, 0.1]]}
    picture = seed_bands(runs, title="loss", below="step", level=2.3, level_label="guessing")
    axes = drawn[-1].axes[0]
    medians = [line.get_ydata() for line in axes.lines if line.get_linewidth() == 2]
    assert np.allclose(medians[0], [2.5, 1.5, 1.0]) and np.allclose(medians[1], [2.0, 0.1])
    band = axes.collections[-2].get_paths()[0].vertices
    assert {(2.0, 0.5), (2.0, 2.0), (3.0, 0.5), (3.0, 1.2)} <= {tuple(map(float, corner)) for corner in band}
    assert "plain: 3 runs of 2 to 3 values, the last from 0.5 to 1.2" in picture.alt


@pytest.mark.parametrize("runs", [{}, {"a": []}, {"a": [[1.0], []]}, {"a": [[1.0, NAN]]}])
def test_runs_that_cannot_be_drawn_get_a_sentence(runs: dict[str, list[list[float]]]) -> None:
    with pytest.raises(CourseError, match=r"nothing to draw|nan or infinity"):
        seed_bands(runs, title="loss", below="step")


def test_bands_on_a_logarithmic_axis(drawn: list[Figure]) -> None:
    seed_bands({"plain": [[1e5, 3.0], [2e4, 1.0]]}, title="gradient", below="layer", log=True)
    axes = drawn[-1].axes[0]
    assert axes.get_yscale() == "log" and axes.get_ylim()[0] <= 1.0 and axes.get_ylim()[1] >= 1e5
    with pytest.raises(CourseError, match="values above 0"):
        seed_bands({"plain": [[1.0, 0.0]]}, title="gradient", below="layer", log=True)


# -- dots --------------------------------------------------------------------------------------------------------------
NUMBERS = st.floats(-1e3, 1e3).map(lambda value: round(value, 3))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=30), st.integers(1, 5))
def test_a_scatters_line_goes_through_the_means_of_its_parts(points: list[tuple[float, float]], parts: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        seen = checks.watch(patch)
        chart = scatter({"one": points}, title="y", below="x", parts=parts)
    dots, *line = [found for found in seen[-1].axes[0].get_lines() if found.get_marker() not in ("", "None", None)]
    assert np.allclose(dots.get_xydata(), points)
    count = min(parts, len(points))
    edges = [round(k * len(points) / count) for k in range(count + 1)]
    parted = np.split(np.array(sorted(points)), edges[1:-1])
    if count > 1:
        assert np.allclose(line[0].get_xydata(), [part.mean(0) for part in parted])
    assert f"one {len(points)} dots, mean {np.mean([y for _, y in points]):.2f}".replace("-0.00", "0.00") in repr(
        chart
    ).replace("-0.00", "0.00")


@settings(max_examples=15, deadline=None)
@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(NUMBERS, min_size=1, max_size=7), min_size=1))
def test_every_row_of_dots_shows_each_value_and_the_median(rows: dict[str, list[float]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        seen = checks.watch(patch)
        checks.is_picture(dot_rows(rows, title="runs", below="%"), kind="png")
    lines_of = [found for found in seen[-1].axes[0].get_lines() if found.get_marker() == "o"]
    assert [sorted(found.get_xdata()) for found in lines_of] == [sorted(row) for row in rows.values()]
    bars = [found.get_xdata()[0] for found in seen[-1].axes[0].get_lines() if found.get_linewidth() == 2]
    assert np.allclose(bars, [np.median(row) for row in rows.values()])


@pytest.mark.parametrize("values", [{}, {"a": []}])
def test_rows_without_a_value_are_refused(values: dict[str, list[float]]) -> None:
    with pytest.raises(CourseError, match="at least one"):
        dot_rows(values, title="t", below="b")
    with pytest.raises(CourseError, match="at least one point"):
        scatter({name: [] for name in values}, title="t", below="b")


# -- the front through the years --------------------------------------------------------------------------------------
def test_each_staircase_joins_the_models_that_nothing_of_its_time_beat() -> None:
    entries = list(catalog().where(entry="IMAGENET1K_V1"))
    said = dict(
        part.split(": ") for part in moving_front(entries, [2012, 2016, 2022]).alt.partition(". ")[2].split("; ")
    )
    for year, names in said.items():
        rivals = [entry for entry in entries if entry.year <= int(year)]
        unbeaten = {
            mine.builder for mine in rivals
            if not any(other.parameters <= mine.parameters and other.top1 <= mine.top1
                       and (other.parameters, other.top1) != (mine.parameters, mine.top1) for other in rivals)
        }  # fmt: skip
        assert set(names.split(", ")) == unbeaten


@pytest.mark.parametrize("years", [[], [1990], [2012] * 6])
def test_years_without_a_front_get_a_sentence(years: list[int]) -> None:
    with pytest.raises(CourseError, match=r"years were given|No model here"):
        moving_front(catalog().where(entry="IMAGENET1K_V1"), years)
