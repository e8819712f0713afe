"""Errors of calls: a class in place of an object, arguments that are missing, unknown or too many, no brackets."""

from __future__ import annotations

import ast
import inspect
import re
from difflib import get_close_matches
from types import FunctionType
from typing import Any

from torch import Tensor, nn

from course_lib.clinic.diagnosis import Diagnosis
from course_lib.clinic.statements import source_of
from course_lib.clinic.tracebacks import RaisedError

__all__ = [
    "class_for_object",
    "keyword",
    "missing_argument",
    "needed",
    "positional",
    "subscript_of_model",
    "uncalled_method",
]


def needed(kind: Any) -> list[str]:
    """The arguments that a class or function cannot do without."""
    try:
        parameters = inspect.signature(kind).parameters.values()
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [one.name for one in parameters if one.default is one.empty and one.kind in kinds]


def class_for_object(raised: RaisedError) -> Diagnosis | None:
    """A class, or a model's builder, used where an object of it is wanted."""
    source = raised.statement
    if source is None:
        return None
    for node in source.nodes(ast.Attribute):
        value = raised.value(node.value)
        if isinstance(value, FunctionType) and value.__module__.startswith("torchvision.models") and (
            hasattr(nn.Module, node.attr)
        ):  # fmt: skip
            name = source.segment(node.value)
            what = f"{name} is the function that builds a model; call it to get one."
            return raised.diagnosis("builder instead of a model", what, source.rewritten((node.value, f"{name}()")))
        if isinstance(value, type) and issubclass(value, nn.Module) and hasattr(nn.Module, node.attr):
            if node.attr.startswith("__"):
                continue
            name = source.segment(node.value)
            objects = [key for key, one in raised.instances(nn.Module) if type(one) is value]
            what = f"{name} is a class; {node.attr} belongs to an object of it."
            code = objects[0] if len(objects) == 1 else (f"{name}()" if not needed(value) else "")
            code = source.rewritten((node.value, code)) if code else ""
            return raised.diagnosis("class instead of a model", what, code)
    return None


def positional(raised: RaisedError) -> Diagnosis | None:
    """ "takes 1 positional argument but 2 were given": no self in a method, or a class called with data."""
    pattern = r"(?:(\w+)\.)?(\w+)\(\) takes (?:from )?(\d+).* positional arguments? but (\d+) (?:was|were) given"
    match = re.match(pattern, raised.message)
    source = raised.statement
    if match is None or source is None:
        return None
    kind, method, takes, got = match.groups()
    if method == "__init__" and raised.direct:
        for call in source.calls():
            value = raised.value(call.func)
            data = [raised.value(argument) for argument in call.args]
            if isinstance(value, type) and issubclass(value, nn.Module) and any(isinstance(x, Tensor) for x in data):
                name = source.segment(call.func)
                what = f"{name} is a class, and it got a tensor as if it were a model: build the model first."
                code = source.rewritten((call.func, f"{name}()")) if not needed(value) else ""
                return raised.diagnosis("class instead of a model", what, code)
    owner = _class_of(raised, kind)
    function = vars(owner).get(method) if owner else None
    if int(got) == int(takes) + 1 and isinstance(function, FunctionType):
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        found = source_of(function)
        if found and (not names or names[0] not in ("self", "cls")):
            head = found[0].text.splitlines()[0].strip()
            code = re.sub(r"\(\s*", "(self, " if names else "(self", head, count=1)
            what = f"{method} of {kind} has no self, which Python passes to every method first."
            return raised.diagnosis("method without self", what, code, f"Instead of {head}")
    return None


def _class_of(raised: RaisedError, name: str | None) -> type | None:
    """The learner's class of that name."""
    for frame, _ in reversed(raised.frames):
        module = frame.f_locals.get("self")
        for kind in type(module).__mro__ if module is not None else ():
            if kind.__name__ == name:
                return kind
    return next((value for key, value in raised.names() if isinstance(value, type) and value.__name__ == name), None)


def missing_argument(raised: RaisedError) -> Diagnosis | None:
    """A layer that was not told its sizes; a method that was called on the class."""
    match = re.match(r"(?:(\w+)\.)?(\w+)\(\) missing (\d+) required positional arguments?: (.+)", raised.message)
    source = raised.statement
    if match is None or source is None or not raised.direct:
        return None
    kind, method, _, names = match.groups()
    wanted = re.findall(r"'(\w+)'", names)
    for call in source.calls():
        value = raised.value(call.func)
        if method == "__init__" and isinstance(value, type) and value.__name__ == kind:
            if not value.__module__.startswith("torch.nn"):
                return None
            what = f"nn.{kind} needs {' and '.join(wanted)}."
            code = ""
            if wanted == ["kernel_size"]:
                last = [*call.args, *(keyword.value for keyword in call.keywords)][-1]
                code = source.rewritten((last, f"{source.segment(last)}, kernel_size=3"))
            return raised.diagnosis("layer without a size", what, code, "3 is the usual choice." if code else "")
        function = call.func
        if not isinstance(function, ast.Attribute) or function.attr != method:
            continue
        owner = raised.value(function.value)
        if isinstance(owner, type) and issubclass(owner, nn.Module):
            name = source.segment(function.value)
            objects = [key for key, one in raised.instances(nn.Module) if type(one) is owner]
            made = objects[0] if len(objects) == 1 else (f"{name}()" if not needed(owner) else "")
            code = source.rewritten((function.value, made)) if made else ""
            what = f"{name} is a class; {method} must be called on an object of it."
            return raised.diagnosis("class instead of a model", what, code)
    return None


def keyword(raised: RaisedError) -> Diagnosis | None:
    """A keyword that PyTorch's or torchvision's function does not know, and one like it."""
    match = re.match(r"(?:.*\.)?(\w+)\(\) got an unexpected keyword argument '(\w+)'", raised.message)
    source = raised.statement
    if match is None or source is None:
        return None
    name = match.group(2)
    for call in source.calls():
        keywords = [one for one in call.keywords if one.arg == name]
        function = raised.value(call.func)
        home = getattr(function, "__module__", "") or ""
        if not keywords or not callable(function) or not home.startswith(("torch.", "torchvision.")):
            continue
        known: list[str] = []
        for frame_function in (function, *_called(raised)):
            try:
                known += list(inspect.signature(frame_function).parameters)
            except (TypeError, ValueError):
                continue
        if isinstance(function, type):
            known += [
                key
                for kind in function.__mro__
                if kind is not object
                for key in _parameters(vars(kind).get("__init__"))
            ]
        near = get_close_matches(name, [key for key in known if key not in ("self", "kwargs", "args")], 1, 0.75)
        if near:
            what = f"{source.segment(call.func)} has no {name}; it has {near[0]}."
            text = source.segment(keywords[0].value)
            return raised.diagnosis("keyword under a different name", what,
                                    source.rewritten((keywords[0], f"{near[0]}={text}")))  # fmt: skip
    return None


def _called(raised: RaisedError) -> list[Any]:
    """The constructors of torchvision that a builder hands its keywords on to."""
    match = re.match(r"(\w+)\.__init__\(\)", raised.message)
    home = raised.frames[-1][0].f_globals
    kind = home.get(match.group(1)) if match else None
    return [kind] if isinstance(kind, type) else []


def _parameters(function: Any) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return []


def uncalled_method(raised: RaisedError) -> Diagnosis | None:
    """``model.parameters`` without its brackets, where its result is wanted."""
    source = raised.statement
    called = {id(call.func) for call in source.calls()} if source else set()
    for node in source.nodes(ast.Attribute) if source else ():
        value = raised.value(node)
        if source and id(node) not in called and inspect.ismethod(value) and isinstance(value.__self__, nn.Module):
            text = source.segment(node)
            what = f"{text} is a method; with brackets, {text}(), it returns what you want."
            return raised.diagnosis("method without brackets", what, source.rewritten((node, f"{text}()")))
        if source and id(node) not in called and isinstance(raised.value(node.value), Tensor) and node.attr == "size":
            what = f"{source.segment(node)} is a method; its sizes come with brackets, or as .shape."
            code = source.rewritten((node, f"{source.segment(node.value)}.shape"))
            return raised.diagnosis("method without brackets", what, code)
    return None


def subscript_of_model(raised: RaisedError) -> Diagnosis | None:
    """``model[0]`` or ``for layer in model`` of a module that isn't a Sequential; an index beyond its end."""
    source = raised.statement
    if source is None:
        return None
    for node in source.nodes(ast.Subscript):
        owner, key, text = raised.value(node.value), raised.value(node.slice), source.segment(node.value)
        if isinstance(owner, nn.Sequential) and isinstance(key, int) and not -len(owner) <= key < len(owner):
            what = f"{text} has {len(owner)} layers, 0 to {len(owner) - 1}, and this asks for {key}."
            linear = [place for place, layer in enumerate(owner) if isinstance(layer, nn.Linear | nn.Conv2d)]
            code, why = "", ""
            if linear:
                others = [n for n in source.nodes(ast.Subscript) if ast.unparse(n) == ast.unparse(node)]
                code = source.rewritten(*((n, f"{text}[{linear[-1]}]") for n in others))
                why = f"{text}[{linear[-1]}] is its last layer with weights, {type(owner[linear[-1]]).__name__}."
            return raised.diagnosis("layer beyond a Sequential's end", what, code, why)
        if isinstance(owner, nn.Module) and not isinstance(owner, nn.Sequential | nn.ModuleList | nn.ModuleDict):
            what = f"{text} is a {type(owner).__name__}, whose layers have names, not numbers."
            code = source.rewritten((node.value, f"list({text}.children())"))
            names = ", ".join(list(owner._modules)[:4])
            return raised.diagnosis("module used as a list", what, code, f"Or by name: {text}.…, with {names}.")
    for node in source.nodes(ast.For, ast.comprehension, ast.Starred):
        part = node.value if isinstance(node, ast.Starred) else node.iter
        owner, text = raised.value(part), source.segment(part)
        if isinstance(owner, nn.Module):
            what = f"{text} is a {type(owner).__name__}, but you can only loop over a Sequential or a ModuleList."
            return raised.diagnosis("module used as a list", what, source.rewritten((part, f"{text}.children()")))
    return None
