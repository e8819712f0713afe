"""A course's folder and the graders' commands, run as an instructor runs them; see .ci/run.

The environment must have the extras ``instructor`` and ``otter``. Nothing of the machine's own settings is read.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

#: One exercise of every lesson, quickly checked: a value, six functions and a class that uses another exercise.
ASKED = ["00_count_values", "01_accuracy", "02_pareto", "03_basic_block", "04_output_size", "05_hash_fits", "06_iou",
         "07_head_parameters"]  # fmt: skip
SEED = 4711

Command = Callable[..., str]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.graders)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a course")


@pytest.fixture(scope="module")
def command(course: Path, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """``command("nbgrader", "export", fails=True)``: run a module in the course's folder; all that it printed."""
    home = tmp_path_factory.mktemp("home")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("JUPYTER", "PYTHON", "PYTEST"))}
    own = {"COURSE_WEIGHTS": "course", "COURSE_PROGRESS": str(home / "progress.json"), "OMP_NUM_THREADS": "1",
           "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}",  # activated: nbgrader calls alembic
           "IPYTHONDIR": str(home / "ipython"), "JUPYTER_PREFER_ENV_PATH": "1", "PYTHONNOUSERSITE": "1",
           **{f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}}  # fmt: skip
    (home / "runtime").mkdir()

    def run(module: str, *arguments: str, fails: bool = False) -> str:
        done = subprocess.run([sys.executable, "-m", module, *arguments], cwd=course, env=kept | own, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900)  # fmt: skip
        assert (done.returncode != 0) == fails, done.stdout[-6000:]
        return done.stdout

    return run
