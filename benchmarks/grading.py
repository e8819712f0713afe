"""A class hands in: how many submissions are graded in a minute, and are the marks nbgrader's?

    python benchmarks/grading.py [--submissions N] [--seed S] [--marks-only] [--no-dask]

An assignment with an exercise of every lesson. Every student's answers are drawn: solutions, solutions with an operator
changed, stubs, cells that do not run, cells that were deleted, copied, moved or tampered with, and now and then a loop
without an end, which the check stops after 20 seconds. The class is graded by nbgrader itself, by
`python -m course_lib grade` with one and two workers, and by two workers of a Dask cluster; every cell's mark is
compared. With `--marks-only` two workers are enough. It needs `pip install -e ".[instructor,dask]"`. The processors'
seconds are those of all processes on Linux; those of Dask's workers are nowhere counted.
"""

from __future__ import annotations

import argparse
import ast
import copy
import ctypes
import importlib.util
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import nbformat
import psutil

from course_lib.exercises.assignments.exercise_cells import exercise_cells

ASKED = ["00_count_values", "01_accuracy", "02_pareto", "03_basic_block", "04_output_size", "05_hash_fits", "06_iou",
         "07_head_parameters"]  # fmt: skip
ENDLESS = "def output_size(n, kernel_size, stride=1, padding=0, dilation=1):\n    while True:\n        pass"
#: In a hundred answers.
KINDS = {"solution": 48, "changed": 20, "stub": 6, "broken": 4, "test deleted": 6, "answer deleted": 2,
         "imports deleted": 2, "test moved": 3, "test rewritten": 3, "answer copied": 2, "loud": 2,
         "grade replaced": 2}  # fmt: skip
SWAPPED: dict[type[ast.AST], type[Any]] = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Lt: ast.GtE,
                                           ast.Gt: ast.LtE, ast.FloorDiv: ast.Mult, ast.And: ast.Or}  # fmt: skip


def environment(course: Path) -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # nbgrader calls alembic
    own = {"COURSE_WEIGHTS": "course", "COURSE_PROGRESS": str(course / "progress.json"), "PATH": path}
    return os.environ | own | {"PYTHONPATH": str(Path(__file__).resolve().parents[1]), "OMP_NUM_THREADS": "1"}


def command(course: Path, module: str, *arguments: str) -> tuple[float, float]:
    """Run a module in the course's folder; the seconds that it took, on the clock and of the processors."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-m", module, *arguments], cwd=course, env=environment(course), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    took = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(done.stdout[-3000:])
    for child in psutil.Process().children():  # the process that the workers were forked from has become ours
        if "forkserver" in " ".join(child.cmdline()):
            child.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return took, spent


def changed(code: str, source: random.Random) -> str:
    """A solution with one operator changed, where it has one."""
    tree = ast.parse(code)
    places = [(node, name, place) for node in ast.walk(tree) for name, value in ast.iter_fields(node)
              for place, part in enumerate(value if isinstance(value, list) else [value])
              if type(part) in SWAPPED]  # fmt: skip
    if places:
        node, name, place = source.choice(places)
        old = getattr(node, name)
        if isinstance(old, list):
            old[place] = SWAPPED[type(old[place])]()
        else:
            setattr(node, name, SWAPPED[type(old)]())
    return ast.unparse(tree)


def hand_in(course: Path, student: str, source: random.Random) -> None:
    """Put a student's notebook where nbgrader looks for it."""
    book = nbformat.read(course / "release/hw/hw.ipynb", as_version=4)
    for name in ASKED:
        kind = source.choices(list(KINDS), list(KINDS.values()))[0]
        answer = _cell(book, f"{name}-answer")
        solution, check = exercise_cells()[name].exercise.solution().words, answer.source.splitlines()[-1]
        if name == "04_output_size" and source.random() < 0.03:
            solution, kind = ENDLESS, "solution"
        code = {"changed": changed(solution, source), "broken": f"{solution} return (",
                "loud": f"import sys\nprint('oh', file=sys.stderr)\n{solution}"}  # fmt: skip
        if kind != "stub":
            answer.source = f"{code.get(kind, solution)}\n\n\n{check}"
        _tamper(book, name, kind, check)
    path = course / "submitted" / student / "hw" / "hw.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(book, path)


def _tamper(book: nbformat.NotebookNode, name: str, kind: str, check: str) -> None:
    """Do to the notebook what students do to theirs."""
    answer, test = _cell(book, f"{name}-answer"), _cell(book, f"{name}-test")
    if kind == "answer deleted":
        book.cells.remove(answer)
    elif kind == "imports deleted":
        book.cells.remove(_cell(book, f"{name}-needs"))
    elif kind in ("test deleted", "test moved"):
        book.cells.remove(test)
        if kind == "test moved":
            book.cells.insert(0, test)
    elif kind == "test rewritten":
        test.source = "print('passed')"
    elif kind == "answer copied":
        copied = nbformat.v4.new_code_cell(f"{answer.source}\n", metadata=copy.deepcopy(answer.metadata))
        book.cells.insert(book.cells.index(answer), copied)
    elif kind == "grade replaced":
        patch = f"{check.partition('.check(')[0]}.grade = lambda *given, **named: None"
        book.cells.insert(book.cells.index(answer), nbformat.v4.new_code_cell(patch))


def _cell(book: nbformat.NotebookNode, key: str) -> nbformat.NotebookNode:
    """The first cell with an nbgrader id."""
    return next(cell for cell in book.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == key)


def marks(course: Path) -> dict[tuple[str, str], float]:
    """(student, cell) → points."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        return {(row.student.id, grade.name): grade.auto_score for row in book.find_assignment("hw").submissions
                for notebook in row.notebooks for grade in notebook.grades}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--submissions", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--marks-only", action="store_true", help="compare the marks of two workers, nothing else")
    parser.add_argument("--no-dask", action="store_true")
    options = parser.parse_args()
    if importlib.util.find_spec("nbgrader") is None:
        print('nbgrader is not installed: pip install -e ".[instructor,dask]"')
        return 0
    source, count = random.Random(options.seed), options.submissions
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: what commands leave running becomes ours
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack:
        course = Path(home, "course")
        course.mkdir()
        command(course, "course_lib", "assign", "hw", "--exercises", *ASKED, "--seed", "4711")
        command(course, "nbgrader", "generate_assignment", "hw", "--create")
        for number in range(count):
            hand_in(course, f"student{number:03}", source)
        ours = [shutil.copytree(course, Path(home, f"course{number}")) for number in range(3)]
        print(f"{count} submissions of {len(ASKED)} exercises", flush=True)

        def show(name: str, took: tuple[float, float], same: str = "") -> None:
            rate = f"{took[0]:6.0f} s, {60 * count / took[0]:6.1f} a minute, {took[1] / count:5.2f} s of a core each"
            print(f"  {name:22} {rate}{same}", flush=True)

        theirs = command(course, "nbgrader", "autograde", "hw")
        show("nbgrader autograde", theirs)
        truth, wrong = marks(course), 0
        ways = {"grade --workers 1": ["--workers", "1"], "grade --workers 2": ["--workers", "2"]}
        if options.marks_only:
            del ways["grade --workers 1"]
        elif not options.no_dask and importlib.util.find_spec("distributed"):
            from distributed import LocalCluster

            for key, value in environment(course).items():
                os.environ[key] = value
            cluster = stack.enter_context(LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None))
            ways["Dask, two workers"] = ["--scheduler", cluster.scheduler_address]
        for (name, arguments), folder in zip(ways.items(), ours, strict=False):
            took = command(folder, "course_lib", "grade", "hw", *arguments)
            found = marks(folder)
            equal = sum(found.get(key) == value for key, value in truth.items())
            wrong += found != truth
            times = f"{theirs[0] / took[0]:.1f} times nbgrader's a minute, {theirs[1] / took[1]:.1f} by processor time"
            show(name, took, f", {times}; {equal} of {len(truth)} cells have nbgrader's mark")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
