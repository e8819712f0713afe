"""The two ways to record a model: with the rules for leaves, and the general way, in which everything runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from torch import nn

from course_lib import tracing
from course_lib.tracing import tracer
from course_lib.tracing.recorder import Recorder


@contextmanager
def the_general_way() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracer, "LeafRecorder", lambda *, device: Recorder(meta=True, device=device))
        yield


def everything(model: nn.Module | str, size: Any, **settings: Any) -> dict[str, Any]:
    """All that a trace says, as text where equal values may be of different kinds, such as 1 and True."""
    try:
        found = tracing.trace(model, size, **settings)
    except tracing.TraceError as error:
        where = error.where, repr(error.failed), error.sizes, repr(error.mismatch)
        return {"error": str(error), "where": where, "before": repr(error.trace.ops if error.trace else None)}
    parts = ("name", "sizes", "calls", "outputs", "unused", "modules", "mode", "note")
    fields = ("index", "name", "kind", "path", "module", "operands", "outputs", "settings", "weights", "dtype", "bytes")
    ops = [{field: repr(getattr(op, field)) for field in fields} for op in found]
    return {"ops": ops, **{part: repr(getattr(found, part)) for part in parts}}


def assert_both_ways_agree(model: nn.Module | str, size: Any, **settings: Any) -> None:
    quick = everything(model, size, **settings)
    with the_general_way():
        slow = everything(model, size, **settings)
    assert quick.get("ops") == slow.get("ops")
    assert quick == slow
