"""Multiply-adds in torchvision's convention: what `_ops` in its weights' metadata counts, in billions.

Convolutions, matrix products and attention count, one multiplication with its addition as one; biases, normalisation,
activations, pooling and additions do not. PyTorch's ``FlopCounterMode`` counts the same, times two.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from course_lib.tracing.ops import Op

__all__ = ["count"]


def count(op: Op) -> int:
    """The multiply-adds of one op."""
    kind, weight = op.plain, op.operand("weight")
    if kind.startswith("conv") and kind[-1] == "d" and weight is not None:
        # every output cell: one product for each weight of its filter (transposed: every input cell)
        cells = op.inputs[0] if "transpose" in kind else op.output
        return prod(cells) * prod(weight[1:])
    if kind == "linear" and weight is not None:
        return prod(op.output) * weight[-1]
    if kind in ("matmul", "bmm", "mm", "addmm", "baddbmm", "mv", "dot"):
        first = op.operand("input")
        return prod(op.output) * first[-1] if first else 0
    if kind == "einsum" and len(op.operands) == 2:
        return _einsum(op)
    if kind == "scaled_dot_product_attention":
        query, key, value = (op.operand(name) or () for name in ("query", "key", "value"))
        return prod(query[:-1]) * key[-2] * (query[-1] + value[-1])
    if kind == "multi_head_attention_forward":
        return _heads(op)
    return 0


def _einsum(op: Op) -> int:
    left = str(op.setting("equation")).replace(" ", "").split("->")[0]
    letters = left.split(",")
    sizes = {letter: n for word, one in zip(letters, op.operands, strict=True) if len(word) == len(one.shape)
             for letter, n in zip(word, one.shape, strict=True)}  # fmt: skip
    return prod(sizes.values())


def _heads(op: Op) -> int:
    query, key, value = (op.operand(name) or () for name in ("query", "key", "value"))
    if len(query) == 2:
        query, key, value = ((one[0], 1, one[1]) for one in (query, key, value))
    (length, batch, width), (others, _, _) = query, key
    into = batch * width * (length * width + others * key[-1] + others * value[-1])
    return into + 2 * batch * length * others * width + batch * length * width * width
