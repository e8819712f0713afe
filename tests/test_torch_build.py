"""Which build of PyTorch is installed: decided against a local index that answers, one that is dead, one that hangs."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tools import torch_build

LINUX = "Linux x86_64"


@pytest.fixture
def index() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/cpu/torch/" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/cpu"
    server.shutdown()
    server.server_close()


@pytest.fixture
def hanging() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        yield f"http://127.0.0.1:{deaf.getsockname()[1]}/cpu"


@pytest.mark.parametrize(
    ("choice", "system", "card", "cpu", "words"),
    [
        ("auto", LINUX, False, True, "no NVIDIA card"), ("auto", LINUX, True, False, "is an NVIDIA card"),
        ("cpu", LINUX, True, True, "TORCH=cpu"), ("cuda", LINUX, False, False, "TORCH=cuda"),
        ("default", LINUX, False, False, "TORCH=default"), ("auto", "Darwin arm64", False, False, "without CUDA"),
    ],
)  # fmt: skip
def test_the_choice(choice: str, system: str, card: bool, cpu: bool, words: str, index: str) -> None:
    address, sentence = torch_build.decide(choice, system=system, card=card, index=index)
    assert (
        address == (index if cpu else "")
        and words in sentence
        and "GB to download" in sentence.replace("instead of 3 GB", "GB to download")
    )


def test_an_index_that_hangs_or_is_dead_or_lacks_torch_is_not_used(hanging: str, index: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        dead = f"http://127.0.0.1:{gone.getsockname()[1]}/cpu"
    for address in (hanging, dead, index.replace("/cpu", "/other"), "no address"):
        found = torch_build.decide("auto", system=LINUX, card=False, index=address, seconds=0.3)
        assert found[0] == "" and "did not answer" in found[1]


def test_a_word_that_is_no_choice_ends_the_set_up_with_a_sentence() -> None:
    script = Path(torch_build.__file__)
    done = subprocess.run([sys.executable, script, "gpu"], capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == "" and "auto, cpu, cuda, default" in done.stderr
