"""From a classifier to a map: which class is where.

from course_lib.networks.fcn import convert
fcn = convert(classifier)
fcn(fcn.prepare(picture))
"""

from __future__ import annotations

from course_lib.networks.fcn.conversion import KINDS, convert
from course_lib.networks.fcn.fully_convolutional import FcnError, FullyConvolutional
from course_lib.networks.fcn.localisation import SCENE_SIZE, THRESHOLD, Localisation, iou, localise, locating_scene
from course_lib.networks.fcn.response_maps import ResponseMap, response_map
from course_lib.networks.fcn.sliding_window import slide

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
