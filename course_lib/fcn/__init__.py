"""From a classifier to a map: which class is where.

from course_lib.fcn import convert
fcn = convert(classifier)
fcn(fcn.prepare(picture))
"""

from __future__ import annotations

from course_lib.fcn.convert import convert
from course_lib.fcn.errors import FcnError
from course_lib.fcn.fully import FullyConvolutional
from course_lib.fcn.kinds import KINDS
from course_lib.fcn.localise import THRESHOLD, Localisation, iou, localise
from course_lib.fcn.maps import ResponseMap, response_map
from course_lib.fcn.scenes import SCENE_SIZE, locating_scene
from course_lib.fcn.sliding import slide

__all__ = [
    "KINDS",
    "SCENE_SIZE",
    "THRESHOLD",
    "FcnError",
    "FullyConvolutional",
    "Localisation",
    "ResponseMap",
    "convert",
    "iou",
    "localise",
    "locating_scene",
    "response_map",
    "slide",
]
