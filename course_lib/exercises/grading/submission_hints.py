"""Hints at copied and tampered notebooks. A hint says where to look; it isn't a verdict, and no mark depends on it.

Answers are compared as Python reads them, without comments, spacing and the names of variables. One that is short,
is the stub, or is given by a large part of the class isn't a hint. The kit's own solution is one by itself.
"""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from course_lib.exercises import lessons
from course_lib.exercises.engine.exercise import Exercise

__all__ = ["Hint", "known_solutions", "submission_hints"]

#: Letters that answers have in common, comments and spacing left out, before they are a hint together.
_MANY = 240
#: Letters below which an answer is what everybody writes.
_SHORT = 60
#: Attributes that belong to a check; whoever sets one of them changes how answers are judged.
_CHECKS = {"grade", "check", "judge", "check_answer", "check_hidden", "seconds"}
_LOOKS = {"_getframe": "looks into the callers' frames", "get_objects": "looks through all objects in memory",
          "settrace": "traces what the check does", "f_back": "looks into the callers' frames",
          "currentframe": "looks into the callers' frames", "getppid": "asks for the process that grades",
          "solution_code": "takes the kit's solution", "check_hidden": "looks at the hidden check"}  # fmt: skip
_LIBRARIES = {"torch", "np", "numpy", "random", "course_lib", "builtins", "F", "nn"}


@dataclass(frozen=True)
class Hint:
    """Something to look at.

    Attributes:
        students: one, or all that share it.
        cells: the cells' nbgrader ids or numbers.
        sentence: what was seen.
    """

    students: tuple[str, ...]
    cells: tuple[str, ...]
    sentence: str


def submission_hints(class_: Mapping[str, bytes], stubs: Mapping[str, str]) -> list[Hint]:
    """Hints for the notebooks of one assignment.

    Args:
        class_: student → the notebook as it was handed in. What cannot be read is left out.
        stubs: the released cells by their nbgrader ids.

    Example:
        >>> cell = {"cell_type": "code", "metadata": {}, "source": "ex.iou.grade = print"}
        >>> submission_hints({"eve": json.dumps({"cells": [cell]}).encode()}, {})
        [Hint(students=('eve',), cells=('cell 1',), sentence='sets .grade, which belongs to a check')]
    """
    answers: dict[str, dict[str, str]] = {}  # student → cell → the answer in a form that can be compared
    hints: list[Hint] = []
    plain_stubs = {key: _form(source) for key, source in stubs.items()}
    for student, content in sorted(class_.items()):
        answers[student] = {}
        for name, key, source in _code(content):
            if key in stubs and not key.endswith("-answer"):
                continue  # a released cell: nbgrader puts its own text back
            tree = _parsed(source)
            for sentence in dict.fromkeys(_tampering(tree)):
                hints.append(Hint((student,), (name,), sentence))
            form = _form(source)
            if not key.endswith("-answer") or len(form) < _SHORT or form == plain_stubs.get(key):
                continue
            if form == _solution(key.removesuffix("-answer")):
                hints.append(Hint((student,), (name,), "is the kit's own solution, but for names and spacing"))
            else:
                answers[student][key] = form
    return [*hints, *_shared(answers)]


def _shared(answers: dict[str, dict[str, str]]) -> Iterator[Hint]:
    """Groups of students who share answers that few others have."""
    owners: dict[tuple[str, str], list[str]] = defaultdict(list)
    for student, forms in answers.items():
        for key, form in forms.items():
            owners[key, form].append(student)
    most = max(4, len(answers) // 5)
    groups: dict[tuple[str, ...], list[tuple[str, str]]] = defaultdict(list)
    for answer, students in owners.items():
        if 1 < len(students) <= most:
            groups[tuple(students)].append(answer)
    for group, shared in sorted(groups.items()):
        letters = sum(len(form) for _, form in shared)
        if letters >= _MANY:
            cells = tuple(sorted(key for key, _ in shared))
            yield Hint(group, cells, f"the same {letters} letters of code, but for names and spacing")


def _code(content: bytes) -> Iterator[tuple[str, str, str]]:
    """The code cells of a notebook: what to call one, its nbgrader id, its text."""
    try:
        cells = json.loads(content.decode("utf-8-sig"))["cells"]
        for number, cell in enumerate(cells, 1):
            if cell["cell_type"] == "code":
                key = str(cell["metadata"].get("nbgrader", {}).get("grade_id", ""))
                yield key or f"cell {number}", key, "".join(cell["source"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return


def _parsed(source: str) -> ast.Module:
    lines = [line for line in source.splitlines() if not line.lstrip().startswith(("%", "!"))]
    try:
        return ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


class _Anonymous(ast.NodeTransformer):
    """Calls the names that a piece of code binds by their order, and drops docstrings and the check below it."""

    def __init__(self, bound: set[str]) -> None:
        self._bound = bound
        self._names: dict[str, str] = {}

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._name(node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg, node.annotation = self._name(node.arg), None
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Constant) or ".check(" in ast.unparse(node):
            return None
        return self.generic_visit(node)

    def _name(self, name: str) -> str:
        return self._names.setdefault(name, f"v{len(self._names)}") if name in self._bound else name


def _form(source: str) -> str:
    """Code in the form in which it is compared."""
    tree = _parsed(source)
    bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    tree.body = [line for line in tree.body if not isinstance(line, (ast.Import, ast.ImportFrom))]
    try:
        return ast.unparse(_Anonymous(bound).visit(tree))
    except (RecursionError, ValueError):
        return ""


@cache
def known_solutions() -> dict[str, str]:
    """Exercise → its solution, in the form in which answers are compared."""
    found = {}
    for module in pkgutil.iter_modules(lessons.__path__):
        for value in vars(importlib.import_module(f"{lessons.__name__}.{module.name}")).values():
            if isinstance(value, Exercise):
                found[value.id] = _form(value.solution().words)
    return found


def _solution(exercise: str) -> str:
    return known_solutions().get(exercise, "")


def _tampering(tree: ast.Module) -> Iterator[str]:
    """What code does that an answer has no need of."""
    for node in ast.walk(tree):
        targets: list[Any] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
            targets = [node.target]
        elif isinstance(node, ast.Delete):
            targets = node.targets
        for target in targets:
            if isinstance(target, ast.Attribute):
                if target.attr in _CHECKS and _root(target) != "self":
                    yield f"sets .{target.attr}, which belongs to a check"
                elif _root(target) in _LIBRARIES:
                    yield f"replaces {ast.unparse(target)[:60]}"
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in ("setattr", "patch.object", "mock.patch.object") and len(node.args) > 1:
                yield f"changes an attribute with {name}"
            elif isinstance(node.func, ast.Attribute) and node.func.attr in ("solution", "answer") and not node.args:
                yield f"calls .{node.func.attr}() in a cell"
        word = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        if word in _LOOKS and not any(word == getattr(target, "attr", "") for target in targets):
            yield _LOOKS[word]


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
