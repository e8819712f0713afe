"""The cells of an assignment for nbgrader or for otter: the same words, answers and tests, marked as each reads them.

nbgrader's metadata (schema version 3) mark read-only words, an answer with its solution, a test with points:
https://nbgrader.readthedocs.io/en/stable/contributor_guide/metadata.html. For ``otter assign`` raw cells mark where a
question, its solution and its tests are: https://otter-grader.readthedocs.io/en/latest/otter_assign/notebook_format.html
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell

from course_lib.exercises.assignments.exercise_cells import ExerciseCell
from course_lib.exercises.assignments.exercise_choice import Choice
from course_lib.exercises.assignments.student_variants import FOR_ALL, drawn_test
from course_lib.exercises.assignments.written_questions import WrittenQuestion

__all__ = ["nbgrader_cells", "nbgrader_files", "otter_cells", "otter_files"]

_SHORT_NAME = re.compile(r"\bex\.(?=\w+\b)")  # as a lesson calls its own exercises; here several lessons may meet
#: How a lesson paces its readers: what is important to it, minutes, when to give up. An assignment has its own line.
_PACE = re.compile(
    r"^\*(?:Essential|Worth it|Extra)\b[^*]*\*\s*"
    r"|(?:^|(?<=\s))\d+ minutes?(?:, important)?\.(?: Move on after \d+\.)?[ ]*"
    r"|[ ]?\(\d+ minutes?\)"
    r"|^`\w+\.\w+\.hint\(\)`[^\n]*$",
    re.MULTILINE,
)
_IMPORT = re.compile(r"(?:import|from) ")
_DIFFICULTY = {"mild": "Easy", "medium": "Medium", "hard": "Hard"}


def _introduction(name: str, choice: Choice) -> str:
    """The first words: what is asked, and how it is worked on."""
    count, written = len(choice.cells), len(choice.written)
    asked = f"{count} {'exercise' if count == 1 else 'exercises'}"
    if written:
        asked += f" and {written} {'question' if written == 1 else 'questions'} to answer in sentences"
    return (
        f"# {name}\n\n{asked}, {choice.points} points, "
        f"about {_minutes(choice.minutes)}.\n\n"
        "Replace the three dots of an exercise with your answer, and run its cell. A box tells you how far you are, "
        "and you can try as often as you like. The hints are folded in that box: click on one to read it.\n\n"
        "Run the first two cells before anything else. Before you hand in, choose *Kernel* and *Restart Kernel and Run "
        "All Cells*, look at every box once more, and save."
    )


def _words(cell: ExerciseCell) -> Iterator[tuple[str, str]]:
    """What stands above the exercise's cell, ("markdown" or "code", text): heading, pace, background, question."""
    (_, first), *others = ((kind, _SHORT_NAME.sub(f"{cell.module}.", text)) for kind, text in cell.above)
    _, _, question = first.partition("\n")
    points, exercise = cell.points, cell.exercise
    pace = f"*{_DIFFICULTY[exercise.difficulty]}, about {_minutes(exercise.minutes)}.*"
    parts = (pace, exercise.background.strip(), _PACE.sub("", question).strip())
    heading = f"## {exercise.title} ({points:g} {'point' if points == 1 else 'points'})"
    yield "markdown", "\n\n".join([heading, *filter(None, parts)])
    yield from ((kind, _PACE.sub("", text) if kind == "markdown" else text) for kind, text in others)


def _minutes(count: int) -> str:
    return "1 minute" if count == 1 else f"{count} minutes"


def _asked(cell: ExerciseCell) -> str:
    """The exercise's name in a cell, such as ``lesson04.trace_cfg``: those of two lessons may stand side by side."""
    return f"{cell.module}.{cell.name}"


def _given(cell: ExerciseCell) -> str:
    """What stands above a solution that is handed out, because another exercise uses it."""
    return f"**Given:** `{cell.answer}`, which an exercise further down uses. You needn't change it."


def _imports(choice: Choice) -> list[str]:
    """What the assignment's second cell imports; torch and nn in any case, as every lesson does.

    An import whose name has another meaning in one of the cells stands with the exercise that needs it.
    """
    lines = [line for cell in choice.together for line in cell.context if _IMPORT.match(line)]
    lines = [*dict.fromkeys(["import torch", "from torch import nn", *lines])]
    codes = [text for cell in choice.together for kind, text in cell.above if kind == "code"]
    codes += [text for cell in choice.together for text in (cell.stub, cell.exercise.solution().words)]
    meanings = {meaning for code in (*lines, *codes) for meaning in _bound(code)}
    named = [name for name, _ in meanings]
    shared = [line for line in lines if all(named.count(name) == 1 for name, _ in _bound(line))]
    return [*shared, f"from course_lib.exercises import {', '.join(sorted({cell.module for cell in choice.together}))}"]


def _bound(code: str) -> Iterator[tuple[str, str]]:
    """The names that a text gives a meaning at its top level: (name, where it is imported from, or "")."""
    for node in ast.parse(code).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                origin = f"{getattr(node, 'module', '')}.{alias.name}"
                yield (alias.asname or alias.name).partition(".")[0], origin
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name, ""
        else:
            yield from ((part.id, "") for part in ast.walk(node)
                        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store))  # fmt: skip


def _needs(cell: ExerciseCell, imports: list[str]) -> str:
    """The lines of its lesson that the exercise needs, without what has been imported."""
    return "\n".join(line for line in cell.context if line not in imports)


def _open_test(cell: ExerciseCell, *, parts: bool = False) -> str:
    """The test that a learner sees: the words of the check, raised. It stands by itself, whatever else was deleted.

    With ``parts`` it ends with the points of an exercise that has properties, which nbgrader takes for partial credit.
    """
    return f"from course_lib.exercises import {cell.module}\n\n{_test_call(cell, parts)}"


def _hidden_test(cell: ExerciseCell, seed: int, *, parts: bool = False) -> str:
    """The test that a learner does not see: the cases that this seed draws."""
    return f"{_test_call(cell, parts)[:-1]}, seed={seed})"


def _test_call(cell: ExerciseCell, parts: bool) -> str:
    if parts and cell.exercise.properties:
        return f"{_asked(cell)}.credit({cell.answer}, points={cell.points:g})"
    return f"{_asked(cell)}.grade({cell.answer})"


# -- nbgrader ---------------------------------------------------------------------------------------------------------
_SETTINGS = '''\
"""nbgrader's settings for assignments that were made from the course's exercises."""

c = get_config()  # noqa: F821 - nbgrader defines it

# The three dots of an exercise say what is to be done; nbgrader's own "raise NotImplementedError()" would say it twice.
c.ClearSolutions.code_stub = {"python": ""}
# A cell that does not end is stopped; a check itself stops an answer after 20 seconds.
c.ExecutePreprocessor.timeout = 60
c.ExecutePreprocessor.interrupt_on_timeout = True
# nbgrader's own steps before it runs what was handed in, and one more: a test that was deleted is run all the same, and
# a cell that was copied does not end the grading of the whole class.
c.Autograde.sanitize_preprocessors = [
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.DeduplicateIds",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.OverwriteCells",
    "course_lib.exercises.grading.repairs.repair",
    "nbgrader.preprocessors.CheckCellMetadata",
]
'''


def nbgrader_files(name: str, first: str) -> dict[str, str]:
    """The settings that nbgrader reads, for all assignments of the course."""
    return {"nbgrader_config.py": _SETTINGS}


def nbgrader_cells(name: str, choice: Choice, seed: int, first: str, *, varied: bool = False) -> list[NotebookNode]:
    """All cells of an assignment.

    Args:
        name: the assignment's.
        choice: the exercises.
        seed: of the hidden cases.
        first: the code that every lesson begins with.
        varied: whether every student gets other numbers; ``personalise`` puts them in.
    """
    introduction = _introduction(name, choice) + FOR_ALL * varied
    imports = _imports(choice)
    cells = [_fixed(new_markdown_cell(introduction), "introduction"), _fixed(new_code_cell(first), "kit"),
             _fixed(new_code_cell("\n".join(imports)), "imports")]  # fmt: skip
    for cell in choice.together:
        key = _key(cell)
        if needs := _needs(cell, imports):
            cells.append(_fixed(new_code_cell(needs), f"{key}-needs"))
        if cell in choice.given:
            cells.append(_fixed(new_markdown_cell(_given(cell)), f"{key}-words"))
            cells.append(_fixed(new_code_cell(cell.exercise.solution().words), f"{key}-given"))
            continue
        for number, (kind, text) in enumerate(_words(cell)):
            above = new_markdown_cell(text) if kind == "markdown" else new_code_cell(text)
            cells.append(_fixed(above, f"{key}-words-{number}"))
        cells.append(_answer(cell, key))
        hidden = _hidden_test(cell, seed, parts=True)
        if varied and cell.exercise.variants:
            hidden = drawn_test(_asked(cell), cell.answer, seed)
        cells.append(_test(cell, key, hidden))
    for question in choice.written:
        cells += _task(question)
    return cells


def _key(cell: ExerciseCell) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", cell.exercise.id)


def _answer(cell: ExerciseCell, key: str) -> NotebookNode:
    solution = cell.exercise.solution().words
    source = f"{cell.stub}\n### BEGIN SOLUTION\n{solution}\n### END SOLUTION\n\n{_asked(cell)}.check({cell.answer})"
    return _with(new_code_cell(source), f"{key}-answer", grade=False, solution=True, locked=False)


def _test(cell: ExerciseCell, key: str, hidden: str) -> NotebookNode:
    source = f"{_open_test(cell, parts=True)}\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"
    test = _with(new_code_cell(source), f"{key}-test", grade=True, solution=False, locked=True,
                 points=cell.points)  # fmt: skip
    test.metadata["tags"] = ["raises-exception"]  # "run all" goes on behind an exercise that isn't solved yet
    return test


def _task(question: WrittenQuestion) -> Iterator[NotebookNode]:
    """A question that a person grades, with the rubric that nbgrader takes out, and the cell to answer it in."""
    points = f"{question.points:g} {'point' if question.points == 1 else 'points'}"
    source = (
        f"## {question.title} ({points})\n\n{question.question}\n\n=== BEGIN MARK SCHEME ===\n\n"
        f"**Rubric**\n\n{question.rubric}\n\n=== END MARK SCHEME ==="
    )
    cell = _with(new_markdown_cell(source), f"{question.id}-question", grade=False, solution=False, locked=True,
                 points=question.points)  # fmt: skip
    cell.metadata["nbgrader"]["task"] = True
    yield cell
    yield new_markdown_cell("*Double-click here, and write your answer in place of this line.*")


def _fixed(cell: NotebookNode, key: str) -> NotebookNode:
    return _with(cell, key, grade=False, solution=False, locked=True)


def _with(cell: NotebookNode, key: str, **settings: Any) -> NotebookNode:
    cell.metadata["nbgrader"] = {"schema_version": 3, "grade_id": key, "task": False, **settings}
    return cell


# -- otter ------------------------------------------------------------------------------------------------------------
_KIT = re.compile(r'kit = "([^"]+)"')
#: Without otter's own cells, which fail where a learner hasn't installed otter: the checks are the kit's.
_CONFIG = """\
# ASSIGNMENT CONFIG
name: {name}
init_cell: false
check_all_cell: false
export_cell: false
requirements: requirements.txt
run_tests: true"""
#: What a learner sees is worth nothing: otter would give half of the points for it.
_OPEN = '""" # BEGIN TEST CONFIG\nhidden: false\npoints: 0\n""" # END TEST CONFIG'
_HIDDEN = '""" # BEGIN TEST CONFIG\nhidden: true\npoints: {points}\n""" # END TEST CONFIG'


def otter_files(name: str, first: str) -> dict[str, str]:
    """The file that says what a grader's image installs: the kit comes from where Colab fetches it."""
    kit = _KIT.search(first)
    return {f"{name}/requirements.txt": f"torch\ntorchvision\n{kit[1] if kit else 'course_lib'}\n"}


def otter_cells(name: str, choice: Choice, seed: int, first: str) -> list[NotebookNode]:
    """All cells of an assignment; see ``nbgrader_cells``."""
    config, words = _CONFIG.format(name=name), _introduction(name, choice)
    imports = _imports(choice)
    cells = [new_raw_cell(config), new_markdown_cell(words), new_code_cell(first), new_code_cell("\n".join(imports))]
    for cell in choice.together:
        if needs := _needs(cell, imports):
            cells.append(new_code_cell(needs))
        if cell in choice.given:
            cells.append(new_markdown_cell(_given(cell)))
            cells.append(new_code_cell(cell.exercise.solution().words))
            continue
        cells += _question(cell, seed)
    return cells


def _question(cell: ExerciseCell, seed: int) -> list[NotebookNode]:
    points = cell.points
    answer = (
        f"{cell.stub}\n# BEGIN SOLUTION NO PROMPT\n{cell.exercise.solution().words}\n# END SOLUTION\n"
        f"{_asked(cell)}.check({cell.answer})"
    )
    return [
        new_raw_cell(f"# BEGIN QUESTION\nname: q{cell.exercise.id}\npoints: {points}\ncheck_cell: false"),
        *(new_markdown_cell(text) if kind == "markdown" else new_code_cell(text) for kind, text in _words(cell)),
        new_raw_cell("# BEGIN SOLUTION"),
        new_code_cell(answer),
        new_raw_cell("# END SOLUTION"),
        new_raw_cell("# BEGIN TESTS"),
        new_code_cell(f"{_OPEN}\n{_open_test(cell)}"),
        new_code_cell(f"{_HIDDEN.format(points=points)}\n{_hidden_test(cell, seed)}"),
        new_raw_cell("# END TESTS"),
        new_raw_cell("# END QUESTION"),
    ]
