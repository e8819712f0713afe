"""Logits divided by a temperature before the softmax: the order stays, the confidence does not."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.drawing.chart_axes import SMALL, round_ticks
from course_lib.drawing.charts import draw_bars
from course_lib.drawing.sheet import text_width
from course_lib.drawing.spots import Spot, box_at
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
    raw = torch.as_tensor(logits).detach().float().cpu()
    changed = (raw + shift) / temperature
    answer = from_logits(changed, tuple(categories), k=min(10, len(categories)))
    figure = new_figure(8.6, 3.6)
    values = [float(changed[index]) for index in answer.indices]
    # One axis for every temperature: a bar that halves shall be half as long.
    reach = max(round_ticks(0.0, float(raw.abs().max()) or 1.0, 3)[-1], 1.0)
    labels = [shortened(label, 26) for label in answer.labels]
    written = [f"{value + 0.0:.1f}" for value in values]
    written = [("0.0" if words == "-0.0" else words).replace("-", "\N{MINUS SIGN}") for words in written]
    beside = (max(text_width(label, SMALL) for label in labels) + 18) / (8.6 * 100)  # the ten best are always the same
    title, place = "(logits + shift) / temperature", (beside, 0.1, 0.55 - beside, 0.78)
    room = 0.35 * reach  # for the numbers beside the bars
    left = draw_bars(figure, place, labels, values, written, span=(-reach - room, reach + room), title=title,
                     ticks=(-reach, 0.0, reach))  # fmt: skip
    shares = [100 * probability for probability in answer.probabilities]
    percent = [f"{share:.1f}%" for share in shares]  # the rows are the same: no second set of labels
    right = draw_bars(figure, (0.6, 0.1, 0.36, 0.78), [""] * len(shares), shares, percent, span=(0, 100),
                      title="softmax, %", ticks=(0, 25, 50, 75, 100))  # fmt: skip

    def words(row: int, _column: int) -> str:
        index = answer.indices[row]
        sums = f"({float(raw[index]):.2f} + {shift:g}) / {temperature:g} = {float(changed[index]):.2f}"
        lines = [answer.labels[row], sums.replace("-", "\N{MINUS SIGN}"), f"softmax: {shares[row]:.2f}%"]
        return "\n".join(lines)

    spots = [Spot("class", box_at(where), words, rows=len(labels)) for where in (left, right)]
    said = f"Temperature {temperature:.1f}, shift {shift:.0f}: {answer.label} {answer.probability:.0%}"
    return still(figure, said, spots=spots)


@widget(
    example=lambda given: {"logits": torch.linspace(-4, 4, 10), "categories": given.resnet.categories},
    moves=[{"temperature": 4.0}, {"shift": -3.0}, {"temperature": 0.2}],
    refuses=[({"logits": torch.zeros(2, 10)}, "one picture"), ({"categories": ("a",)}, "categories")],
)
def temperature(logits: Tensor, categories: Sequence[str], *, temperature: float = 0.4, shift: float = 0.0) -> Explorer:
    """Sliders for the temperature and for a number added to every logit; it begins far too sure of itself.

    Args:
        logits: (classes,), one picture's.
        categories: their names.
        temperature: at first, 0.2 to 10.
        shift: at first, −10 to 10.

    Raises:
        CourseError: logits of several pictures, another number of categories, or a value beyond its slider.
    """
    if torch.as_tensor(logits).shape != (len(categories),):
        shape = tuple(torch.as_tensor(logits).shape)
        raise CourseError(
            f"Logits of shape {shape} and {len(categories)} categories were given; give the logits of one picture, a "
            "number for each of the categories."
        )
    controls = {
        "temperature": number("temperature", 0.2, 10.0, temperature, step=0.2),
        "shift": number("shift", -10.0, 10.0, shift, step=1.0),
    }
    return Explorer(lambda temperature, shift: draw_temperature(
        logits, categories, temperature=temperature, shift=shift), controls)  # fmt: skip
