"""Every lesson's exercises with the solutions in the place of the stubs: each is right, and at the end all is solved.

Only the exercises' cells run, with the lines of other cells that they need, and the cell that asks for the progress.
test_solved_lessons.py runs whole lessons in a kernel.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from course_lib.exercises.assignments.exercise_cells import exercise_cells
from tests.exercise_cells import NOTEBOOKS, cells_of, outcome, sources, told_progress
from tests.exercise_edits import run


def run_solved(notebook: Path) -> None:
    space: dict[str, Any] = {}
    run(f"from course_lib.exercises import lesson{notebook.name[:2]} as ex", space)
    needs, ran = exercise_cells(), set()
    cells = cells_of(notebook)
    for cell in cells:
        above = [text for kind, text in needs[cell.exercise.id].above if kind == "code"]
        earlier = [exercise.solution().words for exercise in cell.exercise.uses]  # of another lesson
        for lines in [*earlier, *needs[cell.exercise.id].context, *above]:
            if lines not in ran:
                run(lines, space)
                ran.add(lines)
        answer = outcome(cell.with_stub(cell.exercise.solution().words), space)
        assert answer.state == "correct", f"{cell.exercise.id}: {answer}"
    progress = [source for source, _ in sources(notebook) if "my_progress(" in source]
    assert progress and told_progress(notebook, len(cells)) in repr(outcome(progress[-1], space))


@pytest.fixture(autouse=True)
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_all_is_solved(notebook: Path) -> None:
    run_solved(notebook)


def test_a_wrong_answer_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.exercise_cells.Cell.with_stub", lambda cell, code: cell.source)
    with pytest.raises(AssertionError, match="00_fooling_crop: ○"):
        run_solved(NOTEBOOKS[0])
