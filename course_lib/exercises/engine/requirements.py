"""What an answer must be: each ``need_…`` function and ``same_tensor`` raise ``Wrong`` with a sentence for the learner.

Checks ask in this order: type, then shape, then dtype, then value. They look at ``plain`` values, because a subclass
may give any answer when it is compared. ``call`` runs a learner's function and turns any error into such a sentence;
common slips (a layer where a tensor should be) are recognised by their error message.
"""

from __future__ import annotations

import operator
import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.exercises.engine.time_limit import TooLong

__all__ = [
    "Wrong",
    "call",
    "described",
    "need_bool",
    "need_choice",
    "need_class",
    "need_function",
    "need_number",
    "need_shape",
    "need_tensor",
    "plain",
    "same_tensor",
]


class Wrong(Exception):
    """Carries the sentence for a wrong answer out of a nested check."""


def described(problem: BaseException) -> str:
    """An error's type and the first line of its message; a learner's error may raise when it is printed."""
    try:
        words = str(problem)
    except (KeyboardInterrupt, TooLong):
        raise
    except BaseException:
        words = ""
    first = words.strip().splitlines()[0][:200] if words.strip() else ""
    return type(problem).__name__ + (f" ({first})" if first else "")


def plain(value: Any) -> Any:
    """A value without what a learner's subclass makes of it: numbers, words, arrays, tensors, and those in containers.

    Args:
        value: anything; a value of another kind is given back as it is.

    Raises:
        Wrong: a tensor whose class decides what every operation on it gives.

    Example:
        >>> class Liar(int):
        ...     def __eq__(self, other):
        ...         return True
        >>> plain([Liar(3)]) == [4], plain({"a": Liar(3)})
        (False, {'a': 3})
    """
    kind = type(value)
    if issubclass(kind, Tensor):
        if kind.__torch_dispatch__ != Tensor.__torch_dispatch__:
            raise Wrong(f"Return a plain tensor, not one of the class {kind.__name__[:40]}.")
        if kind in (Tensor, nn.Parameter):
            return value
        with torch._C.DisableTorchFunctionSubclass():
            return Tensor.as_subclass(value, Tensor)
    if issubclass(kind, np.ndarray):
        return value if kind is np.ndarray else np.ndarray.view(value, np.ndarray)
    for base, as_plain in _PLAIN.items():
        if issubclass(kind, base):
            return value if kind is base else as_plain(value)
    if issubclass(kind, (list, tuple)):
        base = list if issubclass(kind, list) else tuple
        items = [plain(item) for item in base.__iter__(value)]
        kept = kind in (list, tuple, torch.Size) and all(map(operator.is_, items, value))
        return value if kept else base(items)
    if issubclass(kind, (set, frozenset)):
        group = set if issubclass(kind, set) else frozenset
        members = [plain(item) for item in group.__iter__(value)]
        return value if kind is group and all(map(operator.is_, members, value)) else group(members)
    if issubclass(kind, dict):
        pairs = [(plain(key), plain(item)) for key, item in dict.items(value)]
        same = all(
            key is old and item is before for (key, item), (old, before) in zip(pairs, dict.items(value), strict=True)
        )
        kept = kind in (dict, OrderedDict) and same
        return value if kept else dict(pairs)
    return value


#: A builtin class → the plain value of one of its subclasses.
_PLAIN: dict[type, Callable[[Any], Any]] = {
    bool: bool, int: int.__int__, float: float.__float__, complex: complex.__complex__, str: str.__str__,
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
}  # fmt: skip


def call(function: Callable[..., Any], *arguments: Any, case: str) -> Any:
    """Call a learner's function, class or module.

    Args:
        function: the learner's.
        arguments: what it is given.
        case: the case in words, such as "a picture of 320×240".

    Returns:
        what it gives, as a ``plain`` value.

    Raises:
        Wrong: with a sentence, whatever the function raised.
    """
    try:
        value = function(*arguments)
    except (KeyboardInterrupt, TooLong):
        raise
    except BaseException as problem:
        if sentence := _slip_of(problem):
            raise Wrong(f"On {case}: {sentence}") from problem
        noun = "class" if isinstance(function, type) else "module" if isinstance(function, nn.Module) else "function"
        raise Wrong(f"On {case} your {noun} raised {described(problem)}.") from problem
    return plain(value)


# -- type, then shape, then dtype, then value -------------------------------------------------------------------------
def need_function(answer: Any) -> None:
    """The answer must be callable."""
    if not callable(answer) or isinstance(answer, type):
        raise Wrong(f"The answer is a function, but you gave a value of type {type(answer).__name__}.")


def need_class(answer: Any) -> None:
    """The answer must be something that makes a module: a class, or a function."""
    if isinstance(answer, nn.Module):
        raise Wrong("You gave a module that is already made: give the class itself, without brackets after it.")
    if not callable(answer):
        raise Wrong(f"The answer is a class, but you gave a value of type {type(answer).__name__}.")


def need_choice(answer: Any, options: str) -> frozenset[str]:
    """The answer must be some of these letters: "AC", "a, c", "A and C", {"A", "C"} or ["A", "C"]; "" for none."""
    example = f'"{options[1:3]}"'  # not the answer of any exercise, which the tests see to
    if isinstance(answer, str):
        answer = list(re.sub(r"\band\b|[\s,;&+]", "", answer, flags=re.IGNORECASE))
    if not isinstance(answer, (list, tuple, set, frozenset)) or not all(isinstance(letter, str) for letter in answer):
        raise Wrong(f"The answer is a word of letters, such as {example}, not a value of type {type(answer).__name__}.")
    chosen = frozenset(letter.strip().upper() for letter in answer)
    if unknown := sorted(chosen - set(options)):
        told = f"{unknown[0][:20]!r} isn't one of the letters from {options[0]} to {options[-1]}."
        raise Wrong(f"{told} Write only letters, such as {example}.")
    return chosen


def need_bool(value: Any, *, case: str) -> bool:
    """A value must be True or False."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    shown = f"{value} of type int" if isinstance(value, int) else f"a value of type {type(value).__name__}"
    raise Wrong(f"On {case} your function should return True or False, not {shown}.")


def need_number(answer: Any, *, whole: bool = False) -> float:
    """The answer must be a number, and a finite one."""
    answer = plain(answer)
    if isinstance(answer, Tensor) and answer.numel() == 1 and not answer.is_meta:
        answer = answer.item()
    if isinstance(answer, (np.generic, np.ndarray)) and answer.size == 1:
        answer = answer.item()
    if isinstance(answer, bool) or not isinstance(answer, (int, float)):
        raise Wrong(f"The answer is a number, but you gave a value of type {type(answer).__name__}.")
    if isinstance(answer, int) and abs(answer) > 10**15:
        raise Wrong("The answer is a number, but not one with more than 15 digits.")
    if answer != answer or answer in (float("inf"), float("-inf")):
        raise Wrong(f"The answer is a finite number, not {answer}.")
    if whole and answer != int(answer):
        raise Wrong(f"The answer is a whole number, not {answer}.")
    return answer


def need_shape(answer: Any) -> tuple[int, ...]:
    """The answer must be a shape: a tuple of whole numbers."""
    if not isinstance(answer, (tuple, list, torch.Size)):
        raise Wrong(f"The answer is a shape, such as (1, 3), but you gave a value of type {type(answer).__name__}.")
    if not all(isinstance(n, int) and not isinstance(n, bool) for n in answer):
        raise Wrong("A shape holds whole numbers only.")
    return tuple(answer)


def need_tensor(value: Any, shape: tuple[int, ...], *, case: str, dtype: torch.dtype | None = torch.float32) -> Tensor:
    """A value must be a tensor of this shape and dtype."""
    value = plain(value)
    if not isinstance(value, Tensor):
        if sentence := _slip_of_layer(value):
            raise Wrong(f"On {case} your code should return a tensor: {sentence}")
        told = f"On {case} your code should return a tensor, but it returned"
        raise Wrong(f"{told} nothing: is the return missing?" if value is None else f"{told} {type(value).__name__}.")
    if value.device.type != "cpu":
        raise Wrong(f"On {case} the result is on the device {value.device}; it should stay on the input's, the cpu.")
    if tuple(value.shape) != shape:
        raise Wrong(f"On {case} the shape should be {shape}, but it is {tuple(value.shape)}.")
    if dtype is not None and value.dtype != dtype:
        raise Wrong(f"On {case} the dtype should be {dtype}, but it is {value.dtype}.")
    return value


def same_tensor(value: Tensor, truth: Tensor, *, case: str, tolerance: float = 0.0) -> None:
    """Values must agree, exactly or within a stated tolerance."""
    if tolerance == 0 and torch.equal(value, truth):
        return
    gap = float((value.double() - truth.double()).abs().max()) if value.numel() else 0.0
    if not gap <= tolerance or tolerance == 0:
        allowed = "they should be equal" if tolerance == 0 else f"at most {tolerance:g} is allowed"
        raise Wrong(f"On {case} shape and dtype are right, but values differ by up to {gap:.3g}; {allowed}.")


# -- what an error in a learner's code often means -----------------------------------------------------------------
#: How torch and Python complain of a layer that stands where a tensor should.
_LAYER_FOR_TENSOR = re.compile(
    r"got \((?P<a>\w+), |must be Tensor, not (?P<b>\w+)"
    r"|unsupported operand type\(s\) for \S+ (?:'Tensor' and )?'(?P<c>\w+)'"
    r"|'(?P<d>\w+)' object has no attribute '(?:dim|size|shape|view|flatten|reshape|mean|relu)'"
)
_AS_FUNCTION = {"ReLU": "torch.relu(x)", "Sigmoid": "torch.sigmoid(x)", "Tanh": "torch.tanh(x)"}


def _slip_of(problem: BaseException) -> str:
    """The sentence for an error, or "" where none is known.

    Example:
        >>> _slip_of(TypeError("relu(): argument 'input' (position 1) must be Tensor, not ReLU"))
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
    if match := _LAYER_FOR_TENSOR.search(words):
        return _layer(next(name for name in match.groups() if name))
    return ""


def _slip_of_layer(value: Any) -> str:
    """The sentence for a value that is a layer, where a tensor should be; "" where it is none.

    Example:
        >>> _slip_of_layer(nn.BatchNorm2d(8))
        'a layer, BatchNorm2d, stands where a tensor should: call it, as in self.bn1(x).'
        >>> _slip_of_layer(3)
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
