"""Times and memory: clocks and profilers that are not ours as oracles, and the model as it was before."""

from __future__ import annotations

import copy
import itertools
import math
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights, list_models

from course_lib.errors import CourseError, ModelNameError
from course_lib.measuring import clock, memory, timing, timing_table
from course_lib.measuring.clock import Timing, quartiles, until
from course_lib.measuring.memory import forward_bytes, twin, weight_bytes
from course_lib.measuring.quick_models import quick_model
from course_lib.measuring.timing import measure, measure_models, naive
from course_lib.measuring.timing_table import stored
from tools import timing_survey


class Shared(list[float]):
    """A list that every copy of a model shares, so that the test sees the calls and sets the clock."""

    def __deepcopy__(self, known: dict[int, Any]) -> Shared:
        return self


class Sleeper(nn.Module):
    """A forward that takes as long as it says, and longer at first, on a clock of its own: ``own_clock``."""

    now: ClassVar = Shared([0.0])

    def __init__(self, seconds: float, first: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.seconds, self.first, self.calls = seconds, first, Shared([0])

    def forward(self, x: Tensor) -> Tensor:
        if not x.is_meta:
            self.calls[0] += 1
            self.now[0] += self.first if self.calls[0] == 1 and self.first else self.seconds
        return x + 1


# -- the clock --------------------------------------------------------------------------------------------------------
@given(st.lists(st.floats(1e-6, 10), min_size=1, max_size=60))
def test_quartiles_are_numpys(values: list[float]) -> None:
    assert quartiles(values) == pytest.approx(tuple(np.percentile(values, (25, 50, 75))))


@pytest.fixture
def own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on only while a ``Sleeper`` sleeps, so that a busy machine measures the same."""
    monkeypatch.setattr(clock.time, "perf_counter", lambda: Sleeper.now[0])


def test_a_sleeping_model_takes_as_long_as_it_sleeps(own_clock: None) -> None:
    found = measure(Sleeper(0.01, first=0.15), (1, 1), budget=0.4)
    assert found.low == pytest.approx(0.01) == found.high  # the slow first call does not count
    assert found.repeats >= 5 and found.warmups >= 2 and found.ms == 1000 * found.median
    assert found.spread == pytest.approx((found.high - found.low) / found.median)


def test_repeats_stop_when_they_agree_or_when_the_budget_is_spent() -> None:
    def took(seconds: Callable[[int], float], **how: Any) -> list[float]:
        counted: list[float] = []
        for number in until(counted, **{"budget": 1.0, "spread": 0.1, "most": 1000, **how}):
            counted.append(seconds(number))
        return counted

    assert len(took(lambda n: 0.05)) == clock.LEAST  # all the same
    uneven = took(lambda n: 0.01 + 0.03 * (n % 2))
    assert sum(uneven[:-1]) < 1.0 <= sum(uneven)  # never agree: the budget ends it
    assert len(took(lambda n: 5.0)) == 3  # however long one takes
    assert len(took(lambda n: 1e-5, most=40)) == 40 and len(took(lambda n: 1e-3)) == 100  # a tenth of the budget


def test_threads_are_used_said_and_put_back() -> None:
    seen = []

    class Looks(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(torch.get_num_threads())
            return x

    before = torch.get_num_threads()
    found = measure(Looks(), (1, 1), budget=0.02, threads=3)
    assert found.threads == 3 and set(seen) - {before} <= {3} and 3 in seen and torch.get_num_threads() == before


def test_the_model_and_the_random_state_stay_as_they_were() -> None:
    model = get_model("shufflenet_v2_x0_5", weights=None).train()
    model.stage2.eval()  # type: ignore[union-attr]
    before, modes = copy.deepcopy(model.state_dict()), [one.training for one in model.modules()]
    places, random = [one.data_ptr() for one in model.parameters()], torch.random.get_rng_state()
    measure(model, (1, 3, 64, 64), budget=0.05)
    assert [one.training for one in model.modules()] == modes
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert [one.data_ptr() for one in model.parameters()] == places and all(p.grad is None for p in model.parameters())
    assert all(p.requires_grad for p in model.parameters()) and torch.equal(torch.random.get_rng_state(), random)


def test_it_runs_in_eval_mode_without_gradients_on_the_weights_themselves() -> None:
    seen = []

    class Looks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(3))

        def forward(self, x: Tensor) -> Tensor:
            seen.append((self.training, torch.is_grad_enabled(), x.is_meta or self.weight.data_ptr()))
            return x * self.weight

    model = Looks().train()
    measure(model, (2, 3), budget=0.01)
    assert set(seen) == {(False, False, True), (False, False, model.weight.data_ptr())}


# -- memory -----------------------------------------------------------------------------------------------------------
def profiled(model: nn.Module, size: tuple[int, ...]) -> int:
    """The peak of the CPU allocator during a forward, as PyTorch's own profiler saw it, the input not counted."""
    picture = torch.zeros(size)
    with torch.no_grad(), torch.profiler.profile(profile_memory=True) as seen:
        model(picture)
    events = [one for one in seen.profiler.kineto_results.events() if one.name() == "[memory]"]  # type: ignore[union-attr]
    moves = [one.nbytes() for one in sorted(events, key=lambda one: one.start_ns())]
    return int(np.cumsum(moves).max()) + 4 * math.prod(size)


@pytest.mark.parametrize("name", ["squeezenet1_1", "resnet18", "mobilenet_v3_small", "vit_b_32", "swin_t"])
def test_the_peak_found_on_meta_is_what_the_profiler_sees(name: str) -> None:
    model = quick_model(name)
    size = (1, 3, 224, 224)
    model(torch.zeros(size))  # what kernels keep from their first call on is no part of a forward
    ours = forward_bytes(model, size) - weight_bytes(model)
    largest = max(4 * weight.numel() for weight in model.parameters())
    # It also sees what a kernel takes for itself: oneDNN reorders a layer's weights for the time of the layer.
    assert 0.97 * ours <= profiled(model, size) <= ours + 1.05 * largest


def test_the_peak_of_a_chain_by_hand() -> None:
    chain = nn.Sequential(nn.Linear(100, 5000, bias=False), nn.ReLU(inplace=True), nn.Linear(5000, 10, bias=False))
    weights = 4 * (100 * 5000 + 5000 * 10)
    assert forward_bytes(chain, (2, 100)) == weights + 4 * 2 * (100 + 5000 + 10)
    chain[1] = nn.ReLU()  # a second copy of the largest one
    assert forward_bytes(chain, (2, 100)) == weights + 4 * 2 * (100 + 2 * 5000)


def test_tied_weights_count_once_and_a_model_that_meta_refuses_runs_for_real() -> None:
    class Asks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = nn.Linear(8, 8, bias=False)
            self.two = self.one

        def forward(self, x: Tensor) -> Tensor:
            return self.two(self.one(x)) if float(x.sum()) < 1 else x  # meta has no numbers to ask for

    assert weight_bytes(Asks()) == 256
    assert forward_bytes(Asks(), (1, 8)) >= 256 + 3 * 32


def test_a_twin_shares_weights_and_nothing_else() -> None:
    model = get_model("squeezenet1_1", weights=None).train()
    copied = twin(model, torch.device("cpu"))
    assert [p.data_ptr() for p in copied.parameters()] == [p.data_ptr() for p in model.parameters()]
    assert not copied.training and model.training
    assert all(p.is_meta for p in twin(model, torch.device("meta")).parameters())
    assert not any(p.is_meta for p in model.parameters())


# -- what cannot be timed ---------------------------------------------------------------------------------------------
def test_a_forward_that_does_not_fit_is_refused_before_it_begins() -> None:
    model = Sleeper(0.0)
    with pytest.raises(CourseError, match=r"needs about .* GB of memory, and .* are free on this machine"):
        measure(model, (10**7, 3, 224, 224))
    assert model.calls == [0]


def test_free_memory_is_no_more_than_the_machine_has() -> None:
    free = memory.free_bytes()
    if Path("/proc/meminfo").is_file():
        total = 1024 * int(Path("/proc/meminfo").read_text().split()[1])
        assert free is not None and 0 < free <= total


@pytest.mark.parametrize(
    "said", ["[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory", "CUDA out of memory."]
)
def test_memory_that_runs_out_on_the_way_is_a_sentence(said: str) -> None:
    class Fails(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError(said if not x.is_meta else "meta")

    with pytest.raises(RuntimeError, match="memory"):  # already in the run that looks for the peak
        memory.forward_bytes(Fails(), (1, 1))

    class Later(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            if not x.is_meta:
                raise RuntimeError(said)
            return x

    with pytest.raises(CourseError, match=r"Later with an input of 1×7 needs .* smaller batch"):
        measure(Later(), (1, 7))


def test_the_models_own_error_comes_through() -> None:
    with pytest.raises(RuntimeError, match="channels"):
        measure(nn.Conv2d(3, 4, 3), (1, 4, 8, 8))


@pytest.mark.parametrize(
    "given, says",
    [
        ({"size": (1, 3.5)}, "whole numbers"), ({"size": ()}, "whole numbers"), ({"size": 0}, "whole numbers"),
        ({"device": "cuda:99x"}, "no device 'cuda:99x'"), ({"device": "meta"}, "no device 'meta'"),
        ({"budget": 0}, "budget=0"), ({"budget": math.nan}, "budget=nan"), ({"spread": -1}, "spread=-1"),
        ({"threads": 0}, "threads=0"), ({"threads": True}, "threads=True"), ({"model": "resnet18"}, "not str"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_said(given: dict[str, Any], says: str) -> None:
    with pytest.raises(CourseError, match=says):
        measure(**{"model": nn.Flatten(), **given})


# -- many models ------------------------------------------------------------------------------------------------------
def test_models_take_turns_so_that_a_busy_moment_hits_all_of_them(own_clock: None) -> None:
    order: list[str] = []

    class Named(Sleeper):
        def forward(self, x: Tensor) -> Tensor:
            if not x.is_meta:
                order.append(f"{self.seconds}")
            return super().forward(x)

    quick, slow = Named(0.01, first=0.2), Named(0.03, first=0.2)
    found = timing.measure_in_turns({"quick": (quick, (1, 1)), "slow": (slow, (1, 1))}, rounds=4, budget=0.4)
    assert [seconds for seconds, _ in itertools.groupby(order)] == ["0.01", "0.03"] * 4
    assert found["quick"].rounds == pytest.approx([0.01] * 4) and found["slow"].rounds == pytest.approx([0.03] * 4)
    assert found["slow"].median == pytest.approx(0.03) == found["slow"].high  # the slow first call does not count
    assert found["quick"].repeats >= 4 and measure(quick, (1, 1), budget=0.1).rounds == ()
    for what, says in (({"rounds": 0}, "rounds=0"), ({"rounds": True}, "rounds=True"), ({"models": {}}, "no model")):
        with pytest.raises(CourseError, match=says):
            timing.measure_in_turns(**{"models": {"quick": (quick, (1, 1))}, **what})


def test_models_by_name_at_the_size_of_their_weights() -> None:
    found = measure_models(["squeezenet1_1", "Shufflenet_v2_x0_5"], budget=0.02)
    assert list(found) == ["squeezenet1_1", "Shufflenet_v2_x0_5"]
    assert all(one.size == (1, 3, 224, 224) and not one.stored and one.machine for one in found.values())
    with pytest.raises(ModelNameError, match="Did you mean 'squeezenet1_1'"):
        measure_models(["squeezenet11"])


def test_a_model_larger_than_memory_is_not_even_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "free_bytes", lambda device=None: 100_000_000)
    monkeypatch.setattr(timing, "quick_model", lambda *what, **how: pytest.fail("built"))
    with pytest.raises(CourseError, match="vgg19 needs about 575 MB"):
        measure_models(["vgg19"])


@pytest.mark.parametrize("name, kwargs", [("resnet18", {}), ("swin_t", {}), ("googlenet", {"aux_logits": False})])
def test_a_quick_model_is_the_model_with_other_random_numbers(name: str, kwargs: dict[str, Any]) -> None:
    random = torch.random.get_rng_state()
    quick = quick_model(name)
    assert torch.equal(torch.random.get_rng_state(), random)
    real = get_model(name, weights=None, **({"init_weights": False} if name == "googlenet" else {}), **kwargs).eval()
    assert [(n, p.shape) for n, p in quick.named_parameters()] == [(n, p.shape) for n, p in real.named_parameters()]
    for (key, a), (_, b) in zip(quick.named_buffers(), real.named_buffers(), strict=True):
        assert torch.equal(a, b), key
    for (key, a), (_, b) in zip(quick.named_parameters(), real.named_parameters(), strict=True):
        if a.numel() > 2000:
            assert float(a.detach().std()) == pytest.approx(float(b.detach().std()), rel=0.1, abs=1e-6), key


def test_models_for_one_size_are_built_for_it() -> None:
    with torch.no_grad():
        assert quick_model("vit_b_32", side=64)(torch.zeros(1, 3, 64, 64)).shape == (1, 1000)


# -- the stored table -------------------------------------------------------------------------------------------------
def test_the_stored_table_holds_torchvisions_models_and_is_marked() -> None:
    table = stored()
    names = list_models(module=torchvision.models)
    assert len(table) >= 0.9 * len(names) and set(table) <= set(names)
    for name, one in table.items():
        weights = get_model_weights(name).DEFAULT
        assert one.stored and one.device == "cpu" and one.machine and one.threads >= 1
        assert 0 < one.low <= one.median <= one.high and one.repeats >= 2 and one.warmups >= 1
        assert one.size == (1, 3, *[weights.transforms().crop_size[0]] * 2)
        assert one.peak_bytes is not None and one.peak_bytes > 4 * weights.meta["num_params"]
        assert "stored: " in str(one)


def test_stored_times_go_with_the_multiply_adds_of_the_metadata() -> None:
    pairs = [(get_model_weights(name).DEFAULT.meta["_ops"], one.median) for name, one in stored().items()]
    ops, seconds = np.log(np.array(pairs)).T
    assert np.corrcoef(ops, seconds)[0, 1] > 0.8


def test_the_table_is_written_as_it_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any) -> None:
    before = stored()["resnet18"]
    monkeypatch.setattr(timing_table, "PATH", tmp_path / "timings.json")
    monkeypatch.setattr(timing_survey, "wanted", lambda: [("squeezenet1_1", 64), ("shufflenet_v2_x0_5", 64)])
    monkeypatch.setattr(timing_survey, "_BUDGET", 0.02)
    monkeypatch.setattr(timing_survey, "devices", lambda: ("cpu",))
    try:
        timing_table.table.cache_clear()
        with pytest.raises(CourseError, match=r"no timings\.json .* python -m tools\.timing_survey"):
            stored()
        timing_survey.main(["--seconds", "1"])
        first = timing_table.look_up("squeezenet1_1", 64)
        assert first is not None and first.stored and first.size == (1, 3, 64, 64) and "PyTorch" in first.machine
        assert timing_table.look_up("course_squeezenet1_1", 64) == first
        assert timing_table.look_up("squeezenet1_1", 224) is None and stored() == {}
        timing_survey.main(["--more", "--seconds", "1"])
        again = timing_table.look_up("squeezenet1_1", 64)
        assert again is not None and again.median <= first.median and "PyTorch" in again.machine
        timing_survey.main(["--models", "squeeze*", "--seconds", "1"])
        assert len(timing_table.table()) == 2  # the other model's row is still there
        written = timing_table.PATH.read_text()
        timing_survey.main(["--check", "--seconds", "1"])
        assert timing_table.PATH.read_text() == written and "2 of them stored" in capsys.readouterr().out
    finally:
        monkeypatch.undo()
        timing_table.table.cache_clear()
    assert stored()["resnet18"] == before


def test_the_spread_of_rounds() -> None:
    one = Timing(1.0, 0.9, 1.1, 5, 2, 1, "cpu", (1,), None, "m")
    rows = [[replace(one, median=1.5), one], [one, replace(one, median=1.1)], [one, replace(one, median=1.2)], [one]]
    rows[1].append(replace(one, median=9.0))
    assert timing_survey.spread(rows) == pytest.approx((0.2, 0.5))


def test_a_model_takes_part_until_its_two_fastest_rounds_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    medians = {
        ("quick", 1): [5e-3, 2e-3, 9e-3, 2.02e-3, 1.0],
        ("slow", 1): [3.0, 3.0],
        ("never", 1): [0.9 / 2**k for k in range(18)],
    }
    asked: list[str] = []

    def measured(name: str, *size: int, **how: Any) -> Timing:
        asked.append(name)
        median = medians[name, 1][asked.count(name) - 1]
        return Timing(median, median, median, 5, 2, 1, "cpu", (1,), None, "m")

    monkeypatch.setattr(timing_survey, "quick_model", lambda name, side: name)
    monkeypatch.setattr(timing_survey, "measure", measured)
    clock = iter(range(0, 10_000, 30))
    monkeypatch.setattr(timing_survey.time, "monotonic", lambda: next(clock))
    found = timing_survey.rounds(list(medians))
    assert [len(found[key]) for key in medians][:2] == [4, 1] and 4 < len(found["never", 1]) < 18


# -- done wrong -------------------------------------------------------------------------------------------------------
def test_wrong_ways_and_the_right_one(own_clock: None) -> None:
    found = naive(Sleeper(0.004, first=0.1), (1, 1), budget=0.15)
    assert found.first == pytest.approx(0.1) and found.right.median == pytest.approx(0.004)
    assert found.unsynchronised is None
    assert "the first call" in str(found) and "times that" in str(found) and "GPU" not in str(found)


def test_another_program_runs_beside_the_busy_measurement_and_ends_with_it() -> None:
    """How much slower that makes a forward is benchmarks/timing.py's to say."""
    seen: list[int] = []

    class Looks(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(threading.active_count())
            return x

    before = threading.active_count()
    naive(Looks(), (1, 1), budget=0.05)
    assert max(seen) >= before + (os.cpu_count() or 1) and min(seen) == before == threading.active_count()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_on_a_gpu() -> None:
    model = quick_model("resnet50")
    found = measure(model, (8, 3, 224, 224), device="cuda", budget=0.5)
    assert found.device == "cuda" and found.machine == torch.cuda.get_device_name()
    assert found.peak_bytes is not None and found.peak_bytes > weight_bytes(model)
    assert next(model.parameters()).device.type == "cpu"
    wrong = naive(model, (32, 3, 224, 224), device="cuda", budget=0.5)
    assert wrong.unsynchronised is not None and wrong.unsynchronised < wrong.right.median


settings.register_profile("timing", deadline=None, max_examples=60)
settings.load_profile("timing")
