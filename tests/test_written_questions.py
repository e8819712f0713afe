"""Written questions: read from Markdown, with a rubric that students don't get; tests/class has what nbgrader does."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from course_lib.__main__ import main
from course_lib.exercises.assignments import choose
from course_lib.exercises.assignments.written_questions import read_questions

OURS = Path(__file__).parents[1] / "docs" / "written_questions.md"
GOOD = "# Mine\n\n## why: Why it helps (2.5 points)\n\nExplain.\n\n### Rubric\n\n- all of it\n"


def test_the_courses_own_file_has_a_question_for_every_lesson() -> None:
    questions = read_questions([str(OURS)])
    assert [question.id[:2] for question in questions] == [f"{number:02}" for number in range(10)]
    for question in questions:
        shares = [line for line in question.rubric.splitlines() if line.startswith("- 1 point: ")]
        assert len(shares) == question.points and question.question.rstrip().endswith((".", "?"))


def test_questions_count_in_points_minutes_and_the_list(tmp_path: Path) -> None:
    (tmp_path / "mine.md").write_text(GOOD)
    choice = choose(["00_count_values"], written=[str(tmp_path / "mine.md"), f"{OURS}#03_shortcut"])
    assert choice.points == 1 + 2.5 + 3 and choice.minutes == 1 + 11
    assert "1 exercise and 2 written questions, 6.5 points" in repr(choice) and "Why the shortcut helps" in repr(choice)
    assert choose("00_count_values", written=f"{OURS}#03_shortcut,00_crop").written[1].id == "00_crop"


def test_the_rubric_is_marked_for_nbgrader_and_the_answer_has_a_cell(tmp_path: Path) -> None:
    (tmp_path / "mine.md").write_text(GOOD)
    given = ["--exercises", "00_count_values", "--written", str(tmp_path / "mine.md"), "--into", str(tmp_path)]
    assert main(["assign", "hw", *given]) == 0
    *_, question, answer = nbformat.read(tmp_path / "source/hw/hw.ipynb", as_version=4).cells
    assert question.metadata.nbgrader.task and question.metadata.nbgrader.points == 2.5
    assert question.source.index("BEGIN MARK SCHEME") < question.source.index("- all of it")
    assert "write your answer" in answer.source and "nbgrader" not in answer.metadata


@pytest.mark.parametrize(("text", "says"), [
    (None, "cannot be read: No such file"), (b"\xff\xfe\xff", "not UTF-8"), ("# Nothing\n", "has no questions"),
    (GOOD.replace(" (2.5 points)", ""), "has the heading 'why: Why it helps'"),
    (GOOD.replace("2.5", "0"), "points above 0"), (GOOD.replace("### Rubric", "### Notes"), "needs a part `### R"),
    (GOOD.replace("- all of it", ""), "needs a part `### R"), (GOOD.replace("Explain.", ""), "needs words between"),
    (GOOD + GOOD.removeprefix("# Mine\n\n"), "is there twice"), (GOOD.replace("Explain", "MARK SCHEME"), "own word"),
    (GOOD.replace("why:", "00_count_values:"), "the id of an exercise"),
])  # fmt: skip
def test_a_file_that_is_not_right_gets_a_sentence(
    text: str | bytes | None, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.md"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    given = ["--exercises", "00_count_values", "--written", str(path), "--into", str(tmp_path)]
    assert main(["assign", "hw", *given]) == 1
    assert says in capsys.readouterr().err and not (tmp_path / "source").exists()


def test_a_question_that_is_not_there_and_another_engine_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["assign", "hw", "--lessons", "0", "--written", f"{OURS}#03_shortcuts", "--into", str(tmp_path)]) == 1
    assert "no question '03_shortcuts'. Did you mean '03_shortcut'?" in capsys.readouterr().err
    given = ["--engine", "otter", "--into", str(tmp_path)]
    assert main(["assign", "hw", "--lessons", "0", "--written", f"{OURS}#03_shortcut", *given]) == 1
    assert "Only nbgrader" in capsys.readouterr().err
