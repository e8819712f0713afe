"""State dicts that do not fit: another head, another model, a prefix, or the checkpoint round the state dict.

``checkpoints.fitting`` finds the cause from names and shapes; here are the words and the lines that repair it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from course_lib.clinic.diagnosis import Diagnosis, Met
from course_lib.clinic.scene import Scene, attribute
from course_lib.models.checkpoints import fitting

__all__ = ["explain", "no_dict"]


def explain(scene: Scene) -> Diagnosis | None:
    """``load_state_dict`` that found missing keys, unexpected keys or other sizes."""
    found = _loading(scene)
    if found is None or not isinstance(found[1], Mapping):
        return None
    model, given = found
    own = fitting.shapes_of(model.state_dict())
    net, state = scene.name_of(model, "model"), _name(scene, given, "state_dict")
    for answer in (_wrapped, _head, _other):
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


def _wrapped(model: nn.Module, net: str, state: str, own: fitting.Shapes, given: Mapping[Any, Any]) -> Parts | None:
    found = fitting.wrapped(own, given)
    if found is None:
        return None
    key, prefix = found.key, found.prefix
    part = state if key is None else f"{state}[{key!r}]"
    if not prefix:
        others = [repr(other) for other in given if other != key][:4]
        beside = f" beside {', '.join(others)}" if others else ""
        what = f"This is a whole checkpoint: the state dict lies in it under {key!r}{beside}."
        return "checkpoint round the state dict", what, f"{net}.load_state_dict({part})", _fits(own), ()
    if found.in_model:
        what = f"Every name in the model begins with {prefix!r}, and none in the state dict does."
        return "prefix before every name", what, f"{net}.{prefix[:-1]}.load_state_dict({part})", _fits(own), ()
    what = f"Every name in the state dict begins with {prefix!r}, and none of the model's does"
    what += f": {found.wrapper} had wrapped the model that it was saved from." if found.wrapper else "."
    if key is not None:
        what += f" It lies in the checkpoint under {key!r}."
    code = f"{net}.load_state_dict({{key.removeprefix({prefix!r}): one for key, one in {part}.items()}})"
    return "prefix before every name", what, code, _fits(own), ()


def _head(model: nn.Module, net: str, state: str, own: fitting.Shapes, given: Mapping[Any, Any]) -> Parts | None:
    shapes = fitting.shapes_of(given)
    found = fitting.other_head(model, own, shapes)
    if found is None:
        return None
    build, back, met = [], [], []
    for path in found.paths:
        layer, size = model.get_submodule(path), own[f"{path}.weight"]
        made = f"nn.Linear({size[1]}, {{}})" if isinstance(layer, nn.Linear) else (
            f"nn.Conv2d({size[1]}, {{}}, kernel_size={getattr(layer, 'kernel_size', 1)})")  # fmt: skip
        build.append(f"{attribute(net, path)} = {made.format(found.given)}")
        back.append(f"{attribute(net, path)} = {made.format(found.own)}")
        met += [Met(f"{path}.weight in the state dict", shapes[f"{path}.weight"]),
                Met(f"{path}.weight in the model", size)]  # fmt: skip
    what = (
        f"The state dict's last layer answers with {found.given} classes, the model's with {found.own}; all else fits."
    )
    load = f"{net}.load_state_dict({state})"
    if found.own > found.given:
        why = f"Then the model answers with {found.given} classes."
        return "another head", what, "\n".join([*build, load]), why, tuple(met)
    why = f"First with the head of the file, then with a new one for {found.own} classes, which is still to be trained."
    return "another head", what, "\n".join([*build, load, *back]), why, tuple(met)


def _other(model: nn.Module, net: str, state: str, own: fitting.Shapes, given: Mapping[Any, Any]) -> Parts | None:
    """Another model of torchvision whose names and shapes are the state dict's, the last layer left out."""
    shapes = fitting.shapes_of(given)
    found = fitting.other_model(model, shapes)
    if found is None:
        return None
    missing, extra = len(own.keys() - shapes.keys()), len(shapes.keys() - own.keys())
    parts = [f"{missing} of the model's names are missing in it" if missing else "",
             f"{extra} of its names are not in the model" if extra else ""]  # fmt: skip
    differ = " and ".join(one for one in parts if one) or "the sizes differ"
    what = f"These are the weights of a {found.name}: {differ}."
    classes = "" if found.num_classes is None else f"num_classes={found.num_classes}"
    code = f"{net} = torchvision.models.{found.name}({classes})\n{net}.load_state_dict({state})"
    first = next((key for key in own if key not in shapes), "")
    met = (Met(f"{first} in the model, missing in the state dict", own[first]),) if first else ()
    name = "weights of another depth" if found.same_family else "weights of another architecture"
    return name, what, code, f"All {len(shapes)} names and their shapes fit {found.name}.", met


def _fits(own: fitting.Shapes) -> str:
    return f"All {len(own)} names and their shapes fit then."
