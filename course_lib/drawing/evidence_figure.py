"""One network under several preprocessings: the picture as it sees it, and which of its answers were right.

A network has learned what its own mean and standard deviation stand for. ``as_seen`` turns a normalised tensor back
into a picture with these two numbers: what another preprocessing did to the values is then visible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from course_lib.drawing.overlay import put
from course_lib.drawing.sheet import FAINT, Sheet, wrapped
from course_lib.drawing.still import BLUE, INK, ORANGE, Still, still
from course_lib.errors import CourseError

__all__ = ["Evidence", "as_seen", "draw_evidence"]

_WIDTH, _EDGE, _GAP = 860.0, 8.0, 14.0  # CSS pixels
_MOST = 5
_ROW = 10  # answers in a row


@dataclass(frozen=True)
class Evidence:
    """One preprocessing.

    Attributes:
        name: what stands above it, such as an entry's name.
        tensor: (3, H, W), one picture as the network gets it.
        right: for each of the pictures, whether the answer was right.
    """

    name: str
    tensor: Tensor
    right: Sequence[bool]


def as_seen(tensor: Tensor, mean: Sequence[float], std: Sequence[float]) -> Image.Image:
    """A normalised tensor (3, H, W) as a picture, by the mean and std that the network was trained with.

    Example:
        >>> as_seen(torch.zeros(3, 4, 6), (0.5, 0.5, 0.5), (0.2, 0.2, 0.2)).getpixel((0, 0))
        (128, 128, 128)
    """
    shaped = [torch.tensor(numbers).view(3, 1, 1) for numbers in (mean, std)]
    pixels = ((tensor.cpu() * shaped[1] + shaped[0]) * 255).round().clamp(0, 255).to(torch.uint8)
    return Image.fromarray(pixels.permute(1, 2, 0).numpy())


def draw_evidence(cases: Sequence[Evidence], *, mean: Sequence[float], std: Sequence[float], title: str = "") -> Still:
    """The preprocessings side by side: the picture as the network sees it, its size and range, and the answers.

    On a picture that is larger than the first one, a dashed frame has the first one's size.

    Args:
        cases: 1 to 5, all with as many answers.
        mean, std: of the network's own preprocessing, three numbers each.
        title: above the figure.

    Raises:
        CourseError: there are no cases, or too many, or they have different numbers of answers.

    Example:
        >>> plain = Evidence("its own", torch.zeros(3, 8, 8), [True, True])
        >>> draw_evidence([plain, Evidence("other", plain.tensor + 9, [True, False])], mean=(0.5,) * 3, std=(0.2,) * 3)
        its own: 2 of 2 right, values from 0.0 to 0.0, 8×8; other: 1 of 2 right, values from 9.0 to 9.0, 8×8
    """
    counts = {len(case.right) for case in cases}
    if not 1 <= len(cases) <= _MOST or len(counts) != 1 or counts == {0}:
        raise CourseError(
            f"{len(cases)} preprocessings with {sorted(counts)} answers were given; give 1 to {_MOST} of them, each "
            "with the same number of answers."
        )
    side = min(240.0, (_WIDTH - 2 * _EDGE - _GAP * (len(cases) - 1)) / len(cases))
    names = [wrapped(case.name, side, 10, bold=True) for case in cases]
    above = 34 + 17 * max(map(len, names))
    dot = side / _ROW
    rows = -(-counts.pop() // _ROW)
    sheet = Sheet(_WIDTH, above + side + 70 + rows * dot + 8)
    sheet.text(_EDGE, 6, title, size=11, bold=True)
    words = "blue: right    orange with a cross: wrong"
    sheet.text(_WIDTH - _EDGE, 8, words, size=9, color=FAINT, align="right")
    usual, alts = cases[0].tensor.shape[-2:], []
    for place, (case, lines) in enumerate(zip(cases, names, strict=True)):
        x = _EDGE + place * (side + _GAP)
        sheet.text(x, 32, "\n".join(lines), size=10, bold=True)
        low, high, (_, height, width) = float(case.tensor.min()), float(case.tensor.max()), case.tensor.shape
        shown = put(sheet, as_seen(case.tensor, mean, std), (x, above, side, side))
        if height > usual[0] and width > usual[1]:
            left, up = (width - usual[1]) / 2, (height - usual[0]) / 2
            shown.frame((left, up, left + usual[1], up + usual[0]), "dashed")
        sheet.text(x, above + side + 6, f"{height}×{width}, values {_number(low)} to {_number(high)}", size=9)
        _draw_answers(sheet, x, above + side + 32, dot, case.right)
        score = f"{sum(case.right)} of {len(case.right)} right"
        sheet.text(x, above + side + 38 + rows * dot, score, size=11, bold=True, color=INK)
        alts.append(f"{case.name}: {score}, values from {low:.1f} to {high:.1f}, {height}×{width}")
    return still(sheet.figure, "; ".join(alts), photo=True)


def _number(value: float) -> str:
    return f"{value:.1f}".replace("-", "\N{MINUS SIGN}")


def _draw_answers(sheet: Sheet, left: float, top: float, dot: float, right: Sequence[bool]) -> None:
    """A field of squares, ten in a row."""
    boxes: dict[bool, list[tuple[float, float, float, float]]] = {True: [], False: []}
    for number, good in enumerate(right):
        row, column = divmod(number, _ROW)
        boxes[bool(good)].append((left + column * dot + 1, top + row * dot + 1, dot - 2, dot - 2))
    if boxes[True]:
        sheet.boxes(boxes[True], fill=BLUE)
    if boxes[False]:
        sheet.boxes(boxes[False], fill="white", edge=ORANGE, line=1.4)
        for x, y, w, h in boxes[False]:
            arms = [[(x + 4, y + 4), (x + w - 4, y + h - 4)], [(x + w - 4, y + 4), (x + 4, y + h - 4)]]
            sheet.lines(arms, color=ORANGE, line=1.4)
