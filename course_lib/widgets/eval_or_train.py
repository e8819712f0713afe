"""The same picture again and again, in eval or in train mode: do the answers change, and who moved the statistics?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from matplotlib.ticker import MaxNLocator
from PIL import Image
from torch import Tensor

from course_lib import figures
from course_lib.classifier import Classifier
from course_lib.figures import Still
from course_lib.modes import Mode, Repeats, repeat
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
    turns = list(range(1, len(each) + 1))
    figure = figures.new_figure(8.6, 2.6)
    left = figures.quiet(figure.add_axes((0.075, 0.19, 0.375, 0.62)))
    left.axhline(before, color=figures.GREY, linewidth=1.2, linestyle="--")
    left.plot(turns, each, "o-", color=figures.BLUE, markersize=5, linewidth=1)
    left.set_ylim(-4, 104)
    left.set_title(f"probability of “{label}” in each run, %", fontsize=9.5, loc="left")
    right = figures.quiet(figure.add_axes((0.53, 0.19, 0.24, 0.62)))
    right.plot([0, *turns], [0.0, *found.drift], "s-", color=figures.ORANGE, markersize=4, linewidth=1)
    right.set_ylim(-0.01, max(0.3, *found.drift, 0.0) * 1.08)
    right.set_title("drift of BatchNorm's means", fontsize=9.5, loc="left")
    for axes in (left, right):
        axes.set_xlim(-0.5, max(len(each), 1) + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        axes.set_xlabel("run", fontsize=9)
    words = (
        f"{classifier.name}\n{found.mode}() mode\n\ndifferent answers:\n{found.different} in {len(each)} runs\n\n"
        f"eval() before: {before:.1f} %\neval() after: {after:.1f} %"
    )
    figure.text(0.8, 0.83, words, fontsize=9.5, va="top", linespacing=1.45)
    said = (
        f"{classifier.name} in {found.mode} mode, {len(each)} runs of one picture: {found.different} different answers"
    )
    return figures.still(figure, said)


def eval_or_train(
    classifiers: Sequence[Classifier], picture: Image.Image, *, mode: Mode = "train", runs: int = 10
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
