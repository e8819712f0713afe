"""An error that the clinic does not know gets silence: near misses of every rule, and errors of its own."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torchvision import models

from course_lib import clinic
from course_lib.clinic import explanations
from course_lib.clinic.rules import Rule
from course_lib.errors import CourseError
from course_lib.pictures.images import open_image


class Color(Enum):
    RED = 1


class Raises(nn.Module):
    """A network that raises by itself, in the words of PyTorch or in others."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error, self.conv = error, nn.Conv2d(3, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        raise self.error


class Thing:
    pass


class OwnError(ValueError):
    pass


def raises(error: Exception) -> None:
    raise error


def renamed() -> None:
    state = nn.Sequential(nn.Linear(2, 2)).state_dict()
    state["0.wieght"] = state.pop("0.weight")
    nn.Sequential(nn.Linear(2, 2)).load_state_dict(state)


def asserted() -> None:
    assert torch.zeros(1) == 1, "Wrong image height! Expected 224 but got 384!"


picture = torch.zeros(1, 3, 8, 8)
NUMBERS: Any = [1, 2]
NEAR: dict[str, Callable[[], Any]] = {
    "no model in it, mm": lambda: torch.zeros(2, 3) @ torch.zeros(4, 5),
    "no model in it, add": lambda: torch.zeros(3) + torch.zeros(4),
    "no model in it, cat": lambda: torch.cat([torch.zeros(2, 3), torch.zeros(3, 4)]),
    "no model in it, device": lambda: torch.zeros(3) + torch.zeros(3, device="meta"),
    "no model in it, dtype": lambda: torch.zeros(2, 2) @ torch.zeros(2, 2).double(),
    "unpacking": lambda: [(a, b, c, d) for a, b, c, d in [torch.zeros(3, 2, 2).shape]],
    "said by oneself": lambda: raises(RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)")),
    "said by one's own model": lambda: Raises(ValueError("expected 4D input (got 3D input)"))(picture[0]),
    "asserted by oneself": asserted,
    "a subclass": lambda: raises(OwnError("Unknown model resnet-18")),
    "another registry": lambda: raises(ValueError("Unknown model resnet-18")),
    "another KeyError": lambda: {}["IMAGENET1K_V2"],
    "another enum": lambda: Color["IMAGENET1K_V2"],
    "another enum's attribute": lambda: Color.IMAGENET1K_V2,  # type: ignore[attr-defined]
    "a member's attribute": lambda: models.ResNet18_Weights.DEFAULT.foo,
    "another object": lambda: Thing().IMAGENET1K_V2,  # type: ignore[attr-defined]
    "a name near nothing": lambda: models.qqqq_zzzz,
    "an import of something else": lambda: __import__("torchvision.qqqq_zzzz"),
    "another module": lambda: torchvision.resnet81,
    "another numpy error": lambda: torch.zeros(2).numpy().reshape(3),
    "unpickled by oneself": lambda: pickle.loads(b"<html>"),
    "no such file": lambda: torch.load("there is none.pth"),
    "renamed layer": renamed,
    "not in the embedding": lambda: nn.Embedding(3, 2)(torch.tensor([7])),
    "a key like none": lambda: {"epoch": 3}["state_dict"],
    "a name like none": lambda: qqqq_zzzz,  # type: ignore[name-defined]  # noqa: F821
    "a package of nobody": lambda: __import__("qqqq_zzzz"),
    "a list of one's own that is called": lambda: NUMBERS(3),
    "None of one's own": lambda: None.shape,  # type: ignore[attr-defined]
    "one's own class without len": lambda: len(Thing()),  # type: ignore[arg-type]
    "numbers and words": lambda: 3 + "a",  # type: ignore[operator]
    "a keyword like none": lambda: nn.Linear(2, 2, qqqq=3),  # type: ignore[call-arg]
    "an attribute like none": lambda: nn.Linear(2, 2).qqqq_zzzz(),  # type: ignore[operator]
    "one's own list is too short": lambda: [1, 2][5],
    "too many values": lambda: [a for a, b in [(1, 2, 3)]],
    "the truth of an array": lambda: bool(torch.zeros(2).numpy() == 0),
    "too many arguments": lambda: nn.Linear(2, 2)(torch.zeros(1, 2), 3),
    "no groups": lambda: nn.Conv2d(4, 4, 1, groups=0),
    "another ResNet error": lambda: models.resnet18(weird=True),
    "division": lambda: 1 / 0,
    "the course's own sentence": lambda: open_image("there is none.jpg"),
    "syntax": lambda: compile("a b", "cell", "exec"),
    "stop": lambda: raises(StopIteration()),  # type: ignore[arg-type]
    "no words": lambda: raises(RuntimeError()),
}


@pytest.mark.parametrize("name", NEAR)
def test_silence(name: str) -> None:
    with pytest.raises(Exception) as caught:
        NEAR[name]()
    assert clinic.explain(caught.value) is None
    assert explanations.diagnose(caught.value) is None  # and not because a recogniser failed


def test_what_was_never_raised_is_not_explained() -> None:
    assert clinic.explain(ValueError("Unknown model resnet-18")) is None


def test_an_interrupt_is_not_explained() -> None:
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt as error:
        assert clinic.explain(error) is None


def test_a_recogniser_that_fails_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(scene: Any) -> None:
        raise MemoryError("inside the recogniser")

    monkeypatch.setattr(explanations, "RULES", (Rule((ZeroDivisionError,), "", broken),))
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError as error:
        assert clinic.explain(error) is None
        with pytest.raises(MemoryError):
            explanations.diagnose(error)


def test_a_model_that_was_put_right_meanwhile_is_not_explained_by_its_shapes() -> None:
    """The trace must stop where the error was raised; here the model was changed before explain() was asked."""
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(), nn.Linear(9, 2))
    with pytest.raises(RuntimeError) as caught:
        model(picture)
    assert clinic.explain(caught.value) is not None
    model[2] = nn.Linear(4 * 64, 2)
    assert clinic.explain(caught.value) is None


@pytest.mark.parametrize("settings", [{"pretrained": True}, {"weights": True}])
def test_deprecated_ways_to_ask_for_weights_are_no_errors(settings: dict[str, Any]) -> None:
    """They warn and go on; where warnings are made errors, torchvision's own words say what to write."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="deprecated") as caught:
            models.resnet18(**settings)
    assert clinic.explain(caught.value) is None


def test_a_course_error_is_already_a_sentence(tmp_path: Path) -> None:
    from course_lib.models.checkpoints import read_state_dict

    (tmp_path / "w.pth").write_text("<html>")
    with pytest.raises(CourseError) as caught:
        read_state_dict(tmp_path / "w.pth")
    assert clinic.explain(caught.value) is None
