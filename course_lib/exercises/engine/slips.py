"""What an error in a learner's code often means, in a sentence of the course's words."""

from __future__ import annotations

import re
from typing import Any

from torch import nn

__all__ = ["said_of", "said_of_layer"]

#: How torch and Python complain of a layer that stands where a tensor should.
_LAYER_FOR_TENSOR = re.compile(
    r"got \((?P<a>\w+), |must be Tensor, not (?P<b>\w+)"
    r"|unsupported operand type\(s\) for \S+ (?:'Tensor' and )?'(?P<c>\w+)'"
    r"|'(?P<d>\w+)' object has no attribute '(?:dim|size|shape|view|flatten|reshape|mean|relu)'"
)
_AS_FUNCTION = {"ReLU": "torch.relu(x)", "Sigmoid": "torch.sigmoid(x)", "Tanh": "torch.tanh(x)"}


def said_of(problem: BaseException) -> str:
    """The sentence for an error, or "" where none is known.

    Example:
        >>> said_of(TypeError("relu(): argument 'input' (position 1) must be Tensor, not ReLU"))
        'nn.ReLU(x) makes a layer of x; use torch.relu(x), or nn.ReLU() made in __init__.'
    """
    if not isinstance(problem, (TypeError, AttributeError)):
        return ""
    try:
        words = str(problem)
    except Exception:
        return ""
    if re.match(r"(list|tuple|generator|\S*<genexpr>|\S*<listcomp>) is not a Module subclass", words):
        return "nn.Sequential takes the layers one by one: nn.Sequential(*layers), with the star."
    made = re.match(r"(\w+)\.__init__\(\) takes 1 positional argument but 2 were given", words)
    if made and made[1] in _AS_FUNCTION:  # nn.Sigmoid(x) refuses x; nn.ReLU(x) takes it for its inplace
        return _layer(made[1])
    if found := _LAYER_FOR_TENSOR.search(words):
        return _layer(next(name for name in found.groups() if name))
    return ""


def said_of_layer(value: Any) -> str:
    """The sentence for a value that is a layer, where a tensor should be; "" where it is none.

    Example:
        >>> said_of_layer(nn.BatchNorm2d(8))
        'a layer, BatchNorm2d, stands where a tensor should: call it, as in self.bn1(x).'
        >>> said_of_layer(3)
        ''
    """
    return _layer(type(value).__name__) if isinstance(value, nn.Module) else ""


def _layer(name: str) -> str:
    if name in _AS_FUNCTION:
        return f"nn.{name}(x) makes a layer of x; use {_AS_FUNCTION[name]}, or nn.{name}() made in __init__."
    kind = vars(nn).get(name)
    if isinstance(kind, type) and issubclass(kind, nn.Module):
        return f"a layer, {name}, stands where a tensor should: call it, as in self.bn1(x)."
    return ""
