"""Real input, by hand: weights over a real socket, a host that fails in every way, and no network at all.

COURSE_WEIGHTS is not set; a loopback server stands in for the weights' host. The enum is the test's own, so that its
file can have its own hash in its name; the machinery is the one that torchvision's weights go through.
"""

from __future__ import annotations

import hashlib
import io
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torchvision.models import Weights, WeightsEnum
from torchvision.transforms._presets import ImageClassification

from course_lib.errors import DownloadError
from course_lib.models import hub_cache, pretrained_models
from course_lib.models.classifier import load_classifier

from . import course_shelf

NAME = "squeezenet1_1"


class Host(ThreadingHTTPServer):
    """Serves one file. ``how`` says what goes wrong: nothing, another file, a cut half-way, a login page ("page")."""

    daemon_threads = True

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.content = content
        self.how = "well"
        self.asked: list[str] = []


class Answer(BaseHTTPRequestHandler):
    server: Host

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        content = self.server.content
        if self.server.how == "another file":
            content = content[:-1] + bytes([content[-1] ^ 1])
        if self.server.how == "page":
            content = b"<!doctype html><title>Log in to the school's network</title>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if self.server.how == "cut" else content)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def content() -> bytes:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        buffer = io.BytesIO()
        torch.save(torchvision.models.get_model(NAME).state_dict(), buffer)
    return buffer.getvalue()


@pytest.fixture()
def host(content: bytes) -> Iterator[Host]:
    server = Host(content)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture()
def weights(content: bytes, monkeypatch: pytest.MonkeyPatch) -> WeightsEnum:
    """An enum of our own in the place of torchvision's: the same shapes, and our file's hash in its name."""
    theirs = torchvision.models.SqueezeNet1_1_Weights.DEFAULT
    value = Weights(
        url=f"https://weights.invalid/models/{NAME}-{hashlib.sha256(content).hexdigest()[:8]}.pth",
        transforms=partial(ImageClassification, crop_size=224),
        meta=dict(theirs.meta),
    )
    enum = WeightsEnum("TestWeights", {"IMAGENET1K_V1": value, "DEFAULT": value}, module=__name__)
    original = pretrained_models.get_model_weights
    monkeypatch.setattr(pretrained_models, "get_model_weights", lambda name: enum if name == NAME else original(name))
    member: WeightsEnum = enum["DEFAULT"]
    return member


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache, no proxy, no choice made; the course's own weights are there."""
    for variable in (
        "COURSE_WEIGHTS",
        "COURSE_WEIGHTS_MIRROR",
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
    ):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.delenv("all_proxy", raising=False)
    monkeypatch.setattr(hub_cache, "_silent", {})
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    course_shelf.put_up(shelf, monkeypatch, NAME)
    before = torch.hub.get_dir()
    torch.hub.set_dir(str(tmp_path / "hub"))
    yield tmp_path / "hub" / "checkpoints"
    torch.hub.set_dir(before)


def point_to(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_WEIGHTS_MIRROR", f"http://127.0.0.1:{host.server_port}/")


def left_behind(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir()) if cache.exists() else []


def test_mismatch_then_cut_then_success(
    host: Host,
    weights: WeightsEnum,
    fresh: Path,
    content: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    point_to(host, monkeypatch)

    host.how = "another file"
    with pytest.raises(DownloadError, match="the file that was expected"):
        load_classifier(NAME, weights="imagenet", device="cpu")
    assert left_behind(fresh) == []

    host.how = "cut"
    with pytest.raises(DownloadError, match="cut off after"):
        load_classifier(NAME, weights="imagenet", device="cpu")
    assert left_behind(fresh) == []

    host.how = "well"
    capsys.readouterr()
    classifier = load_classifier(NAME, device="cpu")
    assert capsys.readouterr().out == f"{NAME}: ImageNet weights IMAGENET1K_V1 (1000 classes)\n"
    assert classifier.weights is weights and len(classifier.categories) == 1000
    assert left_behind(fresh) == [weights.url.rpartition("/")[2]]
    assert (fresh / left_behind(fresh)[0]).read_bytes() == content
    assert set(host.asked) == {f"/models/{left_behind(fresh)[0]}"} and len(host.asked) == 3

    oracle = torchvision.models.get_model(NAME).eval()
    oracle.load_state_dict(torch.load(io.BytesIO(content), weights_only=True))
    picture = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        assert torch.equal(classifier.logits(picture), oracle(picture))

    host.shutdown()  # cached now: the network may go away
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: pytest.fail("looked for a network"))
    assert load_classifier(NAME, device="cpu").weights is weights


@pytest.mark.parametrize("asked", ["auto", "imagenet"])
@pytest.mark.parametrize("older", [False, True])
def test_a_cached_file_that_is_cut_short_is_fetched_again(
    asked: str,
    older: bool,
    host: Host,
    weights: WeightsEnum,
    fresh: Path,
    content: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    point_to(host, monkeypatch)
    path = fresh / weights.url.rpartition("/")[2]
    path.parent.mkdir(parents=True)
    torch.save(torchvision.models.get_model(NAME).state_dict(), path, _use_new_zipfile_serialization=not older)
    path.write_bytes(path.read_bytes()[:-1000])
    assert len(load_classifier(NAME, weights=asked, device="cpu").categories) == 1000
    assert path.read_bytes() == content and len(host.asked) == 1
    load_classifier(NAME, weights=asked, device="cpu")
    assert len(host.asked) == 1


@pytest.mark.parametrize(("how", "why"), [("another file", "isn't the file"), ("cut", "cut off"), ("page", "login")])
def test_when_the_choice_is_free_a_failed_download_falls_back_and_says_why(
    how: str,
    why: str,
    host: Host,
    weights: WeightsEnum,
    fresh: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    point_to(host, monkeypatch)
    host.how = how
    assert len(load_classifier(NAME, device="cpu").categories) == 10
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "could not be downloaded" in said and why in said
    assert said.endswith("so these are the course's own (10 classes)\n")
    assert left_behind(fresh) == []


def test_progress_is_shown_while_downloading(host: Host, weights: WeightsEnum, monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(host, monkeypatch)
    seen: list[tuple[str, int | None, int]] = []

    def track(items: Any, label: str, *, total: int | None = None) -> Iterator[Any]:
        seen.append((label, total, 0))
        for number, item in enumerate(items, start=1):
            seen[-1] = (label, total, number)
            yield item

    monkeypatch.setattr("course_lib.pictures.downloads.track", track)
    load_classifier(NAME, device="cpu")
    ((label, total, steps),) = seen
    assert NAME in label and total is not None and total >= 4 and steps == total


def test_a_host_that_refuses(weights: WeightsEnum, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    with socket.socket() as closed:  # bound but not listening: connections are refused
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("COURSE_WEIGHTS_MIRROR", f"http://127.0.0.1:{closed.getsockname()[1]}")
        assert len(load_classifier(NAME, device="cpu").categories) == 10
    assert capsys.readouterr().out.startswith(f"{NAME}: no network for ImageNet weights, so these are the course's own")


@pytest.mark.parametrize("mirror", ["", "http://10.255.255.1:81/"], ids=["DNS hangs", "nobody answers"])
def test_no_network_at_all(
    mirror: str, weights: WeightsEnum, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A look-up that hangs, and a connection that is never answered: both hold every socket for far too long."""
    forever = threading.Event()
    asked: list[float] = []

    def hang(*args: Any, **kwargs: Any) -> Any:
        asked.append(time.monotonic())
        forever.wait(600)
        raise socket.gaierror("no network")

    if mirror:
        monkeypatch.setenv("COURSE_WEIGHTS_MIRROR", mirror)
        monkeypatch.setattr(socket, "create_connection", hang)
    else:
        monkeypatch.setattr(socket, "getaddrinfo", hang)
    first = load_classifier(NAME, device="cpu")  # which comes back long before the network would
    times = len(asked)
    load_classifier(NAME, device="cpu")
    assert 0 < times == len(asked)  # it does not ask the same dead network again
    forever.set()
    assert len(first.categories) == 10
    line = f"{NAME}: no network for ImageNet weights, so these are the course's own (10 classes)\n"
    assert capsys.readouterr().out == line * 2
