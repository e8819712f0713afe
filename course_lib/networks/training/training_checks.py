"""What is looked at before a training begins: everything that would fail later, or, worse, would not."""

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
    """Two folders of the same classes that have no picture in common.

    Raises:
        CourseError: they are not.
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
            f"{len(common)} pictures are in train and in val, such as {min(common).name}: what was learnt from cannot "
            "say how well it was learnt. Put some aside with train, val = folder.split(0.2)."
        )


def check_numbers(*, learning_rate: float, patience: int | None, **counts: int) -> None:
    """Whole numbers where things are counted, a rate above 0.

    Raises:
        CourseError: one of them is not.
    """
    least = {"batch_size": 2, "seed": 0}  # BatchNorm compares the pictures of a batch
    counts |= {} if patience is None else {"patience": patience}
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, int) or count < least.get(name, 1):
            raise CourseError(f"{name}={count!r}: give a whole number of at least {least.get(name, 1)}.")
    if not isinstance(learning_rate, (int, float)) or not 0 < learning_rate < math.inf:
        raise CourseError(f"learning_rate={learning_rate!r}: give a number above 0, such as 0.01.")


def check_model(model: Any, classes: Sequence[str], size: int, *, modes: Sequence[bool] = (False, True)) -> None:
    """A model that takes pictures of this size, has an output for each class, weights that may change, and no NaN.

    Args:
        modes: of its ``training`` in which it has to take them; a copy is tried.

    Raises:
        CourseError: it does not.
    """
    if not isinstance(model, nn.Module):
        inner = " Give its model: classifier.model." if isinstance(getattr(model, "model", None), nn.Module) else ""
        raise CourseError(f"A model to train is a torch.nn.Module; this is a {type(model).__name__}.{inner}")
    check_learner(model)
    empty = [name for name, weight in model.named_parameters() if is_lazy(weight) or weight.is_meta]
    if empty:
        raise CourseError(
            f"{empty[0]} has no numbers yet: run a batch through lazy layers first; fill a model on the meta device."
        )
    spoilt = [name for name, weight in model.named_parameters() if not bool(weight.isfinite().all())]
    if spoilt:
        raise CourseError(f"{spoilt[0]} holds NaN or infinity, and nothing can be learnt from there: load it again.")
    device = next(model.parameters()).device
    tried, pictures = copy.deepcopy(model), torch.zeros(2, 3, size, size, device=device)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            for mode in modes:  # helper heads, which answer in train mode alone, need larger pictures
                logits = logits_of(tried.train(mode)(pictures))
    except Exception as error:  # whatever a model may raise
        why = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        other = {weight.dtype for weight in model.parameters()} - {torch.float32}
        advice = "give model.float()" if other else f"try another size, such as size={224 if size < 224 else 299}"
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
    """Some weights of what is to learn may change.

    Raises:
        CourseError: none may.
    """
    if not any(weight.requires_grad for weight in learner.parameters()):
        raise CourseError(f"No weight of this {type(learner).__name__} can change: all have requires_grad = False.")


def logits_of(output: Any) -> Tensor:
    """The logits themselves: GoogLeNet and Inception in train mode answer with those of their helper heads as well."""
    logits: Tensor = output if isinstance(output, Tensor) else output[0]
    return logits
