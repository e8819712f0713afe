"""Save a checkpoint whole or not at all.

It is written beside its destination, and gets its name only when all of it is on the disk and was read back: a full
disk, a kernel that is stopped or a power cut leave the checkpoint of the epoch before as it was. A process that is
killed leaves its unfinished file; it holds a lock on it while it lives, so the next save knows which to remove. Nothing
but tensors and plain values goes in, and what ``reader`` would refuse does not get the name.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import uuid
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from course_lib.errors import CheckpointError
from course_lib.models.checkpoints import layouts
from course_lib.models.checkpoints.reader import check_file, first_without_number, mapped_state_dict
from course_lib.models.checkpoints.refusals import checked_path, printable

try:
    import fcntl
except ImportError:  # Windows, where a file that a process holds open cannot be removed anyway
    fcntl = None  # type: ignore[assignment]

__all__ = ["PLAIN", "save_checkpoint"]

#: Kinds of values that PyTorch brings back without running code, beside tensors, lists, tuples and dicts.
PLAIN = (type(None), bool, int, float, complex, str, bytes, torch.Size, torch.dtype, torch.device)
_BITS = 255 * 8 - 1  # of a whole number: PyTorch's reader knows only the short form
_SHOWN = 120  # characters of a place inside an entry


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
        path: the file; its folder is made when missing, and a file of that name is replaced at the end. Where it is a
            link, the file that the link leads to is replaced, and the link stays.
        model: its state dict is saved from the CPU, without the prefixes of DataParallel or torch.compile.
        epoch: the epoch it was trained to.
        optimizer: its state dict is saved as ``optimizer_state_dict``, so that training can go on.
        categories: the classes' names, in the order of the outputs.
        more: further entries: numbers, words, None, tensors, and lists, tuples and dicts of these.

    Returns:
        The file's path, as it was given.

    Raises:
        CheckpointError: it cannot be written there (no such path, a device, write-protected), the disk is full, the
            model contains NaN or no weights, or an entry is not plain. What stood at ``path`` is still there.

    Example:
        >>> import tempfile
        >>> path = save_checkpoint(Path(tempfile.mkdtemp()) / "a.pth", nn.Linear(2, 2), epoch=14, categories=("a", "b"))
        >>> list(torch.load(path, weights_only=True))
        ['model_state_dict', 'epoch', 'categories']
    """
    path = checked_path(path)
    content = _content(path, model, epoch, optimizer, categories, more)
    target = _target(path)
    partial = target.with_name(f"{target.name}.{uuid.uuid4().hex[:8]}.tmp")
    made: list[Path] = []
    try:
        _remove_leftovers(target)
        made = [folder for folder in target.parents if not os.path.exists(folder)]  # noqa: PTH110 - see _not_written
        target.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("xb") as file:
            _lock(file)
            _write(content, file)
            file.flush()
            os.fsync(file.fileno())
            _check_readable(path, partial)
            with contextlib.suppress(OSError):
                shutil.copymode(target, partial)
            if os.name == "posix":  # elsewhere an open file cannot be renamed
                partial.replace(target)
        if os.name != "posix":
            partial.replace(target)
    except OSError as error:
        raise CheckpointError(_not_written(path, error)) from None
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
            for folder in made:  # where the checkpoint was written it is not empty and stays
                folder.rmdir()
    return path


def _target(path: Path) -> Path:
    """The file that is written: where a link leads, and never a device or what is write-protected."""
    target = Path(os.path.realpath(path)) if path.name and os.path.islink(path) else path  # noqa: PTH114
    shown = printable(path)
    if os.path.islink(target):  # noqa: PTH114 - the end of a chain of links is none, unless there is no end
        raise CheckpointError(f"{shown} is a link that leads back to itself: remove it, or give another name.")
    if not os.path.exists(target) or os.path.isdir(target):  # noqa: PTH110, PTH112
        return target
    if not os.path.isfile(target):  # noqa: PTH113
        raise CheckpointError(f"{shown} is a device or a pipe, not a file: give the name of a file.")
    if not os.access(target, os.W_OK):
        raise CheckpointError(f"{shown} is write-protected, so it was left as it is: save under another name.")
    return target


def _lock(file: IO[bytes]) -> bool:
    """Mark an unfinished file as somebody's for as long as this process lives and has it open."""
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (OSError, AttributeError):  # another process has it, or this disk or system knows no locks
        return fcntl is None
    return True


def _remove_leftovers(target: Path) -> None:
    """Remove unfinished files of this name whose process was killed; those of a process that still writes stay."""
    name = re.compile(rf"{re.escape(target.name)}\.[0-9a-f]{{8}}\.tmp")
    with contextlib.suppress(OSError):  # nothing is lost where they stay
        for leftover in target.parent.iterdir():
            if name.fullmatch(leftover.name) and not leftover.is_symlink():
                with leftover.open("rb") as file:
                    dead = _lock(file)
                if dead:
                    leftover.unlink(missing_ok=True)


def _check_readable(path: Path, partial: Path) -> None:
    """Read back what was written, by the reader's own rules and without its numbers."""
    try:
        check_file(partial)
        mapped_state_dict(partial)
    except CheckpointError as error:
        why = str(error).replace(printable(partial), "what was written")
        raise CheckpointError(f"{printable(path)} was not saved, since it could not be read again: {why}") from None


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
            f"{printable(path.name)}: a checkpoint holds more than tensors, so it is written in PyTorch's format; "
            "call it .pth. For the weights alone: safetensors.torch.save_file(model.state_dict(), path)."
        )
    if not path.name:
        raise CheckpointError(f"{path} is a folder: give the name of a file in it, such as {path / 'checkpoint.pth'}.")
    if epoch is not None and (not isinstance(epoch, int) or isinstance(epoch, bool)):
        raise CheckpointError(f"epoch={_shown(epoch)}: give the number of the epoch, such as 14.")
    listed = isinstance(categories, Iterable) and not isinstance(categories, str)
    names = list(categories) if categories is not None and listed else None
    if categories is not None and (not names or not all(isinstance(name, str) for name in names)):
        raise CheckpointError(f"categories={_shown(categories)}: give the classes' names, such as ('ant', 'bee').")
    if optimizer is not None and not hasattr(optimizer, "state_dict"):
        raise CheckpointError(f"optimizer={_shown(optimizer)}: give the optimizer itself, a torch.optim.Optimizer.")
    state = _weights(path, model)
    if not layouts.is_state_dict(state):
        raise CheckpointError(
            f"{printable(path)} was not written: {type(model).__name__} has no weights, so there is nothing to save."
        )
    name = first_without_number(state)
    if name is not None:
        raise CheckpointError(
            f"{printable(path)} was not written: the model contains NaN (not a number) in {name}, so its training went "
            "wrong; load an earlier checkpoint, and train with a smaller learning rate."
        )
    content: dict[str, Any] = {"model_state_dict": state}
    given = {"epoch": epoch, "optimizer_state_dict": optimizer.state_dict() if optimizer else None, "categories": names}
    content |= {key: value for key, value in given.items() if value is not None}
    for key, value in more.items():
        if key in (*given, "model_state_dict"):
            raise CheckpointError(f"{key!r} is what save_checkpoint itself writes; give the entry another name.")
        content[key] = value
    try:
        for key, value in content.items():
            _check_plain(value, key)
    except RecursionError:
        raise CheckpointError(f"{key} holds itself, or lists inside each other too deep to be saved.") from None
    return content


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:99]}…"


def _weights(path: Path, model: nn.Module) -> dict[str, Tensor]:
    """The state dict on the CPU, without wrappers; versions of the layers' formats stay with it."""
    state: dict[str, Tensor] = layouts.unwrapped(model).state_dict()
    for name, tensor in state.items():
        if isinstance(tensor, Tensor):
            if is_lazy(tensor) or tensor.is_meta:
                raise CheckpointError(
                    f"{printable(path)} was not written: {name} has no numbers yet; run a batch through lazy layers "
                    "first, and fill a model on the meta device."
                )
            tensor = tensor.detach().cpu()
            # torch.save writes a tensor's whole storage: for a view into a mapped file, that would be the file.
            state[name] = tensor.clone() if tensor.untyped_storage().nbytes() != tensor.nbytes else tensor
    return state


def _check_plain(value: Any, where: str) -> None:
    """A file with anything but plain values could be read only by running what it says."""
    if isinstance(value, int) and value.bit_length() > _BITS:
        raise CheckpointError(
            f"{where[:_SHOWN]} is a whole number of {value.bit_length():,} bits, more than PyTorch reads back "
            f"({_BITS:,}); save it as words, str(x)."
        )
    if value == b"" and type(value) is bytes:
        raise CheckpointError(f"{where[:_SHOWN]} is b'', which PyTorch does not read back; save None instead.")
    if type(value) in PLAIN or type(value) in (Tensor, nn.Parameter):
        return
    if type(value) in (list, tuple):
        for place, item in enumerate(value):
            _check_plain(item, f"{where}[{place}]")
    elif type(value) in (dict, OrderedDict, Counter):
        for key, item in value.items():
            _check_plain(key, f"the keys of {where}")
            _check_plain(item, f"{where}[{_shown(key)}]")
    else:
        kind = f"{type(value).__module__}.{type(value).__name__}".removeprefix("builtins.")
        repair = "dict(x) of it" if isinstance(value, Mapping) else "x.as_subclass(torch.Tensor)"
        instead = f"{repair}, or " if isinstance(value, Mapping | Tensor) else ""
        raise CheckpointError(
            f"{where[:_SHOWN]} is {kind}, which only a file that runs code could bring back; save {instead}plain "
            "values: numbers (float(x)), words (str(x)), None, tensors, and lists, tuples and dicts of these."
        )


def _not_written(path: Path, error: OSError) -> str:
    # os.path and not Path: a name that is too long, or in a folder without rights, is no file, and no error.
    shown, name = printable(path), printable(path.name)
    kept = f"{name} is as it was" if os.path.isfile(path) else "nothing was left behind"  # noqa: PTH113
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{shown} could not be written, because the disk is full: {kept}; make room, or save to another disk."
    if os.path.isdir(path):  # noqa: PTH112
        return f"{shown} is a folder: give the name of a file in it, such as {printable(path / 'checkpoint.pth')}."
    above = next((folder for folder in path.parents if os.path.exists(folder)), path.parent)  # noqa: PTH110
    if os.path.isfile(above):  # noqa: PTH113
        return (
            f"{shown} could not be written, because {printable(above)} is a file and no folder: save to another folder."
        )
    why = (error.strerror or type(error).__name__).lower()
    return f"{shown} could not be written ({why}): {kept}; save to a folder of your own, on another disk if need be."
