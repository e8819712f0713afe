"""Layouts met in the wild, the real wrappers writing them; safetensors by its own library; files cut and NaN."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from course_lib.errors import CheckpointError
from course_lib.models.checkpoints import Checkpoint, layouts, read_checkpoint, read_state_dict


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))


def same(ours: dict[str, Tensor], model: nn.Module) -> bool:
    theirs = model.state_dict()
    return list(ours) == list(theirs) and all(torch.equal(ours[name], theirs[name]) for name in theirs)


MODEL = network()
STATE = MODEL.state_dict()
LAYOUTS: dict[str, tuple[Any, str]] = {
    "bare": (STATE, "bare"),
    "the tutorial's": ({"epoch": 14, "model_state_dict": STATE, "loss": 0.5}, "under 'model_state_dict'"),
    "the ImageNet example's": ({"epoch": 14, "arch": "resnet18", "state_dict": STATE}, "under 'state_dict'"),
    "torchvision's scripts'": ({"model": STATE, "model_ema": dict(STATE), "epoch": 14}, "under 'model'"),
    "one of its own": ({"my weights": STATE}, "under 'my weights'"),
    "DataParallel": (nn.DataParallel(MODEL).state_dict(), "bare, 'module.' removed"),
    "compiled": (torch.compile(MODEL).state_dict(), "bare, '_orig_mod.' removed"),
    "compiled and parallel": (
        {"state_dict": nn.DataParallel(torch.compile(MODEL)).state_dict()},  # type: ignore[arg-type]
        "under 'state_dict', 'module.' removed, '_orig_mod.' removed",
    ),
    "parallel and compiled": (
        torch.compile(nn.DataParallel(MODEL)).state_dict(),
        "bare, '_orig_mod.' removed, 'module.' removed",
    ),
    "averaged": (AveragedModel(MODEL).state_dict(), "bare, 'module.' removed"),
}


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".pkl"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_gives_the_same_state_dict(name: str, suffix: str, tmp_path: Path) -> None:
    content, layout = LAYOUTS[name]
    path = tmp_path / f"weights{suffix}"
    torch.save(content, path, _use_new_zipfile_serialization=suffix != ".pkl")
    assert same(read_state_dict(path), MODEL)
    found = read_checkpoint(path)
    assert found.layout == layout and same(found.state_dict, MODEL)
    assert found.epoch == (14 if isinstance(content.get("epoch"), int) else None)
    fresh = network()
    fresh.load_state_dict(read_state_dict(path))  # versions of the layers' formats came along, under their new names
    assert getattr(found.state_dict, "_metadata") == getattr(STATE, "_metadata") or "ompile" in name  # noqa: B009


def test_a_layer_that_is_compiled_inside_a_model(tmp_path: Path) -> None:
    model = network()
    expected = list(model.state_dict())
    model[0] = torch.compile(model[0])  # type: ignore[index, operator]
    assert "0._orig_mod.weight" in model.state_dict()
    torch.save(model.state_dict(), tmp_path / "a.pth")
    assert list(read_state_dict(tmp_path / "a.pth")) == expected


NAMES = st.lists(
    st.from_regex(r"[a-z]{1,6}(\.[a-z0-9]{1,4}){0,3}", fullmatch=True), min_size=1, max_size=6, unique=True
)


@settings(deadline=None, max_examples=150)
@given(
    names=NAMES,
    order=st.lists(st.sampled_from(["module.", "_orig_mod."]), max_size=4),
    key=st.sampled_from([None, "state_dict", "net", "x"]),
)
def test_prefixes_in_any_order_come_off_and_nothing_else_does(
    names: list[str], order: list[str], key: str | None
) -> None:
    if all(name.startswith("module.") for name in names):
        names = [*names, "fc.bias"]
    tensors = {name: torch.full((), float(place)) for place, name in enumerate(names)}
    given_names = {"".join(order) + name: tensor for name, tensor in tensors.items()}
    found = layouts.find(Path("x.pth"), given_names if key is None else {key: given_names, "epoch": 2})
    assert list(found.state_dict) == names
    assert all(found.state_dict[name] is tensors[name] for name in names)
    assert found.epoch == (None if key is None else 2)


@pytest.mark.parametrize(
    "names", [["module.a", "head.b"], ["modules.a"], ["module.a", "a"], ["x_orig_mod.a"], ["module.", "module.a"]]
)
def test_names_that_only_look_like_it_stay(names: list[str]) -> None:
    found = layouts.find(Path("x.pth"), {name: torch.ones(1) for name in names})
    assert list(found.state_dict) == names and found.layout == "bare"


def test_all_that_lies_beside(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint_14_epoch.pkl"
    optimizer = torch.optim.SGD(MODEL.parameters(), momentum=0.9)
    content = {"model_state_dict": STATE, "optimizer_state_dict": optimizer.state_dict(), "epoch": 14,
               "classes": ["ant", "bee"], "best": True}  # fmt: skip
    torch.save(content, path)
    found = read_checkpoint(path)
    assert (found.epoch, found.categories, list(found.entries)) == (
        14,
        ("ant", "bee"),
        ["optimizer_state_dict", "best"],
    )
    assert repr(found) == (
        "<Checkpoint checkpoint_14_epoch.pkl: 9 tensors (under 'model_state_dict'), epoch 14, 2 categories, "
        "also 'optimizer_state_dict', 'best'>"
    )
    optimizer.load_state_dict(found.entries["optimizer_state_dict"])
    torch.save(AveragedModel(MODEL).state_dict(), path)
    assert read_checkpoint(path).entries == {"n_averaged": torch.tensor(0)}
    torch.save({**STATE, "n_averaged": torch.tensor(3)}, path)  # somebody's own parameter
    assert "n_averaged" in read_state_dict(path)
    torch.save({"state_dict": STATE, "epoch": True, "classes": ["ant", 2]}, path)
    assert read_checkpoint(path).entries == {"epoch": True, "classes": ["ant", 2]}


def test_of_several_state_dicts_one_is_chosen_or_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "two.pth"
    torch.save({"student": STATE, "teacher": {"w": torch.ones(1)}}, path)
    with pytest.raises(
        CheckpointError, match=r"several state dicts: say which, such as key='student' \(of 'student', 'teacher'\)"
    ):
        read_state_dict(path)
    assert list(read_state_dict(path, key="teacher")) == ["w"]
    with pytest.raises(CheckpointError, match="no state dict under 'tutor'; there are 'student', 'teacher'"):
        read_state_dict(path, key="tutor")
    torch.save(STATE, path)
    with pytest.raises(CheckpointError, match=r"no state dict under 'x'; it holds a dict with '0\.weight'"):
        read_checkpoint(path, key="x")


# --- safetensors -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_safetensors_are_known_by_their_bytes(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    save_file(nn.DataParallel(MODEL).state_dict(), path)
    ours = read_state_dict(path)
    assert ours.keys() == STATE.keys() and all(torch.equal(ours[name], STATE[name]) for name in STATE)
    before = path.read_bytes()
    ours["3.weight"].mul_(2)  # mapped, and copied when written to
    assert path.read_bytes() == before


def test_metadata_of_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(STATE, path, metadata={"epoch": "14", "categories": json.dumps(["ant", "bee"]), "format": "pt"})
    found = read_checkpoint(path)
    assert isinstance(found, Checkpoint)
    assert (found.epoch, found.categories, dict(found.entries)) == (14, ("ant", "bee"), {"format": "pt"})


@pytest.mark.parametrize("kind", ["zip", "older", "safetensors", "checkpoint"])
def test_cut_at_every_sixteenth_and_byte_by_byte_at_the_ends(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "cut.pth"
    if kind == "safetensors":
        save_file(STATE, path)
    else:
        content = {"model_state_dict": STATE, "epoch": 3, "note": "x" * 99} if kind == "checkpoint" else STATE
        torch.save(content, path, _use_new_zipfile_serialization=kind != "older")
    whole = path.read_bytes()
    lengths = (
        {len(whole) * sixteenth // 16 for sixteenth in range(1, 16)}
        | {*range(1, 24)}
        | {*range(len(whole) - 24, len(whole))}
    )
    for length in sorted(lengths):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="cut short") as caught:
            read_checkpoint(path)
        assert "\n" not in str(caught.value)
    path.write_bytes(whole)
    assert len(read_state_dict(path)) == len(STATE)


@settings(deadline=None, max_examples=60)
@given(
    noise=st.binary(min_size=1, max_size=200),
    start=st.sampled_from([b"", b"PK\x03\x04", b"\x80\x02", b"\x80\x04", b"\x10" + b"\0" * 7 + b"{"]),
)
@example(noise=b"\x8e" + b"\0" * 7 + b"\1", start=b"")  # a pickle's string, 2 to the power of 56 bytes long
def test_noise_is_one_sentence(noise: bytes, start: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("noise") / "noise.pth"
    path.write_bytes(start + noise)
    with pytest.raises(CheckpointError) as caught:
        read_state_dict(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_safetensors_that_are_damaged_inside(tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 4)
    with pytest.raises(CheckpointError, match="damaged"):
        read_state_dict(path)


# --- what is read and is no good ------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [float("nan")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_nan_is_named(bad: float, dtype: torch.dtype, tmp_path: Path) -> None:
    path = tmp_path / "nan.pth"
    state = {name: one.to(dtype) if one.is_floating_point() else one for name, one in network().state_dict().items()}
    state["1.running_var"][2] = bad
    torch.save({"model_state_dict": state}, path)
    for read in (read_state_dict, read_checkpoint):
        with pytest.raises(CheckpointError, match=r"NaN \(not a number\) in 1\.running_var.*earlier checkpoint"):
            read(path)
    assert read_state_dict(path, check_numbers=False)["1.running_var"].isnan().sum() == 1


def test_large_and_infinite_numbers_are_no_nan(tmp_path: Path) -> None:
    path = tmp_path / "mask.pth"
    torch.save({"mask": torch.tensor([-torch.inf, 0, torch.inf]), "big": torch.full((9,), 6e4).half()}, path)
    assert len(read_state_dict(path)) == 2


@pytest.mark.filterwarnings("ignore::FutureWarning")  # torch.jit is on its way out; its files are still met
def test_pages_text_pointers_and_programs(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    said = {
        b"": "is empty",
        b"<!DOCTYPE html><html>404</html>": r"is a web page.*'<!DOCTYPE html>",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n": "git lfs pull",
        b"hello, this is text": "is text, not a PyTorch checkpoint",
    }
    for content, expected in said.items():
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=expected):
            read_state_dict(path)
    torch.jit.script(nn.Linear(1, 1)).save(str(path))  # type: ignore[no-untyped-call]
    with pytest.raises(CheckpointError, match="TorchScript program"):
        read_state_dict(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"There is no file .*; its folder is empty or not there"):
        read_state_dict(tmp_path / "checkpoint_14_epoch.pkl")
    (tmp_path / "checkpoint_14_epochs.pkl").touch()
    with pytest.raises(CheckpointError, match=r"There is no file .*\. Did you mean 'checkpoint_14_epochs\.pkl'\?"):
        read_state_dict(tmp_path / "checkpoint_14_epoch.pkl")
    with pytest.raises(CheckpointError, match="cannot be read as a file"):
        read_state_dict(tmp_path / ("n" * 300))


def test_sentences_say_which_file_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "best.pth"
    torch.save({"state_dict": STATE, "accuracy": __import__("numpy").float64(0.9)}, path)
    with pytest.raises(CheckpointError, match=re.escape(str(path)) + r" holds more than tensors.*float\(accuracy\)"):
        read_state_dict(path)
