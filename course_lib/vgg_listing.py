"""torchvision's own ``make_layers`` of VGG, line by line, with what each line's names stand for while a token is read.

The lines are read from the installed torchvision and followed by their syntax tree: none of them is written down here.
Only the loop over the cfg is followed, for one token; ``course_lib.residual.listing`` does the same for ResNet.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from torchvision.models import vgg

from course_lib.cfgs import Token

__all__ = ["CodeLine", "listing"]


@dataclass(frozen=True, slots=True)
class CodeLine:
    """A statement of ``make_layers``.

    Attributes:
        text: as it stands in the source, on one line, indented.
        runs: whether it runs for this token.
        value: the same with the token's numbers for names, where it runs and has any.
    """

    text: str
    runs: bool
    value: str = ""


def listing(token: Token, in_channels: int, *, batch_norm: bool = False) -> tuple[CodeLine, ...]:
    """The loop of ``make_layers`` while one token is read; empty where torchvision's source is not to be had.

    Torchvision knows widths and "M" only: for any other token no line runs.

    Args:
        token: 64, "M", "LRN", "conv1-256".
        in_channels: what ``in_channels`` is before it.
        batch_norm: as it was called with.

    Example:
        >>> for line in listing(128, 64):
        ...     if line.value:
        ...         print(line.value)
        v = 128
        128 == 'M' → False
        nn.Conv2d(64, 128, kernel_size=3, padding=1)
        False
        in_channels = 128
    """
    loop = _loop()
    if loop is None:
        return ()
    known = {"v": token, "in_channels": in_channels, "batch_norm": batch_norm}
    runs = token == "M" or isinstance(token, int)
    head = CodeLine(f"for {ast.unparse(loop.target)} in {ast.unparse(loop.iter)}:", runs, f"v = {token!r}")
    return (head if runs else CodeLine(head.text, False), *_lines(loop.body, "    ", runs, known))


@lru_cache(maxsize=1)
def _loop() -> ast.For | None:
    try:
        module = ast.parse(textwrap.dedent(inspect.getsource(vgg.make_layers)))
    except (OSError, TypeError, SyntaxError):  # an installation without its sources
        return None
    return next((one for one in ast.walk(module) if isinstance(one, ast.For)), None)


def _lines(body: Sequence[ast.stmt], indent: str, runs: bool, known: Mapping[str, Any]) -> Iterator[CodeLine]:
    for statement in body:
        if isinstance(statement, ast.If):
            truth = _truth(statement.test, known) if runs else None
            put_in = _put_in(statement.test, known)
            value = "" if not runs else put_in if put_in == str(truth) else f"{put_in} → {truth}"
            yield CodeLine(f"{indent}if {ast.unparse(statement.test)}:", runs, value)
            yield from _lines(statement.body, indent + "    ", runs and truth is True, known)
            if statement.orelse:
                yield CodeLine(f"{indent}else:", runs and truth is False)
                yield from _lines(statement.orelse, indent + "    ", runs and truth is False, known)
        else:
            yield CodeLine(indent + ast.unparse(statement), runs, _value(statement, known) if runs else "")


def _value(statement: ast.stmt, known: Mapping[str, Any]) -> str:
    """Numbers for names, where that says something new."""
    if not isinstance(statement, ast.Assign):
        return ""
    right = statement.value
    if isinstance(right, ast.Name):
        return f"{ast.unparse(statement.targets[0])} = {_put_in(right, known)}"
    if isinstance(right, ast.Call) and any(isinstance(one, ast.Name) and one.id in known for one in right.args):
        return "" if ast.unparse(right.func) == "cast" else _put_in(right, known)
    return ""


def _truth(test: ast.expr, known: Mapping[str, Any]) -> bool | None:
    """What a condition gives; None where another version of torchvision asks about names that are not known here."""
    try:
        return bool(eval(compile(ast.Expression(test), "make_layers", "eval"), {"__builtins__": {}}, dict(known)))
    except (NameError, TypeError):
        return None


def _put_in(expression: ast.expr, known: Mapping[str, Any]) -> str:
    class Numbers(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return ast.Constant(known[node.id]) if node.id in known else node

    copy = ast.parse(ast.unparse(expression), mode="eval").body
    return ast.unparse(Numbers().visit(copy))
