"""The same picture again and again, in eval or in train mode: do the answers change, and who moved the statistics?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from PIL import Image
from torch import Tensor

from course_lib.drawing.chart_axes import box_in, round_ticks
from course_lib.drawing.charts import draw_curve
from course_lib.drawing.spots import Spot
from course_lib.drawing.still import ORANGE, Still, new_figure, still
from course_lib.measuring.modes import Mode, Repeats, repeat
from course_lib.models.classifier import Classifier
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, choice, number

__all__ = ["draw_modes", "eval_or_train"]


def draw_modes(classifier: Classifier, batch: Tensor, *, mode: Mode, runs: int) -> Still:
    """Every run's probability of the first answer, BatchNorm's drift, and the eval answer before and after.

    Args:
        classifier: a copy of its model is run.
        batch: (1, 3, H, W), prepared.
        mode: "eval" or "train".
        runs: how often.
    """
    return _draw(classifier, repeat(classifier.model, batch, mode=mode, runs=runs))


def _draw(classifier: Classifier, found: Repeats) -> Still:
    first = int(found.before[0].argmax())
    label = classifier.categories[first]
    each = [float(p) for p in found.logits[:, 0].softmax(-1)[:, first] * 100]
    before, after = (float(logits[0].softmax(-1)[first]) * 100 for logits in (found.before, found.after))
    count = len(each)
    step = max(1, -(-count // 6))
    across = range(0, step * max(1, -(-count // step)) + 1, step)
    figure = new_figure(8.6, 3.2)
    runs = draw_curve(
        figure, (0.06, 0.19, 0.39, 0.66), list(enumerate(each, 1)), across=across, up=(0, 20, 40, 60, 80, 100),
        title=f"probability of “{label}” in each run, %", below="run", level=before, level_label="eval() before",
    )  # fmt: skip
    drift = draw_curve(
        figure, (0.54, 0.19, 0.23, 0.66), list(enumerate([0.0, *found.drift])), across=across, up=_ticks(found.drift),
        title="drift of running means, in std", below="run", color=ORANGE, marker="s",
    )  # fmt: skip
    several = "1 answer" if found.different == 1 else f"{found.different} different answers"
    same = f"all {count} runs gave\nthe same answer" if found.different == 1 else f"{count} runs gave\n{several}"
    words = (
        f"{classifier.name}\n{found.mode}() mode\n\n{same}\n\neval() before: {before:.1f}%\neval() after: {after:.1f}%"
    )
    figure.text(0.8, 0.86, words, fontsize=9.5, va="top", linespacing=1.45)
    said = f"{classifier.name} in {found.mode} mode, {count} runs of one picture: {several}"
    spots = [
        Spot("run", box_in(figure, (x - 8, y - 8, 16, 16)), words, k, round=True)
        for points, told in (
            (runs, [f"run {k}: “{label}” {share:.1f}%" for k, share in enumerate(each, 1)]),
            (
                drift,
                [f"after {k} runs: {moved:.3f} standard deviations" for k, moved in enumerate([0.0, *found.drift])],
            ),
        )
        for k, ((x, y), words) in enumerate(zip(points, told, strict=True))
    ]
    return still(figure, said, spots=spots)


def _ticks(values: Sequence[float]) -> list[float]:
    """Round numbers from 0 to above the largest value, at least to 0.01: rounding shall not look like a drift."""
    return round_ticks(0.0, max([0.01, *(value for value in values if math.isfinite(value))]))


@widget(
    example=lambda given: {"classifiers": given.classifiers, "picture": given.pictures["dog"], "runs": 4},
    moves=[{"mode": "eval"}, {"runs": 3}, {"model": "squeezenet1_1"}, {"mode": "train"}],
    refuses=[({"classifiers": []}, "no model"), ({"runs": 0}, "from 1 to")],
)
def eval_or_train(
    classifiers: Sequence[Classifier], picture: Image.Image, *, mode: Mode = "train", runs: int = 20
) -> Explorer:
    """Model × mode × number of runs, on one picture."""
    by_name = {one.name: one for one in classifiers}

    @lru_cache(maxsize=64)
    def found(model: str, mode: Mode, runs: int) -> Repeats:
        one = by_name[model]
        return repeat(one.model, torch.as_tensor(one.prepare(picture)), mode=mode, runs=runs)

    def draw(model: str, mode: Mode, runs: int) -> Still:
        return _draw(by_name[model], found(model, mode, runs))

    controls = {
        "model": choice("model", by_name),
        "mode": choice("mode", ["eval", "train"], mode),
        "runs": number("runs", 1, 20, runs),
    }
    return Explorer(draw, controls)
