"""Errors of weights and checkpoints: files that aren't checkpoint, state dicts that do not fit, names nobody knows.

What a file is, ``course_lib.models.checkpoints`` finds out, and why a state dict does not fit as well; here stand the
sentences and the lines that repair it, with the learner's own names.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torchvision
from torch import nn
from torchvision.models import WeightsEnum, list_models

from course_lib.clinic.diagnosis import Diagnosis
from course_lib.clinic.tracebacks import RaisedError, attribute
from course_lib.errors import CheckpointError, closest
from course_lib.models.checkpoints import fitting
from course_lib.models.checkpoints.reader import read_state_dict
from course_lib.models.checkpoints.refusals import refusal_of
from course_lib.tracing.mismatches import Party

__all__ = ["checkpoint_file", "enum", "member", "model_attribute", "model_name", "no_state_dict", "state_dict"]

# Files that are no checkpoint.

_AGAIN = 'torch.hub.download_url_to_file(url, "{name}")'
_FROM_URL = "Delete the file first, then download it again from its address, url."
#: Kind of file → a line of code, and what it does.
_REPAIRS = {
    "empty file": (_AGAIN, f"The download never arrived. {_FROM_URL}"),
    "web page instead of a checkpoint": (_AGAIN, "It is an error page or a download page: look for the address, url, "
                                         "of the file itself; on GitHub it is the one behind “Raw”."),
    "Git LFS pointer instead of a checkpoint": ("git lfs pull", "Run it in a terminal, in the repository's folder."),
    "file cut short": (_AGAIN, _FROM_URL),
    "text instead of a checkpoint": (_AGAIN, "Look for the address, url, of the checkpoint itself."),
    "file that would run code": ("", "Don't open it, and never read it with weights_only=False."),
    "checkpoint that holds more than tensors": (
        "",
        "Only for a file that you made yourself: reading it so can run code. Then save the state_dict() of what was "
        'trained alone, under another name such as "{free}".'),
}  # fmt: skip
_MORE_THAN_TENSORS = ("file that would run code", "checkpoint that holds more than tensors")


def checkpoint_file(raised: RaisedError) -> Diagnosis | None:
    """``torch.load`` of something that isn't a checkpoint, or not only one."""
    space = raised.variables_of("load", "torch/serialization.py")
    path = space.get("f") if space else None
    if not isinstance(path, str | Path) or not Path(path).is_file():
        return None
    path = Path(path)
    try:
        read_state_dict(path, check_numbers=False)
    except CheckpointError:
        refusal = refusal_of(path, raised.message)
    else:
        return None
    if refusal.kind not in _REPAIRS:
        return None
    if refusal.kind in _MORE_THAN_TENSORS and "Weights only load failed" not in raised.message:
        return None  # it was read without protection, and something else went wrong
    code, why = _REPAIRS[refusal.kind]
    code, why = code.format(name=path.name), why.format(free=_free(path))
    source = raised.statement
    call = next(source.calls("load"), None) if source else None
    if refusal.kind == "checkpoint that holds more than tensors" and source and call and call.args:
        named = [keyword for keyword in call.keywords if keyword.arg == "weights_only"]
        last = [*call.args, *(keyword.value for keyword in call.keywords)][-1]
        change = (named[0].value, "False") if named else (last, f"{source.segment(last)}, weights_only=False")
        code = source.rewritten(change)
    return Diagnosis(refusal.kind, f"{path.name} {refusal.what}.", lines=raised.lines(), repair=code, why=why)


def _free(path: Path) -> str:
    """A name for a new file beside this one, which no file has yet."""
    names = (f"{path.stem}_state_dict{number or ''}.pth" for number in range(1000))
    return next((name for name in names if not path.with_name(name).exists()), f"{path.stem}_state_dict.pth")


# State dicts that do not fit.


def state_dict(raised: RaisedError) -> Diagnosis | None:
    """``load_state_dict`` that found missing keys, unexpected keys or other sizes."""
    loading = _loading(raised)
    if loading is None or not isinstance(loading[1], Mapping):
        return None
    model, given = loading
    own = fitting.shapes_of(model.state_dict())
    net, state = raised.name_of(model, "model"), _state_name(raised, given, "state_dict")
    for cause in (_wrapped, _part, _head, _other, _sizes):
        answer = cause(model, net, state, own, given)
        if answer is not None:
            name, what, code, why, shapes = answer
            return Diagnosis(name, what, lines=raised.lines(), shapes=shapes, repair=code, why=why)
    return None


def no_state_dict(raised: RaisedError) -> Diagnosis | None:
    """``load_state_dict`` of a path, or of a whole model."""
    loading = _loading(raised)
    if loading is None or isinstance(loading[1], Mapping):
        return None
    model, given = loading
    net = raised.name_of(model, "model")
    what = "load_state_dict expects a mapping from the names of weights to tensors, but it got "
    if isinstance(given, str | Path):
        what += "the name of a file."
        code = f'{net}.load_state_dict(torch.load("{Path(given).name}", weights_only=True))'
    elif inspect.ismethod(given) and given.__name__ == "state_dict":
        what += "the method state_dict, which returns one when you call it."
        source = raised.statement
        call = next(source.calls("load_state_dict"), None) if source else None
        if source is None or call is None or not call.args:
            return None
        code = source.rewritten((call.args[0], f"{source.segment(call.args[0])}()"))
    elif isinstance(given, nn.Module):
        what += f"a whole model, {type(given).__name__}."
        code = f"{net}.load_state_dict({_state_name(raised, given, 'other')}.state_dict())"
    else:
        return None
    return Diagnosis("no state dict", what, lines=raised.lines(), repair=code)


#: The diagnosis' name, what, repair, why and shapes.
Answer = tuple[str, str, str, str, tuple[Party, ...]]


def _loading(raised: RaisedError) -> tuple[nn.Module, Any] | None:
    space = raised.variables_of("load_state_dict", "torch/nn/modules/module.py")
    if space is None or not raised.raised_in("torch/nn/modules/module.py"):
        return None
    model = space.get("self")
    return (model, space.get("state_dict")) if isinstance(model, nn.Module) else None


def _state_name(raised: RaisedError, given: Any, otherwise: str) -> str:
    """The learner's name for a state dict, or what stands in its place; PyTorch loads a copy with the same tensors."""
    for name, value in raised.names():
        if value is given:
            return name
        if isinstance(given, Mapping) and isinstance(value, Mapping) and value and value.keys() == given.keys():
            first = next(iter(value))
            if value[first] is given[first]:
                return name
    source = raised.statement
    call = next(source.calls("load_state_dict"), None) if source else None
    if source and call and call.args and isinstance(call.args[0], ast.Call | ast.Attribute | ast.Subscript):
        return source.segment(call.args[0])
    return otherwise


def _all_fit(own: fitting.Shapes) -> str:
    return f"All {len(own)} names and their shapes then fit."


def _wrapped(model: nn.Module, net: str, state: str, own: fitting.Shapes, given: Mapping[Any, Any]) -> Answer | None:
    found = fitting.wrapped(own, given)
    if found is None:
        return None
    key, prefix = found.key, found.prefix
    part = state if key is None else f"{state}[{key!r}]"
    if not prefix:
        others = [repr(other) for other in given if other != key][:4]
        beside = f" beside {', '.join(others)}" if others else ""
        what = f"This is a whole checkpoint: the state dict is in it under {key!r}{beside}."
        return "whole checkpoint, not a state dict", what, f"{net}.load_state_dict({part})", _all_fit(own), ()
    if found.in_model:
        what = f"Every name in the model begins with {prefix!r}, and none in the state dict does."
        code = f"{net}.{prefix[:-1]}.load_state_dict({part})"
        return "prefix before every name", what, code, _all_fit(own), ()
    what = f"Every name in the state dict begins with {prefix!r}, and none of the model's does"
    what += f": the model was wrapped in {found.wrapper} when it was saved." if found.wrapper else "."
    if key is not None:
        what += f" It is in the checkpoint under {key!r}."
    code = f"{net}.load_state_dict({{name.removeprefix({prefix!r}): value for name, value in {part}.items()}})"
    return "prefix before every name", what, code, _all_fit(own), ()


def _part(model: nn.Module, net: str, state: str, own: fitting.Shapes, given: Mapping[Any, Any]) -> Answer | None:
    """The weights of one part of the learner's network, such as its backbone."""
    shapes = fitting.shapes_of(given)
    parts = [name for name, part in model.named_children() if fitting.shapes_of(part.state_dict()) == shapes]
    if len(parts) != 1 or not shapes:
        return None
    part = attribute(net, parts[0])
    what = f"These are the weights of {part} alone, which is one part of {type(model).__name__}."
    code = f"{part}.load_state_dict({state})"
    return "weights of only part of the model", what, code, f"All {len(shapes)} names and their shapes then fit.", ()


def _head(model: nn.Module, net: str, state: str, own: fitting.Shapes, given: Mapping[Any, Any]) -> Answer | None:
    shapes = fitting.shapes_of(given)
    found = fitting.other_head(model, own, shapes)
    if found is None:
        return None
    build, back, parties = [], [], []
    for path in found.paths:
        layer, size = model.get_submodule(path), own[f"{path}.weight"]
        made = f"nn.Linear({size[1]}, {{}})" if isinstance(layer, nn.Linear) else (
            f"nn.Conv2d({size[1]}, {{}}, kernel_size={getattr(layer, 'kernel_size', 1)})")  # fmt: skip
        build.append(f"{attribute(net, path)} = {made.format(found.given)}")
        back.append(f"{attribute(net, path)} = {made.format(found.own)}")
        parties.append(Party(f"{path}.weight in the state dict", shapes[f"{path}.weight"]))
        parties.append(Party(f"{path}.weight in the model", size))
    what = (
        f"The state dict's last layer has {found.given} classes, and the model's has {found.own}; everything else fits."
    )
    lines, why = [*build, f"{net}.load_state_dict({state})"], f"The model then has {found.given} outputs."
    if found.own <= found.given:
        lines += back
        why = (
            f"The model first gets the file's head, then a new one for {found.own} classes, which still "
            "has to be trained."
        )
    return "different head", what, "\n".join(lines), why, tuple(parties)


def _other(model: nn.Module, net: str, state: str, own: fitting.Shapes, given: Mapping[Any, Any]) -> Answer | None:
    """Another model of torchvision's whose names and shapes are the state dict's, the last layer left out."""
    if not type(model).__module__.startswith("torchvision."):
        return None  # a network of the learner's own is not to be replaced
    shapes = fitting.shapes_of(given)
    found = fitting.other_model(model, shapes)
    if found is None:
        return None
    missing, extra = len(own.keys() - shapes.keys()), len(shapes.keys() - own.keys())
    parts = [f"{missing} of the names that the model expects are missing"] if missing else []
    parts += [f"the model doesn't know {extra} of the names in it"] if extra else []
    what = f"These are the weights of a {found.name}: {' and '.join(parts) or 'the sizes differ'}."
    classes = "" if found.num_classes is None else f"num_classes={found.num_classes}"
    new = found.name if net != found.name else f"{found.name}_model"  # what the learner has stays as it is
    code = f"{new} = torchvision.models.{found.name}({classes})\n{new}.load_state_dict({state})"
    first = next((name for name in own if name not in shapes), "")
    parties = (Party(f"{first} in the model, missing in the state dict", own[first]),) if first else ()
    name = "weights of a different depth" if found.same_family else "weights of a different architecture"
    return name, what, code, f"All {len(shapes)} names and their shapes fit {found.name}.", parties


def _sizes(model: nn.Module, net: str, state: str, own: fitting.Shapes, given: Mapping[Any, Any]) -> Answer | None:
    """The same names, and other sizes: the network was built with other numbers."""
    shapes = fitting.shapes_of(given)
    if shapes.keys() != own.keys():
        return None
    other = [name for name in own if own[name] != shapes[name]]
    what = f"All names are the same, but {len(other)} of {len(own)} sizes differ: the network was built with "
    what += "different settings "
    what += "(widths, kernel sizes) than when the state dict was saved."
    parties = tuple(
        Party(f"{name} in the {word}", sizes[name])
        for name in other[:2]
        for word, sizes in (("state dict", shapes), ("model", own))
    )
    return (
        "weights of a different size",
        what,
        "",
        "Build the model with the settings of the state dict, and load again.",
        parties,
    )


# Names that torchvision does not know: models, weights, members of another model's enum.


def model_name(raised: RaisedError) -> Diagnosis | None:
    """``get_model("resnet-18")``: no such name in the registry."""
    match = re.fullmatch(r"Unknown model (.+)", raised.message)
    if match is None or not raised.raised_in("torchvision/models/_api.py"):
        return None
    return _unknown(raised, match.group(1), list_models(), quoted=True)


def model_attribute(raised: RaisedError) -> Diagnosis | None:
    """``models.resnet81``, or the same in an import."""
    module, name = "torchvision.models", ""
    if isinstance(raised.error, AttributeError) and raised.error.obj is torchvision.models:
        name = raised.error.name or ""
    elif isinstance(raised.error, ImportError) and raised.error.name == module:
        match = re.match(r"cannot import name '(\w+)'", raised.message)
        name = match.group(1) if match else ""
    known = [key for key, value in vars(torchvision.models).items() if callable(value) and not key.startswith("_")]
    if not name or not closest(name, known):
        return None  # with nothing like it, we cannot know what was meant
    return _unknown(raised, name, known, quoted=False)


def _unknown(raised: RaisedError, name: str, known: Iterable[str], *, quoted: bool) -> Diagnosis:
    near = re.findall(r"'([^']+)'", closest(name, known, n=3))
    what = f"torchvision has no model called {name!r}." if quoted else f"torchvision.models has nothing called {name}."
    code, why = "torchvision.models.list_models()", "This lists all the names there are."
    if near:
        code = _swap(raised.code, name, near[0])
        code = code or (f'torchvision.models.get_model("{near[0]}")' if quoted else near[0])
        others = " and ".join(near[1:])
        why = f"{others} {'are' if near[2:] else 'is'} similar, too." if others else ""
    return Diagnosis("unknown model", what, lines=raised.lines(), repair=code, why=why)


def enum(raised: RaisedError) -> Diagnosis | None:
    """``resnet18(weights=ResNet50_Weights.DEFAULT)``."""
    match = re.match(r"Invalid Weight class provided; expected (\w+) but received (.+?)\.?$", raised.message)
    if match is None or not raised.raised_in("torchvision/models/_api.py"):
        return None
    wanted, given = match.groups()
    build = _builder(raised) or "the model"
    what = f"{build} was given {given}, but its own weights are {wanted}: every model has its own enum."
    code = re.sub(rf"\b{re.escape(given)}\.\w+", f"{wanted}.DEFAULT", raised.code)
    if code == raised.code:
        code = f"model = {build}(weights={wanted}.DEFAULT)"
    why = f'A shorter way to write it: {build}(weights="DEFAULT").' if build != "the model" else ""
    return Diagnosis("weights of another model", what, lines=raised.lines(), repair=code, why=why)


def member(raised: RaisedError) -> Diagnosis | None:
    """``resnet18(weights="IMAGENET1K_V2")``, ``ResNet18_Weights.IMAGENET1K_V2``: a member that this enum lacks."""
    kind: Any = None
    name = ""
    if isinstance(raised.error, AttributeError):
        kind, name = raised.error.obj, raised.error.name or ""
    elif isinstance(raised.error, KeyError) and raised.raised_in("enum.py") and raised.error.args:
        kind, name = (raised.variables_of("__getitem__", "enum.py") or {}).get("cls"), str(raised.error.args[0])
    if not (isinstance(kind, type) and issubclass(kind, WeightsEnum)) or not name or name.startswith("_"):
        return None
    members: dict[str, WeightsEnum] = dict(getattr(kind, "__members__", {}))
    if not members or name in members:
        return None
    entries = [entry for entry in members if entry != "DEFAULT"]
    what = f"{kind.__name__} has no {name}; it has {' and '.join(entries)}"
    what += f", and DEFAULT, which is {members['DEFAULT'].name}." if "DEFAULT" in members else "."
    near = re.findall(r"'([^']+)'", closest(name, entries, n=1))
    code = _swap(raised.code, name, near[0] if near else "DEFAULT")
    if not code:
        build = _builder(raised)
        code = f"{kind.__name__}.DEFAULT"
        code = f"model = {build}(weights={code})" if build else f"weights = {code}"
    return Diagnosis("no such weights", what, lines=raised.lines(), repair=code)


def _swap(text: str, name: str, other: str) -> str:
    """The learner's line with one name changed; "" where it is not there exactly once."""
    pattern = rf"(?<![\w.-]){re.escape(name)}(?![\w-])|(?<=\.){re.escape(name)}(?![\w-])"
    return re.sub(pattern, other, text) if len(re.findall(pattern, text)) == 1 else ""


def _builder(raised: RaisedError) -> str:
    """Which of torchvision's builders was called."""
    for frame, _ in raised.frames:
        name, module = frame.f_code.co_name, str(frame.f_globals.get("__name__", ""))
        if module.startswith("torchvision.models.") and name in list_models():
            return name
    return ""
