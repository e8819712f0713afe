"""Exercises: the solution passes, nothing else does, and whatever comes in gets a calm sentence.

Found by themselves: every ``lesson*.py`` of the package is tested. The oracles are the solutions (which are run), their
mutants (which must fail), and values that no exercise asks for.
"""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import random
import re
import sys
import textwrap
import warnings
from asyncio import CancelledError
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from course_lib.exercises import guess_and_truth, lessons
from course_lib.exercises.engine.exercise import Exercise, Outcome, Wrong
from course_lib.exercises.lessons import lesson00, lesson01

FOLDER = Path(lessons.__file__).parent
LESSONS = [importlib.import_module(f"course_lib.exercises.lessons.{p.stem}") for p in sorted(FOLDER.glob("lesson*.py"))]
ALL: dict[str, tuple[ModuleType, Exercise]] = {
    one.id: (lesson, one) for lesson in LESSONS for one in vars(lesson).values() if isinstance(one, Exercise)
}
exercise = pytest.mark.parametrize("name", ALL)


def test_every_lesson_has_exercises_and_every_id_is_its_own() -> None:
    assert {lesson for lesson, _ in ALL.values()} == set(LESSONS) and len(ALL) >= 8
    count = sum(isinstance(one, Exercise) for lesson in LESSONS for one in vars(lesson).values())
    assert count == len(ALL)  # no id twice


def run(source: str, space: dict[str, Any]) -> None:
    """As in a cell: this file's ``from __future__`` is none of its business."""
    exec(compile(source, "<cell>", "exec", dont_inherit=True), space)


# -- right, and not attempted -----------------------------------------------------------------------------------------
@exercise
def test_the_solution_passes_also_as_it_is_shown(name: str) -> None:
    lesson, one = ALL[name]
    assert one.check(one.answer()).state == "correct"
    # What a learner may reveal is code that runs where the lesson's other solutions were pasted (see also
    # test_exercises_shown.py: in the notebook's own cells).
    cells: dict[str, Any] = {"torch": torch, "nn": torch.nn}
    for other in (value for value in vars(lesson).values() if isinstance(value, Exercise) and value.kind != "value"):
        run(other.solution().words, cells)
    run(one.solution().words, cells)
    assert "_solution" not in one.solution().words
    assert one.check(cells[one.name_in_cell]).state == "correct"


STUBS = """
def returned(*given): return ...
def body(*given): ...
def passed(*given): pass
def described(*given):
    "What it should do."
    return ...
def assigned(*given):
    probabilities = ...
    return probabilities
class Empty: ...
class Passed(torch.nn.Module):
    pass
class Begun(torch.nn.Module):
    "What it should be."
    expansion = 4
    def __init__(self, in_channels, planes, stride=1, downsample=None):
        super().__init__()
        ...
    def forward(self, x):
        ...
class Named(torch.nn.Module):
    def __init__(self, in_channels: int, planes: int) -> None:
        "What is in it."
        super(Named, self).__init__()
        self.conv1 = ...
        self.bn1 = ...
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = ...
        return out
"""


class Returns(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


class Holds(torch.nn.Module):
    def __init__(self, *given: Any) -> None:
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 8, 3)


class Raises(torch.nn.Module):
    def __init__(self, *given: Any) -> None:
        super().__init__()
        raise ValueError


@exercise
def test_a_stub_is_not_attempted(name: str) -> None:
    _, one = ALL[name]
    space: dict[str, Any] = {"torch": torch}
    exec(STUBS, space)
    stubs = [value for value in space.values() if inspect.isfunction(value) or inspect.isclass(value)]
    for stub in (..., *stubs):
        outcome = one.check(stub)
        assert outcome.state == "not attempted" and "three dots" in outcome.sentence, stub
    assert one.check().state == "not attempted" and len(stubs) == 9


@exercise
def test_an_attempt_is_not_called_a_stub(name: str) -> None:
    for attempt in (
        lambda *given: given,
        lambda *given: None or given[0],
        lambda *given: 3,
        print,
        Returns,
        Holds,
        Raises,
        int,
        type,
    ):
        assert ALL[name][1].check(attempt).state == "not yet"


@exercise
def test_hints_lead_on_and_stay_at_the_last(name: str) -> None:
    one = copy.deepcopy(ALL[name][1])
    shown = [one.hint().words for _ in range(len(one.hints) + 2)]
    assert one.hints and shown == [*one.hints, one.hints[-1], one.hints[-1]]
    assert 1 <= one.minutes <= 30 and one.praise and one.title


# -- wrong kinds ------------------------------------------------------------------------------------------------------
class Nasty:
    """Raises on everything that can be asked of it."""

    def _refuse(self, *what: Any, **how: Any) -> Any:
        raise RuntimeError("no")

    __getattr__ = __str__ = __repr__ = __eq__ = __ne__ = __len__ = __iter__ = __bool__ = __hash__ = _refuse
    __int__ = __float__ = __index__ = __call__ = __format__ = __getitem__ = __lt__ = __gt__ = __array__ = _refuse


class Quits:
    """Ends the program when it is called or printed."""

    def __call__(self, *given: Any) -> Any:
        raise SystemExit(3)

    def __repr__(self) -> str:
        raise SystemExit(3)


class Silent(Exception):
    def __str__(self) -> str:
        raise ValueError


class Beyond(BaseException):
    def __str__(self) -> str:
        raise Beyond


def loop() -> list[Any]:
    inner: list[Any] = []
    inner.append(inner)
    return inner


def raises(problem: BaseException) -> Callable[..., Any]:
    def function(*given: Any) -> Any:
        raise problem

    return function


def deep(*given: Any) -> Any:
    return deep(*given)


WRONG: dict[str, Callable[[], Any]] = {
    "None": lambda: None, "True": lambda: True, "a word": lambda: "(16, 3, 224, 224)", "bytes": lambda: b"1",
    "nan": lambda: float("nan"), "infinity": lambda: float("-inf"), "half": lambda: 0.5, "complex": lambda: 1 + 0j,
    "a huge number": lambda: 10**5000,
    "a numpy number": lambda: np.float32(7), "a numpy array": lambda: np.zeros((2, 2)),
    "a tensor": lambda: torch.zeros(3, 224), "a scalar tensor of nan": lambda: torch.tensor(float("nan")),
    "an empty tensor": lambda: torch.zeros(0), "a meta tensor": lambda: torch.zeros(1, device="meta"),
    "a complex tensor": lambda: torch.zeros(1, dtype=torch.complex64), "an empty tuple": tuple,
    "a tuple of words": lambda: ("16", "3", "224", "224"), "a tuple of floats": lambda: (16.0, 3.0, 224.0, 224.0),
    "a dict": lambda: {"a": 1}, "a set": lambda: {1, 2}, "a recursive list": loop,
    "a generator": lambda: (n for n in (1,)),
    "a class": lambda: torch.nn.Linear, "an exception": lambda: ValueError("x"), "a module": lambda: torch,
    "an object": object, "a nasty object": Nasty, "not implemented": lambda: NotImplemented,
}  # fmt: skip
FUNCTIONS: dict[str, Callable[[], Any]] = {
    "that raises": lambda: raises(ValueError("on\nseveral\nlines")), "that raises silently": lambda: raises(Silent()),
    "that raises what no Exception is": lambda: raises(Beyond()), "that is cancelled": lambda: raises(CancelledError()),
    "that recurs": lambda: deep, "without arguments": lambda: lambda: 1, "that exits": lambda: raises(SystemExit(1)),
    "an object that quits": Quits, "a builtin": lambda: len, "a layer": torch.nn.Identity,
    **{f"that returns {name}": lambda value=value: lambda *given: value() for name, value in WRONG.items()},
}  # fmt: skip


def is_calm(outcome: Outcome) -> None:
    assert outcome.state == "not yet"
    assert 10 < len(outcome.sentence) < 400 and "\n" not in outcome.sentence and "Traceback" not in outcome.sentence
    assert outcome.sentence.rstrip()[-1] in ".?"
    assert outcome.sentence in repr(outcome) and escape(outcome.sentence) in outcome._repr_html_()


@exercise
@pytest.mark.parametrize("kind", WRONG)
def test_a_value_of_the_wrong_kind_gets_a_sentence(kind: str, name: str) -> None:
    is_calm(ALL[name][1].check(WRONG[kind]()))


@exercise
def test_what_a_wrong_kind_is_told_does_not_hold_the_answer(name: str) -> None:
    one = ALL[name][1]
    if one.kind != "value":
        pytest.skip("the answer is code")
    for kind in ("None", "a dict", "bytes", "complex", "an object", "a generator", "a class", "a module"):
        told = one.check(WRONG[kind]()).sentence
        for answer in {str(one.answer()), repr(one.answer())}:
            assert not re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", told), told


@exercise
@pytest.mark.parametrize("kind", FUNCTIONS)
def test_a_function_that_does_something_else_gets_a_sentence(kind: str, name: str) -> None:
    is_calm(ALL[name][1].check(FUNCTIONS[kind]()))


def surroundings() -> list[Any]:
    numbers = (torch.get_rng_state().tolist(), random.getstate(), repr(np.random.get_state()))
    how = (torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_default_device(), torch.get_num_threads())
    return [*numbers, *how, sys.stdout, sys.stderr, list(warnings.filters)]


def rude(*given: Any) -> Any:
    """Changes what it can, prints, and gives back nothing of use."""
    print("on its way")
    print("on its way", file=sys.stderr)
    warnings.warn("beware", stacklevel=1)
    warnings.simplefilter("error")
    torch.manual_seed(1), random.seed(1), np.random.seed(1)
    torch.set_grad_enabled(False), torch.set_default_dtype(torch.float64), torch.set_default_device("meta")
    sys.stdout.close()
    return torch.rand(3, device="cpu")


def is_called(one: Exercise) -> bool:
    """Whether a check calls a function that it is given: not where a value or an enum is asked for."""
    return one.kind == "function" or (one.kind == "class" and issubclass(one.solution_code, torch.nn.Module))


@exercise
def test_nothing_of_a_check_is_left_behind(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    one = ALL[name][1]
    torch.manual_seed(5)
    before = surroundings()
    assert one.check(one.answer()).sentence == one.praise and surroundings() == before
    outcome = one.check(rude)
    is_calm(outcome)
    assert ("your code printed" in outcome.sentence) == is_called(one)
    assert surroundings() == before and capfd.readouterr() == ("", "")


@exercise
def test_a_notebook_with_another_default_device_gets_the_same_answer(name: str) -> None:
    one = ALL[name][1]
    right = one.answer()
    torch.set_default_device("meta")
    try:
        assert one.check(right).state == "correct"
        assert torch.get_default_device().type == "meta"
    finally:
        torch.set_default_device(None)


def test_a_right_answer_that_prints_is_right_and_told() -> None:
    def noisy(*given: Any) -> Any:
        print(given)
        return lesson01.accuracy_solution(*given)

    outcome = lesson01.accuracy.check(noisy)
    assert outcome.state == "correct" and outcome.sentence.endswith(" What your code printed is not shown here.")


def test_numbers_of_numpy_and_torch_are_numbers() -> None:
    for right in (1, -1, 1.0, np.int64(1), np.float64(-1), np.array(1), torch.tensor(1), torch.tensor([1.0])):
        assert lesson01.softmax_dim.check(right).state == "correct", repr(right)
    assert lesson00.count_values.check(np.int32(150528)).state == "correct"
    assert lesson01.batch_shape.check(torch.zeros(16, 3, 224, 224).shape).state == "correct"
    assert lesson01.batch_shape.check([16, 3, 224, 224]).state == "correct"


# -- known mistakes ---------------------------------------------------------------------------------------------------
# Each lesson's lie in exercise_mistakes/lessonNN.py: MISTAKES, every exercise → (answer, what its sentence must say).
MISTAKES: dict[Exercise, list[tuple[Any, str]]] = {}
for _lesson in LESSONS:
    _file = f"{__package__}.exercise_mistakes.{_lesson.__name__.rpartition('.')[2]}"
    MISTAKES.update(importlib.import_module(_file).MISTAKES)


def test_every_exercise_has_known_mistakes() -> None:
    assert set(MISTAKES) == {one for _, one in ALL.values()}


@pytest.mark.parametrize("one", MISTAKES, ids=lambda one: one.id)
def test_each_known_mistake_gets_its_own_sentence(one: Exercise) -> None:
    said = []
    for attempt, says in MISTAKES[one]:
        outcome = one.check(attempt)
        is_calm(outcome)
        assert re.search(says, outcome.sentence), outcome.sentence
        said.append(outcome.sentence)
    assert len(set(said)) == len(said)


def test_every_sentence_that_a_check_can_say_is_said_to_a_known_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [
        *FOLDER.glob("lesson*.py"),
        *(FOLDER.parent / "checks").glob("[a-z]*.py"),
        *(FOLDER.parent / "engine").glob("[a-z]*.py"),
    ]
    modules = [importlib.import_module(f"course_lib.exercises.{path.parent.name}.{path.stem}") for path in parts]
    modules = [
        module for module in modules if not module.__name__.endswith(".hidden_cases")
    ]  # of grades: test_..._engine.py
    said: set[tuple[str, int]] = set()  # the file and the line

    class Noting(Wrong):
        def __init__(self, sentence: str) -> None:
            super().__init__(sentence)
            caller = sys._getframe(1)
            said.add((caller.f_code.co_filename, caller.f_lineno))

    for module in modules:
        if hasattr(module, "Wrong"):
            monkeypatch.setattr(module, "Wrong", Noting)
    for one, known in MISTAKES.items():
        for attempt, _ in known:
            one.check(attempt)
    for module in modules:
        for call in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Wrong":
                lines = {(module.__file__, line) for line in range(call.lineno, (call.end_lineno or 0) + 1)}
                assert said & lines, f"{module.__name__}: {ast.unparse(call)}"


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


def mutants(function: Callable[..., Any]) -> Iterator[str]:
    """The source of a function, each time with one thing wrong."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef | ast.ClassDef)
    for node in ast.walk(definition):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            node.body[:1] = [] if node.body[1:] else [ast.Pass()]
    for index, node in enumerate(ast.walk(definition)):
        for change in changes(node):
            other = copy.deepcopy(tree)
            target = list(ast.walk(other.body[0]))[index]
            for parent in ast.walk(other):
                for field, value in ast.iter_fields(parent):
                    if value is target:
                        setattr(parent, field, change)
                    elif isinstance(value, list) and any(item is target for item in value):
                        value[:] = [change if item is target else item for item in value]
            yield ast.unparse(ast.fix_missing_locations(other))


def survives(lesson: ModuleType, one: Exercise, source: str) -> bool:
    """Whether a mutant passes; one that computes the very value that is asked for is none."""
    space = dict(vars(lesson))
    run(source, space)
    made = space[one.solution_code.__name__]
    if one.kind != "value":
        return one.check(made).state == "correct"
    try:
        value = made()
    except Exception:  # what could not be computed is no answer
        return False
    return bool(value != one.answer()) and one.check(value).state == "correct"


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.__name__.rpartition(".")[2])
@pytest.mark.filterwarnings("ignore:Anti-alias")
def test_mutants_of_the_solutions_are_rejected(lesson: ModuleType) -> None:
    mine = [one for one in vars(lesson).values() if isinstance(one, Exercise)]
    made = [(one, source) for one in mine for source in mutants(one.solution_code)]
    alive = [f"{one.id}:\n{source}" for one, source in made if survives(lesson, one, source)]
    assert len(made) >= 8 * len(mine)
    assert len(alive) <= 0.05 * len(made), f"{len(alive)} of {len(made)} survive:\n" + "\n\n".join(alive)


# -- how it looks -----------------------------------------------------------------------------------------------------
def test_what_a_learner_wrote_is_escaped() -> None:
    def function(*given: Any) -> Any:
        raise ValueError("<script>alert(1)</script>")

    for _, one in ALL.values():
        if is_called(one):
            shown = one.check(function)._repr_html_()
            assert "<script>" not in shown and "&lt;script&gt;" in shown and 'role="status"' in shown
    outcome = Outcome("not yet", "a < b", "<i>")
    assert "<i>" not in outcome._repr_html_() and "a &lt; b" in outcome._repr_html_() and "a < b" in repr(outcome)


@exercise
def test_notes_can_be_read_as_text_and_as_html(name: str) -> None:
    one = copy.deepcopy(ALL[name][1])
    for note in (one.hint(), one.solution()):
        assert note.words in repr(note) and escape(note.words) in note._repr_html_()


def test_a_guess_beside_the_truth() -> None:
    assert repr(guess_and_truth("the shape", ..., 3)) == "the shape\nyou: no guess yet; it is: 3"
    assert "you: (1, 2); it is: 3" in repr(guess_and_truth("the shape", (1, 2), 3))
    assert "<b>x" not in guess_and_truth("the shape", "<b>x", 3)._repr_html_()
    assert "it is: 3" in repr(guess_and_truth("the shape", Nasty(), 3))
