"""Why a shape is what it is: for each kind of op the formula with the numbers in it, and the shape it gives.

The shape is computed from the formula, independently of what was recorded, so the tests can hold one against the other.
Sliding windows stand in ``windows``; the ops that only rearrange stand in ``rearranging``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import floor, prod
from typing import TYPE_CHECKING, Any

from course_lib.tracing import rearranging, windows
from course_lib.tracing.answers import FACTORIES
from course_lib.tracing.windows import Step

if TYPE_CHECKING:
    from course_lib.tracing.ops import Op, Shape

__all__ = ["KEEPS_SHAPE", "Reason", "Slide", "asked", "broadcast", "pair", "reason", "slides", "spatial", "steps"]

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


def reason(op: Op) -> Reason | None:
    """The arithmetic of an op's shape, or None where there is no rule for its kind."""
    if op.plain in FACTORIES:
        return Reason("made here, in the size asked for", op.output)
    rule = _RULES.get(op.plain)
    if rule is not None:
        return rule(op)
    found = rearranging.reason(op)
    return Reason(*found) if found else None


def pair(value: Any, count: int) -> tuple[int, ...]:
    """A setting given once or once a dimension: 3 → (3, 3)."""
    if isinstance(value, tuple | list):
        return tuple(int(v) for v in value) if len(value) == count else (int(value[0]),) * count
    return (int(value),) * count


def spatial(op: Op) -> int:
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


def slides(op: Op) -> tuple[Slide, ...]:
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
        Slide(*one) for one in zip(op.inputs[0][-count:], kernel, stride, front, dilation, back, extra, strict=True)
    )


def asked(op: Op) -> tuple[int, ...]:
    """The output size of an adaptive pooling; None in its setting means: as it comes."""
    size, count = op.setting("output_size"), spatial(op)
    sizes = size if isinstance(size, tuple | list) else (size,) * count
    return tuple(n if o is None else int(o) for n, o in zip(op.inputs[0][-count:], sizes, strict=True))


def steps(op: Op) -> tuple[Step, ...]:
    """The window's arithmetic, one step for each spatial dimension."""
    if op.plain.startswith("adaptive"):
        return tuple(windows.adaptive(n, o) for n, o in zip(op.inputs[0][-spatial(op) :], asked(op), strict=True))
    if "transpose" in op.plain:
        return tuple(windows.transposed(one.n, one.k, one.s, one.p, one.d, extra=one.extra) for one in slides(op))
    ceil = bool(op.setting("ceil_mode", False))
    return tuple(windows.slide(one.n, one.k, one.s, one.p, one.d, ceil=ceil, after=one.after) for one in slides(op))


def _window(op: Op) -> Reason:
    found, count = steps(op), spatial(op)
    shape, weight = op.inputs[0], op.operand("weight")
    names = ("height", "width") if count == 2 else ("length",) if count == 1 else ("depth", "height", "width")
    if len({step.text for step in found}) == 1:
        text = found[0].text
        notes = tuple({step.note: None for step in found if step.note})
    else:
        text = "; ".join(f"{name} {step.text}" for name, step in zip(names, found, strict=True))
        notes = tuple(f"{name.capitalize()}: {step.note}" for name, step in zip(names, found, strict=True) if step.note)
    channels = shape[-count - 1]
    if op.plain.startswith("conv") and weight:
        groups = int(op.setting("groups", 1))
        channels = weight[1] * groups if "transpose" in op.plain else weight[0]
    lead = shape[: -count - 1]
    return Reason(text, (*lead, channels, *(step.size for step in found)), notes)


def _keeps(op: Op) -> Reason:
    shape = op.inputs[0] if op.inputs else op.operands[0].shape if op.operands else op.output
    return Reason("the shape stays", shape)


def _linear(op: Op) -> Reason | None:
    weight, shape = op.operand("weight"), op.operand("input")
    if weight is None or shape is None:
        return None
    note = () if len(shape) < 3 else (f"The same matrix for each of the {prod(shape[:-1])} rows.",)
    return Reason(f"{shape[-1]} → {weight[0]} (the weight is {weight[0]}×{weight[1]})", (*shape[:-1], weight[0]), note)


def _cat(op: Op) -> Reason:
    shapes = [one.shape for one in op.operands]
    dim = int(op.setting("dim", 0)) % len(shapes[0])
    shapes = [shape for shape in shapes if shape != (0,)]
    total = sum(shape[dim] for shape in shapes)
    shape = (*shapes[0][:dim], total, *shapes[0][dim + 1 :])
    return Reason(f"{' + '.join(str(one[dim]) for one in shapes)} = {total} (dimension {dim})", shape)


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


def _elementwise(op: Op) -> Reason:
    from course_lib.tracing.ops import times

    shapes = [one.shape for one in op.operands]
    if len(shapes) < 2:
        return Reason("the shape stays", shapes[0] if shapes else op.output)
    shape = broadcast(*shapes)
    sign = f" {_BROADCAST[op.plain]} "
    if len(set(shapes)) == 1:
        return Reason(f"equal shapes: {sign.join(times(one) for one in shapes)}", shape)
    note = "Sizes of 1 (and missing ones in front) are repeated to fit."
    return Reason(f"{sign.join(times(one) for one in shapes)} = {times(shape)} (broadcast)", shape, (note,))


def _matmul(op: Op) -> Reason | None:
    from course_lib.tracing.ops import times

    a, b = op.operand("input"), op.operand("other")
    if a is None or b is None or len(a) < 2 or len(b) < 2:
        return None
    shape = (*broadcast(a[:-2], b[:-2]), a[-2], b[-1]) if max(len(a), len(b)) > 2 else (a[-2], b[-1])
    return Reason(f"({a[-2]}×{a[-1]}) · ({b[-2]}×{b[-1]}) = {times(shape[-2:])}", shape)


def _attention(op: Op) -> Reason | None:
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


def _interpolate(op: Op) -> Reason:
    shape = op.inputs[0]
    sizes, asked, scale = shape[2:], op.setting("size"), op.setting("scale_factor")
    if asked is not None:
        out = pair(asked, len(sizes))
        return Reason(f"{' and '.join(str(n) for n in out)}, as asked", (*shape[:2], *out))
    scales = scale if isinstance(scale, tuple | list) else (scale,) * len(sizes)
    out = tuple(floor(n * float(f)) for n, f in zip(sizes, scales, strict=True))
    text = " and ".join(dict.fromkeys(f"⌊{n} · {f:g}⌋ = {o}" for n, f, o in zip(sizes, scales, out, strict=True)))
    return Reason(text, (*shape[:2], *out))


def _embedding(op: Op) -> Reason | None:
    weight, shape = op.operand("weight"), op.operand("input")
    if weight is None or shape is None:
        return None
    return Reason(f"each of the {prod(shape)} numbers is one of {weight[0]} rows of {weight[1]}", (*shape, weight[1]))


_WINDOWS = [f"{kind}{n}d" for n in (1, 2, 3) for kind in
            ("conv", "conv_transpose", "max_pool", "avg_pool", "adaptive_avg_pool", "adaptive_max_pool")]  # fmt: skip
_RULES: dict[str, Callable[[Op], Reason | None]] = {
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
