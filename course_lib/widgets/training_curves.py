"""Curves that grow while a network trains: the training calls after every epoch, and the picture follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from IPython.display import DisplayHandle, display

from course_lib.stills import Still
from course_lib.training import Epoch, Training, draw_curves
from course_lib.training.curves import ACROSS, LINES, Histories
from course_lib.widgets.explorer import Explorer, choice, switch

__all__ = ["TrainingCurves", "training_curves"]


class TrainingCurves(Explorer):
    """Loss and accuracy of one training or of several; show it first, then train.

    A kernel does one thing at a time: what the controls are moved to is shown when the training is over.

    Example:
        >>> curves = TrainingCurves({}, epochs=2)
        >>> after_epoch = curves.watch("fine-tuned")  # fine_tune(..., on_epoch=after_epoch) calls it
        >>> after_epoch((Epoch(1, 0.6, 0.7, 0.5, 0.85, 3.0),))
        >>> curves
        Loss and accuracy over epochs, training and validation pictures. fine-tuned: 85.0 % right at validation in \
epoch 1, the best of 1
    """

    def __init__(self, histories: Histories, *, epochs: int) -> None:
        self._histories: dict[str, Training | Sequence[Epoch]] = dict(histories)
        self._epochs = epochs
        self._handle: DisplayHandle | None = None
        controls = {
            "across": choice("across", ACROSS),
            "lines": choice("pictures", LINES),
            "log": switch("loss in powers of ten"),
        }
        super().__init__(self._drawn, controls)

    def _drawn(self, *, across: str, lines: str, log: bool) -> Still:
        shown: Histories = self._histories or {"": ()}
        return draw_curves(shown, across=across, lines=lines, log=log, epochs=self._epochs)

    def watch(self, name: str) -> Callable[[tuple[Epoch, ...]], None]:
        """What ``fine_tune`` takes as ``on_epoch``: it draws the history so far under this name.

        A name that is there already begins again.
        """

        def follow(history: tuple[Epoch, ...]) -> None:
            self._histories[name] = history
            self._follow(None)
            if self._handle is not None and len(history) >= self._epochs:
                # A saved notebook keeps the picture of when it was shown; once, at the end, it is given this one.
                data, how = self._repr_mimebundle_()
                self._handle.update(data, raw=True, metadata=how)

        follow(())
        return follow

    def _ipython_display_(self, **_: Any) -> None:
        data, how = self._repr_mimebundle_()
        self._handle = display(data, raw=True, metadata=how, display_id=True)


def training_curves(
    histories: Mapping[str, Training | Sequence[Epoch]] | None = None, *, epochs: int = 6
) -> TrainingCurves:
    """Epochs or seconds × training and validation pictures or one of both × loss in powers of ten.

    Args:
        histories: trainings that are over, by name; ``watch`` adds those to come.
        epochs: how many the picture has room for from the beginning.

    Raises:
        CourseError: more trainings than one picture can show.
    """
    return TrainingCurves(histories or {}, epochs=epochs)
