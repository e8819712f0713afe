"""Errors of torchvision's transforms: the wrong kind of picture, the wrong order, classes instead of objects."""

from __future__ import annotations

import ast
import re
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from course_lib.clinic.diagnosis import Diagnosis
from course_lib.clinic.tracebacks import MISSING, RaisedError
from course_lib.tracing.mismatches import Party
from course_lib.tracing.records import times

__all__ = [
    "array_to_picture",
    "class_in_compose",
    "crop",
    "normalize",
    "normalize_channels",
    "picture_kind",
    "to_picture",
]

_TO_TENSOR = ("ToTensor", "PILToTensor", "ToImage")


class _Chain:
    """The Compose that was running: its name, which of its steps failed, what it was called with."""

    def __init__(self, raised: RaisedError) -> None:
        self.raised, self.steps, self.place, self.given = raised, None, -1, MISSING
        for frame, _ in raised.frames:
            space = frame.f_locals
            owner = space.get("self")
            steps = getattr(owner, "transforms", None)
            if (
                type(owner).__name__ == "Compose"
                and isinstance(steps, list)
                and frame.f_code.co_name in ("__call__", "forward")
            ):
                self.compose, self.steps = owner, steps
                step = space.get("t", space.get("transform"))
                self.place = next((n for n, one in enumerate(steps) if one is step), -1)
        self.name = self._named()
        source = raised.statement
        self.node: Any = None
        for call in source.calls() if source and not raised.worker else ():
            if len(call.args) == 1 and not call.keywords and self._is_transform(raised.value(call.func), call):
                self.node = call.args[0]
                break
        self.data = raised.value(self.node) if self.node is not None else MISSING

    def _named(self) -> str:
        if self.steps is None:
            return ""
        for key, value in self.raised.names():
            if value is self.compose:
                return key
            if getattr(value, "transform", None) is self.compose:
                return f"{key}.transform"
        return ""

    def _is_transform(self, function: Any, call: ast.Call) -> bool:
        if self.steps is not None:
            return function is self.compose
        home = type(function).__module__ if function is not MISSING else ast.unparse(call.func)
        return "transform" in home or isinstance(call.func, ast.Call) or home.startswith("T.")

    def with_data(self, text: str) -> str:
        """The learner's line with what the transform is called with changed; ``{x}`` stands for it."""
        source = self.raised.statement
        if source is None or self.node is None:
            return ""
        return source.rewritten((self.node, text.format(x=source.segment(self.node))))

    def insert(self, place: int, step: str) -> str:
        """The line that puts a step before another one."""
        return f"{self.name}.transforms.insert({place}, {step})" if self.name else ""


def class_in_compose(raised: RaisedError) -> Diagnosis | None:
    """``Compose([Resize(224), ToTensor])``: a class without its brackets."""
    chain = _Chain(raised)
    for place, step in enumerate(chain.steps or ()):
        if isinstance(step, type) and getattr(step, "__module__", "").startswith("torchvision."):
            made = f"{raised.spelled('torchvision.transforms', step.__name__)}()"
            what = f"{step.__name__} stands in the Compose as a class; a step must be built, with brackets: {made}."
            code = f"{chain.name}.transforms[{place}] = {made}" if chain.name else ""
            return raised.diagnosis("transform without brackets", what, code)
    return None


def picture_kind(raised: RaisedError) -> Diagnosis | None:
    """A transform of something other than what it takes: a path, None, an array, a tensor."""
    if (diagnosis := class_in_compose(raised)) is not None:
        return diagnosis
    match = re.search(r"<class '([\w.]+)'>", raised.message)
    kind = match.group(1).rpartition(".")[2] if match else ""
    if kind == "" and "does not support PIL" in raised.message:
        return normalize(raised)
    chain = _Chain(raised)
    step = type(chain.steps[chain.place]).__name__ if chain.steps and chain.place >= 0 else "The transform"
    if kind == "NoneType":
        what = f"{step} got None instead of a picture: cv2.imread gives None, without an error, where a file "
        what += "is not found, "
        what += "and a function without return gives it too."
        return raised.diagnosis("None instead of a picture", what, "", "Look at the path: Path(path).exists().")
    if kind in ("str", "PosixPath", "WindowsPath"):
        code = chain.with_data(f'{_image(raised)}.open({{x}}).convert("RGB")')
        what = f"{step} got the path of a picture; it expects the picture itself."
        return raised.diagnosis("path instead of a picture", what, code)
    if kind == "ndarray":
        what = f"{step} got a numpy array; it takes PIL pictures and tensors."
        data = chain.data
        shapes = [Party("the array", tuple(data.shape))] if isinstance(data, np.ndarray) else []
        text = "{x}"
        if isinstance(data, np.ndarray) and data.dtype != np.uint8:
            what += f" Its numbers are {data.dtype}."
            text = "({x} * 255).astype('uint8')" if data.size and data.max() <= 1 else "{x}.astype('uint8')"
        code = chain.with_data(f"{_image(raised)}.fromarray({text})")
        why = "An array that OpenCV read has blue first: array[..., ::-1] puts red first."
        return raised.diagnosis("array instead of a picture", what, code, why, shapes)
    if kind == "Tensor" and "pic should be PIL Image or ndarray" in raised.message:
        what = "ToTensor got a tensor: the picture is one already."
        code = ""
        if chain.steps and chain.place >= 0 and chain.name:
            code = f"{chain.name}.transforms.pop({chain.place})"
        elif chain.node is not None and (source := raised.statement) is not None:
            call = next(call for call in source.calls() if call.args and call.args[0] is chain.node)
            code = source.rewritten((call, source.segment(chain.node)))
        return raised.diagnosis("tensor into ToTensor", what, code, "Leave ToTensor out.")
    if kind in ("list", "tuple"):
        code = ""
        if chain.node is not None and (source := raised.statement) is not None:
            call = next(call for call in source.calls() if call.args and call.args[0] is chain.node)
            code = source.rewritten(
                (call, f"[{source.segment(call.func)}(picture) for picture in {source.segment(chain.node)}]")
            )
        return raised.diagnosis(
            "list instead of a picture", f"{step} got a {kind}; it takes one picture at a time.", code
        )
    if kind == "Image" and "Tensor" in raised.message:
        return normalize(raised)
    return None


def _image(raised: RaisedError) -> str:
    """How the learner writes PIL's module Image."""
    return next((name for name, value in raised.names() if value is Image), "PIL.Image")


def normalize(raised: RaisedError) -> Diagnosis | None:
    """Normalize before ToTensor, or of whole numbers."""
    chain = _Chain(raised)
    tensor = f"{raised.spelled('torchvision.transforms', 'ToTensor')}()"
    if "float tensor" in raised.message:
        what = (
            "Normalize expects numbers between 0 and 1, and it got whole numbers (uint8): they must be divided by 255."
        )
        if chain.steps is not None and chain.place >= 0:
            step = f"{raised.spelled('torchvision.transforms', 'ConvertImageDtype')}(torch.float32)"
            return raised.diagnosis("Normalize of whole numbers", what, chain.insert(chain.place, step))
        return raised.diagnosis("Normalize of whole numbers", what, chain.with_data("{x} / 255"))
    what = "Normalize got a PIL picture; it computes with tensors, so ToTensor must come before it."
    if chain.steps is None:
        return raised.diagnosis("Normalize before ToTensor", what, chain.with_data(f"{tensor}({{x}})"))
    later = [n for n, step in enumerate(chain.steps) if n > chain.place and type(step).__name__ in _TO_TENSOR]
    code = chain.insert(chain.place, f"{chain.name}.transforms.pop({later[0]})" if later else tensor)
    why = "This moves the step that is already there; better still, write the Compose in this order." if later else ""
    return raised.diagnosis("Normalize before ToTensor", what, code, why)


def normalize_channels(raised: RaisedError) -> Diagnosis | None:
    """Normalize with mean and std of three channels, and a picture of another number."""
    space = raised.variables_of("normalize", "torchvision/transforms/_functional_tensor.py")
    space = space or raised.variables_of("normalize_image", "torchvision/transforms/v2/functional/_misc.py")
    picture = (space or {}).get("tensor", (space or {}).get("image"))
    mean = (space or {}).get("mean")
    if not isinstance(picture, Tensor) or mean is None:
        return None
    channels, wanted = picture.shape[-3], int(mean.numel()) if isinstance(mean, Tensor) else len(mean)
    chain = _Chain(raised)
    shapes = [Party("the picture", tuple(picture.shape)), Party("mean and std", (wanted,))]
    kinds = {1: "grey, with 1 channel", 4: "RGBA, with 4 channels: red, green, blue and transparency"}
    if channels == wanted or channels not in kinds:
        return None
    what = f"The picture is {kinds[channels]}, and mean and std are for {wanted}."
    if wanted != 3:
        return raised.diagnosis(
            "Normalize for the wrong number of channels", what, "", f"Give it {channels} of each.", shapes
        )
    name = "grey picture into Normalize" if channels == 1 else "RGBA picture into Normalize"
    data, why = chain.data, 'Or convert where the picture is opened: Image.open(path).convert("RGB").'
    if isinstance(data, Tensor):
        return raised.diagnosis(
            name, what, chain.with_data("{x}[..., :3, :, :]" if channels == 4 else "{x}.expand(3, -1, -1)"), why, shapes
        )
    if chain.node is not None and chain.steps is not None:
        return raised.diagnosis(name, what, chain.with_data('{x}.convert("RGB")'), why, shapes)
    if chain.steps is not None and chain.place >= 0 and chain.name:
        if channels == 1:
            made = raised.spelled("torchvision.transforms", "Normalize")
            code = f"{chain.name}.transforms[{chain.place}] = {made}([0.5], [0.5])"
            why = "One mean and one std for one channel. A network for RGB needs Grayscale(3) in front instead."
            return raised.diagnosis(name, what, code, why, shapes)
        made = raised.spelled("torchvision.transforms", "Lambda")
        code = chain.insert(0, f'{made}(lambda picture: picture.convert("RGB"))')
        return raised.diagnosis(name, what, code, why, shapes)
    return raised.diagnosis(name, what, chain.with_data("{x}[:3]") if channels == 4 else "", why, shapes)


def crop(raised: RaisedError) -> Diagnosis | None:
    """RandomCrop of a picture that is smaller."""
    match = re.search(
        r"crop size \((\d+), (\d+)\) is larger than (?:padded )?input image size \((\d+), (\d+)\)", raised.message
    )
    if match is None:
        return None
    height, width, rows, columns = map(int, match.groups())
    chain = _Chain(raised)
    what = f"RandomCrop cuts {height}×{width} out of the picture, and the picture has only {rows}×{columns}."
    made = f"{raised.spelled('torchvision.transforms', 'Resize')}({max(height, width)})"
    if chain.steps is not None and chain.place >= 0:
        code = chain.insert(chain.place, made)
        return raised.diagnosis("crop larger than the picture", what, code, f"{made} before it; or pad_if_needed=True.")
    return raised.diagnosis(
        "crop larger than the picture", what, chain.with_data(f"{made}({{x}})"), "This enlarges the picture first."
    )


def to_picture(raised: RaisedError) -> Diagnosis | None:
    """``ToPILImage`` of a whole batch, or of rows."""
    match = re.search(r"Got (\d+) dimensions", raised.message)
    source = raised.statement
    chain = _Chain(raised)
    call = next((call for call in source.calls() if call.args and call.args[0] is chain.node), None) if source else None
    if match is None or source is None:
        return None
    what = f"One picture has 2 or 3 dimensions, and this has {match.group(1)}"
    if match.group(1) != "4":
        return raised.diagnosis("not the shape of a picture", f"{what}.")
    what += ": it is a batch."
    if call is None:
        call = next((one for one in source.calls("to_pil_image", "to_tensor") if len(one.args) == 1), None)
    if call is None:
        return raised.diagnosis("batch instead of a picture", what)
    name = source.segment(call.args[0])
    code = source.rewritten((call, f"[{source.segment(call.func)}(picture) for picture in {name}]"))
    return raised.diagnosis("batch instead of a picture", what, code, f"It gives a list; one picture is {name}[0].")


def array_to_picture(raised: RaisedError) -> Diagnosis | None:
    """``Image.fromarray`` of decimal numbers, or with the channels in front."""
    space = raised.variables_of("fromarray", "PIL/Image.py")
    source = raised.statement
    call = next(source.calls("fromarray"), None) if source else None
    array = space.get("obj") if space else None
    if source is None or call is None or not isinstance(array, np.ndarray) or len(call.args) != 1:
        return None
    what = f"PIL makes pictures of whole numbers (uint8), height×width×3; this array is {times(tuple(array.shape))}, "
    what += f"{array.dtype}."
    text, more = call.args[0], ""
    code = source.segment(text)
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[2] not in (1, 3, 4):
        more = ".transpose(1, 2, 0)" if array.shape[0] == 3 else "[0]"
    elif array.ndim == 3 and array.shape[2] == 1:
        more = "[..., 0]"
    code = source.chained(text, more) if more else code
    if array.dtype != np.uint8:
        scaled = f"({code} * 255)" if array.size and array.max() <= 1 else source.chained(text, more)
        code = f"{scaled}.astype('uint8')"
    if code == source.segment(text):
        return None
    return raised.diagnosis("array that isn't a picture yet", what, source.rewritten((text, code)))
