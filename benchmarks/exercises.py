"""What the exercises prove of themselves: how many of each kind, and how many mutants of their solutions pass.

    python benchmarks/exercises.py [--survivors] [--lessons 01 06]

A mutant is a solution with one thing wrong: an operator, a constant, two arguments, a line that is left out (see
tests/test_exercises.py, which makes them and asks that at most 5 % of a lesson's pass). Some compute the same as the
solution, so that no check could refuse them; `--survivors` lists all that pass.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import sys
import textwrap
import warnings
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from course_lib.exercises.engine.exercise import Exercise
from course_lib.progress import track
from tests.test_exercises import ALL, FUNCTIONS, LESSONS, MISTAKES, WRONG, mutants, survives


def main() -> int:
    numbers = [lesson.__name__[-2:] for lesson in LESSONS]
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--survivors", action="store_true", help="list the mutants that pass")
    parser.add_argument("--lessons", nargs="+", default=numbers, choices=numbers, metavar="NUMBER")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # mutants are warned of all sorts of things
    print("lesson  exercises  kinds                                   minutes  points  mutants  refused")
    made_in_all = 0
    alive: list[tuple[Exercise, str]] = []
    for lesson in (one for one in LESSONS if one.__name__[-2:] in options.lessons):
        mine = [one for one in vars(lesson).values() if isinstance(one, Exercise)]
        kinds = Counter(one.kind for one in mine)
        made = [(one, source) for one in mine for source in mutants(one.solution_code)]
        passed = [one for one in track(made, lesson.__name__[-8:]) if survives(lesson, *one)]
        made_in_all, alive = made_in_all + len(made), alive + passed
        words = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        share = 100 * (1 - len(passed) / len(made))
        print(f"{lesson.__name__[-2:]:6}  {len(mine):9}  {words:38}  {sum(one.minutes for one in mine):7}  "
              f"{sum(one.points for one in mine):6}  {len(made):7}  {share:5.1f} %", flush=True)  # fmt: skip
    share = 100 * (1 - len(alive) / made_in_all)
    wrong = f"{len(WRONG) + len(FUNCTIONS)} values that none asks for"
    print(f"{len(ALL)} exercises, {sum(map(len, MISTAKES.values()))} known mistakes, {wrong}")
    print(f"{made_in_all} mutants, {len(alive)} pass: {share:.1f} % are refused")
    for one, source in alive if options.survivors else ():
        print(f"\n{one.id}, changed:\n{changed(one, source)}")
    return 0 if share >= 95 else 1


def changed(one: Exercise, source: str) -> str:
    """The lines of a mutant that the solution does not have."""
    own = ast.unparse(ast.parse(textwrap.dedent(inspect.getsource(one.solution_code)))).splitlines()
    return "\n".join(line for line in source.splitlines() if line not in own)


if __name__ == "__main__":
    sys.exit(main())
