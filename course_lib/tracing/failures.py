"""Why a forward failed: how far the picture got, which shape met which weight, and what would fit.

The words are made from the shapes that met, not from PyTorch's message, so they are the same on every version. What is
not recognised is passed on as PyTorch said it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import Tensor, nn

from course_lib.tracing import mismatches
from course_lib.tracing.mismatches import Meeting
from course_lib.tracing.records import times
from course_lib.tracing.result import TraceError

if TYPE_CHECKING:
    from course_lib.tracing.recorder import Failure, Recorder
    from course_lib.tracing.result import Trace

__all__ = ["SIDES", "Stopped"]

#: Sides of square pictures that are tried when another size might fit.
SIDES = (32, 64, 96, 128, 160, 192, 224, 256, 299, 384, 512, 518)


class Stopped:
    """A forward that stopped with an error.

    Attributes:
        certain: the shapes that met cannot meet, so it would fail with real numbers too.
        why: PyTorch's own reason, one line.
    """

    def __init__(
        self, error: Exception, recorder: Recorder | None, trace: Trace | None, model: nn.Module, inputs: int
    ) -> None:
        said = (str(error).strip() or "no words").splitlines()[0].split(". ")[0].rstrip(".!")[:300]
        plain = isinstance(error, RuntimeError | ValueError | AssertionError)
        self.why = said if plain else f"{type(error).__name__}: {said}"
        self.trace, self.model = trace, model
        self.failure: Failure | None = recorder.failure if recorder else None
        self.failed = recorder.failed() if recorder else None
        self.meeting: Meeting | None = None
        if isinstance(error, TypeError) and self.failure is not None and not self.failure.kind:
            self.meeting = _arguments(model, inputs) if not self.failure.path else None
        elif self.failure is None and isinstance(error, TypeError):
            self.meeting = _arguments(model, inputs)
        elif isinstance(error, NotImplementedError) and self.failure is not None and "forward" in self.why:
            self.meeting = Meeting(f"{self.failure.module} has no forward, so it cannot be run by itself", "")
        if self.meeting is None and self.failure is not None and recorder is not None:
            self.meeting = mismatches.find(self.failure, recorder.weight, _who(recorder, trace), self.why)

    @property
    def certain(self) -> bool:
        return self.meeting is not None

    def error(self, sizes_that_fit: Callable[[], list[tuple[int, int]]]) -> TraceError:
        """The sentence."""
        meeting, failure = self.meeting, self.failure
        if failure is None:
            text = f"{meeting.what}. {meeting.fits}" if meeting else f"The forward failed: {self.why}."
            return TraceError(text, trace=self.trace)
        parts = [self._far()]
        name = failure.path or self.model.__class__.__name__
        where = f"In {name}" + (f" ({failure.kind})" if failure.kind else "")
        if meeting is None:
            given = (one for one in (failure.bound or {}).values() if isinstance(one, Tensor))
            shapes = ", ".join(times(tuple(one.shape)) for one in given)
            met = f", with {shapes}" if shapes else ""
            parts.append(f"{where}{met}: {self.why}.")
        else:
            parts.append(f"{where}: {meeting.what}.")
            if meeting.fits:
                parts.append(f"What would fit: {meeting.fits}.")
            if meeting.by_size and (found := sizes_that_fit()):
                some = " or ".join(f"{h}×{w}" for h, w in found)
                parts.append(f"As the model is, pictures of {some} go through.")
        parts = [part for part in parts if part]
        return TraceError(
            " ".join(parts), trace=self.trace, where=failure.path, failed=self.failed, reason=" ".join(parts[1:])
        )

    def _far(self) -> str:
        trace = self.trace
        if trace is None or not trace.ops:
            sizes = ", ".join(times(size) for size in trace.sizes) if trace is not None else ""
            return f"The input {sizes} did not get through the first operation."
        last = trace.ops[-1]
        first = " and ".join(times(size) for size in trace.sizes)
        count = f"{len(trace)} operations" if len(trace) > 1 else "1 operation"
        return f"The input {first} got through {count}, up to {last.name}, and was {times(last.output)} there."


def _who(recorder: Recorder, trace: Trace | None) -> Callable[[Tensor], str]:
    def who(tensor: Tensor) -> str:
        source = recorder.source(tensor)
        if source is None or trace is None:
            return recorder.weight(tensor) or "a tensor"
        return trace.ops[source].name if source >= 0 else "the input"

    return who


def _arguments(model: nn.Module, count: int) -> Meeting | None:
    try:
        wanted = [
            one for one in inspect.signature(model.forward).parameters.values()
            if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
        ]  # fmt: skip
    except (TypeError, ValueError):
        return None
    needed = [one.name for one in wanted if one.default is one.empty]
    if len(needed) <= count <= len(wanted):
        return None
    text = f"{type(model).__name__}.forward({', '.join(one.name for one in wanted)}) takes {len(needed)} input"
    text += f"{'s' if len(needed) != 1 else ''}, and {count} {'was' if count == 1 else 'were'} given"
    count = len(needed)
    sizes = f"give a list of {count} sizes as input_size" if count != 1 else "give one size as input_size"
    return Meeting(text, sizes if needed else "")
