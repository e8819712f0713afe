"""Models of torchvision that aren't plain classifiers: traced, tabled, drawn, and refused a head or a map truthfully.

Detection, segmentation, video, optical flow and quantized networks, one of a kind; random weights. What is refused
stands in the table with the words of its reason, and nothing else may be.
"""

from __future__ import annotations

import re

import pytest

from benchmarks.others import STEPS, survey, torchvision_model

#: Model → step → the words with which it is refused.
REFUSALS: dict[str, dict[str, str]] = {
    "deeplabv3_mobilenet_v3_large": {"converted": "isn't a classifier: one picture gives a dict"},
    "lraspp_mobilenet_v3_large": {
        "headed": "no single head: its answer comes from add",
        "converted": "isn't a classifier: one picture gives a dict",
    },
    "fasterrcnn_mobilenet_v3_large_320_fpn": {
        "headed": "no single head: its answer comes from stack",
        "converted": r"torch\.fx cannot follow its forward",
    },
    "ssdlite320_mobilenet_v3_large": {
        "headed": "no single head: its answer comes from stack",
        "converted": r"torch\.fx cannot follow its forward",
    },
    "raft_small": {
        "headed": "no single head: its answer comes from sub",
        "converted": "its forward makes decisions by numbers or sizes",
    },
    "mc3_18": {"converted": "takes videos"},
    "s3d": {"headed": "too small for a window of 7", "converted": "takes videos"},
    "quantized_mobilenet_v2": {"headed": "is quantized", "converted": "is quantized"},
}


@pytest.mark.filterwarnings("ignore")  # quantization's own, which is on its way out
@pytest.mark.parametrize("name", REFUSALS)
def test_a_model(name: str) -> None:
    results = survey(*torchvision_model(name))
    assert set(results) == set(STEPS)
    for step, reason in results.items():
        words = REFUSALS[name].get(step, "")
        assert re.search(words, reason) if words else not reason, (step, reason)
