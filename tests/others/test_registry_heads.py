"""Every classifier of torchvision's registry: a replaced head gives the model that its own builder makes."""

from __future__ import annotations

import pytest

from tests.registry_heads import NAMES, assert_as_torchvision_builds_it


@pytest.mark.parametrize("name", NAMES)
def test_a_replaced_head_gives_the_model_that_torchvision_builds(name: str) -> None:
    assert_as_torchvision_builds_it(name)


def test_every_name_of_the_registry_was_tried() -> None:
    assert len(NAMES) >= 80
