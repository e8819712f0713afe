"""Known mistakes in the exercises of lesson 08, checkpoints: mostly solutions with one thing changed in their text."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch

from course_lib.exercises.engine.exercise import Exercise
from course_lib.exercises.lessons import lesson08
from tests.exercise_edits import edited


def save(*edits: tuple[str, str]) -> Any:
    return edited(lesson08.save_whole, *edits)


def read(*edits: tuple[str, str]) -> Any:
    return edited(lesson08.read_any, *edits)


def resumed(*edits: tuple[str, str]) -> Any:
    return edited(lesson08.resume, *edits)


def first_away(content: Any, path: Path) -> None:
    part = path.with_name("part")
    path.unlink(missing_ok=True)
    torch.save(content, part)
    part.rename(path)


def in_the_temporary_folder(content: Any, path: Path) -> None:
    handle, part = tempfile.mkstemp()
    os.close(handle)
    try:
        torch.save(content, part)
        shutil.move(part, path)
    finally:
        Path(part).unlink(missing_ok=True)


def own_words(content: dict[str, Any], path: Path) -> None:
    lesson08.save_whole({"weight": content["weight"]}, path)


def silent(content: Any, path: Path) -> None:
    with contextlib.suppress(OSError):
        lesson08.save_whole(content, path)


def forgiving(path: Path) -> Any:
    try:
        return lesson08.read_any(path)
    except Exception:
        return {}


REPLACE = "part.replace(path)"
CLEAN = """    finally:
        part.unlink(missing_ok=True)"""
LEFT = """    except ValueError:
        pass"""
LOAD = 'torch.load(path, map_location="cpu", weights_only=True)'
MODEL = 'model.load_state_dict(content["model_state_dict"])'
MEMORY = 'optimizer.load_state_dict(content["optimizer_state_dict"])'
RATE = 'schedule.load_state_dict(content["schedule_state_dict"])'
DICE = 'torch.set_rng_state(content["rng_state"])'
PREFIX = 're.sub(r"^((module|_orig_mod)\\.)+", "", name)'

MISTAKES: dict[Exercise, list[tuple[Any, str]]] = {
    lesson08.file_size: [
        (100, "the weights alone"), (200, "SGD with momentum"), (75, "millions of numbers"), (3e8, "Those are bytes"),
        (2400, "bits"), (7, "7 isn't it"), ("large", "is a number"),
    ],
    lesson08.diagnose: [
        ("KHPD", "Error 1 is not the whole dictionary"), ("PDKH", "Error 2 is not a different depth"),
        ("PHDK", "Error 3 is not a different depth"), ("PHKH", "Error 4 is not a different head"),
        ("PHK", "four letters"), ("ABCD", "four letters"), (4, "a word of four letters"),
    ],
    lesson08.opens: [
        ("ABCDF", "C is a whole model"), ("ABDEF", "a datetime"), ("BDF", "A is missing"), ("ABD", "F is missing"),
        ("ABF", "D is missing"), ("ABDFG", "isn't one of the letters"), (3, "a word of letters"),
    ],
    lesson08.save_whole: [
        (lambda content, path: torch.save(content, path), "The old file itself was overwritten"),
        (lambda content, path: [content], "there is no file net.pth"),
        (save(("torch.save(content, part)", "torch.save({}, part)")), "read again, the names are weight, not none"),
        (save(("torch.save(content, part)", "part.write_text('x')")), "On the file that was saved .*raised"),
        (save((REPLACE, "path.unlink(missing_ok=True); import shutil; shutil.copy(part, path)"), (CLEAN, LEFT)),
         "After saving something is left next to the file: net.pth.part"),
        (save((CLEAN, LEFT)), "After an interrupted save something is left"),
        (first_away, "interrupted half-way, and the old file was gone"),
        (in_the_temporary_folder, "folder for temporary files"), (silent, "no error was raised"),
        (own_words, "never reached torch.save"),
        (lambda path: [path], "raised TypeError"), ("net.pth", "is a function"),
    ],
    lesson08.resume: [
        (resumed((MODEL, "pass")), "the model doesn't have the file's numbers"),
        (resumed((MEMORY, "pass")), "no memory of the steps before"),
        (resumed((RATE, "pass")), "the schedule is at step 0"),
        (resumed((DICE, "pass")), "random numbers don't continue"),
        (resumed((MODEL, f"{MODEL}\n    for layer in model:\n        layer.p = 0.9")), "After 4 more steps"),
        (resumed(("    return step", "")), "returned nothing"),
        (resumed(("return step", "return step + 1")), "returned 6"),
        (resumed(("return step", "return model")), "an int, not a value of type Sequential"),
        (resumed((MODEL, "model.load_state_dict(content)")), "raised RuntimeError"),
        (resumed((RATE, f"{RATE}\n    optimizer.param_groups[0]['lr'] = 0.1")), "optimizer's state isn't the file's"),
        (resumed(("weights_only=True", "weights_only=False")), "its code ran"), (lambda path: 5, "raised TypeError"),
        ({}, "is a function"),
    ],
    lesson08.read_any: [
        (read((f"content = {LOAD}", f"content = {LOAD}['model_state_dict']")), "On a bare state dict .*KeyError"),
        (read(('"model_state_dict", ', "")), "a checkpoint with model_state_dict"),
        (read((', "state_dict"', ",")), "a checkpoint with state_dict"),
        (read(("^((module|_orig_mod)", "^((module)")), "saved from a compiled model"),
        (read(("^((module|_orig_mod)", "^((_orig_mod)")), "from nn.DataParallel"),
        (read((PREFIX, "name.replace('module.', '').replace('_orig_mod.', '')")), "On a bare .* not .*head.bias"),
        (read((")+", ")")), "compiled, then made parallel"),
        (read((PREFIX, "name.removeprefix('module.').removeprefix('_orig_mod.')")), "made parallel, then compiled"),
        (read(("weights_only=True", "weights_only=False")), "its code ran"),
        (forgiving, "accepted without a word"),
        (read((LOAD, "torch.read(path)")), "raised AttributeError"),
        (read(("return {", "{")), "is the return missing"),
        (read(("return {", "return [*{"), ("items()}", "items()}]")), "a value of type list"),
        (read((": tensor for", ": tensor * 2 for")), "values differ"), ({}, "is a function"),
    ],
}  # fmt: skip
