"""torchvision's own ``make_layers`` of VGG, line by line, with what each line's names stand for while a token is read.

The lines are read from the installed torchvision and followed by their syntax tree: none of them is written down here.
Only the loop over the cfg is followed, for one token; ``resnet.stage_listing`` does the same for ResNet.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from torchvision.models import vgg

from course_lib.models.listing import Line, put_in, syntax_tree, worked_out
from course_lib.networks.cfgs import Token

__all__ = ["listing"]


def listing(token: Token, in_channels: int, *, batch_norm: bool = False) -> tuple[Line, ...]:
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
    head = Line(f"for {ast.unparse(loop.target)} in {ast.unparse(loop.iter)}:", runs, f"v = {token!r}")
    return (head if runs else Line(head.text, False), *_lines(loop.body, "    ", runs, known))


@lru_cache(maxsize=1)
def _loop() -> ast.For | None:
    function = syntax_tree(vgg.make_layers)
    inside = () if function is None else ast.walk(function)
    return next((one for one in inside if isinstance(one, ast.For)), None)


def _lines(body: Sequence[ast.stmt], indent: str, runs: bool, known: Mapping[str, Any]) -> Iterator[Line]:
    for statement in body:
        if isinstance(statement, ast.If):
            found = worked_out(statement.test, known) if runs else None
            truth = None if found is None else bool(found)
            said = put_in(statement.test, known)
            value = "" if not runs else said if said == str(truth) else f"{said} → {truth}"
            yield Line(f"{indent}if {ast.unparse(statement.test)}:", runs, value)
            yield from _lines(statement.body, indent + "    ", runs and truth is True, known)
            if statement.orelse:
                yield Line(f"{indent}else:", runs and truth is False)
                yield from _lines(statement.orelse, indent + "    ", runs and truth is False, known)
        else:
            yield Line(indent + ast.unparse(statement), runs, _value(statement, known) if runs else "")


def _value(statement: ast.stmt, known: Mapping[str, Any]) -> str:
    """Numbers for names, where that says something new."""
    if not isinstance(statement, ast.Assign):
        return ""
    right = statement.value
    if isinstance(right, ast.Name):
        return f"{ast.unparse(statement.targets[0])} = {put_in(right, known)}"
    if isinstance(right, ast.Call) and any(isinstance(one, ast.Name) and one.id in known for one in right.args):
        return "" if ast.unparse(right.func) == "cast" else put_in(right, known)
    return ""
