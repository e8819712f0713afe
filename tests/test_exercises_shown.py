"""Solutions as they are shown: put into the notebook's own cell in the place of the stub, they pass.

The oracles are the notebooks as they are (cells, names, imports) and Python's own syntax tree.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from course_lib.exercises.engine.exercise import Exercise
from course_lib.exercises.engine.solution_source import plain_source, without_annotations
from tests.exercise_cells import EXERCISES, NOTEBOOKS, Cell, bound, cells_of, outcome, sources

CELLS = [cell for notebook in NOTEBOOKS for cell in cells_of(notebook)]
each_cell = pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.exercise.id)


def imported(notebook: Path, before: int | None = None) -> dict[str, Any]:
    """What the import lines of the notebook's cells, up to one of them, bind."""
    space: dict[str, Any] = {}
    for source, is_exercise in sources(notebook)[:before]:
        for line in ast.parse(source).body if not is_exercise else ():
            if isinstance(line, (ast.Import, ast.ImportFrom)):
                exec(ast.unparse(line), space)
    return space


def earlier_than(cell: Cell) -> list[Exercise]:
    """The exercises whose answers are there when a cell is reached."""
    return [*cell.exercise.uses, *(other.exercise for other in cells_of(cell.notebook) if other.number < cell.number)]


def test_every_exercise_of_a_notebooks_lesson_has_its_cell() -> None:
    for notebook in NOTEBOOKS:
        asked = [cell.exercise.id for cell in cells_of(notebook)]
        assert asked == [name for name in EXERCISES if name[:2] == notebook.name[:2]]  # declared in the same order


@each_cell
def test_the_shown_solution_passes_in_the_place_of_the_stub(cell: Cell) -> None:
    assert cell.exercise.name_in_cell == cell.name
    space = imported(cell.notebook, cell.number)
    assert outcome(cell.source, dict(space)).state == "not attempted"
    for earlier in earlier_than(cell):
        exec(earlier.solution().words, space)
    shown = outcome(cell.with_stub(cell.exercise.solution().words), space)
    assert shown.state == "correct", shown.sentence


@each_cell
def test_a_pasted_solution_overwrites_nothing_that_other_cells_use(cell: Cell) -> None:
    others = [source for number, (source, _) in enumerate(sources(cell.notebook)) if number != cell.number]
    made = {name for source in others for line in ast.parse(source).body for name in bound(line)}
    taken, space = imported(cell.notebook), imported(cell.notebook, cell.number)
    for earlier in earlier_than(cell):
        exec(earlier.solution().words, space)
    held = dict(space)
    exec(cell.exercise.solution().words, space)
    for name in (name for name in space if name not in held or space[name] is not held[name]):
        assert name == cell.name or (name not in made and space[name] is taken.get(name, space[name])), name
    assert cell.name not in taken


@each_cell
def test_stub_and_solution_take_the_same(cell: Cell) -> None:
    def methods(line: ast.AST) -> dict[str, int]:
        lines = line.body if isinstance(line, ast.ClassDef) else [line]  # no helpers inside
        return {line.name: len(line.args.args) for line in lines if isinstance(line, ast.FunctionDef)}

    solution = next(line for line in ast.parse(cell.exercise.solution().words).body if cell.name in bound(line))
    assert type(solution) is type(cell.stub) and methods(solution) == methods(cell.stub)


# -- the text ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", EXERCISES)
def test_lines_are_short_and_comments_stay(name: str) -> None:
    shown = EXERCISES[name].solution().words
    assert max(map(len, shown.splitlines())) <= 120 and "\t" not in shown and shown == shown.strip()
    comments = re.findall(r"  # .*", plain_source(EXERCISES[name].solution_code))
    assert all(comment in shown for comment in comments if "type: ignore" not in comment)


class Stripped(ast.NodeTransformer):
    """Another way to leave annotations out: in the tree instead of in the text."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        return ast.Assign([node.target], node.value) if node.value else node


HARD = '''
def f(a: "int", /, b: dict[str, int] = {"é": 1}, *more: int, c: int = (1), d: float, **k: tuple[int, ...]) -> "x -> y":
    """Words: not an annotation -> neither."""
    é: str = "ü"; n: int = a  # é: str
    def inner(
        one: int,  # the first: one
        two: int = 2,
    ) -> int: return one
    return lambda x=b: (x, é, n)
'''
PLAIN = "def g(a: int, b: 'str' = '', *, c: list[int] | None = None) -> list[int]:\n    k: int = 1\n    return [k]"


@pytest.mark.parametrize("source", [HARD.strip(), PLAIN, *(
    plain_source(exercise.solution_code) for name, exercise in EXERCISES.items() if name != "05_own_model"
)])  # fmt: skip
def test_annotations_are_cut_out_of_the_text_and_nothing_else(source: str) -> None:
    wanted = ast.unparse(ast.fix_missing_locations(Stripped().visit(ast.parse(source))))
    assert ast.unparse(ast.parse(without_annotations(source))) == wanted


def test_annotations_that_do_something_stay() -> None:
    own = "    class Own:\n        one: int = n\n\n"
    source = f"def make(n: int):\n{own}    def f(a: Own, b: int) -> Own:\n        return a\n"
    shown = without_annotations(source)
    assert "def make(n):" in shown and "one: int = n" in shown and "def f(a: Own, b) -> Own:" in shown


def test_a_long_signature_is_written_on_one_line() -> None:
    source = "def stage(\n    block: type[Long], in_channels: int, planes: int = 3\n) -> int:\n    return 1"
    assert without_annotations(source) == "def stage(block, in_channels, planes=3):\n    return 1"
