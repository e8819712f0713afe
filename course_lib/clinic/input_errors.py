"""A model, or a layer, that was called with something other than a tensor: a picture, an array, a list, None."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor, nn
from torchvision import transforms

from course_lib.clinic.diagnosis import Diagnosis
from course_lib.clinic.module_errors import no_return
from course_lib.clinic.statements import source_of
from course_lib.clinic.tracebacks import MISSING, RaisedError
from course_lib.tracing.mismatches import Party
from course_lib.tracing.records import times

__all__ = ["no_tensor"]


def no_tensor(raised: RaisedError) -> Diagnosis | None:
    """What the model got isn't a tensor; or what one of its layers got."""
    if raised.model is None or type(raised.model).__module__.startswith(
        ("torchvision.transforms", "torch.nn.modules.loss")
    ):
        return None
    given = [value for value in (*raised.args, *raised.kwargs.values()) if value is not None]
    if not any(isinstance(value, Tensor) for value in given):
        outer = given[0] if given else None
        if (diagnosis := _of_the_call(raised, outer)) is not None:
            return diagnosis
    inner = raised.given[0] if raised.given else MISSING
    if inner is MISSING or isinstance(inner, Tensor):
        return _in_forward(raised)
    return _of_a_layer(raised, inner)


def _call(raised: RaisedError, value: Any) -> tuple[Any, Any, Any] | None:
    """(source, call, argument) of the learner's call of the model."""
    source = raised.calling
    for call in source.calls() if source else ():
        if len(call.args) == 1 and (
            raised.value_there(call.func) is raised.model or not isinstance(call.func, ast.Attribute)
        ):
            known = raised.value_there(call.args[0])
            if known is value or (known is MISSING and raised.value_there(call.func) is raised.model):
                return source, call, call.args[0]
    return None


def _of_the_call(raised: RaisedError, value: Any) -> Diagnosis | None:
    found = _call(raised, value)
    net = raised.name_of(raised.model, "the model")

    def repaired(text: str) -> str:
        if found is None:
            return ""
        source, _, node = found
        return str(source.rewritten((node, text.format(x=source.segment(node)))))

    to = raised.spelled("torchvision.transforms.functional", "to_tensor")
    why = (
        "A network that was trained with normalisation also needs it here: weights.transforms()(picture).unsqueeze(0)."
    )
    if isinstance(value, Image.Image):
        chains = [name for name, one in raised.instances(transforms.Compose)]
        text = f"{chains[0]}({{x}}).unsqueeze(0)" if len(chains) == 1 else f"{to}({{x}}).unsqueeze(0)"
        what = f"{net} got a PIL picture; it expects a tensor, batch×channels×height×width."
        return raised.diagnosis("picture instead of a tensor", what, repaired(text), why)
    if isinstance(value, np.ndarray):
        what = f"{net} got a numpy array; it expects a tensor, batch×channels×height×width."
        shapes = [Party("the array", tuple(value.shape))]
        if value.ndim == 3 and value.shape[2] in (1, 3) and value.dtype == np.uint8:
            return raised.diagnosis(
                "array instead of a tensor", what, repaired(f"{to}({{x}}).unsqueeze(0)"), why, shapes
            )
        return raised.diagnosis(
            "array instead of a tensor", what, repaired("torch.from_numpy({x}).float()"), "", shapes
        )
    if isinstance(value, list | tuple) and value and all(isinstance(part, Tensor) for part in value):
        shapes = [Party(f"tensor {place}", tuple(part.shape)) for place, part in enumerate(value[:2])]
        what = f"{net} got a {type(value).__name__} of {len(value)} tensors; it expects one tensor, "
        what += "batch×channels×height×width."
        if len({tuple(part.shape) for part in value}) == 1:
            text = "torch.stack(list({x}))" if value[0].dim() == 3 else "torch.cat(list({x}))"
            if isinstance(value, list):
                text = text.replace("list({x})", "{x}")
            return raised.diagnosis("list instead of a tensor", what, repaired(text), "", shapes)
        if len(value) == 2 and value[0].dim() == 4 and value[1].dim() <= 2:
            what += " This looks like a loader's batch, pictures and labels."
            return raised.diagnosis("list instead of a tensor", what, repaired("{x}[0]"), "", shapes)
        return raised.diagnosis("list instead of a tensor", what, "", "", shapes)
    if isinstance(value, list | tuple) and value and all(isinstance(part, Image.Image) for part in value):
        what = (
            f"{net} got a {type(value).__name__} of PIL pictures; it expects one tensor, batch×channels×height×width."
        )
        resize = raised.spelled("torchvision.transforms.functional", "resize")
        each = f"{to}(picture)" if len({p.size for p in value}) == 1 else f"{to}({resize}(picture, [224, 224]))"
        return raised.diagnosis(
            "list instead of a tensor", what, repaired(f"torch.stack([{each} for picture in {{x}}])"), why
        )
    if isinstance(value, str | Path):
        what = f"{net} got a path or some other text; it expects a picture's numbers, as a tensor."
        if Path(value).suffix.lower() not in (".jpg", ".jpeg", ".png", ".webp", ".bmp"):
            return raised.diagnosis("text instead of a tensor", what)
        image = next((name for name, one in raised.names() if one is Image), "PIL.Image")
        text = f'{to}({image}.open({{x}}).convert("RGB")).unsqueeze(0)'
        return raised.diagnosis("path instead of a tensor", what, repaired(text), why)
    if isinstance(value, Mapping):
        tensors = {key: part for key, part in value.items() if isinstance(part, Tensor) and part.dim() == 4}
        what = f"{net} got a dict with {', '.join(map(repr, list(value)[:4]))}; it expects one tensor."
        code = repaired(f"{{x}}[{next(iter(tensors))!r}]") if len(tensors) == 1 else ""
        return raised.diagnosis("dict instead of a tensor", what, code)
    return None


def _of_a_layer(raised: RaisedError, value: Any) -> Diagnosis | None:
    """A layer inside of the model got something other than a tensor, which an earlier one answered with."""
    layer = raised.place
    if isinstance(value, nn.Module):
        kind = type(value).__name__
        what = f"{layer} got a layer, {kind}, instead of a tensor: nn.{kind}(x) builds a layer, but doesn't call it."
        for module in reversed(raised.modules):
            found = source_of(type(module).forward)
            calls = [call for call in found[0].calls(kind) if call.args] if found else []
            if found and len(calls) == 1:
                name = found[0].segment(calls[0].func)
                line = next(
                    n
                    for n in found[0].nodes(ast.Assign, ast.Return, ast.Expr)
                    if any(p is calls[0] for p in ast.walk(n))
                )
                more = [found[0].segment(part) for part in (*calls[0].args[1:], *calls[0].keywords)]
                new = f"{name}({', '.join(more)})({found[0].segment(calls[0].args[0])})"
                code = found[0].rewritten((calls[0], new), within=line)
                return raised.diagnosis("layer built instead of called", what, code,
                                        f"Instead of {found[0].segment(line)}")  # fmt: skip
        return raised.diagnosis("layer built instead of called", what)
    if value is None:
        found_none = no_return(raised)
        if found_none is None:
            return None
        return raised.diagnosis(
            "forward without return", f"{found_none[0]}, and {layer} got it.", found_none[1], "At its end."
        )
    if isinstance(value, Mapping) and isinstance(value.get("out"), Tensor):
        what = f"{layer} got a dict, the answer of a segmentation model; its class maps are under 'out'."
        return raised.diagnosis("several outputs in a dict", what)
    if isinstance(value, tuple) and value and isinstance(value[0], Tensor):
        sizes = ", ".join(times(tuple(part.shape)) for part in value if isinstance(part, Tensor))
        what = f"{layer} got a tuple of {len(value)} ({sizes}), the answer of a layer that gives several tensors."
        return raised.diagnosis("tuple instead of a tensor", what, "", "Take the one you need: output, _ = layer(x).")
    return None


def _in_forward(raised: RaisedError) -> Diagnosis | None:
    """A function in the learner's forward that got a layer."""
    match = re.search(r"must be Tensor, not (\w+)$", raised.message) or re.search(r"got \((\w+),", raised.message)
    if match is None:
        return None
    for frame, _ in reversed(raised.frames):
        for value in frame.f_locals.values():
            if (
                isinstance(value, nn.Module)
                and type(value).__name__ == match.group(1)
                and value is not frame.f_locals.get("self")
            ):
                return _of_a_layer(raised, value)
    return None
