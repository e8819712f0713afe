"""A step of nbgrader's autograding: what was deleted or moved is put back, and copied cells stop nobody's grading.

The settings that ``assign`` writes name it. Without it nbgrader 0.9 gives nothing for a test that was deleted or stands
above its answer; its own ``OverwriteCells.add_missing_cells`` gives nothing where the answer was deleted too; and
a cell that was copied together with its id ends the grading of the whole class.
"""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

__all__ = ["repair"]


def repair(book: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
    """Free copied cells of nbgrader's empty marks, and put locked code back, tests below their answers.

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
        above = 0  # the place below the last released cell that was seen
        for source in released.source_cells:
            keys = [cell.metadata.nbgrader.grade_id if "nbgrader" in cell.metadata else None for cell in book.cells]
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
    return book, resources


def _locked_cell(source: Any, points: dict[str, float]) -> NotebookNode:
    """A released cell as nbgrader wants it to be marked."""
    cell: NotebookNode = new_code_cell(source.source)
    graded = source.name in points
    cell.metadata["nbgrader"] = {
        "schema_version": 3, "grade_id": source.name, "grade": graded, "solution": False, "locked": True, "task": False,
        "checksum": source.checksum, "cell_type": "code", **({"points": points[source.name]} if graded else {}),
    }  # fmt: skip
    return cell
