"""The engine around the checks: time limits, grading, what is kept of a learner's progress."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.errors import CourseError
from course_lib.exercises import my_progress
from course_lib.exercises.engine.exercise import NotCorrect, exercise
from course_lib.exercises.engine.hidden_cases import agree
from course_lib.exercises.engine.learner_progress import all_exercises
from course_lib.exercises.engine.outcomes import keep, place, read
from course_lib.exercises.engine.requirements import Wrong, call, plain
from course_lib.exercises.engine.time_limit import TooLong, within


@exercise(id="01_median", title="A median", minutes=3, difficulty="hard", hints=[], praise="", seconds=0.3)
def median(values: list[float]) -> float:
    """The median."""
    return statistics.median(values)


@median.checker
def _(answer: Any) -> None:
    if answer([1, 2, 9]) != 2:
        raise Wrong("The median of 1, 2 and 9 is 2.")


@median.hidden_cases
def _(source: random.Random) -> tuple[list[float]]:
    return ([source.random() for _ in range(source.randrange(1, 9))],)


@pytest.fixture
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "deep" / "progress.json"))
    return place()


# -- time limits ------------------------------------------------------------------------------------------------------
def endless(*_: Any) -> None:
    while True:
        pass


def stubborn(*_: Any) -> None:
    for _ in range(3):
        try:
            endless()
        except BaseException:
            continue
    raise ValueError("at last")


def asleep(*_: Any) -> None:
    time.sleep(30)


@pytest.mark.parametrize("code", [endless, stubborn, *([asleep] if hasattr(signal, "setitimer") else [])])
def test_code_without_an_end_is_stopped_and_told_so(code: Callable[..., None], own_file: Path) -> None:
    start = time.monotonic()
    outcome = median.check(code)
    assert time.monotonic() - start < 10 and outcome.state == "not yet"
    assert "within 0.3 seconds" in outcome.sentence or code is stubborn


STUBBORN = """
import contextlib, signal, sys, threading, time
from course_lib.exercises.engine import time_limit
from course_lib.exercises.engine.time_limit import TooLong, within

def bare_except():
    while True:
        try:
            time.sleep(0.01)
        except:
            pass
        x = 1

def busy():
    while True:
        try:
            while True:
                pass
        except:
            continue

def suppressed():
    while True:
        with contextlib.suppress(BaseException):
            busy()

def recursive():
    try:
        busy()
    except:
        recursive()

def generator():
    def numbers():
        while True:
            try:
                yield 1
            except GeneratorExit:
                raise
            except:
                pass
    for number in numbers():
        pass

def ignores_signals():
    for name in ("SIGALRM", "SIGURG"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    busy()

def blocks_signals():
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    busy()

def run():
    try:
        within(0.05, CODE)
    except TooLong:
        print("stopped")
    assert sys.exc_info() == (None, None, None)

if sys.argv[1] == "main":
    run()
else:
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
if hasattr(signal, "pthread_sigmask"):
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, []) and signal.getsignal(signal.SIGURG) == signal.SIG_DFL
assert sys.gettrace() is None and threading.active_count() == 1
"""


@pytest.mark.parametrize("where", ["main", "thread"])
@pytest.mark.parametrize(
    "code", ["bare_except", "busy", "suppressed", "recursive", "generator", "ignores_signals", "blocks_signals"]
)
def test_code_that_swallows_every_exception_is_stopped(code: str, where: str) -> None:
    """In a process of its own: where it is not stopped, only that one hangs."""
    if where == "thread" and code == "ignores_signals":
        pytest.skip("a thread cannot")
    command = [sys.executable, "-c", STUBBORN.replace("CODE", code), where]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=90)
    assert (ran.stdout, ran.returncode) == ("stopped\n", 0), ran.stderr


def test_nothing_of_code_that_was_stopped_is_left_behind() -> None:
    """Not even of ``with`` blocks that could not be left in order."""

    def stuck(*_: Any) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        torch.manual_seed(1)
        torch.set_default_device("cpu")
        with torch.device("meta"), torch.no_grad(), torch.autocast("cpu", torch.float16), torch.inference_mode():
            while True:
                try:
                    time.sleep(0.01)
                except BaseException:
                    print("no")

    before, state = signal.getsignal(signal.SIGINT), torch.get_rng_state()
    assert "didn't finish" in median.judge(stuck, median.check_answer).sentence
    assert signal.getsignal(signal.SIGINT) is before and torch.equal(torch.get_rng_state(), state)
    assert torch.empty(1).device.type == "cpu" and torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")
    assert not torch.is_inference_mode_enabled() and torch.get_autocast_dtype("cpu") is torch.bfloat16
    torch.autocast_increment_nesting()
    assert torch.autocast_decrement_nesting() == 0
    assert not torch.overrides._get_current_function_mode_stack() and torch.get_default_device().type == "cpu"
    assert sys.exc_info() == (None, None, None) and sys.stdout.writable()
    with pytest.raises(KeyError) as later:
        {}["key"]
    assert later.value.__context__ is None


@pytest.mark.parametrize("outer", ["with", "set"])
def test_a_notebook_keeps_its_default_device(outer: str) -> None:
    """Torch itself would lose one of two devices that lie inside each other."""

    def answer(*_: Any) -> None:
        torch.set_default_device("cpu")
        raise StopIteration

    if outer == "set":
        torch.set_default_device("meta")
    with torch.device("meta") if outer == "with" else contextlib.nullcontext():
        median.judge(answer, median.check_answer)
        assert torch.empty(1).device.type == torch.get_default_device().type == "meta"
    torch.set_default_device(None)
    assert torch.empty(1).device.type == torch.get_default_device().type == "cpu"
    assert not torch.overrides._get_current_function_mode_stack()


def test_in_another_thread_it_is_stopped_too() -> None:
    sentences: list[str] = []
    thread = threading.Thread(target=lambda: sentences.append(median.judge(endless, median.check_answer).sentence))
    thread.start()
    thread.join(10)
    assert not thread.is_alive() and "within 0.3 seconds" in sentences[0]


def test_what_is_traced_afterwards_comes_to_its_end() -> None:
    """A debugger, coverage, ``following.follow``: after an exception that was put and called back, Python 3.11 hung."""
    program = """
import sys, threading
from course_lib.exercises.engine.time_limit import TooLong, within

def forever():
    while True:
        pass

def endless():
    try:
        within(0.02, forever)
    except TooLong:
        print("stopped")

def traced():
    return 1

thread = threading.Thread(target=endless)
thread.start()
thread.join()
sys.settrace(lambda *_: None)
print(traced())
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert ran.stdout.split() == ["stopped", "1"], ran.stderr


@pytest.mark.parametrize("where", ["here", "in a thread"])
def test_nothing_is_stopped_later(where: str) -> None:
    def work() -> None:
        for _ in range(20):
            within(0.02, int)
        time.sleep(0.05)
        done.append(True)

    done: list[bool] = []
    if where == "here":
        work()
    else:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert done == [True]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no alarms on Windows")
def test_another_alarm_is_put_back() -> None:
    rung: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: rung.append(number))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(TooLong):
            within(0.01, endless)
        time.sleep(0.4)
        assert rung == [signal.SIGALRM]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# -- grading ----------------------------------------------------------------------------------------------------------
def test_grading_passes_in_silence_or_raises_with_the_words_of_the_check(
    own_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    median.grade(median.answer())
    median.grade(median.answer(), seed=7)
    with pytest.raises(NotCorrect) as wrong:
        median.grade(lambda values: print("!") or 3)
    assert str(wrong.value) == str(median.check(lambda values: print("!") or 3))
    with pytest.raises(NotCorrect, match="not attempted"):
        median.grade(...)
    assert capfd.readouterr() == ("", "")


def test_in_a_notebook_a_grade_is_one_sentence_and_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.push({"median": median})
    shell.run_cell("median.grade(lambda values: 3)")
    out, err = capsys.readouterr()
    assert "The median of 1, 2 and 9 is 2." in out and "Traceback" not in out and "engine.py" not in out and err == ""


@pytest.mark.parametrize(("between", "runs"), [("", 2), ("1", 3)], ids=["next cell", "later cell"])
def test_what_check_has_just_stopped_is_not_run_again_by_grade(
    between: str, runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless another cell stands between, which may have repaired something that the answer calls."""
    from IPython.core.interactiveshell import InteractiveShell

    shell, calls = InteractiveShell.instance(), []
    monkeypatch.setattr(time, "thread_time", time.perf_counter)  # on a busy machine the loop may hardly run

    def answer(values: list[float]) -> float:
        calls.append(values)
        while True:
            pass

    hasty = replace(median, seconds=0.3)
    shell.push({"median": hasty, "answer": answer})
    for cell in ["median.grade(answer)", "median.check(answer)", between, "median.grade(answer)"]:
        result = shell.run_cell(cell, store_history=True) if cell else None
    assert result is not None and isinstance(result.error_in_exec, NotCorrect) and len(calls) == runs
    assert "within 0.3 seconds" in str(result.error_in_exec)


def test_grading_keeps_nothing(own_file: Path) -> None:
    median.grade(median.answer())
    assert not own_file.exists()


def test_hidden_cases_find_what_the_open_one_does_not() -> None:
    def middle(values: list[float]) -> float:  # forgets to sort, and numbers that are even
        return values[len(values) // 2]

    median.grade(middle)
    with pytest.raises(NotCorrect, match="hidden case"):
        median.grade(middle, seed=7)


def test_the_same_seed_draws_the_same_cases() -> None:
    def drawn(seed: int) -> list[Any]:
        seen: list[Any] = []

        def spy(values: list[float]) -> float:
            seen.append(list(values))
            return median(values)

        median.grade(spy, seed=seed)
        return seen

    assert drawn(3) == drawn(3) != drawn(4)


def test_a_learner_who_changes_the_arguments_changes_nothing_else() -> None:
    def sorts_in_place(values: list[float]) -> float:
        values.sort()
        return median(values)

    median.grade(sorts_in_place, seed=1)


@given(st.recursive(st.integers() | st.floats(allow_nan=False) | st.text() | st.booleans() | st.none(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_everything_agrees_with_itself(value: Any) -> None:
    assert agree(value, value)


@pytest.mark.parametrize(("value", "truth"), [
    (1, True), (True, 1), (1.0, "1"), ("a", "b"), ([1, 2], [1]), ([1, 2], [2, 1]), ({"a": 1}, {"b": 1}), (None, 0),
    (torch.zeros(2), torch.zeros(2, 1)), (torch.zeros(2), torch.zeros(2, dtype=torch.float64)), (1.0, 1.001),
    (torch.zeros(2), torch.full((2,), 0.01)), (np.zeros(2), torch.zeros(2)), (torch.zeros(2), 0.0), (3, None),
])  # fmt: skip
def test_what_differs_does_not_agree(value: Any, truth: Any) -> None:
    assert not agree(value, truth)


@pytest.mark.parametrize(("value", "truth"), [
    (torch.tensor(2.0), 2.0), (np.float32(2), 2), (np.bool_(True), True), ((1, 2), [1, 2]), (1, 1.0),
    (torch.ones(2) + 1e-7, torch.ones(2)),
])  # fmt: skip
def test_what_is_the_same_in_other_clothes_agrees(value: Any, truth: Any) -> None:
    assert agree(value, truth)


class LyingTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (torch.equal, torch.allclose):
            return True
        return super().__torch_function__(func, types, args, kwargs or {})


class DispatchingTensor(torch.Tensor):
    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return torch.ones(3)


def lying(base: Any) -> Any:
    always = {"__eq__": lambda *_: True, "__ne__": lambda *_: False, "__hash__": base.__hash__,
              "__sub__": lambda *_: 0, "__rsub__": lambda *_: 0}  # fmt: skip
    return type("Lying", (base,), always)


LIES = [
    (lying(int)(3), 4),
    (lying(float)(3.0), 4.0),
    (lying(str)("A"), "B"),
    (lying(tuple)((1, 2)), (3, 4)),
    (lying(list)([1]), [2]),
    ([lying(int)(3)], [4]),
    ({"a": lying(float)(3.0)}, {"a": 4.0}),
    (lying(set)({1}), {2}),
    ({lying(int)(3)}, {4}),
    (torch.zeros(3).as_subclass(LyingTensor), torch.ones(3)),
    (lying(np.float64)(3.0), 4.0),
    ((torch.zeros(3).as_subclass(LyingTensor),), (torch.ones(3),)),
    (torch.zeros(3).as_subclass(DispatchingTensor), torch.ones(3)),
]


@pytest.mark.parametrize(("lie", "truth"), LIES, ids=lambda value: type(value).__name__)
def test_a_value_that_lies_about_equality_is_wrong(lie: Any, truth: Any) -> None:
    """In an open check that compares by itself, in a hidden case, and as an answer that is a value."""

    def compares(answer: Any) -> None:
        if not agree(call(answer, case="a case"), truth):
            raise Wrong("no")

    asked = replace(median, solution_code=lambda: truth, check_answer=compares)
    asked.hidden_cases(lambda source: ())
    assert asked.check(lambda: lie).state == "not yet" and asked.check(lambda: truth).state == "correct"
    with pytest.raises(NotCorrect):
        replace(asked, check_answer=lambda answer: None).grade(lambda: lie, seed=7)
    value = replace(median, check_answer=lambda answer: None if agree(answer, truth) else compares(lambda: lie))
    assert value.check(lie).state == "not yet"


@given(st.recursive(st.integers() | st.floats(allow_nan=False) | st.text() | st.booleans() | st.none(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner)))  # fmt: skip
def test_a_plain_value_stays_itself(value: Any) -> None:
    assert plain(value) is value


def test_a_plain_tensor_has_the_same_memory() -> None:
    tensor = torch.zeros(2).as_subclass(LyingTensor)
    assert type(plain(tensor)) is torch.Tensor and plain(tensor).data_ptr() == tensor.data_ptr()


# -- what is kept -----------------------------------------------------------------------------------------------------
def test_what_is_solved_stays_solved_and_tries_are_counted(own_file: Path) -> None:
    name = next(iter(all_exercises()))
    for state in ("not attempted", "not yet", "not yet", "correct", "not yet"):
        keep(name, state)  # type: ignore[arg-type]
    assert read() == ({name: ("correct", 3)}, "")
    assert [path.name for path in own_file.parent.iterdir()] == [own_file.name]  # nothing half-written beside it
    progress = my_progress(name[:2])
    assert progress.lines[0].state == "correct" and progress.solved == 1
    assert f"1 of {len(progress.lines)} solved" in repr(progress) and progress.lines[0].title in progress._repr_html_()


def test_grading_somebody_elses_notebook_keeps_nothing(own_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert median.check(statistics.median).state == "correct"
    assert not own_file.exists()


def test_a_check_keeps_what_came_of_it(own_file: Path) -> None:
    median.check(...)
    assert not own_file.exists()
    median.check(lambda values: 3)
    assert json.loads(own_file.read_text()) == {"01_median": ["not yet", 1]}


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "[" * 100_000, "null", '{"a": 1}', '{"a": ["wonderful", 1]}', '{"a": ["correct"]}']
)
def test_a_broken_file_is_put_aside_and_told(content: str, own_file: Path) -> None:
    own_file.parent.mkdir()
    own_file.write_text(content)
    assert my_progress().solved == 0 and "could not be read" in repr(my_progress()) and own_file.read_text() == content
    keep("00_numbers", "correct")
    assert read() == ({"00_numbers": ("correct", 1)}, "")
    assert own_file.with_name("progress.json.broken").read_text() == content


def test_a_folder_in_the_files_place_stays_what_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("")
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "mine"))
    assert median.check(median.answer()).state == "correct"
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "thesis.txt"]
    assert "is a folder" in repr(my_progress()) and "begins a new file" not in repr(my_progress())


def test_the_home_folder_may_be_a_tilde(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("COURSE_PROGRESS", "~/mine.json")
    assert place() == tmp_path / "mine.json"


def test_a_disk_that_takes_nothing_stops_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "file" / "progress.json"))
    assert median.check(median.answer()).state == "correct"


def test_the_course_is_all_its_lessons(own_file: Path) -> None:
    course = my_progress()
    assert [line.id for line in course.lines] == list(all_exercises())
    assert course.minutes_left == sum(exercise.minutes for exercise in all_exercises().values())
    assert {lesson: len(part.lines) for lesson, part in course.lessons().items()} == {
        lesson: len(my_progress(lesson).lines) for lesson in course.lessons()
    }


@pytest.mark.parametrize("lesson", ["99", "1x", -1])
def test_a_lesson_that_is_not_there_is_said(lesson: Any) -> None:
    with pytest.raises(CourseError, match="no lesson"):
        my_progress(lesson)
