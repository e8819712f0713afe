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


def frozen(*edits: tuple[str, str]) -> Any:
    return edited(lesson07.frozen_features, *edits)


def probe(*edits: tuple[str, str]) -> Any:
    return edited(lesson07.linear_probe, *edits)


def epoch(*edits: tuple[str, str]) -> Any:
    return edited(lesson07.train_epoch, *edits)


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
EVAL = "    body.eval()\n"
PARTS = "body(part).flatten(1) for part in batch.split(32)"
JOINED = f"torch.cat([{PARTS}])"
MAKE = "    head = nn.Linear(features.shape[1], classes)\n"
STEPS = "[train_step(head, features, labels, optimizer) for _ in range(steps)]"
LEARN = "        total += train_step(model, batch, labels, optimizer) * len(labels)\n"
MOVE = "        schedule.step()\n"
MEAN = "    return total / pictures"

MISTAKES: dict[Exercise, list[tuple[Any, str]]] = {
    lesson07.head_parameters: [
        (1024, "has a bias too"), (11177538, "the whole network"), (5130, "for 10 classes"),
        (513000, "for 1000 classes"),
        (512, "isn't it"), (2.5, "whole number"), ("two", "is a number"),
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
        (step(("model(batch)", "model(batch).softmax(1)")), "you've done it twice"),
        (step((CLEAR, f"{CLEAR}    model.eval()\n")), "switched to eval mode"),
        (step((CLEAR, f"{CLEAR}    model.train()\n")), "Your step calls"),
        (step(("    return loss", "    model.eval()\n    return loss")), "leaves the model in eval mode"),
        (step((LOSS, f"{LOSS[:-1]}, reduction='sum')")), "the mean cross-entropy before the step"),
        (step((BACK, f"{BACK}    optimizer.zero_grad()\n")), "No weight changed, and there are no gradients"),
        (step(("optimizer.step()", "pass")), "optimizer.step.. is missing"),
        (step(("optimizer.zero_grad()", "pass")), "Step 1 is right, step 2 is not"),
        (step(("loss.backward()", "(2 * loss).backward()")), "not where one step"),
        (lambda model: 1.0, "raised TypeError"), (nn.CrossEntropyLoss, "is a function"),
    ],
    lesson07.frozen_features: [
        (frozen((EVAL, "")), "in train mode, and they depend on the batch"),
        (frozen(("torch.no_grad()", "torch.enable_grad()")), "attached to the body's graph"),
        (frozen((JOINED, f"[{PARTS}]")), "a list of parts"),
        (frozen((".flatten(1)", "")), "still maps of shape"),
        (frozen(("batch.split(32)", "batch.split(64)")), "64 pictures went into the body at once. Take at most 32"),
        (frozen((JOINED, "body(batch[:32]).flatten(1)")), "features for only 32 pictures"),
        (frozen(("torch.cat(", "torch.stack(")), "raised RuntimeError"),
        (frozen(("return torch", "torch")), "shape should be|nothing|None|return"),
        (frozen((JOINED, f"{JOINED} * 2")), "aren't those of the body in eval mode"),
        (frozen((EVAL, f"{EVAL}    body.requires_grad_(False)\n")), "nobody can train them later"),
        (frozen((f"return {JOINED}", f"rows = {JOINED}\n        body.train()(batch[:32])\n    return rows")),
         "the body has changed: 1.running_mean moved"),
        (nn.Flatten, "is a function"),
    ],
    lesson07.linear_probe: [
        (probe(("return head, ", "return ")), "two things"), (probe((f", {STEPS}", "")), "the head alone"),
        (probe(("range(steps)", "range(steps - 1)")), "it holds 299"),
        (probe(("range(steps)", "range(300)")), "it holds 300"),
        (probe((STEPS, f"[torch.tensor(loss) for loss in {STEPS}]")), "The losses are tensors"),
        (probe(("return head, ", "return nn.Linear(features.shape[1], classes), ")), "isn't the one that was trained"),
        (probe(("AdamW(head.parameters()", "AdamW(nn.Linear(2, 2).parameters()")), "nothing is learned"),
        (probe(("lr=3e-3", "lr=2e-4")), "Is the rate 3e-3"),
        (probe(("return head, ", "head, ")), "returned nothing"),
        (probe((STEPS, f"sum({STEPS})")), "The losses should be a list of numbers, not a value of type float"),
        (probe(("lr=3e-3", "lr=3.0")), "steps are far too large"),
        (probe(("classes)\n", "classes + 1)\n")), "it goes from 12 to 3"),
        (probe(("[1], classes)", "[0], classes)")), "raised RuntimeError"),
        (probe((MAKE, f"    features.div_(2)\n{MAKE}")), "features were changed"),
        (probe(("head = nn.Linear(features.shape[1], classes)",
                "head = nn.Sequential(nn.Linear(features.shape[1], classes))")), "of type Sequential"),
        (nn.Linear, "is a function"),
    ],
    lesson07.train_epoch: [
        (epoch(("    model.train()\n", "")), r"model.train\(\) comes first"),
        (epoch((MOVE, ""), ), r"schedule.step\(\) after each of them"),
        (epoch((LEARN, f"        schedule.step()\n{LEARN}"), (LEARN + "        pictures += len(labels)\n" + MOVE,
                LEARN + "        pictures += len(labels)\n")), "The rate changed before the step"),
        (epoch((MEAN, f"    schedule.step()\n{MEAN}")), "should have moved 3 times"),
        (epoch((MEAN, f"    {MEAN}")), "there a return inside the loop"),
        (epoch((" * len(labels)", ""), ("pictures += len(labels)", "pictures += 1")), "the mean of the batches"),
        (epoch((" * len(labels)", "")), "should be"),
        (epoch((" / pictures", "")), "That is a sum"),
        (epoch(("total +=", "total ="), (" * len(labels)", ""), (" / pictures", "")), "the last batch's loss"),
        (epoch((" * len(labels)", ""), (" / pictures", "")), "sum of the batches' losses"),
        (epoch((MEAN, f"    return torch.tensor({MEAN[11:]})")), "as a tensor"), (epoch((MEAN, "")), "return missing"),
        (epoch(("train_step(model, batch, labels, optimizer)", "1.0")), "no weight changed"),
        (epoch(("in batches:", "in [*batches][::-1]:")), "in their order"), ([], "is a function"),
    ],
    lesson07.smallest_loss: [
        (lambda classes: 0.0, "Only logits can reach zero"), (math.log, "the loss of pure guessing"),
        (lambda classes: 1 / classes, "On 2 classes it isn't 0.5000"),
        (lambda classes: 0.3133, "On 3 classes it isn't"), (lambda classes: [classes], "On 2 classes: .* type list"),
        (lambda classes: math.inf, "a finite number"), (0.5514, "is a function"),
    ],
    lesson07.count_confusions: [
        (count((", dtype=torch.int64", "")), "not torch.float32"),
        (count(("[right, said]", "[said, right]")), "swapped"),
        (count(("+= 1", "= 1")), "counted only once"), (count(("[right, said]", "[right, right]")), "counts should be"),
        (count(("return counts", "return counts.tolist()")), "returned list"),
        (count(("return counts", "")), "return missing"),
        (count(("zeros(classes, classes", "zeros(2, 2")), "raised IndexError"), (torch.zeros(2, 2), "is a function"),
        (count(("classes, classes", "classes, classes + 1")), r"shape should be \(2, 2\)"),
    ],
}  # fmt: skip
