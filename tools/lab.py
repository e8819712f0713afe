"""JupyterLab in a real browser: start it on a folder of notebooks, open one, run all of it, look at it.

Used by tools/screenshot.py and tests/browser. It knows JupyterLab's page and ipywidgets' controls; it knows no lesson.
It needs playwright and Debian's chromium (`apt-get install chromium`), never a browser that playwright downloads.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, WebSocket, sync_playwright

CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
]

#: JupyterLab's own settings: no news toast, and every cell in the page (it otherwise keeps only those in sight).
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
    "notebook-extension/tracker": {"windowingMode": "none"},
    "docmanager-extension/plugin": {"autosave": False},
}
DARK = {"apputils-extension/themes": {"theme": "JupyterLab Dark"}}

CODE_CELLS = ".jp-NotebookPanel .jp-CodeCell"
SCROLLER = ".jp-NotebookPanel .jp-WindowedPanel-outer"


def find_chromium() -> str:
    """The browser: $CHROMIUM, or the first of the usual names on the path."""
    names = [os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"]
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    if found is None:
        raise RuntimeError("no chromium here: install Debian's package `chromium`, or set CHROMIUM to a browser's path")
    return found


def wait_for(what: str, true: Callable[[], bool], seconds: float, pause: float = 0.2) -> None:
    """Ask until ``true()``; a TimeoutError that says ``what`` was waited for."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(pause)


class Server:
    """A JupyterLab server on a folder, with settings, data and configuration of its own."""

    def __init__(self, root: Path, home: Path, environment: dict[str, str] | None = None, dark: bool = False) -> None:
        for name, value in (SETTINGS | DARK if dark else SETTINGS).items():
            file = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(value))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.token = secrets.token_hex(16)
        self.log = home / "server.log"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("JUPYTER")}
        own = {
            "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_DATA_DIR": str(home / "share"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "JUPYTER_PREFER_ENV_PATH": "1",
            "IPYTHONDIR": str(home / "ipython"),
            "COURSE_WEIGHTS": os.environ.get("COURSE_WEIGHTS", "course"),
            "COURSE_PROGRESS": str(home / "progress.json"),
        }
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={self.port}",
                   "--ServerApp.port_retries=0", f"--IdentityProvider.token={self.token}",
                   f"--ServerApp.root_dir={root}", "--allow-root"]  # fmt: skip
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=root, env=inherited | own | (environment or {}), stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        wait_for("JupyterLab to answer", lambda: self.api("status") is not None, 90)

    def api(self, path: str, method: str = "GET") -> Any:
        """The server's answer as JSON, or None while there is none (its kernels' list is now and then a 500)."""
        if self.process.poll() is not None:
            raise RuntimeError(f"JupyterLab stopped:\n{self.log.read_text(errors='replace')[-3000:]}")
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/{path}", headers={"Authorization": f"token {self.token}"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.loads(answer.read() or b"null")
        except (OSError, urllib.error.URLError):
            return None

    def kernels_idle(self) -> bool:
        """Whether there is a kernel, and each is connected to a page and idle."""
        kernels = self.api("kernels")
        return bool(kernels) and all(k["connections"] > 0 and k["execution_state"] == "idle" for k in kernels)

    def shut_down_kernels(self) -> None:
        for session in self.api("sessions") or []:
            self.api(f"sessions/{session['id']}", method="DELETE")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Notebook:
    """One notebook, open in the browser."""

    def __init__(self, server: Server, page: Page, name: str) -> None:
        self.server, self.page, self.name = server, page, name
        #: what kernels sent as an error or on stderr, wherever it went: a callback's error shows nowhere in the page
        self.complaints: list[str] = []
        page.on("websocket", self._listen)
        page.goto(f"http://127.0.0.1:{server.port}/lab/tree/{name}?token={server.token}&reset")
        page.locator("#jupyterlab-splash").wait_for(state="detached", timeout=90_000)
        page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for(timeout=60_000)
        wait_for(f"a kernel for {name}", server.kernels_idle, 90)
        page.keyboard.press("Control+b")  # folds the file browser away
        page.locator("#jp-left-stack").wait_for(state="hidden")

    def _listen(self, socket: WebSocket) -> None:
        def hear(frame: bytes | str) -> None:
            text = frame.decode("utf-8", "replace") if isinstance(frame, bytes) else frame
            if '"msg_type": "error"' in text or '"msg_type":"error"' in text:
                self.complaints.append("error: " + text[text.find('"ename"') :][:600])
            elif '"name": "stderr"' in text or '"name":"stderr"' in text:
                said = text[text.find('"text"') :][:600]
                if "No such comm" not in said:  # the page asks for widgets before ipywidgets is imported
                    self.complaints.append("stderr: " + said)

        socket.on("framereceived", hear)

    def run_all(self, seconds: float = 300) -> None:
        """Run every cell, and wait until the kernel is idle again and no prompt is pending."""
        menu = self.page.locator('.lm-MenuBar-itemLabel:text-is("Run")')
        menu.click()
        self.page.locator('.lm-Menu-item[data-command="runmenu:run-all"]').click()
        wait_for(f"{self.name} to start", lambda: any(p != "[ ]:" for p in self.prompts()), 30)
        wait_for(f"{self.name} to finish", lambda: "[*]:" not in self.prompts() and self.idle(), seconds, 0.5)

    def idle(self) -> bool:
        indicator = self.page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
        return indicator.count() > 0 and self.server.kernels_idle()

    def prompts(self) -> list[str]:
        """The prompt of every code cell that holds code, in order: '[3]:', '[*]:' or '[ ]:'."""
        return self.page.eval_on_selector_all(
            CODE_CELLS,
            """cells => cells.filter(c => c.querySelector('.cm-content')?.textContent.trim())
               .map(c => c.querySelector('.jp-InputPrompt').textContent.trim())""",
        )

    def errors(self) -> list[str]:
        """What stands in the page as an error or on stderr."""
        kinds = ["error", "stderr"]
        signs = [f'[data-mime-type="application/vnd.jupyter.{kind}"]' for kind in kinds]
        words = (
            "Error displaying widget",
            "Loading widget",
        )  # what took itself away, as a progress bar does, is hidden
        signs += [f'.jp-OutputArea-output:has-text("{text}"):visible' for text in words]
        return [text.strip()[:600] for sign in signs for text in self.page.locator(sign).all_inner_texts()]

    def screenshots(self, folder: Path, *, slice_height: int = 1300) -> list[Path]:
        """Save the notebook as pictures from top to bottom, each overlapping the one before by 60 pixels."""
        folder.mkdir(parents=True, exist_ok=True)
        page, panel = self.page, self.page.locator(".jp-NotebookPanel")
        size = page.viewport_size or {"width": 1200, "height": 900}
        page.set_viewport_size({"width": size["width"], "height": slice_height})
        page.evaluate("document.activeElement?.blur()")
        height = page.eval_on_selector(SCROLLER, "e => e.scrollHeight")
        step = page.eval_on_selector(SCROLLER, "e => e.clientHeight") - 60
        saved = []
        for number, top in enumerate(range(0, max(1, height - 60), step)):
            page.eval_on_selector(SCROLLER, "(e, y) => e.scrollTo(0, y)", top)
            page.wait_for_timeout(150)
            saved.append(folder / f"{Path(self.name).stem}_{number:02d}.png")
            panel.screenshot(path=saved[-1])
        page.set_viewport_size(size)
        return saved


@contextmanager
def jupyterlab(root: Path, environment: dict[str, str] | None = None, *, dark: bool = False) -> Iterator[Server]:
    """JupyterLab on ``root``, stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="lab-", ignore_cleanup_errors=True) as home:
        server = Server(root, Path(home), environment, dark)
        try:
            yield server
        finally:
            server.shut_down_kernels()
            server.stop()


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser, closed at the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(server: Server, browser: Browser, name: str, *, width: int = 1200, height: int = 1300) -> Iterator[Notebook]:
    """A notebook in a page of its own; its kernel is shut down at the end."""
    context = browser.new_context(viewport={"width": width, "height": height})
    try:
        yield Notebook(server, context.new_page(), name)
    finally:
        context.close()
        server.shut_down_kernels()
