"""A member of each family of torchvision's classifiers that ``tests/test_one_number.py`` has no time for."""

from __future__ import annotations

import pytest

import course_lib.models.weights  # noqa: F401 - registers EfficientNet-Lite
from tests.one_number_checks import check_forward, check_layouts, check_numbers, forward

FAMILIES = {
    "alexnet": 96, "convnext_tiny": 64, "densenet121": 64, "efficientnet_lite0": 224, "efficientnet_v2_s": 96,
    "inception_v3": 299, "maxvit_t": 224, "mnasnet0_5": 64, "mobilenet_v2": 64, "mobilenet_v3_large": 64,
    "regnet_x_400mf": 64, "regnet_y_400mf": 64, "resnet50": 64, "resnext50_32x4d": 64, "squeezenet1_1": 64,
    "swin_t": 64, "vgg11_bn": 64, "vit_b_16": 224, "wide_resnet50_2": 64,
}  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_every_number_of_a_family(name: str) -> None:
    run = forward(name, FAMILIES[name])
    check_forward(run)
    check_numbers(run)
    check_layouts(run)
