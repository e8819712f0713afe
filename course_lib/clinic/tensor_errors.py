"""Errors of tensors other than shapes (number types, devices, gradients, named tuples), and of building layers."""

from __future__ import annotations

import ast
import re
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.resnet import ResNet

from course_lib.clinic.diagnosis import Diagnosis
from course_lib.clinic.statements import source_of
from course_lib.clinic.tracebacks import RaisedError
from course_lib.tracing.mismatches import Party
from course_lib.tracing.recorder import tensors

__all__ = [
    "basic_block",
    "device",
    "dilation_list",
    "dtype",
    "dtype_name",
    "dtype_repair",
    "groups",
    "in_place",
    "leaf",
    "numpy",
    "several_outputs",
]

_TUPLES = ("GoogLeNetOutputs", "InceptionOutputs")
#: What PyTorch calls the transposed weight of a linear layer: an optimizer changed it, no operation in the forward.
_TRANSPOSED = ("T", "AsStrided", "Transpose")
_RESNET, _CONV = "torchvision/models/resnet.py", "torch/nn/modules/conv.py"

# Number types and devices.


def dtype(raised: RaisedError) -> Diagnosis | None:
    """The input's numbers are of another type than the weights'."""
    given = next(tensors(raised.given), None)
    weights = raised.modules[-1].parameters() if raised.modules else ()
    weight = next((parameter for parameter in weights if parameter.is_floating_point()), None)
    if given is None or weight is None or given.dtype == weight.dtype or given.device != weight.device:
        return None
    whole = raised.picture is given or any(value is given for value in tensors(raised.args))
    x = raised.name_of(given, "batch" if whole else "x")
    what = f"The input's numbers are {dtype_name(given.dtype)}, and the weights are {dtype_name(weight.dtype)}: "
    what += "PyTorch doesn't convert them for you."
    code, why = dtype_repair(given.dtype, weight.dtype, x)
    shapes = (Party(f"the input, {dtype_name(given.dtype)}", tuple(given.shape)),
              Party(f"the weight, {dtype_name(weight.dtype)}", tuple(weight.shape)))  # fmt: skip
    return Diagnosis("wrong number type of the input", what, raised.place, raised.lines(), shapes, code, why)


def dtype_name(kind: torch.dtype) -> str:
    """A number type as people write it.

    Example:
        >>> dtype_name(torch.float32)
        'float32'
    """
    return str(kind).removeprefix("torch.")


def dtype_repair(given: torch.dtype, wanted: torch.dtype, x: str) -> tuple[str, str]:
    """(code, why) that makes an input of the weights' type.

    Example:
        >>> dtype_repair(torch.float64, torch.float32, "batch")[0]
        'batch = batch.float()'
    """
    if given == torch.uint8 and wanted.is_floating_point:
        to = "float()" if wanted == torch.float32 else f"to({wanted})"
        why = (
            "Bytes run from 0 to 255, but the networks learned from values between 0 and 1 that were then normalised: "
        )
        return f"{x} = {x}.{to} / 255", why + "the weights' own transforms do all of that."
    if wanted == torch.float32:
        return f"{x} = {x}.float()", "numpy's numbers are float64 unless told otherwise; the networks use float32."
    return f"{x} = {x}.to({wanted})", "This gives the input the type of the weights."


def device(raised: RaisedError) -> Diagnosis | None:
    """The input and the weights, or the weights themselves, are on different devices."""
    model = raised.model
    if model is None:
        return None
    given = next(tensors((raised.args, raised.kwargs)), None)
    own = list(dict.fromkeys(value.device for value in (*model.parameters(), *model.buffers())))
    if given is None or not own or own == [given.device]:
        return None
    x, net = raised.name_of(given, "batch"), raised.name_of(model, "model")
    shapes = (Party(f"the input on {given.device}", tuple(given.shape)),)
    what = f"The input is on {given.device}, and the model is on {own[0]}; both must be on the same device."
    code, why = f"{x} = {x}.to({str(own[0])!r})", "A tensor's .to(…) returns a new tensor, so it must be assigned."
    if given.is_meta:
        what = "The input is on PyTorch's meta device, where tensors have a shape and no numbers; the model is on "
        what += f"{own[0]}."
        code, why = f"{x} = torch.zeros({tuple(given.shape)})", "Make the input without device='meta'."
    elif any(place.type == "meta" for place in own):
        what = "The model is on PyTorch's meta device, where weights have a shape and no numbers; the input is on "
        what += f"{given.device}."
        code = f"{net}.load_state_dict(state_dict, assign=True)"
        why = "The weights are assigned, not copied; or build the model outside of torch.device('meta')."
    elif len(own) > 1:
        what = f"The model's own weights are on {' and on '.join(map(str, own))}; all must be on the same device."
        code, why = f"{net} = {net}.to({str(given.device)!r})", "This moves the whole model to the input's device."
    return Diagnosis("different devices", what, raised.place, raised.lines(), shapes, code, why)


# Gradients, and what comes after a forward.


def numpy(raised: RaisedError) -> Diagnosis | None:
    """``.numpy()`` on a tensor that takes part in gradients, or that is on a GPU."""
    if "requires grad" in raised.message:
        name, chain = "numpy of a tensor with gradients", ".detach()"
        what = "The tensor is part of a computation whose gradients are recorded, and numpy can't record any."
        why = (
            "detach() gives the same numbers without gradients; a forward pass under "
            "torch.inference_mode() records none."
        )
    else:
        name, chain = "numpy of a tensor on a GPU", ".detach().cpu()"
        what = "The tensor is on a GPU, and numpy's arrays are in ordinary memory."
        why = "cpu() copies the numbers over; detach() leaves the gradients behind."
    code = f"values = output{chain}.numpy()"
    if raised.code.count(".numpy()") == 1:
        code = raised.code.replace(".numpy()", f"{chain}.numpy()")
    return Diagnosis(name, what, lines=raised.lines(), repair=code, why=why)


def several_outputs(raised: RaisedError) -> Diagnosis | None:
    """GoogLeNet and Inception in train mode answer with a named tuple."""
    if isinstance(raised.error, AttributeError):
        kind = type(raised.error.obj).__name__
        fits = kind in _TUPLES and raised.error.name not in ("logits", "aux_logits")
    else:
        match = re.search(rf"\b({'|'.join(_TUPLES)})\b", raised.message)
        kind, fits = (match.group(1), True) if match else ("", False)
    if not fits:
        return None
    owners = [pair for pair in raised.names() if isinstance(pair[1], tuple) and type(pair[1]).__name__ == kind]
    output, value = owners[0] if owners else ("output", None)
    whole = kind.removesuffix("Outputs")
    what = (
        f"In train mode, {whole} returns several outputs, packed in a {kind}: the logits, and those of the auxiliary "
    )
    what += "classifiers used in training. In eval mode, it returns only the logits."
    code = re.sub(rf"(?<![\w.]){re.escape(output)}(?!\w)", f"{output}.logits", raised.code) if owners else ""
    source = raised.statement
    for call in source.calls() if source and not owners else ():
        if source and len(call.args) == 2 and isinstance(call.args[0], ast.Call):  # a loss of the model's answer
            code = source.rewritten((call.args[0], source.chained(call.args[0], ".logits")))
    if not code or code == raised.code:
        code = f"logits = {output}.logits"
    fields: dict[str, Any] = dict(zip(getattr(value, "_fields", ()), value or (), strict=False))
    shapes = [Party(f"{output}.{name}", tuple(part.shape)) for name, part in fields.items() if isinstance(part, Tensor)]
    why = "To predict, call model.eval() first; the output is then a tensor."
    return Diagnosis("several outputs in train mode", what, "", raised.lines(), tuple(shapes), code, why)


def in_place(raised: RaisedError) -> Diagnosis | None:
    """A tensor that the backward pass needs was changed in place."""
    pattern = r"\[torch\.[\w.]+ \[([\d, ]*)\]\], which is output \d+ of (\w+?)(?:Backward\d*)?, is at version \d+"
    match = re.search(pattern, raised.message)
    if match is None or match.group(2) in _TRANSPOSED:
        return None
    shape = tuple(int(n) for n in match.group(1).split(",") if n.strip())
    what = f"The backward pass needs the output of {match.group(2)} as it was; an in-place operation has since "
    what += "overwritten it (relu_, +=, inplace=True)."
    models = _models(raised)
    net, model = models[0] if len(models) == 1 else ("model", None)
    modules = model.named_modules() if model is not None else ()
    paths = [path for path, module in modules if getattr(module, "inplace", False) is True]
    if paths:
        code = f"for module in {net}.modules():\n    if hasattr(module, 'inplace'):\n        module.inplace = False"
        some = ", ".join(paths[:3]) + (", …" if paths[3:] else "")
        why = f"These work in place: {some}. Where a line of the forward writes y += x, write y = y + x as well."
    else:
        code, why = _augmented(raised)
    shapes = (Party(f"the output of {match.group(2)}", shape),)
    return Diagnosis("changed in place before backward", what, "", raised.lines(), shapes, code, why)


def _augmented(raised: RaisedError) -> tuple[str, str]:
    """The line ``y += x`` of a forward, written so that it makes a new tensor; and which line that is."""
    lines = []
    for _, model in _models(raised):
        for kind in {type(module): None for module in model.modules()}:
            function = source_of(kind.forward) if not kind.__module__.startswith(("torch.", "torchvision.")) else None
            for node in function[0].nodes(ast.AugAssign) if function else ():
                source = function[0] if function else None
                sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}.get(type(node.op))
                if source and sign:
                    target, value = source.segment(node.target), source.chained(node.value, "")
                    lines.append((f"{target} = {target} {sign} {value}", source.segment(node)))
    if len(lines) != 1:
        return "", "Write y = y + x instead of y += x, and nn.ReLU() instead of nn.ReLU(inplace=True)."
    return lines[0][0], f"In the forward, instead of {lines[0][1]}"


def _models(raised: RaisedError) -> list[tuple[str, nn.Module]]:
    """The learner's models: what they call by name in the failing code, or the one that was given."""
    if raised.model is not None:
        return [(raised.name_of(raised.model, "model"), raised.model)]
    models: dict[int, tuple[str, nn.Module]] = {}
    for name, value in raised.names():
        if isinstance(value, nn.Module) and any(True for _ in value.parameters()):
            models.setdefault(id(value), (name, value))
    return list(models.values())


def leaf(raised: RaisedError) -> Diagnosis | None:
    """A weight was changed in place while gradients are being recorded."""
    name, lines = "in place on a leaf", raised.lines()
    what = "A tensor that requires gradients itself (a weight, or an input with requires_grad) was changed in place: "
    what += "its gradient would belong to numbers that no longer exist."
    if raised.modules and getattr(raised.modules[-1], "inplace", False) is True:
        code = f"nn.{type(raised.modules[-1]).__name__}(inplace=False)"
        why = "This makes a new tensor and leaves the old one unchanged."
        return Diagnosis(name, what, raised.place, lines, repair=code, why=why)
    if not lines or not lines[-1].text:
        return None
    why = "Do this if it is meant to change, as an optimizer changes a weight; otherwise make a new tensor."
    return Diagnosis(name, what, lines=lines, repair=f"with torch.no_grad():\n    {lines[-1].text}", why=why)


# Layers that cannot be built: what torchvision's blocks and PyTorch's convolutions refuse.


def basic_block(raised: RaisedError) -> Diagnosis | None:
    """Groups, another width or dilation asked of a BasicBlock."""
    space = raised.variables_of("__init__", _RESNET)
    if space is None or not raised.raised_in(_RESNET):
        return None
    asked = [f"{name}={space[name]}" for name, plain in (("groups", 1), ("base_width", 64), ("dilation", 1))
             if space.get(name, plain) != plain]  # fmt: skip
    if not asked:
        return None
    what = f"A BasicBlock is two plain 3×3 convolutions and doesn't support {', '.join(asked)}; a Bottleneck can."
    if any(isinstance(frame.f_locals.get("self"), ResNet) for frame, _ in raised.frames):
        code = re.sub(r"\bresnet(18|34)\b", "resnet50", raised.code).replace("BasicBlock", "Bottleneck")
        code = code if code != raised.code else "model = torchvision.models.resnet50()"
        why = "ResNet 18 and 34 are made of BasicBlocks; 50, 101 and 152 of Bottlenecks."
    else:
        planes, width = space.get("planes"), space.get("inplanes")
        code = f"Bottleneck({width}, {planes // 4 if isinstance(planes, int) else 'planes'}, {', '.join(asked)})"
        why = "A Bottleneck's output has 4 times as many channels as its planes."
    return Diagnosis("what a BasicBlock cannot do", what, lines=raised.lines(), repair=code, why=why)


def dilation_list(raised: RaisedError) -> Diagnosis | None:
    """``replace_stride_with_dilation`` of the wrong length."""
    space = raised.variables_of("__init__", _RESNET)
    if space is None or not raised.raised_in(_RESNET):
        return None
    given = space.get("replace_stride_with_dilation")
    what = "replace_stride_with_dilation expects three values, one each for layer2, layer3 and layer4; "
    what += f"it got {given!r}."
    values = [bool(value) for value in given] if isinstance(given, list | tuple) else []
    three = [False] * (3 - len(values)) + values[-3:]  # dilation is used in the last stages
    asked = f"replace_stride_with_dilation={three}"
    code = re.sub(r"replace_stride_with_dilation=[\[(][^\])]*[\])]", asked, raised.code)
    code = code if code != raised.code else asked
    why = "layer1 has no stride to replace, so it is not in the list."
    return Diagnosis("list of dilations of the wrong length", what, lines=raised.lines(), repair=code, why=why)


def groups(raised: RaisedError) -> Diagnosis | None:
    """A convolution whose channels its groups do not divide."""
    space = raised.variables_of("__init__", _CONV)
    if space is None or not raised.raised_in(_CONV):
        return None
    numbers = [space.get(name) for name in ("in_channels", "out_channels", "groups")]
    kind = type(space.get("self"))
    if not all(isinstance(n, int) and n > 0 for n in numbers) or not issubclass(kind, nn.Module):
        return None
    into, out, count = (int(n or 0) for n in numbers)
    bad = [f"{name}={n}" for name, n in (("in_channels", into), ("out_channels", out)) if n % count]
    fits = [n for n in range(1, min(into, out) + 1) if into % n == 0 and out % n == 0]
    near = min(fits, key=lambda n: (abs(n - count), n))
    what = f"The channels are divided into {count} groups of equal size, but {' and '.join(bad)} cannot be."
    code = re.sub(rf"\bgroups={count}\b", f"groups={near}", raised.code)
    if code == raised.code:
        code = f"nn.{kind.__name__}({into}, {out}, kernel_size={space.get('kernel_size')}, groups={near})"
    some = ", ".join(map(str, fits[:8])) + (", …" if fits[8:] else "")
    why = f"Both {into} and {out} can be divided by {some}."
    return Diagnosis("groups that do not divide the channels", what, lines=raised.lines(), repair=code, why=why)
