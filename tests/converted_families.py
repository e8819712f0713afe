"""One classifier of every family, and that converting it keeps its logits at its own size."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torchvision import models

from course_lib.networks.fcn import convert

#: One of every family, the side of the pictures it is built for here, and what keeps building it quick.
FAMILIES: dict[str, tuple[int, dict[str, Any]]] = {
    "resnet18": (224, {}),
    "alexnet": (224, {}),
    "squeezenet1_1": (224, {}),
    "densenet121": (128, {}),
    "mobilenet_v2": (128, {}),
    "mobilenet_v3_small": (224, {}),
    "mnasnet0_5": (224, {}),
    "shufflenet_v2_x0_5": (224, {}),
    "regnet_y_400mf": (128, {}),
    "efficientnet_b0": (128, {}),
    "convnext_tiny": (128, {}),
    "googlenet": (160, {"init_weights": False, "transform_input": True, "aux_logits": True}),
    "inception_v3": (299, {"init_weights": False, "transform_input": True}),
    "swin_t": (224, {}),
    "VGG": (224, {}),
}
#: Among them: ceil mode, average pools, a pool over the whole picture, a linear layer over 7×7 cells.
DILATED = ("squeezenet1_1", "googlenet", "densenet121", "mobilenet_v3_small", "VGG")
#: Run with all that a learner's machine can run; tests/others has the others.
HERE = (*DILATED, "resnet18", "shufflenet_v2_x0_5", "swin_t")


def vgg() -> nn.Module:
    """Torchvision's VGG, narrow: its first linear layer alone would have a hundred million weights."""
    layers: list[str | int] = [8, "M", 8, "M", 8, "M", 8, "M", 8, "M"]
    model = models.VGG(models.vgg.make_layers(layers, batch_norm=True), init_weights=False)
    model.classifier = nn.Sequential(nn.Linear(8 * 7 * 7, 32), nn.ReLU(True), nn.Dropout(), nn.Linear(32, 10))
    return model


def built(name: str) -> tuple[nn.Module, Tensor, Tensor]:
    """A classifier, two pictures of its own size, and its logits, which depend on the picture."""
    torch.manual_seed(0)
    side, options = FAMILIES[name]
    model = vgg() if name == "VGG" else models.get_model(name, weights=None, num_classes=10, **options)
    batch = torch.randn(2, 3, side, side)
    for module in model.eval().modules():  # without statistics a deep net's logits are all but constant
        if isinstance(module, nn.BatchNorm2d):
            module.train().reset_running_stats()
            module.momentum = None
    with torch.no_grad():
        model(batch)
        logits = model.eval()(batch)
    assert float((logits[0] - logits[1]).abs().max()) > 1e-3 * float(logits.abs().max())
    return model, batch, logits


def assert_its_own_logits(name: str) -> None:
    model, batch, logits = built(name)
    side = batch.shape[-1]
    fcn = convert(model, window=side)
    with torch.no_grad():
        found = fcn(batch)
        assert found.shape == (2, 10, 1, 1) == (2, 10, *fcn.cells(side, side))
        torch.testing.assert_close(found.flatten(1), logits, rtol=0, atol=1e-5)
        if name in DILATED:
            for levels in (1, 2):
                finer = convert(model, window=side, dilated=levels)
                torch.testing.assert_close(finer(batch)[:, :, 0, 0], logits, rtol=0, atol=1e-5)
