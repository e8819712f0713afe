"""How one number of a forward came about: which numbers of the input, times which weights, give it.

``explain`` looks at one cell of one operation's output in ``Activations`` and does that operation's arithmetic again,
for this cell alone and in double precision. A rule stands here for every operation that torchvision's classifiers use
on a picture, the sums of products in ``product_sums``; for any other the answer says that there is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from course_lib.tracing.activations import Activations
from course_lib.tracing.arithmetic import asked, dimensions, pair, slides
from course_lib.tracing.layer_maps import LayerError
from course_lib.tracing.number_parts import MOST_TERMS, Case, Cell, Number, Term, tensors_in, within
from course_lib.tracing.ops import Op
from course_lib.tracing.product_sums import PRODUCT_SUMS
from course_lib.tracing.records import times

__all__ = ["explain", "function_of"]


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
    case = Case(seen, op, place, output, value)
    try:
        answer = rule(case) if rule is not None else None
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RuntimeError):
        answer = None  # arguments that the rule doesn't know
    if answer is None:
        note = f"There is no explanation yet of how a single number of {op.plain} is computed."
        return Number(op, place, value, None, note=note)
    return answer


# -- windows ----------------------------------------------------------------------------------------------------------
def _pool(case: Case) -> Number:
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


def _mean(case: Case) -> Number:
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


def _normalised(case: Case, mean: float, var: float, at: Cell | int, note: str) -> Number:
    x = float(case.tensor()[case.cell])
    weight, bias = case.given.get("weight"), case.given.get("bias")
    gamma, beta = (float(t[at]) if t is not None else d for t, d in ((weight, 1.0), (bias, 0.0)))
    eps = float(case.setting("eps", 1e-5))
    symbols = {"x": x, "mean": mean, "var": var, "ε": eps, _GAMMA: gamma, "β": beta}
    computed = (x - mean) / math.sqrt(var + eps) * gamma + beta
    parts = (case.part(case.tensor(), case.cell),)
    scale = max(abs(x), abs(mean)) / math.sqrt(var + eps) * abs(gamma) + abs(beta)
    return case.answer(computed, _NORMALISED, symbols, parts=parts, note=note, scale=scale)


def _batch_norm(case: Case) -> Number:
    channel = case.cell[1]
    running, spread = case.given.get("running_mean"), case.given.get("running_var")
    if running is None or spread is None or case.given.get("training"):
        own = case.tensor()[:, channel].double()
        note = "mean and var are this picture's own, over the whole channel: no running ones are kept."
        return _normalised(case, float(own.mean()), float(own.var(unbiased=False)), channel, note)
    note = f"In eval mode, mean and var are the stored ones of channel {channel}; the picture doesn't change them."
    return _normalised(case, float(running[channel]), float(spread[channel]), channel, note)


def _layer_norm(case: Case) -> Number:
    shape = pair(case.given["normalized_shape"], 1) if isinstance(case.given["normalized_shape"], int) else tuple(
        case.given["normalized_shape"])  # fmt: skip
    lead = case.cell[: len(case.cell) - len(shape)]
    own = case.tensor()[lead].double()
    note = f"mean and var are those of the {prod(shape)} numbers at this position."
    return _normalised(case, float(own.mean()), float(own.var(unbiased=False)), case.cell[len(lead) :], note)


def _unit_length(case: Case) -> Number:
    x, dim, p = case.tensor(), int(case.setting("dim", 1)), float(case.setting("p", 2.0))
    along = tuple(slice(None) if d == dim % x.dim() else n for d, n in enumerate(case.cell))
    length = float(x[along].double().norm(p))
    own = float(x[case.cell])
    eps = float(case.setting("eps", 1e-12))
    symbols = {"x": own, "length": max(length, eps)}
    part = case.part(x, case.cell)
    return case.answer(own / max(length, eps), "{x} / {length}", symbols, parts=(part,))


def _softmax(case: Case) -> Number:
    x = case.tensor()
    dim = int(case.setting("dim", -1)) % x.dim()
    along = tuple(slice(None) if d == dim else n for d, n in enumerate(case.cell))
    row = x[along].double()
    top = float(row.max())
    powers = torch.exp(row - top)
    own, total = float(powers[case.cell[dim]]), float(powers.sum())
    terms = []
    for place in powers.argsort(descending=True, stable=True)[:MOST_TERMS].tolist():
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


def _pointwise(case: Case) -> Number:
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


def _two(case: Case) -> Number:
    """Number by number; sizes of 1 are repeated, and one side may be a plain number."""
    sign, function = _SIGNS[case.op.plain]
    sides = [case.given["input"], case.given["other"]]
    if case.setting("alpha", 1) != 1 or case.given.get("rounding_mode"):
        raise ValueError("alpha")
    values, parts, repeated = [], [], False
    for side in sides:
        if isinstance(side, Tensor):
            cell = within(side, case.cell, 0)
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


def _moved(case: Case) -> Number:
    """The cells are numbered, and the numbers go the way that the values went."""
    if case.given.get("training"):
        raise ValueError("train mode")
    x = case.tensor()
    numbers = _MOVES[case.op.plain](torch.arange(x.numel()).reshape(x.shape), case.given)
    numbers = numbers[case.output] if isinstance(numbers, tuple | list) else numbers
    return _from_place(case, (x,), int(numbers[case.cell]))


def _cat(case: Case) -> Number:
    tensors = tensors_in(case.given)
    start, numbers = 0, []
    for tensor in tensors:
        numbers.append(torch.arange(start, start + tensor.numel()).reshape(tensor.shape))
        start += tensor.numel()
    return _from_place(case, tensors, int(torch.cat(numbers, int(case.setting("dim", 0)))[case.cell]))


def _from_place(case: Case, tensors: Sequence[Tensor], place: int) -> Number:
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
        "cat": "The number is copied: the tensors are only joined, one after the other.",
    }.get(case.op.plain, "The number stays the same; only its place changes.")
    if case.op.plain in ("contiguous", "clone"):
        note = "A copy: the number and its place stay the same."
    return case.answer(value, "{x}", {"x": value}, parts=(case.part(tensor, cell),), note=note)


_RULES: dict[str, Callable[[Case], Number]] = {
    **PRODUCT_SUMS,
    **dict.fromkeys((*_FUNCTIONS, "hardtanh", "clamp"), _pointwise),
    **dict.fromkeys(_SIGNS, _two),
    **dict.fromkeys(_MOVES, _moved),
    **dict.fromkeys(("max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d"), _pool),
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "normalize": _unit_length,
    "softmax": _softmax,
    "mean": _mean,
    "cat": _cat,
}
