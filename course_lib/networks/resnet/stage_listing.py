"""torchvision's own ``ResNet._make_layer``, line by line, with what each line's names stand for while a block is made.

The lines are read from the installed torchvision and followed by their syntax tree: no line of it is written down here.
Only sums, comparisons and names are worked out; a statement of another kind is shown, and left alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from torchvision.models import ResNet

from course_lib.models.listing import Line, put_in, syntax_tree, worked_out
from course_lib.networks.resnet.stages import StageStep

__all__ = ["CodeLine", "listing"]


@dataclass(frozen=True)
class CodeLine(Line):
    """A statement of ``_make_layer``; ``value`` is the same with numbers for names.

    Attributes:
        decides: whether it asks for the conv on the shortcut.
    """

    decides: bool = False


def listing(steps: Sequence[StageStep], number: int) -> tuple[CodeLine, ...]:
    """``_make_layer`` while block ``number`` (from 1) of ``steps`` is made; empty where there is no source to be had.

    Example:
        >>> from course_lib.networks.resnet import stage_steps
        >>> for line in listing(stage_steps("resnet18"), 3):
        ...     if "downsample = nn" in line.text or line.text.startswith("if stride"):
        ...         print(line.value)
        2 != 1 or 64 != 128 * 1 → True
        conv1x1(64, 128, 2), norm_layer(128)
    """
    body = _source()
    return tuple(_Follower(steps, number).lines(body, "", True)) if body else ()


@lru_cache(maxsize=1)
def _source() -> tuple[ast.stmt, ...]:
    function = syntax_tree(ResNet._make_layer)
    return () if function is None else tuple(function.body)


class _Follower:
    """Knows what the names stand for, statement after statement."""

    def __init__(self, steps: Sequence[StageStep], number: int) -> None:
        step = steps[number - 1]
        self.step, self.looping = step, False
        first = steps[number - 1 - step.block]
        after = steps[first.number - 1 + first.blocks :]
        dilation = steps[first.number].dilation if first.blocks > 1 else after[0].dilation if after else first.dilation
        grown = dilation // first.dilation if dilation % first.dilation == 0 else 1
        self.known: dict[str, Any] = {
            "planes": first.planes, "blocks": first.blocks, "stride": first.stride * grown, "dilate": grown > 1,
            "block.expansion": first.expansion, "self.inplanes": first.in_channels, "self.dilation": first.dilation,
            "self.groups": first.groups, "self.base_width": first.base_width,
        }  # fmt: skip

    def lines(self, body: Sequence[ast.stmt], indent: str, runs: bool) -> Iterator[CodeLine]:
        """``runs``: whether control comes to these statements when the stage is made."""
        for statement in body:
            now = runs and self.looping == (self.step.block > 0)
            if isinstance(statement, ast.If):
                truth = worked_out(statement.test, self.known) if runs else None
                value = put_in(statement.test, self.known)
                value = value if value == str(truth) else f"{value} → {truth}"
                decides = any(ast.unparse(one).startswith("downsample =") for one in statement.body)
                yield CodeLine(f"{indent}if {ast.unparse(statement.test)}:", now, value if now else "", decides)
                yield from self.lines(statement.body, indent + "    ", runs and bool(truth))
            elif isinstance(statement, ast.For):
                self.looping = True
                now = runs and self.step.block > 0
                head = f"{indent}for {ast.unparse(statement.target)} in {ast.unparse(statement.iter)}:"
                yield CodeLine(head, now, f"{put_in(statement.iter, self.known)}, now {self.step.block}" if now else "")
                yield from self.lines(statement.body, indent + "    ", runs)
            else:
                if isinstance(statement, ast.Return):
                    now = runs and self.step.block == self.step.blocks - 1
                value = self._value(statement, runs)
                yield CodeLine(indent + ast.unparse(statement), now, value if now else "")

    def _value(self, statement: ast.stmt, runs: bool) -> str:
        if isinstance(statement, ast.Assign | ast.AugAssign):
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            right = statement.value
            if isinstance(statement, ast.AugAssign):
                right = ast.BinOp(ast.Name(ast.unparse(target)), statement.op, right)
            result = worked_out(right, self.known)
            if result is None:
                if runs and isinstance(right, ast.Call):
                    self.known.pop(ast.unparse(target), None)  # a module now: it is shown by its name
                    return ", ".join(self._folded(one) for one in right.args)
                if runs and isinstance(right, ast.Constant):
                    self.known[ast.unparse(target)] = None
                return ""
            said = put_in(right, self.known)
            if runs:
                self.known[ast.unparse(target)] = result
            if isinstance(right, ast.Constant):
                return ""
            return said if said == str(result) else f"{said} = {result}"
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) and statement.value.args:
            return self._folded(statement.value.args[0])
        return ""

    def _folded(self, node: ast.expr) -> str:
        """A call with its arguments worked out."""
        value = worked_out(node, self.known)
        if value is not None:
            return str(value)
        if not isinstance(node, ast.Call):
            return put_in(node, self.known)
        name = ast.unparse(node.func)
        given = [self._folded(one) for one in node.args]
        given += [f"{one.arg}={self._folded(one.value)}" for one in node.keywords]
        return f"{self.step.kind if name == 'block' else name}({', '.join(given)})"
