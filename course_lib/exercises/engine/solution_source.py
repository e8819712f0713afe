"""A solution's source, turned into what a learner would write in the exercise's cell.

The course's own code is decorated, has annotations, and imports at the head of its file; a cell has none of these, and
asks for names of its own. So decorators and annotations are cut out of the text (comments and layout stay), names are
replaced, and imports are added.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import symtable
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any, Literal

from course_lib.exercises.engine.variants import literal

__all__ = ["as_in_a_cell", "plain_source", "without_annotations"]

_Cut = tuple[int, int, str]  # from this byte to that one stands instead …
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
#: What every notebook of the course imports in its first cells.
_AT_HAND = {"torch", "nn"}
_WIDTH = 120


def as_in_a_cell(
    solution: Callable[..., Any],
    kind: Literal["value", "function", "class"],
    names: Mapping[str, str],
    numbers: Mapping[str, Any],
) -> str:
    """The code of a solution that can be put in the place of the cell's stub and be run.

    Args:
        solution: the function or class, from a lesson's file.
        kind: "value": the code ends by keeping what the function gives; else it defines the function or class.
        names: what the lesson calls its solutions → what the cells call them; this solution must be among them.
        numbers: keyword parameters → the values that stand in their place.

    Example:
        >>> from course_lib.exercises.lessons.lesson00 import count_values
        >>> print(as_in_a_cell(count_values.solution_code, "value", {"count_values": "count"},
        ...                    {"height": 224, "width": 224}))
        # Three channels of so many rows of so many values.
        count = 3 * 224 * 224
    """
    source = without_annotations(plain_source(solution))
    cell = names[solution.__name__]
    if kind == "value":
        names = {**names, solution.__name__: f"find_{cell}"}
    source = _renamed(_filled_in(source, numbers), names)
    free = _free(source)
    lesson = sys.modules[solution.__module__]
    imports, own = _imports(free - set(names.values()), lesson)
    if own:  # what the lesson's file itself makes
        module = lesson.__name__.rpartition(".")[2]
        imports.append(f"from course_lib.exercises import {module}")
        source = _renamed(source, {name: f"{module}.{name}" for name in own})
    if earlier := sorted(free & {*names.values()} - {names[solution.__name__]}):
        imports.append(f"# uses {' and '.join(earlier)} of the exercises before")
    if kind != "value":
        return "\n".join(imports) + "\n\n\n" * bool(imports) + source
    definition = ast.parse(source).body[0]
    assert isinstance(definition, ast.FunctionDef)
    first = definition.body[0]
    words = ast.get_docstring(definition)
    if words and not imports and len(definition.body) == 2 and len(source.splitlines()) == 3:  # one line under it
        return f"# {words}\n{cell} = {source.splitlines()[-1].strip().removeprefix('return ')}"
    lines = source.splitlines()
    at = (first.end_lineno or 0) if words else first.lineno - 1
    head = [f"    {line}" for line in imports] + [""] * bool(imports and lines[at])
    return "\n".join([*lines[:at], *head, *lines[at:], "", "", f"{cell} = find_{cell}()"])


def plain_source(solution: Callable[..., Any]) -> str:
    """The source of a function or class without its decorators, not indented."""
    source = textwrap.dedent(inspect.getsource(solution)).strip()
    return "\n".join(source.splitlines()[ast.parse(source).body[0].lineno - 1 :])


def without_annotations(source: str) -> str:
    """Source text without the annotations of its functions and of variables in them; everything else stays as it is.

    Two kinds stay, because they do something: those in a class's body, and those that name a class which the text
    itself defines inside a function (torchvision finds a builder's enum so).

    Args:
        source: of one definition, not indented.

    Example:
        >>> print(without_annotations("def double(n: int = 1) -> int:  # twice\\n    m: int = 2\\n    return m * n"))
        def double(n=1):  # twice
            m = 2
            return m * n
    """
    tree = ast.parse(source)
    own = {node.name for top in tree.body for node in ast.walk(top) if isinstance(node, ast.ClassDef) and node != top}
    place = _Places(source)
    text = place.edited(list(_annotations(tree, place, own)))
    lines = re.sub(r"[ ]*# (?:fmt: skip|noqa|type: ignore).*", "", text)
    return re.sub(r"(?m)^( *def \w+\()\n([^#]*?),?\n *(\):)", _on_one_line, lines)


class _Places:
    """From the places of a syntax tree, in lines and bytes, to places in the whole text."""

    def __init__(self, source: str) -> None:
        self.text = source.encode()
        self._starts = [0]
        for line in self.text.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def start(self, node: Any) -> int:
        return self._starts[int(node.lineno) - 1] + int(node.col_offset)

    def end(self, node: Any) -> int:
        return self._starts[int(node.end_lineno) - 1] + int(node.end_col_offset)

    def behind_equals(self, annotation: ast.expr) -> int:
        """Where the value begins that follows an annotation: it may have brackets, which no tree knows of."""
        behind = self.text[self.text.index(b"=", self.end(annotation)) + 1 :]
        return len(self.text) - len(behind.lstrip())

    def edited(self, cuts: list[_Cut]) -> str:
        text = self.text
        for start, end, instead in sorted(cuts, reverse=True):
            text = text[:start] + instead.encode() + text[end:]
        return text.decode()


def _annotations(tree: ast.AST, place: _Places, own: set[str]) -> Iterator[_Cut]:
    for function in ast.walk(tree):
        if not isinstance(function, _FUNCTIONS):
            continue
        given = function.args
        plain = [*given.posonlyargs, *given.args]
        defaults: list[ast.expr | None] = [None] * (len(plain) - len(given.defaults)) + [*given.defaults]
        alone = [(argument, None) for argument in (given.vararg, given.kwarg) if argument]
        for argument, default in (
            *zip(plain, defaults, strict=True),
            *zip(given.kwonlyargs, given.kw_defaults, strict=True),
            *alone,
        ):
            if argument.annotation and not own & _names(argument.annotation):
                end = place.end(argument.annotation) if default is None else place.behind_equals(argument.annotation)
                yield place.start(argument) + len(argument.arg.encode()), end, "=" if default else ""
        if function.returns and not own & _names(function.returns):
            arrow = place.text.rindex(b"->", 0, place.start(function.returns))
            yield len(place.text[:arrow].rstrip()), place.end(function.returns), ""
        for line in _in_its_body(function):
            if isinstance(line, ast.AnnAssign) and line.value and not own & _names(line.annotation):
                yield place.end(line.target), place.behind_equals(line.annotation), " = "


def _in_its_body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """Everything in a function but what is in functions and classes inside it."""
    waiting: list[ast.AST] = [*function.body]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            waiting += ast.iter_child_nodes(node)


def _names(annotation: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)}


def _on_one_line(signature: re.Match[str]) -> str:
    joined = signature[1] + " ".join(signature[2].split()) + signature[3]
    return joined if len(joined) <= _WIDTH else signature[0]


def _renamed(source: str, names: Mapping[str, str]) -> str:
    place, cuts = _Places(source), []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and node.id in names:
            cuts.append((place.start(node), place.end(node), names[node.id]))
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)) and node.name in names:
            start = place.text.index(node.name.encode(), place.start(node) + len("def "))
            cuts.append((start, start + len(node.name.encode()), names[node.name]))
    return place.edited(cuts)


def _filled_in(source: str, numbers: Mapping[str, Any]) -> str:
    """A function's text without its parameters, with these values where they were read."""
    if not numbers:
        return source
    place, cuts = _Places(source), []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and node.id in numbers:
            cuts.append((place.start(node), place.end(node), literal(numbers[node.id])))
    return re.sub(r"\A(def \w+)\(.*\):", r"\1():", place.edited(cuts))


def _free(source: str) -> set[str]:
    """The names that a text takes from around it: neither its own nor Python's."""

    def taken(table: symtable.SymbolTable) -> Iterator[str]:
        top = table.get_type() == "module"
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (symbol.is_global() or top) and not (top and symbol.is_assigned()):
                yield symbol.get_name()
        for inner in table.get_children():
            yield from taken(inner)

    table = symtable.symtable(source, "<solution>", "exec")
    own = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned()}
    return set(taken(table)) - own - set(dir(builtins))


def _imports(names: set[str], lesson: ModuleType) -> tuple[list[str], set[str]]:
    """The lines that import names as the lesson's file does, and the names that the file itself makes."""
    plain: list[str] = []
    groups: dict[str, list[str]] = {}
    left = names - _AT_HAND
    for line in _import_lines(inspect.getsource(lesson)):
        for alias in line.names:
            if (bound := alias.asname or alias.name.partition(".")[0]) not in left:
                continue
            left.remove(bound)
            if isinstance(line, ast.Import):
                plain.append(f"import {ast.unparse(alias)}")
            else:
                groups.setdefault(line.module or "", []).append(ast.unparse(alias))
    return plain + [f"from {module} import {', '.join(aliases)}" for module, aliases in groups.items()], left


@lru_cache(maxsize=32)  # every check folds its solution in, and parsing a whole lesson takes longer than most checks
def _import_lines(source: str) -> tuple[ast.Import | ast.ImportFrom, ...]:
    return tuple(line for line in ast.parse(source).body if isinstance(line, (ast.Import, ast.ImportFrom)))
