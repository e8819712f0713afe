"""An op in words: what it got, why its shape is what it is, what it costs, what it sees, where its input came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from course_lib.tracing import arithmetic

if TYPE_CHECKING:
    from course_lib.tracing.ops import Op

__all__ = ["words"]

_WHAT = {
    "conv": "slides {weight} filters over the map",
    "conv_transpose": "spreads every cell of the map over a window of the output",
    "max_pool": "keeps the largest number of each window",
    "avg_pool": "takes the mean of each window",
    "adaptive_avg_pool": "divides the map into as many parts as asked for, and takes each part's mean",
    "adaptive_max_pool": "divides the map into as many parts as asked for, and keeps each part's largest number",
    "batch_norm": "shifts and scales each channel",
    "layer_norm": "shifts and scales each position by its own mean and spread",
    "relu": "sets negative numbers to zero",
    "add": "adds number by number, so the shapes must be equal or repeatable",
    "mul": "multiplies number by number, so the shapes must be equal or repeatable",
    "cat": "puts the tensors one behind the other; all other dimensions must be equal",
    "flatten": "writes dimensions one behind the other; the numbers stay the same",
    "view": "reads the same numbers in another shape",
    "reshape": "reads the same numbers in another shape",
    "permute": "changes the order of the dimensions",
    "linear": "multiplies each row by the weight matrix",
    "dropout": "in train mode sets some numbers to zero, in eval mode does nothing",
    "interpolate": "resizes the map",
    "multi_head_attention_forward": "lets every token look at every token",
    "softmax": "turns numbers into shares that add up to 1",
}


def words(op: Op, ops: Sequence[Op]) -> str:
    """Several sentences, one a line."""
    from course_lib.tracing.ops import times

    where = f" in {op.path}" if op.path and op.name != op.path else ""
    where += f" (a {op.module})" if op.path else ""
    lines = [f"{op.name} is op {op.index}: {op.kind}{where}."]
    kind = op.plain[:-2] if op.plain[-2:] in ("1d", "2d", "3d") else op.plain
    weight = op.operand("weight")
    if kind in _WHAT:
        lines.append(f"It {_WHAT[kind].format(weight=weight[0] if weight else '')}.")
    both = zip(op.inputs, op.sources, strict=True)
    came = " and ".join(f"{times(shape)} from {_from(source, ops)}" for shape, source in both)
    gave = ", ".join(times(shape) for shape in op.outputs)
    lines.append(f"{came or 'Nothing'} → {gave}.")
    reason = arithmetic.reason(op)
    if reason is not None:
        lines.append(f"Why: {reason.text}.")
        if kind.startswith(("conv", "max_pool", "avg_pool")) and kind[-1] != "d":
            lines.append(_window(op))
        lines.extend(reason.notes)
    if op.weights:
        lines.append(_weights(op))
    if op.macs:
        lines.append(f"{op.macs:,} multiply-adds.")
    lines.append(_field(op))
    feeds = [other.name for other in ops if op.index in other.sources]
    if len(feeds) > 1:
        lines.append(f"Its output goes two ways or more: to {', '.join(feeds)}.")
    return "\n".join(line for line in lines if line)


def _from(source: int, ops: Sequence[Op]) -> str:
    if source >= 0:
        return ops[source].name
    return "the input" if source == -1 else f"input {-source}"


def _window(op: Op) -> str:
    one = arithmetic.slides(op)[-1]
    dilation = f", its cells {one.d} apart (dilation)" if one.d != 1 else ""
    groups = int(op.setting("groups", 1))
    apart = "" if groups == 1 else f" The channels are worked on in {groups} separate groups."
    return (
        f"The window is {one.k} wide{dilation}, moves by {one.s} (stride), "
        f"and {one.p or 'no'} cell{'s' if one.p != 1 else ''} of padding "
        f"stand{'s' if one.p == 1 else ''} at each side.{apart}"
    )


def _weights(op: Op) -> str:
    from course_lib.tracing.ops import times

    each = " + ".join(f"{one.name.rpartition('.')[2]} {times(one.shape)}" for one in op.weights)
    frozen = "" if all(one.trainable for one in op.weights) else " Not all of them are trained: some are frozen."
    shared = f" Shared with an earlier op, where they are counted: {', '.join(op.shared)}." if op.shared else ""
    return f"Parameters: {each} = {sum(one.numel for one in op.weights):,}.{frozen}{shared}"


def _field(op: Op) -> str:
    field = op.field
    if field is None:
        return ""
    height, width = field.picture
    if field.height is None or field.width is None:
        return f"It sees the whole picture, {height}×{width}."
    size = f"{field.height.size}×{field.width.size}"
    down, right = field.height.jump, field.width.jump
    step = f"{down:g}" if down == right else f"{down:g} down and {right:g} across"
    text = f"One cell sees {size} pixels of the picture; the next cell's field lies {step} further; "
    text += f"the first one's middle is at ({field.height.centre:g}, {field.width.centre:g})."
    if field.whole:
        text = f"Through a global step it sees the whole picture, {height}×{width}; by its windows alone {size}."
    if field.branches:
        each = ", ".join(f"{name} {size}" for name, size in field.branches)
        text += f" The branches differ ({each}); the largest counts."
    return text
