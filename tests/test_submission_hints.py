"""Hints at copied and tampered notebooks: what is seen in a class that was made by hand, and what is not."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from course_lib.exercises.grading.submission_hints import submission_hints
from course_lib.exercises.lessons import lesson06

LONG = """def iou(first, second):
    # my own idea
    left, top = max(first[0], second[0]), max(first[1], second[1])
    right, bottom = min(first[2], second[2]), min(first[3], second[3])
    shared = max(0, right - left) * max(0, bottom - top)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return shared / (areas[0] + areas[1] - shared)
"""
STUBS = {"06_iou-answer": "def iou(first, second):\n    return ...\n\nlesson06.iou.check(iou)"}


def book(*cells: tuple[str, str]) -> bytes:
    made = [{"cell_type": "code", "source": source, "metadata": {"nbgrader": {"grade_id": key}} if key else {}}
            for key, source in cells]  # fmt: skip
    return json.dumps({"cells": made}).encode()


def answer(code: str) -> bytes:
    return book(("06_iou-answer", f"{code}\n\nlesson06.iou.check(iou)"))


def test_a_copy_with_other_names_and_comments_is_seen() -> None:
    renamed = LONG.replace("shared", "both").replace("first", "a").replace("    # my own idea\n", "")
    other = LONG.replace("max(0, right - left)", "(right - left if right > left else 0)")
    hints = submission_hints({"ann": answer(LONG), "ben": answer(renamed), "cem": answer(other)}, STUBS)
    assert [(hint.students, hint.cells) for hint in hints] == [(("ann", "ben"), ("06_iou-answer",))]


def test_what_everybody_writes_is_no_hint() -> None:
    assert submission_hints({f"s{number}": answer(LONG) for number in range(12)}, STUBS) == []
    stub = book(("06_iou-answer", STUBS["06_iou-answer"]))
    short = book(("00_count_values-answer", "count = 3 * 224 * 224"))
    assert submission_hints({"a": stub, "b": stub, "c": short, "d": short}, STUBS) == []


def test_the_kits_own_solution_is_told_by_itself() -> None:
    [hint] = submission_hints({"ann": answer(lesson06.iou.solution().words)}, STUBS)
    assert hint.sentence.startswith("is the kit's own solution")


def test_tampering_is_seen_and_ordinary_code_is_not() -> None:
    for code, words in {
        "lesson06.iou.grade = lambda *a, **k: None": "sets .grade",
        "setattr(lesson06.iou, 'grade', print)": "changes an attribute with setattr",
        "import torch\ntorch.equal = lambda *a: True": "replaces torch.equal",
        "x = lesson06.iou.answer()": "calls .answer() in a cell",
        "lesson06.iou.solution()": "calls .solution() in a cell",
        "import sys\nsys._getframe(1).f_locals": "looks into the callers' frames",
    }.items():
        [hint] = submission_hints({"eve": book(("", code))}, {})
        assert hint.sentence.startswith(words) and hint.students == ("eve",) and hint.cells == ("cell 1",)
    plain = ("class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.check = 3\n"
             "model.fc = nn.Linear(2, 2)\nmodel.training = False\ntotal += grade")  # fmt: skip
    assert submission_hints({"ann": book(("", plain))}, {}) == []


def test_a_released_cell_is_nobodys_hint() -> None:
    released = "lesson06.iou.grade(iou)"
    assert submission_hints({"a": book(("06_iou-test", "lesson06.iou.grade = 1"))}, {"06_iou-test": released}) == []


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: book(("06_iou-answer", text)))))
def test_whatever_is_handed_in_is_no_traceback(content: bytes) -> None:
    submission_hints({"a": content, "b": content}, STUBS)
