"""Torchvision's own model with another number of classes, against a head that was replaced."""

from __future__ import annotations

from typing import Any

import torchvision
from torch import nn
from torchvision.models import get_model_builder, list_models

from course_lib.models.heads import replace_head
from course_lib.tracing import inputs

NAMES = list_models(module=torchvision.models)


def shapes(model: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def built(name: str, **kwargs: Any) -> nn.Module:
    """Torchvision's model without memory (the RegNets too, which ``torch.device("meta")`` cannot build)."""
    if name in ("googlenet", "inception_v3"):
        kwargs["init_weights"] = False
    with inputs._WithoutMemory():
        return get_model_builder(name)(**kwargs)


def assert_as_torchvision_builds_it(name: str) -> None:
    model = built(name)
    before = shapes(model)
    ours = replace_head(model, 7)
    assert shapes(ours) == shapes(built(name, num_classes=7))
    assert shapes(model) == before
    assert [type(layer) for layer in ours.modules()] == [type(layer) for layer in model.modules()]
