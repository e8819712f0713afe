"""Why a forward failed: how far the picture got, which shape met which weight, and what would fit, as a ``TraceError``.

What is not recognised is passed on as PyTorch said it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import nn

from course_lib.tracing import mismatches
from course_lib.tracing.mismatches import Mismatch
from course_lib.tracing.records import times
from course_lib.tracing.result import TraceError

if TYPE_CHECKING:
    from course_lib.tracing.recorder import Failure, Recorder
    from course_lib.tracing.result import Trace

__all__ = ["SIDES", "Stopped"]

#: Sides of square pictures to try where it is not known which a model takes; the usual ones first.
SIDES = (224, 299, 384, 64, 32, 28, 96, 128, 160, 192, 240, 256, 288, 320, 331, 336, 448, 512, 518, 768, 1024)


class Stopped:
    """A forward that stopped with an error.

    Attributes:
        why: PyTorch's own reason, one line.
        trace: what ran before.
        certain: the shapes that met cannot meet, so it would fail with real numbers too.
        mismatch: what met what; PyTorch's reason alone where it is not certain. None where nothing was run.
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
        self.mismatch = self._mismatch(error, recorder, inputs)
        self.certain = self.mismatch is not None
        if self.mismatch is None and self.failure is not None and recorder is not None:
            met = mismatches.parties(self.failure, recorder, trace.ops if trace else ())
            self.mismatch = Mismatch(self.why, parties=met)

    def _mismatch(self, error: Exception, recorder: Recorder | None, inputs: int) -> Mismatch | None:
        failure, found = self.failure, None
        if isinstance(error, TypeError) and (failure is None or not (failure.kind or failure.path)):
            found = _arguments(self.model, inputs)
        elif isinstance(error, NotImplementedError) and failure is not None and "forward" in self.why:
            found = Mismatch(f"{failure.module} has no forward, so it cannot be run by itself")
        if found is None and failure is not None and recorder is not None:
            found = mismatches.find(failure, recorder, self.trace.ops if self.trace else (), self.why)
        return found

    def error(self, sizes_that_fit: Callable[[], list[tuple[int, int]]]) -> TraceError:
        """The sentences, and the same in values; ``sizes_that_fit`` is asked where another size may help."""
        mismatch, failure = self.mismatch, self.failure
        if failure is None:
            text = f"{mismatch.what}. {mismatch.fits}" if mismatch else f"The forward failed: {self.why}."
            return TraceError(text, trace=self.trace, mismatch=mismatch)
        cause = f"In {failure.path or self.model.__class__.__name__}" + (f" ({failure.kind})" if failure.kind else "")
        advice, sizes = "", []
        if mismatch is not None:
            given = ", ".join(times(party.shape) for party in mismatch.parties)
            cause += f", with {given}" if given and not self.certain else ""
            cause += f": {mismatch.what}."
            advice = f" To fix it, use: {mismatch.fits}." if mismatch.fits else ""
            sizes = sizes_that_fit() if mismatch.by_size else []
            if sizes:
                advice += f" As it stands, the model takes pictures of {' or '.join(f'{h}×{w}' for h, w in sizes)}."
        return TraceError(
            f"{self._far()} {cause}{advice}",
            trace=self.trace,
            where=failure.path,
            failed=self.failed,
            cause=cause,
            reason=cause + advice,
            mismatch=mismatch,
            sizes=tuple(sizes),
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


def _arguments(model: nn.Module, count: int) -> Mismatch | None:
    try:
        wanted = [
            argument for argument in inspect.signature(model.forward).parameters.values()
            if argument.kind in (argument.POSITIONAL_ONLY, argument.POSITIONAL_OR_KEYWORD)
        ]  # fmt: skip
    except (TypeError, ValueError):
        return None
    needed = [argument.name for argument in wanted if argument.default is argument.empty]
    if len(needed) <= count <= len(wanted):
        return None
    text = (
        f"{type(model).__name__}.forward({', '.join(argument.name for argument in wanted)}) takes {len(needed)} input"
    )
    text += f"{'s' if len(needed) != 1 else ''}, and {count} {'was' if count == 1 else 'were'} given"
    count = len(needed)
    sizes = f"give a list of {count} sizes as input_size" if count != 1 else "give one size as input_size"
    return Mismatch(text, sizes if needed else "")
