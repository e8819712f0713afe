"""A step of nbgrader's autograding: deleted tests are run all the same, and copied cells stop nobody's grading.

The settings that ``assign`` writes name it. Without it nbgrader 0.9 gives nothing for a test that was deleted; its own
``OverwriteCells.add_missing_cells`` gives nothing at all where the answer was deleted too; and one cell that was copied
together with its id ends the grading of the whole class.
"""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

__all__ = ["repair"]


def repair(book: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
    """Free copied cells of nbgrader's empty marks, and put missing tests below their answers, else at the end.

    Args:
        book: what was handed in, after nbgrader's ``DeduplicateIds`` and ``OverwriteCells``. It is changed.
        resources: nbgrader's: the assignment's and the notebook's names, and where the gradebook is.

    Returns:
        the same two, as nbconvert wants it.
    """
    from nbgrader.api import Gradebook

    for cell in book.cells:
        if not cell.metadata.get("nbgrader", {}).get("grade_id"):
            cell.metadata.pop("nbgrader", None)  # nbgrader would take it for the mark of an older version, and stop
    where = resources["nbgrader"]
    with Gradebook(where["db_url"]) as gradebook:
        released = gradebook.find_notebook(where["notebook"], where["assignment"])
        points = {cell.name: cell.max_score for cell in released.grade_cells}
        for test in released.source_cells:
            keys = [cell.metadata.nbgrader.grade_id if "nbgrader" in cell.metadata else None for cell in book.cells]
            if test.name in points and test.name not in keys and test.cell_type == "code" and test.locked:
                answer = f"{test.name.removesuffix('-test')}-answer"
                place = keys.index(answer) + 1 if answer in keys else len(keys)
                book.cells.insert(place, _test_cell(test, points[test.name]))
    return book, resources


def _test_cell(test: Any, points: float) -> NotebookNode:
    cell: NotebookNode = new_code_cell(test.source)
    cell.metadata["nbgrader"] = {
        "schema_version": 3, "grade_id": test.name, "grade": True, "solution": False, "locked": True, "task": False,
        "points": points, "checksum": test.checksum, "cell_type": "code",
    }  # fmt: skip
    return cell
