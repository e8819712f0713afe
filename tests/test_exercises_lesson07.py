"""Lesson 07's exercises beside torch and torchvision: its training, its files, its networks.

What is wrong is in exercise_mistakes/lesson07.py, what is right in other ways in exercise_rights.py.
"""

from __future__ import annotations

import collections
import io
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torchvision.models import get_model

from course_lib.exercises.checks.checkpoint_checks import Hostile, went_off
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


def test_what_is_written_in_place_or_only_half_safely_is_refused() -> None:
    def in_memory(content: Any, path: Path) -> None:
        buffer = io.BytesIO()
        torch.save(content, buffer)
        path.write_bytes(buffer.getvalue())

    def kept_aside(content: Any, path: Path) -> None:
        old = path.read_bytes() if path.exists() else None
        try:
            torch.save(content, path)
        except Exception:
            path.write_bytes(old or b"")
            raise

    for answer in (in_memory, kept_aside):
        assert "written over" in lesson07.save_whole.check(answer).sentence


def test_confusions_are_those_that_a_counter_counts() -> None:
    generator = torch.Generator().manual_seed(0)
    truth, predicted = torch.randint(5, (2, 300), generator=generator).tolist()
    counted = collections.Counter(zip(truth, predicted, strict=True))
    counts = lesson07.count_confusions(truth, predicted, 5)
    assert all(int(counts[row, column]) == counted[row, column] for row in range(5) for column in range(5))


def test_the_hostile_file_is_hostile_where_it_is_let_in() -> None:
    went_off.clear()
    pickle.loads(pickle.dumps(Hostile()))
    assert went_off == [1]
    assert lesson07.read_any.check(lesson07.read_any).state == "correct" and went_off == []


def test_the_letters_that_open_hold_no_class_of_any_module() -> None:
    assert lesson07.opens() == "ABDF"
