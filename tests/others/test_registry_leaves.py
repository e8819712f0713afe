"""Every classifier and segmenter of torchvision's registry: leaves written without running, against the general way."""

from __future__ import annotations

import pytest
import torchvision
from torchvision.models import list_models, segmentation

from course_lib.tracing import inputs
from tests.tracing_ways import assert_both_ways_agree


@pytest.mark.parametrize("name", [*list_models(module=torchvision.models), *list_models(module=segmentation)])
def test_both_ways_give_the_same_trace(name: str) -> None:
    side = 299 if name == "inception_v3" else 224
    model = inputs.build(name)
    for mode in ("eval", "train"):
        assert_both_ways_agree(model, (2, 3, side, side), mode=mode)


@pytest.mark.parametrize("name", list_models(module=torchvision.models.video))
def test_a_video_model(name: str) -> None:
    assert_both_ways_agree(inputs.build(name).eval(), (1, 3, 16, 224, 224))
