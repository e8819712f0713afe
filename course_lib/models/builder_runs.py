"""What a model builder does with ``weights=``, statement by statement: torchvision's source, watched while it runs.

How a run is watched is in ``torchvision_source``. What a line of the learner's own asks torchvision for, with its
warnings and errors, is in ``spellings``.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from html import escape
from pathlib import PurePosixPath
from types import CodeType, FrameType
from typing import Any
from urllib.parse import urlsplit

from torch import nn
from torchvision.models import WeightsEnum, get_model_builder

from course_lib.models.spellings import replaced_files
from course_lib.models.torchvision_source import MOST_STEPS, Call, SourceLine, Watch, source_lines, syntax_tree
from course_lib.tables import Column, Markup, html_table

__all__ = ["BuilderRun", "follow"]


@dataclass(frozen=True)
class BuilderRun:
    """One call of a model builder; it shows itself line by line.

    Attributes:
        call: how it was called.
        lines: its statements, then those of the helper that it hands its weights to.
        error: what it raised, if it did.
        model: the network without its numbers (on the meta device), where there is one.
    """

    call: str
    lines: tuple[SourceLine, ...]
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
        cell = "vertical-align:top;padding:1px 10px 1px 0;border:none;white-space:normal"
        columns = [Column(style=cell), Column(style=cell), Column(style=f"{cell};max-width:26em")]
        style = "border-collapse:collapse;table-layout:auto;margin:4px 0;font:12.5px/1.5 ui-monospace,Menlo,monospace"
        titles = ["did not run" if not line.runs else "failed" if line.failed else "ran" for line in self.lines]
        table = html_table(map(_cells, self.lines), columns, label=self.call, titles=titles, style=style)
        return f'<div style="font-weight:600">{escape(self.call)}</div>{table}'


def _cells(line: SourceLine) -> tuple[Markup, Markup, str]:
    """Mark, statement and value of a line; what is too long for the column goes on four letters further in."""
    mark, color = ("✕", "#B25500") if line.failed else ("→", "#0072B2") if line.runs else ("", "inherit")
    text = line.text.lstrip()
    place = f"display:block;padding-left:{len(line.text) - len(text) + 4}ch;text-indent:-4ch"
    return (
        Markup(f'<b style="color:{color}">{mark}</b>'),
        Markup(f'<span style="{place}{"" if line.runs else ";opacity:.65"}">{escape(text)}</span>'),
        line.value,
    )


def follow(builder: str | Callable[..., nn.Module], **given: Any) -> BuilderRun:
    """Call a model builder, and say which of its statements ran and what they did.

    Only the last step is left out: where the weights' file would be read, the network gets its own numbers back.
    Nothing is downloaded.

    Args:
        builder: a registered name, or the function itself (a learner's own too).
        given: what it is called with, such as ``weights="DEFAULT"``.

    Returns:
        The statements of the builder and of the helper that it hands its weights to. An error that the builder raises
        is part of the answer.

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
    watch = Watch(inner.__code__, _in_words, _takes_weights)
    files: dict[int, str] = {}

    def own_numbers(weights: WeightsEnum) -> dict[str, Any]:
        frame = list(watch.open)[-1]
        files[frame.f_lineno] = _file(weights)
        model = next((value for value in frame.f_locals.values() if isinstance(value, nn.Module)), None)
        return {} if model is None else model.state_dict()

    with replaced_files(own_numbers):
        model, error = watch.run(function, **given)
    call = f"{inner.__name__}({', '.join(f'{name}={value!r}' for name, value in given.items())})"
    lines = [line for each in watch.calls for line in _builder_lines(each, files, error)]
    return BuilderRun(call, tuple(lines), error, model if isinstance(model, nn.Module) else None)


def _builder_lines(call: Call, files: Mapping[int, str], error: Exception | None) -> Iterator[SourceLine]:
    tree = syntax_tree(call.code)
    if tree is not None:
        yield SourceLine(_head(tree.args, tree.name), True, _listed(call.steps[0].values if call.steps else {}))
        body = tree.body[1:] if ast.get_docstring(tree) else tree.body
        yield from source_lines(body, "    ", call, range(len(call.steps)), partial(_changes, files), error)


def _changes(files: Mapping[int, str], statement: ast.stmt, call: Call, at: Sequence[int]) -> str:
    """Whether a condition held; the file that would be read; the variables that have another value now."""
    if isinstance(statement, ast.If):
        return str(call.enters(statement.body, at[-1]))
    words = [name for number, name in files.items() if number in call.numbers(statement)]
    if at[-1] < MOST_STEPS:
        before, after = call.steps[at[0]].values, call.after(at[-1])
        changed = {name: value for name, value in after.items() if before.get(name) != value}
        words += [_listed(changed)] if changed else []
    return ", ".join(words)


def _file(weights: WeightsEnum) -> str:
    digits = re.search(r"-([0-9a-f]{8,})\.", weights.url)
    name = PurePosixPath(urlsplit(weights.url).path).name
    return f"{name}{f', SHA-256 {digits.group(1)}…' if digits else ''} (left out here)"


def _takes_weights(code: CodeType) -> bool:
    return "weights" in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _in_words(frame: FrameType) -> dict[str, str]:
    return {name: _word(value) for name, value in frame.f_locals.items()}


def _word(value: Any) -> str:
    if isinstance(value, nn.Module):
        return f"{type(value).__name__}, {sum(tensor.numel() for tensor in value.parameters()):,} parameters"
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, dict) and len(value) > 8:
        return f"a dict of {len(value)}"
    try:
        words = repr(value)
    except Exception:  # a learner's own object
        words = type(value).__name__
    return words if len(words) <= 90 else f"a {type(value).__name__}"


def _listed(variables: Mapping[str, str]) -> str:
    return ", ".join(f"{name} = {words}" for name, words in variables.items())


def _head(arguments: ast.arguments, name: str) -> str:
    """The head of a function without its annotations and defaults."""
    plain = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    keyword = [argument.arg for argument in arguments.kwonlyargs]
    star = [f"*{arguments.vararg.arg}"] if arguments.vararg else ["*"] if keyword else []
    rest = [f"**{arguments.kwarg.arg}"] if arguments.kwarg else []
    return f"def {name}({', '.join([*plain, *star, *keyword, *rest])}):"
