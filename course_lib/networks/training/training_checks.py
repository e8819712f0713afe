"""Checks before a training begins: folders, numbers and model that would fail later, or give useless figures."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from course_lib.errors import CourseError
from course_lib.pictures.folders import LabelledFolder

__all__ = ["check_folders", "check_learner", "check_model", "check_numbers", "logits_of"]


def check_folders(train: Any, val: Any) -> None:
    """Check that two folders have the same classes, and no picture in common.

    Raises:
        CourseError: one is not a folder or is empty, their classes differ, or they share a picture.
    """
    for name, folder in (("train", train), ("val", val)):
        if not isinstance(folder, LabelledFolder):
            raise CourseError(f"{name} is a {type(folder).__name__}: give what open_folder(path) returns.")
        if not len(folder):
            raise CourseError(f"{name} holds no pictures.")
    if train.classes != val.classes:
        raise CourseError(
            f"The classes of train ({', '.join(train.classes)}) and of val ({', '.join(val.classes)}) differ: both "
            "need the same sub-folders."
        )
    common = {path.resolve() for path, _ in train.pictures} & {path.resolve() for path, _ in val.pictures}
    if common:
        raise CourseError(
            f"{len(common)} pictures are in train and in val, such as {min(common).name}: pictures the "
            "model learned from can't "
            "show how well it learned. Put some aside with train, val = folder.split(0.2)."
        )


def check_numbers(*, learning_rate: float, patience: int | None, **counts: int) -> None:
    """Check that all counts are whole numbers that are large enough, and that the learning rate is above 0.

    Raises:
        CourseError: one of them is not; the sentence names it.
    """
    least = {"batch_size": 2, "seed": 0}  # BatchNorm compares the pictures of a batch
    counts |= {} if patience is None else {"patience": patience}
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, int) or count < least.get(name, 1):
            raise CourseError(f"{name}={count!r}: give a whole number of at least {least.get(name, 1)}.")
    if not isinstance(learning_rate, (int, float)) or not 0 < learning_rate < math.inf:
        raise CourseError(f"learning_rate={learning_rate!r}: give a number above 0, such as 0.01.")


def check_model(model: Any, classes: Sequence[str], size: int, *, modes: Sequence[bool] = (False, True)) -> None:
    """Check that a model takes pictures of this size, has an output for each class, weights to train, and no NaN.

    Args:
        modes: values of its ``training`` with which a copy of it is tried.

    Raises:
        CourseError: one of these does not hold; the sentence says which.
    """
    if not isinstance(model, nn.Module):
        inner = " Give its model: classifier.model." if isinstance(getattr(model, "model", None), nn.Module) else ""
        raise CourseError(f"A model to train is a torch.nn.Module; this is a {type(model).__name__}.{inner}")
    check_learner(model)
    without_numbers = [name for name, weight in model.named_parameters() if is_lazy(weight) or weight.is_meta]
    if without_numbers:
        raise CourseError(
            f"{without_numbers[0]} has no numbers yet: run a batch through lazy layers first; fill a model on the meta "
            "device."
        )
    broken = [name for name, weight in model.named_parameters() if not bool(weight.isfinite().all())]
    if broken:
        raise CourseError(
            f"{broken[0]} contains NaN or infinity, and nothing can be learned from there: load it again."
        )
    device = next(model.parameters()).device
    trial, pictures = copy.deepcopy(model), torch.zeros(2, 3, size, size, device=device)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            for mode in modes:  # auxiliary heads, which answer only in train mode, need larger pictures
                logits = logits_of(trial.train(mode)(pictures))
    except Exception as error:  # whatever a model may raise
        why = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        dtypes = {weight.dtype for weight in model.parameters()} - {torch.float32}
        advice = "give model.float()" if dtypes else f"try another size, such as size={224 if size < 224 else 299}"
        raise CourseError(
            f"This {type(model).__name__} does not take pictures of {size}×{size} pixels: {why}; {advice}."
        ) from error
    if logits.shape != (2, len(classes)):
        answers = f"{logits.shape[1]} outputs" if logits.ndim == 2 else f"outputs of shape {tuple(logits.shape)}"
        raise CourseError(
            f"This {type(model).__name__} has {answers}, and there are {len(classes)} classes ({', '.join(classes)}): "
            f"give it a new head, replace_head(model, {len(classes)})."
        )


def check_learner(learner: nn.Module) -> None:
    """Check that at least one weight of what is to be trained can change.

    Raises:
        CourseError: all have requires_grad = False.
    """
    if not any(weight.requires_grad for weight in learner.parameters()):
        raise CourseError(f"No weight of this {type(learner).__name__} can change: all have requires_grad = False.")


def logits_of(output: Any) -> Tensor:
    """The logits of the main head: in train mode, GoogLeNet and Inception also return those of auxiliary heads."""
    logits: Tensor = output if isinstance(output, Tensor) else output[0]
    return logits
