"""For every test, notebooks included: what a learner has solved on this machine is neither read nor changed."""

import os
import tempfile
from pathlib import Path

import pytest

_FOLDER = tempfile.TemporaryDirectory()
# The kernels of nbval get the variable from here, so that in a notebook nothing is solved, as in the committed one.
os.environ["COURSE_PROGRESS"] = str(Path(_FOLDER.name, "notebooks.json"))


@pytest.fixture(autouse=True)
def apart_from_the_notebooks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", str(Path(_FOLDER.name, "tests.json")))
