"""Downloads that are whole or not there at all, and one sentence when they fail.

A file is streamed beside its destination, checked, and only then given its name; whatever goes wrong (and even
Ctrl-C), nothing is left behind that looks complete. This is no cache and retries nothing: the caller decides. What
needs no download, because an installed package brought it, is found by ``installed_file``.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import importlib.util
import math
import socket
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from course_lib.errors import DownloadError
from course_lib.progress import track

__all__ = ["fetch", "fetch_bytes", "installed_file", "is_online"]

MIB = 1 << 20
#: Some hosts (Wikimedia is one) refuse programs that do not say who they are.
USER_AGENT = "course_lib/0.1 (a course about image classifiers)"


def fetch(
    url: str, destination: Path, *, sha256_prefix: str | None, timeout: float = 10, label: str | None = None
) -> Path:
    """Download ``url`` to the file ``destination``, with progress in MiB.

    Args:
        url: an http or https address.
        destination: the file to write; its folder is made when missing, and a file of that name is replaced at the end.
        sha256_prefix: the first hexadecimal digits of the file's SHA-256, or None where nobody knows it.
        timeout: seconds to wait for the host to answer, and at most between two pieces.
        label: what the progress bar says; the file's name when None.

    Returns:
        ``destination``.

    Raises:
        DownloadError: the host cannot be reached, answers with an error, stops half-way, sends another file than the
            hash names, or the disk does not take it. Nothing is left at, or beside, ``destination``.

    Example:
        >>> fetch("http://127.0.0.1:9/resnet18.pth", Path("resnet18.pth"), sha256_prefix="f37072fd")
        Traceback (most recent call last):
        ...
        course_lib.errors.DownloadError: http://127.0.0.1:9/resnet18.pth could not be had: nothing answers at 127.0.0.1.
    """
    destination = Path(destination)
    digest = hashlib.sha256()
    start = b""
    partial = destination.with_name(f"{destination.name}.{uuid.uuid4().hex[:8]}.tmp")
    with _response(url, timeout) as response:
        length = _length(response)
        pieces = track(
            _pieces(response, url, length),
            f"{label or destination.name} (MiB)",
            total=None if length is None else math.ceil(length / MIB),
        )
        try:
            destination.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("xb") as file:
                for piece in pieces:
                    start = start or piece[:64]
                    digest.update(piece)
                    file.write(piece)
            _check(url, digest.hexdigest(), sha256_prefix, start)
            partial.replace(destination)
        except DownloadError:
            raise
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise DownloadError(f"{url} could not be written to {destination}: {reason}.") from error
        finally:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
    return destination


def fetch_bytes(url: str, *, timeout: float = 10, max_bytes: int = 50_000_000) -> bytes:
    """Download something small, a picture say, into memory.

    Args:
        url: an http or https address.
        timeout: seconds to wait for the host to answer, and at most between two pieces.
        max_bytes: more than this is refused, if possible before it is read.

    Raises:
        DownloadError: as for ``fetch``, or there is more than ``max_bytes``.

    Example:
        >>> fetch_bytes("ftp://example.org/cat.jpg")
        Traceback (most recent call last):
        ...
        course_lib.errors.DownloadError: 'ftp://example.org/cat.jpg' is no http:// or https:// address.
    """
    with _response(url, timeout) as response:
        length = _length(response)
        parts: list[bytes] = []
        size = length or 0
        if size <= max_bytes:
            size = 0
            for piece in _pieces(response, url, length):
                parts.append(piece)
                size += len(piece)
                if size > max_bytes:
                    break
        if size > max_bytes:
            raise DownloadError(f"{url} is larger than the {max_bytes / 1e6:.0f} MB that are read from an address.")
    return b"".join(parts)


def is_online(url: str, timeout: float = 3.0) -> bool:
    """Whether the host of ``url`` (or the proxy on the way to it) accepts a connection within ``timeout`` seconds.

    The name look-up, which no socket time-out covers, counts: it runs in a thread that is left alone at the deadline.

    Example:
        >>> is_online("http://127.0.0.1:9/")
        False
    """
    try:
        host, port = _first_stop(url)
    except ValueError:
        return False
    reached = threading.Event()
    done = threading.Event()

    def connect() -> None:
        with contextlib.suppress(OSError, UnicodeError), socket.create_connection((host, port), timeout=timeout):
            reached.set()
        done.set()

    threading.Thread(target=connect, name=f"is {host} there?", daemon=True).start()
    done.wait(timeout)
    return reached.is_set()


def _first_stop(url: str) -> tuple[str, int]:
    """Host and port that a connection for ``url`` goes to first. Raises ValueError where there is none."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and not urllib.request.proxy_bypass(parts.hostname):
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def installed_file(package: str, inside: str) -> Path | None:
    """A file that came with an installed package, found without importing the package; None where it is not there.

    Example:
        >>> installed_file("torchvision", "models/resnet.py").name, installed_file("no_such_package", "cat.png")
        ('resnet.py', None)
    """
    try:
        spec = importlib.util.find_spec(package)
    except ValueError:  # a module of this name was made by hand
        return None
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(folder) / inside).is_file():
            return Path(folder) / inside
    return None


@contextlib.contextmanager
def _response(url: str, timeout: float) -> Iterator[http.client.HTTPResponse]:
    try:
        _first_stop(url)
        request = urllib.request.Request(url, headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
    except ValueError:
        raise DownloadError(f"{url!r} is no http:// or https:// address.") from None
    host = urlsplit(url).hostname
    try:
        response: Any = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        raise DownloadError(
            f"{url} could not be had: {host} answers {error.code} ({error.reason}). Check the address."
        ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        raise DownloadError(f"{url} could not be had: {_why(cause, str(host), timeout)}") from error
    with response:
        yield response


def _why(cause: object, host: str, timeout: float) -> str:
    if isinstance(cause, TimeoutError):
        return f"{host} did not answer within {timeout:g} s."
    if isinstance(cause, socket.gaierror):
        return f"the name {host} cannot be looked up; is there a network?"
    if isinstance(cause, ConnectionRefusedError):
        return f"nothing answers at {host}."
    text = str(cause) or type(cause).__name__
    return f"{text[:1].lower()}{text[1:].rstrip('.')}."


def _length(response: http.client.HTTPResponse) -> int | None:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdecimal() else None


def _pieces(response: http.client.HTTPResponse, url: str, length: int | None) -> Iterator[bytes]:
    """The body, a MiB at a time. Raises DownloadError where it ends before ``length`` bytes."""
    read = 0
    while True:
        try:
            piece = response.read(MIB)
        except (OSError, http.client.HTTPException) as error:
            raise _cut(url, read, length) from error
        if not piece:
            break
        read += len(piece)
        yield piece
    if length is not None and read < length:
        raise _cut(url, read, length)


def _cut(url: str, read: int, length: int | None) -> DownloadError:
    of = "" if length is None else f" of {length / 1e6:.1f}"
    return DownloadError(f"{url} was cut off after {read / 1e6:.1f}{of} MB; nothing was kept. Try again.")


def _check(url: str, digest: str, prefix: str | None, start: bytes) -> None:
    if prefix is None or (prefix and digest.startswith(prefix.lower())):
        return
    page = " It is a web page: a network's login page, perhaps." if start.lstrip().startswith(b"<") else ""
    raise DownloadError(
        f"{url} is not the file that was expected (SHA-256 {digest[:12]}…, expected {prefix}…); nothing was kept."
        f"{page} Try again, or another network."
    )
