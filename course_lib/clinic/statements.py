"""The learner's source as a syntax tree: the statement that failed, a method of their class, rewriting a part of it.

A repair is the learner's own statement with one expression changed, so it can be pasted in its place. Source that
cannot be read or parsed gives None, and then no such repair.
"""

from __future__ import annotations

import ast
import inspect
import linecache
from collections.abc import Callable, Iterator
from textwrap import dedent
from types import FrameType
from typing import Any

__all__ = ["Source", "name_of_call", "source_of", "statement_at", "statements_around"]


class Source:
    """A piece of source with its syntax tree; the positions of the tree's nodes are positions in ``text``.

    Example:
        >>> source = Source("loss.backward()")
        >>> call = next(source.calls("backward"))
        >>> source.rewritten((call.func.value, "loss.mean()"))
        'loss.mean().backward()'
    """

    def __init__(self, text: str) -> None:
        self.text = dedent(text).strip("\n")
        self.tree = _parsed(self.text)
        self._data = self.text.encode()
        starts, size = [0], 0
        for line in self._data.splitlines(keepends=True):
            size += len(line)
            starts.append(size)
        self._starts = starts

    def _span(self, node: Any) -> tuple[int, int]:
        return self._starts[node.lineno - 1] + node.col_offset, self._starts[node.end_lineno - 1] + node.end_col_offset

    def _bracketed(self, start: int, stop: int) -> bool:
        """Whether brackets of its own stand around a piece of text, not those of a call."""
        before = self._data[:start].decode()[-2:].rjust(2)
        around = before[1] == "(" and self._data[stop : stop + 1] == b")"
        return around and not (before[0].isalnum() or before[0] in "_)]")

    def segment(self, node: ast.AST) -> str:
        """The text of a node."""
        start, end = self._span(node)
        return self._data[start:end].decode()

    def rewritten(self, *changes: tuple[ast.AST, str], within: ast.AST | None = None) -> str:
        """The text with some nodes replaced; ``within``: only that statement, dedented."""
        low, high = (0, len(self._data)) if within is None else self._span(within)
        data, end = b"", high
        for node, new in sorted(changes, key=lambda change: self._span(change[0]), reverse=True):
            start, stop = self._span(node)
            if new.startswith("(") and self._bracketed(start, stop):
                start, stop = start - 1, stop + 1
            data, end = new.encode() + self._data[stop:end] + data, start
        text = (self._data[low:end] + data).decode()
        return dedent(" " * getattr(within, "col_offset", 0) + text)

    def chained(self, node: ast.AST, more: str) -> str:
        """The node's text with a method or an index behind it, in brackets where it needs them."""
        text = self.segment(node)
        simple = isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript | ast.List | ast.Tuple)
        simple = simple or (not more and isinstance(node, ast.Constant))
        return f"{text}{more}" if simple else f"({text}){more}"

    def nodes(self, *kinds: type[ast.AST]) -> Iterator[Any]:
        """Every node of these kinds."""
        return (node for node in ast.walk(self.tree) if isinstance(node, kinds))

    def calls(self, *names: str) -> Iterator[ast.Call]:
        """Every call of a function or method with one of these names; of any, where none is given."""
        return (node for node in self.nodes(ast.Call) if not names or name_of_call(node) in names)


def name_of_call(call: ast.Call) -> str:
    """The last part of the called function's name: "backward" for ``loss.backward()``."""
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _parsed(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError:
        return ast.parse(f"{text}\n    pass")  # the head of a block


def statement_at(frame: FrameType, number: int) -> Source | None:
    """The statement that a frame was in; of a block that failed in its head, the head."""
    lines = linecache.getlines(frame.f_code.co_filename, frame.f_globals)
    try:
        tree = ast.parse("".join(lines))
        column = _column(frame, number)
        holding = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and _holds(node, number, column)]
        node: Any = max(holding, key=lambda node: (node.lineno, node.col_offset), default=None)
        if node is None:
            return None
        body = getattr(node, "body", None)
        if body and body[0].lineno > node.lineno:
            return Source("".join(lines[node.lineno - 1 : body[0].lineno - 1]))
        whole = Source("".join(lines))
        return Source(whole.rewritten(within=node))
    except (SyntaxError, ValueError, IndexError):
        return None


def _column(frame: FrameType, number: int) -> int | None:
    """Where in its line the instruction stands (Python 3.11), which tells ``a(); b()`` on one line apart."""
    positions = getattr(frame.f_code, "co_positions", None)
    if positions is None or frame.f_lasti < 0:
        return None
    line, _, column, _ = list(positions())[frame.f_lasti // 2]
    return column if line == number else None


def _holds(node: Any, number: int, column: int | None) -> bool:
    if not node.lineno <= number <= node.end_lineno:
        return False
    if column is None:
        return True
    return bool(
        (node.lineno, node.col_offset) <= (number, column) and (number, column) < (node.end_lineno, node.end_col_offset)
    )


def statements_around(frame: FrameType, number: int) -> tuple[Source, list[Any], int] | None:
    """(the whole source, the statements of the innermost block, the place of the failed one among them)."""
    lines = linecache.getlines(frame.f_code.co_filename, frame.f_globals)
    try:
        whole = Source("".join(lines))
    except (SyntaxError, ValueError):
        return None
    column = _column(frame, number)
    blocks = [getattr(node, name, None) for node in ast.walk(whole.tree) for name in ("body", "orelse", "finalbody")]
    for block in reversed([block for block in blocks if isinstance(block, list)]):  # the deepest come last
        for place, node in enumerate(block):
            if isinstance(node, ast.stmt) and _holds(node, number, column):
                return whole, block, place
    return None


def source_of(function: Callable[..., Any] | None) -> tuple[Source, Any] | None:
    """(source, FunctionDef) of a function of the learner's."""
    try:
        source = Source(inspect.getsource(function))  # type: ignore[arg-type]
    except (OSError, TypeError, SyntaxError, ValueError, IndexError):
        return None
    node = source.tree.body[0]
    return (source, node) if isinstance(node, ast.FunctionDef) else None
