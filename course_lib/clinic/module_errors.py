"""Errors of writing modules: constructors, attributes, forward, and what a container holds.

Where the mistake is in a class, its source is read, and the repair is the line to put instead of the one in the class.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from difflib import get_close_matches
from types import FunctionType
from typing import Any

from torch import Tensor, nn

from course_lib.clinic.call_errors import needed
from course_lib.clinic.diagnosis import Diagnosis
from course_lib.clinic.statements import name_of_call, source_of
from course_lib.clinic.tracebacks import RaisedError, attribute
from course_lib.models.checkpoints import fitting

__all__ = [
    "assigned_to_module",
    "called_list",
    "missing_attribute",
    "no_forward",
    "no_super_init",
    "not_a_layer",
    "state_dict_as_model",
    "wrong_super",
]


# The constructor.


def no_super_init(raised: RaisedError) -> Diagnosis | None:
    """A layer was assigned before ``super().__init__()``."""
    space = raised.variables_of("__init__")
    owner = space.get("self") if space else None
    source = raised.statement
    if source is None or not isinstance(owner, nn.Module):
        return None
    kind = type(owner).__name__
    what = f"{kind}'s __init__ assigns a layer before super().__init__() has run, which prepares the module for layers."
    found = source_of(type(owner).__init__)
    if found and any(
        isinstance(node, ast.Expr) and ast.unparse(node) == "super().__init__" for node in ast.walk(found[1])
    ):
        what += " super().__init__ is there, but without the brackets that call it."
    why = f"The first line of __init__ in every nn.Module; add it before the layers of {kind}."
    return raised.diagnosis("no super().__init__()", what, f"super().__init__()\n{source.text}", why)


def wrong_super(raised: RaisedError) -> Diagnosis | None:
    """``super(Net, self)`` where self isn't a Net."""
    source = raised.statement
    call = next((call for call in source.calls("super") if call.args), None) if source else None
    if source is None or call is None:
        return None
    what = f"{source.segment(call)} names a different class from the one being built: it was renamed, or the cell "
    what += "that defines it has been run again since."
    return raised.diagnosis("super() of a different class", what, source.rewritten((call, "super()")))


def assigned_to_module(raised: RaisedError) -> Diagnosis | None:
    """A tensor, or a class, assigned to the name of a layer or of a parameter."""
    source = raised.statement
    node = source.tree.body[0] if source else None
    match = re.match(r"cannot assign '(.+)' (?:object )?(?:as|to) (child module|parameter) '(\w+)'", raised.message)
    if source is None or match is None or not isinstance(node, ast.Assign):
        return None
    given, kind, name = match.groups()
    value = raised.value(node.value)
    if kind == "parameter" and "Tensor" in given:
        what = f"{name} is a parameter of the module, and only an nn.Parameter can take its place; this is a tensor."
        code = source.rewritten(
            (node.value, f"{raised.spelled('torch.nn', 'Parameter')}({source.segment(node.value)})")
        )
        return raised.diagnosis("tensor instead of a parameter", what, code)
    what = f"{name} is a layer of the module, and only a module can take its place; this is "
    if isinstance(value, type) and issubclass(value, nn.Module):
        made = source.rewritten((node.value, f"{source.segment(node.value)}()"))
        code = made if not needed(value) else ""
        return raised.diagnosis(
            "class instead of a layer", f"{what}a class, without the brackets that build one.", code
        )
    return raised.diagnosis("something else instead of a layer", f"{what}{given}.")


# Attributes.


def missing_attribute(raised: RaisedError) -> Diagnosis | None:
    """An attribute that a module lacks: forgotten self, a typing error, another model's head, a wrapper's."""
    owner, name = getattr(raised.error, "obj", None), getattr(raised.error, "name", "") or ""
    if not isinstance(owner, nn.Module) or not name or not raised.raised_in("torch/nn/modules/module.py"):
        return None
    kind = type(owner)
    what = f"{kind.__name__} has no {name}"
    if "_modules" not in vars(owner):  # its nn.Module part was never built
        return no_super_init(raised)
    net = raised.name_of(owner, "self")
    if isinstance(owner, nn.DataParallel) and hasattr(owner.module, name):
        code = _with_attribute(raised, name, f"module.{name}")
        return raised.diagnosis("attribute behind DataParallel", f"{what}; the model inside it, .module, has.", code)
    for wrong, function in vars(kind).items():
        if isinstance(function, FunctionType) and wrong in (
            "_init_",
            "__int__",
            "__init",
            "init",
            "__inti__",
            "_init__",
        ):
            found = source_of(function)
            head = found[0].text.splitlines()[0].strip() if found else ""
            what += f": its constructor is called {wrong}, so PyTorch never runs it."
            code = head.replace(wrong, "__init__", 1)
            return raised.diagnosis("constructor under a different name", what, code, f"Instead of {head}")
    found = source_of(kind.__init__) if not kind.__module__.startswith("torch") else None
    if found is not None:
        for node in found[0].nodes(ast.Assign):
            if len(node.targets) == 1 and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
                code = found[0].rewritten((node.targets[0], f"self.{name}"), within=node)
                what += ": __init__ puts it into a local variable, which is gone when __init__ ends. "
                why = f"Instead of {found[0].segment(node)}"
                return raised.diagnosis("forgotten self", f"{what.rstrip()}", code, why)
    heads = _head(owner) if name in ("fc", "classifier", "head", "heads") else None
    if heads is not None:
        return _other_head(raised, owner, net, name, heads)
    own = [
        key for key in (*owner._modules, *owner._parameters, *owner._buffers, *vars(owner)) if not key.startswith("_")
    ]
    methods = [key for key in dir(kind) if not key.startswith("_")]
    near = get_close_matches(name, own, 1, 0.6) or get_close_matches(name, methods, 1, 0.75)
    if near:
        code = _with_attribute(raised, name, near[0])
        return raised.diagnosis("attribute under a different name", f"{what}, but it has {near[0]}.", code)
    if isinstance(owner, nn.Sequential) and len(owner):
        what += (
            f": the layers of a Sequential have numbers, {net}[0] to {net}[{len(owner) - 1}], unless they were named."
        )
        return raised.diagnosis("named layer of a Sequential", what)
    return None


def _with_attribute(raised: RaisedError, name: str, other: str) -> str:
    """The learner's statement with an attribute renamed."""
    source = raised.statement
    nodes = [node for node in source.nodes(ast.Attribute) if node.attr == name] if source else []
    if source is None or not nodes:
        return ""
    return source.rewritten(*((node, f"{source.segment(node.value)}.{other}") for node in nodes))


def _head(model: nn.Module) -> tuple[str, nn.Module] | None:
    """(path, module) of a classifier's last layer."""
    layers = [(path, module) for path, module in model.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    return layers[-1] if layers else None


def _other_head(raised: RaisedError, owner: nn.Module, net: str, name: str, head: tuple[str, nn.Module]) -> Diagnosis:
    path, layer = head
    right, source = attribute(net, path), raised.statement
    what = f"{type(owner).__name__} has no {name}: its last layer is {right}."
    if source is None:
        return raised.diagnosis("head under a different name", what, right)
    wrong = [node for node in source.nodes(ast.Attribute) if node.attr == name and raised.value(node.value) is owner]
    outer = {id(node.value): node for node in source.nodes(ast.Subscript)}
    changes = [(outer.get(id(node), node), right) for node in wrong]
    code = source.rewritten(*changes)
    if isinstance(layer, nn.Conv2d):
        for call in source.calls("Linear"):
            if len(call.args) == 2:
                made = raised.spelled("torch.nn", "Conv2d")
                made += f"({layer.in_channels}, {source.segment(call.args[1])}, kernel_size={layer.kernel_size})"
                first = next((change for change in changes if not _inside(change[0], call)), None)
                code = source.rewritten((call, made), *([first] if first else []))
        what += " It is a convolution."
    return raised.diagnosis("head under a different name", what, code)


def _inside(node: ast.AST, other: ast.AST) -> bool:
    return any(part is node for part in ast.walk(other))


def state_dict_as_model(raised: RaisedError) -> Diagnosis | None:
    """A checkpoint that is used as if it were a model; or a model's dict of outputs, used as one of them."""
    source = raised.statement
    owner, name = getattr(raised.error, "obj", None), getattr(raised.error, "name", "") or ""
    if source is None:
        return None
    if owner is None:  # it was called
        calls = [(call, raised.value(call.func)) for call in source.calls()]
        owner = next((value for _, value in calls if isinstance(value, dict)), None)
        name = "__call__"
    if not isinstance(owner, Mapping):
        return None
    if isinstance(owner.get("out"), Tensor) and hasattr(Tensor, name):
        node = next((node for node in source.nodes(ast.Attribute) if node.attr == name), None)
        if node is None:
            return None
        what = f"This model returns a dict of {' and '.join(map(repr, owner))}; its class maps are under 'out'."
        code = source.rewritten((node.value, f'{source.segment(node.value)}["out"]'))
        return raised.diagnosis("several outputs in a dict", what, code)
    if name not in (
        "eval",
        "train",
        "to",
        "cuda",
        "parameters",
        "state_dict",
        "load_state_dict",
        "modules",
        "__call__",
    ):
        return None
    key = next((key for key, value in owner.items() if isinstance(value, Mapping) and fitting.shapes_of(value)), None)
    state = owner if key is None else owner[key]
    shapes = fitting.shapes_of(state)
    if not shapes:
        return None
    variable = raised.name_of(owner, "checkpoint")
    part = variable if key is None else f"{variable}[{key!r}]"
    what = (
        f"{variable} is a checkpoint, names and tensors, not a model: it holds weights, and you have to "
        "build a model to "
    )
    what += "load them into."
    for net, model in raised.instances(nn.Module):
        if fitting.shapes_of(model.state_dict()) == shapes:
            return raised.diagnosis("checkpoint used as a model", what, f"{net}.load_state_dict({part})",
                                    f"Then use {net}: all {len(shapes)} names and shapes fit.")  # fmt: skip
    other = fitting.other_model(nn.Module(), shapes)
    if other is not None:
        classes = "" if other.num_classes is None else f"num_classes={other.num_classes}"
        new = "network" if variable == "model" else "model"
        code = f"{new} = torchvision.models.{other.name}({classes})\n{new}.load_state_dict({part})"
        return raised.diagnosis(
            "checkpoint used as a model", what, code, f"Then use {new}. All {len(shapes)} names fit."
        )
    return raised.diagnosis("checkpoint used as a model", what)


# forward, and what is called.


def no_forward(raised: RaisedError) -> Diagnosis | None:
    """A module without forward: another name, nested too deep, or a container that isn't a Sequential."""
    space = raised.variables_of("_forward_unimplemented", "torch/nn/modules/module.py")
    module = space.get("self") if space else None
    if not isinstance(module, nn.Module):
        return None
    kind, source = type(module), raised.statement
    if isinstance(module, nn.ModuleList | nn.ModuleDict):
        what = f"{kind.__name__} only stores layers; it doesn't say in which order to call them."
        call = next(source.calls(), None) if source else None
        if source is None or call is None or len(call.args) != 1 or not isinstance(module, nn.ModuleList):
            return raised.diagnosis("list of layers that is called", what)
        made = raised.spelled("torch.nn", "Sequential")
        code = source.rewritten((call.func, f"{made}(*{source.segment(call.func)})"))
        return raised.diagnosis(
            "list of layers that is called", what, code, "A Sequential calls them one after another."
        )
    what = f"{kind.__name__} has no forward, the method that a call runs"
    methods = [name for name, value in vars(kind).items() if isinstance(value, FunctionType) and name != "__init__"]
    near = get_close_matches("forward", [name.lower() for name in methods], 1, 0.6)
    wrong = next((name for name in methods if near and name.lower() == near[0]), "")
    if wrong:
        found = source_of(vars(kind)[wrong])
        head = found[0].text.splitlines()[0].strip() if found else f"def {wrong}(self, x):"
        code = head.replace(wrong, "forward", 1)
        return raised.diagnosis(
            "forward under a different name", f"{what}: it is called {wrong}.", code, f"Instead of {head}"
        )
    for name, value in vars(kind).items():
        if isinstance(value, FunctionType) and any(
            getattr(c, "co_name", "") == "forward" for c in value.__code__.co_consts
        ):
            what += f": def forward is inside {name}, four spaces too far to the right."
            return raised.diagnosis("forward inside another method", what)
    return raised.diagnosis("no forward", f"{what}.", "", "Write def forward(self, x): with a return in it.")


def called_list(raised: RaisedError) -> Diagnosis | None:
    """A plain list of layers, or of transforms, that is called."""
    source = raised.statement
    dataset = (raised.variables_of("__getitem__") or {}).get("self")
    steps = getattr(dataset, "transform", None)
    if (
        isinstance(steps, list | tuple)
        and raised.raised_in("torchvision/datasets/folder.py", ".py")
        and not raised.direct
    ):
        name, made = raised.name_of(dataset, "dataset"), raised.spelled("torchvision.transforms", "Compose")
        what = "The transforms are in a plain list; a dataset calls its transform, so they must be one thing."
        return raised.diagnosis("transforms in a plain list", what, f"{name}.transform = {made}({name}.transform)",
                                f"Better where the dataset is made: transform={made}([…]).")  # fmt: skip
    for call in source.calls() if source else ():
        value = raised.value(call.func)
        if source and isinstance(value, list | tuple) and value and all(isinstance(part, nn.Module) for part in value):
            made = raised.spelled("torch.nn", "Sequential")
            name = source.segment(call.func)
            what = f"{name} is a plain list of layers: it cannot be called, and PyTorch does not see its weights."
            code = source.rewritten((call.func, f"{made}(*{name})"))
            why = f"Better in __init__: {name} = {made}(…), so that the optimizer and .to() reach the weights."
            return raised.diagnosis("list of layers that is called", what, code, why)
    return None


def not_a_layer(raised: RaisedError) -> Diagnosis | None:
    """Something in a Sequential or a ModuleList that isn't a layer."""
    source = raised.statement
    if source is None or not raised.raised_in("torch/nn/modules/module.py"):
        return None
    for call in source.calls("Sequential", "ModuleList"):
        if name_of_call(call) == "Sequential" and len(call.args) == 1 and "list is not" in raised.message:
            what = "nn.Sequential expects the layers one by one, and it got them in a list."
            code = source.rewritten((call.args[0], f"*{source.segment(call.args[0])}"))
            return raised.diagnosis("list in a Sequential", what, code, "The star passes the list's layers one by one.")
        layers = call.args[0].elts if call.args and isinstance(call.args[0], ast.List) else call.args
        for node in layers:
            value, text = raised.value(node), source.segment(node)
            if isinstance(value, type) and issubclass(value, nn.Module) and not needed(value):
                what = f"{text} is a class; a {name_of_call(call)} expects a layer that was built, with brackets."
                return raised.diagnosis("class instead of a layer", what, source.rewritten((node, f"{text}()")))
            layer = {"relu": "ReLU", "sigmoid": "Sigmoid", "tanh": "Tanh", "flatten": "Flatten", "gelu": "GELU"}.get(
                getattr(value, "__name__", ""))  # fmt: skip
            if callable(value) and not isinstance(value, type | nn.Module) and layer:
                made = raised.spelled("torch.nn", layer)
                what = f"{text} is a function; a {name_of_call(call)} expects layers."
                return raised.diagnosis("function instead of a layer", what, source.rewritten((node, f"{made}()")))
    return None


def no_return(raised: RaisedError) -> tuple[str, str] | None:
    """(sentence, line) where a module of the learner's has a forward that returns nothing."""
    models = [model for _, model in raised.instances(nn.Module)] + raised.modules
    for model in models:
        for module in model.modules():
            kind = type(module)
            if kind.__module__.startswith(("torch.", "torchvision.")):
                continue
            found = source_of(kind.forward)
            if found is None or any(isinstance(node, ast.Return) and node.value for node in ast.walk(found[1])):
                continue
            assigned = [
                node.targets[0].id for node in found[0].nodes(ast.Assign) if isinstance(node.targets[0], ast.Name)
            ]
            last: Any = found[1].body[-1]
            if isinstance(last, ast.Assign) and assigned:
                line = f"{found[0].segment(last)}\nreturn {assigned[-1]}"
            elif isinstance(last, ast.Expr):
                line = f"return {found[0].segment(last)}"
            else:
                continue
            return f"The forward of {kind.__name__} has no return, so it returns None", line
    return None
