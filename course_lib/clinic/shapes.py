"""Forwards that stop because shapes do not fit: pictures that were not prepared, and networks put together wrongly.

First the picture: the fewest repairs with which the same forward goes through (``retrace``). Then the network: the
operation that stopped, and what would have fitted there. All of it is computed from a trace of the model that failed.
"""

from __future__ import annotations

from math import isqrt, prod

import torch
from torch import Tensor, nn

from course_lib.clinic.diagnosis import Diagnosis, Met
from course_lib.clinic.retrace import Attempt, Step, attempt, repairs, smallest
from course_lib.clinic.scene import Scene, attribute
from course_lib.tracing.branches import projection
from course_lib.tracing.ops import Op
from course_lib.tracing.records import Shape, times
from course_lib.tracing.result import Trace

__all__ = ["explain"]


def explain(scene: Scene) -> Diagnosis | None:
    """A forward that stopped over shapes; None where a trace does not stop at the same place."""
    model = scene.model
    if model is None or not scene.inside:
        return None
    first = _again(scene, model)
    if first is None or first.error is None or not _same_place(scene, first):
        return None
    picture = scene.picture
    shape = tuple(picture.shape) if picture is not None else ()
    modes = first.error.failed is not None and first.error.failed.kind == "batch_norm"
    if shape and (found := repairs(model, shape, modes=modes)):
        return _picture(scene, first, shape, *found)
    if first.error.failed is not None and (diagnosis := _network(scene, first, first.error.failed)):
        return diagnosis
    sized = type(model).__module__.startswith("torchvision.") or "is too small for" in first.error.reason
    if shape and sized and (found := repairs(model, shape, sizes=True, modes=modes)):
        return _picture(scene, first, shape, *found)
    met = _met(first)
    return Diagnosis("shapes that do not fit", first.error.reason, scene.module, scene.lines(), met, trace=first.trace)


def _again(scene: Scene, model: nn.Module) -> Attempt | None:
    given = [one for one in scene.args if one is not None]
    named = {name: one for name, one in scene.kwargs.items() if one is not None}
    if not all(isinstance(one, Tensor) for one in (*given, *named.values())) or not (given or named):
        return None
    if given and named:
        return None
    values = list(named.values()) or given
    kinds = [torch.float32 if one.is_floating_point() or one.dtype == torch.uint8 else one.dtype for one in values]
    shapes = [tuple(one.shape) for one in values]
    return attempt(model, dict(zip(named, shapes, strict=True)) if named else shapes, kinds)


def _same_place(scene: Scene, tried: Attempt) -> bool:
    """Whether the trace stopped in the module in which the error was raised."""
    where = tried.error.where if tried.error else None
    return where is not None and scene.path is not None and scene.path == where


def _met(tried: Attempt) -> tuple[Met, ...]:
    failed, trace = (tried.error.failed, tried.trace) if tried.error else (None, None)
    if failed is None or trace is None:
        return ()
    names = {weight.shape: weight.name for weight in reversed(failed.weights) if len(weight.shape) > 1}
    found = []
    for operand in failed.operands:
        if operand.source is None:
            who = names.get(operand.shape, "")
        else:
            who = "the input" if operand.source < 0 else f"what {trace[operand.source].name} gave"
        if who:
            found.append(Met(who, operand.shape))
    return tuple(found)


def _picture(scene: Scene, first: Attempt, shape: Shape, steps: tuple[Step, ...], after: Trace) -> Diagnosis:
    x, net = scene.name_of(scene.picture, "batch"), scene.name_of(scene.model, "model")
    what = " ".join(step.what for step in steps)
    names = [step.name for step in steps]
    name = names[0]
    outputs = ", ".join(times(one) for one in after.outputs)
    why = f"Tried on shapes alone: then it goes through, and the output is {outputs}."
    if "picture of another size" in names and first.error is not None and scene.model is not None:
        fits = steps[names.index("picture of another size")].shape
        if "Wrong image" in scene.said:
            what += " Its position embeddings were learnt for one size of picture, one for each patch."
        else:
            what += " " + first.error.reason.split(" What would fit")[0].split(" As the model is")[0]
            if min(shape[-2:]) < fits[-1] and (least := smallest(scene.model, fits, fits[-1])) > min(shape[-2:]):
                name = "picture too small" if name == "picture of another size" else name
                why += f" The smallest square that goes through is {least}×{least}."
    if "one value per channel" in names:
        why += " While training, give it batches of two or more: DataLoader(…, drop_last=True)."
    if "grey picture" in names or "RGBA picture" in names:
        why += " Better where the picture is opened: picture.convert('RGB')."
    met = (Met("what the model got", shape), *(one for one in _met(first) if one.who != "the input"))
    code = "\n".join(step.code.format(x=x, model=net) for step in steps)
    return Diagnosis(name, what, scene.module, scene.lines(), met, code, why, first.trace)


def _network(scene: Scene, first: Attempt, failed: Op) -> Diagnosis | None:
    kind = failed.kind.rstrip("_")
    if kind == "add":
        return _shortcut(scene, first, failed)
    if kind == "linear":
        return _linear(scene, first, failed)
    return None


def _shortcut(scene: Scene, first: Attempt, failed: Op) -> Diagnosis | None:
    """Two branches that end in different shapes, one of them the block's own input."""
    shapes = [operand.shape for operand in failed.operands]
    given = [tuple(one.shape) for one in scene.given if isinstance(one, Tensor)]
    if len(shapes) != 2 or any(len(shape) != 4 for shape in shapes) or not given:
        return None
    short = next((shape for shape in shapes if shape == given[0]), None)
    if short is None:
        return None
    out = shapes[1] if shapes[0] == short else shapes[0]
    made = projection(short, out)
    if made is None:
        return None
    a, b = short[1], out[1]
    block = type(scene.inside[-1])
    left_out = block.__module__.startswith("torchvision.") and getattr(scene.inside[-1], "downsample", 0) is None
    if left_out:
        code, use = "downsample", f"Hand it to the block: {block.__name__}(…, downsample=downsample)."
    else:
        code, use = "self.shortcut", "Add self.shortcut(x) in the forward, in place of x."
    code += f" = {made.code}"
    changed = [f"the channels go from {a} to {b}"] if a != b else []
    changed += [f"the maps from {times(short[2:])} to {times(out[2:])}"] if short[2:] != out[2:] else []
    what = f"The block adds its input {times(short)} to what its layers made of it, {times(out)}: "
    what += " and ".join(changed) + ", so the shortcut needs a projection."
    why = f"A 1×1 convolution with stride {made.stride} makes {times(out)} of {times(short)}. {use}"
    return Diagnosis("shortcut without downsample", what, scene.module, scene.lines(), _met(first), code, why,
                     first.trace)  # fmt: skip


def _linear(scene: Scene, first: Attempt, failed: Op) -> Diagnosis | None:
    trace, model = first.trace, scene.model
    operands = {operand.argument: operand for operand in failed.operands}
    rows, weight = operands.get("input"), operands.get("weight")
    if trace is None or model is None or rows is None or weight is None or len(weight.shape) != 2:
        return None
    got, (outputs, wants) = rows.shape, weight.shape
    layer = scene.path or "itself"
    head = f"The linear layer {layer} wants rows of {wants} numbers, and it got {times(got)}"
    alone = scene.inside[-1] is model
    x = scene.name_of(scene.picture, "x") if alone else "x"

    def said(name: str, what: str, code: str, why: str) -> Diagnosis:
        return Diagnosis(name, what, scene.module, scene.lines(), _met(first), code, why, trace)

    if len(got) > 2 and prod(got[1:]) == wants:
        sum_ = "·".join(map(str, got[1:]))
        return said("no flatten before a linear layer", f"{head}: a map that has not been flattened.",
                    f"{x} = torch.flatten({x}, 1)", f"It makes rows of {sum_} = {wants}.")  # fmt: skip
    if len(got) != 2:
        return None
    before = _flattened(trace, rows.source)
    if before is not None:
        channels, side = before[1], isqrt(wants // before[1]) if wants % before[1] == 0 else 0
        if side and channels * side * side == wants and before[2:] != (side, side):
            what = f"{head}: {times(before[1:])}, flattened, is {got[1]}, and {wants} is {channels}·{side}·{side}. "
            what += f"The adaptive pool that makes maps of {side}×{side} of any size was left out."
            ran = {call.path for call in trace.calls}
            idle = [p for p, m in model.named_modules() if isinstance(m, nn.AdaptiveAvgPool2d) and p not in ran]
            pool = attribute("self", idle[0]) if len(idle) == 1 else f"nn.AdaptiveAvgPool2d(({side}, {side}))"
            why = f"Before the flatten; then its rows are {channels}·{side}·{side} = {wants} for every size of picture."
            return said("no adaptive pool before the classifier", what, f"x = {pool}(x)", why)
    if alone or type(model).__module__.startswith("torchvision."):
        return None
    name = attribute(scene.name_of(model, "model"), scene.path or "")
    return said("linear layer of another size", f"{head}.", f"{name} = nn.Linear({got[1]}, {outputs})",
                "nn.LazyLinear finds the number by itself; pictures of another size would change it too.")  # fmt: skip


def _flattened(trace: Trace, source: int | None) -> Shape | None:
    """The map (B, C, H, W) that was flattened into the rows which an op took."""
    while source is not None and source >= 0:
        op = trace[source]
        shape = op.operands[0].shape if op.operands else ()
        if op.kind in ("flatten", "view", "reshape") and len(shape) == 4:
            return shape
        if op.kind not in ("dropout", "relu", "relu_", "contiguous"):
            return None
        source = op.operands[0].source
    return None
