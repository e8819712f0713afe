"""Logits divided by a temperature before the softmax: the order stays, the confidence does not."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib import figures
from course_lib.figures import Still
from course_lib.predictions import from_logits
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
    figure = figures.new_figure(8.2, 2.9)
    left = figures.quiet(figure.add_axes((0.13, 0.1, 0.32, 0.76)))
    values = [float(changed[index]) for index in answer.indices]
    left.barh(range(len(values)), values, color=[figures.BLUE] + [figures.GREY] * (len(values) - 1), height=0.66)
    left.set_yticks(range(len(values)), list(answer.labels), fontsize=9)
    left.invert_yaxis()
    left.axvline(0, color=figures.INK, linewidth=0.8)
    left.set_title("(logits + shift) / temperature", fontsize=10, weight="bold", loc="left")
    figures.draw_answer(figure.add_axes((0.62, 0.1, 0.34, 0.76)), "softmax", answer)
    said = f"Temperature {temperature:.1f}, shift {shift:.0f}: {answer.label} {answer.probability:.0%}"
    return figures.still(figure, said.replace("%", " %"))


def temperature(logits: Tensor, categories: Sequence[str]) -> Explorer:
    """Sliders for the temperature and for a number added to every logit."""
    controls = {
        "temperature": number("temperature", 0.2, 10.0, 1.0, step=0.2),
        "shift": number("shift", -10.0, 10.0, 0.0, step=1.0),
    }
    return Explorer(lambda temperature, shift: draw_temperature(
        logits, categories, temperature=temperature, shift=shift), controls)  # fmt: skip
