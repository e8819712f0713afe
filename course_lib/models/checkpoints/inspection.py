"""What a checkpoint file claims, looked at before anything in it is followed: its zip directory, its pickles, its JSON.

PyTorch's reader (``weights_only=True``) runs no foreign code, but it believes what a file says of itself: a record that
is shorter than its tensor, a thousand times as much to unpack as the file is long, a call that takes a gigabyte of
memory. Here a pickle's instructions are listed (``pickletools``) with the stack they would leave, and none of them is
carried out. ``reader`` asks before it reads; ``refusals`` asks why a file could not be read.
"""

from __future__ import annotations

import json
import math
import os
import pickletools
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

__all__ = ["Claims", "claims_of", "is_safetensors", "is_zip", "safetensors_end", "start_of"]

_HEADER = 8  # bytes of a safetensors file that say how long its JSON is
#: Of the older format, before its numbers: a magic number, the version, the machine, the state dict, the keys.
_PICKLES = 5
_COUNT = 8  # bytes before each storage's numbers in the older format: how many there are
_FOLDER = 0x10  # the attribute of MS-DOS
_SMALL = 100_000_000  # bytes that any archive may unpack to
_RATIO = 50  # how many times its own size a larger archive may unpack to
_INSTRUCTIONS = 5_000_000  # of one pickle: some ten seconds
_TAKEN = 1_000_000  # bytes or numbers that a pickle's calls may take from memory, beside what the file holds
_STEPS = 1_000_000  # of a look-up with a tuple of tuples as the key
#: Bytes of one element of torch.FloatStorage and its sisters, where it is more than one.
_BYTES = {"Double": 8, "Float": 4, "Half": 2, "BFloat16": 2, "Long": 8, "Int": 4, "Short": 2, "ComplexFloat": 8,
          "ComplexDouble": 16, "QInt32": 4}  # fmt: skip
#: What a pickle may call with a number, to get that much memory.
_TAKES_MEMORY = re.compile(r"(__builtin__|builtins)\.bytearray|torch(\.\w+)*\.\w*(Storage|Tensor)")


@dataclass(slots=True)
class Claims:
    """What a file says of itself.

    Attributes:
        names: everything its pickles ask Python for, as "module.name".
        members: the files in a zip archive; empty for any other file.
        fault: why it is not read, to be put after "is "; "" where nothing speaks against it.
        cut: whether the file ends inside what it announces.
        byte_order: of its numbers, as in ``sys.byteorder``; older archives do not say, and hold "little".
    """

    names: list[str] = field(default_factory=list)
    members: tuple[str, ...] = ()
    fault: str = ""
    cut: bool = False
    byte_order: str = "little"


def start_of(path: Path) -> bytes:
    """A file's first bytes, as many as its kind is seen from."""
    with path.open("rb") as file:
        return file.read(512)


def is_zip(start: bytes) -> bool:
    """Whether PyTorch takes a file that begins so for its zip format (an archive may also hide at a file's end)."""
    return start[:4] == b"PK\x03\x04"


def is_safetensors(start: bytes) -> bool:
    """Whether a file that begins so is one of safetensors: the length of a JSON text, and the text's first brace.

    Example:
        >>> from safetensors.torch import save
        >>> import torch
        >>> is_safetensors(save({"weight": torch.ones(2)})), is_safetensors(b"PK and more than that")
        (True, False)
    """
    return start[_HEADER : _HEADER + 1] == b"{" and int.from_bytes(start[:_HEADER], "little") < 100_000_000


def safetensors_end(path: Path) -> int:
    """Where the last tensor of a safetensors file ends, in bytes; 0 where its JSON cannot be read."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_HEADER), "little")
        header = file.read(length)
    if len(header) < length:
        return _HEADER + length
    try:
        entries = json.loads(header)
        ends = [int(entry["data_offsets"][1]) for key, entry in entries.items() if key[:2] != "__"]
        return _HEADER + length + max(ends)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return 0


def claims_of(path: Path) -> Claims:
    """What a file of PyTorch's formats claims, found without following any of its instructions.

    Raises:
        OSError: the file cannot be opened.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        return _archive(file, size) if is_zip(file.read(4)) else _older(file, size)


def _archive(file: IO[bytes], size: int) -> Claims:
    """The zip format: its list of contents is the last thing in it, so a file that has one is whole."""
    try:
        with zipfile.ZipFile(file) as archive:
            return _records(archive, size)
    except Exception:  # no list of contents, or a damaged one: zipfile raises half a dozen kinds here
        return Claims(cut=not _has_contents(file), fault="damaged")


def _has_contents(file: IO[bytes]) -> bool:
    try:
        return zipfile.is_zipfile(file)
    except zipfile.BadZipFile:  # there is a list of contents, and what it says makes no sense
        return True


def _records(archive: zipfile.ZipFile, size: int) -> Claims:
    entries = archive.infolist()
    members = tuple(entry.filename for entry in entries)
    claims = Claims(members=members)
    unpacked = sum(entry.file_size for entry in entries)
    stored = [entry for entry in entries if entry.compress_type == zipfile.ZIP_STORED]
    if len({name.casefold() for name in members}) < len(members):
        claims.fault = "damaged: two of its records have the same name"
    elif any(entry.external_attr & _FOLDER and entry.file_size for entry in entries):
        claims.fault = "damaged: one of its records is marked as a folder"  # PyTorch reads no numbers from it
    elif sum(entry.compress_size for entry in entries) > size or any(e.compress_size != e.file_size for e in stored):
        claims.fault = "damaged: its records are longer than the file"
    elif unpacked > max(_SMALL, _RATIO * size):
        claims.fault = f"a packed archive of {size:,} bytes that would unpack to {unpacked:,}"
    if claims.fault:
        return claims
    lengths = {entry.filename: entry.file_size for entry in entries}
    for entry in entries:
        if entry.filename.endswith("/byteorder") and entry.file_size < 10:
            claims.byte_order = archive.read(entry).decode(errors="replace")
        if entry.filename.endswith(".pkl"):
            with archive.open(entry) as file:
                program = _Program(_Bounded(file, entry.file_size))
                program.run()
            claims.names += program.names
            claims.fault = claims.fault or program.fault
            if entry.filename.count("/") == 1 and entry.filename.endswith("/data.pkl"):
                home = entry.filename.removesuffix("data.pkl")
                short = [key for key, length in program.storages.items()
                         if lengths.get(f"{home}data/{key}", 0) < length]  # fmt: skip
                if short:
                    claims.fault = claims.fault or f"damaged: its record {short[0][:40]!r} is shorter than its tensor"
    return claims


def _older(file: IO[bytes], size: int) -> Claims:
    """A pickle, or PyTorch's format before 1.6: pickles, then numbers."""
    claims = Claims()
    file.seek(0)
    bounded = _Bounded(file, size)
    numbers = 0
    for _ in range(_PICKLES):
        program = _Program(bounded)
        whole = program.run()
        claims.names += program.names
        claims.fault = claims.fault or program.fault
        numbers += sum(_COUNT + length for length in program.storages.values())
        if numbers > bounded.left:
            claims.cut, claims.fault = True, claims.fault or "damaged: its tensors are longer than the file"
        if not whole:  # a pickle that ends too early, or numbers begin: any length may stand there
            claims.cut = claims.cut or not bounded.left
            break
        if not bounded.left:
            break
    return claims


class _Bounded:
    """A file that never reads beyond its end, whatever length is asked for: a pickle may announce 2**63 bytes."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self.file, self.left = file, size

    def read(self, count: int) -> bytes:
        return self._counted(self.file.read(min(count, self.left))) if count > 0 else b""

    def readline(self) -> bytes:
        return self._counted(self.file.readline(self.left))

    def _counted(self, data: bytes) -> bytes:
        self.left = self.left - len(data) if data else 0
        return data


@dataclass(slots=True)
class _Global:
    name: str


@dataclass(slots=True)
class _Tuple:
    items: list[Any]
    steps: int  # to compute its hash: a tuple that occurs twice inside counts twice


_MARK, _THING = object(), object()  # the stack's mark; a value about which nothing needs to be known


class _Program:
    """One pickle's instructions, with the stack that they would leave.

    Attributes:
        names: what it asks Python for.
        storages: the tensors' storages by key, with the bytes that each must have.
        fault: what speaks against following it.
    """

    def __init__(self, file: _Bounded) -> None:
        self.file = file
        self.names: list[str] = []
        self.storages: dict[str, int] = {}
        self.fault = ""
        self.stack: list[Any] = []
        self.memo: dict[Any, Any] = {}
        self.taken = 0

    def run(self) -> bool:
        """List the instructions. Returns whether the pickle came to its end, or to a fault."""
        special: dict[str, Callable[[Any], None]] = {
            "GLOBAL": self._global, "INST": self._global, "STACK_GLOBAL": self._stack_global, "REDUCE": self._call,
            "NEWOBJ": self._call, "BINPERSID": self._persistent, "TUPLE": self._tuple,
        }  # fmt: skip
        special |= {"MARK": lambda _: self.stack.append(_MARK), "EMPTY_TUPLE": lambda _: self._push_tuple([])}
        special |= {f"TUPLE{n}": lambda _, n=n: self._push_tuple(self._pop(n)) for n in (1, 2, 3)}  # type: ignore[misc]
        special |= dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), self._put)
        special |= dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda key: self.stack.append(self.memo.get(key)))
        special["MEMOIZE"] = lambda _: self._put(len(self.memo))
        try:
            for count, (code, value, _) in enumerate(pickletools.genops(self.file)):  # type: ignore[arg-type]
                if count > _INSTRUCTIONS:
                    self.fault = f"a pickle of more than {_INSTRUCTIONS:,} instructions"
                if self.fault:
                    return True
                if code.name in special:
                    special[code.name](value)
                else:
                    self._other(code, value)
        except Exception:  # pickletools raises half a dozen kinds where this is no pickle, or not all of it
            return False
        return True

    def _pop(self, count: int) -> list[Any]:
        popped = [self.stack.pop() if self.stack else _THING for _ in range(count)]
        return popped[::-1]

    def _pop_to_mark(self) -> list[Any]:
        popped: list[Any] = []
        while self.stack and (value := self.stack.pop()) is not _MARK:
            popped.append(value)
        return popped[::-1]

    def _other(self, code: pickletools.OpcodeInfo, value: Any) -> None:
        """Any instruction without a rule of its own, by pickletools' account of what it takes and leaves."""
        if pickletools.markobject in code.stack_before:
            self._pop_to_mark()
            self._pop(code.stack_before.index(pickletools.markobject))
        else:
            self._pop(len(code.stack_before))
        literal = isinstance(value, int | str) and len(code.stack_after) == 1
        self.stack += [value] if literal else [_THING] * len(code.stack_after)

    def _put(self, key: Any) -> None:
        self.memo[key] = self.stack[-1] if self.stack else _THING

    def _global(self, value: str) -> None:
        self.names.append(str(value).replace(" ", "."))
        self.stack.append(_Global(self.names[-1]))

    def _stack_global(self, _: Any) -> None:
        self._global(".".join(word if isinstance(word, str) else "?" for word in self._pop(2)))

    def _tuple(self, _: Any) -> None:
        self._push_tuple(self._pop_to_mark())

    def _push_tuple(self, items: list[Any]) -> None:
        steps = 1 + sum(item.steps if isinstance(item, _Tuple) else 1 for item in items)
        self.stack.append(_Tuple(items, steps))
        if steps > _STEPS:
            self.fault = f"a pickle with tuples inside each other that take {steps:.0e} steps to look at"

    def _call(self, _: Any) -> None:
        called, given = self._pop(2)
        self.stack.append(_THING)
        if isinstance(called, _Global) and isinstance(given, _Tuple) and _TAKES_MEMORY.fullmatch(called.name):
            self.taken += math.prod(abs(item) for item in given.items if isinstance(item, int))
            if self.taken > _TAKEN:
                self.fault = f"a pickle that asks for {self.taken:,} bytes of memory by {called.name}"

    def _persistent(self, _: Any) -> None:
        """A tensor's storage: ("storage", its class, key, device, number of elements)."""
        (given,) = self._pop(1)
        self.stack.append(_THING)
        match given.items if isinstance(given, _Tuple) else []:
            case ["storage", _Global(name=name), key, _, int(numel), *_]:
                kind = name.rpartition(".")[2].removesuffix("Storage")
                length = numel * _BYTES.get(kind, 1)
                self.storages[str(key)] = max(length, self.storages.get(str(key), 0))
