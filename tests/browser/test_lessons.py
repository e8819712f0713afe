"""Every lesson, as a learner has it: run all in JupyterLab, then move every control of every widget."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tools import controls, lab

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
LESSON = re.compile(r"0[1-9]_")  # 00 is the welcome: it may have no widget


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_runs_and_its_widgets_answer(
    name: str, opened: Callable[[str], AbstractContextManager[lab.Notebook]], screenshots: Path
) -> None:
    with opened(name) as notebook:
        notebook.run_all()
        prompts = notebook.prompts()
        assert prompts == [f"[{number}]:" for number in range(1, len(prompts) + 1)] != []
        assert notebook.errors() == []
        assert notebook.complaints == []
        notebook.screenshots(screenshots / "run")
        moved = list(controls.move_all(notebook))
        print(*moved, sep="\n")
        notebook.screenshots(screenshots / "moved")
        assert [str(control) for control in moved if not control.well] == []
        assert notebook.errors() == []
        assert notebook.complaints == [], "a callback raised, or wrote to stderr"
        assert moved or not LESSON.match(name), "a lesson has widgets"


def test_there_are_lessons() -> None:
    assert any(LESSON.match(name) for name in NAMES)
