"""A shelf with random weights instead of the course's own, so that tests do not hang on the files that ship."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision

import course_lib.models.pretrained_models
import course_lib.models.weights
from course_lib.models.weights import make_enum
from course_lib.models.weights.weight_files import read_figures, store


def put_up(folder: Path, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Make ``names`` the models with course weights for the length of a test."""
    for name in names:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            store(name, torchvision.models.get_model(name, num_classes=10), recipe="random", folder=folder)
    enums = {name: make_enum(name, row, folder, module=__name__) for name, row in read_figures(folder).items()}
    monkeypatch.setattr(course_lib.models.weights, "_ENUMS", enums)
    monkeypatch.setattr(course_lib.models.pretrained_models, "COURSE_MODELS", tuple(enums))
