"""``my_progress``: how far a learner is through a lesson or the course, of all exercises that there are."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from html import escape

from course_lib.errors import CourseError, closest
from course_lib.exercises import lessons
from course_lib.exercises.engine.exercise import Exercise
from course_lib.exercises.engine.outcomes import LOOK, State, read
from course_lib.tables import html_table

__all__ = ["Line", "Progress", "all_exercises", "my_progress"]


@dataclass(frozen=True)
class Line:
    """One exercise: its id, title and minutes, its last outcome, and how many tries it took."""

    id: str
    title: str
    minutes: int
    state: State
    tries: int

    def __str__(self) -> str:
        tries = f", {self.tries} tries" if self.tries > 1 else ""
        return f"{self.title} ({self.minutes} min): {self.state}{tries}"


@dataclass(frozen=True, repr=False)
class Progress:
    """How far a learner is through a lesson, or through the course.

    Attributes:
        lines: one for each exercise, in the lessons' order.
        note: a sentence when the file could not be read; otherwise empty.
    """

    lines: tuple[Line, ...]
    note: str = ""

    @property
    def solved(self) -> int:
        """How many exercises are solved."""
        return sum(line.state == "correct" for line in self.lines)

    @property
    def minutes_left(self) -> int:
        """How long the others should take, in minutes."""
        return sum(line.minutes for line in self.lines if line.state != "correct")

    @property
    def state(self) -> State:
        """Of all together: "correct" when all are solved, "not attempted" when none was tried."""
        states = {line.state for line in self.lines}
        return states.pop() if len(states) == 1 else "not yet"

    def lessons(self) -> dict[str, Progress]:
        """The same, lesson by lesson: "04" → its part."""
        lines: dict[str, list[Line]] = {}
        for line in self.lines:
            lines.setdefault(line.id[:2], []).append(line)
        return {lesson: Progress(tuple(part)) for lesson, part in lines.items()}

    def _rows(self) -> list[tuple[str, str]]:
        """(icon, words): a lesson's exercises; or, of several lessons, each with its number of solved ones."""
        parts = self.lessons()
        if len(parts) == 1:
            return [(LOOK[line.state][0], str(line)) for line in self.lines]
        return [
            (LOOK[part.state][0], f"lesson {lesson}: {part.solved} of {len(part.lines)} solved")
            for lesson, part in parts.items()
        ]

    def _total(self) -> str:
        which = "the others" if self.solved else "together they"
        left = f"; {which} take about {self.minutes_left} minutes" if self.minutes_left else ""
        return f"{self.solved} of {len(self.lines)} solved{left}"

    def __repr__(self) -> str:
        rows = [f"{icon} {words}" for icon, words in self._rows()]
        return "\n".join([*rows, self._total(), *([self.note] if self.note else [])])

    def _repr_html_(self) -> str:
        note = f"<br>{escape(self.note)}" if self.note else ""
        total = f'<div style="margin:4px 8px"><b>{escape(self._total())}</b>{note}</div>'
        return html_table(self._rows(), label="exercises") + total


def all_exercises() -> dict[str, Exercise]:
    """Every exercise of every lesson, by its id, in the order in which the lessons' files declare them.

    Example:
        >>> list(all_exercises())[0]
        '00_fooling_crop'
    """
    names = sorted(module.name for module in pkgutil.iter_modules(lessons.__path__))
    modules = [importlib.import_module(f"{lessons.__name__}.{name}") for name in names]
    exercises = [value for module in modules for value in vars(module).values() if isinstance(value, Exercise)]
    return {exercise.id: exercise for exercise in exercises}


def my_progress(lesson: str | int | None = None) -> Progress:
    """How far you are: of one lesson its exercises, of the course its lessons.

    Args:
        lesson: its number, such as ``"04"`` or ``4``; without it the whole course.

    Raises:
        CourseError: there is no such lesson, or it has no exercises.

    Example:
        >>> my_progress("00").lines[0].title
        'Fool the network'
    """
    exercises = all_exercises()
    if lesson is not None:
        number = str(lesson).zfill(2)
        numbers = sorted({id[:2] for id in exercises})
        if number not in numbers:
            raise CourseError(f"There is no lesson {lesson} with exercises.{closest(number, numbers)}")
        exercises = {id: exercise for id, exercise in exercises.items() if id.startswith(number)}
    kept, note = read()
    lines = []
    for id, exercise in exercises.items():
        entries = [kept[name] for name in (id, *exercise.former_ids) if name in kept]
        state, tries = max(entries, key=lambda entry: entry[0] == "correct", default=("not attempted", 0))
        lines.append(Line(id, exercise.title, exercise.minutes, state, tries))
    return Progress(tuple(lines), note)
