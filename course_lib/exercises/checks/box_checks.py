"""Checks of boxes: the one round the cells of a score map that reach a threshold, and how well two of them agree.

torchvision's ``masks_to_boxes`` and ``box_iou`` are the oracles. Right and bottom lie outside, as in all the course.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchvision.ops import box_iou, masks_to_boxes

from course_lib.exercises.engine.exercise import Wrong, call, need_function, need_number

__all__ = ["check_box_of", "check_iou"]


# -- the box of a score map -------------------------------------------------------------------------------------------
def check_box_of(answer: Any) -> None:
    """Check a learner's function (scores, threshold) → box or None.

    Raises:
        Wrong: with the map, and what is wrong with its box.
    """
    need_function(answer)
    for rows, columns, threshold, what in (
        (slice(2, 6), slice(6, 14), 0.5, "a block of 4 rows and 8 columns"),
        (slice(4, 5), slice(3, 4), 0.25, "a single cell"),
        (slice(0, 10), slice(0, 16), 0.5, "a map that is high everywhere"),
        (slice(7, 10), slice(0, 2), 0.75, "a block in a corner"),
        (slice(0, 0), slice(0, 0), 0.5, "a map where no cell reaches the threshold"),
    ):
        scores = torch.full((10, 16), threshold - 0.2)
        scores[rows, columns] = threshold  # reaches it, no more
        scores[rows, columns][1:, 1:] += 0.2
        value = call(answer, scores.clone(), threshold, what=what)
        if not bool((scores >= threshold).any()):
            if value is not None:
                raise Wrong(f"On {what} there is no box: your function should return None.")
            continue
        _compare_boxes(value, _true_box(scores >= threshold), _true_box(scores > threshold), what)


def _true_box(mask: Tensor) -> tuple[int, ...]:
    if not bool(mask.any()):
        return ()
    left, top, right, bottom = (int(n) for n in masks_to_boxes(mask[None])[0])
    return left, top, right + 1, bottom + 1


def _compare_boxes(value: Any, truth: tuple[int, ...], strict: tuple[int, ...], what: str) -> None:
    if not isinstance(value, (tuple, list, Tensor)) or len(value) != 4:
        told = "None; is the return missing?" if value is None else "something else."
        raise Wrong(f"On {what} your function should give (left, top, right, bottom), but it gives {told}")
    box = tuple(need_number(number) for number in value)
    if box == truth:
        return
    if box == strict:
        raise Wrong(f"On {what} the cells with the very value of the threshold are left out; they reach it: >=.")
    if box == (truth[1], truth[0], truth[3], truth[2]):
        raise Wrong(f"On {what} x and y are exchanged: columns give left and right, rows top and bottom.")
    if box == (*truth[:2], truth[2] - 1, truth[3] - 1):
        raise Wrong(f"On {what} right and bottom lie one short: they are the first column and row outside the box.")
    if box == (*truth[:2], truth[2] - truth[0], truth[3] - truth[1]):
        raise Wrong(f"On {what} you gave width and height; right and bottom are asked for.")
    raise Wrong(f"On {what} the box is {truth}, not ({', '.join(f'{n:g}' for n in box)}).")


# -- two boxes --------------------------------------------------------------------------------------------------------
_Box = tuple[float, float, float, float]
_PAIRS: tuple[tuple[_Box, _Box, str], ...] = (
    ((0, 0, 4, 2), (0, 0, 4, 2), "the same box twice"),
    ((0, 0, 4, 2), (2, 0, 6, 2), "two boxes that overlap"),
    ((3, 1, 9, 11), (5, 4, 20, 8), "two boxes that cross"),
    ((10, 20, 90, 60), (30, 30, 50, 40), "a box inside another"),
    ((0, 0, 2, 2), (2, 0, 4, 2), "two boxes that touch"),
    ((0, 0, 2, 2), (5, 0, 7, 1), "two boxes side by side"),
    ((0, 0, 2, 2), (5, 7, 8, 9), "two boxes apart, one lower and to the right"),
    ((1.5, 0.5, 4, 3), (3.5, 2.25, 6.5, 5), "boxes with fractions"),
    ((0, 0, 2, 2), (2.5, 0, 4, 2), "two boxes half a pixel apart"),
    ((0, 0, 2, 2), (0, 2.5, 2, 4), "one box half a pixel under the other"),
)


def check_iou(answer: Any) -> None:
    """Check a learner's function (box, other) → intersection over union.

    Raises:
        Wrong: with the pair of boxes, and what was forgotten.
    """
    need_function(answer)
    for box, other, what in _PAIRS:
        one, two = (torch.tensor([b], dtype=torch.float64) for b in (box, other))
        truth = float(box_iou(one, two))
        value = need_number(call(answer, box, other, what=what))
        if abs(value - truth) <= 1e-6:
            continue
        width = min(box[2], other[2]) - max(box[0], other[0])
        height = min(box[3], other[3]) - max(box[1], other[1])
        first, second = ((b[2] - b[0]) * (b[3] - b[1]) for b in (box, other))
        if truth == 0:
            raise Wrong(f"On {what} it is 0, not {value:g}: where width or height is negative, nothing is shared.")
        if abs(value - width * height) <= 1e-6:
            raise Wrong(f"On {what} you gave the shared area; divide it by the area that both cover together.")
        if abs(value - width * height / (first + second)) <= 1e-6:
            raise Wrong(f"On {what} the shared part is counted twice in the sum of both areas: take it off once.")
        if abs(value - width * height / max(first, second)) <= 1e-6:
            raise Wrong(f"On {what} you divided by the larger area; the union also holds what only the other covers.")
        raise Wrong(f"On {what}, {box} and {other}, it is {truth:.4g}, and your function says {value:.4g}.")
