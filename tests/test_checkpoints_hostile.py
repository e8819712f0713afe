"""Files that would run code, wherever the code hides and whatever the file is called: refused, and nothing runs.

The oracle is the danger itself: each file is read once more, as nobody should, and leaves its mark then.
"""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from course_lib.errors import CheckpointError
from course_lib.models.checkpoints import read_checkpoint, read_state_dict


class Touch:
    """Pickles as a call that leaves a folder behind: harmless, and visible if it ever ran."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


class Run(Touch):
    """The same by a shell, as real attacks do it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return subprocess.check_output, ([sys.executable, "-S", "-c", f"import os; os.mkdir({str(self.marker)!r})"],)


class Evaluate(Touch):
    def __reduce__(self) -> tuple[Any, ...]:
        return eval, (f"__import__('os').mkdir({str(self.marker)!r})",)


def zipped(content: Any, path: Path) -> None:
    torch.save(content, path)


def older(content: Any, path: Path) -> None:
    torch.save(content, path, _use_new_zipfile_serialization=False)


def pickled(protocol: int) -> Callable[[Any, Path], None]:
    def write(content: Any, path: Path) -> None:
        path.write_bytes(pickle.dumps(content, protocol=protocol))

    write.__name__ = f"pickle_{protocol}"
    return write


class Anything(pickle.Unpickler):
    """What ``weights_only=False`` uses: it follows every instruction."""

    def persistent_load(self, pid: Any) -> Any:
        return torch.storage.TypedStorage(wrap_storage=torch.UntypedStorage(1024), dtype=torch.float, _internal=True)


def as_nobody_should(path: Path, marker: Path) -> bool:
    """Whether the file runs code where nothing holds it back."""
    content = path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            content = next(archive.read(name) for name in archive.namelist() if name.endswith("data.pkl"))
    stream = io.BytesIO(content)
    while not marker.exists():  # the older format has three harmless pickles first
        Anything(stream).load()
    return True


WRITERS = [zipped, older, *map(pickled, (0, 1, 2, 3, 4, 5))]
PLACES: dict[str, Callable[[Any], Any]] = {
    "alone": lambda bad: bad,
    "a weight": lambda bad: {**nn.Linear(2, 2).state_dict(), "scale": bad},
    "beside the weights": lambda bad: {"model_state_dict": nn.Linear(2, 2).state_dict(), "optimizer": {"x": [bad]}},
}


@pytest.mark.parametrize("suffix", [".pth", ".pkl", ".safetensors"])
@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_nothing_runs(write: Callable[[Any, Path], None], where: str, suffix: str, tmp_path: Path) -> None:
    path, marker = tmp_path / f"hostile{suffix}", tmp_path / "it-ran"
    write(PLACES[where](Touch(marker)), path)
    for read in (read_state_dict, read_checkpoint):
        with pytest.raises(CheckpointError) as caught:
            read(path)
        said = str(caught.value)
        assert "could run code" in said and "mkdir" in said and str(path) in said and "\n" not in said
        assert caught.value.__suppress_context__  # PyTorch's advice to try without protection is not shown
    assert not marker.exists()
    assert as_nobody_should(path, marker)


@pytest.mark.parametrize("kind", [Run, Evaluate])
@pytest.mark.parametrize("write", [zipped, pickled(4)], ids=lambda write: write.__name__)
def test_other_ways_to_run(write: Callable[[Any, Path], None], kind: type[Touch], tmp_path: Path) -> None:
    path, marker = tmp_path / "hostile.pkl", tmp_path / "it-ran"
    write({"weight": kind(marker)}, path)
    with pytest.raises(CheckpointError, match=r"could run code on this machine.*delete it"):
        read_state_dict(path)
    assert not marker.exists()
    assert as_nobody_should(path, marker)


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_cut_at_every_sixteenth_it_still_does_not_run(write: Callable[[Any, Path], None], tmp_path: Path) -> None:
    path, marker = tmp_path / "hostile.pth", tmp_path / "it-ran"
    write({"model_state_dict": nn.Linear(8, 8).state_dict(), "x": Touch(marker)}, path)
    content = path.read_bytes()
    for sixteenth in range(16):
        path.write_bytes(content[: len(content) * sixteenth // 16])
        with pytest.raises(CheckpointError):
            read_state_dict(path)
    assert not marker.exists()


def test_a_state_dict_written_by_pickle_itself_is_refused_with_the_repair(tmp_path: Path) -> None:
    """``pickle.dump(model.state_dict())`` brings its tensors back by ``torch.load`` without protection."""
    path = tmp_path / "plain.pkl"
    for protocol in (2, 4):
        path.write_bytes(pickle.dumps(nn.Linear(1, 1).state_dict(), protocol=protocol))
        with pytest.raises(CheckpointError, match=r"_load_from_bytes.*torch\.save\(model\.state_dict\(\), path\)"):
            read_state_dict(path)
