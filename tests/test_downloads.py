"""Downloads from a server on this machine that behaves well, badly, and not at all."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import itertools
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings, strategies

from course_lib.errors import DownloadError
from course_lib.pictures import connection, downloads
from course_lib.pictures.downloads import fetch, fetch_bytes, is_online

CONTENT = bytes(range(256)) * 10_000  # 2.56 MB: more than two pieces
SHA = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Host:
    """A server and what it does next; ``asked`` holds the headers of every request."""

    url: str = ""
    content: bytes = CONTENT
    status: int = 200
    sends: int | None = None  # bytes really sent, when not all
    says_length: bool = True
    waits: float = 0.0
    asked: list[Any] = field(default_factory=list)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    state = Host()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.headers)
            time.sleep(state.waits)
            self.send_response(state.status)
            if state.says_length:
                self.send_header("Content-Length", str(len(state.content)))
            self.end_headers()
            self.wfile.write(state.content[: state.sends])

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}/model-{SHA[:8]}.pth"
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def closed_url() -> str:
    """An address of this machine where nothing listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}/cat.jpg"


def nothing_in(folder: Path) -> bool:
    return list(folder.iterdir()) == []


def test_a_whole_file_arrives_with_progress(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, str, int | None]] = []

    def track(items: Iterator[bytes], label: str, *, total: int | None = None) -> Iterator[bytes]:
        for number, item in enumerate(items, 1):
            seen.append((number, label, total))
            yield item

    monkeypatch.setattr(downloads, "track", track)
    path = tmp_path / "new folder" / "model.pth"
    assert fetch(host.url, path, sha256_prefix=SHA[:8]) == path
    assert path.read_bytes() == CONTENT and list(path.parent.iterdir()) == [path]
    assert seen == [(number, "model.pth (MiB)", 3) for number in (1, 2, 3)]
    assert host.asked[0]["User-Agent"].startswith("course_lib")


def test_without_a_length_or_a_hash(host: Host, tmp_path: Path) -> None:
    host.says_length = False
    assert fetch(host.url, tmp_path / "a", sha256_prefix=None, label="a model").read_bytes() == CONTENT
    assert fetch_bytes(host.url) == CONTENT


def wrong_hash(host: Host) -> str:
    host.content = CONTENT[:-1] + b"!"
    return "the file that was expected"


def login_page(host: Host) -> str:
    host.content = b"<html>Please log in</html>"
    return "It is a web page"


def cut_off(host: Host) -> str:
    host.sends = 1_200_000
    return r"cut off after 1\.2 of 2\.6 MB"


def cut_off_without_length(host: Host) -> str:
    host.sends, host.says_length = 1_200_000, False
    return "the file that was expected"


def cut_off_at_once(host: Host) -> str:
    host.sends = 0
    return r"cut off after 0\.0 of 2\.6 MB"


def missing(host: Host) -> str:
    host.status = 404
    return r"127\.0\.0\.1 answers 404 \(Not Found\)"


def broken(host: Host) -> str:
    host.status = 503
    return "answers 503"


def silent(host: Host) -> str:
    host.waits = 1.0
    return r"did not answer within 0\.3 s"


@pytest.mark.parametrize(
    "fault", [wrong_hash, login_page, cut_off, cut_off_without_length, cut_off_at_once, missing, broken, silent]
)
@pytest.mark.parametrize("before", [None, b"an older file"])
def test_a_fault_leaves_nothing_and_the_next_try_succeeds(
    host: Host, tmp_path: Path, fault: Callable[[Host], str], before: bytes | None
) -> None:
    path = tmp_path / "model.pth"
    if before:
        path.write_bytes(before)
    with pytest.raises(DownloadError, match=fault(host)) as error:
        fetch(host.url, path, sha256_prefix=SHA[:8], timeout=0.3)
    message = str(error.value)
    assert host.url in message and message.endswith(".") and "\n" not in message
    assert path.read_bytes() == before if before else nothing_in(tmp_path)
    fine = Host(url=host.url)
    host.content, host.status, host.sends, host.says_length, host.waits = CONTENT, 200, None, True, 0.0
    assert fetch(fine.url, path, sha256_prefix=SHA[:8].upper()).read_bytes() == CONTENT
    assert list(tmp_path.iterdir()) == [path]


def test_ctrl_c_leaves_nothing(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(pieces: Iterator[bytes], label: str, *, total: int | None) -> Iterator[bytes]:
        yield from itertools.islice(pieces, 1)
        raise KeyboardInterrupt

    monkeypatch.setattr(downloads, "track", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(host.url, tmp_path / "model.pth", sha256_prefix=SHA[:8])
    assert nothing_in(tmp_path)


def test_a_connection_lost_in_the_middle(host: Host, tmp_path: Path) -> None:
    """The server does not close but stays silent half-way: the time-out ends it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection = server.accept()[0]
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 500)
            time.sleep(1)
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(DownloadError, match="cut off"):
            url = f"http://127.0.0.1:{server.getsockname()[1]}/"
            fetch(url, tmp_path / "model.pth", sha256_prefix=None, timeout=0.2)
        thread.join()
    assert nothing_in(tmp_path)


def test_no_host(closed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DownloadError, match=r"nothing answers at 127\.0\.0\.1"):
        fetch(closed_url, tmp_path / "model.pth", sha256_prefix=None)

    def no_names(*args: object, **options: object) -> None:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", no_names)
    with pytest.raises(DownloadError, match=r"the name download\.example cannot be looked up"):
        fetch("http://download.example/model.pth", tmp_path / "model.pth", sha256_prefix=None)
    assert nothing_in(tmp_path)


def test_a_disk_that_does_not_take_it(host: Host, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DownloadError, match="could not be written to"):
        fetch(host.url, tmp_path / "file" / "model.pth", sha256_prefix=None)
    (tmp_path / "folder").mkdir()
    with pytest.raises(DownloadError, match="could not be written to"):
        fetch(host.url, tmp_path / "folder", sha256_prefix=None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.parametrize(
    "url", ["file:///etc/hostname", "model.pth", "", "http://", "http://[bad/", "http://a.b:port/", "http://a b/x"]
)
def test_what_is_no_address(url: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError):
        fetch(url, tmp_path / "model.pth", sha256_prefix=None)
    with pytest.raises(DownloadError):
        fetch_bytes(url)
    assert not is_online(url) and nothing_in(tmp_path)


def test_bytes_have_a_limit(host: Host) -> None:
    assert fetch_bytes(host.url, max_bytes=len(CONTENT)) == CONTENT
    for says_length in (True, False):
        host.says_length = says_length
        with pytest.raises(DownloadError, match="larger than the 1 MB"):
            fetch_bytes(host.url, max_bytes=1_000_000)
    host.says_length, host.sends = True, 100
    with pytest.raises(DownloadError, match="cut off"):
        fetch_bytes(host.url)


def test_is_online(host: Host, closed_url: str) -> None:
    assert is_online(host.url)
    assert not is_online(closed_url)
    assert host.asked == []  # a connection is enough


def test_is_online_gives_up_when_the_name_look_up_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hangs(*args: object, **options: object) -> list[object]:
        released.wait(600)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    assert not is_online("https://download.example/", timeout=0.2)  # and not only after ten minutes
    released.set()


def test_is_online_asks_the_proxy_where_there_is_one(
    host: Host, closed_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = host.url.rsplit("/", 1)[0]
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert is_online("http://download.example/")
    assert not is_online(closed_url)  # on this machine: not through the proxy
    monkeypatch.setenv("http_proxy", proxy.removeprefix("http://"))
    assert is_online("http://download.example/")
    monkeypatch.setenv("http_proxy", closed_url.removesuffix("/cat.jpg"))
    assert not is_online("http://download.example/")


# -- addresses --------------------------------------------------------------------------------------------------------
class Odd(http.server.BaseHTTPRequestHandler):
    """Answers that no good server gives, by the path that is asked for."""

    asked: ClassVar[list[tuple[str, Any]]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers))
        goal = {"/loop": "/loop", "/ftp": "ftp://127.0.0.1/a", "/file": "file:///etc/passwd", "/on": "/K\u00e4 fer"}
        if self.path in goal:
            self.send_response(302)
            self.wfile.write(b"".join(self._headers_buffer))  # type: ignore[attr-defined]
            self._headers_buffer = []
            self.wfile.write(b"Location: " + goal[self.path].encode() + b"\r\n\r\n")
            return
        if self.path == "/words":
            self.wfile.write(b"HTTP/1.0 404 " + b"no " * 5000 + b"\r\n\r\n")
            return
        if self.path in ("/drip", "/dripping-head"):
            self.wfile.write(b"HTTP/1.0 200 OK\r\n" + (b"\r\n" if self.path == "/drip" else b"X: "))
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(b"x")
                    time.sleep(0.02)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"content")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    Odd.asked.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("/K\u00e4fer.jpg", "/K%C3%A4fer.jpg"),
        ("/a b.jpg?q=\u00fc b&x=1#part", "/a%20b.jpg?q=%C3%BC%20b&x=1"),
        ("/50%25.jpg", "/50%25.jpg"),
        ("/a%20b.jpg ", "/a%20b.jpg"),
        ("", "/"),
        ("?x=1", "/?x=1"),
    ],
)
def test_addresses_are_taken_as_a_browser_takes_them(odd: str, written: str, asked: str) -> None:
    assert fetch_bytes(odd + written) == b"content" and Odd.asked[-1][0] == asked


def test_redirects_are_followed_over_http_alone(odd: str) -> None:
    assert fetch_bytes(odd + "/on") == b"content" and Odd.asked[-1][0] == "/K%C3%A4%20fer"
    with pytest.raises(DownloadError, match="keeps redirecting") as error:
        fetch_bytes(odd + "/loop")
    assert "\n" not in str(error.value) and len(Odd.asked) < 20
    for path, place in (("/ftp", "ftp://127"), ("/file", "file:///etc/passwd")):
        with pytest.raises(DownloadError, match=rf"redirects to '{place}.*only http:// and https:// are followed"):
            fetch_bytes(odd + path)


def test_a_password_is_used_and_never_shown(odd: str, closed_url: str) -> None:
    assert fetch_bytes(odd.replace("//", "//ada:se%40cret@") + "/cat") == b"content"
    assert base64.b64decode(Odd.asked[-1][1]["Authorization"].split()[1]) == b"ada:se@cret"
    for url in (closed_url, odd + "/loop", odd + "/words", "http://a b/", "ftp://a.b/x"):
        secret = url.replace("//", "//ada:geheim@") + ("?size=2&access_token=geheim" if url == closed_url else "")
        with pytest.raises(DownloadError) as error:
            fetch_bytes(secret)
        assert "geheim" not in str(error.value)
        assert "geheim" not in str(error.value.__cause__ or "")


def test_the_words_of_a_server_are_cut(odd: str) -> None:
    with pytest.raises(DownloadError, match=r"answers 404 \(no no") as error:
        fetch_bytes(odd + "/words")
    assert len(str(error.value)) < 300
    with pytest.raises(DownloadError) as error:
        fetch_bytes(odd + "/" + "x" * 5000 + "\0\n", timeout=5, max_bytes=1)
    assert len(str(error.value)) < 500 and str(error.value).isprintable()


@pytest.mark.parametrize("path", ["/drip", "/dripping-head"])
def test_a_server_that_drips_is_given_up(odd: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes keep coming, so no time-out between two packets ever ends it."""
    with pytest.raises(DownloadError, match=r"was given up after|had not answered in full"):
        fetch_bytes(odd + path, timeout=0.3)
    assert connection.SLOWEST == 10_000
    monkeypatch.setattr(connection, "SLOWEST", 1)  # a server that is slow but within the agreed speed is waited for
    assert len(fetch_bytes(odd + "/cat", timeout=5)) == 7


@pytest.mark.parametrize(
    ("proxy", "says"),
    [
        ("http://127.0.0.1:notaport", "The proxy 'http://127.0.0.1:notaport' cannot be used"),
        ("socks5://ada:geheim@127.0.0.1:9", "The proxy 'socks5://127.0.0.1:9' cannot be used"),
        ("http://ada:geheim@127.0.0.1:9", "nothing answers at the proxy 127.0.0.1:9"),
        ("http://", "cannot be used"),
    ],
)
def test_a_broken_proxy_is_named_as_such(odd: str, proxy: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(DownloadError, match=re.escape(says)) as error:
        fetch_bytes(odd + "/cat")
    assert "geheim" not in str(error.value) and not is_online(odd + "/cat")


def test_where_a_download_is_written(odd: str, tmp_path: Path) -> None:
    """A link stays a link, a long name is taken, and what is no place for a file is said."""
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert fetch(odd + "/cat", tmp_path / "link", sha256_prefix=None) == tmp_path / "link"
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_bytes() == b"content"
    assert fetch(odd + "/cat", tmp_path / ("x" * 250), sha256_prefix=None).read_bytes() == b"content"
    odd_places: list[Any] = [None, "a\0b", "~nobody-of-that-name/x", "\ud800", tmp_path / ("y" * 300), os.devnull]
    for place in odd_places:
        with pytest.raises(DownloadError) as error:
            fetch(odd + "/cat", place, sha256_prefix=None)
        assert str(error.value).isprintable() and len(str(error.value)) < 500
    assert len(list(tmp_path.iterdir())) == 3


@settings(deadline=None, max_examples=200)
@given(text=strategies.text(max_size=30))
def test_any_text_as_an_address_is_asked_for_or_refused_in_a_sentence(text: str) -> None:
    for url in (text, f"http://{text}", f"http://127.0.0.1:9/{text}"):
        try:
            request = connection._checked(url)
        except DownloadError as error:
            assert str(error).isprintable()
        else:
            assert request.full_url.isascii() and request.full_url.isprintable() and " " not in request.full_url
