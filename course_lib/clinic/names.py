"""Names that torchvision does not know: models, weights, members of another model's enum."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import torchvision
from torchvision.models import WeightsEnum, list_models

from course_lib.clinic.diagnosis import Diagnosis
from course_lib.clinic.scene import Scene
from course_lib.errors import closest

__all__ = ["attribute", "enum", "member", "model"]


def model(scene: Scene) -> Diagnosis | None:
    """``get_model("resnet-18")``: no such name in the registry."""
    found = re.fullmatch(r"Unknown model (.+)", scene.said)
    if found is None or not scene.raised_in("torchvision/models/_api.py"):
        return None
    return _unknown(scene, found.group(1), list_models(), quoted=True)


def attribute(scene: Scene) -> Diagnosis | None:
    """``models.resnet81``, or the same in an import."""
    module, name = "torchvision.models", ""
    if isinstance(scene.error, AttributeError) and scene.error.obj is torchvision.models:
        name = scene.error.name or ""
    elif isinstance(scene.error, ImportError) and scene.error.name == module:
        found = re.match(r"cannot import name '(\w+)'", scene.said)
        name = found.group(1) if found else ""
    known = [one for one, value in vars(torchvision.models).items() if callable(value) and not one.startswith("_")]
    if not name or not closest(name, known):
        return None  # with nothing like it, we cannot know what was meant
    return _unknown(scene, name, known, quoted=False)


def _unknown(scene: Scene, name: str, known: Iterable[str], *, quoted: bool) -> Diagnosis:
    lines = scene.lines()
    near = re.findall(r"'([^']+)'", closest(name, known, n=3))
    text = scene.text
    what = f"torchvision has no model called {name!r}." if quoted else f"torchvision.models has nothing called {name}."
    code, why = "torchvision.models.list_models()", "It lists every name that there is."
    if near:
        code = _swap(text, name, near[0]) or (f'torchvision.models.get_model("{near[0]}")' if quoted else near[0])
        others = " and ".join(near[1:])
        why = f"Near it {'are' if near[2:] else 'is'} also {others}." if others else ""
    return Diagnosis("unknown model", what, "", lines, (), code, why)


def enum(scene: Scene) -> Diagnosis | None:
    """``resnet18(weights=ResNet50_Weights.DEFAULT)``."""
    found = re.match(r"Invalid Weight class provided; expected (\w+) but received (.+?)\.?$", scene.said)
    if found is None or not scene.raised_in("torchvision/models/_api.py"):
        return None
    wanted, given = found.groups()
    lines = scene.lines()
    text = scene.text
    build = _builder(scene) or "the model"
    what = f"{build} was asked to take {given}, and its own weights are {wanted}: every model has an enum of its own."
    code = re.sub(rf"\b{re.escape(given)}\.\w+", f"{wanted}.DEFAULT", text)
    if code == text:
        code = f"model = {build}(weights={wanted}.DEFAULT)"
    why = f'The same in a word: {build}(weights="DEFAULT").' if build != "the model" else ""
    return Diagnosis("another model's weights", what, "", lines, (), code, why)


def member(scene: Scene) -> Diagnosis | None:
    """``resnet18(weights="IMAGENET1K_V2")``, ``ResNet18_Weights.IMAGENET1K_V2``: a member that this enum lacks."""
    kind: Any = None
    name = ""
    if isinstance(scene.error, AttributeError):
        kind, name = scene.error.obj, scene.error.name or ""
    elif isinstance(scene.error, KeyError) and scene.raised_in("enum.py") and scene.error.args:
        kind, name = (scene.last("__getitem__", "enum.py") or {}).get("cls"), str(scene.error.args[0])
    if not (isinstance(kind, type) and issubclass(kind, WeightsEnum)) or not name or name.startswith("_"):
        return None
    members: dict[str, WeightsEnum] = dict(getattr(kind, "__members__", {}))
    known = list(members)
    if not known or name in known:
        return None
    lines = scene.lines()
    real = [one for one in known if one != "DEFAULT"]
    what = f"{kind.__name__} has no {name}; it has {' and '.join(real)}"
    what += f", and DEFAULT, which is {members['DEFAULT'].name}." if "DEFAULT" in members else "."
    text = scene.text
    near = re.findall(r"'([^']+)'", closest(name, real, n=1))
    build = _builder(scene)
    code = _swap(text, name, near[0] if near else "DEFAULT")
    code = code or (
        f"model = {build}(weights={kind.__name__}.DEFAULT)" if build else f"weights = {kind.__name__}.DEFAULT"
    )
    return Diagnosis("weights that this model lacks", what, "", lines, (), code, "")


def _swap(text: str, name: str, other: str) -> str:
    """The learner's line with one name changed; "" where it is not there exactly once."""
    pattern = rf"(?<![\w.-]){re.escape(name)}(?![\w-])|(?<=\.){re.escape(name)}(?![\w-])"
    return re.sub(pattern, other, text) if len(re.findall(pattern, text)) == 1 else ""


def _builder(scene: Scene) -> str:
    """Which of torchvision's builders was called."""
    for frame, _ in scene.frames:
        name, module = frame.f_code.co_name, str(frame.f_globals.get("__name__", ""))
        if module.startswith("torchvision.models.") and name in list_models():
            return name
    return ""
