"""Logits divided by a temperature before the softmax: the order stays, the confidence does not."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.drawing.charts import draw_bars
from course_lib.drawing.still import Still, new_figure, shortened, still
from course_lib.errors import CourseError
from course_lib.models.predictions import from_logits
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, number

__all__ = ["draw_temperature", "temperature"]


def draw_temperature(logits: Tensor, categories: Sequence[str], *, temperature: float, shift: float = 0.0) -> Still:
    """Softmax of ``(logits + shift) / temperature`` as bars, beside the logits themselves.

    Args:
        logits: (classes,), one picture's.
        categories: their names.
        temperature: above 0; 1 leaves them as they are.
        shift: added to every logit.
    """
    changed = (torch.as_tensor(logits).detach().float().cpu() + shift) / temperature
    answer = from_logits(changed, tuple(categories), k=min(10, len(categories)))
    figure = new_figure(8.2, 2.9)
    values = [float(changed[index]) for index in answer.indices]
    low, high = min(0.0, *values), max(0.0, *values)
    room = (0.3 if low < 0 else 0.22) * (high - low) or 1.0  # for the numbers beside the bars
    span = (low - room if low < 0 else 0.0, high + room if high > 0 or low == 0 else 0.0)
    labels = [shortened(label, 16) for label in answer.labels]
    written = [f"{value:.1f}".replace("-", "\N{MINUS SIGN}") for value in values]
    title = "(logits + shift) / temperature"
    draw_bars(figure, (0.165, 0.04, 0.375, 0.84), labels, values, written, span=span, title=title)
    shares = [100 * probability for probability in answer.probabilities]
    percent = [f"{share:.1f} %" for share in shares]  # the rows are the same: no second set of labels
    draw_bars(figure, (0.6, 0.04, 0.38, 0.84), [""] * len(shares), shares, percent, span=(0, 100), title="softmax")
    said = f"Temperature {temperature:.1f}, shift {shift:.0f}: {answer.label} {answer.probability:.0%}"
    return still(figure, said.replace("%", " %"))


@widget(
    example=lambda given: {"logits": torch.linspace(-4, 4, 10), "categories": given.resnet.categories},
    moves=[{"temperature": 4.0}, {"shift": -3.0}, {"temperature": 0.2}],
    refuses=[({"logits": torch.zeros(2, 10)}, "one picture"), ({"categories": ("a",)}, "categories")],
)
def temperature(logits: Tensor, categories: Sequence[str]) -> Explorer:
    """Sliders for the temperature and for a number added to every logit."""
    if torch.as_tensor(logits).shape != (len(categories),):
        shape = tuple(torch.as_tensor(logits).shape)
        raise CourseError(
            f"Logits of shape {shape} and {len(categories)} categories were given; give the logits of one picture, a "
            "number for each of the categories."
        )
    controls = {
        "temperature": number("temperature", 0.2, 10.0, 1.0, step=0.2),
        "shift": number("shift", -10.0, 10.0, 0.0, step=1.0),
    }
    return Explorer(lambda temperature, shift: draw_temperature(
        logits, categories, temperature=temperature, shift=shift), controls)  # fmt: skip
