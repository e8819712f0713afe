"""Two classes, one threshold: every picture as a box at its score, and what the threshold calls it. (lesson 07)"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.drawing.sheet import FAINT, Box, Sheet, text_width
from course_lib.drawing.still import BLUE, GREY, INK, ORANGE, PAGE, Still, shortened
from course_lib.errors import CourseError
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, number

__all__ = ["draw_threshold", "threshold_explorer"]

_BINS, _ACROSS = 20, 3  # stacks on a line, and boxes side by side in each
_ROW, _TOP, _FOOT = 110.0, 66.0, 58.0
_STEP = 0.05  # of the threshold


def draw_threshold(scores: Tensor, truth: Tensor, classes: Sequence[str], *, threshold: float) -> Still:
    """A row of boxes for each class, a box for each picture, and the threshold across both; mistakes are hollow.

    Args:
        scores: (N,), the probability of the second class, from 0 to 1.
        truth: (N,), 0 or 1.
        classes: the names of 0 and 1.
        threshold: from this score on, the answer is the second class.

    Example:
        >>> draw_threshold(torch.tensor([0.2, 0.4]), torch.tensor([0, 1]), ("ant", "bee"), threshold=0.5)
        "bee" from 0.50 on: 1 of 2 right; 1 bee called ant, 0 ants called bee
    """
    said = (scores >= threshold).long()
    wrong = [int(((truth == kind) & (said != kind)).sum()) for kind in (0, 1)]
    names = [shortened(name, 14) for name in classes]
    beside = max(text_width(f"{name}s", 10) for name in names) + 24
    wide = PAGE - beside - 200
    sheet = Sheet(PAGE, _TOP + 2 * _ROW + _FOOT)
    sheet.text(8, 6, f"{int((said == truth).sum())} of {len(truth)} right", size=11, bold=True)
    binned = [[min(int(score * _BINS), _BINS - 1) for score in scores[truth == kind].tolist()] for kind in (0, 1)]
    most = max([1, *Counter(binned[0]).values(), *Counter(binned[1]).values()])
    across, high = wide / (_BINS * _ACROSS), min(11.0, (_ROW - 14) / -(-most // _ACROSS))
    for kind in (0, 1):
        stack: Counter[int] = Counter()
        ground = _TOP + (kind + 1) * _ROW
        sheet.middle_text(8, ground - 34, f"{names[kind]}s", size=10, bold=True)
        full: list[Box] = []
        hollow: list[Box] = []
        for score in sorted(scores[truth == kind].tolist()):
            place = min(int(score * _BINS), _BINS - 1)
            level, column = divmod(stack[place], _ACROSS)
            left = beside + (place * _ACROSS + column) * across
            box = (left + 1.5, ground - high * (level + 1), across - 3, high - 2.5)
            (full if (score >= threshold) == (kind == 1) else hollow).append(box)
            stack[place] += 1
        sheet.boxes(full, fill=BLUE)
        sheet.boxes(hollow, fill="white", edge=ORANGE, line=1.2, level=2)
        sheet.lines([[(beside, ground), (beside + wide, ground)]], color=GREY)
        told = f"{wrong[kind]} called {names[1 - kind]}"
        sheet.middle_text(beside + wide + 20, ground - 34, told, size=10, bold=True, color=ORANGE)
    ground, line = _TOP + 2 * _ROW, beside + threshold * wide
    sheet.lines([[(line, _TOP - 10), (line, ground + 6)]], line=1.8, level=4)
    sheet.text(line - 8, _TOP - 28, f"← “{names[0]}”", size=10, align="right")
    sheet.text(line + 8, _TOP - 28, f"“{names[1]}” →", size=10)
    for tick in (0, 0.25, 0.5, 0.75, 1):
        sheet.text(beside + tick * wide, ground + 6, f"{tick:g}", size=9, align="center", color=FAINT)
    sheet.text(beside + wide / 2, ground + 26, f"score for “{names[1]}”, a box for each picture; hollow: wrong",
               size=9.5, align="center", color=INK)  # fmt: skip
    columns = round(1 / _STEP) - 1
    region = (beside + _STEP / 2 * wide, _TOP - 28, (1 - _STEP) * wide, 2 * _ROW + 34)
    sheet.spot("threshold", region, lambda _row, column: f"“{names[1]}” from {_STEP * (column + 1):.2f} on",
               columns=columns, gesture="drag")  # fmt: skip
    mistakes = [f"{n} {names[kind]}{'' if n == 1 else 's'} called {names[1 - kind]}" for kind, n in enumerate(wrong)]
    right = f"{int((said == truth).sum())} of {len(truth)} right"
    return sheet.still(f'"{names[1]}" from {threshold:.2f} on: {right}; {mistakes[1]}, {mistakes[0]}')


@widget(
    example=lambda given: {
        "scores": torch.linspace(0.02, 0.98, 24), "truth": [0] * 10 + [1, 0] * 2 + [1] * 10, "classes": ("ant", "bee"),
    },
    moves=[{"threshold": 0.2}, {"threshold": 0.9}],
    refuses=[
        ({"scores": torch.tensor([2.0] * 24)}, "from 0 to 1"), ({"truth": [0]}, "as many"),
        ({"classes": ("ant",)}, "two"), ({"truth": [2] * 24}, "0 or 1"),
    ],
)  # fmt: skip
def threshold_explorer(
    scores: Tensor, truth: Tensor | Sequence[int], classes: Sequence[str], *, threshold: float = 0.5
) -> Explorer:
    """A slider for the score from which the answer is the second class; the line in the picture can be dragged, too.

    Args:
        scores: (N,), a network's probability of the second class, from 0 to 1.
        truth: N numbers, 0 or 1.
        classes: two names.
        threshold: at first, 0.05 to 0.95.

    Raises:
        CourseError: scores that aren't probabilities, a different number of truths, or not two classes.
    """
    given, known = torch.as_tensor(scores).detach().float().cpu(), torch.as_tensor(truth).cpu()
    if len(classes) != 2:
        raise CourseError(f"{len(classes)} classes were given; a single threshold can only tell two apart.")
    if given.dim() != 1 or not len(given) or known.shape != given.shape:
        raise CourseError(
            f"The scores have shape {tuple(given.shape)} and the truth {tuple(known.shape)}; give one score a picture, "
            "and as many truths."
        )
    if not bool(((given >= 0) & (given <= 1)).all()):
        raise CourseError("A score is a probability, from 0 to 1: give logits.softmax(1)[:, 1].")
    if not bool(((known == 0) | (known == 1)).all()):
        raise CourseError("A truth is 0 or 1, the number of one of the two classes.")

    controls = {"threshold": number("threshold", _STEP, 1 - _STEP, threshold, step=_STEP)}
    return Explorer(
        lambda threshold: draw_threshold(given, known, classes, threshold=threshold),
        controls,
        touch={"threshold": lambda at: {"threshold": round(_STEP * (at[1] + 1), 2)}},
    )
