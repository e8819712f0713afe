"""Read a checkpoint that a stranger wrote: tensors and plain values, never code; one sentence where it is none.

Four kinds of file, told apart by their bytes and not by their names: PyTorch's zip archive and its older pickles
(``.pt``, ``.pth``, ``.pkl``), and safetensors. What comes out is what ``torch.load(path, weights_only=True)`` gives, or
a sentence: ``inspection`` looks at what the file claims before PyTorch reads it, ``refusals`` says what it is instead.

A learner's file is read into memory and never mapped. Pages that are mapped belong to the file: ``torch.save`` over it
would take them away from the model that is being saved, and the system ends the process (SIGBUS) with the file half
written; an archive packed with compression would give its packed bytes as weights. Reading costs no more than
``torch.load`` (0.15 to 0.25 s for the 528 MB of vgg16, where mapping takes 0.03 s): threads share the large records,
take each megabyte of memory in one call, and look at it for NaN while it is still in the processor's cache
(``_ReadInPieces``). Only ``mapped_state_dict`` maps; it is for files with a known hash, which nobody saves over: those
in torch.hub's cache, which ``hub_cache`` checks and which are replaced by renaming.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load as load_safetensors
from torch import Tensor

from course_lib.errors import CheckpointError
from course_lib.models.checkpoints import layouts
from course_lib.models.checkpoints.inspection import claims_of, is_safetensors, is_zip
from course_lib.models.checkpoints.layouts import Checkpoint
from course_lib.models.checkpoints.refusals import checked_file, checked_path, printable, refusal_of

__all__ = ["check_file", "first_without_number", "mapped_state_dict", "read_checkpoint", "read_state_dict"]

#: Bytes that a thread reads, and then looks at, in one go: about what a processor core's own cache holds.
_PIECE = 1 << 20
_THREADS = min(4, os.cpu_count() or 1)
#: ``madvise`` (address, length, advice) of Linux's C library, and its advice MADV_POPULATE_WRITE (Linux 5.14).
_advise = ctypes.CDLL(None).madvise if sys.platform == "linux" else None
_POPULATE_WRITE = 23
_PAGE = os.sysconf("SC_PAGESIZE") if _advise else 0


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
            memory (it is refused before anything in it runs); or it contains NaN.

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
        path: a file that this program downloaded or verified, such as one in torch.hub's cache; never a learner's own.

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
    """The name of the first tensor that contains NaN.

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
    if tensor.dtype is torch.float32 and tensor.device.type == "cpu":  # PyTorch would first have to start its threads
        return _holds_nan(tensor.numpy(force=True))
    # A sum is NaN where a number is, and needs no second tensor; infinities of both signs make one as well.
    return bool(tensor.sum().isnan()) and bool(tensor.isnan().any())


def _holds_nan(numbers: np.ndarray[Any, Any]) -> bool:
    with np.errstate(invalid="ignore"):  # a minimum is NaN where any number is
        return bool(np.isnan(numbers.min(initial=0)))


def _read(given: str | Path, key: str | None, check_numbers: bool) -> Checkpoint:
    path = checked_path(given)
    content, clean = _content(path)
    checkpoint = layouts.find(path, content, key)
    name = first_without_number(_not_seen(checkpoint.state_dict, clean)) if check_numbers else None
    if name is not None:
        raise CheckpointError(
            f"{printable(path)} contains NaN (not a number) in {name[:80]}: its training went wrong before "
            "it was saved; "
            "take an earlier checkpoint, and train with a smaller learning rate."
        )
    return checkpoint


def _not_seen(state_dict: dict[str, Tensor], clean: int) -> dict[str, Tensor]:
    """The tensors still to be looked at, when ``clean`` bytes of 32-bit floats were found good while they were read."""
    seen = {
        name: tensor.untyped_storage()
        for name, tensor in state_dict.items()
        if isinstance(tensor, Tensor) and tensor.dtype is torch.float32 and tensor.layout is torch.strided
        if tensor.untyped_storage().nbytes() >= _PIECE
    }
    if sum({storage.data_ptr(): storage.nbytes() for storage in seen.values()}.values()) > clean:
        return state_dict  # some were read in another way: packed, or by a PyTorch that reads in smaller pieces
    return {name: tensor for name, tensor in state_dict.items() if name not in seen}


def _content(path: Path) -> tuple[Any, int]:
    """All that a learner's file holds, in memory of its own; and how many bytes are known to hold no float32 NaN."""
    start = checked_file(path)
    if is_safetensors(start):
        return _safetensors(path), 0
    claims = claims_of(path)
    if claims.fault:
        raise CheckpointError(refusal_of(path).sentence(path))
    if not is_zip(start) or not hasattr(os, "preadv"):  # not on Windows
        return _torch_load(path), 0
    with ThreadPoolExecutor(_THREADS) as threads, path.open("rb") as file:
        pieces = _ReadInPieces(file, threads)
        content = _torch_load(path, pieces)
    return content, 0 if pieces.holds_nan or claims.byte_order != sys.byteorder else pieces.looked_at


class _ReadInPieces(io.RawIOBase):
    """An open archive from which ``torch.load`` reads: large reads are shared by threads, which look for NaN as well.

    What the bytes mean is not known here, so they are taken for 32-bit floats. A NaN may then be a false alarm, and the
    tensors themselves are looked at; no NaN is a proof for every float32 tensor among them.

    Attributes:
        looked_at: how many bytes were looked at.
        holds_nan: whether some of them, as 32-bit floats, are NaN.
    """

    def __init__(self, file: io.BufferedReader, threads: ThreadPoolExecutor) -> None:
        self.looked_at, self.holds_nan = 0, False
        self._file, self._threads = file, threads

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        start = self._file.tell()
        if len(view) < _PIECE:
            return self._file.readinto(view)

        def read(at: int) -> tuple[int, bool]:
            piece = view[at : at + _PIECE]
            _take_memory(piece)
            count = os.preadv(self._file.fileno(), [piece], start + at)
            return count, _holds_nan(np.frombuffer(piece[: len(piece) // 4 * 4], np.float32))

        pieces = list(self._threads.map(read, range(0, len(view), _PIECE)))
        count = sum(length for length, _ in pieces)
        self.looked_at += count
        self.holds_nan |= any(nan for _, nan in pieces)
        self._file.seek(start + count)
        return count


def _take_memory(buffer: memoryview) -> None:
    """Have Linux give a new buffer its memory now, in one call.

    Page by page, each at its first writing, this is a fifth of the time that reading a file takes. Where the call is
    unknown, it is done page by page.
    """
    if _advise:
        start = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
        begin = start - start % _PAGE
        _advise(ctypes.c_void_p(begin), ctypes.c_size_t(start + len(buffer) - begin), _POPULATE_WRITE)


def _torch_load(path: Path, file: io.RawIOBase | None = None, *, mapped: bool = False) -> Any:
    """What ``torch.load`` makes of the file at ``path``, read through ``file`` where one is given."""
    try:
        with warnings.catch_warnings(), path.open("rb") as opened:
            warnings.simplefilter("ignore")  # about the protocol of a pickle that is refused a moment later
            # The opened file and not its name, by which newer versions of PyTorch take a .safetensors for one.
            source: Any = path if mapped else file or opened
            return torch.load(source, map_location="cpu", mmap=mapped, weights_only=True)
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
