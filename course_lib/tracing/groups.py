"""A trace's sums by module: every op and every parameter belongs to exactly one group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from course_lib.tracing.ops import Op, Shape

if TYPE_CHECKING:
    from course_lib.tracing.result import Trace

__all__ = ["Group", "cut", "group"]


@dataclass(frozen=True, slots=True)
class Group:
    """The ops of one module.

    Attributes:
        path, kind: the module's path ("" is the model itself: ops written in its own forward) and class.
        ops: those of the trace that ran in it.
        parameters, trainable: its parameters, unused ones too, those shared with an earlier op not.
        macs, bytes: sums over its ops.
    """

    path: str
    kind: str
    ops: tuple[Op, ...]
    parameters: int
    trainable: int
    macs: int
    bytes: int

    @property
    def output(self) -> Shape | None:
        """The shape that its last op gave; None where nothing ran."""
        return self.ops[-1].output if self.ops else None


def cut(path: str, depth: int) -> str:
    """The path's first ``depth`` parts.

    Example:
        >>> cut("layer1.0.conv1", 2)
        'layer1.0'
    """
    return ".".join(path.split(".")[:depth]) if path else ""


def group(trace: Trace, depth: int) -> tuple[Group, ...]:
    """One group for each module of this depth (and for each shallower one with ops of its own), as they first ran."""
    kinds = dict(trace.modules)
    ops: dict[str, list[Op]] = {}
    for op in trace.ops:
        ops.setdefault(cut(op.path, depth), []).append(op)
    unused: dict[str, list[tuple[int, bool]]] = {}
    for one in trace.unused:
        path = cut(one.name.rpartition(".")[0], depth)
        ops.setdefault(path, [])
        unused.setdefault(path, []).append((one.numel, one.trainable))
    answer = []
    for path, inside in ops.items():
        idle = unused.get(path, [])
        answer.append(
            Group(
                path,
                kinds.get(path, ""),
                tuple(inside),
                sum(op.parameters for op in inside) + sum(numel for numel, _ in idle),
                sum(op.trainable for op in inside) + sum(numel for numel, trainable in idle if trainable),
                sum(op.macs for op in inside),
                sum(op.bytes for op in inside),
            )
        )
    return tuple(answer)
