"""A course's folder and the graders' commands, run as an instructor runs them; see .ci/run.

The environment must have the extras ``instructor`` and ``otter``. Nothing of the machine's own settings is read.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import nbformat
import pytest

from .hand_ins import ASKED, CLASS, SEED, TIMEOUT, Work, hand_in

Command = Callable[..., str]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests, and let those begin that start nbgrader in the background, and those be last that wait for it."""
    ours = [item for item in items if item.path.is_relative_to(Path(__file__).parent)]
    for item in ours:
        item.add_marker(pytest.mark.graders)
    ours.sort(key=lambda item: 2 if "by_nbgrader" in item.fixturenames else "nbgrader_grades" not in item.fixturenames)
    items[:] = [item for item in items if item not in set(ours)] + ours


@pytest.fixture(scope="session")
def run_in(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """``run_in(folder, "nbgrader", "export", fails=True)``: run a module in a folder; all that it printed."""
    home = tmp_path_factory.mktemp("home")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("JUPYTER", "PYTHON", "PYTEST"))}
    own = {"COURSE_WEIGHTS": "course", "COURSE_CHECK_SECONDS": "6", "OMP_NUM_THREADS": "1",
           "COURSE_PROGRESS": str(home / "progress.json"),
           "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}",  # activated: nbgrader calls alembic
           "PYTHONPATH": str(Path(__file__).parents[2]),
           "IPYTHONDIR": str(home / "ipython"), "JUPYTER_PREFER_ENV_PATH": "1", "PYTHONNOUSERSITE": "1",
           **{f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}}  # fmt: skip
    (home / "runtime").mkdir()

    def run(folder: Path, module: str, *arguments: str, fails: bool = False) -> str:
        done = subprocess.run([sys.executable, "-m", module, *arguments], cwd=folder, env=kept | own, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900)  # fmt: skip
        assert (done.returncode != 0) == fails, done.stdout[-6000:]
        return done.stdout

    return run


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a course")


@pytest.fixture(scope="module")
def command(course: Path, run_in: Command) -> Command:
    """``run_in`` for one folder."""
    return partial(run_in, course)


@pytest.fixture(scope="session")
def handed_in(tmp_path_factory: pytest.TempPathFactory, run_in: Command) -> Path:
    """A course's folder in which everybody has handed in, and nobody was graded. It is only copied."""
    folder = tmp_path_factory.mktemp("a course") / "folder"
    folder.mkdir()
    run_in(folder, "course_lib", "assign", "hw", "--exercises", *ASKED, "--seed", str(SEED))
    with (folder / "nbgrader_config.py").open("a") as file:
        file.write(f"c.ExecutePreprocessor.timeout = {TIMEOUT}\n")
    run_in(folder, "nbgrader", "generate_assignment", "hw")
    released = nbformat.read(folder / "release" / "hw" / "hw.ipynb", as_version=4)
    for who in CLASS:
        work = Work(released)
        who(work)
        hand_in(folder, who.__name__, nbformat.writes(work.book))
    hand_in(folder, "untouched", nbformat.writes(released))
    hand_in(folder, "broken", "{")
    return folder


@dataclass(frozen=True)
class ByNbgrader:
    """The course's folder after nbgrader itself has graded, and what it said."""

    folder: Path
    said: str


@pytest.fixture(scope="session")
def nbgrader_grades(handed_in: Path, run_in: Command) -> Iterator[Future[ByNbgrader]]:
    """nbgrader at work, in the background: it takes a minute or two."""

    def grade() -> ByNbgrader:
        folder = Path(shutil.copytree(handed_in, handed_in.with_name("nbgrader")))
        said = run_in(folder, "nbgrader", "autograde", "hw", fails=True)  # of the broken one, and whose kernel is gone
        run_in(folder, "nbgrader", "export", "--to", "grades.csv")
        return ByNbgrader(folder, said)

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(grade)


@pytest.fixture(scope="session")
def by_nbgrader(nbgrader_grades: Future[ByNbgrader]) -> ByNbgrader:
    return nbgrader_grades.result()
