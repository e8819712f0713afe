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
        title: what it does, such as "3×3 conv, stride 2".
        name: what the code calls it, seen from the module that is drawn, such as "conv1"; may be "".
        note: what else matters, such as "64 → 128".
        parameters: how many numbers it learns.
        family: "weight", "norm", "activation", "pool", "reshape", "module" or "other".
    """

    title: str
    name: str
    note: str
    parameters: int
    family: str

    @property
    def tall(self) -> bool:
        """Two lines instead of one."""
        return self.family in ("weight", "module") or bool(self.note)


def row(op: Op, name: str = "") -> Row:
    """What to write of an op.

    Example:
        >>> from course_lib.tracing import trace
        >>> found = row(trace("resnet18")["layer2.0.conv1"], "conv1")
        >>> found.title, found.note, found.parameters
        ('3×3 conv, stride 2', '64 → 128', 73728)
    """
    title, note, family = _said(op)
    return Row(title, name, note, op.parameters, family)


def _said(op: Op) -> tuple[str, str, str]:
    kind = op.plain
    flat = kind[:-2] if kind[-2:] in ("1d", "2d", "3d") else kind
    weight = op.operand("weight")
    if flat in ("conv", "conv_transpose") and weight:
        return _conv(op, flat, weight)
    if flat in ("max_pool", "avg_pool"):
        size = op.setting("kernel_size")
        return f"{_by(size)} {flat[:3]} pool{_stride(op, size)}", "", "pool"
    if flat in ("adaptive_avg_pool", "adaptive_max_pool"):
        return f"{flat[9:12]} pool to {_by(op.setting('output_size'))}", "", "pool"
    if kind == "linear" and weight:
        return "linear", f"{weight[1]} → {weight[0]}", "weight"
    if kind == "multi_head_attention_forward":
        return "attention", f"{op.setting('num_heads')} heads", "weight"
    if kind in _NORMS:
        return _NORMS[kind], "", "norm"
    if kind in _ACTIVATIONS:
        return _ACTIVATIONS[kind], "", "activation"
    if kind == "dropout":
        off = "" if op.setting("training") else ", off in eval mode"
        return f"dropout {op.setting('p'):g}{off}", "", "other"
    if kind in SIGNS and op.weights:
        return f"{SIGNS[kind]} {op.weights[0].name.rpartition('.')[2]}", "", "other"
    if kind in ("add", "mul", "sub", "div") and (number := op.setting("other")) is not None:
        return f"{SIGNS[kind]} {number:.4g}", "", "other"
    return _rearranged(op, kind)


def _conv(op: Op, flat: str, weight: tuple[int, ...]) -> tuple[str, str, str]:
    groups, turned = int(op.setting("groups", 1)), flat == "conv_transpose"
    into, out = (weight[0], weight[1] * groups) if turned else (weight[1] * groups, weight[0])
    kind = "depthwise conv" if groups == into > 1 else "conv"
    title = f"{_by(weight[2:])} {'transposed ' if turned else ''}{kind}{_stride(op, 1)}"
    spread = _by(op.setting("dilation", 1))
    title += "" if set(spread.split("×")) == {"1"} else f", dilation {spread.split('×')[0]}"
    return title, f"{into} → {out}" + (f", {groups} groups" if 1 < groups != into else ""), "weight"


def _rearranged(op: Op, kind: str) -> tuple[str, str, str]:
    if kind == "permute":
        return f"permute {_list(op.setting('dims'))}", "", "reshape"
    if kind in ("transpose", "swapaxes"):
        one, other = op.setting("dim0", op.setting("axis0")), op.setting("dim1", op.setting("axis1"))
        return f"transpose {one} ↔ {other}".replace("-", "−"), "", "reshape"
    if kind in ("chunk", "split"):
        return f"{kind} into {len(op.outputs)}", "", "reshape"
    if kind == "mean":
        return f"mean over {_list(op.setting('dim', 'all'))}", "", "pool"
    if kind == "getitem":
        index = op.setting("index")
        return (f"[{index}]" if isinstance(index, int) else "[…]"), "", "reshape"
    if kind in ("flatten", "view", "reshape", "contiguous", "unsqueeze", "squeeze", "expand", "roll", "pad", "unbind"):
        return kind, "", "reshape"
    return _PLAIN.get(kind, kind.replace("_", " ")), "", "weight" if op.weights else "other"


def _stride(op: Op, usual: Any) -> str:
    stride = op.setting("stride")
    if stride is None or stride == () or _by(stride) == _by(usual):
        return "" if usual == 1 else f", stride {_short(usual)}"
    return f", stride {_short(stride)}"


def _short(value: Any) -> str:
    words = _by(value)
    return words.split("×")[0] if len(set(words.split("×"))) == 1 else words


def _by(value: Any) -> str:
    if isinstance(value, tuple | list):
        return "×".join(str(one) for one in value) if len(value) > 1 else f"{value[0]}"
    return f"{value}×{value}"


def _list(value: Any) -> str:
    return ", ".join(str(one) for one in value).replace("-", "−") if isinstance(value, tuple | list) else f"{value}"
