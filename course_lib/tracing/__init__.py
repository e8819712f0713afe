"""See the shapes: every operation of a model, in order, with the arithmetic that makes its shape what it is.

    from course_lib import tracing
    tracing.trace("resnet18")

A trace is data (``Trace``, ``Op``, ``Call``, all frozen); nothing here draws, and nothing changes the model.
"""

from __future__ import annotations

from course_lib.tracing.fields import Axis, Field
from course_lib.tracing.groups import Group
from course_lib.tracing.layer_maps import feature_maps, gradient_field
from course_lib.tracing.ops import Call, Op, Operand, Weight, times
from course_lib.tracing.result import Trace
from course_lib.tracing.trace_error import TraceError
from course_lib.tracing.tracer import trace

__all__ = [
    "Axis",
    "Call",
    "Field",
    "Group",
    "Op",
    "Operand",
    "Trace",
    "TraceError",
    "Weight",
    "feature_maps",
    "gradient_field",
    "times",
    "trace",
]
