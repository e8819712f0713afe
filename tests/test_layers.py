"""Imports point down: no two parts of the library need each other, and what stands on top is imported by nobody below.

A part is a module of ``course_lib`` or one of its packages. Imports inside functions count; those that only a type
checker or ``python -m`` runs do not.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import course_lib

ROOT = Path(course_lib.__file__).parent
TOP = {"widgets", "exercises", "assignments"}


def imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """(module, name) of every import that runs when a module is used; the name is empty for ``import module``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ("TYPE_CHECKING" in ast.unparse(node.test) or "__main__" in ast.unparse(node)):
            continue
        if isinstance(node, ast.Import):
            yield from ((one.name, "") for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node.module, one.name) for one in node.names)
        yield from imports(node)


def needs() -> dict[str, set[str]]:
    """Part → the parts that it imports."""
    found: dict[str, set[str]] = {}
    for path in ROOT.rglob("*.py"):
        part = path.relative_to(ROOT).parts[0].removesuffix(".py")
        if part.startswith("__"):  # the package's own door and its command line may know everything
            continue
        for module, name in imports(ast.parse(path.read_text(encoding="utf-8"))):
            home, _, rest = module.partition(".")
            if home == "course_lib":
                found.setdefault(part, set()).add(rest.partition(".")[0] or name)
    return {part: others - {part} for part, others in found.items()}


def test_no_part_needs_itself_in_the_end() -> None:
    graph = needs()
    assert len(graph) > 30

    def below(part: str, seen: set[str]) -> set[str]:
        for other in graph.get(part, set()) - seen:
            seen.add(other)
            below(other, seen)
        return seen

    assert {part: graph[part] for part in graph if part in below(part, set())} == {}


def test_nobody_below_imports_what_stands_on_top() -> None:
    assert {part: others & TOP for part, others in needs().items() if part not in TOP and others & TOP} == {}


def test_a_library_that_one_part_owns_is_imported_there_alone() -> None:
    owners: dict[str, set[str]] = {"ipywidgets": set(), "nbgrader": set(), "pyplot": set()}
    for path in ROOT.rglob("*.py"):
        for module, name in imports(ast.parse(path.read_text(encoding="utf-8"))):
            for owned in owners:
                if owned in (*module.split("."), name):
                    owners[owned].add(path.relative_to(ROOT).parts[0].removesuffix(".py"))
    assert owners["ipywidgets"] == {"widgets"}
    assert owners["nbgrader"] <= {"assignments"}
    assert owners["pyplot"] == set()
