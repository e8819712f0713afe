"""The command line: `python -m course_lib doctor`, `badges`, `assign`, `grade`, `collect`, `marks`.

It reads the arguments, calls one function, prints, and turns an error into one sentence and an exit status.
"""

from __future__ import annotations

import argparse
import contextlib
import secrets
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from course_lib.cli.class_commands import COMMANDS, add_class_commands
from course_lib.errors import CourseError

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit status: 0 when all is well.
    """
    parser = argparse.ArgumentParser(prog="course-lib", description="Tools of the course about image classifiers.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("doctor", help="check this set-up: what is wrong, and what to do")
    badges = commands.add_parser("badges", help="put the repository's address into badges and first cells")
    badges.add_argument("--check", action="store_true", help="change nothing; fail when something would change")
    given = commands.add_parser("assign", help="make an nbgrader or otter assignment of exercises")
    given.add_argument("name", nargs="?", help="the assignment's name")
    given.add_argument(
        "--list", action="store_true", help="show the exercises (of --lessons, or all) with points, minutes and needs"
    )
    several: dict[str, Any] = {"nargs": "+", "action": "extend", "default": []}
    given.add_argument("--exercises", **several, metavar="ID", help="exercises by their ids")
    given.add_argument("--lessons", **several, metavar="NUMBER", help="all exercises of these lessons: 03, 1-3 or all")
    given.add_argument("--points", **several, metavar="ID=N", help="points of your own: 01_top_k=4")
    given.add_argument("--written", **several, metavar="FILE", help="questions with a rubric: FILE.md or FILE.md#ID,ID")
    given.add_argument("--seed", type=int, help="of hidden cases and variants, your own number (drawn when left out)")
    given.add_argument("--variants", type=Path, metavar="ROSTER", help="other numbers for every student of this CSV")
    given.add_argument("--id", default="", metavar="COLUMN", help="the roster's column with the students' ids")
    given.add_argument("--engine", default="nbgrader", help="nbgrader (default) or otter")
    given.add_argument(
        "--into", type=Path, default=Path(), metavar="FOLDER", help="the course's folder (default: here)"
    )
    given.add_argument("--notebooks", type=Path, metavar="FOLDER", help="the lessons (default: the clone's)")
    given.add_argument(
        "--kit",
        default="",
        metavar="WHEEL_OR_URL",
        help="where the first cell downloads the kit from, if not from the repository",
    )
    parser.add_argument("--version", action="version", version=f"course_lib {metadata.version('course_lib')}")
    add_class_commands(commands)
    options = parser.parse_args(arguments)
    try:
        if options.command in COMMANDS:
            with _nbgrader_there():
                return COMMANDS[options.command](options)
        if options.command == "assign":
            return _assign(options)
        return _doctor() if options.command == "doctor" else _badges(check=options.check)
    except CourseError as problem:
        print(problem, file=sys.stderr)
        return 1


def _doctor() -> int:
    from course_lib.cli.doctor import report

    found = report()
    print(found)
    return 0 if found.healthy else 1


def _badges(*, check: bool) -> int:
    from course_lib.cli.badges import address, stamp

    root = Path.cwd()
    changed = stamp(root, write=not check)
    for path in changed:
        print(f"{path.relative_to(root)} {'names a different address' if check else 'stamped'}")
    if not changed:
        print(f"every badge and first cell names {address(root)}")
    return 1 if check and changed else 0


@contextlib.contextmanager
def _nbgrader_there() -> Iterator[None]:
    try:
        yield
    except ImportError as missing:
        raise CourseError(f"{missing.name} is missing; pip install {missing.name} installs it.") from missing


def _assign(options: argparse.Namespace) -> int:
    from course_lib.cli.badges import unset

    with _nbgrader_there():
        from course_lib.exercises import assignments

    notebooks = options.notebooks or assignments.NOTEBOOKS
    if options.list:
        print(assignments.listing(notebooks, lessons=options.lessons or "all"))
        return 0
    if not options.name:
        raise CourseError("An assignment needs a name; --list shows the exercises that it can have.")
    choice = assignments.choose(
        options.exercises, lessons=options.lessons, notebooks=notebooks, points=options.points, written=options.written
    )
    students: list[str] = []
    if options.variants:
        from course_lib.exercises.grading.class_roster import read_roster

        students = [person.id for person in read_roster(options.variants, column=options.id).people]
    seed = secrets.randbelow(10**12 if students else 10**6) if options.seed is None else options.seed
    with _nbgrader_there():
        path = assignments.assign(
            options.name, choice, seed=seed, engine=options.engine, into=options.into, notebooks=notebooks,
            kit=options.kit, students=students,
        )  # fmt: skip
    print(choice)
    print(f"written to {path}, with the seed {seed} in its hidden tests")
    if students:
        print(f"{len(students)} students' own notebooks are in {options.into / 'release'}/STUDENT/{options.name}")
    if unset(assignments.first_cell(notebooks, options.kit)):
        print(
            "\nOn Colab its first cell can't download the kit: this copy of the course does not know its repository's "
            "address. Set Repository in pyproject.toml and run `course-lib badges`, or make it again with --kit."
        )
    alone = assignments.left_alone(
        options.name, engine=options.engine, into=options.into, notebooks=notebooks, kit=options.kit
    )
    for file, content in alone.items():
        print(f"\n{file} was there before and was left alone. The course's own would say:\n\n{content}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
