"""Questions that are answered in sentences and read by a person: a Markdown file with a rubric for each.

A file holds any number of them; ``docs/written_questions.md`` has one for every lesson:

    ## 03_shortcut: Why the shortcut helps (3 points)

    What the students are asked.

    ### Rubric

    What the graders look for. The students' notebook doesn't have it.

In an assignment they are nbgrader's manually graded tasks, with the rubric as their mark scheme.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CourseError, closest

__all__ = ["WrittenQuestion", "read_questions"]

_HEADING = re.compile(r"(?P<id>[A-Za-z0-9_]+): (?P<title>.+) \((?P<points>\d+(?:\.\d+)?) points?\)")
_RUBRIC = re.compile(r"^### Rubric[ ]*$", re.MULTILINE)


@dataclass(frozen=True)
class WrittenQuestion:
    """One question.

    Attributes:
        id: its name in the assignment: letters, digits and _.
        title: a few words.
        points: what a full answer is worth.
        question: what is asked, as Markdown.
        rubric: what a grader looks for, as Markdown.
    """

    id: str
    title: str
    points: float
    question: str
    rubric: str


def read_questions(places: Iterable[str]) -> tuple[WrittenQuestion, ...]:
    """The questions of some files.

    Args:
        places: paths of Markdown files; ``questions.md#03_shortcut,04_budget`` takes these of a file, in this order.

    Raises:
        CourseError: a file that cannot be read, a question without a heading of the right form, without words or
            without a rubric, an id that is not there, or one that comes twice.
    """
    chosen: list[WrittenQuestion] = []
    for place in places:
        name, _, ids = place.partition("#")
        questions = _questions(Path(name))
        there = {question.id: question for question in questions}
        every = [question.id for question in questions]
        for wanted in filter(None, map(str.strip, ids.split(","))) if ids else every:
            if wanted not in there:
                raise CourseError(f"{name} has no question {wanted[:60]!r}.{closest(wanted, there)}")
            chosen.append(there[wanted])
    names = [question.id for question in chosen]
    if twice := [name for name in names if names.count(name) > 1]:
        raise CourseError(f"The written question {twice[0]!r} is there twice: ids must differ.")
    return tuple(chosen)


def _questions(path: Path) -> list[WrittenQuestion]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise CourseError(f"The written questions {path} cannot be read: {reason}.") from error
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    if not parts:
        raise CourseError(
            f"{path} has no questions: each begins with a line such as `## why: Why it helps (3 points)`."
        )
    return [_question(path, part) for part in parts]


def _question(path: Path, part: str) -> WrittenQuestion:
    heading, _, body = part.partition("\n")
    found = _HEADING.fullmatch(heading.strip())
    if not found or not float(found["points"]):
        raise CourseError(
            f"{path} has the heading {heading.strip()[:80]!r}; expected is one such as `why: Why it helps (3 points)`, "
            "with an id of letters, digits and _, and points above 0."
        )
    question, *rubric = (words.strip() for words in _RUBRIC.split(body, maxsplit=1))
    if not question or not rubric or not rubric[0]:
        missing = "words between its heading and its rubric" if not question else "a part `### Rubric` with words in it"
        raise CourseError(f"The question {found['id']!r} in {path} needs {missing}.")
    if "MARK SCHEME" in part:
        raise CourseError(f"The question {found['id']!r} in {path} says MARK SCHEME, which is nbgrader's own word.")
    points = float(found["points"])
    return WrittenQuestion(
        found["id"], found["title"], int(points) if points.is_integer() else points, question, rubric[0]
    )
