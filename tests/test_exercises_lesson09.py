"""Lesson 09's exercises beside torchvision, and what moved here from lesson 03.

What is wrong is in exercise_mistakes/lesson09.py, what is right in other ways in exercise_rights.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import nn

from course_lib.exercises import my_progress
from course_lib.exercises.assignments.exercise_choice import choose
from course_lib.exercises.lessons import lesson03, lesson09
from course_lib.exercises.lessons.lesson03 import BasicBlock, Bottleneck
from course_lib.exercises.lessons.lesson09 import ResNet18
from course_lib.networks import faulty_resnet18
from tests.exercise_rights import InPlace

NETWORKS = {
    "resnet18": 18, "resnet34": 34, "resnet50": 50, "resnet101": 101, "resnet152": 152, "resnext50_32x4d": 50,
    "wide_resnet50_2": 50,
}  # fmt: skip


# -- the solutions beside what torchvision does -----------------------------------------------------------------------
@pytest.mark.parametrize("name", NETWORKS)
def test_layers_are_counted_as_in_the_names(name: str) -> None:
    with torch.device("meta"):
        net = torchvision.models.get_model(name, weights=None)
    assert lesson09.count_layers(net) == NETWORKS[name]


def test_a_resnet50_made_of_the_solutions_gives_torchvisions_logits() -> None:
    class ResNet50(ResNet18):
        def __init__(self) -> None:
            super().__init__()
            sizes = zip((64, 256, 512, 1024), (64, 128, 256, 512), (3, 4, 6, 3), (1, 2, 2, 2), strict=True)
            for number, (comes_in, planes, blocks, stride) in enumerate(sizes, 1):
                setattr(self, f"layer{number}", lesson09.make_layer(Bottleneck, comes_in, planes, blocks, stride))
            self.fc = nn.Linear(2048, 1000)

    truth = torchvision.models.resnet50().eval()
    mine = ResNet50().eval()
    mine.load_state_dict(truth.state_dict())
    batch = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(mine(batch), truth(batch))


def test_the_solutions_as_shown_need_no_more_than_torch_and_each_other() -> None:
    notebook: dict[str, Any] = {"torch": torch, "nn": nn}
    for exercise in (lesson03.basic_block, lesson03.bottleneck, lesson09.make_layer, lesson09.resnet18):
        exec(exercise.solution().words, notebook)
    for exercise in (lesson03.needs_downsample, lesson09.count_layers):
        exec(exercise.solution().words, notebook)
    assert lesson09.resnet18.check(notebook["MyResNet18"]).state == "correct"
    assert lesson09.make_layer.check(notebook["make_layer"]).state == "correct"
    assert lesson09.count_layers.check(notebook["layers_of"]).state == "correct"


# -- a block from lesson 03 -------------------------------------------------------------------------------------------
def test_a_pasted_block_is_checked_and_used(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wrong(BasicBlock):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) + 1

    monkeypatch.setattr(lesson03.basic_block, "_passed", ...)
    assert lesson03.basic_block.yours_or_solution(...) is BasicBlock
    assert capsys.readouterr().out.startswith("For now, the lesson uses our solution to 'BasicBlock'.")
    assert lesson03.basic_block.yours_or_solution(Wrong) is BasicBlock
    assert capsys.readouterr().out.startswith("BasicBlock: On a (2, 8, 9, 8) batch")
    assert lesson03.basic_block.yours_or_solution(InPlace) is InPlace
    assert capsys.readouterr().out == "From here on, the lesson uses your own MyBasicBlock.\n"


# -- the network with a mistake ---------------------------------------------------------------------------------------
def test_the_faulty_network_takes_all_weights_and_differs_first_where_its_shortcut_is_missing() -> None:
    torch.manual_seed(0)
    right, faulty = torchvision.models.resnet18(num_classes=10).eval(), faulty_resnet18(10).eval()
    assert str(faulty) == str(right)  # printed, it gives nothing away
    faulty.load_state_dict(right.state_dict())
    pictures, outputs = torch.randn(2, 3, 64, 64), []
    for net in (right, faulty):
        seen: dict[str, torch.Tensor] = {}
        for name, layer in net.named_modules():
            layer.register_forward_hook(
                lambda _, given, out, name=name, seen=seen: seen.update({name: seen.get(name, out.clone())})
            )
        with torch.inference_mode():
            net(pictures)
        outputs.append(seen)
    assert lesson09.first_difference(*outputs) == "layer1.1"
    block, x = faulty.layer1[1], torch.randn(1, 64, 8, 8)
    assert torch.equal(block(x), block.relu(block.bn2(block.conv2(block.relu(block.bn1(block.conv1(x)))))))


# -- exercises that moved ---------------------------------------------------------------------------------------------
def test_what_was_solved_in_lesson_03_stays_solved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    moved = ["batch_norm", "make_layer", "resnet18", "count_layers"]
    (tmp_path / "progress.json").write_text(json.dumps({f"03_{name}": ["correct", 2] for name in moved}))
    states = {line.id: line.state for line in my_progress("09").lines}
    assert [states[f"09_{name}"] for name in moved] == ["correct"] * 4
    assert states["09_first_difference"] == "not attempted"


def test_an_assignment_finds_them_and_their_points_by_their_former_ids() -> None:
    choice = choose("03_resnet18, 03_legal_add", points="03_resnet18=7")
    assert [(cell.exercise.id, cell.points) for cell in choice.cells] == [("03_legal_add", 1), ("09_resnet18", 7)]
