"""Hand submissions to workers, and take back what came of each one exactly once, whatever happens to a worker.

``grade_here`` has processes of this machine; ``grade_on_dask`` a Dask cluster.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
import warnings
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from course_lib.errors import CourseError
from course_lib.exercises.grading.forked_kernels import nursery
from course_lib.exercises.grading.submission_grader import (
    Assignment,
    GradedSubmission,
    Submission,
    grade_submission,
)
from course_lib.exercises.grading.warm_processes import CONTEXT, begin_imports

__all__ = ["grade_here", "grade_on_dask"]

#: Opens a student's submission, which is read when its turn comes: a class's together may not fit into memory.
Reader = Callable[[str], Submission]
#: A submission that has ended a worker is given to another one, this often.
_TRIES = 2
#: Seconds beyond the limit of a submission after which its worker is taken for dead.
_PATIENCE = 120


def grade_here(
    assignment: Assignment, students: Sequence[str], read: Reader, *, workers: int
) -> Generator[GradedSubmission, None, None]:
    """Grade with worker processes of this machine.

    Args:
        assignment: what all have in common.
        students: whose submissions to grade.
        read: gives a student's submission.
        workers: how many processes; each has a kernel beside it.

    Yields:
        one result a student, in the order in which they are ready.
    """
    waiting, deaths, ready = deque(students), Counter[str](), list[GradedSubmission]()
    crew = [_Worker(assignment) for _ in range(max(1, min(workers, len(students))))]
    try:
        while waiting or ready or any(worker.student for worker in crew):
            for worker in crew:
                while waiting and not worker.student:
                    student = waiting.popleft()
                    try:
                        worker.give(read(student))
                    except (CourseError, OSError) as problem:
                        ready.append(GradedSubmission(student, None, str(problem)))
            yield from ready  # whoever writes it down does so while the workers go on
            ready.clear()
            if busy := [worker.channel for worker in crew if worker.student]:
                wait(busy, timeout=5)
            for number, worker in enumerate(crew):
                student = worker.student
                if student and (graded := worker.take()) is not None:
                    ready.append(graded)
                elif student and worker.is_gone:
                    worker.end()
                    crew[number] = _Worker(assignment)
                    deaths[student] += 1
                    if deaths[student] < _TRIES:
                        waiting.append(student)
                    else:
                        words = f"It ended the process that grades, {_TRIES} times."
                        ready.append(GradedSubmission(student, None, words, passing=True))
    finally:
        for worker in crew:
            worker.let_go()
        for worker in crew:
            worker.end()


class _Worker:
    """A process that grades one submission after the other."""

    def __init__(self, assignment: Assignment) -> None:
        begin_imports()
        self.channel, theirs = CONTEXT.Pipe()
        self.student = ""
        self._since = 0.0
        self._most = assignment.limits.seconds + _PATIENCE
        self._process: BaseProcess = CONTEXT.Process(target=_work, args=(theirs,))
        self._process.start()
        theirs.close()
        with suppress(OSError):  # it is gone; that is seen when it is given something
            self.channel.send((assignment, dict(os.environ)))

    def give(self, submission: Submission) -> None:
        self.student, self._since = submission.student, time.monotonic()
        with suppress(OSError):  # it is gone; that is seen next
            self.channel.send(submission)

    def take(self) -> GradedSubmission | None:
        """What came of the submission, None where it is not ready."""
        try:
            if self.channel.poll():
                graded: GradedSubmission = self.channel.recv()
                self.student = ""
                return graded
        except (EOFError, OSError):
            self._since = float("-inf")
        return None

    @property
    def is_gone(self) -> bool:
        return not self._process.is_alive() or time.monotonic() - self._since > self._most

    def let_go(self) -> None:
        """Tell it that there is nothing more for it."""
        with suppress(OSError):
            self.channel.send(None)

    def end(self) -> None:
        """Wait for a worker that has been let go, and end one that has a submission."""
        self._process.join(0 if self.student else 10)
        self._process.kill()
        self._process.join()
        self.channel.close()


def _work(channel: Connection) -> None:
    """What a worker does, until nobody has anything for it or the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that the instructor has started
    nursery.fork_from_here(channel)  # before anything of the class is in its memory
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")  # nbgrader's own, of SQLAlchemy
    with suppress(EOFError, OSError):
        assignment, environment = channel.recv()
        os.environ.clear()
        os.environ.update(environment | {"JUPYTER_PREFER_ENV_PATH": "1"})
        while (submission := channel.recv()) is not None:
            channel.send(grade_submission(assignment, submission))
    nursery.close()


def grade_on_dask(
    assignment: Assignment, students: Sequence[str], read: Reader, *, scheduler: str
) -> Generator[GradedSubmission, None, None]:
    """Grade with the workers of a Dask cluster.

    Args:
        assignment: what all have in common.
        students: whose submissions to grade.
        read: gives a student's submission.
        scheduler: the cluster's address, such as "tcp://192.168.1.7:8786".

    Yields:
        one result a student. What a worker that died had not given back is graded by another one.

    Raises:
        CourseError: Dask is missing, there is no scheduler at the address, or it has no worker.
    """
    try:
        from distributed import Client, as_completed
        from distributed.comm import get_address_host_port
    except ImportError as missing:
        raise CourseError('Dask is missing: pip install "course_lib[dask]" installs it.') from missing
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        get_address_host_port(scheduler)  # an address of no known kind would only time out
        client = Client(scheduler, timeout=10, set_as_default=False)
    except (OSError, asyncio.TimeoutError, ValueError) as error:  # in Python 3.10 not the same
        raise CourseError(f"There is no Dask scheduler at {scheduler[:100]!r}: {str(error)[:150]}.") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=60)
        except (TimeoutError, asyncio.TimeoutError) as error:
            raise CourseError(f"The scheduler at {scheduler} has no worker; start some (dask worker).") from error
        common = client.scatter(assignment, broadcast=True)
        waiting, names = deque(students), {}
        ready = as_completed(loop=client.loop)

        def more() -> Iterator[GradedSubmission]:
            """Give the cluster the next submission."""
            while waiting:
                student = waiting.popleft()
                try:
                    submission = read(student)
                except (CourseError, OSError) as problem:
                    yield GradedSubmission(student, None, str(problem))
                    continue
                future = client.submit(grade_submission, common, submission, pure=False, retries=_TRIES)
                names[future.key] = student
                ready.add(future)
                return

        for _ in range(3 * sum(client.nthreads().values())):  # not the whole class at once
            yield from more()
        for future in ready:
            yield _result(future, names.pop(future.key))
            yield from more()


def _result(future: Any, student: str) -> GradedSubmission:
    try:
        graded: GradedSubmission = future.result()
    except Exception as error:  # Dask's own kinds, and whatever a worker's machine may lack
        words = f"Dask gave it up: {type(error).__name__}: {error}"[:300]
        return GradedSubmission(student, None, words, passing=True)
    finally:
        future.release()
    return graded
