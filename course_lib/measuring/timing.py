"""Time a forward and count its memory so that two people get the same answer; and time it wrong on purpose.

A first call is slower than the rest (memory is fetched, kernels are chosen), other programs take their turns, and a GPU
answers before it has finished. So: warm-up, repeats until they agree or a budget is spent, a median with its quartiles,
and waiting for the GPU. Models that are to be compared are timed in turns, round after round: a busy minute then hits
all of them, and how far the rounds differ says what a comparison is worth. ``naive`` does without them. Times that were
measured once for everybody are in ``timing_table``.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, product
from typing import Any

import torch
from torch import nn
from torchvision.models import get_model_weights, list_models

from course_lib.errors import CourseError
from course_lib.measuring.clock import (
    Timing,
    devices,
    example_input,
    machine_name,
    quartiles,
    seconds,
    until,
    using_threads,
    wait,
)
from course_lib.measuring.memory import forward_bytes, free_bytes, out_of_memory, twin, weight_bytes
from course_lib.measuring.quick_models import quick_model
from course_lib.models.pretrained_models import known_name
from course_lib.progress import track

__all__ = ["Naive", "measure", "measure_in_turns", "measure_models", "naive"]

_MOST = 1000


def measure(
    model: nn.Module,
    size: Sequence[int] = (1, 3, 224, 224),
    *,
    device: str | torch.device = "cpu",
    budget: float = 2.0,
    spread: float = 0.1,
    threads: int | None = None,
    label: str = "",
) -> Timing:
    """Time a model's forward in eval mode, without gradients.

    The model stays as it was: a copy that shares its weights runs, in eval mode and on the device. Calls are repeated
    until the quartiles of at least five are no further apart than ``spread``, or until ``budget`` is spent.

    Args:
        model: any module that takes one float tensor.
        size: of that tensor, such as (1, 3, 224, 224): pictures, channels, height, width.
        device: "cpu", or a GPU such as "cuda"; it is waited for before a clock is read.
        budget: seconds for the counted calls; a call that takes longer is made three times.
        spread: the share of the median that the quartiles may be apart.
        threads: how many the CPU may use; as many as PyTorch uses now, when left out.
        label: the model's name, for errors, and for a progress bar when it takes more than two seconds.

    Raises:
        CourseError: it does not fit into memory, there is no such device, or an argument makes no sense.

    Example:
        >>> timing = measure(nn.Linear(10, 2), (1, 10), budget=0.05, threads=1)
        >>> timing.low <= timing.median <= timing.high, timing.threads, timing.peak_bytes
        (True, 1, 136)
    """
    return _timing([_round(model, size, device, budget, spread, threads, label=label, bar=bool(label))])


def measure_in_turns(
    models: Mapping[str, tuple[nn.Module, Sequence[int]]], *, rounds: int = 3, device: str | torch.device = "cpu",
    budget: float = 1.0, spread: float = 0.1, threads: int | None = None,
) -> dict[str, Timing]:  # fmt: skip
    """Time several models in turns, round after round, so that they can be compared.

    Args:
        models: a name → a module, and the size of its input.
        rounds: how often each model has its turn; each turn begins with calls that don't count.
        device, spread, threads: as in ``measure``.
        budget: seconds of counted calls for each model, over all of its rounds.

    Returns:
        The names → their timings, each with its ``rounds``.

    Raises:
        CourseError: as in ``measure``; or there is no model, or no round.

    Example:
        >>> two = {"narrow": (nn.Linear(10, 10), (1, 10)), "wide": (nn.Linear(1000, 1000), (1, 1000))}
        >>> found = measure_in_turns(two, budget=0.05, threads=1)
        >>> [len(timing.rounds) for timing in found.values()]
        [3, 3]
    """
    given = {str(name): (lambda pair=pair: pair) for name, pair in models.items()}
    return _in_turns(given, rounds, device, budget, spread, threads)


def measure_models(
    names: Iterable[str], *, rounds: int = 3, device: str | torch.device = "cpu", budget: float = 1.0,
    spread: float = 0.1, threads: int | None = None,
) -> dict[str, Timing]:  # fmt: skip
    """Time several of torchvision's models in turns, one picture of the size that their default weights want.

    A time does not depend on what the weights are, so none are downloaded: random ones take their place. Each model is
    built for its turn and given up after it, so no more than one is in memory.

    Args:
        names: torchvision's names, or the course's, such as "course_resnet18".
        rounds, device, budget, spread, threads: as in ``measure_in_turns``.

    Returns:
        Each name as it was given → its timing.

    Raises:
        ModelNameError: there is no such model.
        CourseError: one does not fit into memory.

    Example:
        >>> found = measure_models(["squeezenet1_1", "course_squeezenet1_1"], budget=0.1)
        >>> [timing.size for timing in found.values()]
        [(1, 3, 224, 224), (1, 3, 224, 224)]
    """
    registered = {str(name): _registered(name) for name in ([names] if isinstance(names, str) else names)}
    builders = {given: (lambda name=name: _built(name)) for given, name in registered.items()}
    return _in_turns(builders, rounds, device, budget, spread, threads)


def _built(name: str) -> tuple[nn.Module, tuple[int, ...]]:
    """A registered model with random weights, and the size of one picture for it."""
    weights = get_model_weights(name).DEFAULT
    side = int(weights.transforms().crop_size[0])
    free, held = free_bytes(), 4 * int(weights.meta.get("num_params") or 0)
    if free is not None and held > free:
        raise out_of_memory(name, held, torch.device("cpu"))
    return quick_model(name, side=side), (1, 3, side, side)


# -- rounds -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Round:
    """The counted calls of one turn, in seconds, and what they were made with."""

    counted: list[float]
    warmups: int
    threads: int
    device: str
    size: tuple[int, ...]
    peak_bytes: int


def _in_turns(
    builders: Mapping[str, Callable[[], tuple[nn.Module, Sequence[int]]]], rounds: int, device: str | torch.device,
    budget: float, spread: float, threads: int | None,
) -> dict[str, Timing]:  # fmt: skip
    if isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 1:
        raise CourseError(f"rounds={rounds!r}: give a whole number of at least 1.")
    if not builders:
        raise CourseError("There is no model to time: give at least one.")
    found: dict[str, list[_Round]] = {name: [] for name in builders}
    turns = product(range(rounds), builders)
    words = f"timing {len(builders)} model{'s' * (len(builders) != 1)} in {rounds} round{'s' * (rounds != 1)}"
    for _, name in track(turns, words, total=rounds * len(builders)):
        model, size = builders[name]()
        known = found[name][0].peak_bytes if found[name] else None
        least = 3 if rounds == 1 else 1
        turn = _round(model, size, device, budget / rounds, spread, threads, label=name, need=known, least=least)
        found[name].append(turn)
        del model
    return {name: _timing(turns) for name, turns in found.items()}


def _round(
    model: nn.Module, size: Any, device: str | torch.device, budget: float, spread: float, threads: int | None, *,
    label: str, need: int | None = None, least: int = 3, bar: bool = False,
) -> _Round:  # fmt: skip
    """Warm up, and call until the calls agree or the budget is spent; ``need`` is the peak memory, if it is known."""
    size, where = _checked(model, size, device, budget, spread, threads)
    need = forward_bytes(model, size) if need is None else need
    _refuse_what_cannot_fit(model, size, need, where, label)
    on_gpu = where.type == "cuda"
    try:
        before = torch.cuda.memory_allocated(where) if on_gpu else 0
        copied, picture = twin(model, where), example_input(size, where)
        if on_gpu:
            torch.cuda.reset_peak_memory_stats(where)
        with using_threads(threads), torch.inference_mode():
            used = torch.get_num_threads()
            warm = [seconds(copied, picture)]
            while len(warm) < 3 and sum(warm) < budget / 2:
                warm.append(seconds(copied, picture))
            if on_gpu:  # what kernels take for themselves counts here
                need = torch.cuda.max_memory_allocated(where) - before
            counted: list[float] = []
            most = min(_MOST, max(least, int(budget / warm[-1])))
            calls: Iterable[int] = until(counted, budget, spread, most, least)
            if bar and max(budget, 2 * warm[-1]) > 2:
                calls = track(calls, f"timing {label}", total=most)
            for _ in calls:
                counted.append(seconds(copied, picture))
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not re.search("out of memory|can't allocate", str(error)):
            raise
        raise out_of_memory(_named(model, label, size), need, where) from None
    return _Round(counted, len(warm), used, where.type, size, need)


def _timing(turns: Sequence[_Round]) -> Timing:
    """All counted calls of a model's turns as one timing."""
    first = turns[0]
    low, median, high = quartiles(list(chain.from_iterable(turn.counted for turn in turns)))
    each = tuple(quartiles(turn.counted)[1] for turn in turns) if len(turns) > 1 else ()
    return Timing(
        median, low, high, sum(len(turn.counted) for turn in turns), sum(turn.warmups for turn in turns),
        first.threads, first.device, first.size, max(turn.peak_bytes for turn in turns), machine_name(first.device),
        rounds=each,
    )  # fmt: skip


# -- done wrong -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Naive:
    """One model, timed wrong in three ways, and right; seconds.

    Attributes:
        first: the very first call alone.
        unsynchronised: a GPU, not waited for; None on a CPU, which has finished when it answers.
        busy: the median while another program keeps the processor's cores busy.
        right: done properly, in between.
    """

    first: float
    unsynchronised: float | None
    busy: float
    right: Timing

    def __str__(self) -> str:
        ways = {"the first call": self.first, "not waiting for the GPU": self.unsynchronised,
                "beside another program": self.busy}  # fmt: skip
        lines = [f"{'done properly':24}{self.right.ms:8.1f} ms"]
        for way, took in ways.items():
            if took is not None:
                lines.append(f"{way:24}{1000 * took:8.1f} ms, {took / self.right.median:.1f} times that")
        return "\n".join(lines)


def naive(
    model: nn.Module, size: Sequence[int] = (1, 3, 224, 224), *, device: str | torch.device = "cpu", budget: float = 1.0
) -> Naive:
    """Time a model's forward wrong on purpose, and right beside it.

    Args:
        model, size, device: as in ``measure``. The first call of a model that has run before is not slow any more.
        budget: seconds for each of the two medians.

    Raises:
        CourseError: as in ``measure``.

    Example:
        >>> wrong = naive(nn.Conv2d(3, 8, 3), (1, 3, 64, 64), budget=0.1)
        >>> wrong.unsynchronised is None, wrong.first > 0, wrong.right.repeats >= 5
        (True, True, True)
    """
    size, where = _checked(model, size, device, budget)
    with torch.inference_mode():
        copied, picture = twin(model, where), example_input(size, where)
        first = seconds(copied, picture)
        start = time.perf_counter()
        copied(picture)
        unsynchronised = time.perf_counter() - start if where.type != "cpu" else None
        wait(where)
    right = measure(model, size, device=where, budget=budget)
    with _others():
        busy = measure(model, size, device=where, budget=budget, spread=0.0)
    return Naive(first, unsynchronised, busy.median, right)


@contextmanager
def _others() -> Iterator[None]:
    """As many threads as there are cores, each multiplying matrices until the end."""
    stop = threading.Event()

    def work() -> None:
        matrix = torch.ones(256, 256)
        while not stop.is_set():
            matrix @ matrix

    workers = [threading.Thread(target=work, daemon=True) for _ in range(os.cpu_count() or 1)]
    try:
        for worker in workers:
            worker.start()
        yield
    finally:
        stop.set()
        for worker in workers:
            worker.join()


# -- what was given ---------------------------------------------------------------------------------------------------
def _checked(
    model: Any, size: Any, device: str | torch.device, budget: float, spread: float = 0.1, threads: int | None = None
) -> tuple[tuple[int, ...], torch.device]:
    if not isinstance(model, nn.Module):
        raise CourseError(f"measure times a model (an nn.Module), not {type(model).__name__}: {str(model)[:40]}.")
    try:
        where = torch.device(device)
    except RuntimeError:
        where = torch.device("meta")
    if where.type not in devices():
        raise CourseError(f"There is no device {str(device)!r} to time on here: take one of {', '.join(devices())}.")
    sizes = tuple(size) if isinstance(size, Iterable) else (size,)
    if not sizes or not all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in sizes):
        raise CourseError(f"size={size!r}: give the input's sizes, whole numbers above 0, as in (1, 3, 224, 224).")
    if not budget > 0 or not spread >= 0:
        raise CourseError(f"budget={budget}, spread={spread}: a budget is above 0 seconds, a spread at least 0.")
    if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
        raise CourseError(f"threads={threads!r}: give a whole number of at least 1, or leave it out.")
    return sizes, where


def _registered(name: str) -> str:
    plain = str(name).strip().lower()
    return plain if plain in list_models() and plain.startswith("course_") else known_name(name)


def _refuse_what_cannot_fit(
    model: nn.Module, size: tuple[int, ...], need: int, device: torch.device, label: str
) -> None:
    """Say so before the operating system ends the kernel: on a CPU it hands out memory that it does not have."""
    here = next((parameter.device.type for parameter in model.parameters()), "cpu") == device.type
    more = need - (weight_bytes(model) if here else 0)
    free = free_bytes(device)
    if free is not None and more > free:
        raise out_of_memory(_named(model, label, size), more, device)


def _named(model: nn.Module, label: str, size: tuple[int, ...]) -> str:
    return f"{label or type(model).__name__} with an input of {'×'.join(map(str, size))}"
