"""Number types, devices and gradients: what a tensor is, apart from its shape."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.clinic.diagnosis import Diagnosis, Met
from course_lib.clinic.scene import Scene
from course_lib.tracing.recorder import tensors

__all__ = ["device", "dtype", "dtype_repair", "numpy"]


def dtype(scene: Scene) -> Diagnosis | None:
    """The input's numbers are of another type than the weights'."""
    met = _pair(scene)
    if met is None or met[0].dtype == met[1].dtype or met[0].device != met[1].device:
        return None
    given, weight = met
    whole = scene.picture is given or any(one is given for one in tensors(scene.args))
    x = scene.name_of(given, "batch" if whole else "x")
    what = f"The input's numbers are {_short(given.dtype)}, and the weights are {_short(weight.dtype)}: "
    what += "PyTorch does not convert by itself."
    code, why = dtype_repair(given.dtype, weight.dtype, x)
    shapes = (Met(f"the input, {_short(given.dtype)}", tuple(given.shape)),
              Met(f"the weight, {_short(weight.dtype)}", tuple(weight.shape)))  # fmt: skip
    return Diagnosis("number type of the input", what, scene.module, scene.lines(), shapes, code, why)


def dtype_repair(given: torch.dtype, wanted: torch.dtype, x: str) -> tuple[str, str]:
    """(code, why) that makes an input of the weights' type.

    Example:
        >>> dtype_repair(torch.float64, torch.float32, "batch")[0]
        'batch = batch.float()'
    """
    if given == torch.uint8 and wanted.is_floating_point:
        to = "float()" if wanted == torch.float32 else f"to({wanted})"
        why = "Bytes run from 0 to 255, and the networks learnt from values between 0 and 1 that were then normalised: "
        return f"{x} = {x}.{to} / 255", why + "a weights' own transforms do all of it."
    if wanted == torch.float32:
        return f"{x} = {x}.float()", "numpy's numbers are float64 unless told otherwise; the networks use float32."
    return f"{x} = {x}.to({wanted})", "It makes the input of the type that the weights are."


def device(scene: Scene) -> Diagnosis | None:
    """The input and the weights, or the weights themselves, lie on different devices."""
    model = scene.model
    if model is None:
        return None
    given = next(tensors((scene.args, scene.kwargs)), None)
    own = list(dict.fromkeys(one.device for one in (*model.parameters(), *model.buffers())))
    if given is None or not own or own == [given.device]:
        return None
    x, net = scene.name_of(given, "batch"), scene.name_of(model, "model")
    met = (Met(f"the input on {given.device}", tuple(given.shape)),)
    what = f"The input lies on {given.device}, and the model on {own[0]}; both must lie on the same device."
    code, why = f"{x} = {x}.to({str(own[0])!r})", "A tensor's .to(…) gives a new one back, so it must be assigned."
    if given.is_meta:
        what = "The input lies on PyTorch's meta device, where tensors have a shape and no numbers; the model is on "
        what += f"{own[0]}."
        code, why = f"{x} = torch.zeros({tuple(given.shape)})", "Make the input without device='meta'."
    elif any(one.type == "meta" for one in own):
        what = "The model lies on PyTorch's meta device, where weights have a shape and no numbers; the input is on "
        what += f"{given.device}."
        code = f"{net}.load_state_dict(state_dict, assign=True)"
        why = "Weights are assigned, not copied; or build the model outside of torch.device('meta')."
    elif len(own) > 1:
        what = f"The model's own weights lie on {' and on '.join(map(str, own))}; all must lie on the same device."
        code, why = f"{net} = {net}.to({str(given.device)!r})", "It moves all of the model to where the input is."
    return Diagnosis("different devices", what, scene.module, scene.lines(), met, code, why)


def numpy(scene: Scene) -> Diagnosis | None:
    """``.numpy()`` on a tensor that takes part in gradients, or that lies on a GPU."""
    lines = scene.lines()
    text = scene.text
    if "requires grad" in scene.said:
        what = "The tensor takes part in the gradients' book-keeping, which numpy knows nothing of."
        why = "detach gives the same numbers without it; a forward under torch.inference_mode() needs none."
        chain = ".detach()"
    else:
        what = "The tensor lies on a GPU, and numpy's arrays lie in ordinary memory."
        why, chain = "cpu() copies the numbers over; detach() leaves the gradients behind.", ".detach().cpu()"
    if text.count(".numpy()") == 1:
        code = text.replace(".numpy()", f"{chain}.numpy()")
    else:
        code = f"values = output{chain}.numpy()"
    return Diagnosis("numpy of a tensor with gradients" if "grad" in scene.said else "numpy of a tensor on a GPU",
                     what, "", lines, (), code, why)  # fmt: skip


def _pair(scene: Scene) -> tuple[Tensor, Tensor] | None:
    """What the deepest module was given, and its first weight."""
    given = next(tensors(scene.given), None)
    if given is None or not scene.inside:
        return None
    weight = next((p for p in scene.inside[-1].parameters() if p.is_floating_point()), None)
    return None if weight is None else (given, weight)


def _short(kind: torch.dtype) -> str:
    return str(kind).removeprefix("torch.")
