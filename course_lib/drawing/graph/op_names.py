"""The words of a diagram's boxes: an op's name, settings and parameter count, read from the traced op itself.

>>> from course_lib.tracing import trace
>>> row(trace("resnet18")["layer2.0.conv1"]).words
'3×3 conv, stride 2'
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from course_lib.tracing.ops import Op

__all__ = ["SIGNS", "Row", "row"]

#: Ops that bring branches together, and what is written in their circles.
SIGNS = {"add": "+", "mul": "×", "cat": "cat", "sub": "−", "div": "÷", "stack": "stack"}

_NORMS = {"batch_norm": "BatchNorm", "layer_norm": "LayerNorm", "group_norm": "GroupNorm", "instance_norm": "InstNorm"}
_ACTIVATIONS = {
    "relu": "ReLU", "relu6": "ReLU6", "gelu": "GELU", "silu": "SiLU", "hardswish": "Hardswish", "tanh": "tanh",
    "hardsigmoid": "Hardsigmoid", "sigmoid": "sigmoid", "softmax": "softmax", "log_softmax": "log-softmax",
    "leaky_relu": "LeakyReLU", "elu": "ELU", "mish": "Mish", "hardtanh": "Hardtanh", "prelu": "PReLU",
}  # fmt: skip
_RESHAPES = {
    "flatten", "view", "reshape", "contiguous", "unsqueeze", "squeeze", "expand", "roll", "pad", "unbind",
}  # fmt: skip
_OTHERS = {"matmul": "matrix product", "to": "cast"}


@dataclass(frozen=True, slots=True)
class Row:
    """What a box says about one op, or about a module that is drawn as one box.

    Attributes:
        title: what it does, such as "3×3 conv".
        how: in which way, such as "stride 2"; may be "".
        name: what the code calls it, relative to the module that is drawn, such as "conv1"; may be "".
        note: what else matters, such as "64 → 128".
        parameters: how many numbers it learns.
        family: "weight", "norm", "activation", "pool", "reshape", "module", "end" (an input or output) or "other".
    """

    title: str
    how: str = ""
    name: str = ""
    note: str = ""
    parameters: int = 0
    family: str = "other"

    @property
    def words(self) -> str:
        """The title and the settings."""
        return f"{self.title}, {self.how}" if self.how else self.title

    @property
    def tall(self) -> bool:
        """Whether it takes two lines instead of one."""
        return self.family in ("weight", "module") or bool(self.note)


def row(op: Op, name: str = "") -> Row:
    """The row of an op.

    Args:
        op: from a trace.
        name: what the code calls it.

    Example:
        >>> from course_lib.tracing import trace
        >>> conv = row(trace("resnet18")["layer2.0.conv1"], "conv1")
        >>> conv.words, conv.note, conv.parameters
        ('3×3 conv, stride 2', '64 → 128', 73728)
    """
    return replace(_described(op), name=name, parameters=op.parameters)


def _described(op: Op) -> Row:
    kind = op.plain
    flat = kind[:-2] if kind[-2:] in ("1d", "2d", "3d") else kind
    weight = op.operand("weight")
    if flat in ("conv", "conv_transpose") and weight:
        return _conv(op, flat, weight)
    if flat in ("max_pool", "avg_pool"):
        size = op.setting("kernel_size")
        return Row(f"{_by(size)} {flat[:3]} pool", f"stride {_short(op.setting('stride') or size)}", family="pool")
    if flat in ("adaptive_avg_pool", "adaptive_max_pool"):
        return Row(f"{flat[9:12]} pool to {_by(op.setting('output_size'))}", family="pool")
    if kind == "linear" and weight:
        return Row("linear", note=f"{weight[1]} → {weight[0]}", family="weight")
    if kind == "multi_head_attention_forward":
        return Row("attention", note=f"{op.setting('num_heads')} heads", family="weight")
    if kind in _NORMS:
        return Row(_NORMS[kind], family="norm")
    if kind == "hardtanh" and op.setting("min_val") == 0 and op.setting("max_val") == 6:
        return Row("ReLU6", family="activation")
    if kind in _ACTIVATIONS:
        return Row(_ACTIVATIONS[kind], family="activation")
    if kind == "dropout":
        return Row(f"dropout {op.setting('p'):g}", "" if op.setting("training") else "off in eval")
    if kind in SIGNS and op.weights:
        return Row(f"{SIGNS[kind]} {op.weights[0].name.rpartition('.')[2]}")
    if kind in ("add", "mul", "sub", "div") and isinstance(number := op.setting("other"), int | float):
        sign = SIGNS[kind] if number >= 0 or kind not in ("add", "sub") else SIGNS["sub" if kind == "add" else "add"]
        number = abs(number) if kind in ("add", "sub") else number
        return Row(_minus(f"{sign} {number:.4g}"))
    return _rearranged(op, kind)


def _conv(op: Op, flat: str, weight: tuple[int, ...]) -> Row:
    groups, transposed = int(op.setting("groups", 1)), flat == "conv_transpose"
    into, out = (weight[0], weight[1] * groups) if transposed else (weight[1] * groups, weight[0])
    kind = "depthwise conv" if groups == into > 1 else "conv"
    how = [
        f"{word} {_short(op.setting(word))}" for word in ("stride", "dilation") if set(_each(op.setting(word))) != {1}
    ]
    title = f"{_by(weight[2:])} {'transposed ' if transposed else ''}{kind}"
    note = f"{into} → {out}" + (f", {groups} groups" if 1 < groups != into else "")
    return Row(title, ", ".join(how), note=note, family="weight")


def _rearranged(op: Op, kind: str) -> Row:
    if kind == "permute":
        return Row(f"permute {_list(op.setting('dims'))}", family="reshape")
    if kind in ("transpose", "swapaxes"):
        first, second = op.setting("dim0", op.setting("axis0")), op.setting("dim1", op.setting("axis1"))
        return Row(_minus(f"transpose {first} ↔ {second}"), family="reshape")
    if kind in ("chunk", "split"):
        return Row(f"{kind} into {len(op.outputs)}", family="reshape")
    if kind == "mean":
        return Row(f"mean over {_list(op.setting('dim', 'all'))}", family="pool")
    if kind == "getitem":
        return Row(_index(op.setting("index")), family="reshape")
    if kind in _RESHAPES:
        own = op.weights[0].name.rpartition(".")[2] if op.weights else ""
        return Row(f"{kind} {own}".strip(), family="reshape")
    return Row(_OTHERS.get(kind, kind.replace("_", " ")), family="weight" if op.weights else "other")


def _index(index: Any) -> str:
    """An index as the code has it; "[…]" where it is made of tensors."""

    def word(item: Any) -> str:
        if isinstance(item, slice):
            return ":".join("" if part is None else f"{part}" for part in (item.start, item.stop))
        return "..." if item is Ellipsis else f"{item}"

    items = index if isinstance(index, tuple) else (index,)
    plain = all(item is None or item is Ellipsis or isinstance(item, int | slice) for item in items)
    if index is None or len(items) > 5 or not plain:
        return "[…]"
    return _minus(f"[{', '.join(word(item) for item in items)}]")


def _each(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (1 if value is None else value,)


def _short(value: Any) -> str:
    """One number where all are equal."""
    each = _each(value)
    return f"{each[0]}" if len(set(each)) == 1 else _by(value)


def _by(value: Any) -> str:
    return "×".join(map(str, value)) if isinstance(value, tuple | list) else f"{value}×{value}"


def _list(value: Any) -> str:
    return _minus(", ".join(map(str, value))) if isinstance(value, tuple | list) else f"{value}"


def _minus(words: str) -> str:
    return words.replace("-", "−")
