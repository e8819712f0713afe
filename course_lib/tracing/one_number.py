"""How one number of a forward came about: which numbers of the input, times which weights, give it.

``explain`` looks at one cell of one operation's output in ``Activations`` and does that operation's arithmetic again,
for this cell alone and in double precision. A rule stands here for every operation that torchvision's classifiers use
on a picture; for any other the answer says that there is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from course_lib.tracing.activations import Activations
from course_lib.tracing.arithmetic import asked, dimensions, pair, slides
from course_lib.tracing.layer_maps import LayerError
from course_lib.tracing.multiply_adds import einsum_terms
from course_lib.tracing.ops import Op
from course_lib.tracing.records import times

__all__ = ["Number", "Part", "Term", "explain", "function_of"]

Cell = tuple[int, ...]
_MOST = 48  # terms that are told apart
_NEAR = 2e-3  # of the largest number met on the way: the model's own sums are in single precision


@dataclass(frozen=True, eq=False)
class Part:
    """The numbers of one tensor that an output number was computed from: a box of cells.

    Attributes:
        source: the index of the op that the tensor came from; -1 for the picture, None for a weight of the model.
        tensor: the whole tensor.
        low, high: the box's first cell, and the one after its last, in each dimension; a padded window reaches out of
            the tensor.
    """

    source: int | None
    tensor: Tensor
    low: Cell
    high: Cell


@dataclass(frozen=True, eq=False)
class Term:
    """One summand of a number.

    Attributes:
        words: what it is, such as "channel 12" or "bias".
        value: how much it adds.
        left, right: numbers of the input and what they are multiplied by, (rows, columns) or single ones, where the
            summand is such a product.
        part: where ``left`` stands.
    """

    words: str
    value: float
    left: Tensor | None = None
    right: Tensor | None = None
    part: Part | None = None


@dataclass(frozen=True, eq=False)
class Number:
    """One number of an op's output, and the arithmetic that gives it.

    Attributes:
        op: whose output it stands in.
        cell: where.
        value: the number, as the model computed it.
        computed: the same number from the arithmetic shown here; None where there is no rule for such an op.
        template: the formula, with the symbols of ``symbols`` in braces.
        symbols: what stands for each of them.
        terms: the summands where it is a sum, the largest first and a bias last.
        parts: what it was computed from, where that is not told by ``terms``.
        note: a sentence about what is easily overlooked.
        scale: the largest number met on the way, which decides how exact ``value`` can be.
    """

    op: Op
    cell: Cell
    value: float
    computed: float | None
    template: str = ""
    symbols: Mapping[str, float] = field(default_factory=dict)
    terms: tuple[Term, ...] = ()
    parts: tuple[Part, ...] = ()
    note: str = ""
    scale: float = 0.0

    @property
    def exact(self) -> bool:
        """Whether the arithmetic gives the model's own number, but for rounding."""
        if self.computed is None:
            return False
        size = max(abs(self.value), abs(self.computed), self.scale, 1e-12)
        return self.computed == self.value or abs(self.computed - self.value) <= _NEAR * size

    @property
    def formula(self) -> str:
        """The formula with its symbols, such as "sum / n"."""
        return self.template.format(**{symbol: symbol for symbol in self.symbols})


def explain(seen: Activations, op: Op | str, cell: Sequence[int], *, output: int = 0) -> Number:
    """The arithmetic of one number.

    Args:
        seen: a forward.
        op: one of its ops, or an op's name.
        cell: where in the op's output, one index for each dimension.
        output: which output, of an op that gives several.

    Raises:
        LayerError: there is no such op or cell.

    Example:
        >>> from torchvision.models import resnet18
        >>> from course_lib.tracing.activations import activations
        >>> seen = activations(resnet18(), torch.ones(1, 3, 64, 64))
        >>> number = explain(seen, "conv1", (0, 5, 9, 9))
        >>> len(number.terms), number.exact, number.value == float(seen.outputs[0][0][0, 5, 9, 9])
        (3, True, True)
    """
    op = seen.of(op) if isinstance(op, str) else op
    tensor = seen.outputs[op.index][output]
    place = tuple(int(n) for n in cell)
    inside = len(place) == tensor.dim() and all(0 <= n < many for n, many in zip(place, tensor.shape, strict=True))
    if not inside:
        raise LayerError(f"There is no cell {place} in the output of {op.name!r}: it is {times(tuple(tensor.shape))}.")
    value = float(tensor[place])
    rule = _RULES.get(op.plain)
    case = _Case(seen, op, place, output, value)
    try:
        answer = rule(case) if rule is not None else None
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RuntimeError):
        answer = None  # arguments that the rule doesn't know
    if answer is None:
        note = f"How a single number of {op.plain} comes about is not told here."
        return Number(op, place, value, None, note=note)
    return answer


@dataclass(frozen=True, eq=False)
class _Case:
    """What a rule is asked about."""

    seen: Activations
    op: Op
    cell: Cell
    output: int
    value: float

    @property
    def given(self) -> Mapping[str, Any]:
        return self.seen.arguments[self.op.index]

    def tensor(self, name: str = "input") -> Tensor:
        value = self.given[name]
        if not isinstance(value, Tensor):
            raise TypeError(name)
        return value

    def setting(self, name: str, default: Any = None) -> Any:
        value = self.given.get(name)
        return default if value is None else value

    def part(self, tensor: Tensor, low: Sequence[int], high: Sequence[int] | None = None) -> Part:
        """A box of one of the op's arguments; a single cell where only ``low`` is given."""
        at = [place for place, other in enumerate(_tensors(self.given)) if other is tensor]
        source = self.op.operands[at[0]].source if at else None
        return Part(source, tensor, tuple(low), tuple(high) if high is not None else tuple(n + 1 for n in low))

    def answer(self, computed: float, template: str, symbols: Mapping[str, float], **more: Any) -> Number:
        scale = max((abs(value) for value in symbols.values() if math.isfinite(value)), default=0.0)
        more.setdefault("scale", scale)
        return Number(self.op, self.cell, self.value, float(computed), template, dict(symbols), **more)

    def sum(self, terms: Sequence[Term], template: str, *, bias: float | None = None, name: str = "bias",
            note: str = "") -> Number:  # fmt: skip
        """A sum of terms, the largest first, and the bias."""
        ranked = list(terms)
        computed = math.fsum(term.value for term in ranked) + (bias or 0.0)
        if bias is not None:
            ranked.append(Term(name, bias))
        scale = max((abs(term.value) for term in ranked), default=0.0)
        return self.answer(computed, template, {}, terms=tuple(ranked), note=note, scale=scale)


def _tensors(given: Mapping[str, Any]) -> list[Tensor]:
    """The tensors among an op's arguments, in the order of its operands."""
    found: list[Tensor] = []
    for value in given.values():
        items = value if isinstance(value, tuple) else (value,)
        found += [item for item in items if isinstance(item, Tensor)]
    return found


# -- sums of products -------------------------------------------------------------------------------------------------
def _convolution(case: _Case) -> Number:
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
        notes.append("The window reaches over the border, where the padding counts as 0.")
    shape = times(tuple(weight.shape[2:]))
    words = f"Σ over {each} channel{'s' if each > 1 else ''} of (patch × kernel, {shape})"
    words += " + bias" if bias is not None else ""
    own = float(bias[channel]) if bias is not None else None
    return case.sum([*terms, *rest], words, bias=own, note=" ".join(notes))


def _ranked(values: Tensor) -> tuple[list[tuple[int, float]], list[Term]]:
    """The largest summands with their places, and one for all others together."""
    order = values.abs().argsort(descending=True, stable=True)
    first, others = order[:_MOST].tolist(), order[_MOST:]
    rest = [Term(f"{len(others):,} more", float(values[others].sum()))] if len(others) else []
    return [(k, float(values[k])) for k in first], rest


def _products(case: _Case, left: Tensor, right: Tensor, template: str, *, part: Callable[[int], Part],
              name: str = "number", bias: float | None = None) -> Number:  # fmt: skip
    """A row times a column, both (n,); ``part`` says where the row's numbers stand."""
    left, right = left.double(), right.double()
    largest, rest = _ranked(left * right)
    terms = [Term(f"{name} {k}", value, left[k], right[k], part(k)) for k, value in largest]
    return case.sum([*terms, *rest], template, bias=bias)


def _linear(case: _Case) -> Number:
    x, weight, bias = case.tensor(), case.tensor("weight"), case.given.get("bias")
    *lead, row = case.cell
    words = f"Σ over {x.shape[-1]} inputs of (x × weight)" + (" + bias" if bias is not None else "")
    own = float(bias[row]) if bias is not None else None
    return _products(case, x[tuple(lead)], weight[row], words, part=lambda k: case.part(x, (*lead, k)), name="input",
                     bias=own)  # fmt: skip


def _matmul(case: _Case) -> Number:
    a, b = case.tensor(), case.tensor("other")
    if min(a.dim(), b.dim()) < 2:
        raise ValueError("vectors")
    *lead, row, column = case.cell
    own = (*_within(a, lead, 2), row)
    factors = b[_within(b, lead, 2)][:, column]
    words = f"Σ over {a.shape[-1]} of (row × column)"
    return _products(case, a[own], factors, words, part=lambda k: case.part(a, (*own, k)))


def _einsum(case: _Case) -> Number:
    tensors = _tensors(case.given)
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


def _within(tensor: Tensor, lead: Sequence[int], last: int) -> Cell:
    """The leading part of a cell in a tensor that was repeated to fit; ``last`` dimensions are not part of it."""
    own = tensor.dim() - last
    return tuple(
        n if many > 1 else 0 for n, many in zip(list(lead)[len(lead) - own :], tensor.shape[:own], strict=True)
    )


def _attention(case: _Case) -> Number:
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
    note = f"Head {best} counts most here; of all tokens it looks most at token {most} ({share:.0%})."
    note = note.replace("%", " %") + " What happens inside a head, product by product, isn't drawn here."
    template = f"Σ over {heads} heads of (softmax(q · k / √{per}) · v · output weights)"
    return case.sum(terms, template + (" + bias" if last is not None else ""),
                    bias=float(last[row]) if last is not None else None, note=note)  # fmt: skip


# -- windows ----------------------------------------------------------------------------------------------------------
def _pool(case: _Case) -> Number:
    """The largest number, or the mean, of a window."""
    x = case.tensor()
    *lead, _, _ = case.cell
    place, adaptive, mean = case.cell[-2:], case.op.plain.startswith("adaptive"), "avg" in case.op.plain
    ranges, lows, highs, counted = [], [], [], 1
    if adaptive:
        for n, many, bins in zip(place, x.shape[-2:], asked(case.op), strict=True):
            lows.append(n * many // bins)
            highs.append(-(-(n + 1) * many // bins))
            ranges.append(torch.arange(lows[-1], highs[-1]))
            counted *= len(ranges[-1])
    else:
        padded = bool(case.setting("count_include_pad", True))
        for n, many, window in zip(place, x.shape[-2:], slides(case.op), strict=True):
            start = n * window.s - window.p
            end = start + (window.k - 1) * window.d + 1
            lows.append(start)
            highs.append(end)
            row = torch.arange(start, end, window.d)
            ranges.append(row[(row >= 0) & (row < many)])
            counted *= min(end, many + window.p) - start if padded else len(ranges[-1])
        counted = int(case.setting("divisor_override", counted))
    numbers = x[tuple(lead)].double().index_select(0, ranges[0]).index_select(1, ranges[1])
    parts = (case.part(x, (*lead, *lows), (*(n + 1 for n in lead), *highs)),)
    if not mean:
        return case.answer(float(numbers.max()), f"the largest of {numbers.numel()} numbers", {}, parts=parts)
    total, symbols = float(numbers.sum()), {}
    symbols = {"sum": total, "n": float(counted)}
    note = "" if counted == numbers.numel() else "The padding counts as 0 in this mean."
    return case.answer(
        total / counted, "{sum} / {n}", symbols, parts=parts, note=note, scale=float(numbers.abs().max())
    )


def _mean(case: _Case) -> Number:
    x = case.tensor()
    dims = dimensions(case.given.get("dim"), x.dim())
    kept = [d for d in range(x.dim()) if d not in dims]
    cell = [n for d, n in enumerate(case.cell) if d not in dims] if case.given.get("keepdim") else list(case.cell)
    at = dict(zip(kept, cell, strict=True))
    numbers = x[tuple(at.get(d, slice(None)) for d in range(x.dim()))].double()
    low = tuple(at.get(d, 0) for d in range(x.dim()))
    high = tuple(at[d] + 1 if d in at else x.shape[d] for d in range(x.dim()))
    symbols = {"sum": float(numbers.sum()), "n": float(numbers.numel())}
    return case.answer(float(numbers.mean()), "{sum} / {n}", symbols, parts=(case.part(x, low, high),))


# -- normalisations ---------------------------------------------------------------------------------------------------
_GAMMA = "\N{GREEK SMALL LETTER GAMMA}"
_NORMALISED = f"({{x}} − {{mean}}) / √({{var}} + {{ε}}) · {{{_GAMMA}}} + {{β}}"


def _normalised(case: _Case, mean: float, var: float, at: Cell | int, note: str) -> Number:
    x = float(case.tensor()[case.cell])
    weight, bias = case.given.get("weight"), case.given.get("bias")
    gamma, beta = (float(t[at]) if t is not None else d for t, d in ((weight, 1.0), (bias, 0.0)))
    eps = float(case.setting("eps", 1e-5))
    symbols = {"x": x, "mean": mean, "var": var, "ε": eps, _GAMMA: gamma, "β": beta}
    computed = (x - mean) / math.sqrt(var + eps) * gamma + beta
    parts = (case.part(case.tensor(), case.cell),)
    scale = max(abs(x), abs(mean)) / math.sqrt(var + eps) * abs(gamma) + abs(beta)
    return case.answer(computed, _NORMALISED, symbols, parts=parts, note=note, scale=scale)


def _batch_norm(case: _Case) -> Number:
    channel = case.cell[1]
    running, spread = case.given.get("running_mean"), case.given.get("running_var")
    if running is None or spread is None or case.given.get("training"):
        own = case.tensor()[:, channel].double()
        note = "mean and var are this picture's own, over the whole channel: no running ones are kept."
        return _normalised(case, float(own.mean()), float(own.var(unbiased=False)), channel, note)
    note = f"In eval mode, mean and var are the stored ones of channel {channel}; the picture doesn't change them."
    return _normalised(case, float(running[channel]), float(spread[channel]), channel, note)


def _layer_norm(case: _Case) -> Number:
    shape = pair(case.given["normalized_shape"], 1) if isinstance(case.given["normalized_shape"], int) else tuple(
        case.given["normalized_shape"])  # fmt: skip
    lead = case.cell[: len(case.cell) - len(shape)]
    own = case.tensor()[lead].double()
    note = f"mean and var are those of the {prod(shape)} numbers at this position."
    return _normalised(case, float(own.mean()), float(own.var(unbiased=False)), case.cell[len(lead) :], note)


def _unit_length(case: _Case) -> Number:
    x, dim, p = case.tensor(), int(case.setting("dim", 1)), float(case.setting("p", 2.0))
    along = tuple(slice(None) if d == dim % x.dim() else n for d, n in enumerate(case.cell))
    length = float(x[along].double().norm(p))
    own = float(x[case.cell])
    eps = float(case.setting("eps", 1e-12))
    symbols = {"x": own, "length": max(length, eps)}
    part = case.part(x, case.cell)
    return case.answer(own / max(length, eps), "{x} / {length}", symbols, parts=(part,))


def _softmax(case: _Case) -> Number:
    x = case.tensor()
    dim = int(case.setting("dim", -1)) % x.dim()
    along = tuple(slice(None) if d == dim else n for d, n in enumerate(case.cell))
    row = x[along].double()
    top = float(row.max())
    powers = torch.exp(row - top)
    own, total = float(powers[case.cell[dim]]), float(powers.sum())
    terms = []
    for place in powers.argsort(descending=True, stable=True)[:_MOST].tolist():
        cell = (*case.cell[:dim], place, *case.cell[dim + 1 :])
        terms.append(Term(f"number {place}", float(powers[place]), row[place], part=case.part(x, cell)))
    symbols = {"x": float(row[case.cell[dim]]), "top": top, "Σ": total}
    note = f"Σ is the sum of e^(x − top) over all {len(row)} numbers; top is the largest of them, and cancels out."
    return case.answer(own / total, "e^({x} − {top}) / {Σ}", symbols, terms=tuple(terms), scale=1.0,
                       parts=(case.part(x, case.cell),), note=note)  # fmt: skip


# -- one number from one number ---------------------------------------------------------------------------------------
def _gelu(x: float) -> float:
    return x * 0.5 * (1 + math.erf(x / math.sqrt(2)))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


_FUNCTIONS: dict[str, tuple[str, Callable[[float], float]]] = {
    "relu": ("max(0, {x})", lambda x: max(0.0, x)),
    "silu": ("{x} / (1 + e^(−{x}))", lambda x: x * _sigmoid(x)),
    "sigmoid": ("1 / (1 + e^(−{x}))", _sigmoid),
    "tanh": ("tanh({x})", math.tanh),
    "gelu": ("{x} · Φ({x})", _gelu),
    "hardswish": ("{x} · min(max({x} + 3, 0), 6) / 6", lambda x: x * min(max(x + 3, 0), 6) / 6),
    "hardsigmoid": ("min(max({x} + 3, 0), 6) / 6", lambda x: min(max(x + 3, 0), 6) / 6),
    "exp": ("e^{x}", lambda x: math.exp(min(x, 700))),
    "leaky_relu": ("max(0, {x}) + 0.01 · min(0, {x})", lambda x: x if x > 0 else 0.01 * x),
    "elu": ("{x} where {x} > 0, else e^{x} − 1", lambda x: x if x > 0 else math.expm1(x)),
    "relu6": ("min(max({x}, 0), 6)", lambda x: min(max(x, 0.0), 6.0)),
}


def function_of(number: Number) -> Callable[[float], float] | None:
    """The function that a nonlinearity applies to every number, to be drawn as a curve; None for other ops.

    Example:
        >>> from course_lib.tracing.activations import activations
        >>> seen = activations(torch.nn.Sequential(torch.nn.Conv2d(3, 1, 1), torch.nn.ReLU()), torch.ones(1, 3, 4, 4))
        >>> function_of(explain(seen, "1", (0, 0, 0, 0)))(-3.0)
        0.0
    """
    if number.op.plain in ("hardtanh", "clamp"):
        low, high = _limits(number.op)
        return lambda x: min(max(x, low), high)
    return _FUNCTIONS[number.op.plain][1] if number.op.plain in _FUNCTIONS else None


def _limits(op: Op) -> tuple[float, float]:
    names = (("min_val", "min", -1.0), ("max_val", "max", 1.0))
    if op.plain == "clamp":
        names = (("min", "min", -math.inf), ("max", "max", math.inf))
    low, high = (op.setting(first, op.setting(second)) for first, second, _ in names)
    return (names[0][2] if low is None else float(low)), (names[1][2] if high is None else float(high))


def _pointwise(case: _Case) -> Number:
    x = float(case.tensor()[case.cell])
    plain = case.op.plain
    if plain in ("hardtanh", "clamp"):
        low, high = _limits(case.op)
        template, computed = f"min(max({{x}}, {low:g}), {high:g})", min(max(x, low), high)
    else:
        template, function = _FUNCTIONS[plain]
        if plain in ("elu", "leaky_relu") and case.setting("alpha", case.setting("negative_slope", None)) not in (
            None, 1.0, 0.01):  # fmt: skip
            raise ValueError("slope")
        computed = function(x)
    return case.answer(computed, template, {"x": x}, parts=(case.part(case.tensor(), case.cell),))


_SIGNS: dict[str, tuple[str, Callable[[float, float], float]]] = {
    "add": ("+", lambda a, b: a + b),
    "sub": ("−", lambda a, b: a - b),
    "mul": ("·", lambda a, b: a * b),
    "div": ("/", lambda a, b: a / b),
}


def _two(case: _Case) -> Number:
    """Number by number; sizes of 1 are repeated, and one side may be a plain number."""
    sign, function = _SIGNS[case.op.plain]
    sides = [case.given["input"], case.given["other"]]
    if case.setting("alpha", 1) != 1 or case.given.get("rounding_mode"):
        raise ValueError("alpha")
    values, parts, repeated = [], [], False
    for side in sides:
        if isinstance(side, Tensor):
            cell = _within(side, case.cell, 0)
            values.append(float(side[cell]))
            parts.append(case.part(side, cell))
            repeated |= side.shape != case.seen.outputs[case.op.index][0].shape
        else:
            values.append(float(side))
    a, b = values
    note = ""
    if case.op.plain == "mul" and repeated:
        note = "One factor is repeated over the whole channel: it says how much the channel counts."
    return case.answer(function(a, b), f"{{a}} {sign} {{b}}", {"a": a, "b": b}, parts=tuple(parts), note=note)


# -- the same number in another place ---------------------------------------------------------------------------------
def _padded(x: Tensor, given: Mapping[str, Any]) -> Tensor:
    mode = given.get("mode") or "constant"
    if mode == "constant":
        return functional.pad(x, given["pad"], "constant", -1)
    return functional.pad(x.double(), given["pad"], mode).long()


#: What each function does to a tensor's cells, from its arguments.
_MOVES: dict[str, Callable[[Tensor, Mapping[str, Any]], Any]] = {
    "flatten": lambda x, given: x.flatten(given.get("start_dim", 0), given.get("end_dim", -1)),
    "view": lambda x, given: x.reshape(given["shape"]),
    "reshape": lambda x, given: x.reshape(given["shape"]),
    "permute": lambda x, given: x.permute(given["dims"]),
    "transpose": lambda x, given: x.transpose(given["dim0"], given["dim1"]),
    "swapaxes": lambda x, given: x.transpose(given["dim0"], given["dim1"]),
    "squeeze": lambda x, given: x.squeeze(given["dim"]) if given.get("dim") is not None else x.squeeze(),
    "unsqueeze": lambda x, given: x.unsqueeze(given["dim"]),
    "expand": lambda x, given: x.expand(given["sizes"]),
    "getitem": lambda x, given: x[given["index"]],
    "chunk": lambda x, given: x.chunk(given["chunks"], given.get("dim", 0)),
    "split": lambda x, given: x.split(given["split_size"], given.get("dim", 0)),
    "unbind": lambda x, given: x.unbind(given.get("dim", 0)),
    "roll": lambda x, given: x.roll(given["shifts"], given.get("dims", ())),
    "pad": _padded,
    **dict.fromkeys(("contiguous", "clone", "dropout", "identity", "to", "float", "stochastic_depth", "dropout2d",
                     "feature_dropout", "alpha_dropout"), lambda x, given: x),
}  # fmt: skip


def _moved(case: _Case) -> Number:
    """The cells are numbered, and the numbers go the way that the values went."""
    if case.given.get("training"):
        raise ValueError("train mode")
    x = case.tensor()
    numbers = _MOVES[case.op.plain](torch.arange(x.numel()).reshape(x.shape), case.given)
    numbers = numbers[case.output] if isinstance(numbers, tuple | list) else numbers
    return _from_place(case, (x,), int(numbers[case.cell]))


def _cat(case: _Case) -> Number:
    tensors = _tensors(case.given)
    start, numbers = 0, []
    for tensor in tensors:
        numbers.append(torch.arange(start, start + tensor.numel()).reshape(tensor.shape))
        start += tensor.numel()
    return _from_place(case, tensors, int(torch.cat(numbers, int(case.setting("dim", 0)))[case.cell]))


def _from_place(case: _Case, tensors: Sequence[Tensor], place: int) -> Number:
    if place < 0:
        value = float(case.given.get("value") or 0.0)
        return case.answer(value, "{padding}", {"padding": value}, note="This cell is padding.")
    for tensor in tensors:
        if place < tensor.numel():
            break
        place -= tensor.numel()
    cell: list[int] = []
    for many in reversed(tensor.shape):
        cell.insert(0, place % many)
        place //= many
    value = float(tensor[tuple(cell)])
    note = {
        "dropout": "In eval mode dropout changes nothing.",
        "cat": "The number is copied: the tensors are only put one behind the other.",
    }.get(case.op.plain, "The number stays the same; only its place is another.")
    if case.op.plain in ("contiguous", "clone"):
        note = "A copy: the number and its place stay the same."
    return case.answer(value, "{x}", {"x": value}, parts=(case.part(tensor, cell),), note=note)


_RULES: dict[str, Callable[[_Case], Number]] = {
    **dict.fromkeys((*_FUNCTIONS, "hardtanh", "clamp"), _pointwise),
    **dict.fromkeys(_SIGNS, _two),
    **dict.fromkeys(_MOVES, _moved),
    **dict.fromkeys(("max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d"), _pool),
    "conv2d": _convolution,
    "linear": _linear,
    "matmul": _matmul,
    "bmm": _matmul,
    "einsum": _einsum,
    "multi_head_attention_forward": _attention,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "normalize": _unit_length,
    "softmax": _softmax,
    "mean": _mean,
    "cat": _cat,
}
