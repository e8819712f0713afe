"""The figures of lesson 08: bytes of files, and a file's tensors beside a model's. PyTorch says what fits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from matplotlib.figure import Figure
from torch import nn
from torchvision.models import resnet18, resnet34

from course_lib.drawing import Stretch, draw_bytes
from course_lib.drawing.fit_figure import fit_of
from course_lib.errors import CourseError
from course_lib.models.checkpoints.fitting import shapes_of
from course_lib.widgets import checkpoint_explorer
from tests.stills import faults, is_picture, watch

layers = some.dictionaries(some.sampled_from("abcd"), some.integers(1, 3), max_size=4)


@pytest.fixture(autouse=True)
def nothing_out_of_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    seen = watch(monkeypatch)
    yield seen
    assert [fault for figure in seen for fault in faults(figure)] == []


def network(sizes: dict[str, int]) -> nn.ModuleDict:
    return nn.ModuleDict({name: nn.Linear(size, 2) for name, size in sizes.items()})


@given(layers, layers)
def test_what_fits_is_what_pytorch_loads(given_sizes: dict[str, int], own_sizes: dict[str, int]) -> None:
    state, model = network(given_sizes).state_dict(), network(own_sizes)
    fit = fit_of(shapes_of(state), shapes_of(model.state_dict()))
    same_shape = {name: tensor for name, tensor in state.items() if name not in fit.other_shape}
    report = model.load_state_dict(same_shape, strict=False)
    assert set(report.missing_keys) == {*fit.missing, *fit.other_shape}
    assert set(report.unexpected_keys) == set(fit.unexpected)
    assert all(torch.equal(model.state_dict()[name], state[name]) for name in fit.fits)
    if fit.other_shape:
        with pytest.raises(RuntimeError, match="size mismatch"):
            model.load_state_dict(state, strict=False)
    else:
        assert fit.whole == (not report.missing_keys and not report.unexpected_keys)


def test_two_clicks_make_a_dirty_file_fit_and_the_model_is_left_alone() -> None:
    with torch.device("meta"):
        model, deeper, other = resnet18(num_classes=2), resnet34(num_classes=2), resnet18(num_classes=5)
    dirty = {"state_dict": nn.DataParallel(model).state_dict(), "epoch": 14, "classes": ["ant", "bee"]}
    explorer = checkpoint_explorer({"dirty.pth": dirty}, {"18": model, "34": deeper, "five": other})
    assert (
        "0 of 122 tensors fit, 0 of a different shape, 122 missing, 3 unexpected. With strict=True it raises"
        in explorer.still.alt
    )
    for of in ("entry", "prefix"):
        assert "it fits" not in explorer.still.alt
        explorer.touch(next(spot for spot in explorer.still.spots if spot.of == of))
    assert (
        "122 of 122 tensors fit, 0 of a different shape, 0 missing, 0 unexpected. With strict=True it fits"
        in explorer.still.alt
    )
    assert "122 of 218 tensors fit, 0 of a different shape, 96 missing" in explorer.set(model="34").still.alt
    assert "With strict=False there's no error, and 96 stay as they were" in explorer.set(strict=False).still.alt
    assert (
        "2 of a different shape, 0 missing, 0 unexpected. With strict=False it raises an error"
        in explorer.set(model="five").still.alt
    )


def test_bytes_are_shown_as_a_hex_editor_shows_them() -> None:
    data = b"PK\x03\x04" + bytes(range(256))
    shown = draw_bytes({"a.bin": data}, start=16, rows=3, marks=[Stretch(20, 50, "thirty bytes over two rows")])
    is_picture(shown, kind="png")
    assert shown.alt.startswith("48 bytes of a.bin from byte 16: ") and "thirty bytes over two rows: " in shown.alt
    assert [spot.tip for spot in shown.spots] == ["thirty bytes over two rows"] * 3
    assert "24 bytes of b" in draw_bytes({"a": data, "b": data}, rows=2).alt
    for files in ({}, {"a": b"", "b": b"", "c": b""}):
        with pytest.raises(CourseError, match="give one file"):
            draw_bytes(files)
