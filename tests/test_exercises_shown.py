"""Solutions as they are shown: put into the notebook's own cell in the place of the stub, they pass.

The oracles are the notebooks as they are (cells, names, imports) and Python's own syntax tree.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import textwrap
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from course_lib.exercises import lessons
from course_lib.exercises.engine.exercise import Exercise
from course_lib.exercises.engine.learner_progress import all_exercises
from course_lib.exercises.engine.solution_source import without_annotations

FOLDER = Path(lessons.__file__).parent
LESSONS = {
    p.stem[-2:]: importlib.import_module(f"course_lib.exercises.lessons.{p.stem}") for p in FOLDER.glob("lesson*.py")
}
NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("[0-9]*.ipynb"))
CHECK = re.compile(r"^ex\.(\w+)\.check\((\w+)\)$", re.MULTILINE)


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
    found = []
    for number, (source, is_exercise) in enumerate(sources(notebook)):
        for asked, name in CHECK.findall(source) if is_exercise else ():
            exercise = vars(LESSONS[notebook.name[:2]])[asked]
            found.append(Cell(notebook, number, source, exercise, name))
    return found


CELLS = [cell for notebook in NOTEBOOKS for cell in cells_of(notebook)]
each_cell = pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.exercise.id)


def bound(line: ast.AST) -> set[str]:
    """The names that a line at the top level of a cell binds, other than by importing."""
    if isinstance(line, (ast.FunctionDef, ast.ClassDef)):
        return {line.name}
    if isinstance(line, (ast.Import, ast.ImportFrom)):
        return set()
    kept = {node.id for node in ast.walk(line) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    inner = {node.name for node in ast.walk(line) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    return kept | inner


def imported(notebook: Path, before: int | None = None) -> dict[str, Any]:
    """What the import lines of the notebook's cells, up to one of them, bind."""
    space: dict[str, Any] = {}
    for source, is_exercise in sources(notebook)[:before]:
        for line in ast.parse(source).body if not is_exercise else ():
            if isinstance(line, (ast.Import, ast.ImportFrom)):
                exec(ast.unparse(line), space)
    return space


def outcome(source: str, space: dict[str, Any]) -> Any:
    """Run a cell; what its last line gives."""
    *lines, last = ast.parse(source).body
    assert isinstance(last, ast.Expr)
    exec(compile(ast.Module(lines, []), "<cell>", "exec", dont_inherit=True), space)
    return eval(compile(ast.Expression(last.value), "<cell>", "eval", dont_inherit=True), space)


def test_every_exercise_of_a_notebooks_lesson_has_its_cell() -> None:
    for notebook in NOTEBOOKS:
        lesson = vars(LESSONS[notebook.name[:2]]) if notebook.name[:2] in LESSONS else {}
        asked = [cell.exercise.id for cell in cells_of(notebook)]
        assert sorted(asked) == sorted(one.id for one in lesson.values() if isinstance(one, Exercise)), notebook.name
        assert asked == [name for name in all_exercises() if name[:2] == notebook.name[:2]]  # progress reads so, too


@each_cell
def test_the_shown_solution_passes_in_the_place_of_the_stub(cell: Cell) -> None:
    assert cell.exercise.name_in_cell == cell.name
    space = imported(cell.notebook, cell.number)
    assert outcome(cell.source, dict(space)).state == "not attempted"
    for earlier in (other for other in cells_of(cell.notebook) if other.number < cell.number):
        exec(earlier.exercise.solution().words, space)
    shown = outcome(cell.with_stub(cell.exercise.solution().words), space)
    assert shown.state == "correct", shown.sentence


@each_cell
def test_a_pasted_solution_overwrites_nothing_that_other_cells_use(cell: Cell) -> None:
    others = [source for number, (source, _) in enumerate(sources(cell.notebook)) if number != cell.number]
    made = {name for source in others for line in ast.parse(source).body for name in bound(line)}
    taken, space = imported(cell.notebook), imported(cell.notebook, cell.number)
    for earlier in (other for other in cells_of(cell.notebook) if other.number < cell.number):
        exec(earlier.exercise.solution().words, space)
    held = dict(space)
    exec(cell.exercise.solution().words, space)
    for name in (name for name in space if name not in held or space[name] is not held[name]):
        assert name == cell.name or (name not in made and space[name] is taken.get(name, space[name])), name
    assert cell.name not in taken


@each_cell
def test_stub_and_solution_take_the_same(cell: Cell) -> None:
    def methods(line: ast.AST) -> dict[str, int]:
        lines = line.body if isinstance(line, ast.ClassDef) else [line]  # no helpers inside
        return {one.name: len(one.args.args) for one in lines if isinstance(one, ast.FunctionDef)}

    solution = next(line for line in ast.parse(cell.exercise.solution().words).body if cell.name in bound(line))
    assert type(solution) is type(cell.stub) and methods(solution) == methods(cell.stub)


# -- the text ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("lesson", LESSONS)
def test_lines_are_short_and_comments_stay(lesson: str) -> None:
    for one in (one for one in vars(LESSONS[lesson]).values() if isinstance(one, Exercise)):
        shown = one.solution().words
        assert max(map(len, shown.splitlines())) <= 120 and "\t" not in shown and shown == shown.strip()
        comments = re.findall(r"  # .*", inspect.getsource(one.solution_code))
        assert all(comment in shown for comment in comments if "type: ignore" not in comment), one.id


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
    textwrap.dedent(inspect.getsource(one.solution_code)).strip()
    for lesson in LESSONS.values() for one in vars(lesson).values()
    if isinstance(one, Exercise) and one.id != "05_own_model"
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
