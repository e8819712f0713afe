"""Formulas, failures and tables: what a trace says."""

from __future__ import annotations

import csv
import io
from html.parser import HTMLParser
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from course_lib import tracing
from course_lib.tracing import TraceError, windows


@settings(deadline=None, max_examples=150)
@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 5), st.integers(0, 4), st.integers(1, 3), st.booleans())
def test_windows_are_pytorchs(n: int, k: int, s: int, p: int, d: int, pooled: bool) -> None:
    def theirs(layer: nn.Module) -> int:
        try:
            return int(layer(torch.zeros(1, 1, n)).shape[-1])
        except RuntimeError:
            return 0

    step = windows.slide(n, k, s, p, d)
    assert max(step.size, 0) == theirs(nn.Conv1d(1, 1, k, s, p, d)) and step.text.endswith(f" = {step.size}")
    assert windows.fits(n, k, s, p, d) == step.size
    if pooled and 2 * p <= k:
        size = windows.slide(n, k, s, p, d, ceil=True).size
        assert max(size, 0) == theirs(nn.MaxPool1d(k, s, p, d, ceil_mode=True))
        assert windows.fits(n, k, s, p, d, ceil=True) == size
    layer = nn.ConvTranspose1d(1, 1, k, s, min(p, k - 1), s - 1, dilation=d) if s > 1 else None
    if layer is not None and (size := windows.transposed(n, k, s, min(p, k - 1), d, extra=s - 1).size) > 0:
        assert size == theirs(layer)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 5), st.integers(0, 4), st.integers(1, 3))
def test_the_dropped_border_is_what_no_window_sees(n: int, k: int, s: int, p: int, d: int) -> None:
    step = windows.slide(n, k, s, p, d)
    if step.size < 1:
        return
    last = (step.size - 1) * s + d * (k - 1)  # the last cell of padded input that a window reads
    unseen = n + 2 * p - 1 - last
    assert step.note.startswith("One cell is left over" if unseen == 1 else f"{unseen} cells are left over") == (
        unseen > 0
    )
    assert ("of padding" in step.note) == (0 < unseen <= p)


def test_formulas_have_the_numbers_in_them() -> None:
    found = tracing.trace("vgg11")
    assert found["features.0"].formula == "⌊(224 + 2·1 − 1·(3−1) − 1) / 1⌋ + 1 = 224"
    assert found["flatten"].formula == "512·7·7 = 25088"
    assert found["classifier.0"].formula == "25088 → 4096 (the weight is 4096×25088)"
    stem = tracing.trace("resnet18")["conv1"]
    assert stem.formula == "⌊(224 + 2·3 − 1·(7−1) − 1) / 2⌋ + 1 = 112"
    assert "no window reaches the last cell of padding" in stem.explain()
    wide = tracing.trace("resnet18", (3, 224, 320))["conv1"].formula
    assert wide == "height ⌊(224 + 2·3 − 1·(7−1) − 1) / 2⌋ + 1 = 112; width ⌊(320 + 2·3 − 1·(7−1) − 1) / 2⌋ + 1 = 160"
    assert tracing.trace("squeezenet1_1")["features.3.cat"].formula == "64 + 64 = 128 (dimension 1)"
    words = tracing.trace("resnet18")["layer2.0.conv1"].explain()
    for part in ("op 18", "1×64×56×56 from layer1.1.relu_1", "128×64×3×3 = 73,728", "57,802,752", "51×51"):
        assert part in words


class Net(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.short = nn.Conv2d(3, 4, 1)
        self.norm = nn.BatchNorm2d(4)
        self.fc = nn.Linear(100, 3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        if self.kind == "add":
            return y + self.short(x)
        if self.kind == "cat":
            return torch.cat([y, x], 1)
        if self.kind == "norm":
            return self.norm(y)  # type: ignore[no-any-return]
        if self.kind == "view":
            return y.view(7, -1)
        if self.kind == "permuted":
            return y.permute(0, 2, 3, 1).view(1, -1)
        if self.kind == "matmul":
            return y @ x
        return self.fc(y if self.kind == "no flatten" else y.flatten(1))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("add", ["1×8×4×4 from conv and 1×4×8×8 from short", "nn.Conv2d(4, 8, kernel_size=1, stride=2, bias=False)"]),
        ("cat", ["1×8×4×4 from conv, 1×3×8×8 from the input", "dimension 2"]),
        ("norm", ["1×8×4×4 has 8 channels", "made for 4", "num_features=8"]),
        ("view", ["= 128 numbers", "cannot be read as (7, -1)"]),
        ("permuted", ["reshape instead of view"]),
        ("matmul", ["the inner sizes 4 and 8 differ"]),
        ("flatten", ["rows of 128", "3×100", "nn.Linear(128, 3)"]),
        ("no flatten", ["rows of 4", "3×100"]),
    ],
)
def test_a_failing_model_is_explained(kind: str, parts: list[str]) -> None:
    model = Net(kind).eval()
    with pytest.raises((RuntimeError, ValueError)):  # it really fails
        model(torch.zeros(1, 3, 8, 8))
    with pytest.raises(TraceError) as caught:
        tracing.trace(model, (3, 8, 8))
    for part in (*parts, "The input 1×3×8×8 got through"):
        assert part in str(caught.value)
    assert caught.value.trace is not None and caught.value.trace["conv"].output == (1, 8, 4, 4)


@pytest.mark.parametrize(
    ("name", "size", "parts"),
    [
        ("resnet18", (1, 224, 224), ["has 1 channel,", "expects 3", "convert('RGB')"]),
        ("resnet18", (224, 224, 3), ["height×width×channels", "permute(0, 3, 1, 2)"]),
        ("resnet18", (224, 224), ["expects 4 dimensions", "got 2"]),
        (
            "alexnet",
            (3, 32, 32),
            ["too small for a window of 3", "features.12", "takes pictures of 224×224 or 299×299"],
        ),
        ("vit_b_16", (3, 384, 384), ["Expected 224 but got 384", "takes pictures of 224×224"]),
    ],
)
def test_a_picture_that_does_not_fit_is_explained(name: str, size: tuple[int, ...], parts: list[str]) -> None:
    with pytest.raises(TraceError) as caught:
        tracing.trace(name, size)
    for part in parts:
        assert part in str(caught.value)


def test_one_picture_in_train_mode_where_a_map_is_one_cell() -> None:
    with pytest.raises(TraceError, match=r"only one number a channel.*a batch of 2"):
        tracing.trace("resnet18", (1, 3, 32, 32), mode="train")
    assert tracing.trace("resnet18", (2, 3, 32, 32), mode="train").outputs == ((2, 1000),)


def test_what_fits_really_fits() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 31 * 31, 2))
    with pytest.raises(TraceError, match=r"takes pictures of 64×64"):
        tracing.trace(model, (3, 32, 32))
    assert model(torch.zeros(1, 3, 64, 64)).shape == (1, 2)


@pytest.mark.parametrize("side", [160, 224, 256])
@pytest.mark.parametrize("got", [32, 320])
def test_the_sizes_that_are_named_go_through_and_no_size_is_named_where_none_helps(side: int, got: int) -> None:
    cells = (side // 32) ** 2
    model = nn.Sequential(nn.Conv2d(3, 4, 32, 32), nn.Flatten(), nn.Linear(4 * cells, 2))
    with pytest.raises(TraceError) as caught:
        tracing.trace(model, (3, got, got))
    assert (side, side) in caught.value.sizes
    for height, width in caught.value.sizes:
        assert model(torch.zeros(1, 3, height, width)).shape == (1, 2)
    pooled = nn.Sequential(model[0], nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(9, 2))
    with pytest.raises(TraceError) as caught:
        tracing.trace(pooled, (3, 64, 64))
    assert caught.value.mismatch is not None
    assert (caught.value.sizes, caught.value.mismatch.by_size) == ((), False)


@pytest.mark.parametrize(
    ("kind", "repair", "parties"),
    [
        ("flatten", "linear", ["the output of flatten: 1×128", "fc.weight: 3×100"]),
        ("no flatten", "", ["the output of conv: 1×8×4×4", "fc.weight: 3×100"]),
        ("add", "", ["the output of conv: 1×8×4×4", "the output of short: 1×4×8×8"]),
        ("cat", "", ["the output of conv: 1×8×4×4", "the input: 1×3×8×8"]),
        ("norm", "", ["the output of conv: 1×8×4×4"]),
    ],
)
def test_the_sentence_has_its_values_beside_it(kind: str, repair: str, parties: list[str]) -> None:
    with pytest.raises(TraceError) as caught:
        tracing.trace(Net(kind), (3, 8, 8))
    error = caught.value
    assert error.mismatch is not None and error.failed is not None and error.where == error.failed.path
    assert (error.mismatch.repair, list(map(str, error.mismatch.parties))) == (repair, parties)
    assert error.mismatch.what in error.cause and error.reason.startswith(error.cause)
    assert error.mismatch.fits in error.reason and str(error).endswith(error.reason)
    assert error.mismatch.maps == ((1, 8, 4, 4) if kind == "flatten" else ())


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.counts: dict[str, int] = {}
        self.open = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.stack.append(tag)
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.open += tag == "details" and "open" in dict(attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "vit_b_32"])
def test_the_page_is_well_formed_and_has_every_op_once(name: str) -> None:
    found = tracing.trace(name)
    opened = []
    for depth in (0, 1, 2, 50):
        page = Page()
        page.feed(found.html(depth))
        assert page.stack == [] and page.counts["td"] == 7 * len(found)
        opened.append(page.open)
    assert opened[:2] == [0, 1] and opened[1] < opened[2] <= opened[3] == page.counts["details"]


def test_tables() -> None:
    found = tracing.trace("resnet18", depth=1)
    assert len(found.text().splitlines()) == 3 + 11 and found.text() == str(found)
    assert len(tracing.trace("resnet18").text().splitlines()) == 3 + 69
    rows = list(csv.DictReader(io.StringIO(found.csv())))
    assert len(rows) == 69 and sum(int(row["parameters"]) for row in rows) == 11_689_512
    assert rows[25]["name"] == "layer2.0.add" and rows[25]["from"] == "22 24"
    pandas = pytest.importorskip("pandas")
    frame = found.frame()
    assert isinstance(frame, pandas.DataFrame) and frame["macs"].sum() == found.macs


def test_without_pandas_frame_says_what_else_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(TraceError, match=r"rows\(\)"):
        tracing.trace("squeezenet1_1", (3, 64, 64)).frame()


def test_looking_up() -> None:
    found = tracing.trace("resnet18")
    assert found["conv1"] is found[0] and found[-1].name == "fc"
    assert found["layer1.0.relu"].name == "layer1.0.relu"
    with pytest.raises(TraceError, match="is made of 7 ops"):
        found["layer1.0"]
    with pytest.raises(TraceError, match=r"Did you mean .*'layer1.0.conv1'"):
        found["layer1.0.conv"]
    with pytest.raises(TraceError, match="69 ops"):
        found[69]
    unused = tracing.trace("inception_v3", (3, 299, 299))
    assert sum(one.numel for one in unused.unused) == 27_161_264 - sum(op.parameters for op in unused)
    with pytest.raises(TraceError, match="did not run"):
        unused["AuxLogits"]


@pytest.mark.parametrize(
    ("layer", "size"),
    [
        (nn.Conv1d(3, 4, 5), (1, 3, 4)),
        (nn.Conv2d(3, 4, 5, dilation=2), (1, 3, 8, 12)),
        (nn.Conv3d(3, 4, (1, 5, 5)), (1, 3, 4, 4, 4)),
        (nn.MaxPool2d(3), (1, 3, 2, 2)),
        (nn.Embedding(9, 4), (2, 7)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_what_pytorch_refuses_is_refused_on_every_version(layer: nn.Module, size: tuple[int, ...]) -> None:
    """Older meta devices let some of these pass with empty maps."""
    with pytest.raises(RuntimeError):
        layer(torch.zeros(size))
    with pytest.raises(TraceError):
        tracing.trace(nn.Sequential(layer, nn.Flatten(0)), torch.zeros(size))
