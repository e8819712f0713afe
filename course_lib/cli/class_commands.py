"""``grade``, ``collect`` and ``marks``: the commands for a class that hands in assignments."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError

__all__ = ["COMMANDS", "add_class_commands"]


def add_class_commands(commands: Any) -> None:
    """Add the commands to argparse's sub-parsers."""
    given = commands.add_parser("grade", help="grade a class's submissions with nbgrader, several at a time")
    given.add_argument("name", help="the assignment's name")
    _add_course(given)
    given.add_argument("--students", nargs="+", default=[], metavar="ID", help="only these")
    given.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="submissions at a time (all cores)")
    given.add_argument("--scheduler", default="", metavar="ADDRESS", help="use a Dask cluster: tcp://HOST:8786")
    given.add_argument("--again", action="store_true", help="grade also what was graded before")
    given.add_argument("--to", type=Path, metavar="FILE", help="the marks as CSV (default: COURSE/marks_NAME.csv)")
    limits = given.add_argument_group("limits of each submission")
    limits.add_argument("--minutes", type=float, default=15, help="for all of it (default: 15)")
    limits.add_argument("--memory", type=int, default=4096, metavar="MB", help="(default: 4096)")
    limits.add_argument("--processes", type=int, default=32, help="at a time (default: 32)")
    limits.add_argument("--file", type=int, default=100, metavar="MB", help="of what it writes or is (default: 100)")
    limits.add_argument("--output", type=int, default=2, metavar="MB", help="of each cell that is kept (default: 2)")

    given = commands.add_parser("collect", help="put what Moodle, Canvas or a folder holds where nbgrader looks for it")
    given.add_argument("name", help="the assignment's name")
    given.add_argument("sources", nargs="+", type=Path, metavar="ARCHIVE", help="archives, folders or notebooks")
    _add_course(given)
    _add_roster(given, needed=False)
    given.add_argument("--replace", action="store_true", help="let a newer submission replace one that is there")
    given.add_argument("--zone", default="", help="the time zone of the archive's times: Europe/Berlin")
    given.add_argument("--file", type=int, default=100, metavar="MB", help="that a file may have (default: 100)")
    given = commands.add_parser("marks", help="fill a roster of Moodle's or Canvas's with marks, to import there")
    given.add_argument("name", help="the assignment's name")
    _add_course(given)
    _add_roster(given, needed=True)
    given.add_argument("--to", type=Path, metavar="FILE", help="(default: COURSE/import_NAME.csv)")


def _add_roster(parser: Any, *, needed: bool) -> None:
    parser.add_argument("--roster", type=Path, metavar="CSV", required=needed, help="Moodle's or Canvas's export")
    parser.add_argument("--id", default="", metavar="COLUMN", help="the roster's column with the students' ids")


def _add_course(parser: Any) -> None:
    parser.add_argument("--course", type=Path, default=Path(), metavar="FOLDER", help="the course's (default: here)")


def _grade(options: argparse.Namespace) -> int:
    try:
        return _graded(options)
    except KeyboardInterrupt:
        print("\nStopped. What was graded is kept; the same command goes on from there.", file=sys.stderr)
        return 130


def _graded(options: argparse.Namespace) -> int:
    if os.name == "nt":
        raise CourseError("Grading needs Linux or macOS: on Windows, give this command in WSL.")
    from course_lib.exercises.grading.warm_processes import begin_imports

    if not options.scheduler:
        begin_imports()  # while this process does its own
    from course_lib.exercises.grading.class_grading import grade_class
    from course_lib.exercises.grading.class_marks import write_marks
    from course_lib.exercises.grading.kernel_limits import Limits

    for name in ("workers", "minutes", "memory", "processes", "file", "output"):
        if getattr(options, name) <= 0:
            raise CourseError(f"--{name} {getattr(options, name)} is too little; give a number above 0.")
    limits = Limits(
        seconds=round(60 * options.minutes), memory=options.memory, processes=options.processes, file=options.file,
        output=options.output,
    )  # fmt: skip
    report = grade_class(
        options.name, course=options.course, students=options.students, workers=options.workers,
        scheduler=options.scheduler, limits=limits, again=options.again,
    )  # fmt: skip
    print(report)
    path = write_marks(report, options.to or options.course / f"marks_{options.name}.csv")
    print(f"\nMarks with the state of each submission: {path}. nbgrader's own export shows 0 for what was not graded.")
    return 1 if report.problems else 0


def _collect(options: argparse.Namespace) -> int:
    from course_lib.exercises.grading.class_roster import read_roster
    from course_lib.exercises.grading.collecting import collect

    roster = read_roster(options.roster, column=options.id) if options.roster else None
    report = collect(
        options.name, options.sources, course=options.course, roster=roster, replace=options.replace, zone=options.zone,
        most=options.file * 2**20,
    )  # fmt: skip
    print(report)
    return 0


def _marks(options: argparse.Namespace) -> int:
    from course_lib.exercises.grading.class_grading import class_report
    from course_lib.exercises.grading.class_marks import fill_roster
    from course_lib.exercises.grading.class_roster import read_roster

    path = options.to or options.course / f"import_{options.name}.csv"
    report = class_report(options.name, course=options.course)
    print(fill_roster(report, read_roster(options.roster, column=options.id), path))
    print(f"written to {path}; those who were not graded or did not hand in have no mark in it")
    return 0


COMMANDS = {"grade": _grade, "collect": _collect, "marks": _marks}
