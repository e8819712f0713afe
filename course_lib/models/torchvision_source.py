"""Torchvision's own source, shown while it runs: which lines of a function ran, and with which values.

The function is really called, on PyTorch's meta device, and Python's trace hook notes the line it comes to and the
values of its variables. The lines themselves are read from the installed package; none of them is written down here.
Two functions are shown by this file: ``ResNet._make_layer`` while one block is made (``stage_lines``), and VGG's
``make_layers`` while one token is read (``token_lines``). Model builders are shown by ``builder_runs``.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType, FrameType, SimpleNamespace
from typing import Any, NamedTuple

import torch
from torch import nn
from torchvision.models import ResNet, vgg

from course_lib.models.spellings import Weightless

__all__ = [
    "MOST_STEPS",
    "Call",
    "SourceLine",
    "Watch",
    "put_in",
    "source_lines",
    "stage_lines",
    "syntax_tree",
    "token_lines",
]


@dataclass(frozen=True)
class SourceLine:
    """A statement of a function, or the head of one.

    Attributes:
        text: the statement on one line, indented as in the source.
        runs: whether it ran.
        value: what its names stood for, or what it changed; "" where there is nothing to say.
        failed: whether it raised the error.
    """

    text: str
    runs: bool
    value: str = ""
    failed: bool = False


# -- one block of a ResNet's stage, one token of a VGG's cfg ----------------------------------------------------------
@lru_cache(maxsize=512)
def stage_lines(
    kind: str,
    planes: int,
    blocks: int,
    stride: int = 1,
    *,
    block: int = 0,
    inplanes: int = 64,
    expansion: int = 1,
    dilate: bool = False,
    dilation: int = 1,
    groups: int = 1,
    base_width: int = 64,
) -> tuple[SourceLine, ...]:
    """The lines of ``ResNet._make_layer`` while one block of a stage is made; empty without torchvision's source.

    The blocks themselves stay empty: only what ``_make_layer`` hands to them is of interest.

    Args:
        kind: the block's class, such as "BasicBlock".
        planes, blocks, stride, dilate: the arguments of ``_make_layer``.
        block: which block of the stage, from 0.
        inplanes, dilation, groups, base_width: the network's own values before the call.
        expansion: that of the block's class.

    Example:
        >>> for line in stage_lines("BasicBlock", 128, 2, stride=2):
        ...     if "downsample = nn" in line.text or line.text.startswith("if stride"):
        ...         print(line.value)
        2 != 1 or 64 != 128 * 1 → True
        nn.Sequential(conv1x1(64, 128 * 1, 2), BatchNorm2d(128 * 1))
    """
    run = _stage_run(kind, planes, blocks, stride, inplanes, expansion, dilate, dilation, groups, base_width)
    if run is None:
        return ()
    tree, call, error = run
    before, turns, after = call.around(_loop(tree))
    places = [] if error else [*([before, *turns][block]), *(after if block == blocks - 1 else ())]
    return tuple(source_lines(tree.body, "", call, places, _numbers))


@lru_cache(maxsize=64)
def _stage_run(
    kind: str, planes: int, blocks: int, stride: int, inplanes: int, expansion: int, dilate: bool, dilation: int,
    groups: int, base_width: int,
) -> tuple[ast.FunctionDef, Call, Exception | None] | None:  # fmt: skip
    """One run of ``_make_layer``; None without torchvision's source."""
    tree = syntax_tree(ResNet._make_layer)
    if tree is None:
        return None

    def empty(self: nn.Module, *_: Any, **__: Any) -> None:
        nn.Module.__init__(self)

    block_class = type(kind, (nn.Module,), {"__init__": empty, "expansion": expansion})
    network = SimpleNamespace(
        _norm_layer=nn.BatchNorm2d, inplanes=inplanes, dilation=dilation, groups=groups, base_width=base_width
    )
    watch = Watch(ResNet._make_layer.__code__, _in_numbers(tree))
    _, error = watch.run(ResNet._make_layer, network, block_class, planes, blocks, stride, dilate)
    return tree, watch.calls[0], error


@lru_cache(maxsize=512)
def token_lines(token: int | str, in_channels: int, *, batch_norm: bool = False) -> tuple[SourceLine, ...]:
    """The loop of VGG's ``make_layers`` while one token is read; empty without torchvision's source.

    No line runs for a token that torchvision does not know.

    Args:
        token: 64, "M", "LRN", "conv1-256".
        in_channels: of the map that comes in.
        batch_norm: the argument of ``make_layers``.

    Example:
        >>> for line in token_lines(128, 64):
        ...     if line.value:
        ...         print(line.value)
        v = 128
        128 == 'M' → False
        nn.Conv2d(64, 128, kernel_size=3, padding=1)
        False
        in_channels = 128
    """
    tree = syntax_tree(vgg.make_layers)
    if tree is None:
        return ()
    watch = Watch(vgg.make_layers.__code__, _in_numbers(tree))
    _, error = watch.run(vgg.make_layers, [in_channels, token], batch_norm)
    _, turns, _ = watch.calls[0].around(_loop(tree))
    return tuple(source_lines([_loop(tree)], "", watch.calls[0], () if error else turns[1], _numbers))


def _loop(tree: ast.FunctionDef) -> ast.For:
    return next(node for node in ast.walk(tree) if isinstance(node, ast.For))


def _numbers(statement: ast.stmt, call: Call, at: Sequence[int]) -> str:
    """A statement with the values of its names, and what came of it; "" where that says nothing new."""
    before, after = call.steps[at[0]].values, call.after(at[-1])
    match statement:
        case ast.If(test=test):
            words, truth = put_in(test, before), str(call.enters(statement.body, at[-1]))
            return words if words == truth else f"{words} → {truth}"
        case ast.For(target=target, iter=items):
            words, now = put_in(items, before), after.get(ast.unparse(target))
            return f"{ast.unparse(target)} = {now!r}" if words == ast.unparse(items) else f"{words}, now {now}"
        case ast.Assign(targets=[target], value=right):
            pass
        case ast.AugAssign(target=target, value=value):
            right = ast.BinOp(ast.Name(ast.unparse(target)), statement.op, value)
        case ast.Expr(value=ast.Call(args=[right, *_])):
            return _if_other(put_in(right, before), right)
        case _:
            return ""
    name, words = ast.unparse(target), put_in(right, before)
    if name not in after or after[name] is None:  # no number but a layer, or a list of them
        return _if_other(words, right) if isinstance(right, ast.Call) else ""
    if isinstance(right, ast.Name | ast.Attribute):
        return f"{name} = {words}"
    return f"{words} = {after[name]}" if isinstance(right, ast.BinOp) else ""


def _if_other(words: str, expression: ast.expr) -> str:
    return words if words != ast.unparse(expression) else ""


def _in_numbers(tree: ast.FunctionDef) -> Callable[[FrameType], dict[str, Any]]:
    """A look at the numbers, words and classes that a function's names stand for, dotted names included."""
    names = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Name | ast.Attribute)}

    def look(frame: FrameType) -> dict[str, Any]:
        values = {}
        for dotted in names:
            root, *path = dotted.split(".")
            if root in frame.f_locals:
                value = frame.f_locals[root]
                with suppress(AttributeError):
                    for attribute in path:
                        value = getattr(value, attribute)
                    if value is None or isinstance(value, int | float | str | type):
                        values[dotted] = value
        return values

    return look


def put_in(expression: ast.expr, known: Mapping[str, Any]) -> str:
    """An expression with numbers for the names that are known; dotted names are keys too.

    Example:
        >>> put_in(ast.parse("self.inplanes != planes * scale", mode="eval").body, {"self.inplanes": 64, "planes": 128})
        '64 != 128 * scale'
    """
    copy = ast.parse(ast.unparse(expression), mode="eval")
    return ast.unparse(_Numbers(known).visit(copy))


class _Numbers(ast.NodeTransformer):
    def __init__(self, known: Mapping[str, Any]) -> None:
        self.known = known

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._value(node, node.id)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        return self._value(node, ast.unparse(node))

    def _value(self, node: ast.expr, name: str) -> ast.expr:
        if name not in self.known:
            return node
        value = self.known[name]
        return ast.Name(value.__name__) if isinstance(value, type) else ast.Constant(value)


# -- watching a run ---------------------------------------------------------------------------------------------------
#: Steps at which variables are looked at: a loop over a thousand weights says nothing new after that.
MOST_STEPS = 200


class _Step(NamedTuple):
    """A line that a function came to, counted in its file, and its variables before the line ran."""

    line: int
    values: dict[str, Any]


@dataclass
class Call:
    """One run of a function, step by step."""

    code: CodeType
    steps: list[_Step] = field(default_factory=list)
    end: dict[str, Any] = field(default_factory=dict)
    failed: int = 0

    def numbers(self, statement: ast.stmt) -> range:
        """The file's lines of a statement, or of its head where it has a body."""
        body = getattr(statement, "body", [])
        last = body[0].lineno - 1 if body else statement.end_lineno or statement.lineno
        offset = self.code.co_firstlineno - 1
        return range(statement.lineno + offset, max(last, statement.lineno) + offset + 1)

    def after(self, place: int) -> dict[str, Any]:
        """The variables after a step."""
        return self.steps[place + 1].values if place + 1 < len(self.steps) else self.end

    def enters(self, body: Sequence[ast.stmt], place: int) -> bool:
        """Whether the step after this one lies in a body."""
        offset = self.code.co_firstlineno - 1
        first, last = body[0].lineno + offset, (body[-1].end_lineno or body[-1].lineno) + offset
        return place + 1 < len(self.steps) and first <= self.steps[place + 1].line <= last

    def around(self, loop: ast.For) -> tuple[range, list[range], range]:
        """The steps before a loop, those of each turn of it, and those after it."""
        heads = [place for place, step in enumerate(self.steps) if step.line in self.numbers(loop)]
        if not heads:
            return range(len(self.steps)), [], range(0)
        ends = [*heads[1:], len(self.steps)]
        turns = [range(head, end) for head, end in zip(heads, ends, strict=True) if self.enters(loop.body, head)]
        return range(heads[0]), turns, range(heads[-1] + 1, len(self.steps))


def source_lines(
    statements: Sequence[ast.stmt],
    indent: str,
    call: Call,
    places: Sequence[int],
    explain: Callable[[ast.stmt, Call, Sequence[int]], str],
    error: Exception | None = None,
) -> Iterator[SourceLine]:
    """Statements as lines: which of them ran at these steps of a call, and what ``explain`` says about it."""
    for statement in statements:
        numbers = call.numbers(statement)
        at = [place for place in places if call.steps[place].line in numbers]
        failed = error is not None and call.failed in numbers
        value = f"{type(error).__name__}: {error}" if failed else explain(statement, call, at) if at else ""
        inner: list[ast.stmt] = getattr(statement, "body", [])
        text = ast.unparse(statement).split("\n")[0] if inner else ast.unparse(statement)
        yield SourceLine(indent + text, bool(at), value, failed)
        yield from source_lines(inner, indent + "    ", call, places, explain, error)
        if otherwise := getattr(statement, "orelse", []):
            runs = isinstance(statement, ast.If) and bool(at) and not failed and not call.enters(inner, at[-1])
            yield SourceLine(f"{indent}else:", runs)
            yield from source_lines(otherwise, indent + "    ", call, places, explain, error)


class Watch:
    """A trace function that notes the steps of one function, and of those it calls in its own file if ``also`` says so.

    Args:
        code: the function's.
        look: what is noted of a frame's variables at each step.
        also: whether a function that is called from a watched one, in the same file, is watched too.
    """

    def __init__(
        self,
        code: CodeType,
        look: Callable[[FrameType], dict[str, Any]],
        also: Callable[[CodeType], bool] = lambda code: False,
    ) -> None:
        self.code, self.look, self.also = code, look, also
        self.calls: list[Call] = []
        self.open: dict[FrameType, Call] = {}

    def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Any, Exception | None]:
        """What a function returns, or the error that it raises; random numbers and warnings stay as they were."""
        before = sys.gettrace()
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]), Weightless():
            warnings.simplefilter("ignore")
            sys.settrace(self)
            try:
                return function(*args, **kwargs), None
            except Exception as error:
                return None, error
            finally:
                sys.settrace(before)

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        code = frame.f_code
        inside = code.co_filename == self.code.co_filename and frame.f_back in self.open
        if event != "call" or not (code is self.code or (inside and self.also(code))):
            return None
        self.open[frame] = Call(code)
        self.calls.append(self.open[frame])
        return self._local

    def _local(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        call = self.open[frame]
        if event == "line":
            values = self.look(frame) if len(call.steps) < MOST_STEPS else call.steps[-1].values
            call.steps.append(_Step(frame.f_lineno, values))
        elif event == "exception":
            call.failed = frame.f_lineno
        elif event == "return":
            call.end = self.look(frame)
            del self.open[frame]
        return self._local


def syntax_tree(function: Callable[..., Any] | CodeType) -> ast.FunctionDef | None:
    """A function as its source has it; None where the source cannot be had.

    Example:
        >>> syntax_tree(vgg.make_layers).name, syntax_tree(len)
        ('make_layers', None)
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):  # an installation without its sources
        return None
    return tree if isinstance(tree, ast.FunctionDef) else None
