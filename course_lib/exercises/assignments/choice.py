"""Which exercises go into an assignment, and the table that an instructor chooses from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from course_lib.errors import CourseError, closest
from course_lib.exercises.assignments.exercise_cells import NOTEBOOKS, ExerciseCell, exercise_cells

__all__ = ["Choice", "choose", "listing"]


@dataclass(frozen=True, repr=False)
class Choice:
    """Exercises in the lessons' order, and the earlier ones whose solutions have to be given with them.

    Attributes:
        cells: the exercises that are asked.
        given: exercises that are not asked but whose answers are used: their solutions come along, read-only.
    """

    cells: tuple[ExerciseCell, ...]
    given: tuple[ExerciseCell, ...] = ()

    @property
    def together(self) -> tuple[ExerciseCell, ...]:
        """The asked and the given ones in the lessons' order."""
        return tuple(sorted({*self.cells, *self.given}, key=lambda cell: cell.number))

    @property
    def points(self) -> int:
        """What all of them together are worth."""
        return sum(cell.exercise.points for cell in self.cells)

    @property
    def minutes(self) -> int:
        """How long all of them together should take."""
        return sum(cell.exercise.minutes for cell in self.cells)

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (cell.exercise.id, str(cell.exercise.points), str(cell.exercise.minutes), cell.exercise.difficulty,
             " ".join(cell.earlier) or "-", cell.exercise.title)
            for cell in self.cells
        ]  # fmt: skip

    def __repr__(self) -> str:
        rows = [_HEADS, *self._rows()]
        widths = [max(len(row[k]) for row in rows) for k in range(len(_HEADS))]
        lines = ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, f"{len(self.cells)} exercises, {self.points} points, about {self.minutes} minutes"])

    def _repr_html_(self) -> str:
        def row(words: Iterable[str], tag: str) -> str:
            return (
                "<tr>" + "".join(f'<{tag} style="text-align:left">{escape(word)}</{tag}>' for word in words) + "</tr>"
            )

        return f"<table>{row(_HEADS, 'th')}{''.join(row(words, 'td') for words in self._rows())}</table>"


_HEADS = ("exercise", "points", "minutes", "difficulty", "needs", "title")


def choose(
    exercises: str | Iterable[str] = (), *, lessons: str | int | Iterable[str | int] = (), notebooks: Path = NOTEBOOKS
) -> Choice:
    """Exercises by their ids, and all of some lessons.

    Args:
        exercises: ids, such as "03_projection"; several may stand in one word, with commas between them.
        lessons: numbers of lessons, such as "03" or 3; likewise.
        notebooks: the folder with the lessons.

    Raises:
        CourseError: an id or a lesson that is not there, or nothing chosen.

    Example:
        >>> [cell.exercise.id for cell in choose(["04_trace_cfg"], lessons=["00"]).cells]
        ['00_count_values', '04_trace_cfg']
    """
    known = exercise_cells(notebooks)
    numbers = sorted({name[:2] for name in known})
    wanted = set()
    for name in _each(exercises):
        if name not in known:
            raise CourseError(f"There is no exercise {name!r}.{closest(name, known)} --list shows all of them.")
        wanted.add(name)
    for lesson in _each(lessons):
        number = lesson.zfill(2)
        if number not in numbers:
            raise CourseError(
                f"There is no lesson {lesson!r} with exercises: there are {', '.join(numbers) or 'none'}."
            )
        wanted |= {name for name in known if name.startswith(number)}
    if not wanted:
        raise CourseError("Nothing was chosen: name exercises, or lessons; --list shows what there is.")
    given: set[str] = set()
    todo = [known[name] for name in wanted]
    while todo:
        for name in todo.pop().earlier:
            if name not in wanted | given:
                given.add(name)
                todo.append(known[name])
    return Choice(
        tuple(cell for name, cell in known.items() if name in wanted),
        tuple(cell for name, cell in known.items() if name in given),
    )


def _each(given: str | int | Iterable[str | int]) -> Iterator[str]:
    """One by one what was given as a list, as one word, or as words with commas between them."""
    for words in (given,) if isinstance(given, str | int) else given:
        yield from filter(None, (word.strip() for word in str(words).split(",")))


def listing(notebooks: Path = NOTEBOOKS) -> Choice:
    """Every exercise with its points, minutes, difficulty and the exercises that it needs."""
    return Choice(tuple(exercise_cells(notebooks).values()))
