"""What a file claims and does not hold, what else it may be, and paths: what ``torch.load`` gives, or one sentence."""

from __future__ import annotations

import io
import json
import os
import struct
import sys
import warnings
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn

from course_lib.errors import CheckpointError
from course_lib.models.checkpoints import load_model, read_checkpoint, read_state_dict, save_checkpoint
from course_lib.models.checkpoints.inspection import claims_of

#: Of PyTorch itself, about complex halves and about the protocol of a damaged pickle.
pytestmark = pytest.mark.filterwarnings("ignore:ComplexHalf", "ignore:Detected pickle protocol")


def refused(path: Any) -> str:
    sentences = []
    for read in (read_state_dict, read_checkpoint):
        with pytest.raises(CheckpointError) as caught:
            read(path)
        sentences.append(str(caught.value))
    assert sentences[0] == sentences[1] and "\n" not in sentences[0] and len(sentences[0]) < 600
    sentences[0].encode()  # it can be printed
    return sentences[0]


def same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    return list(ours) == list(theirs) and all(torch.equal(ours[name], theirs[name]) for name in theirs)


def packed(path: Path, change: Any = None, how: int = zipfile.ZIP_STORED) -> Path:
    """The archive packed again, with its records changed."""
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, data in (change(records) if change else records).items():
            archive.writestr(name, data)
    return path


def raw(path: Path, pickle: bytes, how: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, data in (("a/data.pkl", pickle), ("a/byteorder", b"little"), ("a/version", b"3\n")):
            archive.writestr(name, data)
    return path


def peak_mb(read: Any) -> int:
    def status(name: str) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith(name))) // 1024

    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    read()
    return status("VmHWM") - before


# --- the file's own numbers ------------------------------------------------------------------------------------------

DTYPES = [torch.float32, torch.float16, torch.float64, torch.bfloat16, torch.int64, torch.uint8, torch.bool,
          torch.complex64, torch.complex32, torch.float8_e4m3fn]  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(
    shapes=st.lists(st.lists(st.integers(0, 4), max_size=3), min_size=1, max_size=5),
    dtype=st.sampled_from(DTYPES),
    how=st.sampled_from(["zip", "stored", "deflated", "bzip2", "older", "safetensors"]),
    wrapped=st.booleans(),
)
def test_the_numbers_are_torchs(
    shapes: list[list[int]], dtype: torch.dtype, how: str, wrapped: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever the archive was packed with: what torch.load refuses is refused, what it gives is given."""
    path = tmp_path_factory.mktemp("numbers") / "a.pth"
    state = {f"layer.{place}": torch.arange(int(np.prod(shape))).view(shape).to(dtype) for place, shape in
             enumerate(shapes)}  # fmt: skip
    if how == "safetensors":
        if dtype is torch.complex32:
            return
        save_file(state, path)
        assert same(read_state_dict(path), state)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about complex halves
        torch.save({"state_dict": state} if wrapped else state, path, _use_new_zipfile_serialization=how != "older")
    if how not in ("zip", "older"):
        ways = {"stored": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED, "bzip2": zipfile.ZIP_BZIP2}
        packed(path, how=ways[how])
    try:
        theirs = torch.load(path, weights_only=True)
    except Exception:
        refused(path)
        return
    for check in (True, False):
        ours = read_state_dict(path, check_numbers=check)
        given_state = theirs["state_dict"] if wrapped else theirs
        assert list(ours) == list(given_state)
        assert all(torch.equal(torch.view_as_real(ours[n]) if ours[n].is_complex() else ours[n].float(),
                               torch.view_as_real(t) if t.is_complex() else t.float())
                   for n, t in given_state.items())  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(keep=st.integers(0, 399), place=st.integers(0, 1))
def test_a_record_shorter_than_its_tensor_is_refused(
    keep: int, place: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("short") / "a.pth"
    torch.save({"w": torch.arange(100.0), "v": torch.ones(100)}, path)
    packed(path, lambda records: {n: d[:keep] if n.endswith(f"/data/{place}") else d for n, d in records.items()})
    assert f"its record '{place}' is shorter than its tensor" in refused(path)


def test_two_records_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save({"w": torch.arange(100.0)}, path)
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr(next(name for name in archive.namelist() if name.endswith("data/0")), b"\0" * 400)
    assert "two of its records have the same name" in refused(path)


@pytest.mark.parametrize("kind", ["zip", "older", "safetensors"])
@pytest.mark.parametrize("destroy", ["torch.save", "truncate", "delete", "noise"])
def test_a_file_may_be_destroyed_under_the_model(kind: str, destroy: str, tmp_path: Path) -> None:
    """Load, train, save under the same name: everybody does it. A mapped file would end this process."""
    path, line = tmp_path / "a.pth", nn.Linear(300, 300)
    if kind == "safetensors":
        save_file(line.state_dict(), path)
    else:
        torch.save(line.state_dict(), path, _use_new_zipfile_serialization=kind == "zip")
    model = load_model(nn.Linear, read_state_dict(path), in_features=300, out_features=300)
    if destroy == "torch.save":
        torch.save(model.state_dict(), path)
        assert same(torch.load(path, weights_only=True), line.state_dict())
    elif destroy == "truncate":
        os.truncate(path, 10)
    elif destroy == "delete":
        path.unlink()
    else:
        path.write_bytes(b"\xff" * path.stat().st_size)
    assert same(model.state_dict(), line.state_dict())


def test_tensors_that_share_memory_become_weights_of_their_own(tmp_path: Path) -> None:
    path, weight = tmp_path / "a.pth", torch.ones(2, 2)
    torch.save({"0.weight": weight, "0.bias": torch.zeros(1).expand(2), "1.weight": weight, "1.bias": weight[0]}, path)
    model = load_model(lambda: nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), read_state_dict(path))
    with torch.no_grad():
        model[0].weight.add_(1)  # type: ignore[index, union-attr, operator]
        model[0].bias[0] = 5  # type: ignore[index, union-attr]
    assert [tensor.flatten().tolist() for tensor in model.state_dict().values()] == [
        [2.0] * 4, [5.0, 0.0], [1.0] * 4, [1.0, 1.0]]  # fmt: skip


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 3)
        self.b.weight = self.a.weight


def test_a_model_that_ties_two_weights_stays_tied() -> None:
    state = Tied().state_dict()
    model = load_model(Tied, state)
    assert model.a.weight is model.b.weight and same(model.state_dict(), state)


# --- resources -------------------------------------------------------------------------------------------------------


def test_an_expanded_tensor_is_read_and_not_walked_through(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save({"w": torch.ones(1).expand(2**20, 2**20), "windows": torch.ones(9).as_strided((2**40, 1), (0, 1))}, path)
    assert read_state_dict(path)["w"].shape == (2**20, 2**20)
    torch.save({"w": torch.tensor([torch.nan]).expand(2**20, 2**20)}, path)
    assert "NaN (not a number) in w" in refused(path)
    torch.save({"weight": torch.ones(1).half().expand(2**20, 2**20)}, path)
    with pytest.raises(CheckpointError, match="does not fit Linear"):
        load_model(nn.Linear, read_state_dict(path), in_features=2, out_features=2)


BYTEARRAY = b"\x80\x02c__builtin__\nbytearray\n(\x8a\x05" + (1 << 30).to_bytes(5, "little") + b"tR."
PIECES = b"\x80\x02](" + (b"c__builtin__\nbytearray\n(J" + struct.pack("<i", 900_000) + b"tR") * 2000 + b"e."
TENSOR = b"\x80\x02ctorch\nFloatTensor\n(J" + struct.pack("<i", 1 << 30) + b"tR."
TUPLES = b"\x80\x02}()q\0" + b"".join(b"h%ch%c\x86q%c" % (i, i, i + 1) for i in range(45)) + b"tK\x01s."


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells the peak there")
@pytest.mark.parametrize("pickle", [BYTEARRAY, PIECES, TENSOR, TUPLES], ids=["bytearray", "pieces", "tensor", "tuples"])
@pytest.mark.parametrize("bare", [False, True])
def test_a_small_pickle_takes_neither_memory_nor_time(pickle: bytes, bare: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    if bare:
        path.write_bytes(pickle)
    else:
        raw(path, pickle)
    assert peak_mb(lambda: refused(path)) < 100
    assert "was not opened, because it is a pickle" in refused(path)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells the peak there")
def test_an_archive_that_unpacks_to_much_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a/data.pkl", "w") as file:
        for _ in range(16):
            file.write(bytes(16 << 20))
    assert peak_mb(lambda: refused(path)) < 100
    assert "that would unpack to 268,435,456" in refused(path)


# --- odd contents ----------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=80)
@given(code=st.sampled_from([b"\x8d", b"\x8e", b"\x96", b"\x8b", b"X", b"T", b"B", b"\x95"]),
       length=st.integers(0, 2**64 - 1), rest=st.binary(max_size=20), inside=st.booleans())  # fmt: skip
def test_a_pickle_that_lies_about_a_length(
    code: bytes, length: int, rest: bytes, inside: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("lie") / "a.pkl"
    wide = code in (b"\x8d", b"\x8e", b"\x96", b"\x95")
    pickle = b"\x80\x04" + code + (struct.pack("<Q", length) if wide else struct.pack("<I", length % 2**32)) + rest
    if inside:
        raw(path, pickle)
    else:
        path.write_bytes(pickle)
    refused(path)


@settings(deadline=None, max_examples=100)
@given(place=st.floats(0, 1), value=st.integers(0, 255), older=st.booleans())
@example(place=0.8667461322586874, value=16, older=False)  # a record marked as a folder
@example(place=0.98046875, value=1, older=False)  # a list of contents that spans several disks
def test_one_changed_byte_is_the_same_numbers_or_a_sentence(
    place: float, value: int, older: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("byte") / "a.pth"
    torch.save({"state_dict": nn.Linear(3, 2).state_dict(), "epoch": 3}, path, _use_new_zipfile_serialization=not older)
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] = value
    path.write_bytes(content)
    try:
        ours = read_checkpoint(path)
    except CheckpointError:
        return
    theirs = torch.load(path, weights_only=True, map_location="cpu")
    inner = next(value for value in theirs.values() if isinstance(value, dict))
    assert all(torch.equal(ours.state_dict[name], tensor) for name, tensor in inner.items() if name in ours.state_dict)


#: More than a megabyte each, which is read in pieces by several threads: three whole ones and a part of one.
LARGE = 3 * (1 << 18) + 5


@given(place=st.integers(0, LARGE - 1), how=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
@example(place=0, how=zipfile.ZIP_STORED)
@example(place=LARGE - 1, how=zipfile.ZIP_STORED)
@settings(max_examples=8, deadline=None)
def test_nan_anywhere_in_a_large_record_is_found(
    place: int, how: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("large") / "a.pth"
    state = {"steps": torch.arange(3), "good": torch.ones(LARGE), "bad": torch.ones(LARGE)}
    torch.save(state, path)
    assert same(read_state_dict(packed(path, how=how)), state)
    state["bad"][place] = torch.nan
    torch.save(state, path)
    assert "contains NaN (not a number) in bad" in refused(packed(path, how=how))


def test_large_records_that_are_no_32_bit_floats(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    numbers = torch.full((LARGE,), 0x7FC00000, dtype=torch.int32)  # as a float NaN, as an integer a number
    state = {"whole": numbers, "double": torch.ones(LARGE, dtype=torch.float64), "plain": torch.ones(LARGE)}
    torch.save(state, path)
    assert same(read_state_dict(path), state)
    for name in ("double", "plain"):
        torch.save(state | {name: state[name].clone().index_fill_(0, torch.tensor([7]), torch.nan)}, path)
        assert f"contains NaN (not a number) in {name}" in refused(path)


def test_the_other_byte_order(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"

    def swapped(records: dict[str, bytes]) -> dict[str, bytes]:
        other = {"little": b"big", "big": b"little"}[sys.byteorder]
        return {
            name: other if name.endswith("/byteorder") else
            np.frombuffer(data, np.float32).byteswap().tobytes() if "/data/" in name else data
            for name, data in records.items()
        }  # fmt: skip

    state = {"weight": torch.linspace(-1, 1, LARGE)}
    torch.save(state, path)
    assert same(read_state_dict(packed(path, swapped)), state)
    state["weight"][100] = torch.nan
    torch.save(state, path)
    assert "contains NaN" in refused(packed(path, swapped))


@pytest.mark.filterwarnings("ignore")
def test_sparse_complex_and_conjugated_numbers_are_looked_at(tmp_path: Path) -> None:
    path, nan = tmp_path / "a.pth", float("nan")
    good = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    bad = torch.tensor([[nan, 0.0], [0.0, 2.0]])
    makers = [Tensor.to_sparse, Tensor.to_sparse_csr, Tensor.to_sparse_csc, lambda t: t.to_sparse_bsr((1, 1)),
              lambda t: t.to(torch.complex64).conj(), lambda t: t.to(torch.complex32),
              lambda t: torch.complex(torch.zeros(2, 2), t), lambda t: t.to(torch.float16)]  # fmt: skip
    for make in makers:
        torch.save({"w": make(good)}, path)
        assert read_state_dict(path)["w"].shape == (2, 2)
        torch.save({"w": make(bad)}, path)
        assert "NaN (not a number) in w" in refused(path)
    torch.save({"w": torch.quantize_per_tensor(good, 0.1, 0, torch.qint8)}, path)
    assert read_state_dict(path)["w"].is_quantized


@pytest.mark.parametrize("odd", [5, [1], "x", {"": 5}, {"": {"version": "x"}}, {5: {}}, {"0": {"version": None}}])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_versions_that_are_no_versions(odd: Any, prefix: str, tmp_path: Path) -> None:
    state = nn.Sequential(nn.BatchNorm1d(2)).state_dict(prefix=prefix)
    state._metadata = odd  # type: ignore[attr-defined]
    torch.save({"state_dict": state}, tmp_path / "a.pth")
    given_state = read_state_dict(tmp_path / "a.pth")
    assert not load_model(lambda: nn.Sequential(nn.BatchNorm1d(2)), given_state).training
    load_model(lambda: nn.Sequential(nn.BatchNorm1d(2)), OrderedDict(given_state))


def test_a_dict_that_hides_its_own_methods(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    state = OrderedDict(nn.Linear(2, 2).state_dict())
    state.pop_ = 5  # type: ignore[attr-defined]
    torch.save(state, path)
    packed(path, lambda records: {n: d.replace(b"pop_", b"keys") for n, d in records.items()})
    assert list(read_state_dict(path)) == ["weight", "bias"]
    packed(path, lambda records: {n: d.replace(b"keysq", b"itemq") for n, d in records.items()})
    assert list(read_state_dict(path)) == ["weight", "bias"]


def test_deep_json_and_odd_metadata(tmp_path: Path) -> None:
    path, deep = tmp_path / "a.safetensors", "[" * 100_000
    save_file({"w": torch.ones(1)}, path, metadata={"note": deep})
    assert read_checkpoint(path).entries["note"] == deep
    path.write_bytes(struct.pack("<Q", len(deep) + 1) + b"{" + deep.encode())
    assert "damaged" in refused(path)


def test_names_of_any_length_are_cut_in_sentences(tmp_path: Path) -> None:
    path, name = tmp_path / "a.pth", "n" * 5000
    torch.save({name: torch.tensor([torch.nan])}, path)
    refused(path)
    torch.save({name: {"w": torch.ones(1)}, name + "2": {"w": torch.ones(1)}}, path)
    refused(path)
    torch.save({name: 5, (name,) * 50: 3}, path)
    refused(path)
    with pytest.raises(CheckpointError) as caught:
        load_model(nn.Linear, {name: torch.ones(1)}, in_features=2, out_features=2)
    assert len(str(caught.value)) < 600


# --- other formats ---------------------------------------------------------------------------------------------------


def other_formats(folder: Path) -> dict[str, tuple[bytes, str]]:
    array, arrays = io.BytesIO(), io.BytesIO()
    np.save(array, np.ones(3))
    np.savez(arrays, w=np.ones(3))
    onnx = b"\x08\x07\x12\x07pytorch\x1a\x052.1.0:\x8a\x01"
    return {
        "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(600), "is an HDF5 file"),
        "npy": (array.getvalue(), r"is a NumPy array"),
        "npz": (arrays.getvalue(), r"holds NumPy arrays \(\.npz"),
        "onnx": (onnx, "is an ONNX model"),
        "gzip": (b"\x1f\x8b\x08" + bytes(50), "is a compressed file"),
        "png": (b"\x89PNG\r\n\x1a\n", "is a picture"),
        "gguf": (b"GGUF\x03\0\0\0", "is a GGUF file"),
    }


@pytest.mark.parametrize("name", other_formats(Path()))
def test_other_formats_are_named(name: str, tmp_path: Path) -> None:
    content, expected = other_formats(tmp_path)[name]
    path = tmp_path / "model.pth"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=expected + r".*: .*\."):
        read_state_dict(path)


def test_an_exported_program_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.pt2"
    torch.export.save(torch.export.export(nn.Linear(2, 2), (torch.ones(1, 2),)), path)
    assert "is a program that torch.export saved" in refused(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("models/best.pth", b"x")
    assert "is a ZIP archive (with models/best.pth in it), not a PyTorch checkpoint: unpack it" in refused(path)


# --- layouts ---------------------------------------------------------------------------------------------------------


class Wrapper(nn.Module):
    def __init__(self, inner: nn.Module, name: str) -> None:
        super().__init__()
        setattr(self, name, inner)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = next(self.children())(x)
        return y


@settings(deadline=None, max_examples=40)
@given(names=st.lists(st.sampled_from(["_fsdp_wrapped_module", "_checkpoint_wrapped_module", "module", "_orig_mod"]),
                      max_size=4))  # fmt: skip
def test_wrappers_in_any_order_come_off(names: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    wrapped: nn.Module = model
    for name in names:
        wrapped = Wrapper(wrapped, name)
    path = tmp_path_factory.mktemp("wrapped") / "a.pth"
    torch.save({"state_dict": wrapped.state_dict()}, path)
    assert same(read_state_dict(path), model.state_dict())


def test_a_wrapper_inside_a_model(tmp_path: Path) -> None:
    inner = nn.Sequential(nn.Linear(2, 2))
    expected = list(nn.Sequential(inner).state_dict())
    torch.save(nn.Sequential(Wrapper(inner, "_checkpoint_wrapped_module")).state_dict(), tmp_path / "a.pth")
    assert list(read_state_dict(tmp_path / "a.pth")) == expected == ["0.0.weight", "0.0.bias"]


@pytest.mark.parametrize("name", ["model", "net", "network", "backbone"])
def test_lightnings_files(name: str, tmp_path: Path) -> None:
    path, model = tmp_path / "epoch=3.ckpt", nn.Linear(2, 2)
    content = {"epoch": 3, "global_step": 9, "pytorch-lightning_version": "2.4.0", "hyper_parameters": {"lr": 0.1},
               "state_dict": Wrapper(model, name).state_dict(), "optimizer_states": [{}]}  # fmt: skip
    torch.save(content, path)
    found = read_checkpoint(path)
    assert same(found.state_dict, model.state_dict()) and found.epoch == 3 and f"'{name}.' removed" in found.layout
    del content["pytorch-lightning_version"]
    torch.save(content, path)
    assert list(read_state_dict(path)) == [f"{name}.weight", f"{name}.bias"]


def test_averages_of_the_weights(tmp_path: Path) -> None:
    path, model = tmp_path / "a.pth", nn.Linear(2, 2)
    state = {**Wrapper(model, "ema_model").state_dict(), **Wrapper(nn.Linear(2, 2), "online_model").state_dict(),
             "initted": torch.tensor(True), "step": torch.tensor(7)}  # fmt: skip
    torch.save(state, path)
    found = read_checkpoint(path)
    assert same(found.state_dict, model.state_dict()) and found.entries["step"] == 7
    torch.save({**Wrapper(model, "ema_model").state_dict(), "head.weight": torch.ones(1)}, path)  # somebody's own names
    assert list(read_state_dict(path)) == ["ema_model.weight", "ema_model.bias", "head.weight"]
    torch.save({"state_dict_ema": nn.DataParallel(model).state_dict(), "epoch": 2}, path)
    assert same(read_state_dict(path), model.state_dict())


# --- paths -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a\0b.pth", "holds a zero byte"),
        ("\ud800.pth", "a character that no file name can have"),
        ("~nosuchuser/x.pth", "~nosuchuser isn't a user of this machine"),
        (None, "it was given None"),
        (5, "a value of type int"),
        (b"a.pth", "a value of type bytes"),
        (io.BytesIO(), "a value of type BytesIO"),
        ("n" * 5000, "cannot be read as a file|could not be written"),
        ("", "cannot be read as a file|is a folder"),
        ("/dev/null/x.pth", "cannot be read as a file|could not be written"),
        ("/dev/zero", "a device or a pipe"),
        ("/dev/full", "a device or a pipe"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other devices and other rules for names")
def test_paths_that_are_none(path: Any, expected: str) -> None:
    for call in (read_state_dict, read_checkpoint, lambda path: save_checkpoint(path, nn.Linear(1, 1))):
        with pytest.raises(CheckpointError, match=expected) as caught:
            call(path)
        assert len(str(caught.value)) < 500 and str(caught.value).encode()
    assert not Path("/dev/full").is_file() and Path("/dev/full").exists()


@pytest.mark.skipif(os.name != "posix", reason="links and pipes")
def test_links_pipes_and_folders_without_rights(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone.pth")
    os.mkfifo(tmp_path / "pipe")
    assert "cannot be read as a file" in refused(tmp_path / "loop")
    assert "is a link to" in refused(tmp_path / "nowhere")
    assert "a device or a pipe" in refused(tmp_path / "pipe")
    for name in ("loop", "pipe"):
        with pytest.raises(CheckpointError, match=r"leads back to itself|a device or a pipe"):
            save_checkpoint(tmp_path / name, nn.Linear(1, 1))
    save_checkpoint(tmp_path / "real.pth", nn.Linear(1, 1))
    (tmp_path / "link").symlink_to(tmp_path / "real.pth")
    assert read_state_dict(tmp_path / "link").keys() == {"weight", "bias"}


@settings(deadline=None, max_examples=100)
@given(name=st.text(max_size=40))
def test_any_text_as_a_path_is_a_sentence(name: str) -> None:
    path = f"/nonexistent-folder-of-a-test/{name}"
    with pytest.raises(CheckpointError) as caught:
        read_state_dict(path)
    str(caught.value).encode()


def test_claims_of_whole_files_hold_no_fault(tmp_path: Path) -> None:
    path, model = tmp_path / "a.pth", nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    content = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "words": ["a", b"b", None, 1.5, 2**70],
               "history": [(1, 2.0)] * 100, "json": json.dumps({"a": 1})}  # fmt: skip
    for older in (False, True):
        torch.save(content, path, _use_new_zipfile_serialization=not older)
        claims = claims_of(path)
        assert (claims.fault, claims.cut) == ("", False)
        assert same(read_state_dict(path), model.state_dict())
