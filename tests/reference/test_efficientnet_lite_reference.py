"""EfficientNet-Lite against the reference implementation, ``efficientnet-lite-pytorch``: the same logits, to the bit.

It reads the weights under its own names, so what is tested is the network, its padding, and the rule of renaming.
"""

from __future__ import annotations

import efficientnet_lite_pytorch
import pytest
import torch
from torch import nn
from torchvision.models import get_model, get_model_weights

import course_lib.models.weights  # noqa: F401 - registers the builders

NAMES = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")


def reference(name: str) -> nn.Module:
    """The reference with the same file's weights; without ``image_size`` it pads for whatever picture comes."""
    network = efficientnet_lite_pytorch.EfficientNet.from_name(name.replace("_", "-"), image_size=None)
    network.load_state_dict(torch.load(get_model_weights(name).DEFAULT.path, weights_only=True))
    return network.eval()


@pytest.mark.parametrize("name", NAMES)
def test_the_logits_are_the_reference_s_to_the_bit(name: str) -> None:
    theirs, ours = reference(name), get_model(name, weights="DEFAULT").eval()
    own = get_model_weights(name).DEFAULT.transforms().crop_size[0]
    for height, width in ((own, own), (225, 301), (97, 128)):
        generator = torch.Generator().manual_seed(height)
        batch = torch.randn(2, 3, height, width, generator=generator)
        with torch.inference_mode():
            assert torch.equal(ours(batch), theirs(batch)), (height, width)


@pytest.mark.parametrize("name", NAMES)
def test_the_gradients_in_train_mode_are_the_reference_s(name: str) -> None:
    """Without the random parts, dropout and stochastic depth: BatchNorm's momentum and epsilon are the same."""
    theirs, ours = reference(name).train(), get_model(name, weights="DEFAULT").train()
    theirs._dropout.p, theirs._global_params = 0.0, theirs._global_params._replace(drop_connect_rate=0.0)
    for module in ours.modules():
        if type(module).__name__ in ("StochasticDepth", "Dropout"):
            module.p = 0.0
    batch = torch.randn(4, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    for network in (theirs, ours):
        network(batch).square().mean().backward()
    pairs = list(zip(theirs.parameters(), ours.parameters(), strict=True))
    assert all(torch.allclose(a.grad, b.grad, rtol=1e-4, atol=1e-5) for a, b in pairs)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(theirs.buffers(), ours.buffers(), strict=True))
