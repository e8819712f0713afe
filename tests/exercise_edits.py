"""Solutions with something changed in their source: known mistakes by their text, mutants by their syntax tree."""

from __future__ import annotations

import ast
import copy
import sys
from collections.abc import Iterator
from typing import Any

from course_lib.exercises.engine.exercise import Exercise
from course_lib.exercises.engine.solution_source import plain_source


def run(source: str, space: dict[str, Any]) -> None:
    """As in a cell: this file's ``from __future__`` is none of its business."""
    exec(compile(source, "<cell>", "exec", dont_inherit=True), space)


def edited(solution: Any, *edits: tuple[str, str], **names: Any) -> Any:
    """A solution with pieces of its text replaced, wherever they stand.

    Args:
        solution: the exercise, or its class.
        edits: (old, new) pieces of text.
        names: what the new pieces need beside what is in the lesson's file.
    """
    code = solution.solution_code if isinstance(solution, Exercise) else solution
    source = plain_source(code) + "\n"
    for old, new in edits:
        assert old in source, old
        source = source.replace(old, new)
    space = vars(sys.modules[code.__module__]) | names
    run(source, space)
    return space[code.__name__]


#: Exercises with many right answers, so that most changes of the solution are right as well.
MANY_RIGHT = {"00_fooling_crop", "04_cfg_under_budget"}


# -- mutants ----------------------------------------------------------------------------------------------------------
SWAPS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt,
    ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """What this one node could become."""
    if isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in SWAPS:
        yield type(node)(**{**vars(node), "op": SWAPS[type(node.op)]()})
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        yield ast.Compare(node.left, [SWAPS[type(node.ops[0])](), *node.ops[1:]], node.comparators)
    if isinstance(node, ast.UnaryOp):
        yield node.operand
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value * 2 or -1)
    if isinstance(node, ast.Call) and len(node.args) == 2:
        yield ast.Call(node.func, node.args[::-1], node.keywords)
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.Expr | ast.AugAssign):
        yield ast.Pass()
    if isinstance(node, ast.Return):
        yield ast.Return(ast.Constant(None))
    if isinstance(node, ast.With) and len(node.body) == 1:
        yield node.body[0]
    if isinstance(node, ast.If | ast.IfExp):
        yield type(node)(**{**vars(node), "test": ast.UnaryOp(ast.Not(), node.test)})


def mutants(exercise: Exercise) -> Iterator[str]:
    """The source of a solution, each time with one thing wrong."""
    tree = ast.parse(plain_source(exercise.solution_code))
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef | ast.ClassDef)
    for node in ast.walk(definition):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            node.body[:1] = [] if node.body[1:] else [ast.Pass()]
    for index, node in enumerate(ast.walk(definition)):
        for change in changes(node):
            mutant = copy.deepcopy(tree)
            target = list(ast.walk(mutant.body[0]))[index]
            for parent in ast.walk(mutant):
                for field, value in ast.iter_fields(parent):
                    if value is target:
                        setattr(parent, field, change)
                    elif isinstance(value, list) and any(item is target for item in value):
                        value[:] = [change if item is target else item for item in value]
            yield ast.unparse(ast.fix_missing_locations(mutant))


def survives(exercise: Exercise, source: str) -> bool:
    """Whether a mutant passes; one that computes the very value that is asked for is none."""
    space = dict(vars(sys.modules[exercise.solution_code.__module__]))
    run(source, space)
    made = space[exercise.solution_code.__name__]
    if exercise.kind != "value":
        return exercise.check(made).state == "correct"
    try:
        value = made()
    except Exception:  # what could not be computed is no answer
        return False
    return bool(value != exercise.answer()) and exercise.check(value).state == "correct"
