"""From a classifier to a map: which class is where.

from course_lib.networks.fcn import convert
fcn = convert(classifier)
fcn(fcn.prepare(picture))
"""

from __future__ import annotations

from course_lib.networks.fcn.convert import convert
from course_lib.networks.fcn.fcn_error import FcnError
from course_lib.networks.fcn.fully import FullyConvolutional
from course_lib.networks.fcn.kinds import KINDS
from course_lib.networks.fcn.localise import THRESHOLD, Localisation, iou, localise
from course_lib.networks.fcn.response_map import ResponseMap, response_map
from course_lib.networks.fcn.scenes import SCENE_SIZE, locating_scene
from course_lib.networks.fcn.sliding import slide

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
