"""Known mistakes in the exercises of lesson 07, checkpoints: mostly solutions with one thing changed in their text."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path
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


def save(*edits: tuple[str, str]) -> Any:
    return edited(lesson07.save_whole, *edits)


def read(*edits: tuple[str, str]) -> Any:
    return edited(lesson07.read_any, *edits)


def count(*edits: tuple[str, str]) -> Any:
    return edited(lesson07.count_confusions, *edits)


def only_fc(model: Any, num_classes: int) -> nn.Module:
    model.fc = nn.Linear(512, num_classes)
    return model


def first_away(content: Any, path: Path) -> None:
    part = path.with_name("part")
    path.unlink(missing_ok=True)
    torch.save(content, part)
    part.rename(path)


def own_words(content: dict[str, Any], path: Path) -> None:
    lesson07.save_whole({"weight": content["weight"]}, path)


def silent(content: Any, path: Path) -> None:
    with contextlib.suppress(OSError):
        lesson07.save_whole(content, path)


def forgiving(path: Path) -> Any:
    try:
        return lesson07.read_any(path)
    except Exception:
        return {}


REPLACE = "part.replace(path)"
CLEAN = """    finally:
        part.unlink(missing_ok=True)"""
LEFT = """    except ValueError:
        pass"""
LOAD = 'torch.load(path, map_location="cpu", weights_only=True)'
PREFIX = 're.sub(r"^((module|_orig_mod)\\.)+", "", name)'
LAST = "if isinstance(layer, nn.Linear)][-1]"
SETTING = "setattr(model.get_submodule(parent), name, nn.Linear(last.in_features, num_classes))"
LOSS = "nn.functional.cross_entropy(model(batch), labels)"
ORDER = "optimizer.zero_grad()\n    loss.backward()"

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
        (step(("model.train()", "model.eval()")), "model.train.. comes first"),
        (step((LOSS, f"{LOSS[:-1]}, reduction='sum')")), "the mean cross-entropy before the step"),
        (step((ORDER, "loss.backward()\n    optimizer.zero_grad()")), "No weight changed, and no gradient"),
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
    lesson07.opens: [
        ("ABCDF", "C is a whole model"), ("ABDEF", "a datetime"), ("BDF", "A is missing"), ("ABD", "F is missing"),
        ("ABF", "D is missing"), ("ABDFG", "none of the letters"), (3, "a word of letters"),
    ],
    lesson07.save_whole: [
        (lambda content, path: torch.save(content, path), "The old file itself was written over"),
        (lambda content, path: [content], "there is no file net.pth"),
        (save(("torch.save(content, part)", "torch.save({}, part)")), "read again, the names are weight, not none"),
        (save(("torch.save(content, part)", "part.write_text('x')")), "On the file that was saved .*raised"),
        (save((REPLACE, "path.unlink(missing_ok=True); import shutil; shutil.copy(part, path)"), (CLEAN, LEFT)),
         "After saving something is left beside the file: net.pth.part"),
        (save((CLEAN, LEFT)), "After saving that broke off something is left"),
        (first_away, "broke off in the middle, and the old file was gone"),
        (silent, "nobody was told"), (own_words, "never reached torch.save"),
        (lambda path: [path], "raised TypeError"), ("net.pth", "is a function"),
    ],
    lesson07.read_any: [
        (read((f"content = {LOAD}", f"content = {LOAD}['model_state_dict']")), "On a bare state dict .*KeyError"),
        (read(('"model_state_dict", ', "")), "a checkpoint with model_state_dict"),
        (read((', "state_dict"', ",")), "a checkpoint with state_dict"),
        (read(("^((module|_orig_mod)", "^((module)")), "saved from a compiled model"),
        (read(("^((module|_orig_mod)", "^((_orig_mod)")), "from nn.DataParallel"),
        (read((PREFIX, "name.replace('module.', '').replace('_orig_mod.', '')")), "On a bare .* not .*head.bias"),
        (read((")+", ")")), "compiled, then made parallel"),
        (read((PREFIX, "name.removeprefix('module.').removeprefix('_orig_mod.')")), "made parallel, then compiled"),
        (read(("weights_only=True", "weights_only=False")), "its code ran"),
        (forgiving, "taken without a word"),
        (read((LOAD, "torch.read(path)")), "raised AttributeError"),
        (read(("return {", "{")), "is the return missing"),
        (read(("return {", "return [*{"), ("items()}", "items()}]")), "a value of type list"),
        (read((": tensor for", ": tensor * 2 for")), "values differ"), ({}, "is a function"),
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
