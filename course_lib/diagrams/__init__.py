"""Pictures of networks, made from the live model and its trace; each function gives a finished ``Still``."""

from course_lib.diagrams.block import block
from course_lib.diagrams.boxes import volumes
from course_lib.diagrams.cfg import cfg_steps
from course_lib.diagrams.cfg_table import cfg_table
from course_lib.diagrams.kernels import filters
from course_lib.diagrams.maps import maps_of
from course_lib.diagrams.resnet_paper import resnet_table
from course_lib.diagrams.sight import field_on_picture
from course_lib.diagrams.sliding import sliding_window
from course_lib.diagrams.stages import stage_steps
from course_lib.diagrams.vgg_paper import vgg_table

__all__ = [
    "block",
    "cfg_steps",
    "cfg_table",
    "field_on_picture",
    "filters",
    "maps_of",
    "resnet_table",
    "sliding_window",
    "stage_steps",
    "vgg_table",
    "volumes",
]
