"""`python -m course_lib grade`: nbgrader's marks, several submissions at a time, and one cell costs no other.

The oracle is nbgrader itself on the same class; for what nbgrader cannot grade, what each student deserves.
"""

from __future__ import annotations

import csv
import errno
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from nbgrader.api import Gradebook

from course_lib.errors import CourseError
from course_lib.exercises.grading.class_grading import grade_class
from course_lib.exercises.grading.class_marks import write_marks

from .conftest import ByNbgrader, Command
from .hand_ins import CLASS, HOSTILE, POINTS, Work, ended, hand_in


def rows(folder: Path) -> dict[tuple[str, str], tuple[Any, ...]]:
    """(student, cell) → nbgrader's mark, whether a person must look, and its comment on the answer."""
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
        return {
            (row.student.id, grade.name): (grade.auto_score, grade.needs_manual_grade, notebook.late_submission_penalty,
                                           *sorted((each.name, each.auto_comment) for each in notebook.comments))
            for row in book.find_assignment("hw").submissions
            for notebook in row.notebooks
            for grade in notebook.grades
        }  # fmt: skip


def states(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "marks_hw.csv").open(encoding="utf-8") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="session")
def folder(handed_in: Path, run_in: Command, nbgrader_grades: Future[ByNbgrader]) -> Path:
    """A copy of the class, with those whom nbgrader cannot grade; graded while nbgrader is at work."""
    folder = Path(shutil.copytree(handed_in, handed_in.with_name("ours")))
    released = nbformat.read(folder / "release" / "hw" / "hw.ipynb", as_version=4)
    for who in HOSTILE:
        if who is not ended:
            work = Work(released)
            who(work)
            hand_in(folder, who.__name__, nbformat.writes(work.book))
    hand_in(folder, "other notebook", nbformat.writes(nbformat.v4.new_notebook()))
    hand_in(folder, "renamed", "")
    (folder / "submitted/renamed/hw/hw.ipynb").rename(folder / "submitted/renamed/hw/Copy of hw.ipynb")
    hand_in(folder, "enormous", nbformat.writes(released))
    os.truncate(folder / "submitted/enormous/hw/hw.ipynb", 300 * 2**20)
    said = run_in(folder, "course_lib", "grade", "hw", "--workers", "2", fails=True)  # some cannot be graded
    (folder / "said.txt").write_text(said, encoding="utf-8")
    return folder


def test_the_marks_are_nbgraders(folder: Path, by_nbgrader: ByNbgrader) -> None:
    """Cell by cell, with the comments; of all whom nbgrader itself can grade."""
    truth = {key: row for key, row in rows(by_nbgrader.folder).items() if key[0] not in {"broken", "ended"}}
    ours = rows(folder)
    assert len(truth) == 8 * len(CLASS) and {key: ours.get(key) for key in truth} == truth


def test_the_autograded_notebooks_lie_where_nbgrader_has_them(folder: Path, by_nbgrader: ByNbgrader) -> None:
    for path in by_nbgrader.folder.glob("autograded/*/hw/hw.ipynb"):
        theirs = nbformat.read(path, as_version=4)
        ours = nbformat.read(folder / path.relative_to(by_nbgrader.folder), as_version=4)
        assert [cell.source for cell in ours.cells] == [cell.source for cell in theirs.cells]


@pytest.mark.parametrize("who", HOSTILE, ids=lambda who: who.__name__)
def test_a_cell_costs_no_other(who: Callable[[Work], None], folder: Path) -> None:
    lost = {cell.removesuffix("-test") for (name, cell), (points, *_) in rows(folder).items()
            if name == who.__name__ and points < POINTS[cell.removesuffix("-test")]}  # fmt: skip
    assert lost == HOSTILE[who]
    assert float(states(folder)[who.__name__]["score"]) == sum(POINTS.values()) - sum(map(POINTS.__getitem__, lost))


def test_what_could_not_be_graded_is_named_and_never_zero(folder: Path) -> None:
    reasons = {"broken": "cannot be read", "enormous": "300 MB", "other notebook": "none of the assignment's cells",
               "renamed": "only Copy of hw.ipynb"}  # fmt: skip
    table, said = states(folder), (folder / "said.txt").read_text(encoding="utf-8")
    assert {name for name, row in table.items() if row["state"].startswith("not graded")} == set(reasons)
    for name, words in reasons.items():
        assert words in table[name]["state"] and table[name]["score"] == "" and words in said
    stopped = {name for name, row in table.items() if "stopped after" in row["notes"]}
    assert stopped == {"bare_except_cell", "blocked_signals", "endless_cell"}
    assert "ended" in said and "left out" not in table["solution"]["notes"]


def test_nothing_is_left_running(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    ours = str(tmp_path_factory.getbasetemp())

    def left() -> Iterator[psutil.Process]:
        for process in psutil.process_iter(["cmdline"]):
            words = " ".join(process.info["cmdline"] or ())
            with suppress(psutil.Error):  # it has just ended
                if ("forkserver" in words or "kernel_nursery" in words) and ours in str(process.environ()):
                    yield process

    until(lambda: not list(left()), seconds=10)


def test_what_is_graded_is_not_graded_again(folder: Path, run_in: Command) -> None:
    before = (folder / ".grading/hw.jsonl").read_text()
    marks = rows(folder)
    began = {path: path.stat().st_mtime_ns for path in folder.glob("autograded/*/hw/hw.ipynb")}
    run_in(folder, "course_lib", "grade", "hw", fails=True)
    assert (folder / ".grading/hw.jsonl").read_text() == before and rows(folder) == marks
    assert {path: path.stat().st_mtime_ns for path in began} == began


# -- a run that does not come to its end ------------------------------------------------------------------------------
@pytest.fixture
def small(handed_in: Path, tmp_path: Path) -> Path:
    """Six students, three of them solutions, without anybody who takes long."""
    folder = Path(shutil.copytree(handed_in, tmp_path / "small", ignore=shutil.ignore_patterns("submitted")))
    for number, name in enumerate(["solution", "mistaken", "untouched"] * 2):
        target = folder / "submitted" / f"{name}{number}" / "hw"
        shutil.copytree(handed_in / "submitted" / name / "hw", target)
    return folder


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    own = {"COURSE_WEIGHTS": "course", "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-m", "course_lib", "grade", "hw", *arguments], cwd=folder, text=True,
                            env=os.environ | own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            preexec_fn=_hears_ctrl_c)  # fmt: skip


def _hears_ctrl_c() -> None:
    """A shell that runs these tests in its background has made them deaf to it, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def lines(folder: Path) -> list[dict[str, Any]]:
    path = folder / ".grading/hw.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def until(holds: Callable[[], Any], seconds: int = 240) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def everybody_once(folder: Path) -> None:
    assert sorted(line["student"] for line in lines(folder)) == sorted(path.name for path in folder.glob("submitted/*"))
    table = states(folder)
    wanted = {"solution": sum(POINTS.values()), "mistaken": 9, "untouched": 0}
    assert {name: float(row["score"]) for name, row in table.items()} == {name: wanted[name[:-1]] for name in table}


@pytest.fixture(autouse=True)
def weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_WEIGHTS", "course")


def test_after_ctrl_c_the_same_command_goes_on(small: Path) -> None:
    run = start(small, "--workers", "1")
    until(lambda: len(lines(small)) >= 2)
    run.send_signal(signal.SIGINT)
    said = run.communicate(timeout=60)[0]
    assert run.returncode == 130 and "goes on from there" in said and "Traceback" not in said
    assert 2 <= len(lines(small)) < 6
    write_marks(grade_class("hw", course=small, workers=2), small / "marks_hw.csv")
    everybody_once(small)


def test_a_worker_that_dies_loses_nothing(small: Path) -> None:
    run = start(small, "--workers", "2")
    until(lambda: lines(small))
    server = next(child for child in psutil.Process(run.pid).children() if "forkserver" in " ".join(child.cmdline()))
    server.children()[0].kill()
    said = run.communicate(timeout=600)[0]
    assert run.returncode == 0, said
    everybody_once(small)


@pytest.fixture
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=3, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster


def test_on_a_dask_cluster_a_killed_worker_loses_nothing(small: Path, cluster: Any) -> None:
    run = start(small, "--scheduler", cluster.scheduler_address)
    until(lambda: lines(small))
    os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
    said = run.communicate(timeout=600)[0]
    assert run.returncode == 0, said
    everybody_once(small)


@pytest.mark.parametrize("scheduler", ["tcp://127.0.0.1:9", "nonsense://"])
def test_a_scheduler_that_is_not_there_is_said(small: Path, scheduler: str) -> None:
    with pytest.raises(CourseError, match="There is no Dask scheduler at"):
        grade_class("hw", course=small, scheduler=scheduler)


def test_a_gradebook_of_another_course_is_refused(small: Path, run_in: Command) -> None:
    with Gradebook(f"sqlite:///{small}/gradebook.db") as book:
        book.find_grade_cell("01_accuracy-test", "hw", "hw").name = "01_top_k-test"
        book.db.commit()
    with pytest.raises(CourseError, match=r"it has cells such as '01_top_k.*Is it another course's\?"):
        grade_class("hw", course=small)
    with pytest.raises(CourseError, match=r"has no 'hw2'.*Did you mean 'hw'"):
        grade_class("hw2", course=small)
    (small / "gradebook.db").write_bytes(b"not a database" * 100)
    with pytest.raises(CourseError, match="isn't a gradebook that nbgrader can open"):
        grade_class("hw", course=small)
    (small / "gradebook.db").unlink()
    said = run_in(small, "course_lib", "grade", "hw", fails=True)
    assert "There is no gradebook" in said and "Traceback" not in said and not lines(small)


def test_a_full_disk_loses_nothing(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second student's notebook cannot be written; then there is room again, and two may not grade at once."""
    write, seen = Path.write_bytes, set()

    def full(path: Path, content: bytes) -> int:
        if path.parent.name == ".hw.new":
            seen.add(path.parts[-3])
            if len(seen) == 2:
                raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write(path, content)

    with monkeypatch.context() as context:
        context.setattr(Path, "write_bytes", full)
        with pytest.raises(CourseError, match=r"No space left on device\. What was graded before it is kept"):
            grade_class("hw", course=small, workers=1)
    assert len(lines(small)) == 1 and not list(small.glob("autograded/*/.hw.new"))
    with (small / ".grading/hw.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(CourseError, match="being graded by another command"):
            grade_class("hw", course=small, workers=1)
    write_marks(grade_class("hw", course=small, workers=2), small / "marks_hw.csv")
    everybody_once(small)
    folder = next(small.glob("autograded/solution*/hw"))
    shutil.rmtree(folder)  # nbgrader takes that for a wish to grade it once more
    grade_class("hw", course=small, workers=1)
    assert len(lines(small)) == 7 and folder.is_dir()
