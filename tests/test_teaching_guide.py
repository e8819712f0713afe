"""The teacher's guide: made from the lessons, so every exercise, minute, slip and solution of theirs is in it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from course_lib.exercises.engine.learner_progress import all_exercises

DOCS = Path(__file__).resolve().parents[1] / "docs"


@pytest.fixture(scope="module")
def teaching():  # type: ignore[no-untyped-def]
    sys.path.insert(0, str(DOCS))
    try:
        import teaching
    finally:
        sys.path.remove(str(DOCS))
    return teaching


def test_every_exercise_is_in_the_timetable_of_its_lesson(teaching) -> None:  # type: ignore[no-untyped-def]
    every = teaching.lessons()
    listed = [exercise.id for lesson in every for exercise in lesson.exercises]
    assert sorted(listed) == sorted(all_exercises()) and all(lesson.question.endswith("?") for lesson in every)
    for lesson in every:
        assert lesson.minutes + lesson.extra_minutes >= sum(exercise.minutes for exercise in lesson.exercises)
        assert all(alt for _, _, alt in lesson.pictures)
        assert re.search(r"\b(minutes|hour)\b", lesson.announced)
        assert all(guess.truth and "…" not in guess.because for part in lesson.sections for guess in part.guesses)
    assert sum(bool(lesson.pictures) for lesson in every) >= len(every) - 1  # lesson 08 is about files
    for weeks, plan in teaching.SYLLABI.items():
        assert len(plan) == weeks
        text = teaching.syllabus(weeks, every)
        assert all(f"(lesson{lesson.number}.md)" in text for lesson in every), weeks


def test_a_page_says_what_goes_wrong_and_has_the_key(teaching) -> None:  # type: ignore[no-untyped-def]
    lesson = next(lesson for lesson in teaching.lessons() if lesson.number == "00")
    page = teaching.page(lesson)
    for exercise in lesson.exercises:
        assert exercise.solution().words in page and all(hint in page for hint in exercise.hints)
        assert teaching.wrong_answers(exercise) and all(said in page for said in teaching.wrong_answers(exercise))


def test_guesses_are_read_with_their_reactions(teaching) -> None:  # type: ignore[no-untyped-def]
    asked = {}
    source = (
        'q = guess("01_x", "How many?", between=(0, 9))\nq.reveal(n, f"It is {n}.", low="More.", wrong={"a": "No."})'
    )
    for key, guess in teaching._guesses(source, asked):
        asked[key] = guess
    assert asked["q"] == teaching.Guess("How many?", ("Too low: More.", "a: No."), "It is ….")
