"""What a class hands in: a notebook for everybody, begun from the release, and what each of them deserves."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from course_lib.exercises.assignments.exercise_cells import exercise_cells

#: One exercise of every lesson, quickly checked: a value, six functions and a class that uses another exercise.
ASKED = ["00_count_values", "01_accuracy", "02_pareto", "03_basic_block", "04_output_size", "05_hash_fits", "06_iou",
         "07_head_parameters"]  # fmt: skip
SEED = 4711
#: Seconds of one cell, the first of which imports torch. A check itself stops an answer before (conftest.py).
TIMEOUT = 20
POINTS = {name: exercise_cells()[name].exercise.points for name in ASKED}
SOLUTIONS = {name: exercise_cells()[name].exercise.solution().words for name in ASKED}


class Work:
    """One student's notebook, begun from the release: every exercise solved."""

    def __init__(self, released: NotebookNode) -> None:
        self.book = copy.deepcopy(released)
        for name in ASKED:
            self.write(name, SOLUTIONS[name])

    def place(self, key: str) -> int:
        return next(
            n for n, cell in enumerate(self.book.cells) if cell.metadata.get("nbgrader", {}).get("grade_id") == key
        )

    def cell(self, name: str, what: str = "answer") -> NotebookNode:
        return self.book.cells[self.place(f"{name}-{what}")]

    def write(self, name: str, code: str) -> None:
        """Put this in the place of the three dots; the check stays below it."""
        check = self.cell(name).source.splitlines()[-1]
        assert ".check(" in check
        self.cell(name).source = f"{code}\n\n\n{check}"

    def change(self, name: str, old: str, new: str) -> None:
        assert SOLUTIONS[name].count(old) == 1, old
        self.write(name, SOLUTIONS[name].replace(old, new))

    def insert(self, name: str, cell: NotebookNode, what: str = "answer") -> None:
        """Put a cell, or a copy of one of the notebook's, above one of the exercise's."""
        new = new_code_cell(cell.source, metadata=copy.deepcopy(cell.metadata))
        self.book.cells.insert(self.place(f"{name}-{what}"), new)

    def delete(self, key: str) -> None:
        del self.book.cells[self.place(key)]


def solution(work: Work) -> None:
    pass


def mistaken(work: Work) -> None:
    """Known mistakes, one that hidden cases alone find, and a cell that does not even run."""
    work.change("06_iou", "(sum(areas) - shared)", "sum(areas)")
    work.write("07_head_parameters", "numbers = 512 * 2")
    work.write("05_hash_fits", "def hash_fits(path) return True")
    work.write("04_output_size", by_heart("04_output_size"))


def endless_function(work: Work) -> None:
    work.change("02_pareto", "        beaten = False\n", "        while True:\n            beaten = False\n")


def endless_cell(work: Work) -> None:
    work.cell("04_output_size").source = f"while True:\n    pass\n{work.cell('04_output_size').source}"


def deleted_tests(work: Work) -> None:
    """Every cell that grades, and some that only prepare; one answer is wrong all the same."""
    for name in ASKED:
        work.delete(f"{name}-test")
    work.delete("imports")
    work.write("00_count_values", "count = 224 * 224")


def deleted_exercise(work: Work) -> None:
    work.delete("04_output_size-answer")
    work.delete("04_output_size-test")


def loud(work: Work) -> None:
    """Warnings and words on stderr, in a cell of its own, in an answer's and within the function that is graded."""
    noise = "import sys, warnings\nwarnings.warn('oh')\nprint('oh', file=sys.stderr)\n"
    work.insert("01_accuracy", new_code_cell(noise))
    work.write("06_iou", noise + SOLUTIONS["06_iou"])
    inside = '"""\n    import os, sys, warnings\n    print("oh", file=sys.stderr)\n    warnings.warn("oh")\n'
    head, words, rest = SOLUTIONS["01_accuracy"].split('"""')
    work.write("01_accuracy", f'{head}"""{words}{inside}{rest}')


def duplicated(work: Work) -> None:
    """A cell that was copied keeps its nbgrader id. The wrong answer comes first, and the right one counts."""
    work.insert("00_count_values", work.cell("00_count_values"))
    work.cell("00_count_values").source = work.cell("00_count_values").source.replace("3 *", "4 *")  # the first of both
    for what in ("answer", "test"):
        work.insert("02_pareto", work.cell("02_pareto", what), what)
    work.insert("06_iou", work.cell("03_basic_block", "test"))


def ended(work: Work) -> None:
    """The kernel is gone at once, with all that was in it."""
    work.insert("04_output_size", new_code_cell("import os\nos._exit(1)"))


#: Who → what they do to the solution, and the exercises for which they deserve nothing.
CLASS: dict[Callable[[Work], None], set[str]] = {
    deleted_exercise: {"04_output_size"},
    deleted_tests: {"00_count_values"},
    duplicated: set(),
    ended: set(ASKED),
    endless_cell: {"04_output_size"},
    endless_function: {"02_pareto"},
    loud: set(),
    mistaken: {"04_output_size", "05_hash_fits", "06_iou", "07_head_parameters"},
    solution: set(),
}


# -- what nbgrader alone cannot grade ---------------------------------------------------------------------------------
def bare_except_cell(work: Work) -> None:
    """Swallows every interrupt; what stands above the loop counts."""
    cell = work.cell("04_output_size")
    loop = "while True:\n    try:\n        while True:\n            pass\n    except:\n        continue"
    cell.source = f"{loop}\n{cell.source}"


def bare_except_function(work: Work) -> None:
    loop = "        while True:\n            try:\n                while True:\n                    pass\n"
    work.change("02_pareto", "        beaten = False\n", f"{loop}            except:\n                continue\n")


def blocked_signals(work: Work) -> None:
    """Sleeps in a C function, and nothing wakes it."""
    code = "import signal, time\nsignal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\ntime.sleep(10**6)"
    work.insert("04_output_size", new_code_cell(code))


def ends_when_asked(work: Work) -> None:
    """The answer itself ends the process, in the check and in the test."""
    work.write("06_iou", "import os\n\ndef iou(a, b):\n    os._exit(0)")


def fifty_megabytes(work: Work) -> None:
    work.insert("01_accuracy", new_code_cell("for _ in range(50):\n    print('x' * 10**6)"))


def double_precision(work: Work) -> None:
    work.book.cells.insert(0, new_code_cell("import torch\ntorch.set_default_dtype(torch.float64)"))


def moved_tests(work: Work) -> None:
    """Every test above everything else."""
    for name in ASKED:
        cell = work.cell(name, "test")
        work.delete(f"{name}-test")
        work.book.cells.insert(0, cell)


def deleted_imports(work: Work) -> None:
    work.book.cells = [
        cell
        for cell in work.book.cells
        if not cell.metadata.get("nbgrader", {}).get("grade_id", "").endswith(("imports", "-needs"))
    ]


def much_memory(work: Work) -> None:
    work.insert("01_accuracy", new_code_cell("import torch\nrows = [torch.ones(2**28) for _ in range(64)]"))


def many_processes(work: Work) -> None:
    code = "import os, time\nfor _ in range(200):\n    if not os.fork():\n        time.sleep(600)\ntime.sleep(3)"
    work.insert("01_accuracy", new_code_cell(code))


#: Who → the exercises for which they deserve nothing, where one cell costs no other.
HOSTILE: dict[Callable[[Work], None], set[str]] = {
    bare_except_cell: {"04_output_size"},
    bare_except_function: {"02_pareto"},
    blocked_signals: set(),
    deleted_imports: set(),
    double_precision: set(),
    ended: set(),
    ends_when_asked: {"06_iou"},
    fifty_megabytes: set(),
    many_processes: set(),
    moved_tests: set(),
    much_memory: set(),
}


def by_heart(name: str) -> str:
    """A function that knows what the open check asks, and nothing else."""
    one, asked = exercise_cells()[name].exercise, {}

    def spy(*given: Any) -> Any:
        asked[given] = one.solution_code(*given)
        return asked[given]

    assert one.check(spy).state == "correct" and asked
    return f"def {one.name_in_cell}(*given):\n    return {asked!r}.get(given, 0)"


def hand_in(course: Path, name: str, content: str) -> None:
    """Put a notebook where nbgrader looks for a student's."""
    path = course / "submitted" / name / "hw" / "hw.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(content, encoding="utf-8")
