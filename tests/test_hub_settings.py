"""The hub's files without a hub: its settings are told, and Kubernetes' values agree with the image."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import yaml

HUB = Path(__file__).resolve().parents[1] / "hub"


def test_values_ask_for_no_more_than_they_allow() -> None:
    values = yaml.safe_load((HUB / "values.yaml").read_text())
    single = values["singleuser"]
    assert float(single["memory"]["guarantee"].rstrip("G")) <= float(single["memory"]["limit"].rstrip("G"))
    assert single["cpu"]["guarantee"] <= single["cpu"]["limit"]
    mounts = {mount["name"]: mount["mountPath"] for mount in single["storage"]["extraVolumeMounts"]}
    assert mounts["exchange"] == single["extraEnv"]["HUB_EXCHANGE"]
    assert {volume["name"] for volume in single["storage"]["extraVolumes"]} == set(mounts)
    image = (HUB / "Dockerfile").read_text()
    assert f"HUB_EXCHANGE={mounts['exchange']}" in image and "constraints/tested.txt" in image


def test_every_setting_of_the_hub_is_told() -> None:
    source, told = (HUB / "jupyterhub_config.py").read_text(), (HUB / "README.md").read_text()
    settings = set(re.findall(r"""environ(?:\.get\(|\[)["'](HUB_\w+)["']""", source))
    assert len(settings) == 8 and all(name in told for name in settings)
    assert all(name in (ast.get_docstring(ast.parse(source)) or "") for name in settings)
