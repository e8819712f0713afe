"""Write the notebooks from their text: `make notebooks`, or `python tools/notebooks.py [--check] [NAME ...]`.

A lesson is edited in notebooks/source/NAME.py (jupytext's py:percent). This file runs it from top to bottom and writes
notebooks/NAME.ipynb with its outputs, fit to be committed: the same text gives the same cell ids, there are no times,
no versions and no dead widget views, and a cell that raised or wrote to stderr stops the work. `--check` runs nothing;
it says whether text and notebook agree.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
VIEW = "application/vnd.jupyter.widget-view+json"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}


class Unfit(Exception):
    """A notebook that must not be saved, with the cell and the reason."""


def read(source: Path) -> NotebookNode:
    """The notebook that a text stands for: no outputs, and ids that depend on nothing but the text."""
    book = jupytext.read(source, fmt="py:percent")
    seen: Counter[str] = Counter()
    cells = []
    for cell in book.cells:
        text = f"{cell.cell_type}\n{cell.source}"
        seen[text] += 1
        cell["id"] = hashlib.sha256(f"{text}\n{seen[text]}".encode()).hexdigest()[:12]
        cells.append(cell)
    return nbformat.from_dict({"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5})


def run(book: NotebookNode, folder: Path, *, seconds: int = 600) -> None:
    """Run every cell in place, in a kernel of this Python, in ``folder``, with the course's own weights."""
    environment = os.environ | {"COURSE_WEIGHTS": "course", "COURSE_TOUCH": "0"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(FOLDER.parent), os.environ.get("PYTHONPATH")]))
    client = NotebookClient(
        book, timeout=seconds, kernel_name="python3", record_timing=False, store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    )  # fmt: skip
    try:
        with tempfile.TemporaryDirectory() as apart:  # nothing is solved, whoever runs this
            client.execute(env=environment | {"COURSE_PROGRESS": str(Path(apart, "progress.json"))})
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as problem:
        raise Unfit(str(problem)) from None


def clean(book: NotebookNode) -> None:
    """Leave only what may be saved; ``Unfit`` for what may neither be saved nor dropped in silence."""
    for number, cell in enumerate(book.cells, 1):
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        for output in cell.outputs:
            if output.output_type == "error":
                raise Unfit(f"cell {number} raised {output.ename}: {output.evalue}")
            if output.get("name") == "stderr":
                raise Unfit(f"cell {number} wrote to stderr: {output.text.strip()[-500:]}")
        cell.outputs = _joined([_still(output, number) for output in cell.outputs if not _removed(output)])
    book.metadata = nbformat.from_dict(METADATA)


def _removed(output: NotebookNode) -> bool:
    """Whether this is a widget that its own program took away again, as a progress bar is at its end."""
    data = output.get("data", {})
    return set(data) == {VIEW} and not data[VIEW]["model_id"]


def _still(output: NotebookNode, number: int) -> NotebookNode:
    """The output without its widget view, which would be dead in the saved file."""
    data = output.get("data", {})
    if VIEW in data:
        del data[VIEW]
        if not data:
            raise Unfit(f"cell {number} shows a widget that has no still picture and no text")
    if "metadata" in output:
        output["metadata"].pop(VIEW, None)
    return output


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Neighbouring pieces of one stream as one: how a stream was cut depends on the moment."""
    kept: list[NotebookNode] = []
    for output in outputs:
        last = kept[-1] if kept else None
        if last is not None and last.output_type == output.output_type == "stream" and last.name == output.name:
            last.text += output.text
        else:
            kept.append(output)
    return kept


def write(book: NotebookNode, path: Path) -> None:
    """Write the notebook beside its final place and move it there."""
    nbformat.validate(book)
    handle, name = tempfile.mkstemp(suffix=".tmp", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        temporary.write_text(nbformat.writes(book) + "\n", encoding="utf-8")
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def differences(source: Path, path: Path) -> list[str]:
    """Where a text and its notebook do not agree, one sentence each; outputs and ids are left out."""
    if not path.exists():
        return [f"{path.name} is missing: run `make notebooks`"]

    def plain(book: NotebookNode) -> list[tuple[str, str, dict[str, Any]]]:
        return [(cell.cell_type, cell.source, dict(cell.metadata)) for cell in book.cells]

    text, saved = plain(read(source)), plain(nbformat.read(path, as_version=4))
    found = [
        f"{path.name} cell {number} differs from the text: run `make notebooks`"
        for number, (left, right) in enumerate(zip(text, saved, strict=False), 1)
        if left != right
    ]
    if len(text) != len(saved):
        found.append(f"{path.name} has {len(saved)} cells, its text {len(text)}: run `make notebooks`")
    return found


def lessons(names: list[str], folder: Path = FOLDER) -> list[Path]:
    """The texts of the lessons named ('00', '01_inference' or a path), or of all."""
    texts = sorted((folder / "source").glob("[0-9]*.py"))
    wanted = {Path(name).stem for name in names}
    chosen = [text for text in texts if not wanted or text.stem in wanted or text.stem.split("_")[0] in wanted]
    missing = [n for n in wanted if not any(t.stem == n or t.stem.split("_")[0] == n for t in texts)]
    if missing:
        raise SystemExit(f"no such lesson: {', '.join(missing)}; there are {', '.join(t.stem for t in texts)}")
    return chosen


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="lessons, such as 01 or 01_inference; all by default")
    parser.add_argument("--check", action="store_true", help="run nothing; say whether text and notebooks agree")
    parser.add_argument("--seconds", type=int, default=600, help="how long one cell may take")
    options = parser.parse_args(arguments)
    failed = False
    for source in lessons(options.names):
        path = FOLDER / f"{source.stem}.ipynb"
        if options.check:
            problems = differences(source, path)
            print(*(problems or [f"{path.name} agrees with its text"]), sep="\n")
            failed |= bool(problems)
            continue
        began = time.monotonic()
        book = read(source)
        try:
            run(book, FOLDER, seconds=options.seconds)
            clean(book)
        except Unfit as problem:
            failed = True
            print(f"{path.name} not written: {problem}", file=sys.stderr)
            continue
        write(book, path)
        print(f"{path.name}: {len(book.cells)} cells, {path.stat().st_size:,} bytes, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
