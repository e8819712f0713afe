"""What comes after a forward: named tuples where a tensor was expected, and tensors changed under the gradients."""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor, nn

from course_lib.clinic.diagnosis import Diagnosis, Met
from course_lib.clinic.scene import Scene

__all__ = ["in_place", "leaf", "several_outputs"]

_TUPLES = ("GoogLeNetOutputs", "InceptionOutputs")


def several_outputs(scene: Scene) -> Diagnosis | None:
    """GoogLeNet and Inception in train mode answer with a named tuple."""
    if isinstance(scene.error, AttributeError):
        kind = type(scene.error.obj).__name__
        fits = kind in _TUPLES and scene.error.name not in ("logits", "aux_logits")
    else:
        found = re.search(rf"\b({'|'.join(_TUPLES)})\b", scene.said)
        kind, fits = (found.group(1), True) if found else ("", False)
    if not fits:
        return None
    lines = scene.lines()
    text = scene.text
    owners = [
        (name, value) for name, value in scene.names() if isinstance(value, tuple) and type(value).__name__ == kind
    ]
    output, value = owners[0] if owners else ("output", None)
    whole = kind.removesuffix("Outputs")
    what = f"In train mode {whole} answers with several outputs in one {kind}: the logits, and those of its auxiliary "
    what += "classifiers, which training needs. In eval mode it is the logits alone."
    code = re.sub(rf"(?<![\w.]){re.escape(output)}(?!\w)", f"{output}.logits", text) if value is not None else ""
    if not code or code == text:
        code = f"logits = {output}.logits"
    met = [Met(f"{output}.{name}", tuple(one.shape)) for name, one in _fields(value) if isinstance(one, Tensor)]
    return Diagnosis("several outputs in train mode", what, "", lines, tuple(met), code,
                     "To predict, call model.eval() before; then the output is a tensor.")  # fmt: skip


def _fields(value: Any) -> list[tuple[str, Any]]:
    return list(zip(getattr(value, "_fields", ()), value or (), strict=False))


def in_place(scene: Scene) -> Diagnosis | None:
    """A tensor that the backward pass needs was changed in place."""
    pattern = r"\[torch\.[\w.]+ \[([\d, ]*)\]\], which is output \d+ of (\w+?)(?:Backward\d*)?, is at version \d+"
    found = re.search(pattern, scene.said)
    if found is None:
        return None
    shape = tuple(int(n) for n in found.group(1).split(",") if n.strip())
    what = f"The backward pass needs what {found.group(2)} computed, as it was then; an operation in place has "
    what += "written over it since (relu_, +=, inplace=True)."
    known = _models(scene)
    net, model = known[0] if len(known) == 1 else ("model", None)
    paths = [path for path, one in model.named_modules() if getattr(one, "inplace", False) is True] if model else []
    if paths:
        code = f"for module in {net}.modules():\n    if hasattr(module, 'inplace'):\n        module.inplace = False"
        some = ", ".join(paths[:3]) + (", …" if paths[3:] else "")
        why = f"In place work {some}. Where a line of the forward writes y += x, write y = y + x as well."
    else:
        code, why = (
            "y = y + x    # in the forward, in place of y += x",
            "nn.ReLU() in place of nn.ReLU(inplace=True), too.",
        )
    return Diagnosis("changed in place before backward", what, "", scene.lines(),
                     (Met(f"what {found.group(2)} computed", shape),), code, why)  # fmt: skip


def _models(scene: Scene) -> list[tuple[str, nn.Module]]:
    """The learner's models: what they call by name in the failing code, or the one that was given."""
    if scene.model is not None:
        return [(scene.name_of(scene.model, "model"), scene.model)]
    found: dict[int, tuple[str, nn.Module]] = {}
    for name, value in scene.names():
        if isinstance(value, nn.Module) and any(True for _ in value.parameters()):
            found.setdefault(id(value), (name, value))
    return list(found.values())


def leaf(scene: Scene) -> Diagnosis | None:
    """A weight was changed in place while gradients are being recorded."""
    lines = scene.lines()
    what = "A tensor that asks for gradients itself (a weight, or an input with requires_grad) was changed in place: "
    what += "its gradient would belong to numbers that are gone."
    if scene.inside and getattr(scene.inside[-1], "inplace", False) is True:
        kind = type(scene.inside[-1]).__name__
        return Diagnosis("in place on a leaf", what, scene.module, lines, (), f"nn.{kind}(inplace=False)",
                         "It makes a new tensor, and the old one stays.")  # fmt: skip
    if not lines or not lines[-1].text:
        return None
    return Diagnosis("in place on a leaf", what, "", lines, (), f"with torch.no_grad():\n    {lines[-1].text}",
                     "Where it is meant to change, as an optimizer changes it; else make a new tensor.")  # fmt: skip
