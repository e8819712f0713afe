"""The README keeps its word: its code runs, its links lead somewhere, its calls exist, its table is measured."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import numpy as np
import pytest

from course_lib.models.weights.weight_files import read_figures
from tools.evaluate_weights import stamped

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
LOCAL_LINKS = sorted(set(re.findall(r"\]\((?!https?:)([^)#]+)\)", TEXT)))
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.S)
CALLS = sorted(set(re.findall(r"\| `([a-z_]+)\.([A-Za-z_]+)[(\[]", TEXT)))


@pytest.mark.parametrize("link", LOCAL_LINKS)
def test_links_lead_to_files(link: str) -> None:
    assert (ROOT / link).is_file()


def test_every_lesson_is_linked() -> None:
    assert {f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")} <= set(LOCAL_LINKS)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_code_runs(block: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COURSE_WEIGHTS", "course")
    exec(compile(block, "README.md", "exec"), {})
    if "print(" in block:
        assert "%" in capsys.readouterr().out


@pytest.mark.parametrize(("module", "name"), CALLS)
def test_calls_exist(module: str, name: str) -> None:
    if module == "classifier":  # a method of what load_classifier returns
        assert callable(getattr(importlib.import_module("course_lib.models.classifier").Classifier, name))
    else:
        assert hasattr(importlib.import_module(module if module == "course_lib" else f"course_lib.{module}"), name)


def test_the_table_is_what_was_measured() -> None:
    figures = read_figures()
    assert len(figures) >= 4
    assert stamped(TEXT, figures) == TEXT


def test_the_two_commands_stand_near_the_top() -> None:
    head = TEXT.splitlines()[:12]
    assert any(line.startswith("make lab") for line in head)
    assert any(line.startswith("make test") for line in head)


def test_the_sheet_is_drawn_by_the_library() -> None:
    from PIL import Image, ImageChops

    from picturebook import ALL_CLASSES, sheet

    with Image.open(ROOT / "images" / "picturebook.jpg") as saved:
        assert saved.size[1] > 12 * 90
        side = (saved.width - 4) // 10 - 4
        row = sheet(ALL_CLASSES[:1], range(100, 103), side=side)
        shown = saved.convert("RGB").crop((0, 0, *row.size))
    difference = ImageChops.difference(row, shown).convert("L").resize((60, 20))
    assert np.asarray(difference).max() < 25  # JPEG's own error is smaller
