"""Pictures of networks, made from the live model and its trace; each function gives a finished ``Still``."""

from course_lib.diagrams.block import block
from course_lib.diagrams.sliding import sliding_window
from course_lib.diagrams.stages import stage_steps

__all__ = ["block", "sliding_window", "stage_steps"]
