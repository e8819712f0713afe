"""Fine-tuning: the loop (forward, loss, backward, step, a measurement on unseen pictures) and what it returns.

Meant to be read in one sitting, from ``_learn`` upwards. It is not a framework: there is one optimizer (SGD with
momentum), one schedule and one loss. The batches come from ``training_pictures``, and ``training_checks`` refuses what
would fail later.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler
from torchvision.transforms._presets import ImageClassification

from course_lib.errors import CourseError
from course_lib.models.classifier import Classifier
from course_lib.models.heads import head_path
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

__all__ = ["Ended", "Epoch", "Training", "best_of", "fine_tune"]

Batches = Iterable[tuple[Tensor, Tensor]]  # (B, 3, size, size) pictures and (B,) labels
Ended = Literal["finished", "stopped early", "interrupted"]


# -- what a training returns ------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Epoch:
    """The figures of one epoch: once through all training pictures, then through all validation pictures.

    Attributes:
        number: 1 for the first.
        train_loss, train_accuracy: means over the training pictures, randomly cropped and mirrored, each measured
            when its turn came, while the model was still changing.
        val_loss, val_accuracy: of the model after the epoch, over the validation pictures, which are not varied.
        seconds: from the first training picture to the last validation picture.

    Losses are cross-entropies in nats (a guess between two has ln 2 = 0.69), accuracies lie between 0 and 1.
    """

    number: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float

    def __str__(self) -> str:
        return (
            f"epoch {self.number:2}: training loss {self.train_loss:.3f}, accuracy {100 * self.train_accuracy:5.1f}%; "
            f"validation loss {self.val_loss:.3f}, accuracy {100 * self.val_accuracy:5.1f}%; {self.seconds:.1f} s"
        )


def best_of(history: Sequence[Epoch]) -> Epoch:
    """The epoch with the highest validation accuracy; of several, the one with the lowest validation loss.

    Example:
        >>> best_of([Epoch(1, 0.6, 0.7, 0.5, 0.9, 1.0), Epoch(2, 0.4, 0.8, 0.3, 0.9, 1.0)]).number
        2
    """
    return max(history, key=lambda epoch: (epoch.val_accuracy, -epoch.val_loss))


@dataclass(frozen=True, eq=False, repr=False)
class Training:
    """The result of a training: the model after its best epoch, and the figures of all epochs.

    The best epoch was chosen by the validation pictures, so its accuracy on them is a little too high. For a figure to
    publish, measure on pictures that had no part in the choice.

    Attributes:
        model: as it was after the best epoch, in eval mode.
        optimizer: the model's, as it was after the best epoch; a checkpoint keeps it to go on training.
        history: one entry for each epoch.
        ended: "finished", "stopped early" or "interrupted".
        classes: their names, in the order of the model's outputs.
        transforms: the preprocessing of the validation pictures: picture → (3, size, size).
        seconds: of the whole training, including the opening of the pictures.
    """

    model: nn.Module
    optimizer: Optimizer
    history: tuple[Epoch, ...]
    ended: Ended
    classes: tuple[str, ...]
    transforms: ImageClassification
    seconds: float

    @property
    def best(self) -> Epoch:
        """The epoch whose model was kept."""
        return best_of(self.history)

    @property
    def classifier(self) -> Classifier:
        """The trained model with its preprocessing, its classes and its device, ready to predict."""
        device = next(self.model.parameters()).device
        name = f"fine-tuned {type(self.model).__name__}"
        return Classifier(name, self.model, None, self.transforms, self.classes, device)

    def __repr__(self) -> str:
        return (
            f"Training({self.ended} after epoch {self.history[-1].number}; best: epoch {self.best.number}, "
            f"validation accuracy {100 * self.best.val_accuracy:.1f}%, loss {self.best.val_loss:.3f})"
        )

    def __str__(self) -> str:
        return "\n".join([*map(str, self.history), f"{self!r}, {self.seconds:.0f} s"])


# -- the loop ---------------------------------------------------------------------------------------------------------
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

    The kernel's stop button ends it early, and you get the best epoch so far. The given model, its mode and the global
    random numbers stay as they were. On one machine's CPU, the same seed gives the same figures.

    Args:
        model: a classifier with one output for each class (see ``replace_head``), trained or not, on any device.
        train: the pictures to learn from.
        val: the pictures to measure on after every epoch: the same classes, other pictures.
        head_only: train only the last layer. The rest is frozen and stays in eval mode: in train mode its BatchNorm
            layers would go on gathering statistics, so it would change nevertheless.
        epochs: how often to go through all pictures, at most.
        learning_rate: at its peak; when left out, 0.01, or 0.02 for the head only.
        patience: stop after so many epochs without a better one; when left out, never.
        size: side in pixels of the pictures that the network gets.
        batch_size: pictures in a step, at most; one more where a single picture would be left over.
        seed: of the pictures' order and windows, and of Dropout.
        on_epoch: called with the history so far after every epoch.

    Raises:
        CourseError: model, folders and numbers do not go together, or the loss is no longer a number.
        KeyboardInterrupt: it was stopped before the first epoch was over, so there is nothing to keep.

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
                model.eval()  # frozen layers keep their BatchNorm statistics
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
                next(bar, None)  # the bar is full
        except KeyboardInterrupt:
            if not history:
                raise
            ended = "interrupted"
    model.eval().load_state_dict(best[0])
    optimizer.load_state_dict(best[1])
    seconds = time.perf_counter() - start
    return Training(model, optimizer, tuple(history), ended, train.classes, transforms, seconds)


def _cycle(step: int, steps: int) -> float:
    """The share of the peak learning rate at a step: it rises for a fifth of all steps, then falls along a cosine.

    Source:
        Smith and Topin 2017, https://arxiv.org/abs/1708.07120.
    """
    way = (step + 0.5) / steps
    return way / 0.2 if way < 0.2 else (1 + math.cos(math.pi * (way - 0.2) / 0.8)) / 2


def _learn(model: nn.Module, batches: Batches, optimizer: Optimizer, schedule: LRScheduler) -> tuple[float, float]:
    """One pass over the training pictures, a step after every batch; returns the mean loss and the accuracy."""
    losses, right, seen = 0.0, 0, 0
    for pictures, labels in batches:
        logits = logits_of(model(pictures))  # (B, classes)
        loss = F.cross_entropy(logits, labels)  # takes logits: the softmax is part of it
        optimizer.zero_grad()  # otherwise this batch's gradients would be added to those of the batch before
        loss.backward()
        optimizer.step()
        schedule.step()
        losses += _finite(loss, schedule) * len(labels)
        right += int((logits.argmax(dim=1) == labels).sum())
        seen += len(labels)
    return losses / seen, right / seen


@torch.no_grad()
def _measure(model: nn.Module, batches: Batches, schedule: LRScheduler) -> tuple[float, float]:
    """One pass over the validation pictures, without any learning; returns the mean loss and the accuracy."""
    losses, right, seen = 0.0, 0, 0
    for pictures, labels in batches:
        logits = logits_of(model(pictures))
        losses += _finite(F.cross_entropy(logits, labels), schedule) * len(labels)
        right += int((logits.argmax(dim=1) == labels).sum())
        seen += len(labels)
    return losses / seen, right / seen


def _moving(batches: Batches, bar: Iterator[int]) -> Batches:
    """The same batches; the progress bar moves on with each of them."""
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
    """Seed the global random numbers, from which Dropout draws; afterwards they are what they were."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would also seed every GPU of the machine
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        elif device.type == "mps":
            torch.mps.manual_seed(seed)
        yield


@contextmanager
def _frozen_but(model: nn.Module, learner: nn.Module) -> Iterator[None]:
    """Switch off the gradients of all layers but the learner: they would cost as much as training everything."""
    learning = set(learner.parameters())
    frozen = [weight for weight in model.parameters() if weight.requires_grad and weight not in learning]
    try:
        for weight in frozen:
            weight.requires_grad = False
        yield
    finally:
        for weight in frozen:
            weight.requires_grad = True
