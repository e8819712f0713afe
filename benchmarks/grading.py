"""A class hands in: how many submissions does nbgrader grade in a minute?

    python benchmarks/grading.py [--submissions N]

An assignment with an exercise of every lesson; a third of the class hands in the solutions, a third the untouched
release, and a third a loop without an end in one answer, which the check stops. nbgrader grades one after the other,
each in a kernel of its own. It needs `pip install -e ".[instructor]"`.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from course_lib.exercises.assignments.exercise_cells import exercise_cells

ASKED = ["00_count_values", "01_accuracy", "02_pareto", "03_basic_block", "04_output_size", "05_hash_fits", "06_iou",
         "07_head_parameters"]  # fmt: skip
ENDLESS = "def output_size(n, kernel_size, stride=1, padding=0, dilation=1):\n    while True:\n        pass"


def command(course: Path, module: str, *arguments: str) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # nbgrader calls alembic
    own = {"COURSE_WEIGHTS": "course", "COURSE_PROGRESS": str(course / "progress.json"), "PATH": path}
    done = subprocess.run([sys.executable, "-m", module, *arguments], cwd=course, env=os.environ | own, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stdout[-3000:])


def hand_in(course: Path, student: str, kind: str) -> None:
    """Put a student's notebook where nbgrader looks for it: "solutions", "release" or "endless"."""
    book = nbformat.read(course / "release/hw/hw.ipynb", as_version=4)
    for name in ASKED if kind != "release" else ():
        [cell] = [one for one in book.cells if one.metadata.get("nbgrader", {}).get("grade_id") == f"{name}-answer"]
        check = cell.source.splitlines()[-1]
        endless = kind == "endless" and name == "04_output_size"
        cell.source = f"{ENDLESS if endless else exercise_cells()[name].exercise.solution().words}\n\n\n{check}"
    path = course / "submitted" / student / "hw" / "hw.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(book, path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--submissions", type=int, default=30)
    count = parser.parse_args().submissions
    if importlib.util.find_spec("nbgrader") is None:
        print('nbgrader is not installed: pip install -e ".[instructor]"')
        return 0
    kinds = ("solutions", "release", "endless")
    with tempfile.TemporaryDirectory() as home:
        course = Path(home)
        command(course, "course_lib", "assign", "hw", "--exercises", *ASKED, "--seed", "4711")
        command(course, "nbgrader", "generate_assignment", "hw", "--create")
        students = {f"{kinds[number % 3]}{number:02}": kinds[number % 3] for number in range(count)}
        for student, kind in students.items():
            hand_in(course, student, kind)
        print(f"{count} submissions of {len(ASKED)} exercises, graded one after the other …", flush=True)
        for kind in kinds[:2]:  # these two alone say what grading costs where nobody waits for a loop
            mine = [student for student, what in students.items() if what == kind]
            start = time.perf_counter()
            command(course, "nbgrader", "autograde", "hw", f"--CourseDirectory.student_id={kind}*")
            took = time.perf_counter() - start
            print(f"  {len(mine):3} of {kind:10} {took:6.0f} s, {60 * len(mine) / took:5.1f} a minute", flush=True)
        start = time.perf_counter()
        command(course, "nbgrader", "autograde", "hw", "--force")
        took = time.perf_counter() - start
        print(f"  {count:3} of all        {took:6.0f} s, {60 * count / took:5.1f} a minute", flush=True)
        command(course, "nbgrader", "export")
        rows = list(csv.DictReader((course / "grades.csv").open()))
        marks = {row["student_id"]: float(row["score"]) for row in rows}
    most = sum(exercise_cells()[name].exercise.points for name in ASKED)
    wanted = {"solutions": most, "release": 0, "endless": most - exercise_cells()["04_output_size"].exercise.points}
    right = sum(marks[student] == wanted[kind] for student, kind in students.items())
    print(f"{right} of {count} have exactly the marks that they deserve ({most} at most)")
    return 0 if right == count else 1


if __name__ == "__main__":
    sys.exit(main())
