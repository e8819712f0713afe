"""An assignment with other numbers for every student: each one's own notebook, and what their answers are graded by.

The notebook in ``source/`` has the lesson's numbers, and a hidden test that says ``drawn("", seed)``: without a student
it fails. ``personalise`` puts one student's numbers into its cells. ``assign`` does so for what it hands out, and the
step of nbgrader's autograding in ``grading.repairs`` for what was handed in, by the folder that it came from. So those
who hand in a neighbour's notebook are graded by their own numbers.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable

from nbformat import NotebookNode

from course_lib.exercises.engine.exercise import Exercise
from course_lib.exercises.engine.learner_progress import all_exercises
from course_lib.exercises.engine.variants import literal

__all__ = ["FOR_ALL", "drawn_test", "personal_release", "personalise", "variants_seed"]

#: Stands in the introduction of the notebook that nobody gets.
FOR_ALL = (
    "\n\n**For the instructor:** every student has other numbers. Hand out the notebooks in `release/STUDENT/`, and "
    "not this one."
)
_DRAWN = re.compile(r'\.drawn\("", (-?\d+)\)')


def drawn_test(asked: str, answer: str, seed: int) -> str:
    """The hidden test of an exercise with variants; it fails until a student's numbers are put in."""
    return f'{asked}.drawn("", {seed}).grade({answer})'


def variants_seed(sources: Iterable[str]) -> int | None:
    """The seed of an assignment's variants by the text of its cells; None where everybody has the same numbers."""
    for source in sources:
        if found := _DRAWN.search(source):
            return int(found[1])
    return None


def personalise(cells: Iterable[NotebookNode], student: str, seed: int, *, answers: bool) -> None:
    """Put a student's numbers into the cells of an assignment. They are changed.

    Args:
        cells: with nbgrader's metadata; others are left alone.
        student: the student's id.
        seed: the instructor's.
        answers: whether the cells for answers are meant too, as for a release; what a student wrote is left alone.
    """
    varied = {name: exercise for name, exercise in all_exercises().items() if exercise.variants}
    for cell in cells:
        settings = cell.metadata.get("nbgrader", {})
        key = str(settings.get("grade_id", ""))
        if key == "introduction":
            cell.source = cell.source.replace(FOR_ALL, "")
            for name, exercise in varied.items():
                cell.source = _own_calls(cell.source, name, exercise.drawn(student, seed))
        elif (name := key.partition("-")[0]) in varied and (answers or settings.get("locked")):
            own = varied[name].drawn(student, seed)
            cell.source = _own_calls(varied[name].reworded(cell.source, own.numbers), name, own)


def _own_calls(source: str, name: str, own: Exercise) -> str:
    """A text in which the exercise called ``name`` is this variant of it."""
    called = rf"lesson{name[:2]}.{name[3:]}"
    numbers = ", ".join(f"{key}={literal(value)}" for key, value in own.numbers.items())
    return re.sub(rf'\b{re.escape(called)}(\.drawn\("", -?\d+\))?(?=\.)', f"{called}.variant({numbers})", source)


def personal_release(book: NotebookNode, student: str, seed: int) -> NotebookNode:
    """A student's own notebook, by the steps of ``nbgrader generate_assignment``.

    Args:
        book: the assignment's source. It is left alone.
        student: the student's id.
        seed: the instructor's.
    """
    from nbgrader import preprocessors
    from traitlets.config import Config

    book = copy.deepcopy(book)
    personalise(book.cells, student, seed, answers=True)
    settings = Config({"ClearSolutions": {"code_stub": {"python": ""}}})
    for step in (
        "LockCells",
        "ClearSolutions",
        "ClearOutput",
        "ClearHiddenTests",
        "ClearMarkScheme",
        "ComputeChecksums",
    ):
        book, _ = getattr(preprocessors, step)(config=settings).preprocess(book, {})
    return book
