"""A step of nbgrader's autograding: what was deleted or moved is put back, and copied cells stop nobody's grading.

The settings that ``assign`` writes name it. Without it nbgrader 0.9 gives nothing for a test that was deleted or stands
above its answer; its own ``OverwriteCells.add_missing_cells`` gives nothing where the answer was deleted too; and
a cell that was copied together with its id ends the grading of the whole class. Where every student has other numbers
(``assignments.student_variants``), the student's own are put in.
"""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

__all__ = ["repair"]


def repair(book: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
    """Free copied cells of nbgrader's empty marks, put locked code back, tests below their answers, numbers into it.

    Args:
        book: what was handed in, after nbgrader's ``DeduplicateIds`` and ``OverwriteCells``. It is changed.
        resources: nbgrader's: the assignment's and the notebook's names, and where the gradebook is.

    Returns:
        the same two, as nbconvert expects it.
    """
    from nbgrader.api import Gradebook

    from course_lib.exercises.assignments.student_variants import personalise, variants_seed

    for cell in book.cells:
        if not cell.metadata.get("nbgrader", {}).get("grade_id"):
            cell.metadata.pop("nbgrader", None)  # nbgrader would take it for the mark of an older version, and stop
    where = resources["nbgrader"]
    with Gradebook(where["db_url"]) as gradebook:
        released = gradebook.find_notebook(where["notebook"], where["assignment"])
        points = {cell.name: cell.max_score for cell in released.grade_cells}
        tasks = {cell.name: cell.max_score for cell in released.task_cells}
        above = 0  # the place below the last released cell that was seen
        for source in released.source_cells:
            keys = [cell.metadata.nbgrader.grade_id if "nbgrader" in cell.metadata else None for cell in book.cells]
            if source.name in tasks and source.name not in keys:
                book.cells.insert(above, _task(source, tasks[source.name]))  # a question that was deleted
                keys.insert(above, source.name)
            if source.cell_type == "code" and source.locked:
                answer = f"{source.name.removesuffix('-test')}-answer"
                if source.name in points and answer in keys:
                    if source.name not in keys:
                        book.cells.insert(keys.index(answer) + 1, _locked_cell(source, points))
                    elif keys.index(source.name) < keys.index(answer):
                        test = book.cells.pop(keys.index(source.name))
                        book.cells.insert(keys.index(answer), test)
                elif source.name not in keys:
                    answer = f"{source.name.removesuffix('-needs')}-answer"
                    below = keys.index(answer) if answer in keys else len(keys)
                    place = len(keys) if source.name in points else min(above, below)
                    book.cells.insert(place, _locked_cell(source, points))
                keys = [cell.metadata.nbgrader.grade_id if "nbgrader" in cell.metadata else None for cell in book.cells]
            if source.name in keys and source.name not in points:
                above = max(above, keys.index(source.name) + 1)
        seed = variants_seed(source.source or "" for source in released.source_cells)
    if seed is not None:
        personalise(book.cells, where["student"], seed, answers=False)
    return book, resources


def _task(source: Any, points: float) -> NotebookNode:
    """A released question that a person grades, as nbgrader expects it to be marked."""
    cell: NotebookNode = new_markdown_cell(source.source)
    cell.metadata["nbgrader"] = {
        "schema_version": 3, "grade_id": source.name, "grade": False, "solution": False, "locked": True, "task": True,
        "checksum": source.checksum, "cell_type": "markdown", "points": points,
    }  # fmt: skip
    return cell


def _locked_cell(source: Any, points: dict[str, float]) -> NotebookNode:
    """A released cell as nbgrader expects it to be marked."""
    cell: NotebookNode = new_code_cell(source.source)
    graded = source.name in points
    cell.metadata["nbgrader"] = {
        "schema_version": 3, "grade_id": source.name, "grade": graded, "solution": False, "locked": True, "task": False,
        "checksum": source.checksum, "cell_type": "code", **({"points": points[source.name]} if graded else {}),
    }  # fmt: skip
    return cell
