"""See the shapes: every operation of a model, in order, with the arithmetic that makes its shape what it is.

    from course_lib import tracing
    tracing.trace("resnet18")

A trace is data (``Trace``, ``Op``, ``Call``, all frozen); nothing here draws, and nothing changes the model.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "fields": ["Axis", "Field"],
        "layer_maps": ["feature_maps"],
        "ops": ["Op"],
        "receptive": ["gradient_field"],
        "records": ["Call", "Operand", "Weight", "times"],
        "result": ["Trace", "TraceError"],
        "trace_tables": ["Group"],
        "tracer": ["trace"],
    },
)
