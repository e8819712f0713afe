"""One JupyterLab and one chromium for all browser tests; see tools/lab.py."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tools import lab

ROOT = Path(__file__).resolve().parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copies of the notebooks: running them in JupyterLab must not change the committed ones."""
    folder = tmp_path_factory.mktemp("notebooks")
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with lab.chromium() as one:
        yield one


@pytest.fixture(scope="session")
def server(root: Path) -> Iterator[lab.Server]:
    with lab.jupyterlab(root) as one:
        yield one


@pytest.fixture
def opened(server: lab.Server, browser: Browser) -> Callable[[str], AbstractContextManager[lab.Notebook]]:
    """``with opened("00_start_here.ipynb") as notebook``"""
    return partial(lab.opened, server, browser)


@pytest.fixture(scope="session")
def screenshots() -> Path:
    return Path(os.environ.get("SCREENSHOTS", ROOT / "screenshots"))
