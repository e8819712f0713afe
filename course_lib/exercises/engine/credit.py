"""Partial credit: a check in parts, each of them a property of the answer that has a share of the points.

A check writes ``with part("the gradient comes back"):`` around what examines a property. To a learner the first thing
that is wrong is told, as everywhere. For grading (``examined``) a part that fails is written down, and the check goes
on; what stands in no part is needed for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from types import TracebackType

from course_lib.exercises.engine.requirements import Wrong

__all__ = ["Credit", "Examination", "examined", "part", "unexamined"]


@dataclass
class Examination:
    """What a check has found out: a property → the sentence of the first failure, "" where there was none."""

    found: dict[str, str] = field(default_factory=dict)

    def holds(self, name: str) -> bool:
        """Whether a property was examined and never failed."""
        return self.found.get(name) == ""


_current: list[Examination] = []


@contextmanager
def examined() -> Iterator[Examination]:
    """Run checks so that every part of them is examined, and not only those before the first failure.

    Example:
        >>> with examined() as examination:
        ...     with part("an even number") as even:
        ...         raise Wrong("7 is odd.")
        ...     with part("a small number"):
        ...         pass
        >>> examination.found, even.holds
        ({'an even number': '7 is odd.', 'a small number': ''}, False)
    """
    examination = Examination()
    _current.append(examination)
    try:
        yield examination
    finally:
        _current.remove(examination)


class part:
    """Around the lines of a check that examine one property; several ``with`` blocks may belong to the same one.

    Args:
        name: the property as it is shown: "the gradient comes back to x".

    Attributes:
        holds: whether the block was left without a failure. Ask it before lines that need what the block made.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.holds = True

    def __enter__(self) -> part:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not _current or (problem is not None and not isinstance(problem, Wrong)):
            return False
        self.holds = problem is None
        found = _current[-1].found
        found[self.name] = found.get(self.name) or ("" if problem is None else str(problem))
        return True


def unexamined(*names: str) -> None:
    """Say of properties that a case could not show them, because another one failed: they are not counted."""
    for examination in _current[-1:]:
        for name in names:
            examination.found[name] = examination.found.get(name) or "It needs another property, which doesn't hold."


@dataclass(frozen=True)
class Credit:
    """The points of an answer. As text it is their number alone, which nbgrader takes for partial credit.

    Attributes:
        points: how many.
        most: how many there are.
        title: the exercise's.
        properties: each with the sentence of its failure, "" where it holds.
    """

    points: float
    most: float
    title: str
    properties: Mapping[str, str]

    def __repr__(self) -> str:
        return f"{self.points:g}"

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<li style="list-style:none"><span style="color:{color}">{icon}</span> {escape(name)}'
            f"{f': <i>{escape(sentence)}</i>' if sentence else ''}</li>"
            for name, sentence in self.properties.items()
            for icon, color in [("✓", "#009E73") if not sentence else ("→", "#D55E00")]
        )
        return (
            '<div role="status" style="border-left:5px solid #0072B2;padding:6px 12px;margin:4px 0">'
            f'<b>{escape(self.title)}</b> · {self.points:g} of {self.most:g} points<ul style="margin:4px 0;padding:0">'
            f"{rows}</ul></div>"
        )
