"""Reading checkpoints and building models: torchvision's own way is the oracle, and hostile files must not run."""

from __future__ import annotations

import io
import os
import pickle
import re
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision.models as tv
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib.errors import CheckpointError
from course_lib.models.checkpoints import load_model, read_state_dict
from course_lib.models.checkpoints.pickle_steps import pickle_steps

# (builder, what it takes, side of a picture): RegNet cannot be built on meta; the Inceptions draw odd first numbers.
MODELS: list[tuple[Callable[..., nn.Module], dict[str, Any], int]] = [
    (tv.squeezenet1_1, {}, 96),
    (tv.mobilenet_v3_small, {"num_classes": 10}, 64),
    (tv.shufflenet_v2_x0_5, {"num_classes": 10}, 64),
    (tv.regnet_y_400mf, {"num_classes": 10}, 64),
    (tv.googlenet, {"init_weights": False, "transform_input": True}, 64),
    (tv.inception_v3, {"init_weights": False, "transform_input": True}, 96),
    (tv.swin_t, {"num_classes": 10}, 64),
]


def with_busy_statistics(model: nn.Module) -> nn.Module:
    """Buffers that differ from those of a fresh model, so that forgetting to load them shows."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
    return model


def all_tensors(model: nn.Module) -> list[torch.Tensor]:
    return [*model.parameters(), *model.buffers()]


@pytest.mark.parametrize(("builder", "kwargs", "side"), MODELS, ids=lambda value: getattr(value, "__name__", None))
def test_same_logits_as_torchvisions_way(
    builder: Callable[..., nn.Module], kwargs: dict[str, Any], side: int, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    path = tmp_path / "weights.pth"
    torch.save(with_busy_statistics(builder(**kwargs)).state_dict(), path)
    theirs = builder(**kwargs)
    theirs.load_state_dict(torch.load(path, weights_only=True))
    ours = load_model(builder, read_state_dict(path), **kwargs)
    picture = torch.randn(2, 3, side, side)
    with torch.inference_mode():
        assert torch.equal(ours(picture), theirs.eval()(picture))
    assert not ours.training
    assert {tensor.device.type for tensor in all_tensors(ours)} == {"cpu"}
    assert [p.requires_grad for p in ours.parameters()] == [p.requires_grad for p in theirs.parameters()]


@pytest.mark.parametrize("builder", [tv.squeezenet1_1, tv.regnet_y_400mf])
def test_global_random_numbers_are_untouched(builder: Callable[..., nn.Module]) -> None:
    state = builder(num_classes=2).state_dict()
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    load_model(builder, state, num_classes=2)
    assert torch.equal(torch.rand(4), expected)


def test_half_precision_files_give_float32_models(tmp_path: Path) -> None:
    model = tv.shufflenet_v2_x0_5(num_classes=3)
    path = tmp_path / "half.pth"
    torch.save({k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}, path)
    ours = load_model(tv.shufflenet_v2_x0_5, read_state_dict(path), num_classes=3)
    for name, tensor in ours.state_dict().items():
        expected = model.state_dict()[name]
        assert tensor.dtype == expected.dtype
        assert torch.equal(tensor, expected.half().float() if expected.is_floating_point() else expected)


def test_files_older_than_num_batches_tracked_load(tmp_path: Path) -> None:
    """Torchvision's first files, ResNet18's among them, were written before BatchNorm counted its batches."""
    model = with_busy_statistics(tv.shufflenet_v2_x0_5(num_classes=3)).eval()
    state = {name: tensor for name, tensor in model.state_dict().items() if "num_batches" not in name}
    path = tmp_path / "old.pth"
    torch.save(state, path, _use_new_zipfile_serialization=False)
    ours = load_model(tv.shufflenet_v2_x0_5, read_state_dict(path), num_classes=3)
    picture = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(ours(picture), model(picture))


def test_training_a_loaded_model_does_not_change_the_file(tmp_path: Path) -> None:
    path = tmp_path / "line.pth"
    torch.save(nn.Linear(4, 2).state_dict(), path)
    before = path.read_bytes()
    model = load_model(lambda: nn.Linear(4, 2), read_state_dict(path))
    model(torch.ones(1, 4)).sum().backward()
    torch.optim.SGD(model.parameters(), lr=1.0).step()
    assert path.read_bytes() == before
    assert not torch.equal(model.weight, read_state_dict(path)["weight"])  # type: ignore[arg-type]


class Hidden(nn.Module):
    """Keeps a table that no state dict holds; on meta it would be lost."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.line = nn.Linear(2, 2)
        if how == "buffer":
            self.register_buffer("table", torch.arange(2.0), persistent=False)
        else:
            self.table = torch.arange(2.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.line(x) + self.table
        return y


@pytest.mark.parametrize("how", ["buffer", "attribute"])
def test_tensors_that_no_file_keeps_are_not_lost(how: str) -> None:
    model = Hidden(how)
    ours = load_model(Hidden, model.state_dict(), how=how)
    assert torch.equal(ours(torch.ones(1, 2)), model(torch.ones(1, 2)))


def test_a_misfit_names_the_first_that_do_not_fit() -> None:
    state = tv.squeezenet1_1(num_classes=10).state_dict()
    with pytest.raises(CheckpointError, match=r"fit SqueezeNet: classifier\.1\.weight is \(10, 512, 1, 1\) in it and"):
        load_model(tv.squeezenet1_1, state)
    with pytest.raises(CheckpointError, match=r"is missing.*\(and \d+ more\)"):
        load_model(tv.resnet18, state)
    with pytest.raises(TypeError):  # a mistake in the call is not hidden behind the fall-back
        load_model(tv.squeezenet1_1, state, colour="red")


# --- files that are not what they should be --------------------------------------------------------------------------


def good_file(path: Path) -> bytes:
    torch.save(nn.Linear(64, 64).state_dict(), path)
    return path.read_bytes()


def refused(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        read_state_dict(path)
    sentence = str(caught.value)
    assert str(path) in sentence and "\n" not in sentence and len(sentence) < 200 + len(str(path))
    return sentence


class Touch:
    """Pickles as a call that leaves a file behind: harmless, and visible if it ever ran."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("layout", ["zip", "old", "bare pickle"])
def test_a_hostile_file_is_refused_and_nothing_in_it_runs(layout: str, tmp_path: Path) -> None:
    path, marker = tmp_path / "hostile.pth", tmp_path / "it-ran"
    if layout == "bare pickle":
        path.write_bytes(pickle.dumps(Touch(marker)))
    else:
        torch.save({"weight": Touch(marker)}, path, _use_new_zipfile_serialization=layout == "zip")
    sentence = refused(path)
    assert not marker.exists()
    if layout == "zip":
        assert "could run code" in sentence and "mkdir" in sentence
    # The file is a real danger: the ordinary unpickler runs it.
    if layout == "bare pickle":
        pickle.loads(path.read_bytes())
        assert marker.exists()


def test_a_whole_pickled_model_is_refused_with_the_repair(tmp_path: Path) -> None:
    path = tmp_path / "whole.pth"
    torch.save(nn.Linear(1, 1), path)
    assert "torch.save(model.state_dict(), path)" in refused(path)


def test_web_page_empty_missing_folder_and_text(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    assert "There is no file" in refused(path)
    path.write_bytes(b"")
    assert "is empty" in refused(path)
    path.write_bytes(b"\n<!doctype html><html>404</html>")
    assert "web page" in refused(path)
    path.write_bytes(b"hello")
    assert "not a PyTorch checkpoint" in refused(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("photo.jpg", b"no weights here")
    assert "not a PyTorch checkpoint" in refused(path)
    folder = tmp_path / "folder"
    folder.mkdir()
    assert "cannot be read as a file" in refused(folder)


def test_content_without_a_state_dict(tmp_path: Path) -> None:
    path = tmp_path / "training.pth"
    torch.save({"optimizer": torch.optim.SGD(nn.Linear(1, 1).parameters()).state_dict(), "epoch": 3}, path)
    assert "a dict with 'optimizer', 'epoch', expected a state dict" in refused(path)
    torch.save(torch.ones(1), path)
    assert "one Tensor" in refused(path)
    torch.save({}, path)
    assert "nothing in it" in refused(path)


@settings(max_examples=40, deadline=None)
@given(share=st.floats(0.001, 0.999), old=st.booleans())
def test_a_file_cut_anywhere_is_one_sentence(share: float, old: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("cut") / "cut.pth"
    torch.save(nn.Linear(64, 64).state_dict(), path, _use_new_zipfile_serialization=not old)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    sentence = refused(path)
    assert re.search("cut short|is empty", sentence)


@pytest.mark.parametrize("old", [False, True])
def test_a_file_cut_at_any_byte_is_called_cut_short(old: bool, tmp_path: Path) -> None:
    """Also in the middle of a name: ``torch._utils._re`` is not what the file asked for."""
    path = tmp_path / "cut.pth"
    torch.save(nn.Linear(1, 1).state_dict(), path, _use_new_zipfile_serialization=not old)
    content = path.read_bytes()
    for length in range(1, len(content)):
        path.write_bytes(content[:length])
        assert "cut short" in refused(path), length
    path.write_bytes(content)
    assert set(read_state_dict(path)) == {"weight", "bias"}


@pytest.mark.parametrize("more", [b"", b"\n", b"\0" * 9])
def test_a_pickle_that_asks_for_more_is_not_called_cut(more: bytes, tmp_path: Path) -> None:
    path, marker = tmp_path / "hostile.pth", tmp_path / "it-ran"
    torch.save({"weight": Touch(marker)}, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes() + more)
    assert "could run code" in refused(path) and not marker.exists()


def test_reading_warns_about_nothing(tmp_path: Path) -> None:
    good_file(tmp_path / "good.pth")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_model(lambda: nn.Linear(64, 64), read_state_dict(tmp_path / "good.pth"))


def test_what_is_no_state_dict_is_said_and_whole_numbers_are_numbers() -> None:
    with pytest.raises(CheckpointError, match="1 isn't a name but of type int"):
        load_model(tv.squeezenet1_1, {1: torch.ones(2)})  # type: ignore[dict-item]
    state_dict = nn.Linear(3, 2, device="meta").state_dict()
    with pytest.raises(CheckpointError, match="weight has no numbers"):
        load_model(nn.Linear, state_dict, in_features=3, out_features=2)
    ones = {"weight": torch.ones(2, 3, dtype=torch.int64), "bias": torch.ones(2, dtype=torch.bool)}
    model = load_model(nn.Linear, ones, in_features=3, out_features=2)
    assert model(torch.ones(1, 3)).tolist() == [[4.0, 4.0]]


@pytest.mark.parametrize("protocol", range(2, 6))
def test_the_stack_of_a_pickles_steps_is_as_deep_as_pythons_own(protocol: int) -> None:
    class Watched(pickle._Unpickler):  # type: ignore[name-defined]
        """Python's reader in Python: after each instruction it says how much is on its stack, marks included."""

        def depth(self) -> int:
            return len(self.stack) + sum(len(below) + 1 for below in self.metastack)

    value = {"a": (1, 2.5, None), "b": ["x", "x", True], "c": OrderedDict(one=1), "d": (), "e": range(3)}
    data = pickle.dumps(value, protocol=protocol)
    reader, depths = Watched(io.BytesIO(data)), []
    for code, act in list(Watched.dispatch.items()):

        def watched(self: Any, act: Any = act) -> None:
            act(self)
            depths.append(self.depth())

        reader.dispatch = {**reader.dispatch, code: watched}
    assert reader.load() == value
    steps = pickle_steps(data)
    assert [len(step.stack) for step in steps[:-1]] == depths
