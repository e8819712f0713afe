"""The table that the torchsummary package prints, from a trace.

One row for each module call in the order they ended, Sequentials and the model itself left out; functions are no rows
there. Three of its sums count as it does: activations times two (forward and backward), megabytes of 2**20 bytes.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from course_lib.tracing.result import Trace

__all__ = ["rows", "text"]

Row = tuple[str, tuple[int, ...], int]


def rows(trace: Trace) -> list[Row]:
    """(name such as "Conv2d-1", output shape with -1 for the batch, parameters) of each row."""
    calls = [call for call in trace.calls if call.path and not call.container and call.outputs]
    return [
        (f"{call.kind}-{place}", (-1, *call.outputs[0][1:]), call.parameters) for place, call in enumerate(calls, 1)
    ]


def text(trace: Trace) -> str:
    """The whole table."""
    found = rows(trace)
    rule, double = "-" * 64, "=" * 64
    lines = [rule, f"{'Layer (type)':>20}  {'Output Shape':>25} {'Param #':>15}", double]
    lines += [f"{name:>20}  {list(shape)!s:>25} {parameters:>15,}" for name, shape, parameters in found]
    parameters = sum(row[2] for row in found)
    calls = [call for call in trace.calls if call.path and not call.container]
    trainable = sum(numel for call in calls for numel, trains, shared in call.weights if trains and not shared)
    size = 4 / 2**20
    into = sum(prod(shape[1:]) for shape in trace.sizes) * size
    through = sum(prod(shape[1:]) for _, shape, _ in found) * size * 2
    held = parameters * size
    lines += [double, f"Total params: {parameters:,}", f"Trainable params: {trainable:,}",
              f"Non-trainable params: {parameters - trainable:,}", rule, f"Input size (MB): {into:.2f}",
              f"Forward/backward pass size (MB): {through:.2f}", f"Params size (MB): {held:.2f}",
              f"Estimated Total Size (MB): {into + through + held:.2f}", rule]  # fmt: skip
    return "\n".join(lines)
