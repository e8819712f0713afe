"""An op as a diagram names it: a few words and numbers, read from its own settings and weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from course_lib.tracing.ops import Op

__all__ = ["SIGNS", "Row", "row"]

#: Ops that bring branches together, as the small circle says it.
SIGNS = {"add": "+", "mul": "×", "cat": "cat", "sub": "−", "div": "÷", "stack": "stack"}

_NORMS = {"batch_norm": "BatchNorm", "layer_norm": "LayerNorm", "group_norm": "GroupNorm", "instance_norm": "InstNorm"}
_ACTIVATIONS = {
    "relu": "ReLU", "relu6": "ReLU6", "gelu": "GELU", "silu": "SiLU", "hardswish": "Hardswish", "tanh": "tanh",
    "hardsigmoid": "Hardsigmoid", "sigmoid": "sigmoid", "softmax": "softmax", "log_softmax": "log-softmax",
    "leaky_relu": "LeakyReLU", "elu": "ELU", "mish": "Mish", "hardtanh": "Hardtanh", "prelu": "PReLU",
}  # fmt: skip
_PLAIN = {"matmul": "matrix product", "view": "view", "reshape": "reshape", "contiguous": "contiguous", "to": "cast"}


@dataclass(frozen=True, slots=True)
class Row:
    """What is written of one op (or of a module drawn as one box).

    Attributes:
        title: what it does, such as "3×3 conv".
        how: in which way, such as "stride 2"; may be "".
        name: what the code calls it, seen from the module that is drawn, such as "conv1"; may be "".
        note: what else matters, such as "64 → 128".
        parameters: how many numbers it learns.
        family: "weight", "norm", "activation", "pool", "reshape", "module" or "other".
    """

    title: str
    how: str
    name: str
    note: str
    parameters: int
    family: str

    @property
    def words(self) -> str:
        """What it does, in which way."""
        return f"{self.title}, {self.how}" if self.how else self.title

    @property
    def tall(self) -> bool:
        """Two lines instead of one."""
        return self.family in ("weight", "module") or bool(self.note)


def row(op: Op, name: str = "") -> Row:
    """What to write of an op.

    Example:
        >>> from course_lib.tracing import trace
        >>> found = row(trace("resnet18")["layer2.0.conv1"], "conv1")
        >>> found.words, found.note, found.parameters
        ('3×3 conv, stride 2', '64 → 128', 73728)
    """
    title, how, note, family = _said(op)
    return Row(title, how, name, note, op.parameters, family)


_Said = tuple[str, str, str, str]  # title, how, note, family


def _said(op: Op) -> _Said:
    kind = op.plain
    flat = kind[:-2] if kind[-2:] in ("1d", "2d", "3d") else kind
    weight = op.operand("weight")
    if flat in ("conv", "conv_transpose") and weight:
        return _conv(op, flat, weight)
    if flat in ("max_pool", "avg_pool"):
        size = op.setting("kernel_size")
        return f"{_by(size)} {flat[:3]} pool", f"stride {_short(op.setting('stride') or size)}", "", "pool"
    if flat in ("adaptive_avg_pool", "adaptive_max_pool"):
        return f"{flat[9:12]} pool to {_by(op.setting('output_size'))}", "", "", "pool"
    if kind == "linear" and weight:
        return "linear", "", f"{weight[1]} → {weight[0]}", "weight"
    if kind == "multi_head_attention_forward":
        return "attention", "", f"{op.setting('num_heads')} heads", "weight"
    if kind in _NORMS:
        return _NORMS[kind], "", "", "norm"
    if kind == "hardtanh" and op.setting("min_val") == 0 and op.setting("max_val") == 6:
        return "ReLU6", "", "", "activation"
    if kind in _ACTIVATIONS:
        return _ACTIVATIONS[kind], "", "", "activation"
    if kind == "dropout":
        return f"dropout {op.setting('p'):g}", "" if op.setting("training") else "off in eval", "", "other"
    if kind in SIGNS and op.weights:
        return f"{SIGNS[kind]} {op.weights[0].name.rpartition('.')[2]}", "", "", "other"
    if kind in ("add", "mul", "sub", "div") and isinstance(number := op.setting("other"), int | float):
        sign = SIGNS[kind] if number >= 0 or kind not in ("add", "sub") else SIGNS["sub" if kind == "add" else "add"]
        number = abs(number) if kind in ("add", "sub") else number
        return f"{sign} {number:.4g}".replace("-", "−"), "", "", "other"
    return _rearranged(op, kind)


def _conv(op: Op, flat: str, weight: tuple[int, ...]) -> _Said:
    groups, turned = int(op.setting("groups", 1)), flat == "conv_transpose"
    into, out = (weight[0], weight[1] * groups) if turned else (weight[1] * groups, weight[0])
    kind = "depthwise conv" if groups == into > 1 else "conv"
    how = [
        f"{word} {_short(op.setting(word))}" for word in ("stride", "dilation") if set(_each(op.setting(word))) != {1}
    ]
    title = f"{_by(weight[2:])} {'transposed ' if turned else ''}{kind}"
    return title, ", ".join(how), f"{into} → {out}" + (f", {groups} groups" if 1 < groups != into else ""), "weight"


def _rearranged(op: Op, kind: str) -> _Said:
    if kind == "permute":
        return f"permute {_list(op.setting('dims'))}", "", "", "reshape"
    if kind in ("transpose", "swapaxes"):
        one, other = op.setting("dim0", op.setting("axis0")), op.setting("dim1", op.setting("axis1"))
        return f"transpose {one} ↔ {other}".replace("-", "−"), "", "", "reshape"
    if kind in ("chunk", "split"):
        return f"{kind} into {len(op.outputs)}", "", "", "reshape"
    if kind == "mean":
        return f"mean over {_list(op.setting('dim', 'all'))}", "", "", "pool"
    if kind == "getitem":
        return _index(op.setting("index")), "", "", "reshape"
    if kind in ("flatten", "view", "reshape", "contiguous", "unsqueeze", "squeeze", "expand", "roll", "pad", "unbind"):
        own = op.weights[0].name.rpartition(".")[2] if op.weights else ""
        return f"{kind} {own}".strip(), "", "", "reshape"
    return _PLAIN.get(kind, kind.replace("_", " ")), "", "", "weight" if op.weights else "other"


def _index(index: Any) -> str:
    """An index as the code has it; "[…]" where it is made of numbers that the picture brings."""

    def word(one: Any) -> str:
        if isinstance(one, slice):
            return ":".join("" if part is None else f"{part}" for part in (one.start, one.stop))
        return "..." if one is Ellipsis else f"{one}"

    items = index if isinstance(index, tuple) else (index,)
    plain = all(one is None or one is Ellipsis or isinstance(one, int | slice) for one in items)
    if index is None or len(items) > 5 or not plain:
        return "[…]"
    return f"[{', '.join(word(one) for one in items)}]".replace("-", "−")


def _each(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (1 if value is None else value,)


def _short(value: Any) -> str:
    """One number where all are equal."""
    each = _each(value)
    return f"{each[0]}" if len(set(each)) == 1 else _by(value)


def _by(value: Any) -> str:
    if isinstance(value, tuple | list):
        return "×".join(str(one) for one in value)
    return f"{value}×{value}"


def _list(value: Any) -> str:
    return ", ".join(str(one) for one in value).replace("-", "−") if isinstance(value, tuple | list) else f"{value}"
