"""A pickle, step by step: its instructions, and the stack that they work on; nothing of it is ever run. (lesson 08)"""

from __future__ import annotations

import io
import pickle
import pickletools
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from course_lib.drawing.sheet import FAINT, Sheet, text_width, wrapped
from course_lib.drawing.still import BLUE, INK, ORANGE, PAGE, Still, shortened
from course_lib.errors import CourseError
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, choice, number

__all__ = ["pickle_stepper"]

READERS = ("pickle.loads", "torch.load, weights_only=True")
_MOST, _SHOWN, _ROW, _TOP, _LETTERS = 400, 12, 26.0, 44.0, 40
_REMEMBER = ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE")
_RECALL = ("GET", "BINGET", "LONG_BINGET")


@dataclass(frozen=True)
class _Step:
    """Attributes:
    code: the instruction's name in ``pickletools``.
    argument: what stands behind it in the file, "" for nothing.
    words: what it does.
    stack: what is on the stack after it, the top last.
    looks_up: "module.name" of a function or class that it fetches, "" otherwise.
    """

    code: str
    argument: str
    words: str
    stack: tuple[str, ...]
    looks_up: str = ""


def _steps(data: bytes) -> tuple[_Step, ...]:
    """What each instruction of a pickle does to the stack, in words; the pickle is read, and never run.

    Example:
        >>> [step.code for step in _steps(pickle.dumps(7, protocol=2))]
        ['PROTO', 'BININT1', 'STOP']
    """
    steps: list[_Step] = []
    stack: list[str] = []
    memory: dict[object, str] = {}
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if len(steps) == _MOST:
                raise CourseError(f"This pickle has more than {_MOST} instructions: give a smaller one.")
            words, looked_up = _move(opcode, argument, stack, memory)
            told = "" if argument is None else shortened(repr(argument), _LETTERS)
            steps.append(_Step(opcode.name, told, words, tuple(stack), looked_up))
    except (ValueError, IndexError) as error:
        raise CourseError(
            f"{len(data)} bytes were given that aren't a whole pickle ({str(error)[:80]}): give what pickle.dumps "
            "returns."
        ) from error
    return tuple(steps)


def _move(
    opcode: pickletools.OpcodeInfo, argument: object, stack: list[str], memory: dict[object, str]
) -> tuple[str, str]:
    """What an instruction does, in words, and what it looks up; the stack and the memory are changed."""
    name = opcode.name
    if name in _REMEMBER:
        memory[len(memory) if name == "MEMOIZE" else argument] = stack[-1]
        return "Remembers what is on top of the stack, in case it's needed again.", ""
    if name in _RECALL:
        stack.append(memory.get(argument, "?"))
        return "Puts something that was remembered on the stack.", ""
    taken: list[str] = []
    if any(part is pickletools.markobject for part in opcode.stack_before):
        while stack and (top := stack.pop()) != "(":
            taken.insert(0, top)
        for _ in range(len(opcode.stack_before) - 2):
            taken.insert(0, stack.pop())
    else:
        for _ in opcode.stack_before:
            taken.insert(0, stack.pop())
    if name == "MARK":
        stack.append("(")
        return "Puts a mark on the stack, from which some later instruction collects.", ""
    if name in ("GLOBAL", "STACK_GLOBAL"):
        looked_up = str(argument).replace(" ", ".") if name == "GLOBAL" else ".".join(part.strip("'") for part in taken)
        stack.append(looked_up)
        return f"Looks up {looked_up}, and puts it on the stack.", looked_up
    if name == "REDUCE":
        made = f"{taken[0].rpartition('.')[2]}{taken[1]}"
        stack.append(f"what {shortened(made, _LETTERS)} returned")
        return f"Calls {shortened(made, 70)}, and puts what it returns on the stack.", ""
    if name == "STOP":
        stack.append(taken[0])
        return "The end. What is left on the stack is what the reader gets.", ""
    made = _made(name, argument, taken)
    stack.extend([made] * len(opcode.stack_after))
    if name == "PROTO":
        return f"This pickle is written in version {argument} of the format.", ""
    if argument is not None and not taken:
        return "Puts it on the stack.", ""
    return opcode.doc.split("\n\n")[0].replace("\n", " ").strip(), ""


def _made(name: str, argument: object, taken: Sequence[str]) -> str:
    """What an instruction leaves on the stack, as Python writes it, shortened."""
    if name.startswith(("TUPLE", "EMPTY_TUPLE")):
        return shortened(f"({', '.join(taken)}{',' if len(taken) == 1 else ''})", _LETTERS)
    if name in ("EMPTY_DICT", "EMPTY_LIST"):
        return {"EMPTY_DICT": "{}", "EMPTY_LIST": "[]"}[name]
    if name in ("SETITEM", "SETITEMS", "APPEND", "APPENDS", "BUILD"):
        return shortened(f"{taken[0]} with {', '.join(taken[1:])}", _LETTERS)
    if name in ("NONE", "NEWTRUE", "NEWFALSE"):
        return {"NONE": "None", "NEWTRUE": "True", "NEWFALSE": "False"}[name]
    return shortened(repr(argument) if argument is not None else name.lower(), _LETTERS)


def _refused(data: bytes, steps: Sequence[_Step]) -> int | None:
    """The number of the step at which ``torch.load`` with ``weights_only=True`` stops, from 1; None for none."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/version", b"3\n")
    file.seek(0)
    try:
        torch.load(file, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError) as error:
        unknown = re.search(r"Unsupported operand (\d+)", str(error))
        names = {ord(opcode.code): opcode.name for opcode in pickletools.opcodes}
        code = names.get(int(unknown[1]), "") if unknown else ""
        named = re.search(r"GLOBAL (\S+) was not", str(error))
        name = named[1].rpartition(".")[2] if named else ""
        places = [
            number for number, step in enumerate(steps, 1)
            if step.code == code or (name and step.looks_up.rpartition(".")[2] == name)
        ]  # fmt: skip
        lookups = [number for number, step in enumerate(steps, 1) if step.looks_up]
        return [*places, *lookups, 1][0]
    return None


def _draw_step(steps: Sequence[_Step], *, step: int, refused: int | None = None) -> Still:
    """The instructions at the left, the stack after one of them at the right, and what it does below.

    Args:
        steps: from ``_steps``.
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
    steps = _steps(bytes(data))
    refused = _refused(bytes(data), steps)
    controls = {"step": number("step", 1, len(steps), step), "reader": choice("read by", READERS, reader)}

    def draw(step: int, reader: str) -> Still:
        return _draw_step(steps, step=step, refused=refused if reader == READERS[1] else None)

    return Explorer(draw, controls, touch={"step": "step"})
