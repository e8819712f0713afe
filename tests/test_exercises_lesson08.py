"""Lesson 08's exercises beside torch: its files, and what is let in.

What is wrong is in exercise_mistakes/lesson08.py, what is right in other ways in exercise_rights.py.
"""

from __future__ import annotations

import io
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.models import get_model

from course_lib.exercises.assignments.exercise_choice import choose
from course_lib.exercises.checks.checkpoint_checks import Hostile, went_off
from course_lib.exercises.engine.learner_progress import my_progress
from course_lib.exercises.engine.outcomes import keep
from course_lib.exercises.lessons import lesson08


def test_what_is_written_in_place_or_only_half_safely_is_refused() -> None:
    def in_memory(content: Any, path: Path) -> None:
        buffer = io.BytesIO()
        torch.save(content, buffer)
        path.write_bytes(buffer.getvalue())

    def kept_aside(content: Any, path: Path) -> None:
        old = path.read_bytes() if path.exists() else None
        try:
            torch.save(content, path)
        except Exception:
            path.write_bytes(old or b"")
            raise

    for answer in (in_memory, kept_aside):
        assert "overwritten" in lesson08.save_whole.check(answer).sentence


def test_the_hostile_file_is_hostile_where_it_is_let_in() -> None:
    went_off.clear()
    pickle.loads(pickle.dumps(Hostile()))
    assert went_off == [1]
    assert lesson08.read_any.check(lesson08.read_any).state == "correct" and went_off == []


def test_the_four_errors_are_those_that_torch_raises() -> None:
    with torch.device("meta"):
        small, deep = get_model("resnet18", num_classes=5), get_model("resnet34", num_classes=5).state_dict()
    state = small.state_dict()
    files = {
        "P": {f"module.{key}": value for key, value in state.items()},
        "H": {**state, "fc.weight": torch.empty(7, 512, device="meta"), "fc.bias": torch.empty(7, device="meta")},
        "K": {"state_dict": state, "epoch": 3},
        "D": deep,
    }  # fmt: skip
    lesson = next((Path(__file__).parents[1] / "notebooks/source").glob("08_*.py")).read_text(encoding="utf-8")
    shown = re.findall(r"^# (\d)\. `(.+)`$", lesson, flags=re.MULTILINE)
    assert [number for number, _ in shown] == list("1234")
    for letter, (_, words) in zip(lesson08.diagnose(), shown, strict=True):
        with pytest.raises(RuntimeError) as caught:
            small.load_state_dict(files[letter])
        for part in words.split(" … "):
            assert part in str(caught.value), (letter, part)


def test_the_letters_that_open_hold_no_class_of_any_module() -> None:
    assert lesson08.opens() == "ABDF"


def test_what_was_solved_under_an_exercises_former_id_stays_solved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    keep("07_opens", "correct")
    states = {line.id: line.state for line in my_progress("08").lines}
    assert states["08_opens"] == "correct"
    assert states["08_read_any"] == "not attempted"


def test_an_assignment_finds_an_exercise_by_its_former_id() -> None:
    assert [cell.exercise.id for cell in choose("07_read_any, 08_opens").cells] == ["08_read_any", "08_opens"]
