"""Every lesson with all its solutions in the place of the stubs: no cell fails, and at the end all is solved.

The notebooks run as learners have them, in a kernel of their own; how far they are is what the last cells print.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from tests.test_exercises_shown import NOTEBOOKS, cells_of
from tools import notebooks


def run_solved(path: Path, folder: Path) -> None:
    book = nbformat.read(path, as_version=4)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    exercises = cells_of(path)
    for cell in exercises:
        code[cell.number].source = cell.with_stub(cell.exercise.solution().words)
    notebooks.run(book, folder)  # raises where a cell does
    for cell in exercises:
        answer = code[cell.number].outputs[-1].data["text/plain"]
        assert answer.startswith("✓"), f"{cell.exercise.id}: {answer}"
    said = [output.data.get("text/plain", "") for cell in code for output in cell.outputs if "data" in output]
    lesson = f"lesson {path.name[:2]}: " if path.name.startswith("00") else ""
    assert any(f"{lesson}{len(exercises)} of {len(exercises)} solved" in text for text in said)


for _path in NOTEBOOKS:  # a class each, since pytest-xdist gives a class to one worker, and a module too

    class _Lesson:
        path = _path

        def test_all_is_solved(self, tmp_path: Path) -> None:
            run_solved(self.path, tmp_path)

    globals()[f"TestLesson{_path.name[:2]}"] = type(f"TestLesson{_path.name[:2]}", (_Lesson,), {})


def test_a_wrong_answer_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.test_exercises_shown.Cell.with_stub", lambda cell, code: cell.source)
    with pytest.raises(AssertionError, match="00_count_values: ○"):
        run_solved(NOTEBOOKS[0], tmp_path)
