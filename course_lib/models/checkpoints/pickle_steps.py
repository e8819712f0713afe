"""A pickle's instructions and the stack that they work on, read with ``pickletools``; nothing of it is ever run."""

from __future__ import annotations

import io
import pickle
import pickletools
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from course_lib.errors import CourseError
from course_lib.pictures.paths import excerpt

__all__ = ["PickleStep", "pickle_steps", "refused_step"]

_MOST, _LETTERS = 400, 40
_REMEMBER = ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE")
_RECALL = ("GET", "BINGET", "LONG_BINGET")


@dataclass(frozen=True)
class PickleStep:
    """One instruction of a pickle, and the stack after it.

    Attributes:
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


def pickle_steps(data: bytes) -> tuple[PickleStep, ...]:
    """What each instruction of a pickle does to the stack, in words; the pickle is read, and never run.

    Example:
        >>> [step.code for step in pickle_steps(pickle.dumps(7, protocol=2))]
        ['PROTO', 'BININT1', 'STOP']
    """
    steps: list[PickleStep] = []
    stack: list[str] = []
    memory: dict[object, str] = {}
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if len(steps) == _MOST:
                raise CourseError(f"This pickle has more than {_MOST} instructions: give a smaller one.")
            words, looked_up = _move(opcode, argument, stack, memory)
            told = "" if argument is None else excerpt(repr(argument), _LETTERS)
            steps.append(PickleStep(opcode.name, told, words, tuple(stack), looked_up))
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
        stack.append(f"what {excerpt(made, _LETTERS)} returned")
        return f"Calls {excerpt(made, 70)}, and puts what it returns on the stack.", ""
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
        return excerpt(f"({', '.join(taken)}{',' if len(taken) == 1 else ''})", _LETTERS)
    if name in ("EMPTY_DICT", "EMPTY_LIST"):
        return {"EMPTY_DICT": "{}", "EMPTY_LIST": "[]"}[name]
    if name in ("SETITEM", "SETITEMS", "APPEND", "APPENDS", "BUILD"):
        return excerpt(f"{taken[0]} with {', '.join(taken[1:])}", _LETTERS)
    if name in ("NONE", "NEWTRUE", "NEWFALSE"):
        return {"NONE": "None", "NEWTRUE": "True", "NEWFALSE": "False"}[name]
    return excerpt(repr(argument) if argument is not None else name.lower(), _LETTERS)


def refused_step(data: bytes, steps: Sequence[PickleStep]) -> int | None:
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
