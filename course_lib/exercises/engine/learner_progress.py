"""How far a learner is through a lesson or the course: what ``kept.py`` holds, beside all that there is."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from html import escape

from course_lib.errors import CourseError, closest
from course_lib.exercises import lessons
from course_lib.exercises.engine.exercise import Exercise
from course_lib.exercises.engine.outcomes import LOOK, State
from course_lib.exercises.engine.progress_store import read

__all__ = ["Line", "Standing", "all_exercises", "my_progress"]


@dataclass(frozen=True)
class Line:
    """One exercise: its id, title and minutes, what came of it last, and how many tries it took."""

    id: str
    title: str
    minutes: int
    state: State
    tries: int

    def __str__(self) -> str:
        tries = f", {self.tries} tries" if self.tries > 1 else ""
        return f"{LOOK[self.state][0]} {self.title} ({self.minutes} min): {self.state}{tries}"


@dataclass(frozen=True, repr=False)
class Standing:
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

    def lessons(self) -> dict[str, Standing]:
        """The same, lesson by lesson: "04" → its part."""
        found: dict[str, list[Line]] = {}
        for line in self.lines:
            found.setdefault(line.id[:2], []).append(line)
        return {lesson: Standing(tuple(lines)) for lesson, lines in found.items()}

    def _rows(self) -> list[tuple[str, str]]:
        """(icon, words): a lesson's exercises; or, of several lessons, each with its number of solved ones."""
        parts = self.lessons()
        if len(parts) == 1:
            return [(LOOK[line.state][0], str(line)[2:]) for line in self.lines]
        return [
            (LOOK[part.state][0], f"lesson {lesson}: {part.solved} of {len(part.lines)} solved")
            for lesson, part in parts.items()
        ]

    @property
    def state(self) -> State:
        """Of all together: "correct" when all are solved, "not attempted" when none was tried."""
        states = {line.state for line in self.lines}
        return states.pop() if len(states) == 1 else "not yet"

    def _total(self) -> str:
        left = f"; the others take about {self.minutes_left} minutes" if self.minutes_left else ""
        return f"{self.solved} of {len(self.lines)} solved{left}"

    def __repr__(self) -> str:
        rows = [f"{icon} {words}" for icon, words in self._rows()]
        return "\n".join([*rows, self._total(), *([self.note] if self.note else [])])

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><td style="text-align:center">{icon}</td><td style="text-align:left">{escape(words)}</td></tr>'
            for icon, words in self._rows()
        )
        note = f"<br>{escape(self.note)}" if self.note else ""
        total = f"<b>{escape(self._total())}</b>"
        return f'<table aria-label="exercises">{rows}</table><div style="margin:4px 8px">{total}{note}</div>'


def all_exercises() -> dict[str, Exercise]:
    """Every exercise of every lesson, by its id, in the lessons' order (which their ``__all__`` keep).

    Example:
        >>> list(all_exercises())[0][:3]
        '00_'
    """
    names = sorted(one.name for one in pkgutil.iter_modules(lessons.__path__) if one.name.startswith("lesson"))
    files = [importlib.import_module(f"{lessons.__name__}.{name}") for name in names]
    found = [vars(file)[name] for file in files for name in file.__all__]
    return {one.id: one for one in found if isinstance(one, Exercise)}


def my_progress(lesson: str | int | None = None) -> Standing:
    """How far you are: of one lesson its exercises, of the course its lessons.

    Args:
        lesson: its number, such as ``"04"`` or ``4``; without it the whole course.

    Raises:
        CourseError: there is no such lesson, or it has no exercises.

    Example:
        >>> my_progress("00").lines[0].title
        'How many numbers'
    """
    known = all_exercises()
    if lesson is not None:
        number = str(lesson).zfill(2)
        lessons = sorted({name[:2] for name in known})
        if number not in lessons:
            raise CourseError(f"There is no lesson {lesson} with exercises.{closest(number, lessons)}")
        known = {name: one for name, one in known.items() if name.startswith(number)}
    kept, note = read()
    lines = []
    for name, one in known.items():
        state, tries = kept.get(name, ("not attempted", 0))
        lines.append(Line(name, one.title, one.minutes, state, tries))
    return Standing(tuple(lines), note)
