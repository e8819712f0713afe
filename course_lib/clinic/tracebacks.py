"""Reading a traceback: the learner's own lines, the model that was called, what it was given, and how deep it got.

A ``RaisedError`` holds frames, and through them everything that was alive when the error was raised; it is made, read
and dropped within one call of ``explain``. Nothing here knows any particular mistake.
"""

from __future__ import annotations

import linecache
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from torch import Tensor, nn

from course_lib.clinic.diagnosis import Line

__all__ = ["RaisedError", "attribute"]

_CALLS = {nn.Module.__call__.__code__, nn.Module._call_impl.__code__}
_PACKAGE = str(Path(__file__).resolve().parents[1])
_LIBRARIES = tuple(
    {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")} | {str(Path(linecache.__file__).parent)}
)


class RaisedError:
    """An exception and its traceback.

    Attributes:
        error, kind, message: the exception, its exact class, and what it says.
        frames: (frame, line number) from the outermost call to where it was raised.
        model: the outermost module that was being called; None where none was.
        modules: every module whose call was under way, from the model to the deepest.
        args, kwargs: what the model was called with.
    """

    def __init__(self, error: BaseException, model: nn.Module | None = None) -> None:
        self.error, self.kind, self.message = error, type(error), str(error)
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
        return _own(frame) and text.startswith(("raise", "assert"))

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
        owned = [place for place, (frame, _) in enumerate(self.frames) if _own(frame)]
        if not owned:
            return ()
        before = [place for place in owned if self._caller < 0 or place < self._caller]
        places = dict.fromkeys([*before[-1:], owned[-1]])
        lines = (_line(*self.frames[place]) for place in places)
        return tuple(line for line in lines if line.text or line.number)

    @property
    def code(self) -> str:
        """The deepest of the learner's own lines, as it is written."""
        lines = self.lines()
        return lines[-1].text if lines else ""

    def names(self) -> Iterator[tuple[str, Any]]:
        """The learner's variables, those of the frame that called the model first."""
        place = self._caller if self._caller >= 0 else len(self.frames)
        owned = [frame for frame, _ in self.frames[:place] if _own(frame)]
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


def _own(frame: FrameType) -> bool:
    """Whether a frame runs the learner's code: a cell, a script, their module; not a library, not the course's."""
    name = frame.f_code.co_filename
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
