"""Known mistakes in the exercises of lesson 07, making a network yours."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from course_lib.exercises.engine.exercise import Exercise
from course_lib.exercises.lessons import lesson07
from tests.exercise_edits import edited


def head(*edits: tuple[str, str]) -> Any:
    return edited(lesson07.new_head, *edits)


def step(*edits: tuple[str, str]) -> Any:
    return edited(lesson07.train_step, *edits)


def count(*edits: tuple[str, str]) -> Any:
    return edited(lesson07.count_confusions, *edits)


def only_fc(model: Any, num_classes: int) -> nn.Module:
    model.fc = nn.Linear(512, num_classes)
    return model


LAST = "if isinstance(layer, nn.Linear)][-1]"
SETTING = "setattr(model.get_submodule(parent), name, nn.Linear(last.in_features, num_classes))"
LOSS = "nn.functional.cross_entropy(model(batch), labels)"
CLEAR = "    optimizer.zero_grad()\n"
BACK = "    loss.backward()\n"

MISTAKES: dict[Exercise, list[tuple[Any, str]]] = {
    lesson07.head_parameters: [
        (1024, "has a bias too"), (11177538, "the whole network"), (5130, "for 10 classes"),
        (513000, "for 1000 classes"),
        (512, "is not it"), (2.5, "whole number"), ("two", "is a number"),
    ],
    lesson07.new_head: [
        (head(("    return model\n", "")), "is the return missing"),
        (head(("return model", "return num_classes")), "type int"),
        (only_fc, "On a small DenseNet there are still 10 outputs: its head is classifier"),
        (head((LAST, LAST.replace("-1", "0"))), "On a small VGG .*raised RuntimeError"),
        (head(("num_classes))", "num_classes + 1))")), r"shape should be \(2, 2\), but it is \(2, 3\)"),
        (head(("num_classes))", "num_classes, bias=False))")), "fc.bias is only in one"),
        (head((SETTING, f"{SETTING}\n    nn.init.zeros_(next(model.parameters()))")), "but conv1.weight was changed"),
        (head(("model.get_submodule(parent)", "model")), "On a small MobileNetV2 there are still"),
        (nn.Linear, "is a function"),
    ],
    lesson07.train_step: [
        (step(("return loss.item()", "")), "is the return missing"),
        (step(("loss.item()", "loss")), "keeps the whole graph"),
        (step(("return loss.item()", "return [loss.item()]")), "type list"),
        (step(("model(batch)", "model(batch).softmax(1)")), "yours is done twice"),
        (step((CLEAR, f"{CLEAR}    model.eval()\n")), "switched to eval mode"),
        (step((CLEAR, f"{CLEAR}    model.train()\n")), "Your step calls"),
        (step(("    return loss", "    model.eval()\n    return loss")), "leaves the model in eval mode"),
        (step((LOSS, f"{LOSS[:-1]}, reduction='sum')")), "the mean cross-entropy before the step"),
        (step((BACK, f"{BACK}    optimizer.zero_grad()\n")), "No weight changed, and no gradient"),
        (step(("optimizer.step()", "pass")), "optimizer.step.. is missing"),
        (step(("optimizer.zero_grad()", "pass")), "Step 1 is right, step 2 is not"),
        (step(("loss.backward()", "(2 * loss).backward()")), "not where one step"),
        (lambda model: 1.0, "raised TypeError"), (nn.CrossEntropyLoss, "is a function"),
    ],
    lesson07.smallest_loss: [
        (lambda classes: 0.0, "Zero is reached by logits"), (math.log, "the loss of a guesser"),
        (lambda classes: 1 / classes, "On 2 classes it is not 0.5000"),
        (lambda classes: 0.3133, "On 3 classes it is not"), (lambda classes: [classes], "On 2 classes: .* type list"),
        (lambda classes: math.inf, "a finite number"), (0.5514, "is a function"),
    ],
    lesson07.count_confusions: [
        (count((", dtype=torch.int64", "")), "not torch.float32"),
        (count(("[right, said]", "[said, right]")), "exchanged"),
        (count(("+= 1", "= 1")), "counts once only"), (count(("[right, said]", "[right, right]")), "counts should be"),
        (count(("return counts", "return counts.tolist()")), "returned list"),
        (count(("return counts", "")), "return missing"),
        (count(("zeros(classes, classes", "zeros(2, 2")), "raised IndexError"), (torch.zeros(2, 2), "is a function"),
        (count(("classes, classes", "classes, classes + 1")), r"shape should be \(2, 2\)"),
    ],
}  # fmt: skip
