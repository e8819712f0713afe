"""Exercise cells → an assignment for nbgrader or otter: ``python -m course_lib assign NAME --lessons 03 04``.

The cells are the lessons' own; what they need of the cells before them comes along, and nothing else.
"""

from course_lib.exercises.assignments.assignment_files import ENGINES, assign, left_alone
from course_lib.exercises.assignments.exercise_cells import NOTEBOOKS, first_cell
from course_lib.exercises.assignments.exercise_choice import Choice, choose, listing

__all__ = ["ENGINES", "NOTEBOOKS", "Choice", "assign", "choose", "first_cell", "left_alone", "listing"]
