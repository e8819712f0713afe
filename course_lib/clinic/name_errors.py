"""Errors of names: imports, functions and classes of PyTorch under another name, keys of a dict, device words."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from difflib import get_close_matches
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torchvision.models import WeightsEnum

from course_lib.clinic.diagnosis import Diagnosis
from course_lib.clinic.tracebacks import RaisedError

__all__ = ["device_word", "import_name", "key", "module_attribute", "no_gpu", "out_of_memory", "package",
           "transforms_of_weights", "unknown_name"]  # fmt: skip

_CUDA = '"cuda" if torch.cuda.is_available() else "cpu"'
#: What everybody calls these, and where they come from.
_IMPORTS = {
    "torch": "import torch", "torchvision": "import torchvision", "nn": "from torch import nn",
    "F": "from torch.nn import functional as F", "optim": "from torch import optim", "np": "import numpy as np",
    "plt": "import matplotlib.pyplot as plt", "Image": "from PIL import Image", "PIL": "import PIL.Image",
    "models": "from torchvision import models", "datasets": "from torchvision import datasets",
    "transforms": "from torchvision import transforms", "T": "from torchvision import transforms as T",
    "DataLoader": "from torch.utils.data import DataLoader", "Dataset": "from torch.utils.data import Dataset",
    "TensorDataset": "from torch.utils.data import TensorDataset", "Subset": "from torch.utils.data import Subset",
    "random_split": "from torch.utils.data import random_split", "Path": "from pathlib import Path", "os": "import os",
    "time": "import time", "random": "import random", "pd": "import pandas as pd", "tqdm": "from tqdm.auto import tqdm",
}  # fmt: skip
#: What a package is called where it is installed from, where that is another name.
_PACKAGES = {"cv2": "opencv-python", "PIL": "pillow", "sklearn": "scikit-learn", "skimage": "scikit-image",
             "matplotlib": "matplotlib", "pandas": "pandas", "tqdm": "tqdm", "timm": "timm", "torchinfo": "torchinfo",
             "torchsummary": "torchsummary", "seaborn": "seaborn", "tensorboard": "tensorboard"}  # fmt: skip
#: Names that older tutorials use, and what took their place.
_RENAMED = {"Scale": "Resize", "RandomSizedCrop": "RandomResizedCrop"}


def unknown_name(raised: RaisedError) -> Diagnosis | None:
    """A name that nothing was assigned to: a missing import, or a typing error."""
    match = re.match(r"name '(\w+)' is not defined", raised.message)
    source = raised.statement
    if match is None or source is None or not raised.direct:
        return None
    name = match.group(1)
    if name in _IMPORTS:
        what = f"{name} was never imported in this session."
        why = "Run it in a cell before; after a restart every import has to run again."
        return raised.diagnosis("missing import", what, _IMPORTS[name], why)
    if name == "device":
        what = "device isn't defined: it's a variable that you create yourself, not part of PyTorch."
        return raised.diagnosis("device not defined", what, f"device = torch.device({_CUDA})")
    near = get_close_matches(name, [key for key, _ in raised.names()], 1, 0.8)
    if near:
        nodes = [node for node in source.nodes(ast.Name) if node.id == name]
        code = source.rewritten(*((node, near[0]) for node in nodes))
        return raised.diagnosis("misspelled name", f"There is no {name}; there is {near[0]}.", code)
    return None


def package(raised: RaisedError) -> Diagnosis | None:
    """A package that is not installed, or a module of PyTorch's under another name."""
    name = getattr(raised.error, "name", "") or ""
    source = raised.statement
    if not raised.direct and "importlib" not in raised.frames[-1][0].f_code.co_filename:
        return None
    top, _, rest = name.partition(".")
    if not rest and top in _PACKAGES:
        what = f"The package that {top} comes from is not installed in this Python."
        return raised.diagnosis("package not installed", what, f"%pip install {_PACKAGES[top]}",
                                "In a cell of the notebook; in a terminal without the %.")  # fmt: skip
    if top in ("torch", "torchvision") and rest and source is not None:
        parent: Any = __import__(top)
        parts = rest.split(".")
        for part in parts[:-1]:
            parent = getattr(parent, part, None)
        near = get_close_matches(parts[-1], [key for key in dir(parent) if not key.startswith("_")], 1, 0.7)
        if near:
            right = ".".join([top, *parts[:-1], near[0]])
            what = f"There is no module {name}; there is {right}."
            return raised.diagnosis(
                "module under a different name", what, re.sub(rf"\b{re.escape(name)}\b", right, source.text)
            )
    return None


def _like(name: str, home: ModuleType) -> str:
    """A public name of a module that is nearly this one: other capitals first, then other letters."""
    known = [key for key in dir(home) if not key.startswith("_")]
    if name in _RENAMED and _RENAMED[name] in known:
        return _RENAMED[name]
    same = [key for key in known if key.lower() == name.lower()]
    return next(iter([*same, *get_close_matches(name, known, 1, 0.8)]), "")


def _torch(home: Any) -> bool:
    return isinstance(home, ModuleType) and home.__name__.partition(".")[0] in ("torch", "torchvision")


def module_attribute(raised: RaisedError) -> Diagnosis | None:
    """``nn.Conv2D``: a name that PyTorch's module lacks, and has with other letters or elsewhere."""
    home, name = getattr(raised.error, "obj", None), getattr(raised.error, "name", "") or ""
    source = raised.statement
    if not _torch(home) or source is None or home is None or home.__name__ == "torchvision.models":
        return None
    nodes = [node for node in source.nodes(ast.Attribute) if node.attr == name and raised.value(node.value) is home]
    if not nodes:
        return None
    near, base = _like(name, home), source.segment(nodes[0].value)
    if near:
        what = f"{home.__name__} has no {name}; it has {near}."
        code = source.rewritten(*((node, f"{base}.{near}") for node in nodes))
        return raised.diagnosis("different spelling of a name", what, code)
    if home.__name__ == "torch":
        for place in ("torch.nn", "torch.nn.functional", "torch.optim", "torch.utils.data"):
            module = __import__(place, fromlist=[name])
            if hasattr(module, name):
                what = f"torch has no {name}; it is in {place}."
                return raised.diagnosis(
                    "name in a different module", what, source.rewritten((nodes[0], f"{place}.{name}"))
                )
    return None


def import_name(raised: RaisedError) -> Diagnosis | None:
    """``from torch.utils.data import Dataloader``."""
    match = re.match(r"cannot import name '(\w+)' from '([\w.]+)'", raised.message)
    source = raised.statement
    if match is None or source is None or match.group(2) == "torchvision.models":
        return None
    name, place = match.groups()
    if place.partition(".")[0] not in ("torch", "torchvision"):
        return None
    home = __import__(place, fromlist=["_"])
    near = _like(name, home)
    if not near:
        return None
    code = re.sub(rf"\b{name}\b(?! as\b)", f"{near} as {name}" if name in _RENAMED else near, source.text)
    return raised.diagnosis("different spelling of a name", f"{place} has no {name}; it has {near}.", code)


def key(raised: RaisedError) -> Diagnosis | None:
    """A key that a dict lacks: of a checkpoint, or of a weights' meta."""
    source = raised.statement
    if source is None or not raised.direct or not raised.error.args:
        return None
    name = raised.error.args[0]
    for node in source.nodes(ast.Subscript):
        owner = raised.value(node.value)
        if (
            not isinstance(owner, Mapping)
            or raised.value(node.slice) != name
            or name in owner
            or not isinstance(name, str)
        ):
            continue
        words = [str(one) for one in owner]
        states = [
            one
            for one, value in owner.items()
            if isinstance(value, Mapping) and any(isinstance(t, Tensor) for t in value.values())
        ]
        text = source.segment(node.value)
        what = f"{text} has no {name!r}; it has {', '.join(map(repr, words[:5]))}{', …' if words[5:] else ''}."
        near = get_close_matches(name, words, 1, 0.6)
        if len(states) == 1 and ("state" in name or "model" in name or "net" in name or "weights" in name):
            near = [str(states[0])]
        if near:
            code = source.rewritten((node.slice, repr(near[0])))
            return raised.diagnosis("missing key", what, code)
        if (
            words
            and all(isinstance(value, Tensor) for value in owner.values())
            and ("state" in name or "model" in name)
        ):
            what = f"{text} is the state dict itself, names and tensors; it has no {name!r} around it."
            return raised.diagnosis("missing key", what, source.rewritten((node, text)))
    return None


def transforms_of_weights(raised: RaisedError) -> Diagnosis | None:
    """``ResNet18_Weights.transforms()`` of the enum; or the transforms' maker instead of the transforms."""
    source = raised.statement
    if source is None:
        return None
    for node in source.nodes(ast.Attribute):
        owner = raised.value(node.value)
        if isinstance(owner, type) and issubclass(owner, WeightsEnum) and node.attr in ("transforms", "meta", "url"):
            text = source.segment(node.value)
            what = f"{text} is the list of all weights for this model, and {node.attr} belongs to one of them."
            code = source.rewritten((node.value, f"{text}.DEFAULT"))
            return raised.diagnosis("enum instead of its weights", what, code, "DEFAULT is the best of them.")
    for call in source.calls():
        function = raised.value(call.func)
        if (
            getattr(getattr(function, "func", None), "__module__", "") == "torchvision.transforms._presets"
            and call.args
        ):
            text = source.segment(call.func)
            what = f"{text} makes the transforms when it is called; it was given the picture instead."
            code = source.rewritten((call.func, f"{text}()"))
            return raised.diagnosis(
                "transforms without brackets", what, code, "Better where they are made: weights.transforms()."
            )
    return None


# Devices.


def device_word(raised: RaisedError) -> Diagnosis | None:
    """``.to("gpu")``."""
    match = re.search(r"device string: '?([^'\s]+)'?", raised.message)
    source = raised.statement
    if match is None or source is None:
        return None
    word = match.group(1)
    nodes = [node for node in source.nodes(ast.Constant) if node.value == word]
    what = (
        f"PyTorch has no device called {word[:40]!r}: an NVIDIA GPU is called 'cuda', Apple's 'mps', the "
        "processor 'cpu'."
    )
    base = word.lower().partition(":")[0]
    right = {"gpu": "cuda", "nvidia": "cuda", "cude": "cuda", "cuda": "cuda", "cup": "cpu"}.get(base)
    right = right or next(iter(get_close_matches(base, ["cuda", "cpu", "mps"], 1, 0.6)), "cuda")
    new = (
        '"cpu"'
        if right == "cpu"
        else '"mps" if torch.backends.mps.is_available() else "cpu"'
        if right == "mps"
        else _CUDA
    )
    code = source.rewritten((nodes[0], new)) if len(nodes) == 1 else f"device = torch.device({new})"
    if len(nodes) != 1:
        names = [name for name, value in raised.names() if value == word]
        code = f"{names[0]} = {new}\n{source.text}" if names else code
    return raised.diagnosis("device word", what, code)


def no_gpu(raised: RaisedError) -> Diagnosis | None:
    """``cuda`` on a machine without an NVIDIA GPU, or a GPU's number that is not there."""
    source = raised.statement
    if source is None:
        return None
    if "deserialize object on" in raised.message:
        call = next(source.calls("load"), None)
        if call is None or not call.args:
            return None
        last = [*call.args, *(keyword.value for keyword in call.keywords)][-1]
        what = (
            "The file's tensors were saved from a GPU, and this machine has none: they must be loaded onto "
            "another device."
        )
        code = source.rewritten((last, f'{source.segment(last)}, map_location="cpu"'))
        return raised.diagnosis("checkpoint from a GPU", what, code)
    if "device ordinal" in raised.message:
        what = f"There is no GPU with that number: this machine has {torch.cuda.device_count()}, counted from 0."
    else:
        what = "No NVIDIA GPU can be used here: there is none, its driver is missing, or this PyTorch was "
        what += "built without CUDA."
    why = "In Colab: Runtime, Change runtime type, GPU."
    for call in source.calls("cuda"):
        if isinstance(call.func, ast.Attribute):
            code = source.rewritten((call, f"{source.segment(call.func.value)}.to({_CUDA})"))
            return raised.diagnosis("no GPU", what, code, why)
    nodes = [
        node for node in source.nodes(ast.Constant) if isinstance(node.value, str) and node.value.startswith("cuda")
    ]
    if len(nodes) == 1:
        return raised.diagnosis("no GPU", what, source.rewritten((nodes[0], _CUDA)), why)
    names = [
        name
        for name, value in raised.names()
        if str(value).startswith("cuda") and isinstance(value, str | torch.device)
    ]
    code = f"{names[0]} = torch.device({_CUDA})\n{source.text}" if names else ""
    return raised.diagnosis("no GPU", what, code, why)


def out_of_memory(raised: RaisedError) -> Diagnosis | None:
    """The GPU's memory is full; or an index on the GPU was out of range."""
    if "out of memory" in raised.message:
        what = "The GPU's memory is full."
        why = "A smaller batch_size; torch.inference_mode() for predictions; loss.item() instead of loss "
        why += "where it is added "
        why += "up. Restart the kernel to free what an earlier cell still holds."
        return raised.diagnosis("GPU out of memory", what, "", why)
    what = (
        "An index was out of range on the GPU: nearly always a label that isn't a class number of the model. The GPU "
    )
    what += (
        "reports it late, so the line may be a different one, and it can't compute anything more until the "
        "kernel is restarted."
    )
    return raised.diagnosis(
        "index out of range on the GPU",
        what,
        "",
        "Run the same code once on the CPU, where the error message is precise.",
    )
