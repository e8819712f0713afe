"""Numbers that are sums of products: convolutions, linear layers, matrix products, einsum and attention.

A rule gets one cell of an op's output, and answers with the summands, the largest first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from course_lib.tracing.arithmetic import slides
from course_lib.tracing.multiply_adds import einsum_terms
from course_lib.tracing.number_parts import MOST_TERMS, Case, Cell, Number, Part, Term, tensors_in, within
from course_lib.tracing.records import times

__all__ = ["PRODUCT_SUMS"]


def _convolution(case: Case) -> Number:
    x, weight = case.tensor(), case.tensor("weight")
    picture, channel, *place = case.cell
    groups = int(case.setting("groups", 1))
    each = weight.shape[1]
    first = channel // (weight.shape[0] // groups) * each
    lows, highs, rows = [], [], []
    for n, window in zip(place, slides(case.op), strict=True):
        start = n * window.s - window.p
        lows.append(start)
        highs.append(start + (window.k - 1) * window.d + 1)
        rows.append(torch.arange(window.k) * window.d + start)
    inside = [(row >= 0) & (row < many) for row, many in zip(rows, x.shape[2:], strict=True)]
    picked = x[picture, first : first + each].double()
    for dim, (row, many) in enumerate(zip(rows, x.shape[2:], strict=True), start=1):
        picked = picked.index_select(dim, row.clamp(0, many - 1))
    patches = picked * (inside[0][:, None] & inside[1][None]) if len(rows) == 2 else picked * inside[0]
    kernels = weight[channel].double()
    largest, rest = _ranked((patches * kernels).flatten(1).sum(1))
    terms = [
        Term(f"channel {first + k}", value, patches[k], kernels[k],
             case.part(x, (picture, first + k, *lows), (picture + 1, first + k + 1, *highs)))
        for k, value in largest
    ]  # fmt: skip
    bias = case.given.get("bias")
    notes = []
    if groups > 1:
        of = "its own channel" if each == 1 else f"{each} of the {x.shape[1]} channels"
        notes.append(f"There are {groups} groups, so this output channel looks at {of} only.")
    if any(window.d > 1 for window in slides(case.op)):
        notes.append("The window is dilated: it skips cells between those it looks at.")
    if not all(bool(row.all()) for row in inside):
        notes.append("The window reaches over the edge, where the padding counts as 0.")
    shape = times(tuple(weight.shape[2:]))
    words = f"Σ over {each} channel{'s' if each > 1 else ''} of (patch × kernel, {shape})"
    words += " + bias" if bias is not None else ""
    own = float(bias[channel]) if bias is not None else None
    return case.sum([*terms, *rest], words, bias=own, note=" ".join(notes))


def _ranked(values: Tensor) -> tuple[list[tuple[int, float]], list[Term]]:
    """The largest summands with their places, and one for all others together."""
    order = values.abs().argsort(descending=True, stable=True)
    first, others = order[:MOST_TERMS].tolist(), order[MOST_TERMS:]
    rest = [Term(f"{len(others):,} more", float(values[others].sum()))] if len(others) else []
    return [(k, float(values[k])) for k in first], rest


def _products(case: Case, left: Tensor, right: Tensor, template: str, *, part: Callable[[int], Part],
              name: str = "number", bias: float | None = None) -> Number:  # fmt: skip
    """A row times a column, both (n,); ``part`` says where the row's numbers stand."""
    left, right = left.double(), right.double()
    largest, rest = _ranked(left * right)
    terms = [Term(f"{name} {k}", value, left[k], right[k], part(k)) for k, value in largest]
    return case.sum([*terms, *rest], template, bias=bias)


def _linear(case: Case) -> Number:
    x, weight, bias = case.tensor(), case.tensor("weight"), case.given.get("bias")
    *lead, row = case.cell
    words = f"Σ over {x.shape[-1]} inputs of (x × weight)" + (" + bias" if bias is not None else "")
    own = float(bias[row]) if bias is not None else None
    return _products(case, x[tuple(lead)], weight[row], words, part=lambda k: case.part(x, (*lead, k)), name="input",
                     bias=own)  # fmt: skip


def _matmul(case: Case) -> Number:
    a, b = case.tensor(), case.tensor("other")
    if min(a.dim(), b.dim()) < 2:
        raise ValueError("vectors")
    *lead, row, column = case.cell
    own = (*within(a, lead, 2), row)
    factors = b[within(b, lead, 2)][:, column]
    words = f"Σ over {a.shape[-1]} of (row × column)"
    return _products(case, a[own], factors, words, part=lambda k: case.part(a, (*own, k)))


def _einsum(case: Case) -> Number:
    tensors = tensors_in(case.given)
    terms, out, sizes = einsum_terms(case.op)
    if len(tensors) != 2:
        raise ValueError("operands")
    a, b = tensors
    at = dict(zip(out, case.cell, strict=True))
    gone = [name for name in sizes if name not in at]
    cells, numbers, factors = [], [], []
    for place in torch.cartesian_prod(*(torch.arange(sizes[name]) for name in gone)).reshape(-1, len(gone)).tolist():
        full: dict[str, int] = {**at, **dict(zip(gone, place, strict=True))}
        first, second = (_at(full, dims, tensor) for dims, tensor in zip(terms, tensors, strict=True))
        cells.append(first)
        numbers.append(a[first])
        factors.append(b[second])
    words = f"Σ over {', '.join(gone)} of (left × right)"
    return _products(case, torch.stack(numbers), torch.stack(factors), words, part=lambda k: case.part(a, cells[k]))


def _at(place: Mapping[str, int], dims: Sequence[str], tensor: Tensor) -> Cell:
    """Where an operand of an einsum has a place that is given by the names of dimensions."""
    return tuple(place[name] if many > 1 else 0 for name, many in zip(dims, tensor.shape, strict=True))


def _attention(case: Case) -> Number:
    """Multi-head attention with its projections: each head's share of the number."""
    if any(case.given.get(name) is not None for name in ("key_padding_mask", "attn_mask", "bias_k", "bias_v")):
        raise ValueError("masks")
    token, picture, row = case.cell
    heads = int(case.given["num_heads"])
    query, key, value = (case.tensor(name)[:, picture].double() for name in ("query", "key", "value"))
    width = query.shape[-1]
    weights = case.tensor("in_proj_weight").double().split(width)
    bias = case.given.get("in_proj_bias")
    biases = bias.double().split(width) if bias is not None else (0.0, 0.0, 0.0)
    q, k, v = (x @ w.T + b for x, w, b in zip((query[token : token + 1], key, value), weights, biases, strict=True))
    per = width // heads
    out, terms, looks = case.tensor("out_proj_weight")[row].double(), [], []
    for head in range(heads):
        own = slice(head * per, (head + 1) * per)
        shares = torch.softmax(q[:, own] @ k[:, own].T / math.sqrt(per), -1)[0]
        terms.append(Term(f"head {head}", float(shares @ v[:, own] @ out[own])))
        looks.append((float(shares.max()), int(shares.argmax())))
    last = case.given.get("out_proj_bias")
    best = max(range(heads), key=lambda head: abs(terms[head].value))
    share, most = looks[best]
    terms.sort(key=lambda term: -abs(term.value))
    note = f"Head {best} counts most here; the token it looks at most is token {most} ({share:.0%})."
    note += " What happens inside a head, product by product, isn't drawn here."
    template = f"Σ over {heads} heads of (softmax(q · k / √{per}) · v · output weights)"
    return case.sum(terms, template + (" + bias" if last is not None else ""),
                    bias=float(last[row]) if last is not None else None, note=note)  # fmt: skip


#: By the kind of op.
PRODUCT_SUMS: Mapping[str, Callable[[Case], Number]] = {
    "conv2d": _convolution,
    "linear": _linear,
    "matmul": _matmul,
    "bmm": _matmul,
    "einsum": _einsum,
    "multi_head_attention_forward": _attention,
}
