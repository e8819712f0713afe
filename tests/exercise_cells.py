"""The notebooks' exercise cells: what is checked under which name, and the cell with a solution in its stub's place."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from course_lib.exercises.engine.exercise import Exercise
from course_lib.exercises.engine.learner_progress import all_exercises

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("[0-9]*.ipynb"))
CHECK = re.compile(r"^ex\.(\w+)\.check\((\w+)\)$", re.MULTILINE)
EXERCISES = all_exercises()


def bound(line: ast.AST) -> set[str]:
    """The names that a line at the top level of a cell binds, other than by importing."""
    if isinstance(line, (ast.FunctionDef, ast.ClassDef)):
        return {line.name}
    if isinstance(line, (ast.Import, ast.ImportFrom)):
        return set()
    kept = {node.id for node in ast.walk(line) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    inner = {node.name for node in ast.walk(line) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    return kept | inner


@dataclass(frozen=True)
class Cell:
    """One exercise's cell: what is checked under which name, and where the stub of that name is defined."""

    notebook: Path
    number: int
    source: str
    exercise: Exercise
    name: str

    @property
    def stub(self) -> ast.stmt:
        return next(line for line in ast.parse(self.source).body if self.name in bound(line))

    def with_stub(self, code: str) -> str:
        lines = self.source.splitlines()
        return "\n".join([*lines[: self.stub.lineno - 1], code, *lines[self.stub.end_lineno :]])


@lru_cache(maxsize=8)
def sources(notebook: Path) -> tuple[tuple[str, bool], ...]:
    """The code of every cell, and whether it is an exercise's."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    return tuple(("".join(cell["source"]), "exercise" in cell["metadata"].get("tags", ())) for cell in code)


def cells_of(notebook: Path) -> list[Cell]:
    cells = []
    for number, (source, is_exercise) in enumerate(sources(notebook)):
        for asked, name in CHECK.findall(source) if is_exercise else ():
            exercise = EXERCISES[f"{notebook.name[:2]}_{asked}"]
            cells.append(Cell(notebook, number, source, exercise, name))
    return cells


def outcome(source: str, space: dict[str, Any]) -> Any:
    """Run a cell; what its last line gives."""
    *lines, last = ast.parse(source).body
    assert isinstance(last, ast.Expr)
    exec(compile(ast.Module(lines, []), "<cell>", "exec", dont_inherit=True), space)
    return eval(compile(ast.Expression(last.value), "<cell>", "eval", dont_inherit=True), space)


def told_progress(notebook: Path, solved: int) -> str:
    """What ``my_progress`` says at the end of a lesson when all is solved; lesson 00 asks for the whole course."""
    lesson = f"lesson {notebook.name[:2]}: " if notebook.name.startswith("00") else ""
    return f"{lesson}{solved} of {solved} solved"
