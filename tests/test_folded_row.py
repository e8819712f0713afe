"""A linear layer's row as a kernel: equal to torch's convolution, and to the classifier on a picture of one window."""

from __future__ import annotations

import pytest
import torch
from PIL import Image
from torch.nn import functional
from torchvision.models import get_model, get_model_weights

from course_lib.models.classifier import Classifier
from course_lib.networks.fcn import FcnError
from course_lib.networks.fcn.folded_row import folded_row, score_alone
from picturebook import CLASSES, scene


def classifier(name: str) -> Classifier:
    torch.manual_seed(0)
    weights = get_model_weights(name).DEFAULT
    model = get_model(name, weights=None, num_classes=10).eval()
    return Classifier(name, model, weights, weights.transforms(), CLASSES, torch.device("cpu"))


@pytest.mark.parametrize("name", ["resnet18", "shufflenet_v2_x0_5"])
def test_row_and_kernel_give_the_response_map(name: str) -> None:
    chosen = classifier(name)
    before = {key: tensor.clone() for key, tensor in chosen.model.state_dict().items()}
    folded = folded_row(chosen, scene("camel", seed=1, size=(290, 420)).picture)
    logits = folded.response.logits
    _, rows, columns = logits.shape
    assert (rows, columns) == (4, 8) and folded.side == 7
    kernels = torch.stack([folded.kernel(index) for index in range(10)])
    by_convolution = functional.conv2d(folded.last_map[None], kernels, folded.bias)[0]
    torch.testing.assert_close(by_convolution, logits, rtol=1e-4, atol=1e-4)
    for index, row, column in ((0, 0, 0), (3, 1, 2), (9, rows - 1, columns - 1)):
        expected = float(logits[index, row, column])
        assert folded.by_row(index, row, column) == pytest.approx(expected, abs=1e-4)
        assert folded.by_kernel(index, row, column) == pytest.approx(expected, abs=1e-4)
    assert all(torch.equal(tensor, before[key]) for key, tensor in chosen.model.state_dict().items())


def test_a_picture_of_one_window_has_the_classifiers_own_score() -> None:
    chosen = classifier("resnet18")
    folded = folded_row(chosen, scene("cat", seed=3, size=(224, 224)).picture)
    own = chosen.logits(folded.batch)[0]
    torch.testing.assert_close(folded.response.logits[:, 0, 0], own, rtol=1e-4, atol=1e-4)
    alone = score_alone(chosen, folded, 0, 0)
    assert alone is not None and torch.equal(alone, own)


def test_a_window_beyond_the_picture_has_no_score_alone() -> None:
    chosen = classifier("shufflenet_v2_x0_5")
    folded = folded_row(chosen, Image.new("RGB", (260, 240)))
    rows, columns = folded.response.logits.shape[1:]
    assert score_alone(chosen, folded, rows - 1, columns - 1) is None


def test_another_head_is_a_sentence() -> None:
    with pytest.raises(FcnError, match="linear layer"):
        folded_row(classifier("squeezenet1_1"), Image.new("RGB", (300, 300)))
    with pytest.raises(FcnError, match="300"):
        folded_row(classifier("resnet18"), Image.new("RGB", (300, 100)))
