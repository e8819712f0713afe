"""A check for a stopwatch: a worker that answers before it has finished, as a GPU does, and keeps a diary of its jobs.

No GPU is needed: the worker notes when each of its jobs will be done, and ``wait`` sleeps until then. So the check
knows what every call really took on this machine, and what a stopwatch ought to say.
"""

from __future__ import annotations

import random
import statistics
import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from course_lib.exercises.engine.exercise import Wrong, call, need_function, need_number

__all__ = ["Worker", "check_stopwatch"]

#: Milliseconds of the warm-up calls and of the counted ones. The first counted call is the shortest, so that work left
#: over from the warm-up moves the median; and no two of the wrong ways to take an average come near each other.
_CASES: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((60, 45), (2, 8, 30, 5, 14)),
    ((18,), (3, 17, 8)),
)
#: Another program may take the processor at a bad moment: then the same once more, and slower.
_SLOWER = (1, 2, 4)


@dataclass
class Worker:
    """Takes orders, answers at once, and works through them one after the other.

    Attributes:
        jobs: how many milliseconds each order takes; those after the last take none.
        orders: when each order was given, in seconds.
        done: when each order was found to be done by a ``wait``; None while nobody has waited for it.
        left_over: the number of each order that was given while earlier work was still going on.

    Example:
        >>> worker = Worker((3,))
        >>> worker.run()
        >>> worker.wait()
        >>> len(worker.orders), worker.seconds(0) >= 0.003
        (1, True)
    """

    jobs: tuple[int, ...]
    orders: list[float] = field(default_factory=list)
    done: list[float | None] = field(default_factory=list)
    left_over: list[int] = field(default_factory=list)
    _free: float = 0.0

    def run(self, *ignored: Any) -> None:
        """One order."""
        now = time.perf_counter()
        number = len(self.orders)
        if now < self._free:
            self.left_over.append(number)
        job = self.jobs[number] / 1000 if number < len(self.jobs) else 0.0
        self._free = max(now, self._free) + job
        self.orders.append(now)
        self.done.append(None)

    def wait(self, *ignored: Any) -> None:
        """Return when every order is done."""
        while (left := self._free - time.perf_counter()) > 0:
            time.sleep(left)
        now = time.perf_counter()
        self.done = [now if one is None else one for one in self.done]

    def seconds(self, number: int) -> float:
        """What an order took, from the call to the end of the wait."""
        done = self.done[number]
        return float("inf") if done is None else done - self.orders[number]


def check_stopwatch(answer: Any, source: random.Random | None = None) -> None:
    """Check a learner's ``median_seconds(run, wait, warmups, repeats)``.

    Args:
        answer: the learner's.
        source: draws other cases than the open ones.

    Raises:
        Wrong: with the property that fails; for a wrong number, when it was wrong twice.
    """
    need_function(answer)
    for warm, counted in _CASES if source is None else _drawn(source):
        was_wrong = False
        for slower in _SLOWER:
            scaled = [tuple(slower * job for job in jobs) for jobs in (warm, counted)]
            value, took, before, what = _measured(answer, *scaled)
            apart = sorted(took)
            clear = all(b - a > 0.002 for a, b in pairwise(apart))
            if not clear and slower != _SLOWER[-1]:
                continue
            if _near(value, statistics.median(took)):
                break
            if was_wrong or slower == _SLOWER[-1]:
                raise _wrong(value, took, before, what)
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
    answer: Any, warm: tuple[int, ...], counted: tuple[int, ...]
) -> tuple[float, list[float], list[float], str]:
    """What the learner's stopwatch says, what the counted calls took, what the warm-up took, and the case in words."""
    worker, first, count = Worker((*warm, *counted)), len(warm), len(counted)
    what = f"{first} warm-up call{'s' * (first > 1)} and {count} repeats"
    value = need_number(call(answer, worker.run, worker.wait, first, count, what=what))
    calls = len(worker.orders)
    if calls == count:
        raise Wrong(f"On {what} run() was called {calls} times: the warm-up is missing, and first calls are slow.")
    if calls != first + count:
        raise Wrong(f"On {what} run() should be called {first + count} times, and it was called {calls} times.")
    if worker.done[-1] is None or any(number > first for number in worker.left_over):
        raise Wrong(
            f"On {what} work was still going on when run() was called again, or at the end: wait() after every run()."
        )
    if first in worker.left_over:
        raise Wrong(f"On {what} the first counted call queued behind the warm-up: wait() before the clock starts.")
    took = [worker.seconds(number) for number in range(first, first + count)]
    return value, took, [worker.seconds(number) for number in range(first)], what


def _wrong(value: float, took: list[float], warm: list[float], what: str) -> Wrong:
    right = statistics.median(took)
    if abs(value) < min(took) / 4:
        return Wrong(
            f"On {what} you measured {1e6 * value:.0f} µs, and the work took milliseconds: the clock was read before "
            "wait(), or it is one that stands still while a program waits, as time.process_time() does."
        )
    for wrong, sentence in (
        (1000 * right, "that is in milliseconds; seconds are asked for"),
        (statistics.mean(took), "that is the mean: one slow call pulls it up, and the median stays"),
        (min(took), "that is the fastest call, which is luck; the median is what one may expect"),
        (max(took), "that is the slowest call"),
        (sum(took), "that is all the counted calls together"),
        (sum(took) + sum(warm), "that is all calls together, and the warm-up counts among them"),
        (statistics.median([*took, *warm]), "the warm-up is among the calls whose median you took"),
        (statistics.mean([*took, *warm]), "that is the mean of all calls, and the warm-up counts among them"),
    ):
        if _near(value, wrong):
            return Wrong(f"On {what} the median is {right:.4f} s and you gave {value:.4g}: {sentence}.")
    if value < 0:
        return Wrong(f"On {what} you gave {value:.4g} s: the end minus the start is never below 0.")
    return Wrong(f"On {what} the median of the counted calls is {right:.4f} s, and your function gave {value:.4g}.")


def _near(value: float, other: float) -> bool:
    return abs(value - other) <= 0.0005 + 0.03 * other
