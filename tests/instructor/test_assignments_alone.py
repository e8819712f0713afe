"""Every exercise as an assignment of its own: nothing in it points at a lesson that its reader does not have.

The oracle for what solves such a page is test_assignment_kernel.py: a kernel that has run this notebook alone.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import importlib
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from nbformat import NotebookNode, read

from course_lib.exercises.assignments import ENGINES, NOTEBOOKS, choose
from course_lib.exercises.assignments.exercise_cells import exercise_cells
from tests.assignment_books import made, released, sources

CELLS = exercise_cells()
ANSWERS = {cell.answer for cell in CELLS.values()}
#: What a line of code in a question calls things that anybody may call so.
STAND_INS = {"DEFAULT", "classifier", "entry", "layer", "model", "name", "path", "picture", "stride", "weights"}
each = pytest.mark.parametrize("name", CELLS)
#: Words that point at something that stands elsewhere, or that pace a reader through a lesson.
POINTERS = re.compile(
    r"\b(above|(?<!answer )below(?! the answer)|earlier|previous(ly)?|last section|you saw|we saw|you've seen"
    r"|you have seen|as before|sections? \d|lessons? \d\d?|this lesson|the lesson|same (network|model|picture|for two)"
    r"|three differences|importance \d|move on|read on|essential|core|optional)\b",
    re.IGNORECASE,
)


def words_of(book: NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")


def bound(codes: list[str]) -> set[str]:
    """Every name that these cells bind anywhere: imports, definitions, arguments, variables."""
    names: set[str] = set()
    for node in (node for code in codes for node in ast.walk(ast.parse(code))):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
    return names


def spoken(words: str) -> set[str]:
    """The names that a text's inline code reads."""
    names: set[str] = set()
    for span in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", words):
        try:
            [*nodes] = ast.walk(ast.parse(span))
        except SyntaxError:
            continue
        read_here = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        if not span.isidentifier() or not span.islower() or span in ANSWERS:  # `bias` alone is a word
            names |= read_here
    return names - STAND_INS - names_of_modules(words)


def names_of_modules(words: str) -> set[str]:
    """What can be imported from the modules that a text names."""
    names: set[str] = set()
    for module in re.findall(r"`((?:course_lib|torch|torchvision)\.[\w.]+)`", words):
        with contextlib.suppress(ImportError):
            names |= set(dir(importlib.import_module(module)))
    return names | {"course_lib", "torchvision"}


@cache
def lesson(number: str) -> NotebookNode:
    [path] = NOTEBOOKS.glob(f"{number}_*.ipynb")
    return read(path, as_version=4)


@cache
def bound_in(number: str) -> set[str]:
    """The names of a lesson."""
    return bound([re.sub(r"^[%!].*$", "", source, flags=re.MULTILINE) for source in sources(lesson(number))])


@each
def test_a_release_says_all_that_its_reader_needs(name: str, tmp_path: Path) -> None:
    """No word points elsewhere, and no line of code in the words has a name that only the lesson has."""
    book = made(choose([name]), tmp_path)
    words = words_of(book)
    assert not (found := [match[0] for match in POINTERS.finditer(words)]), found
    assert "hints are folded in that box" in words and not re.search(r"\bex\.\w", words)
    missing = spoken(words) - bound([released(source) for source in sources(book)]) - set(dir(builtins))
    assert not (lacking := missing & (bound_in(name[:2]) | ANSWERS)), f"{lacking} is in the lesson alone"


def test_no_two_exercises_call_their_answer_the_same() -> None:
    counted = Counter(cell.answer for cell in CELLS.values())
    assert [answer for answer, count in counted.items() if count > 1] == []


def test_the_page_of_one_exercise_is_the_page_of_the_lesson_in_its_words() -> None:
    """One source: a question is the lesson's own, and what it adds stands in the declaration."""
    for name, cell in CELLS.items():
        cells = [other.source for other in lesson(name[:2]).cells]
        assert all(any(text in source for source in cells) for _, text in cell.above), name


@pytest.mark.parametrize("engine", ENGINES)
def test_the_kits_cell_is_the_first_that_runs_and_no_cell_needs_the_grader(engine: str, tmp_path: Path) -> None:
    """A learner has neither nbgrader nor otter, and on Colab nothing works before the kit is there."""
    book = made(choose(["04_output_size"]), tmp_path, engine)
    first, *others = sources(book)
    assert "google.colab" in first
    assert not any(re.search(r"\b(otter|nbgrader|grader)\b", released(source)) for source in others)
    if engine == "otter":
        raw = "\n".join(cell.source for cell in book.cells if cell.cell_type == "raw")
        assert {"init_cell: false", "export_cell: false", "check_cell: false"} <= set(raw.splitlines())
