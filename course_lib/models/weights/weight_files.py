"""The course's weight files on disk, and the figures recorded beside them.

A folder of weights holds files such as ``course_resnet18-1a2b3c4d.pth`` (half precision, the first eight digits of its
SHA-256 in its name) and ``figures.json`` (one row a model: file, hash, size, parameters, recipe, and what the
evaluation measured). Enums and torchvision's registry are the package's own business.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from course_lib.errors import WeightsError

__all__ = [
    "CATEGORIES",
    "FOLDER",
    "PREFIX",
    "read_figures",
    "remember",
    "remembered_sha256",
    "sha256_of",
    "store",
    "verified",
    "write_figures",
]

#: The ten classes of the picture book that the course's weights know, in the order of their outputs.
CATEGORIES = (
    "camel",
    "car",
    "cat",
    "coffee cup",
    "dog",
    "goldfish",
    "hot dog",
    "mushroom",
    "sailboat",
    "strawberry",
)

#: Where the files that come with the course lie.
FOLDER = Path(__file__).resolve().parent

#: What the registered names start with.
PREFIX = "course_"

_FIGURES = "figures.json"
_CHUNK = 1 << 20

# (path, time of change, size) → SHA-256: a file that was not touched since is not read twice by this process.
_hashes: dict[tuple[str, int, int], str] = {}


def read_figures(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """Read what is known about the files: torchvision's model name → its row. No file means no models.

    Raises:
        WeightsError: the file is there, but it is not the JSON that ``store`` writes.
    """
    path = folder / _FIGURES
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read as JSON ({error}): install the course again.") from error
    if not isinstance(figures, dict) or not all(isinstance(row, dict) and "file" in row for row in figures.values()):
        raise WeightsError(f"{path} does not hold one row a model, each with its file: install the course again.")
    return figures


def write_figures(figures: dict[str, dict[str, Any]], folder: Path = FOLDER) -> Path:
    """Write the rows, sorted by name, so that a reader sees either the old file or the new one, never half of it."""
    path = folder / _FIGURES
    text = json.dumps({name: figures[name] for name in sorted(figures)}, indent=1) + "\n"
    _write(path, text.encode("utf-8"))
    return path


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal, read piece by piece."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def remembered_sha256(path: Path, record: Path | None = None) -> str:
    """The SHA-256 of a file, which is read again only when its size or its time of change differ.

    Args:
        path: the file.
        record: a JSON file in which hashes are kept for other processes; None remembers them in this one only.

    Raises:
        OSError: the file cannot be read.
    """
    stat = path.stat()
    entry = [stat.st_mtime_ns, stat.st_size]
    key = (str(path), stat.st_mtime_ns, stat.st_size)
    if key not in _hashes:
        recorded = _recorded(record)
        kept = recorded.get(path.name)
        if isinstance(kept, list) and len(kept) == 3 and kept[:2] == entry and isinstance(kept[2], str):
            _hashes[key] = kept[2]
        else:
            _hashes[key] = sha256_of(path)
            remember(path, _hashes[key], record)
    return _hashes[key]


def remember(path: Path, sha256: str, record: Path | None) -> None:
    """Keep a file's hash for other processes, where that can be written; where it cannot, they read the file again."""
    if record is not None:
        stat = path.stat()
        rows = _recorded(record) | {path.name: [stat.st_mtime_ns, stat.st_size, sha256]}
        with contextlib.suppress(OSError):
            _write(record, (json.dumps(rows, indent=1) + "\n").encode())


def _recorded(record: Path | None) -> dict[str, Any]:
    try:
        rows = json.loads(record.read_text(encoding="utf-8")) if record is not None else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return rows if isinstance(rows, dict) else {}


def verified(path: Path, sha256: str, *, repair: str = "Install the course again") -> Path:
    """Give ``path`` back if the file there has this hash.

    The file is read once a process; it is read again when its size or its time of change differ.

    Args:
        path: the weights file.
        sha256: in hexadecimal.
        repair: what the error tells the reader to do.

    Raises:
        WeightsError: the file is missing, or its content is not what the course shipped.
    """
    try:
        digits = remembered_sha256(path)
    except OSError as error:
        raise WeightsError(
            f"The weights file {path.name} is not in {path.parent} ({error.strerror}): "
            f"{repair[:1].lower()}{repair[1:]}."
        ) from error
    if digits != sha256:
        raise WeightsError(
            f"The weights file {path} was changed or damaged: its SHA-256 starts with {digits[:8]}, expected "
            f"{sha256[:8]}. {repair}."
        )
    return path


def store(model_name: str, model: nn.Module, *, recipe: str, folder: Path = FOLDER) -> Path:
    """Write a trained model's file in half precision, and its row of figures, without any accuracy yet.

    Args:
        model_name: torchvision's name, such as ``"resnet18"``.
        model: the trained model, with one output a category.
        recipe: how it was trained, for a reader: a command or a few words.
        folder: where the file and ``figures.json`` go.

    Returns:
        The path of the new file. An older file of the same model is removed.

    Raises:
        WeightsError: a weight does not fit into half precision.
    """
    half = {}
    for key, tensor in model.state_dict().items():
        small = tensor.detach().cpu().contiguous().clone()
        if small.is_floating_point():
            small = small.half()
            if not bool(torch.isfinite(small).all()):
                raise WeightsError(f"{model_name}: {key} does not fit into half precision (largest value 65504).")
        half[key] = small
    # Through memory: torch.save writes the file's own name into the archive, and the hash would hang on it.
    buffer = io.BytesIO()
    torch.save(half, buffer)
    content = buffer.getvalue()
    sha256 = hashlib.sha256(content).hexdigest()
    path = folder / f"{PREFIX}{model_name}-{sha256[:8]}.pth"
    _write(path, content)
    figures = read_figures(folder)
    figures[model_name] = {
        "file": path.name,
        "sha256": sha256,
        "file_size": round(len(content) / 1024**2, 3),
        "num_params": sum(parameter.numel() for parameter in model.parameters()),
        "ops": _giga_macs(model),
        "recipe": recipe,
        "categories": list(CATEGORIES),
        "accuracy": {},
        "confusion": {},
    }
    write_figures(figures, folder)
    for old in folder.glob(f"{PREFIX}{model_name}-????????.pth"):
        if old != path:
            old.unlink()
    return path


def _giga_macs(model: nn.Module) -> float:
    """Multiply-adds of one 224 px picture in units of 10⁹, counted as torchvision's ``_ops`` are."""
    from torch.utils.flop_counter import FlopCounterMode  # here: it would cost everybody a quarter of a second

    parameter = next(model.parameters())
    picture = torch.zeros(1, 3, 224, 224, device=parameter.device, dtype=parameter.dtype)
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(picture)
    finally:
        for module, training in modes.items():
            module.training = training
    macs = float(counter.get_total_flops()) / 2 / 1e9
    return round(macs, 3) if macs >= 0.0005 else round(macs, 3 - math.floor(math.log10(macs or 1)))


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
