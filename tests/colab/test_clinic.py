"""On Colab the error clinic speaks under a traceback, in Colab's own kernel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from course_lib.cli import badges

ROOT = Path(__file__).resolve().parents[2]
CELLS = (
    badges.FIRST_CELL.format(address=badges.address(ROOT)),
    "import torch\nfrom torch import nn\nfrom course_lib import clinic\nclinic.switch_on()\n"
    "model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))\npicture = torch.zeros(3, 8, 8)",
    "scores = model(picture)",
    "1 / 0",
    "clinic.switch_off()\nmodel(picture)",
    "clinic.explain()",
)


def test_a_box_under_the_traceback(run: Callable[[NotebookNode], NotebookNode]) -> None:
    book = run(new_notebook(cells=[new_code_cell(source) for source in CELLS]))
    known, unknown, off, asked = (cell.outputs for cell in book.cells[2:])
    error, box = known
    assert (error.output_type, error.ename) == ("error", "ValueError")
    assert box.output_type == "display_data"
    for text in (box.data["text/html"], box.data["text/plain"]):
        assert "No batch dimension" in text and "picture = picture.unsqueeze(0)" in text
        assert "scores = model(picture)" in text and "cell 3, line 1" in text
    assert [(one.output_type, one.ename) for one in unknown] == [("error", "ZeroDivisionError")]
    assert [one.output_type for one in off] == ["error"]
    [value] = asked
    assert value.output_type == "execute_result" and "cell 5, line 2" in value.data["text/html"]
