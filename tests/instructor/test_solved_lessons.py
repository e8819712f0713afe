"""Every lesson from top to bottom with all its solutions in the place of the stubs: no cell fails, all is solved.

The notebooks run as learners have them, in a kernel of their own; how far they are is what the last cells print.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from tests.exercise_cells import NOTEBOOKS, cells_of, told_progress
from tools import notebooks


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_all_is_solved(notebook: Path, tmp_path: Path) -> None:
    book = nbformat.read(notebook, as_version=4)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    exercises = cells_of(notebook)
    for cell in exercises:
        code[cell.number].source = cell.with_stub(cell.exercise.solution().words)
    notebooks.run(book, tmp_path)  # raises where a cell does
    for cell in exercises:
        answer = code[cell.number].outputs[-1].data["text/plain"]
        assert answer.startswith("✓"), f"{cell.exercise.id}: {answer}"
    told = next(
        place for place, cell in enumerate(code) if "my_progress(" in cell.source and "check(" not in cell.source
    )
    solved = sum(cell.number < told for cell in exercises)  # those for who wants to know more come after it
    texts = [output.data.get("text/plain", "") for output in code[told].outputs if "data" in output]
    wanted = told_progress(notebook, len(exercises)).replace(f"{len(exercises)} of", f"{solved} of", 1)
    assert any(wanted in text for text in texts), wanted
