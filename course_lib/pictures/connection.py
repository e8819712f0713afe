"""Connections over http and https: addresses as a browser takes them, redirects, proxies, and a deadline for the whole.

Python's own time-outs hold between two packets, so a server that sends a byte a second would be waited for without
end, and a look-up of a name is not covered at all. Here a thread does the reading, and the caller waits for it no
longer than agreed.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import queue
import re
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from course_lib.errors import DownloadError
from course_lib.pictures.paths import excerpt

__all__ = ["MIB", "is_online", "opened", "shown_address"]

MIB = 1 << 20
#: Some hosts (Wikimedia is one) refuse programs that do not say who they are.
USER_AGENT = "course_lib/0.1 (a course about image classifiers)"
#: A server may take a second for every so many bytes, beyond twice the time-out.
SLOWEST = 10_000
#: More redirects than this are not followed.
REDIRECTS = 10
#: Parts of a query that a sentence does not repeat: ?token=…, ?X-Amz-Signature=….
_SECRET = re.compile(r"(?i)([?&;#][^=&;#]*(?:pass|pwd|token|key|secret|sig|auth|credential)[^=&;#]*=)[^&;#]+")
#: What stands in a path or a query as it is; everything else is written as %XX.
_PLAIN = "%/:=&?~+!$,;'@()*[]|"


def shown_address(url: object) -> str:
    """An address as it stands in a sentence: without user, password and tokens, and of at most 200 letters.

    Example:
        >>> shown_address("https://ada:secret@example.org/cat.jpg?token=123&size=2")
        'https://example.org/cat.jpg?token=…&size=2'
    """
    text = re.sub(r"^(\s*[^/?#]*//)[^/?#]*@", r"\1", str(url))
    return excerpt(_SECRET.sub(r"\1…", text).strip())


def _request(url: object) -> urllib.request.Request:
    """The request for an address as a browser takes it: spaces and umlauts translated, a password in its own header.

    Raises:
        ValueError: it isn't an http or https address.
    """
    if not isinstance(url, str):
        raise ValueError
    parts = urlsplit(re.sub(r"[\t\r\n]", "", url.strip()))
    user, _, place = parts.netloc.rpartition("@")
    host = parts.hostname
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError
    if not host.isascii():
        host = host.encode("idna").decode()
        place = host + (f":{parts.port}" if parts.port else "")
    if re.search(r"[\0-\x20\x7f<>\\^`{|}%]", host):
        raise ValueError
    _ = parts.port  # raises ValueError where it is no number
    path, query = (quote(text, safe=_PLAIN, errors="strict") for text in (parts.path, parts.query))
    address = urlunsplit((parts.scheme, place, path or "/", query, ""))
    request = urllib.request.Request(address, headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
    if user:
        token = base64.b64encode(unquote(user).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")  # for this host, and for no other
    return request


def _checked(url: object) -> urllib.request.Request:
    try:
        return _request(url)
    except (ValueError, TypeError):  # UnicodeError is a ValueError
        raise DownloadError(f"{shown_address(url)!r} isn't an http:// or https:// address.") from None


def _proxy(url: str) -> tuple[str, int, str] | None:
    """Host, port and the whole address of the proxy that an address is asked through; None where there is none.

    Raises:
        DownloadError: what the environment or the system names as the proxy is not one.
    """
    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if not proxy or urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    try:
        its = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        port = its.port or (443 if its.scheme == "https" else 80)
        usable = its.scheme in ("http", "https") and its.hostname
    except ValueError:
        usable = None
    if not usable:
        raise DownloadError(
            f"The proxy {shown_address(proxy)!r} cannot be used: expected http://host:port. It is named in the "
            f"environment variable {parts.scheme}_proxy or in the system's settings: correct or remove it there."
        )
    return str(its.hostname), port, proxy


def is_online(url: str, timeout: float = 3.0) -> bool:
    """Whether the host of ``url`` (or the proxy on the way to it) accepts a connection within ``timeout`` seconds.

    The name look-up, which no socket time-out covers, counts: it runs in a thread that is left alone at the deadline.

    Example:
        >>> is_online("http://127.0.0.1:9/")
        False
    """
    try:
        address = _checked(url).full_url
        proxy = _proxy(address)
    except DownloadError:
        return False
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    place = proxy[:2] if proxy else (str(parts.hostname), port)
    reached = threading.Event()
    done = threading.Event()

    def connect() -> None:
        with contextlib.suppress(OSError, UnicodeError), socket.create_connection(place, timeout=timeout):
            reached.set()
        done.set()

    threading.Thread(target=connect, name=f"is {place[0]} there?", daemon=True).start()
    done.wait(timeout)
    return reached.is_set()


@contextlib.contextmanager
def opened(url: str, timeout: float) -> Iterator[tuple[int | None, Iterator[bytes]]]:
    """Ask for an address: (the length that the server tells, the body in blocks of a MiB).

    Args:
        url: an http or https address, as a browser takes it.
        timeout: seconds between two packets; altogether the server has twice as long, and a second for every 10 kB.

    Raises:
        DownloadError: also while the blocks are read; one sentence that names the address and what failed.
    """
    request = _checked(url)
    transfer = _Transfer(request, shown_address(url), timeout, _proxy(request.full_url))
    transfer.start()
    try:
        length = transfer.next()
        yield (length if isinstance(length, int) else None), transfer.blocks()
    finally:
        transfer.give_up()


class _Transfer(threading.Thread):
    """Reads one answer and hands over its length, its blocks and, at the end, None; or the error that stopped it."""

    def __init__(
        self, request: urllib.request.Request, shown: str, timeout: float, proxy: tuple[str, int, str] | None
    ) -> None:
        super().__init__(name=f"download from {request.host}", daemon=True)
        self.request, self.shown, self.timeout, self.proxy = request, shown, timeout, proxy
        self.host = urlsplit(request.full_url).hostname
        self.received = self.redirects = 0
        self.length: int | None = None
        self.answered = False
        self.started = self.left_at = time.monotonic()
        self.connections: list[http.client.HTTPConnection] = []
        self.sockets: list[socket.socket] = []  # a connection forgets its socket once the answer has begun
        self.stopped = threading.Event()
        self.queue: queue.Queue[object] = queue.Queue(maxsize=4)

    # The caller's side.

    def next(self) -> object:
        """The next thing that the thread hands over. Raises its error, or DownloadError at the deadline."""
        self.started += time.monotonic() - self.left_at  # the time that the caller took does not count
        while True:
            left = self.started + 2 * self.timeout + self.received / SLOWEST - time.monotonic()
            try:
                item = self.queue.get(timeout=max(left, 0.001))
            except queue.Empty:
                if left > 0:
                    continue
                self.give_up()
                raise DownloadError(self._too_slow()) from None
            self.left_at = time.monotonic()
            if isinstance(item, BaseException):
                raise item
            return item

    def blocks(self) -> Iterator[bytes]:
        """The body in blocks of a MiB, up to the None at its end."""
        while isinstance(block := self.next(), bytes):
            yield block

    def give_up(self) -> None:
        """Stop the thread, also where it waits for the server."""
        self.stopped.set()
        for place in [*self.sockets, *(connection.sock for connection in self.connections)]:
            with contextlib.suppress(Exception):
                place.shutdown(socket.SHUT_RDWR)

    def _too_slow(self) -> str:
        seconds = time.monotonic() - self.started
        if not self.answered:
            return f"{self.shown} couldn't be downloaded: {self.host} had not answered in full after {seconds:.0f} s."
        return (
            f"{self.shown} was given up after {seconds:.0f} s: {self.host} had sent only {self.received:,} bytes; "
            "nothing was kept. Try again later, or use another network."
        )

    # The thread's side.

    def run(self) -> None:
        try:
            self._read()
        except DownloadError as error:
            self._hand_over(error)
        except Exception as error:
            problem = DownloadError(self._cut() if self.answered else self._why(error))
            problem.__cause__ = error
            self._hand_over(problem)

    def _hand_over(self, item: object) -> None:
        while not self.stopped.is_set():
            with contextlib.suppress(queue.Full):
                self.queue.put(item, timeout=0.1)
                return

    def _read(self) -> None:
        with _opener(self).open(self.request, timeout=self.timeout) as response:
            self.answered = True
            text = response.headers.get("Content-Length", "")
            self.length = int(text) if re.fullmatch("[0-9]{1,18}", text) else None
            self._hand_over(self.length if self.length is not None else "unknown")
            block = bytearray()
            while not self.stopped.is_set() and (piece := response.read1(MIB - len(block))):
                self.received += len(piece)
                block += piece
                if len(block) == MIB:
                    self._hand_over(bytes(block))
                    block.clear()
        if block:
            self._hand_over(bytes(block))
        if self.length is not None and self.received < self.length:
            raise DownloadError(self._cut())
        self._hand_over(None)

    def redirected(self, request: urllib.request.Request, there: str) -> urllib.request.Request:
        """The request for the address that an answer sends on to."""
        self.redirects += 1
        if self.redirects > REDIRECTS:
            raise DownloadError(self._because(f"{self.host} keeps redirecting the request ({REDIRECTS} redirects)"))
        try:
            following = _request(there)
        except (ValueError, TypeError):
            raise DownloadError(
                self._because(
                    f"{self.host} redirects to {shown_address(there)!r}, and only http:// and https:// are followed"
                )
            ) from None
        if following.host == request.host and following.type == request.type and request.has_header("Authorization"):
            following.add_unredirected_header("Authorization", str(request.get_header("Authorization")))
        self.host, self.proxy = urlsplit(following.full_url).hostname, _proxy(following.full_url)
        return following

    def _cut(self) -> str:
        of = "" if self.length is None else f" of {self.length / 1e6:.1f}"
        return f"{self.shown} was cut off after {self.received / 1e6:.1f}{of} MB; nothing was kept. Try again."

    def _why(self, error: BaseException) -> str:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
            words = f" ({excerpt(error.reason, 80)})" if error.reason else ""
            if error.code == 407 and self.proxy:
                return self._because(f"the proxy {self.proxy[0]} asks for a user and a password")
            return self._because(f"{self.host} answers {error.code}{words}. Check the address")
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        place = f"the proxy {self.proxy[0]}:{self.proxy[1]}" if self.proxy else str(self.host)
        if isinstance(cause, TimeoutError):
            return self._because(f"{place} did not answer within {self.timeout:g} s")
        if isinstance(cause, socket.gaierror):
            hint = "check the proxy's settings" if self.proxy else "is there a network connection?"
            return self._because(f"the name {place} cannot be looked up; {hint}")
        if isinstance(cause, ConnectionRefusedError):
            return self._because(f"nothing answers at {place}")
        if isinstance(cause, ssl.SSLCertVerificationError):
            return self._because(f"the certificate of {place} is not valid ({excerpt(cause.verify_message, 80)})")
        words = excerpt(cause, 80) or type(cause).__name__
        via = f"through {place}: " if self.proxy else ""
        return self._because(f"{via}{words[:1].lower()}{words[1:].rstrip('.')}")

    def _because(self, reason: str) -> str:
        return f"{self.shown} couldn't be downloaded: {reason}{'' if reason.endswith('?') else '.'}"


def _opener(transfer: _Transfer) -> urllib.request.OpenerDirector:
    """An opener of http and https alone, whose connections the transfer can shut."""

    def noted(kind: type[http.client.HTTPConnection], *args: Any, **options: Any) -> http.client.HTTPConnection:
        connection = kind(*args, **options)
        connect = connection.connect

        def connected() -> None:
            connect()
            transfer.sockets.append(connection.sock)

        connection.connect = connected  # type: ignore[method-assign]
        transfer.connections.append(connection)
        return connection

    class Plain(urllib.request.HTTPHandler):
        def http_open(self, request: urllib.request.Request) -> Any:
            return self.do_open(lambda *args, **options: noted(http.client.HTTPConnection, *args, **options), request)

    class Secure(urllib.request.HTTPSHandler):
        def https_open(self, request: urllib.request.Request) -> Any:
            return self.do_open(lambda *args, **options: noted(http.client.HTTPSConnection, *args, **options), request)

    class Redirects(urllib.request.HTTPRedirectHandler):
        def http_error_302(self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any) -> Any:
            location = headers.get("Location")
            if not location:
                return None
            fp.close()
            there = urljoin(req.full_url, location.encode("latin-1", "replace").decode("utf-8", "replace"))
            return self.parent.open(transfer.redirected(req, there), timeout=transfer.timeout)

        http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    opener = urllib.request.OpenerDirector()
    handlers = (
        urllib.request.ProxyHandler, Plain, Secure, Redirects,
        urllib.request.HTTPDefaultErrorHandler, urllib.request.HTTPErrorProcessor, urllib.request.UnknownHandler,
    )  # fmt: skip
    for handler in handlers:
        opener.add_handler(handler())
    return opener
