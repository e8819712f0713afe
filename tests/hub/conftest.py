"""A hub with accounts of the system for a teacher and three students; see .ci/run. It needs root, which makes them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
TEACHER, STUDENTS = "hubteacher", ("hubana", "hubbo", "hubcy")
PASSWORD = "a trial"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.hub)


@dataclass
class User:
    """Somebody who has logged in: their server's address, and a session with their token."""

    name: str
    server: str
    session: requests.Session

    def get(self, path: str) -> requests.Response:
        return self._checked(self.session.get(f"{self.server}/{path}", timeout=120))

    def put(self, path: str, content: object) -> requests.Response:
        return self._checked(self.session.put(f"{self.server}/{path}", json=content, timeout=120))

    def post(self, path: str, content: object) -> requests.Response:
        return self._checked(self.session.post(f"{self.server}/{path}", json=content, timeout=120))

    def _checked(self, answer: requests.Response) -> requests.Response:
        assert answer.ok, f"{answer.status_code} {answer.url}: {answer.text[:800]}"
        return answer


@dataclass
class Hub:
    """The running hub: its address, its log, and its students' servers."""

    address: str
    log: Path

    def log_in(self, name: str) -> User:
        """As a browser does: the form, then a token of one's own, then one's server."""
        session = requests.Session()
        session.get(f"{self.address}/hub/login", timeout=60)
        form = {"username": name, "password": PASSWORD, "_xsrf": session.cookies["_xsrf"]}
        answer = session.post(f"{self.address}/hub/login", data=form, timeout=60, allow_redirects=False)
        assert answer.status_code == 302, answer.text[-800:]
        session.get(f"{self.address}/hub/home", timeout=60)
        key = {"X-XSRFToken": next(c.value for c in session.cookies if c.name == "_xsrf" and c.path == "/hub/")}
        user = f"{self.address}/hub/api/users/{name}"
        token = session.post(f"{user}/tokens", json={}, headers=key, timeout=60)
        assert token.ok, token.text
        mine = requests.Session()
        mine.headers["Authorization"] = f"token {token.json()['token']}"
        assert mine.post(f"{user}/server", timeout=120).ok
        until = time.monotonic() + 180
        while not mine.get(user, timeout=60).json()["servers"].get("", {}).get("ready"):
            assert time.monotonic() < until, self.log.read_text()[-4000:]
            time.sleep(0.3)
        return User(name, f"{self.address}/user/{name}", mine)


@pytest.fixture(scope="session")
def accounts() -> Iterator[Path]:
    """Accounts of the system with homes in a folder of the test's own; afterwards both are gone."""
    if os.getuid() != 0:
        pytest.fail("the hub's test makes accounts of the system: run it as root, on a machine made for tests")
    homes = Path(tempfile.mkdtemp(prefix="course-hub-"))  # pytest closes its own folders to everybody else
    homes.chmod(0o755)
    made = []
    try:
        for name in (TEACHER, *STUDENTS):
            subprocess.run(["useradd", "--create-home", "--home-dir", homes / name, name], check=True)
            made.append(name)
        where = [sys.executable, "-c", "import course_lib; print(course_lib.__file__)"]
        kit = subprocess.run(where, cwd=homes, capture_output=True, text=True, check=True).stdout.strip()
        for file in (str(Path(sys.executable).resolve()), kit):  # as the students' servers find them
            command = ["test", "-r", file]
            readable = subprocess.run(command, user=STUDENTS[0], group=STUDENTS[0], extra_groups=[], check=False)
            assert readable.returncode == 0, f"a student cannot read {file}: make the environment in a folder for all"
        yield homes
    finally:
        for name in made:
            subprocess.run(["pkill", "-KILL", "-u", name], check=False)
            subprocess.run(["userdel", name], check=False)
        shutil.rmtree(homes, ignore_errors=True)


@pytest.fixture(scope="session")
def hub(accounts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert shutil.which("configurable-http-proxy"), "npm install configurable-http-proxy, and put it on the PATH"
    own = {
        "HUB_FOLDER": str(folder), "HUB_PORT": str(port), "HUB_TEACHERS": TEACHER, "HUB_TRIAL": PASSWORD,
        "HUB_EXCHANGE": str(accounts / "exchange"), "HUB_MEMORY_GB": "6", "PYTHONNOUSERSITE": "1",
    }  # fmt: skip
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("JUPYTER", "PYTHON", "PYTEST"))}
    log = folder / "hub.log"
    course = accounts / "srv"  # where everybody can read it, as on a server
    for name in ("hub", "notebooks"):
        shutil.copytree(ROOT / name, course / name, ignore=shutil.ignore_patterns("data", "__pycache__"))
    command = [sys.executable, "-m", "jupyterhub", "-f", str(course / "hub" / "jupyterhub_config.py")]
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=folder, env=kept | own, stdout=out, stderr=subprocess.STDOUT)
        try:
            address, until = f"http://127.0.0.1:{port}", time.monotonic() + 90
            while True:
                try:
                    requests.get(f"{address}/hub/health", timeout=5).raise_for_status()
                    break
                except requests.RequestException:
                    assert process.poll() is None and time.monotonic() < until, log.read_text()[-4000:]
                    time.sleep(0.3)
            yield Hub(address, log)
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
