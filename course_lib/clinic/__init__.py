"""The error clinic: after one of PyTorch's errors, what happened, where, which shapes met, and the repair.

    from course_lib import clinic
    clinic.explain()        # in the cell after the error
    clinic.switch_on()      # or: under every traceback, by itself
    clinic.check_input(model, batch)    # the mistakes that raise nothing

An error that it does not know gets silence, never a guess. Nothing here changes a model, and no tensor and no frame is
kept.
"""

from __future__ import annotations

import sys
from typing import Any

from torch import nn

from course_lib.clinic import hook, rules
from course_lib.clinic.batch import Finding, Report, check_input
from course_lib.clinic.diagnosis import Diagnosis, Line, Met
from course_lib.errors import CourseError

__all__ = ["Diagnosis", "Finding", "Line", "Met", "Report", "check_input", "explain", "switch_off", "switch_on"]


def explain(error: BaseException | None = None, *, model: nn.Module | None = None) -> Diagnosis | None:
    """Explain an error: the one that is being handled, else the last one that ended a cell or a program.

    Args:
        error: an exception that was raised; None takes the last one.
        model: the model it is about, where the traceback does not lead to it (a failed ``backward()``).

    Returns:
        What happened, where, the shapes that met, and the repair; None where there was no error, or it is not known.

    Raises:
        CourseError: ``error`` is no exception, or ``model`` is no module.

    Example:
        >>> import torch
        >>> picture = torch.zeros(3, 64, 64)
        >>> try:
        ...     nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))(picture)
        ... except ValueError:
        ...     print(explain().repair)
        picture = picture.unsqueeze(0)
    """
    if error is None:
        error = sys.exc_info()[1] or getattr(sys, "last_value", None) or getattr(sys, "last_exc", None)
    elif not isinstance(error, BaseException):
        raise CourseError(f"explain wants an exception, and was given {_kind(error)}; explain() takes the last one.")
    if model is not None and not isinstance(model, nn.Module):
        raise CourseError(f"model= wants a torch.nn.Module, and was given {_kind(model)}.")
    if error is None or error.__traceback__ is None:
        return None
    try:
        return rules.diagnose(error, model)
    except Exception:  # whatever it is: an explanation must never be a second error
        return None


def _kind(value: Any) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__


def switch_on() -> None:
    """Explain by itself: from now on a diagnosis comes under every traceback whose error is known.

    In a notebook (IPython 7.34 to 9, Colab) through IPython's own hook, in plain Python through ``sys.excepthook``.
    """
    hook.switch_on(explain)


def switch_off() -> None:
    """Leave tracebacks alone again."""
    hook.switch_off()
