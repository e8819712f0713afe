"""conda's own parser reads every spec of environment.yml (py-rattler's; no conda client and no channel is needed)."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from rattler import MatchSpec
from rattler.exceptions import InvalidMatchSpecError

ROOT = Path(__file__).resolve().parents[2]


def test_every_conda_spec_means_what_it_says() -> None:
    entries = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    specs = [entry for entry in entries if isinstance(entry, str)]
    assert specs
    for spec in specs:
        name, version = spec.split("=")
        assert str(MatchSpec(spec, strict=True)) == f"{name} {version}.*"


def test_the_parser_refuses_a_broken_spec() -> None:
    with pytest.raises(InvalidMatchSpecError):
        MatchSpec("python=3..11 x=", strict=True)
