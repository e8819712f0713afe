"""pyproject.toml, environment.yml and constraints/ agree, and each parses by the rules of its reader."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from course_lib.cli import badges

ROOT = Path(__file__).resolve().parents[1]


def pins(name: str) -> dict[str, Version]:
    """A constraints file as package -> the one version it allows."""
    found: dict[str, Version] = {}
    for line in (ROOT / "constraints" / name).read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        need = Requirement(line)
        [only] = need.specifier
        assert only.operator == "==", line
        key = canonicalize_name(need.name)
        assert key not in found, f"{line} stands twice"
        found[key] = Version(only.version)
    return found


def declared() -> dict[str, list[Requirement]]:
    """What the package declares, by extra ('' for what it always needs)."""
    by_extra: dict[str, list[Requirement]] = {}
    for line in metadata.requires("course_lib") or []:
        need = Requirement(line)
        extra = re.search(r'extra == "(\w+)"', str(need.marker))
        by_extra.setdefault(extra[1] if extra else "", []).append(need)
    return by_extra


def environment() -> dict[str, list[object]]:
    return yaml.safe_load((ROOT / "environment.yml").read_text())


def pip_part() -> list[str]:
    [part] = [entry["pip"] for entry in environment()["dependencies"] if isinstance(entry, dict)]
    return part


def test_the_installed_package_is_declared_as_pyproject_says() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    for need in declared()[""]:
        assert f'"{need.name}{need.specifier}"' in text, f"{need} is not what pyproject.toml has: run make again"


def test_the_lowest_versions_are_the_lower_bounds() -> None:
    lowest = pins("lowest.txt")
    bounds = {
        canonicalize_name(need.name): Version(only.version)
        for need in declared()[""] + declared()["test"]
        for only in need.specifier
    }
    assert {canonicalize_name(need.name) for need in declared()[""]} <= lowest.keys()
    for name in lowest.keys() & bounds.keys():
        assert lowest[name] == bounds[name], name


def test_torch_is_bounded_below_only() -> None:
    for need in declared()[""]:
        assert {only.operator for only in need.specifier} == {">="}, need


@pytest.mark.parametrize("name", ["tested.txt", "colab.txt"])
def test_a_tested_set_lies_within_the_declared_ranges(name: str) -> None:
    exact = pins(name)
    for need in declared()[""]:
        version = exact.get(canonicalize_name(need.name))
        if version is None:
            assert name == "colab.txt"
            installed = f'"{need.name}"' in badges.FIRST_CELL
            assert installed, f"{need} is not on Colab, and the first cell does not install it"
        else:
            assert need.specifier.contains(version), (
                f"{name} has {need.name} {version}, pyproject.toml {need.specifier}"
            )


def test_everything_declared_was_tested() -> None:
    exact = pins("tested.txt")
    for needs in declared().values():
        for need in needs:
            version = exact.get(canonicalize_name(need.name))
            assert version is not None, f"constraints/tested.txt has no {need.name}"
            assert need.specifier.contains(version)


def test_environment_yml_takes_only_python_and_pip_from_conda() -> None:
    found = environment()
    assert found["channels"] == ["conda-forge"]
    conda = [entry for entry in found["dependencies"] if isinstance(entry, str)]
    assert [re.split(r"[=<>]", entry)[0] for entry in conda] == ["python", "pip"]
    assert all(re.fullmatch(r"[a-z]+=\d+(\.\d+)*", entry) for entry in conda)


def test_environment_yml_has_the_tested_versions_and_the_kit_itself() -> None:
    options = [line for line in pip_part() if line.startswith("-")]
    assert options == ["-c constraints/tested.txt", "-e ."]
    exact = pins("tested.txt")
    listed = {}
    for line in pip_part():
        if not line.startswith("-"):
            need = Requirement(line)
            [only] = need.specifier
            assert only.operator == "=="
            listed[canonicalize_name(need.name)] = Version(only.version)
    assert listed == {name: exact[name] for name in listed}
    needed = {canonicalize_name(need.name) for extra in ("", "lab") for need in declared()[extra]}
    assert set(listed) == needed


def test_an_environment_made_from_the_tested_set_has_exactly_it() -> None:
    """Where `make` fell back on the ranges (another Python or machine), no claim is made."""
    exact = pins("tested.txt")
    have = {name: Version(metadata.version(name)) for name in ("torch", "torchvision", "numpy", "ipywidgets")}
    if any(Version(version.public) != exact[name] for name, version in have.items()):
        pytest.skip("this environment was made from the ranges, not from the tested set")
    wrong = {}
    for name, version in exact.items():
        try:
            found = Version(metadata.version(name))
        except metadata.PackageNotFoundError:
            continue  # an extra that is not installed here
        if Version(found.public) != version:
            wrong[name] = (str(found), str(version))
    assert wrong == {}
