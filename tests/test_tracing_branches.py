"""Branches that do not meet: PyTorch says which sizes cannot be added, and runs the projection that is offered."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from course_lib import clinic, drawing, tracing
from course_lib.tracing import TraceError
from course_lib.tracing.branches import differences, projection

SIZES = st.lists(st.integers(1, 3), max_size=5).map(tuple)
NAMES = ("batch", "channels", "height", "width")


@settings(deadline=None, max_examples=200)
@given(SIZES, SIZES)
def test_the_dimensions_named_are_those_that_pytorch_cannot_repeat(
    first: tuple[int, ...], second: tuple[int, ...]
) -> None:
    rank = max(len(first), len(second))
    one, two = ((1,) * (rank - len(shape)) + shape for shape in (first, second))
    unlike = []
    for dim in range(rank):
        try:
            torch.zeros(one[dim]) + torch.zeros(two[dim])
        except RuntimeError:
            unlike.append(dim)
    said = differences(first, second)
    maps = len(first) == len(second) == 4
    assert said.startswith("the ") == maps
    named = [n for n, name in enumerate(NAMES) if name in said] if maps else list(map(int, re.findall(r"n (\d)", said)))
    assert named == unlike
    assert set(re.findall(r"\((\d) and (\d)\)", said)) == {(str(one[dim]), str(two[dim])) for dim in unlike}


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ((1, 128, 28, 28), (1, 64, 56, 56), "the channels (128 and 64), height and width (28 and 56)"),
        ((1, 64, 28, 20), (1, 64, 56, 40), "the height (28 and 56), width (20 and 40)"),
        ((1, 8, 4, 4), (1, 1, 9, 9), "the height and width (4 and 9)"),
        ((2, 8, 4, 4), (3, 8, 4, 1), "the batch (2 and 3)"),
        ((1, 196, 192), (197, 192), "dimension 1 (196 and 197)"),
    ],
)
def test_in_words(first: tuple[int, ...], second: tuple[int, ...], said: str) -> None:
    assert differences(first, second) == said


@settings(deadline=None, max_examples=150)
@given(
    st.tuples(*[st.integers(1, 2), *[st.integers(1, 9)] * 3]), st.tuples(*[st.integers(1, 2), *[st.integers(1, 9)] * 3])
)
def test_a_projection_does_what_it_promises_and_none_is_missed(
    short: tuple[int, ...], out: tuple[int, ...]
) -> None:  # fmt: skip
    x, found = torch.zeros(short), projection(short, out)
    if found is not None:
        assert tuple(eval(found.code, {"nn": nn}).eval()(x).shape) == out
    else:
        convs = [nn.Conv2d(short[1], out[1], 1, stride) for stride in range(1, 9)]
        assert short == out or not any(conv(x).shape == out for conv in convs)


class Backwards(nn.Module):
    """A block of the learner's own that adds the two the other way round."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x)  # type: ignore[no-any-return]


BLOCKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "smaller and more": (lambda: BasicBlock(64, 128, 2), (64, 56, 56)),
    "more": (lambda: Bottleneck(64, 64), (64, 8, 8)),  # of equal maps, either could be made of the other
    "fewer": (lambda: BasicBlock(16, 8), (16, 9, 9)),
    "smaller": (lambda: BasicBlock(8, 8, 3), (8, 10, 13)),
    "backwards": (Backwards, (8, 5, 5)),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_the_clinic_and_the_drawing_give_one_repair_and_it_works(name: str) -> None:
    make, size = BLOCKS[name]
    model, x = make().eval(), torch.zeros(1, *size)
    with pytest.raises(RuntimeError) as caught:
        model(x)
    diagnosis = clinic.explain(caught.value)
    assert diagnosis is not None
    code = diagnosis.repair.partition(" = ")[2]
    assert f"the projection {code} turns " in drawing.block(model, size).alt
    shortcut = eval(code, {"nn": nn}).eval()
    if isinstance(model, Backwards):
        assert shortcut(x).shape == model.conv(x).shape
    else:
        model.downsample = shortcut
        model(x)


class Flat(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1, keepdim=True).repeat(1, 8, 1, 1) + x.repeat(1, 5, 1, 1)


def test_where_either_branch_may_be_the_shortcut_no_projection_is_offered() -> None:
    with pytest.raises(TraceError, match=r"the channels \(8 and 15\)") as caught:
        tracing.trace(Flat(), (3, 6, 6))
    assert "nn.Conv2d" not in str(caught.value)
