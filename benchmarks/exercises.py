"""What the exercises prove of themselves: how many of each kind, how many mutants of their solutions pass, how long
grading takes.

    python benchmarks/exercises.py [--survivors] [--lessons 01 06]

A mutant is a solution with one thing wrong: an operator, a constant, two arguments, a line that is left out (see
tests/exercise_edits.py; tests/instructor asks that at most 5% of a lesson's pass). Some compute the same as the
solution, so that no check could refuse them; `--survivors` lists all that pass. Grading is the open check and the
hidden cases of one seed, for the solution, in seconds of the processor; more than 2 for one exercise is too slow.
"""

from __future__ import annotations

import argparse
import ast
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from course_lib.exercises.engine.exercise import Exercise
from course_lib.exercises.engine.learner_progress import all_exercises
from course_lib.exercises.engine.solution_source import plain_source
from course_lib.progress import track
from tests.exercise_edits import mutants, survives
from tests.exercise_kinds import FUNCTIONS, WRONG
from tests.exercise_mistakes import MISTAKES

TOO_SLOW = 2.0  # seconds


def main() -> int:
    exercises = all_exercises().values()
    lessons = sorted({exercise.id[:2] for exercise in exercises})
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("--survivors", action="store_true", help="list the mutants that pass")
    parser.add_argument("--lessons", nargs="+", default=lessons, choices=lessons, metavar="NUMBER")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # mutants are warned of all sorts of things
    print("lesson  exercises  kinds                                   minutes  points  mutants  refused")
    count = 0
    alive: list[tuple[Exercise, str]] = []
    for lesson in options.lessons:
        mine = [exercise for exercise in exercises if exercise.id[:2] == lesson]
        kinds = Counter(exercise.kind for exercise in mine)
        made = [(exercise, source) for exercise in mine for source in mutants(exercise)]
        passed = [mutant for mutant in track(made, f"lesson {lesson}") if survives(*mutant)]
        count, alive = count + len(made), alive + passed
        words = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
        share = 100 * (1 - len(passed) / len(made))
        print(f"{lesson:6}  {len(mine):9}  {words:38}  {sum(exercise.minutes for exercise in mine):7}  "
              f"{sum(exercise.points for exercise in mine):6}  {len(made):7}  {share:5.1f}%", flush=True)  # fmt: skip
    share = 100 * (1 - len(alive) / count)
    wrong = f"{len(WRONG) + len(FUNCTIONS)} values that none asks for"
    print(f"{len(exercises)} exercises, {sum(map(len, MISTAKES.values()))} known mistakes, {wrong}")
    print(f"{count} mutants, {len(alive)} pass: {share:.1f}% are refused")
    for exercise, source in alive if options.survivors else ():
        print(f"\n{exercise.id}, changed:\n{changed(exercise, source)}")
    took = {exercise.id: seconds_to_grade(exercise) for exercise in exercises if exercise.id[:2] in options.lessons}
    slowest = max(took, key=lambda id: took[id])
    print(f"grading the solutions: {sum(took.values()):.1f} s, at most {took[slowest]:.2f} s for one ({slowest})")
    return 0 if share >= 95 and took[slowest] <= TOO_SLOW else 1


def seconds_to_grade(exercise: Exercise) -> float:
    """Of the processor, for the solution and one seed; what is made once is made before."""
    answer = exercise.answer()
    exercise.grade(answer)
    start = time.process_time()
    exercise.grade(answer, seed=1)
    return time.process_time() - start


def changed(exercise: Exercise, source: str) -> str:
    """The lines of a mutant that the solution does not have."""
    own = ast.unparse(ast.parse(plain_source(exercise.solution_code))).splitlines()
    return "\n".join(line for line in source.splitlines() if line not in own)


if __name__ == "__main__":
    sys.exit(main())
