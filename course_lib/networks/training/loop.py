"""The fine-tuning loop: forward, loss, backward, step, and after every epoch an honest look at unseen pictures.

Meant to be read in one sitting, from ``_learn`` upwards. It is no framework: one optimizer (SGD with momentum), one
schedule, one loss. The pictures come from ``pictures.py``, all refusals from ``checks.py``.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler
from torchvision.transforms._presets import ImageClassification

from course_lib.errors import CourseError
from course_lib.models.heads import head_path
from course_lib.networks.training.history import Ended, Epoch, Training, best_of
from course_lib.networks.training.training_checks import (
    check_folders,
    check_learner,
    check_model,
    check_numbers,
    logits_of,
)
from course_lib.networks.training.training_pictures import TrainingPictures, ValidationPictures
from course_lib.pictures.folders import LabelledFolder
from course_lib.progress import track

__all__ = ["fine_tune"]

Batches = Iterable[tuple[Tensor, Tensor]]  # (B, 3, size, size) pictures and (B,) labels


def fine_tune(
    model: nn.Module,
    train: LabelledFolder,
    val: LabelledFolder,
    *,
    head_only: bool = False,
    epochs: int = 6,
    learning_rate: float | None = None,
    patience: int | None = None,
    size: int = 112,
    batch_size: int = 32,
    seed: int = 0,
    on_epoch: Callable[[tuple[Epoch, ...]], object] | None = None,
) -> Training:
    """Train a copy of a model on a folder's pictures, and keep it as it was after its best epoch.

    The kernel's stop button ends it early, and the best epoch so far is what you get. The given model, its mode and the
    global random numbers stay as they were; on one machine's CPU, the same seed gives the same figures.

    Args:
        model: a classifier with one output a class (see ``replace_head``), trained or not, on any device.
        train: what to learn from.
        val: what to measure on after every epoch: the same classes, other pictures.
        head_only: train the last layer alone. The rest is frozen and stays in eval mode: in train mode its BatchNorm
            layers would go on gathering statistics, and it would change all the same.
        epochs: how often to go through all pictures, at most.
        learning_rate: at its peak; when left out, 0.01, and 0.02 for a head alone.
        patience: stop after so many epochs without a better one; when left out, never.
        size: of the pictures that the network gets, in pixels.
        batch_size: how many pictures to a step, at most; where a single one would be left over, one more.
        seed: of the pictures' order and windows, and of Dropout.
        on_epoch: called with the history so far after every epoch.

    Raises:
        CourseError: model, folders and numbers do not go together, or the loss is no longer a number.
        KeyboardInterrupt: stopped before the first epoch was over: there is nothing to keep.

    Example:
        >>> import tempfile
        >>> from course_lib.pictures.folders import open_folder
        >>> from picturebook import write_folder
        >>> path = tempfile.mkdtemp()
        >>> train = open_folder(write_folder(path, ("ant", "bee"), 4, "train", size=(32, 32)))
        >>> val = open_folder(write_folder(path, ("ant", "bee"), 2, "val", size=(32, 32), first_seed=100))
        >>> net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
        >>> _ = net(torch.zeros(1, 3, 32, 32))
        >>> training = fine_tune(net, train, val, epochs=2, size=32)
        >>> len(training.history), training.ended, training.classifier.categories
        (2, 'finished', ('ant', 'bee'))
    """
    start = time.perf_counter()
    rate = learning_rate if learning_rate is not None else 0.02 if head_only else 0.01
    check_numbers(learning_rate=rate, patience=patience, epochs=epochs, size=size, batch_size=batch_size, seed=seed)
    check_folders(train, val)
    check_model(model, train.classes, size, modes=(False,) if head_only else (False, True))

    model = copy.deepcopy(model)
    learner = model.get_submodule(head_path(model)) if head_only else model
    transforms = ImageClassification(crop_size=size, resize_size=round(size * 256 / 224))
    device = next(model.parameters()).device
    batches = TrainingPictures(train, transforms, batch_size=batch_size, seed=seed, device=device)
    unseen = ValidationPictures(val, transforms, batch_size=batch_size, device=device)
    check_learner(learner)
    optimizer = SGD(learner.parameters(), lr=rate, momentum=0.9, nesterov=True, weight_decay=5e-4)
    schedule = LambdaLR(optimizer, partial(_cycle, steps=epochs * len(batches)))

    bar = track(range(epochs * len(batches)), f"training {type(model).__name__}")

    history: list[Epoch] = []
    ended: Ended = "finished"
    with _frozen_but(model, learner), torch.enable_grad():
        try:
            for number in range(1, epochs + 1):
                begun = time.perf_counter()
                model.eval()  # what is frozen stays as it is, its BatchNorm statistics too
                learner.train()
                with _seeded(device, 1000 * seed + number):
                    learnt = _learn(model, _moving(batches, bar), optimizer, schedule)
                model.eval()
                measured = _measure(model, unseen, schedule)
                epoch = Epoch(number, *learnt, *measured, time.perf_counter() - begun)
                if best_of([*history, epoch]) is epoch:
                    best = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
                history.append(epoch)
                if on_epoch is not None:
                    on_epoch(tuple(history))
                if patience is not None and patience <= number - best_of(history).number and number < epochs:
                    ended = "stopped early"
                    break
            else:
                next(bar, None)  # it is full
        except KeyboardInterrupt:
            if not history:
                raise
            ended = "interrupted"
    model.eval().load_state_dict(best[0])
    optimizer.load_state_dict(best[1])
    seconds = time.perf_counter() - start
    return Training(model, optimizer, tuple(history), ended, train.classes, transforms, seconds)


def _cycle(step: int, steps: int) -> float:
    """The share of the peak learning rate at a step: it rises for a fifth of the way, then falls along a cosine.

    Source:
        Smith and Topin 2017, https://arxiv.org/abs/1708.07120.
    """
    way = (step + 0.5) / steps
    return way / 0.2 if way < 0.2 else (1 + math.cos(math.pi * (way - 0.2) / 0.8)) / 2


def _learn(model: nn.Module, batches: Batches, optimizer: Optimizer, schedule: LRScheduler) -> tuple[float, float]:
    """One pass over the training pictures, a step after every batch; gives the mean loss and the accuracy."""
    losses, right, seen = 0.0, 0, 0
    for pictures, labels in batches:
        logits = logits_of(model(pictures))  # (B, classes)
        loss = F.cross_entropy(logits, labels)  # of the logits: the softmax is in it
        optimizer.zero_grad()  # or this batch's gradients would be added to the last one's
        loss.backward()
        optimizer.step()
        schedule.step()
        losses += _finite(loss, schedule) * len(labels)
        right += int((logits.argmax(dim=1) == labels).sum())
        seen += len(labels)
    return losses / seen, right / seen


@torch.no_grad()
def _measure(model: nn.Module, batches: Batches, schedule: LRScheduler) -> tuple[float, float]:
    """One pass over the validation pictures, from which nothing is learnt; gives the loss and the accuracy."""
    losses, right, seen = 0.0, 0, 0
    for pictures, labels in batches:
        logits = logits_of(model(pictures))
        losses += _finite(F.cross_entropy(logits, labels), schedule) * len(labels)
        right += int((logits.argmax(dim=1) == labels).sum())
        seen += len(labels)
    return losses / seen, right / seen


def _moving(batches: Batches, bar: Iterator[int]) -> Batches:
    """The same batches, with each of which the bar moves on."""
    return (batch for batch, _ in zip(batches, bar, strict=False))


def _finite(loss: Tensor, schedule: LRScheduler) -> float:
    value = float(loss.detach())
    if not math.isfinite(value):
        rate = schedule.base_lrs[0]
        raise CourseError(
            f"The loss is no longer a number ({value}): with learning_rate={rate:g} the steps were too large. "
            f"Try {rate / 10:g}."
        )
    return value


@contextmanager
def _seeded(device: torch.device, seed: int) -> Iterator[None]:
    """Dropout draws from the global random numbers, which are afterwards what they were."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed every GPU of the machine, too
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        elif device.type == "mps":
            torch.mps.manual_seed(seed)
        yield


@contextmanager
def _frozen_but(model: nn.Module, learner: nn.Module) -> Iterator[None]:
    """No gradients for what does not learn: they would cost as much as training everything."""
    learning = set(learner.parameters())
    frozen = [weight for weight in model.parameters() if weight.requires_grad and weight not in learning]
    try:
        for weight in frozen:
            weight.requires_grad = False
        yield
    finally:
        for weight in frozen:
            weight.requires_grad = True
