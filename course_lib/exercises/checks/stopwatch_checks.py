"""A check for a stopwatch: a worker that answers before it has finished, as a GPU does, and keeps a diary of its jobs.

No GPU is needed: the worker notes when each of its jobs will be done, and ``wait`` waits until then. So the check knows
what every call really took, and what a stopwatch ought to say. The worker and the learner's stopwatch read a clock that
is simulated: waiting moves its hands, so a check takes no time and a busy machine cannot make a right answer wrong. A
stopwatch that reads none of the clocks that can be replaced is measured once more with the real one.
"""

from __future__ import annotations

import random
import statistics
import threading
import time
import timeit
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from types import FunctionType
from typing import Any

from course_lib.exercises.engine.requirements import Wrong, call, need_function, need_number

__all__ = ["RealClock", "SimulatedClock", "Worker", "check_stopwatch"]

#: Milliseconds of the warm-up calls and of the counted ones. The first counted call is the shortest, so that work left
#: over from the warm-up moves the median; and no two of the wrong ways to take an average come near each other.
_CASES: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((60, 45), (2, 8, 30, 5, 14)),
    ((18,), (3, 17, 8)),
)
#: On the real clock another program may take the processor at a bad moment: then the same once more, and slower.
_SLOWER = (1, 2, 4)


# -- two clocks -------------------------------------------------------------------------------------------------------
class RealClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Seconds since some moment."""
        return time.perf_counter()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)


class SimulatedClock:
    """A clock that moves when somebody sleeps, and by a hair at each reading.

    Attributes:
        readings: how often the functions of ``time`` were asked in the clock's place.

    Example:
        >>> clock = SimulatedClock()
        >>> start = clock.now()
        >>> clock.sleep(100)
        >>> round(clock.now() - start)
        100
    """

    def __init__(self) -> None:
        self.readings = 0
        self._now = time.perf_counter()

    def now(self) -> float:
        """Seconds since some moment."""
        self._now += 1e-7
        return self._now

    def sleep(self, seconds: float) -> None:
        """Move the hands."""
        self._now += max(0.0, seconds)

    @contextmanager
    def in_place_for(self, function: Any) -> Iterator[None]:
        """Let this thread read the clock where it asks ``time`` or ``timeit``, or names that a function imported.

        Args:
            function: the learner's; ``from time import perf_counter`` in its notebook is replaced too.
        """
        thread = threading.get_ident()

        def instead(real: Callable[..., Any], simulated: Callable[..., Any]) -> Callable[..., Any]:
            return lambda *given: (simulated if threading.get_ident() == thread else real)(*given)

        functions: dict[str, Callable[..., Any]] = {"sleep": self.sleep}
        for name in ("perf_counter", "monotonic", "time"):
            functions |= {name: self._read, f"{name}_ns": lambda: round(1e9 * self._read())}
        for name in ("process_time", "thread_time"):  # they stand still while a program waits
            functions |= {name: self._stand_still, f"{name}_ns": lambda: round(1e9 * self._stand_still())}
        known = {
            id(vars(time)[name]): (vars(time)[name], made) for name, made in functions.items() if name in vars(time)
        }
        spaces = [vars(time), vars(timeit), *([function.__globals__] if isinstance(function, FunctionType) else [])]
        places = [
            (space, name, *known[id(value)]) for space in spaces for name, value in space.items() if id(value) in known
        ]
        try:
            for space, name, real, simulated in places:
                space[name] = instead(real, simulated)
            yield
        finally:
            for space, name, real, _ in places:
                space[name] = real

    def _read(self) -> float:
        self.readings += 1
        return self.now()

    def _stand_still(self) -> float:
        self.readings += 1
        return 1.0


# -- the worker -------------------------------------------------------------------------------------------------------
@dataclass
class Worker:
    """Takes orders, answers at once, and works through them one after the other.

    Attributes:
        jobs: how many milliseconds each order takes; those after the last take none.
        clock: what it reads and waits by.
        orders: when each order was given, in seconds.
        done: when each order was found to be done by a ``wait``; None while nobody has waited for it.
        left_over: the number of each order that was given while earlier work was still going on.

    Example:
        >>> worker = Worker((3,), SimulatedClock())
        >>> worker.run()
        >>> worker.wait()
        >>> len(worker.orders), worker.seconds(0) >= 0.003
        (1, True)
    """

    jobs: tuple[int, ...]
    clock: RealClock | SimulatedClock
    orders: list[float] = field(default_factory=list)
    done: list[float | None] = field(default_factory=list)
    left_over: list[int] = field(default_factory=list)
    _free: float = 0.0

    def run(self, *ignored: Any) -> None:
        """One order."""
        now = self.clock.now()
        number = len(self.orders)
        if now < self._free:
            self.left_over.append(number)
        job = self.jobs[number] / 1000 if number < len(self.jobs) else 0.0
        self._free = max(now, self._free) + job
        self.orders.append(now)
        self.done.append(None)

    def wait(self, *ignored: Any) -> None:
        """Return when every order is done."""
        while (left := self._free - self.clock.now()) > 0:
            self.clock.sleep(left)
        now = self.clock.now()
        self.done = [now if done is None else done for done in self.done]

    def seconds(self, number: int) -> float:
        """What an order took, from the call to the end of the wait."""
        done = self.done[number]
        return float("inf") if done is None else done - self.orders[number]


# -- the check --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Measured:
    """What a stopwatch says, what the counted and the warm-up calls took, all in seconds, and the case in words."""

    value: float
    took: list[float]
    warm: list[float]
    case: str

    def is_right(self) -> bool:
        return _near(self.value, statistics.median(self.took))


def check_stopwatch(answer: Any, source: random.Random | None = None) -> None:
    """Check a learner's ``median_seconds(run, wait, warmups, repeats)``.

    Args:
        answer: the learner's.
        source: draws other cases than the open ones.

    Raises:
        Wrong: with the property that fails.
    """
    need_function(answer)
    for warm, counted in _CASES if source is None else _drawn(source):
        clock = SimulatedClock()
        with clock.in_place_for(answer):
            measured = _measured(answer, warm, counted, clock)
        if measured.is_right():
            continue
        if clock.readings:
            raise _wrong(measured)
        _check_for_real(answer, warm, counted)


def _check_for_real(answer: Any, warm: tuple[int, ...], counted: tuple[int, ...]) -> None:
    """The same on the real clock: a wrong number is refused when it was wrong twice."""
    was_wrong = False
    for slower in _SLOWER:
        scaled = [tuple(slower * job for job in jobs) for jobs in (warm, counted)]
        measured = _measured(answer, scaled[0], scaled[1], RealClock())
        clear = all(longer - shorter > 0.002 for shorter, longer in pairwise(sorted(measured.took)))
        if not clear and slower != _SLOWER[-1]:
            continue
        if measured.is_right():
            return
        if was_wrong or slower == _SLOWER[-1]:
            raise _wrong(measured)
        was_wrong = True


def _drawn(source: random.Random) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    cases = []
    for repeats, warmups in ((1, 1), (source.choice((3, 5, 7)), source.randint(2, 3))):
        first, *others = sorted(source.sample(range(3, 34, 4), repeats))
        if others:
            others[-1] += 40  # takes the mean away from the median
        source.shuffle(others)
        cases.append((tuple(source.randint(12, 25) for _ in range(warmups)), (first, *others)))
    return cases


def _measured(
    answer: Any, warm: tuple[int, ...], counted: tuple[int, ...], clock: RealClock | SimulatedClock
) -> _Measured:
    worker, first, count = Worker((*warm, *counted), clock), len(warm), len(counted)
    case = f"{first} warm-up call{'s' * (first > 1)} and {count} repeats"
    value = need_number(call(answer, worker.run, worker.wait, first, count, case=case))
    calls = len(worker.orders)
    if calls == count:
        raise Wrong(f"On {case} run() was called {calls} times: the warm-up is missing, and first calls are slow.")
    if calls != first + count:
        raise Wrong(f"On {case} run() should be called {first + count} times, and it was called {calls} times.")
    if worker.done[-1] is None or any(number > first for number in worker.left_over):
        raise Wrong(
            f"On {case} work was still going on when run() was called again, or at the end: wait() after every run()."
        )
    if first in worker.left_over:
        raise Wrong(
            f"On {case} the first counted call had to wait for the warm-up: call wait() before the clock starts."
        )
    took = [worker.seconds(number) for number in range(first, first + count)]
    return _Measured(value, took, [worker.seconds(number) for number in range(first)], case)


def _wrong(measured: _Measured) -> Wrong:
    value, took, warm, case = measured.value, measured.took, measured.warm, measured.case
    right = statistics.median(took)
    if abs(value) < min(took) / 4:
        return Wrong(
            f"On {case} you measured {1e6 * value:.0f} µs, and the work took milliseconds: the clock was read before "
            "wait(), or it is one that stands still while a program waits, as time.process_time() does."
        )
    for wrong, sentence in (
        (1000 * right, "that is in milliseconds; return seconds"),
        (statistics.mean(took), "that is the mean: one slow call pulls it up, but not the median"),
        (min(took), "that is the fastest call, which is luck; the median is what you can expect"),
        (max(took), "that is the slowest call"),
        (sum(took), "that is all the counted calls together"),
        (sum(took) + sum(warm), "that is all calls together, and the warm-up counts among them"),
        (statistics.median([*took, *warm]), "the warm-up is among the calls whose median you took"),
        (statistics.mean([*took, *warm]), "that is the mean of all calls, and the warm-up counts among them"),
    ):
        if _near(value, wrong):
            return Wrong(f"On {case} the median is {right:.4f} s and you gave {value:.4g}: {sentence}.")
    if value < 0:
        return Wrong(f"On {case} you gave {value:.4g} s: the end minus the start is never below 0.")
    return Wrong(f"On {case} the median of the counted calls is {right:.4f} s, and your function gave {value:.4g}.")


def _near(value: float, other: float) -> bool:
    return abs(value - other) <= 0.0005 + 0.03 * other
