"""Partial credit: an answer gets the shares of the properties that hold, in the open cases and in the hidden ones.

The oracles are the solutions, known mistakes that each break one property, and how nbgrader reads a test's output.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from course_lib.exercises.engine.credit import examined, part
from course_lib.exercises.engine.exercise import Exercise, NotCorrect
from course_lib.exercises.engine.learner_progress import all_exercises
from course_lib.exercises.engine.requirements import Wrong
from course_lib.exercises.lessons import lesson01, lesson03, lesson04, lesson06, lesson09
from tests.exercise_edits import edited
from tests.exercise_mistakes import MISTAKES

PARTED = {name: exercise for name, exercise in all_exercises().items() if exercise.properties}
each = pytest.mark.parametrize("name", PARTED)


@each
def test_the_solution_has_every_property_and_all_points(name: str) -> None:
    exercise = PARTED[name]
    credit = exercise.credit(exercise.answer(), points=5, seed=11)
    assert credit.points == credit.most == 5 and dict(credit.properties) == dict.fromkeys(exercise.properties, "")
    with examined() as examination:
        exercise.grade(exercise.answer(), seed=12)
    assert set(examination.found) == set(exercise.properties)  # declared and examined are the same


@each
def test_a_known_mistake_never_has_all_points_and_its_first_failure_is_the_one_that_is_told(name: str) -> None:
    exercise = PARTED[name]
    for answer, _ in MISTAKES[exercise]:
        told = exercise.check(answer).sentence
        try:
            credit = exercise.credit(answer)
        except NotCorrect:
            continue
        assert 0 < credit.points < credit.most
        failed = [sentence for sentence in credit.properties.values() if sentence]
        assert told.removesuffix(" What your code printed is not shown here.") in failed


@pytest.mark.parametrize(("exercise", "edits", "lost"), [
    (lesson09.batch_norm, [("self.num_batches_tracked += 1", "pass")], ["the buffers follow every batch"]),
    (lesson09.batch_norm, [("mean - self", "mean.mean() - self")], ["the buffers follow every batch"]),
    (lesson09.batch_norm, [("if self.training:", "if True:")], ["eval mode normalises"]),
    (lesson03.basic_block, [("out + shortcut", "out + shortcut.detach()")], ["the gradient comes back to x"]),
    (lesson03.basic_block, [("torch.relu(out + shortcut)", "out + shortcut")],
     ["with torchvision's weights", "the gradient comes back to x"]),
    (lesson09.resnet18, [("self.maxpool(torch.relu", "self.maxpool(torch.tanh")], ["with its weights the logits"]),
    (lesson04.make_layers, [("batch_norm: bool = False", "batch_norm: bool = True")],
     ["the layers of the cfg", "with torchvision's weights"]),
    (lesson06.linear_to_conv, [("conv.bias.copy_(linear.bias)", "pass")], ["the bias is copied"]),
    (lesson01.careful_forward, [("with torch.no_grad():", "if True:")], ["the result carries no graph"]),
    (lesson01.careful_forward, [("module.training = training", "module.training = modes[model]")],
     ["every module gets"]),
], ids=lambda value: getattr(value, "id", ""))  # fmt: skip
def test_a_mistake_costs_the_properties_that_it_breaks(
    exercise: Exercise, edits: list[tuple[str, str]], lost: list[str]
) -> None:
    answer = edited(exercise, *edits)
    credit = exercise.credit(answer, seed=3)
    failed = [name for name, sentence in credit.properties.items() if sentence]
    assert len(failed) == len(lost) and all(name.startswith(word) for name, word in zip(failed, lost, strict=True))
    shares = exercise.properties
    assert credit.points == round(3 * (1 - sum(shares[name] for name in failed) / sum(shares.values())), 2)


def test_what_holds_in_the_open_cases_alone_does_not_count() -> None:
    solution = lesson03.MyBasicBlock if hasattr(lesson03, "MyBasicBlock") else lesson03.BasicBlock

    class Block(solution):  # type: ignore[misc, valid-type]
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = super().forward(x)
            return out if x.shape[0] == 2 and x.shape[2:] == (9, 8) else out + 1

    assert lesson03.basic_block.check(Block).state == "correct"
    credit = lesson03.basic_block.credit(Block, seed=5)
    assert credit.properties["with torchvision's weights it gives torchvision's values"]
    assert credit.points == round(3 * 2 / 5, 2)


@pytest.mark.parametrize("answer", [..., 3, torch.nn.Module, "class"])
def test_nothing_that_holds_is_no_point(answer: Any) -> None:
    with pytest.raises(NotCorrect):
        lesson03.basic_block.credit(answer, seed=1)


def test_an_exercise_without_properties_is_all_or_nothing() -> None:
    assert lesson01.accuracy.credit(lesson01.accuracy.answer(), seed=1).points == lesson01.accuracy.points
    with pytest.raises(NotCorrect):
        lesson01.accuracy.credit(lambda logits, targets: 0.5, seed=1)


def test_outside_of_grading_the_first_failure_is_raised_and_other_errors_always_are() -> None:
    with pytest.raises(Wrong, match="odd"), part("even"):
        raise Wrong("odd")
    with examined(), pytest.raises(ZeroDivisionError), part("even"):
        raise ZeroDivisionError


def test_nbgrader_reads_the_points_and_a_page_shows_the_properties() -> None:
    utils = pytest.importorskip("nbgrader.utils", reason="nbgrader is not installed")
    credit = lesson06.linear_to_conv.credit(edited(lesson06.linear_to_conv, ("conv.bias.copy_(linear.bias)", "pass")))
    output = {"data": {"text/plain": repr(credit)}}
    assert utils.get_partial_grade(output, credit.most) == credit.points == 2.25
    shown = credit._repr_html_()
    assert "2.25 of 3 points" in shown and shown.count("✓") == 3 and "the bias was not copied" in shown
