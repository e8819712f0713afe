"""Downloads that are whole or not there at all, and one sentence when they fail.

A file is streamed beside its destination, checked, and only then given its name; whatever goes wrong (and even
Ctrl-C), nothing is left behind that looks complete. This is no cache and retries nothing: the caller decides. What
needs no download, because an installed package brought it, is found by ``installed_file``.

Addresses, redirects, proxies and deadlines are ``connection.py``.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import math
import os
import uuid
from pathlib import Path

from course_lib.errors import DownloadError
from course_lib.pictures.connection import MIB, is_online, opened, shown_address
from course_lib.pictures.paths import excerpt, local_path, path_words
from course_lib.progress import track

__all__ = ["fetch", "fetch_bytes", "installed_file", "is_online", "shown_address"]


def fetch(
    url: str,
    destination: str | os.PathLike[str],
    *,
    sha256_prefix: str | None,
    timeout: float = 10,
    label: str | None = None,
) -> Path:
    """Download ``url`` to the file ``destination``, with progress in MiB.

    Args:
        url: an http or https address, written as in a browser: spaces and umlauts are translated.
        destination: the file to write; its folder is made when missing, and a file of that name is replaced at the end.
            Where it is a link, the file that it leads to is replaced.
        sha256_prefix: the first hexadecimal digits of the file's SHA-256, or None where nobody knows it.
        timeout: seconds to wait for the host to answer, and at most between two pieces. Altogether the server has twice
            as long, and a second more for every 10 kB that it has sent.
        label: what the progress bar says; the file's name when None.

    Returns:
        ``destination`` as a Path, with ~ replaced.

    Raises:
        DownloadError: the host or the proxy cannot be reached, answers with an error, stops half-way, is too slow,
            sends another file than the hash names, or the disk does not take it. Nothing is left at, or beside,
            ``destination``. Passwords in the address are not repeated.

    Example:
        >>> fetch("http://127.0.0.1:9/resnet18.pth", Path("resnet18.pth"), sha256_prefix="f37072fd")
        Traceback (most recent call last):
        ...
        course_lib.errors.DownloadError: http://127.0.0.1:9/resnet18.pth couldn't be downloaded:
        nothing answers at 127.0.0.1.
    """
    destination = local_path(destination, error=DownloadError)
    shown = shown_address(url)
    try:
        target = destination.resolve()  # a link stays a link
        if target.exists() and not target.is_file():
            raise OSError("that is not an ordinary file")
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        reason = getattr(error, "strerror", None) or excerpt(error)
        raise DownloadError(f"{shown} could not be written to {path_words(destination)}: {reason}.") from error
    digest = hashlib.sha256()
    start = b""
    partial = target.with_name(f"{target.name[:40]}.{uuid.uuid4().hex[:8]}.tmp")
    with opened(url, timeout) as (length, blocks):
        pieces = track(
            blocks,
            f"{label or destination.name} (MiB)",
            total=None if length is None else math.ceil(length / MIB),
        )
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("xb") as file:
                for piece in pieces:
                    start = start or piece[:64]
                    digest.update(piece)
                    file.write(piece)
            _check(shown, digest.hexdigest(), sha256_prefix, start)
            partial.replace(target)
        except DownloadError:
            raise
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise DownloadError(f"{shown} could not be written to {path_words(destination)}: {reason}.") from error
        finally:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
    return destination


def fetch_bytes(url: str, *, timeout: float = 10, max_bytes: int = 50_000_000) -> bytes:
    """Download something small, a picture say, into memory.

    Args:
        url: an http or https address, written as in a browser: spaces and umlauts are translated.
        timeout: seconds to wait for the host to answer, and at most between two pieces. Altogether the server has twice
            as long, and a second more for every 10 kB that it has sent.
        max_bytes: more than this is refused, if possible before it is read.

    Raises:
        DownloadError: as for ``fetch``, or there is more than ``max_bytes``.

    Example:
        >>> fetch_bytes("ftp://example.org/cat.jpg")
        Traceback (most recent call last):
        ...
        course_lib.errors.DownloadError: 'ftp://example.org/cat.jpg' isn't an http:// or https:// address.
    """
    with opened(url, timeout) as (length, blocks):
        content = bytearray()
        if (length or 0) <= max_bytes:
            for block in blocks:
                content += block
                if len(content) > max_bytes:
                    break
        if max(length or 0, len(content)) > max_bytes:
            raise DownloadError(
                f"{shown_address(url)} is larger than the {max_bytes / 1e6:.0f} MB that are read from an address."
            )
    return bytes(content)


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


def _check(url: str, digest: str, prefix: str | None, start: bytes) -> None:
    if prefix is None or (prefix and digest.startswith(prefix.lower())):
        return
    page = " It is a web page: a network's login page, perhaps." if start.lstrip().startswith(b"<") else ""
    raise DownloadError(
        f"{url} isn't the file that was expected (SHA-256 {digest[:12]}…, expected {excerpt(prefix, 64)}…); nothing "
        f"was kept.{page} Try again, or use another network."
    )
