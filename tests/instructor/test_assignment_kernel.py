"""An assignment in a notebook's kernel: the solutions pass, and what is released is not attempted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbformat import NotebookNode

from course_lib.exercises.assignments import choose
from tests.assignment_books import LIGHT, made, released


def execute(book: NotebookNode, **options: Any) -> list[NotebookNode]:
    NotebookClient(book, timeout=120, kernel_name="python3", **options).execute()
    return [cell for cell in book.cells if cell.cell_type == "code"]


def said(cell: NotebookNode) -> str:
    return "".join(output.get("data", {}).get("text/plain", "") for output in cell.outputs)


def test_in_a_notebook_the_solutions_pass_and_the_release_is_not_attempted(tmp_path: Path) -> None:
    """In one kernel, the released cells below those with the solutions."""
    book = made(choose(LIGHT), tmp_path)
    again = [cell.copy() for cell in book.cells if cell.cell_type == "code"]
    for number, cell in enumerate(again):
        cell["id"] = f"again-{number}"
        cell["source"] = released(cell.source)
    book.cells += again
    cells = execute(book, allow_errors=True)
    whole, stripped = cells[: len(again)], cells[len(again) :]
    assert not [output for cell in whole for output in cell.outputs if output.output_type in ("error", "stream")]
    checks = [cell for cell in whole if ".check(" in cell.source]
    assert len(checks) == len(LIGHT) and all("correct" in said(cell) for cell in checks)
    for cell in stripped:
        wanted = ["error"] if ".grade(" in cell.source else ["execute_result"] if ".check(" in cell.source else []
        assert [output.output_type for output in cell.outputs] == wanted
        assert ".check(" not in cell.source or "not attempted" in said(cell)
        assert ".grade(" not in cell.source or cell.outputs[0].ename == "NotCorrect"
