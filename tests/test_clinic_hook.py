"""Switched on, the clinic speaks under the traceback, which is still there: in IPython and in plain Python."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from course_lib import clinic

ROOT = Path(__file__).resolve().parents[1]

#: Run in a Python of its own: an IPython shell changes the process it lives in.
SHELL = """
import contextlib, io, json, sys
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
settings = Config()
settings.HistoryManager.enabled = False
settings.InteractiveShell.colors = "NoColor"
shell = InteractiveShell.instance(config=settings)
answers = []
for cell in json.loads(sys.argv[1]):
    written = io.StringIO()
    with contextlib.redirect_stdout(written), contextlib.redirect_stderr(written):
        result = shell.run_cell(cell, store_history=True)
    answers.append([written.getvalue(), type(result.error_in_exec).__name__])
print(json.dumps(answers))
"""
CELLS = {
    "models": "import torch\nfrom torch import nn\nfrom course_lib import clinic\n"
    "model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))\npicture = torch.zeros(3, 8, 8)",
    "off at first": "model(picture)",
    "asked": "clinic.explain()",
    "on": "clinic.switch_on()\nclinic.switch_on()",
    "speaks": "x = 1\nmodel(picture)",
    "silent": "1 / 0",
    "syntax": "model)",
    "in a function": "def predict(one):\n    return model(one)\n\npredict(picture)",
    "broken": "import course_lib.clinic.explanations as r\nkept, r.RULES = r.RULES, None\nmodel(picture)",
    "mended": "r.RULES = kept\nmodel(picture)",
    "off": "clinic.switch_off()",
    "off again": "model(picture)",
    "another's": "def mine(shell, kind, error, trace, tb_offset=None):\n    print('mine', kind.__name__)\n\n"
    "ip = get_ipython()\nip.set_custom_exc((KeyError,), mine)\nclinic.switch_on()",
    "another's error": "{}['a']",
    "ours beside it": "model(picture)",
    "given back": "clinic.switch_off()\nprint(ip.custom_exceptions)",
    "another's error again": "{}['a']",
}


@pytest.fixture(scope="module")
def said() -> dict[str, tuple[str, str]]:
    command = [sys.executable, "-c", SHELL, json.dumps(list(CELLS.values()))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    return {name: (text, error) for name, (text, error) in zip(CELLS, answers, strict=True)}


@pytest.mark.parametrize("cell", ["speaks", "in a function", "mended", "ours beside it"])
def test_it_speaks_under_the_traceback(cell: str, said: dict[str, tuple[str, str]]) -> None:
    text, error = said[cell]
    assert error == "ValueError"
    traceback, box = text.index("expected 4D input"), text.index("No batch dimension")
    assert text.index("Traceback") < traceback < box
    assert f"{'one = one' if cell == 'in a function' else 'picture = picture'}.unsqueeze(0)" in text[box:]
    assert text.count("No batch dimension") == 1


@pytest.mark.parametrize("cell", ["off at first", "broken", "off again", "silent"])
def test_the_traceback_alone(cell: str, said: dict[str, tuple[str, str]]) -> None:
    text, _ = said[cell]
    assert "Traceback" in text and "what happened" not in text
    assert "Custom TB Handler failed" not in text


def test_the_cell_and_the_line_are_named(said: dict[str, tuple[str, str]]) -> None:
    assert f"model(picture)    (cell {list(CELLS).index('speaks') + 1}, line 2)" in said["speaks"][0]
    assert f"return model(one)    (cell {list(CELLS).index('in a function') + 1}, line 2)" in said["in a function"][0]
    assert f"model(picture)    (cell {list(CELLS).index('off at first') + 1}, line 1)" in said["asked"][0]


def test_explain_is_shown_as_a_value(said: dict[str, tuple[str, str]]) -> None:
    assert "No batch dimension" in said["asked"][0] and "Traceback" not in said["asked"][0]


def test_a_syntax_error_is_shown_as_ever(said: dict[str, tuple[str, str]]) -> None:
    assert "SyntaxError" in said["syntax"][0] and "what happened" not in said["syntax"][0]


def test_another_handler_keeps_its_errors_and_gets_the_hook_back(said: dict[str, tuple[str, str]]) -> None:
    assert said["another's error"][0].strip() == said["another's error again"][0].strip() == "mine KeyError"
    assert "KeyError" in said["given back"][0] and "'Exception'" not in said["given back"][0]


def fail() -> ValueError:
    try:
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))(torch.zeros(3, 8, 8))
    except ValueError as error:
        return error
    raise AssertionError


def test_plain_python(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    clinic.switch_on()
    try:
        error: Any = fail()
        sys.excepthook(type(error), error, error.__traceback__)
        known = capsys.readouterr().err
        sys.excepthook(ValueError, ValueError("x"), None)
        unknown = capsys.readouterr().err
    finally:
        clinic.switch_off()
    assert known.index("Traceback") < known.index("expected 4D input") < known.index("what happened")
    assert unknown == "ValueError: x\n"
    assert sys.excepthook is sys.__excepthook__
    clinic.switch_off()


def test_a_hook_that_came_later_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    clinic.switch_on()

    def later(*_: Any) -> None: ...

    sys.excepthook = later
    clinic.switch_off()
    assert sys.excepthook is later
