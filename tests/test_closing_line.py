"""The closing line of .ci/run counts what pytest counted, and is never green when something did not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.closing_line import main

CASES = {
    "passed": "",
    "failed": "<failure/>",
    "skipped": "<skipped/>",
    "errors": "<error/>",
}


def junit(path: Path, **how: str) -> str:
    cases = "".join(
        f'<testcase classname="{c.replace("__", ".")}" name="t">{CASES[o]}</testcase>' for c, o in how.items()
    )
    path.write_text(f'<testsuites><testsuite name="pytest" time="1.5">{cases}</testsuite></testsuites>')
    return str(path)


def test_a_green_sum(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = junit(tmp_path / "one.xml", tests__a="passed", tests__b="skipped")
    two = junit(tmp_path / "two.xml", notebooks__x="passed")
    assert main([one, two, "--whole", two, "--must", "tests.a", "notebooks"]) == 0
    assert capsys.readouterr().out.strip("= \n") == "2 passed, 1 skipped in 3.00s"


@pytest.mark.parametrize("how", ["failed", "errors"])
def test_a_failure_fails_and_is_named(how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([junit(tmp_path / "one.xml", a="passed", b=how)]) == 1
    named, closing = capsys.readouterr().out.splitlines()
    assert named == f"{how}: b::t (one)"
    assert f"1 {how}, 1 passed" in closing or f"1 passed, 1 {how}" in closing


@pytest.mark.parametrize(
    "arguments", [["--must", "tests.browser"], ["--also", "1"], ["--whole", "ONE"], ["MISSING"], ["CUT"]], ids=" ".join
)
def test_what_did_not_run_fails(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = junit(tmp_path / "one.xml", a="passed", b="skipped")
    cut = tmp_path / "cut.xml"
    cut.write_text(Path(one).read_text()[:-20])
    paths = {"ONE": one, "MISSING": str(tmp_path / "none.xml"), "CUT": str(cut)}
    assert main([one, *(paths.get(argument, argument) for argument in arguments)]) == 1
    assert "1 errors" in capsys.readouterr().out


def test_nothing_at_all_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([junit(tmp_path / "one.xml")]) == 1
    assert "no tests ran" in capsys.readouterr().out
