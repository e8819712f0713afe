"""An environment with Colab's versions, and notebooks run in it the way Colab runs them.

$COLAB_PYTHON is a Python 3.13 with what constraints/colab.txt names, and nbclient (see .ci/run). In its kernel
a stand-in for the module `google.colab` is there from the start, as on Colab, and ipywidgets' warning about keywords
it does not know is an error: with ipywidgets 7 such a keyword does nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from course_lib.cli import badges

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
STARTUP = """
import sys, types, warnings
google = sys.modules.setdefault("google", types.ModuleType("google"))
google.__path__ = [folder + "/google" for folder in sys.path]  # as on Colab, google.protobuf lies beside google.colab
google.colab = sys.modules["google.colab"] = types.ModuleType("google.colab")
warnings.filterwarnings("error", message="Passing unrecognized arguments")
del google
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.colab)


@pytest.fixture(scope="session")
def colab_python() -> Path:
    path = Path(os.environ.get("COLAB_PYTHON", ""))
    if not path.is_file():
        pytest.fail("set COLAB_PYTHON to the Python of an environment made from constraints/colab.txt; see .ci/run")
    return path


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a git repository that holds the kit as it is now; pip fetches it as it would from GitHub."""
    folder = tmp_path_factory.mktemp("published") / "kit"
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("course_lib", "picturebook"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    for arguments in (["init", "-q"], ["add", "-A", "-f"], ["commit", "-q", "-m", "kit"]):
        subprocess.run([*git, *arguments], cwd=folder, check=True)
    return folder.as_uri()


@pytest.fixture(scope="session")
def run(
    colab_python: Path, repository: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[NotebookNode], NotebookNode]:
    """Run a notebook with Colab's versions; its first cell fetches the kit from ``repository``."""
    home = tmp_path_factory.mktemp("colab")
    startup = home / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00-colab.py").write_text(STARTUP)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "PYTHON", "COURSE", "PYTEST"))}
    own = {"IPYTHONDIR": str(home / "ipython"), "MPLCONFIGDIR": str(home / "matplotlib"), "COURSE_WEIGHTS": "course"}
    for name in ("CONFIG", "DATA", "RUNTIME"):
        own[f"JUPYTER_{name}_DIR"] = str(home / name.lower())
    (home / "runtime").mkdir()

    def run(book: NotebookNode) -> NotebookNode:
        work = tmp_path_factory.mktemp("content")
        address = badges.address(ROOT)
        for cell in book.cells:
            cell.source = cell.source.replace(f"git+{address}", f"git+{repository}")
        nbformat.write(book, work / "in.ipynb")
        command = [colab_python, HERE / "run_notebook.py", work / "in.ipynb", work / "out.ipynb", work]
        done = subprocess.run(command, env=kept | own | {"PYTHONNOUSERSITE": "1"}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        return nbformat.read(work / "out.ipynb", as_version=4)

    return run
