"""The command line: `python -m course_lib doctor` and `python -m course_lib badges` (or `course-lib ...`).

It reads the arguments, calls one function, prints, and turns an error into one sentence and an exit status.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

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
    options = parser.parse_args(arguments)
    try:
        return _doctor() if options.command == "doctor" else _badges(check=options.check)
    except CourseError as problem:
        print(problem, file=sys.stderr)
        return 1


def _doctor() -> int:
    from course_lib.doctor import report

    found = report()
    print(found)
    return 0 if found.healthy else 1


def _badges(*, check: bool) -> int:
    from course_lib.badges import address, stamp

    root = Path.cwd()
    changed = stamp(root, write=not check)
    for path in changed:
        print(f"{path.relative_to(root)} {'names another address' if check else 'stamped'}")
    if not changed:
        print(f"every badge and first cell names {address(root)}")
    return 1 if check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
