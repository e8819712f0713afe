"""State dicts that do not fit: another head, another depth, a prefix, or the checkpoint round the state dict.

Each repair is checked against the names and shapes of the model and of the state dict before it is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torchvision.models import get_model_builder, list_models

from course_lib.clinic.diagnosis import Diagnosis, Met
from course_lib.clinic.scene import Scene, attribute
from course_lib.errors import CourseError
from course_lib.tracing import inputs
from course_lib.tracing.ops import Shape

__all__ = ["explain", "no_dict"]

Shapes = dict[str, Shape]
_PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "backbone.", "state_dict.")


def explain(scene: Scene) -> Diagnosis | None:
    """``load_state_dict`` that found missing keys, unexpected keys or other sizes."""
    found = _loading(scene)
    if found is None or not isinstance(found[1], Mapping):
        return None
    model, given = found
    own = _shapes(model.state_dict())
    net, state = scene.name_of(model, "model"), _name(scene, given, "state_dict")
    for answer in (_wrapped, _head, _depth):
        parts = answer(model, net, state, own, given)
        if parts is not None:
            name, what, code, why, met = parts
            return Diagnosis(name, what, "", scene.lines(), met, code, why)
    return None


def no_dict(scene: Scene) -> Diagnosis | None:
    """``load_state_dict`` of a path, or of a whole model."""
    found = _loading(scene)
    if found is None or isinstance(found[1], Mapping):
        return None
    model, given = found
    net = scene.name_of(model, "model")
    if isinstance(given, str | Path):
        what = "load_state_dict wants the names of weights and their tensors; it got the name of a file."
        code = f'{net}.load_state_dict(torch.load("{Path(given).name}", weights_only=True))'
    elif isinstance(given, nn.Module):
        what = "load_state_dict wants the names of weights and their tensors; it got a whole model, "
        what += f"{type(given).__name__}."
        code = f"{net}.load_state_dict({_name(scene, given, 'other')}.state_dict())"
    else:
        return None
    return Diagnosis("no state dict", what, "", scene.lines(), (), code, "")


Parts = tuple[str, str, str, str, tuple[Met, ...]]


def _loading(scene: Scene) -> tuple[nn.Module, Any] | None:
    space = scene.last("load_state_dict", "torch/nn/modules/module.py")
    if space is None or not scene.raised_in("torch/nn/modules/module.py"):
        return None
    model = space.get("self")
    return (model, space.get("state_dict")) if isinstance(model, nn.Module) else None


def _name(scene: Scene, given: Any, otherwise: str) -> str:
    """PyTorch copies the dict before it loads, so a dict of the same tensors is the one."""
    for name, value in scene.names():
        if value is given:
            return name
        if isinstance(given, Mapping) and isinstance(value, Mapping) and value and value.keys() == given.keys():
            first = next(iter(value))
            if value[first] is given[first]:
                return name
    return otherwise


def _shapes(state: Mapping[Any, Any]) -> Shapes:
    return {str(key): tuple(value.shape) for key, value in state.items() if isinstance(value, Tensor)}


def _wrapped(model: nn.Module, net: str, state: str, own: Shapes, given: Mapping[Any, Any]) -> Parts | None:
    inner = [(None, given), *((key, value) for key, value in given.items() if isinstance(value, Mapping))]
    for key, one in inner:
        shapes = _shapes(one)
        part = state if key is None else f"{state}[{key!r}]"
        if key is not None and shapes == own:
            others = [repr(other) for other in given if other != key][:4]
            beside = f" beside {', '.join(others)}" if others else ""
            what = f"This is a whole checkpoint: the state dict lies in it under {key!r}{beside}."
            return "checkpoint round the state dict", what, f"{net}.load_state_dict({part})", _fits(own), ()
        for prefix in _PREFIXES:
            if shapes and {f"{prefix}{name}": shape for name, shape in own.items()} == shapes:
                what = f"Every name in the state dict begins with {prefix!r}, and none of the model's does" + {
                    "module.": ": it was saved from an nn.DataParallel.",
                    "_orig_mod.": ": it was saved from a model that torch.compile had wrapped.",
                }.get(prefix, ".")
                if key is not None:
                    what += f" It lies in the checkpoint under {key!r}."
                code = f"{net}.load_state_dict({{key.removeprefix({prefix!r}): one for key, one in {part}.items()}})"
                return "prefix before every name", what, code, _fits(own), ()
            if {f"{prefix}{name}": shape for name, shape in shapes.items()} == own and prefix != "state_dict.":
                inside = f"{net}.{prefix[:-1]}"
                what = f"Every name in the model begins with {prefix!r}, and none in the state dict does."
                return "prefix before every name", what, f"{inside}.load_state_dict({part})", _fits(own), ()
    return None


def _head(model: nn.Module, net: str, state: str, own: Shapes, given: Mapping[Any, Any]) -> Parts | None:
    shapes = _shapes(given)
    if own.keys() != shapes.keys():
        return None
    heads = list(dict.fromkeys(name.rpartition(".")[0] for name in own if own[name] != shapes[name]))
    layers = [model.get_submodule(path) for path in heads]
    if not heads or not all(isinstance(layer, nn.Linear | nn.Conv2d) for layer in layers):
        return None
    build, back, met, counts = [], [], [], set()
    for path, layer in zip(heads, layers, strict=True):
        ours, theirs = own[f"{path}.weight"], shapes[f"{path}.weight"]
        if ours[1:] != theirs[1:] or len(theirs) != len(ours):
            return None
        made = f"nn.Linear({ours[1]}, {{}})" if isinstance(layer, nn.Linear) else (
            f"nn.Conv2d({ours[1]}, {{}}, kernel_size={getattr(layer, 'kernel_size', 1)})")  # fmt: skip
        build.append(f"{attribute(net, path)} = {made.format(theirs[0])}")
        back.append(f"{attribute(net, path)} = {made.format(ours[0])}")
        met += [Met(f"{path}.weight in the state dict", theirs), Met(f"{path}.weight in the model", ours)]
        counts.add((theirs[0], ours[0]))
    if len(counts) > 1:
        return None
    ((there, here),) = counts
    what = f"The state dict's last layer answers with {there} classes, the model's with {here}; all else fits."
    load = f"{net}.load_state_dict({state})"
    if here > there:
        return (
            "another head",
            what,
            "\n".join([*build, load]),
            f"Then the model answers with {there} classes.",
            tuple(met),
        )
    why = f"First with the head of the file, then with a new one for {here} classes, which is still to be trained."
    return "another head", what, "\n".join([*build, load, *back]), why, tuple(met)


def _depth(model: nn.Module, net: str, state: str, own: Shapes, given: Mapping[Any, Any]) -> Parts | None:
    """Another model of the same family whose names and shapes are the state dict's, the last layer left out."""
    shapes, home = _shapes(given), type(model).__module__
    if not home.startswith("torchvision.models.") or not shapes:
        return None
    for name in (name for name in list_models() if get_model_builder(name).__module__ == home):
        try:
            there = _shapes(inputs.build(name).state_dict())
        except CourseError:
            continue
        other = {key for key in there if there.keys() == shapes.keys() and there[key] != shapes[key]}
        if there.keys() != shapes.keys() or len({key.rpartition(".")[0] for key in other}) > 1:
            continue
        head = sorted(key for key in other if key.endswith("weight"))
        if other and not head:
            continue
        classes = f"num_classes={shapes[head[0]][0]}" if head else ""
        missing, extra = len(own.keys() - shapes.keys()), len(shapes.keys() - own.keys())
        parts = [f"{missing} of the model's names are missing in it" if missing else "",
                 f"{extra} of its names are not in the model" if extra else ""]  # fmt: skip
        what = f"These are the weights of a {name}: {' and '.join(one for one in parts if one) or 'the sizes differ'}."
        code = f"{net} = torchvision.models.{name}({classes})\n{net}.load_state_dict({state})"
        first = next((key for key in own if key not in shapes), "")
        met = (Met(f"{first} in the model, missing in the state dict", own[first]),) if first else ()
        return "weights of another depth", what, code, f"All {len(shapes)} names and their shapes fit {name}.", met
    return None


def _fits(own: Shapes) -> str:
    return f"All {len(own)} names and their shapes fit then."
