"""``Timing``: the result of a measurement; and the clock, quartiles, repeats, devices and machine names behind it.

``timing`` puts these parts together.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from course_lib.measuring.memory import written_bytes

__all__ = [
    "LEAST",
    "Timing",
    "devices",
    "example_input",
    "machine_name",
    "quartiles",
    "seconds",
    "until",
    "using_threads",
    "wait",
]

LEAST = 5  # calls that a median is taken of


@dataclass(frozen=True)
class Timing:
    """What a forward takes.

    Attributes:
        median, low, high: seconds; half of the calls took between ``low`` and ``high``, the quartiles.
        repeats, warmups: how many calls were counted, and how many before them were not.
        threads: how many the CPU had for it.
        device: "cpu", "cuda", ...
        size: of the input.
        peak_bytes: the most that weights, input and activations took at once; None when it is not known.
        machine: the processor's or the GPU's name.
        stored: whether this was measured once, on that machine, and not here and now.
        rounds: the median of each round, in seconds, where several models were timed in turns; else empty. Models that
            were timed together share their rounds, so a busy moment hits the same round of each.
    """

    median: float
    low: float
    high: float
    repeats: int
    warmups: int
    threads: int
    device: str
    size: tuple[int, ...]
    peak_bytes: int | None
    machine: str
    stored: bool = False
    rounds: tuple[float, ...] = ()

    @property
    def ms(self) -> float:
        """The median in milliseconds."""
        return 1000 * self.median

    @property
    def spread(self) -> float:
        """How far the quartiles are apart, as a share of the median."""
        return (self.high - self.low) / self.median

    def __str__(self) -> str:
        where = f"{self.threads} thread{'s' * (self.threads != 1)}" if self.device == "cpu" else self.device
        memory = "" if self.peak_bytes is None else f", peak {written_bytes(self.peak_bytes)}"
        return (
            f"{self.ms:.3g} ms (half of {self.repeats} calls between {1000 * self.low:.3g} and {1000 * self.high:.3g}; "
            f"{where}{memory}; {'stored: ' * self.stored}{self.machine})"
        )


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median and upper quartile, interpolated as numpy does; of one value, that value.

    Example:
        >>> quartiles([4, 1, 2, 3, 5])
        (2.0, 3.0, 4.0)
    """
    if len(values) == 1:
        return (values[0],) * 3
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, median, high


def seconds(model: Callable[[Tensor], Any], picture: Tensor) -> float:
    wait(picture.device)
    start = time.perf_counter()
    model(picture)
    wait(picture.device)
    return time.perf_counter() - start


def wait(device: torch.device) -> None:
    """A GPU works through its orders after the call has come back: wait until it has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def until(counted: list[float], budget: float, spread: float, most: int, least: int = 3) -> Iterator[int]:
    """Counts up while one more call is wanted: the calls' seconds lie in ``counted``."""
    for number in range(most):
        spent = sum(counted)
        if number >= least and spent >= budget:
            return
        if number >= LEAST:
            low, median, high = quartiles(counted)
            if high - low <= spread * median and spent >= budget / 10:
                return
        yield number


def example_input(size: tuple[int, ...], device: torch.device) -> Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(0)).to(device)


@contextmanager
def using_threads(count: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(count or before)
        yield
    finally:
        torch.set_num_threads(before)


def devices() -> tuple[str, ...]:
    """The devices that can be timed here, the CPU first.

    Example:
        >>> devices()[0]
        'cpu'
    """
    gpus = [("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available())]
    return ("cpu", *(name for name, there in gpus if there))


@lru_cache(maxsize=4)
def machine_name(device: str = "cpu") -> str:
    """The name of the processor, with its cores, or of the GPU.

    Example:
        >>> machine_name() != ""
        True
    """
    if device == "cuda":
        return str(torch.cuda.get_device_name())
    name = platform.processor() or platform.machine()
    if platform.system() == "Linux":
        lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    cores = os.cpu_count() or 1
    return f"{name}, {cores} core{'s' * (cores != 1)}"
