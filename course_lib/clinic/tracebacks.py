"""Reading a traceback: the learner's own lines, the model that was called, what it was given, and how deep it got.

A ``RaisedError`` holds frames, and through them everything that was alive when the error was raised; it is made, read
and dropped within one call of ``explain``. Nothing here knows any particular mistake.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import linecache
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from functools import cached_property
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from course_lib.clinic.diagnosis import Diagnosis, Line
from course_lib.clinic.statements import Source, statement_at
from course_lib.tracing.mismatches import Party

__all__ = ["MISSING", "RaisedError", "attribute"]

#: What ``RaisedError.value`` gives for an expression whose value cannot be looked up.
MISSING = object()
#: Values whose attributes are looked up: to read them runs none of the learner's code.
_PLAIN = (nn.Module, ModuleType, type, Tensor, Enum, DataLoader, Dataset)

_CALLS = {nn.Module.__call__.__code__, nn.Module._call_impl.__code__}
_PACKAGE = str(Path(__file__).resolve().parents[1])
_LIBRARIES = tuple(
    {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")} | {str(Path(linecache.__file__).parent)}
)


class RaisedError:
    """An exception and its traceback.

    Attributes:
        error, kind, message: the exception, its exact class, and what it says; of one that a DataLoader's worker
            handed on, what it said there.
        worker: the worker's own traceback, as text; "" where there is none.
        frames: (frame, line number) from the outermost call to where it was raised.
        model: the outermost module that was being called; None where none was.
        modules: every module whose call was under way, from the model to the deepest.
        args, kwargs: what the model was called with.
    """

    def __init__(self, error: BaseException, model: nn.Module | None = None) -> None:
        self.error, self.kind, self.message, self.worker = error, type(error), str(error), ""
        if re.match(r"Caught \w+ in .*worker", self.message):
            self.worker, _, inner = self.message.rpartition(f"\n{self.kind.__name__}: ")
            self.message = inner.strip() or self.message
        self.frames: list[tuple[FrameType, int]] = []
        step = error.__traceback__
        while step is not None:
            self.frames.append((step.tb_frame, step.tb_lineno))
            step = step.tb_next
        self.args: tuple[Any, ...] = ()
        self.kwargs: dict[str, Any] = {}
        self.modules: list[nn.Module] = []
        self._given: list[tuple[Any, ...]] = []
        self._caller = -1
        for place, (frame, _) in enumerate(self.frames):
            call = _call(frame)
            if call is None or (self.modules and call[0] is self.modules[-1]):
                continue
            if not self.modules:
                self._caller = place
                self.args, self.kwargs = call[1], call[2]
            self.modules.append(call[0])
            self._given.append(call[1])
        self.model = self.modules[0] if self.modules else model
        if isinstance(self.model, nn.DataParallel):
            self.model = self.model.module

    @property
    def by_learner(self) -> bool:
        """Whether the learner's own code raised it, with a message of its own that needs no explanation."""
        if not self.frames:
            return True
        frame, number = self.frames[-1]
        text = linecache.getline(frame.f_code.co_filename, number, frame.f_globals).strip()
        return _own(frame.f_code.co_filename) and text.startswith(("raise", "assert"))

    def raised_in(self, *ends: str) -> bool:
        """Whether it was raised in a file whose path ends so, such as "torch/nn/modules/conv.py"."""
        return bool(self.frames) and Path(self.frames[-1][0].f_code.co_filename).as_posix().endswith(ends)

    def variables_of(self, name: str, end: str = "") -> dict[str, Any] | None:
        """The variables of the deepest frame of a function with this name, in a file whose path ends so."""
        for frame, _ in reversed(self.frames):
            code = frame.f_code
            if code.co_name == name and Path(code.co_filename).as_posix().endswith(end):
                return dict(frame.f_locals)
        return None

    @property
    def path(self) -> str | None:
        """The path of the deepest module in the model; None where it does not belong to the model."""
        if self.model is None or not self.modules:
            return None
        deepest = self.modules[-1]
        return next((path for path, module in self.model.named_modules() if module is deepest), None)

    @property
    def place(self) -> str:
        """The deepest module in words: "bn1 (BatchNorm2d) of ResNet"."""
        if self.model is None or not self.modules:
            return ""
        kind, whole = type(self.modules[-1]).__name__, type(self.model).__name__
        return f"{self.path} ({kind}) of {whole}" if self.path else whole

    @property
    def given(self) -> tuple[Any, ...]:
        """What the deepest module was called with."""
        return self._given[-1] if self._given else ()

    @property
    def picture(self) -> Tensor | None:
        """The tensor that the model was called with, where it was exactly one."""
        given = [value for value in (*self.args, *self.kwargs.values()) if value is not None]
        return given[0] if len(given) == 1 and isinstance(given[0], Tensor) else None

    def lines(self) -> tuple[Line, ...]:
        """The learner's line that called the model, and their deepest one."""
        owned = [place for place, (frame, _) in enumerate(self.frames) if _own(frame.f_code.co_filename)]
        if not owned:
            return ()
        before = [place for place in owned if self._caller < 0 or place < self._caller]
        places = dict.fromkeys([*before[-1:], owned[-1]])
        lines = [_line(*self.frames[place]) for place in places]
        lines += self._line_in_worker()
        return tuple(line for line in lines if line.text or line.number)

    @property
    def own(self) -> tuple[FrameType, int] | None:
        """(frame, line number) of the deepest of the learner's own frames."""
        return next((pair for pair in reversed(self.frames) if _own(pair[0].f_code.co_filename)), None)

    @property
    def direct(self) -> bool:
        """Whether the learner's own line raised it, through no library's Python code."""
        return bool(self.frames) and _own(self.frames[-1][0].f_code.co_filename)

    @cached_property
    def statement(self) -> Source | None:
        """The deepest of the learner's own statements."""
        return statement_at(*self.own) if self.own else None

    @cached_property
    def calling(self) -> Source | None:
        """The learner's statement that called the model."""
        place = self._place_of_call()
        return statement_at(*self.frames[place]) if place >= 0 else None

    def _place_of_call(self) -> int:
        last = self._caller if self._caller >= 0 else len(self.frames)
        owned = [place for place in range(last) if _own(self.frames[place][0].f_code.co_filename)]
        return owned[-1] if owned else -1

    def value_there(self, node: ast.AST) -> Any:
        """The value of a simple expression of the statement that called the model."""
        place = self._place_of_call()
        return _value(node, self.frames[place][0]) if place >= 0 else MISSING

    def value(self, node: ast.AST | None) -> Any:
        """The value of a simple expression of the learner's (names, attributes, constant indices), or ``MISSING``."""
        if self.own is None or node is None:
            return MISSING
        return _value(node, self.own[0])

    def spelled(self, module: str, name: str) -> str:
        """How the learner would write a library's name: "T.ToTensor" after "import torchvision.transforms as T"."""
        home = importlib.import_module(module)
        thing = getattr(home, name, None)
        for key, value in self.names():
            if value is thing and thing is not None:
                return key
        for key, value in self.names():
            if value is home:
                return f"{key}.{name}"
        if module == "torch.nn.functional":
            return f"nn.functional.{name}" if self.knows("nn", nn) else f"torch.nn.functional.{name}"
        return f"{module}.{name}"

    def knows(self, name: str, thing: Any) -> bool:
        """Whether the learner has this thing under this name."""
        return any(key == name and value is thing for key, value in self.names())

    def instances(self, *kinds: type) -> list[tuple[str, Any]]:
        """The learner's variables of these classes, each thing once."""
        things: dict[int, tuple[str, Any]] = {}
        for name, value in self.names():
            if isinstance(value, kinds):
                things.setdefault(id(value), (name, value))
        return list(things.values())

    def diagnosis(
        self, name: str, what: str, repair: str = "", why: str = "", shapes: Iterable[Party] = (), module: str = ""
    ) -> Diagnosis:
        """A diagnosis with the learner's lines in it."""
        return Diagnosis(name, what, module or self.place, self.lines(), tuple(shapes), repair, why)

    @property
    def code(self) -> str:
        """The deepest of the learner's own lines, as it is written."""
        lines = self.lines()
        return lines[-1].text if lines else ""

    def _line_in_worker(self) -> list[Line]:
        places = re.findall(r'File "(.+?)", line (\d+), in ', self.worker)
        own = [(name, int(number)) for name, number in places if _own(name)]
        return [Line(_place(name), number, linecache.getline(name, number).strip()) for name, number in own[-1:]]

    def names(self) -> Iterator[tuple[str, Any]]:
        """The learner's variables, those of the frame that called the model first."""
        place = self._caller if self._caller >= 0 else len(self.frames)
        owned = [frame for frame, _ in self.frames[:place] if _own(frame.f_code.co_filename)]
        for frame in reversed(owned):
            for space in (frame.f_locals, frame.f_globals):
                yield from ((name, value) for name, value in dict(space).items() if not name.startswith("_"))

    def name_of(self, thing: Any, otherwise: str) -> str:
        """The learner's own name for an object."""
        return next((name for name, value in self.names() if value is thing), otherwise)

    def __str__(self) -> str:
        return f"{self.kind.__name__}: {self.message}"


def attribute(model: str, path: str) -> str:
    """How a module is written in code.

    Example:
        >>> attribute("model", "classifier.6"), attribute("net", "layer1.0.conv1"), attribute("net", "")
        ('model.classifier[6]', 'net.layer1[0].conv1', 'net')
    """
    return model + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in path.split(".") if part)


def _value(node: ast.AST, frame: FrameType) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return next((space[node.id] for space in (frame.f_locals, frame.f_globals) if node.id in space), MISSING)
    if isinstance(node, ast.Attribute):
        base = _value(node.value, frame)
        with contextlib.suppress(Exception):
            if isinstance(base, _PLAIN):
                return getattr(base, node.attr)
            return inspect.getattr_static(base, "__dict__", {}).get(node.attr, MISSING)
    if isinstance(node, ast.Subscript):
        base, key = _value(node.value, frame), _value(node.slice, frame)
        with contextlib.suppress(Exception):
            if isinstance(base, list | tuple | dict | Tensor | nn.Sequential | nn.ModuleList) and key is not MISSING:
                return base[key]
    return MISSING


def _own(name: str) -> bool:
    """Whether a file holds the learner's code: a cell, a script, their module; not a library, not the course's."""
    if name.startswith("<") and not name.startswith(("<ipython-input", "<stdin>", "<string>", "<doctest")):
        return False
    parts = Path(name).parts
    if "site-packages" in parts or "dist-packages" in parts or name.startswith(_PACKAGE):
        return False
    return not name.startswith(_LIBRARIES)


def _call(frame: FrameType) -> tuple[nn.Module, tuple[Any, ...], dict[str, Any]] | None:
    """(module, args, kwargs) of a frame in which a module is called."""
    code = frame.f_code
    if code not in _CALLS and code.co_name != "forward":
        return None
    space: Mapping[str, Any] = frame.f_locals
    module = space.get("self")
    if not isinstance(module, nn.Module):
        return None
    if code in _CALLS:
        return module, tuple(space.get("args", ())), dict(space.get("kwargs", {}))
    names = code.co_varnames[1 : code.co_argcount]  # forward called directly; a variable may have changed since
    return module, tuple(space[name] for name in names if name in space), {}


def _line(frame: FrameType, number: int) -> Line:
    name = frame.f_code.co_filename
    text = linecache.getline(name, number, frame.f_globals).strip()
    return Line(_place(name), number, text)


def _place(name: str) -> str:
    """ "cell 7" in a notebook, else the file's name."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    source = "".join(linecache.getlines(name)).strip()
    if shell is not None and source:
        cells = list(shell.user_ns.get("In", ()))
        for number in range(len(cells) - 1, 0, -1):
            if cells[number].strip() == source:
                return f"cell {number}"
    if name.startswith("<") or "ipykernel_" in name:
        return "a cell" if "ipy" in name else "what you typed"
    return Path(name).name
