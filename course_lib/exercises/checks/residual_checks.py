"""Checks of what a residual network is made of: a learner's block or stage beside torchvision's, property by property.

A block that is nearly right computes something that has a name: the ReLU before the addition, the stride on both
convolutions. The check computes these too, and says the name.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, cast

import torch
from torch import Tensor, nn
from torchvision.models import ResNet
from torchvision.models.resnet import BasicBlock, Bottleneck

from course_lib.exercises.checks import random_arguments
from course_lib.exercises.checks.module_checks import build, load, need_own, output, same_output, scrambled
from course_lib.exercises.engine.credit import part, unexamined
from course_lib.exercises.engine.requirements import Wrong, call, need_class, need_function, same_tensor

__all__ = ["BLOCK_PROPERTIES", "STAGE_PROPERTIES", "check_block", "check_stage"]

_NAMES, _STRIDES = "torchvision's names and shapes", "stride and padding stand where torchvision has them"
_VALUES, _GRADIENT = "with torchvision's weights it gives torchvision's values", "the gradient comes back to x"
#: What the check of a block examines → its share of the points.
BLOCK_PROPERTIES = {_NAMES: 1, _STRIDES: 1, _VALUES: 2, _GRADIENT: 1}
_COUNT, _PLACES = "as many blocks as asked for, each with weights of its own", "only the first block changes the shape"
_DOWNSAMPLE = "a downsample exactly where the shape changes"
#: What the check of a stage examines → its share of the points.
STAGE_PROPERTIES = {_COUNT: 1, _PLACES: 1, _DOWNSAMPLE: 1, _VALUES: 1}

_Kind = Any  # torchvision's BasicBlock or Bottleneck: it is not typed
#: in_channels, planes, stride, and whether a downsample is given.
_BLOCKS: dict[_Kind, tuple[tuple[int, int, int, bool], ...]] = {
    BasicBlock: ((8, 8, 1, False), (8, 16, 2, True), (8, 8, 1, True), (16, 8, 1, True)),
    Bottleneck: ((32, 8, 1, False), (8, 16, 2, True), (32, 8, 1, True), (16, 8, 1, True)),
}
#: The convolutions of each kind, and which takes the stride (in torchvision; the paper's Bottleneck: the first).
_CONVS: dict[_Kind, tuple[tuple[str, ...], str]] = {
    BasicBlock: (("conv1", "conv2"), "conv1"),
    Bottleneck: (("conv1", "conv2", "conv3"), "conv2"),
}


def _projection(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    conv = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels))


@lru_cache(maxsize=16)
def _true_block(kind: _Kind, in_channels: int, planes: int, stride: int, given: bool) -> nn.Module:
    def make() -> nn.Module:
        shortcut = _projection(in_channels, planes * kind.expansion, stride) if given else None
        return cast(nn.Module, kind(in_channels, planes, stride, shortcut))

    return scrambled(make)


def _drawn_blocks(source: random.Random, kind: _Kind) -> Iterator[tuple[int, int, int, bool]]:
    for fits in (1.0, 0.0, 0.0, 0.3):
        in_channels, planes, stride = random_arguments.block_arguments(source, kind.expansion, fits=fits)
        needed = stride != 1 or in_channels != planes * kind.expansion
        yield in_channels, planes, stride, needed or source.random() < 0.3


def check_block(answer: Any, source: random.Random | None = None, *, kind: _Kind) -> None:
    """Check a learner's block: made as torchvision's, the same keys, then the same values and gradients.

    Args:
        answer: the learner's.
        source: draws other cases than the open ones.
        kind: torchvision's block.

    Raises:
        Wrong: with the property that fails.
    """
    need_class(answer)
    for in_channels, planes, stride, given in _BLOCKS[kind] if source is None else _drawn_blocks(source, kind):
        truth = _true_block(kind, in_channels, planes, stride, given)
        case = f"{kind.__name__}({in_channels}, {planes}, {stride}, downsample)"
        arguments: tuple[Any, ...] = (stride, _projection(in_channels, planes * kind.expansion, stride))
        if not given:
            case, arguments = f"{kind.__name__}({in_channels}, {planes})", ()
        with part(_NAMES) as named:
            block = build(answer, in_channels, planes, *arguments, case=case)
            need_own(block, (BasicBlock, Bottleneck), "block")
            if getattr(block, "expansion", None) != kind.expansion:
                raise Wrong(
                    f"What makes stages asks for block.expansion: write expansion = {kind.expansion} in the class."
                )
            load(block, truth, case=case)
        if not named.holds:
            unexamined(_STRIDES, _VALUES, _GRADIENT)
            continue
        with part(_STRIDES):
            _need_strides(block, kind, stride, case)
        batch = _batch(in_channels, source)
        _need_values(block, truth, batch, f"a {tuple(batch.shape)} batch in {case}")


def _batch(channels: int, source: random.Random | None) -> Tensor:
    if source is not None:
        return random_arguments.tensor(
            source, source.randint(1, 3), channels, source.randint(5, 12), source.randint(5, 12)
        )
    return torch.linspace(-2, 2, 2 * channels * 9 * 8).view(2, channels, 9, 8).sin()


def _need_strides(block: nn.Module, kind: _Kind, stride: int, case: str) -> None:
    names, place = _CONVS[kind]
    convs = {name: conv for name in names if isinstance(conv := getattr(block, name), nn.Conv2d)}
    strided = [name for name, conv in convs.items() if conv.stride != (1, 1)]
    if stride == 1 and strided:
        raise Wrong(f"In {case} {strided[0]} has the stride {convs[strided[0]].stride[0]}, but stride=1 was asked for.")
    if stride != 1 and len(strided) > 1:
        raise Wrong(f"In {case} the stride is on {' and '.join(strided)}: each divides the map, and one should.")
    if stride != 1 and not strided and place in convs:
        raise Wrong(f"In {case} no convolution takes the stride.")
    if stride != 1 and strided == ["conv1"] and place == "conv2":
        raise Wrong(
            f"In {case} the stride is on conv1, as in the paper. torchvision has it on the 3×3, conv2, so that no cell "
            "is skipped, and its weights were trained that way."
        )
    if stride != 1 and strided and strided != [place]:
        raise Wrong(f"In {case} the stride is on {strided[0]}; it belongs on {place}.")
    for name, conv in convs.items():
        if conv.padding not in ((wanted := (conv.kernel_size[0] // 2,) * 2), "same"):
            raise Wrong(f"In {case} {name} should have the padding {wanted[0]}, not {conv.padding[0]}.")


def _need_values(block: nn.Module, truth: nn.Module, batch: Tensor, case: str) -> None:
    with part(_VALUES) as valued:
        _compare_values(block, truth, batch, case)
    if not valued.holds:
        unexamined(_GRADIENT)
        return
    with part(_GRADIENT):
        slope = _gradient(block, batch, case)
        if not torch.allclose(slope, _gradient(truth, batch, case), rtol=1e-3, atol=1e-4):
            raise Wrong(
                f"On {case} the values are right, but the gradient does not come back to x: a detach() or .data."
            )


def _compare_values(block: nn.Module, truth: nn.Module, batch: Tensor, case: str) -> None:
    with torch.no_grad():
        right = truth(batch)
    try:
        value = output(block, batch, tuple(right.shape), case=case)
    except Wrong as wrong:
        if "must match the size" in str(wrong) and truth.downsample is not None:
            raise Wrong(f"{wrong} Does x go through self.downsample before it is added?") from wrong
        if "'NoneType' object is not callable" in str(wrong) and truth.downsample is None:
            told = f"On {case} you call None: downsample may be None, and then the shortcut is x itself."
            raise Wrong(told) from wrong
        raise
    if not torch.allclose(value, right, rtol=1e-5, atol=1e-5):  # a BatchNorm of one's own rounds in another way
        with torch.no_grad():
            for sentence, compute in _SLIPS:
                slip = compute(truth, batch)
                if slip is not None and torch.allclose(slip, value, atol=1e-5) and not torch.allclose(slip, right):
                    raise Wrong(f"On {case} {sentence}.")
        same_tensor(value, right, case=case)


def _gradient(module: nn.Module, batch: Tensor, case: str) -> Tensor:
    given = batch.clone().requires_grad_()
    with torch.enable_grad():
        return torch.autograd.grad(call(module, given, case=case).sum(), given)[0]


def _path(block: nn.Module, x: Tensor, *, relus: Sequence[bool] = (True, True), norm: bool = True) -> Tensor:
    """The residual path of torchvision's block, with some parts left out."""
    names = [name for name, _ in block.named_children() if name.startswith("conv")]
    for index, name in enumerate(names):
        x = getattr(block, name)(x)
        if norm:
            x = getattr(block, name.replace("conv", "bn"))(x)
        if index < len(names) - 1 and relus[index]:
            x = x.relu()
    return x


def _shortcut(block: nn.Module, x: Tensor) -> Tensor:
    return x if block.downsample is None else cast(Tensor, cast(nn.Module, block.downsample)(x))


def _swapped(block: nn.Module, x: Tensor) -> Tensor:
    start = x
    names = [name for name, _ in block.named_children() if name.startswith("conv")]
    for name in names[:-1]:
        x = getattr(block, name.replace("conv", "bn"))(getattr(block, name)(x).relu())
    x = getattr(block, names[-1].replace("conv", "bn"))(getattr(block, names[-1])(x))
    return (x + _shortcut(block, start)).relu()


def _bare(block: nn.Module, x: Tensor) -> Tensor | None:
    path = _path(block, x)
    return (path + x).relu() if block.downsample is not None and path.shape == x.shape else None


#: What nearly right blocks compute: the sentence, and the computation (None where it cannot be).
_SLIPS: tuple[tuple[str, Callable[[nn.Module, Tensor], Tensor | None]], ...] = (
    ("the ReLU after the addition is missing", lambda b, x: _path(b, x) + _shortcut(b, x)),
    ("the last ReLU comes before the addition; it belongs after it", lambda b, x: _path(b, x).relu() + _shortcut(b, x)),
    ("there is an extra ReLU before the addition", lambda b, x: (_path(b, x).relu() + _shortcut(b, x)).relu()),
    ("nothing is added: the shortcut is missing", lambda b, x: _path(b, x).relu()),
    ("x itself is added, although a downsample was given", _bare),
    (
        "there is no ReLU between the convolutions",
        lambda b, x: (_path(b, x, relus=(False, False)) + _shortcut(b, x)).relu(),
    ),
    (
        "the ReLU after the first BatchNorm is missing",
        lambda b, x: (_path(b, x, relus=(False, True)) + _shortcut(b, x)).relu(),
    ),
    (
        "the ReLU after the second BatchNorm is missing",
        lambda b, x: (_path(b, x, relus=(True, False)) + _shortcut(b, x)).relu(),
    ),
    ("ReLU comes before BatchNorm; torchvision has BatchNorm first", _swapped),
    ("BatchNorm is made, but not used", lambda b, x: (_path(b, x, norm=False) + _shortcut(b, x)).relu()),
)


# -- a stage ----------------------------------------------------------------------------------------------------------
def _noting(kind: _Kind) -> _Kind:
    """torchvision's block, called as the lesson's blocks are, which remembers what it was given."""

    def start(self: Any, in_channels: int, planes: int, stride: int = 1, downsample: nn.Module | None = None) -> None:
        kind.__init__(self, in_channels, planes, stride, downsample)
        self.given = (in_channels, planes, stride)

    return type(kind.__name__, (kind,), {"__init__": start})


_Basic, _Bottleneck = _noting(BasicBlock), _noting(Bottleneck)
#: block, in_channels, planes, blocks, stride.
_STAGES = (
    (_Basic, 8, 8, 2, 1), (_Basic, 8, 16, 2, 2), (_Basic, 8, 8, 1, 2), (_Bottleneck, 8, 4, 3, 1),
    (_Bottleneck, 16, 8, 2, 2), (_Bottleneck, 16, 4, 1, 1),
)  # fmt: skip


@lru_cache(maxsize=16)
def _true_stage(block: _Kind, in_channels: int, planes: int, blocks: int, stride: int) -> nn.Module:
    """By torchvision's own ``ResNet._make_layer``, without the network around it."""
    net = ResNet.__new__(ResNet)
    nn.Module.__init__(net)
    net._norm_layer, net.inplanes, net.dilation, net.groups, net.base_width = nn.BatchNorm2d, in_channels, 1, 1, 64
    return scrambled(lambda: net._make_layer(block.__bases__[0], planes, blocks, stride))


def _drawn_stages(source: random.Random) -> Iterator[tuple[_Kind, int, int, int, int]]:
    for fits in (1.0, 0.0, 0.0, 0.3):
        block = source.choice((_Basic, _Bottleneck))
        in_channels, planes, stride = random_arguments.block_arguments(source, block.expansion, fits=fits)
        yield block, in_channels, planes, source.randint(1, 4), stride


def check_stage(answer: Any, source: random.Random | None = None) -> None:
    """Check a learner's ``make_layer(block, in_channels, planes, blocks, stride=1)``, block by block.

    Args:
        answer: the learner's.
        source: draws other cases than the open ones.

    Raises:
        Wrong: with the property that fails.
    """
    need_function(answer)
    for block, in_channels, planes, blocks, stride in _STAGES if source is None else _drawn_stages(source):
        truth = _true_stage(block, in_channels, planes, blocks, stride)
        arguments = (block, in_channels, planes, blocks, *(() if stride == 1 else (stride,)))
        name = block.__name__
        case = f"make_layer({', '.join([name, *map(str, arguments[1:])])})"
        with part(_COUNT) as counted:
            stage = call(answer, *arguments, case=case)
            if not isinstance(stage, nn.Sequential):
                raise Wrong(f"{case} should give an nn.Sequential, but it gave a value of type {type(stage).__name__}.")
            if len(stage) != blocks:
                raise Wrong(f"{case} should hold {blocks} blocks, but it holds {len(stage)}.")
            if len(set(map(id, stage))) != blocks:
                raise Wrong(f"{case} holds the same block more than once, with the same weights: make each one anew.")
            for index, member in enumerate(stage):
                if not isinstance(member, block):
                    raise Wrong(f"In {case} block {index} isn't a {name}: make it with the block that is given.")
        if not counted.holds:
            unexamined(_PLACES, _DOWNSAMPLE, _VALUES)
            continue
        out = planes * block.expansion
        for index, member in enumerate(stage):
            comes_in, step = (in_channels, stride) if index == 0 else (out, 1)
            with part(_PLACES):
                _need_place(member, (comes_in, planes, step), index, case)
            with part(_DOWNSAMPLE):
                _need_downsample(member, (comes_in, out, step), index, case)
        with part(_VALUES):
            _need_stage_values(stage, truth, stride, _batch(in_channels, source), case)


def _need_stage_values(stage: nn.Sequential, truth: nn.Module, stride: int, batch: Tensor, case: str) -> None:
    first = cast(Any, stage[0]).downsample
    if isinstance(first, nn.Module) and "0.weight" not in first.state_dict():
        raise Wrong(
            f"In {case} the downsample of block 0 is a {type(first).__name__}. torchvision's is two layers in a "
            "row, nn.Sequential(nn.Conv2d(...), nn.BatchNorm2d(...)), and its weights are named after that."
        )
    load(stage, truth, case=case)
    if isinstance(first, nn.Sequential) and cast(nn.Conv2d, first[0]).stride != (stride, stride):
        raise Wrong(f"In {case} the 1×1 convolution of the downsample needs the stride {stride} too.")
    same_output(stage, truth, batch, case=f"a {tuple(batch.shape)} batch in {case}")


def _need_place(member: nn.Module, wanted: tuple[int, int, int], index: int, case: str) -> None:
    comes_in, planes, stride = cast(tuple[int, int, int], member.given)
    if comes_in != wanted[0]:
        raise Wrong(f"In {case} block {index} was made for {comes_in} channels, but {wanted[0]} come in.")
    if planes != wanted[1]:
        raise Wrong(f"In {case} block {index} was given {planes} planes instead of {wanted[1]}.")
    if stride != wanted[2] and index:
        raise Wrong(f"In {case} block {index} has the stride {stride}: only the first block of a stage takes it.")
    if stride != wanted[2]:
        raise Wrong(f"In {case} the first block should have the stride {wanted[2]}, but it has {stride}.")


def _need_downsample(member: nn.Module, shape: tuple[int, int, int], index: int, case: str) -> None:
    comes_in, out, stride = shape
    change = f"the channels change, from {comes_in} to {out}" if comes_in != out else ""
    change = change or (f"stride {stride} shrinks the map" if stride != 1 else "")
    if member.downsample is not None and not change:
        raise Wrong(f"In {case} block {index} has a downsample, although x fits as it is: torchvision makes none.")
    if member.downsample is None and change:
        raise Wrong(f"In {case} the downsample of block {index} is missing, although {change}.")
