"""The repository's address stands in one place, and everything that repeats it is stamped from there."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from course_lib.__main__ import main
from course_lib.cli import badges
from course_lib.errors import CourseError

ROOT = Path(__file__).resolve().parents[1]
OTHER = "https://github.com/someone-else/another.course"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the address is stamped into."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "README.md").write_text(
        "[![Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
        "(https://colab.research.google.com/github/a/b/blob/main/notebooks/00_start_here.ipynb) "
        "[![Binder](https://mybinder.org/badge_logo.svg)](https://mybinder.org/v2/gh/a/b/main?labpath=notebooks)\n"
        "git clone --depth 1 https://github.com/a/b course && cd course\n"
    )
    return tmp_path


def _set(checkout: Path, address: str) -> None:
    file = checkout / "pyproject.toml"
    file.write_text(file.read_text().replace(badges.address(checkout), address))


def test_the_repository_is_stamped_with_its_own_address() -> None:
    assert badges.stamp(ROOT, write=False) == []


def test_a_new_address_reaches_every_place_and_the_old_one_is_gone(checkout: Path) -> None:
    old = badges.address(checkout)
    _set(checkout, OTHER)
    changed = badges.stamp(checkout)
    books = sorted((checkout / "notebooks").glob("*.ipynb"))
    texts = sorted((checkout / "notebooks" / "source").glob("*.py"))
    assert set(changed) == {checkout / "README.md", *books, *texts}
    readme = (checkout / "README.md").read_text()
    assert "colab.research.google.com/github/someone-else/another.course/blob/main/notebooks/00" in readme
    assert "mybinder.org/v2/gh/someone-else/another.course/main?labpath" in readme
    assert "git clone --depth 1 https://github.com/someone-else/another.course course && cd course" in readme
    assert "assets/colab-badge.svg" in readme
    for file in changed:
        text = file.read_text()
        assert old.removeprefix("https://github.com/") not in text
        assert "someone-else/another.course" in text
    for book in books:
        json.loads(book.read_text())
    assert badges.stamp(checkout) == []


def test_stamping_back_gives_the_same_bytes(checkout: Path) -> None:
    badges.stamp(checkout)
    before = {file: file.read_bytes() for file in checkout.rglob("*") if file.is_file()}
    old = badges.address(checkout)
    _set(checkout, OTHER)
    assert badges.stamp(checkout)
    _set(checkout, old)
    assert badges.stamp(checkout)
    assert {file: file.read_bytes() for file in checkout.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize(
    "address", ["https://gitlab.com/a/b", "http://github.com/a/b", "https://github.com/a", "github.com/a/b", ""]
)
def test_an_address_that_colab_could_not_open_is_refused(checkout: Path, address: str) -> None:
    _set(checkout, address)
    with pytest.raises(CourseError, match=r"https://github\.com/OWNER/NAME"):
        badges.stamp(checkout)


@pytest.mark.parametrize("ending", ["", "/", ".git"])
def test_the_spellings_of_an_address_are_one(checkout: Path, ending: str) -> None:
    _set(checkout, OTHER + ending)
    assert badges.address(checkout) == OTHER


def test_the_command(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(checkout)
    _set(checkout, OTHER)
    assert main(["badges", "--check"]) == 1
    assert main(["badges"]) == 0
    assert main(["badges", "--check"]) == 0
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    capsys.readouterr()
    assert main(["badges"]) == 1
    assert "no pyproject.toml" in capsys.readouterr().err


def _run_first_cell(monkeypatch: pytest.MonkeyPatch, *, on_colab: bool = True, there: bool = False, fails: bool = False
                    ) -> list[list[str]]:  # fmt: skip
    calls: list[list[str]] = []

    def pip(command: list[str]) -> SimpleNamespace:
        calls.append(command)
        return SimpleNamespace(returncode=int(fails))

    if on_colab:
        monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    monkeypatch.setattr("subprocess.run", pip)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object() if there else None)
    exec(compile(badges.FIRST_CELL.format(address=OTHER), "first cell", "exec"), {})
    return calls


def test_the_first_cell_does_nothing_outside_colab_or_where_the_kit_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _run_first_cell(monkeypatch, on_colab=False) == []
    assert _run_first_cell(monkeypatch, there=True) == []


def test_the_first_cell_on_colab_can_never_change_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    [command] = _run_first_cell(monkeypatch)
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    assert "--no-deps" in command
    assert command[-1] == f"course_lib @ git+{OTHER}"
    assert not any(part.startswith("torch") and part != "torchinfo" for part in command)


def test_an_uploaded_wheel_takes_the_address_place_and_a_failure_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="Upload course_lib-"):
        _run_first_cell(monkeypatch, fails=True)
    (tmp_path / "course_lib-0.1.0-py3-none-any.whl").touch()
    assert _run_first_cell(monkeypatch)[0][-1] == "course_lib-0.1.0-py3-none-any.whl"
