"""Saving: whole or not at all, on real full disks; what is saved comes back by PyTorch alone."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections import ChainMap, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from course_lib.errors import CheckpointError
from course_lib.models.checkpoints import load_model, read_checkpoint, read_state_dict, save_checkpoint, writer


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_pytorch_alone_loads_it(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model(torch.randn(8, 3)).sum().backward()
    optimizer.step()
    path = tmp_path / "new" / "folder" / "checkpoint_14_epoch.pkl"
    history = [{"loss": 0.5, "accuracy": 0.9}, {"loss": 0.25, "accuracy": None}]
    assert (
        save_checkpoint(path, model, epoch=14, optimizer=optimizer, categories=("ant", "bee"), history=history) == path
    )
    theirs = torch.load(path, weights_only=True)
    fresh = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    fresh.load_state_dict(theirs["model_state_dict"])
    assert torch.equal(fresh.eval()(torch.ones(1, 3)), model.eval()(torch.ones(1, 3)))
    again = torch.optim.SGD(fresh.parameters(), lr=9.0, momentum=0.9)
    again.load_state_dict(theirs["optimizer_state_dict"])
    assert again.param_groups[0]["lr"] == 0.1
    assert torch.equal(
        again.state[fresh[0].weight]["momentum_buffer"], optimizer.state[model[0].weight]["momentum_buffer"]
    )
    assert (theirs["epoch"], theirs["categories"], theirs["history"]) == (14, ["ant", "bee"], history)
    ours = read_checkpoint(path)
    assert (ours.epoch, ours.categories, ours.entries["history"]) == (14, ("ant", "bee"), history)
    assert names(path.parent) == [path.name]


def test_wrappers_leave_no_prefix_and_views_no_more_than_themselves(tmp_path: Path) -> None:
    model = nn.Linear(2, 2)
    path = save_checkpoint(tmp_path / "a.pth", nn.DataParallel(torch.compile(model)))  # type: ignore[arg-type]
    assert list(torch.load(path, weights_only=True)["model_state_dict"]) == ["weight", "bias"]
    model.weight = nn.Parameter(torch.zeros(1_000_000)[:4].view(2, 2))
    assert save_checkpoint(path, model).stat().st_size < 10_000
    tied = nn.Sequential(nn.Linear(100, 100), nn.Linear(100, 100))
    tied[1].weight = tied[0].weight
    assert save_checkpoint(path, tied).stat().st_size < 60_000  # shared numbers stand in the file once
    assert model.weight.untyped_storage().nbytes() == 4_000_000  # and the model is as it was


def test_a_mapped_checkpoint_can_be_saved_over_itself(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path / "a.pth", nn.Linear(50, 50), epoch=1)
    model = nn.Linear(50, 50)
    model.load_state_dict(read_state_dict(path), assign=True)
    expected = model.weight.detach().clone()
    save_checkpoint(path, model, epoch=2)
    assert torch.equal(read_state_dict(path)["weight"], expected) and read_checkpoint(path).epoch == 2
    assert torch.equal(model.weight, expected)


# --- disks -----------------------------------------------------------------------------------------------------------


class Full:
    """A file on a disk that has room for so many bytes only (or on which ``fsync`` finds out)."""

    def __init__(self, file: Any, room: int, error: BaseException) -> None:
        self.file, self.room, self.error = file, room, error

    def __enter__(self) -> Full:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.file.write(memoryview(data).cast("B")[: self.room])
        self.room -= size
        if self.room < 0:
            raise self.error
        return size

    def flush(self) -> None:
        self.file.flush()

    def fileno(self) -> int:
        return int(self.file.fileno())


ERRORS = {
    "full": (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), CheckpointError, "the disk is full"),
    "quota": (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), CheckpointError, "the disk is full"),
    "broken": (OSError(errno.EIO, os.strerror(errno.EIO)), CheckpointError, "input/output error"),
    "stopped": (KeyboardInterrupt(), KeyboardInterrupt, None),
}


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("sixteenth", range(16))
@pytest.mark.parametrize("kind", ERRORS)
def test_a_write_that_fails_changes_nothing(
    kind: str, sixteenth: int, before: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, model = tmp_path / "a.pth", nn.Linear(40, 40)
    size = save_checkpoint(path, model, epoch=1).stat().st_size
    old = path.read_bytes()
    if not before:
        path.unlink()
    error, expected, said = ERRORS[kind]
    there = Path.open

    def opened(self: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        file = there(self, mode, *args, **kwargs)
        return Full(file, size * sixteenth // 16, error) if "x" in mode else file

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(expected, match=said) as caught:
        save_checkpoint(path, model, epoch=2)
    monkeypatch.undo()
    assert names(tmp_path) == (["a.pth"] if before else [])
    if before:
        assert path.read_bytes() == old and read_checkpoint(path).epoch == 1
    if kind in ("full", "quota"):
        assert ("is as it was" if before else "nothing was left behind") in str(caught.value)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB, where this may be made."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("only root can make a small disk here")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.skipif(os.name != "posix", reason="mount")
def test_a_disk_that_is_really_full(small_disk: Path) -> None:
    path = save_checkpoint(small_disk / "a.pth", nn.Linear(2, 2), epoch=1)
    with pytest.raises(CheckpointError, match=r"the disk is full: a\.pth is as it was; make room"):
        save_checkpoint(path, nn.Linear(500, 500), epoch=2)
    assert names(small_disk) == ["a.pth"] and read_checkpoint(path).epoch == 1
    assert save_checkpoint(path, nn.Linear(3, 3), epoch=3)


@pytest.mark.skipif(os.name != "posix", reason="limits of a process")
@pytest.mark.parametrize("room", [0, 500, 5_000, 50_000])
def test_the_kernel_itself_stops_the_write(room: int, tmp_path: Path) -> None:
    import resource

    path = save_checkpoint(tmp_path / "a.pth", nn.Linear(2, 2), epoch=1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(CheckpointError, match=r"could not be written \(file too large\): a\.pth is as it was"):
            save_checkpoint(path, nn.Linear(500, 500), epoch=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(tmp_path) == ["a.pth"] and read_checkpoint(path).epoch == 1


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for path in (tmp_path / "file" / "a.pth", tmp_path / "file" / "folder" / "a.pth"):
        with pytest.raises(CheckpointError, match=r"because .*file is a file and no folder: save to another folder"):
            save_checkpoint(path, nn.Linear(1, 1))
    for folder in (tmp_path, "", ".", "/"):
        with pytest.raises(CheckpointError, match="is a folder: give the name of a file in it"):
            save_checkpoint(folder, nn.Linear(1, 1))
    with pytest.raises(CheckpointError, match="save to a folder of your own"):
        save_checkpoint(tmp_path / ("n" * 300), nn.Linear(1, 1))
    assert names(tmp_path) == ["file"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder that root cannot write to either")
def test_a_folder_that_nobody_can_write_to() -> None:
    with pytest.raises(CheckpointError, match="nothing was left behind; save to a folder of your own"):
        save_checkpoint("/proc/self/a.pth", nn.Linear(1, 1))


# --- what is not saved ----------------------------------------------------------------------------------------------


class Odd(dict):  # type: ignore[type-arg]
    pass


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"accuracy": np.float64(0.9)}, r"accuracy is numpy\.float64.*float\(x\)"),
        ({"history": [{"loss": torch.ones(1), "path": Path("x")}]}, r"history\[0\]\['path'\] is pathlib"),
        ({"names": {("a", Path): 1}}, r"the keys of names\[1\] is type"),
        ({"odd": Odd()}, "odd is .*Odd"),
        ({"call": print}, "call is builtin_function_or_method"),
        ({"model_state_dict": {}}, "'model_state_dict' is what save_checkpoint itself writes"),
        ({"optimizer_state_dict": {}}, "give the entry another name"),
        ({"epoch": "14"}, "epoch='14'"),
        ({"epoch": True}, "epoch=True"),
        ({"categories": 2}, "categories=2: give the classes' names"),
        ({"optimizer": "sgd"}, "optimizer='sgd': give the optimizer itself"),
        ({"categories": "ant"}, r"categories='ant': give the classes' names"),
        ({"categories": []}, "give the classes' names"),
        ({"categories": [1, 2]}, "give the classes' names"),
    ],
)
def test_entries_that_a_safe_reader_could_not_bring_back(more: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    with pytest.raises(CheckpointError, match=said):
        save_checkpoint(path, nn.Linear(1, 1), **more)
    assert names(tmp_path) == []


def test_every_plain_kind_comes_back(tmp_path: Path) -> None:
    for kind in writer.PLAIN:
        assert kind is type(None) or isinstance(kind, type)
    entries: dict[str, Any] = {
        "none": None, "yes": True, "n": 3, "x": 0.5, "z": 1j, "word": "bee", "raw": b"\0", "size": torch.Size([2]),
        "dtype": torch.float16, "device": torch.device("cpu"), "nested": [({"a": (1, [2.0])},)],
        "tensor": torch.ones(2),
    }  # fmt: skip
    assert {type(value) for value in entries.values()} >= set(writer.PLAIN)
    found = read_checkpoint(save_checkpoint(tmp_path / "a.pth", nn.Linear(1, 1), **entries)).entries
    assert torch.equal(found["tensor"], entries["tensor"])
    assert all(found[key] == value for key, value in entries.items() if not isinstance(value, Tensor))


def test_nan_never_replaces_a_good_checkpoint(tmp_path: Path) -> None:
    model = nn.Linear(2, 2)
    path = save_checkpoint(tmp_path / "a.pth", model, epoch=1)
    with torch.no_grad():
        model.bias[1] = torch.nan
    with pytest.raises(CheckpointError, match=r"was not written: the model contains NaN \(not a number\) in bias"):
        save_checkpoint(path, model, epoch=2)
    assert read_checkpoint(path).epoch == 1


def test_a_model_without_numbers_is_said(tmp_path: Path) -> None:
    for model in (nn.Linear(2, 2, device="meta"), nn.LazyLinear(2)):
        with pytest.raises(CheckpointError, match="was not written: weight has no numbers yet"):
            save_checkpoint(tmp_path / "a.pth", model)
    assert names(tmp_path) == []


def test_eight_bits_are_saved_and_read(tmp_path: Path) -> None:
    for dtype in (torch.float8_e4m3fn, torch.float8_e5m2):
        path = save_checkpoint(tmp_path / "a.pth", nn.Linear(2, 2).to(dtype))
        assert read_state_dict(path)["weight"].dtype == dtype
        torch.save({"weight": torch.tensor([1.0, torch.nan]).to(dtype)}, path)
        with pytest.raises(CheckpointError, match="contains NaN"):
            read_state_dict(path)


def test_the_home_folder_may_be_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))
    assert save_checkpoint("~/a.pth", nn.Linear(1, 1), epoch=1) == tmp_path / "home" / "a.pth"
    assert read_checkpoint("~/a.pth").epoch == 1 and list(read_state_dict("~/a.pth")) == ["weight", "bias"]
    assert names(tmp_path) == ["home"]


def test_folders_made_for_a_checkpoint_go_when_it_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.setattr(writer, "_write", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(CheckpointError, match="nothing was left behind"):
        save_checkpoint(tmp_path / "mine" / "new" / "deep" / "a.pth", nn.Linear(1, 1))
    assert [path.name for path in tmp_path.rglob("*")] == ["mine"]


def test_no_model_and_another_format(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"saves a torch\.nn\.Module; it was given OrderedDict"):
        save_checkpoint(tmp_path / "a.pth", nn.Linear(1, 1).state_dict())  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match=r"call it \.pth"):
        save_checkpoint(tmp_path / "a.safetensors", nn.Linear(1, 1))


# --- links, devices, what a killed process leaves --------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="links")
def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    far, near = tmp_path / "disk", tmp_path / "here"
    far.mkdir()
    near.mkdir()
    (near / "a.pth").symlink_to(tmp_path / "middle")
    (tmp_path / "middle").symlink_to(far / "a.pth")
    for epoch in (1, 2):  # the first time the file is not there yet
        assert save_checkpoint(near / "a.pth", nn.Linear(1, 1), epoch=epoch) == near / "a.pth"
        assert (near / "a.pth").is_symlink() and (tmp_path / "middle").is_symlink()
        assert read_checkpoint(far / "a.pth").epoch == epoch
    assert names(far) == names(near) == ["a.pth"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device to save to")
def test_a_device_is_never_replaced() -> None:
    with pytest.raises(CheckpointError, match="is a device or a pipe, not a file"):
        save_checkpoint("/dev/full", nn.Linear(1, 1))
    assert Path("/dev/full").is_char_device()


_KILLED = """
import os, sys
import torch
from course_lib.models.checkpoints import save_checkpoint, writer
def half(content, file):
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    sys.stdin.readline()
writer._write = half
save_checkpoint(sys.argv[1], torch.nn.Linear(1, 1))
"""


@pytest.mark.skipif(os.name != "posix", reason="locks")
def test_a_killed_process_leaves_nothing_for_long_and_a_living_one_is_left_alone(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path / "a.pth", nn.Linear(1, 1), epoch=1)
    (tmp_path / "a.pth.notes.tmp").touch()
    (tmp_path / "b.pth.12345678.tmp").touch()
    others = names(tmp_path)
    command = [sys.executable, "-c", _KILLED, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None and child.stdout.readline() == b"writing\n"
            save_checkpoint(path, nn.Linear(1, 1), epoch=2)
            assert len(names(tmp_path)) == len(others) + 1  # it still writes
        finally:
            child.kill()
    assert read_checkpoint(path).epoch == 2
    save_checkpoint(path, nn.Linear(1, 1), epoch=3)
    assert names(tmp_path) == others and read_checkpoint(path).epoch == 3


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everything")
def test_a_write_protected_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path / "a.pth", nn.Linear(1, 1), epoch=1)
    path.chmod(0o444)
    with pytest.raises(CheckpointError, match="is write-protected"):
        save_checkpoint(path, nn.Linear(1, 1), epoch=2)
    assert read_checkpoint(path).epoch == 1


def test_the_rights_of_the_file_stay(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path / "a.pth", nn.Linear(1, 1))
    path.chmod(0o600)
    assert save_checkpoint(path, nn.Linear(1, 1)).stat().st_mode & 0o777 == 0o600


# --- what is saved is read -------------------------------------------------------------------------------------------


class Extra(nn.Linear):
    """A layer that keeps something beside its tensors in its state dict."""

    def get_extra_state(self) -> Any:
        return {"calls": [1, "two"]}

    def set_extra_state(self, state: Any) -> None:
        self.calls = state["calls"]


def test_extra_state_comes_back(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path / "a.pth", nn.Sequential(Extra(2, 2)))
    model = load_model(lambda: nn.Sequential(Extra(2, 2)), read_state_dict(path))
    assert model[0].calls == [1, "two"]  # type: ignore[index, union-attr]


class Strange(Tensor):
    pass


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (defaultdict(int, a=1), r"collections\.defaultdict.*dict\(x\) of it"),
        (ChainMap({1: 2}), r"collections\.ChainMap"),
        (torch.ones(1).as_subclass(Strange), r"as_subclass\(torch\.Tensor\)"),
        (2**3000, "a whole number of 3,001 bits"),
        ([-(2**3000)], "a whole number of 3,001 bits"),
        (LOOP, "holds itself"),
        ({"a": b""}, "does not read back; save None instead"),
        ({"x" * 5000: print}, "is builtin_function"),
    ],
)
def test_entries_that_the_reader_refuses_are_refused_at_once(entry: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=said) as caught:
        save_checkpoint(tmp_path / "a.pth", nn.Linear(1, 1), entry=entry)
    assert names(tmp_path) == [] and len(str(caught.value)) < 600


def test_a_model_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="ReLU has no weights, so there is nothing to save"):
        save_checkpoint(tmp_path / "a.pth", nn.ReLU())


def test_what_cannot_be_read_back_does_not_get_the_name(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path / "a.pth", nn.Linear(1, 1), epoch=1)
    tensor = torch.ones(1)
    tensor.note = nn.ReLU()  # type: ignore[attr-defined]
    with pytest.raises(CheckpointError, match="was not saved, since it could not be read again: what was written hold"):
        save_checkpoint(path, nn.Linear(1, 1), entry=tensor)
    assert names(tmp_path) == ["a.pth"] and read_checkpoint(path).epoch == 1


PLAIN_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(min_size=1),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers() | st.tuples(st.text(), st.integers()), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=60)
@given(entry=PLAIN_VALUES)
def test_whatever_is_taken_comes_back(entry: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("plain") / "a.pth"
    assert read_checkpoint(save_checkpoint(path, nn.Linear(1, 1), entry=entry)).entries["entry"] == entry
