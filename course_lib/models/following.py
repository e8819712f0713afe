"""What a builder does with ``weights=``, statement by statement: torchvision's own source, watched while it runs.

The builder is really called. Python's trace hook notes which of its statements run and what they leave in its
variables; the statements themselves are read from the installed source, so that none is written down here. Only the
last step is left out: where the weights' file would be read, the network gets its own numbers back, and nothing is
downloaded. What a line of one's own asks for, with warnings and errors, is ``spellings.py``.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import PurePosixPath
from types import CodeType, FrameType
from typing import Any
from urllib.parse import urlsplit

import torch
from torch import nn
from torchvision.models import WeightsEnum, get_model_builder

from course_lib.models.listing import Line, syntax_tree
from course_lib.models.spellings import Weightless, instead_of_files

__all__ = ["CodeLine", "Followed", "follow"]


@dataclass(frozen=True)
class CodeLine(Line):
    """A statement of a builder, or the head of one of its functions; ``value`` is what it left behind.

    Attributes:
        failed: whether it raised the error.
    """

    failed: bool = False


@dataclass(frozen=True)
class Followed:
    """A builder's run.

    Attributes:
        call: how it was called.
        lines: its statements, those of its helper after them.
        error: what it raised, if it did.
        model: the network without its numbers (on the meta device), where there is one.
    """

    call: str
    lines: tuple[CodeLine, ...]
    error: Exception | None = None
    model: nn.Module | None = field(default=None, repr=False)

    def __str__(self) -> str:
        rows = [self.call]
        for line in self.lines:
            mark = "✕" if line.failed else "→" if line.runs else " "
            rows.append(f"{mark} {line.text}")
            if line.value and len(line.text) + len(line.value) <= 100:
                rows[-1] += f"  # {line.value}"
            elif line.value:
                rows.append(f"{' ' * (len(line.text) - len(line.text.lstrip()) + 6)}# {line.value}")
        return "\n".join(rows)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(_row(line) for line in self.lines)
        letters = "font:12.5px/1.5 ui-monospace,Menlo,Consolas,monospace"
        look = f"border-collapse:collapse;table-layout:auto;margin:4px 0;{letters}"
        title = f'<caption style="text-align:left;font-weight:600;padding:2px 0">{escape(self.call)}</caption>'
        return f'<table style="{look}">{title}<tbody>{rows}</tbody></table>'


#: Steps at which variables are looked at: a loop over a thousand weights says nothing new after that.
_MOST = 200
_CELL = "text-align:left;vertical-align:top;padding:1px 10px 1px 0;border:none;white-space:normal"


def _row(line: CodeLine) -> str:
    mark, color = ("✕", "#B25500") if line.failed else ("→", "#0072B2") if line.runs else ("", "")
    faint = "" if line.runs else ";opacity:.45"
    said = "did not run" if not line.runs else "failed" if line.failed else "ran"
    text = line.text.lstrip()
    deep = len(line.text) - len(text) + 4  # what does not fit on a line goes on four letters further in
    cells = (
        f'<td style="{_CELL}" title="{said}"><b style="color:{color}">{mark}</b></td>',
        f'<td style="{_CELL};padding-left:{deep}ch;text-indent:-4ch{faint}">{escape(text)}</td>',
        f'<td style="{_CELL};color:{color or "inherit"};max-width:26em">{escape(line.value)}</td>',
    )
    return f'<tr style="background:none">{"".join(cells)}</tr>'


def follow(builder: str | Callable[..., nn.Module], **given: Any) -> Followed:
    """Call a builder and say which of its statements ran, and what they did.

    Args:
        builder: a registered name, or the function itself (a learner's own too).
        given: what it is called with, such as ``weights="DEFAULT"``.

    Returns:
        The statements of the builder and of the helper that it hands its weights to. An error of the builder's is part
        of the answer.

    Raises:
        ValueError: torchvision knows no model of this name.

    Example:
        >>> for line in follow("resnet18", weights="DEFAULT").lines[3:6]:
        ...     print(line.text.strip(), "#", line.value)
        def _resnet(block, layers, weights, progress, **kwargs): # block = BasicBlock, layers = [2, 2, 2, 2], ...
        if weights is not None: # True
        _ovewrite_named_param(kwargs, 'num_classes', len(weights.meta['categories'])) # kwargs = {'num_classes': 1000}
        >>> follow("resnet18", weights="DEFAULT", num_classes=10).error
        ValueError("The parameter 'num_classes' expected value 1000 but got 10 instead.")
        >>> [line.text.strip() for line in follow("vgg11").lines if not line.runs][0]
        "kwargs['init_weights'] = False"
    """
    function = get_model_builder(builder) if isinstance(builder, str) else builder
    inner = inspect.unwrap(function)
    call = f"{inner.__name__}({', '.join(f'{name}={value!r}' for name, value in given.items())})"
    watch = _Watch(inner.__code__)
    model, error = None, None
    before = sys.gettrace()
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]), instead_of_files(watch.file), Weightless():
        warnings.simplefilter("ignore")
        sys.settrace(watch)
        try:
            model = function(**given)
        except Exception as problem:
            error = problem
        finally:
            sys.settrace(before)
    lines = [line for seen in watch.calls for line in seen.lines(error)]
    return Followed(call, tuple(lines), error, model if isinstance(model, nn.Module) else None)


# -- watching ---------------------------------------------------------------------------------------------------------
@dataclass
class _Call:
    """One function's run: the line it came to and its variables in words, again and again, up to its return."""

    code: CodeType
    steps: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    end: dict[str, str] = field(default_factory=dict)
    failed: int = 0
    files: dict[int, str] = field(default_factory=dict)

    def lines(self, error: Exception | None) -> Iterator[CodeLine]:
        tree = syntax_tree(self.code)
        if tree is None:
            return
        offset = self.code.co_firstlineno - 1
        first = self.steps[0][1] if self.steps else {}
        yield CodeLine(_head(tree.args, tree.name), True, _listed(first))
        body = tree.body[1:] if ast.get_docstring(tree) else tree.body
        yield from self._statements(body, "    ", offset, error)

    def _statements(
        self, body: list[ast.stmt], indent: str, offset: int, error: Exception | None
    ) -> Iterator[CodeLine]:
        for statement in body:
            inner: list[ast.stmt] = getattr(statement, "body", [])
            last = inner[0].lineno - 1 if inner else statement.end_lineno or statement.lineno
            numbers = range(statement.lineno + offset, max(last, statement.lineno) + offset + 1)
            at = [place for place, (number, _) in enumerate(self.steps) if number in numbers]
            failed = error is not None and self.failed in numbers
            value = f"{type(error).__name__}: {error}" if failed else self._value(statement, at, numbers, offset)
            text = ast.unparse(statement).split("\n")[0] if inner else ast.unparse(statement)
            yield CodeLine(indent + text, bool(at), value, failed)
            yield from self._statements(inner, indent + "    ", offset, error)
            if otherwise := getattr(statement, "orelse", []):
                yield CodeLine(f"{indent}else:", value == "False")
                yield from self._statements(otherwise, indent + "    ", offset, error)

    def _value(self, statement: ast.stmt, at: list[int], numbers: range, offset: int) -> str:
        if not at:
            return ""
        if isinstance(statement, ast.If):
            inside = range(statement.body[0].lineno + offset, (statement.body[-1].end_lineno or 0) + offset + 1)
            return str(at[-1] + 1 < len(self.steps) and self.steps[at[-1] + 1][0] in inside)
        told = [words for number, words in self.files.items() if number in numbers]
        if at[-1] >= _MOST:
            return ", ".join(told)
        before = self.steps[at[0]][1]
        after = self.steps[at[-1] + 1][1] if at[-1] + 1 < len(self.steps) else self.end
        changed = {name: words for name, words in after.items() if before.get(name) != words}
        return ", ".join([*told, *([_listed(changed)] if changed else [])])


class _Watch:
    """A trace function that looks at a builder and at the helper that the builder hands its weights to."""

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self.calls: list[_Call] = []
        self.open: dict[FrameType, _Call] = {}

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        code = frame.f_code
        same_file = code.co_filename == self.code.co_filename
        takes = "weights" in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if event != "call" or not (code is self.code or (same_file and takes and frame.f_back in self.open)):
            return None
        self.open[frame] = _Call(code)
        self.calls.append(self.open[frame])
        return self._local

    def _local(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        seen = self.open[frame]
        if event == "line":
            looked = _variables(frame) if len(seen.steps) < _MOST else seen.steps[-1][1]
            seen.steps.append((frame.f_lineno, looked))
        elif event == "exception":
            seen.failed = frame.f_lineno
        elif event == "return":
            seen.end = _variables(frame)
            del self.open[frame]
        return self._local

    def file(self, weights: WeightsEnum) -> dict[str, Any]:
        """In place of reading: note the file, and give the network its own state dict back."""
        frame, seen = list(self.open.items())[-1]
        digits = re.search(r"-([0-9a-f]{8,})\.", weights.url)
        name = PurePosixPath(urlsplit(weights.url).path).name
        promise = f", SHA-256 {digits.group(1)}…" if digits else ""
        seen.files[frame.f_lineno] = f"{name}{promise} (left out here)"
        model = next((value for value in frame.f_locals.values() if isinstance(value, nn.Module)), None)
        return {} if model is None else model.state_dict()


def _variables(frame: FrameType) -> dict[str, str]:
    return {name: _word(value) for name, value in frame.f_locals.items()}


def _word(value: Any) -> str:
    if isinstance(value, nn.Module):
        return f"{type(value).__name__}, {sum(one.numel() for one in value.parameters()):,} parameters"
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, dict) and len(value) > 8:
        return f"a dict of {len(value)}"
    try:
        words = repr(value)
    except Exception:  # a learner's own object
        words = type(value).__name__
    return words if len(words) <= 90 else f"a {type(value).__name__}"


def _listed(variables: dict[str, str]) -> str:
    return ", ".join(f"{name} = {words}" for name, words in variables.items())


# -- the source -------------------------------------------------------------------------------------------------------
def _head(arguments: ast.arguments, name: str) -> str:
    """The head of a function without its annotations and defaults."""
    plain = [one.arg for one in (*arguments.posonlyargs, *arguments.args)]
    keyword = [one.arg for one in arguments.kwonlyargs]
    star = [f"*{arguments.vararg.arg}"] if arguments.vararg else ["*"] if keyword else []
    rest = [f"**{arguments.kwarg.arg}"] if arguments.kwarg else []
    return f"def {name}({', '.join([*plain, *star, *keyword, *rest])}):"
