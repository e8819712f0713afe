"""What an assignment is made of: every exercise of the notebooks with its words, its cell and what it needs.

This file reads notebooks and runs nothing in them. ``exercise_choice`` picks from what it finds.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import json
import re
import symtable
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from course_lib import exercises
from course_lib.errors import CourseError
from course_lib.exercises.engine.exercise import Exercise

__all__ = ["NOTEBOOKS", "ExerciseCell", "exercise_cells", "first_cell"]

#: The notebooks of the checkout that this package lies in.
NOTEBOOKS = Path(__file__).resolve().parents[3] / "notebooks"
_CHECK = re.compile(r"^ex\.(\w+)\.check\((\w+)\)$", re.MULTILINE)
_HEADING = re.compile(r"^#{2,3} ", re.MULTILINE)
_SHORT_NAME = re.compile(r"^from course_lib\.exercises import \w+ as ex\n+", re.MULTILINE)
_INLINE_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_MAGIC = re.compile(r"^[%!].*\n?", re.MULTILINE)  # what is IPython's and not Python's
_AT_ONCE = {"listcomp", "setcomp", "dictcomp", "genexpr"}  # what symtable calls functions that run where they stand


@dataclass(frozen=True)
class ExerciseCell:
    """One exercise as it stands in its notebook.

    Attributes:
        number: its place among all exercises of the course, from 0.
        exercise: its declaration.
        module: the lesson's module in course_lib.exercises, such as "lesson04".
        name: what it is called there, such as "trace_cfg".
        above: what stands between its heading and its cell: ("markdown" or "code", text), the heading first.
        stub: the cell without its check: what a learner starts from.
        answer: the name that is checked.
        context: lines of earlier cells that the stub or the solution need, and imports of what the words mention, in
            order: imports first.
        earlier: ids of earlier exercises whose answers the solution uses, in the lessons' order.
        worth: points of the instructor's own; None for the exercise's.
    """

    number: int
    exercise: Exercise
    module: str
    name: str
    above: tuple[tuple[str, str], ...]
    stub: str
    answer: str
    context: tuple[str, ...]
    earlier: tuple[str, ...]
    worth: float | None = None

    @property
    def points(self) -> float:
        """What the exercise is worth in an assignment."""
        return self.exercise.points if self.worth is None else self.worth


@dataclass(frozen=True)
class _Cell:
    kind: str
    source: str
    exercise: bool


def first_cell(folder: Path = NOTEBOOKS, kit: str = "") -> str:
    """The first code cell of every lesson: on Colab it fetches the kit, elsewhere it does nothing.

    Args:
        folder: where the notebooks lie.
        kit: a wheel's name or an address that stands in it in the place of the repository's.
    """
    first = _notebooks(folder)[0]
    for cell in _cells(first):
        if cell.kind == "code":
            return re.sub(r'"course_lib @ git\+[^"]*"', lambda _: json.dumps(kit), cell.source) if kit else cell.source
    raise CourseError(f"{first} has no cell with code, and a lesson begins with one: save it in JupyterLab once more.")


@lru_cache(maxsize=4)
def exercise_cells(folder: Path = NOTEBOOKS) -> dict[str, ExerciseCell]:
    """Every exercise that has a cell in one of the notebooks, by its id, in the lessons' order.

    Args:
        folder: where the notebooks lie.

    Raises:
        CourseError: there are no notebooks there, or one cannot be read or asks for an exercise that is not there.

    Example:
        >>> cell = exercise_cells()["04_trace_cfg"]
        >>> cell.answer, cell.stub
        ('traced', 'traced = ...  # (channels, height, width)')
    """
    cells_by_id: dict[str, ExerciseCell] = {}
    for path in _notebooks(folder):
        module, cells = f"lesson{path.name[:2]}", _cells(path)
        answers: dict[str, str] = {}  # what an earlier exercise of this lesson is called → its id
        for number, cell in enumerate(cells):
            for name, answer in _CHECK.findall(cell.source) if cell.exercise else ():
                exercise = _exercise(path, module, name)
                stub = _SHORT_NAME.sub("", _CHECK.sub("", cell.source)).strip()
                solution = exercise.solution().words
                above = _above(cells[:number], exercise)
                shown = "\n".join(text for kind, text in above if kind == "code")
                needs = {name for code in (shown, stub, solution) for names in _free(code) for name in names}
                before = cells[: number - len(above)]
                lines = [other.source for other in before if other.kind == "code" and not other.exercise]
                known = {other.name_in_cell: other.id for other in exercise.uses} | answers
                earlier = tuple(known[name] for name in known if name in needs)
                words = "\n".join([exercise.background, *(text for kind, text in above if kind == "markdown")])
                needs |= _mentioned(words) & _imported(lines)
                context = _context(lines, needs - set(known))
                cells_by_id[exercise.id] = ExerciseCell(
                    len(cells_by_id), exercise, module, name, above, stub, answer, context, earlier
                )
                answers[answer] = exercise.id
    return cells_by_id


def _notebooks(folder: Path) -> list[Path]:
    paths = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not paths:
        raise CourseError(
            f"There are no lessons in {folder}: assignments are made in a clone of the course's repository; "
            "give the folder of its notebooks."
        )
    return paths


def _cells(path: Path) -> list[_Cell]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))["cells"]
        cells = [
            _Cell(cell["cell_type"], "".join(cell["source"]), "exercise" in cell["metadata"].get("tags", ()))
            for cell in content
        ]
        cells = [replace(cell, source=_MAGIC.sub("", cell.source)) if cell.kind == "code" else cell for cell in cells]
        for cell in cells:
            if cell.kind == "code":
                ast.parse(cell.source)
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror}.") from error
    except SyntaxError as error:
        raise CourseError(
            f"{path} has a cell that is not plain Python, so what an exercise needs of it cannot be told: "
            f"{(error.text or '').strip()!r}."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CourseError(f"{path} is not a notebook that can be read; save it in JupyterLab once more.") from error
    return cells


def _exercise(path: Path, module: str, name: str) -> Exercise:
    try:
        exercise = getattr(importlib.import_module(f"{exercises.__name__}.lessons.{module}"), name)
    except (ImportError, AttributeError):
        exercise = None
    if not isinstance(exercise, Exercise):
        raise CourseError(f"{path} asks for the exercise {name!r}, but {module} of course_lib.exercises has none.")
    return exercise


def _above(before: list[_Cell], exercise: Exercise) -> tuple[tuple[str, str], ...]:
    """What stands above the exercise's cell, from the heading nearest to it: that may begin in the middle of a cell."""
    for number in reversed(range(len(before))):
        headings = list(_HEADING.finditer(before[number].source)) if before[number].kind == "markdown" else []
        if headings:
            words = before[number].source[headings[-1].start() :]
            return (("markdown", words), *((cell.kind, cell.source) for cell in before[number + 1 :]))
    raise CourseError(f"The cell of exercise {exercise.id} has no heading above it.")


# -- what a cell needs of the cells before it -------------------------------------------------------------------------
def _free(source: str) -> tuple[set[str], set[str]]:
    """Names that a piece of code takes from around it.

    Returns:
        those that it reads before it binds them itself, and those that its functions will read when they run.
    """
    at_once: set[str] = set()
    later: set[str] = set()
    bound: set[str] = set()
    for line in ast.parse(source).body:
        now, then = _reads(line)
        inner = _binds(line) if hasattr(line, "body") else set()  # a loop reads what it has just bound
        at_once |= (now - inner | _added_to(line)) - bound
        later |= then
        bound |= _binds(line)
    own = set(dir(builtins))
    return at_once - own, later - bound - own


def _reads(line: ast.stmt) -> tuple[set[str], set[str]]:
    """The names of the cell that a line reads where it stands, and those that its functions read when they run."""
    now: set[str] = set()
    later: set[str] = set()

    def visit(table: symtable.SymbolTable, names: set[str]) -> None:
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (symbol.is_global() or table.get_type() == "module"):
                names.add(symbol.get_name())
        for child in table.get_children():
            function = child.get_type() == "function" and child.get_name() not in _AT_ONCE
            visit(child, later if function else names)

    visit(symtable.symtable(ast.unparse(line), "<cell>", "exec"), now)
    return now, later


def _added_to(line: ast.AST) -> set[str]:
    """The names that a line reads and binds in one, as in ``total += 1``; what a function has for itself left out."""
    if isinstance(line, (ast.FunctionDef, ast.ClassDef)):
        return set()
    if isinstance(line, ast.AugAssign) and isinstance(line.target, ast.Name):
        return {line.target.id}
    return {name for child in ast.iter_child_nodes(line) for name in _added_to(child)}


def _binds(line: ast.stmt) -> set[str]:
    """The names that a line at the top level binds."""
    if isinstance(line, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name).split(".")[0] for alias in line.names}
    if isinstance(line, (ast.FunctionDef, ast.ClassDef)):
        return {line.name}
    return {node.id for node in ast.walk(line) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _mentioned(words: str) -> set[str]:
    """The names in a text's inline code, such as samples in `samples()["coffee"]`; the lesson's own ``ex`` left out."""
    spans = _INLINE_CODE.findall(words)
    return {name for span in spans for name in re.findall(r"(?<![\w.\"'])[A-Za-z_]\w*", span)} - {"ex"}


def _imported(sources: list[str]) -> set[str]:
    """The names that these cells import and never bind in another way."""
    lines = [line for source in sources for line in ast.parse(source).body]
    imports = {True: set[str](), False: set[str]()}
    for line in lines:
        imports[isinstance(line, (ast.Import, ast.ImportFrom))] |= _binds(line)
    return imports[True] - imports[False]


def _context(sources: list[str], needs: set[str]) -> tuple[str, ...]:
    """The lines of these cells that bind what is needed, and what those lines need in turn."""
    lines = [(source, line) for source in sources for line in ast.parse(source).body]
    at_the_end = set(needs)  # what a function reads when it runs may be bound below it
    while True:
        kept: list[str] = []
        imports: list[str] = []
        later: set[str] = set()
        wanted = set(at_the_end)
        for source, line in reversed(lines):
            if not (bound := _binds(line) & wanted):
                continue
            wanted -= bound
            if isinstance(line, (ast.Import, ast.ImportFrom)):
                imports = [*_only(line, bound), *imports]
                continue
            first = min([line.lineno, *(decorator.lineno for decorator in getattr(line, "decorator_list", ()))])
            text = "\n".join(source.splitlines()[first - 1 : line.end_lineno])
            now, then = _free(text)
            wanted |= now
            later |= then
            kept.insert(0, text)
        if later <= at_the_end:
            return (*dict.fromkeys(imports), *kept)
        at_the_end |= later


def _only(line: ast.Import | ast.ImportFrom, bound: set[str]) -> Iterator[str]:
    names = [alias for alias in line.names if (alias.asname or alias.name).split(".")[0] in bound]
    yield ast.unparse(
        ast.Import(names=names)
        if isinstance(line, ast.Import)
        else ast.ImportFrom(module=line.module, names=names, level=line.level)
    )
