"""Why a shape is what it is: for each kind of op the formula with the numbers in it, and the shape it gives.

The shape is computed from the formula, independently of what was recorded, so the tests can hold one against the other.
The arithmetic of a sliding window in one dimension is in ``windows``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import floor, prod
from typing import Any

from course_lib.tracing import windows
from course_lib.tracing.meta_kernels import FACTORIES
from course_lib.tracing.multiply_adds import einsum_terms
from course_lib.tracing.records import Operation, Shape, times
from course_lib.tracing.windows import Step

__all__ = [
    "KEEPS_SHAPE",
    "Reason",
    "Slide",
    "asked",
    "broadcast",
    "dimensions",
    "order",
    "pair",
    "picks",
    "reason",
    "slides",
    "spatial",
    "steps",
]

_KEEPING = """
    relu relu6 hardtanh hardswish hardsigmoid silu gelu sigmoid tanh elu selu leaky_relu mish softplus celu
    batch_norm layer_norm group_norm instance_norm local_response_norm dropout dropout1d dropout2d dropout3d
    alpha_dropout feature_alpha_dropout softmax log_softmax clone contiguous exp log sqrt rsqrt abs neg clamp
    bernoulli fill normal uniform zero roll normalize masked_fill logsigmoid softmin tanhshrink softsign erf sin cos
    floor ceil round square cumsum flip rms_norm prelu threshold hardshrink softshrink setitem to float half
    bfloat16 double type zeros_like ones_like rand_like randn_like empty_like full_like
"""
#: Functions that answer with the shape they get, whatever it is.
KEEPS_SHAPE = frozenset(_KEEPING.split())
_BROADCAST = {"add": "+", "sub": "−", "mul": "·", "div": "/", "rsub": "−", "rdiv": "/", "pow": "^", "maximum": "max",
              "minimum": "min", "ne": "≠", "eq": "=", "gt": ">", "lt": "<", "ge": "≥", "le": "≤"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an op's output has its shape.

    Attributes:
        text: the formula with the numbers in it.
        shape: the first output's shape as the formula gives it.
        notes: sentences about what is easily overlooked, such as a border that is dropped.
    """

    text: str
    shape: Shape
    notes: tuple[str, ...] = ()


def reason(op: Operation) -> Reason | None:
    """The arithmetic of an op's shape, or None where there is no rule for its kind."""
    if op.plain in FACTORIES:
        return Reason("made here, in the size asked for", op.output)
    rule, rearrangement = _RULES.get(op.plain), _REARRANGEMENTS.get(op.plain)
    try:
        if rule is not None:
            return rule(op)
        answer = rearrangement(op, op.subject) if rearrangement is not None and op.operands else None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None  # arguments that the rule does not know, such as those of a kernel of somebody's own
    return Reason(*answer) if answer else None


def pair(value: Any, count: int) -> tuple[int, ...]:
    """A setting given once or once a dimension: 3 → (3, 3)."""
    if isinstance(value, tuple | list):
        return tuple(int(v) for v in value) if len(value) == count else (int(value[0]),) * count
    return (int(value),) * count


def spatial(op: Operation) -> int:
    """How many dimensions the window slides in: 2 for conv2d."""
    return int(op.plain[-2])


@dataclass(frozen=True, slots=True)
class Slide:
    """A window in one dimension: cells, kernel, stride, padding in front, dilation, padding behind, extra cells."""

    n: int
    k: int
    s: int
    p: int
    d: int
    after: int
    extra: int


def slides(op: Operation) -> tuple[Slide, ...]:
    """The window of a convolution or a pooling, for each spatial dimension (not of adaptive pooling)."""
    count = spatial(op)
    conv, weight = op.plain.startswith("conv"), op.operand("weight")
    kernel = weight[-count:] if conv and weight else pair(op.setting("kernel_size"), count)
    stride = pair(op.setting("stride") or (1 if conv else kernel), count)
    dilation = pair(op.setting("dilation", 1), count)
    padding = op.setting("padding", 0)
    if isinstance(padding, str):  # "same": what the kernel takes away is added, the odd cell behind
        total = tuple(d * (k - 1) if padding == "same" else 0 for k, d in zip(kernel, dilation, strict=True))
        front, back = tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)
    else:
        front = back = pair(padding, count)
    extra = pair(op.setting("output_padding", 0), count)
    return tuple(
        Slide(*window) for window in zip(op.subject[-count:], kernel, stride, front, dilation, back, extra, strict=True)
    )


def asked(op: Operation) -> tuple[int, ...]:
    """The output size of an adaptive pooling; None in its setting means: as it comes."""
    size, count = op.setting("output_size"), spatial(op)
    sizes = size if isinstance(size, tuple | list) else (size,) * count
    return tuple(n if o is None else int(o) for n, o in zip(op.subject[-count:], sizes, strict=True))


def steps(op: Operation) -> tuple[Step, ...]:
    """The window's arithmetic, one step for each spatial dimension."""
    if op.plain.startswith("adaptive"):
        return tuple(windows.adaptive(n, o) for n, o in zip(op.subject[-spatial(op) :], asked(op), strict=True))
    if "transpose" in op.plain:
        return tuple(windows.transposed(w.n, w.k, w.s, w.p, w.d, extra=w.extra) for w in slides(op))
    ceil = bool(op.setting("ceil_mode", False))
    return tuple(windows.slide(w.n, w.k, w.s, w.p, w.d, ceil=ceil, after=w.after) for w in slides(op))


def _window(op: Operation) -> Reason:
    along, count = steps(op), spatial(op)
    shape, weight = op.subject, op.operand("weight")
    names = ("height", "width") if count == 2 else ("length",) if count == 1 else ("depth", "height", "width")
    if len({step.text for step in along}) == 1:
        text = along[0].text
        notes = tuple({step.note: None for step in along if step.note})
    else:
        text = "; ".join(f"{name} {step.text}" for name, step in zip(names, along, strict=True))
        notes = tuple(f"{name.capitalize()}: {step.note}" for name, step in zip(names, along, strict=True) if step.note)
    channels = shape[-count - 1]
    if op.plain.startswith("conv") and weight:
        groups = int(op.setting("groups", 1))
        channels = weight[1] * groups if "transpose" in op.plain else weight[0]
    lead = shape[: -count - 1]
    return Reason(text, (*lead, channels, *(step.size for step in along)), notes)


def _keeps(op: Operation) -> Reason:
    return Reason("the shape stays", op.subject if op.operands else op.output)


def _linear(op: Operation) -> Reason | None:
    weight, shape = op.operand("weight"), op.operand("input")
    if weight is None or shape is None:
        return None
    note = () if len(shape) < 3 else (f"The same matrix for each of the {prod(shape[:-1])} rows.",)
    return Reason(f"{shape[-1]} → {weight[0]} (the weight is {weight[0]}×{weight[1]})", (*shape[:-1], weight[0]), note)


def _cat(op: Operation) -> Reason:
    shapes = [operand.shape for operand in op.operands]
    if all(shape == (0,) for shape in shapes):
        return Reason("tensors without numbers", (0,))
    shapes = [shape for shape in shapes if shape != (0,)]  # PyTorch passes them over, whatever the others' dimensions
    dim = int(op.setting("dim", 0)) % len(shapes[0])
    total = sum(shape[dim] for shape in shapes)
    out = (*shapes[0][:dim], total, *shapes[0][dim + 1 :])
    return Reason(f"{' + '.join(str(shape[dim]) for shape in shapes)} = {total} (dimension {dim})", out)


def broadcast(*shapes: Shape) -> Shape:
    """The common shape; a size that does not fit any other shows as -1.

    Example:
        >>> broadcast((1, 8, 7, 7), (8, 1, 1)), broadcast((2, 3), (2, 4))
        ((1, 8, 7, 7), (2, -1))
    """
    rank = max(len(shape) for shape in shapes)
    out = []
    for sizes in zip(*((1,) * (rank - len(shape)) + tuple(shape) for shape in shapes), strict=True):
        others = {n for n in sizes if n != 1}
        out.append(1 if not others else others.pop() if len(others) == 1 else -1)
    return tuple(out)


def _elementwise(op: Operation) -> Reason:
    shapes = [operand.shape for operand in op.operands]
    if len(shapes) < 2:
        return Reason("the shape stays", shapes[0] if shapes else op.output)
    shape = broadcast(*shapes)
    sign = f" {_BROADCAST[op.plain]} "
    if len(set(shapes)) == 1:
        return Reason(f"equal shapes: {sign.join(times(each) for each in shapes)}", shape)
    note = "Sizes of 1 (and missing ones in front) are repeated to fit."
    return Reason(f"{sign.join(times(each) for each in shapes)} = {times(shape)} (broadcast)", shape, (note,))


def _matmul(op: Operation) -> Reason | None:
    a, b = op.operand("input"), op.operand("other")
    if a is None or b is None or len(a) < 2 or len(b) < 2:
        return None
    shape = (*broadcast(a[:-2], b[:-2]), a[-2], b[-1]) if max(len(a), len(b)) > 2 else (a[-2], b[-1])
    return Reason(f"({a[-2]}×{a[-1]}) · ({b[-2]}×{b[-1]}) = {times(shape[-2:])}", shape)


def _attention(op: Operation) -> Reason | None:
    query, key, value = (op.operand(name) for name in ("query", "key", "value"))
    if query is None or key is None or value is None:
        return None
    if op.plain == "scaled_dot_product_attention":
        text = f"softmax({query[-2]}×{query[-1]} · {key[-1]}×{key[-2]}) · {value[-2]}×{value[-1]}"
        shape = (*query[:-1], value[-1])
    else:  # (tokens, batch, width)
        heads = int(op.setting("num_heads", 1))
        text = f"{heads} heads of {query[-1]} / {heads} = {query[-1] // heads}: "
        text += f"softmax({query[0]}×{key[0]}) · {key[0]} values"
        shape = query
    return Reason(f"{text} → {query[0] if shape == query else shape[-2]}×{shape[-1]}", shape)


def _interpolate(op: Operation) -> Reason:
    shape = op.subject
    sizes, asked, scale = shape[2:], op.setting("size"), op.setting("scale_factor")
    if asked is not None:
        out = pair(asked, len(sizes))
        return Reason(f"{' and '.join(str(n) for n in out)}, as asked", (*shape[:2], *out))
    scales = scale if isinstance(scale, tuple | list) else (scale,) * len(sizes)
    out = tuple(floor(n * float(f)) for n, f in zip(sizes, scales, strict=True))
    text = " and ".join(dict.fromkeys(f"⌊{n} · {f:g}⌋ = {o}" for n, f, o in zip(sizes, scales, out, strict=True)))
    return Reason(text, (*shape[:2], *out))


def _embedding(op: Operation) -> Reason | None:
    weight, shape = op.operand("weight"), op.operand("input")
    if weight is None or shape is None:
        return None
    return Reason(f"each of the {prod(shape)} numbers is one of {weight[0]} rows of {weight[1]}", (*shape, weight[1]))


# -- ops that rearrange, pick or reduce -------------------------------------------------------------------------------
_Answer = tuple[str, Shape]
_REDUCTIONS = {"mean": "the mean", "sum": "the sum", "amax": "the largest", "amin": "the smallest"}


def order(op: Operation, rank: int) -> tuple[int, ...]:
    """For permute and transpose: which input dimension becomes output dimension 0, 1, …"""
    if op.plain == "permute":
        return tuple(int(d) % rank for d in op.setting("dims"))
    to = list(range(rank))
    last = op.plain in ("t", "T", "mT")
    a, b = (rank - 2, rank - 1) if last else (op.setting("dim0") % rank, op.setting("dim1") % rank)
    if op.plain == "T":
        return tuple(reversed(to))
    if rank > 1:
        to[a], to[b] = to[b], to[a]
    return tuple(to)


def _permute(op: Operation, shape: Shape) -> _Answer:
    to = order(op, len(shape))
    return f"dimensions {', '.join(map(str, to))} of {times(shape)}", tuple(shape[d] for d in to)


def _flatten(op: Operation, shape: Shape) -> _Answer:
    first, last = op.setting("start_dim", 0) % max(len(shape), 1), op.setting("end_dim", -1) % max(len(shape), 1)
    middle = shape[first : last + 1]
    size = prod(middle)
    text = f"{'·'.join(map(str, middle))} = {size}" if len(middle) > 1 else "the shape stays"
    return text, (*shape[:first], size, *shape[last + 1 :])


def _view(op: Operation, shape: Shape) -> _Answer | None:
    asked = op.setting("shape")
    if asked is None or not all(isinstance(n, int) for n in asked):
        return None
    known = prod(n for n in asked if n != -1)
    out = tuple(prod(shape) // known if n == -1 and known else n for n in asked)
    if -1 in asked:
        return (
            f"{'·'.join(map(str, shape))} = {prod(shape)} numbers; / {known} = {prod(shape) // (known or 1)}",
            out,
        )
    return f"{'·'.join(map(str, shape))} = {'·'.join(map(str, out))} = {prod(out)} numbers", out


def _expand(op: Operation, shape: Shape) -> _Answer | None:
    sizes = op.setting("sizes")
    if sizes is None:
        return None
    own = (1,) * (len(sizes) - len(shape)) + shape
    out = tuple(n if size == -1 else size for n, size in zip(own, sizes, strict=True))
    return f"{times(shape)} repeated to {times(out)}", out


def _chunk(op: Operation, shape: Shape) -> _Answer:
    dim = op.setting("dim", 0) % len(shape)
    size = op.outputs[0][dim]
    sizes = " + ".join(str(out[dim]) for out in op.outputs)
    if op.plain == "chunk":
        size = -(-shape[dim] // int(op.setting("chunks")))
    elif isinstance(op.setting("split_size"), int):
        size = min(op.setting("split_size"), shape[dim])
    return f"{shape[dim]} = {sizes} (dimension {dim})", (*shape[:dim], size, *shape[dim + 1 :])


def _unbind(op: Operation, shape: Shape) -> _Answer:
    dim = op.setting("dim", 0) % len(shape)
    return f"{shape[dim]} slices of dimension {dim}", (*shape[:dim], *shape[dim + 1 :])


def _stack(op: Operation, shape: Shape) -> _Answer:
    dim = op.setting("dim", 0) % (len(shape) + 1)
    count = len(op.operands)
    return f"{count} tensors, in a new dimension {dim}", (*shape[:dim], count, *shape[dim:])


def _unsqueeze(op: Operation, shape: Shape) -> _Answer:
    dim = op.setting("dim") % (len(shape) + 1)
    return f"a new dimension {dim} of size 1", (*shape[:dim], 1, *shape[dim:])


def _squeeze(op: Operation, shape: Shape) -> _Answer:
    dims = dimensions(op.setting("dim"), len(shape))
    return "dimensions of size 1 are dropped", tuple(n for d, n in enumerate(shape) if d not in dims or n != 1)


def dimensions(dim: Any, rank: int) -> list[int]:
    """The dimensions, counted from 0, that a ``dim`` argument means; None means all of them.

    Example:
        >>> dimensions(-1, 4), dimensions((2, -1), 4), dimensions(None, 2)
        ([3], [2, 3], [0, 1])
    """
    if dim is None:
        return list(range(rank))
    return [int(d) % rank for d in (dim if isinstance(dim, tuple | list) else [dim])]


def _reduce(op: Operation, shape: Shape) -> _Answer:
    dims = dimensions(op.setting("dim"), len(shape))
    keep = bool(op.setting("keepdim", False))
    out = tuple(1 if d in dims else n for d, n in enumerate(shape) if keep or d not in dims)
    return f"{_REDUCTIONS[op.plain]} over {'·'.join(str(shape[d]) for d in dims)} = {prod(shape[d] for d in dims)}", out


def _pad(op: Operation, shape: Shape) -> _Answer:
    pads = op.setting("pad")
    texts: list[str] = []
    out = list(shape)
    for place in range(len(pads) // 2):
        front, back, dim = int(pads[2 * place]), int(pads[2 * place + 1]), len(shape) - 1 - place
        out[dim] = shape[dim] + front + back
        if front or back:
            texts.insert(0, f"{shape[dim]} + {front} + {back} = {out[dim]}")
    return "; ".join(texts) or "nothing to pad: the shape stays", tuple(out)


def picks(op: Operation, rank: int) -> list[Any] | None:
    """The index of a ``getitem`` with a slice written for every dimension left out; None where a tensor is the index.

    Each item is a slice, a whole number, or None for a new dimension.
    """
    index = op.setting("index")
    items = list(index) if isinstance(index, tuple) else [index]
    plain = all(item is None or item is Ellipsis or isinstance(item, slice) or type(item) is int for item in items)
    if op.operand("index") is not None or not plain:
        return None
    used = sum(1 for item in items if item is not None and item is not Ellipsis)
    place = next((place for place, item in enumerate(items) if item is Ellipsis), len(items))
    return items[:place] + [slice(None)] * (rank - used) + items[place + 1 :]


def _pick(op: Operation, shape: Shape) -> _Answer | None:
    items = picks(op, len(shape))
    if items is None:
        return None
    out, dim = [], 0
    for item in items:
        if item is None:
            out.append(1)
            continue
        if isinstance(item, slice):
            out.append(len(range(*item.indices(shape[dim]))))
        dim += 1
    return f"picked from {times(shape)}", tuple(out)


def _einsum(op: Operation, shape: Shape) -> _Answer:
    _, out, sizes = einsum_terms(op)
    equation = str(op.setting("equation")).replace(" ", "")
    gone = ", ".join(name for name in sizes if name not in out)
    each = ", ".join(f"{name} = {n}" for name, n in sizes.items())
    return f"{equation}: {each}; summed over {gone or 'nothing'}", tuple(sizes[name] for name in out)


_WINDOWS = [f"{kind}{n}d" for n in (1, 2, 3) for kind in
            ("conv", "conv_transpose", "max_pool", "avg_pool", "adaptive_avg_pool", "adaptive_max_pool")]  # fmt: skip
_RULES: dict[str, Callable[[Operation], Reason | None]] = {
    **dict.fromkeys(KEEPS_SHAPE, _keeps),
    **dict.fromkeys(_WINDOWS, _window),
    **dict.fromkeys(_BROADCAST, _elementwise),
    **dict.fromkeys(("matmul", "bmm", "mm"), _matmul),
    **dict.fromkeys(("scaled_dot_product_attention", "multi_head_attention_forward"), _attention),
    "linear": _linear,
    "cat": _cat,
    "interpolate": _interpolate,
    "embedding": _embedding,
}
_REARRANGEMENTS: dict[str, Callable[[Operation, Shape], _Answer | None]] = {
    **dict.fromkeys(_REDUCTIONS, _reduce),
    **dict.fromkeys(("permute", "transpose", "swapaxes", "t", "T", "mT"), _permute),
    **dict.fromkeys(("view", "reshape", "view_as"), _view),
    **dict.fromkeys(("chunk", "split"), _chunk),
    "flatten": _flatten,
    "expand": _expand,
    "stack": _stack,
    "unsqueeze": _unsqueeze,
    "squeeze": _squeeze,
    "pad": _pad,
    "getitem": _pick,
    "einsum": _einsum,
    "unbind": _unbind,
}
