"""A Sphinx extension: the teacher's guide, a page a lesson, made from the lessons and their exercises at every build.

Nothing of the guide is typed here but the syllabi's order: questions, guesses, minutes, wrong answers with the sentence
each one gets, and the answer key come from the notebooks' text, the exercises and the tests' known mistakes.
"""

from __future__ import annotations

import ast
import base64
import importlib
import math
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import nbformat  # noqa: E402

from course_lib.exercises.engine.exercise import Exercise  # noqa: E402
from course_lib.exercises.engine.learner_progress import all_exercises  # noqa: E402
from tools import notebooks  # noqa: E402

FOLDER = Path(__file__).parent / "teaching"
WORDS_A_MINUTE, CELL_MINUTES, VOTE_MINUTES = 200, 0.5, 1  # a student alone; in class, a guess is voted on
EXTRAS = "If you want to know more"  # the section that nothing later needs
MOST_MISTAKES, MOST_PICTURES = 6, 3
_DIFFICULTY = {"mild": "easy", "medium": "medium", "hard": "hard"}
#: What a saved notebook says of a guess, in words.
_TRUTH = re.compile(r"(?:Answer|The truth): (?P<truth>.*?)\.?\n(?P<because>[^\n]*)", re.DOTALL)
#: Weeks → the lessons of each week; a word stands for a week without a new lesson.
SYLLABI: dict[int, list[list[str]]] = {
    4: [["00", "01"], ["02", "03", "04"], ["05", "06"], ["07", "08", "09"]],
    8: [["00", "01"], ["02"], ["03"], ["04"], ["05"], ["06"], ["07", "08"], ["09"]],
    12: [["00"], ["01"], ["02"], ["03"], ["review"], ["04"], ["05"], ["06"], ["07"], ["08"], ["09"], ["project"]],
}
WITHOUT_LESSON = {
    "review": "Review: the exercises that most people left open (the gradebook says which), and the guesses once more.",
    "project": "Project: students fine-tune a network on their own pictures, convert it, and show what it gets wrong.",
}


@dataclass(frozen=True)
class Guess:
    """A question of a lesson, and what is said to those who miss it."""

    question: str
    reactions: tuple[str, ...] = ()
    because: str = ""
    truth: str = ""


@dataclass
class Section:
    """A part of a lesson with its own heading."""

    title: str
    words: int = 0
    cells: int = 0  # without those of exercises, of questions and of the set-up
    guesses: list[Guess] = field(default_factory=list)
    exercises: list[Exercise] = field(default_factory=list)

    @property
    def minutes(self) -> float:
        """Reading, running and the exercises."""
        tried = sum(exercise.minutes for exercise in self.exercises)
        return self.words / WORDS_A_MINUTE + CELL_MINUTES * self.cells + tried


@dataclass(frozen=True)
class Lesson:
    """A lesson as its teacher sees it."""

    number: str
    title: str
    question: str
    announced: str  # what the lesson itself says about minutes
    sections: tuple[Section, ...]
    pictures: tuple[tuple[str, bytes, str], ...]  # file ending, bytes, alt text

    @property
    def minutes(self) -> int:
        """Of all sections but the extras."""
        return math.ceil(sum(section.minutes for section in self.sections if section.title != EXTRAS))

    @property
    def extra_minutes(self) -> int:
        """Of what nothing later needs."""
        return math.ceil(sum(section.minutes for section in self.sections if section.title == EXTRAS))

    @property
    def exercises(self) -> list[Exercise]:
        """Those of all sections."""
        return [exercise for section in self.sections for exercise in section.exercises]


def lessons() -> list[Lesson]:
    """Every lesson, read from its text and its saved notebook."""
    return [_lesson(path) for path in sorted((ROOT / "notebooks" / "source").glob("[0-9]*.py"))]


def _lesson(path: Path) -> Lesson:
    number, book = path.name[:2], notebooks.read(path)
    exercises = {id: exercise for id, exercise in all_exercises().items() if id.startswith(number)}
    names = _names(number)
    sections, title, question, announced = [Section("Opening")], path.stem, "", ""
    asked: dict[str, Guess] = {}
    for cell in book.cells:
        if cell.cell_type == "markdown":
            title = (re.findall(r"^# (.+)$", cell.source, re.M) or [title])[0]
            question = question or (re.findall(r"\*\*([^*]+\?)\*\*", cell.source) or [""])[0]
            announced = announced or _announced(cell.source)
            sections += [Section(heading) for heading in re.findall(r"^## (.+)$", cell.source, re.M)]
            sections[-1].words += len(cell.source.split())
            continue
        questions = 0
        for key, guess in _guesses(cell.source, asked):
            if key not in asked:
                sections[-1].guesses.append(guess)
                questions += 1
            asked[key] = guess
        tried = "exercise" in cell.metadata.get("tags", ())
        sections[-1].cells += not (tried or questions or "google.colab" in cell.source)
        for name in re.findall(r"\bex\.(\w+)\.check\(", cell.source):
            if names.get(name) in exercises:
                sections[-1].exercises.append(exercises[names[name]])
    shown = _truths(number)
    said = {guess.question: replace(guess, **shown.get(name, {})) for name, guess in asked.items()}
    for section in sections:  # what is said about a guess stands in the cell that reveals it
        section.guesses = [said[guess.question] for guess in section.guesses]
    return Lesson(number, title, question, announced, tuple(sections), tuple(_pictures(number)))


def _announced(text: str) -> str:
    """The sentences about minutes of a lesson's first words."""
    text = re.sub(r"\n+(?:- .*\n?(?:  .*\n?)*)+", " ….\n", text)  # a list, to which no sentence goes on
    words = " ".join(
        word for line in text.splitlines() if not line.startswith(("#", "|", "**")) for word in line.split()
    )
    return " ".join(
        sentence for sentence in re.split(r"(?<=[.!?])\s+", words) if re.search(r"\b(minutes|an hour)\b", sentence)
    )


def _truths(number: str) -> dict[str, dict[str, str]]:
    """Name of the variable → the truth, and why, as the saved notebook shows them with their numbers."""
    [path] = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    found: dict[str, dict[str, str]] = {}
    for cell in nbformat.read(path, as_version=4).cells:
        for name in re.findall(r"\b(\w+)\.reveal\(", cell.source) if cell.cell_type == "code" else ():
            for output in cell.outputs:
                if shown := _TRUTH.search(output.get("data", {}).get("text/plain", "")):
                    found[name] = {key: " ".join(words.split()) for key, words in shown.groupdict().items()}
    return found


def _names(number: str) -> dict[str, str]:
    module = importlib.import_module(f"course_lib.exercises.lessons.lesson{number}")
    return {name: value.id for name, value in vars(module).items() if isinstance(value, Exercise)}


def _guesses(source: str, asked: dict[str, Guess]) -> Iterator[tuple[str, Guess]]:
    """(name of the variable, guess) of every question that a cell asks or reveals."""
    said = _Strings(source).visit(ast.parse(source))
    for line in said.body:
        if isinstance(line, ast.Assign) and isinstance(line.value, ast.Call) and _called(line.value) == "guess":
            target, texts = line.targets[0], [_text(argument) for argument in line.value.args]
            if isinstance(target, ast.Name) and len(texts) > 1:
                yield target.id, Guess(texts[1])
    for call in (node for node in ast.walk(said) if isinstance(node, ast.Call)):
        if _called(call) == "reveal" and isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
            key = call.func.value.id
            if key in asked:
                named = {keyword.arg: keyword.value for keyword in call.keywords}
                wrong = named.get("wrong")
                told = [f"Too low: {_text(named['low'])}"] if "low" in named else []
                told += [f"Too high: {_text(named['high'])}"] if "high" in named else []
                if isinstance(wrong, ast.Dict):
                    told += [f"{_text(k)}: {_text(v)}" for k, v in zip(wrong.keys, wrong.values, strict=True) if k]
                because = call.args[1] if len(call.args) > 1 else named.get("because")
                yield key, Guess(asked[key].question, tuple(told), _text(because) if because is not None else "")


class _Strings(ast.NodeTransformer):
    """Puts the strings that a cell keeps in variables where the variables are read."""

    def __init__(self, source: str) -> None:
        self.kept = {
            line.targets[0].id: line.value
            for line in ast.parse(source).body
            if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name) and _text(line.value) != "…"
        }

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.kept.get(node.id, node) if isinstance(node.ctx, ast.Load) else node


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _text(node: ast.expr) -> str:
    """A string as it stands in the source; what is computed there is three dots."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) if isinstance(part, ast.Constant) else "…" for part in node.values)
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    return "…"


def _pictures(number: str) -> Iterator[tuple[str, bytes, str]]:
    [path] = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    left = MOST_PICTURES
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            for kind in ("image/png", "image/jpeg"):
                data = output.get("data", {})
                if kind in data and left:
                    left -= 1
                    yield kind.split("/")[1], base64.b64decode(data[kind]), " ".join(data.get("text/plain", "").split())


# -- pages -------------------------------------------------------------------------------------------------------------
def page(lesson: Lesson) -> str:
    """A lesson's page as Markdown."""
    lines = [f"# {lesson.title}", "", f"**The question to open with:** {lesson.question}", ""]
    for place, (ending, _, alt) in enumerate(lesson.pictures):
        lines += [f"![{alt}](images/{lesson.number}-{place}.{ending})", ""]
    lines += [
        "## Timetable",
        "",
        f"The lesson tells its readers: “{lesson.announced}”" * bool(lesson.announced),
        "",
        f"{lesson.minutes} minutes for a student alone, at {WORDS_A_MINUTE} words a minute, {CELL_MINUTES:g} minutes a "
        "cell, and each exercise's own minutes"
        + (f"; {lesson.extra_minutes} more for *{EXTRAS}*. " if lesson.extra_minutes else ". ")
        + f"In class, allow {VOTE_MINUTES} minute more for each guess.",
        "",
        "| section | minutes | guesses | exercises |",
        "|---|---|---|---|",
    ]
    for section in lesson.sections:
        names = ", ".join(f"{exercise.title} ({exercise.minutes} min)" for exercise in section.exercises)
        lines.append(f"| {section.title} | {math.ceil(section.minutes)} | {len(section.guesses) or ''} | {names} |")
    guesses = [guess for section in lesson.sections for guess in section.guesses]
    lines += ["", "## What the class will guess", ""] if guesses else [""]
    lines += ["Times and speeds are those of the computer on which the lesson was saved. Yours will differ.", ""] * any(
        re.search(r"\b(fast|faster|fastest|time|times|long)\b", guess.question) for guess in guesses
    )
    for guess in guesses:
        truth = f"Answer: {guess.truth}." * bool(guess.truth)
        lines += [f"- **{guess.question}** {truth} {guess.because}", *(f"  - {told}" for told in guess.reactions)]
    lines += ["", "## Exercises: what goes wrong, and what helps", ""]
    for exercise in lesson.exercises:
        lines += [
            f"### {exercise.title}",
            "",
            f"`{exercise.id}`, {_DIFFICULTY[exercise.difficulty]}, {_counted(exercise.points, 'point')}, "
            f"{_counted(exercise.minutes, 'minute')}."
            + " With `--variants` every student gets other numbers."
            * bool(exercise.variants),
            "",
            *_listed(
                "Partial credit: there are points for each of these.",
                [f"{name[0].upper()}{name[1:]}." for name in exercise.properties],
            ),
            *_listed("What wrong answers are told:", wrong_answers(exercise)),
            *_listed("Hints, from a nudge to nearly the answer:", exercise.hints),
        ]
    lines += ["## Answer key", ""]
    for exercise in lesson.exercises:
        lines += [f"### {exercise.title}: a solution", "", "```python", exercise.solution().words, "```", ""]
    return "\n".join(lines)


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'s' * (count != 1)}"


def _listed(title: str, items: Sequence[str]) -> list[str]:
    return [title, "", *(f"- {item}" for item in items), ""] if items else []


def wrong_answers(exercise: Exercise) -> list[str]:
    """What the check says to the mistakes that are known, each sentence once, the first few."""
    from tests.exercise_mistakes import MISTAKES

    said = [exercise.judge(answer, exercise.check_answer) for answer, _ in MISTAKES.get(exercise, [])]
    sentences = dict.fromkeys(outcome.sentence for outcome in said if outcome.state == "not yet")
    formal = re.compile(  # slips of form, and sentences that only compare numbers: less to talk about
        r"of type|raised|[Yy]ou gave|more than 15 digits|dtype (are right|should)|shape (is right|should)"
        r"|(whole|finite) numbers?\b"
    )
    return sorted(sentences, key=lambda sentence: bool(formal.search(sentence)))[:MOST_MISTAKES]


def syllabus(weeks: int, every: Sequence[Lesson]) -> str:
    """One syllabus as Markdown: lessons, minutes in class, exercises at home."""
    known = {lesson.number: lesson for lesson in every}
    rows = [f"## {weeks} weeks", "", "| week | lessons | minutes | to hand in (points) |", "|---|---|---|---|"]
    for week, numbers in enumerate(SYLLABI[weeks], 1):
        taken = [known[number] for number in numbers if number in known]
        if not taken:
            rows.append(f"| {week} | {WITHOUT_LESSON.get(numbers[0], numbers[0])} | | |")
            continue
        titles = ", ".join(f"[{lesson.title}](lesson{lesson.number}.md)" for lesson in taken)
        hard = [exercise for lesson in taken for exercise in lesson.exercises if exercise.difficulty != "mild"]
        points, ids = sum(exercise.points for exercise in hard), " ".join(f"`{exercise.id}`" for exercise in hard)
        rows.append(f"| {week} | {titles} | {sum(lesson.minutes for lesson in taken)} | {ids} ({points}) |")
    return "\n".join([*rows, ""])


def write(_app: Any = None, folder: Path = FOLDER) -> None:
    """Write every page and the syllabi."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    every = lessons()
    for lesson in every:
        (folder / f"lesson{lesson.number}.md").write_text(page(lesson), encoding="utf-8")
        for place, (ending, data, _) in enumerate(lesson.pictures):
            (folder / "images" / f"{lesson.number}-{place}.{ending}").write_bytes(data)
    index = [
        "# Teacher's guide",
        "",
        "Each lesson has a page with the question to open with, pictures for the board, a timetable, what the class "
        "will guess, what to say about wrong answers, and the answer key. The pages are made from the lessons, so they "
        "say what the lessons say. Students don't get them: the packages that they install leave this guide out.",
        "",
        "```{toctree}",
        ":maxdepth: 1",
        *(f"lesson{lesson.number}" for lesson in every),
        "```",
        "",
        "# Syllabi",
        "",
        "Minutes are those of a student alone, exercises included, without what the lessons mark as extra. The "
        "exercises to hand in are the medium and hard ones; take fewer if your students have other courses, too.",
        "",
        *(syllabus(weeks, every) for weeks in SYLLABI),
    ]
    (folder / "index.md").write_text("\n".join(index), encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True}
