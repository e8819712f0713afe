"""Curves that grow while a network trains: the training calls after every epoch, and the picture follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from IPython.display import DisplayHandle, display

from course_lib.drawing.learning_curves import ACROSS, LINES, Histories, draw_curves
from course_lib.drawing.still import Still
from course_lib.networks.training import Epoch, Training
from course_lib.progress import in_notebook
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, choice, switch

__all__ = ["TrainingCurves", "training_curves"]


class TrainingCurves(Explorer):
    """What ``fine_tune`` takes as ``on_epoch``: called with the history so far, it draws it, and shows itself.

    A kernel does one thing at a time: what the controls are moved to is shown when the training is over.
    """

    def __init__(self, name: str, beside: Histories, *, epochs: int) -> None:
        self._name, self._epochs = name, epochs
        self._histories: dict[str, Training | Sequence[Epoch]] = {**beside, name: ()}
        self._handle: DisplayHandle | None = None
        controls = {
            "across": choice("across", ACROSS),
            "lines": choice("pictures", LINES),
            "log": switch("loss in powers of ten"),
        }
        super().__init__(self._drawn, controls)

    def _drawn(self, *, across: str, lines: str, log: bool) -> Still:
        return draw_curves(self._histories, across=across, lines=lines, log=log, epochs=self._epochs)

    def __call__(self, history: Sequence[Epoch]) -> None:
        """Draw a training's history so far; a longer one takes the place of the last."""
        self._histories[self._name] = tuple(history)
        self._redraw()
        if self._handle is None and in_notebook():
            display(self)
        elif self._handle is not None and len(history) >= self._epochs:
            # A saved notebook keeps the picture of when it was shown; once, at the end, it is given this one.
            data, how = self._repr_mimebundle_()
            self._handle.update(data, raw=True, metadata=how)

    def _ipython_display_(self, **_: Any) -> None:
        data, how = self._repr_mimebundle_()
        self._handle = display(data, raw=True, metadata=how, display_id=True)


@widget(
    example=lambda given: {"name": "to come", "beside": {"fine-tuned": given.epochs, "from scratch": given.epochs[:1]}},
    moves=[{"across": "seconds"}, {"log": True}, {"lines": "validation"}, {"across": "epochs"}, {"lines": "training"}],
    refuses=[({"beside": {str(k): () for k in range(6)}}, "training runs to draw")],
)
def training_curves(name: str = "", *, beside: Histories | None = None, epochs: int = 6) -> TrainingCurves:
    """Epochs or seconds × training and validation pictures, or one of both × loss in powers of ten.

    Args:
        name: of the training to come.
        beside: trainings that are over, by name, to compare it with.
        epochs: for how many the picture has room from the beginning.

    Returns:
        The widget, for ``fine_tune(..., on_epoch=training_curves("everything"))``.

    Raises:
        CourseError: more trainings than one picture can show.

    Example:
        >>> curves = training_curves("everything", epochs=2)
        >>> curves((Epoch(1, 0.6, 0.7, 0.5, 0.85, 3.0),))
        >>> curves
        Loss and accuracy over epochs, training and validation pictures. everything: 85.0% right at validation in \
epoch 1, the best of 1
    """
    return TrainingCurves(name, beside or {}, epochs=epochs)
