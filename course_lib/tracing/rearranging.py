"""The arithmetic of ops that rearrange, pick or reduce: flatten, view, permute, chunk, mean, pad and their like."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course_lib.tracing.ops import Op, Shape

__all__ = ["order", "reason"]

Answer = tuple[str, "Shape"]


def reason(op: Op) -> Answer | None:
    """(formula, shape), or None where there is no rule."""
    shape = op.inputs[0] if op.inputs else op.operands[0].shape if op.operands else None
    if shape is None:
        return None
    kind = op.plain
    if kind in _REDUCTIONS:
        return _reduce(op, shape)
    if kind in ("permute", "transpose", "swapaxes", "t", "T", "mT"):
        to = order(op, len(shape))
        return f"dimensions {', '.join(map(str, to))} of {_x(shape)}", tuple(shape[d] for d in to)
    rule = {"flatten": _flatten, "view": _view, "reshape": _view, "expand": _expand, "chunk": _chunk, "stack": _stack,
            "unsqueeze": _unsqueeze, "squeeze": _squeeze, "pad": _pad, "getitem": _pick, "einsum": _einsum,
            "split": _chunk, "unbind": _unbind, "view_as": _view}.get(kind)  # fmt: skip
    return rule(op, shape) if rule else None


_REDUCTIONS = {"mean": "the mean", "sum": "the sum", "amax": "the largest", "amin": "the smallest"}


def _x(shape: Shape) -> str:
    return "×".join(map(str, shape))


def order(op: Op, rank: int) -> tuple[int, ...]:
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


def _flatten(op: Op, shape: Shape) -> Answer:
    first, last = op.setting("start_dim", 0) % max(len(shape), 1), op.setting("end_dim", -1) % max(len(shape), 1)
    middle = shape[first : last + 1]
    size = prod(middle)
    text = f"{'·'.join(map(str, middle))} = {size}" if len(middle) > 1 else "the shape stays"
    return text, (*shape[:first], size, *shape[last + 1 :])


def _view(op: Op, shape: Shape) -> Answer | None:
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


def _expand(op: Op, shape: Shape) -> Answer | None:
    sizes = op.setting("sizes")
    if sizes is None:
        return None
    own = (1,) * (len(sizes) - len(shape)) + shape
    out = tuple(n if size == -1 else size for n, size in zip(own, sizes, strict=True))
    return f"{_x(shape)} repeated to {_x(out)}", out


def _chunk(op: Op, shape: Shape) -> Answer:
    dim = op.setting("dim", 0) % len(shape)
    size = op.outputs[0][dim]
    sizes = " + ".join(str(one[dim]) for one in op.outputs)
    if op.plain == "chunk":
        size = -(-shape[dim] // int(op.setting("chunks")))
    elif isinstance(op.setting("split_size"), int):
        size = min(op.setting("split_size"), shape[dim])
    return f"{shape[dim]} = {sizes} (dimension {dim})", (*shape[:dim], size, *shape[dim + 1 :])


def _unbind(op: Op, shape: Shape) -> Answer:
    dim = op.setting("dim", 0) % len(shape)
    return f"{shape[dim]} slices of dimension {dim}", (*shape[:dim], *shape[dim + 1 :])


def _stack(op: Op, shape: Shape) -> Answer:
    dim = op.setting("dim", 0) % (len(shape) + 1)
    count = len(op.operands)
    return f"{count} tensors, in a new dimension {dim}", (*shape[:dim], count, *shape[dim:])


def _unsqueeze(op: Op, shape: Shape) -> Answer:
    dim = op.setting("dim") % (len(shape) + 1)
    return f"a new dimension {dim} of size 1", (*shape[:dim], 1, *shape[dim:])


def _squeeze(op: Op, shape: Shape) -> Answer:
    dim = op.setting("dim")
    dims = (
        range(len(shape))
        if dim is None
        else [d % len(shape) for d in (dim if isinstance(dim, tuple | list) else [dim])]
    )
    return "dimensions of size 1 are dropped", tuple(n for d, n in enumerate(shape) if d not in dims or n != 1)


def _reduce(op: Op, shape: Shape) -> Answer:
    dim: Any = op.setting("dim")
    dims = (
        range(len(shape))
        if dim is None
        else [d % len(shape) for d in (dim if isinstance(dim, tuple | list) else [dim])]
    )
    keep = bool(op.setting("keepdim", False))
    out = tuple(1 if d in dims else n for d, n in enumerate(shape) if keep or d not in dims)
    return f"{_REDUCTIONS[op.plain]} over {'·'.join(str(shape[d]) for d in dims)} = {prod(shape[d] for d in dims)}", out


def _pad(op: Op, shape: Shape) -> Answer:
    pads = op.setting("pad")
    texts: list[str] = []
    out = list(shape)
    for place in range(len(pads) // 2):
        front, back, dim = int(pads[2 * place]), int(pads[2 * place + 1]), len(shape) - 1 - place
        out[dim] = shape[dim] + front + back
        if front or back:
            texts.insert(0, f"{shape[dim]} + {front} + {back} = {out[dim]}")
    return "; ".join(texts) or "nothing to pad: the shape stays", tuple(out)


def _pick(op: Op, shape: Shape) -> Answer | None:
    if op.operand("index") is not None:
        return None
    index = op.setting("index")
    items = list(index) if isinstance(index, tuple) else [index]
    if not all(one is None or one is Ellipsis or isinstance(one, slice) or type(one) is int for one in items):
        return None
    used = sum(1 for one in items if one is not None and one is not Ellipsis)
    place = next((place for place, one in enumerate(items) if one is Ellipsis), len(items))
    items = items[:place] + [slice(None)] * (len(shape) - used) + items[place + 1 :]
    out, dim = [], 0
    for one in items:
        if one is None:
            out.append(1)
            continue
        if isinstance(one, slice):
            out.append(len(range(*one.indices(shape[dim]))))
        dim += 1
    return f"picked from {_x(shape)}", tuple(out)


def _einsum(op: Op, shape: Shape) -> Answer | None:
    equation = str(op.setting("equation")).replace(" ", "")
    if "->" not in equation or "." in equation:
        return None
    left, right = equation.split("->")
    sizes = {letter: n for letters, one in zip(left.split(","), op.operands, strict=True)
             for letter, n in zip(letters, one.shape, strict=True)}  # fmt: skip
    gone = "".join(letter for letter in sizes if letter not in right)
    text = (
        f"{equation}: {', '.join(f'{letter} = {sizes[letter]}' for letter in sizes)}; summed over {gone or 'nothing'}"
    )
    return text, tuple(sizes[letter] for letter in right)
