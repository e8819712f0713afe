"""Forwards that stop because shapes do not fit: pictures that were not prepared, and networks put together wrongly.

``course_lib.tracing`` finds which shapes met and what would fit (``TraceError.mismatch``); here it becomes a diagnosis.
The forward runs again on shapes alone, on a shadow of the model: as it was, and with the picture changed. A change of
the picture is named only after the forward went through with it.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt
from typing import Any, Literal

import torch
from torch import Tensor, nn

from course_lib.clinic.diagnosis import Diagnosis
from course_lib.clinic.tracebacks import RaisedError, attribute
from course_lib.errors import CourseError
from course_lib.tracing.mismatches import Mismatch, Party, channels_last
from course_lib.tracing.records import Shape, times
from course_lib.tracing.result import Trace, TraceError
from course_lib.tracing.tracer import trace

__all__ = ["Change", "attempt", "changes", "shape_error"]

Mode = Literal["eval", "train"]
_CHANNELS = (1, 3, 4)  # grey, RGB, RGBA
#: (channels, side) of the maps that torchvision's VGG and AlexNet flatten: their classifiers are used alone, too.
_CLASSIFIER_MAPS = ((512, 7), (256, 6))


def shape_error(raised: RaisedError) -> Diagnosis | None:
    """A forward that stopped over shapes; None where a trace does not stop at the same place."""
    model = raised.model
    if model is None or not raised.modules or type(model).__module__.startswith("torchvision.transforms"):
        return None
    error = _again(raised, model)
    if not isinstance(error, TraceError) or error.mismatch is None or raised.path is None or raised.path != error.where:
        return None
    picture = raised.picture
    shape = tuple(picture.shape) if picture is not None else ()
    found = changes(model, shape, error)
    if found is None:
        if error.mismatch.projection is not None:
            return _shortcut(raised, error, error.mismatch)
        if (diagnosis := _linear(raised, error, error.mismatch)) is not None:
            return diagnosis
        if _of_torchvision(model) or error.mismatch.repair == "size":
            found = changes(model, shape, error, sizes=True)
    if found is not None:
        return _picture(raised, error, shape, *found)
    return _diagnosis(raised, error, "shapes that do not fit", error.reason)


def _diagnosis(
    raised: RaisedError, error: TraceError, name: str, what: str, code: str = "", why: str = ""
) -> Diagnosis:
    shapes = error.mismatch.parties if error.mismatch else ()
    return Diagnosis(name, what, raised.place, raised.lines(), shapes, code, why, error.trace)


def _of_torchvision(module: nn.Module) -> bool:
    return type(module).__module__.startswith("torchvision.")


# Running the forward again, on shapes alone.


def _again(raised: RaisedError, model: nn.Module) -> Trace | TraceError | None:
    """The forward as it was called, where all that it got were tensors."""
    given = [value for value in raised.args if value is not None]
    named = {name: value for name, value in raised.kwargs.items() if value is not None}
    values = list(named.values()) or given
    if not values or (given and named) or not all(isinstance(value, Tensor) for value in values):
        return None
    kinds = [torch.float32 if v.is_floating_point() or v.dtype == torch.uint8 else v.dtype for v in values]
    shapes = [tuple(value.shape) for value in values]
    return attempt(model, dict(zip(named, shapes, strict=True)) if named else shapes, kinds)


def attempt(
    model: nn.Module, given: Any, dtypes: Any = torch.float32, *, mode: Mode | None = None
) -> Trace | TraceError | None:
    """Trace a model with inputs of these shapes.

    Args:
        model: any module.
        given: a list of shapes, or a mapping from argument names to shapes.
        dtypes: of each of them, or of all.
        mode: "eval", "train", or None for the mode it is in.

    Returns:
        The trace; or the error with which the forward stopped; or None where the model cannot be traced.
    """
    shapes = list(given.values()) if isinstance(given, dict) else list(given)
    kinds = list(dtypes) if isinstance(dtypes, list | tuple) else [dtypes] * len(shapes)
    ghosts = [torch.zeros((), dtype=kind).expand(shape) for shape, kind in zip(shapes, kinds, strict=True)]
    inputs: Any = dict(zip(given, ghosts, strict=True)) if isinstance(given, dict) else ghosts
    with _quiet():
        try:
            return trace(model, inputs, mode=mode)
        except TraceError as error:
            if error.trace is None and error.where is None:
                return None
            error.__cause__ = error.__context__ = None  # they and the traceback would keep frames and tensors alive
            return error.with_traceback(None)
        except CourseError:
            return None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """A forward that prints or warns has done so already."""
    silence = io.StringIO()
    with contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# The picture was not prepared.


@dataclass(frozen=True)
class Change:
    """One thing to do to a picture (or the model) before the call.

    Attributes:
        name: the mistake that it repairs.
        shape: the batch's shape afterwards.
        code: the line, with ``{x}`` for the batch and ``{model}`` for the model.
        what: what was wrong, a sentence.
    """

    name: str
    shape: Shape
    code: str
    what: str


def changes(
    model: nn.Module, shape: Shape, error: TraceError, *, sizes: bool = False, mode: Mode | None = None
) -> tuple[tuple[Change, ...], Trace] | None:
    """What to change so that a batch goes through, and the trace of it then; None where nothing here helps.

    Args:
        model: takes one tensor (B, C, H, W).
        shape: of what it was called with, 2 to 4 dimensions.
        error: how the forward stopped with that shape.
        sizes: also take a picture of another size, where tracing found one that goes through.
        mode: the mode in which the model is tried; None is the one it is in.
    """
    wanted = next((module.in_channels for module in model.modules() if isinstance(module, nn.Conv2d)), None)
    if wanted is None or not 2 <= len(shape) <= 4:
        return None
    steps: list[Change] = []
    for change in (_channels_last, _no_channel, _colours, _no_batch):
        step = change(steps[-1].shape if steps else shape, wanted)
        steps += [step] if step is not None else []
    now = steps[-1].shape if steps else shape
    tried = attempt(model, [now], mode=mode) if steps else error
    while isinstance(tried, TraceError) and tried.mismatch is not None:
        if tried.mismatch.repair == "eval" and model.training and mode is None:
            mode = "eval"
            what = (
                "In train mode BatchNorm takes the mean and the spread of each channel over the batch, and here "
                "each channel has a single number."
            )
            steps.append(Change("one value per channel", now, "{model}.eval()", what))
        elif sizes and tried.sizes and tried.sizes[0] != now[2:]:
            code = f"{{x}} = torchvision.transforms.functional.resize({{x}}, {list(tried.sizes[0])})"
            what = f"This model can't take pictures of {now[2]}×{now[3]}."
            now, sizes = (*now[:2], *tried.sizes[0]), False
            steps.append(Change("picture of the wrong size", now, code, what))
        else:
            return None
        tried = attempt(model, [now], mode=mode)
    # A forward that needs real numbers takes too long to be tried.
    return (tuple(steps), tried) if isinstance(tried, Trace) and not tried.note else None


def _channels_last(shape: Shape, wanted: int) -> Change | None:
    order = channels_last(shape, (wanted, *_CHANNELS))
    if not order:
        return None
    after = tuple(shape[place] for place in order)
    what = (
        f"{times(shape)} has the channels last, as pictures in numpy have them; PyTorch expects them before the rows."
    )
    return Change("channels last", after, f"{{x}} = {{x}}.permute{order}", what)


def _no_channel(shape: Shape, wanted: int) -> Change | None:
    if len(shape) != 2:
        return None
    what = f"{times(shape)} has only rows and columns: the dimension of the channels is missing."
    return Change("no channel dimension", (1, *shape), "{x} = {x}.unsqueeze(0)", what)


def _colours(shape: Shape, wanted: int) -> Change | None:
    if len(shape) < 3 or wanted != 3 or shape[-3] not in (1, 4):
        return None
    after = (*shape[:-3], 3, *shape[-2:])
    if shape[-3] == 1:
        what = "A grey picture has 1 channel, and the first convolution expects 3: red, green, blue."
        return Change("grey picture", after, f"{{x}} = {{x}}.expand({'-1, ' * (len(shape) - 3)}3, -1, -1)", what)
    what = "A picture with transparency has 4 channels (RGBA), and the first convolution expects 3: red, green, blue."
    return Change("RGBA picture", after, "{x} = {x}[..., :3, :, :]", what)


def _no_batch(shape: Shape, wanted: int) -> Change | None:
    if len(shape) != 3:
        return None
    what = f"The model expects a batch, batch×channels×height×width, and it got one picture: {times(shape)}."
    return Change("no batch dimension", (1, *shape), "{x} = {x}.unsqueeze(0)", what)


def _smallest(model: nn.Module, shape: Shape) -> int:
    """The smallest side of a square picture that goes through, where one of this shape does."""
    low, high = 0, shape[-1]
    while high - low > 1:
        middle = (low + high) // 2
        through = isinstance(attempt(model, [(*shape[:2], middle, middle)]), Trace)
        low, high = (low, middle) if through else (middle, high)
    return high


def _picture(
    raised: RaisedError, error: TraceError, shape: Shape, steps: tuple[Change, ...], after: Trace
) -> Diagnosis:
    x, net = raised.name_of(raised.picture, "batch"), raised.name_of(raised.model, "model")
    what = " ".join(step.what for step in steps)
    names = [step.name for step in steps]
    name = names[0]
    outputs = ", ".join(map(times, after.outputs))
    why = f"Checked with shapes only: the model then runs, and returns {outputs}."
    if "picture of the wrong size" in names and raised.model is not None:
        fits = steps[names.index("picture of the wrong size")].shape
        what += f" {error.cause}"
        small = min(shape[-2:])
        if small < fits[-1] and error.mismatch and error.mismatch.repair == "size" and "Wrong image" not in error.cause:
            least = _smallest(raised.model, fits)
            if least > small:
                name = "picture too small" if name == "picture of the wrong size" else name
                why += f" The smallest square that works is {least}×{least}."
    if "one value per channel" in names:
        why += " While training, give it batches of two or more: DataLoader(…, drop_last=True)."
    if "grey picture" in names or "RGBA picture" in names:
        why += " It is better to convert the picture where it is opened: picture.convert('RGB')."
    parties = error.mismatch.parties if error.mismatch else ()
    shapes = (Party("what the model got", shape), *(party for party in parties if party.name != "the input"))
    code = "\n".join(step.code.format(x=x, model=net) for step in steps)
    if x == "batch" and (source := raised.calling) is not None and raised.name_of(raised.picture, "") == "":
        argument = next(
            (call.args[0] for call in source.calls() if raised.value_there(call.func) is raised.model and call.args),
            None,
        )
        if argument is not None:  # the learner has no name for it: their line, with the call's argument changed
            text = source.segment(argument)
            for step in steps:
                text = step.code.partition(" = ")[2].format(x=text) if " = " in step.code else text
            rest = [step.code.format(model=net) for step in steps if " = " not in step.code]
            code = "\n".join([*rest, source.rewritten((argument, text))])
    return Diagnosis(name, what, raised.place, raised.lines(), shapes, code, why, error.trace)


# The network was put together wrongly.


def _shortcut(raised: RaisedError, error: TraceError, mismatch: Mismatch) -> Diagnosis | None:
    """A block whose layers change the shape, and whose shortcut does not."""
    made = mismatch.projection
    if made is None:
        return None
    short, out, block = made.short, made.out, raised.modules[-1]
    if _of_torchvision(block) and getattr(block, "downsample", 0) is None:
        code, use = "downsample", f"Hand it to the block: {type(block).__name__}(…, downsample=downsample)."
    else:
        code, use = "self.shortcut", "Add self.shortcut(x) in the forward, instead of x."
    changed = [f"the channels go from {short[1]} to {out[1]}"] if short[1] != out[1] else []
    changed += [f"the maps from {times(short[2:])} to {times(out[2:])}"] if short[2:] != out[2:] else []
    what = f"The block adds its input {times(short)} to the output of its layers, {times(out)}: "
    what += f"{' and '.join(changed)}, so the shortcut needs a projection."
    why = f"A 1×1 convolution with stride {made.stride} turns {times(short)} into {times(out)}. {use}"
    return _diagnosis(raised, error, "shortcut without downsample", what, f"{code} = {made.code}", why)


def _linear(raised: RaisedError, error: TraceError, mismatch: Mismatch) -> Diagnosis | None:
    """A linear layer that gets maps, or rows of another length."""
    model, layer, path = raised.model, raised.modules[-1], raised.path or ""
    got = error.failed.operand("input") if error.failed is not None else None
    if mismatch.repair not in ("flatten", "linear") or model is None or not isinstance(layer, nn.Linear) or not got:
        return None
    wants = layer.in_features
    what = f"The linear layer {path or 'itself'} expects rows of {wants} numbers, and it got {times(got)}"
    x = raised.name_of(raised.picture, "x") if layer is model else "x"
    if mismatch.repair == "flatten":
        code = _insert(raised, path, "nn.Flatten()") or f"{x} = torch.flatten({x}, 1)"
        why = f"It makes rows of {'·'.join(map(str, got[1:]))} = {wants}."
        what += ": a map that has not been flattened."
        return _diagnosis(raised, error, "no flatten before a linear layer", what, code, why)
    if mismatch.by_size and (pool := _pool_left_out(model, error, mismatch.maps, wants)):
        code, side = pool
        maps = mismatch.maps
        what += f": {times(maps[1:])}, flattened, is {got[1]}, and {wants} is {maps[1]}·{side}·{side}. "
        what += f"The adaptive pool that turns maps of any size into {side}×{side} was left out."
        flatten = next((op.path for op in error.trace or () if op.inputs[:1] == (maps,) and op.output == got), "")
        code = _insert(raised, flatten, code) or f"x = {code}(x)"
        why = f"Before the flatten, it makes rows of {maps[1]}·{side}·{side} = {wants} for pictures of any size."
        return _diagnosis(raised, error, "no adaptive pool before the classifier", what, code, why)
    if layer is model or (error.sizes and _of_torchvision(model)):
        return None
    code = f"{attribute(raised.name_of(model, 'model'), path)} = nn.Linear({got[1]}, {layer.out_features})"
    why = "nn.LazyLinear works this number out by itself."
    if mismatch.by_size:
        why += " It is right for pictures of this size only."
    if error.sizes:
        why += f" As it stands, the model takes pictures of {' or '.join(map(times, error.sizes))}."
    return _diagnosis(raised, error, "linear layer of the wrong size", f"{what}.", code, why)


def _pool_left_out(model: nn.Module, error: TraceError, maps: Shape, wants: int) -> tuple[str, int] | None:
    """(code, side) of the adaptive pool that was not called: one that the model has, or that of VGG and AlexNet."""
    channels = maps[1] if maps else 0
    side = isqrt(wants // channels) if channels else 0
    if not side or channels * side * side != wants:
        return None
    ran = {call.path for call in error.trace.calls} if error.trace else set()
    idle = [
        path
        for path, module in model.named_modules()
        if isinstance(module, nn.AdaptiveAvgPool2d) and path not in ran and module.output_size in (side, (side, side))
    ]
    if len(idle) == 1:
        return attribute("self", idle[0]), side
    return (f"nn.AdaptiveAvgPool2d(({side}, {side}))", side) if (channels, side) in _CLASSIFIER_MAPS else None


def _insert(raised: RaisedError, path: str, layer: str) -> str:
    """The line that puts a layer before another one in a Sequential; "" where that is in no Sequential."""
    parent, _, place = path.rpartition(".")
    if raised.model is None or not place.isdigit() or layer.startswith("self"):
        return ""
    if type(raised.model.get_submodule(parent)) is not nn.Sequential:
        return ""
    return f"{attribute(raised.name_of(raised.model, 'model'), parent)}.insert({place}, {layer})"
