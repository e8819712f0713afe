"""Errors of a tensor's dimensions: one that it does not have, view and permute, tensors that are to be joined."""

from __future__ import annotations

import ast
import re
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from course_lib.clinic.diagnosis import Diagnosis
from course_lib.clinic.tracebacks import MISSING, RaisedError
from course_lib.tracing.mismatches import Party

__all__ = [
    "dimension",
    "joined",
    "permuted",
    "shape_called",
    "tensor_shape",
    "top_k",
    "view",
]


def tensor_shape(raised: RaisedError, node: ast.AST, text: str) -> list[Party]:
    value = raised.value(node)
    return [Party(text, tuple(value.shape))] if isinstance(value, Tensor) else []


def dimension(raised: RaisedError) -> Diagnosis | None:
    """A dimension that a tensor does not have: ``softmax(1)`` of one picture's output."""
    match = re.search(r"range of \[(-?\d+), (-?\d+)\], but got (-?\d+)", raised.message)
    source = raised.statement
    if match is None or source is None or not raised.direct:
        return None
    most, asked = int(match.group(2)), int(match.group(3))
    nodes = [
        node
        for call in source.calls()
        for node in (*call.args, *(keyword.value for keyword in call.keywords if keyword.arg in ("dim", "axis")))
        if isinstance(node, ast.Constant) and type(node.value) is int and node.value == asked
    ]
    if len(nodes) != 1 or most < 0:
        return None
    count = most + 1
    what = f"The tensor has {count} dimension{'s' if count > 1 else ''}, {-count} to {most}, and dimension "
    what += f"{asked} was asked for."
    why = "-1 is the last one, with or without a batch. Did [0] or squeeze() remove the batch?"
    return raised.diagnosis("no such dimension", what, source.rewritten((nodes[0], "-1")), why)


def top_k(raised: RaisedError) -> Diagnosis | None:
    """``topk(5)`` of fewer classes."""
    source = raised.statement
    call = next(source.calls("topk"), None) if source else None
    if source is None or call is None or not isinstance(call.func, ast.Attribute):
        return None
    of_torch = raised.value(call.func.value) is torch
    values = call.args[1:] if of_torch else call.args
    node = next(iter([*values[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "k")]), None)
    data = raised.value(call.args[0] if of_torch and call.args else call.func.value)
    count = data.shape[-1] if isinstance(data, Tensor) and data.dim() else 0
    if not count:
        models = {
            id(model): [layer.out_features for layer in model.modules() if isinstance(layer, nn.Linear)][-1:]
            for _, model in raised.instances(nn.Module)
        }
        counts = [sizes[0] for sizes in models.values() if sizes]
        count = counts[0] if len(counts) == 1 else 0
    if node is None or not count:
        return None
    what = f"topk({source.segment(node)}) expects more than there is: the model has {count} classes."
    code = source.rewritten((node, f"min({source.segment(node)}, {count})"))
    return raised.diagnosis("topk of too few classes", what, code)


def view(raised: RaisedError) -> Diagnosis | None:
    """``view`` of a tensor whose numbers do not lie in order."""
    source = raised.statement
    calls = [call for call in source.calls("view") if isinstance(call.func, ast.Attribute)] if source else []
    if source is None or len(calls) != 1:
        return None
    function: Any = calls[0].func
    what = "view only relabels the numbers as they lie in memory, and after permute or transpose they are in "
    what += "a different order."
    code = source.rewritten((function, f"{source.segment(function.value)}.reshape"))
    why = "reshape copies them where it must. It does not exchange dimensions: that is permute."
    text = source.segment(function.value)
    return raised.diagnosis("view of numbers out of order", what, code, why, tensor_shape(raised, function.value, text))


def permuted(raised: RaisedError) -> Diagnosis | None:
    """``permute`` with as many numbers as a picture has dimensions, of a batch; or the other way round."""
    source = raised.statement
    match = re.search(r"input\.dim\(\) = (\d+) is not equal to len\(dims\) = (\d+)", raised.message)
    calls = [call for call in source.calls("permute") if isinstance(call.func, ast.Attribute)] if source else []
    if source is None or match is None or len(calls) != 1 or not raised.direct or raised.modules:
        return None
    has, given = int(match.group(1)), int(match.group(2))
    call: Any = calls[0]
    order = [raised.value(node) for node in call.args]
    if not all(isinstance(place, int) for place in order):
        return None
    what = f"permute got an order for {given} dimensions, and the tensor has {has}"
    text = source.segment(call.func.value)
    shapes = tensor_shape(raised, call.func.value, text)
    if (has, given) == (4, 3):
        new = [0, *(place + 1 for place in order)]
        what += ": it is a batch."
    elif (has, given) == (3, 4) and order[0] == 0:
        new = [place - 1 for place in order[1:]]
        what += ": it is one picture."
    else:
        return raised.diagnosis("order for the wrong number of dimensions", f"{what}.", shapes=shapes)
    code = source.rewritten((call, f"{text}.permute({', '.join(map(str, new))})"))
    return raised.diagnosis("order for the wrong number of dimensions", what, code, "", shapes)


def shape_called(raised: RaisedError) -> Diagnosis | None:
    """``x.shape()`` and ``x.shape(0)``."""
    source = raised.statement
    for call in source.calls("shape") if source else ():
        value = raised.value(call.func)
        if source and isinstance(value, torch.Size | tuple):
            text = source.segment(call.func)
            index = f"[{source.segment(call.args[0])}]" if call.args else ""
            what = f"{text} is a value, not a method: it takes no brackets; x.size() is the method."
            return raised.diagnosis("shape called like a function", what, source.rewritten((call, f"{text}{index}")))
    return None


def joined(raised: RaisedError) -> Diagnosis | None:
    """``torch.cat(a, b)`` and ``torch.stack(picture)``: something other than a list of tensors."""
    source = raised.statement
    for call in source.calls("cat", "stack", "concat") if source else ():
        if source is None or not isinstance(call.func, ast.Attribute) or raised.value(call.func.value) is not torch:
            continue
        values = [raised.value(node) for node in call.args]
        name = f"torch.{call.func.attr}"
        if len(values) >= 2 and all(isinstance(value, Tensor) for value in values[:2]):
            tensors = [node for node, value in zip(call.args, values, strict=True) if isinstance(value, Tensor)]
            rest = [source.segment(node) for node in call.args[len(tensors) :]]
            rest += [source.segment(keyword) for keyword in call.keywords]
            inside = ", ".join([f"[{', '.join(map(source.segment, tensors))}]", *rest])
            what = f"{name} expects one list of tensors, and it got them one by one."
            return raised.diagnosis("tensors outside a list", what, source.rewritten((call, f"{name}({inside})")))
        given = values[0] if values else MISSING
        if isinstance(given, list | tuple) and not given:
            what = f"{source.segment(call.args[0])} is empty: there is no tensor to put together."
            return raised.diagnosis("empty list of tensors", what, "", "Did the loop that fills it run at all?")
        if isinstance(given, list | tuple):
            kind = next((type(part) for part in given if not isinstance(part, Tensor)), None)
            node = call.args[0]
            text = source.segment(node)
            if kind is None:
                return None
            what = f"{text} holds things of type {kind.__name__}, and {name} puts tensors together."
            code = ""
            if issubclass(kind, Image.Image):
                to = raised.spelled("torchvision.transforms.functional", "to_tensor")
                code = source.rewritten((node, f"[{to}(picture) for picture in {text}]"))
            elif kind is np.ndarray:
                code = source.rewritten((node, f"[torch.from_numpy(array) for array in {text}]"))
            elif kind in (int, float) and call.func.attr in ("stack", "cat"):
                code = source.rewritten((call, f"torch.tensor({text})"))
            return raised.diagnosis("list of things that aren't tensors", what, code)
    return None
