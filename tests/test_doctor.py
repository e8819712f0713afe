"""The doctor finds what is broken. Each test breaks one thing the way it breaks in life, and reads the row."""

from __future__ import annotations

import sys
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import pytest

from course_lib.__main__ import main
from course_lib.cli import doctor


def test_the_environment_that_runs_the_tests_has_every_row_and_is_healthy_but_for_its_machine() -> None:
    found = doctor.report(timeout=0.2)
    status = {row.name: row.status for row in found.rows}
    assert list(status) == ["Python", "packages", "torch", "widgets", "weights", "cache", "disk", "network", "GPU",
                            "address"]  # fmt: skip
    assert status["Python"] == status["packages"] == status["torch"] == status["widgets"] == "ok"
    assert status["network"] != "problem"
    assert status["GPU"] != "problem"
    assert len(str(found).splitlines()) == len(found.rows)
    assert found._repr_html_().count("<tr>") == len(found.rows) + 1


def test_an_old_python_is_a_problem() -> None:
    assert doctor._python((3, 9, 18)).status == "problem"
    assert doctor._python((3, 10, 0)).status == "ok"


def test_a_missing_and_an_old_package_are_named() -> None:
    row = doctor._packages(["numpy>=999", "no-such-package-at-all", "pillow", 'nbgrader; extra == "instructor"'])
    assert row.status == "problem"
    assert "numpy" in row.found
    assert ">=999" in row.found
    assert "no-such-package-at-all is missing" in row.found
    assert "pillow" not in row.found
    assert "nbgrader" not in row.found


def test_torchvision_of_another_build_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    def nms(*_: object) -> None:
        raise RuntimeError("operator torchvision::nms does not exist\nsecond line")

    monkeypatch.setitem(sys.modules, "torchvision.ops", SimpleNamespace(nms=nms))
    row = doctor._torch()
    assert row.status == "problem"
    assert "not from one build" in row.found
    assert "second line" not in row.found
    assert "--force-reinstall torch torchvision" in row.advice


def test_a_missing_torch_is_called_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # the import system's own way to say "not there"
    row = doctor._torch()
    assert row.status == "problem"
    assert doctor._gpu().status == "note"
    assert doctor._hub().name == "hub"


@pytest.mark.parametrize(
    ("kernel", "front", "status", "says"),
    [
        ("8.1.9", {"jupyterlab_widgets": "3.0.17", "widgetsnbextension": "4.0.16"}, "ok", "8.1.9"),
        ("7.7.1", {"jupyterlab_widgets": "1.1.4", "widgetsnbextension": "3.6.10"}, "ok", "7.7.1"),
        (
            "7.7.1",
            {"jupyterlab_widgets": "3.0.17", "widgetsnbextension": "3.6.10"},
            "problem",
            "jupyterlab_widgets==1.*",
        ),
        (
            "8.1.9",
            {"jupyterlab_widgets": "3.0.17", "widgetsnbextension": "3.6.10"},
            "problem",
            "widgetsnbextension==4.*",
        ),
        ("7.7.1", {"widgetsnbextension": "3.6.10"}, "note", "elsewhere"),
        ("9.0.0", {"jupyterlab_widgets": "4.0.0"}, "problem", "7 and 8"),
    ],
)
def test_the_two_halves_of_the_widgets_must_fit(kernel: str, front: dict[str, str], status: str, says: str) -> None:
    row = doctor._widgets(kernel, front)
    assert row.status == status
    assert says in str(row)


def test_a_widget_manager_left_in_the_home_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = tmp_path / "labextensions" / "@jupyter-widgets" / "jupyterlab-manager"
    manager.mkdir(parents=True)
    (manager / "package.json").write_text('{"version": "3.1.1"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    row = doctor._widgets("8.1.9")
    assert row.status == "problem"
    assert str(manager) in row.advice


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    row = doctor._cache(in_the_way / "checkpoints")
    assert row.status == "problem"
    assert "TORCH_HOME" in row.advice
    assert doctor._cache(tmp_path / "not" / "made" / "yet").status == "ok"
    assert list(tmp_path.iterdir()) == [in_the_way], "looking must leave nothing behind"


@pytest.mark.parametrize(("gigabytes", "status"), [(0.2, "problem"), (2, "note"), (50, "ok")])
def test_free_disk(gigabytes: float, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage(1e12, 0, gigabytes * 1e9))
    assert doctor._disk(tmp_path).status == status


@pytest.mark.parametrize(("online", "status"), [(True, "ok"), (False, "note")])
def test_no_network_is_a_note(online: bool, status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(
        "course_lib.pictures.downloads.is_online", lambda url, timeout: asked.append((url, timeout)) or online
    )
    assert doctor._network(3.0).status == status
    assert asked[0][0].endswith(".pth")
    assert asked[0][1] == 3.0


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("note", 0), ("problem", 1)])
def test_the_exit_status_tells(
    status: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = (doctor.Row("Python", "ok", "3"), doctor.Row("thing", status, "found", "do this"))
    monkeypatch.setattr(doctor, "report", lambda: doctor.Report(rows))
    assert main(["doctor"]) == code
    assert "do this" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("links", "status"),
    [
        ([], "note"), (["Repository, https://github.com/OWNER/image-classifiers-course"], "note"),
        (["Home, https://x.org", "Repository, https://github.com/me/mine"], "ok"),
    ],
)  # fmt: skip
def test_an_address_that_is_not_set_is_said(links: list[str], status: str) -> None:
    row = doctor._address(links)
    assert row.status == status and (status == "ok") == (row.found == "https://github.com/me/mine")
