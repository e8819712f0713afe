"""What a trace is made of: ops in the order they ran, the module calls round them, and the whole.

Only data and look-ups. How it is recorded stands in ``record``, why a shape is what it is in ``arithmetic``, receptive
fields in ``fields``, multiply-adds in ``macs``, and how it is shown in ``show``, ``page`` and ``summary``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from course_lib.tracing import arithmetic, explain, fields, macs

__all__ = ["Call", "Op", "Operand", "Shape", "Weight", "times"]

Shape = tuple[int, ...]


def times(shape: Shape) -> str:
    """A shape as people write it.

    Example:
        >>> times((1, 3, 224, 224)), times(())
        ('1×3×224×224', 'one number')
    """
    return "×".join(str(n) for n in shape) if shape else "one number"


@dataclass(frozen=True, slots=True)
class Weight:
    """A parameter that an op used.

    Attributes:
        name: as in ``model.named_parameters()``.
        shape, numel: its size.
        trainable: whether it asks for gradients.
        shared: an earlier op has used it already, where it was counted.
    """

    name: str
    shape: Shape
    numel: int
    trainable: bool
    shared: bool


@dataclass(frozen=True, slots=True)
class Operand:
    """A tensor that went into an op.

    Attributes:
        argument: what the function calls it, such as "input" or "weight".
        shape: its size.
        source: the index of the op it came from; -1 for the model's first input, -2 for the second, and so on; None
            for a parameter, a buffer, or a tensor that came from nowhere in the trace.
    """

    argument: str
    shape: Shape
    source: int | None


class Shared:
    """What the ops of one trace know together; worked out when the first of them is asked."""

    ops: tuple[Op, ...] = ()
    sizes: tuple[Shape, ...] = ()

    @cached_property
    def fields(self) -> tuple[fields.Field | None, ...]:
        return fields.follow(self.ops, self.sizes)


@dataclass(frozen=True, slots=True)
class Op:
    """One operation, as it ran.

    Attributes:
        index: its place in the trace.
        name: unique in the trace: the module's path where the module is this one op ("layer1.0.conv1"), the path and
            the function otherwise ("layer1.0.add"); "_1" for the second time.
        kind: the function, such as "conv2d" or "add_".
        path: the module in which it ran; "" is the model itself.
        module: that module's class.
        operands: every tensor that went in.
        outputs: the shapes that came out.
        settings: the other arguments, such as (("stride", (2, 2)), …).
        weights: the parameters it used.
        dtype: of the first output, such as "float32".
        bytes: activation memory that it newly needs: 0 where it works in place or only looks at its input differently.
    """

    index: int
    name: str
    kind: str
    path: str
    module: str
    operands: tuple[Operand, ...]
    outputs: tuple[Shape, ...]
    settings: tuple[tuple[str, Any], ...] = field(hash=False)
    weights: tuple[Weight, ...]
    dtype: str
    bytes: int
    _shared: Shared = field(repr=False, compare=False)

    @property
    def output(self) -> Shape:
        """The first (mostly the only) output's shape."""
        return self.outputs[0]

    @property
    def inputs(self) -> tuple[Shape, ...]:
        """The shapes that came from the picture or from earlier ops (no weights)."""
        return tuple(one.shape for one in self.operands if one.source is not None)

    @property
    def sources(self) -> tuple[int, ...]:
        """Who feeds it: indices of ops, -1 for the model's first input, -2 for its second."""
        return tuple(one.source for one in self.operands if one.source is not None)

    @property
    def parameters(self) -> int:
        """How many numbers of parameters it brings; one shared with an earlier op counts there."""
        return sum(one.numel for one in self.weights if not one.shared)

    @property
    def trainable(self) -> int:
        """How many of ``parameters`` ask for gradients."""
        return sum(one.numel for one in self.weights if one.trainable and not one.shared)

    @property
    def shared(self) -> tuple[str, ...]:
        """The names of the parameters that an earlier op has used already."""
        return tuple(one.name for one in self.weights if one.shared)

    @property
    def macs(self) -> int:
        """Multiply-adds in torchvision's convention: convolutions and matrix products alone."""
        return macs.count(self)

    @property
    def formula(self) -> str:
        """The arithmetic of its output shape with the numbers in it; "" where there is no rule for this function."""
        reason = arithmetic.reason(self)
        return reason.text if reason else ""

    @property
    def field(self) -> fields.Field | None:
        """What one cell of its output sees of the model's first input; None where that cannot be followed."""
        return self._shared.fields[self.index]

    @property
    def plain(self) -> str:
        """The kind without the underscore of working in place: "add" for "add_"."""
        return self.kind.rstrip("_")

    def explain(self) -> str:
        """Why its shape is what it is, in words."""
        return explain.words(self, self._shared.ops)

    def setting(self, name: str, default: Any = None) -> Any:
        """One of its settings by name."""
        for key, value in self.settings:
            if key == name:
                return value
        return default

    def operand(self, argument: str) -> Shape | None:
        """The shape of the tensor given as this argument, if there was one."""
        for one in self.operands:
            if one.argument == argument:
                return one.shape
        return None

    def __repr__(self) -> str:
        return f"<Op {self.index} {self}>"

    def __str__(self) -> str:
        came = " + ".join(times(one) for one in self.inputs) or "nothing"
        return f"{self.name} ({self.kind}): {came} → {', '.join(times(one) for one in self.outputs)}"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a module.

    Attributes:
        path, kind: the module's path ("" for the model) and class.
        depth: 0 for the model, 1 for its children, …
        first, end: the ops that ran in it are ``trace.ops[first:end]``.
        outputs: the shapes it returned.
        weights: (numel, trainable, shared) of each parameter that is the module's own, not its children's.
        container: whether it is a Sequential or a list, which torchsummary leaves out.
    """

    path: str
    kind: str
    depth: int
    first: int
    end: int
    outputs: tuple[Shape, ...]
    weights: tuple[tuple[int, bool, bool], ...]
    container: bool

    @property
    def parameters(self) -> int:
        """The numbers of its own parameters, those counted in an earlier call left out."""
        return sum(numel for numel, _, shared in self.weights if not shared)
