"""The browser tests would notice: a notebook with a live widget, a dead one, and one whose callback raises."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import controls, lab, notebooks

WIDGET = """
import ipywidgets as w
html = w.HTML("start")
slider = w.IntSlider(description="slider")
choice = w.Dropdown(options=["one", "two"], description="choice")
buttons = w.ToggleButtons(options=["a", "b"], description="buttons")
tick = w.Checkbox(description="tick")
upload = w.FileUpload()
button = w.Button(description="button")
def draw(*_): {body}
for control in (slider, choice, buttons, tick, upload):
    control.observe(draw, "value")
button.on_click(draw)
tabs = w.Tab([w.VBox([slider, choice, buttons]), w.VBox([tick, upload, button])])
w.VBox([tabs, html])
"""
Run = Callable[..., tuple[list[controls.Moved], lab.Notebook]]
ALIVE = "html.value += '.'"
KINDS = ["slider", "dropdown", "toggle buttons", "checkbox", "upload", "button"]


@pytest.fixture
def run(root: Path, opened: Callable[[str], AbstractContextManager[lab.Notebook]]) -> Run:
    def run(*cells: str) -> tuple[list[controls.Moved], lab.Notebook]:
        book = new_notebook(
            cells=[new_markdown_cell("# Trial"), *map(new_code_cell, cells)], metadata=notebooks.METADATA
        )
        nbformat.write(book, root / "trial.ipynb")
        with opened("trial.ipynb") as notebook:
            notebook.run_all(60)
            notebook.seen = notebook.errors(), notebook.prompts()  # type: ignore[attr-defined]
            moved = list(controls.move_all(notebook, seconds=10, attempts=1))
        return moved, notebook

    return run


def shown(body: str) -> str:
    return WIDGET.format(body=body)


def test_every_kind_of_control_is_found_and_answers(run: Run) -> None:
    moved, notebook = run(shown(ALIVE))
    assert [control.kind for control in moved] == KINDS
    assert all(control.well for control in moved), [str(control) for control in moved]
    assert notebook.complaints == []


def test_a_dead_control_is_noticed(run: Run) -> None:
    moved, _ = run(shown("pass"))
    assert [control.kind for control in moved] == KINDS
    assert not any(control.answered for control in moved if control.kind != "upload")


def test_an_error_in_a_callback_is_noticed(run: Run) -> None:
    _, notebook = run(shown("1 / 0"))
    assert any("ZeroDivisionError" in complaint for complaint in notebook.complaints)


def test_an_error_that_a_widget_shows_as_text_is_noticed(run: Run) -> None:
    moved, _ = run(shown("html.value += 'KeyError: 7 '"))
    assert all(control.answered and "KeyError: 7" in control.error for control in moved)


def test_an_error_in_a_cell_is_noticed(run: Run) -> None:
    _, notebook = run("1", "1 / 0", "2")
    errors, prompts = notebook.seen  # type: ignore[attr-defined]
    assert any("ZeroDivisionError" in error for error in errors)
    assert prompts == ["[1]:", "[2]:", "[ ]:"]
