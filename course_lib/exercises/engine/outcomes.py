"""What an exercise says (an outcome, a hint, a solution), and the file that keeps outcomes.

The file lies on the learner's own disk, nowhere else. It holds ids of exercises with the last outcome and the number of
tries; no answers, no names, no times. The folder is the operating system's own for such things; ``COURSE_PROGRESS``
names another file.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Literal

import platformdirs

__all__ = ["LOOK", "Note", "Outcome", "State", "keep", "place", "read", "write_json"]

State = Literal["not attempted", "not yet", "correct"]
#: Icon and colour of every state: never the colour alone.
LOOK: dict[State, tuple[str, str]] = {
    "not attempted": ("○", "#808080"), "not yet": ("→", "#D55E00"), "correct": ("✓", "#009E73"),
}  # fmt: skip


@dataclass(frozen=True)
class Note:
    """A hint or a solution."""

    title: str
    words: str
    code: bool = False

    def __repr__(self) -> str:
        return f"{self.title}\n{self.words}"

    def _body(self) -> str:
        return f"<pre>{escape(self.words)}</pre>" if self.code else f"<br>{escape(self.words)}"

    def _repr_html_(self) -> str:
        return (
            '<div style="border-left:5px solid #0072B2;padding:6px 12px;margin:4px 0">'
            f"<b>{escape(self.title)}</b>{self._body()}</div>"
        )

    def folded(self, under: str) -> str:
        """The same as HTML that opens on a click, with or without a kernel; ``under`` is the title above it."""
        words = self.title.removeprefix(f"{under}: ")
        head = f"<summary>{escape(words[:1].upper() + words[1:])}</summary>"
        return f"<details>{head}{self._body().removeprefix('<br>')}</details>"


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt, or words to help: shown as a box in a notebook, as a line in a terminal.

    Attributes:
        state: how far the answer is.
        sentence: what to look at, or praise.
        title: the exercise's.
        help: hints and solution, each folded below the box.
    """

    state: State
    sentence: str
    title: str = ""
    help: tuple[Note, ...] = field(default=(), repr=False, compare=False)

    def __repr__(self) -> str:
        return f"{LOOK[self.state][0]} {self.title}: {self.state}. {self.sentence}".strip()

    def _repr_html_(self) -> str:
        icon, color = LOOK[self.state]  # the text keeps the page's own colour, which is legible on any theme
        return (
            f'<div role="status" style="border-left:5px solid {color};padding:6px 12px;margin:4px 0">'
            f'<span style="color:{color}">{icon}</span> <b>{escape(self.title)}</b> · {self.state}<br>'
            f"{escape(self.sentence)}{''.join(note.folded(self.title) for note in self.help)}</div>"
        )


# -- what is kept on the learner's disk --------------------------------------------------------------------------------
def place() -> Path:
    """The file: what the variable COURSE_PROGRESS names, or one in the system's folder for a user's data."""
    named = os.environ.get("COURSE_PROGRESS")
    return Path(named).expanduser() if named else platformdirs.user_data_path("course_lib") / "progress.json"


def keep(id: str, state: State) -> None:
    """Write down the outcome of a try. What is solved stays solved; a disk that cannot be written to stops nobody.

    Not while nbgrader runs a submission (it sets ``NBGRADER_EXECUTION``): the progress on that computer is the
    instructor's.
    """
    if os.environ.get("NBGRADER_EXECUTION"):
        return
    kept, broken = read()
    before, tries = kept.get(id, ("not attempted", 0))
    if before == "correct" or state == "not attempted":
        return
    kept[id] = (state, tries + 1)
    path = place()
    with contextlib.suppress(OSError):
        if broken and path.is_file():  # a folder is somebody's own: it keeps its name
            path.replace(path.with_name(f"{path.name}.broken"))
    write_json(path, {id: list(entry) for id, entry in kept.items()})


def write_json(path: Path, content: Any) -> None:
    """Write a file whole or not at all; where the disk cannot be written to, nothing happens."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            new = Path(folder, path.name)
            new.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
            new.replace(path)


def read() -> tuple[dict[str, tuple[State, int]], str]:
    """An exercise's id → its state and its tries; and a sentence when the file could not be read."""
    path = place()
    if path.is_dir():
        return {}, f"{path} is a folder, so nothing is kept: let COURSE_PROGRESS name a file in it."
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        return {id: _entry(*entry) for id, entry in content.items()}, ""
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}, f"{path} could not be read, so what was solved before is not shown; the next try begins a new file."


def _entry(state: State, tries: int) -> tuple[State, int]:
    if state not in LOOK or not isinstance(tries, int):
        raise ValueError(state)
    return state, tries
