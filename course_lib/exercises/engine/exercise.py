"""``@exercise`` declares an exercise on its solution. An answer goes in, a calm sentence comes out, never a traceback.

The solution is ordinary code, which is both what ``.solution()`` shows and what the tests run. Its check is a function
that raises ``Wrong`` with the sentence that helps. For grading there are hidden cases: the learner's function is run
beside the solution on arguments drawn at random. Where that does not fit (blocks, stopwatches, files) an exercise has a
hidden check of its own, mostly the open one on networks and files that are drawn.

    @exercise(id="01_double", title="Double", minutes=1, difficulty="mild", hints=["2 *"], praise="That is it.")
    def double(number):
        return 2 * number


    @double.checker
    def _(answer):
        if call(answer, 4, what="4") != 8:
            raise Wrong("On 4 your function should give 8.")


    double.hidden_cases(lambda source: (source.randrange(100),))
"""

from __future__ import annotations

import inspect
import math
import os
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from course_lib.errors import CourseError, closest
from course_lib.exercises.engine.credit import Credit, examined
from course_lib.exercises.engine.hidden_cases import Draw, compare_cases, unchanged
from course_lib.exercises.engine.outcomes import Note, Outcome, keep
from course_lib.exercises.engine.requirements import Wrong, described, need_class, need_function, plain
from course_lib.exercises.engine.sandbox import undisturbed, untouched
from course_lib.exercises.engine.solution_source import as_in_a_cell
from course_lib.exercises.engine.time_limit import TooLong, within
from course_lib.exercises.engine.variants import Variants

__all__ = ["Exercise", "NotCorrect", "exercise"]

Kind = Literal["value", "function", "class"]
Difficulty = Literal["mild", "medium", "hard"]
Check = Callable[..., None]
HiddenCheck = Callable[[Any, random.Random], None]
_SomeCheck = TypeVar("_SomeCheck", bound=Callable[..., None])
_POINTS = {"mild": 1, "medium": 2, "hard": 3}


def _usual_seconds() -> float:
    """How long a check may take where the exercise doesn't say: 20 seconds, or the variable COURSE_CHECK_SECONDS."""
    try:
        seconds = float(os.environ.get("COURSE_CHECK_SECONDS", ""))
    except ValueError:
        return 20.0
    return seconds if 0 < seconds < math.inf else 20.0


def _cell() -> int:
    """The number of the notebook's cell that runs; 0 outside of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "execution_count", 0)


def _no_check(answer: Any, **numbers: Any) -> None:
    raise NotImplementedError("this exercise declares no check")


@dataclass(eq=False)
class Exercise:
    """One exercise. Calling it runs the solution, so that a later solution can use it.

    Attributes:
        id: unique: the lesson's number and the exercise's name, such as "01_top_k".
        former_ids: what it was called before it moved to another lesson; progress and assignments still know these.
        uses: exercises of earlier lessons whose answers the solution uses.
        title: a few words.
        minutes: how long it should take.
        solution_code: the function or class whose source is the solution. Where the answer is a value (``kind``
            "value"), calling it gives the answer; where a function or a class is asked for, it is the answer.
        hints: from a nudge to nearly the answer.
        kind: "value", "function" or "class".
        praise: what a right answer is told.
        background: what somebody must know who has this exercise alone and not its lesson, as Markdown: an assignment
            says it above the lesson's question.
        cell_name: what the notebook's cell calls the answer, where that is not the solution's own name: a class
            MyBasicBlock leaves torchvision's BasicBlock alone.
        difficulty: "mild", "medium" or "hard".
        points: what it is worth where it is graded; without a number 1, 2 or 3, as it is mild, medium or hard.
        seconds: how long a check may take before the answer is stopped; 20, or the variable COURSE_CHECK_SECONDS.
        variants: how other numbers are drawn for a value that is asked for; None where there is one form only.
        numbers: the solution's keyword parameters, the lesson's defaults or a variant's.
        properties: the parts of the check (``credit.part``) → their shares of the points; without any, points are given
            for all or nothing.
        check_answer: raises ``Wrong`` unless the answer is right; it is given the numbers by name.
        check_hidden: (answer, source of random numbers) → raises ``Wrong`` on a case that the open check does not have.
    """

    id: str
    title: str
    minutes: int
    solution_code: Callable[..., Any]
    hints: Sequence[str] = ()
    former_ids: Sequence[str] = ()
    uses: Sequence[Exercise] = ()
    kind: Kind = "value"
    praise: str = ""
    background: str = ""
    cell_name: str = ""
    difficulty: Difficulty = "medium"
    points: int = 0
    seconds: float = field(default_factory=_usual_seconds)
    variants: Variants | None = None
    numbers: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, int] = field(default_factory=dict)
    check_answer: Check = _no_check
    check_hidden: HiddenCheck | None = None
    _variants_made: dict[str, Exercise] = field(default_factory=dict, repr=False)
    _hints_shown: int = field(default=0, repr=False)
    _passed: Any = field(default=..., repr=False)
    _slow: tuple[Any, int, Outcome] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.points = self.points or _POINTS[self.difficulty]

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self.solution_code(*arguments, **named)

    # -- declaring ----------------------------------------------------------------------------------------------------
    def checker(self, check: _SomeCheck) -> _SomeCheck:
        """Decorate the open check: it takes an answer and raises ``Wrong`` with the sentence that helps."""
        self.check_answer = check
        return check

    def hidden_checker(self, check: _SomeCheck) -> _SomeCheck:
        """Decorate a hidden check: it takes an answer and a source of random numbers, and raises ``Wrong``."""
        self.check_hidden = check
        return check

    def hidden_cases(
        self,
        draw: Draw,
        *,
        count: int = 10,
        tolerance: float = 1e-5,
        result: Callable[[Any], Any] = unchanged,
        around: Callable[[Callable[..., Any]], Callable[..., Any]] = unchanged,
    ) -> Draw:
        """Decorate the function that draws a hidden case: on it the answer must do what the solution does.

        Args:
            draw: a source of random numbers → the arguments of one case.
            count: how many cases are drawn.
            tolerance: how far floats may be apart, absolutely and relatively; 0 for none.
            result: from what a call gives to what is compared, such as ``sorted`` where the order does not matter.
            around: wraps the answer and the solution before they are called, so that more than the result is compared.
        """

        def check(answer: Any, source: random.Random) -> None:
            (need_class if self.kind == "class" else need_function)(answer)
            solution = around(self.solution_code)
            compare_cases(around(answer), solution, source, draw, count=count, tolerance=tolerance, result=result)

        self.check_hidden = check
        return draw

    # -- judging ------------------------------------------------------------------------------------------------------
    def check(self, answer: Any = ...) -> Outcome:
        """Say how far an answer is: not attempted, not yet (and what to look at), or correct. The outcome is kept."""
        began = time.thread_time()
        outcome = self.judge(answer, self.check_answer)
        long = time.thread_time() - began > self.seconds / 2  # its own time: a busy machine is no answer's fault
        self._slow = (answer, _cell(), outcome) if long and outcome.state == "not yet" else None
        keep(self.id, outcome.state)
        if outcome.state == "correct":
            self._passed = answer
        return replace(outcome, help=self._help())

    def grade(self, answer: Any = ..., *, seed: int | None = None) -> None:
        """Pass in silence, or raise with the words of the check: what a graded test cell runs. Nothing is kept.

        An answer that ``check`` has stopped in this cell or the one before is not run again until it is stopped again.

        Args:
            answer: the learner's.
            seed: of the hidden cases; without one there are only the open ones.

        Raises:
            NotCorrect: the answer is not correct.
        """
        if self._slow is not None and self._slow[0] is answer and 0 < _cell() <= self._slow[1] + 1:
            raise NotCorrect(str(self._slow[2]))
        outcome = self._graded(answer, seed)
        if outcome.state != "correct":
            raise NotCorrect(str(outcome))

    def credit(self, answer: Any = ..., *, points: float = 0, seed: int | None = None) -> Credit:
        """The points for the properties that hold: what a graded test cell ends with where there is partial credit.

        Args:
            answer: the learner's.
            points: how many there are; the exercise's own without a number.
            seed: of the hidden cases; without one there are only the open ones.

        Returns:
            the points. A property counts if it holds in all cases, the hidden ones too.

        Raises:
            NotCorrect: none of them holds, or nothing was attempted.
        """
        most = points or self.points
        with examined() as examination:
            outcome = self._graded(answer, seed)
        if outcome.state != "correct":
            raise NotCorrect(str(outcome))
        found = {name: examination.found.get(name, "It could not be examined.") for name in self.properties}
        earned = sum(share for name, share in self.properties.items() if examination.holds(name))
        if not earned and found:
            raise NotCorrect(str(Outcome("not yet", next(filter(None, found.values())), self.title)))
        share = earned / sum(self.properties.values()) if found else 1
        return Credit(round(most * share, 2), most, self.title, found)

    def _graded(self, answer: Any, seed: int | None) -> Outcome:
        """The outcome of the open check and, where that passes, of the hidden one."""
        outcome = self.judge(answer, self.check_answer)
        if outcome.state == "correct" and seed is not None and self.check_hidden is not None:
            check, source = self.check_hidden, random.Random(seed)
            outcome = self.judge(answer, lambda answer, **_: check(answer, source))
        return outcome

    def judge(self, answer: Any, check: Check) -> Outcome:
        """The outcome of one check, within the time limit; whatever the answer does, nothing of it is left behind."""

        def attempted() -> bool:
            if untouched(answer):
                return False
            check(plain(answer), **self.numbers)
            return True

        sentence = None
        with undisturbed() as printed:
            try:
                if not within(self.seconds, attempted):
                    return Outcome("not attempted", "Replace the three dots, then run the cell again.", self.title)
            except Wrong as wrong:
                sentence = str(wrong)
            except TooLong:
                sentence = f"Your code didn't finish within {self.seconds:g} seconds. Is there a loop that never stops?"
            except KeyboardInterrupt:  # the kernel's stop button
                raise
            except BaseException as problem:
                # The answer is a learner's: it may raise anything, on anything, even on being looked at.
                sentence = f"Your answer could not be examined: it raised {described(problem)}."
        note = " What your code printed is not shown here." if printed.something else ""
        if sentence is None:
            return Outcome("correct", self.praise + note, self.title)
        return Outcome("not yet", sentence + note, self.title)

    # -- other numbers ------------------------------------------------------------------------------------------------
    def variant(self, **numbers: Any) -> Exercise:
        """The same exercise with other numbers: its hints, check and solution speak of these. Asked twice, it is one.

        Raises:
            CourseError: a number that the exercise doesn't have.

        Example:
            >>> from course_lib.exercises.lessons.lesson00 import count_values
            >>> count_values.variant(height=2, width=5).check(30).state
            'correct'
        """
        for name in numbers:
            if name not in self.numbers:
                known = ", ".join(self.numbers) or "none: there is only one version of it"
                raise CourseError(f"{self.id} has no number {name!r}.{closest(name, self.numbers)} It has {known}.")
        own = {**self.numbers, **numbers}
        if repr(own) not in self._variants_made:
            self._variants_made[repr(own)] = replace(
                self, numbers=own, hints=[self.reworded(hint, own) for hint in self.hints],
                praise=self.reworded(self.praise, own), background=self.reworded(self.background, own),
                _variants_made={}, _hints_shown=0, _passed=..., _slow=None,
            )  # fmt: skip
        return self._variants_made[repr(own)]

    def drawn(self, student: str, seed: int) -> Exercise:
        """The variant of one student of a class, which depends on student and seed alone.

        Args:
            student: the student's id.
            seed: the instructor's, the same for the whole class.

        Raises:
            CourseError: there is no student.
        """
        if not student:
            raise CourseError(
                f"{self.id} has other numbers for every student, and nobody said whose answer this is: grade it with "
                "the nbgrader_config.py that `assign` wrote."
            )
        return self if self.variants is None else self.variant(**self.variants.numbers(student, seed, self.id))

    def reworded(self, words: str, numbers: Mapping[str, Any]) -> str:
        """A text of the lesson with other numbers in the place of this exercise's."""
        return words if self.variants is None else self.variants.reworded(words, self.numbers, numbers)

    # -- helping ------------------------------------------------------------------------------------------------------
    def hint(self) -> Note:
        """The next hint; after the last one the last again."""
        if not self.hints:
            return Note(f"{self.title}: no hints", "This one is for you alone.")
        self._hints_shown = min(self._hints_shown + 1, len(self.hints))
        return self._help()[self._hints_shown - 1]

    def _help(self) -> tuple[Note, ...]:
        """Every hint and the solution, in the words of ``hint()`` and ``solution()``."""
        count = len(self.hints)
        hints = [Note(f"{self.title}: hint {number} of {count}", hint) for number, hint in enumerate(self.hints, 1)]
        return (*hints, self.solution())

    def solution(self) -> Note:
        """The code of the solution, the same that the tests run, as it can be put into the exercise's cell."""
        lesson = [*vars(sys.modules[self.solution_code.__module__]).values(), *self.uses]
        names = {other.solution_code.__name__: other.name_in_cell for other in lesson if isinstance(other, Exercise)}
        names[self.solution_code.__name__] = self.name_in_cell
        return Note(
            f"{self.title}: a solution", as_in_a_cell(self.solution_code, self.kind, names, self.numbers), code=True
        )

    @property
    def name_in_cell(self) -> str:
        """What the cell calls the answer."""
        return self.cell_name or self.solution_code.__name__

    def yours_or_solution(self, answer: Any = ...) -> Any:
        """What the lesson goes on with: the answer that passed ``check`` in this session, else the solution.

        What is printed says which of the two it is and, where a given answer isn't correct, why.

        Args:
            answer: one that was written in an earlier lesson; it is checked first. ``...`` for none.
        """
        if not untouched(answer) and (outcome := self.check(answer)).state != "correct":
            print(f"{self.title}: {outcome.sentence}")
        if self._passed is ...:
            print(f"For now, the lesson uses our solution to {self.title!r}.")
            print("Once your code passes its check, the lesson uses yours.")
            return self.answer()
        print(f"From here on, the lesson uses your own {self.name_in_cell}.")
        return self._passed

    def answer(self) -> Any:
        """The right answer itself: what the solution's function gives, or the function or class."""
        return self.solution_code(**self.numbers) if self.kind == "value" else self.solution_code


def exercise(
    *,
    id: str,
    title: str,
    minutes: int,
    difficulty: Difficulty,
    hints: Sequence[str],
    praise: str,
    background: str = "",
    cell_name: str = "",
    former_ids: Sequence[str] = (),
    uses: Sequence[Exercise] = (),
    points: int = 0,
    seconds: float = 0,
    variants: Variants | None = None,
    properties: Mapping[str, int] | None = None,
    check: Check = _no_check,
    hidden_check: HiddenCheck | None = None,
) -> Callable[[Callable[..., Any]], Exercise]:
    """Declare an exercise by decorating its solution; the name then holds the ``Exercise``.

    A class is an exercise that asks for a class; a function with parameters asks for a function; a function without
    parameters, or with keyword parameters alone, asks for the value that it returns.

    Args:
        check: the open check, where it is not written below with ``.checker``.
        hidden_check: the hidden one, where it is not written below with ``.hidden_checker`` or ``.hidden_cases``.

    The others are ``Exercise``'s attributes.

    Example:
        >>> @exercise(id="01_seven", title="Seven", minutes=1, difficulty="mild", hints=["Six and one."], praise="Yes.")
        ... def seven():
        ...     return 6 + 1
        >>> seven.kind, seven.answer()
        ('value', 7)
    """

    def declared(solution: Callable[..., Any]) -> Exercise:
        kind: Kind = "class" if isinstance(solution, type) else "value"
        numbers: dict[str, Any] = {}
        if kind == "value":
            parameters = inspect.signature(solution).parameters.values()
            numbers = {given.name: given.default for given in parameters if given.kind is given.KEYWORD_ONLY}
            kind = "function" if len(numbers) < len(parameters) else "value"
        return Exercise(
            id=id,
            title=title,
            minutes=minutes,
            solution_code=solution,
            hints=hints,
            former_ids=former_ids,
            uses=uses,
            kind=kind,
            praise=praise,
            background=background,
            cell_name=cell_name,
            difficulty=difficulty,
            points=points,
            seconds=seconds or _usual_seconds(),
            variants=variants,
            properties=properties or {},
            numbers=numbers if kind == "value" else {},
            check_answer=check,
            check_hidden=hidden_check,
        )

    return declared


class NotCorrect(AssertionError):
    """A graded answer is not correct; the words are the check's."""

    def _render_traceback_(self) -> list[str]:
        """IPython asks for this: in a notebook there stands one sentence, and not the way through this library."""
        return [str(self)]
