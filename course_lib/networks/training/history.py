"""What a training leaves behind: a number of figures an epoch, and the model as it was after the best one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import nn
from torch.optim import Optimizer
from torchvision.transforms._presets import ImageClassification

from course_lib.models.classifier import Classifier

__all__ = ["Ended", "Epoch", "Training", "best_of"]

Ended = Literal["finished", "stopped early", "interrupted"]


@dataclass(frozen=True)
class Epoch:
    """Once through all training pictures, then once through all validation pictures.

    Attributes:
        number: 1 for the first.
        train_loss, train_accuracy: means over the training pictures, each as it was answered when its turn came,
            varied and in the midst of the learning.
        val_loss, val_accuracy: of the model after the epoch, over the validation pictures, as they are.
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
            f"epoch {self.number:2}: training loss {self.train_loss:.3f}, accuracy {100 * self.train_accuracy:5.1f} %; "
            f"validation loss {self.val_loss:.3f}, accuracy {100 * self.val_accuracy:5.1f} %; {self.seconds:.1f} s"
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
    """A finished training.

    The best epoch was chosen by the validation pictures, so its accuracy on them is a little flattered: for a figure to
    publish, measure on pictures that had no say.

    Attributes:
        model: as it was after the best epoch, in eval mode.
        optimizer: the model's, as it was after the best epoch: what a checkpoint keeps in order to go on.
        history: one entry an epoch.
        ended: "finished", "stopped early" or "interrupted".
        classes: their names, in the order of the model's outputs.
        transforms: the preprocessing that the validation pictures had: picture → (3, size, size).
        seconds: of the whole, the opening of the pictures included.
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
            f"validation accuracy {100 * self.best.val_accuracy:.1f} %, loss {self.best.val_loss:.3f})"
        )

    def __str__(self) -> str:
        return "\n".join([*map(str, self.history), f"{self!r}, {self.seconds:.0f} s"])
