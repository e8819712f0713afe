"""Exercises: the solution passes, nothing else does, and whatever comes in gets a calm sentence.

Found by themselves: every ``lesson*.py`` of the package is tested. The oracles are the solutions (which are run), a
sample of their mutants (which must fail), and a sample of values that no exercise asks for; tests/instructor has all.
"""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import re
import sys
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from course_lib.exercises import checks, engine, lessons
from course_lib.exercises.engine.exercise import Exercise, NotCorrect
from course_lib.exercises.engine.learner_progress import all_exercises
from course_lib.exercises.engine.outcomes import Outcome
from course_lib.exercises.engine.requirements import Wrong
from course_lib.exercises.lessons import lesson00, lesson01
from tests.exercise_edits import MANY_RIGHT, mutants, run, survives
from tests.exercise_kinds import FUNCTIONS, WRONG, is_called, is_calm, rude, surroundings
from tests.exercise_mistakes import MISTAKES
from tests.exercise_rights import RIGHT

EXERCISES = all_exercises()
LESSONS = sorted({id[:2] for id in EXERCISES})
each = pytest.mark.parametrize("name", EXERCISES)


def of_lesson(lesson: str) -> list[Exercise]:
    return [exercise for exercise in EXERCISES.values() if exercise.id[:2] == lesson]


def test_every_lesson_has_exercises_and_every_id_is_its_own() -> None:
    files = sorted(path.stem for path in Path(lessons.__file__).parent.glob("lesson*.py"))
    assert files == [f"lesson{lesson}" for lesson in LESSONS] and len(EXERCISES) >= 8
    modules = [importlib.import_module(f"{lessons.__name__}.{name}") for name in files]
    declared = [
        (f"{module.__name__[-2:]}_{name}", value)
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, Exercise)
    ]
    assert dict(declared) == EXERCISES and len(declared) == len(EXERCISES)  # no id twice, and each is a name


# -- right, and not attempted -----------------------------------------------------------------------------------------
@each
def test_the_solution_passes_also_as_it_is_shown(name: str) -> None:
    exercise = EXERCISES[name]
    assert exercise.check(exercise.answer()).state == "correct"
    # What a learner may reveal is code that runs where the lesson's other solutions were pasted (see also
    # test_exercises_shown.py: in the notebook's own cells).
    cells: dict[str, Any] = {"torch": torch, "nn": torch.nn}
    for other in (other for other in [*exercise.uses, *of_lesson(name[:2])] if other.kind != "value"):
        run(other.solution().words, cells)
    words = exercise.solution().words
    run(words, cells)
    assert not re.search(r"(?m)course_lib\.\w+\.|^@", words)  # imports come from rooms, and there is no decorator
    assert exercise.check(cells[exercise.name_in_cell]).state == "correct"


@pytest.mark.parametrize(("exercise", "answer"), RIGHT, ids=lambda value: getattr(value, "id", None))
def test_what_is_right_in_another_way_is_right(exercise: Exercise, answer: Any) -> None:
    outcome = exercise.check(answer)
    assert outcome.state == "correct", outcome.sentence


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


@each
def test_a_stub_is_not_attempted(name: str) -> None:
    exercise = EXERCISES[name]
    space: dict[str, Any] = {"torch": torch}
    exec(STUBS, space)
    stubs = [value for value in space.values() if inspect.isfunction(value) or inspect.isclass(value)]
    for stub in (..., *stubs):
        outcome = exercise.check(stub)
        assert outcome.state == "not attempted" and "three dots" in outcome.sentence, stub
    assert exercise.check().state == "not attempted" and len(stubs) == 9


@each
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
        assert EXERCISES[name].check(attempt).state == "not yet"


@each
def test_hints_lead_on_and_stay_at_the_last(name: str) -> None:
    exercise = copy.deepcopy(EXERCISES[name])
    shown = [exercise.hint().words for _ in range(len(exercise.hints) + 2)]
    assert exercise.hints and shown == [*exercise.hints, exercise.hints[-1], exercise.hints[-1]]
    assert 1 <= exercise.minutes <= 30 and exercise.praise and exercise.title


# -- wrong kinds ------------------------------------------------------------------------------------------------------
def sample(kinds: dict[str, Callable[[], Any]], name: str) -> list[tuple[str, Callable[[], Any]]]:
    """Every fifth, beginning elsewhere for each exercise."""
    return list(kinds.items())[list(EXERCISES).index(name) % 5 :: 5]


@each
def test_a_value_of_the_wrong_kind_gets_a_sentence(name: str) -> None:
    for kind, make in sample(WRONG, name):
        outcome = EXERCISES[name].check(make())
        assert is_calm(outcome), f"{kind}: {outcome!r}"


@pytest.mark.parametrize("name", [name for name, exercise in EXERCISES.items() if exercise.kind == "value"])
def test_what_a_wrong_kind_is_told_does_not_hold_the_answer(name: str) -> None:
    exercise = EXERCISES[name]
    answers = {str(exercise.answer()), repr(exercise.answer())}
    for kind in ("None", "a dict", "bytes", "complex", "an object", "a generator", "a class", "a module"):
        sentence = exercise.check(WRONG[kind]()).sentence
        for answer in answers:
            assert not re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", sentence), f"{kind}: {sentence}"


@each
def test_a_function_that_does_something_else_gets_a_sentence(name: str) -> None:
    for kind, make in sample(FUNCTIONS, name):
        outcome = EXERCISES[name].check(make())
        assert is_calm(outcome), f"a function {kind}: {outcome!r}"


@each
def test_nothing_of_a_check_is_left_behind(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    exercise = EXERCISES[name]
    torch.manual_seed(5)
    before = surroundings()
    assert exercise.check(exercise.answer()).sentence == exercise.praise and surroundings() == before
    outcome = exercise.check(rude)
    is_calm(outcome)
    assert ("your code printed" in outcome.sentence) == is_called(exercise)
    assert surroundings() == before and capfd.readouterr() == ("", "")


@each
def test_a_notebook_with_another_default_device_gets_the_same_answer(name: str) -> None:
    exercise = EXERCISES[name]
    right = exercise.answer()
    torch.set_default_device("meta")
    try:
        assert exercise.check(right).state == "correct"
        assert torch.get_default_device().type == "meta"
    finally:
        torch.set_default_device(None)


def test_a_right_answer_that_prints_is_right_and_told() -> None:
    def noisy(*given: Any) -> Any:
        print(given)
        return lesson01.accuracy(*given)

    outcome = lesson01.accuracy.check(noisy)
    assert outcome.state == "correct" and outcome.sentence.endswith(" What your code printed is not shown here.")


def test_numbers_of_numpy_and_torch_are_numbers() -> None:
    for right in (1, -1, 1.0, np.int64(1), np.float64(-1), np.array(1), torch.tensor(1), torch.tensor([1.0])):
        assert lesson01.softmax_dim.check(right).state == "correct", repr(right)
    assert lesson00.count_values.check(np.int32(150528)).state == "correct"
    assert lesson01.batch_shape.check(torch.zeros(16, 3, 224, 224).shape).state == "correct"
    assert lesson01.batch_shape.check([16, 3, 224, 224]).state == "correct"


# -- known mistakes ---------------------------------------------------------------------------------------------------
def test_every_exercise_has_known_mistakes() -> None:
    assert set(MISTAKES) == set(EXERCISES.values())


MODULES = [
    importlib.import_module(f"{package.__name__}.{path.stem}")
    for package in (lessons, checks, engine)
    for path in Path(package.__file__).parent.glob("[a-z]*.py")
]


@pytest.fixture(scope="module")
def mistaken() -> tuple[dict[Exercise, list[Outcome]], set[tuple[str, int]]]:
    """What every known mistake is told, and the files and lines that raised ``Wrong``."""
    raised: set[tuple[str, int]] = set()

    class Noting(Wrong):
        def __init__(self, sentence: str) -> None:
            super().__init__(sentence)
            caller = sys._getframe(1)
            raised.add((caller.f_code.co_filename, caller.f_lineno))

    with pytest.MonkeyPatch.context() as patch:
        for module in MODULES:
            if hasattr(module, "Wrong"):
                patch.setattr(module, "Wrong", Noting)
        outcomes = {
            exercise: [exercise.check(attempt) for attempt, _ in mistakes] for exercise, mistakes in MISTAKES.items()
        }
        with pytest.raises(NotCorrect, match="hidden case"):  # said in grading alone
            open_cases = (8, 10, 1, 50)
            lesson01.accuracy.grade(
                lambda *given: lesson01.accuracy(*given) + (len(given[1]) not in open_cases), seed=0
            )
    return outcomes, raised


@pytest.mark.parametrize("exercise", MISTAKES, ids=lambda exercise: exercise.id)
def test_each_known_mistake_gets_its_own_sentence(exercise: Exercise, mistaken: Any) -> None:
    outcomes, _ = mistaken
    for (_, says), outcome in zip(MISTAKES[exercise], outcomes[exercise], strict=True):
        assert is_calm(outcome), outcome
        assert re.search(says, outcome.sentence), outcome.sentence
    assert len({outcome.sentence for outcome in outcomes[exercise]}) == len(MISTAKES[exercise])


def test_every_sentence_that_a_check_can_say_is_said_to_a_known_mistake(mistaken: Any) -> None:
    _, raised = mistaken
    for module in MODULES:
        for call in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Wrong":
                lines = {(module.__file__, line) for line in range(call.lineno, (call.end_lineno or 0) + 1)}
                assert raised & lines, f"{module.__name__}: {ast.unparse(call)}"


@pytest.mark.filterwarnings("ignore:Anti-alias")
def test_mutants_of_the_solutions_are_rejected() -> None:
    """Every eighth of them; tests/instructor has them all, lesson by lesson."""
    asked = [exercise for id, exercise in EXERCISES.items() if id not in MANY_RIGHT]
    sample = [(exercise, source) for exercise in asked for source in mutants(exercise)][::8]
    alive = [f"{exercise.id}:\n{source}" for exercise, source in sample if survives(exercise, source)]
    assert len(sample) >= len(EXERCISES)
    assert len(alive) <= 0.05 * len(sample), f"{len(alive)} of {len(sample)} survive:\n" + "\n\n".join(alive)


# -- how it looks -----------------------------------------------------------------------------------------------------
def test_what_a_learner_wrote_is_escaped() -> None:
    def function(*given: Any) -> Any:
        raise ValueError("<script>alert(1)</script>")

    for exercise in EXERCISES.values():
        if is_called(exercise):
            shown = exercise.check(function)._repr_html_()
            assert "<script>" not in shown and "&lt;script&gt;" in shown and 'role="status"' in shown
    outcome = Outcome("not yet", "a < b", "<i>")
    assert "<i>" not in outcome._repr_html_() and "a &lt; b" in outcome._repr_html_() and "a < b" in repr(outcome)


@each
def test_notes_can_be_read_as_text_and_as_html(name: str) -> None:
    exercise = copy.deepcopy(EXERCISES[name])
    for note in (exercise.hint(), exercise.solution()):
        assert note.words in repr(note) and escape(note.words) in note._repr_html_()
