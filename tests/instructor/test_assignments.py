"""Assignments: every exercise can be asked alone, with what it needs and nothing else; bad input leaves nothing behind.

The oracles: the cells are run, as they are, without what a learner does not get, and with one line of the context less;
nbgrader's own validator. What the graders make of an assignment is proved in tests/class.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from course_lib.__main__ import main
from course_lib.errors import CourseError
from course_lib.exercises import assignments
from course_lib.exercises.assignments import Choice, assign, choose, listing
from course_lib.exercises.assignments.assignment_cells import nbgrader_cells
from course_lib.exercises.assignments.exercise_cells import ExerciseCell, exercise_cells, first_cell
from course_lib.exercises.engine.exercise import NotCorrect
from course_lib.exercises.engine.learner_progress import all_exercises
from tests.assignment_books import LIGHT, made, released, sources

CELLS = exercise_cells()
LESSONS = sorted({name[:2] for name in CELLS})
each = pytest.mark.parametrize("name", CELLS)
both_engines = pytest.mark.parametrize("engine", assignments.ENGINES)


@pytest.fixture(autouse=True)
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))


def run(cells: list[str]) -> Any:
    """Run cells one after the other; what the last line of the answer's cell gave."""
    space: dict[str, Any] = {"__name__": "__main__"}
    outcome = None
    for source in cells:
        *lines, last = ast.parse(source).body or [ast.Pass()]
        exec(compile(ast.Module([*lines], []), "<cell>", "exec", dont_inherit=True), space)
        if isinstance(last, ast.Expr) and ".check(" in source:
            outcome = eval(compile(ast.Expression(last.value), "<cell>", "eval", dont_inherit=True), space)
        else:
            exec(compile(ast.Module([last], []), "<cell>", "exec", dont_inherit=True), space)
    return outcome


# -- choosing ---------------------------------------------------------------------------------------------------------
def test_every_exercise_of_the_lessons_can_be_asked() -> None:
    assert list(CELLS) == sorted(CELLS, key=lambda name: name[:2]) and len(LESSONS) >= 6
    assert set(CELLS) == {name for name in all_exercises() if name[:2] in LESSONS}
    assert [cell.number for cell in CELLS.values()] == list(range(len(CELLS)))


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_is_all_its_exercises(lesson: str) -> None:
    wanted = [name for name in CELLS if name[:2] == lesson]
    for spelled in (lesson, int(lesson), str(int(lesson))):
        choice = choose(lessons=[spelled])
        assert [cell.exercise.id for cell in choice.cells] == wanted
        earlier = {other.id for name in wanted for other in all_exercises()[name].uses}  # of another lesson
        assert {cell.exercise.id for cell in choice.given} == earlier
    assert choice.points == sum(all_exercises()[name].points for name in wanted)
    assert choice.minutes == sum(all_exercises()[name].minutes for name in wanted)


@pytest.mark.parametrize(
    ("lessons", "numbers"),
    [
        ("1-3", ["01", "02", "03"]),
        ("01-03,05", ["01", "02", "03", "05"]),
        (["2 - 2", 0], ["00", "02"]),
        ("all", LESSONS),
    ],
)
def test_lessons_are_named_as_people_name_them(lessons: Any, numbers: list[str]) -> None:
    assert {cell.exercise.id[:2] for cell in choose(lessons=lessons).cells} == set(numbers)
    assert choose(lessons=lessons).cells == listing(lessons=lessons).cells


@pytest.mark.parametrize("lessons", ["3-1", "1-", "-1", "1-99", "1-2-3", "every"])
def test_a_range_that_means_nothing_is_refused(lessons: str) -> None:
    with pytest.raises(CourseError, match="There is no lesson"):
        choose(lessons=lessons)


def test_the_list_can_be_of_one_lesson(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["assign", "--list", "--lessons", "03"]) == 0
    _, *rows, _ = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == [name for name in CELLS if name.startswith("03")]


def test_torch_is_at_hand_and_hints_are_mentioned(tmp_path: Path) -> None:
    for engine in assignments.ENGINES:
        book = made(choose(["04_trace_cfg", "04_output_size"]), tmp_path / engine, engine)
        assert any("import torch\nfrom torch import nn\n" in source for source in sources(book))
        assert any("hints are folded" in cell.source for cell in book.cells if cell.cell_type == "markdown")


def test_ids_and_lessons_add_up_in_the_lessons_order_and_nothing_comes_twice() -> None:
    choice = choose(["04_output_size", "00_count_values", "04_output_size"], lessons=["00", "00"])
    assert [cell.exercise.id for cell in choice.cells] == ["00_fooling_crop", "00_count_values", "04_output_size"]
    assert choose(["01_accuracy", "01_preprocess"]).together == (CELLS["01_preprocess"], CELLS["01_accuracy"])


def test_answers_that_are_used_come_along_only_where_they_are_not_asked() -> None:
    alone = choose(["09_resnet18"])
    assert [cell.exercise.id for cell in alone.given] == ["03_basic_block", "09_make_layer"]
    assert [cell.exercise.id for cell in alone.together] == ["03_basic_block", "09_make_layer", "09_resnet18"]
    assert alone.points == CELLS["09_resnet18"].exercise.points
    some = choose(["09_resnet18", "09_make_layer"])
    assert [cell.exercise.id for cell in some.given] == ["03_basic_block"]


def test_points_of_ones_own_stand_in_the_heading_the_total_and_the_test() -> None:
    choice = choose(["04_output_size", "00_count_values"], points=["04_output_size=7.5", "00_count_values=4"])
    assert choice.points == 11.5 and CELLS["04_output_size"].points == CELLS["04_output_size"].exercise.points
    text = "\n".join(cell.source for cell in nbgrader_cells("hw", choice, 1, ""))
    assert "(7.5 points)" in text and "(4 points)" in text and "11.5 points" in text
    marks = [cell.metadata.nbgrader.get("points") for cell in nbgrader_cells("hw", choice, 1, "")]
    assert [points for points in marks if points] == [4, 7.5]
    for words, sentence in (("06_iou=3", "is not in the assignment"), ("04_output_size=none", "are written as"),
                            ("04_output_size=-1", "are written as"), ("04_output_size=nan", "are written as"),
                            ("04_output_siz=1", "Did you mean '04_output_size'")):  # fmt: skip
        with pytest.raises(CourseError, match=sentence):
            choose(["04_output_size"], points=words)


def test_the_list_shows_what_an_instructor_chooses_by(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["assign", "--list"]) == 0
    head, *rows, last = capsys.readouterr().out.splitlines()
    assert head.split() == ["exercise", "points", "minutes", "difficulty", "kind", "variants", "needs", "title"]
    assert len(rows) == len(CELLS) and last.startswith(f"{len(CELLS)} exercises")
    for row, (name, exercise) in zip(rows, ((name, all_exercises()[name]) for name in CELLS), strict=True):
        words = [
            name,
            str(exercise.points),
            str(exercise.minutes),
            exercise.difficulty,
            exercise.kind,
            "yes" if exercise.variants else "-",
            *(CELLS[name].earlier or ["-"]),
        ]
        assert row.split() == [*words, *exercise.title.split()]
    shown = listing()._repr_html_()
    assert shown.count("<tr>") == len(CELLS) + 1 and "03_basic_block 09_make_layer" in shown


# -- what a cell needs of its lesson ----------------------------------------------------------------------------------
def alone(cell: ExerciseCell, context: list[str]) -> list[str]:
    """The exercise with its solution, below these lines."""
    check = f"from course_lib.exercises import {cell.module}\n{cell.module}.{cell.name}.check({cell.answer})"
    shown = [text for kind, text in cell.above if kind == "code"]
    return [*context, *shown, cell.stub, cell.exercise.solution().words, check]


@pytest.mark.parametrize("name", [name for name, cell in CELLS.items() if cell.context or cell.earlier])
def test_each_line_of_the_context_is_needed(name: str) -> None:
    cell = CELLS[name]
    given = [line for other in choose([name]).given for line in (*other.context, other.exercise.solution().words)]
    lines = list(dict.fromkeys([*given, *cell.context]))
    assert run(alone(cell, lines)).state == "correct"
    words = "\n".join([cell.exercise.background, *(text for kind, text in cell.above if kind == "markdown")])
    for number, line in enumerate(lines):
        if "import " in line and re.search(rf"`[^`\n]*\b{line.split()[-1]}\b[^`\n]*`", words):
            continue  # the words speak of it, and a reader may want to use it
        try:
            outcome = run(alone(cell, lines[:number] + lines[number + 1 :]))
        except NameError:
            continue
        assert outcome.state != "correct", line


def lesson(folder: Path, *cells: str) -> Path:
    """A notebook of these cells, and the first exercise of lesson 00 at its end."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    book.cells.append(nbformat.v4.new_markdown_cell("## A heading\n\nHow many?"))
    book.cells.append(nbformat.v4.new_code_cell("print(total)"))
    stub = nbformat.v4.new_code_cell("count = ...\nex.count_values.check(count)")
    stub.metadata["tags"] = ["exercise"]
    book.cells.append(stub)
    nbformat.write(book, folder / "00_start.ipynb")
    return folder


def test_of_a_lesson_only_the_lines_that_a_cell_needs_come_along(tmp_path: Path) -> None:
    needed = [
        "import math",
        "rows = [3]",
        "def area(radius):\n    return half(2 * radius) * math.pi",
        "def half(value):\n    return value / 2",
        "rows = [area(row) for row in rows]",
        "total = 0",
        "for row in rows:\n    total += row",
    ]
    others = ["import json", "from os import path", "unused = [json, path]", "row = 5", "print(unused, row)", "half(3)"]
    cells = ["%matplotlib inline\nimport json, math\nfrom os import path", "!pip --version", needed[1],
             f"unused = [json, path]\n{needed[2]}\n\n{needed[3]}", "print(unused)\nhalf(3)", needed[4],
             f"row = 5\n{needed[5]}\n{needed[6]}"]  # fmt: skip
    [cell] = choose(lessons=[0], notebooks=lesson(tmp_path, *cells)).cells
    assert list(cell.context) == needed and not set(others) & set(cell.context)
    space: dict[str, Any] = {}
    exec("\n".join(cell.context), space)
    assert space["total"] == 3 * 3.141592653589793


# -- what is written --------------------------------------------------------------------------------------------------
@each
def test_an_exercise_is_assignable_alone(name: str, tmp_path: Path) -> None:
    """With its solution every cell passes; as released it is not attempted, and its grade says so."""
    book = made(choose([name]), tmp_path)
    whole = sources(book)
    assert run(whole).state == "correct"
    *before, test = [released(source) for source in whole]
    outcome = run(before)
    assert outcome.state == "not attempted"
    with pytest.raises(NotCorrect, match="not attempted"):
        run([*before, test])
    solution = CELLS[name].exercise.solution().words
    assert solution not in "\n".join(before) and "seed=" not in test and not re.search(r"\bex\.", "\n".join(before))
    words = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    points = CELLS[name].exercise.points
    assert f"({points} point{'s' * (points > 1)})\n" in words and not re.search(r"`ex\.", words)


@pytest.mark.parametrize("name", ["00_count_values", "02_pareto", "04_output_size"])
def test_a_grade_stands_though_every_other_cell_was_deleted(name: str, tmp_path: Path) -> None:
    *_, answer, test = sources(made(choose([name]), tmp_path))
    bare = answer[: answer.rindex("\n\n")]  # without its check
    run([bare, test])
    with pytest.raises(NameError):
        run([test])


def test_nbgraders_validator_takes_it(tmp_path: Path) -> None:
    validator = pytest.importorskip("nbgrader.nbgraderformat", reason="nbgrader is not installed").MetadataValidator
    book = made(Choice(tuple(CELLS.values())), tmp_path)
    validator().validate_nb(book)
    marks = [cell.metadata.nbgrader for cell in book.cells]
    assert len({mark.grade_id for mark in marks}) == len(marks)
    assert sum(mark.points for mark in marks if mark.grade) == sum(cell.exercise.points for cell in CELLS.values())
    kinds = {(mark.grade, mark.solution, mark.locked) for mark in marks}
    assert kinds == {(False, True, False), (True, False, True), (False, False, True)}
    del marks[0]["locked"]
    with pytest.raises(Exception, match="locked"):  # it does look
        validator().validate_nb(book)


def test_markers_stand_only_where_they_mean_something() -> None:
    """nbgrader and otter look for them in every line of every cell."""
    for cell in CELLS.values():
        texts = [text for _, text in cell.above] + [cell.stub, cell.exercise.solution().words, *cell.context]
        assert not re.search(r"\b(BEGIN|END) |# HIDDEN", "\n".join(texts)), cell.exercise.id


def test_otters_cells_hold_the_same(tmp_path: Path) -> None:
    choice = choose(["09_resnet18"], lessons=["00"])
    book = made(choice, tmp_path, "otter")
    raw = [cell.source for cell in book.cells if cell.cell_type == "raw"]
    assert [word for word in raw if word.startswith("# BEGIN QUESTION")] == [
        f"# BEGIN QUESTION\nname: q{cell.exercise.id}\npoints: {cell.exercise.points}\ncheck_cell: false"
        for cell in choice.cells
    ]
    opened = [line.split()[2] for text in raw for line in text.splitlines() if line.startswith("# BEGIN")]
    closed = [line.split()[2] for text in raw for line in text.splitlines() if line.startswith("# END")]
    assert sorted(opened) == sorted(closed)
    assert run([source for source in sources(book) if "export" not in source]).state == "correct"


@both_engines
def test_the_same_seed_gives_the_same_bytes(engine: str, tmp_path: Path) -> None:
    choice = choose([*LIGHT, "09_resnet18"])
    first, again, other = (
        assign("homework", choice, seed=seed, engine=engine, into=tmp_path / folder).read_text(encoding="utf-8")
        for folder, seed in (("a", 7), ("b", 7), ("c", 8))
    )
    assert first == again != other and first.replace("seed=7)", "seed=8)") == other


# -- the command, and what it refuses ---------------------------------------------------------------------------------
def content(folder: Path) -> dict[str, str | None]:
    """Every file and folder, and what is in the files."""
    found = sorted(folder.rglob("*"))
    return {str(path.relative_to(folder)): path.read_text() if path.is_file() else None for path in found}


@both_engines
def test_the_command_writes_where_the_engine_looks(
    engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["assign", "hw-1", "--lessons", "0", "--exercises", "04_output_size", "--engine", engine, "--seed", "7"]
    assert main([*given, "--into", str(tmp_path / "new" / "course")]) == 0
    place = {"nbgrader": "source/hw-1/hw-1.ipynb", "otter": "hw-1/hw-1.ipynb"}[engine]
    beside = {"nbgrader": "nbgrader_config.py", "otter": "hw-1/requirements.txt"}[engine]
    files = [str(path.relative_to(tmp_path / "new" / "course")) for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(files) == sorted([place, beside])
    out, err = capsys.readouterr()
    assert "3 exercises" in out and "seed 7" in out and "04_output_size" in out and err == ""
    assert main(["assign", "hw-2", *given[2:], "--into", str(tmp_path / "new" / "course")]) == 0
    assert "left alone" not in capsys.readouterr().out


def test_without_a_seed_one_is_drawn_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["assign", "hw", "--lessons", "0", "--into", str(tmp_path)]) == 0
    seed = re.findall(r"seed (\d+)", capsys.readouterr().out)
    assert len(seed) == 1 and f"seed={seed[0]})" in (tmp_path / "source/hw/hw.ipynb").read_text()


@both_engines
def test_settings_that_were_there_before_stay_and_are_told(
    engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / {"nbgrader": "nbgrader_config.py", "otter": "hw/requirements.txt"}[engine]
    file.parent.mkdir(exist_ok=True)
    file.write_text("# mine\n")
    assert main(["assign", "hw", "--lessons", "0", "--engine", engine, "--into", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert file.read_text() == "# mine\n" and f"{file} was there before and was left alone" in told
    assert {"nbgrader": "c.ClearSolutions.code_stub", "otter": "course_lib @ git+https://"}[engine] in told


@both_engines
def test_a_wheel_takes_the_place_of_an_address_that_is_not_set(
    engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = ["assign", "--lessons", "0", "--engine", engine, "--into", str(tmp_path)]
    assert main([*plain, "hw"]) == 0
    assert "does not know its repository's address" in capsys.readouterr().out
    assert main([*plain, "hw2", "--kit", "https://example.org/course_lib-1.whl"]) == 0
    assert "address" not in capsys.readouterr().out
    texts = [path.read_text() for path in tmp_path.rglob("*") if path.is_file() and "hw2" in str(path)]
    assert all("example.org/course_lib-1.whl" in text and "git+" not in text for text in texts) and texts
    assert main([*plain, "hw3", "--kit", "three words here"]) == 1
    assert "wheel's file name" in capsys.readouterr().err


@pytest.mark.parametrize("there", ["latin-1", "folder"])
def test_settings_that_are_no_text_or_no_file_stay_too(
    there: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "nbgrader_config.py"
    file.mkdir() if there == "folder" else file.write_bytes("c = get_config()  # Größe\n".encode("latin-1"))
    assert main(["assign", "hw", "--lessons", "0", "--into", str(tmp_path)]) == 0
    assert f"{file} was there before and was left alone" in capsys.readouterr().out
    assert file.is_dir() or file.read_bytes().endswith(b"Gr\xf6\xdfe\n")


@pytest.mark.parametrize("given", [
    ["--exercises", "06_iou,01_top_k", "--lessons", "0"], ["--exercises", "06_iou,", "01_top_k", "--lessons", "00"],
    ["--exercises", "06_iou", "--lessons", "0,00", "--exercises", " 01_top_k,06_iou"],
    ["--lessons", "0", "--exercises", "01_top_k", "--exercises", "00_count_values", "06_iou"],
])  # fmt: skip
def test_ids_are_listed_as_people_list_things(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["assign", "hw", *given, "--into", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert re.findall(r"^\d\d_\w+", out, re.MULTILINE) == ["00_fooling_crop", "00_count_values", "01_top_k", "06_iou"]


def test_one_id_or_lesson_needs_no_list() -> None:
    assert choose("06_iou", lessons=0).cells == choose(["06_iou"], lessons=["00"]).cells


GIVEN = ["assign", "hw", "--exercises", "00_count_values"]
REFUSED = [
    (["assign", "hw", "--lessons", "99"], "There is no lesson '99'"),
    (["assign", "hw", "--lessons", "x"], "There is no lesson 'x'"),
    (["assign", "hw", "--exercises", "03_projektion"], "There is no exercise '03_projektion'"),
    (["assign", "hw", "--exercises", "03_basic_blok"], "Did you mean '03_basic_block'"),
    (["assign", "hw"], "Nothing was chosen"),
    (["assign", "hw", "--exercises", ","], "Nothing was chosen"),
    (["assign", "--lessons", "03"], "needs a name"),
    (["assign", "", "--lessons", "00"], "needs a name"),
    *((["assign", name, *GIVEN[2:]], "cannot be an assignment's name")
      for name in ("../hw", "a b", "hw/1", "_hw", ".", "hw\n", "Übung", "hw+1")),
    ([*GIVEN, "--engine", "gradescope"], "There is no engine 'gradescope': take nbgrader or otter"),
    ([*GIVEN, "--notebooks", "nowhere"], "There are no lessons in nowhere"),
    ([*GIVEN, "--into", "a file"], "cannot be written: Not a directory"),
    ([*GIVEN, "--into", "a file/deeper"], "cannot be written: Not a directory"),
    (["assign", "taken", *GIVEN[2:]], "taken.ipynb already exists"),
    (["assign", "folder", *GIVEN[2:]], "folder.ipynb already exists"),
    (["assign", "blocked", *GIVEN[2:]], "cannot be written"),
    (["assign", "n" * 300, *GIVEN[2:]], "cannot be written: File name too long"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "says"), REFUSED, ids=lambda value: " ".join(value)[:40] if value else "")
def test_bad_input_gives_one_sentence_and_leaves_nothing(
    given: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a file").write_text("mine")
    (tmp_path / "source" / "taken").mkdir(parents=True)
    (tmp_path / "source" / "taken" / "taken.ipynb").write_text("mine")
    (tmp_path / "source" / "folder" / "folder.ipynb").mkdir(parents=True)
    (tmp_path / "source" / "blocked").write_text("mine")
    before = content(tmp_path)
    assert main(given) == 1
    out, err = capsys.readouterr()
    assert out == "" and says in err and err.count("\n") == 1 and "Traceback" not in err
    assert content(tmp_path) == before


@both_engines
@pytest.mark.parametrize("fails_at", [1, 2])
def test_a_disk_that_fills_up_leaves_nothing(
    engine: str, fails_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true, count = Path.replace, [0]

    def full(self: Path, target: Path) -> Path:
        count[0] += 1
        if count[0] == fails_at:
            raise OSError(28, "No space left on device")
        return true(self, target)

    monkeypatch.setattr(Path, "replace", full)
    (tmp_path / "mine.txt").write_text("")
    before = content(tmp_path)
    with pytest.raises(CourseError, match=r"homework\.ipynb cannot be written: No space left on device"):
        assign("homework", choose(LIGHT), seed=1, engine=engine, into=tmp_path)
    assert content(tmp_path) == before


@pytest.mark.parametrize(("old", "new", "says"), [
    *((r"(?s).*", content, "is not a notebook") for content in ("{", "{}", "[]", '{"cells": [1]}')),
    ("print", "def print", "not plain Python"), ("ex.count_values", "ex.count_camels", "the exercise 'count_camels'"),
    ("ex.count_values", "ex.__name__", "the exercise '__name__'"),
])  # fmt: skip
def test_a_lesson_that_cannot_be_read_is_named(
    old: str, new: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = lesson(tmp_path) / "00_start.ipynb"
    path.write_text(re.sub(old, new, path.read_text(), count=1))
    assert main(["assign", "--list", "--notebooks", str(tmp_path)]) == 1
    err = capsys.readouterr().err
    assert says in err and "00_start.ipynb" in err and err.count("\n") == 1


def test_a_first_lesson_without_code_is_named(tmp_path: Path) -> None:
    (tmp_path / "00_words.ipynb").write_text('{"cells": []}')
    with pytest.raises(CourseError, match=r"00_words\.ipynb has no cell with code"):
        first_cell(tmp_path)


def test_without_nbformat_the_command_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in [name for name in sys.modules if name.startswith("course_lib.exercises.assignments")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delattr("course_lib.exercises.assignments")
    monkeypatch.setitem(sys.modules, "nbformat", None)
    assert main(["assign", "--list"]) == 1
    assert capsys.readouterr().err == "nbformat is missing; pip install nbformat installs it.\n"
