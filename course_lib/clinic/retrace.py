"""Running a forward again on shapes alone: as it was, and with repairs, to know which of them helps.

Nothing here is a guess: a repair is named only after the model's forward went through with it. All of it happens on a
shadow of the model (``course_lib.tracing``), so the model, its mode and the random states stay as they are.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.tracing.records import Shape, times
from course_lib.tracing.result import Trace, TraceError
from course_lib.tracing.tracer import trace

__all__ = ["SIDES", "Attempt", "Step", "attempt", "repairs", "sides_that_fit", "smallest"]

#: Sides of square pictures to try, the usual ones first.
SIDES = (224, 299, 64, 32, 96, 128, 160, 192, 256, 384, 512)


@dataclass(frozen=True)
class Attempt:
    """One try: ``trace`` is what ran, ``error`` why it stopped (None: it went through)."""

    trace: Trace | None
    error: TraceError | None

    @property
    def through(self) -> bool:
        """Whether the forward went through to its end."""
        return self.error is None and self.trace is not None


@dataclass(frozen=True)
class Step:
    """One thing to do to a picture (or the model) before the call.

    Attributes:
        name: the mistake that it repairs.
        shape: what the batch is afterwards.
        code: the line, with ``{x}`` for the batch and ``{model}`` for the model.
        what: what was wrong, a sentence.
    """

    name: str
    shape: Shape
    code: str
    what: str
    mode: str | None = None


def attempt(model: nn.Module, given: Any, dtypes: Any = torch.float32, *, mode: str | None = None) -> Attempt | None:
    """Trace a model with inputs of these shapes.

    Args:
        model: any module.
        given: a list of shapes, or a mapping from argument names to shapes.
        dtypes: of each of them, or of all.
        mode: "eval", "train", or None for the mode it is in.

    Returns:
        None where it cannot be told: the model cannot be traced.
    """
    shapes = list(given.values()) if isinstance(given, dict) else list(given)
    kinds = list(dtypes) if isinstance(dtypes, list | tuple) else [dtypes] * len(shapes)
    ghosts: list[Tensor] = [
        torch.zeros((), dtype=kind).expand(shape) for shape, kind in zip(shapes, kinds, strict=True)
    ]
    inputs: Any = dict(zip(given, ghosts, strict=True)) if isinstance(given, dict) else ghosts
    with _quiet():
        try:
            found = trace(model, inputs, mode=mode)  # type: ignore[arg-type]
        except TraceError as error:
            if error.trace is None and error.where is None:
                return None
            plain = TraceError(str(error), trace=error.trace, where=error.where, failed=error.failed)
            plain.reason = error.reason  # a new one, without the frames and tensors that the traceback keeps
            return Attempt(error.trace, plain)
        except CourseError:
            return None
    return Attempt(found, None)


def repairs(
    model: nn.Module, shape: Shape, *, sizes: bool = False, modes: bool = False
) -> tuple[tuple[Step, ...], Trace] | None:
    """The fewest steps with which a batch of this shape goes through, and the trace of it; None where none help.

    Args:
        model: takes one tensor (B, C, H, W).
        shape: of what it was called with, 2 to 4 dimensions.
        sizes: also try other sizes of picture.
        modes: also try eval mode.
    """
    wanted = next((one.in_channels for one in model.modules() if isinstance(one, nn.Conv2d)), None)
    if wanted is None or not 2 <= len(shape) <= 4:
        return None
    kinds = (_channels_last, _no_channel, _colours, _batch, *((_size,) if sizes else ()), *((_mode,) if modes else ()))
    for count in range(1, 5):
        for chosen in combinations(kinds, count):
            steps: list[Step] = []
            now = shape
            for kind in chosen:
                step = kind(now, wanted, model)
                if step is None:
                    break
                steps.append(step)
                now = step.shape
            if len(steps) < count or len(now) != 4:
                continue
            mode = next((step.mode for step in steps if step.mode), None)
            tried = attempt(model, [now], mode=mode)
            if tried is None or (tried.trace is not None and tried.trace.note):
                return None  # it needs real numbers: trying is not worth the learner's time
            if tried.through and tried.trace is not None:
                return tuple(steps), tried.trace
    return None


def _channels_last(shape: Shape, wanted: int, model: nn.Module) -> Step | None:
    if len(shape) < 3 or shape[-1] not in (wanted, 1, 3, 4) or shape[-3] in (wanted, 1, 3, 4):
        return None
    order = (2, 0, 1) if len(shape) == 3 else (0, 3, 1, 2)
    after = tuple(shape[place] for place in order)
    what = f"{times(shape)} has the channels last, as pictures in numpy have them; PyTorch wants them before the rows."
    return Step("channels last", after, f"{{x}} = {{x}}.permute{order}", what)


def _no_channel(shape: Shape, wanted: int, model: nn.Module) -> Step | None:
    if len(shape) != 2:
        return None
    return Step("no channel dimension", (1, *shape), "{x} = {x}.unsqueeze(0)",
                f"{times(shape)} is rows and columns alone: the dimension of the channels is missing.")  # fmt: skip


def _colours(shape: Shape, wanted: int, model: nn.Module) -> Step | None:
    if len(shape) < 3 or wanted != 3 or shape[-3] not in (1, 4):
        return None
    after = (*shape[:-3], 3, *shape[-2:])
    if shape[-3] == 1:
        lead = "-1, " * (len(shape) - 3)
        code = f"{{x}} = {{x}}.expand({lead}3, -1, -1)"
        what = "A grey picture has 1 channel, and the first convolution wants 3: red, green, blue."
        return Step("grey picture", after, code, what)
    code = "{x} = {x}[..., :3, :, :]"
    what = "A picture with transparency has 4 channels (RGBA), and the first convolution wants 3: red, green, blue."
    return Step("RGBA picture", after, code, what)


def _batch(shape: Shape, wanted: int, model: nn.Module) -> Step | None:
    if len(shape) != 3:
        return None
    return Step("no batch dimension", (1, *shape), "{x} = {x}.unsqueeze(0)",
                "The model wants a batch, batch×channels×height×width, and it got one picture: "
                f"{times(shape)}.")  # fmt: skip


def _mode(shape: Shape, wanted: int, model: nn.Module) -> Step | None:
    if not model.training or len(shape) != 4:
        return None
    return Step("one value per channel", shape, "{model}.eval()",
                "In train mode BatchNorm takes the mean and the spread of each channel over the batch, and here "
                "each channel has a single number.", "eval")  # fmt: skip


def _size(shape: Shape, wanted: int, model: nn.Module) -> Step | None:
    if len(shape) != 4:
        return None
    found = sides_that_fit(model, shape, 1)
    if not found or (found[0], found[0]) == shape[2:]:
        return None
    side = found[0]
    return Step("picture of another size", (*shape[:2], side, side),
                f"{{x}} = torchvision.transforms.functional.resize({{x}}, [{side}, {side}])",
                f"Pictures of {shape[2]}×{shape[3]} do not go through this model.")  # fmt: skip


def sides_that_fit(model: nn.Module, shape: Shape, count: int = 2) -> list[int]:
    """Sides of square pictures that go through."""
    found: list[int] = []
    for side in SIDES:
        tried = attempt(model, [(*shape[:2], side, side)])
        if tried is None or (tried.trace is not None and tried.trace.note):
            return found
        if tried.through:
            found.append(side)
        if len(found) == count:
            break
    return found


def smallest(model: nn.Module, shape: Shape, fits: int) -> int:
    """The smallest side of a square picture that goes through, where ``fits`` does."""
    low, high = 0, fits
    while high - low > 1:
        middle = (low + high) // 2
        tried = attempt(model, [(*shape[:2], middle, middle)])
        low, high = (low, middle) if tried is not None and tried.through else (middle, high)
    return high


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """A forward that prints or warns has done so already."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield
