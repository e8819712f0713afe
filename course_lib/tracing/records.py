"""The records that a trace consists of: shapes, weights, operands, operations and the calls of modules.

Data and look-ups only. ``arithmetic`` says why a shape is what it is, ``fields`` what a cell sees; ``ops`` adds their
answers to an operation. There are thousands of these, so they are named tuples, which are made several times as fast as
frozen dataclasses; ``tuple.__new__(Weight, (…))`` is the same as ``Weight(…)``, and twice as fast again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Call", "Operand", "Operation", "Shape", "Weight", "times"]

Shape = tuple[int, ...]


def times(shape: Shape) -> str:
    """A shape as people write it.

    Example:
        >>> times((1, 3, 224, 224)), times(())
        ('1×3×224×224', 'one number')
    """
    return "×".join(str(size) for size in shape) if shape else "one number"


class Weight(NamedTuple):
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


class Operand(NamedTuple):
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


class Operation(NamedTuple):
    """One operation as it ran.

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

    index: int  # type: ignore[assignment]  # a tuple has a method of this name
    name: str
    kind: str
    path: str
    module: str
    operands: tuple[Operand, ...]
    outputs: tuple[Shape, ...]
    settings: tuple[tuple[str, Any], ...]
    weights: tuple[Weight, ...]
    dtype: str
    bytes: int

    @property
    def output(self) -> Shape:
        """The first (mostly the only) output's shape."""
        return self.outputs[0]

    @property
    def inputs(self) -> tuple[Shape, ...]:
        """The shapes that came from the picture or from earlier ops (no weights)."""
        return tuple(operand.shape for operand in self.operands if operand.source is not None)

    @property
    def subject(self) -> Shape:
        """The shape of the tensor that it works on, which may be a parameter, such as position embeddings resized."""
        shape = self.operand("input")
        if shape is not None:
            return shape
        return next(iter(self.inputs), self.operands[0].shape if self.operands else ())

    @property
    def sources(self) -> tuple[int, ...]:
        """Who feeds it: indices of ops, -1 for the model's first input, -2 for its second."""
        return tuple(operand.source for operand in self.operands if operand.source is not None)

    @property
    def parameters(self) -> int:
        """How many numbers of parameters it brings; one shared with an earlier op counts there."""
        return sum(weight.numel for weight in self.weights if not weight.shared)

    @property
    def trainable(self) -> int:
        """How many of ``parameters`` ask for gradients."""
        return sum(weight.numel for weight in self.weights if weight.trainable and not weight.shared)

    @property
    def shared(self) -> tuple[str, ...]:
        """The names of the parameters that an earlier op has used already."""
        return tuple(weight.name for weight in self.weights if weight.shared)

    @property
    def plain(self) -> str:
        """The kind without the underscore of working in place: "add" for "add_"."""
        return self.kind.rstrip("_")

    def setting(self, name: str, default: Any = None) -> Any:
        """One of its settings by name."""
        for key, value in self.settings:
            if key == name:
                return value
        return default

    def operand(self, argument: str) -> Shape | None:
        """The shape of the tensor given as this argument, if there was one."""
        for operand in self.operands:
            if operand.argument == argument:
                return operand.shape
        return None

    def __hash__(self) -> int:
        return hash((self.index, self.name, self.kind, self.operands, self.outputs))  # a setting may be a list

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.index} {self}>"

    def __str__(self) -> str:
        came = " + ".join(times(shape) for shape in self.inputs) or "nothing"
        return f"{self.name} ({self.kind}): {came} → {', '.join(times(shape) for shape in self.outputs)}"


class Call(NamedTuple):
    """One call of a module.

    Attributes:
        path, kind: the module's path ("" for the model) and class.
        depth: 0 for the model, 1 for its children, …
        first, end: the ops that ran in it are ``trace.ops[first:end]``.
        outputs: the shapes it returned.
        weights: the parameters that are the module's own, not its children's; shared ones were counted in an earlier
            call.
        container: whether it is a Sequential or a list, which torchsummary leaves out.
    """

    path: str
    kind: str
    depth: int
    first: int
    end: int
    outputs: tuple[Shape, ...]
    weights: tuple[Weight, ...]
    container: bool

    @property
    def parameters(self) -> int:
        """The numbers of its own parameters, those counted in an earlier call left out."""
        return sum(weight.numel for weight in self.weights if not weight.shared)
