"""Read a checkpoint that a stranger wrote: tensors and plain values, never code; one sentence where it is none.

Four kinds of file, told apart by their bytes and not by their names: PyTorch's zip archive and its older pickles
(``.pt``, ``.pth``, ``.pkl``), and safetensors. Where the format allows it the file is mapped, not read: its pages are
shared by all processes that map it, and a tensor that nobody touches costs nothing.

A file that cannot be read gets a ``Refusal``: what it is instead, and what to do. A pickle is a small program, so its
instructions are listed (``pickletools``) and never followed. The error clinic asks here too.
"""

from __future__ import annotations

import json
import pickletools
import re
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import torch
from safetensors import safe_open
from torch import Tensor

from course_lib.errors import CheckpointError, closest
from course_lib.models.checkpoints import layouts
from course_lib.models.checkpoints.layouts import Checkpoint

__all__ = [
    "Refusal",
    "first_without_number",
    "is_safetensors",
    "read_checkpoint",
    "read_state_dict",
    "refusal_of",
]


def read_state_dict(path: str | Path, *, key: str | None = None, check_numbers: bool = True) -> dict[str, Tensor]:
    """Read a state dict from a file, whatever lies around it and whatever stands before its names.

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
        start = _start_of(path)
    except FileNotFoundError:
        here = sorted(file.name for file in path.parent.iterdir()) if path.parent.is_dir() else []
        what = f"There is no file {path}." if here else f"There is no file {path}; its folder is empty or not there."
        raise CheckpointError(what + closest(path.name, here)) from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read as a file: {error.strerror}.") from None
    try:
        if is_safetensors(start):
            return _safetensors(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the protocol of a pickle that is refused a moment later
            # Only the zip format can be mapped; files from before PyTorch 1.6 are read.
            return torch.load(path, map_location="cpu", mmap=zipfile.is_zipfile(path), weights_only=True)
    except Exception as error:  # torch raises a dozen kinds here, and all of them mean that this file will not do
        # PyTorch's own message is not shown with it: it recommends to try again without the protection.
        raise CheckpointError(refusal_of(path, str(error)).sentence(path)) from None


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


# -- files that are refused -------------------------------------------------------------------------------------------
_PICKLES = 4  # of the older format, before its numbers: a magic number, the version, the machine, the state dict
_AGAIN = "delete it and fetch it again"
_HEADER = 8  # bytes of a safetensors file that say how long its JSON is
#: Modules that a pickle names only in order to do something on the machine that reads it.
_HOSTILE = {"__builtin__", "asyncio", "builtins", "code", "commands", "ctypes", "importlib", "marshal", "nt", "os",
            "pip", "posix", "pty", "runpy", "shutil", "socket", "subprocess", "sys", "timeit", "types",
            "webbrowser"}  # fmt: skip
#: What tensors and plain containers need.
_HARMLESS = re.compile(
    r"collections\.OrderedDict|torch\._utils\._rebuild_\w+|torch\.\w+Storage|torch\.\w+\d"
    r"|(__builtin__|builtins)\.(bytearray|complex|dict|float|frozenset|int|list|object|range|set|slice|tuple)"
)
_STRINGS = {"UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING"}
_SAVED = "torch.save(model.state_dict(), path)"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a file is not read.

    Attributes:
        kind: which it is, such as "empty file".
        what: what the file is, to be read after its name: "is empty".
        repair: what to do.
    """

    kind: str
    what: str
    repair: str

    def sentence(self, path: Path) -> str:
        """The refusal with the file's name.

        Example:
            >>> Refusal("empty file", "is empty", "delete it and fetch it again").sentence(Path("w.pth"))
            'w.pth is empty: delete it and fetch it again.'
        """
        return f"{path} {self.what}: {self.repair}."


_DAMAGED = Refusal("damaged file", "is not a PyTorch checkpoint, or it is damaged or cut short", _AGAIN)


def _start_of(path: Path) -> bytes:
    """A file's first bytes, as many as its kind is seen from."""
    with path.open("rb") as file:
        return file.read(512)


def is_safetensors(start: bytes) -> bool:
    """Whether a file that begins so is one of safetensors: the length of a JSON text, and the text's first brace.

    Example:
        >>> from safetensors.torch import save
        >>> import torch
        >>> is_safetensors(save({"weight": torch.ones(2)})), is_safetensors(b"PK and more than that")
        (True, False)
    """
    return start[_HEADER : _HEADER + 1] == b"{" and int.from_bytes(start[:_HEADER], "little") < 100_000_000


def refusal_of(path: Path, message: str = "") -> Refusal:
    """Why this file cannot be read as a checkpoint.

    Args:
        path: a file that is there and could not be read.
        message: of the error that PyTorch or safetensors raised for it.
    """
    start = _start_of(path)
    if not start:
        return Refusal("empty file", "is empty", _AGAIN)
    text = start.lstrip()[:200]
    if text[:1] == b"<":
        what = f"is a web page, not a checkpoint (it begins with {_shown(text)})"
        return Refusal("web page instead of a checkpoint", what, f"its address was probably wrong; {_AGAIN}")
    if text.startswith(b"version https://git-lfs"):
        what = f"is {path.stat().st_size} bytes of text that say where Git LFS keeps the checkpoint"
        return Refusal("Git LFS pointer instead of a checkpoint", what, "run git lfs pull in its repository")
    if is_safetensors(start):
        return _cut_short(path) if _tensors_end(path) > path.stat().st_size else _DAMAGED
    names, cut = _asked(path)
    names = [name for name in names if not _HARMLESS.fullmatch(name)]
    named = re.search(r"GLOBAL (\w+(?:\.\w+)+)", message)
    hostile = next((name for name in names if name.partition(".")[0] in _HOSTILE), "")
    wanted = hostile or (named.group(1) if named else "") or next(iter(names), "")
    if (cut and not hostile and wanted) or (start[:2] == b"PK" and not zipfile.is_zipfile(path)):
        return _cut_short(path)
    if "TorchScript" in message or (wanted.startswith("__torch__.") and not hostile):
        what = "is a TorchScript program, not a checkpoint"
        return Refusal("TorchScript instead of a checkpoint", what, f"save what it was made from: {_SAVED}")
    if wanted:
        return _more_than_tensors(wanted, bool(hostile))
    if len(text) > 2 and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in text):
        what = f"is text, not a PyTorch checkpoint (it begins with {_shown(text)})"
        return Refusal("text instead of a checkpoint", what, _AGAIN)
    return _DAMAGED


def _cut_short(path: Path) -> Refusal:
    return Refusal("file cut short", f"is cut short after {path.stat().st_size:,} bytes", _AGAIN)


def _more_than_tensors(wanted: str, hostile: bool) -> Refusal:
    if hostile:
        what = f"asks Python for {wanted} and could run code on this machine, so it was not opened"
        return Refusal("file that would run code", what, "delete it; no checkpoint needs that")
    what = f"holds more than tensors (it asks for {wanted}) and could run code, so it was not opened"
    repair = "with plain numbers in it, such as float(accuracy)" if wanted.startswith("numpy.") else f"with {_SAVED}"
    return Refusal("checkpoint that holds more than tensors", what, f"save it again where it was made, {repair}")


def _shown(start: bytes) -> str:
    text = start.decode("utf-8", "replace").split("\n")[0].strip()
    return repr(text if len(text) <= 32 else f"{text[:30]}…")


def _tensors_end(path: Path) -> int:
    """Where the last tensor of a safetensors file ends, in bytes; 0 where its JSON cannot be read."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_HEADER), "little")
        header = file.read(length)
    if len(header) < length:
        return _HEADER + length
    try:
        entries = json.loads(header)
        return (
            _HEADER + length + max(int(entry["data_offsets"][1]) for key, entry in entries.items() if key[:2] != "__")
        )
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return 0


def _asked(path: Path) -> tuple[list[str], bool]:
    """Everything that a file's pickles ask Python for, as "module.name", and whether the file ends inside one."""
    names: list[str] = []
    if zipfile.is_zipfile(path):  # its list of contents is the last thing in it, so it is whole
        try:
            with zipfile.ZipFile(path) as archive:
                for member in archive.namelist():
                    if member.endswith(".pkl"):
                        with archive.open(member) as file:
                            names += _globals(file)
        except Exception:  # a damaged archive, which PyTorch did not read either
            pass
        return names, False
    with path.open("rb") as file:
        try:
            for _ in range(_PICKLES):
                names.extend(_globals(file))
                if not file.peek(1):
                    break
        except (ValueError, MemoryError):  # where a pickle ends too early, or numbers begin: any length may stand there
            return names, not file.read(1)
    return names, False


def _globals(file: IO[bytes]) -> Iterator[str]:
    """What one pickle asks for: by name (GLOBAL), or by the two words on the stack (STACK_GLOBAL, from protocol 4)."""
    words: list[str] = ["", ""]
    kept: dict[Any, str] = {}
    for code, value, _ in pickletools.genops(file):
        if code.name in ("GLOBAL", "INST"):
            yield str(value).replace(" ", ".")
        elif code.name == "STACK_GLOBAL":
            yield ".".join(words[-2:])
        elif code.name in _STRINGS:
            words = [words[-1], str(value)]
        elif code.name == "MEMOIZE":
            kept[len(kept)] = words[-1]
        elif code.name in ("PUT", "BINPUT", "LONG_BINPUT"):
            kept[value] = words[-1]
        elif code.name in ("GET", "BINGET", "LONG_BINGET"):
            words = [words[-1], kept.get(value, "")]
