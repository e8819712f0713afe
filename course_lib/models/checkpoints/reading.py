"""Read a checkpoint that a stranger wrote: tensors and plain values, never code; one sentence where it is none.

Four kinds of file, told apart by their bytes and not by their names: PyTorch's zip archive and its older pickles
(``.pt``, ``.pth``, ``.pkl``), and safetensors. Where the format allows it the file is mapped, not read: its pages are
shared by all processes that map it, and a tensor that nobody touches costs nothing.
"""

from __future__ import annotations

import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from course_lib.errors import CheckpointError, closest
from course_lib.models.checkpoints import layouts, refusals
from course_lib.models.checkpoints.layouts import Checkpoint

__all__ = ["first_without_number", "read_checkpoint", "read_state_dict"]


def read_state_dict(path: str | Path, *, key: str | None = None, check_numbers: bool = True) -> dict[str, Tensor]:
    """Read a state dict from a file, whatever lies round it and whatever stands before its names.

    Args:
        path: a checkpoint: a bare state dict, or one under a key of a dict; PyTorch's format, the older one, or
            safetensors; under any name.
        key: under which key the state dict lies; None looks under the usual ones.
        check_numbers: look at every tensor for NaN, which reads the whole file once. False maps the file and reads
            nothing: for a file whose hash was checked.

    Returns:
        Parameter and buffer names → tensors on the CPU, in the file's own dtype.

    Raises:
        CheckpointError: there is no such file, or it is empty, cut short, a web page, no checkpoint, without a state
            dict, asks to run code (it is refused before anything in it runs), or holds NaN.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "line.pth"
        >>> torch.save({"epoch": 3, "model_state_dict": torch.nn.Linear(2, 1).state_dict(prefix="module.")}, path)
        >>> {name: tuple(tensor.shape) for name, tensor in read_state_dict(path).items()}
        {'weight': (1, 2), 'bias': (1,)}
    """
    return _read(Path(path).expanduser(), key, check_numbers).state_dict


def read_checkpoint(path: str | Path, *, key: str | None = None) -> Checkpoint:
    """Read a checkpoint with all that lies beside its state dict: epoch, categories, the optimizer's state.

    Args:
        path, key: as for ``read_state_dict``.

    Raises:
        CheckpointError: as for ``read_state_dict``.

    Example:
        >>> import tempfile
        >>> from course_lib.models.checkpoints import save_checkpoint
        >>> path = save_checkpoint(Path(tempfile.mkdtemp()) / "a.pth", torch.nn.Linear(2, 2), epoch=14, loss=0.25)
        >>> read_checkpoint(path)
        <Checkpoint a.pth: 2 tensors (under 'model_state_dict'), epoch 14, also 'loss'>
    """
    return _read(Path(path).expanduser(), key, check_numbers=True)


def first_without_number(state_dict: dict[str, Tensor]) -> str | None:
    """The name of the first tensor that holds NaN.

    Example:
        >>> first_without_number({"weight": torch.ones(2), "bias": torch.tensor([0.0, float("nan")])})
        'bias'
    """
    for name, tensor in state_dict.items():
        if isinstance(tensor, Tensor) and not tensor.is_meta and _lacks_a_number(tensor):
            return name
    return None


def _lacks_a_number(tensor: Tensor) -> bool:
    if str(tensor.dtype).startswith("torch.float8"):  # has no sum
        return bool(tensor.float().isnan().any())
    if not (tensor.is_floating_point() or tensor.is_complex()) or tensor.element_size() == 1:  # 4 bits: has no NaN
        return False
    # A sum is NaN where a number is, and needs no second tensor; infinities of both signs make one as well.
    return bool(tensor.sum().isnan()) and bool(tensor.isnan().any())


def _read(path: Path, key: str | None, check_numbers: bool) -> Checkpoint:
    checkpoint = layouts.find(path, _content(path), key)
    name = first_without_number(checkpoint.state_dict) if check_numbers else None
    if name is not None:
        raise CheckpointError(
            f"{path} holds NaN (no number) in {name}: its training went wrong before it was saved; "
            "take an earlier checkpoint, and train with a smaller learning rate."
        )
    return checkpoint


def _content(path: Path) -> Any:
    try:
        start = refusals.start_of(path)
    except FileNotFoundError:
        here = sorted(one.name for one in path.parent.iterdir()) if path.parent.is_dir() else []
        what = f"There is no file {path}." if here else f"There is no file {path}; its folder is empty or not there."
        raise CheckpointError(what + closest(path.name, here)) from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read as a file: {error.strerror}.") from None
    try:
        if refusals.is_safetensors(start):
            return _safetensors(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the protocol of a pickle that is refused a moment later
            # Only the zip format can be mapped; files from before PyTorch 1.6 are read.
            return torch.load(path, map_location="cpu", mmap=zipfile.is_zipfile(path), weights_only=True)
    except Exception as error:  # torch raises a dozen kinds here, and all of them mean that this file will not do
        # PyTorch's own message is not shown with it: it recommends to try again without the protection.
        raise CheckpointError(refusals.why(path, str(error)).sentence(path)) from None


def _safetensors(path: Path) -> dict[str, Any]:
    """The tensors of a safetensors file, and its metadata beside them: words, or what they are in JSON."""
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - this is no dict
        metadata = file.metadata() or {}
    rest = {name: _from_json(text) for name, text in metadata.items() if name != "model_state_dict"}
    return {"model_state_dict": tensors, **rest} if rest else tensors


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
