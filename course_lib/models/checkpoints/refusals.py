"""Why a file cannot be read as a checkpoint: what it is instead, and what to do.

A ``Refusal`` is one sentence: a web page, a file cut short, HDF5 or ONNX, a pickle that could run code. A pickle is a
small program, so what it asks for is listed by ``inspection`` and never followed. The error clinic asks here too.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CheckpointError, closest
from course_lib.models.checkpoints.inspection import (
    Claims,
    claims_of,
    is_safetensors,
    is_zip,
    safetensors_end,
    start_of,
)

__all__ = ["Refusal", "checked_file", "checked_path", "printable", "refusal_of"]

_AGAIN = "delete it and download it again"
_SAVED = "torch.save(model.state_dict(), path)"
_WEIGHTS_ALONE = "save the weights alone where it was made, with " + _SAVED
#: Modules that a pickle names only in order to do something on the machine that reads it.
_HOSTILE = {"__builtin__", "asyncio", "builtins", "code", "commands", "ctypes", "importlib", "marshal", "nt", "os",
            "pip", "posix", "pty", "runpy", "shutil", "socket", "subprocess", "sys", "timeit", "types",
            "webbrowser"}  # fmt: skip
#: What tensors and plain containers need.
_HARMLESS = re.compile(
    r"collections\.(OrderedDict|Counter)|_codecs\.encode|torch\._utils\._rebuild_\w+|torch(\.storage)?\.\w+Storage|torch\.\w+\d"
    r"|torch\.(Size|device|\w*Tensor)|torch\.nn\.parameter\.Parameter|torch\._tensor\._rebuild_from_type_v2"
    r"|torch\.serialization\._get_layout"
    r"|(__builtin__|builtins)\.(bytearray|bytes|complex|dict|float|frozenset|int|list|object|range|set|slice|tuple)"
)
#: What other formats begin with → what such a file is, and what to do with it.
_FORMATS: tuple[tuple[bytes, str, str], ...] = (
    (rb"\x89HDF\r\n\x1a\n", "an HDF5 file (how Keras and TensorFlow save weights)", "open it with h5py or Keras"),
    (rb"\x93NUMPY", "a NumPy array (.npy)", "read it with torch.from_numpy(numpy.load(path))"),
    (rb"\x08[\x01-\x20](\x12.[\x20-\x7e]{2}|[\x1a\x22\x2a\x3a\x42].)", "an ONNX model",
     f"run it with onnxruntime, or {_WEIGHTS_ALONE}"),
    (rb"GGUF", "a GGUF file (llama.cpp's format)", "take the model's PyTorch or safetensors file"),
    (rb".{4}TFL3", "a TensorFlow Lite model", "take the model's PyTorch or safetensors file"),
    (rb"\x1f\x8b|BZh\d|\xfd7zXZ\x00|7z\xbc\xaf\x27\x1c|Rar!", "a compressed file",
     "unpack it, and give the checkpoint in it"),
    (rb"\x89PNG|\xff\xd8\xff|GIF8", "a picture", "give the checkpoint; open_image(path) opens pictures"),
    (rb"%PDF", "a PDF document", "give the checkpoint itself"),
)  # fmt: skip
_SHOWN = 200  # characters of a path that a sentence repeats


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
            >>> Refusal("empty file", "is empty", "delete it and download it again").sentence(Path("w.pth"))
            'w.pth is empty: delete it and download it again.'
        """
        return f"{printable(path)} {self.what}: {self.repair}."


_DAMAGED = Refusal("damaged file", "is not a PyTorch checkpoint, or it is damaged or cut short", _AGAIN)


# -- paths ------------------------------------------------------------------------------------------------------------
def printable(path: object) -> str:
    r"""A path as a sentence shows it: no longer than 200 characters, and without any that cannot be printed.

    Example:
        >>> printable(Path("a\ud800.pth")), len(printable("n" * 300))
        ('a\\ud800.pth', 200)
    """
    text = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in str(path))
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]}…{text[1 - _SHOWN // 2 :]}"


def checked_path(path: object) -> Path:
    """What a learner gave as the path of a checkpoint, with ``~`` for the home folder.

    Raises:
        CheckpointError: it isn't a path, or none that a file system could have.
    """
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise CheckpointError(
            f"A checkpoint's path is a string or a pathlib.Path, such as 'best.pth'; it was given {_kind(path)}."
        )
    name = os.fspath(path)
    if "\0" in name:
        raise CheckpointError(f"{printable(name)} isn't a path, because it holds a zero byte: give the file's name.")
    try:
        os.fsencode(name)
        return Path(name).expanduser()
    except UnicodeEncodeError:
        raise CheckpointError(
            f"{printable(name)} isn't a path, because it holds a character that no file name can have: type it again."
        ) from None
    except RuntimeError:  # what pathlib raises where there is no such user
        user = printable(name.replace("\\", "/").partition("/")[0])
        raise CheckpointError(f"{user} isn't a user of this machine: give the path from the root, or from ~.") from None


def _kind(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"


def checked_file(path: Path) -> bytes:
    """The first bytes of a file that is there and can be read.

    Raises:
        CheckpointError: there is no such file, it isn't an ordinary one, or this user may not read it.
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # a pipe would be waited for, /dev/zero never ends
            raise CheckpointError(f"{printable(path)} cannot be read as a file, because it is a device or a pipe.")
        return start_of(path)
    except FileNotFoundError:
        raise CheckpointError(_missing(path)) from None
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise CheckpointError(f"{printable(path)} cannot be read as a file: {why}.") from None


def _missing(path: Path) -> str:
    if path.is_symlink():
        return f"{printable(path)} is a link to {printable(path.readlink())}, and there is no such file."
    try:
        here = sorted(file.name for file in path.parent.iterdir()) if path.parent.is_dir() else []
    except OSError:  # a folder that this user may not list
        return f"There is no file {printable(path)}."
    nothing = "" if here else "; its folder is empty or not there"
    return f"There is no file {printable(path)}{nothing}." + printable(closest(path.name, here))


# -- kinds of files ---------------------------------------------------------------------------------------------------
def refusal_of(path: Path, message: str = "") -> Refusal:
    """Why this file cannot be read as a checkpoint.

    Args:
        path: a file that is there and could not be read.
        message: of the error that PyTorch or safetensors raised for it.
    """
    start = start_of(path)
    if not start:
        return Refusal("empty file", "is empty", _AGAIN)
    text = start.lstrip()[:200]
    if text[:1] == b"<":
        what = f"is a web page, not a checkpoint (it begins with {_shown(text)})"
        return Refusal("web page instead of a checkpoint", what, f"the address was probably wrong; {_AGAIN}")
    if text.startswith(b"version https://git-lfs"):
        what = f"is {path.stat().st_size} bytes of text that say where Git LFS keeps the checkpoint"
        return Refusal("Git LFS pointer instead of a checkpoint", what, "run git lfs pull in its repository")
    for pattern, what, repair in _FORMATS:
        if re.match(pattern, start, re.DOTALL):
            return Refusal("different format", f"is {what}, not a PyTorch checkpoint", repair)
    if "allocate memory" in message or message == "MemoryError":
        what = f"needs more memory than there is ({path.stat().st_size:,} bytes)"
        return Refusal("file too large for the memory", what, "close other notebooks, or take a smaller model")
    if is_safetensors(start):
        return _cut_short(path) if safetensors_end(path) > path.stat().st_size else _DAMAGED
    return _of_pickles(path, claims_of(path), text, message)


def _of_pickles(path: Path, claims: Claims, text: bytes, message: str) -> Refusal:
    names = [name for name in claims.names if not _HARMLESS.fullmatch(name)]
    named = re.search(r"GLOBAL (\w+(?:\.\w+)+)", message)
    hostile = next((name for name in names if name.partition(".")[0] in _HOSTILE), "")
    wanted = hostile or (named.group(1) if named else "") or next(iter(names), "")
    if claims.cut and not hostile and (wanted or is_zip(text) or claims.names):
        return _cut_short(path)
    if "TorchScript" in message or (wanted.startswith("__torch__.") and not hostile):
        what = "is a TorchScript program, not a checkpoint"
        return Refusal("TorchScript instead of a checkpoint", what, f"save what it was made from: {_SAVED}")
    if wanted:
        return _more_than_tensors(wanted[:80], bool(hostile))
    if claims.fault:
        return Refusal("file that cannot be trusted", f"was not opened, because it is {claims.fault}", _AGAIN)
    if claims.members and not any(name.endswith("data.pkl") for name in claims.members):
        return _other_archive(claims.members)
    if len(text) > 2 and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in text):
        what = f"is text, not a PyTorch checkpoint (it begins with {_shown(text)})"
        return Refusal("text instead of a checkpoint", what, _AGAIN)
    return _DAMAGED


def _other_archive(members: tuple[str, ...]) -> Refusal:
    """A zip archive without the pickle of a checkpoint: several formats are one."""
    names = {name.rpartition("/")[2] for name in members}
    if names & {"archive_format", "serialized_exported_program.json"} or any("/models/" in name for name in members):
        what = "is a program that torch.export saved, not a PyTorch checkpoint"
        return Refusal(
            "different format", what, "torch.save(torch.export.load(path).state_dict, …) takes its weights out"
        )
    if all(name.endswith(".npy") for name in members):
        what = f"holds NumPy arrays (.npz, such as {printable(members[0])[:40]}), and is not a PyTorch checkpoint"
        return Refusal("different format", what, "read it with numpy.load(path), and torch.from_numpy for each array")
    if any(name.endswith(".h5") for name in members):
        return Refusal("different format", "is a Keras model, not a PyTorch checkpoint", "open it with Keras")
    what = f"is a ZIP archive (with {printable(members[0])[:60]} in it), not a PyTorch checkpoint"
    return Refusal("different format", what, "unpack it, and give the checkpoint if there is one inside")


def _cut_short(path: Path) -> Refusal:
    return Refusal("file cut short", f"is cut short after {path.stat().st_size:,} bytes", _AGAIN)


def _more_than_tensors(wanted: str, hostile: bool) -> Refusal:
    if hostile:
        what = f"asks Python for {wanted} and could run code on this machine, so it wasn't opened"
        return Refusal("file that would run code", what, "delete it; no checkpoint needs that")
    what = f"holds more than tensors (it asks for {wanted}) and could run code, so it was not opened"
    repair = "with plain numbers in it, such as float(accuracy)" if wanted.startswith("numpy.") else f"with {_SAVED}"
    return Refusal("checkpoint that holds more than tensors", what, f"save it again where it was made, {repair}")


def _shown(start: bytes) -> str:
    text = start.decode("utf-8", "replace").split("\n")[0].strip()
    return repr(text if len(text) <= 32 else f"{text[:30]}…")
