"""From a classifier to a map: which class is where.

from course_lib.fcn import convert
fcn = convert(classifier)
fcn(fcn.prepare(picture))
"""

from __future__ import annotations

from course_lib.fcn.convert import convert
from course_lib.fcn.errors import FcnError
from course_lib.fcn.fully import FullyConvolutional

__all__ = ["FcnError", "FullyConvolutional", "convert"]
