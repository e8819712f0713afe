"""The maps of a cfg as boxes in a row, one a token: what the pictures in ``cfg`` and ``cfg_table`` have in common.

A box is drawn as in ``volumes``: up is the map's height, away its width, to the right its channels; all square roots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from course_lib.drawing.sheet import Mark, Sheet, text_width, wrapped
from course_lib.drawing.still import BLUE, GREEN, GREY, INK, ORANGE
from course_lib.networks.vgg import Step

__all__ = ["HEIGHT", "QUIET", "SIDE", "Seen", "draw_row", "kept", "wrapped"]

SIDE, HEIGHT = 12, 140  # CSS pixels: the margin, and how much of a sheet the row takes
QUIET = "#6B6B6B"
_TALL, _AWAY, _MOST, _WIDEST = 66.0, 0.5 * sqrt(0.5), 22, 76.0
_COLORS = {"M": GREEN, "LRN": GREY}


@dataclass(frozen=True, slots=True)
class Seen:
    """How far a reader has come: tokens before ``now`` are made, ``now`` is being made, the others are to come.

    ``answer``: whether the map of ``now`` is shown.
    """

    now: int
    answer: bool = True


def kept(steps: Sequence[Step]) -> list[Step | None]:
    """The steps that there is room for; None stands for those left out in the middle."""
    if len(steps) <= _MOST:
        return list(steps)
    return [*steps[: _MOST // 2], None, *steps[-_MOST // 2 :]]


def draw_row(sheet: Sheet, steps: Sequence[Step], picture: tuple[int, int, int], top: float, *,
             seen: Seen | None = None) -> None:  # fmt: skip
    """Draw the picture's box and one for every token; their sides and tokens stand under them.

    Args:
        picture: (channels, height, width) of what goes in.
        top: where the row begins, in CSS pixels.
        seen: all of it when left out.
    """
    shown = kept(steps)
    cell = min(_WIDEST, (sheet.width - 2 * SIDE) / (len(shown) + 1))
    most = max(64, picture[0], *(step.shape[0] for step in steps))
    scale = _TALL / sqrt(max(picture[1:]))
    deep = min(34.0, cell - _TALL * _AWAY - 5) / sqrt(most)
    middle = top + (1 + _AWAY) * _TALL / 2
    under = top + (1 + _AWAY) * _TALL + 8

    def box(shape: tuple[int, int, int], place: int) -> tuple[float, float, float, float, float]:
        right, up, away = deep * sqrt(shape[0]), scale * sqrt(shape[1]), scale * sqrt(shape[2]) * _AWAY
        right, up, away = max(right, 2.5), max(up, 5.0), max(away, 5.0 * _AWAY)
        left = SIDE + (place + 0.5) * cell - (right + away) / 2
        return left, middle + (up + away) / 2, right, up, away

    sheet.cuboids([box(picture, 0)], color=GREY)
    tokens: list[Mark] = []
    small: list[Mark] = []  # tokens that are too long for one line
    sides: list[Mark] = [
        (SIDE + cell / 2, under + 4, "input", QUIET),
        (SIDE + cell / 2, under + 21, _side(picture), QUIET),
    ]
    before, hidden = picture, seen is not None and not seen.answer
    for place, step in enumerate(shown, 1):
        x = SIDE + (place + 0.5) * cell
        if step is None:
            sheet.text(x, middle - 8, "…", size=12, bold=True, align="center")
            continue
        state = 0 if seen is None else (step.number > seen.now) - (step.number < seen.now) or 2
        color = _COLORS.get(str(step.token), BLUE)
        if state == 1:
            if not hidden:  # their sizes would tell
                sheet.cuboids([box(step.shape, place)], color="white", edge=GREY)
        elif state == 2:
            shape = before if hidden else step.shape
            sheet.cuboids([box(shape, place)], color="white" if hidden else color, edge=ORANGE, line=1.7)
        else:
            sheet.cuboids([box(step.shape, place)], color=color)
        ink = {1: GREY, 2: ORANGE}.get(state, INK)
        if text_width(str(step.token), 9, bold=True) < cell - 2:
            tokens.append((x, under + 4, str(step.token), ink))
        else:  # conv1-256
            kind, _, width = str(step.token).partition("-")
            small += [(x, under - 3, f"{kind}-", ink), (x, under + 8, width, ink)]
        if state <= 0 or (state == 2 and not hidden):
            sides.append((x, under + 21, _side(step.shape), ink if state == 2 else QUIET))
        before = step.shape
    sheet.marks(tokens, bold=True)
    sheet.marks(small, size=8)
    sheet.marks(sides, size=8)


def _side(shape: tuple[int, int, int]) -> str:
    """The map's size: its side where it is square."""
    return str(shape[1]) if shape[1] == shape[2] else f"{shape[1]}×{shape[2]}"
