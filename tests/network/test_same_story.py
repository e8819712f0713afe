"""The lessons tell the same story wherever they run: every text output is the committed one.

`make test` runs them with ``COURSE_WEIGHTS=course`` and compares. Here they run as nbval does it there, in two other
rooms: one where ImageNet weights are at hand and asked for, and one where the network is dead and nothing was chosen.
The ImageNet weights are stand-ins with random numbers in the right shapes, so that whatever leans on them says
something else. A host that answers counts what it is asked for: no lesson fetches weights by itself.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from torchvision.models import get_model, get_model_weights, list_models

from course_lib.models.hub_cache import path_of

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
COURSE = {"resnet18", "mobilenet_v3_small", "squeezenet1_1", "shufflenet_v2_x0_5"}  # with weights of both kinds
LARGEST = 110  # megabytes of a stand-in


class Host(ThreadingHTTPServer):
    """Answers, has nothing, and remembers what it was asked for."""

    daemon_threads = True
    asked: list[str]


class Answer(BaseHTTPRequestHandler):
    server: Host

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_error(404)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    server = Host(("127.0.0.1", 0), Answer)
    server.asked = []
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A torch home in which ImageNet weights lie: every model that a lesson names and that isn't too large."""
    home = tmp_path_factory.mktemp("torch")
    words = set(re.findall(r'"(\w+)"', "".join(path.read_text(encoding="utf-8") for path in LESSONS).replace("\\", "")))
    before = torch.hub.get_dir()
    torch.hub.set_dir(str(home / "hub"))
    try:
        for name in sorted(COURSE | words & set(list_models(module=sys.modules["torchvision.models"]))):
            weights = get_model_weights(name).DEFAULT
            if not str(weights.url).startswith("http") or weights.meta["_file_size"] > LARGEST:
                continue
            path = path_of(weights)
            path.parent.mkdir(parents=True, exist_ok=True)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(1)
                torch.save(get_model(name).state_dict(), path)
    finally:
        torch.hub.set_dir(before)
    return home


def told(lesson: Path, folder: Path, **room: str) -> str:
    """Run a lesson and compare it, as `make test` does: what nbval says, or "" where every output agrees."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COURSE_WEIGHTS")}
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        environment.pop(name, None)
    nbval = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout", "600", "--nbval-sanitize-with"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={folder}", *nbval,
         str(ROOT / "notebooks" / "sanitize.cfg"), str(lesson)],
        cwd=ROOT, env=environment | room, capture_output=True, text=True, timeout=1500,
    )  # fmt: skip
    return "" if run.returncode == 0 else (run.stdout + run.stderr)[-6000:]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_where_imagenet_weights_are_at_hand(lesson: Path, stocked: Path, host: Host, tmp_path: Path) -> None:
    mirror = f"http://127.0.0.1:{host.server_port}/"
    host.asked.clear()
    said = told(
        lesson, tmp_path / "t", TORCH_HOME=str(stocked), COURSE_WEIGHTS="imagenet", COURSE_WEIGHTS_MIRROR=mirror
    )
    assert not said, said
    assert not [path for path in host.asked if path.endswith(".pth")]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_where_the_network_is_dead_and_nothing_was_chosen(lesson: Path, tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, and nobody listens
        dead = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        said = told(lesson, tmp_path / "t", TORCH_HOME=str(tmp_path / "torch"), COURSE_WEIGHTS_MIRROR=dead)
    assert not said, said
