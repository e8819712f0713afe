"""Save a checkpoint whole or not at all.

It is written beside its destination, and gets its name only when all of it is on the disk: a full disk, a kernel that
is stopped or a power cut leave the checkpoint of the epoch before as it was. What is written can be read back without
running code, because nothing but tensors and plain values goes into it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from course_lib.errors import CheckpointError
from course_lib.models.checkpoints import layouts
from course_lib.models.checkpoints.reader import first_without_number

__all__ = ["PLAIN", "save_checkpoint"]

#: Kinds of values that PyTorch brings back without running code, beside tensors, lists, tuples and dicts.
PLAIN = (type(None), bool, int, float, complex, str, bytes, torch.Size, torch.dtype, torch.device)


def save_checkpoint(
    path: str | Path,
    model: nn.Module,
    *,
    epoch: int | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    categories: Iterable[str] | None = None,
    **more: Any,
) -> Path:
    """Save a model's weights and what belongs to them as PyTorch's tutorial does: a dict with ``model_state_dict``.

    Args:
        path: the file; its folder is made when missing, and a file of that name is replaced at the end.
        model: its state dict is saved from the CPU, without the prefixes of DataParallel or torch.compile.
        epoch: the epoch it was trained to.
        optimizer: its state dict is saved as ``optimizer_state_dict``, so that training can go on.
        categories: the classes' names, in the order of the outputs.
        more: further entries: numbers, words, None, tensors, and lists, tuples and dicts of these.

    Returns:
        The file's path.

    Raises:
        CheckpointError: it cannot be written there, the disk is full, the model holds NaN, or an entry is not plain.
            What stood at ``path`` is still there.

    Example:
        >>> import tempfile
        >>> path = save_checkpoint(Path(tempfile.mkdtemp()) / "a.pth", nn.Linear(2, 2), epoch=14, categories=("a", "b"))
        >>> list(torch.load(path, weights_only=True))
        ['model_state_dict', 'epoch', 'categories']
    """
    path = Path(path).expanduser()
    content = _content(path, model, epoch, optimizer, categories, more)
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    made: list[Path] = []
    try:
        made = [folder for folder in path.parents if not folder.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("xb") as file:
            _write(content, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise CheckpointError(_not_written(path, error)) from None
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
            for folder in made:  # where the checkpoint was written it is not empty and stays
                folder.rmdir()
    return path


class _Keeping:
    """A file that keeps the first error of its writes, for when PyTorch has ended.

    An exception that goes through the C++ code of ``torch.save`` comes out as another one ("unexpected pos 64"), or
    stops the process.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.error: BaseException | None = None

    def write(self, data: Any) -> int:
        if self.error is None:
            try:
                self.file.write(data)
            except BaseException as error:  # also the kernel's stop button
                self.error = error
        return memoryview(data).nbytes

    def flush(self) -> None:
        pass


def _write(content: dict[str, Any], file: IO[bytes]) -> None:
    out = _Keeping(file)
    torch.save(content, out)  # type: ignore[arg-type]
    if out.error is not None:
        raise out.error


def _content(
    path: Path,
    model: nn.Module,
    epoch: int | None,
    optimizer: torch.optim.Optimizer | None,
    categories: Iterable[str] | None,
    more: Mapping[str, Any],
) -> dict[str, Any]:
    """What is saved; every mistake that can be seen before a file is touched is told here."""
    if not isinstance(model, nn.Module):
        raise CheckpointError(f"save_checkpoint saves a torch.nn.Module; it was given {type(model).__name__}.")
    if path.suffix == ".safetensors":
        raise CheckpointError(
            f"{path.name}: a checkpoint holds more than tensors, so it is written in PyTorch's format; call it .pth. "
            "For the weights alone: safetensors.torch.save_file(model.state_dict(), path)."
        )
    if not path.name:
        raise CheckpointError(f"{path} is a folder: give the name of a file in it, such as {path / 'checkpoint.pth'}.")
    if epoch is not None and (not isinstance(epoch, int) or isinstance(epoch, bool)):
        raise CheckpointError(f"epoch={epoch!r}: give the number of the epoch, such as 14.")
    listed = isinstance(categories, Iterable) and not isinstance(categories, str)
    names = list(categories) if categories is not None and listed else None
    if categories is not None and (not names or not all(isinstance(name, str) for name in names)):
        raise CheckpointError(f"categories={categories!r}: give the classes' names, such as ('ant', 'bee').")
    if optimizer is not None and not hasattr(optimizer, "state_dict"):
        raise CheckpointError(f"optimizer={optimizer!r}: give the optimizer itself, a torch.optim.Optimizer.")
    state = _weights(path, model)
    name = first_without_number(state)
    if name is not None:
        raise CheckpointError(
            f"{path} was not written: the model holds NaN (no number) in {name}, so its training went wrong; "
            "load an earlier checkpoint, and train with a smaller learning rate."
        )
    content: dict[str, Any] = {"model_state_dict": state}
    given = {"epoch": epoch, "optimizer_state_dict": optimizer.state_dict() if optimizer else None, "categories": names}
    content |= {key: value for key, value in given.items() if value is not None}
    for key, value in more.items():
        if key in (*given, "model_state_dict"):
            raise CheckpointError(f"{key!r} is what save_checkpoint itself writes; give the entry another name.")
        content[key] = value
    for key, value in content.items():
        _check_plain(value, key)
    return content


def _weights(path: Path, model: nn.Module) -> dict[str, Tensor]:
    """The state dict on the CPU, without wrappers; versions of the layers' formats stay with it."""
    state: dict[str, Tensor] = layouts.unwrapped(model).state_dict()
    for name, tensor in state.items():
        if isinstance(tensor, Tensor):
            if is_lazy(tensor) or tensor.is_meta:
                raise CheckpointError(
                    f"{path} was not written: {name} has no numbers yet; run a batch through lazy layers first, and "
                    "fill a model on the meta device."
                )
            tensor = tensor.detach().cpu()
            # torch.save writes a tensor's whole storage: for a view into a mapped file, that would be the file.
            state[name] = tensor.clone() if tensor.untyped_storage().nbytes() != tensor.nbytes else tensor
    return state


def _check_plain(value: Any, where: str) -> None:
    """A file with anything but plain values could be read only by running what it says."""
    if type(value) in PLAIN or isinstance(value, Tensor):
        return
    if type(value) in (list, tuple):
        for place, item in enumerate(value):
            _check_plain(item, f"{where}[{place}]")
    elif isinstance(value, Mapping) and type(value).__module__ in ("builtins", "collections"):
        for key, item in value.items():
            _check_plain(key, f"the keys of {where}")
            _check_plain(item, f"{where}[{key!r}]")
    else:
        kind = f"{type(value).__module__}.{type(value).__name__}".removeprefix("builtins.")
        raise CheckpointError(
            f"{where} is {kind}, which only a file that runs code could bring back; save plain values: numbers "
            "(float(x)), words (str(x)), None, tensors, and lists, tuples and dicts of these."
        )


def _not_written(path: Path, error: OSError) -> str:
    # os.path and not Path: a name that is too long is no file, and no error.
    kept = f"{path.name} is as it was" if os.path.isfile(path) else "nothing was left behind"  # noqa: PTH113
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{path} could not be written, because the disk is full: {kept}; make room, or save to another disk."
    if os.path.isdir(path):  # noqa: PTH112
        return f"{path} is a folder: give the name of a file in it, such as {path / 'checkpoint.pth'}."
    above = next((folder for folder in path.parents if folder.exists()), path.parent)
    if not above.is_dir():
        return f"{path} could not be written, because {above} is a file and no folder: save to another folder."
    why = (error.strerror or type(error).__name__).lower()
    return f"{path} could not be written ({why}): {kept}; save to a folder of your own, on another disk if need be."
