"""Lesson 07's exercises beside torch and torchvision: its training and its networks.

What is wrong is in exercise_mistakes/lesson07.py, what is right in other ways in exercise_rights.py.
"""

from __future__ import annotations

import collections

import pytest
import torch
from torch import nn
from torchvision.models import get_model

from course_lib.exercises.lessons import lesson07


@pytest.mark.parametrize("name", ["resnet18", "alexnet", "densenet121", "mobilenet_v3_small", "efficientnet_b0"])
def test_a_new_head_gives_torchvisions_own_shapes(name: str) -> None:
    with torch.device("meta"):
        model = lesson07.new_head(get_model(name), 2)
        wanted = get_model(name, num_classes=2).state_dict()
    assert {key: value.shape for key, value in model.state_dict().items()} == {k: v.shape for k, v in wanted.items()}


def test_the_praise_of_the_first_exercise_is_true() -> None:
    with torch.device("meta"):
        parameters = sum(p.numel() for p in get_model("resnet18", num_classes=2).parameters())
    assert round(parameters / lesson07.head_parameters(), -3) == 11_000


def test_the_smallest_loss_is_what_training_with_a_softmax_too_many_comes_to() -> None:
    for classes in (2, 3):
        logits = torch.zeros(1, classes, requires_grad=True)
        for _ in range(3000):
            loss = nn.functional.cross_entropy(logits.softmax(1), torch.tensor([0]))
            (gradient,) = torch.autograd.grad(loss, logits)
            logits.data -= 5 * gradient
        assert lesson07.smallest_loss(classes) <= float(loss.detach()) < lesson07.smallest_loss(classes) + 1e-3
    assert round(lesson07.smallest_loss(3), 2) == 0.55


def test_confusions_are_those_that_a_counter_counts() -> None:
    generator = torch.Generator().manual_seed(0)
    truth, predicted = torch.randint(5, (2, 300), generator=generator).tolist()
    counted = collections.Counter(zip(truth, predicted, strict=True))
    counts = lesson07.count_confusions(truth, predicted, 5)
    assert all(int(counts[row, column]) == counted[row, column] for row in range(5) for column in range(5))
