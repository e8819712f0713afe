"""What a learner has solved, kept in one small file on the learner's own disk, nowhere else.

The file holds the ids of exercises with what came of them and the number of tries; no answers, no names, no times. The
folder is the operating system's own for such things; ``COURSE_PROGRESS`` names another file.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import platformdirs

from course_lib.exercises.engine.outcomes import LOOK, State

__all__ = ["keep", "place", "read"]


def place() -> Path:
    """The file: what the variable COURSE_PROGRESS names, or one in the system's folder for a user's data."""
    named = os.environ.get("COURSE_PROGRESS")
    return Path(named).expanduser() if named else platformdirs.user_data_path("course_lib") / "progress.json"


def keep(name: str, state: State) -> None:
    """Write down what came of a try. What is solved stays solved; a disk that takes nothing stops nobody.

    Not while nbgrader runs a submission (it sets ``NBGRADER_EXECUTION``): the progress on that computer is the
    instructor's.
    """
    if os.environ.get("NBGRADER_EXECUTION"):
        return
    kept, broken = read()
    before, tries = kept.get(name, ("not attempted", 0))
    if before == "correct" or state == "not attempted":
        return
    kept[name] = (state, tries + 1)
    path = place()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        if broken and path.is_file():  # a folder is somebody's own: it keeps its name
            path.replace(path.with_name(f"{path.name}.broken"))
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            new = Path(folder, path.name)
            new.write_text(json.dumps({one: list(value) for one, value in kept.items()}, indent=1), encoding="utf-8")
            new.replace(path)


def read() -> tuple[dict[str, tuple[State, int]], str]:
    """What is kept: exercise → its state and its tries; and a sentence when the file could not be read."""
    path = place()
    if path.is_dir():
        return {}, f"{path} is a folder, so nothing is kept: let COURSE_PROGRESS name a file in it."
    try:
        read: Any = json.loads(path.read_text(encoding="utf-8"))
        return {name: _entry(*value) for name, value in read.items()}, ""
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}, f"{path} could not be read, so what was solved before is not shown; the next try begins a new file."


def _entry(state: State, tries: int) -> tuple[State, int]:
    if state not in LOOK or not isinstance(tries, int):
        raise ValueError(state)
    return state, tries
