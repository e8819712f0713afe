"""Choosing exercises for an assignment: ``choose`` by id or lesson; ``listing`` is the table to choose from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from course_lib.errors import CourseError, closest
from course_lib.exercises.assignments.exercise_cells import NOTEBOOKS, ExerciseCell, exercise_cells
from course_lib.exercises.assignments.written_questions import WrittenQuestion, read_questions
from course_lib.tables import Column, html_table, text_table

__all__ = ["Choice", "choose", "listing"]


@dataclass(frozen=True, repr=False)
class Choice:
    """Exercises in the lessons' order, and the earlier ones whose solutions have to be given with them.

    Attributes:
        cells: the exercises that are asked.
        given: exercises that are not asked but whose answers are used: their solutions come along, read-only.
        written: questions behind them that a person grades.
    """

    cells: tuple[ExerciseCell, ...]
    given: tuple[ExerciseCell, ...] = ()
    written: tuple[WrittenQuestion, ...] = ()

    @property
    def together(self) -> tuple[ExerciseCell, ...]:
        """The asked and the given ones in the lessons' order."""
        return tuple(sorted({*self.cells, *self.given}, key=lambda cell: cell.number))

    @property
    def points(self) -> float:
        """What all of them together are worth."""
        return sum([*(cell.points for cell in self.cells), *(question.points for question in self.written)])

    @property
    def minutes(self) -> int:
        """How long all of them together should take; a written answer takes two minutes a point."""
        return sum(cell.exercise.minutes for cell in self.cells) + round(2 * sum(each.points for each in self.written))

    def _rows(self) -> list[tuple[object, ...]]:
        rows: list[tuple[object, ...]] = [
            (cell.exercise.id, cell.points, cell.exercise.minutes, cell.exercise.difficulty, cell.exercise.kind,
             "yes" if cell.exercise.variants else "-", " ".join(cell.earlier) or "-", cell.exercise.title)
            for cell in self.cells
        ]  # fmt: skip
        rows += [(question.id, question.points, round(2 * question.points), "-", "written", "-", "-", question.title)
                 for question in self.written]  # fmt: skip
        return rows

    def __repr__(self) -> str:
        count = f"{len(self.cells)} exercise{'s' * (len(self.cells) != 1)}"
        if self.written:
            count += f" and {len(self.written)} written question{'s' * (len(self.written) != 1)}"
        total = f"{count}, {self.points} points, about {self.minutes} minutes"
        return f"{text_table(self._rows(), _COLUMNS)}\n{total}"

    def _repr_html_(self) -> str:
        return html_table(self._rows(), _COLUMNS, label="exercises")


_COLUMNS = ("exercise", Column("points", number=True), Column("minutes", number=True), "difficulty", "kind",
            "variants", "needs", "title")  # fmt: skip


def choose(
    exercises: str | Iterable[str] = (),
    *,
    lessons: str | int | Iterable[str | int] = (),
    notebooks: Path = NOTEBOOKS,
    points: str | Iterable[str] = (),
    written: str | Iterable[str] = (),
) -> Choice:
    """Exercises by their ids, and all of some lessons.

    Args:
        exercises: ids, such as "03_projection"; several may stand in one word, with commas between them.
        lessons: numbers of lessons, such as "03" or 3, ranges such as "1-3", or "all"; likewise.
        notebooks: the folder with the lessons.
        points: points of your own, such as "03_projection=5"; likewise.
        written: files of written questions, see ``written_questions``.

    Raises:
        CourseError: an id or a lesson that is not there, nothing chosen, or points that aren't number above 0.

    Example:
        >>> [cell.exercise.id for cell in choose(["04_trace_cfg"], lessons=["00"]).cells]
        ['00_fooling_crop', '00_count_values', '04_trace_cfg']
    """
    known = exercise_cells(notebooks)
    numbers = sorted({name[:2] for name in known})
    moved = {former: name for name, cell in known.items() for former in cell.exercise.former_ids}
    wanted = set()
    for name in _each(exercises):
        name = moved.get(name, name)
        if name not in known:
            raise CourseError(f"There is no exercise {name!r}.{closest(name, known)} --list shows all of them.")
        wanted.add(name)
    wanted |= {name for name in known if name[:2] in _numbers(lessons, numbers)}
    if not wanted:
        raise CourseError("Nothing was chosen: name exercises, or lessons; --list shows what there is.")
    given: set[str] = set()
    todo = [known[name] for name in wanted]
    while todo:
        for name in todo.pop().earlier:
            if name not in wanted | given:
                given.add(name)
                todo.append(known[name])
    worth = _worth(points, wanted, moved)
    questions = read_questions([written] if isinstance(written, str) else written)
    if both := [each.id for each in questions if each.id in known]:
        raise CourseError(f"The written question {both[0]!r} has the id of an exercise: give it a different one.")
    return Choice(
        tuple(replace(cell, worth=worth.get(name)) for name, cell in known.items() if name in wanted),
        tuple(cell for name, cell in known.items() if name in given),
        questions,
    )


def _worth(points: str | Iterable[str], wanted: set[str], moved: Mapping[str, str]) -> dict[str, float]:
    """The points that an instructor gives: exercise → points. ``moved`` are former ids with those of today."""
    worth: dict[str, float] = {}
    for words in _each(points):
        name, _, number = (part.strip() for part in words.partition("="))
        name = moved.get(name, name)
        if name not in wanted:
            raise CourseError(f"{name[:60]!r} gets points but is not in the assignment.{closest(name, wanted)}")
        try:
            value = float(number)
        except ValueError:
            value = 0
        if not 0 < value <= 1000:
            raise CourseError(f"Points are written as {name}=5, a number above 0 and up to 1000, not {words[:60]!r}.")
        worth[name] = int(value) if value.is_integer() else value
    return worth


def _numbers(lessons: str | int | Iterable[str | int], there: list[str]) -> set[str]:
    """The lessons that are meant by numbers, ranges and "all", with two digits each; ``there`` are those that exist."""
    meant: set[str] = set()
    for lesson in _each(lessons):
        first, dash, last = (part.strip() for part in lesson.partition("-"))
        ends = [end.zfill(2) if end else "" for end in ((first, last) if dash else (first,))]
        if lesson.lower() == "all":
            meant |= set(there)
        elif set(ends) <= set(there) and ends[0] <= ends[-1]:
            meant |= {number for number in there if ends[0] <= number <= ends[-1]}
        else:
            raise CourseError(
                f"There is no lesson {lesson[:40]!r} with exercises: there are {', '.join(there) or 'none'}. A range "
                'is written "01-03", and "all" takes all of them.'
            )
    return meant


def _each(given: str | int | Iterable[str | int]) -> Iterator[str]:
    """One by one what was given as a list, as one word, or as words with commas between them."""
    for words in (given,) if isinstance(given, str | int) else given:
        yield from filter(None, (word.strip() for word in str(words).split(",")))


def listing(notebooks: Path = NOTEBOOKS, *, lessons: str | int | Iterable[str | int] = "all") -> Choice:
    """The exercises of some lessons, of all without ``lessons``: points, minutes, difficulty, and what they need."""
    known = exercise_cells(notebooks)
    numbers = _numbers(lessons, sorted({name[:2] for name in known}))
    return Choice(tuple(cell for name, cell in known.items() if name[:2] in numbers))
