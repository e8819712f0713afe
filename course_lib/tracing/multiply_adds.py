"""Multiply-adds (MACs) of an operation, in the convention of torchvision's weights.

Convolutions, matrix products, attention and recurrent layers count, one multiplication with its addition as one; what
``torch.utils.flop_counter.FlopCounterMode`` sees, it counts as two. Biases, normalisation, activations, pooling, sums
and multiplications number by number do not count. An operation that does multiply matrices, but for which there is no
rule here, is not taken for free: its count is None.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import prod
from typing import Any

import torch
from torch import Tensor

from course_lib.tracing.records import Operation, Shape

__all__ = ["einsum_terms", "multiply_adds"]

_UNCOUNTED_TEXT = """
    svd pca_lowrank svd_lowrank qr inverse pinverse cholesky cholesky_inverse cholesky_solve lu lu_solve lobpcg det
    logdet slogdet matrix_exp triangular_solve ormqr orgqr geqrf cov corrcoef stft istft cdist pdist
    sparse_mm _sparse_mm smm hspmm sspaddmm _grouped_mm grouped_mm flex_attention
    quantized_lstm quantized_gru quantized_lstm_cell quantized_gru_cell quantized_rnn_relu_cell quantized_rnn_tanh_cell
    _transformer_encoder_layer_fwd _native_multi_head_attention
"""
#: Functions that multiply matrices (or transform whole signals) in a way that is not counted.
_UNCOUNTED = frozenset(_UNCOUNTED_TEXT.split())
#: Functions of torch.linalg and torch.fft that multiply no matrices.
_FREE_TEXT = """
    linalg_norm linalg_vector_norm linalg_cross linalg_diagonal linalg_vander fft_fftshift fft_ifftshift
"""
_FREE = frozenset(_FREE_TEXT.split())


def multiply_adds(op: Operation) -> int | None:
    """How many multiply-adds an operation takes; None where it takes some and there is no rule to count them.

    Example:
        >>> from course_lib.tracing import trace
        >>> multiply_adds(trace(torch.nn.LSTM(64, 128), torch.zeros(10, 1, 64)).ops[-1])
        983040
    """
    kind = op.plain
    rule = _RULES.get(kind)
    if rule is None:
        return None if _is_uncounted(kind) else 0
    try:
        return rule(op)
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        return None  # arguments that the rule does not know


@cache
def _is_uncounted(kind: str) -> bool:
    if kind in _UNCOUNTED:
        return True
    if kind.startswith(("linalg_", "fft_")):
        return kind not in _FREE
    return "::" in kind and not kind.startswith("quantized::")  # somebody's own kernel


def _shape(op: Operation, argument: str) -> Shape:
    shape = op.operand(argument)
    if shape is None:
        raise ValueError(f"{op.kind} has no tensor {argument!r}.")
    return shape


# -- layers -----------------------------------------------------------------------------------------------------------
def _convolution(op: Operation) -> int:
    """Every cell of the output takes one product for each weight of its filter; transposed, every cell of the input."""
    transposed = "transpose" in op.plain or bool(op.setting("transposed", False))
    return prod(_shape(op, "input") if transposed else op.output) * prod(_shape(op, "weight")[1:])


def _convolution_tbc(op: Operation) -> int:
    return prod(op.output) * prod(_shape(op, "weight")[:-1])  # the weight is kernel×in×out


def _quantized(op: Operation) -> int:
    """A quantized layer keeps its weight packed, out of Python's sight, and unpacks it when asked."""
    weight: Tensor = op.setting("packed").unpack()[0]
    return prod(op.output) * prod(weight.shape[1:])


def _linear(op: Operation) -> int:
    return prod(op.output) * _shape(op, "weight")[-1]


def _bilinear(op: Operation) -> int:
    """Every weight takes part once in every row; the products of the two rows' numbers are not counted."""
    return prod(op.output[:-1]) * prod(_shape(op, "weight"))


def _recurrent(op: Operation) -> int:
    """Every matrix of every layer and direction (the projection's too) is used once a step, all gates together."""
    matrices = [operand.shape for operand in op.operands if operand.argument == "params" and len(operand.shape) == 2]
    return prod(_shape(op, "input")[:-1]) * sum(map(prod, matrices))


def _cell(op: Operation) -> int:
    return prod(_shape(op, "input")[:-1]) * (prod(_shape(op, "weight_ih")) + prod(_shape(op, "weight_hh")))


def _dot_product_attention(op: Operation) -> int:
    query, key, value = (_shape(op, name) for name in ("query", "key", "value"))
    return prod(op.output[:-1]) * key[-2] * (query[-1] + value[-1])


def _multi_head_attention(op: Operation) -> int:
    """The three projections, attention itself, the projection out; a bias or a zero may stand behind the keys."""
    query, key, value = (_shape(op, name) for name in ("query", "key", "value"))
    if len(query) == 2:
        query, key, value = ((shape[0], 1, shape[1]) for shape in (query, key, value))
    (length, batch, width), (others, _, _) = query, key
    into = batch * width * (length * width + others * key[-1] + others * value[-1])
    others += (op.operand("bias_k") is not None) + bool(op.setting("add_zero_attn", False))
    return into + 2 * batch * length * others * width + batch * length * width * width


# -- matrices ---------------------------------------------------------------------------------------------------------
def _matrix_product(op: Operation) -> int:
    """matmul and its relatives: every number of the output sums over the first matrix's columns."""
    return prod(op.output) * _shape(op, "input")[-1]


def _summed_products(op: Operation) -> int:
    """addbmm: the products of a batch, added up."""
    return prod(_shape(op, "input")) * _shape(op, "other")[-1]


def _outer(op: Operation) -> int:
    """A column times a row: a matrix product with one column."""
    return prod(op.output)


def _vector_products(op: Operation) -> int:
    """vecdot: one dimension of both is summed over."""
    dim = int(op.setting("dim", -1))
    return prod(op.output) * max(_shape(op, "input")[dim], _shape(op, "other")[dim])


def _inner(op: Operation) -> int:
    first, second = _shape(op, "input"), _shape(op, "other")
    return prod(first) * prod(second) if not first or not second else prod(first) * prod(second[:-1])


def _tensordot(op: Operation) -> int:
    first, second = _shape(op, "input"), _shape(op, "other")
    dims = op.setting("dims", 2)
    if isinstance(dims, int):
        ours, theirs = list(range(len(first) - dims, len(first))), list(range(dims))
    else:
        ours, theirs = [int(d) % len(first) for d in dims[0]], [int(d) % len(second) for d in dims[1]]
    pairs = [(first[a], second[b]) for a, b in zip(ours, theirs, strict=True)]
    summed = prod(a for a, b in pairs if a == b)  # a size beside a 1 is summed before
    left = prod(n for d, n in enumerate(first) if d not in ours)
    return left * summed * prod(n for d, n in enumerate(second) if d not in theirs)


def _chain(op: Operation) -> int:
    """Several matrices in the order that costs least, as PyTorch chooses it; a vector may stand at either end."""
    shapes = [operand.shape for operand in op.operands]
    if len(shapes) < 2:
        return 0
    if len(shapes[0]) == 1:
        shapes[0] = (1, *shapes[0])
    if len(shapes[-1]) == 1:
        shapes[-1] = (*shapes[-1], 1)
    sizes = [shapes[0][0], *(shape[1] for shape in shapes)]
    cost = {(place, place): 0 for place in range(len(shapes))}
    for span in range(1, len(shapes)):
        for first in range(len(shapes) - span):
            last = first + span
            cost[first, last] = min(
                cost[first, cut] + cost[cut + 1, last] + sizes[first] * sizes[cut + 1] * sizes[last + 1]
                for cut in range(first, last)
            )
    return cost[0, len(shapes) - 1]


def _power(op: Operation) -> int | None:
    """A matrix to the n-th power by squaring: ⌊log₂ n⌋ products, and one more for every further 1 in binary n."""
    exponent = int(op.setting("n"))
    if exponent < 0:
        return None  # it is inverted first
    products = exponent.bit_length() + exponent.bit_count() - 2 if exponent else 0
    return products * prod(op.output) * op.output[-1]


# -- einsum -----------------------------------------------------------------------------------------------------------
def einsum_terms(op: Operation) -> tuple[list[list[str]], list[str], dict[str, int]]:
    """An einsum's equation: the names of each operand's dimensions, the output's, and every name's size.

    A dimension that "..." stands for is called "…1", "…2", counted from the right, so that equal names are repeated to
    fit. An equation without "->" gives "..." and then the letters that occur once, in alphabetical order.
    """
    equation = str(op.setting("equation")).replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms, extra = [], 0
    for word, operand in zip(left.split(","), op.operands, strict=True):
        front, dots, back = word.partition("...")
        count = len(operand.shape) - len(front) - len(back) if dots else 0
        extra = max(extra, count)
        terms.append([*front, *(f"…{place}" for place in range(count, 0, -1)), *back])
    among = [f"…{place}" for place in range(extra, 0, -1)]
    if arrow:
        front, dots, back = right.partition("...")
        out = [*front, *(among if dots else []), *back]
    else:
        letters = left.replace(",", "").replace(".", "")
        out = [*among, *sorted(letter for letter in set(letters) if letters.count(letter) == 1)]
    sizes: dict[str, int] = {}
    for names, operand in zip(terms, op.operands, strict=True):
        for name, n in zip(names, operand.shape, strict=True):
            sizes[name] = n if sizes.get(name, 1) == 1 else sizes[name]
    return terms, out, sizes


def _einsum(op: Operation) -> int:
    """Two operands at a time; what only one of them has is summed before.

    A pair that sums nothing is multiplied number by number and does not count, unless the whole equation sums nothing:
    then it is an outer product, and counts as one.
    """
    named, out, _ = einsum_terms(op)
    terms = [
        dict(zip(letters, operand.shape, strict=True)) for letters, operand in zip(named, op.operands, strict=True)
    ]
    summed = multiplied = 0
    path = _contraction_path(op)
    while len(terms) > 1:
        i, j = sorted(path.pop(0)) if path else (0, 1)
        second, first = terms.pop(j), terms.pop(i)
        later = {*out, *(letter for term in terms for letter in term)}
        both = {letter for letter in first.keys() & second.keys() if letter in later or first[letter] == second[letter]}
        kept = [letter for letter in {**first, **second} if letter in both or letter in later]
        sizes = {letter: max(first.get(letter, 1), second.get(letter, 1)) for letter in kept}
        if any(letter not in later and sizes[letter] > 1 for letter in kept):
            summed += prod(sizes.values())
        else:
            multiplied += prod(sizes.values())
        terms.insert(len(terms) if path is not None else 0, {k: n for k, n in sizes.items() if k in later})
    return summed or multiplied


def _contraction_path(op: Operation) -> list[tuple[int, int]] | None:
    """Which operands of an einsum PyTorch multiplies in turn: None is from left to right, without opt_einsum."""
    backend = torch.backends.opt_einsum
    if len(op.operands) < 3 or not backend.enabled or not backend.is_available():
        return None
    shapes = [operand.shape for operand in op.operands]
    chosen: Any = backend.get_opt_einsum().contract_path(
        op.setting("equation"), *shapes, shapes=True, optimize=backend.strategy
    )
    return [(int(pair[0]), int(pair[1])) for pair in chosen[0]]


_RULES: dict[str, Callable[[Operation], int | None]] = {
    **{f"conv{way}{n}d": _convolution for way in ("", "_transpose") for n in (1, 2, 3)},
    **dict.fromkeys(("convolution", "_convolution", "deform_conv2d"), _convolution),
    **{f"quantized::conv{n}d{act}": _quantized for n in (1, 2, 3) for act in ("", "_relu")},
    **{f"quantized::linear{how}": _quantized for how in ("", "_relu", "_dynamic", "_relu_dynamic", "_dynamic_fp16")},
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), _recurrent),
    **dict.fromkeys(("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"), _cell),
    **dict.fromkeys(("matmul", "rmatmul", "linalg_matmul", "bmm", "mm", "addmm", "baddbmm", "mv", "addmv", "dot",
                     "vdot", "_int_mm", "_scaled_mm", "affine_grid"), _matrix_product),
    **dict.fromkeys(("outer", "ger", "addr"), _outer),
    **dict.fromkeys(("chain_matmul", "linalg_multi_dot"), _chain),
    **dict.fromkeys(("matrix_power", "linalg_matrix_power"), _power),
    "addbmm": _summed_products,
    "bilinear": _bilinear,
    "conv_tbc": _convolution_tbc,
    "einsum": _einsum,
    "inner": _inner,
    "linalg_vecdot": _vector_products,
    "linear": _linear,
    "multi_head_attention_forward": _multi_head_attention,
    "scaled_dot_product_attention": _dot_product_attention,
    "tensordot": _tensordot,
}  # fmt: skip
