"""Read a checkpoint safely, and build its model without filling memory twice.

Torchvision's own way constructs the model (random numbers for every weight), reads the file into memory, and copies it
over. Here the model is constructed on PyTorch's meta device (shapes without memory), the file is mapped rather than
read, and the mapped tensors become the weights. The pages belong to the file, so kernels on one machine share them;
changing a weight changes this process's copy, never the file.

This file reads; it trains nothing, downloads nothing, and knows no model by name.
"""

from __future__ import annotations

import pickle
import pickletools
import re
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.errors import CheckpointError

__all__ = ["load_model", "read_state_dict"]

_PICKLES = 4  # of the older format, before its numbers: a magic number, the version, the machine, the state dict


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Read a state dict from a file, mapped into memory where the format allows it.

    Only tensors are unpickled: a file that would run code is refused before anything in it runs.

    Args:
        path: a file written by ``torch.save(model.state_dict(), path)``, in today's format or the older one.

    Returns:
        Parameter and buffer names → tensors on the CPU, in the file's own dtype.

    Raises:
        CheckpointError: there is no such file, or it is empty, cut short, a web page, no checkpoint, no plain state
            dict, or it asks to run code.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "line.pth"
        >>> torch.save(nn.Linear(2, 1).state_dict(), path)
        >>> {name: tuple(tensor.shape) for name, tensor in read_state_dict(path).items()}
        {'weight': (1, 2), 'bias': (1,)}
    """
    path = Path(path)
    head = _head(path)
    try:
        # Only the zip format can be mapped; files from before PyTorch 1.6 are read.
        content = torch.load(path, map_location="cpu", mmap=zipfile.is_zipfile(path), weights_only=True)
    except Exception as error:  # torch raises a dozen kinds here, and all of them mean that this file will not do
        raise CheckpointError(_why(path, head, error)) from error
    return _plain(path, content)


def load_model(builder: Callable[..., nn.Module], state_dict: Mapping[str, Tensor], /, **kwargs: Any) -> nn.Module:
    """Build a model around the tensors of a state dict.

    The model takes the tensors over instead of copying them: for a second, independent model read the file again.
    Numbers in another precision than the model's own (a half-precision file) are converted. The global random number
    generator is left as it was.

    Args:
        builder: what makes the model, such as ``torchvision.models.resnet18``.
        state_dict: names → tensors, as ``read_state_dict`` gives them.
        kwargs: what the builder takes, such as ``num_classes=10``.

    Returns:
        The model on the CPU, in eval mode.

    Raises:
        CheckpointError: the tensors do not fit the model; the sentence names the first that do not.

    Example:
        >>> from torchvision.models import squeezenet1_1
        >>> state_dict = squeezenet1_1(num_classes=10).state_dict()
        >>> model = load_model(squeezenet1_1, state_dict, num_classes=10)
        >>> model.training, next(model.parameters()).device.type
        (False, 'cpu')
    """
    with torch.random.fork_rng(devices=[]):
        model = _on_meta(builder, kwargs)
        if model is not None:
            _fill(model, state_dict, assign=True)
        if model is None or any(tensor.is_meta for tensor in _tensors(model)):
            # The constructor computes with real numbers, or keeps some that the file does not hold.
            model = builder(**kwargs)
            _fill(model, state_dict, assign=False)
    return model.eval()


def _on_meta(builder: Callable[..., nn.Module], kwargs: dict[str, Any]) -> nn.Module | None:
    try:
        with torch.device("meta"):
            return builder(**kwargs)
    except Exception:  # whatever it is: the ordinary construction will raise it again if it is a real mistake
        return None


def _fill(model: nn.Module, state_dict: Mapping[str, Tensor], *, assign: bool) -> None:
    own = model.state_dict()
    fitting: OrderedDict[str, Tensor] = OrderedDict()
    for name, tensor in state_dict.items():
        convert = name in own and tensor.is_floating_point() and own[name].is_floating_point()
        fitting[name] = tensor.to(own[name].dtype) if convert else tensor
    # Layers read their format's version here: BatchNorm's num_batches_tracked is newer than many files.
    fitting._metadata = getattr(state_dict, "_metadata", None)  # type: ignore[attr-defined]
    try:
        model.load_state_dict(fitting, assign=assign)
    except RuntimeError as error:
        raise CheckpointError(_misfit(model, own, state_dict)) from error


def _tensors(model: nn.Module) -> Iterator[Tensor]:
    """Every tensor a model holds: parameters, buffers (also those that no file keeps) and plain attributes."""
    for module in model.modules():
        yield from module.parameters(recurse=False)
        yield from module.buffers(recurse=False)
        yield from (value for value in vars(module).values() if isinstance(value, Tensor))


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(512)
    except FileNotFoundError:
        raise CheckpointError(f"There is no file {path}.") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read as a file: {error.strerror}.") from error


def _why(path: Path, head: bytes, error: Exception) -> str:
    if not head:
        return f"{path} is empty: delete it and fetch it again."
    if head.lstrip()[:1] == b"<":
        return f"{path} is a web page, not a checkpoint: the address it came from was probably wrong."
    wanted = re.search(r"GLOBAL ([\w.]+)", str(error))
    if isinstance(error, pickle.UnpicklingError) and wanted and not _cut(path):
        return (
            f"{path} holds more than tensors (it asks for {wanted.group(1)}) and could run code, so it was not opened: "
            "a checkpoint must be saved with torch.save(model.state_dict(), path)."
        )
    if (wanted and _cut(path)) or (head[:2] == b"PK" and not zipfile.is_zipfile(path)):
        return f"{path} is cut short: delete it and fetch it again."
    return f"{path} is not a PyTorch checkpoint, or it is damaged or cut short: delete it and fetch it again."


def _cut(path: Path) -> bool:
    """Whether a file of pickles ends inside one: in the middle of a name, it would seem to ask for another name."""
    if zipfile.is_zipfile(path):
        return False  # its list of contents is the last thing in it
    with path.open("rb") as file:
        try:
            for _ in range(_PICKLES):
                for _ in pickletools.genops(file):
                    pass
                if not file.peek(1):
                    return False
        except ValueError:  # reads only: nothing in the file runs
            return not file.read(1)
    return False


def _plain(path: Path, content: Any) -> dict[str, Tensor]:
    if isinstance(content, dict) and content and all(isinstance(value, Tensor) for value in content.values()):
        return content
    if isinstance(content, dict):
        what = "a dict with " + (", ".join(repr(key) for key in list(content)[:4]) or "nothing in it")
    else:
        what = f"one {type(content).__name__}"
    raise CheckpointError(f"{path} holds {what}, expected a state dict: the names of weights and their tensors.")


def _misfit(model: nn.Module, own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str:
    found = []
    for name in own:
        if name in given and own[name].shape != given[name].shape:
            found.append(f"{name} is {tuple(given[name].shape)} in it and {tuple(own[name].shape)} in the model")
    found += [f"{name} is missing" for name in own if name not in given]
    found += [f"{name} is not in the model" for name in given if name not in own]
    more = f" (and {len(found) - 2} more)" if len(found) > 2 else ""
    return f"This checkpoint does not fit {type(model).__name__}: {'; '.join(found[:2])}{more}."
