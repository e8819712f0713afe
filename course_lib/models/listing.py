"""Torchvision's own source as lines to show: the statements of a function, read from the installed package.

What is shared by those who say which of its lines run: ``residual.listing`` and ``vgg_listing``, which follow the
syntax tree with numbers for names, and ``following``, which watches a run. No line of it is written down anywhere.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any

__all__ = ["Line", "put_in", "syntax_tree", "worked_out"]

#: What is worked out: sums, comparisons and numbers; a call never.
_PLAIN = (
    ast.Expression, ast.Constant, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare,
    ast.operator, ast.unaryop, ast.boolop, ast.cmpop,
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A statement, or the head of one.

    Attributes:
        text: as it stands in the source, on one line, indented.
        runs: whether it runs.
        value: what its names stand for, or what it left behind; "" where there is nothing to say.
    """

    text: str
    runs: bool
    value: str = ""


def syntax_tree(function: Callable[..., Any] | CodeType) -> ast.FunctionDef | None:
    """A function as its source has it; None where the source is not to be had.

    Example:
        >>> from torchvision.models import vgg
        >>> syntax_tree(vgg.make_layers).name, syntax_tree(len)
        ('make_layers', None)
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):  # an installation without its sources
        return None
    return tree if isinstance(tree, ast.FunctionDef) else None


def put_in(expression: ast.expr, known: Mapping[str, Any]) -> str:
    """An expression with numbers for the names that are known; dotted names are keys too.

    Example:
        >>> put_in(ast.parse("self.inplanes != planes * scale", mode="eval").body, {"self.inplanes": 64, "planes": 128})
        '64 != 128 * scale'
    """
    return ast.unparse(_with_numbers(expression, known))


def worked_out(expression: ast.expr, known: Mapping[str, Any]) -> Any:
    """Its value where it is made of known names, numbers, sums and comparisons alone; None otherwise.

    Example:
        >>> test = ast.parse("stride != 1 or planes * 4 > 64", mode="eval").body
        >>> worked_out(test, {"stride": 1, "planes": 16}), worked_out(test, {"stride": 1})
        (False, None)
    """
    tree = _with_numbers(expression, known)
    if not all(isinstance(one, _PLAIN) for one in ast.walk(tree)):
        return None
    try:
        return eval(compile(ast.fix_missing_locations(tree), "<torchvision>", "eval"), {"__builtins__": {}})
    except TypeError:  # another version of torchvision may compare what cannot be compared here
        return None


def _with_numbers(expression: ast.expr, known: Mapping[str, Any]) -> ast.Expression:
    copy = ast.parse(ast.unparse(expression), mode="eval")
    _Numbers(known).visit(copy)
    return copy


class _Numbers(ast.NodeTransformer):
    def __init__(self, known: Mapping[str, Any]) -> None:
        self.known = known

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(self.known[node.id]) if node.id in self.known else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        name = ast.unparse(node)
        return ast.Constant(self.known[name]) if name in self.known else node
