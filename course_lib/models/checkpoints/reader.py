"""Read a checkpoint that a stranger wrote: tensors and plain values, never code; one sentence where it is none.

Four kinds of file, told apart by their bytes and not by their names: PyTorch's zip archive and its older pickles
(``.pt``, ``.pth``, ``.pkl``), and safetensors. What comes out is what ``torch.load(path, weights_only=True)`` gives, or
a sentence: ``inspection`` looks at what the file claims before PyTorch reads it, ``refusals`` says what it is instead.

A learner's file is read into memory and never mapped. Pages that are mapped belong to the file: ``torch.save`` over it
would take them away from the model that is being saved, and the system ends the process (SIGBUS) with the file half
written; an archive packed with compression would give its packed bytes as weights. Reading costs what ``torch.load``
costs (0.2 to 0.5 s for the 528 MB of vgg16, where mapping takes 0.03 s), and the look for NaN comes on top: 6 % on an
idle machine, 40 % on a busy one. With ``load_model``, which computes no first random numbers, it is still 2.6 times
faster than torchvision's way. Only ``mapped_state_dict`` maps; it is for files with a known hash, which nobody saves
over: those in torch.hub's cache, which ``hub_cache`` checks and which are replaced by renaming.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_safetensors
from torch import Tensor

from course_lib.errors import CheckpointError
from course_lib.models.checkpoints import layouts
from course_lib.models.checkpoints.inspection import claims_of, is_safetensors, is_zip
from course_lib.models.checkpoints.layouts import Checkpoint
from course_lib.models.checkpoints.refusals import checked_file, checked_path, printable, refusal_of

__all__ = ["check_file", "first_without_number", "mapped_state_dict", "read_checkpoint", "read_state_dict"]


def read_state_dict(path: str | Path, *, key: str | None = None, check_numbers: bool = True) -> dict[str, Tensor]:
    """Read a state dict from a file, whatever lies around it and whatever stands before its names.

    The tensors are those that ``torch.load(path, weights_only=True)`` gives, in memory of their own: the file may be
    saved over, replaced or deleted while a model uses them.

    Args:
        path: a checkpoint: a bare state dict, or one under a key of a dict; PyTorch's format, the older one, or
            safetensors; under any name.
        key: under which key the state dict lies; None looks under the usual ones.
        check_numbers: look at every tensor for NaN. False leaves that out, for a file that is known to be good.

    Returns:
        Parameter and buffer names → tensors on the CPU, in the file's own dtype.

    Raises:
        CheckpointError: there is no such file, or it may not be read; it is empty, cut short, a web page, another
            format (HDF5, ONNX, NumPy, torch.export), without a state dict; it asks to run code or for a huge piece of
            memory (it is refused before anything in it runs); or it holds NaN.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "line.pth"
        >>> torch.save({"epoch": 3, "model_state_dict": torch.nn.Linear(2, 1).state_dict(prefix="module.")}, path)
        >>> {name: tuple(tensor.shape) for name, tensor in read_state_dict(path).items()}
        {'weight': (1, 2), 'bias': (1,)}
    """
    return _read(path, key, check_numbers).state_dict


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
    return _read(path, key, check_numbers=True)


def mapped_state_dict(path: Path) -> dict[str, Tensor]:
    """The state dict of a file whose hash has just been found right, mapped: processes share its pages.

    A tensor that nobody touches costs nothing, and changing a weight changes this process's copy, never the file. The
    file must not be written to while the tensors live; a new one may take its name. Files of PyTorch's older format
    cannot be mapped and are read.

    Args:
        path: a file that this program fetched or verified, such as one in torch.hub's cache; never a learner's own.

    Raises:
        CheckpointError: as for ``read_state_dict``.
    """
    content = _torch_load(path, mapped=is_zip(checked_file(path)))
    return layouts.find(path, content).state_dict


def check_file(path: Path) -> None:
    """Look at what a file claims, without its numbers: whether it is whole, and a checkpoint by its outside.

    Raises:
        CheckpointError: as for ``read_state_dict``.
    """
    if is_safetensors(checked_file(path)):
        _safetensors(path)
        return
    claims = claims_of(path)
    if claims.fault or claims.cut or not claims.names + list(claims.members):
        raise CheckpointError(refusal_of(path).sentence(path))


def first_without_number(state_dict: dict[str, Tensor]) -> str | None:
    """The name of the first tensor that holds NaN.

    Example:
        >>> first_without_number({"weight": torch.ones(2), "bias": torch.tensor([0.0, float("nan")])})
        'bias'
    """
    for name, tensor in state_dict.items():
        if isinstance(tensor, Tensor) and not tensor.is_meta and _lacks_a_number(_stored(tensor)):
            return name
    return None


def _stored(tensor: Tensor) -> Tensor:
    """The numbers that a tensor has in memory, as real ones: a sparse or an expanded tensor shows more than it has."""
    tensor = tensor.detach()
    if tensor.layout is torch.sparse_coo:
        tensor = tensor._values()
    elif tensor.layout in (torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc):
        tensor = tensor.values()
    elif tensor.layout is not torch.strided:
        tensor = tensor.to_dense()
    room = tensor.untyped_storage().nbytes() // max(tensor.element_size(), 1)
    if not tensor.is_quantized and tensor.numel() > room:
        tensor = tensor.as_strided((room,), (1,), 0)
    if tensor.is_complex():  # halves in pairs have no sum
        tensor = torch.view_as_real(tensor.conj() if tensor.is_conj() else tensor)
    return tensor


def _lacks_a_number(tensor: Tensor) -> bool:
    if str(tensor.dtype).startswith("torch.float8"):  # has no sum
        return bool(tensor.float().isnan().any())
    if not tensor.is_floating_point() or tensor.element_size() == 1:  # 4 bits: has no NaN
        return False
    # A sum is NaN where a number is, and needs no second tensor; infinities of both signs make one as well.
    return bool(tensor.sum().isnan()) and bool(tensor.isnan().any())


def _read(given: str | Path, key: str | None, check_numbers: bool) -> Checkpoint:
    path = checked_path(given)
    checkpoint = layouts.find(path, _content(path), key)
    name = first_without_number(checkpoint.state_dict) if check_numbers else None
    if name is not None:
        raise CheckpointError(
            f"{printable(path)} holds NaN (no number) in {name[:80]}: its training went wrong before it was saved; "
            "take an earlier checkpoint, and train with a smaller learning rate."
        )
    return checkpoint


def _content(path: Path) -> Any:
    """All that a learner's file holds, in memory of its own."""
    if is_safetensors(checked_file(path)):
        return _safetensors(path)
    claims = claims_of(path)
    if claims.fault:
        raise CheckpointError(refusal_of(path).sentence(path))
    return _torch_load(path, mapped=False)


def _torch_load(path: Path, *, mapped: bool) -> Any:
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")  # about the protocol of a pickle that is refused a moment later
            # The opened file and not its name, by which newer versions of PyTorch take a .safetensors for one.
            return torch.load(path if mapped else file, map_location="cpu", mmap=mapped, weights_only=True)
    except Exception as error:  # torch raises a dozen kinds here, and all of them mean that this file will not do
        # PyTorch's own message is not shown with it: it recommends to try again without the protection.
        raise CheckpointError(refusal_of(path, str(error) or type(error).__name__).sentence(path)) from None


def _safetensors(path: Path) -> dict[str, Any]:
    """The tensors of a safetensors file, and its metadata beside them: words, or what they are in JSON."""
    try:
        data = path.read_bytes()  # the library would map the file
        tensors = load_safetensors(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        metadata = header.pop("__metadata__", None) or {}
        tensors = {name: tensors[name] for name in header}  # in the file's order; the library's differs from run to run
    except Exception as error:
        raise CheckpointError(refusal_of(path, str(error) or type(error).__name__).sentence(path)) from None
    rest = {name: _from_json(text) for name, text in metadata.items() if name != "model_state_dict"}
    return {"model_state_dict": tensors, **rest} if rest else tensors


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # words that are no JSON, or brackets a thousand deep
        return text
