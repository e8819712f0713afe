"""``Op``: an operation that can explain itself, with its formula, its multiply-adds and what it sees of the picture.

It puts together what ``arithmetic`` and ``fields`` find out; nothing is computed before it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from course_lib.tracing import arithmetic, fields
from course_lib.tracing.multiply_adds import multiply_adds
from course_lib.tracing.records import Operation, Shape, times

__all__ = ["Op", "Shared"]


class Shared:
    """What the ops of one trace share: each other, and the receptive fields, computed when the first one is asked.

    Attributes:
        operations: the same as the ops. An op holds this object, so it cannot hold ops without a circle, and a trace
            that nobody needs would wait for the garbage collector.
        sizes: of the inputs.
        picture: whether the first input is a picture, so that there are fields.
    """

    operations: Sequence[Operation] = ()
    sizes: tuple[Shape, ...] = ()
    picture: bool = True

    @cached_property
    def fields(self) -> fields.Fields:
        return fields.follow(self.operations, self.sizes if self.picture else ())

    def __eq__(self, other: object) -> bool:
        """Ops are compared by what they did, in whatever traces they are."""
        return isinstance(other, Shared)

    def __hash__(self) -> int:
        return 0


class Op(Operation):
    """One operation as it ran, with the reasons for its numbers.

    Attributes:
        index, name, kind, path, module, operands, outputs, settings, weights, dtype, bytes: as in ``Operation``.
    """

    __slots__ = ()

    def __new__(cls, *fields_and_shared: Any) -> Op:
        return tuple.__new__(cls, fields_and_shared)

    @property
    def _shared(self) -> Shared:
        return tuple.__getitem__(self, -1)  # type: ignore[return-value]

    @property
    def macs(self) -> int:
        """Multiply-adds in torchvision's convention: convolutions, matrix products, attention, recurrent layers.

        0 where they are not counted; ``counted`` says which 0 it is.
        """
        return multiply_adds(self) or 0

    @property
    def counted(self) -> bool:
        """Whether ``macs`` is its number; False for an op that multiplies matrices in a way without a rule."""
        return multiply_adds(self) is not None

    @property
    def formula(self) -> str:
        """The arithmetic of its output shape with the numbers in it; "" where there is no rule for this function."""
        reason = arithmetic.reason(self)
        return reason.text if reason else ""

    @property
    def field(self) -> fields.Field | None:
        """What one cell of its output sees of the model's first input, a picture.

        None where it depends on no picture, or in a way that is not followed: then ``field_lost`` names the op.
        """
        return self._shared.fields.each[self.index]

    @property
    def field_lost(self) -> str | None:
        """The op at which it could no longer be followed what a cell sees; None where that is known."""
        place = self._shared.fields.lost.get(self.index)
        return None if place is None else self._shared.operations[place].name

    def explain(self) -> str:
        """Several sentences, one a line: what it does, why its shape is what it is, what it costs, what it sees."""
        ops = self._shared.operations
        where = f" in {self.path}" if self.path and self.name != self.path else ""
        where += f" (a {self.module})" if self.path else ""
        lines = [f"{self.name} is op {self.index}: {self.kind}{where}."]
        kind = self.plain[:-2] if self.plain[-2:] in ("1d", "2d", "3d") else self.plain
        weight = self.operand("weight")
        if kind in _ACTIONS:
            filters = f"{weight[0]} filter{'s' * (weight[0] != 1)}" if weight else "filters"
            lines.append(f"It {_ACTIONS[kind].format(filters=filters)}.")
        both = zip(self.inputs, self.sources, strict=True)
        came = " and ".join(f"{times(shape)} from {_origin(source, ops)}" for shape, source in both)
        gave = ", ".join(times(shape) for shape in self.outputs)
        lines.append(f"{came or 'Nothing'} → {gave}.")
        reason = arithmetic.reason(self)
        if reason is not None:
            lines.append(f"Why: {reason.text}.")
            if kind.startswith(("conv", "max_pool", "avg_pool")) and kind[-1] != "d":
                lines.append(_window(self))
            lines.extend(reason.notes)
        if self.weights:
            lines.append(_weights(self))
        macs = multiply_adds(self)
        if macs is None:
            lines.append(f"Its multiply-adds are not counted: there is no rule for {self.plain}.")
        elif macs:
            lines.append(f"{macs:,} multiply-adds.")
        lines.append(_field(self.field))
        if self.field_lost is not None:
            here = "here" if self.field_lost == self.name else f"after {self.field_lost}"
            lines.append(f"What a cell sees of the picture can't be followed {here}.")
        feeds = [other.name for other in ops if self.index in other.sources]
        if len(feeds) > 1:
            lines.append(f"Its output goes to more than one place: to {', '.join(feeds)}.")
        return "\n".join(line for line in lines if line)


_ACTIONS = {
    "conv": "slides {filters} over the map",
    "conv_transpose": "spreads every cell of the map over a window of the output",
    "max_pool": "keeps the largest number of each window",
    "avg_pool": "takes the mean of each window",
    "adaptive_avg_pool": "divides the map into the number of parts you asked for, and takes the mean of each",
    "adaptive_max_pool": "divides the map into the number of parts you asked for, and keeps the largest number of each",
    "batch_norm": "shifts and scales each channel",
    "layer_norm": "shifts and scales each position by its own mean and spread",
    "relu": "sets negative numbers to zero",
    "add": "adds number by number, so the shapes must be equal or broadcast",
    "mul": "multiplies number by number, so the shapes must be equal or broadcast",
    "cat": "joins the tensors along one dimension; all the others must be equal",
    "flatten": "merges dimensions into one; the numbers stay the same",
    "view": "reads the same numbers in a different shape",
    "reshape": "reads the same numbers in a different shape",
    "permute": "changes the order of the dimensions",
    "linear": "multiplies each row by the weight matrix",
    "dropout": "sets some numbers to zero in train mode, and does nothing in eval mode",
    "interpolate": "resizes the map",
    "multi_head_attention_forward": "lets every token look at every token",
    "softmax": "turns numbers into shares that add up to 1",
}


def _origin(source: int, ops: Sequence[Operation]) -> str:
    if source >= 0:
        return ops[source].name
    return "the input" if source == -1 else f"input {-source}"


def _window(op: Op) -> str:
    window = arithmetic.slides(op)[-1]
    dilation = f", its cells {window.d} apart (dilation)" if window.d != 1 else ""
    groups = int(op.setting("groups", 1))
    apart = "" if groups == 1 else f" The channels are worked on in {groups} separate groups."
    padding = f"{window.p} cell{'s' * (window.p > 1)} of padding on each side" if window.p else "no padding"
    there = "are" if window.p > 1 else "is"
    return f"The window is {window.k} wide{dilation}, moves by {window.s} (stride), and there {there} {padding}.{apart}"


def _weights(op: Op) -> str:
    each = " + ".join(f"{weight.name.rpartition('.')[2]} {times(weight.shape)}" for weight in op.weights)
    frozen = "" if all(weight.trainable for weight in op.weights) else " Not all of them are trained: some are frozen."
    shared = f" Shared with an earlier op, where they are counted: {', '.join(op.shared)}." if op.shared else ""
    return f"Parameters: {each} = {sum(weight.numel for weight in op.weights):,}.{frozen}{shared}"


def _field(field: fields.Field | None) -> str:
    if field is None:
        return ""
    height, width = field.picture
    if field.height is None or field.width is None:
        return f"It sees the whole picture, {height}×{width}."
    size = f"{field.height.size}×{field.width.size}"
    down, right = field.height.jump, field.width.jump
    step = f"{down:g}" if down == right else f"{down:g} down and {right:g} across"
    text = f"One cell sees {size} pixels of the picture; the next cell's field is {step} further on; "
    text += f"the first one's middle is at ({field.height.centre:g}, {field.width.centre:g})."
    if field.whole:
        text = f"Through a global step it sees the whole picture, {height}×{width}; by its windows alone {size}."
    if field.branches:
        each = ", ".join(f"{name} {size}" for name, size in field.branches)
        text += f" The branches differ ({each}); the largest counts."
    return text
