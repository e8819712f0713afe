"""The committed notebooks: they agree with their text, every cell ran and is compared, and they read well when saved.

nbval (in the same `make test`) runs them and compares the outputs; these tests see to it that it has something to
compare. They read files only.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output

from course_lib.cli import badges
from tools import notebooks

ROOT = Path(__file__).resolve().parents[1]
BOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LONGEST_CODE, MOST_WORDS, MOST_BYTES, MOST_IGNORED = 15, 120, 1_500_000, 0.15
ONE_MACHINE = re.compile(r"(?<![\w.])/(?:work|tmp|root|home|Users|opt)/|127\.0\.0\.1|localhost:\d")


@pytest.fixture(params=BOOKS, ids=[path.stem for path in BOOKS])
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def book(path: Path) -> NotebookNode:
    found = nbformat.read(path, as_version=4)
    nbformat.validate(found)
    return found


def code(book: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in book.cells if cell.cell_type == "code"]


def outputs(book: NotebookNode) -> list[NotebookNode]:
    return [output for cell in code(book) for output in cell.outputs]


def ignored(cell: NotebookNode) -> bool:
    tags = {tag.replace("_", "-").lower() for tag in cell.metadata.get("tags", [])}
    return bool(tags & {"nbval-ignore-output", "nbval-skip", "raises-exception"})


def test_every_text_has_its_notebook_and_the_other_way_round() -> None:
    texts = sorted((ROOT / "notebooks" / "source").glob("*.py"))
    assert [path.stem for path in BOOKS] == [path.stem for path in texts] != []


def test_text_and_notebook_agree(path: Path) -> None:
    assert notebooks.differences(path.parent / "source" / f"{path.stem}.py", path) == []


def test_every_cell_ran_in_order_and_its_output_is_compared(book: NotebookNode) -> None:
    cells = code(book)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    compared = [cell for cell in cells if not ignored(cell)]
    assert len(compared) >= (1 - MOST_IGNORED) * len(cells) > 0
    assert any(cell.outputs for cell in compared)
    assert not any("raises-exception" in cell.metadata.get("tags", []) for cell in cells), "catch it in the cell"


def test_nothing_failed_and_nothing_is_dead(book: NotebookNode) -> None:
    for output in outputs(book):
        assert output.output_type != "error"
        assert output.get("name") != "stderr"
        assert notebooks.VIEW not in output.get("data", {})
    assert "widgets" not in book.metadata
    assert book.metadata.kernelspec.name == "python3"


def test_nothing_names_one_machine(book: NotebookNode) -> None:
    for cell in book.cells:
        assert not ONE_MACHINE.search(cell.source)
    for output in outputs(book):
        shown = output.get("text", "") + output.get("data", {}).get("text/plain", "")
        assert not ONE_MACHINE.search(shown + output.get("data", {}).get("text/html", ""))


def test_the_first_code_cell_serves_colab(book: NotebookNode) -> None:
    assert code(book)[0].source == badges.FIRST_CELL.format(address=badges.address(ROOT))


def test_headings_pictures_and_lengths(book: NotebookNode, path: Path) -> None:
    assert path.stat().st_size <= MOST_BYTES
    levels = []
    for cell in book.cells:
        if cell.cell_type == "code":
            lines = [line for line in cell.source.splitlines() if line.strip()]
            assert len(lines) <= LONGEST_CODE or "exercise" in cell.metadata.get("tags", []), cell.source
            continue
        prose = re.sub(r"```.*?```", "", cell.source, flags=re.S)
        levels += [len(marks) for marks in re.findall(r"^(#+) ", prose, flags=re.M)]
        assert len(re.sub(r"\|.*\|", "", prose).split()) <= MOST_WORDS, cell.source
        assert not re.search(r"!\[\s*\]\(", cell.source), "a picture needs alt text"
    shown = [cell.source for cell in book.cells] + [o.get("data", {}).get("text/html", "") for o in outputs(book)]
    for text in shown:
        assert not re.search(r"<img\b(?![^>]*\balt=\"[^\"]+\")", text, re.I), "a picture needs alt text"
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels)), "a skipped level"


def test_no_truth_stands_open_below_its_question(book: NotebookNode, path: Path) -> None:
    ids = [id for cell in code(book) for id in re.findall(r"guess\(\s*\"(\w+)\"", cell.source)]
    assert len(set(ids)) == len(ids) and all(id.startswith(f"{path.stem[:2]}_") for id in ids)
    told = [cell for cell in code(book) if ".reveal(" in cell.source]
    assert [cell for cell in code(book) if "guess" in cell.metadata.get("tags", [])] == told
    for cell in told:
        shown = [output.data["text/html"] for output in cell.outputs if "text/html" in output.get("data", {})]
        folded = [html for html in shown if "<summary>You haven't guessed yet" in html]
        assert folded and all(re.sub(r"<details>.*</details>|<[^>]+>", "", html, flags=re.S) == "" for html in folded)


def test_the_same_text_gives_the_same_ids(path: Path) -> None:
    source = path.parent / "source" / f"{path.stem}.py"
    ids = [cell.id for cell in notebooks.read(source).cells]
    assert ids == [cell.id for cell in notebooks.read(source).cells]
    assert len(set(ids)) == len(ids)


# The writer itself, on notebooks made here.


def made(*produced: NotebookNode) -> NotebookNode:
    return new_notebook(cells=[new_code_cell("x", outputs=list(produced), execution_count=1)])


def test_a_view_leaves_its_still_picture() -> None:
    book = made(
        new_output("display_data", {notebooks.VIEW: {"model_id": "1"}, "image/png": "aaaa", "text/plain": "still"})
    )
    notebooks.clean(book)
    assert dict(book.cells[0].outputs[0].data) == {"image/png": "aaaa", "text/plain": "still"}


@pytest.mark.parametrize(
    ("output", "says"),
    [
        (new_output("display_data", {notebooks.VIEW: {"model_id": "1"}}), "no still picture"),
        (new_output("stream", name="stderr", text="FutureWarning: soon"), "FutureWarning: soon"),
        (new_output("error", ename="ValueError", evalue="bad", traceback=[]), "ValueError: bad"),
    ],
)
def test_what_must_not_be_saved_is_refused(output: NotebookNode, says: str) -> None:
    with pytest.raises(notebooks.Unfit, match=says):
        notebooks.clean(made(output))


def test_a_finished_progress_bar_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "bar.py").write_text(
        "# %%\nfrom course_lib.progress import track\n"
        "numbers = list(track([1, 2], 'counting'))\nfirst = next(track(iter([3, 4]), 'left early'))\nnumbers, first\n"
    )
    book = notebooks.read(tmp_path / "bar.py")
    notebooks.run(book, tmp_path)
    shown = [output.data for output in book.cells[0].outputs]
    assert [output.get(notebooks.VIEW, {}).get("model_id") for output in shown] == ["", "", None]
    notebooks.clean(book)
    assert [dict(output.data) for output in book.cells[0].outputs] == [{"text/plain": "([1, 2], 3)"}]


def test_a_stream_cut_in_pieces_is_one() -> None:
    one, two, other = (new_output("stream", name="stdout", text=text) for text in ("a\n", "b\n", "c\n"))
    picture = new_output("display_data", {"text/plain": "p"})
    book = made(one, two, picture, other)
    notebooks.clean(book)
    assert [output.get("text") for output in book.cells[0].outputs] == ["a\nb\n", None, "c\n"]


def test_a_change_of_the_text_is_noticed(tmp_path: Path) -> None:
    source, saved = tmp_path / "09_x.py", tmp_path / "09_x.ipynb"
    source.write_text('# %% [markdown]\n# # Title\n\n# %% tags=["exercise"]\n1 + 1\n')
    assert "missing" in notebooks.differences(source, saved)[0]
    notebooks.write(notebooks.read(source), saved)
    assert notebooks.differences(source, saved) == []
    for text in (
        '# %% [markdown]\n# # Title\n\n# %% tags=["exercise"]\n1 + 2\n',
        "# %% [markdown]\n# # Title\n\n# %%\n1 + 1\n",
    ):
        source.write_text(text)
        assert "cell 2 differs" in notebooks.differences(source, saved)[0]
    source.write_text("# %% [markdown]\n# # Title\n")
    assert "2 cells, its text 1" in notebooks.differences(source, saved)[-1]


def test_a_notebook_that_fails_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "09_x.py").write_text("# %%\nprint(1)\n\n# %%\n1 / 0\n")
    monkeypatch.setattr(notebooks, "FOLDER", tmp_path)
    monkeypatch.setattr(notebooks, "lessons", lambda names: [tmp_path / "source" / "09_x.py"])
    assert notebooks.main([]) == 1
    assert not list(tmp_path.glob("*.ipynb"))
    assert not list(tmp_path.glob("*.tmp"))
