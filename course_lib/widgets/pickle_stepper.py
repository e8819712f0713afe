"""A pickle, step by step: its instructions, and the stack that they work on; nothing of it is ever run. (lesson 08)"""

from __future__ import annotations

from collections.abc import Sequence

from course_lib.drawing.sheet import FAINT, Sheet, text_width, wrapped
from course_lib.drawing.still import BLUE, INK, ORANGE, PAGE, Still, shortened
from course_lib.errors import CourseError
from course_lib.models.checkpoints.pickle_steps import PickleStep, pickle_steps, refused_step
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, choice, number

__all__ = ["pickle_stepper"]

READERS = ("pickle.loads", "torch.load, weights_only=True")
_SHOWN, _ROW, _TOP = 12, 26.0, 44.0


def _draw_step(steps: Sequence[PickleStep], *, step: int, refused: int | None = None) -> Still:
    """The instructions at the left, the stack after one of them at the right, and what it does below.

    Args:
        steps: from ``pickle_steps``.
        step: how many instructions have been read, from 1.
        refused: the step at which the reader stops, if it does; later ones aren't reached.
    """
    now = min(step, refused or step)
    current, stopped = steps[now - 1], refused is not None and step >= refused
    why = f"{current.looks_up} isn't on its list" if current.looks_up else "it doesn't take this instruction"
    words = f"torch.load stops here: {why}. Nothing has been called." if stopped else current.words
    first = max(0, min(now - 1 - _SHOWN // 2, len(steps) - _SHOWN))
    shown = steps[first : first + _SHOWN]
    under = _TOP + _ROW * max(len(shown), 6) + 14
    lines = wrapped(words, PAGE - 40, 11)
    sheet = Sheet(PAGE, under + 20 * len(lines) + 18)
    sheet.text(10, 8, "the program", size=11, bold=True)
    sheet.text(480, 8, "the stack", size=11, bold=True)
    for row, one in enumerate(shown):
        number, middle = first + row + 1, _TOP + _ROW * (row + 0.5)
        color = INK if number <= now else FAINT
        if number == now:
            sheet.boxes([(6, middle - _ROW / 2 + 1, 450, _ROW - 2)], edge=ORANGE if stopped else BLUE, line=1.6)
        sheet.middle_text(14, middle, ("✗ " if stopped else "▶ ") if number == now else "", size=10, color=color)
        sheet.middle_text(36, middle, one.code, size=10, color=color, bold=number == now)
        room = 456 - 176
        told = one.argument
        while told and text_width(told, 9.5) > room - 10:
            told = shortened(told, len(told) - 2)
        sheet.middle_text(176, middle, told, size=9.5, color=color)
        sheet.spot("step", (6, middle - _ROW / 2, 450, _ROW), one.words, value=number)
    before = steps[now - 2].stack if stopped and now > 1 else () if stopped else current.stack
    floor = _TOP + _ROW * max(len(shown), 6)
    sheet.lines([[(480, floor), (PAGE - 10, floor)]], line=1.4)
    for level, thing in enumerate(before[-_SHOWN // 2 :]):
        top = floor - (level + 1) * (_ROW + 6)
        sheet.boxes([(480, top, PAGE - 490, _ROW + 2)], edge=BLUE, line=1.2)
        told = thing
        while text_width(told, 10) > PAGE - 510:
            told = shortened(told, len(told) - 2)
        sheet.middle_text(490, top + _ROW / 2 + 1, told, size=10)
    if not before:
        sheet.middle_text(490, floor - 16, "empty", size=10, color=FAINT)
    sheet.text(10, under, "\n".join(lines), size=11, bold=stopped, color=ORANGE if stopped else INK)
    return sheet.still(f"Step {now} of {len(steps)}, {current.code}: {words}")


@widget(
    example=lambda given: {"data": b"\x80\x02c__builtin__\nprint\nq\x00X\x02\x00\x00\x00hiq\x01\x85q\x02Rq\x03."},
    moves=[{"step": 8}, {"reader": READERS[1]}, {"step": 1}],
    refuses=[({"data": b"no pickle"}, "whole pickle"), ({"step": 99}, "step")],
)
def pickle_stepper(data: bytes, *, step: int = 2, reader: str = READERS[0]) -> Explorer:
    """Go through a pickle's instructions one by one, as ``pickle.loads`` reads it, or as ``torch.load`` does.

    Args:
        data: what ``pickle.dumps`` returned; with protocol 2, as ``torch.save`` writes, ``torch.load`` can read it.
        step: at first, from 1.
        reader: "pickle.loads" or "torch.load, weights_only=True".

    Raises:
        CourseError: not a whole pickle, a long one, or a step that it doesn't have.
    """
    if not isinstance(data, bytes | bytearray):
        raise CourseError(f"A value of type {type(data).__name__} was given; give bytes, as pickle.dumps returns them.")
    steps = pickle_steps(bytes(data))
    refused = refused_step(bytes(data), steps)
    controls = {"step": number("step", 1, len(steps), step), "reader": choice("read by", READERS, reader)}

    def draw(step: int, reader: str) -> Still:
        return _draw_step(steps, step=step, refused=refused if reader == READERS[1] else None)

    return Explorer(draw, controls, touch={"step": "step"})
